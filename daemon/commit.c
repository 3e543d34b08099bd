/* Commit: the data sets of N-ACTION and N-EVENT-REPORT, and the rows behind them. */
#include "daemon/commit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/config.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/store.h"
#include "daemon/target.h"
#include "dicom/association.h"
#include "dicom/identifier.h"
#include "util/error.h"
#include "util/text.h"

#define WELL_KNOWN "1.2.840.10008.1.20.1.1"
#define BATCH 8                         /* reports on one association */
#define FIRST_DELAY_MS 1000
#define LONGEST_DELAY_MS 300000

#define RETRIEVE_AE 0x00080054u
#define REFERENCED_CLASS 0x00081150u
#define REFERENCED_INSTANCE 0x00081155u
#define TRANSACTION 0x00081195u
#define FAILURE_REASON 0x00081197u
#define FAILED_SEQUENCE 0x00081198u
#define REFERENCED_SEQUENCE 0x00081199u

enum commit_status {                    /* PS3.7 C */
    COMMIT_SUCCESS = 0x0000, COMMIT_PROCESSING_FAILURE = 0x0110,
    COMMIT_INVALID_ARGUMENT = 0x0115, COMMIT_NO_SUCH_INSTANCE = 0x0112,
    COMMIT_CLASS_CONFLICT = 0x0119, COMMIT_NO_SUCH_ACTION = 0x0123
};

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t delay_ms(int attempts)
{
    const int64_t delay = (int64_t)FIRST_DELAY_MS << (attempts < 9 ? attempts : 9);

    return delay < LONGEST_DELAY_MS ? delay : LONGEST_DELAY_MS;
}

/* ---- data sets ---- */

/* ret_identifier NULL: `reason` says what is wrong with it. False: the association is dead. */
static bool read_data(struct association *association, const struct dimse_message *message,
                      struct identifier **ret_identifier, struct error *reason,
                      struct error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;

    *ret_identifier = NULL;
    error_set(reason, ERROR_DATA, "no data set");
    if (!message->has_data)
        return true;
    if (!association_read_small(association, IDENTIFIER_MAX, &bytes, &size, err))
        return false;
    *ret_identifier = identifier_read(bytes, size, identifier_is_explicit(
        association_syntax(association, message->context)), reason);
    free(bytes);
    return true;
}

/* Class and instance UIDs of the items of a sequence at the top, as [[class, instance], …]. */
static json_t *items_of(const struct identifier *identifier, uint32_t sequence)
{
    json_t *const list = json_array();
    const char *class_uid = "";
    bool inside = false;

    for (size_t i = 0; i < identifier_count(identifier); i++) {
        const struct identifier_element *const one = identifier_at(identifier, i);
        if (one->depth == 0)
            inside = one->tag == sequence;
        else if (inside && one->depth == 1 && one->tag == REFERENCED_CLASS)
            class_uid = one->value;
        else if (inside && one->depth == 1 && one->tag == REFERENCED_INSTANCE
                 && text_is_uid(one->value) && text_is_uid(class_uid))
            json_array_append_new(list, json_pack("[ss]", class_uid, one->value));
    }
    return list;
}

/* ---- as SCP: the request ---- */

static bool check_action(const struct dimse_message *message, const struct identifier *identifier,
                         enum commit_status *ret_status, struct error *reason)
{
    const char *const transaction = identifier == NULL ? NULL
        : identifier_value(identifier, TRANSACTION);

    *ret_status = COMMIT_INVALID_ARGUMENT;
    if (identifier == NULL)
        return false;
    if (strcmp(message->sop_uid, WELL_KNOWN) != 0) {
        *ret_status = COMMIT_NO_SUCH_INSTANCE;
        return error_set(reason, ERROR_DATA, "not the well-known instance of the push model");
    }
    if (message->type != 1) {
        *ret_status = COMMIT_NO_SUCH_ACTION;
        return error_set(reason, ERROR_DATA, "action type %u", message->type);
    }
    return (transaction != NULL && text_is_uid(transaction))
        || error_set(reason, ERROR_DATA, "no Transaction UID");
}

