/*
 * Synthesis: a body for regions of which only one slice is known. Nobody saw it: it is for looking at and
 * never measured in mm. Each region is as thick as asked where it is widest and runs out towards its edge
 * as an ellipse does, by its distance transform: a disc becomes an ellipsoid.
 */
#ifndef TUMORD_ANALYSIS_SYNTHESIS_H
#define TUMORD_ANALYSIS_SYNTHESIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/volume.h"

struct arena;
struct error;

#define SYNTHESIS_MAX_REGIONS 20
#define SYNTHESIS_MAX_DEPTH_MM 500.0

struct synthesis {
    bool made;
    double depth_mm;
    struct volume labels;           /* VOXEL_UINT8 in the arena; no slices, and no frame of reference */
    size_t voxels[SYNTHESIS_MAX_REGIONS + 1];           /* by label */
    double longest_voxels[SYNTHESIS_MAX_REGIONS + 1];   /* the longest diameter, in voxels */
};

/*
 * From the labels 1 … `regions` of one slice (VOXEL_UINT8, size[2] 1) to a volume around it: an odd number
 * of slices, as far apart as its pixels, of which the middle one is that slice. Only that is the same;
 * the rest is guesswork. Fails on more than one slice, a depth out of (0, SYNTHESIS_MAX_DEPTH_MM], and
 * memory.
 */
bool synthesis_make(const struct volume *labels, size_t regions, double depth_mm, struct arena *arena,
                    struct synthesis *ret_synthesis, struct error *err);

#endif
