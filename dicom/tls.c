/* TLS: OpenSSL on a non-blocking socket, one thread a connection, two buffers. */
#include "dicom/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"

#define BUFFER 32768
#define MAX_RELAYS 1200         /* at once, in this process: silent callers make place before */
#define FAREWELL_MS 2000        /* for a peer to close after we have */
#define STACK_SIZE (256 * 1024)

/* PS3.15 B.9, RFC 9325: forward secrecy and authenticated encryption only. */
#define CIPHERS "ECDHE+AESGCM:DHE+AESGCM:!aNULL:!PSK"

struct tls {
    SSL_CTX *context;
    bool server;
};

struct buffer {
    unsigned char *bytes;       /* BUFFER of them, from the end of the handshake on */
    size_t at, size;            /* what is left of it */
};

struct relay {
    SSL *ssl;
    int tcp, plain;
    int64_t timeout_ms;
    int64_t deadline_ms;        /* of the handshake, of the last bytes, and of the farewell */
    short tcp_events, plain_events;
    bool left;                  /* nobody holds the plain end, whatever is still to pass */
    bool plain_over, tls_over, plain_told, tls_told;
    struct buffer up, down;     /* from the plain side, and to it */
};

static atomic_int relays;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- contexts ---- */

static bool fail(struct error *err, const char *what, const char *file)
{
    const char *const reason = ERR_reason_error_string(ERR_peek_last_error());

    error_set(err, ERROR_CONFIG, "TLS: %s %s: %s", what, file,
              reason == NULL ? "not usable" : reason);
    ERR_clear_error();
    return false;
}