static bool queue_request(const struct commit_scope *scope, const struct identifier *identifier,
                          struct error *reason)
{
    json_t *const items = items_of(identifier, REFERENCED_SEQUENCE);
    char *const text = json_dumps(items, JSON_COMPACT);
    const int64_t now = wall_ms();
    const bool good = text == NULL ? error_set(reason, ERROR_MEMORY, "a transaction")
        : json_array_size(items) == 0
        ? error_set(reason, ERROR_DATA, "no Referenced SOP Sequence")
        : store_queue_commitment(scope->store, scope->peer->name,
                                 identifier_value(identifier, TRANSACTION), text, now,
                                 now + 1000LL * scope->config->deadline_s, reason);

    if (good)
        log_info("storage commitment asked peer=%s objects=%zu", scope->peer->ae_title,
                 json_array_size(items));
    free(text);
    json_decref(items);
    return good;
}

static bool respond(struct association *association, const struct dimse_message *message,
                    enum commit_status status, const char *comment, struct error *err)
{
    if (status != COMMIT_SUCCESS)
        log_warning("storage commitment refused status=%04x reason=\"%s\"", status, comment);
    return association_respond(association, message, status,
                               status == COMMIT_SUCCESS ? NULL : comment, err);
}

/* ---- as SCP: the report ---- */

static void put_reference(struct identifier_writer *writer, json_t *item)
{
    identifier_put(writer, REFERENCED_CLASS, "UI", json_string_value(json_array_get(item, 0)));
    identifier_put(writer, REFERENCED_INSTANCE, "UI",
                   json_string_value(json_array_get(item, 1)));
}

/* Why we do not have it as it was named; 0: we have. */
static enum commit_status failure_of(struct store *store, json_t *item)
{
    char class_uid[TEXT_UID_SIZE];
    struct error reason;

    if (!store_class_of(store, json_string_value(json_array_get(item, 1)), class_uid, &reason))
        return reason.code == ERROR_NOT_FOUND ? COMMIT_NO_SUCH_INSTANCE
            : COMMIT_PROCESSING_FAILURE;
    return strcmp(class_uid, json_string_value(json_array_get(item, 0))) == 0 ? COMMIT_SUCCESS
        : COMMIT_CLASS_CONFLICT;
}

/* One of the two sequences, left out when it would be empty; says how many it has. */
static size_t put_sequence(struct identifier_writer *writer, struct store *store, json_t *items,
                           bool failed)
{
    const size_t before = writer->size;
    const size_t sequence = identifier_open(writer, failed ? FAILED_SEQUENCE
                                            : REFERENCED_SEQUENCE);
    size_t index, count = 0;
    json_t *item;

    json_array_foreach(items, index, item) {
        const enum commit_status status = failure_of(store, item);
        if ((status != COMMIT_SUCCESS) != failed)
            continue;
        const size_t mark = identifier_open(writer, IDENTIFIER_ITEM);
        put_reference(writer, item);
        if (failed)
            identifier_put_short(writer, FAILURE_REASON, (uint16_t)status);
        identifier_close(writer, mark);
        count++;
    }
    if (count == 0)
        writer->size = before;
    else
        identifier_close(writer, sequence);
    return count;
}

/* Sends the report and waits for its answer. */
static bool send_report(const struct commit_scope *scope, struct association *association,
                        uint8_t context, const struct store_commitment *commitment,
                        struct error *err)
{
    struct identifier_writer writer;
    struct dimse_message event = { .command = DIMSE_N_EVENT_REPORT_RQ, .context = context,
                                   .has_data = true }, answer;
    enum association_event what;
    json_t *const items = json_loads(commitment->items, 0, NULL);

