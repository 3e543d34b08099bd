/*
 * Quality: what the numbers are, in three passes over the voxels.
 *
 * Padding is the value that most corners of slices have in common. A peak is the highest place
 * of a histogram of 1 HU, smoothed over 11; that of fat must part from that of soft tissue. Noise is the mode of the SDs of blocks of 6 x 6
 * voxels around a plane fitted to each (the global noise index of Christianson 2015, AJR 205).
 * Motion: let s be a slice, blurred to pixels of about 2 mm, r the mean of its two neighbours
 * and g the gradient of r; the shift d = -(sum g gT)^-1 sum g (s - r) is the one that explains
 * their difference best. The value is the 90th percentile of |d| over the slices: anatomy that
 * moves on evenly from slice to slice gives none. Shifts of more than a pixel are told too short.
 */
#include "analysis/quality.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"

#define PARTS 16                    /* of the slices: fixed, so that threads change no sum */
#define LEVELS 8192                 /* HU: one each from LOWEST_HU; else of the volume's range */
#define LOWEST_HU (-4096.0)
#define SMOOTH 5                    /* bins to both sides */
#define SIDE 6                      /* of a block whose noise is measured */
#define SPREADS 1024                /* classes of SD */
#define SPREAD_HU 0.5               /* their width */
#define SPREAD_PART 0.0025          /* … of an SD over its mean */
#define NOISE_SLICES 64             /* at most so many are looked at for noise */
#define LEAST_BLOCKS 50
#define PIXEL_MM 2.0                /* of the slices that are compared for motion */

struct slice_facts {
    float low, high, lowest;            /* lowest: without padding */
    size_t at_low, at_high, at_pad;     /* voxels that have the volume's lowest value … */
    size_t box[4];                      /* first and last column and row with more than padding */
    bool content;
    size_t border, reached;             /* of the field of view, and by the body */
};

struct look {
    const struct volume *volume;
    bool is_hu, padded, bad;
    float low, high, pad;
    float body;                         /* what is above it is body */
    float top;                          /* HU 500, else the 99th percentile: no metal, no vessel */
    float *scratch;                     /* a slice and a line for each part */
    uint32_t *levels, *spreads;         /* histograms of each part */
    struct slice_facts *slice;
    size_t block, small[2];             /* motion: pixels of a block and its images' size */
    float *image;
    size_t noise_step, row_step;
};

/* What a part has of the scratch. */
static size_t scratch_of(const struct look *look)
{
    return (look->volume->size[1] + 1) * look->volume->size[0];
}

static size_t plane_of(const struct look *look)
{
    return look->volume->size[0] * look->volume->size[1];
}

/* The slice as floats in the part's scratch. */
static const float *fetch(const struct look *look, size_t part, size_t k)
{
    const struct volume *const volume = look->volume;
    const size_t count = plane_of(look);
    float *const to = look->scratch + part * scratch_of(look);

    if (volume->type == VOXEL_FLOAT32)
        return volume->f32 + k * count;
    if (volume->type == VOXEL_INT16)
        for (size_t i = 0; i < count; i++)
            to[i] = (float)(volume->i16[k * count + i] * volume->slope + volume->intercept);
    else
        for (size_t i = 0; i < count; i++)
            to[i] = (float)volume_value(volume, k * count + i);
    return to;
}

static void slices_of(const struct look *look, size_t part, size_t *ret_first, size_t *ret_end)
{
    *ret_first = part * look->volume->size[2] / PARTS;
    *ret_end = (part + 1) * look->volume->size[2] / PARTS;
}

/* ---- first pass: the range ---- */

static void range_part(size_t part, void *context)
{
    struct look *const look = context;
    size_t k, end;

    for (slices_of(look, part, &k, &end); k < end; k++) {
        const float *const voxel = fetch(look, part, k);
        float low = voxel[0], high = voxel[0], zero = 0;
        for (size_t i = 0; i < plane_of(look); i++) {
            low = voxel[i] < low ? voxel[i] : low;
            high = voxel[i] > high ? voxel[i] : high;
            zero += voxel[i] * 0;               /* not 0 where one is not finite */
        }
        look->slice[k].low = zero == 0 ? low : NAN;
        look->slice[k].high = high;
    }
}

