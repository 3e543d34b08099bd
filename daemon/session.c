/* Session: a loop over messages; a C-STORE goes through the scan into the journal. */
#include "daemon/session.h"

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "daemon/commit.h"
#include "daemon/config.h"
#include "daemon/journal.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/query.h"
#include "daemon/retrieve.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "dicom/association.h"
#include "dicom/charset.h"
#include "dicom/mask.h"
#include "dicom/scan.h"
#include "util/error.h"
#include "util/text.h"

#define ECHO_RESERVE 32             /* sessions beyond max_associations, for C-ECHO only */
#define STACK_SIZE (512 * 1024)     /* DCMTK's largest frame is a few KiB */
#define LOOK_MS 1000                /* between two looks at the disk */
#define MAX_IDENTIFIER (1024 * 1024)
#define MAX_REFUSED (16ul << 30)    /* of a data set that is refused from its command on */
#define META_SIZE 512

#define TAG_CHARACTER_SET 0x00080005u
#define TAG_SOP_CLASS 0x00080016u
#define TAG_SOP_UID 0x00080018u
#define TAG_STUDY_UID 0x0020000du
#define TAG_SERIES_UID 0x0020000eu

enum status {                       /* PS3.7 C, PS3.4 B.2.3 */
    STATUS_SUCCESS = 0x0000, STATUS_CLASS_NOT_SUPPORTED = 0x0122,
    STATUS_NOT_AUTHORIZED = 0x0124, STATUS_UNRECOGNIZED = 0x0211,
    STATUS_NO_RESOURCES = 0xa700, STATUS_CLASS_MISMATCH = 0xa900,
    STATUS_CANNOT_UNDERSTAND = 0xc000
};

struct session {
    struct hall *hall;
    int socket;                     /* -1: this place is free */
    bool busy;                      /* between a command and its answer */
    bool storing;                   /* counts against max_associations */
    unsigned char *request;
    size_t request_size;
    struct association *association;
    char calling_ae[17], peer[65], address[46];
    unsigned rights;                /* enum peer_right */
    int max_mib_s;
    char (*study)[TEXT_UID_SIZE];   /* whose instances it stored */
    size_t studies;
    struct scan *scan;
    int stored, refused;
};

struct hall {
    const struct config *_Atomic config;    /* a reload changes it under running sessions */
    struct journal *journal;
    struct pool *pool;
    char import_ae[17];
    pthread_mutex_t mutex;          /* guards what follows, and the sessions' first fields */
    bool draining;
    size_t count, storing, places;
    int64_t looked_ms;              /* at the space on disk */
    bool full;                      /* less than node.min_free_mib was left */
    struct session session[];
};

/* ---- the hall ---- */

struct hall *hall_new(const struct config *config, struct journal *journal, struct pool *pool,
                      const char *import_ae, struct error *err)
{
    const size_t places = (size_t)config->max_associations + ECHO_RESERVE;
    struct hall *hall = calloc(1, sizeof *hall + places * sizeof *hall->session);

    if (hall == NULL)
        return error_null(err, ERROR_MEMORY, "places for %zu associations", places);
    hall->config = config;
    hall->journal = journal;
    hall->pool = pool;
    hall->places = places;
    text_format(hall->import_ae, sizeof hall->import_ae, "%s", import_ae);
    pthread_mutex_init(&hall->mutex, NULL);
    for (size_t i = 0; i < places; i++)
        hall->session[i].socket = -1;
    return hall;
}

void hall_free(struct hall *hall)
{
    if (hall != NULL)
        pthread_mutex_destroy(&hall->mutex);
    free(hall);
}

void hall_reload(struct hall *hall, const struct config *config)
{
    hall->config = config;
}

size_t hall_count(struct hall *hall)
{
    pthread_mutex_lock(&hall->mutex);
    const size_t count = hall->count;

    pthread_mutex_unlock(&hall->mutex);
    return count;
}

bool hall_is_broken(struct hall *hall)
{
    return journal_is_poisoned(hall->journal);
}

/* Who waits for a peer's next command is woken by the end of its input. */
void hall_drain(struct hall *hall)
{
    pthread_mutex_lock(&hall->mutex);
    hall->draining = true;
    for (size_t i = 0; i < hall->places; i++)
        if (hall->session[i].socket >= 0 && !hall->session[i].busy)
            shutdown(hall->session[i].socket, SHUT_RD);
    pthread_mutex_unlock(&hall->mutex);
}

