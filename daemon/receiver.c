/*
 * Receiver: the DICOM SCP. Its rights: the listening socket, the data folder's journal and
 * index; it parses no data set (dicom/scan.h reads the tags of the index).
 *
 * Accepting never waits for a peer: one loop holds all connections that have not yet said
 * their whole A-ASSOCIATE-RQ, under one deadline each, and hands the complete ones to a
 * thread (session.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/role.h"
#include "daemon/sandbox.h"
#include "daemon/session.h"
#include "daemon/store.h"
#include "dicom/association.h"
#include "dicom/tls.h"
#include "util/error.h"
#include "util/text.h"

#define REQUEST_MS 10000        /* for the whole request, not for each byte of it */
#define FAREWELL_MS 500         /* for a refused peer to read why and close */
#define DRAIN_MS 8000           /* of the 10 s that a stop may take */
#define TICK_MS 200             /* a signal is noticed within this */
#define MAX_CALLERS 1000
#define FIRST_ROOM 4096

/* A connection that is not yet an association, or that is being told why it will be none. */
struct caller {
    int fd;
    char address[46];
    bool leaving;
    int64_t deadline_ms;
    size_t have, need, room;
    unsigned char *bytes;
};

struct receiver {
    struct store *store;
    struct journal *journal;
    struct hall *hall;
    struct pool *pool;
    int listener, tls_listener;         /* tls_listener -1: none */
    struct tls *tls;
    size_t count;
    struct caller caller[MAX_CALLERS];
    struct pollfd pollfd[MAX_CALLERS + 2];  /* the listeners come last */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- callers ---- */

/* The last one takes its place. */
static void drop_caller(struct receiver *receiver, size_t at, bool close_it)
{
    struct caller *caller = &receiver->caller[at];

    if (close_it) {
        close(caller->fd);
        free(caller->bytes);
    }
    *caller = receiver->caller[--receiver->count];
}

/* Tells the peer, and waits for its close in the loop with all others. */
static void send_away(struct caller *caller, bool congestion)
{
    association_refuse_socket(caller->fd, congestion);
    caller->leaving = true;
    caller->deadline_ms = now_ms() + FAREWELL_MS;
}

/* Memory follows what has come, never what was announced. */
static bool make_room(struct caller *caller)
{
    size_t room = caller->room > 0 ? 2 * caller->room : FIRST_ROOM;

    if (caller->have < caller->room)
        return true;
    if (room > caller->need && caller->need > 6)
        room = caller->need;
    unsigned char *bytes = realloc(caller->bytes, room);

    if (bytes == NULL)
        return false;
    caller->bytes = bytes;
    caller->room = room;
    return true;
}

/* Reads what is there; false when the connection is of no use any more. */
static bool hear(struct caller *caller)
{
    struct error err;

    while (caller->have < caller->need) {
        if (!make_room(caller))
            return false;
        const size_t most = caller->need < caller->room ? caller->need : caller->room;
        const ssize_t got = recv(caller->fd, caller->bytes + caller->have,
                                 most - caller->have, MSG_DONTWAIT);

        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        caller->have += (size_t)got;
        if (caller->have == 6 && caller->need == 6 &&
            !association_request_size(caller->bytes, &caller->need, &err)) {
            log_warning("connection refused reason=\"%s\"", err.text);
            send_away(caller, false);
            return true;
        }
    }
    return true;
}

/* Reads a leaving peer's words away; false when it has closed. */
static bool ignore(const struct caller *caller)
{
    unsigned char waste[4096];
    const ssize_t got = recv(caller->fd, waste, sizeof waste, MSG_DONTWAIT);

    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Returns false when the caller has left the table, and another is in its place. */
static bool serve_caller(struct receiver *receiver, size_t at)
{
    struct caller *caller = &receiver->caller[at];
    const bool alive = caller->leaving ? ignore(caller) : hear(caller);

    if (!alive) {
        drop_caller(receiver, at, true);
        return false;
    }
    if (caller->leaving || caller->have < caller->need)
        return true;
    if (hall_enter(receiver->hall, caller->fd, caller->address, caller->bytes, caller->have)) {
        drop_caller(receiver, at, false);
        return false;
    }
    log_warning("association rejected reason=\"too many associations, or stopping\"");
    send_away(caller, true);
    return true;
}

static void drop_late(struct receiver *receiver)
{
    const int64_t now = now_ms();
    size_t silent = 0;

    for (size_t i = receiver->count; i-- > 0;) {
        if (receiver->caller[i].deadline_ms > now)
            continue;
        silent += !receiver->caller[i].leaving;
        drop_caller(receiver, i, true);
    }
    if (silent > 0)
        log_warning("connections closed reason=\"no association request in %d s\" count=%zu",
                    REQUEST_MS / 1000, silent);
}

/* The one that has waited longest makes place: it is the least likely to say something. */
static void drop_oldest(struct receiver *receiver)
{
    size_t oldest = 0;

    for (size_t i = 1; i < receiver->count; i++)
        if (receiver->caller[i].deadline_ms < receiver->caller[oldest].deadline_ms)
            oldest = i;
    if (receiver->count > 0)
        drop_caller(receiver, oldest, true);
}

/* By TLS it is the plain end of a relay that we hear; -1 when there is none. */
static int take_call(struct receiver *receiver, int fd, bool by_tls)
{
    struct error err;

    if (fd < 0 || !by_tls)
        return fd;
    const int plain = tls_serve(receiver->tls, fd, REQUEST_MS / 1000, &err);

    if (plain < 0)
        log_warning("connection refused reason=\"%s\"", err.text);
    return plain;
}

static void welcome(struct receiver *receiver, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0 ||
           errno == EINTR || errno == EMFILE || errno == ENFILE) {
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0 && receiver->count == 0)
            return;
        if (fd < 0 || receiver->count == MAX_CALLERS)
            drop_oldest(receiver);
        char address[46];
        association_address(fd, address);
        fd = take_call(receiver, fd, listener == receiver->tls_listener);
        if (fd < 0)
            continue;
        struct caller *const caller = &receiver->caller[receiver->count++];
        *caller = (struct caller){ .fd = fd, .need = 6, .deadline_ms = now_ms() + REQUEST_MS };
        memcpy(caller->address, address, sizeof address);
    }
}

