/*
 * Pool: warm workers that answer what somebody waits for (a plane of a volume for the page, a
 * transcoding for a peer). Receiver, sender and http may not decode anything: they hand over
 * open files and get bytes back. Each of the three has a channel to each worker of the pool.
 *
 * An errand is a JSON object {"errand": NAME, …} and its files; daemon/errand.h lists them. A
 * worker that dies over an errand is started again by the parent; the errand then fails with
 * a sentence, and the process that asked goes on.
 */
#ifndef TUMORD_DAEMON_POOL_H
#define TUMORD_DAEMON_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct pool;

/* The caller's ends of `count` channels (1 or more), which stay the caller's. */
struct pool *pool_new(const int *channels, size_t count, struct error *err);
void pool_free(struct pool *pool);                  /* NULL is fine */

struct pool_errand {
    const char *body;                   /* a JSON object */
    size_t file_count;
    /* Opens file `index` for reading; -1 with errno. Called on the thread that asks. */
    int (*open)(size_t index, void *context);
    void *context;
    int timeout_s;                      /* for a free worker and its answer together */
};

struct pool_answer {
    char body[1024];                    /* JSON, "" when there is none */
    int fd;                             /* a memfd with the bytes, or -1; the caller's to close */
};

/*
 * Asks and waits; any number of threads may. ERROR_LIMIT: nobody was free or the answer did
 * not come in time; ERROR_IO: the worker died over it; else what the worker says.
 */
bool pool_ask(struct pool *pool, const struct pool_errand *errand,
              struct pool_answer *ret_answer, struct error *err);

#endif
