/*
 * Pool: a loop over independent parts on a few threads. Parts are fixed by their number and
 * never by the threads, so that a result does not depend on how many there are.
 */
#ifndef TUMORD_ANALYSIS_POOL_H
#define TUMORD_ANALYSIS_POOL_H

#include <stddef.h>

typedef void (*pool_fn)(size_t part, void *context);

/* Calls `work` once for each part from 0 to count - 1, on at most `threads` threads. */
void pool_run(int threads, size_t count, pool_fn work, void *context);

#endif
