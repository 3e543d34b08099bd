/* Findings as JSON, by jansson. */
#include "reports/findings_json.h"

#include <jansson.h>
#include <string.h>

#include "analysis/findings.h"
#include "dicom/series.h"
#include "dicom/uid.h"
#include "reports/common.h"
#include "reports/organs_json.h"
#include "util/error.h"
#include "util/volume.h"

static json_t *triple(const double values[3])
{
    return json_pack("[f,f,f]", values[0], values[1], values[2]);
}

/* Where it lies, as far as that is known; daemon/regions.c reads it again. */
static void put_place(const struct lesion *lesion, json_t *object)
{
    static const char *const sides[] = { "", "left", "right", "bilateral" };

    if (lesion->kind == FINDING_ORGAN)
        json_object_set_new(object, "kind", json_string("organ"));
    if (lesion->site.value[0] != '\0') {
        json_object_set_new(object, "site", json_string(lesion->site.meaning));
        json_object_set_new(object, "site_code", json_string(lesion->site.value));
    }
    if (lesion->organ_share.known)
        json_object_set_new(object, "organ_share", json_real(lesion->organ_share.value));
    if (lesion->laterality != LATERALITY_NONE)
        json_object_set_new(object, "laterality", json_string(sides[lesion->laterality]));
}

static json_t *laid_array(const struct findings *findings)
{
    json_t *const list = json_array();
    char told[120];

    for (size_t i = 0; i < findings->laid_count; i++) {
        const struct laid *const laid = &findings->laid[i];
        json_t *const matrix = json_array();
        for (int row = 0; row < 4; row++)
            json_array_append_new(matrix, json_pack(
                "[f,f,f,f]", laid->matrix[row][0], laid->matrix[row][1], laid->matrix[row][2],
                laid->matrix[row][3]));
        laid_tell(laid, told, sizeof told);
        json_array_append_new(list, json_pack(
            "{s:s s:s s:s s:b s:o s:f s:f s:f s:f s:s}", "role", laid->role, "series_uid",
            laid->series_uid, "unit", volume_unit_name(laid->unit), "registered",
            (int)laid->registered, "matrix", matrix, "moved_mm", laid->moved_mm,
            "turned_degrees", laid->turned_degrees, "before", laid->before, "after",
            laid->after, "told", told));
    }
    return list;
}

/* What the other volumes say of the lesion, by role. */
static json_t *laid_object(const struct findings *findings, size_t lesion)
{
    json_t *const object = json_object();

    for (size_t i = 0; i < findings->laid_count; i++) {
        const struct laid_values *const values = &findings->laid[i].lesion[lesion];
        json_object_set_new(object, findings->laid[i].role, json_pack(
            "{s:I s:f s:f s:f s:f}", "voxels", (json_int_t)values->voxels, "mean", values->mean,
            "sd", values->sd, "minimum", values->minimum, "maximum", values->maximum));
    }
    return object;
}

static json_t *quality_object(const struct quality *quality, enum volume_unit unit)
{
    json_t *const checks = json_array();

    for (int kind = 0; kind < QUALITY_KINDS; kind++) {
        const struct quality_check *const check = &quality->check[kind];
        const char *const name = quality_name((enum quality_kind)kind);
        json_array_append_new(checks, !check->known
            ? json_pack("{s:s s:s}", "name", name, "verdict", "unknown")
            : json_pack("{s:s s:f s:s s:f s:s}", "name", name, "value", check->value, "unit",
                        quality_unit((enum quality_kind)kind, unit), "bound", check->bound,
                        "verdict", quality_verdict_name(check->verdict)));
    }
    return json_pack("{s:s s:o}", "verdict", quality_verdict_name(quality->verdict), "checks",
                     checks);
}

/* SUVpeak, metabolic volume and glycolysis of PET; of counts the ratio to what lies around. */
static void put_uptake(const struct lesion *lesion, json_t *object)
{
    if (lesion->tlg.known) {
        json_object_set_new(object, "mtv_ml", json_real(lesion->volume_mm3 / 1000));
        json_object_set_new(object, "tlg", json_real(lesion->tlg.value));
    }
    if (lesion->peak.known) {
        json_object_set_new(object, "suv_peak", json_real(lesion->peak.value));
        json_object_set_new(object, "suv_peak_mm", triple(lesion->peak_mm));
    }
    if (lesion->background_ratio.known) {
        json_object_set_new(object, "background", json_real(lesion->background.value));
        json_object_set_new(object, "background_ratio", json_real(lesion->background_ratio.value));
    }
}

