/*
 * Sequence: protocols as scanners write them, and real series whose names, which are kept from the
 * rules here, tell the truth.
 */
#include "dicom/sequence.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/scan.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

static struct error err;

struct tags {                           /* keyword and value in turn, up to NULL */
    const char *pair[24];
};

static const char *tag_of(const char *keyword, void *context)
{
    const struct tags *const tags = context;

    for (size_t i = 0; tags->pair[i] != NULL; i += 2)
        if (strcmp(tags->pair[i], keyword) == 0)
            return tags->pair[i + 1];
    return NULL;
}

struct one {
    enum sequence_kind kind;
    bool by_name;
    struct tags tags;
};

static void expect_all(const struct one *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tags tags = cases[i].tags;
        struct sequence sequence;
        sequence_of(tag_of, &tags, &sequence);
        CU_ASSERT_EQUAL(sequence.kind, cases[i].kind);
        CU_ASSERT_EQUAL(sequence.by_name, cases[i].by_name);
        if (sequence.kind != cases[i].kind)
            printf("    case %zu is %s instead of %s (%s)\n", i, sequence_name(sequence.kind),
                   sequence_name(cases[i].kind), sequence.basis);
    }
}

#define SE "ScanningSequence", "SE"
#define TIMES(tr, te) "RepetitionTime", tr, "EchoTime", te
#define TI(ti) "InversionTime", ti

static void times_tell_what_a_series_shows(void)
{
    static const struct one cases[] = {
        { SEQUENCE_T1, false, { { SE, TIMES("500", "9.5") } } },
        { SEQUENCE_T1, false, { { SE, TIMES("650", "15"), "ContrastBolusAgent", "" } } },
        { SEQUENCE_T1C, false, { { SE, TIMES("500", "9.5"), "ContrastBolusAgent", "MAGNEVIST" } } },
        { SEQUENCE_T2, false, { { SE, TIMES("4000", "92") } } },
        { SEQUENCE_T2, false, { { SE, TIMES("3200", "408") } } },       /* SPACE */
        { SEQUENCE_PD, false, { { SE, TIMES("2500", "14") } } },
        { SEQUENCE_FLAIR, false, { { "ScanningSequence", "SE\\IR", TIMES("9000", "90"), TI("2500") } } },
        { SEQUENCE_FLAIR, false, { { "ScanningSequence", "SE\\IR", TIMES("5000", "388"), TI("1800") } } },
        { SEQUENCE_FLAIR, false, { { SE, TIMES("8000", "120"), TI("2250") } } },
        { SEQUENCE_STIR, false, { { "ScanningSequence", "SE\\IR", TIMES("4500", "60"), TI("150") } } },
        { SEQUENCE_T1, false, { { "ScanningSequence", "GR\\IR", TIMES("1900", "2.5"), TI("900") } } },
        { SEQUENCE_T1, false, { { "ScanningSequence", "SE\\IR", TIMES("2000", "9"), TI("860") } } },
        { SEQUENCE_T1, false, { { "ScanningSequence", "GR", "SequenceVariant", "SK\\SP", TIMES("4", "1.8") } } },
        { SEQUENCE_T2STAR, false, { { "ScanningSequence", "GR", "SequenceVariant", "SP", TIMES("28", "20") } } },
        { SEQUENCE_T2STAR, false, { { "ScanningSequence", "EP\\GR", TIMES("2000", "30") } } },
        { SEQUENCE_DIFFUSION, false, { { "ScanningSequence", "EP\\SE", TIMES("6000", "80"),
                                         "DiffusionBValue", "1000" } } },
        { SEQUENCE_ADC, false, { { "ScanningSequence", "EP", "ImageType", "DERIVED\\PRIMARY\\ADC",
                                   "DiffusionBValue", "1000" } } },
        { SEQUENCE_ANGIOGRAPHY, false, { { "ScanningSequence", "GR", "AngioFlag", "Y", TIMES("25", "5") } } },
        { SEQUENCE_FLAIR, false, { { "AcquisitionContrast", "FLUID_ATTENUATED" } } }
    };

    expect_all(cases, sizeof cases / sizeof *cases);
}

static void a_name_counts_only_where_the_physics_is_silent(void)
{
    static const struct one cases[] = {
        { SEQUENCE_T2, false, { { SE, TIMES("4000", "92"), "SeriesDescription", "T1 FLAIR +C" } } },
        { SEQUENCE_FLAIR, true, { { "SeriesDescription", "Ax FLAIR fs" } } },
        { SEQUENCE_T1, true, { { SE, "SeriesDescription", "MR_T1_image" } } },
        { SEQUENCE_T1C, true, { { SE, TIMES("500", "9"), "ProtocolName", "Ax T1+C" } } },
        { SEQUENCE_T1C, true, { { "SeriesDescription", "t1_tra_post" } } },
        { SEQUENCE_T2STAR, true, { { "SeriesDescription", "AX T2* GRE" } } },
        { SEQUENCE_ADC, true, { { "SeriesDescription", "ep2d_diff_ADC" } } }
    };

    expect_all(cases, sizeof cases / sizeof *cases);
}

