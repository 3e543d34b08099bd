#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dataset.h"
#include "dicom/series.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static struct error err;
static struct arena *arena;
static struct series *series;
static struct volume volume;
static struct series_facts facts;

static void begin(size_t slices)
{
    CU_ASSERT_FATAL(dicom_init(&err));
    arena = arena_new((size_t)1 << 30, &err);
    series = series_new(slices, arena, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(series);
}

static void end(void)
{
    series_free(series);
    arena_free(arena);
}

/* ---- generated slices ---- */

struct made {                           /* what differs from a plain axial CT slice */
    double z, x, spacing;
    const double *orientation;
    long rows, bits_stored, is_signed, frames, samples, padding;
    double slope, intercept;
    const char *frame;
    const char *modality, *patient, *image_type, *photometric;
    uint16_t pixel;                     /* all of them */
    const char *type;                   /* Rescale Type */
    double temporal, b_value, echo;
    long instance, acquisition;
    const char *content;                /* time of day */
};

static struct dataset *make(int number, const struct made *made)
{
    static const double axial[6] = { 1, 0, 0, 0, 1, 0 };
    const double position[3] = { made->x, 0, made->z };
    const double spacing[2] = { made->spacing > 0 ? made->spacing : 1, 1 };
    const long rows = made->rows > 0 ? made->rows : 4;
    uint16_t pixels[64];
    char uid[32];
    struct dataset *dataset = dataset_new(&err);
    struct item *root = dataset_root(dataset);

    snprintf(uid, sizeof uid, "1.9.%d", number);
    for (size_t i = 0; i < 64; i++)
        pixels[i] = made->pixel;
    item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.2");
    item_put_text(root, 0x00080018, uid);
    item_put_text(root, 0x00080008, made->image_type != NULL ? made->image_type : "ORIGINAL");
    item_put_text(root, 0x00080060, made->modality != NULL ? made->modality : "CT");
    item_put_text(root, 0x00100020, made->patient != NULL ? made->patient : "P");
    item_put_text(root, 0x0020000d, "1.2");
    if (made->frame != NULL)
        item_put_text(root, 0x00200052, made->frame);
    item_put_doubles(root, 0x00200032, position, 3);
    item_put_doubles(root, 0x00200037, made->orientation != NULL ? made->orientation : axial, 6);
    item_put_doubles(root, 0x00280030, spacing, 2);
    item_put_int(root, 0x00280002, made->samples > 0 ? made->samples : 1);
    item_put_text(root, 0x00280004, made->photometric != NULL ? made->photometric : "MONOCHROME2");
    if (made->frames > 0)
        item_put_int(root, 0x00280008, made->frames);
    item_put_int(root, 0x00280010, rows);
    item_put_int(root, 0x00280011, 4);
    item_put_int(root, 0x00280100, 16);
    item_put_int(root, 0x00280101, made->bits_stored > 0 ? made->bits_stored : 16);
    item_put_int(root, 0x00280102, made->bits_stored > 0 ? made->bits_stored - 1 : 15);
    item_put_int(root, 0x00280103, made->is_signed);
    if (made->padding != 0)
        item_put_int(root, 0x00280120, made->padding);
    if (made->type != NULL)
        item_put_text(root, 0x00281054, made->type);
    if (made->temporal > 0)
        item_put_double(root, 0x00200100, made->temporal);
    if (made->b_value > 0)
        item_put_double(root, 0x00189087, made->b_value - 1);
    if (made->echo > 0)
        item_put_double(root, 0x00180081, made->echo);
    if (made->instance > 0)
        item_put_int(root, 0x00200013, made->instance);
    if (made->content != NULL) {
        item_put_text(root, 0x00080023, "20260102");
        item_put_text(root, 0x00080033, made->content);
    }
    if (made->acquisition > 0)
        item_put_int(root, 0x00200012, made->acquisition);
    if (made->slope != 0) {
        item_put_double(root, 0x00281053, made->slope);
        item_put_double(root, 0x00281052, made->intercept);
    }
    item_put_words(root, 0x7fe00010, pixels, (size_t)rows * 4);
    return dataset;
}

static bool add(int number, const struct made *made)
{
    struct dataset *dataset = make(number, made);
    const bool added = series_add(series, dataset, &err);

    dataset_free(dataset);
    return added;
}

static void slices_in_any_order_become_a_volume_in_order(void)
{
    static const double z[] = { 5, 0, 10, -5 };

    begin(4);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(add(i, &(struct made){ .z = z[i], .pixel = (uint16_t)(100 + z[i]),
                                         .slope = 1, .intercept = -1024 }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.type, VOXEL_INT16);
    CU_ASSERT_EQUAL(volume.unit, UNIT_HU);
    CU_ASSERT(volume.even);
    for (int k = 0; k < 4; k++)
        CU_ASSERT_EQUAL(volume.i16[k * 16 + 3], 100 - 5 + 5 * k - 1024);
    CU_ASSERT_EQUAL(volume.affine[2][2], 5);
    CU_ASSERT_EQUAL(volume.affine[2][3], -5);
    CU_ASSERT_STRING_EQUAL(volume.slices[0].sop_uid, "1.9.3");
    CU_ASSERT_FALSE(item_has(dataset_root(series_template(series)), 0x7fe00010));
    end();
}

static void stored_bits_are_cut_and_their_sign_extended(void)
{
    begin(2);                           /* 12 bits, -1 with rubbish above */
    for (int i = 0; i < 2; i++)
        CU_ASSERT(add(i, &(struct made){ .z = i, .pixel = 0x5fff, .bits_stored = 12,
                                         .is_signed = 1 }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.i16[0], -1);
    end();
    begin(2);
    for (int i = 0; i < 2; i++)
        CU_ASSERT(add(i, &(struct made){ .z = i, .pixel = 0x5fff, .bits_stored = 12,
                                         .photometric = "MONOCHROME1" }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.i16[0], 0xfff);      /* shown inverted, not inverted */
    end();
}

static void values_that_do_not_fit_become_float(void)
{
    begin(2);
    for (int i = 0; i < 2; i++)
        CU_ASSERT(add(i, &(struct made){ .z = i, .pixel = 40000, .modality = "MR" }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.type, VOXEL_FLOAT32);
    CU_ASSERT_EQUAL(volume.f32[0], 40000);
    end();
    begin(2);
    for (int i = 0; i < 2; i++)
        CU_ASSERT(add(i, &(struct made){ .z = i, .pixel = 10, .slope = 0.5, .intercept = 1 }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.f32[0], 6);
    end();
}

static void values_beyond_all_measure_are_refused(void)
{
    static const double slopes[] = { 1e26, 1e300, -1e300 };

    for (size_t s = 0; s < 3; s++) {
        begin(2);
        for (int i = 0; i < 2; i++)
            CU_ASSERT(add(i, &(struct made){ .z = i, .pixel = 10, .slope = slopes[s] }));
        CU_ASSERT_FALSE(series_volume(series, &volume, &facts, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "are none that were measured"));
        end();
    }
}

static void padding_is_air_and_not_a_number(void)
{
    begin(2);
    for (int i = 0; i < 2; i++)
        CU_ASSERT(add(i, &(struct made){ .z = i, .pixel = 63536, .is_signed = 1,
                                         .padding = 63536, .slope = 1, .intercept = -1024 }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.i16[5], -1024);
    end();
}

static void tilted_gantry_is_a_sheared_grid_with_a_warning(void)
{
    begin(3);
    for (int i = 0; i < 3; i++)
        CU_ASSERT(add(i, &(struct made){ .z = 5 * i, .x = 5 * i * tan(M_PI / 9) }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_STRING_EQUAL(facts.warning[0], "tilted gantry: slices are sheared by 20.0 degrees");
    CU_ASSERT_DOUBLE_EQUAL(volume.affine[0][2], 5 * tan(M_PI / 9), 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&volume, 0), 5, 1e-9);
    end();
}

static void slightly_uneven_slices_keep_their_true_positions(void)
{
    static const double z[] = { 0, 3.27, 6.54, 9.73, 13.0 };

    begin(5);
    for (int i = 0; i < 5; i++)
        CU_ASSERT(add(i, &(struct made){ .z = z[i] }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_FALSE(volume.even);
    CU_ASSERT_STRING_EQUAL(facts.warning[0],
                           "uneven slices: a step is 2.4 % off; true positions are used");
    CU_ASSERT_EQUAL(volume.slices[3].position_mm[2], 9.73);
    end();
}

/* Each broken series ends in its own sentence: at a slice, or when the volume is made. */
static void broken_series_end_in_their_sentence(void)
{
    static const double skew[6] = { 1, 0, 0, 1, 1, 0 };
    static const struct { struct made last; const char *sentence; } cases[] = {
        { { .z = 5, .pixel = 7 }, "two slices at the same position, 5.00 mm along the normal, "
                                  "differ in their pixels, and nothing tells which is meant" },
        { { .z = 10, .x = 3 }, "slices are shifted against each other: 1.00 mm at position "
                               "0.00 mm" },
        { { .z = 10, .orientation = skew },
          "Image Orientation (Patient) is not two perpendicular unit vectors" },
        { { .z = 10, .frame = "1.7" }, "mixed frames of reference: the positions of this slice "
                                       "cannot be compared with the first's" },
        { { .z = 10, .spacing = 1e9 }, "Pixel Spacing 1e+09\\1" },
        { { .z = 10, .patient = "Q" },
          "it is of another patient or study than the slices before" },
        { { .z = 10, .frames = 7 }, "a multi-frame image of 7 frames that does not say where "
                                  "they lie" },
        { { .z = 10, .samples = 3 }, "a colour image, 3 samples a pixel" },
        { { .z = 10, .type = "HU" }, "mixed rescale types: '' and 'HU'" },
        { { .z = 10, .bits_stored = 17 }, "17 bits stored of 16 with high bit 16" },
        { { .z = 2e7 }, "Image Position (Patient) 2e+07 mm away" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(4);
        CU_ASSERT(add(0, &(struct made){ .z = -5 }));
        CU_ASSERT(add(1, &(struct made){ .z = 0 }));
        CU_ASSERT(add(2, &(struct made){ .z = 5 }));
        const bool good = add(3, &cases[i].last) && series_volume(series, &volume, &facts, &err);
        CU_ASSERT_EQUAL(good, cases[i].sentence == NULL);
        if (cases[i].sentence != NULL) {
            CU_ASSERT_STRING_EQUAL(err.text, cases[i].sentence);
            if (strcmp(err.text, cases[i].sentence) != 0)
                printf("[%s] ", err.text);
        }
        end();
    }
}

/* ---- stacks ---- */

static bool volume_of(void)
{
    const bool good = series_volume(series, &volume, &facts, &err);

    CU_ASSERT(good);
    if (!good)
        printf("[%s] ", err.text);
    return good;
}

/* What differs is a stack of its own; the largest is analysed, and the others say why not. */
static void what_lies_otherwise_is_a_stack_of_its_own(void)
{
    static const double coronal[6] = { 1, 0, 0, 0, 0, -1 };
    static const struct { struct made last; const char *plane, *reason; } cases[] = {
        { { .z = 10, .orientation = coronal }, "coronal", "fewer slices than the 3 analysed" },
        { { .z = 10, .rows = 5 }, "axial", "fewer slices than the 3 analysed" },
        { { .z = 10, .spacing = 2 }, "axial", "fewer slices than the 3 analysed" },
        { { .z = 10, .spacing = 1.0004 }, "axial", "fewer slices than the 3 analysed" },
        { { .z = 10, .image_type = "ORIGINAL\\PRIMARY\\LOCALIZER" }, "axial", "a localizer" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(4);
        CU_ASSERT(add(3, &cases[i].last));
        for (int k = 0; k < 3; k++)
            CU_ASSERT(add(k, &(struct made){ .z = 5 * k - 5, .pixel = (uint16_t)k }));
        if (!volume_of())
            continue;
        CU_ASSERT_EQUAL(volume.size[2], 3);
        CU_ASSERT_EQUAL(facts.slices, 3);
        for (int k = 0; k < 3; k++)
            CU_ASSERT_EQUAL(volume.i16[k * 16], k);
        CU_ASSERT_EQUAL(facts.stack_count, 2);
        CU_ASSERT_STRING_EQUAL(facts.stack[0].reason, "");
        CU_ASSERT_STRING_EQUAL(facts.stack[1].plane, cases[i].plane);
        CU_ASSERT_STRING_EQUAL(facts.stack[1].reason, cases[i].reason);
        CU_ASSERT_STRING_EQUAL(facts.warning[0], "1 of 2 stacks of slices in the series were "
                                                 "not analysed");
        end();
    }
}

/* Two volumes at one place, mixed: `which` of them has its dimension filled by the case. */
static void volumes_at_one_place_are_told_apart(void)
{
    static const struct { struct made low, high; const char *reason; } cases[] = {
        { { .temporal = 1 }, { .temporal = 2 },
          "temporal position 2; analysed: temporal position 1" },
        { { .b_value = 1 }, { .b_value = 1001 }, "b-value 1000; analysed: b-value 0" },
        { { .echo = 4.6 }, { .echo = 90 }, "echo time 90; analysed: echo time 4.6" },
        { { .image_type = "ORIGINAL\\PRIMARY\\M" }, { .image_type = "ORIGINAL\\PRIMARY\\P" },
          "image type phase; analysed: image type magnitude" },
        { { .acquisition = 3 }, { .acquisition = 4 },
          "acquisition number 4; analysed: acquisition number 3" },
        { { .temporal = 1, .echo = 20 }, { .temporal = 2, .echo = 10 },
          "temporal position 2; analysed: temporal position 1" },
        { { .content = "101500" }, { .content = "101530.5" },
          "another content time than the one analysed" },
        { { .instance = 1 }, { .instance = 5 }, "instance number 5; analysed: instance number 1" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(8);
        for (int k = 0; k < 8; k++) {
            struct made one = k % 2 == 0 ? cases[i].high : cases[i].low;
            one.z = k / 2 * 3;
            one.instance += one.instance > 0 ? k / 2 : 0;
            one.pixel = (uint16_t)(100 * (k % 2) + k / 2);
            CU_ASSERT(add(k, &one));
        }
        if (volume_of()) {
            CU_ASSERT_EQUAL(volume.size[2], 4);
            for (int k = 0; k < 4; k++)
                CU_ASSERT_EQUAL(volume.i16[k * 16 + 15], 100 + k);
            CU_ASSERT_EQUAL(facts.stack_count, 2);
            CU_ASSERT_STRING_EQUAL(facts.stack[1].reason, cases[i].reason);
        }
        end();
    }
}

/* An echo time that jitters from slice to slice is no dimension; nor is a number of acquisitions. */
static void what_differs_without_need_splits_nothing(void)
{
    begin(6);
    for (int k = 0; k < 6; k++)
        CU_ASSERT(add(k, &(struct made){ .z = k, .echo = 5 + 0.01 * k, .acquisition = 1 + k / 3,
                                         .instance = k + 1, .temporal = k + 1 }));
    CU_ASSERT(volume_of());
    CU_ASSERT_EQUAL(facts.stack_count, 1);
    CU_ASSERT_EQUAL(facts.warning_count, 1);        /* no Rescale Slope */
    end();
}

static void same_pixels_at_one_place_are_one_slice(void)
{
    begin(6);
    for (int k = 0; k < 6; k++)
        CU_ASSERT(add(k, &(struct made){ .z = k % 4, .pixel = (uint16_t)(k % 4), .slope = 1,
                                         .instance = k + 1 }));
    CU_ASSERT(volume_of());
    CU_ASSERT_EQUAL(volume.size[2], 4);
    CU_ASSERT_EQUAL(volume.i16[3 * 16], 3);
    CU_ASSERT_STRING_EQUAL(facts.warning[0], "2 duplicate slices were left out");
    end();
}

static void only_localizers_are_no_volume(void)
{
    begin(2);
    for (int k = 0; k < 2; k++)
        CU_ASSERT(add(k, &(struct made){ .z = k, .image_type = "ORIGINAL\\PRIMARY\\LOCALIZER" }));
    CU_ASSERT_FALSE(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a localizer");
    end();
    begin(2);
    CU_ASSERT(add(0, &(struct made){ .z = 0 }));
    CU_ASSERT(add(1, &(struct made){ .z = 1, .rows = 5 }));
    CU_ASSERT_FALSE(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "2 slices, of which no two lie behind each other: no volume");
    end();
}

/* It has its place, and a normal of 1 mm, so that a voxel stands for its area. */
static void one_slice_is_a_slice_and_no_volume(void)
{
    begin(1);
    CU_ASSERT(add(0, &(struct made){ .z = 7 }));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.size[2], 1);
    CU_ASSERT(!volume.planar);
    CU_ASSERT_DOUBLE_EQUAL(volume.affine[2][3], 7, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&volume, 0),
                           volume_spacing_mm(&volume, 0) * volume_spacing_mm(&volume, 1), 1e-9);
    CU_ASSERT_STRING_EQUAL(facts.warning[0], "a single slice: areas and lengths in it, no volume");
    CU_ASSERT_FALSE(add(1, &(struct made){ .z = 1 }));
    CU_ASSERT_STRING_EQUAL(err.text, "more slices than the 1 expected");
    end();
}

/* ---- real data ---- */

static bool add_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    static unsigned char bytes[4 << 20];
    const size_t size = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);

    if (file != NULL)
        fclose(file);
    struct dataset *dataset = dataset_read(bytes, size, &err);
    const bool added = dataset != NULL && series_add(series, dataset, &err);
    dataset_free(dataset);
    return added;
}

/* All files of a set into a volume; false with err. */
static bool load(const char *folder)
{
    char path[5000];
    struct dirent **names = NULL;
    const int count = scandir(folder, &names, NULL, alphasort);
    bool good = true;

    if (count < 0) {                    /* a file */
        begin(1);
        return add_file(folder) && series_volume(series, &volume, &facts, &err);
    }

    begin((size_t)(count > 0 ? count : 1));
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && good)
            good = add_file(path);
        free(names[i]);
    }
    free(names);
    return good && series_volume(series, &volume, &facts, &err);
}

/* `only`: the slices of the stack, an expression of volume.py; "" for all. */
static bool stack_equals_pydicom(const char *set, double factor, const char *only)
{
    char folder[4096], raw[] = "/tmp/tumord-volume-XXXXXX", command[6000];
    const double (*a)[4] = (const double (*)[4])volume.affine;

    if (!runner_data_path(set, folder, sizeof folder))
        return false;
    const bool loaded = load(folder);
    CU_ASSERT(loaded);
    if (!loaded)
        printf("[%s: %s] ", set, err.text);
    const int fd = mkstemp(raw);
    const size_t size = loaded ? volume_count(&volume) * voxel_size(volume.type) : 0;
    CU_ASSERT_EQUAL(write(fd, volume.voxels, size), (ssize_t)size);
    close(fd);
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/dicom/volume.py %s %s %s "
             "%.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g "
             "'%s' | grep -q ok", runner_source(), folder, raw,
             volume.type == VOXEL_INT16 ? "int16" : "float32", a[0][0], a[0][1], a[0][2],
             a[0][3], a[1][0], a[1][1], a[1][2], a[1][3], a[2][0], a[2][1], a[2][2], a[2][3],
             factor, only);
    CU_ASSERT_EQUAL(system(command), 0);
    unlink(raw);
    end();
    return true;
}

static void dimensions_are_found_where_each_vendor_keeps_them(void)
{
    static const struct { const char *vendor, *reason; } cases[] = {
        { "siemens", "b-value 800; analysed: b-value 0" },
        { "philips", "b-value 800; analysed: b-value 0" },
        { "ge", "b-value 800; analysed: b-value 0" },
        { "uih", "b-value 800; analysed: b-value 0" },
        { "enhanced", "another dimension index than the one analysed" },
    };
    char command[6000];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[] = "/tmp/tumord-stacks-XXXXXX";
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
        snprintf(command, sizeof command, "/usr/bin/python3 -W ignore %s/tests/dicom/stacks.py %s %s | "
                 "grep -q ok", runner_source(), cases[i].vendor, folder);
        CU_ASSERT_EQUAL_FATAL(system(command), 0);
        const bool loaded = load(folder);
        CU_ASSERT(loaded);
        if (loaded) {
            CU_ASSERT_EQUAL(facts.stack_count, 2);
            CU_ASSERT_STRING_EQUAL(facts.stack[1].reason, cases[i].reason);
            for (int k = 0; k < 4; k++)
                CU_ASSERT_EQUAL(volume.i16[k * 16], k);
        } else {
            printf("[%s: %s] ", cases[i].vendor, err.text);
        }
        end();
        snprintf(command, sizeof command, "rm -r %s", folder);
        CU_ASSERT_EQUAL(system(command), 0);
    }
}

static void equals_pydicom(const char *set, double factor)
{
    stack_equals_pydicom(set, factor, "");
}

static void real_series_of_several_stacks_give_the_one_that_is_meant(void)
{
    if (!stack_equals_pydicom("dicom/geometry_quirks/mr_4d_repeated_positions_ge", 1,
                              "s.InstanceNumber < 10"))
        return;
    CU_ASSERT_EQUAL(facts.stack_count, 2);
    stack_equals_pydicom("dicom/geometry_quirks/mr_localizer_two_orientations_philips", 1,
                         "abs(s.ImageOrientationPatient[0]) < 0.1");
    CU_ASSERT_STRING_EQUAL(facts.stack[0].plane, "sagittal");
    CU_ASSERT_STRING_EQUAL(facts.stack[1].plane, "axial");
    stack_equals_pydicom("dicom/mr_enhanced_multiframe/philips_enhanced_dti_32frames.dcm", 1,
                         "s.MRDiffusionSequence[0].DiffusionBValue == 0");
}

static void real_series_equal_pydicom_voxel_by_voxel(void)
{
    equals_pydicom("dicom/ct_liver_mets_ge_crlm1006", 1);
    equals_pydicom("dicom/mr_brain_tumour_siemens_pgbm003/t1post", 1);
    equals_pydicom("dicom/mr_brain_tumour_siemens_pgbm003/flair_reg", 1);
    equals_pydicom("dicom/ctpetmr_cropped_sts002/pet", 1);
    equals_pydicom("dicom/ctpetmr_cropped_sts002/mr_t1", 1);
    equals_pydicom("dicom/geometry_quirks/mr_oblique_hitachi", 1);
}

static void frames_are_slices_wherever_they_say_where_they_lie(void)
{
    equals_pydicom("dicom/ct_enhanced_multiframe/legacy_converted_24x38x3.dcm", 1);
    equals_pydicom("dicom/mr_enhanced_multiframe/hyperfine_8frames.dcm", 1);
    equals_pydicom("dicom/mr_enhanced_multiframe/siemens_enhanced_8frames.dcm", 1);
}

/* ---- PET ---- */

/* Slices of 1000 Bq/ml that were not decay corrected, taken an hour and two after the injection. */
static struct dataset *make_undecayed(int number, const char *date, const char *time)
{
    struct dataset *const dataset = make(number, &(struct made){ .z = number, .modality = "PT", .pixel = 1000 });
    struct item *const root = dataset_root(dataset), *const drug = item_add(root, 0x00540016);

    item_put_text(root, 0x00080021, "20260302");
    item_put_text(root, 0x00080022, date);
    item_put_text(root, 0x00080031, "110000");
    item_put_text(root, 0x00080032, time);
    item_put_text(root, 0x00100040, "M");
    item_put_double(root, 0x00101020, 1.75);
    item_put_double(root, 0x00101030, 70);
    item_put_int(root, 0x00181242, 240000);
    item_put_text(root, 0x00280051, "ATTN");
    item_put_text(root, 0x00541001, "BQML");
    item_put_text(root, 0x00541102, "NONE");
    item_put_text(drug, 0x00181072, "100000");
    item_put_double(drug, 0x00181074, 350e6);
    item_put_double(drug, 0x00181075, 6586.2);
    return dataset;
}

/* By hand: the mean of a frame of 240 s lies 120 s after its begin, to 0.3 s (λT = 0.025). */
static void slices_without_decay_correction_are_brought_to_the_injection(void)
{
    static const char *const times[] = { "110000", "120000", "" };
    static const double after_s[] = { 3600 + 120, 7200 + 120 };

    for (int wish = 0; wish < 2; wish++) {
        const double lean_g = 1000 * (1.10 * 70 - 120 * 70 * 70 / (175.0 * 175.0));
        begin(2);
        series_wish_suv(series, wish == 0 ? UNIT_SUVBW : UNIT_SUVLBM);
        for (int n = 0; n < 2; n++) {
            struct dataset *const dataset = make_undecayed(n, "20260302", times[n]);
            CU_ASSERT_FATAL(series_add(series, dataset, &err));
            dataset_free(dataset);
        }
        CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
        CU_ASSERT_EQUAL(volume.unit, wish == 0 ? UNIT_SUVBW : UNIT_SUVLBM);
        for (int n = 0; n < 2; n++)
            CU_ASSERT_DOUBLE_EQUAL(volume.f32[n * 16] / (1000 * (wish == 0 ? 70000 : lean_g) / 350e6
                                                         * pow(2, after_s[n] / 6586.2)), 1, 1e-4);
        end();
    }
    begin(2);                               /* one slice does not tell its time */
    for (int n = 0; n < 2; n++) {
        struct dataset *const dataset = make_undecayed(n, "20260302", times[2 * n]);
        CU_ASSERT_FATAL(series_add(series, dataset, &err));
        dataset_free(dataset);
    }
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.unit, UNIT_BQML);
    CU_ASSERT_EQUAL(volume.f32[0], 1000);
    CU_ASSERT_STRING_EQUAL(facts.suv, "SUV not computable: needs Acquisition Date and Time and Actual Frame "
                           "Duration of every slice");
    end();
    begin(2);                               /* and one was taken a year later */
    for (int n = 0; n < 2; n++) {
        struct dataset *const dataset = make_undecayed(n, n == 0 ? "20260302" : "20270302", "110000");
        CU_ASSERT_FATAL(series_add(series, dataset, &err));
        dataset_free(dataset);
    }
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_STRING_EQUAL(facts.suv, "SUV not computable: needs slices within 20 half lives of the injection");
    CU_ASSERT_EQUAL(volume.f32[16], 1000);
    end();
}

/* ---- SPECT ---- */

/* Frame f of 4 x 4 pixels holds 10 (f + 1) counts; its geometry is the detector's. */
static struct dataset *make_spect(const long *vector, double step_mm, bool detector, const char *type)
{
    static const double position[3] = { -10, -20, 30 }, axial[6] = { 1, 0, 0, 0, 1, 0 };
    static const double spacing[2] = { 4, 4 };
    uint16_t pixels[48];
    struct dataset *const dataset = dataset_new(&err);
    struct item *const root = dataset_root(dataset);

    for (size_t i = 0; i < 48; i++)
        pixels[i] = (uint16_t)(10 * (i / 16 + 1));
    item_put_text(root, 0x00080008, type);
    item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.20");
    item_put_text(root, 0x00080018, "1.9.1");
    item_put_text(root, 0x00080060, "NM");
    item_put_text(root, 0x0020000d, "1.2");
    if (step_mm != 0)
        item_put_double(root, 0x00180088, step_mm);
    item_put_int(root, 0x00280002, 1);
    item_put_int(root, 0x00280008, 3);
    item_put_int(root, 0x00280010, 4);
    item_put_int(root, 0x00280011, 4);
    item_put_doubles(root, 0x00280030, spacing, 2);
    item_put_int(root, 0x00280100, 16);
    item_put_int(root, 0x00280101, 16);
    item_put_int(root, 0x00280102, 15);
    item_put_int(root, 0x00280103, 0);
    struct item *const place = detector ? item_add(root, 0x00540022) : root;
    item_put_doubles(place, 0x00200032, position, 3);
    item_put_doubles(place, 0x00200037, axial, 6);
    if (vector != NULL)
        item_put_ints(root, 0x00540080, vector, 3);
    item_put_words(root, 0x7fe00010, pixels, 48);
    return dataset;
}

static bool load_spect(const long *vector, double step_mm, bool detector)
{
    begin(1);
    struct dataset *const dataset = make_spect(vector, step_mm, detector, "ORIGINAL\\PRIMARY\\RECON TOMO\\EMISSION");
    const bool good = series_add(series, dataset, &err)
        && series_volume(series, &volume, &facts, &err);
    dataset_free(dataset);
    return good;
}

/* Slice n lies n - 1 steps along the normal from the detector's position; the step may be below 0. */
static void spect_is_a_volume_in_counts_by_its_detector_and_slice_vector(void)
{
    static const long vectors[][3] = { { 1, 2, 3 }, { 3, 1, 2 }, { 2, 3, 1 } };
    static const double steps[] = { 5, -5 };

    for (int v = 0; v < 4; v++)
        for (int s = 0; s < 2; s++)
            for (int detector = 0; detector < 2; detector++) {
                const bool good = load_spect(v < 3 ? vectors[v] : NULL, steps[s], detector == 1);
                CU_ASSERT_FATAL(good);
                CU_ASSERT_EQUAL(volume.unit, UNIT_COUNTS);
                CU_ASSERT_EQUAL(volume.size[2], 3);
                CU_ASSERT_EQUAL(facts.suv[0], '\0');
                CU_ASSERT_DOUBLE_EQUAL(volume.affine[2][3], s == 0 ? 30 : 20, 1e-9);
                CU_ASSERT_DOUBLE_EQUAL(volume.affine[2][2], 5, 1e-9);
                for (size_t k = 0; k < 3; k++) {
                    const long number = s == 0 ? (long)k + 1 : 3 - (long)k;
                    size_t frame = 0;
                    while ((v < 3 ? vectors[v][frame] : (long)frame + 1) != number)
                        frame++;
                    CU_ASSERT_EQUAL(volume_value(&volume, k * 16 + 5), 10.0 * (double)(frame + 1));
                    CU_ASSERT_EQUAL(volume.slices[k].frame, frame + 1);
                    CU_ASSERT(volume.slices[k].of_many);
                }
                end();
            }
}

static void spect_without_its_geometry_has_its_sentence(void)
{
    static const long twice[] = { 1, 2, 2 };

    CU_ASSERT_FALSE(load_spect(NULL, 0, true));
    CU_ASSERT_STRING_EQUAL(err.text, "frame 1: an NM volume without Spacing Between Slices");
    end();
    CU_ASSERT_FALSE(load_spect(twice, 5, true));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "same position"));
    end();
}

/* ---- planar NM ---- */

/* Views of 4 x 4 pixels, the n-th of n + 1 counts; `codes` names them by detector, "" none. */
static struct dataset *make_planar(long frames, const char *const *codes, const char *type)
{
    static const double spacing[2] = { 2.4, 2.4 };
    uint16_t pixels[17 * 16];
    long detectors[17];
    struct dataset *const dataset = dataset_new(&err);
    struct item *const root = dataset_root(dataset);

    for (size_t i = 0; i < (size_t)frames * 16; i++)
        pixels[i] = (uint16_t)(i / 16 + 1);
    item_put_text(root, 0x00080008, type);
    item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.20");
    item_put_text(root, 0x00080018, codes[0]);
    item_put_text(root, 0x00080060, "NM");
    item_put_text(root, 0x0020000d, "1.2");
    item_put_int(root, 0x00280002, 1);
    item_put_int(root, 0x00280008, frames);
    item_put_int(root, 0x00280010, 4);
    item_put_int(root, 0x00280011, 4);
    item_put_doubles(root, 0x00280030, spacing, 2);
    item_put_int(root, 0x00280100, 16);
    item_put_int(root, 0x00280101, 16);
    item_put_int(root, 0x00280102, 15);
    item_put_int(root, 0x00280103, 0);
    for (long f = 0; f < frames; f++) {
        struct item *const detector = item_add(root, 0x00540022);
        detectors[f] = f + 1;
        if (codes[f + 1][0] != '\0')
            item_put_code(detector, 0x00540220, codes[f + 1], "SCT", codes[f + 1]);
    }
    item_put_ints(root, 0x00540020, detectors, (size_t)frames);
    item_put_words(root, 0x7fe00010, pixels, (size_t)frames * 16);
    return dataset;
}

static bool add_planar(long frames, const char *const *codes, const char *type)
{
    struct dataset *const dataset = make_planar(frames, codes, type);
    const bool good = series_add(series, dataset, &err);

    dataset_free(dataset);
    return good;
}

static void planar_views_are_pictures_with_names_and_no_volume(void)
{
    static const char *const both[] = { "1.9.1", "399321004", "399001007" };
    static const char *const back[] = { "1.9.2", "POSTERIOR VIEW" }, *const front[] = { "1.9.1", "Anterior" };

    begin(1);
    CU_ASSERT_FATAL(add_planar(2, both, "ORIGINAL\\PRIMARY\\WHOLE BODY\\EMISSION"));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT(volume.planar && volume.unit == UNIT_COUNTS && volume.size[2] == 2);
    CU_ASSERT_STRING_EQUAL(facts.view[0], "anterior");
    CU_ASSERT_STRING_EQUAL(facts.view[1], "posterior");
    CU_ASSERT_EQUAL(volume_value(&volume, 3), 1);
    CU_ASSERT_EQUAL(volume_value(&volume, 16 + 3), 2);
    CU_ASSERT_DOUBLE_EQUAL(volume_spacing_mm(&volume, 0), 2.4, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(volume_voxel_mm3(&volume, 0), 2.4 * 2.4, 1e-9);
    CU_ASSERT(facts.warning_count == 1 && strstr(facts.warning[0], "planar views") != NULL);
    end();
    begin(2);                               /* one object each, the back first */
    CU_ASSERT(add_planar(1, back, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION"));
    CU_ASSERT(add_planar(1, front, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION"));
    CU_ASSERT_FATAL(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_EQUAL(volume.size[2], 2);
    CU_ASSERT_STRING_EQUAL(facts.view[0], "anterior");
    CU_ASSERT_STRING_EQUAL(volume.slices[0].sop_uid, "1.9.1");
    CU_ASSERT_STRING_EQUAL(facts.view[1], "posterior");
    end();
    begin(1);                               /* one picture alone is no less than two */
    CU_ASSERT(add_planar(1, front, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION"));
    CU_ASSERT(series_volume(series, &volume, &facts, &err));
    CU_ASSERT(volume.planar && volume.size[2] == 1);
    end();
}

static void nm_that_is_neither_volume_nor_view_has_its_sentence(void)
{
    static const char *const many[18] = { "1.9.1", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "" };
    static const char *const types[] = { "TOMO", "DYNAMIC", "GATED", "RECON GATED TOMO" };
    char type[80];

    for (size_t n = 0; n < 4; n++) {
        begin(1);
        snprintf(type, sizeof type, "ORIGINAL\\PRIMARY\\%s\\EMISSION", types[n]);
        CU_ASSERT_FALSE(add_planar(2, many, type));
        CU_ASSERT_STRING_EQUAL(err.text, "an NM image that is no reconstructed volume");
        end();
    }
    begin(1);
    CU_ASSERT_FALSE(add_planar(17, many, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION"));
    CU_ASSERT_STRING_EQUAL(err.text, "17 planar views of NM, 16 are read");
    end();
    begin(1);
    CU_ASSERT(add_planar(3, many, "ORIGINAL\\PRIMARY\\STATIC\\EMISSION"));
    CU_ASSERT(series_volume(series, &volume, &facts, &err));
    CU_ASSERT_STRING_EQUAL(facts.view[2], "view 3");
    end();
}

/* TRUTH.tsv: SUVbw factor 0.000242903 = 71 kg × 1000 / (388777472 Bq × 2^(−2711 / 6588)). */
static void real_pet_is_in_suv_by_the_known_factor(void)
{
    char folder[4096];
    double factor = 0;

    if (!runner_data_path("dicom/pet_fdg_ge_sts001/image", folder, sizeof folder))
        return;
    CU_ASSERT_FATAL(load(folder));
    CU_ASSERT_EQUAL(volume.unit, UNIT_SUVBW);
    CU_ASSERT_FALSE(volume.even);
    CU_ASSERT_EQUAL(sscanf(facts.suv, "SUVbw factor %lf", &factor), 1);
    CU_ASSERT_DOUBLE_EQUAL(factor / 0.000242903, 1, 0.001);
    float highest = 0;
    for (size_t i = 0; i < volume_count(&volume); i++)
        highest = fmaxf(highest, volume.f32[i]);
    CU_ASSERT_DOUBLE_EQUAL(highest, 66.521, 0.07);
    end();
    equals_pydicom("dicom/pet_fdg_ge_sts001/image", factor);
}

static void real_quirks_end_in_their_sentence(void)
{
    static const struct { const char *set, *sentence; } cases[] = {
        { "dicom/nm_multiframe/NM-MONO2-16-13x-heart",
          "frame 1: no Image Orientation (Patient)" },
    };
    char folder[4096];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!runner_data_path(cases[i].set, folder, sizeof folder))
            return;
        CU_ASSERT_FALSE(load(folder));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].sentence));
        if (strstr(err.text, cases[i].sentence) == NULL)
            printf("[%s] ", err.text);
        end();
    }
}

static const struct runner_test tests[] = {
    TEST(slices_in_any_order_become_a_volume_in_order),
    TEST(stored_bits_are_cut_and_their_sign_extended),
    TEST(values_that_do_not_fit_become_float),
    TEST(values_beyond_all_measure_are_refused),
    TEST(padding_is_air_and_not_a_number),
    TEST(tilted_gantry_is_a_sheared_grid_with_a_warning),
    TEST(slightly_uneven_slices_keep_their_true_positions),
    TEST(broken_series_end_in_their_sentence),
    TEST(what_lies_otherwise_is_a_stack_of_its_own),
    TEST(volumes_at_one_place_are_told_apart),
    TEST(what_differs_without_need_splits_nothing),
    TEST(same_pixels_at_one_place_are_one_slice),
    TEST(only_localizers_are_no_volume),
    TEST(dimensions_are_found_where_each_vendor_keeps_them),
    TEST(real_series_of_several_stacks_give_the_one_that_is_meant),
    TEST(one_slice_is_a_slice_and_no_volume),
    TEST(real_series_equal_pydicom_voxel_by_voxel),
    TEST(frames_are_slices_wherever_they_say_where_they_lie),
    TEST(slices_without_decay_correction_are_brought_to_the_injection),
    TEST(spect_is_a_volume_in_counts_by_its_detector_and_slice_vector),
    TEST(spect_without_its_geometry_has_its_sentence),
    TEST(planar_views_are_pictures_with_names_and_no_volume),
    TEST(nm_that_is_neither_volume_nor_view_has_its_sentence),
    TEST(real_pet_is_in_suv_by_the_known_factor),
    TEST(real_quirks_end_in_their_sentence),
    { NULL, NULL }
};
const struct runner_suite suite_series = { "series", tests };
