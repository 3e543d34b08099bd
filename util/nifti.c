/* NIfTI: the header and its geometry; nifti_voxels.c reads the values. */
#include "util/nifti.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/nifti_type.h"

#define HEADER_1 348
#define HEADER_2 540
#define EXTENDER 4                      /* bytes behind the header that tell of extensions */
#define FAR_MM 1e7                      /* 10 km: no patient, no scanner */
#define NEAR_MM 1e-6
#define FLAT 1e-4                       /* sine of the angle at which axes count as one */

/* Both versions' fields, as read. */
struct raw {
    long long dim[8], offset;
    int datatype, bits, qform, sform, units;
    double pixdim[8], slope, intercept, quaternion[3], shift[3], rows[3][4];
};

struct reader {
    const unsigned char *bytes;
    bool swapped;
};

/* ---- fields ---- */

static long long whole(const struct reader *reader, size_t at, int bytes)
{
    switch (bytes) {
    case 2:  return (int16_t)nifti_get16(reader->bytes + at, reader->swapped);
    case 4:  return (int32_t)nifti_get32(reader->bytes + at, reader->swapped);
    default: return (int64_t)nifti_get64(reader->bytes + at, reader->swapped);
    }
}

static void reals(const struct reader *reader, size_t at, int bytes, int count, double *ret)
{
    for (int i = 0; i < count; i++, at += (size_t)bytes)
        ret[i] = bytes == 4 ? nifti_get_float(reader->bytes + at, reader->swapped)
                            : nifti_get_double(reader->bytes + at, reader->swapped);
}

static bool raw_1(const struct reader *reader, struct raw *raw, struct error *err)
{
    double offset;

    for (int i = 0; i < 8; i++)
        raw->dim[i] = whole(reader, 40 + 2 * (size_t)i, 2);
    raw->datatype = (int)whole(reader, 70, 2);
    raw->bits = (int)whole(reader, 72, 2);
    reals(reader, 76, 4, 8, raw->pixdim);
    reals(reader, 108, 4, 1, &offset);
    reals(reader, 112, 4, 1, &raw->slope);
    reals(reader, 116, 4, 1, &raw->intercept);
    raw->units = reader->bytes[123];
    raw->qform = (int)whole(reader, 252, 2);
    raw->sform = (int)whole(reader, 254, 2);
    reals(reader, 256, 4, 3, raw->quaternion);
    reals(reader, 268, 4, 3, raw->shift);
    reals(reader, 280, 4, 12, raw->rows[0]);
    if (!(fabs(offset) < 1e15) || offset != floor(offset))
        return error_set(err, ERROR_DATA, "vox_offset is %g, which is no place in a file",
                         offset);
    raw->offset = (long long)offset;
    return true;
}

static void raw_2(const struct reader *reader, struct raw *raw)
{
    raw->datatype = (int)whole(reader, 12, 2);
    raw->bits = (int)whole(reader, 14, 2);
    for (int i = 0; i < 8; i++)
        raw->dim[i] = whole(reader, 16 + 8 * (size_t)i, 8);
    reals(reader, 104, 8, 8, raw->pixdim);
    raw->offset = whole(reader, 168, 8);
    reals(reader, 176, 8, 1, &raw->slope);
    reals(reader, 184, 8, 1, &raw->intercept);
    raw->qform = (int)whole(reader, 344, 4);
    raw->sform = (int)whole(reader, 348, 4);
    reals(reader, 352, 8, 3, raw->quaternion);
    reals(reader, 376, 8, 3, raw->shift);
    reals(reader, 400, 8, 12, raw->rows[0]);
    raw->units = (int)whole(reader, 500, 4);
}

/* The first four bytes are the header's own size: they tell version and byte order. */
static bool find_version(const unsigned char *bytes, size_t size, struct nifti *nifti,
                         struct error *err)
{
    if (size < 4)
        return error_set(err, ERROR_DATA, "%zu bytes are no NIfTI file", size);
    for (int swapped = 0; swapped < 2; swapped++) {
        const uint32_t said = nifti_get32(bytes, swapped != 0);

        nifti->swapped = swapped != 0;
        nifti->version = said == HEADER_1 ? 1 : said == HEADER_2 ? 2 : 0;
        if (nifti->version == 0)
            continue;
        if (size < said)
            return error_set(err, ERROR_DATA, "the header ends early: %zu of its %u bytes",
                             size, (unsigned)said);
        return true;
    }
    return error_set(err, ERROR_DATA, "it does not begin as NIfTI does");
}

