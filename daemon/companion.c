/* Companion: found by roles in the index, and measured by the worker one after the other. */
#include "daemon/companion.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "analysis/laid.h"
#include "analysis/organs.h"
#include "analysis/resample.h"
#include "daemon/inputs.h"
#include "daemon/job.h"
#include "daemon/rank.h"
#include "daemon/slices.h"
#include "daemon/store.h"
#include "dicom/series.h"
#include "dicom/uid.h"
#include "util/arena.h"
#include "util/error.h"

/* ---- which they are ---- */

struct found {                          /* the best of a role so far */
    struct slices *slices;
    struct rank_facts facts;
    char series_uid[TEXT_UID_SIZE];
};

struct list {
    size_t count;
    char uid[RANK_MAX_SERIES][TEXT_UID_SIZE];
};

static bool collect(const struct store_series *series, void *context)
{
    struct list *const list = context;

    if (list->count == RANK_MAX_SERIES)
        return false;
    memcpy(list->uid[list->count++], series->series_uid, TEXT_UID_SIZE);
    return true;
}

static enum laid_role role_of(const struct rank_facts *facts)
{
    switch (facts->sequence.kind) {
    case SEQUENCE_T1:    return LAID_T1;
    case SEQUENCE_T1C:   return LAID_T1C;
    case SEQUENCE_T2:    return LAID_T2;
    case SEQUENCE_FLAIR: return LAID_FLAIR;
    default:             break;
    }
    return strcmp(facts->modality, "CT") == 0 ? LAID_CT
        : strcmp(facts->modality, "PT") == 0 ? LAID_PT : LAID_ROLES;
}

/* MR finds its place by registration; CT and PET must have one frame of reference. */
static bool suits(const struct rank_facts *own, const struct rank_facts *other, unsigned wanted)
{
    const enum laid_role role = role_of(other);

    if (role == LAID_ROLES || role == role_of(own) || !(wanted >> role & 1)
        || other->places < 3 || !rank_overlap(own, other))
        return false;
    if (role != LAID_CT && role != LAID_PT)
        return strcmp(own->modality, "MR") == 0;
    return (strcmp(own->modality, "CT") == 0 || strcmp(own->modality, "PT") == 0)
        && own->frame_of_reference[0] != '\0'
        && strcmp(own->frame_of_reference, other->frame_of_reference) == 0;
}

/* Results of this program, localizers, and what is no image. */
static bool is_other(struct slices *slices, struct store *store, bool *ret_is, struct error *err)
{
    const char *const maker = slices_tag("Manufacturer", slices);
    const char *const model = slices_tag("ManufacturerModelName", slices);

    *ret_is = slices_tag("Rows", slices) == NULL
        || sequence_has(slices_tag("ImageType", slices), "LOCALIZER")
        || (maker != NULL && model != NULL && strcmp(maker, UID_MANUFACTURER) == 0
            && strcmp(model, UID_MODEL) == 0);
    return *ret_is || store_is_result(store, slices_sop_uid(slices, 0), ret_is, err);
}

/* Takes the slices over. */
static bool consider(struct slices *slices, const char *series_uid, struct store *store,
                     const struct rank_facts *own, unsigned wanted, struct found *found,
                     struct error *err)
{
    struct rank_facts facts;
    char against[200];
    bool is = true;
    const bool good = is_other(slices, store, &is, err);

    if (good && !is) {
        rank_read(slices, &facts);
        struct found *const best = suits(own, &facts, wanted) ? &found[role_of(&facts)] : NULL;
        if (best != NULL
            && (best->slices == NULL
                || rank_compare(&facts, &best->facts, against, sizeof against) < 0)) {
            slices_free(best->slices);
            best->slices = slices;
            best->facts = facts;
            memcpy(best->series_uid, series_uid, TEXT_UID_SIZE);
            return true;
        }
    }
    slices_free(slices);
    return good;
}

bool companion_add(struct slices *slices, struct store *store, const char *study_uid,
                   const char *series_uid, unsigned wanted, struct error *err)
{
    struct found found[LAID_ROLES] = { { .slices = NULL } };
    struct rank_facts own;
    struct list *const list = calloc(1, sizeof *list);
    bool good = list != NULL || error_set(err, ERROR_MEMORY, "the series of a study");

    rank_read(slices, &own);
    good = good && store_each_series(store, study_uid, collect, list, err);
    for (size_t i = 0; good && i < list->count; i++) {
        if (strcmp(list->uid[i], series_uid) == 0)
            continue;
        struct slices *const other = slices_of_series(store, list->uid[i], err);
        good = other == NULL ? err->code == ERROR_NOT_FOUND
            : consider(other, list->uid[i], store, &own, wanted, found, err);
    }
    for (int role = 0; role < LAID_ROLES; role++) {
        if (good && found[role].slices != NULL)
            good = slices_add_companion(slices, found[role].slices, role, found[role].series_uid,
                                        err);
        slices_free(found[role].slices);
    }
    free(list);
    return good;
}

