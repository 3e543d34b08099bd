/*
 * Retrieve: C-MOVE and C-GET as SCP (PS3.4 C.4.2, C.4.3): what the identifier names is sent, the
 * stored bytes as they are wherever the receiving side takes them so, to a configured peer or
 * back over the same association. Received objects and our current results alike.
 */
#ifndef TUMORD_DAEMON_RETRIEVE_H
#define TUMORD_DAEMON_RETRIEVE_H

#include <stdbool.h>

struct association;
struct config;
struct dimse_message;
struct error;
struct pool;

struct retrieve_asker {
    const struct config *config;
    const char *calling_ae;
    struct pool *pool;                  /* converts; NULL: only what is taken as stored goes */
};

/* Answers a C-MOVE or a C-GET to its end; false: the association is dead. */
bool retrieve_answer(struct association *association, const struct dimse_message *message,
                     const struct retrieve_asker *asker, struct error *err);

#endif