/* ---- who may come in ---- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* Its rights are known after this; none means that it is not known at all. */
static void recognise(struct session *session, const struct association_peer *peer)
{
    const struct hall *hall = session->hall;
    const struct config *config = hall->config;
    const struct config_peer *known = config_peer_by_ae(config, peer->calling_ae);

    session->rights = config->accept_unknown ? RIGHT_ECHO | RIGHT_STORE : 0;
    text_format(session->calling_ae, sizeof session->calling_ae, "%s", peer->calling_ae);
    if (known != NULL) {
        session->rights = known->allow;
        session->max_mib_s = known->max_mib_s;
        text_format(session->peer, sizeof session->peer, "%s", known->name);
    } else if (strcmp(peer->calling_ae, hall->import_ae) == 0 && is_loopback(peer->address)) {
        session->rights = RIGHT_ECHO | RIGHT_STORE | RIGHT_GET;    /* tumorctl, of its own node */
    }
}

/* Looks at the disk once a second at most. What is stored and not yet sent is never deleted. */
static bool is_full(struct hall *hall)
{
    const struct config *config = hall->config;
    struct statvfs disk;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;

    pthread_mutex_lock(&hall->mutex);
    if (now_ms >= hall->looked_ms + LOOK_MS && statvfs(config->data_dir, &disk) == 0) {
        const uint64_t free_mib = (uint64_t)disk.f_bavail * disk.f_frsize >> 20;
        const bool full = free_mib < (uint64_t)config->min_free_mib;

        if (full != hall->full)
            log_warning(full ? "the disk is nearly full, nothing more is taken free_mib=%llu"
                        : "the disk has room again free_mib=%llu", (unsigned long long)free_mib);
        hall->looked_ms = now_ms;
        hall->full = full;
    }
    const bool full = hall->full;

    pthread_mutex_unlock(&hall->mutex);
    return full;
}

/* Associations of the same peer that are counted; the mutex is held. */
static int count_of_peer(const struct hall *hall, const char *peer)
{
    int count = 0;

    for (size_t i = 0; i < hall->places; i++)
        count += hall->session[i].socket >= 0 && hall->session[i].storing
            && strcmp(hall->session[i].peer, peer) == 0;
    return count;
}

static bool take_place(struct session *session, bool echo_only)
{
    const struct config_peer *const peer = config_peer_by_ae(session->hall->config,
                                                             session->calling_ae);
    struct hall *hall = session->hall;

    pthread_mutex_lock(&hall->mutex);
    const bool room = !hall->draining &&
                      (echo_only || (hall->storing < (size_t)hall->config->max_associations &&
                                     (peer == NULL || peer->max_associations == 0 ||
                                      count_of_peer(hall, peer->name) < peer->max_associations)));

    session->storing = room && !echo_only;
    hall->storing += session->storing;
    pthread_mutex_unlock(&hall->mutex);
    return room;
}

/* A peer of which TLS is wanted comes by it: its socket is the end of a relay, not of TCP. */
static bool comes_as_told(const struct session *session)
{
    const struct config_peer *const peer = config_peer_by_ae(session->hall->config,
                                                             session->calling_ae);
    struct sockaddr_storage from = { 0 };
    socklen_t size = sizeof from;

    return peer == NULL || !peer->tls
        || (getsockname(session->socket, (struct sockaddr *)&from, &size) == 0
            && from.ss_family == AF_UNIX);
}

static enum association_reject decide(const struct association_peer *peer, void *context)
{
    struct session *session = context;

    recognise(session, peer);
    if (strcmp(peer->called_ae, session->hall->config->ae_title) != 0) {
        log_warning("association rejected reason=\"called AE title not recognised\" calling=%s "
                    "called=%s address=%s", peer->calling_ae, peer->called_ae, peer->address);
        return ASSOCIATION_BAD_CALLED_AE;
    }
    if (!comes_as_told(session)) {
        log_warning("association rejected reason=\"this peer must come by TLS\" calling=%s "
                    "address=%s", peer->calling_ae, peer->address);
        return ASSOCIATION_BAD_CALLING_AE;
    }
    if (session->rights == 0) {
        log_warning("association rejected reason=\"calling AE title not recognised\" "
                    "calling=%s address=%s", peer->calling_ae, peer->address);
        return ASSOCIATION_BAD_CALLING_AE;
    }
    if (!peer->echo_only && is_full(session->hall)) {
        log_warning("association rejected reason=\"the disk is nearly full\" calling=%s "
                    "address=%s", peer->calling_ae, peer->address);
        return ASSOCIATION_CONGESTION;
    }
    if (!take_place(session, peer->echo_only)) {
        log_warning("association rejected reason=\"too many associations, or stopping\" "
                    "calling=%s address=%s", peer->calling_ae, peer->address);
        return ASSOCIATION_CONGESTION;
    }
    return ASSOCIATION_ACCEPT;
}

