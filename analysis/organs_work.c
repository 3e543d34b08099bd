/* Organs, within the house: blocks from voxels and labels back to voxels; shapes between. */
#include "analysis/organs_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/ball.h"
#include "analysis/distance.h"
#include "analysis/gauss.h"
#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define BLOCK_MM 3.0
#define STRAIGHT 0.966              /* the cosine of 15 degrees */
#define PADDING (-1024.0f)          /* what scanners write outside of their circle can be lower */
#define BYTES_A_BLOCK 50            /* of the arrays below, the sums and the lists of components */
#define STEP_BYTES 24               /* of struct step */

/* ---- the grid ---- */

/* Each axis of the patient gets the axis of the volume that runs most along it, the surest first. */
static void orient(struct organs_work *work)
{
    bool taken[3] = { false, false, false };

    for (int axis = 0; axis < 3; axis++)
        work->axis[axis] = -1;
    for (int round = 0; round < 3; round++) {
        double most = -1;
        int patient = 0, own = 0;
        for (int p = 0; p < 3; p++)
            for (int a = 0; work->axis[p] < 0 && a < 3; a++) {
                const double part = fabs(work->volume->affine[p][a])
                    / volume_spacing_mm(work->volume, a);
                if (!taken[a] && part > most) {
                    most = part;
                    patient = p;
                    own = a;
                }
            }
        taken[own] = true;
        work->oblique = work->oblique || most < STRAIGHT;
        work->axis[patient] = own;
        work->flip[patient] = work->volume->affine[patient][own] < 0;
    }
}

static size_t factor_of(double spacing_mm)
{
    return spacing_mm >= BLOCK_MM ? 1 : (size_t)(BLOCK_MM / spacing_mm + 1e-6);
}

static void make_grid(struct organs_work *work)
{
    work->count = 1;
    work->block_mm3 = 1;
    orient(work);
    for (int p = 0; p < 3; p++) {
        const size_t voxels = work->volume->size[work->axis[p]];
        const double spacing = volume_spacing_mm(work->volume, work->axis[p]);
        work->factor[p] = factor_of(spacing) < voxels ? factor_of(spacing) : voxels;
        work->size[p] = (voxels + work->factor[p] - 1) / work->factor[p];
        work->spacing_mm[p] = spacing * (double)work->factor[p];
        work->count *= work->size[p];
        work->block_mm3 *= work->spacing_mm[p];
    }
}

size_t organs_work_need(const struct volume *volume)
{
    struct organs_work work = { .volume = volume };

    make_grid(&work);
    const double sigma[3] = { 1, 1, 1 };
    const size_t most = distance_need(work.size), blurred = gauss_need(work.size, sigma);
    return BYTES_A_BLOCK * work.count + (most > blurred ? most : blurred)
        + STEP_BYTES * (volume->size[0] + volume->size[1] + volume->size[2]) + ((size_t)1 << 20);
}

/* ---- from voxels to blocks ---- */

struct shrink {
    struct organs_work *work;
    size_t *offset[3];              /* of the volume's axes: where a voxel's index leads to */
    uint32_t *voxels;               /* in each block */
    size_t slab;                    /* slices of the volume in a block */
    bool backwards;
};

static inline float value_at(const struct volume *volume, size_t index)
{
    const float value = volume->type == VOXEL_INT16
        ? (float)(volume->i16[index] * volume->slope + volume->intercept)
        : (float)volume_value(volume, index);

    return isfinite(value) ? value : 0;
}

static float least_of(const struct volume *volume)
{
    return volume->unit == UNIT_HU ? PADDING : -INFINITY;
}

static void shrink_slice(const struct shrink *shrink, size_t k)
{
    struct organs_work *const work = shrink->work;
    const struct volume *const volume = work->volume;
    const float least = least_of(volume);
    size_t index = k * volume->size[0] * volume->size[1];

    for (size_t j = 0; j < volume->size[1]; j++) {
        const size_t row = shrink->offset[2][k] + shrink->offset[1][j];
        for (size_t i = 0; i < volume->size[0]; i++, index++) {
            const size_t at = row + shrink->offset[0][i];
            const float raw = value_at(volume, index), value = raw > least ? raw : least;
            work->value[at] += value;
            work->peak[at] = value > work->peak[at] ? value : work->peak[at];
            shrink->voxels[at]++;
        }
    }
}

