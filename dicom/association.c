/* Association: messages of PDVs, on what negotiate.cc agreed with the peer. */
#include "dicom/association.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dicom/command.h"
#include "dicom/negotiate.h"
#include "dicom/pdv.h"
#include "dicom/request.h"
#include "util/error.h"

#define VERIFICATION "1.2.840.10008.1.1"
#define CHUNK 131072            /* of a file that is sent */
#define META_MAX 65536
#define LEAST_RATE 512          /* bytes a second that a data set comes at, on the whole */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct association {
    struct pdv_stream *stream;
    struct association_peer peer;
    struct negotiated agreed;
    uint16_t message_id;        /* of our last request */
    uint8_t data_context;       /* where the data set of the last command is due */
    int timeout_s;              /* between two PDUs */
    bool over;                  /* released or aborted, by whomever */
    bool has_cancelled;         /* a C-CANCEL came for this request */
    uint16_t cancelled;
    unsigned char command[COMMAND_MAX_READ];
};

static struct association *associate(int socket, const struct negotiated *agreed, long max_pdu,
                                     int timeout_s, struct error *err)
{
    struct association *association = calloc(1, sizeof *association);

    if (association == NULL) {
        close(socket);
        return error_null(err, ERROR_MEMORY, "an association");
    }
    association->agreed = *agreed;
    association->timeout_s = timeout_s;
    pdv_tune_socket(socket);
    association->stream = pdv_stream_new(socket, (size_t)max_pdu, agreed->max_out, timeout_s,
                                         err);
    if (association->stream == NULL) {
        free(association);
        return NULL;
    }
    return association;
}

/* ---- as acceptor ---- */

void association_address(int socket, char address[46])
{
    struct sockaddr_storage from = { 0 };
    socklen_t size = sizeof from;
    const void *where = &((struct sockaddr_in *)&from)->sin_addr;

    address[0] = '\0';
    if (getpeername(socket, (struct sockaddr *)&from, &size) != 0)
        return;
    if (from.ss_family == AF_INET6)
        where = &((struct sockaddr_in6 *)&from)->sin6_addr;
    inet_ntop(from.ss_family, where, address, 46);
}

/* Says so to the peer when it is to be rejected (PS3.8 9.3.4: result, source, reason). */
static bool decide(int socket, const struct association_peer *peer,
                   const struct association_policy *policy, struct error *err)
{
    switch (policy->decide(peer, policy->context)) {
    case ASSOCIATION_ACCEPT:
        return true;
    case ASSOCIATION_BAD_CALLED_AE:
        pdv_reject_socket(socket, 1, 1, 7);
        return error_set(err, ERROR_DENIED, "called AE title not recognised");
    case ASSOCIATION_BAD_CALLING_AE:
        pdv_reject_socket(socket, 1, 1, 3);
        return error_set(err, ERROR_DENIED, "calling AE title not recognised");
    default:
        pdv_reject_socket(socket, 2, 3, 1);
        return error_set(err, ERROR_DENIED, "too many associations");
    }
}

void association_refuse_socket(int socket, bool congestion)
{
    if (congestion)
        pdv_reject_socket(socket, 2, 3, 1);
    else
        pdv_abort_socket(socket);
}

static void refuse(int socket)
{
    association_refuse_socket(socket, false);
    pdv_linger_socket(socket);
    close(socket);
}

static struct association *accept_checked(int socket, const void *request, size_t size,
                                          const struct association_peer *peer,
                                          const struct association_policy *policy,
                                          struct error *err)
{
    struct negotiated agreed = { .count = 0 };
    struct association *association = NULL;
    unsigned char *answer = NULL;
    size_t answer_size = 0;

    if (!negotiate_accept(socket, request, size, policy, &agreed, &answer, &answer_size,
                          err) ||
        !pdv_send_socket(socket, answer, answer_size, policy->timeout_s, err))
        refuse(socket);
    else
        association = associate(socket, &agreed, policy->max_pdu, policy->timeout_s, err);
    free(answer);
    if (association != NULL)
        association->peer = *peer;
    return association;
}

struct association *association_accept(int socket, const void *request, size_t size,
                                       const struct association_policy *policy,
                                       struct error *err)
{
    unsigned char *clean = malloc(size + 1);
    struct association *association = NULL;
    struct association_peer peer;
    size_t clean_size = 0;

