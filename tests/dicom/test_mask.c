#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dicom/dataset.h"
#include "dicom/mask.h"
#include "dicom/series.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define SEG "1.2.840.10008.5.1.4.1.1.66.4"
#define LABELMAP "1.2.840.10008.5.1.4.1.1.66.7"
#define RTSTRUCT "1.2.840.10008.5.1.4.1.1.481.3"
#define FRAME "1.2.826.1"

static struct error err;
static struct arena *arena;
static struct volume grid;
static uint8_t *voxels;
static struct mask_paint paint;

/* A grid of 8 x 6 x 4 voxels of 2 x 2 x 5 mm at (10, 20, 30), and nothing painted. */
static void begin(void)
{
    CU_ASSERT_FATAL(dicom_init(&err));
    arena = arena_new((size_t)1 << 30, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    grid = (struct volume){ .type = VOXEL_UINT8, .size = { 8, 6, 4 }, .even = true,
                            .affine = { { 2, 0, 0, 10 }, { 0, 2, 0, 20 }, { 0, 0, 5, 30 } },
                            .frame_of_reference_uid = FRAME };
    voxels = arena_take_zeroed(arena, volume_count(&grid), 1, &err);
}

static void end(void)
{
    arena_free(arena);
}

/* ---- segmentations by hand ---- */

struct made {                           /* what differs from one segment in one frame on slice 1 */
    const char *class_uid, *type, *frame_uid;
    long rows, columns, allocated, most, frames, segments;
    double z[4], x, y, spacing, step;
    long segment[4];
    bool no_position, no_segment, same_number;
    const uint8_t *bytes;
    size_t size;
    const char *category, *property, *label;
};

static void put_frames(const struct made *made, struct item *root)
{
    const long frames = made->frames > 0 ? made->frames : 1;

    for (long f = 0; f < frames && f < 4; f++) {
        struct item *const frame = item_add(root, 0x52009230);
        const double at[3] = { made->x, made->y, made->z[f] };
        if (!made->no_position)
            item_put_doubles(item_add(frame, 0x00209113), 0x00200032, at, 3);
        if (!made->no_segment)
            item_put_int(item_add(frame, 0x0062000a), 0x0062000b, made->segment[f] > 0 ? made->segment[f] : 1);
    }
}

static struct dataset *make_seg(const struct made *made)
{
    static const double axial[6] = { 1, 0, 0, 0, 1, 0 };
    const double spacing[2] = { made->spacing > 0 ? made->spacing : 2, made->spacing > 0 ? made->spacing : 2 };
    struct dataset *const dataset = dataset_new(&err);
    struct item *const root = dataset_root(dataset);
    struct item *const shared = item_add(root, 0x52009229);
    struct item *const measures = item_add(shared, 0x00289110);

    item_put_text(root, 0x00080016, made->class_uid != NULL ? made->class_uid : SEG);
    item_put_text(root, 0x00200052, made->frame_uid != NULL ? made->frame_uid : FRAME);
    item_put_text(root, 0x00620001, made->type != NULL ? made->type : "BINARY");
    item_put_int(root, 0x00280002, 1);
    item_put_int(root, 0x00280008, made->frames > 0 ? made->frames : 1);
    item_put_int(root, 0x00280010, made->rows > 0 ? made->rows : 6);
    item_put_int(root, 0x00280011, made->columns > 0 ? made->columns : 8);
    item_put_int(root, 0x00280100, made->allocated > 0 ? made->allocated : 1);
    if (made->most > 0)
        item_put_int(root, 0x0062000e, made->most);
    for (long n = 1; n <= (made->segments > 0 ? made->segments : 1); n++) {
        struct item *const segment = item_add(root, 0x00620002);
        item_put_int(segment, 0x00620004, made->same_number ? 1 : n);
        item_put_text(segment, 0x00620005, made->label != NULL ? made->label : "Tumor");
        if (made->category != NULL)
            item_put_code(segment, 0x00620003, made->category, "SCT", "a category");
        if (made->property != NULL)
            item_put_code(segment, 0x0062000f, made->property, "SCT", "a type");
    }
    item_put_doubles(measures, 0x00280030, spacing, 2);
    if (made->step > 0)
        item_put_double(measures, 0x00180088, made->step);
    item_put_doubles(item_add(shared, 0x00209116), 0x00200037, axial, 6);
    put_frames(made, root);
    item_put_bytes(root, 0x7fe00010, made->bytes, made->size);
    return dataset;
}

static bool paint_made(const struct made *made, size_t n)
{
    struct dataset *const dataset = make_seg(made);
    struct mask *const mask = mask_read(dataset, &err);
    const bool good = mask != NULL && mask_paint(mask, n, &grid, arena, voxels, &paint, &err);

    mask_free(mask);
    dataset_free(dataset);
    return good;
}

static void frames_of_a_segment_lie_where_they_say(void)
{
    static const uint8_t bits[12] = { 0x01, 0, 0, 0, 0, 0x80, 0x02 };

    begin();
    CU_ASSERT_FATAL(paint_made(&(struct made){ .x = 10, .y = 20, .z = { 45, 35 }, .frames = 2, .bytes = bits,
                                               .size = 12 }, 0));
    CU_ASSERT_EQUAL(paint.voxels, 3);
    CU_ASSERT_EQUAL(voxels[3 * 48], 1);
    CU_ASSERT_EQUAL(voxels[3 * 48 + 47], 1);
    CU_ASSERT_EQUAL(voxels[1 * 48 + 1], 1);
    CU_ASSERT_FALSE(paint.resampled);
    CU_ASSERT_EQUAL(paint.outside, 0);
    end();
}

/* A frame of 2 x 2 pixels that begins a voxel before the corner: one pixel is in the volume. */
static void what_lies_outside_of_the_volume_is_counted(void)
{
    static const uint8_t bits[2] = { 0xff };

    begin();
    CU_ASSERT_FATAL(paint_made(&(struct made){ .rows = 2, .columns = 2, .x = 8, .y = 18, .z = { 30, 500 },
                                               .frames = 2, .bytes = bits, .size = 2 }, 0));
    CU_ASSERT_EQUAL(paint.voxels, 1);
    CU_ASSERT_EQUAL(voxels[0], 1);
    CU_ASSERT_EQUAL(paint.outside, 7);
    end();
}

static void half_of_the_largest_fraction_is_in(void)
{
    static const uint8_t bytes[48] = { 0, 1, 99, 100, 101, 200, 255 };

    begin();
    CU_ASSERT_FATAL(paint_made(&(struct made){ .type = "FRACTIONAL", .most = 200, .allocated = 8, .x = 10,
                                               .y = 20, .z = { 30 }, .bytes = bytes, .size = 48 }, 0));
    CU_ASSERT_EQUAL(paint.voxels, 4);
    CU_ASSERT_EQUAL(voxels[2], 0);
    CU_ASSERT_EQUAL(voxels[3], 1);
    end();
}

static void a_label_map_tells_its_segments_by_the_pixels(void)
{
    static const uint8_t bytes[48] = { 0, 1, 2, 2, 7 };

    begin();
    const struct made made = { .class_uid = LABELMAP, .type = "LABELMAP", .allocated = 8, .segments = 2, .x = 10,
                               .y = 20, .z = { 40 }, .no_segment = true, .bytes = bytes, .size = 48 };
    CU_ASSERT_FATAL(paint_made(&made, 0));
    CU_ASSERT_EQUAL(paint.voxels, 1);
    CU_ASSERT_EQUAL(voxels[2 * 48 + 1], 1);
    CU_ASSERT_FATAL(paint_made(&made, 1));
    CU_ASSERT_EQUAL(paint.voxels, 2);
    end();
}

/* Two layers 10 mm apart of pixels of 4 mm, on slices of 5 mm: each pixel becomes 2 x 2 x 2 voxels. */
static void another_grid_is_resampled_to_the_nearest(void)
{
    static const uint8_t bits[3] = { 0x01, 0x00, 0x00 };

    begin();
    CU_ASSERT_FATAL(paint_made(&(struct made){ .rows = 3, .columns = 4, .spacing = 4, .step = 10, .x = 11,
                                               .y = 21, .z = { 32.5, 42.5 }, .frames = 2, .bytes = bits,
                                               .size = 3 }, 0));
    CU_ASSERT(paint.resampled);
    CU_ASSERT_EQUAL(paint.voxels, 8);
    for (size_t k = 0; k < 2; k++)
        for (size_t j = 0; j < 2; j++)
            for (size_t i = 0; i < 2; i++)
                CU_ASSERT_EQUAL(voxels[(k * 6 + j) * 8 + i], 1);
    CU_ASSERT_EQUAL(paint.outside, 0);
    end();
}

static void wrong_segmentations_get_their_sentence(void)
{
    static const uint8_t bytes[96] = { 1 };
    static const struct { struct made made; const char *sentence; } cases[] = {
        { { .frame_uid = "1.2.9", .bytes = bytes, .size = 6 }, "it was drawn in another frame of reference" },
        { { .bytes = bytes, .size = 4, .frames = 2 },
          "sizes disagree: 4 bytes of pixels where 2 frames of 8 x 6 need 12" },
        { { .frames = 9, .bytes = bytes, .size = 96 },
          "9 frames of a segmentation with functional groups for 4" },
        { { .frames = 70000, .bytes = bytes, .size = 96 }, "a segmentation of 70000 frames" },
        { { .no_position = true, .bytes = bytes, .size = 6 },
          "frame 1 of the segmentation does not say where it lies" },
        { { .no_segment = true, .bytes = bytes, .size = 6 }, "frame 1 of the segmentation is of no segment" },
        { { .segments = 2, .same_number = true, .bytes = bytes, .size = 6 }, "two segments have the number 1" },
        { { .segments = 257, .bytes = bytes, .size = 6 }, "257 segments, and at most 256 are read" },
        { { .type = "FRACTIONAL", .allocated = 8, .bytes = bytes, .size = 48 },
          "a fractional segmentation without Maximum Fractional Value" },
        { { .type = "BINARY", .allocated = 8, .bytes = bytes, .size = 48 },
          "a segmentation of type BINARY with 8 bits a pixel" },
        { { .type = "SOMETHING", .bytes = bytes, .size = 48 },
          "a segmentation of type SOMETHING with 1 bits a pixel" },
        { { .class_uid = "1.2.840.10008.5.1.4.1.1.2", .bytes = bytes, .size = 48 }, "an object that is no mask" },
    };

    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_FALSE(paint_made(&cases[i].made, 0));
        CU_ASSERT_STRING_EQUAL(err.text, cases[i].sentence);
    }
    end();
}

