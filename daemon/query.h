/*
 * Query: C-FIND as SCP (PS3.4 C.4.1), Patient Root and Study Root, and what C-MOVE and C-GET
 * share with it: an identifier that becomes a search of the index. Identifiers are read by our
 * own bounded reader (dicom/identifier.h), and answers stream from the index as rows come.
 */
#ifndef TUMORD_DAEMON_QUERY_H
#define TUMORD_DAEMON_QUERY_H

#include <stdbool.h>

#include "daemon/store_query.h"
#include "dicom/association.h"
#include "dicom/identifier.h"

struct config;
struct error;

enum query_status {                     /* PS3.4 C.4.1.1.4, C.4.2.1.5 */
    QUERY_SUCCESS = 0x0000, QUERY_PENDING = 0xff00, QUERY_PENDING_UNKNOWN_KEYS = 0xff01,
    QUERY_CANCELLED = 0xfe00, QUERY_WARNING = 0xb000, QUERY_NO_RESOURCES = 0xa700,
    QUERY_NOT_PERFORMED = 0xa702, QUERY_UNKNOWN_DESTINATION = 0xa801,
    QUERY_MISMATCH = 0xa900, QUERY_UNABLE = 0xc001
};

struct query {
    struct identifier *identifier;
    bool is_explicit;
    enum store_level level;
    struct store_filter filter;         /* its texts lie in the query */
    char date[2][9], name[256];
};

/*
 * Reads the data set of the message and parses it. False: the association is dead. When the
 * identifier cannot be served, ret_query->identifier is NULL and `reason` says why.
 */
bool query_read(struct association *association, const struct dimse_message *message,
                struct query *ret_query, struct error *reason, struct error *err);
void query_free(struct query *query);

/* The keys that are matched and returned, in the order of their tags; NULL behind the last. */
struct query_key {
    uint32_t tag;
    char vr[3];
    enum store_level level;
};
const struct query_key *query_key_at(size_t index);

/* Is it a C-FIND, C-MOVE or C-GET class of either root? */
bool query_is_class(const char *sop_class_uid);

/* Answers a C-FIND to its end; false: the association is dead. */
bool query_answer(struct association *association, const struct dimse_message *message,
                  const struct config *config, struct error *err);

/* PS3.4 C.2.2.2: does the value match the key's? An empty key matches everything. */
bool query_matches(const char *vr, const char *key, const char *value);

#endif