/* ---- C-STORE ---- */

/* A data set on its way; the first failure is kept with its status. */
struct arrival {
    struct session *session;
    const struct dimse_message *message;
    const char *syntax;
    struct journal_entry *entry;
    enum status status;
    struct error reason;
};

static bool refuse(struct arrival *arrival, enum status status)
{
    arrival->status = status;
    return false;
}

static bool take(const void *bytes, size_t size, void *context)
{
    struct arrival *arrival = context;

    limits_wait(arrival->session->calling_ae, size, arrival->session->max_mib_s);
    if (!scan_push(arrival->session->scan, bytes, size, &arrival->reason))
        return refuse(arrival, STATUS_CANNOT_UNDERSTAND);
    if (!journal_write(arrival->entry, bytes, size, &arrival->reason))
        return refuse(arrival, STATUS_NO_RESOURCES);
    return true;
}

/* What is wrong with the command is known before the data set comes. */
static bool check_command(struct arrival *arrival)
{
    const struct dimse_message *message = arrival->message;
    const char *abstract =
        association_abstract(arrival->session->association, message->context);

    if ((arrival->session->rights & RIGHT_STORE) == 0) {
        error_set(&arrival->reason, ERROR_DENIED, "this peer may not store");
        return refuse(arrival, STATUS_NOT_AUTHORIZED);
    }
    if (!text_is_uid(message->sop_uid)) {
        error_set(&arrival->reason, ERROR_DATA, "no valid SOP instance UID in the command");
        return refuse(arrival, STATUS_CANNOT_UNDERSTAND);
    }
    if (!text_is_uid(message->sop_class_uid) ||
        strcmp(message->sop_class_uid, abstract) != 0) {
        error_set(&arrival->reason, ERROR_DATA, "the SOP class is not its context's");
        return refuse(arrival, STATUS_CLASS_MISMATCH);
    }
    if (is_full(arrival->session->hall)) {
        error_set(&arrival->reason, ERROR_LIMIT, "the disk is nearly full");
        return refuse(arrival, STATUS_NO_RESOURCES);
    }
    if (!message->has_data) {
        error_set(&arrival->reason, ERROR_DATA, "a C-STORE without a data set");
        return refuse(arrival, STATUS_CANNOT_UNDERSTAND);
    }
    return true;
}

static bool begin_entry(struct arrival *arrival)
{
    struct session *session = arrival->session;
    const struct dimse_message *message = arrival->message;
    unsigned char meta[META_SIZE];

    scan_restart(session->scan, arrival->syntax);
    arrival->entry = journal_begin(session->hall->journal, &arrival->reason);
    const size_t size = association_write_meta(message->sop_class_uid, message->sop_uid,
                                               arrival->syntax, session->calling_ae, meta,
                                               sizeof meta);

    if (arrival->entry == NULL || !journal_write(arrival->entry, meta, size, &arrival->reason))
        return refuse(arrival, STATUS_NO_RESOURCES);
    return true;
}

static bool check_uid(struct arrival *arrival, uint32_t tag, const char *name)
{
    const char *uid = scan_value(arrival->session->scan, tag);

    if (uid != NULL && text_is_uid(uid))
        return true;
    error_set(&arrival->reason, ERROR_DATA, uid == NULL ? "no %s UID" : "%s UID is invalid",
              name);
    return refuse(arrival, STATUS_CANNOT_UNDERSTAND);
}

static bool check_data(struct arrival *arrival)
{
    struct scan *scan = arrival->session->scan;

    if (!scan_end(scan, &arrival->reason))
        return refuse(arrival, STATUS_CANNOT_UNDERSTAND);
    if (!check_uid(arrival, TAG_STUDY_UID, "study instance") ||
        !check_uid(arrival, TAG_SERIES_UID, "series instance") ||
        !check_uid(arrival, TAG_SOP_UID, "SOP instance"))
        return false;
    if (strcmp(scan_value(scan, TAG_SOP_UID), arrival->message->sop_uid) == 0)
        return true;
    error_set(&arrival->reason, ERROR_DATA, "SOP instance UID is not the command's");
    return refuse(arrival, STATUS_CANNOT_UNDERSTAND);
}

