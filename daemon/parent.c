/*
 * Parent: it makes lock, folders and listeners, starts the roles, and starts again what dies.
 * It reads no byte of a peer. Its rights are those that it was started with; each role gives
 * up its own (sandbox.h) and gets no more descriptors than the list below names.
 */
#include "daemon/parent.h"

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/listen.h"
#include "daemon/log.h"
#include "daemon/role.h"
#include "util/error.h"
#include "util/text.h"

#define START_MS 120000         /* the first start writes the journal's zeros */
#define SETTLE_MS 2000          /* for the roles that need not be ready, to fail at once */
#define CALM_MS 200
#define BUSY_MS 20
#define DRAIN_MS 9500           /* SIGTERM is answered within 10 s */
#define RELOAD_MS 10000         /* an old role may take as long; a worker ends its job */
#define AGAIN_MS 500            /* a SIGTERM between a role's look and its wait is repeated */
#define BACKOFF_MS 100
#define MAX_BACKOFF_MS 10000
#define STEADY_MS 10000         /* who lived so long is restarted at once */

/*
 * Who talks to whom:
 *
 *   receiver    the network, by the DICOM listener; journal and index
 *   scheduler   each worker, by its channel; index, objects, results
 *   worker      the scheduler, by its channel, and nobody else
 *   pool        receiver, sender and http, by a channel each, and nobody else
 *   sender      the peers' ports; index, objects, results
 *   http        loopback, by the web listener; tumorctl, by the Unix socket; index, results
 *   hardware    in test builds alone: each worker, by a channel of its own; a simulator
 *
 * The receiver is first: it makes the index and replays the journal.
 */
enum kind { RECEIVER, SCHEDULER, SENDER, HTTP, HARDWARE, WORKER, POOL };
static const char *const kind_names[] = { "receiver", "scheduler", "sender", "http", "hardware",
                                          "worker", "pool" };

#ifdef TUMORD_SIMULATED_HARDWARE
static const bool simulates = true;
#else
static const bool simulates = false;
#endif

/* Slots: one of each of the first kinds, then the workers, then the pool's. */
enum { FIRST_POOL = WORKER + ROLE_MAX_WORKERS, SLOTS = FIRST_POOL + ROLE_MAX_POOL };

/* Who asks the pool, in the order of its channels. */
static const enum kind askers[] = { RECEIVER, SENDER, HTTP };
#define ASKERS (sizeof askers / sizeof *askers)

struct slot {
    enum kind kind;
    int number;                         /* of a worker, or one of the pool */
    pid_t pid;                          /* 0: does not run */
    bool wanted, ready, replaced;       /* replaced: it was told to end for a new one */
    int ready_fd;                       /* where it tells that it is ready; -1: it has */
    int64_t started_ms, start_at_ms, kill_at_ms, tell_at_ms;
    int backoff_ms;
};

struct parent {
    struct config *config;
    const struct parent_options *options;
    int lock, signals, config_fd;       /* the last: the configuration's dump, in memory */
    int dicom, tls, web, control;       /* listeners; tls -1: none */
    int channel[ROLE_MAX_WORKERS][2];   /* scheduler's end, worker's end; -1 */
    int chip[ROLE_MAX_WORKERS][2];      /* the simulator's end, worker's end; -1 */
    int pool[ROLE_MAX_POOL][ASKERS][2]; /* the asker's end, the pool's end; -1 */
    struct slot slot[SLOTS];
    bool started, stopping;
    bool reload_wanted;             /* SIGHUP came while the roles were starting */
    int64_t stop_at_ms;
    sigset_t old_mask;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "worker 1", or the plain name. */
static const char *slot_name(const struct slot *slot, char text[32])
{
    if (slot->kind >= WORKER)
        text_format(text, 32, "%s %d", kind_names[slot->kind], slot->number);
    else
        text_format(text, 32, "%s", kind_names[slot->kind]);
    return text;
}

/* ---- starting a role ---- */

/*
 * The configuration as text in memory: a role reads what the parent has checked. The receiver
 * reads it again when it is told to.
 */
static bool write_config(struct parent *parent, const struct config *config,
                         struct error *err)
{
    if (parent->config_fd < 0)
        parent->config_fd = memfd_create("config", MFD_CLOEXEC);
    const int copy = parent->config_fd < 0 ? -1 : fcntl(parent->config_fd, F_DUPFD_CLOEXEC, 0);
    FILE *const file = copy >= 0 ? fdopen(copy, "w") : NULL;

