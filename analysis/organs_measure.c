/*
 * Organs, their numbers: one pass counts how often each value occurs in each label. Values of 16 bit
 * have a bin each and all figures are exact; others are told apart to a 65535th of their range.
 */
#include "analysis/organs_work.h"

#include <math.h>
#include <string.h>

#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"

#define BINS 65536
#define SLABS 4                     /* fixed: sums do not depend on the threads */

struct tally {                      /* of one label in one slab */
    size_t voxels, low[3], high[3];
    double mm3, moment[3];          /* of LPS mm, by volume */
    double least[3], most[3];       /* LPS mm */
};

struct count {
    const struct volume *volume;
    const uint8_t *labels;
    double first, step;             /* the value of bin 0, and between two */
    uint32_t (*bins)[ORGAN_END][BINS];
    struct tally (*tally)[ORGAN_END];
};

static const double wanted[ORGAN_PERCENTILES] = { 5, 25, 50, 75, 95 };

/* ---- counting ---- */

static size_t bin_of(const struct count *count, size_t index)
{
    if (count->volume->type == VOXEL_INT16)
        return (size_t)(count->volume->i16[index] + 32768);
    const double value = volume_value(count->volume, index);
    const double bin = isfinite(value) ? (value - count->first) / count->step + 0.5 : 0;
    return bin < 0 ? 0 : bin > BINS - 1 ? BINS - 1 : (size_t)bin;
}

struct row {                        /* of one label in one row */
    size_t voxels, low, high;
    double i_sum;
};

static void add_row(const struct count *count, const struct row *row, size_t j, size_t k,
                    struct tally *tally)
{
    const double n = (double)row->voxels, mm3 = n * volume_voxel_mm3(count->volume, k);
    double mm[3], end[2][3];

    volume_to_patient(count->volume, (const double[3]){ row->i_sum / n, (double)j, (double)k }, mm);
    volume_to_patient(count->volume, (const double[3]){ (double)row->low, (double)j, (double)k }, end[0]);
    volume_to_patient(count->volume, (const double[3]){ (double)row->high, (double)j, (double)k }, end[1]);
    const size_t low[3] = { row->low, j, k }, high[3] = { row->high, j, k };
    for (int axis = 0; axis < 3; axis++) {
        const bool first = tally->voxels == 0;
        tally->moment[axis] += mm3 * mm[axis];
        tally->low[axis] = first || low[axis] < tally->low[axis] ? low[axis] : tally->low[axis];
        tally->high[axis] = first || high[axis] > tally->high[axis] ? high[axis] : tally->high[axis];
        const double least = fmin(end[0][axis], end[1][axis]), most = fmax(end[0][axis], end[1][axis]);
        tally->least[axis] = first ? least : fmin(least, tally->least[axis]);
        tally->most[axis] = first ? most : fmax(most, tally->most[axis]);
    }
    tally->voxels += row->voxels;
    tally->mm3 += mm3;
}

static void count_row(const struct count *count, size_t slab, size_t j, size_t k)
{
    struct row rows[ORGAN_END];
    const size_t width = count->volume->size[0];
    const size_t start = (k * count->volume->size[1] + j) * width;

    memset(rows, 0, sizeof rows);
    for (size_t i = 0; i < width; i++) {
        const uint8_t label = count->labels[start + i];
        if (label == ORGAN_NONE)
            continue;
        if (rows[label].voxels++ == 0)
            rows[label].low = i;
        rows[label].high = i;
        rows[label].i_sum += (double)i;
        count->bins[slab][label][bin_of(count, start + i)]++;
    }
    for (int label = 1; label < ORGAN_END; label++)
        if (rows[label].voxels > 0)
            add_row(count, &rows[label], j, k, &count->tally[slab][label]);
}

static void count_slab(size_t slab, void *context)
{
    const struct count *const count = context;
    const size_t slices = count->volume->size[2];

    for (size_t k = slab * slices / SLABS; k < (slab + 1) * slices / SLABS; k++)
        for (size_t j = 0; j < count->volume->size[1]; j++)
            count_row(count, slab, j, k);
}

static void find_range(struct count *count)
{
    double low = INFINITY, high = -INFINITY;

    if (count->volume->type == VOXEL_INT16) {
        count->first = count->volume->intercept - 32768 * count->volume->slope;
        count->step = count->volume->slope;
        return;
    }
    for (size_t i = 0; i < volume_count(count->volume); i++) {
        const double value = volume_value(count->volume, i);
        if (isfinite(value)) {
            low = fmin(low, value);
            high = fmax(high, value);
        }
    }
    count->first = low;
    count->step = high > low ? (high - low) / (BINS - 1) : 1;
}

/* ---- telling ---- */

static void join_tally(struct tally *into, const struct tally *from)
{
    if (from->voxels == 0)
        return;
    for (int axis = 0; axis < 3; axis++) {
        const bool first = into->voxels == 0;
        into->moment[axis] += from->moment[axis];
        into->low[axis] = first || from->low[axis] < into->low[axis] ? from->low[axis] : into->low[axis];
        into->high[axis] = first || from->high[axis] > into->high[axis] ? from->high[axis]
            : into->high[axis];
        into->least[axis] = first ? from->least[axis] : fmin(from->least[axis], into->least[axis]);
        into->most[axis] = first ? from->most[axis] : fmax(from->most[axis], into->most[axis]);
    }
    into->voxels += from->voxels;
    into->mm3 += from->mm3;
}

