/*
 * Mask: morphology on uint8 masks (0 or 1) by the 6-neighbourhood. Outside the grid counts as
 * background for dilation, and as foreground for erosion, so that a body that leaves the field
 * of view is not eaten from there.
 */
#ifndef TUMORD_ANALYSIS_MASK_H
#define TUMORD_ANALYSIS_MASK_H

#include <stddef.h>
#include <stdint.h>

/* `from` and `to` are different masks of the size. */
void mask_erode(const uint8_t *from, uint8_t *to, const size_t size[3], int threads);
void mask_dilate(const uint8_t *from, uint8_t *to, const size_t size[3], int threads);

#endif
