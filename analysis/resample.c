/* Resample: a plan from the slices' positions; rows of voxels by weighted sums of rows. */
#include "analysis/resample.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "analysis/pool.h"
#include "analysis/vector.h"
#include "util/arena.h"
#include "util/error.h"

#define TILT_TOLERANCE 0.00175      /* tan 0.1 degrees */
#define TILT_MOST 1.0               /* tan 45 degrees; gantries end at 30 */
#define TILT_PIXELS 0.5             /* over all slices: less is no shear that matters */
#define NO_SHIFT 1e-6               /* of a pixel */
#define UNEVEN 0.05                 /* of the spacing; below it true positions are enough */
#define CLOSEST 0.25                /* of the median step */
#define MAX_SIDE 65535              /* pixels by which a grid is larger: as a slice may be at most */
#define ON_SLICE 0.01               /* of the step: a plane of the grid is this slice */
#define CHUNK 1024                  /* columns that are summed at once */

/* ---- the plan ---- */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

struct axes {                       /* unit vectors, and the size of a pixel */
    double along[3][3], pixel[2];
};

static void find_axes(const struct volume *source, const double way[3], struct axes *axes)
{
    double (*const a)[3] = axes->along;

    for (int axis = 0; axis < 2; axis++) {
        axes->pixel[axis] = volume_spacing_mm(source, axis);
        for (int row = 0; row < 3; row++)
            a[axis][row] = source->affine[row][axis] / axes->pixel[axis];
    }
    a[2][0] = a[0][1] * a[1][2] - a[0][2] * a[1][1];
    a[2][1] = a[0][2] * a[1][0] - a[0][0] * a[1][2];
    a[2][2] = a[0][0] * a[1][1] - a[0][1] * a[1][0];
    if (dot(a[2], way) < 0)
        for (int row = 0; row < 3; row++)
            a[2][row] = -a[2][row];
}

static void position_of(const struct volume *source, size_t s, double ret[3])
{
    for (int row = 0; row < 3; row++)
        ret[row] = source->slices != NULL ? source->slices[s].position_mm[row]
            : source->affine[row][3] + (double)s * source->affine[row][2];
}

static void find_places(const struct volume *source, const struct axes *axes,
                        struct resample_place *place)
{
    double first[3], way[3];

    position_of(source, 0, first);
    for (size_t s = 0; s < source->size[2]; s++) {
        position_of(source, s, way);
        for (int row = 0; row < 3; row++)
            way[row] -= first[row];
        place[s].along_mm = dot(way, axes->along[2]);
        for (int axis = 0; axis < 2; axis++)
            place[s].shift[axis] = dot(way, axes->along[axis]) / axes->pixel[axis];
    }
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

struct steps {
    double median, least, most;
    double off;                     /* the most that one is off the median, relative */
    size_t most_after;              /* the slice before the longest step */
    bool multiples;                 /* all are whole multiples of the median */
    size_t planes;                  /* of the grid, when they are */
};

static bool find_steps(const struct resample *plan, struct arena *arena, struct steps *steps,
                       struct error *err)
{
    const size_t count = plan->source->size[2] - 1, mark = arena_mark(arena);
    double *const step = arena_take(arena, 2 * count, sizeof *step, err);

