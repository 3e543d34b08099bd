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
#define MAX_CANDIDATES 2000         /* the largest; noise makes more only of specks */
#define SHELL_PERCENT 75            /* surroundings reach so high where a candidate is an edge */
#define MAX_VALUES 100000           /* of a shell or core that are looked at */
#define NEIGHBOURS 6

/*
 * A candidate, cut out, with one layer around it that is never part of it, so that every voxel
 * inside has all its neighbours. A box may be as large as the volume (a skeleton's is), hence
 * bytes, and loops over rows.
 */
struct box {
    const struct levels *levels;
    size_t low[3];                  /* in the volume, of the voxel (1, 1, 1) here */
    size_t size[3], line, slice, count;
    bool small;                     /* takes unsmoothed levels */
    float *level;                   /* those of the whole box when it is small, else of a row */
    uint8_t *own, *next;            /* the candidate, as it is now */
    uint8_t *distance;              /* in steps from it: 0 to MARGIN, or not for it to take */
};

static bool take_box(const struct component *one, const struct levels *levels,
                     struct arena *arena, struct box *box, struct error *err)
{
    const struct volume *const volume = levels->volume;
    const double finest = fmin(volume_spacing_mm(volume, 0),
                               fmin(volume_spacing_mm(volume, 1),
                                    volume_spacing_mm(volume, 2)));

    *box = (struct box){ .levels = levels };
    for (int axis = 0; axis < 3; axis++) {
        const size_t high = one->high[axis] + MARGIN + 1, end = volume->size[axis];
        box->small |= one->high[axis] - one->low[axis] < SMALL
            && volume_spacing_mm(volume, axis) < FAR * finest;
        box->low[axis] = one->low[axis] > MARGIN ? one->low[axis] - MARGIN : 0;
        box->size[axis] = (high < end ? high : end) - box->low[axis] + 2;
    }
    box->line = box->size[0];
    box->slice = box->line * box->size[1];
    box->count = box->slice * box->size[2];
    box->level = arena_take(arena, box->small ? box->count : box->line, sizeof *box->level,
                            err);
    uint8_t *const bytes = box->level == NULL ? NULL
        : arena_take_zeroed(arena, 3 * box->count, 1, err);
    if (bytes == NULL)
        return false;
    box->own = bytes;
    box->next = bytes + box->count;
    box->distance = bytes + 2 * box->count;
    return true;
}

/* The voxel (0, j, k) of the box, in the box and in the volume (there i is 1 here). */
static size_t row_of(const struct box *box, size_t j, size_t k)
{
    return k * box->slice + j * box->line;
}

static size_t volume_row(const struct box *box, size_t j, size_t k)
{
    const size_t *const size = box->levels->volume->size;

    return ((box->low[2] + k - 1) * size[1] + box->low[1] + j - 1) * size[0] + box->low[0];
}

/* The levels of a row of the box. */
static const float *levels_of(const struct box *box, size_t j, size_t k)
{
    const uint16_t *const smooth = box->levels->smooth + volume_row(box, j, k);

    if (box->small)
        return box->level + row_of(box, j, k);
    for (size_t i = 1; i + 1 < box->line; i++)
        box->level[i] = smooth[i - 1];
    return box->level;
}

static void cut_row(const struct components *parts, size_t number, size_t j, size_t k,
                    struct box *box)
{
    const size_t row = (box->low[2] + k - 1) * parts->size[1] + box->low[1] + j - 1;
    const size_t at = row_of(box, j, k);

    if (box->small)
        for (size_t i = 1; i + 1 < box->line; i++)
            box->level[at + i] = (float)levels_raw(box->levels, box->low[0] + i - 1,
                                                   box->low[1] + j - 1, box->low[2] + k - 1);
    for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
        if (parts->run[r].component == number)
            memset(box->own + at + 1 + parts->run[r].first - box->low[0], 1,
                   parts->run[r].last - parts->run[r].first + 1);
}

