/*
 * What a worker says, which parsed a stranger's file before: a message as it comes out of
 * the channel, its body as a result and as a job. A name that passes is no path.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/job.h"
#include "daemon/message.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void parse(const char *body)
{
    static struct job_result result;
    struct job job;
    struct error err;

    if (job_parse(body, &job, &err))
        job_clear(&job);
    if (!job_result_parse(body, &result, &err))
        return;
    for (size_t i = 0; i < result.count; i++)
        if (strchr(result.object[i].name, '/') != NULL || result.object[i].name[0] == '.')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct message message;
    struct error err;
    int ends[2];
    bool got;

    if (size == 0 || size > MESSAGE_MAX_BODY)
        return 0;
    if (bytes[0] != 0) { /* a body alone */
        char *const body = strndup((const char *)bytes, size);

        parse(body);
        free(body);
        return 0;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
        return 0;
    if (send(ends[0], bytes + 1, size - 1, MSG_DONTWAIT) >= 0) {
        shutdown(ends[0], SHUT_WR);
        if (message_receive(ends[1], false, &message, &got, &err) && got)
            parse(message.body);
    }
    close(ends[0]);
    close(ends[1]);
    return 0;
}
