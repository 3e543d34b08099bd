/* Split: spheres and ellipsoids whose truth is geometry. */
#include "analysis/split.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define SIDE 64
#define COUNT (SIDE * SIDE * SIDE)
#define SEEDS 60

static struct error err;
static struct arena *arena;
static uint8_t mask[COUNT];
static uint32_t labels[COUNT];
static const size_t size[3] = { SIDE, SIDE, SIDE };
static uint64_t state;

static double chance(double low, double high)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(state >> 11) / 9007199254740992.0;
}

static void direction(double ret[3])
{
    const double z = chance(-1, 1), turn = chance(0, 2 * M_PI), flat = sqrt(1 - z * z);

    ret[0] = flat * cos(turn);
    ret[1] = flat * sin(turn);
    ret[2] = z;
}

struct sphere {
    double center[3], radius;
};

static double depth_in(const struct sphere *sphere, const double spacing[3], size_t index)
{
    const double x = (double)(index % SIDE) * spacing[0] - sphere->center[0];
    const double y = (double)(index / SIDE % SIDE) * spacing[1] - sphere->center[1];
    const double z = (double)(index / SIDE / SIDE) * spacing[2] - sphere->center[2];

    return sphere->radius * sphere->radius - x * x - y * y - z * z;
}

static size_t split(const double spacing[3], double part)
{
    size_t count = 0;

    if (arena == NULL)
        arena = arena_new((size_t)64 << 20, &err);
    arena_reset(arena);
    CU_ASSERT_FATAL(arena != NULL
                    && split_mask(mask, size, spacing, part, 2, labels, &count, arena, &err));
    CU_ASSERT_EQUAL(arena_used(arena), 0);
    return count;
}

static void draw(const struct sphere *spheres, size_t count, const double spacing[3])
{
    for (size_t i = 0; i < COUNT; i++) {
        mask[i] = 0;
        for (size_t n = 0; n < count; n++)
            mask[i] |= depth_in(&spheres[n], spacing, i) >= 0;
    }
}

/* The part of all voxels that have the label of the sphere in which they lie deepest. */
static double rightly(const struct sphere *spheres, size_t count, const double spacing[3])
{
    uint32_t label_of[8];
    size_t all = 0, right = 0;

    for (size_t n = 0; n < count; n++)
        label_of[n] = labels[(size_t)lround(spheres[n].center[2] / spacing[2]) * SIDE * SIDE
                             + (size_t)lround(spheres[n].center[1] / spacing[1]) * SIDE
                             + (size_t)lround(spheres[n].center[0] / spacing[0])];
    for (size_t i = 0; i < COUNT; i++) {
        size_t deepest = 0;
        for (size_t n = 1; n < count; n++)
            if (depth_in(&spheres[n], spacing, i) > depth_in(&spheres[deepest], spacing, i))
                deepest = n;
        all += mask[i];
        right += mask[i] && labels[i] == label_of[deepest];
    }
    return (double)right / (double)all;
}

/* Centres 80 % of the radii's sum apart: each reaches a fifth into the other. */
static void make_pair(struct sphere pair[2], double spacing[3])
{
    double way[3];

    spacing[0] = spacing[1] = chance(0.6, 1);
    spacing[2] = spacing[0] * chance(1, 2);
    pair[0].radius = chance(6, 11) * spacing[0];
    pair[1].radius = pair[0].radius * chance(0.7, 1);
    direction(way);
    for (int axis = 0; axis < 3; axis++) {
        const double apart = 0.8 * (pair[0].radius + pair[1].radius) * way[axis];
        pair[0].center[axis] = SIDE * spacing[axis] / 2 - apart / 2;
        pair[1].center[axis] = pair[0].center[axis] + apart;
    }
}