static void cut_out(const struct components *parts, size_t number, struct box *box)
{
    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++)
            cut_row(parts, number, j, k, box);
}

static int neighbours(const struct box *box, const uint8_t *at)
{
    const ptrdiff_t line = (ptrdiff_t)box->line, slice = (ptrdiff_t)box->slice;

    return at[-1] + at[1] + at[-line] + at[line] + at[-slice] + at[slice];
}

static uint8_t nearer(uint8_t distance, uint8_t a, uint8_t b, uint8_t c)
{
    const uint8_t least = a < b ? (a < c ? a : c) : (b < c ? b : c);

    return least + 1 < distance ? (uint8_t)(least + 1) : distance;
}

/*
 * City-block steps from the candidate; beyond MARGIN all are alike. Two sweeps are exact: a
 * shortest way inside a box never needs to leave it.
 */
static void measure_distance(struct box *box)
{
    const size_t line = box->line, slice = box->slice;
    uint8_t *const d = box->distance;

    for (size_t at = 0; at < box->count; at++)
        d[at] = box->own[at] ? 0 : MARGIN + 1;
    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++)
            for (size_t i = 1, at = row_of(box, j, k) + 1; i + 1 < line; i++, at++)
                d[at] = nearer(d[at], d[at - 1], d[at - line], d[at - slice]);
    for (size_t k = box->size[2] - 1; k-- > 1;)
        for (size_t j = box->size[1] - 1; j-- > 1;)
            for (size_t i = line - 1, at = row_of(box, j, k) + i - 1; i-- > 1; at--)
                d[at] = nearer(d[at], d[at + 1], d[at + line], d[at + slice]);
}

/* What is not body, or another candidate's, is not to be had. */
static void close_off(const uint8_t *body, const uint8_t *mask, struct box *box)
{
    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++) {
            uint8_t *const d = box->distance + row_of(box, j, k) + 1;
            const size_t from = volume_row(box, j, k);
            for (size_t i = 0; i + 2 < box->line; i++)
                if (d[i] > 0 && !(body[from + i] & !mask[from + i]))
                    d[i] = MARGIN + 1;
        }
}

struct contrast {
    double core, around, edge;      /* levels: mean, median, percentile of the surroundings */
};

/* Voxels with all neighbours in the candidate, or all when it is too thin to have such. */
static double core_level(const struct box *box)
{
    double sum = 0, all = 0;
    size_t count = 0, total = 0;

    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++) {
            const uint8_t *const own = box->own + row_of(box, j, k);
            const float *const level = levels_of(box, j, k);
            for (size_t i = 1; i + 1 < box->line; i++) {
                if (!own[i])
                    continue;
                all += level[i];
                total++;
                if (neighbours(box, own + i) == NEIGHBOURS) {
                    sum += level[i];
                    count++;
                }
            }
        }
    return count >= 8 ? sum / (double)count : all / (double)total;
}

struct shell {                      /* levels of some voxels around a candidate */
    double *value, *smooth;
    size_t count, seen, step;
};

static void add_shell_row(const struct box *box, size_t j, size_t k, int sign,
                          struct shell *shell)
{
    const uint8_t *const d = box->distance + row_of(box, j, k);
    const uint16_t *const smooth = box->levels->smooth + volume_row(box, j, k);
    const float *const level = levels_of(box, j, k);

    for (size_t i = 1; i + 1 < box->line; i++) {
        if (d[i] < 3 || d[i] > MARGIN || shell->seen++ % shell->step != 0
            || shell->count == MAX_VALUES)
            continue;
        shell->value[shell->count] = level[i];
        shell->smooth[shell->count++] = sign * smooth[i - 1];
    }
}

static bool measure_contrast(const struct box *box, int sign, struct arena *arena,
                             struct contrast *ret_contrast, struct error *err)
{
    const size_t mark = arena_mark(arena);
    double *const value = arena_take(arena, 2 * MAX_VALUES, sizeof *value, err);
    struct shell shell = { .value = value, .step = box->count / MAX_VALUES + 1 };

