/*
 * Features: a block by arithmetic; the digital phantom by the consensus values that IBSI prints (reference
 * manual v11, chapter 5); real masks by numpy, scipy and scikit-image (features.py).
 */
#include "analysis/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"
#include "util/volume.h"

#define SIDE 24
#define COUNT ((size_t)SIDE * SIDE * SIDE)
#define MAX_FILE ((size_t)1 << 28)

static struct error err;
static struct features features;
static int16_t image[COUNT];
static uint8_t mask[COUNT];

static struct volume volume_of(enum voxel_type type, void *data)
{
    return (struct volume){
        .type = type, .unit = type == VOXEL_INT16 ? UNIT_HU : UNIT_NONE, .size = { SIDE, SIDE, SIDE },
        .voxels = data, .slope = 1, .even = true,
        .affine = { { 2, 0, 0, 5 }, { 0, 3, 0, 6 }, { 0, 0, 4, 7 } }
    };
}

static void block(size_t a, size_t b, size_t c)
{
    memset(mask, 0, sizeof mask);
    for (size_t k = 2; k < 2 + c; k++)
        for (size_t j = 2; j < 2 + b; j++)
            memset(&mask[(k * SIDE + j) * SIDE + 2], 7, a);
}

static bool find(struct volume *volume, struct volume *labels, uint8_t label, struct arena *arena)
{
    static const size_t low[3] = { 0, 0, 0 };
    const size_t high[3] = { labels->size[0] - 1, labels->size[1] - 1, labels->size[2] - 1 };
    const size_t used = arena_used(arena);
    const bool good = features_measure(volume, labels, label, low, high, 2, arena, &features, &err);

    CU_ASSERT_EQUAL(arena_used(arena), used);
    CU_ASSERT(arena_peak(arena) - used <= features_room(volume) + volume_count(volume));
    return good;
}

static bool find_block(struct arena *arena)
{
    struct volume volume = volume_of(VOXEL_INT16, image), labels = volume_of(VOXEL_UINT8, mask);

    return find(&volume, &labels, 7, arena);
}

static bool near(double got, double wanted, double part)
{
    const bool good = fabs(got - wanted) <= part * fabs(wanted) + 1e-12;

    if (!good)
        printf("[%.9g instead of %.9g] ", got, wanted);
    return good;
}

/* 6 x 4 x 5 voxels of 2 x 3 x 4 mm whose value is the column's number. */
static void a_block_is_what_arithmetic_says(void)
{
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    double axis[3];

    block(6, 4, 5);
    for (size_t i = 0; i < COUNT; i++)
        image[i] = (int16_t)(i % SIDE) - 1;         /* 1 to 6 in the block */
    CU_ASSERT_FATAL(find_block(arena));
    CU_ASSERT(features.intensity_known && features.shape_known);
    CU_ASSERT(near(features.intensity.mean, 3.5, 1e-12));
    CU_ASSERT(near(features.intensity.variance, 35.0 / 12, 1e-12));
    CU_ASSERT(near(features.intensity.skewness, 0, 0));
    CU_ASSERT(near(features.intensity.kurtosis, -6.0 / 5 * 37 / 35, 1e-12));
    CU_ASSERT(near(features.intensity.mean_deviation, 1.5, 1e-12));
    CU_ASSERT(near(features.intensity.energy, 91 * 20, 1e-12));
    CU_ASSERT(near(features.intensity.range, 5, 0));
    /* a row of n points a step apart has (n² - 1) / 12, here of 120 points of which 119 count */
    static const double points[3] = { 6, 4, 5 }, step[3] = { 2, 3, 4 };
    for (int n = 0; n < 3; n++)
        axis[n] = 4 * step[n] * sqrt((points[n] * points[n] - 1) / 12 * 120 / 119);
    CU_ASSERT(near(features.shape.axis_mm[0], axis[2], 1e-12));
    CU_ASSERT(near(features.shape.axis_mm[1], axis[0], 1e-12));
    CU_ASSERT(near(features.shape.axis_mm[2], axis[1], 1e-12));
    /* the weighted mean of 1 to 6 is 91/21, of the place 3.5: 5/6 voxel of 2 mm */
    CU_ASSERT(near(features.shape.shift_mm, 2 * 5.0 / 6, 1e-12));
    /* of the box 12 x 12 x 20: edges lack a prism of 1/8 of a voxel, corners another */
    CU_ASSERT(features.shape.mesh_mm3 < 2880 && features.shape.mesh_mm3 > 0.9 * 2880);
    CU_ASSERT(near(features.shape.box_volume_density, features.shape.mesh_mm3 / 2880, 1e-12));
    arena_free(arena);
}

