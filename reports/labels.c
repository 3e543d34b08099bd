/* Labels: bits are packed over frame borders, segment by segment and slice by slice (PS3.5 8.1.1). */
#include "reports/labels.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "reports/common.h"
#include "reports/images.h"
#include "util/error.h"
#include "util/volume.h"

#define SEG_CLASS "1.2.840.10008.5.1.4.1.1.66.4"
#define MAX_SEGMENTS 256

struct frame {
    long segment;
    size_t slice;
};

struct segment {
    char name[65];
};

struct labels {
    const struct labels_about *about;
    size_t count, frame_count, frame_room, bits_room;
    struct segment segment[MAX_SEGMENTS];
    struct frame *frame;
    uint8_t *bits;
};

struct labels *labels_new(const struct labels_about *about, struct error *err)
{
    struct labels *const labels = calloc(1, sizeof *labels);

    if (labels == NULL)
        return error_null(err, ERROR_MEMORY, "labels");
    labels->about = about;
    return labels;
}

void labels_free(struct labels *labels)
{
    if (labels == NULL)
        return;
    free(labels->frame);
    free(labels->bits);
    free(labels);
}

/* ---- what names mean ---- */

struct concept {
    const char *part;                   /* of a name in lower case */
    bool morphology;                    /* else anatomy */
    const char *value, *scheme, *meaning;
};

static const struct concept concepts[] = {
    { "necro", true, "6574001", "SCT", "Necrosis" },
    { "edema", true, "79654002", "SCT", "Edema" },
    { "enhanc", true, "C113842", "NCIt", "Enhancing Lesion" },
    { "tumor", true, "108369006", "SCT", "Neoplasm" },
    { "tumour", true, "108369006", "SCT", "Neoplasm" },
    { "metasta", true, "108369006", "SCT", "Neoplasm" },
    { "cyst", true, "367643001", "SCT", "Cyst" },
    { "lesion", true, "52988006", "SCT", "Lesion" },
    { "nodule", true, "27925004", "SCT", "Nodule" },
    { "liver", false, "10200004", "SCT", "Liver" },
    { "kidney", false, "64033007", "SCT", "Kidney" },
    { "spleen", false, "78961009", "SCT", "Spleen" },
    { "lung", false, "39607008", "SCT", "Lung" },
    { "brain", false, "12738006", "SCT", "Brain" },
    { "bone", false, "272673000", "SCT", "Bone" },
    { "pancreas", false, "15776009", "SCT", "Pancreas" },
    { "stomach", false, "69695003", "SCT", "Stomach" },
    { "heart", false, "80891009", "SCT", "Heart" },
    { "bladder", false, "89837001", "SCT", "Urinary bladder" },
    { "gallbladder", false, "28231008", "SCT", "Gallbladder" },
    { "skin", false, "39937001", "SCT", "Skin" },
};

