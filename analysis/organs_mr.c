/*
 * Organs of MR: the head, and the brain in it. Signal has no unit: thresholds are Otsu's, and the rest
 * is shape: between brain and scalp lies the skull, which is dark in every sequence.
 */
#include "analysis/organs_work.h"

#include <math.h>
#include <string.h>

#include "analysis/ball.h"
#include "analysis/distance.h"
#include "analysis/otsu.h"
#include "util/arena.h"
#include "util/error.h"

#define CLOSE_MM 9                  /* sinuses, ventricles and sulci are within */
#define NECKS_MM 5                  /* half of what joins the brain to eyes and scalp: nerves, vessels */
#define BRAIN_LEAST_ML 300          /* an infant's */
#define BRAIN_MOST_ML 2200

/* Otsu's threshold of the smoothed values where `where` is set (everywhere when NULL), cut at the 99th percentile. */
static bool threshold_in(const struct organs_work *work, const uint8_t *where, float *ret_threshold)
{
    uint64_t histogram[OTSU_BINS] = { 0 }, total = 0, passed = 0;
    float low = INFINITY, high = -INFINITY;
    int bin;

    for (size_t at = 0; at < work->count; at++)
        if (where == NULL || where[at]) {
            low = fminf(low, work->smooth[at]);
            high = fmaxf(high, work->smooth[at]);
        }
    if (!(high > low))
        return false;
    for (int round = 0; round < 2; round++) {
        memset(histogram, 0, sizeof histogram);
        total = passed = 0;
        for (size_t at = 0; at < work->count; at++)
            if (where == NULL || where[at]) {
                const float place = (work->smooth[at] - low) / (high - low) * (OTSU_BINS - 1);
                histogram[place > OTSU_BINS - 1 ? OTSU_BINS - 1 : (int)place]++;
                total++;
            }
        for (bin = 0; bin < OTSU_BINS - 1 && (double)passed < 0.99 * (double)total; bin++)
            passed += histogram[bin];
        if (round == 0 && bin > 2)
            high = low + (high - low) * (float)bin / (OTSU_BINS - 1);
    }
    if (!otsu2(histogram, &bin))
        return false;
    *ret_threshold = low + (high - low) * (float)(bin + 1) / (OTSU_BINS - 1);
    return true;
}

/* Keeps in `mask` only the component that is deepest; its figures in `ret_part`. */
static bool keep_deepest(struct organs_work *work, uint8_t *mask, struct organs_part *ret_part,
                         struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct components found;
    struct organs_part *parts;
    size_t *order, best = 0;

    *ret_part = (struct organs_part){ .voxels = 0 };
    if (!organs_parts(work, mask, true, &found, &parts, &order, err))
        return false;
    for (size_t n = 1; n < found.count; n++)
        if (parts[order[n]].deepest_mm > parts[order[best]].deepest_mm)
            best = n;
    memset(mask, 0, work->count);
    if (found.count > 0) {
        components_paint(&found, order[best], 1, mask);
        *ret_part = parts[order[best]];
    }
    arena_rewind(work->arena, mark);
    return true;
}

static bool find_head(struct organs_work *work, bool *ret_found, struct error *err)
{
    uint8_t *const mask = work->mask;
    struct organs_part part;
    float threshold;

    *ret_found = threshold_in(work, NULL, &threshold);
    if (!*ret_found) {
        organs_work_missed(work, ORGAN_HEAD, "the volume has no contrast");
        return true;
    }
    /* Air's noise lies far below: half of Otsu's threshold still parts it from dark tissue. */
    for (size_t at = 0; at < work->count; at++)
        mask[at] = work->smooth[at] > threshold / 2;
    if (!keep_deepest(work, mask, &part, err) || !organs_ball(work, BALL_CLOSE, mask, CLOSE_MM, err)
        || !organs_fill_slices(work, mask, err))
        return false;
    *ret_found = part.ml >= BRAIN_LEAST_ML && part.ml < 9000;
    if (!*ret_found) {
        organs_work_missed(work, ORGAN_HEAD, "what has signal is not of a head's size");
        return true;
    }
    for (size_t at = 0; at < work->count; at++)
        if (mask[at])
            work->label[at] = ORGAN_HEAD;
    organs_work_found(work, ORGAN_HEAD, 0.9);
    return true;
}

static bool find_brain(struct organs_work *work, struct error *err)
{
    uint8_t *const head = work->spare, *const mask = work->mask, *const tissue = work->other;
    struct organs_part part;
    float threshold;

    for (size_t at = 0; at < work->count; at++)
        head[at] = work->label[at] == ORGAN_HEAD;
    if (!threshold_in(work, head, &threshold)) {
        organs_work_missed(work, ORGAN_BRAIN, "the head has no contrast");
        return true;
    }
    for (size_t at = 0; at < work->count; at++)
        mask[at] = tissue[at] = head[at] && work->smooth[at] > threshold;
    if (!organs_ball(work, BALL_ERODE, mask, NECKS_MM, err) || !keep_deepest(work, mask, &part, err)
        || !organs_grow(work, mask, tissue, NECKS_MM + work->spacing_mm[0], err)
        || !organs_ball(work, BALL_CLOSE, mask, CLOSE_MM, err) || !organs_fill_slices(work, mask, err))
        return false;
    size_t voxels = 0;
    for (size_t at = 0; at < work->count; at++)
        voxels += mask[at] && head[at];
    const double ml = (double)voxels * work->block_mm3 / 1000;
    if (ml < BRAIN_LEAST_ML || ml > BRAIN_MOST_ML) {
        organs_work_missed(work, ORGAN_BRAIN, "no part of the head within the skull has a brain's size");
        return true;
    }
    for (size_t at = 0; at < work->count; at++)
        if (mask[at] && head[at])
            work->label[at] = ORGAN_BRAIN;
    organs_work_found(work, ORGAN_BRAIN, ml > 800 && ml < 1700 ? 0.8 : 0.5);
    return true;
}

bool organs_mr_head(struct organs_work *work, struct error *err)
{
    bool found;

    if (!find_head(work, &found, err))
        return false;
    if (!found) {
        organs_work_missed(work, ORGAN_BRAIN, "there is no head to look in");
        return true;
    }
    return find_brain(work, err);
}
