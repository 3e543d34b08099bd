/* SR: Comprehensive 3D SR by TID 1500, one 1411 group a lesion and a 1501 group of totals. */
#ifndef TUMORD_REPORTS_SR_H
#define TUMORD_REPORTS_SR_H

#include "reports/report.h"

/* `seg` is NULL when there is no segmentation: then nothing was found. `organs`: theirs, or NULL. */
bool sr_make(const struct report_context *context, const struct report *seg,
             const struct report *organs, struct report *ret_report, struct error *err);

#endif
