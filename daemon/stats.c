/* Stats: one study after the other in the order of their patients, then what they come to. */
#include "daemon/stats.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/spread.h"
#include "daemon/regions.h"
#include "daemon/store.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_SAMPLES 1000000         /* regions and studies of one question: 24 and 48 MB */
#define MAX_NAMES 512               /* modalities, sites and sides; those beyond are "others" */
#define MAX_REASONS 64              /* the last of them are "other reasons" */
#define NO_DAY INT32_MIN

struct sample {                     /* a region */
    double volume_ml, longest_mm;
    uint32_t tally;
    uint16_t site, side;            /* of the names */
};

struct tally {                      /* the analysed series of a study that have one modality */
    uint32_t study;
    int32_t day;                    /* since 1970, or NO_DAY */
    uint16_t modality;
    bool latest;                    /* of this patient and modality */
    int32_t series;
    int64_t regions;
    double burden_ml;
};

struct counter {
    int64_t studies, studies_analysed, series, series_analysed;
};

struct reason {
    char text[200];
    int64_t series;
};

struct share {                      /* of an organ, over the series of a study that have it */
    uint16_t site;
    double burden_ml, organ_ml;
};

struct vector {
    size_t count, room, size;       /* `size` of one */
    void *items;
};

enum stage { STAGE_HEAD, STAGE_STUDIES, STAGE_COHORT, STAGE_DONE };

struct stats {
    struct store *store;
    enum stats_scope scope;
    char *which;
    enum stage stage;
    struct store_case now;          /* the study at hand; its texts are ours */
    char *text[5];
    struct error err;               /* of the study at hand */
    bool failed;

    struct vector samples, tallies;
    double *scratch[2];             /* a number for each sample or tally */
    size_t scratch_room;
    size_t first_sample, first_tally;       /* of the study */
    size_t patient_sample, patient_tally;   /* of the patient */
    struct counter study, patient, all;
    int64_t patients, unnamed, studies_seen, rows;
    size_t name_count, reason_count, share_count;
    char name[MAX_NAMES][65];
    struct reason reason[MAX_REASONS];
    struct share share[REGIONS_MAX];
    struct regions regions;

    char *line;                     /* rows that are made and not read yet */
    size_t line_size, line_room, line_sent;
};

/* ---- columns ---- */

#define SPREAD_COLUMNS(what, unit, end) \
    { what "_min" end, unit, false }, { what "_q1" end, unit, false }, \
    { what "_median" end, unit, false }, { what "_mean" end, unit, false }, \
    { what "_q3" end, unit, false }, { what "_max" end, unit, false }, \
    { what "_sd" end, unit, false }

static const struct {
    const char *name, *unit;
    bool text;
} columns[] = {
    { "level", "", true }, { "by", "", true }, { "group", "", true },
    { "patient_id", "", true }, { "patient_name", "", true }, { "study_uid", "", true },
    { "study_date", "YYYYMMDD", true }, { "state", "", true }, { "series_uid", "", true },
    { "modality", "", true }, { "method", "", true }, { "region", "", false },
    { "finding", "", true }, { "site", "", true }, { "side", "", true },
    { "patients", "1", false }, { "studies", "1", false }, { "studies_analysed", "1", false },
    { "studies_without_patient_id", "1", false }, { "series", "1", false },
    { "series_analysed", "1", false }, { "studies_counted", "1", false },
    { "series_counted", "1", false }, { "regions", "1", false }, { "regions_sized", "1", false },
    { "burden_ml", "ml", false }, { "organ_share_percent", "%", false },
    { "volume_ml", "ml", false }, { "longest_mm", "mm", false }, { "diameter_mm", "mm", false },
    { "area_mm2", "mm2", false }, { "uptake_unit", "", true }, { "uptake_max", "uptake_unit", false },
    { "uptake_mean", "uptake_unit", false }, { "uptake_peak", "uptake_unit", false },
    { "tlg", "ml * uptake_unit", false }, { "background_ratio", "1", false },
    SPREAD_COLUMNS("volume", "ml", "_ml"), SPREAD_COLUMNS("longest", "mm", "_mm"),
    SPREAD_COLUMNS("diameter", "mm", "_mm"), SPREAD_COLUMNS("regions_per_study", "1", ""),
    SPREAD_COLUMNS("burden_per_study", "ml", "_ml"),
    { "longest_0_to_5_mm", "1", false }, { "longest_5_to_10_mm", "1", false },
    { "longest_10_to_15_mm", "1", false }, { "longest_15_to_20_mm", "1", false },
    { "longest_20_to_30_mm", "1", false }, { "longest_30_to_50_mm", "1", false },
    { "longest_50_to_100_mm", "1", false }, { "longest_from_100_mm", "1", false },
    { "previous_date", "YYYYMMDD", true }, { "days", "d", false },
    { "regions_change", "1", false }, { "burden_change_ml", "ml", false },
    { "burden_change_percent", "%", false }, { "first_date", "YYYYMMDD", true },
    { "days_since_first", "d", false }, { "regions_change_since_first", "1", false },
    { "burden_change_since_first_ml", "ml", false },
    { "burden_change_since_first_percent", "%", false },
    { "reason", "", true }, { "note", "", true }
};

