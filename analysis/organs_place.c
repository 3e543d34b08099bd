/* Organs, what lies in them: by counting labels in a lesion, then in the box around it. */
#include "analysis/organs.h"

#define AROUND 2                    /* voxels on each side */

static bool is_site(enum organ_id id)
{
    return id == ORGAN_BRAIN || id == ORGAN_LUNG_LEFT || id == ORGAN_LUNG_RIGHT || id == ORGAN_BONE
        || id == ORGAN_LIVER || id == ORGAN_SPLEEN || id == ORGAN_KIDNEY_LEFT || id == ORGAN_KIDNEY_RIGHT;
}

/* The organ of more than half of the voxels counted, or none. */
static enum organ_id most_of(const size_t counts[ORGAN_END])
{
    size_t sum = 0, best = 0;

    for (size_t id = 0; id < ORGAN_END; id++) {
        sum += counts[id];
        best = counts[id] > counts[best] ? id : best;
    }
    return 2 * counts[best] > sum && is_site((enum organ_id)best) ? (enum organ_id)best : ORGAN_NONE;
}

/* Labels of the lesion's own voxels, and of the others in its box and a little around. */
static void count_labels(const struct organs *organs, const struct findings *findings,
                         const struct lesion *lesion, size_t own[ORGAN_END], size_t around[ORGAN_END])
{
    const size_t *const size = organs->labels.size;
    size_t low[3], high[3];

    for (int axis = 0; axis < 3; axis++) {
        low[axis] = lesion->low[axis] > AROUND ? lesion->low[axis] - AROUND : 0;
        high[axis] = lesion->high[axis] + AROUND < size[axis] ? lesion->high[axis] + AROUND : size[axis] - 1;
    }
    for (size_t k = low[2]; k <= high[2]; k++)
        for (size_t j = low[1]; j <= high[1]; j++)
            for (size_t i = low[0]; i <= high[0]; i++) {
                const size_t index = (k * size[1] + j) * size[0] + i;
                (findings_is_of(findings, lesion, index) ? own : around)[organs_at(organs, index)]++;
            }
}

static void place(const struct organs *organs, const struct findings *findings, struct lesion *lesion)
{
    size_t own[ORGAN_END] = { 0 }, around[ORGAN_END] = { 0 };

    count_labels(organs, findings, lesion, own, around);
    const enum organ_id id = most_of(own) != ORGAN_NONE ? most_of(own) : most_of(around);
    const struct organ *const organ = organs_get(organs, id);
    if (organ == NULL || lesion->volume_mm3 > organ->volume_mm3)
        return;                     /* what is larger than an organ does not lie in it */
    lesion->site = organ->code;
    lesion->laterality = organ->laterality;
    lesion->organ_share = (struct measure){ true, lesion->volume_mm3 / organ->volume_mm3 };
}

void organs_place(const struct organs *organs, struct findings *findings)
{
    for (size_t n = 0; organs->count > 0 && n < findings->segment_count; n++)
        if (findings->lesion[n].site.value[0] == '\0' && findings->lesion[n].kind != FINDING_ORGAN)
            place(organs, findings, &findings->lesion[n]);
}
