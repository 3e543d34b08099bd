/*
 * The size of a JPEG image: pieces must not change the answer, since fragments cut anywhere.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/jpeg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint32_t rows = 0, columns = 0, other_rows = 0, other_columns = 0;
    const enum jpeg_answer whole = jpeg_find_size(bytes, size, &rows, &columns);

    for (size_t part = 0; part < size && part < 64; part++) {
        unsigned char *copy = malloc(part + 1);     /* its end is seen */

        memcpy(copy, bytes, part);
        const enum jpeg_answer answer = jpeg_find_size(copy, part, &other_rows, &other_columns);
        if (answer != JPEG_MORE &&
            (answer != whole || (answer == JPEG_SIZE &&
                                 (rows != other_rows || columns != other_columns))))
            abort();
        jpeg_is_walkable(copy, part);
        free(copy);
    }
    jpeg_is_walkable(bytes, size);
    return 0;
}
