/* Smooth: along i and j inside each slice, then along k column block by column block. */
#include "analysis/smooth.h"

#include <math.h>
#include <string.h>

#include "analysis/number.h"
#include "analysis/pool.h"
#include "analysis/vector.h"
#include "util/arena.h"
#include "util/error.h"

#define ONE 65536
#define HALF 32768
#define BLOCK 1024                  /* voxels of a slice that go through k together */
#define PARTS 16                    /* of the volume; each is independent of the others */

struct kernel smooth_kernel(double sigma)
{
    struct kernel kernel = { .radius = 0, .weight = { ONE } };
    double weight[SMOOTH_MAX_RADIUS + 1], sum = 0;

    if (sigma < 0.3)
        return kernel;              /* under a tenth of the weight would leave the centre */
    kernel.radius = (int)fmin(ceil(3 * sigma), SMOOTH_MAX_RADIUS);
    for (int r = 0; r <= kernel.radius; r++) {
        weight[r] = number_exp(-0.5 * r * r / (sigma * sigma));
        sum += r == 0 ? weight[r] : 2 * weight[r];
    }
    int32_t rest = ONE;
    for (int r = 1; r <= kernel.radius; r++) {
        kernel.weight[r] = (int32_t)floor(weight[r] / sum * ONE + 0.5);
        rest -= 2 * kernel.weight[r];
    }
    kernel.weight[0] = rest;
    return kernel;
}

double smooth_center(const struct kernel *kernel)
{
    return kernel->weight[0] / (double)ONE;
}

double smooth_energy(const struct kernel *kernel)
{
    double sum = smooth_center(kernel) * smooth_center(kernel);

    for (int r = 1; r <= kernel->radius; r++) {
        const double weight = kernel->weight[r] / (double)ONE;
        sum += 2 * weight * weight;
    }
    return sum;
}

struct work {
    uint16_t *levels;
    const size_t *size;
    const struct kernel *kernels;   /* for i, j, k */
    uint16_t *scratch;
    size_t scratch_size;            /* of one part */
};

static size_t clamp(long at, size_t count)
{
    return at < 0 ? 0 : (size_t)at >= count ? count - 1 : (size_t)at;
}

/* Along a row: the row stands in `padded` with its border voxels repeated on both sides. */
VECTOR_CLONES
static void along_row(const uint16_t *padded, uint16_t *to, size_t count,
                      const struct kernel *kernel)
{
    for (size_t i = 0; i < count; i++) {
        const uint16_t *const at = padded + i + SMOOTH_MAX_RADIUS;
        int32_t sum = kernel->weight[0] * at[0] + HALF;
        for (int r = 1; r <= kernel->radius; r++)
            sum += kernel->weight[r] * (at[-r] + at[r]);
        to[i] = (uint16_t)(sum / ONE);
    }
}

static void pad_row(const uint16_t *row, size_t count, uint16_t *padded)
{
    memcpy(padded + SMOOTH_MAX_RADIUS, row, count * sizeof *row);
    for (size_t r = 0; r < SMOOTH_MAX_RADIUS; r++) {
        padded[r] = row[0];
        padded[SMOOTH_MAX_RADIUS + count + r] = row[count - 1];
    }
}

/* Across rows: row `at` of `rows` rows of `count` voxels that follow each other in `from`. */
VECTOR_CLONES
static void across_rows(const uint16_t *from, size_t at, size_t rows, size_t count,
                        const struct kernel *kernel, uint16_t *restrict to)
{
    const uint16_t *row[2 * SMOOTH_MAX_RADIUS + 1];
    const int radius = kernel->radius;

    for (int r = -radius; r <= radius; r++)
        row[r + radius] = from + clamp((long)at + r, rows) * count;
    for (size_t i = 0; i < count; i++) {
        int32_t sum = kernel->weight[0] * row[radius][i] + HALF;
        for (int r = 1; r <= radius; r++)
            sum += kernel->weight[r] * (row[radius - r][i] + row[radius + r][i]);
        to[i] = (uint16_t)(sum / ONE);
    }
}

static void range(size_t part, size_t count, size_t *ret_first, size_t *ret_end)
{
    *ret_first = part * count / PARTS;
    *ret_end = (part + 1) * count / PARTS;
}

static void smooth_slices(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t width = work->size[0], height = work->size[1];
    uint16_t *const copy = work->scratch + part * work->scratch_size;
    uint16_t *const padded = copy + width * height;
    size_t first, end;

    range(part, work->size[2], &first, &end);
    for (size_t k = first; k < end; k++) {
        uint16_t *const slice = work->levels + k * width * height;
        for (size_t j = 0; j < height; j++) {
            pad_row(slice + j * width, width, padded);
            along_row(padded, copy + j * width, width, &work->kernels[0]);
        }
        for (size_t j = 0; j < height; j++)
            across_rows(copy, j, height, width, &work->kernels[1], slice + j * width);
    }
}

static void smooth_columns(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t slice = work->size[0] * work->size[1], depth = work->size[2];
    uint16_t *const copy = work->scratch + part * work->scratch_size;
    size_t first, end;

    range(part, slice, &first, &end);
    for (; first < end; first += BLOCK) {
        const size_t count = end - first < BLOCK ? end - first : BLOCK;
        for (size_t k = 0; k < depth; k++)
            memcpy(copy + k * count, work->levels + k * slice + first, count * sizeof *copy);
        for (size_t k = 0; k < depth; k++)
            across_rows(copy, k, depth, count, &work->kernels[2],
                        work->levels + k * slice + first);
    }
}

size_t smooth_need(const size_t size[3])
{
    const size_t slices = size[0] * size[1] + size[0] + 2 * SMOOTH_MAX_RADIUS;
    const size_t columns = size[2] * BLOCK;

    return PARTS * sizeof(uint16_t) * (slices > columns ? slices : columns);
}

bool smooth_apply(uint16_t *levels, const size_t size[3], const struct kernel kernels[3],
                  int threads, struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct work work = { .levels = levels, .size = size, .kernels = kernels,
                         .scratch_size = smooth_need(size) / PARTS / sizeof(uint16_t) };

    work.scratch = arena_take(arena, smooth_need(size), 1, err);
    if (work.scratch == NULL)
        return error_prefix(err, "smoothing");
    pool_run(threads, PARTS, smooth_slices, &work);
    if (kernels[2].radius > 0)
        pool_run(threads, PARTS, smooth_columns, &work);
    arena_rewind(arena, mark);
    return true;
}