/* A ball is round, as far as voxels can be: the mesh's steps cost some of it. */
static void a_ball_is_round_and_a_rod_is_not(void)
{
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    struct volume volume = volume_of(VOXEL_INT16, image), labels = volume_of(VOXEL_UINT8, mask);

    for (int axis = 0; axis < 3; axis++)
        volume.affine[axis][axis] = labels.affine[axis][axis] = 1;
    for (size_t i = 0; i < COUNT; i++) {
        const double x = (double)(i % SIDE) - 11.5, y = (double)(i / SIDE % SIDE) - 11.5;
        const double z = (double)(i / SIDE / SIDE) - 11.5;
        mask[i] = x * x + y * y + z * z <= 100 ? 7 : 0;
    }
    CU_ASSERT_FATAL(find(&volume, &labels, 7, arena));
    CU_ASSERT(near(features.shape.mesh_mm3, 4.0 / 3 * M_PI * 1000, 0.01));
    CU_ASSERT(features.shape.sphericity > 0.9 && features.shape.sphericity < 1);
    CU_ASSERT(near(features.shape.axis_mm[0], 4 * sqrt(100 / 5.0), 0.01));
    CU_ASSERT(features.shape.flatness > 0.99);
    block(20, 2, 2);
    CU_ASSERT_FATAL(find(&volume, &labels, 7, arena));
    CU_ASSERT(features.shape.sphericity < 0.75 && features.shape.elongation < 0.2);
    arena_free(arena);
}

/* All that a region can be without being a body. */
static void regions_without_a_shape_or_a_spread_have_no_wild_numbers(void)
{
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    struct volume volume = volume_of(VOXEL_INT16, image), labels = volume_of(VOXEL_UINT8, mask);

    memset(image, 0, sizeof image);
    block(1, 1, 1);
    CU_ASSERT_FATAL(find_block(arena));
    CU_ASSERT(features.intensity_known && features.shape_known);
    for (size_t n = 0; n < sizeof features.intensity / sizeof(double); n++)
        CU_ASSERT_EQUAL(((const double *)&features.intensity)[n], 0);
    for (size_t n = 0; n < sizeof features.shape / sizeof(double); n++)
        CU_ASSERT(isfinite(((const double *)&features.shape)[n]));
    CU_ASSERT_FALSE(find(&volume, &labels, 3, arena));
    CU_ASSERT_STRING_EQUAL(err.text, "no voxel has the label 3");
    volume.size[2] = labels.size[2] = 1;                /* a single slice */
    memset(mask, 7, SIDE * SIDE);
    CU_ASSERT_FATAL(find(&volume, &labels, 7, arena));
    CU_ASSERT(features.intensity_known && !features.shape_known);
    CU_ASSERT_EQUAL(features.shape.mesh_mm3, 0);
    arena_free(arena);
}

/* Every second voxel of a large grid: the surface is larger than the body. */
static void what_is_too_rough_for_its_room_says_so(void)
{
    struct arena *const arena = arena_new((size_t)256 << 20, &err);
    struct volume volume = volume_of(VOXEL_INT16, NULL), labels = volume_of(VOXEL_UINT8, NULL);

    for (int axis = 0; axis < 3; axis++)
        volume.size[axis] = labels.size[axis] = 128;
    volume.voxels = arena_take_zeroed(arena, volume_count(&volume), 2, &err);
    labels.voxels = arena_take_zeroed(arena, volume_count(&volume), 1, &err);
    CU_ASSERT_FATAL(volume.voxels != NULL && labels.voxels != NULL);
    for (size_t i = 0; i < volume_count(&volume); i++)
        labels.u8[i] = (i ^ i >> 7 ^ i >> 14) % 8 == 0 ? 7 : 0;
    CU_ASSERT_FATAL(find(&volume, &labels, 7, arena));
    CU_ASSERT(features.intensity_known && !features.shape_known);
    memset(labels.u8, 7, volume_count(&volume));
    CU_ASSERT_FATAL(find(&volume, &labels, 7, arena));
    CU_ASSERT(!features.intensity_known && !features.shape_known);
    arena_free(arena);
}

