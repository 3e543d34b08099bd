/*
 * Labels: masks that come without DICOM (label volumes, stacks of masks) as a segmentation of the series that
 * they lie on: BINARY, a segment for each label, which may overlap; slices without voxels are left out.
 */
#ifndef TUMORD_REPORTS_LABELS_H
#define TUMORD_REPORTS_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dataset;
struct error;
struct labels;
struct volume;
struct volume_slice;

struct labels_series {                  /* that they were drawn on */
    const char *uid;
    const struct volume_slice *slices;  /* its objects, as many as the grid has slices */
};

struct labels_about {                   /* must outlive the labels */
    struct dataset *source;             /* of an image of the series: patient, study */
    const struct volume *grid;
    const char *key;                    /* 64 hexadecimal digits that name the UIDs */
    const char *created;                /* DICOM DT */
    const char *description;            /* of the series of the segmentation */
    const char *derivation;             /* where the labels come from */
    long series_number;
    size_t series_count;                /* the source's first */
    const struct labels_series *series;
};

struct labels *labels_new(const struct labels_about *about, struct error *err);
void labels_free(struct labels *labels);            /* NULL is fine */

/*
 * The next segment: where `volume` (VOXEL_UINT8 or VOXEL_UINT32, as large as the grid) is `value`, or, with 0,
 * not 0. Its codes follow from its name: "Necrosis", "left kidney", "Tumour"; of other names they say tissue.
 * An empty one is left out. *ret_voxels may be NULL.
 */
bool labels_add(struct labels *labels, const struct volume *volume, uint32_t value, const char *name,
                size_t *ret_voxels, struct error *err);

/* The Part 10 file; fails without a segment. The caller frees `*ret_bytes`. */
bool labels_write(struct labels *labels, unsigned char **ret_bytes, size_t *ret_size, struct error *err);

#endif
