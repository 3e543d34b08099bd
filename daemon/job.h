/*
 * Job: the bodies of JOB and RESULT messages, and the key that names a job's results.
 *
 * A result is a pure function of the digests of its inputs, the effective parameters in
 * canonical form, the versions of the methods, and the job's row (created, series number).
 */
#ifndef TUMORD_DAEMON_JOB_H
#define TUMORD_DAEMON_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/analyse.h"
#include "analysis/laid.h"
#include "daemon/slices.h"
#include "reports/report.h"
#include "util/digest.h"

struct error;
struct store_job;

#define JOB_MAX_RESULTS 32
#define JOB_MAX_SUPERSEDED 64

struct job_companion {
    enum laid_role role;
    char series_uid[TEXT_UID_SIZE];
    size_t files;
};

struct job {                        /* as a worker gets it */
    int64_t id, lease;
    char key[DIGEST_HEX_SIZE];
    char created[27];
    char modality[17];
    long series_number;
    size_t file_count, mask_count;  /* its files: slices, and behind them masks (dicom/mask.h) */
    size_t companion_count;         /* and behind these, series that are laid on it */
    struct job_companion companion[SLICES_MAX_COMPANIONS];
    int time_limit_s;
    char *parameter_text;           /* the canonical JSON, owned by the job */
    struct report_superseded superseded[JOB_MAX_SUPERSEDED];
    size_t superseded_count;
    struct analysis_parameters parameters;
};

/* Canonical JSON of the effective parameters (sorted keys, no spaces, threads left out). The
 * caller frees it. */
char *job_parameters_text(const struct analysis_parameters *parameters, struct error *err);
bool job_parameters_parse(const char *text, struct analysis_parameters *ret_parameters,
                          struct error *err);

/*
 * SHA-256 over the sorted digests of the slices, those of the `masks` behind them, the parameters and
 * the versions, in hexadecimal.
 */
void job_key(const char (*digests)[DIGEST_HEX_SIZE], size_t count, size_t masks,
             const char *parameters, char ret_key[DIGEST_HEX_SIZE]);

/* All of its files: slices, masks and companions. */
size_t job_files(const struct job *job);
bool job_body(const struct job *job, char *buffer, size_t size, struct error *err);
bool job_parse(const char *body, struct job *ret_job, struct error *err);
void job_clear(struct job *job);

struct job_result {                 /* as a worker answers it */
    char reason[300];               /* "3 candidate regions, 41.2 ml" */
    size_t count;
    struct {
        enum report_kind kind;
        char name[32], sop_class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE];
        char series_uid[TEXT_UID_SIZE], sha256[DIGEST_HEX_SIZE];
        size_t size;
    } object[JOB_MAX_RESULTS];      /* in the order of the message's fds */
    double seconds, peak_mib;
};
bool job_result_body(const struct job_result *result, char *buffer, size_t size,
                     struct error *err);
bool job_result_parse(const char *body, struct job_result *ret_result, struct error *err);
const char *job_kind_name(enum report_kind kind);

#endif
