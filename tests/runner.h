/*
 * Runner: CUnit suites, run in order, and one closing line 'N passed, N failed, N skipped'.
 * A test that lacks its input (real data, a peer's program) calls runner_skip() and returns.
 */
#ifndef TUMORD_TESTS_RUNNER_H
#define TUMORD_TESTS_RUNNER_H

#include <CUnit/CUnit.h>
#include <stdbool.h>

struct runner_test {
    const char *name;               /* a sentence about what it shows, with underscores */
    void (*run)(void);
};

struct runner_suite {
    const char *name;               /* the module */
    const struct runner_test *tests;    /* up to one without a name */
};

/* `suites` ends with NULL; argv[1], when given, runs only the suite of that name. */
int runner_main(int argc, char **argv, const struct runner_suite *const *suites);

void runner_skip(const char *reason);

/* The folder of real studies (TUMORD_DATA, or ../shared/data), or NULL when there is none. */
const char *runner_data(void);

/* `name` below that folder into `buffer`; false, after a skip with the name, when not there. */
bool runner_data_path(const char *name, char *buffer, unsigned long size);

/* The source tree's top (TUMORD_SOURCE, set by make check; "." by default). */
const char *runner_source(void);

#define TEST(function) { #function, function }

#endif
