/* Features: the region is cut out with its box; values are sorted once, the mesh is made of the cut. */
#include "analysis/features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/mesh.h"
#include "analysis/number.h"
#include "analysis/spread.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define BYTES_A_FACE 64             /* of a mesh: less than a point and two triangles a face, with scratch */
#define LEAST_ROOM ((size_t)4 << 20)
#define ROOM_A_VOXEL 3

struct region {                     /* cut out of its volume */
    struct volume cut;              /* VOXEL_UINT8, 0 or 1 */
    size_t voxels, faces;           /* faces to what is outside */
    size_t low[3], high[3];         /* of its voxels, in the cut */
    double *value;                  /* of its voxels, in the order of the grid */
    double centre[3], weighted[3], covariance[3][3];    /* in mm, from the middle of the box's first voxel */
};

size_t features_room(const struct volume *volume)
{
    return ROOM_A_VOXEL * volume_count(volume) + LEAST_ROOM;
}

/* ---- the region ---- */

static bool is_in(const struct volume *cut, size_t i, size_t j, size_t k)
{
    const size_t *const size = cut->size;

    return i < size[0] && j < size[1] && k < size[2] && cut->u8[(k * size[1] + j) * size[0] + i] != 0;
}

/* Counts before anything large is taken. A coordinate below 0 wraps to one that is outside. */
static void count_faces(struct region *region)
{
    const size_t *const size = region->cut.size;

    for (size_t k = 0; k < size[2]; k++)
        for (size_t j = 0; j < size[1]; j++)
            for (size_t i = 0; i < size[0]; i++) {
                if (!is_in(&region->cut, i, j, k))
                    continue;
                const size_t at[3] = { i, j, k };
                for (int axis = 0; axis < 3; axis++) {
                    if (region->voxels == 0 || at[axis] < region->low[axis])
                        region->low[axis] = at[axis];
                    if (region->voxels == 0 || at[axis] > region->high[axis])
                        region->high[axis] = at[axis];
                }
                region->voxels++;
                region->faces += 6u - is_in(&region->cut, i - 1, j, k) - is_in(&region->cut, i + 1, j, k)
                    - is_in(&region->cut, i, j - 1, k) - is_in(&region->cut, i, j + 1, k)
                    - is_in(&region->cut, i, j, k - 1) - is_in(&region->cut, i, j, k + 1);
            }
}

static bool cut_out(const struct volume *labels, uint8_t label, const size_t low[3], const size_t high[3],
                    struct region *region, struct arena *arena, struct error *err)
{
    struct volume *const cut = &region->cut;
    const size_t *const size = labels->size;
    double origin[3];

    *cut = (struct volume){ .type = VOXEL_UINT8, .slope = 1, .even = labels->even };
    memcpy(cut->affine, labels->affine, sizeof cut->affine);
    volume_to_patient(labels, (const double[3]){ (double)low[0], (double)low[1], (double)low[2] }, origin);
    for (int axis = 0; axis < 3; axis++) {
        cut->size[axis] = high[axis] - low[axis] + 1;
        cut->affine[axis][3] = origin[axis];
    }
    cut->u8 = arena_take(arena, volume_count(cut), 1, err);
    if (cut->u8 == NULL)
        return false;
    if (labels->slices != NULL)
        cut->slices = labels->slices + low[2];
    uint8_t *to = cut->u8;
    for (size_t k = low[2]; k <= high[2]; k++)
        for (size_t j = low[1]; j <= high[1]; j++)
            for (size_t i = low[0]; i <= high[0]; i++)
                *to++ = labels->u8[(k * size[1] + j) * size[0] + i] == label;
    count_faces(region);
    return true;
}

/* ---- intensities ---- */

static double ratio(double over, double under)
{
    return under == 0 ? 0 : over / under;
}

static void take_values(const struct volume *volume, const size_t low[3], struct region *region)
{
    const size_t *const size = region->cut.size, *const whole = volume->size;
    size_t at = 0, count = 0;

    for (size_t k = 0; k < size[2]; k++)
        for (size_t j = 0; j < size[1]; j++)
            for (size_t i = 0; i < size[0]; i++)
                if (region->cut.u8[at++] != 0)
                    region->value[count++]
                        = volume_value(volume, ((low[2] + k) * whole[1] + low[1] + j) * whole[0]
                                       + low[0] + i);
}

/* Mean absolute distance from `centre` of what lies in [low, high]. */
static double deviation(const double *value, size_t count, double centre, double low, double high)
{
    double sum = 0;
    size_t taken = 0;

    for (size_t i = 0; i < count; i++)
        if (value[i] >= low && value[i] <= high) {
            sum += fabs(value[i] - centre);
            taken++;
        }
    return ratio(sum, (double)taken);
}

