/* Given: one grid, masks on it, and the regions of them. */
#include "analysis/given.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/features.h"
#include "analysis/measure.h"
#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define METHOD "given-mask"
#define METHOD_VERSION "1"
#define NEAR 0.01                       /* of a voxel */
#define BINS 1024

static double corner_apart(const struct volume *a, const struct volume *b, int corner)
{
    double at[3], one[3], other[3], sum = 0;

    for (int axis = 0; axis < 3; axis++)
        at[axis] = corner >> axis & 1 ? (double)(a->size[axis] - 1) : 0;
    volume_to_patient(a, at, one);
    volume_to_patient(b, at, other);
    for (int axis = 0; axis < 3; axis++)
        sum += (one[axis] - other[axis]) * (one[axis] - other[axis]);
    return sqrt(sum);
}

/* An affine map is known by the corners. */
static bool one_grid(const struct volume *volume, const struct volume *labels, struct error *err)
{
    const size_t *const a = labels->size, *const b = volume->size;

    if (a[0] != b[0] || a[1] != b[1] || a[2] != b[2])
        return error_set(err, ERROR_DATA, "the mask has %zu x %zu x %zu voxels, the image %zu x %zu x %zu",
                         a[0], a[1], a[2], b[0], b[1], b[2]);
    for (int corner = 0; corner < 8; corner++) {
        const double apart = corner_apart(volume, labels, corner);
        if (!(apart <= NEAR * volume_diagonal_mm(volume)))
            return error_set(err, ERROR_DATA, "the mask lies up to %.1f mm beside the image", apart);
    }
    return true;
}

static uint32_t label_at(const struct volume *labels, size_t index)
{
    return labels->type == VOXEL_UINT8 ? labels->u8[index] : labels->u32[index];
}

static bool is_of(const struct given *given, uint32_t label)
{
    bool any = given->values == 0 && label > 0;

    for (size_t i = 0; i < given->values; i++)
        any = any || label == given->value[i];
    return any;
}

bool given_find(const struct volume *volume, const struct volume *labels, const struct given *given,
                struct arena *arena, struct findings *ret_findings, struct error *err)
{
    const size_t count = volume_count(volume);

    if (labels->type != VOXEL_UINT8 && labels->type != VOXEL_UINT32)
        return error_set(err, ERROR_DATA, "a mask whose voxels are no labels");
    if (!one_grid(volume, labels, err)
        || !regions_begin(volume, METHOD, METHOD_VERSION, arena, ret_findings, err))
        return false;
    const size_t mark = arena_mark(arena);
    uint8_t *const mask = arena_take(arena, count, 1, err);
    if (mask == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        mask[i] = is_of(given, label_at(labels, i));
    const struct regions_rules rules = { .connectivity = given->connectivity, .kind = FINDING_NEOPLASM,
                                         .threads = 1 };
    const bool good = regions_tell(volume, mask, &rules, arena, ret_findings, err);
    arena_rewind(arena, mark);
    return good;
}

/* ---- several structures ---- */

/* Where a part of the voxels lies below, to one bin. */
static double percentile(const size_t bin[BINS], size_t count, double part, double low, double step)
{
    size_t i = 0, passed = bin[0];

    while (i < BINS - 1 && (double)passed < part * (double)count)
        passed += bin[++i];
    return low + (double)i * step;
}

static void find_window(const struct volume *volume, struct findings *findings)
{
    size_t bin[BINS] = { 0 };
    const size_t count = volume_count(volume);
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < count; i++) {
        const double value = volume_value(volume, i);
        low = fmin(low, value);
        high = fmax(high, value);
    }
    const double step = high > low ? (high - low) / BINS : 1;
    for (size_t i = 0; i < count; i++) {
        const double at = (volume_value(volume, i) - low) / step;
        bin[at >= 0 && at < BINS ? (size_t)at : BINS - 1]++;
    }
    const double from = percentile(bin, count, 0.01, low, step);
    const double to = percentile(bin, count, 0.99, low, step) + step;
    findings->window_center = (from + to) / 2;
    findings->window_width = to - from;
}

