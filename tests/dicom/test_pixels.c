#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dataset.h"
#include "dicom/jpeg.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

#define SIDE 64

static struct error err;

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    FILE *const file = fopen(path, "rb");

    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *ret_size = (size_t)ftell(file);
    rewind(file);
    unsigned char *const bytes = malloc(*ret_size + 1);
    CU_ASSERT_EQUAL(fread(bytes, 1, *ret_size, file), *ret_size);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *const file = fopen(path, "wb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static struct dataset *open_file(const char *path)
{
    size_t size = 0;
    unsigned char *const bytes = read_file(path, &size);
    struct dataset *const dataset = bytes == NULL ? NULL : dataset_read(bytes, size, &err);

    free(bytes);
    return dataset;
}

static bool has_program(const char *name)
{
    char command[128];

    text_format(command, sizeof command, "command -v %s >/dev/null", name);
    if (system(command) == 0)
        return true;
    runner_skip(name);
    return false;
}

/* ---- generated images, through dcmtk's own encoders ---- */

/* A signed ramp with noise: whatever is lost or swapped shows. */
static void fill(int16_t *pixels)
{
    uint32_t state = 7;

    for (int i = 0; i < SIDE * SIDE; i++) {
        state = state * 1664525 + 1013904223;
        pixels[i] = (int16_t)(i - 2000 + (int)(state >> 28));
    }
}

static struct dataset *make(const void *pixels, int bits, bool is_signed)
{
    struct dataset *const dataset = dataset_new(&err);
    struct item *const root = dataset_root(dataset);

    item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.7");
    item_put_text(root, 0x00080018, "2.25.8");
    item_put_int(root, 0x00280002, 1);
    item_put_text(root, 0x00280004, "MONOCHROME2");
    item_put_int(root, 0x00280010, SIDE);
    item_put_int(root, 0x00280011, SIDE);
    item_put_int(root, 0x00280100, bits);
    item_put_int(root, 0x00280101, bits);
    item_put_int(root, 0x00280102, bits - 1);
    item_put_int(root, 0x00280103, is_signed);
    if (bits == 8)
        item_put_bytes(root, 0x7fe00010, pixels, SIDE * SIDE);
    else
        item_put_words(root, 0x7fe00010, pixels, SIDE * SIDE);
    return dataset;
}

static void make_file(const char *path, const void *pixels, int bits, bool is_signed)
{
    struct dataset *const dataset = make(pixels, bits, is_signed);
    unsigned char *bytes = NULL;
    size_t size = 0;

    CU_ASSERT_FATAL(dataset_write(dataset, &bytes, &size, &err));
    write_file(path, bytes, size);
    free(bytes);
    dataset_free(dataset);
}

/* The image by way of `program`, which writes `syntax`, equals what went in. */
static void comes_back(const char *program, const char *syntax, const void *pixels, int bits,
                       bool is_signed)
{
    char folder[] = "/tmp/tumord-pixels-XXXXXX", plain[64], packed[64], command[256];
    const void *got = NULL;
    size_t size = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    text_format(plain, sizeof plain, "%s/plain", folder);
    text_format(packed, sizeof packed, "%s/packed", folder);
    text_format(command, sizeof command, "%s %s %s", program, plain, packed);
    make_file(plain, pixels, bits, is_signed);
    CU_ASSERT_EQUAL(system(command), 0);
    struct dataset *const dataset = open_file(packed);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
    CU_ASSERT_STRING_EQUAL(dataset_transfer_syntax(dataset), syntax);
    CU_ASSERT_FATAL(dataset_pixels(dataset, &got, &size, &err));
    CU_ASSERT_EQUAL(size, (size_t)SIDE * SIDE * (size_t)bits / 8);
    CU_ASSERT_EQUAL(memcmp(got, pixels, size), 0);
    dataset_free(dataset);
    unlink(plain);
    unlink(packed);
    rmdir(folder);
}

static void lossless_syntaxes_give_the_pixels_that_went_in(void)
{
    static const struct { const char *program, *syntax; } ways[] = {
        { "dcmconv +ti", "1.2.840.10008.1.2" },         /* implicit: 8 bits lie in OW */
        { "dcmconv +te", "1.2.840.10008.1.2.1" },
        { "dcmconv +tb", "1.2.840.10008.1.2.2" },
        { "dcmconv +td", "1.2.840.10008.1.2.1.99" },
        { "dcmcrle", "1.2.840.10008.1.2.5" },
        { "dcmcjpeg +e1", "1.2.840.10008.1.2.4.70" },
        { "dcmcjpeg +el", "1.2.840.10008.1.2.4.57" },
        { "dcmcjpls", "1.2.840.10008.1.2.4.80" },
    };
    int16_t words[SIDE * SIDE];
    uint8_t bytes[SIDE * SIDE];

    if (!has_program("dcmcjpls"))
        return;
    CU_ASSERT_FATAL(dicom_init(&err));
    fill(words);
    for (int i = 0; i < SIDE * SIDE; i++)
        bytes[i] = (uint8_t)words[i];
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        comes_back(ways[i].program, ways[i].syntax, words, 16, true);
        comes_back(ways[i].program, ways[i].syntax, bytes, 8, false);
    }
}

