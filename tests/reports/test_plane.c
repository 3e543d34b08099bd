#include <math.h>
#include <string.h>

#include "analysis/window.h"
#include "reports/plane.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define SIZE 300                        /* as many pixels as voxels: nothing is stretched */

static struct error err;
static struct arena *arena;

/*
 * A cube of 1 mm voxels whose corner at the patient's right, front and head end is bright. The
 * grid axes run along patient axes `to` (0 L, 1 P, 2 S), with the given signs.
 */
static struct volume make_cube(const int to[3], const int sign[3])
{
    struct volume volume = { .type = VOXEL_INT16, .unit = UNIT_HU, .slope = 1, .even = true,
                             .size = { SIZE, SIZE, SIZE } };

    if (arena == NULL)
        arena = arena_new((size_t)128 << 20, &err);
    arena_reset(arena);
    volume.i16 = arena_take_zeroed(arena, volume_count(&volume), sizeof *volume.i16, &err);
    for (int axis = 0; axis < 3; axis++) {
        volume.affine[to[axis]][axis] = sign[axis];
        volume.affine[to[axis]][3] = sign[axis] > 0 ? 0 : SIZE - 1;
    }
    for (size_t k = 0; k < SIZE; k++)
        for (size_t j = 0; j < SIZE; j++)
            for (size_t i = 0; i < SIZE; i++) {
                const size_t at[3] = { i, j, k };
                bool bright = true;
                for (int axis = 0; axis < 3; axis++) {
                    const size_t along = sign[axis] > 0 ? at[axis] : SIZE - 1 - at[axis];
                    bright = bright && (to[axis] == 2 ? along >= SIZE - 40 : along < 40);
                }
                volume.i16[(k * SIZE + j) * SIZE + i] = bright ? 1000 : -1000;
            }
    return volume;
}

static int level(const struct canvas *canvas, size_t x, size_t y)
{
    return canvas->rgb[3 * (y * canvas->width + x)];
}

/* The plane through the corner has it at the named pixel and black opposite; the last has none. */
static void check_plane(const struct volume *volume, enum plane_kind kind, size_t index,
                        size_t x, size_t y)
{
    struct canvas canvas;

    CU_ASSERT_FATAL(plane_draw(volume, kind, index, 0, 100, arena, &canvas, &err));
    CU_ASSERT_EQUAL(canvas.width, SIZE);
    CU_ASSERT_EQUAL(canvas.height, SIZE);
    CU_ASSERT_EQUAL(level(&canvas, x, y), 255);
    CU_ASSERT_EQUAL(level(&canvas, SIZE - 1 - x, SIZE - 1 - y), 0);
    CU_ASSERT_EQUAL(level(&canvas, x, SIZE - 1 - y), 0);
    CU_ASSERT_EQUAL(level(&canvas, SIZE - 1 - x, y), 0);
    canvas_free(&canvas);
    CU_ASSERT_FATAL(plane_draw(volume, kind, SIZE - 1 - index, 0, 100, arena, &canvas, &err));
    CU_ASSERT_EQUAL(level(&canvas, x, y), 0);
    canvas_free(&canvas);
}

static void every_flip_and_permutation_is_shown_the_same_way(void)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
                                      { 2, 0, 1 }, { 2, 1, 0 } };

    for (int order = 0; order < 6; order++)
        for (int flips = 0; flips < 8; flips += order == 0 ? 1 : 7) {
            const int sign[3] = { flips & 1 ? -1 : 1, flips & 2 ? -1 : 1, flips & 4 ? -1 : 1 };
            const struct volume volume = make_cube(orders[order], sign);
            check_plane(&volume, PLANE_AXIAL, SIZE - 5, 10, 10);
            check_plane(&volume, PLANE_CORONAL, SIZE - 5, 10, 10);
            check_plane(&volume, PLANE_SAGITTAL, 5, 10, 10);
        }
}

static void thick_slices_become_square_pixels(void)
{
    struct volume volume = make_cube((const int[3]){ 0, 1, 2 }, (const int[3]){ 1, 1, 1 });
    struct plane_facts facts;

    volume.size[2] = 60;
    volume.affine[2][2] = 5;
    plane_describe(&volume, PLANE_CORONAL, &facts);
    CU_ASSERT_EQUAL(facts.count, SIZE);
    CU_ASSERT_EQUAL(facts.width, SIZE);
    CU_ASSERT_EQUAL(facts.height, 300);
    CU_ASSERT_EQUAL(facts.step_mm, 1);
    plane_describe(&volume, PLANE_AXIAL, &facts);
    CU_ASSERT_EQUAL(facts.count, 60);
    CU_ASSERT_EQUAL(facts.step_mm, 5);
}

static void a_plane_that_is_not_there_is_a_sentence(void)
{
    const struct volume volume = make_cube((const int[3]){ 0, 1, 2 }, (const int[3]){ 1, 1, 1 });
    struct canvas canvas;

    CU_ASSERT_FALSE(plane_draw(&volume, PLANE_AXIAL, SIZE, 0, 100, arena, &canvas, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_USAGE);
    CU_ASSERT_STRING_EQUAL(err.text, "there are 300 axial planes, and 300 is none of them");
}

static void a_window_is_found_among_values_that_are_none(void)
{
    static float values[1000];
    struct volume volume = { .type = VOXEL_FLOAT32, .unit = UNIT_ARBITRARY, .slope = 1,
                             .size = { 10, 10, 10 }, .f32 = values };
    double center = 0, width = 0;

    if (arena == NULL)
        arena = arena_new((size_t)128 << 20, &err);
    for (int i = 0; i < 1000; i++)
        values[i] = (float)i;
    values[3] = NAN;
    values[4] = INFINITY;
    CU_ASSERT_FATAL(plane_window(&volume, arena, &center, &width, &err));
    CU_ASSERT_DOUBLE_EQUAL(center, 500, 3);
    CU_ASSERT_DOUBLE_EQUAL(width, 980, 5);
    for (int i = 0; i < 1000; i++)
        values[i] = NAN;
    CU_ASSERT_FATAL(plane_window(&volume, arena, &center, &width, &err));
    CU_ASSERT_EQUAL(width, 1);
}

static const struct runner_test tests[] = {
    TEST(every_flip_and_permutation_is_shown_the_same_way),
    TEST(thick_slices_become_square_pixels),
    TEST(a_plane_that_is_not_there_is_a_sentence),
    TEST(a_window_is_found_among_values_that_are_none),
    { NULL, NULL }
};
const struct runner_suite suite_plane = { "plane", tests };
