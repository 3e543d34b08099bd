/* Quality: phantoms with one fault each, whose size is known; and the same numbers by numpy. */
#include "analysis/quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/phantom.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define SIDE 128
#define DEPTH 64
#define PLANE ((size_t)SIDE * SIDE)
#define SEEDS 2
#define COUNT (PLANE * DEPTH)

static struct error err;
static struct arena *arena;
static struct volume volume;
static const struct quality_rules by_default;

/* A phantom takes half a second, so that each is made once; what is examined is a copy. */
static void make(enum phantom_modality modality, uint64_t seed)
{
    static struct volume made[3][SEEDS + 1];
    static char voxels[COUNT * sizeof(float)];
    struct volume *const one = &made[modality][seed];
    struct phantom_options options;
    struct phantom_truth truth;

    if (arena == NULL)
        arena = arena_new((size_t)256 << 20, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    phantom_defaults(modality, &options);
    options.seed = seed;
    if (one->voxels == NULL)
        CU_ASSERT_FATAL(phantom_make(&options, arena, one, &truth, &err));
    CU_ASSERT_EQUAL_FATAL(volume_count(one), COUNT);
    volume = *one;
    volume.voxels = voxels;
    memcpy(voxels, one->voxels, COUNT * voxel_size(one->type));
}

static struct quality examine_by(const struct quality_rules *rules, int threads)
{
    struct quality quality;
    const size_t used = arena_used(arena);

    CU_ASSERT_FATAL(quality_examine(&volume, rules, threads, arena, &quality, &err));
    CU_ASSERT_EQUAL(arena_used(arena), used);
    return quality;
}

static struct quality examine(void)
{
    return examine_by(&by_default, 2);
}

static void expect(const struct quality *quality, enum quality_kind kind, double value,
                   double tolerance, enum quality_verdict verdict)
{
    const struct quality_check *const check = &quality->check[kind];

    CU_ASSERT(check->known);
    CU_ASSERT_DOUBLE_EQUAL(check->value, value, tolerance);
    CU_ASSERT_EQUAL(check->verdict, verdict);
    if (!check->known || fabs(check->value - value) > tolerance || check->verdict != verdict)
        printf("    %s: %g (%s) instead of %g (%s)\n", quality_name(kind), check->value,
               quality_verdict_name(check->verdict), value, quality_verdict_name(verdict));
}

static uint64_t state = 1;

/* Nearly normal, of SD 1. */
static double normal(void)
{
    double sum = -6;

    for (int i = 0; i < 12; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(state >> 11) / 9007199254740992.0;
    }
    return sum;
}

/* ---- nothing is wrong ---- */

static void clean_phantoms_of_every_modality_are_ok(void)
{
    for (int modality = PHANTOM_CT; modality <= PHANTOM_PT; modality++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            make((enum phantom_modality)modality, seed);
            const struct quality quality = examine();
            CU_ASSERT_EQUAL(quality.verdict, QUALITY_OK);
            CU_ASSERT(quality.examined);
            CU_ASSERT_EQUAL(quality.check[QUALITY_UNITS].known, modality == PHANTOM_CT);
        }
}

static void the_number_of_threads_changes_no_bit(void)
{
    make(PHANTOM_CT, 2);
    const struct quality one = examine_by(&by_default, 1);
    for (int threads = 2; threads <= 7; threads += 5) {
        const struct quality many = examine_by(&by_default, threads);
        for (int kind = 0; kind < QUALITY_KINDS; kind++)
            CU_ASSERT(memcmp(&one.check[kind].value, &many.check[kind].value,
                             sizeof(double)) == 0);
    }
}

/* ---- wrong units ---- */

static void values_without_their_intercept_stop(void)
{
    char told[160];

    make(PHANTOM_CT, 1);
    for (size_t i = 0; i < COUNT; i++)
        volume.i16[i] = (int16_t)(volume.i16[i] < -1024 ? 0 : volume.i16[i] + 1024);
    const struct quality quality = examine();
    expect(&quality, QUALITY_UNITS, 1024, 100, QUALITY_STOP);
    expect(&quality, QUALITY_LOWEST, 0, 0, QUALITY_STOP);
    CU_ASSERT_EQUAL(quality.verdict, QUALITY_STOP);
    quality_tell(&quality, QUALITY_LOWEST, UNIT_HU, told, sizeof told);
    CU_ASSERT_STRING_EQUAL(told, "the values are not HU, the lowest is: 0 HU, where at most -1 is "
                                 "expected");
}

static void values_with_their_intercept_twice_stop(void)
{
    make(PHANTOM_CT, 1);
    for (size_t i = 0; i < COUNT; i++)
        volume.i16[i] = (int16_t)(volume.i16[i] - 1024);
    const struct quality quality = examine();
    expect(&quality, QUALITY_UNITS, 1024, 100, QUALITY_STOP);
    CU_ASSERT_EQUAL(quality.check[QUALITY_LOWEST].verdict, QUALITY_OK);
}

static void a_picture_that_is_called_ct_stops(void)
{
    make(PHANTOM_CT, 1);
    for (size_t i = 0; i < COUNT; i++)      /* a window of 400 around 40, as bytes */
        volume.i16[i] = (int16_t)fmin(fmax((volume.i16[i] + 160) * 255 / 400.0, 0), 255);
    const struct quality quality = examine();
    expect(&quality, QUALITY_LOWEST, 1, 0, QUALITY_STOP);       /* the zeros are padding */
}

static void a_peak_of_air_that_is_off_by_80_is_said(void)
{
    make(PHANTOM_CT, 1);
    for (size_t i = 0; i < COUNT; i++)
        volume.i16[i] = (int16_t)(volume.i16[i] + 80);
    const struct quality quality = examine();
    expect(&quality, QUALITY_AIR, 80, 2, QUALITY_WARN);
    CU_ASSERT_EQUAL(quality.check[QUALITY_UNITS].verdict, QUALITY_OK);
}

static void a_peak_of_fat_is_found_where_it_was_put(void)
{
    for (int off = 0; off <= 60; off += 30) {
        make(PHANTOM_CT, 1);
        for (size_t k = 0; k < DEPTH; k++)
            for (size_t i = 0; i < 12 * SIDE; i++)
                volume.i16[k * PLANE + i + 30 * SIDE] = (int16_t)(-100 + off + 12 * normal());
        const struct quality quality = examine();
        expect(&quality, QUALITY_FAT, off, 4, off > 50 ? QUALITY_WARN : QUALITY_OK);
    }
}

/* ---- values ---- */

static void a_constant_volume_stops(void)
{
    make(PHANTOM_MR, 1);
    memset(volume.voxels, 0, COUNT * sizeof(int16_t));
    struct quality quality = examine();
    expect(&quality, QUALITY_CONSTANT, 1, 0, QUALITY_STOP);
    for (size_t i = 0; i < 20; i++)
        volume.i16[COUNT / 2 + i] = (int16_t)(100 + i);
    quality = examine();
    expect(&quality, QUALITY_CONSTANT, 1, 1e-4, QUALITY_STOP);
}

static void values_cut_at_the_top_are_counted(void)
{
    size_t cut = 0;

    make(PHANTOM_CT, 1);
    for (size_t i = 0; i < COUNT; i++)
        if (volume.i16[i] >= 60) {
            volume.i16[i] = 60;
            cut++;
        }
    const struct quality quality = examine();
    CU_ASSERT(cut > COUNT / 100);
    expect(&quality, QUALITY_CLIPPED, (double)cut / COUNT, 1e-12, QUALITY_WARN);
}

static void a_voxel_that_is_not_finite_is_refused(void)
{
    struct quality quality = { .examined = false };

    make(PHANTOM_PT, 1);
    volume.f32[3 * PLANE + 7] = NAN;
    CU_ASSERT_FALSE(quality_examine(&volume, &by_default, 2, arena, &quality, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "quality: a voxel of slice 4 is not finite");
    volume.f32[3 * PLANE + 7] = INFINITY;
    CU_ASSERT_FALSE(quality_examine(&volume, &by_default, 2, arena, &quality, &err));
    CU_ASSERT_FALSE(quality.examined);
}

/* ---- noise ---- */

static void planted_noise_is_measured_to_8_percent(void)
{
    static const double planted[] = { 0, 20, 50, 80 };

    for (size_t n = 0; n < 4; n++) {
        const double all = hypot(planted[n], 12);
        make(PHANTOM_CT, 1);
        for (size_t i = 0; i < COUNT; i++)
            volume.i16[i] = (int16_t)lround(volume.i16[i] + planted[n] * normal());
        const struct quality quality = examine();
        expect(&quality, QUALITY_NOISE, all, 0.08 * all, all > 60 ? QUALITY_WARN : QUALITY_OK);
    }
}

/* ---- the field of view ---- */

static void a_body_that_is_cut_is_said(void)
{
    make(PHANTOM_CT, 1);
    int16_t *const voxel = volume.i16;
    for (size_t k = 0; k < DEPTH; k++)      /* the middle half of both axes */
        for (size_t j = 0; j < SIDE / 2; j++)
            memmove(voxel + (k * SIDE / 2 + j) * SIDE / 2,
                    voxel + k * PLANE + (j + SIDE / 4) * SIDE + SIDE / 4, SIDE / 2 * sizeof *voxel);
    volume.size[0] = volume.size[1] = SIDE / 2;
    const struct quality quality = examine();
    size_t reached = 0;
    for (size_t k = 0; k < DEPTH; k++)
        for (size_t i = 0; i < SIDE / 2; i++) {
            const int16_t *const slice = voxel + k * PLANE / 4;
            reached += (slice[i] > -500) + (slice[PLANE / 4 - SIDE / 2 + i] > -500)
                + (slice[i * SIDE / 2] > -500) + (slice[i * SIDE / 2 + SIDE / 2 - 1] > -500);
        }
    CU_ASSERT(reached > 0);
    expect(&quality, QUALITY_TRUNCATED, (double)reached / (DEPTH * SIDE * 2), 1e-9, QUALITY_WARN);
}

/* A circle of padding cuts it, and not the picture's edge. */
static void a_body_that_is_cut_by_a_round_field_is_said(void)
{
    make(PHANTOM_CT, 1);
    for (size_t k = 0; k < DEPTH; k++)
        for (size_t i = 0; i < PLANE; i++)
            if (hypot((double)(i % SIDE) - 63.5, (double)(i / SIDE) - 63.5) > 36)
                volume.i16[k * PLANE + i] = -2000;
    const struct quality quality = examine();
    CU_ASSERT(quality.check[QUALITY_TRUNCATED].value > 0.2);
    CU_ASSERT_EQUAL(quality.check[QUALITY_TRUNCATED].verdict, QUALITY_WARN);
    CU_ASSERT_EQUAL(quality.check[QUALITY_UNITS].verdict, QUALITY_OK);
}

static void lines_of_padding_are_counted(void)
{
    make(PHANTOM_MR, 1);
    for (size_t k = 0; k < DEPTH; k++)
        for (size_t i = 0; i < PLANE; i++) {
            int16_t *const voxel = &volume.i16[k * PLANE + i];
            const bool outside = i % SIDE < 30 || i % SIDE >= 94 || i / SIDE < 30 || i / SIDE >= 94
                || k >= 48;
            *voxel = (int16_t)(outside ? 0 : *voxel + 1);
        }
    const struct quality quality = examine();
    expect(&quality, QUALITY_PADDING, 1 - 64.0 * 64 * 48 / COUNT, 1e-9, QUALITY_WARN);
}

/* ---- slices ---- */

static void blank_slices_inside_are_counted_and_those_at_the_ends_are_not(void)
{
    make(PHANTOM_CT, 1);
    for (size_t k = 0; k < DEPTH; k++)
        if (k < 3 || k == 20 || k == 21 || k == DEPTH - 1)
            for (size_t i = 0; i < PLANE; i++)
                volume.i16[k * PLANE + i] = -1000;
    const struct quality quality = examine();
    expect(&quality, QUALITY_BLANK, 2, 0, QUALITY_WARN);
}

static void uneven_steps_are_told_by_the_longest(void)
{
    static struct volume_slice slices[DEPTH];

    make(PHANTOM_CT, 1);
    for (size_t k = 0; k < DEPTH; k++)
        for (int axis = 0; axis < 3; axis++)
            slices[k].position_mm[axis] = volume.affine[axis][3]
                + volume.affine[axis][2] * ((double)k + (k > 40 ? 1 : 0));
    volume.slices = slices;
    struct quality quality = examine();
    expect(&quality, QUALITY_GAPS, 1, 1e-9, QUALITY_WARN);
    for (size_t k = 0; k < DEPTH; k++)
        for (int axis = 0; axis < 3; axis++)
            slices[k].position_mm[axis] = volume.affine[axis][3]
                + volume.affine[axis][2] * (double)k;
    quality = examine();
    expect(&quality, QUALITY_GAPS, 0, 1e-9, QUALITY_OK);
}

/* Every other slice is moved by `voxels` along the rows. */
static void jitter(size_t voxels)
{
    for (size_t k = 0; k < DEPTH; k += 2)
        for (size_t j = 0; j < SIDE; j++) {
            int16_t *const row = volume.i16 + k * PLANE + j * SIDE;
            memmove(row + voxels, row, (SIDE - voxels) * sizeof *row);
        }
}

static void slices_that_are_shifted_are_told_in_mm(void)
{
    for (int modality = PHANTOM_CT; modality <= PHANTOM_MR; modality++)
        for (size_t voxels = 0; voxels <= 4; voxels += 2) {
            make((enum phantom_modality)modality, 2);
            jitter(voxels);
            const struct quality quality = examine();
            if (voxels <= 2)
                expect(&quality, QUALITY_MOTION, (double)voxels, 0.1 + 0.25 * (double)voxels,
                       voxels > 0 ? QUALITY_WARN : QUALITY_OK);
            CU_ASSERT(voxels < 4 || quality.check[QUALITY_MOTION].value > 2.2);
        }
}

/* A tilted gantry moves every slice by the same step: that is no motion. */
static void an_even_shear_is_no_motion(void)
{
    make(PHANTOM_CT, 2);
    for (size_t k = 0; k < DEPTH; k++)
        for (size_t j = 0; j < SIDE; j++) {
            int16_t *const row = volume.i16 + k * PLANE + j * SIDE;
            memmove(row + k / 2, row, (SIDE - k / 2) * sizeof *row);
        }
    const struct quality quality = examine();
    CU_ASSERT_EQUAL(quality.check[QUALITY_MOTION].verdict, QUALITY_OK);
}

/* ---- rules ---- */

static void a_bound_and_a_stop_may_be_ones_own(void)
{
    struct quality_rules rules = { .own_stops = true, .stop_on = 1u << QUALITY_NOISE,
                                   .own_bounds = 1u << QUALITY_NOISE };

    make(PHANTOM_CT, 1);
    rules.bound[QUALITY_NOISE] = 5;
    struct quality quality = examine_by(&rules, 2);
    expect(&quality, QUALITY_NOISE, 12, 1, QUALITY_STOP);
    CU_ASSERT_EQUAL(quality.verdict, QUALITY_STOP);
    rules.stop_on = 0;
    for (size_t i = 0; i < COUNT; i++)
        volume.i16[i] = (int16_t)(volume.i16[i] + 2048);
    quality = examine_by(&rules, 2);
    CU_ASSERT_EQUAL(quality.verdict, QUALITY_WARN);
}

static void names_are_found_again(void)
{
    for (int kind = 0; kind < QUALITY_KINDS; kind++)
        CU_ASSERT_EQUAL(quality_find(quality_name((enum quality_kind)kind)),
                        (enum quality_kind)kind);
    CU_ASSERT_EQUAL(quality_find("unit"), QUALITY_KINDS);
    CU_ASSERT_EQUAL(quality_find(""), QUALITY_KINDS);
}

/* ---- the same by numpy ---- */

static bool ask_numpy(double ret_values[6])
{
    char path[] = "/tmp/tumord-quality-XXXXXX", command[4096];
    const int file = mkstemp(path);
    const size_t size = COUNT * sizeof(int16_t);
    bool good = file >= 0 && write(file, volume.voxels, size) == (ssize_t)size;

    text_format(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/quality.py %s %d %d %d 1",
                runner_source(), path, SIDE, SIDE, DEPTH);
    FILE *const peer = good ? popen(command, "r") : NULL;
    good = peer != NULL;
    for (int i = 0; good && i < 6; i++)
        good = fscanf(peer, "%lf", &ret_values[i]) == 1;
    if (peer != NULL)
        pclose(peer);
    close(file);
    unlink(path);
    return good;
}

static void numpy_measures_the_same(void)
{
    static const enum quality_kind kinds[] = { QUALITY_AIR, QUALITY_FAT, QUALITY_NOISE,
                                               QUALITY_TRUNCATED, QUALITY_CLIPPED,
                                               QUALITY_MOTION };
    double said[6];

    if (system("/usr/bin/python3 -c 'import scipy' 2> /dev/null") != 0) {
        runner_skip("scipy is not installed");
        return;
    }
    make(PHANTOM_CT, 2);
    jitter(1);
    for (size_t k = 0; k < DEPTH; k++)
        for (size_t i = 0; i < 12 * SIDE; i++)
            volume.i16[k * PLANE + i + 30 * SIDE] = (int16_t)(-110 + 15 * normal());
    const struct quality quality = examine();
    CU_ASSERT_FATAL(ask_numpy(said));
    for (int i = 0; i < 6; i++)
        expect(&quality, kinds[i], said[i], 1e-4 * said[i], quality.check[kinds[i]].verdict);
}

static const struct runner_test tests[] = {
    TEST(clean_phantoms_of_every_modality_are_ok),
    TEST(the_number_of_threads_changes_no_bit),
    TEST(values_without_their_intercept_stop),
    TEST(values_with_their_intercept_twice_stop),
    TEST(a_picture_that_is_called_ct_stops),
    TEST(a_peak_of_air_that_is_off_by_80_is_said),
    TEST(a_peak_of_fat_is_found_where_it_was_put),
    TEST(a_constant_volume_stops),
    TEST(values_cut_at_the_top_are_counted),
    TEST(a_voxel_that_is_not_finite_is_refused),
    TEST(planted_noise_is_measured_to_8_percent),
    TEST(a_body_that_is_cut_is_said),
    TEST(a_body_that_is_cut_by_a_round_field_is_said),
    TEST(lines_of_padding_are_counted),
    TEST(blank_slices_inside_are_counted_and_those_at_the_ends_are_not),
    TEST(uneven_steps_are_told_by_the_longest),
    TEST(slices_that_are_shifted_are_told_in_mm),
    TEST(an_even_shear_is_no_motion),
    TEST(a_bound_and_a_stop_may_be_ones_own),
    TEST(names_are_found_again),
    TEST(numpy_measures_the_same),
    { NULL, NULL }
};

const struct runner_suite suite_quality = { "quality", tests };
