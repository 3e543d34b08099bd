#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/store.h"
#include "tests/runner.h"
#include "util/error.h"

/* In place of libc's, for the journal and for SQLite: a disk that fails when told to. */
static atomic_bool data_fails, folder_fails;
static _Thread_local bool committing;           /* a thread of the test, and not the mover */
static atomic_int commit_syncs;

int fdatasync(int fd)
{
    if (committing) {
        commit_syncs++;
        usleep(2000);                           /* so that the others come to share it */
    }
    errno = EIO;
    return data_fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    errno = EIO;
    return folder_fails ? -1 : (int)syscall(SYS_syncfs, fd);
}

static struct error err;
static struct store *store;
static struct journal *journal;
static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/tumord-journal-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void open_both(void)
{
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    journal = journal_open(folder, store, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(journal);
}

static void close_both(void)
{
    journal_close(journal);
    store_close(store);
}

static void remove_folder(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* Bytes that only number `number` has, `size` of them. */
static void fill(unsigned char *bytes, size_t size, int number)
{
    uint32_t state = (uint32_t)number * 2654435761u + 1;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24);
    }
}

static size_t size_of(int number)
{
    return number % 7 == 0 ? JOURNAL_MAX_BUFFER + 100000 : 1000 + (size_t)number * 4099 % 300000;
}

static bool keep(int number)
{
    static unsigned char bytes[JOURNAL_MAX_BUFFER + 100000];
    const size_t size = size_of(number);
    struct store_instance row = {
        .study_uid = "1.2", .series_uid = "1.2.1", .sop_class_uid = "1.1",
        .transfer_syntax = "1.2.840.10008.1.2.1", .calling_ae = "SCANNER", .received_ms = 5,
        .tags = "{\"Modality\":\"CT\"}"
    };

    fill(bytes, size, number);
    snprintf(row.sop_uid, sizeof row.sop_uid, "1.9.%d", number);
    struct journal_entry *entry = journal_begin(journal, &err);
    for (size_t done = 0; done < size; done += 16384)
        if (!journal_write(entry, bytes + done, size - done < 16384 ? size - done : 16384,
                           &err)) {
            journal_cancel(entry);
            return false;
        }
    CU_ASSERT_EQUAL(journal_size(entry), (int64_t)size);
    return journal_commit(entry, &row, &err);
}

/* Is the instance in the index, once, and its file byte-identical? */
static bool seen;

static bool compare(const struct store_instance *row, void *context)
{
    static unsigned char wanted[JOURNAL_MAX_BUFFER + 100000], got[sizeof wanted + 1];
    const int number = *(int *)context;
    char uid[32], path[512];

    snprintf(uid, sizeof uid, "1.9.%d", number);
    if (strcmp(row->sop_uid, uid) != 0)
        return true;
    snprintf(path, sizeof path, "%s/%s", folder, row->path);
    FILE *file = fopen(path, "rb");
    const size_t size = file == NULL ? 0 : fread(got, 1, sizeof got, file);
    if (file != NULL)
        fclose(file);
    fill(wanted, size_of(number), number);
    seen = size == size_of(number) && row->size == (int64_t)size
        && memcmp(wanted, got, size) == 0;
    return false;
}

static bool is_there(int number)
{
    seen = false;
    CU_ASSERT(store_each_instance(store, "1.2.1", compare, &number, &err));
    return seen;
}

static int64_t instances(void)
{
    struct store_counts counts;

    CU_ASSERT(store_count(store, &counts, &err));
    return counts.instances;
}

static void what_is_committed_comes_to_its_place_with_a_sidecar(void)
{
    char command[512];

    make_folder();
    open_both();
    for (int i = 1; i <= 20; i++)
        CU_ASSERT(keep(i));
    CU_ASSERT(keep(3));                                 /* again: changes nothing */
    journal_flush(journal);
    for (int i = 1; i <= 20; i++)
        CU_ASSERT(is_there(i));
    CU_ASSERT_EQUAL(instances(), 20);
    snprintf(command, sizeof command, "test $(ls %s/objects/*/*.json | wc -l) = 20 && "
             "grep -q '\"calling_ae\":\"SCANNER\"' $(ls %s/objects/*/*.json | head -1) && "
             "test -z \"$(ls %s/objects/incoming)\"", folder, folder, folder);
    CU_ASSERT_EQUAL(system(command), 0);
    close_both();
    remove_folder();
}

static void cancelled_instances_leave_nothing(void)
{
    static unsigned char bytes[JOURNAL_MAX_BUFFER + 1];
    char command[128];

    make_folder();
    open_both();
    struct journal_entry *entry = journal_begin(journal, &err);
    CU_ASSERT(journal_write(entry, bytes, sizeof bytes, &err));
    journal_cancel(entry);
    entry = journal_begin(journal, &err);
    CU_ASSERT(journal_write(entry, bytes, 10, &err));
    journal_cancel(entry);
    journal_cancel(NULL);
    close_both();
    open_both();
    CU_ASSERT_EQUAL(instances(), 0);
    snprintf(command, sizeof command, "test -z \"$(find %s/objects -type f)\"", folder);
    CU_ASSERT_EQUAL(system(command), 0);
    close_both();
    remove_folder();
}

