/*
 * PET: thresholds of uptake, and regions grown to them. Rules of the literature, with their constants:
 * 41 % of a lesion's maximum (Boellaard 2015, EANM), Otsu's threshold in the box about it (1979: no
 * constant), PERCIST's liver (Wahl 2009).
 */
#ifndef TUMORD_ANALYSIS_PET_H
#define TUMORD_ANALYSIS_PET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/volume.h"

struct arena;
struct error;

#define PET_PART_OF_MAXIMUM 0.41
#define PET_BOX_MM 20               /* so far about a candidate its region may grow */
#define PET_LIVER_RADIUS_MM 15      /* PERCIST: a sphere of 3 cm */

struct pet_box {                    /* voxels, both inclusive */
    size_t low[3], high[3];
};

/* Grown by so many mm to every side (whole voxels, rounded up), as far as the volume goes. */
struct pet_box pet_box_grow(const struct volume *volume, const struct pet_box *box, double mm);

/* The hottest voxel of the box that is not `taken` (NULL: none is); the first of equals. */
bool pet_hottest(const struct volume *volume, const struct pet_box *box, const uint8_t *taken,
                 size_t *ret_index);

/* Otsu's threshold of the box's voxels that are not taken, in 256 bins; false where they are all alike. */
bool pet_otsu(const struct volume *volume, const struct pet_box *box, const uint8_t *taken,
              double *ret_threshold);

/*
 * Sets in `mask` what is connected (26 neighbours) to the voxel `seed` inside the box by voxels of at
 * least the threshold that are not in the mask yet. Nothing, when the seed is below it.
 */
bool pet_grow(const struct volume *volume, const struct pet_box *box, size_t seed, double threshold,
              uint8_t *mask, struct arena *arena, struct error *err);

struct pet_reference {              /* of a sphere of 3 cm */
    double mean, sd, center_mm[3];
    size_t voxels;
};

/*
 * In a liver (1 in `organ`): about the voxel that lies deepest in it among those to the right of its
 * centroid. False, with why, when no such sphere fits.
 */
bool pet_reference_in(const struct volume *volume, const uint8_t *organ, struct arena *arena,
                      struct pet_reference *ret_reference, struct error *err);

/* PERCIST 1.0: 1.5 × mean + 2 × SD of the liver. */
double pet_percist(const struct pet_reference *reference);

#endif
