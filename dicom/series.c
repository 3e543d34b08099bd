/* Series: slices into one block of stored values, then geometry, then values in their unit. */
#include "dicom/series.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/suv.h"
#include "util/arena.h"
#include "util/error.h"

#define COSINE_TOLERANCE 1e-4
#define TILT_TOLERANCE 0.00175      /* tan 0.1° */
#define SAME_SPACING 2e-4           /* of a pixel's: a tenth of one over 512 */
#define EVEN 0.01                   /* of the spacing: regular */
#define UNEVEN 0.05                 /* of the spacing: taken with true positions */
#define AIR_HU (-1024)
#define MAX_FRAMES 65535
#define MAX_VALUE 1e30              /* of a voxel, in its unit */

enum tag {
    IMAGE_TYPE = 0x00080008, SOP_CLASS = 0x00080016, SOP_UID = 0x00080018,
    ACQUISITION_DATE = 0x00080022, ACQUISITION_TIME = 0x00080032, MODALITY = 0x00080060,
    PATIENT_ID = 0x00100020, BODY_PART = 0x00180015, STUDY_UID = 0x0020000d,
    POSITION = 0x00200032, ORIENTATION = 0x00200037, FRAME_OF_REFERENCE = 0x00200052,
    SAMPLES = 0x00280002, FRAMES = 0x00280008, ROWS = 0x00280010,
    COLUMNS = 0x00280011, PIXEL_SPACING = 0x00280030, BITS_ALLOCATED = 0x00280100,
    BITS_STORED = 0x00280101, HIGH_BIT = 0x00280102, PIXEL_REPRESENTATION = 0x00280103,
    SPACING_BETWEEN = 0x00180088, DETECTORS = 0x00540022, SLICE_VECTOR = 0x00540080,
    PLANE_POSITION = 0x00209113, PLANE_ORIENTATION = 0x00209116, PIXEL_MEASURES = 0x00289110,
    PIXEL_TRANSFORMATION = 0x00289145, SHARED_GROUPS = 0x52009229, FRAME_GROUPS = 0x52009230,
    PADDING = 0x00280120, PADDING_LIMIT = 0x00280121, INTERCEPT = 0x00281052,
    SLOPE = 0x00281053, RESCALE_TYPE = 0x00281054, MODALITY_LUT = 0x00283000
};

struct slice {
    double position[3], along;      /* mm; along the normal */
    double slope, intercept;
    bool padded;                    /* padding of stored values from..to */
    int32_t padding_from, padding_to;
    char class_uid[TEXT_UID_SIZE], uid[TEXT_UID_SIZE];
    size_t block;                   /* which slice of the block holds its pixels */
    uint32_t frame;                 /* of its instance, from 1 */
    bool of_many;                   /* the instance has several */
    double frame_s;                 /* PET: suv_frame_moment() */
};

struct format {                     /* of stored pixels; alike in all slices */
    long rows, columns, allocated, stored, high, is_signed;
};

struct series {
    struct arena *arena;
    struct dataset *head;           /* the first data set without its pixels */
    size_t room, count;
    struct slice *slice;
    struct format format;
    double orientation[6], normal[3], spacing[2];   /* spacing: between rows, columns */
    char patient_id[65], study_uid[TEXT_UID_SIZE], modality[17];
    char rescale_type[17];
    bool enhanced;                  /* of functional groups, which leave nothing to guess */
    char frame_uid[TEXT_UID_SIZE];  /* Frame of Reference, "" when not told */
    struct suv_inputs suv;          /* of the first slice */
    const char *suv_differs;        /* what another slice has otherwise, or NULL */
    double first_acquisition_s;
    enum volume_unit wished_suv;
    uint16_t *block;                /* stored values, sign extended when signed */
};

struct series *series_new(size_t slices, struct arena *arena, struct error *err)
{
    struct series *const series = arena_take_zeroed(arena, 1, sizeof *series, err);

