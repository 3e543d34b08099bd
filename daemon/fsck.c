/* Fsck: walk the files, hash them, and ask the index; or tell it. */
#include "daemon/fsck.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/job.h"
#include "daemon/journal.h"
#include "daemon/listen.h"
#include "daemon/store.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/text.h"

#define CHUNK 65536
#define PATH_SIZE 1400

struct fsck {
    const struct config *config;
    struct store *store;
    FILE *to;
    struct fsck_counts counts;
    struct error *err;
    bool good;                      /* no trouble of ours so far */
};

/* ---- files ---- */

/* The file's digest and size; false with errno when it cannot be read. */
static bool hash_file(const char *path, char hex[DIGEST_HEX_SIZE], int64_t *ret_size)
{
    static unsigned char chunk[CHUNK];
    unsigned char value[DIGEST_SIZE];
    struct error ignored;
    struct digest *const digest = digest_new(&ignored);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = -1;

    *ret_size = 0;
    while (digest != NULL && fd >= 0 && (got = read(fd, chunk, sizeof chunk)) > 0) {
        digest_add(digest, chunk, (size_t)got);
        *ret_size += got;
    }
    if (got == 0) {
        digest_finish(digest, value);
        digest_hex(value, hex);
    }
    const int failed = errno;
    if (fd >= 0)
        close(fd);
    digest_free(digest);
    errno = failed;
    return got == 0;
}

/* Says whether the file is what its digest says; tells and counts when it is not. */
static bool check_file(struct fsck *fsck, const char *path, const char *sha256)
{
    char full[PATH_SIZE], hex[DIGEST_HEX_SIZE];
    int64_t size;

    text_format(full, sizeof full, "%s/%s", fsck->config->data_dir, path);
    if (!hash_file(full, hex, &size)) {
        fsck->counts.missing += errno == ENOENT;
        fsck->counts.damaged += errno != ENOENT;
        fprintf(fsck->to, "%s: %s\n", path, errno == ENOENT ? "missing" : strerror(errno));
        return false;
    }
    if (strcmp(hex, sha256) == 0)
        return true;
    fsck->counts.damaged++;
    fprintf(fsck->to, "%s: damaged, its digest is %.16s... and not %.16s...\n", path, hex, sha256);
    return false;
}

static json_t *read_json(const struct fsck *fsck, const char *path)
{
    char full[PATH_SIZE];

    text_format(full, sizeof full, "%s/%s", fsck->config->data_dir, path);
    return json_load_file(full, JSON_REJECT_DUPLICATES, NULL);
}

typedef void (*entry_fn)(struct fsck *fsck, const char *path, const char *name);