/* Whether most corners of all slices have one value, that of the first corner in the middle. */
static void find_padding(struct look *look)
{
    const struct volume *const volume = look->volume;
    const size_t width = volume->size[0], plane = plane_of(look), slices = volume->size[2];
    const size_t corner[4] = { 0, width - 1, plane - width, plane - 1 };
    size_t same = 0;

    look->pad = (float)volume_value(volume, slices / 2 * plane);
    for (size_t k = 0; k < slices; k++)
        for (int c = 0; c < 4; c++)
            same += (float)volume_value(volume, k * plane + corner[c]) == look->pad;
    look->padded = 2 * same > 4 * slices;
}

static bool find_range(struct look *look, int threads, struct error *err)
{
    pool_run(threads, PARTS, range_part, look);
    look->low = look->slice[0].low;
    look->high = look->slice[0].high;
    for (size_t k = 0; k < look->volume->size[2]; k++) {
        if (isnan(look->slice[k].low))
            return error_set(err, ERROR_DATA, "a voxel of slice %zu is not finite", k + 1);
        look->low = fminf(look->low, look->slice[k].low);
        look->high = fmaxf(look->high, look->slice[k].high);
    }
    find_padding(look);
    return true;
}

/* ---- second pass: how often each value is there ---- */

/* Every row of a small slice, every other one of a large one. */
static void count_levels(const struct look *look, const float *voxel, uint32_t *levels)
{
    const double base = look->is_hu ? LOWEST_HU : (double)look->low;
    const float add = (float)-base;
    const float times = look->is_hu ? 1 : (float)((LEVELS - 1) / ((double)look->high - base));

    for (size_t j = 0; j < look->volume->size[1]; j += look->row_step)
        for (size_t i = 0; i < look->volume->size[0]; i++) {
            const float value = voxel[j * look->volume->size[0] + i];
            const float at = (value + add) * times;
            const float kept = at > 0 ? at < LEVELS - 1 ? at : LEVELS - 1 : 0;
            levels[(size_t)kept] += !look->padded || value != look->pad;
        }
}

static void count_extremes(const struct look *look, const float *voxel,
                           struct slice_facts *facts)
{
    const float low = look->low, high = look->high, pad = look->padded ? look->pad : NAN;
    uint32_t at_low = 0, at_high = 0, at_pad = 0;
    float lowest = INFINITY;

    for (size_t i = 0; i < plane_of(look); i++) {
        const float value = voxel[i];
        const float other = value == pad ? INFINITY : value;
        at_low += value == low;
        at_high += value == high;
        at_pad += value == pad;
        lowest = other < lowest ? other : lowest;
    }
    facts->at_low = at_low;
    facts->at_high = at_high;
    facts->at_pad = at_pad;
    facts->lowest = lowest;
}

/* The box of what is not padding. */
static void find_box(const struct look *look, const float *voxel, struct slice_facts *facts)
{
    const size_t width = look->volume->size[0];

    facts->box[0] = facts->box[2] = SIZE_MAX;
    for (size_t j = 0; j < look->volume->size[1]; j++) {
        const float *const row = voxel + j * width;
        size_t first = 0, last = width;
        while (first < width && look->padded && row[first] == look->pad)
            first++;
        if (first == width)
            continue;
        while (look->padded && row[last - 1] == look->pad)
            last--;
        facts->box[0] = first < facts->box[0] ? first : facts->box[0];
        facts->box[1] = last - 1 > facts->box[1] ? last - 1 : facts->box[1];
        facts->box[2] = j < facts->box[2] ? j : facts->box[2];
        facts->box[3] = j;
        facts->content = true;
    }
}

