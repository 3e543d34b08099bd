/*
 * Refine (of candidates.h): each candidate in its box. The border lies half way between core
 * and surroundings; a weak wish to be like the neighbours (iterated conditional modes, Besag
 * 1986) keeps noise from fraying it.
 */
#include <math.h>
#include <string.h>

#include "analysis/candidates.h"
#include "analysis/components.h"
#include "analysis/surface.h"
#include "util/arena.h"
#include "util/error.h"

#define MARGIN 5                    /* voxels around a candidate's box */
#define REACH 3                     /* how far the border may move */
#define ROUNDS 6
#define FAR 3                       /* x the finest spacing: not smoothed along that axis */
#define SMALL 14                    /* voxels: below, smoothing would round the shape away */
#define SMOOTHNESS 0.6              /* log-odds that one like neighbour is worth */
#define SMOOTHNESS_SMALL 0.5
#define THIN 2                      /* voxels */
#define CONVEX 1.5                  /* like neighbours that a small round border lacks */
#define MAX_CANDIDATES 2000         /* by size; noise makes no more than this */
#define SHELL_PERCENT 75            /* surroundings reach so high where a candidate is an edge */
#define MAX_VALUES 100000           /* of a shell or core that are looked at */

struct box {                        /* a candidate, cut out; distance in steps from it */
    size_t low[3], size[3], count;
    float *level;                   /* unsmoothed, or smoothed where the candidate is large */
    bool small;
    uint8_t *own, *next;            /* the candidate, as it is now */
    uint8_t *distance;              /* 0 in the candidate to start with, to MARGIN */
    uint8_t *open;                  /* body, and no other candidate */
};

static bool take_box(const struct component *one, const struct volume *volume,
                     struct arena *arena, struct box *box, struct error *err)
{
    const size_t *const size = volume->size;
    const double finest = fmin(volume_spacing_mm(volume, 0),
                               fmin(volume_spacing_mm(volume, 1),
                                    volume_spacing_mm(volume, 2)));

    box->count = 1;
    box->small = false;
    for (int axis = 0; axis < 3; axis++) {
        const size_t high = one->high[axis] + MARGIN + 1;
        box->small |= one->high[axis] - one->low[axis] < SMALL
            && volume_spacing_mm(volume, axis) < FAR * finest;
        box->low[axis] = one->low[axis] > MARGIN ? one->low[axis] - MARGIN : 0;
        box->size[axis] = (high < size[axis] ? high : size[axis]) - box->low[axis];
        box->count *= box->size[axis];
    }
    box->level = arena_take(arena, box->count, sizeof *box->level, err);
    uint8_t *const bytes = box->level == NULL ? NULL
        : arena_take(arena, 4 * box->count, 1, err);
    if (bytes == NULL)
        return false;
    box->own = bytes;
    box->next = bytes + box->count;
    box->distance = bytes + 2 * box->count;
    box->open = bytes + 3 * box->count;
    return true;
}

static void cut_out(const struct levels *levels, const uint8_t *body, const uint8_t *mask,
                    const struct components *parts, size_t number, struct box *box)
{
    const size_t *const size = levels->volume->size;
    size_t at = 0;

    for (size_t k = 0; k < box->size[2]; k++)
        for (size_t j = 0; j < box->size[1]; j++) {
            const size_t row = (box->low[2] + k) * size[1] + box->low[1] + j;
            const size_t from = row * size[0] + box->low[0];
            for (size_t i = 0; i < box->size[0]; i++)
                box->level[at + i] = box->small
                    ? (float)levels_raw(levels, box->low[0] + i, box->low[1] + j,
                                        box->low[2] + k) : (float)levels->smooth[from + i];
            memset(box->own + at, 0, box->size[0]);
            for (size_t i = 0; i < box->size[0]; i++)
                box->open[at + i] = body[from + i] & !mask[from + i];
            for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
                if (parts->run[r].component == number)
                    memset(box->own + at + parts->run[r].first - box->low[0], 1,
                           parts->run[r].last - parts->run[r].first + 1);
            at += box->size[0];
        }
}

/* Calls for every voxel of the box with the number of its 6 neighbours that are set. */
static int neighbours(const struct box *box, const uint8_t *mask, size_t at)
{
    const size_t line = box->size[0], slice = line * box->size[1];
    const size_t i = at % line, j = at / line % box->size[1], k = at / slice;

    return (i > 0 && mask[at - 1]) + (i + 1 < line && mask[at + 1])
        + (j > 0 && mask[at - line]) + (j + 1 < box->size[1] && mask[at + line])
        + (k > 0 && mask[at - slice]) + (k + 1 < box->size[2] && mask[at + slice]);
}

