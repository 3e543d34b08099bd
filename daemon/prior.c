/* Prior: C-FIND for studies, for their series where the part of the body counts, then C-MOVE. */
#include "daemon/prior.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "daemon/commit.h"
#include "daemon/config.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "daemon/target.h"
#include "dicom/scu.h"
#include "util/error.h"

#define MAX_FOUND 64            /* studies of one patient that are looked at */
#define MAX_LISTED 100000       /* instances of a study */
#define SETTLE_MS 10000         /* for what was acknowledged to be in the index */

/* ---- the scheduler's ---- */

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from == NULL ? "" : from);
}

bool prior_wish(struct store *store, const struct config_rule *rule, const char *study_uid,
                struct slices *slices, int64_t now_ms, bool *ret_waits, struct error *err)
{
    struct store_wish wish = { .count = rule->prior_count, .within_days = rule->prior_within_days,
                               .deadline_ms = now_ms + 1000LL * rule->prior_deadline_s };
    bool good = true;

    copy(wish.study_uid, sizeof wish.study_uid, study_uid);
    copy(wish.patient_id, sizeof wish.patient_id, slices_tag("PatientID", slices));
    copy(wish.birth_date, sizeof wish.birth_date, slices_tag("PatientBirthDate", slices));
    copy(wish.study_date, sizeof wish.study_date, slices_tag("StudyDate", slices));
    if (rule->prior_same & PRIOR_MODALITY)
        copy(wish.modality, sizeof wish.modality, slices_modality(slices));
    if (rule->prior_same & PRIOR_BODY_PART)
        copy(wish.body_part, sizeof wish.body_part, slices_tag("BodyPartExamined", slices));
    for (size_t i = 0; good && i < rule->prior_from_count; i++) {
        copy(wish.peer, sizeof wish.peer, rule->prior_from[i]);
        good = store_add_wish(store, &wish, err);
    }
    return good && store_waits_for_wishes(store, study_uid, now_ms, ret_waits, err);
}

bool prior_is_source(const struct config *config, const char *peer)
{
    for (size_t i = 0; i < config->rule_count; i++)
        for (size_t j = 0; j < config->rule[i].prior_from_count; j++)
            if (strcmp(config->rule[i].prior_from[j], peer) == 0)
                return true;
    return false;
}

/* ---- the sender's: what the peer has ---- */

struct candidate {
    char study_uid[TEXT_UID_SIZE], date[9];
};

struct search {
    const struct store_wish *wish;
    size_t count;
    struct candidate found[MAX_FOUND];
};

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "from-to" as C-FIND wants it: from within_days before the study to its day; today without one. */
static void date_range(const struct store_wish *wish, char *range, size_t size)
{
    struct tm day = { .tm_year = 0 };
    char from[16], to[16];
    time_t time_of_day = time(NULL);

    if (sscanf(wish->study_date, "%4d%2d%2d", &day.tm_year, &day.tm_mon, &day.tm_mday) == 3) {
        day.tm_year -= 1900;
        day.tm_mon--;
        time_of_day = timegm(&day);
    }
    gmtime_r(&time_of_day, &day);
    strftime(to, sizeof to, "%Y%m%d", &day);
    time_of_day -= (time_t)wish->within_days * 86400;
    gmtime_r(&time_of_day, &day);
    strftime(from, sizeof from, "%Y%m%d", &day);
    text_format(range, size, "%s-%s", from, to);
}

static const char *value_of(const struct identifier *answer, uint32_t tag)
{
    const char *const value = identifier_value(answer, tag);

    return value == NULL ? "" : value;
}

