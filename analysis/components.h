/*
 * Components: connected regions of a mask, as runs along i joined by union and find. Memory
 * grows with the runs and not with the voxels.
 */
#ifndef TUMORD_ANALYSIS_COMPONENTS_H
#define TUMORD_ANALYSIS_COMPONENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum connectivity { CONNECTIVITY_6, CONNECTIVITY_18, CONNECTIVITY_26 };  /* faces, edges, corners */

struct run {
    uint32_t first, last;           /* i, both inclusive */
    uint32_t component;             /* from 0, in the order of their first voxel */
};

struct component {
    size_t voxels;
    size_t low[3], high[3];         /* bounding box, both inclusive */
};

struct components {
    size_t size[3];
    size_t run_count;
    struct run *run;
    size_t *row;                    /* row (k · size[1] + j): its runs are row[r] … row[r + 1] - 1 */
    size_t count;
    struct component *component;
};

/* Of the voxels equal to `value` in the mask. Everything is taken from the arena. */
bool components_find(const uint8_t *mask, const size_t size[3], uint8_t value,
                     enum connectivity connectivity, struct arena *arena,
                     struct components *ret_components, struct error *err);

/* Sets the voxels of component `number` to `value`. */
void components_paint(const struct components *components, size_t number, uint8_t value,
                      uint8_t *mask);

/*
 * Background (0) that no 6-connected path joins to the border becomes foreground. `sides`:
 * only the borders in i and j count, so that lungs that leave through the first or last slice
 * are filled too.
 */
bool components_fill_holes(uint8_t *mask, const size_t size[3], bool sides,
                           struct arena *arena, struct error *err);

#endif