    if (file == NULL || ftruncate(copy, 0) != 0 || fseek(file, 0, SEEK_SET) != 0) {
        error_errno(err, "memory for the configuration");
        if (file != NULL)
            fclose(file);
        else if (copy >= 0)
            close(copy);
        return false;
    }
    const bool good = config_dump(config, file, err);
    if (fclose(file) == 0)
        return good;
    return good ? error_errno(err, "memory for the configuration") : false;
}

/* What a role has of the pool: an asker its end to each, one of the pool its end to each. */
static size_t pool_fds(const struct parent *parent, const struct slot *slot, int *fds)
{
    size_t count = 0;

    for (int i = 0; i < parent->config->pool; i++)
        for (size_t a = 0; a < ASKERS; a++)
            if (slot->kind == POOL ? slot->number == i : slot->kind == askers[a])
                fds[count++] = parent->pool[i][a][slot->kind == POOL];
    return count;
}

/* The descriptors that are this role's own, after those that every role gets. */
static size_t own_fds(const struct parent *parent, const struct slot *slot, int *fds)
{
    size_t count = 0;

    switch (slot->kind) {
    case RECEIVER:
        fds[count++] = parent->dicom;
        if (parent->config->tls_port != 0)
            fds[count++] = parent->tls;
        break;
    case SCHEDULER:
        for (int i = 0; i < parent->config->workers; i++)
            fds[count++] = parent->channel[i][0];
        break;
    case SENDER:
    case POOL:
        break;
    case HTTP:
        fds[count++] = parent->web;
        fds[count++] = parent->control;
        break;
    case HARDWARE:
        for (int i = 0; i < parent->config->workers; i++)
            fds[count++] = parent->chip[i][0];
        break;
    case WORKER:
        fds[count++] = parent->channel[slot->number][1];
        if (simulates)
            fds[count++] = parent->chip[slot->number][1];
        break;
    }
    return count + pool_fds(parent, slot, fds + count);
}

/* In the child: becomes the role, with the named descriptors and no others. */
static void become(const struct parent *parent, const struct slot *slot, pid_t creator,
                   const int *fds, size_t count)
{
    char role[32], number[32], list[256] = "--fds=";
    char *const argv[] = { "tumord", role, number, list, NULL };
    size_t at = strlen(list);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != creator)
        _exit(EXIT_FAILURE);
    text_format(role, sizeof role, "--role=%s", kind_names[slot->kind]);
    text_format(number, sizeof number, "--number=%d", slot->number);
    for (size_t i = 0; i < count; i++) {
        fcntl(fds[i], F_SETFD, 0);
        text_format(list + at, sizeof list - at, i > 0 ? ",%d" : "%d", fds[i]);
        at += strlen(list + at);
    }
    sigprocmask(SIG_SETMASK, &parent->old_mask, NULL);
    execv("/proc/self/exe", argv);
    _exit(EXIT_FAILURE);
}

static bool start(struct parent *parent, struct slot *slot, struct error *err)
{
    const pid_t creator = getpid();
    int fds[PARENT_FD_MAX], ready[2];

    if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) != 0)
        return error_errno(err, "pipe");
    fds[PARENT_FD_CONFIG] = parent->config_fd;
    fds[PARENT_FD_READY] = ready[1];
    fds[PARENT_FD_LOCK] = parent->lock;     /* held until the last role is dead */
    const size_t count = PARENT_FD_OWN + own_fds(parent, slot, fds + PARENT_FD_OWN);
    const pid_t pid = fork();
    if (pid == 0)
        become(parent, slot, creator, fds, count);
    close(ready[1]);
    if (pid < 0) {
        close(ready[0]);
        return error_errno(err, "fork");
    }
    slot->pid = pid;
    slot->ready_fd = ready[0];
    slot->started_ms = now_ms();
    slot->kill_at_ms = slot->tell_at_ms = slot->start_at_ms = 0;
    slot->ready = slot->replaced = false;
    return true;
}

