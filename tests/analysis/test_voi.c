/* VOI against the text of PS3.3 C.11.2.1.2 and C.11.2.1.3, in long double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/voi.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/volume.h"

#define COUNT 200003

static struct error err;
static uint32_t state = 11;

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static long double standard(const struct voi *voi, double x)
{
    const long double c = voi->center, w = voi->width;

    if (voi->function == VOI_SIGMOID)
        return 255 / (1 + expl(-4 * (x - c) / w));
    if (x <= c - w / 2)
        return 0;
    if (x > c + w / 2)
        return 255;
    return ((x - c) / w + 0.5L) * 255;
}

/*
 * Off by nothing, but where the formula itself lies so near to a half that its own rounding decides;
 * of those the exact halves, as of whole centres and widths, still count for LINEAR_EXACT.
 */
static bool is_right(const struct voi *voi, double x, uint8_t got)
{
    const long double y = standard(voi, x), rounded = floorl(y + 0.5L);

    if (fabsl(y + 0.5L - rounded) < 1e-14L || fabsl(y + 0.5L - rounded) > 1 - 1e-14L)
        return fabsl(got - y) <= 0.5L + 1e-13L;
    return got == rounded;
}

static void voi_is_the_standards_for_all_stored_values(void)
{
    static const double centers[] = { 0, 40, -600.5, 40.3, 1e-3, 30000, -1e5 };
    static const double widths[] = { 1e-3, 0.1, 1, 2, 33.3, 400, 4095, 65536, 1e6 };
    int16_t *const voxel = malloc(65536 * sizeof *voxel);
    uint8_t *const got = malloc(65536);
    size_t wrong = 0, not_same = 0;

    CU_ASSERT_FATAL(voxel != NULL && got != NULL);
    for (int i = 0; i < 65536; i++)
        voxel[i] = (int16_t)(i - 32768);
    for (int function = VOI_LINEAR_EXACT; function <= VOI_SIGMOID; function++)
        for (size_t c = 0; c < 7; c++)
            for (size_t w = 0; w < 9; w++) {
                const struct voi voi = { (enum voi_function)function, centers[c], widths[w] };
                const struct volume volume = { .type = VOXEL_INT16, .size = { 256, 256, 1 }, .i16 = voxel,
                                               .slope = c % 2 ? 1 : -0.37, .intercept = c == 3 ? -1024 : 0 };
                voi_apply(&voi, &volume, 2, got);
                for (size_t i = 0; i < 65536; i++) {
                    const double x = volume_value(&volume, i);
                    wrong += !is_right(&voi, x, got[i]);
                    not_same += got[i] != voi_value(&voi, x);
                }
            }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(not_same, 0);
    free(voxel);
    free(got);
}

/* Values of all sizes, and those beside the places where the byte changes. */
static float any_float(const struct voi *voi)
{
    static const float extreme[] = { INFINITY, -INFINITY, NAN, 0, -0.0f, 3e38f, -3e38f, 1e-45f };
    const unsigned kind = chance() % 8;

    if (kind == 0)
        return extreme[chance() % 8];
    if (kind == 1)
        return nextafterf((float)(voi->center + ((double)(int)(chance() % 256) - 128) / 255 * voi->width),
                          chance() % 2 ? INFINITY : -INFINITY);
    return (float)(voi->center + voi->width * ((double)(chance() % 200001) / 100000 - 1));
}

