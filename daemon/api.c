/* API: routes, and rows as JSON. */
#include "daemon/api.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/config_schema.h"
#include "daemon/keep.h"
#include "daemon/rank.h"
#include "daemon/slices.h"
#include "daemon/stats.h"
#include "daemon/store.h"
#include "daemon/target.h"
#include "dicom/association.h"
#include "dicom/tls.h"
#include "util/error.h"
#include "util/text.h"

#define VERSION "0.1.0"

static const char *const job_states[] = { "queued", "running", "done", "failed",
                                          "quarantined", "superseded" };
static const char *const delivery_states[] = { "queued", "sending", "acknowledged", "failed",
                                               "superseded", "committed", "seen" };

/* ---- answers ---- */

/* Takes the object over. */
static void answer_json(struct api_answer *answer, int status, json_t *object)
{
    answer->status = status;
    answer->type = "application/json";
    answer->body = object == NULL ? NULL : json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
    if (answer->body == NULL) {         /* a text that is no UTF-8, or no memory */
        answer->status = 500;
        answer->body = strdup("{\"error\":\"the answer cannot be made\"}");
    }
    answer->size = answer->body == NULL ? 0 : strlen(answer->body);
    json_decref(object);
}

static void answer_error(struct api_answer *answer, const struct error *err)
{
    const int status = err->code == ERROR_NOT_FOUND ? 404
        : err->code == ERROR_DENIED ? 403 : err->code == ERROR_NETWORK ? 502 : 500;

    answer_json(answer, status, json_pack("{s:s}", "error", err->text));
}

void api_sentence(struct api_answer *answer, int status, const char *sentence)
{
    answer_json(answer, status, json_pack("{s:s}", "error", sentence));
}

/* Text of the index as JSON: always valid UTF-8. */
static json_t *text(const char *value)
{
    char buffer[2048];

    text_to_utf8(value, strlen(value), buffer, sizeof buffer);
    return json_string(buffer);
}

/* ---- rows ---- */

static json_t *study_object(const struct store_study *study)
{
    return json_pack("{s:s s:o s:o s:o s:o s:o s:s s:I s:I s:i s:i}",
                     "study_uid", study->study_uid, "patient_id", text(study->patient_id),
                     "patient_name", text(study->patient_name),
                     "study_date", text(study->study_date),
                     "accession", text(study->accession),
                     "description", text(study->description),
                     "state", study->state == STUDY_COMPLETE ? "complete"
                         : study->partial ? "partial" : "receiving",
                     "first_ms", (json_int_t)study->first_ms,
                     "last_ms", (json_int_t)study->last_ms, "series_count", study->series,
                     "instances", study->instances);
}

static bool add_study(const struct store_study *study, void *context)
{
    return json_array_append_new(context, study_object(study)) == 0;
}

static bool add_series(const struct store_series *series, void *context)
{
    return json_array_append_new(context, json_pack(
        "{s:s s:o s:o s:i s:o s:I}", "series_uid", series->series_uid,
        "modality", text(series->modality), "description", text(series->description),
        "instances", series->instances, "reason", text(series->reason),
        "job_id", (json_int_t)series->job)) == 0;
}

struct objects {
    json_t *list;
    const struct api *api;
    bool trusted;
};

static bool add_object(const struct store_object *object, void *context)
{
    const struct objects *const objects = context;
    char path[1200];
    json_t *const item = json_pack(
        "{s:s s:s s:s s:s s:I}", "name", object->name, "kind", object->kind,
        "sop_uid", object->sop_uid, "sop_class_uid", object->sop_class_uid,
        "size", (json_int_t)object->size);

    if (objects->trusted && text_format(path, sizeof path, "%s/results/%lld/%s",
                                        objects->api->config->data_dir,
                                        (long long)object->job, object->name))
        json_object_set_new(item, "path", json_string(path));
    return json_array_append_new(objects->list, item) == 0;
}

static bool add_delivery(const struct store_delivery *delivery, void *context)
{
    return json_array_append_new(context, json_pack(
        "{s:s s:s s:s s:I s:s s:i s:i s:I s:I s:I s:o}", "peer", delivery->peer,
        "kind", delivery->kind, "sop_uid", delivery->sop_uid,
        "job", (json_int_t)delivery->job, "state", delivery_states[delivery->state],
        "attempts", delivery->attempts, "status", delivery->status,
        "next_ms", (json_int_t)delivery->next_ms,
        "acknowledged_ms", (json_int_t)delivery->acknowledged_ms,
        "proven_ms", (json_int_t)delivery->proven_ms,
        "reason", text(delivery->reason))) == 0;
}

