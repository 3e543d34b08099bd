/* Ctl's 3D-IRCADb: masks are kept as bits until the images of their case are known. */
#include "daemon/ctl_ircadb.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "reports/labels.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/text.h"
#include "util/volume.h"

#define MAX_MASKS 128                   /* of a case */
#define MAX_BYTES ((size_t)1 << 30)     /* of bits that wait */
#define MAX_NAME 2048

struct image {
    long number;
    double position[3], along;
    char class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE];
};

struct plane {                          /* of a mask: one of its images that is not empty */
    size_t mask;
    long number;
    uint8_t *bits;
};

struct patient {                        /* a case */
    char *root;
    struct dataset *head;               /* of its first image */
    long rows, columns;                 /* of all of its files */
    double orientation[6], spacing[2], normal[3];
    char series_uid[TEXT_UID_SIZE];
    size_t image_count, plane_count, mask_count;
    struct image *image;
    struct plane *plane;
    char mask[MAX_MASKS][65];
};

struct ctl_ircadb {
    size_t count, bytes;
    struct patient *patient;
};

/* ---- names ---- */

struct part {                           /* of a name: between '/' and ": " */
    const char *at;
    size_t size;
};

static struct part next_part(const char **at)
{
    struct part part = { *at, 0 };

    while (**at != '\0' && **at != '/' && !((*at)[0] == ':' && (*at)[1] == ' '))
        ++*at;
    part.size = (size_t)(*at - part.at);
    *at += **at == '/' ? 1 : **at == ':' ? 2 : 0;
    return part;
}

/* "MASKS_DICOM", also zipped. */
static bool is_part(const struct part *part, const char *name)
{
    const size_t size = strlen(name);

    return part->size >= size && strncmp(part->at, name, size) == 0
        && (part->size == size || part->at[size] == '.');
}

struct place {
    enum ctl_ircadb_kind kind;
    char root[MAX_NAME], mask[65], last[65];
};

static void copy_part(const struct part *part, char *buffer, size_t size)
{
    const struct part stem = { part->at, part->size };
    size_t length = stem.size;

    if (length > 4 && strncmp(stem.at + length - 4, ".zip", 4) == 0)
        length -= 4;
    text_format(buffer, size, "%.*s", (int)(length < size ? length : size - 1), stem.at);
}

static void find_place(const char *name, struct place *place)
{
    const char *at = name;
    bool after_masks = false;

    memset(place, 0, sizeof *place);
    while (*at != '\0') {
        const struct part part = next_part(&at);
        const enum ctl_ircadb_kind kind = is_part(&part, "MASKS_DICOM") ? IRCADB_MASK
            : is_part(&part, "PATIENT_DICOM") ? IRCADB_IMAGE
            : is_part(&part, "LABELLED_DICOM") ? IRCADB_REPEATED : IRCADB_NONE;
        if (kind != IRCADB_NONE && place->kind == IRCADB_NONE) {
            place->kind = kind;
            text_format(place->root, sizeof place->root, "%.*s", (int)(part.at - name), name);
        } else if (kind == IRCADB_NONE && after_masks && place->mask[0] == '\0' && *at != '\0') {
            copy_part(&part, place->mask, sizeof place->mask);
        }
        after_masks = after_masks || kind == IRCADB_MASK;
        copy_part(&part, place->last, sizeof place->last);
    }
    for (size_t end = strlen(place->root); end > 0 && strchr("/: ", place->root[end - 1]) != NULL; end--)
        place->root[end - 1] = '\0';
}

enum ctl_ircadb_kind ctl_ircadb_kind_of(const char *name)
{
    static struct place place;          /* it is large */

    find_place(name, &place);
    return place.kind == IRCADB_MASK && place.mask[0] == '\0' ? IRCADB_NONE : place.kind;
}

/* The N of "image_N". */
static bool number_of(const char *last, long *ret_number)
{
    long long number = 0;
    const char *at = last + strlen(last);

    while (at > last && isdigit((unsigned char)at[-1]))
        at--;
    if (!text_to_int(at, 0, 1000000, &number))
        return false;
    *ret_number = (long)number;
    return true;
}

/* ---- files ---- */

struct ctl_ircadb *ctl_ircadb_new(struct error *err)
{
    struct ctl_ircadb *const ircadb = calloc(1, sizeof *ircadb);

    return ircadb != NULL ? ircadb : error_null(err, ERROR_MEMORY, "cases");
}

