/* Series: frames as they come, then one stack of them, its geometry, and values in their unit. */
#include "dicom/series.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/frame.h"
#include "dicom/stack.h"
#include "dicom/suv.h"
#include "util/arena.h"
#include "util/error.h"

#define TILT_TOLERANCE 0.00175      /* tan 0.1° */
#define EVEN 0.01                   /* of the spacing: regular */
#define UNEVEN 0.05                 /* of the spacing: taken with true positions */
#define AIR_HU (-1024)
#define MOST_HALF_LIVES 20          /* of a slice that was not decay corrected */
#define MAX_VALUE 1e30              /* of a voxel, in its unit */

enum tag {
    ACQUISITION_DATE = 0x00080022, ACQUISITION_TIME = 0x00080032, MODALITY = 0x00080060,
    PATIENT_ID = 0x00100020, BODY_PART = 0x00180015, STUDY_UID = 0x0020000d,
    FRAME_OF_REFERENCE = 0x00200052
};

struct image {                      /* of one instance; its pixels lie behind each other */
    struct image *next;
    size_t frames;
    struct frame *frame;
};

struct series {
    struct arena *arena;
    struct dataset *head;           /* the first data set without its pixels */
    bool head_is_localizer;
    size_t room, images;            /* instances: expected, and added */
    size_t frames;                  /* of all of them */
    size_t left_out;                /* localizers of which nothing can be read, not among the frames */
    struct image *first, **last;
    struct stack stack;             /* the one that is analysed */
    char patient_id[65], study_uid[TEXT_UID_SIZE], modality[17];
    char frame_uid[TEXT_UID_SIZE];  /* Frame of Reference, "" when not told; of no localizer */
    bool has_frame_uid;
    struct suv_inputs suv;          /* of the first slice */
    const char *suv_differs;        /* what another slice has otherwise, or NULL */
    double first_acquisition_s;
    enum volume_unit wished_suv;
    uint16_t *block;                /* the stack's stored values */
};

struct series *series_new(size_t slices, struct arena *arena, struct error *err)
{
    struct series *const series = arena_take_zeroed(arena, 1, sizeof *series, err);

    if (series == NULL)
        return NULL;
    series->arena = arena;
    series->room = slices;
    series->last = &series->first;
    series->first_acquisition_s = NAN;
    series->wished_suv = UNIT_SUVBW;
    return series;
}

void series_free(struct series *series)
{
    if (series == NULL)
        return;
    dataset_free(series->head);
    series->head = NULL;
}

void series_wish_suv(struct series *series, enum volume_unit unit)
{
    series->wished_suv = unit;
}

struct dataset *series_template(struct series *series)
{
    return series->head;
}

void series_warn(struct series_facts *facts, const char *format, ...)
{
    va_list list;

    if (facts->warning_count == SERIES_MAX_WARNINGS)
        return;
    va_start(list, format);
    vsnprintf(facts->warning[facts->warning_count++], sizeof facts->warning[0], format, list);
    va_end(list);
}

/* ---- adding ---- */

/* What must be alike in all images; the first one sets it. */
static void begin_series(struct series *series, const struct item *image)
{
    item_text_at(image, PATIENT_ID, 0, series->patient_id, sizeof series->patient_id);
    item_text_at(image, STUDY_UID, 0, series->study_uid, sizeof series->study_uid);
    item_text_at(image, MODALITY, 0, series->modality, sizeof series->modality);
    suv_inputs_read(image, &series->suv);
}

static bool check_patient(const struct series *series, const struct item *image,
                          struct error *err)
{
    char patient[65], study[TEXT_UID_SIZE];

    item_text_at(image, PATIENT_ID, 0, patient, sizeof patient);
    item_text_at(image, STUDY_UID, 0, study, sizeof study);
    return (strcmp(patient, series->patient_id) == 0 && strcmp(study, series->study_uid) == 0)
        || error_set(err, ERROR_DATA, "it is of another patient or study than the slices before");
}

