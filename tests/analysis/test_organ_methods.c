/* Methods in an organ: lesions that geometry puts into the phantom's liver, and what is none. */
#include "analysis/methods.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "analysis/organs.h"
#include "analysis/phantom.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define LIVER_HU 105.0
#define PARTS 4                 /* of a voxel's edge, for what a border covers of it */

static struct error err;
static struct arena *arena;
static struct volume volume;
static struct analysis_parameters parameters;
static struct findings findings;
static uint8_t *organ;

struct body {                   /* an ellipsoid along the patient's axes */
    double center[3], semi[3], hu;
};

static void make_liver_of(uint64_t seed, const size_t size[3], const double spacing_mm[3])
{
    struct phantom_options options;
    struct phantom_truth truth;

    if (arena == NULL)
        arena = arena_new((size_t)1 << 29, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    arena_reset(arena);
    phantom_defaults(PHANTOM_CT, &options);
    options.kind = PHANTOM_TRUNK;
    options.seed = seed;
    memcpy(options.size, size, sizeof options.size);
    memcpy(options.spacing_mm, spacing_mm, sizeof options.spacing_mm);
    CU_ASSERT_FATAL(phantom_make(&options, arena, &volume, &truth, &err));
    organ = arena_take(arena, volume_count(&volume), 1, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(organ);
    phantom_organs(&volume, organ);
    for (size_t at = 0; at < volume_count(&volume); at++)
        organ[at] = organ[at] == ORGAN_LIVER;
    analysis_defaults("CT", &parameters);
    snprintf(parameters.method, sizeof parameters.method, "organ-outliers");
    parameters.polarity = POLARITY_BOTH;
}

static void make_liver(uint64_t seed)
{
    make_liver_of(seed, (const size_t[3]){ 136, 90, 64 }, (const double[3]){ 2, 2, 2 });
}

/* The part of voxel (i, j, k) in the body. */
static double covered(const struct body *body, size_t i, size_t j, size_t k)
{
    int inside = 0;

    for (int n = 0; n < PARTS * PARTS * PARTS; n++) {
        const double voxel[3] = { (double)i - 0.5 + (n % PARTS + 0.5) / PARTS,
                                  (double)j - 0.5 + (n / PARTS % PARTS + 0.5) / PARTS,
                                  (double)k - 0.5 + (n / PARTS / PARTS + 0.5) / PARTS };
        double at[3], sum = 0;
        volume_to_patient(&volume, voxel, at);
        for (int axis = 0; axis < 3; axis++)
            sum += pow((at[axis] - body->center[axis]) / body->semi[axis], 2);
        inside += sum < 1;
    }
    return (double)inside / (PARTS * PARTS * PARTS);
}

/* Puts the body where the liver is; what is there of it, and its centroid. */
static double put(const struct body *body, double ret_centroid[3])
{
    double mm3 = 0, sum[3] = { 0 };
    size_t at = 0;

    for (size_t k = 0; k < volume.size[2]; k++)
        for (size_t j = 0; j < volume.size[1]; j++)
            for (size_t i = 0; i < volume.size[0]; i++, at++) {
                double mm[3];
                volume_to_patient(&volume, (const double[3]){ (double)i, (double)j, (double)k }, mm);
                if (!organ[at] || fabs(mm[0] - body->center[0]) > body->semi[0] + 2
                    || fabs(mm[1] - body->center[1]) > body->semi[1] + 2
                    || fabs(mm[2] - body->center[2]) > body->semi[2] + 2)
                    continue;
                const double part = covered(body, i, j, k);
                volume.i16[at] = (int16_t)lround(volume.i16[at] + part * (body->hu - LIVER_HU));
                mm3 += part * volume_voxel_mm3(&volume, 0);
                for (int axis = 0; axis < 3; axis++)
                    sum[axis] += part * volume_voxel_mm3(&volume, 0) * mm[axis];
            }
    for (int axis = 0; axis < 3; axis++)
        ret_centroid[axis] = sum[axis] / mm3;
    return mm3;
}

static void run(void)
{
    const struct methods_task task = { .volume = &volume, .parameters = &parameters, .organ = organ };

    CU_ASSERT_FATAL(methods_run(&task, arena, &findings, &err));
}

/* The lesion whose centroid is nearest. */
static const struct lesion *nearest(const double centroid[3], double *ret_mm)
{
    const struct lesion *found = NULL;

    *ret_mm = INFINITY;
    for (size_t n = 0; n < findings.segment_count; n++) {
        const double *const at = findings.lesion[n].centroid_mm;
        const double mm = sqrt(pow(at[0] - centroid[0], 2) + pow(at[1] - centroid[1], 2)
                               + pow(at[2] - centroid[2], 2));
        if (mm < *ret_mm) {
            *ret_mm = mm;
            found = &findings.lesion[n];
        }
    }
    return found;
}

/* Volume within 15 %, centroid within a voxel. */
static void expect(double mm3, const double centroid[3])
{
    double away;
    const struct lesion *const lesion = nearest(centroid, &away);

    CU_ASSERT_PTR_NOT_NULL_FATAL(lesion);
    CU_ASSERT_DOUBLE_EQUAL(lesion->volume_mm3, mm3, 0.15 * mm3);
    CU_ASSERT(away < 2);
    printf("[%+.1f %% of %.2f ml, %.1f mm] ", 100 * (lesion->volume_mm3 / mm3 - 1), mm3 / 1000, away);
}

/* In the liver, which lies about (-58, -18, -62) with semi-axes of 74, 62 and 58 mm. */
static const struct body dark[] = {
    { { -60, -20, -30 }, { 8, 8, 8 }, 50 }, { { -90, -20, -45 }, { 14, 10, 10 }, 55 },
    { { -30, -30, -40 }, { 6, 6, 6 }, 45 }
}, bright[] = {
    { { -60, -45, -40 }, { 9, 9, 7 }, 165 }, { { -100, 5, -40 }, { 7, 7, 10 }, 155 }
}, surface = { { -58, -74, -45 }, { 9, 9, 9 }, 50 };

#define COUNT(list) (sizeof list / sizeof *list)

static void dark_and_bright_lesions_are_found_where_they_are(void)
{
    double mm3[COUNT(dark) + COUNT(bright)], centroid[COUNT(dark) + COUNT(bright)][3];

    make_liver(1);
    for (size_t n = 0; n < COUNT(dark); n++)
        mm3[n] = put(&dark[n], centroid[n]);
    for (size_t n = 0; n < COUNT(bright); n++)
        mm3[COUNT(dark) + n] = put(&bright[n], centroid[COUNT(dark) + n]);
    run();
    CU_ASSERT_EQUAL(findings.count, COUNT(mm3));
    for (size_t n = 0; n < COUNT(mm3); n++)
        expect(mm3[n], centroid[n]);
    CU_ASSERT(findings.noise_sd.known);
    CU_ASSERT_DOUBLE_EQUAL(findings.noise_sd.value, 12, 1);      /* of the phantom's CT */
    parameters.polarity = POLARITY_DARK;
    run();
    CU_ASSERT_EQUAL(findings.count, COUNT(dark));
    for (size_t n = 0; n < findings.segment_count; n++)
        CU_ASSERT(findings.lesion[n].mean < LIVER_HU - 30);
    parameters.polarity = POLARITY_BRIGHT;
    run();
    CU_ASSERT_EQUAL(findings.count, COUNT(bright));
    for (size_t n = 0; n < findings.segment_count; n++)
        CU_ASSERT(findings.lesion[n].mean > LIVER_HU + 30);
}

static void lesion_at_the_surface_is_found(void)
{
    double centroid[3];

    make_liver(2);
    const double mm3 = put(&surface, centroid);
    run();
    CU_ASSERT_EQUAL(findings.count, 1);
    expect(mm3, centroid);
}

/* An organ that was drawn by its values has no lesion in it: its holes are filled first. */
static void lesion_that_is_a_hole_of_the_mask_is_found(void)
{
    double centroid[3], mm3[COUNT(dark)], all[COUNT(dark)][3];
    size_t at = 0;

    make_liver(3);
    for (size_t n = 0; n < COUNT(dark); n++)
        mm3[n] = put(&dark[n], all[n]);
    for (size_t k = 0; k < volume.size[2]; k++)
        for (size_t j = 0; j < volume.size[1]; j++)
            for (size_t i = 0; i < volume.size[0]; i++, at++)
                for (size_t n = 0; n < COUNT(dark); n++)
                    if (organ[at] && fabs(-135.0 + 2 * (double)i - dark[n].center[0]) < 16
                        && covered(&dark[n], i, j, k) > 0.3)
                        organ[at] = 0;
    run();
    CU_ASSERT_EQUAL(findings.count, COUNT(dark));
    for (size_t n = 0; n < COUNT(dark); n++) {
        memcpy(centroid, all[n], sizeof centroid);
        expect(mm3[n], centroid);
    }
}

static void ten_livers_without_lesions_have_none(void)
{
    const uint64_t seeds = getenv("TRUTH_SEEDS") != NULL ? 2 : 10;

    for (uint64_t seed = 11; seed < 11 + seeds; seed++) {
        make_liver(seed);
        run();
        CU_ASSERT_EQUAL(findings.count, 0);
        if (findings.count > 0)
            printf("[seed %d: %zu] ", (int)seed, findings.count);
    }
}

/* Vessels along an axis, bright and dark, to the organ's end or 60 mm long: none is a blob. */
static void vessels_are_no_lesions(void)
{
    static const struct body vessels[] = {
        { { -60, -20, -50 }, { 5, 5, 1000 }, 180 }, { { -90, -30, -45 }, { 4, 1000, 4 }, 50 },
        { { -60, 10, -35 }, { 30, 4, 4 }, 180 }
    };
    double centroid[3];

    make_liver(4);
    for (size_t n = 0; n < COUNT(vessels); n++)
        put(&vessels[n], centroid);
    run();
    CU_ASSERT_EQUAL(findings.count, 0);
    for (size_t n = 0; n < findings.segment_count; n++)
        printf("[%.0f mm3 at %.0f %.0f %.0f] ", findings.lesion[n].volume_mm3, findings.lesion[n].centroid_mm[0],
               findings.lesion[n].centroid_mm[1], findings.lesion[n].centroid_mm[2]);
}

/*
 * The whole way, with a mask that is not quite the liver's: every lesion is found in its place. Volumes do not
 * hold to 15 %, for voxels of 4 mm are most of the smallest lesion's radius; and where the mask takes in what
 * lies beside the liver, that may be told, too: of these four in one (seed 32), of twenty in three.
 */
static void lesions_are_found_in_a_liver_that_was_found(void)
{
    static struct organs organs;
    double centroid[COUNT(dark)][3], away;

    for (uint64_t seed = 30; seed < 34; seed++) {
        const size_t count = seed == 33 ? 0 : COUNT(dark);
        make_liver_of(seed, (const size_t[3]){ 150, 110, 60 }, (const double[3]){ 2.6, 2.6, 4 });
        for (size_t n = 0; n < count; n++)
            put(&dark[n], centroid[n]);
        CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &organs, &err));
        CU_ASSERT_FATAL(organs_mask(&organs, "liver", organ, &err));
        run();
        CU_ASSERT(findings.count >= count && findings.count <= count + (seed == 32));
        for (size_t n = 0; n < count && findings.count > 0; n++) {
            nearest(centroid[n], &away);
            CU_ASSERT(away < 2.6);
        }
    }
}

