#include <fcntl.h>
#include <float.h>
#include <ftw.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"
#include "util/text.h"
#include "util/volume.h"

#define FILE_SIZE 4096

static struct error err;

/* The one arena of this suite, empty; it stays to the end. */
static struct arena *fresh_arena(void)
{
    static struct arena *arena;

    if (arena == NULL)
        arena = arena_new((size_t)512 << 20, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
    arena_reset(arena);
    return arena;
}

/* ---- files made by hand, field by field from nifti1.h and nifti2.h ---- */

struct made {
    unsigned char bytes[FILE_SIZE];
    size_t size;
    int version;
    bool swapped;
};

/* `kind`: b, h, i, q are whole numbers of 1, 2, 4, 8 bytes; f and d floats of 4 and 8. */
static void put(struct made *made, size_t at, char kind, double value)
{
    unsigned char field[8];
    const int64_t whole = kind == 'f' || kind == 'd' || isnan(value) ? 0 : (int64_t)value;
    const float single = (float)value;
    size_t bytes = 8;

    switch (kind) {
    case 'b': bytes = 1; memcpy(field, &(int8_t){ (int8_t)whole }, 1); break;
    case 'h': bytes = 2; memcpy(field, &(int16_t){ (int16_t)whole }, 2); break;
    case 'i': bytes = 4; memcpy(field, &(int32_t){ (int32_t)whole }, 4); break;
    case 'q': memcpy(field, &whole, 8); break;
    case 'f': bytes = 4; memcpy(field, &single, 4); break;
    default:  memcpy(field, &value, 8);
    }
    for (size_t i = 0; i < bytes; i++)
        made->bytes[at + i] = field[made->swapped ? bytes - 1 - i : i];
}

static void puts_real(struct made *made, size_t at, int count, const double *values)
{
    const char kind = made->version == 1 ? 'f' : 'd';

    for (int i = 0; i < count; i++)
        put(made, at + (size_t)i * (kind == 'f' ? 4 : 8), kind, values[i]);
}

/* 3 x 2 x 2 voxels of int16, 0 to 11, 2 x 3 x 4 mm: the first toward the Left. */
static struct made make(int version, bool swapped)
{
    static const double rows[12] = { -2, 0, 0, 10, 0, 3, 0, -20, 0, 0, 4, 30 };
    static const double spacing[4] = { 1, 2, 3, 4 };
    struct made made = { .version = version, .swapped = swapped };
    const size_t first = version == 1 ? 352 : 544;

    for (int i = 0; i < 8; i++)
        put(&made, version == 1 ? 40 + 2 * (size_t)i : 16 + 8 * (size_t)i,
            version == 1 ? 'h' : 'q', i == 0 ? 3 : i == 1 ? 3 : i < 4 ? 2 : 1);
    put(&made, 0, 'i', version == 1 ? 348 : 540);
    put(&made, version == 1 ? 70 : 12, 'h', 4);
    put(&made, version == 1 ? 72 : 14, 'h', 16);
    puts_real(&made, version == 1 ? 76 : 104, 4, spacing);
    put(&made, version == 1 ? 108 : 168, version == 1 ? 'f' : 'q', (double)first);
    puts_real(&made, version == 1 ? 280 : 400, 12, rows);
    put(&made, version == 1 ? 254 : 348, version == 1 ? 'h' : 'i', 1);
    put(&made, version == 1 ? 123 : 500, version == 1 ? 'b' : 'i', 2);
    memcpy(made.bytes + (version == 1 ? 344 : 4), version == 1 ? "n+1" : "n+2\0\r\n\032\n",
           version == 1 ? 4 : 8);
    for (int i = 0; i < 12; i++)
        put(&made, first + 2 * (size_t)i, 'h', i);
    made.size = first + 24;
    return made;
}

static bool open_made(const struct made *made, struct nifti *ret)
{
    /* Its own memory, to the byte: a sanitizer sees what is read behind it. */
    static unsigned char *bytes;

    free(bytes);
    bytes = malloc(made->size + 1);
    memcpy(bytes + 1, made->bytes, made->size);         /* at an odd place */
    return nifti_open(bytes + 1, made->size, ret, &err);
}

static void check_affine(const struct nifti *nifti, const double want[3][4], double miss)
{
    for (int i = 0; i < 12; i++)
        CU_ASSERT_DOUBLE_EQUAL(nifti->affine[i / 4][i % 4], want[i / 4][i % 4], miss);
}

static void nifti_reads_both_versions_in_both_byte_orders(void)
{
    static const double lps[3][4] = { { 2, 0, 0, -10 }, { 0, -3, 0, 20 }, { 0, 0, 4, 30 } };

    for (int version = 1; version <= 2; version++)
        for (int swapped = 0; swapped < 2; swapped++) {
            const struct made made = make(version, swapped != 0);
            struct nifti nifti;
            struct volume volume;
            struct arena *const arena = fresh_arena();

            CU_ASSERT_FATAL(open_made(&made, &nifti));
            CU_ASSERT_EQUAL(nifti.version, version);
            CU_ASSERT_EQUAL(nifti.note_count, 0);
            CU_ASSERT_EQUAL(nifti.geometry, NIFTI_SFORM);
            check_affine(&nifti, lps, 0);
            CU_ASSERT_FATAL(nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, arena, &volume,
                                             &err));
            CU_ASSERT_EQUAL(volume.type, VOXEL_INT16);
            CU_ASSERT_EQUAL(volume.unit, UNIT_ARBITRARY);
            CU_ASSERT(volume.even && volume.slices == NULL);
            CU_ASSERT_EQUAL(volume.size[0], 3);
            CU_ASSERT_EQUAL(volume_count(&volume), 12);
            for (size_t i = 0; i < 12; i++)
                CU_ASSERT_EQUAL(volume_value(&volume, i), (double)i);
        }
}

