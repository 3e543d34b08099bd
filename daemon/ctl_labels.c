/* Ctl's labels: which series a mask lies on, and what its values are called. */
#include "daemon/ctl_labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "reports/labels.h"
#include "util/digest.h"
#include "util/error.h"

#define MAX_LABELS 256
#define MAX_SERIES 16
#define NEAR 0.01                       /* of a voxel's diagonal */

struct image {
    char *where, *patient;
    char description[65], date[9], series_key[DIGEST_HEX_SIZE], class_uid[TEXT_UID_SIZE];
    struct volume grid;
    struct dataset *head;               /* of the first object */
};

struct ctl_labels {
    size_t count, room;
    struct image *image;
};

struct ctl_labels *ctl_labels_new(struct error *err)
{
    struct ctl_labels *const labels = calloc(1, sizeof *labels);

    return labels != NULL ? labels : error_null(err, ERROR_MEMORY, "labels");
}

static void free_image(struct image *image)
{
    free(image->where);
    free(image->patient);
    dataset_free(image->head);
}

void ctl_labels_free(struct ctl_labels *labels)
{
    for (size_t i = 0; labels != NULL && i < labels->count; i++)
        free_image(&labels->image[i]);
    if (labels != NULL)
        free(labels->image);
    free(labels);
}

/* ---- images ---- */

static bool grow(struct ctl_labels *labels, struct error *err)
{
    if (labels->count < labels->room)
        return true;
    const size_t room = labels->room == 0 ? 16 : 2 * labels->room;
    struct image *const image = reallocarray(labels->image, room, sizeof *image);
    if (image == NULL)
        return error_set(err, ERROR_MEMORY, "%zu series", room);
    labels->image = image;
    labels->room = room;
    return true;
}

bool ctl_labels_remember(struct ctl_labels *labels, const struct ctl_labels_image *from, struct error *err)
{
    struct dataset *const first = dataset_read(from->first, from->first_size, err);

    if (first == NULL || !grow(labels, err)) {
        dataset_free(first);
        return false;
    }
    struct image *const image = &labels->image[labels->count];
    *image = (struct image){ .where = strdup(from->where), .patient = strdup(from->patient),
                             .grid = *from->volume, .head = dataset_copy_head(first, err) };
    image->grid.voxels = NULL;
    image->grid.slices = NULL;
    image->grid.even = true;
    text_format(image->description, sizeof image->description, "%s", from->description);
    text_format(image->date, sizeof image->date, "%s", from->date);
    text_format(image->series_key, sizeof image->series_key, "%s", from->series_key);
    item_text_at(dataset_root(first), 0x00080016, 0, image->class_uid, sizeof image->class_uid);
    item_text_at(dataset_root(first), 0x00200052, 0, image->grid.frame_of_reference_uid, TEXT_UID_SIZE);
    dataset_free(first);
    if (image->where != NULL && image->patient != NULL && image->head != NULL) {
        labels->count++;
        return true;
    }
    free_image(image);
    return error_set(err, ERROR_MEMORY, "a series");
}

/* An affine map is known by the corners. */
static bool is_one_grid(const struct volume *a, const struct volume *b)
{
    if (memcmp(a->size, b->size, sizeof a->size) != 0)
        return false;
    for (int corner = 0; corner < 8; corner++) {
        double at[3], one[3], other[3];
        for (int axis = 0; axis < 3; axis++)
            at[axis] = corner >> axis & 1 ? (double)(a->size[axis] - 1) : 0;
        volume_to_patient(a, at, one);
        volume_to_patient(b, at, other);
        if (!(hypot(hypot(one[0] - other[0], one[1] - other[1]), one[2] - other[2])
              <= NEAR * volume_diagonal_mm(a)))
            return false;
    }
    return true;
}

/* The case's series on that grid. */
static size_t find_images(struct ctl_labels *labels, const struct ctl_labels_mask *mask,
                          struct image **found, struct error *err)
{
    size_t count = 0, of_case = 0;

    for (size_t i = 0; i < labels->count && count < MAX_SERIES; i++) {
        struct image *const image = &labels->image[i];
        if (strcmp(image->where, mask->where) != 0 || strcmp(image->patient, mask->patient) != 0)
            continue;
        of_case++;
        if (is_one_grid(&image->grid, mask->volume))
            found[count++] = image;
    }
    if (count == 0)
        error_set(err, ERROR_DATA, of_case == 0 ? "labels without an image of their case beside them"
                  : "labels that lie on the grid of none of the %zu images of their case", of_case);
    return count;
}

/* ---- names ---- */

static bool has_sequence(struct image *const *image, size_t count, const char *description)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(image[i]->description, description, strlen(description)) == 0)
            return true;
    return false;
}

/* The n-th of "Kidney,Tumour", from 1; false when there is none, or it is empty. */
static bool nth_name(const char *names, size_t n, char *name, size_t size)
{
    while (n > 1 && names != NULL) {
        names = strchr(names, ',');
        names = names == NULL ? NULL : names + 1;
        n--;
    }
    return names != NULL && text_format(name, size, "%.*s", (int)strcspn(names, ","), names) && name[0] != '\0';
}

