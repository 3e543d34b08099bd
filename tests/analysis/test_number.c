#include <math.h>

#include "analysis/number.h"
#include "analysis/smooth.h"
#include "analysis/window.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

/* In units of the last place. */
static double off(double got, double want)
{
    return fabs(got - want) / (fabs(want) * 0x1p-52);
}

static void exponential_and_logarithm_are_right_to_some_last_places(void)
{
    double worst_exp = 0, worst_log = 0;

    for (int n = -70000; n <= 70000; n += 7) {
        const double x = n / 100.0;
        worst_exp = fmax(worst_exp, off(number_exp(x), exp(x)));
        worst_log = fmax(worst_log, off(number_log(exp(x)), log(exp(x))));
    }
    CU_ASSERT(worst_exp <= 3);
    CU_ASSERT(worst_log <= 3);
    CU_ASSERT_EQUAL(number_exp(0), 1);
    CU_ASSERT_EQUAL(number_log(1), 0);
    CU_ASSERT_EQUAL(number_exp(1e9), number_exp(700));
    CU_ASSERT_EQUAL(number_exp(-1e9), number_exp(-700));
}

static void sine_and_cosine_are_right_to_1e_15(void)
{
    double worst = 0;

    for (int n = -2000; n <= 2000; n++) {
        worst = fmax(worst, fabs(number_sin(n / 100.0) - sin(n / 100.0)));
        worst = fmax(worst, fabs(number_cos(n / 100.0) - cos(n / 100.0)));
    }
    CU_ASSERT(worst < 8e-15);       /* 20 radians are three turns: their 2 π rounds too */
}

/* ---- smoothing: the three-dimensional sum in doubles, from the kernel's definition ---- */

#define W 19
#define H 11
#define D 7

static double weight_at(double sigma, int radius, int r)
{
    double sum = 0;

    for (int n = -radius; n <= radius; n++)
        sum += exp(-0.5 * n * n / (sigma * sigma));
    return exp(-0.5 * r * r / (sigma * sigma)) / sum;
}

static int border(int at, int count)
{
    return at < 0 ? 0 : at >= count ? count - 1 : at;
}

static double smoothed(const uint16_t *level, const double sigma[3],
                       const struct kernel kernels[3], int i, int j, int k)
{
    double sum = 0;

    for (int c = -kernels[2].radius; c <= kernels[2].radius; c++)
        for (int b = -kernels[1].radius; b <= kernels[1].radius; b++)
            for (int a = -kernels[0].radius; a <= kernels[0].radius; a++)
                sum += weight_at(sigma[0], kernels[0].radius, a)
                    * weight_at(sigma[1], kernels[1].radius, b)
                    * weight_at(sigma[2], kernels[2].radius, c)
                    * level[(border(k + c, D) * H + border(j + b, H)) * W + border(i + a, W)];
    return sum;
}

/* Each of the three passes rounds once, to a half. */
static void smoothing_is_the_gaussian_to_two_levels(void)
{
    static const size_t size[3] = { W, H, D };
    const double sigma[3] = { 1, 0.8, 0.5 };
    struct kernel kernels[3];
    uint16_t level[W * H * D], got[W * H * D];
    struct error err;
    struct arena *arena = arena_new(1 << 24, &err);
    double worst = 0;

    for (int axis = 0; axis < 3; axis++)
        kernels[axis] = smooth_kernel(sigma[axis]);
    for (int at = 0; at < W * H * D; at++)
        got[at] = level[at] = at % 7 == 0 ? 4095 : (uint16_t)(at * 2654435761u >> 20);
    CU_ASSERT_FATAL(smooth_apply(got, size, kernels, 3, arena, &err));
    for (int k = 0, at = 0; k < D; k++)
        for (int j = 0; j < H; j++)
            for (int i = 0; i < W; i++, at++)
                worst = fmax(worst, fabs(got[at] - smoothed(level, sigma, kernels, i, j, k)));
    CU_ASSERT(worst > 0 && worst < 2);
    CU_ASSERT(arena_peak(arena) <= smooth_need(size) + 64);
    CU_ASSERT_EQUAL(smooth_kernel(0.1).radius, 0);
    arena_free(arena);
}

/* ---- window: values that no scanner sends, but a file may hold ---- */

static void window_of_values_beyond_all_limits_is_black_or_white(void)
{
    float value[5] = { NAN, -INFINITY, INFINITY, -3e38f, 3e38f };
    const struct volume volume = { .type = VOXEL_FLOAT32, .size = { 5, 1, 1 }, .f32 = value,
                                   .slope = 1 };
    uint8_t got[5];

    window_apply(&volume, window_make(40, 400), 0, 5, got);
    CU_ASSERT(got[0] == 0 && got[1] == 0 && got[2] == 255 && got[3] == 0 && got[4] == 255);
    window_apply(&volume, window_make(1e300, 1e300), 0, 5, got);
    CU_ASSERT_EQUAL(got[1], 0);
    window_apply(&volume, window_make(NAN, NAN), 0, 5, got);
    CU_ASSERT_EQUAL(got[4], 255);
}

static const struct runner_test tests[] = {
    TEST(exponential_and_logarithm_are_right_to_some_last_places),
    TEST(sine_and_cosine_are_right_to_1e_15),
    TEST(smoothing_is_the_gaussian_to_two_levels),
    TEST(window_of_values_beyond_all_limits_is_black_or_white),
    { NULL, NULL }
};
const struct runner_suite suite_number = { "number", tests };