    if (value == NULL)
        return false;
    shell.smooth = value + MAX_VALUES;
    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++)
            add_shell_row(box, j, k, sign, &shell);
    ret_contrast->core = core_level(box);
    ret_contrast->around = surface_median(shell.value, shell.count);
    surface_median(shell.smooth, shell.count);      /* sorts */
    ret_contrast->edge = shell.count == 0 ? ret_contrast->around
        : sign * shell.smooth[shell.count * SHELL_PERCENT / 100];
    if (shell.count == 0)                           /* nothing around it: it stands out of nothing */
        ret_contrast->around = ret_contrast->core;
    arena_rewind(arena, mark);
    return true;
}

/*
 * Log-odds of being lesion, by level and neighbours: the level from which on a voxel with so
 * many like neighbours belongs to it, times the sign of the contrast.
 */
static void make_limits(const struct box *box, const struct contrast *contrast, double noise,
                        double limit[NEIGHBOURS + 1])
{
    const double difference = contrast->core - contrast->around;
    const double middle = contrast->around + difference / 2;
    const double sd = fmax(noise, fabs(difference) / 20);
    const double smoothness = box->small ? SMOOTHNESS_SMALL : SMOOTHNESS;
    const double lack = box->small ? CONVEX : 0;

    for (int n = 0; n <= NEIGHBOURS; n++) {
        const double like = smoothness * (2 * n - NEIGHBOURS + lack);
        limit[n] = (difference < 0 ? -middle : middle) - like * sd * sd / fabs(difference);
    }
}

/* The border may move by REACH voxels. */
static void settle_once(struct box *box, double sign, const double limit[NEIGHBOURS + 1])
{
    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++) {
            const size_t row = row_of(box, j, k);
            const float *const level = levels_of(box, j, k);
            for (size_t i = 1; i + 1 < box->line; i++)
                box->next[row + i] = box->distance[row + i] <= REACH
                    && sign * level[i] > limit[neighbours(box, box->own + row + i)];
        }
}

static void swap(struct box *box)
{
    uint8_t *const own = box->own;

    box->own = box->next;
    box->next = own;
}

static void settle(struct box *box, const struct contrast *contrast, double noise)
{
    const double sign = contrast->core < contrast->around ? -1 : 1;
    double limit[NEIGHBOURS + 1];

    make_limits(box, contrast, noise, limit);
    for (int round = 0; round < ROUNDS; round++) {
        settle_once(box, sign, limit);
        swap(box);
    }
}

/* A voxel that stands alone on a face of the rest is noise, and would lengthen every axis. */
static void cut_tips(struct box *box)
{
    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++) {
            const size_t row = row_of(box, j, k);
            for (size_t i = 1; i + 1 < box->line; i++)
                box->next[row + i] = box->own[row + i]
                    & (neighbours(box, box->own + row + i) > 1);
        }
    swap(box);
}

/* Counts or clears the candidate's voxels in a plane across an axis. */
static size_t plane(struct box *box, int axis, size_t place, bool clear)
{
    size_t low[3] = { 0, 0, 0 }, high[3] = { box->size[0], box->size[1], box->size[2] };
    size_t voxels = 0;

    low[axis] = place;
    high[axis] = place + 1;
    for (size_t k = low[2]; k < high[2]; k++)
        for (size_t j = low[1]; j < high[1]; j++) {
            uint8_t *const own = box->own + row_of(box, j, k);
            for (size_t i = low[0]; i < high[0]; i++) {
                voxels += own[i];
                own[i] &= !clear;
            }
        }
    return voxels;
}

/* So is an outermost layer of one or two voxels: the cap of anything round has more. */
static void cut_thin_ends(struct box *box)
{
    for (int axis = 0; axis < 3; axis++) {
        size_t low = 0, high = box->size[axis], at_low = 0, at_high = 0;
        while (low < high && (at_low = plane(box, axis, low, false)) == 0)
            low++;
        while (high > low && (at_high = plane(box, axis, high - 1, false)) == 0)
            high--;
        if (low < high && at_low <= THIN)
            plane(box, axis, low, true);
        if (low < high && at_high <= THIN)
            plane(box, axis, high - 1, true);
    }
}

