/* Frame: attributes of the image, of its functional groups, or of its detector. */
#include "dicom/frame.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "dicom/dataset.h"
#include "dicom/suv.h"
#include "util/digest.h"
#include "util/error.h"

#define MAX_FRAMES 65535
#define MAX_VIEWS 16
#define FAR_MM 1e5                  /* from the origin of the patient */

enum tag {
    IMAGE_TYPE = 0x00080008, SOP_CLASS = 0x00080016, SOP_UID = 0x00080018,
    ACQUISITION_DATE = 0x00080022, CONTENT_DATE = 0x00080023, ACQUISITION_TIME = 0x00080032,
    CONTENT_TIME = 0x00080033, MODALITY = 0x00080060, FRAME_TYPE = 0x00089007,
    COMPLEX_COMPONENT = 0x00089208, ECHO_TIME = 0x00180081, SPACING_BETWEEN = 0x00180088,
    TRIGGER_TIME = 0x00181060, GRADIENT = 0x00189076, B_VALUE = 0x00189087,
    DIRECTION = 0x00189089, EFFECTIVE_ECHO_TIME = 0x00189082, MR_ECHO = 0x00189114,
    MR_DIFFUSION = 0x00189117, MR_FRAME_TYPE = 0x00189226, ACQUISITION = 0x00200012,
    INSTANCE = 0x00200013, POSITION = 0x00200032, ORIENTATION = 0x00200037,
    TEMPORAL_POSITION = 0x00200100, FRAME_CONTENT = 0x00209111,
    PLANE_POSITION = 0x00209113, PLANE_ORIENTATION = 0x00209116,
    TEMPORAL_INDEX = 0x00209128, FRAME_ACQUISITION = 0x00209156, INDEX_VALUES = 0x00209157,
    DIMENSION_POINTER = 0x00209165, DIMENSION_SEQUENCE = 0x00209222, SAMPLES = 0x00280002,
    PHOTOMETRIC = 0x00280004,
    FRAMES = 0x00280008, ROWS = 0x00280010, COLUMNS = 0x00280011, PIXEL_SPACING = 0x00280030,
    BITS_ALLOCATED = 0x00280100, BITS_STORED = 0x00280101, HIGH_BIT = 0x00280102,
    PIXEL_REPRESENTATION = 0x00280103, PADDING = 0x00280120, PADDING_LIMIT = 0x00280121,
    INTERCEPT = 0x00281052, SLOPE = 0x00281053, RESCALE_TYPE = 0x00281054,
    MODALITY_LUT = 0x00283000, PIXEL_MEASURES = 0x00289110,
    PIXEL_TRANSFORMATION = 0x00289145, SHARED_GROUPS = 0x52009229, FRAME_GROUPS = 0x52009230,
    DETECTORS = 0x00540022, SLICE_VECTOR = 0x00540080, DETECTOR_VECTOR = 0x00540020,
    VIEW_CODE = 0x00540220, CODE_VALUE = 0x00080100, CODE_MEANING = 0x00080104
};

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

static bool has_modality(const struct item *image, const char *wanted)
{
    char modality[17];

    item_text_at(image, MODALITY, 0, modality, sizeof modality);
    return strcmp(modality, wanted) == 0;
}

static bool is_nuclear(const struct item *image)
{
    return has_modality(image, "NM");
}

static bool has_type(const struct item *image, const char *type)
{
    char value[17];

    for (size_t i = 0; i < item_value_count(image, IMAGE_TYPE); i++)
        if (item_text_at(image, IMAGE_TYPE, i, value, sizeof value) && strcmp(value, type) == 0)
            return true;
    return false;
}

bool frame_is_localizer(const struct item *image)
{
    return has_type(image, "LOCALIZER");
}

/* A projection of the patient: a picture, and no slice of anything. */
static bool is_planar(const struct item *image)
{
    return is_nuclear(image) && (has_type(image, "STATIC") || has_type(image, "WHOLE BODY"));
}

