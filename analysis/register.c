/* Register: three levels, and at each six numbers in millimetres for Powell. */
#include "analysis/register.h"

#include <math.h>
#include <string.h>

#include "analysis/mutual.h"
#include "analysis/powell.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define LEVELS 3
#define LEAST_GAIN 1e-6
#define LEAST_RADIUS_MM 20.0

static const struct {
    double voxel_mm, step_mm;
    size_t samples;
} levels[LEVELS] = { { 8, 8, 20000 }, { 4, 3, 60000 }, { 2, 1, 150000 } };

/* ---- matrices ---- */

void register_matrix(const double angle_degrees[3], const double shift_mm[3],
                     const double center_mm[3], double ret_matrix[4][4])
{
    double c[3], s[3];

    for (int axis = 0; axis < 3; axis++) {
        c[axis] = cos(angle_degrees[axis] * M_PI / 180);
        s[axis] = sin(angle_degrees[axis] * M_PI / 180);
    }
    const double turn[3][3] = {
        { c[2] * c[1], c[2] * s[1] * s[0] - s[2] * c[0], c[2] * s[1] * c[0] + s[2] * s[0] },
        { s[2] * c[1], s[2] * s[1] * s[0] + c[2] * c[0], s[2] * s[1] * c[0] - c[2] * s[0] },
        { -s[1], c[1] * s[0], c[1] * c[0] }
    };
    for (int row = 0; row < 3; row++) {
        ret_matrix[row][3] = center_mm[row] + shift_mm[row];
        for (int column = 0; column < 3; column++) {
            ret_matrix[row][column] = turn[row][column];
            ret_matrix[row][3] -= turn[row][column] * center_mm[column];
        }
        ret_matrix[3][row] = 0;
    }
    ret_matrix[3][3] = 1;
}

void register_inverse(const double matrix[4][4], double ret_matrix[4][4])
{
    for (int row = 0; row < 3; row++) {
        ret_matrix[row][3] = 0;
        for (int column = 0; column < 3; column++) {
            ret_matrix[row][column] = matrix[column][row];
            ret_matrix[row][3] -= matrix[column][row] * matrix[column][3];
        }
        ret_matrix[3][row] = 0;
    }
    ret_matrix[3][3] = 1;
}

void register_apply(const double matrix[4][4], const double from_mm[3], double ret_mm[3])
{
    for (int row = 0; row < 3; row++)
        ret_mm[row] = matrix[row][0] * from_mm[0] + matrix[row][1] * from_mm[1]
            + matrix[row][2] * from_mm[2] + matrix[row][3];
}

/* ---- the search ---- */

struct search {
    struct mutual mutual;
    double center_mm[3], radius_mm;     /* a turn moves what is at the radius by as many mm */
};

static void matrix_of(const struct search *search, const double *point, double ret_matrix[4][4])
{
    double angle[3];

    for (int axis = 0; axis < 3; axis++)
        angle[axis] = point[axis] / search->radius_mm * 180 / M_PI;
    register_matrix(angle, point + 3, search->center_mm, ret_matrix);
}

static double cost(const double *point, void *context)
{
    const struct search *const search = context;
    double matrix[4][4];

    matrix_of(search, point, matrix);
    return -mutual_measure(&search->mutual, matrix);
}

/* Where both lie, or with what they show on each other. */
static void begin(struct search *search, double point[6])
{
    double centered[6] = { 0, 0, 0, 0, 0, 0 };

    mutual_center(&search->mutual.moving, centered + 3);
    for (int axis = 0; axis < 3; axis++)
        centered[axis + 3] -= search->center_mm[axis];
    memset(point, 0, 6 * sizeof *point);
    if (cost(centered, search) < cost(point, search))
        memcpy(point, centered, sizeof centered);
}

static bool search_level(const struct volume *fixed, const struct volume *moving, int level,
                         int threads, struct arena *arena, struct search *search,
                         double point[6], struct registration *registration, struct error *err)
{
    struct mutual_image still, other;

    if (!mutual_image(fixed, levels[level].voxel_mm, threads, arena, &still, err)
        || !mutual_image(moving, levels[level].voxel_mm, threads, arena, &other, err)
        || !mutual_new(&still, &other, levels[level].samples, threads, arena, &search->mutual,
                       err))
        return false;
    if (level == 0) {
        mutual_extent(&search->mutual, search->center_mm, &search->radius_mm);
        search->radius_mm = fmax(search->radius_mm, LEAST_RADIUS_MM);
        begin(search, point);
    }
    registration->after = -powell(cost, search, point, 6, levels[level].step_mm, LEAST_GAIN,
                                  &registration->evaluations);
    return true;
}

static bool search_all(const struct volume *fixed, const struct volume *moving, int threads,
                       struct arena *arena, struct registration *registration,
                       struct error *err)
{
    const double still[6] = { 0, 0, 0, 0, 0, 0 };
    struct search search;
    double point[6] = { 0, 0, 0, 0, 0, 0 };

    for (int level = 0; level < LEVELS; level++) {
        const size_t mark = arena_mark(arena);
        if (!search_level(fixed, moving, level, threads, arena, &search, point, registration,
                          err))
            return false;
        registration->before = -cost(still, &search);
        arena_rewind(arena, mark);
    }
    if (registration->after <= 1)
        return error_set(err, ERROR_DATA, "the volumes hardly overlap");
    matrix_of(&search, point, registration->matrix);
    for (int axis = 0; axis < 3; axis++) {
        registration->angle_degrees[axis] = point[axis] / search.radius_mm * 180 / M_PI;
        registration->shift_mm[axis] = point[axis + 3];
        registration->center_mm[axis] = search.center_mm[axis];
    }
    return true;
}

bool register_rigid(const struct volume *fixed, const struct volume *moving, int threads,
                    struct arena *arena, struct registration *ret_registration,
                    struct error *err)
{
    struct registration registration = { .evaluations = 0 };
    const size_t mark = arena_mark(arena);

    if (volume_count(fixed) == 0 || volume_count(moving) == 0)
        return error_set(err, ERROR_DATA, "no voxels to register");
    const bool good = search_all(fixed, moving, threads, arena, &registration, err);
    arena_rewind(arena, mark);
    if (good)
        *ret_registration = registration;
    return good || error_prefix(err, "registration");
}

static size_t image_need(const struct volume *volume)
{
    double voxels = (double)volume_count(volume);

    for (int axis = 0; axis < 3; axis++) {
        const double wide = levels[LEVELS - 1].voxel_mm / volume_spacing_mm(volume, axis) + 0.01;
        voxels /= fmax(floor(wide), 1);
    }
    return (size_t)voxels * sizeof(float);
}

size_t register_need(const struct volume *fixed, const struct volume *moving)
{
    return image_need(fixed) + image_need(moving)
        + 2 * levels[LEVELS - 1].samples * sizeof(struct mutual_sample) + ((size_t)1 << 20);
}
