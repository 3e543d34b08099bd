/* Images: the modules of three IODs (PS3.3 A.3, A.4, A.21), and the quantisation to 16 bit. */
#include "reports/images.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "util/error.h"
#include "util/volume.h"

#define MAX_SIDE 65535
#define PERPENDICULAR 1e-3              /* cosine: what a 32-bit affine misses a right angle by */

struct kind {
    const char *modality, *class_uid, *image_type;
    void (*put)(struct item *root, const struct images *images, size_t k);
};

struct images {
    const struct volume *volume;
    const struct images_about *about;
    const struct kind *kind;
    double slope, intercept;
    uint16_t *words;                    /* one slice */
};

/* ---- what the modalities differ in ---- */

static void put_ct(struct item *root, const struct images *images, size_t k)
{
    (void)images, (void)k;
    item_put_empty(root, 0x00180060);
    item_put_empty(root, 0x00185100);
    item_put_text(root, 0x00281054, "HU");
    item_put_text(root, 0x00281050, "40");
    item_put_text(root, 0x00281051, "400");
}

static void put_mr(struct item *root, const struct images *images, size_t k)
{
    static const uint32_t unknown[] = { 0x00180022, 0x00180023, 0x00180080, 0x00180081, 0x00180091 };

    (void)images, (void)k;
    item_put_text(root, 0x00180020, "RM");
    item_put_text(root, 0x00180021, "NONE");
    item_put_empty(root, 0x00185100);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        item_put_empty(root, unknown[i]);
    item_put_text(root, 0x00281054, "US");      /* unspecified */
}

/* Counts: without dose, weight and times nobody can make them an SUV. */
static void put_pet(struct item *root, const struct images *images, size_t k)
{
    static const uint32_t dates[] = { 0x00080021, 0x00080022, 0x00080023 };
    static const uint32_t times[] = { 0x00080031, 0x00080032, 0x00080033 };
    static const uint32_t unknown[] = { 0x00540410, 0x00540414, 0x00181181 };

    for (size_t i = 0; i < 3; i++) {
        item_put_text(root, dates[i], images->about->date);
        item_put_text(root, times[i], "000000");
        item_put_empty(root, unknown[i]);
    }
    struct item *const drug = item_add(root, 0x00540016);
    item_put_empty(drug, 0x00540300);
    item_put_text(root, 0x00541000, "STATIC\\IMAGE");
    item_put_int(root, 0x00540081, (long)images->volume->size[2]);
    item_put_text(root, 0x00541001, "CNTS");
    item_put_text(root, 0x00541002, "EMISSION");
    item_put_text(root, 0x00541102, "NONE");
    item_put_double(root, 0x00541300, 0);
    item_put_double(root, 0x00181242, 1);
    item_put_int(root, 0x00541330, (long)k + 1);
    item_put_empty(root, 0x00280051);
}

static const struct kind kinds[] = {
    { "CT", "1.2.840.10008.5.1.4.1.1.2", "DERIVED\\PRIMARY\\AXIAL", put_ct },
    { "MR", "1.2.840.10008.5.1.4.1.1.4", "DERIVED\\PRIMARY\\OTHER", put_mr },
    { "PT", "1.2.840.10008.5.1.4.1.1.128", "DERIVED\\PRIMARY", put_pet }
};

/* ---- quantisation ---- */

struct range {
    double low, high;
    bool whole;                         /* all values are whole numbers */
};

static bool find_range(const struct volume *volume, struct range *range, struct error *err)
{
    const size_t count = volume_count(volume);

    *range = (struct range){ INFINITY, -INFINITY, true };
    for (size_t i = 0; i < count; i++) {
        const double value = volume_value(volume, i);
        if (!isfinite(value))
            return error_set(err, ERROR_DATA, "voxel %zu is not a number", i);
        range->low = fmin(range->low, value);
        range->high = fmax(range->high, value);
        range->whole = range->whole && value == floor(value);
    }
    return true;
}

/* As it is; else from 0 where nothing is below, so that 0 stays 0; else over the whole range. */
static bool choose_steps(struct images *images, struct error *err)
{
    const struct volume *const volume = images->volume;
    struct range range;

    images->slope = 1;
    images->intercept = 0;
    if (volume->type == VOXEL_INT16) {
        images->slope = volume->slope;
        images->intercept = volume->intercept;
        return true;
    }
    if (!find_range(volume, &range, err))
        return false;
    if (range.whole && range.low >= INT16_MIN && range.high <= INT16_MAX)
        return true;
    if (range.whole && range.high - range.low <= UINT16_MAX) {
        images->intercept = range.low - INT16_MIN;
    } else if (range.low == range.high) {
        images->intercept = range.low;
    } else if (range.low >= 0) {
        images->slope = range.high / INT16_MAX;
    } else {
        images->slope = (range.high - range.low) / (UINT16_MAX - 1);
        images->intercept = range.low + INT16_MAX * images->slope;
    }
    return true;
}

static uint16_t stored(const struct images *images, size_t index)
{
    if (images->volume->type == VOXEL_INT16)
        return (uint16_t)images->volume->i16[index];
    const double value = (volume_value(images->volume, index) - images->intercept) / images->slope;
    return (uint16_t)(int16_t)fmin(fmax(floor(value + 0.5), INT16_MIN), INT16_MAX);
}

/* ---- what they share ---- */

static void put_uid(struct item *root, uint32_t tag, const char *key, const char *role)
{
    char uid[TEXT_UID_SIZE];

    uid_derive(key, role, uid);
    item_put_text(root, tag, uid);
}

