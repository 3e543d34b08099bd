/* Analyse: one volume in, findings out. Methods are named (methods.h). */
#ifndef TUMORD_ANALYSIS_ANALYSE_H
#define TUMORD_ANALYSIS_ANALYSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;
struct fixed_engine;

enum polarity { POLARITY_BRIGHT, POLARITY_DARK, POLARITY_BOTH };

/* Who takes the slices of fixed-pipeline: its twin in C, or the VHDL in a simulator (tests). */
enum analysis_engine { ENGINE_FIXED, ENGINE_SIMULATED };

/* The histogram that parts the classes: the second in exact integers, as the hardware does. */
enum otsu_bins { OTSU_BINS_256, OTSU_BINS_64 };

/* What becomes of masks that came with the study. */
enum masks_policy {
    MASKS_USE,                      /* they are the findings; without one the method looks */
    MASKS_BESIDE,                   /* the method looks too, and tells what it finds beside them */
    MASKS_IGNORE
};

/* The effective parameters; job.h writes them in canonical form into the job's row. */
struct analysis_parameters {
    char method[65];                /* a name of methods.h */
    double window_center, window_width;     /* width 0: from the volume's percentiles */
    enum polarity polarity;         /* which of the three classes hold candidates */
    double min_lesion_mm3;          /* smaller components are noise */
    double min_contrast;            /* lesion mean minus its shell's, in noise SDs */
    enum otsu_bins otsu_bins;       /* of otsu3-morphology */
    double max_fraction;            /* of the body: larger is anatomy, not a lesion */
    double split;                   /* regions that only touch are several (split.h); 0: never */
    double synthesis_mm;            /* of a single slice: the depth of a body made of it (synthesis.h); 0: none */
    bool organs;                    /* tell of the anatomy, too: CT and MR */
    struct organ_window window[ORGAN_WINDOWS];  /* CT: of pictures of lesions in an organ */
    bool flatten;                   /* remove a smooth bias field first (MR) */
    unsigned lay_on;                /* bits of enum laid_role: other series that go on this one */
    struct quality_rules quality;   /* all zero: the defaults */
    double suv_threshold;           /* PET methods: what a candidate reaches; 0: the method's own */
    int max_missing_slices;         /* in a row, interpolated; more are refused (resample.h) */
    int suv;                        /* PET: UNIT_SUVBW and so many on: bw, lbm (James), … bsa */
    enum masks_policy masks;
    char organ[24];                 /* methods in an organ: its name (organs.h) */
    int threads;                    /* never changes a result */
    enum analysis_engine engine;    /* of fixed-pipeline */
    const struct fixed_engine *chip;    /* whoever stands for another engine brings it; NULL: the C */
};

/* Defaults for "CT", "MR", "PT" or any other modality. */
void analysis_defaults(const char *modality, struct analysis_parameters *ret_parameters);

/* Bytes of arena that analyse() needs for the volume (of which only the grid is read), at most. */
size_t analyse_need(const struct volume *volume, const struct analysis_parameters *parameters);

/*
 * Finds candidate regions. Nothing found is a result (count 0), not an error; fails on
 * voxels that are not finite, on a volume without contrast, and on memory.
 * `ret_findings->labels` lies in the arena.
 */
bool analyse(const struct volume *volume, const struct analysis_parameters *parameters,
             struct arena *arena, struct findings *ret_findings, struct error *err);

/* The same with the mask of an organ (1 in it) on the volume's grid, for methods that need one. */
bool analyse_organ(const struct volume *volume, const uint8_t *organ,
                   const struct analysis_parameters *parameters, struct arena *arena,
                   struct findings *ret_findings, struct error *err);

#endif
