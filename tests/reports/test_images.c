/* Images: compared with pydicom's reading, dciodvfy's judgement and arithmetic. */
#include "reports/images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dataset.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/volume.h"

#define SIDE 5
#define COUNT (SIDE * SIDE * 2)

static struct error err;
static float f32[COUNT];
static int16_t i16[COUNT];

static struct images_about about_of(const char *modality)
{
    return (struct images_about){
        .modality = modality, .study_key = "s", .series_key = "t", .frame_key = "f",
        .patient_id = "M\xc3\xbcller 7", .patient_name = "M\xc3\xbcller", .study_description = "study",
        .series_description = "series", .derivation = "from a test", .date = "20260101",
        .series_number = 3
    };
}

/* Oblique, with anisotropic voxels of 0.5 x 0.75 x 4 mm: a turn about x by 30 degrees. */
static struct volume volume_of(enum voxel_type type)
{
    const double c = cos(M_PI / 6), s = sin(M_PI / 6);
    struct volume volume = {
        .type = type, .unit = UNIT_ARBITRARY, .size = { SIDE, SIDE, 2 }, .slope = 1,
        .affine = { { 0.5, 0, 0, -10 }, { 0, 0.75 * c, -4 * s, 20 }, { 0, 0.75 * s, 4 * c, 30.25 } }
    };

    volume.voxels = type == VOXEL_FLOAT32 ? (void *)f32 : i16;
    return volume;
}

/* What pydicom and numpy say of image 1: one line. */
static void read_by_pydicom(const char *path, char *line, size_t size)
{
    char command[1024];

    snprintf(command, sizeof command, "/usr/bin/python3 -c \"import pydicom, numpy\n"
             "d = pydicom.dcmread('%s')\n"
             "v = d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept)\n"
             "print(d.Modality, d.PatientName, d.PatientID, d.InstanceNumber, '%%.4f' %% v.min(), '%%.4f' %% v.max(), "
             "*('%%.4f' %% x for x in [*d.ImagePositionPatient, *d.ImageOrientationPatient, *d.PixelSpacing]))\"",
             path);
    FILE *const pipe = popen(command, "r");
    line[0] = '\0';
    CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, (int)size, pipe));
    pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
}

