/* Phantom files: CT, MR and PET Image Storage, single frames, explicit little endian. */
#include "daemon/phantom.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "reports/images.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define DATE "20260105"
#define PET_SLOPE 0.001             /* g/ml a stored unit: under a hundredth of the noise */

struct kind {                       /* what modalities differ in */
    const char *modality, *class_uid, *name, *image_type;
};

static const struct kind kinds[] = {
    [PHANTOM_CT] = { "CT", "1.2.840.10008.5.1.4.1.1.2", "Phantom^CT",
                     "ORIGINAL\\PRIMARY\\AXIAL" },
    [PHANTOM_MR] = { "MR", "1.2.840.10008.5.1.4.1.1.4", "Phantom^MR",
                     "ORIGINAL\\PRIMARY\\M" },
    [PHANTOM_PT] = { "PT", "1.2.840.10008.5.1.4.1.1.128", "Phantom^PT",
                     "ORIGINAL\\PRIMARY" }
};

static void put_uid(struct item *root, uint32_t tag, const char *key, const char *role)
{
    char uid[TEXT_UID_SIZE];

    uid_derive(key, role, uid);
    item_put_text(root, tag, uid);
}

/* The options as text: what names the UIDs. */
static void make_key(const struct phantom_options *o, char *key, size_t size)
{
    text_format(key, size, "phantom %d %d %llu %zu %zux%zux%zu %.9g,%.9g,%.9g %d %.9g %.9g %d",
                (int)o->modality, (int)o->kind, (unsigned long long)o->seed, o->lesions,
                o->size[0], o->size[1], o->size[2], o->spacing_mm[0], o->spacing_mm[1],
                o->spacing_mm[2], o->oblique, o->cnr, o->bias, o->distractors);
    if (o->tilt_degrees != 0 || o->missing > 0 || o->uneven > 0)    /* others keep their UIDs */
        text_format(key + strlen(key), size - strlen(key), " %.9g %zu %.9g", o->tilt_degrees,
                    o->missing, o->uneven);
}

static void put_study(const struct phantom_options *options, const char *key,
                      struct item *root)
{
    const struct kind *const kind = &kinds[options->modality];
    char id[32];

    text_format(id, sizeof id, "PHANTOM%llu", (unsigned long long)options->seed);
    item_put_text(root, 0x00080005, "ISO_IR 100");
    item_put_text(root, 0x00080008, kind->image_type);
    item_put_text(root, 0x00080016, kind->class_uid);
    item_put_text(root, 0x00080020, DATE);
    item_put_text(root, 0x00080021, DATE);
    item_put_text(root, 0x00080022, DATE);
    item_put_text(root, 0x00080023, DATE);
    item_put_text(root, 0x00080030, "120000");
    item_put_text(root, 0x00080031, "120100");
    item_put_text(root, 0x00080032, "120100");
    item_put_text(root, 0x00080033, "120100");
    item_put_text(root, 0x00080050, "PHANTOM");
    item_put_text(root, 0x00080060, kind->modality);
    item_put_text(root, 0x00080070, "tumord phantom");
    item_put_text(root, 0x00080090, "");
    item_put_text(root, 0x00081030, "Phantom of nested ellipsoids");
    item_put_text(root, 0x0008103e, "Phantom");
    item_put_text(root, 0x00081090, "phantom");
    item_put_text(root, 0x00100010, kind->name);
    item_put_text(root, 0x00100020, id);
    item_put_text(root, 0x00100030, "19700101");
    item_put_text(root, 0x00100040, "O");
    item_put_text(root, 0x00180015, "ABDOMEN");
    item_put_text(root, 0x00185100, "HFS");
    put_uid(root, 0x0020000d, key, "study");
    put_uid(root, 0x0020000e, key, "series");
    put_uid(root, 0x00200052, key, "frame of reference");
    item_put_text(root, 0x00200010, "1");
    item_put_int(root, 0x00200011, 1);
    item_put_int(root, 0x00200012, 1);
    item_put_empty(root, 0x00201040);
}

static void put_ct(struct item *root)
{
    item_put_double(root, 0x00180060, 120);
    item_put_double(root, 0x00281052, 0);
    item_put_double(root, 0x00281053, 1);
    item_put_text(root, 0x00281054, "HU");
}