static json_t *job_object(const struct store_job *job)
{
    json_t *const findings = json_loads(job->findings, 0, NULL);

    return json_pack("{s:I s:s s:s s:s s:s s:s s:o s:i s:i s:I s:I s:I s:o*}",
                     "id", (json_int_t)job->id, "state", job_states[job->state],
                     "rule", job->rule, "analysis", job->analysis, "key", job->key,
                     "created", job->created, "reason", text(job->reason),
                     "deaths", job->deaths, "attempts", job->attempts,
                     "queued_ms", (json_int_t)job->queued_ms,
                     "started_ms", (json_int_t)job->started_ms,
                     "finished_ms", (json_int_t)job->finished_ms, "findings", findings);
}

/* Puts the current job of a series into it, with its objects. */
static bool add_job(const struct api *api, const struct api_request *request, json_t *series,
                    struct error *err)
{
    const int64_t id = json_integer_value(json_object_get(series, "job_id"));
    struct objects objects = { json_array(), api, request->trusted };
    struct store_job row;

    if (id == 0) {
        json_decref(objects.list);
        return true;
    }
    if (!store_find_job(api->store, id, &row, err)) {
        json_decref(objects.list);
        return false;
    }
    json_t *const job = job_object(&row);
    json_object_set_new(job, "objects", objects.list);
    json_object_set_new(series, "job", job);
    return store_each_object(api->store, id, add_object, &objects, err);
}

/* ---- one study ---- */

static bool add_duplicate(const struct store_duplicate *duplicate, void *context)
{
    return json_array_append_new(context, json_pack(
        "{s:s s:s s:o s:I s:s s:b}", "sop_uid", duplicate->sop_uid,
        "series_uid", duplicate->series_uid, "calling_ae", text(duplicate->calling_ae),
        "received_ms", (json_int_t)duplicate->received_ms, "differs", duplicate->differs,
        "counts", (int)duplicate->counts)) == 0;
}

/* Is it held, and what came under one UID with other bytes. */
static bool add_keeping(const struct api *api, const char *uid, json_t *study,
                        struct error *err)
{
    json_t *const duplicates = json_array();
    bool held = false;
    const bool good = store_is_held(api->store, uid, &held, err)
        && store_each_duplicate(api->store, uid, add_duplicate, duplicates, err);

    json_object_set_new(study, "held", json_boolean(held));
    json_object_set_new(study, "duplicates", duplicates);
    return good;
}

/*
 * What each series shows, and which CT and PET belong together, by the first instance of each: the page asks
 * every few seconds for many studies.
 */
static bool add_roles(const struct api *api, json_t *list, struct error *err)
{
    const size_t count = json_array_size(list);
    struct rank_facts *const facts = calloc(count + 1, sizeof *facts);
    char role[200];
    bool good = facts != NULL || error_set(err, ERROR_MEMORY, "what the series show");

    for (size_t i = 0; good && i < count; i++) {
        const char *const uid = json_string_value(json_object_get(json_array_get(list, i),
                                                                 "series_uid"));
        struct slices *const slices = slices_head_of_series(api->store, uid, err);
        if (slices != NULL)
            rank_read(slices, &facts[i]);
        good = slices != NULL || err->code == ERROR_NOT_FOUND;
        slices_free(slices);
    }
    for (size_t i = 0; good && i < count; i++) {
        const size_t partner = rank_partner(facts, count, i);
        rank_tell(&facts[i], role, sizeof role);
        json_object_set_new(json_array_get(list, i), "role", text(role));
        if (partner < count)
            json_object_set(json_array_get(list, i), "partner",
                            json_object_get(json_array_get(list, partner), "series_uid"));
    }
    free(facts);
    return good;
}