/* Frames are slices where functional groups, or a reconstruction of NM, say where they lie. */
static bool check_frames(const struct item *image, size_t *ret_frames, struct error *err)
{
    long frames = 1;

    item_int(image, FRAMES, 0, &frames);
    *ret_frames = (size_t)frames;
    if (frames < 1 || frames > MAX_FRAMES)
        return error_set(err, ERROR_DATA, "Number of Frames %ld", frames);
    if (is_nuclear(image) && !has_type(image, "RECON TOMO") && !is_planar(image))
        return error_set(err, ERROR_UNSUPPORTED, "an NM image that is no reconstructed volume");
    if (is_planar(image) && frames > MAX_VIEWS)
        return error_set(err, ERROR_UNSUPPORTED, "%ld planar views of NM, %d are read", frames, MAX_VIEWS);
    const size_t groups = item_count(image, FRAME_GROUPS);
    if (groups > 0 && groups != (size_t)frames)
        return error_set(err, ERROR_DATA, "%ld frames with functional groups for %zu", frames,
                         groups);
    return frames == 1 || groups > 0 || is_nuclear(image)
        || error_set(err, ERROR_UNSUPPORTED, "a multi-frame image of %ld frames that does not "
                     "say where they lie", frames);
}

bool frame_count(const struct item *image, size_t *ret_frames, struct error *err)
{
    long samples = 1;
    char photometric[17];

    if (!item_has(image, ROWS) || !item_has(image, COLUMNS))
        return error_set(err, ERROR_DATA, "not an image: no Rows and Columns");
    if (item_int(image, SAMPLES, 0, &samples) && samples != 1)
        return error_set(err, ERROR_UNSUPPORTED, "a colour image, %ld samples a pixel",
                         samples);
    if (item_text_at(image, PHOTOMETRIC, 0, photometric, sizeof photometric)
        && strncmp(photometric, "MONOCHROME", 10) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "a %s image: its values are colours",
                         photometric);
    if (!check_frames(image, ret_frames, err))
        return false;
    return item_count(image, MODALITY_LUT) == 0
        || error_set(err, ERROR_UNSUPPORTED, "a Modality LUT Sequence is not read yet");
}

bool frame_format_read(const struct item *image, struct frame_format *ret_format,
                       struct error *err)
{
    struct frame_format format = { .rows = 0 };

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

/* `count` numbers of an element; says which of three ways they are not there. */
static bool read_doubles(const struct item *item, uint32_t tag, const char *name,
                         double *values, size_t count, struct error *err)
{
    const size_t there = item_value_count(item, tag);

    if (there == 0)
        return error_set(err, ERROR_DATA, "no %s", name);
    if (there != count)
        return error_set(err, ERROR_DATA, "%s of %zu values, where %zu are needed", name, there,
                         count);
    for (size_t i = 0; i < count; i++)
        if (!item_double(item, tag, i, &values[i]))
            return error_set(err, ERROR_DATA, "%s: value %zu is not a number", name, i + 1);
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
    if (!read_doubles(place_of(view, PLANE_ORIENTATION), ORIENTATION,
                      "Image Orientation (Patient)", ret, 6, err))
        return false;
    if (fabs(dot(ret, ret) - 1) > 0.01 || fabs(dot(ret + 3, ret + 3) - 1) > 0.01
        || fabs(dot(ret, ret + 3)) > 0.01)
        return error_set(err, ERROR_DATA, "Image Orientation (Patient) is not two "
                         "perpendicular unit vectors");
    return true;
}

static bool read_spacing(const struct view *view, double ret[2], struct error *err)
{
    if (!read_doubles(group(view, PIXEL_MEASURES), PIXEL_SPACING, "Pixel Spacing", ret, 2, err))
        return false;
    return (ret[0] > 0 && ret[1] > 0 && ret[0] < 1e3 && ret[1] < 1e3)
        || error_set(err, ERROR_DATA, "Pixel Spacing %g\\%g", ret[0], ret[1]);
}

static void read_padding(const struct item *image, const struct frame_format *format,
                         struct frame *frame)
{
    long from = 0, to = 0;

