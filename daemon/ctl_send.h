/* Ctl's sending: what goes to the node, and the account of it: taken, not taken and why, whose. */
#ifndef TUMORD_DAEMON_CTL_SEND_H
#define TUMORD_DAEMON_CTL_SEND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl.h"
#include "dicom/association.h"
#include "util/error.h"

#define CTL_BATCH 100               /* files an association: their contexts fit */
#define CTL_MAX_NAME 2048

struct ctl_ircadb;
struct ctl_labels;
struct ctl_patients;
struct scan;

struct ctl_source {                 /* a Part 10 file that waits */
    char *name;
    int fd;
    struct association_meta meta;
};

struct ctl_sending {
    const struct ctl *ctl;
    struct ctl_node node;
    struct ctl_source source[CTL_BATCH];
    size_t count;
    int64_t held;
    struct ctl_patients *patients;
    struct scan *scan;              /* of what was scanned last */
    json_t *reasons;                /* of what was not taken, for --json */
    struct ctl_labels *labels;      /* of an import: series that masks may lie on */
    struct ctl_ircadb *ircadb;      /* and cases whose masks are images */
    size_t taken, refused, passed_over;
    int64_t whole, done;            /* bytes of the files on disk, for the progress */
    bool over;                      /* the node is gone, or no memory: `err` tells; send no more */
    struct error err;
};

/* Asks the node for its port. End it either way. */
bool ctl_send_begin(struct ctl_sending *sending, const struct ctl *ctl, struct error *err);
void ctl_send_end(struct ctl_sending *sending);

/* Takes over `fd`. `held`: bytes that are on this disk only while it is open. */
void ctl_send_add(struct ctl_sending *sending, const char *name, int fd,
                  const struct association_meta *meta, int64_t held);
/* Sends what waits; what cannot be sent any more is named. */
void ctl_send_flush(struct ctl_sending *sending);
/* One sentence for what is not taken. */
void ctl_send_refuse(struct ctl_sending *sending, const char *name, const char *reason);

/* The first tags of a data set into `scan`, as far as they can be read: the node judges the whole. */
void ctl_send_scan(struct ctl_sending *sending, const struct ctl_source *source);

void ctl_send_show_progress(const struct ctl_sending *sending);
/* A line a patient and the sums, or all of it as JSON. */
void ctl_send_print(const struct ctl_sending *sending);

#endif
