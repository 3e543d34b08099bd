/*
 * The method "organ-outliers" (of methods.h): what is darker or brighter than the organ that it lies in.
 * The organ's own median and 1.4826 · MAD say what is usual (Huber, Robust Statistics, 5.1: half of the
 * voxels may be anything); what is far from it makes cores, each is drawn to half of its height, and has
 * to be a blob: the difference of two Gaussians at its size (Lindeberg 1998) is small for a vessel.
 */
#include "analysis/methods.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/ball.h"
#include "analysis/components.h"
#include "analysis/gauss.h"
#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"

#define CLOSE_MM 6.0            /* notches so wide that a lesion at the surface makes in the organ's mask */
#define RIM_MM 3.0              /* at the surface voxels are half of something else */
#define WIDTH 0.7               /* of the Gaussian, in voxels: noise falls to a quarter, and small spheres keep their size */
#define MAD_TO_SD 1.4826        /* of a normal distribution */
#define FURTHEST 12.0           /* in SDs: gas or calcium must not outshine its neighbours in the Gaussian */
#define SAMPLE ((size_t)1 << 18)
#define FEWEST 500              /* voxels of which a median and MAD say something */
#define LEAST_CORE 4            /* voxels */
#define BLOB_STEP 1.6           /* of the two Gaussians, Marr and Hildreth's */
#define BLOB_SPHERE 0.37        /* what a sphere gives at σ = r/√3; an endless cylinder of the same size has 0 */
#define BLOB_LEAST 0.6          /* of that */
#define LEAST_SEAT 0.5          /* of its shell that has to be organ */
#define SPREAD 4.0              /* of the wider Gaussian that is summed */
#define MOST_STEPS 64           /* of either side */

struct place {                  /* the organ's box, and all that is made on it */
    const struct methods_task *task;
    size_t low[3], size[3];
    double spacing_mm[3], voxel_mm3;
    uint8_t *organ, *inner, *found;
    float *contrast;            /* to the median, smoothed within the organ; 0 outside */
    double median, scale, organ_mm3;
};

/* The organ's box is what is worked on: seldom more than a third of a scan; else the arena's limit says so. */
size_t methods_outliers_need(const struct methods_task *task)
{
    return 8 * volume_count(task->volume) + ((size_t)64 << 20);
}

static size_t count_of(const struct place *place)
{
    return place->size[0] * place->size[1] * place->size[2];
}

/* ---- the organ ---- */

static bool find_box(struct place *place, struct error *err)
{
    const struct volume *const volume = place->task->volume;
    const size_t *const size = volume->size;
    size_t high[3] = { 0 }, index = 0, at[3];

    memcpy(place->low, size, sizeof place->low);
    for (at[2] = 0; at[2] < size[2]; at[2]++)
        for (at[1] = 0; at[1] < size[1]; at[1]++)
            for (at[0] = 0; at[0] < size[0]; at[0]++, index++)
                for (int axis = 0; place->task->organ[index] != 0 && axis < 3; axis++) {
                    place->low[axis] = at[axis] < place->low[axis] ? at[axis] : place->low[axis];
                    high[axis] = at[axis] > high[axis] ? at[axis] : high[axis];
                }
    if (place->low[0] == size[0])
        return error_set(err, ERROR_DATA, "the organ's mask is empty");
    for (int axis = 0; axis < 3; axis++) {
        place->spacing_mm[axis] = volume_spacing_mm(volume, axis);
        const size_t margin = (size_t)(CLOSE_MM / place->spacing_mm[axis]) + 2;
        place->low[axis] -= margin < place->low[axis] ? margin : place->low[axis];
        high[axis] = high[axis] + margin < size[axis] ? high[axis] + margin : size[axis] - 1;
        place->size[axis] = high[axis] - place->low[axis] + 1;
    }
    place->voxel_mm3 = volume_voxel_mm3(volume, 0);
    return true;
}

/* Where row (j, k) of the box begins in the volume. */
static size_t row_of(const struct place *place, size_t j, size_t k)
{
    const size_t *const size = place->task->volume->size;

    return ((place->low[2] + k) * size[1] + place->low[1] + j) * size[0] + place->low[0];
}

