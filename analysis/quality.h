/*
 * Quality: a verdict on a volume before anything is looked for in it. Every check is one number
 * and its bound; what passes its bound is a warning, or ends the analysis where the rules say so.
 */
#ifndef TUMORD_ANALYSIS_QUALITY_H
#define TUMORD_ANALYSIS_QUALITY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/volume.h"

struct arena;
struct error;

/* In the order of being told. HU: such volumes only, elsewhere the check is not known. */
enum quality_kind {
    QUALITY_UNITS,          /* HU: what must be added so that air and tissue lie where they belong */
    QUALITY_LOWEST,         /* HU: the lowest value; of no patient is it above 0 */
    QUALITY_CONSTANT,       /* part of the voxels that have one and the same value */
    QUALITY_AIR,            /* HU: how far the peak of air lies from -1000 */
    QUALITY_FAT,            /* HU: how far the peak of fat lies from -100 */
    QUALITY_CLIPPED,        /* part of the voxels that have the highest value */
    QUALITY_GAPS,           /* the longest step between slices over the median step, less 1 */
    QUALITY_BLANK,          /* slices without contrast between slices with it */
    QUALITY_TRUNCATED,      /* part of the border of the field of view that the body reaches */
    QUALITY_NOISE,          /* SD in homogeneous tissue: in HU, else over the tissue's signal */
    QUALITY_MOTION,         /* mm by which slices are shifted against their neighbours */
    QUALITY_PADDING,        /* part of the voxels in lines and slices that hold padding only */
    QUALITY_KINDS
};

enum quality_verdict { QUALITY_OK, QUALITY_WARN, QUALITY_STOP };

struct quality_check {
    bool known;             /* false: the volume has nothing that it could be measured on */
    double value, bound;    /* above the bound it is not OK */
    enum quality_verdict verdict;
};

struct quality {
    bool examined;
    enum quality_verdict verdict;           /* the worst of them */
    struct quality_check check[QUALITY_KINDS];
};

/* All zero: bounds and stops are those of the table in quality.c. */
struct quality_rules {
    bool own_stops;
    unsigned stop_on;                       /* bits of the kinds, where own_stops */
    unsigned own_bounds;                    /* bits of the kinds with a bound of their own */
    double bound[QUALITY_KINDS];
};

const char *quality_name(enum quality_kind kind);           /* "units", "lowest" … */
const char *quality_verdict_name(enum quality_verdict verdict);     /* "ok", "warn", "stop" */
/* The kind of that name, or QUALITY_KINDS. */
enum quality_kind quality_find(const char *name);

/* "HU", "mm", or "" for what is a number. */
const char *quality_unit(enum quality_kind kind, enum volume_unit unit);

/* One line on a check that is known: "noise in tissue: 71.2 HU, where at most 60 is expected". */
void quality_tell(const struct quality *quality, enum quality_kind kind, enum volume_unit unit,
                  char *buffer, size_t size);

/* All of them: "quality ok: noise 8.75 HU (60), motion 0.1 mm (1.5), fat not measurable, …". */
void quality_list(const struct quality *quality, enum volume_unit unit, char *buffer,
                  size_t size);

double quality_bound(const struct quality_rules *rules, enum quality_kind kind,
                     enum volume_unit unit);

/*
 * Measures them all (the formulas are in quality_measure.c). What it needs of the arena it gives
 * back. Fails on voxels that are not finite, and on memory; a bad volume is a verdict.
 */
bool quality_examine(const struct volume *volume, const struct quality_rules *rules, int threads,
                     struct arena *arena, struct quality *ret_quality, struct error *err);

/* Notes the value of a check, with its bound and its verdict. */
void quality_judge(const struct quality_rules *rules, enum quality_kind kind,
                   enum volume_unit unit, double value, struct quality *quality);

#endif