static struct patient *patient_at(struct ctl_ircadb *ircadb, const char *root)
{
    for (size_t i = 0; i < ircadb->count; i++)
        if (strcmp(ircadb->patient[i].root, root) == 0)
            return &ircadb->patient[i];
    struct patient *const more = reallocarray(ircadb->patient, ircadb->count + 1, sizeof *more);
    if (more == NULL)
        return NULL;
    ircadb->patient = more;
    more[ircadb->count] = (struct patient){ .root = strdup(root) };
    return more[ircadb->count].root == NULL ? NULL : &more[ircadb->count++];
}

static bool read_doubles(const struct item *item, uint32_t tag, double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!item_double(item, tag, i, &values[i]) || fabs(values[i]) > 1e6)
            return false;
    return true;
}

static bool check_size(struct patient *patient, const struct item *root, struct error *err)
{
    long rows = 0, columns = 0;

    item_int(root, 0x00280010, 0, &rows);
    item_int(root, 0x00280011, 0, &columns);
    if (rows < 1 || columns < 1 || rows > 65535 || columns > 65535)
        return error_set(err, ERROR_DATA, "%ld x %ld pixels", columns, rows);
    if (patient->rows == 0) {
        patient->rows = rows;
        patient->columns = columns;
    }
    return (rows == patient->rows && columns == patient->columns)
        || error_set(err, ERROR_DATA, "%ld x %ld pixels, and other files of its case have %ld x %ld", columns, rows,
                     patient->columns, patient->rows);
}

static bool begin_patient(struct patient *patient, struct dataset *dataset, struct error *err)
{
    const struct item *const root = dataset_root(dataset);
    double *const o = patient->orientation, *const n = patient->normal;

    if (!read_doubles(root, 0x00200037, o, 6) || !read_doubles(root, 0x00280030, patient->spacing, 2)
        || !(patient->spacing[0] > 0 && patient->spacing[1] > 0))
        return error_set(err, ERROR_DATA, "no Image Orientation (Patient) or Pixel Spacing");
    n[0] = o[1] * o[5] - o[2] * o[4];
    n[1] = o[2] * o[3] - o[0] * o[5];
    n[2] = o[0] * o[4] - o[1] * o[3];
    item_text_at(root, 0x0020000e, 0, patient->series_uid, sizeof patient->series_uid);
    patient->head = dataset_copy_head(dataset, err);
    return patient->head != NULL;
}

static bool add_image(struct patient *patient, const struct place *place, struct dataset *dataset,
                      struct error *err)
{
    const struct item *const root = dataset_root(dataset);
    struct image image = { .number = 0 };

    if (!number_of(place->last, &image.number))
        return error_set(err, ERROR_DATA, "an image without a number in its name");
    if (!read_doubles(root, 0x00200032, image.position, 3))
        return error_set(err, ERROR_DATA, "no Image Position (Patient)");
    if (!check_size(patient, root, err) || (patient->head == NULL && !begin_patient(patient, dataset, err)))
        return false;
    for (int axis = 0; axis < 3; axis++)
        image.along += image.position[axis] * patient->normal[axis];
    item_text_at(root, 0x00080016, 0, image.class_uid, sizeof image.class_uid);
    item_text_at(root, 0x00080018, 0, image.sop_uid, sizeof image.sop_uid);
    struct image *const more = reallocarray(patient->image, patient->image_count + 1, sizeof *more);
    if (more == NULL)
        return error_set(err, ERROR_MEMORY, "an image");
    patient->image = more;
    more[patient->image_count++] = image;
    return true;
}

/* The pixels as bits; *ret_bits NULL where none is set. */
static bool read_bits(const struct patient *patient, struct dataset *dataset, uint8_t **ret_bits,
                      struct error *err)
{
    const void *pixels = NULL;
    size_t size = 0, set = 0;
    long allocated = 0;
    const size_t count = (size_t)patient->rows * (size_t)patient->columns;

    item_int(dataset_root(dataset), 0x00280100, 0, &allocated);
    if (!dataset_pixels(dataset, &pixels, &size, err))
        return false;
    if ((allocated != 8 && allocated != 16) || size < count * (size_t)(allocated / 8))
        return error_set(err, ERROR_DATA, "a mask of %ld bits a pixel and %zu bytes", allocated, size);
    uint8_t *const bits = calloc((count + 7) / 8, 1);
    if (bits == NULL)
        return error_set(err, ERROR_MEMORY, "a mask");
    for (size_t i = 0; i < count; i++)
        if (allocated == 8 ? ((const uint8_t *)pixels)[i] != 0 : ((const uint16_t *)pixels)[i] != 0) {
            bits[i / 8] |= (uint8_t)(1u << i % 8);
            set++;
        }
    *ret_bits = set > 0 ? bits : NULL;
    if (set == 0)
        free(bits);
    return true;
}