static void count_part(size_t part, void *context)
{
    struct look *const look = context;
    size_t k, end;

    for (slices_of(look, part, &k, &end); k < end; k++) {
        const float *const voxel = fetch(look, part, k);
        count_extremes(look, voxel, &look->slice[k]);
        find_box(look, voxel, &look->slice[k]);
        count_levels(look, voxel, look->levels + part * LEVELS);
    }
}

/* Adds the parts' histograms up in the first. */
static void add_up(uint32_t *histogram, size_t bins)
{
    for (size_t part = 1; part < PARTS; part++)
        for (size_t i = 0; i < bins; i++)
            histogram[i] += histogram[part * bins + i];
}

static uint64_t share(const uint32_t *levels, double low, double high)
{
    uint64_t sum = 0;

    for (double hu = fmax(low, LOWEST_HU); hu <= fmin(high, LOWEST_HU + LEVELS - 1); hu++)
        sum += levels[(size_t)(hu - LOWEST_HU)];
    return sum;
}

static void set_thresholds(struct look *look)
{
    const uint64_t all = share(look->levels, LOWEST_HU, LOWEST_HU + LEVELS);
    uint64_t passed = 0;
    size_t bin = 0;

    look->body = -500;
    look->top = 500;
    if (look->is_hu)
        return;
    while (bin < LEVELS - 1 && (double)(passed += look->levels[bin]) < 0.99 * (double)all)
        bin++;
    look->top = look->low + (look->high - look->low) * (float)(bin + 1) / LEVELS;
    look->body = look->low + 0.2f * (look->top - look->low);
}

/* ---- third pass: borders, noise, and small images ---- */

/* In HU the field is what is not padded; elsewhere the background may be, too, and it is all. */
static bool outside(const struct look *look, float value)
{
    return look->is_hu && look->padded && value == look->pad;
}

/* The first voxel of a line that is in the field, from one of its ends. */
static void reach(const struct look *look, const float *voxel, size_t count, ptrdiff_t step,
                  struct slice_facts *facts)
{
    while (count > 0 && outside(look, *voxel)) {
        voxel += step;
        count--;
    }
    facts->border += count > 0;
    facts->reached += count > 0 && *voxel > look->body;
}

static void look_at_border(const struct look *look, const float *voxel,
                           struct slice_facts *facts)
{
    const size_t width = look->volume->size[0], height = look->volume->size[1];
    const float *const last = voxel + width * (height - 1);

    for (size_t j = 0; j < height; j++) {
        reach(look, voxel + j * width, width, 1, facts);
        reach(look, voxel + j * width + width - 1, width, -1, facts);
    }
    for (size_t i = 0; i < width; i++) {
        reach(look, voxel + i, height, (ptrdiff_t)width, facts);
        reach(look, last + i, height, -(ptrdiff_t)width, facts);
    }
}

/* Soft tissue in HU; elsewhere a quarter of what is bright, and nothing that is a vessel. */
static bool is_tissue(const struct look *look, double mean, float low, float high)
{
    return look->is_hu ? mean > -150 && mean < 150 && low > -300 && high < 300
        : mean - look->low > 0.25 * (look->top - look->low) && high <= 2 * look->top;
}

/* The SD around the plane a + b i + c j; i and j count from the middle, so that sums part. */
static void measure_block(const struct look *look, const float *voxel, uint32_t *spreads)
{
    const double middle = (SIDE - 1) / 2.0, squares = SIDE * SIDE * (SIDE * SIDE - 1) / 12.0;
    double sum = 0, square = 0, along_i = 0, along_j = 0;
    float low = INFINITY, high = -INFINITY;

    for (size_t j = 0; j < SIDE; j++)
        for (size_t i = 0; i < SIDE; i++) {
            const float value = voxel[j * look->volume->size[0] + i];
            low = value < low ? value : low;
            high = value > high ? value : high;
            sum += value;
            square += (double)value * value;
            along_i += ((double)i - middle) * value;
            along_j += ((double)j - middle) * value;
        }
    const double mean = sum / (SIDE * SIDE);
    if (!is_tissue(look, mean, low, high))
        return;
    const double rest = square - sum * mean - (along_i * along_i + along_j * along_j) / squares;
    const double sd = sqrt(fmax(rest, 0) / (SIDE * SIDE - 3));
    const double at = look->is_hu ? sd / SPREAD_HU : sd / (mean - look->low) / SPREAD_PART;
    spreads[at < SPREADS ? (size_t)at : SPREADS - 1]++;
}

