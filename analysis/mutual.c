/* Mutual: samples in fixed parts, each with a histogram of its own, added up in their order. */
#include "analysis/mutual.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define PARTS 16
#define BINS 4096                   /* for the percentiles */
#define CELLS (MUTUAL_CLASSES * MUTUAL_CLASSES)
#define BACKGROUND 0.5f             /* a class below which a voxel shows nothing */
#define FEWER 8                     /* of the background one in so many */
#define LEAST_OVERLAP 0.25

/* ---- images ---- */

struct shrink {
    const struct volume *volume;
    struct mutual_image *image;
    size_t block[3];
};

static void shrink_slice(size_t k, void *context)
{
    const struct shrink *const shrink = context;
    const size_t *const block = shrink->block, *const size = shrink->image->size;
    const size_t *const from = shrink->volume->size;
    const double part = 1.0 / (double)(block[0] * block[1] * block[2]);

    for (size_t j = 0; j < size[1]; j++)
        for (size_t i = 0; i < size[0]; i++) {
            double sum = 0;
            for (size_t z = k * block[2]; z < (k + 1) * block[2]; z++)
                for (size_t y = j * block[1]; y < (j + 1) * block[1]; y++)
                    for (size_t x = i * block[0]; x < (i + 1) * block[0]; x++)
                        sum += volume_value(shrink->volume, (z * from[1] + y) * from[0] + x);
            shrink->image->voxel[(k * size[1] + j) * size[0] + i] = (float)(sum * part);
        }
}

static bool invert(const double a[3][4], double ret[3][4])
{
    double cofactor[3][3];

    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            const int r1 = (r + 1) % 3, r2 = (r + 2) % 3, c1 = (c + 1) % 3, c2 = (c + 2) % 3;
            cofactor[r][c] = a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1];
        }
    const double det = a[0][0] * cofactor[0][0] + a[0][1] * cofactor[0][1]
        + a[0][2] * cofactor[0][2];
    if (det == 0)
        return false;
    for (int r = 0; r < 3; r++) {
        ret[r][3] = 0;
        for (int c = 0; c < 3; c++) {
            ret[r][c] = cofactor[c][r] / det;
            ret[r][3] -= ret[r][c] * a[c][3];
        }
    }
    return true;
}

/* Between the percentiles 0.5 and 99.5 of all voxels that are not the lowest value. */
static bool to_classes(struct mutual_image *image, struct error *err)
{
    const size_t count = image->size[0] * image->size[1] * image->size[2];
    float low = INFINITY, high = -INFINITY;
    uint32_t bin[BINS] = { 0 };
    size_t all = 0, passed = 0, first = 0, last = 0;

    for (size_t i = 0; i < count; i++) {
        low = image->voxel[i] < low ? image->voxel[i] : low;
        high = image->voxel[i] > high ? image->voxel[i] : high;
    }
    if (!(low < high) || !isfinite(high - low))
        return error_set(err, ERROR_DATA, "no contrast to register by");
    for (size_t i = 0; i < count; i++)
        if (image->voxel[i] > low) {
            bin[(size_t)((image->voxel[i] - low) / (high - low) * (BINS - 1))]++;
            all++;
        }
    while (first < BINS - 1 && (double)(passed += bin[first]) < 0.005 * (double)all)
        first++;
    for (last = first; last < BINS - 1 && (double)passed < 0.995 * (double)all;)
        passed += bin[++last];
    const float bottom = low + (high - low) * (float)first / BINS;
    const float width = (high - low) * (float)(last - first + 1) / BINS;
    for (size_t i = 0; i < count; i++) {
        const float class = (image->voxel[i] - bottom) / width * (MUTUAL_CLASSES - 1);
        image->voxel[i] = class < 0 ? 0 : class > MUTUAL_CLASSES - 1 ? MUTUAL_CLASSES - 1 : class;
    }
    return true;
}

bool mutual_image(const struct volume *volume, double voxel_mm, int threads, struct arena *arena,
                  struct mutual_image *ret_image, struct error *err)
{
    struct mutual_image image;
    struct shrink shrink = { .volume = volume, .image = &image };

