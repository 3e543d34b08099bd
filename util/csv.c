/* CSV: writes as it goes; the rules are in the header. */
#include "util/csv.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What begins a formula, also behind blanks; the last four are the wide forms (U+FF0B …). */
static bool is_formula(const char *text)
{
    static const char *const starts[] = { "=", "+", "-", "@", "|", "%", "\xef\xbc\x8b",
                                          "\xef\xbc\x8d", "\xef\xbc\x9d", "\xef\xbc\xa0" };

    while (*text == ' ' || (*text > 0 && *text < ' ') || strncmp(text, "\xc2\xa0", 2) == 0)
        text += *text == '\xc2' ? 2 : 1;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(text, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

void csv_put_text(FILE *file, const char *text)
{
    fputs(is_formula(text) ? "\"'" : "\"", file);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc((*text > 0 && *text < ' ') || *text == 0x7f ? ' ' : *text, file);
    }
    fputc('"', file);
}

void csv_put_number(FILE *file, double value)
{
    fprintf(file, "%.16g", value);
}
