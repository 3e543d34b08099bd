/*
 * Laid: another volume of the patient on the analysed one, registered or as it lies, and what it says
 * of the same lesions.
 */
#ifndef TUMORD_ANALYSIS_LAID_H
#define TUMORD_ANALYSIS_LAID_H

#include <stdbool.h>
#include <stddef.h>

#include "util/volume.h"

#define LAID_MAX_LESIONS 20         /* FINDINGS_MAX_SEGMENTS */

struct arena;
struct error;
struct findings;

enum laid_role { LAID_T1, LAID_T1C, LAID_T2, LAID_FLAIR, LAID_CT, LAID_PT, LAID_ROLES };

const char *laid_role_name(enum laid_role role);        /* "T1", "T1c" … "PT" */
/* The role of that name, or LAID_ROLES. */
enum laid_role laid_role_find(const char *name);

struct laid_values {                /* of one lesion's voxels that lie in the other volume */
    size_t voxels;                  /* 0: none does, and the rest is 0 */
    double mean, sd, minimum, maximum;
};

struct laid {
    char role[17];                  /* "FLAIR", "CT" */
    char series_uid[TEXT_UID_SIZE];
    enum volume_unit unit;
    bool registered;                /* false: taken as it lies in the common frame of reference */
    double matrix[4][4];            /* from the analysed patient space to the other's, LPS mm */
    double moved_mm, turned_degrees;    /* of the centre, and in all */
    double before, after;           /* normalised mutual information, where registered */
    struct laid_values lesion[LAID_MAX_LESIONS];    /* in the order of findings.lesion */
};

/* One line: "FLAIR, moved by 1.2 mm and 0.8 degrees", "CT, as it lies". */
void laid_tell(const struct laid *laid, char *buffer, size_t size);

/*
 * Lays `other` on the grid of `volume` and measures the lesions of the findings in it. With
 * `registers` the motion is found first; one of more than 50 mm or 30 degrees is no motion of a
 * patient between two sequences and fails. Role and series are the caller's. Everything that it
 * takes of the arena it gives back.
 */
bool laid_measure(const struct volume *volume, const struct volume *other, bool registers,
                  const struct findings *findings, int threads, struct arena *arena,
                  struct laid *ret_laid, struct error *err);

#endif
