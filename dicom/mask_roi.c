/*
 * Mask, region of interest: closed contours, filled plane by plane. A crossing of a contour's edge with a
 * row of voxel centres turns over everything to its right; so the order of contours, of points and their
 * sense do not matter, and a contour within another is a hole.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/mask_work.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define MAX_POINTS 4000000              /* of one structure */
#define FLAT 0.25                       /* of a slice: a contour's points may lie so far from its plane */
#define ROUNDING 1e-6                   /* of a slice */
#define LARGEST_REACH_MM 5.0
#define SAME_PLANE 0.005                /* of a slice: two planes are never filled as one */

/* ---- reading ---- */

static const struct item *find_roi(const struct item *root, uint32_t sequence_tag, long number)
{
    long other = 0;

    for (size_t i = 0; i < item_count(root, sequence_tag) && i < MASK_MAX_STRUCTURES; i++) {
        const struct item *const item = item_at(root, sequence_tag, i);
        if (item_int(item, 0x30060084, 0, &other) && other == number)
            return item;
    }
    return NULL;
}

static bool read_roi(struct mask *mask, const struct item *roi, struct error *err)
{
    struct mask_structure *const one = &mask->structure[mask->count];
    char type[17] = "";

    if (!item_int(roi, 0x30060022, 0, &one->number))
        return error_set(err, ERROR_DATA, "a region of interest without an ROI Number");
    item_utf8_at(roi, 0x30060026, 0, one->name, sizeof one->name);
    const struct item *const observation = find_roi(mask->root, 0x30060080, one->number);
    if (observation != NULL)
        item_text_at(observation, 0x300600a4, 0, type, sizeof type);
    mask_mean_roi(type, observation, one);
    mask->count++;
    return true;
}

bool mask_roi_read(struct mask *mask, struct error *err)
{
    const size_t count = item_count(mask->root, 0x30060020);

    if (count == 0)
        return error_set(err, ERROR_DATA, "a structure set without regions of interest");
    if (count > MASK_MAX_STRUCTURES)
        return error_set(err, ERROR_LIMIT, "%zu regions of interest, and at most %d are read", count,
                         MASK_MAX_STRUCTURES);
    for (size_t i = 0; i < count; i++)
        if (!read_roi(mask, item_at(mask->root, 0x30060020, i), err))
            return false;
    return true;
}

/* The frame of reference is the region's own; without one the set is of the series that it names. */
static bool check_frame(const struct mask *mask, const struct mask_structure *structure,
                        const struct volume *volume, struct error *err)
{
    char uid[TEXT_UID_SIZE] = "";
    long number;

    for (size_t i = 0; i < item_count(mask->root, 0x30060020); i++) {
        const struct item *const roi = item_at(mask->root, 0x30060020, i);
        if (item_int(roi, 0x30060022, 0, &number) && number == structure->number)
            item_text_at(roi, 0x30060024, 0, uid, sizeof uid);
    }
    return uid[0] == '\0' || volume->frame_of_reference_uid[0] == '\0'
        || strcmp(uid, volume->frame_of_reference_uid) == 0
        || error_set(err, ERROR_DATA, "it was drawn in another frame of reference");
}

/* ---- contours ---- */

struct contour {
    double k;                           /* its plane, in slices */
    size_t first, count;                /* of its points */
};

struct contours {
    size_t count, points, point_room;
    struct contour *contour;
    double (*point)[2];                 /* in voxels along i and j */
};

static void skip(struct mask_paint *paint, const char *why)
{
    if (paint->skipped++ == 0)
        text_format(paint->why_skipped, sizeof paint->why_skipped, "%s", why);
}

/* One number of Contour Data, and what is behind its '\'; DCMTK would count from the start each time. */
static bool next_number(const char **at, double *ret_value)
{
    char text[24];
    const size_t length = strcspn(*at, "\\");

    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, *at, length);
    text[length] = '\0';
    *at += length + ((*at)[length] == '\\');
    return text_to_double(text, ret_value) && fabs(*ret_value) <= 1e6;
}

static bool make_room(struct contours *all, size_t more, struct error *err)
{
    if (all->points + more > MAX_POINTS)
        return error_set(err, ERROR_LIMIT, "contours of more than %d points", MAX_POINTS);
    if (all->points + more <= all->point_room)
        return true;
    const size_t room = 2 * (all->points + more);
    void *const point = reallocarray(all->point, room, sizeof *all->point);
    if (point == NULL)
        return error_set(err, ERROR_MEMORY, "contours of %zu points", all->points + more);
    all->point = point;
    all->point_room = room;
    return true;
}

