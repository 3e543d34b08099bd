/*
 * Distance: the exact Euclidean distance transform on a grid with a spacing of its own along each
 * axis, by the lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012): one pass an axis,
 * linear in the number of voxels.
 */
#ifndef TUMORD_ANALYSIS_DISTANCE_H
#define TUMORD_ANALYSIS_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

/*
 * For each voxel of the mask (not 0) the distance in mm from its centre to that of the nearest voxel
 * outside of it; 0 outside. What lies beyond the grid is neither; without any voxel outside all is
 * INFINITY. Errors are below 1e-6 of the distance; spacings are from 1e-6 to 1e6 mm. Scratch is taken from the arena and given back;
 * the number of threads changes no bit.
 */
bool distance_transform(const uint8_t *mask, const size_t size[3], const double spacing_mm[3],
                        float *ret_mm, int threads, struct arena *arena, struct error *err);

/* Bytes of scratch that distance_transform() takes. */
size_t distance_need(const size_t size[3]);

#endif
