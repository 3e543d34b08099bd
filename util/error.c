/* Error: formatting into the fixed text of a struct error. */
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct error *err, enum error_code code, const char *format, va_list list)
{
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, list);
}

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    set(err, code, format, list);
    va_end(list);
    return false;
}

void *error_null(struct error *err, enum error_code code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    set(err, code, format, list);
    va_end(list);
    return NULL;
}

bool error_prefix(struct error *err, const char *format, ...)
{
    char before[sizeof err->text], after[sizeof err->text];
    va_list list;

    va_start(list, format);
    vsnprintf(before, sizeof before, format, list);
    va_end(list);
    memcpy(after, err->text, sizeof after);
    const size_t used = strlen(before);
    const size_t room = sizeof err->text - used;
    memcpy(err->text, before, used);
    if (room > 3)
        snprintf(err->text + used, room, ": %.*s", (int)(room - 3), after);
    else
        err->text[used] = '\0';
    return false;
}

bool error_errno(struct error *err, const char *format, ...)
{
    const int number = errno;
    const enum error_code code = number == ENOMEM ? ERROR_MEMORY : ERROR_IO;
    va_list list;

    va_start(list, format);
    set(err, code, format, list);
    va_end(list);
    const size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(number));
    return false;
}