    text_format(event.sop_class_uid, TEXT_UID_SIZE, "%s", COMMIT_CLASS);
    text_format(event.sop_uid, TEXT_UID_SIZE, "%s", WELL_KNOWN);
    identifier_begin(&writer, identifier_is_explicit(association_syntax(association, context)));
    identifier_put(&writer, RETRIEVE_AE, "AE", scope->config->ae_title);
    identifier_put(&writer, TRANSACTION, "UI", commitment->transaction_uid);
    const size_t failed = put_sequence(&writer, scope->store, items, true);
    put_sequence(&writer, scope->store, items, false);
    json_decref(items);
    event.type = failed > 0 ? 2 : 1;
    bool good = identifier_end(&writer, err)
        && association_send(association, &event, NULL, writer.bytes, writer.size, err)
        && association_next(association, &answer, &what, err);
    free(writer.bytes);
    if (good && (what != ASSOCIATION_MESSAGE
                 || answer.command != (DIMSE_N_EVENT_REPORT_RQ | DIMSE_RSP)))
        good = error_set(err, ERROR_NETWORK, "no answer to the event report");
    if (good && answer.has_data)
        good = association_skip_data(association, IDENTIFIER_MAX, err);
    if (good && answer.status != COMMIT_SUCCESS)
        good = error_set(err, ERROR_DENIED, "the peer answered the report with %04x",
                         answer.status);
    if (good)
        log_info("storage commitment reported peer=%s failed=%zu", scope->peer->ae_title, failed);
    return good;
}

struct due {
    size_t count;
    struct {
        int64_t id;
        int attempts;
        char transaction_uid[TEXT_UID_SIZE];
        char *items;
    } report[BATCH];
};

static bool collect(const struct store_commitment *commitment, void *context)
{
    struct due *const due = context;

    due->report[due->count].id = commitment->id;
    due->report[due->count].attempts = commitment->attempts;
    text_format(due->report[due->count].transaction_uid, TEXT_UID_SIZE, "%s",
                commitment->transaction_uid);
    due->report[due->count].items = strdup(commitment->items);
    if (due->report[due->count].items != NULL)
        due->count++;
    return due->count < BATCH;
}

/* As SCP we turn the roles of the association that we open: PS3.4 J.3.3. */
static struct association *call_as_scp(const struct commit_scope *scope, struct error *reason)
{
    static const struct association_proposal proposals[] = {
        { COMMIT_CLASS, "1.2.840.10008.1.2.1", true }, { COMMIT_CLASS, "1.2.840.10008.1.2", true }
    };
    struct association_target target;

    return target_make(scope->config, scope->peer, &target, reason)
        ? association_request(&target, proposals, 2, reason) : NULL;
}

/* Reports one by one; the first failure ends the association, the rest is tried again. */
static bool report_all(const struct commit_scope *scope, struct association *association,
                       const struct due *due, struct error *reason, struct error *err)
{
    const uint8_t context = association == NULL ? 0
        : association_context(association, COMMIT_CLASS, NULL);
    bool alive = association != NULL
        && (context != 0 || error_set(reason, ERROR_DENIED, "the peer takes no reports"));

    for (size_t i = 0; i < due->count; i++) {
        const struct store_commitment commitment = { .items = due->report[i].items };
        struct store_commitment one = commitment;
        text_format(one.transaction_uid, TEXT_UID_SIZE, "%s", due->report[i].transaction_uid);
        alive = alive && send_report(scope, association, context, &one, reason);
        if (!alive)
            log_warning("storage commitment not reported peer=%s reason=\"%s\", trying again",
                        scope->peer->ae_title, reason->text);
        if (!store_end_commitment(scope->store, due->report[i].id, alive ? 0
                                  : wall_ms() + delay_ms(due->report[i].attempts),
                                  alive ? "" : reason->text, err))
            return false;
    }
    return true;
}

bool commit_send_reports(const struct commit_scope *scope, struct error *err)
{
    struct due due = { .count = 0 };
    struct error reason = { .code = ERROR_NONE };

    if (!store_each_commitment(scope->store, scope->peer->name, wall_ms(), BATCH, collect, &due,
                               err))
        return false;
    if (due.count == 0)
        return true;
    struct association *const association = call_as_scp(scope, &reason);
    const bool good = report_all(scope, association, &due, &reason, err);
    if (reason.code == ERROR_NONE)
        association_release(association);
    else
        association_abort(association);
    for (size_t i = 0; i < due.count; i++)
        free(due.report[i].items);
    return good;
}

