/* SR: content items by their relationship and value type; the tree of dicom-objects section 4. */
#include "reports/sr.h"

#include <string.h>

#include "analysis/findings.h"
#include "dicom/dataset.h"
#include "dicom/series.h"
#include "dicom/uid.h"
#include "reports/acquisition.h"
#include "reports/common.h"
#include "reports/seg.h"
#include "util/error.h"
#include "util/volume.h"

#define SR_CLASS "1.2.840.10008.5.1.4.1.1.88.34"
#define OUTLINE_ROWS 512            /* of which a polyline goes through at most half, evenly */
#define SEG_CLASS "1.2.840.10008.5.1.4.1.1.66.4"

struct concept {
    const char *value, *scheme, *meaning;
};

static const struct concept no_units = { "1", "UCUM", "no units" };
static const struct concept millimetre = { "mm", "UCUM", "mm" };
static const struct concept square_millimetre = { "mm2", "UCUM", "mm2" };
static const struct concept cubic_millimetre = { "mm3", "UCUM", "mm3" };

static void put_concept(struct item *item, uint32_t tag, const struct concept *concept)
{
    item_put_code(item, tag, concept->value, concept->scheme, concept->meaning);
}

/* ---- content items ---- */

static struct item *add(struct item *parent, const char *relationship, const char *type,
                        const struct concept *name)
{
    struct item *const item = item_add(parent, 0x0040a730);

    item_put_text(item, 0x0040a010, relationship);
    item_put_text(item, 0x0040a040, type);
    if (name != NULL)
        put_concept(item, 0x0040a043, name);
    return item;
}

static struct item *add_container(struct item *parent, const struct concept *name,
                                  const char *template)
{
    struct item *const item = add(parent, "CONTAINS", "CONTAINER", name);

    item_put_text(item, 0x0040a050, "SEPARATE");
    if (template != NULL) {
        struct item *const id = item_add(item, 0x0040a504);
        item_put_text(id, 0x00080105, "DCMR");
        item_put_text(id, 0x0040db00, template);
    }
    return item;
}

static struct item *add_code(struct item *parent, const char *relationship,
                             const struct concept *name, const struct concept *value)
{
    struct item *const item = add(parent, relationship, "CODE", name);

    put_concept(item, 0x0040a168, value);
    return item;
}

static void add_text(struct item *parent, const char *relationship,
                     const struct concept *name, const char *text)
{
    item_put_text(add(parent, relationship, "TEXT", name), 0x0040a160, text);
}

static void add_uid(struct item *parent, const char *relationship,
                    const struct concept *name, const char *uid)
{
    item_put_text(add(parent, relationship, "UIDREF", name), 0x0040a124, uid);
}

static struct item *add_image(struct item *parent, const struct concept *name,
                              const char *class_uid, const char *uid)
{
    struct item *const item = add(parent, "CONTAINS", "IMAGE", name);
    struct item *const reference = item_add(item, 0x00081199);

    item_put_text(reference, 0x00081150, class_uid);
    item_put_text(reference, 0x00081155, uid);
    return reference;
}

static struct item *add_number(struct item *parent, const struct concept *name, double value,
                               const struct concept *unit)
{
    struct item *const item = add(parent, "CONTAINS", "NUM", name);
    struct item *const measured = item_add(item, 0x0040a300);

    item_put_double(measured, 0x0040a30a, value);
    item_put_double(measured, 0x0040a161, value);       /* a DS may lose digits */
    put_concept(measured, 0x004008ea, unit);
    return item;
}

/* ---- header and context ---- */

static void put_header(struct item *root)
{
    item_put_empty(root, 0x00081111);
    item_put_text(root, 0x0040a040, "CONTAINER");
    put_concept(root, 0x0040a043,
                &(struct concept){ "126000", "DCM", "Imaging Measurement Report" });
    item_put_text(root, 0x0040a050, "SEPARATE");
    item_put_empty(root, 0x0040a372);
    item_put_text(root, 0x0040a491, "COMPLETE");
    item_put_text(root, 0x0040a493, "UNVERIFIED");
    struct item *const id = item_add(root, 0x0040a504);
    item_put_text(id, 0x00080105, "DCMR");
    item_put_text(id, 0x0040db00, "1500");
}