static void put_mr(struct item *root)
{
    item_put_text(root, 0x00180020, "SE");
    item_put_text(root, 0x00180021, "NONE");
    item_put_empty(root, 0x00180022);
    item_put_text(root, 0x00180023, "2D");
    item_put_double(root, 0x00180080, 500);
    item_put_double(root, 0x00180081, 10);
    item_put_double(root, 0x00180091, 1);
}

/* SUVbw as it is: Units GML needs no dose; yet dose and times are there as in a real study. */
static void put_pet(size_t k, size_t slices, struct item *root)
{
    struct item *const drug = item_add(root, 0x00540016);

    item_put_text(root, 0x00280051, "ATTN\\DECY\\SCAT\\RADL");
    item_put_double(root, 0x00101030, 70);
    item_put_text(drug, 0x00180031, "Fluorodeoxyglucose");
    item_put_text(drug, 0x00181072, "110000");
    item_put_double(drug, 0x00181074, 350e6);
    item_put_double(drug, 0x00181075, 6586.2);
    item_put_code(drug, 0x00540300, "77004003", "SCT", "^18^Fluorine");
    item_put_double(root, 0x00181242, 120000);
    item_put_text(root, 0x00541000, "STATIC\\IMAGE");
    item_put_int(root, 0x00540081, (long)slices);
    item_put_text(root, 0x00541001, "GML");
    item_put_text(root, 0x00541006, "BW");
    item_put_text(root, 0x00541002, "EMISSION");
    item_put_text(root, 0x00541102, "START");
    item_put_double(root, 0x00541300, 0);
    item_put_int(root, 0x00541330, (long)k + 1);
    item_put_text(root, 0x00541100, "DLYD");
    item_put_text(root, 0x00541101, "phantom");
    item_put_double(root, 0x00541321, 1);
    item_put_empty(root, 0x00180050);
    item_put_empty(root, 0x00540410);
    item_put_empty(root, 0x00540414);
    item_put_double(root, 0x00281052, 0);
    item_put_double(root, 0x00281053, PET_SLOPE);
}

static void put_pixels(const struct phantom_options *options, const struct volume *volume,
                       size_t k, struct item *root, uint16_t *words)
{
    const size_t slice = volume->size[0] * volume->size[1];

    for (size_t i = 0; i < slice; i++)
        words[i] = volume->type == VOXEL_FLOAT32
            ? (uint16_t)lround(fmin(volume->f32[k * slice + i] / PET_SLOPE, INT16_MAX))
            : (uint16_t)volume->i16[k * slice + i];
    item_put_int(root, 0x00280002, 1);
    item_put_text(root, 0x00280004, "MONOCHROME2");
    item_put_int(root, 0x00280010, (long)volume->size[1]);
    item_put_int(root, 0x00280011, (long)volume->size[0]);
    item_put_int(root, 0x00280100, 16);
    item_put_int(root, 0x00280101, 16);
    item_put_int(root, 0x00280102, 15);
    item_put_int(root, 0x00280103, 1);
    if (options->modality == PHANTOM_CT) {
        item_put_text(root, 0x00281050, "40");
        item_put_text(root, 0x00281051, "400");
    }
    item_put_words(root, 0x7fe00010, words, slice);
}

static bool write_file(const char *folder, const char *name, const void *bytes, size_t size,
                       struct error *err)
{
    char path[1200];

    text_format(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "wb");
    if (file == NULL)
        return error_errno(err, "%s", path);
    const bool good = fwrite(bytes, 1, size, file) == size;
    return (fclose(file) == 0 && good) || error_errno(err, "%s", path);
}