/* IBSI's, by names of analysis/features.h; what is not known is not there. */
static void put_features(const struct features *features, json_t *object)
{
    const struct features_intensity *const intensity = &features->intensity;
    const struct features_shape *const shape = &features->shape;
    json_t *const all = json_object();

    if (features->intensity_known)
        json_object_set_new(all, "intensity", json_pack(
            "{s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f}",
            "mean", intensity->mean, "variance", intensity->variance, "skewness", intensity->skewness,
            "kurtosis", intensity->kurtosis, "median", intensity->median, "minimum", intensity->minimum,
            "p10", intensity->p10, "p90", intensity->p90, "maximum", intensity->maximum,
            "interquartile", intensity->interquartile, "range", intensity->range,
            "mean_deviation", intensity->mean_deviation, "robust_deviation",
            intensity->robust_deviation, "median_deviation", intensity->median_deviation, "variation",
            intensity->variation, "quartile_dispersion", intensity->quartile_dispersion, "energy",
            intensity->energy, "root_mean_square", intensity->root_mean_square));
    if (features->shape_known)
        json_object_set_new(all, "shape", json_pack(
            "{s:f s:f s:f s:f s:f s:f s:f s:f s:f s:o s:f s:f s:f s:f s:f}",
            "mesh_mm3", shape->mesh_mm3, "area_mm2", shape->area_mm2, "area_per_volume",
            shape->area_per_volume, "compactness1", shape->compactness1, "compactness2",
            shape->compactness2, "disproportion", shape->disproportion, "sphericity", shape->sphericity,
            "asphericity", shape->asphericity, "shift_mm", shape->shift_mm, "axis_mm",
            triple(shape->axis_mm), "elongation", shape->elongation, "flatness", shape->flatness,
            "box_volume_density", shape->box_volume_density, "box_area_density",
            shape->box_area_density, "integrated", shape->integrated));
    json_object_set_new(object, "features", all);
}

static void put_total_uptake(const struct findings *findings, json_t *object)
{
    if (findings->rule[0] != '\0')
        json_object_set_new(object, "rule", json_string(findings->rule));
    if (!findings->total_tlg.known)
        return;
    json_object_set_new(object, "total_mtv_ml", json_real(findings->total_mm3 / 1000));
    json_object_set_new(object, "total_tlg", json_real(findings->total_tlg.value));
    json_object_set_new(object, "tlg_unit", json_string(common_tlg_unit(findings->unit)));
}

/* A picture has areas and pixels: what would be a volume, or a place in the patient, is taken out. */
static void make_planar(const struct report_context *context, const struct lesion *lesion, json_t *object)
{
    static const char *const spatial[] = { "volume_mm3", "centroid_mm", "longest_mm", "long_axis_mm",
                                           "short_axis_mm" };
    const double (*const affine)[4] = context->volume->affine;

    const bool placed = !context->volume->planar;       /* a slice of a patient has a place, and no volume */

    json_object_set_new(object, "area_mm2", json_real(lesion->volume_mm3));
    for (size_t i = 0; i < (placed ? 1 : sizeof spatial / sizeof *spatial); i++)
        json_object_del(object, spatial[i]);
    if (placed)
        json_object_set_new(object, "view", json_string("slice"));
    if (placed)
        return;
    json_object_set_new(object, "view", json_string(context->facts->view[lesion->axial_slice
                                                                         % SERIES_MAX_VIEWS]));
    json_object_set_new(object, "centroid_pixels", json_pack("[f,f]",
        (lesion->centroid_mm[0] - affine[0][3]) / affine[0][0],
        (lesion->centroid_mm[2] - affine[2][3]) / affine[2][1]));
}

static void put_planar(const struct report_context *context, json_t *object)
{
    json_t *const views = json_array();

    for (size_t k = 0; context->volume->planar && k < context->volume->size[2] && k < SERIES_MAX_VIEWS; k++)
        json_array_append_new(views, json_string(context->facts->view[k]));
    json_object_set_new(object, "planar", json_true());
    json_object_set_new(object, "views", views);
    json_object_set_new(object, "total_area_mm2", json_real(context->findings->total_mm3));
    json_object_del(object, "total_mm3");
}

/* In voxels, by that name: nothing of it is a length in the patient. */
static void put_synthetic(const struct synthesis *synthesis, const struct lesion *lesion, json_t *object)
{
    json_object_set_new(object, "synthetic, voxels", json_pack(
        "{s:I s:f}", "count", (json_int_t)synthesis->voxels[lesion->label], "longest",
        synthesis->longest_voxels[lesion->label]));
}