    if (!volume->even && volume->slices != NULL)
        return error_set(err, ERROR_UNSUPPORTED, "slices that lie unevenly are no grid");
    for (int axis = 0; axis < 3; axis++) {
        const double wide = voxel_mm / volume_spacing_mm(volume, axis) + 0.01;
        shrink.block[axis] = wide < 1 ? 1 : wide > (double)volume->size[axis]
            ? volume->size[axis] : (size_t)wide;
        image.size[axis] = volume->size[axis] / shrink.block[axis];
    }
    for (int row = 0; row < 3; row++) {
        image.affine[row][3] = volume->affine[row][3];
        for (int axis = 0; axis < 3; axis++) {
            image.affine[row][axis] = volume->affine[row][axis] * (double)shrink.block[axis];
            image.affine[row][3] += volume->affine[row][axis]
                * (double)(shrink.block[axis] - 1) / 2;
        }
    }
    image.voxel = arena_take(arena, image.size[0] * image.size[1] * image.size[2],
                             sizeof *image.voxel, err);
    if (image.voxel == NULL)
        return false;
    if (!invert(image.affine, image.inverse))
        return error_set(err, ERROR_DATA, "a volume that is flat in space");
    pool_run(threads, image.size[2], shrink_slice, &shrink);
    if (!to_classes(&image, err))
        return false;
    *ret_image = image;
    return true;
}

/* ---- samples ---- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/* Trilinear; false outside of the voxels' centres. */
static inline bool look_up(const struct mutual_image *image, const double at[3],
                           float *ret_value)
{
    size_t low[3];
    float part[3];

    for (int axis = 0; axis < 3; axis++) {
        const double last = (double)(image->size[axis] - 1);
        if (!(at[axis] >= 0 && at[axis] <= last))
            return false;
        low[axis] = (size_t)at[axis];
        if (low[axis] > 0 && (double)low[axis] == last)
            low[axis]--;
        part[axis] = (float)(at[axis] - (double)low[axis]);
    }
    const size_t row = image->size[0], plane = row * image->size[1];
    const size_t right = image->size[0] > 1, down = image->size[1] > 1 ? row : 0;
    const float *const a = image->voxel + low[2] * plane + low[1] * row + low[0];
    const float *const b = image->size[2] > 1 ? a + plane : a;
    const float a0 = a[0] + part[0] * (a[right] - a[0]);
    const float a1 = a[down] + part[0] * (a[down + right] - a[down]);
    const float b0 = b[0] + part[0] * (b[right] - b[0]);
    const float b1 = b[down] + part[0] * (b[down + right] - b[down]);
    const float near = a0 + part[1] * (a1 - a0), far = b0 + part[1] * (b1 - b0);
    *ret_value = near + part[2] * (far - near);
    return true;
}

static void transform(const double matrix[3][4], const double from[3], double to[3])
{
    for (int row = 0; row < 3; row++)
        to[row] = matrix[row][0] * from[0] + matrix[row][1] * from[1] + matrix[row][2] * from[2]
            + matrix[row][3];
}

/* The sample of voxel `index`, or false where its turn has not come. */
static bool take_sample(const struct mutual_image *image, size_t index, uint64_t every,
                        struct mutual_sample *sample)
{
    const uint64_t chance = mix(index);
    const size_t row = image->size[0], plane = row * image->size[1];
    const double voxel[3] = { (double)(index % row), (double)(index % plane / row),
                              (double)(index / plane) };
    const uint64_t turn = image->voxel[index] < BACKGROUND ? every * FEWER : every;
    double at[3];

    if ((chance >> 40) % turn != 0)
        return false;
    for (int axis = 0; axis < 3; axis++)
        at[axis] = voxel[axis] + (double)((chance >> (12 * axis)) & 0xfff) / 4096.0 - 0.5;
    if (!look_up(image, at, &sample->value))
        return false;
    transform(image->affine, at, sample->at_mm);
    return true;
}

static uint64_t count_turns(const struct mutual_image *image, size_t most)
{
    const size_t count = image->size[0] * image->size[1] * image->size[2];
    size_t inside = 0;

    for (size_t i = 0; i < count; i++)
        inside += image->voxel[i] >= BACKGROUND;
    const size_t weighted = inside + (count - inside) / FEWER;
    return weighted <= most ? 1 : (weighted + most - 1) / most;
}

bool mutual_new(const struct mutual_image *fixed, const struct mutual_image *moving, size_t most,
                int threads, struct arena *arena, struct mutual *ret_mutual, struct error *err)
{
    const size_t count = fixed->size[0] * fixed->size[1] * fixed->size[2];
    const uint64_t every = count_turns(fixed, most);
    struct mutual mutual = { .moving = *moving, .threads = threads };
    const size_t room = 2 * most + 1024 < count ? 2 * most + 1024 : count;

    mutual.sample = arena_take(arena, room, sizeof *mutual.sample, err);
    mutual.histogram = mutual.sample == NULL ? NULL
        : arena_take(arena, PARTS * CELLS, sizeof *mutual.histogram, err);
    if (mutual.histogram == NULL)
        return false;
    for (size_t i = 0; i < count && mutual.count < room; i++)
        mutual.count += take_sample(fixed, i, every, &mutual.sample[mutual.count]);
    *ret_mutual = mutual;
    return true;
}