/* Of the same patient, also by the date of birth where both have one, and another study. */
static bool take_study(const struct identifier *answer, void *context)
{
    struct search *const search = context;
    const struct store_wish *const wish = search->wish;
    const char *const uid = value_of(answer, 0x0020000d);
    const char *const birth = value_of(answer, 0x00100030);

    if (!text_is_uid(uid) || strcmp(uid, wish->study_uid) == 0
        || strcmp(value_of(answer, 0x00100020), wish->patient_id) != 0
        || (birth[0] != '\0' && wish->birth_date[0] != '\0' && strcmp(birth, wish->birth_date) != 0))
        return true;
    struct candidate *const one = &search->found[search->count++];
    copy(one->study_uid, sizeof one->study_uid, uid);
    copy(one->date, sizeof one->date, value_of(answer, 0x00080020));
    return search->count < MAX_FOUND;
}

static int compare_dates(const void *a, const void *b)
{
    const struct candidate *const one = a, *const other = b;
    const int by_date = strcmp(other->date, one->date);

    return by_date != 0 ? by_date : strcmp(one->study_uid, other->study_uid);
}

static bool find_studies(struct association *association, struct search *search,
                         struct error *err)
{
    const struct store_wish *const wish = search->wish;
    char range[32];

    date_range(wish, range, sizeof range);
    const struct scu_key keys[] = {
        { 0x00080020, "DA", range }, { 0x00080052, "CS", "STUDY" },
        { 0x00080061, "CS", wish->modality }, { 0x00100020, "LO", wish->patient_id },
        { 0x00100030, "DA", "" }, { 0x0020000d, "UI", "" }
    };
    if (!scu_find(association, keys, 6, take_study, search, err))
        return false;
    qsort(search->found, search->count, sizeof *search->found, compare_dates);
    return true;
}

struct part {
    const struct store_wish *wish;
    bool fits;
};

/* A series of the modality, whose part of the body is the same or not told. */
static bool take_series(const struct identifier *answer, void *context)
{
    struct part *const part = context;
    const char *const body_part = value_of(answer, 0x00180015);

    part->fits = part->fits
        || ((part->wish->modality[0] == '\0'
             || strcmp(value_of(answer, 0x00080060), part->wish->modality) == 0)
            && (body_part[0] == '\0' || strcasecmp(body_part, part->wish->body_part) == 0));
    return true;
}

static bool fits(struct association *association, const struct store_wish *wish,
                 const char *study_uid, bool *ret_fits, struct error *err)
{
    struct part part = { wish, false };
    const struct scu_key keys[] = {
        { 0x00080052, "CS", "SERIES" }, { 0x00080060, "CS", "" }, { 0x00180015, "CS", "" },
        { 0x0020000d, "UI", study_uid }, { 0x0020000e, "UI", "" }
    };

    *ret_fits = true;
    if (wish->body_part[0] == '\0')
        return true;
    if (!scu_find(association, keys, 5, take_series, &part, err))
        return false;
    *ret_fits = part.fits;
    return true;
}

/* UIDs of series or of instances. */
struct list {
    uint32_t tag;
    char (*uid)[TEXT_UID_SIZE];
    size_t count;
    bool broken;                        /* too long, or no memory */
};

static bool take_uid(const struct identifier *answer, void *context)
{
    struct list *const list = context;
    const char *const uid = value_of(answer, list->tag);

    if (!text_is_uid(uid))
        return true;
    if (list->count % 256 == 0) {
        char (*const more)[TEXT_UID_SIZE] = list->count >= MAX_LISTED ? NULL
            : realloc(list->uid, (list->count + 256) * sizeof *more);
        list->broken = more == NULL;
        if (list->broken)
            return false;
        list->uid = more;
    }
    copy(list->uid[list->count++], TEXT_UID_SIZE, uid);
    return true;
}

/* All instances of a study, level by level, as every peer answers; the list to be freed either way. */
static bool list_instances(struct association *association, const char *study_uid,
                           struct list *instances, struct error *err)
{
    struct list series = { .tag = 0x0020000e };
    const struct scu_key of_study[] = {
        { 0x00080052, "CS", "SERIES" }, { 0x0020000d, "UI", study_uid }, { 0x0020000e, "UI", "" }
    };
    bool good = scu_find(association, of_study, 3, take_uid, &series, err);

