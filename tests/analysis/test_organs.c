/*
 * Organs: what is found, told and refused. Truth is the phantom's geometry, and on one real CT
 * (TotalSegmentator's example, 3 mm, lungs cut off) that program's own labels, a model's. The method's
 * numbers are from tables of anatomy and CT numbers; that CT showed where it failed while it was made.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/organs.h"
#include "analysis/phantom.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"

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

/* ---- against truth ---- */

static double dice(const uint8_t *one, const uint8_t *other, size_t count, const bool of_one[256],
                   const bool of_other[256])
{
    size_t both = 0, sum = 0;

    for (size_t i = 0; i < count; i++) {
        both += of_one[one[i]] && of_other[other[i]];
        sum += of_one[one[i]] + of_other[other[i]];
    }
    return sum == 0 ? 1 : 2 * (double)both / (double)sum;
}

static double dice_of(const uint8_t *one, const uint8_t *other, size_t count, enum organ_id id)
{
    bool wanted[256] = { false };

    wanted[id] = true;
    return dice(one, other, count, wanted, wanted);
}

static bool make_trunk(const size_t size[3], const double spacing_mm[3], bool oblique, uint8_t **ret_truth)
{
    struct phantom_options options;
    struct phantom_truth none;

    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    arena_reset(arena);
    phantom_defaults(PHANTOM_CT, &options);
    options.kind = PHANTOM_TRUNK;
    options.lesions = 0;
    options.oblique = oblique;
    memcpy(options.size, size, sizeof options.size);
    memcpy(options.spacing_mm, spacing_mm, sizeof options.spacing_mm);
    if (!phantom_make(&options, arena, &volume, &none, &err)
        || (*ret_truth = arena_take(arena, volume_count(&volume), 1, &err)) == NULL)
        return false;
    phantom_organs(&volume, *ret_truth);
    return true;
}

/* The floors of the phantom: all but the lungs touch something of a like density. */
static const struct { enum organ_id id; double least; } floors[] = {
    { ORGAN_LUNG_LEFT, 0.95 }, { ORGAN_LUNG_RIGHT, 0.95 }, { ORGAN_BONE, 0.85 }, { ORGAN_LIVER, 0.9 },
    { ORGAN_SPLEEN, 0.9 }, { ORGAN_KIDNEY_LEFT, 0.85 }, { ORGAN_KIDNEY_RIGHT, 0.85 },
    { ORGAN_MUSCLE, 0.8 }, { ORGAN_FAT_SUBCUTANEOUS, 0.9 }, { ORGAN_FAT_VISCERAL, 0.8 }
};

static void compare_trunk(const uint8_t *truth)
{
    if (!organs_find(&volume, "CT", 2, arena, &organs, &err)) {
        CU_FAIL("no organs");
        return;
    }
    for (size_t n = 0; n < sizeof floors / sizeof *floors; n++) {
        const double got = dice_of(organs.labels.u8, truth, volume_count(&volume), floors[n].id);
        CU_ASSERT(got >= floors[n].least);
        if (got < floors[n].least || getenv("TUMORD_VERBOSE") != NULL)
            for (size_t i = 0; i < organs.count; i++)
                if (organs.organ[i].id == floors[n].id)
                    printf("\n    %s: Dice %.3f of %.2f %s ", organs.organ[i].name, got, floors[n].least,
                           organs.organ[i].why_not);
    }
}

static void trunk_is_found_as_it_is(void)
{
    static const struct { size_t size[3]; double spacing_mm[3]; } grids[] = {
        { { 112, 92, 56 }, { 3.5, 3.5, 5 } }, { { 260, 212, 24 }, { 1.5, 1.5, 12 } }
    };
    uint8_t *truth;

    for (size_t n = 0; n < sizeof grids / sizeof *grids; n++) {
        CU_ASSERT_FATAL(make_trunk(grids[n].size, grids[n].spacing_mm, false, &truth));
        compare_trunk(truth);
    }
}

