/*
 * Mutual: how much one volume tells about another when it is moved: normalised mutual information of
 * samples, over joint histograms of 32 x 32 classes.
 */
#ifndef TUMORD_ANALYSIS_MUTUAL_H
#define TUMORD_ANALYSIS_MUTUAL_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct volume;

#define MUTUAL_CLASSES 32

struct mutual_image {               /* a volume in coarser voxels, its values in classes */
    size_t size[3];
    float *voxel;                   /* 0 to MUTUAL_CLASSES - 1, not whole */
    double affine[3][4], inverse[3][4];
};

struct mutual_sample {
    double at_mm[3];
    float value;                    /* of the fixed image, a class */
};

struct mutual {
    struct mutual_image moving;
    struct mutual_sample *sample;
    size_t count;
    double *histogram;              /* of each part of the samples */
    int threads;
};

/*
 * Means of blocks of whole voxels, about `voxel_mm` wide. Values become classes between their
 * percentiles 0.5 and 99.5. Fails on a volume without contrast, on slices that lie unevenly (resample.h), and on memory.
 */
bool mutual_image(const struct volume *volume, double voxel_mm, int threads, struct arena *arena,
                  struct mutual_image *ret_image, struct error *err);

/*
 * Takes samples of the fixed image, of its background one in eight, about `most` of them; the
 * places lie beside the voxels' centres by up to half a voxel that their number gives.
 */
bool mutual_new(const struct mutual_image *fixed, const struct mutual_image *moving, size_t most,
                int threads, struct arena *arena, struct mutual *ret_mutual, struct error *err);

/*
 * With the samples moved by the matrix: from 1, nothing, to 2, everything; 0 where less than a
 * quarter of them lies in the moving image.
 */
double mutual_measure(const struct mutual *mutual, const double matrix[4][4]);

/* The centre and, from there, the mean distance of what is no background. */
void mutual_extent(const struct mutual *mutual, double ret_center_mm[3], double *ret_radius_mm);

/* The centre of the moving image's values. */
void mutual_center(const struct mutual_image *image, double ret_center_mm[3]);

#endif
