/* Ctl's NIfTI: a file's volumes as DICOM images, one series a channel. */
#ifndef TUMORD_DAEMON_CTL_NIFTI_H
#define TUMORD_DAEMON_CTL_NIFTI_H

#include <stdbool.h>
#include <stddef.h>

struct ctl;
struct error;

struct ctl_labels;

/* Does a file begin as an unpacked NIfTI-1 or NIfTI-2 one does (its head, 352 bytes or more)? */
bool ctl_nifti_is(const unsigned char *head, size_t size);

struct ctl_nifti_visitor {
    /* An image as a Part 10 file; false stops, and counts as a failure that was told. */
    bool (*image)(const unsigned char *bytes, size_t size, void *context);
    /* What the user is to know though the file was taken. */
    void (*note)(const char *text, void *context);
    void *context;
    struct ctl_labels *labels;          /* remembers the images, and needs them for labels */
};

/*
 * The patient and the role (T1, T1ce, T2, FLAIR, as in BraTS) come from the name, the modality from the
 * role, from ctl->modality, or from the values where they can be Hounsfield units only; otherwise it
 * fails. Labels become a segmentation of images that came before (ctl_labels.h). `date` is YYYYMMDD.
 */
bool ctl_nifti_each(const struct ctl *ctl, const char *name, const void *bytes, size_t size,
                    const char *date, const struct ctl_nifti_visitor *visitor, struct error *err);

/* Is it a file of labels, by its name? Then the images of its case come first. */
bool ctl_nifti_is_labels(const char *name);

#endif
