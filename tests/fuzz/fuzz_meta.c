/* The head of a Part 10 file: what is read and written again is read as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/association.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The preamble and "DICM" stand before what is fuzzed. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    unsigned char *const file = calloc(1, 132 + size), buffer[1024];
    struct association_meta first, second;
    struct error err;

    if (file == NULL)
        return 0;
    memcpy(file + 128, "DICM", 4);
    memcpy(file + 132, bytes, size);
    if (association_read_meta(file, 132 + size, &first, &err)) {
        const size_t written = association_write_meta(first.sop_class_uid, first.sop_uid,
                                                      first.transfer_syntax, "CALLER",
                                                      buffer, sizeof buffer);

        if (first.length > 132 + size || written == 0)
            abort();
        if (first.sop_class_uid[0] != '\0' && first.sop_uid[0] != '\0' &&
            (!association_read_meta(buffer, written, &second, &err) ||
             second.length != written || strcmp(first.sop_uid, second.sop_uid) != 0 ||
             strcmp(first.transfer_syntax, second.transfer_syntax) != 0))
            abort();
    }
    free(file);
    return 0;
}
