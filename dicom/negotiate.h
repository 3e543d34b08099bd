/*
 * Negotiate: DCMTK's DUL (PS3.8 state machine and association PDUs) behind two calls. It sees
 * whole, checked PDUs only, and no byte of what follows the negotiation.
 */
#ifndef TUMORD_DICOM_NEGOTIATE_H
#define TUMORD_DICOM_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "dicom/association.h"
#include "dicom/request.h"

struct negotiated {
    size_t max_out;                     /* the peer's maximum PDU, 0 without one */
    size_t count;                       /* accepted contexts */
    struct {
        uint8_t id;
        bool turned;                /* the requestor may be SCP, the acceptor SCU */
        char abstract[TEXT_UID_SIZE], syntax[TEXT_UID_SIZE];
    } context[REQUEST_MAX_CONTEXTS];
};

/*
 * Answers a request that request_check() passed. Nothing is read from or written to the
 * socket: the answer PDU is given back, and the caller frees it.
 */
bool negotiate_accept(int socket, const void *request, size_t size,
                      const struct association_policy *policy, struct negotiated *ret_agreed, unsigned char **ret_answer,
                      size_t *ret_answer_size, struct error *err);

/* Connects and negotiates; the socket is the caller's. ERROR_DENIED when rejected. */
bool negotiate_request(const struct association_target *target,
                       const struct association_proposal *proposals, size_t count,
                       int *ret_socket, struct negotiated *ret_agreed, struct error *err);

/* The storage classes that are accepted without configuration; NULL behind the last. */
const char *negotiate_storage_class(size_t index);
/* What DCMTK's dictionary calls a UID; the UID itself when it has no name for it. */
void negotiate_name(const char *uid, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
