/* Regions: components of a mask as measured lesions, the largest first. */
#include "analysis/regions.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/measure.h"
#include "analysis/split.h"
#include "analysis/uptake.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_PARTS 255                   /* of one component: labels of a byte */
#define LEAST_VOXELS 32                 /* fewer are never more than one */
#define LARGEST_BOX 4                   /* of the volume, its part that may be looked at in one piece */
#define SPARE_REGIONS 4096

bool regions_begin(const struct volume *volume, const char *method, const char *version,
                   struct arena *arena, struct findings *findings, struct error *err)
{
    memset(findings, 0, sizeof *findings);
    text_format(findings->method.name, sizeof findings->method.name, "%s", method);
    text_format(findings->method.version, sizeof findings->method.version, "%s", version);
    findings->method.parameters = "";
    findings->unit = volume->unit;
    findings->lesion = arena_take(arena, FINDINGS_MAX_SEGMENTS, sizeof *findings->lesion, err);
    return findings->lesion != NULL
        && volume_take_like(volume, VOXEL_UINT8, UNIT_NONE, arena, &findings->labels, err);
}

/* One to be told: a component, or a part of one. */
struct region {
    const struct component *component;
    const uint8_t *cut;             /* of the component's box and a voxel around it; NULL: the whole */
    uint8_t label;                  /* in `cut` */
    size_t voxels, low[3], high[3];
    double mm3;
    size_t order;                   /* of being found */
};

struct search {
    const struct volume *volume;
    const struct regions_rules *rules;
    struct components parts;
    struct region *region;
    size_t cut_room;                /* voxels of boxes that may still be kept */
    size_t count, spare, split;     /* regions, places beyond one a component, components split */
};

static int compare_sizes(const void *a, const void *b)
{
    const struct region *const left = a, *const right = b;

    if (left->voxels != right->voxels)
        return left->voxels > right->voxels ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

static double part_mm3(const struct volume *volume, const struct components *parts,
                       size_t number)
{
    const struct component *const one = &parts->component[number];
    double sum = 0;

    for (size_t k = one->low[2]; k <= one->high[2]; k++) {
        size_t voxels = 0;
        for (size_t row = k * parts->size[1]; row < (k + 1) * parts->size[1]; row++)
            for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
                if (parts->run[r].component == number)
                    voxels += parts->run[r].last - parts->run[r].first + 1;
        sum += (double)voxels * volume_voxel_mm3(volume, k);
    }
    return sum;
}

/* Sum of value × volume in ml over a component. */
static double part_uptake(const struct volume *volume, const struct components *parts, size_t number)
{
    const struct component *const one = &parts->component[number];
    double sum = 0;

    for (size_t row = one->low[2] * parts->size[1]; row < (one->high[2] + 1) * parts->size[1]; row++)
        for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++) {
            double line = 0;
            if (parts->run[r].component != number)
                continue;
            for (size_t i = parts->run[r].first; i <= parts->run[r].last; i++)
                line += volume_value(volume, row * parts->size[0] + i);
            sum += line * volume_voxel_mm3(volume, row / parts->size[1]) / 1000;
        }
    return sum;
}

/* ---- parts of one component ---- */

static void box_of(const struct component *one, size_t box[3])
{
    for (int axis = 0; axis < 3; axis++)
        box[axis] = one->high[axis] - one->low[axis] + 3;
}

/* The component alone, in its box with a voxel of nothing around it. */
static void crop(const struct components *parts, const struct component *one, const size_t box[3],
                 uint8_t *to)
{
    const size_t number = (size_t)(one - parts->component);

    memset(to, 0, box[0] * box[1] * box[2]);
    for (size_t k = one->low[2]; k <= one->high[2]; k++)
        for (size_t j = one->low[1]; j <= one->high[1]; j++) {
            const size_t row = k * parts->size[1] + j;
            uint8_t *const line = to + ((k - one->low[2] + 1) * box[1] + j - one->low[1] + 1) * box[0];
            for (size_t r = parts->row[row]; r < parts->row[row + 1]; r++)
                if (parts->run[r].component == number)
                    memset(line + parts->run[r].first - one->low[0] + 1, 1,
                           parts->run[r].last - parts->run[r].first + 1);
        }
}