static void put_study(struct item *root, const struct images *images)
{
    static const uint32_t unknown[] = { 0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00100030,
                                        0x00100040, 0x00200010, 0x00200012, 0x00200060, 0x00201040 };
    const struct images_about *const about = images->about;

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        item_put_empty(root, unknown[i]);
    item_put_text(root, 0x00080005, "ISO_IR 192");
    item_put_text(root, 0x00080008, images->kind->image_type);
    item_put_text(root, 0x00080016, images->kind->class_uid);
    item_put_text(root, 0x00080060, images->kind->modality);
    item_put_text(root, 0x00080070, UID_MANUFACTURER);
    item_put_text(root, 0x00081030, about->study_description);
    item_put_text(root, 0x0008103e, about->series_description);
    item_put_text(root, 0x00081090, "import");     /* whose results are UID_MODEL's: these are none */
    item_put_text(root, 0x00100010, about->patient_name);
    item_put_text(root, 0x00100020, about->patient_id);
    put_uid(root, 0x0020000d, about->study_key, "study");
    put_uid(root, 0x0020000e, about->series_key, "series");
    put_uid(root, 0x00200052, about->frame_key, "frame of reference");
    item_put_int(root, 0x00200011, about->series_number);
}

static void put_derivation(struct item *root, const struct images *images)
{
    char text[512];

    text_format(text, sizeof text, "%.400s; stored in 16 bit, quantisation step %.9g",
                images->about->derivation, images->slope);
    item_put_text(root, 0x00082111, text);
}

static void put_pixels(struct item *root, struct images *images, size_t k)
{
    const struct volume *const volume = images->volume;
    const size_t slice = volume->size[0] * volume->size[1];

    for (size_t i = 0; i < slice; i++)
        images->words[i] = stored(images, k * slice + i);
    item_put_int(root, 0x00280002, 1);
    item_put_text(root, 0x00280004, "MONOCHROME2");
    item_put_int(root, 0x00280010, (long)volume->size[1]);
    item_put_int(root, 0x00280011, (long)volume->size[0]);
    item_put_int(root, 0x00280100, 16);
    item_put_int(root, 0x00280101, 16);
    item_put_int(root, 0x00280102, 15);
    item_put_int(root, 0x00280103, 1);
    item_put_double(root, 0x00281052, images->intercept);
    item_put_double(root, 0x00281053, images->slope);
    item_put_words(root, 0x7fe00010, images->words, slice);
}

void images_put_plane(struct item *root, const struct volume *volume, size_t k)
{
    double position[3], cosines[6];
    const double spacing[2] = { volume_spacing_mm(volume, 1), volume_spacing_mm(volume, 0) };

    volume_to_patient(volume, (const double[3]){ 0, 0, (double)k }, position);
    for (int axis = 0; axis < 3; axis++) {
        cosines[axis] = volume->affine[axis][0] / spacing[1];
        cosines[axis + 3] = volume->affine[axis][1] / spacing[0];
    }
    item_put_doubles(root, 0x00200032, position, 3);
    item_put_doubles(root, 0x00200037, cosines, 6);
    item_put_doubles(root, 0x00280030, spacing, 2);
    item_put_double(root, 0x00180050, volume_spacing_mm(volume, 2));
}

/* ---- the series ---- */

static bool check(const struct volume *volume, struct error *err)
{
    double dot = 0;

    for (int axis = 0; axis < 3; axis++)
        dot += volume->affine[axis][0] * volume->affine[axis][1];
    const double steps = volume_spacing_mm(volume, 0) * volume_spacing_mm(volume, 1);
    if (!(steps > 0) || !(volume_spacing_mm(volume, 2) > 0))
        return error_set(err, ERROR_DATA, "a voxel without extent");
    if (fabs(dot) > PERPENDICULAR * steps)
        return error_set(err, ERROR_DATA, "the axes of its planes are not perpendicular");
    return (volume->size[0] <= MAX_SIDE && volume->size[1] <= MAX_SIDE && volume->size[2] <= MAX_SIDE)
        || error_set(err, ERROR_LIMIT, "%zu planes of %zu x %zu voxels", volume->size[2],
                     volume->size[0], volume->size[1]);
}

struct images *images_new(const struct volume *volume, const struct images_about *about,
                          struct error *err)
{
    const struct kind *kind = NULL;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].modality, about->modality) == 0)
            kind = &kinds[i];
    if (kind == NULL)
        return error_null(err, ERROR_USAGE, "modality '%s' is none of CT, MR and PT", about->modality);
    if (!check(volume, err))
        return NULL;
    struct images *const images = calloc(1, sizeof *images);
    if (images == NULL
        || (images->words = calloc(volume->size[0] * volume->size[1], sizeof(uint16_t))) == NULL) {
        images_free(images);
        return error_null(err, ERROR_MEMORY, "no memory for an image");
    }
    images->volume = volume;
    images->about = about;
    images->kind = kind;
    if (choose_steps(images, err))
        return images;
    images_free(images);
    return NULL;
}

void images_free(struct images *images)
{
    if (images != NULL)
        free(images->words);
    free(images);
}

double images_step(const struct images *images)
{
    return images->slope;
}

bool images_write(struct images *images, size_t k, unsigned char **ret_bytes, size_t *ret_size,
                  struct error *err)
{
    struct dataset *const dataset = dataset_new(err);
    char role[32];

    if (dataset == NULL)
        return false;
    struct item *const root = dataset_root(dataset);
    put_study(root, images);
    text_format(role, sizeof role, "image.%zu", k);
    put_uid(root, 0x00080018, images->about->series_key, role);
    item_put_int(root, 0x00200013, (long)k + 1);
    put_derivation(root, images);
    images->kind->put(root, images, k);
    images_put_plane(root, images->volume, k);
    put_pixels(root, images, k);
    const bool good = dataset_write(dataset, ret_bytes, ret_size, err);
    dataset_free(dataset);
    return good;
}
