/* SEG: PS3.3 A.51, BINARY, one segment a lesion or an organ, frames without voxels left out. */
#ifndef TUMORD_REPORTS_SEG_H
#define TUMORD_REPORTS_SEG_H

#include <stdint.h>

#include "analysis/findings.h"
#include "reports/report.h"

struct item;

bool seg_make(const struct report_context *context, struct report *ret_report,
              struct error *err);

/* The body of analysis/synthesis.h, in a frame of reference of its own, marked wherever one might look. */
bool seg_make_synthetic(const struct report_context *context, struct report *ret_report,
                        struct error *err);

/* "organs.dcm": an object of its own, as organs may overlap lesions. Only where seg_has_organs(). */
bool seg_make_organs(const struct report_context *context, struct report *ret_report,
                     struct error *err);
bool seg_has_organs(const struct organs *organs);

/* The organ's segment number in it, from 1; 0 when it has none: not found, or body, fat and muscle. */
long seg_organ_number(const struct organs *organs, enum organ_id id);

/* CID 244 as an item of the sequence in a code's item: nothing for what has no side. */
void seg_put_laterality(struct item *code, uint32_t tag, enum laterality laterality);

#endif
