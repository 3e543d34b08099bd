#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/api.h"
#include "daemon/config.h"
#include "daemon/store.h"
#include "tests/runner.h"
#include "util/error.h"

static struct error err;
static struct config config;
static struct api api;
static char folder[64];

static void open_api(void)
{
    static const char *const nobody[] = { NULL };
    const struct store_instance row = {
        .sop_uid = "1.9.1", .sop_class_uid = "1.1", .study_uid = "1.2.3", .series_uid = "1.2.3.1",
        .transfer_syntax = "1.2.840.10008.1.2.1", .sha256 = "ab", .path = "objects/x.dcm",
        .received_ms = 5, .tags = "{\"PatientName\":\"<img src=x onerror=alert(1)>\"}" };
    const struct store_object object = { .kind = "json", .name = "findings.json" };
    struct store_job job = { .study_uid = "1.2.3", .series_uid = "1.2.3.1", .key = "k",
        .created = "x", .parameters = "{}", .deliver_to = "[]" };
    int64_t id = 0;

    snprintf(folder, sizeof folder, "/tmp/tumord-api-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(config.data_dir, sizeof config.data_dir, "%s", folder);
    snprintf(config.ae_title, sizeof config.ae_title, "TUMORD");
    api.config = &config;
    api.store = store_open(folder, &err);
    CU_ASSERT_FATAL(api.store != NULL && store_add_instances(api.store, &row, 1, &err)
                    && store_queue_job(api.store, &job, &id, &err)
                    && store_lease_job(api.store, 1, 1, 2, &job, &err)
                    && store_set_note(api.store, "import_ae", "IMPORT42", &err)
                    && store_finish_job(api.store, id, job.lease, 3, "analysed", "{\"count\":2}",
                                        &object, 1, nobody, nobody, 9, &err));
}

static void close_api(void)
{
    char command[128];

    store_close(api.store);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* Asks and parses; the caller owns the answer. */
static json_t *ask(const char *path, bool post, bool trusted, int status)
{
    struct api_answer answer;
    const struct api_request request = { path, post, trusted };

    api_answer(&api, &request, &answer);
    CU_ASSERT_EQUAL(answer.status, status);
    if (answer.status != status)
        printf("[%s: %d] ", path, answer.status);
    if (answer.fd >= 0)
        close(answer.fd);
    json_t *body = answer.body == NULL ? NULL : json_loads(answer.body, 0, NULL);
    free(answer.body);
    return body;
}

static void study_is_told_with_its_findings_and_names_stay_data(void)
{
    open_api();
    json_t *study = ask("/api/studies/1.2.3", false, false, 200);
    json_t *series = json_array_get(json_object_get(study, "series"), 0);
    json_t *job = json_object_get(series, "job");

    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(study, "patient_name")),
                           "<img src=x onerror=alert(1)>");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(series, "reason")), "analysed");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(job, "findings"),
                                                       "count")), 2);
    CU_ASSERT_PTR_NULL(json_object_get(json_array_get(json_object_get(job, "objects"), 0),
                                       "path"));        /* paths go over the Unix socket only */
    json_decref(study);
    study = ask("/api/studies/1.2.3", false, true, 200);
    job = json_object_get(json_array_get(json_object_get(study, "series"), 0), "job");
    CU_ASSERT_PTR_NOT_NULL(json_object_get(json_array_get(json_object_get(job, "objects"), 0),
                                           "path"));
    json_decref(study);
    close_api();
}

static void why_is_done_when_nothing_more_will_happen(void)
{
    bool completed = false;

    open_api();
    json_t *why = ask("/api/studies/1.2.3/why", false, false, 200);
    CU_ASSERT(json_is_false(json_object_get(why, "done")));
    json_decref(why);
    CU_ASSERT(store_complete_study(api.store, "1.2.3", 5, &completed, &err));
    why = ask("/api/studies/1.2.3/why", false, false, 200);
    CU_ASSERT(json_is_true(json_object_get(why, "done")));
    json_decref(why);
    close_api();
}

static void hostile_paths_are_not_found(void)
{
    static const char *const paths[] = {
        "/", "/api", "/api/studies/", "/api/studies/..", "/api/studies/1.2.3/../x",
        "/api/studies/1.2.3/objects/1/../../index.db", "/api/studies/1.2.3/objects/1/",
        "/api/studies/1.2.3/objects/1/job.json", "/api/studies/1.2.3/objects/-1/findings.json",
        "/api/studies/1.2.3/objects/99999999999999999999/x", "/api/studies/9.9",
        "/api/studies/1.2.3/objects/1//etc/passwd", "/api/studies/%2e%2e%2f", "//api/studies",
        "/api/studies/1.2.3'--", "/api/studies/1.9/objects/1/findings.json", "/index.db" };
    char longest[20000] = "/api/studies/";

    open_api();
    memset(longest + 13, '1', sizeof longest - 14);
    json_decref(ask(longest, false, true, 404));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        json_decref(ask(paths[i], false, true, 404));
    close_api();
}

static void the_open_side_only_reads(void)
{
    open_api();
    json_decref(ask("/api/studies/1.2.3/resend", true, false, 405));
    json_decref(ask("/api/echo/pacs", true, false, 405));
    json_decref(ask("/api/studies", true, true, 405));
    json_decref(ask("/api/studies/1.2.3/resend", true, true, 200));
    json_decref(ask("/api/echo/pacs", true, true, 404));
    json_t *node = ask("/api/node", false, false, 200);
    CU_ASSERT_PTR_NULL(json_object_get(node, "import_ae"));
    json_decref(node);
    node = ask("/api/node", false, true, 200);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(node, "import_ae")), "IMPORT42");
    json_decref(node);
    close_api();
}

static void readiness_tells_what_is_missing(void)
{
    open_api();
    json_decref(ask("/readyz", false, false, 200));
    snprintf(config.data_dir, sizeof config.data_dir, "/nonexistent");
    json_t *answer = ask("/readyz", false, false, 503);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(answer, "error")),
                           "the data folder is not writable");
    json_decref(answer);
    json_decref(ask("/healthz", false, false, 200));
    close_api();
}

static const struct runner_test tests[] = {
    TEST(study_is_told_with_its_findings_and_names_stay_data),
    TEST(why_is_done_when_nothing_more_will_happen),
    TEST(hostile_paths_are_not_found),
    TEST(the_open_side_only_reads),
    TEST(readiness_tells_what_is_missing),
    { NULL, NULL }
};
const struct runner_suite suite_api = { "api", tests };
