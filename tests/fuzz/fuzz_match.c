/* The keys of a C-FIND against values: byte 0 chooses the VR, the first NUL parts key and
 * value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *const vrs[] = {"UI", "PN", "DA", "TM", "IS", "DS", "LO", "CS"};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    const char *const vr = vrs[bytes[0] % 8];
    char *const key = strndup((const char *)bytes + 1, size - 1);
    const size_t length = strlen(key) + 2;
    char *const value =
        length < size ? strndup((const char *)bytes + length, size - length) : strdup("");

    query_matches(vr, key, value);
    /* A single UID is in a list that holds it; everything matches no key at all. */
    if (!query_matches(vr, "", value) || !query_matches(vr, "*", value) ||
        (strlen(value) < 1000 && strchr(value, '\\') == NULL && value[0] != '\0' &&
         !query_matches("UI", value, value)))
        abort();
    free(key);
    free(value);
    return 0;
}
