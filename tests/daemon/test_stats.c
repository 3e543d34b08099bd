#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/regions.h"
#include "daemon/stats.h"
#include "daemon/store.h"
#include "tests/runner.h"
#include "util/error.h"

static struct error err;
static struct store *store;
static struct regions regions;
static char folder[64];

/* ---- findings ---- */

#define LESION(volume) "{\"label\":1,\"volume_mm3\":" volume ",\"longest_mm\":10.0}"

static void findings_are_read_as_they_were_written(void)
{
    CU_ASSERT(regions_read("{\"count\":3,\"total_mm3\":30,\"method\":{\"name\":\"m\"},\"lesions\":["
                           LESION("20.5") ",{\"label\":2,\"volume_mm3\":4,\"longest_mm\":2,"
                           "\"site\":\"Liver\",\"laterality\":\"left\"},{\"kind\":\"organ\","
                           "\"label\":3,\"site\":\"Liver\",\"volume_mm3\":1000,\"longest_mm\":9}]}",
                           &regions, &err));
    CU_ASSERT(regions.count == 3 && regions.total_mm3 == 30 && regions.told == 2);
    CU_ASSERT(regions.organs == 1 && regions.organ[0].volume_mm3 == 1000);
    CU_ASSERT_STRING_EQUAL(regions.region[1].site, "Liver");
    CU_ASSERT_STRING_EQUAL(regions.region[1].side, "left");
    CU_ASSERT_STRING_EQUAL(regions.method, "m");
}

static void damaged_findings_are_refused_with_a_sentence(void)
{
    static const char *const bad[][2] = {
        { "", "no JSON object" }, { "[]", "no JSON object" }, { "{\"count\":1", "no JSON object" },
        { "{}", "count is no whole number" },
        { "{\"count\":1,\"count\":2,\"total_mm3\":0,\"lesions\":[]}", "no JSON object" },
        { "{\"count\":-1,\"total_mm3\":0,\"lesions\":[]}", "count is no whole number" },
        { "{\"count\":1.5,\"total_mm3\":0,\"lesions\":[]}", "count is no whole number" },
        { "{\"count\":\"1\",\"total_mm3\":0,\"lesions\":[]}", "count is no whole number" },
        { "{\"count\":99999999999,\"total_mm3\":0,\"lesions\":[]}", "count is no whole number" },
        { "{\"count\":0,\"lesions\":[]}", "total_mm3 is no number" },
        { "{\"count\":0,\"total_mm3\":-1,\"lesions\":[]}", "total_mm3 is no number" },
        { "{\"count\":0,\"total_mm3\":1e300,\"lesions\":[]}", "total_mm3 is no number" },
        { "{\"count\":0,\"total_mm3\":0}", "lesions is no list" },
        { "{\"count\":1,\"total_mm3\":5,\"lesions\":[7]}", "lesion 1: label" },
        { "{\"count\":1,\"total_mm3\":5,\"lesions\":[{\"label\":1,\"volume_mm3\":5}]}",
          "lesion 1: longest_mm" },
        { "{\"count\":1,\"total_mm3\":5,\"lesions\":[" LESION("\"5\"") "]}",
          "lesion 1: volume_mm3" },
        { "{\"count\":0,\"total_mm3\":5,\"lesions\":[" LESION("5") "]}", "1 lesions of 0" },
        { "{\"count\":1,\"total_mm3\":5,\"lesions\":[" LESION("6") "]}", "in a total of 5" },
        { "{\"count\":1,\"total_mm3\":5,\"lesions\":[" LESION("4") "]}", "in a total of 5" }
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const bool taken = regions_read(bad[i][0], &regions, &err);
        CU_ASSERT(!taken && strstr(err.text, bad[i][1]) != NULL);
        if (taken || strstr(err.text, bad[i][1]) == NULL)
            printf("[%s: %s] ", bad[i][0], taken ? "taken" : err.text);
    }
}

