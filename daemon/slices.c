/* Slices: a growing list of rows, with the tags of one of them kept as JSON; masks behind. */
#include "daemon/slices.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/job.h"
#include "daemon/store.h"
#include "dicom/mask.h"
#include "dicom/scan.h"
#include "dicom/sequence.h"
#include "dicom/uid.h"
#include "util/error.h"
#include "util/text.h"

struct slice {
    char sop_uid[TEXT_UID_SIZE], class_uid[TEXT_UID_SIZE];
    char sha256[DIGEST_HEX_SIZE];
    char path[256];
    double along_mm;            /* position on the normal */
};

struct slices {
    size_t count, masks, room;  /* slices, and the masks behind them */
    size_t others;              /* files of companions, behind those */
    size_t companion_count;
    struct slices_companion companion[SLICES_MAX_COMPANIONS];
    struct slice *slice;
    json_t *tags;               /* of the first in the index's order that is no localizer */
    bool of_localizer;          /* as long as there are only such */
    char calling_ae[17];
    bool failed;                /* no memory while listing */
};

/* `count` decimals separated by backslashes. */
static bool parse_decimals(const char *text, double *ret_values, int count)
{
    char copy[256];
    char *rest = copy;

    if (text == NULL || !text_format(copy, sizeof copy, "%s", text))
        return false;
    for (int i = 0; i < count; i++) {
        char *const one = strsep(&rest, "\\");
        if (one == NULL || !text_to_double(one, &ret_values[i]))
            return false;
    }
    return true;
}

static const char *tag_of(const json_t *tags, const char *keyword)
{
    return json_string_value(json_object_get(tags, keyword));
}

/* PS3.3 C.7.6.2: the normal is row × column. */
static bool read_normal(const json_t *tags, double ret_normal[3])
{
    double o[6];

    if (!parse_decimals(tag_of(tags, "ImageOrientationPatient"), o, 6))
        return false;
    ret_normal[0] = o[1] * o[5] - o[2] * o[4];
    ret_normal[1] = o[2] * o[3] - o[0] * o[5];
    ret_normal[2] = o[0] * o[4] - o[1] * o[3];
    return true;
}

/* 0 where the index has no geometry. */
static double position_on_normal(const json_t *tags)
{
    double at[3], normal[3];

    if (!parse_decimals(tag_of(tags, "ImagePositionPatient"), at, 3)
        || !read_normal(tags, normal))
        return 0;
    return at[0] * normal[0] + at[1] * normal[1] + at[2] * normal[2];
}

/* One among the slices is no reason to take them for localizers (dicom/stack.h sets it aside). */
static bool is_localizer(const json_t *tags)
{
    const char *const type = tag_of(tags, "ImageType");

    return type != NULL && strstr(type, "\\LOCALIZER") != NULL;
}

static void keep_tags(struct slices *slices, const struct store_instance *instance, json_t *tags)
{
    if (slices->tags != NULL && (!slices->of_localizer || is_localizer(tags)))
        return;
    json_decref(slices->tags);
    slices->tags = json_incref(tags);
    slices->of_localizer = is_localizer(tags);
    memcpy(slices->calling_ae, instance->calling_ae, sizeof slices->calling_ae);
}

/* A place behind all that are there; the caller counts it. */
static struct slice *grow(struct slices *slices)
{
    if (slices->count + slices->masks + slices->others == slices->room) {
        const size_t room = slices->room == 0 ? 64 : 2 * slices->room;
        struct slice *const more = reallocarray(slices->slice, room, sizeof *more);
        if (more == NULL)
            return NULL;
        slices->slice = more;
        slices->room = room;
    }
    return &slices->slice[slices->count + slices->masks + slices->others];
}

static void fill(const struct store_instance *instance, struct slice *slice)
{
    memcpy(slice->sop_uid, instance->sop_uid, sizeof slice->sop_uid);
    memcpy(slice->class_uid, instance->sop_class_uid, sizeof slice->class_uid);
    memcpy(slice->sha256, instance->sha256, sizeof slice->sha256);
    memcpy(slice->path, instance->path, sizeof slice->path);
}

static bool collect(const struct store_instance *instance, void *context)
{
    struct slices *const slices = context;
    struct slice *const slice = grow(slices);
    json_t *const tags = json_loads(instance->tags != NULL ? instance->tags : "{}", 0, NULL);

    if (slice == NULL) {
        slices->failed = true;
        json_decref(tags);
        return false;
    }
    slices->count++;
    fill(instance, slice);
    slice->along_mm = position_on_normal(tags);
    keep_tags(slices, instance, tags);
    json_decref(tags);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct slice *const left = a, *const right = b;

    if (left->along_mm != right->along_mm)
        return left->along_mm < right->along_mm ? -1 : 1;
    return strcmp(left->sop_uid, right->sop_uid);
}

