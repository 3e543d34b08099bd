/*
 * Session: one association of the receiver, from its request to its end, in a thread of its
 * own. The hall is what all of them share: who may come in, and how many.
 */
#ifndef TUMORD_DAEMON_SESSION_H
#define TUMORD_DAEMON_SESSION_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct error;
struct hall;
struct journal;
struct pool;

/* `pool` converts what a peer does not take as it is stored; NULL: nothing is converted.
 * `import_ae` is the title under which tumorctl may store over the loopback. */
struct hall *hall_new(const struct config *config, struct journal *journal, struct pool *pool,
                      const char *import_ae, struct error *err);
/* From the next association on; running ones go on under what they began with. Both
 * configurations live as long as the hall, and max_associations stays what it was. */
void hall_reload(struct hall *hall, const struct config *config);
void hall_free(struct hall *hall);                  /* NULL is fine */

/*
 * Starts a session on a socket whose whole request of `size` bytes was read (by malloc();
 * it takes over both). False when the hall is full or there is no thread: then the caller
 * keeps both.
 */
bool hall_enter(struct hall *hall, int socket, const char *address, unsigned char *request,
                size_t size);

/* From now on: who waits is sent away, who is in a C-STORE may finish it, nobody comes in. */
void hall_drain(struct hall *hall);
/* Sessions that have not ended yet. */
size_t hall_count(struct hall *hall);
/* A commit failed in a way after which this process must not go on. */
bool hall_is_broken(struct hall *hall);

#endif
