#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/store.h"
#include "tests/runner.h"
#include "util/error.h"

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
                           &err))
            return false;
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
    const off_t at = 4096 + 2000;                       /* inside the bytes of the first */
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

static const struct runner_test tests[] = {
    TEST(what_is_committed_comes_to_its_place_with_a_sidecar),
    TEST(cancelled_instances_leave_nothing),
    TEST(killed_at_any_time_every_acknowledged_instance_is_there),
    TEST(journal_files_are_used_again),
    TEST(damaged_record_is_left_out_and_the_others_count),
    TEST(full_disk_fails_the_commit_and_not_the_process),
    { NULL, NULL }
};
const struct runner_suite suite_journal = { "journal", tests };
