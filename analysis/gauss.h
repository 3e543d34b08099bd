/*
 * Gauss: a separable Gaussian of any size in floats. Cut at four standard deviations; beyond the
 * grid the voxels are mirrored at its edge, the outermost twice. (smooth.h has the small one in 16
 * bits that levels are made with.)
 */
#ifndef TUMORD_ANALYSIS_GAUSS_H
#define TUMORD_ANALYSIS_GAUSS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct volume;

/*
 * The volume's values, smoothed, into `to` (one float a voxel). Standard deviations along i, j and
 * k in voxels, each from 0 (not at all) to 64. Errors are below 1e-6 of the largest value for each
 * axis. Scratch is taken from the arena and given back; the number of threads changes no bit.
 */
bool gauss_apply(const struct volume *volume, const double sigma_voxels[3], float *to, int threads,
                 struct arena *arena, struct error *err);

/* Bytes of scratch that gauss_apply() takes. */
size_t gauss_need(const size_t size[3], const double sigma_voxels[3]);

#endif
