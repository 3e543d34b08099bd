/* Picture: libpng with its errors as ours, and JPEG by its frame header (ITU T.81 B.2.2). */
#include "reports/picture.h"

#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/association.h"
#include "dicom/dataset.h"
#include "dicom/uid.h"
#include "util/error.h"
#include "util/text.h"

#define CAPTURE_CLASS "1.2.840.10008.5.1.4.1.1.7"
#define BASELINE "1.2.840.10008.1.2.4.50"
#define EXTENDED "1.2.840.10008.1.2.4.51"
#define MAX_PIXELS 64000000u
#define MAX_SIDE 65535u

struct pixels {
    uint32_t columns, rows;
    unsigned samples, bits;             /* 1 or 3; 8 or 16 */
    uint8_t *bytes;                     /* 16 bit in host order; NULL for a JPEG */
};

static const unsigned char png_mark[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

bool picture_is(const unsigned char *head, size_t size)
{
    return (size >= 8 && memcmp(head, png_mark, 8) == 0)
        || (size >= 4 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff);
}

/* A file of a kilobyte may say that it is of gigabytes. */
static bool check_size(uint32_t columns, uint32_t rows, struct error *err)
{
    return (columns > 0 && rows > 0 && columns <= MAX_SIDE && rows <= MAX_SIDE
            && (uint64_t)columns * rows <= MAX_PIXELS)
        || error_set(err, ERROR_LIMIT, "a picture of %u x %u pixels", columns, rows);
}

/* ---- PNG ---- */

struct reader {
    const unsigned char *bytes;
    size_t left;
    struct error *err;
};

static void read_bytes(png_structp png, png_bytep to, png_size_t count)
{
    struct reader *const reader = png_get_io_ptr(png);

    if (count > reader->left)
        png_error(png, "it ends early");
    memcpy(to, reader->bytes, count);
    reader->bytes += count;
    reader->left -= count;
}

static void fail(png_structp png, png_const_charp text)
{
    const struct reader *const reader = png_get_error_ptr(png);

    error_set(reader->err, ERROR_DATA, "a damaged PNG file: %.100s", text);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

/* What is stored becomes 8 or 16 bit grey, or 8 bit colour; no gamma, no colour profile. */
static bool prepare(png_structp png, png_infop info, struct pixels *pixels, struct error *err)
{
    const png_byte type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    const bool grey = type == PNG_COLOR_TYPE_GRAY || type == PNG_COLOR_TYPE_GRAY_ALPHA;

    pixels->columns = png_get_image_width(png, info);
    pixels->rows = png_get_image_height(png, info);
    if (!check_size(pixels->columns, pixels->rows, err))
        return false;
    pixels->samples = grey ? 1 : 3;
    pixels->bits = grey && depth == 16 ? 16 : 8;
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (grey && depth < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (!grey && depth == 16)
        png_set_strip_16(png);
    if (pixels->bits == 16)
        png_set_swap(png);              /* PNG's high byte comes first */
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return true;
}

static bool decode(png_structp png, png_infop info, struct pixels *pixels, png_bytepp *ret_rows,
                   struct error *err)
{
    if (setjmp(png_jmpbuf(png)) != 0)
        return false;
    png_read_info(png, info);
    if (!prepare(png, info, pixels, err))
        return false;
    const size_t row = (size_t)pixels->columns * pixels->samples * (pixels->bits / 8);
    if (png_get_rowbytes(png, info) != row)
        png_error(png, "its rows are of another length");
    pixels->bytes = malloc(row * pixels->rows);
    *ret_rows = calloc(pixels->rows, sizeof **ret_rows);
    if (pixels->bytes == NULL || *ret_rows == NULL)
        return error_set(err, ERROR_MEMORY, "a picture of %u x %u pixels", pixels->columns, pixels->rows);
    for (size_t j = 0; j < pixels->rows; j++)
        (*ret_rows)[j] = pixels->bytes + j * row;
    png_read_image(png, *ret_rows);
    png_read_end(png, NULL);
    return true;
}

static bool read_png(const void *bytes, size_t size, struct pixels *pixels, struct error *err)
{
    struct reader reader = { bytes, size, err };
    png_bytepp rows = NULL;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, fail, ignore);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);

    if (info == NULL) {
        png_destroy_read_struct(&png, NULL, NULL);
        return error_set(err, ERROR_MEMORY, "a picture");
    }
    png_set_read_fn(png, &reader, read_bytes);
    png_set_user_limits(png, MAX_SIDE, MAX_SIDE);
    const bool good = decode(png, info, pixels, &rows, err);
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    return good;
}

/* Grey that was saved as colour. */
static void to_grey(struct pixels *pixels)
{
    const size_t count = (size_t)pixels->columns * pixels->rows;

    if (pixels->samples != 3)
        return;
    for (size_t i = 0; i < count; i++)
        if (pixels->bytes[3 * i] != pixels->bytes[3 * i + 1] || pixels->bytes[3 * i] != pixels->bytes[3 * i + 2])
            return;
    for (size_t i = 0; i < count; i++)
        pixels->bytes[i] = pixels->bytes[3 * i];
    pixels->samples = 1;
}

/* ---- JPEG ---- */

/* Its frame header, behind segments that tell their lengths. */
static bool read_jpeg(const unsigned char *bytes, size_t size, struct pixels *pixels, const char **ret_syntax,
                      struct error *err)
{
    size_t at = 2;

    while (at + 10 <= size && bytes[at] == 0xff) {
        const unsigned mark = bytes[at + 1];
        if (mark == 0xff) {             /* a byte of padding */
            at++;
            continue;
        }
        if (mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 && mark != 0xc8 && mark != 0xcc) {
            if (mark > 0xc1)
                return error_set(err, ERROR_UNSUPPORTED, "a progressive or lossless JPEG file (SOF%u)", mark - 0xc0);
            *ret_syntax = mark == 0xc0 ? BASELINE : EXTENDED;
            pixels->bits = bytes[at + 4];
            pixels->rows = (uint32_t)bytes[at + 5] << 8 | bytes[at + 6];
            pixels->columns = (uint32_t)bytes[at + 7] << 8 | bytes[at + 8];
            pixels->samples = bytes[at + 9];
            if (pixels->bits != 8 || (pixels->samples != 1 && pixels->samples != 3))
                return error_set(err, ERROR_UNSUPPORTED, "a JPEG file of %u bits and %u colours", pixels->bits,
                                 pixels->samples);
            return check_size(pixels->columns, pixels->rows, err);
        }
        at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
    }
    return error_set(err, ERROR_DATA, "a JPEG file without a frame header");
}

/* ---- the object ---- */

static void put_uid(struct item *root, uint32_t tag, const char *key, const char *role)
{
    char uid[TEXT_UID_SIZE];

    uid_derive(key, role, uid);
    item_put_text(root, tag, uid);
}

static void put_head(struct item *root, const struct picture_about *about)
{
    static const uint32_t unknown[] = { 0x00080020, 0x00080030, 0x00080050, 0x00080090, 0x00100030, 0x00100040,
                                        0x00200010, 0x00200020, 0x00200060 };

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        item_put_empty(root, unknown[i]);
    item_put_text(root, 0x00080005, "ISO_IR 192");
    item_put_text(root, 0x00080008, "DERIVED\\SECONDARY");
    item_put_text(root, 0x00080016, CAPTURE_CLASS);
    item_put_text(root, 0x00080060, "OT");
    item_put_text(root, 0x00080064, "WSD");         /* Conversion Type: workstation */
    item_put_text(root, 0x00080070, UID_MANUFACTURER);
    item_put_text(root, 0x00081030, "Imported pictures");
    item_put_text(root, 0x0008103e, about->description);
    item_put_text(root, 0x00081090, "import");
    item_put_text(root, 0x00082111, about->derivation);
    item_put_text(root, 0x00100010, about->patient_id);
    item_put_text(root, 0x00100020, about->patient_id);
    put_uid(root, 0x00080018, about->key, "picture");
    put_uid(root, 0x0020000d, about->study_key, "study");
    put_uid(root, 0x0020000e, about->series_key, "series");
    item_put_int(root, 0x00200011, 1);
    item_put_int(root, 0x00200013, about->instance_number);
    if (about->spacing_mm[0] > 0)
        item_put_doubles(root, 0x00280030, about->spacing_mm, 2);
    else
        item_put_text(root, 0x00204000, "unit: pixel; how large one is, nobody told");
}

static void put_format(struct item *root, const struct pixels *pixels, const char *photometric)
{
    item_put_int(root, 0x00280002, (long)pixels->samples);
    item_put_text(root, 0x00280004, photometric);
    if (pixels->samples > 1)
        item_put_int(root, 0x00280006, 0);          /* by pixel */
    item_put_int(root, 0x00280010, (long)pixels->rows);
    item_put_int(root, 0x00280011, (long)pixels->columns);
    item_put_int(root, 0x00280100, (long)pixels->bits);
    item_put_int(root, 0x00280101, (long)pixels->bits);
    item_put_int(root, 0x00280102, (long)pixels->bits - 1);
    item_put_int(root, 0x00280103, 0);
}

static bool write_png(const struct pixels *pixels, const struct picture_about *about,
                      unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct dataset *const dataset = dataset_new(err);
    const size_t count = (size_t)pixels->columns * pixels->rows * pixels->samples;

    if (dataset == NULL)
        return false;
    struct item *const root = dataset_root(dataset);
    put_head(root, about);
    put_format(root, pixels, pixels->samples == 1 ? "MONOCHROME2" : "RGB");
    if (pixels->bits == 16)
        item_put_words(root, 0x7fe00010, (const uint16_t *)(const void *)pixels->bytes, count);
    else
        item_put_bytes(root, 0x7fe00010, pixels->bytes, count);
    const bool good = dataset_write(dataset, ret_bytes, ret_size, err);
    dataset_free(dataset);
    return good;
}

static void put_number(unsigned char **at, uint32_t value, int size)
{
    for (int i = 0; i < size; i++)
        *(*at)++ = (unsigned char)(value >> 8 * i);
}

/* PS3.5 A.4: an empty offset table, one fragment of even length, and the end. */
static void put_fragment(unsigned char **at, const void *jpeg, size_t size)
{
    put_number(at, 0x00107fe0, 4);
    memcpy(*at, "OB\0\0", 4);
    *at += 4;
    put_number(at, 0xffffffff, 4);
    put_number(at, 0xe000fffe, 4);
    put_number(at, 0, 4);
    put_number(at, 0xe000fffe, 4);
    put_number(at, (uint32_t)(size + size % 2), 4);
    memcpy(*at, jpeg, size);
    *at += size;
    if (size % 2 == 1)
        put_number(at, 0, 1);
    put_number(at, 0xe0ddfffe, 4);
    put_number(at, 0, 4);
}

/* The head as a data set is written, with the header of the other syntax and the pixels behind. */
static bool join(const unsigned char *head, size_t head_size, const struct association_meta *meta,
                 const char *syntax, const void *jpeg, size_t jpeg_size, unsigned char **ret_bytes,
                 size_t *ret_size, struct error *err)
{
    unsigned char header[512];
    const size_t size = association_write_meta(meta->sop_class_uid, meta->sop_uid, syntax, "TUMORCTL",
                                               header, sizeof header);
    const size_t rest = head_size - meta->length;
    unsigned char *const bytes = malloc(size + rest + jpeg_size + 64), *at = bytes;

    if (bytes == NULL)
        return error_set(err, ERROR_MEMORY, "a picture");
    memcpy(at, header, size);
    memcpy(at + size, head + meta->length, rest);
    at += size + rest;
    put_fragment(&at, jpeg, jpeg_size);
    *ret_bytes = bytes;
    *ret_size = (size_t)(at - bytes);
    return true;
}

static bool write_jpeg(const struct pixels *pixels, const char *syntax, const void *jpeg, size_t jpeg_size,
                       const struct picture_about *about, unsigned char **ret_bytes, size_t *ret_size,
                       struct error *err)
{
    struct dataset *const dataset = dataset_new(err);
    unsigned char *head = NULL;
    size_t head_size = 0;
    struct association_meta meta;

    if (dataset == NULL)
        return false;
    struct item *const root = dataset_root(dataset);
    put_head(root, about);
    put_format(root, pixels, pixels->samples == 1 ? "MONOCHROME2" : "YBR_FULL_422");
    item_put_text(root, 0x00282110, "01");
    item_put_double(root, 0x00282112, (double)pixels->columns * pixels->rows * pixels->samples / (double)jpeg_size);
    item_put_text(root, 0x00282114, "ISO_10918_1");
    const bool good = dataset_write(dataset, &head, &head_size, err)
        && association_read_meta(head, head_size, &meta, err)
        && join(head, head_size, &meta, syntax, jpeg, jpeg_size, ret_bytes, ret_size, err);
    free(head);
    dataset_free(dataset);
    return good;
}

/* A JPEG's pixels are there when a decoder finds them. */
static bool check_pixels(const unsigned char *bytes, size_t size, struct error *err)
{
    struct dataset *const dataset = dataset_read(bytes, size, err);
    const void *pixels = NULL;
    size_t count = 0;
    const bool good = dataset != NULL && dataset_pixels(dataset, &pixels, &count, err);

    dataset_free(dataset);
    return good || error_prefix(err, "a JPEG file");
}

static bool write_picture(const void *bytes, size_t size, const struct picture_about *about,
                          struct pixels *pixels, unsigned char **ret_bytes, size_t *ret_size,
                          struct error *err)
{
    const char *syntax = NULL;

    if (size >= 8 && memcmp(bytes, png_mark, 8) == 0) {
        if (!read_png(bytes, size, pixels, err))
            return false;
        to_grey(pixels);
        return write_png(pixels, about, ret_bytes, ret_size, err);
    }
    if (!read_jpeg(bytes, size, pixels, &syntax, err)
        || !write_jpeg(pixels, syntax, bytes, size, about, ret_bytes, ret_size, err))
        return false;
    if (check_pixels(*ret_bytes, *ret_size, err))
        return true;
    free(*ret_bytes);
    *ret_bytes = NULL;
    return false;
}

bool picture_write(const void *bytes, size_t size, const struct picture_about *about,
                   unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct pixels pixels = { .bytes = NULL };

    if (!picture_is(bytes, size))
        return error_set(err, ERROR_DATA, "neither PNG nor JPEG");
    const bool good = write_picture(bytes, size, about, &pixels, ret_bytes, ret_size, err);
    free(pixels.bytes);
    return good;
}
