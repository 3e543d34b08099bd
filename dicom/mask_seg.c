/*
 * Mask, segmentation: frames with a place each. On the volume's own grid pixels are copied; otherwise every
 * voxel takes the nearest pixel of the nearest frame.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/mask_work.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define MAX_FRAMES 65535
#define SAME_COSINE 1e-4
#define SAME_SPACING 2e-4               /* of a pixel's, as in series.c */
#define SAME_PLACE 0.05                 /* of a voxel */
#define ROUNDING 1e-6                   /* mm */
#define FAR_VOXELS 1e6                  /* from the volume: the place of no pixel of it */

/* ---- reading ---- */

static bool read_segment(struct mask *mask, const struct item *segment, struct error *err)
{
    struct mask_structure *const one = &mask->structure[mask->count];

    if (!item_int(segment, 0x00620004, 0, &one->number) || one->number < 0 || one->number > 65535)
        return error_set(err, ERROR_DATA, "a segment without a Segment Number");
    for (size_t i = 0; i < mask->count; i++)
        if (mask->structure[i].number == one->number)
            return error_set(err, ERROR_DATA, "two segments have the number %ld", one->number);
    item_utf8_at(segment, 0x00620005, 0, one->name, sizeof one->name);
    mask_mean_segment(segment, one);
    if (mask->about.kind == MASK_LABELMAP && one->number == 0)
        one->meaning = MASK_OTHER;      /* the background */
    mask->count++;
    return true;
}

static bool read_segments(struct mask *mask, struct error *err)
{
    const size_t count = item_count(mask->root, 0x00620002);

    if (count == 0)
        return error_set(err, ERROR_DATA, "a segmentation without segments");
    if (count > MASK_MAX_STRUCTURES)
        return error_set(err, ERROR_LIMIT, "%zu segments, and at most %d are read", count,
                         MASK_MAX_STRUCTURES);
    for (size_t i = 0; i < count; i++)
        if (!read_segment(mask, item_at(mask->root, 0x00620002, i), err))
            return false;
    return true;
}

static bool read_doubles(const struct item *item, uint32_t tag, double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (item == NULL || !item_double(item, tag, i, &values[i]) || fabs(values[i]) > 1e6)
            return false;
    return true;
}

