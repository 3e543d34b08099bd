/* Message: one sendmsg or recvmsg on a SOCK_SEQPACKET socketpair, descriptors beside. */
#include "daemon/message.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/error.h"

#define SEND_TIMEOUT_MS 10000   /* the other side reads at once, or it is stopped */

struct head {
    uint32_t magic, kind;
    int32_t pid;
    uint32_t first;
    int64_t job, lease;
    uint32_t size, fd_count;
};
#define MAGIC 0x746d7231u       /* "tmr1": both ends are the same binary, but a reload may mix */

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_MAX_FDS)];
};

static void attach(struct msghdr *header, union control *control,
                   const struct message *message)
{
    const size_t bytes = sizeof(int) * message->fd_count;

    if (bytes == 0)
        return;
    header->msg_control = control->bytes;
    header->msg_controllen = CMSG_SPACE(bytes);
    struct cmsghdr *const rights = CMSG_FIRSTHDR(header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(rights), message->fd, bytes);
}

bool message_send(int channel, const struct message *message, struct error *err)
{
    assert(message->size <= MESSAGE_MAX_BODY && message->fd_count <= MESSAGE_MAX_FDS);
    struct head head = {
        .magic = MAGIC, .kind = message->kind, .pid = getpid(), .first = message->first,
        .job = message->job, .lease = message->lease, .size = (uint32_t)message->size,
        .fd_count = (uint32_t)message->fd_count
    };
    struct iovec part[2] = {
        { &head, sizeof head }, { (void *)message->body, message->size }
    };
    struct msghdr header = { .msg_iov = part, .msg_iovlen = 2 };
    union control control;

    memset(&control, 0, sizeof control);
    attach(&header, &control, message);
    for (;;) {
        if (sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return true;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return error_errno(err, "message %d", (int)message->kind);
        struct pollfd ready = { .fd = channel, .events = POLLOUT };
        if (poll(&ready, 1, SEND_TIMEOUT_MS) == 0)
            return error_set(err, ERROR_LIMIT, "message %d: the other side does not read",
                             (int)message->kind);
    }
}

static void collect_fds(struct msghdr *header, struct message *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
         part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        message->fd_count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(message->fd, CMSG_DATA(part), message->fd_count * sizeof(int));
    }
}

static bool check(const struct head *head, size_t got, int flags, struct message *message,
                  struct error *err)
{
    if (got < sizeof *head || head->magic != MAGIC || (flags & (MSG_TRUNC | MSG_CTRUNC))
        || head->size != got - sizeof *head || head->fd_count != message->fd_count) {
        message_close_fds(message);
        return error_set(err, ERROR_DATA, "message of %zu bytes is not whole", got);
    }
    message->kind = head->kind;
    message->pid = head->pid;
    message->first = head->first;
    message->job = head->job;
    message->lease = head->lease;
    message->size = head->size;
    message->body[message->size] = '\0';
    return true;
}

bool message_receive(int channel, bool wait, struct message *message, bool *ret_got,
                     struct error *err)
{
    struct head head;
    struct iovec part[2] = { { &head, sizeof head }, { message->body, MESSAGE_MAX_BODY } };
    union control control;
    struct msghdr header = {
        .msg_iov = part, .msg_iovlen = 2, .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes
    };

    *ret_got = false;
    message->fd_count = 0;
    const ssize_t got = recvmsg(channel, &header,
                                MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return true;
    if (got < 0)
        return error_errno(err, "message");
    if (got == 0)
        return error_set(err, ERROR_IO, "the other side is gone");
    collect_fds(&header, message);
    if (!check(&head, (size_t)got, header.msg_flags, message, err))
        return false;
    *ret_got = true;
    return true;
}

void message_close_fds(struct message *message)
{
    for (size_t i = 0; i < message->fd_count; i++)
        close(message->fd[i]);
    message->fd_count = 0;
}
