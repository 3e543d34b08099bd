#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/runner.h"
#include "util/error.h"
#include "util/gzip.h"

#define LENGTH 100000

static struct error err;

/* One gzip member of `length` bytes that do not all repeat; returns its size. */
static size_t pack(unsigned char *to, size_t room, size_t length, unsigned seed)
{
    z_stream stream = { .avail_out = (uInt)room, .next_out = to };
    unsigned char *const plain = malloc(length + 1);

    for (size_t i = 0; i < length; i++)
        plain[i] = (unsigned char)(seed + i * i / 251);
    CU_ASSERT_EQUAL_FATAL(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8,
                                       Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = plain;
    stream.avail_in = (uInt)length;
    CU_ASSERT_EQUAL(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    free(plain);
    return stream.total_out;
}

static unsigned char packed[2 * LENGTH];

static bool holds(const unsigned char *bytes, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != (unsigned char)(seed + i * i / 251))
            return false;
    return true;
}

static void gzip_gives_back_what_was_packed(void)
{
    static const size_t lengths[] = { 0, 1, 17, LENGTH };

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned char *got = NULL;
        size_t size = 1;
        const size_t used = pack(packed, sizeof packed, lengths[i], 3);

        CU_ASSERT(gzip_is(packed, used));
        CU_ASSERT_FATAL(gzip_unpack(packed, used, LENGTH, &got, &size, &err));
        CU_ASSERT_EQUAL(size, lengths[i]);
        CU_ASSERT(holds(got, size, 3));
        free(got);
    }
}

static void gzip_joins_members_and_takes_zeros_behind_them(void)
{
    unsigned char *got = NULL;
    size_t size = 0, used = pack(packed, sizeof packed, 5000, 1);

    used += pack(packed + used, sizeof packed - used, 7000, 2);
    memset(packed + used, 0, 512);
    CU_ASSERT_FATAL(gzip_unpack(packed, used + 512, 12000, &got, &size, &err));
    CU_ASSERT_EQUAL(size, 12000);
    CU_ASSERT(holds(got, 5000, 1) && holds(got + 5000, 7000, 2));
    free(got);
}

static void fails(const unsigned char *bytes, size_t size, size_t limit, enum error_code code,
                  const char *sentence)
{
    unsigned char *got = NULL;
    size_t length = 0;

    CU_ASSERT_FALSE(gzip_unpack(bytes, size, limit, &got, &length, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_STRING_EQUAL(err.text, sentence);
    CU_ASSERT_PTR_NULL(got);
}

static void gzip_refuses_a_bomb_at_its_limit(void)
{
    const size_t length = (size_t)64 << 20;
    unsigned char *const zeros = calloc(1, length), *got = NULL;
    uLongf used = 0;
    z_stream stream = { .next_in = zeros, .avail_in = (uInt)length, .next_out = packed,
                        .avail_out = sizeof packed };

    CU_ASSERT_EQUAL(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8,
                                 Z_DEFAULT_STRATEGY), Z_OK);
    CU_ASSERT_EQUAL(deflate(&stream, Z_FINISH), Z_STREAM_END);
    used = stream.total_out;
    deflateEnd(&stream);
    free(zeros);
    fails(packed, used, length - 1, ERROR_LIMIT, "it unpacks to more than 67108863 bytes");
    fails(packed, used, 0, ERROR_LIMIT, "it unpacks to more than 0 bytes");
    /* A bomb that says at its end that it holds 1 byte. */
    memcpy(packed + used - 4, "\1\0\0\0", 4);
    fails(packed, used, 1 << 20, ERROR_LIMIT, "it unpacks to more than 1048576 bytes");
    fails(packed, used, length, ERROR_DATA,
          "damaged gzip: incorrect length check after 67108864 bytes");
    CU_ASSERT_PTR_NULL(got);
}

static void gzip_refuses_what_is_damaged(void)
{
    const size_t used = pack(packed, sizeof packed, 5000, 1);

    fails(packed, used - 9, 5000, ERROR_DATA, "gzip ends early, after 5000 unpacked bytes");
    fails(packed, 10, 5000, ERROR_DATA, "gzip ends early, after 0 unpacked bytes");
    fails(packed, 2, 5000, ERROR_DATA, "it does not begin as gzip does");
    fails((const unsigned char *)"PK\3\4", 4, 5000, ERROR_DATA,
          "it does not begin as gzip does");
    memcpy(packed + used, "tail", 4);
    fails(packed, used + 4, 5000, ERROR_DATA, "4 bytes behind the gzip are none of it");
    packed[used - 5] ^= 1;              /* of the CRC */
    fails(packed, used, 5000, ERROR_DATA,
          "damaged gzip: incorrect data check after 5000 bytes");
    packed[used - 5] ^= 1;
    packed[10] = 0xff;                  /* a block type that there is not */
    fails(packed, used, 5000, ERROR_DATA, "damaged gzip: invalid block type after 0 bytes");
}

static const struct runner_test tests[] = {
    TEST(gzip_gives_back_what_was_packed),
    TEST(gzip_joins_members_and_takes_zeros_behind_them),
    TEST(gzip_refuses_a_bomb_at_its_limit),
    TEST(gzip_refuses_what_is_damaged),
    { NULL, NULL }
};
const struct runner_suite suite_gzip = { "gzip", tests };
