/* Uptake: a sphere as weights of voxels, moved over the voxels of a region. */
#include "analysis/uptake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/mask.h"
#include "util/arena.h"
#include "util/error.h"

#define LINES 32                    /* to a voxel's edge, where the sphere's surface passes it */
#define MOST_VOXELS 200000          /* of a sphere: voxels of 0.17 mm */

/* Steps in mm along the axes, of which the sphere's box in voxels is made. */
struct grid {
    double step[3][3];              /* of axis a, in mm: step[a] */
    double half;                    /* the longest way in mm from a voxel's centre to its corner */
    double radius_mm;
    int reach[3];
};

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double ret[3])
{
    ret[0] = a[1] * b[2] - a[2] * b[1];
    ret[1] = a[2] * b[0] - a[0] * b[2];
    ret[2] = a[0] * b[1] - a[1] * b[0];
}

/* Planes of constant i lie (step · normal) apart: so many of them the sphere can reach. */
static struct grid grid_of(const struct volume *volume, double radius_mm)
{
    struct grid grid = { .radius_mm = radius_mm };
    double normal[3];

    for (int axis = 0; axis < 3; axis++)
        for (int row = 0; row < 3; row++)
            grid.step[axis][row] = volume->affine[row][axis];
    for (int axis = 0; axis < 3; axis++) {
        cross(grid.step[(axis + 1) % 3], grid.step[(axis + 2) % 3], normal);
        const double apart = fabs(dot(grid.step[axis], normal)) / sqrt(dot(normal, normal));
        grid.reach[axis] = (int)fmin(ceil(radius_mm / apart + 0.5), 1e6);
        grid.half += 0.5 * sqrt(dot(grid.step[axis], grid.step[axis]));
    }
    return grid;
}

static double distance(const struct grid *grid, double i, double j, double k)
{
    double square = 0;

    for (int row = 0; row < 3; row++) {
        const double mm = i * grid->step[0][row] + j * grid->step[1][row] + k * grid->step[2][row];
        square += mm * mm;
    }
    return sqrt(square);
}

/* Of the line along i through (i, j, k), half a voxel to both sides: the part that is in the sphere. */
static double line_inside(const struct grid *grid, double i, double j, double k)
{
    const double *const along = grid->step[0];
    double from[3];

    for (int row = 0; row < 3; row++)
        from[row] = i * along[row] + j * grid->step[1][row] + k * grid->step[2][row];
    const double a = dot(along, along), b = dot(along, from) / a;
    const double c = (dot(from, from) - grid->radius_mm * grid->radius_mm) / a;
    if (b * b <= c)
        return 0;
    const double root = sqrt(b * b - c);
    return fmax(fmin(-b + root, 0.5) - fmax(-b - root, -0.5), 0);
}

/* The part of the voxel that is in the sphere: exact along i, by lines in j and k. */
static double part_inside(const struct grid *grid, int i, int j, int k)
{
    const double away = distance(grid, i, j, k);
    double sum = 0;

    if (away >= grid->radius_mm + grid->half)
        return 0;
    if (away <= grid->radius_mm - grid->half)
        return 1;
    for (int c = 0; c < LINES; c++)
        for (int b = 0; b < LINES; b++)
            sum += line_inside(grid, i, j + (b + 0.5) / LINES - 0.5, k + (c + 0.5) / LINES - 0.5);
    return sum / (LINES * LINES);
}

bool uptake_sphere_make(const struct volume *volume, double radius_mm, struct arena *arena,
                        struct uptake_sphere *ret_sphere, struct error *err)
{
    const struct grid grid = grid_of(volume, radius_mm);
    const double most = (2.0 * grid.reach[0] + 1) * (2.0 * grid.reach[1] + 1) * (2.0 * grid.reach[2] + 1);
    struct uptake_sphere sphere = { .count = 0 };

    if (!(most <= MOST_VOXELS))
        return error_set(err, ERROR_LIMIT, "a sphere of %.1f mm among voxels that small", radius_mm);
    sphere.weight = arena_take(arena, (size_t)most, sizeof *sphere.weight, err);
    if (sphere.weight == NULL)
        return false;
    for (int k = -grid.reach[2]; k <= grid.reach[2]; k++)
        for (int j = -grid.reach[1]; j <= grid.reach[1]; j++)
            for (int i = -grid.reach[0]; i <= grid.reach[0]; i++) {
                const double weight = part_inside(&grid, i, j, k);
                const int step[3] = { i, j, k };
                if (weight <= 0)
                    continue;
                for (int axis = 0; axis < 3; axis++)
                    if (step[axis] > sphere.reach[axis])
                        sphere.reach[axis] = step[axis];
                sphere.weight[sphere.count++] = (struct uptake_weight){ { i, j, k }, weight };
                sphere.total += weight;
            }
    *ret_sphere = sphere;
    return true;
}

bool uptake_sphere_mean(const struct volume *volume, const struct uptake_sphere *sphere,
                        const size_t at[3], double *ret_mean)
{
    const size_t *const size = volume->size;
    double sum = 0;

    for (int axis = 0; axis < 3; axis++)
        if (at[axis] < (size_t)sphere->reach[axis]
            || at[axis] + (size_t)sphere->reach[axis] >= size[axis])
            return false;
    for (size_t n = 0; n < sphere->count; n++) {
        const int *const step = sphere->weight[n].step;
        const size_t i = at[0] + (size_t)step[0], j = at[1] + (size_t)step[1];
        const size_t k = at[2] + (size_t)step[2];       /* a step back is a wrap: it is defined */
        sum += sphere->weight[n].weight * volume_value(volume, (k * size[1] + j) * size[0] + i);
    }
    *ret_mean = sum / sphere->total;
    return true;
}

