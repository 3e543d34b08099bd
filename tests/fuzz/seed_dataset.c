/*
 * Seeds for fuzz_dataset: seed_dataset FOLDER. A CT slice, a PET slice with all that an
 * SUV needs, one that was not decay corrected, an image of several frames and planar views of NM,
 * each in every syntax that we write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/syntax.h"
#include "util/error.h"
#include "util/text.h"

enum kind { CT, PET, ENHANCED, UNDECAYED, PLANAR, KINDS };

static void put_image(struct item *root, enum kind kind)
{
    uint16_t pixels[3 * 64];

    for (size_t i = 0; i < 3 * 64; i++)
        pixels[i] = (uint16_t)(i * i % 1000);
    item_put_int(root, 0x00280002, 1);
    item_put_text(root, 0x00280004, "MONOCHROME2");
    if (kind == ENHANCED || kind == PLANAR)
        item_put_int(root, 0x00280008, 3);
    item_put_int(root, 0x00280010, 8);
    item_put_int(root, 0x00280011, 8);
    item_put_int(root, 0x00280100, 16);
    item_put_int(root, 0x00280101, 12);
    item_put_int(root, 0x00280102, 11);
    item_put_int(root, 0x00280103, 0);
    item_put_words(root, 0x7fe00010, pixels, kind == ENHANCED || kind == PLANAR ? 3 * 64 : 64);
}

static void put_place(struct item *position, struct item *orientation,
                      struct item *measures, double z)
{
    static const double axial[6] = {1, 0, 0, 0, 1, 0}, spacing[2] = {1, 1};
    const double at[3] = {0, 0, z};

    item_put_doubles(position, 0x00200032, at, 3);
    item_put_doubles(orientation, 0x00200037, axial, 6);
    item_put_doubles(measures, 0x00280030, spacing, 2);
}

static void put_frames(struct item *root)
{
    struct item *const shared = item_add(root, 0x52009229);
    struct item *const transformation = item_add(shared, 0x00289145);

    item_put_double(transformation, 0x00281052, -1000);
    item_put_double(transformation, 0x00281053, 1);
    for (int frame = 0; frame < 3; frame++) {
        struct item *const own = item_add(root, 0x52009230);

        put_place(item_add(own, 0x00209113), item_add(own, 0x00209116),
                  item_add(own, 0x00289110), 2 * frame);
    }
}

static void put_dose(struct item *root, bool corrected)
{
    struct item *const dose = item_add(root, 0x00540016);

    item_put_text(dose, 0x00181072, "090000.000000");
    item_put_double(dose, 0x00181074, 3.7e8);
    item_put_double(dose, 0x00181075, 6586.2);
    item_put_text(root, 0x00080021, "20260101");
    item_put_text(root, 0x00080022, "20260101");
    item_put_text(root, 0x00080031, "100000.000000");
    item_put_text(root, 0x00080032, "100000.000000");
    item_put_text(root, 0x00100040, "F");
    item_put_double(root, 0x00101020, 1.7);
    item_put_double(root, 0x00101030, 70);
    item_put_int(root, 0x00181242, 240000);
    item_put_text(root, 0x00280051, corrected ? "ATTN\\DECY" : "ATTN");
    item_put_text(root, 0x00541001, "BQML");
    item_put_text(root, 0x00541102, corrected ? "START" : "NONE");
    item_put_text(root, 0x00541000, "STATIC\\IMAGE");
}

static void put_views(struct item *root)
{
    static const long detectors[3] = {1, 2, 2};

    item_put_ints(root, 0x00540020, detectors, 3);
    for (int view = 0; view < 2; view++)
        item_put_code(item_add(root, 0x00540022), 0x00540220,
                      view == 0 ? "399321004" : "399001007", "SCT",
                      view == 0 ? "Anterior projection" : "Posterior projection");
}

static struct dataset *make(enum kind kind, struct error *err)
{
    static const char *const classes[KINDS] = {"1.2.840.10008.5.1.4.1.1.2",
                                               "1.2.840.10008.5.1.4.1.1.128",
                                               "1.2.840.10008.5.1.4.1.1.2.1",
                                               "1.2.840.10008.5.1.4.1.1.128",
                                               "1.2.840.10008.5.1.4.1.1.20"};
    const bool pet = kind == PET || kind == UNDECAYED;
    struct dataset *const dataset = dataset_new(err);

    if (dataset == NULL)
        return NULL;
    struct item *const root = dataset_root(dataset);

    item_put_text(root, 0x00080008, kind == PLANAR ? "ORIGINAL\\PRIMARY\\STATIC\\EMISSION"
                                                    : "ORIGINAL\\PRIMARY\\AXIAL");
    item_put_text(root, 0x00080016, classes[kind]);
    item_put_text(root, 0x00080018, "1.2.3.4");
    item_put_text(root, 0x00080060, pet ? "PT" : kind == PLANAR ? "NM" : "CT");
    item_put_text(root, 0x00100010, "Seed^Seed");
    item_put_text(root, 0x00100020, "SEED");
    item_put_text(root, 0x0020000d, "1.2.3");
    item_put_text(root, 0x0020000e, "1.2.3.1");
    item_put_text(root, 0x00200052, "1.2.3.9");
    if (kind == ENHANCED)
        put_frames(root);
    else
        put_place(root, root, root, 0);
    if (kind != ENHANCED) {
        item_put_double(root, 0x00281052, kind == CT ? -1000 : 0);
        item_put_double(root, 0x00281053, kind == CT ? 1 : 2.5);
    }
    if (pet)
        put_dose(root, kind == PET);
    if (kind == PLANAR)
        put_views(root);
    put_image(root, kind);
    return dataset;
}

static bool save(const char *path, int choice, const unsigned char *bytes, size_t size)
{
    FILE *const file = fopen(path, "wb");
    const bool good = file != NULL && fputc(choice, file) == choice &&
                      fwrite(bytes, 1, size, file) == size;

    return file != NULL && fclose(file) == 0 && good;
}

/* Once to become a volume, and once to become another syntax; see fuzz_dataset.c. */
static bool write_seeds(const char *folder, enum kind kind, size_t at, size_t count,
                        struct error *err)
{
    struct dataset *const dataset = make(kind, err);
    unsigned char *bytes = NULL;
    char path[4096];
    size_t size;
    bool good = dataset != NULL &&
                dataset_write_as(dataset, syntax_list[at].uid, &bytes, &size, err);

    for (size_t turn = 0; good && turn < 2; turn++) {
        text_format(path, sizeof path, "%s/ours-%d-%zu-%zu", folder, (int)kind, at, turn);
        good = save(path, (int)(turn == 0 ? count : (at + 3) % count), bytes, size) ||
               error_errno(err, "%s", path);
    }
    free(bytes);
    dataset_free(dataset);
    return good;
}

int main(int argc, char **argv)
{
    struct error err = {ERROR_DATA, "usage: seed_dataset FOLDER"};
    bool good = argc == 2 && dicom_init(&err);
    size_t count = 0;

    while (syntax_list[count].uid != NULL)
        count++;
    for (int kind = 0; good && kind < KINDS; kind++)
        for (size_t at = 0; good && at < count; at++)
            if (syntax_list[at].writable)
                good = write_seeds(argv[1], (enum kind)kind, at, count, &err);
    if (!good)
        fprintf(stderr, "seed_dataset: %s\n", err.text);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
