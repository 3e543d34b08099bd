/* Opening: the least of each ball, then the greatest of those, by rows of voxels at a time. */
#include "analysis/opening.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/pool.h"
#include "analysis/vector.h"
#include "util/volume.h"

#define MAX_REACH 64                /* voxels of a radius */

struct pass {
    const size_t *size;
    const float *from;
    float *to;
    double mm[3], radius_mm;
    long reach[3];
    int sign;                       /* 1: the least of the ball; -1: the greatest */
};

VECTOR_CLONES
static void take_least(const float *restrict from, float *restrict to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] < to[i] ? from[i] : to[i];
}

VECTOR_CLONES
static void take_greatest(const float *restrict from, float *restrict to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] > to[i] ? from[i] : to[i];
}

/* The widest step along i that stays in the ball, beside (j, k) steps; -1: none does. */
static long width_of(const struct pass *pass, long j, long k)
{
    const double y = (double)j * pass->mm[1], z = (double)k * pass->mm[2];
    long i = pass->reach[0];

    while (i >= 0 && pow((double)i * pass->mm[0], 2) + y * y + z * z > pass->radius_mm * pass->radius_mm)
        i--;
    return i;
}

/* One row with a row beside it, which is shifted by up to `width` along i to both sides. */
static void pass_row(const struct pass *pass, const float *from, float *to, long width)
{
    const size_t count = pass->size[0];
    void (*const take)(const float *restrict, float *restrict, size_t)
        = pass->sign > 0 ? take_least : take_greatest;

    for (size_t shift = 0; shift <= (size_t)width && shift < count; shift++) {
        take(from + shift, to, count - shift);
        take(from, to + shift, count - shift);
    }
}

/* The plane `part` of the result. */
static void pass_plane(size_t part, void *context)
{
    const struct pass *const pass = context;
    const size_t *const size = pass->size;
    const size_t plane = size[0] * size[1];

    memcpy(pass->to + part * plane, pass->from + part * plane, plane * sizeof *pass->to);
    for (long k = -pass->reach[2]; k <= pass->reach[2]; k++)
        for (long j = -pass->reach[1]; j <= pass->reach[1]; j++) {
            const long width = width_of(pass, j, k), other = (long)part + k;
            if (width < 0 || other < 0 || other >= (long)size[2])
                continue;
            for (long row = j < 0 ? -j : 0; row < (long)size[1] && row + j < (long)size[1]; row++)
                pass_row(pass, pass->from + ((size_t)other * size[1] + (size_t)(row + j)) * size[0],
                         pass->to + part * plane + (size_t)row * size[0], width);
        }
}

void opening_ball(const struct volume *volume, const float *from, double radius_mm, float *to, float *spare,
                  int threads)
{
    struct pass pass = { .size = volume->size, .from = from, .to = spare, .radius_mm = radius_mm, .sign = 1 };

    for (int axis = 0; axis < 3; axis++) {
        pass.mm[axis] = volume_spacing_mm(volume, axis);
        pass.reach[axis] = volume->size[axis] == 1 ? 0 : (long)fmin(radius_mm / pass.mm[axis], MAX_REACH);
    }
    pool_run(threads, volume->size[2], pass_plane, &pass);
    pass.from = spare;
    pass.to = to;
    pass.sign = -1;
    pool_run(threads, volume->size[2], pass_plane, &pass);
}
