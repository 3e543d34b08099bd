/*
 * Features: first-order and shape features of one region, by the definitions of the Image Biomarker
 * Standardisation Initiative (IBSI reference manual v11, 3.1 and 3.3; Zwanenburg et al., Radiology
 * 2020). Those that need a convex hull, an oriented box or pairs of voxels (Moran, Geary) are not made.
 */
#ifndef TUMORD_ANALYSIS_FEATURES_H
#define TUMORD_ANALYSIS_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct volume;

/* In the volume's unit, or none. A ratio whose divisor is 0 is 0, as its numerator is then. */
struct features_intensity {
    double mean, variance, skewness, kurtosis;  /* of all voxels, by count; kurtosis of a normal one: 0 */
    double median, minimum, p10, p90, maximum, interquartile, range;    /* quantiles as spread.h */
    double mean_deviation;          /* mean absolute deviation */
    double robust_deviation;        /* the same of what lies between p10 and p90 */
    double median_deviation;        /* mean absolute deviation from the median */
    double variation;               /* sd / mean */
    double quartile_dispersion;     /* (q3 - q1) / (q3 + q1) */
    double energy, root_mean_square;
};

/* mm and LPS. The mesh is that of mesh.h: marching cubes at one half, not smoothed. */
struct features_shape {
    double mesh_mm3, area_mm2;
    double area_per_volume;         /* 1/mm */
    double compactness1, compactness2, disproportion, sphericity, asphericity;
    double shift_mm;                /* from the centre of the voxels to that weighted by their values */
    double axis_mm[3];              /* 4 √λ of the centres' covariance (n - 1): major … */
    double elongation, flatness;    /* √(λ minor / λ major), √(λ least / λ major) */
    double box_volume_density, box_area_density;    /* of the mesh, to the box along the grid's axes */
    double integrated;              /* mean × mesh volume */
};

/*
 * A region that needs more than features_room() is too rough or too large for its shape (or for any
 * feature) and says so by `known`; nothing fails for it. A single slice has no shape in space.
 */
struct features {
    bool intensity_known, shape_known;
    struct features_intensity intensity;
    struct features_shape shape;
};

/* Bytes of scratch that features_measure() takes at most on such a grid. */
size_t features_room(const struct volume *volume);

/*
 * Of the voxels of `labels` (VOXEL_UINT8, on the grid of `volume`) that equal `label`, all of which lie
 * in the box low … high (inclusive). Scratch is given back. Fails when no voxel has the label.
 */
bool features_measure(const struct volume *volume, const struct volume *labels, uint8_t label,
                      const size_t low[3], const size_t high[3], int threads, struct arena *arena,
                      struct features *ret_features, struct error *err);

#endif
