/*
 * Keep: one round a second. Files and rows are changed under the lock of objects/, which the
 * journal's mover takes, too: a file that comes again meanwhile is never removed or put aside.
 */
#include "daemon/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/store.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/text.h"

#define BATCH 64
#define CHUNK 262144
#define ROUND_MS 1000
#define PATH_SIZE 1600
#define DAY_MS 86400000LL
#define IOPRIO_WHO_PROCESS 1            /* linux/ioprio.h */
#define IOPRIO_IDLE (3 << 13)

struct keep {
    _Atomic(const struct config *) config;
    atomic_bool stop;
    pthread_t thread;
    struct store *store;
    int objects;                        /* the folder, for its lock */
    size_t count;
    struct store_check batch[BATCH];
    unsigned char chunk[CHUNK];
};

static int64_t wall_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* In steps, so that a stop need not wait. */
static void rest(const struct keep *keep, int64_t ms)
{
    for (; ms > 0 && !keep->stop; ms -= 100)
        nanosleep(&(struct timespec){ .tv_nsec = (ms < 100 ? ms : 100) * 1000000 }, NULL);
}

/* ---- checks ---- */

/* The file's digest at the configured rate; false with errno, or on a stop. */
static bool hash(struct keep *keep, int fd, char hex[DIGEST_HEX_SIZE])
{
    unsigned char value[DIGEST_SIZE];
    struct error ignored;
    struct digest *const digest = digest_new(&ignored);
    ssize_t got = -1;

    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);       /* what the disk has, not the memory */
    while (digest != NULL && !keep->stop && (got = read(fd, keep->chunk, CHUNK)) > 0) {
        digest_add(digest, keep->chunk, (size_t)got);
        const int rate = keep->config->scrub_mib_s;
        rest(keep, rate > 0 ? got * 1000 / ((int64_t)rate << 20) : 0);
    }
    if (got == 0 && digest != NULL) {
        digest_finish(digest, value);
        digest_hex(value, hex);
    }
    digest_free(digest);
    return got == 0 && !keep->stop;
}

static bool is_same_file(const char *path, const struct stat *seen)
{
    struct stat now;

    return lstat(path, &now) == 0 && now.st_ino == seen->st_ino && now.st_dev == seen->st_dev
        && now.st_ctim.tv_sec == seen->st_ctim.tv_sec
        && now.st_ctim.tv_nsec == seen->st_ctim.tv_nsec;
}

/* Out of everybody's way, unless it was replaced since it was read; `seen` NULL: it is gone. */
static bool put_aside(struct keep *keep, const struct store_check *check, const char *path,
                      const struct stat *seen, const char *damage, struct error *err)
{
    char aside[PATH_SIZE + 16];
    bool good = true;

    text_format(aside, sizeof aside, "%s.damaged", path);
    flock(keep->objects, LOCK_EX);
    if (seen == NULL ? access(path, F_OK) != 0 : is_same_file(path, seen)) {
        if (seen != NULL && rename(path, aside) != 0)
            log_warning("damaged file stays in its place path=%s reason=\"%s\"", check->path,
                        strerror(errno));
        good = store_mark_damaged(keep->store, check, wall_ms(), damage, err);
        log_error("file is damaged path=%s reason=\"%s\", it is not used until the same bytes "
                  "come again", check->path, damage);
    }
    flock(keep->objects, LOCK_UN);
    return good;
}

/* ret_whole: it is what its digest says. */
static bool check_file(struct keep *keep, const struct store_check *check, bool *ret_whole,
                       struct error *err)
{
    char path[PATH_SIZE], hex[DIGEST_HEX_SIZE], damage[200];
    struct stat seen;

    *ret_whole = false;
    text_format(path, sizeof path, "%s/%s", keep->config->data_dir, check->path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno != ENOENT)
        return true;                    /* a limit of ours perhaps: at another time */
    if (fd < 0)
        return put_aside(keep, check, path, NULL, "missing", err);
    const bool known = fstat(fd, &seen) == 0;
    errno = 0;
    const bool read_whole = known && hash(keep, fd, hex);
    const int failed = errno;
    close(fd);
    if (keep->stop || !known)
        return true;
    if (read_whole && strcmp(hex, check->sha256) == 0)
        return *ret_whole = true;
    if (!read_whole)
        text_format(damage, sizeof damage, "cannot be read: %s", strerror(failed));
    else if (seen.st_size != check->size)
        text_format(damage, sizeof damage, "it has %lld bytes and should have %lld",
                    (long long)seen.st_size, (long long)check->size);
    else
        text_format(damage, sizeof damage, "its bytes are not those that its digest tells");
    return put_aside(keep, check, path, &seen, damage, err);
}