static struct slices *read_series(struct store *store, const char *series_uid,
                                  store_instance_fn each, struct error *err)
{
    struct slices *const slices = calloc(1, sizeof *slices);

    if (slices == NULL)
        return error_null(err, ERROR_MEMORY, "series %s", series_uid);
    if (!store_each_instance(store, series_uid, each, slices, err)) {
        slices_free(slices);
        return NULL;
    }
    if (slices->failed || slices->count == 0) {
        error_set(err, slices->failed ? ERROR_MEMORY : ERROR_NOT_FOUND,
                  "series %s: %s", series_uid,
                  slices->failed ? "no memory to list it" : "no instances");
        slices_free(slices);
        return NULL;
    }
    qsort(slices->slice, slices->count, sizeof *slices->slice, compare);
    return slices;
}

static bool collect_first(const struct store_instance *instance, void *context)
{
    collect(instance, context);
    return false;
}

struct slices *slices_of_series(struct store *store, const char *series_uid,
                                struct error *err)
{
    return read_series(store, series_uid, collect, err);
}

struct slices *slices_head_of_series(struct store *store, const char *series_uid,
                                     struct error *err)
{
    return read_series(store, series_uid, collect_first, err);
}

/* ---- masks ---- */

struct study {                  /* while its masks are looked for */
    struct slices *slices;
    const char *series_uid;     /* of the slices */
    size_t count, room;
    struct { char uid[TEXT_UID_SIZE]; bool masks; } *series;
};

static bool collect_series(const struct store_series *series, void *context)
{
    struct study *const study = context;

    if (study->count == study->room) {
        const size_t room = study->room == 0 ? 16 : 2 * study->room;
        void *const more = reallocarray(study->series, room, sizeof *study->series);
        if (more == NULL) {
            study->slices->failed = true;
            return false;
        }
        study->series = more;
        study->room = room;
    }
    memcpy(study->series[study->count].uid, series->series_uid, TEXT_UID_SIZE);
    study->series[study->count++].masks = strcmp(series->modality, "SEG") == 0
        || strcmp(series->modality, "RTSTRUCT") == 0;
    return true;
}

/* One that names series of this study is of these; else its geometry tells (the worker looks). */
static bool may_belong(const struct study *study, const json_t *tags)
{
    const char *const referred = tag_of(tags, SLICES_REFERRED);

    if (referred == NULL || scan_refers(referred, study->series_uid))
        return true;
    for (size_t i = 0; i < study->count; i++)
        if (scan_refers(referred, study->series[i].uid))
            return false;
    return true;
}

static bool is_own(const json_t *tags)
{
    const char *const maker = tag_of(tags, "Manufacturer");
    const char *const model = tag_of(tags, "ManufacturerModelName");

    return maker != NULL && model != NULL && strcmp(maker, UID_MANUFACTURER) == 0
        && strcmp(model, UID_MODEL) == 0;
}

static bool collect_mask(const struct store_instance *instance, void *context)
{
    struct study *const study = context;
    struct slices *const slices = study->slices;
    json_t *const tags = json_loads(instance->tags != NULL ? instance->tags : "{}", 0, NULL);
    const bool wanted = mask_kind_of(instance->sop_class_uid) != MASK_NONE && !is_own(tags)
        && may_belong(study, tags);

    json_decref(tags);
    if (!wanted)
        return true;
    struct slice *const slice = grow(slices);
    if (slice == NULL) {
        slices->failed = true;
        return false;
    }
    fill(instance, slice);
    slices->masks++;
    return true;
}

/* What came back without our name on it is still ours. */
static bool drop_results(struct slices *slices, struct store *store, struct error *err)
{
    struct slice *const mask = slices->slice + slices->count;
    size_t kept = 0;

    for (size_t i = 0; i < slices->masks; i++) {
        bool is = false;
        if (!store_is_result(store, mask[i].sop_uid, &is, err))
            return false;
        if (!is)
            mask[kept++] = mask[i];
    }
    slices->masks = kept;
    return true;
}

static int compare_uids(const void *a, const void *b)
{
    return strcmp(((const struct slice *)a)->sop_uid, ((const struct slice *)b)->sop_uid);
}