/* Of all frames, else of the first. Frames that differ in these are none that we read. */
static const struct item *shared(const struct mask *mask, uint32_t tag)
{
    const struct item *const groups = item_at(mask->root, 0x52009229, 0);
    const struct item *const found = groups == NULL ? NULL : item_at(groups, tag, 0);
    const struct item *const first = item_at(mask->root, 0x52009230, 0);

    return found != NULL ? found : first == NULL ? NULL : item_at(first, tag, 0);
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static bool read_plane(struct mask *mask, struct error *err)
{
    const struct item *const measures = shared(mask, 0x00289110);
    const double *const o = mask->orientation;

    if (!read_doubles(measures, 0x00280030, mask->spacing, 2)
        || !(mask->spacing[0] > 1e-3 && mask->spacing[1] > 1e-3))
        return error_set(err, ERROR_DATA, "a segmentation without Pixel Spacing");
    if (!read_doubles(shared(mask, 0x00209116), 0x00200037, mask->orientation, 6)
        || fabs(dot(o, o) - 1) > 0.01 || fabs(dot(o + 3, o + 3) - 1) > 0.01 || fabs(dot(o, o + 3)) > 0.01)
        return error_set(err, ERROR_DATA, "a segmentation without Image Orientation (Patient)");
    if (!read_doubles(measures, 0x00180088, &mask->step_mm, 1)
        && !read_doubles(measures, 0x00180050, &mask->step_mm, 1))
        mask->step_mm = 0;
    mask->step_mm = fabs(mask->step_mm);
    return true;
}

static bool read_frame(struct mask *mask, size_t f, const struct item *segment_of_all, struct error *err)
{
    struct mask_frame *const frame = &mask->frame[f];
    const struct item *const groups = item_at(mask->root, 0x52009230, f);
    const struct item *const place = groups == NULL ? NULL : item_at(groups, 0x00209113, 0);
    const struct item *segment = groups == NULL ? NULL : item_at(groups, 0x0062000a, 0);

    if (!read_doubles(place, 0x00200032, frame->position, 3))
        return error_set(err, ERROR_DATA, "frame %zu of the segmentation does not say where it lies", f + 1);
    if (mask->about.kind == MASK_LABELMAP)
        return true;
    segment = segment != NULL ? segment : segment_of_all;
    return (segment != NULL && item_int(segment, 0x0062000b, 0, &frame->segment))
        || error_set(err, ERROR_DATA, "frame %zu of the segmentation is of no segment", f + 1);
}

static bool read_frames(struct mask *mask, struct error *err)
{
    long frames = 0;
    const size_t groups = item_count(mask->root, 0x52009230);
    const struct item *const all = shared(mask, 0x0062000a);

    if (!item_int(mask->root, 0x00280008, 0, &frames) || frames < 1 || frames > MAX_FRAMES)
        return error_set(err, ERROR_DATA, "a segmentation of %ld frames", frames);
    if (groups != (size_t)frames)
        return error_set(err, ERROR_DATA, "%ld frames of a segmentation with functional groups for %zu",
                         frames, groups);
    mask->frame_count = (size_t)frames;
    mask->frame = calloc(mask->frame_count, sizeof *mask->frame);
    if (mask->frame == NULL)
        return error_set(err, ERROR_MEMORY, "%ld frames of a segmentation", frames);
    for (size_t f = 0; f < mask->frame_count; f++)
        if (!read_frame(mask, f, all, err))
            return false;
    return true;
}

static bool read_format(struct mask *mask, struct error *err)
{
    long rows = 0, columns = 0, samples = 1;
    char type[17];

    item_int(mask->root, 0x00280010, 0, &rows);
    item_int(mask->root, 0x00280011, 0, &columns);
    item_int(mask->root, 0x00280100, 0, &mask->allocated);
    item_int(mask->root, 0x00280002, 0, &samples);
    item_text_at(mask->root, 0x00620001, 0, type, sizeof type);
    if (rows < 1 || columns < 1 || rows > 65535 || columns > 65535 || samples != 1)
        return error_set(err, ERROR_DATA, "a segmentation of %ld x %ld pixels with %ld samples", columns, rows,
                         samples);
    mask->rows = (size_t)rows;
    mask->columns = (size_t)columns;
    const bool map = mask->about.kind == MASK_LABELMAP || strcmp(type, "LABELMAP") == 0;
    if (map)
        mask->about.kind = MASK_LABELMAP;
    if (strcmp(type, "FRACTIONAL") == 0 && (!item_int(mask->root, 0x0062000e, 0, &mask->most) || mask->most < 1))
        return error_set(err, ERROR_DATA, "a fractional segmentation without Maximum Fractional Value");
    const bool good = map ? mask->allocated == 8 || mask->allocated == 16
        : mask->most > 0 ? mask->allocated == 8 : mask->allocated == 1 && strcmp(type, "BINARY") == 0;
    return good || error_set(err, ERROR_UNSUPPORTED, "a segmentation of type %s with %ld bits a pixel", type,
                             mask->allocated);
}

bool mask_seg_read(struct mask *mask, struct error *err)
{
    return read_format(mask, err) && read_segments(mask, err) && read_plane(mask, err)
        && read_frames(mask, err);
}

/* Once, and only when something is painted. */
static bool decode(struct mask *mask, struct error *err)
{
    const void *pixels = NULL;
    size_t size = 0, count;

    if (mask->decoded)
        return true;
    if (!dataset_pixels(mask->dataset, &pixels, &size, err))
        return false;
    if (__builtin_mul_overflow(mask->rows * mask->columns, mask->frame_count, &count))
        return error_set(err, ERROR_LIMIT, "a segmentation of too many pixels");
    const size_t need = mask->allocated == 1 ? (count + 7) / 8 : mask->allocated == 8 ? count : 2 * count;
    if (size < need)
        return error_set(err, ERROR_DATA, "sizes disagree: %zu bytes of pixels where %zu frames of %zu x %zu "
                         "need %zu", size, mask->frame_count, mask->columns, mask->rows, need);
    mask->bytes = pixels;
    mask->words = pixels;
    mask->decoded = true;
    return true;
}

/* Is pixel `at` (counted over all frames) one of the segment? */
static bool is_set(const struct mask *mask, long segment, size_t at)
{
    if (mask->about.kind == MASK_LABELMAP)
        return (mask->allocated == 8 ? (long)mask->bytes[at] : (long)mask->words[at]) == segment;
    return mask->most > 0 ? 2 * (long)mask->bytes[at] >= mask->most
                          : (mask->bytes[at / 8] >> at % 8 & 1) != 0;
}

static bool is_of(const struct mask *mask, size_t f, long segment)
{
    return mask->about.kind == MASK_LABELMAP || mask->frame[f].segment == segment;
}

/* ---- on the volume's own grid ---- */

struct copy {                           /* pixel (c, r) of a frame is voxel (at[0] + c, at[1] + r, at[2]) */
    long at[3];
};

static bool is_parallel(const struct mask *mask, const struct volume *volume)
{
    for (int axis = 0; axis < 3; axis++) {
        const double column = volume->affine[axis][0] - mask->orientation[axis] * mask->spacing[1];
        const double row = volume->affine[axis][1] - mask->orientation[axis + 3] * mask->spacing[0];
        if (fabs(column) > (SAME_SPACING + SAME_COSINE) * mask->spacing[1]
            || fabs(row) > (SAME_SPACING + SAME_COSINE) * mask->spacing[0])
            return false;
    }
    return true;
}

static double apart(const double a[3], const double b[3])
{
    return hypot(hypot(a[0] - b[0], a[1] - b[1]), a[2] - b[2]);
}

/* By the slices' true positions, which an uneven series has beside its grid. */
static bool place_frame(const struct mask_frame *frame, const struct mask_grid *grid,
                        const struct volume *volume, struct copy *ret_copy)
{
    double voxel[3], mm[3];

    mask_grid_place(grid, frame->position, voxel);
    for (int axis = 0; axis < 3; axis++)
        if (!(fabs(voxel[axis]) < FAR_VOXELS))
            return false;
    for (int axis = 0; axis < 3; axis++)
        ret_copy->at[axis] = lround(voxel[axis]);
    const double whole[3] = { (double)ret_copy->at[0], (double)ret_copy->at[1], (double)ret_copy->at[2] };
    if (whole[2] >= 0 && whole[2] < (double)volume->size[2])
        volume_to_patient(volume, whole, mm);
    else
        for (int axis = 0; axis < 3; axis++)
            mm[axis] = volume->affine[axis][3] + whole[0] * volume->affine[axis][0]
                + whole[1] * volume->affine[axis][1] + whole[2] * volume->affine[axis][2];
    return apart(mm, frame->position) <= SAME_PLACE * fmin(volume_spacing_mm(volume, 0),
                                                           volume_spacing_mm(volume, 2));
}

static bool is_on_grid(const struct mask *mask, long segment, const struct mask_grid *grid,
                       const struct volume *volume)
{
    struct copy copy;

    if (!is_parallel(mask, volume))
        return false;
    for (size_t f = 0; f < mask->frame_count; f++)
        if (is_of(mask, f, segment) && !place_frame(&mask->frame[f], grid, volume, &copy))
            return false;
    return true;
}

static void copy_row(const struct mask *mask, long segment, size_t from, const struct copy *copy, long j,
                     const struct volume *volume, uint8_t *voxels, struct mask_paint *paint)
{
    const long width = (long)volume->size[0];
    const bool inside = j >= 0 && j < (long)volume->size[1] && copy->at[2] >= 0
        && copy->at[2] < (long)volume->size[2];
    uint8_t *const to = inside ? voxels + ((size_t)copy->at[2] * volume->size[1] + (size_t)j) * volume->size[0]
        : NULL;

    for (size_t c = 0; c < mask->columns; c++) {
        const long i = copy->at[0] + (long)c;
        if (!is_set(mask, segment, from + c))
            continue;
        if (to == NULL || i < 0 || i >= width) {
            paint->outside++;
        } else {
            paint->voxels += to[i] == 0;
            to[i] = 1;
        }
    }
}

static void copy_frames(const struct mask *mask, long segment, const struct mask_grid *grid,
                        const struct volume *volume, uint8_t *voxels, struct mask_paint *paint)
{
    struct copy copy = { { 0 } };

    for (size_t f = 0; f < mask->frame_count; f++) {
        if (!is_of(mask, f, segment))
            continue;
        place_frame(&mask->frame[f], grid, volume, &copy);
        for (size_t r = 0; r < mask->rows; r++)
            copy_row(mask, segment, (f * mask->rows + r) * mask->columns, &copy, copy.at[1] + (long)r,
                     volume, voxels, paint);
    }
}

/* ---- on another grid ---- */

struct layer {                          /* a frame by its place along the normal */
    double along;
    size_t frame;
};

static int compare_layers(const void *a, const void *b)
{
    const double left = ((const struct layer *)a)->along, right = ((const struct layer *)b)->along;

    return left < right ? -1 : left > right;
}

struct stack {
    const struct mask *mask;
    long segment;
    double normal[3], reach;            /* reach: half of the step between frames, mm */
    size_t count;
    struct layer *layer;
};

/* The least step between frames of all segments, where it is not told: a segment may skip slices. */
static double least_step(const struct stack *stack)
{
    double least = 0;

    for (size_t n = 1; n < stack->count; n++) {
        const double step = stack->layer[n].along - stack->layer[n - 1].along;
        if (step > 0.01 && (least == 0 || step < least))
            least = step;
    }
    return least;
}

static bool stack_frames(const struct mask *mask, long segment, const struct volume *volume,
                         struct arena *arena, struct stack *stack, struct error *err)
{
    const double *const o = mask->orientation;
    const double normal[3] = { o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5],
                               o[0] * o[4] - o[1] * o[3] };

    *stack = (struct stack){ .mask = mask, .segment = segment };
    memcpy(stack->normal, normal, sizeof normal);
    stack->layer = arena_take(arena, mask->frame_count, sizeof *stack->layer, err);
    if (stack->layer == NULL)
        return false;
    for (int own = 0; own < 2; own++) {
        stack->count = 0;
        for (size_t f = 0; f < mask->frame_count; f++)
            if (!own || is_of(mask, f, segment))
                stack->layer[stack->count++] = (struct layer){ dot(mask->frame[f].position, normal), f };
        qsort(stack->layer, stack->count, sizeof *stack->layer, compare_layers);
        if (own)
            break;
        const double step = mask->step_mm > 0 ? mask->step_mm : least_step(stack);
        stack->reach = (step > 0 ? step : volume_spacing_mm(volume, 2)) / 2;
    }
    return true;
}

