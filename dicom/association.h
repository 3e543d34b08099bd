/*
 * Association: a DICOM association, both sides. DCMTK's DUL negotiates; above it the message
 * layer is ours: it reads and writes PDVs, scans command sets under limits, and streams data
 * sets both ways without holding or parsing them. After any failure that is not a DIMSE
 * status the association is dead: abort it and free it.
 */
#ifndef TUMORD_DICOM_ASSOCIATION_H
#define TUMORD_DICOM_ASSOCIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

struct association;
struct error;

/* ---- as acceptor (SCP) ---- */

#define ASSOCIATION_MAX_REQUEST (256 * 1024)

/* The size of the whole A-ASSOCIATE-RQ PDU by its first 6 bytes; fails on any other PDU and
 * above ASSOCIATION_MAX_REQUEST. */
bool association_request_size(const unsigned char head[6], size_t *ret_size,
                              struct error *err);
/* Rejects with temporary congestion, or says A-ABORT, before there is an association. The
 * socket stays open: read it empty until the peer closes, or the peer may lose the answer. */
void association_refuse_socket(int socket, bool congestion);

/* The numeric address of who is at the other end; "" where there is none. */
void association_address(int socket, char address[46]);

/* What the whole A-ASSOCIATE-RQ PDU says, for the decision to accept. */
struct association_peer {
    char calling_ae[17], called_ae[17];
    char address[46];                   /* numeric */
    bool echo_only;                     /* proposes Verification and nothing else */
};
enum association_reject {
    ASSOCIATION_ACCEPT, ASSOCIATION_BAD_CALLED_AE, ASSOCIATION_BAD_CALLING_AE,
    ASSOCIATION_CONGESTION              /* temporary congestion */
};
typedef enum association_reject (*association_decide_fn)(const struct association_peer *peer,
                                                         void *context);
struct association_policy {
    long max_pdu;
    int timeout_s;                      /* between two PDUs */
    association_decide_fn decide;
    void *context;
    const char *address;                /* of the peer, where the socket is a relay's; or NULL */
    /* Storage classes beyond those that DCMTK knows; the transfer syntaxes are syntax.h's. */
    const char (*sop_class)[TEXT_UID_SIZE];
    size_t sop_class_count;
};

/*
 * Negotiates over a connected socket from which the whole A-ASSOCIATE-RQ PDU (`size` bytes
 * with its head) was read already. Takes over the socket, also when it fails (a rejection is
 * sent and told as ERROR_DENIED). Blocks for no read, and for a write of the answer only.
 */
struct association *association_accept(int socket, const void *request, size_t size,
                                       const struct association_policy *policy,
                                       struct error *err);
const struct association_peer *association_peer(const struct association *association);

/* DIMSE command fields, PS3.7 E.1 */
enum dimse_command {
    DIMSE_C_STORE_RQ = 0x0001, DIMSE_C_STORE_RSP = 0x8001, DIMSE_C_GET_RQ = 0x0010,
    DIMSE_C_FIND_RQ = 0x0020, DIMSE_C_MOVE_RQ = 0x0021, DIMSE_C_ECHO_RQ = 0x0030,
    DIMSE_C_ECHO_RSP = 0x8030, DIMSE_C_CANCEL_RQ = 0x0fff, DIMSE_N_EVENT_REPORT_RQ = 0x0100,
    DIMSE_N_ACTION_RQ = 0x0130, DIMSE_RSP = 0x8000  /* the bit that makes a response */
};

struct dimse_message {                  /* the command set, by our bounded scanner */
    uint16_t command;
    uint8_t context;                    /* presentation context id */
    uint16_t message_id, responded_id, status, priority;
    bool has_data;                      /* a data set follows */
    char sop_class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE];  /* affected or requested */
    char move_destination[17];
    char originator[17];                    /* C-STORE of a C-MOVE: who asked for it, */
    uint16_t originator_id;                 /* and by which message */
    uint16_t type;                          /* Event Type ID, Action Type ID */
    bool has_counts;                        /* C-MOVE, C-GET: sub-operations */
    uint16_t remaining, completed, failed, warned;
    char comment[65];                       /* Error Comment, as received */
};

enum association_event { ASSOCIATION_MESSAGE, ASSOCIATION_RELEASED, ASSOCIATION_ABORTED };

/* Waits for the next command; a release is answered here. Fails on a timeout (ERROR_LIMIT), a
 * broken PDU or a command set over its limits (the peer gets an A-ABORT). */
bool association_next(struct association *association, struct dimse_message *ret_message,
                      enum association_event *ret_event, struct error *err);

/* The transfer syntax that was accepted for the context, "" for none; its abstract syntax. */
const char *association_syntax(const struct association *association, uint8_t context);
const char *association_abstract(const struct association *association, uint8_t context);

