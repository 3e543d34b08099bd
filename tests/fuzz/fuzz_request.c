/* The A-ASSOCIATE-RQ before DCMTK sees it. */
#include <stdint.h>
#include <string.h>

#include "dicom/request.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct association_peer peer;
    struct error err;

    if (request_check(bytes, size, &peer, &err) && strlen(peer.calling_ae) > 16)
        __builtin_trap();
    return 0;
}
