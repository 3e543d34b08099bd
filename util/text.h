/* Text: numbers from text, text into fixed buffers, and the grammar of UIDs. */
#ifndef TUMORD_UTIL_TEXT_H
#define TUMORD_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_UID_SIZE 65        /* PS3.5 9.1: 64 characters at most, and the end */

/* The whole text is one decimal number within [low, high], spaces around it allowed. */
bool text_to_int(const char *text, long long low, long long high, long long *ret_value);

/* The whole text is one finite decimal number (no hexadecimal), spaces around it allowed. */
bool text_to_double(const char *text, double *ret_value);

/* snprintf that says whether all of it fitted; the buffer always ends. */
bool text_format(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* PS3.5 9.1: digits and dots, 1 to 64 characters, no empty component. */
bool text_is_uid(const char *text);

/* Cuts spaces at both ends in place; returns the text's new start. */
char *text_trim(char *text);

/* The length of the UTF-8 sequence at `text`, or 0; overlong forms and surrogates are none. */
size_t text_utf8_length(const void *text, size_t left);

/*
 * Writes `text` (of `length` bytes, in any charset) as valid UTF-8 without control
 * characters: bytes that are UTF-8 stay, any other byte counts as Latin-1. Cut to fit.
 */
void text_to_utf8(const char *text, size_t length, char *buffer, size_t size);

/* Copies `text` for a terminal or a log: C0, C1 and bidi controls become '?'. Cut to fit. */
void text_printable(const char *text, char *buffer, size_t size);

#endif
