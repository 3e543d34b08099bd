/* Split: voxels in the order of their distance, basins joined by union and find. */
#include "analysis/split.h"

#include <math.h>
#include <string.h>

#include "analysis/distance.h"
#include "util/arena.h"
#include "util/error.h"

#define LEVELS 65536                    /* of distance: ties within one are in the order of memory */
#define NEIGHBOURS 26

struct flood {
    const size_t *size;
    const float *mm;                    /* distance to the border */
    uint32_t *label;                    /* 0: not flooded yet; else a basin, from 1 */
    uint32_t *parent;                   /* of basins */
    float *peak;                        /* of those that are their own parent */
    uint32_t basins;
    double part;
};

static uint32_t root_of(struct flood *flood, uint32_t basin)
{
    while (flood->parent[basin] != basin)
        basin = flood->parent[basin] = flood->parent[flood->parent[basin]];
    return basin;
}

/* The voxels of the mask from the innermost to the border: a counting sort. */
static bool sort_by_distance(const uint8_t *mask, const float *mm, size_t count, uint32_t *order,
                             size_t *ret_inside, struct arena *arena, struct error *err)
{
    size_t *const at = arena_take_zeroed(arena, LEVELS + 1, sizeof *at, err);
    float most = 0;

    if (at == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        most = mask[i] ? fmaxf(most, mm[i]) : most;
    const float scale = most > 0 ? (LEVELS - 1) / most : 0;
    for (size_t i = 0; i < count; i++)
        if (mask[i])
            at[LEVELS - (size_t)(mm[i] * scale)]++;
    for (size_t level = 1; level <= LEVELS; level++)
        at[level] += at[level - 1];
    *ret_inside = at[LEVELS];
    for (size_t i = 0; i < count; i++)
        if (mask[i])
            order[at[LEVELS - (size_t)(mm[i] * scale) - 1]++] = (uint32_t)i;
    return true;
}

/* Flooded neighbours, the innermost first in *ret_inmost. */
static size_t look_around(const struct flood *flood, uint32_t voxel, uint32_t *found,
                          uint32_t *ret_inmost)
{
    const size_t *const size = flood->size, slice = size[0] * size[1];
    const size_t at[3] = { voxel % size[0], voxel % slice / size[0], voxel / slice };
    size_t count = 0;
    float best = -1;

    for (int dk = -1; dk <= 1; dk++)
        for (int dj = -1; dj <= 1; dj++)
            for (int di = -1; di <= 1; di++) {
                if ((di < 0 && at[0] == 0) || (di > 0 && at[0] + 1 == size[0])
                    || (dj < 0 && at[1] == 0) || (dj > 0 && at[1] + 1 == size[1])
                    || (dk < 0 && at[2] == 0) || (dk > 0 && at[2] + 1 == size[2]))
                    continue;
                const size_t next = (size_t)((ptrdiff_t)voxel + di + dj * (ptrdiff_t)size[0]
                                             + dk * (ptrdiff_t)slice);
                if (flood->label[next] == 0)
                    continue;
                found[count++] = flood->label[next];
                if (flood->mm[next] > best) {
                    best = flood->mm[next];
                    *ret_inmost = flood->label[next];
                }
            }
    return count;
}

/* Two basins meet at a saddle: one, unless both peaks stand out above it. */
static void meet(struct flood *flood, uint32_t a, uint32_t b, float saddle)
{
    const uint32_t one = root_of(flood, a), other = root_of(flood, b);
    const bool lower = flood->peak[one] < flood->peak[other];
    const uint32_t low = lower ? one : other, high = lower ? other : one;

    if (low != high && flood->peak[low] - saddle < flood->part * flood->peak[low])
        flood->parent[low] = high;
}

static void flood_voxel(struct flood *flood, uint32_t voxel)
{
    uint32_t found[NEIGHBOURS], inmost = 0;
    const size_t count = look_around(flood, voxel, found, &inmost);

    if (count == 0) {
        flood->basins++;
        flood->parent[flood->basins] = flood->basins;
        flood->peak[flood->basins] = flood->mm[voxel];
        flood->label[voxel] = flood->basins;
        return;
    }
    flood->label[voxel] = inmost;
    for (size_t n = 0; n < count; n++)
        if (found[n] != inmost)
            meet(flood, inmost, found[n], flood->mm[voxel]);
}

/* Basins that were joined get one number, in the order of memory. */
static size_t number(struct flood *flood, size_t count, uint32_t *next)
{
    size_t parts = 0;

    memset(next, 0, (flood->basins + 1) * sizeof *next);
    for (size_t i = 0; i < count; i++) {
        if (flood->label[i] == 0)
            continue;
        const uint32_t root = root_of(flood, flood->label[i]);
        if (next[root] == 0)
            next[root] = (uint32_t)++parts;
        flood->label[i] = next[root];
    }
    return parts;
}

static bool run(struct flood *flood, const uint8_t *mask, size_t count, size_t *ret_count,
                struct arena *arena, struct error *err)
{
    size_t inside = 0;
    uint32_t *const order = arena_take(arena, count + 1, sizeof *order, err);

    if (order == NULL || !sort_by_distance(mask, flood->mm, count, order, &inside, arena, err))
        return false;
    flood->parent = arena_take(arena, inside + 1, sizeof *flood->parent, err);
    flood->peak = flood->parent == NULL ? NULL : arena_take(arena, inside + 1, sizeof *flood->peak, err);
    if (flood->peak == NULL)
        return false;
    memset(flood->label, 0, count * sizeof *flood->label);
    for (size_t n = 0; n < inside; n++)
        flood_voxel(flood, order[n]);
    *ret_count = number(flood, count, order);
    return true;
}

bool split_mask(const uint8_t *mask, const size_t size[3], const double spacing_mm[3], double part,
                int threads, uint32_t *ret_labels, size_t *ret_count, struct arena *arena,
                struct error *err)
{
    const size_t count = size[0] * size[1] * size[2], mark = arena_mark(arena);

    if (!(part > 0))
        return error_set(err, ERROR_USAGE, "a saddle of %g of a peak splits everything", part);
    for (int axis = 0; axis < 3; axis++)
        if (!(spacing_mm[axis] >= 1e-6 && spacing_mm[axis] <= 1e6))
            return error_set(err, ERROR_DATA, "a spacing of %g mm", spacing_mm[axis]);
    if (count >= UINT32_MAX)
        return error_set(err, ERROR_LIMIT, "a mask of %zu voxels", count);
    float *const mm = arena_take(arena, count, sizeof *mm, err);
    if (mm == NULL || !distance_transform(mask, size, spacing_mm, mm, threads, arena, err))
        return false;
    if (count > 0 && isinf(mm[0]))      /* nothing outside: one part, without a peak */
        memset(mm, 0, count * sizeof *mm);
    struct flood flood = { .size = size, .mm = mm, .label = ret_labels, .part = part };
    const bool good = run(&flood, mask, count, ret_count, arena, err);
    arena_rewind(arena, mark);
    return good;
}
