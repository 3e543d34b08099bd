/* Organs: the table of them, and the order of the search. */
#include "analysis/organs.h"

#include <stdio.h>
#include <string.h>

#include "analysis/organs_work.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define METHOD "organs-classical"
#define METHOD_VERSION "1"
#define LEAST_SLICES 3
#define MEASURE_BYTES ((size_t)18 << 20)    /* counts of values: 4 slabs of 14 labels of 65536 */

struct row {
    enum organ_id id;
    const char *modality, *name;
    struct code category, code;
    enum laterality laterality;
};

/* CID 7150 and SNOMED CT as PS3.16 has them. */
#define ANATOMY { "91723000", "SCT", "Anatomical Structure" }
#define TISSUE { "85756007", "SCT", "Tissue" }
#define LUNG { "39607008", "SCT", "Lung" }
#define KIDNEY { "64033007", "SCT", "Kidney" }
#define FAT { "248300009", "SCT", "Body fat" }

static const struct row rows[] = {
    { ORGAN_BODY, "CT", "body", ANATOMY, { "38266002", "SCT", "Entire body" }, LATERALITY_NONE },
    { ORGAN_HEAD, "MR", "head", ANATOMY, { "69536005", "SCT", "Head" }, LATERALITY_NONE },
    { ORGAN_BRAIN, "MR", "brain", ANATOMY, { "12738006", "SCT", "Brain" }, LATERALITY_NONE },
    { ORGAN_LUNG_LEFT, "CT", "left lung", ANATOMY, LUNG, LATERALITY_LEFT },
    { ORGAN_LUNG_RIGHT, "CT", "right lung", ANATOMY, LUNG, LATERALITY_RIGHT },
    { ORGAN_BONE, "CT", "bone", TISSUE, { "272673000", "SCT", "Bone" }, LATERALITY_NONE },
    { ORGAN_LIVER, "CT", "liver", ANATOMY, { "10200004", "SCT", "Liver" }, LATERALITY_NONE },
    { ORGAN_SPLEEN, "CT", "spleen", ANATOMY, { "78961009", "SCT", "Spleen" }, LATERALITY_NONE },
    { ORGAN_KIDNEY_LEFT, "CT", "left kidney", ANATOMY, KIDNEY, LATERALITY_LEFT },
    { ORGAN_KIDNEY_RIGHT, "CT", "right kidney", ANATOMY, KIDNEY, LATERALITY_RIGHT },
    { ORGAN_MUSCLE, "CT", "muscle", TISSUE, { "71616004", "SCT", "Muscle" }, LATERALITY_NONE },
    { ORGAN_FAT_SUBCUTANEOUS, "CT", "subcutaneous fat", TISSUE, FAT, LATERALITY_NONE },
    { ORGAN_FAT_VISCERAL, "CT", "visceral fat", TISSUE, FAT, LATERALITY_NONE }
};

#define ROWS (sizeof rows / sizeof *rows)

bool organs_takes(const struct volume *volume, const char *modality)
{
    const bool large = volume->size[0] >= LEAST_SLICES && volume->size[1] >= LEAST_SLICES
        && volume->size[2] >= LEAST_SLICES;

    return large && ((strcmp(modality, "CT") == 0 && volume->unit == UNIT_HU)
                     || strcmp(modality, "MR") == 0);
}

size_t organs_need(const struct volume *volume)
{
    return volume_count(volume) + organs_work_need(volume) + MEASURE_BYTES;
}

static void begin(const char *modality, struct organs *organs)
{
    memset(organs, 0, sizeof *organs);
    text_format(organs->method, sizeof organs->method, "%s", METHOD);
    text_format(organs->version, sizeof organs->version, "%s", METHOD_VERSION);
    for (size_t n = 0; n < ROWS; n++) {
        if (strcmp(rows[n].modality, modality) != 0)
            continue;
        struct organ *const organ = &organs->organ[organs->count++];
        organ->id = rows[n].id;
        organ->name = rows[n].name;
        organ->category = rows[n].category;
        organ->code = rows[n].code;
        organ->laterality = rows[n].laterality;
        text_format(organ->why_not, sizeof organ->why_not, "not looked for");
    }
}

static bool search(const struct volume *volume, const char *modality, int threads, struct arena *arena,
                   struct organs *organs, struct error *err)
{
    struct organs_work work = { .organs = organs };

    if (!organs_work_begin(volume, threads, arena, &work, err)
        || !(strcmp(modality, "CT") == 0
             ? organs_ct_frame(&work, err) && organs_ct_belly(&work, err) : organs_mr_head(&work, err)))
        return false;
    return organs_work_paint(&work, organs->labels.u8, err);
}

