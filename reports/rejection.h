/*
 * Rejection: the note that a result takes the place of earlier ones: a Key Object Selection
 * Document (PS3.3 A.35.4, TID 2010) as IHE's Imaging Object Change Management wants it. Its title is
 * 113037 of CID 7011, "Rejected for Patient Safety Reasons": what it names must not be used for care
 * any more. 113039 would say that its time is over, and ask for its removal, which is not ours to ask.
 */
#ifndef TUMORD_REPORTS_REJECTION_H
#define TUMORD_REPORTS_REJECTION_H

#include "reports/report.h"

/* Of what context->superseded names, of the same study; there is at least one. */
bool rejection_make(const struct report_context *context, struct report *ret_report,
                    struct error *err);

#endif
