/* SEG: attributes in the order of dicom-objects section 3. */
#include "reports/seg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "reports/common.h"
#include "util/error.h"
#include "util/volume.h"

#define SEG_CLASS "1.2.840.10008.5.1.4.1.1.66.4"

struct frame {
    size_t slice;
    const struct lesion *lesion;
    size_t position;                /* ordinal of its slice among those that have frames */
};

struct frames {
    size_t count;
    struct frame *frame;
    uint8_t *bits;                  /* packed over frame borders, first pixel lowest */
    size_t size;
};

static bool is_in(const struct findings *findings, size_t k, const struct lesion *lesion)
{
    const struct volume *const labels = lesion->layer == 0 ? &findings->labels
        : &findings->layer[lesion->layer - 1];
    const size_t slice = labels->size[0] * labels->size[1];
    size_t i = 0;

    if (labels->type == VOXEL_UINT8)
        return memchr(labels->u8 + k * slice, (int)lesion->label, slice) != NULL;
    while (i < slice && labels->u32[k * slice + i] != lesion->label)
        i++;
    return i < slice;
}

static void pack(const struct findings *findings, struct frames *frames)
{
    const size_t slice = findings->labels.size[0] * findings->labels.size[1];

    for (size_t f = 0; f < frames->count; f++) {
        const size_t first = frames->frame[f].slice * slice;
        for (size_t i = 0; i < slice; i++)
            if (findings_is_of(findings, frames->frame[f].lesion, first + i))
                frames->bits[(f * slice + i) / 8] |= (uint8_t)(1u << (f * slice + i) % 8);
    }
}

/* Frames by segment, then by slice; every segment has one, or the findings are not sound. */
static bool collect(const struct findings *findings, struct frames *frames, struct error *err)
{
    const struct volume *const labels = &findings->labels;
    const size_t slices = labels->size[2];
    size_t *const ordinal = calloc(slices + 1, sizeof *ordinal);

    *frames = (struct frames){ .frame = calloc(slices * findings->segment_count + 1,
                                               sizeof *frames->frame) };
    if (ordinal == NULL || frames->frame == NULL) {
        free(ordinal);
        return error_set(err, ERROR_MEMORY, "frames of the segmentation");
    }
    for (size_t k = 0, seen = 0; k < slices; k++) {
        bool any = false;
        for (size_t n = 0; n < findings->segment_count && !any; n++)
            any = is_in(findings, k, &findings->lesion[n]);
        ordinal[k] = any ? ++seen : 0;
    }
    for (size_t n = 0; n < findings->segment_count; n++) {
        const size_t before = frames->count;
        for (size_t k = 0; k < slices; k++)
            if (is_in(findings, k, &findings->lesion[n]))
                frames->frame[frames->count++] = (struct frame){
                    k, &findings->lesion[n], ordinal[k] };
        if (frames->count == before) {
            free(ordinal);
            return error_set(err, ERROR_DATA, "no voxel has label %u",
                             (unsigned)findings->lesion[n].label);
        }
    }
    free(ordinal);
    frames->size = (frames->count * labels->size[0] * labels->size[1] + 7) / 8;
    frames->bits = calloc(frames->size + 1, 1);
    if (frames->bits == NULL)
        return error_set(err, ERROR_MEMORY, "frames of the segmentation");
    pack(findings, frames);
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

static void put_algorithm(const struct report_context *context, struct item *segment)
{
    struct item *const algorithm = item_add(segment, 0x00620007);

    item_put_code(algorithm, 0x0066002f, "123101", "DCM", "Neighborhood Analysis");
    item_put_text(algorithm, 0x00660036, context->findings->method.name);
    item_put_text(algorithm, 0x00660031, context->findings->method.version);
    item_put_text(algorithm, 0x00660032, context->findings->method.parameters);
}

static void put_segment(const struct report_context *context, const struct lesion *lesion,
                        struct item *root)
{
    struct item *const segment = item_add(root, 0x00620002);
    char uid[TEXT_UID_SIZE], role[32];

    item_put_int(segment, 0x00620004, (long)lesion->label);
    item_put_text(segment, 0x00620005, lesion->tracking_id);
    const bool given = strcmp(context->findings->method.name, "given-mask") == 0;
    item_put_text(segment, 0x00620006, given ? "Drawn in a mask that came with the study"
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
    put_algorithm(context, segment);
}

/* ---- geometry ---- */

static void put_shared(const struct volume *volume, struct item *root)
{
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
    item_put_double(measures, 0x00180050, fabs(normal));        /* Slice Thickness */
    item_put_double(measures, 0x00180088, fabs(normal));        /* Spacing Between Slices */
    item_put_doubles(measures, 0x00280030, spacing, 2);
    item_put_doubles(item_add(shared, 0x00209116), 0x00200037, cosines, 6);
}

static void put_source(const struct volume *volume, size_t k, struct item *frame)
{
    struct item *const derivation = item_add(frame, 0x00089124);
    struct item *const source = item_add(derivation, 0x00082112);

    item_put_code(derivation, 0x00089215, "113076", "DCM", "Segmentation");
    item_put_text(source, 0x00081150, volume->slices[k].sop_class_uid);
    item_put_text(source, 0x00081155, volume->slices[k].sop_uid);
    if (volume->slices[k].of_many)
        item_put_int(source, 0x00081160, (long)volume->slices[k].frame);
    item_put_text(source, 0x0028135a, "YES");           /* Spatial Locations Preserved */
    item_put_code(source, 0x0040a170, "121322", "DCM",
                  "Source image for image processing operation");
}

static void put_frame(const struct volume *volume, const struct frame *frame,
                      struct item *root)
{
    struct item *const item = item_add(root, 0x52009230);
    const long segment = (long)frame->lesion->label;
    const long index[2] = { segment, (long)frame->position };

    put_source(volume, frame->slice, item);
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

static void put_dimensions(const struct report_context *context, struct item *root)
{
    char uid[TEXT_UID_SIZE];

    uid_derive(context->key, "seg.dimensions", uid);
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
                      struct item *root)
{
    const struct volume *const volume = context->volume;

    item_put_text(root, 0x00080008, "DERIVED\\PRIMARY");
    item_put_text(root, 0x00700080, "REGIONS");
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
    item_put_text(root, 0x00620013, context->findings->layer_count > 0 ? "YES" : "NO");  /* Segments Overlap */
    item_put_bytes(root, 0x7fe00010, frames->bits, frames->size);
}

bool seg_make(const struct report_context *context, struct report *ret_report,
              struct error *err)
{
    static const struct common common = { SEG_CLASS, "seg", "SEG",
        "tumord candidate regions, not for diagnosis", 0 };
    struct frames frames = { .count = 0 };
    struct dataset *const dataset = common_new(context, &common, ret_report, err);

    if (dataset == NULL || !collect(context->findings, &frames, err)) {
        free(frames.frame);
        dataset_free(dataset);
        return error_prefix(err, "seg.dcm");
    }
    struct item *const root = dataset_root(dataset);
    ret_report->kind = REPORT_SEG;
    common_frame_of_reference(context, root);
    put_image(context, &frames, root);
    for (size_t n = 0; n < context->findings->segment_count; n++)
        put_segment(context, &context->findings->lesion[n], root);
    put_dimensions(context, root);
    put_references(context, &frames, root);
    put_shared(context->volume, root);
    for (size_t f = 0; f < frames.count; f++)
        put_frame(context->volume, &frames.frame[f], root);
    free(frames.frame);
    free(frames.bits);
    return common_finish(dataset, "seg.dcm", ret_report, err);
}