static void find_peak(const struct volume *volume, const struct volume *labels,
                      const struct uptake_sphere *sphere, struct lesion *lesion)
{
    const size_t *const size = volume->size, *const low = lesion->low, *const high = lesion->high;
    size_t at[3];
    double mean;

    for (at[2] = low[2]; at[2] <= high[2]; at[2]++)
        for (at[1] = low[1]; at[1] <= high[1]; at[1]++)
            for (at[0] = low[0]; at[0] <= high[0]; at[0]++) {
                if (labels->u8[(at[2] * size[1] + at[1]) * size[0] + at[0]] != lesion->label
                    || !uptake_sphere_mean(volume, sphere, at, &mean)
                    || (lesion->peak.known && mean <= lesion->peak.value))
                    continue;
                lesion->peak = (struct measure){ true, mean };
                volume_to_patient(volume, (const double[3]){ (double)at[0], (double)at[1],
                                                             (double)at[2] }, lesion->peak_mm);
            }
}

bool uptake_measure(const struct volume *volume, const struct volume *labels, struct lesion *lesion,
                    struct arena *arena, struct error *err)
{
    struct uptake_sphere sphere;

    lesion->peak = lesion->tlg = (struct measure){ false, 0 };
    if (!volume_unit_is_suv(volume->unit))
        return true;
    lesion->tlg = (struct measure){ true, lesion->mean * lesion->volume_mm3 / 1000 };
    const size_t mark = arena_mark(arena);
    if (!uptake_sphere_make(volume, UPTAKE_PEAK_RADIUS_MM, arena, &sphere, err))
        return err->code == ERROR_LIMIT;        /* voxels of a mouse: no peak, all else is there */
    find_peak(volume, labels, &sphere, lesion);
    arena_rewind(arena, mark);
    return true;
}

/* ---- counts: what lies around ---- */

struct ring {                       /* a box about a region */
    size_t low[3], size[3], count;
    uint8_t *near, *far;            /* within the gap; within gap and ring */
};

static size_t index_of(const struct ring *ring, const size_t size[3], size_t n)
{
    const size_t i = n % ring->size[0], j = n / ring->size[0] % ring->size[1];
    const size_t k = n / ring->size[0] / ring->size[1];

    return ((k + ring->low[2]) * size[1] + j + ring->low[1]) * size[0] + i + ring->low[0];
}

static void box_about(const struct volume *volume, const struct lesion *lesion, struct ring *ring)
{
    const size_t grow = UPTAKE_GAP + UPTAKE_RING;

    ring->count = 1;
    for (int axis = 0; axis < 3; axis++) {
        const size_t last = volume->size[axis] - 1;
        const size_t high = lesion->high[axis] + grow < last ? lesion->high[axis] + grow : last;
        ring->low[axis] = lesion->low[axis] > grow ? lesion->low[axis] - grow : 0;
        ring->size[axis] = high - ring->low[axis] + 1;
        ring->count *= ring->size[axis];
    }
}

/* Dilates `mask` by so many steps; `spare` is of its size. */
static void widen(uint8_t *mask, uint8_t *spare, const struct ring *ring, int steps)
{
    for (int n = 0; n < steps; n++) {
        mask_dilate(mask, spare, ring->size, 1);
        memcpy(mask, spare, ring->count);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

bool uptake_background(const struct volume *volume, const struct volume *labels, struct lesion *lesion,
                       struct arena *arena, struct error *err)
{
    struct ring ring;
    size_t found = 0;

    lesion->background = lesion->background_ratio = (struct measure){ false, 0 };
    if (volume->unit != UNIT_COUNTS)
        return true;
    const size_t mark = arena_mark(arena);
    box_about(volume, lesion, &ring);
    uint8_t *const masks = arena_take(arena, 3 * ring.count, 1, err);
    double *const value = masks == NULL ? NULL : arena_take(arena, ring.count, sizeof *value, err);
    if (value == NULL)
        return false;
    ring.near = masks;
    ring.far = masks + ring.count;
    for (size_t n = 0; n < ring.count; n++)
        ring.near[n] = labels->u8[index_of(&ring, volume->size, n)] == lesion->label;
    widen(ring.near, masks + 2 * ring.count, &ring, UPTAKE_GAP);
    memcpy(ring.far, ring.near, ring.count);
    widen(ring.far, masks + 2 * ring.count, &ring, UPTAKE_RING);
    for (size_t n = 0; n < ring.count; n++)
        if (ring.far[n] && !ring.near[n] && labels->u8[index_of(&ring, volume->size, n)] == 0)
            value[found++] = volume_value(volume, index_of(&ring, volume->size, n));
    qsort(value, found, sizeof *value, compare_doubles);
    const double median = found == 0 ? 0 : (value[(found - 1) / 2] + value[found / 2]) / 2;
    if (median > 0) {
        lesion->background = (struct measure){ true, median };
        lesion->background_ratio = (struct measure){ true, lesion->mean / median };
    }
    arena_rewind(arena, mark);
    return true;
}
