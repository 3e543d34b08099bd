/*
 * Ack order: preloaded into the node, it sees every write, sync and send, and tells when a
 * C-STORE response 0000 leaves although something that its thread wrote to a file was not
 * synced since (by whichever thread: syncs are shared).
 *
 * ACK_ORDER_FILE: one line per 0000: "ok", "nothing written" or "not synced", with the count
 * of the thread's writes. ACK_ORDER_FORGET=1 leaves the fdatasync calls out of account, to
 * show that the watch would bark.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 4096
#define MAX_WRITES 64               /* files that one thread writes between two answers */

static _Atomic uint64_t now = 1;                /* grows with each write and sync */
static _Atomic uint64_t synced[MAX_FD];         /* when the last sync that ended well began */

static _Thread_local struct {
    int count;
    bool lost;                      /* a file was closed unsynced, or too many */
    struct { int fd; uint64_t at; } file[MAX_WRITES];
} written;

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* ---- what the thread has written ---- */

static bool is_file(int fd)
{
    struct stat status;

    return fd >= 0 && fd < MAX_FD && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static void note_write(int fd)
{
    int i = 0;

    if (!is_file(fd))
        return;
    while (i < written.count && written.file[i].fd != fd)
        i++;
    if (i == MAX_WRITES) {
        written.lost = true;
        return;
    }
    if (i == written.count)
        written.count++;
    written.file[i].fd = fd;
    written.file[i].at = ++now;
}

static void note_close(int fd)
{
    for (int i = 0; i < written.count; i++)
        if (written.file[i].fd == fd && synced[fd] < written.file[i].at)
            written.lost = true;
}

/* ---- the answer 0000 ---- */

/* (0000,0100) US 0x8001, and (0000,0900) US 0: the elements of a C-STORE response. */
static const unsigned char response[] = { 0, 0, 0, 1, 2, 0, 0, 0, 0x01, 0x80 };
static const unsigned char success[] = { 0, 0, 0, 9, 2, 0, 0, 0, 0, 0 };

static void judge(void)
{
    const char *const path = getenv("ACK_ORDER_FILE");
    const char *verdict = written.count > 0 ? "ok" : "nothing written";
    char line[80];

    for (int i = 0; i < written.count; i++)
        if (synced[written.file[i].fd] < written.file[i].at)
            verdict = "not synced";
    if (written.lost)
        verdict = "not synced";
    const int size = snprintf(line, sizeof line, "%s %d\n", verdict, written.count);
    const int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    if (fd >= 0) {
        /* As plain system calls would: this file is none of the node's. */
        ssize_t (*real)(int, const void *, size_t) = next("write");
        if (real(fd, line, (size_t)size) != size)
            abort();
        int (*real_close)(int) = next("close");
        real_close(fd);
    }
    memset(&written, 0, sizeof written);
}

static void look(int fd, const struct iovec *part, size_t count)
{
    unsigned char text[4096];
    size_t size = 0;

    if (is_file(fd))
        return;

    for (size_t i = 0; i < count; i++) {
        const size_t room = sizeof text - size;
        const size_t take = part[i].iov_len < room ? part[i].iov_len : room;
        memcpy(text + size, part[i].iov_base, take);
        size += take;
    }
    if (memmem(text, size, response, sizeof response) != NULL
        && memmem(text, size, success, sizeof success) != NULL)
        judge();
}

/* ---- the calls ---- */

ssize_t write(int fd, const void *bytes, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) = next("write");
    const struct iovec part = { (void *)(uintptr_t)bytes, size };

    note_write(fd);
    look(fd, &part, 1);
    return real(fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *part, int count)
{
    ssize_t (*real)(int, const struct iovec *, int) = next("writev");

    note_write(fd);
    look(fd, part, (size_t)count);
    return real(fd, part, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = next("pwrite");

    note_write(fd);
    return real(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    return pwrite(fd, bytes, size, at);
}

ssize_t pwritev(int fd, const struct iovec *part, int count, off_t at)
{
    ssize_t (*real)(int, const struct iovec *, int, off_t) = next("pwritev");

    note_write(fd);
    return real(fd, part, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *part, int count, off64_t at)
{
    return pwritev(fd, part, count, at);
}

static int sync_by(const char *name, int fd)
{
    int (*real)(int) = next(name);
    const uint64_t begun = ++now;
    const int status = real(fd);

    if (status == 0 && fd >= 0 && fd < MAX_FD && getenv("ACK_ORDER_FORGET") == NULL)
        synced[fd] = begun;
    return status;
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

int close(int fd)
{
    int (*real)(int) = next("close");

    if (fd >= 0 && fd < MAX_FD)
        note_close(fd);
    return real(fd);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    ssize_t (*real)(int, const void *, size_t, int) = next("send");
    const struct iovec part = { (void *)(uintptr_t)bytes, size };

    look(fd, &part, 1);
    return real(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int) = next("sendmsg");

    look(fd, message->msg_iov, message->msg_iovlen);
    return real(fd, message, flags);
}