/* ---- against others ---- */

struct known {
    const char *name;
    double *value;
    double ibsi, tolerance;             /* as the manual prints both */
    double mesh;                        /* of what hangs on the mesh: how far scikit-image's may be off */
};

static const struct known known[] = {
    { "mean", &features.intensity.mean, 2.15, 0.005, 0 },
    { "variance", &features.intensity.variance, 3.05, 0.005, 0 },
    { "skewness", &features.intensity.skewness, 1.08, 0.005, 0 },
    { "kurtosis", &features.intensity.kurtosis, -0.355, 0.0005, 0 },
    { "median", &features.intensity.median, 1, 0, 0 },
    { "minimum", &features.intensity.minimum, 1, 0, 0 },
    { "p10", &features.intensity.p10, 1, 0, 0 },
    { "p90", &features.intensity.p90, 4, 0, 0 },
    { "maximum", &features.intensity.maximum, 6, 0, 0 },
    { "interquartile", &features.intensity.interquartile, 3, 0, 0 },
    { "range", &features.intensity.range, 5, 0, 0 },
    { "mean_deviation", &features.intensity.mean_deviation, 1.55, 0.005, 0 },
    { "robust_deviation", &features.intensity.robust_deviation, 1.11, 0.005, 0 },
    { "median_deviation", &features.intensity.median_deviation, 1.15, 0.005, 0 },
    { "variation", &features.intensity.variation, 0.812, 0.0005, 0 },
    { "quartile_dispersion", &features.intensity.quartile_dispersion, 0.6, 1e-9, 0 },
    { "energy", &features.intensity.energy, 567, 0, 0 },
    { "root_mean_square", &features.intensity.root_mean_square, 2.77, 0.005, 0 },
    { "mesh_mm3", &features.shape.mesh_mm3, 556, 4, 0.01 },
    { "area_mm2", &features.shape.area_mm2, 388, 3, 0.02 },
    { "area_per_volume", &features.shape.area_per_volume, 0.698, 0.004, 0.02 },
    { "compactness1", &features.shape.compactness1, 0.0411, 0.0003, 0.03 },
    { "compactness2", &features.shape.compactness2, 0.599, 0.004, 0.05 },
    { "disproportion", &features.shape.disproportion, 1.19, 0.01, 0.02 },
    { "sphericity", &features.shape.sphericity, 0.843, 0.005, 0.02 },
    { "asphericity", &features.shape.asphericity, 0.186, 0.003, 0.08 },   /* printed: 0.001 */
    { "shift_mm", &features.shape.shift_mm, 0.672, 0.004, 0 },
    { "major_mm", &features.shape.axis_mm[0], 11.4, 0.1, 0 },
    { "minor_mm", &features.shape.axis_mm[1], 9.31, 0.06, 0 },
    { "least_mm", &features.shape.axis_mm[2], 8.54, 0.05, 0 },
    { "elongation", &features.shape.elongation, 0.816, 0.005, 0 },
    { "flatness", &features.shape.flatness, 0.749, 0.005, 0 },
    { "box_volume_density", &features.shape.box_volume_density, 0.869, 0.005, 0.01 },
    { "box_area_density", &features.shape.box_area_density, 0.866, 0.005, 0.02 },
    { "integrated", &features.shape.integrated, 1200, 10, 0.01 },
};
#define KNOWN (sizeof known / sizeof *known)

static bool open_nifti(const char *name, unsigned char **ret_bytes, struct nifti *nifti)
{
    static unsigned char packed[1 << 24];
    char path[2000];
    size_t size = 0;

    *ret_bytes = NULL;
    if (!runner_data_path(name, path, sizeof path))
        return false;
    FILE *const file = fopen(path, "rb");
    const size_t got = file == NULL ? 0 : fread(packed, 1, sizeof packed, file);
    if (file != NULL)
        fclose(file);
    return got > 0 && gzip_unpack(packed, got, MAX_FILE, ret_bytes, &size, &err)
        && nifti_open(*ret_bytes, size, nifti, &err);
}