    if (series == NULL)
        return NULL;
    series->arena = arena;
    series->room = slices;
    series->first_acquisition_s = NAN;
    series->wished_suv = UNIT_SUVBW;
    series->slice = arena_take_zeroed(arena, slices, sizeof *series->slice, err);
    return series->slice == NULL ? NULL : series;
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

/* ---- reading one slice ---- */

/* One frame of an image; of a classic image the only one, without groups of its own. */
struct view {
    const struct item *image, *own, *shared;
    size_t frame;                   /* from 0 */
};

static struct view view_of(const struct item *image, size_t frame)
{
    return (struct view){ image, item_at(image, FRAME_GROUPS, frame),
                          item_at(image, SHARED_GROUPS, 0), frame };
}

/* The functional group of the frame, of all frames, or the classic image itself (PS3.3 C.7.6.16). */
static const struct item *group(const struct view *view, uint32_t tag)
{
    const struct item *found = view->own == NULL ? NULL : item_at(view->own, tag, 0);

    if (found == NULL && view->shared != NULL)
        found = item_at(view->shared, tag, 0);
    return found == NULL ? view->image : found;
}

static bool is_nuclear(const struct item *image)
{
    char modality[17];

    item_text_at(image, MODALITY, 0, modality, sizeof modality);
    return strcmp(modality, "NM") == 0;
}

static bool has_type(const struct item *image, const char *type)
{
    char value[17];

    for (size_t i = 0; i < item_value_count(image, IMAGE_TYPE); i++)
        if (item_text_at(image, IMAGE_TYPE, i, value, sizeof value) && strcmp(value, type) == 0)
            return true;
    return false;
}

/* Frames are slices where functional groups, or a reconstruction of NM, say where they lie. */
static bool check_frames(const struct item *image, size_t *ret_frames, struct error *err)
{
    long frames = 1;

    item_int(image, FRAMES, 0, &frames);
    *ret_frames = (size_t)frames;
    if (frames < 1 || frames > MAX_FRAMES)
        return error_set(err, ERROR_DATA, "Number of Frames %ld", frames);
    if (is_nuclear(image) && !has_type(image, "RECON TOMO"))
        return error_set(err, ERROR_UNSUPPORTED, "an NM image that is no reconstructed volume");
    const size_t groups = item_count(image, FRAME_GROUPS);
    if (groups > 0 && groups != (size_t)frames)
        return error_set(err, ERROR_DATA, "%ld frames with functional groups for %zu", frames,
                         groups);
    return frames == 1 || groups > 0 || is_nuclear(image)
        || error_set(err, ERROR_UNSUPPORTED, "a multi-frame image of %ld frames that does not "
                     "say where they lie", frames);
}

static bool check_kind(const struct item *image, size_t *ret_frames, struct error *err)
{
    long samples = 1;

    if (!item_has(image, ROWS) || !item_has(image, COLUMNS))
        return error_set(err, ERROR_DATA, "not an image: no Rows and Columns");
    if (item_int(image, SAMPLES, 0, &samples) && samples != 1)
        return error_set(err, ERROR_UNSUPPORTED, "a colour image, %ld samples a pixel",
                         samples);
    if (!check_frames(image, ret_frames, err))
        return false;
    if (item_count(image, MODALITY_LUT) > 0)
        return error_set(err, ERROR_UNSUPPORTED, "a Modality LUT Sequence is not read yet");
    return !has_type(image, "LOCALIZER") || error_set(err, ERROR_UNSUPPORTED, "a localizer");
}

static bool read_format(const struct item *image, struct format *ret_format,
                        struct error *err)
{
    struct format format = { .rows = 0 };

