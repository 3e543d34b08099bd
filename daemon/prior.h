/*
 * Prior: earlier studies of a patient, brought from the PACS before a study is analysed. The
 * scheduler wishes, the sender brings, and the wish's row says what came of it. A study waits for its
 * wishes until their deadline and not longer; what fails is a sentence, never a failed analysis.
 */
#ifndef TUMORD_DAEMON_PRIOR_H
#define TUMORD_DAEMON_PRIOR_H

#include <stdbool.h>
#include <stdint.h>

struct commit_scope;
struct config;
struct config_rule;
struct error;
struct slices;
struct store;

/* Wishes by `rule` for the study that the series is of, once; ret_waits: there is one to wait for. */
bool prior_wish(struct store *store, const struct config_rule *rule, const char *study_uid,
                struct slices *slices, int64_t now_ms, bool *ret_waits, struct error *err);

/* Does some rule want priors from the peer? */
bool prior_is_source(const struct config *config, const char *peer);

/* The sender's: brings what is wished from the scope's peer. Fails on trouble with the store only. */
bool prior_fetch(const struct commit_scope *scope, struct error *err);

#endif
