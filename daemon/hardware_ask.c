/* Hardware, asked: a slice goes to the simulator in a memfd, and comes back in one. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/hardware.h"
#include "daemon/message.h"
#include "util/error.h"
#include "util/text.h"

static bool write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        const ssize_t done = write(fd, at, size);
        if (done <= 0)
            return false;
        at += done;
        size -= (size_t)done;
    }
    return true;
}

static bool send_slice(const struct hardware_chip *chip, const struct fixed_chain *chain,
                       const uint16_t *stored, struct error *err)
{
    const struct hardware_request request = { .chain = *chain };
    const int fd = memfd_create("slice", MFD_CLOEXEC);
    struct message *const message = chip->message;

    if (fd < 0 || !write_all(fd, &request, sizeof request)
        || !write_all(fd, stored, chain->columns * chain->rows * sizeof *stored)) {
        error_errno(err, "memory for a slice");
        if (fd >= 0)
            close(fd);
        return false;
    }
    message->kind = MESSAGE_ERRAND;
    message->job = getpid();            /* whose it is: a worker before this one may have died asking */
    message->lease = 0;
    message->first = 0;
    message->size = 0;
    message->fd_count = 1;
    message->fd[0] = fd;
    const bool good = message_send(chip->channel, message, err);
    close(fd);
    return good;
}

/* From another process, and so looked at: the size, and what is used as a number of things. */
static bool read_slice(int fd, size_t count, struct fixed_slice *slice, struct error *err)
{
    struct hardware_answer answer;
    struct stat about;
    uint8_t *const bytes = malloc(3 * count);
    const bool whole = bytes != NULL && fstat(fd, &about) == 0
        && about.st_size == (off_t)(sizeof answer + 3 * count)
        && pread(fd, &answer, sizeof answer, 0) == (ssize_t)sizeof answer
        && pread(fd, bytes, 3 * count, sizeof answer) == (ssize_t)(3 * count)
        && answer.components.count <= FIXED_LABELS_MAX;

    for (size_t at = 0; whole && at < count; at++) {
        slice->grey[at] = bytes[at];
        slice->pad[at] = bytes[count + at] & 1;
        slice->mask[at] = bytes[2 * count + at] & 1;
    }
    free(bytes);
    if (!whole)
        return error_set(err, ERROR_DATA, "the simulated hardware's answer is not whole");
    slice->otsu = answer.otsu;
    slice->statistics = answer.statistics;
    slice->components = answer.components;
    memcpy(slice->part, answer.part, sizeof slice->part);
    return true;
}

bool hardware_ask(void *context, const struct fixed_chain *chain, const uint16_t *stored,
                  struct fixed_slice *slice, struct error *err)
{
    const struct hardware_chip *const chip = context;
    struct message *const message = chip->message;
    bool got = false;

    if (!send_slice(chip, chain, stored, err))
        return error_prefix(err, "the simulated hardware");
    while (!got) {
        if (!message_receive(chip->channel, true, message, &got, err))
            return error_prefix(err, "the simulated hardware");
        if (got && message->job != getpid()) {
            message_close_fds(message);
            got = false;
        }
    }
    bool good = message->kind == MESSAGE_ANSWER && message->fd_count == 1;
    if (message->kind == MESSAGE_FAILED)
        error_set(err, ERROR_IO, "the simulated hardware: %.200s", message->body);
    else if (!good)
        error_set(err, ERROR_DATA, "the simulated hardware does not answer as it should");
    good = good && read_slice(message->fd[0], chain->columns * chain->rows, slice, err);
    message_close_fds(message);
    return good;
}
