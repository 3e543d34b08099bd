/*
 * Journal: records in recycled files, a shared fdatasync, and the mover behind them.
 *
 * A record begins at a multiple of 4 KiB: head and row as JSON, then, at the next such multiple,
 * the bytes; so it goes to the disk past the page cache, from the memory that it was received
 * into, by as many threads as there are. Concurrent writers leave holes when they are killed, so replay looks at every such place. A record counts when its
 * head carries the file's nonce (random, new at each use, so that neither old records nor
 * bytes made to look like one can count), its checksum fits, and the bytes have the SHA-256
 * that the row tells.
 */
#include "daemon/journal.h"

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
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "daemon/log.h"
#include "daemon/store.h"
#include "util/digest.h"
#include "util/error.h"

#define SEGMENTS 4
#define SEGMENT_BYTES (64LL << 20)
#define PAGE 4096LL
#define BATCH 64                    /* rows in one transaction of the index */
#define PLACERS 6                   /* threads that write objects: one alone waits for the disk */
#define MAX_STEPS 32                /* of the mover under one lock of objects/ */
#define SPARES 64                   /* buffers for the next entries, of which FEW outlast a burst */
#define FEW 8
#define SPARE_S 2
#define ROOM_TIMEOUT_S 20           /* how long a commit waits for the mover to make room */
#define MAX_ROW 65536
#define MAX_HELD (48 << 20)         /* bytes that wait for the mover in memory */
#define MAX_HELD_BUFFERS 128        /* and so many of them: a small instance touches pages, too */
#define MAX_BACKLOG 1024            /* records that wait for the mover */
#define HELD_TIMEOUT_MS 200         /* how long a commit waits for it, rather than have it read them */

#define SEGMENT_MAGIC 0x74756d6f72646a32ULL     /* "tumordj2" */
#define OLD_SEGMENT_MAGIC 0x74756d6f72646a31ULL /* records of another layout */
#define RECORD_MAGIC 0x74756d6f72647232ULL      /* "tumordr2" */

struct segment_head {
    uint64_t magic, nonce, order;   /* order: which file was used first */
};

struct record_head {
    uint64_t magic, nonce;
    uint64_t size;                  /* of the bytes; 0 when they are in a file of their own */
    uint32_t row_size;
    uint32_t checksum;              /* CRC-32 of this head (with 0 here) and the row */
};

struct segment {
    int fd;
    int direct;                     /* the same file past the page cache; or fd, where that cannot be */
    bool in_use;                    /* has records that replay would need */
    uint64_t nonce, order;
    int64_t end;                    /* where the next record begins */
    int pending;                    /* records reserved and not yet moved */
    bool unsynced;                  /* written to since the last fdatasync */
};

struct committed {                  /* a record on its way to its place */
    struct committed *next;
    int segment;
    int64_t at;                     /* of the bytes in the segment */
    unsigned char *bytes;           /* they themselves, or NULL: to be read from there */
    char temporary[32];             /* or the name of its own file in objects/incoming */
    struct store_instance row;
    char *tags;
    char *text;                     /* row_text() of it */
};

struct journal {
    int folder, objects, incoming;  /* directories */
    struct store *store;
    struct segment segment[SEGMENTS];
    int current;
    uint64_t orders;                /* given out so far */
    uint64_t entries;               /* names for temporary files */
    pthread_mutex_t mutex;
    pthread_cond_t room, work, idle, used;
    pthread_cond_t synced[2];       /* waited on by those in the sync under way, and in the next */
    int phase;                      /* which is which: the next is synced[phase] */
    bool syncing;
    uint64_t target;                /* the last ticket of the sync under way */
    atomic_bool poisoned, closing;  /* also read without the lock */
    bool replaying;                 /* places may hold what a crash left half-written */
    bool moved;                     /* the mover has ended */
    uint64_t written, durable;      /* tickets: records written, and of them synced */
    uint64_t handed, forgotten;     /* to the mover, and by it: in their places and in the index */
    struct committed *first, **last;
    pthread_t mover, recycler;
    unsigned char *buffer;          /* the placers': one record's bytes each */
    void *spare[SPARES];            /* buffers of entries that have ended */
    int spares;
    int64_t held;                   /* bytes in memory that wait for the mover */
    int held_buffers;
};

struct journal_entry {
    struct journal *journal;
    struct digest *digest;
    unsigned char *buffer;
    int64_t size;
    int fd;                         /* its own file, or -1 */
    char temporary[32];
};

