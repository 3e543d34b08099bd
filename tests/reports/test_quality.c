/* Quality of real series: what is known to be fine passes, and pydicom and numpy measure the same. */
#include "analysis/quality.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/reports/load.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

static struct error err;
static struct arena *arena;
static struct quality quality;

static bool examine(const char *folder)
{
    static const struct quality_rules by_default;
    struct volume volume;

    arena = arena_new((size_t)1 << 30, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    const bool good = load_series(folder, arena, &volume, &err)
        && quality_examine(&volume, &by_default, 2, arena, &quality, &err);
    if (!good)
        printf("    %s: %s\n", folder, err.text);
    arena_free(arena);
    return good;
}

static void whole_series_of_ct_mr_and_pet_are_ok(void)
{
    static const char *const sets[] = {
        "dicom/ct_liver_mets_ge_crlm1006",
        "dicom/mr_brain_tumour_siemens_pgbm003/t1post",
        "dicom/mr_brain_tumour_siemens_pgbm003/t1pre_reg",
        "dicom/mr_brain_tumour_siemens_pgbm003/t2_reg",
        "dicom/mr_brain_tumour_siemens_pgbm003/flair_reg",
        "dicom/pet_fdg_ge_sts001/image", "dicom/ctpetmr_cropped_sts002/pet"
    };
    char folder[4096];

    for (size_t n = 0; n < sizeof sets / sizeof *sets; n++) {
        if (!runner_data_path(sets[n], folder, sizeof folder))
            return;
        CU_ASSERT_FATAL(examine(folder));
        CU_ASSERT_EQUAL(quality.verdict, QUALITY_OK);
    }
}

/* It was cut around the thigh, and its air lies at -883: both are so in the files. */
static void a_cropped_ct_with_bright_air_is_warned_of_and_not_stopped(void)
{
    char folder[4096];

    if (!runner_data_path("dicom/ctpetmr_cropped_sts002/ct", folder, sizeof folder))
        return;
    CU_ASSERT_FATAL(examine(folder));
    CU_ASSERT_EQUAL(quality.verdict, QUALITY_WARN);
    CU_ASSERT_EQUAL(quality.check[QUALITY_TRUNCATED].verdict, QUALITY_WARN);
    CU_ASSERT_EQUAL(quality.check[QUALITY_AIR].verdict, QUALITY_WARN);
    CU_ASSERT_EQUAL(quality.check[QUALITY_UNITS].verdict, QUALITY_OK);
}

static void numpy_measures_a_real_ct_the_same(void)
{
    static const enum quality_kind kinds[] = { QUALITY_AIR, QUALITY_FAT, QUALITY_NOISE,
                                               QUALITY_TRUNCATED, QUALITY_CLIPPED,
                                               QUALITY_MOTION };
    char folder[4096], command[9000];
    double said;

    if (!runner_data_path("dicom/ct_liver_mets_ge_crlm1006", folder, sizeof folder))
        return;
    if (system("/usr/bin/python3 -c 'import pydicom, scipy' 2> /dev/null") != 0) {
        runner_skip("pydicom or scipy is not installed");
        return;
    }
    CU_ASSERT_FATAL(examine(folder));
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/quality.py %s",
             runner_source(), folder);
    FILE *const peer = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
    for (int i = 0; i < 6; i++) {
        const double ours = quality.check[kinds[i]].value;
        CU_ASSERT_EQUAL_FATAL(fscanf(peer, "%lf", &said), 1);
        CU_ASSERT_DOUBLE_EQUAL(ours, said, kinds[i] == QUALITY_FAT ? 2 : 1e-4 * said);
    }
    pclose(peer);
}

static const struct runner_test tests[] = {
    TEST(whole_series_of_ct_mr_and_pet_are_ok),
    TEST(a_cropped_ct_with_bright_air_is_warned_of_and_not_stopped),
    TEST(numpy_measures_a_real_ct_the_same),
    { NULL, NULL }
};

const struct runner_suite suite_quality = { "quality", tests };
