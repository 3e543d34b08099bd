/*
 * Store: SQLite behind the calls of the header. Every write is BEGIN IMMEDIATE … COMMIT in WAL
 * mode with synchronous=FULL, so that a call that returned true survives a power cut.
 */
#include "daemon/store.h"

#include <jansson.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store_query.h"
#include "util/error.h"

#define BUSY_TIMEOUT_MS 10000
#define WAL_RETRY_MS 10
#define MAX_STATEMENTS 120
#define QUARANTINE_DEATHS 3
#define DIFFERS_SIZE 256

/* The index at version n is made by the first n of these; an older one takes the rest. */
static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE study(study_uid TEXT PRIMARY KEY, patient_id TEXT NOT NULL,"
    " patient_name TEXT NOT NULL, study_date TEXT NOT NULL, accession TEXT NOT NULL,"
    " description TEXT NOT NULL, state INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
    " last_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX study_quiet ON study(state, last_ms);"
    "CREATE TABLE series(series_uid TEXT PRIMARY KEY, study_uid TEXT NOT NULL"
    " REFERENCES study, modality TEXT NOT NULL, description TEXT NOT NULL,"
    " reason TEXT NOT NULL DEFAULT '', job INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX series_study ON series(study_uid);"
    "CREATE TABLE instance(id INTEGER PRIMARY KEY, sop_uid TEXT NOT NULL,"
    " sop_class_uid TEXT NOT NULL, study_uid TEXT NOT NULL REFERENCES study,"
    " series_uid TEXT NOT NULL REFERENCES series, transfer_syntax TEXT NOT NULL,"
    " sha256 TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,"
    " calling_ae TEXT NOT NULL, peer TEXT NOT NULL, received_ms INTEGER NOT NULL,"
    " tags TEXT NOT NULL, UNIQUE(sop_uid, sha256)) STRICT;"
    "CREATE INDEX instance_series ON instance(series_uid, sop_uid);"
    "CREATE INDEX instance_study ON instance(study_uid);"
    "CREATE TABLE job(id INTEGER PRIMARY KEY AUTOINCREMENT, study_uid TEXT NOT NULL,"
    " series_uid TEXT NOT NULL, key TEXT NOT NULL, created TEXT NOT NULL, rule TEXT NOT NULL,"
    " analysis TEXT NOT NULL, parameters TEXT NOT NULL, deliver_to TEXT NOT NULL,"
    " series_number INTEGER NOT NULL, priority INTEGER NOT NULL, state INTEGER NOT NULL,"
    " lease INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0, pid INTEGER NOT NULL DEFAULT 0,"
    " deadline_ms INTEGER NOT NULL DEFAULT 0, queued_ms INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL DEFAULT 0, finished_ms INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT NOT NULL DEFAULT '', findings TEXT NOT NULL DEFAULT '',"
    " UNIQUE(series_uid, key)) STRICT;"
    "CREATE INDEX job_state ON job(state, priority, id);"
    "CREATE INDEX job_study ON job(study_uid);"
    "CREATE TABLE object(id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES job,"
    " kind TEXT NOT NULL, name TEXT NOT NULL, sop_class_uid TEXT NOT NULL,"
    " sop_uid TEXT NOT NULL, series_uid TEXT NOT NULL, sha256 TEXT NOT NULL,"
    " size INTEGER NOT NULL, UNIQUE(job, name)) STRICT;"
    "CREATE INDEX object_sop ON object(sop_uid);"
    "CREATE TABLE delivery(id INTEGER PRIMARY KEY, peer TEXT NOT NULL,"
    " study_uid TEXT NOT NULL, sop_class_uid TEXT NOT NULL, sop_uid TEXT NOT NULL,"
    " transfer_syntax TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL,"
    " job INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    " next_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,"
    " acknowledged_ms INTEGER NOT NULL DEFAULT 0, status INTEGER NOT NULL DEFAULT -1,"
    " reason TEXT NOT NULL DEFAULT '', UNIQUE(peer, path)) STRICT;"
    "CREATE INDEX delivery_due ON delivery(peer, state, next_ms);"
    "CREATE INDEX delivery_study ON delivery(study_uid);"
    "CREATE INDEX delivery_job ON delivery(job);"
    "CREATE TABLE note(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;",
    /* 2: what C-FIND narrows its search by */
    "CREATE INDEX study_patient ON study(patient_id);"
    "CREATE INDEX study_date ON study(study_date);"
    "CREATE INDEX study_accession ON study(accession);",
    /* 3: proof of deliveries, and storage commitment that is asked of us */
    "ALTER TABLE delivery ADD COLUMN proven_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE delivery ADD COLUMN transaction_uid TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX delivery_transaction ON delivery(transaction_uid);"
    "CREATE TABLE commitment(id INTEGER PRIMARY KEY, peer TEXT NOT NULL,"
    " transaction_uid TEXT NOT NULL, items TEXT NOT NULL, open INTEGER NOT NULL DEFAULT 1,"
    " attempts INTEGER NOT NULL DEFAULT 0, next_ms INTEGER NOT NULL,"
    " deadline_ms INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '',"
    " UNIQUE(peer, transaction_uid)) STRICT;"
    "CREATE INDEX commitment_due ON commitment(peer, open, next_ms);",
    /* 4: duplicates, checks of the files, retention */
    "ALTER TABLE instance ADD COLUMN differs TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE instance ADD COLUMN checked_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE instance ADD COLUMN damage TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE object ADD COLUMN checked_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE object ADD COLUMN damage TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE series ADD COLUMN keep_days INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX instance_sha256 ON instance(sha256);"
    "DROP INDEX instance_study;"        /* what is counted by UID is counted in the index */
    "CREATE INDEX instance_study ON instance(study_uid, sop_uid);"
    "CREATE INDEX instance_checked ON instance(checked_ms);"
    "CREATE INDEX object_checked ON object(checked_ms);"
    "CREATE INDEX instance_differs ON instance(study_uid) WHERE differs <> '';"
    "CREATE INDEX instance_damage ON instance(damage) WHERE damage <> '';"
    "CREATE INDEX object_damage ON object(damage) WHERE damage <> '';"
    "CREATE INDEX series_keep ON series(keep_days) WHERE keep_days > 0;"
    "CREATE TABLE hold(study_uid TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE removed(path TEXT NOT NULL, received_ms INTEGER NOT NULL,"
    " removed_ms INTEGER NOT NULL, pending INTEGER NOT NULL, PRIMARY KEY(path, received_ms))"
    " STRICT;"
    "CREATE INDEX removed_pending ON removed(pending) WHERE pending > 0;",
    /* 5: studies whose association broke off */
    "ALTER TABLE study ADD COLUMN broken_ms INTEGER NOT NULL DEFAULT 0;",
    /* 6: priors */
    "CREATE TABLE wish(study_uid TEXT NOT NULL, peer TEXT NOT NULL, patient_id TEXT NOT NULL,"
    " birth_date TEXT NOT NULL, study_date TEXT NOT NULL, modality TEXT NOT NULL,"
    " body_part TEXT NOT NULL, count INTEGER NOT NULL, within_days INTEGER NOT NULL,"
    " deadline_ms INTEGER NOT NULL, open INTEGER NOT NULL DEFAULT 1,"
    " reason TEXT NOT NULL DEFAULT '', PRIMARY KEY(study_uid, peer)) STRICT;"
    "CREATE INDEX wish_open ON wish(peer, deadline_ms) WHERE open = 1;"
    "CREATE TABLE prior(study_uid TEXT PRIMARY KEY, of_study TEXT NOT NULL,"
    " marked_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX prior_of ON prior(of_study);",
    /* 7: statistics go by patient and date */
    ("DROP INDEX study_patient;"
     "CREATE INDEX study_patient ON study(patient_id, study_date, study_uid);")
};
#define SCHEMA_VERSION ((int64_t)(sizeof steps / sizeof *steps))

struct store {
    sqlite3 *database;
    pthread_mutex_t mutex;              /* recursive: a callback may ask something else */
    size_t statement_count;
    struct { const char *sql; sqlite3_stmt *statement; } statement[MAX_STATEMENTS];
    char *kept[6];                      /* texts of the last row that was handed out */
};

/* ---- statements ---- */

static bool fail(struct store *store, struct error *err, const char *what)
{
    const int code = sqlite3_errcode(store->database);

    return error_set(err, code == SQLITE_NOMEM ? ERROR_MEMORY : ERROR_IO, "index: %s: %s",
                     what, sqlite3_errmsg(store->database));
}

/* Prepared once per literal: its address is its name. */
static sqlite3_stmt *prepare(struct store *store, const char *sql, struct error *err)
{
    for (size_t i = 0; i < store->statement_count; i++)
        if (store->statement[i].sql == sql) {
            sqlite3_reset(store->statement[i].statement);
            return store->statement[i].statement;
        }
    if (store->statement_count == MAX_STATEMENTS)
        abort();                        /* more literals than this file has */
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           NULL) != SQLITE_OK) {
        fail(store, err, "prepare");
        return NULL;
    }
    store->statement[store->statement_count].sql = sql;
    store->statement[store->statement_count++].statement = statement;
    return statement;
}

/* `types`: one letter a value, 't' for const char *, 'i' for int64_t. */
static sqlite3_stmt *bind(struct store *store, struct error *err, const char *sql,
                          const char *types, va_list values)
{
    sqlite3_stmt *const statement = prepare(store, sql, err);

    if (statement == NULL)
        return NULL;
    for (int i = 1; types[i - 1] != '\0'; i++) {
        const int code = types[i - 1] == 't'
            ? sqlite3_bind_text(statement, i, va_arg(values, const char *), -1,
                                SQLITE_TRANSIENT)
            : sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
        if (code != SQLITE_OK) {
            fail(store, err, "bind");
            return NULL;
        }
    }
    return statement;
}

