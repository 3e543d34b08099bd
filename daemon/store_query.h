/*
 * Store query: what C-FIND, C-MOVE and C-GET ask of the index: originals that were received and
 * the current results, side by side. Part of the store (daemon/store.h): its SQL and nothing
 * else; a reader has a connection of its own, takes no lock that a writer waits for, and is of
 * one thread.
 */
#ifndef TUMORD_DAEMON_STORE_QUERY_H
#define TUMORD_DAEMON_STORE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct store_reader;

/*
 * Is instance `i` the one of its UID that counts? Of several with other bytes the note
 * "duplicates" tells which: "last", or else the first that arrived.
 */
#define STORE_COUNTS "NOT EXISTS (SELECT 1 FROM instance d WHERE d.series_uid = i.series_uid" \
    " AND d.sop_uid = i.sop_uid AND d.id <> i.id AND CASE (SELECT value FROM note WHERE name =" \
    " 'duplicates') WHEN 'last' THEN (d.received_ms, d.id) > (i.received_ms, i.id)" \
    " ELSE (d.received_ms, d.id) < (i.received_ms, i.id) END)"

enum store_level { STORE_PATIENT, STORE_STUDY, STORE_SERIES, STORE_IMAGE };

/*
 * What narrows the search by an index; NULL: everything. It may let through more than was
 * asked for, never less: the caller looks at each hit. Patterns have '*' and '?'; upper and
 * lower case of ASCII are alike in the name's. Lists have '\' between UIDs.
 */
struct store_filter {
    const char *patient_id, *patient_name, *accession;
    const char *date_from, *date_to;                    /* of the study, inclusive */
    const char *study_uids, *series_uids, *sop_uids;
};

struct store_hit {
    const char *tags;               /* JSON of the first original instance of it */
    const char *study_uid;
    const char *series_uid, *modality, *series_description;    /* from the level of series on */
    const char *sop_uid, *sop_class_uid, *transfer_syntax;      /* at the level of images */
    const char *path;               /* below the data folder */
    bool result;                    /* ours: `tags` are its source's */
    int64_t series_number;          /* of a result */
    int64_t studies, series, instances;     /* that it has below it */
    const char *modalities, *sop_classes;   /* of studies, with '\' between them */
};
/* The texts are valid during the call; false ends the search. */
typedef bool (*store_hit_fn)(const struct store_hit *hit, void *context);

struct store_reader *store_reader_open(const char *data_dir, struct error *err);
void store_reader_close(struct store_reader *reader);       /* NULL is fine */

bool store_query(struct store_reader *reader, enum store_level level,
                 const struct store_filter *filter, store_hit_fn each, void *context,
                 struct error *err);

#endif