    if (!item_int(image, ROWS, 0, &format.rows)
        || !item_int(image, COLUMNS, 0, &format.columns) || format.rows < 1
        || format.columns < 1 || format.rows > 65535 || format.columns > 65535)
        return error_set(err, ERROR_DATA, "%ld rows and %ld columns", format.rows,
                         format.columns);
    item_int(image, BITS_ALLOCATED, 0, &format.allocated);
    if (format.allocated != 8 && format.allocated != 16)
        return error_set(err, ERROR_UNSUPPORTED, "%ld bits a pixel are not read",
                         format.allocated);
    if (!item_int(image, BITS_STORED, 0, &format.stored))
        format.stored = format.allocated;
    if (!item_int(image, HIGH_BIT, 0, &format.high))
        format.high = format.stored - 1;
    item_int(image, PIXEL_REPRESENTATION, 0, &format.is_signed);
    if (format.stored < 1 || format.stored > format.allocated
        || format.high >= format.allocated || format.high < format.stored - 1)
        return error_set(err, ERROR_DATA, "%ld bits stored of %ld with high bit %ld",
                         format.stored, format.allocated, format.high);
    *ret_format = format;
    return true;
}

static bool read_doubles(const struct item *image, uint32_t tag, double *values,
                         size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!item_double(image, tag, i, &values[i]))
            return false;
    return true;
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* NM keeps its geometry with the detector. */
static const struct item *place_of(const struct view *view, uint32_t tag)
{
    const struct item *const detector = is_nuclear(view->image)
        ? item_at(view->image, DETECTORS, 0) : NULL;

    return detector != NULL ? detector : group(view, tag);
}

static bool read_orientation(const struct view *view, double ret[6], struct error *err)
{
    if (!read_doubles(place_of(view, PLANE_ORIENTATION), ORIENTATION, ret, 6))
        return error_set(err, ERROR_DATA, "no Image Orientation (Patient)");
    if (fabs(dot(ret, ret) - 1) > 0.01 || fabs(dot(ret + 3, ret + 3) - 1) > 0.01
        || fabs(dot(ret, ret + 3)) > 0.01)
        return error_set(err, ERROR_DATA, "Image Orientation (Patient) is not two "
                         "perpendicular unit vectors");
    return true;
}

static bool read_spacing(const struct view *view, double ret[2], struct error *err)
{
    if (!read_doubles(group(view, PIXEL_MEASURES), PIXEL_SPACING, ret, 2))
        return error_set(err, ERROR_DATA, "no Pixel Spacing");
    return (ret[0] > 0 && ret[1] > 0 && ret[0] < 1e3 && ret[1] < 1e3)
        || error_set(err, ERROR_DATA, "Pixel Spacing %g\\%g", ret[0], ret[1]);
}

/* What must be alike in all slices; the first one sets it. */
static bool begin_series(struct series *series, const struct view *view, size_t frames,
                         const struct format *format, struct error *err)
{
    const struct item *const image = view->image;
    double *const o = series->orientation, *const n = series->normal;
    const size_t pixels = (size_t)format->rows * (size_t)format->columns;

    if (!read_orientation(view, o, err) || !read_spacing(view, series->spacing, err))
        return false;
    n[0] = o[1] * o[5] - o[2] * o[4];
    n[1] = o[2] * o[3] - o[0] * o[5];
    n[2] = o[0] * o[4] - o[1] * o[3];
    series->format = *format;
    item_text_at(image, PATIENT_ID, 0, series->patient_id, sizeof series->patient_id);
    item_text_at(image, STUDY_UID, 0, series->study_uid, sizeof series->study_uid);
    item_text_at(image, MODALITY, 0, series->modality, sizeof series->modality);
    item_text_at(image, FRAME_OF_REFERENCE, 0, series->frame_uid, sizeof series->frame_uid);
    suv_inputs_read(image, &series->suv);
    series->enhanced = view->own != NULL;
    item_text_at(group(view, PIXEL_TRANSFORMATION), RESCALE_TYPE, 0, series->rescale_type,
                 sizeof series->rescale_type);
    if (frames > 1) {
        series->room *= frames;
        series->slice = arena_take_zeroed(series->arena, series->room, sizeof *series->slice,
                                          err);
    }
    if (series->slice == NULL)
        return false;
    size_t total;
    if (__builtin_mul_overflow(pixels, series->room, &total))
        return error_set(err, ERROR_LIMIT, "%zu slices of %zu pixels", series->room, pixels);
    series->block = arena_take(series->arena, total, sizeof *series->block, err);
    return series->block != NULL;
}

static bool check_alike(const struct series *series, const struct view *view,
                        const struct format *format, struct error *err)
{
    const struct item *const image = view->image;
    const struct format *const first = &series->format;
    char patient[65], study[TEXT_UID_SIZE], frame[TEXT_UID_SIZE];
    double orientation[6], spacing[2];

    item_text_at(image, PATIENT_ID, 0, patient, sizeof patient);
    item_text_at(image, STUDY_UID, 0, study, sizeof study);
    if (strcmp(patient, series->patient_id) != 0 || strcmp(study, series->study_uid) != 0)
        return error_set(err, ERROR_DATA, "it is of another patient or study than the "
                         "slices before");
    item_text_at(image, FRAME_OF_REFERENCE, 0, frame, sizeof frame);
    if (strcmp(frame, series->frame_uid) != 0)
        return error_set(err, ERROR_DATA, "mixed frames of reference: the positions of this "
                         "slice cannot be compared with the first's");
    if (format->rows != first->rows || format->columns != first->columns)
        return error_set(err, ERROR_DATA, "%ld x %ld pixels, and %ld x %ld before",
                         format->columns, format->rows, first->columns, first->rows);
    if (format->is_signed != first->is_signed)
        return error_set(err, ERROR_DATA, "another pixel format than the slices before");
    if (!read_orientation(view, orientation, err) || !read_spacing(view, spacing, err))
        return false;
    for (int i = 0; i < 6; i++)
        if (fabs(orientation[i] - series->orientation[i]) > COSINE_TOLERANCE)
            return error_set(err, ERROR_DATA, "mixed orientations: this slice is turned "
                             "against the first");
    for (int i = 0; i < 2; i++)
        if (fabs(spacing[i] - series->spacing[i]) > SAME_SPACING * series->spacing[i])
            return error_set(err, ERROR_DATA, "mixed pixel spacings: %g mm and %g mm",
                             spacing[i], series->spacing[i]);
    return true;
}

static void read_padding(const struct item *image, const struct format *format,
                         struct slice *slice)
{
    long from = 0, to = 0;