bool given_begin(const struct volume *volume, double window_center, double window_width,
                 struct arena *arena, struct findings *ret_findings, struct error *err)
{
    if (!regions_begin(volume, METHOD, METHOD_VERSION, arena, ret_findings, err))
        return false;
    memset(ret_findings->labels.u8, 0, volume_count(volume));
    ret_findings->planar = volume->size[2] == 1;
    ret_findings->window_center = window_center;
    ret_findings->window_width = window_width;
    if (!(window_width > 0))
        find_window(volume, ret_findings);
    return true;
}

static uint8_t *layer_of(struct findings *findings, unsigned layer)
{
    return layer == 0 ? findings->labels.u8 : findings->layer[layer - 1].u8;
}

/* An organ is measured as a whole: its box, and a label for all of it. */
static bool measure_organ(const struct volume *volume, const struct given_structure *structure,
                          struct arena *arena, struct findings *one, struct error *err)
{
    struct lesion *const lesion = one->lesion;
    const size_t *const size = volume->size;
    size_t at[3], index = 0;

    *lesion = (struct lesion){ .label = 1, .kind = FINDING_ORGAN, .low = { size[0], size[1], size[2] } };
    for (at[2] = 0; at[2] < size[2]; at[2]++)
        for (at[1] = 0; at[1] < size[1]; at[1]++)
            for (at[0] = 0; at[0] < size[0]; at[0]++, index++) {
                one->labels.u8[index] = structure->mask[index];
                for (int axis = 0; axis < 3 && structure->mask[index] != 0; axis++) {
                    lesion->low[axis] = at[axis] < lesion->low[axis] ? at[axis] : lesion->low[axis];
                    lesion->high[axis] = at[axis] > lesion->high[axis] ? at[axis] : lesion->high[axis];
                }
            }
    one->segment_count = lesion->low[0] < size[0];
    return one->segment_count == 0 || measure_lesion(volume, &one->labels, lesion, arena, err);
}

/* Where the arena still has room for them: a mask comes beside the volume that fills it. */
static bool describe_regions(const struct volume *volume, int threads, struct arena *arena,
                             struct findings *one, struct error *err)
{
    if (arena_limit(arena) - arena_used(arena) < features_room(volume))
        return true;
    for (size_t n = 0; n < one->segment_count; n++) {
        struct lesion *const lesion = &one->lesion[n];
        if (!features_measure(volume, &one->labels, (uint8_t)lesion->label, lesion->low, lesion->high,
                              threads, arena, &lesion->features, err))
            return false;
    }
    return true;
}

static bool measure_structure(const struct volume *volume, const struct given_structure *structure,
                              int threads, struct arena *arena, struct findings *one, struct error *err)
{
    const struct regions_rules rules = { .connectivity = CONNECTIVITY_26, .kind = structure->kind,
                                         .threads = threads };

    if (!regions_begin(volume, METHOD, METHOD_VERSION, arena, one, err))
        return false;
    return structure->kind == FINDING_ORGAN ? measure_organ(volume, structure, arena, one, err)
        : regions_tell(volume, structure->mask, &rules, arena, one, err)
            && describe_regions(volume, threads, arena, one, err);
}

/* The first layer in which nothing lies where `labels` has something; the count of layers: none. */
static unsigned free_layer(struct findings *findings, const uint8_t *labels, size_t count)
{
    unsigned layer = 0;

    for (; layer <= findings->layer_count; layer++) {
        const uint8_t *const there = layer_of(findings, layer);
        size_t i = 0;
        while (i < count && (labels[i] == 0 || there[i] == 0))
            i++;
        if (i == count)
            break;
    }
    return layer;
}

static bool is_organ_label(const struct findings *findings, uint8_t label)
{
    return label > 0 && label <= findings->segment_count && findings->lesion[label - 1].kind == FINDING_ORGAN;
}

