/*
 * Store: the index of everything the node has, knows and owes, in SQLite. All SQL of the
 * program is in store.c; a twin for another database implements these calls. States and
 * leases are rows, so nothing relies on being the only process, and every call is one
 * transaction: it happened durably (synchronous=FULL), or it did not happen.
 *
 * Layout of the data folder:
 *   index.db                SQLite, WAL
 *   lock                    flock of the node (daemon/parent.c)
 *   journal/                the receiver's (daemon/journal.h)
 *   objects/ab/cdef….dcm    received bytes, named by their SHA-256; beside each NAME.json,
 *                           from which its row can be rebuilt
 *                           NAME.dcm.damaged was put aside (daemon/keep.h)
 *   holds/                  studies that retention does not touch, named by a digest
 *   results/JOB/            seg.dcm, sr.dcm, … and job.json, from which its rows can
 *   run/tumord.sock         the Unix socket of tumorctl
 *
 * Times are milliseconds since 1970 UTC. Text is UTF-8. Peers are names of the configuration.
 * A row handed to a callback is valid during the callback; returning false ends the listing.
 */
#ifndef TUMORD_DAEMON_STORE_H
#define TUMORD_DAEMON_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/digest.h"
#include "util/text.h"

struct error;
struct store;

/* Makes or migrates the index; waits up to 10 s for another writer. */
struct store *store_open(const char *data_dir, struct error *err);
void store_close(struct store *store);              /* NULL is fine */

/* ---- instances: received, kept as received ---- */

struct store_instance {
    int64_t id;                             /* set by the store */
    char sop_uid[TEXT_UID_SIZE], sop_class_uid[TEXT_UID_SIZE];
    char study_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE];
    char transfer_syntax[TEXT_UID_SIZE];
    char sha256[DIGEST_HEX_SIZE];           /* of the file at `path` */
    char path[256];                         /* below the data folder */
    int64_t size;
    char calling_ae[17];
    char peer[65];                          /* configured name, or "" */
    int64_t received_ms;
    const char *tags;                       /* JSON object: keyword → text, of the indexed tags */
};

/*
 * Adds received instances in one transaction. The same UID with the same bytes changes
 * nothing, but that a damaged file is whole again; the same UID with other bytes is kept
 * beside the first, with the names of what differs. A new instance (re)opens its study:
 * received_ms counts as its last arrival.
 */
bool store_add_instances(struct store *store, const struct store_instance *batch,
                         size_t count, struct error *err);

typedef bool (*store_instance_fn)(const struct store_instance *instance, void *context);
/* Of a series: of each SOP UID the one that counts, in the order of the UID. */
bool store_each_instance(struct store *store, const char *series_uid,
                         store_instance_fn each, void *context, struct error *err);

/* ---- studies and series ---- */

enum study_state { STUDY_RECEIVING, STUDY_COMPLETE };

struct store_study {
    char study_uid[TEXT_UID_SIZE];
    char patient_id[65], patient_name[325], study_date[17], accession[17], description[65];
    enum study_state state;
    int64_t first_ms, last_ms;              /* first and last arrival */
    bool partial;       /* an association broke off, and its quiet time has not passed since */
    int series, instances;
};
struct store_series {
    char study_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE];
    char modality[17], description[65];
    int instances;
    const char *reason;     /* why it was not analysed, or what became of it; "" not yet decided */
    int64_t job;            /* the current job, or 0 */
};
typedef bool (*store_study_fn)(const struct store_study *study, void *context);
typedef bool (*store_series_fn)(const struct store_series *series, void *context);

bool store_each_study(struct store *store, store_study_fn each, void *context,
                      struct error *err);               /* the newest first */
/* ERROR_NOT_FOUND when there is none. */
bool store_find_study(struct store *store, const char *study_uid,
                      struct store_study *ret_study, struct error *err);
bool store_each_series(struct store *store, const char *study_uid, store_series_fn each,
                       void *context, struct error *err);

/* A study as its patient's; the texts are whole, however long, and valid during the call. */
struct store_case {
    const char *study_uid, *patient_id, *patient_name, *study_date;
    const char *state;              /* "complete", "partial", "receiving" */
};
typedef bool (*store_case_fn)(const struct store_case *one, void *context);
/*
 * At most `limit` studies behind `after` (NULL: from the first) in the order of patient ID, date
 * and UID; of one patient unless `patient_id` is NULL.
 */
