/*
 * Ramp: for 16-bit voxels a line in floats, when it gives what it should for every stored value, and
 * else a table of all of them; for floats the 255 values at which the byte grows.
 */
#include "analysis/ramp.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "analysis/pool.h"
#include "analysis/vector.h"
#include "util/volume.h"

#define TOP 255
#define PREPARING_PAYS 65536    /* voxels from which a table of all stored values is worth its making */
#define PART 262144             /* voxels that a thread takes at a time */
#define BLOCK 1024              /* stored values that are compared at a time */

/* Stored values below `first` give what it gives, those above `last` what that gives. */
struct line {
    int32_t first, last;
    double scale, offset;
};

struct work {
    const struct ramp *ramp;
    const struct volume *volume;
    size_t first, count;
    uint8_t *to;
    struct line line;
    void (*draw)(const struct line *line, const int16_t *restrict from, uint8_t *restrict to,
                 size_t count);
    uint8_t *table;                 /* 65536, for where there is no line */
    float step[TOP + 1];            /* from step[n] on the byte is at least n */
};

/* ---- 16-bit voxels ---- */

static uint8_t stored(const struct work *work, int value)
{
    return work->ramp->value(work->ramp->context,
                             value * work->volume->slope + work->volume->intercept);
}

/* The last stored value that gives what the lowest gives, or the first that gives the highest's. */
static int end_of(const struct work *work, bool upper)
{
    const uint8_t end = stored(work, upper ? INT16_MAX : INT16_MIN);
    int like = upper ? INT16_MAX : INT16_MIN, other = upper ? INT16_MIN - 1 : INT16_MAX + 1;

    while (like - other > 1 || other - like > 1) {
        const int middle = like + (other - like) / 2;
        if (stored(work, middle) == end)
            like = middle;
        else
            other = middle;
    }
    return like;
}

VECTOR_CLONES
static void draw_coarse(const struct line *line, const int16_t *restrict from,
                        uint8_t *restrict to, size_t count)
{
    const int32_t first = line->first, last = line->last;
    const float scale = (float)line->scale, offset = (float)line->offset;

    for (size_t i = 0; i < count; i++) {
        const int32_t above = from[i] < first ? first : from[i];
        const int32_t value = above > last ? last : above;
        to[i] = (uint8_t)(int32_t)((float)(value - first) * scale + offset);
    }
}

VECTOR_CLONES
static void draw_fine(const struct line *line, const int16_t *restrict from,
                      uint8_t *restrict to, size_t count)
{
    const int32_t first = line->first, last = line->last;
    const double scale = line->scale, offset = line->offset;

    for (size_t i = 0; i < count; i++) {
        const int32_t above = from[i] < first ? first : from[i];
        const int32_t value = above > last ? last : above;
        to[i] = (uint8_t)(int32_t)((double)(value - first) * scale + offset);
    }
}

/* Whether the line gives what it should, for each stored value. */
static bool is_right(const struct work *work)
{
    const struct line *const line = &work->line;
    const double end = line->offset + (line->last - line->first) * line->scale;
    int16_t value[BLOCK];
    uint8_t got[BLOCK];

    if (!(line->offset >= 0 && line->offset < TOP + 1 && end >= 0 && end < TOP + 1))
        return false;
    for (int at = line->first; at <= line->last; at += BLOCK) {
        const int count = line->last - at + 1 < BLOCK ? line->last - at + 1 : BLOCK;
        for (int i = 0; i < count; i++)
            value[i] = (int16_t)(at + i);
        work->draw(line, value, got, (size_t)count);
        for (int i = 0; i < count; i++)
            if (got[i] != stored(work, at + i))
                return false;
    }
    return true;
}

/* The ramp's own, in stored values; between two of them any line will do. */
static void lay_line(struct work *work)
{
    const struct volume *const volume = work->volume;
    struct line *const line = &work->line;

    line->first = end_of(work, false);
    line->last = end_of(work, true);
    if (line->last < line->first)   /* all the same */
        line->last = line->first;
    if (line->last - line->first <= 1) {
        line->scale = stored(work, line->last) - stored(work, line->first);
        line->offset = stored(work, line->first) + 0.5;
    } else {
        line->scale = work->ramp->scale * volume->slope;
        line->offset = work->ramp->offset
            + work->ramp->scale * (line->first * volume->slope + volume->intercept);
    }
}

