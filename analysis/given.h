/*
 * Given: findings from masks that somebody else drew. Their numbers are by the same definitions as those
 * of our own regions (analysis/measure.h); nothing is smoothed, filled or left out.
 */
#ifndef TUMORD_ANALYSIS_GIVEN_H
#define TUMORD_ANALYSIS_GIVEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/components.h"
#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

struct given {
    const uint32_t *value;              /* labels that are one region together, as 1 and 4 of BraTS */
    size_t values;                      /* none: whatever is above 0 */
    enum connectivity connectivity;
};

/*
 * `labels` (VOXEL_UINT8 or VOXEL_UINT32) lies on the grid of `volume`, which gives the intensities: to
 * a hundredth of a voxel, or it fails. No voxel with such a label is a result (count 0).
 */
bool given_find(const struct volume *volume, const struct volume *labels, const struct given *given,
                struct arena *arena, struct findings *ret_findings, struct error *err);

/* One of several: what a segmentation or a structure set names. */
struct given_structure {
    const uint8_t *mask;                /* 1 in it; on the volume's grid; only read */
    enum finding_kind kind;             /* an organ is one thing; else each connected part is a region */
    struct code finding, site;          /* no finding: as the kind has it */
    enum laterality laterality;
    const char *name;                   /* of its regions; a number follows where there are several */
};

/* Empty findings of that method, whose window is the parameters', or the volume's percentiles 1 to 99. */
bool given_begin(const struct volume *volume, double window_center, double window_width,
                 struct arena *arena, struct findings *ret_findings, struct error *err);

/*
 * Adds a structure to findings, its own or another method's. What overlaps goes into a layer of its own; the
 * totals count such voxels once. Regions beyond FINDINGS_MAX_SEGMENTS are counted, the largest are told.
 */
bool given_add(const struct volume *volume, const struct given_structure *structure, int threads,
               struct arena *arena, struct findings *findings, struct error *err);

/* Another method's regions that share a voxel with a structure are taken out; says how many. */
size_t given_drop_touching(const struct volume *volume, const uint8_t *mask, struct findings *findings);

/* At the end: organs last, the largest first, and labels in that order. */
void given_end(struct findings *findings);

#endif