static void nifti_takes_the_qform_where_there_is_no_sform(void)
{
    /* 90 degrees about z: i goes to y, j to -x (RAS), and qfac turns k. */
    static const double half[3] = { 0, 0, 0.70710678118654757 }, shift[3] = { 5, 6, 7 };
    static const double lps[3][4] = { { 0, 3, 0, -5 }, { -2, 0, 0, -6 }, { 0, 0, -4, 7 } };

    for (int version = 1; version <= 2; version++) {
        struct made made = make(version, version == 1);
        struct nifti nifti;

        put(&made, version == 1 ? 254 : 348, version == 1 ? 'h' : 'i', 0);
        put(&made, version == 1 ? 252 : 344, version == 1 ? 'h' : 'i', 1);
        puts_real(&made, version == 1 ? 256 : 352, 3, half);
        puts_real(&made, version == 1 ? 268 : 376, 3, shift);
        puts_real(&made, version == 1 ? 76 : 104, 1, &(double){ -1 });
        CU_ASSERT_FATAL(open_made(&made, &nifti));
        CU_ASSERT_EQUAL(nifti.geometry, NIFTI_QFORM);
        check_affine(&nifti, lps, 1e-6);
    }
}

static void nifti_without_geometry_has_spacing_and_a_note(void)
{
    static const double lps[3][4] = { { -2, 0, 0, 0 }, { 0, -3, 0, 0 }, { 0, 0, 4, 0 } };
    struct made made = make(1, false);
    struct nifti nifti;

    put(&made, 254, 'h', 0);
    CU_ASSERT_FATAL(open_made(&made, &nifti));
    CU_ASSERT_EQUAL(nifti.geometry, NIFTI_PIXDIM);
    check_affine(&nifti, lps, 0);
    CU_ASSERT_EQUAL(nifti.note_count, 1);
    CU_ASSERT_STRING_EQUAL(nifti.notes[0],
                           "neither sform nor qform: left and right are not known");
}

static void nifti_converts_units_and_says_what_it_took(void)
{
    static const struct { int units; double factor; const char *note; } cases[] = {
        { 0, 1, "the unit of length is not said: taken as millimetre" },
        { 1, 1000, "lengths in metres were converted to millimetre" },
        { 3, 0.001, "lengths in micrometres were converted to millimetre" },
        { 10, 1, NULL },                /* millimetre, and seconds */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made made = make(1, false);
        struct nifti nifti;

        put(&made, 123, 'b', cases[i].units);
        CU_ASSERT_FATAL(open_made(&made, &nifti));
        CU_ASSERT_DOUBLE_EQUAL(nifti.affine[2][2], 4 * cases[i].factor, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(nifti.affine[1][3], 20 * cases[i].factor, 1e-12);
        CU_ASSERT_EQUAL(nifti.note_count, cases[i].note != NULL);
        if (cases[i].note != NULL)
            CU_ASSERT_STRING_EQUAL(nifti.notes[0], cases[i].note);
    }
}

static void nifti_says_where_its_geometries_differ(void)
{
    struct made made = make(1, false);
    struct nifti nifti;

    put(&made, 88, 'f', 5);             /* pixdim[3]: 5 mm, and the sform has 4 */
    put(&made, 252, 'h', 1);
    put(&made, 260, 'f', 1);            /* half a turn about y: x as in the sform, z not */
    put(&made, 268, 'f', 10);
    put(&made, 272, 'f', -20);
    put(&made, 276, 'f', 30);
    CU_ASSERT_FATAL(open_made(&made, &nifti));
    CU_ASSERT_EQUAL(nifti.note_count, 2);
    CU_ASSERT_STRING_EQUAL(nifti.notes[0],
                           "sform says 4 mm along k and pixdim 5 mm: sform is used");
    CU_ASSERT_STRING_EQUAL(nifti.notes[1],
                           "sform and qform are up to 9 mm apart: sform is used");
}

static void nifti_takes_a_single_slice_without_thickness(void)
{
    struct made made = make(1, false);
    struct nifti nifti;

    put(&made, 40, 'h', 2);
    put(&made, 46, 'h', 0);             /* beyond dim[0]: not looked at */
    put(&made, 88, 'f', 0);
    put(&made, 254, 'h', 0);
    CU_ASSERT_FATAL(open_made(&made, &nifti));
    CU_ASSERT_EQUAL(nifti.dim[2], 1);
    CU_ASSERT_EQUAL(nifti.affine[2][2], 1);
    CU_ASSERT_STRING_EQUAL(nifti.notes[0],
                           "the thickness of its one slice is not said: taken as 1");
}

/* ---- values ---- */

/* Twelve values of a datatype; `kind` is put()'s. */
static struct made typed(int datatype, char kind, bool swapped, const double values[12])
{
    struct made made = make(1, swapped);
    const size_t bytes = kind == 'b' ? 1 : kind == 'h' ? 2 : kind == 'i' || kind == 'f' ? 4 : 8;

    put(&made, 70, 'h', datatype);
    put(&made, 72, 'h', (double)(8 * bytes));
    for (size_t i = 0; i < 12; i++)
        put(&made, 352 + i * bytes, kind, values[i]);
    made.size = 352 + 12 * bytes;
    return made;
}

static void scale(struct made *made, double slope, double intercept)
{
    put(made, 112, 'f', slope);
    put(made, 116, 'f', intercept);
}

static bool image(const struct made *made, struct nifti *nifti, struct volume *ret)
{
    return open_made(made, nifti) &&
           nifti_read_image(nifti, NIFTI_CHANNELS_LAST, 0, fresh_arena(), ret, &err);
}

static bool labels(const struct made *made, struct volume *ret)
{
    struct nifti nifti;

    return open_made(made, &nifti) &&
           nifti_read_labels(&nifti, NIFTI_CHANNELS_LAST, 0, fresh_arena(), ret, &err);
}

static void nifti_reads_every_datatype(void)
{
    static const struct {
        int datatype;
        char kind;
        double low, high;               /* as they are stored and read */
        enum voxel_type type;
    } cases[] = {
        { 2, 'b', 0, 127, VOXEL_INT16 },
        { 256, 'b', -128, 127, VOXEL_INT16 },
        { 4, 'h', -32768, 32767, VOXEL_INT16 },
        { 512, 'h', 0, 32767, VOXEL_INT16 },
        { 8, 'i', -32768, 32767, VOXEL_INT16 },
        { 8, 'i', -32769, 5, VOXEL_FLOAT32 },
        { 768, 'i', 0, 1 << 24, VOXEL_FLOAT32 },
        { 1024, 'q', -(double)(1 << 24), 7, VOXEL_FLOAT32 },
        { 1280, 'q', 0, 40000, VOXEL_FLOAT32 },
        { 16, 'f', -FLT_MAX, FLT_MAX, VOXEL_FLOAT32 },
        { 64, 'd', -0.5, 1.25, VOXEL_FLOAT32 },
    };

    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const double values[12] = { cases[i / 2].low, cases[i / 2].high, 1, 2, 3 };
        const struct made made = typed(cases[i / 2].datatype, cases[i / 2].kind, i % 2 != 0,
                                       values);
        struct nifti nifti;
        struct volume volume;

        CU_ASSERT_FATAL(image(&made, &nifti, &volume));
        CU_ASSERT_EQUAL(volume.type, cases[i / 2].type);
        CU_ASSERT_EQUAL(nifti.note_count, 0);
        for (size_t k = 0; k < 12; k++)
            CU_ASSERT_EQUAL(volume_value(&volume, k), values[k]);
    }
}

