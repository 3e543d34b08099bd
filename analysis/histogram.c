/*
 * Histogram: eight tables in turn, since an addition to a bin waits for the one before it; parts are
 * added up in whole numbers, in whatever order they are done.
 */
#include "analysis/histogram.h"

#include <stdatomic.h>
#include <string.h>

#include "analysis/pool.h"

#define PART 1048576                /* voxels: their number fits 32 bits */
#define TABLES 8
#define LEVELS_A_BIN 16

struct work {
    const uint8_t *bytes;           /* or the mask */
    const uint16_t *levels;
    size_t count;
    atomic_uint_fast64_t bin[OTSU_BINS];
};

static void add_up(struct work *work, uint32_t table[TABLES][OTSU_BINS])
{
    for (int bin = 0; bin < OTSU_BINS; bin++) {
        uint32_t sum = 0;
        for (int t = 0; t < TABLES; t++)
            sum += table[t][bin];
        if (sum > 0)
            atomic_fetch_add(&work->bin[bin], sum);
    }
}

static size_t part_count(const struct work *work, size_t part)
{
    return work->count - part * PART < PART ? work->count - part * PART : PART;
}

static void count_bytes(size_t part, void *context)
{
    struct work *const work = context;
    const uint8_t *const bytes = work->bytes + part * PART;
    const size_t count = part_count(work, part);
    uint32_t table[TABLES][OTSU_BINS] = { { 0 } };
    size_t i = 0;

    for (; i + 8 <= count; i += 8) {
        uint64_t eight;
        memcpy(&eight, bytes + i, sizeof eight);
        for (int b = 0; b < TABLES; b++)
            table[b][eight >> 8 * b & 255]++;
    }
    for (; i < count; i++)
        table[0][bytes[i]]++;
    add_up(work, table);
}

static void count_levels(size_t part, void *context)
{
    struct work *const work = context;
    const uint16_t *const levels = work->levels + part * PART;
    const uint8_t *const where = work->bytes + part * PART;
    const size_t count = part_count(work, part);
    uint32_t table[TABLES][OTSU_BINS] = { { 0 } };
    size_t i = 0;

    for (; i + TABLES <= count; i += TABLES)
        for (size_t t = 0; t < TABLES; t++)
            table[t][levels[i + t] / LEVELS_A_BIN] += where[i + t];
    for (; i < count; i++)
        table[0][levels[i] / LEVELS_A_BIN] += where[i];
    add_up(work, table);
}

static void run(struct work *work, pool_fn count_part, int threads, uint64_t *ret_histogram)
{
    pool_run(threads, (work->count + PART - 1) / PART, count_part, work);
    for (int bin = 0; bin < OTSU_BINS; bin++)
        ret_histogram[bin] = atomic_load(&work->bin[bin]);
}

void histogram_of_bytes(const uint8_t *bytes, size_t count, int threads,
                        uint64_t ret_histogram[OTSU_BINS])
{
    struct work work = { .bytes = bytes, .count = count };

    run(&work, count_bytes, threads, ret_histogram);
}

void histogram_of_levels(const uint16_t *levels, const uint8_t *where, size_t count, int threads,
                         uint64_t ret_histogram[OTSU_BINS])
{
    struct work work = { .levels = levels, .bytes = where, .count = count };

    run(&work, count_levels, threads, ret_histogram);
}
