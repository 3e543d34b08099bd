#include <errno.h>
#include <string.h>

#include "tests/runner.h"
#include "util/error.h"

static void error_keeps_code_and_text(void)
{
    struct error err;

    CU_ASSERT_FALSE(error_set(&err, ERROR_DATA, "slice %d missing", 17));
    CU_ASSERT_EQUAL(err.code, ERROR_DATA);
    CU_ASSERT_STRING_EQUAL(err.text, "slice 17 missing");
    CU_ASSERT_PTR_NULL(error_null(&err, ERROR_LIMIT, "x"));
}

static void error_prefix_says_where(void)
{
    struct error err;

    error_set(&err, ERROR_DATA, "slice 17 missing");
    CU_ASSERT_FALSE(error_prefix(&err, "series %s", "1.2.3"));
    CU_ASSERT_STRING_EQUAL(err.text, "series 1.2.3: slice 17 missing");
    CU_ASSERT_EQUAL(err.code, ERROR_DATA);
}

static void error_cuts_what_is_too_long(void)
{
    struct error err;
    char text[1000];

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    error_set(&err, ERROR_DATA, "%s", text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
    error_prefix(&err, "%s", text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
}

static void error_errno_tells_the_reason(void)
{
    struct error err;

    errno = ENOSPC;
    CU_ASSERT_FALSE(error_errno(&err, "journal"));
    CU_ASSERT_EQUAL(err.code, ERROR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "journal: No space left on device");
}

static const struct runner_test tests[] = {
    TEST(error_keeps_code_and_text),
    TEST(error_prefix_says_where),
    TEST(error_cuts_what_is_too_long),
    TEST(error_errno_tells_the_reason),
    { NULL, NULL }
};
const struct runner_suite suite_error = { "error", tests };
