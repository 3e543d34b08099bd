/*
 * What a peer that we call answers to our association request, up to DCMTK's DUL. The
 * input is the whole answer; the length of the PDU is put right.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dicom/negotiate.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint8_t said[32768]; /* one call at a time: connect() parts the threads */
static size_t said_size;    /* without the kind of the PDU */

static void *peer(void *context)
{
    const int listener = *(const int *)context;
    unsigned char ignored[65536];

    for (;;) {
        const int end = accept(listener, NULL, NULL);
        const size_t size = said_size;
        const unsigned char head[6] = {said[0],
                                       0,
                                       (unsigned char)(size >> 24),
                                       (unsigned char)(size >> 16),
                                       (unsigned char)(size >> 8),
                                       (unsigned char)size};

        if (end >= 0 && recv(end, ignored, sizeof ignored, 0) > 0 &&
            send(end, head, 6, MSG_NOSIGNAL | MSG_MORE) == 6)
            send(end, said + 1, size, MSG_NOSIGNAL);
        shutdown(end, SHUT_WR);
        recv(end, ignored, sizeof ignored, MSG_WAITALL); /* until it is closed there */
        close(end);
    }
    return NULL;
}

static int listen_once(void)
{
    static int listener = -1;
    static int port;
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    pthread_t thread;

    if (listener >= 0)
        return port;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&here, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &size) != 0 ||
        pthread_create(&thread, NULL, peer, &listener) != 0)
        abort();
    port = ntohs(here.sin_port);
    return port;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct association_proposal proposals[] = {
        {.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
         .transfer_syntax = "1.2.840.10008.1.2.1"},
        {.sop_class_uid = "1.2.840.10008.1.20.1",
         .transfer_syntax = "1.2.840.10008.1.2"}};
    struct negotiated agreed;
    struct error err;
    int socket = -1;

    if (size < 2 || size > sizeof said)
        return 0;
    memcpy(said, bytes, size);
    said_size = size - 1;
    const struct association_target target = {.host = "127.0.0.1",
                                              .port = listen_once(),
                                              .calling_ae = "CALLER",
                                              .called_ae = "CALLED",
                                              .max_pdu = 16384,
                                              .timeout_s = 2};

    if (negotiate_request(&target, proposals, 2, &socket, &agreed, &err)) {
        if (agreed.count > 3) /* no more than we proposed */
            abort();
        close(socket);
    }
    return 0;
}
