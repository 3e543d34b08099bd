/* Window: the rational in integers, and a line for ramp.h to try. */
#include "analysis/window.h"

#include <math.h>

#include "analysis/ramp.h"
#include "util/volume.h"

#define SIXTEENTHS 16
#define TOP 255
#define LIMIT16 ((int64_t)1 << 45)  /* far beyond any voxel, and products stay in 64 bits */

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

uint8_t window_value(struct window window, double value)
{
    return window_value16(window, to_sixteenths(value));
}

static uint8_t value_of(const void *context, double value)
{
    return window_value(*(const struct window *)context, value);
}

static struct ramp ramp_of(const struct window *window)
{
    const double width = (double)(window->width16 - SIXTEENTHS) / SIXTEENTHS;
    const double center = (double)window->center16 / SIXTEENTHS - 0.5;
    struct ramp ramp = { .value = value_of, .context = window };

    if (width > 0) {
        ramp.scale = TOP / width;
        ramp.offset = TOP / 2.0 + 0.5 - center * ramp.scale;
    }
    return ramp;
}

void window_apply(const struct volume *volume, struct window window, size_t first,
                  size_t count, uint8_t *to)
{
    const struct ramp ramp = ramp_of(&window);

    ramp_apply(&ramp, volume, first, count, 1, to);
}

void window_apply_all(const struct volume *volume, struct window window, int threads,
                      uint8_t *to)
{
    const struct ramp ramp = ramp_of(&window);

    ramp_apply(&ramp, volume, 0, volume_count(volume), threads, to);
}
