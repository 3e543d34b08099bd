/*
 * Scheduler: from a quiet study to results in the outbox. It decides about every series, keeps
 * the workers busy, and makes what they answer durable. Nothing is remembered here that a
 * restart would miss: studies, jobs and leases are rows.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/companion.h"
#include "daemon/decide.h"
#include "daemon/job.h"
#include "daemon/keep.h"
#include "daemon/log.h"
#include "daemon/message.h"
#include "daemon/results.h"
#include "daemon/role.h"
#include "daemon/sandbox.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "util/error.h"

#define TICK_MS 250
#define LEASE_GRACE_S 30        /* beyond the worker's own time limit */
#define BATCH 64                /* studies looked at in one tick */

struct slot {                   /* a worker, as seen from here */
    int channel;
    bool idle;                  /* said READY and was given nothing since */
    int64_t job, lease;         /* 0: none */
    int64_t deadline_ms;
    int32_t pid;
    struct slices *slices;      /* the job's files, in order */
};

struct scheduler {
    const struct config *config;
    struct store *store;
    struct message *message;
    struct keep *keep;
    int slot_count;
    struct slot slot[ROLE_MAX_WORKERS];
};

static int64_t wall_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void clear_slot(struct slot *slot)
{
    slices_free(slot->slices);
    slot->slices = NULL;
    slot->job = 0;
    slot->lease = 0;
}

/* ---- quiet studies ---- */

struct quiet {
    size_t count;
    struct { char study_uid[TEXT_UID_SIZE]; int64_t last_ms; } study[BATCH];
};

static bool collect_quiet(const struct store_study *study, void *context)
{
    struct quiet *const quiet = context;

    memcpy(quiet->study[quiet->count].study_uid, study->study_uid, TEXT_UID_SIZE);
    quiet->study[quiet->count].last_ms = study->last_ms;
    return ++quiet->count < BATCH;
}

/*
 * Every series is decided before the study counts as complete: a crash in between repeats
 * the decisions, and each of them leads to the same row as before.
 */
static bool close_quiet_studies(struct scheduler *scheduler, struct error *err)
{
    struct quiet quiet = { .count = 0 };
    const int64_t quiet_ms = (int64_t)scheduler->config->quiet_s * 1000;

    if (!store_each_quiet_study(scheduler->store, wall_ms(), quiet_ms, collect_quiet, &quiet,
                                err))
        return false;
    for (size_t i = 0; i < quiet.count; i++) {
        bool completed = false, waits = false;
        if (!decide_waits(scheduler->store, scheduler->config, quiet.study[i].study_uid, wall_ms(),
                          &waits, err))
            return error_prefix(err, "study %s", quiet.study[i].study_uid);
        if (waits)
            continue;
        if (!decide_study(scheduler->store, scheduler->config, quiet.study[i].study_uid,
                          wall_ms(), err)
            || !store_complete_study(scheduler->store, quiet.study[i].study_uid,
                                     quiet.study[i].last_ms, &completed, err))
            return error_prefix(err, "study %s", quiet.study[i].study_uid);
        if (completed)
            log_info("study complete study=%s", quiet.study[i].study_uid);
    }
    return true;
}

/* ---- leasing ---- */

static bool add_superseded(const struct store_object *object, void *context)
{
    struct job *const job = context;

    if (job->superseded_count == JOB_MAX_SUPERSEDED)
        return false;
    struct report_superseded *const one = &job->superseded[job->superseded_count++];
    memcpy(one->sop_class_uid, object->sop_class_uid, TEXT_UID_SIZE);
    memcpy(one->sop_uid, object->sop_uid, TEXT_UID_SIZE);
    memcpy(one->series_uid, object->series_uid, TEXT_UID_SIZE);
    return true;
}