static void put_instance(struct item *series, const char *class_uid, const char *uid)
{
    struct item *const instance = item_add(series, 0x00081199);

    item_put_text(instance, 0x00081150, class_uid);
    item_put_text(instance, 0x00081155, uid);
}

/* Current Requested Procedure Evidence: everything that the tree refers to. */
static void put_own(const struct report *seg, struct item *study)
{
    struct item *const own = item_add(study, 0x00081115);

    item_put_text(own, 0x0020000e, seg->series_uid);
    put_instance(own, SEG_CLASS, seg->sop_uid);
}

static void put_evidence(const struct report_context *context, const struct report *seg,
                         const struct report *organs, struct item *root)
{
    const struct volume *const volume = context->volume;
    struct item *const study = item_add(root, 0x0040a375);
    struct item *const series = item_add(study, 0x00081115);

    item_copy(study, dataset_root(context->source), 0x0020000d);
    item_copy(series, dataset_root(context->source), 0x0020000e);
    for (size_t k = 0; k < volume->size[2]; k++)
        if (!common_is_repeated(volume, k))
            put_instance(series, volume->slices[k].sop_class_uid, volume->slices[k].sop_uid);
    if (seg != NULL)
        put_own(seg, study);
    if (organs != NULL)
        put_own(organs, study);
}

static void put_observer(struct item *root)
{
    char uid[TEXT_UID_SIZE];

    uid_derive("device", UID_IMPLEMENTATION_VERSION, uid);
    add_code(root, "HAS CONCEPT MOD", &(struct concept){ "121049", "DCM",
             "Language of Content Item and Descendants" },
             &(struct concept){ "en-US", "RFC5646", "English (United States)" });
    add_code(root, "HAS OBS CONTEXT", &(struct concept){ "121005", "DCM", "Observer Type" },
             &(struct concept){ "121007", "DCM", "Device" });
    add_uid(root, "HAS OBS CONTEXT",
            &(struct concept){ "121012", "DCM", "Device Observer UID" }, uid);
    add_text(root, "HAS OBS CONTEXT",
             &(struct concept){ "121013", "DCM", "Device Observer Name" }, "tumord");
    add_text(root, "HAS OBS CONTEXT", &(struct concept){ "121014", "DCM",
             "Device Observer Manufacturer" }, UID_MANUFACTURER);
    add_text(root, "HAS OBS CONTEXT", &(struct concept){ "121015", "DCM",
             "Device Observer Model Name" }, UID_MODEL);
    add_text(root, "HAS OBS CONTEXT", &(struct concept){ "121016", "DCM",
             "Device Observer Serial Number" }, "1");
}

static const struct concept *procedure_of(const char *modality)
{
    static const struct concept ct = { "77477000", "SCT", "Computed tomography" };
    static const struct concept mr = { "113091000", "SCT", "Magnetic resonance imaging" };
    static const struct concept pt = { "82918005", "SCT", "Positron emission tomography" };
    static const struct concept other = { "363679005", "SCT", "Imaging procedure" };

    return strcmp(modality, "CT") == 0 ? &ct : strcmp(modality, "MR") == 0 ? &mr
        : strcmp(modality, "PT") == 0 ? &pt : &other;
}

static void put_library(const struct report_context *context, struct item *root)
{
    const struct volume *const volume = context->volume;
    struct item *const library = add_container(root,
        &(struct concept){ "111028", "DCM", "Image Library" }, "1600");
    struct item *const group = add_container(library,
        &(struct concept){ "126200", "DCM", "Image Library Group" }, NULL);

    for (size_t k = 0; k < volume->size[2]; k++)
        if (!common_is_repeated(volume, k))
            add_image(group, NULL, volume->slices[k].sop_class_uid, volume->slices[k].sop_uid);
}

/* ---- measurements ---- */

