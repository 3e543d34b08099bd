/* Plane: voxels of a plane through the window, stretched to square pixels. */
#include "reports/plane.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/window.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define SHORT_SIDE 256              /* pixels that a picture has at least, and at most: */
#define LONG_SIDE 1024
#define SAMPLES 65536               /* voxels that a window is found by */
#define TEXT 15

const char *const plane_names[PLANE_KINDS] = { "axial", "coronal", "sagittal" };

/* Which grid axis runs across, down and through, and whether against the picture's way. */
struct axes {
    int across, down, through;
    bool flip_across, flip_down, flip_through;
};

/* The cosine of grid axis `axis` to patient axis `patient` (0 L, 1 P, 2 S). */
static double cosine(const struct volume *volume, int axis, int patient)
{
    return volume->affine[patient][axis] / volume_spacing_mm(volume, axis);
}

/* The permutation of grid axes that is nearest to patient L, P, S. */
static void match_axes(const struct volume *volume, int ret_axis[3])
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
                                      { 2, 0, 1 }, { 2, 1, 0 } };
    double best = -1;

    for (int n = 0; n < 6; n++) {
        double sum = 0;
        for (int patient = 0; patient < 3; patient++)
            sum += fabs(cosine(volume, orders[n][patient], patient));
        if (sum <= best + 1e-9)
            continue;
        best = sum;
        for (int patient = 0; patient < 3; patient++)
            ret_axis[patient] = orders[n][patient];
    }
}

static struct axes find_axes(const struct volume *volume, enum plane_kind kind)
{
    /* Across runs to L or P, down to P or I; planes are counted to S, A and L. */
    static const int across[] = { 0, 0, 1 }, down[] = { 1, 2, 2 }, through[] = { 2, 1, 0 };
    int axis[3];

    match_axes(volume, axis);
    struct axes axes = { axis[across[kind]], axis[down[kind]], axis[through[kind]],
                         false, false, false };
    axes.flip_across = cosine(volume, axes.across, across[kind]) < 0;
    axes.flip_down = (cosine(volume, axes.down, down[kind]) < 0) != (down[kind] == 2);
    axes.flip_through = (cosine(volume, axes.through, through[kind]) < 0)
        != (kind == PLANE_CORONAL);
    return axes;
}

void plane_describe(const struct volume *volume, enum plane_kind kind,
                    struct plane_facts *ret_facts)
{
    const struct axes axes = find_axes(volume, kind);
    const double wide = (double)volume->size[axes.across]
        * volume_spacing_mm(volume, axes.across);
    const double high = (double)volume->size[axes.down] * volume_spacing_mm(volume, axes.down);
    const double finest = fmin(volume_spacing_mm(volume, axes.across),
                               volume_spacing_mm(volume, axes.down));
    const double scale = fmin(fmax(1 / finest, SHORT_SIDE / fmin(wide, high)),
                              LONG_SIDE / fmax(wide, high));

    ret_facts->count = volume->size[axes.through];
    ret_facts->step_mm = volume_spacing_mm(volume, axes.through);
    ret_facts->width = (size_t)fmax(1, wide * scale + 0.5);
    ret_facts->height = (size_t)fmax(1, high * scale + 0.5);
}

/* ---- window ---- */

static int compare_values(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

bool plane_window(const struct volume *volume, struct arena *arena, double *ret_center,
                  double *ret_width, struct error *err)
{
    const size_t count = volume_count(volume);
    const size_t samples = count < SAMPLES ? count : SAMPLES, mark = arena_mark(arena);
    double *const value = arena_take(arena, samples, sizeof *value, err);
    size_t known = 0;

    *ret_center = 40;
    *ret_width = 400;
    if (volume->unit == UNIT_HU)
        return true;
    if (value == NULL)
        return false;
    for (size_t n = 0; n < samples; n++) {
        value[known] = volume_value(volume, n * count / samples);
        known += isfinite(value[known]) != 0;
    }
    qsort(value, known, sizeof *value, compare_values);
    const double low = known == 0 ? 0 : value[known / 100];
    const double high = known == 0 ? 1 : value[known - 1 - known / 100];
    *ret_center = (low + high) / 2;
    *ret_width = fmax(high - low, 1);
    arena_rewind(arena, mark);
    return true;
}

/* ---- drawing ---- */

/* Step in voxels along each grid axis. */
static size_t stride(const struct volume *volume, int axis)
{
    return axis == 0 ? 1 : axis == 1 ? volume->size[0] : volume->size[0] * volume->size[1];
}

static void fill_grey(const struct volume *volume, const struct axes *axes, size_t index,
                      struct window window, uint8_t *grey)
{
    const size_t columns = volume->size[axes->across], rows = volume->size[axes->down];
    const size_t through = axes->flip_through ? volume->size[axes->through] - 1 - index : index;
    const bool whole = axes->across == 0 && !axes->flip_across;

    for (size_t y = 0; y < rows; y++) {
        const size_t row = through * stride(volume, axes->through)
            + (axes->flip_down ? rows - 1 - y : y) * stride(volume, axes->down);
        for (size_t x = 0; x < columns && !whole; x++)
            window_apply(volume, window, row + (axes->flip_across ? columns - 1 - x : x)
                         * stride(volume, axes->across), 1, grey + y * columns + x);
        if (whole)
            window_apply(volume, window, row, columns, grey + y * columns);
    }
}

/* Letters of the patient's sides at the picture's left and upper edge. */
static void draw_letters(struct canvas *canvas, enum plane_kind kind)
{
    static const char *const left[] = { "R", "R", "A" }, *const top[] = { "A", "S", "S" };
    static const struct color amber = { 255, 159, 10 };

    canvas_text(canvas, 6, (int)canvas->height / 2 + TEXT / 2, TEXT, amber, left[kind]);
    canvas_text(canvas, (int)canvas->width / 2 - TEXT / 3, TEXT + 4, TEXT, amber, top[kind]);
}

bool plane_draw(const struct volume *volume, enum plane_kind kind, size_t index,
                double center, double width, struct arena *arena,
                struct canvas *ret_canvas, struct error *err)
{
    const struct axes axes = find_axes(volume, kind);
    const size_t columns = volume->size[axes.across], rows = volume->size[axes.down];
    const size_t mark = arena_mark(arena);
    struct plane_facts facts;

    plane_describe(volume, kind, &facts);
    if (index >= facts.count)
        return error_set(err, ERROR_USAGE, "there are %zu %s planes, and %zu is none of them",
                         facts.count, plane_names[kind], index);
    uint8_t *const grey = arena_take(arena, columns * rows, 1, err);
    if (grey == NULL || !canvas_new(facts.width, facts.height, ret_canvas, err))
        return false;
    fill_grey(volume, &axes, index, window_make(center, width), grey);
    canvas_grey(ret_canvas, facts.width, facts.height, grey, columns, rows);
    draw_letters(ret_canvas, kind);
    arena_rewind(arena, mark);
    return true;
}
