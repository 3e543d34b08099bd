/* Candidates: body, classes, and what stands out in parts of a class that are anatomy. */
#include "analysis/candidates.h"

#include <math.h>
#include <string.h>

#include "analysis/components.h"
#include "analysis/histogram.h"
#include "analysis/mask.h"
#include "analysis/otsu.h"
#include "util/arena.h"
#include "util/error.h"

#define BODY_HU (-400)              /* between lung and fat's border with air */
#define AIR_PART 0.15               /* of the mean level above the mean: air is below */
#define OPEN_BORDER 0.4             /* body on more of the border than this: no border of air */
#define RIM 2                       /* voxels at a part's surface that partial volume may spoil */
#define OUTLIER_SD 4
#define MAX_SAMPLES 200000
#define LEAST_PART 2000             /* voxels of a part in which a surface can be fitted */

/* ---- body ---- */

static double air_level(const struct levels *levels)
{
    const size_t count = volume_count(levels->volume);
    double sum = 0, above = 0;
    size_t above_count = 0;

    for (size_t i = 0; i < count; i++)
        sum += levels->smooth[i];
    const double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        if (levels->smooth[i] > mean) {
            above += levels->smooth[i];
            above_count++;
        }
    return above_count > 0 ? AIR_PART * above / (double)above_count : 0;
}

static void threshold_body(const struct levels *levels, uint8_t *body)
{
    const struct volume *const volume = levels->volume;
    const size_t count = volume_count(volume);

    if (volume->unit == UNIT_HU && volume->type == VOXEL_INT16 && volume->slope == 1) {
        const int limit = (int)fmin(fmax(BODY_HU - volume->intercept, INT16_MIN), INT16_MAX);
        for (size_t i = 0; i < count; i++)
            body[i] = volume->i16[i] > limit;
    } else if (volume->unit == UNIT_HU) {
        for (size_t i = 0; i < count; i++)
            body[i] = volume_value(volume, i) > BODY_HU;
    } else {
        const double air = air_level(levels);
        for (size_t i = 0; i < count; i++)
            body[i] = levels->smooth[i] > air;
    }
}

/* The part of the field's outline (in i and j) that is body. */
static double border_part(const uint8_t *body, const size_t size[3])
{
    size_t inside = 0, all = 0;

    for (size_t k = 0; k < size[2]; k++)
        for (size_t j = 0; j < size[1]; j++) {
            const uint8_t *const row = body + (k * size[1] + j) * size[0];
            const size_t step = j == 0 || j + 1 == size[1] || size[0] == 1 ? 1 : size[0] - 1;
            for (size_t i = 0; i < size[0]; i += step) {
                inside += row[i];
                all++;
            }
        }
    return (double)inside / (double)all;
}

