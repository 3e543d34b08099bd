/*
 * The methods of PET (of methods.h): voxels above a threshold of uptake, as candidates. What is normal
 * uptake (brain, heart, kidneys, bladder, bowel) has the same height as tumour, and no rule here pretends
 * to tell them apart: sizes alone exclude.
 */
#include "analysis/methods.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"
#include "analysis/distance.h"
#include "analysis/mask.h"
#include "analysis/pet.h"
#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define THRESHOLD_SUV 4             /* Barrington and Meignan, JNM 2019 */
#define AIR_PART 0.15               /* of the mean uptake above the mean: outside the body it is lower */
#define LEAST_PART 100              /* of the body: smaller parts of it are noise */
#define LEAST_VOXELS 3              /* fewer are noise, however large they are */
#define MAX_CANDIDATES 20000
#define WINDOW_SUV 7

/* Labels, two masks, runs, and distances of a liver or the queue of a growing region. */
size_t methods_pet_need(const struct methods_task *task)
{
    const size_t count = volume_count(task->volume);

    return 20 * count + distance_need(task->volume->size) + ((size_t)16 << 20);
}

static bool check(const struct methods_task *task, struct error *err)
{
    const struct volume *const volume = task->volume;

    if (!volume_unit_is_suv(volume->unit))
        return error_set(err, ERROR_DATA, "%s needs SUV, and the values are in %s",
                         task->parameters->method, volume_unit_name(volume->unit));
    for (size_t i = 0; i < volume_count(volume); i++)
        if (!isfinite(volume_value(volume, i)))
            return error_set(err, ERROR_DATA, "voxel %zu is not finite", i);
    return true;
}

static double threshold_of(const struct methods_task *task)
{
    return task->parameters->suv_threshold > 0 ? task->parameters->suv_threshold : THRESHOLD_SUV;
}

static size_t mark_from(const struct volume *volume, double threshold, uint8_t *mask)
{
    const size_t count = volume_count(volume);
    size_t marked = 0;

    for (size_t i = 0; i < count; i++)
        marked += mask[i] = volume_value(volume, i) >= threshold;
    return marked;
}

/* Uptake below which there is no patient. */
static double air_level(const struct volume *volume)
{
    const size_t count = volume_count(volume);
    double sum = 0, above = 0;
    size_t above_count = 0;

    for (size_t i = 0; i < count; i++)
        sum += volume_value(volume, i);
    const double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        if (volume_value(volume, i) > mean) {
            above += volume_value(volume, i);
            above_count++;
        }
    return above_count > 0 ? AIR_PART * above / (double)above_count : 0;
}

static double least_mm3(const struct methods_task *task)
{
    return fmax(task->parameters->min_lesion_mm3,
                (LEAST_VOXELS - 0.5) * volume_voxel_mm3(task->volume, 0));
}

static double component_mm3(const struct volume *volume, const struct component *one)
{
    /* slices differ by 5 % at most: the middle one's voxel stands for all */
    return (double)one->voxels * volume_voxel_mm3(volume, (one->low[2] + one->high[2]) / 2);
}

/*
 * The patient: what has more uptake than air, without what is thinner than three voxels, in parts of at least
 * a hundredth of the largest (an arm may lie apart; noise at the border of the field is less). `body` is
 * a voxel wider than that.
 */
