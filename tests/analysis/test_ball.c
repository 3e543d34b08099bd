/* Ball against its definition: every voxel of the ball around every voxel, one by one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/ball.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define LARGEST 8192

static struct error err;
static uint32_t state = 3;
static uint8_t mask[LARGEST], wanted[LARGEST], middle[LARGEST], got[LARGEST];

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* Outside the grid: background for dilation, foreground for erosion. */
static void plain(bool dilate, const uint8_t *from, uint8_t *to, const size_t size[3],
                  const double spacing[3], double radius)
{
    const long n[3] = { (long)size[0], (long)size[1], (long)size[2] };

    for (long z = 0; z < n[2]; z++)
        for (long y = 0; y < n[1]; y++)
            for (long x = 0; x < n[0]; x++) {
                bool hit = false;
                for (long w = 0; w < n[2]; w++)
                    for (long v = 0; v < n[1]; v++)
                        for (long u = 0; u < n[0]; u++) {
                            const double a = (double)(u - x) * spacing[0];
                            const double b = (double)(v - y) * spacing[1];
                            const double c = (double)(w - z) * spacing[2];
                            if (a * a + b * b + c * c <= radius * radius * (1 + 1e-9))
                                hit |= (from[(w * n[1] + v) * n[0] + u] != 0) == dilate;
                        }
                to[(z * n[1] + y) * n[0] + x] = hit == dilate;
            }
}

static void ball_does_to_random_masks_what_its_definition_says(void)
{
    static const size_t sizes[][3] = { { 70, 5, 4 }, { 7, 9, 6 }, { 64, 3, 2 }, { 129, 2, 1 }, { 1, 8, 9 } };
    static const double spacings[][3] = { { 1, 1, 1 }, { 0.5, 0.5, 5 }, { 2, 1, 0.7 } };
    static const double radii[] = { 0, 1, 2, 3.5, 40 };

    for (size_t t = 0; t < 5 * 3 * 5; t++) {
        const size_t *const size = sizes[t % 5];
        const double *const spacing = spacings[t / 5 % 3], radius = radii[t / 15];
        const size_t count = size[0] * size[1] * size[2];
        const unsigned density = 2 + t % 9;
        struct arena *const arena = arena_new(ball_need(size, spacing, radius), &err);
        CU_ASSERT_FATAL(arena != NULL);
        for (size_t n = 0; n < count; n++)
            mask[n] = (uint8_t)(chance() % density == 0 ? 1 + chance() % 255 : 0);
        for (int operation = BALL_ERODE; operation <= BALL_CLOSE; operation++) {
            const bool dilate = operation == BALL_DILATE || operation == BALL_CLOSE;
            plain(dilate, mask, wanted, size, spacing, radius);
            if (operation >= BALL_OPEN) {
                memcpy(middle, wanted, count);
                plain(!dilate, middle, wanted, size, spacing, radius);
            }
            memcpy(got, mask, count);
            CU_ASSERT(ball_apply((enum ball_operation)operation, got, got, size, spacing, radius,
                                 1 + (int)(t % 3), arena, &err));
            CU_ASSERT_EQUAL(memcmp(got, wanted, count), 0);
        }
        CU_ASSERT_EQUAL(arena_used(arena), 0);
        arena_free(arena);
    }
}

static void ball_refuses_what_is_no_ball(void)
{
    const size_t size[3] = { 4, 4, 4 };
    const double good[3] = { 1, 1, 1 }, flat[3] = { 1, 0, 1 }, fine[3] = { 1e-3, 1, 1 };
    struct arena *const arena = arena_new(1 << 16, &err);

    CU_ASSERT_FALSE(ball_apply(BALL_CLOSE, mask, got, size, flat, 1, 1, arena, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_DATA);
    CU_ASSERT_FALSE(ball_apply(BALL_CLOSE, mask, got, size, good, NAN, 1, arena, &err));
    CU_ASSERT_FALSE(ball_apply(BALL_CLOSE, mask, got, size, good, -1, 1, arena, &err));
    CU_ASSERT_FALSE(ball_apply(BALL_CLOSE, mask, got, size, fine, 1, 1, arena, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    CU_ASSERT_FALSE(ball_apply(BALL_CLOSE, mask, got, size, good, 200, 1, arena, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);         /* its rows do not fit the arena */
    CU_ASSERT_EQUAL(arena_used(arena), 0);
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(ball_does_to_random_masks_what_its_definition_says),
    TEST(ball_refuses_what_is_no_ball),
    { NULL, NULL }
};
const struct runner_suite suite_ball = { "ball", tests };
