/*
 * Series: the slices of one series on their way to a volume in patient space: classic objects,
 * or the frames of multi-frame ones (functional groups, NM reconstructions). Slices come in
 * any order, one data set at a time; their pixels are decoded into the study's arena as they
 * come, so that no more than one data set is open. A series of several stacks gives the volume
 * of one of them, by the rule in dicom/stack.h.
 */
#ifndef TUMORD_DICOM_SERIES_H
#define TUMORD_DICOM_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/volume.h"

#define SERIES_MAX_WARNINGS 8
#define SERIES_MAX_VIEWS 16         /* pictures of planar NM */
#define SERIES_MAX_STACKS 16        /* told one by one; the others are counted */

struct arena;
struct dataset;
struct error;
struct series;

struct series_stack {
    size_t slices, columns, rows;
    char plane[9];                  /* "axial", "coronal", "sagittal", whichever is nearest */
    char reason[120];               /* why it was not analysed; "" for the one that was */
};

struct series_facts {
    char modality[17];
    char body_part[17];             /* "" when unknown */
    size_t slices;
    char suv[200];                  /* PET: how SUV was computed, or why not */
    size_t warning_count;
    char warning[SERIES_MAX_WARNINGS][160];
    char view[SERIES_MAX_VIEWS][17];    /* of a planar volume's pictures: "anterior" */
    size_t stack_count;
    struct series_stack stack[SERIES_MAX_STACKS];
};

/* Adds a warning; those beyond the limit are dropped. */
void series_warn(struct series_facts *facts, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* For `slices` expected instances; everything is taken from the arena. */
struct series *series_new(size_t slices, struct arena *arena, struct error *err);

/* PET: which SUV the volume shall be in (suv.h); SUVbw when it is not called. */
void series_wish_suv(struct series *series, enum volume_unit unit);

/*
 * Reads geometry and pixels of the data set, which is not kept except for the first that is
 * no localizer, whose patient, study and acquisition attributes stay as the template of
 * results. Fails with a sentence on a non-image, an undecodable or colour image, one without a
 * place, and a differing patient, study or frame of reference; a localizer is only set aside.
 */
bool series_add(struct series *series, struct dataset *dataset, struct error *err);

/*
 * Once, after the last series_add(). Chooses a stack (dicom/stack.h), sorts it along the
 * normal: even to 1 % is regular; what is off by more, a gap among it, is taken with true
 * positions and a warning (analysis/resample.h makes an even grid of it). Slices that
 * are shifted against each other otherwise than by a tilt are refused. A series of a single slice is
 * one of 1 mm, so that a voxel's volume is its area in number: a warning says so. CT becomes
 * VOXEL_INT16 in HU where slope is 1 and intercept whole, else VOXEL_FLOAT32; PET becomes
 * VOXEL_FLOAT32 in the SUV that was wished for, or stays in its unit with facts.suv telling why; MR stays as stored.
 */
bool series_volume(struct series *series, struct volume *ret_volume,
                   struct series_facts *ret_facts, struct error *err);

/* Are both of one patient and study, by Patient ID and Study Instance UID? What is not fails with a sentence. */
bool series_is_patient_of(struct dataset *source, struct dataset *other, struct error *err);

/* The first data set that is no localizer, without its pixels; owned by the series. */
struct dataset *series_template(struct series *series);

void series_free(struct series *series);            /* the template; NULL is fine */

#endif
