/* Must hold 3 of the first milestone: findings against the geometry of phantoms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/analyse.h"
#include "analysis/phantom.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static struct error err;
static struct arena *arena;
static struct volume volume;
static struct phantom_truth truth;
static struct findings findings;
static enum otsu_bins bins = OTSU_BINS_256;

static const char *const modalities[] = { "CT", "MR", "PT" };

static bool find(const struct phantom_options *options)
{
    struct analysis_parameters parameters;

    if (arena == NULL)
        arena = arena_new((size_t)2 << 30, &err);
    arena_reset(arena);
    analysis_defaults(modalities[options->modality], &parameters);
    parameters.threads = 2;
    parameters.otsu_bins = bins;
    return phantom_make(options, arena, &volume, &truth, &err)
        && analyse(&volume, &parameters, arena, &findings, &err);
}

static double distance(const double a[3], const double b[3])
{
    return sqrt(pow(a[0] - b[0], 2) + pow(a[1] - b[1], 2) + pow(a[2] - b[2], 2));
}

static const struct lesion *nearest(const double center_mm[3])
{
    const struct lesion *best = NULL;

    for (size_t i = 0; i < findings.segment_count; i++)
        if (best == NULL || distance(findings.lesion[i].centroid_mm, center_mm)
            < distance(best->centroid_mm, center_mm))
            best = &findings.lesion[i];
    return best;
}

/* Volume to 5 % and the sampling's own error, centroid, longest diameter. */
static void compare(const struct phantom_options *options, const struct phantom_lesion *lesion)
{
    const struct lesion *found = nearest(lesion->center_mm);
    const double *const s = options->spacing_mm;
    const double voxel = fmax(s[0], fmax(s[1], s[2]));
    const double sampling = fabs(lesion->sampled_mm3 - lesion->volume_mm3) / lesion->volume_mm3;

    if (found == NULL) {
        CU_FAIL("no region where a lesion is");
        return;
    }
    const double volume_off = fabs(found->volume_mm3 / lesion->volume_mm3 - 1);
    const double place_off = distance(found->centroid_mm, lesion->center_mm);
    const double length_off = fabs(found->longest_mm - lesion->longest_mm);
    const bool good = volume_off <= 0.05 + sampling
        && place_off <= volume_diagonal_mm(&volume) && length_off <= 1.5 * voxel;
    CU_ASSERT(good);
    if (!good || getenv("TUMORD_VERBOSE") != NULL)
        printf("\n  %s seed %llu: volume %.0f of %.0f mm3 (%+.1f %%, sampling %.1f %%), "
               "centre %.2f mm, longest %.1f of %.1f mm ", modalities[options->modality],
               (unsigned long long)options->seed, found->volume_mm3, lesion->volume_mm3,
               100 * (found->volume_mm3 / lesion->volume_mm3 - 1), 100 * sampling, place_off,
               found->longest_mm, lesion->longest_mm);
}

/* TRUTH_SEEDS: no more than so many, where the same code is tested once more. */
static uint64_t seeds_of(uint64_t usual)
{
    const char *const most = getenv("TRUTH_SEEDS");
    const uint64_t seeds = most == NULL ? usual : strtoull(most, NULL, 10);

    return seeds < usual ? seeds : usual;
}

/* Every seed has another grid: even, anisotropic in k, anisotropic in the plane; each oblique. */
static void set_grid(uint64_t seed, struct phantom_options *options)
{
    static const double spacings[][3] = { { 1, 1, 1 }, { 0.7, 0.7, 2.5 }, { 0.9, 1.1, 1.5 },
                                          { 0.7, 0.7, 5 } };
    static const size_t sizes[][3] = { { 128, 128, 64 }, { 192, 192, 56 }, { 128, 112, 64 },
                                       { 288, 288, 56 } };

    for (int axis = 0; axis < 3; axis++) {
        options->spacing_mm[axis] = spacings[seed % 4][axis];
        options->size[axis] = sizes[seed % 4][axis];
    }
    options->oblique = seed % 3 != 0;
}

