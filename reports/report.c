/* Report: all results of a job, in the order of sending. */
#include "reports/report.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "reports/canvas.h"
#include "reports/capture.h"
#include "reports/findings_json.h"
#include "reports/rejection.h"
#include "reports/seg.h"
#include "reports/sr.h"
#include "util/error.h"

#define FONT "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"     /* fonts-dejavu-core */

bool report_init(const char *font_path, struct error *err)
{
    return canvas_init(font_path != NULL ? font_path : FONT, err);
}

void report_free(struct report *report)
{
    free(report->bytes);
    report->bytes = NULL;
}

/* Fills the list from `*count` on; what was made stays counted when it fails. */
static bool make_all(const struct report_context *context, struct report *reports,
                     size_t room, size_t *count, struct error *err)
{
    const struct report *seg = NULL, *organs = NULL;
    size_t pictures = 0;

    if (context->findings->segment_count > 0 && !context->volume->planar) {
        seg = &reports[*count];
        if (!seg_make(context, &reports[(*count)++], err))
            return false;
    }
    if (seg_has_organs(&context->findings->organs)) {
        organs = &reports[*count];
        if (!seg_make_organs(context, &reports[(*count)++], err))
            return false;
    }
    if (context->findings->synthesis.made && !seg_make_synthetic(context, &reports[(*count)++], err))
        return false;
    if (!sr_make(context, seg, organs, &reports[(*count)++], err))
        return false;
    const bool good = capture_make(context, reports + *count, room - *count - 2, &pictures,
                                   err);
    *count += pictures;
    if (!good || !findings_json_make(context, &reports[(*count)++], err))
        return false;
    return context->superseded_count == 0
        || rejection_make(context, &reports[(*count)++], err);
}

bool report_all(const struct report_context *context, struct report *ret_reports,
                size_t room, size_t *ret_count, struct error *err)
{
    size_t count = 0;

    if (room < 8)
        return error_set(err, ERROR_USAGE, "room for %zu results is too little", room);
    memset(ret_reports, 0, room * sizeof *ret_reports);
    if (make_all(context, ret_reports, room, &count, err)) {
        *ret_count = count;
        return true;
    }
    for (size_t i = 0; i < count; i++)
        report_free(&ret_reports[i]);
    return false;
}