    if (clean == NULL)
        error_set(err, ERROR_MEMORY, "an association request of %zu bytes", size);
    if (clean == NULL || !request_check(request, size, clean, &clean_size, &peer, err)) {
        refuse(socket);
        free(clean);
        return NULL;
    }
    if (policy->address != NULL)
        text_format(peer.address, sizeof peer.address, "%s", policy->address);
    else
        association_address(socket, peer.address);
    if (decide(socket, &peer, policy, err)) {
        association = accept_checked(socket, clean, clean_size, &peer, policy, err);
    } else {
        pdv_linger_socket(socket);
        close(socket);
    }
    free(clean);
    return association;
}

const struct association_peer *association_peer(const struct association *association)
{
    return &association->peer;
}

/* ---- messages ---- */

const char *association_syntax(const struct association *association, uint8_t context)
{
    for (size_t i = 0; i < association->agreed.count; i++)
        if (association->agreed.context[i].id == context)
            return association->agreed.context[i].syntax;
    return "";
}

const char *association_abstract(const struct association *association, uint8_t context)
{
    for (size_t i = 0; i < association->agreed.count; i++)
        if (association->agreed.context[i].id == context)
            return association->agreed.context[i].abstract;
    return "";
}

/* Every failure below the DIMSE status leaves by here: the peer is told, once. */
static bool broken(struct association *association, const struct error *err)
{
    if (err->code != ERROR_NETWORK)
        pdv_send_abort(association->stream);
    association->over = true;
    return false;
}

/* Adds the bytes of one command fragment to the `size` that are there. */
static bool gather_fragment(struct association *association, size_t *size, struct error *err)
{
    const void *bytes;
    size_t got;

    do {
        if (!pdv_bytes(association->stream, &bytes, &got, err))
            return false;
        if (got > sizeof association->command - *size)
            return error_set(err, ERROR_LIMIT, "a command set of more than %d bytes",
                             COMMAND_MAX_READ);
        if (got > 0)
            memcpy(association->command + *size, bytes, got);
        *size += got;
    } while (got > 0);
    return true;
}

static bool gather_command(struct association *association, struct pdv pdv,
                           struct dimse_message *ret_message, struct error *err)
{
    const uint8_t context = pdv.context;
    size_t size = 0;

    for (;;) {
        if (pdv.kind != PDV_DATA || !pdv.command || pdv.context != context)
            return error_set(err, ERROR_DATA, "a command set is interrupted");
        if (!gather_fragment(association, &size, err))
            return false;
        if (pdv.last)
            break;
        if (!pdv_next(association->stream, &pdv, err))
            return false;
    }
    if (association_syntax(association, context)[0] == '\0')
        return error_set(err, ERROR_DATA, "a command in presentation context %u, not accepted",
                         context);
    if (!command_read(association->command, size, ret_message, err))
        return false;
    ret_message->context = context;
    association->data_context = context;
    return true;
}

static bool next_event(struct association *association, struct dimse_message *ret_message,
                       enum association_event *ret_event, struct error *err)
{
    struct pdv pdv;

    pdv_arm(association->stream);
    if (!pdv_next(association->stream, &pdv, err))
        return false;
    switch (pdv.kind) {
    case PDV_DATA:
        *ret_event = ASSOCIATION_MESSAGE;
        return gather_command(association, pdv, ret_message, err);
    case PDV_RELEASE_REQUEST:
        *ret_event = ASSOCIATION_RELEASED;
        association->over = true;
        return pdv_send_release(association->stream, true, err);
    case PDV_RELEASE_REPLY:
        return error_set(err, ERROR_DATA, "the answer to a release that was not asked for");
    default:
        *ret_event = ASSOCIATION_ABORTED;
        association->over = true;
        return true;
    }
}

bool association_next(struct association *association, struct dimse_message *ret_message,
                      enum association_event *ret_event, struct error *err)
{
    return next_event(association, ret_message, ret_event, err) ||
           broken(association, err);
}

/* One data fragment; `taking` becomes false when `take` has had enough. */
static bool stream_fragment(struct association *association, association_take_fn take,
                            void *context, bool *taking, size_t *came, struct error *err)
{
    const void *bytes;
    size_t size;

    do {
        if (!pdv_bytes(association->stream, &bytes, &size, err))
            return false;
        if (size > 0 && *taking)
            *taking = take(bytes, size, context);
        *came += size;
    } while (size > 0);
    return true;
}