/* ---- the loop ---- */

/* Once round: who has something to say is heard, from the last to the first, as a place that
 * becomes free is filled from the end. */
static void turn(struct receiver *receiver)
{
    const size_t count = receiver->count;
    struct pollfd *const all = receiver->pollfd;

    for (size_t i = 0; i < count; i++)
        all[i] = (struct pollfd){ .fd = receiver->caller[i].fd, .events = POLLIN };
    all[count] = (struct pollfd){ .fd = receiver->listener, .events = POLLIN };
    all[count + 1] = (struct pollfd){ .fd = receiver->tls_listener, .events = POLLIN };
    if (poll(all, count + 2, TICK_MS) > 0) {
        for (size_t i = count; i-- > 0;)
            if (all[i].revents != 0)
                serve_caller(receiver, i);
        if (all[count].revents != 0)
            welcome(receiver, receiver->listener);
        if (all[count + 1].revents != 0)
            welcome(receiver, receiver->tls_listener);
    }
    drop_late(receiver);
}

/* True when nobody is left whose thread could still use the journal. */
static bool drain(struct receiver *receiver)
{
    const int64_t deadline = now_ms() + DRAIN_MS;

    hall_drain(receiver->hall);
    while (hall_count(receiver->hall) > 0 && now_ms() < deadline)
        turn(receiver);
    const size_t left = hall_count(receiver->hall);

    if (left > 0)
        log_warning("associations cut off count=%zu", left);
    while (receiver->count > 0)
        drop_caller(receiver, receiver->count - 1, true);
    return left == 0;
}

/* ---- the process ---- */