static bool execute(struct store *store, struct error *err, const char *sql,
                    const char *types, ...)
{
    va_list values;

    va_start(values, types);
    sqlite3_stmt *const statement = bind(store, err, sql, types, values);
    va_end(values);
    if (statement == NULL)
        return false;
    const bool good = sqlite3_step(statement) == SQLITE_DONE || fail(store, err, "write");
    sqlite3_reset(statement);
    return good;
}

/* The first column of the first row; `otherwise` when there is none. */
static bool number(struct store *store, struct error *err, int64_t otherwise,
                   int64_t *ret_value, const char *sql, const char *types, ...)
{
    va_list values;

    va_start(values, types);
    sqlite3_stmt *const statement = bind(store, err, sql, types, values);
    va_end(values);
    if (statement == NULL)
        return false;
    const int code = sqlite3_step(statement);
    *ret_value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : otherwise;
    const bool good = code == SQLITE_ROW || code == SQLITE_DONE || fail(store, err, "read");
    sqlite3_reset(statement);
    return good;
}

typedef bool (*row_fn)(sqlite3_stmt *row, void *each, void *context);

/* Hands every row to `row` until that says false. */
static bool list(struct store *store, struct error *err, row_fn row, void *each,
                 void *context, const char *sql, const char *types, ...)
{
    va_list values;
    int code;

    va_start(values, types);
    sqlite3_stmt *const statement = bind(store, err, sql, types, values);
    va_end(values);
    if (statement == NULL)
        return false;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        if (!row(statement, each, context)) {
            code = SQLITE_DONE;
            break;
        }
    const bool good = code == SQLITE_DONE || fail(store, err, "read");
    sqlite3_reset(statement);
    return good;
}

static void text_column(sqlite3_stmt *row, int column, char *buffer, size_t size)
{
    const char *const text = (const char *)sqlite3_column_text(row, column);

    text_format(buffer, size, "%s", text == NULL ? "" : text);
}

static const char *text_of(sqlite3_stmt *row, int column)
{
    const char *const text = (const char *)sqlite3_column_text(row, column);

    return text == NULL ? "" : text;
}

/* ---- transactions ---- */

static void lock(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
}

static bool unlock(struct store *store, bool good)
{
    pthread_mutex_unlock(&store->mutex);
    return good;
}

static bool begin(struct store *store, struct error *err)
{
    lock(store);
    return execute(store, err, "BEGIN IMMEDIATE", "");
}

/* Commits what went well, undoes what did not. */
static bool end(struct store *store, bool good, struct error *err)
{
    good = good && execute(store, err, "COMMIT", "");
    if (!good && sqlite3_get_autocommit(store->database) == 0)
        sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    return unlock(store, good);
}

/* ---- opening ---- */

/* One step, and its number with it. */
static bool take_step(struct store *store, int64_t number, struct error *err)
{
    char pragma[64];

    text_format(pragma, sizeof pragma, "PRAGMA user_version = %lld", (long long)number);
    return (sqlite3_exec(store->database, steps[number - 1], NULL, NULL, NULL) == SQLITE_OK
            && sqlite3_exec(store->database, pragma, NULL, NULL, NULL) == SQLITE_OK)
        || fail(store, err, "schema");
}

static bool migrate(struct store *store, struct error *err)
{
    int64_t version = 0;
    bool good = begin(store, err)
        && number(store, err, 0, &version, "PRAGMA user_version", "");

    if (good && version > SCHEMA_VERSION)
        good = error_set(err, ERROR_UNSUPPORTED, "index: its version %lld is newer than this "
                         "program's %lld", (long long)version, (long long)SCHEMA_VERSION);
    while (good && version < SCHEMA_VERSION)
        good = take_step(store, ++version, err);
    return end(store, good, err);
}

/*
 * The busy timeout does not cover the change of a new index to WAL, which SQLite refuses at once
 * while another role makes it; at the first start all of them open it in the same moment.
 */
static bool use_wal(struct store *store)
{
    int code = SQLITE_BUSY;

    for (int waited_ms = 0; waited_ms < BUSY_TIMEOUT_MS; waited_ms += WAL_RETRY_MS) {
        code = sqlite3_exec(store->database, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        if (code != SQLITE_BUSY)
            break;
        sqlite3_sleep(WAL_RETRY_MS);
    }
    return code == SQLITE_OK;
}

static bool configure(struct store *store, struct error *err)
{
    sqlite3_busy_timeout(store->database, BUSY_TIMEOUT_MS);
    return (use_wal(store)
            && sqlite3_exec(store->database, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                            "PRAGMA temp_store=MEMORY", NULL, NULL, NULL) == SQLITE_OK)
        || fail(store, err, "open");
}

struct store *store_open(const char *data_dir, struct error *err)
{
    char path[1200];
    pthread_mutexattr_t recursive;
    struct store *const store = calloc(1, sizeof *store);

    if (store == NULL)
        return error_null(err, ERROR_MEMORY, "index");
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&store->mutex, &recursive);
    text_format(path, sizeof path, "%s/index.db", data_dir);
    if (sqlite3_open_v2(path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                        | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        fail(store, err, path);
    else if (configure(store, err) && migrate(store, err))
        return store;
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < store->statement_count; i++)
        sqlite3_finalize(store->statement[i].statement);
    sqlite3_close(store->database);
    for (size_t i = 0; i < sizeof store->kept / sizeof *store->kept; i++)
        free(store->kept[i]);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* ---- instances ---- */

static const char *tag(const json_t *tags, const char *keyword)
{
    const char *const text = json_string_value(json_object_get(tags, keyword));

    return text == NULL ? "" : text;
}

static bool add_study(struct store *store, const struct store_instance *instance,
                      const json_t *tags, struct error *err)
{
    return execute(store, err, "INSERT INTO study VALUES(?1,?2,?3,?4,?5,?6,0,?7,?7,0)"
                   " ON CONFLICT(study_uid) DO UPDATE SET state = 0,"
                   " last_ms = max(last_ms, excluded.last_ms)", "tttttti",
                   instance->study_uid, tag(tags, "PatientID"), tag(tags, "PatientName"),
                   tag(tags, "StudyDate"), tag(tags, "AccessionNumber"),
                   tag(tags, "StudyDescription"), instance->received_ms);
}

static bool add_series(struct store *store, const struct store_instance *instance,
                       const json_t *tags, struct error *err)
{
    return execute(store, err, "INSERT INTO series(series_uid, study_uid, modality,"
                   " description) VALUES(?,?,?,?) ON CONFLICT(series_uid) DO NOTHING", "tttt",
                   instance->series_uid, instance->study_uid, tag(tags, "Modality"),
                   tag(tags, "SeriesDescription"));
}

static bool add_row(struct store *store, const struct store_instance *instance,
                    const char *differs, struct error *err)
{
    return execute(store, err, "INSERT INTO instance(sop_uid, sop_class_uid, study_uid,"
                   " series_uid, transfer_syntax, sha256, path, size, calling_ae, peer,"
                   " received_ms, tags, differs) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)", "tttttttittitt",
                   instance->sop_uid, instance->sop_class_uid, instance->study_uid,
                   instance->series_uid, instance->transfer_syntax, instance->sha256,
                   instance->path, instance->size, instance->calling_ae, instance->peer,
                   instance->received_ms, instance->tags, differs);
}

/* The file of these bytes is in its place again: what failed for want of it is tried anew. */
static bool heal(struct store *store, const struct store_instance *instance,
                 struct error *err)
{
    if (!execute(store, err, "UPDATE instance SET damage = '', checked_ms = 0 WHERE sop_uid = ?"
                 " AND sha256 = ? AND damage <> ''", "tt", instance->sop_uid, instance->sha256))
        return false;
    return sqlite3_changes(store->database) == 0
        || (execute(store, err, "UPDATE study SET state = 0, last_ms = max(last_ms, ?)"
                    " WHERE study_uid = ?", "it", instance->received_ms, instance->study_uid)
            && execute(store, err, "UPDATE job SET state = 5 WHERE series_uid = ?"
                       " AND state IN (3, 4)", "t", instance->series_uid));
}

/*
 * A kill may leave the journal with instances that have gone since: this very receipt is not
 * taken again, and its file, which the journal has put back, goes once more.
 */
static bool was_removed(struct store *store, const struct store_instance *instance,
                        int64_t *ret_was, struct error *err)
{
    if (!number(store, err, 0, ret_was, "SELECT 1 FROM removed WHERE path = ? AND received_ms"
                " = ?", "ti", instance->path, instance->received_ms))
        return false;
    return *ret_was == 0
        || execute(store, err, "UPDATE removed SET pending = 1 WHERE path = ? AND received_ms"
                   " = ?", "ti", instance->path, instance->received_ms);
}

struct compared {
    const struct store_instance *instance;
    const json_t *tags;
    char *differs;
};

static void add_difference(char *differs, const char *name)
{
    const size_t at = strlen(differs);

    if (at + strlen(name) + 3 < DIFFERS_SIZE)
        text_format(differs + at, DIFFERS_SIZE - at, at == 0 ? "%s" : ", %s", name);
}

/* By name only: what the values are is in the files. */
static bool compare_row(sqlite3_stmt *row, void *each, void *context)
{
    const struct compared *const compared = context;
    json_t *const first = json_loads(text_of(row, 0), 0, NULL);
    json_t *value;
    const char *name;

    (void)each;
    json_object_foreach(first, name, value)
        if (!json_equal(value, json_object_get(compared->tags, name)))
            add_difference(compared->differs, name);
    json_object_foreach((json_t *)compared->tags, name, value)
        if (json_object_get(first, name) == NULL)
            add_difference(compared->differs, name);
    if (strcmp(text_of(row, 1), compared->instance->transfer_syntax) != 0)
        add_difference(compared->differs, "transfer syntax");
    if (compared->differs[0] == '\0')
        add_difference(compared->differs, sqlite3_column_int64(row, 2)
                       == compared->instance->size ? "bytes" : "size");
    json_decref(first);
    return false;
}

/* In what it differs from the first that came with its UID; "" when it is the first. */
static bool compare(struct store *store, const struct store_instance *instance,
                    const json_t *tags, char differs[DIFFERS_SIZE], struct error *err)
{
    struct compared compared = { instance, tags, differs };

    differs[0] = '\0';
    return list(store, err, compare_row, NULL, &compared, "SELECT tags, transfer_syntax, size"
                " FROM instance WHERE sop_uid = ? ORDER BY received_ms, id LIMIT 1", "t",
                instance->sop_uid);
}

static bool add_instance(struct store *store, const struct store_instance *instance,
                         struct error *err)
{
    int64_t known = 0;
    char differs[DIFFERS_SIZE];

    if (!number(store, err, 0, &known, "SELECT 1 FROM instance WHERE sop_uid = ?"
                " AND sha256 = ?", "tt", instance->sop_uid, instance->sha256))
        return false;
    if (known)
        return heal(store, instance, err);      /* a repetition changes nothing else */
    if (!was_removed(store, instance, &known, err) || known)
        return known != 0;
    json_t *const tags = json_loads(instance->tags, 0, NULL);
    const bool good = compare(store, instance, tags, differs, err)
        && add_study(store, instance, tags, err) && add_series(store, instance, tags, err)
        && add_row(store, instance, differs, err);
    json_decref(tags);
    return good;
}

bool store_add_instances(struct store *store, const struct store_instance *batch,
                         size_t count, struct error *err)
{
    bool good = begin(store, err);

    for (size_t i = 0; good && i < count; i++)
        good = add_instance(store, &batch[i], err);
    return end(store, good, err);
}

static bool instance_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_instance instance = { .id = sqlite3_column_int64(row, 0) };

    text_column(row, 1, instance.sop_uid, sizeof instance.sop_uid);
    text_column(row, 2, instance.sop_class_uid, sizeof instance.sop_class_uid);
    text_column(row, 3, instance.study_uid, sizeof instance.study_uid);
    text_column(row, 4, instance.series_uid, sizeof instance.series_uid);
    text_column(row, 5, instance.transfer_syntax, sizeof instance.transfer_syntax);
    text_column(row, 6, instance.sha256, sizeof instance.sha256);
    text_column(row, 7, instance.path, sizeof instance.path);
    instance.size = sqlite3_column_int64(row, 8);
    text_column(row, 9, instance.calling_ae, sizeof instance.calling_ae);
    text_column(row, 10, instance.peer, sizeof instance.peer);
    instance.received_ms = sqlite3_column_int64(row, 11);
    instance.tags = text_of(row, 12);
    return (*(store_instance_fn *)each)(&instance, context);
}

bool store_each_instance(struct store *store, const char *series_uid,
                         store_instance_fn each, void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, instance_row, &each, context,
        "SELECT id, sop_uid, sop_class_uid, study_uid, series_uid, transfer_syntax, sha256,"
        " path, size, calling_ae, peer, received_ms, tags FROM instance i WHERE"
        " series_uid = ? AND " STORE_COUNTS " ORDER BY sop_uid", "t", series_uid));
}