static const struct concept *unit_of(enum volume_unit unit)
{
    static const struct concept hu = { "[hnsf'U]", "UCUM", "Hounsfield unit" };
    static const struct concept suvbw
        = { "g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight" };
    static const struct concept suvlbm
        = { "g/ml{SUVlbm}", "UCUM", "Standardized Uptake Value lean body mass (James)" };
    static const struct concept suvlbm128 = { "g/ml{SUVlbm(James128)}", "UCUM",
        "Standardized Uptake Value lean body mass (James 128 multiplier)" };
    static const struct concept suvlbmjanma = { "g/ml{SUVlbm(Janma)}", "UCUM",
        "Standardized Uptake Value lean body mass (Janma)" };
    static const struct concept suvbsa
        = { "cm2/ml{SUVbsa}", "UCUM", "Standardized Uptake Value body surface area" };
    static const struct concept counts = { "{counts}", "UCUM", "Counts" };
    static const struct concept activity = { "Bq/ml", "UCUM", "Becquerels/milliliter" };

    return unit == UNIT_HU ? &hu : unit == UNIT_SUVBW ? &suvbw
        : unit == UNIT_SUVLBM ? &suvlbm : unit == UNIT_SUVLBM_JAMES128 ? &suvlbm128
        : unit == UNIT_SUVLBM_JANMA ? &suvlbmjanma : unit == UNIT_SUVBSA ? &suvbsa
        : unit == UNIT_BQML ? &activity : unit == UNIT_COUNTS ? &counts : &no_units;
}

static const struct concept *quantity_of(enum volume_unit unit, const char *modality)
{
    static const struct concept attenuation = { "112031", "DCM", "Attenuation Coefficient" };
    static const struct concept suvbw = { "126401", "DCM", "SUVbw" };
    static const struct concept suvlbm = { "126402", "DCM", "SUVlbm" };
    static const struct concept suvbsa = { "126403", "DCM", "SUVbsa" };
    static const struct concept suvlbmjanma = { "126405", "DCM", "SUVlbm(Janma)" };
    static const struct concept suvlbm128 = { "126406", "DCM", "SUVlbm(James128)" };
    static const struct concept signal = { "110852", "DCM", "MR signal intensity" };
    static const struct concept value = { "99T001", "99TUMORD", "Pixel value" };

    return unit == UNIT_HU ? &attenuation : unit == UNIT_SUVBW ? &suvbw
        : unit == UNIT_SUVLBM ? &suvlbm : unit == UNIT_SUVLBM_JAMES128 ? &suvlbm128
        : unit == UNIT_SUVLBM_JANMA ? &suvlbmjanma : unit == UNIT_SUVBSA ? &suvbsa
        : strcmp(modality, "MR") == 0 ? &signal : &value;
}

static void add_intensity(const struct report_context *context, struct item *group,
                          double value, const struct concept *derivation)
{
    const enum volume_unit unit = context->findings->unit;
    struct item *const number = add_number(group,
        quantity_of(unit, context->facts->modality), value, unit_of(unit));

    add_code(number, "HAS CONCEPT MOD", &(struct concept){ "121401", "DCM", "Derivation" },
             derivation);
}

static void add_algorithm(const struct report_context *context, struct item *group)
{
    const struct method *const method = &context->findings->method;

    add_text(group, "HAS CONCEPT MOD",
             &(struct concept){ "111001", "DCM", "Algorithm Name" }, method->name);
    add_text(group, "HAS CONCEPT MOD",
             &(struct concept){ "111003", "DCM", "Algorithm Version" }, method->version);
    if (method->parameters[0] != '\0')
        add_text(group, "HAS CONCEPT MOD",
                 &(struct concept){ "111002", "DCM", "Algorithm Parameters" },
                 method->parameters);
}

static void add_glycolysis(const struct report_context *context, struct item *group, double mm3,
                           double tlg)
{
    static const struct concept millilitre = { "ml", "UCUM", "ml" };
    const char *const unit = common_tlg_unit(context->findings->unit);

    add_number(group, &(struct concept){ "126032", "DCM", "Metabolic Volume" }, mm3 / 1000, &millilitre);
    add_number(group, &(struct concept){ "126033", "DCM", "Total Lesion Glycolysis" }, tlg,
               &(struct concept){ unit, "UCUM", unit });
}

/* What is known of PET and of counts. */
static void add_uptake(const struct report_context *context, const struct lesion *lesion,
                       struct item *group)
{
    if (lesion->peak.known)
        add_intensity(context, group, lesion->peak.value,
                      &(struct concept){ "126031", "DCM", "Peak Value Within ROI" });
    if (lesion->tlg.known)
        add_glycolysis(context, group, lesion->volume_mm3, lesion->tlg.value);
    if (lesion->background_ratio.known)
        add_number(group, &(struct concept){ "99T002", "99TUMORD", "Lesion to background ratio" },
                   lesion->background_ratio.value, &no_units);
}