static void nifti_unsigned_values_have_no_sign(void)
{
    const double values[12] = { -1 };   /* all bits */
    struct nifti nifti;
    struct volume volume;
    struct made made = typed(2, 'b', false, values);

    CU_ASSERT_FATAL(image(&made, &nifti, &volume));
    CU_ASSERT_EQUAL(volume_value(&volume, 0), 255);
    made = typed(512, 'h', true, values);
    CU_ASSERT_FATAL(image(&made, &nifti, &volume));
    CU_ASSERT_EQUAL(volume.type, VOXEL_FLOAT32);
    CU_ASSERT_EQUAL(volume_value(&volume, 0), 65535);
    made = typed(768, 'i', false, values);
    CU_ASSERT_FATAL(image(&made, &nifti, &volume));
    CU_ASSERT_EQUAL(volume_value(&volume, 0), 4294967296.0);    /* rounded, and told */
    CU_ASSERT_STRING_EQUAL(nifti.notes[0],
                           "voxels beyond 16777216 were rounded to 32-bit floats");
    made = typed(1280, 'q', false, values);
    CU_ASSERT_FATAL(image(&made, &nifti, &volume));
    CU_ASSERT_EQUAL(volume_value(&volume, 0), 18446744073709551616.0);
}

static void nifti_scales_by_slope_and_intercept(void)
{
    static const struct { double slope, intercept, want; } cases[] = {
        { 2, -1024, 5 * 2 - 1024 }, { -0.5, 1, -1.5 },
        { 0, 7, 5 }, { NAN, NAN, 5 },   /* none */
    };
    const double values[12] = { 5, -3, 0.0 };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made whole = typed(4, 'h', false, values), real = typed(64, 'd', true, values);
        struct nifti nifti;
        struct volume volume;

        scale(&whole, cases[i].slope, cases[i].intercept);
        scale(&real, cases[i].slope, cases[i].intercept);
        CU_ASSERT_FATAL(image(&whole, &nifti, &volume));
        CU_ASSERT_EQUAL(volume.type, VOXEL_INT16);
        CU_ASSERT_EQUAL(volume_value(&volume, 0), cases[i].want);
        CU_ASSERT_FATAL(image(&real, &nifti, &volume));
        CU_ASSERT_EQUAL(volume_value(&volume, 0), cases[i].want);
    }
}

static void nifti_takes_no_numbers_as_zero_and_says_so(void)
{
    const double values[12] = { NAN, 1, NAN, 2 };
    const struct made made = typed(16, 'f', false, values);
    struct nifti nifti;
    struct volume volume;

    CU_ASSERT_FATAL(image(&made, &nifti, &volume));
    CU_ASSERT_EQUAL(volume_value(&volume, 0), 0);
    CU_ASSERT_EQUAL(volume_value(&volume, 1), 1);
    CU_ASSERT_EQUAL(nifti.note_count, 1);
    CU_ASSERT_STRING_EQUAL(nifti.notes[0], "2 voxels are not numbers: taken as 0");
    CU_ASSERT(nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, fresh_arena(), &volume, &err));
    CU_ASSERT_EQUAL(nifti.note_count, 1);
}

