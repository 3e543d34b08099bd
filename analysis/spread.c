/* Spread: one sorting, and two passes for the deviation, which does not cancel then. */
#include "analysis/spread.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

double spread_quantile(const double *sorted, size_t count, double part)
{
    const double place = (double)(count - 1) * part;
    const size_t below = (size_t)place, above = below + 1 < count ? below + 1 : below;

    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

static double mean_of(const double *values, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

static double deviation(const double *values, size_t count, double mean)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (values[i] - mean) * (values[i] - mean);
    return count < 2 ? NAN : sqrt(sum / (double)(count - 1));
}

void spread_of(double *values, size_t count, struct spread *ret_spread)
{
    *ret_spread = (struct spread){ .count = count, .sd = NAN };
    if (count == 0)
        return;
    qsort(values, count, sizeof *values, compare);
    ret_spread->minimum = values[0];
    ret_spread->quartile_1 = spread_quantile(values, count, 0.25);
    ret_spread->median = spread_quantile(values, count, 0.5);
    ret_spread->mean = mean_of(values, count);
    ret_spread->quartile_3 = spread_quantile(values, count, 0.75);
    ret_spread->maximum = values[count - 1];
    ret_spread->sd = deviation(values, count, ret_spread->mean);
}

double spread_ball_diameter(double volume)
{
    return cbrt(6 * volume / M_PI);
}
