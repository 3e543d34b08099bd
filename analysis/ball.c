/*
 * Ball: rows as bits. A ball is a bundle of rows, each with a half width along i; the rows of one
 * width are joined first and then spread together, by shifts that double.
 */
#include "analysis/ball.h"

#include <math.h>
#include <string.h>

#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"

#define MAX_ACROSS 1024
#define ONES 0x0101010101010101ULL

struct beam {                       /* a row of the ball */
    int j, k;
    unsigned half;                  /* voxels on each side along i */
};

struct work {
    const size_t *size;
    size_t words;                   /* of a row */
    uint64_t *from, *to;
    uint64_t *row;                  /* scratch, one for each slice */
    const struct beam *beam;        /* those of one width beside each other */
    size_t beams;
    const uint8_t *bytes_from;
    uint8_t *bytes_to;
};

/* ---- bits and bytes ---- */

/* Eight bytes to eight bits: any bit of a byte counts. */
static uint64_t bits_of(const uint8_t *bytes)
{
    uint64_t x;

    memcpy(&x, bytes, sizeof x);
    x |= x >> 4 & 0x0f0f0f0f0f0f0f0fULL;
    x |= x >> 2 & 0x3f3f3f3f3f3f3f3fULL;
    x |= x >> 1 & 0x7f7f7f7f7f7f7f7fULL;
    return (x & ONES) * 0x0102040810204080ULL >> 56;
}

static void pack_row(const uint8_t *bytes, size_t count, uint64_t *row)
{
    size_t i = 0;

    memset(row, 0, (count + 63) / 64 * sizeof *row);
    for (; i + 8 <= count; i += 8)
        row[i / 64] |= bits_of(bytes + i) << i % 64;
    for (; i < count; i++)
        row[i / 64] |= (uint64_t)(bytes[i] != 0) << i % 64;
}

static void unpack_row(const uint64_t *row, size_t count, uint8_t *bytes)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(row[i / 64] >> i % 64 & 1);
}

static void pack_slice(size_t k, void *context)
{
    const struct work *const work = context;
    const size_t *const size = work->size;

    for (size_t row = k * size[1]; row < (k + 1) * size[1]; row++)
        pack_row(work->bytes_from + row * size[0], size[0], work->from + row * work->words);
}

static void unpack_slice(size_t k, void *context)
{
    const struct work *const work = context;
    const size_t *const size = work->size;

    for (size_t row = k * size[1]; row < (k + 1) * size[1]; row++)
        unpack_row(work->from + row * work->words, size[0], work->bytes_to + row * size[0]);
}

/* ---- dilation ---- */

static void shift_up(uint64_t *row, size_t words, unsigned by)
{
    for (size_t w = words - 1; w > 0; w--)
        row[w] |= row[w] << by | row[w - 1] >> (64 - by);
    row[0] |= row[0] << by;
}

static void shift_down(uint64_t *row, size_t words, unsigned by)
{
    for (size_t w = 0; w + 1 < words; w++)
        row[w] |= row[w] >> by | row[w + 1] << (64 - by);
    row[words - 1] |= row[words - 1] >> by;
}

/* Each set bit sets those up to `half` beside it. */
static void spread(uint64_t *row, size_t words, unsigned half)
{
    for (unsigned done = 0, by; done < half; done += by) {
        by = done + 1 < half - done ? done + 1 : half - done;
        by = by > 63 ? 63 : by;
        shift_up(row, words, by);
        shift_down(row, words, by);
    }
}

static void join(uint64_t *row, const uint64_t *other, size_t words)
{
    for (size_t w = 0; w < words; w++)
        row[w] |= other[w];
}

static void dilate_row(const struct work *work, size_t j, size_t k, uint64_t *row,
                       uint64_t *target)
{
    const size_t words = work->words;

    memset(target, 0, words * sizeof *target);
    for (size_t b = 0; b < work->beams;) {
        const unsigned half = work->beam[b].half;
        memset(row, 0, words * sizeof *row);
        for (; b < work->beams && work->beam[b].half == half; b++) {
            const size_t y = j + (size_t)work->beam[b].j, z = k + (size_t)work->beam[b].k;
            if (y < work->size[1] && z < work->size[2])     /* below 0 is far above */
                join(row, work->from + (z * work->size[1] + y) * words, words);
        }
        spread(row, words, half);
        join(target, row, words);
    }
    if (work->size[0] % 64 != 0)
        target[words - 1] &= ((uint64_t)1 << work->size[0] % 64) - 1;
}

static void dilate_slice(size_t k, void *context)
{
    const struct work *const work = context;

    for (size_t j = 0; j < work->size[1]; j++)
        dilate_row(work, j, k, work->row + k * work->words,
                   work->to + (k * work->size[1] + j) * work->words);
}