/* Upper ends, exclusive; the bins have the names of their columns. */
static const struct { double below_mm; const char *name; } bins[] = {
    { 5, "longest_0_to_5_mm" }, { 10, "longest_5_to_10_mm" }, { 15, "longest_10_to_15_mm" },
    { 20, "longest_15_to_20_mm" }, { 30, "longest_20_to_30_mm" }, { 50, "longest_30_to_50_mm" },
    { 100, "longest_50_to_100_mm" }, { INFINITY, "longest_from_100_mm" }
};
#define BINS (sizeof bins / sizeof *bins)

/* ---- memory ---- */

static void *vector_add(struct vector *vector, struct error *err)
{
    if (vector->count == MAX_SAMPLES)
        return error_null(err, ERROR_LIMIT, "more than %d regions or studies: ask by study or by "
                          "patient", MAX_SAMPLES);
    if (vector->count == vector->room) {
        const size_t room = vector->room == 0 ? 64 : 2 * vector->room;
        void *const more = reallocarray(vector->items, room, vector->size);
        if (more == NULL)
            return error_null(err, ERROR_MEMORY, "statistics of %zu regions", room);
        vector->items = more;
        vector->room = room;
    }
    char *const item = (char *)vector->items + vector->count++ * vector->size;
    memset(item, 0, vector->size);
    return item;
}

static struct sample *sample_at(const struct stats *stats, size_t index)
{
    return (struct sample *)stats->samples.items + index;
}

static struct tally *tally_at(const struct stats *stats, size_t index)
{
    return (struct tally *)stats->tallies.items + index;
}

/* Room for a number of each sample or tally. */
static bool make_scratch(struct stats *stats, struct error *err)
{
    const size_t wanted = 1 + (stats->samples.count > stats->tallies.count
                               ? stats->samples.count : stats->tallies.count);

    if (wanted <= stats->scratch_room)
        return true;
    for (int i = 0; i < 2; i++) {
        double *const more = reallocarray(stats->scratch[i], 2 * wanted, sizeof *more);
        if (more == NULL)
            return error_set(err, ERROR_MEMORY, "statistics of %zu regions", wanted);
        stats->scratch[i] = more;
    }
    stats->scratch_room = 2 * wanted;
    return true;
}

/* The number of a name; the last one is everything that had no room. */
static uint16_t name_of(struct stats *stats, const char *text)
{
    const char *const wanted = text[0] == '\0' ? "not known" : text;

    for (size_t i = 0; i < stats->name_count; i++)
        if (strcmp(stats->name[i], wanted) == 0)
            return (uint16_t)i;
    if (stats->name_count == MAX_NAMES)
        return MAX_NAMES - 1;
    text_format(stats->name[stats->name_count], sizeof stats->name[0], "%s",
                stats->name_count == MAX_NAMES - 1 ? "others" : wanted);
    return (uint16_t)stats->name_count++;
}

/* ---- rows ---- */

static void put_text(json_t *row, const char *key, const char *value)
{
    char buffer[2048];

    text_to_utf8(value, strlen(value), buffer, sizeof buffer);
    if (buffer[0] != '\0')
        json_object_set_new(row, key, json_string(buffer));
}

static void put_count(json_t *row, const char *key, int64_t value)
{
    json_object_set_new(row, key, json_integer(value));
}

/* What is not known has no key. */
static void put_number(json_t *row, const char *key, double value)
{
    if (isfinite(value))
        json_object_set_new(row, key, json_real(value));
}

static json_t *row_new(const char *level)
{
    json_t *const row = json_object();

    put_text(row, "level", level);
    return row;
}

static void put_patient(const struct stats *stats, json_t *row)
{
    put_text(row, "patient_id", stats->now.patient_id);
    put_text(row, "patient_name", stats->now.patient_name);
}

static json_t *study_row(const struct stats *stats, const char *level)
{
    json_t *const row = row_new(level);

    put_patient(stats, row);
    put_text(row, "study_uid", stats->now.study_uid);
    put_text(row, "study_date", stats->now.study_date);
    return row;
}

/* Takes the row over and appends its line. */
static bool emit(struct stats *stats, json_t *row)
{
    char *const text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
    const size_t size = text == NULL ? 0 : strlen(text), end = stats->line_size + size + 1;

    json_decref(row);
    if (end > stats->line_room) {
        char *const more = realloc(stats->line, 2 * end);
        if (more == NULL)
            stats->failed = true;
        else {
            stats->line = more;
            stats->line_room = 2 * end;
        }
    }
    if (text == NULL || stats->failed) {
        stats->failed = true;
        free(text);
        return error_set(&stats->err, ERROR_MEMORY, "a row of the statistics");
    }
    memcpy(stats->line + stats->line_size, text, size);
    stats->line[end - 1] = '\n';
    stats->line_size = end;
    stats->rows++;
    free(text);
    return true;
}