static bool check_magic(const unsigned char *bytes, int version, struct error *err)
{
    const unsigned char *const magic = bytes + (version == 1 ? 344 : 4);
    const char mark = (char)('0' + version);

    if (magic[0] == 'n' && magic[1] == 'i' && magic[2] == mark && magic[3] == 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the voxels lie in an .img beside it; one .nii file is needed");
    if (version == 1 && magic[0] != 'n')
        return error_set(err, ERROR_UNSUPPORTED,
                         "an Analyze 7.5 header, which has no orientation; NIfTI is needed");
    if (magic[0] != 'n' || magic[1] != '+' || magic[2] != mark || magic[3] != 0)
        return error_set(err, ERROR_DATA, "its magic is not NIfTI-%d's", version);
    /* PNG's idea: a transfer as text changes these. */
    if (version == 2 && memcmp(magic + 4, "\r\n\032\n", 4) != 0)
        return error_set(err, ERROR_DATA,
                         "its line ends were changed on the way, as by a transfer as text");
    return true;
}

/* ---- notes ---- */

void nifti_note(struct nifti *nifti, const char *format, ...)
{
    char text[sizeof nifti->notes[0]];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (int i = 0; i < nifti->note_count; i++)
        if (strcmp(nifti->notes[i], text) == 0)
            return;
    if (nifti->note_count < NIFTI_NOTES)
        memcpy(nifti->notes[nifti->note_count++], text, sizeof text);
}

/* ---- voxels: their kind, number and place ---- */

static bool check_type(const struct raw *raw, struct error *err)
{
    const struct nifti_type *const type = nifti_type(raw->datatype);

    if (type == NULL)
        return error_set(err, ERROR_DATA, "datatype %d is none of NIfTI's", raw->datatype);
    if (type->bytes == 0)
        return error_set(err, ERROR_UNSUPPORTED, "voxels of %s (datatype %d) are not read",
                         type->name, raw->datatype);
    if (raw->bits != 8 * type->bytes)
        return error_set(err, ERROR_DATA, "bitpix is %d, and %s has %d bits", raw->bits,
                         type->name, 8 * type->bytes);
    return true;
}

static bool take_dimensions(const struct raw *raw, struct nifti *nifti, struct error *err)
{
    if (raw->dim[0] < 1 || raw->dim[0] > 7)
        return error_set(err, ERROR_DATA, "dim[0] is %lld, and NIfTI has 1 to 7 dimensions",
                         raw->dim[0]);
    if (raw->dim[0] == 1)
        return error_set(err, ERROR_UNSUPPORTED, "one dimension is no image");
    for (int i = 1; i <= raw->dim[0]; i++)
        if (raw->dim[i] < 1)
            return error_set(err, ERROR_DATA, "dim[%d] is %lld", i, raw->dim[i]);
        else if (i > 5 && raw->dim[i] > 1)
            return error_set(err, ERROR_UNSUPPORTED,
                             "dimension %d has %lld entries; 5 dimensions are read", i,
                             raw->dim[i]);
    nifti->dimensions = raw->dim[0] < 5 ? (int)raw->dim[0] : 5;
    for (int i = 0; i < 5; i++)
        nifti->dim[i] = i < nifti->dimensions ? (size_t)raw->dim[i + 1] : 1;
    return true;
}

static bool find_voxels(const unsigned char *bytes, size_t size, const struct raw *raw,
                        struct nifti *nifti, struct error *err)
{
    const long long first = (nifti->version == 1 ? HEADER_1 : HEADER_2) + EXTENDER;
    size_t needed = (size_t)nifti_type(raw->datatype)->bytes;

    for (int i = 0; i < 5; i++)
        if (__builtin_mul_overflow(needed, nifti->dim[i], &needed))
            return error_set(err, ERROR_DATA, "dim says more voxels than can be counted");
    if (raw->offset < first)
        return error_set(err, ERROR_DATA, "vox_offset is %lld, inside the header", raw->offset);
    if ((unsigned long long)raw->offset > size)
        return error_set(err, ERROR_DATA, "vox_offset is %lld, behind the end at %zu",
                         raw->offset, size);
    const size_t there = size - (size_t)raw->offset;
    if (there < needed)
        return error_set(err, ERROR_DATA, "the voxels end early: %zu of %zu bytes", there,
                         needed);
    nifti->voxels = bytes + raw->offset;
    return true;
}

/* A slope of 0 means none, by the format; NaN is what nibabel writes for none. */
static bool take_scaling(const struct raw *raw, struct nifti *nifti, struct error *err)
{
    nifti->slope = 1;
    nifti->intercept = 0;
    if (raw->slope == 0 || isnan(raw->slope))
        return true;
    if (!(fabs(raw->slope) <= FLT_MAX))
        return error_set(err, ERROR_DATA, "scl_slope is %g", raw->slope);
    if (!(fabs(raw->intercept) <= FLT_MAX))
        return error_set(err, ERROR_DATA, "scl_inter is %g", raw->intercept);
    nifti->slope = raw->slope;
    nifti->intercept = raw->intercept;
    return true;
}

/* ---- geometry ---- */

static bool take_unit(const struct raw *raw, struct nifti *nifti, double *ret_mm,
                      struct error *err)
{
    switch (raw->units & 7) {
    case 0:
        nifti_note(nifti, "the unit of length is not said: taken as millimetre");
        *ret_mm = 1;
        return true;
    case 1:
        nifti_note(nifti, "lengths in metres were converted to millimetre");
        *ret_mm = 1000;
        return true;
    case 2:
        *ret_mm = 1;
        return true;
    case 3:
        nifti_note(nifti, "lengths in micrometres were converted to millimetre");
        *ret_mm = 0.001;
        return true;
    default:
        return error_set(err, ERROR_DATA, "unit of length %d is none of NIfTI's",
                         raw->units & 7);
    }
}

/* pixdim[axis + 1], positive; an axis of one voxel may leave it out. */
static bool spacing(const struct raw *raw, struct nifti *nifti, int axis, double *ret,
                    struct error *err)
{
    const double said = raw->pixdim[axis + 1];

    if (nifti->dim[axis] == 1 && (said == 0 || axis >= nifti->dimensions)) {
        nifti_note(nifti, "the thickness of its one slice is not said: taken as 1");
        *ret = 1;
        return true;
    }
    if (!(said > 0) || !isfinite(said))
        return error_set(err, ERROR_DATA, "pixdim[%d] is %g, which is no spacing", axis + 1,
                         said);
    *ret = said;
    return true;
}

/* nifti1.h, method 2: the rotation of the quaternion, the spacing, qfac on the third axis. */
static bool from_qform(const struct raw *raw, struct nifti *nifti, double ret[3][4],
                       struct error *err)
{
    double b = raw->quaternion[0], c = raw->quaternion[1], d = raw->quaternion[2], step[3];
    const double square = b * b + c * c + d * d;

    if (!(square <= 1 + 1e-5))
        return error_set(err, ERROR_DATA, "the quaternion of the qform is no rotation");
    const double a = square < 1 ? sqrt(1 - square) : 0, length = sqrt(a * a + square);
    const double w = a / length, x = b / length, y = c / length, z = d / length;
    const double turn[3][3] = {
        { w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y) },
        { 2 * (x * y + w * z), w * w + y * y - x * x - z * z, 2 * (y * z - w * x) },
        { 2 * (x * z - w * y), 2 * (y * z + w * x), w * w + z * z - x * x - y * y }
    };
    for (int axis = 0; axis < 3; axis++)
        if (!spacing(raw, nifti, axis, &step[axis], err))
            return false;
    if (raw->pixdim[0] < 0)
        step[2] = -step[2];
    for (int row = 0; row < 3; row++) {
        for (int axis = 0; axis < 3; axis++)
            ret[row][axis] = turn[row][axis] * step[axis];
        ret[row][3] = raw->shift[row];
    }
    return true;
}