/* Those that have a code of their own. */
static void add_shape(const struct features_shape *shape, struct item *group)
{
    add_number(group, &(struct concept){ "RNU0", "IBSI", "Volume of Mesh" }, shape->mesh_mm3,
               &cubic_millimetre);
    add_number(group, &(struct concept){ "C0JK", "IBSI", "Surface Area of Mesh" }, shape->area_mm2,
               &square_millimetre);
    add_number(group, &(struct concept){ "QCFX", "IBSI", "Sphericity" }, shape->sphericity, &no_units);
    add_number(group, &(struct concept){ "TDIC", "IBSI", "Major Axis in 3D Length" }, shape->axis_mm[0],
               &millimetre);
    add_number(group, &(struct concept){ "P9VJ", "IBSI", "Minor Axis in 3D Length" }, shape->axis_mm[1],
               &millimetre);
    add_number(group, &(struct concept){ "7J51", "IBSI", "Least Axis in 3D Length" }, shape->axis_mm[2],
               &millimetre);
}

static void add_volume(const struct lesion *lesion, struct item *group)
{
    struct item *const volume = add_number(group,
        &(struct concept){ "118565006", "SCT", "Volume" }, lesion->volume_mm3,
        &cubic_millimetre);

    add_code(volume, "HAS CONCEPT MOD",
             &(struct concept){ "370129005", "SCT", "Measurement Method" },
             &(struct concept){ "126030", "DCM",
                                "Sum of segmented voxel method for volume" });
    add_number(group, &(struct concept){ "L0JK", "IBSI", "Maximum 3D Diameter of a Mesh" },
               lesion->longest_mm, &millimetre);
}

static void add_area(double mm2, struct item *group)
{
    add_number(group, &(struct concept){ "42798000", "SCT", "Area" }, mm2, &square_millimetre);
}

static void add_measures(const struct report_context *context, const struct lesion *lesion,
                         struct item *group)
{
    if (context->findings->planar)
        add_area(lesion->volume_mm3, group);
    else
        add_volume(lesion, group);
    add_number(group, &(struct concept){ "103339001", "SCT", "Long axis" },
               lesion->axial_long_mm, &millimetre);
    add_number(group, &(struct concept){ "103340004", "SCT", "Short axis" },
               lesion->axial_short_mm, &millimetre);
    add_intensity(context, group, lesion->mean,
                  &(struct concept){ "373098007", "SCT", "Mean" });
    add_intensity(context, group, lesion->sd,
                  &(struct concept){ "386136009", "SCT", "Standard Deviation" });
    add_intensity(context, group, lesion->minimum,
                  &(struct concept){ "255605001", "SCT", "Minimum" });
    add_intensity(context, group, lesion->maximum,
                  &(struct concept){ "56851009", "SCT", "Maximum" });
    if (lesion->features.intensity_known)
        add_intensity(context, group, lesion->features.intensity.median,
                      &(struct concept){ "373099004", "SCT", "Median" });
    if (lesion->features.shape_known)
        add_shape(&lesion->features.shape, group);
    add_uptake(context, lesion, group);
}

/* First and last pixel of the region in row j of its picture; false when there is none. */
static bool find_edges(const struct findings *findings, const struct lesion *lesion, size_t j,
                       size_t *ret_first, size_t *ret_last)
{
    const size_t *const size = findings->labels.size;
    bool any = false;

    for (size_t i = lesion->low[0]; i <= lesion->high[0]; i++)
        if (findings_label(findings, (lesion->low[2] * size[1] + j) * size[0] + i) == lesion->label) {
            *ret_first = any ? *ret_first : i;
            *ret_last = i;
            any = true;
        }
    return any;
}

/*
 * The region of a picture, TID 1410: down its left side and up its right one, between the corners of
 * pixels, whose first has its corner at 0\0 (PS3.3 C.10.5.1.2). What is hollow between is not told.
 */
static void add_outline(const struct report_context *context, const struct lesion *lesion,
                        struct item *group)
{
    const struct volume_slice *const picture = &context->volume->slices[lesion->low[2]];
    double point[4 * OUTLINE_ROWS + 2];
    size_t at = 0, first = 0, last = 0;
    const size_t rows = lesion->high[1] - lesion->low[1] + 1;
    const size_t step = (rows + OUTLINE_ROWS / 2 - 1) / (OUTLINE_ROWS / 2);