static bool emit_head(struct stats *stats)
{
    json_t *const row = row_new("head"), *const list = json_array();

    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        json_array_append_new(list, json_pack("{s:s s:s s:b}", "name", columns[i].name, "unit",
                                              columns[i].unit, "text", (int)columns[i].text));
    json_object_set_new(row, "columns", list);
    put_text(row, "quartiles", "type 7 of Hyndman and Fan: linear between order statistics");
    put_text(row, "sd", "of a sample (n - 1)");
    put_text(row, "diameter", "of the ball of the same volume");
    put_text(row, "longest", "longest 3D diameter");
    put_text(row, "burden", "sum of the volumes of all regions");
    put_text(row, "notice", "candidate regions of unusual intensity, not reviewed; "
             "research use only, not for diagnosis");
    return emit(stats, row);
}

/* ---- figures of a group ---- */

enum by { BY_ALL, BY_MODALITY, BY_SITE, BY_SIDE };
static const char *const by_words[] = { "all", "modality", "site", "side" };

struct view {                       /* what is looked at, from there to the end */
    const char *level;
    size_t sample, tally;
    bool latest;
    const struct counter *counter;
    enum by by;
    uint16_t group;
};

static bool has_tally(const struct view *view, const struct tally *tally)
{
    return (!view->latest || tally->latest)
        && (view->by != BY_MODALITY || tally->modality == view->group);
}

static bool has_sample(const struct stats *stats, const struct view *view,
                       const struct sample *sample)
{
    return has_tally(view, tally_at(stats, sample->tally))
        && (view->by != BY_SITE || sample->site == view->group)
        && (view->by != BY_SIDE || sample->side == view->group);
}

static void put_spread(json_t *row, const char *what, const char *end, double *values,
                       size_t count)
{
    static const char *const parts[] = { "min", "q1", "median", "mean", "q3", "max", "sd" };
    struct spread spread;
    char key[64];

    spread_of(values, count, &spread);
    const double figures[] = { spread.minimum, spread.quartile_1, spread.median, spread.mean,
                               spread.quartile_3, spread.maximum, spread.sd };
    for (size_t i = 0; spread.count > 0 && i < sizeof parts / sizeof *parts; i++) {
        text_format(key, sizeof key, "%s_%s%s", what, parts[i], end);
        put_number(row, key, figures[i]);
    }
}

static void put_bins(json_t *row, const double *longest, size_t count)
{
    int64_t counts[BINS] = { 0 };

    for (size_t i = 0; i < count; i++) {
        size_t bin = 0;
        while (longest[i] >= bins[bin].below_mm)
            bin++;
        counts[bin]++;
    }
    for (size_t bin = 0; bin < BINS; bin++)
        put_count(row, bins[bin].name, counts[bin]);
}

/* The sizes of its regions; gives their number and the sum of their volumes. */
static size_t put_sizes(struct stats *stats, const struct view *view, json_t *row,
                        double *ret_sum)
{
    double *const volume = stats->scratch[0], *const longest = stats->scratch[1];
    size_t count = 0;

    *ret_sum = 0;
    for (size_t i = view->sample; i < stats->samples.count; i++) {
        const struct sample *const one = sample_at(stats, i);
        if (!has_sample(stats, view, one))
            continue;
        volume[count] = one->volume_ml;
        longest[count++] = one->longest_mm;
        *ret_sum += one->volume_ml;
    }
    put_spread(row, "volume", "_ml", volume, count);
    put_spread(row, "longest", "_mm", longest, count);
    put_bins(row, longest, count);
    for (size_t i = 0; i < count; i++)
        volume[i] = spread_ball_diameter(1000 * volume[i]);
    put_spread(row, "diameter", "_mm", volume, count);
    return count;
}

struct sums {
    int64_t regions, series, studies, tallies;
    double burden_ml;
};

/* Sums over its tallies; those of one study stand side by side, and are one of `studies`. */
static void sum_tallies(struct stats *stats, const struct view *view, struct sums *ret_sums)
{
    double *const regions = stats->scratch[0], *const burden = stats->scratch[1];
    uint32_t last = UINT32_MAX;

    *ret_sums = (struct sums){ .regions = 0 };
    for (size_t i = view->tally; i < stats->tallies.count; i++) {
        const struct tally *const one = tally_at(stats, i);
        if (!has_tally(view, one))
            continue;
        if (one->study != last) {
            regions[ret_sums->studies] = burden[ret_sums->studies] = 0;
            ret_sums->studies++;
        }
        last = one->study;
        regions[ret_sums->studies - 1] += (double)one->regions;
        burden[ret_sums->studies - 1] += one->burden_ml;
        ret_sums->regions += one->regions;
        ret_sums->burden_ml += one->burden_ml;
        ret_sums->series += one->series;
        ret_sums->tallies++;
    }
}

