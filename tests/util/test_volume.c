#include <math.h>

#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

/* 2 x 3 x 4 mm, turned 30 degrees about z, its third axis sheared along x. */
static struct volume oblique(void)
{
    const double c = cos(M_PI / 6), s = sin(M_PI / 6);
    struct volume volume = {
        .type = VOXEL_INT16, .size = { 4, 5, 6 }, .slope = 2, .intercept = -10, .even = true,
        .affine = { { 2 * c, -3 * s, 1, 10 }, { 2 * s, 3 * c, 0, 20 }, { 0, 0, 4, 30 } }
    };
    return volume;
}

static void volume_voxel_is_the_determinant_not_the_product(void)
{
    const struct volume volume = oblique();

    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&volume, 0), 24.0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(volume_spacing_mm(&volume, 0), 2.0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(volume_spacing_mm(&volume, 1), 3.0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(volume_spacing_mm(&volume, 2), sqrt(17), 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(volume_diagonal_mm(&volume), sqrt(4 + 9 + 17), 1e-12);
}

static void volume_to_patient_follows_the_affine(void)
{
    const struct volume volume = oblique();
    double mm[3];

    volume_to_patient(&volume, (const double[3]){ 1, 0, 2 }, mm);
    CU_ASSERT_DOUBLE_EQUAL(mm[0], 10 + 2 * cos(M_PI / 6) + 2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(mm[1], 21, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(mm[2], 38, 1e-12);
}

static void volume_with_uneven_slices_uses_true_positions(void)
{
    const struct volume_slice slices[3] = {
        { .position_mm = { 0, 0, 0 } }, { .position_mm = { 0, 0, 3.2 } },
        { .position_mm = { 0, 0, 6.5 } }
    };
    const struct volume volume = {
        .size = { 1, 1, 3 }, .slices = slices, .even = false,
        .affine = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 3.25, 0 } }
    };
    double mm[3];

    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&volume, 0), 3.2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&volume, 1), 3.25, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&volume, 2), 3.3, 1e-12);
    volume_to_patient(&volume, (const double[3]){ 0, 0, 1.5 }, mm);
    CU_ASSERT_DOUBLE_EQUAL(mm[2], 4.85, 1e-12);
}

static void volume_like_another_has_its_grid(void)
{
    struct error err;
    struct arena *arena = arena_new(1 << 20, &err);
    const struct volume volume = oblique();
    struct volume labels;

    CU_ASSERT(volume_take_like(&volume, VOXEL_UINT32, UNIT_NONE, arena, &labels, &err));
    CU_ASSERT_EQUAL(volume_count(&labels), 120);
    CU_ASSERT_EQUAL(labels.slope, 1);
    labels.u32[7] = 70000;
    CU_ASSERT_EQUAL(volume_value(&labels, 7), 70000);
    struct volume huge = volume;
    huge.size[2] = 1 << 20;
    CU_ASSERT_FALSE(volume_take_like(&huge, VOXEL_INT16, UNIT_HU, arena, &labels, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(volume_voxel_is_the_determinant_not_the_product),
    TEST(volume_to_patient_follows_the_affine),
    TEST(volume_with_uneven_slices_uses_true_positions),
    TEST(volume_like_another_has_its_grid),
    { NULL, NULL }
};
const struct runner_suite suite_volume = { "volume", tests };
