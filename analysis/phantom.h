/*
 * Phantom: a body of nested ellipsoids with noise, whose truth is known by geometry and not
 * from voxels. The same options give the same voxels on every machine.
 */
#ifndef TUMORD_ANALYSIS_PHANTOM_H
#define TUMORD_ANALYSIS_PHANTOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/volume.h"

#define PHANTOM_MAX_LESIONS 32

struct arena;
struct error;

enum phantom_modality { PHANTOM_CT, PHANTOM_MR, PHANTOM_PT };
enum phantom_kind {
    PHANTOM_ELLIPSOIDS,
    PHANTOM_NEUROBLASTOMA,  /* a child's abdomen: a calcified suprarenal mass that crosses the
                               midline and touches the aorta */
    PHANTOM_TRUNK           /* CT: an adult's, with its organs, on a table; no lesions */
};

struct phantom_options {
    enum phantom_modality modality;
    enum phantom_kind kind;
    uint64_t seed;
    size_t lesions;                 /* at most PHANTOM_MAX_LESIONS */
    size_t size[3];
    double spacing_mm[3];
    bool oblique;                   /* turned by the seed, up to 30 degrees about each axis */
    double cnr;                     /* contrast of a lesion over the noise's SD */
    double bias;                    /* MR: the coil's field, ± this part (0.2) */
    bool distractors;               /* bone, vessel and bowel gas */
    double tilt_degrees;            /* of the gantry: slices are shifted along their columns */
    size_t missing;                 /* slices in a row that are not there, across the first lesion */
    double uneven;                  /* steps are this part longer and shorter in turn (0 to 0.5) */
};

struct phantom_lesion {
    double center_mm[3];            /* LPS */
    double semi_axis_mm[3];
    double rotation[3][3];          /* columns: the semi-axes' directions in LPS */
    double volume_mm3;              /* analytic: 4/3 π a b c */
    double sampled_mm3;             /* of the mask of voxel centres inside */
    double longest_mm;              /* twice the longest semi-axis */
};

struct phantom_truth {
    size_t count;
    struct phantom_lesion lesion[PHANTOM_MAX_LESIONS];
    double contrast, noise_sd;      /* in the volume's unit, without the bias field */
};

/* 128 × 128 × 64 of 1 mm, three lesions, CNR 4, and what the modality needs. */
void phantom_defaults(enum phantom_modality modality, struct phantom_options *ret_options);

/*
 * CT: int16 in HU; MR: int16; PT: float32 in SUVbw. Voxels are taken from the arena, and slices with
 * their positions where they do not lie evenly. Lesions do
 * not touch and measure at least 6 voxels along every axis. Fails when they do not fit.
 */
bool phantom_make(const struct phantom_options *options, struct arena *arena,
                  struct volume *ret_volume, struct phantom_truth *ret_truth,
                  struct error *err);

/*
 * The organs of PHANTOM_TRUNK (enum organ_id of findings.h) in the voxels of `volume`, which lies in the
 * same patient in whatever way: a byte each, by the voxel's centre.
 */
void phantom_organs(const struct volume *volume, uint8_t *labels);

#endif
