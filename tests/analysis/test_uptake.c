/*
 * Uptake: spheres by arithmetic, and the real PET cases by scipy and numpy (uptake.py): maximum, mean,
 * SUVpeak, metabolic volume, glycolysis.
 */
#include "analysis/uptake.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/given.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"

#define SIDE 24
#define VOXELS (SIDE * SIDE * SIDE)
#define MAX_FILE ((size_t)64 << 20)

static struct error err;
static struct arena *arena;
static struct findings findings;
static float values[VOXELS];
static uint8_t marks[VOXELS];
static struct volume volume, labels;

/* Voxels of 4 x 4 x 3 mm, all of them 2 g/ml and none of the mask. */
static void begin(void)
{
    if (arena == NULL)
        arena = arena_new((size_t)256 << 20, &err);
    arena_reset(arena);
    volume = (struct volume){ .type = VOXEL_FLOAT32, .unit = UNIT_SUVBW, .size = { SIDE, SIDE, SIDE },
        .f32 = values, .slope = 1, .even = true,
        .affine = { { 4, 0, 0, -40 }, { 0, 4, 0, -40 }, { 0, 0, 3, 0 } } };
    labels = volume;
    labels.type = VOXEL_UINT8;
    labels.unit = UNIT_NONE;
    labels.u8 = marks;
    memset(marks, 0, sizeof marks);
    for (size_t i = 0; i < VOXELS; i++)
        values[i] = 2;
}

static size_t at(size_t i, size_t j, size_t k)
{
    return (k * SIDE + j) * SIDE + i;
}

static bool find(void)
{
    return given_find(&volume, &labels, &(struct given){ NULL, 0, CONNECTIVITY_26 }, arena, &findings,
                      &err);
}

