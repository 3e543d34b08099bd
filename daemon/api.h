/* API: the answers of the http role, from the store; a pure question and answer. */
#ifndef TUMORD_DAEMON_API_H
#define TUMORD_DAEMON_API_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct store;

struct api {
    const struct config *config;
    struct store *store;
};

struct api_request {
    const char *path;               /* without a query; percent signs are not decoded: none occur */
    bool post;
    bool trusted;                   /* over the Unix socket */
};

/* An answer that is made while it is sent: HTTP asks for its bytes as the other side takes them. */
struct api_stream {
    /* Up to `size` bytes; 0 at its end, -1 when it broke off. */
    long (*read)(void *context, char *buffer, size_t size);
    void (*end)(void *context);
    void *context;
};

struct api_answer {
    int status;                     /* HTTP */
    const char *type;               /* media type */
    char *body;                     /* malloc'ed, or NULL when `fd` has it */
    size_t size;
    int fd;                         /* of a file to send, or -1; the caller's to close */
    struct api_stream stream;       /* unless `stream.read` is NULL; ended by who sends it */
    bool attachment;
    char name[32];                  /* of the attachment */
};

/* A JSON answer {"error": sentence}. */
void api_sentence(struct api_answer *answer, int status, const char *sentence);

void api_answer(const struct api *api, const struct api_request *request,
                struct api_answer *ret_answer);

#endif