/* ---- studies and series ---- */

#define STUDY_COLUMNS "SELECT study_uid, patient_id, patient_name, study_date, accession," \
    " description, state, first_ms, last_ms, broken_ms," \
    " (SELECT count(*) FROM series WHERE series.study_uid = study.study_uid)," \
    " (SELECT count(DISTINCT sop_uid) FROM instance" \
    " WHERE instance.study_uid = study.study_uid) FROM study "

static bool study_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_study study;

    text_column(row, 0, study.study_uid, sizeof study.study_uid);
    text_column(row, 1, study.patient_id, sizeof study.patient_id);
    text_column(row, 2, study.patient_name, sizeof study.patient_name);
    text_column(row, 3, study.study_date, sizeof study.study_date);
    text_column(row, 4, study.accession, sizeof study.accession);
    text_column(row, 5, study.description, sizeof study.description);
    study.state = (enum study_state)sqlite3_column_int(row, 6);
    study.first_ms = sqlite3_column_int64(row, 7);
    study.last_ms = sqlite3_column_int64(row, 8);
    study.partial = study.state == STUDY_RECEIVING && sqlite3_column_int64(row, 9) > 0;
    study.series = sqlite3_column_int(row, 10);
    study.instances = sqlite3_column_int(row, 11);
    return (*(store_study_fn *)each)(&study, context);
}

bool store_each_study(struct store *store, store_study_fn each, void *context,
                      struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, study_row, &each, context,
                              STUDY_COLUMNS "ORDER BY last_ms DESC", ""));
}

#define CASES "SELECT study_uid, patient_id, patient_name, study_date, CASE WHEN state = 1" \
    " THEN 'complete' WHEN broken_ms > 0 THEN 'partial' ELSE 'receiving' END FROM study "

static bool case_row(sqlite3_stmt *row, void *each, void *context)
{
    const struct store_case one = { text_of(row, 0), text_of(row, 1), text_of(row, 2),
                                    text_of(row, 3), text_of(row, 4) };

    return (*(store_case_fn *)each)(&one, context);
}

bool store_each_case(struct store *store, const char *patient_id, const struct store_case *after,
                     int limit, store_case_fn each, void *context, struct error *err)
{
    static const struct store_case first = { "", "", "", "", "" };
    const struct store_case *const from = after == NULL ? &first : after;

    lock(store);
    return unlock(store, patient_id == NULL
        ? list(store, err, case_row, &each, context, CASES
               "WHERE patient_id >= ?1 AND (patient_id, study_date, study_uid) > (?1, ?2, ?3)"
               " ORDER BY patient_id, study_date, study_uid LIMIT ?4", "ttti",
               from->patient_id, from->study_date, from->study_uid, (int64_t)limit)
        : list(store, err, case_row, &each, context, CASES
               "WHERE patient_id = ?1 AND (study_date, study_uid) > (?2, ?3)"
               " ORDER BY study_date, study_uid LIMIT ?4", "ttti", patient_id,
               from->study_date, from->study_uid, (int64_t)limit));
}

bool store_find_case(struct store *store, const char *study_uid, store_case_fn each,
                     void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, case_row, &each, context,
                              CASES "WHERE study_uid = ?", "t", study_uid));
}

static bool take_study(const struct store_study *study, void *context)
{
    *(struct store_study *)context = *study;
    return false;
}

bool store_find_study(struct store *store, const char *study_uid,
                      struct store_study *ret_study, struct error *err)
{
    store_study_fn take = take_study;
    struct store_study study = { .study_uid = "" };

    lock(store);
    if (!list(store, err, study_row, &take, &study, STUDY_COLUMNS "WHERE study_uid = ?", "t",
              study_uid))
        return unlock(store, false);
    unlock(store, true);
    if (study.study_uid[0] == '\0')
        return error_set(err, ERROR_NOT_FOUND, "no study %s", study_uid);
    *ret_study = study;
    return true;
}

static bool series_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_series series;

    text_column(row, 0, series.study_uid, sizeof series.study_uid);
    text_column(row, 1, series.series_uid, sizeof series.series_uid);
    text_column(row, 2, series.modality, sizeof series.modality);
    text_column(row, 3, series.description, sizeof series.description);
    series.instances = sqlite3_column_int(row, 4);
    series.reason = text_of(row, 5);
    series.job = sqlite3_column_int64(row, 6);
    return (*(store_series_fn *)each)(&series, context);
}

bool store_each_series(struct store *store, const char *study_uid, store_series_fn each,
                       void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, series_row, &each, context,
        "SELECT study_uid, series_uid, modality, description,"
        " (SELECT count(DISTINCT sop_uid) FROM instance"
        "  WHERE instance.series_uid = series.series_uid),"
        " reason, job FROM series WHERE study_uid = ? ORDER BY series_uid", "t", study_uid));
}

bool store_each_quiet_study(struct store *store, int64_t now_ms, int64_t quiet_ms,
                            store_study_fn each, void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, study_row, &each, context, STUDY_COLUMNS
                              "WHERE state = 0 AND last_ms <= ?1 AND NOT EXISTS (SELECT 1 FROM"
                              " wish w WHERE w.study_uid = study.study_uid AND w.open = 1"
                              " AND w.deadline_ms > ?2) ORDER BY last_ms", "ii",
                              now_ms - quiet_ms, now_ms));
}

bool store_complete_study(struct store *store, const char *study_uid, int64_t last_ms,
                          bool *ret_completed, struct error *err)
{
    bool good = begin(store, err)
        && execute(store, err, "UPDATE study SET state = 1, broken_ms = 0"
                   " WHERE study_uid = ? AND state = 0"
                   " AND last_ms = ?", "ti", study_uid, last_ms);

    *ret_completed = good && sqlite3_changes(store->database) > 0;
    return end(store, good, err);
}

bool store_break_study(struct store *store, const char *study_uid, int64_t now_ms,
                       struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE study SET broken_ms = ? WHERE study_uid = ? AND state = 0",
                   "it", now_ms, study_uid);

    return end(store, good, err);
}

