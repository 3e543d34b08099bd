/* Mask, inside: what mask.c, mask_seg.c and mask_roi.c share. */
#ifndef TUMORD_DICOM_MASK_WORK_H
#define TUMORD_DICOM_MASK_WORK_H

#include "dicom/mask.h"

struct item;

struct mask_frame {                 /* of a segmentation */
    double position[3];             /* LPS mm of its first pixel's centre */
    long segment;                   /* 0 in a label map: the pixels tell */
};

struct mask {
    struct mask_about about;
    struct dataset *dataset;
    const struct item *root;
    size_t count;
    struct mask_structure structure[MASK_MAX_STRUCTURES];
    /* SEG */
    size_t rows, columns, frame_count;
    struct mask_frame *frame;
    double orientation[6], spacing[2], step_mm;     /* step: told between frames, 0 when not */
    long allocated, most;           /* bits of a pixel; the largest fractional value, 0: binary */
    const uint8_t *bytes;           /* 1 bit and 8 bit pixels */
    const uint16_t *words;          /* 16 bit */
    bool decoded;
};

bool mask_seg_read(struct mask *mask, struct error *err);
bool mask_seg_paint(struct mask *mask, const struct mask_structure *structure,
                    const struct volume *volume, struct arena *arena, uint8_t *voxels,
                    struct mask_paint *paint, struct error *err);
bool mask_roi_read(struct mask *mask, struct error *err);
bool mask_roi_paint(struct mask *mask, const struct mask_structure *structure,
                    const struct volume *volume, struct arena *arena, uint8_t *voxels,
                    struct mask_paint *paint, struct error *err);

/* Fills meaning, type and site of a segment from its codes and its name. */
void mask_mean_segment(const struct item *segment, struct mask_structure *structure);
/* The same of a region of interest, whose type is one of PS3.3 C.8.8.8.1. */
void mask_mean_roi(const char *interpreted_type, const struct item *codes,
                   struct mask_structure *structure);
void mask_read_code(const struct item *item, uint32_t sequence_tag, struct mask_code *ret_code);

/* The place of a point in voxels of the volume; where slices lie unevenly, by their true positions. */
struct mask_grid {
    const struct volume *volume;
    double inverse[3][3];
    double normal[3];               /* of the slices, towards the last */
};
bool mask_grid_make(const struct volume *volume, struct mask_grid *ret_grid, struct error *err);
void mask_grid_place(const struct mask_grid *grid, const double mm[3], double ret_voxel[3]);

#endif