    if (step == NULL)
        return false;
    for (size_t s = 0; s < count; s++)
        step[s] = step[count + s] = plan->place[s + 1].along_mm - plan->place[s].along_mm;
    qsort(step + count, count, sizeof *step, compare_doubles);
    *steps = (struct steps){ .median = step[count + count / 2], .least = step[count],
                             .most = step[2 * count - 1], .multiples = true, .planes = 1 };
    for (size_t s = 0; s < count; s++) {
        const double times = step[s] / steps->median;
        if (step[s] == steps->most)
            steps->most_after = s;
        steps->off = fmax(steps->off, fabs(times - 1));
        steps->multiples = steps->multiples && times > 0.5 && times < 1e6
            && fabs(times - round(times)) <= UNEVEN * times;
        steps->planes += steps->multiples ? (size_t)round(times) : 0;
    }
    arena_rewind(arena, mark);
    return true;
}

/* Along the normal from the patient's origin, as positions are told elsewhere. */
static double origin_along(const struct resample *plan, const struct axes *axes)
{
    double first[3];

    position_of(plan->source, 0, first);
    return dot(first, axes->along[2]);
}

static bool check_steps(const struct resample *plan, const struct steps *steps,
                        const struct axes *axes, size_t max_missing, struct error *err)
{
    const double origin = origin_along(plan, axes);
    const double gap = plan->place[steps->most_after].along_mm + origin;

    if (!(steps->least > 0) || steps->least < CLOSEST * steps->median)
        return error_set(err, ERROR_DATA, "slices %.2f mm apart where the spacing is %.2f mm",
                         steps->least, steps->median);
    return steps->most <= ((double)max_missing + 1) * steps->median * (1 + UNEVEN)
        || error_set(err, ERROR_DATA, "slices missing: a gap of %.2f mm between positions %.2f "
                     "and %.2f mm where the spacing is %.2f mm; at most %zu missing in a row may "
                     "be interpolated", steps->most, gap, gap + steps->most, steps->median,
                     max_missing);
}

/* Planes of the grid and what is between them. */
static void plan_planes(struct resample *plan, const struct steps *steps, const struct axes *axes)
{
    const size_t slices = plan->source->size[2];
    const double length = plan->place[slices - 1].along_mm;

    plan->grid.size[2] = steps->multiples ? steps->planes
        : (size_t)round(length / steps->least) + 1;
    plan->step_mm = length / (double)(plan->grid.size[2] - 1);
    plan->missing = steps->multiples ? steps->planes - slices : 0;
    for (size_t s = slices - 1; s > 0; s--)
        if (plan->place[s].along_mm - plan->place[s - 1].along_mm > 1.5 * steps->median)
            plan->missing_after_mm = plan->place[s - 1].along_mm + origin_along(plan, axes);
}

/* Columns and rows: as many as hold every slice, where they are shifted. */
static bool plan_plane(struct resample *plan, struct error *err)
{
    for (int axis = 0; axis < 2; axis++) {
        double low = 0, high = 0;
        plan->grid.size[axis] = plan->source->size[axis];
        if (plan->tilt_degrees == 0)
            continue;
        for (size_t s = 0; s < plan->source->size[2]; s++) {
            low = fmin(low, plan->place[s].shift[axis]);
            high = fmax(high, plan->place[s].shift[axis]);
        }
        if (high - low > MAX_SIDE)
            return error_set(err, ERROR_LIMIT, "slices are shifted against each other by %.0f of "
                             "their pixels", high - low);
        plan->from[axis] = lround(floor(low + NO_SHIFT));
        plan->grid.size[axis] += (size_t)(lround(ceil(high - NO_SHIFT)) - plan->from[axis]);
    }
    return true;
}

static void plan_affine(struct resample *plan, const struct axes *axes)
{
    struct volume *const grid = &plan->grid;
    double first[3];

    position_of(plan->source, 0, first);
    for (int row = 0; row < 3; row++) {
        grid->affine[row][2] = axes->along[2][row] * plan->step_mm;
        grid->affine[row][3] = first[row]
            + (double)plan->from[0] * grid->affine[row][0]
            + (double)plan->from[1] * grid->affine[row][1];
    }
    grid->slices = NULL;
    grid->even = true;
    grid->voxels = NULL;
}

static bool find_tilt(struct resample *plan, struct error *err)
{
    const struct resample_place *const last = &plan->place[plan->source->size[2] - 1];
    const double across = hypot(last->shift[0] * volume_spacing_mm(plan->source, 0),
                                last->shift[1] * volume_spacing_mm(plan->source, 1));
    const double tangent = across / last->along_mm;

    if (tangent > TILT_TOLERANCE && hypot(last->shift[0], last->shift[1]) > TILT_PIXELS)
        plan->tilt_degrees = atan(tangent) * 180 / M_PI;
    return tangent <= TILT_MOST
        || error_set(err, ERROR_DATA, "slices are sheared by %.1f degrees: more than 45 are no "
                     "gantry's tilt", plan->tilt_degrees);
}

bool resample_plan(const struct volume *source, size_t max_missing, struct arena *arena,
                   struct resample *ret_plan, struct error *err)
{
    struct resample plan = { .source = source, .grid = *source };
    struct steps steps;
    struct axes axes;
    double first[3], way[3];