static double mean_between(const double *value, size_t count, double low, double high)
{
    double sum = 0;
    size_t taken = 0;

    for (size_t i = 0; i < count; i++)
        if (value[i] >= low && value[i] <= high) {
            sum += value[i];
            taken++;
        }
    return ratio(sum, (double)taken);
}

static void measure_moments(const double *value, size_t count, struct features_intensity *intensity)
{
    double sum = 0, second = 0, third = 0, fourth = 0;

    for (size_t i = 0; i < count; i++) {
        sum += value[i];
        intensity->energy += value[i] * value[i];
    }
    intensity->mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        const double away = value[i] - intensity->mean;
        second += away * away;
        third += away * away * away;
        fourth += away * away * away * away;
    }
    intensity->variance = second / (double)count;
    const double sd = sqrt(intensity->variance);
    intensity->skewness = ratio(third / (double)count, sd * sd * sd);
    intensity->kurtosis = intensity->variance == 0 ? 0
        : fourth / (double)count / (intensity->variance * intensity->variance) - 3;
    intensity->variation = ratio(sd, intensity->mean);
    intensity->root_mean_square = sqrt(intensity->energy / (double)count);
}

/* Sorts the values; what depends on their order was taken before. */
static void measure_intensity(double *value, size_t count, struct features_intensity *intensity)
{
    struct spread spread;

    measure_moments(value, count, intensity);
    spread_of(value, count, &spread);
    intensity->minimum = spread.minimum;
    intensity->median = spread.median;
    intensity->maximum = spread.maximum;
    intensity->p10 = spread_quantile(value, count, 0.1);
    intensity->p90 = spread_quantile(value, count, 0.9);
    intensity->interquartile = spread.quartile_3 - spread.quartile_1;
    intensity->range = spread.maximum - spread.minimum;
    intensity->quartile_dispersion = ratio(intensity->interquartile, spread.quartile_3 + spread.quartile_1);
    intensity->mean_deviation = deviation(value, count, intensity->mean, spread.minimum, spread.maximum);
    intensity->median_deviation = deviation(value, count, spread.median, spread.minimum, spread.maximum);
    intensity->robust_deviation
        = deviation(value, count, mean_between(value, count, intensity->p10, intensity->p90),
                    intensity->p10, intensity->p90);
}

/* ---- shape ---- */

/* Centres and their covariance (of a sample: n - 1), each voxel counting once. */
static void sum_places(struct region *region)
{
    const size_t *const size = region->cut.size;
    double values = 0;
    size_t at = 0, count = 0;

    for (int pass = 0; pass < 2; pass++, at = count = 0)
        for (size_t k = 0; k < size[2]; k++)
            for (size_t j = 0; j < size[1]; j++)
                for (size_t i = 0; i < size[0]; i++) {
                    double mm[3];
                    if (region->cut.u8[at++] == 0)
                        continue;
                    volume_to_patient(&region->cut, (const double[3]){ (double)i, (double)j, (double)k },
                                      mm);
                    const double value = region->value[count++];
                    values += pass == 0 ? value : 0;
                    for (int a = 0; a < 3; a++) {
                        if (pass == 0) {
                            region->centre[a] += mm[a] / (double)region->voxels;
                            region->weighted[a] += mm[a] * value;
                        }
                        for (int b = 0; b < 3 && pass == 1; b++)
                            region->covariance[a][b] += (mm[a] - region->centre[a])
                                * (mm[b] - region->centre[b]) / fmax((double)region->voxels - 1, 1);
                    }
                }
    for (int a = 0; a < 3; a++)
        region->weighted[a] = values == 0 ? region->centre[a] : region->weighted[a] / values;
}

/* Eigenvalues of a symmetric matrix, the largest first: Jacobi's rotations until nothing is left. */
static void eigenvalues(double m[3][3], double ret_value[3])
{
    for (int turn = 0; turn < 60; turn++) {
        const int p = turn % 3 == 2, q = turn % 3 == 0 ? 1 : 2;
        if (m[p][q] == 0)
            continue;
        const double half = (m[q][q] - m[p][p]) / (2 * m[p][q]);
        const double tangent = (half < 0 ? -1 : 1) / (fabs(half) + sqrt(half * half + 1));
        const double cosine = 1 / sqrt(tangent * tangent + 1), sine = tangent * cosine;
        for (int k = 0; k < 3; k++) {
            const double a = m[k][p], b = m[k][q];
            m[k][p] = cosine * a - sine * b;
            m[k][q] = sine * a + cosine * b;
        }
        for (int k = 0; k < 3; k++) {
            const double a = m[p][k], b = m[q][k];
            m[p][k] = cosine * a - sine * b;
            m[q][k] = sine * a + cosine * b;
        }
    }
    for (int n = 0; n < 3; n++)
        ret_value[n] = fmax(m[n][n], 0);
    for (int n = 0; n < 3; n++)
        for (int o = n + 1; o < 3; o++)
            if (ret_value[o] > ret_value[n]) {
                const double other = ret_value[n];
                ret_value[n] = ret_value[o];
                ret_value[o] = other;
            }
}

