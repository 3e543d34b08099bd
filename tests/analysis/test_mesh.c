/* Mesh: closed on any mask, right on bodies that are known, and beside scikit-image. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/mesh.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"
#include "util/volume.h"

#define LARGEST (80 * 80 * 80)

static struct error err;
static uint32_t state = 13;
static uint8_t mask[LARGEST];

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static struct volume grid(size_t columns, size_t rows, size_t slices, const double spacing[3])
{
    struct volume labels = { .type = VOXEL_UINT8, .size = { columns, rows, slices }, .u8 = mask,
                             .even = true };

    for (int axis = 0; axis < 3; axis++) {
        labels.affine[axis][axis] = spacing[axis];
        labels.affine[axis][3] = -300 + 200 * axis;
    }
    return labels;
}

/* An ellipsoid in the middle, semi-axes in mm; how many voxels. */
static size_t fill_ellipsoid(const struct volume *labels, const double axes[3])
{
    size_t inside = 0;

    for (size_t at = 0; at < volume_count(labels); at++) {
        const size_t place[3] = { at % labels->size[0], at / labels->size[0] % labels->size[1],
                                  at / labels->size[0] / labels->size[1] };
        double sum = 0;
        for (int n = 0; n < 3; n++)
            sum += pow(((double)place[n] - (double)(labels->size[n] - 1) / 2)
                       * volume_spacing_mm(labels, n) / axes[n], 2);
        mask[at] = sum <= 1;
        inside += mask[at];
    }
    return inside;
}

static int compare_edges(const void *a, const void *b)
{
    return memcmp(a, b, 2 * sizeof(uint32_t));
}

/* Directed edges that occur twice, or whose reverse does not occur. */
static size_t open_edges(const struct mesh *mesh)
{
    const size_t count = 3 * mesh->triangles;
    uint32_t (*const edge)[2] = malloc((count + 1) * sizeof *edge);
    size_t wrong = 0;

    for (size_t e = 0; e < count; e++) {
        edge[e][0] = mesh->triangle[e / 3][e % 3];
        edge[e][1] = mesh->triangle[e / 3][(e + 1) % 3];
    }
    qsort(edge, count, sizeof *edge, compare_edges);
    for (size_t e = 0; e < count; e++) {
        const uint32_t reverse[2] = { edge[e][1], edge[e][0] };
        wrong += e > 0 && compare_edges(edge[e], edge[e - 1]) == 0;
        wrong += bsearch(reverse, edge, count, sizeof *edge, compare_edges) == NULL;
    }
    free(edge);
    return wrong;
}

static void mesh_of_any_mask_is_closed_and_the_same_on_any_threads(void)
{
    static const size_t sizes[][3] = { { 9, 7, 6 }, { 130, 3, 4 }, { 62, 5, 3 }, { 63, 2, 2 }, { 1, 1, 1 },
                                       { 1, 12, 9 }, { 64, 4, 1 } };
    static const unsigned densities[] = { 2, 3, 10, 1 };
    struct arena *const arena = arena_new(1 << 24, &err);

    for (size_t t = 0; t < 7 * 4 * 3; t++) {
        const size_t *const size = sizes[t % 7];
        const struct volume labels = grid(size[0], size[1], size[2], (const double[]){ 1, 2, 3 });
        struct mesh one, other;
        for (size_t n = 0; n < volume_count(&labels); n++)
            mask[n] = (uint8_t)(chance() % densities[t / 7 % 4] == 0 ? 3 : chance() % 3);
        CU_ASSERT_FATAL(mesh_of_labels(&labels, 3, 1, arena, &one, &err));
        CU_ASSERT_FATAL(mesh_of_labels(&labels, 3, 3, arena, &other, &err));
        CU_ASSERT_EQUAL(open_edges(&one), 0);
        CU_ASSERT_EQUAL_FATAL(one.points, other.points);
        CU_ASSERT_EQUAL_FATAL(one.triangles, other.triangles);
        CU_ASSERT_EQUAL(memcmp(one.point, other.point, one.points * sizeof *one.point), 0);
        CU_ASSERT_EQUAL(memcmp(one.triangle, other.triangle, one.triangles * sizeof *one.triangle), 0);
        arena_reset(arena);
    }
    arena_free(arena);
}