static void put_sums(struct stats *stats, const struct view *view, const struct sums *sums,
                     json_t *row)
{
    char note[160] = "";
    const bool study = strcmp(view->level, "study") == 0;

    put_count(row, "regions", sums->regions);
    put_number(row, "burden_ml", sums->burden_ml);
    put_count(row, "series_counted", sums->series);
    put_count(row, "studies_counted", sums->studies);
    if (!study) {
        put_spread(row, "regions_per_study", "", stats->scratch[0], (size_t)sums->studies);
        put_spread(row, "burden_per_study", "_ml", stats->scratch[1], (size_t)sums->studies);
    }
    if (study && view->by == BY_MODALITY && sums->series > 1)
        text_format(note, sizeof note, "%lld series are summed: a region that several of them "
                    "show counts in each", (long long)sums->series);
    else if (study && view->by == BY_ALL && sums->tallies > 1)
        text_format(note, sizeof note, "%lld modalities are summed: a region that several of "
                    "them show counts in each", (long long)sums->tallies);
    put_text(row, "note", note);
}

static void put_share(const struct stats *stats, uint16_t site, json_t *row)
{
    for (size_t i = 0; i < stats->share_count; i++)
        if (stats->share[i].site == site && stats->share[i].organ_ml > 0)
            put_number(row, "organ_share_percent",
                       100 * stats->share[i].burden_ml / stats->share[i].organ_ml);
}

static bool emit_group(struct stats *stats, const struct view *view)
{
    const bool study = strcmp(view->level, "study") == 0;
    json_t *const row = study ? study_row(stats, view->level) : row_new(view->level);
    struct sums sums;
    double sum;

    if (strcmp(view->level, "patient") == 0)
        put_patient(stats, row);
    if (study)
        put_text(row, "state", stats->now.state);
    put_text(row, "by", by_words[view->by]);
    put_text(row, "group", view->by == BY_ALL ? "" : stats->name[view->group]);
    if (view->by <= BY_MODALITY) {
        sum_tallies(stats, view, &sums);
        put_sums(stats, view, &sums, row);
    }
    const size_t sized = put_sizes(stats, view, row, &sum);
    put_count(row, "regions_sized", (int64_t)sized);
    if (view->by > BY_MODALITY) {       /* those that were only counted lie nobody knows where */
        put_count(row, "regions", (int64_t)sized);
        put_number(row, "burden_ml", sum);
    }
    if (study && view->by == BY_SITE)
        put_share(stats, view->group, row);
    if (view->by == BY_ALL && view->counter != NULL) {
        put_count(row, "series", view->counter->series);
        put_count(row, "series_analysed", view->counter->series_analysed);
        if (!study) {
            put_count(row, "studies", view->counter->studies);
            put_count(row, "studies_analysed", view->counter->studies_analysed);
        }
    }
    if (view->by == BY_ALL && strncmp(view->level, "cohort", 6) == 0) {
        put_count(row, "patients", stats->patients);
        put_count(row, "studies_without_patient_id", stats->unnamed);
    }
    return emit(stats, row);
}

/* One row for all of it, and one for each of its modalities, sites and sides. */
static bool emit_view(struct stats *stats, struct view view)
{
    bool seen[4][MAX_NAMES] = { { false } };

    if (!make_scratch(stats, &stats->err) || !emit_group(stats, &view))
        return false;
    for (size_t i = view.tally; i < stats->tallies.count; i++)
        if (has_tally(&view, tally_at(stats, i)))
            seen[BY_MODALITY][tally_at(stats, i)->modality] = true;
    for (size_t i = view.sample; i < stats->samples.count; i++)
        if (has_sample(stats, &view, sample_at(stats, i))) {
            seen[BY_SITE][sample_at(stats, i)->site] = true;
            seen[BY_SIDE][sample_at(stats, i)->side] = true;
        }
    for (view.by = BY_MODALITY; view.by <= BY_SIDE; view.by++)
        for (size_t name = 0; name < stats->name_count; name++) {
            view.group = (uint16_t)name;
            if (seen[view.by][name] && !emit_group(stats, &view))
                return false;
        }
    return true;
}

/* ---- a series ---- */

/* Its place, or the number of all of them. */
static size_t find_category(const struct stats *stats, const char *text)
{
    size_t i = 0;

    while (i < stats->reason_count && strcmp(stats->reason[i].text, text) != 0)
        i++;
    return i;
}

/* Numbers of UIDs and counts are left out: what is alike is counted together. */
static void count_reason(struct stats *stats, const char *reason)
{
    char text[200] = "";
    size_t at = 0;

    for (const char *c = reason; *c != '\0' && at < sizeof text - 2; c++) {
        const bool digit = *c >= '0' && *c <= '9';
        if (!digit && !(*c == '.' && at > 0 && text[at - 1] == '#'))
            text[at++] = *c;
        else if (digit && (at == 0 || text[at - 1] != '#'))
            text[at++] = '#';
    }
    size_t i = find_category(stats, text);
    if (i == stats->reason_count && i >= MAX_REASONS - 1) {
        text_format(text, sizeof text, "other reasons");
        i = find_category(stats, text);
    }
    if (i == stats->reason_count) {
        text_format(stats->reason[i].text, sizeof text, "%s", text);
        stats->reason_count++;
    }
    stats->reason[i].series++;
}