/* A localizer may have one of its own: it is set aside. */
static bool check_frame_of_reference(struct series *series, const struct item *image,
                                     struct error *err)
{
    char frame[TEXT_UID_SIZE];

    if (frame_is_localizer(image))
        return true;
    item_text_at(image, FRAME_OF_REFERENCE, 0, frame, sizeof frame);
    if (!series->has_frame_uid)
        memcpy(series->frame_uid, frame, sizeof frame);
    series->has_frame_uid = true;
    return strcmp(frame, series->frame_uid) == 0
        || error_set(err, ERROR_DATA, "mixed frames of reference: the positions of this "
                     "slice cannot be compared with the first's");
}

/* Geometry of all frames. */
static bool read_frames(struct series *series, const struct item *image, size_t frames,
                        struct image *ret_image, struct error *err)
{
    struct frame_format format;

    if (!frame_format_read(image, &format, err))
        return false;
    ret_image->frames = frames;
    ret_image->frame = arena_take(series->arena, frames, sizeof *ret_image->frame, err);
    if (ret_image->frame == NULL)
        return false;
    for (size_t f = 0; f < frames; f++)
        if (!frame_read(image, f, &format, &ret_image->frame[f], err))
            return frames > 1 ? error_prefix(err, "frame %zu", f + 1) : false;
    return true;
}

static bool read_pixels(struct series *series, struct dataset *dataset, struct image *image,
                        struct error *err)
{
    const struct frame_format *const format = &image->frame[0].format;
    const size_t each = (size_t)format->rows * (size_t)format->columns;
    const size_t needed = image->frames * each * (size_t)(format->allocated / 8);
    const void *pixels = NULL;
    size_t size = 0;

    if (!dataset_pixels(dataset, &pixels, &size, err))
        return false;
    if (size < needed)
        return error_set(err, ERROR_DATA, "%zu bytes of pixels where %zu are needed", size,
                         needed);
    uint16_t *const to = arena_take(series->arena, image->frames * each, sizeof *to, err);
    if (to == NULL)
        return false;
    frame_widen(pixels, image->frames * each, format, to);
    for (size_t f = 0; f < image->frames; f++)
        image->frame[f].pixels = to + f * each;
    return true;
}

/* What SUV is computed from must be alike in all slices. */
static void note_suv(struct series *series, const struct item *image)
{
    struct suv_inputs inputs;

    if (series->suv_differs != NULL || strcmp(series->modality, "PT") != 0)
        return;
    suv_inputs_read(image, &inputs);
    series->suv_differs = suv_inputs_compare(&series->suv, &inputs);
}

static void note_acquisition(struct series *series, const struct item *image)
{
    const double moment = suv_moment(image, ACQUISITION_DATE, ACQUISITION_TIME);

    if (!isnan(moment))
        series->first_acquisition_s = fmin(series->first_acquisition_s, moment);
}

static bool note_head(struct series *series, struct dataset *dataset, bool localizer,
                      struct error *err)
{
    if (series->head != NULL && (localizer || !series->head_is_localizer))
        return true;
    struct dataset *const head = dataset_copy_head(dataset, err);
    if (head == NULL)
        return false;
    dataset_free(series->head);
    series->head = head;
    series->head_is_localizer = localizer;
    return true;
}

/* The image with its frames; NULL with `*ret_left_out` for a localizer that has no place, say. */
static struct image *read_image(struct series *series, struct dataset *dataset,
                                bool *ret_left_out, struct error *err)
{
    const struct item *const root = dataset_root(dataset);
    struct image *const image = arena_take_zeroed(series->arena, 1, sizeof *image, err);
    const bool localizer = frame_is_localizer(root);
    size_t frames = 1;

    if (image == NULL)
        return NULL;
    if (!frame_count(root, &frames, err) || !read_frames(series, root, frames, image, err)) {
        *ret_left_out = localizer;
        return NULL;
    }
    return localizer || read_pixels(series, dataset, image, err) ? image : NULL;
}