static json_t *study_with_series(const struct api *api, const struct api_request *request,
                                 const char *uid, struct error *err)
{
    struct store_study study;
    json_t *const list = json_array();
    json_t *series;
    size_t index;
    bool good = store_find_study(api->store, uid, &study, err)
        && store_each_series(api->store, uid, add_series, list, err)
        && add_roles(api, list, err);

    json_array_foreach(list, index, series)
        good = good && add_job(api, request, series, err);
    if (!good) {
        json_decref(list);
        return NULL;
    }
    json_t *const object = study_object(&study);
    json_object_set_new(object, "series", list);
    if (add_keeping(api, uid, object, err))
        return object;
    json_decref(object);
    return NULL;
}

static void show_study(const struct api *api, const struct api_request *request,
                       const char *uid, struct api_answer *answer)
{
    struct error err;
    json_t *const deliveries = json_array();
    json_t *const object = study_with_series(api, request, uid, &err);

    if (object == NULL || !store_each_delivery(api->store, uid, add_delivery, deliveries,
                                               &err)) {
        json_decref(object);
        json_decref(deliveries);
        answer_error(answer, &err);
        return;
    }
    json_object_set_new(object, "deliveries", deliveries);
    answer_json(answer, 200, object);
}

/* Why each series became what it is; done when nothing more will happen by itself. */
static bool add_wish(const char *peer, bool open, const char *reason, void *context)
{
    return json_array_append_new(context, json_pack("{s:s s:b s:o}", "peer", peer, "open",
                                                    (int)open, "reason", text(reason))) == 0;
}

static void show_why(const struct api *api, const struct api_request *request,
                     const char *uid, struct api_answer *answer)
{
    struct error err;
    json_t *const object = study_with_series(api, request, uid, &err), *series;
    size_t index;

    if (object == NULL) {
        answer_error(answer, &err);
        return;
    }
    bool done = strcmp(json_string_value(json_object_get(object, "state")), "complete") == 0;
    json_array_foreach(json_object_get(object, "series"), index, series) {
        json_t *const job = json_object_get(series, "job");
        const char *const state = json_string_value(json_object_get(job, "state"));
        done = done && (state == NULL || (strcmp(state, "queued") != 0
                                          && strcmp(state, "running") != 0));
        json_object_del(job, "findings");
        json_object_del(job, "objects");
        json_object_update_missing(series, job);
        json_object_del(series, "job");
    }
    json_object_set_new(object, "done", json_boolean(done));
    json_t *const priors = json_array();
    json_object_set_new(object, "priors", priors);
    if (!store_each_wish(api->store, uid, add_wish, priors, &err)) {
        json_decref(object);
        answer_error(answer, &err);
        return;
    }
    answer_json(answer, 200, object);
}

static void resend(const struct api *api, const char *uid, struct api_answer *answer)
{
    struct error err;
    struct store_study study;
    struct timespec now;
    int count = 0;

    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000;
    if (!store_find_study(api->store, uid, &study, &err)
        || !store_resend_study(api->store, uid, now_ms,
                               now_ms + 1000LL * api->config->deadline_s, &count, &err))
        answer_error(answer, &err);
    else
        answer_json(answer, 200, json_pack("{s:i}", "count", count));
}

static void hold(const struct api *api, const char *uid, bool held,
                 struct api_answer *answer)
{
    struct error err;
    struct store_study study;

    if (!store_find_study(api->store, uid, &study, &err)
        || !keep_hold(api->store, api->config, uid, held, &err))
        answer_error(answer, &err);
    else
        answer_json(answer, 200, json_pack("{s:b}", "held", (int)held));
}

/* By the rules as they are now: what they give already is there already. */
static void rerun(const struct api *api, const char *uid, struct api_answer *answer)
{
    struct error err;
    struct store_study study;

    if (!store_find_study(api->store, uid, &study, &err)
        || !store_reopen_study(api->store, uid, &err))
        answer_error(answer, &err);
    else
        answer_json(answer, 200, json_pack("{s:b}", "reopened", 1));
}

/* ---- objects ---- */

struct wanted {
    const char *name;
    struct store_object object;
    bool found;
};

static bool match_object(const struct store_object *object, void *context)
{
    struct wanted *const wanted = context;

    if (strcmp(object->name, wanted->name) != 0)
        return true;
    wanted->object = *object;
    wanted->found = true;
    return false;
}

static const char *type_of(const char *kind)
{
    return strcmp(kind, "picture") == 0 ? "image/png"
        : strcmp(kind, "json") == 0 ? "application/json" : "application/dicom";
}

