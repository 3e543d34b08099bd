/* Convert: a few choices, the best first; each that the peer accepted is tried. */
#include "daemon/convert.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/pool.h"
#include "dicom/syntax.h"
#include "util/error.h"

#define CHOICES 4

/* What a worker can read: all that we know and that is not stored only. */
static bool is_convertible(const char *stored)
{
    const struct syntax *const syntax = syntax_find(stored);

    return syntax != NULL && syntax->stored_only == NULL;
}

static size_t choices_of(const struct convert_object *object, const char *choice[CHOICES])
{
    size_t count = 0;

    if (!is_convertible(object->stored)) {
        choice[count++] = object->stored;
        return count;
    }
    if (object->wanted[0] != '\0' && strcmp(object->wanted, object->stored) != 0)
        choice[count++] = object->wanted;
    choice[count++] = object->stored;
    choice[count++] = "1.2.840.10008.1.2.1";
    choice[count++] = "1.2.840.10008.1.2";
    return count;
}

static void propose(struct convert_proposals *proposals, const char *sop_class_uid,
                    const char *syntax)
{
    for (size_t i = 0; i < proposals->count; i++)
        if (strcmp(proposals->proposal[i].sop_class_uid, sop_class_uid) == 0
            && strcmp(proposals->proposal[i].transfer_syntax, syntax) == 0)
            return;
    if (proposals->count == CONVERT_MAX_PROPOSALS)
        return;
    struct association_proposal *const added = &proposals->proposal[proposals->count++];
    text_format(added->sop_class_uid, TEXT_UID_SIZE, "%s", sop_class_uid);
    text_format(added->transfer_syntax, TEXT_UID_SIZE, "%s", syntax);
}

void convert_propose_stored(struct convert_proposals *proposals,
                            const struct convert_object *object)
{
    propose(proposals, object->sop_class_uid, object->stored);
}

void convert_propose_others(struct convert_proposals *proposals,
                            const struct convert_object *object)
{
    const char *choice[CHOICES];
    const size_t count = choices_of(object, choice);

    for (size_t i = 0; i < count; i++)
        propose(proposals, object->sop_class_uid, choice[i]);
}

/* ---- the errand ---- */

static int open_again(size_t index, void *context)
{
    (void)index;
    return fcntl(*(const int *)context, F_DUPFD_CLOEXEC, 0);
}

static bool ask(struct pool *pool, int fd, const char *syntax, int timeout_s, int *ret_fd,
                struct error *err)
{
    char body[64 + TEXT_UID_SIZE];
    struct pool_answer answer = { .fd = -1 };
    const struct pool_errand errand = { body, 1, open_again, &fd, timeout_s };

    if (pool == NULL)
        return error_set(err, ERROR_UNSUPPORTED, "no worker is there to convert it");
    text_format(body, sizeof body, "{\"errand\": \"transcode\", \"syntax\": \"%s\"}", syntax);
    if (!pool_ask(pool, &errand, &answer, err))
        return false;
    if (answer.fd < 0)
        return error_set(err, ERROR_DATA, "a conversion without a result");
    *ret_fd = answer.fd;
    return true;
}

bool convert_file(struct pool *pool, const struct association *association,
                  const struct convert_object *object, int fd, int timeout_s,
                  char ret_syntax[TEXT_UID_SIZE], int *ret_fd, struct error *err)
{
    const char *choice[CHOICES];
    const size_t count = choices_of(object, choice);

    error_set(err, ERROR_UNSUPPORTED, "the peer takes the class neither in its stored transfer "
              "syntax nor in one that it can be turned into");
    for (size_t i = 0; i < count; i++) {
        if (!association_accepted(association, object->sop_class_uid, choice[i]))
            continue;
        text_format(ret_syntax, TEXT_UID_SIZE, "%s", choice[i]);
        if (strcmp(choice[i], object->stored) == 0) {
            *ret_fd = fd;
            return true;
        }
        if (ask(pool, fd, choice[i], timeout_s, ret_fd, err))
            return true;
    }
    return false;
}
