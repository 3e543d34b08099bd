/*
 * CSV: cells by RFC 4180, safe for spreadsheets. Text is always in quotes; one that a
 * spreadsheet would take for a formula gets an apostrophe before it, which shows it as text.
 */
#ifndef TUMORD_UTIL_CSV_H
#define TUMORD_UTIL_CSV_H

#include <stdio.h>

#define CSV_LINE_END "\r\n"

/* Text from outside, UTF-8. Control characters, line ends too, become spaces. */
void csv_put_text(FILE *file, const char *text);

/* Sixteen digits at most: what another program reads is the number to a last place. */
void csv_put_number(FILE *file, double value);

#endif