static bool find_mask(struct patient *patient, const char *name, size_t *ret_mask, struct error *err)
{
    for (size_t i = 0; i < patient->mask_count; i++)
        if (strcmp(patient->mask[i], name) == 0) {
            *ret_mask = i;
            return true;
        }
    if (patient->mask_count == MAX_MASKS)
        return error_set(err, ERROR_LIMIT, "more than %d masks of one case", MAX_MASKS);
    *ret_mask = patient->mask_count;
    return text_format(patient->mask[patient->mask_count++], sizeof patient->mask[0], "%s", name);
}

static bool add_mask(struct ctl_ircadb *ircadb, struct patient *patient, const struct place *place,
                     struct dataset *dataset, struct error *err)
{
    struct plane plane = { .bits = NULL };

    if (!number_of(place->last, &plane.number))
        return error_set(err, ERROR_DATA, "a mask without a number in its name");
    if (!check_size(patient, dataset_root(dataset), err) || !find_mask(patient, place->mask, &plane.mask, err)
        || !read_bits(patient, dataset, &plane.bits, err))
        return false;
    if (plane.bits == NULL)
        return true;
    const size_t bytes = ((size_t)patient->rows * (size_t)patient->columns + 7) / 8;
    struct plane *const more = reallocarray(patient->plane, patient->plane_count + 1, sizeof *more);
    if (more == NULL || ircadb->bytes + bytes > MAX_BYTES) {
        patient->plane = more != NULL ? more : patient->plane;
        free(plane.bits);
        return error_set(err, ERROR_LIMIT, "masks of more than 1 GiB");
    }
    ircadb->bytes += bytes;
    patient->plane = more;
    more[patient->plane_count++] = plane;
    return true;
}

bool ctl_ircadb_add(struct ctl_ircadb *ircadb, const char *name, struct dataset *dataset, struct error *err)
{
    static struct place place;          /* it is large */

    find_place(name, &place);
    struct patient *const patient = patient_at(ircadb, place.root);
    if (patient == NULL)
        return error_set(err, ERROR_MEMORY, "a case");
    return place.kind == IRCADB_IMAGE ? add_image(patient, &place, dataset, err)
        : add_mask(ircadb, patient, &place, dataset, err);
}

/* ---- the segmentation ---- */

static int compare_images(const void *a, const void *b)
{
    const struct image *const left = a, *const right = b;

    if (left->along != right->along)
        return left->along < right->along ? -1 : 1;
    return strcmp(left->sop_uid, right->sop_uid);
}

static void make_grid(struct patient *patient, struct volume_slice *slices, struct volume *grid)
{
    const size_t count = patient->image_count;
    const double *const first = patient->image[0].position, *const last = patient->image[count - 1].position;

    *grid = (struct volume){ .type = VOXEL_UINT8, .slices = slices, .even = true,
                             .size = { (size_t)patient->columns, (size_t)patient->rows, count } };
    for (int axis = 0; axis < 3; axis++) {
        grid->affine[axis][0] = patient->orientation[axis] * patient->spacing[1];
        grid->affine[axis][1] = patient->orientation[axis + 3] * patient->spacing[0];
        grid->affine[axis][2] = count > 1 ? (last[axis] - first[axis]) / (double)(count - 1)
            : patient->normal[axis];
        grid->affine[axis][3] = first[axis];
    }
    item_text_at(dataset_root(patient->head), 0x00200052, 0, grid->frame_of_reference_uid, TEXT_UID_SIZE);
    for (size_t k = 0; k < count; k++) {
        memcpy(slices[k].position_mm, patient->image[k].position, sizeof slices[k].position_mm);
        memcpy(slices[k].sop_class_uid, patient->image[k].class_uid, TEXT_UID_SIZE);
        memcpy(slices[k].sop_uid, patient->image[k].sop_uid, TEXT_UID_SIZE);
        slices[k].frame = 1;
    }
}

/* The planes of a mask into `voxels`; those without an image of their number are counted. */
static size_t fill(const struct patient *patient, size_t mask, const struct volume *grid)
{
    const size_t pixels = grid->size[0] * grid->size[1];
    size_t lost = 0;

    memset(grid->u8, 0, volume_count(grid));
    for (size_t p = 0; p < patient->plane_count; p++) {
        const struct plane *const plane = &patient->plane[p];
        size_t k = 0;
        if (plane->mask != mask)
            continue;
        while (k < patient->image_count && patient->image[k].number != plane->number)
            k++;
        lost += k == patient->image_count;
        for (size_t i = 0; k < patient->image_count && i < pixels; i++)
            grid->u8[k * pixels + i] |= plane->bits[i / 8] >> i % 8 & 1;
    }
    return lost;
}

