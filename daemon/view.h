/*
 * View: requests of the viewer that a warm worker answers, since it takes pixels:
 *
 *   GET /api/series/UID/planes                                   JSON, see daemon/errand.h
 *   GET /api/series/UID/planes/axial/12.png?center=40&width=400  PNG; coronal, sagittal alike
 */
#ifndef TUMORD_DAEMON_VIEW_H
#define TUMORD_DAEMON_VIEW_H

#include <stdbool.h>

#include "daemon/api.h"

struct pool;
struct view;

struct view_request {
    const char *path;
    const char *center, *width;         /* of the query; NULL when not given */
};

/* Is this path a view's? */
bool view_is_path(const char *path);

/* Reads the index for it; NULL when it is refused, and then ret_refusal says why. */
struct view *view_new(const struct api *api, const struct view_request *request,
                      struct api_answer *ret_refusal);
/* Asks the pool and waits; may run on any thread, beside the store. */
void view_run(struct view *view, struct pool *pool, struct api_answer *ret_answer);
void view_free(struct view *view);                  /* NULL is fine */

#endif
