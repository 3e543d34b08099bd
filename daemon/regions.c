/* Regions: by jansson, each value with its bounds. */
#include "daemon/regions.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

#define MAX_MM3 1e12                /* a cube of ten metres */
#define MAX_MM 1e5
#define MAX_COUNT 1000000000
#define ROUNDING 1e-6               /* of a sum that was added in another order */

/* A finite number from 0 to `high`. */
static bool read_number(const json_t *object, const char *name, double high, double *ret_value,
                        struct error *err)
{
    const json_t *const value = json_object_get(object, name);
    const double number = json_number_value(value);

    if (!json_is_number(value) || !(number >= 0 && number <= high))
        return error_set(err, ERROR_DATA, "%s is no number from 0 to %g", name, high);
    *ret_value = number;
    return true;
}

static bool read_count(const json_t *object, const char *name, int64_t *ret_value,
                       struct error *err)
{
    const json_t *const value = json_object_get(object, name);
    const json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > MAX_COUNT)
        return error_set(err, ERROR_DATA, "%s is no whole number from 0 to %d", name, MAX_COUNT);
    *ret_value = number;
    return true;
}

/* "" where it is not; cut where it is too long. */
static void read_text(const json_t *object, const char *name, char *buffer, size_t size)
{
    const char *const text = json_string_value(json_object_get(object, name));

    text_to_utf8(text == NULL ? "" : text, text == NULL ? 0 : strlen(text), buffer, size);
}

/* NAN where it is not there, as in findings of other modalities and of earlier versions. */
static double read_if_told(const json_t *object, const char *name)
{
    const json_t *const value = json_object_get(object, name);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool read_region(const json_t *lesion, bool planar, struct region *region, struct error *err)
{
    read_text(lesion, "finding", region->finding, sizeof region->finding);
    read_text(lesion, "site", region->site, sizeof region->site);
    read_text(lesion, "laterality", region->side, sizeof region->side);
    region->maximum = read_if_told(lesion, "maximum");
    region->mean = read_if_told(lesion, "mean");
    region->peak = read_if_told(lesion, "suv_peak");
    region->tlg = read_if_told(lesion, "tlg");
    region->ratio = read_if_told(lesion, "background_ratio");
    region->area_mm2 = NAN;
    if (planar)
        return read_count(lesion, "label", &region->label, err)
            && read_number(lesion, "area_mm2", MAX_MM3, &region->area_mm2, err)
            && read_number(lesion, "axial_long_mm", MAX_MM, &region->longest_mm, err);
    return read_count(lesion, "label", &region->label, err)
        && read_number(lesion, "volume_mm3", MAX_MM3, &region->volume_mm3, err)
        && read_number(lesion, "longest_mm", MAX_MM, &region->longest_mm, err);
}

static bool is_organ(const json_t *lesion)
{
    const char *const kind = json_string_value(json_object_get(lesion, "kind"));

    return kind != NULL && strcmp(kind, "organ") == 0;
}

static bool read_lesions(const json_t *list, struct regions *regions, struct error *err)
{
    const json_t *lesion;
    size_t index;

    if (!json_is_array(list))
        return error_set(err, ERROR_DATA, "lesions is no list");
    json_array_foreach(list, index, lesion) {
        const bool organ = is_organ(lesion);
        size_t *const count = organ ? &regions->organs : &regions->told;
        if (*count == REGIONS_MAX)
            return error_set(err, ERROR_LIMIT, "more than %d lesions", REGIONS_MAX);
        struct region *const region
            = organ ? &regions->organ[*count] : &regions->region[*count];
        if (!read_region(lesion, regions->planar, region, err))
            return error_prefix(err, "lesion %zu", index + 1);
        ++*count;
    }
    return true;
}

/* Does it agree with itself? */
static bool check_sums(const struct regions *regions, struct error *err)
{
    double sum = 0;

    for (size_t i = 0; i < regions->told; i++)
        sum += regions->region[i].volume_mm3;
    if ((int64_t)regions->told > regions->count)
        return error_set(err, ERROR_DATA, "%zu lesions of %lld", regions->told,
                         (long long)regions->count);
    if (sum > regions->total_mm3 * (1 + ROUNDING) + ROUNDING
        || ((int64_t)regions->told == regions->count
            && sum < regions->total_mm3 * (1 - ROUNDING) - ROUNDING))
        return error_set(err, ERROR_DATA, "lesions of %g mm3 in a total of %g mm3", sum,
                         regions->total_mm3);
    return true;
}

bool regions_read(const char *findings, struct regions *ret_regions, struct error *err)
{
    json_error_t where;
    json_t *const object = json_loads(findings, JSON_REJECT_DUPLICATES, &where);

    memset(ret_regions, 0, sizeof *ret_regions);
    read_text(json_object_get(object, "method"), "name", ret_regions->method,
              sizeof ret_regions->method);
    read_text(object, "unit", ret_regions->unit, sizeof ret_regions->unit);
    ret_regions->planar = json_is_true(json_object_get(object, "planar"));
    ret_regions->total_tlg = read_if_told(object, "total_tlg");
    const bool good = (json_is_object(object)
                       || error_set(err, ERROR_DATA, "no JSON object, line %d", where.line))
        && read_count(object, "count", &ret_regions->count, err)
        && (ret_regions->planar
            || read_number(object, "total_mm3", MAX_MM3, &ret_regions->total_mm3, err))
        && read_lesions(json_object_get(object, "lesions"), ret_regions, err)
        && check_sums(ret_regions, err);
    json_decref(object);
    return good;
}