    *ret_plan = plan;
    if (source->size[2] < 2 || source->planar)      /* pictures are not behind each other */
        return true;
    position_of(source, 0, first);
    position_of(source, source->size[2] - 1, way);
    for (int row = 0; row < 3; row++)
        way[row] -= first[row];
    find_axes(source, way, &axes);
    plan.place = arena_take(arena, source->size[2], sizeof *plan.place, err);
    if (plan.place == NULL)
        return false;
    find_places(source, &axes, plan.place);
    if (!find_steps(&plan, arena, &steps, err)
        || !check_steps(&plan, &steps, &axes, max_missing, err) || !find_tilt(&plan, err))
        return false;
    plan.needed = plan.tilt_degrees > 0 || steps.off > UNEVEN;
    if (plan.needed) {
        plan_planes(&plan, &steps, &axes);
        if (!plan_plane(&plan, err))
            return false;
        plan_affine(&plan, &axes);
    }
    *ret_plan = plan;
    return true;
}

size_t resample_need(const struct resample *plan)
{
    return plan->needed ? volume_count(&plan->grid) * voxel_size(plan->source->type)
        + 2 * volume_count(plan->source) * sizeof(uint8_t) : 0;
}

/* ---- voxels ---- */

VECTOR_CLONES static void add_int16(float *to, const int16_t *from, size_t count, float weight)
{
    for (size_t i = 0; i < count; i++)
        to[i] += weight * (float)from[i];
}

VECTOR_CLONES static void add_float(float *to, const float *from, size_t count, float weight)
{
    for (size_t i = 0; i < count; i++)
        to[i] += weight * from[i];
}

struct work {
    const struct resample *plan;
    struct volume *volume;
    float outside;                  /* as stored */
};

struct piece {                      /* of a row of the grid */
    float sum[CHUNK];
    size_t first, count;
};

static void add_outside(struct piece *piece, size_t from, size_t to, float value)
{
    for (size_t i = from; i < to; i++)
        piece->sum[i] += value;
}

/* Adds `weight` times row `row` of slice s, moved by `offset` columns; outside of it, of nothing. */
static void add_row(const struct work *work, struct piece *piece, size_t s, long row,
                    long offset, float weight)
{
    const struct volume *const source = work->plan->source;
    const long width = (long)source->size[0], at = (long)piece->first + offset;
    const long count = (long)piece->count;
    const bool is_row = row >= 0 && row < (long)source->size[1];
    const long low = is_row && at < 0 ? (-at < count ? -at : count) : 0;
    const long high = is_row && at < width ? (width - at < count ? width - at : count) : 0;
    const size_t from = (size_t)(low < high ? low : 0), to = (size_t)(low < high ? high : 0);

    add_outside(piece, 0, from, weight * work->outside);
    add_outside(piece, to, piece->count, weight * work->outside);
    if (from == to)
        return;
    const size_t index = (s * source->size[1] + (size_t)row) * source->size[0]
        + (size_t)(at + (long)from);
    if (source->type == VOXEL_INT16)
        add_int16(piece->sum + from, source->i16 + index, to - from, weight);
    else
        add_float(piece->sum + from, source->f32 + index, to - from, weight);
}

/* Row j of the grid from slice s: up to four of its pixels for each voxel. */
static void add_slice(const struct work *work, struct piece *piece, size_t s, size_t j,
                      double weight)
{
    const struct resample *const plan = work->plan;
    const bool shifted = plan->tilt_degrees > 0;
    const double row = (double)((long)j + plan->from[1]) - (shifted ? plan->place[s].shift[1] : 0);
    const double column = (double)plan->from[0] - (shifted ? plan->place[s].shift[0] : 0);
    const double part[2] = { column - floor(column), row - floor(row) };

    for (int n = 0; n < 4; n++) {
        const double share = weight * (n & 1 ? part[0] : 1 - part[0])
            * (n & 2 ? part[1] : 1 - part[1]);
        if (share > 1e-6)
            add_row(work, piece, s, (long)floor(row) + (n >> 1), (long)floor(column) + (n & 1),
                    (float)share);
    }
}

static void store(const struct work *work, const struct piece *piece, size_t index)
{
    struct volume *const volume = work->volume;

    if (volume->type == VOXEL_INT16)
        for (size_t i = 0; i < piece->count; i++)
            volume->i16[index + i] = (int16_t)floorf(piece->sum[i] + 0.5F);
    else
        memcpy(volume->f32 + index, piece->sum, piece->count * sizeof *piece->sum);
}

/* The slice at or below plane k, and how far the plane lies towards the next one. */
static size_t slice_below(const struct resample *plan, size_t k, double *ret_part)
{
    const double z = (double)k * plan->step_mm, near = ON_SLICE * plan->step_mm;
    size_t low = 0, high = plan->source->size[2] - 1;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (plan->place[middle].along_mm <= z + near)
            low = middle;
        else
            high = middle;
    }
    const double below = plan->place[low].along_mm, above = plan->place[high].along_mm;
    *ret_part = z - below < near ? 0 : above - z < near ? 1 : (z - below) / (above - below);
    return low;
}

