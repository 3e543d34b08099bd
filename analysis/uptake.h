/*
 * Uptake: what nuclear medicine reports of a region beside its maximum and mean: SUVpeak and total
 * lesion glycolysis of PET (the metabolic volume is the region's volume), the ratio to what lies
 * around it where there are only counts.
 */
#ifndef TUMORD_ANALYSIS_UPTAKE_H
#define TUMORD_ANALYSIS_UPTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

#define UPTAKE_PEAK_RADIUS_MM 6.203504908994  /* of a sphere of 1 cm³ */

/* A sphere about a voxel's centre: its voxels, each with the part of it that is inside. */
struct uptake_sphere {
    size_t count;
    struct uptake_weight {
        int step[3];                /* in voxels from the centre */
        double weight;
    } *weight;
    double total;                   /* of the weights */
    int reach[3];                   /* the largest step along each axis */
};

/*
 * Taken from the arena. Where slices lie unevenly (to 5 %) the even grid nearest to them counts.
 * Fails when it would be of more than 200000 voxels.
 */
bool uptake_sphere_make(const struct volume *volume, double radius_mm, struct arena *arena,
                        struct uptake_sphere *ret_sphere, struct error *err);

/* The mean in the sphere about voxel (i, j, k); false where it is not wholly in the volume. */
bool uptake_sphere_mean(const struct volume *volume, const struct uptake_sphere *sphere,
                        const size_t at[3], double *ret_mean);

/*
 * SUVpeak of a measured lesion: the largest mean of a sphere of 1 cm³ whose centre is the centre of one
 * of its voxels (the sphere may reach beyond it, PERCIST), and TLG, mean × volume in ml. Leaves both
 * unknown where the unit is no SUV; the peak is unknown where no such sphere is wholly in the volume.
 */
bool uptake_measure(const struct volume *volume, const struct volume *labels, struct lesion *lesion,
                    struct arena *arena, struct error *err);

#define UPTAKE_GAP 2            /* voxels beside a region that its blur spoils */
#define UPTAKE_RING 3           /* voxels beyond them that are its background */

/*
 * Where the unit is counts: the median of the ring of voxels, more than UPTAKE_GAP and up to
 * UPTAKE_GAP + UPTAKE_RING steps over faces away from the region and in no region that is told, and the
 * region's mean over it. Both are unknown where the ring is empty or its median is not above 0.
 */
bool uptake_background(const struct volume *volume, const struct volume *labels, struct lesion *lesion,
                       struct arena *arena, struct error *err);

#endif
