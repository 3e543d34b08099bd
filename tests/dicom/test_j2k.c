#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dataset.h"
#include "dicom/j2k.h"
#include "dicom/syntax.h"
#include "dicom/transcode.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

#define ROWS 37
#define COLUMNS 53
#define MEMORY ((size_t)1 << 30)
#define LOSSLESS "1.2.840.10008.1.2.4.90"

static struct error err;

/* ---- help ---- */

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    FILE *const file = fopen(path, "rb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
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

static bool has_program(const char *name)
{
    char command[128];

    text_format(command, sizeof command, "command -v %s >/dev/null", name);
    if (system(command) == 0)
        return true;
    runner_skip(name);
    return false;
}

/* The lowest and the highest value, and all between, by a generator. */
static void fill(const struct j2k_frame *frame, void *pixels)
{
    const size_t count = (size_t)frame->rows * frame->columns * frame->samples;
    const uint32_t mask = (1u << frame->stored) - 1;
    uint32_t state = frame->stored * 31 + frame->samples;

    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        uint32_t value = i % 3 == 0 ? (uint32_t)i & mask : state >> 13 & mask;

        if (frame->is_signed && (value >> (frame->stored - 1)) != 0)
            value |= ~mask;
        if (frame->allocated == 8)
            ((uint8_t *)pixels)[i] = (uint8_t)value;
        else
            ((uint16_t *)pixels)[i] = (uint16_t)value;
    }
}

/* ---- codestreams of others ---- */

static int32_t value_at(const void *pixels, size_t at, bool wide, bool is_signed)
{
    if (wide)
        return is_signed ? ((const int16_t *)pixels)[at] : ((const uint16_t *)pixels)[at];
    return is_signed ? ((const int8_t *)pixels)[at] : ((const uint8_t *)pixels)[at];
}

static int32_t largest_difference(struct dataset *dataset, const void *got, const void *want,
                                  size_t size)
{
    long allocated = 0, sign = 0;
    int32_t worst = 0;

    CU_ASSERT(item_int(dataset_root(dataset), 0x00280100, 0, &allocated));
    CU_ASSERT(item_int(dataset_root(dataset), 0x00280103, 0, &sign));
    for (size_t i = 0; i < size / (size_t)(allocated / 8); i++) {
        const int32_t difference = value_at(got, i, allocated > 8, sign != 0) -
                                   value_at(want, i, allocated > 8, sign != 0);

        worst = abs(difference) > worst ? abs(difference) : worst;
    }
    return worst;
}

