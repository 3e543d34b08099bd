/* Onto: a volume on another's grid, beside a function that is linear in space, and beside scipy. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/register.h"
#include "analysis/resample.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

static struct error err;
static struct arena *arena;
static struct volume moving, grid, to;
static double matrix[4][4];

static void place(struct volume *volume, size_t i, size_t j, size_t k, double spacing, double turn,
                  double at)
{
    const double angle[3] = { turn, -turn / 2, 2 * turn }, zero[3] = { 0, 0, 0 };
    double rotation[4][4];

    memset(volume, 0, sizeof *volume);
    *volume = (struct volume){ .type = VOXEL_FLOAT32, .size = { i, j, k }, .slope = 1, .even = true };
    register_matrix(angle, zero, zero, rotation);
    for (int row = 0; row < 3; row++) {
        for (int axis = 0; axis < 3; axis++)
            volume->affine[row][axis] = rotation[row][axis] * spacing * (1 + axis);
        volume->affine[row][3] = at + row;
    }
}

static void begin(void)
{
    const double angle[3] = { 5, 10, -7 }, shift[3] = { 1.5, -2, 0.7 }, center[3] = { 5, 5, 10 };

    if (arena == NULL)
        arena = arena_new((size_t)64 << 20, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    arena_reset(arena);
    place(&moving, 31, 29, 17, 0.8, 3, -4);
    place(&grid, 20, 23, 11, 1.1, -8, -2);
    register_matrix(angle, shift, center, matrix);
    moving.f32 = arena_take(arena, volume_count(&moving), sizeof(float), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(moving.f32);
}

/* Where voxel `index` of the grid lies in the moving volume's patient space. */
static void patient_of(size_t index, double ret_mm[3])
{
    double mm[3];
    const double voxel[3] = { (double)(index % grid.size[0]),
                              (double)(index / grid.size[0] % grid.size[1]),
                              (double)(index / grid.size[0] / grid.size[1]) };

    volume_to_patient(&grid, voxel, mm);
    register_apply(matrix, mm, ret_mm);
}

static double plane_at(const double mm[3])
{
    return 3 * mm[0] - 2 * mm[1] + 0.5 * mm[2] + 100;
}

static void what_is_linear_in_space_stays_so(void)
{
    size_t inside = 0;

    begin();
    for (size_t i = 0; i < volume_count(&moving); i++) {
        double mm[3];
        volume_to_patient(&moving, (const double[3]){ (double)(i % 31), (double)(i / 31 % 29),
                                                      (double)(i / 31 / 29) }, mm);
        moving.f32[i] = (float)plane_at(mm);
    }
    CU_ASSERT_FATAL(resample_onto(&moving, &grid, matrix, RESAMPLE_LINEAR, -1000, 2, arena, &to, &err));
    CU_ASSERT_EQUAL(volume_count(&to), volume_count(&grid));
    CU_ASSERT_EQUAL(memcmp(to.affine, grid.affine, sizeof to.affine), 0);
    for (size_t i = 0; i < volume_count(&to); i++) {
        double mm[3];
        patient_of(i, mm);
        if (to.f32[i] == -1000)
            continue;
        inside += fabs(to.f32[i] - plane_at(mm)) < 1e-3;
        /* within half a voxel of the border a value is that of the border */
        CU_ASSERT(fabs(to.f32[i] - plane_at(mm)) < 3);
    }
    CU_ASSERT(inside > volume_count(&to) / 5);
}

static bool write_file(char *path, const void *bytes, size_t size)
{
    const int file = mkstemp(path);
    const bool good = file >= 0 && write(file, bytes, size) == (ssize_t)size;

    close(file);
    return good;
}

static void ask_scipy(int order, const double *places, double *ret_values)
{
    char voxels[] = "/tmp/tumord-onto-v-XXXXXX", list[] = "/tmp/tumord-onto-p-XXXXXX";
    char result[] = "/tmp/tumord-onto-r-XXXXXX", command[5000];
    const size_t count = volume_count(&grid);

    CU_ASSERT_FATAL(write_file(voxels, moving.f32, volume_count(&moving) * sizeof(float)));
    CU_ASSERT_FATAL(write_file(list, places, 3 * count * sizeof(double)));
    CU_ASSERT_FATAL(write_file(result, "", 0));
    text_format(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/onto.py %s 31 29 17 %d -1000 %s %s",
                runner_source(), voxels, order, result, list);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    FILE *const file = fopen(result, "rb");
    CU_ASSERT_EQUAL_FATAL(fread(ret_values, sizeof(double), count, file), count);
    fclose(file);
    unlink(voxels);
    unlink(list);
    unlink(result);
}

