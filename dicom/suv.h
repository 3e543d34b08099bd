/*
 * SUV: the factor that makes a PET series' values standardised uptake values, by the
 * vendor-neutral algorithm (QIBA FDG-PET/CT pseudo-code, 2018). Never a guess: what is missing
 * is named.
 */
#ifndef TUMORD_DICOM_SUV_H
#define TUMORD_DICOM_SUV_H

#include <stdbool.h>
#include <stddef.h>

#include "util/volume.h"

struct item;

/* The attributes that the factor is computed from, as text. */
#define SUV_INPUTS 17
struct suv_inputs {
    char value[SUV_INPUTS][33];
};
void suv_inputs_read(const struct item *image, struct suv_inputs *ret_inputs);
/* The name of the first that differs, or NULL. */
const char *suv_inputs_compare(const struct suv_inputs *a, const struct suv_inputs *b);

struct suv_wish {
    /*
     * UNIT_SUVBW, UNIT_SUVLBM (James, the lean mass that is meant where no other is named),
     * UNIT_SUVLBM_JAMES128, UNIT_SUVLBM_JANMA (Janmahasatian) or UNIT_SUVBSA (Du Bois).
     * Values that are stored as another SUV than BW stay what they are under UNIT_SUVBW.
     */
    enum volume_unit unit;
    double first_acquisition_s;     /* the earliest of the series, as suv_moment(); NAN: unknown */
    const char *differs;            /* what is not the same in all slices, or NULL */
};

struct suv {
    double factor;                  /* value (rescaled) × factor is in `unit`; 1 when not known */
    enum volume_unit unit;          /* when not known, stored_unit */
    enum volume_unit stored_unit;   /* of the rescaled values: Bq/ml, or arbitrary */
    /*
     * DecayCorrection NONE: activity of a slice is still to be brought to `reference_s`, by its
     * own time (suv_slice_decay()); 0: it is there.
     */
    double half_life_s, reference_s;
    char how[200];                  /* a sentence, "SUV not computable: needs …" among them */
};

bool suv_compute(const struct item *image, const struct suv_wish *wish, struct suv *ret_suv);

/*
 * When the mean count rate of this slice's frame was: Acquisition Date and Time, and the mean of
 * the decay over Actual Frame Duration. NAN when one of them is not there.
 */
double suv_frame_moment(const struct item *image);

/* Activity at the reference over the activity at `frame_s`. */
double suv_slice_decay(const struct suv *suv, double frame_s);

/* Date (DA) and time (TM) of the data set in seconds since the year 0, or NAN. */
double suv_moment(const struct item *image, unsigned date_tag, unsigned time_tag);

#endif
