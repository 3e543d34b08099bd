/*
 * The method "fixed-pipeline" (of methods.h): each slice on its own as the hardware of hw/ takes it:
 * windowed to 8 bits, above Otsu's threshold of this slice, opened by 3 x 3. By the twin in C, or by
 * an engine that somebody else brings.
 */
#include "analysis/methods.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/fixed_chain.h"
#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define BITS 8
#define MOST 1024               /* columns and rows */

/* A mask, labels, runs; and of one slice what goes in and comes out. */
size_t methods_fixed_need(const struct methods_task *task)
{
    return 10 * volume_count(task->volume) + ((size_t)32 << 20);
}

/* What all slices gave, for the words that tell how they were made. */
struct tally {
    int lowest, highest;                /* of the thresholds */
    size_t chosen, unfound, overflown;
    uint32_t pictures;                  /* FNV-1a over all greys: two that differ are seen */
};

static bool to_65536ths(double value, const char *name, int32_t *ret_value, struct error *err)
{
    const double scaled = round(value * FIXED_ONE);

    if (!(scaled >= INT32_MIN && scaled <= INT32_MAX))
        return error_set(err, ERROR_DATA, "the hardware's numbers do not hold the %s %g", name, value);
    *ret_value = (int32_t)scaled;
    return true;
}

/* Without a window of the parameters, one that holds all values. */
static void choose_window(const struct methods_task *task, struct findings *findings)
{
    const struct volume *const volume = task->volume;
    double low = INFINITY, high = -INFINITY;

    findings->window_center = task->parameters->window_center;
    findings->window_width = task->parameters->window_width;
    if (findings->window_width > 0)
        return;
    for (size_t at = 0; at < volume_count(volume); at++) {
        low = fmin(low, volume_value(volume, at));
        high = fmax(high, volume_value(volume, at));
    }
    findings->window_center = (low + high) / 2;
    findings->window_width = high - low + 1;
}

static bool set_up(const struct methods_task *task, struct findings *findings,
                   struct fixed_chain *ret_chain, struct error *err)
{
    const struct volume *const volume = task->volume;
    struct fixed_chain chain = {
        .columns = volume->size[0], .rows = volume->size[1],
        .rescale = { .is_signed = true, .bits = 16 },
        .window = { .function = FIXED_LINEAR, .bits = BITS },
        .choice = FIXED_CHOOSE_OTSU, .operation = FIXED_OPEN, .element = FIXED_SQUARE,
        .neighbours = FIXED_EIGHT, .labels = 63
    };

    if (volume->type != VOXEL_INT16)
        return error_set(err, ERROR_UNSUPPORTED, "fixed-pipeline takes stored whole numbers, and these are not");
    if (chain.columns > MOST || chain.rows > MOST)
        return error_set(err, ERROR_LIMIT, "fixed-pipeline takes slices to %d x %d, and these have %zu x %zu",
                         MOST, MOST, chain.columns, chain.rows);
    choose_window(task, findings);
    const double center16 = round(findings->window_center * 16), width16 = round(findings->window_width * 16);
    if (fabs(center16) > FIXED_DATA_MAX || width16 > FIXED_WIDTH_MAX)
        return error_set(err, ERROR_DATA, "the hardware's numbers do not hold the window %g/%g",
                         findings->window_center, findings->window_width);
    chain.window.center16 = (int32_t)center16;
    chain.window.width16 = (int32_t)width16;
    *ret_chain = chain;
    return to_65536ths(volume->slope, "slope", &ret_chain->rescale.slope, err)
        && to_65536ths(volume->intercept, "intercept", &ret_chain->rescale.intercept, err);
}

static void count(const struct fixed_chain *chain, const struct fixed_slice *slice, struct tally *tally)
{
    for (size_t at = 0; at < chain->columns * chain->rows; at++)
        tally->pictures = (tally->pictures ^ (uint32_t)slice->grey[at]) * 16777619u;
    tally->chosen += slice->statistics.area;
    tally->overflown += slice->components.lost > 0;
    tally->unfound += !slice->otsu.found2;
    if (slice->otsu.found2 && slice->otsu.two < tally->lowest)
        tally->lowest = slice->otsu.two;
    if (slice->otsu.found2 && slice->otsu.two > tally->highest)
        tally->highest = slice->otsu.two;
}

static bool run_slices(const struct methods_task *task, const struct fixed_chain *chain,
                       struct fixed_slice *slice, uint8_t *mask, struct tally *tally, struct error *err)
{
    const size_t count_of_one = chain->columns * chain->rows;
    const struct fixed_engine *const engine = task->parameters->chip;

    for (size_t k = 0; k < task->volume->size[2]; k++) {
        /* The bits are the same, whatever the sign. */
        const uint16_t *const stored = (const uint16_t *)task->volume->i16 + k * count_of_one;
        slice->mask = mask + k * count_of_one;
        if (engine == NULL)
            fixed_chain_run(chain, stored, NULL, slice);
        else if (!engine->run(engine->context, chain, stored, slice, err))
            return error_prefix(err, "slice %zu", k);
        count(chain, slice, tally);
    }
    return true;
}

static void tell_how(const struct tally *tally, struct findings *findings)
{
    text_format(findings->rule, sizeof findings->rule, "each slice's greys above its Otsu threshold (%d to %d of "
                "255): %zu voxels; opened by 3 x 3; pictures %08x", tally->lowest, tally->highest,
                tally->chosen, (unsigned)tally->pictures);
    if (tally->unfound > 0)
        findings_warn(findings, "%zu slices have one grey only, and so no threshold", tally->unfound);
    if (tally->overflown > 0)
        findings_warn(findings, "in %zu slices the hardware's table of components is too small; the "
                      "regions told here do not come from it", tally->overflown);
}

bool methods_fixed(const struct methods_task *task, struct arena *arena, struct findings *findings,
                   struct error *err)
{
    const struct analysis_parameters *const parameters = task->parameters;
    const struct regions_rules rules = {
        .connectivity = CONNECTIVITY_26, .least_mm3 = parameters->min_lesion_mm3,
        .split = parameters->split, .kind = FINDING_CANDIDATE, .threads = parameters->threads
    };
    struct tally tally = { .lowest = FIXED_BINS, .highest = -1, .pictures = 2166136261u };
    struct fixed_chain chain;
    struct fixed_slice slice;

    if (!set_up(task, findings, &chain, err))
        return false;
    const size_t one = chain.columns * chain.rows;
    uint8_t *const mask = arena_take(arena, volume_count(task->volume), 1, err);
    slice.grey = mask == NULL ? NULL : arena_take(arena, one, sizeof *slice.grey, err);
    slice.pad = slice.grey == NULL ? NULL : arena_take(arena, one, 1, err);
    slice.spare = slice.pad == NULL ? NULL : arena_take(arena, 3 * chain.columns, 1, err);
    if (slice.spare == NULL || !run_slices(task, &chain, &slice, mask, &tally, err))
        return false;
    tell_how(&tally, findings);
    return regions_tell(task->volume, mask, &rules, arena, findings, err);
}
