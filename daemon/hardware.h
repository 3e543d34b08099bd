/*
 * Hardware: a script for the simulated chip (hw/bench/tumord_top_tb.vhd): registers to write, a
 * slice, and what must come out of it and stand in the registers by the C twin.
 */
#ifndef TUMORD_DAEMON_HARDWARE_H
#define TUMORD_DAEMON_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/fixed_chain.h"

struct error;

/* A write, which the chip must accept or refuse; and a read of a value that is known. */
void hardware_write(FILE *to, unsigned address, uint32_t value, bool okay);
void hardware_read(FILE *to, unsigned address, uint32_t value, bool okay);

/*
 * The slice with what it gives, `slice` by fixed_chain_run(). An Otsu threshold is that of the slice
 * itself: it goes in twice, at first with a threshold that nothing passes.
 */
void hardware_slice(FILE *to, const struct fixed_chain *chain, const uint16_t *stored,
                    const struct fixed_slice *slice);

/* ---- in test builds: a worker and the simulator (daemon/simulator.c) ---- */

struct message;

struct hardware_chip {
    int channel;
    struct message *message;            /* room for one */
};

/* What goes over the channel in a memfd, and the voxels behind it; both ends are one binary. */
struct hardware_request {
    struct fixed_chain chain;           /* 16 bits for each voxel follow */
};
struct hardware_answer {
    struct fixed_otsu otsu;
    struct fixed_statistics statistics;
    struct fixed_components components;
    struct fixed_component part[FIXED_LABELS_MAX];
};                                      /* grey, padding, mask of each voxel follow, 8 bits each */

/* A fixed_engine's: one slice through the simulator; the context is a struct hardware_chip. */
bool hardware_ask(void *context, const struct fixed_chain *chain, const uint16_t *stored,
                  struct fixed_slice *slice, struct error *err);

#endif
