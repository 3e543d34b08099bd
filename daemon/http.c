/*
 * Http: the page, the API and tumorctl's socket. It moves bytes: no data set is parsed here, and
 * what takes pixels is asked of a warm worker while the connection sleeps. The
 * TCP side listens on loopback only, checks Host against rebinding, and cannot change anything.
 */
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/api.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/role.h"
#include "daemon/sandbox.h"
#include "daemon/store.h"
#include "daemon/view.h"
#include "daemon/web_files.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_CONNECTIONS 200
#define TIMEOUT_S 30
#define MEMORY_LIMIT 32768          /* of a connection: headers beyond it are refused */
#define MAX_BODY 65536
#define STREAM_BLOCK 16384          /* bytes of a stream that are asked for at once */
#define MAX_VISITS 64               /* that wait for a worker */

static int seen;                    /* the state of a request whose headers came */

/* A request that waits for a worker; its connection is suspended meanwhile. */
struct visit {
    struct MHD_Connection *connection;
    struct view *view;
    struct api_answer answer;
    bool answered;
    struct visit *next;
};

struct waiting_room {               /* visits in the order of their coming */
    pthread_mutex_t mutex;
    pthread_cond_t came;
    struct visit *first, **last;
    size_t count;
    _Atomic bool closed;
    struct pool *pool;
};

struct side {                       /* one listener */
    struct api api;
    bool trusted;
    struct waiting_room *room;
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

/* ---- streams: pieces of an answer, made as they are sent ---- */

static ssize_t read_stream(void *context, uint64_t place, char *buffer, size_t size)
{
    const struct api_stream *const stream = context;
    const long count = stream->read(stream->context, buffer, size);

    (void)place;
    return count > 0 ? (ssize_t)count : count == 0 ? MHD_CONTENT_READER_END_OF_STREAM
        : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void end_stream(void *context)
{
    struct api_stream *const stream = context;

    stream->end(stream->context);
    free(stream);
}

static struct MHD_Response *stream_response(const struct api_answer *answer)
{
    struct api_stream *const stream = malloc(sizeof *stream);
    struct MHD_Response *response = NULL;

    if (stream != NULL) {
        *stream = answer->stream;
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
                                                     read_stream, stream, end_stream);
    }
    if (response == NULL) {
        answer->stream.end(answer->stream.context);
        free(stream);
    }
    return response;
}

static enum MHD_Result put_answer(struct MHD_Connection *connection,
                                  struct api_answer *answer)
{
    char disposition[64];
    struct MHD_Response *const response = answer->stream.read != NULL
        ? stream_response(answer) : answer->fd >= 0
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

/* ---- the waiting room ---- */

/* False when it is full or closed. */
static bool room_enter(struct waiting_room *room, struct visit *visit)
{
    pthread_mutex_lock(&room->mutex);
    const bool good = !room->closed && room->count < MAX_VISITS;
    if (good) {
        MHD_suspend_connection(visit->connection);
        *room->last = visit;
        room->last = &visit->next;
        room->count++;
        pthread_cond_signal(&room->came);
    }
    pthread_mutex_unlock(&room->mutex);
    return good;
}

/* The next visit, or NULL when the room is closed and empty. */
static struct visit *room_next(struct waiting_room *room)
{
    pthread_mutex_lock(&room->mutex);
    while (room->first == NULL && !room->closed)
        pthread_cond_wait(&room->came, &room->mutex);
    struct visit *const visit = room->first;
    if (visit != NULL) {
        room->first = visit->next;
        if (room->first == NULL)
            room->last = &room->first;
        room->count--;
    }
    pthread_mutex_unlock(&room->mutex);
    return visit;
}

static void *room_serve(void *context)
{
    struct waiting_room *const room = context;
    struct visit *visit;

    while ((visit = room_next(room)) != NULL) {
        if (room->closed)
            api_sentence(&visit->answer, 503, "the node is stopping");
        else
            view_run(visit->view, room->pool, &visit->answer);
        visit->answered = true;
        MHD_resume_connection(visit->connection);
    }
    return NULL;
}

/* No connection stays suspended: MHD does not end otherwise. */
static void room_close(struct waiting_room *room, pthread_t *threads, size_t count)
{
    pthread_mutex_lock(&room->mutex);
    room->closed = true;
    pthread_cond_broadcast(&room->came);
    pthread_mutex_unlock(&room->mutex);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void visit_free(struct visit *visit)
{
    view_free(visit->view);
    free(visit);
}

/* The connection is over, answered or not. */
static void forget_visit(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    (void)how;
    if (*state != NULL && *state != &seen)
        visit_free(*state);
    *state = NULL;
}

static enum MHD_Result begin_visit(const struct side *side, struct MHD_Connection *connection,
                                   const char *path, void **state)
{
    struct api_answer refusal = { .fd = -1 };
    const struct view_request request = {
        path, MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "center"),
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "width")
    };
    struct visit *const visit = calloc(1, sizeof *visit);