/* Each part arms the clock again: a trickle of tiny ones must not keep a place for ever. */
static bool comes_fast_enough(int64_t begun_ms, size_t came, int timeout_s, struct error *err)
{
    const int64_t granted_ms = 2000LL * timeout_s + (int64_t)(came / LEAST_RATE) * 1000;

    return now_ms() - begun_ms <= granted_ms ||
           error_set(err, ERROR_LIMIT, "a data set of less than %d bytes a second", LEAST_RATE);
}

static bool stream_data(struct association *association, association_take_fn take,
                        void *context, bool *taking, bool must_take, struct error *err)
{
    struct pdv pdv;
    size_t came = 0;
    const int64_t begun_ms = now_ms();

    do {
        pdv_arm(association->stream);
        if (!pdv_next(association->stream, &pdv, err))
            return false;
        if (pdv.kind != PDV_DATA)
            return error_set(err, ERROR_NETWORK, "the peer ended in the middle of a data set");
        if (pdv.command || pdv.context != association->data_context)
            return error_set(err, ERROR_DATA, "a data set is interrupted");
        if (!stream_fragment(association, take, context, taking, &came, err) ||
            !comes_fast_enough(begun_ms, came, association->timeout_s, err))
            return false;
        if (must_take && !*taking)
            return error_set(err, ERROR_LIMIT, "a data set that is longer than its limit");
    } while (!pdv.last);
    return true;
}

bool association_read_data(struct association *association, association_take_fn take,
                           void *context, bool *ret_taken, struct error *err)
{
    bool taking = true;

    if (!stream_data(association, take, context, &taking, false, err))
        return broken(association, err);
    *ret_taken = taking;
    return true;
}

struct skipping {
    size_t left;
};

static bool skip(const void *bytes, size_t size, void *context)
{
    struct skipping *skipping = context;

    (void)bytes;
    if (size > skipping->left)
        return false;
    skipping->left -= size;
    return true;
}

bool association_skip_data(struct association *association, size_t limit, struct error *err)
{
    struct skipping skipping = { limit };
    bool taking = true;

    if (!stream_data(association, skip, &skipping, &taking, true, err))
        return broken(association, err);
    return true;
}

struct gathering {
    unsigned char *bytes;
    size_t size, room, limit;
    bool no_memory;
};

static bool gather(const void *bytes, size_t size, void *context)
{
    struct gathering *gathering = context;

    if (size > gathering->limit - gathering->size)
        return false;
    if (gathering->size + size > gathering->room) {
        const size_t room = (gathering->size + size) * 2;
        unsigned char *more = realloc(gathering->bytes, room);

        if (more == NULL) {
            gathering->no_memory = true;
            return false;
        }
        gathering->bytes = more;
        gathering->room = room;
    }
    memcpy(gathering->bytes + gathering->size, bytes, size);
    gathering->size += size;
    return true;
}

bool association_read_small(struct association *association, size_t limit,
                            unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct gathering gathering = { .limit = limit };
    bool taking = true;

    if (!stream_data(association, gather, &gathering, &taking, true, err)) {
        free(gathering.bytes);
        if (gathering.no_memory)
            error_set(err, ERROR_MEMORY, "a data set of more than %zu bytes", gathering.size);
        return broken(association, err);
    }
    *ret_bytes = gathering.bytes;
    *ret_size = gathering.size;
    return true;
}

bool association_respond(struct association *association,
                         const struct dimse_message *message, uint16_t status,
                         const char *comment, struct error *err)
{
    unsigned char buffer[COMMAND_MAX_WRITE];
    struct dimse_message response = *message;

    response.command = message->command | 0x8000;
    response.responded_id = message->message_id;
    response.status = status;
    response.has_data = false;
    const size_t size = command_write(&response, comment, buffer);

    return pdv_send(association->stream, message->context, true, true, buffer, size, err);
}

/* ---- on either side ---- */

uint8_t association_context(const struct association *association, const char *abstract,
                            const char *transfer_syntax)
{
    for (size_t i = 0; i < association->agreed.count; i++)
        if (strcmp(association->agreed.context[i].abstract, abstract) == 0 &&
            (transfer_syntax == NULL ||
             strcmp(association->agreed.context[i].syntax, transfer_syntax) == 0))
            return association->agreed.context[i].id;
    return 0;                   /* contexts have odd numbers */
}

