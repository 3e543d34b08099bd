#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/decide.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "tests/runner.h"
#include "util/error.h"

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define NOW 1700000000000LL

static struct error err;
static struct store *store;
static char folder[64];
static int arrived;

static void open_store(void)
{
    snprintf(folder, sizeof folder, "/tmp/tumord-decide-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    arrived = 0;
}

static void close_store(void)
{
    char command[128];

    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void arrive(const char *series, const char *class_uid, const char *tags)
{
    struct store_instance instance = { .size = 1, .received_ms = NOW, .tags = tags };

    arrived++;
    snprintf(instance.sop_uid, sizeof instance.sop_uid, "1.9.%d", arrived);
    snprintf(instance.sha256, sizeof instance.sha256, "%064d", arrived);
    snprintf(instance.path, sizeof instance.path, "objects/%d.dcm", arrived);
    snprintf(instance.sop_class_uid, sizeof instance.sop_class_uid, "%s", class_uid);
    snprintf(instance.study_uid, sizeof instance.study_uid, "1.2.3");
    snprintf(instance.series_uid, sizeof instance.series_uid, "%s", series);
    snprintf(instance.transfer_syntax, sizeof instance.transfer_syntax, "1.2.840.10008.1.2.1");
    CU_ASSERT_FATAL(store_add_instances(store, &instance, 1, &err));
}

/* A rule for CT only, and one that only forwards MR to "pacs". */
static struct config *some_config(void)
{
    static char *ct[] = { "CT" }, *mr[] = { "MR" };
    static struct config_condition is_ct = {
        .tag = "Modality", .kind = CONDITION_EQUAL, .value_count = 1, .value = ct };
    static struct config_condition is_mr = {
        .tag = "Modality", .kind = CONDITION_EQUAL, .value_count = 1, .value = mr };
    static char pacs[1][65] = { "pacs" };
    static struct config_rule rules[] = {
        { .name = "ct", .condition_count = 1, .condition = &is_ct, .analysis = "default",
          .deliver_count = 1, .deliver_to = pacs },
        { .name = "pass on", .condition_count = 1, .condition = &is_mr,
          .forward_count = 1, .forward_to = pacs }
    };
    static struct config_analysis analysis = { .name = "default", .modality_defaults = true };
    static struct config_peer peer = { .name = "pacs", .ae_title = "PACS", .port = 104 };
    static struct config config = {
        .rule_count = 2, .rule = rules, .analysis_count = 1, .analysis = &analysis,
        .peer_count = 1, .peer = &peer, .deadline_s = 60
    };
    return &config;
}

static char told[256];
static int64_t told_job;

static bool read_reason(const struct store_series *series, void *context)
{
    if (strcmp(series->series_uid, context) == 0) {
        snprintf(told, sizeof told, "%s", series->reason);
        told_job = series->job;
    }
    return true;
}

static void decide(const char *series)
{
    CU_ASSERT_FATAL(decide_study(store, some_config(), "1.2.3", NOW, &err));
    told[0] = '\0';
    told_job = -1;
    CU_ASSERT(store_each_series(store, "1.2.3", read_reason, (void *)series, &err));
}

static void every_exclusion_has_its_sentence(void)
{
    static const struct { const char *class_uid, *tags, *reason; } cases[] = {
        { CT, "{\"Modality\":\"SEG\",\"Rows\":\"4\"}",
          "an object of another program, not an acquisition: SEG" },
        { "1.2.840.10008.5.1.4.1.1.481.3", "{\"Modality\":\"RTSTRUCT\"}",
          "an object of another program, not an acquisition: RTSTRUCT" },
        { "1.2.840.10008.5.1.4.1.1.7", "{\"Modality\":\"CT\",\"Rows\":\"4\"}",
          "not an acquisition: secondary capture" },
        { "1.2.840.10008.5.1.4.1.1.7.4", "{\"Modality\":\"OT\",\"Rows\":\"4\"}",
          "not an acquisition: secondary capture" },
        { "1.2.840.10008.5.1.4.1.1.30", "{\"Modality\":\"CT\",\"Rows\":\"4\"}",
          "not an acquisition: parametric map" },
        { CT, "{\"Modality\":\"CT\",\"Rows\":\"4\",\"ImageType\":\"ORIGINAL\\\\PRIMARY\\\\LOCALIZER\"}",
          "localizer, 1 slice" },
        { CT, "{\"Modality\":\"CT\"}", "not an image: no Rows (modality CT)" },
        { CT, "{}", "not an image: no Rows (modality unknown)" },
        { CT, "{\"Modality\":\"US\",\"Rows\":\"4\"}", "no rule matches: modality US" },
        { CT, "{\"Modality\":\"MR\",\"Rows\":\"4\"}", "forwarded only, by rule pass on" },
        { CT, "{\"Modality\":\"CT\",\"Rows\":\"4\",\"Manufacturer\":\"tumord\","
              "\"ManufacturerModelName\":\"tumord\"}", "a result of this program" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_store();
        arrive("1.2.3.1", cases[i].class_uid, cases[i].tags);
        decide("1.2.3.1");
        CU_ASSERT_STRING_EQUAL(told, cases[i].reason);
        CU_ASSERT_EQUAL(told_job, 0);
        close_store();
    }
}

static void derived_images_of_other_makers_are_analysed(void)
{
    open_store();
    arrive("1.2.3.1", CT, "{\"Modality\":\"CT\",\"Rows\":\"4\","
           "\"ImageType\":\"DERIVED\\\\SECONDARY\\\\PROCESSED\",\"Manufacturer\":\"IB\"}");
    decide("1.2.3.1");
    CU_ASSERT(told_job > 0);
    close_store();
}

static void deciding_again_changes_nothing_and_a_late_slice_supersedes(void)
{
    struct store_counts counts;
    static const char *const tags = "{\"Modality\":\"CT\",\"Rows\":\"4\"}";

    open_store();
    arrive("1.2.3.1", CT, tags);
    decide("1.2.3.1");
    const int64_t first = told_job;
    decide("1.2.3.1");
    CU_ASSERT_EQUAL(told_job, first);
    CU_ASSERT(store_count(store, &counts, &err));
    CU_ASSERT_EQUAL(counts.jobs[JOB_QUEUED], 1);
    arrive("1.2.3.1", CT, tags);
    decide("1.2.3.1");
    CU_ASSERT(told_job != first);
    CU_ASSERT(store_count(store, &counts, &err));
    CU_ASSERT_EQUAL(counts.jobs[JOB_QUEUED], 1);
    CU_ASSERT_EQUAL(counts.jobs[JOB_SUPERSEDED], 1);
    close_store();
}

static void originals_are_forwarded_once(void)
{
    struct store_counts counts;

    open_store();
    arrive("1.2.3.1", CT, "{\"Modality\":\"MR\",\"Rows\":\"4\"}");
    decide("1.2.3.1");
    decide("1.2.3.1");
    CU_ASSERT(store_count(store, &counts, &err));
    CU_ASSERT_EQUAL(counts.deliveries[DELIVERY_QUEUED], 1);
    close_store();
}

static void slices_lie_in_the_order_of_their_place(void)
{
    static const double z[] = { 5, -10, 0 };
    char tags[256];

    open_store();
    for (int i = 0; i < 3; i++) {
        snprintf(tags, sizeof tags, "{\"ImagePositionPatient\":\"1\\\\2\\\\%g\","
                 "\"ImageOrientationPatient\":\"1\\\\0\\\\0\\\\0\\\\1\\\\0\"}", z[i]);
        arrive("1.2.3.1", CT, tags);
    }
    struct slices *slices = slices_of_series(store, "1.2.3.1", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(slices);
    CU_ASSERT_EQUAL(slices_count(slices), 3);
    CU_ASSERT_STRING_EQUAL(slices_sop_uid(slices, 0), "1.9.2");
    CU_ASSERT_STRING_EQUAL(slices_sop_uid(slices, 1), "1.9.3");
    CU_ASSERT_STRING_EQUAL(slices_sop_uid(slices, 2), "1.9.1");
    CU_ASSERT_EQUAL(slices_open(slices, 0, folder), -1);
    slices_free(slices);
    CU_ASSERT_PTR_NULL(slices_of_series(store, "9.9", &err));
    CU_ASSERT_EQUAL(err.code, ERROR_NOT_FOUND);
    close_store();
}

#define SEG "1.2.840.10008.5.1.4.1.1.66.4"
#define RTSTRUCT "1.2.840.10008.5.1.4.1.1.481.3"

static size_t masks_of(const char *series)
{
    struct slices *slices = slices_of_series(store, series, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(slices);
    CU_ASSERT(slices_add_masks(slices, store, "1.2.3", series, &err));
    const size_t masks = slices_mask_count(slices);
    CU_ASSERT_EQUAL(slices_count(slices), 1);
    slices_free(slices);
    return masks;
}

static void masks_go_to_the_series_that_they_were_drawn_on(void)
{
    open_store();
    arrive("1.2.3.1", CT, "{\"Modality\":\"CT\",\"Rows\":\"4\"}");
    arrive("1.2.3.2", CT, "{\"Modality\":\"CT\",\"Rows\":\"4\"}");
    arrive("1.2.3.5", SEG, "{\"Modality\":\"SEG\",\"ReferredSeries\":\"1.2.3.1\"}");
    CU_ASSERT_EQUAL(masks_of("1.2.3.1"), 1);
    CU_ASSERT_EQUAL(masks_of("1.2.3.2"), 0);
    arrive("1.2.3.6", RTSTRUCT, "{\"Modality\":\"RTSTRUCT\",\"ReferredSeries\":\"9.9\\\\1.2.3.2\"}");
    CU_ASSERT_EQUAL(masks_of("1.2.3.1"), 1);
    CU_ASSERT_EQUAL(masks_of("1.2.3.2"), 1);
    arrive("1.2.3.7", SEG, "{\"Modality\":\"SEG\",\"ReferredSeries\":\"1.2.3.11\"}");  /* not here */
    arrive("1.2.3.8", RTSTRUCT, "{\"Modality\":\"RTSTRUCT\"}");
    CU_ASSERT_EQUAL(masks_of("1.2.3.1"), 3);
    CU_ASSERT_EQUAL(masks_of("1.2.3.2"), 3);
    close_store();
}

static void what_is_no_mask_or_ours_is_not_taken_for_one(void)
{
    open_store();
    arrive("1.2.3.1", CT, "{\"Modality\":\"CT\",\"Rows\":\"4\"}");
    arrive("1.2.3.5", SEG, "{\"Modality\":\"SEG\",\"Manufacturer\":\"tumord\","
           "\"ManufacturerModelName\":\"tumord\",\"ReferredSeries\":\"1.2.3.1\"}");
    arrive("1.2.3.6", CT, "{\"Modality\":\"SEG\",\"ReferredSeries\":\"1.2.3.1\"}");
    arrive("1.2.3.7", "1.2.840.10008.5.1.4.1.1.66.1", "{\"Modality\":\"REG\"}");
    CU_ASSERT_EQUAL(masks_of("1.2.3.1"), 0);
    close_store();
}

static void a_mask_that_comes_later_makes_the_next_job(void)
{
    struct store_counts counts;

    open_store();
    arrive("1.2.3.1", CT, "{\"Modality\":\"CT\",\"Rows\":\"4\"}");
    decide("1.2.3.1");
    const int64_t first = told_job;
    arrive("1.2.3.5", SEG, "{\"Modality\":\"SEG\",\"ReferredSeries\":\"1.2.3.1\"}");
    decide("1.2.3.1");
    CU_ASSERT(told_job != first);
    CU_ASSERT(store_count(store, &counts, &err));
    CU_ASSERT_EQUAL(counts.jobs[JOB_SUPERSEDED], 1);
    close_store();
}

static const struct runner_test tests[] = {
    TEST(every_exclusion_has_its_sentence),
    TEST(derived_images_of_other_makers_are_analysed),
    TEST(deciding_again_changes_nothing_and_a_late_slice_supersedes),
    TEST(originals_are_forwarded_once),
    TEST(slices_lie_in_the_order_of_their_place),
    TEST(masks_go_to_the_series_that_they_were_drawn_on),
    TEST(what_is_no_mask_or_ours_is_not_taken_for_one),
    TEST(a_mask_that_comes_later_makes_the_next_job),
    { NULL, NULL }
};
const struct runner_suite suite_decide = { "decide", tests };
