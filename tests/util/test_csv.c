#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"
#include "util/csv.h"

/* The cell as it is written; valid until the next call. */
static const char *cell(const char *text)
{
    static char *written;
    static size_t size;

    free(written);
    FILE *const file = open_memstream(&written, &size);
    csv_put_text(file, text);
    fclose(file);
    return written;
}

static void text_is_quoted_and_its_quotes_are_doubled(void)
{
    CU_ASSERT_STRING_EQUAL(cell("DOE^JOHN"), "\"DOE^JOHN\"");
    CU_ASSERT_STRING_EQUAL(cell(""), "\"\"");
    CU_ASSERT_STRING_EQUAL(cell("a,b;c"), "\"a,b;c\"");
    CU_ASSERT_STRING_EQUAL(cell("5\" long"), "\"5\"\" long\"");
    CU_ASSERT_STRING_EQUAL(cell("J\xc3\xb6rg"), "\"J\xc3\xb6rg\"");
}

static void no_text_becomes_a_formula(void)
{
    static const char *const bad[] = { "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
        "  =cmd|' /C calc'!A0", "|x", "%x", "\xc2\xa0=1", "\xef\xbc\x9d" "1", "\xef\xbc\x8b" "1",
        "\xef\xbc\x8d" "1", "\xef\xbc\xa0" "1" };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(strncmp(cell(bad[i]), "\"'", 2), 0);
    CU_ASSERT_STRING_EQUAL(cell("a=1"), "\"a=1\"");
    CU_ASSERT_STRING_EQUAL(cell("1.2.840"), "\"1.2.840\"");
}

static void a_cell_is_one_line(void)
{
    CU_ASSERT_STRING_EQUAL(cell("a\r\nb\tc\x7f"), "\"a  b c \"");
}

static void numbers_are_plain(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const file = open_memstream(&text, &size);

    csv_put_number(file, -0.5);
    csv_put_number(file, 12345678.25);
    fclose(file);
    CU_ASSERT_STRING_EQUAL(text, "-0.512345678.25");
    free(text);
}

static const struct runner_test tests[] = {
    TEST(text_is_quoted_and_its_quotes_are_doubled),
    TEST(no_text_becomes_a_formula),
    TEST(a_cell_is_one_line),
    TEST(numbers_are_plain),
    { NULL, NULL }
};
const struct runner_suite suite_csv = { "csv", tests };