static bool send_command(struct association *association, struct dimse_message *message,
                         const char *comment, struct error *err)
{
    unsigned char buffer[COMMAND_MAX_WRITE];

    if ((message->command & DIMSE_RSP) == 0 && message->command != DIMSE_C_CANCEL_RQ)
        message->message_id = ++association->message_id;
    const size_t size = command_write(message, comment, buffer);

    return pdv_send(association->stream, message->context, true, true, buffer, size, err);
}

bool association_send(struct association *association, struct dimse_message *message,
                      const char *comment, const void *data, size_t size, struct error *err)
{
    return send_command(association, message, comment, err) &&
           (!message->has_data || pdv_send(association->stream, message->context, false, true,
                                           data, size, err));
}

bool association_pending(const struct association *association)
{
    return pdv_pending(association->stream);
}

/* A C-CANCEL may come between any two messages. */
static bool note_cancel(struct association *association, const struct dimse_message *message)
{
    if (message->command != DIMSE_C_CANCEL_RQ || message->has_data)
        return false;
    association->has_cancelled = true;
    association->cancelled = message->responded_id;
    return true;
}

bool association_cancelled(struct association *association, uint16_t message_id,
                           bool *ret_cancelled, struct error *err)
{
    struct dimse_message message;
    enum association_event event;

    while (association_pending(association)) {
        if (!association_next(association, &message, &event, err))
            return false;
        if (event != ASSOCIATION_MESSAGE)
            return error_set(err, ERROR_NETWORK, "the peer ended the association");
        if (!note_cancel(association, &message)) {
            error_set(err, ERROR_DATA, "command %04x before the answer to the last",
                      message.command);
            return broken(association, err);
        }
    }
    *ret_cancelled = association->has_cancelled && association->cancelled == message_id;
    return true;
}

bool association_is_turned(const struct association *association, uint8_t context)
{
    for (size_t i = 0; i < association->agreed.count; i++)
        if (association->agreed.context[i].id == context)
            return association->agreed.context[i].turned;
    return false;
}

/* ---- as requestor ---- */

struct association *association_request(const struct association_target *target,
                                        const struct association_proposal *proposals,
                                        size_t count, struct error *err)
{
    struct negotiated agreed = { .count = 0 };
    int socket = -1;

    if (count > 120)
        return error_null(err, ERROR_LIMIT, "%zu presentation contexts are too many", count);
    if (!negotiate_request(target, proposals, count, &socket, &agreed, err))
        return NULL;
    return associate(socket, &agreed, target->max_pdu, target->timeout_s, err);
}

bool association_accepted(const struct association *association, const char *sop_class_uid,
                          const char *transfer_syntax)
{
    return association_context(association, sop_class_uid, transfer_syntax) != 0;
}

static bool await_response(struct association *association,
                           const struct dimse_message *request, uint16_t *ret_status,
                           struct error *err)
{
    struct dimse_message response;
    enum association_event event;

    do {
        if (!association_next(association, &response, &event, err))
            return false;
        if (event != ASSOCIATION_MESSAGE)
            return error_set(err, ERROR_NETWORK, "the peer ended the association");
    } while (note_cancel(association, &response));
    if (response.command != (request->command | 0x8000) ||
        response.responded_id != request->message_id || response.has_data) {
        error_set(err, ERROR_DATA, "command %04x in place of the answer", response.command);
        return broken(association, err);
    }
    *ret_status = response.status;
    return true;
}

bool association_echo(struct association *association, uint16_t *ret_status,
                      struct error *err)
{
    struct dimse_message request = { .command = DIMSE_C_ECHO_RQ,
                                     .sop_class_uid = VERIFICATION };

    request.context = association_context(association, VERIFICATION, NULL);
    if (request.context == 0)
        return error_set(err, ERROR_UNSUPPORTED, "the peer does not take Verification");
    return send_command(association, &request, NULL, err) &&
           await_response(association, &request, ret_status, err);
}