/* Labels of its parts in `cut`, or false where there is one only. */
static bool split_one(const struct search *search, const size_t box[3], uint8_t *cut, size_t *ret_parts,
                      bool *ret_split, struct arena *arena, struct error *err)
{
    const size_t count = box[0] * box[1] * box[2], mark = arena_mark(arena);
    const struct volume *const volume = search->volume;
    const double spacing[3] = { volume_spacing_mm(volume, 0), volume_spacing_mm(volume, 1),
                                volume_spacing_mm(volume, 2) };
    uint32_t *const labels = arena_take(arena, count, sizeof *labels, err);

    if (labels == NULL
        || !split_mask(cut, box, spacing, search->rules->split, search->rules->threads, labels, ret_parts,
                       arena, err))
        return false;
    *ret_split = *ret_parts > 1 && *ret_parts <= MAX_PARTS;
    for (size_t i = 0; i < count && *ret_split; i++)
        cut[i] = (uint8_t)labels[i];
    arena_rewind(arena, mark);
    return true;
}

/* Sizes and boxes of the parts, in the volume's voxels. */
static void sum_parts(const struct search *search, const struct component *one, const size_t box[3],
                      const uint8_t *cut, struct region *region)
{
    size_t at[3];

    for (at[2] = 1; at[2] + 1 < box[2]; at[2]++)
        for (at[1] = 1; at[1] + 1 < box[1]; at[1]++)
            for (at[0] = 1; at[0] + 1 < box[0]; at[0]++) {
                const uint8_t label = cut[(at[2] * box[1] + at[1]) * box[0] + at[0]];
                struct region *const part = &region[label];
                if (label == 0)
                    continue;
                for (int axis = 0; axis < 3; axis++) {
                    const size_t place = at[axis] - 1 + one->low[axis];
                    if (part->voxels == 0 || place < part->low[axis])
                        part->low[axis] = place;
                    if (part->voxels == 0 || place > part->high[axis])
                        part->high[axis] = place;
                }
                part->voxels++;
                part->mm3 += volume_voxel_mm3(search->volume, at[2] - 1 + one->low[2]);
            }
}

/* A part below the least size stays with the largest of its component. */
static void join_small(const struct search *search, const size_t box[3], uint8_t *cut, size_t parts,
                       struct region *region)
{
    uint8_t to[MAX_PARTS + 1] = { 0 };
    size_t largest = 1;

    for (size_t n = 2; n <= parts; n++)
        if (region[n].voxels > region[largest].voxels)
            largest = n;
    for (size_t n = 1; n <= parts; n++)
        to[n] = (uint8_t)(region[n].mm3 < search->rules->least_mm3 ? largest : n);
    for (size_t i = 0; i < box[0] * box[1] * box[2]; i++)
        cut[i] = to[cut[i]];
}

/* Adds the parts of a component; *ret_split false when it has one only, or its box is too large. */
static bool add_parts(struct search *search, const struct component *one, bool *ret_split,
                      struct arena *arena, struct error *err)
{
    static const struct region none;
    struct region region[MAX_PARTS + 1];
    const size_t mark = arena_mark(arena);
    size_t box[3], parts = 0;

    box_of(one, box);
    *ret_split = false;
    const size_t whole = box[0] * box[1] * box[2];
    if (one->voxels < LEAST_VOXELS || whole > search->cut_room
        || whole > volume_count(search->volume) / LARGEST_BOX)
        return true;
    uint8_t *const cut = arena_take(arena, box[0] * box[1] * box[2], 1, err);
    if (cut == NULL)
        return false;
    crop(&search->parts, one, box, cut);
    if (!split_one(search, box, cut, &parts, ret_split, arena, err))
        return false;
    *ret_split = *ret_split && parts <= search->spare;
    for (int pass = 0; pass < 2 && *ret_split; pass++) {
        for (size_t n = 0; n <= parts; n++)
            region[n] = none;
        sum_parts(search, one, box, cut, region);
        if (pass == 0)
            join_small(search, box, cut, parts, region);
    }
    for (size_t n = 1; n <= parts && *ret_split; n++) {
        if (region[n].voxels == 0)
            continue;
        region[n].component = one;
        region[n].cut = cut;
        region[n].label = (uint8_t)n;
        region[n].order = search->count;
        search->region[search->count++] = region[n];
    }
    if (*ret_split)
        search->cut_room -= whole;
    else
        arena_rewind(arena, mark);
    return true;
}

/* ---- all of them ---- */

static void add_whole(struct search *search, const struct component *one, double mm3)
{
    struct region *const region = &search->region[search->count];

    *region = (struct region){ .component = one, .voxels = one->voxels, .mm3 = mm3,
                               .order = search->count };
    memcpy(region->low, one->low, sizeof region->low);
    memcpy(region->high, one->high, sizeof region->high);
    search->count++;
}

