/* SEG: attributes in the order of dicom-objects section 3. */
#include "reports/seg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/bits.h"
#include "analysis/findings.h"
#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "reports/common.h"
#include "util/error.h"
#include "util/volume.h"

#define SEG_CLASS "1.2.840.10008.5.1.4.1.1.66.4"

/* What becomes a segment: the voxels of a volume that bear a label. */
struct part {
    const struct volume *labels;
    uint32_t label;
    long number;                    /* of the segment */
};

struct parts {
    size_t count;
    struct part part[FINDINGS_MAX_SEGMENTS + ORGAN_END];
};

struct frame {
    size_t slice;
    const struct part *part;
    size_t position;                /* ordinal of its slice among those that have frames */
};

struct frames {
    size_t count;
    struct frame *frame;
    uint8_t *bits;                  /* packed over frame borders, first pixel lowest */
    size_t size;
};

static bool is_at(const struct part *part, size_t index)
{
    return (part->labels->type == VOXEL_UINT8 ? part->labels->u8[index] : part->labels->u32[index])
        == part->label;
}

static bool is_in(const struct part *part, size_t k)
{
    const size_t slice = part->labels->size[0] * part->labels->size[1];
    size_t i = 0;

    if (part->labels->type == VOXEL_UINT8)
        return memchr(part->labels->u8 + k * slice, (int)part->label, slice) != NULL;
    while (i < slice && !is_at(part, k * slice + i))
        i++;
    return i < slice;
}

/* Which of up to 64 voxels from `index` on are the part's. */
static uint64_t bits_of(const struct part *part, size_t index, size_t count)
{
    uint64_t bits = 0;

    if (part->labels->type == VOXEL_UINT8)
        return bits_equal(part->labels->u8 + index, count, (uint8_t)part->label);
    for (size_t i = 0; i < count; i++)
        bits |= (uint64_t)is_at(part, index + i) << i;
    return bits;
}

/* A frame begins anywhere in a byte; bytes without a bit are not touched, so that none lies behind the end. */
static void put_bits(uint8_t *to, size_t at, uint64_t bits)
{
    for (uint64_t low = bits << at % 8, n = 0; low != 0; low >>= 8, n++)
        to[at / 8 + n] |= (uint8_t)low;
    if (at % 8 != 0 && bits >> (64 - at % 8) != 0)
        to[at / 8 + 8] |= (uint8_t)(bits >> (64 - at % 8));
}

static void pack(size_t slice, struct frames *frames)
{
    for (size_t f = 0; f < frames->count; f++) {
        const size_t first = frames->frame[f].slice * slice;
        for (size_t i = 0; i < slice; i += 64)
            put_bits(frames->bits, f * slice + i,
                     bits_of(frames->frame[f].part, first + i, slice - i < 64 ? slice - i : 64));
    }
}

/* Frames by segment, then by slice; every segment has one, or the findings are not sound. */
static bool collect(const size_t size[3], const struct parts *parts, struct frames *frames,
                    struct error *err)
{
    const size_t slices = size[2];
    size_t *const ordinal = calloc(slices + 1, sizeof *ordinal);

    *frames = (struct frames){ .frame = calloc(slices * parts->count + 1, sizeof *frames->frame) };
    if (ordinal == NULL || frames->frame == NULL) {
        free(ordinal);
        return error_set(err, ERROR_MEMORY, "frames of the segmentation");
    }
    for (size_t k = 0, seen = 0; k < slices; k++) {
        bool any = false;
        for (size_t n = 0; n < parts->count && !any; n++)
            any = is_in(&parts->part[n], k);
        ordinal[k] = any ? ++seen : 0;
    }
    for (size_t n = 0; n < parts->count; n++) {
        const size_t before = frames->count;
        for (size_t k = 0; k < slices; k++)
            if (is_in(&parts->part[n], k))
                frames->frame[frames->count++] = (struct frame){ k, &parts->part[n], ordinal[k] };
        if (frames->count == before) {
            free(ordinal);
            return error_set(err, ERROR_DATA, "no voxel has label %u", (unsigned)parts->part[n].label);
        }
    }
    free(ordinal);
    frames->size = (frames->count * size[0] * size[1] + 7) / 8;
    frames->bits = calloc(frames->size + 1, 1);
    if (frames->bits == NULL)
        return error_set(err, ERROR_MEMORY, "frames of the segmentation");
    pack(size[0] * size[1], frames);
    return true;
}

/* ---- segments ---- */

