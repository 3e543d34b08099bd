/* Sandbox: a child that tries what is forbidden dies of SIGSYS, one that works lives. */
#include <config.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/sandbox.h"
#include "tests/runner.h"
#include "util/digest.h"
#include "util/error.h"

static const struct config config = { .max_memory_mib = 256 };
static int channel[2];

/* How a child ends that enters the sandbox and does it: a signal, or 1000 + exit status. */
static int fate(bool (*enter)(const struct config *, struct error *), void (*run)(void))
{
    struct error err;
    int status = 0;

    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        if (!enter(&config, &err)) {
            fprintf(stderr, "%s\n", err.text);
            _exit(99);
        }
        run();
        _exit(0);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 1000 + WEXITSTATUS(status);
}

static void self_test_socket(void) { sandbox_self_test("socket"); }
static void self_test_connect(void) { sandbox_self_test("connect"); }
static void self_test_execve(void) { sandbox_self_test("execve"); }
static void self_test_openat(void) { sandbox_self_test("openat"); }
static void self_test_abort(void) { sandbox_self_test("abort"); }

static void do_fork(void)
{
    if (fork() == 0)
        _exit(0);
}
static void do_vfork(void) { syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
static void do_kill(void) { kill(getppid(), 0); }
static void do_tgkill(void) { syscall(SYS_tgkill, getppid(), getppid(), 0); }
static void do_bind(void) { bind(channel[0], NULL, 0); }
static void do_ptrace(void) { ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static void do_unlink(void) { unlink("/nowhere/nothing"); }
static void do_stat(void)
{
    struct stat status;

    stat("/etc/passwd", &status);
}
static void do_prlimit(void)
{
    const struct { uint64_t now, most; } limits = { 1, 1 };

    syscall(SYS_prlimit64, getppid(), 7, &limits, NULL);
}
static void do_dumpable(void) { prctl(PR_SET_DUMPABLE, 1); }

static void a_worker_that_tries_a_socket_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, self_test_socket), SIGSYS);
}
static void a_worker_that_tries_to_connect_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, self_test_connect), SIGSYS);
}
static void a_worker_that_tries_execve_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, self_test_execve), SIGSYS);
}
static void a_worker_that_opens_a_file_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, self_test_openat), SIGSYS);
}
static void a_worker_that_forks_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_fork), SIGSYS);
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_vfork), SIGSYS);
}
static void a_worker_that_signals_others_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_kill), SIGSYS);
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_tgkill), SIGSYS);
}
static void a_worker_that_looks_around_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_stat), SIGSYS);
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_unlink), SIGSYS);
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_bind), SIGSYS);
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_ptrace), SIGSYS);
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_prlimit), SIGSYS);
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_dumpable), SIGSYS);
}
static void a_worker_that_aborts_says_so(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, self_test_abort), SIGABRT);
}

static void *touch(void *context)
{
    char *const bytes = malloc(1 << 20);

    if (bytes == NULL)
        _exit(10);
    memset(bytes, 1, 1 << 20);
    *(int *)context += bytes[77];
    free(bytes);
    return NULL;
}

/* The first digest of the process: libcrypto would now read its configuration. */
static void do_digest(void)
{
    unsigned char value[DIGEST_SIZE];

    digest_of("abc", 3, value);
    _exit(value[0] == 0xba ? 0 : 14);
}
static void a_worker_that_makes_its_first_digest_lives(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_digest), 1000);
}

/* The first object of the process: jansson would now take its seed from a file. */
static void do_json(void)
{
    json_t *const root = json_loads("{\"key\": 1}", 0, NULL);

    _exit(root != NULL ? 0 : 15);
}
static void a_worker_that_reads_its_first_json_lives(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, do_json), 1000);
}

/* All that a worker does: memory, threads, memfds, descriptors over the channel, time. */
static void work(void)
{
    pthread_t thread[4];
    int sum[4] = { 0 };
    time_t now = time(NULL);
    struct tm local;
    struct stat status;

    for (int i = 0; i < 4; i++)
        if (pthread_create(&thread[i], NULL, touch, &sum[i]) != 0)
            _exit(11);
    for (int i = 0; i < 4; i++)
        if (pthread_join(thread[i], NULL) != 0 || sum[i] != 1)
            _exit(12);
    const int fd = memfd_create("result", MFD_CLOEXEC);
    if (fd < 0 || write(fd, "12345", 5) != 5 || fstat(fd, &status) != 0 || status.st_size != 5)
        _exit(13);
    if (send(channel[0], "x", 1, 0) != 1)
        _exit(14);
    localtime_r(&now, &local);
    alarm(10);
    alarm(0);
    fprintf(stderr, "%s", "");
#ifdef TUMORD_SANITIZERS
    _exit(7);                   /* the leak check of exit() looks around */
#else
    exit(7);
#endif
}

static void a_worker_that_works_lives(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, work), 1007);
}

static void make_code(void)
{
    void *const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                            -1, 0);

    if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0)
        _exit(10);
}

static void a_worker_may_make_memory_executable(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_worker, make_code), 1000);
}

static void take_too_much(void)
{
    void *volatile memory = malloc(3ul << 30);      /* or clang leaves it out */

    if (memory == NULL)
        _exit(5);
}

static void a_worker_gets_no_more_memory_than_configured(void)
{
#ifdef TUMORD_SANITIZERS
    (void)take_too_much;
    runner_skip("sanitizers take terabytes of addresses");
#else
    CU_ASSERT_EQUAL(fate(sandbox_worker, take_too_much), 1005);
#endif
}

static void serve(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0), file = open("/dev/null", O_RDONLY);

    _exit(fd >= 0 && file >= 0 ? 3 : 4);
}

static void a_server_keeps_sockets_and_files(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_server, serve), 1003);
}

static void a_server_that_tries_execve_dies(void)
{
    CU_ASSERT_EQUAL(fate(sandbox_server, self_test_execve), SIGSYS);
}

static void a_server_that_traces_dies(void)
{
#ifdef TUMORD_SANITIZERS
    runner_skip("the leak check at the end is a ptrace");
#else
    CU_ASSERT_EQUAL(fate(sandbox_server, do_ptrace), SIGSYS);
#endif
}

static void with_channel(void (*test)(void))
{
    CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
    test();
    close(channel[0]);
    close(channel[1]);
}

static void a_worker_that_works_over_its_channel_lives(void)
{
    with_channel(a_worker_that_works_lives);
}

static void a_worker_that_looks_around_dies_each_time(void)
{
    with_channel(a_worker_that_looks_around_dies);
}

static const struct runner_test tests[] = {
    TEST(a_worker_that_tries_a_socket_dies),
    TEST(a_worker_that_tries_to_connect_dies),
    TEST(a_worker_that_tries_execve_dies),
    TEST(a_worker_that_opens_a_file_dies),
    TEST(a_worker_that_forks_dies),
    TEST(a_worker_that_signals_others_dies),
    TEST(a_worker_that_looks_around_dies_each_time),
    TEST(a_worker_that_aborts_says_so),
    TEST(a_worker_that_makes_its_first_digest_lives),
    TEST(a_worker_that_reads_its_first_json_lives),
    TEST(a_worker_that_works_over_its_channel_lives),
    TEST(a_worker_may_make_memory_executable),
    TEST(a_worker_gets_no_more_memory_than_configured),
    TEST(a_server_keeps_sockets_and_files),
    TEST(a_server_that_tries_execve_dies),
    TEST(a_server_that_traces_dies),
    { NULL, NULL }
};
const struct runner_suite suite_sandbox = { "sandbox", tests };
