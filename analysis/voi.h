/*
 * VOI: the window functions of PS3.3 C.11.2.1 to 8 bit, with centre and width as they are given.
 * Each byte is the standard's real number, rounded half up.
 */
#ifndef TUMORD_ANALYSIS_VOI_H
#define TUMORD_ANALYSIS_VOI_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct volume;

/* VOI LUT Function (0028,1056) */
enum voi_function { VOI_LINEAR, VOI_LINEAR_EXACT, VOI_SIGMOID };

struct voi {
    enum voi_function function;
    double center, width;
};

/* By its name in the attribute; an empty one is LINEAR. False when there is no such function. */
bool voi_function_named(const char *name, enum voi_function *ret_function);

/* A width below 1 is none for LINEAR, and one of 0 or less for none of them (C.11.2.1.2). */
bool voi_check(const struct voi *voi, struct error *err);

/*
 * One value: the plain form. LINEAR is that of window.h, which quantises to 1/16. The others decide
 * in long double: LINEAR_EXACT is right wherever value - centre is exact there, SIGMOID where a
 * value is not within 2^-60 of the width from where the byte changes. What is no number gives 0.
 */
uint8_t voi_value(const struct voi *voi, double value);

/* All voxels of the volume; the same bytes, on any number of threads. */
void voi_apply(const struct voi *voi, const struct volume *volume, int threads, uint8_t *to);

#endif