static void nifti_labels_are_whole_numbers_in_the_smallest_type(void)
{
    const double small[12] = { 0, 1, 255 }, first[12] = { 256 }, large[12] = { 0, 9, 65535 };
    const double minus[12] = { -0.0 };
    struct volume volume;
    struct made made = typed(64, 'd', false, small);

    CU_ASSERT_FATAL(labels(&made, &volume));
    CU_ASSERT_EQUAL(volume.type, VOXEL_UINT8);
    CU_ASSERT_EQUAL(volume.unit, UNIT_NONE);
    CU_ASSERT_EQUAL(volume.u8[2], 255);
    made = typed(16, 'f', true, large);
    CU_ASSERT_FATAL(labels(&made, &volume));
    CU_ASSERT_EQUAL(volume.type, VOXEL_UINT32);
    CU_ASSERT_EQUAL(volume.u32[2], 65535);
    made = typed(16, 'f', true, first);
    CU_ASSERT_FATAL(labels(&made, &volume));
    CU_ASSERT_EQUAL(volume.type, VOXEL_UINT32);
    CU_ASSERT_EQUAL(volume.u32[0], 256);
    made = typed(16, 'f', false, minus);
    CU_ASSERT_FATAL(labels(&made, &volume));
    CU_ASSERT_EQUAL(volume.u8[0], 0);
}

static void nifti_labels_survive_the_step_of_a_scaling(void)
{
    /* As ITK quantises 0 and 1 to int32: 1 is a step below, and its slope rounded to floats. */
    const double low = -2147483648.0, high = 2147483520.0, step = 1 / 4294967296.0;
    const double whole[12] = { low, high, low, low, low, low, low, low, low, low, low, high };
    const double tens[12] = { 30, 70 };
    struct volume volume;
    struct made made = typed(8, 'i', false, whole);

    scale(&made, step, 0.5);
    CU_ASSERT_FATAL(labels(&made, &volume));
    CU_ASSERT_EQUAL(volume.u8[0], 0);
    CU_ASSERT_EQUAL(volume.u8[1], 1);
    made = typed(4, 'h', false, tens);
    scale(&made, 0.1, 0);               /* 0.1 as a float is 1.5e-9 more */
    CU_ASSERT_FATAL(labels(&made, &volume));
    CU_ASSERT_EQUAL(volume.u8[0], 3);
    CU_ASSERT_EQUAL(volume.u8[1], 7);
}

static void nifti_channels_lie_last_or_first(void)
{
    struct arena *const arena = fresh_arena();
    struct made made = make(1, false);
    struct nifti nifti;
    struct volume volume;

    put(&made, 40, 'h', 4);             /* 3 x 2 x 1 x 2 */
    put(&made, 46, 'h', 1);
    put(&made, 48, 'h', 2);
    CU_ASSERT_FATAL(open_made(&made, &nifti));
    CU_ASSERT_EQUAL(nifti_channels(&nifti, NIFTI_CHANNELS_LAST), 2);
    CU_ASSERT_EQUAL(nifti_channels(&nifti, NIFTI_CHANNELS_FIRST), 3);
    CU_ASSERT_FATAL(nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 1, arena, &volume, &err));
    CU_ASSERT_EQUAL(volume_count(&volume), 6);
    for (size_t i = 0; i < 6; i++)
        CU_ASSERT_EQUAL(volume.i16[i], 6 + (int)i);
    CU_ASSERT_FATAL(nifti_read_labels(&nifti, NIFTI_CHANNELS_FIRST, 2, arena, &volume, &err));
    CU_ASSERT_EQUAL(volume.size[0], 2);
    CU_ASSERT_EQUAL(volume.size[1], 1);
    CU_ASSERT_EQUAL(volume.size[2], 2);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(volume.u8[i], 2 + 3 * i);
    CU_ASSERT_FALSE(nifti_read_image(&nifti, NIFTI_CHANNELS_FIRST, 3, arena, &volume, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "there is no channel 3: it has 3");
    put(&made, 40, 'h', 5);             /* 3 x 2 x 1 x 1 x 2: components */
    put(&made, 48, 'h', 1);
    put(&made, 50, 'h', 2);
    CU_ASSERT_FATAL(open_made(&made, &nifti));
    CU_ASSERT_EQUAL(nifti_channels(&nifti, NIFTI_CHANNELS_LAST), 2);
    CU_ASSERT_EQUAL(nifti_channels(&nifti, NIFTI_CHANNELS_FIRST), 0);
}

/* ---- what is refused ---- */

struct patch {
    size_t at;                          /* 0 with no kind: the end */
    char kind;
    double value;
};

