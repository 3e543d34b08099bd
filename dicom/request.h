/*
 * Request: an A-ASSOCIATE-RQ PDU (PS3.8 9.3.2), looked over before DCMTK's DUL reads it: its
 * lengths agree, its counts are bounded, and who calls whom is known.
 */
#ifndef TUMORD_DICOM_REQUEST_H
#define TUMORD_DICOM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "dicom/association.h"

#define REQUEST_MAX_CONTEXTS 128    /* odd numbers of one byte */
#define REQUEST_MAX_SYNTAXES 50     /* transfer syntaxes of one context, as DCMTK has room for */

struct error;

/*
 * Fills all of ret_peer but the address, and `clean` (of `size` bytes) with the same request
 * in what DUL is to see: known items, once each, whose lengths agree to the last level.
 * Extended negotiation and user identity, which we do not answer, are left out: DUL loses
 * memory over damaged ones.
 */
bool request_check(const void *bytes, size_t size, unsigned char *clean,
                   size_t *ret_clean_size, struct association_peer *ret_peer,
                   struct error *err);

#endif