static void size_gates_hold(void)
{
    double centroid[3];

    make_liver(5);
    const double small = put(&dark[2], centroid), large = put(&dark[1], centroid);
    parameters.min_lesion_mm3 = 2 * small;
    run();
    CU_ASSERT_EQUAL(findings.count, 1);
    expect(large, centroid);
    parameters.min_lesion_mm3 = 50;
    parameters.max_fraction = 2 * small / 1e6;          /* the liver has about a litre */
    run();
    CU_ASSERT_EQUAL(findings.count, 1);
    parameters.min_contrast = 6;                        /* they are about 4.6 apart */
    parameters.max_fraction = 0.1;
    run();
    CU_ASSERT_EQUAL(findings.count, 0);
}

static void without_an_organ_there_is_a_sentence(void)
{
    struct methods_task task = { .volume = &volume, .parameters = &parameters };

    make_liver(6);
    CU_ASSERT_FALSE(methods_run(&task, arena, &findings, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "organ-outliers needs an organ, and there is no mask of one"));
    memset(organ, 0, volume_count(&volume));
    task.organ = organ;
    CU_ASSERT_FALSE(methods_run(&task, arena, &findings, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the organ's mask is empty"));
    organ[volume_count(&volume) / 2] = 1;
    CU_ASSERT_FALSE(methods_run(&task, arena, &findings, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "too few to say what is usual in it"));
    memset(organ, 1, volume_count(&volume));
    memset(volume.i16, 0, 2 * volume_count(&volume));
    CU_ASSERT_FALSE(methods_run(&task, arena, &findings, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the organ's values have no spread"));
}

static const struct runner_test tests[] = {
    TEST(dark_and_bright_lesions_are_found_where_they_are),
    TEST(lesion_at_the_surface_is_found),
    TEST(lesion_that_is_a_hole_of_the_mask_is_found),
    TEST(ten_livers_without_lesions_have_none),
    TEST(vessels_are_no_lesions),
    TEST(lesions_are_found_in_a_liver_that_was_found),
    TEST(size_gates_hold),
    TEST(without_an_organ_there_is_a_sentence),
    { NULL, NULL }
};

const struct runner_suite suite_organ_methods = { "organ_methods", tests };