    for (size_t j = lesion->low[1]; j <= lesion->high[1]; j += step)
        if (find_edges(context->findings, lesion, j, &first, &last)) {
            point[at++] = (double)first;
            point[at++] = (double)j + 0.5;
        }
    for (size_t j = lesion->low[1] + (rows - 1) / step * step + step; j-- > lesion->low[1];)
        if ((j - lesion->low[1]) % step == 0 && find_edges(context->findings, lesion, j, &first, &last)) {
            point[at++] = (double)last + 1;
            point[at++] = (double)j + 0.5;
        }
    point[at++] = point[0];
    point[at++] = point[1];
    struct item *const region = add(group, "CONTAINS", "SCOORD",
                                    &(struct concept){ "111030", "DCM", "Image Region" });
    item_put_doubles(region, 0x00700022, point, at);
    item_put_text(region, 0x00700023, "POLYLINE");
    struct item *const image = add(region, "SELECTED FROM", "IMAGE", NULL);
    struct item *const reference = item_add(image, 0x00081199);
    item_put_text(reference, 0x00081150, picture->sop_class_uid);
    item_put_text(reference, 0x00081155, picture->sop_uid);
    if (picture->of_many)
        item_put_int(reference, 0x00081160, (long)picture->frame);
}

static void add_segment(const struct report_context *context, const struct lesion *lesion,
                        const struct report *seg, struct item *group)
{
    char uid[TEXT_UID_SIZE];
    struct item *const segment = add_image(group,
        &(struct concept){ "121191", "DCM", "Referenced Segment" }, SEG_CLASS, seg->sop_uid);

    item_put_int(segment, 0x0062000b, (long)lesion->label);
    item_text_at(dataset_root(context->source), 0x0020000e, 0, uid, sizeof uid);
    add_uid(group, "CONTAINS", &(struct concept){ "121232", "DCM",
            "Source series for segmentation" }, uid);
}

/* An organ, and its side below it. */
static void add_site(const struct code *code, enum laterality laterality, struct item *group)
{
    static const struct concept left = { "7771000", "SCT", "Left" };
    static const struct concept right = { "24028007", "SCT", "Right" };
    struct item *const site = add_code(group, "HAS CONCEPT MOD",
        &(struct concept){ "363698007", "SCT", "Finding Site" },
        &(struct concept){ code->value, code->scheme, code->meaning });

    if (laterality == LATERALITY_LEFT || laterality == LATERALITY_RIGHT)
        add_code(site, "HAS CONCEPT MOD", &(struct concept){ "272741003", "SCT", "Laterality" },
                 laterality == LATERALITY_LEFT ? &left : &right);
}

static void add_lesion(const struct report_context *context, const struct lesion *lesion,
                       const struct report *seg, struct item *measurements)
{
    char uid[TEXT_UID_SIZE], role[32];
    struct item *const group = add_container(measurements,
        &(struct concept){ "125007", "DCM", "Measurement Group" },
        context->findings->planar ? "1410" : "1411");

    text_format(role, sizeof role, "lesion.%u", (unsigned)lesion->label);
    uid_derive(context->key, role, uid);
    add_text(group, "HAS OBS CONTEXT",
             &(struct concept){ "112039", "DCM", "Tracking Identifier" },
             lesion->tracking_id);
    add_uid(group, "HAS OBS CONTEXT",
            &(struct concept){ "112040", "DCM", "Tracking Unique Identifier" }, uid);
    add_code(group, "CONTAINS", &(struct concept){ "276214006", "SCT", "Finding category" },
             lesion->kind == FINDING_ORGAN
                 ? &(struct concept){ "123037004", "SCT", "Anatomical Structure" }
                 : &(struct concept){ "49755003", "SCT", "Morphologically Abnormal Structure" });
    add_code(group, "CONTAINS", &(struct concept){ "121071", "DCM", "Finding" },
             &(struct concept){ lesion->finding.value, lesion->finding.scheme,
                                lesion->finding.meaning });
    if (context->findings->planar)
        add_outline(context, lesion, group);
    else if (seg != NULL)
        add_segment(context, lesion, seg, group);
    if (lesion->site.value[0] != '\0')
        add_site(&lesion->site, lesion->laterality, group);
    add_algorithm(context, group);
    add_measures(context, lesion, group);
}

