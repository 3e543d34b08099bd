/* Prove: what was acknowledged is asked for, by storage commitment or by C-FIND. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "daemon/commit.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/role.h"
#include "daemon/store.h"
#include "daemon/target.h"
#include "dicom/association.h"
#include "dicom/identifier.h"
#include "dicom/scu.h"
#include "dicom/uid.h"
#include "util/error.h"
#include "util/text.h"

#define BATCH 100
#define WELL_KNOWN "1.2.840.10008.1.20.1.1"
#define FIRST_PATIENCE_MS 60000     /* for a report; doubles with each time it was sent */
#define LONGEST_PATIENCE_MS 3600000
#define SAME_ASSOCIATION_MS 1000    /* so long the report may come where it was asked for */
#define STEP_MS 20

struct unproven {
    const struct commit_scope *scope;
    size_t count;
    struct store_delivery delivery[BATCH];
};

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t patience_ms(int attempts)
{
    const int64_t patience = (int64_t)FIRST_PATIENCE_MS << (attempts < 8 ? attempts : 8);

    return patience < LONGEST_PATIENCE_MS ? patience : LONGEST_PATIENCE_MS;
}

static bool collect(const struct store_delivery *delivery, void *context)
{
    struct unproven *const unproven = context;

    unproven->delivery[unproven->count] = *delivery;
    unproven->delivery[unproven->count].reason = NULL;
    return ++unproven->count < BATCH;
}

static struct association *call(const struct commit_scope *scope, const char *sop_class_uid,
                                struct error *reason)
{
    struct association_target target;

    return target_make(scope->config, scope->peer, &target, reason)
        ? scu_call(&target, sop_class_uid, reason) : NULL;
}

/* ---- storage commitment ---- */

static bool make_transaction_uid(char uid[TEXT_UID_SIZE], struct error *err)
{
    unsigned char random[16];
    char text[2 * sizeof random + 1];

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_errno(err, "a transaction's UID");
    for (size_t i = 0; i < sizeof random; i++)
        text_format(text + 2 * i, 3, "%02x", random[i]);
    uid_derive(text, "transaction", uid);
    return true;
}

/* The rows know of the transaction before the peer does: its report may come at once. */
static bool note_transaction(const struct unproven *unproven, const char *transaction_uid,
                             struct error *err)
{
    const int64_t now = wall_ms();

    for (size_t i = 0; i < unproven->count; i++)
        if (!store_ask_proof(unproven->scope->store, unproven->delivery[i].id, transaction_uid,
                             now + patience_ms(unproven->delivery[i].attempts), err))
            return false;
    return true;
}

static bool send_action(const struct unproven *unproven, struct association *association,
                        const char *transaction_uid, struct error *reason)
{
    struct identifier_writer writer;
    struct dimse_message action = { .command = DIMSE_N_ACTION_RQ, .type = 1, .has_data = true };

    action.context = association_context(association, COMMIT_CLASS, NULL);
    if (action.context == 0)
        return error_set(reason, ERROR_UNSUPPORTED, "the peer does not do storage commitment");
    text_format(action.sop_class_uid, TEXT_UID_SIZE, "%s", COMMIT_CLASS);
    text_format(action.sop_uid, TEXT_UID_SIZE, "%s", WELL_KNOWN);
    identifier_begin(&writer, identifier_is_explicit(association_syntax(association,
                                                                        action.context)));
    identifier_put(&writer, 0x00081195, "UI", transaction_uid);
    const size_t sequence = identifier_open(&writer, 0x00081199);
    for (size_t i = 0; i < unproven->count; i++) {
        const size_t item = identifier_open(&writer, IDENTIFIER_ITEM);
        identifier_put(&writer, 0x00081150, "UI", unproven->delivery[i].sop_class_uid);
        identifier_put(&writer, 0x00081155, "UI", unproven->delivery[i].sop_uid);
        identifier_close(&writer, item);
    }
    identifier_close(&writer, sequence);
    const bool good = identifier_end(&writer, reason)
        && association_send(association, &action, NULL, writer.bytes, writer.size, reason);
    free(writer.bytes);
    return good;
}

static void pause_ms(long milliseconds)
{
    nanosleep(&(struct timespec){ 0, milliseconds * 1000000 }, NULL);
}

/* The response to the action, and a report if it comes soon: the standard allows either way. */
static bool hear(const struct commit_scope *scope, struct association *association,
                 struct error *reason)
{
    bool responded = false, reported = false;