/* Why it has no findings that count; "" when it has, and they are in `stats->regions`. */
static void find_reason(struct stats *stats, const struct store_outcome *outcome, char *buffer,
                        size_t size)
{
    static const char *const states[] = {
        [JOB_QUEUED] = "waits for its analysis", [JOB_RUNNING] = "is being analysed",
        [JOB_FAILED] = "its analysis failed", [JOB_QUARANTINED] = "its analysis is in quarantine",
        [JOB_SUPERSEDED] = "its result is superseded"
    };
    struct error err;

    buffer[0] = '\0';
    if (outcome->has_job && outcome->state == JOB_DONE) {
        if (outcome->findings[0] == '\0')
            text_format(buffer, size, "its findings are not in the index");
        else if (!regions_read(outcome->findings, &stats->regions, &err))
            text_format(buffer, size, "its findings in the index are damaged: %s", err.text);
    } else if (outcome->has_job && (outcome->state <= JOB_RUNNING || outcome->reason[0] == '\0')) {
        text_format(buffer, size, "%s", outcome->state <= JOB_SUPERSEDED ? states[outcome->state]
                    : "its job is in no known state");
    } else {
        text_format(buffer, size, "%s", outcome->reason[0] != '\0' ? outcome->reason
                    : "not decided yet");
    }
}

/* Days since 1970, or NO_DAY for what is no date. */
static int32_t day_of(const char *date)
{
    struct tm tm = { .tm_hour = 0 }, back;
    char copy[5];
    long long parts[3];
    static const int widths[] = { 4, 2, 2 };

    if (strlen(date) != 8 || strspn(date, "0123456789") != 8)
        return NO_DAY;
    for (int i = 0, at = 0; i < 3; at += widths[i++])
        if (!text_format(copy, sizeof copy, "%.*s", widths[i], date + at)
            || !text_to_int(copy, 0, 9999, &parts[i]))
            return NO_DAY;
    tm.tm_year = (int)parts[0] - 1900;
    tm.tm_mon = (int)parts[1] - 1;
    tm.tm_mday = (int)parts[2];
    back = tm;
    const time_t seconds = timegm(&back);
    return back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon || back.tm_year != tm.tm_year
        ? NO_DAY : (int32_t)(seconds / 86400 - (seconds % 86400 < 0));
}

/* The place in the list of the tally of this study and modality, made when it is not there. */
static bool find_tally(struct stats *stats, const char *modality, size_t *ret_index)
{
    const uint16_t name = name_of(stats, modality);

    for (size_t i = stats->first_tally; i < stats->tallies.count; i++)
        if (tally_at(stats, i)->modality == name) {
            *ret_index = i;
            return true;
        }
    struct tally *const tally = vector_add(&stats->tallies, &stats->err);
    if (tally == NULL)
        return false;
    tally->study = (uint32_t)stats->studies_seen;
    tally->modality = name;
    tally->day = day_of(stats->now.study_date);
    *ret_index = stats->tallies.count - 1;
    return true;
}

static double organ_ml(const struct regions *regions, const struct region *region)
{
    for (size_t i = 0; region->site[0] != '\0' && i < regions->organs; i++)
        if (strcmp(regions->organ[i].site, region->site) == 0
            && strcmp(regions->organ[i].side, region->side) == 0)
            return regions->organ[i].volume_mm3 / 1000;
    return 0;
}

/* What of each organ of this series its regions take. */
static void add_shares(struct stats *stats)
{
    const struct regions *const regions = &stats->regions;

    for (size_t i = 0; i < regions->organs; i++) {
        const uint16_t site = name_of(stats, regions->organ[i].site);
        size_t at = 0;
        while (at < stats->share_count && stats->share[at].site != site)
            at++;
        if (at == REGIONS_MAX)
            continue;
        if (at == stats->share_count)
            stats->share[stats->share_count++] = (struct share){ site, 0, 0 };
        stats->share[at].organ_ml += regions->organ[i].volume_mm3 / 1000;
        for (size_t n = 0; n < regions->told; n++)
            if (strcmp(regions->region[n].site, regions->organ[i].site) == 0
                && strcmp(regions->region[n].side, regions->organ[i].side) == 0)
                stats->share[at].burden_ml += regions->region[n].volume_mm3 / 1000;
    }
}

static void put_if_told(json_t *row, const char *key, double value)
{
    if (!isnan(value))
        put_number(row, key, value);
}

/* Of PET in SUV and of counts. */
static void put_uptake(json_t *row, const struct regions *regions, const struct region *region)
{
    if (isnan(region->tlg) && isnan(region->ratio))
        return;
    put_text(row, "uptake_unit", regions->unit);
    put_if_told(row, "uptake_max", region->maximum);
    put_if_told(row, "uptake_mean", region->mean);
    put_if_told(row, "uptake_peak", region->peak);
    put_if_told(row, "tlg", region->tlg);
    put_if_told(row, "background_ratio", region->ratio);
}

