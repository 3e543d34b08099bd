/* Resampling: against arithmetic and a plain twin, and phantoms of tilted, missing and uneven slices. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analyse.h"
#include "analysis/phantom.h"
#include "analysis/resample.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static struct error err;
static struct arena *arena;
static struct volume source, volume;
static struct resample plan;
static struct volume_slice slices[64];

/* Slices of 40 x 30 at the positions `along`, each `tilt` mm further along its columns a mm. */
static void begin(size_t count, const double *along, double tilt, enum voxel_type type)
{
    const double turn[3][3] = { { 0.8, 0.36, 0.48 }, { -0.6, 0.48, 0.64 }, { 0, -0.8, 0.6 } };
    const double pixel[2] = { 0.7, 0.9 };

    if (arena == NULL)
        arena = arena_new((size_t)2 << 30, &err);
    arena_reset(arena);
    source = (struct volume){ .type = type, .unit = UNIT_HU, .size = { 40, 30, count },
                              .slope = 1, .slices = slices };
    for (int row = 0; row < 3; row++) {
        for (int axis = 0; axis < 2; axis++)
            source.affine[row][axis] = turn[row][axis] * pixel[axis];
        for (size_t s = 0; s < count; s++)
            slices[s].position_mm[row] = 10 + turn[row][2] * along[s]
                + turn[row][1] * tilt * along[s];
        source.affine[row][3] = slices[0].position_mm[row];
        source.affine[row][2] = (slices[count - 1].position_mm[row] - slices[0].position_mm[row])
            / (double)(count - 1);
    }
    source.voxels = arena_take(arena, volume_count(&source), voxel_size(type), &err);
}

static bool make_plan(size_t max_missing)
{
    return resample_plan(&source, max_missing, arena, &plan, &err);
}

static void where_slices_lie_decides_what_is_done(void)
{
    static const double even[] = { 0, 5, 10, 15, 20 }, slight[] = { 0, 5, 10.2, 15, 20 };
    static const double gap[] = { 0, 5, 15, 20, 25 }, uneven[] = { 0, 5, 9, 14, 18 };

    begin(5, even, 0, VOXEL_INT16);
    CU_ASSERT(make_plan(0));
    CU_ASSERT_FALSE(plan.needed);
    begin(5, slight, 0, VOXEL_INT16);
    CU_ASSERT(make_plan(0));
    CU_ASSERT_FALSE(plan.needed);
    begin(5, gap, 0, VOXEL_INT16);
    CU_ASSERT_FATAL(make_plan(1));
    CU_ASSERT(plan.needed);
    CU_ASSERT_EQUAL(plan.missing, 1);
    CU_ASSERT_EQUAL(plan.grid.size[2], 6);
    CU_ASSERT_EQUAL(plan.grid.size[1], 30);
    CU_ASSERT_DOUBLE_EQUAL(plan.step_mm, 5, 1e-9);
    begin(5, uneven, 0, VOXEL_INT16);
    CU_ASSERT_FATAL(make_plan(0));
    CU_ASSERT_EQUAL(plan.missing, 0);
    CU_ASSERT_EQUAL(plan.grid.size[2], 6);              /* 18 mm by the finest step, 4 mm, rounded */
    begin(5, even, tan(M_PI / 9), VOXEL_INT16);
    CU_ASSERT_FATAL(make_plan(0));
    CU_ASSERT_DOUBLE_EQUAL(plan.tilt_degrees, 20, 1e-9);
    CU_ASSERT_EQUAL(plan.grid.size[2], 5);
    CU_ASSERT_EQUAL(plan.grid.size[1], 30 + 9);         /* 20 mm x tan 20 / 0.9 mm is 8.09 rows */
    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&plan.grid, 0), 0.7 * 0.9 * 5, 1e-9);
}

