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

/* Fills all but the address. */
bool request_check(const void *bytes, size_t size, struct association_peer *ret_peer,
                   struct error *err);

#endif
