/*
 * Ramp: a function from values to bytes that nowhere falls, brought to many voxels at the speed of
 * memory. Whatever way is taken, each byte is the one that the function gives.
 */
#ifndef TUMORD_ANALYSIS_RAMP_H
#define TUMORD_ANALYSIS_RAMP_H

#include <stddef.h>
#include <stdint.h>

struct volume;

struct ramp {
    uint8_t (*value)(const void *context, double value);    /* what is no number gives 0 */
    const void *context;
    double scale, offset;           /* near value · scale + offset, before rounding down; 0: none known */
};

/* `count` voxels of the volume from `first` on; the number of threads changes no byte. */
void ramp_apply(const struct ramp *ramp, const struct volume *volume, size_t first, size_t count,
                int threads, uint8_t *to);

#endif
