/* View: the path becomes an errand, its files are the slices of the series. */
#include "daemon/view.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/config.h"
#include "daemon/pool.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "util/error.h"
#include "util/text.h"

#define PREFIX "/api/series/"
#define TIMEOUT_S 30
#define MAX_LEVEL 1e9                   /* of a window, in any unit */

struct view {
    struct slices *slices;
    char data_dir[1024];
    char *errand;                       /* JSON */
};

bool view_is_path(const char *path)
{
    return strncmp(path, PREFIX, strlen(PREFIX)) == 0;
}

/* ---- the errand ---- */

/* "axial/12.png" and the window's text into the errand; false when it is no such plane. */
static bool put_plane(json_t *errand, const char *rest, const struct view_request *request)
{
    const char *const slash = strchr(rest, '/'), *const dot = strstr(rest, ".png");
    char kind[16], number[16];
    long long index;
    double center, width;

    if (slash == NULL || dot == NULL || dot[4] != '\0' || dot < slash
        || !text_format(kind, sizeof kind, "%.*s", (int)(slash - rest), rest)
        || !text_format(number, sizeof number, "%.*s", (int)(dot - slash - 1), slash + 1)
        || !text_to_int(number, 0, 1 << 20, &index))
        return false;
    json_object_set_new(errand, "errand", json_string("plane"));
    json_object_set_new(errand, "plane", json_string(kind));
    json_object_set_new(errand, "index", json_integer(index));
    if (request->center == NULL && request->width == NULL)
        return true;
    if (request->center == NULL || request->width == NULL
        || !text_to_double(request->center, &center) || fabs(center) > MAX_LEVEL
        || !text_to_double(request->width, &width) || width < 1 || width > MAX_LEVEL)
        return false;
    json_object_set_new(errand, "center", json_real(center));
    json_object_set_new(errand, "width", json_real(width));
    return true;
}

static char *make_errand(const char *rest, const struct view_request *request,
                         const struct slices *slices)
{
    char key[DIGEST_HEX_SIZE], *text = NULL;
    json_t *const errand = json_object();
    bool good = true;

    if (*rest == '\0')
        json_object_set_new(errand, "errand", json_string("planes"));
    else
        good = *rest == '/' && put_plane(errand, rest + 1, request);
    slices_key(slices, "volume", key);
    json_object_set_new(errand, "key", json_string(key));
    if (good)
        text = json_dumps(errand, JSON_COMPACT);
    json_decref(errand);
    return text;
}

/* ---- the view ---- */

/* /api/series/UID/planes: what follows, or NULL. */
static const char *split(const char *path, char uid[TEXT_UID_SIZE])
{
    const char *const at = path + strlen(PREFIX), *const end = strchr(at, '/');

    if (end == NULL || end - at >= TEXT_UID_SIZE || strncmp(end, "/planes", 7) != 0
        || !text_format(uid, TEXT_UID_SIZE, "%.*s", (int)(end - at), at) || !text_is_uid(uid))
        return NULL;
    return end + 7;
}

struct view *view_new(const struct api *api, const struct view_request *request,
                      struct api_answer *ret_refusal)
{
    char uid[TEXT_UID_SIZE];
    struct error err;
    const char *const rest = split(request->path, uid);
    struct view *const view = rest == NULL ? NULL : calloc(1, sizeof *view);

    if (view == NULL) {
        api_sentence(ret_refusal, 404, "no such page");
        return NULL;
    }
    text_format(view->data_dir, sizeof view->data_dir, "%s", api->config->data_dir);
    view->slices = slices_of_series(api->store, uid, &err);
    if (view->slices != NULL)
        view->errand = make_errand(rest, request, view->slices);
    if (view->errand != NULL)
        return view;
    if (view->slices != NULL)
        api_sentence(ret_refusal, 404, "a plane is named as axial/12.png?center=40&width=400");
    else
        api_sentence(ret_refusal, err.code == ERROR_NOT_FOUND ? 404 : 500, err.text);
    view_free(view);
    return NULL;
}

void view_free(struct view *view)
{
    if (view == NULL)
        return;
    slices_free(view->slices);
    free(view->errand);
    free(view);
}

static int open_slice(size_t index, void *context)
{
    const struct view *const view = context;

    return slices_open(view->slices, index, view->data_dir);
}

/* Who cannot be shown is not an error of ours: 422; nobody free is 503. */
static int status_of(const struct error *err)
{
    return err->code == ERROR_LIMIT || err->code == ERROR_IO ? 503 : 422;
}

void view_run(struct view *view, struct pool *pool, struct api_answer *ret_answer)
{
    struct error err;
    struct stat status;
    struct pool_answer answer;
    const struct pool_errand errand = { view->errand, slices_count(view->slices), open_slice,
                                        view, TIMEOUT_S };

    *ret_answer = (struct api_answer){ .fd = -1 };
    if (!pool_ask(pool, &errand, &answer, &err)) {
        api_sentence(ret_answer, status_of(&err), err.text);
        return;
    }
    ret_answer->status = 200;
    ret_answer->fd = answer.fd;
    if (answer.fd >= 0) {
        ret_answer->type = "image/png";
        ret_answer->size = fstat(answer.fd, &status) == 0 ? (size_t)status.st_size : 0;
    } else {
        ret_answer->type = "application/json";
        ret_answer->body = strdup(answer.body);
        ret_answer->size = strlen(answer.body);
    }
}
