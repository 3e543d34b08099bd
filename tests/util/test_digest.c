#include "tests/runner.h"
#include "util/digest.h"
#include "util/error.h"

/* FIPS 180-4's example: "abc". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void digest_equals_the_standards_example(void)
{
    unsigned char value[DIGEST_SIZE];
    char text[DIGEST_HEX_SIZE];

    digest_of("abc", 3, value);
    digest_hex(value, text);
    CU_ASSERT_STRING_EQUAL(text, ABC);
}

static void digest_of_pieces_equals_digest_of_the_whole(void)
{
    struct error err;
    struct digest *digest = digest_new(&err);
    unsigned char value[DIGEST_SIZE];
    char text[DIGEST_HEX_SIZE];

    digest_add(digest, "rubbish", 7);
    digest_restart(digest);
    digest_add(digest, "a", 1);
    digest_add(digest, "bc", 2);
    digest_finish(digest, value);
    digest_hex(value, text);
    CU_ASSERT_STRING_EQUAL(text, ABC);
    digest_free(digest);
    digest_free(NULL);
}

static const struct runner_test tests[] = {
    TEST(digest_equals_the_standards_example),
    TEST(digest_of_pieces_equals_digest_of_the_whole),
    { NULL, NULL }
};
const struct runner_suite suite_digest = { "digest", tests };
