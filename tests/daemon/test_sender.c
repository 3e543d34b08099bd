#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/role.h"
#include "daemon/store.h"
#include "dicom/association.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define SEG "1.2.840.10008.5.1.4.1.1.66.4"
#define SR "1.2.840.10008.5.1.4.1.1.88.34"
#define SC "1.2.840.10008.5.1.4.1.1.7"

static struct error err;
static struct store *store;
static char folder[64];
static int64_t job;                     /* whose three results are queued */

static int64_t wall_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void run(const char *format)
{
    char command[256];

    snprintf(command, sizeof command, format, folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* ---- what is to be sent ---- */

static void put_text(FILE *file, unsigned element, const char *text)
{
    const unsigned char head[] = { 8, 0, (unsigned char)element, 0, 'U', 'I',
                                   (unsigned char)((strlen(text) + 1) / 2 * 2), 0 };

    fwrite(head, 1, sizeof head, file);
    fwrite(text, 1, head[6], file);     /* an odd length is filled by the NUL */
}

static void make_object(const char *name, const char *class_uid, const char *sop_uid)
{
    unsigned char meta[512];
    char path[256];

    snprintf(path, sizeof path, "%s/results/%lld/%s", folder, (long long)job, name);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const size_t size = association_write_meta(class_uid, sop_uid, EXPLICIT, "TUMORD", meta,
                                               sizeof meta);
    fwrite(meta, 1, size, file);
    put_text(file, 0x16, class_uid);
    put_text(file, 0x18, sop_uid);
    fclose(file);
}

static void make_files(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/results", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/results/%lld", folder, (long long)job);
    mkdir(path, 0700);
    make_object("seg.dcm", SEG, "2.25.1");
    make_object("sr.dcm", SR, "2.25.2");
    make_object("sc.dcm", SC, "2.25.3");
}

/* A finished job with SEG, SR and SC for `peers`, to be delivered within `deadline_ms`. */
static void make_results(const char *const *peers, int64_t deadline_ms)
{
    static const struct store_object objects[] = {
        { .kind = "seg", .name = "seg.dcm", .sop_class_uid = SEG, .sop_uid = "2.25.1" },
        { .kind = "sr", .name = "sr.dcm", .sop_class_uid = SR, .sop_uid = "2.25.2" },
        { .kind = "sc", .name = "sc.dcm", .sop_class_uid = SC, .sop_uid = "2.25.3" }
    };
    const struct store_instance row = {
        .sop_uid = "1.9", .study_uid = "1.2", .series_uid = "1.2.1", .sop_class_uid = SC,
        .path = "objects/x.dcm", .tags = "{}"
    };
    struct store_job wanted = { .study_uid = "1.2", .series_uid = "1.2.1", .key = "k",
                                .parameters = "{}", .deliver_to = "[]" };

    snprintf(folder, sizeof folder, "/tmp/tumord-sender-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    CU_ASSERT_FATAL(store_add_instances(store, &row, 1, &err)
                    && store_queue_job(store, &wanted, &job, &err)
                    && store_lease_job(store, 1, 1, 2, &wanted, &err));
    make_files();
    CU_ASSERT_FATAL(store_finish_job(store, job, wanted.lease, 1, "analysed", "{}", objects, 3,
                                     peers, peers, wall_ms() + deadline_ms, &err));
}

static void remove_results(void)
{
    store_close(store);
    run("rm -r %s");
}

/* ---- peers ---- */

static int listen_somewhere(int *ret_port)
{
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_FATAL(bind(listener, (struct sockaddr *)&here, size) == 0
                    && listen(listener, 16) == 0
                    && getsockname(listener, (struct sockaddr *)&here, &size) == 0);
    *ret_port = ntohs(here.sin_port);
    return listener;
}

static int dead_port(void)
{
    int port = 0;

    close(listen_somewhere(&port));
    return port;
}

static bool answers(int port)
{
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int caller = socket(AF_INET, SOCK_STREAM, 0);
    const bool good = connect(caller, (struct sockaddr *)&there, sizeof there) == 0;

    close(caller);
    return good;
}

/* dcmtk's server, which keeps what it gets in FOLDER/peer; 0 when it is not installed. */
static pid_t start_storescp(int port)
{
    char number[16], kept[128];

    snprintf(number, sizeof number, "%d", port);
    snprintf(kept, sizeof kept, "%s/peer", folder);
    mkdir(kept, 0700);
    const pid_t pid = fork();
    if (pid == 0) {
        execlp("storescp", "storescp", "--quiet", "--output-directory", kept, number,
               (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
        if (answers(port))
            return pid;
        usleep(10000);
    }
    return 0;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool read_all(int from, unsigned char *bytes, size_t size)
{
    return recv(from, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static bool drop(const void *bytes, size_t size, void *context)
{
    (void)bytes, (void)size, (void)context;
    return true;
}

static enum association_reject accept_all(const struct association_peer *peer, void *context)
{
    (void)peer, (void)context;
    return ASSOCIATION_ACCEPT;
}

/* Takes one association: aborts at the SEG, and answers whatever else comes with `status`. */
static void answer_one(int socket, uint16_t status)
{
    static unsigned char request[ASSOCIATION_MAX_REQUEST];
    const struct association_policy policy = { .max_pdu = 16384, .timeout_s = 5, .decide = accept_all };
    struct dimse_message message;
    enum association_event event;
    size_t size = 0;
    bool taken;

    if (!read_all(socket, request, 6) || !association_request_size(request, &size, &err)
        || !read_all(socket, request + 6, size - 6))
        return;
    struct association *peer = association_accept(socket, request, size, &policy, &err);
    while (peer != NULL && association_next(peer, &message, &event, &err)
           && event == ASSOCIATION_MESSAGE)
        if (strcmp(message.sop_class_uid, SEG) == 0
            || !association_read_data(peer, drop, NULL, &taken, &err)
            || !association_respond(peer, &message, status, NULL, &err))
            break;
    association_abort(peer);
}

/* A peer that always dies of the first object; the others it answers with `status`. */
static pid_t start_moody(uint16_t status, int *ret_port)
{
    const int listener = listen_somewhere(ret_port);
    const pid_t pid = fork();

    if (pid == 0)
        for (;;)
            answer_one(accept(listener, NULL, NULL), status);
    close(listener);
    return pid;
}

/* ---- the sender as a process ---- */

static pid_t start_sender(struct config_peer *peers, size_t count)
{
    struct config config = { .ae_title = "TUMORD", .max_pdu = 131072, .timeout_s = 30,
                             .peer = peers, .peer_count = count };
    const struct role role = { .name = "sender", .config = &config };

    text_format(config.data_dir, sizeof config.data_dir, "%s", folder);
    const pid_t pid = fork();
    if (pid == 0) {
        role_begin("sender", -1, -1);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        _exit(sender_main(&role));
    }
    return pid;
}

static struct config_peer at(const char *name, int port)
{
    struct config_peer peer = { .host = "127.0.0.1", .port = port };

    text_format(peer.name, sizeof peer.name, "%s", name);
    text_format(peer.ae_title, sizeof peer.ae_title, "%s", "PEER");
    return peer;
}

/* ---- the outbox as it is ---- */

struct outbox {
    const char *peer;
    int count;
    struct store_delivery row[8];
};

static bool collect(const struct store_delivery *delivery, void *context)
{
    struct outbox *const outbox = context;

    if (strcmp(delivery->peer, outbox->peer) == 0)
        outbox->row[outbox->count++] = *delivery;
    return true;
}

static struct outbox outbox_of(const char *peer)
{
    struct outbox outbox = { .peer = peer };

    CU_ASSERT_FATAL(store_each_delivery(store, "1.2", collect, &outbox, &err));
    return outbox;
}

static int in_state(const char *peer, enum delivery_state state)
{
    const struct outbox outbox = outbox_of(peer);
    int count = 0;

    for (int i = 0; i < outbox.count; i++)
        count += outbox.row[i].state == state;
    return count;
}

static bool comes_to(const char *peer, enum delivery_state state, int count, int within_ms)
{
    const int64_t until = wall_ms() + within_ms;

    while (wall_ms() < until) {
        if (in_state(peer, state) == count)
            return true;
        usleep(20000);
    }
    return false;
}

static void stop_sender(pid_t pid)
{
    int status = 1;

    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
}

/* ---- tests ---- */

static void dead_and_silent_peers_delay_no_other(void)
{
    static const char *const names[] = { "dead", "silent", "alive", NULL };
    int silent = 0;
    const int alive = dead_port(), listener = listen_somewhere(&silent);
    struct config_peer peers[] = { at("dead", dead_port()), at("silent", silent),
                                   at("alive", alive) };

    make_results(names, 100000);
    const pid_t peer = start_storescp(alive);
    if (peer != 0) {
        const pid_t sender = start_sender(peers, 3);
        CU_ASSERT(comes_to("alive", DELIVERY_ACKNOWLEDGED, 3, 2000));
        const struct outbox outbox = outbox_of("alive");
        for (int i = 0; i < outbox.count; i++)
            CU_ASSERT(outbox.row[i].acknowledged_ms > 0 && outbox.row[i].status == 0);
        run("test $(ls %s/peer | wc -l) = 3");
        CU_ASSERT_EQUAL(in_state("silent", DELIVERY_SENDING), 3);
        const int64_t before = wall_ms();
        stop_sender(sender);                    /* in the middle of a wait of 30 s */
        CU_ASSERT(wall_ms() - before < 5000);
        end(peer);
    } else
        runner_skip("storescp");
    close(listener);
    remove_results();
}

static void results_of_a_peer_that_was_away_keep_their_order(void)
{
    static const char *const names[] = { "away", NULL };
    struct config_peer peer = at("away", dead_port());
    int64_t now;

    make_results(names, 100000);
    const pid_t sender = start_sender(&peer, 1);
    for (int i = 0; i < 200 && outbox_of("away").row[2].attempts < 2; i++)
        usleep(20000);
    const struct outbox outbox = outbox_of("away");
    now = wall_ms();
    CU_ASSERT_EQUAL(outbox.count, 3);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(outbox.row[i].attempts, 2);
        CU_ASSERT_EQUAL(outbox.row[i].next_ms, outbox.row[0].next_ms);
        CU_ASSERT(outbox.row[i].next_ms > now + 1000 && outbox.row[i].next_ms < now + 2600);
    }
    stop_sender(sender);
    remove_results();
}

static void object_of_which_the_peer_dies_holds_up_no_other(void)
{
    static const char *const names[] = { "moody", NULL };
    struct config_peer peer = at("moody", 0);
    const pid_t moody = start_moody(0x0000, &peer.port);

    make_results(names, 100000);
    const pid_t sender = start_sender(&peer, 1);
    CU_ASSERT(comes_to("moody", DELIVERY_ACKNOWLEDGED, 2, 4000));
    CU_ASSERT(outbox_of("moody").row[0].state != DELIVERY_ACKNOWLEDGED);
    CU_ASSERT(outbox_of("moody").row[0].attempts >= 1);
    CU_ASSERT_EQUAL(outbox_of("moody").row[1].attempts, 1);
    stop_sender(sender);
    end(moody);
    remove_results();
}

static void warning_of_the_peer_counts_as_stored(void)
{
    static const char *const names[] = { "moody", NULL };
    struct config_peer peer = at("moody", 0);
    const pid_t moody = start_moody(0xb007, &peer.port);

    make_results(names, 100000);
    const pid_t sender = start_sender(&peer, 1);
    CU_ASSERT(comes_to("moody", DELIVERY_ACKNOWLEDGED, 2, 4000));
    CU_ASSERT_EQUAL(outbox_of("moody").row[2].status, 0xb007);
    stop_sender(sender);
    end(moody);
    remove_results();
}

static void refusal_is_tried_until_the_deadline_and_then_told(void)
{
    static const char *const names[] = { "moody", NULL };
    struct config_peer peer = at("moody", 0);
    const pid_t moody = start_moody(0xc000, &peer.port);

    make_results(names, 4000);
    const pid_t sender = start_sender(&peer, 1);
    usleep(2500000);
    CU_ASSERT_EQUAL(in_state("moody", DELIVERY_FAILED), 0);     /* its time is not over */
    CU_ASSERT(comes_to("moody", DELIVERY_FAILED, 3, 6000));
    CU_ASSERT_EQUAL(outbox_of("moody").row[1].status, 0xc000);
    CU_ASSERT_EQUAL(outbox_of("moody").row[1].attempts, 2);
    stop_sender(sender);
    end(moody);
    remove_results();
}

static void killed_sender_sends_again_what_was_on_its_way(void)
{
    static const char *const names[] = { "peer", NULL };
    struct config_peer peer = at("peer", 0);
    const int listener = listen_somewhere(&peer.port);          /* silent at first */

    make_results(names, 100000);
    pid_t sender = start_sender(&peer, 1);
    CU_ASSERT(comes_to("peer", DELIVERY_SENDING, 3, 3000));
    end(sender);
    close(listener);
    const pid_t server = start_storescp(peer.port);
    if (server != 0) {
        sender = start_sender(&peer, 1);
        CU_ASSERT(comes_to("peer", DELIVERY_ACKNOWLEDGED, 3, 3000));
        stop_sender(sender);
        end(server);
    } else
        runner_skip("storescp");
    remove_results();
}

static const struct runner_test tests[] = {
    TEST(dead_and_silent_peers_delay_no_other),
    TEST(results_of_a_peer_that_was_away_keep_their_order),
    TEST(object_of_which_the_peer_dies_holds_up_no_other),
    TEST(warning_of_the_peer_counts_as_stored),
    TEST(refusal_is_tried_until_the_deadline_and_then_told),
    TEST(killed_sender_sends_again_what_was_on_its_way),
    { NULL, NULL }
};
const struct runner_suite suite_sender = { "sender", tests };
