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

/* A write, which the chip must accept or refuse; and a read of a value that is known. */
void hardware_write(FILE *to, unsigned address, uint32_t value, bool okay);
void hardware_read(FILE *to, unsigned address, uint32_t value, bool okay);

/*
 * The slice with what it gives, `slice` by fixed_chain_run(). An Otsu threshold is that of the slice
 * itself: it goes in twice, at first with a threshold that nothing passes.
 */
void hardware_slice(FILE *to, const struct fixed_chain *chain, const uint16_t *stored,
                    const struct fixed_slice *slice);

#endif