static void codes_and_names_tell_what_a_segment_is(void)
{
    static const uint8_t bytes[6] = { 1 };
    static const struct { const char *category, *property, *label; enum mask_meaning meaning; } cases[] = {
        { "49755003", "86049000", "1", MASK_TUMOUR },
        { "M-01000", "M-8FFFF", "x", MASK_TUMOUR },
        { "49755003", "79654002", "Edema", MASK_TUMOUR_PART },
        { "49755003", "27925004", "Nodule 1", MASK_LESION },
        { "49755003", "1234", "x", MASK_LESION },
        { "85756007", "10200004", "Liver", MASK_ORGAN },
        { "T-D0050", "T-62000", "Liver", MASK_ORGAN },
        { "85756007", "85756007", "liver tumour", MASK_TUMOUR },     /* Slicer's default codes, and a name */
        { NULL, NULL, "Metastasis", MASK_TUMOUR },
        { NULL, NULL, "left kidney", MASK_ORGAN },
        { NULL, NULL, "Segment_1", MASK_OTHER },
        { "309825002", "125040", "Background", MASK_OTHER },
        { "309825002", "1", "x", MASK_OTHER },
    };

    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dataset *const dataset = make_seg(&(struct made){
            .category = cases[i].category, .property = cases[i].property, .label = cases[i].label,
            .bytes = bytes, .size = 6 });
        struct mask *const mask = mask_read(dataset, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(mask);
        CU_ASSERT_EQUAL(mask_structure(mask, 0)->meaning, cases[i].meaning);
        CU_ASSERT_STRING_EQUAL(mask_structure(mask, 0)->name, cases[i].label);
        mask_free(mask);
        dataset_free(dataset);
    }
    end();
}