/* The indexed tags as JSON, keyword → UTF-8 text; the caller frees it. NULL without memory. */
static char *tags_text(const struct scan *scan)
{
    char text[4 * SCAN_MAX_VALUE];
    json_t *tags = json_object();
    const char *const class_uid = scan_value(scan, TAG_SOP_CLASS);
    bool good = tags != NULL;

    if (good && class_uid != NULL && mask_kind_of(class_uid) != MASK_NONE)
        good = json_object_set_new(tags, SLICES_REFERRED,
                                   json_string(scan_referred_series(scan))) == 0;
    for (const struct scan_tag *tag = scan_tags; good && tag->keyword != NULL; tag++) {
        const char *value = scan_value(scan, tag->tag);

        if (value == NULL)
            continue;
        charset_to_utf8(scan_value(scan, TAG_CHARACTER_SET), value, text, sizeof text);
        good = json_object_set_new(tags, tag->keyword, json_string(text)) == 0;
    }
    char *dumped = good ? json_dumps(tags, JSON_COMPACT) : NULL;

    json_decref(tags);
    return dumped;
}

static void copy_uid(char uid[TEXT_UID_SIZE], const char *from)
{
    text_format(uid, TEXT_UID_SIZE, "%s", from);
}

static void fill_row(const struct arrival *arrival, const char *tags,
                     struct store_instance *ret_row)
{
    const struct session *session = arrival->session;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    *ret_row = (struct store_instance){
        .received_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, .tags = tags
    };
    copy_uid(ret_row->sop_uid, arrival->message->sop_uid);
    copy_uid(ret_row->sop_class_uid, arrival->message->sop_class_uid);
    copy_uid(ret_row->study_uid, scan_value(session->scan, TAG_STUDY_UID));
    copy_uid(ret_row->series_uid, scan_value(session->scan, TAG_SERIES_UID));
    copy_uid(ret_row->transfer_syntax, arrival->syntax);
    text_format(ret_row->calling_ae, sizeof ret_row->calling_ae, "%s", session->calling_ae);
    text_format(ret_row->peer, sizeof ret_row->peer, "%s", session->peer);
}

static bool refuse_store(struct arrival *arrival, struct error *err)
{
    struct session *session = arrival->session;

    session->refused++;
    log_warning("instance refused reason=\"%s\" status=%04x calling=%s", arrival->reason.text,
                arrival->status, session->calling_ae);
    return association_respond(session->association, arrival->message, arrival->status,
                               arrival->reason.text, err);
}

/* Which studies are partial, should the association break off; without memory: the last is. */
static void remember_study(struct session *session, const char *study_uid)
{
    for (size_t i = session->studies; i-- > 0;)
        if (strcmp(session->study[i], study_uid) == 0)
            return;
    char (*const more)[TEXT_UID_SIZE] = realloc(session->study,
                                                (session->studies + 1) * sizeof *more);
    if (more != NULL) {
        session->study = more;
        session->studies++;
    }
    if (session->studies > 0)
        text_format(session->study[session->studies - 1], TEXT_UID_SIZE, "%s", study_uid);
}

/*
 * The only place from which a C-STORE is answered with 0000: after the commit has said that
 * bytes and row are on stable storage.
 */
static bool ack(struct arrival *arrival, const struct store_instance *row, struct error *err)
{
    struct session *session = arrival->session;
    struct journal_entry *entry = arrival->entry;

    arrival->entry = NULL;              /* ended by the commit, either way */
    if (!journal_commit(entry, row, &arrival->reason)) {
        refuse(arrival, STATUS_NO_RESOURCES);
        return refuse_store(arrival, err);
    }
    session->stored++;
    remember_study(session, row->study_uid);
    return association_respond(session->association, arrival->message, STATUS_SUCCESS, NULL,
                               err);
}

static bool keep(struct arrival *arrival, struct error *err)
{
    struct store_instance row;
    char *tags = tags_text(arrival->session->scan);

    if (tags == NULL) {
        error_set(&arrival->reason, ERROR_MEMORY, "no memory for the index");
        refuse(arrival, STATUS_NO_RESOURCES);
        return refuse_store(arrival, err);
    }
    fill_row(arrival, tags, &row);
    const bool good = ack(arrival, &row, err);

    free(tags);
    return good;
}

static bool answer_store(struct session *session, const struct dimse_message *message,
                         struct error *err)
{
    struct arrival arrival = { .session = session, .message = message };
    bool good, taken = false;

