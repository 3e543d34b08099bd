/* Resample: rows of a grid, whose voxels are a straight line through the other volume. */
#include "analysis/resample.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"

struct onto {
    const struct volume *moving, *grid;
    struct volume *to;
    double to_voxel[3][4];              /* from the grid's patient space to moving voxels */
    enum resample_kind kind;
    double outside;                     /* as stored */
};

/* Cramer's rule; false on a volume that is flat in space. */
static bool invert(const double a[3][4], double ret[3][4])
{
    double cofactor[3][3];

    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            const int r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
            cofactor[r][c] = a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1];
        }
    const double det = a[0][0] * cofactor[0][0] + a[0][1] * cofactor[0][1]
        + a[0][2] * cofactor[0][2];
    for (int r = 0; r < 3 && det != 0; r++) {
        ret[r][3] = 0;
        for (int c = 0; c < 3; c++) {
            ret[r][c] = cofactor[c][r] / det;
            ret[r][3] -= ret[r][c] * a[c][3];
        }
    }
    return det != 0;
}

static double stored(const struct volume *volume, size_t index)
{
    return volume->type == VOXEL_INT16 ? volume->i16[index]
        : volume->type == VOXEL_FLOAT32 ? (double)volume->f32[index]
        : volume->type == VOXEL_UINT8 ? volume->u8[index] : volume->u32[index];
}

static void put(struct volume *volume, size_t index, double value)
{
    switch (volume->type) {
    case VOXEL_INT16:   volume->i16[index] = (int16_t)floor(value + 0.5); break;
    case VOXEL_FLOAT32: volume->f32[index] = (float)value; break;
    case VOXEL_UINT8:   volume->u8[index] = (uint8_t)value; break;
    case VOXEL_UINT32:  volume->u32[index] = (uint32_t)value; break;
    }
}

/* The voxel on the low side and the part of the way to the next; the border's voxels reach out. */
static bool split(double at, size_t size, size_t *ret_low, double *ret_part)
{
    const double last = (double)(size - 1);

    if (!(at >= -0.5 && at <= last + 0.5))
        return false;
    const double kept = at < 0 ? 0 : at > last ? last : at;
    *ret_low = size > 1 && kept == last ? size - 2 : (size_t)kept;
    *ret_part = kept - (double)*ret_low;
    return true;
}

/* Along columns, rows and slices in turn; a side of one voxel has no far side. */
#define LINEAR(name, type, member) \
    static double name(const struct volume *volume, size_t base, const size_t far[3], \
                       const double part[3]) \
    { \
        const type *const a = volume->member + base, *const b = a + far[2]; \
        const double a0 = a[0] + part[0] * ((double)a[far[0]] - a[0]); \
        const double a1 = a[far[1]] + part[0] * ((double)a[far[1] + far[0]] - a[far[1]]); \
        const double b0 = b[0] + part[0] * ((double)b[far[0]] - b[0]); \
        const double b1 = b[far[1]] + part[0] * ((double)b[far[1] + far[0]] - b[far[1]]); \
        const double near_side = a0 + part[1] * (a1 - a0), far_side = b0 + part[1] * (b1 - b0); \
        return near_side + part[2] * (far_side - near_side); \
    }
LINEAR(linear_i16, int16_t, i16)
LINEAR(linear_f32, float, f32)

static double linear(const struct volume *volume, const size_t low[3], const double part[3])
{
    const size_t *const size = volume->size;
    const size_t far[3] = { size[0] > 1, size[1] > 1 ? size[0] : 0,
                            size[2] > 1 ? size[0] * size[1] : 0 };
    const size_t base = (low[2] * size[1] + low[1]) * size[0] + low[0];

    return volume->type == VOXEL_INT16 ? linear_i16(volume, base, far, part)
        : linear_f32(volume, base, far, part);
}

static double value_at(const struct onto *onto, const double at[3])
{
    size_t low[3];
    double part[3];

    for (int axis = 0; axis < 3; axis++)
        if (!split(at[axis], onto->moving->size[axis], &low[axis], &part[axis]))
            return onto->outside;
    if (onto->kind == RESAMPLE_LINEAR)
        return linear(onto->moving, low, part);
    for (int axis = 0; axis < 3; axis++)
        low[axis] += part[axis] >= 0.5;
    return stored(onto->moving, (low[2] * onto->moving->size[1] + low[1])
                  * onto->moving->size[0] + low[0]);
}

/* ---- rows ---- */

struct row {
    double first[3], step[3];           /* moving voxels: of the first voxel, and from one to the next */
    size_t from, to;                    /* of its voxels, those with a voxel on every side */
};

/* Cuts [from, to) to where first + i step lies in [0, last), with a margin for rounding. */
static void cut_row(struct row *row, int axis, double last)
{
    const double first = row->first[axis], step = row->step[axis], margin = 1e-6;
    double low = 0, high = (double)row->to;

    if (fabs(step) < 1e-12) {
        if (first < margin || first > last - margin)
            row->to = row->from;
        return;
    }
    const double a = (margin - first) / step, b = (last - margin - first) / step;
    low = fmax(0, ceil(fmin(a, b)));
    high = fmin(high, floor(fmax(a, b)) + 1);
    row->from = low > (double)row->from ? (size_t)fmin(low, (double)row->to) : row->from;
    row->to = high < (double)row->from ? row->from : (size_t)high;
}

