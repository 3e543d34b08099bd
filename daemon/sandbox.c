/* Sandbox: no new privileges, limits, and seccomp filters; the worker's by a list of what is
 * allowed, the servers' by a list of what is not. */
#include "daemon/sandbox.h"

#include <config.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "util/digest.h"
#include "util/error.h"

/*
 * Beside the arena a worker holds: the program and its libraries (about 250 MiB of addresses),
 * stacks of 8 MiB a thread, decoded data sets and the encoded results.
 */
#define SLACK_MIB 1024
#define MAX_FILE_BYTES (4ll << 30)      /* a memfd of a result; RLIMIT_FSIZE holds for it too */
#define MAX_ARENAS 2                    /* of malloc: each takes 64 MiB of addresses */

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- limits ---- */

static bool limit(int resource, rlim_t value, struct error *err)
{
    struct rlimit now;

    if (getrlimit(resource, &now) == 0 && now.rlim_max < value)
        value = now.rlim_max;
    const struct rlimit limits = { value, value };
    return setrlimit(resource, &limits) == 0
        || error_errno(err, "limit of resource %d", resource);
}

/*
 * RLIMIT_CPU is not among them: it counts over the life of the process, and a worker lives for
 * many jobs; each job has its alarm, and the scheduler's lease behind that.
 */
static bool limit_worker(const struct config *config, struct error *err)
{
#ifdef TUMORD_SANITIZERS
    (void)config;                       /* their shadow memory takes terabytes of addresses */
#else
    const rlim_t memory = ((rlim_t)config->max_memory_mib + SLACK_MIB) << 20;
    if (!limit(RLIMIT_AS, memory, err))
        return false;
#endif
    return limit(RLIMIT_CORE, 0, err) && limit(RLIMIT_FSIZE, (rlim_t)MAX_FILE_BYTES, err)
        && limit(RLIMIT_NOFILE, 1024, err);
}

/* ---- filters ---- */

static const char *const worker_calls[] = {
    /* bytes of open descriptors */
    "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek",
    "_llseek", "fstat", "fstat64", "ftruncate", "fallocate", "close", "close_range", "dup",
    "fcntl", "fcntl64", "poll", "ppoll", "select", "pselect6", "recvmsg", "sendmsg", "recvfrom",
    "sendto", "memfd_create", "fsync", "fdatasync",
    /* memory, executable included: a JIT comes with a later issue */
    "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "mincore", "membarrier",
    /* threads */
    "futex", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid",
    "getpid", "getppid", "sched_yield", "sched_getaffinity", "sched_setaffinity",
    "sched_getparam", "sched_getscheduler", "getcpu", "exit", "exit_group",
    /* signals and time */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "alarm",
    "setitimer", "getitimer", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
    "gettimeofday", "time", "times",
    /* asking about ourselves */
    "getrandom", "getrusage", "getrlimit", "ugetrlimit", "uname", "sysinfo", "getuid", "geteuid",
    "getgid", "getegid"
};

static bool rule(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned count,
                 const struct scmp_arg_cmp *arguments, struct error *err)
{
    const int number = seccomp_syscall_resolve_name(name);

    if (number == __NR_SCMP_ERROR)
        return true;                        /* not a call of this processor */
    const int status = seccomp_rule_add_array(filter, action, number, count, arguments);
    if (status == 0 || status == -EDOM)
        return true;
    errno = -status;
    return error_errno(err, "seccomp rule for %s", name);
}

static bool rules(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                  size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!rule(filter, action, names[i], 0, NULL, err))
            return false;
    return true;
}

/* Calls that are harmless with some arguments only. */
static bool allow_some(scmp_filter_ctx filter, struct error *err)
{
    /* Threads, not processes. clone3 hides its flags behind a pointer: glibc falls back. */
    const struct scmp_arg_cmp thread[] = {
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM) };
    const struct scmp_arg_cmp ourselves[] = { SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0) };
    const struct scmp_arg_cmp empty_path[] = {
        SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH) };
    const struct scmp_arg_cmp set_name[] = { SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0) };
    const struct scmp_arg_cmp ask_only[] = { SCMP_A0(SCMP_CMP_EQ, 0, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0) };
    const struct scmp_arg_cmp terminal[] = { SCMP_A1(SCMP_CMP_EQ, 0x5401 /* TCGETS */, 0) };

    return rule(filter, SCMP_ACT_ALLOW, "clone", 1, thread, err)
        && rule(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL, err)
        && rule(filter, SCMP_ACT_ALLOW, "tgkill", 1, ourselves, err)
        && rule(filter, SCMP_ACT_ALLOW, "newfstatat", 1, empty_path, err)
        && rule(filter, SCMP_ACT_ALLOW, "prctl", 1, set_name, err)
        && rule(filter, SCMP_ACT_ALLOW, "prlimit64", 2, ask_only, err)
        && rule(filter, SCMP_ACT_ALLOW, "ioctl", 1, terminal, err);
}

