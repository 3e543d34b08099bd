/* Pictures from outside: PNG by libpng, and what we read of a JPEG. What says that it is large is passed over. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "reports/picture.h"
#include "util/error.h"

#define MOST (1u << 20)                 /* pixels */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Width and height of a PNG's first chunk; of a JPEG its frame header's are checked before they count. */
static bool is_small(const uint8_t *bytes, size_t size)
{
    uint64_t side[2] = { 0, 0 };

    if (size < 24 || bytes[0] != 0x89)
        return size < 4096;
    for (size_t i = 0; i < 8; i++)
        side[i / 4] = side[i / 4] << 8 | bytes[16 + i];
    return side[0] * side[1] <= MOST || side[0] * side[1] > 64000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct picture_about about = { .study_key = "a", .series_key = "b", .key = "c", .patient_id = "P",
                                                .description = "d", .derivation = "e" };
    static bool begun;
    struct error err;
    unsigned char *made = NULL;
    size_t made_size = 0;

    if (!begun && !dicom_init(&err))
        abort();
    begun = true;
    if (!is_small(bytes, size) || !picture_write(bytes, size, &about, &made, &made_size, &err))
        return 0;
    struct dataset *const dataset = dataset_read(made, made_size, &err);
    if (dataset == NULL)                /* what we write, we can read */
        abort();
    dataset_free(dataset);
    free(made);
    return 0;
}