/* Colours that differ from their neighbours: hues by the golden angle, CIELab as PS3.3 C.10.7. */
static void put_color(struct item *segment, uint32_t number)
{
    const double angle = 2.399963 * number, chroma = 60, lightness = 65;
    const long lab[3] = {
        lround(lightness / 100 * 65535),
        lround((chroma * cos(angle) + 128) / 255 * 65535),
        lround((chroma * sin(angle) + 128) / 255 * 65535)
    };

    item_put_ints(segment, 0x0062000d, lab, 3);
}

static void put_algorithm(const char *family, const char *meaning, const char *name,
                          const char *version, const char *parameters, struct item *segment)
{
    struct item *const algorithm = item_add(segment, 0x00620007);

    item_put_code(algorithm, 0x0066002f, family, "DCM", meaning);
    item_put_text(algorithm, 0x00660036, name);
    item_put_text(algorithm, 0x00660031, version);
    if (parameters != NULL)
        item_put_text(algorithm, 0x00660032, parameters);
}

static const char synthetic[] = "Synthetic body of a single slice, not for measurement";

static void put_segment(const struct report_context *context, const struct lesion *lesion,
                        bool is_synthetic, struct item *root)
{
    struct item *const segment = item_add(root, 0x00620002);
    char uid[TEXT_UID_SIZE], role[32];

    item_put_int(segment, 0x00620004, (long)lesion->label);
    item_put_text(segment, 0x00620005, lesion->tracking_id);
    const bool given = lesion->given;
    item_put_text(segment, 0x00620006, is_synthetic ? synthetic : given ? "Drawn in a mask that came with the study"
                  : "Candidate region of unusual intensity, not reviewed");
    item_put_text(segment, 0x00620008, given ? "SEMIAUTOMATIC" : "AUTOMATIC");
    item_put_text(segment, 0x00620009, context->findings->method.name);
    put_color(segment, lesion->label);
    if (lesion->kind == FINDING_ORGAN)
        item_put_code(segment, 0x00620003, "123037004", "SCT", "Anatomical Structure");
    else
        item_put_code(segment, 0x00620003, "49755003", "SCT", "Morphologically Abnormal Structure");
    item_put_code(segment, 0x0062000f, lesion->finding.value, lesion->finding.scheme,
                  lesion->finding.meaning);
    text_format(role, sizeof role, "lesion.%u", (unsigned)lesion->label);
    uid_derive(context->key, role, uid);
    item_put_text(segment, 0x00620020, lesion->tracking_id);
    item_put_text(segment, 0x00620021, uid);
    put_algorithm("123101", "Neighborhood Analysis", context->findings->method.name,
                  context->findings->method.version, context->findings->method.parameters, segment);
}

/* ---- organs ---- */

/* As 3D Slicer shows them (dicom-objects' table of codes): CIELab of PS3.3 C.10.7. */
static const struct { enum organ_id id; long lab[3]; } organ_colors[] = {
    { ORGAN_BRAIN, { 64017, 31824, 35977 } }, { ORGAN_LUNG_LEFT, { 45908, 35128, 36683 } },
    { ORGAN_LUNG_RIGHT, { 45908, 35128, 36683 } }, { ORGAN_BONE, { 56637, 32900, 42532 } },
    { ORGAN_LIVER, { 41660, 41169, 40791 } }, { ORGAN_SPLEEN, { 34340, 40315, 27406 } },
    { ORGAN_KIDNEY_LEFT, { 34296, 40958, 39423 } }, { ORGAN_KIDNEY_RIGHT, { 34296, 40958, 39423 } }
};

/* Body, fat and muscle would be most of the bytes, and are but what the organs leave over. */
static const long *color_of(enum organ_id id)
{
    for (size_t n = 0; n < sizeof organ_colors / sizeof *organ_colors; n++)
        if (organ_colors[n].id == id)
            return organ_colors[n].lab;
    return NULL;
}

long seg_organ_number(const struct organs *organs, enum organ_id id)
{
    long number = 0;

    for (size_t n = 0; n < organs->count; n++) {
        number += organs->organ[n].found && color_of(organs->organ[n].id) != NULL;
        if (organs->organ[n].id == id)
            return organs->organ[n].found && color_of(id) != NULL ? number : 0;
    }
    return 0;
}

void seg_put_laterality(struct item *code, uint32_t tag, enum laterality laterality)
{
    if (laterality == LATERALITY_LEFT)
        item_put_code(code, tag, "7771000", "SCT", "Left");
    else if (laterality == LATERALITY_RIGHT)
        item_put_code(code, tag, "24028007", "SCT", "Right");
}

