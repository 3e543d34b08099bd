/*
 * Mask: what somebody else drew on a series: segmentations (SEG: binary, fractional, label map) and
 * structure sets (RTSTRUCT). Read as structures with a meaning, and painted on the grid of a volume.
 */
#ifndef TUMORD_DICOM_MASK_H
#define TUMORD_DICOM_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

#define MASK_MAX_STRUCTURES 256
#define MASK_MAX_CONTOURS 20000         /* of one structure */

struct arena;
struct dataset;
struct error;
struct mask;
struct volume;

enum mask_kind { MASK_NONE, MASK_SEG, MASK_LABELMAP, MASK_RTSTRUCT };

/* By the SOP Class UID; MASK_NONE for what is no mask. */
enum mask_kind mask_kind_of(const char *sop_class_uid);

/* By codes (PS3.16 CID 7150, 7151 …) and, where there are none, by the name that it was given. */
enum mask_meaning {
    MASK_TUMOUR,                /* a neoplasm, or a GTV */
    MASK_TUMOUR_PART,           /* necrosis, oedema, enhancing part: those of one object are one tumour */
    MASK_LESION,                /* morphologically abnormal, and not said to be a tumour */
    MASK_ORGAN,
    MASK_OTHER                  /* planning volumes, markers, background: not used */
};

struct mask_code {              /* "" where there is none */
    char value[17], scheme[17], meaning[65];
};

struct mask_structure {
    long number;                /* Segment Number, ROI Number */
    char name[65];              /* as its maker called it, in UTF-8 */
    enum mask_meaning meaning;
    struct mask_code type, site;
    bool left, right;           /* by its modifier */
};

struct mask_about {
    enum mask_kind kind;
    char sop_uid[TEXT_UID_SIZE];
    char frame_uid[TEXT_UID_SIZE];      /* Frame of Reference, "" when not told */
    char maker[65], description[65];    /* Manufacturer; of the series, else the label of the set */
};

/*
 * Reads what the data set says of its structures; it is kept by reference, and its owner frees it after
 * the mask. Fails with a sentence on what is no mask, and on sizes that disagree.
 */
struct mask *mask_read(struct dataset *dataset, struct error *err);
void mask_free(struct mask *mask);                  /* not the data set; NULL is fine */

const struct mask_about *mask_about(const struct mask *mask);
size_t mask_count(const struct mask *mask);
const struct mask_structure *mask_structure(const struct mask *mask, size_t n);
/* Was it drawn on that series? */
bool mask_refers(const struct mask *mask, const char *series_uid);

struct mask_paint {
    size_t voxels;              /* painted */
    size_t outside;             /* of its own pixels, those beyond the volume */
    size_t skipped;             /* contours without an area, or with coordinates that are no numbers */
    char why_skipped[96];       /* of the first of them */
    bool resampled;             /* its grid is not the volume's: nearest neighbours were taken */
};

/*
 * Paints structure `n` into `voxels` (1, on the grid of `volume`; the caller has cleared it, what is 1 stays).
 * A voxel is in when its centre is: inside an odd number of closed contours of its plane, or nearest to a
 * pixel that is set; FRACTIONAL counts as set from half of the largest value on. Scratch is given back. Fails
 * with a sentence where nothing can be compared: another frame of reference, contours across planes.
 */
bool mask_paint(struct mask *mask, size_t n, const struct volume *volume, struct arena *arena,
                uint8_t *voxels, struct mask_paint *ret_paint, struct error *err);

#endif
