/* Analyse: defaults by modality, and the method that the parameters name. */
#include "analysis/analyse.h"

#include <string.h>

#include "analysis/methods.h"
#include "analysis/planar.h"
#include "analysis/synthesis.h"
#include "util/error.h"

void analysis_defaults(const char *modality, struct analysis_parameters *ret_parameters)
{
    struct analysis_parameters parameters = {
        .method = "otsu3-morphology", .polarity = POLARITY_BRIGHT, .min_lesion_mm3 = 50,
        .min_contrast = 2.5, .max_fraction = 0.1, .max_missing_slices = 1,
        .threads = 1
    };

    if (strcmp(modality, "CT") == 0) {
        parameters.window_center = 40;
        parameters.window_width = 400;
        parameters.organs = true;
    } else if (strcmp(modality, "MR") == 0) {
        parameters.flatten = true;
        parameters.organs = true;
    } else if (strcmp(modality, "NM") == 0) {
        memcpy(parameters.method, "nm-spots", sizeof "nm-spots");   /* counts have no classes */
    }
    *ret_parameters = parameters;
}

static bool is_flat(const struct volume *volume)
{
    return volume->planar || volume->size[2] == 1;
}

/* Only what has a place in the patient gets a body. */
static bool has_body(const struct methods_task *task, const struct findings *findings)
{
    return task->parameters->synthesis_mm > 0 && !task->volume->planar && task->volume->size[2] == 1
        && findings->segment_count > 0;
}

size_t analyse_need(const struct volume *volume, const struct analysis_parameters *parameters)
{
    const struct methods_task task = { .volume = volume, .parameters = parameters };
    const struct methods_entry *const method = methods_find(parameters->method);

    return method == NULL ? 0 : methods_need(method, &task);
}

bool analyse_organ(const struct volume *volume, const uint8_t *organ,
                   const struct analysis_parameters *parameters, struct arena *arena,
                   struct findings *ret_findings, struct error *err)
{
    const struct methods_task task = { .volume = volume, .parameters = parameters, .organ = organ };

    if (!is_flat(volume))
        return methods_run(&task, arena, ret_findings, err);
    return planar_run(&task, arena, ret_findings, err)
        && (!has_body(&task, ret_findings)
            || synthesis_make(&ret_findings->labels, ret_findings->segment_count, parameters->synthesis_mm,
                              arena, &ret_findings->synthesis, err)
            || error_prefix(err, "synthesis"));
}

bool analyse(const struct volume *volume, const struct analysis_parameters *parameters,
             struct arena *arena, struct findings *ret_findings, struct error *err)
{
    return analyse_organ(volume, NULL, parameters, arena, ret_findings, err);
}
