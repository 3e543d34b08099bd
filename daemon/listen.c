/* Listen: folders, lock and sockets. */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"
#include "util/text.h"

#define BACKLOG 511
#define LOCK_TRIES 30           /* of 100 ms: roles of a node that was killed are dying */

static int listen_on(int fd, const struct sockaddr *address, socklen_t size)
{
    const int yes = 1;

    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (address->sa_family == AF_INET6) {
        const int no = 0;       /* '::' is everybody */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    }
    return bind(fd, address, size) == 0 && listen(fd, BACKLOG) == 0 ? 0 : -1;
}

int listen_tcp(const char *address, int port, struct error *err)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char service[8];
    const char *const numeric = strcmp(address, "localhost") == 0 ? "127.0.0.1" : address;

    text_format(service, sizeof service, "%d", port);
    const int failed = getaddrinfo(numeric, service, &hints, &found);
    if (failed != 0) {
        error_set(err, ERROR_NETWORK, "address %s: %s", address, gai_strerror(failed));
        return -1;
    }
    const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool good = fd >= 0 && listen_on(fd, found->ai_addr, found->ai_addrlen) == 0;
    if (!good)
        error_errno(err, "cannot listen on %s, port %d", address, port);
    freeaddrinfo(found);
    if (!good && fd >= 0)
        close(fd);
    return good ? fd : -1;
}

int listen_unix(const char *data_dir, struct error *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (!text_format(address.sun_path, sizeof address.sun_path, "%s/run/tumord.sock",
                     data_dir)) {
        error_set(err, ERROR_LIMIT, "the path %s is too long for a Unix socket in it: at most "
                  "%zu bytes", data_dir, sizeof address.sun_path - sizeof "/run/tumord.sock");
        return -1;
    }
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(address.sun_path);           /* we hold the lock, so nobody serves it */
    if (fd < 0 || listen_on(fd, (struct sockaddr *)&address, sizeof address) != 0
        || chmod(address.sun_path, 0660) != 0) {
        error_errno(err, "cannot listen on %s", address.sun_path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static bool make_folder(const char *path, struct error *err)
{
    struct stat status;

    if (mkdir(path, 0750) == 0)
        return true;
    if (errno != EEXIST)
        return error_errno(err, "cannot make the folder %s", path);
    if (stat(path, &status) != 0)
        return error_errno(err, "%s", path);
    return S_ISDIR(status.st_mode) || error_set(err, ERROR_IO, "%s is not a folder", path);
}

bool listen_folders(const char *data_dir, struct error *err)
{
    static const char *const names[] = { "journal", "objects", "results", "run" };
    char path[1200];

    if (!make_folder(data_dir, err))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        text_format(path, sizeof path, "%s/%s", data_dir, names[i]);
        if (!make_folder(path, err))
            return false;
    }
    return true;
}

int listen_lock(const char *data_dir, struct error *err)
{
    const struct timespec pause = { .tv_nsec = 100 * 1000000 };
    char path[1200];

    text_format(path, sizeof path, "%s/lock", data_dir);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        error_errno(err, "cannot open %s", path);
        return -1;
    }
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        if (errno != EWOULDBLOCK)
            break;
        nanosleep(&pause, NULL);
    }
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_DENIED, "another tumord is using %s", data_dir);
    else
        error_errno(err, "cannot lock %s", path);
    close(fd);
    return -1;
}