/* The child tells each number after its commit; kill -9 comes when it likes. */
static void child_keeps(int pipe_end)
{
    open_both();
    for (int i = 1;; i++) {
        if (!keep(i))
            _exit(1);
        if (write(pipe_end, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

static void killed_at_any_time_every_acknowledged_instance_is_there(void)
{
    for (int round = 0; round < 8; round++) {
        int ends[2], number = 0, last = 0;
        make_folder();
        CU_ASSERT_FATAL(pipe(ends) == 0);
        const pid_t child = fork();
        if (child == 0)
            child_keeps(ends[1]);
        close(ends[1]);
        CU_ASSERT_EQUAL(read(ends[0], &last, sizeof last), sizeof last);
        usleep((useconds_t)(3000 + round * 17001));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(ends[0], &number, sizeof number) == sizeof number)
            last = number;
        close(ends[0]);
        open_both();
        for (int i = 1; i <= last; i++)
            CU_ASSERT(is_there(i));
        CU_ASSERT(instances() >= last && instances() <= last + 1);
        close_both();
        remove_folder();
    }
}

/* More than all journal files hold: they are used again, and nothing is lost. */
static void journal_files_are_used_again(void)
{
    make_folder();
    open_both();
    for (int i = 1; i <= 2200; i++)
        if (i % 7 != 0 && !keep(i))
            CU_FAIL_FATAL("the journal did not go on");
    journal_flush(journal);
    for (int i = 1; i <= 2200; i += 101)
        CU_ASSERT(i % 7 == 0 || is_there(i));
    close_both();
    open_both();
    CU_ASSERT_EQUAL(instances(), 2200 - 2200 / 7);
    close_both();
    remove_folder();
}

/* A flipped bit in a record that was not moved yet: it does not count, its neighbours do. */
static void damaged_record_is_left_out_and_the_others_count(void)
{
    char path[256];
    unsigned char byte = 0;
    int ends[2], last = 0;

    make_folder();
    CU_ASSERT_FATAL(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        open_both();
        snprintf(path, sizeof path, "rm -rf %s/objects; touch %s/objects", folder, folder);
        const bool broken = system(path) == 0;          /* the mover cannot move */
        for (int i = 1; broken && i <= 3; i++)
            if (!keep(i))
                _exit(1);
        last = 3;
        if (write(ends[1], &last, sizeof last) != sizeof last)
            _exit(1);
        pause();
    }
    CU_ASSERT_EQUAL(read(ends[0], &last, sizeof last), sizeof last);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    snprintf(path, sizeof path, "%s/objects", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/journal/0.log", folder);
    const int fd = open(path, O_RDWR);
    const off_t at = 2 * 4096 + 1000;                   /* inside the bytes of the first: behind its head */
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    open_both();
    CU_ASSERT_FALSE(is_there(1));
    CU_ASSERT(is_there(2));
    CU_ASSERT(is_there(3));
    close_both();
    remove_folder();
}

static void full_disk_fails_the_commit_and_not_the_process(void)
{
    struct rlimit limit, small;
    static unsigned char bytes[JOURNAL_MAX_BUFFER + 1];

    make_folder();
    open_both();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    small.rlim_cur = 100000;                            /* no file may grow beyond */
    setrlimit(RLIMIT_FSIZE, &small);
    struct journal_entry *entry = journal_begin(journal, &err);
    CU_ASSERT_FALSE(journal_write(entry, bytes, sizeof bytes, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "objects/incoming: File too large");
    journal_cancel(entry);
    setrlimit(RLIMIT_FSIZE, &limit);
    CU_ASSERT(keep(1));
    journal_flush(journal);
    CU_ASSERT(is_there(1));
    close_both();
    remove_folder();
}

static void *commit_many(void *context)
{
    static const unsigned char bytes[5000];
    struct store_instance row = {
        .study_uid = "1.2", .series_uid = "1.2.1", .sop_class_uid = "1.1",
        .transfer_syntax = "1.2.840.10008.1.2.1", .calling_ae = "SCANNER", .tags = "{}"
    };
    struct error own;
    intptr_t kept = 0;

    committing = true;
    for (int i = 0; i < 40; i++) {
        snprintf(row.sop_uid, sizeof row.sop_uid, "1.8.%d.%d", *(int *)context, i);
        struct journal_entry *entry = journal_begin(journal, &own);
        kept += journal_write(entry, row.sop_uid, sizeof row.sop_uid, &own)
            && journal_write(entry, bytes, sizeof bytes, &own)
            && journal_commit(entry, &row, &own);
    }
    return (void *)kept;
}

static void commits_of_many_threads_share_their_syncs(void)
{
    pthread_t thread[8];
    int number[8];

    make_folder();
    open_both();
    commit_syncs = 0;
    for (int i = 0; i < 8; i++) {
        number[i] = i;
        CU_ASSERT_EQUAL(pthread_create(&thread[i], NULL, commit_many, &number[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        void *kept = NULL;
        pthread_join(thread[i], &kept);
        CU_ASSERT_EQUAL((intptr_t)kept, 40);
    }
    journal_flush(journal);
    CU_ASSERT_EQUAL(instances(), 8 * 40);
    CU_ASSERT(commit_syncs >= 40 && commit_syncs <= 8 * 40 / 2);
    close_both();
    remove_folder();
}

static void run(const char *format)
{
    char command[256];

    snprintf(command, sizeof command, format, folder, folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* Stopped while nothing can be put in place: what was acknowledged waits in the journal. */
static void closing_with_objects_that_cannot_be_placed_loses_none(void)
{
    make_folder();
    open_both();
    run("rm -rf %s/objects && touch %s/objects");
    for (int i = 1; i <= 9; i++)
        CU_ASSERT(keep(i) || i == 7);                   /* 7 is large: refused, not lost */
    close_both();
    run("rm %s/objects");
    open_both();
    for (int i = 1; i <= 9; i++)
        CU_ASSERT_EQUAL(is_there(i), i != 7);
    close_both();
    remove_folder();
}

/*
 * After a failed syncfs() the kernel may have dropped what it could not write, and a second
 * call may say that all is well. Only a replay writes those objects anew.
 */
static void failed_sync_of_the_objects_ends_the_journal_and_recycles_nothing(void)
{
    int last = 0;

    make_folder();
    open_both();
    folder_fails = true;
    for (int i = 1; i < 600 && !journal_is_poisoned(journal); i++)     /* more than a file */
        if (i % 7 != 0 && keep(i))
            last = i;
    journal_flush(journal);
    for (int i = 0; i < 500 && !journal_is_poisoned(journal); i++)
        usleep(10000);                                  /* the recycling comes behind it */
    CU_ASSERT(journal_is_poisoned(journal));
    folder_fails = false;
    close_both();
    run("rm -r %s/objects/??");                         /* what was dropped */
    open_both();
    CU_ASSERT(last > 100);
    for (int i = 1; i <= last; i++)
        CU_ASSERT(i % 7 == 0 || is_there(i));
    close_both();
    remove_folder();
}

static void failed_fdatasync_poisons_and_a_new_start_serves_again(void)
{
    make_folder();
    open_both();
    CU_ASSERT(keep(1));
    journal_flush(journal);
    data_fails = true;
    CU_ASSERT_FALSE(keep(2));
    CU_ASSERT_EQUAL(err.code, ERROR_IO);
    CU_ASSERT(journal_is_poisoned(journal));
    data_fails = false;
    CU_ASSERT_FALSE(keep(3));                           /* whatever the disk says now */
    close_both();
    open_both();
    CU_ASSERT(is_there(1));
    CU_ASSERT_FALSE(is_there(3));
    CU_ASSERT(keep(3));
    close_both();
    remove_folder();
}

/* Its record may be on the disk although nobody was told so: the next start must get by. */
static void large_instance_whose_record_was_not_synced_hinders_no_start(void)
{
    int status = 0;

    make_folder();
    const pid_t child = fork();
    if (child == 0) {
        open_both();
        data_fails = true;
        _exit(keep(7) ? 1 : 0);
    }
    waitpid(child, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    open_both();
    CU_ASSERT(keep(8));
    close_both();
    remove_folder();
}

/* Somebody took the large instance's file away: told as an error, and the others count. */
static void record_whose_own_file_is_gone_hinders_no_start(void)
{
    int status = 0;

    make_folder();
    const pid_t child = fork();
    if (child == 0) {
        open_both();
        const bool good = keep(7) && keep(8);
        journal_flush(journal);
        _exit(good ? 0 : 1);
    }
    waitpid(child, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    run("rm -r %s/objects/?? %s/index.db*");
    open_both();
    CU_ASSERT_FALSE(is_there(7));
    CU_ASSERT(is_there(8));
    close_both();
    remove_folder();
}

static const struct runner_test tests[] = {
    TEST(what_is_committed_comes_to_its_place_with_a_sidecar),
    TEST(cancelled_instances_leave_nothing),
    TEST(killed_at_any_time_every_acknowledged_instance_is_there),
    TEST(journal_files_are_used_again),
    TEST(damaged_record_is_left_out_and_the_others_count),
    TEST(full_disk_fails_the_commit_and_not_the_process),
    TEST(commits_of_many_threads_share_their_syncs),
    TEST(closing_with_objects_that_cannot_be_placed_loses_none),
    TEST(failed_sync_of_the_objects_ends_the_journal_and_recycles_nothing),
    TEST(failed_fdatasync_poisons_and_a_new_start_serves_again),
    TEST(large_instance_whose_record_was_not_synced_hinders_no_start),
    TEST(record_whose_own_file_is_gone_hinders_no_start),
    { NULL, NULL }
};
const struct runner_suite suite_journal = { "journal", tests };
