/*
 * Findings: what an analysis says of one volume. Everything that leaves the node (SEG, SR,
 * captures, JSON, page) is made from one `struct findings` and its label volume, so no two
 * of them can disagree. Later methods (networks, PET thresholds, given masks, organs) fill
 * the same structure.
 */
#ifndef TUMORD_ANALYSIS_FINDINGS_H
#define TUMORD_ANALYSIS_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/features.h"
#include "analysis/laid.h"
#include "analysis/quality.h"
#include "analysis/synthesis.h"
#include "util/volume.h"

#define FINDINGS_MAX_SEGMENTS 20    /* lesions told one by one; the others are counted */
#define FINDINGS_MAX_WARNINGS 16
#define FINDINGS_MAX_LAID 6
#define FINDINGS_MAX_LAYERS 8       /* label volumes of structures that overlap */

/* What the method may honestly call its regions. */
enum finding_kind {
    FINDING_CANDIDATE,      /* region of unusual intensity: 52988006 Lesion, unclassified */
    FINDING_NEOPLASM,       /* a tumour method or a given mask says so: 108369006 */
    FINDING_ORGAN           /* anatomy: the code is in `site`; in neither `count` nor `total_mm3` */
};

enum laterality { LATERALITY_NONE, LATERALITY_LEFT, LATERALITY_RIGHT, LATERALITY_BILATERAL };

/* A coded concept (PS3.16); scheme "SCT", "DCM", "NCIt", "99TUMORD". Empty code: none. */
struct code {
    char value[17], scheme[17], meaning[65];
};

/* A number that may be not determinable: `known` false, and why. */
struct measure {
    bool known;
    double value;
};

struct lesion {
    uint32_t label;                 /* its voxels in its layer, and its segment number, from 1 */
    unsigned layer;                 /* 0: in `labels`; n: in layer[n - 1]. Read by findings_is_of() */
    enum finding_kind kind;
    bool given;                     /* somebody drew it (given.h) */
    struct code finding, site;      /* site: the organ that it lies in */
    enum laterality laterality;     /* of the site */
    struct measure organ_share;     /* its volume over that organ's, as far as the organ is in the volume */
    size_t voxels;                  /* of the grid that it was measured on (resample.h) */
    size_t low[3], high[3];         /* bounding box in voxels of `labels`, both inclusive */
    double volume_mm3;              /* sum of its voxels' volumes */
    double centroid_mm[3];          /* LPS, weighted by voxel volume */
    double longest_mm;              /* longest 3D diameter, between middles of voxel faces */
    size_t axial_slice;             /* k of the slice with the longest in-plane diameter */
    double axial_long_mm;           /* that diameter, between pixel corners */
    double axial_short_mm;          /* longest chord perpendicular to it in that slice */
    double long_axis_mm[2][3];      /* its ends in LPS */
    double short_axis_mm[2][3];
    double mean, sd, minimum, maximum;  /* of the volume's values, in findings.unit */
    struct features features;
    struct measure peak;            /* PET: SUVpeak (uptake.h), in findings.unit */
    double peak_mm[3];              /* the middle of its sphere in LPS */
    struct measure tlg;             /* PET: mean × volume in ml */
    struct measure background;      /* counts: the median of what lies around it (uptake.h) */
    struct measure background_ratio;    /* counts: its mean over that */
    struct measure confidence;      /* mean probability; unknown for methods without one */
    char tracking_id[65];           /* "Region 1"; the tracking UID is derived (dicom/uid.h) */
};

/* Anatomy that is looked for; the number is also its voxels' label. */
enum organ_id {
    ORGAN_NONE,
    ORGAN_BODY,             /* CT: everything of the patient; its mask includes all organs in it */
    ORGAN_HEAD,             /* MR: the same of a head */
    ORGAN_BRAIN,
    ORGAN_LUNG_LEFT,
    ORGAN_LUNG_RIGHT,
    ORGAN_BONE,
    ORGAN_LIVER,
    ORGAN_SPLEEN,
    ORGAN_KIDNEY_LEFT,
    ORGAN_KIDNEY_RIGHT,
    ORGAN_MUSCLE,
    ORGAN_FAT_SUBCUTANEOUS,
    ORGAN_FAT_VISCERAL,
    ORGAN_END
};

#define ORGAN_PERCENTILES 5         /* 5, 25, 50, 75, 95 */