/* `rest`: JOB/NAME. The name is compared with the index, and the file opened by the index's. */
static void send_object(const struct api *api, const char *uid, const char *rest,
                        struct api_answer *answer)
{
    struct error err;
    struct store_job job;
    char number[24], path[1200];
    const char *const slash = strchr(rest, '/');
    struct wanted wanted = { .name = slash == NULL ? "" : slash + 1 };
    long long id = 0;

    if (slash == NULL || !text_format(number, sizeof number, "%.*s", (int)(slash - rest), rest)
        || !text_to_int(number, 1, INT64_MAX, &id)
        || !store_find_job(api->store, id, &job, &err) || strcmp(job.study_uid, uid) != 0
        || !store_each_object(api->store, id, match_object, &wanted, &err)
        || !wanted.found) {
        api_sentence(answer, 404, "no such object");
        return;
    }
    text_format(path, sizeof path, "%s/results/%lld/%s", api->config->data_dir, id,
                wanted.object.name);
    answer->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (answer->fd < 0) {
        api_sentence(answer, 500, "the object's file cannot be opened");
        return;
    }
    answer->status = 200;
    answer->type = type_of(wanted.object.kind);
    answer->size = (size_t)wanted.object.size;
    answer->attachment = strcmp(answer->type, "application/dicom") == 0;
    text_format(answer->name, sizeof answer->name, "%s", wanted.object.name);
}

/* ---- the node ---- */

static void show_node(const struct api *api, const struct api_request *request,
                      struct api_answer *answer)
{
    struct error err;
    char import_ae[17] = "";
    json_t *const object = json_pack("{s:s s:s s:i s:i}", "version", VERSION, "ae_title",
                                     api->config->ae_title, "dicom_port", api->config->port,
                                     "web_port", api->config->web_port);

    if (request->trusted) {
        store_note(api->store, "import_ae", import_ae, sizeof import_ae, &err);
        json_object_set_new(object, "import_ae", json_string(import_ae));
        json_object_set_new(object, "data_dir", text(api->config->data_dir));
    }
    answer_json(answer, 200, object);
}

static bool add_damage(const char *path, const char *damage, const char *study_uid,
                       int64_t found_ms, void *context)
{
    return json_array_append_new(context, json_pack(
        "{s:s s:s s:s s:I}", "path", path, "damage", damage, "study_uid", study_uid,
        "found_ms", (json_int_t)found_ms)) == 0;
}

static json_t *kept_object(const struct store_kept *kept)
{
    return json_pack("{s:I s:I s:I s:I s:I s:I}", "damaged", (json_int_t)kept->damaged,
                     "duplicates", (json_int_t)kept->duplicates, "held",
                     (json_int_t)kept->held, "removed", (json_int_t)kept->removed,
                     "never_checked", (json_int_t)kept->unchecked, "oldest_check_ms",
                     (json_int_t)kept->oldest_ms);
}

/* Days until the files of TLS expire, or why that cannot be told. */
static json_t *expiry(const struct config *config)
{
    json_t *const object = json_object();
    const char *const files[][2] = { { "certificate", config->tls_certificate },
                                     { "authorities", config->tls_authorities } };
    struct error err;
    int days;

    for (int i = 0; i < 2; i++)
        if (files[i][1][0] != '\0')
            json_object_set_new(object, files[i][0],
                                tls_file_days_left(files[i][1], &days, &err)
                                    ? json_integer(days) : json_string(err.text));
    return object;
}

static void show_status(const struct api *api, struct api_answer *answer)
{
    struct error err;
    struct store_counts counts;
    struct store_kept kept;
    json_t *const open = json_array(), *const jobs = json_object();
    json_t *const deliveries = json_object(), *const damaged = json_array();

    if (!store_count(api->store, &counts, &err)
        || !store_count_kept(api->store, &kept, &err)
        || !store_each_damage(api->store, add_damage, damaged, &err)
        || !store_each_delivery(api->store, NULL, add_delivery, open, &err)) {
        answer_error(answer, &err);
        return;
    }
    for (int state = 0; state < 6; state++)
        json_object_set_new(jobs, job_states[state], json_integer(counts.jobs[state]));
    for (int state = 0; state < DELIVERY_STATES; state++)
        json_object_set_new(deliveries, delivery_states[state],
                            json_integer(counts.deliveries[state]));
    answer_json(answer, 200, json_pack(
        "{s:I s:I s:I s:o s:o s:o s:o s:o s:o}", "studies", (json_int_t)counts.studies, "series",
        (json_int_t)counts.series, "instances", (json_int_t)counts.instances, "jobs", jobs,
        "deliveries", deliveries, "open_deliveries", open, "files", kept_object(&kept),
        "damaged", damaged, "tls_days_left", expiry(api->config)));
}