/* ---- structure sets by hand ---- */

struct drawn {
    const char *name, *type, *frame_uid, *geometric;
    const char *contour[4];             /* Contour Data */
    long told;                          /* Number of Contour Points; 0: as many as there are */
};

static struct dataset *make_set(const struct drawn *drawn)
{
    struct dataset *const dataset = dataset_new(&err);
    struct item *const root = dataset_root(dataset);
    struct item *const roi = item_add(root, 0x30060020), *const contours = item_add(root, 0x30060039);
    struct item *const observation = item_add(root, 0x30060080);

    item_put_text(root, 0x00080016, RTSTRUCT);
    item_put_int(roi, 0x30060022, 5);
    item_put_text(roi, 0x30060024, drawn->frame_uid != NULL ? drawn->frame_uid : FRAME);
    item_put_text(roi, 0x30060026, drawn->name != NULL ? drawn->name : "GTV");
    item_put_int(contours, 0x30060084, 5);
    item_put_int(observation, 0x30060084, 5);
    item_put_text(observation, 0x300600a4, drawn->type != NULL ? drawn->type : "GTV");
    for (int n = 0; n < 4 && drawn->contour[n] != NULL; n++) {
        struct item *const contour = item_add(contours, 0x30060040);
        long numbers = 1;
        for (const char *at = drawn->contour[n]; *at != '\0'; at++)
            numbers += *at == '\\';
        item_put_text(contour, 0x30060042, drawn->geometric != NULL ? drawn->geometric : "CLOSED_PLANAR");
        item_put_int(contour, 0x30060046, drawn->told != 0 ? drawn->told : numbers / 3);
        item_put_text(contour, 0x30060050, drawn->contour[n]);
    }
    return dataset;
}

