/* Synthesis: one distance transform a region, and from it half the thickness of each pixel. */
#include "analysis/synthesis.h"

#include <math.h>
#include <string.h>

#include "analysis/distance.h"
#include "analysis/findings.h"
#include "analysis/measure.h"
#include "util/arena.h"
#include "util/error.h"

#define MOST_VOXELS ((size_t)1 << 28)

struct work {
    const struct volume *labels;
    struct volume *body;
    uint8_t *mask;                  /* of one region, with a border of nothing */
    float *distance;
    size_t size[3];                 /* of both */
    double spacing[3];              /* of the body, in mm */
    double half_mm;                 /* of the depth */
};

static void unit_normal(const struct volume *labels, double ret_normal[3])
{
    double length = 0;

    for (int axis = 0; axis < 3; axis++) {
        const int next = (axis + 1) % 3, last = (axis + 2) % 3;
        ret_normal[axis] = labels->affine[next][0] * labels->affine[last][1]
            - labels->affine[last][0] * labels->affine[next][1];
        length += ret_normal[axis] * ret_normal[axis];
    }
    for (int axis = 0; axis < 3; axis++)
        ret_normal[axis] /= sqrt(length);
}

/* The slice in the middle keeps its place; the others go along its normal. */
static bool make_body(const struct volume *labels, double depth_mm, struct volume *body,
                      struct arena *arena, struct error *err)
{
    const double step = fmin(volume_spacing_mm(labels, 0), volume_spacing_mm(labels, 1));
    const size_t half = (size_t)ceil(depth_mm / 2 / step), slices = 2 * half + 1;
    double normal[3];

    if (labels->size[0] * labels->size[1] > MOST_VOXELS / slices)
        return error_set(err, ERROR_LIMIT, "a body of %zu slices of %zu x %zu pixels is too large", slices,
                         labels->size[0], labels->size[1]);
    unit_normal(labels, normal);
    *body = (struct volume){ .type = VOXEL_UINT8, .unit = UNIT_NONE, .slope = 1, .even = true,
                             .size = { labels->size[0], labels->size[1], slices } };
    memcpy(body->affine, labels->affine, sizeof body->affine);
    for (int axis = 0; axis < 3; axis++) {
        body->affine[axis][2] = normal[axis] * step;
        body->affine[axis][3] -= normal[axis] * step * (double)half;
    }
    body->u8 = arena_take_zeroed(arena, volume_count(body), 1, err);
    return body->u8 != NULL;
}

/* The border makes the slice's own edge an edge of the region. */
static void cut_region(const struct work *work, uint8_t label)
{
    const size_t columns = work->labels->size[0];

    memset(work->mask, 0, work->size[0] * work->size[1]);
    for (size_t j = 0; j < work->labels->size[1]; j++)
        for (size_t i = 0; i < columns; i++)
            work->mask[(j + 1) * work->size[0] + i + 1] = work->labels->u8[j * columns + i] == label;
}

/* From a pixel's middle to the region's edge, which lies half a pixel before the next one's. */
static double depth_at(const struct work *work, size_t i, size_t j)
{
    const double away = work->distance[(j + 1) * work->size[0] + i + 1];

    return fmax(away - 0.5 * fmin(work->spacing[0], work->spacing[1]), 0);
}

static void raise_pixel(const struct work *work, size_t i, size_t j, uint8_t label, double part)
{
    const size_t slice = work->body->size[0] * work->body->size[1], middle = work->body->size[2] / 2;
    const double from_edge = 1 - part, height = work->half_mm * sqrt(1 - from_edge * from_edge);

    for (size_t k = 0; k <= middle && (double)k * work->spacing[2] <= height; k++) {
        work->body->u8[(middle + k) * slice + j * work->body->size[0] + i] = label;
        work->body->u8[(middle - k) * slice + j * work->body->size[0] + i] = label;
    }
}

static bool raise_region(const struct work *work, uint8_t label, struct arena *arena, struct error *err)
{
    const size_t *const size = work->labels->size;
    double deepest = 0;

    cut_region(work, label);
    if (!distance_transform(work->mask, work->size, work->spacing, work->distance, 1, arena, err))
        return false;
    for (size_t j = 0; j < size[1]; j++)
        for (size_t i = 0; i < size[0]; i++)
            deepest = fmax(deepest, depth_at(work, i, j));
    for (size_t j = 0; j < size[1]; j++)
        for (size_t i = 0; i < size[0]; i++)
            if (work->labels->u8[j * size[0] + i] == label)
                raise_pixel(work, i, j, label, deepest > 0 ? depth_at(work, i, j) / deepest : 0);
    return true;
}

/* Counted, and measured as if a voxel were 1 long: nothing of it is a length in the patient. */
static bool count(struct synthesis *synthesis, size_t regions, struct arena *arena, struct error *err)
{
    struct volume grid = synthesis->labels;
    const size_t *const size = grid.size;

    memset(grid.affine, 0, sizeof grid.affine);
    for (int axis = 0; axis < 3; axis++)
        grid.affine[axis][axis] = 1;
    for (size_t i = 0; i < volume_count(&grid); i++)
        synthesis->voxels[grid.u8[i] <= regions ? grid.u8[i] : 0]++;
    for (size_t label = 1; label <= regions; label++) {
        struct lesion lesion = { .label = (uint32_t)label,
                                 .high = { size[0] - 1, size[1] - 1, size[2] - 1 } };
        if (synthesis->voxels[label] == 0)
            continue;
        if (!measure_lesion(&grid, &grid, &lesion, arena, err))
            return false;
        synthesis->longest_voxels[label] = lesion.longest_mm;
    }
    return true;
}

static bool raise_all(struct work *work, size_t regions, struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena), pixels = work->size[0] * work->size[1];
    bool good;

    work->mask = arena_take(arena, pixels, sizeof *work->mask, err);
    work->distance = work->mask == NULL ? NULL : arena_take(arena, pixels, sizeof *work->distance, err);
    good = work->distance != NULL;
    for (size_t label = 1; good && label <= regions; label++)
        good = raise_region(work, (uint8_t)label, arena, err);
    arena_rewind(arena, mark);
    return good;
}

bool synthesis_make(const struct volume *labels, size_t regions, double depth_mm, struct arena *arena,
                    struct synthesis *ret_synthesis, struct error *err)
{
    struct work work = { .labels = labels, .body = &ret_synthesis->labels, .half_mm = depth_mm / 2,
                         .size = { labels->size[0] + 2, labels->size[1] + 2, 1 } };

    memset(ret_synthesis, 0, sizeof *ret_synthesis);
    if (labels->size[2] != 1 || labels->type != VOXEL_UINT8)
        return error_set(err, ERROR_USAGE, "a body is made from one slice, not from %zu", labels->size[2]);
    if (!(depth_mm > 0 && depth_mm <= SYNTHESIS_MAX_DEPTH_MM) || regions > SYNTHESIS_MAX_REGIONS)
        return error_set(err, ERROR_USAGE, "a body of %g mm of %zu regions", depth_mm, regions);
    if (!make_body(labels, depth_mm, work.body, arena, err))
        return false;
    for (int axis = 0; axis < 3; axis++)
        work.spacing[axis] = volume_spacing_mm(work.body, axis);
    ret_synthesis->depth_mm = depth_mm;
    ret_synthesis->made = raise_all(&work, regions, arena, err) && count(ret_synthesis, regions, arena, err);
    return ret_synthesis->made;
}