static void fill_plane(size_t k, void *context)
{
    const struct work *const work = context;
    const size_t *const size = work->volume->size;
    double part;
    const size_t s = slice_below(work->plan, k, &part);
    struct piece piece;

    for (size_t j = 0; j < size[1]; j++)
        for (piece.first = 0; piece.first < size[0]; piece.first += piece.count) {
            piece.count = size[0] - piece.first < CHUNK ? size[0] - piece.first : CHUNK;
            memset(piece.sum, 0, piece.count * sizeof *piece.sum);
            if (part < 1)
                add_slice(work, &piece, s, j, 1 - part);
            if (part > 0)
                add_slice(work, &piece, s + 1, j, part);
            store(work, &piece, (k * size[1] + j) * size[0] + piece.first);
        }
}

static float lowest_of(const struct volume *volume)
{
    const size_t count = volume_count(volume);
    float lowest = INFINITY;

    for (size_t i = 0; i < count; i++) {
        const float value = volume->type == VOXEL_INT16 ? (float)volume->i16[i] : volume->f32[i];
        lowest = value < lowest ? value : lowest;
    }
    return lowest;
}

bool resample_volume(const struct resample *plan, int threads, struct arena *arena,
                     struct volume *ret_volume, struct error *err)
{
    struct volume volume;
    struct work work = { .plan = plan, .volume = &volume };

    if (plan->source->type != VOXEL_INT16 && plan->source->type != VOXEL_FLOAT32)
        return error_set(err, ERROR_UNSUPPORTED, "labels are not resampled");
    if (!volume_take_like(&plan->grid, plan->source->type, plan->source->unit, arena, &volume, err))
        return false;
    volume.slope = plan->source->slope;
    volume.intercept = plan->source->intercept;
    work.outside = plan->tilt_degrees > 0 ? lowest_of(plan->source) : 0;
    pool_run(threads, volume.size[2], fill_plane, &work);
    *ret_volume = volume;
    return true;
}