static bool add_masks(const struct patient *patient, const struct volume *grid, struct labels *labels,
                      struct error *err)
{
    for (size_t m = 0; m < patient->mask_count; m++) {
        const size_t lost = fill(patient, m, grid);
        if (lost > 0)
            return error_set(err, ERROR_DATA, "%zu planes of the mask %s have no image of their number", lost,
                             patient->mask[m]);
        if (!labels_add(labels, grid, 0, patient->mask[m], NULL, err))
            return false;
    }
    return true;
}

static bool write(struct patient *patient, struct volume *grid, const struct volume_slice *slices,
                  unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    const struct labels_series series = { patient->series_uid, slices };
    char key[DIGEST_HEX_SIZE], date[9], created[32], text[200];
    unsigned char digest[DIGEST_SIZE];

    item_text_at(dataset_root(patient->head), 0x00080020, 0, date, sizeof date);
    text_format(created, sizeof created, "%s000000.000000+0000", strlen(date) == 8 ? date : "19700101");
    text_format(text, sizeof text, "3D-IRCADb masks %s %zu", patient->series_uid, patient->plane_count);
    struct digest *const sum = digest_new(err);
    if (sum == NULL)
        return false;
    digest_add(sum, text, strlen(text));
    for (size_t p = 0; p < patient->plane_count; p++)
        digest_add(sum, patient->plane[p].bits, ((size_t)patient->rows * (size_t)patient->columns + 7) / 8);
    digest_finish(sum, digest);
    digest_free(sum);
    digest_hex(digest, key);
    const struct labels_about about = {
        .source = patient->head, .grid = grid, .key = key, .created = created,
        .description = "From MASKS_DICOM", .derivation = "From MASKS_DICOM of 3D-IRCADb", .series_number = 5000,
        .series_count = 1, .series = &series
    };
    struct labels *const labels = labels_new(&about, err);
    const bool good = labels != NULL && add_masks(patient, grid, labels, err)
        && labels_write(labels, ret_bytes, ret_size, err);
    labels_free(labels);
    return good;
}

static bool make(struct patient *patient, unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct volume grid;

    if (patient->image_count == 0)
        return error_set(err, ERROR_DATA, "MASKS_DICOM without images in PATIENT_DICOM beside it");
    qsort(patient->image, patient->image_count, sizeof *patient->image, compare_images);
    struct volume_slice *const slices = calloc(patient->image_count, sizeof *slices);
    if (slices == NULL)
        return error_set(err, ERROR_MEMORY, "a case");
    make_grid(patient, slices, &grid);
    grid.u8 = malloc(volume_count(&grid));
    const bool good = grid.u8 != NULL ? write(patient, &grid, slices, ret_bytes, ret_size, err)
        : error_set(err, ERROR_MEMORY, "a mask");
    free(grid.u8);
    free(slices);
    return good;
}

/* ---- the end ---- */

static void free_patient(struct patient *patient)
{
    for (size_t p = 0; p < patient->plane_count; p++)
        free(patient->plane[p].bits);
    free(patient->plane);
    free(patient->image);
    dataset_free(patient->head);
    free(patient->root);
}

static bool is_below(const char *root, const char *folder)
{
    const size_t size = folder == NULL ? 0 : strlen(folder);

    return folder == NULL || (strncmp(root, folder, size) == 0 && (root[size] == '\0' || root[size] == '/'));
}

static void finish(struct ctl_ircadb *ircadb, struct patient *patient, const struct ctl_ircadb_visitor *visitor)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    struct error err;

    if (patient->plane_count == 0)
        return;
    ircadb->bytes -= patient->plane_count * (((size_t)patient->rows * (size_t)patient->columns + 7) / 8);
    if (!make(patient, &bytes, &size, &err))
        visitor->refuse(patient->root, err.text, visitor->context);
    else if (!visitor->image(patient->root, bytes, size, visitor->context))
        visitor->refuse(patient->root, "its segmentation could not be kept", visitor->context);
    free(bytes);
}

void ctl_ircadb_finish(struct ctl_ircadb *ircadb, const char *folder, const struct ctl_ircadb_visitor *visitor)
{
    size_t kept = 0;

    for (size_t i = 0; i < ircadb->count; i++) {
        if (!is_below(ircadb->patient[i].root, folder)) {
            ircadb->patient[kept++] = ircadb->patient[i];
            continue;
        }
        finish(ircadb, &ircadb->patient[i], visitor);
        free_patient(&ircadb->patient[i]);
    }
    ircadb->count = kept;
}

void ctl_ircadb_free(struct ctl_ircadb *ircadb)
{
    for (size_t i = 0; ircadb != NULL && i < ircadb->count; i++)
        free_patient(&ircadb->patient[i]);
    if (ircadb != NULL)
        free(ircadb->patient);
    free(ircadb);
}
