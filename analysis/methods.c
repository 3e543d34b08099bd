/* Methods: the table, and the way from a name to findings. */
#include "analysis/methods.h"

#include <string.h>

#include "analysis/features.h"
#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"

static const struct methods_entry methods[] = {
    { "fixed-pipeline", "1", "CT MR", false, methods_fixed, methods_fixed_need },
    { "nm-spots", "1", "NM", false, methods_nm_spots, methods_nm_spots_need },
    { "organ-outliers", "1", "CT MR", true, methods_outliers, methods_outliers_need },
    { "otsu3-morphology", "1", NULL, false, methods_otsu3_morphology, methods_otsu3_morphology_need },
    { "pet-41", "1", "PT", false, methods_pet_41, methods_pet_need },
    { "pet-fixed", "1", "PT", false, methods_pet_fixed, methods_pet_need },
    { "pet-otsu", "1", "PT", false, methods_pet_otsu, methods_pet_need },
    { "pet-percist", "1", "PT", false, methods_pet_percist, methods_pet_need },
};
#define COUNT (sizeof methods / sizeof *methods)

const struct methods_entry *methods_at(size_t n)
{
    return n < COUNT ? &methods[n] : NULL;
}

const struct methods_entry *methods_find(const char *name)
{
    for (size_t n = 0; n < COUNT; n++)
        if (strcmp(methods[n].name, name) == 0)
            return &methods[n];
    return NULL;
}

bool methods_takes(const struct methods_entry *method, const char *modality)
{
    const size_t length = strlen(modality);
    const char *at = method->modalities;

    if (at == NULL)
        return true;
    while (at != NULL && (strncmp(at, modality, length) != 0 || strchr(" ", at[length]) == NULL)) {
        at = strchr(at, ' ');
        at += at != NULL;
    }
    return at != NULL && length > 0;
}

bool methods_wants_liver(const struct methods_entry *method)
{
    return method->run == methods_pet_percist;
}

bool methods_needs_suv(const struct methods_entry *method)
{
    return method->need == methods_pet_need;        /* they are one family */
}

static bool check(const struct methods_task *task, const struct methods_entry *method, struct error *err)
{
    if (method == NULL)
        return error_set(err, ERROR_UNSUPPORTED, "no method is called %s", task->parameters->method);
    if (volume_count(task->volume) == 0)
        return error_set(err, ERROR_DATA, "no voxels");
    if (method->needs_organ && task->organ == NULL)
        return error_set(err, ERROR_DATA, "%s needs an organ, and there is no mask of one", method->name);
    return true;
}

/* What is told of every region, whatever found it. */
static bool describe(const struct methods_task *task, struct arena *arena, struct findings *findings,
                     struct error *err)
{
    for (size_t n = 0; n < findings->segment_count; n++) {
        struct lesion *const lesion = &findings->lesion[n];
        if (!features_measure(task->volume, &findings->labels, (uint8_t)lesion->label, lesion->low,
                              lesion->high, task->parameters->threads, arena, &lesion->features, err))
            return false;
    }
    return true;
}

size_t methods_need(const struct methods_entry *method, const struct methods_task *task)
{
    const size_t method_needs = method->need(task);
    const size_t labels = volume_count(task->volume) + FINDINGS_MAX_SEGMENTS * sizeof(struct lesion);
    const size_t features = labels + volume_count(task->volume) + features_room(task->volume);

    return method_needs > features ? method_needs : features;
}

bool methods_run(const struct methods_task *task, struct arena *arena, struct findings *ret_findings,
                 struct error *err)
{
    const struct methods_entry *const method = methods_find(task->parameters->method);

    if (!check(task, method, err)
        || !regions_begin(task->volume, method->name, method->version, arena, ret_findings, err))
        return false;
    const size_t mark = arena_mark(arena);
    const bool good = method->run(task, arena, ret_findings, err);
    arena_rewind(arena, mark);
    return (good && describe(task, arena, ret_findings, err)) || error_prefix(err, "analysis");
}
