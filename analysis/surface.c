/* Surface: normal equations of 20 terms, solved by Cholesky's decomposition. */
#include "analysis/surface.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 4
#define RIDGE 1e-6              /* of the samples: keeps terms that they do not tell at 0 */
#define MAX_RESIDUALS 20000     /* for the median */

static void terms_at(const size_t size[3], const size_t voxel[3], double term[SURFACE_TERMS])
{
    double p[3];
    int count = 0;

    for (int axis = 0; axis < 3; axis++)
        p[axis] = size[axis] > 1
            ? 2.0 * (double)voxel[axis] / (double)(size[axis] - 1) - 1 : 0;
    const double x[4] = { 1, p[0], p[0] * p[0], p[0] * p[0] * p[0] };
    const double y[4] = { 1, p[1], p[1] * p[1], p[1] * p[1] * p[1] };
    const double z[4] = { 1, p[2], p[2] * p[2], p[2] * p[2] * p[2] };
    for (int a = 0; a < 4; a++)
        for (int b = 0; a + b < 4; b++)
            for (int c = 0; a + b + c < 4; c++)
                term[count++] = x[a] * y[b] * z[c];
}

/* The terms of one row gathered by powers of x. */
void surface_row(const struct surface *surface, size_t j, size_t k, double ret_weight[4])
{
    double term[SURFACE_TERMS];
    int count = 0;

    /* At the end of the row x is 1, and all its powers. */
    terms_at(surface->size, (const size_t[3]){ surface->size[0] - 1, j, k }, term);
    if (surface->size[0] == 1)
        terms_at((const size_t[3]){ 2, surface->size[1], surface->size[2] },
                 (const size_t[3]){ 1, j, k }, term);
    for (int a = 0; a < 4; a++) {
        ret_weight[a] = 0;
        for (int b = 0; a + b < 4; b++)
            for (int c = 0; a + b + c < 4; c++, count++)
                ret_weight[a] += surface->weight[count] * term[count];
    }
}

double surface_at(const struct surface *surface, size_t i, size_t j, size_t k)
{
    double weight[4];

    surface_row(surface, j, k, weight);
    return surface_in_row(surface, weight, i);
}

static bool solve(double a[SURFACE_TERMS][SURFACE_TERMS], double b[SURFACE_TERMS])
{
    for (int i = 0; i < SURFACE_TERMS; i++)
        for (int j = 0; j <= i; j++) {
            double sum = a[i][j];
            for (int k = 0; k < j; k++)
                sum -= a[i][k] * a[j][k];
            if (i == j && !(sum > 0))
                return false;
            a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
        }
    for (int i = 0; i < SURFACE_TERMS; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (int i = SURFACE_TERMS - 1; i >= 0; i--) {
        for (int k = i + 1; k < SURFACE_TERMS; k++)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
    return true;
}

static double residual(const struct surface *surface, const struct surface_sample *sample)
{
    return sample->value - surface_at(surface, sample->voxel[0], sample->voxel[1],
                                      sample->voxel[2]);
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

double surface_median(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

static double robust_scale(const struct surface *surface,
                           const struct surface_sample *samples, size_t count)
{
    static _Thread_local double distance[MAX_RESIDUALS];
    const size_t step = count / MAX_RESIDUALS + 1;
    size_t used = 0;

    for (size_t n = 0; n < count && used < MAX_RESIDUALS; n += step)
        distance[used++] = fabs(residual(surface, &samples[n]));
    return 1.4826 * surface_median(distance, used);
}

static bool fit_once(const struct surface_sample *samples, size_t count, double scale,
                     struct surface *surface)
{
    double a[SURFACE_TERMS][SURFACE_TERMS] = { { 0 } }, b[SURFACE_TERMS] = { 0 };
    double term[SURFACE_TERMS];

    for (size_t n = 0; n < count; n++) {
        const double off = scale > 0 ? residual(surface, &samples[n]) / (2 * scale) : 0;
        const double weight = 1 / (1 + off * off);
        terms_at(surface->size, samples[n].voxel, term);
        for (int i = 0; i < SURFACE_TERMS; i++) {
            b[i] += weight * term[i] * samples[n].value;
            for (int j = 0; j <= i; j++)
                a[i][j] += weight * term[i] * term[j];
        }
    }
    for (int i = 0; i < SURFACE_TERMS; i++)
        a[i][i] += RIDGE * (double)count;
    if (!solve(a, b))
        return false;
    memcpy(surface->weight, b, sizeof b);
    return true;
}

bool surface_fit(const struct surface_sample *samples, size_t count, const size_t size[3],
                 struct surface *ret_surface, double *ret_scale)
{
    struct surface surface = { .weight = { 0 } };
    double scale = 0;

    if (count < 2 * SURFACE_TERMS)
        return false;
    memcpy(surface.size, size, sizeof surface.size);
    for (int round = 0; round < ROUNDS; round++) {
        if (!fit_once(samples, count, scale, &surface))
            return false;
        scale = robust_scale(&surface, samples, count);
    }
    *ret_surface = surface;
    *ret_scale = scale;
    return true;
}
