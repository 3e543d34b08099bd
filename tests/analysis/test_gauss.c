/* Gauss and histogram against sums by their definitions, in double and one by one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/gauss.h"
#include "analysis/histogram.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define LARGEST 6000

static struct error err;
static uint32_t state = 5;
static int16_t voxel[LARGEST];
static float value[LARGEST], got[LARGEST], again[LARGEST];
static double wanted[LARGEST];

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* At the edge as in a mirror that stands half a voxel before it. */
static double at_place(const double *line, long at, long count, size_t step)
{
    while (at < 0 || at >= count)
        at = at < 0 ? -at - 1 : 2 * count - 1 - at;
    return line[(size_t)at * step];
}

static void plain_line(double *line, long count, size_t step, double sigma)
{
    const long radius = sigma > 0 ? (long)(4 * sigma + 0.5) : 0;
    double *const result = malloc((size_t)count * sizeof *result);

    for (long at = 0; at < count; at++) {
        double sum = 0, weights = 0;
        for (long r = -radius; r <= radius; r++) {
            const double weight = r == 0 ? 1 : exp(-0.5 * (double)(r * r) / (sigma * sigma));
            sum += weight * at_place(line, at + r, count, step);
            weights += weight;
        }
        result[at] = sum / weights;
    }
    for (long at = 0; at < count; at++)
        line[(size_t)at * step] = result[at];
    free(result);
}

static void plain(const struct volume *volume, const double sigma[3])
{
    const size_t *const n = volume->size, count = volume_count(volume);

    for (size_t i = 0; i < count; i++)
        wanted[i] = volume_value(volume, i);
    for (size_t i = 0; i < count; i++) {
        if (i % n[0] == 0)
            plain_line(wanted + i, (long)n[0], 1, sigma[0]);
    }
    for (size_t i = 0; i < count; i++)
        if (i / n[0] % n[1] == 0)
            plain_line(wanted + i, (long)n[1], n[0], sigma[1]);
    for (size_t i = 0; i < n[0] * n[1]; i++)
        plain_line(wanted + i, (long)n[2], n[0] * n[1], sigma[2]);
}

static void compare(const struct volume *volume, const double sigma[3])
{
    struct arena *const arena = arena_new(gauss_need(volume->size, sigma), &err);
    const size_t count = volume_count(volume);
    double largest = 1e-30;
    size_t wrong = 0;

    CU_ASSERT_FATAL(arena != NULL);
    CU_ASSERT(gauss_apply(volume, sigma, got, 1, arena, &err));
    CU_ASSERT(gauss_apply(volume, sigma, again, 3, arena, &err));
    CU_ASSERT_EQUAL(memcmp(got, again, count * sizeof *got), 0);
    CU_ASSERT_EQUAL(arena_used(arena), 0);
    plain(volume, sigma);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(volume_value(volume, i)));
    for (size_t i = 0; i < count; i++)
        wrong += !(fabs(got[i] - wanted[i]) <= 3e-6 * largest);
    CU_ASSERT_EQUAL(wrong, 0);
    arena_free(arena);
}

static void gauss_is_the_sum_of_its_definition_on_any_grid(void)
{
    static const size_t sizes[][3] = { { 17, 13, 9 }, { 1, 1, 40 }, { 300, 2, 3 }, { 3, 600, 1 }, { 2, 2, 2 } };
    static const double sigmas[][3] = { { 1, 1, 1 }, { 0, 2.5, 0.3 }, { 9, 0.1, 4 }, { 64, 64, 64 } };

    for (size_t s = 0; s < 5; s++)
        for (size_t g = 0; g < 4; g++)
            for (int extreme = 0; extreme < 2; extreme++) {
                struct volume volume = { .type = VOXEL_INT16, .i16 = voxel, .slope = 0.7, .intercept = -3 };
                memcpy(volume.size, sizes[s], sizeof volume.size);
                for (size_t i = 0; i < LARGEST; i++) {
                    voxel[i] = extreme ? (int16_t)(chance() % 2 ? INT16_MAX : INT16_MIN)
                        : (int16_t)(chance() % 4000);
                    value[i] = extreme ? (chance() % 50 ? 0 : 1e30f) : (float)chance() / 1e6f;
                }
                compare(&volume, sigmas[g]);
                volume.type = VOXEL_FLOAT32;
                volume.f32 = value;
                compare(&volume, sigmas[g]);
            }
}

static void gauss_refuses_a_width_that_is_none(void)
{
    static const double bad[] = { -1, NAN, INFINITY, 64.5 };
    const struct volume volume = { .type = VOXEL_FLOAT32, .size = { 4, 4, 4 }, .f32 = value };
    struct arena *const arena = arena_new(1 << 20, &err);

    for (size_t n = 0; n < 4; n++) {
        CU_ASSERT_FALSE(gauss_apply(&volume, (const double[]){ 1, bad[n], 1 }, got, 1, arena, &err));
        CU_ASSERT_EQUAL(err.code, ERROR_DATA);
    }
    arena_free(arena);
}

static void histograms_count_each_voxel_once_on_any_number_of_threads(void)
{
    enum { COUNT = 3 * 1048576 + 5 };
    uint8_t *const bytes = malloc(COUNT), *const where = malloc(COUNT);
    uint16_t *const levels = malloc(COUNT * sizeof *levels);
    uint64_t plain_bytes[OTSU_BINS] = { 0 }, plain_levels[OTSU_BINS] = { 0 }, counted[OTSU_BINS];

    CU_ASSERT_FATAL(bytes != NULL && where != NULL && levels != NULL);
    for (size_t i = 0; i < COUNT; i++) {
        bytes[i] = (uint8_t)(i < COUNT / 2 ? 255 : chance());       /* one bin may have all */
        where[i] = chance() % 3 == 0;
        levels[i] = (uint16_t)(chance() % 4096);
        plain_bytes[bytes[i]]++;
        plain_levels[levels[i] >> 4] += where[i];
    }
    for (int threads = 1; threads < 5; threads++) {
        histogram_of_bytes(bytes, COUNT, threads, counted);
        CU_ASSERT_EQUAL(memcmp(counted, plain_bytes, sizeof counted), 0);
        histogram_of_levels(levels, where, COUNT, threads, counted);
        CU_ASSERT_EQUAL(memcmp(counted, plain_levels, sizeof counted), 0);
    }
    histogram_of_bytes(bytes, 0, 2, counted);
    CU_ASSERT_EQUAL(counted[0], 0);
    free(bytes);
    free(where);
    free(levels);
}

static const struct runner_test tests[] = {
    TEST(gauss_is_the_sum_of_its_definition_on_any_grid),
    TEST(gauss_refuses_a_width_that_is_none),
    TEST(histograms_count_each_voxel_once_on_any_number_of_threads),
    { NULL, NULL }
};
const struct runner_suite suite_gauss = { "gauss", tests };