    *instances = (struct list){ .tag = 0x00080018 };
    for (size_t i = 0; good && i < series.count; i++) {
        const struct scu_key of_series[] = {
            { 0x00080018, "UI", "" }, { 0x00080052, "CS", "IMAGE" },
            { 0x0020000d, "UI", study_uid }, { 0x0020000e, "UI", series.uid[i] }
        };
        good = scu_find(association, of_series, 4, take_uid, instances, err);
    }
    free(series.uid);
    return good && ((!series.broken && !instances->broken)
                    || error_set(err, ERROR_LIMIT, "a study of more than %d instances", MAX_LISTED));
}

/* ---- bringing ---- */

static bool move(const struct commit_scope *scope, const struct association_target *target,
                 const char *study_uid, struct dimse_message *ret_last, struct error *err)
{
    const struct scu_key keys[] = { { 0x00080052, "CS", "STUDY" },
                                    { 0x0020000d, "UI", study_uid } };
    struct association *const association = scu_call(target, SCU_STUDY_ROOT_MOVE, err);

    if (association == NULL)
        return false;
    const bool good = scu_move(association, scope->config->ae_title, keys, 2, NULL, NULL, ret_last,
                               err);
    if (good || err->code == ERROR_DENIED)
        association_release(association);
    else
        association_abort(association);
    return good;
}

/* The first of the list that is not in the index; its count where all are. */
static size_t first_missing(struct store *store, const struct list *list, size_t from)
{
    char class_uid[TEXT_UID_SIZE];
    struct error ignored;

    while (from < list->count
           && store_class_of(store, list->uid[from], class_uid, &ignored))
        from++;
    return from;
}

/* Waits until those that were acknowledged are in the index; how many of the list are not. */
static size_t settle(struct store *store, const struct list *list)
{
    const int64_t until = wall_ms() + SETTLE_MS;
    size_t first = first_missing(store, list, 0), missing = 0;

    while (first < list->count && wall_ms() < until) {
        nanosleep(&(struct timespec){ 0, 200000000 }, NULL);
        first = first_missing(store, list, first);
    }
    for (; first < list->count; first = first_missing(store, list, first + 1))
        missing++;
    return missing;
}

static bool is_here(struct store *store, const char *study_uid)
{
    struct store_study study;
    struct error ignored;

    return store_find_study(store, study_uid, &study, &ignored) && study.instances > 0;
}

struct tally {
    int here, brought, short_of;        /* studies: were here, came whole, came in part or not */
    struct error last;
};

static void tell_missing(struct store *store, const struct list *list, size_t missing, bool moved,
                         struct error *err)
{
    char why[120] = "";

    if (!moved)
        text_format(why, sizeof why, "%.100s, ", err->text);
    error_set(err, ERROR_DATA, "%s%zu of %zu instances of a study did not come%s%s", why, missing,
              list->count, missing > 0 ? ", the first is " : "",
              missing > 0 ? list->uid[first_missing(store, list, 0)] : "");
}

/*
 * Marked before it comes: whoever decides it must know what it is. What is here in part is fetched
 * again: a prior that a kill cut off, or a study of its own, which stays that.
 */
static bool bring_listed(const struct commit_scope *scope, const struct association_target *target,
                         const struct store_wish *wish, const char *study_uid,
                         const struct list *list, struct tally *tally, struct error *err)
{
    struct dimse_message last = { .status = 0 };
    const bool began = is_here(scope->store, study_uid);

    if (list->count > 0 && first_missing(scope->store, list, 0) == list->count) {
        tally->here++;
        return true;
    }
    if (!began && !store_mark_prior(scope->store, study_uid, wish->study_uid, wall_ms(), err))
        return false;
    const bool moved = move(scope, target, study_uid, &last, &tally->last);
    const size_t missing = settle(scope->store, list);
    if (!is_here(scope->store, study_uid) && !store_unmark_prior(scope->store, study_uid, err))
        return false;
    if (list->count > 0 && missing == 0) {
        tally->brought++;
        return true;
    }
    tally->short_of++;
    tell_missing(scope->store, list, missing, moved, &tally->last);
    return true;
}

