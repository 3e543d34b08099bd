/* NIfTI: the values of one channel, as an image or as labels. */
#include <float.h>
#include <math.h>

#include "util/arena.h"
#include "util/error.h"
#include "util/nifti.h"
#include "util/nifti_type.h"
#include "util/volume.h"

#define BLOCK 1024                      /* values at a time, in doubles */
#define LABEL_MOST 65535                /* 16 bits: what a DICOM label map holds */

struct channel {
    const struct nifti *nifti;
    size_t size[3], count;
    size_t first, stride;               /* in stored values */
};

const struct nifti_type *nifti_type(int code)
{
    static const struct nifti_type types[] = {
        { NIFTI_UINT8, 1, true, "uint8" },
        { NIFTI_INT16, 2, true, "int16" },
        { NIFTI_INT32, 4, true, "int32" },
        { NIFTI_FLOAT32, 4, false, "float32" },
        { NIFTI_FLOAT64, 8, false, "float64" },
        { NIFTI_INT8, 1, true, "int8" },
        { NIFTI_UINT16, 2, true, "uint16" },
        { NIFTI_UINT32, 4, true, "uint32" },
        { NIFTI_INT64, 8, true, "int64" },
        { NIFTI_UINT64, 8, true, "uint64" },
        { 1, 0, true, "single bits" },
        { 32, 0, false, "complex numbers" },
        { 128, 0, true, "RGB colours" },
        { 1536, 0, false, "128-bit floats" },
        { 1792, 0, false, "complex numbers" },
        { 2048, 0, false, "complex numbers" },
        { 2304, 0, true, "RGBA colours" },
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].code == code)
            return &types[i];
    return NULL;
}

/* ---- one channel of the file ---- */

size_t nifti_channels(const struct nifti *nifti, enum nifti_order order)
{
    if (order == NIFTI_CHANNELS_LAST)
        return nifti->dim[3] * nifti->dim[4];
    return nifti->dimensions >= 4 && nifti->dim[4] == 1 ? nifti->dim[0] : 0;
}

static bool find_channel(const struct nifti *nifti, enum nifti_order order, size_t number,
                         struct channel *ret, struct error *err)
{
    const size_t channels = nifti_channels(nifti, order);
    const int skip = order == NIFTI_CHANNELS_FIRST ? 1 : 0;

    if (channels == 0)
        return error_set(err, ERROR_DATA, "it has %d dimensions, and channels first needs four",
                         nifti->dimensions);
    if (number >= channels)
        return error_set(err, ERROR_NOT_FOUND, "there is no channel %zu: it has %zu", number,
                         channels);
    *ret = (struct channel){ .nifti = nifti, .count = 1, .stride = skip ? channels : 1 };
    for (int axis = 0; axis < 3; axis++) {
        ret->size[axis] = nifti->dim[axis + skip];
        ret->count *= ret->size[axis];
    }
    ret->first = skip ? number : number * ret->count;
    return true;
}

#define EACH(value)                                                                        \
    for (size_t k = 0; k < count; k++, at += step)                                         \
        block[k] = (double)(value);                                                        \
    break

/* Stored values from `start` on, as doubles; returns how many there were to the end. */
static size_t decode(const struct channel *channel, size_t start, double block[BLOCK])
{
    const struct nifti *const nifti = channel->nifti;
    const size_t left = channel->count - start, count = left < BLOCK ? left : BLOCK;
    const size_t bytes = (size_t)nifti_type(nifti->datatype)->bytes;
    const size_t step = channel->stride * bytes;
    const unsigned char *at = nifti->voxels + channel->first * bytes + start * step;
    const bool swapped = nifti->swapped;

    switch ((enum nifti_datatype)nifti->datatype) {
    case NIFTI_UINT8:   EACH(*at);
    case NIFTI_INT8:    EACH((int8_t)*at);
    case NIFTI_UINT16:  EACH(nifti_get16(at, swapped));
    case NIFTI_INT16:   EACH((int16_t)nifti_get16(at, swapped));
    case NIFTI_UINT32:  EACH(nifti_get32(at, swapped));
    case NIFTI_INT32:   EACH((int32_t)nifti_get32(at, swapped));
    case NIFTI_UINT64:  EACH(nifti_get64(at, swapped));
    case NIFTI_INT64:   EACH((int64_t)nifti_get64(at, swapped));
    case NIFTI_FLOAT32: EACH(nifti_get_float(at, swapped));
    case NIFTI_FLOAT64: EACH(nifti_get_double(at, swapped));
    }
    return count;
}

