/*
 * Measure: sums over voxels; diameters over the points of the slices' convex hulls. A point of
 * the hull in space is one of its plane's hull, so that no candidate is missed.
 */
#include "analysis/measure.h"

#include <math.h>
#include <string.h>

#include "util/arena.h"
#include "util/error.h"

struct point {
    double i, j;                    /* voxel coordinates: corners lie at halves */
};

struct hull {                       /* of one slice, in order around it */
    size_t count;
    struct point *point;
};

struct scope {                      /* what the functions here look at */
    const struct volume *volume, *labels;
    uint8_t label;
    const size_t *low, *high;
};

static const uint8_t *row_of(const struct scope *scope, size_t j, size_t k)
{
    const size_t *const size = scope->labels->size;

    return scope->labels->u8 + (k * size[1] + j) * size[0];
}

/* ---- sums ---- */

struct sums {
    size_t voxels;
    double volume_mm3, centroid[3], value, square, minimum, maximum;
};

static void add_slice(const struct scope *scope, size_t k, double shift, struct sums *sums)
{
    double i_sum = 0, j_sum = 0, mm[3];
    size_t voxels = 0;
    const double voxel_mm3 = volume_voxel_mm3(scope->volume, k);
    const size_t *const size = scope->labels->size;

    for (size_t j = scope->low[1]; j <= scope->high[1]; j++) {
        const uint8_t *const row = row_of(scope, j, k);
        for (size_t i = scope->low[0]; i <= scope->high[0]; i++) {
            if (row[i] != scope->label)
                continue;
            const double value = volume_value(scope->volume, (k * size[1] + j) * size[0] + i);
            voxels++;
            i_sum += (double)i;
            j_sum += (double)j;
            sums->value += value - shift;
            sums->square += (value - shift) * (value - shift);
            sums->minimum = fmin(sums->minimum, value);
            sums->maximum = fmax(sums->maximum, value);
        }
    }
    if (voxels == 0)
        return;
    const double n = (double)voxels;
    volume_to_patient(scope->volume, (const double[3]){ i_sum / n, j_sum / n, (double)k }, mm);
    for (int axis = 0; axis < 3; axis++)
        sums->centroid[axis] += n * voxel_mm3 * mm[axis];
    sums->voxels += voxels;
    sums->volume_mm3 += n * voxel_mm3;
}

/* The first value is taken off before squares are summed, so that the SD keeps its digits. */
static double first_value(const struct scope *scope)
{
    const size_t *const size = scope->labels->size;

    for (size_t k = scope->low[2]; k <= scope->high[2]; k++)
        for (size_t j = scope->low[1]; j <= scope->high[1]; j++)
            for (size_t i = scope->low[0]; i <= scope->high[0]; i++)
                if (row_of(scope, j, k)[i] == scope->label)
                    return volume_value(scope->volume, (k * size[1] + j) * size[0] + i);
    return 0;
}

static bool measure_sums(const struct scope *scope, struct lesion *lesion, struct error *err)
{
    struct sums sums = { .minimum = INFINITY, .maximum = -INFINITY };
    const double shift = first_value(scope);

    for (size_t k = scope->low[2]; k <= scope->high[2]; k++)
        add_slice(scope, k, shift, &sums);
    if (sums.voxels == 0)
        return error_set(err, ERROR_DATA, "no voxel has label %u", (unsigned)scope->label);
    const double n = (double)sums.voxels;
    lesion->voxels = sums.voxels;
    lesion->volume_mm3 = sums.volume_mm3;
    for (int axis = 0; axis < 3; axis++)
        lesion->centroid_mm[axis] = sums.centroid[axis] / sums.volume_mm3;
    lesion->mean = shift + sums.value / n;
    lesion->sd = sqrt(fmax(0, sums.square / n - (sums.value / n) * (sums.value / n)));
    lesion->minimum = sums.minimum;
    lesion->maximum = sums.maximum;
    return true;
}

/* ---- hulls ---- */

static double turn(struct point a, struct point b, struct point c)
{
    return (b.i - a.i) * (c.j - a.j) - (b.j - a.j) * (c.i - a.i);
}

