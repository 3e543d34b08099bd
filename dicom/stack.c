/* Stack: frames as ranges of one list, which is sorted anew for each splitting. */
#include "dicom/stack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/frame.h"
#include "dicom/series.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define SAME_COSINE 1e-3
#define SAME_SPACING 2e-4           /* of a pixel's: a tenth of one over 512 */
#define SAME_PLACE_MM 0.01
#define MAX_GEOMETRIES 256

struct part {                       /* a range of the list */
    size_t from, count;
    size_t geometry;
    double clash_mm;                /* where different pixels lie at one position, or NAN */
};

struct parts {
    struct frame **list;
    double *value;                  /* scratch, one for each frame */
    size_t count;
    struct part *part;
    size_t dropped;                 /* duplicates */
};

/* What is not told counts as before all values. */
static double value_of(const struct frame *frame, enum frame_dimension dimension)
{
    const double value = frame->dimension[dimension];

    return isnan(value) ? -1 : value;
}

static void normal_of(const struct frame *frame, double ret[3])
{
    const double *const o = frame->orientation;

    ret[0] = o[1] * o[5] - o[2] * o[4];
    ret[1] = o[2] * o[3] - o[0] * o[5];
    ret[2] = o[0] * o[4] - o[1] * o[3];
}

static bool same_geometry(const struct frame *a, const struct frame *b)
{
    if (a->format.rows != b->format.rows || a->format.columns != b->format.columns
        || a->localizer != b->localizer)
        return false;
    for (int i = 0; i < 6; i++)
        if (fabs(a->orientation[i] - b->orientation[i]) > SAME_COSINE)
            return false;
    for (int i = 0; i < 2; i++)
        if (fabs(a->spacing[i] - b->spacing[i]) > SAME_SPACING * b->spacing[i])
            return false;
    return true;
}

/* ---- order ---- */

static int compare_place(const void *a, const void *b)
{
    const struct frame *const left = *(struct frame *const *)a;
    const struct frame *const right = *(struct frame *const *)b;

    if (left->along != right->along)
        return left->along < right->along ? -1 : 1;
    const int by_uid = strcmp(left->uid, right->uid);
    return by_uid != 0 ? by_uid : (left->number > right->number) - (left->number < right->number);
}

static int by_dimension(const void *a, const void *b, enum frame_dimension dimension)
{
    const double left = value_of(*(struct frame *const *)a, dimension);
    const double right = value_of(*(struct frame *const *)b, dimension);

    return left < right ? -1 : left > right ? 1 : compare_place(a, b);
}

#define BY(name, dimension) \
    static int name(const void *a, const void *b) { return by_dimension(a, b, dimension); }
BY(by_temporal, DIMENSION_TEMPORAL)
BY(by_b_value, DIMENSION_B_VALUE)
BY(by_direction, DIMENSION_DIRECTION)
BY(by_echo, DIMENSION_ECHO)
BY(by_type, DIMENSION_TYPE)
BY(by_index, DIMENSION_INDEX)
BY(by_acquisition, DIMENSION_ACQUISITION)
BY(by_trigger, DIMENSION_TRIGGER)
BY(by_acquisition_time, DIMENSION_ACQUISITION_TIME)
BY(by_content_time, DIMENSION_CONTENT_TIME)
BY(by_instance, DIMENSION_INSTANCE)

static void sort_by(struct frame **list, size_t count, enum frame_dimension dimension)
{
    static int (*const by[DIMENSIONS])(const void *, const void *) = {
        by_temporal, by_b_value, by_direction, by_echo, by_type, by_index, by_acquisition,
        by_trigger, by_acquisition_time, by_content_time, by_instance
    };

    qsort(list, count, sizeof *list, by[dimension]);
}

static void sort_by_place(struct frame **list, size_t count)
{
    qsort(list, count, sizeof *list, compare_place);
}

/* ---- splitting ---- */

static bool same_place(const struct frame *a, const struct frame *b)
{
    return fabs(a->along - b->along) < SAME_PLACE_MM;
}

/* The frames at the place of list[at], which is sorted by place. */
static size_t run_length(struct frame *const *list, size_t count, size_t at)
{
    size_t length = 1;

    while (at + length < count && same_place(list[at + length - 1], list[at + length]))
        length++;
    return length;
}

