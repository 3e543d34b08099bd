/* Text: see the header. */
#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool only_spaces(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

bool text_to_int(const char *text, long long low, long long high, long long *ret_value)
{
    char *end;

    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || errno != 0 || !only_spaces(end) || value < low || value > high)
        return false;
    *ret_value = value;
    return true;
}

bool text_to_double(const char *text, double *ret_value)
{
    char *end;

    if (text[strspn(text, " \t\r\n+-0123456789.eE")] != '\0')
        return false;                   /* strtod also takes hexadecimal, inf and nan */
    const double value = strtod(text, &end);
    if (end == text || !isfinite(value) || !only_spaces(end))
        return false;
    *ret_value = value;
    return true;
}

bool text_format(char *buffer, size_t size, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    const int length = vsnprintf(buffer, size, format, list);
    va_end(list);
    return length >= 0 && (size_t)length < size;
}

bool text_is_uid(const char *text)
{
    const size_t length = strspn(text, "0123456789.");

    if (length == 0 || length >= TEXT_UID_SIZE || text[length] != '\0')
        return false;
    if (text[0] == '.' || text[length - 1] == '.')
        return false;
    return strstr(text, "..") == NULL;
}

char *text_trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

size_t text_utf8_length(const void *text, size_t left)
{
    const unsigned char *const at = text;

    const unsigned char lead = at[0];
    const size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2
        : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;

    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f)
        || (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

void text_to_utf8(const char *text, size_t length, char *buffer, size_t size)
{
    const unsigned char *const from = (const unsigned char *)text;
    size_t used = 0;

    for (size_t i = 0; i < length && from[i] != '\0';) {
        const size_t step = text_utf8_length(from + i, length - i);
        unsigned char bytes[4] = { ' ' };
        size_t count = step;
        if (step == 0) {                                    /* Latin-1 */
            bytes[0] = (unsigned char)(0xc0 | from[i] >> 6);
            bytes[1] = (unsigned char)(0x80 | (from[i] & 0x3f));
            count = 2;
        } else if (step > 1 || (from[i] >= ' ' && from[i] != 0x7f)) {
            memcpy(bytes, from + i, step);
        }
        if (used + count >= size)
            break;
        memcpy(buffer + used, bytes, count);
        used += count;
        i += step == 0 ? 1 : step;
    }
    buffer[used] = '\0';
}

/* U+202A..202E, U+2066..2069, U+200E, U+200F: they turn the reading direction. */
static bool is_bidi(const unsigned char *at)
{
    return at[0] == 0xe2
        && ((at[1] == 0x80 && (at[2] == 0x8e || at[2] == 0x8f
                               || (at[2] >= 0xaa && at[2] <= 0xae)))
            || (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9));
}

void text_printable(const char *text, char *buffer, size_t size)
{
    const unsigned char *from = (const unsigned char *)text;
    size_t left = strlen(text), used = 0;

    while (left > 0) {
        const size_t step = text_utf8_length(from, left);
        const bool bad = step == 0 || from[0] < ' ' || from[0] == 0x7f
            || (step == 2 && from[0] == 0xc2 && from[1] < 0xa0)
            || (step == 3 && is_bidi(from));
        const size_t count = bad ? 1 : step;
        if (used + count >= size)
            break;
        if (bad)
            buffer[used] = '?';
        else
            memcpy(buffer + used, from, step);
        used += count;
        from += step == 0 ? 1 : step;
        left -= step == 0 ? 1 : step;
    }
    buffer[used] = '\0';
}
