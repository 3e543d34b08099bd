/*
 * Worker: one job at a time, from bytes to result objects. The only process that parses data
 * sets and pixels, so it has nothing to lose: no network, no files, no database, no new
 * processes. Inputs come as descriptors over its channel, results leave as memfds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analysis/analyse.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/message.h"
#include "daemon/role.h"
#include "daemon/sandbox.h"
#include "dicom/dataset.h"
#include "dicom/series.h"
#include "reports/report.h"
#include "util/arena.h"
#include "util/error.h"

struct worker {
    int channel;
    struct arena *arena;                /* kept from study to study: its pages stay */
    struct message *message;            /* the last one received, and the next one sent */
    int file[MESSAGE_MAX_FDS];          /* the batch of files in hand */
    size_t file_first, file_count;
};

static double now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static bool tell(struct worker *worker, enum message_kind kind, const struct job *job,
                 struct error *err)
{
    worker->message->kind = kind;
    worker->message->job = job != NULL ? job->id : 0;
    worker->message->lease = job != NULL ? job->lease : 0;
    return message_send(worker->channel, worker->message, err);
}

/* A message without body and descriptors. */
static bool tell_plain(struct worker *worker, enum message_kind kind, const struct job *job,
                       size_t first, struct error *err)
{
    worker->message->first = (uint32_t)first;
    worker->message->size = 0;
    worker->message->fd_count = 0;
    return tell(worker, kind, job, err);
}

/* ---- inputs ---- */

static void close_files(struct worker *worker)
{
    for (size_t i = 0; i < worker->file_count; i++)
        close(worker->file[i]);
    worker->file_count = 0;
}

/* Asks for the files from number `first` on and waits for them. */
static bool fetch_files(struct worker *worker, const struct job *job, size_t first,
                        struct error *err)
{
    struct message *const message = worker->message;
    bool got = false;

    close_files(worker);
    if (!tell_plain(worker, MESSAGE_WANT, job, first, err))
        return false;
    do {
        if (!message_receive(worker->channel, true, message, &got, err))
            return false;
        if (got && (message->kind != MESSAGE_FILES || message->job != job->id
                    || message->lease != job->lease)) {
            if (message->kind != MESSAGE_PING)      /* answered by READY when we are done */
                return error_set(err, ERROR_DENIED, "the lease of job %lld was lost",
                                 (long long)job->id);
            message_close_fds(message);
            got = false;
        }
    } while (!got);
    if (message->fd_count == 0 || message->first != first) {
        message_close_fds(message);
        return error_set(err, ERROR_IO, "file %zu of %zu cannot be opened", first + 1,
                         job->file_count);
    }
    memcpy(worker->file, message->fd, message->fd_count * sizeof *worker->file);
    worker->file_first = first;
    worker->file_count = message->fd_count;
    message->fd_count = 0;
    return true;
}

/* Reads the whole file into the arena; the mark before it takes it back. */
static bool read_file(int fd, struct arena *arena, unsigned char **ret_bytes,
                      size_t *ret_size, struct error *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_errno(err, "stat");
    const size_t size = (size_t)status.st_size;
    unsigned char *const bytes = arena_take(arena, size, 1, err);
    if (bytes == NULL)
        return false;
    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);
        if (got < 0)
            return error_errno(err, "read");
        if (got == 0)
            return error_set(err, ERROR_IO, "the file became shorter while it was read");
        done += (size_t)got;
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return true;
}

static bool add_file(struct worker *worker, int fd, struct series *series,
                     struct error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    const size_t mark = arena_mark(worker->arena);

    if (!read_file(fd, worker->arena, &bytes, &size, err))
        return false;
    struct dataset *const dataset = dataset_read(bytes, size, err);
    arena_rewind(worker->arena, mark);
    if (dataset == NULL)
        return false;
    const bool added = series_add(series, dataset, err);
    dataset_free(dataset);
    return added;
}

static bool load(struct worker *worker, const struct job *job, struct series *series,
                 struct error *err)
{
    for (size_t i = 0; i < job->file_count; i++) {
        if ((i >= worker->file_first + worker->file_count || worker->file_count == 0)
            && !fetch_files(worker, job, i, err))
            return false;
        if (!add_file(worker, worker->file[i - worker->file_first], series, err)) {
            if (job->file_count > 1)
                error_prefix(err, "instance %zu of %zu", i + 1, job->file_count);
            return false;
        }
    }
    close_files(worker);
    return true;
}