static bool add(struct series *series, struct dataset *dataset, struct error *err)
{
    const struct item *const root = dataset_root(dataset);
    bool left_out = false;

    if ((series->images > 0 && !check_patient(series, root, err))
        || !check_frame_of_reference(series, root, err))
        return false;
    struct image *const image = read_image(series, dataset, &left_out, err);
    if ((image == NULL && !left_out)
        || !note_head(series, dataset, frame_is_localizer(root), err))
        return false;
    if (series->images == 0)
        begin_series(series, root);
    series->images++;
    series->left_out += left_out;
    if (image == NULL)
        return true;
    note_acquisition(series, root);
    note_suv(series, root);
    series->frames += image->frames;
    *series->last = image;
    series->last = &image->next;
    return true;
}

bool series_add(struct series *series, struct dataset *dataset, struct error *err)
{
    const size_t mark = arena_mark(series->arena);

    if (series->images == series->room)
        return error_set(err, ERROR_LIMIT, "more slices than the %zu expected", series->room);
    if (add(series, dataset, err))
        return true;
    arena_rewind(series->arena, mark);
    return false;
}

/* ---- the stack ---- */

static bool gather(struct series *series, struct series_facts *facts, struct error *err)
{
    struct frame *const all = arena_take(series->arena, series->frames, sizeof *all, err);
    size_t filled = 0;

    if (all == NULL)
        return false;
    for (const struct image *one = series->first; one != NULL; one = one->next) {
        memcpy(all + filled, one->frame, one->frames * sizeof *all);
        filled += one->frames;
    }
    return stack_choose(all, filled, series->arena, &series->stack, facts, err);
}

static int compare_pixels(const void *a, const void *b)
{
    const struct frame *const left = *(struct frame *const *)a;
    const struct frame *const right = *(struct frame *const *)b;

    return left->pixels < right->pixels ? -1 : left->pixels > right->pixels;
}

static size_t pixels_of(const struct series *series)
{
    const struct frame_format *const format = &series->stack.frame[0]->format;

    return (size_t)format->rows * (size_t)format->columns;
}

/*
 * Moves the stack's pixels down to where the first of them lie, over those of other stacks, so
 * that they are one block without a second copy. They lie in the order of their coming.
 */
static bool compact(struct series *series, struct error *err)
{
    const size_t pixels = pixels_of(series), mark = arena_mark(series->arena);
    struct frame **const order = arena_take(series->arena, series->stack.count, sizeof *order,
                                            err);

    if (order == NULL)
        return false;
    memcpy(order, series->stack.frame, series->stack.count * sizeof *order);
    qsort(order, series->stack.count, sizeof *order, compare_pixels);
    series->block = order[0]->pixels;
    for (size_t i = 0; i < series->stack.count; i++) {
        uint16_t *const to = series->block + i * pixels;
        if (order[i]->pixels != to)
            memmove(to, order[i]->pixels, pixels * sizeof *to);
        order[i]->pixels = to;
    }
    arena_rewind(series->arena, mark);
    return true;
}

/* Brings the block into the order of the stack, following the cycles of the permutation. */
static bool permute(struct series *series, struct error *err)
{
    const size_t pixels = pixels_of(series), bytes = pixels * sizeof *series->block;
    const size_t mark = arena_mark(series->arena);
    struct frame *const *const frame = series->stack.frame;
    uint16_t *const block = series->block;
    uint16_t *const spare = arena_take(series->arena, pixels, sizeof *spare, err);

    if (spare == NULL)
        return false;
    for (size_t start = 0; start < series->stack.count; start++) {
        if (frame[start]->pixels == block + start * pixels)
            continue;
        memcpy(spare, block + start * pixels, bytes);
        size_t at = start;
        while (frame[at]->pixels != block + start * pixels) {
            const size_t from = (size_t)(frame[at]->pixels - block) / pixels;
            memcpy(block + at * pixels, block + from * pixels, bytes);
            frame[at]->pixels = block + at * pixels;
            at = from;
        }
        memcpy(block + at * pixels, spare, bytes);
        frame[at]->pixels = block + at * pixels;
    }
    arena_rewind(series->arena, mark);
    return true;
}

