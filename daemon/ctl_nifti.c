/* Ctl's NIfTI: whose volume it is, of which modality, and the way through reports/images.h. */
#include "daemon/ctl_nifti.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/ctl.h"
#include "daemon/ctl_labels.h"
#include "reports/images.h"
#include "util/arena.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/nifti.h"
#include "util/text.h"
#include "util/volume.h"

#define MAX_VOXELS ((size_t)1 << 31)
#define MAX_CHANNELS 1024
#define AIR_BELOW (-500)                /* no other modality has such values in whole regions */
#define BONE_ABOVE 200

struct role {
    const char *suffix, *modality, *description;    /* modality NULL: labels; "": not told */
};

/* What BraTS, 3D-IRCADb's conversions, KiTS and others put behind the case's name. */
static const struct role roles[] = {
    { "t1", "MR", "T1" }, { "t1n", "MR", "T1" }, { "t1w", "MR", "T1" },
    { "t1ce", "MR", "T1ce" }, { "t1gd", "MR", "T1ce" }, { "t1c", "MR", "T1ce" },
    { "t2", "MR", "T2" }, { "t2w", "MR", "T2" }, { "flair", "MR", "FLAIR" }, { "t2f", "MR", "FLAIR" },
    { "ct", "CT", "CT" }, { "pet", "PT", "PET" }, { "suv", "PT", "PET" },
    { "imaging", "", "image" }, { "image", "", "image" }, { "img", "", "image" },
    { "seg", NULL, NULL }, { "segmentation", NULL, NULL }, { "segmentations", NULL, NULL },
    { "mask", NULL, NULL }, { "label", NULL, NULL }, { "labels", NULL, NULL }, { "pred", NULL, NULL }
};

struct subject {                        /* what a name says */
    char stem[200], folder[200], patient[65], where[2048];   /* where: all before the stem */
    const struct role *role;            /* NULL: none that is known */
};

struct taking {
    const struct ctl *ctl;
    const struct ctl_nifti_visitor *visitor;
    struct subject subject;
    struct nifti nifti;
    enum nifti_order order;
    size_t channels;
    const char *date;
    char digest[DIGEST_HEX_SIZE];
};

bool ctl_nifti_is(const unsigned char *head, size_t size)
{
    return size >= 348 && (memcmp(head + 344, "n+1", 4) == 0 || memcmp(head + 4, "n+2", 4) == 0);
}

/* ---- names ---- */

static bool is_separator(const char *at)
{
    return *at == '/' || (at[0] == ':' && at[1] == ' ');
}

static void cut_suffix(char *stem)
{
    static const char *const suffixes[] = { ".gz", ".nii" };

    for (size_t i = 0; i < 2; i++) {
        const size_t length = strlen(stem), tail = strlen(suffixes[i]);
        if (length > tail && strcasecmp(stem + length - tail, suffixes[i]) == 0)
            stem[length - tail] = '\0';
    }
}

/* "cohort/BraTS2021_00495/BraTS2021_00495_t1ce.nii.gz": the file's own name and its folder's. */
static void split_name(const char *name, struct subject *subject)
{
    const char *begin = name, *before = name, *end = name;

    for (const char *at = name; *at != '\0'; at++)
        if (is_separator(at)) {
            before = begin;
            end = at;
            begin = at + (*at == '/' ? 1 : 2);
        }
    text_format(subject->stem, sizeof subject->stem, "%s", begin);
    cut_suffix(subject->stem);
    text_format(subject->folder, sizeof subject->folder, "%.*s", (int)(end - before), before);
    text_format(subject->where, sizeof subject->where, "%.*s", (int)(begin - name), name);
}

static void name_subject(const char *name, struct subject *subject)
{
    char shown[2048];

    *subject = (struct subject){ .role = NULL };
    text_printable(name, shown, sizeof shown);
    split_name(shown, subject);
    for (char *at = subject->stem; *at != '\0'; at++)
        *at = *at == '\\' ? '_' : *at;     /* it would separate values */
    const size_t length = strlen(subject->stem);
    size_t kept = length;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        const size_t tail = strlen(roles[i].suffix);
        if (length < tail || strcasecmp(subject->stem + length - tail, roles[i].suffix) != 0
            || (length > tail && strchr("_-.", subject->stem[length - tail - 1]) == NULL))
            continue;
        subject->role = &roles[i];
        kept = length > tail ? length - tail - 1 : 0;
    }
    /* A file that is called "t1" or "imaging" alone: its folder is the case. */
    text_format(subject->patient, sizeof subject->patient, "%.*s",
                kept > 0 ? (int)kept : (int)strlen(subject->folder),
                kept > 0 ? subject->stem : subject->folder);
    for (char *at = subject->patient; *at != '\0'; at++)
        if (*at == '\\' || *at == '^' || *at == '=')
            *at = '_';
    if (subject->patient[0] == '\0')
        text_format(subject->patient, sizeof subject->patient, "NIFTI");
}