/* The first layer that is not below `along`. */
static size_t layer_from(const struct stack *stack, double along)
{
    size_t low = 0, high = stack->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (stack->layer[middle].along < along)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool layer_is_set(const struct stack *stack, const struct layer *layer, const double mm[3])
{
    const struct mask *const mask = stack->mask;
    const double *const origin = mask->frame[layer->frame].position;
    const double away[3] = { mm[0] - origin[0], mm[1] - origin[1], mm[2] - origin[2] };
    const double c = floor(dot(away, mask->orientation) / mask->spacing[1] + 0.5);
    const double r = floor(dot(away, mask->orientation + 3) / mask->spacing[0] + 0.5);

    return c >= 0 && r >= 0 && c < (double)mask->columns && r < (double)mask->rows
        && is_set(mask, stack->segment,
                  (layer->frame * mask->rows + (size_t)r) * mask->columns + (size_t)c);
}

/* A point half way between two layers is of the lower one: a layer reaches up to it, and not down to it. */
static bool is_inside(const struct stack *stack, const double mm[3])
{
    const double along = dot(mm, stack->normal), reach = stack->reach;
    size_t best = stack->count;
    double nearest = INFINITY;

    const size_t above = layer_from(stack, along);
    const size_t below = above == 0 ? stack->count : layer_from(stack, stack->layer[above - 1].along);
    const size_t beside[2] = { below, above };
    for (int side = 0; side < 2; side++) {
        const double away = beside[side] < stack->count ? stack->layer[beside[side]].along - along : INFINITY;
        if (away >= -reach - ROUNDING && away < reach - ROUNDING && fabs(away) < nearest) {
            nearest = fabs(away);
            best = beside[side];
        }
    }
    return best < stack->count && layer_is_set(stack, &stack->layer[best], mm);
}

static void resample(const struct stack *stack, const struct volume *volume, uint8_t *voxels,
                     struct mask_paint *paint)
{
    size_t at = 0;

    for (size_t k = 0; k < volume->size[2]; k++)
        for (size_t j = 0; j < volume->size[1]; j++)
            for (size_t i = 0; i < volume->size[0]; i++, at++) {
                const double voxel[3] = { (double)i, (double)j, (double)k };
                double mm[3];
                volume_to_patient(volume, voxel, mm);
                if (is_inside(stack, mm)) {
                    paint->voxels += voxels[at] == 0;
                    voxels[at] = 1;
                }
            }
    paint->resampled = true;
}

/* Pixels whose place is in no voxel: the centre counts. */
static void count_outside(const struct stack *stack, const struct mask_grid *grid,
                          const struct volume *volume, struct mask_paint *paint)
{
    const struct mask *const mask = stack->mask;

    for (size_t n = 0; n < stack->count; n++) {
        const size_t f = stack->layer[n].frame;
        for (size_t p = 0; p < mask->rows * mask->columns; p++) {
            double mm[3], voxel[3];
            bool inside = true;
            if (!is_set(mask, stack->segment, f * mask->rows * mask->columns + p))
                continue;
            for (int axis = 0; axis < 3; axis++)
                mm[axis] = mask->frame[f].position[axis]
                    + (double)(p % mask->columns) * mask->spacing[1] * mask->orientation[axis]
                    + (double)(p / mask->columns) * mask->spacing[0] * mask->orientation[axis + 3];
            mask_grid_place(grid, mm, voxel);
            for (int axis = 0; axis < 3; axis++)
                inside = inside && voxel[axis] >= -0.5 && voxel[axis] <= (double)volume->size[axis] - 0.5;
            paint->outside += !inside;
        }
    }
}

bool mask_seg_paint(struct mask *mask, const struct mask_structure *structure,
                    const struct volume *volume, struct arena *arena, uint8_t *voxels,
                    struct mask_paint *paint, struct error *err)
{
    struct mask_grid grid;
    struct stack stack;
    const size_t mark = arena_mark(arena);

    if (!mask_grid_make(volume, &grid, err) || !decode(mask, err))
        return false;
    if (is_on_grid(mask, structure->number, &grid, volume)) {
        copy_frames(mask, structure->number, &grid, volume, voxels, paint);
        return true;
    }
    if (!stack_frames(mask, structure->number, volume, arena, &stack, err))
        return false;
    resample(&stack, volume, voxels, paint);
    count_outside(&stack, &grid, volume, paint);
    arena_rewind(arena, mark);
    return true;
}
