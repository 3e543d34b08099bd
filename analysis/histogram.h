/* Histogram: how often each byte or level occurs, counted on several threads. */
#ifndef TUMORD_ANALYSIS_HISTOGRAM_H
#define TUMORD_ANALYSIS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/otsu.h"

void histogram_of_bytes(const uint8_t *bytes, size_t count, int threads,
                        uint64_t ret_histogram[OTSU_BINS]);

/* Of 12-bit levels (up to 4095), sixteen a bin, those where the mask `where` is 1 (else 0). */
void histogram_of_levels(const uint16_t *levels, const uint8_t *where, size_t count, int threads,
                         uint64_t ret_histogram[OTSU_BINS]);

#endif
