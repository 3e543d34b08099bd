/*
 * Organs of CT, what the frame holds: liver, spleen and kidneys as the blobs that have the right place,
 * room and an even density, whatever it is (contrast moves it by 100 HU and more, so that each is
 * looked for at the densities that are frequent where it lies); then the rest of the trunk.
 */
#include "analysis/organs_work.h"

#include <math.h>
#include <string.h>

#include "analysis/ball.h"
#include "analysis/distance.h"
#include "analysis/number.h"
#include "util/arena.h"
#include "util/error.h"

#define FAT_HU -30                  /* above it is lean tissue (Mitsiopoulos et al. 1998) */
#define SOFT_LOW -20.0              /* fatty livers to enhanced kidneys: imaging-physics, section 1 */
#define SOFT_HIGH 300.0
#define ENHANCED_HU 70              /* no organ is so dense without contrast */
#define SKIN_MM 6
#define SEPTUM_MM 9                 /* what is thinner in the fat belongs to the fat */
#define WALL_MM 18                  /* of the belly, where no ribs tell where it ends */
#define RIB_MM 6
#define LINING_MM 9                 /* of muscle, within the ribs: intercostals and diaphragm */
#define SLAB_MM 24                  /* ribs lie slanting: this far up and down they enclose a slice */
#define BACK_MM 40                  /* beside the spine and behind it are muscles of the back */
#define BINS 66                     /* of 5 HU, from -30 to 300 */
#define BIN_HU 5.0
#define MODES 4
#define SCORE_LEAST 0.1             /* of 1 for what is as expected in place, size and shape */

struct belly {
    struct organs_work *work;
    uint8_t *inner;                 /* within the fat under the skin */
    uint8_t *cavity;                /* within ribs and wall */
    double *spine_x, *spine_y;      /* of each slice, in blocks */
};

/* An organ as it is looked for. */
struct wish {
    enum organ_id id;
    double from_mm, to_mm;          /* to the side of the spine: below 0 is to the right */
    double front_mm, back_mm;       /* behind the spine's middle */
    double band_hu;                 /* at most so far from the density */
    double open_mm;                 /* necks thinner than twice this are no part of it */
    double least_ml, most_ml, ideal_ml;
    double deep_mm;                 /* a ball of so much fits in */
    double round;                   /* the deepest ball's radius, as a part of that of its volume */
    double place[2];                /* where its centre is expected, beside and behind the spine, mm */
    double spread[2];
    bool patchy;                    /* it may be brighter in part: a kidney's cortex after contrast */
};

struct blob {
    double score, ml, low, high;    /* densities that it was found by */
    double open_mm;
    bool cut;                       /* by the volume's border */
};

/* ---- the spine ---- */

static bool is_bone(const struct organs_work *work, size_t at)
{
    return work->label[at] == ORGAN_BONE;
}

static void body_center(const struct organs_work *work, size_t z, double *ret_y, double *ret_back)
{
    double sum = 0, count = 0, back = 0;

    for (size_t y = 0; y < work->size[1]; y++)
        for (size_t x = 0; x < work->size[0]; x++)
            if (work->label[organs_index(work, x, y, z)] != ORGAN_NONE) {
                sum += (double)y;
                count++;
                back = fmax(back, (double)y);
            }
    *ret_y = count > 0 ? sum / count : (double)work->size[1] / 2;
    *ret_back = count > 0 ? back : (double)work->size[1] - 1;
}

/* Bone near the median plane in the back half, as far as this slice tells; weight 0 without any. */
static double spine_in(const struct organs_work *work, size_t z, double *ret_x, double *ret_y)
{
    double sum_x = 0, sum_y = 0, count = 0, center, back;

    body_center(work, z, &center, &back);
    for (size_t y = 0; y < work->size[1]; y++)
        for (size_t x = 0; x < work->size[0]; x++)
            if (is_bone(work, organs_index(work, x, y, z)) && (double)y > center
                && fabs((double)x * work->spacing_mm[0] - work->middle_mm) < 45) {
                sum_x += (double)x;
                sum_y += (double)y;
                count++;
            }
    *ret_x = count > 0 ? sum_x / count : work->middle_mm / work->spacing_mm[0];
    *ret_y = count > 0 ? sum_y / count : center + 0.5 * (back - center);
    return count;
}

