/*
 * Given: findings from a mask that somebody else drew. Its numbers are by the same definitions as those
 * of our own regions (analysis/measure.h); nothing is smoothed, filled or left out.
 */
#ifndef TUMORD_ANALYSIS_GIVEN_H
#define TUMORD_ANALYSIS_GIVEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/components.h"
#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

struct given {
    const uint32_t *value;              /* labels that are one region together, as 1 and 4 of BraTS */
    size_t values;                      /* none: whatever is above 0 */
    enum connectivity connectivity;
};

/*
 * `labels` (VOXEL_UINT8 or VOXEL_UINT32) lies on the grid of `volume`, which gives the intensities: to
 * a hundredth of a voxel, or it fails. No voxel with such a label is a result (count 0).
 */
bool given_find(const struct volume *volume, const struct volume *labels, const struct given *given,
                struct arena *arena, struct findings *ret_findings, struct error *err);

#endif