static void compare_one(const char *folder, const char *name, int tolerance, const char *syntax)
{
    char path[4200];
    size_t size = 0, raw_size = 0, got_size = 0;
    const void *got = NULL;

    text_format(path, sizeof path, "%s/%s.dcm", folder, name);
    unsigned char *const bytes = read_file(path, &size);
    text_format(path, sizeof path, "%s/%s.raw", folder, name);
    unsigned char *const raw = read_file(path, &raw_size);
    struct dataset *const dataset = dataset_read(bytes, size, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
    CU_ASSERT_STRING_EQUAL(dataset_transfer_syntax(dataset), syntax);
    const bool good = dataset_pixels(dataset, &got, &got_size, &err);

    if (!good)
        printf("\n%s: %s", name, err.text);
    CU_ASSERT_FATAL(good);
    CU_ASSERT_EQUAL(got_size, raw_size + raw_size % 2);
    const int32_t worst = largest_difference(dataset, got, raw, raw_size);

    if (worst > tolerance)
        printf("\n%s: %d is more than %d", name, worst, tolerance);
    CU_ASSERT(worst <= tolerance);
    dataset_free(dataset);
    free(bytes);
    free(raw);
}

/* 8 to 16 bits, both signs, colour, tiles, resolutions, layers, precincts, orders, HT. */
static void images_of_other_encoders_give_their_pixels(void)
{
    char folder[] = "/tmp/tumord-j2k-XXXXXX", command[4400], name[128], syntax[65];
    int tolerance, count = 0;

    if (!has_program("gdcmconv") || !has_program("ojph_compress"))
        return;
    CU_ASSERT_FATAL(dicom_init(&err));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    text_format(command, sizeof command, "/usr/bin/python3 %s/tests/dicom/j2k.py %s",
                runner_source(), folder);
    FILE *const list = popen(command, "r");
    while (fscanf(list, "%127s %d %64s", name, &tolerance, syntax) == 3) {
        compare_one(folder, name, tolerance, syntax);
        count++;
    }
    CU_ASSERT_EQUAL(pclose(list), 0);
    CU_ASSERT(count >= 100);
    text_format(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* ---- codestreams of ours ---- */

static void what_is_encoded_comes_back_bit_by_bit(void)
{
    for (uint32_t stored = 1; stored <= 16; stored++)
        for (uint32_t samples = 1; samples <= 4; samples++)
            for (int sign = 0; sign < 2; sign++) {
                const struct j2k_frame frame = { ROWS, COLUMNS, samples, stored <= 8 ? 8 : 16,
                                                 stored, sign == 1 };
                const size_t size = j2k_frame_size(&frame);
                unsigned char *const pixels = malloc(size), *const again = malloc(size);
                unsigned char *code = NULL;
                bool transformed = false;
                size_t code_size = 0;

                fill(&frame, pixels);
                CU_ASSERT_FATAL(j2k_encode(pixels, &frame, true, &code, &code_size, &err));
                CU_ASSERT_FATAL(j2k_decode(code, code_size, &frame, MEMORY, again,
                                           &transformed, &err));
                CU_ASSERT_EQUAL(memcmp(pixels, again, size), 0);
                CU_ASSERT_EQUAL(transformed, samples == 3);
                free(pixels);
                free(again);
                free(code);
            }
}

/* Padding of -2000 in 12 stored bits; overlays in the upper four. */
static void values_above_bits_stored_are_kept(void)
{
    const struct j2k_frame frame = { 8, 8, 1, 16, 12, true };
    int16_t pixels[64] = { [3] = -32768, [9] = 32767, [10] = -2049 }, again[64];
    unsigned char *code = NULL;
    bool transformed;
    size_t size = 0;

    CU_ASSERT_FATAL(j2k_encode(pixels, &frame, false, &code, &size, &err));
    CU_ASSERT_FATAL(j2k_decode(code, size, &frame, MEMORY, again, &transformed, &err));
    CU_ASSERT_EQUAL(memcmp(pixels, again, sizeof pixels), 0);
    free(code);
}

/* ---- what must be refused ---- */

struct code {
    struct j2k_frame frame;
    unsigned char *bytes;
    size_t size;
    unsigned char pixels[ROWS * COLUMNS * 2];
};

static void make_code(struct code *code)
{
    code->frame = (struct j2k_frame){ ROWS, COLUMNS, 1, 16, 16, true };
    fill(&code->frame, code->pixels);
    CU_ASSERT_FATAL(j2k_encode(code->pixels, &code->frame, false, &code->bytes, &code->size,
                               &err));
}

static bool decodes(struct code *code, size_t memory)
{
    bool transformed;

    return j2k_decode(code->bytes, code->size, &code->frame, memory, code->pixels,
                      &transformed, &err);
}

static void refused_with(struct code *code, const char *sentence)
{
    CU_ASSERT_FALSE(decodes(code, MEMORY));
    if (strstr(err.text, sentence) == NULL)
        printf("\n'%s' and not '%s'", err.text, sentence);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, sentence));
    free(code->bytes);
}

static void put_long(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* Offsets into SIZ, which stands behind SOC: marker 2, length 4, capabilities 6, Xsiz 8, … */
static void sizes_that_are_not_the_data_sets_are_refused(void)
{
    struct code code;

    make_code(&code);
    code.frame.rows++;
    refused_with(&code, "the JPEG 2000 codestream has 53 x 37 pixels of 1 samples");
    make_code(&code);
    put_long(code.bytes + 8, 0xffffffff);
    put_long(code.bytes + 24, 0xffffffff);
    refused_with(&code, "4294967295 x 37 pixels");
    make_code(&code);
    code.frame.allocated = code.frame.stored = 8;
    refused_with(&code, "16 bits a sample, and the data set allocates 8");
    make_code(&code);
    code.frame.allocated = 32;
    refused_with(&code, "of 32 bits");
    make_code(&code);
    code.frame.columns = 0;
    refused_with(&code, "a frame of 0 x 37 pixels");
}

static void bombs_are_refused_before_they_are_decoded(void)
{
    struct code code;

    make_code(&code);
    put_long(code.bytes + 24, 1);
    put_long(code.bytes + 28, 1);           /* tiles of one pixel: 1961; then of half a plane */
    put_long(code.bytes + 8, 60000);
    put_long(code.bytes + 12, 60000);
    refused_with(&code, "more than 4096 tiles");
    make_code(&code);
    put_long(code.bytes + 24, 0);
    refused_with(&code, "head of the JPEG 2000 codestream is damaged");
    make_code(&code);
    unsigned char *const cod = memmem(code.bytes, code.size, "\xff\x52", 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(cod);
    cod[6] = cod[7] = 0xff;                 /* 65535 layers */
    code.frame.rows = code.frame.columns = 9000;
    put_long(code.bytes + 8, 9000);
    put_long(code.bytes + 12, 9000);
    put_long(code.bytes + 24, 150);
    put_long(code.bytes + 28, 150);
    refused_with(&code, "too many precincts and layers");
    make_code(&code);
    CU_ASSERT_FALSE(decodes(&code, 1 << 20));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "of JPEG 2000 takes"));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    free(code.bytes);
}

/* Precincts of one pixel: 60 bytes of codestream would take gigabytes of the decoder. */
static void a_bomb_of_precincts_is_refused(void)
{
    static const unsigned char head[] = {
        0xff, 0x4f, 0xff, 0x51, 0, 41, 0, 0, 0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 15, 1, 1,
        0xff, 0x52, 0, 13, 1, 0, 0, 1, 0, 0, 4, 4, 0, 1, 0x00,
        0xff, 0x5c, 0, 4, 0x40, 0x40, 0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x93
    };
    struct code code = { { 4096, 4096, 1, 16, 16, false }, malloc(sizeof head), sizeof head,
                         { 0 } };

    memcpy(code.bytes, head, sizeof head);
    refused_with(&code, "too many precincts and layers");
}

static void what_is_cut_short_is_refused_at_every_place(void)
{
    struct code code;

    make_code(&code);
    const size_t whole = code.size;
    unsigned char *const bytes = code.bytes;

    for (size_t size = 0; size + 2 < whole; size += size < 200 ? 1 : 37) {
        code.bytes = malloc(size + 1);      /* its own, so that a sanitizer sees its end */
        memcpy(code.bytes, bytes, size);
        code.size = size;
        CU_ASSERT_FALSE(decodes(&code, MEMORY));
        free(code.bytes);
    }
    free(bytes);
}

/* Damage in the middle may decode to other values, but never to a death. */
static void damage_is_survived_everywhere(void)
{
    struct code code;

    make_code(&code);
    for (size_t at = 0; at < code.size; at += at < 200 ? 1 : 53) {
        const unsigned char byte = code.bytes[at];

        for (int value = 0; value < 256; value += 51) {
            code.bytes[at] = (unsigned char)value;
            decodes(&code, (size_t)64 << 20);
        }
        code.bytes[at] = byte;
    }
    CU_ASSERT(decodes(&code, MEMORY));
    free(code.bytes);
}

/* 4 x 4 pixels by OpenJPH, two bytes of which are damaged: OpenJPEG fails an assertion on them. */
static void damaged_high_throughput_code_ends_in_a_sentence(void)
{
    static const unsigned char bytes[] = {
        0xff, 0x4f, 0xff, 0x51, 0x00, 0x29, 0x40, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00,
        0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04,
        0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
        0x07, 0x01, 0x01, 0xff, 0x50, 0x00, 0x08, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0xff,
        0x52, 0x00, 0x0c, 0x00, 0x02, 0x00, 0x01, 0x00, 0x00, 0x04, 0x04, 0x40, 0x01, 0xff,
        0x5c, 0x00, 0x04, 0x20, 0x48, 0xff, 0x90, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x28, 0x00, 0x01, 0xff, 0x93, 0xc0, 0x2d, 0x70, 0xff, 0x64, 0x1a, 0x68, 0xcd, 0x08,
        0xe1, 0xd5, 0x5d, 0x7c, 0xcb, 0x1d, 0x40, 0x69, 0xfe, 0xff, 0xff, 0xa7, 0x00, 0x00,
        0x10, 0xb8, 0x00, 0xff, 0xd9,
    };
    struct code code = { .frame = { 4, 4, 1, 8, 8, false }, .size = sizeof bytes };

    for (int i = 0; i < 3; i++) {
        code.bytes = malloc(sizeof bytes);
        memcpy(code.bytes, bytes, sizeof bytes);
        refused_with(&code, "JPEG 2000: the code of a block is damaged");
    }
}

static void something_else_is_no_codestream(void)
{
    struct code code;

    make_code(&code);
    code.bytes[1] = 0xd8;
    refused_with(&code, "the frame is no JPEG 2000 codestream");
    make_code(&code);
    memcpy(code.bytes, "\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x08jp2h\xff\xff\xff\xff", 24);
    refused_with(&code, "a JP2 file without a codestream");
}

/* ---- data sets ---- */

static struct dataset *make_image(const struct j2k_frame *frame, long frames, long planar,
                                  const char *colour, const void *pixels, size_t size)
{
    struct dataset *const dataset = dataset_new(&err);
    struct item *const root = dataset_root(dataset);

    item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.7");
    item_put_text(root, 0x00080018, "2.25.9");
    item_put_int(root, 0x00280002, frame->samples);
    item_put_text(root, 0x00280004, colour);
    if (frame->samples > 1)
        item_put_int(root, 0x00280006, planar);
    item_put_int(root, 0x00280008, frames);
    item_put_int(root, 0x00280010, frame->rows);
    item_put_int(root, 0x00280011, frame->columns);
    item_put_int(root, 0x00280100, frame->stored == 1 ? 1 : (long)frame->allocated);
    item_put_int(root, 0x00280101, frame->stored);
    item_put_int(root, 0x00280102, (long)frame->stored - 1);
    item_put_int(root, 0x00280103, frame->is_signed);
    if (frame->allocated == 8)
        item_put_bytes(root, 0x7fe00010, pixels, size);
    else
        item_put_words(root, 0x7fe00010, pixels, size / 2);
    return dataset;
}

static struct dataset *by_way_of(struct dataset *dataset, const char *syntax)
{
    unsigned char *bytes = NULL;
    size_t size = 0;

    if (!dataset_write_as(dataset, syntax, &bytes, &size, &err)) {
        printf("\n%s", err.text);
        return NULL;
    }
    struct dataset *const again = dataset_read(bytes, size, &err);
    if (again != NULL)
        CU_ASSERT_STRING_EQUAL(dataset_transfer_syntax(again), syntax);
    free(bytes);
    return again;
}

static void every_lossless_syntax_keeps_all_bits(void)
{
    static const struct { struct j2k_frame frame; const char *colour; } images[] = {
        { { ROWS, COLUMNS, 1, 16, 16, true }, "MONOCHROME2" },
        { { ROWS, COLUMNS, 1, 16, 12, false }, "MONOCHROME1" },
        { { ROWS, COLUMNS, 1, 8, 8, false }, "MONOCHROME2" },
        { { ROWS, COLUMNS, 3, 8, 8, false }, "RGB" },
    };
    unsigned char pixels[2 * ROWS * COLUMNS * 3];
    const void *got;
    size_t got_size;

    CU_ASSERT_FATAL(dicom_init(&err));
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        for (const struct syntax *syntax = syntax_list; syntax->uid != NULL; syntax++) {
            if (!syntax->writable)
                continue;
            const size_t size = j2k_frame_size(&images[i].frame);

            fill(&images[i].frame, pixels);
            fill(&images[i].frame, pixels + size);
            struct dataset *const dataset = make_image(&images[i].frame, 2, 0,
                                                       images[i].colour, pixels, 2 * size);
            struct dataset *const again = by_way_of(dataset, syntax->uid);

            CU_ASSERT_PTR_NOT_NULL_FATAL(again);
            CU_ASSERT_FATAL(dataset_pixels(again, &got, &got_size, &err));
            CU_ASSERT_EQUAL(got_size, 2 * size + 2 * size % 2);
            CU_ASSERT_EQUAL(memcmp(got, pixels, 2 * size), 0);
            CU_ASSERT_STRING_EQUAL(item_text(dataset_root(again), 0x00280004),
                                   images[i].colour);
            dataset_free(dataset);
            dataset_free(again);
        }
}

static void follow(const struct syntax *from, const struct syntax *to,
                   const struct j2k_frame *frame, const char *colour)
{
    unsigned char pixels[2 * ROWS * COLUMNS * 3 + 1] = { 0 };
    const size_t size = 2 * j2k_frame_size(frame);
    const void *got;
    size_t got_size;

    fill(frame, pixels);
    fill(frame, pixels + size / 2);
    struct dataset *const dataset = make_image(frame, 2, 0, colour, pixels, size);
    struct dataset *const first = by_way_of(dataset, from->uid);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    struct dataset *const second = by_way_of(first, to->uid);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_FATAL(dataset_pixels(second, &got, &got_size, &err));
    CU_ASSERT(got_size >= size && memcmp(got, pixels, size) == 0);
    dataset_free(dataset);
    dataset_free(first);
    dataset_free(second);
}

static void every_lossless_syntax_turns_into_every_other(void)
{
    const struct j2k_frame grey = { ROWS, COLUMNS, 1, 16, 16, true };
    const struct j2k_frame colour = { ROWS, COLUMNS, 3, 8, 8, false };
    int count = 0;

    CU_ASSERT_FATAL(dicom_init(&err));
    for (const struct syntax *from = syntax_list; from->uid != NULL; from++)
        for (const struct syntax *to = syntax_list; to->uid != NULL; to++) {
            if (!from->writable || !to->writable)
                continue;
            follow(from, to, &grey, "MONOCHROME2");
            follow(from, to, &colour, "RGB");
            count++;
        }
    CU_ASSERT_EQUAL(count, 81);
}

static void planes_of_colour_come_back_as_pixels(void)
{
    const struct j2k_frame frame = { 2, 3, 3, 8, 8, false };
    const uint8_t planes[18] = { 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16,
                                 21, 22, 23, 24, 25, 26 };
    const void *got;
    long planar = 7;
    size_t size;

    CU_ASSERT_FATAL(dicom_init(&err));
    struct dataset *const dataset = make_image(&frame, 1, 1, "RGB", planes, sizeof planes);
    struct dataset *const again = by_way_of(dataset, LOSSLESS);

    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_STRING_EQUAL(item_text(dataset_root(again), 0x00280004), "YBR_RCT");
    CU_ASSERT_FATAL(dataset_pixels(again, &got, &size, &err));
    CU_ASSERT_EQUAL(memcmp(got, "\1\13\25\2\14\26\3\15\27\4\16\30\5\17\31\6\20\32", 18), 0);
    CU_ASSERT_STRING_EQUAL(item_text(dataset_root(again), 0x00280004), "RGB");
    CU_ASSERT(item_int(dataset_root(again), 0x00280006, 0, &planar));
    CU_ASSERT_EQUAL(planar, 0);
    dataset_free(dataset);
    dataset_free(again);
}

/* A binary SEG: 3 frames of 5 x 5 bits are 75 bits without gaps. */
static void single_bits_come_back_packed(void)
{
    const struct j2k_frame frame = { 5, 5, 1, 8, 1, false };
    const uint8_t bits[10] = { 0x5a, 0xff, 0x00, 0x81, 0x7e, 0x3c, 0xa5, 0x11, 0xee, 0x05 };
    const void *got;
    size_t size;

    CU_ASSERT_FATAL(dicom_init(&err));
    struct dataset *const dataset = make_image(&frame, 3, 0, "MONOCHROME2", bits, sizeof bits);
    struct dataset *const again = by_way_of(dataset, LOSSLESS);

    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_FATAL(dataset_pixels(again, &got, &size, &err));
    CU_ASSERT_EQUAL(size, sizeof bits);
    CU_ASSERT_EQUAL(memcmp(got, bits, sizeof bits), 0);
    dataset_free(dataset);
    dataset_free(again);
}

static void ours_is_read_by_gdcm(void)
{
    const struct j2k_frame frame = { ROWS, COLUMNS, 1, 16, 12, true };
    char path[] = "/tmp/tumord-j2k-XXXXXX", command[300];
    unsigned char pixels[ROWS * COLUMNS * 2], *bytes = NULL;
    size_t size = 0;

    if (!has_program("gdcmconv"))
        return;
    CU_ASSERT_FATAL(dicom_init(&err));
    fill(&frame, pixels);
    struct dataset *const dataset = make_image(&frame, 1, 0, "MONOCHROME2", pixels,
                                               sizeof pixels);
    CU_ASSERT_FATAL(dataset_write_as(dataset, LOSSLESS, &bytes, &size, &err));
    dataset_free(dataset);
    close(mkstemp(path));
    write_file(path, bytes, size);
    free(bytes);
    text_format(command, sizeof command, "gdcmconv -w %s %s.plain && gdcmraw %s.plain %s.raw",
                path, path, path, path);
    CU_ASSERT_EQUAL(system(command), 0);
    text_format(command, sizeof command, "%s.raw", path);
    bytes = read_file(command, &size);
    CU_ASSERT_EQUAL_FATAL(size, sizeof pixels);
    CU_ASSERT_EQUAL(memcmp(bytes, pixels, size), 0);
    free(bytes);
    text_format(command, sizeof command, "rm -f %s %s.plain %s.raw", path, path, path);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void more_frames_than_fragments_are_refused(void)
{
    const struct j2k_frame frame = { ROWS, COLUMNS, 1, 16, 16, true };
    unsigned char pixels[ROWS * COLUMNS * 2];
    const void *got;
    size_t size;

    CU_ASSERT_FATAL(dicom_init(&err));
    fill(&frame, pixels);
    struct dataset *const dataset = make_image(&frame, 1, 0, "MONOCHROME2", pixels,
                                               sizeof pixels);
    struct dataset *const again = by_way_of(dataset, LOSSLESS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    item_put_int(dataset_root(again), 0x00280008, 2);
    CU_ASSERT_FALSE(dataset_pixels(again, &got, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "2 frames in 1 fragments");
    item_put_int(dataset_root(again), 0x00280008, 2147483647);
    CU_ASSERT_FALSE(dataset_pixels(again, &got, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "an image of more than 4 GiB, or of nothing");
    item_put_int(dataset_root(again), 0x00280008, 0);
    CU_ASSERT_FALSE(dataset_pixels(again, &got, &size, &err));
    dataset_free(dataset);
    dataset_free(again);
}

/* ---- transcoding ---- */

static void transcoding_says_what_it_cannot_do(void)
{
    const struct j2k_frame frame = { ROWS, COLUMNS, 1, 16, 16, true };
    unsigned char pixels[ROWS * COLUMNS * 2], *bytes = NULL, *other = NULL;
    size_t size = 0, other_size = 0;

    CU_ASSERT_FATAL(dicom_init(&err));
    fill(&frame, pixels);
    struct dataset *const dataset = make_image(&frame, 1, 0, "MONOCHROME2", pixels,
                                               sizeof pixels);
    CU_ASSERT_FATAL(dataset_write(dataset, &bytes, &size, &err));
    dataset_free(dataset);
    CU_ASSERT_FALSE(transcode(bytes, size, "1.2.3", &other, &other_size, &err));
    CU_ASSERT_FALSE(transcode(bytes, size, "", &other, &other_size, &err));
    CU_ASSERT_FALSE(transcode(bytes, size, "1.2.840.10008.1.2.4.50", &other, &other_size, &err));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not written in 1.2.840.10008.1.2.4.50"));
    CU_ASSERT_FALSE(transcode(bytes, size / 2, LOSSLESS, &other, &other_size, &err));
    CU_ASSERT_PTR_NULL(other);
    CU_ASSERT_FATAL(transcode(bytes, size, LOSSLESS, &other, &other_size, &err));
    free(bytes);
    free(other);
}

static const struct runner_test tests[] = {
    TEST(images_of_other_encoders_give_their_pixels),
    TEST(what_is_encoded_comes_back_bit_by_bit),
    TEST(values_above_bits_stored_are_kept),
    TEST(sizes_that_are_not_the_data_sets_are_refused),
    TEST(bombs_are_refused_before_they_are_decoded),
    TEST(a_bomb_of_precincts_is_refused),
    TEST(what_is_cut_short_is_refused_at_every_place),
    TEST(damage_is_survived_everywhere),
    TEST(damaged_high_throughput_code_ends_in_a_sentence),
    TEST(something_else_is_no_codestream),
    TEST(every_lossless_syntax_keeps_all_bits),
    TEST(every_lossless_syntax_turns_into_every_other),
    TEST(planes_of_colour_come_back_as_pixels),
    TEST(single_bits_come_back_packed),
    TEST(ours_is_read_by_gdcm),
    TEST(more_frames_than_fragments_are_refused),
    TEST(transcoding_says_what_it_cannot_do),
    { NULL, NULL }
};
const struct runner_suite suite_j2k = { "j2k", tests };