static void oblique_trunk_has_lungs_and_says_what_is_not_looked_for(void)
{
    uint8_t *truth;

    CU_ASSERT_FATAL(make_trunk((const size_t[3]){ 110, 90, 80 }, (const double[3]){ 4, 4, 4 }, true, &truth));
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &organs, &err));
    CU_ASSERT(dice_of(organs.labels.u8, truth, volume_count(&volume), ORGAN_LUNG_LEFT) >= 0.95);
    CU_ASSERT(dice_of(organs.labels.u8, truth, volume_count(&volume), ORGAN_LUNG_RIGHT) >= 0.95);
    for (size_t n = 0; n < organs.count; n++)
        if (organs.organ[n].id == ORGAN_LIVER)
            CU_ASSERT_STRING_EQUAL(organs.organ[n].why_not, "the volume lies oblique to the patient's axes: "
                                   "the spine is not followed in it");
}

/* Axis a of the new volume is axis order[a] of the old one, reversed where bit a of `flips` is set. */
static void turn(const struct volume *from, const int order[3], int flips, struct volume *to)
{
    const size_t step[3] = { 1, from->size[0], from->size[0] * from->size[1] };
    size_t at[3], put = 0;

    for (int a = 0; a < 3; a++) {
        to->size[a] = from->size[order[a]];
        for (int row = 0; row < 3; row++)
            to->affine[row][a] = (flips >> a & 1 ? -1 : 1) * from->affine[row][order[a]];
    }
    for (int row = 0; row < 3; row++) {
        to->affine[row][3] = from->affine[row][3];
        for (int a = 0; a < 3; a++)
            to->affine[row][3] += flips >> a & 1
                ? from->affine[row][order[a]] * (double)(to->size[a] - 1) : 0;
    }
    for (at[2] = 0; at[2] < to->size[2]; at[2]++)
        for (at[1] = 0; at[1] < to->size[1]; at[1]++)
            for (at[0] = 0; at[0] < to->size[0]; at[0]++) {
                size_t index = 0;
                for (int a = 0; a < 3; a++)
                    index += step[order[a]] * (flips >> a & 1 ? to->size[a] - 1 - at[a] : at[a]);
                to->i16[put++] = from->i16[index];
            }
}

static bool are_same(const struct organs *one, const struct organs *other)
{
    bool good = one->count == other->count;

    for (size_t n = 0; good && n < one->count; n++) {
        const struct organ *const a = &one->organ[n], *const b = &other->organ[n];
        good = a->found == b->found && a->laterality == b->laterality
            && (!a->found || (a->voxels == b->voxels && fabs(a->mean - b->mean) < 1e-9
                              && a->percentile[1] == b->percentile[1] && a->truncated == b->truncated));
        for (int axis = 0; good && a->found && axis < 3; axis++)
            good = fabs(a->centroid_mm[axis] - b->centroid_mm[axis]) < 1e-6
                && fabs(a->extent_mm[axis] - b->extent_mm[axis]) < 1e-6;
        if (!good)
            printf("[%s: %zu and %zu voxels] ", a->name, a->voxels, b->voxels);
    }
    return good;
}

static void all_48_ways_to_store_a_trunk_give_the_same_organs(void)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
                                      { 2, 1, 0 } };
    static struct organs other;
    uint8_t *truth;

    CU_ASSERT_FATAL(make_trunk((const size_t[3]){ 74, 53, 40 }, (const double[3]){ 5.5, 5.5, 7 }, false,
                               &truth));
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &organs, &err));
    CU_ASSERT(organs_get(&organs, ORGAN_LIVER) != NULL && organs_get(&organs, ORGAN_KIDNEY_LEFT) != NULL);
    struct volume turned = volume;
    turned.i16 = arena_take(arena, volume_count(&volume), sizeof *turned.i16, &err);
    CU_ASSERT_FATAL(turned.i16 != NULL);
    for (int way = 0; way < 48; way++) {
        const size_t mark = arena_mark(arena);
        turn(&volume, orders[way / 8], way % 8, &turned);
        CU_ASSERT_FATAL(organs_find(&turned, "CT", 2, arena, &other, &err));
        CU_ASSERT(are_same(&organs, &other));
        arena_rewind(arena, mark);
    }
}

