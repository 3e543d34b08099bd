/*
 * Levels: a volume's values inside the window as 12-bit numbers, without a smooth field when
 * that is asked for, and smoothed; with the noise that was smoothed away.
 */
#ifndef TUMORD_ANALYSIS_LEVELS_H
#define TUMORD_ANALYSIS_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/analyse.h"
#include "analysis/surface.h"
#include "util/volume.h"

#define LEVELS_TOP 4095

struct levels {
    const struct volume *volume;
    double low, high;               /* values that become 0 and LEVELS_TOP */
    bool flattened;
    struct surface field;           /* its logarithm, when flattened */
    uint16_t *smooth;               /* one a voxel, in the arena */
    double noise;                   /* SD of the unsmoothed levels, in levels */
};

/* Fails on voxels that are not finite and on a volume without contrast. */
bool levels_make(const struct volume *volume, const struct analysis_parameters *parameters,
                 struct arena *arena, struct levels *ret_levels, struct error *err);

/* The unsmoothed level of a voxel, not cut to the window. */
double levels_raw(const struct levels *levels, size_t i, size_t j, size_t k);

/* A difference of levels in the volume's unit. */
double levels_to_value(const struct levels *levels, double difference);

#endif