static bool take_check(const struct store_check *check, void *context)
{
    struct keep *const keep = context;

    keep->batch[keep->count++] = *check;
    return keep->count < BATCH;
}

static bool scrub(struct keep *keep, struct error *err)
{
    const int64_t before_ms = wall_ms() - keep->config->scrub_days * DAY_MS;
    size_t whole = 0;
    bool good = true;

    keep->count = 0;
    if (keep->config->scrub_mib_s == 0)
        return true;
    if (!store_each_unchecked(keep->store, before_ms, BATCH, take_check, keep, err))
        return false;
    for (size_t i = 0; good && i < keep->count && !keep->stop; i++) {
        bool is_whole;
        good = check_file(keep, &keep->batch[i], &is_whole, err);
        if (good && is_whole)
            keep->batch[whole++] = keep->batch[i];
    }
    return (whole == 0 || store_mark_checked(keep->store, keep->batch, whole, wall_ms(),
                                             good ? err : &(struct error){ .text = "" }))
        && good;
}

/* ---- retention ---- */

/* Peers whose 0000 is all that is asked of them. */
static char *stored_is_proof(const struct config *config)
{
    json_t *const names = json_array();

    for (size_t i = 0; i < config->peer_count; i++)
        if (config->peer[i].proof == PROOF_STORE)
            json_array_append_new(names, json_string(config->peer[i].name));
    char *const text = json_dumps(names, JSON_COMPACT);
    json_decref(names);
    return text;
}

static bool expire(struct keep *keep, struct error *err)
{
    char series[TEXT_UID_SIZE] = "";
    char *const peers = stored_is_proof(keep->config);
    bool good = peers != NULL || error_set(err, ERROR_MEMORY, "the list of peers");

    do {
        good = good && store_remove_expired(keep->store, wall_ms(), peers, series, err);
        if (good && series[0] != '\0')
            log_notice("series removed series=%s, its retention is over", series);
    } while (good && series[0] != '\0' && !keep->stop);
    free(peers);
    return good;
}

struct gone {
    size_t count;
    struct { char path[256]; bool result; } file[BATCH];
};

static bool take_removed(const char *path, bool result, void *context)
{
    struct gone *const gone = context;

    text_format(gone->file[gone->count].path, sizeof gone->file->path, "%s", path);
    gone->file[gone->count].result = result;
    return ++gone->count < BATCH;
}

static void remove_folder(const char *path)
{
    DIR *const folder = opendir(path);
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    rmdir(path);
}

static void remove_object(const char *path)
{
    static const char *const ends[] = { ".dcm", ".dcm.damaged", ".json" };
    char name[PATH_SIZE + 16];
    const size_t length = strlen(path);

    for (size_t i = 0; length > 4 && i < sizeof ends / sizeof *ends; i++)
        if (text_format(name, sizeof name, "%.*s%s", (int)length - 4, path, ends[i]))
            unlink(name);
}

/* Files of rows that are gone; a kill in between is made good by the next round. */
static bool remove_files(struct keep *keep, struct error *err)
{
    struct gone gone = { .count = 0 };
    char path[PATH_SIZE];

    flock(keep->objects, LOCK_EX);
    bool good = store_each_removed(keep->store, BATCH, take_removed, &gone, err);
    for (size_t i = 0; good && i < gone.count; i++) {
        text_format(path, sizeof path, "%s/%s", keep->config->data_dir, gone.file[i].path);
        if (gone.file[i].result)
            remove_folder(path);
        else
            remove_object(path);
        if (access(path, F_OK) == 0)
            log_warning("file cannot be removed path=%s, left for fsck", gone.file[i].path);
        good = store_end_removal(keep->store, gone.file[i].path, err);
    }
    flock(keep->objects, LOCK_UN);
    return good;
}

/* ---- holds ---- */