static void truth_of(enum phantom_modality modality)
{
    const uint64_t first = getenv("TUMORD_SEED") != NULL
        ? strtoull(getenv("TUMORD_SEED"), NULL, 10) : 1;

    for (uint64_t seed = first; seed < first + seeds_of(20); seed++) {
        struct phantom_options options;
        phantom_defaults(modality, &options);
        options.seed = seed;
        set_grid(seed, &options);
        options.lesions = seed % 4 == 3 ? 1 : 1 + seed / 2 % 4;
        const bool analysed = find(&options);
        CU_ASSERT(analysed);
        CU_ASSERT_EQUAL(findings.count, truth.count);
        if (!analysed || findings.count != truth.count)
            printf("\n  %s seed %llu: %zu found of %zu %s ", modalities[modality],
                   (unsigned long long)seed, findings.count, truth.count,
                   analysed ? "" : err.text);
        for (size_t i = 0; analysed && i < truth.count; i++)
            compare(&options, &truth.lesion[i]);
    }
}

static void ct_phantoms_are_found_as_they_are(void)
{
    truth_of(PHANTOM_CT);
}

static void mr_phantoms_with_a_bias_field_are_found_as_they_are(void)
{
    truth_of(PHANTOM_MR);
}

static void pet_phantoms_are_found_as_they_are(void)
{
    truth_of(PHANTOM_PT);
}

/* The classes of the hardware are coarser, and the lesions the same. */
static void phantoms_are_found_by_the_classes_of_the_hardware(void)
{
    bins = OTSU_BINS_64;
    for (uint64_t seed = 1; seed < 1 + seeds_of(3); seed++) {
        struct phantom_options options;
        phantom_defaults(PHANTOM_CT, &options);
        options.seed = seed;
        set_grid(seed, &options);
        CU_ASSERT(find(&options));
        CU_ASSERT(truth.count > 0);
        CU_ASSERT_EQUAL(findings.count, truth.count);
    }
    bins = OTSU_BINS_256;
}

static void phantoms_without_lesions_give_none(void)
{
    for (uint64_t seed = 101; seed < 101 + seeds_of(10); seed++)
        for (int modality = 0; modality < 3; modality++) {
            struct phantom_options options;
            phantom_defaults((enum phantom_modality)modality, &options);
            options.seed = seed;
            options.lesions = 0;
            set_grid(seed, &options);
            CU_ASSERT(find(&options));
            CU_ASSERT_EQUAL(findings.count, 0);
            if (findings.count != 0)
                printf("\n  %s seed %llu: %zu found of none ", modalities[modality],
                       (unsigned long long)seed, findings.count);
        }
}

static void neuroblastoma_is_one_mass_across_the_midline(void)
{
    struct phantom_options options;

    phantom_defaults(PHANTOM_CT, &options);
    options.kind = PHANTOM_NEUROBLASTOMA;
    CU_ASSERT_FATAL(find(&options));
    CU_ASSERT(findings.count >= 1);
    /* The aorta that it touches is as bright, and counts where it does. */
    CU_ASSERT_DOUBLE_EQUAL(findings.lesion[0].volume_mm3 / truth.lesion[0].volume_mm3, 1.1, 0.1);
}

static void result_does_not_depend_on_threads(void)
{
    struct phantom_options options;
    struct analysis_parameters parameters;
    static struct findings one;

    phantom_defaults(PHANTOM_MR, &options);
    CU_ASSERT_FATAL(find(&options));
    analysis_defaults("MR", &parameters);
    for (parameters.threads = 1; parameters.threads < 8; parameters.threads += 3) {
        CU_ASSERT_FATAL(analyse(&volume, &parameters, arena, &one, &err));
        CU_ASSERT_EQUAL(one.count, findings.count);
        for (size_t i = 0; i < one.segment_count; i++) {
            CU_ASSERT_EQUAL(one.lesion[i].volume_mm3, findings.lesion[i].volume_mm3);
            CU_ASSERT_EQUAL(one.lesion[i].mean, findings.lesion[i].mean);
            CU_ASSERT_EQUAL(one.lesion[i].longest_mm, findings.lesion[i].longest_mm);
        }
    }
}

static void need_is_an_upper_bound(void)
{
    struct phantom_options options;
    struct analysis_parameters parameters;

    for (int modality = 0; modality < 3; modality++) {
        phantom_defaults((enum phantom_modality)modality, &options);
        CU_ASSERT_FATAL(find(&options));
        analysis_defaults(modalities[modality], &parameters);
        struct arena *own = arena_new((size_t)1 << 30, &err);
        CU_ASSERT(analyse(&volume, &parameters, own, &findings, &err));
        CU_ASSERT(arena_peak(own) <= analyse_need(&volume, &parameters));
        arena_free(own);
    }
}