static void scipy_takes_the_same_values(void)
{
    if (system("/usr/bin/python3 -c 'import scipy' 2> /dev/null") != 0) {
        runner_skip("scipy is not installed");
        return;
    }
    begin();
    const size_t count = volume_count(&grid);
    double *const places = arena_take(arena, 3 * count, sizeof *places, &err);
    double *const values = arena_take(arena, count, sizeof *values, &err);
    uint64_t state = 5;
    for (size_t i = 0; i < volume_count(&moving); i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        moving.f32[i] = (float)(state >> 40) / 1000;
    }
    /* the moving volume's affine is orthogonal, so that a place is three dot products */
    for (size_t i = 0; i < count; i++) {
        double mm[3];
        patient_of(i, mm);
        for (int axis = 0; axis < 3; axis++) {
            double sum = 0;
            for (int row = 0; row < 3; row++)
                sum += (mm[row] - moving.affine[row][3]) * moving.affine[row][axis];
            places[3 * i + (size_t)axis] = sum / pow(volume_spacing_mm(&moving, axis), 2);
        }
    }
    for (int order = 1; order >= 0; order--) {
        size_t outside = 0, off = 0;
        CU_ASSERT_FATAL(resample_onto(&moving, &grid, matrix, order ? RESAMPLE_LINEAR : RESAMPLE_NEAREST,
                                      -1000, 3, arena, &to, &err));
        ask_scipy(order, places, values);
        for (size_t i = 0; i < count; i++) {
            outside += values[i] == -1000;
            off += !(fabs(to.f32[i] - values[i]) <= 1e-5 * fabs(values[i]) + 1e-3);
        }
        CU_ASSERT_EQUAL(off, 0);
        CU_ASSERT(outside > 0 && outside < count);
    }
}

static void onto_its_own_grid_nothing_changes(void)
{
    int16_t voxels[4 * 3 * 2];

    begin();
    place(&moving, 4, 3, 2, 2, 0, 0);
    moving.type = VOXEL_INT16;
    moving.i16 = voxels;
    moving.slope = 0.5;
    moving.intercept = -1024;
    for (size_t i = 0; i < 24; i++)
        voxels[i] = (int16_t)(37 * i);
    for (int kind = RESAMPLE_LINEAR; kind <= RESAMPLE_NEAREST; kind++) {
        CU_ASSERT_FATAL(resample_onto(&moving, &moving, NULL, (enum resample_kind)kind, 0, 1, arena, &to,
                                      &err));
        CU_ASSERT_EQUAL(memcmp(to.i16, voxels, sizeof voxels), 0);
        CU_ASSERT_EQUAL(volume_value(&to, 5), 37 * 5 * 0.5 - 1024);
    }
    grid = moving;
    grid.affine[0][3] += 100;
    CU_ASSERT_FATAL(resample_onto(&moving, &grid, NULL, RESAMPLE_LINEAR, -1000, 1, arena, &to, &err));
    CU_ASSERT_EQUAL(volume_value(&to, 3), -1000);
}

/* All that sixteen bits hold, shifted by a whole and by half a voxel along each axis. */
static void extreme_values_are_kept_and_halved(void)
{
    static int16_t voxels[9 * 9 * 9];
    static const size_t step[3] = { 1, 9, 81 };
    uint64_t state = 3;

    for (size_t i = 0; i < 729; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        voxels[i] = state >> 62 == 0 ? INT16_MIN : state >> 62 == 1 ? INT16_MAX : (int16_t)(state >> 40);
    }
    for (int axis = 0; axis < 3; axis++)
        for (int half = 0; half < 2; half++) {
            size_t wrong = 0;
            begin();
            place(&moving, 9, 9, 9, 1, 0, 0);
            moving.type = VOXEL_INT16;
            moving.i16 = voxels;
            grid = moving;
            for (int row = 0; row < 3; row++)
                grid.affine[row][3] += moving.affine[row][axis] * (half ? 0.5 : 1);
            CU_ASSERT_FATAL(resample_onto(&moving, &grid, NULL, RESAMPLE_LINEAR, 0, 1, arena, &to, &err));
            for (size_t i = 0; i < 729; i++) {
                const size_t at = i / step[axis] % 9;
                const double next = at < 8 ? voxels[i + step[axis]] : 0;
                const double expected = half ? (voxels[i] + next) / 2 : next;
                wrong += at < 8 && fabs(to.i16[i] - expected) > (half ? 0.51 : 0);
            }
            CU_ASSERT_EQUAL(wrong, 0);
        }
}

static void what_has_no_answer_is_refused(void)
{
    static uint8_t labels[24];
    static struct volume_slice slices[2];

    begin();
    place(&moving, 4, 3, 2, 2, 0, 0);
    moving.type = VOXEL_UINT8;
    moving.u8 = labels;
    CU_ASSERT_FALSE(resample_onto(&moving, &grid, NULL, RESAMPLE_LINEAR, 0, 1, arena, &to, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "labels have no values between them");
    CU_ASSERT(resample_onto(&moving, &grid, NULL, RESAMPLE_NEAREST, 0, 1, arena, &to, &err));
    moving.even = false;
    moving.slices = slices;
    CU_ASSERT_FALSE(resample_onto(&moving, &grid, NULL, RESAMPLE_NEAREST, 0, 1, arena, &to, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "slices that lie unevenly are no grid");
    moving.even = true;
    memset(moving.affine[0], 0, sizeof moving.affine[0]);
    CU_ASSERT_FALSE(resample_onto(&moving, &grid, NULL, RESAMPLE_NEAREST, 0, 1, arena, &to, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a volume that is flat in space");
}

static const struct runner_test tests[] = {
    TEST(what_is_linear_in_space_stays_so),
    TEST(scipy_takes_the_same_values),
    TEST(onto_its_own_grid_nothing_changes),
    TEST(extreme_values_are_kept_and_halved),
    TEST(what_has_no_answer_is_refused),
    { NULL, NULL }
};

const struct runner_suite suite_onto = { "onto", tests };
