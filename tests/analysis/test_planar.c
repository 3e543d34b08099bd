/*
 * Planar: pictures of a MIBG phantom from the front and the back. Nothing connects two pictures, each lesion is
 * found in both with its ratio to what lies around, and what has no lesion gives none.
 */
#include "analysis/planar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/opening.h"
#include "analysis/phantom_planar.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define PIXELS (PHANTOM_PLANAR_COLUMNS * PHANTOM_PLANAR_ROWS)

static struct error err;
static struct arena *arena;
static struct findings findings;
static struct volume volume;
static struct phantom_planar_truth truth;

static bool make(uint64_t seed, size_t lesions, bool organs)
{
    const struct phantom_planar_options options = { seed, lesions, organs };

    if (arena == NULL)
        arena = arena_new((size_t)256 << 20, &err);
    arena_reset(arena);
    return phantom_planar_make(&options, arena, &volume, &truth, &err);
}

static bool find(void)
{
    struct analysis_parameters parameters;

    analysis_defaults("NM", &parameters);
    return analyse(&volume, &parameters, arena, &findings, &err);
}

/* The label at the middle of a spot in a picture; 0: it was not found. */
static const struct lesion *at_spot(const struct phantom_planar_spot *spot, size_t view)
{
    const double column = view == 1 ? PHANTOM_PLANAR_COLUMNS - 1 - spot->column : spot->column;
    const size_t n = view * PIXELS + (size_t)lround(spot->row) * PHANTOM_PLANAR_COLUMNS + (size_t)lround(column);
    const uint32_t label = findings.labels.u8[n];

    return label == 0 ? NULL : &findings.lesion[label - 1];
}

static void show(uint64_t seed)
{
    for (size_t n = 0; n < findings.segment_count; n++)
        printf("\n  seed %d view %zu: (%zu..%zu, %zu..%zu) %.0f mm2 mean %.1f ratio %.2f ", (int)seed,
               findings.lesion[n].low[2], findings.lesion[n].low[0], findings.lesion[n].high[0],
               findings.lesion[n].low[1], findings.lesion[n].high[1], findings.lesion[n].volume_mm3,
               findings.lesion[n].mean, findings.lesion[n].background_ratio.value);
}

static void lesions_are_found_from_both_sides(void)
{
    int spots = 0, found = 0, others = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        size_t hits = 0;
        CU_ASSERT_FATAL(make(seed, 1 + seed % PHANTOM_PLANAR_MAX_LESIONS, true) && find());
        if (getenv("TUMORD_VERBOSE") != NULL)
            show(seed);
        CU_ASSERT(findings.planar);
        for (size_t n = 0; n < truth.count; n++)
            for (size_t view = 0; view < 2; view++) {
                const struct lesion *const lesion = at_spot(&truth.lesion[n], view);
                spots++;
                hits += lesion != NULL;
                if (lesion == NULL)
                    continue;
                CU_ASSERT(lesion->low[2] == view && lesion->high[2] == view && lesion->axial_slice == view);
                CU_ASSERT(lesion->background_ratio.known && lesion->background_ratio.value > 1.5);
                CU_ASSERT(!lesion->peak.known && !lesion->tlg.known);
            }
        found += (int)hits;
        others += (int)(findings.count - hits);
    }
    printf("[%d of %d lesions, %d other regions in 40 pictures of which each has a liver, a heart and a bladder] ",
           found, spots, others);
    CU_ASSERT(found >= 0.95 * spots);
    CU_ASSERT(others <= 40);            /* the bladder's top: it is narrow and hot */
}

static void a_body_alone_has_no_region(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        CU_ASSERT_FATAL(make(seed, 0, false) && find());
        CU_ASSERT_EQUAL(findings.count, 0);
        if (findings.count != 0)
            show(seed);
    }
}

