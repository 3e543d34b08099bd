/*
 * NIfTI: single files of NIfTI-1 and NIfTI-2, in either byte order, unpacked in memory
 * (util/gzip.h), to volumes and back. NIfTI's x and y grow to the Right and the Anterior;
 * here they are LPS, as everywhere. Voxels keep the order in which they are stored.
 */
#ifndef TUMORD_UTIL_NIFTI_H
#define TUMORD_UTIL_NIFTI_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct volume;

enum nifti_geometry {
    NIFTI_SFORM,
    NIFTI_QFORM,
    NIFTI_PIXDIM                        /* spacing alone: where left is, nobody knows */
};

/*
 * Where the channels of a file of more than three dimensions lie. The format says last (time
 * in the fourth, components in the fifth); stacks written by programs of neural networks have
 * them first, and nothing in the file tells.
 */
enum nifti_order {
    NIFTI_CHANNELS_LAST,
    NIFTI_CHANNELS_FIRST
};

#define NIFTI_NOTES 8

/* What an open file says; it refers to the caller's bytes. */
struct nifti {
    int version;                        /* 1 or 2 */
    bool swapped;                       /* the other byte order than this machine's */
    int datatype;                       /* NIfTI's code, one of those that are read */
    int dimensions;                     /* 2 to 5, trailing ones included */
    size_t dim[5];                      /* 1 beyond the dimensions */
    double slope, intercept;            /* 1 and 0 when the file has no scaling */
    enum nifti_geometry geometry;
    double affine[3][4];                /* LPS mm */
    const unsigned char *voxels;        /* as stored; all of them are there */
    /* What the user is to know though the file was taken: one line each. */
    char notes[NIFTI_NOTES][160];
    int note_count;
};

/* Reads and checks all but the values; `bytes` must outlive `ret_nifti`. */
bool nifti_open(const void *bytes, size_t size, struct nifti *ret_nifti, struct error *err);

/* How many volumes lie in it by that order; channels first needs four dimensions. */
size_t nifti_channels(const struct nifti *nifti, enum nifti_order order);

/*
 * Channel `channel` (from 0) as an image of UNIT_ARBITRARY: VOXEL_INT16 with slope and
 * intercept where the stored numbers are whole and fit, otherwise VOXEL_FLOAT32. With the
 * channels first the affine counts for the three dimensions behind them. No frame of
 * reference, no slices. A voxel that is not a number becomes 0 and a note; an infinite one
 * fails, as does what the arena cannot hold. On failure the arena is as it was.
 */
bool nifti_read_image(struct nifti *nifti, enum nifti_order order, size_t channel,
                      struct arena *arena, struct volume *ret_volume, struct error *err);

/*
 * The same as labels: whole numbers from 0 to 65535, exactly as they are meant, or it fails;
 * VOXEL_UINT8 where all are below 256, otherwise VOXEL_UINT32. What a scaled file misses a
 * whole number by is no fraction up to 1e-4 and to its own step (slope 2^-32 stores 1 as
 * 0.99999997).
 */
bool nifti_read_labels(struct nifti *nifti, enum nifti_order order, size_t channel,
                       struct arena *arena, struct volume *ret_volume, struct error *err);

/*
 * A volume on an even grid as a NIfTI-1 file, in millimetre and this machine's byte order:
 * sform (code 1) and, where the axes are orthogonal, the qform too. NIfTI-1 holds 1 to 32767
 * voxels a side, and slope and affine in 32 bits. The caller ends the result with free().
 */
bool nifti_write(const struct volume *volume, unsigned char **ret_bytes, size_t *ret_size,
                 struct error *err);

#endif
