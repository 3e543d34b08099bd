/* Store query: one SELECT a level, whose WHERE is put together of what the filter has. */
#include "daemon/store_query.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

#define BUSY_TIMEOUT_MS 10000
#define MAX_SQL 8192
#define MAX_BOUND 8

struct store_reader {
    sqlite3 *database;
};

struct store_reader *store_reader_open(const char *data_dir, struct error *err)
{
    char path[1100];
    struct store_reader *const reader = calloc(1, sizeof *reader);

    if (reader == NULL || !text_format(path, sizeof path, "%s/index.db", data_dir)) {
        free(reader);
        return error_null(err, ERROR_MEMORY, "a reader of the index");
    }
    if (sqlite3_open_v2(path, &reader->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK
        || sqlite3_exec(reader->database, "PRAGMA query_only=1", NULL, NULL, NULL)
           != SQLITE_OK) {
        error_set(err, ERROR_IO, "index: %s", sqlite3_errmsg(reader->database));
        store_reader_close(reader);
        return NULL;
    }
    sqlite3_busy_timeout(reader->database, BUSY_TIMEOUT_MS);
    return reader;
}

void store_reader_close(struct store_reader *reader)
{
    if (reader != NULL)
        sqlite3_close(reader->database);
    free(reader);
}

/* ---- the statement ---- */

/*
 * Current results: of jobs that are done and that their series names. State 2 is JOB_DONE.
 * MODALITY is what the objects themselves say.
 */
#define RESULTS "object o JOIN job j ON j.id = o.job AND j.state = 2" \
    " JOIN series e ON e.series_uid = j.series_uid AND e.job = j.id AND o.sop_uid <> ''"
#define MODALITY "CASE o.kind WHEN 'seg' THEN 'SEG' WHEN 'sr' THEN 'SR' ELSE 'OT' END"
#define DESCRIPTION "CASE o.kind WHEN 'seg' THEN 'tumord candidate regions, not for diagnosis'" \
    " WHEN 'sr' THEN 'tumord measurements, not for diagnosis'" \
    " ELSE 'tumord pictures, not for diagnosis' END"
#define NUMBER "j.series_number + CASE o.kind WHEN 'seg' THEN 0 WHEN 'sr' THEN 20 ELSE 30 END"
#define TAGS_OF_STUDY "(SELECT i.tags FROM instance i WHERE i.study_uid = s.study_uid LIMIT 1)"
#define TAGS_OF_SERIES "(SELECT i.tags FROM instance i WHERE i.series_uid = e.series_uid LIMIT 1)"
#define SERIES_OF_STUDY "(SELECT count(*) FROM series e WHERE e.study_uid = s.study_uid)" \
    " + (SELECT count(DISTINCT o.series_uid) FROM " RESULTS " WHERE j.study_uid = s.study_uid)"
#define INSTANCES_OF_STUDY "(SELECT count(DISTINCT i.sop_uid) FROM instance i" \
    " WHERE i.study_uid = s.study_uid)" \
    " + (SELECT count(*) FROM " RESULTS " WHERE j.study_uid = s.study_uid)"
#define MODALITIES "(SELECT replace(group_concat(DISTINCT m), ',', '\\') FROM (" \
    "SELECT e.modality AS m FROM series e WHERE e.study_uid = s.study_uid AND e.modality <> ''" \
    " UNION SELECT " MODALITY " FROM " RESULTS " WHERE j.study_uid = s.study_uid))"
#define CLASSES "(SELECT replace(group_concat(DISTINCT c), ',', '\\') FROM (" \
    "SELECT (SELECT i.sop_class_uid FROM instance i WHERE i.series_uid = e.series_uid LIMIT 1)" \
    " AS c FROM series e WHERE e.study_uid = s.study_uid" \
    " UNION SELECT o.sop_class_uid FROM " RESULTS " WHERE j.study_uid = s.study_uid))"

/*
 * Columns, in the order of enum column. %s is the WHERE of originals, then of results. Which of
 * a series' instances a result is drawn from does not matter: patient and study are the same.
 */
static const char *const selects[] = {
    /* STORE_PATIENT */
    "SELECT " TAGS_OF_STUDY ", s.study_uid, '', '', '', '', '', '', '', 0, 0, count(*),"
    " sum(" SERIES_OF_STUDY "), sum(" INSTANCES_OF_STUDY "), '', ''"
    " FROM study s WHERE %s GROUP BY s.patient_id",
    /* STORE_STUDY */
    "SELECT " TAGS_OF_STUDY ", s.study_uid, '', '', '', '', '', '', '', 0, 0, 1, "
    SERIES_OF_STUDY ", " INSTANCES_OF_STUDY ", " MODALITIES ", " CLASSES
    " FROM study s WHERE %s",
    /* STORE_SERIES */
    "SELECT " TAGS_OF_SERIES ", s.study_uid, e.series_uid, e.modality, e.description, '', '', '',"
    " '', 0, 0, 1, 1, (SELECT count(DISTINCT i.sop_uid) FROM instance i"
    " WHERE i.series_uid = e.series_uid), '', ''"
    " FROM study s JOIN series e ON e.study_uid = s.study_uid WHERE %s"
    " UNION ALL SELECT " TAGS_OF_SERIES ", s.study_uid, o.series_uid, " MODALITY ", "
    DESCRIPTION ", '', '', '', '', 1, " NUMBER ", 1, 1, count(*), '', ''"
    " FROM " RESULTS " JOIN study s ON s.study_uid = j.study_uid WHERE %s GROUP BY o.series_uid",
    /* STORE_IMAGE */
    "SELECT i.tags, s.study_uid, i.series_uid, e.modality, e.description, i.sop_uid,"
    " i.sop_class_uid, i.transfer_syntax, i.path, 0, 0, 1, 1, 1, '', ''"
    " FROM study s JOIN series e ON e.study_uid = s.study_uid"
    " JOIN instance i ON i.series_uid = e.series_uid WHERE %s"
    " AND " STORE_COUNTS
    " UNION ALL SELECT " TAGS_OF_SERIES ", s.study_uid, o.series_uid, " MODALITY ", "
    DESCRIPTION ", o.sop_uid, o.sop_class_uid, '1.2.840.10008.1.2.1',"
    " 'results/' || j.id || '/' || o.name, 1, " NUMBER ", 1, 1, 1, '', ''"
    " FROM " RESULTS " JOIN study s ON s.study_uid = j.study_uid WHERE %s"
};

enum column { TAGS, STUDY_UID, SERIES_UID, SERIES_MODALITY, SERIES_DESCRIPTION, SOP_UID,
              SOP_CLASS_UID, TRANSFER_SYNTAX, PATH, IS_RESULT, SERIES_NUMBER, STUDY_COUNT,
              SERIES_COUNT, INSTANCE_COUNT, STUDY_MODALITIES, STUDY_CLASSES };

struct where {
    char original[1024], result[1024];
    size_t count;
    char *value[MAX_BOUND];         /* parameters ?1, ?2 … */
    bool failed;
};

/* `condition` has %d for the parameter's number; `result` NULL means the same. */
static void add(struct where *where, const char *original, const char *result, char *value)
{
    char one[256];
    const int number = (int)where->count + 1;
    const size_t at = strlen(where->original), result_at = strlen(where->result);

    if (value == NULL || where->count == MAX_BOUND) {
        where->failed = true;
        free(value);
        return;
    }
    where->value[where->count++] = value;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(one, sizeof one, original, number);
    text_format(where->original + at, sizeof where->original - at, " AND %s", one);
    snprintf(one, sizeof one, result != NULL ? result : original, number);
    text_format(where->result + result_at, sizeof where->result - result_at, " AND %s", one);
#pragma GCC diagnostic pop
}

/* GLOB's own brackets are taken by their letter; what is beyond ASCII may be anything. */
static char *make_pattern(const char *pattern, bool upper)
{
    char *const made = malloc(3 * strlen(pattern) + 1), *at = made;

    for (; made != NULL && *pattern != '\0'; pattern++) {
        const unsigned char letter = (unsigned char)*pattern;
        if (letter == '[') {
            memcpy(at, "[[]", 3);
            at += 3;
        } else if (letter >= 0x80) {
            if (at == made || at[-1] != '*')
                *at++ = '*';
        } else {
            *at++ = (char)(upper && letter >= 'a' && letter <= 'z' ? letter - 32 : letter);
        }
    }
    if (made != NULL)
        *at = '\0';
    return made;
}

static bool is_plain(const char *pattern)
{
    for (; *pattern != '\0'; pattern++)
        if (strchr("*?[", *pattern) != NULL || (unsigned char)*pattern >= 0x80)
            return false;
    return true;
}

/* A column that must equal the text, or match it where that has wildcards. */
static void add_text(struct where *where, const char *column, const char *pattern)
{
    char condition[128];

    if (pattern == NULL)
        return;
    text_format(condition, sizeof condition, is_plain(pattern) ? "s.%s = ?%%d" : "s.%s GLOB ?%%d",
                column);
    add(where, condition, NULL, make_pattern(pattern, false));
}

/* UIDs with '\' between them as a JSON array: nothing in them needs escaping. */
static char *make_list(const char *uids)
{
    const size_t size = 3 * strlen(uids) + 8;
    char *const made = malloc(size);
    size_t at = 2;

    if (made == NULL)
        return NULL;
    text_format(made, size, "[\"");
    for (; *uids != '\0'; uids++)
        if (*uids == '\\') {
            text_format(made + at, size - at, "\",\"");
            at += 3;
        } else if ((*uids >= '0' && *uids <= '9') || *uids == '.') {
            made[at++] = *uids;
        }
    text_format(made + at, size - at, "\"]");
    return made;
}

static void add_list(struct where *where, const char *original, const char *result,
                     const char *uids)
{
    char conditions[2][128];
    const char *const columns[2] = { original, result };

    if (uids == NULL)
        return;
    for (int i = 0; i < 2; i++)
        text_format(conditions[i], sizeof conditions[i],
                    "%s IN (SELECT value FROM json_each(?%%d))", columns[i]);
    add(where, conditions[0], conditions[1], make_list(uids));
}

static void make_where(enum store_level level, const struct store_filter *filter,
                       struct where *where)
{
    *where = (struct where){ .original = "1", .result = "1" };
    add_text(where, "patient_id", filter->patient_id);
    add_text(where, "accession", filter->accession);
    if (filter->patient_name != NULL)
        add(where, "upper(s.patient_name) GLOB ?%d", NULL,
            make_pattern(filter->patient_name, true));
    if (filter->date_from != NULL)
        add(where, "s.study_date >= ?%d", NULL, strdup(filter->date_from));
    if (filter->date_to != NULL)
        add(where, "s.study_date <= ?%d", NULL, strdup(filter->date_to));
    add_list(where, "s.study_uid", "s.study_uid", filter->study_uids);
    if (level >= STORE_SERIES)
        add_list(where, "e.series_uid", "o.series_uid", filter->series_uids);
    if (level == STORE_IMAGE)
        add_list(where, "i.sop_uid", "o.sop_uid", filter->sop_uids);
}

/* ---- hits ---- */

static const char *text_of(sqlite3_stmt *row, enum column column)
{
    const char *const text = (const char *)sqlite3_column_text(row, column);

    return text == NULL ? "" : text;
}

static struct store_hit hit_of(sqlite3_stmt *row)
{
    return (struct store_hit){
        .tags = text_of(row, TAGS), .study_uid = text_of(row, STUDY_UID),
        .series_uid = text_of(row, SERIES_UID), .modality = text_of(row, SERIES_MODALITY),
        .series_description = text_of(row, SERIES_DESCRIPTION),
        .sop_uid = text_of(row, SOP_UID), .sop_class_uid = text_of(row, SOP_CLASS_UID),
        .transfer_syntax = text_of(row, TRANSFER_SYNTAX), .path = text_of(row, PATH),
        .result = sqlite3_column_int(row, IS_RESULT) != 0,
        .series_number = sqlite3_column_int64(row, SERIES_NUMBER),
        .studies = sqlite3_column_int64(row, STUDY_COUNT),
        .series = sqlite3_column_int64(row, SERIES_COUNT),
        .instances = sqlite3_column_int64(row, INSTANCE_COUNT),
        .modalities = text_of(row, STUDY_MODALITIES),
        .sop_classes = text_of(row, STUDY_CLASSES)
    };
}

static sqlite3_stmt *prepare(struct store_reader *reader, enum store_level level,
                             const struct where *where, struct error *err)
{
    static const char *const no_memory = "a query of the index";
    char *const sql = malloc(MAX_SQL);
    sqlite3_stmt *statement = NULL;

    if (sql == NULL || where->failed) {
        free(sql);
        return error_null(err, ERROR_MEMORY, "%s", no_memory);
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sql, MAX_SQL, selects[level], where->original, where->result);
#pragma GCC diagnostic pop
    bool good = sqlite3_prepare_v2(reader->database, sql, -1, &statement, NULL) == SQLITE_OK;
    for (size_t i = 0; good && i < where->count; i++)
        good = sqlite3_bind_text(statement, (int)i + 1, where->value[i], -1, SQLITE_STATIC)
            == SQLITE_OK;
    free(sql);
    if (good)
        return statement;
    error_set(err, ERROR_IO, "index: %s", sqlite3_errmsg(reader->database));
    sqlite3_finalize(statement);
    return NULL;
}

bool store_query(struct store_reader *reader, enum store_level level,
                 const struct store_filter *filter, store_hit_fn each, void *context,
                 struct error *err)
{
    struct where where;
    int code = SQLITE_ERROR;

    make_where(level, filter, &where);
    sqlite3_stmt *const statement = prepare(reader, level, &where, err);
    while (statement != NULL && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct store_hit hit = hit_of(statement);
        if (!each(&hit, context)) {
            code = SQLITE_DONE;
            break;
        }
    }
    const bool good = code == SQLITE_DONE
        || (statement != NULL
            && error_set(err, ERROR_IO, "index: %s", sqlite3_errmsg(reader->database)));
    sqlite3_finalize(statement);
    for (size_t i = 0; i < where.count; i++)
        free(where.value[i]);
    return good;
}
