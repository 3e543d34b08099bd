/* Ctl: the parts of tumorctl. It talks to the node over its Unix socket, never to SQLite. */
#ifndef TUMORD_DAEMON_CTL_H
#define TUMORD_DAEMON_CTL_H

#include <jansson.h>
#include <stdbool.h>

#include "dicom/association.h"

struct error;

struct ctl {
    char socket[1100];
    bool json;                      /* print what the node said */
    bool now;                       /* also outside of the peer's hours */
    const char *modality;           /* of what is imported and does not tell it; or NULL */
    const char *labels;             /* names of label values from 1 on, with commas between; or NULL */
    double spacing_mm[2];           /* of pictures: between rows and columns; 0: not told */
    bool channels_first;            /* how NIfTI files of more than three dimensions lie */
};

/*
 * Asks the node: GET, or POST when `post`. Fails with the node's own sentence, or with 'no node
 * answers at …'. The caller owns the answer.
 */
json_t *ctl_ask(const struct ctl *ctl, const char *path, bool post, struct error *err);

/*
 * Asks for an answer of lines, and hands each over without its end as it comes, so that no answer
 * is too long; false from `each` ends it, and the failure is in `err` already.
 */
typedef bool (*ctl_line_fn)(const char *line, void *context, struct error *err);
bool ctl_ask_lines(const struct ctl *ctl, const char *path, ctl_line_fn each, void *context,
                   struct error *err);

/* A text, number or "" of an object; printable on a terminal; valid until sixteen calls later. */
const char *ctl_text(const json_t *object, const char *name);

/* tumorctl query PEER KEY=VALUE…: what studies a peer has; the exit status. */
int ctl_query(const struct ctl *ctl, const char *peer, char **keys, int count,
              struct error *err);
/* tumorctl retrieve PEER STUDY: has it moved here, and says whether all of it came. */
int ctl_retrieve(const struct ctl *ctl, const char *peer, const char *study, struct error *err);

/* The node's own DICOM port, as tumorctl stores to it; `target` points into the texts. */
struct ctl_node {
    char import_ae[17], ae_title[17];
    struct association_target target;
};
bool ctl_node(const struct ctl *ctl, struct ctl_node *ret_node, struct error *err);

/*
 * Gets a study from a peer, whose images are [{uid, class}, …], by C-GET; each instance is passed on
 * to the node as it comes, and the peer hears 0000 only when the node has said it.
 */
bool ctl_get_study(const struct ctl *ctl, const struct association_target *peer,
                   const char *study, const json_t *images, int max_mib_s, struct error *err);

/*
 * tumorctl stats: of a study (its whole UID), a patient, or, with both NULL, of everybody; the exit
 * status.
 */
int ctl_stats(const struct ctl *ctl, const char *study, const char *patient, bool csv,
              struct error *err);

/*
 * tumorctl hw-vectors SLICE: a DICOM file, or the SOP Instance UID of an image that the node has, as
 * a script for the simulated hardware (hw/) on the standard output; the exit status.
 */
struct ctl_vectors {
    double window_center, window_width;     /* width 0: the slice's own window */
    bool band;                              /* from low to high, of greys; else by Otsu */
    int low, high;
};
int ctl_vectors(const struct ctl *ctl, const char *slice, const struct ctl_vectors *wanted,
                struct error *err);

/* tumorctl import PATH; the exit status. */
int ctl_import(const struct ctl *ctl, const char *path, struct error *err);

#endif
