/* Error: what went wrong, as a value on the caller's stack; setting it allocates nothing. */
#ifndef TUMORD_UTIL_ERROR_H
#define TUMORD_UTIL_ERROR_H

#include <stdbool.h>

enum error_code {
    ERROR_NONE,
    ERROR_DATA,             /* the input is wrong or damaged */
    ERROR_UNSUPPORTED,      /* the input is fine, and we do not handle it */
    ERROR_LIMIT,            /* a limit of depth, size, count or time was passed */
    ERROR_MEMORY,
    ERROR_IO,               /* file system or database */
    ERROR_NETWORK,          /* the peer, or the way to it */
    ERROR_DENIED,
    ERROR_NOT_FOUND,
    ERROR_CONFIG,
    ERROR_USAGE
};

/* `text`: one line, lower case, no full stop, no patient's name or identifier. */
struct error {
    enum error_code code;
    char text[240];
};

/* Both set `err` and return what a failing function returns. A text too long is cut. */
bool error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void *error_null(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "what: " before the text, so that each floor says where it was; returns false. */
bool error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets `err` to the text, a colon and strerror(errno); returns false. */
bool error_errno(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