/* ---- geometry ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* The median of the steps along the normal; 0 when there is no memory. */
static double median_step(const struct series *series, struct error *err)
{
    const size_t steps = series->stack.count - 1;
    const size_t mark = arena_mark(series->arena);
    double *const step = arena_take(series->arena, steps, sizeof *step, err);

    if (step == NULL)
        return 0;
    for (size_t i = 0; i < steps; i++)
        step[i] = series->stack.frame[i + 1]->along - series->stack.frame[i]->along;
    qsort(step, steps, sizeof *step, compare_doubles);
    const double median = step[steps / 2];
    arena_rewind(series->arena, mark);
    return median;
}

/* ret_worst: the largest deviation from the median step, relative. */
static bool find_worst_step(const struct series *series, double *ret_worst, struct error *err)
{
    const double median = median_step(series, err);

    *ret_worst = 0;
    for (size_t i = 0; i + 1 < series->stack.count && median > 0; i++) {
        const double step = series->stack.frame[i + 1]->along - series->stack.frame[i]->along;
        const double off = fabs(step - median);
        if (off > 0.01)
            *ret_worst = fmax(*ret_worst, off / median);
    }
    return median > 0;
}

/*
 * Slices may be shifted in their planes evenly (a tilted gantry: a sheared grid), and in no
 * other way.
 */
static bool check_shift(const struct series *series, struct series_facts *facts,
                        struct error *err)
{
    const struct frame *const first = series->stack.frame[0];
    const struct frame *const last = series->stack.frame[series->stack.count - 1];
    const double length = last->along - first->along;
    double step[3], tilt = 0;

    for (int axis = 0; axis < 3; axis++)
        step[axis] = (last->position[axis] - first->position[axis]) / length;
    for (size_t i = 0; i < series->stack.count; i++)
        for (int axis = 0; axis < 3; axis++) {
            const struct frame *const one = series->stack.frame[i];
            const double away = one->position[axis] - first->position[axis]
                - step[axis] * (one->along - first->along);
            if (fabs(away) > 0.5)
                return error_set(err, ERROR_DATA, "slices are shifted against each other: "
                                 "%.2f mm at position %.2f mm", fabs(away), one->along);
        }
    for (int axis = 0; axis < 3; axis++)
        tilt += pow(step[axis] - series->stack.normal[axis], 2);
    if (sqrt(tilt) > TILT_TOLERANCE)
        series_warn(facts, "tilted gantry: slices are sheared by %.1f degrees",
                    atan(sqrt(tilt)) * 180 / M_PI);
    return true;
}

static bool fill_slices(const struct series *series, struct volume *volume,
                        struct error *err)
{
    struct volume_slice *const slices
        = arena_take_zeroed(series->arena, series->stack.count, sizeof *slices, err);

    if (slices == NULL)
        return false;
    for (size_t i = 0; i < series->stack.count; i++) {
        memcpy(slices[i].position_mm, series->stack.frame[i]->position,
               sizeof slices[i].position_mm);
        memcpy(slices[i].sop_class_uid, series->stack.frame[i]->class_uid, TEXT_UID_SIZE);
        memcpy(slices[i].sop_uid, series->stack.frame[i]->uid, TEXT_UID_SIZE);
        slices[i].frame = series->stack.frame[i]->number;
        slices[i].of_many = series->stack.frame[i]->of_many;
    }
    volume->slices = slices;
    return true;
}

/* imaging-physics: [ r Δcolumn | q Δrow | step | first position ]. */
static bool fill_grid(const struct series *series, double worst, struct volume *volume,
                      struct error *err)
{
    const struct frame *const first = series->stack.frame[0];
    const struct frame *const last = series->stack.frame[series->stack.count - 1];