static void result_does_not_depend_on_threads(void)
{
    uint8_t *truth;

    CU_ASSERT_FATAL(make_trunk((const size_t[3]){ 151, 111, 31 }, (const double[3]){ 2.5, 2.5, 10 }, false,
                               &truth));
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 1, arena, &organs, &err));
    const uint8_t *const one = organs.labels.u8;
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 5, arena, &organs, &err));
    CU_ASSERT_EQUAL(memcmp(one, organs.labels.u8, volume_count(&volume)), 0);
}

/* A box of the trunk's voxels as a lesion: `put` is what the organs' labels say in it. */
static void make_lesion(const size_t low[3], enum organ_id put, struct findings *findings,
                        struct lesion *lesion)
{
    memset(findings, 0, sizeof *findings);
    *lesion = (struct lesion){ .label = 1 };
    findings->lesion = lesion;
    findings->segment_count = 1;
    CU_ASSERT_FATAL(volume_take_like(&volume, VOXEL_UINT8, UNIT_NONE, arena, &findings->labels, &err));
    memset(findings->labels.u8, 0, volume_count(&volume));
    for (size_t n = 0; n < 64; n++) {
        const size_t at[3] = { low[0] + n % 4, low[1] + n / 4 % 4, low[2] + n / 16 };
        const size_t index = (at[2] * volume.size[1] + at[1]) * volume.size[0] + at[0];
        findings->labels.u8[index] = 1;
        organs.labels.u8[index] = (uint8_t)put;
        for (int axis = 0; axis < 3; axis++) {
            lesion->low[axis] = low[axis];
            lesion->high[axis] = low[axis] + 3;
        }
    }
    lesion->volume_mm3 = 64 * volume_voxel_mm3(&volume, 0);
}

static void lesions_are_told_the_organ_that_they_lie_in(void)
{
    struct findings findings;
    struct lesion lesion;
    uint8_t *truth;
    size_t low[3];

    CU_ASSERT_FATAL(make_trunk((const size_t[3]){ 74, 53, 40 }, (const double[3]){ 5.5, 5.5, 7 }, false,
                               &truth));
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &organs, &err));
    const struct organ *const spleen = organs_get(&organs, ORGAN_SPLEEN);
    const struct organ *const kidney = organs_get(&organs, ORGAN_KIDNEY_LEFT);
    CU_ASSERT_FATAL(spleen != NULL && kidney != NULL);
    for (int axis = 0; axis < 3; axis++)
        low[axis] = (spleen->low[axis] + spleen->high[axis]) / 2 - 1;
    make_lesion(low, ORGAN_SPLEEN, &findings, &lesion);
    organs_place(&organs, &findings);
    CU_ASSERT_STRING_EQUAL(lesion.site.value, "78961009");
    CU_ASSERT_DOUBLE_EQUAL(lesion.organ_share.value, lesion.volume_mm3 / spleen->volume_mm3, 1e-12);
    for (int axis = 0; axis < 3; axis++)
        low[axis] = (kidney->low[axis] + kidney->high[axis]) / 2 - 1;
    make_lesion(low, ORGAN_KIDNEY_LEFT, &findings, &lesion);
    organs_place(&organs, &findings);
    CU_ASSERT_STRING_EQUAL(lesion.site.value, "64033007");
    CU_ASSERT_EQUAL(lesion.laterality, LATERALITY_LEFT);
    memcpy(low, (const size_t[3]){ 0, 0, 5 }, sizeof low);      /* air beside the body */
    make_lesion(low, ORGAN_NONE, &findings, &lesion);
    organs_place(&organs, &findings);
    CU_ASSERT_STRING_EQUAL(lesion.site.value, "");
    CU_ASSERT_FALSE(lesion.organ_share.known);
    lesion.site = (struct code){ "1", "SCT", "somebody's own" };
    organs_place(&organs, &findings);
    CU_ASSERT_STRING_EQUAL(lesion.site.value, "1");
}

/* ---- heads ---- */

static double egg(const double at[3], double x, double y, double z)
{
    return at[0] * at[0] / (x * x) + at[1] * at[1] / (y * y) + at[2] * at[2] / (z * z);
}

