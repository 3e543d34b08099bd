#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/analyse.h"
#include "analysis/organs.h"
#include "analysis/phantom.h"
#include "analysis/phantom_planar.h"
#include "analysis/uptake.h"
#include "dicom/dataset.h"
#include "dicom/series.h"
#include "reports/report.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define ROOM 32

static struct error err;
static struct arena *arena;
static struct volume volume;
static struct phantom_truth truth;
static struct findings findings;
static struct series_facts facts;
static char folder[64];

static const char *const modalities[] = { "CT", "MR", "PT" };

/* What a source series has that results inherit; the name is Latin-1. */
static struct dataset *make_template(void)
{
    struct dataset *source = dataset_new(&err);
    struct item *root = dataset_root(source);

    item_put_text(root, 0x00080005, "ISO_IR 100");
    item_put_text(root, 0x00080020, "20260102");
    item_put_text(root, 0x00080030, "101112");
    item_put_text(root, 0x00080070, "Maker");
    item_put_text(root, 0x00081090, "Model");
    item_put_text(root, 0x00100010, "J\xf6rg^X");
    item_put_text(root, 0x0020000d, "1.2.3");
    item_put_text(root, 0x0020000e, "1.2.3.4");
    item_put_text(root, 0x00201040, "SN");
    item_put_text(root, 0x00180060, "120");
    item_put_text(root, 0x00181210, "B30f");
    item_put_text(root, 0x00080032, "000130");
    item_put_text(root, 0x00181042, "235940.5");
    item_put_text(root, 0x00101030, "9999");            /* no man's weight: a mistake */
    item_put_double(root, 0x00189345, 7.25);
    return source;
}

static void fill_slices(void)
{
    struct volume_slice *slices = arena_take_zeroed(arena, volume.size[2], sizeof *slices, &err);

    for (size_t k = 0; k < volume.size[2]; k++) {
        volume_to_patient(&volume, (const double[3]){ 0, 0, (double)k }, slices[k].position_mm);
        snprintf(slices[k].sop_uid, TEXT_UID_SIZE, "1.2.3.4.%zu", k + 1);
        snprintf(slices[k].sop_class_uid, TEXT_UID_SIZE, "1.2.840.10008.5.1.4.1.1.2");
        slices[k].frame = 1;
    }
    volume.slices = slices;
    snprintf(volume.frame_of_reference_uid, TEXT_UID_SIZE, "1.2.3.5");
}

static void prepare(enum phantom_modality modality, size_t lesions, bool oblique)
{
    struct phantom_options options;
    struct analysis_parameters parameters;

    CU_ASSERT_FATAL(dicom_init(&err));
    CU_ASSERT_FATAL(report_init(NULL, &err));
    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    arena_reset(arena);
    phantom_defaults(modality, &options);
    options.lesions = lesions;
    options.oblique = oblique;
    options.size[0] = 123;                              /* rows × columns not a multiple of 8 */
    options.size[1] = 125;
    CU_ASSERT_FATAL(phantom_make(&options, arena, &volume, &truth, &err));
    fill_slices();
    analysis_defaults(modalities[modality], &parameters);
    CU_ASSERT_FATAL(analyse(&volume, &parameters, arena, &findings, &err));
    CU_ASSERT_EQUAL(findings.count, lesions);
    CU_ASSERT_FATAL(quality_examine(&volume, &parameters.quality, 2, arena, &findings.quality,
                                    &err));
    findings.method.parameters = "{\"method\":\"otsu3-morphology\"}";
    findings_warn(&findings, "a warning with an umlaut is none");
    memset(&facts, 0, sizeof facts);
    snprintf(facts.modality, sizeof facts.modality, "%s", modalities[modality]);
    facts.slices = volume.size[2];
}

static size_t make(struct dataset *source, struct report *reports)
{
    const struct report_context context = {
        .source = source, .volume = &volume, .facts = &facts, .findings = &findings,
        .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .created = "20260301123456.123000+0100", .series_number = 9000
    };
    size_t count = 0;

    if (!report_all(&context, reports, ROOM, &count, &err)) {
        printf("[%s] ", err.text);
        CU_FAIL_FATAL("no results");
    }
    return count;
}