static bool send_job(struct scheduler *scheduler, struct slot *slot,
                     const struct store_job *row, struct error *err)
{
    struct message *const message = scheduler->message;
    struct job job = {
        .id = row->id, .lease = row->lease, .series_number = row->series_number,
        .file_count = slices_count(slot->slices), .mask_count = slices_mask_count(slot->slices),
        .time_limit_s = scheduler->config->time_limit_s,
        .parameter_text = (char *)row->parameters,
        .parameters.threads = scheduler->config->threads
    };

    for (size_t i = 0; i < slices_companion_count(slot->slices); i++) {
        const struct slices_companion *const one = slices_companion(slot->slices, i);
        struct job_companion *const to = &job.companion[job.companion_count++];
        to->role = (enum laid_role)one->role;
        to->files = one->files;
        memcpy(to->series_uid, one->series_uid, sizeof to->series_uid);
    }
    memcpy(job.key, row->key, sizeof job.key);
    memcpy(job.created, row->created, sizeof job.created);
    text_format(job.modality, sizeof job.modality, "%s", slices_modality(slot->slices));
    if (!store_each_superseded(scheduler->store, row->series_uid, row->id, add_superseded, &job,
                               err))
        return false;
    if (!job_body(&job, message->body, sizeof message->body, err))
        return false;
    message->kind = MESSAGE_JOB;
    message->job = row->id;
    message->lease = row->lease;
    message->size = strlen(message->body);
    message->fd_count = 0;
    return message_send(slot->channel, message, err);
}

/*
 * The inputs of a leased job. They are what its key was made of, or slices or masks have come since:
 * then the study is open again, and its next quiet time makes the next job.
 */
static bool find_inputs(struct scheduler *scheduler, struct slot *slot,
                        const struct store_job *row, struct error *err)
{
    char key[DIGEST_HEX_SIZE];
    struct analysis_parameters parameters;

    slot->slices = slices_of_series(scheduler->store, row->series_uid, err);
    if (slot->slices == NULL)
        return false;
    if (!job_parameters_parse(row->parameters, &parameters, err)
        || (parameters.masks != MASKS_IGNORE
            && !slices_add_masks(slot->slices, scheduler->store, row->study_uid, row->series_uid, err))
        || (parameters.lay_on != 0
            && !companion_add(slot->slices, scheduler->store, row->study_uid, row->series_uid,
                              parameters.lay_on, err)))
        return false;
    slices_key(slot->slices, row->parameters, key);
    return strcmp(key, row->key) == 0
        || error_set(err, ERROR_DATA, "more slices, masks or series came before the analysis began");
}

static bool lease_to(struct scheduler *scheduler, struct slot *slot, bool *ret_any,
                     struct error *err)
{
    struct store_job row;
    const int64_t now = wall_ms();
    const int64_t deadline = now + 1000LL * (scheduler->config->time_limit_s + LEASE_GRACE_S);

    *ret_any = false;
    if (!store_lease_job(scheduler->store, slot->pid, now, deadline, &row, err))
        return err->code == ERROR_NOT_FOUND;
    *ret_any = true;
    char *const parameters = strdup(row.parameters);    /* the row lives until the next call */
    if (parameters == NULL)
        return error_set(err, ERROR_MEMORY, "job %lld", (long long)row.id);
    row.parameters = parameters;
    slot->job = row.id;
    slot->lease = row.lease;
    slot->deadline_ms = deadline;
    bool good = true;
    if (!find_inputs(scheduler, slot, &row, err)) {
        log_info("job failed job=%lld reason=\"%s\"", (long long)row.id, err->text);
        good = store_fail_job(scheduler->store, row.id, row.lease, now, err->text, err);
        clear_slot(slot);
    } else if (!send_job(scheduler, slot, &row, err)) {
        log_warning("worker not reached pid=%d reason=\"%s\", waiting for the next",
                    (int)slot->pid, err->text);
        good = store_release_job(scheduler->store, row.id, row.lease, false, err->text, err);
        clear_slot(slot);
        slot->idle = false;
        *ret_any = false;
    } else {
        slot->idle = false;
        log_debug("job leased job=%lld lease=%lld pid=%d", (long long)row.id,
                  (long long)row.lease, (int)slot->pid);
    }
    free(parameters);
    return good;
}

static bool lease_jobs(struct scheduler *scheduler, struct error *err)
{
    for (int i = 0; i < scheduler->slot_count; i++) {
        bool any = true;
        while (scheduler->slot[i].idle && any)
            if (!lease_to(scheduler, &scheduler->slot[i], &any, err))
                return false;
    }
    return true;
}

/* ---- what workers say ---- */

/* Where the best of several series was chosen and has failed, the next best has its turn. */
static bool choose_again(struct scheduler *scheduler, int64_t id, struct error *err)
{
    const struct config *const config = scheduler->config;
    struct store_job job;

    if (!store_find_job(scheduler->store, id, &job, err))
        return false;
    if (job.state != JOB_FAILED && job.state != JOB_QUARANTINED)
        return true;
    for (size_t i = 0; i < config->rule_count; i++)
        if (strcmp(config->rule[i].name, job.rule) == 0 && config->rule[i].choose == CHOOSE_BEST)
            return store_reopen_study(scheduler->store, job.study_uid, err);
    return true;
}