/* ---- modality ---- */

/* Air and bone in one volume: nothing but CT has them by these numbers. */
static bool looks_like_ct(const struct volume *volume)
{
    const size_t count = volume_count(volume);
    size_t air = 0, bone = 0;

    for (size_t i = 0; i < count; i++) {
        const double value = volume_value(volume, i);
        air += value < AIR_BELOW;
        bone += value > BONE_ABOVE;
    }
    return air > count / 200 && bone > count / 10000;
}

static const char *modality_of(const struct taking *taking, const struct volume *volume)
{
    const struct role *const role = taking->subject.role;

    return taking->ctl->modality != NULL ? taking->ctl->modality
        : role != NULL && role->modality[0] != '\0' ? role->modality : looks_like_ct(volume) ? "CT" : NULL;
}

/* ---- one channel ---- */

/* Labels of its case may come. */
static bool remember(struct taking *taking, const struct volume *volume, const struct images_about *about,
                     const unsigned char *first, size_t size, struct error *err)
{
    const struct ctl_labels_image image = {
        .where = taking->subject.where, .patient = taking->subject.patient,
        .description = about->series_description, .date = about->date, .series_key = about->series_key,
        .volume = volume, .first = first, .first_size = size
    };

    return ctl_labels_remember(taking->visitor->labels, &image, err);
}

static bool write_images(struct taking *taking, const struct volume *volume,
                         const struct images_about *about, struct error *err)
{
    struct images *const images = images_new(volume, about, err);
    bool good = images != NULL;

    for (size_t k = 0; good && k < volume->size[2]; k++) {
        unsigned char *bytes = NULL;
        size_t size = 0;
        good = images_write(images, k, &bytes, &size, err)
            && (k > 0 || remember(taking, volume, about, bytes, size, err))
            && (taking->visitor->image(bytes, size, taking->visitor->context)
                || error_set(err, ERROR_IO, "its images could not all be kept"));
        free(bytes);
    }
    images_free(images);
    return good;
}

