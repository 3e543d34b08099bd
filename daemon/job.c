/* Job: JSON bodies by jansson, and the key by SHA-256. */
#include "daemon/job.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/methods.h"
#include "analysis/organs.h"
#include "util/error.h"

#define MISSING_SLICES 1            /* analysis_defaults()'s; results with it keep the names they have */
/* Changes when the same inputs and parameters would give other results. */
#define RESULTS_VERSION "tumord-results-2"

static const char *const polarity_names[] = { "bright", "dark", "both" };
static const char *const suv_names[] = { "bw", "lbm", "lbm_james128", "lbm_janma", "bsa" };
static const char *const engine_names[] = { "fixed", "simulated-hardware" };
static const char *const masks_names[] = { "use", "beside", "ignore" };
static const char *const kind_names[] = { "seg", "sr", "sc", "picture", "json", "ko" };

const char *job_kind_name(enum report_kind kind)
{
    return kind_names[kind];
}

/* What the rules for quality say otherwise than by default; NULL for nothing. */
static json_t *quality_object(const struct quality_rules *rules)
{
    json_t *const object = json_object();

    if (rules->own_stops) {
        json_t *const stops = json_array();
        for (int kind = 0; kind < QUALITY_KINDS; kind++)
            if (rules->stop_on >> kind & 1)
                json_array_append_new(stops,
                                      json_string(quality_name((enum quality_kind)kind)));
        json_object_set_new(object, "stop_on", stops);
    }
    for (int kind = 0; kind < QUALITY_KINDS; kind++)
        if (rules->own_bounds >> kind & 1)
            json_object_set_new(object, quality_name((enum quality_kind)kind),
                                json_real(rules->bound[kind]));
    return object;
}

static bool parse_quality(const json_t *object, struct quality_rules *ret_rules)
{
    const char *name;
    json_t *value;
    struct quality_rules rules = { .own_stops = json_object_get(object, "stop_on") != NULL };
    const json_t *const stops = json_object_get(object, "stop_on");

    if (!json_is_object(object) || (stops != NULL && !json_is_array(stops)))
        return false;
    for (size_t i = 0; i < json_array_size(stops); i++) {
        name = json_string_value(json_array_get(stops, i));
        const enum quality_kind kind = name == NULL ? QUALITY_KINDS : quality_find(name);
        if (kind == QUALITY_KINDS)
            return false;
        rules.stop_on |= 1u << kind;
    }
    json_object_foreach((json_t *)object, name, value) {
        const enum quality_kind kind = quality_find(name);
        if (strcmp(name, "stop_on") == 0)
            continue;
        if (kind == QUALITY_KINDS || !json_is_number(value))
            return false;
        rules.own_bounds |= 1u << kind;
        rules.bound[kind] = json_number_value(value);
    }
    *ret_rules = rules;
    return true;
}

static json_t *lay_on_list(unsigned roles)
{
    json_t *const list = json_array();

    for (int role = 0; role < LAID_ROLES; role++)
        if (roles >> role & 1)
            json_array_append_new(list, json_string(laid_role_name((enum laid_role)role)));
    return list;
}

static bool parse_lay_on(const json_t *list, unsigned *ret_roles)
{
    unsigned roles = 0;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const name = json_string_value(json_array_get(list, i));
        const enum laid_role role = name == NULL ? LAID_ROLES : laid_role_find(name);
        if (role == LAID_ROLES)
            return false;
        roles |= 1u << role;
    }
    *ret_roles = roles;
    return roles != 0;
}

/* NULL when there are none. */
static json_t *window_object(const struct analysis_parameters *parameters)
{
    json_t *object = NULL;

    for (int id = 0; id < ORGAN_WINDOWS; id++) {
        const struct organ_window *const window = &parameters->window[id];
        if (!(window->width > 0))
            continue;
        object = object != NULL ? object : json_object();
        json_object_set_new(object, organs_window_name((enum organ_window_id)id),
                            json_pack("[f,f]", window->center, window->width));
    }
    return object;
}

