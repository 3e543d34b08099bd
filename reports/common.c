/* Common: dicom-objects' section 2: inherited verbatim, or our own, and nothing in between. */
#include "reports/common.h"

#include <string.h>

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "util/error.h"
#include "util/volume.h"

/* Patient, general study, patient study, clinical trial: as they are in the source. */
static const uint32_t inherited[] = {
    0x00080005, 0x00080201, 0x00080020, 0x00080030, 0x00080050, 0x00080051, 0x00080090,
    0x00081030, 0x00081110, 0x00100010, 0x00100020, 0x00100021, 0x00100024, 0x00100030,
    0x00100040, 0x00101002, 0x00101010, 0x00101020, 0x00101030, 0x00120010, 0x00120020,
    0x00120021, 0x00120030, 0x00120031, 0x00120040, 0x00120042, 0x00120050, 0x00120051,
    0x00120062, 0x00120063, 0x00120064, 0x0020000d, 0x00200010
};

/* Type 2 of these modules: there, if empty. */
static const uint32_t wanted[] = {
    0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00100010, 0x00100020, 0x00100030,
    0x00100040, 0x00200010
};

/* Short strings (SH) that are too long in the source are no values: empty, as if not there. */
static void drop_overlong(struct item *root)
{
    static const uint32_t short_strings[] = { 0x00080050, 0x00200010 };

    for (size_t i = 0; i < sizeof short_strings / sizeof *short_strings; i++) {
        const char *const text = item_text(root, short_strings[i]);
        if (text != NULL && strlen(text) > 16)
            item_put_empty(root, short_strings[i]);
    }
}

/* The parts of the job's DT: YYYYMMDD, HHMMSS.ffffff. */
static void split_created(const char *created, char date[9], char time[14])
{
    text_format(date, 9, "%.8s", created);
    const char *const rest = strlen(created) > 8 ? created + 8 : "";
    text_format(time, 14, "%.*s", (int)strcspn(rest, "+-"), rest);
}

static void put_times(const struct report_context *context, struct item *root)
{
    char date[9], time[14];

    split_created(context->created, date, time);
    item_put_text(root, 0x00080012, date);              /* Instance Creation */
    item_put_text(root, 0x00080013, time);
    item_put_text(root, 0x00080021, date);              /* Series */
    item_put_text(root, 0x00080031, time);
    item_put_text(root, 0x00080023, date);              /* Content */
    item_put_text(root, 0x00080033, time);
}

static void put_equipment(const struct report_context *context, struct item *root)
{
    const struct item *const source = dataset_root(context->source);
    static const uint32_t scanner[] = { 0x00080070, 0x00080080, 0x00081010, 0x00081090,
                                        0x00181000, 0x00181020 };

    item_put_text(root, 0x00080070, UID_MANUFACTURER);
    item_put_text(root, 0x00081090, UID_MODEL);
    item_put_text(root, 0x00181000, "1");               /* Device Serial Number */
    item_put_text(root, 0x00181020, COMMON_VERSION);    /* Software Versions */
    if (!item_has(source, 0x00080070))
        return;
    struct item *const other = item_add(root, 0x0018a001);  /* Contributing Equipment */
    item_put_code(other, 0x0040a170, "109101", "DCM", "Acquisition Equipment");
    for (size_t i = 0; i < sizeof scanner / sizeof *scanner; i++)
        item_copy(other, source, scanner[i]);
    if (item_text(other, 0x00080070) == NULL || item_text(other, 0x00080070)[0] == '\0')
        item_put_text(other, 0x00080070, "unknown");
}

static void put_uids(const struct report_context *context, const struct common *common,
                     struct item *root, struct report *report)
{
    char role[32];

    text_format(report->sop_class_uid, TEXT_UID_SIZE, "%s", common->class_uid);
    uid_derive(context->key, common->role, report->sop_uid);
    text_format(role, sizeof role, "%s.series", common->role);
    uid_derive(context->key, role, report->series_uid);
    item_put_text(root, 0x00080016, report->sop_class_uid);
    item_put_text(root, 0x00080018, report->sop_uid);
    item_put_text(root, 0x0020000e, report->series_uid);
}

struct dataset *common_new(const struct report_context *context, const struct common *common,
                           struct report *report, struct error *err)
{
    struct dataset *const dataset = dataset_new(err);
    const struct item *const source = dataset_root(context->source);

    if (dataset == NULL)
        return NULL;
    struct item *const root = dataset_root(dataset);
    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++)
        item_copy(root, source, inherited[i]);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!item_has(root, wanted[i]))
            item_put_empty(root, wanted[i]);
    drop_overlong(root);
    put_uids(context, common, root, report);
    put_times(context, root);
    put_equipment(context, root);
    item_put_text(root, 0x00080060, common->modality);
    item_put_text(root, 0x0008103e, common->description);
    item_put_int(root, 0x00200011, context->series_number + common->series_offset);
    item_put_text(root, 0x00200013, "1");               /* Instance Number */
    return dataset;
}

void common_frame_of_reference(const struct report_context *context, struct item *root)
{
    item_put_text(root, 0x00200052, context->volume->frame_of_reference_uid);
    if (!item_copy(root, dataset_root(context->source), 0x00201040))
        item_put_empty(root, 0x00201040);
}

bool common_is_repeated(const struct volume *volume, size_t k)
{
    if (k > 0 && strcmp(volume->slices[k - 1].sop_uid, volume->slices[k].sop_uid) == 0)
        return true;
    for (size_t earlier = 0; volume->slices[k].of_many && earlier < k; earlier++)
        if (strcmp(volume->slices[earlier].sop_uid, volume->slices[k].sop_uid) == 0)
            return true;
    return false;
}

void common_lossy(const struct report_context *context, struct item *root)
{
    const struct item *const source = dataset_root(context->source);
    char lossy[17];

    item_text_at(source, 0x00282110, 0, lossy, sizeof lossy);
    item_put_text(root, 0x00282110, strcmp(lossy, "01") == 0 ? "01" : "00");
    if (strcmp(lossy, "01") != 0)
        return;
    item_copy(root, source, 0x00282112);
    item_copy(root, source, 0x00282114);
}

bool common_finish(struct dataset *dataset, const char *name, struct report *report,
                   struct error *err)
{
    const bool good = dataset_write(dataset, &report->bytes, &report->size, err);

    dataset_free(dataset);
    text_format(report->name, sizeof report->name, "%s", name);
    return good || error_prefix(err, "%s", name);
}
