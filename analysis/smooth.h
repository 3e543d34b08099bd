/* Smooth: a small separable Gaussian in 16-bit fixed point, in place, slice by slice. */
#ifndef TUMORD_ANALYSIS_SMOOTH_H
#define TUMORD_ANALYSIS_SMOOTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

#define SMOOTH_MAX_RADIUS 3

struct kernel {
    int radius;
    int32_t weight[SMOOTH_MAX_RADIUS + 1];  /* from the centre outwards; all sum to 65536 */
};

/* Of this standard deviation in voxels, cut at three of them and at SMOOTH_MAX_RADIUS. */
struct kernel smooth_kernel(double sigma);

/* Σ w², and the weight of the centre, both as parts of 1. */
double smooth_energy(const struct kernel *kernel);
double smooth_center(const struct kernel *kernel);

/*
 * Values up to 32767; kernels for i, j, k. At the border the edge voxel goes on. Scratch is
 * taken from the arena and given back.
 */
bool smooth_apply(uint16_t *levels, const size_t size[3], const struct kernel kernels[3],
                  int threads, struct arena *arena, struct error *err);

/* Bytes of scratch that smooth_apply() takes. */
size_t smooth_need(const size_t size[3]);

#endif