    slice->padded = item_int(image, PADDING, 0, &from);
    if (!item_int(image, PADDING_LIMIT, 0, &to))
        to = from;
    if (format->is_signed && from > INT16_MAX)
        from -= 65536;                  /* US or SS: by the pixel representation */
    if (format->is_signed && to > INT16_MAX)
        to -= 65536;
    slice->padding_from = (int32_t)(from < to ? from : to);
    slice->padding_to = (int32_t)(from < to ? to : from);
}

/* NM tells the first slice's position, and each frame's number among the slices. */
static bool step_nuclear(const struct view *view, const struct series *series,
                         struct slice *slice, struct error *err)
{
    double spacing = 0;
    long number = (long)view->frame + 1;

    item_int(view->image, SLICE_VECTOR, view->frame, &number);
    if (!item_double(view->image, SPACING_BETWEEN, 0, &spacing) || spacing == 0)
        return error_set(err, ERROR_DATA, "an NM volume without Spacing Between Slices");
    for (int axis = 0; axis < 3; axis++)
        slice->position[axis] += spacing * (double)(number - 1) * series->normal[axis];
    return true;
}

static bool read_position(const struct view *view, const struct series *series,
                          struct slice *slice, struct error *err)
{
    if (!read_doubles(place_of(view, PLANE_POSITION), POSITION, slice->position, 3))
        return error_set(err, ERROR_DATA, "no Image Position (Patient)");
    return !is_nuclear(view->image) || step_nuclear(view, series, slice, err);
}

static bool read_slice(const struct view *view, const struct series *series,
                       struct slice *slice, struct error *err)
{
    const struct item *const image = view->image;
    const struct item *const values = group(view, PIXEL_TRANSFORMATION);

