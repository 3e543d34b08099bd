/* Retrieve: the list first, since the answers count down; then one sub-operation at a time. */
#include "daemon/retrieve.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/convert.h"
#include "daemon/log.h"
#include "daemon/query.h"
#include "daemon/target.h"
#include "util/error.h"
#include "util/text.h"

#define CONVERT_S 60
#define MAX_OBJECTS 65535               /* the counts are of 16 bits */
#define FAILED_LIST 0x00080058u
#define MAX_FAILED 4096                 /* of UIDs in the last answer */

struct object {
    const char *class_uid, *sop_uid, *syntax, *path;    /* in one allocation, at class_uid */
};

struct retrieval {
    const struct retrieve_asker *asker;
    struct association *association;    /* of who asked */
    struct association *to;             /* where the objects go: the same for C-GET */
    const struct dimse_message *message;
    struct object *object;
    size_t count, room;
    bool too_many, no_memory;
    uint16_t completed, failed, warned;
    bool cancelled, is_explicit;
    struct error last;                  /* the last sub-operation's failure */
    char *failed_uids;                  /* joined by '\' */
    size_t failed_size;
};

/* ---- the list ---- */

static char *append(char *at, const char *text)
{
    const size_t size = strlen(text) + 1;

    memcpy(at, text, size);
    return at + size;
}

static bool take_object(const struct store_hit *hit, void *context)
{
    struct retrieval *const retrieval = context;

    if (retrieval->count == MAX_OBJECTS) {
        retrieval->too_many = true;
        return false;
    }
    if (retrieval->count == retrieval->room) {
        const size_t room = retrieval->room * 2 + 64;
        struct object *const more = realloc(retrieval->object, room * sizeof *more);
        retrieval->no_memory = more == NULL;
        if (more == NULL)
            return false;
        retrieval->object = more;
        retrieval->room = room;
    }
    char *const text = malloc(strlen(hit->sop_class_uid) + strlen(hit->sop_uid)
                              + strlen(hit->transfer_syntax) + strlen(hit->path) + 4);
    retrieval->no_memory = text == NULL;
    if (text == NULL)
        return false;
    struct object *const object = &retrieval->object[retrieval->count++];
    object->class_uid = text;
    object->sop_uid = append(text, hit->sop_class_uid);
    object->syntax = append((char *)object->sop_uid, hit->sop_uid);
    object->path = append((char *)object->syntax, hit->transfer_syntax);
    append((char *)object->path, hit->path);
    return true;
}

static bool make_list(struct retrieval *retrieval, const struct query *query,
                      struct error *reason)
{
    struct store_reader *const reader = store_reader_open(retrieval->asker->config->data_dir,
                                                          reason);
    if (reader == NULL)
        return false;
    const bool good = store_query(reader, STORE_IMAGE, &query->filter, take_object, retrieval,
                                  reason);
    store_reader_close(reader);
    if (retrieval->no_memory)
        return error_set(reason, ERROR_MEMORY, "no memory for %zu objects", retrieval->count);
    if (retrieval->too_many)
        return error_set(reason, ERROR_LIMIT, "more than %d objects: ask for less at once",
                         MAX_OBJECTS);
    return good;
}

/* A retrieval names what it wants by unique keys; nothing at all would be everything. */
static bool check_keys(const struct query *query, struct error *reason)
{
    static const char *const names[] = { "Patient ID", "Study Instance UID",
                                         "Series Instance UID", "SOP Instance UID" };
    const char *const values[] = { query->filter.patient_id, query->filter.study_uids,
                                   query->filter.series_uids, query->filter.sop_uids };

    if (values[query->level] == NULL)
        return error_set(reason, ERROR_DATA, "no %s", names[query->level]);
    return query->level != STORE_PATIENT || strpbrk(query->filter.patient_id, "*?") == NULL
        || error_set(reason, ERROR_DATA, "a Patient ID with wildcards");
}

/* Wildcards are for queries. */
static void only_unique_keys(struct query *query)
{
    query->filter.patient_name = query->filter.accession = NULL;
    query->filter.date_from = query->filter.date_to = NULL;
}

/* ---- answers ---- */

static void fill_counts(const struct retrieval *retrieval, size_t done,
                        struct dimse_message *response)
{
    response->has_counts = true;
    response->remaining = (uint16_t)(retrieval->count - done);
    response->completed = retrieval->completed;
    response->failed = retrieval->failed;
    response->warned = retrieval->warned;
}

