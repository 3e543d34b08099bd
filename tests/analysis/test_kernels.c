/* Kernels against naive twins: brute force, on random and on extreme voxels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"
#include "analysis/mask.h"
#include "analysis/measure.h"
#include "analysis/otsu.h"
#include "analysis/window.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static struct error err;
static uint32_t state = 1;

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* ---- window: PS3.3 C.11.2.1.2.1 in long double, with its half-open limits ---- */

static int standard_window(long double x, long double center, long double width)
{
    if (x <= center - 0.5L - (width - 1) / 2)
        return 0;
    if (x > center - 0.5L + (width - 1) / 2)
        return 255;
    return (int)floorl(((x - (center - 0.5L)) / (width - 1) + 0.5L) * 255 + 0.5L);
}

static void window_is_the_standards_for_all_stored_values(void)
{
    static const double windows[][2] = { { 40, 400 }, { 2048, 4096 }, { 0, 100 }, { 0, 1 },
                                         { 40.5, 2 }, { -600, 1500 }, { 0.0625, 33.5 },
                                         { 30000, 65535 } };
    static int16_t voxel[65536];
    static uint8_t got[65536];
    const struct volume volume = { .type = VOXEL_INT16, .size = { 65536, 1, 1 }, .i16 = voxel,
                                   .slope = 1 };
    int wrong = 0;

    for (int i = 0; i < 65536; i++)
        voxel[i] = (int16_t)(i - 32768);
    for (size_t n = 0; n < sizeof windows / sizeof *windows; n++) {
        window_apply(&volume, window_make(windows[n][0], windows[n][1]), 0, 65536, got);
        for (int i = 0; i < 65536; i++)
            wrong += got[i] != standard_window(i - 32768, windows[n][0], windows[n][1]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(window_value16(window_make(0, 100), -50 * 16), 0);
    CU_ASSERT_EQUAL(window_value16(window_make(0, 100), 50 * 16), 255);
    CU_ASSERT_EQUAL(window_make(0, 0.3).width16, 16);
}

/*
 * What is fast for 16-bit voxels, against one value at a time: all stored values, and then in any
 * order, on one thread and on three. Slopes and windows that floats do not hold are among them.
 */
static void window_is_fast_and_the_same_for_any_window_and_slope(void)
{
    enum { COUNT = 600001 };
    static const double slopes[] = { 1, 1, 1, -1, 0.25, 0.3, 1e-3, 0, 1e9, -1e300, INFINITY, NAN };
    static const double intercepts[] = { 0, -1024, 0.5, -1e7, INFINITY, NAN, 1e300 };
    static const double widths[] = { 0, 1, 1.5, 2, 33.3, 400, 4096, 65536, 1e6, 1e12, NAN };
    int16_t *const voxel = malloc(COUNT * sizeof *voxel);
    uint8_t *const got = malloc(2 * COUNT);
    size_t wrong = 0;

    CU_ASSERT_FATAL(voxel != NULL && got != NULL);
    for (int i = 0; i < COUNT; i++)
        voxel[i] = (int16_t)(i < 65536 ? i - 32768 : (int)(chance() % 65536) - 32768);
    for (int round = 0; round < 400; round++) {
        const double center = round % 3 == 0 ? 0 : (double)(int)(chance() % 4000) - 2000.0625;
        const double width = round % 2 == 0 ? widths[chance() % 11] : chance() % 5000 + 1;
        const struct window window = window_make(center, width);
        const struct volume volume = { .type = VOXEL_INT16, .i16 = voxel,
                                       .size = { round % 50 == 0 ? COUNT : 65536, 1, 1 },
                                       .slope = slopes[chance() % 12],
                                       .intercept = intercepts[chance() % (round % 4 == 0 ? 7 : 3)] };
        const size_t count = volume.size[0];
        window_apply_all(&volume, window, 3, got);
        window_apply(&volume, window, 0, count, got + COUNT);
        CU_ASSERT_EQUAL(memcmp(got, got + COUNT, count), 0);
        for (size_t i = 0; i < count; i++)
            wrong += got[i] != window_value(window, voxel[i] * volume.slope + volume.intercept);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(voxel);
    free(got);
}

/* ---- Otsu: all pairs, variances from their definition ---- */

static double between_variance(const uint64_t *histogram, int low, int high)
{
    double count[3] = { 0 }, sum[3] = { 0 }, total = 0, mean = 0, between = 0;

    for (int i = 0; i < OTSU_BINS; i++) {
        const int class = (i > low) + (i > high);
        count[class] += (double)histogram[i];
        sum[class] += (double)histogram[i] * i;
        total += (double)histogram[i];
        mean += (double)histogram[i] * i;
    }
    mean /= total;
    for (int c = 0; c < 3; c++)
        if (count[c] > 0)
            between += count[c] * pow(sum[c] / count[c] - mean, 2);
    return between;
}

static void otsu_finds_the_largest_variance_of_all_pairs(void)
{
    for (int round = 0; round < 5; round++) {
        uint64_t histogram[OTSU_BINS] = { 0 };
        int threshold[2] = { 0, 0 };
        double best = 0;
        for (int n = 0; n < 5000; n++)
            histogram[(40 + 60 * (chance() % 3) + chance() % 40 + chance() % 20) % OTSU_BINS]++;
        CU_ASSERT(otsu3(histogram, threshold));
        for (int low = 0; low < OTSU_BINS - 2; low++)
            for (int high = low + 1; high < OTSU_BINS - 1; high++)
                best = fmax(best, between_variance(histogram, low, high));
        CU_ASSERT_DOUBLE_EQUAL(between_variance(histogram, threshold[0], threshold[1]) / best,
                               1, 1e-12);
    }
    uint64_t two[OTSU_BINS] = { [3] = 5, [200] = 7 };
    int threshold[2];
    CU_ASSERT_FALSE(otsu3(two, threshold));
    CU_ASSERT(otsu2(two, threshold) && threshold[0] >= 3 && threshold[0] < 200);
}

/* ---- components and masks: flood fill and neighbours by their definition ---- */

#define W 17
#define H 13
#define D 9
#define COUNT (W * H * D)

static const size_t size[3] = { W, H, D };

static int inside(int i, int j, int k)
{
    return i >= 0 && i < W && j >= 0 && j < H && k >= 0 && k < D;
}

static void flood(const uint8_t *mask, int *label, int i, int j, int k, int number, int reach)
{
    if (!inside(i, j, k) || !mask[(k * H + j) * W + i] || label[(k * H + j) * W + i])
        return;
    label[(k * H + j) * W + i] = number;
    for (int c = -1; c <= 1; c++)
        for (int b = -1; b <= 1; b++)
            for (int a = -1; a <= 1; a++)
                if (abs(a) + abs(b) + abs(c) <= reach)
                    flood(mask, label, i + a, j + b, k + c, number, reach);
}

/* `reach`: how many of the three places neighbours may differ in, 1 for faces to 3 for corners. */
static void compare_components(const uint8_t *mask, struct arena *arena, int reach)
{
    static const enum connectivity kinds[] = { CONNECTIVITY_6, CONNECTIVITY_18, CONNECTIVITY_26 };
    static int label[COUNT];
    uint8_t painted[COUNT];
    struct components parts;
    int number = 0;

    memset(label, 0, sizeof label);
    for (int at = 0; at < COUNT; at++)
        if (mask[at] && !label[at])
            flood(mask, label, at % W, at / W % H, at / W / H, ++number, reach);
    CU_ASSERT_FATAL(components_find(mask, size, 1, kinds[reach - 1], arena, &parts, &err));
    CU_ASSERT_EQUAL_FATAL(parts.count, (size_t)number);
    for (int n = 0; n < number; n++) {          /* both count in the order of first voxels */
        memset(painted, 0, sizeof painted);
        components_paint(&parts, (size_t)n, 1, painted);
        int wrong = 0;
        size_t voxels = 0;
        for (int at = 0; at < COUNT; at++) {
            wrong += painted[at] != (label[at] == n + 1);
            voxels += painted[at];
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(voxels, parts.component[n].voxels);
    }
}

static void components_equal_a_flood_fill(void)
{
    struct arena *arena = arena_new(1 << 24, &err);
    uint8_t mask[COUNT];

    for (unsigned density = 0; density <= 100; density += 10)
        for (int reach = 1; reach <= 3; reach++) {
            for (int at = 0; at < COUNT; at++)
                mask[at] = chance() % 100 < density;
            arena_reset(arena);
            compare_components(mask, arena, reach);
        }
    arena_free(arena);
}

/* Runs are found 64 voxels at a time: beside one by one, for widths around that. */
static void runs_of_rows_of_any_width_are_those_counted_one_by_one(void)
{
    static const size_t widths[] = { 1, 7, 8, 63, 64, 65, 71, 127, 128, 129, 200, 512 };
    struct arena *const arena = arena_new(1 << 24, &err);
    uint8_t mask[512 * 6];

    for (size_t round = 0; round < 12 * 8; round++) {
        const size_t rows[3] = { widths[round % 12], 3, 2 };
        const unsigned density = 1 + (unsigned)(round / 12) * 5;
        struct components parts;
        size_t run = 0, wrong = 0;
        for (size_t at = 0; at < sizeof mask; at++)
            mask[at] = (uint8_t)(chance() % density == 0 ? 200 : chance() % 2 * 201);
        CU_ASSERT_FATAL(components_find(mask, rows, 200, CONNECTIVITY_26, arena, &parts, &err));
        for (size_t at = 0; at < rows[0] * 6 && run < parts.run_count; at++) {
            const size_t i = at % rows[0];
            if (mask[at] != 200)
                continue;
            wrong += (i == 0 || mask[at - 1] != 200) && parts.run[run].first != i;
            wrong += run < parts.row[at / rows[0]] || run >= parts.row[at / rows[0] + 1];
            if (i + 1 == rows[0] || mask[at + 1] != 200)
                wrong += parts.run[run++].last != i;
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(run, parts.run_count);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void erosion_and_dilation_follow_their_definition(void)
{
    uint8_t mask[COUNT], eroded[COUNT], dilated[COUNT];
    int wrong = 0;

    for (int at = 0; at < COUNT; at++)
        mask[at] = chance() % 100 < 60;
    mask_erode(mask, eroded, size, 3);
    mask_dilate(mask, dilated, size, 1);
    for (int at = 0; at < COUNT; at++) {
        static const int step[6][3] = { { 1, 0, 0 }, { -1, 0, 0 }, { 0, 1, 0 }, { 0, -1, 0 },
                                        { 0, 0, 1 }, { 0, 0, -1 } };
        int all = mask[at], any = mask[at];
        for (int n = 0; n < 6; n++) {
            const int i = at % W + step[n][0], j = at / W % H + step[n][1];
            const int k = at / W / H + step[n][2];
            if (!inside(i, j, k))
                continue;
            all &= mask[(k * H + j) * W + i];
            any |= mask[(k * H + j) * W + i];
        }
        wrong += eroded[at] != all;
        wrong += dilated[at] != any;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void holes_are_filled_and_bays_are_not(void)
{
    struct arena *arena = arena_new(1 << 24, &err);
    uint8_t mask[COUNT] = { 0 };

    for (int k = 2; k < 7; k++)
        for (int j = 2; j < 8; j++)
            for (int i = 2; i < 9; i++)
                mask[(k * H + j) * W + i] = 1;
    mask[(4 * H + 5) * W + 5] = 0;                      /* a hole */
    mask[(4 * H + 5) * W + 8] = 0;                      /* a bay */
    CU_ASSERT(components_fill_holes(mask, size, false, arena, &err));
    CU_ASSERT_EQUAL(mask[(4 * H + 5) * W + 5], 1);
    CU_ASSERT_EQUAL(mask[(4 * H + 5) * W + 8], 0);
    CU_ASSERT_EQUAL(mask[0], 0);
    arena_free(arena);
}

/* ---- measures: every pair of points ---- */

static double mm(const struct volume *volume, const double a[3], const double b[3])
{
    double p[3], q[3];

    volume_to_patient(volume, a, p);
    volume_to_patient(volume, b, q);
    return sqrt(pow(p[0] - q[0], 2) + pow(p[1] - q[1], 2) + pow(p[2] - q[2], 2));
}

/* The middles of the six faces of each voxel; corners in the plane when k says so. */
static size_t points_of(const uint8_t *label, int only_k, double (*to)[3])
{
    size_t count = 0;

    for (int at = 0; at < COUNT; at++) {
        const double v[3] = { at % W, at / W % H, at / W / H };
        if (label[at] != 1 || (only_k >= 0 && at / W / H != only_k))
            continue;
        for (int n = 0; n < (only_k >= 0 ? 4 : 6); n++, count++) {
            memcpy(to[count], v, sizeof v);
            if (only_k >= 0) {
                to[count][0] += n % 2 ? 0.5 : -0.5;
                to[count][1] += n / 2 ? 0.5 : -0.5;
            } else {
                to[count][n / 2] += n % 2 ? 0.5 : -0.5;
            }
        }
    }
    return count;
}

static double longest_pair(const struct volume *volume, double (*points)[3], size_t count)
{
    double longest = 0;

    for (size_t a = 0; a < count; a++)
        for (size_t b = a + 1; b < count; b++)
            longest = fmax(longest, mm(volume, points[a], points[b]));
    return longest;
}

static void diameters_and_sums_equal_brute_force(void)
{
    static double points[6 * COUNT][3];
    static float value[COUNT];
    uint8_t label[COUNT];
    struct arena *arena = arena_new(1 << 24, &err);
    struct volume volume = { .type = VOXEL_FLOAT32, .size = { W, H, D }, .f32 = value, .slope = 1,
        .even = true, .affine = { { 0.8, 0.1, 0.5, -3 }, { -0.1, 0.9, 0, 5 }, { 0, 0.2, 2.5, 7 } } };
    struct volume labels = volume;

    labels.type = VOXEL_UINT8;
    labels.u8 = label;
    for (int round = 0; round < 6; round++) {
        double sum = 0, axial = 0;
        size_t voxels = 0;
        struct lesion lesion = { .label = 1, .high = { W - 1, H - 1, D - 1 } };
        for (int at = 0; at < COUNT; at++) {
            const double x = at % W - 8.0, y = at / W % H - 6.0, z = at / W / H - 4.0;
            label[at] = x * x / 30 + y * y / 20 + z * z / (4 + round) < 1 && chance() % 8 != 0;
            value[at] = (float)(chance() % 1000) - 300;
            sum += label[at] ? value[at] : 0;
            voxels += label[at];
        }
        CU_ASSERT_FATAL(measure_lesion(&volume, &labels, &lesion, arena, &err));
        for (int k = 0; k < D; k++)
            axial = fmax(axial, longest_pair(&volume, points, points_of(label, k, points)));
        CU_ASSERT_DOUBLE_EQUAL(lesion.longest_mm,
            longest_pair(&volume, points, points_of(label, -1, points)), 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(lesion.axial_long_mm, axial, 1e-9);
        CU_ASSERT(lesion.axial_short_mm > 0 && lesion.axial_short_mm <= lesion.axial_long_mm + 1e-9);
        CU_ASSERT_EQUAL(lesion.voxels, voxels);
        CU_ASSERT_DOUBLE_EQUAL(lesion.mean, sum / (double)voxels, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(lesion.volume_mm3,
                               (double)voxels * volume_voxel_mm3(&volume, 0), 1e-6);
    }
    struct lesion none = { .label = 9, .high = { W - 1, H - 1, D - 1 } };
    CU_ASSERT_FALSE(measure_lesion(&volume, &labels, &none, arena, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "measuring region 9: no voxel has label 9");
    arena_free(arena);
}

/* 4 × 2 pixels of 1 mm: the long axis is the diagonal, the chord across it can be computed. */
static void short_axis_of_a_rectangle_is_known(void)
{
    uint8_t label[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    int16_t value[8] = { 0 };
    struct arena *arena = arena_new(1 << 20, &err);
    const struct volume volume = { .type = VOXEL_INT16, .size = { 4, 2, 1 }, .i16 = value,
        .slope = 1, .even = true,
        .affine = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } } };
    struct volume labels = volume;
    struct lesion lesion = { .label = 1, .high = { 3, 1, 0 } };

    labels.type = VOXEL_UINT8;
    labels.u8 = label;
    CU_ASSERT_FATAL(measure_lesion(&volume, &labels, &lesion, arena, &err));
    CU_ASSERT_DOUBLE_EQUAL(lesion.axial_long_mm, sqrt(20), 1e-9);
    /* perpendicular to (2, 1): from an edge of height 2, along (-1, 2): length √5 */
    CU_ASSERT_DOUBLE_EQUAL(lesion.axial_short_mm, sqrt(5), 1e-9);
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(window_is_the_standards_for_all_stored_values),
    TEST(window_is_fast_and_the_same_for_any_window_and_slope),
    TEST(otsu_finds_the_largest_variance_of_all_pairs),
    TEST(components_equal_a_flood_fill),
    TEST(runs_of_rows_of_any_width_are_those_counted_one_by_one),
    TEST(erosion_and_dilation_follow_their_definition),
    TEST(holes_are_filled_and_bays_are_not),
    TEST(diameters_and_sums_equal_brute_force),
    TEST(short_axis_of_a_rectangle_is_known),
    { NULL, NULL }
};
const struct runner_suite suite_kernels = { "kernels", tests };
