/* Pool: one errand at a time on a channel; the errand's number is the fence of late answers. */
#include "daemon/pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/message.h"
#include "util/error.h"
#include "util/text.h"

#define DEATHS 2                /* so many workers may die before the errand is given up */

struct place {
    int channel;
    bool busy;
    struct message *message;
};

struct pool {
    pthread_mutex_t mutex;      /* guards `busy` of the places, and `last` */
    pthread_cond_t left;
    int64_t last;               /* number of the last errand */
    size_t count;
    struct place place[];
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct pool *pool_new(const int *channels, size_t count, struct error *err)
{
    struct pool *const pool = calloc(1, sizeof *pool + count * sizeof *pool->place);
    pthread_condattr_t clock;

    if (pool == NULL)
        return error_null(err, ERROR_MEMORY, "pool of %zu workers", count);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->left, &clock);
    pthread_condattr_destroy(&clock);
    for (; pool->count < count; pool->count++) {
        struct place *const place = &pool->place[pool->count];
        place->channel = channels[pool->count];
        place->message = calloc(1, sizeof *place->message);
        if (place->message == NULL) {
            pool_free(pool);
            return error_null(err, ERROR_MEMORY, "pool of %zu workers", count);
        }
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->count; i++)
        free(pool->place[i].message);
    pthread_cond_destroy(&pool->left);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

/* ---- a place at a worker ---- */

static struct place *find_free(struct pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (!pool->place[i].busy)
            return &pool->place[i];
    return NULL;
}

/* A place and the errand's number, or NULL when none became free in time. */
static struct place *enter(struct pool *pool, int64_t deadline_ms, int64_t *ret_number)
{
    const struct timespec until = { deadline_ms / 1000, deadline_ms % 1000 * 1000000 };
    struct place *place;
    int status = 0;

    pthread_mutex_lock(&pool->mutex);
    while ((place = find_free(pool)) == NULL && status == 0)
        status = pthread_cond_timedwait(&pool->left, &pool->mutex, &until);
    if (place != NULL) {
        place->busy = true;
        *ret_number = ++pool->last;
    }
    pthread_mutex_unlock(&pool->mutex);
    return place;
}

static void leave(struct pool *pool, struct place *place)
{
    pthread_mutex_lock(&pool->mutex);
    place->busy = false;
    pthread_cond_signal(&pool->left);
    pthread_mutex_unlock(&pool->mutex);
}

/* ---- one errand ---- */

/* What earlier errands left unread: late answers, and the READY of a worker that is new. */
static bool drain(struct place *place, struct error *err)
{
    bool got = true;

    while (got) {
        if (!message_receive(place->channel, false, place->message, &got, err))
            return false;
        if (got)
            message_close_fds(place->message);
    }
    return true;
}

static bool send_errand(struct place *place, const struct pool_errand *errand,
                        int64_t number, struct error *err)
{
    struct message *const message = place->message;

    message->kind = MESSAGE_ERRAND;
    message->job = number;
    message->lease = 0;
    message->first = (uint32_t)errand->file_count;
    message->fd_count = 0;
    if (!text_format(message->body, sizeof message->body, "%s", errand->body))
        return error_set(err, ERROR_LIMIT, "an errand of more than %d bytes",
                         MESSAGE_MAX_BODY);
    message->size = strlen(message->body);
    return message_send(place->channel, message, err);
}

/* The next files, as many as fit; none when the first cannot be opened. */
static bool send_files(struct place *place, const struct pool_errand *errand,
                       struct error *err)
{
    struct message *const message = place->message;
    const size_t first = message->first;

    message->kind = MESSAGE_FILES;
    message->size = 0;
    message->fd_count = 0;
    while (message->fd_count < MESSAGE_MAX_FDS
           && first + message->fd_count < errand->file_count) {
        const int fd = errand->open(first + message->fd_count, errand->context);
        if (fd < 0)
            break;
        message->fd[message->fd_count++] = fd;
    }
    const bool sent = message_send(place->channel, message, err);
    message_close_fds(message);
    return sent;
}

/* Waits until the channel has a message. */
static bool wait_for(struct place *place, int64_t deadline_ms, struct error *err)
{
    struct pollfd on = { .fd = place->channel, .events = POLLIN };

    for (;;) {
        const int64_t left = deadline_ms - now_ms();
        const int count = left <= 0 ? 0 : poll(&on, 1, (int)left);
        if (count > 0)
            return true;
        if (count == 0)
            return error_set(err, ERROR_LIMIT, "no worker answered in time");
        if (errno != EINTR)
            return error_errno(err, "poll");
    }
}

static bool take_answer(struct message *message, struct pool_answer *ret_answer,
                        struct error *err)
{
    if (message->kind == MESSAGE_FAILED)
        return error_set(err, ERROR_DATA, "%s", message->body);
    if (!text_format(ret_answer->body, sizeof ret_answer->body, "%s", message->body))
        return error_set(err, ERROR_LIMIT, "an answer that is too long");
    if (message->fd_count > 0) {
        ret_answer->fd = message->fd[0];
        message->fd[0] = message->fd[--message->fd_count];
    }
    return true;
}

/* Serves the worker's wants until it answers; ret_died when a new worker says hello. */
static bool converse(struct place *place, const struct pool_errand *errand, int64_t number,
                     int64_t deadline_ms, struct pool_answer *ret_answer, bool *ret_died,
                     struct error *err)
{
    struct message *const message = place->message;
    bool got;

    for (;;) {
        if (!wait_for(place, deadline_ms, err)
            || !message_receive(place->channel, false, message, &got, err))
            return false;
        if (!got)
            continue;
        if (message->kind == MESSAGE_READY) {
            *ret_died = true;
            return error_set(err, ERROR_IO, "the worker died over this");
        }
        if (message->job == number && message->kind == MESSAGE_WANT) {
            if (!send_files(place, errand, err))
                return false;
        } else if (message->job == number
                   && (message->kind == MESSAGE_ANSWER || message->kind == MESSAGE_FAILED)) {
            const bool good = take_answer(message, ret_answer, err);
            message_close_fds(message);
            return good;
        } else {
            message_close_fds(message);         /* a late answer to an earlier errand */
        }
    }
}

bool pool_ask(struct pool *pool, const struct pool_errand *errand,
              struct pool_answer *ret_answer, struct error *err)
{
    const int64_t deadline_ms = now_ms() + 1000LL * errand->timeout_s;
    int64_t number;
    bool good = false, died = true;

    *ret_answer = (struct pool_answer){ .fd = -1 };
    struct place *const place = enter(pool, deadline_ms, &number);
    if (place == NULL)
        return error_set(err, ERROR_LIMIT, "no worker of the pool became free in %d s",
                         errand->timeout_s);
    for (int deaths = 0; died && deaths < DEATHS; deaths++) {
        died = false;
        good = drain(place, err) && send_errand(place, errand, number, err)
            && converse(place, errand, number, deadline_ms, ret_answer, &died, err);
    }
    leave(pool, place);
    return good;
}
