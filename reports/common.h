/* Common: what every DICOM result takes over from its source, and what it says of itself. */
#ifndef TUMORD_REPORTS_COMMON_H
#define TUMORD_REPORTS_COMMON_H

#include "reports/report.h"
#include "util/volume.h"

struct dataset;
struct item;

struct common {                     /* of one result object */
    const char *class_uid;
    const char *role;               /* "seg": names its derived UIDs */
    const char *modality;
    const char *description;        /* of the series */
    long series_offset;             /* 0 SEG, 20 SR, 30 SC */
};

/*
 * A data set with SOP common, patient, study, series and equipment; ret_uids of the report are
 * filled in. NULL on failure; the caller owns it.
 */
struct dataset *common_new(const struct report_context *context, const struct common *common,
                           struct report *report, struct error *err);

/* Copies the frame of reference. */
void common_frame_of_reference(const struct report_context *context, struct item *root);

/* Was the object of slice k that of an earlier slice? A multi-frame one is referred to once. */
bool common_is_repeated(const struct volume *volume, size_t k);

/* Lossy Image Compression, with ratio and method, as the source has it: it is not undone. */
void common_lossy(const struct report_context *context, struct item *root);

/* Writes the data set into the report, under the name; frees the data set. */
bool common_finish(struct dataset *dataset, const char *name, struct report *report,
                   struct error *err);

/* "tumord, research use", the algorithm in the words of TID 4019 and of the SEG. */
#define COMMON_VERSION "0.1.0"
#define COMMON_WARNING "AI, not reviewed. Research use only, not for diagnosis"

/* Of a glycolysis in that unit of uptake: "g", or "cm2" by body surface. */
static inline const char *common_tlg_unit(enum volume_unit unit)
{
    return unit == UNIT_SUVBSA ? "cm2" : "g";
}

#endif