static void spheres_that_overlap_by_a_fifth_are_two(void)
{
    struct sphere pair[2];
    double spacing[3], worst = 1;
    int right = 0;

    for (int seed = 0; seed < SEEDS; seed++) {
        state = (uint64_t)seed * 7919 + 5;
        make_pair(pair, spacing);
        draw(pair, 2, spacing);
        const size_t count = split(spacing, SPLIT_PART);
        const double part = rightly(pair, 2, spacing);
        right += count == 2 && part > 0.95;
        worst = count == 2 ? fmin(worst, part) : worst;
    }
    printf("[%d of %d, %.3f of the voxels at least] ", right, SEEDS, worst);
    CU_ASSERT(right >= 0.9 * SEEDS);
}

static void a_chain_of_three_is_three(void)
{
    const double spacing[3] = { 1, 1, 1 };
    const struct sphere chain[3] = { { { 16, 30, 32 }, 9 }, { { 30, 32, 33 }, 8.5 }, { { 43, 35, 31 }, 8 } };

    draw(chain, 3, spacing);
    CU_ASSERT_EQUAL(split(spacing, SPLIT_PART), 3);
    CU_ASSERT(rightly(chain, 3, spacing) > 0.97);
    CU_ASSERT_EQUAL(split(spacing, 1), 1);              /* 1 never splits */
}

/* Convex bodies, to four times as long as wide, are one, however they lie on the grid. */
static void ellipsoids_stay_whole(void)
{
    int whole = 0;

    for (int seed = 0; seed < SEEDS; seed++) {
        state = (uint64_t)seed * 104729 + 11;
        const double spacing[3] = { 0.8, 0.8, chance(0.8, 2) };
        const double semi[3] = { chance(4, 20), chance(4, 20), chance(5, 20) };
        const double turn = chance(0, M_PI), c = cos(turn), s = sin(turn);
        for (size_t i = 0; i < COUNT; i++) {
            const double x = ((double)(i % SIDE) - SIDE / 2.0) * spacing[0];
            const double y = ((double)(i / SIDE % SIDE) - SIDE / 2.0) * spacing[1];
            const double z = ((double)(i / SIDE / SIDE) - SIDE / 2.0) * spacing[2];
            const double u = (c * x + s * y) / semi[0], v = (c * y - s * x) / semi[1], w = z / semi[2];
            mask[i] = u * u + v * v + w * w <= 1;
        }
        whole += split(spacing, SPLIT_PART) == 1;
    }
    printf("[%d of %d] ", whole, SEEDS);
    CU_ASSERT_EQUAL(whole, SEEDS);
}

static void what_has_no_border_or_no_voxel_is_counted(void)
{
    const double spacing[3] = { 1, 1, 1 };

    memset(mask, 1, sizeof mask);
    CU_ASSERT_EQUAL(split(spacing, SPLIT_PART), 1);
    memset(mask, 0, sizeof mask);
    CU_ASSERT_EQUAL(split(spacing, SPLIT_PART), 0);
    mask[5] = mask[900] = mask[901] = 1;
    CU_ASSERT_EQUAL(split(spacing, SPLIT_PART), 2);
    CU_ASSERT(labels[5] == 1 && labels[900] == 2 && labels[901] == 2 && labels[6] == 0);
    size_t count;
    CU_ASSERT_FALSE(split_mask(mask, size, spacing, 0, 1, labels, &count, arena, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a saddle of 0 of a peak splits everything");
    CU_ASSERT_FALSE(split_mask(mask, size, spacing, NAN, 1, labels, &count, arena, &err));
    struct arena *const small = arena_new(1 << 20, &err);
    CU_ASSERT_FALSE(split_mask(mask, size, spacing, 0.2, 1, labels, &count, small, &err));
    arena_free(small);
}

static const struct runner_test tests[] = {
    TEST(spheres_that_overlap_by_a_fifth_are_two),
    TEST(a_chain_of_three_is_three),
    TEST(ellipsoids_stay_whole),
    TEST(what_has_no_border_or_no_voxel_is_counted),
    { NULL, NULL }
};

const struct runner_suite suite_split = { "split", tests };