static void look_at_noise(const struct look *look, const float *voxel, uint32_t *spreads)
{
    const size_t width = look->volume->size[0], height = look->volume->size[1];

    for (size_t j = 0; j + SIDE <= height; j += SIDE)
        for (size_t i = 0; i + SIDE <= width; i += SIDE)
            measure_block(look, voxel + j * width + i, spreads);
}

/* Means of blocks, of values between air and the top. */
static void shrink(const struct look *look, const float *voxel, float *line, float *to)
{
    const size_t width = look->volume->size[0], block = look->block;
    const float bottom = look->is_hu ? -1000 : look->low, top = look->top;

    for (size_t y = 0; y < look->small[1]; y++) {
        memset(line, 0, width * sizeof *line);
        for (size_t j = 0; j < block; j++)
            for (size_t i = 0; i < width; i++) {
                const float value = voxel[(y * block + j) * width + i];
                line[i] += value < bottom ? bottom : value > top ? top : value;
            }
        for (size_t x = 0; x < look->small[0]; x++) {
            float sum = 0;
            for (size_t i = 0; i < block; i++)
                sum += line[x * block + i];
            to[y * look->small[0] + x] = sum / (float)(block * block);
        }
    }
}

static void look_part(size_t part, void *context)
{
    struct look *const look = context;
    size_t k, end;

    for (slices_of(look, part, &k, &end); k < end; k++) {
        const float *const voxel = fetch(look, part, k);
        if (look->slice[k].low < look->slice[k].high)
            look_at_border(look, voxel, &look->slice[k]);
        if (k % look->noise_step == 0)
            look_at_noise(look, voxel, look->spreads + part * SPREADS);
        shrink(look, voxel, look->scratch + (part + 1) * scratch_of(look) - look->volume->size[0],
               look->image + k * look->small[0] * look->small[1]);
    }
}

/* ---- HU ---- */

/* Voxels that would be air or soft tissue if `add` were added. */
static uint64_t plausible(const uint32_t *levels, double add)
{
    return share(levels, -1050 - add, -950 - add) + share(levels, -200 - add, 200 - add);
}

/* The addend that makes the most of them plausible; 0 unless another wins by 15 % of all. */
static double find_offset(const uint32_t *levels, uint64_t all)
{
    const uint64_t now = plausible(levels, 0);
    uint64_t most = now + (uint64_t)(0.15 * (double)all);
    double best = 0;

    for (double size = 8; size < 4096; size += 8)
        for (int sign = -1; sign <= 1; sign += 2) {
            const uint64_t count = plausible(levels, sign * size);
            if (count > most) {
                most = count;
                best = sign * size;
            }
        }
    return best;
}

static uint64_t smooth_at(const uint32_t *levels, double hu)
{
    return share(levels, hu - SMOOTH, hu + SMOOTH);
}

/* The highest place in [low, high] of the smoothed histogram, unless it is at an end. */
static bool find_peak(const uint32_t *levels, double low, double high, uint64_t least,
                      double *ret_peak)
{
    uint64_t most = 0;
    double peak = low;

    for (double hu = low; hu <= high; hu++)
        if (smooth_at(levels, hu) > most) {
            most = smooth_at(levels, hu);
            peak = hu;
        }
    *ret_peak = peak;
    return peak > low && peak < high && share(levels, peak - 25, peak + 25) >= least;
}