static bool paint_drawn(const struct drawn *drawn)
{
    struct dataset *const dataset = make_set(drawn);
    struct mask *const mask = mask_read(dataset, &err);

    memset(voxels, 0, volume_count(&grid));
    const bool good = mask != NULL && mask_paint(mask, 0, &grid, arena, voxels, &paint, &err);
    mask_free(mask);
    dataset_free(dataset);
    return good;
}

#define SQUARE "11\\21\\35\\19\\21\\35\\19\\29\\35\\11\\29\\35"     /* 4 x 4 voxels of slice 1 */
#define HOLE "13\\23\\35\\13\\27\\35\\17\\27\\35\\17\\23\\35"       /* 2 x 2 in its middle */
#define TRIANGLE "9\\19\\40\\17\\19\\40\\9\\27\\40"     /* half of a square of 8 mm */

static void contours_are_filled_where_a_centre_is_inside(void)
{
    begin();
    CU_ASSERT_FATAL(paint_drawn(&(struct drawn){ .contour = { SQUARE } }));
    CU_ASSERT_EQUAL(paint.voxels, 16);
    for (size_t j = 1; j < 5; j++)
        for (size_t i = 1; i < 5; i++)
            CU_ASSERT_EQUAL(voxels[48 + j * 8 + i], 1);
    CU_ASSERT_EQUAL(paint.skipped, 0);
    CU_ASSERT_FALSE(paint.resampled);
    CU_ASSERT_FATAL(paint_drawn(&(struct drawn){ .contour = { TRIANGLE } }));
    CU_ASSERT_EQUAL(paint.voxels, 10);      /* 4 + 3 + 2 + 1: centres on its right side are inside */
    CU_ASSERT_FATAL(paint_drawn(&(struct drawn){ .contour = { SQUARE, HOLE, TRIANGLE } }));
    CU_ASSERT_EQUAL(paint.voxels, 16 - 4 + 10);
    CU_ASSERT_EQUAL(voxels[48 + 2 * 8 + 2], 0);
    end();
}

/* Slices at 30, 35, 45 (40 is missing) and 50 mm: what is drawn at 45 is on the third, at 40 on none of them. */
static void a_missing_slice_moves_no_mask(void)
{
    static const uint8_t bits[12] = { 0x01, 0, 0, 0, 0, 0, 0x02 };
    static struct volume_slice slices[4] = { { .position_mm = { 10, 20, 30 } }, { .position_mm = { 10, 20, 35 } },
                                             { .position_mm = { 10, 20, 45 } }, { .position_mm = { 10, 20, 50 } } };

    begin();
    grid.slices = slices;
    grid.even = false;
    grid.affine[2][2] = 20.0 / 3;
    CU_ASSERT_FATAL(paint_drawn(&(struct drawn){ .contour = { "11\\21\\45\\19\\21\\45\\19\\29\\45\\11\\29\\45" } }));
    CU_ASSERT_EQUAL(paint.voxels, 16);
    CU_ASSERT_EQUAL(voxels[2 * 48 + 8 + 1], 1);
    CU_ASSERT_FALSE(paint.resampled);
    memset(voxels, 0, volume_count(&grid));
    CU_ASSERT_FATAL(paint_made(&(struct made){ .x = 10, .y = 20, .z = { 45, 35 }, .frames = 2, .bytes = bits,
                                               .size = 12 }, 0));
    CU_ASSERT_EQUAL(paint.voxels, 2);
    CU_ASSERT_EQUAL(voxels[2 * 48], 1);
    CU_ASSERT_EQUAL(voxels[48 + 1], 1);
    CU_ASSERT_FALSE(paint.resampled);
    end();
}

