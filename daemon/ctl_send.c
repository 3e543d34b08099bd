/* Ctl's sending: files by C-STORE to the node's own port, a batch an association. */
#include "daemon/ctl_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl_patients.h"
#include "dicom/scan.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_HELD (256LL << 20)      /* bytes of unpacked files that wait for their association */
#define MAX_PIECE 65536
#define MAX_HEAD (1 << 20)          /* of a data set, for its first tags */

bool ctl_send_begin(struct ctl_sending *sending, const struct ctl *ctl, struct error *err)
{
    *sending = (struct ctl_sending){ .ctl = ctl, .patients = ctl_patients_new(),
                                     .scan = scan_new("", err), .reasons = json_array() };
    return sending->patients != NULL && sending->scan != NULL && ctl_node(ctl, &sending->node, err);
}

void ctl_send_end(struct ctl_sending *sending)
{
    ctl_patients_free(sending->patients);
    scan_free(sending->scan);
    json_decref(sending->reasons);
}

void ctl_send_refuse(struct ctl_sending *sending, const char *name, const char *reason)
{
    char shown[CTL_MAX_NAME], why[400];

    text_printable(name, shown, sizeof shown);
    text_printable(reason, why, sizeof why);
    sending->refused++;
    if (sending->ctl->json)
        json_array_append_new(sending->reasons, json_pack("{s:s s:s}", "file", shown, "reason", why));
    else
        fprintf(stderr, "tumorctl: %s: %s\n", shown, why);
}

void ctl_send_show_progress(const struct ctl_sending *sending)
{
    if (sending->ctl->json || !isatty(STDERR_FILENO) || sending->whole == 0)
        return;
    const int bar = (int)(40 * sending->done / sending->whole);
    fprintf(stderr, "\r[%.*s%*s] %3d %%, %zu instances taken", bar,
            "########################################", 40 - bar, "", bar * 100 / 40, sending->taken);
    if (sending->done == sending->whole)
        fputc('\n', stderr);
}

static size_t propose(const struct ctl_source *sources, size_t count,
                      struct association_proposal *proposals)
{
    size_t made = 0;

    for (size_t i = 0; i < count; i++) {
        const struct association_meta *const meta = &sources[i].meta;
        size_t known = 0;
        while (known < made
               && (strcmp(proposals[known].sop_class_uid, meta->sop_class_uid) != 0
                   || strcmp(proposals[known].transfer_syntax, meta->transfer_syntax) != 0))
            known++;
        if (known < made)
            continue;
        proposals[made] = (struct association_proposal){ .turned = false };
        memcpy(proposals[made].sop_class_uid, meta->sop_class_uid, TEXT_UID_SIZE);
        memcpy(proposals[made].transfer_syntax, meta->transfer_syntax, TEXT_UID_SIZE);
        made++;
    }
    return made;
}

void ctl_send_scan(struct ctl_sending *sending, const struct ctl_source *source)
{
    unsigned char piece[MAX_PIECE];
    struct error ignored;
    off_t at = (off_t)source->meta.length;

    scan_restart(sending->scan, source->meta.transfer_syntax);
    while (at < (off_t)source->meta.length + MAX_HEAD && scan_value(sending->scan, 0x0020000e) == NULL) {
        const ssize_t got = pread(source->fd, piece, sizeof piece, at);
        if (got <= 0 || !scan_push(sending->scan, piece, (size_t)got, &ignored))
            return;
        at += got;
    }
}

/* False when the association is over. */
static bool send_source(struct ctl_sending *sending, struct association *association,
                        const struct ctl_source *source)
{
    const struct association_meta *const meta = &source->meta;
    struct error err;
    uint16_t status = 0;
    char reason[80];
    bool alive = true, taken = false;

    if (!association_accepted(association, meta->sop_class_uid, meta->transfer_syntax)) {
        ctl_send_refuse(sending, source->name, "the node does not take its class in its transfer syntax");
    } else if (!(alive = association_store(association, source->fd, meta->sop_class_uid, meta->sop_uid,
                                           meta->transfer_syntax, &status, &err))) {
        ctl_send_refuse(sending, source->name, err.text);
    } else if (status != 0) {
        text_format(reason, sizeof reason, "the node refused it with status %04X", status);
        ctl_send_refuse(sending, source->name, reason);
    } else {
        taken = true;
    }
    ctl_send_scan(sending, source);
    sending->taken += taken;
    if (!ctl_patients_count(sending->patients, sending->scan, taken)) {
        error_set(&sending->err, ERROR_MEMORY, "no memory for the summary");
        sending->over = true;
    }
    return alive;
}

/* What was sent before the node ended an association is done; the rest goes by another one. */
static size_t send_some(struct ctl_sending *sending, size_t first)
{
    struct association_proposal proposals[CTL_BATCH];
    const size_t made = propose(&sending->source[first], sending->count - first, proposals);
    struct association *const association = association_request(&sending->node.target, proposals, made,
                                                                &sending->err);
    bool alive = true;

    if (association == NULL) {
        sending->over = true;
        return first;
    }
    while (alive && first < sending->count && !sending->over)
        alive = send_source(sending, association, &sending->source[first++]);
    if (alive)
        association_release(association);
    else
        association_abort(association);
    return first;
}

void ctl_send_flush(struct ctl_sending *sending)
{
    size_t sent = 0;

    while (sent < sending->count && !sending->over)
        sent = send_some(sending, sent);
    for (size_t i = 0; i < sending->count; i++) {
        if (i >= sent)
            ctl_send_refuse(sending, sending->source[i].name, "not sent: the import ended before");
        close(sending->source[i].fd);
        free(sending->source[i].name);
    }
    sending->count = 0;
    sending->held = 0;
}

void ctl_send_add(struct ctl_sending *sending, const char *name, int fd, const struct association_meta *meta,
                int64_t held)
{
    struct ctl_source *const source = &sending->source[sending->count];

    *source = (struct ctl_source){ strdup(name), fd, *meta };
    if (source->name == NULL) {
        ctl_send_refuse(sending, name, "no memory");
        close(fd);
        return;
    }
    sending->held += held;
    if (++sending->count == CTL_BATCH || sending->held > MAX_HELD)
        ctl_send_flush(sending);
}

void ctl_send_print(const struct ctl_sending *sending)
{
    if (sending->ctl->json) {
        json_t *const object = json_pack(
            "{s:o s:I s:I s:O}", "patients", ctl_patients_json(sending->patients), "taken",
            (json_int_t)sending->taken, "passed_over", (json_int_t)sending->passed_over, "refused",
            sending->reasons);
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(object);
        return;
    }
    ctl_patients_print(sending->patients);
    printf("%zu instances taken, %zu files not\n", sending->taken, sending->refused);
}
