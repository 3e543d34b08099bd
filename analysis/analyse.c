/* Analyse: the method "otsu3-morphology", from levels to measured lesions. */
#include "analysis/analyse.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/candidates.h"
#include "analysis/levels.h"
#include "analysis/regions.h"
#include "analysis/smooth.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define METHOD "otsu3-morphology"
#define METHOD_VERSION "1"

void analysis_defaults(const char *modality, struct analysis_parameters *ret_parameters)
{
    struct analysis_parameters parameters = {
        .method = METHOD, .polarity = POLARITY_BRIGHT, .min_lesion_mm3 = 50,
        .min_contrast = 2.5, .max_fraction = 0.1, .threads = 1
    };

    if (strcmp(modality, "CT") == 0) {
        parameters.window_center = 40;
        parameters.window_width = 400;
    } else if (strcmp(modality, "MR") == 0) {
        parameters.flatten = true;
    }
    *ret_parameters = parameters;
}

/*
 * Labels, body, a mask and what is found of it take a byte a voxel each, levels two, and a
 * candidate as wide as the volume three more. A byte is left for runs: a mask that is noise
 * could need more, and then the arena's limit says so.
 */
size_t analyse_need(const size_t size[3], enum voxel_type type)
{
    const size_t count = size[0] * size[1] * size[2];

    (void)type;
    return 10 * count + smooth_need(size) + ((size_t)16 << 20);
}

/* ---- the method ---- */

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

static bool run(const struct volume *volume, const struct analysis_parameters *parameters,
                struct arena *arena, struct findings *findings, struct error *err)
{
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

bool analyse(const struct volume *volume, const struct analysis_parameters *parameters,
             struct arena *arena, struct findings *ret_findings, struct error *err)
{
    struct findings *const findings = ret_findings;

    if (strcmp(parameters->method, METHOD) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "no method is called %s",
                         parameters->method);
    if (volume_count(volume) == 0)
        return error_set(err, ERROR_DATA, "no voxels");
    if (!regions_begin(volume, METHOD, METHOD_VERSION, arena, findings, err))
        return false;
    const size_t mark = arena_mark(arena);
    const bool good = run(volume, parameters, arena, findings, err);
    arena_rewind(arena, mark);
    return good || error_prefix(err, "analysis");
}