bool store_each_case(struct store *store, const char *patient_id, const struct store_case *after,
                     int limit, store_case_fn each, void *context, struct error *err);
bool store_find_case(struct store *store, const char *study_uid, store_case_fn each,
                     void *context, struct error *err);     /* not called when there is none */

/* Studies still receiving whose last arrival is `quiet_ms` or longer before `now_ms`. */
bool store_each_quiet_study(struct store *store, int64_t now_ms, int64_t quiet_ms,
                            store_study_fn each, void *context, struct error *err);
/* An association that brought it broke off: it is partial until it is complete. */
bool store_break_study(struct store *store, const char *study_uid, int64_t now_ms,
                       struct error *err);
/* Marks it complete unless something arrived after `last_ms`; says whether it did. */
bool store_complete_study(struct store *store, const char *study_uid, int64_t last_ms,
                          bool *ret_completed, struct error *err);
/* Records why a series is not analysed; an earlier result of it is superseded. */
bool store_set_reason(struct store *store, const char *series_uid, const char *reason,
                      struct error *err);

/* ---- jobs ---- */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_QUARANTINED, JOB_SUPERSEDED };

struct store_job {
    int64_t id;
    char study_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE];
    char key[DIGEST_HEX_SIZE];      /* digest of inputs, parameters, method versions */
    char created[27];               /* DICOM DT with offset, set at first queueing, never changed */
    char rule[65], analysis[65];
    const char *parameters;         /* canonical JSON */
    const char *deliver_to;         /* JSON array of peer names */
    long series_number;
    int priority;                   /* 0 urgent, 1 normal, 2 later */
    enum job_state state;
    int64_t lease;                  /* fencing token: grows with each lease */
    int deaths, attempts;
    int64_t pid, deadline_ms;       /* of the lease */
    int64_t queued_ms, started_ms, finished_ms;
    const char *reason;             /* the sentence of its end, "" before */
    const char *findings;           /* findings.json, "" before */
};
typedef bool (*store_job_fn)(const struct store_job *job, void *context);

/*
 * Queues a job for the series unless one with this key exists (then that one becomes current
 * again). Jobs of the series with other keys are superseded, also their undelivered results.
 * Fills ret_id.
 */
bool store_queue_job(struct store *store, const struct store_job *job, int64_t *ret_id,
                     struct error *err);
/* Leases the most urgent, oldest queued job; ERROR_NOT_FOUND when there is none. The texts in
 * ret_job are valid until the next call on this store. */
bool store_lease_job(struct store *store, int64_t pid, int64_t now_ms, int64_t deadline_ms,
                     struct store_job *ret_job, struct error *err);
/* Worker died or lease lost: queued again, or quarantined at the third death. `reason` is
 * recorded. A stale lease changes nothing. */
bool store_release_job(struct store *store, int64_t id, int64_t lease, bool died,
                       const char *reason, struct error *err);
/* At the scheduler's start: every running job is queued again (its lease is void). */
bool store_release_all_jobs(struct store *store, int *ret_count, struct error *err);
bool store_fail_job(struct store *store, int64_t id, int64_t lease, int64_t now_ms,
                    const char *reason, struct error *err);

struct store_object {               /* a result, its file already durable */
    int64_t id, job;
    char kind[17];                  /* "seg", "sr", "sc", "picture", "json" */
    char name[32];                  /* in results/JOB/ */
    char sop_class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE];
    char sha256[DIGEST_HEX_SIZE];
    int64_t size;
};
typedef bool (*store_object_fn)(const struct store_object *object, void *context);

/*
 * Ends the job with its results and queues their deliveries, in one transaction. A stale
 * lease gives ERROR_DENIED and changes nothing. `peers` ends with NULL, and so do those of
 * them that take notes of rejection (kind "ko").
 */
bool store_finish_job(struct store *store, int64_t id, int64_t lease, int64_t now_ms,
                      const char *reason, const char *findings,
                      const struct store_object *objects, size_t object_count,
                      const char *const *peers, const char *const *note_peers,
                      int64_t deadline_ms, struct error *err);
