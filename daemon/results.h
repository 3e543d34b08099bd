/* Results: what a worker answered, made durable in results/JOB/ and in the index. */
#ifndef TUMORD_DAEMON_RESULTS_H
#define TUMORD_DAEMON_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct error;
struct job_result;
struct store;

/*
 * Copies the memfds of the answer into results/JOB/ (checked against the sizes and digests
 * that the worker told), with job.json from which the rows can be rebuilt, all synced before
 * the job ends in the index and its deliveries are queued. ERROR_DENIED: the lease was lost.
 */
bool results_keep(struct store *store, const struct config *config, int64_t job,
                  int64_t lease, const struct job_result *result, const int *fds,
                  size_t fd_count, int64_t now_ms, struct error *err);

#endif
