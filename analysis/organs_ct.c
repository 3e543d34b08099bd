/*
 * Organs of CT, the frame that the others hang in: body, lungs and bone, which their CT numbers tell
 * (thresholds half way between tissues: imaging-physics, table of section 1; Hu, Hoffman and Reinhardt,
 * IEEE TMI 2001, for the lungs).
 */
#include "analysis/organs_work.h"

#include <math.h>
#include <string.h>

#include "analysis/ball.h"
#include "analysis/distance.h"
#include "util/arena.h"
#include "util/error.h"

#define SKIN_HU -500                /* between air and fat */
#define TABLE_MM 6                  /* thinner than twice this is no body: table tops, blankets */
#define LARGE_PART 0.2              /* of the largest: two legs are a body, a cable is not */
#define LUNG_HU -400                /* between lung and soft tissue */
#define GAS_HU -940                 /* most of a lung is denser, gas in bowels and airways is not */
#define AIRWAY_HU -930
#define LUNG_LEAST_ML 10
#define LUNG_LEAST_PART 0.1         /* of the largest: what is smaller and apart is bowel */
#define GAS_LEAST_ML 2
#define HILUM_MM 6                  /* vessels up to twice as thick belong to the lung */
#define BONE_HU 130                 /* cancellous bone: imaging-physics, section 1 */
#define CORTEX_HU 500               /* somewhere in it; iodine in vessels and kidneys stays below */
#define MIXED_HU 226                /* in a block of 3 mm with some cortex; the usual bone threshold (van Eijnatten et al. 2018) */
#define MARROW_WIDE_MM 12           /* gaps up to twice as wide between cortex in a slice, if … */
#define VERTEBRA_MM 36              /* in the column up to a vertebral body's depth */
#define COLUMN_MM 35                /* so far beside the median plane is the column */
#define MARROW_OPEN_HU 80           /* … denser than any muscle, are marrow that the cortex does not close in */
#define CORTEX_MM 7.5               /* so far from the cortex bone goes on */
#define MARROW_HU 60                /* what bone encloses and is denser is marrow, and no spinal canal */
#define BONE_LEAST_ML 5

static void paint(struct organs_work *work, const uint8_t *mask, enum organ_id id)
{
    for (size_t at = 0; at < work->count; at++)
        if (mask[at])
            work->label[at] = (uint8_t)id;
}

/* ---- body ---- */

/* Keeps in `mask` the largest component and those of a like size. */
static bool keep_large(struct organs_work *work, uint8_t *mask, double part, size_t *ret_voxels,
                       struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct components found;
    struct organs_part *parts;
    size_t *order;

    *ret_voxels = 0;
    if (!organs_parts(work, mask, false, &found, &parts, &order, err))
        return false;
    memset(mask, 0, work->count);
    for (size_t n = 0; n < found.count; n++)
        if ((double)parts[order[n]].voxels >= part * (double)parts[order[0]].voxels) {
            components_paint(&found, order[n], 1, mask);
            *ret_voxels += parts[order[n]].voxels;
        }
    arena_rewind(work->arena, mark);
    return true;
}

/* Where the median plane is, by the body's own weight; the spine tells it better, later. */
static void find_middle(struct organs_work *work)
{
    double sum = 0, voxels = 0;

    for (size_t at = 0; at < work->count; at++)
        if (work->label[at] != ORGAN_NONE) {
            sum += (double)(at % work->size[0]);
            voxels++;
        }
    work->middle_mm = voxels > 0 ? sum / voxels * work->spacing_mm[0] : 0;
}

/*
 * Is the body cut off at its right or left side? Then nobody knows its median plane: as much of it
 * lies at the border as in a third of the sagittal slices of the middle.
 */
static bool is_half(const struct organs_work *work)
{
    size_t at_side[2] = { 0, 0 }, voxels = 0;

    for (size_t at = 0; at < work->count; at++) {
        const bool inside = work->label[at] != ORGAN_NONE;
        voxels += inside;
        at_side[0] += inside && at % work->size[0] == 0;
        at_side[1] += inside && at % work->size[0] == work->size[0] - 1;
    }
    const double usual = (double)voxels / (double)work->size[0];
    return (double)at_side[0] > usual / 3 || (double)at_side[1] > usual / 3;
}

