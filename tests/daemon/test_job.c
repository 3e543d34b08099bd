#include <stdlib.h>
#include <string.h>

#include "daemon/job.h"
#include "tests/runner.h"
#include "util/error.h"

static struct error err;

static const struct analysis_parameters some = {
    .method = "otsu3-morphology", .window_center = 40, .window_width = 400,
    .polarity = POLARITY_BOTH, .min_lesion_mm3 = 30.5, .min_contrast = 2.5,
    .max_fraction = 0.2, .split = 0.15, .synthesis_mm = 20, .flatten = true, .suv = 3, .suv_threshold = 2.5,
    .masks = MASKS_BESIDE, .max_missing_slices = 3, .otsu_bins = OTSU_BINS_64, .organs = true,
    .window = { [WINDOW_LIVER] = { 30, 150 }, [WINDOW_LUNG] = { -600, 1500 } }, .engine = ENGINE_SIMULATED,
    .organ = "left kidney",
    .threads = 2
};

static void job_parameters_come_back_as_they_were(void)
{
    struct analysis_parameters back;
    char *text = job_parameters_text(&some, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_FATAL(job_parameters_parse(text, &back, &err));
    CU_ASSERT_STRING_EQUAL(back.method, some.method);
    CU_ASSERT_EQUAL(back.window_width, 400);
    CU_ASSERT_EQUAL(back.polarity, POLARITY_BOTH);
    CU_ASSERT_EQUAL(back.min_lesion_mm3, 30.5);
    CU_ASSERT_EQUAL(back.flatten, true);
    CU_ASSERT_EQUAL(back.split, 0.15);
    CU_ASSERT_EQUAL(back.synthesis_mm, 20);
    CU_ASSERT_EQUAL(back.suv, 3);
    CU_ASSERT_EQUAL(back.suv_threshold, 2.5);
    CU_ASSERT_EQUAL(back.max_missing_slices, 3);
    CU_ASSERT_EQUAL(back.otsu_bins, OTSU_BINS_64);
    CU_ASSERT_EQUAL(back.masks, MASKS_BESIDE);
    CU_ASSERT_STRING_EQUAL(back.organ, "left kidney");
    CU_ASSERT(back.organs);
    CU_ASSERT_EQUAL(memcmp(back.window, some.window, sizeof back.window), 0);
    CU_ASSERT_EQUAL(back.engine, ENGINE_SIMULATED);
    free(text);
}

static void rules_for_quality_come_back_as_they_were(void)
{
    struct analysis_parameters more = some, back;

    char *const plain = job_parameters_text(&some, &err);
    CU_ASSERT_PTR_NULL(strstr(plain, "quality"));       /* by default it keeps its name */
    free(plain);
    more.quality.own_stops = true;
    more.quality.stop_on = 1u << QUALITY_NOISE | 1u << QUALITY_UNITS;
    more.quality.own_bounds = 1u << QUALITY_MOTION;
    more.quality.bound[QUALITY_MOTION] = 2.25;
    char *const text = job_parameters_text(&more, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(text, "\"quality\":{\"motion\":2.25,\"stop_on\":"
                                              "[\"units\",\"noise\"]}"));
    CU_ASSERT_FATAL(job_parameters_parse(text, &back, &err));
    CU_ASSERT(back.quality.own_stops);
    CU_ASSERT_EQUAL(back.quality.stop_on, more.quality.stop_on);
    CU_ASSERT_EQUAL(back.quality.own_bounds, more.quality.own_bounds);
    CU_ASSERT_EQUAL(back.quality.bound[QUALITY_MOTION], 2.25);
    free(text);
}

static void series_that_are_laid_on_come_back_as_they_were(void)
{
    struct job job = { .created = "c", .modality = "MR", .file_count = 3, .mask_count = 2,
                       .companion_count = 2, .parameters = some, .companion = {
                           { LAID_T1C, "1.2.3", 20 }, { LAID_FLAIR, "1.2.4", 22 } } };
    struct job back = { .id = 1 };
    char body[4000];

    job.parameters.lay_on = 1u << LAID_T1C | 1u << LAID_FLAIR;
    job.parameter_text = job_parameters_text(&job.parameters, &err);
    CU_ASSERT_FATAL(job.parameter_text != NULL && job_body(&job, body, sizeof body, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(job.parameter_text, "\"lay_on\":[\"T1c\",\"FLAIR\"]"));
    CU_ASSERT_FATAL(job_parse(body, &back, &err));
    CU_ASSERT_EQUAL(back.parameters.lay_on, job.parameters.lay_on);
    CU_ASSERT_EQUAL(back.companion_count, 2);
    CU_ASSERT_EQUAL(back.companion[1].role, LAID_FLAIR);
    CU_ASSERT_STRING_EQUAL(back.companion[1].series_uid, "1.2.4");
    CU_ASSERT_EQUAL(job_files(&back), 47);
    job_clear(&back);
    char *const at = strstr(body, "\"T1c\",\"1.2.3\"");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    memcpy(at, "\"T9c\"", 5);
    CU_ASSERT_FALSE(job_parse(body, &back, &err));
    job_clear(&job);
}

static void job_parameters_do_not_depend_on_threads(void)
{
    struct analysis_parameters more = some;

    more.threads = 16;
    char *one = job_parameters_text(&some, &err), *other = job_parameters_text(&more, &err);
    CU_ASSERT_STRING_EQUAL(one, other);
    free(one);
    free(other);
}

static void job_parameters_refuse_what_is_not_theirs(void)
{
    static const char *const bad[] = {
        "", "{}", "[]", "nonsense",
        "{\"method\":\"x\",\"window_center\":1,\"window_width\":1,\"polarity\":\"up\","
        "\"min_lesion_mm3\":1,\"min_contrast\":1,\"max_fraction\":1,\"flatten\":true}",
        "{\"method\":\"x\",\"window_center\":1,\"window_width\":1,\"polarity\":\"dark\","
        "\"min_lesion_mm3\":1,\"min_contrast\":1,\"max_fraction\":1,\"flatten\":true,\"y\":1}"
    };
    struct analysis_parameters back;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CU_ASSERT_FALSE(job_parameters_parse(bad[i], &back, &err));
        CU_ASSERT_EQUAL(err.code, ERROR_DATA);
    }
}

static void job_key_depends_on_content_and_not_on_order(void)
{
    char a[2][DIGEST_HEX_SIZE] = { "aa", "bb" }, b[2][DIGEST_HEX_SIZE] = { "bb", "aa" };
    char one[DIGEST_HEX_SIZE], other[DIGEST_HEX_SIZE];

    job_key((const char (*)[DIGEST_HEX_SIZE])a, 2, 0, "{}", one);
    job_key((const char (*)[DIGEST_HEX_SIZE])b, 2, 0, "{}", other);
    CU_ASSERT_STRING_EQUAL(one, other);
    CU_ASSERT_EQUAL(strlen(one), 64);
    job_key((const char (*)[DIGEST_HEX_SIZE])b, 1, 0, "{}", other);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
    job_key((const char (*)[DIGEST_HEX_SIZE])b, 2, 0, "{ }", other);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
    job_key((const char (*)[DIGEST_HEX_SIZE])a, 1, 1, "{}", other);     /* bb as a mask of aa */
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
    job_key((const char (*)[DIGEST_HEX_SIZE])b, 1, 1, "{}", one);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
}

/* The first version adds nothing: results that there are keep their names. */
static void job_key_of_the_first_version_is_that_of_its_parameters(void)
{
    char digest[1][DIGEST_HEX_SIZE] = { "aa" }, key[DIGEST_HEX_SIZE];

    job_key((const char (*)[DIGEST_HEX_SIZE])digest, 1, 0, "{\"method\":\"otsu3-morphology\"}", key);
    CU_ASSERT_STRING_EQUAL(key, "b8e3db075d0c499daf1d26deae5be4a3eddf96956faae866ed87977966c514b3");
}

static void job_body_comes_back_as_it_was(void)
{
    char body[4096];
    char *text = job_parameters_text(&some, &err);
    struct job job = { .id = 3, .lease = 4, .key = "abcd", .created = "20260101000000",
                       .modality = "CT", .series_number = 9100, .file_count = 300, .mask_count = 2,
                       .time_limit_s = 60, .parameter_text = text, .parameters = some };
    struct job back = { .id = 3, .lease = 4 };

    CU_ASSERT(job_body(&job, body, sizeof body, &err));
    CU_ASSERT_FATAL(job_parse(body, &back, &err));
    CU_ASSERT_STRING_EQUAL(back.key, "abcd");
    CU_ASSERT_EQUAL(back.file_count, 300);
    CU_ASSERT_EQUAL(back.mask_count, 2);
    CU_ASSERT_EQUAL(back.series_number, 9100);
    CU_ASSERT_EQUAL(back.parameters.threads, 2);
    CU_ASSERT_STRING_EQUAL(back.parameter_text, text);
    job_clear(&back);
    CU_ASSERT_FALSE(job_body(&job, body, 20, &err));
    CU_ASSERT_FALSE(job_parse("{\"key\": 3}", &back, &err));
    free(text);
}

static void job_result_comes_back_as_it_was(void)
{
    char body[4096];
    static struct job_result back, result = {
        .reason = "analysed: 1 \"candidate\" region", .count = 1, .seconds = 1.5,
        .peak_mib = 100, .object = { { .kind = REPORT_SR, .name = "sr.dcm", .size = 12,
            .sop_class_uid = "1.2", .sop_uid = "2.25.1", .series_uid = "2.25.2",
            .sha256 = "ab" } }
    };

    CU_ASSERT(job_result_body(&result, body, sizeof body, &err));
    CU_ASSERT_FATAL(job_result_parse(body, &back, &err));
    CU_ASSERT_STRING_EQUAL(back.reason, result.reason);
    CU_ASSERT_EQUAL(back.count, 1);
    CU_ASSERT_EQUAL(back.object[0].kind, REPORT_SR);
    CU_ASSERT_STRING_EQUAL(back.object[0].sop_uid, "2.25.1");
    CU_ASSERT_EQUAL(back.object[0].size, 12);
}

/* A worker that was taken over must not choose a path or a count. */
static void job_result_refuses_names_that_are_paths(void)
{
    static const char *const names[] = { "../x", "/etc/passwd", "a/b", "..", ".hidden", "",
                                         "A.dcm", "x\\ny" };
    static struct job_result back;
    char body[512];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        text_format(body, sizeof body, "{\"reason\":\"\",\"seconds\":1.0,\"peak_mib\":1.0,"
                    "\"objects\":[{\"kind\":\"sr\",\"name\":\"%s\",\"class\":\"\",\"sop\":\"\","
                    "\"series\":\"\",\"sha256\":\"\",\"size\":1}]}", names[i]);
        CU_ASSERT_FALSE(job_result_parse(body, &back, &err));
    }
}

static const struct runner_test tests[] = {
    TEST(job_parameters_come_back_as_they_were),
    TEST(series_that_are_laid_on_come_back_as_they_were),
    TEST(rules_for_quality_come_back_as_they_were),
    TEST(job_parameters_do_not_depend_on_threads),
    TEST(job_parameters_refuse_what_is_not_theirs),
    TEST(job_key_depends_on_content_and_not_on_order),
    TEST(job_key_of_the_first_version_is_that_of_its_parameters),
    TEST(job_body_comes_back_as_it_was),
    TEST(job_result_comes_back_as_it_was),
    TEST(job_result_refuses_names_that_are_paths),
    { NULL, NULL }
};
const struct runner_suite suite_job = { "job", tests };
