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
#define SUV_INPUTS 14
struct suv_inputs {
    char value[SUV_INPUTS][33];
};
void suv_inputs_read(const struct item *image, struct suv_inputs *ret_inputs);
/* The name of the first that differs, or NULL. */
const char *suv_inputs_compare(const struct suv_inputs *a, const struct suv_inputs *b);

/*
 * `differs`: what is not the same in all slices, or NULL; then there is no factor.
 * `first_acquisition_s`: the earliest acquisition of the series in seconds since the year 0,
 * NAN when unknown. True: value (rescaled) × ret_factor is in ret_unit. False: ret_unit is the
 * unit of the rescaled values. ret_how is a sentence in both cases.
 */
bool suv_factor(const struct item *image, double first_acquisition_s, const char *differs,
                double *ret_factor, enum volume_unit *ret_unit, char *ret_how,
                size_t how_size);

/* Date (DA) and time (TM) of the data set in seconds since the year 0, or NAN. */
double suv_moment(const struct item *image, unsigned date_tag, unsigned time_tag);

#endif
