/* Levels: range, field, levels, smoothing, noise. */
#include "analysis/levels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/number.h"
#include "analysis/otsu.h"
#include "analysis/pool.h"
#include "analysis/smooth.h"
#include "analysis/vector.h"
#include "util/arena.h"
#include "util/error.h"

#define SAMPLES 200000              /* of a volume, for percentiles, field and noise */
#define FIELD_ROUNDS 4
#define FIELD_EVERY 4               /* th sample is enough for twenty terms */
#define LOW_PERCENT 0.5
#define HIGH_PERCENT 99.9
#define BLOCK 256                   /* voxels of a row at a time */
#define FIELD_LIMIT 2               /* logarithm: far from tissue a cubic may be anything */

/* The n-th of about SAMPLES voxels spread over the volume; false after the last. */
static bool sample_at(const struct volume *volume, size_t n, size_t ret_voxel[3],
                      size_t *ret_index)
{
    const size_t count = volume_count(volume);
    size_t step = count / SAMPLES + 1;

    if (step % 2 == 0 && volume->size[0] % 2 == 0)
        step++;                     /* an even step would see every other column only */
    const size_t index = n * step;
    if (index >= count)
        return false;
    ret_voxel[0] = index % volume->size[0];
    ret_voxel[1] = index / volume->size[0] % volume->size[1];
    ret_voxel[2] = index / volume->size[0] / volume->size[1];
    *ret_index = index;
    return true;
}

/* ---- range ---- */

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static bool percentiles(const struct volume *volume, struct arena *arena, double *ret_low,
                        double *ret_high, struct error *err)
{
    const size_t mark = arena_mark(arena);
    double *const value = arena_take(arena, 2 * SAMPLES, sizeof *value, err);
    size_t count = 0, voxel[3], index;

    if (value == NULL)
        return false;
    while (count < 2 * SAMPLES && sample_at(volume, count, voxel, &index))
        value[count++] = volume_value(volume, index);
    qsort(value, count, sizeof *value, compare);
    *ret_low = value[(size_t)(LOW_PERCENT / 100 * (double)(count - 1))];
    *ret_high = value[(size_t)(HIGH_PERCENT / 100 * (double)(count - 1))];
    if (*ret_high <= *ret_low) {        /* a few bright voxels in a blank field */
        *ret_low = value[0];
        *ret_high = value[count - 1];
    }
    arena_rewind(arena, mark);
    return true;
}

static bool check_finite(const struct volume *volume, struct error *err)
{
    if (!isfinite(volume->slope) || !isfinite(volume->intercept))
        return error_set(err, ERROR_DATA, "slope %g and intercept %g", volume->slope,
                         volume->intercept);
    if (volume->type != VOXEL_FLOAT32)
        return true;
    for (size_t i = 0; i < volume_count(volume); i++)
        if (!isfinite(volume->f32[i]))
            return error_set(err, ERROR_DATA, "voxel %zu is not finite", i);
    return true;
}

static bool find_range(const struct analysis_parameters *parameters, struct arena *arena,
                       struct levels *levels, struct error *err)
{
    double low, high;

    if (!check_finite(levels->volume, err)
        || !percentiles(levels->volume, arena, &low, &high, err))
        return false;
    if (!(low < high))
        return error_set(err, ERROR_DATA, "no contrast in %zu voxels",
                         volume_count(levels->volume));
    levels->low = low;
    levels->high = high;
    if (parameters->window_width > 0) {
        levels->low = parameters->window_center - parameters->window_width / 2;
        levels->high = parameters->window_center + parameters->window_width / 2;
    }
    return true;
}

/* ---- field ---- */

static int bin_of(const struct levels *levels, double value)
{
    const double part = (value - levels->low) / (levels->high - levels->low);

    return part <= 0 ? 0 : part >= 1 ? OTSU_BINS - 1 : (int)(part * (OTSU_BINS - 1) + 0.5);
}

struct tissue {                     /* samples above air, their values, logarithms of both */
    struct surface_sample *sample;
    double *value;
    size_t count;
};

static void collect_tissue(const struct levels *levels, struct tissue *tissue)
{
    const double air = 0.2 * levels->high;
    size_t voxel[3], index;

    for (size_t n = 0; sample_at(levels->volume, n, voxel, &index); n += FIELD_EVERY) {
        const double value = volume_value(levels->volume, index);
        if (value <= air || value <= 0)
            continue;
        memcpy(tissue->sample[tissue->count].voxel, voxel, sizeof voxel);
        tissue->value[tissue->count++] = value;
    }
}

