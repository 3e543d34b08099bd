/*
 * Message: what a worker and who gives it work say to each other over a socketpair
 * (SOCK_SEQPACKET). A message is a fixed head, a JSON body, and file descriptors, through
 * which inputs and results pass: a worker has neither database nor path.
 *
 *   worker → scheduler   READY                 I am new or idle (a job I held has died)
 *   scheduler → worker   JOB   body            see job.h; files follow on demand
 *   worker → scheduler   WANT  first           give me files from number `first` on
 *   scheduler → worker   FILES first, fds      as many as fit, in the order of the job
 *   worker → scheduler   PROGRESS body         {"stage": "…", "fraction": 0.4}
 *   worker → scheduler   RESULT body, fds      one memfd per result; see job.h
 *   worker → scheduler   FAILED body           {"reason": "…"}
 *   scheduler → worker   PING                  answer READY when idle
 *
 * Receiver, sender and http, and a worker of the pool, in the same way (daemon/pool.h):
 *
 *   asker → pool         ERRAND count, body    something that somebody waits for
 *   pool → asker         WANT, then FILES back, as above; `job` is the errand's number
 *   pool → asker         ANSWER body, fd       at most one memfd; or FAILED
 */
#ifndef TUMORD_DAEMON_MESSAGE_H
#define TUMORD_DAEMON_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX_BODY 65536
#define MESSAGE_MAX_FDS 200         /* the kernel's limit is 253 */

struct error;

enum message_kind {
    MESSAGE_READY = 1, MESSAGE_JOB, MESSAGE_WANT, MESSAGE_FILES, MESSAGE_PROGRESS,
    MESSAGE_RESULT, MESSAGE_FAILED, MESSAGE_PING, MESSAGE_ERRAND, MESSAGE_ANSWER
};

struct message {
    enum message_kind kind;
    int32_t pid;                    /* of the sender */
    int64_t job, lease;
    uint32_t first;                 /* of files; of an errand: how many it has */
    size_t size;                    /* of the body */
    size_t fd_count;
    int fd[MESSAGE_MAX_FDS];        /* received ones are the receiver's to close */
    char body[MESSAGE_MAX_BODY + 1];    /* JSON text, ends with NUL */
};

/* Sends; the fds stay the sender's. Fails when the other side is gone or the queue is full. */
bool message_send(int channel, const struct message *message, struct error *err);

/* Receives one message into `message`; ret_got is false when none waits (non-blocking). */
bool message_receive(int channel, bool wait, struct message *message, bool *ret_got,
                     struct error *err);
void message_close_fds(struct message *message);

#endif