/* Steps from the candidate outside, MARGIN and more alike; inside 0. */
static void measure_distance(struct box *box)
{
    memset(box->distance, 0, box->count);
    memcpy(box->next, box->own, box->count);
    for (uint8_t step = 1; step <= MARGIN; step++) {
        for (size_t at = 0; at < box->count; at++)
            if (!box->next[at] && neighbours(box, box->next, at) > 0)
                box->distance[at] = step;
        for (size_t at = 0; at < box->count; at++)
            box->next[at] |= box->distance[at] == step;
    }
    for (size_t at = 0; at < box->count; at++)
        if (!box->next[at])
            box->distance[at] = MARGIN + 1;
}

struct contrast {
    double core, around, edge;      /* levels: mean, median, percentile of the surroundings */
};

/* Voxels with all neighbours in the candidate, or all when it is too thin to have such. */
static double core_level(const struct box *box)
{
    double sum = 0, all = 0;
    size_t count = 0, total = 0;

    for (size_t at = 0; at < box->count; at++) {
        if (!box->own[at])
            continue;
        all += box->level[at];
        total++;
        if (neighbours(box, box->own, at) == 6) {
            sum += box->level[at];
            count++;
        }
    }
    return count >= 8 ? sum / (double)count : all / (double)total;
}

static bool measure_contrast(const struct box *box, const struct levels *levels, int sign,
                             struct arena *arena, struct contrast *ret_contrast,
                             struct error *err)
{
    const size_t mark = arena_mark(arena), *const size = levels->volume->size;
    double *const value = arena_take(arena, 2 * MAX_VALUES, sizeof *value, err);
    double *const smooth = value == NULL ? NULL : value + MAX_VALUES;
    size_t count = 0, seen = 0;

    if (value == NULL)
        return false;
    const size_t step = box->count / MAX_VALUES + 1;
    for (size_t at = 0; at < box->count; at++) {
        if (box->distance[at] < 3 || box->distance[at] > MARGIN || !box->open[at]
            || seen++ % step != 0 || count == MAX_VALUES)
            continue;
        const size_t i = box->low[0] + at % box->size[0];
        const size_t j = box->low[1] + at / box->size[0] % box->size[1];
        const size_t k = box->low[2] + at / (box->size[0] * box->size[1]);
        value[count] = box->level[at];
        smooth[count++] = sign * levels->smooth[(k * size[1] + j) * size[0] + i];
    }
    ret_contrast->core = core_level(box);
    ret_contrast->around = surface_median(value, count);
    surface_median(smooth, count);                  /* sorts */
    ret_contrast->edge = count == 0 ? ret_contrast->around
        : sign * smooth[count * SHELL_PERCENT / 100];
    if (count == 0)                                 /* nothing around it: it stands out of nothing */
        ret_contrast->around = ret_contrast->core;
    arena_rewind(arena, mark);
    return true;
}

/* Log-odds of being lesion, by level and neighbours; the border may move by REACH voxels. */
static void settle(struct box *box, const struct contrast *contrast, double noise)
{
    const double difference = contrast->core - contrast->around;
    const double middle = contrast->around + difference / 2;
    const double sd = fmax(noise, fabs(difference) / 20);
    const double gain = difference / (sd * sd);
    const double smoothness = box->small ? SMOOTHNESS_SMALL : SMOOTHNESS;
    const double lack = box->small ? CONVEX : 0;

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t at = 0; at < box->count; at++) {
            const double like = smoothness * (2 * neighbours(box, box->own, at) - 6 + lack);
            box->next[at] = box->distance[at] <= REACH
                && (box->open[at] || box->distance[at] == 0)
                && gain * (box->level[at] - middle) + like > 0;
        }
        memcpy(box->own, box->next, box->count);
    }
}

/* A voxel that stands alone on a face of the rest is noise, and would lengthen every axis. */
static void cut_tips(struct box *box)
{
    for (size_t at = 0; at < box->count; at++)
        box->next[at] = box->own[at] && neighbours(box, box->own, at) > 1;
    memcpy(box->own, box->next, box->count);
}