static bool take_organ(struct place *place, struct arena *arena, struct error *err)
{
    const size_t count = count_of(place);
    const int threads = place->task->parameters->threads;
    size_t voxels = 0;

    place->organ = arena_take(arena, count, 1, err);
    place->inner = place->organ == NULL ? NULL : arena_take(arena, count, 1, err);
    place->found = place->inner == NULL ? NULL : arena_take_zeroed(arena, count, 1, err);
    place->contrast = place->found == NULL ? NULL : arena_take(arena, count, sizeof(float), err);
    if (place->contrast == NULL)
        return false;
    for (size_t k = 0; k < place->size[2]; k++)
        for (size_t j = 0; j < place->size[1]; j++)
            memcpy(place->organ + (k * place->size[1] + j) * place->size[0],
                   place->task->organ + row_of(place, j, k), place->size[0]);
    const size_t mark = arena_mark(arena);
    if (!ball_apply(BALL_CLOSE, place->organ, place->organ, place->size, place->spacing_mm, CLOSE_MM,
                    threads, arena, err)
        || !components_fill_holes(place->organ, place->size, false, arena, err)
        || !ball_apply(BALL_ERODE, place->organ, place->inner, place->size, place->spacing_mm, RIM_MM,
                       threads, arena, err))
        return false;
    arena_rewind(arena, mark);
    for (size_t at = 0; at < count; at++)
        voxels += place->organ[at];
    place->organ_mm3 = (double)voxels * place->voxel_mm3;
    return true;
}

/* ---- what is usual in it ---- */

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static double middle_of(float *value, size_t count)
{
    qsort(value, count, sizeof *value, compare_floats);
    return ((double)value[(count - 1) / 2] + (double)value[count / 2]) / 2;
}

/* Median and scale of the values that `contrast` holds, away from the organ's surface. */
static bool find_usual(struct place *place, struct arena *arena, struct error *err)
{
    const size_t count = count_of(place);
    size_t inside = 0, taken = 0;

    for (size_t at = 0; at < count; at++)
        inside += place->inner[at];
    if (inside < FEWEST)
        return error_set(err, ERROR_DATA, "%s: %zu voxels away from the organ's surface are too few to say what "
                         "is usual in it", place->task->parameters->method, inside);
    const size_t step = (inside + SAMPLE - 1) / SAMPLE, mark = arena_mark(arena);
    float *const value = arena_take(arena, inside / step + 1, sizeof *value, err);
    if (value == NULL)
        return false;
    for (size_t at = 0, seen = 0; at < count; at++)
        if (place->inner[at] && seen++ % step == 0)
            value[taken++] = place->contrast[at];
    place->median = middle_of(value, taken);
    for (size_t n = 0; n < taken; n++)
        value[n] = fabsf(value[n] - (float)place->median);
    place->scale = MAD_TO_SD * middle_of(value, taken);
    arena_rewind(arena, mark);
    return place->scale > 0
        || error_set(err, ERROR_DATA, "%s: the organ's values have no spread", place->task->parameters->method);
}

static bool take_values(struct place *place, struct arena *arena, struct error *err)
{
    size_t at = 0;

    for (size_t k = 0; k < place->size[2]; k++)
        for (size_t j = 0; j < place->size[1]; j++)
            for (size_t i = 0; i < place->size[0]; i++, at++) {
                place->contrast[at] = (float)volume_value(place->task->volume, row_of(place, j, k) + i);
                if (!isfinite(place->contrast[at]))
                    return error_set(err, ERROR_DATA, "the volume holds values that are no numbers");
            }
    return find_usual(place, arena, err);
}

/* A Gaussian narrower than a voxel, of organ alone: what lies around has no part in it. */
static bool smooth(struct place *place, struct arena *arena, struct error *err)
{
    const size_t count = count_of(place), mark = arena_mark(arena);
    const int threads = place->task->parameters->threads;
    const double *const mm = place->spacing_mm, sigma = WIDTH * fmax(1, fmin(mm[0], fmin(mm[1], mm[2])));
    const double sigmas[3] = { sigma / mm[0], sigma / mm[1], sigma / mm[2] };
    const float most = (float)(FURTHEST * place->scale);
    struct volume box = { .type = VOXEL_FLOAT32, .size = { place->size[0], place->size[1], place->size[2] },
                          .slope = 1, .even = true, .f32 = place->contrast };
    float *const sum = arena_take(arena, count, sizeof *sum, err);

    if (sum == NULL)
        return false;
    for (size_t at = 0; at < count; at++)
        place->contrast[at] = place->organ[at]
            ? fmaxf(-most, fminf(most, place->contrast[at] - (float)place->median)) : 0;
    if (!gauss_apply(&box, sigmas, sum, threads, arena, err))
        return false;
    box.type = VOXEL_UINT8;
    box.u8 = place->organ;
    if (!gauss_apply(&box, sigmas, place->contrast, threads, arena, err))
        return false;
    for (size_t at = 0; at < count; at++)
        place->contrast[at] = place->organ[at] ? sum[at] / place->contrast[at] : 0;
    arena_rewind(arena, mark);
    return true;
}

