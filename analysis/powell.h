/* Powell: the minimum of a function of few numbers whose slope nobody knows. */
#ifndef TUMORD_ANALYSIS_POWELL_H
#define TUMORD_ANALYSIS_POWELL_H

#include <stddef.h>

#define POWELL_MAX 8

typedef double (*powell_fn)(const double *point, void *context);

/*
 * Moves `point` (of at most POWELL_MAX numbers, alike in scale) downhill, first by about `step`, until a
 * round over all directions gains less than `least` or moves less than `step` / 20. Returns the
 * value there; each call of the function is counted in *evaluations.
 */
double powell(powell_fn function, void *context, double *point, size_t count, double step,
              double least, size_t *evaluations);

#endif
