/* Organs as JSON: those found with their numbers, the others with the reason. */
#include "reports/organs_json.h"

#include <math.h>

#include "analysis/findings.h"
#include "dicom/dataset.h"
#include "dicom/series.h"
#include "reports/acquisition.h"
#include "reports/report.h"

static json_t *triple(const double values[3])
{
    return json_pack("[f,f,f]", values[0], values[1], values[2]);
}

static json_t *organ_object(const struct organ *organ)
{
    static const char *const sides[] = { "", "left", "right", "bilateral" };
    json_t *const object = json_pack("{s:s s:s s:b}", "name", organ->name, "code", organ->code.value,
                                     "found", organ->found);

    if (organ->laterality != LATERALITY_NONE)
        json_object_set_new(object, "laterality", json_string(sides[organ->laterality]));
    if (!organ->found) {
        json_object_set_new(object, "why_not", json_string(organ->why_not));
        return object;
    }
    json_t *const numbers = json_pack(
        "{s:f s:I s:f s:f s:f s:f s:f s:[f,f,f,f,f] s:o s:o s:[o,o] s:o s:b}",
        "confidence", organ->confidence, "voxels", (json_int_t)organ->voxels,
        "volume_ml", organ->volume_mm3 / 1000, "mean", organ->mean, "sd", organ->sd,
        "minimum", organ->minimum, "maximum", organ->maximum, "percentiles",
        organ->percentile[0], organ->percentile[1], organ->percentile[2], organ->percentile[3],
        organ->percentile[4], "centroid_mm", triple(organ->centroid_mm),
        "extent_mm", triple(organ->extent_mm), "box_mm", triple(organ->box_mm[0]),
        triple(organ->box_mm[1]), "position", triple(organ->position), "truncated", organ->truncated);
    json_object_update(object, numbers);
    json_decref(numbers);
    return object;
}

static json_t *acquisition_object(const struct report_context *context)
{
    json_t *const object = json_object();
    struct acquisition all;

    acquisition_read(dataset_root(context->source), context->facts->modality, &all);
    for (size_t n = 0; n < all.count; n++)
        json_object_set_new(object, all.fact[n].key, all.fact[n].is_number
                            ? json_real(all.fact[n].number) : json_string(all.fact[n].text));
    return object;
}

void organs_json_put(const struct report_context *context, json_t *object)
{
    const struct organs *const organs = &context->findings->organs;
    json_t *const list = json_array();

    for (size_t n = 0; n < organs->count; n++)
        json_array_append_new(list, organ_object(&organs->organ[n]));
    json_object_set_new(object, "acquisition", acquisition_object(context));
    if (organs->count > 0)
        json_object_set_new(object, "organ_method", json_pack("{s:s s:s}", "name", organs->method,
                                                             "version", organs->version));
    if (organs->count > 0)
        json_object_set_new(object, "organs", list);
    else
        json_decref(list);
}