bool slices_add_masks(struct slices *slices, struct store *store, const char *study_uid,
                      const char *series_uid, struct error *err)
{
    struct study study = { .slices = slices, .series_uid = series_uid };
    bool good = store_each_series(store, study_uid, collect_series, &study, err);

    for (size_t i = 0; good && i < study.count; i++)
        if (study.series[i].masks)
            good = store_each_instance(store, study.series[i].uid, collect_mask, &study, err);
    free(study.series);
    if (good && slices->failed)
        good = error_set(err, ERROR_MEMORY, "series %s: no memory to list its masks", series_uid);
    good = good && drop_results(slices, store, err);
    if (good && slices->masks > 1)
        qsort(slices->slice + slices->count, slices->masks, sizeof *slices->slice, compare_uids);
    return good;
}

bool slices_add_companion(struct slices *slices, const struct slices *other, int role,
                          const char *series_uid, struct error *err)
{
    if (slices->companion_count == SLICES_MAX_COMPANIONS)
        return error_set(err, ERROR_LIMIT, "more than %d companions", SLICES_MAX_COMPANIONS);
    struct slices_companion *const one = &slices->companion[slices->companion_count++];
    one->role = role;
    one->files = other->count;
    text_format(one->series_uid, sizeof one->series_uid, "%s", series_uid);
    for (size_t i = 0; i < other->count; i++) {
        struct slice *const slice = grow(slices);
        if (slice == NULL)
            return error_set(err, ERROR_MEMORY, "series %s: no memory to list it", series_uid);
        *slice = other->slice[i];
        slices->others++;
    }
    return true;
}

size_t slices_companion_count(const struct slices *slices)
{
    return slices == NULL ? 0 : slices->companion_count;
}

const struct slices_companion *slices_companion(const struct slices *slices, size_t index)
{
    return &slices->companion[index];
}

size_t slices_file_count(const struct slices *slices)
{
    return slices == NULL ? 0 : slices->count + slices->masks + slices->others;
}

size_t slices_mask_count(const struct slices *slices)
{
    return slices == NULL ? 0 : slices->masks;
}

void slices_free(struct slices *slices)
{
    if (slices == NULL)
        return;
    json_decref(slices->tags);
    free(slices->slice);
    free(slices);
}

size_t slices_count(const struct slices *slices)
{
    return slices == NULL ? 0 : slices->count;
}

/* No tag of its own: what the tags of an MR series tell (dicom/sequence.h). */
static const char *sequence_tag(void *slices)
{
    const struct slices *const all = slices;
    struct sequence sequence;

    if (strcmp(slices_modality(all), "MR") != 0)
        return NULL;
    sequence_of(slices_tag, slices, &sequence);
    return sequence.kind == SEQUENCE_UNKNOWN ? NULL : sequence_word(sequence.kind);
}

const char *slices_tag(const char *keyword, void *slices)
{
    const struct slices *const all = slices;

    return strcmp(keyword, "CallingAETitle") == 0 ? all->calling_ae
        : strcmp(keyword, SLICES_SEQUENCE) == 0 ? sequence_tag(slices)
        : tag_of(all->tags, keyword);
}

bool slices_span(const struct slices *slices, double *ret_low_mm, double *ret_high_mm,
                 double ret_normal[3], size_t *ret_places)
{
    *ret_low_mm = *ret_high_mm = 0;
    *ret_places = slices->count;
    if (tag_of(slices->tags, "ImagePositionPatient") == NULL
        || !read_normal(slices->tags, ret_normal))
        return false;
    *ret_low_mm = slices->slice[0].along_mm;
    *ret_high_mm = slices->slice[slices->count - 1].along_mm;
    for (size_t i = 1; i < slices->count; i++)
        if (slices->slice[i].along_mm - slices->slice[i - 1].along_mm < 0.01)
            --*ret_places;
    return true;
}

const char *slices_modality(const struct slices *slices)
{
    const char *const modality = tag_of(slices->tags, "Modality");

    return modality == NULL ? "" : modality;
}

const char *slices_sop_uid(const struct slices *slices, size_t index)
{
    return slices->slice[index].sop_uid;
}

const char *slices_class_uid(const struct slices *slices, size_t index)
{
    return slices->slice[index].class_uid;
}

int slices_open(const struct slices *slices, size_t index, const char *data_dir)
{
    char path[2048];

    if (!text_format(path, sizeof path, "%s/%s", data_dir, slices->slice[index].path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

void slices_key(const struct slices *slices, const char *parameters,
                char ret_key[DIGEST_HEX_SIZE])
{
    const size_t total = slices_file_count(slices);
    char (*const digests)[DIGEST_HEX_SIZE] = calloc(total, sizeof *digests);

    if (digests == NULL)
        abort();
    for (size_t i = 0; i < total; i++)
        memcpy(digests[i], slices->slice[i].sha256, DIGEST_HEX_SIZE);
    job_key((const char (*)[DIGEST_HEX_SIZE])digests, slices->count,
            slices->masks + slices->others, parameters, ret_key);
    free(digests);
}
