/* SEG: PS3.3 A.51, BINARY, one segment a lesion, frames without voxels left out. */
#ifndef TUMORD_REPORTS_SEG_H
#define TUMORD_REPORTS_SEG_H

#include "reports/report.h"

bool seg_make(const struct report_context *context, struct report *ret_report,
              struct error *err);

#endif