static size_t longest_run(struct frame *const *list, size_t count)
{
    size_t longest = 0;

    for (size_t at = 0; at < count;) {
        const size_t length = run_length(list, count, at);
        longest = length > longest ? length : longest;
        at += length;
    }
    return longest;
}

static bool differs_at_a_place(struct frame *const *list, size_t count,
                               enum frame_dimension dimension)
{
    for (size_t i = 1; i < count; i++)
        if (same_place(list[i - 1], list[i])
            && value_of(list[i - 1], dimension) != value_of(list[i], dimension))
            return true;
    return false;
}

static int compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static size_t count_values(struct parts *parts, size_t from, size_t count,
                           enum frame_dimension dimension)
{
    size_t values = 1;

    for (size_t i = 0; i < count; i++)
        parts->value[i] = value_of(parts->list[from + i], dimension);
    qsort(parts->value, count, sizeof *parts->value, compare_doubles);
    for (size_t i = 1; i < count; i++)
        values += parts->value[i] != parts->value[i - 1];
    return values;
}

/* Its pixels, and what they mean; localizers have none, and are told apart by nothing. */
static bool same_content(const struct frame *a, const struct frame *b)
{
    const size_t size = (size_t)a->format.rows * (size_t)a->format.columns * sizeof *a->pixels;

    if (a->pixels == NULL || b->pixels == NULL)
        return a->pixels == b->pixels;
    return a->slope == b->slope && a->intercept == b->intercept
        && a->format.is_signed == b->format.is_signed && memcmp(a->pixels, b->pixels, size) == 0;
}

/* Keeps one of those that are alike at one place; the new count. */
static size_t drop_duplicates(struct parts *parts, size_t from, size_t count)
{
    struct frame **const list = parts->list + from;
    size_t kept = 0, place = 0;         /* place: where the kept ones of this place begin */

    for (size_t i = 0; i < count; i++) {
        bool known = false;
        if (i > 0 && !same_place(list[kept - 1], list[i]))
            place = kept;
        for (size_t n = place; n < kept && !known; n++)
            known = same_content(list[n], list[i]);
        if (known)
            parts->dropped++;
        else
            list[kept++] = list[i];
    }
    return kept;
}

/*
 * Whether `times` volumes follow each other: every place has as many frames, and the r-th ones
 * of all places, by the dimension, come before all those of the next. The range is then sorted
 * by it.
 */
static bool follow_each_other(struct frame **list, size_t count, size_t times,
                              enum frame_dimension dimension)
{
    const size_t places = count / times;

    for (size_t at = 0; at < count; at += times)
        if (run_length(list, count, at) != times)
            return false;
    for (size_t i = 0; i < count; i++)
        if (isnan(list[i]->dimension[dimension]))
            return false;
    sort_by(list, count, dimension);
    for (size_t r = 0; r < times; r++) {
        struct frame **const volume = list + r * places;
        if (r > 0 && volume[-1]->dimension[dimension] >= volume[0]->dimension[dimension])
            return false;
        sort_by_place(volume, places);
        if (longest_run(volume, places) != 1)
            return false;
    }
    return true;
}

static void add_part(struct parts *parts, size_t from, size_t count, size_t geometry,
                     double clash_mm)
{
    parts->part[parts->count++] = (struct part){ from, count, geometry, clash_mm };
}

static double clash_of(struct frame *const *list, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (same_place(list[i - 1], list[i]))
            return list[i]->along;
    return NAN;
}

/* What values have not told apart: duplicates, or volumes one after the other. */
static void split_in_order(struct parts *parts, size_t from, size_t count, size_t geometry)
{
    struct frame **const list = parts->list + from;

    count = drop_duplicates(parts, from, count);
    const size_t times = longest_run(list, count);
    for (int d = DIMENSION_FIRST_ORDER; times > 1 && d < DIMENSIONS; d++) {
        if (follow_each_other(list, count, times, (enum frame_dimension)d)) {
            for (size_t r = 0; r < times; r++)
                add_part(parts, from + r * (count / times), count / times, geometry, NAN);
            return;
        }
        sort_by_place(list, count);
    }
    add_part(parts, from, count, geometry, clash_of(list, count));
}