static bool write_slice(const char *folder, const struct phantom_options *options,
                        const char *key, const struct volume *volume, size_t k,
                        uint16_t *words, struct error *err)
{
    struct dataset *const dataset = dataset_new(err);
    unsigned char *bytes = NULL;
    size_t size = 0;
    char role[32], name[32];

    if (dataset == NULL)
        return false;
    struct item *const root = dataset_root(dataset);
    text_format(role, sizeof role, "slice.%zu", k);
    put_study(options, key, root);
    put_uid(root, 0x00080018, key, role);
    item_put_int(root, 0x00200013, (long)k + 1);
    options->modality == PHANTOM_CT ? put_ct(root) : options->modality == PHANTOM_MR
        ? put_mr(root) : put_pet(k, volume->size[2], root);
    images_put_plane(root, volume, k);
    put_pixels(options, volume, k, root, words);
    text_format(name, sizeof name, "slice-%04zu.dcm", k + 1);
    const bool good = dataset_write(dataset, &bytes, &size, err)
        && write_file(folder, name, bytes, size, err);
    free(bytes);
    dataset_free(dataset);
    return good;
}

static bool write_truth(const char *folder, const struct phantom_options *options,
                        const struct phantom_truth *truth, struct error *err)
{
    json_t *const lesions = json_array();

    for (size_t n = 0; n < truth->count; n++) {
        const struct phantom_lesion *const one = &truth->lesion[n];
        json_array_append_new(lesions, json_pack(
            "{s:[f,f,f] s:[f,f,f] s:f s:f s:f}", "center_mm", one->center_mm[0],
            one->center_mm[1], one->center_mm[2], "semi_axis_mm", one->semi_axis_mm[0],
            one->semi_axis_mm[1], one->semi_axis_mm[2], "volume_mm3", one->volume_mm3,
            "sampled_mm3", one->sampled_mm3, "longest_mm", one->longest_mm));
    }
    json_t *const object = json_pack(
        "{s:s s:I s:[I,I,I] s:[f,f,f] s:b s:f s:I s:f s:f s:f s:f s:o}", "modality",
        kinds[options->modality].modality, "seed", (json_int_t)options->seed, "size",
        (json_int_t)options->size[0], (json_int_t)options->size[1],
        (json_int_t)options->size[2], "spacing_mm", options->spacing_mm[0],
        options->spacing_mm[1], options->spacing_mm[2], "oblique", options->oblique,
        "tilt_degrees", options->tilt_degrees, "missing", (json_int_t)options->missing, "uneven",
        options->uneven, "cnr",
        options->cnr, "contrast", truth->contrast, "noise_sd", truth->noise_sd, "lesions",
        lesions);
    char *const text = object == NULL ? NULL
        : json_dumps(object, JSON_SORT_KEYS | JSON_INDENT(1));
    const bool good = text != NULL ? write_file(folder, "truth.json", text, strlen(text), err)
        : error_set(err, ERROR_MEMORY, "truth.json");

    json_decref(object);
    free(text);
    return good;
}

static bool write_all(const char *folder, const struct phantom_options *options,
                      struct arena *arena, size_t *ret_files, struct error *err)
{
    struct volume volume;
    struct phantom_truth truth;
    char key[256];

    if (!phantom_make(options, arena, &volume, &truth, err))
        return false;
    uint16_t *const words = arena_take(arena, volume.size[0] * volume.size[1],
                                       sizeof *words, err);
    if (words == NULL)
        return false;
    make_key(options, key, sizeof key);
    for (size_t k = 0; k < volume.size[2]; k++)
        if (!write_slice(folder, options, key, &volume, k, words, err))
            return false;
    *ret_files = volume.size[2];
    return write_truth(folder, options, &truth, err);
}

bool phantom_write(const char *folder, const struct phantom_options *options,
                   size_t *ret_files, struct error *err)
{
    const size_t *const size = options->size;
    size_t voxels;

    if (__builtin_mul_overflow(size[0], size[1], &voxels)
        || __builtin_mul_overflow(voxels, size[2], &voxels) || voxels == 0
        || voxels > (size_t)1 << 31 || size[0] > 4096 || size[1] > 4096)
        return error_set(err, ERROR_USAGE, "a phantom of %zu x %zu x %zu voxels", size[0],
                         size[1], size[2]);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return error_errno(err, "%s", folder);
    struct arena *const arena = arena_new(voxels * 4 + ((size_t)64 << 20), err);
    if (arena == NULL || !dicom_init(err)) {
        arena_free(arena);
        return false;
    }
    const bool good = write_all(folder, options, arena, ret_files, err);
    arena_free(arena);
    return good || error_prefix(err, "phantom");
}
