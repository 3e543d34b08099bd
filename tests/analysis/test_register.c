/*
 * Register: motions that are known. A volume is moved exactly by moving its affine; scipy
 * moves its voxels. An error is told at the corners of a box of 120 mm around the grid's middle.
 */
#include "analysis/register.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/phantom.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"
#include "util/text.h"
#include "util/volume.h"

static struct error err;
static struct arena *arena;

static void begin(void)
{
    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    arena_reset(arena);
}

struct motion {
    double angle[3], shift[3];
};

static void matrix_about_middle(const struct volume *volume, const struct motion *motion,
                                double ret_middle[3], double ret_matrix[4][4])
{
    const double middle[3] = { (double)volume->size[0] / 2, (double)volume->size[1] / 2,
                               (double)volume->size[2] / 2 };

    volume_to_patient(volume, middle, ret_middle);
    register_matrix(motion->angle, motion->shift, ret_middle, ret_matrix);
}

/* The same voxels, and their patient elsewhere. */
static struct volume moved(const struct volume *volume, const double matrix[4][4])
{
    struct volume to = *volume;

    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++) {
            to.affine[row][column] = column == 3 ? matrix[row][3] : 0;
            for (int i = 0; i < 3; i++)
                to.affine[row][column] += matrix[row][i] * volume->affine[i][column];
        }
    to.slices = NULL;
    return to;
}