static const struct concept *concept_of(const char *name)
{
    static const struct concept tissue = { "", false, "85756007", "SCT", "Tissue" };
    const struct concept *found = &tissue;
    char lower[65];
    size_t i = 0;

    for (; name[i] != '\0' && i + 1 < sizeof lower; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = '\0';
    for (i = 0; i < sizeof concepts / sizeof *concepts; i++)
        if (strstr(lower, concepts[i].part) != NULL
            && (found == &tissue || strcmp(concepts[i].part, "gallbladder") == 0))
            found = &concepts[i];
    return found;
}

static void put_side(struct item *type, const char *name)
{
    if (strstr(name, "left") != NULL)
        item_put_code(type, 0x00620011, "7771000", "SCT", "Left");
    else if (strstr(name, "right") != NULL)
        item_put_code(type, 0x00620011, "24028007", "SCT", "Right");
}

/* ---- frames ---- */

static bool has_value(const struct volume *volume, size_t index, uint32_t value)
{
    const uint32_t label = volume->type == VOXEL_UINT8 ? volume->u8[index] : volume->u32[index];

    return value == 0 ? label != 0 : label == value;
}

static bool make_room(struct labels *labels, size_t pixels, struct error *err)
{
    if (labels->frame_count == labels->frame_room) {
        const size_t room = labels->frame_room == 0 ? 64 : 2 * labels->frame_room;
        struct frame *const frame = reallocarray(labels->frame, room, sizeof *frame);
        if (frame == NULL)
            return error_set(err, ERROR_MEMORY, "frames of labels");
        labels->frame = frame;
        labels->frame_room = room;
    }
    const size_t need = ((labels->frame_count + 1) * pixels + 7) / 8;
    if (need > labels->bits_room) {
        const size_t room = 2 * need;
        uint8_t *const bits = realloc(labels->bits, room);
        if (bits == NULL)
            return error_set(err, ERROR_MEMORY, "frames of labels");
        memset(bits + labels->bits_room, 0, room - labels->bits_room);
        labels->bits = bits;
        labels->bits_room = room;
    }
    return true;
}

static size_t pack(struct labels *labels, const struct volume *volume, uint32_t value, size_t k)
{
    const size_t pixels = volume->size[0] * volume->size[1], first = labels->frame_count * pixels;
    size_t count = 0;

    for (size_t i = 0; i < pixels; i++)
        if (has_value(volume, k * pixels + i, value)) {
            labels->bits[(first + i) / 8] |= (uint8_t)(1u << (first + i) % 8);
            count++;
        }
    return count;
}

bool labels_add(struct labels *labels, const struct volume *volume, uint32_t value, const char *name,
                size_t *ret_voxels, struct error *err)
{
    const size_t *const size = labels->about->grid->size, pixels = size[0] * size[1];
    size_t voxels = 0;

    if (memcmp(volume->size, size, sizeof volume->size) != 0)
        return error_set(err, ERROR_DATA, "labels of %zu x %zu x %zu voxels on %zu x %zu x %zu", volume->size[0],
                         volume->size[1], volume->size[2], size[0], size[1], size[2]);
    if (labels->count == MAX_SEGMENTS)
        return error_set(err, ERROR_LIMIT, "more than %d labels", MAX_SEGMENTS);
    for (size_t k = 0; k < size[2]; k++) {
        if (!make_room(labels, pixels, err))
            return false;
        const size_t more = pack(labels, volume, value, k);
        if (more > 0)
            labels->frame[labels->frame_count++] = (struct frame){ (long)labels->count + 1, k };
        voxels += more;
    }
    if (voxels > 0)
        text_format(labels->segment[labels->count++].name, sizeof labels->segment[0].name, "%.64s", name);
    if (ret_voxels != NULL)
        *ret_voxels = voxels;
    return true;
}

/* ---- the object ---- */

static void put_segments(const struct labels *labels, struct item *root)
{
    for (size_t n = 0; n < labels->count; n++) {
        const char *const name = labels->segment[n].name;
        const struct concept *const concept = concept_of(name);
        struct item *const segment = item_add(root, 0x00620002);
        item_put_int(segment, 0x00620004, (long)n + 1);
        item_put_text(segment, 0x00620005, name);
        item_put_text(segment, 0x00620008, "MANUAL");   /* by whom nobody told: not by this program */
        if (concept->morphology)
            item_put_code(segment, 0x00620003, "49755003", "SCT", "Morphologically Abnormal Structure");
        else if (concept->part[0] != '\0')
            item_put_code(segment, 0x00620003, "123037004", "SCT", "Anatomical Structure");
        else
            item_put_code(segment, 0x00620003, "85756007", "SCT", "Tissue");
        put_side(item_put_code(segment, 0x0062000f, concept->value, concept->scheme, concept->meaning), name);
    }
}

static void put_shared(const struct volume *grid, struct item *root)
{
    struct item *const shared = item_add(root, 0x52009229);
    struct item *const measures = item_add(shared, 0x00289110);
    const double spacing[2] = { volume_spacing_mm(grid, 1), volume_spacing_mm(grid, 0) };
    double cosines[6];

    for (int axis = 0; axis < 3; axis++) {
        cosines[axis] = grid->affine[axis][0] / spacing[1];
        cosines[axis + 3] = grid->affine[axis][1] / spacing[0];
    }
    item_put_double(measures, 0x00180050, volume_spacing_mm(grid, 2));
    item_put_double(measures, 0x00180088, volume_spacing_mm(grid, 2));
    item_put_doubles(measures, 0x00280030, spacing, 2);
    item_put_doubles(item_add(shared, 0x00209116), 0x00200037, cosines, 6);
}

static void put_source(const struct volume_slice *slice, struct item *frame)
{
    struct item *const derivation = item_add(frame, 0x00089124);
    struct item *const source = item_add(derivation, 0x00082112);

    item_put_code(derivation, 0x00089215, "113076", "DCM", "Segmentation");
    item_put_text(source, 0x00081150, slice->sop_class_uid);
    item_put_text(source, 0x00081155, slice->sop_uid);
    item_put_text(source, 0x0028135a, "YES");
    item_put_code(source, 0x0040a170, "121322", "DCM", "Source image for image processing operation");
}

static void put_frames(const struct labels *labels, struct item *root)
{
    const struct volume *const grid = labels->about->grid;

    for (size_t f = 0; f < labels->frame_count; f++) {
        const struct frame *const frame = &labels->frame[f];
        struct item *const item = item_add(root, 0x52009230);
        const long index[2] = { frame->segment, (long)frame->slice + 1 };
        double position[3];
        volume_to_patient(grid, (const double[3]){ 0, 0, (double)frame->slice }, position);
        put_source(&labels->about->series[0].slices[frame->slice], item);
        item_put_ints(item_add(item, 0x00209111), 0x00209157, index, 2);
        item_put_doubles(item_add(item, 0x00209113), 0x00200032, position, 3);
        item_put_int(item_add(item, 0x0062000a), 0x0062000b, frame->segment);
    }
}

static void put_dimension(struct item *root, const char *uid, uint32_t pointer, uint32_t group,
                          const char *label)
{
    struct item *const dimension = item_add(root, 0x00209222);

    item_put_text(dimension, 0x00209164, uid);
    item_put_tags(dimension, 0x00209165, &pointer, 1);
    item_put_tags(dimension, 0x00209167, &group, 1);
    item_put_text(dimension, 0x00209421, label);
}

static void put_references(const struct labels *labels, struct item *root)
{
    const struct labels_about *const about = labels->about;

    for (size_t s = 0; s < about->series_count; s++) {
        struct item *const series = item_add(root, 0x00081115);
        item_put_text(series, 0x0020000e, about->series[s].uid);
        for (size_t k = 0; k < about->grid->size[2]; k++) {
            struct item *const instance = item_add(series, 0x0008114a);
            item_put_text(instance, 0x00081150, about->series[s].slices[k].sop_class_uid);
            item_put_text(instance, 0x00081155, about->series[s].slices[k].sop_uid);
        }
    }
}

static void put_image(const struct labels *labels, struct item *root)
{
    const struct labels_about *const about = labels->about;
    const size_t pixels = about->grid->size[0] * about->grid->size[1];

    item_put_text(root, 0x00080008, "DERIVED\\PRIMARY");
    item_put_text(root, 0x00081090, "import");      /* whose results are UID_MODEL's: these are none */
    item_put_text(root, 0x00700080, "LABELS");
    item_put_text(root, 0x00700081, about->derivation);
    item_put_text(root, 0x00700084, "tumord^");
    item_put_int(root, 0x00280002, 1);
    item_put_text(root, 0x00280004, "MONOCHROME2");
    item_put_int(root, 0x00280008, (long)labels->frame_count);
    item_put_int(root, 0x00280010, (long)about->grid->size[1]);
    item_put_int(root, 0x00280011, (long)about->grid->size[0]);
    item_put_int(root, 0x00280100, 1);
    item_put_int(root, 0x00280101, 1);
    item_put_int(root, 0x00280102, 0);
    item_put_int(root, 0x00280103, 0);
    item_put_text(root, 0x00282110, "00");
    item_put_text(root, 0x00620001, "BINARY");
    item_put_text(root, 0x00620013, "UNDEFINED");   /* Segments Overlap */
    item_put_bytes(root, 0x7fe00010, labels->bits, (labels->frame_count * pixels + 7) / 8);
}

bool labels_write(struct labels *labels, unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    const struct labels_about *const about = labels->about;
    const struct common common = { SEG_CLASS, "labels", "SEG", about->description, 0 };
    const struct report_context context = { .source = about->source, .volume = about->grid, .key = about->key,
                                            .created = about->created, .series_number = about->series_number };
    struct report report = { .size = 0 };
    char uid[TEXT_UID_SIZE];

    if (labels->count == 0)
        return error_set(err, ERROR_DATA, "labels that are all 0");
    struct dataset *const dataset = common_new(&context, &common, &report, err);
    if (dataset == NULL)
        return false;
    struct item *const root = dataset_root(dataset);
    common_frame_of_reference(&context, root);
    put_image(labels, root);
    put_segments(labels, root);
    uid_derive(about->key, "labels.dimensions", uid);
    item_put_text(item_add(root, 0x00209221), 0x00209164, uid);
    put_dimension(root, uid, 0x0062000b, 0x0062000a, "Segment");
    put_dimension(root, uid, 0x00200032, 0x00209113, "Position");
    put_references(labels, root);
    put_shared(about->grid, root);
    put_frames(labels, root);
    const bool good = common_finish(dataset, "labels.dcm", &report, err);
    *ret_bytes = report.bytes;
    *ret_size = report.size;
    return good;
}