/* ---- the way back ---- */

size_t resample_slice_of(const struct resample *plan, size_t k)
{
    double part;
    const size_t s = slice_below(plan, k, &part);

    return part > 0.5 ? s + 1 : s;
}

static size_t within(long at, size_t size)
{
    return at < 0 ? 0 : at >= (long)size ? size - 1 : (size_t)at;
}

/* What is added to a slice's column or row for the grid's. */
static long offset_of(const struct resample *plan, size_t s, int axis)
{
    const double shift = plan->tilt_degrees > 0 ? plan->place[s].shift[axis] : 0;

    return lround(shift) - plan->from[axis];
}

bool resample_labels_back(const struct resample *plan, const struct volume *labels,
                          struct arena *arena, struct volume *ret_labels, struct error *err)
{
    const size_t *const size = plan->source->size, *const grid = plan->grid.size;
    const size_t bytes = voxel_size(labels->type);

    if (!volume_take_like(plan->source, labels->type, UNIT_NONE, arena, ret_labels, err))
        return false;
    for (size_t s = 0; s < size[2]; s++) {
        const size_t k = within(lround(plan->place[s].along_mm / plan->step_mm), grid[2]);
        const size_t i = within(offset_of(plan, s, 0), grid[0] - size[0] + 1);
        for (size_t j = 0; j < size[1]; j++) {
            const size_t row = within((long)j + offset_of(plan, s, 1), grid[1]);
            memcpy((char *)ret_labels->voxels + (s * size[1] + j) * size[0] * bytes,
                   (const char *)labels->voxels + ((k * grid[1] + row) * grid[0] + i) * bytes,
                   size[0] * bytes);
        }
    }
    return true;
}

static void set_label(struct volume *labels, size_t index, uint32_t label)
{
    if (labels->type == VOXEL_UINT8)
        labels->u8[index] = (uint8_t)label;
    else
        labels->u32[index] = label;
}

/* A region between slices, onto the nearest one. */
static void press(const struct resample *plan, const struct findings *findings,
                  const struct lesion *lesion, struct volume *to)
{
    const size_t *const grid = plan->grid.size, *const size = plan->source->size;

    for (size_t k = lesion->low[2]; k <= lesion->high[2]; k++) {
        const size_t s = resample_slice_of(plan, k);
        for (size_t j = lesion->low[1]; j <= lesion->high[1]; j++)
            for (size_t i = lesion->low[0]; i <= lesion->high[0]; i++) {
                if (findings_label(findings, (k * grid[1] + j) * grid[0] + i) != lesion->label)
                    continue;
                const size_t row = within((long)j - offset_of(plan, s, 1), size[1]);
                const size_t column = within((long)i - offset_of(plan, s, 0), size[0]);
                set_label(to, (s * size[1] + row) * size[0] + column, lesion->label);
            }
    }
}

struct box {
    size_t low[3], high[3];
    bool any;
};

/* The lesion that has the label, or NULL. */
static struct lesion *find_lesion(const struct findings *findings, uint32_t label)
{
    for (size_t n = 0; n < findings->segment_count; n++)
        if (findings->lesion[n].label == label)
            return &findings->lesion[n];
    return NULL;
}

static void grow(struct box *box, const size_t at[3])
{
    for (int axis = 0; axis < 3; axis++) {
        box->low[axis] = box->any && box->low[axis] < at[axis] ? box->low[axis] : at[axis];
        box->high[axis] = box->any && box->high[axis] > at[axis] ? box->high[axis] : at[axis];
    }
    box->any = true;
}