static bool add_region(struct stats *stats, const struct store_outcome *outcome,
                       const struct region *region, size_t tally)
{
    /* what has no volume is counted, and is in no distribution of sizes */
    struct sample *const sample = stats->regions.planar ? NULL : vector_add(&stats->samples, &stats->err);
    json_t *const row = study_row(stats, "region");
    const double organ = organ_ml(&stats->regions, region);

    put_text(row, "series_uid", outcome->series_uid);
    put_text(row, "modality", outcome->modality);
    put_count(row, "region", region->label);
    put_text(row, "finding", region->finding);
    put_text(row, "site", region->site);
    put_text(row, "side", region->side);
    if (stats->regions.planar) {
        put_number(row, "area_mm2", region->area_mm2);
    } else {
        put_number(row, "volume_ml", region->volume_mm3 / 1000);
        put_number(row, "longest_mm", region->longest_mm);
        put_number(row, "diameter_mm", spread_ball_diameter(region->volume_mm3));
    }
    if (organ > 0)
        put_number(row, "organ_share_percent", region->volume_mm3 / 10 / organ);
    put_uptake(row, &stats->regions, region);
    if (sample != NULL)
        *sample = (struct sample){ region->volume_mm3 / 1000, region->longest_mm,
                                   (uint32_t)tally, name_of(stats, region->site),
                                   name_of(stats, region->side) };
    return emit(stats, row) && (sample != NULL || stats->regions.planar);
}

static bool add_regions(struct stats *stats, const struct store_outcome *outcome, json_t *row)
{
    const struct regions *const regions = &stats->regions;
    size_t index = 0;

    if (!find_tally(stats, outcome->modality, &index))
        return false;
    struct tally *const tally = tally_at(stats, index);
    tally->series++;
    tally->regions += regions->count;
    tally->burden_ml += regions->total_mm3 / 1000;
    stats->study.series_analysed++;
    put_text(row, "method", regions->method);
    put_count(row, "regions", regions->count);
    put_count(row, "regions_sized", regions->planar ? 0 : (int64_t)regions->told);
    if (!regions->planar)
        put_number(row, "burden_ml", regions->total_mm3 / 1000);
    put_if_told(row, "tlg", regions->total_tlg);
    add_shares(stats);
    for (size_t i = 0; i < regions->told; i++)
        if (!add_region(stats, outcome, &regions->region[i], index))
            return false;
    return true;
}

static bool add_series(const struct store_outcome *outcome, void *context)
{
    struct stats *const stats = context;
    json_t *const row = study_row(stats, "series");
    char reason[400];

    put_text(row, "series_uid", outcome->series_uid);
    put_text(row, "modality", outcome->modality);
    find_reason(stats, outcome, reason, sizeof reason);
    stats->study.series++;
    put_count(row, "series_analysed", reason[0] == '\0');
    if (reason[0] != '\0') {
        count_reason(stats, reason);
        put_text(row, "reason", reason);
    } else if (!add_regions(stats, outcome, row)) {
        json_decref(row);
        return false;
    }
    return emit(stats, row);
}

/* ---- studies and patients ---- */

static void counter_add(struct counter *to, const struct counter *study)
{
    to->studies++;
    to->studies_analysed += study->series_analysed > 0;
    to->series += study->series;
    to->series_analysed += study->series_analysed;
}

static bool add_study(struct stats *stats)
{
    const struct view view = { "study", stats->samples.count, stats->tallies.count, false,
                               &stats->study, BY_ALL, 0 };

    stats->first_tally = view.tally;
    stats->study = (struct counter){ .studies = 0 };
    stats->share_count = 0;
    stats->err.code = ERROR_NONE;
    if (!store_each_outcome(stats->store, stats->now.study_uid, add_series, stats, &stats->err)
        || stats->err.code != ERROR_NONE || !emit_view(stats, view))
        return false;
    stats->studies_seen++;
    counter_add(&stats->patient, &stats->study);
    counter_add(&stats->all, &stats->study);
    return true;
}

struct point {                      /* what a patient had on a day in one modality */
    bool there;
    int32_t day;
    int64_t regions, studies, series;
    double burden_ml;
    uint32_t study;
};