/* Between fat and soft tissue there is a valley; without it the noise has made them one. */
static bool has_valley(const uint32_t *levels, double peak)
{
    const double height = (double)smooth_at(levels, peak);
    double valley = height;

    for (double hu = peak; hu <= 120; hu++) {
        const double count = (double)smooth_at(levels, hu);
        if (valley < 0.9 * height && count > 1.1 * valley)
            return true;
        valley = fmin(valley, count);
    }
    return false;
}

static void judge_hu(const struct look *look, const struct quality_rules *rules,
                     struct quality *quality)
{
    const uint32_t *const levels = look->levels;
    const uint64_t all = share(levels, LOWEST_HU, LOWEST_HU + LEVELS);
    const bool air_pad = look->padded && look->pad > -1100 && look->pad < -900;
    float lowest = air_pad ? look->pad : INFINITY;
    double peak;

    for (size_t k = 0; k < look->volume->size[2]; k++)
        lowest = fminf(lowest, look->slice[k].lowest);
    if (all > 0)
        quality_judge(rules, QUALITY_UNITS, UNIT_HU, fabs(find_offset(levels, all)), quality);
    if (isfinite(lowest))
        quality_judge(rules, QUALITY_LOWEST, UNIT_HU, lowest, quality);
    if (find_peak(levels, -1100, -870, all / 50 + 1, &peak))
        quality_judge(rules, QUALITY_AIR, UNIT_HU, fabs(peak + 1000), quality);
    if (find_peak(levels, -180, -30, all / 100 + 1, &peak) && has_valley(levels, peak))
        quality_judge(rules, QUALITY_FAT, UNIT_HU, fabs(peak + 100), quality);
}

/* ---- values ---- */

static void judge_values(const struct look *look, const struct quality_rules *rules,
                         struct quality *quality)
{
    const enum volume_unit unit = look->volume->unit;
    const double count = (double)volume_count(look->volume);
    size_t low = 0, high = 0, pad = 0;

    for (size_t k = 0; k < look->volume->size[2]; k++) {
        low += look->slice[k].at_low;
        high += look->slice[k].at_high;
        pad += look->slice[k].at_pad;
    }
    const double most = fmax(fmax((double)low, (double)high), (double)pad);
    quality_judge(rules, QUALITY_CONSTANT, unit, most / count, quality);
    if ((double)pad < count)
        quality_judge(rules, QUALITY_CLIPPED, unit,
                      (double)high / (count - (double)pad), quality);
}

/* What lies outside the box of all that is not padding. */
static void judge_padding(const struct look *look, const struct quality_rules *rules,
                          struct quality *quality)
{
    const size_t *const size = look->volume->size;
    size_t box[4] = { SIZE_MAX, 0, SIZE_MAX, 0 }, first = SIZE_MAX, last = 0;

    for (size_t k = 0; k < size[2]; k++) {
        const struct slice_facts *const facts = &look->slice[k];
        if (!facts->content)
            continue;
        first = first == SIZE_MAX ? k : first;
        last = k;
        for (int side = 0; side < 4; side += 2) {
            box[side] = facts->box[side] < box[side] ? facts->box[side] : box[side];
            box[side + 1] = facts->box[side + 1] > box[side + 1] ? facts->box[side + 1]
                : box[side + 1];
        }
    }
    const double inside = first == SIZE_MAX ? 0
        : (double)(box[1] - box[0] + 1) * (double)(box[3] - box[2] + 1)
            * (double)(last - first + 1);
    quality_judge(rules, QUALITY_PADDING, look->volume->unit,
                  1 - inside / (double)volume_count(look->volume), quality);
}