bool store_find_job(struct store *store, int64_t id, struct store_job *ret_job,
                    struct error *err);
bool store_each_job(struct store *store, const char *study_uid /* or NULL: all */,
                    store_job_fn each, void *context, struct error *err);
bool store_each_object(struct store *store, int64_t job, store_object_fn each, void *context,
                       struct error *err);
/* The DICOM results of earlier jobs of the series that some peer has; no notes of rejection. */
bool store_each_superseded(struct store *store, const char *series_uid, int64_t job,
                           store_object_fn each, void *context, struct error *err);
/* What became of each series of a study: its current job, when it has one, and that one's findings. */
struct store_outcome {
    const char *series_uid, *modality;
    const char *reason;             /* store_series' */
    bool has_job;
    enum job_state state;           /* of the current job */
    const char *findings;           /* findings.json, or "" */
};
typedef bool (*store_outcome_fn)(const struct store_outcome *outcome, void *context);
bool store_each_outcome(struct store *store, const char *study_uid, store_outcome_fn each,
                        void *context, struct error *err);
/* Is this SOP Instance UID one of our results? */
bool store_is_result(struct store *store, const char *sop_uid, bool *ret_is,
                     struct error *err);

/* ---- deliveries: the outbox, one queue per peer ---- */

/* COMMITTED and SEEN are proven: by storage commitment, or by a C-FIND that shows it. */
enum delivery_state { DELIVERY_QUEUED, DELIVERY_SENDING, DELIVERY_ACKNOWLEDGED,
                      DELIVERY_FAILED, DELIVERY_SUPERSEDED, DELIVERY_COMMITTED, DELIVERY_SEEN };
#define DELIVERY_STATES 7

struct store_delivery {
    int64_t id;
    char peer[65];
    char sop_class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE], transfer_syntax[TEXT_UID_SIZE];
    char path[256];                 /* below the data folder */
    char kind[17];                  /* as store_object, or "original" */
    char study_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE];
    int64_t job;                    /* 0 for originals */
    enum delivery_state state;
    int attempts;
    int64_t next_ms, deadline_ms, acknowledged_ms, proven_ms;
    int status;                     /* last DIMSE status, or -1 */
    const char *reason;             /* last failure's sentence */
};
typedef bool (*store_delivery_fn)(const struct store_delivery *delivery, void *context);

/* Queues the originals of a series for the peer, once each (forward_to). */
bool store_queue_originals(struct store *store, const char *series_uid, const char *peer,
                           int64_t now_ms, int64_t deadline_ms, struct error *err);
/* Deliveries to `peer` that are due, in order of queueing, at most `limit`, handed out as
 * SENDING. */
bool store_take_deliveries(struct store *store, const char *peer, int64_t now_ms, int limit,
                           store_delivery_fn each, void *context, struct error *err);
/* At the sender's start: SENDING is QUEUED again. */
bool store_release_deliveries(struct store *store, struct error *err);
bool store_acknowledge_delivery(struct store *store, int64_t id, int64_t now_ms, int status,
                                struct error *err);
/* Try again at next_ms; or, with next_ms 0, failed for good. */
bool store_retry_delivery(struct store *store, int64_t id, int64_t next_ms, int status,
                          const char *reason, struct error *err);
/* Was handed out and not tried: queued again for next_ms, and no attempt is counted. */
bool store_postpone_delivery(struct store *store, int64_t id, int64_t next_ms,
                             struct error *err);
/* The earliest next_ms of what is queued for the peer, or INT64_MAX. */
bool store_next_delivery_ms(struct store *store, const char *peer, int64_t *ret_ms,
                            struct error *err);
/* All of the study's current results go out again, now (tumorctl resend). */
bool store_resend_study(struct store *store, const char *study_uid, int64_t now_ms,
                        int64_t deadline_ms, int *ret_count, struct error *err);
bool store_each_delivery(struct store *store, const char *study_uid /* or NULL: all open */,
                         store_delivery_fn each, void *context, struct error *err);

/* ---- proof: what was acknowledged is delivered when its peer has shown that it has it ---- */

/* Acknowledged deliveries to `peer` whose proof has not been asked for, at most `limit`. */
bool store_each_unproven(struct store *store, const char *peer, int limit,
                         store_delivery_fn each, void *context, struct error *err);
