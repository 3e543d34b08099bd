/* Gauss: rows, then columns inside each slice, then along k some neighbouring columns together. */
#include "analysis/gauss.h"

#include <math.h>
#include <string.h>

#include "analysis/number.h"
#include "analysis/pool.h"
#include "analysis/vector.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define MAX_SIGMA 64
#define MAX_RADIUS (4 * MAX_SIGMA)
#define BLOCK 256                   /* voxels of a slice that go through k together */
#define PARTS 16                    /* of the volume; each has scratch of its own */

struct kernel {
    size_t radius;
    float weight[MAX_RADIUS + 1];   /* from the centre outwards; all sum to 1 */
};

struct work {
    const struct volume *volume;
    const size_t *size;
    float *to;
    struct kernel kernel[3];
    float *scratch;
    size_t scratch_size;            /* of one part, in floats */
};

static size_t radius_of(double sigma)
{
    return sigma > 0 ? (size_t)(4 * sigma + 0.5) : 0;
}

static void make_kernel(double sigma, struct kernel *kernel)
{
    double weight[MAX_RADIUS + 1] = { 1 }, sum = 1;

    kernel->radius = radius_of(sigma);
    for (size_t r = 1; r <= kernel->radius; r++) {
        weight[r] = number_exp(-0.5 * (double)(r * r) / (sigma * sigma));
        sum += 2 * weight[r];
    }
    for (size_t r = 0; r <= kernel->radius; r++)
        kernel->weight[r] = (float)(weight[r] / sum);
}

/* Where a place beyond the edge is mirrored to: … 1 0 | 0 1 … n-1 | n-1 n-2 … */
static size_t mirror(ptrdiff_t at, size_t count)
{
    const ptrdiff_t period = 2 * (ptrdiff_t)count;
    const ptrdiff_t place = (at % period + period) % period;

    return (size_t)(place < (ptrdiff_t)count ? place : period - 1 - place);
}

VECTOR_CLONES
static void begin_sum(float *restrict sum, const float *restrict middle, float weight,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] = weight * middle[i];
}

VECTOR_CLONES
static void add_pair(float *restrict sum, const float *a, const float *b, float weight,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += weight * (a[i] + b[i]);
}

VECTOR_CLONES
static void read_int16(const int16_t *restrict from, double slope, double intercept,
                       float *restrict to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (float)(from[i] * slope + intercept);
}

/* A row of values with its mirrored borders; `padded` begins a radius before it. */
static void read_row(const struct work *work, size_t row, float *padded)
{
    const size_t radius = work->kernel[0].radius, count = work->size[0];
    float *const to = padded + radius;

    if (work->volume->type == VOXEL_INT16)
        read_int16(work->volume->i16 + row * count, work->volume->slope,
                   work->volume->intercept, to, count);
    else
        for (size_t i = 0; i < count; i++)
            to[i] = (float)volume_value(work->volume, row * count + i);
    for (size_t r = 1; r <= radius; r++) {
        padded[radius - r] = to[mirror(-(ptrdiff_t)r, count)];
        to[count - 1 + r] = to[mirror((ptrdiff_t)(count - 1 + r), count)];
    }
}

static void along_row(const struct work *work, const float *padded, float *to)
{
    const struct kernel *const kernel = &work->kernel[0];
    const float *const middle = padded + kernel->radius;

    begin_sum(to, middle, kernel->weight[0], work->size[0]);
    for (size_t r = 1; r <= kernel->radius; r++)
        add_pair(to, middle - r, middle + r, kernel->weight[r], work->size[0]);
}

/* Row `at` of `rows` rows of `count` voxels that follow each other in `from`. */
static void across_rows(const struct kernel *kernel, const float *from, size_t at, size_t rows,
                        size_t count, float *to)
{
    begin_sum(to, from + at * count, kernel->weight[0], count);
    for (size_t r = 1; r <= kernel->radius; r++)
        add_pair(to, from + mirror((ptrdiff_t)at - (ptrdiff_t)r, rows) * count,
                 from + mirror((ptrdiff_t)(at + r), rows) * count, kernel->weight[r], count);
}

static void smooth_slices(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t *const size = work->size;
    float *const plane = work->scratch + part * work->scratch_size;
    float *const padded = plane + size[0] * size[1];

    for (size_t k = part; k < size[2]; k += PARTS) {
        for (size_t j = 0; j < size[1]; j++) {
            read_row(work, k * size[1] + j, padded);
            along_row(work, padded, plane + j * size[0]);
        }
        for (size_t j = 0; j < size[1]; j++)
            across_rows(&work->kernel[1], plane, j, size[1], size[0],
                        work->to + (k * size[1] + j) * size[0]);
    }
}

static void smooth_columns(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t slice = work->size[0] * work->size[1], depth = work->size[2];
    float *const copy = work->scratch + part * work->scratch_size;

    for (size_t first = part * BLOCK; first < slice; first += PARTS * BLOCK) {
        const size_t count = slice - first < BLOCK ? slice - first : BLOCK;
        for (size_t k = 0; k < depth; k++)
            memcpy(copy + k * count, work->to + k * slice + first, count * sizeof *copy);
        for (size_t k = 0; k < depth; k++)
            across_rows(&work->kernel[2], copy, k, depth, count, work->to + k * slice + first);
    }
}

static size_t part_floats(const size_t size[3], const double sigma[3])
{
    const size_t slices = size[0] * size[1] + size[0] + 2 * radius_of(sigma[0]);
    const size_t columns = size[2] * BLOCK;

    return slices > columns ? slices : columns;
}

size_t gauss_need(const size_t size[3], const double sigma_voxels[3])
{
    return PARTS * part_floats(size, sigma_voxels) * sizeof(float);
}

bool gauss_apply(const struct volume *volume, const double sigma_voxels[3], float *to, int threads,
                 struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct work work = { .volume = volume, .size = volume->size, .to = to };

    for (int axis = 0; axis < 3; axis++) {
        if (!(sigma_voxels[axis] >= 0 && sigma_voxels[axis] <= MAX_SIGMA))
            return error_set(err, ERROR_DATA, "a Gaussian of %g voxels", sigma_voxels[axis]);
        make_kernel(sigma_voxels[axis], &work.kernel[axis]);
    }
    work.scratch_size = part_floats(volume->size, sigma_voxels);
    work.scratch = arena_take(arena, PARTS * work.scratch_size, sizeof(float), err);
    if (work.scratch == NULL)
        return error_prefix(err, "Gaussian");
    pool_run(threads, PARTS, smooth_slices, &work);
    if (work.kernel[2].radius > 0)
        pool_run(threads, PARTS, smooth_columns, &work);
    arena_rewind(arena, mark);
    return true;
}