/* The mean error in mm at the box's corners, and of the turn in degrees. */
static double error_of(const double truth[4][4], const double found[4][4], const double middle[3],
                       double *ret_degrees)
{
    double trace = 0, sum = 0;

    for (int corner = 0; corner < 8; corner++) {
        double at[3], a[3], b[3];
        for (int axis = 0; axis < 3; axis++)
            at[axis] = middle[axis] + (corner >> axis & 1 ? 60 : -60);
        register_apply(truth, at, a);
        register_apply(found, at, b);
        sum += sqrt(pow(a[0] - b[0], 2) + pow(a[1] - b[1], 2) + pow(a[2] - b[2], 2));
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            trace += truth[i][j] * found[i][j];
    *ret_degrees = acos(fmin((trace - 1) / 2, 1)) * 180 / M_PI;
    return sum / 8;
}

static void expect(const struct volume *fixed, const struct volume *moving, const double truth[4][4],
                   double most_mm, double most_degrees, const char *name)
{
    const struct motion none = { { 0, 0, 0 }, { 0, 0, 0 } };
    struct registration found;
    double degrees, middle[3], unused[4][4];

    matrix_about_middle(fixed, &none, middle, unused);
    const size_t used = arena_used(arena);
    CU_ASSERT_FATAL(register_rigid(fixed, moving, 2, arena, &found, &err));
    CU_ASSERT_EQUAL(arena_used(arena), used);
    const double mm = error_of(truth, found.matrix, middle, &degrees);
    CU_ASSERT(mm <= most_mm && degrees <= most_degrees);
    CU_ASSERT(found.after >= found.before);
    printf("    %s: %.3f mm, %.3f degrees, %zu evaluations\n", name, mm, degrees,
           found.evaluations);
}

static const struct motion motions[] = {
    { { 3, -2, 5 }, { 4, -6, 3 } }, { { -8, 4, 10 }, { 10, 5, -12 } },
    { { 15, 0, -12 }, { -15, 20, 8 } }, { { 0, 20, 0 }, { 0, 0, 25 } }
};
#define MOTIONS (sizeof motions / sizeof *motions)

/* ---- matrices ---- */

static void a_matrix_and_its_inverse_end_where_they_began(void)
{
    const double angle[3] = { 10, -20, 30 }, shift[3] = { 1, 2, 3 }, center[3] = { 5, 50, -7 };
    const double from[3] = { 11, -3, 70 }, quarter[3] = { 0, 0, 90 }, still[3] = { 0, 0, 0 };
    const double x[3] = { 1, 0, 0 };
    double matrix[4][4], back[4][4], there[3], again[3];

    register_matrix(angle, shift, center, matrix);
    register_inverse(matrix, back);
    register_apply(matrix, from, there);
    register_apply(back, there, again);
    for (int axis = 0; axis < 3; axis++)
        CU_ASSERT_DOUBLE_EQUAL(again[axis], from[axis], 1e-12);
    register_apply(matrix, center, there);
    CU_ASSERT_DOUBLE_EQUAL(there[1], 52, 1e-12);
    register_matrix(quarter, still, still, matrix);
    register_apply(matrix, x, there);
    CU_ASSERT_DOUBLE_EQUAL(there[1], 1, 1e-12);     /* about z, x goes to y */
}

/* ---- phantoms ---- */

static void make_phantom(struct volume *ret_volume)
{
    struct phantom_options options;
    struct phantom_truth truth;

    begin();
    phantom_defaults(PHANTOM_CT, &options);
    options.distractors = true;         /* without bones an ellipsoid may turn unseen */
    options.seed = 4;
    CU_ASSERT_FATAL(phantom_make(&options, arena, ret_volume, &truth, &err));
}

/* Another contrast: neither order nor sign of the values is kept. */
static struct volume recoloured(const struct volume *volume)
{
    struct volume other;

    CU_ASSERT_FATAL(volume_take_like(volume, VOXEL_FLOAT32, UNIT_ARBITRARY, arena, &other, &err));
    for (size_t i = 0; i < volume_count(volume); i++)
        other.f32[i] = (float)(volume->i16[i] < -500 ? 0 : 400 * exp(-pow((volume->i16[i] - 20) / 60.0, 2))
                               + 100);
    return other;
}

static void a_phantom_in_another_contrast_is_found_again(void)
{
    struct volume fixed;

    make_phantom(&fixed);
    const struct volume other = recoloured(&fixed);
    for (size_t n = 0; n < MOTIONS; n++) {
        double middle[3], truth[4][4];
        matrix_about_middle(&fixed, &motions[n], middle, truth);
        const struct volume moving = moved(&other, truth);
        expect(&fixed, &moving, truth, 0.5, 0.5, "phantom");
    }
}

static void the_number_of_threads_changes_no_bit(void)
{
    struct volume fixed;
    struct registration one, four;
    double middle[3], truth[4][4];

    make_phantom(&fixed);
    matrix_about_middle(&fixed, &motions[0], middle, truth);
    const struct volume moving = moved(&fixed, truth);
    CU_ASSERT_FATAL(register_rigid(&fixed, &moving, 1, arena, &one, &err));
    CU_ASSERT_FATAL(register_rigid(&fixed, &moving, 4, arena, &four, &err));
    CU_ASSERT_EQUAL(memcmp(&one, &four, sizeof one), 0);
}

/* What is not known is refused, and not made up. */
static void what_cannot_be_registered_is_refused(void)
{
    const struct motion far = { { 0, 0, 0 }, { 0, 0, 0 } };
    struct registration found = { .evaluations = 7 };
    struct volume fixed, blank, uneven;
    double middle[3], truth[4][4];
    struct volume_slice slices[64] = { { .frame = 1 } };

    make_phantom(&fixed);
    matrix_about_middle(&fixed, &far, middle, truth);
    blank = recoloured(&fixed);
    for (size_t i = 0; i < volume_count(&blank); i++)
        blank.f32[i] = 3;
    CU_ASSERT_FALSE(register_rigid(&fixed, &blank, 2, arena, &found, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "registration: no contrast to register by");
    uneven = fixed;
    uneven.even = false;
    uneven.slices = slices;
    CU_ASSERT_FALSE(register_rigid(&uneven, &fixed, 2, arena, &found, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "registration: slices that lie unevenly are no grid");
    fixed.size[2] = 0;
    CU_ASSERT_FALSE(register_rigid(&fixed, &fixed, 2, arena, &found, &err));
    CU_ASSERT_EQUAL(found.evaluations, 7);
}

/* ---- real heads ---- */

static bool load(const char *path, struct volume *ret_volume)
{
    FILE *const file = fopen(path, "rb");
    unsigned char *packed = malloc((size_t)16 << 20), *bytes = NULL;
    struct nifti nifti;
    size_t size = 0;

    const size_t packed_size = file == NULL ? 0 : fread(packed, 1, (size_t)16 << 20, file);
    const bool good = gzip_unpack(packed, packed_size, (size_t)256 << 20, &bytes, &size, &err)
        && nifti_open(bytes, size, &nifti, &err)
        && nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, arena, ret_volume, &err);
    if (file != NULL)
        fclose(file);
    free(packed);
    free(bytes);
    return good;
}

/* T1 and FLAIR of a head, whose makers had laid them on each other; every case by make soak. */
static void flair_finds_its_t1_in_real_heads(void)
{
    static const char *const heads[] = { "BraTS2021_01657", "Brats18_2013_2_1", "BraTS2021_01658",
                                         "BraTS2021_01659", "Brats18_2013_21_1" };
    const bool every = getenv("REGISTER_EVERY") != NULL;
    char path[4096], name[256];

    for (size_t n = 0; n < (every ? 5 : 2); n++) {
        struct volume t1, flair;
        begin();
        text_format(name, sizeof name, "labelled/brats_full/%s/%s_t1.nii.gz", heads[n], heads[n]);
        if (!runner_data_path(name, path, sizeof path))
            return;
        CU_ASSERT_FATAL(load(path, &t1));
        text_format(name, sizeof name, "labelled/brats_full/%s/%s_flair.nii.gz", heads[n], heads[n]);
        if (!runner_data_path(name, path, sizeof path))
            return;
        CU_ASSERT_FATAL(load(path, &flair));
        for (size_t m = every ? 0 : n; m < (every ? MOTIONS : n + 1); m++) {
            double middle[3], truth[4][4];
            matrix_about_middle(&t1, &motions[m], middle, truth);
            const struct volume moving = moved(&flair, truth);
            expect(&t1, &moving, truth, 0.5, 0.5, heads[n]);
        }
    }
}

static bool resample_by_scipy(const char *path, const struct motion *motion, struct volume *volume)
{
    char to[] = "/tmp/tumord-register-XXXXXX", command[9000];
    const int file = mkstemp(to);
    const size_t size = volume_count(volume) * sizeof(float);
    float *const voxels = arena_take(arena, volume_count(volume), sizeof *voxels, &err);

    text_format(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/register.py %s %g %g %g %g %g "
                "%g %s > /dev/null", runner_source(), path, motion->angle[0], motion->angle[1],
                motion->angle[2], motion->shift[0], motion->shift[1], motion->shift[2], to);
    const bool good = file >= 0 && voxels != NULL && system(command) == 0
        && read(file, voxels, size) == (ssize_t)size;
    close(file);
    unlink(to);
    volume->type = VOXEL_FLOAT32;
    volume->f32 = voxels;
    volume->slope = 1;
    volume->intercept = 0;
    return good;
}

static void what_scipy_moved_is_found_again(void)
{
    static const char name[] = "labelled/brats_full/BraTS2021_01659/BraTS2021_01659_";
    char path[4096], full[256];
    struct volume t1, flair;
    double middle[3], truth[4][4];

    begin();
    text_format(full, sizeof full, "%st1.nii.gz", name);
    if (!runner_data_path(full, path, sizeof path))
        return;
    if (system("/usr/bin/python3 -c 'import nibabel, scipy' 2> /dev/null") != 0) {
        runner_skip("nibabel or scipy is not installed");
        return;
    }
    CU_ASSERT_FATAL(load(path, &t1));
    text_format(full, sizeof full, "%sflair.nii.gz", name);
    if (!runner_data_path(full, path, sizeof path))
        return;
    CU_ASSERT_FATAL(load(path, &flair) && resample_by_scipy(path, &motions[0], &flair));
    matrix_about_middle(&t1, &motions[0], middle, truth);
    expect(&t1, &flair, truth, 0.5, 0.5, "voxels moved by scipy");
}

static const struct runner_test tests[] = {
    TEST(a_matrix_and_its_inverse_end_where_they_began),
    TEST(a_phantom_in_another_contrast_is_found_again),
    TEST(the_number_of_threads_changes_no_bit),
    TEST(what_cannot_be_registered_is_refused),
    TEST(flair_finds_its_t1_in_real_heads),
    TEST(what_scipy_moved_is_found_again),
    { NULL, NULL }
};

const struct runner_suite suite_register = { "register", tests };
