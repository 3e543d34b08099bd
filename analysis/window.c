/*
 * Window: the rational in integers. For 16-bit voxels the same numbers come from a line in floats,
 * when it gives them for every stored value, and else from a table of all of them.
 */
#include "analysis/window.h"

#include <math.h>

#include "analysis/pool.h"
#include "analysis/vector.h"
#include "util/volume.h"

#define SIXTEENTHS 16
#define TOP 255
#define LIMIT16 ((int64_t)1 << 45)  /* far beyond any voxel, and products stay in 64 bits */
#define TABLE_PAYS 65536        /* voxels from which a table of all values is worth its making */
#define PART 262144             /* voxels that a thread takes at a time */
#define BLOCK 1024              /* stored values that are compared at a time */

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

/* ---- 16-bit voxels ---- */

/* Stored values below `first` give what it gives, those above `last` what that gives. */
struct ramp {
    const struct volume *volume;
    struct window window;
    int32_t first, last;
    double scale, offset;           /* of the line between */
};

static uint8_t stored(const struct ramp *ramp, int value)
{
    return window_value(ramp->window, value * ramp->volume->slope + ramp->volume->intercept);
}

/* The last stored value that gives what the lowest gives, or the first that gives the highest's. */
static int end_of(const struct ramp *ramp, bool upper)
{
    const uint8_t end = stored(ramp, upper ? INT16_MAX : INT16_MIN);
    int like = upper ? INT16_MAX : INT16_MIN, other = upper ? INT16_MIN - 1 : INT16_MAX + 1;

    while (like - other > 1 || other - like > 1) {
        const int middle = like + (other - like) / 2;
        if (stored(ramp, middle) == end)
            like = middle;
        else
            other = middle;
    }
    return like;
}

VECTOR_CLONES
static void line(const struct ramp *ramp, const int16_t *restrict from, uint8_t *restrict to,
                 size_t count)
{
    const int32_t first = ramp->first, last = ramp->last;
    const float scale = (float)ramp->scale, offset = (float)ramp->offset;

    for (size_t i = 0; i < count; i++) {
        const int32_t above = from[i] < first ? first : from[i];
        const int32_t value = above > last ? last : above;
        to[i] = (uint8_t)(int32_t)((float)(value - first) * scale + offset);
    }
}

VECTOR_CLONES
static void fine_line(const struct ramp *ramp, const int16_t *restrict from,
                      uint8_t *restrict to, size_t count)
{
    const int32_t first = ramp->first, last = ramp->last;
    const double scale = ramp->scale, offset = ramp->offset;

    for (size_t i = 0; i < count; i++) {
        const int32_t above = from[i] < first ? first : from[i];
        const int32_t value = above > last ? last : above;
        to[i] = (uint8_t)(int32_t)((double)(value - first) * scale + offset);
    }
}

typedef void (*line_fn)(const struct ramp *ramp, const int16_t *restrict from,
                        uint8_t *restrict to, size_t count);

/* Whether the line gives what it should, for each stored value. */
static bool is_right(const struct ramp *ramp, line_fn draw)
{
    const double end = ramp->offset + (ramp->last - ramp->first) * ramp->scale;
    int16_t value[BLOCK];
    uint8_t got[BLOCK];

    if (!(ramp->offset >= 0 && ramp->offset < TOP + 1 && end >= 0 && end < TOP + 1))
        return false;
    for (int at = ramp->first; at <= ramp->last; at += BLOCK) {
        const int count = ramp->last - at + 1 < BLOCK ? ramp->last - at + 1 : BLOCK;
        for (int i = 0; i < count; i++)
            value[i] = (int16_t)(at + i);
        draw(ramp, value, got, (size_t)count);
        for (int i = 0; i < count; i++)
            if (got[i] != stored(ramp, at + i))
                return false;
    }
    return true;
}

/* 255 ((x - c') / w' + 1/2), and the half that rounds; between two values any line will do. */
static void lay_line(struct ramp *ramp)
{
    const struct volume *const volume = ramp->volume;
    const double width = (double)(ramp->window.width16 - SIXTEENTHS) / SIXTEENTHS;
    const double center = (double)ramp->window.center16 / SIXTEENTHS - 0.5;

    if (ramp->last - ramp->first <= 1) {
        ramp->scale = stored(ramp, ramp->last) - stored(ramp, ramp->first);
        ramp->offset = stored(ramp, ramp->first) + 0.5;
    } else {
        ramp->scale = TOP * volume->slope / width;
        ramp->offset = TOP * (ramp->first * volume->slope + volume->intercept - center) / width
            + TOP / 2.0 + 0.5;
    }
}

/* The line that gives each stored value what window_value() does, or NULL when there is none. */
static line_fn find_line(const struct volume *volume, struct window window, struct ramp *ramp)
{
    *ramp = (struct ramp){ .volume = volume, .window = window };
    if (!isfinite(volume->slope) || !isfinite(volume->intercept))
        return NULL;                /* more need not give more */
    ramp->first = end_of(ramp, false);
    ramp->last = end_of(ramp, true);
    if (ramp->last < ramp->first)   /* all the same */
        ramp->last = ramp->first;
    lay_line(ramp);
    const double offset = ramp->offset;
    /* Little is added, so that what is rounded up from exactly a half does not fall below it. */
    ramp->offset = offset + 0x1p-15;
    if (is_right(ramp, line))
        return line;
    ramp->offset = offset + 0x1p-36;
    return is_right(ramp, fine_line) ? fine_line : NULL;
}

struct work {
    struct ramp ramp;
    line_fn draw;
    const uint8_t *table;           /* for where there is no line */
    const int16_t *from;
    uint8_t *to;
    size_t count;
};

static void apply_part(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t first = part * PART;
    const size_t count = work->count - first < PART ? work->count - first : PART;
    const int16_t *const from = work->from + first;
    uint8_t *const to = work->to + first;

    if (work->draw != NULL) {
        work->draw(&work->ramp, from, to, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        to[i] = work->table[from[i] - INT16_MIN];
}

static void apply_int16(const struct volume *volume, struct window window, size_t first,
                        size_t count, int threads, uint8_t *to)
{
    uint8_t table[65536];
    struct work work = { .table = table, .from = volume->i16 + first, .to = to, .count = count };

    if (count < TABLE_PAYS) {
        for (size_t i = 0; i < count; i++)
            to[i] = window_value(window, work.from[i] * volume->slope + volume->intercept);
        return;
    }
    work.draw = find_line(volume, window, &work.ramp);
    if (work.draw == NULL)
        for (int value = INT16_MIN; value <= INT16_MAX; value++)
            table[value - INT16_MIN] = stored(&work.ramp, value);
    pool_run(threads, (count + PART - 1) / PART, apply_part, &work);
}

void window_apply(const struct volume *volume, struct window window, size_t first,
                  size_t count, uint8_t *to)
{
    if (volume->type == VOXEL_INT16) {
        apply_int16(volume, window, first, count, 1, to);
        return;
    }
    for (size_t i = 0; i < count; i++)
        to[i] = window_value(window, volume_value(volume, first + i));
}

void window_apply_all(const struct volume *volume, struct window window, int threads,
                      uint8_t *to)
{
    if (volume->type == VOXEL_INT16)
        apply_int16(volume, window, 0, volume_count(volume), threads, to);
    else
        window_apply(volume, window, 0, volume_count(volume), to);
}
