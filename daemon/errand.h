/*
 * Errand: what a worker of the pool does for those who ask it (daemon/pool.h). One object of
 * JSON in, one out, and at most one memfd of bytes:
 *
 *   {"errand": "planes", "key": K}, the files of a series
 *       → {"size": …, "resampled": …, "unit": …, "window": …, "planes": {"axial": {"count": N, …}, …}}
 *   {"errand": "plane", "key": K, "plane": "axial", "index": I, "center": C, "width": W}, the
 *       files of a series → {"index": I}, a PNG. No width: the window of "planes".
 *
 *   {"errand": "transcode", "syntax": UID}, one file → {"size": N}, the same object as a Part 10
 *       file in that transfer syntax (dicom/transcode.h)
 *
 * K names the volume: the one that was asked for last is kept, so that the next plane costs no
 * loading and wants no files.
 */
#ifndef TUMORD_DAEMON_ERRAND_H
#define TUMORD_DAEMON_ERRAND_H

#include <stdbool.h>
#include <stddef.h>

#define ERRAND_LIMIT_S 60               /* then the worker ends itself */

struct arena;
struct error;
struct errands;
struct inputs;

struct errand_answer {
    char body[1024];
    int fd;                             /* -1: none; the caller's to close */
};

/* The arena is theirs as long as no job runs. */
struct errands *errands_new(struct arena *arena, struct error *err);
void errands_free(struct errands *errands);         /* NULL is fine */

bool errand_run(struct errands *errands, const char *body, struct inputs *inputs,
                struct errand_answer *ret_answer, struct error *err);
/* Gives up the volume and its memory: nobody has asked for a while. */
void errands_forget(struct errands *errands);

/* Bytes as a memfd, from offset 0; -1 on failure. */
int errand_memfd(const char *name, const void *bytes, size_t size, struct error *err);

#endif