static void what_no_rule_knows_stays_unknown(void)
{
    static const struct one cases[] = {
        { SEQUENCE_UNKNOWN, false, { { "Modality", "MR" } } },
        { SEQUENCE_UNKNOWN, false, { { SE, TIMES("1500", "45") } } },
        { SEQUENCE_UNKNOWN, false, { { "ScanningSequence", "GR", "SequenceVariant", "SS", TIMES("4", "2") } } },
        { SEQUENCE_UNKNOWN, false, { { SE, TIMES("x", "9") } } },
        { SEQUENCE_UNKNOWN, false, { { "SeriesDescription", "POSTERIOR FLAIRS T12" } } },
        { SEQUENCE_UNKNOWN, false, { { "ScanningSequence", "SE\\IR", TIMES("9000", "8"), TI("2500") } } }
    };

    expect_all(cases, sizeof cases / sizeof *cases);
}

static void an_agent_that_was_not_given_is_none(void)
{
    CU_ASSERT(sequence_agent("10ml multihance"));
    CU_ASSERT_FALSE(sequence_agent(NULL));
    CU_ASSERT_FALSE(sequence_agent(" "));
    CU_ASSERT_FALSE(sequence_agent("none"));
    CU_ASSERT_FALSE(sequence_agent("No Contrast "));
    CU_ASSERT(sequence_has("ORIGINAL\\PRIMARY \\M", "PRIMARY"));
    CU_ASSERT_FALSE(sequence_has("ORIGINAL\\PRIMARY", "PRIM"));
    CU_ASSERT_FALSE(sequence_has(NULL, ""));
}

/* ---- real series ---- */

/* Without what people named: only the physics is left. */
static const char *nameless(const char *keyword, void *context)
{
    if (strcmp(keyword, "SeriesDescription") == 0 || strcmp(keyword, "ProtocolName") == 0)
        return NULL;
    for (const struct scan_tag *tag = scan_tags; tag->keyword != NULL; tag++)
        if (strcmp(tag->keyword, keyword) == 0)
            return item_text(context, tag->tag);
    return NULL;
}

static struct dataset *first_of(const char *folder)
{
    static unsigned char bytes[1 << 22];
    struct dirent **names;
    struct dataset *dataset = NULL;
    char path[5000];

    const int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        FILE *const file = dataset == NULL && names[i]->d_name[0] != '.' ? fopen(path, "rb") : NULL;
        if (file != NULL) {
            dataset = dataset_read(bytes, fread(bytes, 1, sizeof bytes, file), &err);
            fclose(file);
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return dataset;
}

static void the_physics_of_a_real_study_tells_its_four_roles(void)
{
    static const struct { const char *set; enum sequence_kind kind; } sets[] = {
        { "dicom/mr_brain_tumour_siemens_pgbm003/t1pre_reg", SEQUENCE_T1 },
        { "dicom/mr_brain_tumour_siemens_pgbm003/t1post", SEQUENCE_T1C },
        { "dicom/mr_brain_tumour_siemens_pgbm003/t2_reg", SEQUENCE_T2 },
        { "dicom/mr_brain_tumour_siemens_pgbm003/flair_reg", SEQUENCE_FLAIR },
        { "dicom/geometry_quirks/mr_coronal_double_oblique_philips", SEQUENCE_FLAIR },
        { "dicom/geometry_quirks/mr_too_few_slices", SEQUENCE_FLAIR },
        { "dicom/geometry_quirks/mr_4d_repeated_positions_ge", SEQUENCE_T2STAR }
    };
    char folder[4096];

    CU_ASSERT_FATAL(dicom_init(&err));
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct sequence sequence;
        if (!runner_data_path(sets[i].set, folder, sizeof folder))
            return;
        struct dataset *const dataset = first_of(folder);
        CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
        sequence_of(nameless, dataset_root(dataset), &sequence);
        CU_ASSERT_EQUAL(sequence.kind, sets[i].kind);
        CU_ASSERT_FALSE(sequence.by_name);
        printf("    %s: %s (%s)\n", sets[i].set, sequence_name(sequence.kind), sequence.basis);
        dataset_free(dataset);
    }
}

static const struct runner_test tests[] = {
    TEST(times_tell_what_a_series_shows),
    TEST(a_name_counts_only_where_the_physics_is_silent),
    TEST(what_no_rule_knows_stays_unknown),
    TEST(an_agent_that_was_not_given_is_none),
    TEST(the_physics_of_a_real_study_tells_its_four_roles),
    { NULL, NULL }
};

const struct runner_suite suite_sequence = { "sequence", tests };