    frame->padded = item_int(image, PADDING, 0, &from);
    if (!item_int(image, PADDING_LIMIT, 0, &to))
        to = from;
    if (format->is_signed && from > INT16_MAX)
        from -= 65536;                  /* US or SS: by the pixel representation */
    if (format->is_signed && to > INT16_MAX)
        to -= 65536;
    frame->padding_from = (int32_t)(from < to ? from : to);
    frame->padding_to = (int32_t)(from < to ? to : from);
}

/* NM tells the first slice's position, and each frame's number among the slices. */
static bool step_nuclear(const struct view *view, struct frame *frame, struct error *err)
{
    const double *const o = frame->orientation;
    const double normal[3] = { o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5],
                               o[0] * o[4] - o[1] * o[3] };
    double spacing = 0;
    long number = (long)view->frame + 1;

    item_int(view->image, SLICE_VECTOR, view->frame, &number);
    if (!item_double(view->image, SPACING_BETWEEN, 0, &spacing) || spacing == 0)
        return error_set(err, ERROR_DATA, "an NM volume without Spacing Between Slices");
    for (int axis = 0; axis < 3; axis++)
        frame->position[axis] += spacing * (double)(number - 1) * normal[axis];
    return true;
}

static bool read_position(const struct view *view, struct frame *frame, struct error *err)
{
    if (!read_doubles(place_of(view, PLANE_POSITION), POSITION, "Image Position (Patient)",
                      frame->position, 3, err)
        || (is_nuclear(view->image) && !step_nuclear(view, frame, err)))
        return false;
    for (int axis = 0; axis < 3; axis++)
        if (fabs(frame->position[axis]) > FAR_MM)
            return error_set(err, ERROR_DATA, "Image Position (Patient) %g mm away",
                             frame->position[axis]);
    return true;
}

static bool read_rescale(const struct view *view, struct frame *frame, struct error *err)
{
    const struct item *const values = group(view, PIXEL_TRANSFORMATION);

    frame->rescaled = item_double(values, SLOPE, 0, &frame->slope);
    if (!frame->rescaled && item_value_count(values, SLOPE) > 0)
        return error_set(err, ERROR_DATA, "Rescale Slope is not a number");
    if (!frame->rescaled)
        frame->slope = 1;
    if (!item_double(values, INTERCEPT, 0, &frame->intercept))
        frame->intercept = 0;
    item_text_at(values, RESCALE_TYPE, 0, frame->rescale_type, sizeof frame->rescale_type);
    return frame->slope != 0 || error_set(err, ERROR_DATA, "Rescale Slope 0");
}

/* ---- dimensions ---- */

/* The element of a private block, wherever its creator has reserved it (PS3.5 7.8.1); 0: none. */
static uint32_t private_tag(const struct item *image, uint32_t group_number,
                            const char *creator, uint32_t element)
{
    char value[65];

    for (uint32_t block = 0x10; block < 0x20; block++)
        if (item_text_at(image, group_number << 16 | block, 0, value, sizeof value)
            && strcmp(value, creator) == 0)
            return group_number << 16 | block << 8 | element;
    return 0;
}

static bool read_private_b(const struct item *image, double *ret_b)
{
    static const struct { uint32_t group; const char *creator; uint32_t element; } places[] = {
        { 0x0019, "SIEMENS MR HEADER", 0x0c }, { 0x2001, "Philips Imaging DD 001", 0x03 },
        { 0x0065, "Image Private Header", 0x09 }, { 0x0043, "GEMS_PARM_01", 0x39 }
    };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const uint32_t tag = private_tag(image, places[i].group, places[i].creator,
                                         places[i].element);
        if (tag == 0 || !item_double(image, tag, 0, ret_b))
            continue;
        if (*ret_b >= 1e9)              /* GE adds flags above the value */
            *ret_b = fmod(*ret_b, 1e5);
        return true;
    }
    return false;
}

/* A number for a text or vector, the same for the same; only equality of it means something. */
static double number_of(const void *bytes, size_t size)
{
    unsigned char digest[DIGEST_SIZE];

    digest_of(bytes, size, digest);
    return digest[0] * 65536.0 + digest[1] * 256.0 + digest[2];
}