/* Scalp, skull, water, brain with ventricles; `fat`, `water`, `brain`: a T1, a T2 … */
static int16_t head_at(const double at[3], const int16_t values[3], uint32_t chance, bool *ret_brain)
{
    const int16_t noise = (int16_t)(chance >> 16 & 31);

    *ret_brain = egg(at, 66, 82, 62) < 1;
    if (egg(at, 88, 104, 84) >= 1)
        return noise;
    if (egg(at, 80, 96, 76) >= 1)
        return (int16_t)(values[0] + noise);
    if (egg(at, 70, 86, 66) >= 1)
        return (int16_t)(40 + noise);               /* bone */
    if (!*ret_brain || egg(at, 14, 30, 16) < 1)
        return (int16_t)(values[1] + noise);        /* water */
    return (int16_t)(values[2] + noise);
}

static void brain_of_a_head_is_found_whatever_is_bright(void)
{
    static const int16_t contrasts[3][3] = { { 900, 120, 420 }, { 500, 900, 420 }, { 600, 60, 450 } };
    const struct volume grid = { .type = VOXEL_INT16, .unit = UNIT_ARBITRARY, .size = { 100, 115, 40 },
        .slope = 1, .even = true,
        .affine = { { 2, 0, 0, -99 }, { 0, 2, 0, -114 }, { 0, 0, 4.5, -88 } } };

    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    for (size_t n = 0; n < 3; n++) {
        arena_reset(arena);
        CU_ASSERT_FATAL(volume_take_like(&grid, VOXEL_INT16, UNIT_ARBITRARY, arena, &volume, &err));
        uint8_t *const truth = arena_take_zeroed(arena, volume_count(&volume), 1, &err);
        for (size_t i = 0; i < volume_count(&volume); i++) {
            const double at[3] = { 2.0 * (double)(i % 100) - 99, 2.0 * (double)(i / 100 % 115) - 114,
                                   4.5 * (double)(i / 11500) - 88 };
            bool brain;
            volume.i16[i] = head_at(at, contrasts[n], (uint32_t)i * 2654435761u, &brain);
            truth[i] = brain ? ORGAN_BRAIN : 0;
        }
        CU_ASSERT_FATAL(organs_find(&volume, "MR", 2, arena, &organs, &err));
        const double got = dice_of(organs.labels.u8, truth, volume_count(&volume), ORGAN_BRAIN);
        const struct organ *const head = organs_get(&organs, ORGAN_HEAD);
        CU_ASSERT(got >= 0.9);
        CU_ASSERT_FATAL(head != NULL);
        CU_ASSERT_DOUBLE_EQUAL(head->volume_mm3 / (4.18879 * 88 * 104 * 84), 1, 0.06);
        if (got < 0.9 || getenv("TUMORD_VERBOSE") != NULL)
            printf("\n    brain: Dice %.3f, head %.0f of 3220 ml ", got, head->volume_mm3 / 1000);
    }
}

/* ---- one real CT ---- */

static bool read_nifti(const char *name, bool labels, struct volume *ret_volume)
{
    char path[512];
    struct nifti nifti;
    unsigned char *const packed = malloc((size_t)4 << 20), *bytes = NULL;
    size_t size = 0;
    FILE *const file = runner_data_path(name, path, sizeof path) ? fopen(path, "rb") : NULL;

    bool good = file != NULL && packed != NULL;
    if (good)
        size = fread(packed, 1, (size_t)4 << 20, file);
    if (file != NULL)
        fclose(file);
    good = good && gzip_unpack(packed, size, (size_t)64 << 20, &bytes, &size, &err)
        && nifti_open(bytes, size, &nifti, &err)
        && (labels ? nifti_read_labels(&nifti, NIFTI_CHANNELS_LAST, 0, arena, ret_volume, &err)
            : nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, arena, ret_volume, &err));
    free(packed);
    free(bytes);
    return good;
}