    volume->size[0] = (size_t)first->format.columns;
    volume->size[1] = (size_t)first->format.rows;
    volume->size[2] = series->stack.count;
    volume->even = worst <= EVEN;
    for (int axis = 0; axis < 3; axis++) {
        volume->affine[axis][0] = first->orientation[axis] * first->spacing[1];
        volume->affine[axis][1] = first->orientation[axis + 3] * first->spacing[0];
        volume->affine[axis][2] = series->stack.count == 1 ? series->stack.normal[axis]
            : (last->position[axis] - first->position[axis]) / (double)(series->stack.count - 1);
        volume->affine[axis][3] = first->position[axis];
    }
    item_text_at(dataset_root(series->head), FRAME_OF_REFERENCE, 0,
                 volume->frame_of_reference_uid, sizeof volume->frame_of_reference_uid);
    return fill_slices(series, volume, err);
}

/* Pictures a millimetre apart; one alone has its step, too. */
static bool place_planar(const struct series *series, struct volume *volume, struct series_facts *facts,
                         struct error *err)
{
    if (series->stack.count > SERIES_MAX_VIEWS)
        return error_set(err, ERROR_UNSUPPORTED, "%zu planar views, %d are read", series->stack.count,
                         SERIES_MAX_VIEWS);
    if (!fill_grid(series, 0, volume, err))
        return false;
    for (int axis = 0; axis < 3; axis++)
        volume->affine[axis][2] = axis == 1 ? 1 : 0;
    volume->planar = true;
    for (size_t k = 0; k < series->stack.count; k++)
        text_format(facts->view[k], sizeof facts->view[k], "%s", series->stack.frame[k]->view);
    series_warn(facts, "planar views: areas and lengths in the picture, no volume and no place in the patient");
    return true;
}

static bool place(struct series *series, struct volume *volume, struct series_facts *facts,
                  struct error *err)
{
    double worst = 0;

    if (series->stack.frame[0]->planar)
        return place_planar(series, volume, facts, err);
    if (series->stack.count == 1) {
        series_warn(facts, "a single slice: areas and lengths in it, no volume");
        return fill_grid(series, 0, volume, err);
    }
    if (!find_worst_step(series, &worst, err) || !check_shift(series, facts, err))
        return false;
    if (worst > EVEN && worst <= UNEVEN)        /* beyond it analysis/resample.h tells */
        series_warn(facts, "uneven slices: a step is %.1f %% off; true positions are used",
             100 * worst);
    return fill_grid(series, worst, volume, err);
}

/* ---- values ---- */

static bool is_whole(double value)
{
    return value == nearbyint(value) && fabs(value) <= INT16_MAX;
}

/* All slices have slope 1 and a whole intercept: values stay whole numbers. */
static bool stays_whole(const struct series *series)
{
    for (size_t i = 0; i < series->stack.count; i++)
        if (series->stack.frame[i]->slope != 1 || !is_whole(series->stack.frame[i]->intercept))
            return false;
    return true;
}

static int32_t stored_value(const struct frame *frame, uint16_t raw)
{
    return frame->format.is_signed ? (int32_t)(int16_t)raw : (int32_t)raw;
}

static bool is_padding(const struct frame *frame, int32_t stored)
{
    return frame->padded && stored >= frame->padding_from && stored <= frame->padding_to;
}