/*
 * What a decoder cannot finish is an error, and never a death. Run lengths that end early are
 * left out: DCMTK fills the rest of the stripe, and says so in its log only.
 */
static void damaged_compressed_pixels_are_refused(void)
{
    static const char *const programs[] = { "dcmcjpeg +e1", "dcmcjpls" };
    char plain[] = "/tmp/tumord-pixels-XXXXXX", packed[64], command[256];
    int16_t words[SIDE * SIDE];
    const void *got;
    size_t size = 0;

    if (!has_program("dcmcjpls"))
        return;
    CU_ASSERT_FATAL(dicom_init(&err));
    fill(words);
    close(mkstemp(plain));
    make_file(plain, words, 16, true);
    text_format(packed, sizeof packed, "%s.packed", plain);
    for (size_t n = 0; n < sizeof programs / sizeof *programs; n++) {
        text_format(command, sizeof command, "%s %s %s", programs[n], plain, packed);
        CU_ASSERT_EQUAL_FATAL(system(command), 0);
        unsigned char *const bytes = read_file(packed, &size);
        /* The last quarter of the code is gone. */
        memset(bytes + size - size / 4, 0x80, size / 4 - 8);
        struct dataset *const dataset = dataset_read(bytes, size, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
        CU_ASSERT_FALSE(dataset_pixels(dataset, &got, &size, &err));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot be decoded: "));
        dataset_free(dataset);
        free(bytes);
    }
    unlink(plain);
    unlink(packed);
}

/* DCMTK takes 8 GiB for the progressive one before it sees that its buffer is too small. */
static void a_jpeg_larger_than_its_data_set_is_refused_before_it_is_decoded(void)
{
    static const char *const programs[] = { "dcmcjpeg +eb", "dcmcjpeg +ep", "dcmcjpeg +es",
                                            "dcmcjpeg +e1", "dcmcjpls" };
    static const char size_of_it[] = { 0, SIDE, 0, SIDE };
    char plain[] = "/tmp/tumord-pixels-XXXXXX", packed[64], command[256];
    int16_t words[SIDE * SIDE];
    uint8_t bytes[SIDE * SIDE];
    const void *got;
    size_t size = 0;

    if (!has_program("dcmcjpls"))
        return;
    CU_ASSERT_FATAL(dicom_init(&err));
    fill(words);
    for (int i = 0; i < SIDE * SIDE; i++)
        bytes[i] = (uint8_t)words[i];
    close(mkstemp(plain));
    make_file(plain, bytes, 8, false);
    text_format(packed, sizeof packed, "%s.packed", plain);
    for (size_t n = 0; n < sizeof programs / sizeof *programs; n++) {
        text_format(command, sizeof command, "%s %s %s", programs[n], plain, packed);
        CU_ASSERT_EQUAL_FATAL(system(command), 0);
        unsigned char *const file = read_file(packed, &size);
        unsigned char *const start = memmem(file, size, "\xff\xd8\xff", 3);
        CU_ASSERT_PTR_NOT_NULL_FATAL(start);
        unsigned char *const at = memmem(start, 1000, size_of_it, 4);
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        memcpy(at, "\xff\xdc\xff\xdc", 4);
        struct dataset *const dataset = dataset_read(file, size, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
        CU_ASSERT_FALSE(dataset_pixels(dataset, &got, &size, &err));
        CU_ASSERT_STRING_EQUAL(err.text, "the JPEG image has 65500 x 65500 pixels, and the data "
                                         "set has fewer");
        dataset_free(dataset);
        free(file);
    }
    unlink(plain);
    unlink(packed);
}

static void a_jpegs_size_is_found_wherever_its_bytes_are_cut(void)
{
    static const unsigned char image[] = {
        0xff, 0xd8, 0xff, 0xff, 0xe0, 0, 4, 0xff, 0xc0,             /* a lie in a comment */
        0xff, 0xc4, 0, 3, 0, 0xff, 0xc2, 0, 11, 8, 0x01, 0x02, 0x03, 0x04, 1, 1, 0x11, 0
    };
    uint32_t rows = 0, columns = 0;

    for (size_t size = 0; size < 23; size++)
        CU_ASSERT_EQUAL(jpeg_find_size(image, size, &rows, &columns), JPEG_MORE);
    CU_ASSERT_EQUAL(jpeg_find_size(image, sizeof image, &rows, &columns), JPEG_SIZE);
    CU_ASSERT_EQUAL(rows, 0x0102);
    CU_ASSERT_EQUAL(columns, 0x0304);
    CU_ASSERT_EQUAL(jpeg_find_size("\xff\xd8\xff\xda", 4, &rows, &columns), JPEG_DAMAGED);
    CU_ASSERT_EQUAL(jpeg_find_size("\xff\xd8\xff\xc4\0\1", 6, &rows, &columns), JPEG_DAMAGED);
}

/* At each of these dcmtk's decoder, looking for the precision, would stay for ever or go astray. */
static void a_jpeg_that_a_decoder_never_leaves_is_noticed(void)
{
    static const struct { const char *bytes; size_t size; bool good; } cases[] = {
        { "\xff\xd8\xff\x01\0\0", 6, false },
        { "\xff\x01\0\0", 4, false },
        { "\xff\xd8\xff\xe0\0\4ab\xff\x01\0\0", 12, false },
        { "\xff\xd8\xff\xe0\0\0\xff\x01\0\0", 10, true },
        { "\xff\xd9\xff\xd3\xff\x02\xff\x01\0\0", 10, false },
        { "\xff\xd8\xff\xf1\0\2", 6, false },
        { "\xff\xd8\xff\xc3\0\2\xff\x01\0\0", 10, true },
        { "\xff\xd8\xff\xe0\0\4\xff\x01\xff\xc0\0\0", 12, true },    /* inside a segment */
        { "\xff\xd8\xff\xff\xff\x01\0\0", 8, false },               /* behind a fill byte */
        { "\xff\xff\xff\xff\xff\x01\0\0", 8, false },
        { "\xff\xff\xff\xff\0\x01\0\0", 8, true },
        { "\0\0\xff\x01\0\0", 6, true },
        { "\xff\xd8\xff\xe0\xff\xff\xff\x01", 8, true },
        { "", 0, true }
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CU_ASSERT_EQUAL(jpeg_is_walkable(cases[i].bytes, cases[i].size), cases[i].good);
}

static void missing_pixels_have_their_sentence(void)
{
    int16_t words[SIDE * SIDE] = { 0 };
    const void *got;
    size_t size;
    CU_ASSERT_FATAL(dicom_init(&err));
    struct dataset *const dataset = make(words, 16, true);

    item_remove(dataset_root(dataset), 0x7fe00010);
    CU_ASSERT_FALSE(dataset_pixels(dataset, &got, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "image without Pixel Data");
    item_remove(dataset_root(dataset), 0x00280100);
    CU_ASSERT_FALSE(dataset_pixels(dataset, &got, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "image without Bits Allocated");
    dataset_free(dataset);
}

/* ---- real data ---- */

static void compare_with_another_decoder(const char *path)
{
    char raw[] = "/tmp/tumord-pixels-XXXXXX", command[6000];
    const void *pixels = NULL;
    size_t size = 0;
    struct dataset *const dataset = open_file(path);
    const bool good = dataset != NULL && dataset_pixels(dataset, &pixels, &size, &err);

    CU_ASSERT(good);
    if (good) {
        close(mkstemp(raw));
        write_file(raw, pixels, size);
        text_format(command, sizeof command, "/usr/bin/python3 %s/tests/dicom/pixels.py '%s' "
                    "%s 2>&1 | grep -q ^ok", runner_source(), path, raw);
        CU_ASSERT_EQUAL(system(command), 0);
        unlink(raw);
    }
    dataset_free(dataset);
}

static void real_pixels_equal_those_of_other_decoders(void)
{
    static const char *const sets[] = {
        "dicom/ts_one_ct_all_syntaxes_ge", "dicom/ts_mr_small", "dicom/pet_vendor_singles",
        "dicom/ts_mr_enhanced_all", "dicom/ts_htj2k_lossless"
    };
    char folder[4096], path[5000];

    if (!has_program("gdcmconv") || !has_program("ojph_expand"))
        return;
    CU_ASSERT_FATAL(dicom_init(&err));
    for (size_t n = 0; n < sizeof sets / sizeof *sets; n++) {
        if (!runner_data_path(sets[n], folder, sizeof folder))
            return;
        DIR *const entries = opendir(folder);
        for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
            if (strstr(entry->d_name, ".dcm") != NULL) {
                text_format(path, sizeof path, "%s/%s", folder, entry->d_name);
                compare_with_another_decoder(path);
            }
        closedir(entries);
    }
}

static const struct runner_test tests[] = {
    TEST(lossless_syntaxes_give_the_pixels_that_went_in),
    TEST(damaged_compressed_pixels_are_refused),
    TEST(a_jpeg_larger_than_its_data_set_is_refused_before_it_is_decoded),
    TEST(a_jpegs_size_is_found_wherever_its_bytes_are_cut),
    TEST(a_jpeg_that_a_decoder_never_leaves_is_noticed),
    TEST(missing_pixels_have_their_sentence),
    TEST(real_pixels_equal_those_of_other_decoders),
    { NULL, NULL }
};
const struct runner_suite suite_pixels = { "pixels", tests };