    for (long waited_ms = 0; !responded || (!reported && waited_ms < SAME_ASSOCIATION_MS);) {
        struct dimse_message message;
        enum association_event event;
        if (responded && !association_pending(association)) {
            pause_ms(STEP_MS);
            waited_ms += STEP_MS;
            continue;
        }
        if (!association_next(association, &message, &event, reason))
            return false;
        if (event != ASSOCIATION_MESSAGE)
            return responded || error_set(reason, ERROR_NETWORK, "the peer ended the association");
        if (message.command == DIMSE_N_EVENT_REPORT_RQ) {
            if (!commit_answer_event(scope, association, &message, reason))
                return false;
            reported = true;
        } else {
            if (message.has_data && !association_skip_data(association, IDENTIFIER_MAX, reason))
                return false;
            if (message.command != (DIMSE_N_ACTION_RQ | DIMSE_RSP) || message.status != 0)
                return error_set(reason, ERROR_DENIED, "storage commitment answered with %04x",
                                 message.status);
            responded = true;
        }
    }
    return true;
}

/* What could not be asked waits as what was not answered: both are sent again. */
static bool prove_by_commitment(struct unproven *unproven, struct error *err)
{
    const struct commit_scope *const scope = unproven->scope;
    char transaction_uid[TEXT_UID_SIZE];
    struct error reason;

    if (!make_transaction_uid(transaction_uid, err)
        || !note_transaction(unproven, transaction_uid, err))
        return false;
    struct association *const association = call(scope, COMMIT_CLASS, &reason);
    const bool good = association != NULL
        && send_action(unproven, association, transaction_uid, &reason)
        && hear(scope, association, &reason);
    if (good)
        association_release(association);
    else
        association_abort(association);
    if (!good)
        log_warning("storage commitment not asked peer=%s objects=%zu reason=\"%s\", trying "
                    "again", scope->peer->ae_title, unproven->count, reason.text);
    return true;
}

/* ---- C-FIND ---- */

struct sight {
    const char *sop_uid;
    bool seen;
};

static bool take_answer(const struct identifier *answer, void *context)
{
    struct sight *const sight = context;
    const char *const found = identifier_value(answer, 0x00080018);

    sight->seen = sight->seen || (found != NULL && strcmp(found, sight->sop_uid) == 0);
    return true;
}

static bool look(struct association *association, const struct store_delivery *delivery,
                 bool *ret_seen, struct error *reason)
{
    struct sight sight = { delivery->sop_uid, false };
    const struct scu_key keys[] = {
        { 0x00080018, "UI", delivery->sop_uid }, { 0x00080052, "CS", "IMAGE" },
        { 0x0020000d, "UI", delivery->study_uid }, { 0x0020000e, "UI", delivery->series_uid }
    };
    const bool good = scu_find(association, keys, 4, take_answer, &sight, reason);

    *ret_seen = sight.seen;
    return good;
}

static bool note_look(const struct commit_scope *scope, const struct store_delivery *delivery,
                      bool seen, struct error *err)
{
    if (seen)
        return store_prove_delivery(scope->store, delivery->id, DELIVERY_SEEN, wall_ms(), err);
    log_warning("not seen at the peer peer=%s kind=%s job=%lld, sending it again",
                scope->peer->ae_title, delivery->kind, (long long)delivery->job);
    return store_retry_delivery(scope->store, delivery->id,
                                wall_ms() + patience_ms(delivery->attempts) / 60, -1,
                                "the peer acknowledged it and does not show it", err);
}

static bool prove_by_find(struct unproven *unproven, struct error *err)
{
    const struct commit_scope *const scope = unproven->scope;
    struct error reason;
    struct association *const association = call(scope, SCU_STUDY_ROOT_FIND, &reason);
    bool alive = association != NULL;

    for (size_t i = 0; i < unproven->count; i++) {
        const struct store_delivery *const delivery = &unproven->delivery[i];
        bool seen = false;
        alive = alive && look(association, delivery, &seen, &reason);
        if (alive ? !note_look(scope, delivery, seen, err)
            : !store_ask_proof(scope->store, delivery->id, "C-FIND",
                               wall_ms() + patience_ms(delivery->attempts), err))
            return false;
    }
    if (alive)
        association_release(association);
    else
        association_abort(association);
    if (!alive)
        log_warning("peer not asked for its objects peer=%s reason=\"%s\", trying again",
                    scope->peer->ae_title, reason.text);
    return true;
}

bool commit_prove(const struct commit_scope *scope, struct error *err)
{
    struct unproven *unproven;
    int expired = 0;
    bool good;

    if (scope->peer->proof == PROOF_STORE)
        return true;
    if (!store_expire_proofs(scope->store, scope->peer->name, wall_ms(), &expired, err))
        return false;
    if (expired > 0)
        log_warning("not proven in time peer=%s objects=%d, sending them again",
                    scope->peer->ae_title, expired);
    unproven = calloc(1, sizeof *unproven);
    if (unproven == NULL)
        return error_set(err, ERROR_MEMORY, "no memory for proofs");
    unproven->scope = scope;
    good = store_each_unproven(scope->store, scope->peer->name, BATCH, collect, unproven, err);
    if (good && unproven->count > 0)
        good = scope->peer->proof == PROOF_COMMITMENT ? prove_by_commitment(unproven, err)
            : prove_by_find(unproven, err);
    free(unproven);
    return good;
}
