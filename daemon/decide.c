/* Decide: exclusions first (own results, other algorithms' objects, localizers), then rules. */
#include "daemon/decide.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/laid.h"
#include "analysis/methods.h"
#include "daemon/companion.h"
#include "daemon/config.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/prior.h"
#include "daemon/rank.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "dicom/uid.h"
#include "util/error.h"

#define SERIES_NUMBER_BASE 9000     /* dicom-objects: base + 100 a run, + kind */

struct listed {
    char uid[TEXT_UID_SIZE];
    int64_t job;
    char lost[240];                 /* why another one was chosen; "": it was not lost */
};

struct list {                       /* the series of a study */
    size_t count, room;
    struct listed *series;
    bool failed;
};

static bool collect(const struct store_series *series, void *context)
{
    struct list *const list = context;

    if (list->count == list->room) {
        const size_t room = list->room == 0 ? 16 : 2 * list->room;
        void *const more = reallocarray(list->series, room, sizeof *list->series);
        if (more == NULL) {
            list->failed = true;
            return false;
        }
        list->series = more;
        list->room = room;
    }
    struct listed *const one = &list->series[list->count++];
    memcpy(one->uid, series->series_uid, TEXT_UID_SIZE);
    one->job = series->job;
    one->lost[0] = '\0';
    return true;
}

/* ---- exclusions ---- */

static bool is_one_of(const char *value, const char *const *list)
{
    for (; *list != NULL; list++)
        if (value != NULL && strcmp(value, *list) == 0)
            return true;
    return false;
}

/* A class that no analysis reads, in words, or NULL. The prefixes end where the UID may. */
static const char *excluded_class(const char *uid)
{
    static const struct { const char *prefix, *what; } classes[] = {
        { "1.2.840.10008.5.1.4.1.1.7.", "secondary capture" },
        { "1.2.840.10008.5.1.4.1.1.30", "parametric map" },
        { "1.2.840.10008.5.1.4.1.1.66.", "segmentation or registration" },
        { "1.2.840.10008.5.1.4.1.1.67", "real world value mapping" },
        { "1.2.840.10008.5.1.4.1.1.88.", "structured report" },
        { "1.2.840.10008.5.1.4.1.1.11.", "presentation state" },
        { "1.2.840.10008.5.1.4.1.1.104.", "encapsulated document" },
        { "1.2.840.10008.5.1.4.1.1.481.3", "radiotherapy structure set" },
        { "1.2.840.10008.5.1.4.1.1.481.", "radiotherapy object" },
        { "1.2.840.10008.5.1.4.1.1.9.", "waveform" },
    };

    if (strcmp(uid, "1.2.840.10008.5.1.4.1.1.7") == 0)
        return "secondary capture";
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(uid, classes[i].prefix, strlen(classes[i].prefix)) == 0)
            return classes[i].what;
    return NULL;
}

static bool is_ours(struct store *store, struct slices *slices, bool *ret_is,
                    struct error *err)
{
    const char *const maker = slices_tag("Manufacturer", slices);
    const char *const model = slices_tag("ManufacturerModelName", slices);

    *ret_is = maker != NULL && model != NULL && strcmp(maker, UID_MANUFACTURER) == 0
        && strcmp(model, UID_MODEL) == 0;
    return *ret_is || store_is_result(store, slices_sop_uid(slices, 0), ret_is, err);
}

/* Is `value` one of the values of the indexed tag? */
static bool has_value(struct slices *slices, const char *keyword, const char *value)
{
    char copy[1024];
    char *rest = copy, *one;
    const char *const text = slices_tag(keyword, slices);

    if (text == NULL)
        return false;
    snprintf(copy, sizeof copy, "%s", text);
    while ((one = strsep(&rest, "\\")) != NULL)
        if (strcmp(text_trim(one), value) == 0)
            return true;
    return false;
}