/* The box of the grid's axes, half a voxel beyond the outermost centres as the mesh is. */
static void measure_box(const struct region *region, struct features_shape *shape)
{
    double edge[3], volume = 1;

    for (int axis = 0; axis < 3; axis++) {
        double ends[2][3], square = 0;
        for (int end = 0; end < 2; end++) {
            double voxel[3] = { 0, 0, 0 };
            voxel[axis] = end == 0 ? (double)region->low[axis] - 0.5 : (double)region->high[axis] + 0.5;
            volume_to_patient(&region->cut, voxel, ends[end]);
        }
        for (int row = 0; row < 3; row++)
            square += (ends[1][row] - ends[0][row]) * (ends[1][row] - ends[0][row]);
        edge[axis] = sqrt(square);
        volume *= edge[axis];
    }
    shape->box_volume_density = ratio(shape->mesh_mm3, volume);
    shape->box_area_density = ratio(shape->area_mm2, 2 * (edge[0] * edge[1] + edge[1] * edge[2]
                                                          + edge[2] * edge[0]));
}

static void measure_roundness(struct features_shape *shape)
{
    const double pi = 3.14159265358979323846, volume = shape->mesh_mm3, area = shape->area_mm2;
    const double cube = 36 * pi * volume * volume;      /* of the area of a ball of that volume */

    shape->area_per_volume = ratio(area, volume);
    shape->compactness1 = ratio(volume, sqrt(pi) * area * sqrt(area));
    shape->compactness2 = ratio(cube, area * area * area);
    shape->sphericity = shape->compactness2 > 0 ? number_exp(number_log(shape->compactness2) / 3) : 0;
    shape->disproportion = ratio(1, shape->sphericity);
    shape->asphericity = shape->disproportion - 1;
}

static void measure_axes(struct region *region, struct features_shape *shape)
{
    double lambda[3], square = 0;

    sum_places(region);
    eigenvalues(region->covariance, lambda);
    for (int n = 0; n < 3; n++) {
        shape->axis_mm[n] = 4 * sqrt(lambda[n]);
        square += (region->weighted[n] - region->centre[n]) * (region->weighted[n] - region->centre[n]);
    }
    shape->shift_mm = sqrt(square);
    shape->elongation = ratio(shape->axis_mm[1], shape->axis_mm[0]);
    shape->flatness = ratio(shape->axis_mm[2], shape->axis_mm[0]);
}

static bool measure_shape(struct region *region, int threads, struct arena *arena,
                          struct features *features, struct error *err)
{
    struct features_shape *const shape = &features->shape;
    struct mesh mesh;

    if (!mesh_of_labels(&region->cut, 1, threads, arena, &mesh, err))
        return false;
    shape->mesh_mm3 = mesh_volume_mm3(&mesh);
    shape->area_mm2 = mesh_area_mm2(&mesh);
    measure_roundness(shape);
    measure_axes(region, shape);
    measure_box(region, shape);
    features->shape_known = true;
    return true;
}

/* ---- both ---- */

static bool measure(const struct volume *volume, const size_t low[3], int threads, struct region *region,
                    struct arena *arena, struct features *features, struct error *err)
{
    const size_t values = region->voxels * sizeof *region->value, box = volume_count(&region->cut);
    const size_t room = features_room(volume);

    if (values + box > room)
        return true;
    region->value = arena_take(arena, region->voxels, sizeof *region->value, err);
    if (region->value == NULL)
        return false;
    take_values(volume, low, region);
    if (volume->size[2] > 1 && values + 2 * box + region->faces * BYTES_A_FACE <= room
        && !measure_shape(region, threads, arena, features, err))
        return false;
    measure_intensity(region->value, region->voxels, &features->intensity);
    features->shape.integrated = features->intensity.mean * features->shape.mesh_mm3;
    features->intensity_known = true;
    return true;
}

bool features_measure(const struct volume *volume, const struct volume *labels, uint8_t label,
                      const size_t low[3], const size_t high[3], int threads, struct arena *arena,
                      struct features *ret_features, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct region region = { .voxels = 0 };

    memset(ret_features, 0, sizeof *ret_features);
    if (!cut_out(labels, label, low, high, &region, arena, err))
        return false;
    const bool good = region.voxels > 0
        ? measure(volume, low, threads, &region, arena, ret_features, err)
        : error_set(err, ERROR_DATA, "no voxel has the label %u", label);
    arena_rewind(arena, mark);
    return good;
}
