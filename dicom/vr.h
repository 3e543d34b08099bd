/* VR: which form of length follows an explicit value representation (PS3.5 7.1.2). */
#ifndef TUMORD_DICOM_VR_H
#define TUMORD_DICOM_VR_H

#include <stdbool.h>

/* True for 2 reserved bytes and a length of 4. Two capitals that are no VR of the standard
 * are of this form, as all new ones are; anything else has a length of 2. */
bool vr_is_long(const unsigned char vr[2]);

/* One of PS3.5 6.2; by them readers tell explicit from implicit where nothing says it. */
bool vr_is_standard(const unsigned char vr[2]);

#endif