static size_t count_numbers(const char *text)
{
    size_t count = text[0] != '\0';

    for (; *text != '\0'; text++)
        count += *text == '\\';
    return count;
}

/* The points in voxels; false: some of them is no number. */
static bool read_points(const char *text, size_t count, const struct mask_grid *grid, struct contours *all,
                        struct contour *contour, double *ret_low, double *ret_high)
{
    double sum = 0;

    *ret_low = INFINITY;
    *ret_high = -INFINITY;
    for (size_t n = 0; n < count; n++) {
        double mm[3], voxel[3];
        for (int axis = 0; axis < 3; axis++)
            if (!next_number(&text, &mm[axis]))
                return false;
        mask_grid_place(grid, mm, voxel);
        all->point[contour->first + n][0] = voxel[0];
        all->point[contour->first + n][1] = voxel[1];
        *ret_low = fmin(*ret_low, voxel[2]);
        *ret_high = fmax(*ret_high, voxel[2]);
        sum += voxel[2];
    }
    contour->k = sum / (double)count;
    contour->count = count;
    return true;
}

/* Some programs write a contour twice; even-odd it would be none. */
static bool is_there(const struct contours *all, const struct contour *contour)
{
    for (size_t n = 0; n < all->count; n++)
        if (all->contour[n].count == contour->count && fabs(all->contour[n].k - contour->k) < SAME_PLANE
            && memcmp(all->point[all->contour[n].first], all->point[contour->first],
                      contour->count * sizeof *all->point) == 0)
            return true;
    return false;
}

static bool add_contour(const struct item *item, const struct mask_grid *grid, struct contours *all,
                        struct mask_paint *paint, struct error *err)
{
    char type[33];
    double low, high;
    const char *const text = item_text(item, 0x30060050);
    const size_t numbers = text == NULL ? 0 : count_numbers(text);
    struct contour contour = { .first = all->points };
    long told = 0;

    item_text_at(item, 0x30060042, 0, type, sizeof type);
    if (strcmp(type, "CLOSED_PLANAR") != 0 && strcmp(type, "CLOSEDPLANAR_XOR") != 0)
        skip(paint, "it is not closed and planar");
    else if (numbers < 9)
        skip(paint, "it has less than 3 points");
    else if (numbers % 3 != 0 || (item_int(item, 0x30060046, 0, &told) && told != (long)(numbers / 3)))
        skip(paint, "its number of points is not that of its coordinates");
    else if (!make_room(all, numbers / 3, err))
        return false;
    else if (!read_points(text, numbers / 3, grid, all, &contour, &low, &high))
        skip(paint, "a coordinate is no number");
    else if (high - low > 2 * FLAT)
        return error_set(err, ERROR_UNSUPPORTED, "its contours do not lie in the planes of the slices");
    else if (is_there(all, &contour))
        skip(paint, "it is there twice");
    else {
        all->contour[all->count++] = contour;
        all->points += contour.count;
    }
    return true;
}

static int compare_planes(const void *a, const void *b)
{
    const double left = ((const struct contour *)a)->k, right = ((const struct contour *)b)->k;

    return left < right ? -1 : left > right;
}

static bool read_contours(const struct item *roi, const struct mask_grid *grid, struct contours *all,
                          struct mask_paint *paint, struct error *err)
{
    const size_t count = roi == NULL ? 0 : item_count(roi, 0x30060040);

    if (count > MASK_MAX_CONTOURS)
        return error_set(err, ERROR_LIMIT, "%zu contours, and at most %d are read", count, MASK_MAX_CONTOURS);
    all->contour = calloc(count + 1, sizeof *all->contour);
    if (all->contour == NULL)
        return error_set(err, ERROR_MEMORY, "%zu contours", count);
    for (size_t n = 0; n < count; n++)
        if (!add_contour(item_at(roi, 0x30060040, n), grid, all, paint, err))
            return false;
    qsort(all->contour, all->count, sizeof *all->contour, compare_planes);
    return true;
}

/* ---- filling ---- */

/* Turns over, in each row that the edge crosses, the first voxel centre to its right. */
static void cross(const double from[2], const double to[2], const size_t size[3], uint8_t *edges)
{
    const double low = fmin(from[1], to[1]), high = fmax(from[1], to[1]);
    const double first = fmax(ceil(low), 0), last = fmin(ceil(high), (double)size[1]);

    for (double j = first; j < last; j++) {
        const double x = from[0] + (j - from[1]) / (to[1] - from[1]) * (to[0] - from[0]);
        const double i = fmax(floor(x) + 1, 0);
        if (i < (double)size[0])
            edges[(size_t)j * size[0] + (size_t)i] ^= 1;
    }
}