static void put_organ(const struct report_context *context, const struct organ *organ, long number,
                      struct item *root)
{
    const struct organs *const organs = &context->findings->organs;
    struct item *const segment = item_add(root, 0x00620002);
    char uid[TEXT_UID_SIZE], role[32];

    item_put_int(segment, 0x00620004, number);
    item_put_text(segment, 0x00620005, organ->name);
    item_put_text(segment, 0x00620006, "Found by a program, not reviewed");
    item_put_text(segment, 0x00620008, "AUTOMATIC");
    item_put_text(segment, 0x00620009, organs->method);
    item_put_ints(segment, 0x0062000d, color_of(organ->id), 3);
    item_put_code(segment, 0x00620003, organ->category.value, organ->category.scheme,
                  organ->category.meaning);
    seg_put_laterality(item_put_code(segment, 0x0062000f, organ->code.value, organ->code.scheme,
                                     organ->code.meaning), 0x00620011, organ->laterality);
    text_format(role, sizeof role, "organ.%d", (int)organ->id);
    uid_derive(context->key, role, uid);
    item_put_text(segment, 0x00620020, organ->name);
    item_put_text(segment, 0x00620021, uid);
    put_algorithm("123104", "Morphological Operations", organs->method, organs->version, NULL, segment);
}

/* ---- geometry ---- */

/* A single slice is as thick as its source says, or nobody knows. */
static void put_thickness(const struct report_context *context, double step_mm, struct item *measures)
{
    if (context->volume->size[2] == 1) {
        item_copy(measures, dataset_root(context->source), 0x00180050);
        return;
    }
    item_put_double(measures, 0x00180050, step_mm);             /* Slice Thickness */
    item_put_double(measures, 0x00180088, step_mm);             /* Spacing Between Slices */
}

static void put_shared(const struct report_context *context, struct item *root)
{
    const struct volume *const volume = context->volume;
    struct item *const shared = item_add(root, 0x52009229);
    struct item *const measures = item_add(shared, 0x00289110);
    const double spacing[2] = { volume_spacing_mm(volume, 1), volume_spacing_mm(volume, 0) };
    double cosines[6], normal = 0;

    for (int axis = 0; axis < 3; axis++) {
        cosines[axis] = volume->affine[axis][0] / spacing[1];
        cosines[axis + 3] = volume->affine[axis][1] / spacing[0];
    }
    const double n[3] = {
        cosines[1] * cosines[5] - cosines[2] * cosines[4],
        cosines[2] * cosines[3] - cosines[0] * cosines[5],
        cosines[0] * cosines[4] - cosines[1] * cosines[3]
    };
    for (int axis = 0; axis < 3; axis++)
        normal += n[axis] * volume->affine[axis][2];
    put_thickness(context, fabs(normal), measures);
    item_put_doubles(measures, 0x00280030, spacing, 2);
    item_put_doubles(item_add(shared, 0x00209116), 0x00200037, cosines, 6);
}

static void put_source(const struct volume *volume, size_t k, bool located, struct item *frame)
{
    struct item *const derivation = item_add(frame, 0x00089124);
    struct item *const source = item_add(derivation, 0x00082112);

    item_put_code(derivation, 0x00089215, "113076", "DCM", "Segmentation");
    item_put_text(source, 0x00081150, volume->slices[k].sop_class_uid);
    item_put_text(source, 0x00081155, volume->slices[k].sop_uid);
    if (volume->slices[k].of_many)
        item_put_int(source, 0x00081160, (long)volume->slices[k].frame);
    item_put_text(source, 0x0028135a, located ? "YES" : "NO");           /* Spatial Locations Preserved */
    item_put_code(source, 0x0040a170, "121322", "DCM",
                  "Source image for image processing operation");
}

static void put_frame(const struct volume *volume, const struct frame *frame, bool located,
                      struct item *root)
{
    struct item *const item = item_add(root, 0x52009230);
    const long segment = frame->part->number;
    const long index[2] = { segment, (long)frame->position };

    put_source(volume, frame->slice, located, item);
    item_put_ints(item_add(item, 0x00209111), 0x00209157, index, 2);
    item_put_doubles(item_add(item, 0x00209113), 0x00200032,
                     volume->slices[frame->slice].position_mm, 3);
    item_put_int(item_add(item, 0x0062000a), 0x0062000b, segment);
}