static int64_t align(int64_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

static bool write_at(int fd, const void *bytes, size_t size, int64_t at)
{
    const char *const from = bytes;

    for (size_t done = 0; done < size;) {
        const ssize_t put = pwrite(fd, from + done, size - done, at + (int64_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

static bool read_at(int fd, void *bytes, size_t size, int64_t at)
{
    char *const to = bytes;

    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(fd, to + done, size - done, at + (int64_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* ---- rows as JSON: in records and, as they are, in sidecars ---- */

static char *row_text(const struct store_instance *row, const char *temporary)
{
    const char *const tags = row->tags == NULL ? "{}" : row->tags;      /* an object already */
    json_t *const object = json_pack(
        "{s:s s:s s:s s:s s:s s:s s:s s:I s:s s:s s:I s:s}", "sop", row->sop_uid,
        "class", row->sop_class_uid, "study", row->study_uid, "series", row->series_uid,
        "transfer_syntax", row->transfer_syntax, "sha256", row->sha256, "path", row->path,
        "size", (json_int_t)row->size, "calling_ae", row->calling_ae, "peer", row->peer,
        "received_ms", (json_int_t)row->received_ms, "temporary", temporary);
    char *const head = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    char *text = NULL;

    if (head == NULL || asprintf(&text, "%.*s,\"tags\":%s}", (int)strlen(head) - 1, head, tags) < 0)
        text = NULL;
    free(head);
    json_decref(object);
    return text;
}

static bool put_text(char *buffer, size_t size, const json_t *object, const char *name)
{
    const char *const text = json_string_value(json_object_get(object, name));

    return text != NULL && text_format(buffer, size, "%s", text);
}

#define PUT(field, name) put_text(row->field, sizeof row->field, object, name)

/* The inverse of row_text(); the tags go to committed->tags. */
static bool parse_row(const char *text, struct committed *committed)
{
    json_t *const object = json_loads(text, 0, NULL);
    struct store_instance *const row = &committed->row;

    if (object == NULL)
        return false;
    row->size = json_integer_value(json_object_get(object, "size"));
    row->received_ms = json_integer_value(json_object_get(object, "received_ms"));
    committed->tags = json_dumps(json_object_get(object, "tags"), JSON_COMPACT);
    row->tags = committed->tags;
    const bool good = committed->tags != NULL && PUT(sop_uid, "sop")
        && PUT(sop_class_uid, "class") && PUT(study_uid, "study")
        && PUT(series_uid, "series") && PUT(transfer_syntax, "transfer_syntax")
        && PUT(sha256, "sha256") && PUT(path, "path") && PUT(calling_ae, "calling_ae")
        && PUT(peer, "peer")
        && put_text(committed->temporary, sizeof committed->temporary, object, "temporary");
    json_decref(object);
    return good;
}

/* Keeps a buffer for the next entry; the lock held. */
static void keep_buffer(struct journal *journal, unsigned char *buffer)
{
    if (buffer != NULL && journal->spares < SPARES)
        journal->spare[journal->spares++] = buffer;
    else
        free(buffer);
}

static void free_committed(struct committed *committed)
{
    free(committed->bytes);
    free(committed->tags);
    free(committed->text);
    free(committed);
}

/* ---- the mover: to the final place ---- */

/*
 * Past the page cache as far as whole pages go, if the file system can: to write gigabytes of
 * pages that nobody has used before costs more than the disk does.
 */
static bool write_object(int fd, const void *bytes, size_t size)
{
    const size_t whole = size / PAGE * PAGE;

    if (whole == 0 || fcntl(fd, F_SETFL, O_DIRECT) != 0)
        return write_at(fd, bytes, size, 0);
    const bool direct = write_at(fd, bytes, whole, 0);
    if (!direct && errno != EINVAL)
        return false;
    const size_t done = direct ? whole : 0;
    return fcntl(fd, F_SETFL, 0) == 0
        && write_at(fd, (const char *)bytes + done, size - done, (int64_t)done);
}

static bool create(int folder, const char *name, const void *bytes, size_t size)
{
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool good = fd >= 0 && write_object(fd, bytes, size);

    if (fd < 0)
        return false;
    good = close(fd) == 0 && good;
    if (!good) {                        /* nobody may take a part for the whole */
        const int reason = errno;
        unlinkat(folder, name, 0);
        errno = reason;
    }
    return good;
}

/* A file that appears whole, for others may read one of that name: written beside, then renamed. */
static bool put_file(int folder, const char *name, const void *bytes, size_t size)
{
    char beside[128];

    text_format(beside, sizeof beside, ".%s.new", name);
    return create(folder, beside, bytes, size) && renameat(folder, beside, folder, name) == 0;
}

static bool put_object(struct journal *journal, const struct committed *committed,
                       unsigned char *buffer, int folder, const char *name)
{
    char staged[64];
    const size_t size = (size_t)committed->row.size;

    if (committed->bytes != NULL)
        return put_file(folder, name, committed->bytes, size);
    if (committed->temporary[0] == '\0')
        return read_at(journal->segment[committed->segment].direct, buffer,
                       (size_t)align((int64_t)size), committed->at)
            && put_file(folder, name, buffer, size);
    text_format(staged, sizeof staged, "%s", committed->temporary);
    return renameat(journal->incoming, staged, folder, name) == 0
        || (errno == ENOENT && faccessat(folder, name, R_OK, 0) == 0);
}

/* objects/ab: most are there. */
static int open_place(struct journal *journal, const char *prefix)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    const int folder = openat(journal->objects, prefix, flags);

    if (folder >= 0 || errno != ENOENT)
        return folder;
    if (mkdirat(journal->objects, prefix, 0750) != 0 && errno != EEXIST)
        return -1;
    return openat(journal->objects, prefix, flags);
}

/*
 * objects/ab/cdef….dcm and objects/ab/cdef….json; the path was made by name_object(). A sidecar that
 * a crash left half-written is written anew by the replay, like all of its file.
 */
static bool move_to_place(struct journal *journal, const struct committed *committed,
                          unsigned char *buffer, struct error *err)
{
    char prefix[3] = { committed->row.sha256[0], committed->row.sha256[1], '\0' };
    char name[80], sidecar[80];
    const char *const text = committed->text;
    const int folder = open_place(journal, prefix);

    text_format(name, sizeof name, "%s.dcm", committed->row.sha256 + 2);
    text_format(sidecar, sizeof sidecar, "%s.json", committed->row.sha256 + 2);
    const bool good = folder >= 0 && put_object(journal, committed, buffer, folder, name)
        && ((!journal->replaying && faccessat(folder, sidecar, R_OK, 0) == 0)
            || create(folder, sidecar, text, strlen(text)));
    if (!good)
        error_errno(err, "objects/%s", prefix);
    if (folder >= 0)
        close(folder);
    return good;
}

/* A batch that several threads place: each takes the next; equal bytes wait for the first of them. */
struct placing {
    struct journal *journal;
    struct committed **batch;
    size_t count;
    bool again[BATCH];
    atomic_size_t next;
    atomic_bool failed;
};

struct placer {
    struct placing *placing;
    unsigned char *buffer;
    struct error err;               /* of the one that failed */
    bool failed;
};

static void place_one(struct placer *placer, const struct committed *committed)
{
    struct placing *const placing = placer->placing;

    if (move_to_place(placing->journal, committed, placer->buffer, &placer->err))
        return;
    placer->failed = true;
    placing->failed = true;
}

static void *place(void *context)
{
    struct placer *const placer = context;
    struct placing *const placing = placer->placing;

    for (size_t i; !placing->failed && (i = placing->next++) < placing->count;)
        if (!placing->again[i])
            place_one(placer, placing->batch[i]);
    return NULL;
}

static void find_equals(struct placing *placing)
{
    for (size_t i = 0; i < placing->count; i++)
        for (size_t j = 0; j < i && !placing->again[i]; j++)
            placing->again[i] = strcmp(placing->batch[i]->row.sha256,
                                       placing->batch[j]->row.sha256) == 0;
}

/* Some that were placed, or are to be. */
struct load {
    struct committed *batch[BATCH];
    size_t count;
};

static bool index_load(struct journal *journal, const struct load *load, struct error *err)
{
    struct store_instance rows[BATCH];

    for (size_t i = 0; i < load->count; i++)
        rows[i] = load->batch[i]->row;
    return load->count == 0 || store_add_instances(journal->store, rows, load->count, err);
}

/* Places `now`; meanwhile those that were placed `before` come into the index. */
static bool place_load(struct journal *journal, struct load *now, const struct load *before,
                       bool *ret_indexed, struct error *err)
{
    struct placing placing = { .journal = journal, .batch = now->batch, .count = now->count };
    struct placer placer[PLACERS];
    pthread_t thread[PLACERS];
    int started = 1;

    find_equals(&placing);
    for (int i = 0; i < PLACERS; i++)
        placer[i] = (struct placer){ &placing, journal->buffer + i * JOURNAL_MAX_BUFFER, { 0 },
                                     false };
    while (started < PLACERS && (size_t)started < now->count
           && pthread_create(&thread[started], NULL, place, &placer[started]) == 0)
        started++;
    *ret_indexed = index_load(journal, before, err);
    place(&placer[0]);
    for (int i = 1; i < started; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < now->count && !placing.failed; i++)
        if (placing.again[i])
            place_one(&placer[0], now->batch[i]);
    for (int i = 0; i < started; i++)
        if (placer[i].failed)
            *err = placer[i].err;
    return !placing.failed;
}

/* A full journal file whose records are all in their places; the lock held. */
static bool is_used_up(const struct journal *journal, int number)
{
    const struct segment *const segment = &journal->segment[number];

    return segment->in_use && segment->pending == 0 && number != journal->current;
}

static bool any_used_up(const struct journal *journal)
{
    bool any = false;

    for (int i = 0; i < SEGMENTS; i++)
        any = any || is_used_up(journal, i);
    return any;
}

static bool wipe_head(const struct segment *segment, struct error *err)
{
    const struct segment_head nothing = { .magic = 0 };

    return (write_at(segment->fd, &nothing, sizeof nothing, 0) && fdatasync(segment->fd) == 0)
        || error_errno(err, "journal");
}

/*
 * Files that are used up are free again once the places of their objects are on stable storage;
 * syncfs() waits for all of them at once. A failure is for good: the kernel may have dropped what
 * it could not write, and the next syncfs() would say that all is well. The next start writes those
 * objects anew, from the journal. The lock held, and let go meanwhile.
 */
static void recycle(struct journal *journal)
{
    bool used_up[SEGMENTS], good;
    struct error err;

    for (int i = 0; i < SEGMENTS; i++)
        used_up[i] = is_used_up(journal, i);
    pthread_mutex_unlock(&journal->mutex);
    good = syncfs(journal->objects) == 0 || error_errno(&err, "objects");
    for (int i = 0; i < SEGMENTS && good; i++)
        good = !used_up[i] || wipe_head(&journal->segment[i], &err);
    pthread_mutex_lock(&journal->mutex);
    for (int i = 0; i < SEGMENTS && good; i++)
        if (used_up[i])
            journal->segment[i].in_use = false;
    if (!good) {
        log_error("received objects may be lost from the disk's cache reason=\"%s\", kept "
                  "in the journal for the next start", err.text);
        journal->poisoned = true;
    }
    pthread_cond_broadcast(&journal->room);
}

/* Beside the mover, which need not wait for the disk. */
static void *recycler_main(void *context)
{
    struct journal *const journal = context;

    pthread_mutex_lock(&journal->mutex);
    while (!journal->poisoned) {
        if (any_used_up(journal))
            recycle(journal);
        else if (journal->moved)
            break;
        else
            pthread_cond_wait(&journal->used, &journal->mutex);
    }
    pthread_mutex_unlock(&journal->mutex);
    return NULL;
}

static void take_load(struct journal *journal, struct load *load)
{
    load->count = 0;
    while (load->count < BATCH && journal->first != NULL) {
        load->batch[load->count++] = journal->first;
        journal->first = journal->first->next;
    }
    if (journal->first == NULL)
        journal->last = &journal->first;
}

/* The memory of those that have been placed; the lock held. */
static void give_back(struct journal *journal, struct load *load)
{
    for (size_t i = 0; i < load->count; i++) {
        struct committed *const one = load->batch[i];
        if (one->bytes != NULL) {
            journal->held -= one->row.size;
            journal->held_buffers--;
        }
        keep_buffer(journal, one->bytes);
        one->bytes = NULL;
    }
    pthread_cond_broadcast(&journal->room);
}

/* Those that are in their places and in the index; the lock held. */
static void forget(struct journal *journal, struct load *load)
{
    for (size_t i = 0; i < load->count; i++) {
        if (load->batch[i]->segment >= 0)
            journal->segment[load->batch[i]->segment].pending--;
        free_committed(load->batch[i]);
    }
    journal->forgotten += load->count;
    pthread_cond_broadcast(&journal->room);
    load->count = 0;
    if (any_used_up(journal))
        pthread_cond_signal(&journal->used);
    pthread_cond_broadcast(&journal->idle);
}

/*
 * One step of the mover, the lock of objects/ held: files and rows of one load come under it, so that
 * who removes or puts aside files (daemon/keep.c) waits.
 */
static bool move(struct journal *journal, struct load *now, struct load *before, bool *given_back,
                 struct error *err)
{
    bool indexed = false;
    const bool good = place_load(journal, now, before, &indexed, err);

    pthread_mutex_lock(&journal->mutex);
    if (indexed)
        forget(journal, before);
    if (good && !*given_back)
        give_back(journal, now);
    pthread_mutex_unlock(&journal->mutex);
    *given_back = *given_back || good;
    return good && indexed;
}

/* The lock was let go after a failure: what has no row yet may have been removed meanwhile. */
static bool place_again(struct journal *journal, struct load *before, struct error *err)
{
    static const struct load nothing;
    bool indexed;

    return place_load(journal, before, &nothing, &indexed, err);
}

/*
 * What is committed is safe in the journal: the mover tries until it can, or until the journal
 * is closed; false says that the next start has to replay it.
 */
static bool move_until_done(struct journal *journal, struct load *now, struct load *before)
{
    struct error err;
    bool told = false, given_back = false;

    for (;;) {
        flock(journal->objects, LOCK_EX);
        if ((!told || place_again(journal, before, &err))
            && move(journal, now, before, &given_back, &err))
            return true;
        flock(journal->objects, LOCK_UN);
        if (!told)
            log_error("received objects cannot be put in place reason=\"%s\", trying again",
                      err.text);
        told = true;
        if (journal->closing)
            return false;
        sleep(1);
    }
}

static size_t discard_load(struct load *load)
{
    for (size_t i = 0; i < load->count; i++)
        free_committed(load->batch[i]);
    return load->count;
}

/* Ends the list, none of which may count as moved: its files must not be recycled. */
static void leave_to_replay(struct journal *journal, struct load *now, struct load *before)
{
    size_t more = discard_load(now) + discard_load(before);

    for (take_load(journal, now); now->count > 0; take_load(journal, now))
        more += discard_load(now);
    log_warning("received objects stay in the journal objects=%zu, the next start puts them "
                "in place", more);
}

/* The memory of a burst is given back when it is over; the lock held. */
static void wait_for_work(struct journal *journal)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SPARE_S;
    if (journal->spares <= FEW)
        pthread_cond_wait(&journal->work, &journal->mutex);
    else if (pthread_cond_timedwait(&journal->work, &journal->mutex, &until) == ETIMEDOUT)
        while (journal->spares > FEW)
            free(journal->spare[--journal->spares]);
}

/*
 * While one load is placed the one before it comes into the index. The lock of objects/ is let go when
 * all that was placed is in the index, and at last after MAX_STEPS.
 */
static void *mover_main(void *context)
{
    struct journal *const journal = context;
    struct load load[2] = { { .count = 0 }, { .count = 0 } };
    struct load *now = &load[0], *before = &load[1];
    int steps = 0;

    pthread_mutex_lock(&journal->mutex);
    for (;;) {
        while (journal->first == NULL && before->count == 0 && !journal->closing)
            wait_for_work(journal);
        now->count = 0;
        if (++steps < MAX_STEPS)
            take_load(journal, now);
        if (now->count == 0 && before->count == 0 && journal->first == NULL)
            break;                      /* closing */
        pthread_mutex_unlock(&journal->mutex);
        const bool moved = move_until_done(journal, now, before);
        if (moved && now->count == 0) {
            flock(journal->objects, LOCK_UN);
            steps = 0;
        }
        pthread_mutex_lock(&journal->mutex);
        if (!moved) {
            leave_to_replay(journal, now, before);
            break;
        }
        struct load *const other = before;
        before = now;
        now = other;
    }
    journal->current = -1;              /* nothing more is committed: all can be recycled */
    journal->moved = true;
    pthread_cond_broadcast(&journal->idle);
    pthread_cond_signal(&journal->used);
    pthread_mutex_unlock(&journal->mutex);
    return NULL;
}

/* ---- replay ---- */

static bool read_record(const struct segment *segment, int64_t at, char *row,
                        struct record_head *ret_head)
{
    struct record_head head;

    if (!read_at(segment->fd, &head, sizeof head, at) || head.magic != RECORD_MAGIC
        || head.nonce != segment->nonce || head.row_size >= MAX_ROW
        || head.size > JOURNAL_MAX_BUFFER
        || !read_at(segment->fd, row, head.row_size, at + (int64_t)sizeof head))
        return false;
    const uint32_t told = head.checksum;
    head.checksum = 0;
    const uLong sum = crc32(crc32(0, (const Bytef *)&head, sizeof head), (const Bytef *)row,
                            head.row_size);
    row[head.row_size] = '\0';
    *ret_head = head;
    return (uint32_t)sum == told;
}

/* A large instance's file is where it was received, or was moved to its place already. */
static bool own_file_is_there(struct journal *journal, const struct committed *committed)
{
    char place[80];

    text_format(place, sizeof place, "%.2s/%s.dcm", committed->row.sha256,
                committed->row.sha256 + 2);
    if (faccessat(journal->incoming, committed->temporary, R_OK, 0) == 0
        || faccessat(journal->objects, place, R_OK, 0) == 0)
        return true;
    log_error("a received object's file is gone, left out sop=%s", committed->row.sop_uid);
    return false;
}

/* The bytes are those that were acknowledged, or the record was never synced. */
static bool bytes_fit(struct journal *journal, const struct segment *segment,
                      const struct committed *committed)
{
    unsigned char value[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];
    const size_t size = (size_t)committed->row.size;

    if (committed->temporary[0] != '\0')  /* synced before its record was written */
        return own_file_is_there(journal, committed);
    if (size > JOURNAL_MAX_BUFFER
        || !read_at(segment->fd, journal->buffer, size, committed->at))
        return false;
    digest_of(journal->buffer, size, value);
    digest_hex(value, hex);
    return strcmp(hex, committed->row.sha256) == 0;
}

static bool replay_one(struct journal *journal, struct committed *committed, struct error *err)
{
    struct load load = { .batch = { committed }, .count = 1 }, nothing = { .count = 0 };
    bool indexed;

    flock(journal->objects, LOCK_EX);
    const bool good = place_load(journal, &load, &nothing, &indexed, err)
        && index_load(journal, &load, err);
    flock(journal->objects, LOCK_UN);
    return good;
}

static bool replay_record(struct journal *journal, int number, int64_t at, char *row,
                          int64_t *ret_length, int *replayed, struct error *err)
{
    struct record_head head;
    struct segment *const segment = &journal->segment[number];

    *ret_length = PAGE;
    if (!read_record(segment, at, row, &head))
        return true;
    struct committed *const committed = calloc(1, sizeof *committed);
    if (committed == NULL)
        return error_set(err, ERROR_MEMORY, "journal");
    committed->segment = number;
    const int64_t before = align((int64_t)sizeof head + head.row_size);
    committed->at = at + before;
    bool good = true;
    if (parse_row(row, committed) && bytes_fit(journal, segment, committed)) {
        committed->text = strdup(row);
        good = committed->text == NULL ? error_set(err, ERROR_MEMORY, "journal")
            : replay_one(journal, committed, err);
        *ret_length = before + align((int64_t)head.size);
        ++*replayed;
    }
    free_committed(committed);
    return good;
}

static bool replay_segment(struct journal *journal, int number, int *replayed,
                           struct error *err)
{
    char *const row = malloc(MAX_ROW + 1);
    int64_t length = PAGE;
    bool good = row != NULL || error_set(err, ERROR_MEMORY, "journal");

    for (int64_t at = PAGE; good && at < SEGMENT_BYTES; at += length)
        good = replay_record(journal, number, at, row, &length, replayed, err);
    free(row);
    return good && (syncfs(journal->objects) == 0 || error_errno(err, "objects"))
        && wipe_head(&journal->segment[number], err);
}

/* In the order of their use, so that of two objects with one UID the first stays the first. */
static bool replay(struct journal *journal, struct error *err)
{
    int replayed = 0;

    for (;;) {
        int next = -1;
        for (int i = 0; i < SEGMENTS; i++)
            if (journal->segment[i].in_use
                && (next < 0 || journal->segment[i].order < journal->segment[next].order))
                next = i;
        if (next < 0)
            break;
        if (!replay_segment(journal, next, &replayed, err))
            return error_prefix(err, "journal/%d.log", next);
        journal->segment[next].in_use = false;
    }
    if (replayed > 0)
        log_notice("journal replayed objects=%d", replayed);
    return true;
}

/* ---- opening ---- */

static bool fill_with_zeros(int fd, struct error *err)
{
    static _Alignas(PAGE) const char zeros[1 << 20];

    for (int64_t at = 0; at < SEGMENT_BYTES; at += (int64_t)sizeof zeros)
        if (!write_at(fd, zeros, sizeof zeros, at))
            return error_errno(err, "journal");
    return fsync(fd) == 0 || error_errno(err, "journal");
}

static bool open_segment(struct journal *journal, int number, struct error *err)
{
    struct segment *const segment = &journal->segment[number];
    struct segment_head head;
    struct stat status;
    char name[16];

    text_format(name, sizeof name, "%d.log", number);
    segment->fd = openat(journal->folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (segment->fd < 0 || fstat(segment->fd, &status) != 0)
        return error_errno(err, "journal/%s", name);
    segment->direct = openat(journal->folder, name, O_RDWR | O_DIRECT | O_CLOEXEC);
    if (segment->direct < 0 && errno == EINVAL)
        segment->direct = segment->fd;
    if (segment->direct < 0)
        return error_errno(err, "journal/%s", name);
    if (status.st_size < SEGMENT_BYTES && !fill_with_zeros(segment->direct, err))
        return false;
    if (!read_at(segment->fd, &head, sizeof head, 0))
        return error_errno(err, "journal/%s", name);
    if (head.magic == OLD_SEGMENT_MAGIC)
        return error_set(err, ERROR_DATA, "journal/%s: an older tumord left received objects here: "
                         "start and stop that one first", name);
    segment->in_use = head.magic == SEGMENT_MAGIC;
    segment->nonce = head.nonce;
    segment->order = head.order;
    return true;
}

/* Makes a free journal file the current one; the lock held. */
static bool use_segment(struct journal *journal, int number, struct error *err)
{
    struct segment *const segment = &journal->segment[number];
    struct segment_head head = { .magic = SEGMENT_MAGIC, .order = ++journal->orders };

    if (getrandom(&head.nonce, sizeof head.nonce, 0) != sizeof head.nonce)
        return error_errno(err, "journal");
    if (!write_at(segment->fd, &head, sizeof head, 0) || fdatasync(segment->fd) != 0)
        return error_errno(err, "journal");
    segment->nonce = head.nonce;
    segment->order = head.order;
    segment->end = PAGE;
    segment->in_use = true;
    journal->current = number;
    return true;
}

/* Large instances that were never acknowledged: their senders were told nothing. */
static void remove_unfinished(int incoming)
{
    const int fd = openat(incoming, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const folder = fd < 0 ? NULL : fdopendir(fd);

    if (folder == NULL)
        return;
    for (struct dirent *file = readdir(folder); file != NULL; file = readdir(folder))
        if (file->d_name[0] != '.')
            unlinkat(incoming, file->d_name, 0);
    closedir(folder);
}

static int open_folder(const char *data_dir, const char *name, struct error *err)
{
    char path[1200];

    text_format(path, sizeof path, "%s/%s", data_dir, name);
    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        error_errno(err, "%s", name);
        return -1;
    }
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        error_errno(err, "%s", name);
    return fd;
}

/* The folders' own entries; those of the files in them are synced by who makes the files. */
static bool sync_parents(struct journal *journal, const char *data_dir, struct error *err)
{
    const int top = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = (top >= 0 && fsync(top) == 0 && fsync(journal->objects) == 0)
        || error_errno(err, "data folder");

    if (top >= 0)
        close(top);
    return good;
}

static bool open_folders(struct journal *journal, const char *data_dir, struct error *err)
{
    journal->folder = open_folder(data_dir, "journal", err);
    journal->objects = journal->folder < 0 ? -1 : open_folder(data_dir, "objects", err);
    journal->incoming = journal->objects < 0 ? -1
        : open_folder(data_dir, "objects/incoming", err);
    return journal->incoming >= 0 && sync_parents(journal, data_dir, err);
}

static void end_mover(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    journal->closing = true;
    pthread_cond_broadcast(&journal->work);
    pthread_mutex_unlock(&journal->mutex);
    pthread_join(journal->mover, NULL);
}

static bool start_threads(struct journal *journal, struct error *err)
{
    errno = pthread_create(&journal->mover, NULL, mover_main, journal);
    if (errno != 0)
        return error_errno(err, "journal's thread");
    errno = pthread_create(&journal->recycler, NULL, recycler_main, journal);
    if (errno == 0)
        return true;
    error_errno(err, "journal's thread");
    end_mover(journal);
    return false;
}

static bool open_all(struct journal *journal, const char *data_dir, struct error *err)
{
    if (!open_folders(journal, data_dir, err))
        return false;
    for (int i = 0; i < SEGMENTS; i++)
        if (!open_segment(journal, i, err))
            return false;
    if (fsync(journal->folder) != 0)
        return error_errno(err, "journal");
    journal->replaying = true;
    if (!replay(journal, err) || !use_segment(journal, 0, err))
        return false;
    journal->replaying = false;
    remove_unfinished(journal->incoming);
    return start_threads(journal, err);
}

static void discard(struct journal *journal)
{
    for (int i = 0; i < SEGMENTS; i++) {
        const struct segment *const segment = &journal->segment[i];
        if (segment->direct >= 0 && segment->direct != segment->fd)
            close(segment->direct);
        if (segment->fd >= 0)
            close(segment->fd);
    }
    if (journal->folder >= 0)
        close(journal->folder);
    if (journal->objects >= 0)
        close(journal->objects);
    if (journal->incoming >= 0)
        close(journal->incoming);
    pthread_mutex_destroy(&journal->mutex);
    while (journal->spares > 0)
        free(journal->spare[--journal->spares]);
    free(journal->buffer);
    free(journal);
}

struct journal *journal_open(const char *data_dir, struct store *store, struct error *err)
{
    struct journal *const journal = calloc(1, sizeof *journal);
    unsigned char *const buffer = aligned_alloc(PAGE, PLACERS * JOURNAL_MAX_BUFFER);
    pthread_condattr_t monotonic;

    if (journal == NULL || buffer == NULL) {
        free(journal);
        free(buffer);
        return error_null(err, ERROR_MEMORY, "journal");
    }
    journal->buffer = buffer;
    journal->store = store;
    journal->last = &journal->first;
    journal->folder = journal->objects = journal->incoming = -1;
    for (int i = 0; i < SEGMENTS; i++)
        journal->segment[i].fd = journal->segment[i].direct = -1;
    pthread_mutex_init(&journal->mutex, NULL);
    for (int i = 0; i < 2; i++)
        pthread_cond_init(&journal->synced[i], NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&journal->room, &monotonic);
    pthread_cond_init(&journal->work, &monotonic);
    pthread_cond_init(&journal->idle, NULL);
    pthread_cond_init(&journal->used, NULL);
    if (open_all(journal, data_dir, err))
        return journal;
    discard(journal);
    return NULL;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL)
        return;
    end_mover(journal);
    pthread_join(journal->recycler, NULL);
    discard(journal);
}

void journal_flush(struct journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    const uint64_t handed = journal->handed;
    while (journal->forgotten < handed && !journal->moved)
        pthread_cond_wait(&journal->idle, &journal->mutex);
    pthread_mutex_unlock(&journal->mutex);
}

bool journal_is_poisoned(const struct journal *journal)
{
    return journal->poisoned;
}

/* ---- entries ---- */

struct journal_entry *journal_begin(struct journal *journal, struct error *err)
{
    struct journal_entry *const entry = calloc(1, sizeof *entry);

    if (entry == NULL || (entry->digest = digest_new(err)) == NULL) {
        free(entry);
        return error_null(err, ERROR_MEMORY, "an entry of the journal");
    }
    entry->journal = journal;
    entry->fd = -1;
    return entry;
}

int64_t journal_size(const struct journal_entry *entry)
{
    return entry->size;
}

static void give_buffer(struct journal_entry *entry)
{
    struct journal *const journal = entry->journal;

    pthread_mutex_lock(&journal->mutex);
    keep_buffer(journal, entry->buffer);
    pthread_mutex_unlock(&journal->mutex);
    entry->buffer = NULL;
}

/* Too large for the buffer: a file of its own, and the buffer's bytes first. */
static bool spill(struct journal_entry *entry, struct error *err)
{
    struct journal *const journal = entry->journal;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&journal->mutex);
    const uint64_t number = ++journal->entries;
    pthread_mutex_unlock(&journal->mutex);
    text_format(entry->temporary, sizeof entry->temporary, "%llx-%llx",
                (unsigned long long)now.tv_sec, (unsigned long long)number);
    entry->fd = openat(journal->incoming, entry->temporary,
                       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (entry->fd < 0 || !write_at(entry->fd, entry->buffer, (size_t)entry->size, 0))
        return error_errno(err, "objects/incoming");
    give_buffer(entry);
    return true;
}

/* The buffer of an entry that has ended, or a new one: pages are touched as they are used. */
static bool take_buffer(struct journal_entry *entry, struct error *err)
{
    struct journal *const journal = entry->journal;

    pthread_mutex_lock(&journal->mutex);
    if (journal->spares > 0)
        entry->buffer = journal->spare[--journal->spares];
    pthread_mutex_unlock(&journal->mutex);
    if (entry->buffer == NULL)
        entry->buffer = aligned_alloc(PAGE, JOURNAL_MAX_BUFFER);
    return entry->buffer != NULL || error_set(err, ERROR_MEMORY, "bytes of an instance");
}

bool journal_write(struct journal_entry *entry, const void *bytes, size_t size,
                   struct error *err)
{
    const size_t end = (size_t)entry->size + size;

    if (entry->fd < 0 && end > JOURNAL_MAX_BUFFER && !spill(entry, err))
        return false;
    if (entry->fd >= 0) {
        if (!write_at(entry->fd, bytes, size, entry->size))
            return error_errno(err, "objects/incoming");
    } else {
        if (entry->buffer == NULL && !take_buffer(entry, err))
            return false;
        memcpy(entry->buffer + entry->size, bytes, size);
    }
    digest_add(entry->digest, bytes, size);
    entry->size += (int64_t)size;
    return true;
}

static void free_entry(struct journal_entry *entry)
{
    give_buffer(entry);
    if (entry->fd >= 0)
        close(entry->fd);
    digest_free(entry->digest);
    free(entry);
}

void journal_cancel(struct journal_entry *entry)
{
    if (entry == NULL)
        return;
    if (entry->fd >= 0)
        unlinkat(entry->journal->incoming, entry->temporary, 0);
    free_entry(entry);
}

/* ---- committing ---- */

/* Waits for a free journal file and makes it the current one; the lock held. */
static bool next_segment(struct journal *journal, struct error *err)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ROOM_TIMEOUT_S;
    const int full = journal->current;
    for (;;) {
        if (journal->current != full)
            return true;                /* another thread did it while we waited */
        if (journal->poisoned)
            return error_set(err, ERROR_IO, "journal: an earlier write to the disk failed");
        for (int i = 0; i < SEGMENTS; i++)
            if (!journal->segment[i].in_use)
                return use_segment(journal, i, err);
        pthread_cond_signal(&journal->used);    /* the file that was just left may be used up */
        if (pthread_cond_timedwait(&journal->room, &journal->mutex, &until) == ETIMEDOUT)
            return error_set(err, ERROR_IO, "journal: full, its objects cannot be put in "
                             "place");
    }
}

/*
 * To read back what left the memory costs the mover more than its writing: senders are slowed to
 * its pace instead, unless it stands still. The lock held.
 */
static void wait_for_memory(struct journal *journal, int64_t size)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += HELD_TIMEOUT_MS * 1000000LL;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while ((journal->held + size > MAX_HELD || journal->handed - journal->forgotten > MAX_BACKLOG)
           && !journal->poisoned)
        if (pthread_cond_timedwait(&journal->room, &journal->mutex, &until) == ETIMEDOUT)
            return;
}

/* A place for a record of `length` bytes in the current file. */
static bool reserve(struct journal *journal, int64_t length, int *ret_segment,
                    int64_t *ret_at, struct error *err)
{
    bool good = !journal->poisoned
        || error_set(err, ERROR_IO, "journal: an earlier write to the disk failed");

    while (good && journal->segment[journal->current].end + length > SEGMENT_BYTES)
        good = next_segment(journal, err);
    if (!good)
        return false;
    struct segment *const segment = &journal->segment[journal->current];
    *ret_segment = journal->current;
    *ret_at = segment->end;
    segment->end += length;
    segment->pending++;
    return true;
}

/* Head and row, in whole pages; to be freed. */
static void *make_head(uint64_t nonce, const char *row, uint64_t size, int64_t *ret_length)
{
    struct record_head head = {
        .magic = RECORD_MAGIC, .nonce = nonce, .row_size = (uint32_t)strlen(row), .size = size
    };
    const int64_t length = align((int64_t)sizeof head + head.row_size);
    char *const page = aligned_alloc(PAGE, (size_t)length);

    if (page == NULL)
        return NULL;
    head.checksum = (uint32_t)crc32(crc32(0, (const Bytef *)&head, sizeof head),
                                    (const Bytef *)row, head.row_size);
    memset(page, 0, (size_t)length);
    memcpy(page, &head, sizeof head);
    memcpy(page + sizeof head, row, head.row_size);
    *ret_length = length;
    return page;
}

static bool write_record(struct journal *journal, const struct committed *committed,
                         const struct journal_entry *entry, void *head, int64_t head_length,
                         int64_t at)
{
    const struct segment *const segment = &journal->segment[committed->segment];
    const size_t size = entry->buffer != NULL ? (size_t)entry->size : 0;
    const size_t padded = (size_t)align((int64_t)size);
    const struct iovec part[2] = {
        { head, (size_t)head_length }, { entry->buffer, padded }
    };

    if (size > 0)
        memset(entry->buffer + size, 0, padded - size);
    const ssize_t put = pwritev(segment->direct, part, size > 0 ? 2 : 1, at);
    errno = put >= 0 ? EIO : errno;     /* a short one has no reason of its own */
    return put == head_length + (ssize_t)padded;
}

/*
 * The shared fdatasync: whoever finds none under way does it for all records written so far;
 * the others wait for one that began after their write. Records of a file that was left in
 * the meantime are synced too, hence the loop over files. The lock held.
 */
static bool sync_record(struct journal *journal, uint64_t ticket, struct error *err)
{
    while (journal->durable < ticket && !journal->poisoned) {
        if (journal->syncing) {
            const int phase = ticket > journal->target ? journal->phase : !journal->phase;
            pthread_cond_wait(&journal->synced[phase], &journal->mutex);
            continue;
        }
        const uint64_t target = journal->target = journal->written;
        const int phase = journal->phase;
        journal->phase = !phase;
        bool dirty[SEGMENTS];
        for (int i = 0; i < SEGMENTS; i++) {
            dirty[i] = journal->segment[i].unsynced;
            journal->segment[i].unsynced = false;
        }
        journal->syncing = true;
        pthread_mutex_unlock(&journal->mutex);
        bool good = true;
        for (int i = 0; i < SEGMENTS; i++)
            if (dirty[i])
                good = fdatasync(journal->segment[i].direct) == 0 && good;
        pthread_mutex_lock(&journal->mutex);
        journal->syncing = false;
        journal->poisoned = journal->poisoned || !good;
        if (good)
            journal->durable = target;
        pthread_cond_broadcast(&journal->synced[phase]);
        if (journal->poisoned)
            pthread_cond_broadcast(&journal->synced[!phase]);
        else
            pthread_cond_signal(&journal->synced[!phase]);      /* one of them does the next */
    }
    if (journal->poisoned) {            /* by whomever: nobody waits for a sync that will not come */
        pthread_cond_broadcast(&journal->synced[0]);
        pthread_cond_broadcast(&journal->synced[1]);
    }
    return !journal->poisoned
        || error_set(err, ERROR_IO, "journal: fdatasync failed, nothing of it counts");
}

/* Hands the durable record to the mover, with its bytes while there is memory; the lock held. */
static void hand_over(struct journal_entry *entry, struct committed *committed)
{
    struct journal *const journal = entry->journal;

    if (entry->buffer != NULL && journal->held + entry->size <= MAX_HELD
        && journal->held_buffers < MAX_HELD_BUFFERS) {
        journal->held_buffers++;
        committed->bytes = entry->buffer;
        entry->buffer = NULL;
        journal->held += entry->size;
    }
    committed->next = NULL;
    *journal->last = committed;
    journal->last = &committed->next;
    journal->handed++;
    pthread_cond_signal(&journal->work);
}

static bool commit(struct journal_entry *entry, struct committed *committed, struct error *err)
{
    struct journal *const journal = entry->journal;
    const int64_t size = entry->buffer != NULL ? entry->size : 0;
    const int64_t before = align((int64_t)(sizeof(struct record_head) + strlen(committed->text)));
    int64_t at = 0, length = 0;

    pthread_mutex_lock(&journal->mutex);
    wait_for_memory(journal, size);
    if (!reserve(journal, before + align(size), &committed->segment, &at, err)) {
        pthread_mutex_unlock(&journal->mutex);
        return false;
    }
    const uint64_t nonce = journal->segment[committed->segment].nonce;
    pthread_mutex_unlock(&journal->mutex);
    committed->at = at + before;
    void *const head = make_head(nonce, committed->text, (uint64_t)size, &length);
    const bool written = head != NULL
        ? write_record(journal, committed, entry, head, length, at) || error_errno(err, "journal")
        : error_set(err, ERROR_MEMORY, "an entry of the journal");
    free(head);
    pthread_mutex_lock(&journal->mutex);
    journal->segment[committed->segment].unsynced = true;
    const bool good = written && sync_record(journal, ++journal->written, err);
    if (good)
        hand_over(entry, committed);
    else if (--journal->segment[committed->segment].pending == 0)
        pthread_cond_signal(&journal->used);
    pthread_mutex_unlock(&journal->mutex);
    return good;
}

/* The path comes from the digest, never from a UID or a name. */
static void name_object(struct journal_entry *entry, struct store_instance *row)
{
    unsigned char value[DIGEST_SIZE];

    digest_finish(entry->digest, value);
    digest_hex(value, row->sha256);
    row->size = entry->size;
    text_format(row->path, sizeof row->path, "objects/%.2s/%s.dcm", row->sha256,
                row->sha256 + 2);
}

/* Its own file must be there, with its name, before a record speaks of it. */
static bool sync_file(struct journal_entry *entry, struct error *err)
{
    if (entry->fd < 0)
        return true;
    if (fsync(entry->fd) != 0 || fsync(entry->journal->incoming) != 0) {
        entry->journal->poisoned = true;
        return error_errno(err, "objects/incoming");
    }
    return true;
}

bool journal_commit(struct journal_entry *entry, const struct store_instance *row,
                    struct error *err)
{
    struct committed *const committed = calloc(1, sizeof *committed);
    bool good = committed != NULL;

    if (good) {
        committed->row = *row;
        name_object(entry, &committed->row);
        memcpy(committed->temporary, entry->temporary, sizeof committed->temporary);
        committed->tags = strdup(row->tags == NULL ? "{}" : row->tags);
        committed->row.tags = committed->tags;
        committed->text = row_text(&committed->row, committed->temporary);
        good = committed->tags != NULL && committed->text != NULL
            && strlen(committed->text) < MAX_ROW;
    }
    if (!good)
        error_set(err, ERROR_MEMORY, "an entry of the journal");
    good = good && sync_file(entry, err) && commit(entry, committed, err);
    if (good) {
        free_entry(entry);
        return true;
    }
    if (committed != NULL)
        free_committed(committed);
    if (entry->journal->poisoned)
        free_entry(entry);              /* a record on the disk may speak of its own file */
    else
        journal_cancel(entry);
    return false;
}
