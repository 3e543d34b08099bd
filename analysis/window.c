/* Window: the rational in integers, and a table for 16-bit voxels. */
#include "analysis/window.h"

#include <math.h>

#include "util/volume.h"

#define SIXTEENTHS 16
#define TOP 255
#define LIMIT16 ((int64_t)1 << 45)  /* far beyond any voxel, and products stay in 64 bits */
#define TABLE_PAYS 65536        /* voxels from which a table of all values is worth its making */

/* What is no number becomes the lowest value. */
static int64_t to_sixteenths(double value)
{
    const double sixteenths = floor(value * SIXTEENTHS + 0.5);

    return sixteenths >= LIMIT16 ? LIMIT16
        : sixteenths > -LIMIT16 ? (int64_t)sixteenths : -LIMIT16;
}

struct window window_make(double center, double width)
{
    const struct window window = { to_sixteenths(center), to_sixteenths(width) };

    return window.width16 >= SIXTEENTHS ? window
        : (struct window){ window.center16, SIXTEENTHS };
}

/*
 * With everything in sixteenths, c' = c - 1/2 and w' = w - 1: x <= c' - w'/2 gives 0,
 * x > c' + w'/2 gives 255, else ((x - c') / w' + 1/2) · 255. Doubled, so that halves are whole.
 */
uint8_t window_value16(struct window window, int64_t value16)
{
    const int64_t width = window.width16 - SIXTEENTHS;
    const int64_t twice = 2 * (value16 - window.center16) + SIXTEENTHS;     /* 2 (x - c') */

    if (twice <= -width)
        return 0;
    if (twice > width)
        return TOP;
    /* (twice + width) / (2 width) · 255, plus a half, rounded down; never negative here */
    return (uint8_t)(((twice + width) * 2 * TOP + 2 * width) / (4 * width));
}

static void apply_int16(const struct volume *volume, struct window window, size_t first,
                        size_t count, uint8_t *to)
{
    static const int low = INT16_MIN;
    uint8_t table[65536];
    const int16_t *const from = volume->i16 + first;

    if (count < TABLE_PAYS) {
        for (size_t i = 0; i < count; i++)
            to[i] = window_value16(window, to_sixteenths(from[i] * volume->slope
                                                         + volume->intercept));
        return;
    }
    for (int value = low; value <= INT16_MAX; value++)
        table[value - low] = window_value16(window, to_sixteenths(value * volume->slope
                                                                  + volume->intercept));
    for (size_t i = 0; i < count; i++)
        to[i] = table[from[i] - low];
}

void window_apply(const struct volume *volume, struct window window, size_t first,
                  size_t count, uint8_t *to)
{
    if (volume->type == VOXEL_INT16) {
        apply_int16(volume, window, first, count, to);
        return;
    }
    for (size_t i = 0; i < count; i++)
        to[i] = window_value16(window, to_sixteenths(volume_value(volume, first + i)));
}
