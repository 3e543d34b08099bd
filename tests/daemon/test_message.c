#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/message.h"
#include "tests/runner.h"
#include "util/error.h"

static int pair[2];
static struct message sent, received;
static struct error err;

static void open_pair(void)
{
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    memset(&sent, 0, sizeof sent);
}

static void close_pair(void)
{
    close(pair[0]);
    close(pair[1]);
}

static void message_arrives_with_body_and_descriptors(void)
{
    bool got = false;
    char text[4] = "";
    int ends[2];

    open_pair();
    CU_ASSERT_FATAL(pipe(ends) == 0);
    sent.kind = MESSAGE_FILES;
    sent.job = 1LL << 40;
    sent.lease = 7;
    sent.first = 200;
    memcpy(sent.body, "{}", 2);
    sent.size = 2;
    sent.fd_count = MESSAGE_MAX_FDS;
    for (size_t i = 0; i < MESSAGE_MAX_FDS; i++)
        sent.fd[i] = ends[0];
    CU_ASSERT(message_send(pair[0], &sent, &err));
    CU_ASSERT(message_receive(pair[1], true, &received, &got, &err) && got);
    CU_ASSERT_EQUAL(received.kind, MESSAGE_FILES);
    CU_ASSERT_EQUAL(received.job, 1LL << 40);
    CU_ASSERT_EQUAL(received.lease, 7);
    CU_ASSERT_EQUAL(received.first, 200);
    CU_ASSERT_EQUAL(received.pid, getpid());
    CU_ASSERT_STRING_EQUAL(received.body, "{}");
    CU_ASSERT_EQUAL_FATAL(received.fd_count, MESSAGE_MAX_FDS);
    CU_ASSERT_EQUAL(write(ends[1], "ok", 2), 2);
    CU_ASSERT_EQUAL(read(received.fd[MESSAGE_MAX_FDS - 1], text, 2), 2);
    CU_ASSERT_STRING_EQUAL(text, "ok");
    message_close_fds(&received);
    CU_ASSERT_EQUAL(fcntl(received.fd[0], F_GETFD), -1);
    close(ends[0]);
    close(ends[1]);
    close_pair();
}

static void message_that_does_not_wait_says_so(void)
{
    bool got = true;

    open_pair();
    CU_ASSERT(message_receive(pair[0], false, &received, &got, &err));
    CU_ASSERT_FALSE(got);
    close_pair();
}

static void message_from_a_stranger_is_refused(void)
{
    bool got = true;
    char rubbish[100] = "rubbish";

    open_pair();
    CU_ASSERT_EQUAL(send(pair[0], rubbish, sizeof rubbish, 0), sizeof rubbish);
    CU_ASSERT_FALSE(message_receive(pair[1], true, &received, &got, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_DATA);
    CU_ASSERT_EQUAL(send(pair[0], rubbish, 3, 0), 3);
    CU_ASSERT_FALSE(message_receive(pair[1], true, &received, &got, &err));
    CU_ASSERT_FALSE(got);
    close_pair();
}

static void message_to_or_from_the_dead_fails(void)
{
    bool got;

    open_pair();
    close(pair[1]);
    sent.kind = MESSAGE_READY;
    CU_ASSERT_FALSE(message_send(pair[0], &sent, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "message 1: Broken pipe");
    CU_ASSERT_FALSE(message_receive(pair[0], true, &received, &got, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the other side is gone");
    close(pair[0]);
}

static const struct runner_test tests[] = {
    TEST(message_arrives_with_body_and_descriptors),
    TEST(message_that_does_not_wait_says_so),
    TEST(message_from_a_stranger_is_refused),
    TEST(message_to_or_from_the_dead_fails),
    { NULL, NULL }
};
const struct runner_suite suite_message = { "message", tests };