/* ---- a candidate ---- */

struct candidate {              /* in a box of its own within the organ's */
    size_t low[3], size[3];
    uint8_t *mask;
    double sign, level;         /* its height over (1) or under (-1) the median */
    double centroid[3];         /* voxels of its box */
    size_t voxels, shell, seat;
};

static size_t place_index(const struct place *place, const struct candidate *candidate, const size_t at[3])
{
    return ((candidate->low[2] + at[2]) * place->size[1] + candidate->low[1] + at[1]) * place->size[0]
        + candidate->low[0] + at[0];
}

/* The upper quartile of the core: its middle, without the slope at its border. */
static bool find_level(const struct place *place, const struct components *cores, size_t number,
                       struct candidate *candidate, struct arena *arena, struct error *err)
{
    const struct component *const core = &cores->component[number];
    const size_t mark = arena_mark(arena);
    float *const value = arena_take(arena, core->voxels, sizeof *value, err);
    size_t count = 0;

    if (value == NULL)
        return false;
    for (size_t k = core->low[2]; k <= core->high[2]; k++)
        for (size_t j = core->low[1]; j <= core->high[1]; j++) {
            const size_t row = k * place->size[1] + j;
            for (size_t r = cores->row[row]; r < cores->row[row + 1]; r++)
                for (size_t i = cores->run[r].first; cores->run[r].component == number
                     && i <= cores->run[r].last; i++)
                    value[count++] = (float)candidate->sign * place->contrast[row * place->size[0] + i];
        }
    qsort(value, count, sizeof *value, compare_floats);
    candidate->level = value[count - 1 - count / 4];
    arena_rewind(arena, mark);
    return true;
}

static bool take_core(const struct place *place, const struct components *cores, size_t number,
                      struct candidate *candidate, struct arena *arena, struct error *err)
{
    const struct component *const core = &cores->component[number];

    for (int axis = 0; axis < 3; axis++) {
        const size_t margin = (size_t)(2 * RIM_MM / place->spacing_mm[axis]) + 3;
        const size_t high = core->high[axis] + margin < place->size[axis] ? core->high[axis] + margin
            : place->size[axis] - 1;
        candidate->low[axis] = core->low[axis] > margin ? core->low[axis] - margin : 0;
        candidate->size[axis] = high - candidate->low[axis] + 1;
    }
    candidate->mask = arena_take_zeroed(arena, candidate->size[0] * candidate->size[1] * candidate->size[2],
                                        1, err);
    if (candidate->mask == NULL)
        return false;
    for (size_t k = core->low[2]; k <= core->high[2]; k++)
        for (size_t j = core->low[1]; j <= core->high[1]; j++)
            for (size_t r = cores->row[k * place->size[1] + j]; r < cores->row[k * place->size[1] + j + 1]; r++)
                if (cores->run[r].component == number)
                    memset(candidate->mask + ((k - candidate->low[2]) * candidate->size[1] + j
                                              - candidate->low[1]) * candidate->size[0]
                           + cores->run[r].first - candidate->low[0], 1,
                           cores->run[r].last - cores->run[r].first + 1);
    return true;
}