/* Keys name UIDs: as digests, whatever they are made of. */
static void make_key(char key[DIGEST_HEX_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void make_key(char key[DIGEST_HEX_SIZE], const char *format, ...)
{
    unsigned char digest[DIGEST_SIZE];
    char *text = NULL;
    va_list values;

    va_start(values, format);
    const int size = vasprintf(&text, format, values);
    va_end(values);
    digest_of(size < 0 ? "" : text, size < 0 ? 0 : (size_t)size, digest);
    digest_hex(digest, key);
    if (size >= 0)
        free(text);
}

static bool take_channel(struct taking *taking, size_t channel, struct arena *arena, struct error *err)
{
    const struct subject *const subject = &taking->subject;
    char study_key[DIGEST_HEX_SIZE], series_key[DIGEST_HEX_SIZE], frame_key[DIGEST_HEX_SIZE];
    char description[65], derivation[300];
    struct volume volume;

    if (!nifti_read_image(&taking->nifti, taking->order, channel, arena, &volume, err))
        return false;
    const char *const modality = modality_of(taking, &volume);
    if (modality == NULL)
        return error_set(err, ERROR_UNSUPPORTED, "a NIfTI file whose modality neither name nor values "
                         "tell: give --modality=CT, MR or PT");
    const double (*const a)[4] = (const double (*)[4])volume.affine;
    make_key(study_key, "nifti study %s/%s", subject->where, subject->patient);
    make_key(series_key, "%s series %s %s %s %d %zu", study_key, subject->stem, taking->digest, modality,
             (int)taking->order, channel);
    make_key(frame_key, "%s %zux%zux%zu %.5g %.5g %.5g %.5g %.5g %.5g %.5g %.5g %.5g "
             "%.5g %.5g %.5g", study_key, volume.size[0], volume.size[1], volume.size[2], a[0][0],
             a[0][1], a[0][2], a[0][3], a[1][0], a[1][1], a[1][2], a[1][3], a[2][0], a[2][1], a[2][2],
             a[2][3]);
    const char *const what = subject->role != NULL ? subject->role->description : subject->stem;
    if (taking->channels > 1)
        text_format(description, sizeof description, "%.40s, channel %zu of %zu", what, channel + 1,
                    taking->channels);
    else
        text_format(description, sizeof description, "%.64s", what);
    text_format(derivation, sizeof derivation, "From NIfTI-%d %.180s", taking->nifti.version, subject->stem);
    const struct images_about about = {
        .modality = modality, .study_key = study_key, .series_key = series_key, .frame_key = frame_key,
        .patient_id = subject->patient, .patient_name = subject->patient,
        .study_description = "Imported from NIfTI", .series_description = description,
        .derivation = derivation, .date = taking->date,
        .series_number = 1 + (int)(subject->role != NULL ? 100 * (subject->role - roles) : 0)
            + (int)channel
    };
    return write_images(taking, &volume, &about, err);
}

static bool take_channels(struct taking *taking, struct error *err)
{
    const size_t *const dim = taking->nifti.dim;
    size_t voxels = 1;
    bool good = true;

    taking->channels = nifti_channels(&taking->nifti, taking->order);
    if (taking->channels > MAX_CHANNELS)
        return error_set(err, ERROR_LIMIT, "a NIfTI file of %zu channels", taking->channels);
    for (int i = 0; i < 5; i++)
        if (__builtin_mul_overflow(voxels, dim[i], &voxels))
            voxels = SIZE_MAX;
    voxels /= taking->channels == 0 ? 1 : taking->channels;
    if (voxels > MAX_VOXELS)
        return error_set(err, ERROR_LIMIT, "a NIfTI file of %zu voxels a volume", voxels);
    struct arena *const arena = arena_new(voxels * 4 + (1 << 20), err);
    if (arena == NULL)
        return false;
    for (size_t i = 0; good && i < taking->channels; i++) {
        arena_reset(arena);
        good = take_channel(taking, i, arena, err);
    }
    arena_free(arena);
    return good;
}

/* ---- labels ---- */

bool ctl_nifti_is_labels(const char *name)
{
    struct subject subject;

    name_subject(name, &subject);
    return subject.role != NULL && subject.role->modality == NULL;
}

static bool read_stack(struct taking *taking, struct arena *arena, struct volume *volumes, struct error *err)
{
    for (size_t i = 0; i < taking->channels; i++)
        if (!nifti_read_labels(&taking->nifti, taking->order, i, arena, &volumes[i], err))
            return false;
    return true;
}

static bool take_labels(struct taking *taking, struct error *err)
{
    const size_t *const dim = taking->nifti.dim;
    unsigned char *bytes = NULL;
    size_t size = 0, voxels = 1;

    taking->channels = nifti_channels(&taking->nifti, taking->order);
    for (int i = 0; i < 5; i++)
        if (__builtin_mul_overflow(voxels, dim[i], &voxels))
            voxels = SIZE_MAX;
    if (voxels > MAX_VOXELS || taking->channels > MAX_CHANNELS)
        return error_set(err, ERROR_LIMIT, "labels of %zu voxels in %zu channels", voxels, taking->channels);
    struct arena *const arena = arena_new(voxels * 4 + (1 << 20), err);
    struct volume *const volumes = calloc(taking->channels + 1, sizeof *volumes);
    const struct ctl_labels_mask mask = {
        .where = taking->subject.where, .patient = taking->subject.patient, .stem = taking->subject.stem,
        .digest = taking->digest, .names = taking->ctl->labels, .count = taking->channels, .volume = volumes
    };
    const bool good = arena != NULL && volumes != NULL && read_stack(taking, arena, volumes, err)
        && ctl_labels_make(taking->visitor->labels, &mask, &bytes, &size, err)
        && (taking->visitor->image(bytes, size, taking->visitor->context)
            || error_set(err, ERROR_IO, "the segmentation could not be kept"));
    free(bytes);
    free(volumes);
    arena_free(arena);
    return good;
}

bool ctl_nifti_each(const struct ctl *ctl, const char *name, const void *bytes, size_t size,
                    const char *date, const struct ctl_nifti_visitor *visitor, struct error *err)
{
    struct taking taking = { .ctl = ctl, .visitor = visitor, .date = date,
                             .order = ctl->channels_first ? NIFTI_CHANNELS_FIRST : NIFTI_CHANNELS_LAST };
    unsigned char digest[DIGEST_SIZE];

    name_subject(name, &taking.subject);
    const bool labels = taking.subject.role != NULL && taking.subject.role->modality == NULL;
    if (!nifti_open(bytes, size, &taking.nifti, err))
        return false;
    digest_of(bytes, size, digest);
    digest_hex(digest, taking.digest);
    const bool good = labels ? take_labels(&taking, err) : take_channels(&taking, err);
    for (int i = 0; good && i < taking.nifti.note_count; i++)
        visitor->note(taking.nifti.notes[i], visitor->context);
    return good;
}