/* Writes why the series is no candidate for analysis; false when it is one. */
static bool excluded(struct slices *slices, char *reason, size_t size)
{
    static const char *const others[] = { "SEG", "SR", "KO", "PR", "RTSTRUCT", "M3D", NULL };
    const char *const modality = slices_modality(slices);
    const char *const what = excluded_class(slices_class_uid(slices, 0));
    const size_t count = slices_count(slices);
    const char *const plural = count == 1 ? "" : "s";

    if (is_one_of(modality, others))
        snprintf(reason, size, "an object of another program, not an acquisition: %s",
                 modality);
    else if (what != NULL)
        snprintf(reason, size, "not an acquisition: %s", what);
    else if (has_value(slices, "ImageType", "LOCALIZER"))
        snprintf(reason, size, "localizer, %zu slice%s", count, plural);
    else if (slices_tag("Rows", slices) == NULL)
        snprintf(reason, size, "not an image: no Rows (modality %s)",
                 modality[0] == '\0' ? "unknown" : modality);
    else
        return false;
    return true;
}

/* ---- jobs ---- */

static void effective(const struct config_analysis *analysis, const char *modality,
                      struct analysis_parameters *ret_parameters)
{
    const struct analysis_parameters *const own = &analysis->parameters;

    analysis_defaults(modality, ret_parameters);
    if (analysis->given & GIVEN_METHOD)
        memcpy(ret_parameters->method, own->method, sizeof own->method);
    if (analysis->given & GIVEN_WINDOW) {
        ret_parameters->window_center = own->window_center;
        ret_parameters->window_width = own->window_width;
    }
    if (analysis->given & GIVEN_POLARITY)
        ret_parameters->polarity = own->polarity;
    if (analysis->given & GIVEN_MIN_LESION)
        ret_parameters->min_lesion_mm3 = own->min_lesion_mm3;
    if (analysis->given & GIVEN_MIN_CONTRAST)
        ret_parameters->min_contrast = own->min_contrast;
    if (analysis->given & GIVEN_MAX_FRACTION)
        ret_parameters->max_fraction = own->max_fraction;
    if (analysis->given & GIVEN_SPLIT)
        ret_parameters->split = own->split;
    if (analysis->given & GIVEN_SYNTHESIS)
        ret_parameters->synthesis_mm = own->synthesis_mm;
    if (analysis->given & GIVEN_MASKS)
        ret_parameters->masks = own->masks;
    if (analysis->given & GIVEN_LAY_ON)
        ret_parameters->lay_on = own->lay_on;
    const struct methods_entry *const method = methods_find(ret_parameters->method);
    if (method != NULL && methods_wants_liver(method))
        ret_parameters->lay_on |= 1u << LAID_CT;    /* on which a liver can be found */
    if (analysis->given & GIVEN_QUALITY)
        ret_parameters->quality = own->quality;
    if (analysis->given & GIVEN_MISSING)
        ret_parameters->max_missing_slices = own->max_missing_slices;
    if (analysis->given & GIVEN_OTSU_BINS)
        ret_parameters->otsu_bins = own->otsu_bins;
    if (analysis->given & GIVEN_ENGINE)
        ret_parameters->engine = own->engine;
    if (analysis->given & GIVEN_FLATTEN)
        ret_parameters->flatten = own->flatten;
    if (analysis->given & GIVEN_WINDOWS && strcmp(modality, "CT") == 0)
        memcpy(ret_parameters->window, own->window, sizeof own->window);
    if (analysis->given & GIVEN_ORGANS)
        ret_parameters->organs = own->organs;
    if (method != NULL && method->needs_organ) {        /* which cannot be without the anatomy */
        snprintf(ret_parameters->organ, sizeof ret_parameters->organ, "%s",
                 analysis->given & GIVEN_ORGAN ? own->organ : strcmp(modality, "MR") == 0 ? "brain" : "liver");
        ret_parameters->organs = true;
    }
    if (analysis->given & GIVEN_SUV && strcmp(modality, "PT") == 0)
        ret_parameters->suv = own->suv;
    if (analysis->given & GIVEN_SUV_THRESHOLD && strcmp(modality, "PT") == 0)
        ret_parameters->suv_threshold = own->suv_threshold;
}