void mutual_extent(const struct mutual *mutual, double ret_center_mm[3], double *ret_radius_mm)
{
    double sum[3] = { 0, 0, 0 }, distance = 0;
    size_t count = 0;

    for (size_t i = 0; i < mutual->count; i++)
        if (mutual->sample[i].value >= BACKGROUND) {
            for (int axis = 0; axis < 3; axis++)
                sum[axis] += mutual->sample[i].at_mm[axis];
            count++;
        }
    for (int axis = 0; axis < 3; axis++)
        ret_center_mm[axis] = count > 0 ? sum[axis] / (double)count : 0;
    for (size_t i = 0; i < mutual->count; i++) {
        const double *const at = mutual->sample[i].at_mm;
        if (mutual->sample[i].value >= BACKGROUND)
            distance += hypot(hypot(at[0] - ret_center_mm[0], at[1] - ret_center_mm[1]),
                              at[2] - ret_center_mm[2]);
    }
    *ret_radius_mm = count > 0 ? distance / (double)count : 0;
}

void mutual_center(const struct mutual_image *image, double ret_center_mm[3])
{
    double sum[3] = { 0, 0, 0 };
    size_t index = 0, count = 0;

    for (size_t k = 0; k < image->size[2]; k++)
        for (size_t j = 0; j < image->size[1]; j++)
            for (size_t i = 0; i < image->size[0]; i++, index++)
                if (image->voxel[index] >= BACKGROUND) {
                    sum[0] += (double)i;
                    sum[1] += (double)j;
                    sum[2] += (double)k;
                    count++;
                }
    for (int axis = 0; axis < 3; axis++)
        sum[axis] /= (double)(count > 0 ? count : 1);
    transform(image->affine, sum, ret_center_mm);
}

/* ---- the measure ---- */

struct moved {
    const struct mutual *mutual;
    double matrix[3][4];                /* from the fixed patient space to moving voxels */
};

/* The moving value counts for the classes on both its sides, so that the measure is smooth. */
static void count_part(size_t part, void *context)
{
    const struct moved *const moved = context;
    const struct mutual *const mutual = moved->mutual;
    double *const histogram = mutual->histogram + part * CELLS;
    const size_t end = (part + 1) * mutual->count / PARTS;
    double at[3];
    float value;

    memset(histogram, 0, CELLS * sizeof *histogram);
    for (size_t i = part * mutual->count / PARTS; i < end; i++) {
        transform(moved->matrix, mutual->sample[i].at_mm, at);
        if (!look_up(&mutual->moving, at, &value))
            continue;
        const size_t class = (size_t)value;
        const size_t low = class < MUTUAL_CLASSES - 1 ? class : MUTUAL_CLASSES - 2;
        double *const row = histogram
            + (size_t)(mutual->sample[i].value + 0.5f) * MUTUAL_CLASSES + low;
        row[0] += 1 - (double)(value - (float)low);
        row[1] += (double)(value - (float)low);
    }
}

static double entropy(const double *counts, size_t count, double all)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        if (counts[i] > 0)
            sum -= counts[i] / all * log(counts[i] / all);
    return sum;
}

double mutual_measure(const struct mutual *mutual, const double matrix[4][4])
{
    double joint[CELLS] = { 0 }, fixed[MUTUAL_CLASSES] = { 0 }, moving[MUTUAL_CLASSES] = { 0 };
    struct moved moved = { .mutual = mutual };
    double all = 0;

    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++) {
            moved.matrix[row][column] = column == 3 ? mutual->moving.inverse[row][3] : 0;
            for (int i = 0; i < 3; i++)
                moved.matrix[row][column] += mutual->moving.inverse[row][i] * matrix[i][column];
        }
    pool_run(mutual->threads, PARTS, count_part, &moved);
    for (size_t part = 0; part < PARTS; part++)
        for (size_t i = 0; i < CELLS; i++)
            joint[i] += mutual->histogram[part * CELLS + i];
    for (size_t i = 0; i < CELLS; i++) {
        fixed[i / MUTUAL_CLASSES] += joint[i];
        moving[i % MUTUAL_CLASSES] += joint[i];
        all += joint[i];
    }
    const double both = all < LEAST_OVERLAP * (double)mutual->count ? 0
        : entropy(joint, CELLS, all);
    return both <= 0 ? 0 : (entropy(fixed, MUTUAL_CLASSES, all)
                            + entropy(moving, MUTUAL_CLASSES, all)) / both;
}