static const struct refused {
    int version;
    struct patch patches[4];
    size_t size;                        /* 0: all of it */
    const char *sentence;
} refused[] = {
    { 1, { { 0 } }, 3, "3 bytes are no NIfTI file" },
    { 1, { { 0 } }, 347, "the header ends early: 347 of its 348 bytes" },
    { 2, { { 0 } }, 539, "the header ends early: 539 of its 540 bytes" },
    { 1, { { 0, 'i', 349 } }, 0, "it does not begin as NIfTI does" },
    { 1, { { 345, 'b', 'i' } }, 0,
      "the voxels lie in an .img beside it; one .nii file is needed" },
    { 1, { { 344, 'i', 0 } }, 0,
      "an Analyze 7.5 header, which has no orientation; NIfTI is needed" },
    { 1, { { 346, 'b', '3' } }, 0, "its magic is not NIfTI-1's" },
    { 2, { { 6, 'b', '1' } }, 0, "its magic is not NIfTI-2's" },
    { 2, { { 8, 'b', '\n' } }, 0,
      "its line ends were changed on the way, as by a transfer as text" },
    { 1, { { 70, 'h', 0 } }, 0, "datatype 0 is none of NIfTI's" },
    { 1, { { 70, 'h', 128 }, { 72, 'h', 24 } }, 0,
      "voxels of RGB colours (datatype 128) are not read" },
    { 1, { { 70, 'h', 32 } }, 0, "voxels of complex numbers (datatype 32) are not read" },
    { 2, { { 12, 'h', 1536 } }, 0, "voxels of 128-bit floats (datatype 1536) are not read" },
    { 1, { { 72, 'h', 8 } }, 0, "bitpix is 8, and int16 has 16 bits" },
    { 1, { { 40, 'h', 0 } }, 0, "dim[0] is 0, and NIfTI has 1 to 7 dimensions" },
    { 1, { { 40, 'h', 8 } }, 0, "dim[0] is 8, and NIfTI has 1 to 7 dimensions" },
    { 1, { { 40, 'h', 1 } }, 0, "one dimension is no image" },
    { 1, { { 44, 'h', 0 } }, 0, "dim[2] is 0" },
    { 2, { { 32, 'q', -5 } }, 0, "dim[2] is -5" },
    { 1, { { 40, 'h', 6 }, { 52, 'h', 2 } }, 0,
      "dimension 6 has 2 entries; 5 dimensions are read" },
    { 2, { { 24, 'q', 4e18 }, { 32, 'q', 4e18 } }, 0,
      "dim says more voxels than can be counted" },
    { 1, { { 42, 'h', 32767 }, { 44, 'h', 32767 }, { 46, 'h', 32767 } }, 0,
      "the voxels end early: 24 of 70362301923326 bytes" },
    { 1, { { 0 } }, 375, "the voxels end early: 23 of 24 bytes" },
    { 1, { { 0 } }, 351, "vox_offset is 352, behind the end at 351" },
    { 1, { { 108, 'f', 0 } }, 0, "vox_offset is 0, inside the header" },
    { 2, { { 168, 'q', 540 } }, 0, "vox_offset is 540, inside the header" },
    { 2, { { 168, 'q', -9e18 } }, 0, "vox_offset is -9000000000000000000, inside the header" },
    { 2, { { 168, 'q', 9e18 } }, 0,
      "vox_offset is 9000000000000000000, behind the end at 568" },
    { 1, { { 108, 'f', 352.5 } }, 0, "vox_offset is 352.5, which is no place in a file" },
    { 1, { { 108, 'f', NAN } }, 0, "vox_offset is nan, which is no place in a file" },
    { 1, { { 108, 'f', INFINITY } }, 0, "vox_offset is inf, which is no place in a file" },
    { 1, { { 112, 'f', INFINITY } }, 0, "scl_slope is inf" },
    { 2, { { 176, 'd', 1e100 } }, 0, "scl_slope is 1e+100" },
    { 1, { { 112, 'f', 1 }, { 116, 'f', NAN } }, 0, "scl_inter is nan" },
    { 1, { { 123, 'b', 5 } }, 0, "unit of length 5 is none of NIfTI's" },
    { 1, { { 284, 'f', NAN } }, 0, "the sform has an entry that is no number" },
    { 1, { { 292, 'f', 1e9 } }, 0, "the sform reaches 1e+09 mm far" },
    { 1, { { 123, 'b', 1 }, { 292, 'f', 1e5 } }, 0, "the sform reaches 1e+08 mm far" },
    { 1, { { 320, 'f', 0 } }, 0, "the sform has a step of 0 mm along k" },
    { 1, { { 320, 'f', 0 }, { 304, 'f', 4 } }, 0,
      "the sform is singular: its axes lie in one plane" },
    { 1, { { 254, 'h', 0 }, { 84, 'f', 0 } }, 0, "pixdim[2] is 0, which is no spacing" },
    { 1, { { 254, 'h', 0 }, { 252, 'h', 1 }, { 88, 'f', -4 } }, 0,
      "pixdim[3] is -4, which is no spacing" },
    { 1, { { 254, 'h', 0 }, { 80, 'f', NAN } }, 0, "pixdim[1] is nan, which is no spacing" },
    { 1, { { 254, 'h', 0 }, { 252, 'h', 1 }, { 256, 'f', 1 }, { 260, 'f', 1 } }, 0,
      "the quaternion of the qform is no rotation" },
    { 2, { { 348, 'i', 0 }, { 344, 'i', 1 }, { 352, 'd', NAN } }, 0,
      "the quaternion of the qform is no rotation" },
    { 2, { { 348, 'i', 0 }, { 344, 'i', 1 }, { 376, 'd', INFINITY } }, 0,
      "the qform has an entry that is no number" },
};

