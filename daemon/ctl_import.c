/* Ctl's import: files go the way that a scanner's go, by C-STORE to the node's own port. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "dicom/association.h"
#include "util/error.h"
#include "util/text.h"

#define BATCH 100                   /* files an association: their contexts fit */
#define MAX_META 65536

struct file {
    char *path;
    struct association_meta meta;
};

static struct {                     /* nftw() has no context */
    size_t count, room;
    struct file *file;
    size_t refused, taken;
} found;

static void refuse(const char *path, const char *reason)
{
    char shown[600];

    text_printable(path, shown, sizeof shown);
    fprintf(stderr, "tumorctl: %s: %s\n", shown, reason);
    found.refused++;
}

static bool read_meta(const char *path, struct association_meta *meta, struct error *err)
{
    static unsigned char head[MAX_META];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "cannot be opened");
    const ssize_t size = read(fd, head, sizeof head);
    close(fd);
    if (size < 0)
        return error_errno(err, "cannot be read");
    return association_read_meta(head, (size_t)size, meta, err);
}

static int visit(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    struct error err;
    struct association_meta meta;

    (void)where;
    if (kind == FTW_DNR || kind == FTW_NS)
        refuse(path, "cannot be read");
    if (kind != FTW_F || !S_ISREG(status->st_mode))
        return 0;
    if (!read_meta(path, &meta, &err)) {
        refuse(path, err.text);
        return 0;
    }
    if (found.count == found.room) {
        found.room = found.room == 0 ? 256 : 2 * found.room;
        found.file = reallocarray(found.file, found.room, sizeof *found.file);
        if (found.file == NULL)
            return 1;
    }
    found.file[found.count].path = strdup(path);
    found.file[found.count++].meta = meta;
    return 0;
}

static size_t propose(const struct file *files, size_t count,
                      struct association_proposal *proposals)
{
    size_t made = 0;

    for (size_t i = 0; i < count; i++) {
        size_t known = 0;
        while (known < made
               && (strcmp(proposals[known].sop_class_uid, files[i].meta.sop_class_uid) != 0
                   || strcmp(proposals[known].transfer_syntax,
                             files[i].meta.transfer_syntax) != 0))
            known++;
        if (known < made)
            continue;
        memcpy(proposals[made].sop_class_uid, files[i].meta.sop_class_uid, TEXT_UID_SIZE);
        memcpy(proposals[made].transfer_syntax, files[i].meta.transfer_syntax, TEXT_UID_SIZE);
        made++;
    }
    return made;
}

/* False when the association is over. */
static bool send_file(struct association *association, const struct file *file)
{
    const struct association_meta *const meta = &file->meta;
    struct error err;
    uint16_t status = 0;
    char reason[80];

    if (!association_accepted(association, meta->sop_class_uid, meta->transfer_syntax)) {
        refuse(file->path, "the node does not take its class in its transfer syntax");
        return true;
    }
    const int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        refuse(file->path, strerror(errno));
        return true;
    }
    const bool alive = association_store(association, fd, meta->sop_class_uid, meta->sop_uid,
                                         meta->transfer_syntax, &status, &err);
    close(fd);
    if (!alive) {
        refuse(file->path, err.text);
    } else if (status != 0) {
        text_format(reason, sizeof reason, "the node refused it with status %04X", status);
        refuse(file->path, reason);
    } else {
        found.taken++;
    }
    return alive;
}

static void show_progress(size_t done)
{
    if (!isatty(STDERR_FILENO))
        return;
    const int bar = (int)(40 * done / (found.count == 0 ? 1 : found.count));
    fprintf(stderr, "\r[%.*s%*s] %zu of %zu", bar,
            "########################################", 40 - bar, "", done, found.count);
    if (done == found.count)
        fputc('\n', stderr);
}

static bool send_batch(const struct association_target *target, size_t first, size_t count,
                       struct error *err)
{
    struct association_proposal proposals[BATCH];
    const size_t made = propose(&found.file[first], count, proposals);
    struct association *association = association_request(target, proposals, made, err);
    bool alive = association != NULL;

    if (!alive)
        return false;
    for (size_t i = 0; i < count && alive; i++) {
        alive = send_file(association, &found.file[first + i]);
        show_progress(first + i + 1);
    }
    if (alive)
        association_release(association);
    else
        association_abort(association);
    return alive || error_set(err, ERROR_NETWORK, "the node ended the association");
}

bool ctl_node(const struct ctl *ctl, struct ctl_node *ret_node, struct error *err)
{
    json_t *const node = ctl_ask(ctl, "/api/node", false, err);

    if (node == NULL)
        return false;
    text_format(ret_node->import_ae, sizeof ret_node->import_ae, "%s",
                ctl_text(node, "import_ae"));
    text_format(ret_node->ae_title, sizeof ret_node->ae_title, "%s", ctl_text(node, "ae_title"));
    ret_node->target = (struct association_target){
        .host = "127.0.0.1", .calling_ae = ret_node->import_ae, .called_ae = ret_node->ae_title,
        .port = (int)json_integer_value(json_object_get(node, "dicom_port")),
        .max_pdu = 131072, .timeout_s = 30
    };
    json_decref(node);
    return true;
}

int ctl_import(const struct ctl *ctl, const char *path, struct error *err)
{
    struct ctl_node node;

    if (!ctl_node(ctl, &node, err))
        return 1;
    if (nftw(path, visit, 32, FTW_PHYS) != 0) {
        error_errno(err, "%s", path);
        return 1;
    }
    bool good = true;
    for (size_t first = 0; good && first < found.count; first += BATCH)
        good = send_batch(&node.target, first,
                          found.count - first < BATCH ? found.count - first : BATCH, err);
    printf("%zu instances taken, %zu files not\n", found.taken, found.refused);
    for (size_t i = 0; i < found.count; i++)
        free(found.file[i].path);
    free(found.file);
    if (found.count == 0 && good)
        good = error_set(err, ERROR_NOT_FOUND, "no DICOM file in %s", path);
    else if (good && found.refused > 0)
        good = error_set(err, ERROR_DATA, "%zu files were not taken", found.refused);
    return good ? 0 : 1;
}