/* Adds a point to a chain that turns one way only (Andrew's monotone chain). */
static size_t push(struct point *chain, size_t count, size_t bottom, struct point point)
{
    while (count >= bottom + 2 && turn(chain[count - 2], chain[count - 1], point) >= 0)
        count--;
    chain[count] = point;
    return count + 1;
}

/* The first or last voxel of the label in the row; false when there is none. */
static bool row_ends(const struct scope *scope, size_t j, size_t k, double *ret_first,
                     double *ret_last)
{
    const uint8_t *const row = row_of(scope, j, k);
    size_t first = scope->low[0], last = scope->high[0];

    while (first <= last && row[first] != scope->label)
        first++;
    if (first > last)
        return false;
    while (row[last] != scope->label)
        last--;
    *ret_first = (double)first;
    *ret_last = (double)last;
    return true;
}

/* Which points of a row's first and last voxel count. */
enum outline {
    OUTLINE_CORNERS,                /* its four corners: a pixel is a square */
    OUTLINE_FACES,                  /* the middles of its edges, where a mesh at 0.5 runs */
    OUTLINE_CENTRES
};

/* The points of a row's end at i, on the side of `out` (-1 or 1), by rising or falling j. */
static size_t push_end(struct point *chain, size_t count, size_t bottom,
                       enum outline outline, double i, double j, double out, double down)
{
    const double corner = outline == OUTLINE_CORNERS ? out / 2 : 0;

    if (outline != OUTLINE_CENTRES)
        count = push(chain, count, bottom, (struct point){ i + corner, j - down / 2 });
    if (outline == OUTLINE_FACES)
        count = push(chain, count, bottom, (struct point){ i + out / 2, j });
    return push(chain, count, bottom, outline == OUTLINE_CENTRES ? (struct point){ i, j }
                : (struct point){ i + corner, j + down / 2 });
}

/* Left ends by rising j, then right ends by falling j: once around. */
static void slice_hull(const struct scope *scope, size_t k, enum outline outline,
                       struct hull *hull)
{
    double first, last;
    size_t count = 0;

    for (size_t j = scope->low[1]; j <= scope->high[1]; j++)
        if (row_ends(scope, j, k, &first, &last))
            count = push_end(hull->point, count, 0, outline, first, (double)j, -1, 1);
    const size_t bottom = count;
    for (size_t j = scope->high[1] + 1; j-- > scope->low[1];)
        if (row_ends(scope, j, k, &first, &last))
            count = push_end(hull->point, count, bottom, outline, last, (double)j, 1, -1);
    hull->count = count;
}

/* ---- in the plane ---- */

struct plane {                      /* mm per step: the plane's metric, sheared grids included */
    double ii, ij, jj;
};

static double metric(const struct plane *plane, double di, double dj)
{
    return sqrt(plane->ii * di * di + 2 * plane->ij * di * dj + plane->jj * dj * dj);
}

static struct plane plane_of(const struct volume *volume)
{
    struct plane plane = { 0, 0, 0 };

    for (int axis = 0; axis < 3; axis++) {
        plane.ii += volume->affine[axis][0] * volume->affine[axis][0];
        plane.ij += volume->affine[axis][0] * volume->affine[axis][1];
        plane.jj += volume->affine[axis][1] * volume->affine[axis][1];
    }
    return plane;
}

static double longest_in_hull(const struct hull *hull, const struct plane *plane,
                              struct point ends[2])
{
    double longest = -1;

    for (size_t a = 0; a < hull->count; a++)
        for (size_t b = a + 1; b < hull->count; b++) {
            const double length = metric(plane, hull->point[b].i - hull->point[a].i,
                                         hull->point[b].j - hull->point[a].j);
            if (length > longest) {
                longest = length;
                ends[0] = hull->point[a];
                ends[1] = hull->point[b];
            }
        }
    return longest;
}

/*
 * The chord of the hull through `at` in direction `along`: where its edges cross that line,
 * as steps of `along`.
 */
