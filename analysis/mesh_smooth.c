/* Mesh (of mesh.h): smoothing, and the volume that it must not cost. */
#include <math.h>
#include <string.h>

#include "analysis/mesh.h"
#include "util/arena.h"
#include "util/error.h"

#define INWARDS 0.5
#define OUTWARDS (-0.53)            /* a little more: else the body would shrink */
#define CLOSE_ENOUGH 1e-3           /* of the volume */
#define TRIES 20

/*
 * Each point goes a part of the way to the middle of its neighbours. A closed mesh has each edge
 * once from either end, so that the triangles' edges name every neighbour once.
 */
static void relax(struct mesh *mesh, double part, double (*sum)[3], uint32_t *neighbours)
{
    memset(sum, 0, mesh->points * sizeof *sum);
    memset(neighbours, 0, mesh->points * sizeof *neighbours);
    for (size_t t = 0; t < mesh->triangles; t++)
        for (int c = 0; c < 3; c++) {
            const uint32_t from = mesh->triangle[t][c], to = mesh->triangle[t][(c + 1) % 3];
            neighbours[from]++;
            for (int n = 0; n < 3; n++)
                sum[from][n] += mesh->point[to][n];
        }
    for (size_t p = 0; p < mesh->points; p++)
        for (int n = 0; n < 3 && neighbours[p] > 0; n++) {
            const double middle = sum[p][n] / neighbours[p], here = mesh->point[p][n];
            mesh->point[p][n] = (float)(here + part * (middle - here));
        }
}

/* The sum of the normals of its triangles, each as long as twice the triangle's area. */
static void find_normals(const struct mesh *mesh, double (*normal)[3])
{
    memset(normal, 0, mesh->points * sizeof *normal);
    for (size_t t = 0; t < mesh->triangles; t++) {
        const uint32_t *const corner = mesh->triangle[t];
        double a[3], b[3];
        for (int n = 0; n < 3; n++) {
            a[n] = (double)mesh->point[corner[1]][n] - mesh->point[corner[0]][n];
            b[n] = (double)mesh->point[corner[2]][n] - mesh->point[corner[0]][n];
        }
        for (int c = 0; c < 3; c++)
            for (int n = 0; n < 3; n++)
                normal[corner[c]][n] += a[(n + 1) % 3] * b[(n + 2) % 3] - a[(n + 2) % 3] * b[(n + 1) % 3];
    }
}

bool mesh_restore_volume(struct mesh *mesh, double volume_mm3, double (*scratch)[3])
{
    for (int n = 0; n < TRIES; n++) {
        const double lacks = volume_mm3 - mesh_volume_mm3(mesh);
        if (fabs(lacks) <= CLOSE_ENOUGH * volume_mm3)
            return true;
        const double step = lacks / mesh_area_mm2(mesh);
        find_normals(mesh, scratch);
        for (size_t p = 0; p < mesh->points; p++) {
            const double *const normal = scratch[p];
            const double length = sqrt(normal[0] * normal[0] + normal[1] * normal[1]
                                       + normal[2] * normal[2]);
            for (int axis = 0; axis < 3 && length > 0; axis++)
                mesh->point[p][axis] += (float)(step * normal[axis] / length);
        }
    }
    return false;
}

bool mesh_smooth(struct mesh *mesh, int rounds, struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    const double volume = mesh_volume_mm3(mesh);
    double (*const sum)[3] = arena_take(arena, mesh->points, sizeof *sum, err);
    uint32_t *const neighbours = sum == NULL ? NULL
        : arena_take(arena, mesh->points, sizeof *neighbours, err);
    float (*const before)[3] = neighbours == NULL ? NULL
        : arena_take(arena, mesh->points, sizeof *before, err);

    if (before == NULL)
        return error_prefix(err, "smoothing a surface");
    memcpy(before, mesh->point, mesh->points * sizeof *before);
    for (int round = 0; round < rounds; round++) {
        relax(mesh, INWARDS, sum, neighbours);
        relax(mesh, OUTWARDS, sum, neighbours);
    }
    if (!mesh_restore_volume(mesh, volume, sum))
        memcpy(mesh->point, before, mesh->points * sizeof *before);
    arena_rewind(arena, mark);
    return true;
}
