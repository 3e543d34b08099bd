/* Decide: what becomes of each series of a study that is quiet, and the recorded reason. */
#ifndef TUMORD_DAEMON_DECIDE_H
#define TUMORD_DAEMON_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct error;
struct store;

/*
 * Queues a job, a forwarding, or records why not, for every series of the study. Repeating it
 * changes nothing. Fails on trouble with the store only.
 */
bool decide_study(struct store *store, const struct config *config, const char *study_uid,
                  int64_t now_ms, struct error *err);

/*
 * Before that: wishes for priors where a rule has them (daemon/prior.h). ret_waits: the study is not to
 * be decided yet; one that is a prior itself never waits.
 */
bool decide_waits(struct store *store, const struct config *config, const char *study_uid,
                  int64_t now_ms, bool *ret_waits, struct error *err);

#endif
