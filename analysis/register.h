/*
 * Register: the rigid motion that brings two volumes of one patient onto each other, found by
 * normalised mutual information (Studholme 1999): it needs no likeness of values, only that one
 * tells about the other, so that T1 and FLAIR, or CT and PET, will do.
 */
#ifndef TUMORD_ANALYSIS_REGISTER_H
#define TUMORD_ANALYSIS_REGISTER_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct volume;

struct registration {
    /* From the fixed volume's patient space to the moving one's: LPS mm, homogeneous. */
    double matrix[4][4];
    double angle_degrees[3];        /* about x, then y, then z, through the centre */
    double shift_mm[3];             /* of the centre */
    double center_mm[3];            /* of what the fixed volume shows */
    double before, after;           /* the measure, 1 to 2, without and with it */
    size_t evaluations;
};

/*
 * Three levels of 8, 4 and 2 mm (or the voxels, where they are larger), at each a search by
 * Powell's directions, begun from where both lie in patient space, or with their centres on each
 * other where that tells more. Samples lie beside the voxels' centres by a part of a voxel that
 * their number gives, so that no grid prefers to lie on the other. The number of threads changes
 * no bit. Fails on volumes without contrast, on those that hardly overlap, and on memory.
 */
bool register_rigid(const struct volume *fixed, const struct volume *moving, int threads,
                    struct arena *arena, struct registration *ret_registration,
                    struct error *err);

/* Bytes of arena that it needs at most. */
size_t register_need(const struct volume *fixed, const struct volume *moving);

/* The matrix of angles about x, then y, then z through a centre, and a shift after them. */
void register_matrix(const double angle_degrees[3], const double shift_mm[3],
                     const double center_mm[3], double ret_matrix[4][4]);
/* Of a rigid matrix: the way back. */
void register_inverse(const double matrix[4][4], double ret_matrix[4][4]);
void register_apply(const double matrix[4][4], const double from_mm[3], double ret_mm[3]);

#endif