/* What of a region is in an earlier one already is in the totals already. */
static double add_totals(const struct volume *volume, struct findings *findings, const struct findings *one)
{
    const size_t slice = volume->size[0] * volume->size[1], count = volume_count(volume);
    double twice_mm3 = 0, twice_tlg = 0;

    for (size_t i = 0; i < count; i++) {
        bool there = false;
        if (one->labels.u8[i] == 0)
            continue;
        for (unsigned layer = 0; layer <= findings->layer_count && !there; layer++) {
            const uint8_t label = layer_of(findings, layer)[i];
            there = label > 0 && !is_organ_label(findings, label);
        }
        if (there) {
            const double mm3 = volume_voxel_mm3(volume, i / slice);
            twice_mm3 += mm3;
            twice_tlg += mm3 / 1000 * volume_value(volume, i);
        }
    }
    findings->count += one->count;
    findings->total_mm3 += one->total_mm3 - twice_mm3;
    findings->total_tlg.known = one->total_tlg.known && !findings->planar;
    findings->total_tlg.value += one->total_tlg.value - twice_tlg;
    return twice_mm3;
}

static void erase(struct findings *findings, const struct lesion *lesion, size_t count)
{
    uint8_t *const there = layer_of(findings, lesion->layer);

    for (size_t i = 0; i < count; i++)
        if (there[i] == lesion->label)
            there[i] = 0;
}

/* Organs give way to regions, and the smaller to the larger. */
static bool is_less(const struct lesion *a, const struct lesion *b)
{
    if ((a->kind == FINDING_ORGAN) != (b->kind == FINDING_ORGAN))
        return a->kind == FINDING_ORGAN;
    return a->voxels < b->voxels;
}

/* A place among those that are told, its old tenant gone; NULL where all others matter more. */
static struct lesion *take_place(struct findings *findings, const struct lesion *lesion, size_t count)
{
    struct lesion *least = findings->lesion;

    if (findings->segment_count < FINDINGS_MAX_SEGMENTS)
        return &findings->lesion[findings->segment_count++];
    for (size_t n = 1; n < findings->segment_count; n++)
        if (is_less(&findings->lesion[n], least))
            least = &findings->lesion[n];
    if (!is_less(least, lesion))
        return NULL;
    erase(findings, least, count);
    return least;
}

static void name_region(const struct given_structure *structure, size_t number, size_t of, struct lesion *lesion)
{
    lesion->given = true;
    if (structure->finding.value[0] != '\0')
        lesion->finding = structure->finding;
    lesion->site = structure->site;
    lesion->laterality = structure->laterality;
    if (of > 1)
        text_format(lesion->tracking_id, sizeof lesion->tracking_id, "%.56s %zu", structure->name, number);
    else
        text_format(lesion->tracking_id, sizeof lesion->tracking_id, "%.64s", structure->name);
}

static void tell_regions(const struct given_structure *structure, const struct findings *one, unsigned layer,
                         size_t count, struct findings *findings)
{
    uint8_t label[FINDINGS_MAX_SEGMENTS + 1] = { 0 };
    uint8_t *const to = layer_of(findings, layer);

    for (size_t n = 0; n < one->segment_count; n++) {
        struct lesion *const place = take_place(findings, &one->lesion[n], count);
        if (place == NULL)
            continue;
        *place = one->lesion[n];
        place->label = (uint32_t)(place - findings->lesion) + 1;
        place->layer = layer;
        if (findings->planar) {         /* as planar.c has it: there is no third dimension */
            place->longest_mm = place->axial_long_mm;
            place->tlg.known = false;
        }
        name_region(structure, n + 1, one->count, place);
        label[n + 1] = (uint8_t)place->label;
    }
    for (size_t i = 0; i < count; i++)
        if (one->labels.u8[i] != 0 && label[one->labels.u8[i]] != 0)
            to[i] = label[one->labels.u8[i]];
}