static void show_ready(const struct api *api, struct api_answer *answer)
{
    struct error err;
    struct store_counts counts;

    if (access(api->config->data_dir, W_OK | X_OK) != 0)
        api_sentence(answer, 503, "the data folder is not writable");
    else if (!store_count(api->store, &counts, &err))
        answer_json(answer, 503, json_pack("{s:s}", "error", err.text));
    else
        answer_json(answer, 200, json_pack("{s:b}", "ready", 1));
}

/* How tumorctl calls a peer as the node does; files, not keys. */
static void list_peers(const struct api *api, struct api_answer *answer)
{
    const struct config *const config = api->config;
    json_t *const peers = json_array();

    for (size_t i = 0; i < config->peer_count; i++)
        json_array_append_new(peers, json_pack(
            "{s:s s:s s:s s:i s:b s:s s:s s:i}", "name", config->peer[i].name, "ae_title",
            config->peer[i].ae_title, "host", config->peer[i].host, "port",
            config->peer[i].port, "tls", config->peer[i].tls, "retrieve",
            config_retrieve_words[config->peer[i].retrieve], "retrieve_hours",
            config->peer[i].retrieve_hours, "max_mib_s", config->peer[i].max_mib_s));
    answer_json(answer, 200, json_pack(
        "{s:o s:s s:s s:s}", "peers", peers, "tls_certificate", config->tls_certificate,
        "tls_key", config->tls_key, "tls_authorities", config->tls_authorities));
}

static bool add_uid(const struct store_instance *instance, void *context)
{
    return json_array_append_new(context, json_string(instance->sop_uid)) == 0;
}

static bool add_uids(const struct store_series *series, void *context)
{
    return json_array_append_new(context, json_string(series->series_uid)) == 0;
}

/* The SOP Instance UIDs of the received instances of a study. */
static void list_instances(const struct api *api, const char *uid, struct api_answer *answer)
{
    struct error err;
    json_t *const series = json_array(), *const list = json_array(), *one;
    size_t index;
    bool good = store_each_series(api->store, uid, add_uids, series, &err);

    json_array_foreach(series, index, one)
        good = good && store_each_instance(api->store, json_string_value(one), add_uid, list, &err);
    json_decref(series);
    if (good) {
        answer_json(answer, 200, list);
    } else {
        json_decref(list);
        answer_error(answer, &err);
    }
}

static void list_studies(const struct api *api, struct api_answer *answer)
{
    struct error err;
    json_t *const list = json_array();

    if (store_each_study(api->store, add_study, list, &err))
        answer_json(answer, 200, list);
    else {
        json_decref(list);
        answer_error(answer, &err);
    }
}

/* ---- statistics ---- */

static long read_stats(void *context, char *buffer, size_t size)
{
    return stats_read(context, buffer, size);
}

static void end_stats(void *context)
{
    stats_free(context);
}

/* `path` follows /api/stats: nothing, /studies/UID, or /patients/ID, which may have slashes. */
static void show_stats(const struct api *api, const char *path, struct api_answer *answer)
{
    const bool study = strncmp(path, "/studies/", 9) == 0;
    const bool patient = strncmp(path, "/patients/", 10) == 0;
    struct error err;

    if (path[0] != '\0' && !patient && !(study && text_is_uid(path + 9))) {
        api_sentence(answer, 404, study ? "no such study" : "no such page");
        return;
    }
    struct stats *const stats = stats_new(
        api->store, study ? STATS_STUDY : patient ? STATS_PATIENT : STATS_ALL,
        study ? path + 9 : patient ? path + 10 : NULL, &err);
    if (stats == NULL) {
        answer_error(answer, &err);
        return;
    }
    answer->status = 200;
    answer->type = "application/x-ndjson";
    answer->stream = (struct api_stream){ read_stats, end_stats, stats };
}

