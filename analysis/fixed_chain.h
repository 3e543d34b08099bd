/* Fixed chain: a slice through all of hw/, tumord_top's twin, and what its registers hold. */
#ifndef TUMORD_ANALYSIS_FIXED_CHAIN_H
#define TUMORD_ANALYSIS_FIXED_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/fixed.h"

struct fixed_chain {
    size_t columns, rows;               /* 1 to 1024 */
    struct fixed_rescale rescale;
    struct fixed_window window;
    enum fixed_choice choice;           /* low and high are of the first two */
    int32_t low, high;
    enum fixed_operation operation;
    enum fixed_element element;
    enum fixed_neighbours neighbours;
    size_t labels;
};

struct fixed_slice {
    int32_t *grey;                      /* the caller's room: a voxel each, `spare` three lines */
    uint8_t *pad, *mask, *spare;
    struct fixed_otsu otsu;
    struct fixed_statistics statistics; /* of what the threshold chooses, before the morphology */
    struct fixed_components components; /* of the mask */
    struct fixed_component part[FIXED_LABELS_MAX];
};

/*
 * Otsu's thresholds are those of the slice `before`, as in the hardware; of this one where that is
 * NULL, as when a slice is sent twice.
 */
void fixed_chain_run(const struct fixed_chain *chain, const uint16_t *stored,
                     const struct fixed_otsu *before, struct fixed_slice *slice);

struct error;

/* Somebody else who takes a slice as fixed_chain_run() does, by its own Otsu; fails where he is gone. */
struct fixed_engine {
    bool (*run)(void *context, const struct fixed_chain *chain, const uint16_t *stored,
                struct fixed_slice *slice, struct error *err);
    void *context;
};

struct fixed_register {
    uint8_t address;
    uint32_t value;
};

enum fixed_address {                    /* those that a host needs by name; hw/doc/tumord_registers.md */
    FIXED_CONTROL = 0x0c, FIXED_STATUS = 0x10, FIXED_IRQ_ENABLE = 0x14, FIXED_IRQ_STATUS = 0x18,
    FIXED_MODE = 0x60, FIXED_LOW = 0x64, FIXED_INDEX = 0xa8
};
#define FIXED_REGISTERS_MAX 20

/* What a host writes for the chain; how many they are. SIGMOID's table is not among them. */
size_t fixed_chain_settings(const struct fixed_chain *chain,
                            struct fixed_register ret_register[FIXED_REGISTERS_MAX]);

/* What it reads then: the numbers of the slice; and those of its component `number`. */
size_t fixed_chain_results(const struct fixed_slice *slice,
                           struct fixed_register ret_register[FIXED_REGISTERS_MAX]);
size_t fixed_chain_part(const struct fixed_slice *slice, size_t number,
                        struct fixed_register ret_register[FIXED_REGISTERS_MAX]);

#endif