static bool find_line(struct work *work)
{
    if (!isfinite(work->volume->slope) || !isfinite(work->volume->intercept))
        return false;               /* more need not give more */
    lay_line(work);
    const double offset = work->line.offset;
    /* Little is added, so that what is rounded up from exactly a half does not fall below it. */
    work->line.offset = offset + 0x1p-15;
    work->draw = draw_coarse;
    if (is_right(work))
        return true;
    work->line.offset = offset + 0x1p-36;
    work->draw = draw_fine;
    return is_right(work);
}

static void draw_part(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t at = part * PART, count = work->count - at < PART ? work->count - at : PART;

    work->draw(&work->line, work->volume->i16 + work->first + at, work->to + at, count);
}

static void look_up_part(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t at = part * PART, count = work->count - at < PART ? work->count - at : PART;
    const int16_t *const from = work->volume->i16 + work->first + at;

    for (size_t i = 0; i < count; i++)
        work->to[at + i] = work->table[from[i] - INT16_MIN];
}

static void apply_int16(struct work *work, int threads)
{
    uint8_t table[65536];
    const size_t parts = (work->count + PART - 1) / PART;

    if (find_line(work)) {
        pool_run(threads, parts, draw_part, work);
        return;
    }
    for (int value = INT16_MIN; value <= INT16_MAX; value++)
        table[value - INT16_MIN] = stored(work, value);
    work->table = table;
    pool_run(threads, parts, look_up_part, work);
    work->table = NULL;
}

/* ---- floats ---- */

/* The floats in their order: from the lowest to the highest, with both zeros in one place. */
static float float_at(int64_t place)
{
    const uint32_t bits = (uint32_t)(place < 0 ? -place : place) | (place < 0 ? 0x80000000u : 0);
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

#define INFINITE_PLACE 0x7f800000

/* The first float that gives at least n; what is no number, when none does. */
static float find_step(const struct ramp *ramp, int n)
{
    int64_t below = -INFINITE_PLACE - 1, reached = INFINITE_PLACE + 1;

    while (reached - below > 1) {
        const int64_t middle = below + (reached - below) / 2;
        if (ramp->value(ramp->context, (double)float_at(middle)) >= n)
            reached = middle;
        else
            below = middle;
    }
    return reached > INFINITE_PLACE ? NAN : float_at(reached);
}

/* The largest n whose step is reached: by halves, and where no step is, nothing is reached. */
VECTOR_CLONES
static void climb(const float *restrict step, const float *restrict from, uint8_t *restrict to,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t n = 0;
        for (int32_t half = (TOP + 1) / 2; half > 0; half /= 2)
            n += from[i] >= step[n + half] ? half : 0;
        to[i] = (uint8_t)n;
    }
}

static void climb_part(size_t part, void *context)
{
    const struct work *const work = context;
    const size_t at = part * PART, count = work->count - at < PART ? work->count - at : PART;

    climb(work->step, work->volume->f32 + work->first + at, work->to + at, count);
}

static void apply_float32(struct work *work, int threads)
{
    for (int n = 1; n <= TOP; n++)
        work->step[n] = find_step(work->ramp, n);
    pool_run(threads, (work->count + PART - 1) / PART, climb_part, work);
}

void ramp_apply(const struct ramp *ramp, const struct volume *volume, size_t first, size_t count,
                int threads, uint8_t *to)
{
    struct work work = { .ramp = ramp, .volume = volume, .first = first, .count = count, .to = to };

    if (volume->type == VOXEL_INT16 && count >= PREPARING_PAYS)
        apply_int16(&work, threads);
    else if (volume->type == VOXEL_FLOAT32 && count >= PREPARING_PAYS)
        apply_float32(&work, threads);
    else
        for (size_t i = 0; i < count; i++)
            to[i] = ramp->value(ramp->context, volume_value(volume, first + i));
}