static void call_echo(const struct api *api, const char *name, struct api_answer *answer)
{
    const struct config_peer *const peer = config_peer_by_name(api->config, name);
    struct error err;
    uint16_t status = 0;
    char text_status[8];

    if (peer == NULL || peer->port == 0) {
        api_sentence(answer, 404, "no peer of this name can be called");
        return;
    }
    struct association_target target;
    struct association *association = NULL;

    if (target_make(api->config, peer, &target, &err)) {
        target.timeout_s = 10;
        association = association_request(&target, NULL, 0, &err);
    }
    const bool good = association != NULL && association_echo(association, &status, &err);
    if (good)
        association_release(association);
    else
        association_abort(association);
    text_format(text_status, sizeof text_status, "%04X", status);
    if (good)
        answer_json(answer, 200, json_pack("{s:s s:s}", "peer", peer->name, "status",
                                           text_status));
    else
        answer_error(answer, &err);
}

/* ---- routes ---- */

/* /api/studies/UID[/…]: what follows the UID, without its slash, in `ret_rest`. */
static bool split_study(const char *path, char uid[TEXT_UID_SIZE], const char **ret_rest)
{
    const size_t length = strcspn(path, "/");

    if (!text_format(uid, TEXT_UID_SIZE, "%.*s", (int)(length > 64 ? 64 : length), path)
        || length > 64 || !text_is_uid(uid))
        return false;
    *ret_rest = path[length] == '/' ? path + length + 1 : path + length;
    return true;
}

static void answer_study(const struct api *api, const struct api_request *request,
                         const char *path, struct api_answer *answer)
{
    char uid[TEXT_UID_SIZE];
    const char *rest = "";

    if (!split_study(path, uid, &rest))
        api_sentence(answer, 404, "no such study");
    else if (strcmp(rest, "resend") == 0 && request->post)
        resend(api, uid, answer);
    else if (strcmp(rest, "rerun") == 0 && request->post)
        rerun(api, uid, answer);
    else if (strcmp(rest, "hold") == 0 && request->post)
        hold(api, uid, true, answer);
    else if (strcmp(rest, "release") == 0 && request->post)
        hold(api, uid, false, answer);
    else if (request->post)
        api_sentence(answer, 405, "this is not for POST");
    else if (rest[0] == '\0')
        show_study(api, request, uid, answer);
    else if (strcmp(rest, "why") == 0)
        show_why(api, request, uid, answer);
    else if (strcmp(rest, "instances") == 0)
        list_instances(api, uid, answer);
    else if (strncmp(rest, "objects/", 8) == 0)
        send_object(api, uid, rest + 8, answer);
    else
        api_sentence(answer, 404, "no such page");
}

void api_answer(const struct api *api, const struct api_request *request,
                struct api_answer *ret_answer)
{
    const char *const path = request->path;

    *ret_answer = (struct api_answer){ .fd = -1 };
    if (request->post && !request->trusted)
        api_sentence(ret_answer, 405, "this side is for reading only");
    else if (strncmp(path, "/api/studies/", 13) == 0)
        answer_study(api, request, path + 13, ret_answer);
    else if (strncmp(path, "/api/echo/", 10) == 0 && request->post)
        call_echo(api, path + 10, ret_answer);
    else if (request->post)
        api_sentence(ret_answer, 405, "this is not for POST");
    else if (strcmp(path, "/healthz") == 0)
        answer_json(ret_answer, 200, json_pack("{s:b}", "healthy", 1));
    else if (strcmp(path, "/readyz") == 0)
        show_ready(api, ret_answer);
    else if (strcmp(path, "/api/node") == 0)
        show_node(api, request, ret_answer);
    else if (strcmp(path, "/api/peers") == 0 && request->trusted)
        list_peers(api, ret_answer);
    else if (strcmp(path, "/api/status") == 0)
        show_status(api, ret_answer);
    else if (strncmp(path, "/api/stats", 10) == 0 && (path[10] == '/' || path[10] == '\0'))
        show_stats(api, path + 10, ret_answer);
    else if (strcmp(path, "/api/studies") == 0)
        list_studies(api, ret_answer);
    else
        api_sentence(ret_answer, 404, "no such page");
}