/* A part holds the voxels of whole blocks, so that no two write to one. */
static void shrink_part(size_t part, void *context)
{
    const struct shrink *const shrink = context;
    const size_t slices = shrink->work->volume->size[2];

    for (size_t from = part * shrink->slab; from < (part + 1) * shrink->slab && from < slices; from++)
        shrink_slice(shrink, shrink->backwards ? slices - 1 - from : from);
}

static bool make_offsets(struct shrink *shrink, struct error *err)
{
    const struct organs_work *const work = shrink->work;
    size_t stride = 1;

    for (int p = 0; p < 3; p++) {
        const int own = work->axis[p];
        const size_t voxels = work->volume->size[own];
        shrink->offset[own] = arena_take(work->arena, voxels, sizeof(size_t), err);
        if (shrink->offset[own] == NULL)
            return false;
        for (size_t v = 0; v < voxels; v++)
            shrink->offset[own][v] = (work->flip[p] ? voxels - 1 - v : v) / work->factor[p] * stride;
        stride *= work->size[p];
    }
    return true;
}

static bool fill_blocks(struct organs_work *work, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct shrink shrink = { .work = work };

    for (int p = 0; p < 3; p++)
        if (work->axis[p] == 2) {
            shrink.slab = work->factor[p];
            shrink.backwards = work->flip[p];
        }
    shrink.voxels = arena_take_zeroed(work->arena, work->count, sizeof *shrink.voxels, err);
    if (shrink.voxels == NULL || !make_offsets(&shrink, err))
        return false;
    for (size_t at = 0; at < work->count; at++)
        work->peak[at] = -INFINITY;
    pool_run(work->threads, (work->volume->size[2] + shrink.slab - 1) / shrink.slab, shrink_part,
             &shrink);
    for (size_t at = 0; at < work->count; at++)
        work->value[at] /= (float)shrink.voxels[at];
    arena_rewind(work->arena, mark);
    return true;
}

static bool smooth_blocks(struct organs_work *work, struct error *err)
{
    const struct volume blocks = { .type = VOXEL_FLOAT32, .unit = work->volume->unit, .slope = 1,
        .size = { work->size[0], work->size[1], work->size[2] }, .f32 = work->value };
    double sigma[3];

    for (int p = 0; p < 3; p++)
        sigma[p] = fmin(1, BLOCK_MM / work->spacing_mm[p]);
    return gauss_apply(&blocks, sigma, work->smooth, work->threads, work->arena, err);
}

bool organs_work_begin(const struct volume *volume, int threads, struct arena *arena,
                       struct organs_work *work, struct error *err)
{
    work->volume = volume;
    work->threads = threads;
    work->arena = arena;
    make_grid(work);
    work->value = arena_take_zeroed(arena, work->count, sizeof *work->value, err);
    if (work->value == NULL
        || (work->peak = arena_take(arena, work->count, sizeof *work->peak, err)) == NULL
        || (work->smooth = arena_take(arena, work->count, sizeof *work->smooth, err)) == NULL
        || (work->distance = arena_take(arena, work->count, sizeof *work->distance, err)) == NULL
        || (work->label = arena_take_zeroed(arena, work->count, 1, err)) == NULL
        || (work->mask = arena_take_zeroed(arena, work->count, 1, err)) == NULL
        || (work->spare = arena_take_zeroed(arena, work->count, 1, err)) == NULL
        || (work->other = arena_take_zeroed(arena, work->count, 1, err)) == NULL)
        return false;
    return fill_blocks(work, err) && smooth_blocks(work, err);
}

/* ---- from blocks to voxels ---- */

#define REACH 1.5f                  /* blocks: so far a block's label has a say */
#define UNLIKELY 0.05f              /* of a label that the voxel's value speaks against */

