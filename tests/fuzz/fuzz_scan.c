/*
 * The scanner: byte 0 chooses the syntax, or scan_check(); byte 1 the size of the pieces, which
 * must change neither the answer nor a value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/scan.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool scan_all(struct scan *scan, const uint8_t *bytes, size_t size, size_t step)
{
    struct error err;

    for (size_t at = 0; at < size; at += step)
        if (!scan_push(scan, bytes + at, size - at < step ? size - at : step, &err))
            return false;
    return scan_end(scan, &err);
}

static void compare(const struct scan *one, const struct scan *other)
{
    for (const struct scan_tag *tag = scan_tags; tag->keyword != NULL; tag++) {
        const char *first = scan_value(one, tag->tag), *second = scan_value(other, tag->tag);

        if ((first == NULL) != (second == NULL) || (first && strcmp(first, second) != 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const syntaxes[] = { "1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                            "1.2.840.10008.1.2.2",
                                            "1.2.840.10008.1.2.1.99" };
    struct error err;

    if (size < 2)
        return 0;
    if (bytes[0] % 5 == 4) {
        scan_check(bytes + 2, size - 2, &err);
        return 0;
    }
    const char *syntax = syntaxes[bytes[0] % 5];
    struct scan *whole = scan_new(syntax, &err), *pieces = scan_new(syntax, &err);
    const bool good = scan_all(whole, bytes + 2, size - 2, size);

    if (scan_all(pieces, bytes + 2, size - 2, 1u + bytes[1] % 32) != good)
        abort();
    if (good)
        compare(whole, pieces);
    scan_free(whole);
    scan_free(pieces);
    return 0;
}