/* Proof of this delivery is asked for by a transaction; it is waited for until `until_ms`. */
bool store_ask_proof(struct store *store, int64_t id, const char *transaction_uid,
                     int64_t until_ms, struct error *err);
/* `state` is DELIVERY_COMMITTED or DELIVERY_SEEN. */
bool store_prove_delivery(struct store *store, int64_t id, enum delivery_state state,
                          int64_t now_ms, struct error *err);
/* What a report says of one object of a transaction: proven, or to be sent again at `next_ms`
 * with the reason. ret_known: the transaction has this object, and it waited for it. */
bool store_take_report(struct store *store, const char *peer, const char *transaction_uid,
                       const char *sop_uid, bool committed, const char *reason,
                       int64_t now_ms, int64_t next_ms, bool *ret_known, struct error *err);
/* What was not answered in its time is sent again. */
bool store_expire_proofs(struct store *store, const char *peer, int64_t now_ms,
                         int *ret_count, struct error *err);

/* Storage commitment that a peer has asked of us: answered when the report has gone out. */
struct store_commitment {
    int64_t id;
    char peer[65], transaction_uid[TEXT_UID_SIZE];
    const char *items;              /* JSON: [[SOP class UID, SOP instance UID], …] */
    int attempts;
};
typedef bool (*store_commitment_fn)(const struct store_commitment *commitment, void *context);
/* The same transaction again changes nothing. */
bool store_queue_commitment(struct store *store, const char *peer, const char *transaction_uid,
                            const char *items, int64_t now_ms, int64_t deadline_ms,
                            struct error *err);
bool store_each_commitment(struct store *store, const char *peer, int64_t now_ms, int limit,
                           store_commitment_fn each, void *context, struct error *err);
/* Reported (next_ms 0, no reason), given up (next_ms 0), or to be tried again. */
bool store_end_commitment(struct store *store, int64_t id, int64_t next_ms,
                          const char *reason, struct error *err);
/* The class of an object that we have, received or made; ERROR_NOT_FOUND. */
bool store_class_of(struct store *store, const char *sop_uid,
                    char ret_class_uid[TEXT_UID_SIZE], struct error *err);

/* ---- the whole ---- */

struct store_counts {
    int64_t studies, series, instances;
    int64_t jobs[6];                /* by enum job_state */
    int64_t deliveries[DELIVERY_STATES];    /* by enum delivery_state */
};
bool store_count(struct store *store, struct store_counts *ret_counts, struct error *err);

/* ---- files: what fsck compares and restores ---- */

typedef bool (*store_file_fn)(const char *path, const char *sha256, bool result, void *context);
/* Every file that the index names: received objects, and results of every job. */
bool store_each_file(struct store *store, store_file_fn each, void *context, struct error *err);
/* Is there a received object with this digest? */
bool store_has_file(struct store *store, const char *sha256, bool *ret_has, struct error *err);
/*
 * A job with its own id and its results, as superseded: when the study is decided again the same
 * inputs and parameters revive it, and its deliveries are sent once more.
 */
bool store_restore_job(struct store *store, const struct store_job *job,
                       const struct store_object *objects, size_t count, int64_t deadline_ms,
                       struct error *err);

/* ---- keeping: duplicates, checks of the files, retention ---- */

struct store_duplicate {            /* one of several instances with one UID and other bytes */
    char sop_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE], calling_ae[17];
    int64_t received_ms;
    const char *differs;            /* names of what is not as in the first; "" is the first */
    bool counts;                    /* is analysed, found and sent */
};
typedef bool (*store_duplicate_fn)(const struct store_duplicate *duplicate, void *context);
bool store_each_duplicate(struct store *store, const char *study_uid, store_duplicate_fn each,
                          void *context, struct error *err);
/* Which of them counts, the first or the last; a change opens their studies again. */
bool store_set_duplicates(struct store *store, bool last, struct error *err);

struct store_check {
    bool result;                    /* ours, or received */
    int64_t id, size;
    char path[256], sha256[DIGEST_HEX_SIZE];
};
typedef bool (*store_check_fn)(const struct store_check *check, void *context);
/* Files whose last check was before that, those of the longest time first. */
bool store_each_unchecked(struct store *store, int64_t before_ms, int limit,
                          store_check_fn each, void *context, struct error *err);