static bool load(struct tls *tls, const struct tls_files *files, struct error *err)
{
    SSL_CTX *const context = tls->context;

    if (files->certificate[0] != '\0'
        && SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
        return fail(err, "certificate", files->certificate);
    if (files->certificate[0] != '\0'
        && (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1
            || SSL_CTX_check_private_key(context) != 1))
        return fail(err, "key", files->key);
    if (files->authorities[0] != '\0'
        && SSL_CTX_load_verify_locations(context, files->authorities, NULL) != 1)
        return fail(err, "authorities", files->authorities);
    return true;
}

static struct tls *make(const SSL_METHOD *method, const struct tls_files *files, int verify,
                        struct error *err)
{
    struct tls *const tls = calloc(1, sizeof *tls);

    if (tls == NULL || (tls->context = SSL_CTX_new(method)) == NULL) {
        free(tls);
        return error_null(err, ERROR_MEMORY, "TLS");
    }
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(tls->context, CIPHERS);
    SSL_CTX_set_dh_auto(tls->context, 1);
    SSL_CTX_set_options(tls->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE
                     | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(tls->context, verify, NULL);
    if (load(tls, files, err))
        return tls;
    tls_free(tls);
    return NULL;
}

struct tls *tls_new_server(const struct tls_files *files, bool require, struct error *err)
{
    const int verify = require ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        : files->authorities[0] != '\0' ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;

    if (files->certificate[0] == '\0')
        return error_null(err, ERROR_CONFIG, "TLS: a server needs a certificate and its key");
    if (require && files->authorities[0] == '\0')
        return error_null(err, ERROR_CONFIG, "TLS: without authorities no peer's certificate "
                          "can be verified");
    struct tls *const tls = make(TLS_server_method(), files, verify, err);
    if (tls != NULL) {
        tls->server = true;
        SSL_CTX_set_session_id_context(tls->context, (const unsigned char *)"tumord", 6);
    }
    return tls;
}

struct tls *tls_new_client(const struct tls_files *files, struct error *err)
{
    if (files->authorities[0] == '\0')
        return error_null(err, ERROR_CONFIG, "TLS: without authorities no peer's certificate "
                          "can be verified");
    return make(TLS_client_method(), files, SSL_VERIFY_PEER, err);
}

void tls_free(struct tls *tls)
{
    if (tls != NULL)
        SSL_CTX_free(tls->context);
    free(tls);
}

static int days_left(const X509 *certificate)
{
    int days = 0, seconds = 0;

    if (certificate == NULL
        || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
        return 0;
    return seconds < 0 ? days - 1 : days;
}

int tls_days_left(const struct tls *tls)
{
    return days_left(SSL_CTX_get0_certificate(tls->context));
}

bool tls_file_days_left(const char *path, int *ret_days, struct error *err)
{
    FILE *const file = fopen(path, "re");
    X509 *certificate;
    bool any = false;

    if (file == NULL)
        return error_errno(err, "%s", path);
    while ((certificate = PEM_read_X509(file, NULL, NULL, NULL)) != NULL) {
        const int days = days_left(certificate);
        *ret_days = any && *ret_days < days ? *ret_days : days;
        any = true;
        X509_free(certificate);
    }
    ERR_clear_error();                  /* the end of the file is one */
    fclose(file);
    return any || error_set(err, ERROR_DATA, "%s: no certificate", path);
}

/* ---- the relay ---- */

/* Notes what the socket is to be waited for; false when the TLS side has ended. */
static bool goes_on(struct relay *relay, int result)
{
    const int code = SSL_get_error(relay->ssl, result);

    if (code == SSL_ERROR_WANT_READ)
        relay->tcp_events |= POLLIN;
    else if (code == SSL_ERROR_WANT_WRITE)
        relay->tcp_events |= POLLOUT;
    else
        return false;
    return true;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Each of these four moves what it can, and says whether it moved something. */
static bool read_tls(struct relay *relay)
{
    if (relay->down.size > 0 || relay->tls_over)
        return false;
    ERR_clear_error();
    const int got = SSL_read(relay->ssl, relay->down.bytes, BUFFER);
    if (got > 0) {
        relay->down.at = 0;
        relay->down.size = (size_t)got;
    } else {
        relay->tls_over = !goes_on(relay, got);
    }
    return got > 0;
}

static bool write_plain(struct relay *relay)
{
    struct buffer *const down = &relay->down;

    if (down->size == 0)
        return false;
    const ssize_t sent = send(relay->plain, down->bytes + down->at, down->size,
                              MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        down->at += (size_t)sent;
        down->size -= (size_t)sent;
    } else if (would_block()) {
        relay->plain_events |= POLLOUT;
    } else {
        relay->tls_over = relay->plain_over = true;
        down->size = 0;
    }
    return sent > 0;
}

static bool read_plain(struct relay *relay)
{
    if (relay->up.size > 0 || relay->plain_over)
        return false;
    const ssize_t got = recv(relay->plain, relay->up.bytes, BUFFER, MSG_DONTWAIT);
    if (got > 0) {
        relay->up.at = 0;
        relay->up.size = (size_t)got;
    } else if (got < 0 && would_block()) {
        relay->plain_events |= POLLIN;
    } else {
        relay->plain_over = true;
    }
    return got > 0;
}

static bool write_tls(struct relay *relay)
{
    struct buffer *const up = &relay->up;

    if (up->size == 0)
        return false;
    ERR_clear_error();
    const int sent = SSL_write(relay->ssl, up->bytes + up->at, (int)up->size);
    if (sent > 0) {
        up->at += (size_t)sent;
        up->size -= (size_t)sent;
    } else if (!goes_on(relay, sent)) {
        relay->tls_over = relay->plain_over = true;
        up->size = 0;
    }
    return sent > 0;
}

/* Each side is told that the other has ended, when all before it has passed. */
static void tell_ends(struct relay *relay)
{
    if (relay->tls_over && relay->down.size == 0 && !relay->plain_told) {
        shutdown(relay->plain, SHUT_WR);
        relay->plain_told = true;
    }
    if (relay->plain_over && relay->up.size == 0 && !relay->tls_told) {
        ERR_clear_error();
        SSL_shutdown(relay->ssl);
        shutdown(relay->tcp, SHUT_WR);
        relay->tls_told = true;
        relay->deadline_ms = now_ms() + FAREWELL_MS;
    }
}

/* False when there is no more to wait for. */
static bool wait(struct relay *relay)
{
    struct pollfd on[2] = { { relay->tcp, relay->tcp_events, 0 },
                            { relay->plain, relay->plain_events, 0 } };
    const int64_t left = relay->deadline_ms - now_ms();

    if (relay->deadline_ms != 0 && left <= 0)
        return false;
    if (relay->tcp_events == 0)
        on[0].fd = -1;                  /* else an end that was heard wakes us for ever */
    if (relay->plain_events == 0 && relay->left)
        on[1].fd = -1;
    if (poll(on, 2, relay->deadline_ms == 0 ? -1 : (int)left) < 0)
        return errno == EINTR;
    if ((on[1].revents & POLLHUP) != 0 && !relay->left) {
        /* Its holder's deadlines went with it, and a peer may never read. */
        relay->left = true;
        if (relay->deadline_ms == 0)
            relay->deadline_ms = now_ms() + relay->timeout_ms;
    }
    return true;
}

static void pass(struct relay *relay)
{
    if (!relay->left)
        relay->deadline_ms = 0;         /* who holds the plain end has deadlines */
    relay->up.bytes = malloc(BUFFER);
    relay->down.bytes = malloc(BUFFER);
    while (relay->up.bytes != NULL && relay->down.bytes != NULL) {
        relay->tcp_events = relay->plain_events = 0;
        const bool down = read_tls(relay), out = write_plain(relay);
        const bool up = read_plain(relay), in = write_tls(relay);
        tell_ends(relay);
        if (relay->plain_told && relay->tls_told)
            return;
        if (!down && !out && !up && !in && !wait(relay))
            return;
    }
}

/* Ends early when the plain end is closed: nobody waits for it any more. */
static bool shake_hands(struct relay *relay)
{
    unsigned char byte;

    for (;;) {
        relay->tcp_events = 0;
        relay->plain_events = POLLIN;
        ERR_clear_error();
        const int done = SSL_do_handshake(relay->ssl);
        if (done == 1)
            return true;
        if (!goes_on(relay, done) || !wait(relay))
            return false;
        if (recv(relay->plain, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
            return false;
    }
}

static void relay_free(struct relay *relay)
{
    free(relay->up.bytes);
    free(relay->down.bytes);
    SSL_free(relay->ssl);
    close(relay->tcp);
    if (relay->plain >= 0)
        close(relay->plain);
    free(relay);
    atomic_fetch_sub(&relays, 1);
}

static void *run_server(void *context)
{
    struct relay *const relay = context;

    if (shake_hands(relay))
        pass(relay);
    relay_free(relay);
    return NULL;
}

static void *run_client(void *context)
{
    struct relay *const relay = context;

    pass(relay);
    relay_free(relay);
    return NULL;
}

/* Takes over the socket; closes it when it fails. */
static struct relay *relay_new(struct tls *tls, int socket, int timeout_s, int *ret_plain,
                               struct error *err)
{
    int pair[2] = { -1, -1 };
    struct relay *const relay = calloc(1, sizeof *relay);

    if (atomic_fetch_add(&relays, 1) >= MAX_RELAYS || relay == NULL
        || (relay->ssl = SSL_new(tls->context)) == NULL
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0
        || SSL_set_fd(relay->ssl, socket) != 1) {
        atomic_fetch_sub(&relays, 1);
        SSL_free(relay == NULL ? NULL : relay->ssl);
        if (pair[0] >= 0) {
            close(pair[0]);
            close(pair[1]);
        }
        free(relay);
        close(socket);
        return error_null(err, ERROR_LIMIT, "too many TLS connections");
    }
    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
    if (tls->server)
        SSL_set_accept_state(relay->ssl);
    else
        SSL_set_connect_state(relay->ssl);
    relay->tcp = socket;
    relay->plain = pair[1];
    relay->timeout_ms = 1000LL * timeout_s;
    relay->deadline_ms = now_ms() + relay->timeout_ms;
    *ret_plain = pair[0];
    return relay;
}

static bool start(struct relay *relay, void *(*run)(void *), struct error *err)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    const int failed = pthread_create(&thread, &attributes, run, relay);

    pthread_attr_destroy(&attributes);
    errno = failed;
    return failed == 0 || error_errno(err, "a thread for TLS");
}

int tls_serve(struct tls *tls, int socket, int timeout_s, struct error *err)
{
    int plain = -1;
    struct relay *const relay = relay_new(tls, socket, timeout_s, &plain, err);

    if (relay == NULL)
        return -1;
    if (start(relay, run_server, err))
        return plain;
    close(plain);
    relay_free(relay);
    return -1;
}

/* Why the handshake failed, in OpenSSL's words. */
static bool handshake_failed(const struct relay *relay, struct error *err)
{
    const long verified = SSL_get_verify_result(relay->ssl);
    const char *const reason = ERR_reason_error_string(ERR_peek_last_error());

    error_set(err, ERROR_NETWORK, "TLS: %s", verified != X509_V_OK
              ? X509_verify_cert_error_string(verified)
              : reason != NULL ? reason : "the peer does not answer the handshake");
    ERR_clear_error();
    return false;
}

int tls_dial(struct tls *tls, int socket, int timeout_s, struct error *err)
{
    int plain = -1;
    struct relay *const relay = relay_new(tls, socket, timeout_s, &plain, err);

    if (relay == NULL)
        return -1;
    if ((shake_hands(relay) || handshake_failed(relay, err)) && start(relay, run_client, err))
        return plain;
    close(plain);
    relay_free(relay);
    return -1;
}
