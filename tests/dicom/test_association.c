#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dicom/association.h"
#include "dicom/request.h"
#include "dicom/syntax.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

#define CT_STORAGE "1.2.840.10008.5.1.4.1.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"

/* ---- a server of one association at a time, in a thread ---- */

struct server {
    int listener, port;
    pthread_t thread;
    enum association_reject answer;
    uint16_t status;            /* for C-STORE */
    int associations, stores, failures;
    struct association_peer peer;
    char syntax[TEXT_UID_SIZE];
    struct error err;           /* of the last association that failed */
    unsigned char *data;        /* of the last data set */
    size_t size;
};

static enum association_reject decide(const struct association_peer *peer, void *context)
{
    struct server *server = context;

    server->peer = *peer;
    return server->answer;
}

static bool take(const void *bytes, size_t size, void *context)
{
    struct server *server = context;

    server->data = realloc(server->data, server->size + size);
    memcpy(server->data + server->size, bytes, size);
    server->size += size;
    return true;
}

static bool read_all(int fd, unsigned char *buffer, size_t size)
{
    for (size_t have = 0; have < size;) {
        struct pollfd pollfd = { fd, POLLIN, 0 };
        const ssize_t got =
            poll(&pollfd, 1, 3000) > 0 ? read(fd, buffer + have, size - have) : 0;

        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static bool answer_message(struct server *server, struct association *association,
                           const struct dimse_message *message)
{
    bool taken = true;

    server->size = 0;
    if (message->has_data &&
        !association_read_data(association, take, server, &taken, &server->err))
        return false;
    if (message->command == DIMSE_C_STORE_RQ) {
        text_format(server->syntax, sizeof server->syntax, "%s",
                    association_syntax(association, message->context));
        server->stores++;
    }
    return association_respond(association, message,
                               message->command == DIMSE_C_STORE_RQ ? server->status : 0,
                               server->status != 0 ? "as the test wishes" : NULL,
                               &server->err);
}

static void serve(struct server *server, struct association *association)
{
    enum association_event event = ASSOCIATION_MESSAGE;
    struct dimse_message message;

    while (event == ASSOCIATION_MESSAGE) {
        if (!association_next(association, &message, &event, &server->err) ||
            (event == ASSOCIATION_MESSAGE && !answer_message(server, association, &message))) {
            server->failures++;
            break;
        }
    }
    association_abort(association);
}

static void *run_server(void *context)
{
    struct server *server = context;
    static const char label_map[][TEXT_UID_SIZE] = { "1.2.840.10008.5.1.4.1.1.66.7" };
    const struct association_policy policy = { 131072, 3, decide, server, NULL, label_map, 1 };
    unsigned char *request = malloc(ASSOCIATION_MAX_REQUEST);
    int fd;

    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        struct association *association = NULL;
        size_t size = 0;

        if (!read_all(fd, request, 6) ||
            !association_request_size(request, &size, &server->err) ||
            !read_all(fd, request + 6, size - 6)) {
            server->failures++;
            association_refuse_socket(fd, false);
            close(fd);
            continue;
        }
        association = association_accept(fd, request, size, &policy, &server->err);
        server->associations += association != NULL;
        server->failures += association == NULL;
        if (association != NULL)
            serve(server, association);
    }
    free(request);
    return NULL;
}

static struct server *start_server(void)
{
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;

    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->listener, (struct sockaddr *)&here, size) != 0 ||
        listen(server->listener, 20) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&here, &size) != 0 ||
        pthread_create(&server->thread, NULL, run_server, server) != 0)
        CU_FAIL_FATAL("no server");
    server->port = ntohs(here.sin_port);
    return server;
}