/* To half of its height, no farther than the rim that no core lies in, and in one piece. */
static bool draw(const struct place *place, struct candidate *candidate, struct arena *arena, struct error *err)
{
    const double *const mm = place->spacing_mm;
    const double reach = 1.5 * RIM_MM + fmax(mm[0], fmax(mm[1], mm[2]));
    struct components parts;
    size_t at[3], index = 0, largest = 0;

    if (!ball_apply(BALL_DILATE, candidate->mask, candidate->mask, candidate->size, mm, reach,
                    place->task->parameters->threads, arena, err))
        return false;
    for (at[2] = 0; at[2] < candidate->size[2]; at[2]++)
        for (at[1] = 0; at[1] < candidate->size[1]; at[1]++)
            for (at[0] = 0; at[0] < candidate->size[0]; at[0]++, index++)
                if (candidate->sign * (double)place->contrast[place_index(place, candidate, at)]
                    < candidate->level / 2)
                    candidate->mask[index] = 0;
    if (!components_find(candidate->mask, candidate->size, 1, CONNECTIVITY_6, arena, &parts, err))
        return false;
    for (size_t n = 1; n < parts.count; n++)
        largest = parts.component[n].voxels > parts.component[largest].voxels ? n : largest;
    for (size_t n = 0; n < parts.count; n++)
        if (n != largest)
            components_paint(&parts, n, 0, candidate->mask);
    return parts.count == 0 || components_fill_holes(candidate->mask, candidate->size, false, arena, err);
}

/* Is the voxel, which is none of the candidate, beside one? */
static bool touches(const struct candidate *candidate, const size_t at[3], size_t index)
{
    const size_t step[3] = { 1, candidate->size[0], candidate->size[0] * candidate->size[1] };
    bool found = false;

    for (int axis = 0; axis < 3; axis++)
        found |= (at[axis] > 0 && candidate->mask[index - step[axis]])
            || (at[axis] + 1 < candidate->size[axis] && candidate->mask[index + step[axis]]);
    return found;
}

static void measure(const struct place *place, struct candidate *candidate)
{
    size_t at[3], index = 0;

    for (at[2] = 0; at[2] < candidate->size[2]; at[2]++)
        for (at[1] = 0; at[1] < candidate->size[1]; at[1]++)
            for (at[0] = 0; at[0] < candidate->size[0]; at[0]++, index++)
                if (candidate->mask[index]) {
                    candidate->voxels++;
                    for (int axis = 0; axis < 3; axis++)
                        candidate->centroid[axis] += (double)at[axis];
                } else if (touches(candidate, at, index)) {
                    candidate->shell++;
                    candidate->seat += place->organ[place_index(place, candidate, at)];
                }
    for (int axis = 0; axis < 3 && candidate->voxels > 0; axis++)
        candidate->centroid[axis] /= (double)candidate->voxels;
}

/* ---- is it a blob? ---- */

struct steps {                  /* samples about the centre along one axis, and their weights */
    size_t count, at[2 * MOST_STEPS + 1];
    double weight[2 * MOST_STEPS + 1][2];
};

static void make_steps(const struct place *place, const struct candidate *candidate, int axis, double sigma_mm,
                       struct steps *steps)
{
    const double mm = place->spacing_mm[axis], wide = BLOB_STEP * sigma_mm;
    const double center = (double)candidate->low[axis] + candidate->centroid[axis];
    const long stride = (long)fmax(1, ceil(SPREAD * wide / mm / MOST_STEPS));
    const long first = lround(center);

    steps->count = 0;
    for (long n = -MOST_STEPS; n <= MOST_STEPS; n++) {
        const long at = first + n * stride;
        const double far = ((double)at - center) * mm;
        if (at < 0 || at >= (long)place->size[axis] || fabs(far) > SPREAD * wide)
            continue;
        steps->at[steps->count] = (size_t)at;
        steps->weight[steps->count][0] = exp(-far * far / (2 * sigma_mm * sigma_mm));
        steps->weight[steps->count++][1] = exp(-far * far / (2 * wide * wide));
    }
}

/* The difference of Gaussians of organ alone at the centre, over the candidate's height. */
static double blob(const struct place *place, const struct candidate *candidate)
{
    const double radius = cbrt(3 * (double)candidate->voxels * place->voxel_mm3 / (4 * M_PI));
    double sum[2] = { 0 }, weights[2] = { 0 };
    struct steps steps[3];

    for (int axis = 0; axis < 3; axis++)
        make_steps(place, candidate, axis, radius / sqrt(3), &steps[axis]);
    for (size_t k = 0; k < steps[2].count; k++)
        for (size_t j = 0; j < steps[1].count; j++)
            for (size_t i = 0; i < steps[0].count; i++) {
                const size_t at = (steps[2].at[k] * place->size[1] + steps[1].at[j]) * place->size[0]
                    + steps[0].at[i];
                const double height = candidate->sign * (double)place->contrast[at] / candidate->level;
                for (int n = 0; place->organ[at] && n < 2; n++) {
                    const double weight = steps[0].weight[i][n] * steps[1].weight[j][n] * steps[2].weight[k][n];
                    sum[n] += weight * fmax(0, fmin(1, height));
                    weights[n] += weight;
                }
            }
    return weights[0] > 0 ? sum[0] / weights[0] - sum[1] / weights[1] : 0;
}