static json_t *lesion_object(const struct report_context *context,
                             const struct lesion *lesion)
{
    char uid[TEXT_UID_SIZE], role[32];

    text_format(role, sizeof role, "lesion.%u", (unsigned)lesion->label);
    uid_derive(context->key, role, uid);
    json_t *const object = json_pack(
        "{s:i s:s s:s s:I s:f s:o s:f s:I s:f s:f s:[o,o] s:[o,o] s:f s:f s:f s:f s:s s:s}",
        "label", (int)lesion->label, "finding", lesion->finding.meaning,
        "finding_code", lesion->finding.value, "voxels", (json_int_t)lesion->voxels,
        "volume_mm3", lesion->volume_mm3, "centroid_mm", triple(lesion->centroid_mm),
        "longest_mm", lesion->longest_mm, "axial_slice", (json_int_t)lesion->axial_slice,
        "axial_long_mm", lesion->axial_long_mm, "axial_short_mm", lesion->axial_short_mm,
        "long_axis_mm", triple(lesion->long_axis_mm[0]), triple(lesion->long_axis_mm[1]),
        "short_axis_mm", triple(lesion->short_axis_mm[0]), triple(lesion->short_axis_mm[1]),
        "mean", lesion->mean, "sd", lesion->sd, "minimum", lesion->minimum,
        "maximum", lesion->maximum, "tracking_id", lesion->tracking_id, "tracking_uid", uid);
    put_place(lesion, object);
    put_uptake(lesion, object);
    put_features(&lesion->features, object);
    if (object != NULL && context->findings->planar)
        make_planar(context, lesion, object);
    if (object != NULL && context->findings->synthesis.made)
        put_synthetic(&context->findings->synthesis, lesion, object);
    return object;
}

/* The stacks of the series, and why each of the others was not analysed (dicom/stack.h). */
static json_t *stacks_array(const struct series_facts *facts)
{
    json_t *const stacks = json_array();

    for (size_t n = 0; n < facts->stack_count && n < SERIES_MAX_STACKS; n++)
        json_array_append_new(stacks, json_pack(
            "{s:I s:I s:I s:s s:b s:s}", "slices", (json_int_t)facts->stack[n].slices,
            "columns", (json_int_t)facts->stack[n].columns, "rows",
            (json_int_t)facts->stack[n].rows, "plane", facts->stack[n].plane, "analysed",
            facts->stack[n].reason[0] == '\0', "reason", facts->stack[n].reason));
    return stacks;
}

bool findings_json_make(const struct report_context *context, struct report *ret_report,
                        struct error *err)
{
    const struct findings *const findings = context->findings;
    json_t *const lesions = json_array(), *const warnings = json_array();

    for (size_t n = 0; n < findings->segment_count; n++)
        json_array_append_new(lesions, lesion_object(context, &findings->lesion[n]));
    for (size_t n = 0; n < findings->segment_count && findings->laid_count > 0; n++)
        json_object_set_new(json_array_get(lesions, n), "laid", laid_object(findings, n));
    for (size_t n = 0; n < findings->warning_count; n++)
        json_array_append_new(warnings, json_string(findings->warning[n]));
    json_t *const object = json_pack(
        "{s:I s:I s:f s:s s:s s:s s:{s:s s:s s:s} s:f s:f s:f s:I s:s s:o s:o}",
        "count", (json_int_t)findings->count,
        "segment_count", (json_int_t)findings->segment_count,
        "total_mm3", findings->total_mm3, "unit", volume_unit_name(findings->unit),
        "modality", context->facts->modality, "suv", context->facts->suv, "method", "name",
        findings->method.name, "version", findings->method.version, "parameters",
        findings->method.parameters, "window_center", findings->window_center,
        "window_width", findings->window_width, "noise_sd",
        findings->noise_sd.known ? findings->noise_sd.value : 0.0, "slices",
        (json_int_t)context->facts->slices, "notice", COMMON_WARNING, "lesions", lesions,
        "warnings", warnings);
    if (findings->laid_count > 0)
        json_object_set_new(object, "laid", laid_array(findings));
    if (findings->quality.examined)
        json_object_set_new(object, "quality",
                            quality_object(&findings->quality, findings->unit));
    if (object != NULL && context->facts->stack_count > 1) {
        json_object_set_new(object, "stack_count",
                            json_integer((json_int_t)context->facts->stack_count));
        json_object_set_new(object, "stacks", stacks_array(context->facts));
    }
    if (object != NULL)
        put_total_uptake(findings, object);
    if (object != NULL)
        organs_json_put(context, object);
    if (object != NULL && findings->planar)
        put_planar(context, object);
    if (object != NULL && findings->synthesis.made)
        json_object_set_new(object, "synthetic", json_pack(
            "{s:s s:f}", "notice", "synthetic, not for measurement", "depth_mm",
            findings->synthesis.depth_mm));
    char *const text = object == NULL ? NULL
        : json_dumps(object, JSON_SORT_KEYS | JSON_INDENT(1));

    json_decref(object);
    if (text == NULL)
        return error_set(err, ERROR_DATA, "findings.json: a text or number that JSON lacks");
    ret_report->kind = REPORT_JSON;
    text_format(ret_report->name, sizeof ret_report->name, "findings.json");
    ret_report->bytes = (unsigned char *)text;
    ret_report->size = strlen(text);
    return true;
}