/* Whether all values fit int16; CT's padding becomes air and need not. */
static bool fits_int16(const struct series *series, bool is_ct)
{
    const size_t pixels = pixels_of(series);

    for (size_t k = 0; k < series->stack.count; k++) {
        const struct frame *const frame = series->stack.frame[k];
        const uint16_t *const from = series->block + k * pixels;
        int32_t low = INT32_MAX, high = INT32_MIN;
        for (size_t i = 0; i < pixels; i++) {
            const int32_t value = stored_value(frame, from[i]);
            if (is_ct && is_padding(frame, value))
                continue;
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        if (low <= high && (low + frame->intercept < INT16_MIN
                            || high + frame->intercept > INT16_MAX))
            return false;
    }
    return true;
}

static void to_int16(struct series *series, bool is_ct)
{
    const size_t pixels = pixels_of(series);

    for (size_t k = 0; k < series->stack.count; k++) {
        const struct frame *const frame = series->stack.frame[k];
        const int32_t add = (int32_t)frame->intercept;
        uint16_t *const voxel = series->block + k * pixels;
        if (is_ct && frame->padded)
            for (size_t i = 0; i < pixels; i++) {
                const int32_t value = stored_value(frame, voxel[i]);
                voxel[i] = (uint16_t)(is_padding(frame, value) ? AIR_HU : value + add);
            }
        else if (add != 0)
            for (size_t i = 0; i < pixels; i++)
                voxel[i] = (uint16_t)(voxel[i] + add);
    }
}

/* Whatever is stored, no value becomes infinite, nor a sum of them later. */
static bool check_range(const struct series *series, double factor, struct error *err)
{
    for (size_t i = 0; i < series->stack.count; i++) {
        const struct frame *const frame = series->stack.frame[i];
        const double most = (65536 * fabs(frame->slope) + fabs(frame->intercept))
            * fabs(factor);
        if (!(most <= MAX_VALUE))
            return error_set(err, ERROR_DATA, "Rescale Slope %g and Intercept %g, times %g: "
                             "values of up to %g are none that were measured", frame->slope,
                             frame->intercept, factor, most);
    }
    return true;
}

static bool to_float(struct series *series, double factor, bool is_ct, float **ret_values,
                     struct error *err)
{
    const size_t pixels = pixels_of(series);
    float *const values = arena_take(series->arena, pixels * series->stack.count, sizeof *values,
                                     err);

    if (values == NULL)
        return false;
    for (size_t k = 0; k < series->stack.count; k++) {
        const struct frame *const frame = series->stack.frame[k];
        const uint16_t *const from = series->block + k * pixels;
        float *const to = values + k * pixels;
        for (size_t i = 0; i < pixels; i++) {
            const int32_t stored = stored_value(frame, from[i]);
            to[i] = is_ct && is_padding(frame, stored) ? AIR_HU
                : (float)((stored * frame->slope + frame->intercept) * factor);
        }
    }
    *ret_values = values;
    return true;
}

/* What the stack's values are by their rescale type, which must be one. */
static bool find_unit(const struct series *series, struct series_facts *facts,
                      enum volume_unit *ret_unit, struct error *err)
{
    const struct frame *const first = series->stack.frame[0];
    const char *const type = first->rescale_type;
    const bool is_ct = strcmp(series->modality, "CT") == 0;

    for (size_t i = 1; i < series->stack.count; i++)
        if (strcmp(series->stack.frame[i]->rescale_type, type) != 0)
            return error_set(err, ERROR_DATA, "mixed rescale types: '%s' and '%s'", type,
                             series->stack.frame[i]->rescale_type);
    /* Where functional groups are, the type is required, and none is not HU. */
    *ret_unit = is_ct && (strcmp(type, "HU") == 0
                          || (!first->enhanced && (type[0] == '\0' || strcmp(type, "US") == 0)))
        ? UNIT_HU : strcmp(series->modality, "NM") == 0 ? UNIT_COUNTS : UNIT_ARBITRARY;
    if (is_ct && *ret_unit != UNIT_HU)
        series_warn(facts, "Rescale Type '%s': the values of this CT are no Hounsfield units",
                    type);
    if (is_ct && *ret_unit == UNIT_HU && !first->rescaled)
        series_warn(facts, "no Rescale Slope: stored values of this CT are taken for "
                    "Hounsfield units");
    return true;
}

/*
 * The factor of all slices; where they were not decay corrected, each one's own goes into its
 * slope and intercept.
 */
static double make_suv(struct series *series, struct volume *volume, struct series_facts *facts)
{
    const struct suv_wish wish = { series->wished_suv, series->first_acquisition_s,
                                   series->suv_differs };
    struct frame *const *const frame = series->stack.frame;
    struct suv suv;
    bool known = suv_compute(dataset_root(series->head), &wish, &suv);

    for (size_t k = 0; k < series->stack.count && known && suv.half_life_s > 0; k++) {
        const bool told = !isnan(frame[k]->frame_s);
        if (told && fabs(log2(suv_slice_decay(&suv, frame[k]->frame_s))) <= MOST_HALF_LIVES)
            continue;
        text_format(suv.how, sizeof suv.how, told ? "SUV not computable: needs slices within %d "
                    "half lives of the injection" : "SUV not computable: needs Acquisition Date and "
                    "Time and Actual Frame Duration of every slice", MOST_HALF_LIVES);
        suv.unit = suv.stored_unit;
        suv.factor = 1;
        known = false;
    }
    for (size_t k = 0; k < series->stack.count && known; k++) {
        const double decay = suv_slice_decay(&suv, frame[k]->frame_s);
        frame[k]->slope *= decay;
        frame[k]->intercept *= decay;
    }
    text_format(facts->suv, sizeof facts->suv, "%s", suv.how);
    volume->unit = suv.unit;
    if (!known)
        series_warn(facts, "%s", facts->suv);
    return suv.factor;
}

static bool fill_values(struct series *series, struct volume *volume,
                        struct series_facts *facts, struct error *err)
{
    const bool is_ct = strcmp(series->modality, "CT") == 0;
    const bool is_pet = strcmp(series->modality, "PT") == 0;
    double factor = 1;

    if (!find_unit(series, facts, &volume->unit, err))
        return false;
    if (is_pet)
        factor = make_suv(series, volume, facts);
    volume->slope = 1;
    volume->intercept = 0;
    if (!is_pet && stays_whole(series) && fits_int16(series, is_ct)) {
        to_int16(series, is_ct);
        volume->type = VOXEL_INT16;
        volume->i16 = (int16_t *)series->block;
        return true;
    }
    volume->type = VOXEL_FLOAT32;
    return check_range(series, factor, err)
        && to_float(series, factor, is_ct, &volume->f32, err);
}

bool series_volume(struct series *series, struct volume *ret_volume,
                   struct series_facts *ret_facts, struct error *err)
{
    struct volume volume = { .slope = 1 };
    struct series_facts facts = { .slices = 0 };

    if (series->frames == 0)
        return series->left_out > 0 ? error_set(err, ERROR_UNSUPPORTED, "a localizer")
            : error_set(err, ERROR_DATA, "no slices");
    if (!gather(series, &facts, err))
        return false;
    if (series->left_out > 0)
        series_warn(&facts, "%zu localizer%s without a place set aside", series->left_out,
                    series->left_out == 1 ? "" : "s");
    facts.slices = series->stack.count;
    if (facts.slices == 1 && series->frames > 1 && !series->stack.frame[0]->planar)
        return error_set(err, ERROR_UNSUPPORTED, "%zu slices, of which no two lie behind each "
                         "other: no volume", series->frames);
    text_format(facts.modality, sizeof facts.modality, "%s", series->modality);
    item_text_at(dataset_root(series->head), BODY_PART, 0, facts.body_part,
                 sizeof facts.body_part);
    if (!place(series, &volume, &facts, err) || !compact(series, err)
        || !permute(series, err) || !fill_values(series, &volume, &facts, err))
        return false;
    *ret_volume = volume;
    *ret_facts = facts;
    return true;
}

bool series_is_patient_of(struct dataset *source, struct dataset *other, struct error *err)
{
    static const uint32_t tags[] = { PATIENT_ID, STUDY_UID };
    char own[TEXT_UID_SIZE], its[TEXT_UID_SIZE];

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        own[0] = its[0] = '\0';
        item_text_at(dataset_root(source), tags[i], 0, own, sizeof own);
        item_text_at(dataset_root(other), tags[i], 0, its, sizeof its);
        if (strcmp(own, its) != 0)
            return error_set(err, ERROR_DATA, "it is of another patient or study than the slices");
    }
    return true;
}