static void write_date(int32_t day, char buffer[16])
{
    const time_t seconds = (time_t)day * 86400;
    struct tm tm;

    gmtime_r(&seconds, &tm);
    text_format(buffer, 16, "%04d%02d%02d", (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday);
}

static void put_change(json_t *row, const struct point *from, const struct point *to,
                       const char *const keys[5])
{
    char date[16];

    write_date(from->day, date);
    put_text(row, keys[0], date);
    put_count(row, keys[1], (int64_t)to->day - from->day);
    put_count(row, keys[2], to->regions - from->regions);
    put_number(row, keys[3], to->burden_ml - from->burden_ml);
    if (from->burden_ml > 0)
        put_number(row, keys[4], 100 * (to->burden_ml - from->burden_ml) / from->burden_ml);
}

struct course {                     /* of one modality: its first, last but one, and last point */
    struct point first, before, now;
};

static bool emit_point(struct stats *stats, uint16_t modality, const struct course *course)
{
    static const char *const since_last[] = { "previous_date", "days", "regions_change",
                                              "burden_change_ml", "burden_change_percent" };
    static const char *const since_first[] = {
        "first_date", "days_since_first", "regions_change_since_first",
        "burden_change_since_first_ml", "burden_change_since_first_percent" };
    const struct point *const now = &course->now;
    json_t *const row = row_new("timepoint");
    char date[16];

    put_patient(stats, row);
    put_text(row, "modality", stats->name[modality]);
    put_count(row, "studies_counted", now->studies);
    put_count(row, "series_counted", now->series);
    put_count(row, "regions", now->regions);
    put_number(row, "burden_ml", now->burden_ml);
    if (now->day == NO_DAY) {
        put_text(row, "note", "no study date: not compared");
        return emit(stats, row);
    }
    write_date(now->day, date);
    put_text(row, "study_date", date);
    if (course->before.there) {
        put_change(row, &course->before, now, since_last);
        put_change(row, &course->first, now, since_first);
        if (course->before.series != now->series)
            put_text(row, "note", "not as many series as before");
    }
    return emit(stats, row);
}

/* The next tally of its modality, in the order of days. */
static bool add_to_course(struct stats *stats, struct course *course, const struct tally *tally)
{
    struct point *const now = &course->now;

    if (now->there && now->day != tally->day) {
        if (!emit_point(stats, tally->modality, course))
            return false;
        course->before = *now;
        if (!course->first.there)
            course->first = *now;
        now->there = false;
    }
    if (!now->there)
        *now = (struct point){ .there = true, .day = tally->day, .study = UINT32_MAX };
    now->studies += tally->study != now->study;
    now->study = tally->study;
    now->series += tally->series;
    now->regions += tally->regions;
    now->burden_ml += tally->burden_ml;
    return true;
}

/* Its points, by date; those without one are summed apart, and compared with none. */
static bool emit_courses(struct stats *stats)
{
    struct course *const courses = calloc(MAX_NAMES, sizeof *courses);
    bool good = courses != NULL || error_set(&stats->err, ERROR_MEMORY, "time points");

    for (int dated = 1; good && dated >= 0; dated--) {
        memset(courses, 0, MAX_NAMES * sizeof *courses);
        for (size_t i = stats->patient_tally; good && i < stats->tallies.count; i++) {
            const struct tally *const one = tally_at(stats, i);
            if ((one->day != NO_DAY) == (dated == 1))
                good = add_to_course(stats, &courses[one->modality], one);
        }
        for (size_t name = 0; good && name < stats->name_count; name++)
            if (courses[name].now.there)
                good = emit_point(stats, (uint16_t)name, &courses[name]);
    }
    free(courses);
    return good;
}

static void mark_latest(struct stats *stats)
{
    int32_t last[MAX_NAMES];

    for (size_t i = 0; i < MAX_NAMES; i++)
        last[i] = NO_DAY;
    for (size_t i = stats->patient_tally; i < stats->tallies.count; i++) {
        const struct tally *const one = tally_at(stats, i);
        if (one->day > last[one->modality])
            last[one->modality] = one->day;
    }
    for (size_t i = stats->patient_tally; i < stats->tallies.count; i++)
        tally_at(stats, i)->latest = tally_at(stats, i)->day == last[tally_at(stats, i)->modality];
}

/* All of the patient's studies came; one without an ID is nobody's but its own. */
static bool end_patient(struct stats *stats)
{
    const struct view view = { "patient", stats->patient_sample, stats->patient_tally, true,
                               &stats->patient, BY_ALL, 0 };
    const bool named = stats->now.patient_id[0] != '\0';

    if (stats->patient.studies == 0)
        return true;
    mark_latest(stats);
    stats->patients += named;
    stats->unnamed += !named;
    if (named && (!emit_courses(stats) || !emit_view(stats, view)))
        return false;
    stats->patient = (struct counter){ .studies = 0 };
    stats->patient_sample = stats->samples.count;
    stats->patient_tally = stats->tallies.count;
    return true;
}

/* ---- the walk ---- */

static void forget_case(struct stats *stats)
{
    for (int i = 0; i < 5; i++)
        free(stats->text[i]);
    memset(stats->text, 0, sizeof stats->text);
}

static bool take_case(const struct store_case *one, void *context)
{
    struct stats *const stats = context;
    const char *const texts[] = { one->study_uid, one->patient_id, one->patient_name,
                                  one->study_date, one->state };

    for (int i = 0; i < 5; i++) {
        stats->text[i] = strdup(texts[i]);
        stats->failed = stats->failed || stats->text[i] == NULL;
    }
    return false;
}

/* The next study into `now`, whose old texts end; `ret_same`: it is of the patient before. */
static bool next_case(struct stats *stats, bool *ret_found)
{
    char *old[5];
    struct store_case after = stats->now;
    bool good = true;

    memcpy(old, stats->text, sizeof old);
    memset(stats->text, 0, sizeof stats->text);
    if (stats->scope != STATS_STUDY)
        good = store_each_case(stats->store, stats->which, old[0] == NULL ? NULL : &after, 1,
                               take_case, stats, &stats->err);
    else if (old[0] == NULL)
        good = store_find_case(stats->store, stats->which, take_case, stats, &stats->err);
    if (stats->failed)
        good = error_set(&stats->err, ERROR_MEMORY, "a study of the statistics");
    *ret_found = good && stats->text[0] != NULL;
    if (good && old[0] != NULL && (!*ret_found || old[1][0] == '\0'
                                   || strcmp(old[1], stats->text[1]) != 0))
        good = stats->scope == STATS_STUDY || end_patient(stats);
    for (int i = 0; i < 5; i++)
        free(old[i]);
    if (*ret_found)
        stats->now = (struct store_case){ stats->text[0], stats->text[1], stats->text[2],
                                          stats->text[3], stats->text[4] };
    else
        forget_case(stats);
    return good;
}

static bool emit_reasons(struct stats *stats)
{
    for (size_t i = 0; i < stats->reason_count; i++) {
        json_t *const row = row_new("reason");
        put_text(row, "reason", stats->reason[i].text);
        put_count(row, "series", stats->reason[i].series);
        if (!emit(stats, row))
            return false;
    }
    return true;
}

static bool emit_cohort(struct stats *stats)
{
    const struct view every = { "cohort", 0, 0, false, &stats->all, BY_ALL, 0 };
    const struct view latest = { "cohort_latest", 0, 0, true, NULL, BY_ALL, 0 };

    return emit_view(stats, every) && emit_view(stats, latest);
}

static bool emit_end(struct stats *stats)
{
    json_t *const row = row_new("end");

    put_count(row, "rows", stats->rows);
    put_count(row, "studies", stats->studies_seen);
    put_count(row, "series_analysed", stats->all.series_analysed);
    return emit(stats, row);
}

static bool step(struct stats *stats)
{
    bool found = false;

    switch (stats->stage) {
    case STAGE_HEAD:
        stats->stage = STAGE_STUDIES;
        return emit_head(stats);
    case STAGE_STUDIES:
        if (!next_case(stats, &found))
            return false;
        if (found)
            return add_study(stats);
        stats->stage = STAGE_COHORT;
        return true;
    case STAGE_COHORT:
        stats->stage = STAGE_DONE;
        return (stats->scope != STATS_ALL || emit_cohort(stats))
            && (stats->scope == STATS_STUDY || emit_reasons(stats)) && emit_end(stats);
    case STAGE_DONE:
        break;
    }
    return true;
}

/* ---- the outside ---- */

static bool see_case(const struct store_case *one, void *context)
{
    (void)one;
    return !(*(bool *)context = true);
}

struct stats *stats_new(struct store *store, enum stats_scope scope, const char *which,
                        struct error *err)
{
    static const char *const none[] = { "no such study", "no study of this patient",
                                        "the node has no studies" };
    bool there = false;

    if (scope == STATS_PATIENT && which[0] == '\0')
        return error_null(err, ERROR_NOT_FOUND, "a patient without an ID cannot be told");
    if (!(scope == STATS_STUDY ? store_find_case(store, which, see_case, &there, err)
          : store_each_case(store, which, NULL, 1, see_case, &there, err)))
        return NULL;
    if (!there)
        return error_null(err, ERROR_NOT_FOUND, "%s", none[scope]);
    struct stats *const stats = calloc(1, sizeof *stats);
    char *const copy = which == NULL ? NULL : strdup(which);
    if (stats == NULL || (which != NULL && copy == NULL)) {
        free(stats);
        free(copy);
        return error_null(err, ERROR_MEMORY, "statistics");
    }
    stats->store = store;
    stats->scope = scope;
    stats->which = copy;
    stats->samples.size = sizeof(struct sample);
    stats->tallies.size = sizeof(struct tally);
    return stats;
}

/* The sentence takes the place of the end. */
static void tell_error(struct stats *stats)
{
    json_t *const row = row_new("error");

    put_text(row, "reason", stats->err.text);
    stats->stage = STAGE_DONE;
    emit(stats, row);
}

long stats_read(struct stats *stats, char *buffer, size_t size)
{
    while (stats->line_sent == stats->line_size && stats->stage != STAGE_DONE
           && !stats->failed) {
        stats->line_sent = stats->line_size = 0;
        if (!step(stats) && !stats->failed)
            tell_error(stats);
    }
    if (stats->failed)
        return -1;
    const size_t left = stats->line_size - stats->line_sent, count = left < size ? left : size;
    if (count > 0)
        memcpy(buffer, stats->line + stats->line_sent, count);
    stats->line_sent += count;
    return (long)count;
}

void stats_free(struct stats *stats)
{
    if (stats == NULL)
        return;
    forget_case(stats);
    free(stats->samples.items);
    free(stats->tallies.items);
    free(stats->scratch[0]);
    free(stats->scratch[1]);
    free(stats->which);
    free(stats->line);
    free(stats);
}
