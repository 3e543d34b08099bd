/*
 * TLS: DICOM over TLS by the BCP 195 profile (PS3.15 B.9: TLS 1.2 with ECDHE or DHE and AES-GCM,
 * TLS 1.3). A relay thread stands between the socket and one end of a local socketpair: it does
 * the handshake and turns plain bytes into records and back. Whoever holds the other end talks as
 * over any socket, so nothing above knows of TLS, and connections without it pay nothing.
 *
 * Certificates are verified against the configured authorities; names in them are not compared
 * with host names or AE titles, as archives' certificates seldom have them.
 */
#ifndef TUMORD_DICOM_TLS_H
#define TUMORD_DICOM_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct tls;

struct tls_files {
    const char *certificate, *key;      /* PEM; the chain behind the certificate. "": none */
    const char *authorities;            /* PEM; who may have signed the peer's. "": none */
};

/* As server: the certificate is needed; with `require` so is the peer's. As client: the authorities
 * are needed. Readable files now, or a sentence. Any number of threads may use it. */
struct tls *tls_new_server(const struct tls_files *files, bool require, struct error *err);
struct tls *tls_new_client(const struct tls_files *files, struct error *err);
void tls_free(struct tls *tls);                     /* NULL is fine */

/* Days until our certificate expires, negative when it has. */
int tls_days_left(const struct tls *tls);
/* Days until the first of the certificates in a PEM file expires. */
bool tls_file_days_left(const char *path, int *ret_days, struct error *err);

/*
 * Takes over a connected socket and returns the plain end, a Unix socket, close-on-exec and
 * non-blocking; -1 when there are too many or no memory, and then the socket is closed. The
 * handshake goes on meanwhile; where it fails, or is not done in timeout_s, the plain end is
 * closed from the other side. When the plain end is closed, the peer has timeout_s to take what
 * is left.
 */
int tls_serve(struct tls *tls, int socket, int timeout_s, struct error *err);
/* The same as client, and the handshake is done when it returns; ERROR_NETWORK with its reason. */
int tls_dial(struct tls *tls, int socket, int timeout_s, struct error *err);

#endif
