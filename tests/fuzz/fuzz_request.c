/* The A-ASSOCIATE-RQ before DCMTK sees it: what is clean stays as it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/request.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct association_peer peer;
    unsigned char *clean = malloc(size + 1), *again = malloc(size + 1);
    size_t clean_size = 0, again_size = 0;
    struct error err;

    if (request_check(bytes, size, clean, &clean_size, &peer, &err) &&
        (!request_check(clean, clean_size, again, &again_size, &peer, &err) ||
         clean_size != again_size || memcmp(clean, again, clean_size) != 0))
        abort();
    free(clean);
    free(again);
    return 0;
}