/* TotalSegmentator's numbers (task total, version 2); bone: without costal cartilage. */
static const struct {
    const char *name;
    enum organ_id id;
    double least, low_hu, high_hu;  /* Dice; the plain threshold: the range of imaging-physics */
    int labels[3][2];
} given[] = {
    { "liver", ORGAN_LIVER, 0.8, 40, 65, { { 5, 5 } } },
    { "bone", ORGAN_BONE, 0.8, 130, 3000, { { 25, 50 }, { 69, 78 }, { 91, 116 } } },
    { "spleen", ORGAN_SPLEEN, 0.6, 35, 55, { { 1, 1 } } },
    { "right kidney", ORGAN_KIDNEY_RIGHT, 0.6, 20, 45, { { 2, 2 } } },
    { "left kidney", ORGAN_KIDNEY_LEFT, 0.6, 20, 45, { { 3, 3 } } },
    { "left lung", ORGAN_LUNG_LEFT, 0.9, -950, -600, { { 10, 11 } } },
    { "right lung", ORGAN_LUNG_RIGHT, 0.9, -950, -600, { { 12, 14 } } }
};

/* BraTS: outside of the brain all is exactly 0. */
static void brain_that_was_cut_out_is_taken_as_it_is(void)
{
    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    arena_reset(arena);
    if (!read_nifti("labelled/brats_full/BraTS2021_01657/BraTS2021_01657_flair.nii.gz", false, &volume))
        return;
    uint8_t *const truth = arena_take(arena, volume_count(&volume), 1, &err);
    CU_ASSERT_FATAL(truth != NULL && organs_find(&volume, "MR", 2, arena, &organs, &err));
    for (size_t i = 0; i < volume_count(&volume); i++)
        truth[i] = volume_value(&volume, i) != 0 ? ORGAN_BRAIN : 0;
    const double got = dice_of(organs.labels.u8, truth, volume_count(&volume), ORGAN_BRAIN);
    printf("\n    brain: Dice %.3f ", got);
    CU_ASSERT(got >= 0.9);
}

static void real_ct_is_near_to_what_a_model_says(void)
{
    struct volume truth;

    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    arena_reset(arena);
    if (!read_nifti("labelled/totalseg/example_ct_sm.nii.gz", false, &volume)
        || !read_nifti("labelled/totalseg/example_ct_sm_seg.nii.gz", true, &truth))
        return;
    volume.unit = UNIT_HU;
    const size_t count = volume_count(&volume);
    uint8_t *const plain = arena_take(arena, count, 1, &err);
    CU_ASSERT_FATAL(plain != NULL && organs_find(&volume, "CT", 2, arena, &organs, &err));
    for (size_t n = 0; n < sizeof given / sizeof *given; n++) {
        bool own[256] = { false }, theirs[256] = { false }, one[256] = { false };
        own[given[n].id] = one[1] = true;
        for (int range = 0; range < 3; range++)
            for (int label = given[n].labels[range][0]; label > 0 && label <= given[n].labels[range][1]; label++)
                theirs[label] = true;
        for (size_t i = 0; i < count; i++)
            plain[i] = volume_value(&volume, i) >= given[n].low_hu && volume_value(&volume, i) <= given[n].high_hu;
        const double got = dice(organs.labels.u8, truth.u8, count, own, theirs);
        const double bare = dice(plain, truth.u8, count, one, theirs);
        printf("\n    %-12s Dice %.3f, floor %.2f; a plain threshold %.3f ", given[n].name, got,
               given[n].least, bare);
        CU_ASSERT(got >= given[n].least);
        CU_ASSERT(got > bare);
    }
}

static const struct runner_test tests[] = {
    TEST(water_with_two_tubes_of_lung_has_a_body_and_two_lungs),
    TEST(mask_is_that_of_the_name),
    TEST(names_are_known_by_modality),
    TEST(air_alone_has_no_organs_and_says_so),
    TEST(other_series_are_refused),
    TEST(need_is_an_upper_bound),
    TEST(trunk_is_found_as_it_is),
    TEST(oblique_trunk_has_lungs_and_says_what_is_not_looked_for),
    TEST(all_48_ways_to_store_a_trunk_give_the_same_organs),
    TEST(result_does_not_depend_on_threads),
    TEST(lesions_are_told_the_organ_that_they_lie_in),
    TEST(brain_of_a_head_is_found_whatever_is_bright),
    TEST(brain_that_was_cut_out_is_taken_as_it_is),
    TEST(real_ct_is_near_to_what_a_model_says),
    { NULL, NULL }
};
const struct runner_suite suite_organs = { "organs", tests };
