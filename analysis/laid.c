/* Laid: the volume goes onto the labels' grid, and one pass sums up every lesion. */
#include "analysis/laid.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "analysis/findings.h"
#include "analysis/register.h"
#include "analysis/resample.h"
#include "util/arena.h"
#include "util/error.h"

#define MOST_MM 50.0
#define MOST_DEGREES 30.0

_Static_assert(LAID_MAX_LESIONS == FINDINGS_MAX_SEGMENTS, "one place for each segment");

static const char *const names[LAID_ROLES] = { "T1", "T1c", "T2", "FLAIR", "CT", "PT" };

const char *laid_role_name(enum laid_role role)
{
    return names[role];
}

enum laid_role laid_role_find(const char *name)
{
    int role = 0;

    while (role < LAID_ROLES && strcmp(name, names[role]) != 0)
        role++;
    return (enum laid_role)role;
}

void laid_tell(const struct laid *laid, char *buffer, size_t size)
{
    if (laid->registered)
        text_format(buffer, size, "%s, moved by %.1f mm and %.1f degrees", laid->role,
                    laid->moved_mm, laid->turned_degrees);
    else
        text_format(buffer, size, "%s, as it lies", laid->role);
}

static void identity(double matrix[4][4])
{
    for (int row = 0; row < 4; row++)
        for (int column = 0; column < 4; column++)
            matrix[row][column] = row == column;
}

static bool find_motion(const struct volume *volume, const struct volume *other, int threads,
                        struct arena *arena, struct laid *laid, struct error *err)
{
    struct registration found;

    if (!register_rigid(volume, other, threads, arena, &found, err))
        return false;
    const double trace = found.matrix[0][0] + found.matrix[1][1] + found.matrix[2][2];
    double there[3];
    register_apply(found.matrix, found.center_mm, there);
    laid->registered = true;
    laid->before = found.before;
    laid->after = found.after;
    laid->turned_degrees = acos(fmax(-1, fmin(1, (trace - 1) / 2))) * 180 / M_PI;
    laid->moved_mm = sqrt(pow(there[0] - found.center_mm[0], 2)
                          + pow(there[1] - found.center_mm[1], 2)
                          + pow(there[2] - found.center_mm[2], 2));
    memcpy(laid->matrix, found.matrix, sizeof laid->matrix);
    return (laid->moved_mm <= MOST_MM && laid->turned_degrees <= MOST_DEGREES)
        || error_set(err, ERROR_DATA, "the best fit would be %.0f mm and %.0f degrees away",
                     laid->moved_mm, laid->turned_degrees);
}

/* ---- values ---- */

struct sums {
    double sum, square;
};

/* A value that no volume has, for what lies outside of the other one. */
static double outside_of(const struct volume *other)
{
    return other->type == VOXEL_INT16 ? INT16_MIN * other->slope + other->intercept
        : -(double)FLT_MAX;
}

static void add_value(struct laid_values *values, struct sums *sums, double value)
{
    values->minimum = values->voxels == 0 ? value : fmin(values->minimum, value);
    values->maximum = values->voxels == 0 ? value : fmax(values->maximum, value);
    values->voxels++;
    sums->sum += value;
    sums->square += value * value;
}

/* One label volume: the labels of no two are the same, so that each lesion lies in one. */
static void sum_labels(const struct volume *labels, const struct volume *other, double outside,
                       const size_t *of, struct sums *sums, struct laid *laid)
{
    for (size_t i = 0; i < volume_count(labels); i++) {
        const uint32_t label = labels->type == VOXEL_UINT8 ? labels->u8[i] : labels->u32[i];
        if (label == 0 || label > LAID_MAX_LESIONS || of[label] == LAID_MAX_LESIONS)
            continue;
        const double value = volume_value(other, i);
        if (value > outside)
            add_value(&laid->lesion[of[label]], &sums[of[label]], value);
    }
}

static void sum_lesions(const struct findings *findings, const struct volume *other, double outside,
                        struct laid *laid)
{
    struct sums sums[LAID_MAX_LESIONS] = { { 0, 0 } };
    size_t of[LAID_MAX_LESIONS + 1];

    for (size_t label = 0; label <= LAID_MAX_LESIONS; label++)
        of[label] = LAID_MAX_LESIONS;
    for (size_t n = 0; n < findings->segment_count; n++)
        if (findings->lesion[n].label <= LAID_MAX_LESIONS)
            of[findings->lesion[n].label] = n;
    sum_labels(&findings->labels, other, outside, of, sums, laid);
    for (size_t n = 0; n < findings->layer_count; n++)
        sum_labels(&findings->layer[n], other, outside, of, sums, laid);
    for (size_t n = 0; n < findings->segment_count; n++) {
        struct laid_values *const values = &laid->lesion[n];
        const double count = (double)values->voxels;
        if (values->voxels == 0)
            continue;
        values->mean = sums[n].sum / count;
        values->sd = sqrt(fmax(0, sums[n].square / count - values->mean * values->mean));
    }
}

/* ---- the whole ---- */

/* An even grid, which both a search and a lookup need; the volume itself where it is one to 5 %. */
static bool make_even(const struct volume *volume, int threads, struct arena *arena,
                      struct volume *ret_even, struct error *err)
{
    struct resample plan;
    struct volume even = *volume;

    if (!resample_plan(volume, 1, arena, &plan, err)
        || (plan.needed && !resample_volume(&plan, threads, arena, &even, err)))
        return false;
    even.even = true;
    *ret_even = even;
    return true;
}

static bool lay(const struct volume *volume, const struct volume *other,
                const struct findings *findings, int threads, struct arena *arena,
                struct laid *laid, struct error *err)
{
    const double outside = outside_of(other);
    struct volume still, moving, on;

    if (!make_even(volume, threads, arena, &still, err)
        || !make_even(other, threads, arena, &moving, err)
        || (laid->registered && !find_motion(&still, &moving, threads, arena, laid, err))
        || !resample_onto(&moving, volume, laid->matrix, RESAMPLE_LINEAR, outside, threads, arena,
                          &on, err))
        return false;
    sum_lesions(findings, &on, outside, laid);
    return true;
}

bool laid_measure(const struct volume *volume, const struct volume *other, bool registers,
                  const struct findings *findings, int threads, struct arena *arena,
                  struct laid *ret_laid, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct laid laid = { .unit = other->unit, .registered = registers };

    identity(laid.matrix);
    const bool good = lay(volume, other, findings, threads, arena, &laid, err);
    arena_rewind(arena, mark);
    if (!good)
        return false;
    memcpy(laid.role, ret_laid->role, sizeof laid.role);
    memcpy(laid.series_uid, ret_laid->series_uid, sizeof laid.series_uid);
    *ret_laid = laid;
    return true;
}