    if (!read_position(view, series, slice, err))
        return false;
    for (int axis = 0; axis < 3; axis++)
        if (fabs(slice->position[axis]) > 1e5)
            return error_set(err, ERROR_DATA, "Image Position (Patient) %g mm away",
                             slice->position[axis]);
    slice->along = dot(slice->position, series->normal);
    slice->frame = (uint32_t)view->frame + 1;
    slice->of_many = view->own != NULL || is_nuclear(image);
    if (!item_double(values, SLOPE, 0, &slice->slope))
        slice->slope = 1;
    if (!item_double(values, INTERCEPT, 0, &slice->intercept))
        slice->intercept = 0;
    if (slice->slope == 0)
        return error_set(err, ERROR_DATA, "Rescale Slope 0");
    item_text_at(image, SOP_CLASS, 0, slice->class_uid, sizeof slice->class_uid);
    item_text_at(image, SOP_UID, 0, slice->uid, sizeof slice->uid);
    slice->frame_s = strcmp(series->modality, "PT") == 0 ? suv_frame_moment(image) : NAN;
    read_padding(image, &series->format, slice);
    return true;
}

/* ---- pixels ---- */

/*
 * Stored bits to a whole number: bits above and below are cut, the sign is extended. MONOCHROME1
 * is how values are shown, and does not change them (PS3.3 C.7.6.3.1.2).
 */
static void widen(const void *pixels, size_t count, const struct format *format,
                  uint16_t *to)
{
    const int left = 15 - (int)format->high, right = 16 - (int)format->stored;
    const uint8_t *const bytes = pixels;
    const uint16_t *const words = pixels;

    if (format->allocated == 16 && right == 0)
        memcpy(to, words, count * sizeof *to);
    else if (format->is_signed)
        for (size_t i = 0; i < count; i++) {
            const uint16_t raw = format->allocated == 8 ? bytes[i] : words[i];
            to[i] = (uint16_t)((int16_t)(uint16_t)(raw << left) >> right);
        }
    else
        for (size_t i = 0; i < count; i++) {
            const uint16_t raw = format->allocated == 8 ? bytes[i] : words[i];
            to[i] = (uint16_t)((uint16_t)(raw << left) >> right);
        }
}

static bool read_pixels(struct series *series, struct dataset *dataset, size_t frames,
                        const struct format *format, struct error *err)
{
    const void *pixels = NULL;
    size_t size = 0;
    const size_t count = frames * (size_t)format->rows * (size_t)format->columns;
    const size_t pixels_before = series->count * (size_t)format->rows * (size_t)format->columns;

    if (!dataset_pixels(dataset, &pixels, &size, err))
        return false;
    if (size < count * (size_t)(format->allocated / 8))
        return error_set(err, ERROR_DATA, "%zu bytes of pixels where %zu are needed", size,
                         count * (size_t)(format->allocated / 8));
    widen(pixels, count, format, series->block + pixels_before);
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

/* Geometry of all frames; the first of all sets what the others are compared with. */
static bool add_frames(struct series *series, const struct item *image, size_t frames,
                       const struct format *format, struct error *err)
{
    for (size_t f = 0; f < frames; f++) {
        const struct view view = view_of(image, f);
        if (!(series->count + f == 0 ? begin_series(series, &view, frames, format, err)
                                     : check_alike(series, &view, format, err))
            || (series->count + f == series->room
                && !error_set(err, ERROR_LIMIT, "more slices than the %zu expected",
                              series->room))
            || !read_slice(&view, series, &series->slice[series->count + f], err))
            return frames > 1 ? error_prefix(err, "frame %zu", f + 1) : false;
        series->slice[series->count + f].block = series->count + f;
    }
    return true;
}

bool series_add(struct series *series, struct dataset *dataset, struct error *err)
{
    const struct item *const image = dataset_root(dataset);
    struct format format;
    size_t frames = 1;

    if (series->count == series->room)
        return error_set(err, ERROR_LIMIT, "more slices than the %zu expected", series->room);
    if (!check_kind(image, &frames, err) || !read_format(image, &format, err)
        || !add_frames(series, image, frames, &format, err)
        || !read_pixels(series, dataset, frames, &format, err))
        return false;
    note_acquisition(series, image);
    note_suv(series, image);
    if (series->head == NULL && (series->head = dataset_copy_head(dataset, err)) == NULL)
        return false;
    series->count += frames;
    return true;
}

/* ---- geometry ---- */

static int compare_slices(const void *a, const void *b)
{
    const struct slice *const left = a, *const right = b;

    if (left->along != right->along)
        return left->along < right->along ? -1 : 1;
    return strcmp(left->uid, right->uid);
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* The median of the steps along the normal; 0 when there is no memory. */
static double median_step(const struct series *series, struct error *err)
{
    const size_t steps = series->count - 1;
    const size_t mark = arena_mark(series->arena);
    double *const step = arena_take(series->arena, steps, sizeof *step, err);

    if (step == NULL)
        return 0;
    for (size_t i = 0; i < steps; i++)
        step[i] = series->slice[i + 1].along - series->slice[i].along;
    qsort(step, steps, sizeof *step, compare_doubles);
    const double median = step[steps / 2];
    arena_rewind(series->arena, mark);
    return median;
}

static void warn(struct series_facts *facts, const char *format, ...)
{
    va_list list;

    if (facts->warning_count == SERIES_MAX_WARNINGS)
        return;
    va_start(list, format);
    vsnprintf(facts->warning[facts->warning_count++], sizeof facts->warning[0], format, list);
    va_end(list);
}

static bool refuse_step(const struct slice *slice, double step, double median,
                        struct error *err)
{
    const double times = step / median;

    if (step < 0.01)
        return error_set(err, ERROR_DATA, "two slices at the same position, %.2f mm along "
                         "the normal", slice->along);
    if (times > 1.5 && fabs(times - round(times)) <= UNEVEN * times)
        return error_set(err, ERROR_DATA, "slice missing: a gap of %.2f mm after position "
                         "%.2f mm where the spacing is %.2f mm", step, slice->along, median);
    return error_set(err, ERROR_DATA, "uneven slices: a step of %.2f mm after position "
                     "%.2f mm where the spacing is %.2f mm", step, slice->along, median);
}

/* ret_worst: the largest deviation from the median step, relative. */
static bool check_steps(const struct series *series, double *ret_worst, struct error *err)
{
    const double median = median_step(series, err);
    double worst = 0;

    if (median < 0.01) {
        for (size_t i = 0; i + 1 < series->count; i++)
            if (series->slice[i + 1].along - series->slice[i].along < 0.01)
                return refuse_step(&series->slice[i], 0, 1, err);
        return error_set(err, ERROR_DATA, "slices at the same position");
    }
    for (size_t i = 0; i + 1 < series->count; i++) {
        const double step = series->slice[i + 1].along - series->slice[i].along;
        const double off = fabs(step - median);
        if (off > UNEVEN * median && off > 0.01)
            return refuse_step(&series->slice[i], step, median, err);
        if (off > 0.01)
            worst = fmax(worst, off / median);
    }
    *ret_worst = worst;
    return true;
}

/*
 * Slices may be shifted in their planes evenly (a tilted gantry: a sheared grid), and in no
 * other way.
 */
static bool check_shift(const struct series *series, struct series_facts *facts,
                        struct error *err)
{
    const struct slice *const first = series->slice;
    const struct slice *const last = &series->slice[series->count - 1];
    const double length = last->along - first->along;
    double step[3], tilt = 0;

    for (int axis = 0; axis < 3; axis++)
        step[axis] = (last->position[axis] - first->position[axis]) / length;
    for (size_t i = 0; i < series->count; i++)
        for (int axis = 0; axis < 3; axis++) {
            const double away = first[i].position[axis] - first->position[axis]
                - step[axis] * (first[i].along - first->along);
            if (fabs(away) > 0.5)
                return error_set(err, ERROR_DATA, "slices are shifted against each other: "
                                 "%.2f mm at position %.2f mm", fabs(away), first[i].along);
        }
    for (int axis = 0; axis < 3; axis++)
        tilt += pow(step[axis] - series->normal[axis], 2);
    if (sqrt(tilt) > TILT_TOLERANCE)
        warn(facts, "tilted gantry: slices are sheared by %.1f degrees",
             atan(sqrt(tilt)) * 180 / M_PI);
    return true;
}

static bool fill_slices(const struct series *series, struct volume *volume,
                        struct error *err)
{
    struct volume_slice *const slices
        = arena_take_zeroed(series->arena, series->count, sizeof *slices, err);

    if (slices == NULL)
        return false;
    for (size_t i = 0; i < series->count; i++) {
        memcpy(slices[i].position_mm, series->slice[i].position,
               sizeof slices[i].position_mm);
        memcpy(slices[i].sop_class_uid, series->slice[i].class_uid, TEXT_UID_SIZE);
        memcpy(slices[i].sop_uid, series->slice[i].uid, TEXT_UID_SIZE);
        slices[i].frame = series->slice[i].frame;
        slices[i].of_many = series->slice[i].of_many;
    }
    volume->slices = slices;
    return true;
}

/* imaging-physics: [ r Δcolumn | q Δrow | step | first position ]. */
static bool fill_grid(const struct series *series, double worst, struct volume *volume,
                      struct error *err)
{
    const struct slice *const first = series->slice;
    const struct slice *const last = &series->slice[series->count - 1];

    volume->size[0] = (size_t)series->format.columns;
    volume->size[1] = (size_t)series->format.rows;
    volume->size[2] = series->count;
    volume->even = worst <= EVEN;
    for (int axis = 0; axis < 3; axis++) {
        volume->affine[axis][0] = series->orientation[axis] * series->spacing[1];
        volume->affine[axis][1] = series->orientation[axis + 3] * series->spacing[0];
        volume->affine[axis][2] = (last->position[axis] - first->position[axis])
            / (double)(series->count - 1);
        volume->affine[axis][3] = first->position[axis];
    }
    item_text_at(dataset_root(series->head), FRAME_OF_REFERENCE, 0,
                 volume->frame_of_reference_uid, sizeof volume->frame_of_reference_uid);
    return fill_slices(series, volume, err);
}

static bool place(struct series *series, struct volume *volume, struct series_facts *facts,
                  struct error *err)
{
    double worst = 0;

    qsort(series->slice, series->count, sizeof *series->slice, compare_slices);
    if (!check_steps(series, &worst, err) || !check_shift(series, facts, err))
        return false;
    if (worst > EVEN)
        warn(facts, "uneven slices: a step is %.1f %% off; true positions are used",
             100 * worst);
    return fill_grid(series, worst, volume, err);
}

/* ---- values ---- */

/* Brings the block into the order of the slices, following the cycles of the permutation. */
static bool permute(struct series *series, struct error *err)
{
    const size_t pixels = (size_t)series->format.rows * (size_t)series->format.columns;
    const size_t mark = arena_mark(series->arena);
    uint16_t *const spare = arena_take(series->arena, pixels, sizeof *spare, err);

    if (spare == NULL)
        return false;
    for (size_t start = 0; start < series->count; start++) {
        if (series->slice[start].block == start)
            continue;
        memcpy(spare, series->block + start * pixels, pixels * sizeof *spare);
        size_t at = start;
        while (series->slice[at].block != start) {
            const size_t from = series->slice[at].block;
            memcpy(series->block + at * pixels, series->block + from * pixels,
                   pixels * sizeof *spare);
            series->slice[at].block = at;
            at = from;
        }
        memcpy(series->block + at * pixels, spare, pixels * sizeof *spare);
        series->slice[at].block = at;
    }
    arena_rewind(series->arena, mark);
    return true;
}

static bool is_whole(double value)
{
    return value == nearbyint(value) && fabs(value) <= INT16_MAX;
}

/* All slices have slope 1 and a whole intercept: values stay whole numbers. */
static bool stays_whole(const struct series *series)
{
    for (size_t i = 0; i < series->count; i++)
        if (series->slice[i].slope != 1 || !is_whole(series->slice[i].intercept))
            return false;
    return true;
}

static int32_t stored_value(const struct series *series, uint16_t raw)
{
    return series->format.is_signed ? (int32_t)(int16_t)raw : (int32_t)raw;
}

static bool is_padding(const struct slice *slice, int32_t stored)
{
    return slice->padded && stored >= slice->padding_from && stored <= slice->padding_to;
}

/* Whether all values fit int16; CT's padding becomes air and need not. */
static bool fits_int16(const struct series *series, bool is_ct)
{
    const size_t pixels = (size_t)series->format.rows * (size_t)series->format.columns;

    for (size_t k = 0; k < series->count; k++) {
        const struct slice *const slice = &series->slice[k];
        const uint16_t *const from = series->block + k * pixels;
        int32_t low = INT32_MAX, high = INT32_MIN;
        for (size_t i = 0; i < pixels; i++) {
            const int32_t value = stored_value(series, from[i]);
            if (is_ct && is_padding(slice, value))
                continue;
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        if (low <= high && (low + slice->intercept < INT16_MIN
                            || high + slice->intercept > INT16_MAX))
            return false;
    }
    return true;
}

static void to_int16(struct series *series, bool is_ct)
{
    const size_t pixels = (size_t)series->format.rows * (size_t)series->format.columns;

    for (size_t k = 0; k < series->count; k++) {
        const struct slice *const slice = &series->slice[k];
        const int32_t add = (int32_t)slice->intercept;
        uint16_t *const voxel = series->block + k * pixels;
        if (is_ct && slice->padded)
            for (size_t i = 0; i < pixels; i++) {
                const int32_t value = stored_value(series, voxel[i]);
                voxel[i] = (uint16_t)(is_padding(slice, value) ? AIR_HU : value + add);
            }
        else if (add != 0)
            for (size_t i = 0; i < pixels; i++)
                voxel[i] = (uint16_t)(voxel[i] + add);
    }
}

/* Whatever is stored, no value becomes infinite, nor a sum of them later. */
static bool check_range(const struct series *series, double factor, struct error *err)
{
    for (size_t i = 0; i < series->count; i++) {
        const struct slice *const slice = &series->slice[i];
        const double most = (65536 * fabs(slice->slope) + fabs(slice->intercept))
            * fabs(factor);
        if (!(most <= MAX_VALUE))
            return error_set(err, ERROR_DATA, "Rescale Slope %g and Intercept %g, times %g: "
                             "values of up to %g are none that were measured", slice->slope,
                             slice->intercept, factor, most);
    }
    return true;
}

static bool to_float(struct series *series, double factor, bool is_ct, float **ret_values,
                     struct error *err)
{
    const size_t pixels = (size_t)series->format.rows * (size_t)series->format.columns;
    float *const values = arena_take(series->arena, pixels * series->count, sizeof *values,
                                     err);

    if (values == NULL)
        return false;
    for (size_t k = 0; k < series->count; k++) {
        const struct slice *const slice = &series->slice[k];
        const uint16_t *const from = series->block + k * pixels;
        float *const to = values + k * pixels;
        for (size_t i = 0; i < pixels; i++) {
            const int32_t stored = stored_value(series, from[i]);
            to[i] = is_ct && is_padding(slice, stored) ? AIR_HU
                : (float)((stored * slice->slope + slice->intercept) * factor);
        }
    }
    *ret_values = values;
    return true;
}

/* CT in HU, unless its rescale type says that it is something else. */
static enum volume_unit unit_of(const struct series *series)
{
    const char *const type = series->rescale_type;

    if (strcmp(series->modality, "CT") != 0)
        return UNIT_ARBITRARY;
    if (series->enhanced)               /* where the type is required, none is not HU */
        return strcmp(type, "HU") == 0 ? UNIT_HU : UNIT_ARBITRARY;
    return type[0] == '\0' || strcmp(type, "HU") == 0 || strcmp(type, "US") == 0
        ? UNIT_HU : UNIT_ARBITRARY;
}

/*
 * The factor of all slices; where they were not decay corrected, each one's own goes into its
 * slope and intercept.
 */
static double make_suv(struct series *series, struct volume *volume, struct series_facts *facts)
{
    const struct suv_wish wish = { series->wished_suv, series->first_acquisition_s,
                                   series->suv_differs };
    struct suv suv;
    bool known = suv_compute(dataset_root(series->head), &wish, &suv);

    for (size_t k = 0; k < series->count && known && suv.half_life_s > 0; k++)
        if (isnan(series->slice[k].frame_s)) {
            text_format(suv.how, sizeof suv.how, "SUV not computable: needs Acquisition Date and "
                        "Time and Actual Frame Duration of every slice");
            suv.unit = suv.stored_unit;
            suv.factor = 1;
            known = false;
        }
    for (size_t k = 0; k < series->count && known; k++) {
        const double decay = suv_slice_decay(&suv, series->slice[k].frame_s);
        series->slice[k].slope *= decay;
        series->slice[k].intercept *= decay;
    }
    text_format(facts->suv, sizeof facts->suv, "%s", suv.how);
    volume->unit = suv.unit;
    if (!known)
        warn(facts, "%s", facts->suv);
    return suv.factor;
}

static bool fill_values(struct series *series, struct volume *volume,
                        struct series_facts *facts, struct error *err)
{
    const bool is_ct = strcmp(series->modality, "CT") == 0;
    const bool is_pet = strcmp(series->modality, "PT") == 0;
    double factor = 1;

    volume->unit = unit_of(series);
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
    struct series_facts facts = { .slices = series->count };

    if (series->count == 0)
        return error_set(err, ERROR_DATA, "no slices");
    if (series->count == 1)
        return error_set(err, ERROR_UNSUPPORTED, "a single slice is no volume");
    text_format(facts.modality, sizeof facts.modality, "%s", series->modality);
    item_text_at(dataset_root(series->head), BODY_PART, 0, facts.body_part,
                 sizeof facts.body_part);
    if (!place(series, &volume, &facts, err) || !permute(series, err)
        || !fill_values(series, &volume, &facts, err))
        return false;
    *ret_volume = volume;
    *ret_facts = facts;
    return true;
}