static bool find_body(struct organs_work *work, bool *ret_found, struct error *err)
{
    uint8_t *const mask = work->mask, *const whole = work->spare;
    size_t voxels;

    for (size_t at = 0; at < work->count; at++)
        mask[at] = whole[at] = work->value[at] > SKIN_HU;
    if (!organs_ball(work, BALL_OPEN, mask, TABLE_MM, err)
        || !keep_large(work, mask, LARGE_PART, &voxels, err)
        || !organs_grow(work, mask, whole, TABLE_MM / 2.0, err)
        || !organs_fill_slices(work, mask, err))
        return false;
    *ret_found = (double)voxels >= 0.05 * (double)work->count;
    if (!*ret_found) {
        organs_work_missed(work, ORGAN_BODY, "nothing denser than -500 HU fills a twentieth of the "
                           "volume");
        return true;
    }
    paint(work, mask, ORGAN_BODY);
    find_middle(work);
    work->half = is_half(work);
    organs_work_found(work, ORGAN_BODY, work->half ? 0.7 : 1);
    return true;
}

/* ---- lungs ---- */

/*
 * Keeps in `air` the components that hold lung: gas alone is bowel, stomach or windpipe. What lies at
 * the surface is mixed with walls, and has no say.
 */
static bool keep_lung(struct organs_work *work, uint8_t *air, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct components found;
    struct organs_part *parts;
    size_t *order;

    memcpy(work->other, air, work->count);
    if (!organs_ball(work, BALL_ERODE, work->other, 1.01 * work->spacing_mm[0], err)
        || !organs_parts(work, air, false, &found, &parts, &order, err))
        return false;
    size_t (*const inner)[2] = arena_take_zeroed(work->arena, found.count, sizeof *inner, err);
    if (inner == NULL)
        return false;
    for (size_t row = 0; row < work->size[1] * work->size[2]; row++)
        for (size_t r = found.row[row]; r < found.row[row + 1]; r++)
            for (size_t x = found.run[r].first; x <= found.run[r].last; x++) {
                const size_t at = row * work->size[0] + x;
                inner[found.run[r].component][work->value[at] < GAS_HU] += work->other[at];
            }
    double most = 0;
    for (size_t n = 0; n < found.count; n++)
        most = inner[n][0] > inner[n][1] ? fmax(most, parts[n].ml) : most;
    for (size_t n = 0; n < found.count; n++)
        if (parts[n].ml < fmax(LUNG_LEAST_ML, LUNG_LEAST_PART * most) || inner[n][0] <= inner[n][1])
            components_paint(&found, n, 0, air);
    arena_rewind(work->arena, mark);
    return true;
}

/*
 * Windpipe, bronchi, and bowel that a thin wall did not part from the lung: pockets of gas. Those within
 * the lung (bullae) are filled again, and a lung that is gas for the most part (emphysema) stays.
 */
