/*
 * J2K: JPEG 2000 codestreams (ISO 15444-1), and high-throughput ones (15444-15), through
 * OpenJPEG. The head is read by us first: what it says must be the image of the data set, and
 * what it would make OpenJPEG allocate must fit, before OpenJPEG sees a byte.
 */
#ifndef TUMORD_DICOM_J2K_H
#define TUMORD_DICOM_J2K_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct error;

/* The pixels of one frame: rows of samples, the samples of a pixel side by side, host order. */
struct j2k_frame {
    uint32_t rows, columns;             /* 1 to 65535 */
    uint32_t samples;                   /* 1 to 4 */
    uint32_t allocated;                 /* bits of a sample: 8 or 16 */
    uint32_t stored;                    /* of them in use, from the lowest */
    bool is_signed;
};

/* Bytes of such a frame. */
size_t j2k_frame_size(const struct j2k_frame *frame);

/*
 * Decodes a codestream (or the first one in a JP2 file) into `pixels`, j2k_frame_size() of
 * them. `memory` bounds what the decoder may take beside that. Colour comes back as it was
 * before the codestream's own transform (RCT, ICT); ret_transformed says if there was one.
 * A sample keeps the bits of the codestream: its sign is that of the frame. Fails on
 * another size, depth or count of samples than the frame's, on what is damaged or cut short,
 * and on tiles, precincts and layers without measure.
 */
bool j2k_decode(const void *bytes, size_t size, const struct j2k_frame *frame, size_t memory,
                void *pixels, bool *ret_transformed, struct error *err);

/*
 * Encodes without loss (5/3 wavelet, one tile, one layer); `transform` takes three samples
 * for red, green and blue. Bits above `stored` are kept too, when there are any. The caller
 * frees `*ret_bytes`.
 */
bool j2k_encode(const void *pixels, const struct j2k_frame *frame, bool transform,
                unsigned char **ret_bytes, size_t *ret_size, struct error *err);

#ifdef __cplusplus
}
#endif

#endif