/* A worker that is new or idle. A job that it should have had died with the one before. */
static bool hear_ready(struct scheduler *scheduler, struct slot *slot, struct error *err)
{
    bool good = true;

    slot->pid = scheduler->message->pid;
    if (slot->job != 0) {
        const int64_t started = slot->deadline_ms
            - 1000LL * (scheduler->config->time_limit_s + LEASE_GRACE_S);
        const bool late = wall_ms() - started >= 1000LL * scheduler->config->time_limit_s;
        char reason[96];
        text_format(reason, sizeof reason, late
                    ? "the analysis took longer than analysis.time_limit_s, %d s"
                    : "the worker process died", scheduler->config->time_limit_s);
        log_warning("worker died job=%lld reason=\"%s\", the job is queued again or "
                    "quarantined", (long long)slot->job, reason);
        good = store_release_job(scheduler->store, slot->job, slot->lease, true, reason, err)
            && choose_again(scheduler, slot->job, err);
        clear_slot(slot);
    }
    slot->idle = true;
    return good;
}

/* The next files of the job, as many as fit; none when the first cannot be opened. */
static bool hear_want(struct scheduler *scheduler, struct slot *slot, struct error *err)
{
    struct message *const message = scheduler->message;
    const size_t first = message->first;

    message->kind = MESSAGE_FILES;
    message->size = 0;
    message->fd_count = 0;
    while (message->fd_count < MESSAGE_MAX_FDS
           && first + message->fd_count < slices_file_count(slot->slices)) {
        const int fd = slices_open(slot->slices, first + message->fd_count,
                                   scheduler->config->data_dir);
        if (fd < 0)
            break;
        message->fd[message->fd_count++] = fd;
    }
    const bool sent = message_send(slot->channel, message, err);
    message_close_fds(message);
    return sent;
}

static bool hear_result(struct scheduler *scheduler, struct slot *slot, struct error *err)
{
    static struct job_result result;
    struct message *const message = scheduler->message;

    if (!job_result_parse(message->body, &result, err))
        return false;
    if (!results_keep(scheduler->store, scheduler->config, slot->job, slot->lease, &result,
                      message->fd, message->fd_count, wall_ms(), err))
        return err->code == ERROR_DENIED
            || store_release_job(scheduler->store, slot->job, slot->lease, true, err->text,
                                 err);
    log_info("job finished job=%lld seconds=%.1f peak_mib=%.0f %s", (long long)slot->job,
             result.seconds, result.peak_mib, result.reason);
    return true;
}

static bool hear_failed(struct scheduler *scheduler, struct slot *slot, struct error *err)
{
    log_info("job failed job=%lld reason=\"%s\"", (long long)slot->job,
             scheduler->message->body);
    return store_fail_job(scheduler->store, slot->job, slot->lease, wall_ms(),
                          scheduler->message->body, err)
        ? choose_again(scheduler, slot->job, err) : err->code == ERROR_DENIED;
}

static bool hear(struct scheduler *scheduler, struct slot *slot, struct error *err)
{
    struct message *const message = scheduler->message;
    bool good = true;

    if (message->kind == MESSAGE_READY)
        return hear_ready(scheduler, slot, err);
    if (slot->job == 0 || message->job != slot->job || message->lease != slot->lease) {
        message_close_fds(message);     /* of a lease that ended: its fence is the lease */
        return true;
    }
    switch (message->kind) {
    case MESSAGE_WANT:
        good = hear_want(scheduler, slot, err);
        break;
    case MESSAGE_RESULT:
        good = hear_result(scheduler, slot, err);
        clear_slot(slot);
        break;
    case MESSAGE_FAILED:
        good = hear_failed(scheduler, slot, err);
        clear_slot(slot);
        break;
    default:
        break;
    }
    message_close_fds(message);
    return good;
}

static bool listen_to(struct scheduler *scheduler, struct slot *slot, struct error *err)
{
    bool got = true;

    while (got) {
        if (!message_receive(slot->channel, false, scheduler->message, &got, err))
            return error_prefix(err, "worker channel");
        if (got && !hear(scheduler, slot, err))
            return false;
    }
    return true;
}