bool organs_find(const struct volume *volume, const char *modality, int threads, struct arena *arena,
                 struct organs *ret_organs, struct error *err)
{
    if (!organs_takes(volume, modality))
        return error_set(err, ERROR_UNSUPPORTED, "no organs are known for %s of %zu slices in %s",
                         modality, volume->size[2], volume_unit_name(volume->unit));
    begin(modality, ret_organs);
    if (!volume_take_like(volume, VOXEL_UINT8, UNIT_NONE, arena, &ret_organs->labels, err))
        return error_prefix(err, "organs");
    const size_t mark = arena_mark(arena);
    const bool good = search(volume, modality, threads, arena, ret_organs, err);
    arena_rewind(arena, mark);
    return (good && organs_measure(volume, threads, arena, ret_organs, err))
        || error_prefix(err, "organs");
}

/* ---- by name ---- */

/* Does the name, of an organ, a pair or the whole, take in the label? */
static bool takes_in(const char *name, const struct row *row)
{
    if (strcmp(name, "body") == 0 || strcmp(name, "head") == 0)
        return true;
    if (strcmp(name, "lungs") == 0)
        return row->id == ORGAN_LUNG_LEFT || row->id == ORGAN_LUNG_RIGHT;
    if (strcmp(name, "kidneys") == 0)
        return row->id == ORGAN_KIDNEY_LEFT || row->id == ORGAN_KIDNEY_RIGHT;
    return strcmp(name, row->name) == 0;
}

bool organs_name_is_known(const char *name, const char *modality)
{
    for (size_t n = 0; n < ROWS; n++)
        if ((modality == NULL || strcmp(modality, rows[n].modality) == 0)
            && (strcmp(name, rows[n].name) == 0
                || (takes_in(name, &rows[n]) && strcmp(name, "body") != 0 && strcmp(name, "head") != 0)))
            return true;
    return false;
}

const struct organ *organs_get(const struct organs *organs, enum organ_id id)
{
    for (size_t n = 0; n < organs->count; n++)
        if (organs->organ[n].id == id && organs->organ[n].found)
            return &organs->organ[n];
    return NULL;
}

/* Which labels belong to the name; false, and why, when nothing of it was found. */
static bool choose(const struct organs *organs, const char *name, bool wanted[ORGAN_END],
                   struct error *err)
{
    const char *why = NULL;
    bool any = false;

    for (size_t n = 0; n < ROWS; n++) {
        const bool in = takes_in(name, &rows[n]);
        const bool names = in && (strcmp(name, rows[n].name) == 0 || strcmp(name, "lungs") == 0
                                  || strcmp(name, "kidneys") == 0);
        wanted[rows[n].id] = wanted[rows[n].id] || in;
        for (size_t at = 0; names && at < organs->count; at++)
            if (organs->organ[at].id == rows[n].id) {
                any = any || organs->organ[at].found;
                why = organs->organ[at].why_not;
            }
    }
    return any || error_set(err, ERROR_NOT_FOUND, "%s not found: %s", name,
                            why != NULL ? why : "it was not looked for");
}

bool organs_mask(const struct organs *organs, const char *name, uint8_t *to, struct error *err)
{
    bool wanted[ORGAN_END] = { false };

    if (!organs_name_is_known(name, NULL))
        return error_set(err, ERROR_USAGE, "no organ is called %s", name);
    if (!choose(organs, name, wanted, err))
        return false;
    for (size_t i = 0; i < volume_count(&organs->labels); i++)
        to[i] = wanted[organs->labels.u8[i]];
    return true;
}

/* ---- windows ---- */

static const struct { const char *name, *code; } windows[ORGAN_WINDOWS] = {
    [WINDOW_BONE] = { "bone", "272673000" }, [WINDOW_KIDNEY] = { "kidney", "64033007" },
    [WINDOW_LIVER] = { "liver", "10200004" }, [WINDOW_LUNG] = { "lung", "39607008" },
    [WINDOW_SPLEEN] = { "spleen", "78961009" }
};

const char *organs_window_name(enum organ_window_id id)
{
    return windows[id].name;
}

enum organ_window_id organs_window_find(const char *name)
{
    int id = 0;

    while (id < ORGAN_WINDOWS && strcmp(windows[id].name, name) != 0)
        id++;
    return (enum organ_window_id)id;
}

void organs_set_windows(struct organs *organs, const struct organ_window own[ORGAN_WINDOWS])
{
    for (size_t n = 0; n < organs->count; n++)
        for (int id = 0; id < ORGAN_WINDOWS; id++)
            if (strcmp(organs->organ[n].code.value, windows[id].code) == 0)
                organs->organ[n].window = own[id];
}

const struct organ_window *organs_window_of(const struct organs *organs, const struct lesion *lesion)
{
    for (size_t n = 0; n < organs->count; n++) {
        const struct organ *const organ = &organs->organ[n];
        if (organ->window.width > 0 && organ->laterality == lesion->laterality
            && strcmp(organ->code.value, lesion->site.value) == 0)
            return &organ->window;
    }
    return NULL;
}
