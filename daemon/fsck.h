/*
 * Fsck: what the index says against what lies on disk, on a node that does not run; and the index
 * made anew from the files alone. Each stored object has its row beside it (NAME.json), each
 * result's folder its job (job.json), so an index is never more than a fast way to look.
 */
#ifndef TUMORD_DAEMON_FSCK_H
#define TUMORD_DAEMON_FSCK_H

#include <stdbool.h>
#include <stdio.h>

struct config;
struct error;

struct fsck_counts {
    long objects, results;          /* that are whole */
    long damaged;                   /* other bytes than their digest says, or cut */
    long missing;                   /* a row without its file */
    long unknown;                   /* a file without its row */
};

/*
 * Takes the lock of the data folder (a running node has it: ERROR_DENIED), brings in what is
 * in the journal, and compares. With `rebuild` the old index is put aside as
 * index.db.before-TIME first. Each finding is a line to `to`.
 */
bool fsck_run(const struct config *config, bool rebuild, FILE *to,
              struct fsck_counts *ret_counts, struct error *err);

#endif