/* The value at a rank from 0 on, between bins linearly (type 7 of Hyndman and Fan, numpy's). */
static double at_rank(const struct count *count, const uint64_t *bins, double rank)
{
    size_t bin = 0, next;
    uint64_t passed = bins[0];

    while (bin < BINS - 1 && (double)passed <= floor(rank))
        passed += bins[++bin];
    next = bin;
    while (next < BINS - 1 && (double)passed <= ceil(rank))
        passed += bins[++next];
    return count->first + count->step * ((double)bin + (rank - floor(rank)) * (double)(next - bin));
}

static void tell_values(const struct count *count, const uint64_t *bins, struct organ *organ)
{
    const double n = (double)organ->voxels;
    double sum = 0, square = 0;
    size_t low = BINS, high = 0;

    for (size_t bin = 0; bin < BINS; bin++) {
        if (bins[bin] == 0)
            continue;
        low = low == BINS ? bin : low;
        high = bin;
        sum += (double)bins[bin] * (double)bin;
    }
    const double mean = sum / n;
    for (size_t bin = low; bin <= high && low < BINS; bin++)
        square += (double)bins[bin] * ((double)bin - mean) * ((double)bin - mean);
    organ->mean = count->first + count->step * mean;
    organ->sd = fabs(count->step) * sqrt(square / n);
    organ->minimum = count->first + count->step * (double)low;
    organ->maximum = count->first + count->step * (double)high;
    for (int i = 0; i < ORGAN_PERCENTILES; i++)
        organ->percentile[i] = at_rank(count, bins, wanted[i] / 100 * (n - 1));
}

static void tell_place(const struct volume *volume, const struct tally *tally, struct organ *organ)
{
    organ->voxels = tally->voxels;
    organ->volume_mm3 = tally->mm3;
    organ->truncated = false;
    for (int axis = 0; axis < 3; axis++) {
        double step = 0;
        for (int own = 0; own < 3; own++)
            step = fmax(step, fabs(volume->affine[axis][own]));
        organ->low[axis] = tally->low[axis];
        organ->high[axis] = tally->high[axis];
        organ->truncated = organ->truncated || tally->low[axis] == 0
            || tally->high[axis] + 1 == volume->size[axis];
        organ->centroid_mm[axis] = tally->moment[axis] / tally->mm3;
        organ->box_mm[0][axis] = tally->least[axis];
        organ->box_mm[1][axis] = tally->most[axis];
        organ->extent_mm[axis] = tally->most[axis] - tally->least[axis] + step;
    }
}

/* Those that include all that lies in them. */
static bool is_whole(enum organ_id id)
{
    return id == ORGAN_BODY || id == ORGAN_HEAD;
}

static void tell(const struct count *count, struct organ *organ, uint64_t *bins)
{
    struct tally tally = { .voxels = 0 };

    memset(bins, 0, BINS * sizeof *bins);
    for (int label = 1; label < ORGAN_END; label++)
        for (size_t slab = 0; (is_whole(organ->id) || label == (int)organ->id) && slab < SLABS; slab++) {
            join_tally(&tally, &count->tally[slab][label]);
            for (size_t bin = 0; count->tally[slab][label].voxels > 0 && bin < BINS; bin++)
                bins[bin] += count->bins[slab][label][bin];
        }
    if (tally.voxels == 0) {
        organ->found = false;
        memcpy(organ->why_not, "none of it is left on the volume's own grid",
               sizeof "none of it is left on the volume's own grid");
        return;
    }
    tell_place(count->volume, &tally, organ);
    tell_values(count, bins, organ);
}

static void tell_positions(struct organs *organs)
{
    const struct organ *whole = NULL;

    for (size_t n = 0; n < organs->count; n++)
        if (organs->organ[n].found && is_whole(organs->organ[n].id))
            whole = &organs->organ[n];
    for (size_t n = 0; whole != NULL && n < organs->count; n++)
        for (int axis = 0; axis < 3; axis++) {
            const double extent = whole->box_mm[1][axis] - whole->box_mm[0][axis];
            organs->organ[n].position[axis] = !organs->organ[n].found || !(extent > 0) ? 0.5
                : (organs->organ[n].centroid_mm[axis] - whole->box_mm[0][axis]) / extent;
        }
}

bool organs_measure(const struct volume *volume, int threads, struct arena *arena,
                    struct organs *organs, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct count count = { .volume = volume, .labels = organs->labels.u8 };
    uint64_t *const bins = arena_take(arena, BINS, sizeof *bins, err);

    if (bins == NULL
        || (count.bins = arena_take_zeroed(arena, SLABS, sizeof *count.bins, err)) == NULL
        || (count.tally = arena_take_zeroed(arena, SLABS, sizeof *count.tally, err)) == NULL)
        return false;
    find_range(&count);
    pool_run(threads, SLABS, count_slab, &count);
    for (size_t n = 0; n < organs->count; n++)
        if (organs->organ[n].found)
            tell(&count, &organs->organ[n], bins);
    tell_positions(organs);
    arena_rewind(arena, mark);
    return true;
}