/* A tilted gantry: slices are shifted by 1 mm against each other along y. */
static void a_sheared_grid_takes_masks_where_they_lie(void)
{
    static struct volume_slice slices[4] = { { .position_mm = { 10, 20, 30 } }, { .position_mm = { 10, 21, 35 } },
                                             { .position_mm = { 10, 22, 40 } }, { .position_mm = { 10, 23, 45 } } };

    begin();
    grid.slices = slices;
    grid.affine[1][2] = 1;
    CU_ASSERT_FATAL(paint_drawn(&(struct drawn){ .contour = { "11\\24\\45\\19\\24\\45\\19\\32\\45\\11\\32\\45" } }));
    CU_ASSERT_EQUAL(paint.voxels, 16);
    CU_ASSERT_EQUAL(voxels[3 * 48 + 8 + 1], 1);
    CU_ASSERT_EQUAL(voxels[3 * 48 + 1], 0);
    end();
}

/* Slices lie 5 mm apart: contours half way between two of them count once, on other planes they are resampled. */
static void contours_between_slices_count_once(void)
{
    begin();
    CU_ASSERT_FATAL(paint_drawn(&(struct drawn){ .contour = { "11\\21\\37.5\\19\\21\\37.5\\19\\29\\37.5" ,
                                                              "11\\21\\42.5\\19\\21\\42.5\\19\\29\\42.5" } }));
    CU_ASSERT(paint.resampled);
    CU_ASSERT_EQUAL(paint.voxels % 2, 0);
    size_t slices = 0;
    for (size_t k = 0; k < 4; k++)
        slices += memchr(voxels + k * 48, 1, 48) != NULL;
    CU_ASSERT_EQUAL(slices, 2);
    end();
}

static void bad_contours_are_left_out_and_told(void)
{
    static const struct { struct drawn drawn; size_t voxels; const char *why; } cases[] = {
        { { .contour = { SQUARE, "11\\21\\35\\19\\21\\35" } }, 16, "it has less than 3 points" },
        { { .contour = { SQUARE, "nan\\21\\35\\19\\21\\35\\19\\29\\35" } }, 16, "a coordinate is no number" },
        { { .contour = { SQUARE, "1e300\\21\\35\\19\\21\\35\\19\\29\\35" } }, 16, "a coordinate is no number" },
        { { .contour = { SQUARE, "\\\\\\\\\\\\\\\\" } }, 16, "a coordinate is no number" },
        { { .contour = { SQUARE, SQUARE } }, 16, "it is there twice" },
        { { .contour = { SQUARE }, .told = 7 }, 0, "its number of points is not that of its coordinates" },
        { { .contour = { SQUARE }, .geometric = "POINT" }, 0, "it is not closed and planar" },
        { { .contour = { SQUARE, "11\\21\\99\\19\\21\\99\\19\\29\\99" } }, 16, "it lies beyond the slices" },
    };

    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CU_ASSERT_FATAL(paint_drawn(&cases[i].drawn));
        CU_ASSERT_EQUAL(paint.voxels, cases[i].voxels);
        CU_ASSERT_EQUAL(paint.skipped, 1);
        CU_ASSERT_STRING_EQUAL(paint.why_skipped, cases[i].why);
    }
    CU_ASSERT_FALSE(paint_drawn(&(struct drawn){ .contour = { SQUARE }, .frame_uid = "1.2.9" }));
    CU_ASSERT_STRING_EQUAL(err.text, "it was drawn in another frame of reference");
    CU_ASSERT_FALSE(paint_drawn(&(struct drawn){ .contour = { "11\\21\\30\\11\\29\\35\\11\\29\\45" } }));
    CU_ASSERT_STRING_EQUAL(err.text, "its contours do not lie in the planes of the slices");
    CU_ASSERT(paint_drawn(&(struct drawn){ .contour = { NULL } }));
    CU_ASSERT_EQUAL(paint.voxels, 0);
    end();
}

