/* UIDs: ours are derived, so that the same inputs give the same objects. */
#ifndef TUMORD_DICOM_UID_H
#define TUMORD_DICOM_UID_H

#include "util/text.h"

#define UID_IMPLEMENTATION_CLASS "2.25.302868107923016386514712083640716582411"
#define UID_IMPLEMENTATION_VERSION "TUMORD_010"
#define UID_MANUFACTURER "tumord"       /* (0008,0070) of all we make */
#define UID_MODEL "tumord"              /* (0008,1090) */

/*
 * "2.25." and the decimal of a name-based UUID (RFC 4122 version 5 layout, from SHA-256)
 * over `key` (a job's digest in hexadecimal) and `role` ("seg", "sr.series", "lesion.3").
 */
void uid_derive(const char *key, const char *role, char ret_uid[TEXT_UID_SIZE]);

#endif
