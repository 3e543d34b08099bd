/* Organs: what is found, told and refused. */
#include <stdlib.h>
#include <string.h>

#include "analysis/organs.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static struct error err;
static struct arena *arena;
static struct volume volume;
static struct organs organs;

/* A water cylinder in air, with two tubes of lung in it; the volume's border cuts them. */
static int16_t cylinder_at(double x, double y)
{
    const double left = (x - 60) * (x - 60) + y * y, right = (x + 60) * (x + 60) + y * y;

    return x * x / (140 * 140) + y * y / (100 * 100) > 1 ? -1000
        : left < 40 * 40 || right < 40 * 40 ? -850 : 0;
}

static void make_cylinder(void)
{
    const struct volume grid = { .type = VOXEL_INT16, .unit = UNIT_HU, .size = { 110, 90, 20 },
        .slope = 1, .even = true,
        .affine = { { 3, 0, 0, -163.5 }, { 0, 3, 0, -133.5 }, { 0, 0, 5, 0 } } };

    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    arena_reset(arena);
    CU_ASSERT_FATAL(volume_take_like(&grid, VOXEL_INT16, UNIT_HU, arena, &volume, &err));
    for (size_t at = 0; at < volume_count(&volume); at++)
        volume.i16[at] = cylinder_at(3.0 * (double)(at % 110) - 163.5,
                                     3.0 * (double)(at / 110 % 90) - 133.5);
}

static void water_with_two_tubes_of_lung_has_a_body_and_two_lungs(void)
{
    make_cylinder();
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &organs, &err));
    const struct organ *const left = organs_get(&organs, ORGAN_LUNG_LEFT);
    const struct organ *const right = organs_get(&organs, ORGAN_LUNG_RIGHT);
    const struct organ *const body = organs_get(&organs, ORGAN_BODY);
    CU_ASSERT_FATAL(left != NULL && right != NULL && body != NULL);
    CU_ASSERT_DOUBLE_EQUAL(left->centroid_mm[0], 60, 1);
    CU_ASSERT_DOUBLE_EQUAL(right->centroid_mm[0], -60, 1);
    CU_ASSERT_EQUAL(left->laterality, LATERALITY_LEFT);
    CU_ASSERT_DOUBLE_EQUAL(left->volume_mm3, 3.14159 * 40 * 40 * 100, 0.02 * 502655);
    CU_ASSERT_DOUBLE_EQUAL(body->volume_mm3, 3.14159 * 140 * 100 * 100, 0.02 * 4398226);
    CU_ASSERT_DOUBLE_EQUAL(left->mean, -850, 20);
    CU_ASSERT_EQUAL(left->percentile[2], -850);
    CU_ASSERT_DOUBLE_EQUAL(left->extent_mm[0], 80, 4);
    CU_ASSERT_DOUBLE_EQUAL(left->extent_mm[2], 100, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(left->position[0], 0.5 + 60 / 280.0, 0.01);
    CU_ASSERT(left->truncated);
    CU_ASSERT_PTR_NULL(organs_get(&organs, ORGAN_LIVER));
    CU_ASSERT_PTR_NULL(organs_get(&organs, ORGAN_BONE));
}

static void mask_is_that_of_the_name(void)
{
    size_t lungs = 0, body = 0;

    make_cylinder();
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &organs, &err));
    uint8_t *const mask = arena_take(arena, volume_count(&volume), 1, &err);
    CU_ASSERT_FATAL(organs_mask(&organs, "lungs", mask, &err));
    for (size_t i = 0; i < volume_count(&volume); i++)
        lungs += mask[i];
    CU_ASSERT_EQUAL(lungs, organs_get(&organs, ORGAN_LUNG_LEFT)->voxels
                    + organs_get(&organs, ORGAN_LUNG_RIGHT)->voxels);
    CU_ASSERT_FATAL(organs_mask(&organs, "body", mask, &err));
    for (size_t i = 0; i < volume_count(&volume); i++)
        body += mask[i];
    CU_ASSERT_EQUAL(body, organs_get(&organs, ORGAN_BODY)->voxels);
    CU_ASSERT_FALSE(organs_mask(&organs, "bone", mask, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "bone not found: less than 5 ml are denser than 130 HU near 500 HU");
    CU_ASSERT_FALSE(organs_mask(&organs, "brain", mask, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "brain not found: it was not looked for");
    CU_ASSERT_FALSE(organs_mask(&organs, "gizzard", mask, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "no organ is called gizzard");
}

static void names_are_known_by_modality(void)
{
    CU_ASSERT(organs_name_is_known("liver", NULL));
    CU_ASSERT(organs_name_is_known("kidneys", "CT"));
    CU_ASSERT(organs_name_is_known("left kidney", "CT"));
    CU_ASSERT(organs_name_is_known("brain", "MR"));
    CU_ASSERT_FALSE(organs_name_is_known("brain", "CT"));
    CU_ASSERT_FALSE(organs_name_is_known("head", "CT"));
    CU_ASSERT_FALSE(organs_name_is_known("liver", "MR"));
    CU_ASSERT_FALSE(organs_name_is_known("kidney", NULL));
    CU_ASSERT_FALSE(organs_name_is_known("", NULL));
}

static void air_alone_has_no_organs_and_says_so(void)
{
    make_cylinder();
    for (size_t i = 0; i < volume_count(&volume); i++)
        volume.i16[i] = -1000;
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &organs, &err));
    for (size_t n = 0; n < organs.count; n++) {
        CU_ASSERT_FALSE(organs.organ[n].found);
        CU_ASSERT_STRING_EQUAL(organs.organ[n].why_not, organs.organ[n].id == ORGAN_BODY
                               ? "nothing denser than -500 HU fills a twentieth of the volume"
                               : "there is no body to look in");
    }
}

static void other_series_are_refused(void)
{
    make_cylinder();
    CU_ASSERT_FALSE(organs_find(&volume, "PT", 2, arena, &organs, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "no organs are known for PT of 20 slices in HU");
    volume.unit = UNIT_ARBITRARY;
    CU_ASSERT_FALSE(organs_takes(&volume, "CT"));
    volume.unit = UNIT_HU;
    volume.size[2] = 2;
    CU_ASSERT_FALSE(organs_takes(&volume, "CT"));
}

static void need_is_an_upper_bound(void)
{
    make_cylinder();
    struct arena *const own = arena_new((size_t)1 << 30, &err);
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, own, &organs, &err));
    CU_ASSERT(arena_peak(own) <= organs_need(&volume));
    arena_free(own);
}

static const struct runner_test tests[] = {
    TEST(water_with_two_tubes_of_lung_has_a_body_and_two_lungs),
    TEST(mask_is_that_of_the_name),
    TEST(names_are_known_by_modality),
    TEST(air_alone_has_no_organs_and_says_so),
    TEST(other_series_are_refused),
    TEST(need_is_an_upper_bound),
    { NULL, NULL }
};
const struct runner_suite suite_organs = { "organs", tests };