/* ---- results ---- */

static int to_memfd(const struct report *report, struct error *err)
{
    const int fd = memfd_create(report->name, MFD_CLOEXEC);

    if (fd < 0) {
        error_errno(err, "memory for %s", report->name);
        return -1;
    }
    for (size_t done = 0; done < report->size;) {
        const ssize_t put = write(fd, report->bytes + done, report->size - done);
        if (put < 0) {
            error_errno(err, "memory for %s", report->name);
            close(fd);
            return -1;
        }
        done += (size_t)put;
    }
    return fd;
}

static void describe(const struct report *report, struct job_result *result)
{
    unsigned char value[DIGEST_SIZE];
    const size_t at = result->count++;

    digest_of(report->bytes, report->size, value);
    digest_hex(value, result->object[at].sha256);
    result->object[at].kind = report->kind;
    result->object[at].size = report->size;
    snprintf(result->object[at].name, sizeof result->object[at].name, "%s", report->name);
    memcpy(result->object[at].sop_class_uid, report->sop_class_uid, TEXT_UID_SIZE);
    memcpy(result->object[at].sop_uid, report->sop_uid, TEXT_UID_SIZE);
    memcpy(result->object[at].series_uid, report->series_uid, TEXT_UID_SIZE);
}

static void summarise(const struct findings *findings, struct job_result *result)
{
    if (findings->count == 0)
        snprintf(result->reason, sizeof result->reason, "analysed: no candidate region found");
    else
        snprintf(result->reason, sizeof result->reason,
                 "analysed: %zu candidate region%s, %.1f ml", findings->count,
                 findings->count == 1 ? "" : "s", findings->total_mm3 / 1000.0);
}

static bool answer(struct worker *worker, const struct job *job,
                   const struct findings *findings, const struct report *reports,
                   size_t count, double started_s, struct error *err)
{
    static struct job_result result;
    struct rusage usage = { .ru_maxrss = 0 };
    struct message *const message = worker->message;
    bool good = true;

    result.count = 0;
    message->fd_count = 0;
    for (size_t i = 0; good && i < count; i++) {
        describe(&reports[i], &result);
        const int fd = to_memfd(&reports[i], err);
        good = fd >= 0;
        if (good)
            message->fd[message->fd_count++] = fd;
    }
    summarise(findings, &result);
    getrusage(RUSAGE_SELF, &usage);
    result.seconds = now_s() - started_s;
    result.peak_mib = (double)usage.ru_maxrss / 1024.0;
    good = good && job_result_body(&result, message->body, sizeof message->body, err);
    message->size = good ? strlen(message->body) : 0;
    good = good && tell(worker, MESSAGE_RESULT, job, err);
    message_close_fds(message);
    return good;
}

static bool report(struct worker *worker, const struct job *job, struct series *series,
                   const struct volume *volume, const struct series_facts *facts,
                   const struct findings *findings, double started_s, struct error *err)
{
    static struct report reports[JOB_MAX_RESULTS];
    size_t count = 0;
    const struct report_context context = {
        .source = series_template(series), .volume = volume, .facts = facts,
        .findings = findings, .key = job->key, .created = job->created,
        .series_number = job->series_number
    };

    if (!report_all(&context, reports, JOB_MAX_RESULTS, &count, err))
        return error_prefix(err, "results");
    const bool good = answer(worker, job, findings, reports, count, started_s, err);
    for (size_t i = 0; i < count; i++)
        report_free(&reports[i]);
    return good;
}

/* ---- a job ---- */

/* A worker states its need before it takes it: too large is a sentence, not a death. */
static bool check_need(const struct volume *volume, const struct arena *arena,
                       struct error *err)
{
    const size_t need = analyse_need(volume->size, volume->type);
    const size_t left = arena_limit(arena) - arena_used(arena);

    return need <= left
        || error_set(err, ERROR_LIMIT, "%zu x %zu x %zu voxels need %zu MiB beyond the "
                     "volume, and analysis.max_memory_mib leaves %zu", volume->size[0],
                     volume->size[1], volume->size[2], need >> 20, left >> 20);
}

