/* Distance against its definition: the nearest of all voxels outside, one by one, in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/distance.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define LARGEST (40 * 9 * 23)

static struct error err;
static uint32_t state = 7;
static uint8_t mask[LARGEST];
static float got[LARGEST], again[LARGEST];

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static double apart(const size_t size[3], const double spacing[3], size_t a, size_t b)
{
    const size_t slice = size[0] * size[1];
    const double x = ((double)(a % size[0]) - (double)(b % size[0])) * spacing[0];
    const double y = ((double)(a % slice / size[0]) - (double)(b % slice / size[0])) * spacing[1];
    const double z = ((double)(a / slice) - (double)(b / slice)) * spacing[2];

    return sqrt(x * x + y * y + z * z);
}

static double nearest(const size_t size[3], const double spacing[3], size_t at)
{
    const size_t count = size[0] * size[1] * size[2];
    double least = INFINITY;

    for (size_t n = 0; n < count; n++)
        if (!mask[n])
            least = fmin(least, apart(size, spacing, at, n));
    return least;
}

/* How many voxels are wrong, and whether another number of threads changes a bit. */
static size_t wrong(const size_t size[3], const double spacing[3])
{
    const size_t count = size[0] * size[1] * size[2];
    struct arena *const arena = arena_new(1 << 23, &err);
    size_t bad = 0;

    CU_ASSERT_FATAL(arena != NULL);
    CU_ASSERT(distance_transform(mask, size, spacing, got, 2, arena, &err));
    CU_ASSERT(distance_transform(mask, size, spacing, again, 1, arena, &err));
    CU_ASSERT_EQUAL(memcmp(got, again, count * sizeof *got), 0);
    CU_ASSERT_EQUAL(arena_used(arena), 0);
    CU_ASSERT(arena_peak(arena) <= distance_need(size) + 64);
    for (size_t n = 0; n < count; n++) {
        const double wanted = mask[n] ? nearest(size, spacing, n) : 0;
        bad += isinf(wanted) ? got[n] != INFINITY : !(fabs(got[n] - wanted) <= 1e-6 * wanted);
    }
    arena_free(arena);
    return bad;
}

static void distance_is_that_to_the_nearest_voxel_outside_at_any_spacing(void)
{
    static const size_t sizes[][3] = { { 17, 9, 13 }, { 40, 3, 5 }, { 1, 1, 23 }, { 1, 9, 1 }, { 33, 1, 1 },
                                       { 16, 9, 2 }, { 1200, 2, 1 } };
    static const double spacings[][3] = { { 1, 1, 1 }, { 0.5, 0.5, 5 }, { 0.7, 3, 1.1 }, { 1e-3, 1, 1e3 }, { 0.8, 0.8, 0.8 } };
    static const unsigned densities[] = { 2, 10, 700 };

    for (size_t s = 0; s < 7; s++)
        for (size_t p = 0; p < 5; p++)
            for (size_t d = 0; d < 3; d++) {
                const size_t count = sizes[s][0] * sizes[s][1] * sizes[s][2];
                for (size_t n = 0; n < count; n++)
                    mask[n] = chance() % densities[d] != 0;
                CU_ASSERT_EQUAL(wrong(sizes[s], spacings[p]), 0);
            }
}

static void distance_without_an_outside_is_infinite_and_without_an_inside_0(void)
{
    const size_t size[3] = { 11, 7, 5 };
    const double spacing[3] = { 1, 2, 3 };

    memset(mask, 1, sizeof mask);
    CU_ASSERT_EQUAL(wrong(size, spacing), 0);
    CU_ASSERT(isinf(got[0]));
    memset(mask, 0, sizeof mask);
    CU_ASSERT_EQUAL(wrong(size, spacing), 0);
    memset(mask, 255, sizeof mask);
    mask[11 * 7 * 5 - 1] = 0;               /* one corner decides all */
    CU_ASSERT_EQUAL(wrong(size, spacing), 0);
    CU_ASSERT_DOUBLE_EQUAL(got[0], sqrt(100 + 144 + 144), 1e-5);
}

static void distance_refuses_a_spacing_that_is_none(void)
{
    const size_t size[3] = { 2, 2, 2 };
    const double bad[] = { 0, -1, NAN, INFINITY, 1e200, 1e-30 };
    struct arena *const arena = arena_new(1 << 20, &err);

    for (size_t n = 0; n < 6; n++) {
        const double spacing[3] = { 1, bad[n], 1 };
        CU_ASSERT_FALSE(distance_transform(mask, size, spacing, got, 1, arena, &err));
        CU_ASSERT_EQUAL(err.code, ERROR_DATA);
    }
    arena_free(arena);
    struct arena *const small = arena_new(64, &err);
    const double spacing[3] = { 1, 1, 1 };
    CU_ASSERT_FALSE(distance_transform(mask, size, spacing, got, 1, small, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    arena_free(small);
}

static const struct runner_test tests[] = {
    TEST(distance_is_that_to_the_nearest_voxel_outside_at_any_spacing),
    TEST(distance_without_an_outside_is_infinite_and_without_an_inside_0),
    TEST(distance_refuses_a_spacing_that_is_none),
    { NULL, NULL }
};
const struct runner_suite suite_distance = { "distance", tests };