bool store_mark_checked(struct store *store, const struct store_check *batch, size_t count,
                        int64_t now_ms, struct error *err);
/* Stays so until the same bytes arrive again. */
bool store_mark_damaged(struct store *store, const struct store_check *check, int64_t now_ms,
                        const char *damage, struct error *err);
typedef bool (*store_damage_fn)(const char *path, const char *damage, const char *study_uid,
                                int64_t found_ms, void *context);
bool store_each_damage(struct store *store, store_damage_fn each, void *context,
                       struct error *err);

/* ---- priors: earlier studies that are wished for before an analysis ---- */

struct store_wish {                     /* of a study, from a peer */
    char study_uid[TEXT_UID_SIZE], peer[65];
    char patient_id[65], birth_date[17], study_date[17];
    char modality[17], body_part[65];   /* "": any */
    int count, within_days;
    int64_t deadline_ms;
};
/* One that is there already, granted or not, stays as it is. */
bool store_add_wish(struct store *store, const struct store_wish *wish, struct error *err);
bool store_waits_for_wishes(struct store *store, const char *study_uid, int64_t now_ms,
                            bool *ret_waits, struct error *err);
/* The next open one of the peer whose deadline is not over. */
bool store_take_wish(struct store *store, const char *peer, int64_t now_ms,
                     struct store_wish *ret_wish, bool *ret_found, struct error *err);
bool store_grant_wish(struct store *store, const struct store_wish *wish, const char *reason,
                      struct error *err);
/* What became of the wishes of a study. */
typedef bool (*store_wish_fn)(const char *peer, bool open, const char *reason, void *context);
bool store_each_wish(struct store *store, const char *study_uid, store_wish_fn each,
                     void *context, struct error *err);
/* `study_uid` is a prior of `of_study`, also before anything of it is here. */
bool store_mark_prior(struct store *store, const char *study_uid, const char *of_study,
                      int64_t now_ms, struct error *err);
bool store_unmark_prior(struct store *store, const char *study_uid, struct error *err);
/* Of which study it is a prior; "" for none. */
bool store_prior_of(struct store *store, const char *study_uid, char ret_study[TEXT_UID_SIZE],
                    struct error *err);

/* The study is decided anew, by the rules as they are now. */
bool store_reopen_study(struct store *store, const char *study_uid, struct error *err);
bool store_hold(struct store *store, const char *study_uid, int64_t now_ms, struct error *err);
bool store_release_hold(struct store *store, const char *study_uid, struct error *err);
bool store_is_held(struct store *store, const char *study_uid, bool *ret_is, struct error *err);
/* Days after its study's last arrival; 0: for ever. */
bool store_set_retention(struct store *store, const char *series_uid, int days,
                         struct error *err);
/*
 * Forgets one series whose time is over, with its results; "" when there is none. Never one of a
 * study that is held, receiving, or has a job to do, a job in quarantine, or a delivery without
 * proof; acknowledged is enough for the peers in `stored_is_proof`, a JSON array. Its files are
 * listed by store_each_removed() until they are gone.
 */
bool store_remove_expired(struct store *store, int64_t now_ms, const char *stored_is_proof,
                          char ret_series[TEXT_UID_SIZE], struct error *err);
/* Of results `path` is their folder. Nothing is listed that came again. */
typedef bool (*store_removed_fn)(const char *path, bool result, void *context);
bool store_each_removed(struct store *store, int limit, store_removed_fn each, void *context,
                        struct error *err);
bool store_end_removal(struct store *store, const char *path, struct error *err);

struct store_kept {
    int64_t damaged, duplicates, held, removed;
    int64_t unchecked;              /* files that were never checked */
    int64_t oldest_ms;              /* the check that is longest ago; 0: one was never checked */
};
bool store_count_kept(struct store *store, struct store_kept *ret_kept, struct error *err);

/* Small texts of the node itself: "import_ae", "started". "" when not set. */
bool store_set_note(struct store *store, const char *name, const char *value,
                    struct error *err);
bool store_note(struct store *store, const char *name, char *buffer, size_t size,
                struct error *err);

#endif