static bool answer(struct retrieval *retrieval, size_t done, enum query_status status,
                   const char *comment, struct error *err)
{
    struct dimse_message response = *retrieval->message;
    struct identifier_writer writer = { .bytes = NULL };
    bool good = true;

    response.command = retrieval->message->command | DIMSE_RSP;
    response.responded_id = retrieval->message->message_id;
    response.status = status;
    response.has_data = retrieval->failed_uids != NULL && status != QUERY_PENDING;
    response.move_destination[0] = '\0';
    fill_counts(retrieval, done, &response);
    if (response.has_data) {
        identifier_begin(&writer, retrieval->is_explicit);
        identifier_put(&writer, FAILED_LIST, "UI", retrieval->failed_uids);
        good = identifier_end(&writer, err);
    }
    good = good && association_send(retrieval->association, &response, comment, writer.bytes,
                                    writer.size, err);
    free(writer.bytes);
    return good;
}

static bool refuse(struct retrieval *retrieval, enum query_status status, const char *reason,
                   struct error *err)
{
    log_warning("%s refused status=%04x reason=\"%s\" calling=%s",
                retrieval->message->command == DIMSE_C_MOVE_RQ ? "C-MOVE" : "C-GET", status,
                reason, retrieval->asker->calling_ae);
    return association_respond(retrieval->association, retrieval->message, status, reason, err);
}

/* ---- sub-operations ---- */

static void note_failure(struct retrieval *retrieval, const struct object *object)
{
    const size_t length = strlen(object->sop_uid);

    retrieval->failed++;
    if (retrieval->failed > MAX_FAILED)
        return;
    char *const more = realloc(retrieval->failed_uids, retrieval->failed_size + length + 2);
    if (more == NULL)
        return;
    retrieval->failed_uids = more;
    if (retrieval->failed_size > 0)
        more[retrieval->failed_size++] = '\\';
    memcpy(more + retrieval->failed_size, object->sop_uid, length + 1);
    retrieval->failed_size += length;
}

/* C-GET: only where the peer said that it is SCP of the class. */
static bool may_send(const struct retrieval *retrieval, const char *class_uid,
                     const char *syntax, struct error *err)
{
    return retrieval->to != retrieval->association
        || association_is_turned(retrieval->to, association_context(retrieval->to, class_uid,
                                                                    syntax))
        || error_set(err, ERROR_UNSUPPORTED, "the peer is not SCP of this class");
}

/* *ret_alive: the association that it went over still is one. */
static bool send_open(struct retrieval *retrieval, const struct object *object, int fd,
                      bool *ret_alive, struct error *err)
{
    const struct convert_object wanted = { object->class_uid, object->syntax, "" };
    struct association_origin origin = { .message_id = retrieval->message->message_id };
    char syntax[TEXT_UID_SIZE];
    uint16_t status = 0;
    int sent = fd;

    if (!convert_file(retrieval->asker->pool, retrieval->to, &wanted, fd, CONVERT_S, syntax,
                      &sent, err)
        || !may_send(retrieval, object->class_uid, syntax, err)) {
        if (sent != fd)
            close(sent);
        return false;
    }
    text_format(origin.ae_title, sizeof origin.ae_title, "%s", retrieval->asker->calling_ae);
    *ret_alive = association_store_for(retrieval->to, sent, object->class_uid, object->sop_uid,
                                       syntax, retrieval->to != retrieval->association
                                       ? &origin : NULL, &status, err);
    if (sent != fd)
        close(sent);
    if (!*ret_alive)
        return false;
    retrieval->warned += status >> 12 == 0xb;
    retrieval->completed += status == 0;
    return status == 0 || status >> 12 == 0xb
        || error_set(err, ERROR_DENIED, "the receiving side answered %04x", status);
}

static bool send_object(struct retrieval *retrieval, const struct object *object,
                        bool *ret_alive, struct error *err)
{
    char path[1400];

    if (!text_format(path, sizeof path, "%s/%s", retrieval->asker->config->data_dir,
                     object->path))
        return error_set(err, ERROR_IO, "a path that is too long");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "a stored object");
    const bool good = send_open(retrieval, object, fd, ret_alive, err);
    close(fd);
    return good;
}

/* The receiving side is gone: what is left has failed. */
static void fail_rest(struct retrieval *retrieval, size_t from)
{
    for (size_t i = from; i < retrieval->count; i++)
        note_failure(retrieval, &retrieval->object[i]);
}