/* ---- organs ---- */

static void add_organ_values(const struct report_context *context, const struct organ *organ,
                             struct item *group)
{
    static const struct concept derivations[] = {
        { "373098007", "SCT", "Mean" }, { "386136009", "SCT", "Standard Deviation" },
        { "255605001", "SCT", "Minimum" }, { "56851009", "SCT", "Maximum" },
        { "373099004", "SCT", "Median" }, { "371888009", "SCT", "5th Percentile Value of population" },
        { "371889001", "SCT", "95th Percentile Value of population" }
    };
    const double values[] = { organ->mean, organ->sd, organ->minimum, organ->maximum,
                              organ->percentile[2], organ->percentile[0], organ->percentile[4] };
    struct item *const volume = add_number(group, &(struct concept){ "118565006", "SCT", "Volume" },
                                           organ->volume_mm3, &cubic_millimetre);

    add_code(volume, "HAS CONCEPT MOD",
             &(struct concept){ "370129005", "SCT", "Measurement Method" },
             &(struct concept){ "126030", "DCM", "Sum of segmented voxel method for volume" });
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        add_intensity(context, group, values[i], &derivations[i]);
}

/* TID 1411 where it has a segment, else 1501: the numbers of body, fat and muscle. */
static void add_organ(const struct report_context *context, const struct organ *organ,
                      const struct report *seg, struct item *measurements)
{
    const struct organs *const organs = &context->findings->organs;
    const long number = seg == NULL ? 0 : seg_organ_number(organs, organ->id);
    char uid[TEXT_UID_SIZE], role[32];
    struct item *const group = add_container(measurements,
        &(struct concept){ "125007", "DCM", "Measurement Group" }, number > 0 ? "1411" : "1501");

    text_format(role, sizeof role, "organ.%d", (int)organ->id);
    uid_derive(context->key, role, uid);
    add_text(group, "HAS OBS CONTEXT",
             &(struct concept){ "112039", "DCM", "Tracking Identifier" }, organ->name);
    add_uid(group, "HAS OBS CONTEXT",
            &(struct concept){ "112040", "DCM", "Tracking Unique Identifier" }, uid);
    add_code(group, "CONTAINS", &(struct concept){ "276214006", "SCT", "Finding category" },
             &(struct concept){ organ->category.value, organ->category.scheme, organ->category.meaning });
    add_code(group, "CONTAINS", &(struct concept){ "121071", "DCM", "Finding" },
             &(struct concept){ organ->code.value, organ->code.scheme, organ->code.meaning });
    add_site(&organ->code, organ->laterality, group);
    if (number > 0) {
        item_put_int(add_image(group, &(struct concept){ "121191", "DCM", "Referenced Segment" },
                               SEG_CLASS, seg->sop_uid), 0x0062000b, number);
        item_text_at(dataset_root(context->source), 0x0020000e, 0, uid, sizeof uid);
        add_uid(group, "CONTAINS", &(struct concept){ "121232", "DCM",
                "Source series for segmentation" }, uid);
    }
    add_text(group, "HAS CONCEPT MOD", &(struct concept){ "111001", "DCM", "Algorithm Name" },
             organs->method);
    add_text(group, "HAS CONCEPT MOD", &(struct concept){ "111003", "DCM", "Algorithm Version" },
             organs->version);
    add_organ_values(context, organ, group);
}

/* What the scan was like, in words; the codes of TID 1602 and following are for images one by one. */
static void add_acquisition(const struct report_context *context, struct item *remarks)
{
    static const struct concept comment = { "121106", "DCM", "Comment" };
    struct acquisition all;
    char text[800];

    acquisition_read(dataset_root(context->source), context->facts->modality, &all);
    acquisition_list(&all, text, sizeof text);
    if (text[0] != '\0')
        add_text(remarks, "CONTAINS", &comment, text);
}

static void add_missing_organs(const struct organs *organs, struct item *remarks)
{
    static const struct concept comment = { "121106", "DCM", "Comment" };
    char text[200];

    for (size_t n = 0; n < organs->count; n++)
        if (!organs->organ[n].found) {
            text_format(text, sizeof text, "%s not found: %s", organs->organ[n].name,
                        organs->organ[n].why_not);
            add_text(remarks, "CONTAINS", &comment, text);
        }
}