/* Other jobs of the series than `current` are history, and so is what they did not deliver. */
static bool supersede_others(struct store *store, const char *series_uid, int64_t current,
                             struct error *err)
{
    return execute(store, err, "UPDATE delivery SET state = 4 WHERE state IN (0, 1, 3)"
                   " AND job IN (SELECT id FROM job WHERE series_uid = ? AND id <> ?)", "ti",
                   series_uid, current)
        && execute(store, err, "UPDATE job SET state = 5 WHERE series_uid = ? AND id <> ?"
                   " AND state <> 5", "ti", series_uid, current);
}

bool store_set_reason(struct store *store, const char *series_uid, const char *reason,
                      struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE series SET reason = ?, job = 0 WHERE series_uid = ?",
                   "tt", reason, series_uid)
        && supersede_others(store, series_uid, 0, err);

    return end(store, good, err);
}

/* ---- jobs ---- */

#define JOB_COLUMNS "SELECT id, study_uid, series_uid, key, created, rule, analysis," \
    " parameters, deliver_to, series_number, priority, state, lease, deaths, attempts, pid," \
    " deadline_ms, queued_ms, started_ms, finished_ms, reason, findings FROM job "

static bool job_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_job job = { .id = sqlite3_column_int64(row, 0) };

    text_column(row, 1, job.study_uid, sizeof job.study_uid);
    text_column(row, 2, job.series_uid, sizeof job.series_uid);
    text_column(row, 3, job.key, sizeof job.key);
    text_column(row, 4, job.created, sizeof job.created);
    text_column(row, 5, job.rule, sizeof job.rule);
    text_column(row, 6, job.analysis, sizeof job.analysis);
    job.parameters = text_of(row, 7);
    job.deliver_to = text_of(row, 8);
    job.series_number = sqlite3_column_int(row, 9);
    job.priority = sqlite3_column_int(row, 10);
    job.state = (enum job_state)sqlite3_column_int(row, 11);
    job.lease = sqlite3_column_int64(row, 12);
    job.deaths = sqlite3_column_int(row, 13);
    job.attempts = sqlite3_column_int(row, 14);
    job.pid = sqlite3_column_int64(row, 15);
    job.deadline_ms = sqlite3_column_int64(row, 16);
    job.queued_ms = sqlite3_column_int64(row, 17);
    job.started_ms = sqlite3_column_int64(row, 18);
    job.finished_ms = sqlite3_column_int64(row, 19);
    job.reason = text_of(row, 20);
    job.findings = text_of(row, 21);
    return (*(store_job_fn *)each)(&job, context);
}

/* Copies a row out of its statement; its texts live until the next row that is kept. */
struct keep {
    struct store *store;
    struct store_job *job;
    bool found;
};

static const char *keep_text(struct store *store, int slot, const char *text)
{
    free(store->kept[slot]);
    store->kept[slot] = strdup(text);
    return store->kept[slot] == NULL ? "" : store->kept[slot];
}

static bool keep_job(const struct store_job *job, void *context)
{
    struct keep *const keep = context;

    *keep->job = *job;
    keep->job->parameters = keep_text(keep->store, 0, job->parameters);
    keep->job->deliver_to = keep_text(keep->store, 1, job->deliver_to);
    keep->job->reason = keep_text(keep->store, 2, job->reason);
    keep->job->findings = keep_text(keep->store, 3, job->findings);
    keep->found = true;
    return false;
}

static bool find_job(struct store *store, int64_t id, struct store_job *ret_job,
                     struct error *err)
{
    store_job_fn take = keep_job;
    struct keep keep = { store, ret_job, false };

    if (!list(store, err, job_row, &take, &keep, JOB_COLUMNS "WHERE id = ?", "i", id))
        return false;
    return keep.found || error_set(err, ERROR_NOT_FOUND, "no job %lld", (long long)id);
}

bool store_find_job(struct store *store, int64_t id, struct store_job *ret_job,
                    struct error *err)
{
    lock(store);
    return unlock(store, find_job(store, id, ret_job, err));
}

static bool insert_job(struct store *store, const struct store_job *job, int64_t *ret_id,
                       struct error *err)
{
    if (!execute(store, err, "INSERT INTO job(study_uid, series_uid, key, created, rule,"
                 " analysis, parameters, deliver_to, series_number, priority, state,"
                 " queued_ms) VALUES(?,?,?,?,?,?,?,?,?,?,0,?)", "ttttttttiii",
                 job->study_uid, job->series_uid, job->key, job->created, job->rule,
                 job->analysis, job->parameters, job->deliver_to,
                 (int64_t)job->series_number, (int64_t)job->priority, job->queued_ms))
        return false;
    *ret_id = sqlite3_last_insert_rowid(store->database);
    return true;
}

/* A superseded job whose inputs count again: its results are there, or it is queued anew. */
static bool revive_job(struct store *store, int64_t id, struct error *err)
{
    return execute(store, err, "UPDATE job SET state = CASE WHEN EXISTS (SELECT 1 FROM object"
                   " WHERE object.job = job.id) THEN 2 ELSE 0 END WHERE id = ? AND state = 5",
                   "i", id)
        && execute(store, err, "UPDATE delivery SET state = 0 WHERE job = ? AND state = 4",
                   "i", id);
}

bool store_queue_job(struct store *store, const struct store_job *job, int64_t *ret_id,
                     struct error *err)
{
    int64_t id = 0;
    bool good = begin(store, err)
        && number(store, err, 0, &id, "SELECT id FROM job WHERE series_uid = ? AND key = ?",
                  "tt", job->series_uid, job->key)
        && (id != 0 ? revive_job(store, id, err) : insert_job(store, job, &id, err))
        && supersede_others(store, job->series_uid, id, err)
        && execute(store, err, "UPDATE series SET job = ?1, reason = (SELECT reason FROM job"
                   " WHERE id = ?1) WHERE series_uid = ?2", "it", id, job->series_uid);

    *ret_id = id;
    return end(store, good, err);
}

bool store_lease_job(struct store *store, int64_t pid, int64_t now_ms, int64_t deadline_ms,
                     struct store_job *ret_job, struct error *err)
{
    int64_t id = 0;

    lock(store);                        /* an idle node looks often, and writes nothing */
    if (!number(store, err, 0, &id, "SELECT id FROM job WHERE state = 0"
                " ORDER BY priority, id LIMIT 1", ""))
        return unlock(store, false);
    unlock(store, true);
    if (id == 0)
        return error_set(err, ERROR_NOT_FOUND, "no job is queued");
    bool good = begin(store, err)
        && execute(store, err, "UPDATE job SET state = 1, lease = lease + 1,"
                   " attempts = attempts + 1, pid = ?, started_ms = ?, deadline_ms = ?"
                   " WHERE id = ? AND state = 0", "iiii", pid, now_ms, deadline_ms, id);
    if (good && sqlite3_changes(store->database) == 0)
        good = error_set(err, ERROR_NOT_FOUND, "job %lld was taken", (long long)id);
    good = good && find_job(store, id, ret_job, err);
    return end(store, good, err);
}

/* The series says what its current job came to. */
static bool tell_series(struct store *store, int64_t id, struct error *err)
{
    return execute(store, err, "UPDATE series SET reason = (SELECT reason FROM job"
                   " WHERE id = ?1) WHERE job = ?1", "i", id);
}

bool store_release_job(struct store *store, int64_t id, int64_t lease, bool died,
                       const char *reason, struct error *err)
{
    char sentence[400];
    bool good = begin(store, err)
        && execute(store, err, "UPDATE job SET deaths = deaths + ?, state = 0"
                   " WHERE id = ? AND lease = ? AND state = 1", "iii", (int64_t)died, id,
                   lease);

    if (good && sqlite3_changes(store->database) > 0) {
        text_format(sentence, sizeof sentence, "quarantined after %d deaths: %s",
                    QUARANTINE_DEATHS, reason);
        good = execute(store, err, "UPDATE job SET reason = ? WHERE id = ?", "ti", reason, id)
            && execute(store, err, "UPDATE job SET state = 4, reason = ? WHERE id = ?"
                       " AND deaths >= ?", "tii", sentence, id, (int64_t)QUARANTINE_DEATHS)
            && tell_series(store, id, err);
    }
    return end(store, good, err);
}

bool store_release_all_jobs(struct store *store, int *ret_count, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE job SET state = 0 WHERE state = 1", "");

    *ret_count = good ? sqlite3_changes(store->database) : 0;
    return end(store, good, err);
}

/* Fails with ERROR_DENIED unless the last statement, fenced by a lease, changed its row. */
static bool was_leased(struct store *store, int64_t id, struct error *err)
{
    return sqlite3_changes(store->database) > 0
        || error_set(err, ERROR_DENIED, "job %lld: the lease was lost", (long long)id);
}

bool store_fail_job(struct store *store, int64_t id, int64_t lease, int64_t now_ms,
                    const char *reason, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE job SET state = 3, finished_ms = ?, reason = ?"
                   " WHERE id = ? AND lease = ? AND state = 1", "itii", now_ms, reason, id,
                   lease)
        && was_leased(store, id, err) && tell_series(store, id, err);

    return end(store, good, err);
}

/* ---- results ---- */

static bool insert_object(struct store *store, int64_t job, const struct store_object *object,
                          struct error *err)
{
    return execute(store, err, "INSERT INTO object(job, kind, name, sop_class_uid, sop_uid,"
                   " series_uid, sha256, size) VALUES(?,?,?,?,?,?,?,?)", "itttttti", job,
                   object->kind, object->name, object->sop_class_uid, object->sop_uid,
                   object->series_uid, object->sha256, object->size);
}

