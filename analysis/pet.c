/* PET: see the header. */
#include "analysis/pet.h"

#include <math.h>
#include <string.h>

#include "analysis/distance.h"
#include "analysis/otsu.h"
#include "analysis/uptake.h"
#include "util/arena.h"
#include "util/error.h"

struct pet_box pet_box_grow(const struct volume *volume, const struct pet_box *box, double mm)
{
    struct pet_box grown;

    for (int axis = 0; axis < 3; axis++) {
        const double steps = ceil(mm / volume_spacing_mm(volume, axis));
        const double last = (double)volume->size[axis] - 1;
        grown.low[axis] = (size_t)fmax((double)box->low[axis] - steps, 0);
        grown.high[axis] = (size_t)fmin((double)box->high[axis] + steps, last);
    }
    return grown;
}

/* The voxels of a box, row by row: sets ret_index to the row's first. False after the last. */
static bool next_row(const struct volume *volume, const struct pet_box *box, size_t *row, size_t *ret_index)
{
    const size_t rows = box->high[1] - box->low[1] + 1;
    const size_t j = box->low[1] + *row % rows, k = box->low[2] + *row / rows;

    if (k > box->high[2])
        return false;
    *ret_index = (k * volume->size[1] + j) * volume->size[0] + box->low[0];
    ++*row;
    return true;
}

bool pet_hottest(const struct volume *volume, const struct pet_box *box, const uint8_t *taken,
                 size_t *ret_index)
{
    const size_t width = box->high[0] - box->low[0] + 1;
    double hottest = -INFINITY;
    size_t row = 0, first;

    while (next_row(volume, box, &row, &first))
        for (size_t i = first; i < first + width; i++)
            if ((taken == NULL || !taken[i]) && volume_value(volume, i) > hottest) {
                hottest = volume_value(volume, i);
                *ret_index = i;
            }
    return hottest > -INFINITY;
}

static void range_of(const struct volume *volume, const struct pet_box *box, const uint8_t *taken,
                     double *ret_low, double *ret_high)
{
    const size_t width = box->high[0] - box->low[0] + 1;
    size_t row = 0, first;

    *ret_low = INFINITY;
    *ret_high = -INFINITY;
    while (next_row(volume, box, &row, &first))
        for (size_t i = first; i < first + width; i++)
            if (taken == NULL || !taken[i]) {
                *ret_low = fmin(*ret_low, volume_value(volume, i));
                *ret_high = fmax(*ret_high, volume_value(volume, i));
            }
}

bool pet_otsu(const struct volume *volume, const struct pet_box *box, const uint8_t *taken,
              double *ret_threshold)
{
    const size_t width = box->high[0] - box->low[0] + 1;
    uint64_t histogram[OTSU_BINS] = { 0 };
    double low, high;
    size_t row = 0, first;
    int bin = 0;

    range_of(volume, box, taken, &low, &high);
    if (!(low < high))
        return false;
    const double step = (high - low) / OTSU_BINS;
    while (next_row(volume, box, &row, &first))
        for (size_t i = first; i < first + width; i++)
            if (taken == NULL || !taken[i]) {
                const double at = (volume_value(volume, i) - low) / step;
                histogram[at < OTSU_BINS ? (int)at : OTSU_BINS - 1]++;
            }
    if (!otsu2(histogram, &bin))
        return false;
    *ret_threshold = low + (bin + 1) * step;
    return true;
}

/* ---- growing ---- */

struct growth {
    const struct volume *volume;
    const struct pet_box *box;
    double threshold;
    uint8_t *mask;
    size_t *queue, begin, end;
};

/* The neighbours of voxel (i, j, k) that belong to it join the queue. */
static void visit(struct growth *growth, size_t index)
{
    const size_t *const size = growth->volume->size, *const low = growth->box->low;
    const size_t at[3] = { index % size[0], index / size[0] % size[1], index / size[0] / size[1] };
    size_t from[3], to[3];

    for (int axis = 0; axis < 3; axis++) {
        from[axis] = at[axis] > low[axis] ? at[axis] - 1 : low[axis];
        to[axis] = at[axis] < growth->box->high[axis] ? at[axis] + 1 : growth->box->high[axis];
    }
    for (size_t k = from[2]; k <= to[2]; k++)
        for (size_t j = from[1]; j <= to[1]; j++)
            for (size_t i = from[0]; i <= to[0]; i++) {
                const size_t other = (k * size[1] + j) * size[0] + i;
                if (growth->mask[other]
                    || !(volume_value(growth->volume, other) >= growth->threshold))
                    continue;
                growth->mask[other] = 1;
                growth->queue[growth->end++] = other;
            }
}