static void a_sphere_has_its_volume_on_every_grid(void)
{
    static const double steps[][3][3] = {
        { { 4, 0, 0 }, { 0, 4, 0 }, { 0, 0, 3 } }, { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } },
        { { 5.5, 0, 0 }, { 0, 5.5, 0 }, { 0, 0, 3.27 } }, { { 2, 0, 0 }, { 0, 2, 0 }, { 0, 0, 5 } },
        { { 0, 3, 0 }, { 0, 0, -3 }, { 4, 0, 0 } }, { { 3, 0, 0 }, { 0, 3, 0.9 }, { 0, 0, 3 } },
        { { 2.4, -1.8, 0 }, { 1.8, 2.4, 0 }, { 0, 0, 2 } }, { { 14, 0, 0 }, { 0, 14, 0 }, { 0, 0, 14 } }
    };
    struct uptake_sphere sphere;

    for (size_t n = 0; n < sizeof steps / sizeof *steps; n++) {
        begin();
        for (int row = 0; row < 3; row++)
            memcpy(volume.affine[row], steps[n][row], sizeof steps[n][row]);
        CU_ASSERT_FATAL(uptake_sphere_make(&volume, UPTAKE_PEAK_RADIUS_MM, arena, &sphere, &err));
        CU_ASSERT_DOUBLE_EQUAL(sphere.total * volume_voxel_mm3(&volume, 0) / 1000, 1, 0.002);
    }
    volume.affine[0][0] = volume.affine[1][1] = volume.affine[2][2] = 0.05;
    CU_ASSERT_FALSE(uptake_sphere_make(&volume, UPTAKE_PEAK_RADIUS_MM, arena, &sphere, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a sphere of 6.2 mm among voxels that small");
}

static void an_even_region_has_its_value_in_everything(void)
{
    begin();
    marks[at(12, 12, 12)] = marks[at(13, 12, 12)] = 1;
    CU_ASSERT_FATAL(find());
    const struct lesion *const lesion = &findings.lesion[0];
    CU_ASSERT(lesion->peak.known && lesion->tlg.known);
    CU_ASSERT_DOUBLE_EQUAL(lesion->peak.value, 2, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(lesion->tlg.value, 2 * 2 * 48 / 1000.0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(findings.total_tlg.value, 2 * 2 * 48 / 1000.0, 1e-12);
}

/* A voxel of 48 mm³ is wholly in the sphere: 48 of 1000 mm³ are 12, the rest 2. */
static void one_hot_voxel_counts_by_its_share_of_a_cubic_centimetre(void)
{
    begin();
    for (size_t i = 10; i < 15; i++)
        marks[at(i, 12, 12)] = 1;
    values[at(12, 12, 12)] = 12;
    CU_ASSERT_FATAL(find());
    const struct lesion *const lesion = &findings.lesion[0];
    CU_ASSERT_DOUBLE_EQUAL(lesion->peak.value, 2 + 10 * 48 / 1000.0, 0.001);
    CU_ASSERT_DOUBLE_EQUAL(lesion->maximum, 12, 1e-12);
    CU_ASSERT(fabs(lesion->peak_mm[0] - (-40 + 12 * 4)) <= 4);
}

/* The sphere may leave the region and not the volume. */
static void a_peak_that_does_not_fit_is_not_known(void)
{
    begin();
    marks[at(0, 12, 12)] = 1;
    CU_ASSERT_FATAL(find());
    CU_ASSERT_FALSE(findings.lesion[0].peak.known);
    CU_ASSERT(findings.lesion[0].tlg.known);
    marks[at(1, 12, 12)] = marks[at(2, 12, 12)] = 1;
    CU_ASSERT_FATAL(find());
    CU_ASSERT(findings.lesion[0].peak.known);
}

static void other_units_have_no_peak_and_no_glycolysis(void)
{
    static const enum volume_unit units[] = { UNIT_BQML, UNIT_HU, UNIT_ARBITRARY, UNIT_NONE };

    for (size_t n = 0; n < 4; n++) {
        begin();
        volume.unit = units[n];
        marks[at(12, 12, 12)] = 1;
        CU_ASSERT_FATAL(find());
        CU_ASSERT_FALSE(findings.lesion[0].peak.known);
        CU_ASSERT_FALSE(findings.lesion[0].tlg.known);
        CU_ASSERT_FALSE(findings.total_tlg.known);
    }
    begin();
    volume.unit = UNIT_SUVBSA;
    marks[at(12, 12, 12)] = 1;
    CU_ASSERT_FATAL(find());
    CU_ASSERT(findings.lesion[0].peak.known);
}

/* ---- real cases ---- */

static bool read_nifti(const char *path, bool as_labels, struct volume *ret_volume)
{
    static unsigned char packed[1 << 22];
    FILE *const file = fopen(path, "rb");
    const size_t size = file == NULL ? 0 : fread(packed, 1, sizeof packed, file);
    unsigned char *bytes = NULL;
    struct nifti nifti;
    size_t unpacked = 0;

    if (file != NULL)
        fclose(file);
    const bool good = gzip_unpack(packed, size, MAX_FILE, &bytes, &unpacked, &err)
        && nifti_open(bytes, unpacked, &nifti, &err)
        && (as_labels ? nifti_read_labels : nifti_read_image)(&nifti, NIFTI_CHANNELS_LAST, 0, arena,
                                                              ret_volume, &err);
    free(bytes);
    return good;
}

/* Seven numbers of uptake.py. */
static bool ask_numpy(const char *image, const char *mask, double said[7])
{
    char command[3000], line[300] = "";

    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/uptake.py '%s' '%s'",
             runner_source(), image, mask);
    FILE *const pipe = popen(command, "r");
    const bool any = pipe != NULL && fgets(line, sizeof line, pipe) != NULL;
    if (pipe != NULL)
        pclose(pipe);
    return any && sscanf(line, "%lf %lf %lf %lf %lf %lf %lf", &said[0], &said[1], &said[2], &said[3],
                         &said[4], &said[5], &said[6]) == 7;
}

static void compare(const char *name, const double said[7])
{
    const struct lesion *const lesion = &findings.lesion[0];
    const double got[] = { lesion->maximum, lesion->mean, lesion->peak.value, lesion->volume_mm3 / 1000,
                           lesion->tlg.value, findings.total_mm3 / 1000, findings.total_tlg.value };
    static const double within[] = { 1e-6, 1e-6, 2e-4, 1e-6, 1e-6, 1e-6, 1e-6 };

    for (int i = 0; i < 7; i++) {
        CU_ASSERT(fabs(got[i] / said[i] - 1) <= within[i]);
        if (!(fabs(got[i] / said[i] - 1) <= within[i]))
            printf("\n  %s, number %d: %.7g, numpy %.7g ", name, i, got[i], said[i]);
    }
    printf("[%s SUVmax %.2f mean %.2f peak %.3f MTV %.1f ml TLG %.1f g] ", name, got[0], got[1], got[2],
           got[3], got[4]);
}

static void given_masks_on_real_pet_have_the_numbers_of_numpy(void)
{
    static const char *const cases[] = { "STS_002", "STS_008", "STS_025" };
    char folder[1024], image[1200], mask[1200];
    double said[7];

    if (!runner_data_path("labelled/ibsi_sts", folder, sizeof folder))
        return;
    for (size_t n = 0; n < 3; n++) {
        snprintf(image, sizeof image, "%s/%s/PET_image.nii.gz", folder, cases[n]);
        snprintf(mask, sizeof mask, "%s/%s/PET_mask.nii.gz", folder, cases[n]);
        begin();
        CU_ASSERT_FATAL(read_nifti(image, false, &volume) && read_nifti(mask, true, &labels));
        volume.unit = UNIT_SUVBW;
        CU_ASSERT_FATAL(find());
        CU_ASSERT_FATAL(ask_numpy(image, mask, said));
        compare(cases[n], said);
    }
}

static const struct runner_test tests[] = {
    TEST(a_sphere_has_its_volume_on_every_grid),
    TEST(an_even_region_has_its_value_in_everything),
    TEST(one_hot_voxel_counts_by_its_share_of_a_cubic_centimetre),
    TEST(a_peak_that_does_not_fit_is_not_known),
    TEST(other_units_have_no_peak_and_no_glycolysis),
    TEST(given_masks_on_real_pet_have_the_numbers_of_numpy),
    { NULL, NULL }
};

const struct runner_suite suite_uptake = { "uptake", tests };