static bool fits(enum organ_id id, float hu)
{
    switch (id) {
    case ORGAN_NONE:
        return hu < -500;           /* half way from air to fat */
    case ORGAN_LUNG_LEFT:
    case ORGAN_LUNG_RIGHT:
        return hu < -400;           /* from lung to soft tissue */
    case ORGAN_BONE:
        return hu >= 130;
    case ORGAN_LIVER:
    case ORGAN_SPLEEN:
    case ORGAN_KIDNEY_LEFT:
    case ORGAN_KIDNEY_RIGHT:
        return hu > -30 && hu < 300;
    default:
        return hu >= -500;
    }
}

/* Fat from -190 to -30 HU, muscle from -29 to 150 (Mitsiopoulos et al., J Appl Physiol 1998). */
static uint8_t tissue(uint8_t room, float hu)
{
    if (room == ORGAN_MUSCLE)
        return hu > -30 && hu <= 150 ? ORGAN_MUSCLE : ORGAN_BODY;
    if (room == ORGAN_FAT_SUBCUTANEOUS || room == ORGAN_FAT_VISCERAL)
        return hu >= -190 && hu <= -30 ? room : ORGAN_BODY;
    return room;
}

struct step {                       /* of a voxel along one axis of the volume */
    size_t block;                   /* its block along the patient's axis */
    float say[3];                   /* of the labels of the block before, of its own, and of the one behind */
};

struct paint {
    const struct organs_work *work;
    uint8_t *labels;
    uint8_t *uniform;               /* 1: a block's neighbours all bear its label */
    bool hounsfield;
    struct step *step[3];           /* by the volume's axes */
    int patient[3];                 /* the patient's axis of each of them */
};

static bool is_uniform(const struct organs_work *work, const size_t at[3])
{
    const uint8_t label = work->label[organs_index(work, at[0], at[1], at[2])];

    for (int n = 0; n < 27; n++) {
        const size_t x = at[0] + (size_t)(n % 3), y = at[1] + (size_t)(n / 3 % 3);
        const size_t z = at[2] + (size_t)(n / 9);
        if (x > 0 && y > 0 && z > 0 && x <= work->size[0] && y <= work->size[1] && z <= work->size[2]
            && work->label[organs_index(work, x - 1, y - 1, z - 1)] != label)
            return false;
    }
    return true;
}

static void find_uniform(const struct organs_work *work, uint8_t *uniform)
{
    size_t at[3], index = 0;

    for (at[2] = 0; at[2] < work->size[2]; at[2]++)
        for (at[1] = 0; at[1] < work->size[1]; at[1]++)
            for (at[0] = 0; at[0] < work->size[0]; at[0]++)
                uniform[index++] = is_uniform(work, at);
}

/* The label that has most to say at a voxel, as far as its value agrees. */
static uint8_t vote(const struct paint *paint, const struct step *const step[3], float value)
{
    const struct organs_work *const work = paint->work;
    float weight[ORGAN_END] = { 0 };
    uint8_t best = 0;

    for (int n = 0; n < 27; n++) {
        const int way[3] = { n % 3, n / 3 % 3, n / 9 };
        const float say = step[0]->say[way[0]] * step[1]->say[way[1]] * step[2]->say[way[2]];
        if (say > 0)
            weight[work->label[organs_index(work, step[0]->block + (size_t)way[0] - 1,
                                            step[1]->block + (size_t)way[1] - 1,
                                            step[2]->block + (size_t)way[2] - 1)]] += say;
    }
    for (int id = 0; id < ORGAN_END; id++) {
        if (weight[id] > 0 && paint->hounsfield && !fits((enum organ_id)id, value))
            weight[id] *= UNLIKELY;
        if (weight[id] > weight[best])
            best = (uint8_t)id;
    }
    return best;
}

/* By the patient's axes, so that one and the same voxel gets the same label however it is stored. */
static uint8_t label_of(const struct paint *paint, const struct step *const own[3], size_t index)
{
    const struct organs_work *const work = paint->work;
    const struct step *step[3];

    for (int a = 0; a < 3; a++)
        step[paint->patient[a]] = own[a];
    const size_t at = organs_index(work, step[0]->block, step[1]->block, step[2]->block);
    if (paint->uniform[at] && work->label[at] == ORGAN_NONE)
        return ORGAN_NONE;
    const float value = value_at(work->volume, index);
    const uint8_t label = paint->uniform[at] ? work->label[at] : vote(paint, step, value);
    return paint->hounsfield ? tissue(label, value) : label;
}

