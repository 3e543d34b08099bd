/* Series of real scanners whose slices are tilted or missing, resampled, against scipy. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/resample.h"
#include "dicom/dataset.h"
#include "dicom/series.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static struct error err;
static struct arena *arena;
static struct volume volume, grid;
static struct series_facts facts;
static struct resample plan;

static bool add_file(struct series *series, const char *path)
{
    static unsigned char bytes[4 << 20];
    FILE *file = fopen(path, "rb");
    const size_t size = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);

    if (file != NULL)
        fclose(file);
    struct dataset *dataset = dataset_read(bytes, size, &err);
    const bool added = dataset != NULL && series_add(series, dataset, &err);
    dataset_free(dataset);
    return added;
}

static bool load(const char *folder)
{
    struct dirent **names = NULL;
    const int count = scandir(folder, &names, NULL, alphasort);
    struct series *const series = series_new(count > 0 ? (size_t)count : 1, arena, &err);
    char path[5000];
    bool good = series != NULL && count > 0;

    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && good)
            good = add_file(series, path);
        free(names[i]);
    }
    free(names);
    good = good && series_volume(series, &volume, &facts, &err);
    series_free(series);
    return good;
}

/* The set as the grid that is measured on; false after a skip. */
static bool resample(const char *set)
{
    char folder[4096], raw[] = "/tmp/tumord-resampled-XXXXXX", command[6000];
    const double (*a)[4] = (const double (*)[4])grid.affine;

    if (!runner_data_path(set, folder, sizeof folder))
        return false;
    CU_ASSERT_FATAL(dicom_init(&err));
    arena = arena_new((size_t)1 << 30, &err);
    CU_ASSERT_FATAL(load(folder));
    CU_ASSERT_FATAL(resample_plan(&volume, 1, arena, &plan, &err));
    CU_ASSERT_FATAL(plan.needed);
    CU_ASSERT_FATAL(resample_volume(&plan, 2, arena, &grid, &err));
    CU_ASSERT_EQUAL_FATAL(grid.type, VOXEL_INT16);
    const int fd = mkstemp(raw);
    const size_t size = volume_count(&grid) * 2;
    CU_ASSERT_EQUAL(write(fd, grid.voxels, size), (ssize_t)size);
    close(fd);
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/reports/resampled.py %s %s %zu %zu "
             "%zu %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g | grep -q ok",
             runner_source(), folder, raw, grid.size[0], grid.size[1], grid.size[2], a[0][0], a[0][1],
             a[0][2], a[0][3], a[1][0], a[1][1], a[1][2], a[1][3], a[2][0], a[2][1], a[2][2], a[2][3]);
    CU_ASSERT_EQUAL(system(command), 0);
    unlink(raw);
    arena_free(arena);
    return true;
}

/* Four slices of 5 mm along the table, tilted by 14 degrees: 5 cos 14 along their normal. */
static void real_tilted_gantry_becomes_the_grid_that_scipy_makes(void)
{
    if (!resample("dicom/geometry_quirks/ct_gantry_tilt_14deg_siemens"))
        return;
    CU_ASSERT_DOUBLE_EQUAL(plan.tilt_degrees, 14, 0.05);
    CU_ASSERT_EQUAL(grid.size[2], 4);
    CU_ASSERT_DOUBLE_EQUAL(plan.step_mm, 5 * cos(14 * M_PI / 180), 1e-3);
    CU_ASSERT_EQUAL(plan.missing, 0);
    CU_ASSERT(grid.size[1] > 512);
}

static void real_missing_slice_becomes_the_one_that_scipy_interpolates(void)
{
    if (!resample("dicom/geometry_quirks/ct_missing_slice_ge"))
        return;
    CU_ASSERT_EQUAL(plan.tilt_degrees, 0);
    CU_ASSERT_EQUAL(plan.missing, 1);
    CU_ASSERT_DOUBLE_EQUAL(plan.missing_after_mm, 28.1075, 1e-3);
    CU_ASSERT_EQUAL(grid.size[2], 5);
}

static const struct runner_test tests[] = {
    TEST(real_tilted_gantry_becomes_the_grid_that_scipy_makes),
    TEST(real_missing_slice_becomes_the_one_that_scipy_interpolates),
    { NULL, NULL }
};
const struct runner_suite suite_geometry = { "geometry", tests };