/* Method 1: the spacing alone. */
static bool from_pixdim(const struct raw *raw, struct nifti *nifti, double ret[3][4],
                        struct error *err)
{
    memset(ret, 0, 3 * sizeof ret[0]);
    for (int axis = 0; axis < 3; axis++)
        if (!spacing(raw, nifti, axis, &ret[axis][axis], err))
            return false;
    nifti_note(nifti, "neither sform nor qform: left and right are not known");
    return true;
}

static const char *geometry_name(enum nifti_geometry geometry)
{
    return geometry == NIFTI_SFORM ? "sform" : geometry == NIFTI_QFORM ? "qform" : "pixdim";
}

/* NIfTI's system to ours: x and y turn round; the unit to millimetre. */
static void to_lps(double affine[3][4], double mm)
{
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++)
            affine[row][column] *= row < 2 ? -mm : mm;
}

static double column_length(const double affine[3][4], int axis)
{
    return hypot(hypot(affine[0][axis], affine[1][axis]), affine[2][axis]);
}

static double determinant(const double a[3][4])
{
    return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1])
         - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
         + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

static bool check_affine(const double affine[3][4], const char *name, struct error *err)
{
    double box = 1;

    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++)
            if (!isfinite(affine[row][column]))
                return error_set(err, ERROR_DATA, "the %s has an entry that is no number",
                                 name);
            else if (fabs(affine[row][column]) > FAR_MM)
                return error_set(err, ERROR_DATA, "the %s reaches %g mm far", name,
                                 fabs(affine[row][column]));
    for (int axis = 0; axis < 3; axis++) {
        const double length = column_length(affine, axis);

        if (length < NEAR_MM)
            return error_set(err, ERROR_DATA, "the %s has a step of %g mm along %c", name,
                             length, 'i' + axis);
        box *= length;
    }
    if (fabs(determinant(affine)) < FLAT * box)
        return error_set(err, ERROR_DATA, "the %s is singular: its axes lie in one plane",
                         name);
    return true;
}

