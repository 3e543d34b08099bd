/* Organs and acquisition as JSON, for findings.json. */
#ifndef TUMORD_REPORTS_ORGANS_JSON_H
#define TUMORD_REPORTS_ORGANS_JSON_H

#include <jansson.h>

struct organs;
struct report_context;

/* Puts "organs" (where somebody looked for them) and "acquisition" into the object. */
void organs_json_put(const struct report_context *context, json_t *object);

#endif
