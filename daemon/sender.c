/*
 * Sender: the outbox. One thread a destination, so that one that is dead, silent or slow
 * delays no other. Stored bytes are streamed as they are; what was sent is a row, so a crash
 * repeats a send at most, with the same UID and the same bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "daemon/commit.h"
#include "daemon/config.h"
#include "daemon/convert.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/prior.h"
#include "daemon/role.h"
#include "daemon/sandbox.h"
#include "daemon/store.h"
#include "daemon/target.h"
#include "dicom/association.h"
#include "util/error.h"

#define BATCH 100                   /* objects an association; its syntaxes fit 120 contexts */
#define IDLE_MS 500                 /* how soon a new row of the outbox is seen */
#define FIRST_DELAY_MS 1000
#define LONGEST_DELAY_MS 300000     /* also at once after a permanent refusal */
#define CONVERT_S 60                /* of one object, by a worker of the pool */
#define STOP_S 3                    /* how long what is on its way may still take at the end */

struct queue {
    const struct config *config;
    const struct config_peer *peer;
    struct store *store;
    struct pool *pool;                  /* converts for it; NULL without one */
    pthread_t thread;
    bool fetches;                       /* a second thread uses the store */
    size_t count;
    struct store_delivery delivery[BATCH];
};

static int64_t wall_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void pause_ms(long milliseconds)
{
    const struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

    nanosleep(&time, NULL);
}

/* ---- when to try again ---- */

enum hope { HOPE_SOON, HOPE_LATER };    /* a fault that passes, or a refusal that may stay */

/* Doubles from 1 s to 5 min; a quarter of it by chance, so that peers are not hit in step. */
static int64_t delay_ms(int attempts, enum hope hope)
{
    uint16_t chance = 0;
    int64_t delay = LONGEST_DELAY_MS;

    if (hope == HOPE_SOON && attempts < 9)
        delay = (int64_t)FIRST_DELAY_MS << attempts;
    if (delay > LONGEST_DELAY_MS)
        delay = LONGEST_DELAY_MS;
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
        chance = 0;
    return delay + delay / 4 * chance / 65536;
}

/* At next_ms, but for a last time not after the deadline; when that has passed, never. */
static bool retry_at(struct queue *queue, const struct store_delivery *delivery,
                     int64_t next_ms, int status, const char *reason, struct error *err)
{
    if (next_ms > delivery->deadline_ms)
        next_ms = delivery->deadline_ms;
    if (wall_ms() >= delivery->deadline_ms) {
        log_error("delivery failed peer=%s sop=%s reason=\"%s\"", queue->peer->ae_title,
                  delivery->sop_uid, reason);
        next_ms = 0;
    }
    return store_retry_delivery(queue->store, delivery->id, next_ms, status, reason, err);
}

static bool retry(struct queue *queue, const struct store_delivery *delivery, enum hope hope,
                  int status, const char *reason, struct error *err)
{
    return retry_at(queue, delivery, wall_ms() + delay_ms(delivery->attempts, hope), status,
                    reason, err);
}

/* None could be tried: one delay for all, or chance would undo the order of SEG, SR, SC. */
static bool retry_all(struct queue *queue, enum hope hope, const char *reason,
                      struct error *err)
{
    const int64_t next_ms = wall_ms() + delay_ms(queue->delivery[0].attempts, hope);

    for (size_t i = 0; i < queue->count; i++)
        if (!retry_at(queue, &queue->delivery[i], next_ms, -1, reason, err))
            return false;
    return true;
}

/*
 * Those behind one with which the association ended: soon again, before that one, whose delay
 * grows. Otherwise an object of which the peer dies would hold up all that come after it.
 */
static bool postpone_from(struct queue *queue, size_t first, struct error *err)
{
    const int64_t next_ms = wall_ms() + FIRST_DELAY_MS;

    for (size_t i = first; i < queue->count; i++)
        if (!store_postpone_delivery(queue->store, queue->delivery[i].id, next_ms, err))
            return false;
    return true;
}

/* ---- one association ---- */

/* Originals go out unchanged if they can; results in the syntax that the peer is given. */
static struct convert_object object_of(const struct queue *queue,
                                       const struct store_delivery *delivery)
{
    const bool original = strcmp(delivery->kind, "original") == 0;

    return (struct convert_object){ delivery->sop_class_uid, delivery->transfer_syntax,
                                    original ? "" : queue->peer->transfer_syntax };
}

