/*
 * Arena: the memory of one study. It is taken piece by piece and given back as a whole;
 * after a reset the pages are kept, since the first touch of 300 MiB costs a second.
 */
#ifndef TUMORD_UTIL_ARENA_H
#define TUMORD_UTIL_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

/* Reserves addresses for `limit_bytes`; memory is used as it is touched. */
struct arena *arena_new(size_t limit_bytes, struct error *err);
void arena_free(struct arena *arena);               /* NULL is fine */

/*
 * `count` elements of `size` bytes, aligned to 64, not cleared (it may hold what an earlier
 * study left). Fails with ERROR_LIMIT when the limit would be passed or the product
 * overflows. Zero elements give a valid pointer.
 */
void *arena_take(struct arena *arena, size_t count, size_t size, struct error *err);
void *arena_take_zeroed(struct arena *arena, size_t count, size_t size, struct error *err);
char *arena_text(struct arena *arena, const char *text, struct error *err);    /* a copy */

/* A scratch region: what is taken after the mark is given back by the rewind. */
size_t arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, size_t mark);

void arena_reset(struct arena *arena);              /* empty, its pages kept */
void arena_release(struct arena *arena);             /* empty, its pages given back */
size_t arena_used(const struct arena *arena);       /* bytes now */
size_t arena_peak(const struct arena *arena);       /* bytes at most since the last reset */
size_t arena_limit(const struct arena *arena);

#endif
