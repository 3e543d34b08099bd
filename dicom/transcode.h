/*
 * Transcode: the same image in another transfer syntax, for a peer that does not take the one
 * in which it is stored. It decodes, so it is for workers and tools only.
 */
#ifndef TUMORD_DICOM_TRANSCODE_H
#define TUMORD_DICOM_TRANSCODE_H

#include <stdbool.h>
#include <stddef.h>

struct error;

/*
 * A Part 10 file in, one in `transfer_syntax` out, which the caller frees. Pixels keep their
 * values and the object its UIDs; what was lost before stays lost, and stays said so. Fails
 * on a syntax that is not writable (syntax.h), and on what cannot be read or decoded.
 */
bool transcode(const void *bytes, size_t size, const char *transfer_syntax,
               unsigned char **ret_bytes, size_t *ret_size, struct error *err);

#endif