static void add_totals(const struct report_context *context, struct item *measurements)
{
    char uid[TEXT_UID_SIZE];
    struct item *const group = add_container(measurements,
        &(struct concept){ "125007", "DCM", "Measurement Group" }, "1501");

    uid_derive(context->key, "totals", uid);
    add_text(group, "HAS OBS CONTEXT",
             &(struct concept){ "112039", "DCM", "Tracking Identifier" }, "Totals");
    add_uid(group, "HAS OBS CONTEXT",
            &(struct concept){ "112040", "DCM", "Tracking Unique Identifier" }, uid);
    add_algorithm(context, group);
    add_number(group, &(struct concept){ "246206008", "SCT", "Number of lesions" },
               (double)context->findings->count, &no_units);
    if (context->findings->count > 0 && context->findings->planar)
        add_area(context->findings->total_mm3, group);
    else if (context->findings->count > 0)
        add_number(group, &(struct concept){ "118565006", "SCT", "Volume" },
                   context->findings->total_mm3, &cubic_millimetre);
    if (context->findings->count > 0 && context->findings->total_tlg.known)
        add_glycolysis(context, group, context->findings->total_mm3, context->findings->total_tlg.value);
}

static void put_private_scheme(struct item *root)
{
    struct item *const scheme = item_add(root, 0x00080110);

    item_put_text(scheme, 0x00080102, "99TUMORD");
    item_put_text(scheme, 0x00080115, "Concepts of tumord");
    item_put_text(scheme, 0x00080116, "tumord");
}

static void add_remarks(const struct report_context *context, struct item *root)
{
    const struct findings *const findings = context->findings;
    struct item *const remarks = add_container(root, &(struct concept){ "C0034375", "UMLS",
                                               "Qualitative Evaluations" }, NULL);
    static const struct concept comment = { "121106", "DCM", "Comment" };
    char quality[800], told[120];

    add_text(remarks, "CONTAINS", &comment, COMMON_WARNING);
    if (findings->quality.examined) {
        quality_list(&findings->quality, findings->unit, quality, sizeof quality);
        add_text(remarks, "CONTAINS", &comment, quality);
    }
    if (findings->rule[0] != '\0')
        add_text(remarks, "CONTAINS", &comment, findings->rule);
    if (context->facts->suv[0] != '\0')
        add_text(remarks, "CONTAINS", &comment, context->facts->suv);
    for (size_t i = 0; i < findings->laid_count; i++) {
        laid_tell(&findings->laid[i], told, sizeof told);
        text_format(quality, sizeof quality, "laid on it: %s (series %s)", told,
                    findings->laid[i].series_uid);
        add_text(remarks, "CONTAINS", &comment, quality);
    }
    add_acquisition(context, remarks);
    add_missing_organs(&findings->organs, remarks);
    for (size_t i = 0; i < findings->warning_count; i++)
        add_text(remarks, "CONTAINS", &comment, findings->warning[i]);
}

bool sr_make(const struct report_context *context, const struct report *seg,
             const struct report *organs, struct report *ret_report, struct error *err)
{
    static const struct common common = { SR_CLASS, "sr", "SR",
        "tumord measurements, not for diagnosis", 20 };
    struct dataset *const dataset = common_new(context, &common, ret_report, err);

    if (dataset == NULL)
        return error_prefix(err, "sr.dcm");
    struct item *const root = dataset_root(dataset);
    ret_report->kind = REPORT_SR;
    put_header(root);
    put_private_scheme(root);
    put_evidence(context, seg, organs, root);
    put_observer(root);
    add_code(root, "HAS CONCEPT MOD",
             &(struct concept){ "121058", "DCM", "Procedure reported" },
             procedure_of(context->facts->modality));
    put_library(context, root);
    struct item *const measurements = add_container(root,
        &(struct concept){ "126010", "DCM", "Imaging Measurements" }, NULL);
    for (size_t n = 0; n < context->findings->segment_count; n++)
        add_lesion(context, &context->findings->lesion[n], seg, measurements);
    for (size_t n = 0; n < context->findings->organs.count; n++)
        if (context->findings->organs.organ[n].found)
            add_organ(context, &context->findings->organs.organ[n], organs, measurements);
    add_totals(context, measurements);
    add_remarks(context, root);
    return common_finish(dataset, "sr.dcm", ret_report, err);
}