static void types_and_names_tell_what_a_region_is(void)
{
    static const struct { const char *type, *name; enum mask_meaning meaning; } cases[] = {
        { "GTV", "x", MASK_TUMOUR }, { "ORGAN", "GTV_1", MASK_TUMOUR }, { "ORGAN", "Liver", MASK_ORGAN },
        { "ORGAN", "x", MASK_ORGAN }, { "PTV", "PTV tumour", MASK_OTHER }, { "PTV", "x", MASK_OTHER },
        { "CTV", "Lesion", MASK_OTHER }, { "EXTERNAL", "patient", MASK_ORGAN }, { "MARKER", "x", MASK_OTHER },
        { "", "tumour left", MASK_TUMOUR }, { "", "liver", MASK_ORGAN }, { "", "x", MASK_OTHER },
        { "ISOCENTER", "Isocenter 1", MASK_OTHER }, { "GTV", "GTV_Edema", MASK_TUMOUR },
    };

    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dataset *const dataset = make_set(&(struct drawn){ .type = cases[i].type, .name = cases[i].name });
        struct mask *const mask = mask_read(dataset, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(mask);
        CU_ASSERT_EQUAL(mask_structure(mask, 0)->meaning, cases[i].meaning);
        mask_free(mask);
        dataset_free(dataset);
    }
    end();
}

/* A contour that goes to and fro over all rows: the cost is bounded by its points, not by their square. */
static void a_million_points_take_seconds_at_most(void)
{
    enum { POINTS = 1000000 };
    char *const text = malloc(POINTS * 16 + 1);
    size_t used = 0;
    struct timespec from, to;

    begin();
    for (size_t n = 0; n < POINTS; n++)
        used += (size_t)snprintf(text + used, 17, "%s%zu\\%d\\35", n > 0 ? "\\" : "", 10 + n % 7,
                                 n % 2 == 0 ? 20 : 30);
    const struct drawn drawn = { .contour = { text } };
    clock_gettime(CLOCK_MONOTONIC, &from);
    CU_ASSERT(paint_drawn(&drawn));
    clock_gettime(CLOCK_MONOTONIC, &to);
    CU_ASSERT(to.tv_sec - from.tv_sec < 20);
    free(text);
    end();
}

/* ---- against others ---- */

static struct dataset *load(const char *path)
{
    FILE *const file = fopen(path, "rb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    char *const bytes = malloc(size);
    rewind(file);
    CU_ASSERT_EQUAL_FATAL(fread(bytes, 1, size, file), size);
    fclose(file);
    struct dataset *const dataset = dataset_read(bytes, size, &err);
    free(bytes);
    return dataset;
}

static size_t check_of(size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += voxels[i] != 0 ? i % 99991 : 0;
    return sum;
}

static bool read_grid(const char *line)
{
    double *const a = &grid.affine[0][0];

    grid = (struct volume){ .type = VOXEL_UINT8, .even = true };
    return sscanf(line, "grid %zu %zu %zu %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %64s",
                  &grid.size[0], &grid.size[1], &grid.size[2], a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7,
                  a + 8, a + 9, a + 10, a + 11, grid.frame_of_reference_uid) == 16;
}

/* Voxels may differ by `part`: a centre that lies on a contour is a matter of rounding. */
static size_t compare_line(struct mask *mask, const char *line, double part)
{
    long number;
    size_t count, check;

    if (sscanf(line, "structure %ld %zu %zu", &number, &count, &check) != 3)
        return 0;
    for (size_t n = 0; n < mask_count(mask); n++) {
        if (mask_structure(mask, n)->number != number)
            continue;
        const size_t mark = arena_mark(arena);
        voxels = arena_take_zeroed(arena, volume_count(&grid), 1, &err);
        CU_ASSERT_FATAL(mask_paint(mask, n, &grid, arena, voxels, &paint, &err));
        CU_ASSERT(fabs((double)paint.voxels - (double)count) <= part * (double)count);
        if (part == 0) {
            CU_ASSERT_EQUAL(check_of(volume_count(&grid)), check);
        }
        CU_ASSERT_FALSE(paint.resampled);
        arena_rewind(arena, mark);
        return 1;
    }
    return 0;
}

/* How many structures were compared. */
static size_t compare_with_python(const char *name, const char *series, double part)
{
    char path[1024], folder[1024] = "", command[4096], line[1024];
    size_t compared = 0;

    if (!runner_data_path(name, path, sizeof path)
        || (series != NULL && !runner_data_path(series, folder, sizeof folder)))
        return 0;
    begin();
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/dicom/mask.py %s %s", runner_source(), path,
             folder);
    FILE *const pipe = popen(command, "r");
    struct dataset *const dataset = load(path);
    struct mask *const mask = dataset == NULL ? NULL : mask_read(dataset, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mask);
    CU_ASSERT(fgets(line, sizeof line, pipe) != NULL && read_grid(line));
    while (fgets(line, sizeof line, pipe) != NULL)
        compared += compare_line(mask, line, part);
    CU_ASSERT_EQUAL(pclose(pipe), 0);
    mask_free(mask);
    dataset_free(dataset);
    end();
    return compared;
}

