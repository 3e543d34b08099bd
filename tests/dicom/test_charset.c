#include <stdio.h>
#include <string.h>

#include "dicom/charset.h"
#include "tests/runner.h"
#include "util/text.h"

/* The text of a hexadecimal string; false when it is none. */
static bool from_hex(const char *hex, char *text, size_t size)
{
    size_t length = 0;
    unsigned byte;

    for (; hex[0] != '\0' && hex[1] != '\0' && length + 1 < size; hex += 2) {
        if (sscanf(hex, "%2x", &byte) != 1)
            return false;
        text[length++] = (char)byte;
    }
    text[length] = '\0';
    return true;
}

/* The standard's examples and names in every set, as pydicom reads them (charsets.py). */
static void every_set_reads_as_pydicom_reads_it(void)
{
    char command[4200], line[2048], text[1024], expected[1024], got[1024];
    int count = 0;

    snprintf(command, sizeof command, "/usr/bin/python3 '%s/tests/dicom/charsets.py'",
             runner_source());
    FILE *const cases = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(cases);
    while (fgets(line, sizeof line, cases) != NULL) {
        char *const bytes = strchr(line, '\t'), *const utf8 = bytes == NULL ? NULL
            : strchr(bytes + 1, '\t');
        CU_ASSERT_PTR_NOT_NULL_FATAL(utf8);
        *bytes = *utf8 = '\0';
        utf8[strcspn(utf8 + 1, "\n") + 1] = '\0';
        CU_ASSERT_FATAL(from_hex(bytes + 1, text, sizeof text));
        CU_ASSERT_FATAL(from_hex(utf8 + 1, expected, sizeof expected));
        charset_to_utf8(line, text, got, sizeof got);
        if (strcmp(got, expected) != 0) {
            CU_FAIL("another text");
            printf("\n      %s: '%s', and pydicom reads '%s'\n", line, got, expected);
        }
        count++;
    }
    CU_ASSERT_EQUAL(pclose(cases), 0);
    CU_ASSERT(count >= 24);
}

static void what_is_no_character_becomes_the_replacement_and_nothing_is_lost(void)
{
    static const struct { const char *charset, *text, *expected; } cases[] = {
        { "ISO_IR 6", "a\xe4" "b", "a\xef\xbf\xbd" "b" },
        { "ISO_IR 192", "a\xe4" "b", "a\xef\xbf\xbd" "b" },
        { "ISO_IR 192", "M\xc3\xbcller", "M\xc3\xbcller" },
        { "ISO_IR 192", "\xfd\x88\x88\x88\x88\x88", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "", "M\xc3\xbcller", "M\xc3\xbcller" }, { NULL, "M\xc3\xbcller", "M\xc3\xbcller" },
        { "NO SUCH SET", "M\xfcller", "M\xef\xbf\xbdller" },
        { "\\ISO 2022 IR 87", "\x1b$B;3E", "\xe5\xb1\xb1\xef\xbf\xbd" },
        { "\\ISO 2022 IR 87", "\x1b%Gx", "\xef\xbf\xbd%Gx" },
        { "\\ISO 2022 IR 149", "\x1b$)C\xfb", "\xef\xbf\xbd" },
        { "GB18030", "a\xff" "b", "a\xef\xbf\xbd" "b" }, { "GBK", "\xcd", "\xef\xbf\xbd" },
        { "ISO_IR 138", "\xfb", "\xef\xbf\xbd" }
    };
    char got[64];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        charset_to_utf8(cases[i].charset, cases[i].text, got, sizeof got);
        if (strcmp(got, cases[i].expected) != 0) {
            CU_FAIL("another text");
            printf("\n      %zu: '%s', not '%s'\n", i, got, cases[i].expected);
        }
    }
}

/* A delimiter brings the first set back: 0xfc behind it is Latin-1's again. */
static void delimiters_end_what_escapes_began(void)
{
    char got[64];

    charset_to_utf8("ISO 2022 IR 100\\ISO 2022 IR 144", "\x1b-L\xb8^\xfc", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "\xd0\x98^\xc3\xbc");
}

static void what_does_not_fit_is_cut_between_characters(void)
{
    char got[8];

    charset_to_utf8("ISO_IR 100", "\xfc\xfc\xfc\xfc\xfc", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "\xc3\xbc\xc3\xbc\xc3\xbc");
    charset_to_utf8("GB18030", "\xcd\xf5\xcd\xf5\xcd\xf5", got, sizeof got);
    CU_ASSERT(strlen(got) % 3 == 0 && strlen(got) < sizeof got);
}

static const struct runner_test tests[] = {
    TEST(every_set_reads_as_pydicom_reads_it),
    TEST(what_is_no_character_becomes_the_replacement_and_nothing_is_lost),
    TEST(delimiters_end_what_escapes_began),
    TEST(what_does_not_fit_is_cut_between_characters),
    { NULL, NULL }
};
const struct runner_suite suite_charset = { "charset", tests };
