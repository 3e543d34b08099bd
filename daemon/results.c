/* Results: written beside, synced, then renamed into place. */
#include "daemon/results.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/job.h"
#include "daemon/store.h"
#include "util/digest.h"
#include "util/error.h"

#define CHUNK 65536
#define MAX_PEERS 64

/* Removes a folder that holds files only; what is not there is fine. */
static void remove_folder(int parent, const char *name)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *const folder = fd < 0 ? NULL : fdopendir(fd);

    if (folder == NULL)
        return;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(fd, entry->d_name, 0);
    closedir(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    const char *const from = bytes;

    for (size_t done = 0; done < size;) {
        const ssize_t put = write(fd, from + done, size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* Copies a memfd of `size` bytes whose digest must be `sha256`. */
static bool copy(int from, int to, size_t size, const char *sha256, struct error *err)
{
    unsigned char chunk[CHUNK], value[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    struct digest *const digest = digest_new(err);
    size_t done = 0;
    bool good = digest != NULL;

    while (good && done < size) {
        const size_t want = size - done < CHUNK ? size - done : CHUNK;
        const ssize_t got = pread(from, chunk, want, (off_t)done);
        if (got <= 0)
            good = error_set(err, ERROR_DATA, "%zu of %zu bytes came", done, size);
        else if (!write_all(to, chunk, (size_t)got))
            good = error_errno(err, "write");
        else
            digest_add(digest, chunk, (size_t)got);
        done += got > 0 ? (size_t)got : 0;
    }
    if (good) {
        digest_finish(digest, value);
        digest_hex(value, hex);
        if (strcmp(hex, sha256) != 0)
            good = error_set(err, ERROR_DATA, "its digest is not the one that was told");
    }
    digest_free(digest);
    return good;
}

static int create(int folder, const char *name, struct error *err)
{
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

    if (fd < 0)
        error_errno(err, "%s", name);
    return fd;
}

static bool write_object(int folder, const struct job_result *result, size_t at, int memfd,
                         struct error *err)
{
    const int fd = create(folder, result->object[at].name, err);

    if (fd < 0)
        return false;
    bool good = copy(memfd, fd, result->object[at].size, result->object[at].sha256, err);
    if (!good)
        error_prefix(err, "%s", result->object[at].name);
    else if (fsync(fd) != 0)
        good = error_errno(err, "%s", result->object[at].name);
    close(fd);
    return good;
}

/* The job's row and the answer, so that the index can be rebuilt from the files alone. */
static char *sidecar_text(const struct store_job *job, const struct job_result *result)
{
    static char body[65536];
    struct error err;

    if (!job_result_body(result, body, sizeof body, &err))
        return NULL;
    json_t *const object = json_pack(
        "{s:I s:s s:s s:s s:s s:s s:s s:s s:s s:i s:o}", "job", (json_int_t)job->id,
        "study", job->study_uid, "series", job->series_uid, "key", job->key,
        "created", job->created, "rule", job->rule, "analysis", job->analysis,
        "parameters", job->parameters, "deliver_to", job->deliver_to,
        "series_number", (int)job->series_number, "result", json_loads(body, 0, NULL));
    char *const text = object == NULL ? NULL : json_dumps(object, JSON_INDENT(1));
    json_decref(object);
    return text;
}

static bool write_sidecar(int folder, const struct store_job *job,
                          const struct job_result *result, struct error *err)
{
    char *const text = sidecar_text(job, result);
    const int fd = text == NULL ? -1 : create(folder, "job.json", err);
    bool good = fd >= 0;

    if (text == NULL)
        return error_set(err, ERROR_MEMORY, "job.json");
    if (good && (!write_all(fd, text, strlen(text)) || fsync(fd) != 0))
        good = error_errno(err, "job.json");
    if (fd >= 0)
        close(fd);
    free(text);
    return good;
}

static bool fill_folder(int folder, const struct store_job *job,
                        const struct job_result *result, const int *fds, struct error *err)
{
    for (size_t i = 0; i < result->count; i++)
        if (!write_object(folder, result, i, fds[i], err))
            return false;
    if (!write_sidecar(folder, job, result, err))
        return false;
    return fsync(folder) == 0 || error_errno(err, "results");
}

/*
 * The folder appears whole or not at all. One that is there already is from an attempt that
 * died before the index knew of it; the same job gives the same bytes, so it is replaced.
 */
static bool write_folder(const char *data_dir, const struct store_job *job,
                         const struct job_result *result, const int *fds, struct error *err)
{
    char parent_path[1100], name[32], beside[40];

    text_format(parent_path, sizeof parent_path, "%s/results", data_dir);
    text_format(name, sizeof name, "%lld", (long long)job->id);
    text_format(beside, sizeof beside, ".%s.new", name);
    const int parent = open(parent_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return error_errno(err, "results");
    remove_folder(parent, beside);
    bool good = mkdirat(parent, beside, 0750) == 0 || error_errno(err, "results/%s", beside);
    const int folder = good ? openat(parent, beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    good = good && (folder >= 0 || error_errno(err, "results/%s", beside))
        && fill_folder(folder, job, result, fds, err);
    if (folder >= 0)
        close(folder);
    if (good) {
        remove_folder(parent, name);
        good = (renameat(parent, beside, parent, name) == 0 && fsync(parent) == 0)
            || error_errno(err, "results/%s", name);
    }
    close(parent);
    return good;
}

/* ---- the index ---- */

static void to_objects(const struct job_result *result, struct store_object *objects)
{
    for (size_t i = 0; i < result->count; i++) {
        struct store_object *const object = &objects[i];
        *object = (struct store_object){ .size = (int64_t)result->object[i].size };
        text_format(object->kind, sizeof object->kind, "%s",
                    job_kind_name(result->object[i].kind));
        memcpy(object->name, result->object[i].name, sizeof object->name);
        memcpy(object->sop_class_uid, result->object[i].sop_class_uid, TEXT_UID_SIZE);
        memcpy(object->sop_uid, result->object[i].sop_uid, TEXT_UID_SIZE);
        memcpy(object->series_uid, result->object[i].series_uid, TEXT_UID_SIZE);
        memcpy(object->sha256, result->object[i].sha256, DIGEST_HEX_SIZE);
    }
}

/* The text of findings.json among the memfds; the caller frees it. */
static char *findings_text(const struct job_result *result, const int *fds)
{
    for (size_t i = 0; i < result->count; i++) {
        if (result->object[i].kind != REPORT_JSON)
            continue;
        const size_t size = result->object[i].size;
        char *const text = calloc(1, size + 1);
        if (text != NULL && pread(fds[i], text, size, 0) == (ssize_t)size)
            return text;
        free(text);
        return NULL;
    }
    return strdup("");
}

static bool finish(struct store *store, const struct config *config,
                   const struct store_job *job, const struct job_result *result,
                   const int *fds, int64_t now_ms, struct error *err)
{
    static struct store_object objects[JOB_MAX_RESULTS];
    const char *peers[MAX_PEERS + 1] = { NULL }, *note_peers[MAX_PEERS + 1] = { NULL };
    size_t notes = 0;
    json_t *const names = json_loads(job->deliver_to, 0, NULL);
    char *const findings = findings_text(result, fds);

    for (size_t i = 0; i < json_array_size(names) && i < MAX_PEERS; i++) {
        peers[i] = json_string_value(json_array_get(names, i));
        const struct config_peer *const peer
            = peers[i] == NULL ? NULL : config_peer_by_name(config, peers[i]);
        if (peer != NULL && peer->rejection_notes)
            note_peers[notes++] = peers[i];
    }
    to_objects(result, objects);
    const bool good = findings == NULL
        ? error_set(err, ERROR_DATA, "findings.json cannot be read")
        : store_finish_job(store, job->id, job->lease, now_ms, result->reason, findings,
                           objects, result->count, peers, note_peers,
                           now_ms + 1000LL * config->deadline_s, err);
    json_decref(names);
    free(findings);
    return good;
}

/* A copy of the row: its texts would end with the next call on the store. */
static bool find_job(struct store *store, int64_t id, struct store_job *job,
                     char **ret_texts, struct error *err)
{
    char *peers;

    if (!store_find_job(store, id, job, err))
        return false;
    if (asprintf(ret_texts, "%s%c%s", job->parameters, '\0', job->deliver_to) < 0)
        return error_set(err, ERROR_MEMORY, "job %lld", (long long)id);
    peers = *ret_texts + strlen(job->parameters) + 1;
    job->parameters = *ret_texts;
    job->deliver_to = peers;
    return true;
}

bool results_keep(struct store *store, const struct config *config, int64_t id,
                  int64_t lease, const struct job_result *result, const int *fds,
                  size_t fd_count, int64_t now_ms, struct error *err)
{
    struct store_job job;
    char *texts = NULL;

    if (fd_count != result->count)
        return error_set(err, ERROR_DATA, "%zu results told, %zu came", result->count,
                         fd_count);
    if (!find_job(store, id, &job, &texts, err))
        return false;
    bool good = job.lease == lease && job.state == JOB_RUNNING;
    if (!good)
        error_set(err, ERROR_DENIED, "job %lld: the lease was lost", (long long)id);
    good = good && write_folder(config->data_dir, &job, result, fds, err)
        && finish(store, config, &job, result, fds, now_ms, err);
    free(texts);
    return good;
}
