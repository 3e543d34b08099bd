/* Findings: warnings that fit. */
#include "analysis/findings.h"

#include <stdarg.h>
#include <stdio.h>

void findings_warn(struct findings *findings, const char *format, ...)
{
    va_list list;

    if (findings->warning_count == FINDINGS_MAX_WARNINGS) {
        snprintf(findings->warning[FINDINGS_MAX_WARNINGS - 1],
                 sizeof findings->warning[0], "and further warnings");
        return;
    }
    va_start(list, format);
    vsnprintf(findings->warning[findings->warning_count++], sizeof findings->warning[0],
              format, list);
    va_end(list);
}