static void write_reports(const struct report *reports, size_t count)
{
    char path[128];

    snprintf(folder, sizeof folder, "/tmp/tumord-report-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, reports[i].name);
        FILE *file = fopen(path, "wb");
        CU_ASSERT_EQUAL(fwrite(reports[i].bytes, 1, reports[i].size, file), reports[i].size);
        fclose(file);
    }
}

static void shell(const char *format, const char *extra)
{
    char command[8192];

    snprintf(command, sizeof command, format, folder, extra);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* As if the same values were another SUV, or counts. */
static void change_unit(enum volume_unit unit)
{
    findings.unit = volume.unit = unit;
    for (size_t n = 0; n < findings.segment_count; n++) {
        struct lesion *const lesion = &findings.lesion[n];
        CU_ASSERT_FATAL(uptake_measure(&volume, &findings.labels, lesion, arena, &err));
        CU_ASSERT_FATAL(uptake_background(&volume, &findings.labels, lesion, arena, &err));
        CU_ASSERT_EQUAL(lesion->background_ratio.known, unit == UNIT_COUNTS);
    }
    findings.total_tlg.known = volume_unit_is_suv(unit);
}

static void check_prepared(void);

static void check_all(enum phantom_modality modality, size_t lesions, bool oblique)
{
    prepare(modality, lesions, oblique);
    check_prepared();
}

static void check_prepared(void)
{
    static struct report reports[ROOM], again[ROOM];
    char script[4096];

    struct dataset *source = make_template();
    const size_t count = make(source, reports);
    CU_ASSERT_EQUAL(make(source, again), count);
    for (size_t i = 0; i < count; i++)
        CU_ASSERT(reports[i].size == again[i].size
                  && memcmp(reports[i].bytes, again[i].bytes, reports[i].size) == 0);
    write_reports(reports, count);
    shell("cd %s && for f in *.dcm; do dciodvfy -new $f 2>&1 | grep -E '^Error' && exit 1; done; "
          "true%s", "");
    shell("dsrdump %s/sr.dcm > /dev/null%s", "");
    snprintf(script, sizeof script, "%s/tests/reports/check.py", runner_source());
    shell("cd %s && /usr/bin/python3 %s . | grep -q ok", script);
    shell("grep -aq 'J\xf6rg^X' %s/sr.dcm%s", "");
    if (getenv("TUMORD_KEEP") == NULL)
        shell("rm -rf %s%s", "");
    else
        printf("[%s] ", folder);
    for (size_t i = 0; i < count; i++) {
        report_free(&reports[i]);
        report_free(&again[i]);
    }
    dataset_free(source);
}

static void results_of_ct_read_back_as_the_findings(void)
{
    check_all(PHANTOM_CT, 3, false);
}

static void results_of_an_oblique_mr_read_back_as_the_findings(void)
{
    check_all(PHANTOM_MR, 2, true);
}

static void results_of_pet_read_back_as_the_findings(void)
{
    check_all(PHANTOM_PT, 1, false);
}

static void every_suv_has_its_own_codes_and_counts_have_a_ratio(void)
{
    static const enum volume_unit units[] = { UNIT_SUVLBM_JANMA, UNIT_SUVBSA, UNIT_COUNTS };

    for (size_t n = 0; n < sizeof units / sizeof *units; n++) {
        prepare(PHANTOM_PT, 1, false);
        change_unit(units[n]);
        snprintf(findings.rule, sizeof findings.rule, "voxels of at least 4 %s",
                 volume_unit_name(units[n]));
        snprintf(facts.suv, sizeof facts.suv, "a sentence about SUV");
        check_prepared();
    }
}

/* Two pictures in one object: areas, a view, an outline in pixels, and no segmentation. */
static void planar_views_have_areas_and_outlines(void)
{
    const struct phantom_planar_options options = { 5, 4, true };
    struct phantom_planar_truth spots;
    struct analysis_parameters parameters;

    CU_ASSERT_FATAL(dicom_init(&err));
    CU_ASSERT_FATAL(report_init(NULL, &err));
    if (arena == NULL)
        arena = arena_new((size_t)1 << 30, &err);
    arena_reset(arena);
    CU_ASSERT_FATAL(phantom_planar_make(&options, arena, &volume, &spots, &err));
    struct volume_slice *const slices = arena_take_zeroed(arena, 2, sizeof *slices, &err);
    for (size_t k = 0; k < 2; k++) {
        snprintf(slices[k].sop_uid, TEXT_UID_SIZE, "1.2.3.4.1");
        snprintf(slices[k].sop_class_uid, TEXT_UID_SIZE, "1.2.840.10008.5.1.4.1.1.20");
        slices[k].frame = (uint32_t)k + 1;
        slices[k].of_many = true;
    }
    volume.slices = slices;
    analysis_defaults("NM", &parameters);
    CU_ASSERT_FATAL(analyse(&volume, &parameters, arena, &findings, &err));
    CU_ASSERT(findings.count >= 8);
    findings.method.parameters = "{\"method\":\"nm-spots\"}";
    memset(&facts, 0, sizeof facts);
    snprintf(facts.modality, sizeof facts.modality, "NM");
    snprintf(facts.view[0], sizeof facts.view[0], "anterior");
    snprintf(facts.view[1], sizeof facts.view[1], "posterior");
    facts.slices = 2;
    check_prepared();
}

/* Pictures of lesions in an organ have its window, the others the findings': no byte of theirs changes. */
static void check_windows(const struct organ_window windows[ORGAN_WINDOWS])
{
    static struct report before[ROOM], after[ROOM];
    struct dataset *const source = make_template();
    const size_t count = make(source, before);
    size_t changed = 0, pictures = 0, placed = 0;

    organs_set_windows(&findings.organs, windows);
    CU_ASSERT_EQUAL(make(source, after), count);
    for (size_t i = 0; i < count; i++) {
        pictures += before[i].kind == REPORT_PICTURE;
        changed += before[i].kind == REPORT_PICTURE
            && (before[i].size != after[i].size || memcmp(before[i].bytes, after[i].bytes, before[i].size) != 0);
        report_free(&before[i]);
        report_free(&after[i]);
    }
    for (size_t n = 0; n < findings.segment_count; n++)
        placed += findings.lesion[n].site.value[0] != '\0';
    CU_ASSERT(placed > 0 && placed < pictures);
    CU_ASSERT_EQUAL(changed, placed);
    dataset_free(source);
}

/* Segments, groups, numbers and reasons of organs, by pydicom; the delay goes over midnight. */
static void results_with_organs_read_back_as_they_were_found(void)
{
    struct phantom_options options;
    struct analysis_parameters parameters;

    prepare(PHANTOM_CT, 1, false);
    phantom_defaults(PHANTOM_CT, &options);
    options.kind = PHANTOM_TRUNK;
    options.lesions = 0;
    memcpy(options.size, (const size_t[3]){ 101, 81, 30 }, sizeof options.size);
    memcpy(options.spacing_mm, (const double[3]){ 4, 4, 10 }, sizeof options.spacing_mm);
    arena_reset(arena);
    CU_ASSERT_FATAL(phantom_make(&options, arena, &volume, &truth, &err));
    fill_slices();
    analysis_defaults("CT", &parameters);
    CU_ASSERT_FATAL(analyse(&volume, &parameters, arena, &findings, &err));
    CU_ASSERT_FATAL(organs_find(&volume, "CT", 2, arena, &findings.organs, &err));
    CU_ASSERT(organs_get(&findings.organs, ORGAN_LIVER) != NULL
              && organs_get(&findings.organs, ORGAN_KIDNEY_LEFT) != NULL);
    findings.method.parameters = "{\"method\":\"otsu3-morphology\"}";
    organs_place(&findings.organs, &findings);
    size_t sites = 0;
    for (size_t n = 0; n < findings.segment_count; n++)
        sites += findings.lesion[n].site.value[0] != '\0';
    CU_ASSERT(sites > 0);
    const struct organ_window windows[ORGAN_WINDOWS] = {
        { 400, 1800 }, { 50, 400 }, { 30, 150 }, { -600, 1500 }, { 100, 200 } };
    facts.slices = volume.size[2];
    check_windows(windows);
    organs_set_windows(&findings.organs, windows);
    snprintf(findings.organs.organ[findings.organs.count - 1].why_not, 40, "a reason");
    findings.organs.organ[findings.organs.count - 1].found = false;
    check_prepared();
}

static void nothing_found_is_a_result_without_seg(void)
{
    check_all(PHANTOM_CT, 0, false);
}

/* What was lost in the source is not there again in the result. */
static void results_of_lossy_sources_say_so(void)
{
    static struct report reports[ROOM];
    size_t count = 0;
    char text[64];

    prepare(PHANTOM_CT, 1, false);
    struct dataset *source = make_template();
    item_put_text(dataset_root(source), 0x00282110, "01");
    item_put_text(dataset_root(source), 0x00282112, "12.5");
    item_put_text(dataset_root(source), 0x00282114, "ISO_15444_1");
    const struct report_context context = { .source = source, .volume = &volume, .facts = &facts,
        .findings = &findings, .key = "ab", .created = "20260301123456.123000+0100" };
    CU_ASSERT_FATAL(report_all(&context, reports, ROOM, &count, &err));
    for (size_t i = 0; i < count; i++) {
        if (reports[i].kind == REPORT_SEG || reports[i].kind == REPORT_SC) {
            struct dataset *const result = dataset_read(reports[i].bytes, reports[i].size, &err);
            CU_ASSERT_PTR_NOT_NULL_FATAL(result);
            CU_ASSERT(item_text_at(dataset_root(result), 0x00282110, 0, text, sizeof text));
            CU_ASSERT_STRING_EQUAL(text, "01");
            CU_ASSERT(item_text_at(dataset_root(result), 0x00282112, 0, text, sizeof text));
            CU_ASSERT_STRING_EQUAL(text, "12.5");
            CU_ASSERT(item_text_at(dataset_root(result), 0x00282114, 0, text, sizeof text));
            CU_ASSERT_STRING_EQUAL(text, "ISO_15444_1");
            dataset_free(result);
        }
        report_free(&reports[i]);
    }
    dataset_free(source);
}

static void findings_that_are_not_sound_make_no_result(void)
{
    static struct report reports[ROOM];
    size_t count = 7;

    prepare(PHANTOM_CT, 2, false);
    struct dataset *source = make_template();
    const struct report_context context = { .source = source, .volume = &volume, .facts = &facts,
        .findings = &findings, .key = "ab", .created = "20260301123456.123000+0100" };
    memset(findings.labels.u8, 0, volume_count(&volume));
    CU_ASSERT_FALSE(report_all(&context, reports, ROOM, &count, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "seg.dcm: no voxel has label 1");
    CU_ASSERT_FALSE(report_all(&context, reports, 2, &count, &err));
    CU_ASSERT_EQUAL(count, 7);
    dataset_free(source);
}

/* More than 255 labels need 32 bits: the objects are the same. */
static void labels_of_32_bits_make_the_same_segmentation(void)
{
    static struct report narrow[ROOM], wide[ROOM];
    size_t count = 0, again = 0;

    prepare(PHANTOM_CT, 2, false);
    struct dataset *source = make_template();
    const struct report_context context = { .source = source, .volume = &volume, .facts = &facts,
        .findings = &findings, .key = "ab", .created = "20260301123456.123000+0100" };
    CU_ASSERT_FATAL(report_all(&context, narrow, ROOM, &count, &err));
    const struct volume labels = findings.labels;
    CU_ASSERT_FATAL(volume_take_like(&labels, VOXEL_UINT32, UNIT_NONE, arena, &findings.labels,
                                     &err));
    for (size_t i = 0; i < volume_count(&labels); i++)
        findings.labels.u32[i] = labels.u8[i];
    CU_ASSERT_FATAL(report_all(&context, wide, ROOM, &again, &err));
    CU_ASSERT_EQUAL_FATAL(count, again);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(narrow[i].size, wide[i].size);
        CU_ASSERT(memcmp(narrow[i].bytes, wide[i].bytes, narrow[i].size) == 0);
        report_free(&narrow[i]);
        report_free(&wide[i]);
    }
    dataset_free(source);
}

static const struct runner_test tests[] = {
    TEST(results_of_ct_read_back_as_the_findings),
    TEST(results_of_an_oblique_mr_read_back_as_the_findings),
    TEST(results_of_pet_read_back_as_the_findings),
    TEST(every_suv_has_its_own_codes_and_counts_have_a_ratio),
    TEST(planar_views_have_areas_and_outlines),
    TEST(results_with_organs_read_back_as_they_were_found),
    TEST(nothing_found_is_a_result_without_seg),
    TEST(results_of_lossy_sources_say_so),
    TEST(findings_that_are_not_sound_make_no_result),
    TEST(labels_of_32_bits_make_the_same_segmentation),
    { NULL, NULL }
};
const struct runner_suite suite_report = { "report", tests };
