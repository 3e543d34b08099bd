/*
 * Ctl's 3D-IRCADb: a case is PATIENT_DICOM with images and MASKS_DICOM with a folder of images of 0 and 255 for each
 * organ or tumour, image_N for image_N, any of them zipped. The images go as they are; the masks become one
 * segmentation of them. LABELLED_DICOM repeats the masks.
 */
#ifndef TUMORD_DAEMON_CTL_IRCADB_H
#define TUMORD_DAEMON_CTL_IRCADB_H

#include <stdbool.h>
#include <stddef.h>

struct ctl_ircadb;
struct dataset;
struct error;

enum ctl_ircadb_kind { IRCADB_NONE, IRCADB_IMAGE, IRCADB_MASK, IRCADB_REPEATED };

/* By the folders in its name. */
enum ctl_ircadb_kind ctl_ircadb_kind_of(const char *name);

struct ctl_ircadb *ctl_ircadb_new(struct error *err);
void ctl_ircadb_free(struct ctl_ircadb *ircadb);    /* NULL is fine */

/* An image of a patient, or a mask. Fails with a sentence on what cannot be one. */
bool ctl_ircadb_add(struct ctl_ircadb *ircadb, const char *name, struct dataset *dataset, struct error *err);

struct ctl_ircadb_visitor {
    /* A segmentation as a Part 10 file, of the case at `root`. */
    bool (*image)(const char *root, const unsigned char *bytes, size_t size, void *context);
    void (*refuse)(const char *root, const char *reason, void *context);
    void *context;
};

/* Makes the segmentations of the cases below `folder` (NULL: of all), and forgets them. */
void ctl_ircadb_finish(struct ctl_ircadb *ircadb, const char *folder, const struct ctl_ircadb_visitor *visitor);

#endif
