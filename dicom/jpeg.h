/*
 * JPEG: the size that a JPEG or JPEG-LS stream gives itself, before a decoder believes it. A
 * progressive one of 1 KiB can say 65500 x 65500, and has DCMTK's decoder take 8 GiB.
 */
#ifndef TUMORD_DICOM_JPEG_H
#define TUMORD_DICOM_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum jpeg_answer {
    JPEG_SIZE,                          /* here it is */
    JPEG_MORE,                          /* these bytes end before it */
    JPEG_DAMAGED                        /* and no decoder would go on */
};

/* Walks the segments from the start of an image to its frame header (SOF). */
enum jpeg_answer jpeg_find_size(const void *bytes, size_t size, uint32_t *ret_rows,
                                uint32_t *ret_columns);

/*
 * DCMTK 3.6.7 looks for the precision of a JPEG image (not JPEG-LS) marker by marker, and stays at a
 * TEM for ever. False when a fragment has one, or one for extensions, on its way.
 */
bool jpeg_is_walkable(const void *bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
