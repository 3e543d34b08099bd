/* Methods: the table, and what it refuses. */
#include "analysis/methods.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static struct error err;

static void a_method_is_found_by_its_whole_name_only(void)
{
    const struct methods_entry *const method = methods_find("otsu3-morphology");

    CU_ASSERT_PTR_NOT_NULL_FATAL(method);
    CU_ASSERT_STRING_EQUAL(method->version, "1");
    CU_ASSERT_PTR_NULL(methods_find("otsu3"));
    CU_ASSERT_PTR_NULL(methods_find(""));
    CU_ASSERT_PTR_NULL(methods_find("Otsu3-morphology"));
}

static void a_method_takes_the_modalities_that_it_names(void)
{
    const struct methods_entry any = { .modalities = NULL }, two = { .modalities = "PT NM" };

    CU_ASSERT(methods_takes(&any, "XA") && methods_takes(&any, ""));
    CU_ASSERT(methods_takes(&two, "PT") && methods_takes(&two, "NM"));
    CU_ASSERT_FALSE(methods_takes(&two, "P") || methods_takes(&two, "T") || methods_takes(&two, "MR"));
    CU_ASSERT_FALSE(methods_takes(&two, "") || methods_takes(&two, "PT NM X"));
}

/* Names are one each, short enough for the parameters, and told in the manual with their sentence. */
static void every_method_stands_in_the_manual(void)
{
    char path[4200], line[512], wanted[100];

    snprintf(path, sizeof path, "%s/daemon/tumord.yaml.5", runner_source());
    for (size_t n = 0; methods_at(n) != NULL; n++) {
        FILE *const manual = fopen(path, "r");
        bool found = false;
        CU_ASSERT_PTR_NOT_NULL_FATAL(manual);
        snprintf(wanted, sizeof wanted, ".B %s\n", methods_at(n)->name);
        while (fgets(line, sizeof line, manual) != NULL)
            found |= strcmp(line, wanted) == 0;
        fclose(manual);
        CU_ASSERT(found);
        if (!found)
            printf("[%s] ", methods_at(n)->name);
        CU_ASSERT_PTR_EQUAL(methods_find(methods_at(n)->name), methods_at(n));
        CU_ASSERT(strlen(methods_at(n)->name) < 65 && strlen(methods_at(n)->version) < 17);
    }
}

static void a_method_that_needs_an_organ_says_so(void)
{
    static uint8_t voxel[8];
    struct analysis_parameters parameters;
    struct findings findings;
    struct arena *const arena = arena_new(1 << 20, &err);
    const struct volume volume = { .type = VOXEL_UINT8, .size = { 2, 2, 2 }, .u8 = voxel, .slope = 1 };
    const struct methods_task task = { .volume = &volume, .parameters = &parameters };

    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    analysis_defaults("CT", &parameters);
    for (size_t n = 0; methods_at(n) != NULL; n++) {
        if (!methods_at(n)->needs_organ)
            continue;
        snprintf(parameters.method, sizeof parameters.method, "%s", methods_at(n)->name);
        CU_ASSERT_FALSE(methods_run(&task, arena, &findings, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "needs an organ, and there is no mask of one"));
    }
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(a_method_is_found_by_its_whole_name_only),
    TEST(a_method_takes_the_modalities_that_it_names),
    TEST(every_method_stands_in_the_manual),
    TEST(a_method_that_needs_an_organ_says_so),
    { NULL, NULL }
};

const struct runner_suite suite_methods = { "methods", tests };