static struct association *call(struct queue *queue, struct error *err)
{
    struct convert_proposals proposals = { .count = 0 };
    struct association_target target;

    if (!target_make(queue->config, queue->peer, &target, err))
        return NULL;
    for (size_t i = 0; i < queue->count; i++) {
        const struct convert_object object = object_of(queue, &queue->delivery[i]);
        convert_propose_stored(&proposals, &object);
    }
    for (size_t i = 0; i < queue->count; i++) {
        const struct convert_object object = object_of(queue, &queue->delivery[i]);
        convert_propose_others(&proposals, &object);
    }
    return association_request(&target, proposals.proposal, proposals.count, err);
}

/* PS3.7 annex C: 0000 and the warnings Bxxx mean that the peer has it. */
static bool is_stored(uint16_t status)
{
    return status == 0 || (status & 0xf000) == 0xb000;
}

/* PS3.4 B.2.3: A7xx is out of resources, which passes; other failures may not. */
static enum hope hope_after(uint16_t status)
{
    return (status & 0xff00) == 0xa700 ? HOPE_SOON : HOPE_LATER;
}

static bool record(struct queue *queue, const struct store_delivery *delivery,
                   uint16_t status, struct error *err)
{
    char reason[64];

    if (is_stored(status)) {
        log_info("delivered peer=%s kind=%s job=%lld status=%04x", queue->peer->ae_title,
                 delivery->kind, (long long)delivery->job, status);
        return store_acknowledge_delivery(queue->store, delivery->id, wall_ms(), status, err);
    }
    text_format(reason, sizeof reason, "the peer answered with status %04X", status);
    log_warning("delivery refused peer=%s kind=%s job=%lld status=%04x, trying again later",
                queue->peer->ae_title, delivery->kind, (long long)delivery->job, status);
    return retry(queue, delivery, hope_after(status), status, reason, err);
}

/* ret_alive: the association can go on. Fails on trouble with the store only. */
static bool send_one(struct queue *queue, struct association *association,
                     const struct store_delivery *delivery, bool *ret_alive,
                     struct error *err)
{
    const struct convert_object object = object_of(queue, delivery);
    char path[1400], syntax[TEXT_UID_SIZE];
    uint16_t status = 0;
    struct error failure;
    int sent = -1;

    *ret_alive = true;
    text_format(path, sizeof path, "%s/%s", queue->config->data_dir, delivery->path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        error_errno(&failure, "its file");
        return retry(queue, delivery, HOPE_LATER, -1, failure.text, err);
    }
    if (!convert_file(queue->pool, association, &object, fd, CONVERT_S, syntax, &sent,
                      &failure)) {
        close(fd);
        return retry(queue, delivery, failure.code == ERROR_LIMIT || failure.code == ERROR_IO
                     ? HOPE_SOON : HOPE_LATER, -1, failure.text, err);
    }
    *ret_alive = association_store(association, sent, delivery->sop_class_uid,
                                   delivery->sop_uid, syntax, &status, &failure);
    if (sent != fd)
        close(sent);
    close(fd);
    if (*ret_alive)
        return record(queue, delivery, status, err);
    log_warning("delivery broke off peer=%s kind=%s job=%lld reason=\"%s\", trying again",
                queue->peer->ae_title, delivery->kind, (long long)delivery->job, failure.text);
    return retry(queue, delivery, HOPE_SOON, -1, failure.text, err);
}

static bool send_batch(struct queue *queue, struct error *err)
{
    struct error failure;
    struct association *const association = call(queue, &failure);
    bool alive = association != NULL, good = true;
    size_t done = 0;

    if (!alive) {
        log_warning("peer not reached peer=%s objects=%zu reason=\"%s\", trying again",
                    queue->peer->ae_title, queue->count, failure.text);
        return retry_all(queue, failure.code == ERROR_DENIED ? HOPE_LATER : HOPE_SOON,
                         failure.text, err);
    }
    while (good && alive && done < queue->count && !role_stopping())
        good = send_one(queue, association, &queue->delivery[done++], &alive, err);
    if (good && done < queue->count)
        good = postpone_from(queue, done, err);
    if (alive)
        association_release(association);
    else
        association_abort(association);
    return good;
}