static bool parse_windows(json_t *object, struct analysis_parameters *parameters)
{
    const char *name;
    json_t *value;

    json_object_foreach (object, name, value) {
        const enum organ_window_id id = organs_window_find(name);
        struct organ_window window;
        if (id == ORGAN_WINDOWS
            || json_unpack(value, "[F,F!]", &window.center, &window.width) != 0
            || !(window.width > 0))
            return false;
        parameters->window[id] = window;
    }
    return json_is_object(object);
}

char *job_parameters_text(const struct analysis_parameters *parameters, struct error *err)
{
    json_t *const object = json_pack(
        "{s:s s:f s:f s:s s:f s:f s:f s:b}", "method", parameters->method,
        "window_center", parameters->window_center,
        "window_width", parameters->window_width,
        "polarity", polarity_names[parameters->polarity],
        "min_lesion_mm3", parameters->min_lesion_mm3,
        "min_contrast", parameters->min_contrast,
        "max_fraction", parameters->max_fraction, "flatten", parameters->flatten);
    if (parameters->masks != MASKS_USE)
        json_object_set_new(object, "masks", json_string(masks_names[parameters->masks]));
    if (parameters->split > 0)          /* results without it keep the names that they have */
        json_object_set_new(object, "split", json_real(parameters->split));
    if (parameters->otsu_bins != OTSU_BINS_256)
        json_object_set_new(object, "otsu_bins", json_integer(64));
    if (parameters->engine != ENGINE_FIXED)
        json_object_set_new(object, "engine", json_string(engine_names[parameters->engine]));
    if (parameters->synthesis_mm > 0)
        json_object_set_new(object, "synthesis_mm", json_real(parameters->synthesis_mm));
    if (parameters->suv_threshold > 0)
        json_object_set_new(object, "suv_threshold", json_real(parameters->suv_threshold));
    if (parameters->suv > 0)
        json_object_set_new(object, "suv", json_string(suv_names[parameters->suv]));
    if (parameters->organ[0] != '\0')
        json_object_set_new(object, "organ", json_string(parameters->organ));
    if (parameters->max_missing_slices != MISSING_SLICES)
        json_object_set_new(object, "max_missing_slices",
                            json_integer(parameters->max_missing_slices));
    if (parameters->lay_on != 0)
        json_object_set_new(object, "lay_on", lay_on_list(parameters->lay_on));
    json_t *const windows = window_object(parameters);
    if (windows != NULL)
        json_object_set_new(object, "windows", windows);
    if (parameters->organs)
        json_object_set_new(object, "organs", json_true());
    if (parameters->quality.own_stops || parameters->quality.own_bounds != 0)
        json_object_set_new(object, "quality", quality_object(&parameters->quality));
    char *const text = object == NULL ? NULL
        : json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(15));

    json_decref(object);
    return text != NULL ? text : error_null(err, ERROR_MEMORY, "parameters as JSON");
}