static bool hold_path(const struct config *config, const char *study_uid, char *path,
                      size_t size)
{
    unsigned char value[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];

    digest_of(study_uid, strlen(study_uid), value);     /* no path is made of a UID */
    digest_hex(value, hex);
    return text_format(path, size, "%s/holds/%s", config->data_dir, hex);
}

static bool sync_folder(const struct config *config, struct error *err)
{
    char path[PATH_SIZE];

    text_format(path, sizeof path, "%s/holds", config->data_dir);
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync(fd) == 0;
    if (!good)
        error_errno(err, "holds");
    if (fd >= 0)
        close(fd);
    return good;
}

static bool write_hold(const struct config *config, const char *study_uid, struct error *err)
{
    char path[PATH_SIZE];

    text_format(path, sizeof path, "%s/holds", config->data_dir);
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return error_errno(err, "holds");
    hold_path(config, study_uid, path, sizeof path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    const ssize_t length = (ssize_t)strlen(study_uid);
    const bool good = fd >= 0 && write(fd, study_uid, (size_t)length) == length
        && fsync(fd) == 0;
    if (!good)
        error_errno(err, "holds");
    if (fd >= 0)
        close(fd);
    return good && sync_folder(config, err);
}

bool keep_hold(struct store *store, const struct config *config, const char *study_uid,
               bool held, struct error *err)
{
    char path[PATH_SIZE];

    if (held)
        return write_hold(config, study_uid, err)
            && store_hold(store, study_uid, wall_ms(), err);
    hold_path(config, study_uid, path, sizeof path);
    if (!store_release_hold(store, study_uid, err))
        return false;
    return unlink(path) == 0 || errno == ENOENT || error_errno(err, "holds");
}

/* What is held by its file is held, also after the index was made anew. */
static bool read_holds(struct keep *keep, struct error *err)
{
    char path[PATH_SIZE], uid[TEXT_UID_SIZE];
    const struct dirent *entry;
    bool good = true;

    text_format(path, sizeof path, "%s/holds", keep->config->data_dir);
    DIR *const folder = opendir(path);
    while (folder != NULL && good && (entry = readdir(folder)) != NULL) {
        const int fd = entry->d_name[0] == '.' ? -1
            : openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        const ssize_t got = fd < 0 ? -1 : read(fd, uid, sizeof uid - 1);
        uid[got > 0 ? got : 0] = '\0';
        if (fd >= 0)
            close(fd);
        if (text_is_uid(uid))
            good = store_hold(keep->store, uid, wall_ms(), err);
    }
    if (folder != NULL)
        closedir(folder);
    return good || error_prefix(err, "holds");
}

/* ---- the thread ---- */

static void *keep_main(void *context)
{
    struct keep *const keep = context;
    struct error err;
    bool holds_read = false, told = false;

    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
    while (!keep->stop) {
        holds_read = holds_read || read_holds(keep, &err);
        /* nothing goes before the holds are known */
        const bool good = holds_read && expire(keep, &err) && remove_files(keep, &err)
            && scrub(keep, &err);
        if (!good && !told)
            log_error("keeping is hindered reason=\"%s\", trying again", err.text);
        told = !good;
        rest(keep, ROUND_MS);
    }
    return NULL;
}

static void discard(struct keep *keep)
{
    store_close(keep->store);
    if (keep->objects >= 0)
        close(keep->objects);
    free(keep);
}

struct keep *keep_start(const struct config *config, struct error *err)
{
    char path[PATH_SIZE];
    struct keep *const keep = calloc(1, sizeof *keep);

    if (keep == NULL)
        return error_null(err, ERROR_MEMORY, "keep");
    keep->config = config;
    text_format(path, sizeof path, "%s/objects", config->data_dir);
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        error_errno(err, "objects");
    keep->objects = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    keep->store = keep->objects < 0 ? NULL : store_open(config->data_dir, err);
    if (keep->objects < 0)
        error_errno(err, "objects");
    if (keep->store == NULL) {
        discard(keep);
        return NULL;
    }
    if ((errno = pthread_create(&keep->thread, NULL, keep_main, keep)) != 0) {
        error_errno(err, "thread");
        discard(keep);
        return NULL;
    }
    return keep;
}

void keep_configure(struct keep *keep, const struct config *config)
{
    keep->config = config;
}

void keep_stop(struct keep *keep)
{
    if (keep == NULL)
        return;
    keep->stop = true;
    pthread_join(keep->thread, NULL);
    discard(keep);
}