static void more_lesions_than_there_is_room_for_are_refused(void)
{
    static char text[40000];
    size_t at = (size_t)snprintf(text, sizeof text, "{\"count\":300,\"total_mm3\":300,\"lesions\":[");

    for (int i = 0; i < REGIONS_MAX + 1; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s" LESION("1"), i > 0 ? "," : "");
    snprintf(text + at, sizeof text - at, "]}");
    CU_ASSERT_FALSE(regions_read(text, &regions, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "more than 256 lesions"));
}

/* ---- a store with studies ---- */

static void open_store(void)
{
    snprintf(folder, sizeof folder, "/tmp/tumord-stats-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
}

static void close_store(void)
{
    char command[128];

    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* A series of one instance; `number` makes its UIDs: study 1.2.(number / 10), series below it. */
static void add_series(int number, const char *modality, const char *patient, const char *date)
{
    char tags[2400];
    struct store_instance row = { .sop_class_uid = "1.1", .transfer_syntax = "1.2", .received_ms = 5,
                                  .path = "objects/x.dcm", .tags = tags };

    snprintf(row.study_uid, sizeof row.study_uid, "1.2.%d", number / 10);
    snprintf(row.series_uid, sizeof row.series_uid, "1.2.%d.%d", number / 10, number % 10 + 1);
    snprintf(row.sop_uid, sizeof row.sop_uid, "1.3.%d", number + 1);
    snprintf(row.sha256, sizeof row.sha256, "%d", number);
    snprintf(tags, sizeof tags, "{\"PatientID\":\"%s\",\"PatientName\":\"=N,A\\\"\",\"StudyDate\":"
             "\"%s\",\"Modality\":\"%s\"}", patient, date, modality);
    CU_ASSERT_FATAL(store_add_instances(store, &row, 1, &err));
}

static void queue(int number, const char *key, struct store_job *ret_job)
{
    struct store_job job = { .created = "x", .parameters = "{}", .deliver_to = "[]" };
    int64_t id = 0;

    snprintf(job.study_uid, sizeof job.study_uid, "1.2.%d", number / 10);
    snprintf(job.series_uid, sizeof job.series_uid, "1.2.%d.%d", number / 10, number % 10 + 1);
    snprintf(job.key, sizeof job.key, "%s", key);
    CU_ASSERT_FATAL(store_queue_job(store, &job, &id, &err));
    *ret_job = job;
    ret_job->id = id;
}

static void finish(int number, const char *key, const char *findings)
{
    static const char *const nobody[] = { NULL };
    struct store_job job;

    queue(number, key, &job);
    CU_ASSERT_FATAL(store_lease_job(store, 1, 1, 2, &job, &err)
                    && store_finish_job(store, job.id, job.lease, 3, "analysed", findings, NULL, 0,
                                        nobody, nobody, 9, &err));
}

/* Findings of one region of so many mm3, its longest axis as many mm. */
static void finish_one(int number, int mm3)
{
    char findings[300];

    snprintf(findings, sizeof findings, "{\"count\":1,\"total_mm3\":%d,\"lesions\":[{\"label\":1,"
             "\"volume_mm3\":%d,\"longest_mm\":%d}]}", mm3, mm3, mm3 / 1000);
    finish(number, "k", findings);
}

/* All rows as a list, read in pieces of `piece` bytes; NULL when it is refused. */
static json_t *rows_of(enum stats_scope scope, const char *which, size_t piece)
{
    struct stats *const stats = stats_new(store, scope, which, &err);
    char *text = NULL, *line, *rest, buffer[4096];
    size_t size = 0;
    long count;

    if (stats == NULL)
        return NULL;
    FILE *const file = open_memstream(&text, &size);
    while ((count = stats_read(stats, buffer, piece)) > 0)
        fwrite(buffer, 1, (size_t)count, file);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(stats_read(stats, buffer, piece), 0);
    fclose(file);
    stats_free(stats);
    json_t *const rows = json_array();
    for (rest = text; (line = strsep(&rest, "\n")) != NULL && line[0] != '\0';) {
        json_t *const row = json_loads(line, 0, NULL);
        CU_ASSERT_PTR_NOT_NULL(row);
        json_array_append_new(rows, row);
    }
    free(text);
    return rows;
}

static const char *word(const json_t *row, const char *key)
{
    const char *const text = json_string_value(json_object_get(row, key));

    return text == NULL ? "" : text;
}

/* The `which`th row of this level and group; an empty object when there is none. */
static const json_t *find(const json_t *rows, const char *level, const char *group, int which)
{
    static json_t *none;
    const json_t *row;
    size_t index;

    json_array_foreach(rows, index, row)
        if (strcmp(word(row, "level"), level) == 0 && strcmp(word(row, "group"), group) == 0
            && which-- == 0)
            return row;
    if (none == NULL)
        none = json_object();
    return none;
}

static double figure(const json_t *row, const char *key)
{
    const json_t *const value = json_object_get(row, key);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool is(const json_t *row, const char *key, double want)
{
    const bool same = fabs(figure(row, key) - want) <= 1e-9 * fmax(1, fabs(want));

    if (!same)
        printf("[%s is %g, not %g] ", key, figure(row, key), want);
    return same;
}

/* PET has its uptake in the rows of regions and series; others, and older findings, have none. */
static void uptake_is_told_where_it_is_known(void)
{
    open_store();
    add_series(10, "PT", "P", "20260101");
    add_series(11, "NM", "P", "20260101");
    add_series(12, "CT", "P", "20260101");
    finish(10, "k", "{\"count\":1,\"total_mm3\":5000,\"total_tlg\":15.5,\"unit\":\"g/ml{SUVlbm}\",\"lesions\":[{"
           "\"label\":1,\"volume_mm3\":5000,\"longest_mm\":9,\"mean\":3.1,\"maximum\":7,\"suv_peak\":4,"
           "\"tlg\":15.5}]}");
    finish(11, "l", "{\"count\":1,\"total_mm3\":5,\"unit\":\"counts\",\"lesions\":[{\"label\":1,"
           "\"volume_mm3\":5,\"longest_mm\":9,\"mean\":80,\"maximum\":90,\"background_ratio\":4.5}]}");
    finish_one(12, 1000);
    json_t *const rows = rows_of(STATS_ALL, NULL, 4096);
    const json_t *const pet = find(rows, "region", "", 0);
    CU_ASSERT(is(pet, "uptake_max", 7) && is(pet, "uptake_mean", 3.1) && is(pet, "uptake_peak", 4));
    CU_ASSERT(is(pet, "tlg", 15.5) && is(find(rows, "series", "", 0), "tlg", 15.5));
    CU_ASSERT_STRING_EQUAL(word(pet, "uptake_unit"), "g/ml{SUVlbm}");
    CU_ASSERT(is(find(rows, "region", "", 1), "background_ratio", 4.5));
    CU_ASSERT(isnan(figure(find(rows, "region", "", 1), "uptake_peak")));
    CU_ASSERT_PTR_NULL(json_object_get(find(rows, "region", "", 2), "uptake_max"));
    CU_ASSERT_PTR_NULL(json_object_get(find(rows, "series", "", 2), "tlg"));
    json_decref(rows);
    close_store();
}

/* Regions of pictures are counted; they have an area, and are in no distribution of volumes. */
static void regions_of_planar_views_have_no_volume(void)
{
    open_store();
    add_series(10, "NM", "P", "20260101");
    finish(10, "k", "{\"count\":2,\"planar\":true,\"unit\":\"counts\",\"lesions\":[{\"label\":1,\"area_mm2\":400,"
           "\"axial_long_mm\":25,\"mean\":80,\"maximum\":90,\"background_ratio\":4.5},{\"label\":2,"
           "\"area_mm2\":300,\"axial_long_mm\":20}]}");
    json_t *const rows = rows_of(STATS_ALL, NULL, 4096);
    CU_ASSERT(is(find(rows, "region", "", 0), "area_mm2", 400));
    CU_ASSERT(isnan(figure(find(rows, "region", "", 0), "volume_ml")));
    CU_ASSERT(is(find(rows, "series", "", 0), "regions", 2) && is(find(rows, "series", "", 0), "regions_sized", 0));
    CU_ASSERT(isnan(figure(find(rows, "series", "", 0), "burden_ml")));
    CU_ASSERT(isnan(figure(find(rows, "study", "", 0), "volume_median_ml")));
    json_decref(rows);
    close_store();
    CU_ASSERT_FALSE(regions_read("{\"count\":1,\"planar\":true,\"lesions\":[{\"label\":1}]}", &regions, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "area_mm2 is no number"));
}

static void what_is_not_there_is_refused(void)
{
    open_store();
    CU_ASSERT_PTR_NULL(stats_new(store, STATS_ALL, NULL, &err));
    CU_ASSERT(err.code == ERROR_NOT_FOUND && strcmp(err.text, "the node has no studies") == 0);
    CU_ASSERT_PTR_NULL(stats_new(store, STATS_STUDY, "1.2.9", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "no such study");
    add_series(10, "CT", "", "20260101");
    CU_ASSERT_PTR_NULL(stats_new(store, STATS_PATIENT, "P", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "no study of this patient");
    CU_ASSERT_PTR_NULL(stats_new(store, STATS_PATIENT, "", &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a patient without an ID cannot be told");
    close_store();
}

static void series_that_do_not_count_keep_their_reasons(void)
{
    struct store_job job;

    open_store();
    add_series(10, "CT", "P", "20260101");
    add_series(11, "CT", "P", "20260101");
    add_series(12, "CT", "P", "20260101");
    add_series(13, "CT", "P", "20260101");
    add_series(14, "CT", "P", "20260101");
    add_series(15, "CT", "P", "20260101");
    CU_ASSERT(store_set_reason(store, "1.2.1.1", "localizer, 3 slices", &err));
    CU_ASSERT(store_set_reason(store, "1.2.1.2", "localizer, 17 slices", &err));
    finish(12, "k", "{\"count\":1,\"total_mm3\":5,\"lesions\":[]}");
    CU_ASSERT(store_set_reason(store, "1.2.1.3", "not analysed: a prior of study 1.2.3", &err));
    finish(13, "k", "{\"count\":broken");
    finish(14, "k", "");
    queue(15, "k", &job);
    json_t *const rows = rows_of(STATS_ALL, NULL, 4096);
    CU_ASSERT(is(find(rows, "study", "", 0), "series", 6));
    CU_ASSERT(is(find(rows, "study", "", 0), "series_analysed", 0));
    CU_ASSERT_STRING_EQUAL(word(find(rows, "series", "", 0), "reason"), "localizer, 3 slices");
    CU_ASSERT_STRING_EQUAL(word(find(rows, "series", "", 2), "reason"),
                           "not analysed: a prior of study 1.2.3");
    CU_ASSERT_PTR_NOT_NULL(strstr(word(find(rows, "series", "", 3), "reason"),
                                  "findings in the index are damaged: no JSON object"));
    CU_ASSERT_STRING_EQUAL(word(find(rows, "series", "", 4), "reason"),
                           "its findings are not in the index");
    CU_ASSERT_STRING_EQUAL(word(find(rows, "series", "", 5), "reason"), "waits for its analysis");
    CU_ASSERT_STRING_EQUAL(word(find(rows, "reason", "", 0), "reason"), "localizer, # slices");
    CU_ASSERT(is(find(rows, "reason", "", 0), "series", 2));
    CU_ASSERT(is(find(rows, "cohort", "", 0), "studies", 1));
    CU_ASSERT(is(find(rows, "cohort", "", 0), "studies_analysed", 0));
    CU_ASSERT(is(find(rows, "cohort", "", 0), "regions", 0));
    CU_ASSERT(is(find(rows, "end", "", 0), "series_analysed", 0));
    json_decref(rows);
    close_store();
}

static void only_the_current_result_of_a_series_counts(void)
{
    open_store();
    add_series(10, "CT", "P", "20260101");
    finish_one(10, 5000);
    finish(10, "newer", "{\"count\":0,\"total_mm3\":0,\"lesions\":[]}");
    json_t *const rows = rows_of(STATS_STUDY, "1.2.1", 4096);
    CU_ASSERT(is(find(rows, "study", "", 0), "regions", 0));
    CU_ASSERT(is(find(rows, "study", "", 0), "series_analysed", 1));
    CU_ASSERT(is(find(rows, "study", "CT", 0), "burden_ml", 0));
    CU_ASSERT(isnan(figure(find(rows, "study", "", 0), "volume_min_ml")));
    json_decref(rows);
    close_store();
}

static void a_patient_is_followed_by_date_in_each_modality(void)
{
    open_store();
    add_series(10, "CT", "P", "20260301");      /* the UIDs are not in the order of the dates */
    add_series(20, "CT", "P", "20260101");
    add_series(21, "PT", "P", "20260101");
    add_series(30, "CT", "P", "20260201");
    add_series(40, "CT", "P", "");
    add_series(50, "CT", "Q", "20270101");
    finish_one(10, 3000);
    finish_one(20, 8000);
    finish_one(21, 1000);
    finish_one(30, 4000);
    finish_one(40, 7000);
    finish_one(50, 9000);
    json_t *const rows = rows_of(STATS_PATIENT, "P", 4096);
    const json_t *point = find(rows, "timepoint", "", 0);       /* CT, the first */
    CU_ASSERT(is(point, "burden_ml", 8) && json_object_get(point, "days") == NULL);
    point = find(rows, "timepoint", "", 1);
    CU_ASSERT_STRING_EQUAL(word(point, "previous_date"), "20260101");
    CU_ASSERT(is(point, "days", 31) && is(point, "burden_change_ml", -4));
    CU_ASSERT(is(point, "burden_change_percent", -50));
    point = find(rows, "timepoint", "", 2);
    CU_ASSERT(is(point, "days", 28) && is(point, "burden_change_ml", -1));
    CU_ASSERT(is(point, "days_since_first", 59) && is(point, "burden_change_since_first_ml", -5));
    CU_ASSERT(is(point, "burden_change_since_first_percent", -62.5));
    CU_ASSERT_STRING_EQUAL(word(find(rows, "timepoint", "", 3), "modality"), "PT");
    point = find(rows, "timepoint", "", 4);
    CU_ASSERT(is(point, "burden_ml", 7));
    CU_ASSERT_STRING_EQUAL(word(point, "note"), "no study date: not compared");
    CU_ASSERT(is(find(rows, "patient", "", 0), "regions", 2));      /* the last CT and the PT */
    CU_ASSERT(is(find(rows, "patient", "", 0), "burden_ml", 4));
    CU_ASSERT(is(find(rows, "patient", "", 0), "studies", 4));
    CU_ASSERT(is(find(rows, "patient", "CT", 0), "longest_max_mm", 3));
    CU_ASSERT_EQUAL(json_object_size(find(rows, "cohort", "", 0)), 0);
    json_decref(rows);
    close_store();
}

static void a_cohort_is_every_study_and_the_latest_ones(void)
{
    open_store();
    add_series(10, "CT", "P", "20260301");
    add_series(20, "CT", "P", "20260101");
    add_series(30, "MR", "Q", "20260101");
    add_series(40, "CT", "", "20260101");
    add_series(50, "CT", "", "20260101");
    finish_one(10, 1000);
    finish_one(20, 2000);
    finish_one(30, 4000);
    finish_one(40, 8000);
    finish(50, "k", "{\"count\":25,\"total_mm3\":16000,\"lesions\":[{\"label\":1,\"volume_mm3\":"
           "6000,\"longest_mm\":120}]}");
    json_t *const rows = rows_of(STATS_ALL, NULL, 4096);
    const json_t *all = find(rows, "cohort", "", 0);
    CU_ASSERT(is(all, "patients", 2) && is(all, "studies_without_patient_id", 2));
    CU_ASSERT(is(all, "studies", 5) && is(all, "regions", 29) && is(all, "regions_sized", 5));
    CU_ASSERT(is(all, "burden_ml", 31) && is(all, "volume_median_ml", 4));
    CU_ASSERT(is(all, "volume_q1_ml", 2) && is(all, "volume_q3_ml", 6));
    CU_ASSERT(is(all, "volume_mean_ml", 4.2) && is(all, "volume_sd_ml", sqrt(8.2)));
    CU_ASSERT(is(all, "diameter_min_mm", cbrt(6000 / M_PI)));
    CU_ASSERT(is(all, "longest_0_to_5_mm", 3) && is(all, "longest_from_100_mm", 1));
    CU_ASSERT(is(all, "longest_5_to_10_mm", 1));
    CU_ASSERT(is(all, "regions_per_study_max", 25) && is(all, "burden_per_study_median_ml", 4));
    all = find(rows, "cohort_latest", "", 0);
    CU_ASSERT(is(all, "studies_counted", 4) && is(all, "burden_ml", 29));
    CU_ASSERT(is(find(rows, "cohort", "MR", 0), "burden_ml", 4));
    CU_ASSERT(is(find(rows, "cohort", "CT", 0), "studies_counted", 4));
    CU_ASSERT_EQUAL(json_object_size(find(rows, "timepoint", "", 3)), 0);
    json_decref(rows);
    close_store();
}

static void organs_and_sides_are_groups_and_have_a_share(void)
{
    open_store();
    add_series(10, "CT", "P", "20260101");
    finish(10, "k", "{\"count\":3,\"total_mm3\":6000,\"lesions\":["
           "{\"label\":1,\"volume_mm3\":3000,\"longest_mm\":20,\"site\":\"Kidney\",\"laterality\":"
           "\"left\"},{\"label\":2,\"volume_mm3\":2000,\"longest_mm\":15,\"site\":\"Kidney\","
           "\"laterality\":\"right\"},{\"label\":3,\"volume_mm3\":1000,\"longest_mm\":9},"
           "{\"kind\":\"organ\",\"label\":4,\"volume_mm3\":150000,\"longest_mm\":110,\"site\":"
           "\"Kidney\",\"laterality\":\"left\"},{\"kind\":\"organ\",\"label\":5,\"volume_mm3\":"
           "100000,\"longest_mm\":100,\"site\":\"Kidney\",\"laterality\":\"right\"}]}");
    json_t *const rows = rows_of(STATS_STUDY, "1.2.1", 4096);
    CU_ASSERT(is(find(rows, "region", "", 0), "organ_share_percent", 2));
    CU_ASSERT(is(find(rows, "study", "Kidney", 0), "organ_share_percent", 2));
    CU_ASSERT(is(find(rows, "study", "Kidney", 0), "regions", 2));
    CU_ASSERT(is(find(rows, "study", "left", 0), "burden_ml", 3));
    CU_ASSERT(is(find(rows, "study", "not known", 0), "regions", 1));
    CU_ASSERT(is(find(rows, "study", "", 0), "regions", 3));
    json_decref(rows);
    close_store();
}

static void two_series_of_a_modality_are_summed_with_a_note(void)
{
    open_store();
    add_series(10, "CT", "P", "20260101");
    add_series(11, "CT", "P", "20260101");
    finish_one(10, 1000);
    finish_one(11, 2000);
    json_t *const rows = rows_of(STATS_STUDY, "1.2.1", 4096);
    CU_ASSERT(is(find(rows, "study", "CT", 0), "burden_ml", 3));
    CU_ASSERT_PTR_NOT_NULL(strstr(word(find(rows, "study", "CT", 0), "note"), "2 series are summed"));
    json_decref(rows);
    close_store();
}

/* Names as hostile as they come: quotes, a formula, an ID longer than DICOM allows. */
static void long_names_neither_mix_patients_nor_stop_the_walk(void)
{
    char first[260], second[260];

    open_store();
    memset(first, 'A', sizeof first - 1);
    memcpy(second, first, sizeof second);
    first[258] = '1';
    second[258] = '2';
    first[259] = second[259] = '\0';
    add_series(10, "CT", first, "20260101");
    add_series(20, "CT", second, "20260101");
    add_series(30, "CT", "", "20260101");
    add_series(40, "CT", "B", "20261301");
    json_t *const rows = rows_of(STATS_ALL, NULL, 1);       /* byte by byte */
    CU_ASSERT(is(find(rows, "cohort", "", 0), "patients", 3));
    CU_ASSERT(is(find(rows, "cohort", "", 0), "studies", 4));
    CU_ASSERT(is(find(rows, "end", "", 0), "studies", 4));
    CU_ASSERT_STRING_EQUAL(word(find(rows, "study", "", 0), "patient_name"), "=N,A\"");
    json_decref(rows);
    close_store();
}

static const struct runner_test tests[] = {
    TEST(findings_are_read_as_they_were_written),
    TEST(damaged_findings_are_refused_with_a_sentence),
    TEST(more_lesions_than_there_is_room_for_are_refused),
    TEST(uptake_is_told_where_it_is_known),
    TEST(regions_of_planar_views_have_no_volume),
    TEST(what_is_not_there_is_refused),
    TEST(series_that_do_not_count_keep_their_reasons),
    TEST(only_the_current_result_of_a_series_counts),
    TEST(a_patient_is_followed_by_date_in_each_modality),
    TEST(a_cohort_is_every_study_and_the_latest_ones),
    TEST(organs_and_sides_are_groups_and_have_a_share),
    TEST(two_series_of_a_modality_are_summed_with_a_note),
    TEST(long_names_neither_mix_patients_nor_stop_the_walk),
    { NULL, NULL }
};
const struct runner_suite suite_stats = { "stats", tests };