    if (visit == NULL)
        return MHD_NO;
    visit->connection = connection;
    visit->view = view_new(&side->api, &request, &refusal);
    if (visit->view != NULL && room_enter(side->room, visit)) {
        *state = visit;
        return MHD_YES;
    }
    if (visit->view != NULL)
        api_sentence(&refusal, 503, "too many pictures are being waited for");
    visit_free(visit);
    return put_answer(connection, &refusal);
}

/* ---- requests ---- */

static enum MHD_Result answer(void *context, struct MHD_Connection *connection,
                              const char *path, const char *method, const char *version,
                              const char *body, size_t *body_size, void **state)
{
    const struct side *const side = context;
    const bool post = strcmp(method, "POST") == 0;
    struct api_answer result;

    (void)version;
    (void)body;
    if (*state == NULL) {               /* the headers came; the body, if any, follows */
        *state = &seen;
        return MHD_YES;
    }
    if (*state != &seen) {              /* the worker has answered */
        struct visit *const visit = *state;
        return visit->answered ? put_answer(connection, &visit->answer) : MHD_YES;
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
    if (!post && view_is_path(path))
        return begin_visit(side, connection, path, state);
    const struct api_request request = { path, post, side->trusted };
    api_answer(&side->api, &request, &result);
    return put_answer(connection, &result);
}

static struct MHD_Daemon *start(struct side *side, int listener)
{
    return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL
                            | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                            answer, side, MHD_OPTION_LISTEN_SOCKET, listener,
                            MHD_OPTION_NOTIFY_COMPLETED, forget_visit, NULL,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_LIMIT,
                            MHD_OPTION_END);
}

/* Stores for both sides, and the pool. */
static bool open_sides(const struct role *role, struct side side[2], struct waiting_room *room,
                       struct error *err)
{
    room->pool = pool_new(role->channel, role->channel_count, err);
    pthread_mutex_init(&room->mutex, NULL);
    pthread_cond_init(&room->came, NULL);
    room->last = &room->first;
    for (int i = 0; i < 2; i++) {
        side[i].api.config = role->config;
        side[i].api.store = store_open(role->config->data_dir, err);
        side[i].trusted = i == 1;
        side[i].room = room;
        if (side[i].api.store == NULL)
            return false;
    }
    return room->pool != NULL;
}

/* Serves until SIGTERM. */
static bool serve(const struct role *role, struct side side[2], struct waiting_room *room,
                  struct error *err)
{
    pthread_t threads[ROLE_MAX_POOL];
    struct MHD_Daemon *daemon[2];
    size_t count = 0;
    bool good = true;

    while (count < role->channel_count && count < ROLE_MAX_POOL
           && pthread_create(&threads[count], NULL, room_serve, room) == 0)
        count++;
    for (int i = 0; i < 2; i++) {
        daemon[i] = start(&side[i], role->listener[i]);
        good = good && daemon[i] != NULL;
    }
    if (good)
        role_ready();
    while (good && !role_stopping())
        nanosleep(&(struct timespec){ 0, 200000000 }, NULL);
    room_close(room, threads, count);
    for (int i = 0; i < 2; i++)
        if (daemon[i] != NULL) {
            MHD_quiesce_daemon(daemon[i]);  /* else it shuts down the parent's listener too */
            MHD_stop_daemon(daemon[i]);
        }
    return good || error_set(err, ERROR_IO, "the listeners cannot be served");
}

int http_main(const struct role *role)
{
    static struct side side[2];         /* the web's, tumorctl's */
    static struct waiting_room room;
    struct error err;

    if (!sandbox_server(role->config, &err) || !open_sides(role, side, &room, &err)
        || !serve(role, side, &room, &err)) {
        log_error("http ends reason=\"%s\"", err.text);
        return EXIT_FAILURE;
    }
    store_close(side[0].api.store);
    store_close(side[1].api.store);
    pool_free(room.pool);
    return EXIT_SUCCESS;
}
