/* Distance: along i by two scans, then along j and k, sixteen neighbouring columns together. */
#include "analysis/distance.h"

#include <math.h>
#include <string.h>

#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"

#define COLUMNS 16                  /* a cache line of floats */
#define PARTS 32                    /* each has scratch of its own */

struct work {
    const uint8_t *mask;
    const size_t *size;
    const double *spacing;
    float *distance;                /* squared, up to the last pass */
    float *scratch;
    size_t longest;                 /* of the axes */
};

/* One part's: the columns side by side, and the envelope of one of them. */
struct scratch {
    float *column;                  /* COLUMNS times the longest axis */
    float *begin;                   /* where each parabola becomes the lowest */
    float *height;
    float *place;
};

static size_t part_floats(size_t longest)
{
    return (COLUMNS + 4) * (longest + 1);
}

static struct scratch scratch_of(const struct work *work, size_t part)
{
    float *const at = work->scratch + part * part_floats(work->longest);
    const size_t step = work->longest + 1;

    return (struct scratch){ at, at + COLUMNS * step, at + (COLUMNS + 1) * step,
                             at + (COLUMNS + 2) * step };
}

/* Squared distances along a row; INFINITY where the row has no voxel outside. */
static void scan_row(const uint8_t *mask, size_t count, float spacing, float *row)
{
    float steps = INFINITY;             /* whole ones: a sum of spacings would round */

    for (size_t i = 0; i < count; i++) {
        steps = mask[i] ? steps + 1 : 0;
        row[i] = steps;
    }
    steps = INFINITY;
    for (size_t i = count; i-- > 0;) {
        steps = mask[i] ? steps + 1 : 0;
        const float least = fminf(row[i], steps) * spacing;
        row[i] = least * least;
    }
}

/*
 * Replaces f by min over q of f(q) + spacing² (p - q)². Places are in units of the spacing; where
 * parabolas q < r meet: ((f(r)/s² + r²) - (f(q)/s² + q²)) / (2 (r - q)).
 */
static void envelope(float *f, size_t count, float spacing, const struct scratch *scratch)
{
    const float square = spacing * spacing;
    float *const place = scratch->place, *const height = scratch->height;
    float *const begin = scratch->begin;
    size_t parabolas = 0;

    for (size_t q = 0; q < count; q++) {
        if (isinf(f[q]))
            continue;
        const float here = (float)q, own = f[q] / square;
        float from = -INFINITY;
        while (parabolas > 0) {
            const size_t last = parabolas - 1;
            from = 0.5f * ((own - height[last]) / (here - place[last]) + here + place[last]);
            if (from > begin[last])
                break;
            parabolas--;
            from = -INFINITY;
        }
        place[parabolas] = here;
        height[parabolas] = own;
        begin[parabolas++] = from;
    }
    if (parabolas == 0)
        return;
    for (size_t p = 0, at = 0; p < count; p++) {
        while (at + 1 < parabolas && begin[at + 1] <= (float)p)
            at++;
        const float apart = (float)p - place[at];
        f[p] = square * (height[at] + apart * apart);
    }
}

/* The columns from `at`, `wide` of them, `count` voxels that lie `step` apart. */
static void pass(float *at, size_t wide, size_t count, size_t step, float spacing,
                 const struct scratch *scratch, bool last)
{
    float *const column = scratch->column;

    for (size_t n = 0; n < count; n++)
        for (size_t c = 0; c < wide; c++)
            column[c * count + n] = at[n * step + c];
    for (size_t c = 0; c < wide; c++)
        envelope(column + c * count, count, spacing, scratch);
    for (size_t n = 0; n < count; n++)
        for (size_t c = 0; c < wide; c++)
            at[n * step + c] = last ? sqrtf(column[c * count + n]) : column[c * count + n];
}

/* Slices part, part + PARTS, …: rows, then columns along j. */
static void pass_slices(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t *const size = work->size, slice = size[0] * size[1];
    const struct scratch scratch = scratch_of(work, part);

    for (size_t k = part; k < size[2]; k += PARTS) {
        float *const distance = work->distance + k * slice;
        for (size_t j = 0; j < size[1]; j++)
            scan_row(work->mask + k * slice + j * size[0], size[0], (float)work->spacing[0],
                     distance + j * size[0]);
        for (size_t i = 0; i < size[0]; i += COLUMNS)
            pass(distance + i, size[0] - i < COLUMNS ? size[0] - i : COLUMNS, size[1], size[0],
                 (float)work->spacing[1], &scratch, false);
    }
}

/* Rows part, part + PARTS, … of all slices: columns along k. */
static void pass_rows(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t *const size = work->size, slice = size[0] * size[1];
    const struct scratch scratch = scratch_of(work, part);

    for (size_t j = part; j < size[1]; j += PARTS)
        for (size_t i = 0; i < size[0]; i += COLUMNS)
            pass(work->distance + j * size[0] + i,
                 size[0] - i < COLUMNS ? size[0] - i : COLUMNS, size[2], slice,
                 (float)work->spacing[2], &scratch, true);
}

static size_t longest_of(const size_t size[3])
{
    const size_t longest = size[1] > size[2] ? size[1] : size[2];

    return longest > size[0] ? longest : size[0];
}

size_t distance_need(const size_t size[3])
{
    return PARTS * part_floats(longest_of(size)) * sizeof(float);
}

bool distance_transform(const uint8_t *mask, const size_t size[3], const double spacing_mm[3],
                        float *ret_mm, int threads, struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct work work = { .mask = mask, .size = size, .spacing = spacing_mm, .distance = ret_mm,
                         .longest = longest_of(size) };

    for (int axis = 0; axis < 3; axis++)
        if (!(spacing_mm[axis] >= 1e-6 && spacing_mm[axis] <= 1e6))     /* floats, squared */
            return error_set(err, ERROR_DATA, "a spacing of %g mm", spacing_mm[axis]);
    work.scratch = arena_take(arena, PARTS * part_floats(work.longest), sizeof(float), err);
    if (work.scratch == NULL)
        return error_prefix(err, "distance transform");
    pool_run(threads, PARTS, pass_slices, &work);
    pool_run(threads, PARTS, pass_rows, &work);
    arena_rewind(arena, mark);
    return true;
}