/* ---- a role that ended ---- */

static void tell_death(const struct parent *parent, const struct slot *slot, int status,
                       int wait_ms)
{
    char name[32];

    slot_name(slot, name);
    if (parent->stopping || slot->replaced)
        log_info("role ended role=\"%s\" pid=%d", name, (int)slot->pid);
    else if (WIFSIGNALED(status))
        log_error("role died role=\"%s\" pid=%d signal=%d (%s), starting it again in %d ms",
                  name, (int)slot->pid, WTERMSIG(status), strsignal(WTERMSIG(status)), wait_ms);
    else
        log_error("role ended role=\"%s\" pid=%d status=%d, starting it again in %d ms", name,
                  (int)slot->pid, WEXITSTATUS(status), wait_ms);
}

static void buried(struct parent *parent, struct slot *slot, int status)
{
    const int64_t now = now_ms();

    if (slot->replaced || now - slot->started_ms >= STEADY_MS)
        slot->backoff_ms = 0;
    tell_death(parent, slot, status, slot->backoff_ms > 0 ? slot->backoff_ms : BACKOFF_MS);
    if (slot->replaced) {
        slot->start_at_ms = now;
    } else {
        if (slot->backoff_ms == 0)
            slot->backoff_ms = BACKOFF_MS;
        slot->start_at_ms = now + slot->backoff_ms;
        slot->backoff_ms = slot->backoff_ms * 2 < MAX_BACKOFF_MS ? slot->backoff_ms * 2
            : MAX_BACKOFF_MS;
    }
    if (slot->ready_fd >= 0)
        close(slot->ready_fd);
    slot->ready_fd = -1;
    slot->pid = 0;
    slot->ready = false;
}

static void bury(struct parent *parent)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < SLOTS; i++)
            if (parent->slot[i].pid == pid)
                buried(parent, &parent->slot[i], status);
}

/* ---- ending roles ---- */

static void end_slot(struct slot *slot, int64_t kill_at_ms)
{
    if (slot->pid == 0)
        return;
    kill(slot->pid, SIGTERM);
    slot->kill_at_ms = kill_at_ms;
    slot->tell_at_ms = now_ms() + AGAIN_MS;
}

static void kill_all(struct parent *parent)
{
    for (int i = 0; i < SLOTS; i++)
        if (parent->slot[i].pid != 0)
            kill(parent->slot[i].pid, SIGKILL);
}

static bool any_runs(const struct parent *parent)
{
    for (int i = 0; i < SLOTS; i++)
        if (parent->slot[i].pid != 0)
            return true;
    return false;
}

static void begin_stop(struct parent *parent)
{
    if (parent->stopping) {
        log_notice("stopping at once");
        kill_all(parent);
        return;
    }
    parent->stopping = true;
    parent->stop_at_ms = now_ms() + DRAIN_MS;
    sd_notify(0, "STOPPING=1");
    log_notice("stopping");
    for (int i = 0; i < SLOTS; i++)
        end_slot(&parent->slot[i], parent->stop_at_ms);
}

/* ---- channels and listeners ---- */

/* Fills a pair that is -1. */
static bool make_channel(int pair[2], struct error *err)
{
    return pair[0] >= 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0
        || error_errno(err, "channel of a worker");
}

static bool make_channels(struct parent *parent, const struct config *config,
                          struct error *err)
{
    for (int i = 0; i < config->workers; i++)
        if (!make_channel(parent->channel[i], err)
            || (simulates && !make_channel(parent->chip[i], err)))
            return false;
    for (int i = 0; i < config->pool; i++)
        for (size_t a = 0; a < ASKERS; a++)
            if (!make_channel(parent->pool[i][a], err))
                return false;
    return true;
}

