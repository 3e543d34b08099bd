/* Laid: what another volume says of the same lesions, when it lies as it is and when it was moved. */
#include "analysis/laid.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analyse.h"
#include "analysis/findings.h"
#include "analysis/phantom.h"
#include "analysis/register.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

static struct error err;
static struct arena *arena;
static struct volume volume, other;
static struct findings findings;
static struct laid laid;

/* A CT with its findings, and the same patient with other values: 1000 - HU. */
static void begin(void)
{
    struct phantom_options options;
    struct phantom_truth truth;
    struct analysis_parameters parameters;

    if (arena == NULL)
        arena = arena_new((size_t)512 << 20, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    arena_reset(arena);
    phantom_defaults(PHANTOM_CT, &options);
    options.distractors = true;
    options.seed = 4;
    analysis_defaults("CT", &parameters);
    CU_ASSERT_FATAL(phantom_make(&options, arena, &volume, &truth, &err));
    CU_ASSERT_FATAL(analyse(&volume, &parameters, arena, &findings, &err));
    CU_ASSERT_FATAL(findings.segment_count >= 1);
    CU_ASSERT_FATAL(volume_take_like(&volume, VOXEL_FLOAT32, UNIT_ARBITRARY, arena, &other, &err));
    for (size_t i = 0; i < volume_count(&volume); i++)
        other.f32[i] = 1000 - volume.i16[i];
    memset(&laid, 0, sizeof laid);
    text_format(laid.role, sizeof laid.role, "FLAIR");
    text_format(laid.series_uid, sizeof laid.series_uid, "1.2.3");
}

static void a_volume_on_the_same_grid_gives_its_values_exactly(void)
{
    begin();
    const size_t used = arena_used(arena);
    CU_ASSERT_FATAL(laid_measure(&volume, &other, false, &findings, 2, arena, &laid, &err));
    CU_ASSERT_EQUAL(arena_used(arena), used);
    CU_ASSERT_STRING_EQUAL(laid.role, "FLAIR");
    CU_ASSERT_STRING_EQUAL(laid.series_uid, "1.2.3");
    CU_ASSERT_EQUAL(laid.matrix[0][0], 1);
    for (size_t n = 0; n < findings.segment_count; n++) {
        const struct lesion *const lesion = &findings.lesion[n];
        CU_ASSERT_EQUAL(laid.lesion[n].voxels, lesion->voxels);
        CU_ASSERT_DOUBLE_EQUAL(laid.lesion[n].mean, 1000 - lesion->mean, 1e-6);
        CU_ASSERT_DOUBLE_EQUAL(laid.lesion[n].sd, lesion->sd, 1e-3);
        CU_ASSERT_EQUAL(laid.lesion[n].minimum, 1000 - lesion->maximum);
        CU_ASSERT_EQUAL(laid.lesion[n].maximum, 1000 - lesion->minimum);
    }
}

/* Drawn structures that overlap lie in layers; here the last lesion moves to one of its own. */
static void a_lesion_in_a_layer_of_its_own_is_measured_too(void)
{
    begin();
    struct lesion *const lesion = &findings.lesion[findings.segment_count - 1];
    struct volume *const layer = &findings.layer[0];
    CU_ASSERT_FATAL(volume_take_like(&volume, VOXEL_UINT8, UNIT_NONE, arena, layer, &err));
    for (size_t i = 0; i < volume_count(&volume); i++) {
        const bool is = findings.labels.u8[i] == lesion->label;
        layer->u8[i] = is ? findings.labels.u8[i] : 0;
        findings.labels.u8[i] = is ? 0 : findings.labels.u8[i];
    }
    lesion->layer = 1;
    findings.layer_count = 1;
    CU_ASSERT_FATAL(laid_measure(&volume, &other, false, &findings, 2, arena, &laid, &err));
    CU_ASSERT_EQUAL(laid.lesion[findings.segment_count - 1].voxels, lesion->voxels);
    CU_ASSERT_DOUBLE_EQUAL(laid.lesion[findings.segment_count - 1].mean, 1000 - lesion->mean, 1e-6);
}

static void moved_by(const double angle[3], const double shift[3])
{
    const double center[3] = { 0, 0, 0 };
    double matrix[4][4], affine[3][4];

    register_matrix(angle, shift, center, matrix);
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++) {
            affine[row][column] = column == 3 ? matrix[row][3] : 0;
            for (int i = 0; i < 3; i++)
                affine[row][column] += matrix[row][i] * other.affine[i][column];
        }
    memcpy(other.affine, affine, sizeof affine);
}

