/*
 * Planar phantom: a MIBG scan as a gamma camera sees it, from the front and from the back: a body, the
 * uptake that is normal (liver, heart, bladder, spine), lesions, blur, and Poisson noise. The same options
 * give the same counts.
 */
#ifndef TUMORD_ANALYSIS_PHANTOM_PLANAR_H
#define TUMORD_ANALYSIS_PHANTOM_PLANAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/volume.h"

#define PHANTOM_PLANAR_MAX_LESIONS 6
#define PHANTOM_PLANAR_COLUMNS 128
#define PHANTOM_PLANAR_ROWS 192
#define PHANTOM_PLANAR_MM 4

struct arena;
struct error;

struct phantom_planar_options {
    uint64_t seed;
    size_t lesions;                 /* at most PHANTOM_PLANAR_MAX_LESIONS */
    bool organs;                    /* liver, heart, bladder */
};

struct phantom_planar_spot {        /* as the picture from the front has it; mirrored in that from the back */
    double column, row, radius_mm;  /* of a disc before the blur */
    double counts[2];               /* that it adds to a pixel, front and back */
};

struct phantom_planar_truth {
    size_t count;
    struct phantom_planar_spot lesion[PHANTOM_PLANAR_MAX_LESIONS];
    double background;              /* counts of a pixel of the body */
};

/* Two pictures, front first: VOXEL_INT16 in counts, from the arena. */
bool phantom_planar_make(const struct phantom_planar_options *options, struct arena *arena,
                         struct volume *ret_volume, struct phantom_planar_truth *ret_truth,
                         struct error *err);

#endif
