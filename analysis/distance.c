/* Distance: along i by two scans, then along j and k, some neighbouring columns together. */
#include "analysis/distance.h"

#include <math.h>
#include <string.h>

#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"

#define COLUMNS 32                  /* two cache lines of floats */
#define PARTS 32                    /* each has scratch of its own */
#define APART 16                    /* between columns: powers of two would share cache sets */

struct work {
    const uint8_t *mask;
    const size_t *size;
    const double *spacing;
    float *distance;                /* squared, up to the last pass */
    float *half;                    /* 1 / (2 n) */
    float *scratch;
    size_t longest;                 /* of the axes */
};

struct parabola {
    float begin;                    /* where it becomes the lowest */
    float height, place;
};

/* One part's: the columns side by side, and the envelope of one of them. */
struct scratch {
    const float *half;
    float *column;                  /* COLUMNS times the longest axis */
    struct parabola *parabola;
};

static size_t part_floats(size_t longest)
{
    return COLUMNS * (longest + APART) + 3 * (longest + 1);
}

static struct scratch scratch_of(const struct work *work, size_t part)
{
    float *const at = work->scratch + part * part_floats(work->longest);

    return (struct scratch){ work->half, at,
                             (struct parabola *)(at + COLUMNS * (work->longest + APART)) };
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
        const float least = (row[i] < steps ? row[i] : steps) * spacing;
        row[i] = least * least;
    }
}

/* Puts the parabola of place q behind those that it does not hide; how many there are then. */
static size_t add_parabola(const struct scratch *scratch, size_t parabolas, size_t q, float height)
{
    struct parabola *const all = scratch->parabola;
    const float place = (float)q;

    while (parabolas > 0) {
        const struct parabola *const last = &all[parabolas - 1];
        const float from = (height - last->height) * scratch->half[q - (size_t)last->place]
            + 0.5f * (place + last->place);
        if (from > last->begin) {
            all[parabolas] = (struct parabola){ from, height, place };
            return parabolas + 1;
        }
        parabolas--;
    }
    all[0] = (struct parabola){ -INFINITY, height, place };
    return 1;
}

static void fill_run(float *f, size_t first, size_t end, const struct scratch *scratch,
                     size_t parabolas)
{
    size_t p = first;

    for (size_t n = 0; n < parabolas && p < end; n++) {
        const struct parabola lowest = scratch->parabola[n];
        const float until = n + 1 < parabolas ? scratch->parabola[n + 1].begin : INFINITY;
        for (; p < end && (float)p < until; p++) {
            const float apart = (float)p - lowest.place;
            f[p] = lowest.height + apart * apart;
        }
    }
}

/*
 * Replaces f by min over q of f(q) + (p - q)², in units of the spacing. Where parabolas q < r meet:
 * (f(r) - f(q)) / (2 (r - q)) + (q + r) / 2. A place where f is 0 hides what is behind it, so that
 * each run between two of them is for itself.
 */
static void envelope(float *f, size_t count, const struct scratch *scratch)
{
    for (size_t q = 0; q < count;) {
        if (f[q] == 0) {
            q++;
            continue;
        }
        const size_t first = q;
        size_t parabolas = first > 0 ? add_parabola(scratch, 0, first - 1, 0) : 0;
        for (; q < count && f[q] != 0; q++)
            if (f[q] < INFINITY)
                parabolas = add_parabola(scratch, parabolas, q, f[q]);
        if (q < count)
            parabolas = add_parabola(scratch, parabolas, q, 0);
        fill_run(f, first, q, scratch, parabolas);
    }
}

/* The columns from `at`, `wide` of them, `count` voxels that lie `step` apart. */
static void pass(float *at, size_t wide, size_t count, size_t step, float spacing,
                 const struct scratch *scratch, bool last)
{
    const float square = spacing * spacing;
    const size_t apart = count + APART;
    float *const column = scratch->column;

    for (size_t n = 0; n < count; n++)
        for (size_t c = 0; c < wide; c++)
            column[c * apart + n] = at[n * step + c] / square;
    for (size_t c = 0; c < wide; c++)
        envelope(column + c * apart, count, scratch);
    for (size_t n = 0; n < count; n++)
        for (size_t c = 0; c < wide; c++) {
            const float squared = square * column[c * apart + n];
            at[n * step + c] = last ? sqrtf(squared) : squared;
        }
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
    return (PARTS * part_floats(longest_of(size)) + longest_of(size) + 1) * sizeof(float);
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
    work.half = arena_take(arena, distance_need(size), 1, err);
    if (work.half == NULL)
        return error_prefix(err, "distance transform");
    for (size_t n = 1; n <= work.longest; n++)
        work.half[n] = 0.5f / (float)n;
    work.scratch = work.half + work.longest + 1;
    pool_run(threads, PARTS, pass_slices, &work);
    pool_run(threads, PARTS, pass_rows, &work);
    arena_rewind(arena, mark);
    return true;
}
