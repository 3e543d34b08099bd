/*
 * Companion: series of the same study that are laid on the analysed one: other MR sequences, which are
 * registered, and the CT of a PET or the PET of a CT, which lie as they are. Their files
 * go with the job behind slices and masks.
 */
#ifndef TUMORD_DAEMON_COMPANION_H
#define TUMORD_DAEMON_COMPANION_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct dataset;
struct error;
struct findings;
struct inputs;
struct job;
struct slices;
struct store;
struct volume;

/*
 * Adds the files of the best series (rank.h) for each role in `wanted` (bits of enum laid_role) that is
 * not the series' own. Where there is none, none is added.
 */
bool companion_add(struct slices *slices, struct store *store, const char *study_uid,
                   const char *series_uid, unsigned wanted, struct error *err);

/*
 * In the worker: the liver of the job's CT, by a classical method (analysis/organs.h), on the grid of
 * `volume` into `to` (1, else 0). Fails with why there is none. What it takes of the arena it gives back.
 */
bool companion_liver(struct inputs *inputs, const struct job *job, const struct volume *volume,
                     struct arena *arena, uint8_t *to, double *ret_confidence, struct error *err);

/*
 * In the worker: reads, lays and measures the job's companions, into findings.laid. One that cannot be
 * read or laid is a warning that says why; fails on trouble with the channel only by that, too.
 */
void companion_measure(struct inputs *inputs, const struct job *job, const struct volume *volume,
                       struct dataset *source,
                       struct arena *arena, struct findings *findings);

#endif