static void warn_of_series(const struct series_facts *facts, struct findings *findings)
{
    for (size_t i = 0; i < facts->warning_count; i++)
        findings_warn(findings, "%s", facts->warning[i]);
}

static bool analyse_series(struct worker *worker, const struct job *job,
                           struct series *series, double started_s, struct error *err)
{
    static struct findings findings;
    struct series_facts facts;
    struct volume volume;

    memset(&findings, 0, sizeof findings);
    if (!load(worker, job, series, err)
        || !series_volume(series, &volume, &facts, err)
        || !check_need(&volume, worker->arena, err)
        || !analyse(&volume, &job->parameters, worker->arena, &findings, err))
        return false;
    warn_of_series(&facts, &findings);
    findings.method.parameters = job->parameter_text;
    return report(worker, job, series, &volume, &facts, &findings, started_s, err);
}

static bool work(struct worker *worker, const struct job *job, struct error *err)
{
    const double started_s = now_s();

    arena_reset(worker->arena);
    struct series *const series = series_new(job->file_count, worker->arena, err);
    if (series == NULL)
        return false;
    alarm((unsigned)job->time_limit_s);     /* its default action ends the process */
    const bool good = analyse_series(worker, job, series, started_s, err);
    alarm(0);
    series_free(series);
    close_files(worker);
    return good;
}

static bool take_job(struct worker *worker, struct error *err)
{
    struct job job = { .id = worker->message->job, .lease = worker->message->lease };
    const char *const test = getenv("TUMORD_TEST_WORKER");

    if (!job_parse(worker->message->body, &job, err))
        return error_prefix(err, "job %lld", (long long)worker->message->job);
    if (test != NULL)
        sandbox_self_test(test);
    log_debug("job started job=%lld files=%zu", (long long)job.id, job.file_count);
    if (!work(worker, &job, err)) {
        log_info("job failed job=%lld reason=\"%s\"", (long long)job.id, err->text);
        worker->message->fd_count = 0;
        snprintf(worker->message->body, sizeof worker->message->body, "%s", err->text);
        worker->message->size = strlen(worker->message->body);
        tell(worker, MESSAGE_FAILED, &job, err);
    }
    job_clear(&job);
    return tell_plain(worker, MESSAGE_READY, NULL, 0, err);
}

/* What an earlier worker left unread is void: its job is queued again at our READY. */
static bool drain(struct worker *worker, struct error *err)
{
    bool got;

    do {
        if (!message_receive(worker->channel, false, worker->message, &got, err))
            return false;
        if (got)
            message_close_fds(worker->message);
    } while (got);
    return true;
}

static bool serve(struct worker *worker, struct error *err)
{
    bool got, good = drain(worker, err) && tell_plain(worker, MESSAGE_READY, NULL, 0, err);

    if (good)
        role_ready();
    while (good && !role_stopping()) {
        good = message_receive(worker->channel, true, worker->message, &got, err);
        if (!good || !got)
            continue;
        if (worker->message->kind == MESSAGE_JOB)
            good = take_job(worker, err);
        else if (worker->message->kind == MESSAGE_PING)
            good = tell_plain(worker, MESSAGE_READY, NULL, 0, err);
        else
            message_close_fds(worker->message);     /* files of a job that is over */
    }
    return good || role_stopping();
}

int worker_main(const struct role *role)
{
    struct error err = { ERROR_MEMORY, "no memory to start" };
    struct worker worker = { .channel = role->channel[0] };
    const size_t memory = (size_t)role->config->max_memory_mib << 20;

    worker.message = calloc(1, sizeof *worker.message);
    worker.arena = arena_new(memory, &err);
    if (worker.message == NULL || worker.arena == NULL
        || !dicom_init(&err) || !report_init(NULL, &err)
        || !sandbox_worker(role->config, &err) || !serve(&worker, &err)) {
        log_error("worker ends number=%d reason=\"%s\"", role->number, err.text);
        return EXIT_FAILURE;
    }
    arena_free(worker.arena);
    free(worker.message);
    return EXIT_SUCCESS;
}