/* Interpolation takes a part of the noise of 12, so that the mean stays and the SD shrinks. */
static void a_volume_that_was_moved_is_brought_back_first(void)
{
    const double angle[3] = { 4, -3, 6 }, shift[3] = { 7, -5, 9 };
    char told[120];

    begin();
    moved_by(angle, shift);
    CU_ASSERT_FATAL(laid_measure(&volume, &other, true, &findings, 2, arena, &laid, &err));
    CU_ASSERT(laid.registered && laid.after > laid.before);
    CU_ASSERT_DOUBLE_EQUAL(laid.turned_degrees, sqrt(4 * 4 + 3 * 3 + 6 * 6), 0.5);
    for (size_t n = 0; n < findings.segment_count; n++) {
        CU_ASSERT(laid.lesion[n].voxels >= findings.lesion[n].voxels * 9 / 10);
        CU_ASSERT_DOUBLE_EQUAL(laid.lesion[n].mean, 1000 - findings.lesion[n].mean, 3);
    }
    laid_tell(&laid, told, sizeof told);
    CU_ASSERT_PTR_NOT_NULL(strstr(told, "FLAIR, moved by "));
}

static void a_lesion_outside_of_the_other_has_no_value(void)
{
    const double angle[3] = { 0, 0, 0 }, shift[3] = { 1000, 0, 0 };
    char told[120];

    begin();
    moved_by(angle, shift);
    CU_ASSERT_FATAL(laid_measure(&volume, &other, false, &findings, 2, arena, &laid, &err));
    for (size_t n = 0; n < findings.segment_count; n++) {
        CU_ASSERT_EQUAL(laid.lesion[n].voxels, 0);
        CU_ASSERT_EQUAL(laid.lesion[n].mean, 0);
    }
    laid_tell(&laid, told, sizeof told);
    CU_ASSERT_STRING_EQUAL(told, "FLAIR, as it lies");
}

static void a_motion_that_no_patient_makes_is_refused(void)
{
    const double angle[3] = { 0, 0, 0 }, shift[3] = { 200, 0, 0 };
    const struct laid before = { .role = "T2" };

    begin();
    moved_by(angle, shift);
    laid = before;
    CU_ASSERT_FALSE(laid_measure(&volume, &other, true, &findings, 2, arena, &laid, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the best fit would be 200 mm"));
    CU_ASSERT_EQUAL(memcmp(&laid, &before, sizeof laid), 0);
}

static void roles_are_found_by_their_names(void)
{
    for (int role = 0; role < LAID_ROLES; role++)
        CU_ASSERT_EQUAL(laid_role_find(laid_role_name((enum laid_role)role)), (enum laid_role)role);
    CU_ASSERT_EQUAL(laid_role_find("t1"), LAID_ROLES);
}

static const struct runner_test tests[] = {
    TEST(a_volume_on_the_same_grid_gives_its_values_exactly),
    TEST(a_lesion_in_a_layer_of_its_own_is_measured_too),
    TEST(a_volume_that_was_moved_is_brought_back_first),
    TEST(a_lesion_outside_of_the_other_has_no_value),
    TEST(a_motion_that_no_patient_makes_is_refused),
    TEST(roles_are_found_by_their_names),
    { NULL, NULL }
};

const struct runner_suite suite_laid = { "laid", tests };
