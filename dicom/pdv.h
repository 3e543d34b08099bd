/*
 * PDV: the upper layer's protocol after the negotiation (PS3.8 9.3), on a socket. Data come
 * as they arrive and are lent from the one buffer; what goes out leaves as one gathered write
 * a PDU, since a head that travels alone costs 40 ms under Nagle's algorithm.
 */
#ifndef TUMORD_DICOM_PDV_H
#define TUMORD_DICOM_PDV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDV_DEFAULT_PDU 131072      /* DCMTK's upper limit, ours where a peer has none */

struct error;
struct pdv_stream;

/*
 * Takes over the socket `fd`. PDUs longer than `max_in` are refused; `max_out` is what the
 * peer takes (0: no limit). Neither counts the PDU's head.
 */
struct pdv_stream *pdv_stream_new(int fd, size_t max_in, size_t max_out, int timeout_s,
                                  struct error *err);
void pdv_stream_free(struct pdv_stream *stream);    /* closes; NULL is fine */

/* The deadline of what follows is the timeout from now. */
void pdv_arm(struct pdv_stream *stream);

enum pdv_kind { PDV_DATA, PDV_RELEASE_REQUEST, PDV_RELEASE_REPLY, PDV_ABORT, PDV_CLOSED };

struct pdv {
    enum pdv_kind kind;
    uint8_t context;                /* these three for PDV_DATA */
    bool command, last;
};

/* Waits for the next PDV, when the bytes of the one before have all been taken. Fails when
 * the deadline passes (ERROR_LIMIT) and on a PDU that is against the rules. */
bool pdv_next(struct pdv_stream *stream, struct pdv *ret_pdv, struct error *err);

/* The next bytes of this PDV, lent until the next call; ret_size is 0 at its end. */
bool pdv_bytes(struct pdv_stream *stream, const void **ret_bytes, size_t *ret_size,
               struct error *err);

/* Would pdv_next() find bytes at once? */
bool pdv_pending(const struct pdv_stream *stream);

/* The most that one PDU to this peer carries. */
size_t pdv_room(const struct pdv_stream *stream);

/* Sends `bytes` in as many PDUs as the peer's limit needs; `last` ends the fragment list. */
bool pdv_send(struct pdv_stream *stream, uint8_t context, bool command, bool last,
              const void *bytes, size_t size, struct error *err);

bool pdv_send_release(struct pdv_stream *stream, bool reply, struct error *err);

/* These two send if they can at once, and say that nothing more will come; the socket stays
 * open. PS3.8 9.3.8, and 9.3.4 with its result, source and reason. */
void pdv_abort_socket(int fd);
void pdv_reject_socket(int fd, uint8_t result, uint8_t source, uint8_t reason);
/*
 * Reads the socket empty until the peer closes, for half a second at most: a close() with
 * unread input resets the connection, and the peer may lose what was sent last.
 */
void pdv_linger_socket(int fd);
void pdv_send_abort(struct pdv_stream *stream);     /* with the lingering */

/* Sends all of it within the timeout. */
bool pdv_send_socket(int fd, const void *bytes, size_t size, int timeout_s,
                     struct error *err);
/* TCP_NODELAY and TCP_QUICKACK, where the socket has them. */
void pdv_tune_socket(int fd);

#endif