static bool drop_gas(struct organs_work *work, uint8_t *air, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    uint8_t *const gas = work->other;
    struct components found;
    struct organs_part *parts;
    size_t *order, voxels = 0;

    for (size_t at = 0; at < work->count; at++) {
        gas[at] = air[at] && work->value[at] < AIRWAY_HU;
        voxels += air[at];
    }
    if (!organs_parts(work, gas, false, &found, &parts, &order, err))
        return false;
    memset(gas, 0, work->count);
    for (size_t n = 0; n < found.count; n++)
        if (parts[n].ml > GAS_LEAST_ML && parts[n].mean < GAS_HU
            && (double)parts[n].voxels < LARGE_PART * (double)voxels)
            components_paint(&found, n, 1, gas);
    arena_rewind(work->arena, mark);
    if (!organs_ball(work, BALL_DILATE, gas, 1.01 * work->spacing_mm[0], err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        air[at] = air[at] && !gas[at];
    return true;
}

/* The side that a component lies on: by its centre, left of the median plane or right of it. */
static bool is_left(const struct organs_work *work, const struct organs_part *part)
{
    return part->center[0] * work->spacing_mm[0] > work->middle_mm;
}

/* Where are the two largest cores at this depth, one on each side and none a mere rest of the other? */
static bool are_two(const struct organs_work *work, const struct organs_part *parts, const size_t *order,
                    size_t count, size_t ret_cores[2])
{
    if (count < 2)
        return false;
    for (size_t n = 1; n < count && n < 4; n++)
        if (is_left(work, &parts[order[0]]) != is_left(work, &parts[order[n]])
            && (double)parts[order[n]].voxels > 0.2 * (double)parts[order[0]].voxels) {
            ret_cores[is_left(work, &parts[order[0]])] = order[0];
            ret_cores[is_left(work, &parts[order[n]])] = order[n];
            return true;
        }
    return false;
}

/*
 * Cores of both lungs: what is deeper than so many mm, the least at which the right one and the left
 * one hang together no more. In `right` and `left`.
 */
static bool find_cores(struct organs_work *work, const uint8_t *air, uint8_t *right, uint8_t *left,
                       bool *ret_two, struct error *err)
{
    const double step = work->spacing_mm[0];

    *ret_two = false;
    if (!distance_transform(air, work->size, work->spacing_mm, work->distance, work->threads,
                            work->arena, err))
        return false;
    for (double depth = 0; !*ret_two && depth < 30; depth += step) {
        const size_t mark = arena_mark(work->arena);
        struct components found;
        struct organs_part *parts;
        size_t *order, cores[2];
        for (size_t at = 0; at < work->count; at++)
            right[at] = work->distance[at] > depth;
        if (!organs_parts(work, right, false, &found, &parts, &order, err))
            return false;
        *ret_two = are_two(work, parts, order, found.count, cores);
        if (*ret_two) {
            memset(right, 0, work->count);
            memset(left, 0, work->count);
            components_paint(&found, cores[0], 1, right);
            components_paint(&found, cores[1], 1, left);
        }
        arena_rewind(work->arena, mark);
    }
    return true;
}

/* Both cores grow step by step at the same speed, each through what neither has: a watershed of steps. */
static bool grow_cores(struct organs_work *work, const uint8_t *air, uint8_t *right, uint8_t *left,
                       struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    uint8_t *const free = arena_take(work->arena, work->count, 1, err);
    const double step = fmin(work->spacing_mm[0], fmin(work->spacing_mm[1], work->spacing_mm[2]));

    if (free == NULL)
        return false;
    for (int n = 0; n < 60; n++) {
        uint8_t *const turn = n % 2 == 0 ? right : left, *const still = n % 2 == 0 ? left : right;
        for (size_t at = 0; at < work->count; at++)
            free[at] = air[at] && !still[at];
        if (!organs_grow(work, turn, free, step, err))
            return false;
    }
    arena_rewind(work->arena, mark);
    return true;
}

/* What no core reached is taken by the side that it lies on. */
static bool share_rest(struct organs_work *work, const uint8_t *air, uint8_t *right, uint8_t *left,
                       struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    uint8_t *const rest = work->other;
    struct components found;
    struct organs_part *parts;
    size_t *order;

    for (size_t at = 0; at < work->count; at++)
        rest[at] = air[at] && !right[at] && !left[at];
    if (!organs_parts(work, rest, false, &found, &parts, &order, err))
        return false;
    for (size_t n = 0; n < found.count; n++)
        components_paint(&found, n, 1, is_left(work, &parts[n]) ? left : right);
    arena_rewind(work->arena, mark);
    return true;
}

static double ml_of(const struct organs_work *work, const uint8_t *mask)
{
    size_t voxels = 0;

    for (size_t at = 0; at < work->count; at++)
        voxels += mask[at];
    return (double)voxels * work->block_mm3 / 1000;
}

/* Vessels within: closed, and filled slice by slice, as far as it stays within the body. */
static bool finish_lung(struct organs_work *work, uint8_t *lung, enum organ_id id, bool split,
                        struct error *err)
{
    const double ml = ml_of(work, lung);

    if (ml < LUNG_LEAST_ML) {
        organs_work_missed(work, id, "less than 10 ml of air with the density of lung on this side");
        return true;
    }
    if (!organs_ball(work, BALL_CLOSE, lung, HILUM_MM, err) || !organs_fill_slices(work, lung, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        if (lung[at] && work->label[at] == ORGAN_BODY)
            work->label[at] = (uint8_t)id;
    organs_work_found(work, id, (split ? 1 : 0.7) * (ml > 200 ? 1 : 0.8));
    return true;
}

static bool find_lungs(struct organs_work *work, struct error *err)
{
    uint8_t *const air = work->mask, *const right = work->spare;
    const size_t mark = arena_mark(work->arena);
    uint8_t *const left = arena_take_zeroed(work->arena, work->count, 1, err);
    bool two;

    if (left == NULL)
        return false;
    if (work->half) {
        organs_work_missed(work, ORGAN_LUNG_RIGHT, ORGANS_HALF);
        organs_work_missed(work, ORGAN_LUNG_LEFT, ORGANS_HALF);
        return true;
    }
    for (size_t at = 0; at < work->count; at++)
        air[at] = work->label[at] == ORGAN_BODY && work->value[at] < LUNG_HU;
    if (!keep_lung(work, air, err) || !drop_gas(work, air, err)
        || !find_cores(work, air, right, left, &two, err))
        return false;
    if (!two) {
        memset(right, 0, work->count);
        memset(left, 0, work->count);
    }
    const bool good = (!two || grow_cores(work, air, right, left, err))
        && share_rest(work, air, right, left, err)
        && finish_lung(work, right, ORGAN_LUNG_RIGHT, two, err)
        && finish_lung(work, left, ORGAN_LUNG_LEFT, two, err);
    arena_rewind(work->arena, mark);
    return good;
}

/* ---- bone ---- */

/* What bone encloses in a slice and is dense enough is marrow; the spinal canal is not. */
static bool fill_marrow(struct organs_work *work, uint8_t *bone, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct components found;
    struct organs_part *parts;
    size_t *order;

    memcpy(work->other, bone, work->count);
    if (!organs_fill_slices(work, work->other, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        work->other[at] = work->other[at] && !bone[at] && work->smooth[at] > MARROW_HU;
    if (!organs_parts(work, work->other, false, &found, &parts, &order, err))
        return false;
    for (size_t n = 0; n < found.count; n++)
        components_paint(&found, n, 1, bone);
    arena_rewind(work->arena, mark);
    return true;
}

/*
 * Closed slice by slice: across slices discs would be closed, too. What is added must be dense enough,
 * and lies, as what it is added to, within so many mm of the median plane.
 */
static bool close_slices(struct organs_work *work, uint8_t *bone, double radius_mm, double beside_mm,
                         struct error *err)
{
    const size_t slice[3] = { work->size[0], work->size[1], 1 }, count = slice[0] * slice[1];
    uint8_t *const from = work->other, *const to = work->other + work->count - count;

    for (size_t z = 0; z < work->size[2]; z++) {
        for (size_t at = 0; at < count; at++)
            from[at] = bone[z * count + at]
                && fabs((double)(at % slice[0]) * work->spacing_mm[0] - work->middle_mm) < beside_mm;
        if (!ball_apply(BALL_CLOSE, from, to, slice, work->spacing_mm, radius_mm, work->threads,
                        work->arena, err))
            return false;
        for (size_t at = 0; at < count; at++)
            bone[z * count + at] |= to[at] && work->smooth[z * count + at] > MARROW_OPEN_HU;
    }
    return true;
}

/*
 * Blocks with some cortex, in pieces that are as dense as cortex somewhere: iodine in bowels,
 * kidneys and vessels is not. Where a block is one voxel, it mixes cortex with all else, and no such
 * somewhere can be asked for.
 */
static bool find_cortex(struct organs_work *work, uint8_t *bone, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    const bool coarse = work->factor[0] * work->factor[1] * work->factor[2] == 1;
    struct components found;
    bool *sure;

    for (size_t at = 0; at < work->count; at++)
        bone[at] = work->label[at] == ORGAN_BODY
            && (work->value[at] >= MIXED_HU || (work->peak[at] >= CORTEX_HU && work->value[at] >= BONE_HU));
    if (!components_find(bone, work->size, 1, CONNECTIVITY_26, work->arena, &found, err)
        || (sure = arena_take_zeroed(work->arena, found.count, sizeof *sure, err)) == NULL)
        return false;
    for (size_t row = 0; row < work->size[1] * work->size[2]; row++)
        for (size_t r = found.row[row]; r < found.row[row + 1]; r++)
            for (size_t x = found.run[r].first; x <= found.run[r].last; x++)
                sure[found.run[r].component] |= work->peak[row * work->size[0] + x] >= CORTEX_HU;
    for (size_t n = 0; n < found.count; n++)
        if (!sure[n] && !coarse)
            components_paint(&found, n, 0, bone);
    arena_rewind(work->arena, mark);
    return true;
}

static bool find_bone(struct organs_work *work, struct error *err)
{
    uint8_t *const bone = work->mask, *const dense = work->spare;

    if (!find_cortex(work, bone, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        dense[at] = work->label[at] == ORGAN_BODY && work->value[at] >= BONE_HU;
    if (!organs_grow(work, bone, dense, CORTEX_MM, err)
        || !close_slices(work, bone, MARROW_WIDE_MM, INFINITY, err)
        || !close_slices(work, bone, VERTEBRA_MM / 2.0, COLUMN_MM, err) || !fill_marrow(work, bone, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        bone[at] = bone[at] && work->label[at] == ORGAN_BODY;
    const double ml = ml_of(work, bone);
    if (ml < BONE_LEAST_ML) {
        organs_work_missed(work, ORGAN_BONE, "less than 5 ml are denser than 130 HU near 500 HU");
        return true;
    }
    paint(work, bone, ORGAN_BONE);
    organs_work_found(work, ORGAN_BONE, ml > 50 ? 0.9 : 0.6);
    return true;
}

bool organs_ct_frame(struct organs_work *work, struct error *err)
{
    bool found;

    if (!find_body(work, &found, err))
        return false;
    for (size_t n = 0; !found && n < work->organs->count; n++)
        if (work->organs->organ[n].id != ORGAN_BODY)
            organs_work_missed(work, work->organs->organ[n].id, "there is no body to look in");
    return !found || (find_lungs(work, err) && find_bone(work, err));
}
