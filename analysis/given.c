/* Given: one grid, one mask, and the regions of it. */
#include "analysis/given.h"

#include <math.h>

#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"

#define METHOD "given-mask"
#define METHOD_VERSION "1"
#define NEAR 0.01                       /* of a voxel */

static double corner_apart(const struct volume *a, const struct volume *b, int corner)
{
    double at[3], one[3], other[3], sum = 0;

    for (int axis = 0; axis < 3; axis++)
        at[axis] = corner >> axis & 1 ? (double)(a->size[axis] - 1) : 0;
    volume_to_patient(a, at, one);
    volume_to_patient(b, at, other);
    for (int axis = 0; axis < 3; axis++)
        sum += (one[axis] - other[axis]) * (one[axis] - other[axis]);
    return sqrt(sum);
}

/* An affine map is known by the corners. */
static bool one_grid(const struct volume *volume, const struct volume *labels, struct error *err)
{
    const size_t *const a = labels->size, *const b = volume->size;

    if (a[0] != b[0] || a[1] != b[1] || a[2] != b[2])
        return error_set(err, ERROR_DATA, "the mask has %zu x %zu x %zu voxels, the image %zu x %zu x %zu",
                         a[0], a[1], a[2], b[0], b[1], b[2]);
    for (int corner = 0; corner < 8; corner++) {
        const double apart = corner_apart(volume, labels, corner);
        if (!(apart <= NEAR * volume_diagonal_mm(volume)))
            return error_set(err, ERROR_DATA, "the mask lies up to %.1f mm beside the image", apart);
    }
    return true;
}

static uint32_t label_at(const struct volume *labels, size_t index)
{
    return labels->type == VOXEL_UINT8 ? labels->u8[index] : labels->u32[index];
}

static bool is_of(const struct given *given, uint32_t label)
{
    bool any = given->values == 0 && label > 0;

    for (size_t i = 0; i < given->values; i++)
        any = any || label == given->value[i];
    return any;
}

bool given_find(const struct volume *volume, const struct volume *labels, const struct given *given,
                struct arena *arena, struct findings *ret_findings, struct error *err)
{
    const size_t count = volume_count(volume);

    if (labels->type != VOXEL_UINT8 && labels->type != VOXEL_UINT32)
        return error_set(err, ERROR_DATA, "a mask whose voxels are no labels");
    if (!one_grid(volume, labels, err)
        || !regions_begin(volume, METHOD, METHOD_VERSION, arena, ret_findings, err))
        return false;
    const size_t mark = arena_mark(arena);
    uint8_t *const mask = arena_take(arena, count, 1, err);
    if (mask == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        mask[i] = is_of(given, label_at(labels, i));
    const struct regions_rules rules = { .connectivity = given->connectivity, .kind = FINDING_NEOPLASM,
                                         .threads = 1 };
    const bool good = regions_tell(volume, mask, &rules, arena, ret_findings, err);
    arena_rewind(arena, mark);
    return good;
}