/* The index of `name` in `names`, or -1. */
static int find_name(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

bool job_parameters_parse(const char *text, struct analysis_parameters *ret_parameters,
                          struct error *err)
{
    struct analysis_parameters parameters = { .max_missing_slices = MISSING_SLICES,
                                              .threads = 1 };
    const char *method, *polarity, *suv = suv_names[0], *masks = masks_names[MASKS_USE],
               *engine = engine_names[ENGINE_FIXED], *organ = "";
    json_t *quality = NULL, *lay_on = NULL, *windows = NULL;
    int flatten, organs = 0, otsu_bins = 256;
    json_t *const object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const bool unpacked = object != NULL && json_unpack(
        object, "{s:s s:F s:F s:s s:F s:F s:F s:b s?F s?F s?s s?F s?s s?o s?i s?o s?b s?o s?s s?i s?s !}", "method", &method,
        "window_center", &parameters.window_center,
        "window_width", &parameters.window_width, "polarity", &polarity,
        "min_lesion_mm3", &parameters.min_lesion_mm3,
        "min_contrast", &parameters.min_contrast,
        "max_fraction", &parameters.max_fraction, "flatten", &flatten, "split",
        &parameters.split, "synthesis_mm", &parameters.synthesis_mm, "suv", &suv, "suv_threshold",
        &parameters.suv_threshold, "masks", &masks, "quality",
        &quality, "max_missing_slices", &parameters.max_missing_slices, "lay_on", &lay_on,
        "organs", &organs, "windows", &windows, "engine", &engine,
        "otsu_bins", &otsu_bins, "organ", &organ) == 0;
    const int found = unpacked ? find_name(polarity, polarity_names, 3) : -1;
    const int policy = unpacked ? find_name(masks, masks_names, 3) : -1;
    const int who = unpacked ? find_name(engine, engine_names, 2) : -1;
    parameters.suv = unpacked ? find_name(suv, suv_names, 5) : -1;
    const bool good = found >= 0 && policy >= 0 && who >= 0 && parameters.suv >= 0
        && (otsu_bins == 64 || otsu_bins == 256) && parameters.max_missing_slices >= 0 && parameters.max_missing_slices <= 10
        && (windows == NULL || parse_windows(windows, &parameters))
        && (lay_on == NULL || parse_lay_on(lay_on, &parameters.lay_on))
        && (quality == NULL || parse_quality(quality, &parameters.quality))
        && (organ[0] == '\0' || organs_name_is_known(organ, NULL))
        && text_format(parameters.organ, sizeof parameters.organ, "%s", organ)
        && text_format(parameters.method, sizeof parameters.method, "%s", method);

    json_decref(object);
    if (!good)
        return error_set(err, ERROR_DATA, "parameters that are not ours");
    parameters.polarity = (enum polarity)found;
    parameters.masks = (enum masks_policy)policy;
    parameters.engine = (enum analysis_engine)who;
    parameters.otsu_bins = otsu_bins == 64 ? OTSU_BINS_64 : OTSU_BINS_256;
    parameters.flatten = flatten != 0;
    parameters.organs = organs != 0;
    *ret_parameters = parameters;
    return true;
}

/*
 * What the method's version adds to a key: the first nothing, so that the results that there are keep
 * their names.
 */
static void add_version(const char *parameters, struct digest *digest)
{
    const char *name = "";
    json_t *const object = json_loads(parameters, 0, NULL);

    if (object != NULL)
        json_unpack(object, "{s:s}", "method", &name);
    const struct methods_entry *const method = methods_find(name);
    if (method != NULL && strcmp(method->version, "1") != 0)
        digest_add(digest, method->version, strlen(method->version) + 1);
    json_decref(object);
}

static int compare_digests(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_sorted(struct digest *digest, const char **list, size_t count)
{
    qsort(list, count, sizeof *list, compare_digests);
    for (size_t i = 0; i < count; i++)
        digest_add(digest, list[i], strlen(list[i]));
}

void job_key(const char (*digests)[DIGEST_HEX_SIZE], size_t count, size_t masks,
             const char *parameters, char ret_key[DIGEST_HEX_SIZE])
{
    struct error err;
    unsigned char value[DIGEST_SIZE];
    struct digest *const digest = digest_new(&err);
    const char **const list = malloc((count + masks + 1) * sizeof *list);

    if (digest == NULL || list == NULL)
        abort();                        /* a few bytes: there is no going on without them */
    for (size_t i = 0; i < count + masks; i++)
        list[i] = digests[i];
    digest_add(digest, RESULTS_VERSION "\n", sizeof RESULTS_VERSION);
    digest_add(digest, parameters, strlen(parameters));
    add_version(parameters, digest);
    add_sorted(digest, list, count);
    if (masks > 0)                      /* results without masks keep the names that they have */
        digest_add(digest, "masks", sizeof "masks");
    add_sorted(digest, list + count, masks);
    digest_finish(digest, value);
    digest_hex(value, ret_key);
    free(list);
    digest_free(digest);
}

/* Dumps `object`, which it takes over, into the buffer. */
static bool dump(json_t *object, char *buffer, size_t size, struct error *err)
{
    char *const text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    const bool fits = text != NULL && text_format(buffer, size, "%s", text);

    free(text);
    json_decref(object);
    return fits || error_set(err, ERROR_LIMIT, "a message body over %zu bytes", size);
}

static json_t *superseded_list(const struct job *job)
{
    json_t *const list = json_array();

    for (size_t i = 0; i < job->superseded_count; i++)
        json_array_append_new(list, json_pack(
            "[s, s, s]", job->superseded[i].sop_class_uid, job->superseded[i].sop_uid,
            job->superseded[i].series_uid));
    return list;
}

static bool parse_superseded(json_t *list, struct job *job)
{
    const char *class_uid, *sop, *series;

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct report_superseded *const one = &job->superseded[job->superseded_count];
        if (job->superseded_count == JOB_MAX_SUPERSEDED
            || json_unpack(json_array_get(list, i), "[s, s, s]", &class_uid, &sop, &series) != 0
            || !text_is_uid(class_uid) || !text_is_uid(sop) || !text_is_uid(series))
            return false;
        text_format(one->sop_class_uid, TEXT_UID_SIZE, "%s", class_uid);
        text_format(one->sop_uid, TEXT_UID_SIZE, "%s", sop);
        text_format(one->series_uid, TEXT_UID_SIZE, "%s", series);
        job->superseded_count++;
    }
    return true;
}

size_t job_files(const struct job *job)
{
    size_t count = job->file_count + job->mask_count;

    for (size_t i = 0; i < job->companion_count; i++)
        count += job->companion[i].files;
    return count;
}

static json_t *companion_list(const struct job *job)
{
    json_t *const list = json_array();

    for (size_t i = 0; i < job->companion_count; i++)
        json_array_append_new(list, json_pack(
            "[s, s, I]", laid_role_name(job->companion[i].role), job->companion[i].series_uid,
            (json_int_t)job->companion[i].files));
    return list;
}

static bool parse_companions(json_t *list, struct job *job)
{
    const char *role, *uid;
    json_int_t files;

    for (size_t i = 0; i < json_array_size(list); i++) {
        struct job_companion *const one = &job->companion[job->companion_count];
        if (job->companion_count == SLICES_MAX_COMPANIONS
            || json_unpack(json_array_get(list, i), "[s, s, I]", &role, &uid, &files) != 0
            || !text_is_uid(uid) || files < 1)
            return false;
        one->role = laid_role_find(role);
        one->files = (size_t)files;
        text_format(one->series_uid, TEXT_UID_SIZE, "%s", uid);
        if (one->role == LAID_ROLES)
            return false;
        job->companion_count++;
    }
    return true;
}

bool job_body(const struct job *job, char *buffer, size_t size, struct error *err)
{
    return dump(json_pack("{s:s s:s s:s s:i s:I s:I s:i s:i s:s s:o s:o}", "key", job->key,
                          "created", job->created, "modality", job->modality,
                          "series_number", (int)job->series_number,
                          "files", (json_int_t)job->file_count,
                          "masks", (json_int_t)job->mask_count,
                          "time_limit_s", job->time_limit_s,
                          "threads", job->parameters.threads,
                          "parameters", job->parameter_text,
                          "superseded", superseded_list(job), "companions",
                          companion_list(job)),
                buffer, size, err);
}

bool job_parse(const char *body, struct job *ret_job, struct error *err)
{
    const char *key, *created, *modality, *parameters;
    int series_number, threads;
    json_int_t files, masks = 0;
    json_t *superseded = NULL, *companions = NULL;
    struct job job = { .id = ret_job->id, .lease = ret_job->lease };
    json_t *const object = json_loads(body, 0, NULL);
    bool good = object != NULL && json_unpack(
        object, "{s:s s:s s:s s:i s:I s?I s:i s:i s:s s?o s?o}", "key", &key, "created", &created,
        "modality", &modality, "series_number", &series_number, "files", &files, "masks", &masks,
        "time_limit_s", &job.time_limit_s, "threads", &threads,
        "parameters", &parameters, "superseded", &superseded,
        "companions", &companions) == 0
        && parse_superseded(superseded, &job) && parse_companions(companions, &job)
        && text_format(job.key, sizeof job.key, "%s", key)
        && text_format(job.created, sizeof job.created, "%s", created)
        && text_format(job.modality, sizeof job.modality, "%s", modality)
        && files >= 0 && masks >= 0
        && job_parameters_parse(parameters, &job.parameters, err)
        && (job.parameter_text = strdup(parameters)) != NULL;

    json_decref(object);
    if (!good)
        return error_set(err, ERROR_DATA, "a job message that is not ours");
    job.series_number = series_number;
    job.file_count = (size_t)files;
    job.mask_count = (size_t)masks;
    job.parameters.threads = threads;
    *ret_job = job;
    return true;
}

void job_clear(struct job *job)
{
    free(job->parameter_text);
    job->parameter_text = NULL;
}

bool job_result_body(const struct job_result *result, char *buffer, size_t size,
                     struct error *err)
{
    json_t *const list = json_array();

    for (size_t i = 0; i < result->count; i++)
        json_array_append_new(list, json_pack(
            "{s:s s:s s:s s:s s:s s:s s:I}", "kind", kind_names[result->object[i].kind],
            "name", result->object[i].name, "class", result->object[i].sop_class_uid,
            "sop", result->object[i].sop_uid, "series", result->object[i].series_uid,
            "sha256", result->object[i].sha256, "size",
            (json_int_t)result->object[i].size));
    return dump(json_pack("{s:s s:f s:f s:o}", "reason", result->reason,
                          "seconds", result->seconds, "peak_mib", result->peak_mib,
                          "objects", list), buffer, size, err);
}

/* A name of one of our results: letters, digits, '-', and one dot inside. */
static bool is_result_name(const char *name)
{
    return name[0] != '.' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")
        == strlen(name) && strstr(name, "..") == NULL;
}

static bool parse_object(json_t *item, struct job_result *result)
{
    const char *kind, *name, *class_uid, *sop, *series, *sha256;
    json_int_t size;

    if (result->count == JOB_MAX_RESULTS
        || json_unpack(item, "{s:s s:s s:s s:s s:s s:s s:I}", "kind", &kind, "name", &name,
                       "class", &class_uid, "sop", &sop, "series", &series,
                       "sha256", &sha256, "size", &size) != 0)
        return false;
    const int found = find_name(kind, kind_names, 6);
    const size_t at = result->count;
    if (found < 0 || size < 0 || name[0] == '\0' || !is_result_name(name)
        || (sop[0] != '\0' && !text_is_uid(sop)))
        return false;
    result->object[at].kind = (enum report_kind)found;
    result->object[at].size = (size_t)size;
    result->count++;
    return text_format(result->object[at].name, sizeof result->object[at].name, "%s", name)
        && text_format(result->object[at].sop_class_uid, TEXT_UID_SIZE, "%s", class_uid)
        && text_format(result->object[at].sop_uid, TEXT_UID_SIZE, "%s", sop)
        && text_format(result->object[at].series_uid, TEXT_UID_SIZE, "%s", series)
        && text_format(result->object[at].sha256, DIGEST_HEX_SIZE, "%s", sha256);
}

bool job_result_parse(const char *body, struct job_result *ret_result, struct error *err)
{
    struct job_result *const result = ret_result;
    const char *reason;
    json_t *list, *const object = json_loads(body, 0, NULL);
    bool good = object != NULL
        && json_unpack(object, "{s:s s:F s:F s:o}", "reason", &reason,
                       "seconds", &result->seconds, "peak_mib", &result->peak_mib,
                       "objects", &list) == 0;

    result->count = 0;
    if (good)
        snprintf(result->reason, sizeof result->reason, "%s", reason);
    for (size_t i = 0; good && i < json_array_size(list); i++)
        good = parse_object(json_array_get(list, i), result);
    json_decref(object);
    return good || error_set(err, ERROR_DATA, "a result message that is not ours");
}
