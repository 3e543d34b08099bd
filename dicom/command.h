/*
 * Command: DIMSE command sets (PS3.7 6.3.1: implicit little endian, group 0000, flat), read
 * under limits and written, without DCMTK.
 */
#ifndef TUMORD_DICOM_COMMAND_H
#define TUMORD_DICOM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "dicom/association.h"

#define COMMAND_MAX_READ 65536
#define COMMAND_MAX_WRITE 512       /* two UIDs, titles, a comment and the numbers */

struct error;

/*
 * Reads a command set. A UID or a title that is too long counts as absent. Fails on what is
 * cut, nested, of another group, or without a command field. Leaves `context` at 0.
 */
bool command_read(const void *bytes, size_t size, struct dimse_message *ret_message,
                  struct error *err);

/* Writes a request or a response by `message->command`; `comment` may be NULL and is cut to
 * the 64 characters of an Error Comment. Returns the size. */
size_t command_write(const struct dimse_message *message, const char *comment,
                     unsigned char buffer[COMMAND_MAX_WRITE]);

#endif
