/* Volume: the geometry of a block of voxels. */
#include "util/volume.h"

#include <assert.h>
#include <math.h>

#include "util/arena.h"
#include "util/error.h"

size_t voxel_size(enum voxel_type type)
{
    switch (type) {
    case VOXEL_INT16:   return 2;
    case VOXEL_FLOAT32: return 4;
    case VOXEL_UINT8:   return 1;
    case VOXEL_UINT32:  return 4;
    }
    assert(!"a voxel type");
    return 0;
}

size_t volume_count(const struct volume *volume)
{
    return volume->size[0] * volume->size[1] * volume->size[2];
}

bool volume_take_like(const struct volume *like, enum voxel_type type,
                      enum volume_unit unit, struct arena *arena,
                      struct volume *ret_volume, struct error *err)
{
    void *const voxels = arena_take(arena, volume_count(like), voxel_size(type), err);

    if (voxels == NULL)
        return error_prefix(err, "volume of %zu x %zu x %zu", like->size[0], like->size[1],
                            like->size[2]);
    *ret_volume = *like;
    ret_volume->type = type;
    ret_volume->unit = unit;
    ret_volume->voxels = voxels;
    ret_volume->slope = 1;
    ret_volume->intercept = 0;
    return true;
}

/* The position of voxel (0, 0, k), k between slices. */
static void slice_origin(const struct volume *volume, double k, double ret_mm[3])
{
    if (volume->even || volume->slices == NULL || volume->size[2] < 2) {
        for (int axis = 0; axis < 3; axis++)
            ret_mm[axis] = volume->affine[axis][3] + k * volume->affine[axis][2];
        return;
    }
    const double last = (double)(volume->size[2] - 2);
    const double below = fmin(fmax(floor(k), 0), last);
    const double *const a = volume->slices[(size_t)below].position_mm;
    const double *const b = volume->slices[(size_t)below + 1].position_mm;
    for (int axis = 0; axis < 3; axis++)
        ret_mm[axis] = a[axis] + (k - below) * (b[axis] - a[axis]);
}

void volume_to_patient(const struct volume *volume, const double voxel[3],
                       double ret_mm[3])
{
    slice_origin(volume, voxel[2], ret_mm);
    for (int axis = 0; axis < 3; axis++)
        ret_mm[axis] += voxel[0] * volume->affine[axis][0]
                      + voxel[1] * volume->affine[axis][1];
}

double volume_spacing_mm(const struct volume *volume, int axis)
{
    return hypot(hypot(volume->affine[0][axis], volume->affine[1][axis]),
                 volume->affine[2][axis]);
}

/* |det| of the steps along i and j, and a given step along k. */
static double parallelepiped_mm3(const struct volume *volume, const double step[3])
{
    const double (*const a)[4] = volume->affine;

    return fabs(step[0] * (a[1][0] * a[2][1] - a[2][0] * a[1][1])
              + step[1] * (a[2][0] * a[0][1] - a[0][0] * a[2][1])
              + step[2] * (a[0][0] * a[1][1] - a[1][0] * a[0][1]));
}

double volume_voxel_mm3(const struct volume *volume, size_t k)
{
    double step[3];

    if (volume->even || volume->slices == NULL || volume->size[2] < 2) {
        for (int axis = 0; axis < 3; axis++)
            step[axis] = volume->affine[axis][2];
        return parallelepiped_mm3(volume, step);
    }
    const size_t last = volume->size[2] - 1;
    const size_t low = k > 0 ? k - 1 : 0, high = k < last ? k + 1 : last;
    for (int axis = 0; axis < 3; axis++)
        step[axis] = (volume->slices[high].position_mm[axis]
                      - volume->slices[low].position_mm[axis]) / (double)(high - low);
    return parallelepiped_mm3(volume, step);
}

double volume_diagonal_mm(const struct volume *volume)
{
    double square = 0;

    for (int axis = 0; axis < 3; axis++)
        square += pow(volume_spacing_mm(volume, axis), 2);
    return sqrt(square);
}

double volume_value(const struct volume *volume, size_t index)
{
    switch (volume->type) {
    case VOXEL_INT16:   return volume->i16[index] * volume->slope + volume->intercept;
    case VOXEL_FLOAT32: return volume->f32[index];
    case VOXEL_UINT8:   return volume->u8[index];
    case VOXEL_UINT32:  return volume->u32[index];
    }
    assert(!"a voxel type");
    return 0;
}

const char *volume_unit_name(enum volume_unit unit)
{
    switch (unit) {
    case UNIT_NONE:        return "";
    case UNIT_ARBITRARY:   return "1";
    case UNIT_HU:          return "HU";
    case UNIT_SUVBW:       return "g/ml{SUVbw}";
    case UNIT_SUVLBM:      return "g/ml{SUVlbm}";
    case UNIT_SUVLBM_JAMES128: return "g/ml{SUVlbm(James128)}";
    case UNIT_SUVLBM_JANMA: return "g/ml{SUVlbm(Janma)}";
    case UNIT_SUVBSA:      return "cm2/ml{SUVbsa}";
    case UNIT_BQML:        return "Bq/ml";
    case UNIT_PROBABILITY: return "1";
    case UNIT_COUNTS:      return "counts";
    }
    assert(!"a unit");
    return "";
}
