#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/store.h"
#include "dicom/association.h"
#include "dicom/command.h"
#include "dicom/pdv.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

#define CT_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"

/* ---- the receiver as a process ---- */

struct node {
    char folder[64];
    pid_t pid;
    int port;
};

static void start_node(struct node *node, int max, const char *accept_unknown)
{
    const char *build = getenv("TUMORD_BUILD");
    char program[4096], number[16], line[32] = "";
    int ends[2];

    text_format(program, sizeof program, "%s/tests/receiver_alone", build ? build : ".");
    text_format(number, sizeof number, "%d", max);
    if (pipe(ends) != 0)
        CU_FAIL_FATAL("no pipe");
    node->pid = fork();
    if (node->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl(program, program, node->folder, number, accept_unknown, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    long long port = 0;
    const bool good = read(ends[0], line, sizeof line - 1) > 0 &&
                      text_to_int(strtok(line, "\n"), 1, 65535, &port);

    close(ends[0]);
    CU_ASSERT_FATAL(good);
    node->port = (int)port;
}

static struct node new_node(int max, const char *accept_unknown)
{
    struct node node = { .folder = "/tmp/test_receiver_XXXXXX" };

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(node.folder));
    start_node(&node, max, accept_unknown);
    return node;
}

static int stop_node(const struct node *node, int number)
{
    int status = 0;

    kill(node->pid, number);
    waitpid(node->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void remove_node(const struct node *node)
{
    char command[128];

    text_format(command, sizeof command, "rm -r %s", node->folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void end_node(const struct node *node)
{
    CU_ASSERT_EQUAL(stop_node(node, SIGTERM), 0);
    remove_node(node);
}

static int64_t instances(const struct node *node)
{
    struct store_counts counts = { 0 };
    struct error err;
    struct store *store = store_open(node->folder, &err);

    CU_ASSERT(store != NULL && store_count(store, &counts, &err));
    store_close(store);
    return counts.instances;
}

static struct association *call(const struct node *node, const char *calling,
                                const char *called, bool storing, struct error *err)
{
    const struct association_target target = { "127.0.0.1", node->port, calling, called,
                                               131072, 5, NULL };
    const struct association_proposal proposal = { CT_STORAGE, EXPLICIT, false };

    return association_request(&target, &proposal, storing ? 1 : 0, err);
}

static bool echoes(const struct node *node, const char *calling)
{
    struct error err;
    uint16_t status = 1;
    struct association *association = call(node, calling, "TUMORD", false, &err);
    const bool good = association != NULL && association_echo(association, &status, &err);

    association_release(association);
    return good && status == 0;
}

/* ---- files to send ---- */

static void put(FILE *file, unsigned group, unsigned element, const char *vr,
                const char *text)
{
    const size_t size = strlen(text);
    const unsigned char head[] = { (unsigned char)group, (unsigned char)(group >> 8),
                                   (unsigned char)element, (unsigned char)(element >> 8),
                                   (unsigned char)vr[0], (unsigned char)vr[1],
                                   (unsigned char)size, (unsigned char)(size >> 8) };

    fwrite(head, 1, sizeof head, file);
    fwrite(text, 1, size, file);
}

struct plan {                       /* NULL leaves the element out */
    const char *sop_uid, *study_uid, *series_uid;
    int depth, cut;
};

/* An open file of the plan; its descriptor is the caller's to close. */
static int file_of(const struct plan *plan)
{
    static const unsigned char open[] = { 0x40, 0, 0x30, 0xa7, 'S', 'Q', 0, 0, 0xff, 0xff,
                                          0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff,
                                          0xff },
                               close[] = { 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0, 0xfe, 0xff,
                                           0xdd, 0xe0, 0, 0, 0, 0 };
    const int fd = memfd_create("instance", 0);
    FILE *file = fdopen(dup(fd), "wb");
    unsigned char meta[512];

    fwrite(meta, 1, association_write_meta(CT_STORAGE, "1.2.3", EXPLICIT, "", meta, 512), file);
    put(file, 8, 0x16, "UI", CT_STORAGE);
    if (plan->sop_uid != NULL)
        put(file, 8, 0x18, "UI", plan->sop_uid);
    put(file, 8, 0x60, "CS", "CT");
    if (plan->study_uid != NULL)
        put(file, 0x20, 0x0d, "UI", plan->study_uid);
    if (plan->series_uid != NULL)
        put(file, 0x20, 0x0e, "UI", plan->series_uid);
    for (int i = 0; i < plan->depth; i++)
        fwrite(open, 1, sizeof open, file);
    for (int i = 0; i < plan->depth; i++)
        fwrite(close, 1, sizeof close, file);
    fflush(file);
    CU_ASSERT_EQUAL(ftruncate(fd, ftell(file) - plan->cut), 0);
    fclose(file);
    return fd;
}

/* The status of a C-STORE of the plan under `sop_uid`; 0xffff when there was none. */
static uint16_t store(struct association *association, const char *sop_uid,
                      const struct plan *plan)
{
    const int fd = file_of(plan);
    uint16_t status = 0xffff;
    struct error err;

    if (!association_store(association, fd, CT_STORAGE, sop_uid, EXPLICIT, &status, &err))
        status = 0xffff;
    close(fd);
    return status;
}

/* ---- who may come in ---- */

static void receiver_rejects_titles_that_it_does_not_know(void)
{
    struct node node = new_node(4, "no");
    struct error err;

    CU_ASSERT_PTR_NULL(call(&node, "STORER", "OTHER", true, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Called AE Title Not Recognized"));
    CU_ASSERT_PTR_NULL(call(&node, "STRANGER", "TUMORD", true, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Calling AE Title Not Recognized"));
    CU_ASSERT(echoes(&node, "ECHOER"));
    end_node(&node);
}

static void receiver_takes_strangers_only_when_told_to(void)
{
    struct node node = new_node(4, "yes");
    const struct plan plan = { "1.2.3.4", "1.2", "1.3", 0, 0 };
    struct error err;
    struct association *association = call(&node, "STRANGER", "TUMORD", true, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    CU_ASSERT_EQUAL(store(association, "1.2.3.4", &plan), 0);
    association_release(association);
    end_node(&node);
}

static void receiver_lets_a_peer_do_what_it_may(void)
{
    struct node node = new_node(4, "no");
    const struct plan plan = { "1.2.3.4", "1.2", "1.3", 0, 0 };
    struct error err;
    struct association *association = call(&node, "ECHOER", "TUMORD", true, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    CU_ASSERT_EQUAL(store(association, "1.2.3.4", &plan), 0x0124);
    association_release(association);
    end_node(&node);
}

static void receiver_takes_its_own_secret_title_for_imports(void)
{
    struct node node = new_node(4, "no");
    const struct plan plan = { "1.2.3.4", "1.2", "1.3", 0, 0 };
    char title[17] = "";
    struct error err;

    CU_ASSERT(echoes(&node, "ECHOER"));         /* it is up */
    struct store *index = store_open(node.folder, &err);
    CU_ASSERT(index != NULL && store_note(index, "import_ae", title, sizeof title, &err));
    store_close(index);
    CU_ASSERT(strncmp(title, "IMPORT", 6) == 0 && strlen(title) == 16);
    struct association *association = call(&node, title, "TUMORD", true, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    CU_ASSERT_EQUAL(store(association, "1.2.3.4", &plan), 0);
    association_release(association);
    end_node(&node);
}

static void receiver_full_of_senders_still_answers_an_echo(void)
{
    struct node node = new_node(3, "no");
    struct association *association[3];
    struct error err;

    for (int i = 0; i < 3; i++)
        CU_ASSERT_PTR_NOT_NULL(association[i] = call(&node, "STORER", "TUMORD", true, &err));
    CU_ASSERT_PTR_NULL(call(&node, "STORER", "TUMORD", true, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Temporary Congestion"));
    CU_ASSERT(echoes(&node, "ECHOER"));
    for (int i = 0; i < 3; i++)
        association_release(association[i]);
    end_node(&node);
}

static void receiver_beside_500_silent_connections_answers_within_a_second(void)
{
    struct node node = new_node(4, "no");
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons((uint16_t)node.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timespec begin, end;
    int sockets[500];

    for (int i = 0; i < 500; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CU_ASSERT_EQUAL(connect(sockets[i], (struct sockaddr *)&there, sizeof there), 0);
        if (i % 2 != 0)     /* half a request, and then nothing */
            CU_ASSERT_EQUAL(send(sockets[i], "\1\0\0\1\0\0\0\1", 8, 0), 8);
    }
    clock_gettime(CLOCK_MONOTONIC, &begin);
    CU_ASSERT(echoes(&node, "ECHOER"));
    clock_gettime(CLOCK_MONOTONIC, &end);
    CU_ASSERT((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000
              < 1000);
    for (int i = 0; i < 500; i++)
        close(sockets[i]);
    end_node(&node);
}

/* ---- what may come in ---- */

static void receiver_refuses_bad_data_sets_and_takes_the_next(void)
{
    static const struct {
        struct plan plan;
        const char *sop_uid;
        uint16_t status;
    } cases[] = {
        { { "1.2.3.4", "1.2", "1.3", 64, 0 }, "1.2.3.4", 0 },
        { { "1.2.3.4", "1.2", "1.3", 65, 0 }, "1.2.3.4", 0xc000 },
        { { "1.2.3.4", "1.2", "1.3", 20000, 0 }, "1.2.3.4", 0xc000 },
        { { "1.2.3.4", "1.2", "1.3", 100000, 0 }, "1.2.3.4", 0xc000 },
        { { "1.2.3.4", NULL, "1.3", 0, 0 }, "1.2.3.4", 0xc000 },
        { { "1.2.3.4", "1.2", NULL, 0, 0 }, "1.2.3.4", 0xc000 },
        { { NULL, "1.2", "1.3", 0, 0 }, "1.2.3.4", 0xc000 },
        { { "1.2.3.4", "../x", "1.3", 0, 0 }, "1.2.3.4", 0xc000 },
        { { "1.2.3.4", "1.2", "1.3", 0, 0 }, "1.2.3.5", 0xc000 },
        { { "1.2.3.4", "1.2", "1.3", 0, 0 }, "1..2", 0xc000 },
        { { "1.2.3.4", "1.2", "1.3", 0, 1 }, "1.2.3.4", 0xc000 },
        { { "1.2.3.5", "1.2", "1.3", 0, 0 }, "1.2.3.5", 0 },
    };
    struct node node = new_node(4, "no");
    struct error err;
    struct association *association = call(&node, "STORER", "TUMORD", true, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CU_ASSERT_EQUAL(store(association, cases[i].sop_uid, &cases[i].plan), cases[i].status);
    association_release(association);
    CU_ASSERT_EQUAL(stop_node(&node, SIGTERM), 0);
    CU_ASSERT_EQUAL(instances(&node), 2);
    remove_node(&node);
}

static void receiver_killed_after_its_answer_has_the_instance(void)
{
    struct node node = new_node(4, "no");
    struct error err;
    struct association *association = call(&node, "STORER", "TUMORD", true, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    for (int i = 0; i < 20; i++) {
        char uid[TEXT_UID_SIZE];

        text_format(uid, sizeof uid, "1.2.3.%d", 100 + i);
        CU_ASSERT_EQUAL(store(association, uid, &(struct plan){ uid, "1.2", "1.3", 0, 0 }), 0);
    }
    stop_node(&node, SIGKILL);
    association_abort(association);
    start_node(&node, 4, "no");
    CU_ASSERT(echoes(&node, "ECHOER"));
    CU_ASSERT_EQUAL(stop_node(&node, SIGTERM), 0);
    CU_ASSERT_EQUAL(instances(&node), 20);
    remove_node(&node);
}

static void receiver_that_stops_sends_its_idle_peers_away(void)
{
    struct node node = new_node(4, "no");
    const struct plan plan = { "1.2.3.4", "1.2", "1.3", 0, 0 };
    const time_t begin = time(NULL);
    struct error err;
    struct association *association = call(&node, "STORER", "TUMORD", true, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    CU_ASSERT_EQUAL(store(association, "1.2.3.4", &plan), 0);
    CU_ASSERT_EQUAL(stop_node(&node, SIGTERM), 0);
    CU_ASSERT(time(NULL) - begin < 10);
    CU_ASSERT_EQUAL(store(association, "1.2.3.4", &plan), 0xffff);
    association_abort(association);
    remove_node(&node);
}

/* ---- other commands, by hand ---- */

/* An association for Verification in context 1. */
static struct pdv_stream *dial(const struct node *node)
{
    static const char request[] =
        "\1\0\0\0\0\244\0\1\0\0TUMORD          STORER          "
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\20\0\0\0251.2.840.10008.3.1.1.1"
        "\40\0\0\056\1\0\0\0\60\0\0\0211.2.840.10008.1.1\100\0\0\0211.2.840.10008.1.2"
        "\120\0\0\021\121\0\0\4\0\0\100\0\122\0\0\0051.2.3";
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons((uint16_t)node->port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    unsigned char answer[1024];
    struct error err;

    CU_ASSERT_EQUAL(connect(fd, (struct sockaddr *)&there, sizeof there), 0);
    CU_ASSERT_EQUAL(send(fd, request, sizeof request - 1, 0), (ssize_t)sizeof request - 1);
    CU_ASSERT(recv(fd, answer, sizeof answer, 0) > 6 && answer[0] == 2);
    return pdv_stream_new(fd, 131072, 16384, 5, &err);
}

/* The status of the answer; 0xffff when the peer aborts. */
static uint16_t ask(struct pdv_stream *stream, uint16_t command, size_t data_size)
{
    struct dimse_message message = { .command = command, .message_id = 7,
                                     .sop_class_uid = "1.2.3", .has_data = data_size > 0 };
    unsigned char buffer[COMMAND_MAX_WRITE], *zeros = calloc(1, data_size + 1);
    struct error err;
    struct pdv pdv;
    const void *bytes;
    size_t size = command_write(&message, NULL, buffer);
    bool good = pdv_send(stream, 1, true, true, buffer, size, &err);

    if (data_size > 0)
        pdv_send(stream, 1, false, true, zeros, data_size, &err);
    free(zeros);
    pdv_arm(stream);
    good = good && pdv_next(stream, &pdv, &err) && pdv.kind == PDV_DATA &&
           pdv_bytes(stream, &bytes, &size, &err) && command_read(bytes, size, &message, &err);
    if (good)
        pdv_bytes(stream, &bytes, &size, &err);
    return good && message.command == (command | 0x8000) && message.responded_id == 7
               ? message.status : 0xffff;
}

static void receiver_answers_every_other_request(void)
{
    struct node node = new_node(4, "no");
    struct pdv_stream *stream = dial(&node);

    CU_ASSERT_EQUAL(ask(stream, DIMSE_C_ECHO_RQ, 0), 0);
    CU_ASSERT_EQUAL(ask(stream, DIMSE_C_FIND_RQ, 1000), 0x0122);
    CU_ASSERT_EQUAL(ask(stream, DIMSE_C_MOVE_RQ, 1 << 20), 0x0122);
    CU_ASSERT_EQUAL(ask(stream, DIMSE_N_ACTION_RQ, 1000), 0x0211);
    CU_ASSERT_EQUAL(ask(stream, 0x0777, 0), 0x0211);
    CU_ASSERT_EQUAL(ask(stream, DIMSE_C_STORE_RQ, 1000), 0xc000);
    CU_ASSERT_EQUAL(ask(stream, DIMSE_C_ECHO_RQ, 0), 0);
    CU_ASSERT_EQUAL(ask(stream, DIMSE_C_FIND_RQ, (1 << 20) + 1), 0xffff);
    pdv_stream_free(stream);
    CU_ASSERT(echoes(&node, "ECHOER"));
    end_node(&node);
}

static const struct runner_test tests[] = {
    TEST(receiver_rejects_titles_that_it_does_not_know),
    TEST(receiver_takes_strangers_only_when_told_to),
    TEST(receiver_lets_a_peer_do_what_it_may),
    TEST(receiver_takes_its_own_secret_title_for_imports),
    TEST(receiver_full_of_senders_still_answers_an_echo),
    TEST(receiver_beside_500_silent_connections_answers_within_a_second),
    TEST(receiver_refuses_bad_data_sets_and_takes_the_next),
    TEST(receiver_killed_after_its_answer_has_the_instance),
    TEST(receiver_that_stops_sends_its_idle_peers_away),
    TEST(receiver_answers_every_other_request),
    { NULL, NULL }
};

const struct runner_suite suite_receiver = { "receiver", tests };
