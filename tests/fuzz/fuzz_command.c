/* The command set: what is read and written again is read as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/command.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    unsigned char buffer[COMMAND_MAX_WRITE];
    struct dimse_message first, second;
    struct error err;

    if (!command_read(bytes, size, &first, &err))
        return 0;
    const size_t written = command_write(&first, "comment", buffer);

    if (!command_read(buffer, written, &second, &err) || first.command != second.command ||
        strcmp(first.sop_uid, second.sop_uid) != 0 ||
        strcmp(first.sop_class_uid, second.sop_class_uid) != 0)
        abort();
    return 0;
}
