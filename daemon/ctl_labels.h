/*
 * Ctl's labels: masks beside images that are no DICOM. The series that an import makes are remembered; a
 * file of labels that lies on the grid of some becomes a segmentation of them (reports/labels.h).
 */
#ifndef TUMORD_DAEMON_CTL_LABELS_H
#define TUMORD_DAEMON_CTL_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/text.h"
#include "util/volume.h"

struct ctl_labels;
struct dataset;
struct error;

struct ctl_labels_image {               /* a series that was made */
    const char *where, *patient;        /* as the name of its file says */
    const char *description, *date;
    const char *series_key;
    const struct volume *volume;        /* its grid */
    const unsigned char *first;         /* its first object, a Part 10 file */
    size_t first_size;
};

struct ctl_labels *ctl_labels_new(struct error *err);
void ctl_labels_free(struct ctl_labels *labels);    /* NULL is fine */

bool ctl_labels_remember(struct ctl_labels *labels, const struct ctl_labels_image *image, struct error *err);

struct ctl_labels_mask {                /* a volume of labels, or a stack of masks */
    const char *where, *patient, *stem, *digest;
    const char *names;                  /* of the values from 1 on, with commas between; NULL: by the layout */
    size_t count;                       /* volumes: 1, or one a mask */
    const struct volume *volume;
};

/*
 * The segmentation as a Part 10 file, which the caller frees. Fails where no image of the same case and grid was
 * remembered. Without names: those of BraTS where there are its sequences, those of KiTS beside "imaging", else
 * "Lesion" for a single value and "Label 2" for one of several.
 */
bool ctl_labels_make(struct ctl_labels *labels, const struct ctl_labels_mask *mask,
                     unsigned char **ret_bytes, size_t *ret_size, struct error *err);

#endif
