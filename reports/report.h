/*
 * Report: what all results of one job have in common. A result is a pure function of these
 * fields: no clock, no random number, no host name.
 */
#ifndef TUMORD_REPORTS_REPORT_H
#define TUMORD_REPORTS_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/text.h"

struct dataset;
struct error;
struct findings;
struct series_facts;
struct volume;

enum report_kind { REPORT_SEG, REPORT_SR, REPORT_SC, REPORT_PICTURE, REPORT_JSON, REPORT_KO };

struct report_superseded {              /* an object of an earlier result that a peer has */
    char sop_class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE];
};

struct report_context {
    struct dataset *source;             /* series_template() of the analysed series */
    const struct volume *volume;        /* the analysed voxels, on the source grid */
    const struct series_facts *facts;
    const struct findings *findings;
    const char *key;                    /* 64 hexadecimal digits: the job's digest */
    const char *created;                /* DICOM DT with offset: the job's first queueing */
    long series_number;                 /* SEG; +20 SR, +30 SC, +40 KO */
    const struct report_superseded *superseded;
    size_t superseded_count;            /* 0: nothing to reject */
};

/* One result: a Part 10 object, a PNG or a JSON text. The caller frees `bytes`. */
struct report {
    enum report_kind kind;
    char name[32];                      /* file name in the result's folder: "seg.dcm", "key-1.png" */
    char sop_class_uid[TEXT_UID_SIZE];  /* "" when not DICOM */
    char sop_uid[TEXT_UID_SIZE];
    char series_uid[TEXT_UID_SIZE];
    unsigned char *bytes;
    size_t size;
};

/*
 * Loads what reports need from files (the font), before a worker gives up its rights.
 * NULL takes the installed DejaVu Sans.
 */
bool report_init(const char *font_path, struct error *err);

/*
 * All results of the job, in the order of sending: SEG (only when something was found), that of the
 * organs (where any has a segment), SR,
 * SC, then the key images as PNG, findings.json and the note of rejection. At most `room` of them.
 */
bool report_all(const struct report_context *context, struct report *ret_reports,
                size_t room, size_t *ret_count, struct error *err);
void report_free(struct report *report);            /* its bytes */

#endif
