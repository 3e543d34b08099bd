/* Synthesis: a disc becomes the ellipsoid that geometry knows; what was seen stays what it was. */
#include "analysis/synthesis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define SIDE 128

static struct error err;
static uint8_t slice[SIDE * SIDE];
static struct synthesis synthesis;

static struct volume volume_of(double column_mm, double row_mm)
{
    return (struct volume){ .type = VOXEL_UINT8, .size = { SIDE, SIDE, 1 }, .u8 = slice, .slope = 1,
                            .even = true,
                            .affine = { { column_mm, 0, 0, -20 }, { 0, 0, 1, 30 }, { 0, -row_mm, 0, 40 } } };
}

static void disc(double x, double y, double radius_mm, double column_mm, double row_mm, uint8_t label)
{
    for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++) {
            const double dx = (i - x) * column_mm, dy = (j - y) * row_mm;
            if (dx * dx + dy * dy <= radius_mm * radius_mm)
                slice[j * SIDE + i] = label;
        }
}

/* At 0.5 mm a ball of 12 mm radius is known to 2 %. */
static void a_disc_becomes_an_ellipsoid(void)
{
    static const double depths[] = { 24, 12, 40 };
    struct arena *const arena = arena_new((size_t)256 << 20, &err);
    const struct volume labels = volume_of(0.5, 0.5);

    memset(slice, 0, sizeof slice);
    disc(64, 64, 12, 0.5, 0.5, 1);
    for (size_t n = 0; n < sizeof depths / sizeof *depths; n++) {
        arena_reset(arena);
        CU_ASSERT_FATAL(synthesis_make(&labels, 1, depths[n], arena, &synthesis, &err));
        const double mm3 = (double)synthesis.voxels[1] * volume_voxel_mm3(&synthesis.labels, 0);
        CU_ASSERT_DOUBLE_EQUAL(mm3 / (4.0 / 3 * M_PI * 12 * 12 * depths[n] / 2), 1, 0.03);
        CU_ASSERT_DOUBLE_EQUAL(synthesis.longest_voxels[1] * 0.5, fmax(24, depths[n]), 1.1);
    }
    arena_free(arena);
}

/* The middle slice is the one that was seen, at its place in the patient; the others mirror each other. */
static void what_was_seen_is_in_the_middle(void)
{
    struct arena *const arena = arena_new((size_t)256 << 20, &err);
    const struct volume labels = volume_of(0.7, 1.1);
    double seen[3], made[3];

    memset(slice, 0, sizeof slice);
    disc(40, 50, 15, 0.7, 1.1, 1);
    disc(90, 80, 9, 0.7, 1.1, 2);
    disc(0, 127, 6, 0.7, 1.1, 3);       /* cut by the corner */
    CU_ASSERT_FATAL(synthesis_make(&labels, 3, 20, arena, &synthesis, &err));
    const struct volume *const body = &synthesis.labels;
    const size_t middle = body->size[2] / 2, pixels = SIDE * SIDE;
    CU_ASSERT_EQUAL(body->size[2] % 2, 1);
    CU_ASSERT_EQUAL(memcmp(body->u8 + middle * pixels, slice, pixels), 0);
    volume_to_patient(&labels, (const double[3]){ 7, 9, 0 }, seen);
    volume_to_patient(body, (const double[3]){ 7, 9, (double)middle }, made);
    for (int axis = 0; axis < 3; axis++)
        CU_ASSERT_DOUBLE_EQUAL(seen[axis], made[axis], 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(volume_spacing_mm(body, 2), 0.7, 1e-12);
    for (size_t k = 1; k <= middle; k++) {
        CU_ASSERT_EQUAL(memcmp(body->u8 + (middle + k) * pixels, body->u8 + (middle - k) * pixels, pixels), 0);
        for (size_t i = 0; i < pixels; i++)     /* it narrows, and nothing is beside what was seen */
            if (body->u8[(middle + k) * pixels + i] != 0
                && body->u8[(middle + k) * pixels + i] != body->u8[(middle + k - 1) * pixels + i])
                CU_FAIL("wider than the slice below it");
    }
    size_t sum = 0;
    for (size_t i = 0; i < volume_count(body); i++)
        sum += body->u8[i] == 3;
    CU_ASSERT_EQUAL(sum, synthesis.voxels[3]);
    arena_free(arena);
}

static void what_is_no_slice_or_no_depth_is_refused(void)
{
    struct arena *const arena = arena_new((size_t)16 << 20, &err);
    struct volume labels = volume_of(1, 1);

    memset(slice, 0, sizeof slice);
    CU_ASSERT(synthesis_make(&labels, 0, 20, arena, &synthesis, &err));
    CU_ASSERT_FALSE(synthesis_make(&labels, 1, 0, arena, &synthesis, &err));
    CU_ASSERT_FALSE(synthesis_make(&labels, 1, NAN, arena, &synthesis, &err));
    CU_ASSERT_FALSE(synthesis_make(&labels, 1, 501, arena, &synthesis, &err));
    CU_ASSERT_FALSE(synthesis_make(&labels, 21, 20, arena, &synthesis, &err));
    labels.size[2] = 2;
    CU_ASSERT_FALSE(synthesis_make(&labels, 1, 20, arena, &synthesis, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a body is made from one slice, not from 2");
    labels = volume_of(1e-3, 1e-3);
    CU_ASSERT_FALSE(synthesis_make(&labels, 1, 500, arena, &synthesis, &err));
    CU_ASSERT(!synthesis.made && err.text[0] != '\0');
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(a_disc_becomes_an_ellipsoid),
    TEST(what_was_seen_is_in_the_middle),
    TEST(what_is_no_slice_or_no_depth_is_refused),
    { NULL, NULL }
};
const struct runner_suite suite_synthesis = { "synthesis", tests };