static size_t place_of(const struct box *box, size_t at, int axis)
{
    return axis == 0 ? at % box->size[0]
        : axis == 1 ? at / box->size[0] % box->size[1]
        : at / (box->size[0] * box->size[1]);
}

/* So is an outermost layer of one or two voxels: the cap of anything round has more. */
static void cut_thin_ends(struct box *box)
{
    for (int axis = 0; axis < 3; axis++) {
        size_t low = SIZE_MAX, high = 0, at_low = 0, at_high = 0;
        for (size_t at = 0; at < box->count; at++) {
            const size_t place = place_of(box, at, axis);
            if (!box->own[at])
                continue;
            at_low = place < low ? 1 : at_low + (place == low);
            at_high = place > high ? 1 : at_high + (place == high);
            low = place < low ? place : low;
            high = place > high ? place : high;
        }
        for (size_t at = 0; at < box->count; at++)
            if ((at_low <= THIN && place_of(box, at, axis) == low)
                || (at_high <= THIN && place_of(box, at, axis) == high))
                box->own[at] = 0;
    }
}

/* By faces: what hangs on by a corner is noise. */
static bool keep_largest(struct box *box, struct arena *arena, size_t *ret_voxels,
                         struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct components parts;
    size_t largest = 0;

    *ret_voxels = 0;
    if (!components_find(box->own, box->size, 1, CONNECTIVITY_6, arena, &parts, err))
        return false;
    for (size_t c = 1; c < parts.count; c++)
        if (parts.component[c].voxels > parts.component[largest].voxels)
            largest = c;
    memset(box->own, 0, box->count);
    if (parts.count > 0) {
        components_paint(&parts, largest, 1, box->own);
        *ret_voxels = parts.component[largest].voxels;
    }
    arena_rewind(arena, mark);
    return components_fill_holes(box->own, box->size, false, arena, err);
}

static void paint(const struct box *box, const size_t size[3], uint8_t *refined)
{
    size_t at = 0;

    for (size_t k = 0; k < box->size[2]; k++)
        for (size_t j = 0; j < box->size[1]; j++, at += box->size[0]) {
            const size_t to = ((box->low[2] + k) * size[1] + box->low[1] + j) * size[0]
                + box->low[0];
            for (size_t i = 0; i < box->size[0]; i++)
                refined[to + i] |= box->own[at + i];
        }
}

static bool refine_one(const struct levels *levels, const uint8_t *body, const uint8_t *mask,
                       const struct components *parts, size_t number,
                       const struct analysis_parameters *parameters, int sign,
                       uint8_t *refined, struct arena *arena, struct error *err)
{
    struct box box;
    struct contrast contrast;
    size_t voxels = 0;
    const double least = parameters->min_contrast * levels->noise;

    if (!take_box(&parts->component[number], levels->volume, arena, &box, err))
        return false;
    cut_out(levels, body, mask, parts, number, &box);
    measure_distance(&box);
    if (!measure_contrast(&box, levels, sign, arena, &contrast, err))
        return false;
    if (sign * (contrast.core - contrast.around) < least
        || sign * (contrast.core - contrast.edge) < least / 2)
        return true;
    settle(&box, &contrast, levels->noise);
    cut_tips(&box);
    cut_tips(&box);
    cut_thin_ends(&box);
    if (!keep_largest(&box, arena, &voxels, err))
        return false;
    paint(&box, levels->volume->size, refined);
    return true;
}

bool candidates_refine(const struct levels *levels, const uint8_t *body, const uint8_t *mask,
                       const struct analysis_parameters *parameters, int sign,
                       uint8_t *refined, struct arena *arena, struct error *err)
{
    const size_t *const size = levels->volume->size;
    const size_t start = arena_mark(arena);
    const double voxel_mm3 = volume_voxel_mm3(levels->volume, size[2] / 2);
    struct components parts;
    size_t tried = 0;

    if (!components_find(mask, size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    for (size_t c = 0; c < parts.count && tried < MAX_CANDIDATES; c++) {
        const size_t mark = arena_mark(arena);
        if ((double)parts.component[c].voxels * voxel_mm3 < parameters->min_lesion_mm3 / 4)
            continue;               /* the border may move outwards, but not so far */
        tried++;
        if (!refine_one(levels, body, mask, &parts, c, parameters, sign, refined, arena, err))
            return error_prefix(err, "refining");
        arena_rewind(arena, mark);
    }
    arena_rewind(arena, start);
    return true;
}
