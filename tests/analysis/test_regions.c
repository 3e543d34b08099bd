/*
 * Regions: of blobs whose truth is geometry. Lesions that touch, in a noisy volume, through the whole
 * analysis: each is found with its own volume and place where the parameters say that what touches is
 * split, and as one where they do not.
 */
#include "analysis/regions.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analyse.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define SIDE 72
#define COUNT (SIDE * SIDE * SIDE)
#define SEEDS 20

static struct error err;
static struct arena *arena;
static int16_t voxels[COUNT];
static uint8_t mask[COUNT];
static struct findings findings;
static uint64_t state;

struct ball {
    double center[3], radius;
};

static double chance(double low, double high)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(state >> 11) / 9007199254740992.0;
}

static struct volume volume_of(void *data, double step)
{
    if (arena == NULL)
        arena = arena_new((size_t)256 << 20, &err);
    arena_reset(arena);
    return (struct volume){
        .type = VOXEL_INT16, .unit = UNIT_HU, .size = { SIDE, SIDE, SIDE }, .voxels = data, .slope = 1,
        .even = true, .affine = { { 1, 0, 0, -30 }, { 0, 1, 0, -40 }, { 0, 0, step, 50 } }
    };
}

static bool is_in(const struct ball *ball, size_t index, double step)
{
    const double x = (double)(index % SIDE) - ball->center[0];
    const double y = (double)(index / SIDE % SIDE) - ball->center[1];
    const double z = (double)(index / SIDE / SIDE) * step - ball->center[2];

    return x * x + y * y + z * z <= ball->radius * ball->radius;
}

/* Two that reach a fifth of their radii into each other, in a body with noise of a fourth of the contrast. */
static void make(struct ball ball[2], double step)
{
    double way[3] = { chance(-1, 1), chance(-1, 1), chance(-1, 1) };
    const double length = hypot(hypot(way[0], way[1]), way[2]);

    ball[0].radius = chance(6.5, 9);
    ball[1].radius = ball[0].radius * chance(0.8, 1);
    for (int axis = 0; axis < 3; axis++) {
        const double apart = 0.8 * (ball[0].radius + ball[1].radius) * way[axis] / length;
        ball[0].center[axis] = SIDE * (axis == 2 ? step : 1) / 2 - apart / 2;
        ball[1].center[axis] = ball[0].center[axis] + apart;
    }
    for (size_t i = 0; i < COUNT; i++) {
        const struct ball body = { { SIDE / 2.0, SIDE / 2.0, SIDE * step / 2 }, SIDE * 0.47 };
        const double level = is_in(&ball[0], i, step) || is_in(&ball[1], i, step) ? 140
            : is_in(&body, i, step) ? 40 : -1000;
        voxels[i] = (int16_t)lround(level + chance(-25, 25) + chance(-25, 25) + chance(-25, 25));
    }
}

/* Each of both has a region whose middle lies within 1.5 mm of its own, the overlap apart. */
static bool both_found(const struct ball ball[2])
{
    int found = 0;

    for (int n = 0; n < 2; n++)
        for (size_t i = 0; i < findings.segment_count; i++) {
            const double *const c = findings.lesion[i].centroid_mm;
            found += hypot(hypot(c[0] + 30 - ball[n].center[0], c[1] + 40 - ball[n].center[1]),
                           c[2] - 50 - ball[n].center[2]) < 1.5;
        }
    return found == 2;
}