static void check(struct volume *volume, const char *modality, const char *expected)
{
    const struct images_about about = about_of(modality);
    unsigned char *bytes = NULL;
    size_t size = 0;
    char path[] = "/tmp/tumord-images-XXXXXX", line[600], command[200];

    CU_ASSERT_FATAL(dicom_init(&err));
    struct images *const images = images_new(volume, &about, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(images);
    CU_ASSERT_FATAL(images_write(images, 1, &bytes, &size, &err));
    const int fd = mkstemp(path);
    CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    read_by_pydicom(path, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, expected);
    snprintf(command, sizeof command, "! dciodvfy -new %s 2>&1 | grep ^Error", path);
    CU_ASSERT_EQUAL(system(command), 0);
    unlink(path);
    free(bytes);
    images_free(images);
}

static void whole_hounsfield_units_are_kept_as_they_are(void)
{
    struct volume volume = volume_of(VOXEL_INT16);

    for (int i = 0; i < COUNT; i++)
        i16[i] = (int16_t)(i * 40 - 1000);
    check(&volume, "CT", "CT M\xc3\xbcller M\xc3\xbcller 7 2 0.0000 960.0000 -10.0000 18.0000 33.7141 "
          "1.0000 0.0000 0.0000 0.0000 0.8660 0.5000 0.7500 0.5000");
}

/* 0 to 3.2767 in steps of 0.0001. */
static void a_signal_from_zero_keeps_its_zero(void)
{
    struct volume volume = volume_of(VOXEL_FLOAT32);

    for (int i = 0; i < COUNT; i++)
        f32[i] = i == 49 ? 3.2767f : i == 30 ? 0 : 1.23456f;
    check(&volume, "MR", "MR M\xc3\xbcller M\xc3\xbcller 7 2 0.0000 3.2767 -10.0000 18.0000 33.7141 "
          "1.0000 0.0000 0.0000 0.0000 0.8660 0.5000 0.7500 0.5000");
    check(&volume, "PT", "PT M\xc3\xbcller M\xc3\xbcller 7 2 0.0000 3.2767 -10.0000 18.0000 33.7141 "
          "1.0000 0.0000 0.0000 0.0000 0.8660 0.5000 0.7500 0.5000");
}

/* Every voxel comes back within half a step, over a range with both signs. */
static void what_is_quantised_is_off_by_half_a_step_at_most(void)
{
    struct volume volume = volume_of(VOXEL_FLOAT32);
    const struct images_about about = about_of("MR");
    const void *pixels = NULL;
    unsigned char *bytes = NULL;
    size_t size = 0;
    double slope = 0, intercept = 0, worst = 0;

    for (int i = 0; i < COUNT; i++)
        f32[i] = (float)(sin(i) * 1e-3 - 2e-4);
    struct images *const images = images_new(&volume, &about, &err);
    CU_ASSERT_FATAL(images != NULL && images_write(images, 0, &bytes, &size, &err));
    struct dataset *const dataset = dataset_read(bytes, size, &err);
    CU_ASSERT_FATAL(dataset != NULL && dataset_pixels(dataset, &pixels, &size, &err));
    CU_ASSERT(item_double(dataset_root(dataset), 0x00281053, 0, &slope));
    CU_ASSERT(item_double(dataset_root(dataset), 0x00281052, 0, &intercept));
    for (int i = 0; i < COUNT / 2; i++)
        worst = fmax(worst, fabs(((const int16_t *)pixels)[i] * slope + intercept - f32[i]));
    CU_ASSERT(worst <= 0.5001 * images_step(images));
    CU_ASSERT_DOUBLE_EQUAL(images_step(images), slope, 1e-9 * slope);
    CU_ASSERT_PTR_NOT_NULL(strstr(item_text(dataset_root(dataset), 0x00082111),
                                  "from a test; stored in 16 bit, quantisation step"));
    dataset_free(dataset);
    free(bytes);
    images_free(images);
}

static void fails(struct volume volume, const char *modality, const char *sentence)
{
    const struct images_about about = about_of(modality);

    CU_ASSERT_PTR_NULL(images_new(&volume, &about, &err));
    CU_ASSERT_STRING_EQUAL(err.text, sentence);
}

static void what_cannot_be_an_image_gets_its_sentence(void)
{
    struct volume volume = volume_of(VOXEL_FLOAT32), other;

    for (int i = 0; i < COUNT; i++)
        f32[i] = 0.5f;
    fails(volume, "XA", "modality 'XA' is none of CT, MR and PT");
    fails(volume, "", "modality '' is none of CT, MR and PT");
    f32[7] = NAN;
    fails(volume, "CT", "voxel 7 is not a number");
    f32[7] = INFINITY;
    fails(volume, "CT", "voxel 7 is not a number");
    f32[7] = 0.5f;
    other = volume;
    other.affine[0][1] = 0.1;
    fails(other, "CT", "the axes of its planes are not perpendicular");
    other = volume;
    memset(other.affine, 0, sizeof other.affine);
    fails(other, "CT", "a voxel without extent");
    other = volume;
    other.size[0] = 65536;
    fails(other, "CT", "2 planes of 65536 x 5 voxels");
}

static const struct runner_test tests[] = {
    TEST(whole_hounsfield_units_are_kept_as_they_are),
    TEST(a_signal_from_zero_keeps_its_zero),
    TEST(what_is_quantised_is_off_by_half_a_step_at_most),
    TEST(what_cannot_be_an_image_gets_its_sentence),
    { NULL, NULL }
};

const struct runner_suite suite_images = { "images", tests };