/* A listener of the new configuration; *ret_fd stays the old one when nothing changed. */
static bool renew(const char *old_bind, int old_port, const char *bind, int port, int old_fd,
                  int *ret_fd, struct error *err)
{
    *ret_fd = old_fd;
    if (old_port == port && strcmp(old_bind, bind) == 0)
        return true;
    *ret_fd = listen_tcp(bind, port, err);
    return *ret_fd >= 0;
}

static void close_new(int new_fd, int old_fd)
{
    if (new_fd >= 0 && new_fd != old_fd)
        close(new_fd);
}

/* All of the new listeners, or the old ones as they were. */
static bool renew_listeners(struct parent *parent, const struct config *config,
                            struct error *err)
{
    const struct config *const old = parent->config;
    int dicom = parent->dicom, web = parent->web, tls = -1;
    const bool good
        = renew(old->bind, old->port, config->bind, config->port, parent->dicom, &dicom, err)
        && renew(old->web_bind, old->web_port, config->web_bind, config->web_port, parent->web,
                 &web, err)
        && (config->tls_port == 0 || renew(old->bind, old->tls_port, config->bind,
                                           config->tls_port, parent->tls, &tls, err));

    if (!good) {
        close_new(dicom, parent->dicom);
        close_new(web, parent->web);
        return false;
    }
    close_new(parent->dicom, dicom);
    close_new(parent->web, web);
    close_new(parent->tls, tls);
    parent->dicom = dicom;
    parent->web = web;
    parent->tls = tls;
    return true;
}

/* ---- reload ---- */

/* Each complaint is a line of the log. */
static struct config *load_again(const struct parent_options *options)
{
    char *text = NULL;
    size_t size = 0;
    struct error err;
    FILE *const complaints = open_memstream(&text, &size);

    if (complaints == NULL)
        return NULL;
    struct config *const config = config_load(options->config_path, complaints, &err);
    fclose(complaints);
    char *rest = text;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        log_error("%s", line);
    free(text);
    if (config == NULL)
        log_error("the configuration is wrong, keeping the old one reason=\"%s\"", err.text);
    else if (options->verbose)
        config->log_level = LOG_LEVEL_DEBUG;
    return config;
}

static void want_workers(struct parent *parent)
{
    for (int i = WORKER; i < SLOTS; i++) {
        struct slot *const slot = &parent->slot[i];
        const bool pool = i >= FIRST_POOL;
        const int number = i - (pool ? (int)FIRST_POOL : (int)WORKER);
        *slot = slot->wanted || slot->pid != 0 ? *slot
            : (struct slot){ .kind = pool ? POOL : WORKER, .number = number, .ready_fd = -1 };
        slot->wanted = number < (pool ? parent->config->pool : parent->config->workers);
    }
}

static bool same_tls(const struct config *old, const struct config *new)
{
    return old->tls_port == new->tls_port && strcmp(old->tls_key, new->tls_key) == 0
        && strcmp(old->tls_certificate, new->tls_certificate) == 0
        && strcmp(old->tls_authorities, new->tls_authorities) == 0
        && old->tls_require_certificate == new->tls_require_certificate;
}

/* Whether a role takes the new configuration in place: what it read once has not changed. */
static bool takes_in_place(enum kind kind, const struct config *old, const struct config *new)
{
    if (kind == RECEIVER)
        return old->port == new->port && strcmp(old->bind, new->bind) == 0
            && same_tls(old, new)
            && old->max_associations == new->max_associations && old->pool == new->pool;
    return kind == SCHEDULER && old->workers == new->workers;
}

/*
 * The receiver keeps its associations, and the scheduler the leases of its jobs. The others
 * end, a worker after its job, and new ones take their places.
 */
static void renew_roles(struct parent *parent, const struct config *old)
{
    for (int i = 0; i < SLOTS; i++) {
        struct slot *const slot = &parent->slot[i];
        if (slot->pid == 0)
            continue;
        if (takes_in_place(slot->kind, old, parent->config)) {
            kill(slot->pid, SIGHUP);
            continue;
        }
        slot->replaced = true;
        end_slot(slot, slot->kind >= WORKER
                 ? now_ms() + 1000LL * (parent->config->time_limit_s + 60)
                 : now_ms() + RELOAD_MS);
    }
}

