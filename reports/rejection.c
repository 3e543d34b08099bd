/* Rejection: evidence by series, then one reference each. */
#include "reports/rejection.h"

#include <string.h>

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "reports/common.h"
#include "util/error.h"

#define KO_CLASS "1.2.840.10008.5.1.4.1.1.88.59"
#define SR_CLASSES "1.2.840.10008.5.1.4.1.1.88."

static void put_reference(struct item *parent, const struct report_superseded *object)
{
    struct item *const reference = item_add(parent, 0x00081199);

    item_put_text(reference, 0x00081150, object->sop_class_uid);
    item_put_text(reference, 0x00081155, object->sop_uid);
}

/* Current Requested Procedure Evidence: each series once. */
static void put_evidence(const struct report_context *context, struct item *root)
{
    struct item *const study = item_add(root, 0x0040a375);

    item_copy(study, dataset_root(context->source), 0x0020000d);
    for (size_t i = 0; i < context->superseded_count; i++) {
        const char *const uid = context->superseded[i].series_uid;
        bool told = false;
        for (size_t j = 0; j < i; j++)
            told = told || strcmp(context->superseded[j].series_uid, uid) == 0;
        if (told)
            continue;
        struct item *const series = item_add(study, 0x00081115);
        item_put_text(series, 0x0020000e, uid);
        for (size_t j = i; j < context->superseded_count; j++)
            if (strcmp(context->superseded[j].series_uid, uid) == 0)
                put_reference(series, &context->superseded[j]);
    }
}

static struct item *add(struct item *root, const char *type)
{
    struct item *const item = item_add(root, 0x0040a730);

    item_put_text(item, 0x0040a010, "CONTAINS");
    item_put_text(item, 0x0040a040, type);
    return item;
}

static void put_content(const struct report_context *context, struct item *root)
{
    struct item *const text = add(root, "TEXT");

    item_put_code(text, 0x0040a043, "113012", "DCM", "Key Object Description");
    item_put_text(text, 0x0040a160, "Superseded: the series was analysed anew. " COMMON_WARNING);
    for (size_t i = 0; i < context->superseded_count; i++) {
        const bool image = strncmp(context->superseded[i].sop_class_uid, SR_CLASSES,
                                   strlen(SR_CLASSES)) != 0;
        put_reference(add(root, image ? "IMAGE" : "COMPOSITE"), &context->superseded[i]);
    }
}

/* Another list is another note: the role, which names its UIDs, is made of the objects'. */
static void name_role(const struct report_context *context, char role[24])
{
    char uid[TEXT_UID_SIZE];

    text_format(uid, sizeof uid, "%s", context->key);
    for (size_t i = 0; i < context->superseded_count; i++) {
        char next[TEXT_UID_SIZE];
        uid_derive(uid, context->superseded[i].sop_uid, next);
        memcpy(uid, next, sizeof uid);
    }
    text_format(role, 24, "ko.%.12s", strlen(uid) > 12 ? uid + strlen(uid) - 12 : uid);
}

bool rejection_make(const struct report_context *context, struct report *ret_report,
                    struct error *err)
{
    char role[24];
    const struct common common = { KO_CLASS, role, "KO", "tumord superseded results", 40 };

    name_role(context, role);
    struct dataset *const dataset = common_new(context, &common, ret_report, err);
    if (dataset == NULL)
        return error_prefix(err, "rejection.dcm");
    struct item *const root = dataset_root(dataset);
    ret_report->kind = REPORT_KO;
    item_put_empty(root, 0x00081111);
    put_evidence(context, root);
    item_put_text(root, 0x0040a040, "CONTAINER");
    item_put_code(root, 0x0040a043, "113037", "DCM", "Rejected for Patient Safety Reasons");
    item_put_text(root, 0x0040a050, "SEPARATE");
    struct item *const template = item_add(root, 0x0040a504);
    item_put_text(template, 0x00080105, "DCMR");
    item_put_text(template, 0x0040db00, "2010");
    put_content(context, root);
    return common_finish(dataset, "rejection.dcm", ret_report, err);
}
