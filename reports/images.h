/*
 * Images: a volume that no scanner's DICOM stands behind (NIfTI, arrays) as a classic series of CT,
 * MR or PET Image Storage: one image a slice, DERIVED, 16 bit, with the quantisation step told. What
 * nobody knows (dates, dose, echo times) is left empty, and never made up.
 */
#ifndef TUMORD_REPORTS_IMAGES_H
#define TUMORD_REPORTS_IMAGES_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct images;
struct item;
struct volume;

struct images_about {                   /* text is UTF-8 */
    const char *modality;               /* CT, MR or PT */
    const char *study_key, *series_key; /* name the UIDs: the same source, the same objects */
    const char *frame_key;              /* what shares it shares its Frame of Reference */
    const char *patient_id, *patient_name;
    const char *study_description, *series_description;
    const char *derivation;             /* how the volume came to be; the step is added */
    const char *date;                   /* YYYYMMDD for PT, where the standard demands one; else "" */
    int series_number;
};

/*
 * Quantises; volume and texts must outlive it. Whole numbers within 16 bit are kept as they are.
 * Fails on a modality that is none of the three, on planes whose axes are not perpendicular, on what
 * is no number, and on sides of more than 65535 voxels.
 */
struct images *images_new(const struct volume *volume, const struct images_about *about,
                          struct error *err);
void images_free(struct images *images);            /* NULL is fine */

/* The value that one stored unit stands for; what is lost by it is at most half of that. */
double images_step(const struct images *images);

/* Image k of the volume's slices as a Part 10 file; dicom_init() comes first. The caller frees. */
bool images_write(struct images *images, size_t k, unsigned char **ret_bytes, size_t *ret_size,
                  struct error *err);

/* Position, orientation, spacing and thickness of slice k. */
void images_put_plane(struct item *root, const struct volume *volume, size_t k);

#endif
