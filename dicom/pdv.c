/* PDV: a buffer that is filled by recv() and emptied by parsing, and sendmsg() to answer. */
#include "dicom/pdv.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"

#define PDU_HEAD 6
#define PDV_HEAD 6              /* its length, context and control header */
#define SLACK 16384             /* the buffer holds a PDU and the beginning of the next */
#define LEAST_PDU 64            /* a peer that takes less than this is not meant */
#define LINGER_MS 500

enum pdu_type { PDU_REJECT = 3, PDU_DATA = 4, PDU_RELEASE_RQ = 5, PDU_RELEASE_RP = 6,
                PDU_ABORT = 7 };

struct pdv_stream {
    int fd;
    size_t max_in, max_out;
    int timeout_s;
    int64_t deadline_ms;
    size_t pdu_left, pdv_left;  /* of the PDU and of the PDV that are being read */
    size_t start, end, room;    /* the buffer's filled part, and its size */
    unsigned char buffer[];
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t read32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* ---- the socket ---- */

/* The kernel leaves quick acknowledgement by itself (tcp(7)): set again after each read. */
static void acknowledge_now(int fd)
{
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void pdv_tune_socket(int fd)
{
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    acknowledge_now(fd);
}

static bool wait_for(int fd, short events, int64_t deadline_ms, struct error *err)
{
    struct pollfd pollfd = { fd, events, 0 };

    for (;;) {
        const int64_t left = deadline_ms - now_ms();
        const int count = left > 0 ? poll(&pollfd, 1, (int)left) : 0;

        if (count > 0)
            return true;
        if (count == 0)
            return error_set(err, ERROR_LIMIT, "the peer was silent for too long");
        if (errno != EINTR)
            return error_errno(err, "waiting for the peer");
    }
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Passes over what was sent of the gathered parts. */
static void advance(struct iovec **part, size_t *count, size_t sent)
{
    while (*count > 0 && sent >= (*part)->iov_len) {
        sent -= (*part)->iov_len;
        (*part)++;
        (*count)--;
    }
    if (*count > 0) {
        (*part)->iov_base = (char *)(*part)->iov_base + sent;
        (*part)->iov_len -= sent;
    }
}

static bool send_parts(int fd, struct iovec *part, size_t count, int64_t deadline_ms,
                       struct error *err)
{
    while (count > 0) {
        const struct msghdr message = { .msg_iov = part, .msg_iovlen = count };
        const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent >= 0)
            advance(&part, &count, (size_t)sent);
        else if (would_block() && !wait_for(fd, POLLOUT, deadline_ms, err))
            return false;
        else if (!would_block() && errno != EINTR) {
            error_errno(err, "sending to the peer");
            err->code = ERROR_NETWORK;
            return false;
        }
    }
    return true;
}

bool pdv_send_socket(int fd, const void *bytes, size_t size, int timeout_s,
                     struct error *err)
{
    struct iovec part = { (void *)(uintptr_t)bytes, size };     /* sendmsg only reads it */

    return send_parts(fd, &part, 1, now_ms() + timeout_s * 1000, err);
}

void pdv_linger_socket(int fd)
{
    const int64_t deadline = now_ms() + LINGER_MS;
    unsigned char waste[4096];
    struct error ignored;
    ssize_t got;

    do {
        got = recv(fd, waste, sizeof waste, MSG_DONTWAIT);
        if (got < 0 && would_block() && wait_for(fd, POLLIN, deadline, &ignored))
            got = 1;
    } while (got > 0 && now_ms() < deadline);
}

static void send_last(int fd, const unsigned char *pdu, size_t size)
{
    if (send(fd, pdu, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size)
        shutdown(fd, SHUT_WR);
}

void pdv_abort_socket(int fd)
{
    /* PS3.8 9.3.8: by the service user, without a reason */
    static const unsigned char pdu[] = { PDU_ABORT, 0, 0, 0, 0, 4, 0, 0, 0, 0 };

    send_last(fd, pdu, sizeof pdu);
}

void pdv_reject_socket(int fd, uint8_t result, uint8_t source, uint8_t reason)
{
    const unsigned char pdu[] = { PDU_REJECT, 0, 0, 0, 0, 4, 0, result, source, reason };

    send_last(fd, pdu, sizeof pdu);
}

/* ---- the stream ---- */

struct pdv_stream *pdv_stream_new(int fd, size_t max_in, size_t max_out, int timeout_s,
                                  struct error *err)
{
    const size_t room = max_in + PDU_HEAD + SLACK;
    struct pdv_stream *stream = malloc(sizeof *stream + room);

    if (stream == NULL) {
        close(fd);
        return error_null(err, ERROR_MEMORY, "buffer of an association");
    }
    *stream = (struct pdv_stream){ .fd = fd, .max_in = max_in, .timeout_s = timeout_s,
                                   .room = room };
    stream->max_out = max_out < LEAST_PDU || max_out > PDV_DEFAULT_PDU ? PDV_DEFAULT_PDU
                                                                       : max_out;
    pdv_arm(stream);
    return stream;
}

void pdv_stream_free(struct pdv_stream *stream)
{
    if (stream != NULL)
        close(stream->fd);
    free(stream);
}

void pdv_arm(struct pdv_stream *stream)
{
    stream->deadline_ms = now_ms() + (int64_t)stream->timeout_s * 1000;
}

/* ---- reading ---- */

/* One recv() behind what is there; ret_got is 0 when the peer has closed. */
static bool fill(struct pdv_stream *stream, size_t *ret_got, struct error *err)
{
    for (;;) {
        const ssize_t got = recv(stream->fd, stream->buffer + stream->end,
                                 stream->room - stream->end, MSG_DONTWAIT);

        if (got >= 0) {
            acknowledge_now(stream->fd);
            stream->end += (size_t)got;
            *ret_got = (size_t)got;
            return true;
        }
        if (would_block() && !wait_for(stream->fd, POLLIN, stream->deadline_ms, err))
            return false;
        if (!would_block() && errno != EINTR) {
            error_errno(err, "reading from the peer");
            err->code = ERROR_NETWORK;
            return false;
        }
    }
}

/* Makes `size` bytes lie at the buffer's start; ret_there is false when the peer closed before
 * the first of them. */
static bool need(struct pdv_stream *stream, size_t size, bool *ret_there, struct error *err)
{
    size_t got = 1;

    if (stream->start == stream->end)
        stream->start = stream->end = 0;
    if (stream->start > 0 && stream->end - stream->start < size) {
        memmove(stream->buffer, stream->buffer + stream->start, stream->end - stream->start);
        stream->end -= stream->start;
        stream->start = 0;
    }
    while (stream->end - stream->start < size && got > 0)
        if (!fill(stream, &got, err))
            return false;
    *ret_there = got > 0;
    if (got == 0 && stream->end > stream->start)
        return error_set(err, ERROR_NETWORK, "the peer closed in the middle of a PDU");
    return true;
}

/* Abort and release have 4 bytes after their head, and no meaning in them for us. */
static bool short_pdu(struct pdv_stream *stream, size_t length, struct error *err)
{
    bool there;

    if (length != 4)
        return error_set(err, ERROR_DATA, "a PDU of %zu bytes in place of 4", length);
    if (!need(stream, 4, &there, err))
        return false;
    if (there)
        stream->start += 4;
    return true;
}

static bool begin_pdu(struct pdv_stream *stream, enum pdv_kind *ret_kind, struct error *err)
{
    bool there;

    if (!need(stream, PDU_HEAD, &there, err))
        return false;
    *ret_kind = PDV_CLOSED;
    if (!there)
        return true;
    const unsigned char type = stream->buffer[stream->start];
    const size_t length = read32(stream->buffer + stream->start + 2);

    stream->start += PDU_HEAD;
    switch (type) {
    case PDU_DATA:
        *ret_kind = PDV_DATA;
        stream->pdu_left = length;
        if (length <= stream->max_in + PDU_HEAD)    /* some peers count the head too */
            return true;
        return error_set(err, ERROR_LIMIT, "a PDU of %zu bytes, more than %zu", length,
                         stream->max_in);
    case PDU_RELEASE_RQ:
        *ret_kind = PDV_RELEASE_REQUEST;
        return short_pdu(stream, length, err);
    case PDU_RELEASE_RP:
        *ret_kind = PDV_RELEASE_REPLY;
        return short_pdu(stream, length, err);
    case PDU_ABORT:
        *ret_kind = PDV_ABORT;
        return true;
    default:
        return error_set(err, ERROR_DATA, "a PDU of type %u after the negotiation", type);
    }
}

static bool begin_pdv(struct pdv_stream *stream, struct pdv *ret_pdv, struct error *err)
{
    bool there;

    if (stream->pdu_left < PDV_HEAD)
        return error_set(err, ERROR_DATA, "a PDU with %zu bytes for a PDV's head",
                         stream->pdu_left);
    if (!need(stream, PDV_HEAD, &there, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NETWORK, "the peer closed in the middle of a PDU");
    const unsigned char *at = stream->buffer + stream->start;
    const size_t length = read32(at);

    if (length < 2 || length > stream->pdu_left - 4)
        return error_set(err, ERROR_DATA, "a PDV of %zu bytes in a PDU with %zu", length,
                         stream->pdu_left - 4);
    *ret_pdv = (struct pdv){ PDV_DATA, at[4], (at[5] & 1) != 0, (at[5] & 2) != 0 };
    stream->start += PDV_HEAD;
    stream->pdu_left -= 4 + length;
    stream->pdv_left = length - 2;
    return true;
}

bool pdv_pending(const struct pdv_stream *stream)
{
    struct pollfd on = { .fd = stream->fd, .events = POLLIN };

    return stream->end > stream->start || poll(&on, 1, 0) > 0;
}

bool pdv_next(struct pdv_stream *stream, struct pdv *ret_pdv, struct error *err)
{
    struct pdv pdv = { .kind = PDV_DATA };

    assert(stream->pdv_left == 0);
    while (stream->pdu_left == 0 && pdv.kind == PDV_DATA)   /* also past an empty PDU */
        if (!begin_pdu(stream, &pdv.kind, err))
            return false;
    if (pdv.kind == PDV_DATA && !begin_pdv(stream, &pdv, err))
        return false;
    *ret_pdv = pdv;
    return true;
}

bool pdv_bytes(struct pdv_stream *stream, const void **ret_bytes, size_t *ret_size,
               struct error *err)
{
    size_t size = stream->pdv_left;
    bool there;

    *ret_size = 0;
    if (size == 0)
        return true;
    if (!need(stream, 1, &there, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NETWORK, "the peer closed in the middle of a PDU");
    if (size > stream->end - stream->start)
        size = stream->end - stream->start;
    *ret_bytes = stream->buffer + stream->start;
    *ret_size = size;
    stream->start += size;
    stream->pdv_left -= size;
    return true;
}

/* ---- writing ---- */

size_t pdv_room(const struct pdv_stream *stream)
{
    return stream->max_out - PDV_HEAD;
}

bool pdv_send(struct pdv_stream *stream, uint8_t context, bool command, bool last,
              const void *bytes, size_t size, struct error *err)
{
    const unsigned char *at = bytes;

    do {
        const size_t piece = size < pdv_room(stream) ? size : pdv_room(stream);
        unsigned char head[PDU_HEAD + PDV_HEAD] = { PDU_DATA };

        write32(head + 2, (uint32_t)(piece + PDV_HEAD));
        write32(head + 6, (uint32_t)(piece + 2));
        head[10] = context;
        head[11] = (unsigned char)((command ? 1 : 0) | (last && piece == size ? 2 : 0));
        struct iovec part[] = { { head, sizeof head }, { (void *)(uintptr_t)at, piece } };

        pdv_arm(stream);
        if (!send_parts(stream->fd, part, 2, stream->deadline_ms, err))
            return false;
        at += piece;
        size -= piece;
    } while (size > 0);
    return true;
}

bool pdv_send_release(struct pdv_stream *stream, bool reply, struct error *err)
{
    const unsigned char pdu[] = { reply ? PDU_RELEASE_RP : PDU_RELEASE_RQ, 0, 0, 0, 0, 4,
                                  0, 0, 0, 0 };

    return pdv_send_socket(stream->fd, pdu, sizeof pdu, stream->timeout_s, err);
}

void pdv_send_abort(struct pdv_stream *stream)
{
    pdv_abort_socket(stream->fd);
    pdv_linger_socket(stream->fd);
}
