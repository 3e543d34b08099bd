/* Regions: the findings JSON that the index keeps of a job, read back. */
#ifndef TUMORD_DAEMON_REGIONS_H
#define TUMORD_DAEMON_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define REGIONS_MAX 256             /* told one by one; a result has FINDINGS_MAX_SEGMENTS */

struct region {
    int64_t label;
    double volume_mm3, longest_mm;  /* of a planar picture: 0, and the axis in it */
    double area_mm2;                /* of a planar picture; NAN: it is none */
    char finding[65];
    double maximum, mean;           /* of PET and NM in regions.unit; NAN: not told */
    double peak, tlg, ratio;        /* SUVpeak, glycolysis, mean over background; NAN: not told */
    char site[65], side[17];        /* meaning, "left", "right", "bilateral"; "" not known */
};

struct regions {
    int64_t count;                  /* found, those that are not told one by one included */
    double total_mm3;               /* of all of them */
    double total_tlg;               /* NAN: not told */
    char method[65], unit[33];
    bool planar;                    /* pictures without depth: there are no volumes */
    size_t told, organs;
    struct region region[REGIONS_MAX];
    struct region organ[REGIONS_MAX];   /* anatomy: in neither count nor total */
};

/*
 * Fails with what is wrong: the index may be damaged, or be of another version. Nothing is
 * guessed: a region without a size, or sizes beyond their sum, fail the whole.
 */
bool regions_read(const char *findings, struct regions *ret_regions, struct error *err);

#endif