/*
 * What a value is multiplied with where the field has this logarithm: exp(-x) as the eighth
 * power of a short series (0.25^11 / 11! is 6e-15), without branches, so that rows of it
 * become vectors.
 */
static inline double gain_of(double logarithm)
{
    const double limited = logarithm < -FIELD_LIMIT ? -FIELD_LIMIT
        : logarithm > FIELD_LIMIT ? FIELD_LIMIT : logarithm;
    const double x = limited / -8;
    double sum = 1 + x * (1.0 / 10);

    for (int term = 9; term > 0; term--)
        sum = 1 + x * (1.0 / term) * sum;
    sum *= sum;
    sum *= sum;
    return sum * sum;
}

/*
 * One round of Wells' idea (IEEE TMI 1996): classes of the values without the field found so
 * far, then the field as the smooth part of what the classes leave over.
 */
static bool refine_field(struct levels *levels, struct tissue *tissue)
{
    uint64_t histogram[OTSU_BINS] = { 0 };
    double sum[3] = { 0 }, count[3] = { 0 }, scale;
    int threshold[2];

    for (size_t n = 0; n < tissue->count; n++) {
        const size_t *const v = tissue->sample[n].voxel;
        tissue->sample[n].value = tissue->value[n]
            * gain_of(surface_at(&levels->field, v[0], v[1], v[2]));
        histogram[bin_of(levels, tissue->sample[n].value)]++;
    }
    if (!otsu3(histogram, threshold))
        return false;
    for (int pass = 0; pass < 2; pass++)
        for (size_t n = 0; n < tissue->count; n++) {
            const double flat = tissue->sample[n].value;
            const int bin = bin_of(levels, flat);
            const int class = (bin > threshold[0]) + (bin > threshold[1]);
            if (pass == 0) {
                sum[class] += number_log(flat);
                count[class]++;
            } else {
                tissue->sample[n].value = number_log(tissue->value[n]) - sum[class] / count[class];
            }
        }
    return surface_fit(tissue->sample, tissue->count, levels->volume->size, &levels->field,
                       &scale);
}

static bool find_field(struct arena *arena, struct levels *levels, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct tissue tissue = { .count = 0 };

    memset(&levels->field, 0, sizeof levels->field);
    memcpy(levels->field.size, levels->volume->size, sizeof levels->field.size);
    tissue.sample = arena_take(arena, SAMPLES, sizeof *tissue.sample, err);
    tissue.value = tissue.sample == NULL ? NULL
        : arena_take(arena, SAMPLES, sizeof *tissue.value, err);
    if (tissue.value == NULL)
        return false;
    collect_tissue(levels, &tissue);
    levels->flattened = true;
    for (int round = 0; round < FIELD_ROUNDS && levels->flattened; round++)
        levels->flattened = refine_field(levels, &tissue);
    arena_rewind(arena, mark);
    return true;
}

/* ---- levels ---- */

static double level_of(const struct levels *levels, double value)
{
    return (value - levels->low) / (levels->high - levels->low) * LEVELS_TOP;
}

double levels_raw(const struct levels *levels, size_t i, size_t j, size_t k)
{
    const size_t *const size = levels->volume->size;
    double value = volume_value(levels->volume, (k * size[1] + j) * size[0] + i);

    if (levels->flattened)
        value *= gain_of(surface_at(&levels->field, i, j, k));
    return level_of(levels, value);
}

double levels_to_value(const struct levels *levels, double difference)
{
    return difference / LEVELS_TOP * (levels->high - levels->low);
}

static uint16_t cut(double level)
{
    return level <= 0 ? 0 : level >= LEVELS_TOP ? LEVELS_TOP : (uint16_t)(level + 0.5);
}

struct filling {
    const struct levels *levels;
    const uint16_t *table;          /* of all int16 values, or NULL */
};

VECTOR_CLONES
static void gains_in_row(const struct surface *field, const double weight[4], size_t first,
                         size_t count, double *ret_gain)
{
    for (size_t i = 0; i < count; i++)
        ret_gain[i] = gain_of(surface_in_row(field, weight, first + i));
}