/* Those that are large enough, the largest first. */
static bool collect(struct search *search, struct findings *findings, struct arena *arena,
                    struct error *err)
{
    findings->total_mm3 = 0;
    findings->total_tlg = (struct measure){ volume_unit_is_suv(search->volume->unit), 0 };
    for (size_t c = 0; c < search->parts.count; c++) {
        const struct component *const one = &search->parts.component[c];
        const double mm3 = part_mm3(search->volume, &search->parts, c);
        const size_t before = search->count;
        bool split = false;
        if (mm3 < search->rules->least_mm3)
            continue;
        if (search->rules->split > 0 && !add_parts(search, one, &split, arena, err))
            return false;
        if (!split)
            add_whole(search, one, mm3);
        search->split += search->count - before > 1;
        search->spare -= search->count - before - 1;
        findings->total_mm3 += mm3;
        if (findings->total_tlg.known)
            findings->total_tlg.value += part_uptake(search->volume, &search->parts, c);
    }
    qsort(search->region, search->count, sizeof *search->region, compare_sizes);
    return true;
}

static void paint(const struct search *search, const struct region *region, uint8_t label, uint8_t *to)
{
    const size_t *const size = search->volume->size, *const low = region->component->low;
    size_t box[3];

    if (region->cut == NULL) {
        components_paint(&search->parts, (size_t)(region->component - search->parts.component), label, to);
        return;
    }
    box_of(region->component, box);
    for (size_t k = region->low[2]; k <= region->high[2]; k++)
        for (size_t j = region->low[1]; j <= region->high[1]; j++)
            for (size_t i = region->low[0]; i <= region->high[0]; i++)
                if (region->cut[((k - low[2] + 1) * box[1] + j - low[1] + 1) * box[0] + i - low[0] + 1]
                    == region->label)
                    to[(k * size[1] + j) * size[0] + i] = label;
}

static bool describe(const struct search *search, const struct region *region, uint32_t label,
                     struct arena *arena, struct findings *findings, struct error *err)
{
    struct lesion *const lesion = &findings->lesion[label - 1];
    const bool tumour = search->rules->kind == FINDING_NEOPLASM;

    *lesion = (struct lesion){ .label = label, .kind = search->rules->kind };
    memcpy(lesion->low, region->low, sizeof lesion->low);
    memcpy(lesion->high, region->high, sizeof lesion->high);
    text_format(lesion->tracking_id, sizeof lesion->tracking_id, "Region %u",
                (unsigned)label);
    text_format(lesion->finding.value, sizeof lesion->finding.value, tumour ? "108369006" : "52988006");
    text_format(lesion->finding.scheme, sizeof lesion->finding.scheme, "SCT");
    text_format(lesion->finding.meaning, sizeof lesion->finding.meaning, tumour ? "Neoplasm" : "Lesion");
    paint(search, region, (uint8_t)label, findings->labels.u8);
    return measure_lesion(search->volume, &findings->labels, lesion, arena, err)
        && uptake_measure(search->volume, &findings->labels, lesion, arena, err);
}

bool regions_tell(const struct volume *volume, const uint8_t *mask, const struct regions_rules *rules,
                  struct arena *arena, struct findings *findings, struct error *err)
{
    struct search search = { .volume = volume, .rules = rules };

    if (!components_find(mask, volume->size, 1, rules->connectivity, arena, &search.parts, err))
        return false;
    search.cut_room = volume_count(volume);
    search.spare = rules->split > 0 ? SPARE_REGIONS : 0;
    search.region = arena_take(arena, search.parts.count + search.spare, sizeof *search.region, err);
    if (search.region == NULL || !collect(&search, findings, arena, err))
        return false;
    findings->count = search.count;
    findings->segment_count = findings->count < FINDINGS_MAX_SEGMENTS ? findings->count
        : FINDINGS_MAX_SEGMENTS;
    memset(findings->labels.u8, 0, volume_count(volume));
    for (size_t n = 0; n < findings->segment_count; n++)
        if (!describe(&search, &search.region[n], (uint32_t)n + 1, arena, findings, err))
            return false;
    for (size_t n = 0; n < findings->segment_count; n++)
        if (!uptake_background(volume, &findings->labels, &findings->lesion[n], arena, err))
            return false;
    if (search.split > 0)
        findings_warn(findings, "%zu connected regions were split where they only touch", search.split);
    if (findings->count > findings->segment_count)
        findings_warn(findings, "%zu regions were found, the %zu largest are told one by one",
                      findings->count, findings->segment_count);
    return true;
}