static bool insert_delivery(struct store *store, int64_t job, const char *peer,
                            const struct store_object *object, int64_t now_ms,
                            int64_t deadline_ms, struct error *err)
{
    char path[64];

    text_format(path, sizeof path, "results/%lld/%s", (long long)job, object->name);
    return execute(store, err, "INSERT INTO delivery(peer, study_uid, sop_class_uid, sop_uid,"
                   " transfer_syntax, path, kind, job, state, next_ms, deadline_ms)"
                   " SELECT ?, study_uid, ?, ?, '1.2.840.10008.1.2.1', ?, ?, id, 0, ?, ?"
                   " FROM job WHERE id = ? ON CONFLICT DO NOTHING", "tttttiii", peer,
                   object->sop_class_uid, object->sop_uid, path, object->kind, now_ms,
                   deadline_ms, job);
}

static bool insert_results(struct store *store, int64_t job,
                           const struct store_object *objects, size_t count,
                           const char *const *peers, const char *const *note_peers,
                           int64_t now_ms, int64_t deadline_ms, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *const *const to = strcmp(objects[i].kind, "ko") == 0 ? note_peers : peers;
        if (!insert_object(store, job, &objects[i], err))
            return false;
        for (const char *const *peer = to; *peer != NULL; peer++)
            if (objects[i].sop_uid[0] != '\0'
                && !insert_delivery(store, job, *peer, &objects[i], now_ms, deadline_ms, err))
                return false;
    }
    return true;
}

bool store_finish_job(struct store *store, int64_t id, int64_t lease, int64_t now_ms,
                      const char *reason, const char *findings,
                      const struct store_object *objects, size_t object_count,
                      const char *const *peers, const char *const *note_peers,
                      int64_t deadline_ms, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE job SET state = 2, finished_ms = ?, reason = ?,"
                   " findings = ? WHERE id = ? AND lease = ? AND state = 1", "ittii", now_ms,
                   reason, findings, id, lease)
        && was_leased(store, id, err)
        && insert_results(store, id, objects, object_count, peers, note_peers, now_ms, deadline_ms,
                          err)
        && tell_series(store, id, err);

    return end(store, good, err);
}

bool store_each_job(struct store *store, const char *study_uid, store_job_fn each,
                    void *context, struct error *err)
{
    lock(store);
    return unlock(store, study_uid == NULL
        ? list(store, err, job_row, &each, context, JOB_COLUMNS "ORDER BY id", "")
        : list(store, err, job_row, &each, context,
               JOB_COLUMNS "WHERE study_uid = ? ORDER BY id", "t", study_uid));
}

static bool object_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_object object = { .id = sqlite3_column_int64(row, 0),
                                   .job = sqlite3_column_int64(row, 1) };

    text_column(row, 2, object.kind, sizeof object.kind);
    text_column(row, 3, object.name, sizeof object.name);
    text_column(row, 4, object.sop_class_uid, sizeof object.sop_class_uid);
    text_column(row, 5, object.sop_uid, sizeof object.sop_uid);
    text_column(row, 6, object.series_uid, sizeof object.series_uid);
    text_column(row, 7, object.sha256, sizeof object.sha256);
    object.size = sqlite3_column_int64(row, 8);
    return (*(store_object_fn *)each)(&object, context);
}

bool store_each_object(struct store *store, int64_t job, store_object_fn each, void *context,
                       struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, object_row, &each, context,
        "SELECT id, job, kind, name, sop_class_uid, sop_uid, series_uid, sha256, size"
        " FROM object WHERE job = ? ORDER BY id", "i", job));
}

bool store_each_superseded(struct store *store, const char *series_uid, int64_t job,
                           store_object_fn each, void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, object_row, &each, context,
        "SELECT o.id, o.job, o.kind, o.name, o.sop_class_uid, o.sop_uid, o.series_uid, o.sha256,"
        " o.size FROM object o JOIN job j ON j.id = o.job WHERE j.series_uid = ?1 AND j.id < ?2"
        " AND o.sop_uid <> '' AND o.kind <> 'ko' AND EXISTS (SELECT 1 FROM delivery d"
        " WHERE d.job = j.id AND d.sop_uid = o.sop_uid AND d.acknowledged_ms > 0)"
        " ORDER BY o.id", "ti", series_uid, job));
}

static bool outcome_row(sqlite3_stmt *row, void *each, void *context)
{
    const struct store_outcome outcome = {
        .series_uid = text_of(row, 0), .modality = text_of(row, 1), .reason = text_of(row, 2),
        .has_job = sqlite3_column_type(row, 3) != SQLITE_NULL,
        .state = (enum job_state)sqlite3_column_int(row, 3), .findings = text_of(row, 4)
    };

    return (*(store_outcome_fn *)each)(&outcome, context);
}

bool store_each_outcome(struct store *store, const char *study_uid, store_outcome_fn each,
                        void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, outcome_row, &each, context,
        "SELECT e.series_uid, e.modality, e.reason, j.state, j.findings FROM series e"
        " LEFT JOIN job j ON j.id = e.job WHERE e.study_uid = ? ORDER BY e.series_uid", "t",
        study_uid));
}

bool store_is_result(struct store *store, const char *sop_uid, bool *ret_is,
                     struct error *err)
{
    int64_t is = 0;

    lock(store);
    const bool good = number(store, err, 0, &is, "SELECT 1 FROM object WHERE sop_uid = ?",
                             "t", sop_uid);
    *ret_is = is != 0;
    return unlock(store, good);
}

/* ---- deliveries ---- */

#define DELIVERY_COLUMNS "SELECT id, peer, sop_class_uid, sop_uid, transfer_syntax, path," \
    " kind, job, state, attempts, next_ms, deadline_ms, acknowledged_ms, status, reason," \
    " proven_ms, study_uid, coalesce((SELECT o.series_uid FROM object o WHERE o.sop_uid =" \
    " delivery.sop_uid LIMIT 1), (SELECT i.series_uid FROM instance i WHERE i.sop_uid =" \
    " delivery.sop_uid LIMIT 1), '') FROM delivery "

static bool delivery_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_delivery delivery = { .id = sqlite3_column_int64(row, 0) };

    text_column(row, 1, delivery.peer, sizeof delivery.peer);
    text_column(row, 2, delivery.sop_class_uid, sizeof delivery.sop_class_uid);
    text_column(row, 3, delivery.sop_uid, sizeof delivery.sop_uid);
    text_column(row, 4, delivery.transfer_syntax, sizeof delivery.transfer_syntax);
    text_column(row, 5, delivery.path, sizeof delivery.path);
    text_column(row, 6, delivery.kind, sizeof delivery.kind);
    delivery.job = sqlite3_column_int64(row, 7);
    delivery.state = (enum delivery_state)sqlite3_column_int(row, 8);
    delivery.attempts = sqlite3_column_int(row, 9);
    delivery.next_ms = sqlite3_column_int64(row, 10);
    delivery.deadline_ms = sqlite3_column_int64(row, 11);
    delivery.acknowledged_ms = sqlite3_column_int64(row, 12);
    delivery.status = sqlite3_column_int(row, 13);
    delivery.reason = text_of(row, 14);
    delivery.proven_ms = sqlite3_column_int64(row, 15);
    text_column(row, 16, delivery.study_uid, sizeof delivery.study_uid);
    text_column(row, 17, delivery.series_uid, sizeof delivery.series_uid);
    return (*(store_delivery_fn *)each)(&delivery, context);
}

bool store_queue_originals(struct store *store, const char *series_uid, const char *peer,
                           int64_t now_ms, int64_t deadline_ms, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "INSERT INTO delivery(peer, study_uid, sop_class_uid, sop_uid,"
                   " transfer_syntax, path, kind, job, state, next_ms, deadline_ms)"
                   " SELECT ?, study_uid, sop_class_uid, sop_uid, transfer_syntax, path,"
                   " 'original', 0, 0, ?, ? FROM instance i WHERE series_uid = ? AND "
                   STORE_COUNTS " ORDER BY id"
                   " ON CONFLICT DO NOTHING", "tiit", peer, now_ms, deadline_ms, series_uid);

    return end(store, good, err);
}

bool store_take_deliveries(struct store *store, const char *peer, int64_t now_ms, int limit,
                           store_delivery_fn each, void *context, struct error *err)
{
    int64_t due = 0;

    lock(store);
    if (!number(store, err, 0, &due, "SELECT 1 FROM delivery WHERE peer = ? AND state = 0"
                " AND next_ms <= ? LIMIT 1", "ti", peer, now_ms))
        return unlock(store, false);
    unlock(store, true);
    if (due == 0)
        return true;
    const bool good = begin(store, err)
        && list(store, err, delivery_row, &each, context, DELIVERY_COLUMNS "WHERE peer = ?"
                " AND state = 0 AND next_ms <= ? ORDER BY id LIMIT ?", "tii", peer, now_ms,
                (int64_t)limit)
        && execute(store, err, "UPDATE delivery SET state = 1 WHERE id IN (SELECT id FROM"
                   " delivery WHERE peer = ? AND state = 0 AND next_ms <= ? ORDER BY id"
                   " LIMIT ?)", "tii", peer, now_ms, (int64_t)limit);
    return end(store, good, err);
}

bool store_release_deliveries(struct store *store, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET state = 0 WHERE state = 1", "");

    return end(store, good, err);
}

bool store_acknowledge_delivery(struct store *store, int64_t id, int64_t now_ms, int status,
                                struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET state = 2, attempts = attempts + 1,"
                   " acknowledged_ms = ?, status = ?, reason = '', transaction_uid = '',"
                   " next_ms = 0 WHERE id = ?", "iii",
                   now_ms, (int64_t)status, id);

    return end(store, good, err);
}

