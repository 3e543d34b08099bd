/* Identifiers, both ways of writing: what is read and written again is read as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/identifier.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Top-level text again, in ascending order as it came. */
static void check_again(const struct identifier *identifier)
{
    struct identifier_writer writer;
    struct error err;

    identifier_begin(&writer, true);
    for (size_t i = 0; i < identifier_count(identifier); i++) {
        const struct identifier_element *const one = identifier_at(identifier, i);
        if (one->depth > IDENTIFIER_MAX_DEPTH || strlen(one->value) > one->size)
            abort();
        if (one->depth == 0 && !one->sequence && one->size < 60000 && one->tag >> 16 != 0xfffe)
            identifier_put(&writer, one->tag, "LT", one->value);
    }
    if (identifier_end(&writer, &err)) {
        struct identifier *const again = identifier_read(writer.bytes, writer.size, true, &err);
        if (again == NULL || identifier_count(again) > identifier_count(identifier))
            abort();
        identifier_free(again);
    }
    free(writer.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err;

    for (int is_explicit = 0; is_explicit < 2; is_explicit++) {
        struct identifier *const identifier = identifier_read(bytes, size, is_explicit != 0,
                                                              &err);
        if (identifier != NULL)
            check_again(identifier);
        identifier_free(identifier);
    }
    return 0;
}