/* Splits by the first dimension from `first` on that tells, and goes on in what it gives. */
static void split(struct parts *parts, size_t from, size_t count, size_t geometry, int first)
{
    struct frame **const list = parts->list + from;

    sort_by_place(list, count);
    const size_t times = longest_run(list, count);
    for (int d = first; times > 1 && d < DIMENSION_FIRST_ORDER; d++) {
        const enum frame_dimension dimension = (enum frame_dimension)d;
        if (!differs_at_a_place(list, count, dimension)
            || count_values(parts, from, count, dimension) > times)
            continue;
        sort_by(list, count, dimension);
        for (size_t begin = 0, i = 1; i <= count; i++) {
            if (i < count && value_of(list[i], dimension) == value_of(list[begin], dimension))
                continue;
            split(parts, from + begin, i - begin, geometry, d + 1);
            begin = i;
        }
        return;
    }
    if (times > 1)
        split_in_order(parts, from, count, geometry);
    else
        add_part(parts, from, count, geometry, NAN);
}

/* Brings frames of one geometry together in the list, and splits each. */
static bool split_all(struct parts *parts, struct frame *frames, size_t count,
                      struct error *err)
{
    double normal[3];
    size_t filled = 0;

    for (size_t i = 0; i < count; i++)
        parts->list[i] = &frames[i];
    for (size_t geometry = 0; filled < count; geometry++) {
        const size_t from = filled;
        const struct frame *const first = parts->list[from];
        if (geometry == MAX_GEOMETRIES)
            return error_set(err, ERROR_LIMIT, "slices of more than %d orientations or sizes",
                             MAX_GEOMETRIES);
        normal_of(first, normal);
        for (size_t i = from; i < count; i++) {
            struct frame *const one = parts->list[i];
            if (!same_geometry(first, one))
                continue;
            one->along = one->position[0] * normal[0] + one->position[1] * normal[1]
                + one->position[2] * normal[2];
            parts->list[i] = parts->list[filled];
            parts->list[filled++] = one;
        }
        split(parts, from, filled - from, geometry, 0);
    }
    return true;
}

/* ---- choosing ---- */

enum rule { RULE_LOCALIZER, RULE_SLICES, RULE_DIMENSION, RULE_SOUND, RULE_FIRST };

/* By which rule `a` is before `b`, or -1 when it is not. */
static int is_before(const struct parts *parts, const struct part *a, const struct part *b,
                     enum frame_dimension *ret_dimension)
{
    const struct frame *const left = parts->list[a->from], *const right = parts->list[b->from];

    if (left->localizer != right->localizer)
        return right->localizer ? RULE_LOCALIZER : -1;
    if (a->count != b->count)
        return a->count > b->count ? RULE_SLICES : -1;
    for (int d = 0; d < DIMENSIONS; d++) {
        const double l = value_of(left, (enum frame_dimension)d);
        const double r = value_of(right, (enum frame_dimension)d);
        *ret_dimension = (enum frame_dimension)d;
        if (l != r)
            return l < r ? RULE_DIMENSION : -1;
    }
    if (isnan(a->clash_mm) != isnan(b->clash_mm))
        return isnan(a->clash_mm) ? RULE_SOUND : -1;
    return a < b ? RULE_FIRST : -1;
}

static const struct part *best_of(const struct parts *parts)
{
    const struct part *best = &parts->part[0];
    enum frame_dimension dimension;

    for (size_t i = 1; i < parts->count; i++)
        if (is_before(parts, &parts->part[i], best, &dimension) >= 0)
            best = &parts->part[i];
    return best;
}

/* The value as it is read, where it is a number that means something. */
static void write_value(const struct frame *frame, enum frame_dimension dimension, char *text,
                        size_t size)
{
    static const char *const kinds[] = { "magnitude", "phase", "real", "imaginary", "a map" };
    const double value = frame->dimension[dimension];

    if (isnan(value))
        text_format(text, size, "%s not told", frame_dimension_name(dimension));
    else if (dimension == DIMENSION_TYPE)
        text_format(text, size, "image type %s", kinds[(int)value]);
    else
        text_format(text, size, "%s %g", frame_dimension_name(dimension), value);
}

