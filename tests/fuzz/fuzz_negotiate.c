/*
 * DCMTK's DUL behind our check, on requests that pass it: the fixed part is good, the items
 * are the input's. DCMTK itself is not instrumented; its allocations are watched all the same.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dicom/negotiate.h"
#include "dicom/request.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* DUL asks the socket for its peer's address, and for nothing else. */
static int connected(void)
{
    static int end = -1;
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;

    if (end >= 0)
        return end;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    end = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&here, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &size) != 0 ||
        connect(end, (struct sockaddr *)&here, size) != 0)
        abort();
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct association_policy policy = { .max_pdu = 16384 };
    struct association_peer peer;
    struct negotiated agreed;
    unsigned char *answer = NULL;
    size_t answer_size;
    struct error err;

    if (size > 65536)
        return 0;
    unsigned char *request = calloc(1, 74 + size);

    memset(request + 10, 'A', 32);
    memcpy(request + 74, bytes, size);
    request[0] = 1;
    request[7] = 1;
    for (int i = 0; i < 4; i++)
        request[2 + i] = (unsigned char)((68 + size) >> (24 - 8 * i));
    unsigned char *clean = malloc(74 + size);
    size_t clean_size = 0;

    if (request_check(request, 74 + size, clean, &clean_size, &peer, &err) &&
        negotiate_accept(connected(), clean, clean_size, &policy, &agreed, &answer,
                         &answer_size, &err) && agreed.count > REQUEST_MAX_CONTEXTS)
        abort();
    free(answer);
    free(clean);
    free(request);
    return 0;
}