/* Each entry of a folder below the data folder, by name, without those that begin with a dot. */
static void each_entry(struct fsck *fsck, const char *folder, entry_fn each)
{
    char full[PATH_SIZE], path[PATH_SIZE];
    struct dirent **names = NULL;

    text_format(full, sizeof full, "%s/%s", fsck->config->data_dir, folder);
    const int count = scandir(full, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (fsck->good && names[i]->d_name[0] != '.'
            && text_format(path, sizeof path, "%s/%s", folder, names[i]->d_name))
            each(fsck, path, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

/* ---- rows against files ---- */

static bool check_row(const char *path, const char *sha256, bool result, void *context)
{
    struct fsck *const fsck = context;

    if (check_file(fsck, path, sha256)) {
        fsck->counts.objects += !result;
        fsck->counts.results += result;
    }
    return true;
}

/* A received object whose row is not there: "ab/cdef….dcm" names its digest. */
static void check_object(struct fsck *fsck, const char *path, const char *name)
{
    char sha256[DIGEST_HEX_SIZE];
    const size_t length = strlen(name);
    bool known = false;

    if (length < 5 || strcmp(name + length - 4, ".dcm") != 0)
        return;
    /* the folder's two letters are the digest's first */
    text_format(sha256, sizeof sha256, "%.2s%.*s", path + strlen(path) - length - 3,
                (int)(length - 4), name);
    fsck->good = store_has_file(fsck->store, sha256, &known, fsck->err);
    if (fsck->good && !known) {
        fsck->counts.unknown++;
        fprintf(fsck->to, "%s: not in the index\n", path);
    }
}

static void check_folder(struct fsck *fsck, const char *path, const char *name)
{
    (void)name;
    each_entry(fsck, path, check_object);
}

static void check(struct fsck *fsck)
{
    fsck->good = store_each_file(fsck->store, check_row, fsck, fsck->err);
    each_entry(fsck, "objects", check_folder);
}

/* ---- the index from the files ---- */

static bool put_text(json_t *object, const char *name, char *buffer, size_t size)
{
    const char *const text = json_string_value(json_object_get(object, name));

    return text != NULL && text_format(buffer, size, "%s", text);
}

static bool row_of(json_t *object, char *tags, struct store_instance *ret_row)
{
    *ret_row = (struct store_instance){
        .size = json_integer_value(json_object_get(object, "size")),
        .received_ms = json_integer_value(json_object_get(object, "received_ms")), .tags = tags
    };
    return tags != NULL
        && put_text(object, "sop", ret_row->sop_uid, TEXT_UID_SIZE)
        && put_text(object, "class", ret_row->sop_class_uid, TEXT_UID_SIZE)
        && put_text(object, "study", ret_row->study_uid, TEXT_UID_SIZE)
        && put_text(object, "series", ret_row->series_uid, TEXT_UID_SIZE)
        && put_text(object, "transfer_syntax", ret_row->transfer_syntax, TEXT_UID_SIZE)
        && put_text(object, "sha256", ret_row->sha256, DIGEST_HEX_SIZE)
        && put_text(object, "path", ret_row->path, sizeof ret_row->path)
        && put_text(object, "calling_ae", ret_row->calling_ae, sizeof ret_row->calling_ae)
        && put_text(object, "peer", ret_row->peer, sizeof ret_row->peer)
        && text_is_uid(ret_row->sop_uid) && text_is_uid(ret_row->study_uid)
        && text_is_uid(ret_row->series_uid);
}

/* The sidecar must speak of the file beside it and of no other. */
static void restore_object(struct fsck *fsck, const char *path, const char *name)
{
    struct store_instance row;
    const size_t length = strlen(path);

    (void)name;
    if (length < 6 || strcmp(path + length - 5, ".json") != 0)
        return;
    json_t *const object = read_json(fsck, path);
    char *const tags = json_dumps(json_object_get(object, "tags"), JSON_COMPACT);
    if (!row_of(object, tags, &row) || strncmp(row.path, path, length - 5) != 0
        || strcmp(row.path + length - 5, ".dcm") != 0) {
        fsck->counts.damaged++;
        fprintf(fsck->to, "%s: not a sidecar that tells of its object\n", path);
    } else if (check_file(fsck, row.path, row.sha256)) {
        fsck->good = store_add_instances(fsck->store, &row, 1, fsck->err);
        fsck->counts.objects += fsck->good;
    }
    free(tags);
    json_decref(object);
}

static void restore_folder(struct fsck *fsck, const char *path, const char *name)
{
    (void)name;
    each_entry(fsck, path, restore_object);
}

static bool job_of(json_t *object, const char *deliver_to, struct store_job *ret_job)
{
    *ret_job = (struct store_job){
        .id = json_integer_value(json_object_get(object, "job")),
        .series_number = (long)json_integer_value(json_object_get(object, "series_number")),
        .priority = 1, .reason = "", .findings = "", .deliver_to = deliver_to,
        .parameters = json_string_value(json_object_get(object, "parameters"))
    };
    return ret_job->id > 0 && ret_job->parameters != NULL && deliver_to != NULL
        && put_text(object, "study", ret_job->study_uid, TEXT_UID_SIZE)
        && put_text(object, "series", ret_job->series_uid, TEXT_UID_SIZE)
        && put_text(object, "key", ret_job->key, DIGEST_HEX_SIZE)
        && put_text(object, "created", ret_job->created, sizeof ret_job->created)
        && put_text(object, "rule", ret_job->rule, sizeof ret_job->rule)
        && put_text(object, "analysis", ret_job->analysis, sizeof ret_job->analysis);
}

/* All of the result's files are whole, or none of it counts: the series is analysed again. */
static bool check_results(struct fsck *fsck, const char *folder,
                          const struct job_result *result, struct store_object *objects)
{
    char path[PATH_SIZE];
    bool whole = true;

    for (size_t i = 0; i < result->count; i++) {
        objects[i] = (struct store_object){ .size = (int64_t)result->object[i].size };
        text_format(objects[i].kind, sizeof objects[i].kind, "%s",
                    job_kind_name(result->object[i].kind));
        memcpy(objects[i].name, result->object[i].name, sizeof objects[i].name);
        memcpy(objects[i].sop_class_uid, result->object[i].sop_class_uid, TEXT_UID_SIZE);
        memcpy(objects[i].sop_uid, result->object[i].sop_uid, TEXT_UID_SIZE);
        memcpy(objects[i].series_uid, result->object[i].series_uid, TEXT_UID_SIZE);
        memcpy(objects[i].sha256, result->object[i].sha256, DIGEST_HEX_SIZE);
        text_format(path, sizeof path, "%s/%s", folder, objects[i].name);
        whole = check_file(fsck, path, objects[i].sha256) && whole;
    }
    return whole;
}

static bool restore_job(struct fsck *fsck, const char *folder, json_t *object, char *deliver_to,
                        char *result_text)
{
    static struct job_result result;
    static struct store_object objects[JOB_MAX_RESULTS];
    char path[PATH_SIZE];
    struct store_job job;
    struct error reason;
    struct timespec now;

    if (!job_of(object, deliver_to, &job) || result_text == NULL
        || !job_result_parse(result_text, &result, &reason))
        return false;
    if (!check_results(fsck, folder, &result, objects))
        return true;
    clock_gettime(CLOCK_REALTIME, &now);
    text_format(path, sizeof path, "%s/findings.json", folder);
    json_t *const findings = read_json(fsck, path);
    char *const text = findings == NULL ? NULL
        : json_dumps(findings, JSON_COMPACT | JSON_REAL_PRECISION(17));
    job.findings = text == NULL ? "" : text;
    job.reason = result.reason;
    job.queued_ms = (int64_t)now.tv_sec * 1000;
    fsck->good = store_restore_job(fsck->store, &job, objects, result.count,
                                   job.queued_ms + 1000LL * fsck->config->deadline_s, fsck->err);
    fsck->counts.results += fsck->good ? (long)result.count : 0;
    free(text);
    json_decref(findings);
    return true;
}

static void restore_result(struct fsck *fsck, const char *path, const char *name)
{
    char sidecar[PATH_SIZE];

    (void)name;
    text_format(sidecar, sizeof sidecar, "%s/job.json", path);
    json_t *const object = read_json(fsck, sidecar);
    const char *const deliver_to = json_string_value(json_object_get(object, "deliver_to"));
    char *const peers = deliver_to == NULL ? NULL : strdup(deliver_to);
    char *const result = json_dumps(json_object_get(object, "result"), JSON_COMPACT);

    if (!restore_job(fsck, path, object, peers, result)) {
        fsck->counts.damaged++;
        fprintf(fsck->to, "%s: not a job that tells of its results\n", sidecar);
    }
    free(peers);
    free(result);
    json_decref(object);
}

static void rebuild(struct fsck *fsck)
{
    each_entry(fsck, "objects", restore_folder);
    each_entry(fsck, "results", restore_result);
}

/* index.db and what SQLite keeps beside it. */
static bool put_aside(const struct config *config, FILE *to, struct error *err)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    const long long now = (long long)time(NULL);
    char from[PATH_SIZE], aside[PATH_SIZE];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        text_format(from, sizeof from, "%s/index.db%s", config->data_dir, ends[i]);
        text_format(aside, sizeof aside, "%s/index.db.before-%lld%s", config->data_dir, now,
                    ends[i]);
        if (rename(from, aside) != 0 && errno != ENOENT)
            return error_errno(err, "index.db%s", ends[i]);
    }
    fprintf(to, "the old index is index.db.before-%lld\n", now);
    return true;
}

/* ---- the whole ---- */

/* What a killed node had acknowledged and not yet put to its place. */
static bool bring_in(struct fsck *fsck)
{
    struct journal *const journal = journal_open(fsck->config->data_dir, fsck->store, fsck->err);

    if (journal == NULL)
        return false;
    journal_flush(journal);
    journal_close(journal);
    return true;
}

bool fsck_run(const struct config *config, bool rebuild_index, FILE *to,
              struct fsck_counts *ret_counts, struct error *err)
{
    struct fsck fsck = { .config = config, .to = to, .err = err };
    const int held = listen_lock(config->data_dir, err);

    fsck.good = held >= 0 && (!rebuild_index || put_aside(config, to, err));
    if (fsck.good)
        fsck.store = store_open(config->data_dir, err);
    fsck.good = fsck.good && fsck.store != NULL;
    if (fsck.good && rebuild_index)
        rebuild(&fsck);
    fsck.good = fsck.good && bring_in(&fsck);
    if (fsck.good && !rebuild_index)
        check(&fsck);
    store_close(fsck.store);
    if (held >= 0)
        close(held);
    *ret_counts = fsck.counts;
    return fsck.good;
}
