/* Mask: seven shifted rows, combined byte by byte; the compiler makes vectors of it. */
#include "analysis/mask.h"

#include <string.h>

#include "analysis/pool.h"
#include "analysis/vector.h"

struct work {
    const uint8_t *from;
    uint8_t *to;
    const size_t *size;
};

VECTOR_CLONES
static void erode_row(uint8_t *restrict to, const uint8_t *restrict row,
                      const uint8_t *const beside[4], size_t count)
{
    const uint8_t *const a = beside[0], *const b = beside[1];
    const uint8_t *const c = beside[2], *const d = beside[3];

    for (size_t i = 0; i < count; i++)
        to[i] = row[i] & a[i] & b[i] & c[i] & d[i];
    for (size_t i = 1; i < count; i++)
        to[i] &= row[i - 1];
    for (size_t i = 0; i + 1 < count; i++)
        to[i] &= row[i + 1];
}

VECTOR_CLONES
static void dilate_row(uint8_t *restrict to, const uint8_t *restrict row,
                       const uint8_t *const beside[4], size_t count)
{
    const uint8_t *const a = beside[0], *const b = beside[1];
    const uint8_t *const c = beside[2], *const d = beside[3];

    for (size_t i = 0; i < count; i++)
        to[i] = row[i] | a[i] | b[i] | c[i] | d[i];
    for (size_t i = 1; i < count; i++)
        to[i] |= row[i - 1];
    for (size_t i = 0; i + 1 < count; i++)
        to[i] |= row[i + 1];
}

/* The rows before and behind in j and k; at the grid's edge the row stands for itself. */
static void neighbours(const struct work *work, size_t j, size_t k, const uint8_t *row,
                       const uint8_t *ret_beside[4])
{
    const size_t line = work->size[0], slice = line * work->size[1];

    ret_beside[0] = j > 0 ? row - line : row;
    ret_beside[1] = j + 1 < work->size[1] ? row + line : row;
    ret_beside[2] = k > 0 ? row - slice : row;
    ret_beside[3] = k + 1 < work->size[2] ? row + slice : row;
}

static void erode_slice(size_t k, void *context)
{
    const struct work *const work = context;
    const uint8_t *beside[4];

    for (size_t j = 0; j < work->size[1]; j++) {
        const size_t at = (k * work->size[1] + j) * work->size[0];
        neighbours(work, j, k, work->from + at, beside);
        erode_row(work->to + at, work->from + at, beside, work->size[0]);
    }
}

static void dilate_slice(size_t k, void *context)
{
    const struct work *const work = context;
    const uint8_t *beside[4];

    for (size_t j = 0; j < work->size[1]; j++) {
        const size_t at = (k * work->size[1] + j) * work->size[0];
        neighbours(work, j, k, work->from + at, beside);
        dilate_row(work->to + at, work->from + at, beside, work->size[0]);
    }
}

void mask_erode(const uint8_t *from, uint8_t *to, const size_t size[3], int threads)
{
    struct work work = { from, to, size };

    pool_run(threads, size[2], erode_slice, &work);
}

void mask_dilate(const uint8_t *from, uint8_t *to, const size_t size[3], int threads)
{
    struct work work = { from, to, size };

    pool_run(threads, size[2], dilate_slice, &work);
}
