/* Digest: SHA-256 (FIPS 180-4) of bytes as they pass, by OpenSSL's libcrypto. */
#ifndef TUMORD_UTIL_DIGEST_H
#define TUMORD_UTIL_DIGEST_H

#include <stddef.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE 65      /* lower-case hexadecimal, and the end */

struct digest;
struct error;

struct digest *digest_new(struct error *err);
void digest_free(struct digest *digest);            /* NULL is fine */
void digest_restart(struct digest *digest);         /* empty again */
void digest_add(struct digest *digest, const void *bytes, size_t size);
void digest_finish(struct digest *digest, unsigned char ret_value[DIGEST_SIZE]);

void digest_of(const void *bytes, size_t size, unsigned char ret_value[DIGEST_SIZE]);
void digest_hex(const unsigned char value[DIGEST_SIZE], char ret_text[DIGEST_HEX_SIZE]);

#endif