    arrival.syntax = association_syntax(session->association, message->context);
    if (!check_command(&arrival) || !begin_entry(&arrival))
        good = !message->has_data ||
               association_skip_data(session->association, MAX_REFUSED, err);
    else
        good = association_read_data(session->association, take, &arrival, &taken, err);
    if (good && (!taken || !check_data(&arrival)))
        good = refuse_store(&arrival, err);
    else if (good)
        good = keep(&arrival, err);
    journal_cancel(arrival.entry);
    return good;
}

/* ---- messages ---- */

static bool answer_other(struct session *session, const struct dimse_message *message,
                         struct error *err)
{
    enum status status = STATUS_UNRECOGNIZED;

    if (message->has_data &&
        !association_skip_data(session->association, MAX_IDENTIFIER, err))
        return false;
    switch (message->command) {
    case DIMSE_C_CANCEL_RQ:
        return true;                    /* PS3.7 9.3.2.3: it has no response */
    case DIMSE_C_ECHO_RQ:
        status = (session->rights & RIGHT_ECHO) != 0 ? STATUS_SUCCESS : STATUS_NOT_AUTHORIZED;
        break;
    case DIMSE_C_FIND_RQ:
    case DIMSE_C_MOVE_RQ:
    case DIMSE_C_GET_RQ:
        status = query_is_class(message->sop_class_uid) ? STATUS_NOT_AUTHORIZED
            : STATUS_CLASS_NOT_SUPPORTED;
        break;
    default:
        if ((message->command & 0x8000) != 0)
            return error_set(err, ERROR_DATA, "an answer %04x to nothing", message->command);
        break;
    }
    return association_respond(session->association, message, status, NULL, err);
}

/* False when the node stops: then no further message is begun. */
static bool set_busy(struct session *session, bool busy)
{
    struct hall *hall = session->hall;

    pthread_mutex_lock(&hall->mutex);
    session->busy = busy;
    const bool going_on = !hall->draining;

    pthread_mutex_unlock(&hall->mutex);
    return going_on;
}

/* May the peer ask this, in a context of this class? */
static bool may_ask(const struct session *session, const struct dimse_message *message,
                    enum peer_right right)
{
    return (session->rights & right) != 0 && query_is_class(message->sop_class_uid)
        && strcmp(message->sop_class_uid,
                  association_abstract(session->association, message->context)) == 0;
}

/* Of a listed peer only; an event report answers what we asked, so it needs no right. */
static bool answer_commitment(struct session *session, const struct dimse_message *message,
                              struct error *err)
{
    const struct config *const config = session->hall->config;
    const struct config_peer *const peer = config_peer_by_ae(config, session->calling_ae);
    const bool action = message->command == DIMSE_N_ACTION_RQ;
    struct error reason;

    if (peer == NULL || (action && (session->rights & RIGHT_COMMIT) == 0)
        || strcmp(association_abstract(session->association, message->context),
                  COMMIT_CLASS) != 0)
        return answer_other(session, message, err);
    const struct commit_scope scope = { config, peer, store_open(config->data_dir, &reason) };
    if (scope.store == NULL) {
        log_error("storage commitment reason=\"%s\"", reason.text);
        return answer_other(session, message, err);
    }
    const bool good = action
        ? commit_answer_action(&scope, session->hall->journal, session->association, message, err)
        : commit_answer_event(&scope, session->association, message, err);
    store_close(scope.store);
    return good;
}

static bool answer(struct session *session, const struct dimse_message *message,
                   struct error *err)
{
    if (message->command == DIMSE_C_STORE_RQ)
        return answer_store(session, message, err);
    if (message->command == DIMSE_C_FIND_RQ && may_ask(session, message, RIGHT_FIND))
        return query_answer(session->association, message, session->hall->config, err);
    if ((message->command == DIMSE_C_MOVE_RQ && may_ask(session, message, RIGHT_MOVE))
        || (message->command == DIMSE_C_GET_RQ && may_ask(session, message, RIGHT_GET))) {
        const struct retrieve_asker asker = { session->hall->config, session->calling_ae,
                                              session->hall->pool };
        return retrieve_answer(session->association, message, &asker, err);
    }
    if (message->command == DIMSE_N_ACTION_RQ || message->command == DIMSE_N_EVENT_REPORT_RQ)
        return answer_commitment(session, message, err);
    return answer_other(session, message, err);
}