static void paint_slice(size_t k, void *context)
{
    const struct paint *const paint = context;
    const size_t *const size = paint->work->volume->size;
    size_t index = k * size[0] * size[1];

    for (size_t j = 0; j < size[1]; j++)
        for (size_t i = 0; i < size[0]; i++, index++) {
            const struct step *const own[3] = { &paint->step[0][i], &paint->step[1][j],
                                                &paint->step[2][k] };
            paint->labels[index] = label_of(paint, own, index);
        }
}

static bool make_steps(const struct organs_work *work, struct paint *paint, struct error *err)
{
    for (int p = 0; p < 3; p++) {
        const int own = work->axis[p];
        const size_t voxels = work->volume->size[own];
        struct step *const step = arena_take(work->arena, voxels, sizeof *step, err);
        if (step == NULL)
            return false;
        paint->step[own] = step;
        paint->patient[own] = p;
        for (size_t v = 0; v < voxels; v++) {
            const size_t from = work->flip[p] ? voxels - 1 - v : v;
            const float place = ((float)from + 0.5f) / (float)work->factor[p] - 0.5f;
            step[v].block = from / work->factor[p];
            for (size_t n = 0; n < 3; n++) {
                const size_t block = step[v].block + n;     /* one more than it is */
                step[v].say[n] = block == 0 || block > work->size[p] ? 0
                    : fmaxf(0, REACH - fabsf((float)block - 1 - place));
            }
        }
    }
    return true;
}

bool organs_work_paint(const struct organs_work *work, uint8_t *labels, struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    struct paint paint = { .work = work, .labels = labels, .uniform = work->mask,
                           .hounsfield = work->volume->unit == UNIT_HU };

    if (!make_steps(work, &paint, err))
        return false;
    find_uniform(work, paint.uniform);
    pool_run(work->threads, work->volume->size[2], paint_slice, &paint);
    arena_rewind(work->arena, mark);
    return true;
}

/* ---- what is told ---- */

static struct organ *entry_of(struct organs_work *work, enum organ_id id)
{
    for (size_t n = 0; n < work->organs->count; n++)
        if (work->organs->organ[n].id == id)
            return &work->organs->organ[n];
    return NULL;
}

void organs_work_found(struct organs_work *work, enum organ_id id, double confidence)
{
    struct organ *const organ = entry_of(work, id);

    organ->found = true;
    organ->why_not[0] = '\0';
    organ->confidence = fmin(fmax(confidence, 0), 1);
}

void organs_work_missed(struct organs_work *work, enum organ_id id, const char *why)
{
    struct organ *const organ = entry_of(work, id);

    organ->found = false;
    text_format(organ->why_not, sizeof organ->why_not, "%s", why);
}

bool organs_work_has(const struct organs_work *work, enum organ_id id)
{
    for (size_t n = 0; n < work->organs->count; n++)
        if (work->organs->organ[n].id == id)
            return work->organs->organ[n].found;
    return false;
}

/* ---- shapes ---- */

bool organs_ball(struct organs_work *work, int operation, uint8_t *mask, double radius_mm,
                 struct error *err)
{
    return ball_apply((enum ball_operation)operation, mask, mask, work->size, work->spacing_mm,
                      radius_mm, work->threads, work->arena, err);
}

bool organs_fill_slices(struct organs_work *work, uint8_t *mask, struct error *err)
{
    const size_t slice[3] = { work->size[0], work->size[1], 1 };

    for (size_t z = 0; z < work->size[2]; z++)
        if (!components_fill_holes(mask + z * slice[0] * slice[1], slice, true, work->arena, err))
            return false;
    return true;
}

static void add_run(const struct organs_work *work, const struct run *run, size_t y, size_t z,
                    bool with_depth, struct organs_part *part)
{
    for (size_t x = run->first; x <= run->last; x++) {
        const size_t at = organs_index(work, x, y, z);
        part->center[0] += (double)x;
        part->mean += work->value[at];
        if (with_depth)
            part->deepest_mm = fmax(part->deepest_mm, work->distance[at]);
    }
    const double length = (double)run->last - run->first + 1;
    part->center[1] += length * (double)y;
    part->center[2] += length * (double)z;
}