/* A study whose instances the peer does not list can never be said to be whole. */
static bool bring(const struct commit_scope *scope, const struct association_target *target,
                  struct association *association, const struct store_wish *wish,
                  const char *study_uid, struct tally *tally, struct error *err)
{
    struct list list;
    bool good = true;

    if (list_instances(association, study_uid, &list, &tally->last))
        good = bring_listed(scope, target, wish, study_uid, &list, tally, err);
    else
        tally->short_of++;
    free(list.uid);
    return good;
}

static bool bring_all(const struct commit_scope *scope, const struct association_target *target,
                      struct association *association, const struct store_wish *wish,
                      struct search *search, struct tally *tally, struct error *err)
{
    for (size_t i = 0; i < search->count && tally->here + tally->brought < wish->count; i++) {
        bool fitting = false;
        if (wall_ms() >= wish->deadline_ms) {
            error_set(&tally->last, ERROR_LIMIT, "the deadline was over");
            tally->short_of++;
            return true;
        }
        if (!fits(association, wish, search->found[i].study_uid, &fitting, &tally->last)) {
            tally->short_of++;
            return true;
        }
        if (fitting && !bring(scope, target, association, wish, search->found[i].study_uid, tally, err))
            return false;
    }
    return true;
}

/* What a patient's number may not hold: it would match others'. */
static bool is_exact(const char *patient_id)
{
    return patient_id[0] != '\0' && strpbrk(patient_id, "*?\\") == NULL;
}

static bool grant(const struct commit_scope *scope, const struct store_wish *wish, char *reason,
                  size_t size, struct error *err)
{
    static _Thread_local struct search search;
    struct tally tally = { .here = 0, .last.text = "" };
    struct association_target target;
    bool good = true;

    search = (struct search){ .wish = wish };
    if (!limits_hold_now(scope->peer->retrieve_hours)) {
        text_format(reason, size, "no priors: studies are brought from it at %s only",
                    scope->peer->retrieve_hours);
        return true;
    }
    if (!is_exact(wish->patient_id)) {
        text_format(reason, size, "no priors: the Patient ID is empty or a pattern");
        return true;
    }
    if (!target_make(scope->config, scope->peer, &target, &tally.last)) {
        text_format(reason, size, "no priors: %s", tally.last.text);
        return true;
    }
    struct association *const association = scu_call(&target, SCU_STUDY_ROOT_FIND, &tally.last);
    if (association == NULL) {
        text_format(reason, size, "no priors: %s", tally.last.text);
        return true;
    }
    if (find_studies(association, &search, &tally.last)) {
        good = bring_all(scope, &target, association, wish, &search, &tally, err);
        association_release(association);
    } else {
        tally.short_of = 1;
        association_abort(association);
    }
    text_format(reason, size, "priors: %d brought, %d here already%s%.220s",
                tally.brought, tally.here, tally.short_of > 0 ? ", not all: " : "",
                tally.short_of > 0 ? tally.last.text : "");
    return good;
}

bool prior_fetch(const struct commit_scope *scope, struct error *err)
{
    struct store_wish wish;
    bool found = false;
    char reason[300];

    if (!store_take_wish(scope->store, scope->peer->name, wall_ms(), &wish, &found, err))
        return false;
    if (!found)
        return true;
    if (!grant(scope, &wish, reason, sizeof reason, err))
        return false;
    log_info("priors fetched peer=%s %s", scope->peer->ae_title, reason);
    return store_grant_wish(scope->store, &wish, reason, err);
}
