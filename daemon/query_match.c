/* Query match: PS3.4 C.2.2.2, key by key. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/query.h"
#include "util/text.h"

/* '*' any run, '?' any one character; with one step back, so that no pattern takes long. */
static bool matches_wildcard(const char *pattern, const char *value, bool any_case)
{
    const char *star = NULL, *retry = NULL;

    while (*value != '\0') {
        const int p = any_case ? toupper((unsigned char)*pattern) : (unsigned char)*pattern;
        const int v = any_case ? toupper((unsigned char)*value) : (unsigned char)*value;
        if (*pattern == '*') {
            star = pattern++;
            retry = value;
        } else if (*pattern != '\0' && (*pattern == '?' || p == v)) {
            pattern++;
            value++;
            while (pattern[-1] == '?' && ((unsigned char)*value & 0xc0) == 0x80)
                value++;                /* the rest of a character of several bytes */
        } else if (star != NULL) {
            pattern = star + 1;
            value = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* Part `index` of a text with '\' between its parts; false behind the last. */
static bool part_of(const char *text, size_t index, char *buffer, size_t size)
{
    while (index > 0) {
        text = strchr(text, '\\');
        if (text == NULL)
            return false;
        text++;
        index--;
    }
    text_format(buffer, size, "%.*s", (int)strcspn(text, "\\"), text);
    return true;
}

/* Any part of the key to any part of the value. */
static bool matches_any(const char *vr, const char *key, const char *value)
{
    const bool is_uid = strcmp(vr, "UI") == 0, is_name = strcmp(vr, "PN") == 0;
    char one[1024], other[1024];

    for (size_t k = 0; part_of(key, k, one, sizeof one); k++)
        for (size_t v = 0; part_of(value, v, other, sizeof other); v++)
            if (is_uid ? strcmp(one, other) == 0 : matches_wildcard(one, other, is_name))
                return true;
    return false;
}

/* ---- names ---- */

/* Empty components at the end of a name's group count for nothing. */
static void trim_name(char *name)
{
    size_t length = strlen(name);

    while (length > 0 && (name[length - 1] == '^' || name[length - 1] == ' '
                          || name[length - 1] == '='))
        length--;
    name[length] = '\0';
}

/* The whole, or one of the groups (alphabetic, ideographic, phonetic), as the key has them. */
static bool matches_name(const char *key, const char *value)
{
    char wanted[1024], name[1024], group[1024];
    const char *at = value;

    text_format(wanted, sizeof wanted, "%s", key);
    text_format(name, sizeof name, "%s", value);
    trim_name(wanted);
    trim_name(name);
    if (matches_wildcard(wanted, name, true))
        return true;
    while (strchr(wanted, '=') == NULL && *at != '\0') {
        const size_t length = strcspn(at, "=");
        text_format(group, sizeof group, "%.*s", (int)length, at);
        trim_name(group);
        if (matches_wildcard(wanted, group, true))
            return true;
        at += length + (at[length] == '=');
    }
    return false;
}

/* ---- dates and times ---- */

/* Digits of a DA, or of a TM with what is not written filled up by `filling`. */
static void normalise(const char *vr, const char *text, size_t length, char filling,
                      char ret[17])
{
    static const char low[] = "000000000000", high[] = "235959999999";
    const size_t whole = strcmp(vr, "DA") == 0 ? 8 : 12;
    size_t count = 0;

    for (size_t i = 0; i < length && count < whole; i++)
        if (isdigit((unsigned char)text[i]))
            ret[count++] = text[i];
    for (; whole == 12 && count < whole; count++)
        ret[count] = filling == '0' ? low[count] : high[count];
    ret[count] = '\0';
}

/* One moment, or a range with either end open. */
static bool matches_range(const char *vr, const char *key, const char *value)
{
    char low[17] = "", high[17] = "", at[17];
    const char *const dash = strchr(key, '-');
    const size_t length = dash == NULL ? strlen(key) : (size_t)(dash - key);

    if (*value == '\0')
        return false;
    normalise(vr, value, strlen(value), '0', at);
    normalise(vr, key, length, '0', low);
    if (dash == NULL)
        normalise(vr, key, length, '9', high);
    else if (dash[1] != '\0')
        normalise(vr, dash + 1, strlen(dash + 1), '9', high);
    return (length == 0 || strcmp(at, low) >= 0) && (*high == '\0' || strcmp(at, high) <= 0);
}

bool query_matches(const char *vr, const char *key, const char *value)
{
    double wanted, have;

    if (*key == '\0' || strcmp(key, "*") == 0)
        return true;
    if (strcmp(vr, "DA") == 0 || strcmp(vr, "TM") == 0)
        return matches_range(vr, key, value);
    if (strcmp(vr, "PN") == 0)
        return matches_name(key, value);
    if ((strcmp(vr, "IS") == 0 || strcmp(vr, "DS") == 0) && text_to_double(key, &wanted))
        return text_to_double(value, &have) && wanted == have;
    return matches_any(vr, key, value);
}
