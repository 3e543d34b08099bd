/*
 * Request: an A-ASSOCIATE-RQ PDU (PS3.8 9.3.2) and its answers, looked over before DCMTK's DUL
 * reads them: their lengths agree, their counts are bounded, and who calls whom is known.
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

/*
 * The same for what a peer that we called answers: an A-ASSOCIATE-AC of which the accepted contexts
 * are left, or a whole A-ASSOCIATE-RJ or A-ABORT. `clean` has REQUEST_ANSWER_ROOM bytes more than
 * `size`.
 */
#define REQUEST_ANSWER_ROOM 64
bool request_check_answer(const void *bytes, size_t size, unsigned char *clean,
                          size_t *ret_clean_size, struct error *err);

#endif
