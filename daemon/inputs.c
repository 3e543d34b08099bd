/* Inputs: ask for a batch, read it file by file, ask for the next. */
#include "daemon/inputs.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dicom/dataset.h"
#include "dicom/series.h"
#include "util/arena.h"
#include "util/error.h"

void inputs_begin(struct inputs *inputs, int channel, struct message *message, int64_t job,
                  int64_t lease, size_t count)
{
    inputs->channel = channel;
    inputs->message = message;
    inputs->job = job;
    inputs->lease = lease;
    inputs->count = count;
    inputs->first = inputs->held = 0;
}

void inputs_end(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->held; i++)
        close(inputs->file[i]);
    inputs->held = 0;
}

static bool want(struct inputs *inputs, size_t first, struct error *err)
{
    struct message *const message = inputs->message;

    message->kind = MESSAGE_WANT;
    message->job = inputs->job;
    message->lease = inputs->lease;
    message->first = (uint32_t)first;
    message->size = 0;
    message->fd_count = 0;
    return message_send(inputs->channel, message, err);
}

/* Waits for the files that were asked for; anything else ends the job, but for a PING. */
static bool hear_files(struct inputs *inputs, struct error *err)
{
    struct message *const message = inputs->message;
    bool got = false;

    while (!got) {
        if (!message_receive(inputs->channel, true, message, &got, err))
            return false;
        if (!got || (message->kind == MESSAGE_FILES && message->job == inputs->job
                     && message->lease == inputs->lease))
            continue;
        message_close_fds(message);
        if (message->kind != MESSAGE_PING)      /* answered by READY when we are done */
            return error_set(err, ERROR_DENIED, "the lease of job %lld was lost",
                             (long long)inputs->job);
        got = false;
    }
    return true;
}

/* Asks for the files from number `first` on. */
static bool fetch(struct inputs *inputs, size_t first, struct error *err)
{
    struct message *const message = inputs->message;

    inputs_end(inputs);
    if (!want(inputs, first, err) || !hear_files(inputs, err))
        return false;
    if (message->fd_count == 0 || message->first != first) {
        message_close_fds(message);
        return error_set(err, ERROR_IO, "file %zu of %zu cannot be opened", first + 1,
                         inputs->count);
    }
    memcpy(inputs->file, message->fd, message->fd_count * sizeof *inputs->file);
    inputs->first = first;
    inputs->held = message->fd_count;
    message->fd_count = 0;
    return true;
}

static bool read_all(int fd, unsigned char *bytes, size_t size, struct error *err)
{
    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);
        if (got < 0)
            return error_errno(err, "read");
        if (got == 0)
            return error_set(err, ERROR_IO, "the file became shorter while it was read");
        done += (size_t)got;
    }
    return true;
}

bool inputs_read(struct inputs *inputs, size_t index, struct arena *arena,
                 unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct stat status;

    if ((index < inputs->first || index >= inputs->first + inputs->held)
        && !fetch(inputs, index, err))
        return false;
    const int fd = inputs->file[index - inputs->first];
    if (fstat(fd, &status) != 0)
        return error_errno(err, "stat");
    *ret_size = (size_t)status.st_size;
    *ret_bytes = arena_take(arena, *ret_size, 1, err);
    return *ret_bytes != NULL && read_all(fd, *ret_bytes, *ret_size, err);
}

static bool add(struct inputs *inputs, size_t index, struct arena *arena,
                struct series *series, struct error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    const size_t mark = arena_mark(arena);

    if (!inputs_read(inputs, index, arena, &bytes, &size, err))
        return false;
    struct dataset *const dataset = dataset_read(bytes, size, err);
    arena_rewind(arena, mark);
    if (dataset == NULL)
        return false;
    const bool added = series_add(series, dataset, err);
    dataset_free(dataset);
    return added;
}

bool inputs_load_from(struct inputs *inputs, size_t first, size_t count, struct arena *arena,
                      struct series *series, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!add(inputs, first + i, arena, series, err))
            return count > 1 ? error_prefix(err, "instance %zu of %zu", i + 1, count) : false;
    if (first + count == inputs->count)
        inputs_end(inputs);
    return true;
}

bool inputs_load(struct inputs *inputs, size_t count, struct arena *arena, struct series *series,
                 struct error *err)
{
    return inputs_load_from(inputs, 0, count, arena, series, err);
}