/* ---- slices ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static void judge_blank(const struct look *look, const struct quality_rules *rules,
                        struct quality *quality)
{
    size_t first = SIZE_MAX, last = 0, full = 0;

    for (size_t k = 0; k < look->volume->size[2]; k++)
        if (look->slice[k].low < look->slice[k].high) {
            first = first == SIZE_MAX ? k : first;
            last = k;
            full++;
        }
    if (full > 0)
        quality_judge(rules, QUALITY_BLANK, look->volume->unit,
                      (double)(last - first + 1 - full), quality);
}

static double along_normal(const struct volume *volume, size_t k)
{
    const double (*const a)[4] = volume->affine;
    const double *const at = volume->slices[k].position_mm;
    const double normal[3] = { a[1][0] * a[2][1] - a[2][0] * a[1][1],
                               a[2][0] * a[0][1] - a[0][0] * a[2][1],
                               a[0][0] * a[1][1] - a[1][0] * a[0][1] };

    return (at[0] * normal[0] + at[1] * normal[1] + at[2] * normal[2])
        / (volume_spacing_mm(volume, 0) * volume_spacing_mm(volume, 1));
}

/* `value` has a place for each slice. */
static void judge_gaps(const struct look *look, const struct quality_rules *rules,
                       double *value, struct quality *quality)
{
    const struct volume *const volume = look->volume;
    const size_t steps = volume->size[2] - 1;
    double worst = 0;

    if (volume->slices != NULL && steps > 0) {
        for (size_t k = 0; k < steps; k++)
            value[k] = fabs(along_normal(volume, k + 1) - along_normal(volume, k));
        qsort(value, steps, sizeof *value, compare_doubles);
        worst = value[steps / 2] > 0 ? value[steps - 1] / value[steps / 2] - 1 : 0;
    }
    quality_judge(rules, QUALITY_GAPS, volume->unit, worst, quality);
}

/* The shift of slice k against its neighbours' mean, in mm; NAN where there is no edge. */
static double shift_of(const struct look *look, size_t k)
{
    const size_t width = look->small[0], plane = width * look->small[1];
    const float *const slice = look->image + k * plane;
    const float *const a = slice - plane, *const b = slice + plane;
    double xx = 0, xy = 0, yy = 0, x = 0, y = 0;

    for (size_t j = 1; j + 1 < look->small[1]; j++)
        for (size_t at = j * width + 1; at + 1 < (j + 1) * width; at++) {
            const double gx = (a[at + 1] - a[at - 1] + b[at + 1] - b[at - 1]) / 4.0;
            const double gy = (a[at + width] - a[at - width] + b[at + width] - b[at - width])
                / 4.0;
            const double off = slice[at] - (a[at] + b[at]) / 2.0;
            xx += gx * gx;
            xy += gx * gy;
            yy += gy * gy;
            x += gx * off;
            y += gy * off;
        }
    const double det = xx * yy - xy * xy;
    if (!(det > 1e-6 * (xx + yy) * (xx + yy)) || xx + yy == 0)
        return NAN;
    return hypot((yy * x - xy * y) / det * volume_spacing_mm(look->volume, 0),
                 (xx * y - xy * x) / det * volume_spacing_mm(look->volume, 1))
        * (double)look->block;
}

static void judge_motion(const struct look *look, const struct quality_rules *rules,
                         double *value, struct quality *quality)
{
    size_t count = 0;

    for (size_t k = 1; k + 1 < look->volume->size[2]; k++) {
        value[count] = shift_of(look, k);
        count += !isnan(value[count]);
    }
    if (count < 5)
        return;
    qsort(value, count, sizeof *value, compare_doubles);
    quality_judge(rules, QUALITY_MOTION, look->volume->unit, value[count * 9 / 10], quality);
}

/* ---- noise and borders ---- */

static void judge_noise(const struct look *look, const struct quality_rules *rules,
                        struct quality *quality)
{
    const double width = look->is_hu ? SPREAD_HU : SPREAD_PART;
    uint64_t all = 0, most = 0;
    size_t mode = 0;