/*
 * Streams the data set that follows a command: `take` gets each fragment as it arrives. When
 * it says false the rest is read and dropped, and the call still succeeds, so that a status
 * can be sent; ret_taken tells.
 */
typedef bool (*association_take_fn)(const void *bytes, size_t size, void *context);
bool association_read_data(struct association *association, association_take_fn take,
                           void *context, bool *ret_taken, struct error *err);

/* Reads the data set and drops it; above `limit` bytes it fails, and the peer gets an A-ABORT. */
bool association_skip_data(struct association *association, size_t limit, struct error *err);

/* Reads the data set whole; above `limit` bytes it fails, and the peer gets an A-ABORT. The
 * caller frees the bytes. */
bool association_read_small(struct association *association, size_t limit,
                            unsigned char **ret_bytes, size_t *ret_size, struct error *err);

/* Answers a request: the response command for `message`, with a status and, for a failure, an
 * Error Comment (cut to 64 characters; may be NULL). One gathered write. */
bool association_respond(struct association *association,
                         const struct dimse_message *message, uint16_t status,
                         const char *comment, struct error *err);

/* ---- on either side ---- */

/* The context that was accepted for an abstract syntax, and for a transfer syntax unless that
 * is NULL; 0 when there is none. */
uint8_t association_context(const struct association *association, const char *abstract,
                            const char *transfer_syntax);
/*
 * Sends a command in message->context, with the small data set `data` behind it when
 * message->has_data. A request gets its message_id here; a response names its responded_id.
 */
bool association_send(struct association *association, struct dimse_message *message,
                      const char *comment, const void *data, size_t size, struct error *err);
/* Has the peer sent something that association_next() would read at once (a C-CANCEL)? */
bool association_pending(const struct association *association);
/*
 * Between two answers to request `message_id`: has the peer cancelled it? Reads a C-CANCEL that
 * has come, and does not wait. Fails when something else came: a release, an abort, a request.
 */
bool association_cancelled(struct association *association, uint16_t message_id,
                           bool *ret_cancelled, struct error *err);
/* May we send C-STORE, N-EVENT-REPORT in this context of an association that we accepted? */
bool association_is_turned(const struct association *association, uint8_t context);

/* ---- as requestor (SCU) ---- */

struct association_proposal {
    char sop_class_uid[TEXT_UID_SIZE];
    char transfer_syntax[TEXT_UID_SIZE];    /* of the stored bytes; proposed alone per context */
    bool turned;                /* we are SCP too: for C-GET, and reports of commitment */
};
struct tls;

struct association_target {
    const char *host;
    int port;
    const char *calling_ae, *called_ae;
    long max_pdu;
    int timeout_s;                      /* to connect, to negotiate, and between PDUs */
    struct tls *tls;                    /* dicom/tls.h; NULL: in plain */
};
/* Verification is always proposed too. At most 120 proposals. ERROR_DENIED when rejected. */
struct association *association_request(const struct association_target *target,
                                        const struct association_proposal *proposals,
                                        size_t count, struct error *err);
bool association_accepted(const struct association *association, const char *sop_class_uid,
                          const char *transfer_syntax);
bool association_echo(struct association *association, uint16_t *ret_status,
                      struct error *err);
/*
 * Sends the Part 10 file open at `fd`, from offset 0: its meta header is skipped, the data set
 * streamed as it is stored. ret_status is the peer's.
 */
bool association_store(struct association *association, int fd, const char *sop_class_uid,
                       const char *sop_uid, const char *transfer_syntax,
                       uint16_t *ret_status, struct error *err);
/* The same for a C-MOVE, which names who asked for it; NULL for none. */
struct association_origin {
    char ae_title[17];
    uint16_t message_id;
};
bool association_store_for(struct association *association, int fd, const char *sop_class_uid,
                           const char *sop_uid, const char *transfer_syntax,
                           const struct association_origin *origin, uint16_t *ret_status,
                           struct error *err);

/* Reads the meta header of a Part 10 file: its length (offset of the data set) and UIDs. */
struct association_meta {
    size_t length;
    char sop_class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE], transfer_syntax[TEXT_UID_SIZE];
};
bool association_read_meta(const void *bytes, size_t size, struct association_meta *ret_meta,
                           struct error *err);
/* Writes preamble and meta header for received bytes into `buffer` (512 are enough); returns
 * the length. */
size_t association_write_meta(const char *sop_class_uid, const char *sop_uid,
                              const char *transfer_syntax, const char *calling_ae,
                              unsigned char *buffer, size_t size);

/* Both end it, unless the peer or a failure has ended it already, and free it; NULL is fine. */
void association_release(struct association *association);
void association_abort(struct association *association);

#endif
