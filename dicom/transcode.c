/* Transcode: read, and write in another syntax; dataset.h does both. */
#include "dicom/transcode.h"

#include "dicom/dataset.h"
#include "util/error.h"

bool transcode(const void *bytes, size_t size, const char *transfer_syntax,
               unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct dataset *const dataset = dataset_read(bytes, size, err);

    if (dataset == NULL)
        return false;
    const bool good = dataset_write_as(dataset, transfer_syntax, ret_bytes, ret_size, err);

    dataset_free(dataset);
    return good;
}