static void add_edges(const struct contours *all, const struct contour *contour, const size_t size[3],
                      uint8_t *edges)
{
    const double (*const point)[2] = (const double (*)[2])all->point + contour->first;

    for (size_t n = 0; n < contour->count; n++)
        cross(point[n], point[(n + 1) % contour->count], size, edges);
}

static size_t fill(const uint8_t *edges, const size_t size[3], uint8_t *slice)
{
    size_t painted = 0;

    for (size_t j = 0; j < size[1]; j++) {
        uint8_t inside = 0;
        for (size_t i = 0; i < size[0]; i++) {
            inside ^= edges[j * size[0] + i];
            painted += inside && slice[j * size[0] + i] == 0;
            slice[j * size[0] + i] |= inside;
        }
    }
    return painted;
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* Half of the median step between planes, in slices: so far a plane's contours reach, and not over a gap. */
static bool reach_of(const struct contours *all, const struct volume *volume, double *ret_reach,
                     struct arena *arena, struct error *err)
{
    const double most = fmax(0.5, LARGEST_REACH_MM / volume_spacing_mm(volume, 2));
    size_t steps = 0;
    double *const step = arena_take(arena, all->count + 1, sizeof *step, err);

    if (step == NULL)
        return false;
    for (size_t n = 1; n < all->count; n++) {
        step[steps] = all->contour[n].k - all->contour[n - 1].k;
        steps += step[steps] > SAME_PLANE;
    }
    qsort(step, steps, sizeof *step, compare_doubles);
    *ret_reach = fmin(steps > 0 ? step[steps / 2] / 2 : 0.5, most);
    return true;
}

/*
 * The plane next to slice k: contours first to last-1; none when the nearest is out of reach. Half way
 * between two slices it is of the upper one only, or its contours would count twice.
 */
static void plane_of(const struct contours *all, double k, double reach, size_t *ret_first, size_t *ret_last)
{
    double nearest = INFINITY;
    size_t best = all->count;

    for (size_t n = 0; n < all->count; n++) {
        const double away = k - all->contour[n].k;
        if (away > -reach + ROUNDING && away <= reach + ROUNDING && fabs(away) < nearest) {
            nearest = fabs(away);
            best = n;
        }
    }
    *ret_first = *ret_last = best;
    while (best < all->count && *ret_first > 0
           && all->contour[best].k - all->contour[*ret_first - 1].k < SAME_PLANE)
        --*ret_first;
    while (*ret_last < all->count && all->contour[*ret_last].k - all->contour[best].k < SAME_PLANE)
        ++*ret_last;
}

/* Those beyond the first and the last slice. */
static void drop_outside(struct contours *all, const struct volume *volume, struct mask_paint *paint)
{
    size_t kept = 0;

    for (size_t n = 0; n < all->count; n++)
        if (all->contour[n].k < -0.5 || all->contour[n].k > (double)volume->size[2] - 0.5)
            skip(paint, "it lies beyond the slices");
        else
            all->contour[kept++] = all->contour[n];
    all->count = kept;
}

static bool fill_slices(struct contours *all, const struct volume *volume, struct arena *arena,
                        uint8_t *voxels, struct mask_paint *paint, struct error *err)
{
    const size_t pixels = volume->size[0] * volume->size[1];
    double reach;
    uint8_t *const edges = arena_take(arena, pixels, 1, err);

    drop_outside(all, volume, paint);
    if (edges == NULL || !reach_of(all, volume, &reach, arena, err))
        return false;
    for (size_t k = 0; k < volume->size[2]; k++) {
        size_t first, last;
        plane_of(all, (double)k, reach, &first, &last);
        if (first == last)
            continue;
        paint->resampled = paint->resampled || fabs(all->contour[first].k - (double)k) > FLAT;
        memset(edges, 0, pixels);
        for (size_t n = first; n < last; n++)
            add_edges(all, &all->contour[n], volume->size, edges);
        paint->voxels += fill(edges, volume->size, voxels + k * pixels);
    }
    return true;
}

bool mask_roi_paint(struct mask *mask, const struct mask_structure *structure,
                    const struct volume *volume, struct arena *arena, uint8_t *voxels,
                    struct mask_paint *paint, struct error *err)
{
    struct mask_grid grid;
    struct contours all = { .count = 0 };
    const size_t mark = arena_mark(arena);
    const struct item *const roi = find_roi(mask->root, 0x30060039, structure->number);
    const bool good = check_frame(mask, structure, volume, err) && mask_grid_make(volume, &grid, err)
        && read_contours(roi, &grid, &all, paint, err)
        && fill_slices(&all, volume, arena, voxels, paint, err);

    free(all.contour);
    free(all.point);
    arena_rewind(arena, mark);
    return good;
}