/* A spot at one place in both pictures is two regions of so many pixels of 4 x 4 mm each, in no volume. */
static void areas_are_told_and_pictures_are_not_connected(void)
{
    static int16_t counts[2 * PIXELS];
    size_t pixels = 0;

    CU_ASSERT_FATAL(make(1, 0, false));
    memcpy(counts, volume.i16, sizeof counts);
    for (size_t n = 0; n < 2 * PIXELS; n++) {
        const double i = (double)(n % PHANTOM_PLANAR_COLUMNS) - 60;
        const double j = (double)(n % PIXELS / PHANTOM_PLANAR_COLUMNS) - 90;
        if (i * i + j * j <= 16) {
            counts[n] = 100;
            pixels += n < PIXELS;
        }
    }
    volume.i16 = counts;
    CU_ASSERT_FATAL(find());
    CU_ASSERT_EQUAL_FATAL(findings.count, 2);
    for (size_t n = 0; n < 2; n++) {
        const struct lesion *const lesion = &findings.lesion[n];
        CU_ASSERT_EQUAL(lesion->axial_slice, n);
        CU_ASSERT(fabs((double)lesion->voxels / (double)pixels - 1) <= 0.15);   /* half of the blurred height */
        CU_ASSERT_DOUBLE_EQUAL(lesion->volume_mm3, (double)lesion->voxels * 16, 1e-6);
        CU_ASSERT_DOUBLE_EQUAL(lesion->background_ratio.value, lesion->mean / lesion->background.value, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(lesion->background.value, 13.5, 1.5);    /* counts of the body */
        CU_ASSERT_EQUAL(lesion->longest_mm, lesion->axial_long_mm);
    }
    volume.size[2] = 1;                     /* one picture alone */
    CU_ASSERT_FATAL(find());
    CU_ASSERT_EQUAL(findings.count, 1);
}

/* ---- SPECT: the same method in space ---- */

#define SPECT 48

static uint64_t state;

static double chance(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 9007199254740992.0;
}

static int16_t poisson(double mean)
{
    double product = chance();
    int16_t count = 0;

    for (; product > exp(-mean); count++)
        product *= chance();
    return count;
}

/* A body of 15 counts in voxels of 5 mm; `hot` spheres of 15 mm with 90, of which the n-th lies here: */
static const double spheres[3][3] = { { 16, 24, 12 }, { 32, 24, 24 }, { 24, 28, 38 } };

static void make_spect(uint64_t seed, size_t hot)
{
    if (arena == NULL)
        arena = arena_new((size_t)256 << 20, &err);
    arena_reset(arena);
    state = seed * 2654435761u;
    volume = (struct volume){ .type = VOXEL_INT16, .unit = UNIT_COUNTS, .size = { SPECT, SPECT, SPECT },
        .slope = 1, .even = true, .affine = { { 5, 0, 0, 0 }, { 0, 5, 0, 0 }, { 0, 0, -5, 0 } } };
    volume.i16 = arena_take(arena, volume_count(&volume), sizeof *volume.i16, &err);
    for (size_t n = 0; n < volume_count(&volume); n++) {
        const double at[3] = { (double)(n % SPECT), (double)(n / SPECT % SPECT), (double)(n / SPECT / SPECT) };
        double mean = pow((at[0] - 23.5) / 20, 2) + pow((at[1] - 23.5) / 14, 2) <= 1 ? 15 : 0.2;
        for (size_t s = 0; s < hot; s++)
            if (pow(at[0] - spheres[s][0], 2) + pow(at[1] - spheres[s][1], 2) + pow(at[2] - spheres[s][2], 2) <= 9)
                mean = 90;
        volume.i16[n] = poisson(mean);
    }
}

static void spots_of_spect_are_found_in_space(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        make_spect(seed, seed % 4);
        CU_ASSERT_FATAL(find());
        CU_ASSERT_EQUAL(findings.count, seed % 4);
        CU_ASSERT_FALSE(findings.planar);
        for (size_t s = 0; s < seed % 4; s++) {
            const size_t n = ((size_t)spheres[s][2] * SPECT + (size_t)spheres[s][1]) * SPECT + (size_t)spheres[s][0];
            CU_ASSERT_FATAL(findings.labels.u8[n] > 0);
            const struct lesion *const lesion = &findings.lesion[findings.labels.u8[n] - 1];
            /* 123 voxels of 125 mm3, of which the blur leaves two thirds above half; 90 counts, 15 around */
            CU_ASSERT(lesion->volume_mm3 > 0.6 * 123 * 125 && lesion->volume_mm3 < 123 * 125);
            CU_ASSERT(fabs(lesion->background_ratio.value - 6) < 1);
            CU_ASSERT_DOUBLE_EQUAL(lesion->centroid_mm[2], -5 * spheres[s][2], 2.5);
        }
    }
}