static void voi_of_floats_is_the_standards_too(void)
{
    static const double windows[][2] = { { 0, 1 }, { 0.5, 1 }, { 1.5e-3, 3e-3 }, { 2.5, 7 }, { 40.3, 400.7 },
                                         { -1e6, 1e7 } };
    float *const voxel = malloc(COUNT * sizeof *voxel);
    uint8_t *const got = malloc(COUNT);
    size_t wrong = 0, not_same = 0;

    CU_ASSERT_FATAL(voxel != NULL && got != NULL);
    for (int function = VOI_LINEAR; function <= VOI_SIGMOID; function++)
        for (size_t n = 0; n < 6; n++) {
            const struct voi voi = { (enum voi_function)function, windows[n][0], windows[n][1] };
            const struct volume volume = { .type = VOXEL_FLOAT32, .size = { COUNT, 1, 1 }, .f32 = voxel };
            for (size_t i = 0; i < COUNT; i++)
                voxel[i] = any_float(&voi);
            voi_apply(&voi, &volume, 1 + (int)(n % 3), got);
            for (size_t i = 0; i < COUNT; i++) {
                not_same += got[i] != voi_value(&voi, voxel[i]);
                wrong += function != VOI_LINEAR && !isnan(voxel[i])
                    && !is_right(&voi, voxel[i], got[i]);
                wrong += isnan(voxel[i]) && got[i] != 0;
            }
        }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(not_same, 0);
    free(voxel);
    free(got);
}

/* By hand, from the formulas: halves go up, and the limits are half open. */
static void voi_has_the_values_worked_out_by_hand(void)
{
    const struct voi exact = { VOI_LINEAR_EXACT, 0, 100 }, sigmoid = { VOI_SIGMOID, 10, 4 };
    const struct voi linear = { VOI_LINEAR, 2048, 4096 };

    CU_ASSERT_EQUAL(voi_value(&exact, -50), 0);
    CU_ASSERT_EQUAL(voi_value(&exact, 50), 255);
    CU_ASSERT_EQUAL(voi_value(&exact, 0), 128);     /* 127.5 */
    CU_ASSERT_EQUAL(voi_value(&exact, nextafter(0, -1)), 127);
    CU_ASSERT_EQUAL(voi_value(&exact, 49.8), 254);  /* 254.49 */
    CU_ASSERT_EQUAL(voi_value(&sigmoid, 10), 128);
    CU_ASSERT_EQUAL(voi_value(&sigmoid, 11), 186);  /* 255 / (1 + 1/e) = 186.42 */
    CU_ASSERT_EQUAL(voi_value(&sigmoid, 9), 69);    /* 68.58 */
    CU_ASSERT_EQUAL(voi_value(&sigmoid, -1e300), 0);
    CU_ASSERT_EQUAL(voi_value(&sigmoid, INFINITY), 255);
    CU_ASSERT_EQUAL(voi_value(&linear, 0), 0);
    CU_ASSERT_EQUAL(voi_value(&linear, 4095), 255);
}

static void voi_refuses_what_is_no_window(void)
{
    static const struct voi bad[] = { { VOI_LINEAR, 0, 0.5 }, { VOI_LINEAR_EXACT, 0, 0 }, { VOI_SIGMOID, 0, -1 },
                                      { VOI_SIGMOID, NAN, 1 }, { VOI_LINEAR_EXACT, 0, INFINITY } };
    enum voi_function function;

    for (size_t n = 0; n < 5; n++) {
        CU_ASSERT_FALSE(voi_check(&bad[n], &err));
        CU_ASSERT_EQUAL(err.code, ERROR_DATA);
    }
    CU_ASSERT(voi_check(&(struct voi){ VOI_LINEAR, -600, 1 }, &err));
    CU_ASSERT(voi_function_named("SIGMOID", &function) && function == VOI_SIGMOID);
    CU_ASSERT(voi_function_named("", &function) && function == VOI_LINEAR);
    CU_ASSERT_FALSE(voi_function_named("linear", &function));
}

static const struct runner_test tests[] = {
    TEST(voi_is_the_standards_for_all_stored_values),
    TEST(voi_of_floats_is_the_standards_too),
    TEST(voi_has_the_values_worked_out_by_hand),
    TEST(voi_refuses_what_is_no_window),
    { NULL, NULL }
};
const struct runner_suite suite_voi = { "voi", tests };
