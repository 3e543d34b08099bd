/*
 * Ctl's C-GET: two associations, one that brings and one to the node's own port. What comes lies in
 * a file without a name between them, so that the peer chooses no path.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/limits.h"
#include "dicom/scu.h"
#include "dicom/syntax.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_PROPOSALS 119               /* and the class of the C-GET itself */
#define REFUSED 0xa700                  /* out of resources: it may be sent again */

struct get {
    struct association *node;
    FILE *file;                         /* one instance at a time */
    int max_mib_s;
    size_t taken, refused;
};

/* What a study may have where the peer does not tell (PS3.4 C.6.1.1.5: it need not). */
static const char *const usual[] = {
    "2", "2.1", "4", "4.1", "128", "130", "20", "7", "7.2", "7.3", "7.4", "66.4", "481.2", "481.3",
    "481.5", "88.11", "88.22", "88.33", "88.34", "88.59", "11.1", "1", "1.1", "1.2", "6.1", "3.1",
    "12.1", "104.1", "30", "2.2"
};

static size_t add(struct association_proposal *proposals, size_t count, const char *class_uid,
                  const char *syntax, bool turned)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(proposals[i].sop_class_uid, class_uid) == 0
            && strcmp(proposals[i].transfer_syntax, syntax) == 0)
            return count;
    if (count == MAX_PROPOSALS)
        return count;
    text_format(proposals[count].sop_class_uid, TEXT_UID_SIZE, "%s", class_uid);
    text_format(proposals[count].transfer_syntax, TEXT_UID_SIZE, "%s", syntax);
    proposals[count].turned = turned;
    return count + 1;
}

/* Each class in what is not compressed, then in the other syntaxes as far as contexts go. */
static size_t propose(const json_t *images, struct association_proposal *proposals, bool turned)
{
    size_t count = 0, index;
    json_t *image;
    bool told = true;
    char class_uid[TEXT_UID_SIZE];

    json_array_foreach(images, index, image)
        told = told && text_is_uid(json_string_value(json_object_get(image, "class")));
    for (const struct syntax *syntax = syntax_list; syntax->uid != NULL; syntax++) {
        json_array_foreach(images, index, image)
            if (told)
                count = add(proposals, count, json_string_value(json_object_get(image, "class")),
                            syntax->uid, turned);
        for (size_t i = 0; i < sizeof usual / sizeof *usual && !told; i++) {
            text_format(class_uid, sizeof class_uid, "1.2.840.10008.5.1.4.1.1.%s", usual[i]);
            count = add(proposals, count, class_uid, syntax->uid, turned);
        }
    }
    return count;
}

static bool keep(const void *bytes, size_t size, void *context)
{
    const struct get *const get = context;

    limits_wait("", size, get->max_mib_s);
    return fwrite(bytes, 1, size, get->file) == size;
}

static bool pass_on(struct get *get, const struct dimse_message *request, const char *syntax,
                    uint16_t *ret_status, struct error *err)
{
    if (!association_accepted(get->node, request->sop_class_uid, syntax)) {
        *ret_status = 0x0122;           /* SOP class not supported */
        return true;
    }
    return association_store(get->node, fileno(get->file), request->sop_class_uid,
                             request->sop_uid, syntax, ret_status, err);
}

static bool take(struct association *association, const struct dimse_message *request,
                 void *context, uint16_t *ret_status, struct error *err)
{
    struct get *const get = context;
    const char *const syntax = association_syntax(association, request->context);
    unsigned char meta[512];
    bool whole;

    *ret_status = REFUSED;
    const size_t size = association_write_meta(request->sop_class_uid, request->sop_uid, syntax,
                                               "", meta, sizeof meta);
    rewind(get->file);
    if (ftruncate(fileno(get->file), 0) != 0 || fwrite(meta, 1, size, get->file) != size)
        return error_errno(err, "a temporary file");
    if (!association_read_data(association, keep, get, &whole, err))
        return false;
    if (whole && fflush(get->file) == 0 && !pass_on(get, request, syntax, ret_status, err))
        return error_prefix(err, "the node");
    get->taken += *ret_status == 0;
    get->refused += *ret_status != 0;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%zu", get->taken);
    return true;
}

static bool get_all(const struct association_target *peer, const char *study,
                    const json_t *images, struct get *get, struct error *err)
{
    struct association_proposal proposals[MAX_PROPOSALS + 1] = {
        { SCU_STUDY_ROOT_GET, "1.2.840.10008.1.2.1", false }
    };
    const struct scu_key wanted[] = { { 0x00080052, "CS", "STUDY" },
                                      { 0x0020000d, "UI", study } };
    struct dimse_message last = { .status = 0 };
    const size_t count = 1 + propose(images, proposals + 1, true);
    struct association *const association = association_request(peer, proposals, count, err);

    if (association == NULL)
        return false;
    const bool good = scu_get(association, wanted, 2, take, get, &last, err);
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    if (good || err->code == ERROR_DENIED)
        association_release(association);
    else
        association_abort(association);
    /* What did not come is found by the caller's list, which names it. */
    return good || (err->code == ERROR_DENIED && last.status == 0xb000);
}

bool ctl_get_study(const struct ctl *ctl, const struct association_target *peer,
                   const char *study, const json_t *images, int max_mib_s, struct error *err)
{
    struct association_proposal proposals[MAX_PROPOSALS];
    struct ctl_node node;
    struct get get = { .file = tmpfile(), .max_mib_s = max_mib_s };

    if (get.file == NULL)
        return error_errno(err, "a temporary file");
    bool good = ctl_node(ctl, &node, err);
    const size_t count = propose(images, proposals, false);
    if (good)
        get.node = association_request(&node.target, proposals, count, err);
    good = good && get.node != NULL && get_all(peer, study, images, &get, err);
    association_release(get.node);
    fclose(get.file);
    return good;
}