static bool find_files(const char *image_name, const char *mask_name, struct arena *arena)
{
    unsigned char *bytes[2] = { NULL, NULL };
    struct nifti nifti;
    struct volume volume, labels;
    bool good = open_nifti(image_name, &bytes[0], &nifti)
        && nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, arena, &volume, &err)
        && open_nifti(mask_name, &bytes[1], &nifti)
        && nifti_read_labels(&nifti, NIFTI_CHANNELS_LAST, 0, arena, &labels, &err);

    for (size_t i = 0; good && labels.type == VOXEL_UINT32 && i < volume_count(&labels); i++)
        good = labels.u32[i] <= 1;
    CU_ASSERT_FATAL(good && labels.type == VOXEL_UINT8);
    good = good && find(&volume, &labels, 1, arena);
    free(bytes[0]);
    free(bytes[1]);
    return good;
}

static void the_digital_phantom_has_the_values_of_the_standard(void)
{
    char path[2000];

    if (!runner_data_path("labelled/ibsi_digital_phantom/mask.nii.gz", path, sizeof path)) {
        runner_skip("the digital phantom is not here");
        return;
    }
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    CU_ASSERT_FATAL(find_files("labelled/ibsi_digital_phantom/phantom.nii.gz",
                               "labelled/ibsi_digital_phantom/mask.nii.gz", arena));
    for (size_t n = 0; n < KNOWN; n++) {
        const bool good = fabs(*known[n].value - known[n].ibsi) <= known[n].tolerance + 1e-9;
        CU_ASSERT(good);
        if (!good)
            printf("[%s %.6g, IBSI %g] ", known[n].name, *known[n].value, known[n].ibsi);
    }
    arena_free(arena);
}

/*
 * scikit-image's cubes part voxels that touch by an edge, ours join them: 1 % of the area of a rough mask, and
 * the reason why the digital phantom's asphericity is 0.189.
 */
static size_t compare(const char *image_path, const char *mask_path)
{
    char command[5000], name[64];
    size_t compared = 0;
    double said;

    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/features.py '%s' '%s' 2>&1",
             runner_source(), image_path, mask_path);
    FILE *const pipe = popen(command, "r");
    while (pipe != NULL && fscanf(pipe, "%63s %lf\n", name, &said) == 2)
        for (size_t n = 0; n < KNOWN; n++)
            if (strcmp(known[n].name, name) == 0) {
                const bool good = near(*known[n].value, said, known[n].mesh > 0 ? known[n].mesh : 1e-6);
                CU_ASSERT(good);
                if (!good)
                    printf("[%s of %s] ", name, mask_path);
                compared++;
            }
    if (pipe != NULL)
        pclose(pipe);
    return compared;
}

static void real_masks_have_the_values_of_numpy_and_scikit_image(void)
{
    static const char *const cases[][2] = {
        { "labelled/ibsi_sts/STS_002/PET_image.nii.gz", "labelled/ibsi_sts/STS_002/PET_mask.nii.gz" },
        { "labelled/ibsi_sts/STS_008/CT_image.nii.gz", "labelled/ibsi_sts/STS_008/CT_mask.nii.gz" },
        { "labelled/ibsi_sts/STS_025/CT_image.nii.gz", "labelled/ibsi_sts/STS_025/CT_mask.nii.gz" },
    };
    char image_path[2000], mask_path[2000];

    if (!runner_data_path(cases[0][0], image_path, sizeof image_path)
        || system("/usr/bin/python3 -c 'import nibabel, skimage' 2>/dev/null") != 0) {
        runner_skip("the real masks, nibabel or scikit-image are not here");
        return;
    }
    struct arena *const arena = arena_new((size_t)256 << 20, &err);
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        arena_reset(arena);
        CU_ASSERT_FATAL(runner_data_path(cases[n][0], image_path, sizeof image_path));
        CU_ASSERT_FATAL(runner_data_path(cases[n][1], mask_path, sizeof mask_path));
        CU_ASSERT_FATAL(find_files(cases[n][0], cases[n][1], arena));
        CU_ASSERT_EQUAL(compare(image_path, mask_path), KNOWN);
    }
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(a_block_is_what_arithmetic_says),
    TEST(a_ball_is_round_and_a_rod_is_not),
    TEST(regions_without_a_shape_or_a_spread_have_no_wild_numbers),
    TEST(what_is_too_rough_for_its_room_says_so),
    TEST(the_digital_phantom_has_the_values_of_the_standard),
    TEST(real_masks_have_the_values_of_numpy_and_scikit_image),
    { NULL, NULL }
};
const struct runner_suite suite_features = { "features", tests };