static bool refuse(const struct channel *channel, size_t index, double value,
                   const char *reason, struct error *err)
{
    const size_t row = channel->size[0], slice = row * channel->size[1];

    return error_set(err, ERROR_DATA, "voxel (%zu, %zu, %zu) is %g: %s", index % row,
                     index % slice / row, index / slice, value, reason);
}

static bool take_voxels(const struct channel *channel, enum voxel_type type,
                        enum volume_unit unit, struct arena *arena, struct volume *ret,
                        struct error *err)
{
    *ret = (struct volume){ .type = type, .unit = unit, .slope = 1, .even = true };
    memcpy(ret->size, channel->size, sizeof ret->size);
    memcpy(ret->affine, channel->nifti->affine, sizeof ret->affine);
    ret->voxels = arena_take(arena, channel->count, voxel_size(type), err);
    return ret->voxels != NULL;
}

/* ---- images ---- */

static void find_range(const struct channel *channel, double *ret_low, double *ret_high)
{
    double block[BLOCK], low = INFINITY, high = -INFINITY;

    for (size_t start = 0, got; start < channel->count; start += got) {
        got = decode(channel, start, block);
        for (size_t k = 0; k < got; k++) {
            low = block[k] < low ? block[k] : low;
            high = block[k] > high ? block[k] : high;
        }
    }
    *ret_low = low;
    *ret_high = high;
}

/* The scaling stays beside the stored numbers: nothing is rounded. */
static void fill_int16(const struct channel *channel, struct volume *volume)
{
    double block[BLOCK];

    for (size_t start = 0, got; start < channel->count; start += got) {
        got = decode(channel, start, block);
        for (size_t k = 0; k < got; k++)
            volume->i16[start + k] = (int16_t)block[k];
    }
    volume->slope = channel->nifti->slope;
    volume->intercept = channel->nifti->intercept;
}

/* False, with its place and the value, at the first one that 32 bits do not hold. */
static bool fill_float32(const struct channel *channel, struct volume *volume,
                         size_t *ret_empty, struct error *err)
{
    const double slope = channel->nifti->slope, intercept = channel->nifti->intercept;
    double block[BLOCK];

    *ret_empty = 0;
    for (size_t start = 0, got; start < channel->count; start += got) {
        got = decode(channel, start, block);
        for (size_t k = 0; k < got; k++) {
            double value = block[k] * slope + intercept;

            if (isnan(value)) {
                ++*ret_empty;
                value = 0;
            }
            if (!(fabs(value) <= FLT_MAX))
                return refuse(channel, start + k, value, "beyond 32-bit floats", err);
            volume->f32[start + k] = (float)value;
        }
    }
    return true;
}

static bool read_image(const struct channel *channel, struct nifti *nifti,
                       struct arena *arena, struct volume *ret, struct error *err)
{
    const bool is_whole = nifti_type(nifti->datatype)->is_whole;
    double low = -INFINITY, high = INFINITY;
    size_t empty;