/* ---- in the worker ---- */

static bool measure_one(struct inputs *inputs, const struct job_companion *one, size_t first,
                        const struct job *job, const struct volume *volume, struct dataset *source,
                        struct arena *arena, struct findings *findings, struct laid *laid,
                        struct error *err)
{
    const bool registers = one->role != LAID_CT && one->role != LAID_PT;
    struct series_facts facts;
    struct volume other;
    struct series *const series = series_new(one->files, arena, err);
    const bool good = series != NULL
        && inputs_load_from(inputs, first, one->files, arena, series, err)
        && series_is_patient_of(source, series_template(series), err)
        && series_volume(series, &other, &facts, err)
        && laid_measure(volume, &other, registers, findings, job->parameters.threads, arena,
                        laid, err);

    series_free(series);
    return good;
}

void companion_measure(struct inputs *inputs, const struct job *job, const struct volume *volume,
                       struct dataset *source, struct arena *arena, struct findings *findings)
{
    size_t first = job->file_count + job->mask_count;

    for (size_t i = 0; i < job->companion_count; i++) {
        const struct job_companion *const one = &job->companion[i];
        const size_t mark = arena_mark(arena);
        struct laid *const laid = &findings->laid[findings->laid_count];
        struct error err;
        memset(laid, 0, sizeof *laid);
        text_format(laid->role, sizeof laid->role, "%s", laid_role_name(one->role));
        text_format(laid->series_uid, sizeof laid->series_uid, "%s", one->series_uid);
        if (findings->laid_count < FINDINGS_MAX_LAID
            && measure_one(inputs, one, first, job, volume, source, arena, findings, laid, &err))
            findings->laid_count++;
        else
            findings_warn(findings, "%s could not be laid on it: %s", laid_role_name(one->role),
                          err.text);
        arena_rewind(arena, mark);
        first += one->files;
    }
}

static bool read_ct(struct inputs *inputs, const struct job *job, struct arena *arena,
                    struct volume *ret_volume, struct error *err)
{
    size_t first = job->file_count + job->mask_count;
    struct series_facts facts;

    for (size_t i = 0; i < job->companion_count; first += job->companion[i++].files)
        if (job->companion[i].role == LAID_CT) {
            struct series *const series = series_new(job->companion[i].files, arena, err);
            const bool good = series != NULL
                && inputs_load_from(inputs, first, job->companion[i].files, arena, series, err)
                && series_volume(series, ret_volume, &facts, err);
            series_free(series);
            return good || error_prefix(err, "the CT");
        }
    return error_set(err, ERROR_NOT_FOUND, "the study has no CT in the same frame of reference");
}

/* The CT's organs, and its liver as bytes on its own grid, which takes the place of its values. */
static bool find_liver(const struct volume *ct, int threads, struct arena *arena,
                       struct volume *ret_liver, double *ret_confidence, struct error *err)
{
    struct organs organs;

    if (!organs_takes(ct, "CT"))
        return error_set(err, ERROR_DATA, "the CT is none in which organs are known");
    if (organs_need(ct) > arena_limit(arena) - arena_used(arena))
        return error_set(err, ERROR_LIMIT, "the CT's organs need %zu MiB, and analysis.max_memory_mib "
                         "leaves %zu", organs_need(ct) >> 20,
                         (arena_limit(arena) - arena_used(arena)) >> 20);
    if (!volume_take_like(ct, VOXEL_UINT8, UNIT_NONE, arena, ret_liver, err)
        || !organs_find(ct, "CT", threads, arena, &organs, err)
        || !organs_mask(&organs, "liver", ret_liver->u8, err))
        return false;
    *ret_confidence = organs_get(&organs, ORGAN_LIVER)->confidence;
    return true;
}

static bool lay_liver(struct inputs *inputs, const struct job *job, const struct volume *volume,
                      struct arena *arena, uint8_t *to, double *ret_confidence, struct error *err)
{
    const int threads = job->parameters.threads;
    struct volume ct, liver, on;

    if (!read_ct(inputs, job, arena, &ct, err)
        || !find_liver(&ct, threads, arena, &liver, ret_confidence, err))
        return false;
    liver.even = true;                  /* to 5 %: as laid.c */
    if (!resample_onto(&liver, volume, NULL, RESAMPLE_NEAREST, 0, threads, arena, &on, err))
        return false;
    memcpy(to, on.u8, volume_count(volume));
    return true;
}

bool companion_liver(struct inputs *inputs, const struct job *job, const struct volume *volume,
                     struct arena *arena, uint8_t *to, double *ret_confidence, struct error *err)
{
    const size_t mark = arena_mark(arena);
    const bool good = lay_liver(inputs, job, volume, arena, to, ret_confidence, err);

    arena_rewind(arena, mark);
    return good || error_prefix(err, "no liver reference");
}
