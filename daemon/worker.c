/*
 * Worker: one job at a time, from bytes to result objects. The only process that parses data
 * sets and pixels, so it has nothing to lose: no network, no files, no database, no new
 * processes. Inputs come as descriptors over its channel, results leave as memfds. The same
 * program serves as one of the pool: then errands come, over three channels.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "analysis/methods.h"
#include "analysis/organs.h"
#include "analysis/resample.h"
#include "analysis/quality.h"
#include "daemon/companion.h"
#include "daemon/errand.h"
#include "daemon/hardware.h"
#include "daemon/inputs.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/masks.h"
#include "daemon/message.h"
#include "daemon/role.h"
#include "daemon/sandbox.h"
#include "dicom/dataset.h"
#include "dicom/series.h"
#include "reports/report.h"
#include "util/arena.h"
#include "util/error.h"

#define IDLE_MS 60000                   /* then the pool forgets the volume that it holds */

struct worker {
    const struct role *role;
    int channel;                        /* the one that is being served */
    struct arena *arena;                /* kept from study to study: its pages stay */
    struct message *message;            /* the last one received, and the next one sent */
    struct inputs inputs;               /* of the job in hand */
    struct errands *errands;
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

/* ---- results ---- */

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
    const bool given = strcmp(findings->method.name, "given-mask") == 0;
    const bool flat = findings->labels.size[2] == 1 && !findings->labels.planar;

    if (findings->count == 0)
        snprintf(result->reason, sizeof result->reason, "analysed: no %s", given
                 ? "region in the mask that was given" : "candidate region found");
    else if (findings->planar)
        snprintf(result->reason, sizeof result->reason,
                 "analysed: %zu candidate region%s in %s", findings->count,
                 findings->count == 1 ? "" : "s", flat ? "a single slice" : "planar views");
    else
        snprintf(result->reason, sizeof result->reason,
                 "analysed: %zu %s%s%s, %.1f ml", findings->count,
                 given ? "region" : "candidate region", findings->count == 1 ? "" : "s",
                 given ? " of the mask that was given" : "", findings->total_mm3 / 1000.0);
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
        const int fd = errand_memfd(reports[i].name, reports[i].bytes, reports[i].size, err);
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
        .series_number = job->series_number, .superseded = job->superseded,
        .superseded_count = job->superseded_count
    };

    if (!report_all(&context, reports, JOB_MAX_RESULTS, &count, err))
        return error_prefix(err, "results");
    const bool good = answer(worker, job, findings, reports, count, started_s, err);
    for (size_t i = 0; i < count; i++)
        report_free(&reports[i]);
    return good;
}

/* ---- a job ---- */

static bool check_method(const struct job *job, struct error *err)
{
    const struct methods_entry *const method = methods_find(job->parameters.method);

    return method == NULL || methods_takes(method, job->modality)
        || error_set(err, ERROR_UNSUPPORTED, "the method %s is for %s, not for %s", method->name,
                     method->modalities, job->modality[0] == '\0' ? "a series without a modality"
                     : job->modality);
}

/* Where the method needs SUV and there is none, the reason is the series' own sentence. */
static bool check_suv(const struct job *job, const struct volume *volume,
                      const struct series_facts *facts, struct error *err)
{
    const struct methods_entry *const method = methods_find(job->parameters.method);

    return method == NULL || !methods_needs_suv(method) || volume_unit_is_suv(volume->unit)
        || error_set(err, ERROR_DATA, "the method %s needs SUV: %s", method->name, facts->suv);
}

