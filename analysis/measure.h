/* Measure: the numbers of one labelled region, in patient space. */
#ifndef TUMORD_ANALYSIS_MEASURE_H
#define TUMORD_ANALYSIS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

/*
 * Measures the voxels of `labels` (VOXEL_UINT8, on the grid of `volume`) that equal
 * lesion->label inside the box lesion->low … high: voxels, volume, centroid, the longest
 * diameters and intensities. The diameters in the plane are between corners of pixels (what
 * RECIST's callipers touch), the one in space between the middles of voxel faces, where a mesh
 * at one half has its corners (IBSI L0JK); both are exact. Fails when no voxel has the label.
 */
bool measure_lesion(const struct volume *volume, const struct volume *labels,
                    struct lesion *lesion, struct arena *arena, struct error *err);

#endif
