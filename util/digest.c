/* Digest: a thin wrapper, so that one file knows OpenSSL. */
#include "util/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/error.h"

struct digest {
    EVP_MD_CTX *context;
};

struct digest *digest_new(struct error *err)
{
    struct digest *digest = calloc(1, sizeof *digest);

    if (digest == NULL || (digest->context = EVP_MD_CTX_new()) == NULL) {
        free(digest);
        return error_null(err, ERROR_MEMORY, "digest");
    }
    digest_restart(digest);
    return digest;
}

void digest_free(struct digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

/* SHA-256 is built into libcrypto: failing here would be a broken installation. */
void digest_restart(struct digest *digest)
{
    if (EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
        abort();
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
    if (EVP_DigestUpdate(digest->context, bytes, size) != 1)
        abort();
}

void digest_finish(struct digest *digest, unsigned char ret_value[DIGEST_SIZE])
{
    if (EVP_DigestFinal_ex(digest->context, ret_value, NULL) != 1)
        abort();
}

void digest_of(const void *bytes, size_t size, unsigned char ret_value[DIGEST_SIZE])
{
    if (EVP_Digest(bytes, size, ret_value, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

void digest_hex(const unsigned char value[DIGEST_SIZE], char ret_text[DIGEST_HEX_SIZE])
{
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", value[i]);
}