/* For a peer that we cannot call: at once, here; else the sender does it. */
static bool report_here(const struct commit_scope *scope, struct association *association,
                        uint8_t context, struct error *err)
{
    struct due due = { .count = 0 };
    struct error reason;
    bool good = true;

    if (!store_each_commitment(scope->store, scope->peer->name, wall_ms(), BATCH, collect, &due,
                               &reason))
        return true;                    /* the row stays: it is answered at the next request */
    for (size_t i = 0; i < due.count; i++) {
        struct store_commitment one = { .items = due.report[i].items };
        text_format(one.transaction_uid, TEXT_UID_SIZE, "%s", due.report[i].transaction_uid);
        good = good && send_report(scope, association, context, &one, err);
        if (good && !store_end_commitment(scope->store, due.report[i].id, 0, "", &reason))
            log_error("storage commitment reason=\"%s\"", reason.text);
        free(due.report[i].items);
    }
    return good;
}

bool commit_answer_action(const struct commit_scope *scope, struct journal *journal,
                          struct association *association, const struct dimse_message *message,
                          struct error *err)
{
    struct identifier *identifier = NULL;
    struct error reason;
    enum commit_status status;

    if (!read_data(association, message, &identifier, &reason, err))
        return false;
    if (check_action(message, identifier, &status, &reason)) {
        journal_flush(journal);
        status = queue_request(scope, identifier, &reason) ? COMMIT_SUCCESS
            : reason.code == ERROR_DATA ? COMMIT_INVALID_ARGUMENT : COMMIT_PROCESSING_FAILURE;
    }
    identifier_free(identifier);
    return respond(association, message, status, reason.text, err)
        && (status != COMMIT_SUCCESS || scope->peer->port != 0
            || report_here(scope, association, message->context, err));
}

/* ---- as SCU: a report that comes ---- */

static bool take_items(const struct commit_scope *scope, const struct identifier *identifier,
                       uint32_t sequence, size_t *ret_known, struct error *reason)
{
    json_t *const items = items_of(identifier, sequence);
    const int64_t now = wall_ms();
    size_t index;
    json_t *item;
    bool good = true, known = false;

    json_array_foreach(items, index, item) {
        good = good && store_take_report(
            scope->store, scope->peer->name, identifier_value(identifier, TRANSACTION),
            json_string_value(json_array_get(item, 1)), sequence == REFERENCED_SEQUENCE,
            "the peer did not commit it", now, now + FIRST_DELAY_MS, &known, reason);
        *ret_known += good && known;
    }
    json_decref(items);
    return good;
}

bool commit_answer_event(const struct commit_scope *scope, struct association *association,
                         const struct dimse_message *message, struct error *err)
{
    struct identifier *identifier = NULL;
    struct error reason;
    size_t committed = 0, failed = 0;

    if (!read_data(association, message, &identifier, &reason, err))
        return false;
    enum commit_status status = COMMIT_INVALID_ARGUMENT;
    if (identifier != NULL && identifier_value(identifier, TRANSACTION) == NULL)
        error_set(&reason, ERROR_DATA, "no Transaction UID");
    else if (identifier != NULL)
        status = take_items(scope, identifier, REFERENCED_SEQUENCE, &committed, &reason)
            && take_items(scope, identifier, FAILED_SEQUENCE, &failed, &reason)
            ? COMMIT_SUCCESS : COMMIT_PROCESSING_FAILURE;
    identifier_free(identifier);
    if (status == COMMIT_SUCCESS)
        log_info("storage committed peer=%s objects=%zu failed=%zu", scope->peer->ae_title,
                 committed, failed);
    return respond(association, message, status, reason.text, err);
}