/* Is its value a number that a reader knows? */
static bool has_number(enum frame_dimension dimension)
{
    return dimension != DIMENSION_DIRECTION && dimension != DIMENSION_INDEX
        && dimension != DIMENSION_ACQUISITION_TIME && dimension != DIMENSION_CONTENT_TIME;
}

static const char *plane_of(const struct frame *frame)
{
    static const char *const planes[] = { "sagittal", "coronal", "axial" };
    double normal[3];
    int most = 0;

    normal_of(frame, normal);
    for (int axis = 1; axis < 3; axis++)
        if (fabs(normal[axis]) > fabs(normal[most]))
            most = axis;
    return planes[most];
}

static void tell_reason(const struct parts *parts, const struct part *best,
                        const struct part *part, char *text, size_t size)
{
    enum frame_dimension dimension = DIMENSION_INSTANCE;
    const int rule = is_before(parts, best, part, &dimension);
    char own[64], other[64];

    if (rule == RULE_LOCALIZER) {
        text_format(text, size, "a localizer");
    } else if (rule == RULE_SLICES) {
        text_format(text, size, "fewer slices than the %zu analysed", best->count);
    } else if (rule == RULE_DIMENSION && !has_number(dimension)) {
        text_format(text, size, "another %s than the one analysed",
                    frame_dimension_name(dimension));
    } else if (rule == RULE_DIMENSION) {
        write_value(parts->list[part->from], dimension, own, sizeof own);
        write_value(parts->list[best->from], dimension, other, sizeof other);
        text_format(text, size, "%s; analysed: %s", own, other);
    } else if (rule == RULE_SOUND) {
        text_format(text, size, "different slices at one position");
    } else {
        text_format(text, size, "the analysed one came first");
    }
}

static void tell_one(const struct parts *parts, const struct part *best,
                     const struct part *part, struct series_stack *told)
{
    const struct frame *const frame = parts->list[part->from];

    told->slices = part->count;
    told->columns = (size_t)frame->format.columns;
    told->rows = (size_t)frame->format.rows;
    text_format(told->plane, sizeof told->plane, "%s", plane_of(frame));
    told->reason[0] = '\0';
    if (part != best)
        tell_reason(parts, best, part, told->reason, sizeof told->reason);
}

/* The analysed one first, so that it is among those that are told. */
static void tell(const struct parts *parts, const struct part *best, struct series_facts *facts)
{
    size_t told = 0;

    tell_one(parts, best, best, &facts->stack[told++]);
    for (size_t i = 0; i < parts->count && told < SERIES_MAX_STACKS; i++)
        if (&parts->part[i] != best)
            tell_one(parts, best, &parts->part[i], &facts->stack[told++]);
    facts->stack_count = parts->count;
    if (parts->count > 1)
        series_warn(facts, "%zu of %zu stacks of slices in the series were not analysed",
                    parts->count - 1, parts->count);
    if (parts->dropped > 0)
        series_warn(facts, "%zu duplicate slice%s left out", parts->dropped,
                    parts->dropped == 1 ? " was" : "s were");
}

bool stack_choose(struct frame *frames, size_t count, struct arena *arena,
                  struct stack *ret_stack, struct series_facts *facts, struct error *err)
{
    struct parts parts = { .count = 0 };

    parts.list = arena_take(arena, count, sizeof *parts.list, err);
    parts.value = parts.list == NULL ? NULL : arena_take(arena, count, sizeof *parts.value, err);
    parts.part = parts.value == NULL ? NULL : arena_take(arena, count, sizeof *parts.part, err);
    if (parts.part == NULL || !split_all(&parts, frames, count, err))
        return false;
    const struct part *const best = best_of(&parts);
    if (parts.list[best->from]->localizer)
        return error_set(err, ERROR_UNSUPPORTED, "a localizer");
    if (!isnan(best->clash_mm))
        return error_set(err, ERROR_DATA, "two slices at the same position, %.2f mm along the "
                         "normal, differ in their pixels, and nothing tells which is meant",
                         best->clash_mm);
    tell(&parts, best, facts);
    ret_stack->count = best->count;
    ret_stack->frame = parts.list + best->from;
    normal_of(ret_stack->frame[0], ret_stack->normal);
    return true;
}