static void nifti_refuses_each_wrong_header_with_its_sentence(void)
{
    for (size_t i = 0; i < 2 * sizeof refused / sizeof refused[0]; i++) {
        const struct refused *const wrong = &refused[i / 2];
        struct made made = make(wrong->version, i % 2 != 0);
        struct nifti nifti = { .version = 77 };

        for (int p = 0; p < 4 && wrong->patches[p].kind != 0; p++)
            put(&made, wrong->patches[p].at, wrong->patches[p].kind, wrong->patches[p].value);
        if (wrong->size > 0)
            made.size = wrong->size;
        CU_ASSERT_FALSE(open_made(&made, &nifti));
        if (strcmp(err.text, wrong->sentence) != 0)
            printf("\n    [%s] instead of [%s]", err.text, wrong->sentence);
        CU_ASSERT_STRING_EQUAL(err.text, wrong->sentence);
        CU_ASSERT_EQUAL(nifti.version, 77);
    }
}

static const struct {
    double value, slope;
    bool as_labels;
    const char *sentence;
} wrong_values[] = {
    { 0.5, 0, true, "voxel (1, 1, 1) is 0.5: labels are whole numbers from 0 to 65535" },
    { -1, 0, true, "voxel (1, 1, 1) is -1: labels are whole numbers from 0 to 65535" },
    { 65536, 0, true, "voxel (1, 1, 1) is 65536: labels are whole numbers from 0 to 65535" },
    { NAN, 0, true, "voxel (1, 1, 1) is nan: labels are whole numbers from 0 to 65535" },
    { INFINITY, 0, true, "voxel (1, 1, 1) is inf: labels are whole numbers from 0 to 65535" },
    { 1.0001, 0, true,
      "voxel (1, 1, 1) is 1.0001: labels are whole numbers from 0 to 65535" },
    { 1, 0.25, true, "voxel (1, 1, 1) is 0.25: labels are whole numbers from 0 to 65535" },
    { 1, 0.00390625, true,              /* a probability in 256 steps is no label */
      "voxel (1, 1, 1) is 0.00390625: labels are whole numbers from 0 to 65535" },
    { INFINITY, 0, false, "voxel (1, 1, 1) is inf: beyond 32-bit floats" },
    { -1e39, 0, false, "voxel (1, 1, 1) is -1e+39: beyond 32-bit floats" },
    { 1e30, 1e10, false, "voxel (1, 1, 1) is 1e+40: beyond 32-bit floats" },
};

static void nifti_refuses_values_that_are_no_labels_or_no_floats(void)
{
    for (size_t i = 0; i < sizeof wrong_values / sizeof wrong_values[0]; i++) {
        struct arena *const arena = fresh_arena();
        const double values[12] = { [10] = wrong_values[i].value };
        struct made made = typed(64, 'd', i % 2 != 0, values);
        struct volume volume;
        struct nifti nifti;

        scale(&made, wrong_values[i].slope, 0);
        CU_ASSERT_FALSE(wrong_values[i].as_labels ? labels(&made, &volume)
                                                  : image(&made, &nifti, &volume));
        CU_ASSERT_STRING_EQUAL(err.text, wrong_values[i].sentence);
        CU_ASSERT_EQUAL(err.code, ERROR_DATA);
        CU_ASSERT_EQUAL(arena_used(arena), 0);
    }
}