/* Averaged over some slices, so that ribs and processes do not pull at it. */
static bool find_spine(struct belly *belly, struct error *err)
{
    struct organs_work *const work = belly->work;
    const size_t slices = work->size[2], reach = (size_t)(30 / work->spacing_mm[2]) + 1;
    double *const raw = arena_take(work->arena, 3 * slices, sizeof *raw, err);

    belly->spine_x = raw == NULL ? NULL : arena_take(work->arena, slices, sizeof *raw, err);
    belly->spine_y = belly->spine_x == NULL ? NULL : arena_take(work->arena, slices, sizeof *raw, err);
    if (belly->spine_y == NULL)
        return false;
    for (size_t z = 0; z < slices; z++)
        raw[3 * z] = spine_in(work, z, &raw[3 * z + 1], &raw[3 * z + 2]);
    for (size_t z = 0; z < slices; z++) {
        double sum = 0, x = 0, y = 0;
        for (size_t n = z > reach ? z - reach : 0; n < slices && n <= z + reach; n++) {
            const double weight = raw[3 * n] + 1e-3;
            sum += weight;
            x += weight * raw[3 * n + 1];
            y += weight * raw[3 * n + 2];
        }
        belly->spine_x[z] = x / sum;
        belly->spine_y[z] = y / sum;
    }
    return true;
}

/* How far left of the spine and behind its middle, in mm. */
static void beside(const struct belly *belly, double x, double y, double z, double ret_mm[2])
{
    const struct organs_work *const work = belly->work;
    const size_t slice = (size_t)fmin(fmax(z + 0.5, 0), (double)work->size[2] - 1);

    ret_mm[0] = (x - belly->spine_x[slice]) * work->spacing_mm[0];
    ret_mm[1] = (y - belly->spine_y[slice]) * work->spacing_mm[1];
}

/* ---- rooms ---- */