static void put_dimension(struct item *root, const char *uid, uint32_t pointer,
                          uint32_t group, const char *label)
{
    struct item *const dimension = item_add(root, 0x00209222);

    item_put_text(dimension, 0x00209164, uid);
    item_put_tags(dimension, 0x00209165, &pointer, 1);
    item_put_tags(dimension, 0x00209167, &group, 1);
    item_put_text(dimension, 0x00209421, label);
}

static void put_dimensions(const struct report_context *context, const char *what, struct item *root)
{
    char uid[TEXT_UID_SIZE], role[40];

    text_format(role, sizeof role, "%s.dimensions", what);
    uid_derive(context->key, role, uid);
    item_put_text(item_add(root, 0x00209221), 0x00209164, uid);
    put_dimension(root, uid, 0x0062000b, 0x0062000a, "Segment");
    put_dimension(root, uid, 0x00200032, 0x00209113, "Position");
}

/* Common Instance Reference: the slices that frames refer to. */
static void put_references(const struct report_context *context, const struct frames *frames,
                           struct item *root)
{
    struct item *const series = item_add(root, 0x00081115);
    const struct volume *const volume = context->volume;

    item_copy(series, dataset_root(context->source), 0x0020000e);
    for (size_t k = 0; k < volume->size[2]; k++) {
        bool used = false;
        for (size_t f = 0; f < frames->count && !used; f++)
            used = strcmp(volume->slices[frames->frame[f].slice].sop_uid,
                          volume->slices[k].sop_uid) == 0;
        if (!used || common_is_repeated(volume, k))
            continue;
        struct item *const instance = item_add(series, 0x0008114a);
        item_put_text(instance, 0x00081150, volume->slices[k].sop_class_uid);
        item_put_text(instance, 0x00081155, volume->slices[k].sop_uid);
    }
}

static void put_image(const struct report_context *context, const struct frames *frames,
                      const char *label, bool overlap, struct item *root)
{
    const struct volume *const volume = context->volume;

    item_put_text(root, 0x00080008, "DERIVED\\PRIMARY");
    item_put_text(root, 0x00700080, label);
    item_put_text(root, 0x00700081, COMMON_WARNING);
    item_put_text(root, 0x00700084, "tumord^");
    item_put_int(root, 0x00280002, 1);
    item_put_text(root, 0x00280004, "MONOCHROME2");
    item_put_int(root, 0x00280008, (long)frames->count);
    item_put_int(root, 0x00280010, (long)volume->size[1]);
    item_put_int(root, 0x00280011, (long)volume->size[0]);
    item_put_int(root, 0x00280100, 1);
    item_put_int(root, 0x00280101, 1);
    item_put_int(root, 0x00280102, 0);
    item_put_int(root, 0x00280103, 0);
    common_lossy(context, root);
    item_put_text(root, 0x00620001, "BINARY");
    item_put_text(root, 0x00620013, overlap ? "YES" : "NO");  /* Segments Overlap */
    item_put_bytes(root, 0x7fe00010, frames->bits, frames->size);
}

static void put_frames(const struct report_context *context, const struct frames *frames,
                       const char *what, struct item *root)
{
    const bool is_synthetic = strcmp(what, "synthetic") == 0;       /* its places are not the source's */

    put_dimensions(context, what, root);
    put_references(context, frames, root);
    put_shared(context, root);
    for (size_t f = 0; f < frames->count; f++)
        put_frame(context->volume, &frames->frame[f], !is_synthetic, root);
}

/* A data set with all but its segments and frames; NULL on failure. */
static struct dataset *begin(const struct report_context *context, const struct common *common,
                             const struct parts *parts, const char *label, bool overlap,
                             struct frames *frames,
                             struct report *report, struct error *err)
{
    struct dataset *const dataset = common_new(context, common, report, err);

    if (dataset == NULL || !collect(context->volume->size, parts, frames, err)) {
        free(frames->frame);
        dataset_free(dataset);
        return NULL;
    }
    report->kind = REPORT_SEG;
    common_frame_of_reference(context, dataset_root(dataset));
    put_image(context, frames, label, overlap, dataset_root(dataset));
    return dataset;
}

static bool finish(struct dataset *dataset, struct frames *frames, const char *name,
                   struct report *report, struct error *err)
{
    free(frames->frame);
    free(frames->bits);
    return common_finish(dataset, name, report, err);
}

bool seg_make(const struct report_context *context, struct report *ret_report,
              struct error *err)
{
    static const struct common common = { SEG_CLASS, "seg", "SEG",
        "tumord candidate regions, not for diagnosis", 0 };
    const struct findings *const findings = context->findings;
    struct parts parts = { .count = findings->segment_count };
    struct frames frames = { .count = 0 };