static bool find_body(const struct volume *volume, uint8_t *body, uint8_t *spare, int threads,
                      double *ret_mm3, struct arena *arena, struct error *err)
{
    const size_t count = volume_count(volume), mark = arena_mark(arena);
    const double air = air_level(volume);
    struct components parts;
    size_t largest = 0;

    for (size_t i = 0; i < count; i++)
        body[i] = volume_value(volume, i) > air;
    mask_erode(body, spare, volume->size, threads);
    mask_dilate(spare, body, volume->size, threads);
    if (!components_find(body, volume->size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    for (size_t c = 0; c < parts.count; c++)
        largest = parts.component[c].voxels > largest ? parts.component[c].voxels : largest;
    memset(spare, 0, count);
    *ret_mm3 = 0;
    for (size_t c = 0; c < parts.count; c++)
        if (parts.component[c].voxels >= largest / LEAST_PART) {
            components_paint(&parts, c, 1, spare);
            *ret_mm3 += component_mm3(volume, &parts.component[c]);
        }
    mask_dilate(spare, body, volume->size, threads);
    arena_rewind(arena, mark);
    return true;
}

/* Does any voxel of component `number` lie in the body? */
static bool touches(const struct components *parts, size_t number, const uint8_t *body)
{
    const struct component *const one = &parts->component[number];

    for (size_t row = one->low[2] * parts->size[1]; row < (one->high[2] + 1) * parts->size[1]; row++)
        for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
            for (size_t i = parts->run[r].first; parts->run[r].component == number && i <= parts->run[r].last;
                 i++)
                if (body[row * parts->size[0] + i])
                    return true;
    return false;
}

/* Takes out what is larger than anything that is a lesion, and noise beside the patient; says so. */
static bool exclude(const struct methods_task *task, uint8_t *mask, struct arena *arena,
                    struct findings *findings, struct error *err)
{
    const size_t mark = arena_mark(arena), count = volume_count(task->volume);
    uint8_t *const body = arena_take(arena, 2 * count, 1, err);
    struct components parts;
    double mm3 = 0;
    size_t outside = 0;

    if (body == NULL
        || !find_body(task->volume, body, body + count, task->parameters->threads, &mm3, arena, err)
        || !components_find(mask, task->volume->size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    for (size_t c = 0; c < parts.count; c++) {
        const double own = component_mm3(task->volume, &parts.component[c]);
        const bool large = own > task->parameters->max_fraction * mm3;
        if (!large && touches(&parts, c, body))
            continue;
        components_paint(&parts, c, 0, mask);
        outside += !large && own >= least_mm3(task);
        if (large)
            findings_warn(findings, "a region of %.0f ml was left out: it is more than %g of the body",
                          own / 1000, task->parameters->max_fraction);
    }
    if (outside > 0)
        findings_warn(findings, "%zu region%s outside of the body left out: noise", outside,
                      outside == 1 ? "" : "s");
    arena_rewind(arena, mark);
    return true;
}

/* From the mask to findings. */
static bool tell(const struct methods_task *task, uint8_t *mask, struct arena *arena,
                 struct findings *findings, struct error *err)
{
    const struct analysis_parameters *const parameters = task->parameters;
    const struct regions_rules rules = {
        .connectivity = CONNECTIVITY_26, .split = parameters->split, .kind = FINDING_CANDIDATE,
        .least_mm3 = least_mm3(task),
        .threads = parameters->threads
    };

    findings->window_width = parameters->window_width > 0 ? parameters->window_width : WINDOW_SUV;
    findings->window_center = parameters->window_width > 0 ? parameters->window_center : WINDOW_SUV / 2.0;
    if (!exclude(task, mask, arena, findings, err)
        || !regions_tell(task->volume, mask, &rules, arena, findings, err))
        return false;
    if (findings->count > 0)
        findings_warn(findings, "normal uptake (brain, heart, kidneys, bladder) cannot be told from tumour by "
                      "its height: every region is a candidate");
    return true;
}

/* ---- one threshold for all ---- */

static bool by_threshold(const struct methods_task *task, double threshold, struct arena *arena,
                         struct findings *findings, struct error *err)
{
    uint8_t *const mask = arena_take(arena, volume_count(task->volume), 1, err);

    if (mask == NULL)
        return false;
    mark_from(task->volume, threshold, mask);
    return tell(task, mask, arena, findings, err);
}

bool methods_pet_fixed(const struct methods_task *task, struct arena *arena, struct findings *findings,
                       struct error *err)
{
    if (!check(task, err))
        return false;
    text_format(findings->rule, sizeof findings->rule, "voxels of at least %g %s", threshold_of(task),
                volume_unit_name(task->volume->unit));
    return by_threshold(task, threshold_of(task), arena, findings, err);
}

/* PERCIST measures a lesion only when its peak passes the threshold, too. */
static void warn_of_peaks(double threshold, struct findings *findings)
{
    for (size_t n = 0; n < findings->segment_count; n++)
        if (findings->lesion[n].peak.known && findings->lesion[n].peak.value < threshold)
            findings_warn(findings, "%s: its SUVpeak of %.2f is below PERCIST's threshold, not measurable",
                          findings->lesion[n].tracking_id, findings->lesion[n].peak.value);
}

bool methods_pet_percist(const struct methods_task *task, struct arena *arena, struct findings *findings,
                         struct error *err)
{
    struct pet_reference liver;

    if (!check(task, err))
        return false;
    if (task->organ == NULL)
        return error_set(err, ERROR_DATA, "no liver reference: pet-percist needs the mask of a liver, and "
                         "there is none");
    if (!pet_reference_in(task->volume, task->organ, arena, &liver, err))
        return false;
    const double threshold = pet_percist(&liver);
    text_format(findings->rule, sizeof findings->rule, "voxels of at least %.3f = 1.5 x %.3f + 2 x %.3f %s, "
                "the liver about (%.0f, %.0f, %.0f) mm", threshold, liver.mean, liver.sd,
                volume_unit_name(task->volume->unit), liver.center_mm[0], liver.center_mm[1],
                liver.center_mm[2]);
    if (task->volume->unit == UNIT_SUVBW)
        findings_warn(findings, "PERCIST is defined for lean body mass; these values are by body weight");
    if (!by_threshold(task, threshold, arena, findings, err))
        return false;
    warn_of_peaks(threshold, findings);
    return true;
}

/* ---- a threshold for each ---- */

enum own_rule { OWN_41, OWN_OTSU };

struct candidate {
    struct pet_box box;
    size_t hottest;
    double maximum;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *const left = a, *const right = b;

    if (left->maximum != right->maximum)
        return left->maximum > right->maximum ? -1 : 1;
    return left->hottest < right->hottest ? -1 : left->hottest > right->hottest;
}

/* The hottest voxel of component `number`; its box may hold voxels of others. */
static void find_hottest(const struct volume *volume, const struct components *parts, size_t number,
                         struct candidate *candidate)
{
    const struct component *const one = &parts->component[number];

    candidate->maximum = -INFINITY;
    for (int axis = 0; axis < 3; axis++) {
        candidate->box.low[axis] = one->low[axis];
        candidate->box.high[axis] = one->high[axis];
    }
    for (size_t row = one->low[2] * parts->size[1]; row < (one->high[2] + 1) * parts->size[1]; row++)
        for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
            for (size_t i = parts->run[r].first; parts->run[r].component == number && i <= parts->run[r].last;
                 i++)
                if (volume_value(volume, row * parts->size[0] + i) > candidate->maximum) {
                    candidate->hottest = row * parts->size[0] + i;
                    candidate->maximum = volume_value(volume, candidate->hottest);
                }
}

/* Connected voxels of at least the threshold, the hottest first. */
static bool find_candidates(const struct methods_task *task, const uint8_t *mask, struct arena *arena,
                            struct candidate **ret_candidates, size_t *ret_count, struct error *err)
{
    struct components parts;

    if (!components_find(mask, task->volume->size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    if (parts.count > MAX_CANDIDATES)
        return error_set(err, ERROR_LIMIT, "%zu separate regions above %g: this is noise", parts.count,
                         threshold_of(task));
    struct candidate *const candidate = arena_take(arena, parts.count + 1, sizeof *candidate, err);
    if (candidate == NULL)
        return false;
    for (size_t c = 0; c < parts.count; c++)
        find_hottest(task->volume, &parts, c, &candidate[c]);
    qsort(candidate, parts.count, sizeof *candidate, compare_candidates);
    *ret_candidates = candidate;
    *ret_count = parts.count;
    return true;
}

/* What an earlier, hotter one has taken is neither seed nor background of this one. */
static bool delineate(const struct methods_task *task, enum own_rule rule, const struct candidate *candidate,
                      uint8_t *mask, struct arena *arena, struct error *err)
{
    const struct pet_box box = pet_box_grow(task->volume, &candidate->box, PET_BOX_MM);
    double threshold = PET_PART_OF_MAXIMUM * candidate->maximum;

    if (rule == OWN_OTSU && (!pet_otsu(task->volume, &box, mask, &threshold)
                             || threshold > candidate->maximum))
        threshold = threshold_of(task);     /* beside something far hotter: what made it a candidate */
    return pet_grow(task->volume, &box, candidate->hottest, threshold, mask, arena, err);
}

static bool by_own(const struct methods_task *task, enum own_rule rule, struct arena *arena,
                   struct findings *findings, struct error *err)
{
    const size_t count = volume_count(task->volume);
    struct candidate *candidate = NULL;
    size_t candidates = 0;

    if (!check(task, err))
        return false;
    text_format(findings->rule, sizeof findings->rule, "about each region of at least %g %s: voxels "
                "connected to its maximum by %s", threshold_of(task), volume_unit_name(task->volume->unit),
                rule == OWN_41 ? "41 % of it, within 20 mm" : "Otsu's threshold of the box with 20 mm around");
    uint8_t *const mask = arena_take(arena, count, 1, err);
    if (mask == NULL)
        return false;
    mark_from(task->volume, threshold_of(task), mask);
    const size_t mark = arena_mark(arena);
    if (!find_candidates(task, mask, arena, &candidate, &candidates, err))
        return false;
    for (size_t i = 0; i < count; i++)
        mask[i] = 0;
    for (size_t n = 0; n < candidates; n++)
        if (!delineate(task, rule, &candidate[n], mask, arena, err))
            return false;
    arena_rewind(arena, mark);
    return tell(task, mask, arena, findings, err);
}

bool methods_pet_41(const struct methods_task *task, struct arena *arena, struct findings *findings,
                    struct error *err)
{
    return by_own(task, OWN_41, arena, findings, err);
}

bool methods_pet_otsu(const struct methods_task *task, struct arena *arena, struct findings *findings,
                      struct error *err)
{
    return by_own(task, OWN_OTSU, arena, findings, err);
}
