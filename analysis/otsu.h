/* Otsu: the thresholds that part a histogram into classes with the largest variance between. */
#ifndef TUMORD_ANALYSIS_OTSU_H
#define TUMORD_ANALYSIS_OTSU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTSU_BINS 256

/*
 * Three classes (Otsu 1979, extended to two thresholds): a value belongs to the upper class
 * when its bin is above the threshold. Exhaustive; the lowest pair wins a tie. False when
 * fewer than three bins are filled.
 */
bool otsu3(const uint64_t histogram[OTSU_BINS], int ret_threshold[2]);

/* Two classes; false when fewer than two bins are filled. */
bool otsu2(const uint64_t histogram[OTSU_BINS], int *ret_threshold);

/*
 * The same on any number of bins, and in exact integers where the two above round: what the
 * hardware decides (analysis/fixed.h). At most 2^40 voxels and OTSU_BINS bins.
 */
bool otsu3_bins(const uint64_t *histogram, int bins, int ret_threshold[2]);
bool otsu2_bins(const uint64_t *histogram, int bins, int *ret_threshold);

/* Three classes on 64 bins, four of the histogram's in each; thresholds of its 256: 3, 7, … 255. */
bool otsu3_of_64(const uint64_t histogram[OTSU_BINS], int ret_threshold[2]);

#endif
