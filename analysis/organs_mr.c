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
#define SCALP_MM 8                  /* scalp and skull are thicker */
#define SULCUS_MM 6                 /* half of what is dark between gyri, and of what is bright in them */
#define NECKS_MM 6                  /* half of what joins the brain to eyes and scalp: nerves, vessels */
#define BRAIN_LEAST_ML 300          /* an infant's */
#define BRAIN_MOST_ML 2200
#define STRIPPED_ML 2000            /* with face and skull a head is larger */

/*
 * The two thresholds of three classes (Otsu) of the smoothed values where `where` is set (everywhere when
 * NULL), cut at the 99th percentile: dark, tissue, and what is brighter, as fat in T1 and water in T2.
 */
static bool thresholds_in(const struct organs_work *work, const uint8_t *where, float ret[2])
{
    uint64_t histogram[OTSU_BINS];
    float low = INFINITY, high = -INFINITY;
    int bin, found[2];

    for (size_t at = 0; at < work->count; at++)
        if (where == NULL || where[at]) {
            low = fminf(low, work->smooth[at]);
            high = fmaxf(high, work->smooth[at]);
        }
    if (!(high > low))
        return false;
    for (int round = 0; round < 2; round++) {
        uint64_t total = 0, passed = 0;
        memset(histogram, 0, sizeof histogram);
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
    if (!otsu3(histogram, found))
        return false;
    for (int n = 0; n < 2; n++)
        ret[n] = low + (high - low) * (float)(found[n] + 1) / (OTSU_BINS - 1);
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

/* Keeps in `mask` what is not small beside the largest component: scalp and brain, and no noise. */
static bool keep_parts(struct organs_work *work, uint8_t *mask, double *ret_ml, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct components found;
    struct organs_part *parts;
    size_t *order;

    *ret_ml = 0;
    if (!organs_parts(work, mask, false, &found, &parts, &order, err))
        return false;
    memset(mask, 0, work->count);
    for (size_t n = 0; n < found.count; n++)
        if (20 * parts[order[n]].voxels >= parts[order[0]].voxels) {
            components_paint(&found, order[n], 1, mask);
            *ret_ml += parts[order[n]].ml;
        }
    arena_rewind(work->arena, mark);
    return true;
}

static bool find_head(struct organs_work *work, bool *ret_found, struct error *err)
{
    uint8_t *const mask = work->mask;
    float threshold[2];
    double ml;

    *ret_found = thresholds_in(work, NULL, threshold);
    if (!*ret_found) {
        organs_work_missed(work, ORGAN_HEAD, "the volume has no contrast");
        return true;
    }
    /* Air's noise lies far below: half of the lower threshold still parts it from dark tissue. */
    for (size_t at = 0; at < work->count; at++)
        mask[at] = work->value[at] > threshold[0] / 2;
    if (!keep_parts(work, mask, &ml, err) || !organs_ball(work, BALL_CLOSE, mask, CLOSE_MM, err)
        || !organs_fill_slices(work, mask, err))
        return false;
    *ret_found = ml >= BRAIN_LEAST_ML && ml < 9000;
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

/*
 * What is between two values, freed of its thin necks to eyes and scalp, the deepest part of it grown back
 * and closed. In `mask`; 0 ml when there is nothing.
 */
static bool try_brain(struct organs_work *work, const uint8_t *head, float low, float high, uint8_t *mask,
                      double *ret_ml, struct error *err)
{
    uint8_t *const tissue = work->other;
    struct organs_part part;
    size_t voxels = 0;

    for (size_t at = 0; at < work->count; at++)
        mask[at] = tissue[at] = head[at] && work->smooth[at] > low && work->smooth[at] <= high;
    if (!organs_ball(work, BALL_ERODE, mask, NECKS_MM, err) || !keep_deepest(work, mask, &part, err)
        || !organs_ball(work, BALL_DILATE, mask, NECKS_MM + 1, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        mask[at] = mask[at] && tissue[at];
    if (!organs_ball(work, BALL_CLOSE, mask, SULCUS_MM, err) || !organs_fill_slices(work, mask, err))
        return false;
    for (size_t at = 0; at < work->count; at++) {
        mask[at] = mask[at] && head[at];
        voxels += mask[at];
    }
    *ret_ml = (double)voxels * work->block_mm3 / 1000;
    return true;
}

static void take_brain(struct organs_work *work, const uint8_t *mask, double confidence)
{
    for (size_t at = 0; at < work->count; at++)
        if (mask[at])
            work->label[at] = ORGAN_BRAIN;
    organs_work_found(work, ORGAN_BRAIN, confidence);
}

/* What is too small for a head is a brain that was cut out already. Else: between both thresholds, or where brighter tissue is brain too, above the lower one. */
static bool find_brain(struct organs_work *work, struct error *err)
{
    uint8_t *const head = work->spare, *const mask = work->mask;
    float threshold[2];
    double ml;

    size_t voxels = 0;
    for (size_t at = 0; at < work->count; at++) {
        head[at] = work->label[at] == ORGAN_HEAD;
        voxels += head[at];
    }
    if ((double)voxels * work->block_mm3 / 1000 < STRIPPED_ML) {
        take_brain(work, head, 0.6);
        return true;
    }
    if (!organs_ball(work, BALL_ERODE, head, SCALP_MM, err))
        return false;
    if (!thresholds_in(work, head, threshold)) {
        organs_work_missed(work, ORGAN_BRAIN, "the head has no contrast");
        return true;
    }
    if (!try_brain(work, head, threshold[0], threshold[1], mask, &ml, err)
        || ((ml < BRAIN_LEAST_ML || ml > BRAIN_MOST_ML)
            && !try_brain(work, head, threshold[0], INFINITY, mask, &ml, err)))
        return false;
    if (ml < BRAIN_LEAST_ML || ml > BRAIN_MOST_ML) {
        organs_work_missed(work, ORGAN_BRAIN, "no part of the head within the skull has a brain's size");
        return true;
    }
    take_brain(work, mask, ml > 800 && ml < 1700 ? 0.8 : 0.5);
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