static bool keep_largest(uint8_t *mask, const size_t size[3], struct arena *arena,
                         struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct components parts;
    size_t largest = 0;

    if (!components_find(mask, size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    for (size_t c = 1; c < parts.count; c++)
        if (parts.component[c].voxels > parts.component[largest].voxels)
            largest = c;
    memset(mask, 0, size[0] * size[1] * size[2]);
    if (parts.count > 0)
        components_paint(&parts, largest, 1, mask);
    arena_rewind(arena, mark);
    return true;
}

bool candidates_body(const struct levels *levels, uint8_t *body, int threads,
                     struct arena *arena, struct error *err)
{
    const size_t *const size = levels->volume->size;
    const size_t mark = arena_mark(arena);

    threshold_body(levels, body);
    if (border_part(body, size) > OPEN_BORDER) {
        memset(body, 1, volume_count(levels->volume));
        return true;
    }
    /* An opening cuts what hangs on by a thread: the table, sheets, noise. */
    uint8_t *const spare = arena_take(arena, volume_count(levels->volume), 1, err);
    if (spare == NULL)
        return false;
    mask_erode(body, spare, size, threads);
    mask_dilate(spare, body, size, threads);
    arena_rewind(arena, mark);
    return (keep_largest(body, size, arena, err)
            && components_fill_holes(body, size, true, arena, err))
        || error_prefix(err, "body");
}

/* ---- classes ---- */

static void erode_times(uint8_t *mask, uint8_t *spare, const size_t size[3], int times,
                        int threads)
{
    for (int t = 0; t < times; t++) {
        mask_erode(mask, spare, size, threads);
        memcpy(mask, spare, size[0] * size[1] * size[2]);
    }
}

/* The upper or the lower of the three classes, without thin connections; 0 classes are none. */
static void find_class(const struct levels *levels, const uint8_t *body, int sign,
                       enum otsu_bins bins, uint8_t *mask, uint8_t *spare, int threads)
{
    const size_t *const size = levels->volume->size;
    const size_t count = volume_count(levels->volume);
    uint64_t histogram[OTSU_BINS];
    int threshold[2];

    memcpy(mask, body, count);
    erode_times(mask, spare, size, RIM, threads);       /* the skin is neither tissue nor air */
    histogram_of_levels(levels->smooth, mask, count, threads, histogram);
    if (!(bins == OTSU_BINS_64 ? otsu3_of_64 : otsu3)(histogram, threshold)) {
        memset(mask, 0, count);
        return;
    }
    const int above = (threshold[1] + 1) * ((LEVELS_TOP + 1) / OTSU_BINS);
    const int below = (threshold[0] + 1) * ((LEVELS_TOP + 1) / OTSU_BINS);
    if (sign > 0)
        for (size_t i = 0; i < count; i++)
            spare[i] = (levels->smooth[i] >= above) & body[i];
    else
        for (size_t i = 0; i < count; i++)
            spare[i] = (levels->smooth[i] < below) & mask[i];
    mask_erode(spare, mask, size, threads);
    mask_dilate(mask, spare, size, threads);
    memcpy(mask, spare, count);
}

/* ---- within a part that is anatomy ---- */

struct inside {
    const struct levels *levels;
    const struct components *parts;     /* of the eroded part */
    struct surface surface;
    double limit;                       /* levels above the surface that stand out */
};

static size_t collect_samples(const struct inside *inside, size_t wanted,
                              struct surface_sample *sample)
{
    const struct components *const parts = inside->parts;
    const size_t *const size = parts->size;
    size_t count = 0, seen = 0, total = 0;

    for (size_t c = 0; c < parts->count; c++)
        total += parts->component[c].voxels;
    const size_t step = total / wanted + 1;
    for (size_t row = 0; row < size[1] * size[2]; row++)
        for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
            for (size_t i = parts->run[r].first; i <= parts->run[r].last; i++)
                if (seen++ % step == 0 && count < wanted) {
                    sample[count].voxel[0] = i;
                    sample[count].voxel[1] = row % size[1];
                    sample[count].voxel[2] = row / size[1];
                    sample[count++].value = inside->levels->smooth[row * size[0] + i];
                }
    return count;
}

static void paint_outliers(const struct inside *inside, int sign, uint8_t *mask)
{
    const struct components *const parts = inside->parts;
    const size_t *const size = parts->size;
    double weight[4];

    for (size_t row = 0; row < size[1] * size[2]; row++) {
        if (parts->row[row] == parts->row[row + 1])
            continue;
        surface_row(&inside->surface, row % size[1], row / size[1], weight);
        for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
            for (size_t i = parts->run[r].first; i <= parts->run[r].last; i++) {
                const double off = inside->levels->smooth[row * size[0] + i]
                    - surface_in_row(&inside->surface, weight, i);
                if (sign * off > inside->limit)
                    mask[row * size[0] + i] = 1;
            }
    }
}

/*
 * `part` holds one part of a class alone and is used up. Its own shading is fitted by a smooth
 * surface; what is OUTLIER_SD off, and half of the least contrast, stands out.
 */
static bool look_inside(const struct levels *levels, uint8_t *part,
                        const struct analysis_parameters *parameters, int sign,
                        uint8_t *mask, struct arena *arena, struct error *err)
{
    const size_t *const size = levels->volume->size;
    const size_t mark = arena_mark(arena);
    struct inside inside = { .levels = levels };
    struct components parts;
    double scale = 0;

    uint8_t *const spare = arena_take(arena, volume_count(levels->volume), 1, err);
    struct surface_sample *const sample = spare == NULL ? NULL
        : arena_take(arena, MAX_SAMPLES, sizeof *sample, err);
    if (sample == NULL)
        return false;
    erode_times(part, spare, size, RIM, parameters->threads);
    if (!components_find(part, size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    inside.parts = &parts;
    const size_t count = collect_samples(&inside, MAX_SAMPLES, sample);
    if (count >= LEAST_PART && surface_fit(sample, count, size, &inside.surface, &scale)) {
        inside.limit = fmax(OUTLIER_SD * scale, parameters->min_contrast / 2 * levels->noise);
        paint_outliers(&inside, sign, mask);
    }
    arena_rewind(arena, mark);
    return true;
}

/* Small parts of the class are candidates; large ones are looked into. */
static bool sort_parts(const struct levels *levels, const struct components *parts,
                       size_t largest, const struct analysis_parameters *parameters,
                       int sign, uint8_t *mask, uint8_t *spare, struct arena *arena,
                       struct error *err)
{
    memset(mask, 0, volume_count(levels->volume));
    for (size_t c = 0; c < parts->count; c++) {
        if (parts->component[c].voxels <= largest) {
            components_paint(parts, c, 1, mask);
            continue;
        }
        memset(spare, 0, volume_count(levels->volume));
        components_paint(parts, c, 1, spare);
        if (!look_inside(levels, spare, parameters, sign, mask, arena, err))
            return false;
    }
    return true;
}

bool candidates_find(const struct levels *levels, const uint8_t *body,
                     const struct analysis_parameters *parameters, int sign, uint8_t *mask,
                     uint8_t *spare, struct arena *arena, struct error *err)
{
    const size_t *const size = levels->volume->size;
    const size_t mark = arena_mark(arena), count = volume_count(levels->volume);
    struct components parts;
    size_t inside = 0;

    for (size_t i = 0; i < count; i++)
        inside += body[i];
    find_class(levels, body, sign, parameters->otsu_bins, mask, spare, parameters->threads);
    if (!components_find(mask, size, 1, CONNECTIVITY_26, arena, &parts, err)
        || !sort_parts(levels, &parts, (size_t)(parameters->max_fraction * (double)inside),
                       parameters, sign, mask, spare, arena, err))
        return error_prefix(err, "candidates");
    arena_rewind(arena, mark);
    mask_erode(mask, spare, size, parameters->threads);
    mask_dilate(spare, mask, size, parameters->threads);
    return components_fill_holes(mask, size, false, arena, err);
}