/* False when the association of who asked is dead. */
static bool send_all(struct retrieval *retrieval, size_t *ret_done, struct error *err)
{
    bool alive = true;

    for (*ret_done = 0; *ret_done < retrieval->count && !retrieval->cancelled;) {
        const struct object *const object = &retrieval->object[(*ret_done)++];
        if (!send_object(retrieval, object, &alive, &retrieval->last))
            note_failure(retrieval, object);
        if (!alive && retrieval->to == retrieval->association)
            return error_set(err, ERROR_NETWORK, "%s", retrieval->last.text);
        if (!alive) {
            fail_rest(retrieval, *ret_done);
            *ret_done = retrieval->count;
        } else if (*ret_done < retrieval->count
                   && !answer(retrieval, *ret_done, QUERY_PENDING, NULL, err)) {
            return false;
        }
        if (!association_cancelled(retrieval->association, retrieval->message->message_id,
                                   &retrieval->cancelled, err))
            return false;
    }
    return true;
}

static bool finish(struct retrieval *retrieval, size_t done, struct error *err)
{
    const bool none = retrieval->completed + retrieval->warned == 0;
    const enum query_status status = retrieval->cancelled ? QUERY_CANCELLED
        : retrieval->failed == 0 ? QUERY_SUCCESS
        : none ? QUERY_NOT_PERFORMED : QUERY_WARNING;

    log_info("%s calling=%s objects=%zu completed=%u failed=%u%s %s",
             retrieval->message->command == DIMSE_C_MOVE_RQ ? "C-MOVE" : "C-GET",
             retrieval->asker->calling_ae, retrieval->count, retrieval->completed,
             retrieval->failed, retrieval->cancelled ? " cancelled" : "",
             retrieval->failed > 0 ? retrieval->last.text : "");
    return answer(retrieval, done, status, retrieval->failed > 0 ? retrieval->last.text : NULL,
                  err);
}

/* ---- where to ---- */

static void propose(const struct retrieval *retrieval, struct convert_proposals *proposals)
{
    for (int others = 0; others < 2; others++)
        for (size_t i = 0; i < retrieval->count; i++) {
            const struct convert_object object = { retrieval->object[i].class_uid,
                                                   retrieval->object[i].syntax, "" };
            if (others)
                convert_propose_others(proposals, &object);
            else
                convert_propose_stored(proposals, &object);
        }
}

static bool dial(struct retrieval *retrieval, const struct config_peer *peer,
                 struct error *reason)
{
    const struct config *const config = retrieval->asker->config;
    struct convert_proposals *const proposals = calloc(1, sizeof *proposals);
    struct association_target target;

    if (proposals == NULL)
        return error_set(reason, ERROR_MEMORY, "no memory for an association");
    if (!target_make(config, peer, &target, reason)) {
        free(proposals);
        return false;
    }
    propose(retrieval, proposals);
    retrieval->to = association_request(&target, proposals->proposal, proposals->count, reason);
    free(proposals);
    return retrieval->to != NULL;
}

static bool run_move(struct retrieval *retrieval, struct error *err)
{
    const struct config_peer *const peer = config_peer_by_ae(
        retrieval->asker->config, retrieval->message->move_destination);
    struct error reason;
    size_t done = 0;

    if (peer == NULL || peer->port == 0)
        return refuse(retrieval, QUERY_UNKNOWN_DESTINATION,
                      "the move destination is no peer that can be called", err);
    if (retrieval->count > 0 && !dial(retrieval, peer, &reason))
        return refuse(retrieval, QUERY_NOT_PERFORMED, reason.text, err);
    const bool good = send_all(retrieval, &done, err);
    if (retrieval->to != NULL)
        association_release(retrieval->to);
    return good && finish(retrieval, done, err);
}

static bool run_get(struct retrieval *retrieval, struct error *err)
{
    size_t done = 0;

    retrieval->to = retrieval->association;
    return send_all(retrieval, &done, err) && finish(retrieval, done, err);
}

static void clear(struct retrieval *retrieval)
{
    for (size_t i = 0; i < retrieval->count; i++)
        free((char *)retrieval->object[i].class_uid);
    free(retrieval->object);
    free(retrieval->failed_uids);
}

bool retrieve_answer(struct association *association, const struct dimse_message *message,
                     const struct retrieve_asker *asker, struct error *err)
{
    struct retrieval retrieval = { .asker = asker, .association = association,
                                   .message = message };
    struct query query;
    struct error reason;
    bool good;

    if (!query_read(association, message, &query, &reason, err))
        return false;
    retrieval.is_explicit = query.is_explicit;
    if (query.identifier == NULL || !check_keys(&query, &reason))
        good = refuse(&retrieval, QUERY_MISMATCH, reason.text, err);
    else {
        only_unique_keys(&query);
        if (!make_list(&retrieval, &query, &reason))
            good = refuse(&retrieval, QUERY_NO_RESOURCES, reason.text, err);
        else
            good = message->command == DIMSE_C_MOVE_RQ ? run_move(&retrieval, err)
                : run_get(&retrieval, err);
    }
    clear(&retrieval);
    query_free(&query);
    return good;
}
