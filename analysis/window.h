/*
 * Window: PS3.3 C.11.2.1.2.1, function LINEAR, to 8 bit. The one windowing of captures, viewer
 * and the twin of hw/: centre and width are quantised to 1/16, and each value is the standard's
 * exact rational, rounded half up in 64-bit integers.
 */
#ifndef TUMORD_ANALYSIS_WINDOW_H
#define TUMORD_ANALYSIS_WINDOW_H

#include <stddef.h>
#include <stdint.h>

struct volume;

struct window {
    int64_t center16, width16;      /* in sixteenths of the volume's unit; width at least 1 */
};

/* The nearest sixteenths; a width below 1 becomes 1 (the standard's least). */
struct window window_make(double center, double width);

/* One whole-numbered value in sixteenths → 0…255. */
uint8_t window_value16(struct window window, int64_t value16);

/* One value, quantised to 1/16: the plain form of what follows. What is no number gives 0. */
uint8_t window_value(struct window window, double value);

/* `count` voxels of the volume from `first` on. */
void window_apply(const struct volume *volume, struct window window, size_t first,
                  size_t count, uint8_t *to);

/* All voxels of the volume, on so many threads. */
void window_apply_all(const struct volume *volume, struct window window, int threads,
                      uint8_t *to);

#endif