static void segmentations_of_others_are_what_pydicom_reads(void)
{
    static const struct { const char *name; size_t structures; } cases[] = {
        { "seg_dcmqi_24x38x3_bytealigned.dcm", 1 }, { "seg_dcmqi_5segments_overlap.dcm", 5 },
        { "seg_dcmqi_liver.dcm", 1 }, { "seg_highdicom_binary.dcm", 1 },
        { "seg_highdicom_fractional.dcm", 1 }, { "seg_labelmap_dcmqi_noppv.dcm", 2 },
    };
    char path[256];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(path, sizeof path, "dicom/ref_seg_sr_rtss_others/%s", cases[i].name);
        const size_t compared = compare_with_python(path, NULL, 0);
        if (compared == 0)
            return;                     /* skipped: it is not there */
        CU_ASSERT_EQUAL(compared, cases[i].structures);
    }
}

static void contours_are_what_scikit_image_fills(void)
{
    static const char *const cases[][2] = {
        { "dicom/ctpetmr_cropped_sts002/ct_rtstruct/RS.dcm", "dicom/ctpetmr_cropped_sts002/ct" },
        { "dicom/ctpetmr_cropped_sts002/pet_rtstruct/RS.dcm", "dicom/ctpetmr_cropped_sts002/pet" },
        { "dicom/ctpetmr_cropped_sts002/mr_rtstruct/RS.dcm", "dicom/ctpetmr_cropped_sts002/mr_t1" },
        { "dicom/pet_fdg_ge_sts001/rtstruct/1-1.dcm", "dicom/pet_fdg_ge_sts001/image" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (compare_with_python(cases[i][0], cases[i][1], 0.002) == 0)
            return;
}

/* ---- against the truth ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void load_series(const char *name, struct series **ret_series)
{
    char folder[1024], path[2048];
    char *names[512];
    size_t count = 0;
    struct series_facts facts;

    if (!runner_data_path(name, folder, sizeof folder))
        return;
    DIR *const list = opendir(folder);
    for (struct dirent *entry; (entry = readdir(list)) != NULL && count < 512;)
        if (entry->d_name[0] != '.')
            names[count++] = strdup(entry->d_name);
    closedir(list);
    qsort(names, count, sizeof *names, compare_names);
    struct series *const series = series_new(count, arena, &err);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        struct dataset *const dataset = load(path);
        CU_ASSERT_FATAL(dataset != NULL && series_add(series, dataset, &err));
        dataset_free(dataset);
        free(names[i]);
    }
    CU_ASSERT_FATAL(series_volume(series, &grid, &facts, &err));
    *ret_series = series;
}

struct truth {
    const char *series, *mask;
    long number;
    double voxels, ml, mean, most, tolerance;
};

static void compare_truth(const struct truth *truth, struct mask *mask)
{
    double sum = 0, most = -INFINITY, ml = 0;

    for (size_t n = 0; n < mask_count(mask); n++)
        if (mask_structure(mask, n)->number == truth->number) {
            CU_ASSERT_EQUAL(mask_structure(mask, n)->meaning, MASK_TUMOUR);
            CU_ASSERT_FATAL(mask_paint(mask, n, &grid, arena, voxels, &paint, &err));
        }
    const size_t pixels = grid.size[0] * grid.size[1];
    for (size_t i = 0; i < volume_count(&grid); i++)
        if (voxels[i] != 0) {
            sum += volume_value(&grid, i);
            most = fmax(most, volume_value(&grid, i));
            ml += volume_voxel_mm3(&grid, i / pixels) / 1000;
        }
    CU_ASSERT(fabs((double)paint.voxels - truth->voxels) <= truth->tolerance * truth->voxels);
    CU_ASSERT(fabs(ml - truth->ml) <= (truth->tolerance + 0.001) * truth->ml);
    CU_ASSERT(fabs(sum / (double)paint.voxels - truth->mean) <= (truth->tolerance + 0.0001) * truth->mean);
    CU_ASSERT(fabs(most - truth->most) <= 0.002 * truth->most);
    CU_ASSERT_EQUAL(paint.skipped, 0);
    CU_ASSERT_EQUAL(paint.outside, 0);
}

/* TRUTH.tsv: the STS 002 masks voxel by voxel, the contours of STS 001 to two percent. */
static void contours_have_the_statistics_of_the_truth(void)
{
    static const struct truth truths[] = {
        { "dicom/ctpetmr_cropped_sts002/ct", "dicom/ctpetmr_cropped_sts002/ct_rtstruct/RS.dcm", 1,
          17090, 53.30, 59.021, 241, 0 },
        { "dicom/ctpetmr_cropped_sts002/pet", "dicom/ctpetmr_cropped_sts002/pet_rtstruct/RS.dcm", 1,
          555, 54.28, 7.370, 21.676, 0 },
        { "dicom/ctpetmr_cropped_sts002/mr_t1", "dicom/ctpetmr_cropped_sts002/mr_rtstruct/RS.dcm", 1,
          17090, 53.29, 381.915, 939, 0 },
        { "dicom/pet_fdg_ge_sts001/image", "dicom/pet_fdg_ge_sts001/rtstruct/1-1.dcm", 1,
          5167, 371.25, 2.557, 7.911, 0.02 },
        { "dicom/pet_fdg_ge_sts001/image", "dicom/pet_fdg_ge_sts001/rtstruct/1-1.dcm", 2,
          8172, 587.16, 2.247, 7.911, 0.02 },
    };

    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
        char path[1024];
        struct series *series = NULL;
        if (!runner_data_path(truths[i].mask, path, sizeof path))
            return;
        begin();
        load_series(truths[i].series, &series);
        if (series == NULL) {
            end();
            return;
        }
        struct dataset *const dataset = load(path);
        struct mask *const mask = mask_read(dataset, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(mask);
        voxels = arena_take_zeroed(arena, volume_count(&grid), 1, &err);
        compare_truth(&truths[i], mask);
        mask_free(mask);
        dataset_free(dataset);
        series_free(series);
        end();
    }
}

static const struct runner_test tests[] = {
    TEST(frames_of_a_segment_lie_where_they_say),
    TEST(what_lies_outside_of_the_volume_is_counted),
    TEST(half_of_the_largest_fraction_is_in),
    TEST(a_label_map_tells_its_segments_by_the_pixels),
    TEST(another_grid_is_resampled_to_the_nearest),
    TEST(wrong_segmentations_get_their_sentence),
    TEST(codes_and_names_tell_what_a_segment_is),
    TEST(contours_are_filled_where_a_centre_is_inside),
    TEST(contours_between_slices_count_once),
    TEST(a_missing_slice_moves_no_mask),
    TEST(a_sheared_grid_takes_masks_where_they_lie),
    TEST(bad_contours_are_left_out_and_told),
    TEST(types_and_names_tell_what_a_region_is),
    TEST(a_million_points_take_seconds_at_most),
    TEST(segmentations_of_others_are_what_pydicom_reads),
    TEST(contours_are_what_scikit_image_fills),
    TEST(contours_have_the_statistics_of_the_truth),
    { NULL, NULL }
};
const struct runner_suite suite_mask = { "mask", tests };
