/* Planar phantom files: one NM Image Storage object of two frames, and its truth. */
#include "daemon/phantom_planar.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/phantom_planar.h"
#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define DATE "20260105"

static void put_uid(struct item *root, uint32_t tag, const char *key, const char *role)
{
    char uid[TEXT_UID_SIZE];

    uid_derive(key, role, uid);
    item_put_text(root, tag, uid);
}

static void put_study(const struct phantom_planar_options *options, const char *key, struct item *root)
{
    static const uint32_t dates[] = { 0x00080020, 0x00080021, 0x00080022, 0x00080023 };
    static const uint32_t times[] = { 0x00080030, 0x00080031, 0x00080032, 0x00080033 };
    char id[32];

    text_format(id, sizeof id, "PHANTOM%llu", (unsigned long long)options->seed);
    item_put_text(root, 0x00080005, "ISO_IR 100");
    item_put_text(root, 0x00080008, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION");
    item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.20");
    put_uid(root, 0x00080018, key, "image");
    for (size_t i = 0; i < 4; i++) {
        item_put_text(root, dates[i], DATE);
        item_put_text(root, times[i], "120000");
    }
    item_put_text(root, 0x00080050, "PHANTOM");
    item_put_text(root, 0x00080060, "NM");
    item_put_text(root, 0x00080070, "tumord phantom");
    item_put_text(root, 0x00080090, "");
    item_put_text(root, 0x00081030, "Phantom of MIBG");
    item_put_text(root, 0x0008103e, "Phantom, front and back");
    item_put_text(root, 0x00100010, "Phantom^NM");
    item_put_text(root, 0x00100020, id);
    item_put_text(root, 0x00100030, "19700101");
    item_put_text(root, 0x00100040, "O");
    item_put_text(root, 0x00180015, "WHOLEBODY");
    put_uid(root, 0x0020000d, key, "study");
    put_uid(root, 0x0020000e, key, "series");
    item_put_text(root, 0x00200010, "1");
    item_put_int(root, 0x00200011, 1);
    item_put_int(root, 0x00200013, 1);
    item_put_empty(root, 0x00200020);
}

static void put_detectors(struct item *root)
{
    static const char *const views[2][2] = { { "399321004", "Anterior projection" },
                                             { "399001007", "Posterior projection" } };
    static const long first[2] = { 1, 2 }, window[2] = { 1, 1 };
    static const uint32_t vectors[2] = { 0x00540010, 0x00540020 };

    item_put_tags(root, 0x00280009, vectors, 2);
    item_put_ints(root, 0x00540010, window, 2);
    item_put_int(root, 0x00540011, 1);
    item_put_ints(root, 0x00540020, first, 2);
    item_put_int(root, 0x00540021, 2);
    struct item *const energy = item_add(root, 0x00540012);
    item_put_text(energy, 0x00540018, "159 keV");
    struct item *const drug = item_add(root, 0x00540016);
    item_put_text(drug, 0x00180031, "Iobenguane (123-I)");
    item_put_empty(drug, 0x00540300);
    for (size_t n = 0; n < 2; n++) {
        struct item *const detector = item_add(root, 0x00540022);
        item_put_text(detector, 0x00181181, "PARA");
        item_put_empty(detector, 0x00200032);           /* a projection lies nowhere */
        item_put_empty(detector, 0x00200037);
        item_put_code(detector, 0x00540220, views[n][0], "SCT", views[n][1]);
    }
    item_put_empty(root, 0x00540410);
    item_put_empty(root, 0x00540414);
}

static void put_pixels(const struct volume *volume, struct item *root)
{
    const double spacing[2] = { PHANTOM_PLANAR_MM, PHANTOM_PLANAR_MM };
    long counts = 0;

    for (size_t n = 0; n < volume_count(volume); n++)
        counts += volume->i16[n];
    item_put_int(root, 0x00180070, counts);
    item_put_int(root, 0x00181242, 600000);
    item_put_int(root, 0x00280002, 1);
    item_put_text(root, 0x00280004, "MONOCHROME2");
    item_put_int(root, 0x00280008, (long)volume->size[2]);
    item_put_int(root, 0x00280010, (long)volume->size[1]);
    item_put_int(root, 0x00280011, (long)volume->size[0]);
    item_put_doubles(root, 0x00280030, spacing, 2);
    item_put_int(root, 0x00280100, 16);
    item_put_int(root, 0x00280101, 16);
    item_put_int(root, 0x00280102, 15);
    item_put_int(root, 0x00280103, 0);
    item_put_empty(root, 0x00400555);
    item_put_words(root, 0x7fe00010, (const uint16_t *)volume->i16, volume_count(volume));
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

static bool write_image(const char *folder, const struct phantom_planar_options *options,
                        const struct volume *volume, struct error *err)
{
    struct dataset *const dataset = dataset_new(err);
    unsigned char *bytes = NULL;
    size_t size = 0;
    char key[64];

    if (dataset == NULL)
        return false;
    text_format(key, sizeof key, "planar phantom %llu %zu %d", (unsigned long long)options->seed,
                options->lesions, options->organs);
    put_study(options, key, dataset_root(dataset));
    put_detectors(dataset_root(dataset));
    put_pixels(volume, dataset_root(dataset));
    const bool good = dataset_write(dataset, &bytes, &size, err)
        && write_file(folder, "planar.dcm", bytes, size, err);
    free(bytes);
    dataset_free(dataset);
    return good;
}

static bool write_truth(const char *folder, const struct phantom_planar_options *options,
                        const struct phantom_planar_truth *truth, struct error *err)
{
    json_t *const lesions = json_array();

    for (size_t n = 0; n < truth->count; n++)
        json_array_append_new(lesions, json_pack(
            "{s:[f,f] s:f s:[f,f]}", "pixel", truth->lesion[n].column, truth->lesion[n].row, "radius_mm",
            truth->lesion[n].radius_mm, "counts", truth->lesion[n].counts[0], truth->lesion[n].counts[1]));
    json_t *const object = json_pack(
        "{s:s s:I s:[i,i,i] s:f s:o}", "modality", "NM", "seed", (json_int_t)options->seed, "size",
        PHANTOM_PLANAR_COLUMNS, PHANTOM_PLANAR_ROWS, 2, "background", truth->background, "lesions", lesions);
    char *const text = object == NULL ? NULL : json_dumps(object, JSON_SORT_KEYS | JSON_INDENT(1));
    const bool good = text != NULL ? write_file(folder, "truth.json", text, strlen(text), err)
        : error_set(err, ERROR_MEMORY, "truth.json");

    json_decref(object);
    free(text);
    return good;
}

bool phantom_planar_write(const char *folder, uint64_t seed, size_t lesions, bool organs, struct error *err)
{
    const struct phantom_planar_options options = { seed, lesions, organs };
    struct phantom_planar_truth truth;
    struct volume volume;

    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return error_errno(err, "%s", folder);
    struct arena *const arena = arena_new((size_t)16 << 20, err);
    const bool good = arena != NULL && dicom_init(err)
        && phantom_planar_make(&options, arena, &volume, &truth, err)
        && write_image(folder, &options, &volume, err) && write_truth(folder, &options, &truth, err);
    arena_free(arena);
    return good || error_prefix(err, "phantom");
}
