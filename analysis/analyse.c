/* Analyse: the method "otsu3-morphology", from levels to measured lesions. */
#include "analysis/analyse.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/candidates.h"
#include "analysis/components.h"
#include "analysis/levels.h"
#include "analysis/measure.h"
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

/* ---- lesions ---- */

static int compare_sizes(const void *a, const void *b)
{
    const struct component *const left = *(const struct component *const *)a;
    const struct component *const right = *(const struct component *const *)b;

    if (left->voxels != right->voxels)
        return left->voxels > right->voxels ? -1 : 1;
    return left < right ? -1 : left > right;    /* the first in the volume */
}

static double part_mm3(const struct volume *volume, const struct components *parts,
                       size_t number)
{
    const struct component *const one = &parts->component[number];
    double sum = 0;

    for (size_t k = one->low[2]; k <= one->high[2]; k++) {
        size_t voxels = 0;
        for (size_t row = k * parts->size[1]; row < (k + 1) * parts->size[1]; row++)
            for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
                if (parts->run[r].component == number)
                    voxels += parts->run[r].last - parts->run[r].first + 1;
        sum += (double)voxels * volume_voxel_mm3(volume, k);
    }
    return sum;
}

/* Parts that are large enough, the largest first. */
static size_t choose(const struct volume *volume, const struct components *parts,
                     double least_mm3, const struct component **chosen, double *ret_total)
{
    size_t count = 0;

    *ret_total = 0;
    for (size_t c = 0; c < parts->count; c++) {
        const double mm3 = part_mm3(volume, parts, c);
        if (mm3 < least_mm3)
            continue;
        chosen[count++] = &parts->component[c];
        *ret_total += mm3;
    }
    qsort(chosen, count, sizeof *chosen, compare_sizes);
    return count;
}

static bool describe(const struct volume *volume, const struct components *parts,
                     const struct component *one, uint32_t label, struct arena *arena,
                     struct findings *findings, struct error *err)
{
    struct lesion *const lesion = &findings->lesion[label - 1];

    *lesion = (struct lesion){ .label = label, .kind = FINDING_CANDIDATE };
    memcpy(lesion->low, one->low, sizeof lesion->low);
    memcpy(lesion->high, one->high, sizeof lesion->high);
    text_format(lesion->tracking_id, sizeof lesion->tracking_id, "Region %u",
                (unsigned)label);
    text_format(lesion->finding.value, sizeof lesion->finding.value, "52988006");
    text_format(lesion->finding.scheme, sizeof lesion->finding.scheme, "SCT");
    text_format(lesion->finding.meaning, sizeof lesion->finding.meaning, "Lesion");
    components_paint(parts, (size_t)(one - parts->component), (uint8_t)label,
                     findings->labels.u8);
    return measure_lesion(volume, &findings->labels, lesion, arena, err);
}

/* Counts what is left, and measures the largest of it. */
static bool tell(const struct volume *volume, const uint8_t *refined,
                 const struct analysis_parameters *parameters, struct arena *arena,
                 struct findings *findings, struct error *err)
{
    struct components parts;

    if (!components_find(refined, volume->size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    const struct component **const chosen = arena_take(arena, parts.count, sizeof *chosen,
                                                       err);
    if (chosen == NULL)
        return false;
    findings->count = choose(volume, &parts, parameters->min_lesion_mm3, chosen,
                             &findings->total_mm3);
    findings->segment_count = findings->count < FINDINGS_MAX_SEGMENTS ? findings->count
        : FINDINGS_MAX_SEGMENTS;
    memset(findings->labels.u8, 0, volume_count(volume));
    for (size_t n = 0; n < findings->segment_count; n++)
        if (!describe(volume, &parts, chosen[n], (uint32_t)n + 1, arena, findings, err))
            return false;
    if (findings->count > findings->segment_count)
        findings_warn(findings, "%zu regions were found, the %zu largest are told one by one",
                      findings->count, findings->segment_count);
    return true;
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
    return tell(volume, refined, parameters, arena, findings, err);
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
    memset(findings, 0, sizeof *findings);
    text_format(findings->method.name, sizeof findings->method.name, METHOD);
    text_format(findings->method.version, sizeof findings->method.version, METHOD_VERSION);
    findings->method.parameters = "";
    findings->unit = volume->unit;
    findings->lesion = arena_take(arena, FINDINGS_MAX_SEGMENTS, sizeof *findings->lesion, err);
    if (findings->lesion == NULL
        || !volume_take_like(volume, VOXEL_UINT8, UNIT_NONE, arena, &findings->labels, err))
        return false;
    const size_t mark = arena_mark(arena);
    const bool good = run(volume, parameters, arena, findings, err);
    arena_rewind(arena, mark);
    return good || error_prefix(err, "analysis");
}