static void reload(struct parent *parent)
{
    struct error err = { .code = ERROR_NONE };
    struct config *const config = load_again(parent->options);
    bool good = config != NULL;

    if (good && strcmp(config->data_dir, parent->config->data_dir) != 0)
        good = error_set(&err, ERROR_CONFIG, "node.data_dir changes by a restart only");
    good = good && make_channels(parent, config, &err)
        && renew_listeners(parent, config, &err) && write_config(parent, config, &err);
    if (!good) {
        if (config != NULL)
            log_error("not reloaded, keeping the old configuration reason=\"%s\"", err.text);
        config_free(config);
        return;
    }
    struct config *const old = parent->config;
    parent->config = config;
    log_open("parent", config->log_level, config->log_target);
    want_workers(parent);
    renew_roles(parent, old);
    config_free(old);
    log_notice("reloaded");
}

/* ---- the loop ---- */

static void hear_ready(struct slot *slot)
{
    char byte;
    const ssize_t got = slot->ready_fd < 0 ? -1 : read(slot->ready_fd, &byte, 1);

    if (got < 0)
        return;                         /* nothing yet, or heard already */
    slot->ready = got == 1;
    close(slot->ready_fd);
    slot->ready_fd = -1;
}

static void hear_signals(struct parent *parent)
{
    struct signalfd_siginfo info;

    while (read(parent->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            bury(parent);
        else if (info.ssi_signo != SIGHUP)
            begin_stop(parent);
        else if (!parent->started)
            parent->reload_wanted = true;
        else if (!parent->stopping)
            reload(parent);
    }
}

/* What is due: repeat a SIGTERM, end who does not end, start who is to be started. */
static void tend(struct parent *parent, struct slot *slot)
{
    const int64_t now = now_ms();
    struct error err;
    char name[32];

    if (slot->pid != 0 && slot->kill_at_ms != 0 && now >= slot->kill_at_ms) {
        log_warning("role does not end, killed role=\"%s\"", slot_name(slot, name));
        kill(slot->pid, SIGKILL);
        slot->kill_at_ms = 0;
    } else if (slot->pid != 0 && slot->tell_at_ms != 0 && now >= slot->tell_at_ms) {
        kill(slot->pid, SIGTERM);
        slot->tell_at_ms = now + AGAIN_MS;
    } else if (slot->pid == 0 && slot->wanted && !parent->stopping
               && now >= slot->start_at_ms) {
        if (!start(parent, slot, &err)) {
            log_error("role not started role=\"%s\" reason=\"%s\", trying again",
                      slot_name(slot, name), err.text);
            slot->start_at_ms = now + MAX_BACKOFF_MS;
        }
    }
}

static void turn(struct parent *parent)
{
    struct pollfd on = { .fd = parent->signals, .events = POLLIN };
    const bool calm = parent->started && !parent->stopping;

    for (int i = 0; i < SLOTS; i++) {
        hear_ready(&parent->slot[i]);
        if (parent->started || parent->stopping)
            tend(parent, &parent->slot[i]);
    }
    (void)poll(&on, 1, calm ? CALM_MS : BUSY_MS);
    hear_signals(parent);
}

/* ---- the start ---- */

/* During the start nobody gets a second chance: what fails now, fails again. */
static bool wait_for(struct parent *parent, struct slot *slot, int64_t deadline,
                     struct error *err)
{
    char name[32];

    while (!slot->ready && slot->pid != 0 && !parent->stopping && now_ms() < deadline)
        turn(parent);
    if (parent->stopping)
        return error_set(err, ERROR_DENIED, "stopped by a signal");
    /* The receiver and the scheduler are what a node cannot be without. */
    return slot->ready || (slot->pid != 0 && slot->kind != RECEIVER && slot->kind != SCHEDULER)
        || error_set(err, ERROR_IO, "the %s did not start", slot_name(slot, name));
}

/* Starts it; receiver and scheduler serve when it returns. */
static bool start_first(struct parent *parent, struct slot *slot, struct error *err)
{
    if (!start(parent, slot, err))
        return false;
    return (slot->kind != RECEIVER && slot->kind != SCHEDULER)
        || wait_for(parent, slot, now_ms() + START_MS, err);
}

static bool start_all(struct parent *parent, struct error *err)
{
    for (int i = 0; i < SLOTS; i++)
        if (parent->slot[i].wanted && !start_first(parent, &parent->slot[i], err))
            return false;
    const int64_t deadline = now_ms() + SETTLE_MS;
    for (int i = 0; i < SLOTS; i++)
        if (parent->slot[i].wanted && !wait_for(parent, &parent->slot[i], deadline, err))
            return false;
    return true;
}

static bool take_signals(struct parent *parent, struct error *err)
{
    sigset_t mask;

    sigemptyset(&parent->old_mask);     /* a role begins with nothing blocked */
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    parent->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (parent->signals < 0)
        return error_errno(err, "signals");
    return true;
}

static bool open_all(struct parent *parent, struct error *err)
{
    const struct config *const config = parent->config;

    if (!listen_folders(config->data_dir, err))
        return false;
    parent->lock = listen_lock(config->data_dir, err);
    if (parent->lock < 0)
        return false;
    parent->dicom = listen_tcp(config->bind, config->port, err);
    if (parent->dicom < 0)
        return error_prefix(err, "dicom");
    if (config->tls_port != 0 && (parent->tls = listen_tcp(config->bind, config->tls_port,
                                                           err)) < 0)
        return error_prefix(err, "dicom.tls_port");
    parent->web = listen_tcp(config->web_bind, config->web_port, err);
    if (parent->web < 0)
        return error_prefix(err, "web");
    parent->control = listen_unix(config->data_dir, err);
    return parent->control >= 0 && take_signals(parent, err)
        && make_channels(parent, config, err)
        && write_config(parent, config, err);
}

static void prepare(struct parent *parent, struct config *config,
                    const struct parent_options *options)
{
    parent->config = config;
    parent->options = options;
    parent->lock = parent->signals = parent->config_fd = parent->dicom = parent->tls = parent->web = parent->control = -1;
    for (int i = 0; i < ROLE_MAX_WORKERS; i++)
        parent->channel[i][0] = parent->channel[i][1] = parent->chip[i][0] = parent->chip[i][1] = -1;
    for (int i = 0; i < ROLE_MAX_POOL; i++)
        for (size_t a = 0; a < ASKERS; a++)
            parent->pool[i][a][0] = parent->pool[i][a][1] = -1;
    for (int i = 0; i < WORKER; i++)
        parent->slot[i] = (struct slot){ .kind = (enum kind)i, .wanted = i != HARDWARE || simulates,
                                           .ready_fd = -1 };
    want_workers(parent);
}

static void serve(struct parent *parent)
{
    parent->started = true;
    sd_notify(0, "READY=1");
    log_notice("ready ae_title=%s dicom=%s:%d web=%s:%d", parent->config->ae_title,
               parent->config->bind, parent->config->port, parent->config->web_bind,
               parent->config->web_port);
    if (parent->reload_wanted)
        reload(parent);
    if (parent->options->ready_fd >= 0) {
        if (write(parent->options->ready_fd, "", 1) < 0) { }
        close(parent->options->ready_fd);
    }
    while (!parent->stopping || any_runs(parent))
        turn(parent);
}

int parent_main(struct config *config, const struct parent_options *options)
{
    static struct parent parent;
    struct error err;

    umask(0027);
    prepare(&parent, config, options);
    log_open("parent", config->log_level, config->log_target);
    const bool good = open_all(&parent, &err) && start_all(&parent, &err);
    if (good) {
        serve(&parent);
        log_notice("stopped");
    } else {
        log_error("not started reason=\"%s\"", err.text);
        if (config->log_target == LOG_TARGET_SYSLOG)
            fprintf(stderr, "tumord: %s\n", err.text);     /* the shell is told, too */
        kill_all(&parent);
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
            continue;
    }
    config_free(parent.config);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