    for (size_t i = 0; i < SPREADS; i++)
        all += look->spreads[i];
    for (size_t i = 0; i < SPREADS; i++) {
        uint64_t count = 0;
        for (size_t near = i < 2 ? 0 : i - 2; near <= i + 2 && near < SPREADS; near++)
            count += look->spreads[near];
        if (count > most) {
            most = count;
            mode = i;
        }
    }
    if (all >= LEAST_BLOCKS)
        quality_judge(rules, QUALITY_NOISE, look->volume->unit, ((double)mode + 0.5) * width,
                      quality);
}

static void judge_truncation(const struct look *look, const struct quality_rules *rules,
                             struct quality *quality)
{
    size_t border = 0, reached = 0;

    for (size_t k = 0; k < look->volume->size[2]; k++) {
        border += look->slice[k].border;
        reached += look->slice[k].reached;
    }
    if (border > 0)
        quality_judge(rules, QUALITY_TRUNCATED, look->volume->unit,
                      (double)reached / (double)border, quality);
}

/* ---- the whole ---- */

static bool prepare(struct look *look, struct arena *arena, struct error *err)
{
    const struct volume *const volume = look->volume;
    const double pixel = sqrt(volume_spacing_mm(volume, 0) * volume_spacing_mm(volume, 1));

    look->is_hu = volume->unit == UNIT_HU;
    look->block = (size_t)fmin(fmax(round(PIXEL_MM / pixel), 1), 8);
    look->small[0] = volume->size[0] / look->block;
    look->small[1] = volume->size[1] / look->block;
    look->noise_step = (volume->size[2] + NOISE_SLICES - 1) / NOISE_SLICES;
    look->row_step = volume->size[1] > 256 ? 2 : 1;
    look->scratch = arena_take(arena, PARTS * scratch_of(look), sizeof *look->scratch, err);
    look->levels = look->scratch == NULL ? NULL
        : arena_take_zeroed(arena, PARTS * LEVELS, sizeof *look->levels, err);
    look->spreads = look->levels == NULL ? NULL
        : arena_take_zeroed(arena, PARTS * SPREADS, sizeof *look->spreads, err);
    look->slice = look->spreads == NULL ? NULL
        : arena_take_zeroed(arena, volume->size[2], sizeof *look->slice, err);
    look->image = look->slice == NULL ? NULL
        : arena_take(arena, look->small[0] * look->small[1] * volume->size[2],
                     sizeof *look->image, err);
    return look->image != NULL;
}

static bool examine(struct look *look, const struct quality_rules *rules, int threads,
                    struct arena *arena, struct quality *quality, struct error *err)
{
    double *value;

    if (!prepare(look, arena, err) || !find_range(look, threads, err)
        || (value = arena_take(arena, look->volume->size[2], sizeof *value, err)) == NULL)
        return false;
    if (!(look->low < look->high)) {
        quality_judge(rules, QUALITY_CONSTANT, look->volume->unit, 1, quality);
        return true;
    }
    pool_run(threads, PARTS, count_part, look);
    add_up(look->levels, LEVELS);
    set_thresholds(look);
    pool_run(threads, PARTS, look_part, look);
    add_up(look->spreads, SPREADS);
    if (look->is_hu)
        judge_hu(look, rules, quality);
    judge_values(look, rules, quality);
    judge_padding(look, rules, quality);
    judge_blank(look, rules, quality);
    judge_gaps(look, rules, value, quality);
    judge_motion(look, rules, value, quality);
    judge_noise(look, rules, quality);
    judge_truncation(look, rules, quality);
    return true;
}

bool quality_examine(const struct volume *volume, const struct quality_rules *rules, int threads,
                     struct arena *arena, struct quality *ret_quality, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct look look = { .volume = volume };
    struct quality quality = { .examined = true };

    if (volume_count(volume) == 0)
        return error_set(err, ERROR_DATA, "no voxels");
    const bool good = examine(&look, rules, threads, arena, &quality, err);
    arena_rewind(arena, mark);
    if (good)
        *ret_quality = quality;
    return good || error_prefix(err, "quality");
}