static void slices_that_cannot_be_resampled_end_in_their_sentence(void)
{
    static const struct { double along[5], tilt; size_t most; const char *sentence; } cases[] = {
        { { 0, 5, 20, 25, 30 }, 0, 1, "slices missing: a gap of 15.00 mm between positions 22.20 and "
          "37.20 mm where the spacing is 5.00 mm; at most 1 missing in a row may be interpolated" },
        { { 0, 5, 10, 20, 25 }, 0, 0, "slices missing: a gap of 10.00 mm between positions 27.20 and "
          "37.20 mm where the spacing is 5.00 mm; at most 0 missing in a row may be interpolated" },
        { { 0, 5, 10, 11, 16 }, 0, 1, "slices 1.00 mm apart where the spacing is 5.00 mm" },
        { { 0, 5, 10, 15, 20 }, 1.2, 1, "slices are sheared by 50.2 degrees: more than 45 are no "
          "gantry's tilt" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(5, cases[i].along, cases[i].tilt, VOXEL_INT16);
        CU_ASSERT_FALSE(make_plan(cases[i].most));
        CU_ASSERT_STRING_EQUAL(err.text, cases[i].sentence);
        if (strcmp(err.text, cases[i].sentence) != 0)
            printf("[%s] ", err.text);
    }
}

/* The source as a function: linear in the plane, then between two slices along the normal. */
static double twin(size_t i, size_t j, size_t k, double lowest)
{
    const double z = (double)k * plan.step_mm;
    size_t s = 0;
    double value = 0;

    while (s + 2 < source.size[2] && plan.place[s + 1].along_mm <= z + 1e-9)
        s++;
    const double step = plan.place[s + 1].along_mm - plan.place[s].along_mm;
    const double part = fmin(fmax((z - plan.place[s].along_mm) / step, 0), 1);
    for (int n = 0; n < 8; n++) {
        const size_t at = s + (size_t)(n >> 2);
        const double x = (double)((long)i + plan.from[0]) - (plan.tilt_degrees > 0 ? plan.place[at].shift[0] : 0);
        const double y = (double)((long)j + plan.from[1]) - (plan.tilt_degrees > 0 ? plan.place[at].shift[1] : 0);
        const double u = x - floor(x), v = y - floor(y);
        const double weight = (n & 1 ? u : 1 - u) * (n & 2 ? v : 1 - v) * (n & 4 ? part : 1 - part);
        const long column = (long)floor(x) + (n & 1), row = (long)floor(y) + (n >> 1 & 1);
        const bool inside = column >= 0 && column < 40 && row >= 0 && row < 30;
        value += weight * (inside ? volume_value(&source, (at * 30 + (size_t)row) * 40
                                                 + (size_t)column) : lowest);
    }
    return value;
}

static void resampled_voxels_are_those_of_a_plain_formula(void)
{
    static const struct { double along[5], tilt; } cases[] = {
        { { 0, 5, 10, 15, 20 }, 0.36397 }, { { 0, 5, 15, 20, 25 }, 0 },
        { { 0, 4, 9, 13, 18 }, -0.2 }, { { 0, 3, 9, 12, 15 }, 0.3 }
    };

    for (size_t c = 0; c < 8; c++) {
        const enum voxel_type type = c % 2 == 0 ? VOXEL_INT16 : VOXEL_FLOAT32;
        double most = 0, lowest = INFINITY;
        begin(5, cases[c / 2].along, cases[c / 2].tilt, type);
        for (size_t i = 0; i < volume_count(&source); i++)
            if (type == VOXEL_INT16)
                source.i16[i] = (int16_t)(c < 4 ? (int)(i * 7919 % 65536) - 32768
                                          : i % 2 == 0 ? 32767 : -32768);
            else
                source.f32[i] = (float)((i * 7919) % 4001) / 7 - 100;
        for (size_t i = 0; i < volume_count(&source); i++)
            lowest = fmin(lowest, volume_value(&source, i));
        CU_ASSERT_FATAL(make_plan(1) && plan.needed);
        CU_ASSERT_FATAL(resample_volume(&plan, 2, arena, &volume, &err));
        for (size_t at = 0; at < volume_count(&volume); at++)
            most = fmax(most, fabs(volume_value(&volume, at)
                - twin(at % volume.size[0], at / volume.size[0] % volume.size[1],
                       at / volume.size[0] / volume.size[1], lowest)));
        CU_ASSERT(most <= (type == VOXEL_INT16 ? 0.52 : 1e-3));
        if (most > 0.52)
            printf("[case %zu: off by %g] ", c, most);
        struct volume one;
        CU_ASSERT_FATAL(resample_volume(&plan, 1, arena, &one, &err));
        CU_ASSERT_EQUAL(memcmp(one.voxels, volume.voxels,
                               volume_count(&one) * voxel_size(type)), 0);
    }
}

/* A value that is linear in patient space stays so, wherever there are slices. */
static void resampling_moves_nothing_in_patient_space(void)
{
    static const double along[] = { 0, 4, 9, 13, 18, 27 };
    double mm[3];
    size_t inside = 0;

    begin(6, along, 0.36397, VOXEL_FLOAT32);
    source.even = false;
    for (size_t at = 0; at < volume_count(&source); at++) {
        volume_to_patient(&source, (const double[3]){ (double)(at % 40), (double)(at / 40 % 30),
                          (double)(at / 1200) }, mm);
        source.f32[at] = (float)(1000 + 3 * mm[0] - 2 * mm[1] + 0.5 * mm[2]);
    }
    CU_ASSERT_FATAL(make_plan(2));
    CU_ASSERT_FATAL(resample_volume(&plan, 2, arena, &volume, &err));
    for (size_t at = 0; at < volume_count(&volume); at++) {
        const double voxel[3] = { (double)(at % volume.size[0]),
            (double)(at / volume.size[0] % volume.size[1]),
            (double)(at / volume.size[0] / volume.size[1]) };
        const double z = voxel[2] * plan.step_mm, y = voxel[1] + (double)plan.from[1];
        if (y < (z + 9) * 0.36397 / 0.9 || y > (z - 9) * 0.36397 / 0.9 + 29)
            continue;                   /* near what no slice has */
        volume_to_patient(&volume, voxel, mm);
        CU_ASSERT_DOUBLE_EQUAL(volume.f32[at], 1000 + 3 * mm[0] - 2 * mm[1] + 0.5 * mm[2], 0.01);
        inside++;
    }
    CU_ASSERT(inside > volume_count(&volume) / 3);
}

static uint32_t state = 1;

static double chance(double low, double high)
{
    state = state * 1664525 + 1013904223;
    return low + (high - low) * (state >> 8) / 16777216.0;
}

/* Steps and shifts of all sizes: what is planned holds every slice, and is no larger than it must be. */
static void any_positions_give_a_sound_plan_or_a_sentence(void)
{
    size_t planned = 0;

    for (int n = 0; n < 20000; n++) {
        double along[32] = { 0 };
        const size_t count = 2 + (size_t)chance(0, 29), most = (size_t)chance(0, 4);
        const double spread = pow(10, chance(-3, 1));
        const double tilt = chance(0, 1) < 0.5 ? 0 : pow(10, chance(-5, 0.3));
        for (size_t s = 1; s < count; s++)
            along[s] = along[s - 1] + (chance(0, 1) < 0.1 ? floor(chance(1, 4)) * 5 : 5) + chance(-spread, spread);
        begin(count, along, tilt, VOXEL_UINT8);
        if (chance(0, 1) < 0.05)
            for (int row = 0; row < 3; row++)
                source.affine[row][0] *= 1e-9;
        if (!make_plan(most)) {
            CU_ASSERT(strncmp(err.text, "slices ", 7) == 0);
            continue;
        }
        planned += plan.needed;
        if (!plan.needed)
            continue;
        const struct resample_place *const last = &plan.place[count - 1];
        CU_ASSERT_DOUBLE_EQUAL((double)(plan.grid.size[2] - 1) * plan.step_mm, last->along_mm, 1e-6);
        CU_ASSERT(plan.grid.size[2] >= count && plan.grid.size[2] <= 4 * (most + 2) * count);
        CU_ASSERT(plan.missing <= most * (count - 1));
        for (int axis = 0; axis < 2; axis++)
            CU_ASSERT(plan.from[axis] <= 0 && (double)plan.grid.size[axis] + (double)plan.from[axis]
                      >= (double)source.size[axis] - 1 + (plan.tilt_degrees > 0 ? last->shift[axis] : 0));
    }
    CU_ASSERT(planned > 1000);
}

/* ---- phantoms ---- */

static struct phantom_truth truth;
static struct findings findings;

static bool find(const struct phantom_options *options)
{
    static const char *const modalities[] = { "CT", "MR", "PT" };
    struct analysis_parameters parameters;

    if (arena == NULL)
        arena = arena_new((size_t)2 << 30, &err);
    arena_reset(arena);
    memset(&findings, 0, sizeof findings);
    analysis_defaults(modalities[options->modality], &parameters);
    parameters.threads = 2;
    if (!phantom_make(options, arena, &source, &truth, &err) || !make_plan(1))
        return false;
    volume = source;
    return (!plan.needed || resample_volume(&plan, 2, arena, &volume, &err))
        && analyse(&volume, &parameters, arena, &findings, &err)
        && resample_findings_back(&plan, arena, &findings, &err);
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

static bool is_inside(const struct phantom_lesion *lesion, const struct volume *grid, size_t i,
                      size_t j, size_t k)
{
    double square = 0, mm[3];

    volume_to_patient(grid, (const double[3]){ (double)i, (double)j, (double)k }, mm);
    for (int axis = 0; axis < 3; axis++) {
        double along = 0;
        for (int row = 0; row < 3; row++)
            along += lesion->rotation[row][axis] * (mm[row] - lesion->center_mm[row]);
        square += pow(along / lesion->semi_axis_mm[axis], 2);
    }
    return square < 1;
}

/* What the grid that is measured on makes of the ellipsoid, by voxel centres. */
static double sampled_mm3(const struct phantom_lesion *lesion)
{
    size_t inside = 0;

    for (size_t k = 0; k < volume.size[2]; k++)
        for (size_t j = 0; j < volume.size[1]; j++)
            for (size_t i = 0; i < volume.size[0]; i++)
                inside += is_inside(lesion, &volume, i, j, k);
    return (double)inside * volume_voxel_mm3(&volume, 0);
}

/* Dice of the region's labels on the slices with the ellipsoid, voxel centre by voxel centre. */
static double dice(const struct lesion *found, const struct phantom_lesion *lesion)
{
    size_t index = 0, both = 0, sum = 0;

    for (size_t k = 0; k < source.size[2]; k++)
        for (size_t j = 0; j < source.size[1]; j++)
            for (size_t i = 0; i < source.size[0]; i++, index++) {
                const bool is = findings_label(&findings, index) == found->label;
                const bool should = is_inside(lesion, &source, i, j, k);
                both += is && should;
                sum += (size_t)is + should;
            }
    return sum == 0 ? 0 : 2.0 * (double)both / (double)sum;
}

/* Issue A's bounds: volume to 5 % and the sampling's own error, centroid, longest diameter. */
static void compare(const struct phantom_options *options, const struct phantom_lesion *lesion)
{
    const struct lesion *const found = nearest(lesion->center_mm);
    const double *const s = options->spacing_mm;
    const double voxel = fmax(s[0], fmax(s[1], s[2]));

    if (found == NULL) {
        CU_FAIL("no region where a lesion is");
        return;
    }
    const double sampling = fabs(sampled_mm3(lesion) / lesion->volume_mm3 - 1);
    const double volume_off = found->volume_mm3 / lesion->volume_mm3 - 1;
    const double place_off = distance(found->centroid_mm, lesion->center_mm);
    const double length_off = fabs(found->longest_mm - lesion->longest_mm);
    const double overlap = dice(found, lesion);
    const bool good = fabs(volume_off) <= 0.05 + sampling && place_off <= volume_diagonal_mm(&volume)
        && length_off <= 1.5 * voxel && overlap > 0.85;
    CU_ASSERT(good);
    CU_ASSERT(found->axial_slice < source.size[2] && found->axial_slice >= found->low[2]
              && found->axial_slice <= found->high[2]);
    if (!good || getenv("TUMORD_VERBOSE") != NULL)
        printf("\n  %d seed %llu tilt %g missing %zu uneven %g: volume %+.1f %% (sampling %.1f %%), "
               "centre %.2f mm, longest %.1f of %.1f mm, Dice on the slices %.3f ", options->modality,
               (unsigned long long)options->seed, options->tilt_degrees, options->missing,
               options->uneven, 100 * volume_off, 100 * sampling, place_off, found->longest_mm,
               lesion->longest_mm, overlap);
}

static void truth_of(const struct phantom_options *common)
{
    const uint64_t last = getenv("TUMORD_SEEDS") != NULL
        ? strtoull(getenv("TUMORD_SEEDS"), NULL, 10) : 3;

    for (uint64_t seed = 1; seed <= last; seed++) {
        struct phantom_options options = *common;
        options.modality = (enum phantom_modality)(seed % 3);
        options.bias = options.modality == PHANTOM_MR ? 0.2 : 0;
        options.seed = seed;
        options.oblique = seed % 2 == 0;
        const bool analysed = find(&options);
        CU_ASSERT(analysed);
        CU_ASSERT_EQUAL(findings.count, truth.count);
        if (!analysed || findings.count != truth.count)
            printf("\n  %d seed %llu: %zu found of %zu %s ", options.modality,
                   (unsigned long long)seed, findings.count, truth.count, analysed ? "" : err.text);
        for (size_t i = 0; analysed && i < truth.count; i++)
            compare(&options, &truth.lesion[i]);
    }
}

static void small_phantom(struct phantom_options *options)
{
    phantom_defaults(PHANTOM_CT, options);
    options->size[0] = options->size[1] = 96;
    options->size[2] = 48;
}

static void tilt_of_20_degrees_changes_no_finding(void)
{
    struct phantom_options options;

    small_phantom(&options);
    options.tilt_degrees = 20;
    options.lesions = 2;
    truth_of(&options);
    CU_ASSERT_EQUAL(findings.labels.size[1], 96);
    CU_ASSERT(volume.size[1] > 96 + 16);
    CU_ASSERT_PTR_NOT_NULL(strstr(findings.warning[0], "48 slices were resampled to 48 planes of 1 mm"));
}

static void missing_slice_across_a_lesion_changes_no_finding(void)
{
    struct phantom_options options;

    small_phantom(&options);
    options.missing = 1;
    options.lesions = 2;
    truth_of(&options);
    CU_ASSERT_EQUAL(source.size[2], 47);
    CU_ASSERT_EQUAL(volume.size[2], 48);
    CU_ASSERT_EQUAL(findings.labels.size[2], 47);
    CU_ASSERT_PTR_NOT_NULL(strstr(findings.warning[0], "1 missing slice was interpolated"));
}

static void uneven_slices_change_no_finding(void)
{
    struct phantom_options options;

    small_phantom(&options);
    options.uneven = 0.3;
    options.lesions = 2;
    truth_of(&options);
}

/* 0.5 x 0.5 x 5 mm, a lesion at least 30 mm long: one of them fits. */
static void anisotropy_of_ten_changes_no_finding(void)
{
    struct phantom_options options;

    phantom_defaults(PHANTOM_CT, &options);
    options.spacing_mm[0] = options.spacing_mm[1] = 0.5;
    options.spacing_mm[2] = 5;
    options.size[0] = options.size[1] = 256;
    options.size[2] = 32;
    options.lesions = 1;
    truth_of(&options);
    options.missing = 1;
    truth_of(&options);
}

/* A region on an interpolated plane alone has no slice of its own, and gets the nearest one's. */
static void region_between_slices_goes_onto_the_nearest(void)
{
    static const double gap[] = { 0, 5, 15, 20, 25 };
    struct lesion lesion = { .label = 1, .low = { 3, 4, 2 }, .high = { 5, 4, 2 },
                             .axial_slice = 2, .voxels = 3 };

    begin(5, gap, 0, VOXEL_INT16);
    CU_ASSERT_FATAL(make_plan(1));
    memset(&findings, 0, sizeof findings);
    CU_ASSERT_FATAL(volume_take_like(&plan.grid, VOXEL_UINT8, UNIT_NONE, arena, &findings.labels, &err));
    memset(findings.labels.u8, 0, volume_count(&findings.labels));
    for (size_t i = 3; i <= 5; i++)
        findings.labels.u8[(2 * 30 + 4) * 40 + i] = 1;
    findings.lesion = &lesion;
    findings.count = findings.segment_count = 1;
    CU_ASSERT_FATAL(resample_findings_back(&plan, arena, &findings, &err));
    CU_ASSERT_EQUAL(lesion.low[2], lesion.high[2]);
    CU_ASSERT(lesion.low[2] == 1 || lesion.low[2] == 2);
    CU_ASSERT_EQUAL(lesion.axial_slice, lesion.low[2]);
    CU_ASSERT_EQUAL(findings.labels.u8[(lesion.low[2] * 30 + 4) * 40 + 4], 1);
    CU_ASSERT_EQUAL(lesion.voxels, 3);
}

/* An organ that is found on the grid lies on the slices; the body's box holds it. */
static void organs_go_onto_the_slices(void)
{
    static const double gap[] = { 0, 5, 15, 20, 25 };
    static struct organs organs = { .count = 2, .organ = { { .id = ORGAN_BODY, .found = true },
                                                           { .id = ORGAN_LIVER, .found = true } } };

    begin(5, gap, 0, VOXEL_INT16);
    CU_ASSERT_FATAL(make_plan(1) && plan.grid.size[2] == 6);
    CU_ASSERT_FATAL(volume_take_like(&plan.grid, VOXEL_UINT8, UNIT_NONE, arena, &organs.labels, &err));
    memset(organs.labels.u8, 0, volume_count(&organs.labels));
    for (size_t k = 0; k < 6; k++) {
        organs.labels.u8[(k * 30 + 3) * 40 + 2] = ORGAN_BODY;
        if (k >= 2 && k <= 4)
            organs.labels.u8[(k * 30 + 7) * 40 + 9] = ORGAN_LIVER;
    }
    CU_ASSERT_FATAL(resample_organs_back(&plan, arena, &organs, &err));
    CU_ASSERT_EQUAL(organs.labels.size[2], 5);
    CU_ASSERT_EQUAL(organs.labels.u8[(1 * 30 + 7) * 40 + 9], 0);        /* plane 2 has no slice */
    CU_ASSERT_EQUAL(organs.labels.u8[(2 * 30 + 7) * 40 + 9], ORGAN_LIVER);
    CU_ASSERT(organs.organ[1].low[2] == 2 && organs.organ[1].high[2] == 3);
    CU_ASSERT(organs.organ[1].low[0] == 9 && organs.organ[1].low[1] == 7);
    CU_ASSERT(organs.organ[0].low[2] == 0 && organs.organ[0].high[2] == 4);
    CU_ASSERT(organs.organ[0].low[0] == 2 && organs.organ[0].high[1] == 7);
}

static const struct runner_test tests[] = {
    TEST(where_slices_lie_decides_what_is_done),
    TEST(slices_that_cannot_be_resampled_end_in_their_sentence),
    TEST(any_positions_give_a_sound_plan_or_a_sentence),
    TEST(resampled_voxels_are_those_of_a_plain_formula),
    TEST(resampling_moves_nothing_in_patient_space),
    TEST(region_between_slices_goes_onto_the_nearest),
    TEST(organs_go_onto_the_slices),
    TEST(tilt_of_20_degrees_changes_no_finding),
    TEST(missing_slice_across_a_lesion_changes_no_finding),
    TEST(uneven_slices_change_no_finding),
    TEST(anisotropy_of_ten_changes_no_finding),
    { NULL, NULL }
};
const struct runner_suite suite_resample = { "resample", tests };