/* How far apart two affines put a corner of the grid, at most. */
static double corner_distance(const struct nifti *nifti, const double other[3][4])
{
    double farthest = 0;

    for (int corner = 0; corner < 8; corner++) {
        double apart[3];

        for (int row = 0; row < 3; row++) {
            apart[row] = nifti->affine[row][3] - other[row][3];
            for (int axis = 0; axis < 3; axis++)
                if ((corner >> axis & 1) != 0)
                    apart[row] += (nifti->affine[row][axis] - other[row][axis])
                                * (double)(nifti->dim[axis] - 1);
        }
        farthest = fmax(farthest, hypot(hypot(apart[0], apart[1]), apart[2]));
    }
    return farthest;
}

/* The file says its geometry up to three times; where the others differ, the user is told. */
static void compare_sform(const struct raw *raw, struct nifti *nifti, double mm)
{
    struct nifti unheard = *nifti;
    struct error err;
    double other[3][4], step[3];

    for (int axis = 0; axis < 3; axis++)
        step[axis] = column_length(nifti->affine, axis);
    for (int axis = 0; axis < nifti->dimensions && axis < 3; axis++) {
        const double said = raw->pixdim[axis + 1] * mm;

        if (isfinite(said) && said > 0 && fabs(said - step[axis]) > 0.01 * step[axis])
            nifti_note(nifti, "sform says %g mm along %c and pixdim %g mm: sform is used",
                       step[axis], 'i' + axis, said);
    }
    if (raw->qform <= 0 || !from_qform(raw, &unheard, other, &err))
        return;
    to_lps(other, mm);
    const double apart = corner_distance(nifti, other);
    if (apart > 0.5 * fmin(fmin(step[0], step[1]), step[2]))
        nifti_note(nifti, "sform and qform are up to %g mm apart: sform is used", apart);
}

static bool take_geometry(const struct raw *raw, struct nifti *nifti, struct error *err)
{
    double mm = 1;

    if (!take_unit(raw, nifti, &mm, err))
        return false;
    nifti->geometry = raw->sform > 0   ? NIFTI_SFORM
                      : raw->qform > 0 ? NIFTI_QFORM
                                       : NIFTI_PIXDIM;
    if (nifti->geometry == NIFTI_SFORM)
        memcpy(nifti->affine, raw->rows, sizeof nifti->affine);
    else if (!(nifti->geometry == NIFTI_QFORM ? from_qform : from_pixdim)(raw, nifti,
                                                                        nifti->affine, err))
        return false;
    to_lps(nifti->affine, mm);
    if (!check_affine((const double (*)[4])nifti->affine, geometry_name(nifti->geometry), err))
        return false;
    if (nifti->geometry == NIFTI_SFORM)
        compare_sform(raw, nifti, mm);
    return true;
}

bool nifti_open(const void *bytes, size_t size, struct nifti *ret_nifti, struct error *err)
{
    struct nifti nifti = { .version = 0 };
    struct raw raw = { .offset = 0 };

    if (!find_version(bytes, size, &nifti, err) || !check_magic(bytes, nifti.version, err))
        return false;
    const struct reader reader = { bytes, nifti.swapped };
    if (nifti.version == 2)
        raw_2(&reader, &raw);
    else if (!raw_1(&reader, &raw, err))
        return false;
    nifti.datatype = raw.datatype;
    if (!check_type(&raw, err) || !take_dimensions(&raw, &nifti, err) ||
        !find_voxels(bytes, size, &raw, &nifti, err) || !take_scaling(&raw, &nifti, err) ||
        !take_geometry(&raw, &nifti, err))
        return false;
    *ret_nifti = nifti;
    return true;
}
