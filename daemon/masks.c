/* Masks: each object is read once; structures are painted one at a time, tumours before organs. */
#include "daemon/masks.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analyse.h"
#include "analysis/given.h"
#include "daemon/inputs.h"
#include "daemon/job.h"
#include "dicom/dataset.h"
#include "dicom/mask.h"
#include "dicom/series.h"
#include "util/arena.h"
#include "util/error.h"

#define MOST_MASKS 32
#define MOST_WARNINGS 8

struct object {                     /* a mask that was read */
    struct dataset *dataset;
    struct mask *mask;
    char name[110];                 /* "MIM Software Inc., RTstruct" */
    bool used;
};

struct masks {
    const struct job *job;
    const struct volume *volume;
    struct dataset *source;         /* series_template() of the slices */
    struct arena *arena;
    struct findings *findings;
    size_t count;
    struct object object[MOST_MASKS];
    uint8_t *voxels;                /* of the structure in hand */
    size_t taken;                   /* structures that are told */
    size_t warnings;
    char warning[MOST_WARNINGS][160];   /* told when the findings are there */
};

static void warn(struct masks *masks, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void warn(struct masks *masks, const char *format, ...)
{
    va_list list;

    if (masks->warnings == MOST_WARNINGS)
        return;
    va_start(list, format);
    vsnprintf(masks->warning[masks->warnings++], sizeof masks->warning[0], format, list);
    va_end(list);
}

/* For data sets of any character set: ASCII, and no '\', which separates values. */
static void to_plain(const char *text, char *buffer, size_t size)
{
    size_t used = 0;

    for (; *text != '\0' && used + 1 < size; text++)
        if ((*text & 0xc0) != 0x80)             /* one '?' for a character of several bytes */
            buffer[used++] = (char)(*text == '\\' ? '/' : *text >= ' ' && *text <= '~' ? *text : '?');
    buffer[used] = '\0';
}

/* ---- reading ---- */

static void name_object(struct object *object)
{
    const struct mask_about *const about = mask_about(object->mask);
    char maker[48], description[56];

    to_plain(about->maker[0] != '\0' ? about->maker : "an unknown maker", maker, sizeof maker);
    to_plain(about->description, description, sizeof description);
    text_format(object->name, sizeof object->name, "%s%s%s", maker, description[0] != '\0' ? ", " : "",
                description);
}

static bool read_object(struct masks *masks, struct inputs *inputs, size_t index, struct object *ret_object,
                        struct error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    const size_t mark = arena_mark(masks->arena);

    *ret_object = (struct object){ .dataset = NULL };
    if (inputs_read(inputs, index, masks->arena, &bytes, &size, err))
        ret_object->dataset = dataset_read(bytes, size, err);
    else if (err->code == ERROR_DENIED)
        return false;
    arena_rewind(masks->arena, mark);
    if (ret_object->dataset != NULL && series_is_patient_of(masks->source, ret_object->dataset, err))
        ret_object->mask = mask_read(ret_object->dataset, err);
    if (ret_object->mask == NULL) {
        dataset_free(ret_object->dataset);
        warn(masks, "a mask was not read: %s", err->text);
        ret_object->dataset = NULL;
    } else {
        name_object(ret_object);
    }
    return true;
}

/* The lease ends the job; a mask that is none does not. */
static bool read_objects(struct masks *masks, struct inputs *inputs, struct error *err)
{
    const struct job *const job = masks->job;

    for (size_t i = 0; i < job->mask_count; i++) {
        if (masks->count == MOST_MASKS) {
            warn(masks, "%zu masks came with the study, and %d of them are read", job->mask_count, MOST_MASKS);
            break;
        }
        if (!read_object(masks, inputs, job->file_count + i, &masks->object[masks->count], err))
            return false;
        masks->count += masks->object[masks->count].mask != NULL;
    }
    return true;
}

/* ---- one structure ---- */

static void tell_paint(struct masks *masks, const char *name, const struct mask_paint *paint)
{
    if (paint->resampled)
        warn(masks, "%.60s was drawn on another grid: the nearest voxels were taken", name);
    if (paint->outside > 0)
        warn(masks, "%.60s: %zu of its pixels lie outside of the series", name, paint->outside);
    if (paint->skipped > 0)
        warn(masks, "%.40s: %zu contour%s left out: %s", name, paint->skipped,
             paint->skipped == 1 ? " was" : "s were", paint->why_skipped);
}

/* Adds it to what is 1 in `voxels`; *ret_any: it belongs here, even if nothing is in it. */
static bool paint(struct masks *masks, struct object *object, size_t n, bool *ret_any)
{
    struct mask_paint painted;
    struct error err;
    char name[65];

    to_plain(mask_structure(object->mask, n)->name, name, sizeof name);
    *ret_any = false;
    if (!mask_paint(object->mask, n, masks->volume, masks->arena, masks->voxels, &painted, &err)) {
        warn(masks, "%.50s of %.40s is not used: %.60s", name, object->name, err.text);
        return false;
    }
    tell_paint(masks, name, &painted);
    /* Pixels without any that is set are somebody's answer; a structure without contours is none. */
    const bool says_nothing = painted.voxels == 0 && painted.outside == 0 && painted.skipped == 0;
    *ret_any = painted.voxels > 0
        || (says_nothing && mask_about(object->mask)->kind != MASK_RTSTRUCT);
    if (says_nothing)
        warn(masks, "%.60s is empty", name);
    return painted.voxels > 0;
}

static void copy_code(const struct mask_code *from, struct code *to)
{
    text_format(to->value, sizeof to->value, "%s", from->value);
    text_format(to->scheme, sizeof to->scheme, "%s", from->scheme);
    to_plain(from->meaning, to->meaning, sizeof to->meaning);
}

static void describe(const struct mask_structure *structure, struct given_structure *ret_given)
{
    static const struct code organ = { "113343008", "SCT", "Organ" };

    copy_code(&structure->type, &ret_given->finding);
    copy_code(&structure->site, &ret_given->site);
    ret_given->laterality = structure->left && structure->right ? LATERALITY_BILATERAL
        : structure->left ? LATERALITY_LEFT : structure->right ? LATERALITY_RIGHT : LATERALITY_NONE;
    ret_given->kind = structure->meaning == MASK_ORGAN ? FINDING_ORGAN
        : structure->meaning == MASK_LESION ? FINDING_CANDIDATE : FINDING_NEOPLASM;
    if (ret_given->kind != FINDING_ORGAN)
        return;
    if (ret_given->finding.value[0] == '\0')
        ret_given->finding = organ;
    ret_given->site = ret_given->finding;       /* findings.h: an organ's code is in its site */
}

/* What was painted becomes findings; where both look, our own regions give way to it. */
static bool add_painted(struct masks *masks, struct object *object, struct given_structure *given,
                        struct error *err)
{
    given->mask = masks->voxels;
    if (masks->job->parameters.masks == MASKS_BESIDE && given->kind != FINDING_ORGAN) {
        const size_t dropped = given_drop_touching(masks->volume, masks->voxels, masks->findings);
        if (dropped > 0)
            warn(masks, "%zu region%s of the method lie%s in %.60s and %s told by the mask alone", dropped,
                 dropped == 1 ? "" : "s", dropped == 1 ? "s" : "", given->name, dropped == 1 ? "is" : "are");
    }
    if (!given_add(masks->volume, given, masks->job->parameters.threads, masks->arena, masks->findings, err)) {
        if (err->code != ERROR_LIMIT && err->code != ERROR_UNSUPPORTED)
            return false;
        warn(masks, "not told: %s", err->text);
        return true;
    }
    masks->taken++;
    object->used = true;
    return true;
}

static void clear(struct masks *masks)
{
    memset(masks->voxels, 0, volume_count(masks->volume));
}

static bool add_structure(struct masks *masks, struct object *object, size_t n, struct error *err)
{
    struct given_structure given = { .mask = NULL };
    char name[65];
    bool any;

    clear(masks);
    if (!paint(masks, object, n, &any)) {
        object->used = object->used || any;
        masks->taken += any;
        return true;
    }
    describe(mask_structure(object->mask, n), &given);
    to_plain(mask_structure(object->mask, n)->name, name, sizeof name);
    if (name[0] == '\0')
        text_format(name, sizeof name, "structure %ld", mask_structure(object->mask, n)->number);
    given.name = name;
    return add_painted(masks, object, &given, err);
}

/* Necrosis, oedema and what takes up contrast are one tumour. */
static bool add_parts(struct masks *masks, struct object *object, struct error *err)
{
    struct given_structure given = { .kind = FINDING_NEOPLASM, .name = "Tumour" };
    size_t painted = 0;
    bool any;

    clear(masks);
    for (size_t n = 0; n < mask_count(object->mask); n++)
        if (mask_structure(object->mask, n)->meaning == MASK_TUMOUR_PART) {
            const bool good = paint(masks, object, n, &any);
            painted += good;
            masks->taken += any && !good;
            object->used = object->used || any;
        }
    return painted == 0 || add_painted(masks, object, &given, err);
}

static bool add_object(struct masks *masks, struct object *object, bool organs, struct error *err)
{
    for (size_t n = 0; n < mask_count(object->mask); n++) {
        const enum mask_meaning meaning = mask_structure(object->mask, n)->meaning;
        const bool wanted = organs ? meaning == MASK_ORGAN : meaning == MASK_TUMOUR || meaning == MASK_LESION;
        if (wanted && !add_structure(masks, object, n, err))
            return false;
    }
    return organs || add_parts(masks, object, err);
}

static bool add_objects(struct masks *masks, bool organs, struct error *err)
{
    for (size_t i = 0; i < masks->count; i++)
        if (!add_object(masks, &masks->object[i], organs, err))
            return error_prefix(err, "the mask of %.60s", masks->object[i].name);
    return true;
}

/* ---- what is told of them ---- */

/* A set that names other series of the study did not come here; one that names none is told of. */
static void tell_objects(struct masks *masks, const char *series_uid)
{
    for (size_t i = 0; i < masks->count; i++) {
        const struct object *const object = &masks->object[i];
        if (object->used)
            findings_warn(masks->findings, "taken from the mask given by %s%s", object->name,
                          mask_refers(object->mask, series_uid) ? "" : ", which does not name this series");
        else
            findings_warn(masks->findings, "nothing is taken from the mask given by %s", object->name);
    }
    for (size_t i = 0; i < masks->warnings; i++)
        findings_warn(masks->findings, "%s", masks->warning[i]);
}

static json_t *list_objects(const struct masks *masks)
{
    static const char *const kinds[] = { "", "SEG", "LABELMAP", "RTSTRUCT" };
    json_t *const list = json_array();

    for (size_t i = 0; i < masks->count; i++) {
        const struct mask_about *const about = mask_about(masks->object[i].mask);
        if (masks->object[i].used)
            json_array_append_new(list, json_pack("{s:s s:s s:s}", "from", masks->object[i].name, "kind",
                                                  kinds[about->kind], "sop", about->sop_uid));
    }
    return list;
}

/* The parameters that count: the method's beside it, and the masks that were taken. */
static bool put_parameters(struct masks *masks, bool looked, struct error *err)
{
    json_t *const object = looked ? json_loads(masks->job->parameter_text, 0, NULL) : json_object();
    struct findings *const findings = masks->findings;

    if (object != NULL) {
        json_object_set_new(object, "given_masks", list_objects(masks));
        json_object_set_new(object, "given_rule", json_string("centre of the voxel; connectivity 26"));
    }
    char *const text = object == NULL ? NULL : json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT
                                                          | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    json_decref(object);
    findings->method.parameters = text == NULL ? error_null(err, ERROR_MEMORY, "parameters as JSON")
        : arena_text(masks->arena, text, err);
    free(text);
    return findings->method.parameters != NULL;
}

static void note_count(struct findings *findings)
{
    size_t told = 0;

    for (size_t n = 0; n < findings->segment_count; n++)
        told += findings->lesion[n].kind != FINDING_ORGAN;
    if (findings->count > told)
        findings_warn(findings, "%zu regions are in the masks, the %zu largest are told one by one",
                      findings->count, told);
}

/* ---- the whole ---- */

bool masks_take(struct masks *masks, struct findings *ret_findings, bool *ret_found, struct error *err)
{
    const struct analysis_parameters *const parameters = &masks->job->parameters;
    const size_t mark = arena_mark(masks->arena);

    *ret_found = false;
    masks->findings = ret_findings;
    if (parameters->masks == MASKS_BESIDE)
        return true;
    if (!given_begin(masks->volume, parameters->window_center, parameters->window_width, masks->arena,
                     ret_findings, err)
        || !add_objects(masks, false, err))
        return false;
    *ret_found = masks->taken > 0;
    if (!*ret_found)
        arena_rewind(masks->arena, mark);
    return true;
}

static void put_method(struct masks *masks)
{
    struct method *const method = &masks->findings->method;
    const size_t length = strlen(method->name);

    text_format(method->name + length, sizeof method->name - length, "+given-mask");
}

bool masks_add(struct masks *masks, bool found, struct dataset *source, struct findings *findings,
               struct error *err)
{
    char series_uid[TEXT_UID_SIZE];

    masks->findings = findings;
    findings->method.parameters = masks->job->parameter_text;
    item_text_at(dataset_root(source), 0x0020000e, 0, series_uid, sizeof series_uid);
    if ((masks->job->parameters.masks == MASKS_BESIDE && !add_objects(masks, false, err))
        || !add_objects(masks, true, err))
        return false;
    given_end(findings);
    if (masks->taken > 0 && !found)
        put_method(masks);
    if (masks->taken > 0 && !put_parameters(masks, !found, err))
        return false;
    note_count(findings);
    tell_objects(masks, series_uid);
    return true;
}

struct masks *masks_new(struct inputs *inputs, const struct job *job, const struct volume *volume,
                        struct dataset *source, struct arena *arena, struct error *err)
{
    struct masks *const masks = calloc(1, sizeof *masks);

    if (masks == NULL)
        return error_null(err, ERROR_MEMORY, "the masks of a job");
    masks->job = job;
    masks->volume = volume;
    masks->source = source;
    masks->arena = arena;
    masks->voxels = arena_take(arena, volume_count(volume), 1, err);
    if (masks->voxels != NULL && read_objects(masks, inputs, err))
        return masks;
    masks_free(masks);
    return NULL;
}

void masks_free(struct masks *masks)
{
    for (size_t i = 0; masks != NULL && i < masks->count; i++) {
        mask_free(masks->object[i].mask);
        dataset_free(masks->object[i].dataset);
    }
    free(masks);
}
