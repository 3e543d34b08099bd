/*
 * Mask: what somebody else drew on a series: segmentations (SEG) and structure sets (RTSTRUCT).
 */
#ifndef TUMORD_DICOM_MASK_H
#define TUMORD_DICOM_MASK_H

#include <stdbool.h>
#include <stddef.h>

enum mask_kind { MASK_NONE, MASK_SEG, MASK_LABELMAP, MASK_RTSTRUCT };

/* By the SOP Class UID; MASK_NONE for what is no mask. */
enum mask_kind mask_kind_of(const char *sop_class_uid);

#endif
