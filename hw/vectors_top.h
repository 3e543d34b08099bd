/* Scripts for tumord_top, which daemon/hardware.h writes. */
#ifndef TUMORD_HW_VECTORS_TOP_H
#define TUMORD_HW_VECTORS_TOP_H

#include <stdbool.h>
#include <stdio.h>

/* fault: one wanted voxel is wrong. */
void vectors_top(bool exhaustive, bool fault);

/* hw/golden.txt, which lies in the tree: neither side can change with the other unseen. */
void vectors_top_golden(void);

/* From a CT slice of 512 x 512 as raw pixels (16 bits with a sign); false: it is shorter. */
bool vectors_top_real(FILE *raw, bool whole);

#endif