/* A delivery that was superseded while it was on its way stays so. */
bool store_retry_delivery(struct store *store, int64_t id, int64_t next_ms, int status,
                          const char *reason, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET state = ?, attempts = attempts + 1,"
                   " next_ms = ?, status = ?, reason = ?, transaction_uid = ''"
                   " WHERE id = ? AND state <> 4",
                   "iiiti", (int64_t)(next_ms == 0 ? DELIVERY_FAILED : DELIVERY_QUEUED),
                   next_ms, (int64_t)status, reason, id);

    return end(store, good, err);
}

bool store_postpone_delivery(struct store *store, int64_t id, int64_t next_ms,
                             struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET state = 0, next_ms = ? WHERE id = ?"
                   " AND state = 1", "ii", next_ms, id);

    return end(store, good, err);
}

bool store_next_delivery_ms(struct store *store, const char *peer, int64_t *ret_ms,
                            struct error *err)
{
    lock(store);
    return unlock(store, number(store, err, INT64_MAX, ret_ms, "SELECT next_ms FROM delivery"
                                " WHERE peer = ? AND state = 0 ORDER BY next_ms LIMIT 1",
                                "t", peer));
}

bool store_resend_study(struct store *store, const char *study_uid, int64_t now_ms,
                        int64_t deadline_ms, int *ret_count, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET state = 0, next_ms = ?, deadline_ms = ?"
                   " WHERE study_uid = ? AND state IN (0, 2, 3, 5, 6) AND job IN"
                   " (SELECT id FROM job WHERE state = 2)", "iit", now_ms, deadline_ms,
                   study_uid);

    *ret_count = good ? sqlite3_changes(store->database) : 0;
    return end(store, good, err);
}

bool store_each_delivery(struct store *store, const char *study_uid, store_delivery_fn each,
                         void *context, struct error *err)
{
    lock(store);
    return unlock(store, study_uid == NULL
        ? list(store, err, delivery_row, &each, context,
               DELIVERY_COLUMNS "WHERE state IN (0, 1, 3) ORDER BY id", "")
        : list(store, err, delivery_row, &each, context,
               DELIVERY_COLUMNS "WHERE study_uid = ? ORDER BY id", "t", study_uid));
}

/* ---- proof ---- */

bool store_each_unproven(struct store *store, const char *peer, int limit,
                         store_delivery_fn each, void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, delivery_row, &each, context, DELIVERY_COLUMNS
                              "WHERE peer = ? AND state = 2 AND transaction_uid = ''"
                              " ORDER BY id LIMIT ?", "ti", peer, (int64_t)limit));
}

bool store_ask_proof(struct store *store, int64_t id, const char *transaction_uid,
                     int64_t until_ms, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET transaction_uid = ?, next_ms = ?"
                   " WHERE id = ? AND state = 2", "tii", transaction_uid, until_ms, id);

    return end(store, good, err);
}

bool store_prove_delivery(struct store *store, int64_t id, enum delivery_state state,
                          int64_t now_ms, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET state = ?, proven_ms = ?, reason = ''"
                   " WHERE id = ? AND state = 2", "iii", (int64_t)state, now_ms, id);

    return end(store, good, err);
}

bool store_take_report(struct store *store, const char *peer, const char *transaction_uid,
                       const char *sop_uid, bool committed, const char *reason,
                       int64_t now_ms, int64_t next_ms, bool *ret_known, struct error *err)
{
    bool good = begin(store, err);

    if (good && committed)
        good = execute(store, err, "UPDATE delivery SET state = 5, proven_ms = ?, reason = ''"
                       " WHERE peer = ? AND transaction_uid = ? AND sop_uid = ? AND state = 2",
                       "ittt", now_ms, peer, transaction_uid, sop_uid);
    else if (good)
        good = execute(store, err, "UPDATE delivery SET state = 0, next_ms = ?, reason = ?,"
                       " transaction_uid = '' WHERE peer = ? AND transaction_uid = ?"
                       " AND sop_uid = ? AND state = 2", "itttt", next_ms, reason, peer,
                       transaction_uid, sop_uid);
    *ret_known = good && sqlite3_changes(store->database) > 0;
    return end(store, good, err);
}

bool store_expire_proofs(struct store *store, const char *peer, int64_t now_ms,
                         int *ret_count, struct error *err)
{
    int64_t due = 0;

    *ret_count = 0;
    lock(store);
    bool good = number(store, err, 0, &due, "SELECT 1 FROM delivery WHERE peer = ? AND"
                       " state = 2 AND transaction_uid <> '' AND next_ms <= ?"
                       " AND deadline_ms > ? LIMIT 1", "tii", peer, now_ms, now_ms);
    unlock(store, true);
    if (!good || due == 0)
        return good;
    good = begin(store, err)
        && execute(store, err, "UPDATE delivery SET state = 0, transaction_uid = '', reason ="
                   " 'the storage commitment was not answered', next_ms = ? WHERE peer = ?"
                   " AND state = 2 AND transaction_uid <> '' AND next_ms <= ?"
                   " AND deadline_ms > ?", "itii", now_ms, peer, now_ms, now_ms);
    *ret_count = good ? sqlite3_changes(store->database) : 0;
    return end(store, good, err);
}

bool store_queue_commitment(struct store *store, const char *peer, const char *transaction_uid,
                            const char *items, int64_t now_ms, int64_t deadline_ms,
                            struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "INSERT INTO commitment(peer, transaction_uid, items, next_ms,"
                   " deadline_ms) VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", "tttii", peer,
                   transaction_uid, items, now_ms, deadline_ms);

    return end(store, good, err);
}

static bool commitment_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_commitment commitment = { .id = sqlite3_column_int64(row, 0) };

    text_column(row, 1, commitment.peer, sizeof commitment.peer);
    text_column(row, 2, commitment.transaction_uid, sizeof commitment.transaction_uid);
    commitment.items = text_of(row, 3);
    commitment.attempts = sqlite3_column_int(row, 4);
    return (*(store_commitment_fn *)each)(&commitment, context);
}

bool store_each_commitment(struct store *store, const char *peer, int64_t now_ms, int limit,
                           store_commitment_fn each, void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, commitment_row, &each, context,
                              "SELECT id, peer, transaction_uid, items, attempts FROM"
                              " commitment WHERE peer = ? AND open = 1 AND next_ms <= ?"
                              " ORDER BY id LIMIT ?", "tii", peer, now_ms, (int64_t)limit));
}

bool store_end_commitment(struct store *store, int64_t id, int64_t next_ms,
                          const char *reason, struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "UPDATE commitment SET open = (? > 0 AND ? < deadline_ms),"
                   " next_ms = ?, attempts = attempts + 1, reason = ? WHERE id = ?", "iiiti",
                   next_ms, next_ms, next_ms, reason, id);

    return end(store, good, err);
}

static bool class_row(sqlite3_stmt *row, void *each, void *context)
{
    (void)each;
    text_column(row, 0, context, TEXT_UID_SIZE);
    return false;
}

bool store_class_of(struct store *store, const char *sop_uid,
                    char ret_class_uid[TEXT_UID_SIZE], struct error *err)
{
    ret_class_uid[0] = '\0';
    lock(store);
    const bool good = list(store, err, class_row, NULL, ret_class_uid,
                           "SELECT sop_class_uid FROM instance WHERE sop_uid = ?1"
                           " UNION ALL SELECT sop_class_uid FROM object WHERE sop_uid = ?1"
                           " LIMIT 1", "t", sop_uid);
    unlock(store, true);
    return good && (ret_class_uid[0] != '\0'
                    || error_set(err, ERROR_NOT_FOUND, "no such object"));
}

/* ---- files ---- */

struct files {
    store_file_fn each;
    void *context;
};

static bool file_row(sqlite3_stmt *row, void *each, void *context)
{
    const struct files *const files = each;

    (void)context;
    return files->each(text_of(row, 0), text_of(row, 1), sqlite3_column_int(row, 2) != 0,
                       files->context);
}

bool store_each_file(struct store *store, store_file_fn each, void *context, struct error *err)
{
    struct files files = { each, context };

    lock(store);
    return unlock(store, list(store, err, file_row, &files, NULL,
                              "SELECT path, sha256, 0 FROM instance UNION ALL"
                              " SELECT 'results/' || job || '/' || name, sha256, 1 FROM object",
                              ""));
}

bool store_has_file(struct store *store, const char *sha256, bool *ret_has, struct error *err)
{
    int64_t found = 0;

    lock(store);
    const bool good = number(store, err, 0, &found, "SELECT 1 FROM instance WHERE sha256 = ?"
                             " LIMIT 1", "t", sha256);
    *ret_has = found != 0;
    return unlock(store, good);
}

static bool restore_row(struct store *store, const struct store_job *job, struct error *err)
{
    return execute(store, err, "INSERT INTO job(id, study_uid, series_uid, key, created, rule,"
                   " analysis, parameters, deliver_to, series_number, priority, state,"
                   " queued_ms, started_ms, finished_ms, reason, findings)"
                   " VALUES(?,?,?,?,?,?,?,?,?,?,?,5,?,?,?,?,?)", "ittttttttiiiiitt", job->id,
                   job->study_uid, job->series_uid, job->key, job->created, job->rule,
                   job->analysis, job->parameters, job->deliver_to,
                   (int64_t)job->series_number, (int64_t)job->priority, job->queued_ms,
                   job->queued_ms, job->queued_ms, job->reason, job->findings);
}