/* A worker that is stopped or stuck past its lease: its late answer will meet the fence. */
static bool end_leases(struct scheduler *scheduler, struct error *err)
{
    for (int i = 0; i < scheduler->slot_count; i++) {
        struct slot *const slot = &scheduler->slot[i];
        if (slot->job == 0 || wall_ms() < slot->deadline_ms)
            continue;
        log_warning("lease ended job=%lld pid=%d, queued again", (long long)slot->job,
                    (int)slot->pid);
        if (!store_release_job(scheduler->store, slot->job, slot->lease, true,
                               "the worker did not answer within its lease", err))
            return false;
        clear_slot(slot);
    }
    return true;
}

/* ---- the loop ---- */

/* A trouble of the store is told once a minute and tried again: nothing is lost by waiting. */
static void tell_trouble(const struct error *err)
{
    static int64_t told_ms;

    if (wall_ms() - told_ms < 60000 && told_ms != 0)
        return;
    told_ms = wall_ms();
    log_error("scheduling is hindered reason=\"%s\", trying again", err->text);
}

static void tick(struct scheduler *scheduler)
{
    struct error err;

    if (!close_quiet_studies(scheduler, &err))
        tell_trouble(&err);
    if (!end_leases(scheduler, &err))
        tell_trouble(&err);
    if (!lease_jobs(scheduler, &err))
        tell_trouble(&err);
}

/* New rules and times without a restart, which would void the leases of running jobs. */
static void reload(struct scheduler *scheduler)
{
    const struct config *const config = role_reloaded();
    struct error err;

    if (config == NULL)
        return;
    scheduler->config = config;
    keep_configure(scheduler->keep, config);
    if (!store_set_duplicates(scheduler->store, config->duplicates == DUPLICATES_LAST, &err))
        tell_trouble(&err);
    log_open("scheduler", config->log_level, config->log_target);
    log_notice("reloaded rules=%zu", config->rule_count);
}

static void run(struct scheduler *scheduler)
{
    struct pollfd poll_on[ROLE_MAX_WORKERS];
    struct error err;

    while (!role_stopping()) {
        reload(scheduler);
        for (int i = 0; i < scheduler->slot_count; i++)
            poll_on[i] = (struct pollfd){ .fd = scheduler->slot[i].channel, .events = POLLIN };
        if (poll(poll_on, (nfds_t)scheduler->slot_count, TICK_MS) > 0)
            for (int i = 0; i < scheduler->slot_count; i++)
                if (poll_on[i].revents != 0
                    && !listen_to(scheduler, &scheduler->slot[i], &err))
                    tell_trouble(&err);
        tick(scheduler);
    }
}

/* After our own death every lease is void; workers that still work will meet the fence. */
static bool begin(struct scheduler *scheduler, const struct role *role, struct error *err)
{
    int released = 0;

    scheduler->config = role->config;
    scheduler->slot_count = role->config->workers;
    scheduler->message = calloc(1, sizeof *scheduler->message);
    if (scheduler->message == NULL)
        return error_set(err, ERROR_MEMORY, "no memory to start");
    scheduler->store = store_open(role->config->data_dir, err);
    if (scheduler->store == NULL || !store_release_all_jobs(scheduler->store, &released, err)
        || !store_set_duplicates(scheduler->store,
                                 role->config->duplicates == DUPLICATES_LAST, err))
        return false;
    scheduler->keep = keep_start(role->config, err);
    if (scheduler->keep == NULL)
        return false;
    if (released > 0)
        log_notice("jobs queued again count=%d", released);
    for (int i = 0; i < scheduler->slot_count; i++) {
        scheduler->slot[i].channel = role->channel[i];
        scheduler->message->kind = MESSAGE_PING;
        scheduler->message->size = 0;
        scheduler->message->fd_count = 0;
        if (!message_send(role->channel[i], scheduler->message, err))
            log_warning("worker not reached number=%d reason=\"%s\", waiting for it", i,
                        err->text);
    }
    return true;
}

int scheduler_main(const struct role *role)
{
    static struct scheduler scheduler;
    struct error err;

    if (!sandbox_server(role->config, &err) || !begin(&scheduler, role, &err)) {
        log_error("scheduler ends reason=\"%s\"", err.text);
        return EXIT_FAILURE;
    }
    role_ready();
    run(&scheduler);
    keep_stop(scheduler.keep);
    for (int i = 0; i < scheduler.slot_count; i++)
        clear_slot(&scheduler.slot[i]);
    store_close(scheduler.store);
    free(scheduler.message);
    return EXIT_SUCCESS;
}