/* Inside, without a question a voxel; the same steps as linear(), in single precision. */
#define FILL(name, type, member, store) \
    static void name(const struct volume *moving, const struct row *row, type *to) \
    { \
        const size_t line = moving->size[0], plane = line * moving->size[1]; \
        for (size_t i = row->from; i < row->to; i++) { \
            const double x = row->first[0] + row->step[0] * (double)i; \
            const double y = row->first[1] + row->step[1] * (double)i; \
            const double z = row->first[2] + row->step[2] * (double)i; \
            const int32_t u = (int32_t)x, v = (int32_t)y, w = (int32_t)z; \
            const float p = (float)(x - u), q = (float)(y - v), r = (float)(z - w); \
            const type *const a = moving->member + (size_t)w * plane + (size_t)v * line + (size_t)u; \
            const type *const b = a + plane; \
            const float a0 = (float)a[0] + p * (float)(a[1] - a[0]); \
            const float a1 = (float)a[line] + p * (float)(a[line + 1] - a[line]); \
            const float b0 = (float)b[0] + p * (float)(b[1] - b[0]); \
            const float b1 = (float)b[line] + p * (float)(b[line + 1] - b[line]); \
            const float c0 = a0 + q * (a1 - a0), c1 = b0 + q * (b1 - b0); \
            const float value = c0 + r * (c1 - c0); \
            to[i] = store; \
        } \
    }
FILL(fill_i16, int16_t, i16, (int16_t)((int32_t)((double)value + 32768.5) - 32768))
FILL(fill_f32, float, f32, value)

/* Which voxels of the row fill_i16() and fill_f32() may take: none for labels. */
static void find_inside(const struct onto *onto, struct row *row)
{
    const enum voxel_type type = onto->moving->type;

    row->from = 0;
    row->to = onto->kind == RESAMPLE_LINEAR && (type == VOXEL_INT16 || type == VOXEL_FLOAT32)
        ? onto->grid->size[0] : 0;
    for (int axis = 0; axis < 3; axis++)
        cut_row(row, axis, (double)(onto->moving->size[axis] - 1));
}

static void fill_slowly(const struct onto *onto, const struct row *row, size_t index, size_t i,
                        size_t end)
{
    double at[3];

    for (; i < end; i++) {
        for (int axis = 0; axis < 3; axis++)
            at[axis] = row->first[axis] + row->step[axis] * (double)i;
        put(onto->to, index + i, value_at(onto, at));
    }
}

static void fill_row(const struct onto *onto, struct row *row, size_t index)
{
    find_inside(onto, row);
    fill_slowly(onto, row, index, 0, row->from);
    if (onto->moving->type == VOXEL_INT16)
        fill_i16(onto->moving, row, onto->to->i16 + index);
    else if (onto->moving->type == VOXEL_FLOAT32)
        fill_f32(onto->moving, row, onto->to->f32 + index);
    fill_slowly(onto, row, index, row->to, onto->grid->size[0]);
}

static void fill_slice(size_t k, void *context)
{
    const struct onto *const onto = context;
    const size_t *const size = onto->grid->size;
    struct row row;
    double first[3];

    for (int axis = 0; axis < 3; axis++) {
        row.step[axis] = 0;
        for (int i = 0; i < 3; i++)
            row.step[axis] += onto->to_voxel[axis][i] * onto->grid->affine[i][0];
    }
    for (size_t j = 0; j < size[1]; j++) {
        volume_to_patient(onto->grid, (const double[3]){ 0, (double)j, (double)k }, first);
        for (int axis = 0; axis < 3; axis++)
            row.first[axis] = onto->to_voxel[axis][0] * first[0]
                + onto->to_voxel[axis][1] * first[1] + onto->to_voxel[axis][2] * first[2]
                + onto->to_voxel[axis][3];
        fill_row(onto, &row, (k * size[1] + j) * size[0]);
    }
}

/* to_voxel = moving's inverse affine · matrix. */
static bool compose(const struct volume *moving, const double (*matrix)[4], double ret[3][4])
{
    double inverse[3][4];

    if (!invert(moving->affine, inverse))
        return false;
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++) {
            ret[row][column] = column == 3 ? inverse[row][3] : 0;
            for (int i = 0; i < 3; i++)
                ret[row][column] += inverse[row][i]
                    * (matrix != NULL ? matrix[i][column] : i == column);
        }
    return true;
}

bool resample_onto(const struct volume *moving, const struct volume *grid,
                   const double (*matrix)[4], enum resample_kind kind, double outside, int threads,
                   struct arena *arena, struct volume *ret_volume, struct error *err)
{
    struct volume to;
    struct onto onto = { .moving = moving, .grid = grid, .to = &to, .kind = kind,
                         .outside = (outside - moving->intercept) / moving->slope };

    if (!moving->even && moving->slices != NULL)
        return error_set(err, ERROR_UNSUPPORTED, "slices that lie unevenly are no grid");
    if (volume_count(moving) == 0)
        return error_set(err, ERROR_DATA, "no voxels to resample");
    if (kind == RESAMPLE_LINEAR && moving->type != VOXEL_INT16 && moving->type != VOXEL_FLOAT32)
        return error_set(err, ERROR_UNSUPPORTED, "labels have no values between them");
    if (!compose(moving, matrix, onto.to_voxel))
        return error_set(err, ERROR_DATA, "a volume that is flat in space");
    if (!volume_take_like(grid, moving->type, moving->unit, arena, &to, err))
        return false;
    to.slope = moving->slope;
    to.intercept = moving->intercept;
    pool_run(threads, grid->size[2], fill_slice, &onto);
    *ret_volume = to;
    return true;
}