static void read_diffusion(const struct view *view, struct frame *frame)
{
    const struct item *const diffusion = group(view, MR_DIFFUSION);
    const struct item *const gradient = item_at(diffusion, GRADIENT, 0);
    const uint32_t siemens = private_tag(view->image, 0x0019, "SIEMENS MR HEADER", 0x0e);
    double *const d = frame->dimension;
    int32_t rounded[3];

    if (!item_double(diffusion, B_VALUE, 0, &d[DIMENSION_B_VALUE]))
        read_private_b(view->image, &d[DIMENSION_B_VALUE]);
    for (size_t i = 0; i < 3; i++) {
        double value;
        if (!item_double(gradient != NULL ? gradient : diffusion, DIRECTION, i, &value)
            && (siemens == 0 || !item_double(view->image, siemens, i, &value)))
            return;
        rounded[i] = (int32_t)lround(fmin(fmax(value, -2), 2) * 1000);
    }
    d[DIMENSION_DIRECTION] = number_of(rounded, sizeof rounded);
}

/* Magnitude first, whatever else the type says; the rest of it tells water from fat. */
static void read_type(const struct view *view, struct frame *frame)
{
    static const char *const kinds[][4] = {
        { "P", "PHASE", "PHASE MAP", "VELOCITY" }, { "R", "REAL", "REAL", "REAL" },
        { "I", "IMAGINARY", "IMAGINARY", "IMAGINARY" }, { "ADC", "FA", "TRACEW", "TENSOR" }
    };
    const struct item *const own = group(view, MR_FRAME_TYPE);
    const uint32_t tag = item_has(own, FRAME_TYPE) ? FRAME_TYPE : IMAGE_TYPE;
    const char *const whole = item_text(own, tag);
    char value[65];
    int kind = 0;

    for (size_t i = 2; i <= item_value_count(own, tag); i++) {
        const bool more = i < item_value_count(own, tag)
            ? item_text_at(own, tag, i, value, sizeof value)
            : item_text_at(own, COMPLEX_COMPONENT, 0, value, sizeof value);
        for (int k = 0; more && k < 4; k++)
            for (int n = 0; n < 4 && kind == 0; n++)
                kind = strcmp(value, kinds[k][n]) == 0 ? k + 1 : 0;
    }
    if (whole != NULL)
        frame->dimension[DIMENSION_TYPE] = kind + number_of(whole, strlen(whole)) / 0x1p24;
}

/* Dimension Index Values as one number, but for the indices that only say where it lies. */
static void read_index(const struct view *view, struct frame *frame)
{
    const struct item *const content = group(view, FRAME_CONTENT);
    const size_t count = item_value_count(content, INDEX_VALUES);
    double number = 0;
    bool any = false;

    if (count != item_count(view->image, DIMENSION_SEQUENCE))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct item *const one = item_at(view->image, DIMENSION_SEQUENCE, i);
        long index = 0;
        char pointer[16];
        if (!item_text_at(one, DIMENSION_POINTER, 0, pointer, sizeof pointer)
            || !item_int(content, INDEX_VALUES, i, &index))
            return;
        if (strcmp(pointer, "(0020,0032)") == 0 || strcmp(pointer, "(0020,9057)") == 0)
            continue;                   /* Image Position, In-Stack Position Number */
        number = number * 65536 + (double)index;
        any = true;
    }
    if (any)
        frame->dimension[DIMENSION_INDEX] = number;
}

/* View Code Sequence (0054,0220) of the frame's detector, or of the image: CID 26. */
static void read_view_name(const struct view *view, struct frame *frame)
{
    long number = (long)view->frame + 1;
    char code[17] = "", meaning[65] = "";

    item_int(view->image, DETECTOR_VECTOR, view->frame, &number);
    const struct item *const detector = number < 1 ? NULL
        : item_at(view->image, DETECTORS, (size_t)number - 1);
    const struct item *const name = item_at(detector != NULL ? detector : view->image, VIEW_CODE, 0);
    if (name != NULL) {
        item_text_at(name, CODE_VALUE, 0, code, sizeof code);
        item_text_at(name, CODE_MEANING, 0, meaning, sizeof meaning);
    }
    if (strcmp(code, "399321004") == 0 || strncasecmp(meaning, "anterior", 8) == 0)
        text_format(frame->view, sizeof frame->view, "anterior");
    else if (strcmp(code, "399001007") == 0 || strncasecmp(meaning, "posterior", 9) == 0)
        text_format(frame->view, sizeof frame->view, "posterior");
    else
        text_format(frame->view, sizeof frame->view, "view %zu", view->frame + 1);
}