static void describe(const struct organs_work *work, const struct components *components,
                     bool with_depth, struct organs_part *parts)
{
    for (size_t n = 0; n < components->count; n++) {
        parts[n] = (struct organs_part){ .voxels = components->component[n].voxels };
        memcpy(parts[n].low, components->component[n].low, sizeof parts[n].low);
        memcpy(parts[n].high, components->component[n].high, sizeof parts[n].high);
        parts[n].ml = (double)parts[n].voxels * work->block_mm3 / 1000;
    }
    for (size_t z = 0; z < work->size[2]; z++)
        for (size_t y = 0; y < work->size[1]; y++) {
            const size_t row = z * work->size[1] + y;
            for (size_t r = components->row[row]; r < components->row[row + 1]; r++)
                add_run(work, &components->run[r], y, z, with_depth,
                        &parts[components->run[r].component]);
        }
    for (size_t n = 0; n < components->count; n++) {
        const double voxels = (double)parts[n].voxels;
        for (int p = 0; p < 3; p++)
            parts[n].center[p] /= voxels;
        parts[n].mean /= voxels;
    }
}

static int compare_parts(const void *a, const void *b, void *context)
{
    const struct organs_part *const parts = context;
    const size_t left = *(const size_t *)a, right = *(const size_t *)b;

    if (parts[left].voxels != parts[right].voxels)
        return parts[left].voxels > parts[right].voxels ? -1 : 1;
    return left < right ? -1 : left > right;
}

bool organs_parts(struct organs_work *work, const uint8_t *mask, bool with_depth,
                  struct components *ret_components, struct organs_part **ret_parts,
                  size_t **ret_order, struct error *err)
{
    struct components *const found = ret_components;

    if ((with_depth && !distance_transform(mask, work->size, work->spacing_mm, work->distance,
                                           work->threads, work->arena, err))
        || !components_find(mask, work->size, 1, CONNECTIVITY_6, work->arena, found, err)
        || (*ret_parts = arena_take(work->arena, found->count, sizeof **ret_parts, err)) == NULL
        || (*ret_order = arena_take(work->arena, found->count, sizeof **ret_order, err)) == NULL)
        return false;
    describe(work, found, with_depth, *ret_parts);
    for (size_t n = 0; n < found->count; n++)
        (*ret_order)[n] = n;
    qsort_r(*ret_order, found->count, sizeof **ret_order, compare_parts, *ret_parts);
    return true;
}

/* Breadth first: a front of voxels, each reached by the fewest steps of its neighbours. */
bool organs_grow(struct organs_work *work, uint8_t *mask, const uint8_t *within, double reach_mm,
                 struct error *err)
{
    const size_t mark = arena_mark(work->arena);
    const double least = fmin(work->spacing_mm[0], fmin(work->spacing_mm[1], work->spacing_mm[2]));
    uint32_t *const queue = arena_take(work->arena, work->count, sizeof *queue, err);
    size_t head = 0, tail = 0;

    if (queue == NULL)
        return false;
    for (size_t at = 0; at < work->count; at++)
        if (mask[at])
            queue[tail++] = (uint32_t)at;
    for (double reach = least; reach <= reach_mm + 1e-9 && head < tail; reach += least)
        for (const size_t end = tail; head < end; head++) {
            const size_t at = queue[head], x = at % work->size[0];
            const size_t y = at / work->size[0] % work->size[1], z = at / work->size[0] / work->size[1];
            const size_t slice = work->size[0] * work->size[1];
            const bool there[6] = { x > 0, x + 1 < work->size[0], y > 0, y + 1 < work->size[1], z > 0,
                                    z + 1 < work->size[2] };
            const size_t next[6] = { at - 1, at + 1, at - work->size[0], at + work->size[0], at - slice,
                                     at + slice };
            for (int n = 0; n < 6; n++)
                if (there[n] && within[next[n]] && !mask[next[n]]) {
                    mask[next[n]] = 1;
                    queue[tail++] = (uint32_t)next[n];
                }
        }
    arena_rewind(work->arena, mark);
    return true;
}
