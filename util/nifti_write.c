/* NIfTI: a volume as a NIfTI-1 file. */
#include <math.h>
#include <stdlib.h>

#include "util/error.h"
#include "util/nifti.h"
#include "util/nifti_type.h"
#include "util/volume.h"

#define OFFSET 352                      /* the header, and four zeros: no extensions */
#define SIDE_MOST 32767

static void put16(unsigned char *header, size_t at, int value)
{
    const int16_t field = (int16_t)value;

    memcpy(header + at, &field, sizeof field);
}

static void put_float(unsigned char *header, size_t at, double value)
{
    const float field = (float)value;

    memcpy(header + at, &field, sizeof field);
}

static int datatype_of(enum voxel_type type)
{
    switch (type) {
    case VOXEL_INT16:   return NIFTI_INT16;
    case VOXEL_FLOAT32: return NIFTI_FLOAT32;
    case VOXEL_UINT8:   return NIFTI_UINT8;
    case VOXEL_UINT32:  return NIFTI_UINT32;
    }
    return 0;
}

static bool check(const struct volume *volume, size_t *ret_bytes, struct error *err)
{
    size_t bytes = voxel_size(volume->type);

    for (int axis = 0; axis < 3; axis++)
        if (volume->size[axis] < 1 || volume->size[axis] > SIDE_MOST)
            return error_set(err, ERROR_UNSUPPORTED,
                             "%zu voxels a side: NIfTI-1 holds 1 to %d", volume->size[axis],
                             SIDE_MOST);
        else
            bytes *= volume->size[axis];
    if (!volume->even && volume->slices != NULL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "its slices are unevenly spaced, which NIfTI cannot say");
    if (!isfinite((float)volume->slope) || (float)volume->slope == 0 ||
        !isfinite((float)volume->intercept))
        return error_set(err, ERROR_UNSUPPORTED,
                         "slope %g and intercept %g do not fit into NIfTI-1", volume->slope,
                         volume->intercept);
    *ret_bytes = bytes;
    return true;
}

/* The rotation as a quaternion with a >= 0, by the largest of its four parts. */
static void to_quaternion(const double r[3][3], double ret[3])
{
    double q[4];
    const double square[4] = {
        1 + r[0][0] + r[1][1] + r[2][2], 1 + r[0][0] - r[1][1] - r[2][2],
        1 - r[0][0] + r[1][1] - r[2][2], 1 - r[0][0] - r[1][1] + r[2][2]
    };
    const double sum[4][4] = {          /* 4 times the products of a, b, c, d */
        { square[0], r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1] },
        { r[2][1] - r[1][2], square[1], r[1][0] + r[0][1], r[0][2] + r[2][0] },
        { r[0][2] - r[2][0], r[1][0] + r[0][1], square[2], r[2][1] + r[1][2] },
        { r[1][0] - r[0][1], r[0][2] + r[2][0], r[2][1] + r[1][2], square[3] }
    };
    int largest = 0;

    for (int i = 1; i < 4; i++)
        if (square[i] > square[largest])
            largest = i;
    for (int i = 0; i < 4; i++)
        q[i] = sum[largest][i] / (2 * sqrt(square[largest]));
    for (int i = 0; i < 3; i++)
        ret[i] = q[0] < 0 ? -q[i + 1] : q[i + 1];
}

/* False for sheared axes, which a qform cannot say; `ret_turn` is a rotation, qfac beside. */
static bool to_rotation(const double ras[3][4], const double step[3], double ret_turn[3][3],
                        double *ret_qfac)
{
    double turn[3][3];

    for (int row = 0; row < 3; row++)
        for (int axis = 0; axis < 3; axis++)
            turn[row][axis] = ras[row][axis] / step[axis];
    for (int a = 0; a < 3; a++) {
        const int b = (a + 1) % 3;

        if (fabs(turn[0][a] * turn[0][b] + turn[1][a] * turn[1][b] + turn[2][a] * turn[2][b])
            > 1e-5)
            return false;
    }
    const double side = turn[0][2] * (turn[1][0] * turn[2][1] - turn[2][0] * turn[1][1])
                      + turn[1][2] * (turn[2][0] * turn[0][1] - turn[0][0] * turn[2][1])
                      + turn[2][2] * (turn[0][0] * turn[1][1] - turn[1][0] * turn[0][1]);
    *ret_qfac = side < 0 ? -1 : 1;
    for (int row = 0; row < 3; row++)
        turn[row][2] *= *ret_qfac;
    memcpy(ret_turn, turn, sizeof turn);
    return true;
}

static void put_geometry(const struct volume *volume, unsigned char *header)
{
    double ras[3][4], step[3], turn[3][3], quaternion[3], qfac = 1;

    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++)
            ras[row][column] = (row < 2 ? -1 : 1) * volume->affine[row][column] + 0.0;
    for (int axis = 0; axis < 3; axis++) {
        step[axis] = volume_spacing_mm(volume, axis);
        put_float(header, 80 + 4 * (size_t)axis, step[axis]);
    }
    put16(header, 254, 1);              /* sform: the scanner's system */
    for (int field = 0; field < 12; field++)
        put_float(header, 280 + 4 * (size_t)field, ras[field / 4][field % 4]);
    if (to_rotation((const double (*)[4])ras, step, turn, &qfac)) {
        to_quaternion((const double (*)[3])turn, quaternion);
        put16(header, 252, 1);
        for (int i = 0; i < 3; i++) {
            put_float(header, 256 + 4 * (size_t)i, quaternion[i]);
            put_float(header, 268 + 4 * (size_t)i, ras[i][3]);
        }
    }
    put_float(header, 76, qfac);
    header[123] = 2;                    /* millimetre */
}

bool nifti_write(const struct volume *volume, unsigned char **ret_bytes, size_t *ret_size,
                 struct error *err)
{
    const int32_t header_size = 348;
    size_t bytes = 0;

    if (!check(volume, &bytes, err))
        return false;
    unsigned char *const file = malloc(OFFSET + bytes);
    if (file == NULL)
        return error_set(err, ERROR_MEMORY, "no memory for a NIfTI file of %zu bytes",
                         OFFSET + bytes);
    memset(file, 0, OFFSET);
    memcpy(file, &header_size, sizeof header_size);
    put16(file, 40, 3);
    for (int axis = 0; axis < 7; axis++)
        put16(file, 42 + 2 * (size_t)axis, axis < 3 ? (int)volume->size[axis] : 1);
    put16(file, 70, datatype_of(volume->type));
    put16(file, 72, (int)(8 * voxel_size(volume->type)));
    put_float(file, 108, OFFSET);
    put_float(file, 112, volume->slope);
    put_float(file, 116, volume->intercept);
    put_geometry(volume, file);
    memcpy(file + 344, "n+1", 4);
    memcpy(file + OFFSET, volume->voxels, bytes);
    *ret_bytes = file;
    *ret_size = OFFSET + bytes;
    return true;
}
