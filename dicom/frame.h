/*
 * Frame: what one frame of an image says of itself: where it lies, how its stored values become
 * numbers, and where it stands in the dimensions that are not space. A classic image is its
 * only frame.
 */
#ifndef TUMORD_DICOM_FRAME_H
#define TUMORD_DICOM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

struct error;
struct item;

/*
 * What tells frames apart that lie at the same place, in the order in which a series is split
 * by it. The first ones are values; the later ones only count volumes that were taken one
 * after the other.
 */
enum frame_dimension {
    DIMENSION_TEMPORAL,             /* Temporal Position Identifier or Index */
    DIMENSION_B_VALUE,              /* s/mm², also from the vendors' private elements */
    DIMENSION_DIRECTION,            /* of the diffusion gradient; a number for each direction */
    DIMENSION_ECHO,                 /* Echo Time in ms */
    DIMENSION_TYPE,                 /* magnitude 0 to 1, then phase, real, imaginary, maps */
    DIMENSION_INDEX,                /* Dimension Index Values, but those of the position */
    DIMENSION_ACQUISITION,          /* Acquisition Number */
    DIMENSION_TRIGGER,              /* Trigger Time in ms; from here on: one after the other */
    DIMENSION_ACQUISITION_TIME,
    DIMENSION_CONTENT_TIME,
    DIMENSION_INSTANCE,             /* Instance Number */
    DIMENSIONS
};
#define DIMENSION_FIRST_ORDER DIMENSION_TRIGGER

struct frame_format {               /* of stored pixels; alike in all frames of an image */
    long rows, columns, allocated, stored, high, is_signed;
};

struct frame {
    struct frame_format format;
    double position[3], orientation[6], spacing[2];     /* mm; spacing: between rows, columns */
    double along;                   /* mm along the normal of its stack */
    double slope, intercept;
    char rescale_type[17];
    bool rescaled;                  /* slope and intercept are told */
    bool padded;                    /* padding of stored values from..to */
    int32_t padding_from, padding_to;
    char class_uid[TEXT_UID_SIZE], uid[TEXT_UID_SIZE];
    uint32_t number;                /* in its image, from 1 */
    bool of_many;                   /* the image has several */
    bool enhanced;                  /* of functional groups, which leave nothing to guess */
    bool localizer;
    bool planar;                    /* a picture without a place: static or whole-body NM */
    char view[17];                  /* of it: "anterior", "posterior", "view 3" */
    double frame_s;                 /* PET: suv_frame_moment() */
    double dimension[DIMENSIONS];   /* NAN where nothing is told */
    uint16_t *pixels;               /* stored values, sign extended when signed; NULL of localizers */
};

/* The frames of an image; fails on a non-image, on colour, and where frames have no place. */
bool frame_count(const struct item *image, size_t *ret_frames, struct error *err);
/* Does the image say that it is a localizer? */
bool frame_is_localizer(const struct item *image);
bool frame_format_read(const struct item *image, struct frame_format *ret_format,
                       struct error *err);
/* Frame `number` (from 0) of the image, without pixels. */
bool frame_read(const struct item *image, size_t number, const struct frame_format *format,
                struct frame *ret_frame, struct error *err);

/* `count` stored pixels to whole numbers: bits above and below are cut, the sign is extended. */
void frame_widen(const void *pixels, size_t count, const struct frame_format *format,
                 uint16_t *to);

/* "temporal position", "b-value" … */
const char *frame_dimension_name(enum frame_dimension dimension);

#endif
