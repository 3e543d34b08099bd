/* Findings as JSON: sorted keys, units in names; for the index, the API and other programs. */
#ifndef TUMORD_REPORTS_FINDINGS_JSON_H
#define TUMORD_REPORTS_FINDINGS_JSON_H

#include "reports/report.h"

bool findings_json_make(const struct report_context *context, struct report *ret_report,
                        struct error *err);

#endif
