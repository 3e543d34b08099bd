/*
 * Stats: what was found, counted over a study, a patient or everybody. Made from the findings
 * that the index keeps of the current, finished job of each series; every other series is a row
 * with its reason. It is a stream of rows, one JSON object a line, that are made while they are
 * read: what is held is one study, and 24 bytes for each region of the question, for the
 * quartiles.
 *
 * Rows say in "level" what they are of: "head" (columns, units, definitions; the first), then
 * for each study "region" (told one by one), "series", "study"; behind the studies of a patient
 * "timepoint" (a date and modality, with the change since the one before) and "patient"; at the
 * last "cohort" (every study), "cohort_latest" (the latest date of each patient and modality)
 * and "reason" (why series were not analysed); and "end", without which the stream broke off,
 * or "error" with its reason. "study", "patient" and "cohort" rows come by "all", by
 * "modality", "site" and "side", named in "group". A key that is missing is not known.
 */
#ifndef TUMORD_DAEMON_STATS_H
#define TUMORD_DAEMON_STATS_H

#include <stddef.h>

struct error;
struct stats;
struct store;

enum stats_scope { STATS_STUDY, STATS_PATIENT, STATS_ALL };

/*
 * `which`: a Study Instance UID, a patient ID, or NULL. ERROR_NOT_FOUND when the store has none
 * such. The store is asked again at each reading, and outlives it.
 */
struct stats *stats_new(struct store *store, enum stats_scope scope, const char *which,
                        struct error *err);
/* The next bytes; 0 at the end. -1 only without memory: errors of the store are rows. */
long stats_read(struct stats *stats, char *buffer, size_t size);
void stats_free(struct stats *stats);               /* NULL is fine */

#endif
