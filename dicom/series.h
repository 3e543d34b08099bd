/*
 * Series: the slices of one series on their way to a volume in patient space: classic objects,
 * or the frames of multi-frame ones (functional groups, NM reconstructions). Slices come in
 * any order, one data set at a time; their pixels are decoded into the study's arena as they
 * come, so that no more than one data set is open.
 */
#ifndef TUMORD_DICOM_SERIES_H
#define TUMORD_DICOM_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/volume.h"

#define SERIES_MAX_WARNINGS 8

struct arena;
struct dataset;
struct error;
struct series;

struct series_facts {
    char modality[17];
    char body_part[17];             /* "" when unknown */
    size_t slices;
    char suv[200];                  /* PET: how SUV was computed, or why not */
    size_t warning_count;
    char warning[SERIES_MAX_WARNINGS][160];
};

/* For `slices` expected instances; everything is taken from the arena. */
struct series *series_new(size_t slices, struct arena *arena, struct error *err);

/* PET: which SUV the volume shall be in (suv.h); SUVbw when it is not called. */
void series_wish_suv(struct series *series, enum volume_unit unit);

/*
 * Reads geometry and pixels of the data set, which is not kept except for the first, whose
 * patient, study and acquisition attributes stay as the template of results. Fails with a
 * sentence on a non-image, an undecodable or colour image, a differing size, patient or
 * study.
 */
bool series_add(struct series *series, struct dataset *dataset, struct error *err);

/*
 * Sorts by position along the normal and checks: even to 1 % is regular; up to 5 % off is
 * taken with true positions and a warning; beyond that, a missing slice, a duplicate
 * position, mixed orientations or a single slice is refused with a sentence. CT becomes
 * VOXEL_INT16 in HU where slope is 1 and intercept whole, else VOXEL_FLOAT32; PET becomes
 * VOXEL_FLOAT32 in the SUV that was wished for, or stays in its unit with facts.suv telling why; MR stays as stored.
 */
bool series_volume(struct series *series, struct volume *ret_volume,
                   struct series_facts *ret_facts, struct error *err);

/* The first data set without its pixels; owned by the series. */
struct dataset *series_template(struct series *series);

void series_free(struct series *series);            /* the template; NULL is fine */

#endif
