/*
 * Picture: a PNG or JPEG file as a Secondary Capture image. PNG pixels are kept to the bit: 8 or 16 bit grey, 8 bit
 * colour (grey where all three colours are alike; alpha is left out, colour of 16 bit cut to 8). A JPEG's bytes
 * become the compressed pixels as they are. How large a pixel is the caller tells, or nobody knows.
 */
#ifndef TUMORD_REPORTS_PICTURE_H
#define TUMORD_REPORTS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

struct error;

struct picture_about {                  /* text is UTF-8 */
    const char *study_key, *series_key, *key;   /* name the UIDs */
    const char *patient_id, *description, *derivation;
    double spacing_mm[2];               /* between rows and columns; 0: unknown, its unit is the pixel */
    long instance_number;
};

/* By its first bytes. */
bool picture_is(const unsigned char *head, size_t size);

/*
 * The Part 10 file; the caller frees `*ret_bytes`. dicom_init() comes first. Fails on damage, on a progressive or
 * lossless JPEG, and, by the header alone, on more than 64 million pixels.
 */
bool picture_write(const void *bytes, size_t size, const struct picture_about *about,
                   unsigned char **ret_bytes, size_t *ret_size, struct error *err);

#endif