/* The boxes of all lesions in findings->labels. */
static void find_boxes(const struct findings *findings, struct box *box)
{
    const size_t *const size = findings->labels.size;
    size_t index = 0;

    memset(box, 0, FINDINGS_MAX_SEGMENTS * sizeof *box);
    for (size_t k = 0; k < size[2]; k++)
        for (size_t j = 0; j < size[1]; j++)
            for (size_t i = 0; i < size[0]; i++, index++) {
                const uint32_t label = findings_label(findings, index);
                const struct lesion *const lesion = label == 0 ? NULL
                    : find_lesion(findings, label);
                if (lesion != NULL)
                    grow(&box[lesion - findings->lesion], (const size_t[3]){ i, j, k });
            }
}

/* Presses what has no voxel on any slice; whether there was one. */
static bool press_lost(const struct resample *plan, const struct findings *findings,
                       const struct box *box, struct volume *to)
{
    bool any = false;

    for (size_t n = 0; n < findings->segment_count; n++)
        if (!box[n].any) {
            press(plan, findings, &findings->lesion[n], to);
            any = true;
        }
    return any;
}

static void warn(const struct resample *plan, struct findings *findings)
{
    const size_t slices = plan->source->size[2];

    if (plan->missing > 0)
        findings_warn(findings, "%zu missing slice%s interpolated, the first after position "
                      "%.2f mm; the segmentation has none there", plan->missing,
                      plan->missing == 1 ? " was" : "s were", plan->missing_after_mm);
    findings_warn(findings, "%zu slices were resampled to %zu planes of %.3g mm, %zu x %zu, to be "
                  "measured", slices, plan->grid.size[2], plan->step_mm, plan->grid.size[0],
                  plan->grid.size[1]);
}

bool resample_findings_back(const struct resample *plan, struct arena *arena,
                            struct findings *findings, struct error *err)
{
    struct findings back = *findings;
    struct box box[FINDINGS_MAX_SEGMENTS];

    if (!plan->needed)
        return true;
    if (!resample_labels_back(plan, &findings->labels, arena, &back.labels, err))
        return false;
    find_boxes(&back, box);
    if (press_lost(plan, findings, box, &back.labels))
        find_boxes(&back, box);
    for (size_t n = 0; n < findings->segment_count; n++) {
        struct lesion *const lesion = &findings->lesion[n];
        if (!box[n].any)
            return error_set(err, ERROR_DATA, "region %u lies on no slice",
                             (unsigned)lesion->label);
        memcpy(lesion->low, box[n].low, sizeof lesion->low);
        memcpy(lesion->high, box[n].high, sizeof lesion->high);
        lesion->axial_slice = resample_slice_of(plan, lesion->axial_slice);
    }
    findings->labels = back.labels;
    warn(plan, findings);
    return true;
}

/* The boxes of the body and the head hold all that is in them. */
bool resample_organs_back(const struct resample *plan, struct arena *arena, struct organs *organs,
                          struct error *err)
{
    struct volume labels;
    struct box box[ORGAN_END] = { 0 }, all = { .any = false };
    size_t index = 0;

    if (!plan->needed || organs->count == 0)
        return true;
    if (!resample_labels_back(plan, &organs->labels, arena, &labels, err))
        return false;
    for (size_t k = 0; k < labels.size[2]; k++)
        for (size_t j = 0; j < labels.size[1]; j++)
            for (size_t i = 0; i < labels.size[0]; i++, index++) {
                const uint8_t label = labels.u8[index];
                if (label == ORGAN_NONE || label >= ORGAN_END)
                    continue;
                grow(&box[label], (const size_t[3]){ i, j, k });
                grow(&all, (const size_t[3]){ i, j, k });
            }
    for (size_t n = 0; n < organs->count; n++) {
        struct organ *const organ = &organs->organ[n];
        const bool whole = organ->id == ORGAN_BODY || organ->id == ORGAN_HEAD;
        const struct box *const own = whole ? &all : &box[organ->id];
        if (!organ->found || !own->any)
            continue;
        memcpy(organ->low, own->low, sizeof organ->low);
        memcpy(organ->high, own->high, sizeof organ->high);
    }
    organs->labels = labels;
    return true;
}