/* Those that a configuration may name for the windows of pictures; both sides have one. */
enum organ_window_id { WINDOW_BONE, WINDOW_KIDNEY, WINDOW_LIVER, WINDOW_LUNG, WINDOW_SPLEEN, ORGAN_WINDOWS };

struct organ_window { double center, width; };  /* HU; width 0: none */

/* One that was looked for. All below `why_not` counts only where it was found. */
struct organ {
    enum organ_id id;
    const char *name;               /* "left kidney": static text */
    struct code category, code;     /* CID 7150, and the SNOMED concept without its side */
    enum laterality laterality;
    struct organ_window window;     /* of pictures of what lies in it */
    bool found;
    char why_not[120];              /* a sentence when it was not */
    double confidence;              /* 0 to 1: how much of what is expected of it holds; no probability */
    size_t voxels;
    size_t low[3], high[3];         /* bounding box in voxels, both inclusive */
    double volume_mm3;
    double mean, sd, minimum, maximum, percentile[ORGAN_PERCENTILES];  /* in findings.unit */
    double centroid_mm[3];          /* LPS */
    double box_mm[2][3];            /* LPS: the least and the greatest coordinate of its voxels' centres */
    double extent_mm[3];            /* of the box along L, P and S, the voxels' own size included */
    /* The centroid in the box of the body (or head): 0 is its right, anterior, inferior side, 1 the other. */
    double position[3];
    bool truncated;                 /* it reaches the border of the volume: less than all of it is there */
};

/* What was found of the anatomy; count 0: nobody looked. */
struct organs {
    char method[65], version[17];
    size_t count;
    struct organ organ[ORGAN_END];  /* by their ids, those looked for */
    struct volume labels;           /* VOXEL_UINT8 on the source grid, in the arena: enum organ_id */
};

struct method {
    char name[65];                  /* "otsu3-morphology" */
    char version[17];
    const char *parameters;         /* canonical JSON, keys sorted; borrowed from the job */
};

struct findings {
    struct method method;
    enum volume_unit unit;
    bool planar;                    /* of pictures without depth: volume_mm3 and total_mm3 are areas in mm² */
    size_t count;                   /* regions found, those beyond the segments included */
    double total_mm3;               /* of all of them */
    struct measure total_tlg;       /* PET: of all of them, in the unit of lesion.tlg */
    size_t segment_count;           /* min(count, FINDINGS_MAX_SEGMENTS) */
    struct lesion *lesion;          /* segment_count of them, the largest first; in the arena */
    /*
     * On the source grid, in the arena: 0, or the label of a lesion above; regions that were
     * only counted are 0 too. VOXEL_UINT8 up to 255 labels, else VOXEL_UINT32: read it by
     * findings_label(). Overlapping kinds (organs) get volumes of their own beside it.
     */
    struct volume labels;
    struct organs organs;           /* the anatomy, with a label volume of its own: lesions lie in it */
    /* What overlaps those (drawn masks do) lies in others like it; labels are never twice the same. */
    size_t layer_count;
    struct volume layer[FINDINGS_MAX_LAYERS];
    double window_center, window_width;     /* of the pictures, in `unit` */
    struct measure noise_sd;                /* estimated, in `unit` */
    size_t laid_count;                      /* other volumes on this one, and what they say */
    struct laid laid[FINDINGS_MAX_LAID];
    struct quality quality;                 /* of the volume, before the method saw it */
    struct synthesis synthesis;             /* of a single slice, where one is asked for */
    char rule[160];                         /* what made a voxel part of a region, "" when not told */
    size_t warning_count;
    char warning[FINDINGS_MAX_WARNINGS][160];
};

/* The label of voxel `index` of the label volume. */
static inline uint32_t findings_label(const struct findings *findings, size_t index)
{
    return findings->labels.type == VOXEL_UINT8 ? findings->labels.u8[index]
        : findings->labels.u32[index];
}

/* Is voxel `index` one of the lesion's? */
static inline bool findings_is_of(const struct findings *findings, const struct lesion *lesion,
                                  size_t index)
{
    return lesion->layer == 0 ? findings_label(findings, index) == lesion->label
        : findings->layer[lesion->layer - 1].u8[index] == lesion->label;
}

/* Adds a warning (cut to fit; those beyond the limit are dropped but the last says so). */
void findings_warn(struct findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
