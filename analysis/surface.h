/*
 * Surface: a smooth function of the place, fitted robustly. It models what changes slowly (a
 * coil's field, a tissue's own shading), so that what changes quickly stands out.
 */
#ifndef TUMORD_ANALYSIS_SURFACE_H
#define TUMORD_ANALYSIS_SURFACE_H

#include <stdbool.h>
#include <stddef.h>

#define SURFACE_TERMS 20            /* of a cubic polynomial in three variables */

struct surface {
    double weight[SURFACE_TERMS];
    size_t size[3];                 /* of the grid: coordinates run from -1 to 1 on it */
};

struct surface_sample {
    size_t voxel[3];
    double value;
};

/*
 * Least squares with weights that fall for outliers (four rounds, Cauchy weights of the median
 * residual). ret_scale: the residuals' robust SD. Needs more samples than terms.
 */
bool surface_fit(const struct surface_sample *samples, size_t count, const size_t size[3],
                 struct surface *ret_surface, double *ret_scale);

double surface_at(const struct surface *surface, size_t i, size_t j, size_t k);

/* The same for a whole row, and much faster: a cubic in i, whose weights come first. */
void surface_row(const struct surface *surface, size_t j, size_t k, double ret_weight[4]);

static inline double surface_in_row(const struct surface *surface, const double weight[4],
                                    size_t i)
{
    const double last = surface->size[0] > 1 ? (double)(surface->size[0] - 1) : 1;
    const double x = surface->size[0] > 1 ? 2.0 * (double)(int)i / last - 1 : 0;

    return weight[0] + x * (weight[1] + x * (weight[2] + x * weight[3]));
}

/* The middle value, and 1.4826 × the median distance from it; `values` are reordered. */
double surface_median(double *values, size_t count);

#endif