/* PS3.5 6.2: DT with the offset from UTC, here at the moment of queueing. */
static void write_created(int64_t now_ms, char *buffer, size_t size)
{
    const time_t seconds = (time_t)(now_ms / 1000);
    char date[16], offset[8];
    struct tm local;

    localtime_r(&seconds, &local);
    strftime(date, sizeof date, "%Y%m%d%H%M%S", &local);
    strftime(offset, sizeof offset, "%z", &local);
    text_format(buffer, size, "%s.%03d000%s", date, (int)(now_ms % 1000), offset);
}

static bool count_job(const struct store_job *job, void *context)
{
    (void)job;
    ++*(long *)context;
    return true;
}

static char *peer_names(const struct config_rule *rule)
{
    json_t *const names = json_array();

    for (size_t i = 0; i < rule->deliver_count; i++)
        json_array_append_new(names, json_string(rule->deliver_to[i]));
    char *const text = json_dumps(names, JSON_COMPACT);
    json_decref(names);
    return text;
}

static bool queue(struct store *store, const struct config *config,
                  const struct config_rule *rule, const char *study_uid,
                  const char *series_uid, struct slices *slices, int64_t now_ms,
                  struct error *err)
{
    const struct config_analysis *const analysis
        = config_analysis_by_name(config, rule->analysis);
    struct analysis_parameters parameters;
    struct store_job job = { .priority = 1, .reason = "", .findings = "" };
    long jobs = 0;
    int64_t id = 0;

    effective(analysis, slices_modality(slices), &parameters);
    if (parameters.masks != MASKS_IGNORE
        && !slices_add_masks(slices, store, study_uid, series_uid, err))
        return false;
    if (parameters.lay_on != 0
        && !companion_add(slices, store, study_uid, series_uid, parameters.lay_on, err))
        return false;
    if (!store_each_job(store, study_uid, count_job, &jobs, err))
        return false;
    char *const text = job_parameters_text(&parameters, err);
    char *const peers = peer_names(rule);
    job.parameters = text;
    job.deliver_to = peers;
    job.series_number = SERIES_NUMBER_BASE + 100 * jobs;
    job.queued_ms = now_ms;
    bool good = text != NULL && peers != NULL
        && text_format(job.study_uid, sizeof job.study_uid, "%s", study_uid)
        && text_format(job.series_uid, sizeof job.series_uid, "%s", series_uid)
        && text_format(job.rule, sizeof job.rule, "%s", rule->name)
        && text_format(job.analysis, sizeof job.analysis, "%s", rule->analysis);
    if (good) {
        slices_key(slices, text, job.key);
        write_created(now_ms, job.created, sizeof job.created);
        good = store_queue_job(store, &job, &id, err);
    }
    free(text);
    free(peers);
    return good;
}

static bool forward(struct store *store, const struct config *config,
                    const struct config_rule *rule, const char *series_uid, int64_t now_ms,
                    struct error *err)
{
    for (size_t i = 0; i < rule->forward_count; i++)
        if (!store_queue_originals(store, series_uid, rule->forward_to[i], now_ms,
                                   now_ms + 1000LL * config->deadline_s, err))
            return false;
    return true;
}

/* ---- the best of several ---- */

struct contest {                    /* the candidates of a study whose rules choose the best */
    size_t count;
    struct rank_facts facts[RANK_MAX_SERIES];
    struct listed *series[RANK_MAX_SERIES];
    const struct config_rule *rule[RANK_MAX_SERIES];
};

static bool any_chooses(const struct config *config)
{
    for (size_t i = 0; i < config->rule_count; i++)
        if (config->rule[i].choose == CHOOSE_BEST)
            return true;
    return false;
}

/*
 * Has it been analysed as it would be now, in vain? Then the next best has its turn, until more of
 * the study arrives or other parameters are to be tried.
 */
