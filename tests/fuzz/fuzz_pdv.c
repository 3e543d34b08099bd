/* PDUs and PDVs from a peer that says its part and closes. */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dicom/pdv.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool read_fragment(struct pdv_stream *stream)
{
    const void *bytes;
    struct error err;
    size_t size;

    do {
        if (!pdv_bytes(stream, &bytes, &size, &err))
            return false;
    } while (size > 0);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err;
    struct pdv pdv;
    int ends[2];

    if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 0;
    if (write(ends[0], bytes, size) == (ssize_t)size && shutdown(ends[0], SHUT_WR) == 0) {
        struct pdv_stream *stream = pdv_stream_new(ends[1], 256, 0, 1, &err);

        while (stream != NULL && pdv_next(stream, &pdv, &err) && pdv.kind == PDV_DATA)
            if (!read_fragment(stream))
                break;
        pdv_stream_free(stream);
    } else {
        close(ends[1]);
    }
    close(ends[0]);
    return 0;
}