static void lesions_that_touch_are_two_when_they_are_to_be_split(void)
{
    struct analysis_parameters parameters;
    struct ball ball[2];
    int two = 0, one = 0;

    analysis_defaults("CT", &parameters);
    CU_ASSERT_EQUAL(parameters.split, 0);
    for (int seed = 0; seed < SEEDS; seed++) {
        state = (uint64_t)seed * 7919 + 3;
        const double step = seed % 2 == 0 ? 1 : 1.5;
        make(ball, step);
        struct volume volume = volume_of(voxels, step);
        parameters.split = 0.15;
        CU_ASSERT_FATAL(analyse(&volume, &parameters, arena, &findings, &err));
        const bool good = findings.count == 2 && both_found(ball);
        const double both_mm3 = findings.total_mm3;
        two += good;
        CU_ASSERT(!good || strcmp(findings.warning[0], "1 connected regions were split where they only touch") == 0);
        volume = volume_of(voxels, step);
        parameters.split = 0;
        CU_ASSERT_FATAL(analyse(&volume, &parameters, arena, &findings, &err));
        one += findings.count == 1 && fabs(findings.total_mm3 - both_mm3) < 1e-6 * both_mm3;
    }
    printf("[%d of %d are two, without splitting %d are one] ", two, SEEDS, one);
    CU_ASSERT(two >= 0.9 * SEEDS);
    CU_ASSERT(one >= 0.9 * SEEDS);
}

static void cube(size_t low, size_t high)
{
    for (size_t k = low; k <= high; k++)
        for (size_t j = low; j <= high; j++)
            memset(&mask[(k * SIDE + j) * SIDE + low], 1, high - low + 1);
}

static size_t tell(double least_mm3, double split)
{
    const struct regions_rules rules = { CONNECTIVITY_26, least_mm3, split, FINDING_NEOPLASM, 2 };
    const struct volume volume = volume_of(voxels, 1);

    CU_ASSERT_FATAL(regions_begin(&volume, "test", "1", arena, &findings, &err)
                    && regions_tell(&volume, mask, &rules, arena, &findings, &err));
    return findings.count;
}

/* Cubes of 9, 9 and 4 voxels a side that touch at corners, and at the volume's own corner. */
static void parts_are_voxels_of_their_cube_and_small_ones_are_not_split_off(void)
{
    memset(mask, 0, sizeof mask);
    cube(0, 8);
    cube(9, 17);
    cube(18, 21);
    CU_ASSERT_EQUAL(tell(0, 0), 1);
    CU_ASSERT_EQUAL(findings.lesion[0].voxels, 729 + 729 + 64);
    CU_ASSERT_EQUAL(tell(0, 0.15), 3);
    CU_ASSERT_EQUAL(findings.lesion[0].voxels, 729);
    CU_ASSERT_EQUAL(findings.lesion[1].voxels, 729);
    CU_ASSERT_EQUAL(findings.lesion[2].voxels, 64);
    CU_ASSERT_DOUBLE_EQUAL(findings.total_mm3, 729 + 729 + 64, 1e-9);
    CU_ASSERT_EQUAL(findings.lesion[2].low[0], 18);
    CU_ASSERT_EQUAL(findings.lesion[2].high[2], 21);
    for (size_t i = 0; i < COUNT; i++)
        CU_ASSERT_FATAL((findings_label(&findings, i) > 0) == (mask[i] > 0));
    CU_ASSERT_EQUAL(tell(65, 0.15), 2);
    CU_ASSERT_EQUAL(findings.lesion[0].voxels, 729 + 64);
    CU_ASSERT_DOUBLE_EQUAL(findings.total_mm3, 729 + 729 + 64, 1e-9);
    CU_ASSERT_EQUAL(tell(2000, 0.15), 0);
}

/* What spans more than a fourth of the volume in its box stays one: it would take its memory. */
static void what_spans_the_volume_stays_whole(void)
{
    memset(mask, 0, sizeof mask);
    cube(2, 30);
    cube(31, 60);
    CU_ASSERT_EQUAL(tell(0, 0.15), 1);
    memset(mask, 0, sizeof mask);
    CU_ASSERT_EQUAL(tell(0, 0.15), 0);
    CU_ASSERT_EQUAL(findings.total_mm3, 0);
}

static const struct runner_test tests[] = {
    TEST(lesions_that_touch_are_two_when_they_are_to_be_split),
    TEST(parts_are_voxels_of_their_cube_and_small_ones_are_not_split_off),
    TEST(what_spans_the_volume_stays_whole),
    { NULL, NULL }
};

const struct runner_suite suite_regions = { "regions", tests };