static bool has_failed(struct store *store, const struct config *config,
                       const struct config_rule *rule, const struct listed *one,
                       const char *modality, bool *ret_failed, struct error *err)
{
    const struct config_analysis *const analysis
        = config_analysis_by_name(config, rule->analysis);
    struct analysis_parameters parameters;
    struct store_study study;
    struct store_job job;

    *ret_failed = false;
    if (one->job == 0)
        return true;
    if (!store_find_job(store, one->job, &job, err))
        return false;
    effective(analysis, modality, &parameters);
    char *const text = job_parameters_text(&parameters, err);
    *ret_failed = text != NULL && (job.state == JOB_FAILED || job.state == JOB_QUARANTINED)
        && strcmp(text, job.parameters) == 0;
    const int64_t queued_ms = job.queued_ms;
    const bool good = text != NULL && store_find_study(store, job.study_uid, &study, err);
    *ret_failed = good && *ret_failed && queued_ms >= study.last_ms;
    free(text);
    return good;
}

/* Its masks count where its analysis would use them. */
static bool find_drawn(struct store *store, const struct config *config, const struct config_rule *rule,
                       const char *study_uid, const char *series_uid, struct slices *slices,
                       struct rank_facts *facts, struct error *err)
{
    struct analysis_parameters parameters;

    effective(config_analysis_by_name(config, rule->analysis), slices_modality(slices), &parameters);
    if (parameters.masks == MASKS_IGNORE)
        return true;
    if (!slices_add_masks(slices, store, study_uid, series_uid, err))
        return false;
    facts->drawn = slices_mask_count(slices) > 0;
    return true;
}

static bool enter(struct contest *contest, struct store *store, const struct config *config,
                  const char *study_uid, struct listed *one, struct error *err)
{
    char reason[200];
    bool ours = false, failed = false;
    struct slices *const slices = slices_of_series(store, one->uid, err);
    bool good = slices != NULL && is_ours(store, slices, &ours, err);
    const struct config_rule *const rule = !good || ours ? NULL
        : config_match(config, slices_tag, slices);

    if (rule != NULL && rule->choose == CHOOSE_BEST && rule->analysis[0] != '\0'
        && !excluded(slices, reason, sizeof reason)) {
        good = has_failed(store, config, rule, one, slices_modality(slices), &failed, err);
        if (good && !failed) {
            rank_read(slices, &contest->facts[contest->count]);
            good = find_drawn(store, config, rule, study_uid, one->uid, slices,
                              &contest->facts[contest->count], err);
            contest->series[contest->count] = one;
            contest->rule[contest->count++] = rule;
        }
    }
    slices_free(slices);
    return good;
}

static void tell_loss(const struct rank_facts *loser, const struct rank_facts *winner, char *reason,
                      size_t size)
{
    char against[160];

    rank_compare(loser, winner, against, sizeof against);
    if (winner->number >= 0)
        text_format(reason, size, "not analysed: series %ld was chosen; %s", winner->number,
                    against);
    else
        text_format(reason, size, "not analysed: another series was chosen; %s", against);
}

/* The candidates of one rule compete among themselves. */
static void judge_rule(struct contest *contest, const struct config_rule *rule)
{
    static struct rank_facts facts[RANK_MAX_SERIES];
    struct listed *series[RANK_MAX_SERIES];
    size_t by[RANK_MAX_SERIES], count = 0;

    for (size_t i = 0; i < contest->count; i++)
        if (contest->rule[i] == rule) {
            facts[count] = contest->facts[i];
            series[count++] = contest->series[i];
        }
    rank_choose(facts, count, by);
    for (size_t i = 0; i < count; i++)
        if (by[i] != i)
            tell_loss(&facts[i], &facts[by[i]], series[i]->lost, sizeof series[i]->lost);
}

static bool choose(struct store *store, const struct config *config, const char *study_uid,
                   struct list *list, struct error *err)
{
    char of_study[TEXT_UID_SIZE];
    bool good = store_prior_of(store, study_uid, of_study, err);

    if (!good || of_study[0] != '\0' || !any_chooses(config) || list->count < 2)
        return good;
    struct contest *const contest = calloc(1, sizeof *contest);
    if (contest == NULL)
        return error_set(err, ERROR_MEMORY, "the choice of a series");
    for (size_t i = 0; good && i < list->count && contest->count < RANK_MAX_SERIES; i++)
        good = enter(contest, store, config, study_uid, &list->series[i], err);
    for (size_t i = 0; good && i < config->rule_count; i++)
        if (config->rule[i].choose == CHOOSE_BEST)
            judge_rule(contest, &config->rule[i]);
    free(contest);
    return good;
}