static void name_label(const struct ctl_labels_mask *mask, struct image *const *image, size_t images,
                       size_t value, bool only, char *name, size_t size)
{
    static const char *const brats = "Necrosis,Edema,Enhancing tumour,Enhancing tumour";
    static const char *const kits = "Kidney,Tumour,Cyst";
    const bool is_brats = has_sequence(image, images, "FLAIR") && has_sequence(image, images, "T1ce");
    const bool is_kits = strcmp(mask->stem, "segmentation") == 0 && has_sequence(image, images, "image");

    if (mask->names != NULL ? nth_name(mask->names, value, name, size)
        : is_brats ? nth_name(brats, value, name, size) : is_kits && nth_name(kits, value, name, size))
        return;
    if (only && mask->names == NULL)
        text_format(name, size, "Lesion");
    else
        text_format(name, size, "Label %zu", value);
}

/* ---- the segmentation ---- */

/* Marks the values that are there, above 0; how many; too large ones fail. */
static bool find_values(const struct volume *volume, bool there[MAX_LABELS], size_t *ret_count,
                        struct error *err)
{
    const size_t count = volume_count(volume);

    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t value = volume->type == VOXEL_UINT8 ? volume->u8[i] : volume->u32[i];
        if (value >= MAX_LABELS)
            return error_set(err, ERROR_UNSUPPORTED, "a label of value %u: at most %d are read", value,
                             MAX_LABELS - 1);
        *ret_count += value > 0 && !there[value];
        there[value] = true;
    }
    return true;
}

static bool add_values(const struct ctl_labels_mask *mask, struct image *const *image, size_t images,
                       struct labels *to, struct error *err)
{
    bool there[MAX_LABELS] = { false };
    size_t count = 0;
    char name[65];

    if (!find_values(mask->volume, there, &count, err))
        return false;
    for (size_t value = 1; value < MAX_LABELS; value++) {
        name_label(mask, image, images, value, count == 1, name, sizeof name);
        if (there[value] && !labels_add(to, mask->volume, (uint32_t)value, name, NULL, err))
            return false;
    }
    return true;
}

/* A stack: each volume is one mask, whatever its value. */
static bool add_stack(const struct ctl_labels_mask *mask, struct image *const *image, size_t images,
                      struct labels *to, struct error *err)
{
    char name[65];

    for (size_t n = 0; n < mask->count; n++) {
        name_label(mask, image, images, n + 1, false, name, sizeof name);
        if (!labels_add(to, &mask->volume[n], 0, name, NULL, err))
            return false;
    }
    return true;
}

/* The objects of the series that the import has made are known by its key. */
static struct volume_slice *name_slices(const struct image *image)
{
    struct volume_slice *const slices = calloc(image->grid.size[2], sizeof *slices);
    char role[32];

    for (size_t k = 0; slices != NULL && k < image->grid.size[2]; k++) {
        const double voxel[3] = { 0, 0, (double)k };
        volume_to_patient(&image->grid, voxel, slices[k].position_mm);
        text_format(slices[k].sop_class_uid, TEXT_UID_SIZE, "%s", image->class_uid);
        text_format(role, sizeof role, "image.%zu", k);
        uid_derive(image->series_key, role, slices[k].sop_uid);
        slices[k].frame = 1;
    }
    return slices;
}

static bool write(const struct ctl_labels_mask *mask, struct image *const *image, size_t images,
                  const struct labels_series *series, unsigned char **ret_bytes, size_t *ret_size,
                  struct error *err)
{
    char key[DIGEST_HEX_SIZE], created[32], derivation[65], text[300];
    unsigned char digest[DIGEST_SIZE];

    text_format(text, sizeof text, "labels %s %s %.100s", image[0]->series_key, mask->digest,
                mask->names == NULL ? "" : mask->names);
    digest_of(text, strlen(text), digest);
    digest_hex(digest, key);
    text_format(created, sizeof created, "%s000000.000000+0000",
                strlen(image[0]->date) == 8 ? image[0]->date : "19700101");
    text_format(derivation, sizeof derivation, "From labels %.50s", mask->stem);
    const struct labels_about about = {
        .source = image[0]->head, .grid = &image[0]->grid, .key = key, .created = created,
        .description = derivation, .derivation = derivation, .series_number = 5000,
        .series_count = images, .series = series
    };
    struct labels *const labels = labels_new(&about, err);
    const bool good = labels != NULL
        && (mask->count == 1 ? add_values(mask, image, images, labels, err)
                             : add_stack(mask, image, images, labels, err))
        && labels_write(labels, ret_bytes, ret_size, err);
    labels_free(labels);
    return good;
}

bool ctl_labels_make(struct ctl_labels *labels, const struct ctl_labels_mask *mask,
                     unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct image *image[MAX_SERIES];
    const size_t images = find_images(labels, mask, image, err);

    if (images == 0)
        return false;
    char uid[MAX_SERIES][TEXT_UID_SIZE];
    struct labels_series series[MAX_SERIES];
    struct volume_slice *slices[MAX_SERIES];
    bool good = true;
    for (size_t i = 0; i < images; i++) {
        uid_derive(image[i]->series_key, "series", uid[i]);
        slices[i] = name_slices(image[i]);
        series[i] = (struct labels_series){ uid[i], slices[i] };
        good = good && slices[i] != NULL;
    }
    good = good ? write(mask, image, images, series, ret_bytes, ret_size, err)
        : error_set(err, ERROR_MEMORY, "the slices of a mask");
    for (size_t i = 0; i < images; i++)
        free(slices[i]);
    return good;
}