/* ---- the queues ---- */

static bool collect(const struct store_delivery *delivery, void *context)
{
    struct queue *const queue = context;

    queue->delivery[queue->count] = *delivery;
    queue->delivery[queue->count].reason = NULL;    /* borrowed; not needed here */
    return ++queue->count < BATCH;
}

static void *serve_queue(void *context)
{
    struct queue *const queue = context;
    const struct commit_scope scope = { queue->config, queue->peer, queue->store };
    struct error err;

    while (!role_stopping()) {
        queue->count = 0;
        const bool good = store_take_deliveries(queue->store, queue->peer->name, wall_ms(),
                                                BATCH, collect, queue, &err)
            && (queue->count == 0 || send_batch(queue, &err))
            && commit_send_reports(&scope, &err) && commit_prove(&scope, &err);
        if (!good) {
            log_error("outbox is hindered peer=%s reason=\"%s\", trying again",
                      queue->peer->ae_title, err.text);
            pause_ms(5000);
        }
        if (queue->count == 0)
            pause_ms(IDLE_MS);
    }
    return NULL;
}

/* Beside the outbox, which a long C-MOVE must not hold up. */
static void *serve_priors(void *context)
{
    const struct queue *const queue = context;
    const struct commit_scope scope = { queue->config, queue->peer, queue->store };
    struct error err;

    while (!role_stopping()) {
        if (!prior_fetch(&scope, &err)) {
            log_error("priors are hindered peer=%s reason=\"%s\", trying again",
                      queue->peer->ae_title, err.text);
            pause_ms(5000);
        }
        pause_ms(IDLE_MS);
    }
    return NULL;
}

static bool start_queue(struct queue *queue, struct error *err)
{
    pthread_t priors;
    int failed = pthread_create(&queue->thread, NULL, serve_queue, queue);

    if (failed == 0 && prior_is_source(queue->config, queue->peer->name)) {
        failed = pthread_create(&priors, NULL, serve_priors, queue);
        queue->fetches = failed == 0;
    }
    errno = failed;
    return failed == 0 || error_errno(err, "thread for peer %s", queue->peer->name);
}

/* A peer that says nothing must not hold up the end: what it was sent goes out once more. */
static bool all_ended(struct queue *queues, size_t count)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_S;
    for (size_t i = 0; i < count; i++)
        if (pthread_clockjoin_np(queues[i].thread, NULL, CLOCK_MONOTONIC, &until) != 0)
            return false;
    for (size_t i = 0; i < count; i++)
        if (queues[i].fetches)
            return false;               /* may be in a C-MOVE, which the end of us ends */
    return true;
}

int sender_main(const struct role *role)
{
    const struct config *const config = role->config;
    struct error err = { ERROR_MEMORY, "no memory to start" };
    struct queue *const queues = calloc(config->peer_count + 1, sizeof *queues);
    size_t started = 0;

    if (queues == NULL || !sandbox_server(config, &err)) {
        log_error("sender ends reason=\"%s\"", err.text);
        return EXIT_FAILURE;
    }
    struct store *const store = store_open(config->data_dir, &err);
    struct pool *const pool = role->channel_count == 0 ? NULL
        : pool_new(role->channel, role->channel_count, &err);
    bool good = store != NULL && (pool != NULL || role->channel_count == 0)
        && store_release_deliveries(store, &err);
    for (size_t i = 0; good && i < config->peer_count; i++) {
        if (config->peer[i].port == 0)
            continue;                       /* it calls us; we never call it */
        queues[started] = (struct queue){
            .config = config, .peer = &config->peer[i], .store = store, .pool = pool };
        good = start_queue(&queues[started], &err);
        started += good;
    }
    if (!good)
        log_error("sender ends reason=\"%s\"", err.text);
    if (good)
        role_ready();
    while (good && !role_stopping())
        pause_ms(1000);                     /* a signal ends the pause */
    if (!good)
        _exit(EXIT_FAILURE);                /* threads that run would wait for a signal */
    if (!all_ended(queues, started))
        _exit(EXIT_SUCCESS);
    store_close(store);
    pool_free(pool);
    free(queues);
    return EXIT_SUCCESS;
}