static const char *const forbidden_calls[] = {
    "execve", "execveat", "process_vm_readv", "process_vm_writev", "kexec_load",
    "kexec_file_load", "init_module", "finit_module", "delete_module", "bpf", "mount", "umount2",
    "pivot_root", "chroot", "setns", "unshare", "add_key", "request_key", "keyctl",
    "perf_event_open", "userfaultfd", "open_by_handle_at", "acct", "swapon", "swapoff", "reboot",
    "sethostname", "setdomainname", "settimeofday", "clock_settime", "adjtimex", "iopl",
    "ioperm", "io_uring_setup"
};

static bool forbid(scmp_filter_ctx filter, struct error *err)
{
    if (!rules(filter, SCMP_ACT_KILL_PROCESS, forbidden_calls, COUNT(forbidden_calls), err))
        return false;
#ifndef TUMORD_SANITIZERS                   /* the leak check at the end is a ptrace */
    if (!rule(filter, SCMP_ACT_KILL_PROCESS, "ptrace", 0, NULL, err))
        return false;
#endif
    return true;
}

static bool load(scmp_filter_ctx filter, struct error *err)
{
    /* A call of another ABI (x32, i386) is as forbidden as an unknown one. */
    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    const int status = seccomp_load(filter);

    errno = -status;
    return status == 0 || error_errno(err, "seccomp filter");
}

static bool filter_worker(struct error *err)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    const bool good = filter != NULL
        && rules(filter, SCMP_ACT_ALLOW, worker_calls, COUNT(worker_calls), err)
        && allow_some(filter, err) && load(filter, err);

    if (filter == NULL)
        return error_set(err, ERROR_MEMORY, "seccomp filter");
    seccomp_release(filter);
    return good;
}

static bool filter_server(struct error *err)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    const bool good = filter != NULL && forbid(filter, err) && load(filter, err);

    if (filter == NULL)
        return error_set(err, ERROR_MEMORY, "seccomp filter");
    seccomp_release(filter);
    return good;
}

/* ---- the whole ---- */

static bool no_new_privileges(struct error *err)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        || error_errno(err, "no new privileges");
}

/* What opens a file at its first use is used before the door closes. */
static void warm_up(void)
{
    unsigned char value[DIGEST_SIZE];

    tzset();                                /* the file of the time zone */
    digest_of("", 0, value);                /* libcrypto's openssl.cnf */
    json_object_seed(0);                    /* /dev/urandom, for jansson's hashes */
}

bool sandbox_worker(const struct config *config, struct error *err)
{
    warm_up();
    mallopt(M_ARENA_MAX, MAX_ARENAS);
    return (no_new_privileges(err) && limit_worker(config, err) && filter_worker(err))
        || error_prefix(err, "sandbox");
}

bool sandbox_server(const struct config *config, struct error *err)
{
    (void)config;
    return (no_new_privileges(err) && limit(RLIMIT_CORE, 0, err) && filter_server(err))
        || error_prefix(err, "sandbox");
}

/* ---- for tests ---- */

static void try_socket(void)
{
    if (socket(AF_INET, SOCK_STREAM, 0) < 0)
        abort();
}

static void try_connect(void)
{
    struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(9) };

    if (connect(STDIN_FILENO, (struct sockaddr *)&there, sizeof there) != 0)
        abort();
}

static void try_execve(void)
{
    char *const argv[] = { "true", NULL };

    execve("/bin/true", argv, argv + 1);
    abort();
}

static void try_openat(void)
{
    if (openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
        abort();
}

static void spin(void)
{
    for (volatile unsigned long turn = 0;; turn++)
        ;
}

void sandbox_self_test(const char *what)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
        { "socket", try_socket }, { "connect", try_connect }, { "execve", try_execve },
        { "openat", try_openat }, { "abort", abort }, { "spin", spin }
    };

    for (size_t i = 0; i < COUNT(tests); i++)
        if (strcmp(what, tests[i].name) == 0)
            tests[i].run();
}