static void fill_row(const struct levels *levels, size_t j, size_t k)
{
    const size_t *const size = levels->volume->size;
    const size_t at = (k * size[1] + j) * size[0];
    double weight[4] = { 0 }, gain[BLOCK];

    surface_row(&levels->field, j, k, weight);
    for (size_t first = 0; first < size[0]; first += BLOCK) {
        const size_t count = size[0] - first < BLOCK ? size[0] - first : BLOCK;
        gains_in_row(&levels->field, weight, first, count, gain);
        for (size_t i = 0; i < count; i++) {
            const double value = volume_value(levels->volume, at + first + i);
            levels->smooth[at + first + i] = cut(level_of(levels, value * gain[i]));
        }
    }
}

static void fill_slice(size_t k, void *context)
{
    const struct filling *const filling = context;
    const struct levels *const levels = filling->levels;
    const size_t *const size = levels->volume->size;
    size_t at = k * size[1] * size[0];

    if (filling->table != NULL) {
        const int16_t *const from = levels->volume->i16;
        for (const size_t end = at + size[1] * size[0]; at < end; at++)
            levels->smooth[at] = filling->table[from[at] - INT16_MIN];
        return;
    }
    for (size_t j = 0; j < size[1]; j++)
        fill_row(levels, j, k);
}

static bool fill(struct levels *levels, int threads, struct arena *arena, struct error *err)
{
    const struct volume *const volume = levels->volume;
    const size_t mark = arena_mark(arena);
    uint16_t *table = NULL;

    if (volume->type == VOXEL_INT16 && !levels->flattened) {
        table = arena_take(arena, 65536, sizeof *table, err);
        if (table == NULL)
            return false;
        for (int value = INT16_MIN; value <= INT16_MAX; value++)
            table[value - INT16_MIN] = cut(level_of(levels, value * volume->slope
                                                        + volume->intercept));
    }
    struct filling filling = { levels, table };
    pool_run(threads, volume->size[2], fill_slice, &filling);
    arena_rewind(arena, mark);
    return true;
}

/* ---- smoothing and noise ---- */

/* One voxel in the finest direction, the same length in mm in the others. */
static void make_kernels(const struct volume *volume, struct kernel kernels[3])
{
    double finest = INFINITY;

    for (int axis = 0; axis < 3; axis++)
        finest = fmin(finest, volume_spacing_mm(volume, axis));
    for (int axis = 0; axis < 3; axis++)
        kernels[axis] = smooth_kernel(finest / volume_spacing_mm(volume, axis));
}

/*
 * What smoothing took away is noise: the SD of x - g*x is σ √(1 - 2 g₀ + Σ g²). Levels at the
 * window's ends tell nothing.
 */
static bool find_noise(struct levels *levels, const struct kernel kernels[3],
                       struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    double *const off = arena_take(arena, 2 * SAMPLES, sizeof *off, err);
    double center = 1, energy = 1;
    size_t count = 0, v[3], index;

    if (off == NULL)
        return false;
    for (size_t n = 0; count < 2 * SAMPLES && sample_at(levels->volume, n, v, &index); n++) {
        const double level = levels->smooth[index];
        if (level > 0.02 * LEVELS_TOP && level < 0.98 * LEVELS_TOP)
            off[count++] = fabs(levels_raw(levels, v[0], v[1], v[2]) - level);
    }
    for (int axis = 0; axis < 3; axis++) {
        center *= smooth_center(&kernels[axis]);
        energy *= smooth_energy(&kernels[axis]);
    }
    const double part = sqrt(fmax(1 - 2 * center + energy, 0.01));
    levels->noise = fmax(1.4826 * surface_median(off, count) / part, 0.5);
    arena_rewind(arena, mark);
    return true;
}

bool levels_make(const struct volume *volume, const struct analysis_parameters *parameters,
                 struct arena *arena, struct levels *ret_levels, struct error *err)
{
    struct levels levels = { .volume = volume };
    struct kernel kernels[3];

    levels.smooth = arena_take(arena, volume_count(volume), sizeof *levels.smooth, err);
    if (levels.smooth == NULL || !find_range(parameters, arena, &levels, err)
        || (parameters->flatten && !find_field(arena, &levels, err))
        || !fill(&levels, parameters->threads, arena, err))
        return false;
    make_kernels(volume, kernels);
    if (!smooth_apply(levels.smooth, volume->size, kernels, parameters->threads, arena, err)
        || !find_noise(&levels, kernels, arena, err))
        return false;
    *ret_levels = levels;
    return true;
}