bool pet_grow(const struct volume *volume, const struct pet_box *box, size_t seed, double threshold,
              uint8_t *mask, struct arena *arena, struct error *err)
{
    struct growth growth = { .volume = volume, .box = box, .threshold = threshold, .mask = mask };
    size_t room = 1;

    if (!(volume_value(volume, seed) >= threshold) || mask[seed])
        return true;
    for (int axis = 0; axis < 3; axis++)
        room *= box->high[axis] - box->low[axis] + 1;
    const size_t mark = arena_mark(arena);
    growth.queue = arena_take(arena, room, sizeof *growth.queue, err);
    if (growth.queue == NULL)
        return false;
    mask[seed] = 1;
    growth.queue[growth.end++] = seed;
    while (growth.begin < growth.end)
        visit(&growth, growth.queue[growth.begin++]);
    arena_rewind(arena, mark);
    return true;
}

/* ---- the liver as a reference ---- */

static bool reference_about(const struct volume *volume, const size_t at[3], struct pet_reference *ret,
                            struct arena *arena, struct error *err)
{
    const size_t *const size = volume->size, mark = arena_mark(arena);
    struct uptake_sphere sphere;
    struct pet_reference reference = { .sd = 0 };
    double square = 0;

    if (!uptake_sphere_make(volume, PET_LIVER_RADIUS_MM, arena, &sphere, err))
        return false;
    if (!uptake_sphere_mean(volume, &sphere, at, &reference.mean))
        return error_set(err, ERROR_DATA, "the sphere of 3 cm is not wholly in the volume");
    for (size_t n = 0; n < sphere.count; n++) {
        const int *const step = sphere.weight[n].step;
        const size_t i = at[0] + (size_t)step[0], j = at[1] + (size_t)step[1];
        const size_t k = at[2] + (size_t)step[2];
        const double off = volume_value(volume, (k * size[1] + j) * size[0] + i) - reference.mean;
        square += sphere.weight[n].weight * off * off;
    }
    reference.sd = sqrt(square / sphere.total);
    reference.voxels = sphere.count;
    volume_to_patient(volume, (const double[3]){ (double)at[0], (double)at[1], (double)at[2] },
                      reference.center_mm);
    arena_rewind(arena, mark);
    *ret = reference;
    return true;
}

/* The centroid of the organ along x (LPS: to the left); false when it is empty. */
static bool middle_of(const struct volume *volume, const uint8_t *organ, double *ret_x)
{
    double sum[3] = { 0 }, mm[3];
    size_t count = 0;

    for (size_t i = 0; i < volume_count(volume); i++)
        if (organ[i]) {
            sum[0] += (double)(i % volume->size[0]);
            sum[1] += (double)(i / volume->size[0] % volume->size[1]);
            sum[2] += (double)(i / volume->size[0] / volume->size[1]);
            count++;
        }
    if (count == 0)
        return false;
    volume_to_patient(volume, (const double[3]){ sum[0] / (double)count, sum[1] / (double)count,
                                                 sum[2] / (double)count }, mm);
    *ret_x = mm[0];
    return true;
}

/* The voxel to the right of `x` that is farthest from the organ's surface. */
static double find_deepest(const struct volume *volume, const float *depth, double x, size_t ret_at[3])
{
    double deepest = 0, mm[3];

    for (size_t n = 0; n < volume_count(volume); n++) {
        if (!(depth[n] > deepest))
            continue;
        const size_t at[3] = { n % volume->size[0], n / volume->size[0] % volume->size[1],
                               n / volume->size[0] / volume->size[1] };
        volume_to_patient(volume, (const double[3]){ (double)at[0], (double)at[1], (double)at[2] }, mm);
        if (mm[0] >= x)
            continue;
        deepest = depth[n];
        memcpy(ret_at, at, sizeof at);
    }
    return deepest;
}

bool pet_reference_in(const struct volume *volume, const uint8_t *organ, struct arena *arena,
                      struct pet_reference *ret_reference, struct error *err)
{
    const double spacing[3] = { volume_spacing_mm(volume, 0), volume_spacing_mm(volume, 1),
                                volume_spacing_mm(volume, 2) };
    const size_t mark = arena_mark(arena);
    size_t at[3] = { 0 };
    double x = 0;

    if (!middle_of(volume, organ, &x))
        return error_set(err, ERROR_DATA, "no liver reference: the liver's mask is empty");
    float *const depth = arena_take(arena, volume_count(volume), sizeof *depth, err);
    if (depth == NULL
        || !distance_transform(organ, volume->size, spacing, depth, 1, arena, err))
        return false;
    const double deepest = find_deepest(volume, depth, x, at);
    arena_rewind(arena, mark);
    if (!(deepest >= PET_LIVER_RADIUS_MM) || isinf(deepest))
        return error_set(err, ERROR_DATA, "no liver reference: a sphere of 3 cm does not fit into the right "
                         "half of the liver, where %.1f mm are deepest", deepest);
    return reference_about(volume, at, ret_reference, arena, err)
        || error_prefix(err, "no liver reference");
}

double pet_percist(const struct pet_reference *reference)
{
    return 1.5 * reference->mean + 2 * reference->sd;
}