static bool restore_deliveries(struct store *store, const struct store_job *job,
                               const struct store_object *objects, size_t count,
                               int64_t deadline_ms, struct error *err)
{
    json_t *const names = json_loads(job->deliver_to, 0, NULL);
    bool good = true;

    for (size_t n = 0; n < json_array_size(names); n++)
        for (size_t i = 0; good && i < count; i++)
            good = objects[i].sop_uid[0] == '\0'
                || insert_delivery(store, job->id, json_string_value(json_array_get(names, n)),
                                   &objects[i], job->queued_ms, deadline_ms, err);
    json_decref(names);
    return good && execute(store, err, "UPDATE delivery SET state = 4 WHERE job = ?", "i",
                           job->id);
}

bool store_restore_job(struct store *store, const struct store_job *job,
                       const struct store_object *objects, size_t count, int64_t deadline_ms,
                       struct error *err)
{
    bool good = begin(store, err) && restore_row(store, job, err);

    for (size_t i = 0; good && i < count; i++)
        good = insert_object(store, job->id, &objects[i], err);
    good = good && restore_deliveries(store, job, objects, count, deadline_ms, err);
    return end(store, good, err);
}

/* ---- keeping: duplicates, checks, retention ---- */

static bool duplicate_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_duplicate duplicate = { .received_ms = sqlite3_column_int64(row, 2) };

    text_column(row, 0, duplicate.sop_uid, sizeof duplicate.sop_uid);
    text_column(row, 1, duplicate.series_uid, sizeof duplicate.series_uid);
    text_column(row, 3, duplicate.calling_ae, sizeof duplicate.calling_ae);
    duplicate.differs = text_of(row, 4);
    duplicate.counts = sqlite3_column_int(row, 5) != 0;
    return (*(store_duplicate_fn *)each)(&duplicate, context);
}

bool store_each_duplicate(struct store *store, const char *study_uid, store_duplicate_fn each,
                          void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, duplicate_row, &each, context,
        "SELECT sop_uid, series_uid, received_ms, calling_ae, differs, " STORE_COUNTS
        " FROM instance i WHERE sop_uid IN (SELECT f.sop_uid FROM instance f"
        " WHERE f.study_uid = ? AND f.differs <> '') ORDER BY sop_uid, received_ms, id", "t",
        study_uid));
}

bool store_set_duplicates(struct store *store, bool last, struct error *err)
{
    const char *const value = last ? "last" : "first";
    int64_t same = 0;
    bool good = begin(store, err)
        && number(store, err, !last, &same, "SELECT value = ? FROM note WHERE name ="
                  " 'duplicates'", "t", value);

    if (good && !same)
        good = execute(store, err, "INSERT INTO note VALUES('duplicates', ?) ON CONFLICT(name)"
                       " DO UPDATE SET value = excluded.value", "t", value)
            && execute(store, err, "UPDATE study SET state = 0 WHERE study_uid IN (SELECT"
                       " study_uid FROM instance WHERE differs <> '')", "");
    return end(store, good, err);
}

static bool check_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_check check = { .result = sqlite3_column_int(row, 0) != 0,
                                 .id = sqlite3_column_int64(row, 1),
                                 .size = sqlite3_column_int64(row, 4) };

    text_column(row, 2, check.path, sizeof check.path);
    text_column(row, 3, check.sha256, sizeof check.sha256);
    return (*(store_check_fn *)each)(&check, context);
}

bool store_each_unchecked(struct store *store, int64_t before_ms, int limit,
                          store_check_fn each, void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, check_row, &each, context,
        "SELECT 0, id, path, sha256, size, checked_ms FROM instance WHERE checked_ms < ?1"
        " AND damage = '' UNION ALL SELECT 1, id, 'results/' || job || '/' || name, sha256,"
        " size, checked_ms FROM object WHERE checked_ms < ?1 AND damage = ''"
        " ORDER BY checked_ms LIMIT ?2", "ii", before_ms, (int64_t)limit));
}

static bool mark(struct store *store, const struct store_check *check, int64_t now_ms,
                 const char *damage, struct error *err)
{
    return check->result
        ? execute(store, err, "UPDATE object SET checked_ms = ?, damage = ? WHERE id = ?",
                  "iti", now_ms, damage, check->id)
        : execute(store, err, "UPDATE instance SET checked_ms = ?, damage = ? WHERE id = ?",
                  "iti", now_ms, damage, check->id);
}

bool store_mark_checked(struct store *store, const struct store_check *batch, size_t count,
                        int64_t now_ms, struct error *err)
{
    bool good = begin(store, err);

    for (size_t i = 0; good && i < count; i++)
        good = mark(store, &batch[i], now_ms, "", err);
    return end(store, good, err);
}

bool store_mark_damaged(struct store *store, const struct store_check *check, int64_t now_ms,
                        const char *damage, struct error *err)
{
    return end(store, begin(store, err) && mark(store, check, now_ms, damage, err), err);
}

static bool damage_row(sqlite3_stmt *row, void *each, void *context)
{
    return (*(store_damage_fn *)each)(text_of(row, 0), text_of(row, 1), text_of(row, 2),
                                      sqlite3_column_int64(row, 3), context);
}

bool store_each_damage(struct store *store, store_damage_fn each, void *context,
                       struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, damage_row, &each, context,
        "SELECT path, damage, study_uid, checked_ms FROM instance WHERE damage <> ''"
        " UNION ALL SELECT 'results/' || o.job || '/' || o.name, o.damage, j.study_uid,"
        " o.checked_ms FROM object o JOIN job j ON j.id = o.job WHERE o.damage <> ''", ""));
}

bool store_count_kept(struct store *store, struct store_kept *ret_kept, struct error *err)
{
    struct store_kept kept = { .damaged = 0 };

    lock(store);
    const bool good
        = number(store, err, 0, &kept.damaged, "SELECT (SELECT count(*) FROM instance WHERE"
                 " damage <> '') + (SELECT count(*) FROM object WHERE damage <> '')", "")
        && number(store, err, 0, &kept.duplicates, "SELECT count(*) FROM instance WHERE"
                  " differs <> ''", "")
        && number(store, err, 0, &kept.unchecked, "SELECT (SELECT count(*) FROM instance WHERE"
                  " checked_ms = 0) + (SELECT count(*) FROM object WHERE checked_ms = 0)", "")
        && number(store, err, 0, &kept.oldest_ms, "SELECT min(checked_ms) FROM instance", "")
        && number(store, err, 0, &kept.held, "SELECT count(*) FROM hold", "")
        && number(store, err, 0, &kept.removed, "SELECT count(*) FROM removed", "");
    *ret_kept = kept;
    return unlock(store, good);
}

/* ---- priors ---- */

bool store_add_wish(struct store *store, const struct store_wish *wish, struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "INSERT INTO wish(study_uid, peer, patient_id, birth_date,"
                          " study_date, modality, body_part, count, within_days, deadline_ms)"
                          " VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING", "tttttttiii",
                          wish->study_uid, wish->peer, wish->patient_id, wish->birth_date,
                          wish->study_date, wish->modality, wish->body_part, (int64_t)wish->count,
                          (int64_t)wish->within_days, wish->deadline_ms), err);
}

bool store_waits_for_wishes(struct store *store, const char *study_uid, int64_t now_ms,
                            bool *ret_waits, struct error *err)
{
    int64_t waits = 0;

    lock(store);
    const bool good = number(store, err, 0, &waits, "SELECT count(*) FROM wish WHERE study_uid = ?"
                             " AND open = 1 AND deadline_ms > ?", "ti", study_uid, now_ms);
    *ret_waits = waits > 0;
    return unlock(store, good);
}

static bool wish_row(sqlite3_stmt *row, void *each, void *context)
{
    struct store_wish *const wish = context;

    (void)each;
    text_column(row, 0, wish->study_uid, sizeof wish->study_uid);
    text_column(row, 1, wish->peer, sizeof wish->peer);
    text_column(row, 2, wish->patient_id, sizeof wish->patient_id);
    text_column(row, 3, wish->birth_date, sizeof wish->birth_date);
    text_column(row, 4, wish->study_date, sizeof wish->study_date);
    text_column(row, 5, wish->modality, sizeof wish->modality);
    text_column(row, 6, wish->body_part, sizeof wish->body_part);
    wish->count = sqlite3_column_int(row, 7);
    wish->within_days = sqlite3_column_int(row, 8);
    wish->deadline_ms = sqlite3_column_int64(row, 9);
    return false;
}

bool store_take_wish(struct store *store, const char *peer, int64_t now_ms,
                     struct store_wish *ret_wish, bool *ret_found, struct error *err)
{
    ret_wish->study_uid[0] = '\0';
    lock(store);
    const bool good = list(store, err, wish_row, NULL, ret_wish,
        "SELECT study_uid, peer, patient_id, birth_date, study_date, modality, body_part, count,"
        " within_days, deadline_ms FROM wish WHERE peer = ? AND open = 1 AND deadline_ms > ?"
        " ORDER BY deadline_ms LIMIT 1", "ti", peer, now_ms);
    *ret_found = ret_wish->study_uid[0] != '\0';
    return unlock(store, good);
}

bool store_grant_wish(struct store *store, const struct store_wish *wish, const char *reason,
                      struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "UPDATE wish SET open = 0, reason = ? WHERE study_uid = ?"
                          " AND peer = ?", "ttt", reason, wish->study_uid, wish->peer), err);
}

static bool wish_told(sqlite3_stmt *row, void *each, void *context)
{
    char peer[65], reason[300];

    text_column(row, 0, peer, sizeof peer);
    text_column(row, 2, reason, sizeof reason);
    return (*(store_wish_fn *)each)(peer, sqlite3_column_int(row, 1) != 0, reason, context);
}

bool store_each_wish(struct store *store, const char *study_uid, store_wish_fn each,
                     void *context, struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, wish_told, &each, context, "SELECT peer, open, CASE"
                              " WHEN open = 1 AND deadline_ms < unixepoch() * 1000 THEN"
                              " 'no priors: the deadline was over' ELSE reason END"
                              " FROM wish WHERE study_uid = ? ORDER BY peer", "t", study_uid));
}