/* By faces: what hangs on by a corner is noise. */
static bool keep_largest(struct box *box, struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct components parts;
    size_t largest = 0;

    if (!components_find(box->own, box->size, 1, CONNECTIVITY_6, arena, &parts, err))
        return false;
    for (size_t c = 1; c < parts.count; c++)
        if (parts.component[c].voxels > parts.component[largest].voxels)
            largest = c;
    memset(box->own, 0, box->count);
    if (parts.count > 0)
        components_paint(&parts, largest, 1, box->own);
    arena_rewind(arena, mark);
    return components_fill_holes(box->own, box->size, false, arena, err);
}

static void paint(const struct box *box, uint8_t *refined)
{
    for (size_t k = 1; k + 1 < box->size[2]; k++)
        for (size_t j = 1; j + 1 < box->size[1]; j++) {
            const uint8_t *const own = box->own + row_of(box, j, k) + 1;
            uint8_t *const to = refined + volume_row(box, j, k);
            for (size_t i = 0; i + 2 < box->line; i++)
                to[i] |= own[i];
        }
}

static bool refine_one(const struct levels *levels, const uint8_t *body, const uint8_t *mask,
                       const struct components *parts, size_t number,
                       const struct analysis_parameters *parameters, int sign,
                       uint8_t *refined, struct arena *arena, struct error *err)
{
    struct box box;
    struct contrast contrast;
    const double least = parameters->min_contrast * levels->noise;

    if (!take_box(&parts->component[number], levels, arena, &box, err))
        return false;
    cut_out(parts, number, &box);
    measure_distance(&box);
    close_off(body, mask, &box);
    if (!measure_contrast(&box, sign, arena, &contrast, err))
        return false;
    if (!(sign * (contrast.core - contrast.around) > least)
        || sign * (contrast.core - contrast.edge) < least / 2)
        return true;
    settle(&box, &contrast, levels->noise);
    cut_tips(&box);
    cut_tips(&box);
    cut_thin_ends(&box);
    if (!keep_largest(&box, arena, err))
        return false;
    paint(&box, refined);
    return true;
}

/* The size from which on there are at most MAX_CANDIDATES parts; at least `least` voxels. */
static size_t least_voxels(const struct components *parts, size_t least)
{
    for (;; least += least / 8 + 1) {
        size_t count = 0;
        for (size_t c = 0; c < parts->count; c++)
            count += parts->component[c].voxels >= least;
        if (count <= MAX_CANDIDATES)
            return least;
    }
}

bool candidates_refine(const struct levels *levels, const uint8_t *body, const uint8_t *mask,
                       const struct analysis_parameters *parameters, int sign,
                       uint8_t *refined, size_t *ret_specks, struct arena *arena,
                       struct error *err)
{
    const size_t *const size = levels->volume->size;
    const size_t start = arena_mark(arena);
    const double voxel_mm3 = volume_voxel_mm3(levels->volume, size[2] / 2);
    struct components parts;

    if (!components_find(mask, size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    /* The border may move outwards, but not so far that a quarter becomes the least. */
    const size_t wanted = (size_t)ceil(parameters->min_lesion_mm3 / 4 / voxel_mm3);
    const size_t least = least_voxels(&parts, wanted);
    *ret_specks = 0;
    for (size_t c = 0; c < parts.count; c++) {
        const size_t mark = arena_mark(arena);
        if (parts.component[c].voxels < least) {
            *ret_specks += parts.component[c].voxels >= wanted;
            continue;
        }
        if (!refine_one(levels, body, mask, &parts, c, parameters, sign, refined, arena, err))
            return error_prefix(err, "refining");
        arena_rewind(arena, mark);
    }
    arena_rewind(arena, start);
    return true;
}
