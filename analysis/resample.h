/*
 * Resample: an even rectangular grid for slices that lie otherwise, and the way back. Slices of a
 * tilted gantry are shifted in their planes, slices may be missing, or lie unevenly: methods
 * work on the grid that is planned here, whose planes are parallel to the slices; results go back
 * onto the slices as they were taken. What was interpolated where no slice is has no way back.
 */
#ifndef TUMORD_ANALYSIS_RESAMPLE_H
#define TUMORD_ANALYSIS_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/volume.h"

struct arena;
struct error;
struct findings;
struct organs;

struct resample_place {             /* of a slice's voxel (0, 0), seen from the first slice's */
    double along_mm;                /* along the normal */
    double shift[2];                /* in its plane, in columns and rows */
};

struct resample {
    bool needed;                    /* false: the volume is taken as it is */
    const struct volume *source;    /* borrowed */
    struct volume grid;             /* what methods work on; without voxels and slices */
    double step_mm;                 /* between its planes */
    long from[2];                   /* its voxel (0, 0), in columns and rows of the first slice */
    double tilt_degrees;            /* 0: not tilted */
    size_t missing;                 /* slices that are interpolated, as none are there */
    double missing_after_mm;        /* along the normal: the slice before the first of them */
    struct resample_place *place;   /* of every slice; in the arena */
};

/*
 * Reads where the slices lie. Needed is a grid where they are sheared by more than 0.1 degrees and
 * half a pixel, or steps are off the median by more than 5 %. Where all steps are multiples of the
 * median, the others are missing slices; else the finest step gives the grid, to a quarter of the median.
 * Fails where more than `max_missing` in a row are missing, with the positions, on slices closer
 * than that, on more than 45 degrees, and on memory.
 */
bool resample_plan(const struct volume *source, size_t max_missing, struct arena *arena,
                   struct resample *ret_plan, struct error *err);

/* Bytes of arena for the volume and, at the end, labels and organs on the source's grid. */
size_t resample_need(const struct resample *plan);

/*
 * Linear in the plane and between slices; outside of every slice is the source's lowest value. The
 * same type, unit, slope and intercept; the number of threads changes nothing.
 */
bool resample_volume(const struct resample *plan, int threads, struct arena *arena,
                     struct volume *ret_volume, struct error *err);

/*
 * Labels on the grid, VOXEL_UINT8 or VOXEL_UINT32, to the source's: each voxel of a slice takes the
 * nearest one's.
 */
bool resample_labels_back(const struct resample *plan, const struct volume *labels,
                          struct arena *arena, struct volume *ret_labels, struct error *err);

/* The slice nearest to plane k of the grid. */
size_t resample_slice_of(const struct resample *plan, size_t k);

/*
 * Findings on the grid to the source's: labels, boxes and slices. What was measured stays as it
 * was on the grid. A region that lies between the slices goes onto the nearest one, so that each
 * has voxels. Warns of what was resampled and interpolated.
 */
bool resample_findings_back(const struct resample *plan, struct arena *arena,
                            struct findings *findings, struct error *err);

/* The anatomy's labels and boxes, found on the grid, to the source's; numbers stay as measured. */
bool resample_organs_back(const struct resample *plan, struct arena *arena, struct organs *organs,
                          struct error *err);

/* ---- one volume on another's grid (resample_onto.c) ---- */

enum resample_kind {
    RESAMPLE_LINEAR,                /* values */
    RESAMPLE_NEAREST                /* labels: no new value comes into being */
};

/*
 * `moving` on the grid of `grid`, of which only the place is read; the matrix goes from the grid's
 * patient space to the moving one's (register.h), NULL where they are one. The type, unit, slope
 * and intercept are the moving volume's; linear values of VOXEL_INT16 are rounded, and bytes and
 * labels can only be nearest. What lies outside of its voxels' centres by more than half a voxel
 * becomes `outside`, a value. Fails on moving slices that lie unevenly, and on memory.
 */
bool resample_onto(const struct volume *moving, const struct volume *grid,
                   const double (*matrix)[4], enum resample_kind kind, double outside, int threads,
                   struct arena *arena, struct volume *ret_volume, struct error *err);

#endif
