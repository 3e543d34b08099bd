/*
 * Http: the page, the API and tumorctl's socket. It moves bytes: no data set is parsed here. The
 * TCP side listens on loopback only, checks Host against rebinding, and cannot change anything.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/api.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/role.h"
#include "daemon/sandbox.h"
#include "daemon/store.h"
#include "daemon/web_files.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_CONNECTIONS 200
#define TIMEOUT_S 30
#define MEMORY_LIMIT 32768          /* of a connection: headers beyond it are refused */
#define MAX_BODY 65536

struct side {                       /* one listener */
    struct api api;
    bool trusted;
};

static const char *const headers[][2] = {
    { "Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'self'; "
      "script-src 'self'; connect-src 'self'; frame-ancestors 'none'" },
    { "X-Content-Type-Options", "nosniff" }, { "X-Frame-Options", "DENY" },
    { "Referrer-Policy", "no-referrer" }, { "Cache-Control", "no-store" }
};

static enum MHD_Result put(struct MHD_Connection *connection, struct MHD_Response *response,
                           int status, const char *type)
{
    if (response == NULL)
        return MHD_NO;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    MHD_add_response_header(response, "Content-Type", type);
    const enum MHD_Result queued = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result put_sentence(struct MHD_Connection *connection, int status,
                                    const char *sentence)
{
    return put(connection, MHD_create_response_from_buffer(strlen(sentence), (void *)sentence,
               MHD_RESPMEM_PERSISTENT), status, "text/plain; charset=utf-8");
}

static enum MHD_Result put_answer(struct MHD_Connection *connection,
                                  struct api_answer *answer)
{
    char disposition[64];
    struct MHD_Response *const response = answer->fd >= 0
        ? MHD_create_response_from_fd64(answer->size, answer->fd)
        : MHD_create_response_from_buffer(answer->size, answer->body, MHD_RESPMEM_MUST_FREE);

    if (response != NULL && answer->attachment) {
        text_format(disposition, sizeof disposition, "attachment; filename=\"%s\"",
                    answer->name);
        MHD_add_response_header(response, "Content-Disposition", disposition);
    }
    return put(connection, response, answer->status, answer->type);
}

/* A page of another name that a resolver pointed at us has another Host (DNS rebinding). */
static bool is_our_host(struct MHD_Connection *connection, const struct config *config)
{
    static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
    const char *const host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    char with_port[64];

    for (size_t i = 0; host != NULL && i < sizeof names / sizeof *names; i++) {
        text_format(with_port, sizeof with_port, "%s:%d", names[i], config->web_port);
        if (strcmp(host, names[i]) == 0 || strcmp(host, with_port) == 0)
            return true;
    }
    return false;
}

static const struct web_file *find_file(const char *path)
{
    for (const struct web_file *file = web_files; file->path != NULL; file++)
        if (strcmp(file->path, path) == 0)
            return file;
    return NULL;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection,
                              const char *path, const char *method, const char *version,
                              const char *body, size_t *body_size, void **state)
{
    static int seen;
    const struct side *const side = context;
    const bool post = strcmp(method, "POST") == 0;
    struct api_answer result;

    (void)version;
    (void)body;
    if (*state == NULL) {               /* the headers came; the body, if any, follows */
        *state = &seen;
        return MHD_YES;
    }
    if (*body_size > 0) {               /* no call takes one */
        const bool small = *body_size <= MAX_BODY;
        *body_size = 0;
        return small ? MHD_YES : MHD_NO;
    }
    if (!side->trusted && !is_our_host(connection, side->api.config))
        return put_sentence(connection, 403, "this Host is not served\n");
    if (!post && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return put_sentence(connection, 405, "this method is not served\n");
    const struct web_file *const file = post ? NULL : find_file(path);
    if (file != NULL)
        return put(connection, MHD_create_response_from_buffer(*file->size,
                   (void *)file->bytes, MHD_RESPMEM_PERSISTENT), 200, file->type);
    const struct api_request request = { path, post, side->trusted };
    api_answer(&side->api, &request, &result);
    return put_answer(connection, &result);
}

static struct MHD_Daemon *start(struct side *side, int listener)
{
    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL
                            | MHD_USE_ITC, 0, NULL, NULL,
                            answer, side, MHD_OPTION_LISTEN_SOCKET, listener,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT,
                            MHD_OPTION_END);
}

int http_main(const struct role *role)
{
    static struct side web, local;
    struct MHD_Daemon *daemon[2] = { NULL, NULL };
    struct error err;

    if (!sandbox_server(role->config, &err)) {
        log_error("http ends reason=\"%s\"", err.text);
        return EXIT_FAILURE;
    }
    web.api.config = local.api.config = role->config;
    web.api.store = store_open(role->config->data_dir, &err);
    local.api.store = web.api.store == NULL ? NULL : store_open(role->config->data_dir, &err);
    local.trusted = true;
    if (local.api.store == NULL) {
        log_error("http ends reason=\"%s\"", err.text);
        return EXIT_FAILURE;
    }
    daemon[0] = start(&web, role->listener[0]);
    daemon[1] = start(&local, role->listener[1]);
    if (daemon[0] == NULL || daemon[1] == NULL) {
        log_error("http ends reason=\"the listeners cannot be served\"");
        return EXIT_FAILURE;
    }
    role_ready();
    while (!role_stopping())
        nanosleep(&(struct timespec){ 0, 200000000 }, NULL);
    for (int i = 0; i < 2; i++) {
        MHD_quiesce_daemon(daemon[i]);  /* else it shuts down the parent's listener too */
        MHD_stop_daemon(daemon[i]);
    }
    store_close(web.api.store);
    store_close(local.api.store);
    return EXIT_SUCCESS;
}
