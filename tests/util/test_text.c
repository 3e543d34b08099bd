#include <string.h>

#include "tests/runner.h"
#include "util/text.h"

static void text_to_int_takes_whole_numbers_within_bounds_only(void)
{
    static const char *const bad[] = { "", " ", "x", "1x", "1.5", "0x10", "--1", "11", "-1",
                                       "99999999999999999999" };
    long long value = -7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(text_to_int(bad[i], 0, 10, &value));
    CU_ASSERT_EQUAL(value, -7);
    CU_ASSERT(text_to_int(" 10 ", 0, 10, &value) && value == 10);
}

static void text_to_double_takes_finite_decimals_only(void)
{
    static const char *const bad[] = { "", "nan", "inf", "-inf", "0x1p3", "1e999", "1,5", "1 2" };
    double value = -7;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(text_to_double(bad[i], &value));
    CU_ASSERT_EQUAL(value, -7);
    CU_ASSERT(text_to_double("-1.25e2 ", &value) && value == -125);
}

static void text_is_uid_follows_the_grammar(void)
{
    char longest[66];

    memset(longest, '1', sizeof longest);
    longest[64] = '\0';
    CU_ASSERT(text_is_uid("1.2.840.10008.1.1"));
    CU_ASSERT(text_is_uid(longest));
    longest[64] = '1';
    longest[65] = '\0';
    CU_ASSERT_FALSE(text_is_uid(longest));
    static const char *const bad[] = { "", ".", "..", "1..2", ".1", "1.", "1.2/../3", "1.a",
                                       "1 2" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_FALSE(text_is_uid(bad[i]));
}

static void text_format_says_when_it_was_cut(void)
{
    char buffer[4];

    CU_ASSERT(text_format(buffer, sizeof buffer, "%d", 123));
    CU_ASSERT_FALSE(text_format(buffer, sizeof buffer, "%d", 1234));
    CU_ASSERT_STRING_EQUAL(buffer, "123");
}

static void text_to_utf8_mends_what_is_not(void)
{
    char buffer[16];

    text_to_utf8("J\xc3\xb6rg", 5, buffer, sizeof buffer);
    CU_ASSERT_STRING_EQUAL(buffer, "J\xc3\xb6rg");
    text_to_utf8("J\xf6rg", 4, buffer, sizeof buffer);
    CU_ASSERT_STRING_EQUAL(buffer, "J\xc3\xb6rg");
    text_to_utf8("a\x1b[31m\xed\xa0\x80", 9, buffer, sizeof buffer);
    CU_ASSERT_STRING_EQUAL(buffer, "a [31m\xc3\xad\xc2\xa0\xc2\x80");
    text_to_utf8("\xc3\xb6\xc3\xb6", 4, buffer, 4);
    CU_ASSERT_STRING_EQUAL(buffer, "\xc3\xb6");
}

static void text_printable_hides_controls_and_bidi(void)
{
    char buffer[32];

    text_printable("a\x1b]0;x\x07" "b\xe2\x80\xae" "c\xc2\x9b" "d\xff", buffer, sizeof buffer);
    CU_ASSERT_STRING_EQUAL(buffer, "a?]0;x?b?c?d?");
    text_printable("J\xc3\xb6rg", buffer, sizeof buffer);
    CU_ASSERT_STRING_EQUAL(buffer, "J\xc3\xb6rg");
}

static void text_trim_cuts_both_ends(void)
{
    char text[] = "  a b \n";

    CU_ASSERT_STRING_EQUAL(text_trim(text), "a b");
}

static const struct runner_test tests[] = {
    TEST(text_to_int_takes_whole_numbers_within_bounds_only),
    TEST(text_to_double_takes_finite_decimals_only),
    TEST(text_is_uid_follows_the_grammar),
    TEST(text_format_says_when_it_was_cut),
    TEST(text_to_utf8_mends_what_is_not),
    TEST(text_printable_hides_controls_and_bidi),
    TEST(text_trim_cuts_both_ends),
    { NULL, NULL }
};
const struct runner_suite suite_text = { "text", tests };