/* ---- the opening ---- */

/* The least (sign 1) or greatest of each ball, voxel by voxel. */
static void plain_pass(const struct volume *grid, const float *from, double radius, int sign, float *to)
{
    const long size[3] = { (long)grid->size[0], (long)grid->size[1], (long)grid->size[2] };
    const long count = size[0] * size[1] * size[2];

    for (long n = 0; n < count; n++) {
        to[n] = from[n];
        for (long m = 0; m < count; m++) {
            double square = 0;
            long a = n, b = m;
            for (int axis = 0; axis < 3; axis++) {
                square += pow((double)(a % size[axis] - b % size[axis]) * volume_spacing_mm(grid, axis), 2);
                a /= size[axis];
                b /= size[axis];
            }
            if (square <= radius * radius && (sign > 0 ? from[m] < to[n] : from[m] > to[n]))
                to[n] = from[m];
        }
    }
}

/* Bit by bit, on random values and extreme ones, pictures and volumes, even and uneven voxels. */
static void the_opening_is_that_of_its_plain_twin(void)
{
    static const struct { size_t size[3]; double mm[3], radius; } cases[] = {
        { { 11, 9, 7 }, { 4, 4, 4 }, 9 }, { { 17, 5, 6 }, { 1, 3, 5 }, 7 }, { { 13, 14, 1 }, { 2.4, 2.4, 1 }, 6 },
        { { 3, 3, 3 }, { 1, 1, 1 }, 50 }, { { 1, 1, 1 }, { 1, 1, 1 }, 3 }, { { 20, 4, 2 }, { 9, 9, 9 }, 5 }
    };
    static float from[1000], to[1000], spare[1000], plain[1000], half[1000];

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int kind = 0; kind < 2; kind++) {
            struct volume grid = { .affine = { { cases[c].mm[0] }, { 0, cases[c].mm[1] }, { 0, 0, cases[c].mm[2] } } };
            memcpy(grid.size, cases[c].size, sizeof grid.size);
            state = c + 1;
            for (size_t n = 0; n < volume_count(&grid); n++)
                from[n] = kind == 0 ? (float)chance() : (float)(chance() < 0.5 ? -3e38 : 3e38);
            opening_ball(&grid, from, cases[c].radius, to, spare, 1 + (int)c % 3);
            plain_pass(&grid, from, cases[c].radius, 1, half);
            plain_pass(&grid, half, cases[c].radius, -1, plain);
            CU_ASSERT(memcmp(to, plain, volume_count(&grid) * sizeof *to) == 0);
        }
}

static void need_is_an_upper_bound(void)
{
    struct analysis_parameters parameters;

    analysis_defaults("NM", &parameters);
    CU_ASSERT_FATAL(make(9, 6, true));
    struct arena *const own = arena_new((size_t)256 << 20, &err);
    CU_ASSERT(analyse(&volume, &parameters, own, &findings, &err));
    CU_ASSERT(arena_peak(own) <= analyse_need(&volume, &parameters));
    arena_free(own);
}

static void more_lesions_than_places_are_refused(void)
{
    CU_ASSERT_FALSE(make(1, PHANTOM_PLANAR_MAX_LESIONS + 1, true));
    CU_ASSERT_STRING_EQUAL(err.text, "7 lesions in a planar phantom, 6 have a place");
}

static const struct runner_test tests[] = {
    TEST(lesions_are_found_from_both_sides),
    TEST(a_body_alone_has_no_region),
    TEST(areas_are_told_and_pictures_are_not_connected),
    TEST(spots_of_spect_are_found_in_space),
    TEST(the_opening_is_that_of_its_plain_twin),
    TEST(need_is_an_upper_bound),
    TEST(more_lesions_than_places_are_refused),
    { NULL, NULL }
};

const struct runner_suite suite_planar = { "planar", tests };
