#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store.h"
#include "tests/runner.h"
#include "util/error.h"

#define STUDY "1.2.3"
#define SERIES "1.2.3.1"

static struct error err;
static struct store *store;
static char folder[64];

static void open_store(void)
{
    snprintf(folder, sizeof folder, "/tmp/tumord-store-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
}

static void close_store(void)
{
    char command[128];

    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* Instance `sop` with content `content`, arrived at `ms`. */
static struct store_instance instance(int sop, int content, int64_t ms)
{
    struct store_instance row = {
        .study_uid = STUDY, .series_uid = SERIES, .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
        .transfer_syntax = "1.2.840.10008.1.2.1", .size = 10, .received_ms = ms,
        .calling_ae = "SCANNER", .tags = "{\"PatientID\":\"P\",\"Modality\":\"CT\"}"
    };

    snprintf(row.sop_uid, sizeof row.sop_uid, "1.9.%d", sop);
    snprintf(row.sha256, sizeof row.sha256, "%064d", content);
    snprintf(row.path, sizeof row.path, "objects/%d.dcm", content);
    return row;
}

static void add(int sop, int content, int64_t ms)
{
    const struct store_instance row = instance(sop, content, ms);

    CU_ASSERT_FATAL(store_add_instances(store, &row, 1, &err));
}

static int64_t queue(const char *key)
{
    struct store_job job = { .study_uid = STUDY, .series_uid = SERIES, .created = "20260101",
                             .parameters = "{}", .deliver_to = "[\"pacs\"]", .priority = 1 };
    int64_t id = 0;

    snprintf(job.key, sizeof job.key, "%s", key);
    CU_ASSERT_FATAL(store_queue_job(store, &job, &id, &err));
    return id;
}

static struct store_job lease(void)
{
    struct store_job job = { .id = 0 };

    CU_ASSERT_FATAL(store_lease_job(store, 7, 1000, 2000, &job, &err));
    return job;
}

static bool finish(const struct store_job *job)
{
    static const char *const peers[] = { "pacs", "archive", NULL };
    const struct store_object objects[] = {
        { .kind = "seg", .name = "seg.dcm", .sop_uid = "2.25.1", .sop_class_uid = "1.1" },
        { .kind = "sr", .name = "sr.dcm", .sop_uid = "2.25.2", .sop_class_uid = "1.2" },
        { .kind = "json", .name = "findings.json" }
    };

    return store_finish_job(store, job->id, job->lease, 3000, "analysed", "{}", objects, 3,
                            peers, peers, 100000, &err);
}

static struct store_counts counts(void)
{
    struct store_counts counts;

    CU_ASSERT_FATAL(store_count(store, &counts, &err));
    return counts;
}

static bool count_quiet(const struct store_study *study, void *context)
{
    (void)study;
    ++*(int *)context;
    return true;
}

static int quiet_studies(int64_t now_ms)
{
    int quiet = 0;

    CU_ASSERT(store_each_quiet_study(store, now_ms, 1000, count_quiet, &quiet, &err));
    return quiet;
}

static void study_is_complete_after_its_quiet_time_until_a_late_slice(void)
{
    bool completed = false;

    open_store();
    add(1, 1, 5000);
    CU_ASSERT_EQUAL(quiet_studies(5999), 0);
    CU_ASSERT_EQUAL(quiet_studies(6000), 1);
    add(2, 2, 5500);
    CU_ASSERT(store_complete_study(store, STUDY, 5000, &completed, &err));
    CU_ASSERT_FALSE(completed);                 /* a slice came while it was decided */
    CU_ASSERT(store_complete_study(store, STUDY, 5500, &completed, &err));
    CU_ASSERT(completed);
    CU_ASSERT_EQUAL(quiet_studies(100000), 0);
    add(1, 1, 7000);                            /* a repetition opens nothing */
    CU_ASSERT_EQUAL(quiet_studies(100000), 0);
    add(3, 3, 7000);
    CU_ASSERT_EQUAL(quiet_studies(100000), 1);
    close_store();
}

static bool count_instances(const struct store_instance *row, void *context)
{
    int *const seen = context;

    seen[0]++;
    if (strcmp(row->sop_uid, "1.9.1") == 0)
        CU_ASSERT_STRING_EQUAL(row->path, "objects/1.dcm");     /* the first arrival counts */
    return true;
}

static void other_bytes_under_one_uid_are_both_kept(void)
{
    int seen = 0;

    open_store();
    add(1, 1, 1);
    add(1, 1, 2);
    CU_ASSERT_EQUAL(counts().instances, 1);
    add(1, 2, 3);
    CU_ASSERT_EQUAL(counts().instances, 2);
    CU_ASSERT(store_each_instance(store, SERIES, count_instances, &seen, &err));
    CU_ASSERT_EQUAL(seen, 1);
    close_store();
}

static bool first_content(const struct store_instance *instance, void *context)
{
    snprintf(context, 65, "%s", instance->sha256 + 63);
    return true;
}

static const char *counting(void)
{
    static char content[65];

    content[0] = '\0';
    CU_ASSERT(store_each_instance(store, SERIES, first_content, content, &err));
    return content;
}

static bool note_duplicate(const struct store_duplicate *duplicate, void *context)
{
    char *const told = context;
    const size_t at = strlen(told);

    snprintf(told + at, 400 - at, "[%s|%s]", duplicate->differs, duplicate->counts ? "counts" : "");
    return true;
}

static void difference_of_other_bytes_is_told_and_the_policy_chooses(void)
{
    char told[400] = "";
    bool completed = false;

    open_store();
    add(1, 2, 20);                      /* arrived second, and is in the index first */
    struct store_instance other = instance(1, 1, 10);
    other.tags = "{\"PatientID\":\"Q\",\"Modality\":\"CT\",\"Rows\":\"4\"}";
    other.transfer_syntax[18] = '\0';
    CU_ASSERT(store_add_instances(store, &other, 1, &err));
    add(2, 3, 15);
    CU_ASSERT_STRING_EQUAL(counting(), "3");    /* the last UID's */
    CU_ASSERT(store_each_duplicate(store, STUDY, note_duplicate, told, &err));
    CU_ASSERT_STRING_EQUAL(told, "[PatientID, Rows, transfer syntax|counts][|]");
    CU_ASSERT(store_complete_study(store, STUDY, 20, &completed, &err) && completed);
    CU_ASSERT(store_set_duplicates(store, false, &err));
    CU_ASSERT_EQUAL(quiet_studies(1 << 20), 0);     /* as before: nothing is decided anew */
    CU_ASSERT(store_set_duplicates(store, true, &err));
    CU_ASSERT_EQUAL(quiet_studies(1 << 20), 1);
    told[0] = '\0';
    CU_ASSERT(store_each_duplicate(store, STUDY, note_duplicate, told, &err));
    CU_ASSERT_STRING_EQUAL(told, "[PatientID, Rows, transfer syntax|][|counts]");
    close_store();
}

static bool take_check(const struct store_check *check, void *context)
{
    *(struct store_check *)context = *check;
    return true;
}

static bool count_damage(const char *path, const char *damage, const char *study_uid,
                         int64_t found_ms, void *context)
{
    CU_ASSERT_STRING_EQUAL(path, "objects/1.dcm");
    CU_ASSERT_STRING_EQUAL(damage, "torn");
    CU_ASSERT_STRING_EQUAL(study_uid, STUDY);
    CU_ASSERT_EQUAL(found_ms, 50);
    ++*(int *)context;
    return true;
}

static int damages(void)
{
    int count = 0;

    CU_ASSERT(store_each_damage(store, count_damage, &count, &err));
    return count;
}

static void damage_stays_until_the_same_bytes_come_again(void)
{
    struct store_check check = { .id = 0 };
    bool completed = false;

    open_store();
    add(1, 1, 1);
    CU_ASSERT(store_each_unchecked(store, 50, 8, take_check, &check, &err));
    CU_ASSERT_STRING_EQUAL(check.path, "objects/1.dcm");
    CU_ASSERT(store_mark_damaged(store, &check, 50, "torn", &err));
    CU_ASSERT_EQUAL(damages(), 1);
    check.id = 0;
    CU_ASSERT(store_each_unchecked(store, 5000, 8, take_check, &check, &err));
    CU_ASSERT_EQUAL(check.id, 0);
    CU_ASSERT(store_complete_study(store, STUDY, 1, &completed, &err) && completed);
    queue("a");
    const struct store_job job = lease();
    CU_ASSERT(store_fail_job(store, job.id, job.lease, 60, "a file is damaged", &err));
    add(1, 2, 70);                      /* other bytes heal nothing */
    CU_ASSERT_EQUAL(damages(), 1);
    add(1, 1, 80);
    CU_ASSERT_EQUAL(damages(), 0);
    CU_ASSERT_EQUAL(quiet_studies(1 << 20), 1);
    CU_ASSERT_EQUAL(queue("a"), job.id);
    CU_ASSERT_EQUAL(counts().jobs[JOB_QUEUED], 1);  /* what failed is tried anew */
    close_store();
}

static bool expire(int64_t day)
{
    char series[TEXT_UID_SIZE];

    CU_ASSERT(store_remove_expired(store, day * 86400000LL, "[\"pacs\"]", series, &err));
    return series[0] != '\0';
}

static bool note_removed(const char *path, bool result, void *context)
{
    char *const told = context;
    const size_t at = strlen(told);

    snprintf(told + at, 400 - at, "%s%s ", path, result ? "/" : "");
    return true;
}

static bool acknowledge(const struct store_delivery *delivery, void *context)
{
    ((int64_t *)context)[strcmp(delivery->sop_uid, "2.25.1") == 0 ? 0 : 1] = delivery->id;
    return true;
}

/* Each reason to keep a series in turn, and at the end there is none. */
static void nothing_goes_that_is_wanted_held_undelivered_or_unproven(void)
{
    int64_t pacs[2], archive[2];
    bool completed = false;
    char told[400] = "";

    open_store();
    add(1, 1, 1);
    add(2, 2, 1);
    queue("a");
    CU_ASSERT_FALSE(expire(100));                   /* no retention */
    CU_ASSERT(store_set_retention(store, SERIES, 7, &err));
    CU_ASSERT_FALSE(expire(100));                   /* receiving */
    CU_ASSERT(store_complete_study(store, STUDY, 1, &completed, &err) && completed);
    CU_ASSERT_FALSE(expire(100));                   /* a job to do */
    struct store_job job = lease();
    CU_ASSERT_FALSE(expire(100));                   /* a job that runs */
    CU_ASSERT(finish(&job));
    CU_ASSERT_FALSE(expire(100));                   /* results to deliver */
    CU_ASSERT(store_take_deliveries(store, "pacs", 4000, 9, acknowledge, pacs, &err));
    CU_ASSERT_FALSE(expire(100));                   /* on their way */
    CU_ASSERT(store_take_deliveries(store, "archive", 4000, 9, acknowledge, archive, &err));
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(store_acknowledge_delivery(store, pacs[i], 5000, 0, &err));
        CU_ASSERT(store_acknowledge_delivery(store, archive[i], 5000, 0, &err));
    }
    CU_ASSERT_FALSE(expire(100));                   /* archive has to prove them */
    CU_ASSERT(store_prove_delivery(store, archive[0], DELIVERY_COMMITTED, 6000, &err));
    CU_ASSERT_FALSE(expire(100));
    CU_ASSERT(store_retry_delivery(store, archive[1], 0, 0xa700, "no room", &err));
    CU_ASSERT_FALSE(expire(100));                   /* failed for good is undelivered */
    CU_ASSERT(store_acknowledge_delivery(store, archive[1], 7000, 0, &err));
    CU_ASSERT(store_prove_delivery(store, archive[1], DELIVERY_SEEN, 8000, &err));
    CU_ASSERT(store_hold(store, STUDY, 1, &err));
    CU_ASSERT_FALSE(expire(100));                   /* held */
    CU_ASSERT(store_release_hold(store, STUDY, &err));
    CU_ASSERT_FALSE(expire(7));                     /* a millisecond too early */
    CU_ASSERT(expire(8));
    CU_ASSERT_EQUAL(counts().studies + counts().series + counts().instances, 0);
    CU_ASSERT(store_each_removed(store, 9, note_removed, told, &err));
    CU_ASSERT_STRING_EQUAL(told, "objects/1.dcm objects/2.dcm results/1/ ");
    close_store();
}

static void what_was_removed_comes_back_from_the_network_and_not_from_the_journal(void)
{
    char told[400] = "";
    bool completed = false;

    open_store();
    struct store_instance row = instance(1, 1, 1);
    snprintf(row.path, sizeof row.path, "objects/00/%.62s.dcm", row.sha256 + 2);
    CU_ASSERT(store_add_instances(store, &row, 1, &err));
    CU_ASSERT(store_set_retention(store, SERIES, 7, &err));
    CU_ASSERT(store_complete_study(store, STUDY, 1, &completed, &err) && completed);
    CU_ASSERT(expire(8));
    CU_ASSERT(store_end_removal(store, row.path, &err));
    CU_ASSERT(store_each_removed(store, 9, note_removed, told, &err));
    CU_ASSERT_STRING_EQUAL(told, "");
    CU_ASSERT(store_add_instances(store, &row, 1, &err));   /* the journal is replayed */
    CU_ASSERT_EQUAL(counts().instances, 0);
    CU_ASSERT(store_each_removed(store, 9, note_removed, told, &err));
    CU_ASSERT(strstr(told, row.path) != NULL);              /* its file goes again */
    row.received_ms = 99;
    CU_ASSERT(store_add_instances(store, &row, 1, &err));   /* it was sent again */
    CU_ASSERT_EQUAL(counts().instances, 1);
    told[0] = '\0';
    CU_ASSERT(store_each_removed(store, 9, note_removed, told, &err));
    CU_ASSERT_STRING_EQUAL(told, "");                       /* its file must stay */
    close_store();
}

static void job_is_leased_once_and_its_lease_is_a_fence(void)
{
    struct store_job none;

    open_store();
    add(1, 1, 1);
    const int64_t id = queue("a");
    struct store_job job = lease();
    CU_ASSERT_EQUAL(job.id, id);
    CU_ASSERT_STRING_EQUAL(job.deliver_to, "[\"pacs\"]");
    CU_ASSERT_FALSE(store_lease_job(store, 8, 1, 2, &none, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_NOT_FOUND);
    CU_ASSERT(store_release_job(store, id, job.lease, true, "the worker died", &err));
    const struct store_job again = lease();
    CU_ASSERT_EQUAL(again.lease, job.lease + 1);
    CU_ASSERT_FALSE(finish(&job));              /* a late answer under the old lease */
    CU_ASSERT_EQUAL(err.code, ERROR_DENIED);
    CU_ASSERT_FALSE(store_fail_job(store, id, job.lease, 1, "x", &err));
    CU_ASSERT_EQUAL(counts().deliveries[DELIVERY_QUEUED], 0);
    CU_ASSERT(finish(&again));
    CU_ASSERT_EQUAL(counts().jobs[JOB_DONE], 1);
    CU_ASSERT_EQUAL(counts().deliveries[DELIVERY_QUEUED], 4);   /* two objects, two peers */
    CU_ASSERT_FALSE(finish(&again));
    close_store();
}

static void third_death_quarantines(void)
{
    struct store_job job;

    open_store();
    add(1, 1, 1);
    queue("a");
    for (int i = 0; i < 3; i++) {
        job = lease();
        CU_ASSERT(store_release_job(store, job.id, job.lease, true, "the worker died", &err));
    }
    CU_ASSERT_EQUAL(counts().jobs[JOB_QUARANTINED], 1);
    CU_ASSERT(store_find_job(store, job.id, &job, &err));
    CU_ASSERT_STRING_EQUAL(job.reason, "quarantined after 3 deaths: the worker died");
    CU_ASSERT_FALSE(store_lease_job(store, 8, 1, 2, &job, &err));
    close_store();
}

static void releasing_without_death_is_no_step_to_quarantine(void)
{
    open_store();
    add(1, 1, 1);
    queue("a");
    for (int i = 0; i < 5; i++) {
        const struct store_job job = lease();
        CU_ASSERT(store_release_job(store, job.id, job.lease, false, "reload", &err));
    }
    CU_ASSERT_EQUAL(counts().jobs[JOB_QUEUED], 1);
    close_store();
}

static void newer_inputs_supersede_and_older_ones_can_come_back(void)
{
    open_store();
    add(1, 1, 1);
    const int64_t first = queue("a");
    const struct store_job job = lease();
    CU_ASSERT(finish(&job));
    const int64_t second = queue("b");
    CU_ASSERT(second != first);
    CU_ASSERT_EQUAL(counts().jobs[JOB_SUPERSEDED], 1);
    CU_ASSERT_EQUAL(counts().deliveries[DELIVERY_SUPERSEDED], 4);
    CU_ASSERT_EQUAL(queue("a"), first);         /* the same inputs: the same result counts */
    CU_ASSERT_EQUAL(counts().jobs[JOB_DONE], 1);
    CU_ASSERT_EQUAL(counts().jobs[JOB_SUPERSEDED], 1);
    CU_ASSERT_EQUAL(counts().deliveries[DELIVERY_QUEUED], 4);
    CU_ASSERT(store_set_reason(store, SERIES, "no rule matches", &err));
    CU_ASSERT_EQUAL(counts().jobs[JOB_SUPERSEDED], 2);
    close_store();
}

static struct store_delivery taken[8];
static int taken_count;

static bool take(const struct store_delivery *delivery, void *context)
{
    (void)context;
    taken[taken_count++] = *delivery;
    return true;
}

static int take_from(const char *peer, int64_t now_ms)
{
    taken_count = 0;
    CU_ASSERT(store_take_deliveries(store, peer, now_ms, 8, take, NULL, &err));
    return taken_count;
}

static void outbox_is_a_queue_per_peer_in_order(void)
{
    int count = 0;
    int64_t next = 0;

    open_store();
    add(1, 1, 1);
    queue("a");
    const struct store_job job = lease();
    CU_ASSERT(finish(&job));
    CU_ASSERT_EQUAL(take_from("pacs", 2999), 0);
    CU_ASSERT_EQUAL_FATAL(take_from("pacs", 3000), 2);
    CU_ASSERT_STRING_EQUAL(taken[0].kind, "seg");
    CU_ASSERT_STRING_EQUAL(taken[1].kind, "sr");
    CU_ASSERT_STRING_EQUAL(taken[1].path, "results/1/sr.dcm");
    CU_ASSERT_EQUAL(take_from("archive", 3000), 2);             /* not touched by pacs */
    CU_ASSERT_EQUAL(take_from("archive", 3000), 0);             /* handed out */
    CU_ASSERT(store_release_deliveries(store, &err));           /* the sender died */
    CU_ASSERT_EQUAL(take_from("archive", 3000), 2);
    CU_ASSERT_EQUAL(take_from("pacs", 3000), 2);
    CU_ASSERT(store_acknowledge_delivery(store, taken[0].id, 3500, 0, &err));
    CU_ASSERT(store_retry_delivery(store, taken[1].id, 9000, 0xa700, "busy", &err));
    CU_ASSERT_EQUAL(take_from("pacs", 8999), 0);
    CU_ASSERT(store_next_delivery_ms(store, "pacs", &next, &err));
    CU_ASSERT_EQUAL(next, 9000);
    CU_ASSERT_EQUAL(take_from("pacs", 9000), 1);
    CU_ASSERT_EQUAL(taken[0].attempts, 1);
    CU_ASSERT(store_retry_delivery(store, taken[0].id, 0, 0xa700, "deadline", &err));
    CU_ASSERT_EQUAL(counts().deliveries[DELIVERY_FAILED], 1);
    CU_ASSERT_EQUAL(counts().deliveries[DELIVERY_ACKNOWLEDGED], 1);
    CU_ASSERT(store_resend_study(store, STUDY, 9500, 99999, &count, &err));
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(take_from("pacs", 9500), 2);
    close_store();
}

static void killed_writer_leaves_whole_transactions_only(void)
{
    open_store();
    for (int round = 0; round < 5; round++) {
        const pid_t child = fork();
        if (child == 0) {
            struct store *own = store_open(folder, &err);
            if (own == NULL)
                _exit(1);
            for (int i = 0;; i++) {
                const struct store_instance pair[2] = {
                    instance(10000 * round + 2 * i, 10000 * round + 2 * i, 1),
                    instance(10000 * round + 2 * i + 1, 10000 * round + 2 * i + 1, 1)
                };
                store_add_instances(own, pair, 2, &err);
            }
        }
        usleep(30000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        CU_ASSERT_EQUAL(counts().instances % 2, 0);
    }
    CU_ASSERT(counts().instances > 0);
    add(999999, 999999, 1);                     /* and others can write at once */
    close_store();
}

static void two_processes_write_at_the_same_time(void)
{
    int status = 1;

    open_store();
    const pid_t child = fork();
    if (child == 0) {
        struct store *own = store_open(folder, &err);
        bool good = own != NULL;
        for (int i = 0; good && i < 100; i++) {
            const struct store_instance row = instance(i, i, 1);
            good = store_add_instances(own, &row, 1, &err);
        }
        _exit(good ? 0 : 1);
    }
    for (int i = 1000; i < 1100; i++)
        add(i, i, 1);
    waitpid(child, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(counts().instances, 200);
    close_store();
}

/* As at the first start of a node: every role opens an index that is not there yet. */
static void many_processes_may_make_the_index_at_once(void)
{
    enum { ROUNDS = 100, PROCESSES = 8 };
    int failed = 0, status = 0;
    char command[128];

    for (int round = 0; round < ROUNDS; round++) {
        snprintf(folder, sizeof folder, "/tmp/tumord-store-XXXXXX");
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
        for (int i = 0; i < PROCESSES; i++)
            if (fork() == 0)
                _exit(store_open(folder, &err) != NULL ? 0 : 1);
        for (int i = 0; i < PROCESSES; i++)
            failed += wait(&status) < 0 || status != 0;
        snprintf(command, sizeof command, "rm -r %s", folder);
        CU_ASSERT_EQUAL(system(command), 0);
    }
    CU_ASSERT_EQUAL(failed, 0);
}

static void damaged_or_missing_index_is_one_sentence(void)
{
    char path[128];

    open_store();
    add(1, 1, 1);
    store_close(store);
    snprintf(path, sizeof path, "%s/index.db", folder);
    FILE *file = fopen(path, "r+");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("this is no database any more", file);
    fclose(file);
    snprintf(path, sizeof path, "%s/index.db-wal", folder);
    unlink(path);
    store = store_open(folder, &err);
    CU_ASSERT_PTR_NULL(store);
    CU_ASSERT_EQUAL(err.code, ERROR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "index: open: file is not a database");
    CU_ASSERT_PTR_NULL(store_open("/nonexistent/folder", &err));
    CU_ASSERT_EQUAL(strncmp(err.text, "index: /nonexistent", 19), 0);
    close_store();
}

static void texts_from_outside_are_values_and_not_sql(void)
{
    char value[64];

    open_store();
    CU_ASSERT(store_set_note(store, "x'; DROP TABLE note; --", "a\"b'c", &err));
    CU_ASSERT(store_note(store, "x'; DROP TABLE note; --", value, sizeof value, &err));
    CU_ASSERT_STRING_EQUAL(value, "a\"b'c");
    CU_ASSERT(store_note(store, "other", value, sizeof value, &err));
    CU_ASSERT_STRING_EQUAL(value, "");
    close_store();
}

static const struct runner_test tests[] = {
    TEST(study_is_complete_after_its_quiet_time_until_a_late_slice),
    TEST(other_bytes_under_one_uid_are_both_kept),
    TEST(difference_of_other_bytes_is_told_and_the_policy_chooses),
    TEST(damage_stays_until_the_same_bytes_come_again),
    TEST(nothing_goes_that_is_wanted_held_undelivered_or_unproven),
    TEST(what_was_removed_comes_back_from_the_network_and_not_from_the_journal),
    TEST(job_is_leased_once_and_its_lease_is_a_fence),
    TEST(third_death_quarantines),
    TEST(releasing_without_death_is_no_step_to_quarantine),
    TEST(newer_inputs_supersede_and_older_ones_can_come_back),
    TEST(outbox_is_a_queue_per_peer_in_order),
    TEST(killed_writer_leaves_whole_transactions_only),
    TEST(two_processes_write_at_the_same_time),
    TEST(many_processes_may_make_the_index_at_once),
    TEST(damaged_or_missing_index_is_one_sentence),
    TEST(texts_from_outside_are_values_and_not_sql),
    { NULL, NULL }
};
const struct runner_suite suite_store = { "store", tests };
