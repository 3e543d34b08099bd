/* Gzip: unpacks a .gz in memory, to no more bytes than the caller allows. */
#ifndef TUMORD_UTIL_GZIP_H
#define TUMORD_UTIL_GZIP_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/* Whether the bytes begin as gzip does (RFC 1952). */
bool gzip_is(const void *bytes, size_t size);

/*
 * Unpacks all members, each checked by its own sum; zeros behind the last one are padding.
 * Fails with ERROR_LIMIT as soon as more than `limit` bytes come out. The limit is in bytes
 * and not a ratio: real masks pack 977 to 1, and the format ends at 1032 to 1. The caller
 * ends the result with free().
 */
bool gzip_unpack(const void *bytes, size_t size, size_t limit, unsigned char **ret_bytes,
                 size_t *ret_size, struct error *err);

#endif
