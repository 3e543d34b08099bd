/*
 * Scan: the tags of the index out of a data set that passes by in pieces, without trust and
 * without recursion. The only reader of data sets in processes that serve others. Limits:
 * depth 64, a value kept to 1 KiB, memory fixed; what is longer is passed over.
 */
#ifndef TUMORD_DICOM_SCAN_H
#define TUMORD_DICOM_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_MAX_DEPTH 64
#define SCAN_MAX_VALUE 1024

struct error;
struct scan;

/* `transfer_syntax` says explicit or implicit, little or big endian, deflated (inflated
 * under a ceiling, for the indexed tags only). */
struct scan *scan_new(const char *transfer_syntax, struct error *err);
void scan_free(struct scan *scan);                  /* NULL is fine */
void scan_restart(struct scan *scan, const char *transfer_syntax);

/* The next bytes of the data set. Fails, for good, on the first thing that is wrong. */
bool scan_push(struct scan *scan, const void *bytes, size_t size, struct error *err);
/* The data set ends here: fails when that is in the middle of something. */
bool scan_end(struct scan *scan, struct error *err);

/* The value of a top-level tag of the index, NUL-ended, padding cut, several joined by '\';
 * NULL when it was not there. Binary US and FD values are given as decimal
 * text. */
const char *scan_value(const struct scan *scan, uint32_t tag);

/*
 * The Series Instance UIDs that stand inside of sequences, each once, joined by '\'; "" for none. In
 * a segmentation or a structure set they are the series that it was drawn on. What is
 * deflated is read as far as the index goes.
 */
const char *scan_referred_series(const struct scan *scan);
/* Is `uid` one of such a list? */
bool scan_refers(const char *referred, const char *uid);

/* The tags of the index, in ascending order, up to one whose keyword is NULL. */
struct scan_tag {
    uint32_t tag;
    const char *keyword;
};
extern const struct scan_tag scan_tags[];

/* Whole bytes at once, as before dataset_read(): a Part 10 file (its meta header is read for
 * the syntax) or a bare data set, little endian implicit or explicit by a guess. */
bool scan_check(const void *bytes, size_t size, struct error *err);

#endif