bool store_mark_prior(struct store *store, const char *study_uid, const char *of_study,
                      int64_t now_ms, struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "INSERT INTO prior VALUES(?,?,?) ON CONFLICT(study_uid) DO"
                          " UPDATE SET of_study = excluded.of_study", "tti", study_uid, of_study,
                          now_ms), err);
}

bool store_unmark_prior(struct store *store, const char *study_uid, struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "DELETE FROM prior WHERE study_uid = ?", "t", study_uid),
               err);
}

static bool prior_row(sqlite3_stmt *row, void *each, void *context)
{
    (void)each;
    text_column(row, 0, context, TEXT_UID_SIZE);
    return false;
}

bool store_prior_of(struct store *store, const char *study_uid, char ret_study[TEXT_UID_SIZE],
                    struct error *err)
{
    ret_study[0] = '\0';
    lock(store);
    return unlock(store, list(store, err, prior_row, NULL, ret_study,
                              "SELECT of_study FROM prior WHERE study_uid = ?", "t", study_uid));
}

bool store_reopen_study(struct store *store, const char *study_uid, struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "UPDATE study SET state = 0 WHERE study_uid = ?", "t",
                          study_uid), err);
}

bool store_hold(struct store *store, const char *study_uid, int64_t now_ms, struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "INSERT INTO hold VALUES(?, ?) ON CONFLICT DO NOTHING",
                          "ti", study_uid, now_ms), err);
}

bool store_release_hold(struct store *store, const char *study_uid, struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "DELETE FROM hold WHERE study_uid = ?", "t", study_uid),
               err);
}

bool store_is_held(struct store *store, const char *study_uid, bool *ret_is, struct error *err)
{
    int64_t is = 0;

    lock(store);
    const bool good = number(store, err, 0, &is, "SELECT 1 FROM hold WHERE study_uid = ?", "t",
                             study_uid);
    *ret_is = is != 0;
    return unlock(store, good);
}

bool store_set_retention(struct store *store, const char *series_uid, int days,
                         struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "UPDATE series SET keep_days = ?1 WHERE series_uid = ?2"
                          " AND keep_days <> ?1", "it", (int64_t)days, series_uid), err);
}

/* States 4 to 6 are superseded, committed and seen; 2 is acknowledged. */
#define EXPIRED "SELECT s.series_uid, s.study_uid FROM series s JOIN study t ON t.study_uid = s.study_uid" \
    " WHERE s.keep_days > 0 AND t.state = 1 AND t.last_ms + s.keep_days * 86400000 <= ?1" \
    " AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.study_uid = s.study_uid)" \
    " AND NOT EXISTS (SELECT 1 FROM job j WHERE j.study_uid = s.study_uid" \
    " AND j.state IN (0, 1, 4))" \
    " AND NOT EXISTS (SELECT 1 FROM prior p WHERE p.study_uid = s.study_uid AND (EXISTS (SELECT 1" \
    " FROM study q WHERE q.study_uid = p.of_study AND q.state = 0) OR EXISTS (SELECT 1 FROM job j" \
    " WHERE j.study_uid = p.of_study AND j.state IN (0, 1, 4)) OR EXISTS (SELECT 1 FROM delivery d" \
    " WHERE d.study_uid = p.of_study AND d.state NOT IN (4, 5, 6) AND NOT (d.state = 2" \
    " AND d.peer IN (SELECT value FROM json_each(?2))))))" \
    " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.study_uid = s.study_uid" \
    " AND d.state NOT IN (4, 5, 6) AND NOT (d.state = 2 AND d.peer IN (SELECT value FROM" \
    " json_each(?2)))) AND NOT EXISTS (SELECT 1 FROM commitment c WHERE c.open = 1) LIMIT 1"

struct expired {
    char series_uid[TEXT_UID_SIZE], study_uid[TEXT_UID_SIZE];
};

static bool expired_row(sqlite3_stmt *row, void *each, void *context)
{
    struct expired *const expired = context;

    (void)each;
    text_column(row, 0, expired->series_uid, sizeof expired->series_uid);
    text_column(row, 1, expired->study_uid, sizeof expired->study_uid);
    return false;
}

/* Rows of instances first: which files go is remembered before they are forgotten. */
static bool remove_series(struct store *store, const struct expired *expired, int64_t now_ms,
                          struct error *err)
{
    const char *const uid = expired->series_uid;

    return execute(store, err, "INSERT OR REPLACE INTO removed SELECT path, received_ms, ?, 1"
                   " FROM instance WHERE series_uid = ?", "it", now_ms, uid)
        && execute(store, err, "INSERT OR REPLACE INTO removed SELECT 'results/' || id,"
                   " queued_ms, ?, 2 FROM job WHERE series_uid = ?", "it", now_ms, uid)
        && execute(store, err, "DELETE FROM delivery WHERE job IN (SELECT id FROM job WHERE"
                   " series_uid = ?1) OR (job = 0 AND study_uid = (SELECT study_uid FROM series"
                   " WHERE series_uid = ?1) AND path IN (SELECT path FROM instance WHERE"
                   " series_uid = ?1))", "t", uid)
        && execute(store, err, "DELETE FROM object WHERE job IN (SELECT id FROM job WHERE"
                   " series_uid = ?)", "t", uid)
        && execute(store, err, "DELETE FROM job WHERE series_uid = ?", "t", uid)
        && execute(store, err, "DELETE FROM instance WHERE series_uid = ?", "t", uid)
        && execute(store, err, "DELETE FROM series WHERE series_uid = ?", "t", uid)
        && execute(store, err, "DELETE FROM study WHERE study_uid = ? AND NOT EXISTS (SELECT 1"
                   " FROM series s WHERE s.study_uid = study.study_uid)", "t",
                   expired->study_uid);
}

bool store_remove_expired(struct store *store, int64_t now_ms, const char *stored_is_proof,
                          char ret_series[TEXT_UID_SIZE], struct error *err)
{
    struct expired expired = { .series_uid = "" };

    lock(store);                        /* mostly there is nothing, and nothing is written */
    bool good = list(store, err, expired_row, NULL, &expired, EXPIRED, "it", now_ms,
                     stored_is_proof);
    unlock(store, true);
    if (good && expired.series_uid[0] != '\0') {
        expired.series_uid[0] = '\0';   /* it is looked for again, where nobody else writes */
        good = begin(store, err)
            && list(store, err, expired_row, NULL, &expired, EXPIRED, "it", now_ms,
                    stored_is_proof)
            && (expired.series_uid[0] == '\0'
                || remove_series(store, &expired, now_ms, err));
        good = end(store, good, err);
    }
    memcpy(ret_series, expired.series_uid, TEXT_UID_SIZE);
    return good;
}

static bool removed_row(sqlite3_stmt *row, void *each, void *context)
{
    return (*(store_removed_fn *)each)(text_of(row, 0), sqlite3_column_int(row, 1) == 2,
                                       context);
}

bool store_each_removed(struct store *store, int limit, store_removed_fn each, void *context,
                        struct error *err)
{
    lock(store);
    return unlock(store, list(store, err, removed_row, &each, context,
        "SELECT path, pending FROM removed WHERE pending > 0 AND NOT EXISTS (SELECT 1 FROM"
        " instance i WHERE i.sha256 = replace(substr(removed.path, 9, 65), '/', '')) LIMIT ?",
        "i", (int64_t)limit));
}

bool store_end_removal(struct store *store, const char *path, struct error *err)
{
    return end(store, begin(store, err)
               && execute(store, err, "UPDATE removed SET pending = 0 WHERE path = ?", "t",
                          path), err);
}

/* ---- the whole ---- */

static bool count_row(sqlite3_stmt *row, void *each, void *context)
{
    int64_t *const counts = context;
    const int state = sqlite3_column_int(row, 0);

    (void)each;
    counts[state] = sqlite3_column_int64(row, 1);
    return true;
}

bool store_count(struct store *store, struct store_counts *ret_counts, struct error *err)
{
    struct store_counts counts = { .studies = 0 };

    lock(store);
    const bool good
        = number(store, err, 0, &counts.studies, "SELECT count(*) FROM study", "")
        && number(store, err, 0, &counts.series, "SELECT count(*) FROM series", "")
        && number(store, err, 0, &counts.instances, "SELECT count(*) FROM instance", "")
        && list(store, err, count_row, NULL, counts.jobs,
                "SELECT state, count(*) FROM job GROUP BY state", "")
        && list(store, err, count_row, NULL, counts.deliveries,
                "SELECT state, count(*) FROM delivery GROUP BY state", "");
    *ret_counts = counts;
    return unlock(store, good);
}

bool store_set_note(struct store *store, const char *name, const char *value,
                    struct error *err)
{
    const bool good = begin(store, err)
        && execute(store, err, "INSERT INTO note VALUES(?, ?) ON CONFLICT(name)"
                   " DO UPDATE SET value = excluded.value", "tt", name, value);

    return end(store, good, err);
}

struct note {
    char *buffer;
    size_t size;
};

static bool note_row(sqlite3_stmt *row, void *each, void *context)
{
    const struct note *const note = context;

    (void)each;
    text_column(row, 0, note->buffer, note->size);
    return false;
}

bool store_note(struct store *store, const char *name, char *buffer, size_t size,
                struct error *err)
{
    struct note note = { buffer, size };

    buffer[0] = '\0';
    lock(store);
    return unlock(store, list(store, err, note_row, NULL, &note,
                              "SELECT value FROM note WHERE name = ?", "t", name));
}