static bool is_lesion(const struct place *place, const struct candidate *candidate)
{
    const struct analysis_parameters *const parameters = place->task->parameters;
    const double mm3 = (double)candidate->voxels * place->voxel_mm3;

    return candidate->voxels > 0 && mm3 >= parameters->min_lesion_mm3
        && mm3 <= parameters->max_fraction * place->organ_mm3
        && (double)candidate->seat >= LEAST_SEAT * (double)candidate->shell
        && blob(place, candidate) >= BLOB_LEAST * BLOB_SPHERE;
}

/* ---- all of them ---- */

static void keep(struct place *place, const struct candidate *candidate)
{
    size_t at[3], index = 0;

    for (at[2] = 0; at[2] < candidate->size[2]; at[2]++)
        for (at[1] = 0; at[1] < candidate->size[1]; at[1]++)
            for (at[0] = 0; at[0] < candidate->size[0]; at[0]++, index++)
                place->found[place_index(place, candidate, at)] |= candidate->mask[index];
}

static bool try_core(struct place *place, const struct components *cores, size_t number, double sign,
                     struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct candidate candidate = { .sign = sign };

    if ((double)cores->component[number].voxels * place->voxel_mm3
            > place->task->parameters->max_fraction * place->organ_mm3
        || cores->component[number].voxels < LEAST_CORE)
        return true;
    if (!find_level(place, cores, number, &candidate, arena, err)
        || !take_core(place, cores, number, &candidate, arena, err)
        || !draw(place, &candidate, arena, err))
        return false;
    measure(place, &candidate);
    if (is_lesion(place, &candidate))
        keep(place, &candidate);
    arena_rewind(arena, mark);
    return true;
}

static bool search(struct place *place, double sign, struct arena *arena, struct error *err)
{
    const size_t count = count_of(place), mark = arena_mark(arena);
    const double least = place->task->parameters->min_contrast * place->scale;
    uint8_t *const core = arena_take(arena, count, 1, err);
    struct components cores;

    if (core == NULL)
        return false;
    for (size_t at = 0; at < count; at++)
        core[at] = place->inner[at] && sign * (double)place->contrast[at] > least;
    if (!components_find(core, place->size, 1, CONNECTIVITY_6, arena, &cores, err))
        return false;
    for (size_t n = 0; n < cores.count; n++)
        if (!try_core(place, &cores, n, sign, arena, err))
            return false;
    arena_rewind(arena, mark);
    return true;
}

static bool tell(const struct place *place, struct arena *arena, struct findings *findings, struct error *err)
{
    const struct analysis_parameters *const parameters = place->task->parameters;
    const struct volume *const volume = place->task->volume;
    const bool own = parameters->window_width > 0;
    const struct regions_rules rules = {
        .connectivity = CONNECTIVITY_26, .least_mm3 = parameters->min_lesion_mm3,
        .split = parameters->split, .kind = FINDING_CANDIDATE, .threads = parameters->threads
    };
    uint8_t *const mask = arena_take_zeroed(arena, volume_count(volume), 1, err);

    if (mask == NULL)
        return false;
    for (size_t k = 0; k < place->size[2]; k++)
        for (size_t j = 0; j < place->size[1]; j++)
            memcpy(mask + row_of(place, j, k),
                   place->found + (k * place->size[1] + j) * place->size[0], place->size[0]);
    findings->window_center = own ? parameters->window_center : place->median;
    findings->window_width = own ? parameters->window_width : 2 * FURTHEST * place->scale;
    findings->noise_sd = (struct measure){ true, place->scale };
    return regions_tell(volume, mask, &rules, arena, findings, err);
}

bool methods_outliers(const struct methods_task *task, struct arena *arena, struct findings *findings,
                      struct error *err)
{
    struct place place = { .task = task };

    return find_box(&place, err) && take_organ(&place, arena, err) && take_values(&place, arena, err)
        && smooth(&place, arena, err)
        && (task->parameters->polarity == POLARITY_DARK || search(&place, 1, arena, err))
        && (task->parameters->polarity == POLARITY_BRIGHT || search(&place, -1, arena, err))
        && tell(&place, arena, findings, err);
}