/* All that it was doing has ended when this returns; its counts stay readable. */
static void end_server(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

static void free_server(struct server *server)
{
    free(server->data);
    free(server);
}

static struct association_target target_of(const struct server *server)
{
    return (struct association_target){ "127.0.0.1", server->port, "TESTER", "SERVER",
                                        131072, 3, NULL };
}

static int dial(const struct server *server)
{
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(server->port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&there, sizeof there) != 0)
        CU_FAIL_FATAL("no connection");
    return fd;
}

/* ---- with dcmtk's tools ---- */

static int run_tool(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int run_tool(const char *format, ...)
{
    char command[8192];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    const int status = system(command);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void association_answers_echoscu(void)
{
    struct server *server = start_server();

    CU_ASSERT_EQUAL(run_tool("echoscu -aet ME -aec YOU --repeat 3 127.0.0.1 %d >/dev/null 2>&1",
                             server->port), 0);
    end_server(server);
    CU_ASSERT_EQUAL(server->associations, 1);
    CU_ASSERT_EQUAL(server->failures, 0);
    CU_ASSERT_STRING_EQUAL(server->peer.calling_ae, "ME");
    CU_ASSERT_STRING_EQUAL(server->peer.called_ae, "YOU");
    CU_ASSERT_STRING_EQUAL(server->peer.address, "127.0.0.1");
    CU_ASSERT(server->peer.echo_only);
    free_server(server);
}

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;

    if (file == NULL || fstat(fileno(file), &status) != 0)
        return NULL;
    unsigned char *bytes = malloc((size_t)status.st_size);
    *ret_size = fread(bytes, 1, (size_t)status.st_size, file);
    fclose(file);
    return bytes;
}

static void check_received(const struct server *server, const char *path)
{
    struct association_meta meta;
    struct error err;
    size_t size = 0;
    unsigned char *bytes = read_file(path, &size);

    CU_ASSERT_FATAL(bytes != NULL && association_read_meta(bytes, size, &meta, &err));
    CU_ASSERT_STRING_EQUAL(server->syntax, meta.transfer_syntax);
    CU_ASSERT_EQUAL(server->size, size - meta.length);
    CU_ASSERT(server->size == size - meta.length &&
              memcmp(server->data, bytes + meta.length, server->size) == 0);
    free(bytes);
}

static bool find_file(const char *folder, char *path, size_t size)
{
    char found[4096], command[4200];

    if (!runner_data_path(folder, found, sizeof found))
        return false;
    text_format(command, sizeof command, "find '%s' -name '*.dcm' | sort | head -1", found);
    FILE *pipe = popen(command, "r");
    const bool good = fgets(path, (int)size, pipe) != NULL;

    pclose(pipe);
    if (good)
        path[strcspn(path, "\n")] = '\0';
    return good;
}

/* dcmsend leaves out group lengths, so pydicom compares what was received, as a file. */
static bool same_for_pydicom(const struct server *server, const char *path)
{
    char received[] = "/tmp/test_association_XXXXXX";
    unsigned char head[512];
    const int fd = mkstemp(received);
    const size_t size = association_write_meta(CT_STORAGE, "1.2.3", server->syntax, "ME", head,
                                               sizeof head);
    const bool written = write(fd, head, size) == (ssize_t)size &&
                         write(fd, server->data, server->size) == (ssize_t)server->size;
    const int status = run_tool("/usr/bin/python3 -c \"import pydicom; "
                                "assert pydicom.dcmread('%s') == pydicom.dcmread('%s')\"",
                                received, path);

    close(fd);
    unlink(received);
    return written && status == 0;
}

static void association_receives_what_dcmsend_reads(void)
{
    struct server *server = start_server();
    char path[4096];

    if (!find_file("dicom/ct_liver_mets_ge_crlm1006", path, sizeof path)) {
        end_server(server);
        free_server(server);
        return;
    }
    CU_ASSERT_EQUAL(run_tool("dcmsend -aec YOU 127.0.0.1 %d '%s' >/dev/null 2>&1",
                             server->port, path), 0);
    end_server(server);
    CU_ASSERT_EQUAL(server->stores, 1);
    CU_ASSERT(!server->peer.echo_only);
    CU_ASSERT(same_for_pydicom(server, path));
    free_server(server);
}

static void association_takes_compressed_when_only_that_is_offered(void)
{
    struct server *server = start_server();
    char folder[4096];

    if (!runner_data_path("dicom/ts_one_ct_all_syntaxes_ge", folder, sizeof folder)) {
        end_server(server);
        free_server(server);
        return;
    }
    /* dcmsend proposes the file's syntax in a context of its own */
    CU_ASSERT_EQUAL(run_tool("cd '%s' && for f in $(find . -name '*.dcm'); do "
                             "case $(dcmdump +P 0002,0010 -Un $f) in *1.2.4.20[0-9]*) ;; "
                             "*) dcmsend --no-halt 127.0.0.1 %d $f || exit 1;; esac; done "
                             ">/dev/null 2>&1", folder, server->port), 0);
    end_server(server);
    CU_ASSERT_EQUAL(server->associations, 15);
    CU_ASSERT_EQUAL(server->stores, 15);
    free_server(server);
}

/* Also those of which DCMTK does not know the names: HTJ2K, fragmented MPEG, JPIP. */
static void association_carries_every_syntax_untouched_both_ways(void)
{
    struct server *server = start_server();
    const struct association_target target = target_of(server);
    int count = 0;

    for (const struct syntax *syntax = syntax_list; syntax->uid != NULL; syntax++, count++) {
        struct association_proposal proposal = { "1.2.840.10008.5.1.4.1.1.66.7", "", false };
        unsigned char bytes[512 + 8] = { 0 };
        FILE *const file = tmpfile();
        struct error err;
        uint16_t status = 1;

        text_format(proposal.transfer_syntax, TEXT_UID_SIZE, "%s", syntax->uid);
        const size_t size = association_write_meta(proposal.sop_class_uid, "1.2.3", syntax->uid,
                                                   "ME", bytes, 512);
        memcpy(bytes + size, "\x08\0\x16\0UI\0\0", 8);
        CU_ASSERT_EQUAL(fwrite(bytes, 1, size + 8, file), size + 8);
        fflush(file);
        struct association *const association = association_request(&target, &proposal, 1, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(association);
        CU_ASSERT(association_accepted(association, proposal.sop_class_uid, syntax->uid));
        CU_ASSERT(association_store(association, fileno(file), proposal.sop_class_uid, "1.2.3",
                                    syntax->uid, &status, &err));
        CU_ASSERT_EQUAL(status, 0);
        association_release(association);
        CU_ASSERT_STRING_EQUAL(server->syntax, syntax->uid);
        CU_ASSERT(server->size == 8 && memcmp(server->data, bytes + size, 8) == 0);
        fclose(file);
    }
    end_server(server);
    CU_ASSERT_EQUAL(server->stores, count);
    CU_ASSERT_EQUAL(count, 38);
    free_server(server);
}

static void association_refuses_what_is_not_in_its_lists(void)
{
    static const struct association_proposal proposals[] = {
        { "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.4.56", false },      /* JPEG, retired */
        { "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.4.2000", false },
        { "1.2.840.10008.5.1.4.1.1.66.77", "1.2.840.10008.1.2", false },
    };
    struct server *server = start_server();
    const struct association_target target = target_of(server);
    struct error err;
    struct association *const association = association_request(&target, proposals, 3, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_FALSE(association_accepted(association, proposals[i].sop_class_uid,
                                             proposals[i].transfer_syntax));
    association_release(association);
    end_server(server);
    free_server(server);
}

static void association_tells_a_failure_with_its_comment(void)
{
    struct server *server = start_server();
    char path[4096];

    server->status = 0xc000;
    if (find_file("dicom/ts_mr_small", path, sizeof path))
        CU_ASSERT_EQUAL(run_tool("storescu -v 127.0.0.1 %d '%s' 2>&1 | "
                                 "grep -q 'Error: CannotUnderstand'", server->port, path), 0);
    end_server(server);
    free_server(server);
}

/* ---- with ourselves ---- */

static void association_stores_a_file_as_it_lies(void)
{
    struct server *server = start_server();
    const struct association_target target = target_of(server);
    struct association_proposal proposal = { CT_STORAGE, EXPLICIT, false };
    struct error err = { .code = ERROR_NONE };
    uint16_t status = 1;
    char path[4096];

    if (!find_file("dicom/ct_liver_mets_ge_crlm1006", path, sizeof path)) {
        end_server(server);
        free_server(server);
        return;
    }
    const int fd = open(path, O_RDONLY);
    struct association *association = association_request(&target, &proposal, 1, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    CU_ASSERT(association_accepted(association, CT_STORAGE, EXPLICIT));
    CU_ASSERT_FALSE(association_accepted(association, CT_STORAGE, "1.2.840.10008.1.2"));
    CU_ASSERT(association_echo(association, &status, &err) && status == 0);
    CU_ASSERT(association_store(association, fd, CT_STORAGE, "1.2.3", EXPLICIT, &status, &err));
    CU_ASSERT_EQUAL(status, 0);
    server->status = 0xa700;
    CU_ASSERT(association_store(association, fd, CT_STORAGE, "1.2.3", EXPLICIT, &status, &err));
    CU_ASSERT_EQUAL(status, 0xa700);
    association_release(association);
    close(fd);
    end_server(server);
    check_received(server, path);
    CU_ASSERT_EQUAL(server->failures, 0);
    free_server(server);
}

static void association_sends_what_storescp_stores(void)
{
    struct association_target target = { "127.0.0.1", 0, "TESTER", "ANY", 131072, 5, NULL };
    struct association_proposal proposal = { CT_STORAGE, EXPLICIT, false };
    char folder[] = "/tmp/test_association_XXXXXX", path[4096];
    struct association *association = NULL;
    struct error err;
    uint16_t status = 1;

    if (!find_file("dicom/ct_liver_mets_ge_crlm1006", path, sizeof path))
        return;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    for (int port = 20000 + getpid() % 20000, tries = 0; tries < 5 && association == NULL;
         tries++) {
        target.port = port + tries;
        run_tool("storescp +B -od %s -fe .dcm %d >/dev/null 2>&1 & "
                 "echo $! > %s/pid; sleep 0.5", folder, target.port, folder);
        association = association_request(&target, &proposal, 1, &err);
        if (association == NULL)
            run_tool("kill $(cat %s/pid) 2>/dev/null", folder);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(association);
    const int fd = open(path, O_RDONLY);

    CU_ASSERT(association_store(association, fd, CT_STORAGE, "1.2.3.4", EXPLICIT, &status,
                                &err));
    CU_ASSERT_EQUAL(status, 0);
    association_release(association);
    close(fd);
    /* +B keeps the bytes; the meta headers differ */
    CU_ASSERT_EQUAL(run_tool("kill $(cat %s/pid); /usr/bin/python3 -c \"import pydicom,glob; "
                             "a=pydicom.dcmread('%s'); b=pydicom.dcmread(glob.glob('%s/*.dcm')"
                             "[0]); assert a == b\"", folder, path, folder), 0);
    run_tool("rm -r %s", folder);
}

static void association_request_tells_a_rejection_and_a_closed_port(void)
{
    struct server *server = start_server();
    struct association_target target = target_of(server);
    struct error err;

    server->answer = ASSOCIATION_BAD_CALLED_AE;
    CU_ASSERT_PTR_NULL(association_request(&target, NULL, 0, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_DENIED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "Called AE Title Not Recognized"));
    server->answer = ASSOCIATION_CONGESTION;
    CU_ASSERT_PTR_NULL(association_request(&target, NULL, 0, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_DENIED);
    end_server(server);
    CU_ASSERT_PTR_NULL(association_request(&target, NULL, 0, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_NETWORK);
    free_server(server);
}

static void association_request_ends_at_its_deadline(void)
{
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    struct error err;
    time_t begin = time(NULL);

    server->listener = socket(AF_INET, SOCK_STREAM, 0);     /* takes, and says nothing */
    CU_ASSERT_EQUAL(bind(server->listener, (struct sockaddr *)&here, size), 0);
    CU_ASSERT_EQUAL(listen(server->listener, 5), 0);
    getsockname(server->listener, (struct sockaddr *)&here, &size);
    server->port = ntohs(here.sin_port);
    struct association_target target = target_of(server);

    target.timeout_s = 1;
    CU_ASSERT_PTR_NULL(association_request(&target, NULL, 0, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "no answer to the association request in 1 s");
    CU_ASSERT(time(NULL) - begin <= 3);
    close(server->listener);
    free_server(server);
}

/* ---- against the rules ---- */

/* An A-ASSOCIATE-RQ with `contexts` of Verification, by PS3.8 9.3.2. */
static size_t write_request(unsigned char *buffer, int contexts)
{
    static const char application[] = "1.2.840.10008.3.1.1.1", echo[] = "1.2.840.10008.1.1",
                      plain[] = "1.2.840.10008.1.2";
    size_t at = 74;

    memset(buffer, 0, 74);
    buffer[0] = 1;
    buffer[7] = 1;
    memset(buffer + 10, ' ', 32);
    memcpy(buffer + 10, "SERVER", 6);
    memcpy(buffer + 26, "TESTER", 6);
#define ITEM(type, size) \
    (buffer[at] = (type), buffer[at + 1] = 0, buffer[at + 2] = (unsigned char)((size) >> 8), \
     buffer[at + 3] = (unsigned char)(size), at += 4)
    ITEM(0x10, sizeof application - 1);
    memcpy(buffer + at, application, sizeof application - 1);
    at += sizeof application - 1;
    for (int i = 0; i < contexts; i++) {
        ITEM(0x20, 4 + 4 + sizeof echo - 1 + 4 + sizeof plain - 1);
        memset(buffer + at, 0, 4);
        buffer[at] = (unsigned char)(2 * i + 1);
        at += 4;
        ITEM(0x30, sizeof echo - 1);
        memcpy(buffer + at, echo, sizeof echo - 1);
        at += sizeof echo - 1;
        ITEM(0x40, sizeof plain - 1);
        memcpy(buffer + at, plain, sizeof plain - 1);
        at += sizeof plain - 1;
    }
    ITEM(0x50, 8);
    ITEM(0x51, 4);
    memset(buffer + at, 0, 4);
    buffer[at + 2] = 0x40;
    at += 4;
    for (int i = 0; i < 4; i++)
        buffer[2 + i] = (unsigned char)((at - 6) >> (24 - 8 * i));
    return at;
}

/* The type of the PDU that comes back, or 0. */
static unsigned char answer_to(struct server *server, const unsigned char *bytes, size_t size)
{
    const int fd = dial(server);
    unsigned char head[6] = { 0 };

    if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size || !read_all(fd, head, 6))
        head[0] = 0;
    close(fd);
    return head[0];
}

static void association_takes_128_contexts_and_aborts_at_more(void)
{
    struct server *server = start_server();
    unsigned char *buffer = malloc(1 << 20);

    CU_ASSERT_EQUAL(answer_to(server, buffer, write_request(buffer, 1)), 2);
    CU_ASSERT_EQUAL(answer_to(server, buffer, write_request(buffer, 128)), 2);
    CU_ASSERT_EQUAL(answer_to(server, buffer, write_request(buffer, 129)), 7);
    CU_ASSERT_EQUAL(answer_to(server, buffer, write_request(buffer, 5000)), 7);
    CU_ASSERT_EQUAL(answer_to(server, buffer, write_request(buffer, 10000)), 7);
    CU_ASSERT_EQUAL(answer_to(server, buffer, write_request(buffer, 0)), 7);
    CU_ASSERT_EQUAL(run_tool("echoscu 127.0.0.1 %d >/dev/null 2>&1", server->port), 0);
    end_server(server);
    free(buffer);
    free_server(server);
}

/* One byte of a good request is changed at a time; whatever it does, an echo works after. */
static void association_survives_requests_with_every_byte_changed(void)
{
    struct server *server = start_server();
    unsigned char buffer[1024];
    const size_t size = write_request(buffer, 2);

    for (size_t i = 6; i < size; i++) {
        const unsigned char kept = buffer[i];

        buffer[i] = (unsigned char)(kept ^ (i % 2 != 0 ? 0xff : 0x41));
        answer_to(server, buffer, size);
        buffer[i] = kept;
    }
    CU_ASSERT_EQUAL(run_tool("echoscu 127.0.0.1 %d >/dev/null 2>&1", server->port), 0);
    end_server(server);
    free_server(server);
}

/* Reads the association's answer away, and says `bytes`; the next PDU's type, or 0. */
static unsigned char after_negotiation(const unsigned char *bytes, size_t size, char *text)
{
    struct server *server = start_server();
    unsigned char buffer[1024];
    const int fd = dial(server);

    CU_ASSERT(write(fd, buffer, write_request(buffer, 1)) > 0);
    CU_ASSERT(read_all(fd, buffer, 6) && buffer[0] == 2);
    CU_ASSERT(read_all(fd, buffer + 6, (size_t)buffer[4] << 8 | buffer[5]));
    CU_ASSERT(send(fd, bytes, size, MSG_NOSIGNAL) > 0);
    const unsigned char type = read_all(fd, buffer, 6) ? buffer[0] : 0;

    close(fd);
    end_server(server);
    if (text != NULL)
        text_format(text, 240, "%s", server->err.text);
    free_server(server);
    return type;
}

static void association_aborts_what_is_no_command(void)
{
    static const unsigned char garbage[] = { 4, 0, 0, 0, 0, 14, 0, 0, 0, 10, 1, 3,
                                             8, 0, 1, 0, 0, 0, 0, 0 };
    static const unsigned char other[] = { 4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 9, 3 };
    static const unsigned char data[] = { 4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 2 };
    static const unsigned char release[] = { 5, 0, 0, 0, 0, 4, 0, 0, 0, 0 };
    char text[240];

    CU_ASSERT_EQUAL(after_negotiation(garbage, sizeof garbage, text), 7);
    CU_ASSERT_STRING_EQUAL(text, "a command set with group 0008");
    CU_ASSERT_EQUAL(after_negotiation(other, sizeof other, text), 7);
    CU_ASSERT_STRING_EQUAL(text, "a command in presentation context 9, not accepted");
    CU_ASSERT_EQUAL(after_negotiation(data, sizeof data, text), 7);
    CU_ASSERT_EQUAL(after_negotiation(release, sizeof release, NULL), 6);
}

/* The fault that kills storescp 3.6.7: a command set nested 30,000 deep, in 7 PDUs. */
static void association_aborts_a_command_nested_30000_deep(void)
{
    static const unsigned char level[] = { 0, 0, 0x99, 0, 0xff, 0xff, 0xff, 0xff,
                                           0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff };
    const size_t levels = 30000, each = 8000, pdu = 12 + each * sizeof level;
    unsigned char *bytes = calloc(levels / each + 1, pdu), *at = bytes;

    for (size_t left = levels; left > 0;) {
        const size_t now = left < each ? left : each, size = now * sizeof level;

        left -= now;
        at[0] = 4;
        for (int i = 0; i < 4; i++) {
            at[2 + i] = (unsigned char)((size + 6) >> (24 - 8 * i));
            at[6 + i] = (unsigned char)((size + 2) >> (24 - 8 * i));
        }
        at[10] = 1;
        at[11] = left == 0 ? 3 : 1;
        for (size_t i = 0; i < now; i++)
            memcpy(at + 12 + i * sizeof level, level, sizeof level);
        at += 12 + size;
    }
    char text[240];
    const unsigned char type = after_negotiation(bytes, (size_t)(at - bytes), text);

    CU_ASSERT(type == 7 || type == 0);      /* 0: we may close while it is still sending */
    CU_ASSERT_STRING_EQUAL(text, "a command set of more than 65536 bytes");
    free(bytes);
}

/* An answer that accepts context 1 and not 3, and says of a size that it has: see PS3.8 9.3.3. */
static size_t make_answer(unsigned char *answer, unsigned char size_of_syntax)
{
    static const unsigned char items[] = {
        0x21, 0, 0, 14, 1, 0, 0, 0, 0x40, 0, 0, 6, '1', '.', '2', '.', '3', '4',
        0x21, 0, 0, 5, 3, 0, 3, 0, 0xee,
        0x50, 0, 0, 8, 0x51, 0, 0, 4, 0, 0, 64, 0
    };

    memset(answer, 0, 74);
    answer[0] = 2;
    answer[5] = 68 + sizeof items;
    answer[7] = 1;
    memcpy(answer + 74, items, sizeof items);
    answer[74 + 11] = size_of_syntax;
    return 74 + sizeof items;
}

static void association_answers_are_looked_over(void)
{
    unsigned char answer[256], clean[256 + REQUEST_ANSWER_ROOM];
    struct error err;
    size_t clean_size = 0;
    const size_t size = make_answer(answer, 6);

    CU_ASSERT_FATAL(request_check_answer(answer, size, clean, &clean_size, &err));
    CU_ASSERT_EQUAL(clean_size, 74 + 4 + 21 + 18 + 12);     /* the rejected context is gone */
    CU_ASSERT_EQUAL(clean[5], clean_size - 6);
    CU_ASSERT_EQUAL(memcmp(clean + 74 + 25, answer + 74, 18), 0);
    for (size_t cut = 0; cut < size; cut++)     /* the user information comes last */
        CU_ASSERT_FALSE(request_check_answer(answer, cut, clean, &clean_size, &err));
    for (unsigned lie = 0; lie < 256; lie++)
        if (lie != 6) {
            make_answer(answer, (unsigned char)lie);
            CU_ASSERT_FALSE(request_check_answer(answer, size, clean, &clean_size, &err));
        }
    answer[0] = 3;
    CU_ASSERT(request_check_answer(answer, 10, clean, &clean_size, &err));
    CU_ASSERT_FALSE(request_check_answer(answer, 11, clean, &clean_size, &err));
    answer[0] = 4;
    CU_ASSERT_FALSE(request_check_answer(answer, size, clean, &clean_size, &err));
}

static const struct runner_test tests[] = {
    TEST(association_answers_echoscu),
    TEST(association_receives_what_dcmsend_reads),
    TEST(association_takes_compressed_when_only_that_is_offered),
    TEST(association_carries_every_syntax_untouched_both_ways),
    TEST(association_refuses_what_is_not_in_its_lists),
    TEST(association_tells_a_failure_with_its_comment),
    TEST(association_stores_a_file_as_it_lies),
    TEST(association_sends_what_storescp_stores),
    TEST(association_request_tells_a_rejection_and_a_closed_port),
    TEST(association_request_ends_at_its_deadline),
    TEST(association_takes_128_contexts_and_aborts_at_more),
    TEST(association_survives_requests_with_every_byte_changed),
    TEST(association_answers_are_looked_over),
    TEST(association_aborts_what_is_no_command),
    TEST(association_aborts_a_command_nested_30000_deep),
    { NULL, NULL }
};

const struct runner_suite suite_association = { "association", tests };
