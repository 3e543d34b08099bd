/*
 * Split: what only touches is more than one. The distance to the border has a peak in each part and a
 * saddle at the neck between two: a watershed on it, flooded from the peaks down, that keeps two basins
 * apart where the saddle lies deep enough below the lower peak (h-maxima: Soille, Morphological Image
 * Analysis, 2nd edition, 6.3 and 9.2; h is a part of the peak, so that size does not matter).
 */
#ifndef TUMORD_ANALYSIS_SPLIT_H
#define TUMORD_ANALYSIS_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

/*
 * Two equal spheres that overlap by a fifth of their radii have a saddle 0.4 of the peak below it, one
 * beside another of 0.7 its radius 0.29 of the lower. Ellipsoids on a grid are not split at a tenth; rough
 * borders were not measured.
 */
#define SPLIT_PART 0.15

/*
 * Labels the voxels of `mask` (not 0) from 1 to *ret_count; neighbours by 26, so that a part of the
 * mask that touches no other is a label of its own. `part`: of the lower peak, above 0; 1 or more
 * never splits. Scratch (8 bytes a voxel, 8 more inside, and that of the distance) is
 * given back.
 */
bool split_mask(const uint8_t *mask, const size_t size[3], const double spacing_mm[3], double part,
                int threads, uint32_t *ret_labels, size_t *ret_count, struct arena *arena,
                struct error *err);

#endif