/* The next layer lies in the arena before anything is measured, so that its scratch can go. */
static bool prepare_layer(const struct volume *volume, struct arena *arena, struct findings *findings,
                          struct error *err)
{
    struct volume *const next = &findings->layer[findings->layer_count];

    if (findings->layer_count == FINDINGS_MAX_LAYERS || next->u8 != NULL)
        return true;
    if (!volume_take_like(volume, VOXEL_UINT8, UNIT_NONE, arena, next, err))
        return false;
    memset(next->u8, 0, volume_count(volume));
    return true;
}

static bool tell_structure(const struct volume *volume, const struct given_structure *structure,
                           const struct findings *one, struct findings *findings, struct error *err)
{
    const size_t count = volume_count(volume);
    const unsigned layer = free_layer(findings, one->labels.u8, count);

    if (layer > FINDINGS_MAX_LAYERS)
        return error_set(err, ERROR_LIMIT, "more than %d structures lie one upon the other",
                         FINDINGS_MAX_LAYERS + 1);
    const double twice_mm3 = structure->kind == FINDING_ORGAN ? 0 : add_totals(volume, findings, one);
    if (twice_mm3 > 0)
        findings_warn(findings, "%.60s overlaps what was drawn before it by %.2f ml, which the total counts once",
                      structure->name, twice_mm3 / 1000);
    if (layer > findings->layer_count)
        findings->layer_count = layer;
    tell_regions(structure, one, layer, count, findings);
    return true;
}

bool given_add(const struct volume *volume, const struct given_structure *structure, int threads,
               struct arena *arena, struct findings *findings, struct error *err)
{
    struct findings one;

    if (findings->labels.type != VOXEL_UINT8)
        return error_set(err, ERROR_UNSUPPORTED, "structures beside labels of more than a byte");
    if (!prepare_layer(volume, arena, findings, err))
        return false;
    const size_t mark = arena_mark(arena);
    const bool good = measure_structure(volume, structure, threads, arena, &one, err)
        && (one.segment_count == 0 || tell_structure(volume, structure, &one, findings, err));
    arena_rewind(arena, mark);
    return good || error_prefix(err, "structure %.60s", structure->name);
}

size_t given_drop_touching(const struct volume *volume, const uint8_t *mask, struct findings *findings)
{
    const size_t count = volume_count(volume);
    bool touched[FINDINGS_MAX_SEGMENTS + 1] = { false };
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (mask[i] != 0 && findings_label(findings, i) <= findings->segment_count)
            touched[findings_label(findings, i)] = true;
    for (size_t n = 0; n < findings->segment_count; n++) {
        struct lesion *const lesion = &findings->lesion[n];
        if (touched[lesion->label]) {
            erase(findings, lesion, count);
            findings->total_mm3 -= lesion->volume_mm3;
            findings->total_tlg.value -= lesion->tlg.value;
            findings->count--;
        } else {
            findings->lesion[kept++] = *lesion;
        }
    }
    const size_t dropped = findings->segment_count - kept;
    findings->segment_count = kept;
    given_end(findings);
    return dropped;
}

static int compare_lesions(const void *a, const void *b)
{
    const struct lesion *const left = a, *const right = b;

    if (is_less(left, right) || is_less(right, left))
        return is_less(left, right) ? 1 : -1;
    return left->label < right->label ? -1 : 1;
}

void given_end(struct findings *findings)
{
    const size_t count = volume_count(&findings->labels);
    uint8_t label[256] = { 0 };

    qsort(findings->lesion, findings->segment_count, sizeof *findings->lesion, compare_lesions);
    for (size_t n = 0; n < findings->segment_count; n++) {
        label[findings->lesion[n].label] = (uint8_t)(n + 1);
        findings->lesion[n].label = (uint32_t)n + 1;
    }
    for (unsigned layer = 0; layer <= findings->layer_count; layer++) {
        uint8_t *const there = layer_of(findings, layer);
        for (size_t i = 0; i < count; i++)
            there[i] = label[there[i]];
    }
}