/*
 * A picture has no place. Its own plane is set up here, rows down and columns across, and the pictures
 * of a series a millimetre apart, in the order of their frames; of single frames anterior comes first.
 */
static void place_planar(const struct view *view, struct frame *frame)
{
    static const double upright[6] = { 1, 0, 0, 0, 0, -1 };

    read_view_name(view, frame);
    memcpy(frame->orientation, upright, sizeof upright);
    frame->position[0] = frame->position[2] = 0;
    frame->position[1] = frame->of_many ? (double)view->frame
        : strcmp(frame->view, "posterior") == 0 ? 1 : 0;
}

static void read_dimensions(const struct view *view, struct frame *frame)
{
    const struct item *const image = view->image, *const content = group(view, FRAME_CONTENT);
    double *const d = frame->dimension;

    for (int i = 0; i < DIMENSIONS; i++)
        d[i] = NAN;
    if (!item_double(content, TEMPORAL_INDEX, 0, &d[DIMENSION_TEMPORAL]))
        item_double(image, TEMPORAL_POSITION, 0, &d[DIMENSION_TEMPORAL]);
    read_diffusion(view, frame);
    if (!item_double(group(view, MR_ECHO), EFFECTIVE_ECHO_TIME, 0, &d[DIMENSION_ECHO]))
        item_double(image, ECHO_TIME, 0, &d[DIMENSION_ECHO]);
    read_type(view, frame);
    read_index(view, frame);
    if (!item_double(content, FRAME_ACQUISITION, 0, &d[DIMENSION_ACQUISITION]))
        item_double(image, ACQUISITION, 0, &d[DIMENSION_ACQUISITION]);
    item_double(image, TRIGGER_TIME, 0, &d[DIMENSION_TRIGGER]);
    d[DIMENSION_ACQUISITION_TIME] = suv_moment(image, ACQUISITION_DATE, ACQUISITION_TIME);
    d[DIMENSION_CONTENT_TIME] = suv_moment(image, CONTENT_DATE, CONTENT_TIME);
    if (!frame->of_many)
        item_double(image, INSTANCE, 0, &d[DIMENSION_INSTANCE]);
    else
        d[DIMENSION_INSTANCE] = frame->number;
}

const char *frame_dimension_name(enum frame_dimension dimension)
{
    static const char *const names[DIMENSIONS] = {
        "temporal position", "b-value", "gradient direction", "echo time", "image type",
        "dimension index", "acquisition number", "trigger time", "acquisition time",
        "content time", "instance number"
    };

    return names[dimension];
}

/* ---- the frame ---- */

bool frame_read(const struct item *image, size_t number, const struct frame_format *format,
                struct frame *ret_frame, struct error *err)
{
    const struct view view = view_of(image, number);
    struct frame frame = { .format = *format, .number = (uint32_t)number + 1 };

    frame.enhanced = view.own != NULL;
    frame.of_many = view.own != NULL || is_nuclear(image);
    frame.localizer = frame_is_localizer(image);
    if ((frame.planar = is_planar(image))) {
        long frames = 1;
        item_int(image, FRAMES, 0, &frames);
        frame.of_many = frames > 1;
        place_planar(&view, &frame);
    } else if (!read_orientation(&view, frame.orientation, err) || !read_position(&view, &frame, err)) {
        return false;
    }
    if (!read_spacing(&view, frame.spacing, err) || !read_rescale(&view, &frame, err))
        return false;
    item_text_at(image, SOP_CLASS, 0, frame.class_uid, sizeof frame.class_uid);
    item_text_at(image, SOP_UID, 0, frame.uid, sizeof frame.uid);
    frame.frame_s = has_modality(image, "PT") ? suv_frame_moment(image) : NAN;
    read_padding(image, format, &frame);
    read_dimensions(&view, &frame);
    *ret_frame = frame;
    return true;
}

/*
 * Stored bits to a whole number: bits above and below are cut, the sign is extended. MONOCHROME1
 * is how values are shown, and does not change them (PS3.3 C.7.6.3.1.2).
 */
void frame_widen(const void *pixels, size_t count, const struct frame_format *format,
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