static bool find_inner(struct belly *belly, struct error *err)
{
    struct organs_work *const work = belly->work;
    uint8_t *const inner = belly->inner, *const skin = work->mask;

    for (size_t at = 0; at < work->count; at++)
        skin[at] = work->label[at] != ORGAN_NONE;
    if (!organs_ball(work, BALL_ERODE, skin, SKIN_MM, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        inner[at] = skin[at] && (work->value[at] > FAT_HU || work->label[at] == ORGAN_LUNG_LEFT
                                 || work->label[at] == ORGAN_LUNG_RIGHT);
    if (!organs_ball(work, BALL_CLOSE, inner, SEPTUM_MM, err) || !organs_fill_slices(work, inner, err)
        || !organs_ball(work, BALL_OPEN, inner, SEPTUM_MM, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        inner[at] = inner[at] && work->label[at] != ORGAN_NONE;
    return true;
}

struct column {                     /* bone of a slab at one x: its least and greatest y */
    double least, most;
    bool any;
};

/* Lower hull of points ordered by x (Andrew); `sign` -1 gives the upper one of the other values. */
static size_t hull_of(const struct column *columns, size_t width, double sign, double (*hull)[2])
{
    size_t count = 0;

    for (size_t x = 0; x < width; x++) {
        if (!columns[x].any)
            continue;
        const double y = sign > 0 ? columns[x].least : -columns[x].most;
        while (count >= 2 && (hull[count - 1][0] - hull[count - 2][0]) * (y - hull[count - 2][1])
               <= (hull[count - 1][1] - hull[count - 2][1]) * ((double)x - hull[count - 2][0]))
            count--;
        hull[count][0] = (double)x;
        hull[count++][1] = y;
    }
    return count;
}

static double hull_at(const double (*hull)[2], size_t count, double x)
{
    size_t n = 1;

    while (n + 1 < count && hull[n][0] < x)
        n++;
    const double part = (x - hull[n - 1][0]) / (hull[n][0] - hull[n - 1][0]);
    return hull[n - 1][1] + part * (hull[n][1] - hull[n - 1][1]);
}

static void gather_columns(const struct organs_work *work, size_t z, struct column *columns)
{
    const size_t reach = (size_t)(SLAB_MM / work->spacing_mm[2]);

    memset(columns, 0, work->size[0] * sizeof *columns);
    for (size_t n = z > reach ? z - reach : 0; n < work->size[2] && n <= z + reach; n++)
        for (size_t y = 0; y < work->size[1]; y++)
            for (size_t x = 0; x < work->size[0]; x++) {
                if (!is_bone(work, organs_index(work, x, y, n)))
                    continue;
                struct column *const one = &columns[x];
                one->least = one->any ? fmin(one->least, (double)y) : (double)y;
                one->most = one->any ? fmax(one->most, (double)y) : (double)y;
                one->any = true;
            }
}

/* The slice's convex hull of all bone that lies some centimetres up and down. */
static void fill_hull(const struct organs_work *work, size_t z, struct column *columns,
                      double (*low)[2], double (*high)[2], uint8_t *mask)
{
    gather_columns(work, z, columns);
    const size_t lows = hull_of(columns, work->size[0], 1, low);
    const size_t highs = hull_of(columns, work->size[0], -1, high);

    if (lows < 2 || highs < 2)
        return;
    for (size_t x = (size_t)low[0][0]; x <= (size_t)low[lows - 1][0]; x++) {
        const double first = hull_at((const double (*)[2])low, lows, (double)x);
        const double last = -hull_at((const double (*)[2])high, highs, (double)x);
        for (size_t y = (size_t)ceil(first); (double)y <= last; y++)
            mask[organs_index(work, x, y, z)] = 1;
    }
}

static bool find_ribcage(struct belly *belly, uint8_t *mask, struct error *err)
{
    struct organs_work *const work = belly->work;
    const size_t mark = arena_mark(work->arena), width = work->size[0];
    struct column *const columns = arena_take(work->arena, width, sizeof *columns, err);
    double (*const low)[2] = columns == NULL ? NULL : arena_take(work->arena, width, sizeof *low, err);
    double (*const high)[2] = low == NULL ? NULL : arena_take(work->arena, width, sizeof *high, err);

    if (high == NULL)
        return false;
    memset(mask, 0, work->count);
    for (size_t z = 0; z < work->size[2]; z++)
        fill_hull(work, z, columns, low, high, mask);
    arena_rewind(work->arena, mark);
    return organs_ball(work, BALL_ERODE, mask, RIB_MM, err);
}

/* Within the ribs, or far enough within the wall in front of the spine; the muscles of the back are not. */
static bool find_cavity(struct belly *belly, struct error *err)
{
    struct organs_work *const work = belly->work;
    uint8_t *const ribs = work->mask, *const deep = work->spare;
    size_t at = 0;

    memcpy(deep, belly->inner, work->count);
    if (!find_ribcage(belly, ribs, err) || !organs_ball(work, BALL_ERODE, deep, WALL_MM, err))
        return false;
    for (size_t z = 0; z < work->size[2]; z++)
        for (size_t y = 0; y < work->size[1]; y++)
            for (size_t x = 0; x < work->size[0]; x++, at++) {
                double place[2];
                beside(belly, (double)x, (double)y, (double)z, place);
                const bool back = fabs(place[0]) < BACK_MM && place[1] > 5;
                belly->cavity[at] = belly->inner[at] && work->label[at] != ORGAN_BONE && !back
                    && (ribs[at] || (deep[at] && place[1] < 30));
            }
    return true;
}

/* ---- densities ---- */

static int bin_of(double hu)
{
    const double bin = (hu - FAT_HU) / BIN_HU;

    return bin < 0 || bin >= BINS ? -1 : (int)bin;
}

/*
 * The densities that are frequent where `where` is deep enough, the most frequent first: tops of a
 * smoothed histogram, each 20 HU from the others at least.
 */
static size_t find_modes(const struct organs_work *work, const uint8_t *where, double deep_mm,
                         double ret_modes[MODES])
{
    double raw[BINS + 4] = { 0 }, soft[BINS] = { 0 };
    size_t count = 0;

    for (size_t at = 0; at < work->count; at++)
        if (where[at] && work->distance[at] >= deep_mm && bin_of(work->smooth[at]) >= 0)
            raw[bin_of(work->smooth[at]) + 2]++;
    for (int n = 0; n < BINS; n++)
        soft[n] = raw[n] + 2 * raw[n + 1] + 3 * raw[n + 2] + 2 * raw[n + 3] + raw[n + 4];
    while (count < MODES) {
        int best = -1;
        for (int n = 1; n < BINS - 1; n++) {
            bool good = soft[n] > 0 && soft[n] >= soft[n - 1] && soft[n] >= soft[n + 1];
            for (size_t m = 0; m < count && good; m++)
                good = fabs(FAT_HU + BIN_HU * (n + 0.5) - ret_modes[m]) >= 20;
            if (good && (best < 0 || soft[n] > soft[best]))
                best = n;
        }
        if (best < 0)
            return count;
        ret_modes[count++] = FAT_HU + BIN_HU * (best + 0.5);
    }
    return count;
}

/* ---- blobs ---- */

static bool is_free(const struct belly *belly, size_t at)
{
    return belly->cavity[at] && belly->work->label[at] == ORGAN_BODY;
}

/* Where the organ may lie, if its density does: `room`. */
static void make_room(const struct belly *belly, const struct wish *wish, uint8_t *room)
{
    const struct organs_work *const work = belly->work;
    size_t at = 0;

    for (size_t z = 0; z < work->size[2]; z++)
        for (size_t y = 0; y < work->size[1]; y++)
            for (size_t x = 0; x < work->size[0]; x++, at++) {
                double place[2];
                beside(belly, (double)x, (double)y, (double)z, place);
                room[at] = is_free(belly, at) && place[0] >= wish->from_mm && place[0] <= wish->to_mm
                    && place[1] >= wish->front_mm && place[1] <= wish->back_mm
                    && work->smooth[at] >= SOFT_LOW && work->smooth[at] <= SOFT_HIGH;
            }
}

/* 1 where it is as expected, towards 0 the farther it is off. */
static double closeness(double off, double spread)
{
    return number_exp(fmax(-0.5 * off * off / (spread * spread), -600));
}

/* What share of a blob's surface lies where only the room ends: there it goes on into something else. */
static double share_confined(const struct belly *belly, const struct wish *wish,
                             const struct components *found, size_t number)
{
    const struct organs_work *const work = belly->work;
    const struct component *const one = &found->component[number];
    const double step = work->spacing_mm[0];
    size_t confined = 0;

    for (size_t z = one->low[2]; z <= one->high[2]; z++)
        for (size_t y = one->low[1]; y <= one->high[1]; y++) {
            const size_t row = z * work->size[1] + y;
            for (size_t r = found->row[row]; r < found->row[row + 1]; r++) {
                double first[2], last[2];
                if (found->run[r].component != number)
                    continue;
                beside(belly, found->run[r].first, (double)y, (double)z, first);
                beside(belly, found->run[r].last, (double)y, (double)z, last);
                confined += (first[0] - step < wish->from_mm) + (last[0] + step > wish->to_mm);
            }
        }
    return (double)confined / pow((double)one->voxels, 2.0 / 3);
}

static double score_of(const struct belly *belly, const struct wish *wish, const struct organs_part *part,
                       bool cut)
{
    double place[2];

    if (part->ml < (cut ? wish->least_ml / 4 : wish->least_ml) || part->ml > wish->most_ml
        || part->deepest_mm < wish->deep_mm)
        return 0;
    beside(belly, part->center[0], part->center[1], part->center[2], place);
    const double radius = 10 * cbrt(0.75 * part->ml / M_PI);
    const double ratio = number_log(part->ml / wish->ideal_ml);
    return closeness(place[0] - wish->place[0], wish->spread[0])
        * closeness(place[1] - wish->place[1], wish->spread[1])
        * closeness(fmin(0, part->deepest_mm / radius - wish->round), 0.12)
        * closeness(cut && ratio < 0 ? ratio / 2 : ratio, 1);
}

static bool is_cut(const struct organs_work *work, const struct organs_part *part)
{
    for (int p = 0; p < 3; p++)
        if (part->low[p] == 0 || part->high[p] + 1 == work->size[p])
            return true;
    return false;
}

/* The best blob between two densities; it takes the place of `best` in `mask` when its score is higher. */
static bool try_band(struct belly *belly, const struct wish *wish, double low, double high,
                     double open_mm, const uint8_t *room, uint8_t *mask, struct blob *best, struct error *err)
{
    struct organs_work *const work = belly->work;
    const size_t mark = arena_mark(work->arena);
    const double fringe = (high - low) / 2;     /* single blocks are noisier, and thin walls of fat part */
    uint8_t *const band = work->other;
    struct components found;
    struct organs_part *parts;
    size_t *order;

    for (size_t at = 0; at < work->count; at++)
        band[at] = room[at] && work->smooth[at] >= low && work->smooth[at] <= high
            && work->value[at] >= low - fringe && work->value[at] <= high + fringe;
    if ((wish->patchy && !organs_fill_slices(work, band, err))
        || !organs_ball(work, BALL_OPEN, band, open_mm, err)
        || !organs_parts(work, band, true, &found, &parts, &order, err))
        return false;
    for (size_t n = 0; n < found.count && n < 12; n++) {
        const bool cut = is_cut(work, &parts[order[n]]);
        const double score = score_of(belly, wish, &parts[order[n]], cut)
            * closeness(share_confined(belly, wish, &found, order[n]), 0.15);
        if (score <= best->score)
            continue;
        *best = (struct blob){ score, parts[order[n]].ml, low, high, open_mm, cut };
        memset(mask, 0, work->count);
        components_paint(&found, order[n], 1, mask);
    }
    arena_rewind(work->arena, mark);
    return true;
}

/* Narrow and wide about a density, and with thin and thick necks cut: the best is the most like it. */
static bool try_mode(struct belly *belly, const struct wish *wish, double mode, const uint8_t *room,
                     uint8_t *mask, struct blob *best, struct error *err)
{
    for (int n = 0; n < 4; n++) {
        const double half = n % 2 == 0 ? wish->band_hu : 0.6 * wish->band_hu;
        const double open_mm = n / 2 == 0 ? wish->open_mm : 1.6 * wish->open_mm;
        if (!try_band(belly, wish, mode - half, mode + half, open_mm, room, mask, best, err))
            return false;
    }
    return !wish->patchy || mode < ENHANCED_HU
        || try_band(belly, wish, mode - wish->band_hu / 2, SOFT_HIGH, wish->open_mm, room, mask, best, err);
}

/* What the opening and the smoothing took at the border comes back, as far as density allows. */
static bool complete(struct belly *belly, const struct blob *blob, const uint8_t *room, uint8_t *mask, struct error *err)
{
    struct organs_work *const work = belly->work;
    uint8_t *const within = work->other;

    for (size_t at = 0; at < work->count; at++)
        within[at] = room[at] && work->smooth[at] >= blob->low && work->smooth[at] <= blob->high;
    if (!organs_grow(work, mask, within, blob->open_mm, err))
        return false;
    const double mode = (blob->low + blob->high) / 2, half = (blob->high - blob->low) / 2;
    for (size_t at = 0; at < work->count; at++)     /* half way to fat, and to what is brighter */
        within[at] = is_free(belly, at) && work->value[at] > (mode - 100) / 2
            && work->value[at] < mode + 2 * half;
    if (!organs_grow(work, mask, within, work->spacing_mm[0], err)
        || !organs_ball(work, BALL_CLOSE, mask, blob->open_mm, err)
        || !organs_fill_slices(work, mask, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        mask[at] = mask[at] && work->label[at] == ORGAN_BODY && work->value[at] > FAT_HU;
    return true;
}

static bool find_one(struct belly *belly, const struct wish *wish, const char *why, struct error *err)
{
    struct organs_work *const work = belly->work;
    const size_t mark = arena_mark(work->arena);
    uint8_t *const room = work->spare, *const mask = work->mask;
    struct blob best = { .score = 0 };
    double modes[MODES];

    make_room(belly, wish, room);
    if (!distance_transform(room, work->size, work->spacing_mm, work->distance, work->threads,
                            work->arena, err))
        return false;
    const size_t count = find_modes(work, room, wish->deep_mm / 2, modes);
    for (size_t n = 0; n < count; n++)
        if (!try_mode(belly, wish, modes[n], room, mask, &best, err))
            return false;
    if (best.score < SCORE_LEAST) {
        organs_work_missed(work, wish->id, why);
    } else {
        if (!complete(belly, &best, room, mask, err))
            return false;
        for (size_t at = 0; at < work->count; at++)
            if (mask[at])
                work->label[at] = (uint8_t)wish->id;
        organs_work_found(work, wish->id, best.score);
    }
    arena_rewind(work->arena, mark);
    return true;
}

/*
 * Places and sizes of adults, wide enough for children: Gray's Anatomy; volumes by Geraghty et al.,
 * AJR 2004 (liver 1.5 l, spleen 0.24 l, kidney 0.2 l). What is found is taken from the room of the next:
 * the right kidney often touches the liver.
 */
static const struct wish wishes[] = {
    { ORGAN_SPLEEN, 45, 400, -100, 100, 25, 6, 40, 1500, 240, 11, 0.45, { 100, 5 }, { 25, 40 }, false },
    { ORGAN_LIVER, -400, 120, -400, 100, 25, 8, 250, 4000, 1500, 20, 0.45, { -75, -45 }, { 50, 60 }, false },
    { ORGAN_KIDNEY_RIGHT, -110, -15, -80, 60, 45, 5, 40, 450, 170, 12, 0.6, { -60, -20 }, { 22, 18 }, true },
    { ORGAN_KIDNEY_LEFT, 15, 110, -80, 60, 45, 5, 40, 450, 170, 12, 0.6, { 60, -20 }, { 22, 18 }, true }
};

/* ---- what is left of the trunk ---- */

static bool is_trunk(const struct organs_work *work)
{
    return organs_work_has(work, ORGAN_LIVER) || organs_work_has(work, ORGAN_LUNG_LEFT)
        || organs_work_has(work, ORGAN_LUNG_RIGHT);
}

/* Fat in the cavity is visceral; what is lean near its border still belongs to the wall. */
static bool share_rest(struct belly *belly, struct error *err)
{
    struct organs_work *const work = belly->work;
    const bool trunk = is_trunk(work);
    uint8_t *const deep = work->mask;

    memcpy(deep, belly->cavity, work->count);
    if (!organs_ball(work, BALL_ERODE, deep, LINING_MM, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        if (work->label[at] == ORGAN_BODY)
            work->label[at] = !belly->inner[at] ? ORGAN_FAT_SUBCUTANEOUS
                : trunk && (deep[at] || (belly->cavity[at] && work->value[at] <= FAT_HU))
                ? ORGAN_FAT_VISCERAL : ORGAN_MUSCLE;
    organs_work_found(work, ORGAN_FAT_SUBCUTANEOUS, 0.8);
    organs_work_found(work, ORGAN_MUSCLE, trunk ? 0.6 : 0.4);
    if (trunk)
        organs_work_found(work, ORGAN_FAT_VISCERAL, 0.6);
    else
        organs_work_missed(work, ORGAN_FAT_VISCERAL, "neither liver nor lung tells where the cavity of "
                           "the trunk is");
    return true;
}

static bool find_wishes(struct belly *belly, struct error *err)
{
    static const char *const why[] = {
        "no even blob of the spleen's size lies far left of the spine",
        "no even blob of the liver's size lies to the right of the spine",
        "no even blob of a kidney's size lies to the right of the spine",
        "no even blob of a kidney's size lies to the left of the spine"
    };

    for (size_t n = 0; n < sizeof wishes / sizeof *wishes; n++) {
        if (!organs_work_has(belly->work, ORGAN_BONE))
            organs_work_missed(belly->work, wishes[n].id, "without bone there is no spine to look beside");
        else if (belly->work->oblique)
            organs_work_missed(belly->work, wishes[n].id, ORGANS_OBLIQUE);
        else if (belly->work->half)
            organs_work_missed(belly->work, wishes[n].id, ORGANS_HALF);
        else if (!find_one(belly, &wishes[n], why[n], err))
            return false;
    }
    return true;
}

bool organs_ct_belly(struct organs_work *work, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct belly belly = { .work = work };

    if (!organs_work_has(work, ORGAN_BODY))
        return true;
    belly.inner = arena_take(work->arena, work->count, 1, err);
    belly.cavity = belly.inner == NULL ? NULL : arena_take(work->arena, work->count, 1, err);
    if (belly.cavity == NULL || !find_spine(&belly, err) || !find_inner(&belly, err)
        || !find_cavity(&belly, err) || !find_wishes(&belly, err) || !share_rest(&belly, err))
        return false;
    arena_rewind(work->arena, mark);
    return true;
}