/* One voxel is an octahedron of half the spacings; nothing is no triangle; all is closed. */
static void mesh_of_a_voxel_is_an_octahedron_and_of_nothing_is_empty(void)
{
    struct volume labels = grid(3, 3, 3, (const double[]){ 2, 3, 4 });
    struct arena *const arena = arena_new(1 << 20, &err);
    struct mesh mesh;

    memset(mask, 0, sizeof mask);
    CU_ASSERT(mesh_of_labels(&labels, 1, 1, arena, &mesh, &err));
    CU_ASSERT(mesh.triangles == 0 && mesh_volume_mm3(&mesh) == 0 && mesh_area_mm2(&mesh) == 0);
    mask[13] = 1;
    CU_ASSERT(mesh_of_labels(&labels, 1, 1, arena, &mesh, &err));
    CU_ASSERT(mesh.points == 6 && mesh.triangles == 8);
    CU_ASSERT_DOUBLE_EQUAL(mesh_volume_mm3(&mesh), 8 * 1 * 1.5 * 2 / 6, 1e-4);
    const double area = 4 * sqrt(1 * 1 * 1.5 * 1.5 + 1.5 * 1.5 * 2 * 2 + 1 * 1 * 2 * 2);
    CU_ASSERT_DOUBLE_EQUAL(mesh_area_mm2(&mesh), area, 1e-4);
    labels.affine[0][0] = -2;           /* a left-handed grid: the outside stays outside */
    CU_ASSERT(mesh_of_labels(&labels, 1, 1, arena, &mesh, &err));
    CU_ASSERT_DOUBLE_EQUAL(mesh_volume_mm3(&mesh), 8 * 1 * 1.5 * 2 / 6, 1e-4);
    arena_free(arena);
    struct arena *const small = arena_new(256, &err);
    CU_ASSERT_FALSE(mesh_of_labels(&labels, 1, 1, small, &mesh, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    arena_free(small);
}

static void mesh_of_a_ball_has_its_volume(void)
{
    const struct volume labels = grid(80, 80, 40, (const double[]){ 1, 1, 2 });
    const size_t voxels = fill_ellipsoid(&labels, (const double[]){ 30, 30, 30 });
    struct arena *const arena = arena_new(1 << 24, &err);
    struct mesh mesh;

    CU_ASSERT_FATAL(mesh_of_labels(&labels, 1, 2, arena, &mesh, &err));
    CU_ASSERT_EQUAL(open_edges(&mesh), 0);
    CU_ASSERT_EQUAL(mesh.triangles, 2 * mesh.points - 4);      /* Euler: one ball */
    CU_ASSERT_DOUBLE_EQUAL(mesh_volume_mm3(&mesh) / (2 * (double)voxels), 1, 0.005);
    CU_ASSERT_DOUBLE_EQUAL(mesh_volume_mm3(&mesh) / (4.0 / 3 * M_PI * 27000), 1, 0.01);
    arena_free(arena);
}

static void make_smooth(const struct volume *labels, struct arena *arena, struct mesh *mesh)
{
    CU_ASSERT_FATAL(mesh_of_labels(labels, 1, 2, arena, mesh, &err));
    const size_t used = arena_used(arena);
    const double volume = mesh_volume_mm3(mesh);
    CU_ASSERT_FATAL(mesh_smooth(mesh, 10, arena, &err));
    CU_ASSERT_EQUAL(arena_used(arena), used);
    CU_ASSERT_EQUAL(open_edges(mesh), 0);
    CU_ASSERT(fabs(mesh_volume_mm3(mesh) - volume) <= 0.01 * volume);
}

/* The steps of the voxels make the area of a ball a tenth too large; smooth it is right. */
static void smoothing_keeps_the_volume_and_takes_the_steps(void)
{
    static const double shapes[][3] = { { 30, 30, 30 }, { 30, 6, 14 }, { 3, 3, 3 }, { 1, 1, 1 }, { 39, 1, 1 } };
    struct arena *const arena = arena_new(1 << 24, &err);
    struct mesh mesh;

    for (size_t n = 0; n < 5; n++) {
        const struct volume labels = grid(79, 79, 79, (const double[]){ 1, 1, 1 });
        fill_ellipsoid(&labels, shapes[n]);
        make_smooth(&labels, arena, &mesh);
        if (n == 0)
            CU_ASSERT_DOUBLE_EQUAL(mesh_area_mm2(&mesh) / (4 * M_PI * 900), 1, 0.015);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void mesh_is_reduced_to_a_budget_and_stays_closed_and_as_large(void)
{
    static const size_t budgets[] = { 5000, 1000, 200, 50 };
    const struct volume labels = grid(70, 70, 35, (const double[]){ 1, 1, 2 });
    struct arena *const arena = arena_new(1 << 25, &err);
    struct mesh mesh;

    fill_ellipsoid(&labels, (const double[]){ 30, 30, 30 });
    for (size_t n = 0; n < 4; n++) {
        make_smooth(&labels, arena, &mesh);
        const double volume = mesh_volume_mm3(&mesh);
        const size_t used = arena_used(arena);
        double farthest = 0;
        CU_ASSERT_FATAL(mesh_reduce(&mesh, budgets[n], arena, &err));
        CU_ASSERT_EQUAL(arena_used(arena), used);
        CU_ASSERT(mesh.triangles <= budgets[n] && mesh.triangles > budgets[n] / 2);
        CU_ASSERT_EQUAL(mesh.triangles, 2 * mesh.points - 4);
        CU_ASSERT_EQUAL(open_edges(&mesh), 0);
        CU_ASSERT_DOUBLE_EQUAL(mesh_volume_mm3(&mesh) / volume, 1, 0.01);
        for (size_t p = 0; p < mesh.points; p++) {
            double sum = 0;
            for (int axis = 0; axis < 3; axis++)
                sum += pow(mesh.point[p][axis] - labels.affine[axis][3]
                           - (double)(labels.size[axis] - 1) / 2 * volume_spacing_mm(&labels, axis), 2);
            farthest = fmax(farthest, fabs(sqrt(sum) - 30));
        }
        CU_ASSERT(farthest < (n < 3 ? 1.5 : 5));        /* below a voxel's diagonal, up to that point */
        arena_reset(arena);
    }
    arena_free(arena);
}

/* Noise has every odd place there is: bodies that touch by a point, holes, tunnels, single voxels. */
static void reduced_noise_stays_closed(void)
{
    const struct volume labels = grid(20, 20, 20, (const double[]){ 1, 1, 1 });
    struct arena *const arena = arena_new(1 << 26, &err);
    struct mesh mesh;

    for (unsigned density = 2; density < 12; density++) {
        for (size_t n = 0; n < 8000; n++)
            mask[n] = chance() % density == 0;
        CU_ASSERT_FATAL(mesh_of_labels(&labels, 1, 1, arena, &mesh, &err));
        const double volume = mesh_volume_mm3(&mesh);
        const size_t triangles = mesh.triangles;
        CU_ASSERT(mesh_reduce(&mesh, 4, arena, &err));
        CU_ASSERT(mesh.triangles < triangles);
        CU_ASSERT_EQUAL(open_edges(&mesh), 0);
        CU_ASSERT_DOUBLE_EQUAL(mesh_volume_mm3(&mesh) / volume, 1, 0.01);
        arena_reset(arena);
    }
    memset(mask, 0, sizeof mask);
    CU_ASSERT(mesh_of_labels(&labels, 1, 1, arena, &mesh, &err));
    CU_ASSERT(mesh_reduce(&mesh, 0, arena, &err) && mesh_smooth(&mesh, 3, arena, &err) && mesh.triangles == 0);
    arena_free(arena);
}

/* What scikit-image says of the mask, by mesh.py; false, after a skip, when it is not here. */
static bool ask_peer(const struct volume *labels, double *ret_volume, double *ret_area)
{
    char path[] = "/tmp/tumord-mesh-XXXXXX", command[4096];
    const int file = mkstemp(path);
    const size_t count = volume_count(labels);
    bool good = file >= 0 && write(file, mask, count) == (ssize_t)count;

    text_format(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/mesh.py %s %zu %zu %zu %g %g %g",
                runner_source(), path, labels->size[0], labels->size[1], labels->size[2],
                volume_spacing_mm(labels, 0), volume_spacing_mm(labels, 1), volume_spacing_mm(labels, 2));
    FILE *const peer = good ? popen(command, "r") : NULL;
    good = peer != NULL && fscanf(peer, "%lf %lf", ret_volume, ret_area) == 2;
    if (peer != NULL)
        pclose(peer);
    if (file >= 0) {
        close(file);
        unlink(path);
    }
    if (!good)
        runner_skip("scikit-image is not here");
    return good;
}

/*
 * Of five and more corners a cell's piece is not flat, and the two cut it into other triangles: that
 * is all the difference, and the smaller the body the more it is.
 */
static void mesh_agrees_with_scikit_image(void)
{
    static const double shapes[][3] = { { 20, 20, 20 }, { 30, 12, 7 }, { 5, 25, 14 }, { 3, 3, 3 } };
    struct arena *const arena = arena_new(1 << 24, &err);
    double volume, area;
    struct mesh mesh;

    for (size_t n = 0; n < 5; n++) {
        const struct volume labels = grid(64, 64, 40, (const double[]){ 1, 1, n % 2 ? 2.5 : 1 });
        if (n < 4)
            fill_ellipsoid(&labels, shapes[n]);
        else                            /* a block with bites taken out of it */
            for (size_t at = 0; at < volume_count(&labels); at++)
                mask[at] = at / 8 % 8 > 2 && at / 512 % 8 > 3 && at / 4096 / 5 % 3 > 0;
        if (!ask_peer(&labels, &volume, &area))
            break;
        CU_ASSERT_FATAL(mesh_of_labels(&labels, 1, 2, arena, &mesh, &err));
        CU_ASSERT_DOUBLE_EQUAL(mesh_volume_mm3(&mesh) / volume, 1, n == 3 ? 0.04 : 0.002);
        CU_ASSERT_DOUBLE_EQUAL(mesh_area_mm2(&mesh) / area, 1, 0.01);
        arena_reset(arena);
    }
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(mesh_of_any_mask_is_closed_and_the_same_on_any_threads),
    TEST(mesh_of_a_voxel_is_an_octahedron_and_of_nothing_is_empty),
    TEST(mesh_of_a_ball_has_its_volume),
    TEST(smoothing_keeps_the_volume_and_takes_the_steps),
    TEST(mesh_is_reduced_to_a_budget_and_stays_closed_and_as_large),
    TEST(reduced_noise_stays_closed),
    TEST(mesh_agrees_with_scikit_image),
    { NULL, NULL }
};
const struct runner_suite suite_mesh = { "mesh", tests };
