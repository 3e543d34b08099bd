/*
 * Volume: a block of voxels and where they lie in the patient. The one type in which
 * dicom/ and analysis/ meet.
 *
 * Order: i (column) fastest, then j (row), then k (slice). Coordinates are DICOM's patient
 * system, LPS: x grows to the Left, y to the Posterior, z to the Superior, in millimetres
 * (PS3.3 C.7.6.2). Nothing here owns memory: voxels and slices belong to the arena of the
 * study, or to the caller.
 */
#ifndef TUMORD_UTIL_VOLUME_H
#define TUMORD_UTIL_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

struct arena;
struct error;

enum voxel_type {
    VOXEL_INT16,            /* as stored, or as HU: value = voxel * slope + intercept */
    VOXEL_FLOAT32,          /* SUV, probabilities, displacements of intensity */
    VOXEL_UINT8,            /* masks, windowed pictures, labels to 255 */
    VOXEL_UINT32            /* labels */
};

enum volume_unit {
    UNIT_NONE,              /* labels, masks */
    UNIT_ARBITRARY,         /* MR signal, counts */
    UNIT_HU,
    UNIT_SUVBW,             /* g/ml */
    UNIT_SUVLBM,            /* lean body mass by James */
    UNIT_SUVLBM_JAMES128,   /* by James with 128 for men */
    UNIT_SUVLBM_JANMA,      /* by Janmahasatian */
    UNIT_SUVBSA,            /* cm2/ml */
    UNIT_BQML,
    UNIT_PROBABILITY,
    UNIT_COUNTS             /* NM: of photons; only ratios of them mean something */
};

/* What one slice of the grid came from; `frame` counts from 1, and is 1 in classic objects. */
struct volume_slice {
    double position_mm[3];              /* LPS of the centre of its voxel (0, 0) */
    char sop_class_uid[TEXT_UID_SIZE];
    char sop_uid[TEXT_UID_SIZE];
    uint32_t frame;
    bool of_many;                       /* its object is a multi-frame one */
};

struct volume {
    enum voxel_type type;
    enum volume_unit unit;
    size_t size[3];                     /* columns, rows, slices */
    union {
        void *voxels;
        int16_t *i16;
        float *f32;
        uint8_t *u8;
        uint32_t *u32;
    };
    double slope, intercept;            /* 1 and 0 unless the type is VOXEL_INT16 */
    /*
     * LPS mm of the centre of voxel (i, j, k): affine · (i, j, k, 1). The columns are the
     * steps along i, j and k; they may be sheared (a tilted gantry), and the determinant
     * may be negative.
     */
    double affine[3][4];
    /*
     * NULL, or size[2] of them in the order of k. Where the spacing is uneven their positions
     * are the truth and the affine is the even grid nearest to them; analysis/resample.h makes a
     * grid without slices of it, and brings labels back.
     */
    const struct volume_slice *slices;
    bool even;                          /* true: affine and positions agree to 1 % */
    /*
     * Each k is a picture of its own (planar NM: anterior, posterior), a millimetre apart so that they have
     * places: areas and lengths within one count, there are no volumes and nothing lies in the patient.
     */
    bool planar;
    char frame_of_reference_uid[TEXT_UID_SIZE];
};

size_t voxel_size(enum voxel_type type);            /* bytes */
size_t volume_count(const struct volume *volume);   /* voxels */

/*
 * A volume on the grid of `like` (size, affine, slices, frame of reference), its voxels
 * taken from the arena and not cleared; slope 1, intercept 0.
 */
bool volume_take_like(const struct volume *like, enum voxel_type type,
                      enum volume_unit unit, struct arena *arena,
                      struct volume *ret_volume, struct error *err);

/* LPS mm of a point in voxel coordinates; between slices the positions are interpolated. */
void volume_to_patient(const struct volume *volume, const double voxel[3],
                       double ret_mm[3]);

/* Length in mm of a step along i, j or k (axis 0, 1, 2). */
double volume_spacing_mm(const struct volume *volume, int axis);

/*
 * mm³ that a voxel of slice k stands for: |det| on an even grid; on an uneven one the area
 * times half the way to both neighbours (a border slice takes its one neighbour's step).
 */
double volume_voxel_mm3(const struct volume *volume, size_t k);

/* Length in mm of the diagonal of one voxel. */
double volume_diagonal_mm(const struct volume *volume);

/* The value in its unit, whatever the type. For loops over voxels use the type's pointer. */
double volume_value(const struct volume *volume, size_t index);

/* One of the standardised uptake values. */
static inline bool volume_unit_is_suv(enum volume_unit unit)
{
    return unit >= UNIT_SUVBW && unit <= UNIT_SUVBSA;
}

const char *volume_unit_name(enum volume_unit unit);    /* "HU", "g/ml{SUVbw}", "1" … */

#endif
