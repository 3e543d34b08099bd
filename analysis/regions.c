/* Regions: components of a mask as measured lesions, the largest first. */
#include "analysis/regions.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/measure.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

bool regions_begin(const struct volume *volume, const char *method, const char *version,
                   struct arena *arena, struct findings *findings, struct error *err)
{
    memset(findings, 0, sizeof *findings);
    text_format(findings->method.name, sizeof findings->method.name, "%s", method);
    text_format(findings->method.version, sizeof findings->method.version, "%s", version);
    findings->method.parameters = "";
    findings->unit = volume->unit;
    findings->lesion = arena_take(arena, FINDINGS_MAX_SEGMENTS, sizeof *findings->lesion, err);
    return findings->lesion != NULL
        && volume_take_like(volume, VOXEL_UINT8, UNIT_NONE, arena, &findings->labels, err);
}

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
                     const struct component *one, uint32_t label, enum finding_kind kind,
                     struct arena *arena, struct findings *findings, struct error *err)
{
    struct lesion *const lesion = &findings->lesion[label - 1];
    const bool tumour = kind == FINDING_NEOPLASM;

    *lesion = (struct lesion){ .label = label, .kind = kind };
    memcpy(lesion->low, one->low, sizeof lesion->low);
    memcpy(lesion->high, one->high, sizeof lesion->high);
    text_format(lesion->tracking_id, sizeof lesion->tracking_id, "Region %u",
                (unsigned)label);
    text_format(lesion->finding.value, sizeof lesion->finding.value, tumour ? "108369006" : "52988006");
    text_format(lesion->finding.scheme, sizeof lesion->finding.scheme, "SCT");
    text_format(lesion->finding.meaning, sizeof lesion->finding.meaning, tumour ? "Neoplasm" : "Lesion");
    components_paint(parts, (size_t)(one - parts->component), (uint8_t)label,
                     findings->labels.u8);
    return measure_lesion(volume, &findings->labels, lesion, arena, err);
}

bool regions_tell(const struct volume *volume, const uint8_t *mask, enum connectivity connectivity,
                  double least_mm3, enum finding_kind kind, struct arena *arena,
                  struct findings *findings, struct error *err)
{
    struct components parts;

    if (!components_find(mask, volume->size, 1, connectivity, arena, &parts, err))
        return false;
    const struct component **const chosen = arena_take(arena, parts.count, sizeof *chosen,
                                                       err);
    if (chosen == NULL)
        return false;
    findings->count = choose(volume, &parts, least_mm3, chosen, &findings->total_mm3);
    findings->segment_count = findings->count < FINDINGS_MAX_SEGMENTS ? findings->count
        : FINDINGS_MAX_SEGMENTS;
    memset(findings->labels.u8, 0, volume_count(volume));
    for (size_t n = 0; n < findings->segment_count; n++)
        if (!describe(volume, &parts, chosen[n], (uint32_t)n + 1, kind, arena, findings, err))
            return false;
    if (findings->count > findings->segment_count)
        findings_warn(findings, "%zu regions were found, the %zu largest are told one by one",
                      findings->count, findings->segment_count);
    return true;
}
