/*
 * Grid: what is found lies in the patient, however the voxels lie in memory. All 48 ways to order and
 * to flip the axes of one volume give the same findings in patient space, but for a few voxels at a
 * border, where sums of floats come in another order: 1.5 % of the voxels, a tenth of a voxel's
 * side for the centroid, a fifth for the longest diameter, which ends at single voxels.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/analyse.h"
#include "analysis/findings.h"
#include "analysis/phantom.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define WAYS 48
#define PART 0.015

static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
                                  { 2, 1, 0 } };
static struct error err;

/* Axis a of the new volume is axis order[a] of the old one, reversed where bit a of `flips` is set. */
static struct volume turned(const struct volume *from, const int order[3], int flips, void *voxels)
{
    const size_t size = voxel_size(from->type);
    size_t step[3] = { 1, from->size[0], from->size[0] * from->size[1] }, at[3];
    struct volume to = *from;
    unsigned char *put = voxels;

    to.voxels = voxels;
    for (int a = 0; a < 3; a++) {
        const int old = order[a];
        const double sign = flips >> a & 1 ? -1 : 1;
        to.size[a] = from->size[old];
        for (int row = 0; row < 3; row++) {
            to.affine[row][a] = sign * from->affine[row][old];
            if (sign < 0)
                to.affine[row][3] += from->affine[row][old] * (double)(from->size[old] - 1);
        }
    }
    for (at[2] = 0; at[2] < to.size[2]; at[2]++)
        for (at[1] = 0; at[1] < to.size[1]; at[1]++)
            for (at[0] = 0; at[0] < to.size[0]; at[0]++, put += size) {
                size_t index = 0;
                for (int a = 0; a < 3; a++)
                    index += step[order[a]] * (flips >> a & 1 ? to.size[a] - 1 - at[a] : at[a]);
                memcpy(put, (const unsigned char *)from->voxels + index * size, size);
            }
    return to;
}

static double apart(const double a[3], const double b[3])
{
    return hypot(hypot(a[0] - b[0], a[1] - b[1]), a[2] - b[2]);
}

static bool near(double a, double b, double part)
{
    return fabs(a - b) <= part * fabs(a);
}

/* `part`: of voxels and values; in mm ten times that for places, twenty times for lengths. */
static bool same(const struct findings *one, const struct findings *other, double part)
{
    bool good = one->count == other->count && one->segment_count == other->segment_count;

    for (size_t i = 0; good && i < one->segment_count; i++) {
        const struct lesion *const a = &one->lesion[i], *const b = &other->lesion[i];
        good = near((double)a->voxels, (double)b->voxels, part) && near(a->volume_mm3, b->volume_mm3, part + 1e-9)
            && apart(a->centroid_mm, b->centroid_mm) <= 10 * part + 1e-6
            && fabs(a->longest_mm - b->longest_mm) <= 20 * part + 1e-6 && near(a->mean, b->mean, part + 1e-9);
        if (!good)
            printf("[lesion %zu: %zu and %zu voxels, %g and %g mm, %g mm apart] ", i, a->voxels, b->voxels,
                   a->longest_mm, b->longest_mm, apart(a->centroid_mm, b->centroid_mm));
    }
    return good;
}

static void check(enum phantom_modality kind, const char *modality, int ways, double part)
{
    struct arena *const still = arena_new((size_t)256 << 20, &err);
    struct arena *const arena = arena_new((size_t)512 << 20, &err);
    struct phantom_options options;
    struct phantom_truth truth;
    struct analysis_parameters parameters;
    struct volume volume;
    struct findings first, other;
    int unlike = 0;

    CU_ASSERT_FATAL(still != NULL && arena != NULL);
    phantom_defaults(kind, &options);
    options.seed = 3;
    options.lesions = 2;
    options.size[0] = 64, options.size[1] = 60, options.size[2] = 44;
    options.spacing_mm[0] = 1.5, options.spacing_mm[1] = 1.6, options.spacing_mm[2] = 1.9;
    CU_ASSERT_FATAL(phantom_make(&options, still, &volume, &truth, &err));
    analysis_defaults(modality, &parameters);
    void *const voxels = arena_take(still, volume_count(&volume), voxel_size(volume.type), &err);
    CU_ASSERT_FATAL(voxels != NULL && analyse(&volume, &parameters, still, &first, &err));
    CU_ASSERT(first.count > 0);
    for (int way = 0; way < WAYS; way += WAYS / ways) {
        const struct volume other_way = turned(&volume, orders[way / 8], way % 8, voxels);
        arena_reset(arena);
        const bool good = analyse(&other_way, &parameters, arena, &other, &err) && same(&first, &other, part);
        unlike += !good;
    }
    CU_ASSERT_EQUAL(unlike, 0);
    arena_free(arena);
    arena_free(still);
}

static void findings_of_ct_lie_where_they_lie(void)
{
    check(PHANTOM_CT, "CT", WAYS, PART);
}

static void findings_of_mr_lie_where_they_lie(void)
{
    check(PHANTOM_MR, "MR", 8, PART);
}

static void findings_of_pet_lie_where_they_lie(void)
{
    check(PHANTOM_PT, "PT", 8, PART);
}

static const struct runner_test tests[] = {
    TEST(findings_of_ct_lie_where_they_lie),
    TEST(findings_of_mr_lie_where_they_lie),
    TEST(findings_of_pet_lie_where_they_lie),
    { NULL, NULL }
};

const struct runner_suite suite_grid = { "grid", tests };