static void converse(struct session *session, struct error *err)
{
    struct dimse_message message;
    enum association_event event = ASSOCIATION_MESSAGE;

    while (set_busy(session, false) &&
           association_next(session->association, &message, &event, err)) {
        if (event == ASSOCIATION_RELEASED)
            return;
        if (event == ASSOCIATION_ABORTED) {
            error_set(err, ERROR_NETWORK, "the peer aborted");
            return;
        }
        if (!set_busy(session, true) || !answer(session, &message, err))
            return;
    }
}

/* ---- a session's thread ---- */

static void leave(struct session *session)
{
    struct hall *hall = session->hall;

    scan_free(session->scan);
    session->scan = NULL;
    pthread_mutex_lock(&hall->mutex);
    session->socket = -1;
    hall->storing -= session->storing;
    hall->count--;
    pthread_mutex_unlock(&hall->mutex);
}

static void tell(const struct session *session, const struct error *err)
{
    if (err->code == ERROR_NONE)
        log_info("association ended calling=%s stored=%d refused=%d", session->calling_ae,
                 session->stored, session->refused);
    else
        log_warning("association broken reason=\"%s\" calling=%s stored=%d refused=%d",
                    err->text, session->calling_ae, session->stored, session->refused);
}

/* What was acknowledged stays; that more was to come is told until the study has been quiet. */
static void mark_partial(const struct session *session)
{
    struct hall *const hall = session->hall;
    const struct config *const config = hall->config;
    struct timespec now;
    struct error err;

    journal_flush(hall->journal);       /* the studies have their rows */
    clock_gettime(CLOCK_REALTIME, &now);
    struct store *const store = store_open(config->data_dir, &err);
    bool good = store != NULL;
    for (size_t i = 0; good && i < session->studies; i++)
        good = store_break_study(store, session->study[i], (int64_t)now.tv_sec * 1000
                                 + now.tv_nsec / 1000000, &err);
    if (!good)
        log_error("studies are not marked as partial reason=\"%s\"", err.text);
    store_close(store);
}

/* Its number is no longer that of an open socket when the association is freed. */
static void forget_socket(struct session *session)
{
    struct hall *hall = session->hall;

    pthread_mutex_lock(&hall->mutex);
    if (hall->draining && session->association != NULL)
        association_refuse_socket(session->socket, false);
    session->busy = true;               /* hall_drain() leaves it alone */
    pthread_mutex_unlock(&hall->mutex);
}

static void *run(void *context)
{
    struct session *session = context;
    const struct config *config = session->hall->config;
    const struct association_policy policy = {
        .max_pdu = config->max_pdu, .timeout_s = config->timeout_s, .decide = decide,
        .context = session, .address = session->address, .sop_class = config->sop_class,
        .sop_class_count = config_sop_class_count(config)
    };
    struct error err = { .code = ERROR_NONE };

    session->association = association_accept(session->socket, session->request,
                                              session->request_size, &policy, &err);
    free(session->request);
    session->request = NULL;
    if (session->association != NULL)
        session->scan = scan_new("", &err);
    if (session->scan != NULL)
        converse(session, &err);
    if (session->association != NULL)
        tell(session, &err);
    else if (err.code != ERROR_DENIED)  /* decide() has told that */
        log_warning("association refused reason=\"%s\"", err.text);
    if (err.code != ERROR_NONE && session->stored > 0)
        mark_partial(session);
    free(session->study);
    forget_socket(session);
    association_abort(session->association);
    leave(session);
    return NULL;
}

static bool start(struct session *session)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    const bool good = pthread_create(&thread, &attributes, run, session) == 0;

    pthread_attr_destroy(&attributes);
    return good;
}

static struct session *find_place(struct hall *hall)
{
    for (size_t i = 0; i < hall->places; i++)
        if (hall->session[i].socket < 0)
            return &hall->session[i];
    return NULL;
}

bool hall_enter(struct hall *hall, int socket, const char *address, unsigned char *request,
                size_t size)
{
    pthread_mutex_lock(&hall->mutex);
    struct session *session = hall->draining ? NULL : find_place(hall);
    bool good = session != NULL;

    if (good) {
        *session = (struct session){ .hall = hall, .socket = socket, .busy = true,
                                     .request = request, .request_size = size };
        text_format(session->address, sizeof session->address, "%s", address);
        hall->count++;
    }
    pthread_mutex_unlock(&hall->mutex);
    if (good && !start(session)) {
        leave(session);
        good = false;
    }
    return good;
}
