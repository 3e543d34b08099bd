/*
 * Commit: Storage Commitment, Push Model (PS3.4 annex J), both sides, and the proof of what was
 * delivered.
 *
 * As SCP: an N-ACTION becomes a row; the sender reports on an association of its own to the
 * peer, again until it succeeds, what of it lies in the store. A peer that cannot be called gets
 * its report on the same association.
 * As SCU: what a peer with `proof: commitment` has acknowledged is asked for by an N-ACTION; its
 * N-EVENT-REPORT comes on the same association or on one that the peer opens to the receiver.
 * With `proof: find` an IMAGE-level C-FIND must show each object.
 */
#ifndef TUMORD_DAEMON_COMMIT_H
#define TUMORD_DAEMON_COMMIT_H

#include <stdbool.h>

#define COMMIT_CLASS "1.2.840.10008.1.20.1"

struct association;
struct config;
struct config_peer;
struct dimse_message;
struct error;
struct journal;
struct store;

struct commit_scope {
    const struct config *config;
    const struct config_peer *peer;     /* whom it is about */
    struct store *store;
};

/* Both answer a request of the peer; false: the association is dead. What was acknowledged lies
 * in the journal for a moment: the first waits until it is in the index. */
bool commit_answer_action(const struct commit_scope *scope, struct journal *journal,
                          struct association *association, const struct dimse_message *message,
                          struct error *err);
bool commit_answer_event(const struct commit_scope *scope, struct association *association,
                         const struct dimse_message *message, struct error *err);

/* The sender's: reports that are due to the peer, and proofs to ask it for. They fail on trouble
 * with the store only; what the peer does wrong is logged and tried again. */
bool commit_send_reports(const struct commit_scope *scope, struct error *err);
bool commit_prove(const struct commit_scope *scope, struct error *err);

#endif
