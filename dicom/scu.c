/* SCU: one request, answers until one that is not pending. */
#include "dicom/scu.h"

#include <stdlib.h>

#include "util/error.h"

struct association *scu_call(const struct association_target *target, const char *sop_class_uid,
                             struct error *err)
{
    struct association_proposal proposals[2] = { { "", "1.2.840.10008.1.2.1", false },
                                                 { "", "1.2.840.10008.1.2", false } };

    for (int i = 0; i < 2; i++)
        text_format(proposals[i].sop_class_uid, TEXT_UID_SIZE, "%s", sop_class_uid);
    return association_request(target, proposals, 2, err);
}

static bool send_request(struct association *association, struct dimse_message *request,
                         const struct scu_key *keys, size_t count, struct error *err)
{
    struct identifier_writer writer;

    request->has_data = true;
    request->context = association_context(association, request->sop_class_uid, NULL);
    if (request->context == 0)
        return error_set(err, ERROR_UNSUPPORTED, "the peer does not take class %s",
                         request->sop_class_uid);
    identifier_begin(&writer, identifier_is_explicit(association_syntax(association,
                                                                        request->context)));
    for (size_t i = 0; i < count; i++)
        identifier_put(&writer, keys[i].tag, keys[i].vr, keys[i].value);
    const bool good = identifier_end(&writer, err)
        && association_send(association, request, NULL, writer.bytes, writer.size, err);
    free(writer.bytes);
    return good;
}

/* The data set behind an answer; ret_identifier NULL: there was none that can be read. */
static bool read_answer(struct association *association, const struct dimse_message *message,
                        struct identifier **ret_identifier, struct error *err)
{
    struct error ignored;
    unsigned char *bytes = NULL;
    size_t size = 0;

    *ret_identifier = NULL;
    if (!message->has_data)
        return true;
    if (!association_read_small(association, IDENTIFIER_MAX, &bytes, &size, err))
        return false;
    *ret_identifier = identifier_read(bytes, size, identifier_is_explicit(
        association_syntax(association, message->context)), &ignored);
    free(bytes);
    return true;
}

static bool next_message(struct association *association, struct dimse_message *ret_message,
                         struct error *err)
{
    enum association_event event;

    if (!association_next(association, ret_message, &event, err))
        return false;
    return event == ASSOCIATION_MESSAGE
        || error_set(err, ERROR_NETWORK, "the peer ended the association instead of an answer");
}

static bool next_answer(struct association *association, uint16_t command,
                        struct dimse_message *ret_message, struct error *err)
{
    if (!next_message(association, ret_message, err))
        return false;
    return ret_message->command == (command | DIMSE_RSP)
        || error_set(err, ERROR_NETWORK, "command %04x in place of an answer",
                     ret_message->command);
}

static bool is_pending(uint16_t status)
{
    return (status & 0xff00) == 0xff00;
}

/* With what the peer says of it. */
static bool refused(const char *what, const struct dimse_message *message, struct error *err)
{
    return error_set(err, ERROR_DENIED, "%s answered with %04x%s%s", what, message->status,
                     message->comment[0] != '\0' ? ": " : "", message->comment);
}

bool scu_find(struct association *association, const struct scu_key *keys, size_t count,
              scu_answer_fn each, void *context, struct error *err)
{
    struct dimse_message message, request = { .command = DIMSE_C_FIND_RQ,
                                              .sop_class_uid = SCU_STUDY_ROOT_FIND };
    struct identifier *answer = NULL;
    bool wanted = true;

    if (!send_request(association, &request, keys, count, err))
        return false;
    do {
        if (!next_answer(association, DIMSE_C_FIND_RQ, &message, err)
            || !read_answer(association, &message, &answer, err))
            return false;
        if (answer != NULL && is_pending(message.status))
            wanted = wanted && each(answer, context);
        identifier_free(answer);
    } while (is_pending(message.status));
    return message.status == 0 || refused("C-FIND", &message, err);
}

bool scu_move(struct association *association, const char *destination,
              const struct scu_key *keys, size_t count, scu_progress_fn each, void *context,
              struct dimse_message *ret_last, struct error *err)
{
    struct dimse_message request = { .command = DIMSE_C_MOVE_RQ,
                                     .sop_class_uid = SCU_STUDY_ROOT_MOVE };
    struct identifier *failed = NULL;

    if (!text_format(request.move_destination, sizeof request.move_destination, "%s",
                     destination))
        return error_set(err, ERROR_USAGE, "the AE title %s is too long", destination);
    if (!send_request(association, &request, keys, count, err))
        return false;
    do {
        if (!next_answer(association, DIMSE_C_MOVE_RQ, ret_last, err)
            || !read_answer(association, ret_last, &failed, err))
            return false;
        identifier_free(failed);
        if (each != NULL)
            each(ret_last, context);
    } while (is_pending(ret_last->status));
    return ret_last->status == 0 || refused("C-MOVE", ret_last, err);
}

bool scu_get(struct association *association, const struct scu_key *keys, size_t count,
             scu_store_fn take, void *context, struct dimse_message *ret_last,
             struct error *err)
{
    struct dimse_message request = { .command = DIMSE_C_GET_RQ,
                                     .sop_class_uid = SCU_STUDY_ROOT_GET };
    struct identifier *failed = NULL;
    uint16_t status;

    if (!send_request(association, &request, keys, count, err))
        return false;
    do {
        if (!next_message(association, ret_last, err))
            return false;
        if (ret_last->command == DIMSE_C_STORE_RQ) {
            if (!take(association, ret_last, context, &status, err)
                || !association_respond(association, ret_last, status, NULL, err))
                return false;
            continue;
        }
        if (ret_last->command != (DIMSE_C_GET_RQ | DIMSE_RSP))
            return error_set(err, ERROR_NETWORK, "command %04x in place of an answer",
                             ret_last->command);
        if (!read_answer(association, ret_last, &failed, err))
            return false;
        identifier_free(failed);
    } while (ret_last->command == DIMSE_C_STORE_RQ || is_pending(ret_last->status));
    return ret_last->status == 0 || refused("C-GET", ret_last, err);
}