static int16_t hard_voxel(int i, int j, int k, bool specks)
{
    const double x = i / 2.0 - 64, y = j / 2.0 - 64, r = sqrt(x * x + y * y);
    const uint32_t chance = (uint32_t)((k * 256 + j) * 256 + i) * 2654435761u;

    if (r > 58)
        return -1000;
    if (specks)
        return chance >> 24 < 30 ? 2000 : (int16_t)(chance >> 12 & 31);
    /* a thread that winds up the body: its box is nearly the volume */
    const double turn = fmod(atan2(y, x) + k * 0.13 + 100, 2 * M_PI);
    return fabs(r - 48) < 5 && turn < 0.9 ? 300 : (int16_t)(60 + (chance >> 12 & 31));
}

/* What takes most memory: a region whose box is the volume, and specks everywhere. */
static void need_is_an_upper_bound_for_what_is_wide_and_for_specks(void)
{
    struct analysis_parameters parameters;
    const struct volume grid = { .type = VOXEL_INT16, .unit = UNIT_HU, .size = { 256, 256, 96 },
        .slope = 1, .even = true,
        .affine = { { 1.5, 0, 0, 0 }, { 0, 1.5, 0, 0 }, { 0, 0, 3, 0 } } };

    if (arena == NULL)
        arena = arena_new((size_t)2 << 30, &err);
    analysis_defaults("CT", &parameters);
    for (int specks = 0; specks < 2; specks++) {
        arena_reset(arena);
        CU_ASSERT_FATAL(volume_take_like(&grid, VOXEL_INT16, UNIT_HU, arena, &volume, &err));
        for (int at = 0; at < 256 * 256 * 96; at++)
            volume.i16[at] = hard_voxel(at % 256, at / 256 % 256, at / 256 / 256, specks);
        const size_t used = arena_used(arena);
        CU_ASSERT(analyse(&volume, &parameters, arena, &findings, &err));
        CU_ASSERT(arena_peak(arena) - used <= analyse_need(&volume, &parameters));
        CU_ASSERT_EQUAL(findings.count, specks ? 0 : 1);
        CU_ASSERT(specks || findings.lesion[0].high[2] - findings.lesion[0].low[2] > 90);
    }
}

static void bad_volumes_end_in_their_sentence(void)
{
    static float voxel[4 * 4 * 4];
    struct analysis_parameters parameters;
    struct volume bad = { .type = VOXEL_FLOAT32, .unit = UNIT_SUVBW, .size = { 4, 4, 4 },
                          .f32 = voxel, .slope = 1, .even = true,
                          .affine = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } } };

    if (arena == NULL)
        arena = arena_new((size_t)2 << 30, &err);
    arena_reset(arena);
    analysis_defaults("PT", &parameters);
    CU_ASSERT_FALSE(analyse(&bad, &parameters, arena, &findings, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: no contrast in 64 voxels");
    voxel[7] = NAN;
    CU_ASSERT_FALSE(analyse(&bad, &parameters, arena, &findings, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: voxel 7 is not finite");
    bad.slope = INFINITY;
    CU_ASSERT_FALSE(analyse(&bad, &parameters, arena, &findings, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: slope inf and intercept 0");
    bad.size[2] = 0;
    CU_ASSERT_FALSE(analyse(&bad, &parameters, arena, &findings, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "no voxels");
    parameters.method[0] = 'x';
    CU_ASSERT_FALSE(analyse(&bad, &parameters, arena, &findings, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "no method is called xtsu3-morphology");
}

static const struct runner_test tests[] = {
    TEST(bad_volumes_end_in_their_sentence),
    TEST(ct_phantoms_are_found_as_they_are),
    TEST(mr_phantoms_with_a_bias_field_are_found_as_they_are),
    TEST(pet_phantoms_are_found_as_they_are),
    TEST(phantoms_are_found_by_the_classes_of_the_hardware),
    TEST(phantoms_without_lesions_give_none),
    TEST(neuroblastoma_is_one_mass_across_the_midline),
    TEST(result_does_not_depend_on_threads),
    TEST(need_is_an_upper_bound),
    TEST(need_is_an_upper_bound_for_what_is_wide_and_for_specks),
    { NULL, NULL }
};
const struct runner_suite suite_truth = { "truth", tests };
