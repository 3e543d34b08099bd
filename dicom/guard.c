/* Guard: the C library's __assert_fail(), with a place to go. */
#include "dicom/guard.h"

#include <assert.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local jmp_buf *way_back;

bool guard_run(bool (*run)(void *context), void *context, bool *ret_failed)
{
    jmp_buf here;

    *ret_failed = false;
    if (setjmp(here) != 0) {
        way_back = NULL;
        *ret_failed = true;
        return false;
    }
    way_back = &here;
    const bool good = run(context);

    way_back = NULL;
    return good;
}

/*
 * In the place of the C library's, for the whole program and the libraries under it. Where nobody
 * stands guard it does the same.
 */
void __assert_fail(const char *assertion, const char *file, unsigned line,
                   const char *function)
{
    if (way_back != NULL)
        longjmp(*way_back, 1);
    fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line,
            function != NULL ? function : "?", assertion);
    abort();
}
