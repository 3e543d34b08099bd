/*
 * Convert: a stored object in a syntax that its peer takes. The bytes go out as they are stored
 * wherever the peer takes them so; if not, a worker of the pool makes others, since no process
 * with a socket may decode. For deliveries, C-MOVE and C-GET alike.
 */
#ifndef TUMORD_DAEMON_CONVERT_H
#define TUMORD_DAEMON_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "dicom/association.h"

struct error;
struct pool;

#define CONVERT_MAX_PROPOSALS 120       /* association_request() takes no more */

struct convert_object {
    const char *sop_class_uid;
    const char *stored;                 /* the transfer syntax of its file */
    const char *wanted;                 /* that goes before the stored one, or "" */
};

struct convert_proposals {
    size_t count;
    struct association_proposal proposal[CONVERT_MAX_PROPOSALS];
};

/* Adds what is to be proposed for an object and is not there yet: its stored syntax, ... */
void convert_propose_stored(struct convert_proposals *proposals,
                            const struct convert_object *object);
/* ... and those that it can be turned into: `wanted`, explicit and implicit little endian.
 * First the stored ones of all objects: these are what a full list must not lack. */
void convert_propose_others(struct convert_proposals *proposals,
                            const struct convert_object *object);

/*
 * The object open at `fd` as the association takes it. *ret_fd is `fd` itself or a memfd, which
 * the caller closes; ret_syntax is what association_store() is to be told. `pool` may be
 * NULL: then nothing is converted. Fails, with the association unharmed, when the peer
 * accepted nothing that the object is in or can be turned into.
 */
bool convert_file(struct pool *pool, const struct association *association,
                  const struct convert_object *object, int fd, int timeout_s,
                  char ret_syntax[TEXT_UID_SIZE], int *ret_fd, struct error *err);

#endif
