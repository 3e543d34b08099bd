/* Planar phantom: discs of mean counts, blurred, and then drawn by Poisson's law. */
#include "analysis/phantom_planar.h"

#include <math.h>
#include <string.h>

#include "util/arena.h"
#include "util/error.h"

#define COLUMNS PHANTOM_PLANAR_COLUMNS
#define ROWS PHANTOM_PLANAR_ROWS
#define PIXELS (COLUMNS * ROWS)
#define BACKGROUND 12               /* counts */
#define ROOM_AIR 0.4
#define BLUR_MM 5                   /* SD: FWHM of 12 mm, a collimator's at 15 cm */
#define MOST 500                    /* counts, so that exp(-mean) is above 0 */

/* Ellipses; the first is the body. Front and back differ by what lies nearer. */
static const struct {
    double column, row, columns, rows, counts[2];
    bool organ;
} parts[] = {
    { 64, 96, 42, 84, { BACKGROUND, BACKGROUND }, false },
    { 64, 96, 4, 66, { 1, 3 }, false },             /* spine */
    { 50, 82, 18, 13, { 45, 30 }, true },           /* liver: the patient's right is left */
    { 71, 58, 9, 9, { 14, 6 }, true },              /* heart */
    { 64, 150, 8, 7, { 90, 40 }, true }             /* bladder */
};

/* Where metastases of neuroblastoma lie: skull base, humerus, spine, pelvis, femora. */
static const double places[PHANTOM_PLANAR_MAX_LESIONS][2] = {
    { 64, 118 }, { 84, 132 }, { 40, 44 }, { 88, 92 }, { 44, 134 }, { 64, 34 }
};

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;     /* splitmix64 */

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double chance(uint64_t *state)
{
    return (double)(next(state) >> 11) / 9007199254740992.0;
}

static int16_t poisson(double mean, uint64_t *state)
{
    const double limit = exp(-mean);
    double product = chance(state);
    int16_t count = 0;

    while (product > limit) {
        product *= chance(state);
        count++;
    }
    return count;
}

static void add_ellipse(double column, double row, double columns, double rows, double counts, bool mirrored,
                        double *picture)
{
    const double middle = mirrored ? COLUMNS - 1 - column : column;

    for (int j = 0; j < ROWS; j++)
        for (int i = 0; i < COLUMNS; i++)
            if (pow((i - middle) / columns, 2) + pow((j - row) / rows, 2) <= 1)
                picture[j * COLUMNS + i] += counts;
}

/* A Gaussian along one axis; what lies beyond the border is the border. */
static void blur(const double *from, double *to, int count, int step, int lines, int line_step)
{
    const double sd = (double)BLUR_MM / PHANTOM_PLANAR_MM;
    const int reach = (int)ceil(4 * sd);
    double sum = 0;

    for (int d = -reach; d <= reach; d++)
        sum += exp(-0.5 * pow(d / sd, 2));
    for (int line = 0; line < lines; line++)
        for (int at = 0; at < count; at++) {
            double value = 0;
            for (int d = -reach; d <= reach; d++) {
                const int other = at + d < 0 ? 0 : at + d >= count ? count - 1 : at + d;
                value += exp(-0.5 * pow(d / sd, 2)) / sum * from[line * line_step + other * step];
            }
            to[line * line_step + at * step] = value;
        }
}

static void paint(const struct phantom_planar_options *options, const struct phantom_planar_truth *truth,
                  int view, double *picture, double *spare)
{
    for (int n = 0; n < PIXELS; n++)
        picture[n] = ROOM_AIR;
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        if (options->organs || !parts[p].organ)
            add_ellipse(parts[p].column, parts[p].row, parts[p].columns, parts[p].rows,
                        parts[p].counts[view], view == 1, picture);
    for (size_t n = 0; n < truth->count; n++) {
        const struct phantom_planar_spot *const one = &truth->lesion[n];
        const double radius = one->radius_mm / PHANTOM_PLANAR_MM;
        add_ellipse(one->column, one->row, radius, radius, one->counts[view], view == 1, picture);
    }
    blur(picture, spare, COLUMNS, 1, ROWS, COLUMNS);
    blur(spare, picture, ROWS, COLUMNS, COLUMNS, 1);
}

static void place_lesions(const struct phantom_planar_options *options, uint64_t *state,
                          struct phantom_planar_truth *truth)
{
    const size_t first = next(state) % PHANTOM_PLANAR_MAX_LESIONS;

    *truth = (struct phantom_planar_truth){ .count = options->lesions, .background = BACKGROUND };
    for (size_t n = 0; n < options->lesions; n++) {
        struct phantom_planar_spot *const one = &truth->lesion[n];
        const double *const place = places[(first + n) % PHANTOM_PLANAR_MAX_LESIONS];
        one->column = place[0] + 4 * (chance(state) - 0.5);
        one->row = place[1] + 4 * (chance(state) - 0.5);
        one->radius_mm = 12 + 8 * chance(state);
        one->counts[0] = BACKGROUND * (4 + 3 * chance(state));
        one->counts[1] = BACKGROUND * (4 + 3 * chance(state));
    }
}

bool phantom_planar_make(const struct phantom_planar_options *options, struct arena *arena,
                         struct volume *ret_volume, struct phantom_planar_truth *ret_truth,
                         struct error *err)
{
    struct volume volume = {
        .type = VOXEL_INT16, .unit = UNIT_COUNTS, .size = { COLUMNS, ROWS, 2 }, .slope = 1, .even = true,
        .planar = true,
        .affine = { { PHANTOM_PLANAR_MM, 0, 0, 0 }, { 0, 0, 1, 0 }, { 0, -PHANTOM_PLANAR_MM, 0, 0 } }
    };
    uint64_t state = options->seed;

    if (options->lesions > PHANTOM_PLANAR_MAX_LESIONS)
        return error_set(err, ERROR_USAGE, "%zu lesions in a planar phantom, %d have a place", options->lesions,
                         PHANTOM_PLANAR_MAX_LESIONS);
    volume.i16 = arena_take(arena, volume_count(&volume), sizeof *volume.i16, err);
    const size_t mark = arena_mark(arena);
    double *const picture = volume.i16 == NULL ? NULL : arena_take(arena, 2 * (size_t)PIXELS, sizeof *picture, err);
    if (picture == NULL)
        return false;
    place_lesions(options, &state, ret_truth);
    for (int view = 0; view < 2; view++) {
        paint(options, ret_truth, view, picture, picture + PIXELS);
        for (int n = 0; n < PIXELS; n++)
            volume.i16[view * PIXELS + n] = poisson(fmin(picture[n], MOST), &state);
    }
    arena_rewind(arena, mark);
    *ret_volume = volume;
    return true;
}