/* In place; the bits behind the end of each row stay 0. */
static void complement_slice(size_t k, void *context)
{
    const struct work *const work = context;
    const size_t words = work->words, rest = work->size[0] % 64;

    for (size_t row = k * work->size[1]; row < (k + 1) * work->size[1]; row++) {
        for (size_t w = 0; w < words; w++)
            work->from[row * words + w] = ~work->from[row * words + w];
        if (rest != 0)
            work->from[(row + 1) * words - 1] &= ((uint64_t)1 << rest) - 1;
    }
}

/* ---- the ball ---- */

static int reach(double radius, double spacing)
{
    return (int)floor(radius / spacing + 1e-9);
}

static size_t most_beams(const double spacing[3], double radius)
{
    return (size_t)(2 * reach(radius, spacing[1]) + 1) * (size_t)(2 * reach(radius, spacing[2]) + 1);
}

static size_t make_beams(const double spacing[3], double radius, struct beam *beam)
{
    const int ri = reach(radius, spacing[0]), rj = reach(radius, spacing[1]);
    const int rk = reach(radius, spacing[2]);
    size_t count = 0;

    for (int half = ri; half >= 0; half--)      /* so that equal widths stand together */
        for (int k = -rk; k <= rk; k++)
            for (int j = -rj; j <= rj; j++) {
                const double y = j * spacing[1], z = k * spacing[2];
                const double left = radius * radius - y * y - z * z;
                if (left >= -1e-9 * radius * radius
                    && reach(sqrt(fmax(left, 0)), spacing[0]) == half)
                    beam[count++] = (struct beam){ j, k, (unsigned)half };
            }
    return count;
}

static size_t packed_words(const size_t size[3])
{
    return (size[0] + 63) / 64 * size[1] * size[2];
}

size_t ball_need(const size_t size[3], const double spacing_mm[3], double radius_mm)
{
    return (2 * packed_words(size) + (size[0] + 63) / 64 * size[2]) * sizeof(uint64_t)
        + most_beams(spacing_mm, radius_mm) * sizeof(struct beam) + 3 * 64;
}

static bool check(const double spacing[3], double radius, struct error *err)
{
    if (!(radius >= 0) || isinf(radius))
        return error_set(err, ERROR_DATA, "a radius of %g mm", radius);
    for (int axis = 0; axis < 3; axis++) {
        if (!(spacing[axis] > 0) || isinf(spacing[axis]))
            return error_set(err, ERROR_DATA, "a spacing of %g mm", spacing[axis]);
        if (!(radius / spacing[axis] <= MAX_ACROSS / 2))
            return error_set(err, ERROR_LIMIT, "a ball of %g mm at a spacing of %g mm is too large",
                             radius, spacing[axis]);
    }
    return true;
}

static void swap(struct work *work)
{
    uint64_t *const from = work->from;

    work->from = work->to;
    work->to = from;
}

/* An erosion is the dilation of the complement, complemented. The result is in work->from. */
static void step(struct work *work, bool erode, int threads)
{
    if (erode)
        pool_run(threads, work->size[2], complement_slice, work);
    pool_run(threads, work->size[2], dilate_slice, work);
    swap(work);
    if (erode)
        pool_run(threads, work->size[2], complement_slice, work);
}

bool ball_apply(enum ball_operation operation, const uint8_t *from, uint8_t *to,
                const size_t size[3], const double spacing_mm[3], double radius_mm, int threads,
                struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena), packed = packed_words(size);
    struct work work = { .size = size, .words = (size[0] + 63) / 64, .bytes_from = from,
                         .bytes_to = to };

    if (!check(spacing_mm, radius_mm, err))
        return false;
    uint64_t *const first = arena_take(arena, packed, sizeof *first, err);
    uint64_t *const second = first == NULL ? NULL : arena_take(arena, packed, sizeof *second, err);
    work.row = second == NULL ? NULL : arena_take(arena, work.words * size[2], sizeof *work.row, err);
    struct beam *const beam = work.row == NULL ? NULL
        : arena_take(arena, most_beams(spacing_mm, radius_mm), sizeof *beam, err);
    if (beam == NULL) {
        arena_rewind(arena, mark);
        return error_prefix(err, "ball");
    }
    work.beam = beam;
    work.beams = make_beams(spacing_mm, radius_mm, beam);
    work.from = first;
    work.to = second;
    pool_run(threads, size[2], pack_slice, &work);
    step(&work, operation == BALL_ERODE || operation == BALL_OPEN, threads);
    if (operation == BALL_OPEN || operation == BALL_CLOSE)
        step(&work, operation == BALL_CLOSE, threads);
    pool_run(threads, size[2], unpack_slice, &work);
    arena_rewind(arena, mark);
    return true;
}