    if (is_whole)
        find_range(channel, &low, &high);
    if (low >= INT16_MIN && high <= INT16_MAX) {
        if (!take_voxels(channel, VOXEL_INT16, UNIT_ARBITRARY, arena, ret, err))
            return false;
        fill_int16(channel, ret);
        return true;
    }
    if (!take_voxels(channel, VOXEL_FLOAT32, UNIT_ARBITRARY, arena, ret, err) ||
        !fill_float32(channel, ret, &empty, err))
        return false;
    if (empty > 0)
        nifti_note(nifti, "%zu voxels are not numbers: taken as 0", empty);
    if (is_whole && (low < -0x1p24 || high > 0x1p24) && nifti->slope == 1)
        nifti_note(nifti, "voxels beyond 16777216 were rounded to 32-bit floats");
    return true;
}

bool nifti_read_image(struct nifti *nifti, enum nifti_order order, size_t number,
                      struct arena *arena, struct volume *ret_volume, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct channel channel;
    struct volume volume;

    if (!find_channel(nifti, order, number, &channel, err))
        return false;
    if (!read_image(&channel, nifti, arena, &volume, err)) {
        arena_rewind(arena, mark);
        return false;
    }
    *ret_volume = volume;
    return true;
}

/* ---- labels ---- */

static bool is_scaled(const struct nifti *nifti)
{
    return nifti->slope != 1 || nifti->intercept != 0;
}

/*
 * The whole number that a stored one stands for; false when it is none. A scaled file may
 * miss it by its step, and by what the 32 bits of its slope round.
 */
static bool to_label(const struct nifti *nifti, double stored, double *ret_label)
{
    const double value = stored * nifti->slope + nifti->intercept;

    if (!(value > -0.5 && value < LABEL_MOST + 0.5))
        return false;
    *ret_label = (double)(uint32_t)(value + 0.5);
    if (!is_scaled(nifti))
        return value == *ret_label;
    return fabs(value - *ret_label) <= fmin(fabs(nifti->slope), 1e-4) + 1e-6 * value;
}

static bool check_labels(const struct channel *channel, double *ret_most, struct error *err)
{
    const struct nifti *const nifti = channel->nifti;
    double block[BLOCK], label = 0, low;

    if (nifti_type(nifti->datatype)->is_whole && !is_scaled(nifti)) {
        find_range(channel, &low, ret_most);
        if (low >= 0 && *ret_most <= LABEL_MOST)
            return true;                /* or the first wrong one is looked for */
    }
    *ret_most = 0;
    for (size_t start = 0, got; start < channel->count; start += got) {
        got = decode(channel, start, block);
        for (size_t k = 0; k < got; k++) {
            if (!to_label(nifti, block[k], &label))
                return refuse(channel, start + k, block[k] * nifti->slope + nifti->intercept,
                              "labels are whole numbers from 0 to 65535", err);
            *ret_most = label > *ret_most ? label : *ret_most;
        }
    }
    return true;
}

/* Of labels that were checked. */
static void fill_labels(const struct channel *channel, struct volume *volume)
{
    double block[BLOCK];

    for (size_t start = 0, got; start < channel->count; start += got) {
        got = decode(channel, start, block);
        for (size_t k = 0; k < got && is_scaled(channel->nifti); k++)
            to_label(channel->nifti, block[k], &block[k]);
        for (size_t k = 0; k < got && volume->type == VOXEL_UINT8; k++)
            volume->u8[start + k] = (uint8_t)block[k];
        for (size_t k = 0; k < got && volume->type == VOXEL_UINT32; k++)
            volume->u32[start + k] = (uint32_t)block[k];
    }
}

bool nifti_read_labels(struct nifti *nifti, enum nifti_order order, size_t number,
                       struct arena *arena, struct volume *ret_volume, struct error *err)
{
    struct channel channel;
    struct volume volume;
    double most;

    if (!find_channel(nifti, order, number, &channel, err) ||
        !check_labels(&channel, &most, err) ||
        !take_voxels(&channel, most <= UINT8_MAX ? VOXEL_UINT8 : VOXEL_UINT32, UNIT_NONE,
                     arena, &volume, err))
        return false;
    fill_labels(&channel, &volume);
    *ret_volume = volume;
    return true;
}