static void chord_through(const struct hull *hull, struct point at, struct point along,
                          double *ret_low, double *ret_high)
{
    *ret_low = 0;
    *ret_high = 0;
    for (size_t n = 0; n < hull->count; n++) {
        const struct point a = hull->point[n], b = hull->point[(n + 1) % hull->count];
        const double side_a = along.i * (a.j - at.j) - along.j * (a.i - at.i);
        const double side_b = along.i * (b.j - at.j) - along.j * (b.i - at.i);
        if ((side_a > 0 && side_b > 0) || (side_a < 0 && side_b < 0) || side_a == side_b)
            continue;
        const double part = side_a / (side_a - side_b);
        const double i = a.i + part * (b.i - a.i) - at.i, j = a.j + part * (b.j - a.j) - at.j;
        const double step = (i * along.i + j * along.j)
            / (along.i * along.i + along.j * along.j);
        *ret_low = fmin(*ret_low, step);
        *ret_high = fmax(*ret_high, step);
    }
}

/* The direction perpendicular in mm to that from a to b, in voxel coordinates. */
static struct point perpendicular(const struct plane *plane, const struct point ends[2])
{
    const double di = ends[1].i - ends[0].i, dj = ends[1].j - ends[0].j;

    return (struct point){ -(plane->ij * di + plane->jj * dj), plane->ii * di + plane->ij * dj };
}

/*
 * The longest chord perpendicular to the long axis. Its length over the place along the axis
 * is concave and has its corners at the hull's, so that looking there finds the longest.
 */
static double short_axis(const struct hull *hull, const struct plane *plane,
                         const struct point long_ends[2], struct point ends[2])
{
    const struct point along = perpendicular(plane, long_ends);
    double longest = -1;

    for (size_t n = 0; n < hull->count; n++) {
        const struct point at = hull->point[n];
        double low, high;
        chord_through(hull, at, along, &low, &high);
        const double length = (high - low) * metric(plane, along.i, along.j);
        if (length <= longest)
            continue;
        longest = length;
        ends[0] = (struct point){ at.i + low * along.i, at.j + low * along.j };
        ends[1] = (struct point){ at.i + high * along.i, at.j + high * along.j };
    }
    return longest;
}

static void to_patient(const struct volume *volume, const struct point ends[2], size_t k,
                       double ret_mm[2][3])
{
    for (int n = 0; n < 2; n++)
        volume_to_patient(volume, (const double[3]){ ends[n].i, ends[n].j, (double)k },
                          ret_mm[n]);
}

static void measure_axial(const struct scope *scope, const struct hull *hulls,
                          struct lesion *lesion)
{
    const struct plane plane = plane_of(scope->volume);
    struct point ends[2] = { { 0, 0 }, { 0, 0 } }, best[2] = { ends[0], ends[1] };
    struct point across[2] = { ends[0], ends[1] };

    lesion->axial_long_mm = -1;
    for (size_t k = scope->low[2]; k <= scope->high[2]; k++) {
        const double length = longest_in_hull(&hulls[k - scope->low[2]], &plane, ends);
        if (length <= lesion->axial_long_mm)
            continue;
        lesion->axial_long_mm = length;
        lesion->axial_slice = k;
        memcpy(best, ends, sizeof best);
    }
    const struct hull *const hull = &hulls[lesion->axial_slice - scope->low[2]];
    lesion->axial_short_mm = short_axis(hull, &plane, best, across);
    to_patient(scope->volume, best, lesion->axial_slice, lesion->long_axis_mm);
    to_patient(scope->volume, across, lesion->axial_slice, lesion->short_axis_mm);
}

/* ---- in space ---- */

struct layer {                      /* the outermost points of a plane */
    double (*point)[3];
    size_t count;
    double low[3], high[3];         /* the box around them */
};

static double square_of(const double from[3], const double to[3])
{
    const double x = to[0] - from[0], y = to[1] - from[1], z = to[2] - from[2];

    return x * x + y * y + z * z;
}

/* The hull's points in the plane `k`, which may lie between slices. */
static void lift(const struct volume *volume, const struct hull *hull, double k,
                 struct layer *layer)
{
    layer->count = hull->count;
    for (int axis = 0; axis < 3; axis++) {
        layer->low[axis] = INFINITY;
        layer->high[axis] = -INFINITY;
    }
    for (size_t n = 0; n < hull->count; n++) {
        double *const mm = layer->point[n];
        volume_to_patient(volume, (const double[3]){ hull->point[n].i, hull->point[n].j, k },
                          mm);
        for (int axis = 0; axis < 3; axis++) {
            layer->low[axis] = fmin(layer->low[axis], mm[axis]);
            layer->high[axis] = fmax(layer->high[axis], mm[axis]);
        }
    }
}