/* Finds where the data set begins, behind the meta header, and where it ends. */
static bool find_data(int fd, off_t *ret_at, off_t *ret_end, struct error *err)
{
    unsigned char *head = malloc(META_MAX);
    struct association_meta meta;
    struct stat status;

    if (head == NULL)
        return error_set(err, ERROR_MEMORY, "a file's meta header");
    const ssize_t got = pread(fd, head, META_MAX, 0);
    bool good = (got >= 0 && fstat(fd, &status) == 0) ||
                error_errno(err, "reading the file to send");

    good = good && association_read_meta(head, (size_t)got, &meta, err);
    free(head);
    if (!good)
        return false;
    *ret_at = (off_t)meta.length;
    *ret_end = status.st_size;
    return true;
}

static bool read_chunk(int fd, unsigned char *chunk, size_t size, off_t at, struct error *err)
{
    for (size_t have = 0; have < size;) {
        const ssize_t got = pread(fd, chunk + have, size - have, at + (off_t)have);

        if (got == 0)
            return error_set(err, ERROR_IO, "the file to send has become shorter");
        if (got < 0 && errno != EINTR)
            return error_errno(err, "reading the file to send");
        have += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Every PDU but the last is filled: few are sent, and none is empty but of an empty file. */
static bool send_chunks(struct association *association, uint8_t context, int fd, off_t at,
                        off_t end, unsigned char *chunk, size_t room, struct error *err)
{
    bool last;

    do {
        const size_t size = end - at < (off_t)room ? (size_t)(end - at) : room;

        last = at + (off_t)size == end;
        if (!read_chunk(fd, chunk, size, at, err) ||
            !pdv_send(association->stream, context, false, last, chunk, size, err))
            return false;
        at += (off_t)size;
    } while (!last);
    return true;
}

static bool send_file(struct association *association, uint8_t context, int fd,
                      struct error *err)
{
    const size_t most = pdv_room(association->stream);
    const size_t room = most < CHUNK ? most : CHUNK;
    unsigned char *chunk = malloc(room);
    off_t at = 0, end = 0;

    if (chunk == NULL)
        return error_set(err, ERROR_MEMORY, "a file to send");
    const bool good = find_data(fd, &at, &end, err) &&
                      send_chunks(association, context, fd, at, end, chunk, room, err);

    free(chunk);
    return good;
}

bool association_store(struct association *association, int fd, const char *sop_class_uid,
                       const char *sop_uid, const char *transfer_syntax,
                       uint16_t *ret_status, struct error *err)
{
    return association_store_for(association, fd, sop_class_uid, sop_uid, transfer_syntax, NULL,
                                 ret_status, err);
}

bool association_store_for(struct association *association, int fd, const char *sop_class_uid,
                           const char *sop_uid, const char *transfer_syntax,
                           const struct association_origin *origin, uint16_t *ret_status,
                           struct error *err)
{
    struct dimse_message request = { .command = DIMSE_C_STORE_RQ, .has_data = true };

    request.context = association_context(association, sop_class_uid, transfer_syntax);
    if (request.context == 0)
        return error_set(err, ERROR_UNSUPPORTED, "the peer does not take class %s in syntax %s",
                         sop_class_uid, transfer_syntax);
    if (!text_format(request.sop_class_uid, TEXT_UID_SIZE, "%s", sop_class_uid) ||
        !text_format(request.sop_uid, TEXT_UID_SIZE, "%s", sop_uid))
        return error_set(err, ERROR_DATA, "a UID of more than 64 characters");
    if (origin != NULL) {
        text_format(request.originator, sizeof request.originator, "%s", origin->ae_title);
        request.originator_id = origin->message_id;
    }
    return send_command(association, &request, NULL, err) &&
           send_file(association, request.context, fd, err) &&
           await_response(association, &request, ret_status, err);
}

/* ---- the end ---- */

static void association_free(struct association *association)
{
    pdv_stream_free(association->stream);
    free(association);
}

/* A release is answered within the timeout, or it was none. */
void association_release(struct association *association)
{
    struct error ignored;
    struct pdv pdv;

    if (association == NULL)
        return;
    pdv_arm(association->stream);
    if (!association->over && pdv_send_release(association->stream, false, &ignored))
        pdv_next(association->stream, &pdv, &ignored);
    association_free(association);
}

void association_abort(struct association *association)
{
    if (association == NULL)
        return;
    if (!association->over)
        pdv_send_abort(association->stream);
    association_free(association);
}
