#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dicom/tls.h"
#include "tests/runner.h"
#include "util/error.h"

/* A certificate that has signed itself, and its key, into `path`; true when it is there. */
static bool make_certificate(const char *path)
{
    EVP_PKEY *const key = EVP_EC_gen("P-256");
    X509 *const certificate = X509_new();
    FILE *const file = fopen(path, "w");
    bool good = key != NULL && certificate != NULL && file != NULL;

    if (good) {
        X509_NAME *const name = X509_get_subject_name(certificate);

        X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"node", -1, -1, 0);
        X509_set_issuer_name(certificate, name);
        good = X509_set_pubkey(certificate, key) == 1
            && X509_sign(certificate, key, EVP_sha256()) > 0
            && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1
            && PEM_write_X509(file, certificate) == 1;
    }
    if (file != NULL)
        fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return good;
}

static struct tls *server(void)
{
    char path[] = "/tmp/unit-tls-XXXXXX";
    const struct tls_files files = { path, path, "" };
    const int fd = mkstemp(path);
    struct error err = { .text = "no certificate" };

    signal(SIGPIPE, SIG_IGN);           /* as every role does */
    struct tls *const tls = fd >= 0 && make_certificate(path)
        ? tls_new_server(&files, false, &err) : NULL;

    if (tls == NULL)
        fprintf(stderr, "%s\n", err.text);
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(tls);
    return tls;
}

/* The node's plain end; the peer's socket into *ret_peer. */
static int serve(struct tls *tls, int *ret_peer)
{
    int pair[2];
    struct error err;

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const int plain = tls_serve(tls, pair[0], 1, &err);
    CU_ASSERT_FATAL(plain >= 0);
    *ret_peer = pair[1];
    return plain;
}

static SSL *shake(SSL_CTX *context, int peer)
{
    SSL *const ssl = SSL_new(context);

    SSL_set_fd(ssl, peer);
    CU_ASSERT_EQUAL_FATAL(SSL_connect(ssl), 1);
    return ssl;
}

/* Has the other end been closed within the time? */
static bool is_closed(int fd, int within_ms)
{
    struct pollfd on = { .fd = fd };

    return poll(&on, 1, within_ms) == 1 && (on.revents & POLLHUP) != 0;
}

/* As much as can be written without anybody reading. */
static size_t stuff(int plain)
{
    static const char zeros[65536];
    const struct timespec moment = { .tv_nsec = 50000000 };
    size_t size = 0;

    for (int idle = 0; idle < 4;) {
        const ssize_t sent = send(plain, zeros, sizeof zeros, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0)
            size += (size_t)sent;
        idle = sent > 0 ? 0 : idle + 1;
        if (sent <= 0)
            nanosleep(&moment, NULL);
    }
    return size;
}

static void tls_lets_a_peer_go_that_never_reads(void)
{
    struct tls *const tls = server();
    SSL_CTX *const context = SSL_CTX_new(TLS_client_method());
    int peer;
    const int plain = serve(tls, &peer);
    SSL *const ssl = shake(context, peer);

    CU_ASSERT(stuff(plain) > 65536);
    CU_ASSERT_FALSE(is_closed(peer, 1500));     /* the plain end's holder decides */
    close(plain);
    CU_ASSERT(is_closed(peer, 4000));
    SSL_free(ssl);
    close(peer);
    SSL_CTX_free(context);
    tls_free(tls);
}

static void tls_brings_what_was_written_before_the_plain_end_closed(void)
{
    struct tls *const tls = server();
    SSL_CTX *const context = SSL_CTX_new(TLS_client_method());
    static char bytes[65536];
    size_t got = 0;
    int peer, now;
    const int plain = serve(tls, &peer);
    SSL *const ssl = shake(context, peer);
    const size_t size = stuff(plain);

    close(plain);
    while ((now = SSL_read(ssl, bytes, sizeof bytes)) > 0)
        got += (size_t)now;
    CU_ASSERT_EQUAL(got, size);
    CU_ASSERT_EQUAL(SSL_get_error(ssl, now), SSL_ERROR_ZERO_RETURN);    /* told, not cut */
    SSL_free(ssl);
    close(peer);
    SSL_CTX_free(context);
    tls_free(tls);
}

static void tls_closes_on_a_peer_that_is_silent(void)
{
    struct tls *const tls = server();
    int peer;
    const int plain = serve(tls, &peer);

    CU_ASSERT_FALSE(is_closed(plain, 500));
    CU_ASSERT(is_closed(plain, 2000));
    close(plain);
    close(peer);
    tls_free(tls);
}

static void tls_ends_a_handshake_that_nobody_waits_for(void)
{
    struct tls *const tls = server();
    int peer;

    close(serve(tls, &peer));
    CU_ASSERT(is_closed(peer, 500));
    close(peer);
    tls_free(tls);
}

static const struct runner_test tests[] = {
    TEST(tls_lets_a_peer_go_that_never_reads),
    TEST(tls_brings_what_was_written_before_the_plain_end_closed),
    TEST(tls_closes_on_a_peer_that_is_silent),
    TEST(tls_ends_a_handshake_that_nobody_waits_for),
    { NULL, NULL }
};
const struct runner_suite suite_tls = { "tls", tests };
