/* Runner: CUnit's basic interface, with skips counted. */
#include "tests/runner.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned skipped;

void runner_skip(const char *reason)
{
    printf("SKIP (%s) ", reason);
    skipped++;
}

const char *runner_source(void)
{
    const char *const source = getenv("TUMORD_SOURCE");

    return source != NULL ? source : ".";
}

const char *runner_data(void)
{
    static char beside[4096];
    const char *data = getenv("TUMORD_DATA");

    if (data == NULL) {
        snprintf(beside, sizeof beside, "%s/../shared/data", runner_source());
        data = beside;
    }
    return access(data, R_OK) == 0 ? data : NULL;
}

bool runner_data_path(const char *name, char *buffer, unsigned long size)
{
    const char *const data = runner_data();

    if (data != NULL) {
        snprintf(buffer, size, "%s/%s", data, name);
        if (access(buffer, R_OK) == 0)
            return true;
    }
    runner_skip(name);
    return false;
}

int runner_main(int argc, char **argv, const struct runner_suite *const *suites)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    for (; *suites != NULL; suites++) {
        if (argc > 1 && strcmp(argv[1], (*suites)->name) != 0)
            continue;
        CU_pSuite suite = CU_add_suite((*suites)->name, NULL, NULL);
        if (suite == NULL)
            return 2;
        for (const struct runner_test *test = (*suites)->tests; test->name != NULL; test++)
            if (CU_add_test(suite, test->name, test->run) == NULL)
                return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    const unsigned run = CU_get_number_of_tests_run();
    const unsigned failed = CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    printf("\n%u passed, %u failed, %u skipped\n", run - failed - skipped, failed, skipped);
    return failed == 0 && run > 0 ? 0 : 1;
}