    for (size_t n = 0; n < parts.count; n++) {
        const struct lesion *const lesion = &findings->lesion[n];
        parts.part[n] = (struct part){ lesion->layer == 0 ? &findings->labels
            : &findings->layer[lesion->layer - 1], lesion->label, (long)lesion->label };
    }
    struct dataset *const dataset = begin(context, &common, &parts, "REGIONS",
                                          findings->layer_count > 0, &frames, ret_report, err);
    if (dataset == NULL)
        return error_prefix(err, "seg.dcm");
    for (size_t n = 0; n < findings->segment_count; n++)
        put_segment(context, &findings->lesion[n], false, dataset_root(dataset));
    put_frames(context, &frames, "seg", dataset_root(dataset));
    return finish(dataset, &frames, "seg.dcm", ret_report, err);
}

bool seg_make_organs(const struct report_context *context, struct report *ret_report,
                     struct error *err)
{
    static const struct common common = { SEG_CLASS, "organs", "SEG",
        "tumord organs, not for diagnosis", 5 };
    const struct organs *const organs = &context->findings->organs;
    struct parts parts = { .count = 0 };
    struct frames frames = { .count = 0 };

    for (size_t n = 0; n < organs->count; n++) {
        const enum organ_id id = organs->organ[n].id;
        if (seg_organ_number(organs, id) > 0)
            parts.part[parts.count++] = (struct part){ &organs->labels, (uint32_t)id,
                                                       seg_organ_number(organs, id) };
    }
    struct dataset *const dataset = begin(context, &common, &parts, "ORGANS", false, &frames, ret_report,
                                          err);
    if (dataset == NULL)
        return error_prefix(err, "organs.dcm");
    for (size_t n = 0; n < organs->count; n++) {
        const long number = seg_organ_number(organs, organs->organ[n].id);
        if (number > 0)
            put_organ(context, &organs->organ[n], number, dataset_root(dataset));
    }
    put_frames(context, &frames, "organs", dataset_root(dataset));
    return finish(dataset, &frames, "organs.dcm", ret_report, err);
}

bool seg_has_organs(const struct organs *organs)
{
    for (size_t n = 0; n < organs->count; n++)
        if (seg_organ_number(organs, organs->organ[n].id) > 0)
            return true;
    return false;
}

/* Each of its slices comes from the one that there was. */
static struct volume_slice *slices_of(const struct volume *body, const struct volume *source)
{
    struct volume_slice *const slices = calloc(body->size[2], sizeof *slices);

    for (size_t k = 0; slices != NULL && k < body->size[2]; k++) {
        slices[k] = source->slices[0];
        volume_to_patient(body, (const double[3]){ 0, 0, (double)k }, slices[k].position_mm);
    }
    return slices;
}

static bool make_synthetic(const struct report_context *context, struct report *report, struct error *err)
{
    static const struct common common = { SEG_CLASS, "synthetic", "SEG",
        "tumord synthetic, not for measurement", 10 };
    const struct findings *const findings = context->findings;
    struct parts parts = { .count = findings->segment_count };
    struct frames frames = { .count = 0 };

    for (size_t n = 0; n < parts.count; n++)
        parts.part[n] = (struct part){ context->volume, findings->lesion[n].label,
                                       (long)findings->lesion[n].label };
    struct dataset *const dataset = begin(context, &common, &parts, "SYNTHETIC", false, &frames, report,
                                          err);
    if (dataset == NULL)
        return error_prefix(err, "synthetic.dcm");
    item_put_text(dataset_root(dataset), 0x00700081, synthetic);
    for (size_t n = 0; n < findings->segment_count; n++)
        put_segment(context, &findings->lesion[n], true, dataset_root(dataset));
    put_frames(context, &frames, "synthetic", dataset_root(dataset));
    return finish(dataset, &frames, "synthetic.dcm", report, err);
}

bool seg_make_synthetic(const struct report_context *context, struct report *ret_report, struct error *err)
{
    struct report_context own = *context;
    struct volume body = context->findings->synthesis.labels;
    struct volume_slice *const slices = slices_of(&body, context->volume);

    if (slices == NULL)
        return error_set(err, ERROR_MEMORY, "slices of a synthetic body");
    body.slices = slices;
    uid_derive(context->key, "synthetic.frame", body.frame_of_reference_uid);
    own.volume = &body;
    const bool good = make_synthetic(&own, ret_report, err);
    free(slices);
    return good;
}