/* A worker states its need before it takes it: too large is a sentence, not a death. */
static bool check_need(const struct resample *plan, const struct analysis_parameters *parameters,
                       const struct arena *arena, struct error *err)
{
    const struct volume *const volume = &plan->grid;
    const size_t method = analyse_need(volume, parameters);
    const size_t labels = parameters->organs ? volume_count(volume) : 0;
    const size_t organs = parameters->organs ? organs_need(volume) : 0;
    const size_t need = resample_need(plan)
        + (organs > labels + method ? organs : labels + method);
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

/* The verdict on the volume; ends the analysis where a rule says so. */
static bool check_quality(const struct job *job, const struct volume *volume,
                          struct arena *arena, struct quality *ret_quality, struct error *err)
{
    char told[160];

    if (!quality_examine(volume, &job->parameters.quality, job->parameters.threads, arena,
                         ret_quality, err))
        return false;
    for (int kind = 0; kind < QUALITY_KINDS; kind++)
        if (ret_quality->check[kind].verdict == QUALITY_STOP) {
            quality_tell(ret_quality, (enum quality_kind)kind, volume->unit, told, sizeof told);
            return error_set(err, ERROR_DATA, "not analysed for its quality: %s", told);
        }
    return true;
}

static void warn_of_quality(const struct quality *quality, enum volume_unit unit,
                            struct findings *findings)
{
    char told[160];

    for (int kind = 0; kind < QUALITY_KINDS; kind++)
        if (quality->check[kind].verdict != QUALITY_OK) {
            quality_tell(quality, (enum quality_kind)kind, unit, told, sizeof told);
            findings_warn(findings, "%s", told);
        }
    findings->quality = *quality;
}

/* The grid that methods work on: the slices' own, or an even one made of it. */
static bool make_grid(const struct resample *plan, const struct job *job, struct arena *arena,
                      struct volume *ret_grid, struct error *err)
{
    *ret_grid = *plan->source;
    return !plan->needed
        || resample_volume(plan, job->parameters.threads, arena, ret_grid, err);
}

/* Who takes the slices, when it is not the C: in test builds the simulator behind the second channel. */
static bool choose_engine(const struct worker *worker, struct hardware_chip *chip,
                          struct fixed_engine *engine, struct analysis_parameters *parameters,
                          struct error *err)
{
    if (parameters->engine == ENGINE_FIXED)
        return true;
    if (strcmp(worker->role->name, "worker") != 0 || worker->role->channel_count < 2)
        return error_set(err, ERROR_UNSUPPORTED, "this build has no simulated hardware");
    *chip = (struct hardware_chip){ worker->role->channel[1], worker->message };
    *engine = (struct fixed_engine){ hardware_ask, chip };
    parameters->chip = engine;
    return true;
}

/* In the organ that the parameters name, as it was found in the same volume. */
static bool run_in_organ(struct worker *worker, const struct job *job, const struct volume *grid,
                         const struct organs *organs, struct findings *findings, struct error *err)
{
    const char *const name = job->parameters.organ;
    uint8_t *const mask = arena_take(worker->arena, volume_count(grid), 1, err);

    if (mask == NULL
        || (!organs_mask(organs, name, mask, err)
            && !error_prefix(err, "the method %s needs an organ", job->parameters.method))
        || !analyse_organ(grid, mask, &job->parameters, worker->arena, findings, err))
        return false;
    for (size_t n = 0; n < organs->count; n++)
        if (organs->organ[n].found && strcmp(organs->organ[n].name, name) == 0)
            findings_warn(findings, "searched in the %s, found by a classical method, confidence %.2f", name,
                          organs->organ[n].confidence);
    return true;
}

/*
 * The method on the grid; one that wants a liver gets that of the study's CT, one that needs an organ that
 * of the volume.
 */
static bool run_method(struct worker *worker, const struct job *job, const struct volume *grid,
                       const struct organs *organs, struct findings *findings, struct error *err)
{
    const struct methods_entry *const method = methods_find(job->parameters.method);
    struct analysis_parameters parameters = job->parameters;
    struct fixed_engine engine;
    struct hardware_chip chip;
    double confidence = 0;

    if (method != NULL && method->needs_organ)
        return run_in_organ(worker, job, grid, organs, findings, err);
    if (method == NULL || !methods_wants_liver(method))
        return choose_engine(worker, &chip, &engine, &parameters, err)
            && analyse(grid, &parameters, worker->arena, findings, err);
    uint8_t *const liver = arena_take_zeroed(worker->arena, volume_count(grid), 1, err);
    if (liver == NULL
        || !companion_liver(&worker->inputs, job, grid, worker->arena, liver, &confidence, err)
        || !analyse_organ(grid, liver, &job->parameters, worker->arena, findings, err))
        return false;
    findings_warn(findings, "the liver was found on the study's CT by a classical method, confidence %.2f",
                  confidence);
    return true;
}

/* By the job's method, on an even grid, and back onto the slices. */
static bool look(struct worker *worker, const struct resample *plan, const struct job *job,
                 const struct volume *grid, const struct organs *organs, struct findings *findings,
                 struct error *err)
{
    return run_method(worker, job, grid, organs, findings, err)
        && resample_findings_back(plan, worker->arena, findings, err);
}

/* What masks of the study have drawn on the slices is taken as it is; without it the method looks. */
static bool find(struct worker *worker, const struct job *job, struct series *series,
                 const struct resample *plan, const struct volume *grid, const struct organs *organs,
                 struct findings *findings, struct error *err)
{
    struct arena *const arena = worker->arena;
    bool found = false;

    if (job->mask_count == 0) {
        const bool good = look(worker, plan, job, grid, organs, findings, err);
        findings->method.parameters = job->parameter_text;
        return good;
    }
    struct masks *const masks = masks_new(&worker->inputs, job, plan->source,
                                          series_template(series), arena, err);
    const bool good = masks != NULL && masks_take(masks, findings, &found, err)
        && (found || look(worker, plan, job, grid, organs, findings, err))
        && masks_add(masks, found, series_template(series), findings, err);
    masks_free(masks);
    return good;
}

/* The anatomy, where it is wished for and known of such a series; count 0 elsewhere. */
static bool find_organs(const struct job *job, const struct volume *volume,
                        const struct series_facts *facts, struct arena *arena,
                        struct organs *ret_organs, struct error *err)
{
    ret_organs->count = 0;
    return !job->parameters.organs || !organs_takes(volume, facts->modality)
        || organs_find(volume, facts->modality, job->parameters.threads, arena, ret_organs, err);
}

static bool analyse_series(struct worker *worker, const struct job *job,
                           struct series *series, double started_s, struct error *err)
{
    static struct findings findings;
    static struct organs organs;
    struct arena *const arena = worker->arena;
    struct series_facts facts;
    struct quality quality;
    struct volume volume, grid;
    struct resample plan;

    if (!check_method(job, err))
        return false;
    memset(&findings, 0, sizeof findings);
    inputs_begin(&worker->inputs, worker->channel, worker->message, job->id, job->lease,
                 job_files(job));
    series_wish_suv(series, (enum volume_unit)(UNIT_SUVBW + job->parameters.suv));
    if (!inputs_load(&worker->inputs, job->file_count, arena, series, err)
        || !series_volume(series, &volume, &facts, err)
        || !check_suv(job, &volume, &facts, err)
        || !resample_plan(&volume, (size_t)job->parameters.max_missing_slices, arena, &plan, err)
        || !check_need(&plan, &job->parameters, arena, err)
        || !check_quality(job, &volume, arena, &quality, err)
        || !make_grid(&plan, job, arena, &grid, err)
        || !find_organs(job, &grid, &facts, arena, &organs, err)
        || !find(worker, job, series, &plan, &grid, &organs, &findings, err)
        || !resample_organs_back(&plan, arena, &organs, err))
        return false;
    companion_measure(&worker->inputs, job, &volume, series_template(series), arena, &findings);
    warn_of_series(&facts, &findings);
    warn_of_quality(&quality, volume.unit, &findings);
    organs_set_windows(&organs, job->parameters.window);
    findings.organs = organs;
    if (organs.count > 0 && !findings.planar)
        organs_place(&organs, &findings);
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
    inputs_end(&worker->inputs);
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

/* ---- errands ---- */

static bool tell_answer(struct worker *worker, const struct job *errand,
                        struct errand_answer *answer, struct error *err)
{
    struct message *const message = worker->message;

    message->fd_count = answer->fd >= 0;
    message->fd[0] = answer->fd;
    snprintf(message->body, sizeof message->body, "%s", answer->body);
    message->size = strlen(message->body);
    const bool good = tell(worker, MESSAGE_ANSWER, errand, err);
    message_close_fds(message);
    return good;
}

static bool take_errand(struct worker *worker, struct error *err)
{
    struct errand_answer answer = { .fd = -1 };
    const struct job errand = { .id = worker->message->job };
    const char *const test = getenv("TUMORD_TEST_WORKER");
    char *const body = strdup(worker->message->body);

    if (test != NULL)
        sandbox_self_test(test);
    inputs_begin(&worker->inputs, worker->channel, worker->message, errand.id, 0,
                 worker->message->first);
    alarm(ERRAND_LIMIT_S);
    const bool done = body != NULL
        ? errand_run(worker->errands, body, &worker->inputs, &answer, err)
        : error_set(err, ERROR_MEMORY, "an errand");
    alarm(0);
    inputs_end(&worker->inputs);
    free(body);
    if (done)
        return tell_answer(worker, &errand, &answer, err);
    worker->message->fd_count = 0;
    snprintf(worker->message->body, sizeof worker->message->body, "%s", err->text);
    worker->message->size = strlen(worker->message->body);
    return tell(worker, MESSAGE_FAILED, &errand, err);
}

/* ---- the loop ---- */

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

static bool hear(struct worker *worker, struct error *err)
{
    bool got;

    if (!message_receive(worker->channel, false, worker->message, &got, err))
        return false;
    if (!got)
        return true;
    switch (worker->message->kind) {
    case MESSAGE_JOB:
        return take_job(worker, err);
    case MESSAGE_ERRAND:
        return take_errand(worker, err);
    case MESSAGE_PING:
        return tell_plain(worker, MESSAGE_READY, NULL, 0, err);
    default:
        message_close_fds(worker->message);     /* files of a job that is over */
        return true;
    }
}

/* Each channel in turn, so that nobody's requests keep the others waiting. */
static bool hear_all(struct worker *worker, struct error *err)
{
    const struct role *const role = worker->role;
    struct pollfd on[ROLE_MAX_WORKERS];
    bool good = true;

    for (size_t i = 0; i < role->channel_count; i++)
        on[i] = (struct pollfd){ .fd = role->channel[i], .events = POLLIN };
    const int count = poll(on, (nfds_t)role->channel_count, IDLE_MS);
    if (count == 0)
        errands_forget(worker->errands);
    for (size_t i = 0; good && count > 0 && i < role->channel_count; i++) {
        worker->channel = role->channel[i];
        good = on[i].revents == 0 || hear(worker, err);
    }
    return good;
}

static bool serve(struct worker *worker, struct error *err)
{
    const struct role *const role = worker->role;
    bool good = true;

    for (size_t i = 0; good && i < role->channel_count; i++) {
        worker->channel = role->channel[i];
        good = drain(worker, err) && tell_plain(worker, MESSAGE_READY, NULL, 0, err);
    }
    if (good)
        role_ready();
    while (good && !role_stopping())
        good = hear_all(worker, err);
    return good || role_stopping();
}

int worker_main(const struct role *role)
{
    struct error err = { ERROR_MEMORY, "no memory to start" };
    struct worker worker = { .role = role };
    const size_t memory = (size_t)role->config->max_memory_mib << 20;

    worker.message = calloc(1, sizeof *worker.message);
    worker.arena = arena_new(memory, &err);
    worker.errands = worker.arena == NULL ? NULL : errands_new(worker.arena, &err);
    if (worker.message == NULL || worker.errands == NULL
        || !dicom_init(&err) || !report_init(NULL, &err)
        || !sandbox_worker(role->config, &err) || !serve(&worker, &err)) {
        log_error("%s ends number=%d reason=\"%s\"", role->name, role->number, err.text);
        return EXIT_FAILURE;
    }
    errands_free(worker.errands);
    arena_free(worker.arena);
    free(worker.message);
    return EXIT_SUCCESS;
}
