/*
 * Mesh: the surface of a region as triangles in the patient (LPS, mm). It is closed and two-sided
 * everywhere: each edge belongs to two triangles that run along it in opposite directions. Seen from
 * outside the corners of a triangle go counterclockwise.
 */
#ifndef TUMORD_ANALYSIS_MESH_H
#define TUMORD_ANALYSIS_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct volume;

struct mesh {
    size_t points, triangles;
    float (*point)[3];              /* in the arena, as the triangles are */
    uint32_t (*triangle)[3];
};

/*
 * Marching cubes at one half, on the voxels of `labels` (VOXEL_UINT8) that equal `value`: corners
 * lie in the middle between a voxel and its neighbour. Voxels that touch by an edge or a corner are
 * joined, as by connectivity 26, and what leaves the grid is closed there. No voxel gives no
 * triangle. Scratch of about a bit a voxel is given back; the number of threads changes no bit.
 */
bool mesh_of_labels(const struct volume *labels, uint8_t value, int threads, struct arena *arena,
                    struct mesh *ret_mesh, struct error *err);

double mesh_volume_mm3(const struct mesh *mesh);
double mesh_area_mm2(const struct mesh *mesh);

/*
 * Takes the steps of the voxels away (Taubin 1995: a little in, a little out, in so many rounds; 10 is
 * a good number), and gives back the volume that it had, to a thousandth. A body that is too thin for
 * that stays as it is. Points move, and stay as many. Scratch is given back.
 */
bool mesh_smooth(struct mesh *mesh, int rounds, struct arena *arena, struct error *err);

/*
 * Joins points until there are at most `budget` triangles (Garland and Heckbert 1997), where the
 * surface loses least; it stays closed, and its volume is kept as by mesh_smooth(). No step that would
 * fold it or join what is apart is done, so that a body of many parts may keep more triangles than
 * wanted: each at least four. Points and triangles are moved together in place. Scratch is given
 * back.
 */
bool mesh_reduce(struct mesh *mesh, size_t budget, struct arena *arena, struct error *err);

/* Moves the surface outwards or inwards until it holds the volume to 0.1 %; false when it cannot. */
bool mesh_restore_volume(struct mesh *mesh, double volume_mm3, double (*scratch)[3]);

#endif
