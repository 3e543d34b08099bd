/*
 * Rank: studies of two or more series in a store, decided by a rule that chooses the best. Each case
 * is two series' tags, and what the second is told.
 */
#include "daemon/rank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/laid.h"
#include "daemon/companion.h"
#include "daemon/config.h"
#include "daemon/decide.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "tests/runner.h"
#include "util/error.h"

#define NOW 1700000000000LL
#define AXIAL "\"ImageOrientationPatient\":\"1\\\\0\\\\0\\\\0\\\\1\\\\0\",\"Rows\":\"4\","
#define CHOSEN ""

static struct error err;
static struct store *store;
static char folder[64];
static int arrived;

static void open_store(void)
{
    snprintf(folder, sizeof folder, "/tmp/tumord-rank-XXXXXX");
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

/* `count` slices of the series, `step` mm from each other, the first at `low` mm. */
static void arrive(const char *series, const char *tags, size_t count, double low, double step)
{
    struct store_instance instance = { .size = 1, .received_ms = NOW };
    char all[2000];

    for (size_t i = 0; i < count; i++) {
        arrived++;
        snprintf(all, sizeof all, "{" AXIAL "\"ImagePositionPatient\":\"0\\\\0\\\\%g\",%s}",
                 low + step * (double)i, tags);
        instance.tags = all;
        snprintf(instance.sop_uid, sizeof instance.sop_uid, "1.9.%d", arrived);
        snprintf(instance.sha256, sizeof instance.sha256, "%064d", arrived);
        snprintf(instance.path, sizeof instance.path, "objects/%d.dcm", arrived);
        snprintf(instance.sop_class_uid, sizeof instance.sop_class_uid, "1.2.840.10008.5.1.4.1.1.2");
        snprintf(instance.study_uid, sizeof instance.study_uid, "1.2.3");
        snprintf(instance.series_uid, sizeof instance.series_uid, "%s", series);
        snprintf(instance.transfer_syntax, sizeof instance.transfer_syntax, "1.2.840.10008.1.2.1");
        CU_ASSERT_FATAL(store_add_instances(store, &instance, 1, &err));
    }
}

static const struct config *some_config(enum rule_choose choose)
{
    static struct config_rule rule = { .name = "all", .analysis = "default" };
    static struct config_analysis analysis = { .name = "default", .modality_defaults = true };
    static struct config config = { .rule_count = 1, .rule = &rule, .analysis_count = 1,
                                    .analysis = &analysis, .deadline_s = 60 };

    rule.choose = choose;
    return &config;
}

struct told {
    const char *series;
    char reason[256];
    int64_t job;
};

static bool read_series(const struct store_series *series, void *context)
{
    struct told *const told = context;

    if (strcmp(series->series_uid, told->series) == 0) {
        snprintf(told->reason, sizeof told->reason, "%s", series->reason);
        told->job = series->job;
    }
    return true;
}

static struct told decide(enum rule_choose choose, const char *series)
{
    struct told told = { .series = series };

    CU_ASSERT_FATAL(decide_study(store, some_config(choose), "1.2.3", NOW, &err));
    CU_ASSERT_FATAL(store_each_series(store, "1.2.3", read_series, &told, &err));
    return told;
}

struct one {
    const char *tags;
    size_t count;
    double low, step;
};

struct contest {
    struct one best, other;
    const char *reason;             /* of the other; CHOSEN: both are analysed */
};

#define CT "\"Modality\":\"CT\",\"FrameOfReferenceUID\":\"1.5\","
#define MR "\"Modality\":\"MR\",\"ScanningSequence\":\"SE\","
#define PT "\"Modality\":\"PT\","
#define N3 "\"SeriesNumber\":\"3\""
#define N4 "\"SeriesNumber\":\"4\""
#define SOFT "\"ConvolutionKernel\":\"B30f\","
#define TOLD "not analysed: series 3 was chosen; this one "

static void expect(const struct contest *contest, bool swapped)
{
    const char *const best = swapped ? "1.2.3.9" : "1.2.3.1", *const other = "1.2.3.5";

    open_store();
    arrive(best, contest->best.tags, contest->best.count, contest->best.low, contest->best.step);
    arrive(other, contest->other.tags, contest->other.count, contest->other.low,
           contest->other.step);
    const struct told first = decide(CHOOSE_BEST, best), second = decide(CHOOSE_BEST, other);
    CU_ASSERT(first.job > 0);
    CU_ASSERT_STRING_EQUAL(second.reason, contest->reason);
    CU_ASSERT_EQUAL(second.job > 0, contest->reason[0] == '\0');
    if (first.job == 0 || strcmp(second.reason, contest->reason) != 0)
        printf("    '%s' instead of '%s'\n", second.reason, contest->reason);
    close_store();
}

static void every_loser_is_told_what_decided(void)
{
    static const struct contest cases[] = {
        { { CT SOFT N3, 20, 0, 3 }, { CT "\"ConvolutionKernel\":\"B70f\"," N4, 20, 0, 3 },
          TOLD "has a sharp kernel (B70f)" },
        { { CT "\"ConvolutionKernel\":\"STANDARD\"," N3, 20, 0, 3 },
          { CT "\"ConvolutionKernel\":\"LUNG\"," N4, 60, 0, 1 }, TOLD "has a sharp kernel (LUNG)" },
        { { CT "\"ConvolutionKernel\":\"FC08\"," N3, 20, 0, 3 },
          { CT "\"ConvolutionKernel\":\"FC52\"," N4, 20, 0, 3 }, TOLD "has a sharp kernel (FC52)" },
        { { CT "\"ConvolutionKernel\":\"Br40d\\\\3\"," N3, 20, 0, 3 },
          { CT "\"ConvolutionKernel\":\"Bl57d\\\\3\"," N4, 20, 0, 3 },
          TOLD "has a harder or unknown kernel (Bl57d)" },
        { { CT SOFT N3, 20, 0, 1.5 }, { CT SOFT N4, 6, 0, 5 }, TOLD "has a slice every 5 mm" },
        { { CT SOFT N3, 30, 0, 1 }, { CT SOFT N4, 60, 0, 0.5 }, TOLD "has a slice every 0.5 mm" },
        { { CT SOFT N3, 40, 0, 5 }, { CT SOFT N4, 40, 20, 2.5 }, TOLD "covers 98 mm of 195" },
        { { CT SOFT "\"ImageType\":\"ORIGINAL\\\\PRIMARY\\\\AXIAL\"," N3, 20, 0, 3 },
          { CT SOFT "\"ImageType\":\"DERIVED\\\\SECONDARY\\\\MPR\"," N4, 20, 0, 3 },
          TOLD "is reformatted from another" },
        { { CT SOFT N3, 20, 0, 3 },
          { CT SOFT "\"ImageType\":\"DERIVED\\\\PRIMARY\\\\AXIAL\\\\MIP\"," N4, 20, 0, 3 },
          TOLD "is a projection" },
        { { MR "\"RepetitionTime\":\"500\",\"EchoTime\":\"9\"," N3, 20, 0, 3 },
          { MR "\"RepetitionTime\":\"500\",\"EchoTime\":\"9\",\"ImageType\":\"DERIVED\\\\PRIMARY\\\\"
            "SUBTRACTION\"," N4, 20, 0, 3 }, TOLD "is a subtraction" },
        { { CT SOFT N3, 20, 0, 3 }, { CT SOFT N4, 2, 0, 3 }, TOLD "has 2 slices only" },
        { { CT SOFT "\"ContrastBolusAgent\":\"X\",\"ContrastBolusStartTime\":\"101500\","
            "\"AcquisitionTime\":\"101610.5\"," N3, 20, 0, 3 },
          { CT SOFT "\"ContrastBolusAgent\":\"X\",\"ContrastBolusStartTime\":\"101500\","
            "\"AcquisitionTime\":\"101530\"," N4, 20, 0, 3 }, TOLD "is arterial" },
        { { CT SOFT "\"ContrastBolusAgent\":\"X\"," N3, 20, 0, 3 }, { CT SOFT N4, 20, 0, 3 },
          TOLD "is without contrast agent" },
        { { CT SOFT "\"ContrastBolusAgent\":\"X\",\"SeriesDescription\":\"Abd. portal venous\"," N3, 20,
            0, 3 },
          { CT SOFT "\"ContrastBolusAgent\":\"X\",\"SeriesDescription\":\"late phase\"," N4, 20, 0, 3 },
          TOLD "is late" },
        { { PT "\"CorrectedImage\":\"DECY\\\\ATTN\\\\SCAT\"," N3, 20, 0, 3 },
          { PT "\"CorrectedImage\":\"DECY\"," N4, 20, 0, 3 }, TOLD "is not corrected for attenuation" },
        { { CT SOFT N3, 20, 0, 3 }, { CT SOFT N4, 19, 0, 3 }, TOLD "has 19 slices of 20" },
        { { CT SOFT "\"BodyPartExamined\":\"CHEST\"," N3, 20, 0, 3 },
          { "\"Modality\":\"CT\",\"FrameOfReferenceUID\":\"1.6\",\"BodyPartExamined\":\"CHEST\"," SOFT N4,
            19, 0, 3 }, TOLD "has 19 slices of 20" },
        { { CT SOFT N3, 20, 0, 3 }, { CT SOFT N4, 20, 0, 3 }, TOLD "is alike and came later" }
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(&cases[i], false);
        expect(&cases[i], true);        /* whichever comes first in the index */
    }
}

static void series_that_show_other_things_do_not_compete(void)
{
    static const struct contest cases[] = {
        { { CT SOFT N3, 20, 0, 3 }, { MR N4, 20, 0, 3 }, CHOSEN },
        { { CT SOFT N3, 20, 0, 3 }, { CT SOFT N4, 20, 300, 3 }, CHOSEN },
        { { CT SOFT "\"BodyPartExamined\":\"HEAD\"," N3, 20, 0, 3 },
          { CT SOFT "\"BodyPartExamined\":\"CHEST\"," N4, 20, 0, 3 }, CHOSEN },
        { { CT SOFT N3, 20, 0, 3 },
          { "\"Modality\":\"CT\",\"FrameOfReferenceUID\":\"1.6\"," SOFT N4, 20, 0, 3 }, CHOSEN },
        { { MR N3, 20, 0, 3 }, { MR N4, 20, 0, 3 }, CHOSEN },       /* who knows what they are */
        { { MR "\"RepetitionTime\":\"500\",\"EchoTime\":\"9\"," N3, 20, 0, 3 },
          { MR "\"RepetitionTime\":\"4000\",\"EchoTime\":\"90\"," N4, 20, 0, 3 }, CHOSEN },
        { { MR "\"RepetitionTime\":\"500\",\"EchoTime\":\"9\"," N3, 20, 0, 3 },
          { MR "\"RepetitionTime\":\"500\",\"EchoTime\":\"9\",\"ContrastBolusAgent\":\"G\"," N4, 20, 0,
            3 }, CHOSEN }
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(&cases[i], false);
}

static void a_series_with_a_mask_is_not_lost_to_a_finer_one(void)
{
    static const struct store_instance mask = {
        .sop_uid = "1.8.1", .sop_class_uid = "1.2.840.10008.5.1.4.1.1.481.3", .study_uid = "1.2.3",
        .series_uid = "1.2.3.7", .size = 1, .received_ms = NOW, .path = "objects/mask.dcm",
        .transfer_syntax = "1.2.840.10008.1.2.1", .sha256 = "ab",
        .tags = "{\"Modality\":\"RTSTRUCT\",\"ReferredSeries\":\"1.2.3.5\"}"
    };

    open_store();
    arrive("1.2.3.1", CT SOFT N3, 60, 0, 1);
    arrive("1.2.3.5", CT "\"ConvolutionKernel\":\"B70f\"," N4, 12, 0, 5);
    CU_ASSERT(decide(CHOOSE_BEST, "1.2.3.1").job > 0);
    CU_ASSERT_FATAL(store_add_instances(store, &mask, 1, &err));
    CU_ASSERT(decide(CHOOSE_BEST, "1.2.3.5").job > 0);
    CU_ASSERT_STRING_EQUAL(decide(CHOOSE_BEST, "1.2.3.1").reason,
                           "not analysed: series 4 was chosen; this one has no mask drawn on it");
    close_store();
}

static void by_default_each_is_analysed(void)
{
    open_store();
    arrive("1.2.3.1", CT SOFT N3, 20, 0, 3);
    arrive("1.2.3.2", CT "\"ConvolutionKernel\":\"B70f\"," N4, 20, 0, 3);
    CU_ASSERT(decide(CHOOSE_EACH, "1.2.3.1").job > 0);
    CU_ASSERT(decide(CHOOSE_EACH, "1.2.3.2").job > 0);
    close_store();
}

static void a_better_one_that_comes_later_takes_its_place(void)
{
    open_store();
    arrive("1.2.3.1", CT "\"ConvolutionKernel\":\"B70f\"," N4, 20, 0, 3);
    CU_ASSERT(decide(CHOOSE_BEST, "1.2.3.1").job > 0);
    arrive("1.2.3.2", CT SOFT N3, 20, 0, 3);
    const struct told told = decide(CHOOSE_BEST, "1.2.3.1");
    CU_ASSERT_STRING_EQUAL(told.reason, TOLD "has a sharp kernel (B70f)");
    CU_ASSERT_EQUAL(told.job, 0);
    CU_ASSERT(decide(CHOOSE_BEST, "1.2.3.2").job > 0);
    close_store();
}

static void the_next_best_has_its_turn_when_the_best_fails(void)
{
    struct store_job job;

    open_store();
    arrive("1.2.3.1", CT SOFT N3, 20, 0, 3);
    arrive("1.2.3.2", CT "\"ConvolutionKernel\":\"B70f\"," N4, 20, 0, 3);
    CU_ASSERT_EQUAL(decide(CHOOSE_BEST, "1.2.3.2").job, 0);
    CU_ASSERT_FATAL(store_lease_job(store, 1, NOW, NOW + 1000, &job, &err));
    CU_ASSERT_FATAL(store_fail_job(store, job.id, job.lease, NOW, "slice missing", &err));
    const struct told failed = decide(CHOOSE_BEST, "1.2.3.1"), next = decide(CHOOSE_BEST, "1.2.3.2");
    CU_ASSERT_STRING_EQUAL(failed.reason, "slice missing");
    CU_ASSERT(next.job > failed.job);
    close_store();
}

static void a_rule_may_ask_what_an_mr_series_shows(void)
{
    static const struct { const char *tags, *word; } cases[] = {
        { MR "\"RepetitionTime\":\"500\",\"EchoTime\":\"9\"," N3, "T1" },
        { MR "\"RepetitionTime\":\"9000\",\"EchoTime\":\"90\",\"InversionTime\":\"2500\"," N3, "FLAIR" },
        { MR N3, NULL }, { CT N3, NULL }
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_store();
        arrive("1.2.3.1", cases[i].tags, 3, 0, 1);
        struct slices *const slices = slices_of_series(store, "1.2.3.1", &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(slices);
        const char *const word = slices_tag("Sequence", slices);
        CU_ASSERT_EQUAL(word == NULL, cases[i].word == NULL);
        if (word != NULL && cases[i].word != NULL)
            CU_ASSERT_STRING_EQUAL(word, cases[i].word);
        slices_free(slices);
        close_store();
    }
}

/* ---- companions ---- */

#define T1 MR "\"RepetitionTime\":\"500\",\"EchoTime\":\"9\","
#define T2 MR "\"RepetitionTime\":\"4000\",\"EchoTime\":\"90\","

static struct slices *with_companions(const char *series, unsigned wanted)
{
    struct slices *const slices = slices_of_series(store, series, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(slices);
    CU_ASSERT_FATAL(companion_add(slices, store, "1.2.3", series, wanted, &err));
    return slices;
}

static void the_best_of_each_role_is_laid_on_a_series(void)
{
    char without[DIGEST_HEX_SIZE], with[DIGEST_HEX_SIZE];

    open_store();
    arrive("1.2.3.1", T1 N3, 20, 0, 3);
    arrive("1.2.3.2", T2 N4, 5, 0, 12);
    arrive("1.2.3.3", T2 N4, 20, 0, 3);
    arrive("1.2.3.4", T1 N4, 20, 0, 3);         /* its own role */
    arrive("1.2.3.5", CT SOFT N4, 20, 0, 3);    /* no MR */
    arrive("1.2.3.6", T1 "\"ContrastBolusAgent\":\"X\",\"Manufacturer\":\"tumord\","
           "\"ManufacturerModelName\":\"tumord\"," N4, 20, 0, 3);       /* ours */
    struct slices *slices = with_companions("1.2.3.1", 0);
    CU_ASSERT_EQUAL(slices_file_count(slices), 20);
    slices_key(slices, "{}", without);
    slices_free(slices);
    slices = with_companions("1.2.3.1", ~0u);
    CU_ASSERT_EQUAL_FATAL(slices_companion_count(slices), 1);
    CU_ASSERT_EQUAL(slices_companion(slices, 0)->role, LAID_T2);
    CU_ASSERT_STRING_EQUAL(slices_companion(slices, 0)->series_uid, "1.2.3.3");
    CU_ASSERT_EQUAL(slices_companion(slices, 0)->files, 20);
    CU_ASSERT_EQUAL(slices_file_count(slices), 40);
    slices_key(slices, "{}", with);
    CU_ASSERT_STRING_NOT_EQUAL(with, without);
    slices_free(slices);
    close_store();
}

static void a_pet_takes_the_ct_of_its_frame_of_reference_only(void)
{
    open_store();
    arrive("1.2.3.1", PT "\"FrameOfReferenceUID\":\"1.5\"," N3, 20, 0, 3);
    arrive("1.2.3.2", CT SOFT N4, 20, 0, 3);
    arrive("1.2.3.3", "\"Modality\":\"CT\",\"FrameOfReferenceUID\":\"1.6\"," N3, 40, 0, 1.5);
    arrive("1.2.3.4", CT "\"ImageType\":\"ORIGINAL\\\\PRIMARY\\\\LOCALIZER\"," N3, 20, 0, 3);
    struct slices *const slices = with_companions("1.2.3.1", 1u << LAID_CT);
    CU_ASSERT_EQUAL_FATAL(slices_companion_count(slices), 1);
    CU_ASSERT_STRING_EQUAL(slices_companion(slices, 0)->series_uid, "1.2.3.2");
    slices_free(slices);
    close_store();
}

/* ---- roles and pairs ---- */

static void a_pet_finds_its_ct_by_frame_of_reference(void)
{
    const struct rank_facts facts[] = {
        { .modality = "CT", .frame_of_reference = "1.1", .kernel = KERNEL_SOFT, .places = 20 },
        { .modality = "CT", .frame_of_reference = "1.2", .kernel = KERNEL_SHARP, .places = 20 },
        { .modality = "PT", .frame_of_reference = "1.2", .places = 20 },
        { .modality = "CT", .frame_of_reference = "1.2", .kernel = KERNEL_SOFT, .places = 20 },
        { .modality = "PT", .frame_of_reference = "", .places = 20 },
        { .modality = "MR", .frame_of_reference = "1.2", .places = 20 }
    };

    CU_ASSERT_EQUAL(rank_partner(facts, 6, 2), 3);
    CU_ASSERT_EQUAL(rank_partner(facts, 6, 3), 2);
    CU_ASSERT_EQUAL(rank_partner(facts, 6, 0), 6);
    CU_ASSERT_EQUAL(rank_partner(facts, 6, 4), 6);
    CU_ASSERT_EQUAL(rank_partner(facts, 6, 5), 6);
}

static void what_a_series_shows_is_told_in_words(void)
{
    struct rank_facts ct = { .modality = "CT", .kernel_name = "B70f", .kernel = KERNEL_SHARP,
                             .phase = PHASE_VENOUS };
    struct rank_facts pet = { .modality = "PT", .uncorrected = true };
    char told[200];

    rank_tell(&ct, told, sizeof told);
    CU_ASSERT_STRING_EQUAL(told, "CT, venous, sharp kernel (B70f)");
    rank_tell(&pet, told, sizeof told);
    CU_ASSERT_STRING_EQUAL(told, "PET, not corrected for attenuation");
}

static const struct runner_test tests[] = {
    TEST(every_loser_is_told_what_decided),
    TEST(series_that_show_other_things_do_not_compete),
    TEST(a_series_with_a_mask_is_not_lost_to_a_finer_one),
    TEST(by_default_each_is_analysed),
    TEST(a_better_one_that_comes_later_takes_its_place),
    TEST(the_next_best_has_its_turn_when_the_best_fails),
    TEST(a_rule_may_ask_what_an_mr_series_shows),
    TEST(the_best_of_each_role_is_laid_on_a_series),
    TEST(a_pet_takes_the_ct_of_its_frame_of_reference_only),
    TEST(a_pet_finds_its_ct_by_frame_of_reference),
    TEST(what_a_series_shows_is_told_in_words),
    { NULL, NULL }
};

const struct runner_suite suite_rank = { "rank", tests };