/* The square of what no two points of the layers can be farther apart than. */
static double farthest(const struct layer *a, const struct layer *b)
{
    double square = 0;

    for (int axis = 0; axis < 3; axis++) {
        const double there = b->high[axis] - a->low[axis], back = a->high[axis] - b->low[axis];
        const double most = fmax(fabs(there), fabs(back));
        square += most * most;
    }
    return square;
}

static double longest_between(const struct layer *a, const struct layer *b, double longest)
{
    for (size_t m = 0; m < a->count; m++)
        for (size_t n = 0; n < b->count; n++)
            longest = fmax(longest, square_of(a->point[m], b->point[n]));
    return longest;
}

/* The layers farthest apart come first, so that the boxes of most others rule them out. */
static double longest_of(const struct layer *layers, size_t count)
{
    double longest = 0;

    for (size_t apart = count; apart-- > 0;)
        for (size_t n = 0; n + apart < count; n++)
            if (layers[n].count > 0 && layers[n + apart].count > 0
                && farthest(&layers[n], &layers[n + apart]) > longest)
                longest = longest_between(&layers[n], &layers[n + apart], longest);
    return sqrt(longest);
}

static bool add_layer(const struct scope *scope, const struct hull *hull, double k,
                      struct layer *layer, struct arena *arena, struct error *err)
{
    layer->point = arena_take(arena, hull->count, sizeof *layer->point, err);
    if (layer->point == NULL)
        return false;
    lift(scope->volume, hull, k, layer);
    return true;
}

/* Middles of the voxels' faces: those inside slices, and those half a slice off. */
static bool measure_longest(const struct scope *scope, struct hull *spare,
                            struct lesion *lesion, struct arena *arena, struct error *err)
{
    const size_t slices = scope->high[2] - scope->low[2] + 1;
    struct layer *const layers = arena_take(arena, 3 * slices, sizeof *layers, err);
    struct layer *layer = layers;

    if (layers == NULL)
        return false;
    for (size_t n = 0; n < slices; n++, layer += 3) {
        const size_t slice = scope->low[2] + n;
        const double k = (double)slice;
        slice_hull(scope, slice, OUTLINE_CENTRES, spare);
        if (!add_layer(scope, spare, k - 0.5, layer, arena, err)
            || !add_layer(scope, spare, k + 0.5, layer + 2, arena, err))
            return false;
        slice_hull(scope, slice, OUTLINE_FACES, spare);
        if (!add_layer(scope, spare, k, layer + 1, arena, err))
            return false;
    }
    lesion->longest_mm = longest_of(layers, 3 * slices);
    return true;
}

static bool measure_hulls(const struct scope *scope, struct lesion *lesion,
                          struct arena *arena, struct error *err)
{
    const size_t slices = scope->high[2] - scope->low[2] + 1;
    const size_t most = 6 * (scope->high[1] - scope->low[1] + 1) + 2;
    struct hull *const hulls = arena_take(arena, slices + 1, sizeof *hulls, err);

    if (hulls == NULL)
        return false;
    for (size_t n = 0; n <= slices; n++) {
        hulls[n].point = arena_take(arena, most, sizeof *hulls[n].point, err);
        if (hulls[n].point == NULL)
            return false;
        if (n < slices)
            slice_hull(scope, scope->low[2] + n, OUTLINE_CORNERS, &hulls[n]);
    }
    measure_axial(scope, hulls, lesion);
    return measure_longest(scope, &hulls[slices], lesion, arena, err);
}

bool measure_lesion(const struct volume *volume, const struct volume *labels,
                    struct lesion *lesion, struct arena *arena, struct error *err)
{
    const struct scope scope = { volume, labels, (uint8_t)lesion->label, lesion->low,
                                 lesion->high };
    const size_t mark = arena_mark(arena);
    const bool good = measure_sums(&scope, lesion, err)
        && measure_hulls(&scope, lesion, arena, err);

    arena_rewind(arena, mark);
    return good || error_prefix(err, "measuring region %u", (unsigned)lesion->label);
}
