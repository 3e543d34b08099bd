/*
 * Opening: a grey-scale opening by a ball: what is narrower than the ball is taken down to what lies around
 * it, what is wider stays. Voxels beyond the border are not looked at.
 */
#ifndef TUMORD_ANALYSIS_OPENING_H
#define TUMORD_ANALYSIS_OPENING_H

struct volume;

/*
 * Of the floats `from` on the grid of `volume`, whose voxels are not read, to `to`; `spare` and both are of its
 * size. A voxel is in the ball when its centre is. A picture (size[2] of 1) is opened by a disc. The number of
 * threads changes no bit. Values are finite.
 */
void opening_ball(const struct volume *volume, const float *from, double radius_mm, float *to, float *spare,
                  int threads);

#endif
