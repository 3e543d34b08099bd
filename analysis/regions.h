/* Regions: from a mask, whoever made it, to findings. */
#ifndef TUMORD_ANALYSIS_REGIONS_H
#define TUMORD_ANALYSIS_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/components.h"
#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

/* Empty findings of a method on the grid of `volume`; lesions and labels come from the arena. */
bool regions_begin(const struct volume *volume, const char *method, const char *version,
                   struct arena *arena, struct findings *findings, struct error *err);

struct regions_rules {
    enum connectivity connectivity;
    double least_mm3;                   /* smaller ones are noise */
    double split;                       /* as split_mask()'s part; 0: what is connected is one */
    enum finding_kind kind;
    int threads;                        /* never changes a result */
};

/*
 * The connected regions of `mask` (1): counted, summed, and the largest FINDINGS_MAX_SEGMENTS of them
 * measured and painted into the labels. A part below the least size is not split off. The arena keeps
 * its scratch.
 */
bool regions_tell(const struct volume *volume, const uint8_t *mask, const struct regions_rules *rules,
                  struct arena *arena, struct findings *findings, struct error *err);

#endif
