/* Spread: how numbers are distributed, in the few figures that tell of it. */
#ifndef TUMORD_ANALYSIS_SPREAD_H
#define TUMORD_ANALYSIS_SPREAD_H

#include <stddef.h>

struct spread {
    size_t count;                   /* 0: no other figure is known */
    double minimum, quartile_1, median, mean, quartile_3, maximum;
    double sd;                      /* of a sample (n - 1); NAN below two values */
};

/* Sorts `values`, which are finite, in place. Quartiles are those of spread_quantile(). */
void spread_of(double *values, size_t count, struct spread *ret_spread);

/*
 * Type 7 of Hyndman and Fan (numpy's and R's default) of sorted values, at least one: between
 * the two that lie around place (count - 1) × `part`, linearly.
 */
double spread_quantile(const double *sorted, size_t count, double part);

/* The diameter of the ball of this volume, in the unit whose cube the volume has. */
double spread_ball_diameter(double volume);

#endif
