/*
 * Keep: what is stored stays whole, and goes only when it may. A thread of the scheduler at the
 * lowest priority reads stored files again and compares them with their digests
 * (node.scrub_mib_s, node.scrub_days), and removes series whose retention is over. A damaged
 * file is renamed to NAME.damaged, so that nobody can serve, send or analyse it.
 */
#ifndef TUMORD_DAEMON_KEEP_H
#define TUMORD_DAEMON_KEEP_H

#include <stdbool.h>

struct config;
struct error;
struct keep;
struct store;

struct keep *keep_start(const struct config *config, struct error *err);
void keep_configure(struct keep *keep, const struct config *config);
void keep_stop(struct keep *keep);              /* NULL is fine */

/*
 * Holds a study, or ends its hold: retention does not touch it. A hold is a file in holds/, too,
 * from which it comes back with an index that was made anew.
 */
bool keep_hold(struct store *store, const struct config *config, const char *study_uid,
               bool held, struct error *err);

#endif