static void nifti_does_not_take_more_memory_than_there_is(void)
{
    struct arena *const small = arena_new(4096, &err);
    const struct made made = make(1, false);
    struct nifti nifti;
    struct volume volume;

    CU_ASSERT_FATAL(open_made(&made, &nifti));
    arena_take(small, 4096, 1, &err);
    CU_ASSERT_FALSE(nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, small, &volume, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    CU_ASSERT_FALSE(nifti_read_labels(&nifti, NIFTI_CHANNELS_LAST, 0, small, &volume, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    arena_free(small);
}

/* ---- writing ---- */

/* Turned 30 degrees about z and 20 about x; `mirrored` has a negative determinant. */
static struct volume tilted(bool mirrored, void *voxels)
{
    const double c = cos(M_PI / 6), s = sin(M_PI / 6), u = cos(M_PI / 9), v = sin(M_PI / 9);
    const double turn[3][3] = { { c, -s * u, s * v }, { s, c * u, -c * v }, { 0, v, u } };
    const double step[3] = { 0.7, 0.8, mirrored ? -2.5 : 2.5 };
    const double origin[3] = { -100, 50, 900.25 };
    struct volume volume = { .type = VOXEL_INT16, .size = { 3, 2, 2 }, .voxels = voxels,
                             .slope = 1, .even = true };

    for (int row = 0; row < 3; row++) {
        for (int axis = 0; axis < 3; axis++)
            volume.affine[row][axis] = turn[row][axis] * step[axis];
        volume.affine[row][3] = origin[row];
    }
    return volume;
}

static void nifti_reads_what_it_wrote(void)
{
    int16_t words[12];
    float floats[12];
    uint8_t bytes[12];
    uint32_t wide[12];
    void *const voxels[] = { words, floats, bytes, wide };

    for (int i = 0; i < 12; i++) {
        words[i] = (int16_t)(i * 1000 - 6000);
        floats[i] = (float)i / 3;
        bytes[i] = (uint8_t)(i * 23);
        wide[i] = (uint32_t)i * 5000;
    }
    for (int kind = 0; kind < 16; kind++) {
        struct volume volume = tilted(kind >= 8, voxels[kind % 4]), back;
        unsigned char *file = NULL;
        size_t size = 0;
        struct nifti nifti;

        volume.type = (enum voxel_type)(kind % 4);
        volume.slope = volume.type == VOXEL_INT16 ? 0.5 : 1;
        volume.intercept = volume.type == VOXEL_INT16 ? -3 : 0;
        CU_ASSERT_FATAL(nifti_write(&volume, &file, &size, &err));
        if (kind % 8 >= 4)              /* by its qform alone */
            memset(file + 254, 0, 2);
        CU_ASSERT_FATAL(nifti_open(file, size, &nifti, &err));
        CU_ASSERT_EQUAL(nifti.note_count, 0);
        CU_ASSERT_EQUAL(nifti.geometry, kind % 8 >= 4 ? NIFTI_QFORM : NIFTI_SFORM);
        check_affine(&nifti, (const double (*)[4])volume.affine, 1e-4);
        CU_ASSERT_FATAL(nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, fresh_arena(), &back,
                                         &err));
        for (size_t i = 0; i < 12; i++)
            CU_ASSERT_EQUAL(volume_value(&back, i), volume_value(&volume, i));
        free(file);
    }
}

static void nifti_does_not_write_what_it_cannot_say(void)
{
    const struct volume_slice slices[2] = { { .frame = 1 }, { .frame = 1 } };
    int16_t voxels[12] = { 0 };
    struct volume volume = tilted(false, voxels);
    unsigned char *file = NULL;
    size_t size;

    volume.size[0] = 32768;
    CU_ASSERT_FALSE(nifti_write(&volume, &file, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "32768 voxels a side: NIfTI-1 holds 1 to 32767");
    volume = tilted(false, voxels);
    volume.even = false;
    volume.slices = slices;
    CU_ASSERT_FALSE(nifti_write(&volume, &file, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "its slices are unevenly spaced, which NIfTI cannot say");
    volume = tilted(false, voxels);
    volume.slope = 1e-60;               /* 0 as a float, and that would mean none */
    CU_ASSERT_FALSE(nifti_write(&volume, &file, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "slope 1e-60 and intercept 0 do not fit into NIfTI-1");
    CU_ASSERT_PTR_NULL(file);
}

/* ---- files of others, beside nibabel ---- */

static FILE *table;
static int compared;
static char folder[4096];

/* All of a file, unpacked; NULL when it cannot be. */
static unsigned char *load(const char *path, size_t *ret_size)
{
    FILE *const file = fopen(path, "rb");
    unsigned char *packed, *bytes = NULL;
    struct stat status;

    if (file == NULL || fstat(fileno(file), &status) != 0)
        return NULL;
    *ret_size = (size_t)status.st_size;
    packed = malloc(*ret_size + 1);
    CU_ASSERT_EQUAL(fread(packed, 1, *ret_size, file), *ret_size);
    fclose(file);
    if (!gzip_is(packed, *ret_size))
        return packed;
    if (!gzip_unpack(packed, *ret_size, (size_t)1 << 30, &bytes, ret_size, &err))
        bytes = NULL;
    free(packed);
    return bytes;
}

static void tell_sum(const struct volume *volume)
{
    const size_t count = volume_count(volume);
    double sum = 0, low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < count; i++) {
        const double value = volume->type == VOXEL_UINT8 ? volume->u8[i]
                                                         : volume_value(volume, i);

        sum += value;
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    fprintf(table, "\t%.17g\t%.9g\t%.9g", sum, low, high);
}

/* What nibabel is to find too: the check sum of all, and some values by their place. */
static void tell_values(const struct volume *volume)
{
    static const char *const names[] = { [VOXEL_INT16] = "int16", [VOXEL_FLOAT32] = "float32",
                                         [VOXEL_UINT8] = "uint8", [VOXEL_UINT32] = "uint32" };
    const size_t count = volume_count(volume), bytes = count * voxel_size(volume->type);
    uint64_t state = count;

    fprintf(table, "\t%s\t%lu", names[volume->type], crc32(0, volume->voxels, (uInt)bytes));
    tell_sum(volume);
    for (int i = 0; i < 20; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const size_t at = (size_t)(state >> 11) % count;
        fprintf(table, "\t%zu=%.9g", at, volume_value(volume, at));
    }
}

static bool is_label(const char *name)
{
    return strstr(name, "seg") != NULL || strstr(name, "mask") != NULL ||
           strstr(name, "OTMulti") != NULL || strstr(name, "UNet_sample") != NULL;
}

static void tell(const char *path, struct nifti *nifti, enum nifti_order order, size_t channel)
{
    struct volume volume;
    const bool as_labels = is_label(strrchr(path, '/'));

    if (!(as_labels ? nifti_read_labels : nifti_read_image)(nifti, order, channel,
                                                            fresh_arena(), &volume, &err)) {
        CU_FAIL("a labelled file was not read");
        printf("\n    %s: %s", path, err.text);
        return;
    }
    fprintf(table, "%s\t%s\t%s\t%zu\t%zu\t%zu\t%zu", path,
            as_labels ? "labels" : "image", order == NIFTI_CHANNELS_FIRST ? "first" : "last",
            channel, volume.size[0], volume.size[1], volume.size[2]);
    for (int i = 0; i < 12; i++)
        fprintf(table, "\t%.17g", volume.affine[i / 4][i % 4]);
    tell_values(&volume);
    fprintf(table, "\n");
    compared++;
}

static int tell_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    const size_t length = strlen(path);
    struct nifti nifti;
    size_t size;

    (void)status;
    (void)where;
    if (kind != FTW_F || !((length > 7 && strcmp(path + length - 7, ".nii.gz") == 0) ||
                           (length > 4 && strcmp(path + length - 4, ".nii") == 0)))
        return 0;
    unsigned char *const bytes = load(path, &size);
    CU_ASSERT_PTR_NOT_NULL(bytes);
    if (bytes != NULL && nifti_open(bytes, size, &nifti, &err)) {
        const enum nifti_order order = nifti.dim[3] > 1 ? NIFTI_CHANNELS_FIRST
                                                        : NIFTI_CHANNELS_LAST;
        for (size_t c = 0; c < nifti_channels(&nifti, order); c++)
            tell(path, &nifti, order, c);
    } else {
        CU_FAIL("a file was not opened");
        printf("\n    %s: %s", path, err.text);
    }
    free(bytes);
    return 0;
}

static bool has_nibabel(void)
{
    if (system("/usr/bin/python3 -c 'import nibabel' 2>/dev/null") == 0)
        return true;
    runner_skip("python3-nibabel");
    return false;
}

/* Reads every file below `top` and has nibabel judge. */
static void compare_below(const char *top, int at_least)
{
    char name[] = "/tmp/tumord-nifti-XXXXXX", command[512];
    const int fd = mkstemp(name);

    CU_ASSERT_FATAL(fd >= 0);
    table = fdopen(fd, "w");
    compared = 0;
    nftw(top, tell_file, 16, FTW_PHYS);
    fclose(table);
    CU_ASSERT(compared >= at_least);
    text_format(command, sizeof command, "/usr/bin/python3 %s/tests/util/nifti.py compare %s",
                runner_source(), name);
    CU_ASSERT_EQUAL(system(command), 0);
    unlink(name);
}

static void nifti_reads_real_files_as_nibabel_does(void)
{
    if (!runner_data_path("labelled", folder, sizeof folder) || !has_nibabel())
        return;
    compare_below(folder, 93 + 4);      /* two stacks of three channels */
}

static void nifti_reads_generated_files_as_nibabel_does(void)
{
    char top[] = "/tmp/tumord-nifti-XXXXXX", command[512];

    if (!has_nibabel())
        return;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(top));
    text_format(command, sizeof command, "/usr/bin/python3 %s/tests/util/nifti.py make %s",
                runner_source(), top);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    compare_below(top, 80);
    text_format(command, sizeof command, "rm -r %s", top);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void nifti_files_of_ours_are_read_by_nibabel(void)
{
    char name[] = "/tmp/tumord-nifti-XXXXXX.nii", command[512];
    int16_t voxels[12];

    if (!has_nibabel())
        return;
    for (int i = 0; i < 12; i++)
        voxels[i] = (int16_t)(i * 1000 - 6000);
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        struct volume volume = tilted(mirrored != 0, voxels);
        unsigned char *bytes = NULL;
        size_t size = 0, used = 0;

        volume.slope = 0.5;
        volume.intercept = -3;
        CU_ASSERT_FATAL(nifti_write(&volume, &bytes, &size, &err));
        const int fd = mirrored ? open(name, O_WRONLY | O_TRUNC) : mkstemps(name, 4);
        CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
        close(fd);
        free(bytes);
        text_format(command, sizeof command, "/usr/bin/python3 %s/tests/util/nifti.py ours %s",
                    runner_source(), name);
        used = strlen(command);
        for (int i = 0; i < 12; i++) {
            text_format(command + used, sizeof command - used, " %.9g",
                        volume.affine[i / 4][i % 4]);
            used = strlen(command);
        }
        CU_ASSERT_EQUAL(system(command), 0);
    }
    unlink(name);
}

static const struct runner_test tests[] = {
    TEST(nifti_reads_both_versions_in_both_byte_orders),
    TEST(nifti_takes_the_qform_where_there_is_no_sform),
    TEST(nifti_without_geometry_has_spacing_and_a_note),
    TEST(nifti_converts_units_and_says_what_it_took),
    TEST(nifti_says_where_its_geometries_differ),
    TEST(nifti_takes_a_single_slice_without_thickness),
    TEST(nifti_reads_every_datatype),
    TEST(nifti_unsigned_values_have_no_sign),
    TEST(nifti_scales_by_slope_and_intercept),
    TEST(nifti_takes_no_numbers_as_zero_and_says_so),
    TEST(nifti_labels_are_whole_numbers_in_the_smallest_type),
    TEST(nifti_labels_survive_the_step_of_a_scaling),
    TEST(nifti_channels_lie_last_or_first),
    TEST(nifti_refuses_each_wrong_header_with_its_sentence),
    TEST(nifti_refuses_values_that_are_no_labels_or_no_floats),
    TEST(nifti_does_not_take_more_memory_than_there_is),
    TEST(nifti_reads_what_it_wrote),
    TEST(nifti_does_not_write_what_it_cannot_say),
    TEST(nifti_reads_generated_files_as_nibabel_does),
    TEST(nifti_reads_real_files_as_nibabel_does),
    TEST(nifti_files_of_ours_are_read_by_nibabel),
    { NULL, NULL }
};
const struct runner_suite suite_nifti = { "nifti", tests };
