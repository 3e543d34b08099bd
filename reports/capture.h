/* Capture: pictures of the findings, as PNG and as one Multi-frame True Color SC. */
#ifndef TUMORD_REPORTS_CAPTURE_H
#define TUMORD_REPORTS_CAPTURE_H

#include "reports/report.h"

/*
 * sc.dcm with a frame for each lesion (its largest axial section with contour and measures) or
 * one that says 'no lesion found', then the same pictures as key-1.png … At most `room`.
 */
bool capture_make(const struct report_context *context, struct report *ret_reports,
                  size_t room, size_t *ret_count, struct error *err);

#endif
