/*
 * Ball: binary morphology with a ball in mm, which is an ellipsoid on a grid whose spacing differs. A
 * voxel belongs to it when its centre is not farther than the radius. Masks are 0 or not 0, results
 * 0 or 1. As in mask.h, outside the grid counts as background for dilation and as foreground for
 * erosion: closing adds nothing at the border and opening eats nothing there.
 */
#ifndef TUMORD_ANALYSIS_BALL_H
#define TUMORD_ANALYSIS_BALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum ball_operation { BALL_ERODE, BALL_DILATE, BALL_OPEN, BALL_CLOSE };

/*
 * `from` and `to` may be the same. Works on bits, 64 voxels of a row at a time. Scratch, about
 * three bits a voxel, is taken from the arena and given back. Fails on a spacing or radius that is
 * none, and on a ball of more than 1024 voxels across.
 */
bool ball_apply(enum ball_operation operation, const uint8_t *from, uint8_t *to,
                const size_t size[3], const double spacing_mm[3], double radius_mm, int threads,
                struct arena *arena, struct error *err);

/* Bytes of scratch that ball_apply() takes. */
size_t ball_need(const size_t size[3], const double spacing_mm[3], double radius_mm);

#endif
