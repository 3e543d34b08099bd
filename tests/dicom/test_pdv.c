#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dicom/pdv.h"
#include "tests/runner.h"
#include "util/error.h"

struct pair {
    int peer;
    struct pdv_stream *stream;
};

static struct pair open_pair(size_t max_in, size_t max_out, int timeout_s)
{
    struct error err;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        CU_FAIL_FATAL("no socketpair");
    return (struct pair){ ends[0], pdv_stream_new(ends[1], max_in, max_out, timeout_s, &err) };
}

static void close_pair(struct pair *pair)
{
    pdv_stream_free(pair->stream);
    close(pair->peer);
}

static void say(const struct pair *pair, const void *bytes, size_t size)
{
    CU_ASSERT_EQUAL(write(pair->peer, bytes, size), (ssize_t)size);
}

/* What the peer says is against the rules, for which pdv_next() has this sentence. */
static void refuses(const void *bytes, size_t size, enum error_code code, const char *text)
{
    struct pair pair = open_pair(16384, 0, 5);
    struct error err = { .code = ERROR_NONE };
    struct pdv pdv;

    say(&pair, bytes, size);
    shutdown(pair.peer, SHUT_WR);
    CU_ASSERT_FALSE(pdv_next(pair.stream, &pdv, &err));
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_STRING_EQUAL(err.text, text);
    close_pair(&pair);
}

static void pdv_refuses_pdus_that_are_against_the_rules(void)
{
    static const unsigned char type[] = { 9, 0, 0, 0, 0, 0 };
    static const unsigned char again[] = { 1, 0, 0, 0, 0, 0 };
    static const unsigned char long_pdu[] = { 4, 0, 0, 1, 0, 0 };
    static const unsigned char gib4[] = { 4, 0, 0xff, 0xff, 0xff, 0xff };
    static const unsigned char no_head[] = { 4, 0, 0, 0, 0, 5, 0, 0, 0, 2, 1 };
    static const unsigned char long_pdv[] = { 4, 0, 0, 0, 0, 6, 0, 0, 0, 3, 1, 3 };
    static const unsigned char short_pdv[] = { 4, 0, 0, 0, 0, 6, 0, 0, 0, 1, 1, 3 };
    static const unsigned char wrap[] = { 4, 0, 0, 0, 0, 6, 0xff, 0xff, 0xff, 0xff, 1, 3 };
    static const unsigned char release[] = { 5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0 };
    static const unsigned char cut[] = { 4, 0, 0, 0 };

    refuses(type, sizeof type, ERROR_DATA, "a PDU of type 9 after the negotiation");
    refuses(again, sizeof again, ERROR_DATA, "a PDU of type 1 after the negotiation");
    refuses(long_pdu, sizeof long_pdu, ERROR_LIMIT, "a PDU of 65536 bytes, more than 16384");
    refuses(gib4, sizeof gib4, ERROR_LIMIT, "a PDU of 4294967295 bytes, more than 16384");
    refuses(no_head, sizeof no_head, ERROR_DATA, "a PDU with 5 bytes for a PDV's head");
    refuses(long_pdv, sizeof long_pdv, ERROR_DATA, "a PDV of 3 bytes in a PDU with 2");
    refuses(short_pdv, sizeof short_pdv, ERROR_DATA, "a PDV of 1 bytes in a PDU with 2");
    refuses(wrap, sizeof wrap, ERROR_DATA, "a PDV of 4294967295 bytes in a PDU with 2");
    refuses(release, sizeof release, ERROR_DATA, "a PDU of 5 bytes in place of 4");
    refuses(cut, sizeof cut, ERROR_NETWORK, "the peer closed in the middle of a PDU");
}

static void pdv_reads_several_pdvs_of_one_pdu_and_skips_an_empty_pdu(void)
{
    static const unsigned char said[] = {
        4, 0, 0, 0, 0, 0,
        4, 0, 0, 0, 0, 16, 0, 0, 0, 4, 3, 1, 'a', 'b', 0, 0, 0, 4, 3, 2, 'c', 'd',
        7, 0, 0, 0, 0, 4, 0, 0, 0, 0
    };
    struct pair pair = open_pair(16384, 0, 5);
    struct error err;
    struct pdv pdv;
    const void *bytes;
    size_t size;

    say(&pair, said, sizeof said);
    CU_ASSERT(pdv_next(pair.stream, &pdv, &err));
    CU_ASSERT(pdv.kind == PDV_DATA && pdv.context == 3 && pdv.command && !pdv.last);
    CU_ASSERT(pdv_bytes(pair.stream, &bytes, &size, &err) && size == 2);
    CU_ASSERT(memcmp(bytes, "ab", 2) == 0);
    CU_ASSERT(pdv_bytes(pair.stream, &bytes, &size, &err) && size == 0);
    CU_ASSERT(pdv_next(pair.stream, &pdv, &err));
    CU_ASSERT(pdv.kind == PDV_DATA && !pdv.command && pdv.last);
    CU_ASSERT(pdv_bytes(pair.stream, &bytes, &size, &err) && size == 2);
    CU_ASSERT(memcmp(bytes, "cd", 2) == 0);
    CU_ASSERT(pdv_bytes(pair.stream, &bytes, &size, &err) && size == 0);
    CU_ASSERT(pdv_next(pair.stream, &pdv, &err));
    CU_ASSERT_EQUAL(pdv.kind, PDV_ABORT);
    close_pair(&pair);
}

static void pdv_gives_up_on_a_silent_peer_at_its_deadline(void)
{
    struct pair pair = open_pair(16384, 0, 1);
    struct timespec begin, end;
    struct error err;
    struct pdv pdv;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    say(&pair, "\4\0\0", 3);
    CU_ASSERT_FALSE(pdv_next(pair.stream, &pdv, &err));
    clock_gettime(CLOCK_MONOTONIC, &end);
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    CU_ASSERT(end.tv_sec - begin.tv_sec <= 2);
    close_pair(&pair);
}

/* Sent under a limit of 100 bytes a PDU, and read back by a stream of our own. */
static void pdv_splits_what_it_sends_by_the_peers_limit(void)
{
    struct pair pair = open_pair(16384, 100, 5);
    unsigned char sent[1000], got[1000];
    struct error err;
    size_t have = 0, size = 1;
    const void *bytes;
    int pdus = 0;
    struct pdv pdv = { .last = false };

    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (unsigned char)(i * 7);
    struct pdv_stream *peer = pdv_stream_new(dup(pair.peer), 100, 0, 5, &err);

    CU_ASSERT(pdv_send(pair.stream, 5, false, true, sent, sizeof sent, &err));
    while (!pdv.last && pdv_next(peer, &pdv, &err)) {
        CU_ASSERT(pdv.context == 5 && !pdv.command);
        for (size = 1; size > 0 && pdv_bytes(peer, &bytes, &size, &err); have += size)
            memcpy(got + have, bytes, size);
        pdus++;
    }
    CU_ASSERT_EQUAL(pdus, 11);      /* 1000 bytes by 94 */
    CU_ASSERT(have == sizeof sent && memcmp(sent, got, have) == 0);
    pdv_stream_free(peer);
    close_pair(&pair);
}

static const struct runner_test tests[] = {
    TEST(pdv_refuses_pdus_that_are_against_the_rules),
    TEST(pdv_reads_several_pdvs_of_one_pdu_and_skips_an_empty_pdu),
    TEST(pdv_gives_up_on_a_silent_peer_at_its_deadline),
    TEST(pdv_splits_what_it_sends_by_the_peers_limit),
    { NULL, NULL }
};

const struct runner_suite suite_pdv = { "pdv", tests };