/* Peers, rights and times change without a restart, so that no association breaks. */
static void reload(struct receiver *receiver)
{
    const struct config *config = role_reloaded();

    if (config == NULL)
        return;
    hall_reload(receiver->hall, config);
    log_open("receiver", config->log_level, config->log_target);
    log_notice("reloaded peers=%zu", config->peer_count);
}

/* A title that nobody can guess, for tumorctl's own C-STOREs over the loopback. */
static bool make_import_title(struct store *store, char title[17], struct error *err)
{
    unsigned char random[5];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_errno(err, "random bytes");
    text_format(title, 17, "IMPORT%02x%02x%02x%02x%02x", random[0], random[1], random[2],
                random[3], random[4]);
    return store_set_note(store, "import_ae", title, err);
}

/* A thousand silent connections are no reason to refuse the next. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool unblock(int listener, struct error *err)
{
    const int flags = fcntl(listener, F_GETFL);

    return (flags >= 0 && fcntl(listener, F_SETFL, flags | O_NONBLOCK) == 0)
        || error_errno(err, "listening socket");
}

static bool begin_tls(struct receiver *receiver, const struct config *config,
                      struct error *err)
{
    const struct tls_files files = { config->tls_certificate, config->tls_key,
                                     config->tls_authorities };

    if (config->tls_port == 0)
        return true;
    receiver->tls = tls_new_server(&files, config->tls_require_certificate, err);
    if (receiver->tls == NULL || !unblock(receiver->tls_listener, err))
        return false;
    const int days = tls_days_left(receiver->tls);

    if (days < 30)
        log_warning("the TLS certificate %s days=%d", days < 0 ? "has expired" : "expires soon",
                    days);
    else
        log_notice("TLS port=%d certificate_days_left=%d", config->tls_port, days);
    return true;
}

static bool begin(struct receiver *receiver, const struct role *role, struct error *err)
{
    const struct config *config = role->config;
    char title[17];

    if (!sandbox_server(config, err))
        return false;
    receiver->listener = role->listener[0];
    receiver->tls_listener = config->tls_port != 0 ? role->listener[1] : -1;
    if (!unblock(receiver->listener, err) || !begin_tls(receiver, config, err))
        return false;
    receiver->store = store_open(config->data_dir, err);
    if (receiver->store == NULL || !make_import_title(receiver->store, title, err))
        return false;
    receiver->journal = journal_open(config->data_dir, receiver->store, err);
    if (receiver->journal == NULL)
        return false;
    if (role->channel_count > 0)
        receiver->pool = pool_new(role->channel, role->channel_count, err);
    if (role->channel_count > 0 && receiver->pool == NULL)
        return false;
    receiver->hall = hall_new(config, receiver->journal, receiver->pool, title, err);
    return receiver->hall != NULL;
}

static void end(struct receiver *receiver)
{
    hall_free(receiver->hall);
    pool_free(receiver->pool);
    tls_free(receiver->tls);
    journal_close(receiver->journal);
    store_close(receiver->store);
    free(receiver);
}

int receiver_main(const struct role *role)
{
    struct error err = { .code = ERROR_MEMORY, .text = "no memory to start" };
    struct receiver *receiver = calloc(1, sizeof *receiver);

    raise_file_limit();
    if (receiver == NULL || !begin(receiver, role, &err)) {
        log_error("receiver ends reason=\"%s\"", err.text);
        return EXIT_FAILURE;
    }
    log_notice("ready ae_title=%s port=%d", role->config->ae_title, role->config->port);
    role_ready();
    while (!role_stopping() && !hall_is_broken(receiver->hall)) {
        turn(receiver);
        reload(receiver);
    }
    if (hall_is_broken(receiver->hall)) {
        log_error("receiver ends reason=\"the journal failed, and nothing of it counts\"");
        _exit(EXIT_FAILURE);            /* threads that run must not go on either */
    }
    if (!drain(receiver))
        _exit(EXIT_SUCCESS);            /* what they were receiving was not acknowledged */
    end(receiver);
    log_notice("stopped");
    return EXIT_SUCCESS;
}
