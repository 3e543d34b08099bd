/* The method "otsu3-morphology" (of methods.h): from levels to measured lesions, in the whole body. */
#include "analysis/methods.h"

#include <stdlib.h>

#include "analysis/candidates.h"
#include "analysis/levels.h"
#include "analysis/regions.h"
#include "analysis/smooth.h"
#include "util/arena.h"
#include "util/error.h"

/*
 * Labels, body, a mask and what is found of it take a byte a voxel each, levels two, and a
 * candidate as wide as the volume three more. A byte is left for runs: a mask that is noise
 * could need more, and then the arena's limit says so.
 */
size_t methods_otsu3_morphology_need(const struct methods_task *task)
{
    const size_t *const size = task->volume->size, count = volume_count(task->volume);

    return 10 * count + smooth_need(size) + ((size_t)16 << 20);
}

static bool search(const struct levels *levels, const struct analysis_parameters *parameters,
                   int sign, const uint8_t *body, uint8_t *refined, struct arena *arena,
                   struct findings *findings, struct error *err)
{
    const size_t mark = arena_mark(arena), count = volume_count(levels->volume);
    uint8_t *const mask = arena_take(arena, count, 1, err);
    const size_t masked = arena_mark(arena);
    uint8_t *const spare = mask == NULL ? NULL : arena_take(arena, count, 1, err);
    size_t specks;

    if (spare == NULL
        || !candidates_find(levels, body, parameters, sign, mask, spare, arena, err))
        return false;
    arena_rewind(arena, masked);
    if (!candidates_refine(levels, body, mask, parameters, sign, refined, &specks, arena, err))
        return false;
    if (specks > 0)
        findings_warn(findings, "%zu of the smallest candidates were left out: there are too "
                      "many", specks);
    arena_rewind(arena, mark);
    return true;
}

bool methods_otsu3_morphology(const struct methods_task *task, struct arena *arena,
                              struct findings *findings, struct error *err)
{
    const struct volume *const volume = task->volume;
    const struct analysis_parameters *const parameters = task->parameters;
    const size_t count = volume_count(volume);
    struct levels levels;

    if (!levels_make(volume, parameters, arena, &levels, err))
        return false;
    uint8_t *const body = arena_take(arena, count, 1, err);
    uint8_t *const refined = body == NULL ? NULL : arena_take_zeroed(arena, count, 1, err);
    if (refined == NULL
        || !candidates_body(&levels, body, parameters->threads, arena, err)
        || (parameters->polarity != POLARITY_DARK
            && !search(&levels, parameters, 1, body, refined, arena, findings, err))
        || (parameters->polarity != POLARITY_BRIGHT
            && !search(&levels, parameters, -1, body, refined, arena, findings,
                       err)))
        return false;
    findings->window_center = (levels.low + levels.high) / 2;
    findings->window_width = levels.high - levels.low;
    findings->noise_sd = (struct measure){ true, levels_to_value(&levels, levels.noise) };
    const struct regions_rules rules = {
        .connectivity = CONNECTIVITY_26, .least_mm3 = parameters->min_lesion_mm3,
        .split = parameters->split, .kind = FINDING_CANDIDATE, .threads = parameters->threads
    };
    return regions_tell(volume, refined, &rules, arena, findings, err);
}