static bool decide_series(struct store *store, const struct config *config,
                          const char *study_uid, const struct listed *one,
                          struct slices *slices, int64_t now_ms, struct error *err)
{
    const char *const series_uid = one->uid;
    char reason[200];
    bool ours = false;
    char of_study[TEXT_UID_SIZE];

    if (!is_ours(store, slices, &ours, err)
        || !store_prior_of(store, study_uid, of_study, err))
        return false;
    if (ours)
        return store_set_reason(store, series_uid, "a result of this program", err);
    const struct config_rule *const rule = config_match(config, slices_tag, slices);
    if (!store_set_retention(store, series_uid, rule == NULL ? 0 : rule->retention_days, err))
        return false;
    if (rule != NULL && of_study[0] == '\0' && !forward(store, config, rule, series_uid, now_ms, err))
        return false;
    if (of_study[0] != '\0') {
        snprintf(reason, sizeof reason, "not analysed: a prior of study %s", of_study);
        return store_set_reason(store, series_uid, reason, err);
    }
    if (excluded(slices, reason, sizeof reason))
        return store_set_reason(store, series_uid, reason, err);
    if (rule == NULL) {
        const char *const modality = slices_modality(slices);
        snprintf(reason, sizeof reason, modality[0] == '\0' ? "no rule matches: it has no Modality"
                 : "no rule matches: modality %s", modality);
        return store_set_reason(store, series_uid, reason, err);
    }
    if (rule->analysis[0] == '\0') {
        snprintf(reason, sizeof reason, "forwarded only, by rule %s", rule->name);
        return store_set_reason(store, series_uid, reason, err);
    }
    if (one->lost[0] != '\0')
        return store_set_reason(store, series_uid, one->lost, err);
    return queue(store, config, rule, study_uid, series_uid, slices, now_ms, err);
}

/* Wishes by the first of its series whose rule wants priors; they are made once a study. */
bool decide_waits(struct store *store, const struct config *config, const char *study_uid,
                  int64_t now_ms, bool *ret_waits, struct error *err)
{
    struct list list = { .count = 0 };
    char of_study[TEXT_UID_SIZE], reason[200];
    bool good = store_prior_of(store, study_uid, of_study, err);
    bool ours = false, wished = false;

    *ret_waits = false;
    if (!good || of_study[0] != '\0')
        return good;
    good = store_each_series(store, study_uid, collect, &list, err);
    for (size_t i = 0; good && !wished && i < list.count; i++) {
        struct slices *const slices = slices_of_series(store, list.series[i].uid, err);
        good = slices != NULL && is_ours(store, slices, &ours, err);
        const struct config_rule *const rule = !good || ours ? NULL
            : config_match(config, slices_tag, slices);
        wished = rule != NULL && rule->prior_from_count > 0 && rule->analysis[0] != '\0'
            && !excluded(slices, reason, sizeof reason);
        if (wished)
            good = prior_wish(store, rule, study_uid, slices, now_ms, ret_waits, err);
        slices_free(slices);
    }
    free(list.series);
    return good;
}

bool decide_study(struct store *store, const struct config *config, const char *study_uid,
                  int64_t now_ms, struct error *err)
{
    struct list list = { .count = 0 };
    bool good = store_each_series(store, study_uid, collect, &list, err);

    if (good && list.failed)
        good = error_set(err, ERROR_MEMORY, "the list of series");
    good = good && choose(store, config, study_uid, &list, err);
    for (size_t i = 0; good && i < list.count; i++) {
        struct slices *const slices = slices_of_series(store, list.series[i].uid, err);
        good = slices != NULL
            && decide_series(store, config, study_uid, &list.series[i], slices, now_ms, err);
        slices_free(slices);
    }
    free(list.series);
    return good;
}
