#include <string.h>

#include "daemon/query.h"
#include "tests/runner.h"

struct match {
    const char *vr, *key, *value;
    bool matches;
};

static void check(const struct match *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (query_matches(cases[i].vr, cases[i].key, cases[i].value) != cases[i].matches) {
            CU_FAIL("a match");
            printf("\n      %s '%s' against '%s'\n", cases[i].vr, cases[i].key, cases[i].value);
        }
}
#define CHECK(cases) check(cases, sizeof cases / sizeof *cases)

/* PS3.4 C.2.2.2.1, C.2.2.2.3 and C.2.2.2.4 */
static void values_wildcards_and_empty_keys_match_as_the_standard_says(void)
{
    static const struct match cases[] = {
        { "LO", "", "", true }, { "LO", "", "x", true }, { "LO", "*", "", true },
        { "LO", "abc", "abc", true }, { "LO", "abc", "ABC", false }, { "LO", "abc", "ab", false },
        { "LO", "abc", "", false }, { "LO", "a*", "abc", true }, { "LO", "*c", "abc", true },
        { "LO", "*b*", "abc", true }, { "LO", "a?c", "abc", true }, { "LO", "a?c", "ac", false },
        { "LO", "a??", "abc", true }, { "LO", "?", "\xc3\xa4", true },
        { "LO", "a?c", "a\xe6\xbc\xa2" "c", true }, { "LO", "[a]", "a", false },
        { "LO", "[a]", "[a]", true }, { "CS", "CT", "CT", true }, { "CS", "CT", "MR\\CT", true },
        { "CS", "CT\\MR", "MR", true }, { "CS", "CT\\MR", "PT", false },
        { "SH", "*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
        { "IS", "7", "7", true }, { "IS", "7", "07", true }, { "IS", "7", "70", false },
        { "IS", "7", "", false }
    };

    CHECK(cases);
}

/* C.2.2.2.2: a list of UIDs, without wildcards */
static void a_list_of_uids_matches_each_of_them(void)
{
    static const struct match cases[] = {
        { "UI", "1.2", "1.2", true }, { "UI", "1.2", "1.2.3", false },
        { "UI", "1.2\\1.3", "1.3", true }, { "UI", "1.2\\1.3", "1.4", false },
        { "UI", "1.*", "1.2", false }, { "UI", "1.2", "1.7\\1.2", true }
    };

    CHECK(cases);
}

/* C.2.2.2.5 */
static void ranges_of_dates_and_times_include_their_ends(void)
{
    static const struct match cases[] = {
        { "DA", "20260302", "20260302", true }, { "DA", "20260302", "2026.03.02", true },
        { "DA", "20260302", "20260303", false }, { "DA", "20260302", "", false },
        { "DA", "20260301-20260303", "20260303", true },
        { "DA", "20260301-20260303", "20260304", false },
        { "DA", "20260301-", "20991231", true }, { "DA", "20260301-", "20260228", false },
        { "DA", "-20260301", "20260301", true }, { "DA", "-20260301", "20260302", false },
        { "DA", "-20260301", "", false }, { "TM", "1000-1100", "103000", true },
        { "TM", "1000-1100", "110059.999", true }, { "TM", "1000-1100", "110100", false },
        { "TM", "10", "105959", true }, { "TM", "10", "110000", false },
        { "TM", "101530", "101530.25", true }, { "TM", "-0600", "055959.9", true },
        { "TM", "2200-", "2159", false }
    };

    CHECK(cases);
}

/* PS3.5 6.2: three groups, five components; case counts for nothing */
static void names_match_in_any_group_and_case(void)
{
    static const struct match cases[] = {
        { "PN", "doe^john", "Doe^John", true }, { "PN", "DOE*", "Doe^John", true },
        { "PN", "DOE", "Doe^John", false }, { "PN", "Doe^John", "Doe^John^^^", true },
        { "PN", "Doe^John^^", "Doe^John", true }, { "PN", "*john", "Doe^John", true },
        { "PN", "Yamada^Tarou", "Yamada^Tarou=\xe5\xb1\xb1\xe7\x94\xb0^\xe5\xa4\xaa\xe9\x83\x8e", true },
        { "PN", "\xe5\xb1\xb1\xe7\x94\xb0*", "Yamada^Tarou=\xe5\xb1\xb1\xe7\x94\xb0^\xe5\xa4\xaa\xe9\x83\x8e", true },
        { "PN", "Suzuki*", "Yamada^Tarou=\xe5\xb1\xb1\xe7\x94\xb0^\xe5\xa4\xaa\xe9\x83\x8e", false }
    };

    CHECK(cases);
}

static const struct runner_test tests[] = {
    TEST(values_wildcards_and_empty_keys_match_as_the_standard_says),
    TEST(a_list_of_uids_matches_each_of_them),
    TEST(ranges_of_dates_and_times_include_their_ends),
    TEST(names_match_in_any_group_and_case),
    { NULL, NULL }
};
const struct runner_suite suite_query = { "query", tests };
