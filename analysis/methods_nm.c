/*
 * The method of NM (of methods.h): spots that stand out of what lies around them. Counts have no scale of
 * their own, so that neither a threshold nor a class tells a spot; what is wider than 48 mm across is
 * anatomy or too large to be told from it, and is left.
 */
#include "analysis/methods.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"
#include "analysis/gauss.h"
#include "analysis/opening.h"
#include "analysis/pet.h"
#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define BLUR_MM 5                   /* SD: a camera's FWHM of 12 mm is the filter that fits a point */
#define HALF_WIDTH_MM 24            /* the ball of the opening: narrower uptake is a spot */
#define AIR_PART 0.15               /* of the mean above the mean: less is air */
#define OUTLIER 8                   /* robust SDs of what the opening takes off */
#define LEAST_RATIO 1.5             /* to what lies around, at the top of the spot */
#define HALF 0.5                    /* of a spot's height: where its border lies (FWHM) */
#define LEAST_VOXELS 3

static void blur_of(const struct volume *volume, double ret_sigma[3])
{
    for (int axis = 0; axis < 3; axis++)
        ret_sigma[axis] = volume->size[axis] == 1 ? 0 : fmin(BLUR_MM / volume_spacing_mm(volume, axis), 64);
}

/* Three floats a voxel, masks and labels, runs, a queue. */
size_t methods_nm_spots_need(const struct methods_task *task)
{
    const size_t count = volume_count(task->volume);
    double sigma[3];

    blur_of(task->volume, sigma);
    return 40 * count + gauss_need(task->volume->size, sigma) + ((size_t)16 << 20);
}

/* ---- what stands out ---- */

struct spots {
    size_t count;
    float *smooth, *around;         /* counts; around: without spots */
    double air;
};

static double find_air(const float *values, size_t count)
{
    double sum = 0, above = 0;
    size_t above_count = 0;

    for (size_t i = 0; i < count; i++)
        sum += values[i];
    for (size_t i = 0; i < count; i++)
        if (values[i] > sum / (double)count) {
            above += values[i];
            above_count++;
        }
    return above_count > 0 ? AIR_PART * above / (double)above_count : 0;
}

/* Height above what lies around, in roots of that: noise of counts grows so. */
static float height(const struct spots *spots, size_t i)
{
    return (spots->smooth[i] - spots->around[i]) / sqrtf(fmaxf(spots->around[i], 1e-6f));
}

static int compare_floats(const void *a, const void *b)
{
    const float left = *(const float *)a, right = *(const float *)b;

    return left < right ? -1 : left > right;
}

/* Median and 1.4826 × MAD of the heights in the body; false when there is none. */
static bool spread(const struct spots *spots, float *values, double *ret_median, double *ret_sd)
{
    size_t found = 0;

    for (size_t i = 0; i < spots->count; i++)
        if (spots->around[i] > spots->air)
            values[found++] = height(spots, i);
    if (found < LEAST_VOXELS)
        return false;
    qsort(values, found, sizeof *values, compare_floats);
    const float median = values[found / 2];
    for (size_t i = 0; i < found; i++)
        values[i] = fabsf(values[i] - median);
    qsort(values, found, sizeof *values, compare_floats);
    *ret_median = median;
    *ret_sd = 1.4826 * values[found / 2];
    return true;
}

static void mark_spots(const struct spots *spots, double limit, uint8_t *mask)
{
    for (size_t i = 0; i < spots->count; i++)
        mask[i] = spots->around[i] > spots->air && height(spots, i) > limit
            && spots->smooth[i] >= LEAST_RATIO * spots->around[i];
}

/* Each marked part grows from its top down to half of its height, inside its box and what is marked low. */
static bool grow_spots(const struct methods_task *task, struct spots *spots, uint8_t *mask,
                       struct arena *arena, struct error *err)
{
    struct volume excess = *task->volume;
    struct components parts;

    for (size_t i = 0; i < spots->count; i++)
        spots->smooth[i] -= spots->around[i];
    excess.type = VOXEL_FLOAT32;
    excess.f32 = spots->smooth;
    if (!components_find(mask, task->volume->size, 1, CONNECTIVITY_26, arena, &parts, err))
        return false;
    memset(mask, 0, spots->count);
    for (size_t c = 0; c < parts.count; c++) {
        struct pet_box box;
        size_t top = 0;
        memcpy(box.low, parts.component[c].low, sizeof box.low);
        memcpy(box.high, parts.component[c].high, sizeof box.high);
        if (!pet_hottest(&excess, &box, mask, &top))
            continue;
        box = pet_box_grow(task->volume, &box, HALF_WIDTH_MM);
        if (!pet_grow(&excess, &box, top, HALF * spots->smooth[top], mask, arena, err))
            return false;
    }
    return true;
}

static bool find(const struct methods_task *task, uint8_t *mask, struct arena *arena,
                 struct findings *findings, struct error *err)
{
    const struct volume *const volume = task->volume;
    struct spots spots = { .count = volume_count(volume) };
    double sigma[3], median = 0, sd = 0;

    blur_of(volume, sigma);
    spots.smooth = arena_take(arena, spots.count, sizeof *spots.smooth, err);
    spots.around = spots.smooth == NULL ? NULL : arena_take(arena, spots.count, sizeof *spots.around, err);
    float *const scratch = spots.around == NULL ? NULL : arena_take(arena, spots.count, sizeof *scratch, err);
    if (scratch == NULL
        || !gauss_apply(volume, sigma, spots.smooth, task->parameters->threads, arena, err))
        return false;
    opening_ball(volume, spots.smooth, HALF_WIDTH_MM, spots.around, scratch, task->parameters->threads);
    spots.air = find_air(spots.smooth, spots.count);
    memset(mask, 0, spots.count);
    if (!spread(&spots, scratch, &median, &sd))
        return true;
    mark_spots(&spots, median + OUTLIER * sd, mask);
    findings->window_center = find_air(spots.smooth, spots.count) / AIR_PART * 2;
    findings->window_width = 2 * findings->window_center;
    return grow_spots(task, &spots, mask, arena, err);
}

bool methods_nm_spots(const struct methods_task *task, struct arena *arena, struct findings *findings,
                      struct error *err)
{
    const struct analysis_parameters *const parameters = task->parameters;
    const struct volume *const volume = task->volume;
    uint8_t *const mask = arena_take(arena, volume_count(volume), 1, err);
    const struct regions_rules rules = {
        .connectivity = CONNECTIVITY_26, .split = parameters->split, .kind = FINDING_CANDIDATE,
        .least_mm3 = fmax(parameters->min_lesion_mm3, (LEAST_VOXELS - 0.5) * volume_voxel_mm3(volume, 0)),
        .threads = parameters->threads
    };

    if (mask == NULL)
        return false;
    for (size_t i = 0; i < volume_count(volume); i++)
        if (!isfinite(volume_value(volume, i)))
            return error_set(err, ERROR_DATA, "voxel %zu is not finite", i);
    text_format(findings->rule, sizeof findings->rule, "spots narrower than %d mm, %g robust SDs and %g times "
                "above what lies around, to half of their height", 2 * HALF_WIDTH_MM, (double)OUTLIER, LEAST_RATIO);
    if (!find(task, mask, arena, findings, err) || !regions_tell(volume, mask, &rules, arena, findings, err))
        return false;
    if (parameters->window_width > 0) {
        findings->window_width = parameters->window_width;
        findings->window_center = parameters->window_center;
    }
    if (findings->count > 0)
        findings_warn(findings, "normal uptake (heart, bladder, glands) cannot be told from tumour by its height: "
                      "every region is a candidate");
    return true;
}
