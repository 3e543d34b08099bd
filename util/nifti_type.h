/* NIfTI's own: datatypes and numbers in either byte order, shared by the files of nifti. */
#ifndef TUMORD_UTIL_NIFTI_TYPE_H
#define TUMORD_UTIL_NIFTI_TYPE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct nifti;

enum nifti_datatype {
    NIFTI_UINT8 = 2,
    NIFTI_INT16 = 4,
    NIFTI_INT32 = 8,
    NIFTI_FLOAT32 = 16,
    NIFTI_FLOAT64 = 64,
    NIFTI_INT8 = 256,
    NIFTI_UINT16 = 512,
    NIFTI_UINT32 = 768,
    NIFTI_INT64 = 1024,
    NIFTI_UINT64 = 1280
};

struct nifti_type {
    int code, bytes;                    /* 0 bytes: it is not read */
    bool is_whole;
    const char *name;
};

/* NULL when the format has no such code. */
const struct nifti_type *nifti_type(int code);

/* Adds a note, unless it is there or there is no room. */
void nifti_note(struct nifti *nifti, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline uint16_t nifti_get16(const unsigned char *at, bool swapped)
{
    uint16_t value;

    memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t nifti_get32(const unsigned char *at, bool swapped)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
}

static inline uint64_t nifti_get64(const unsigned char *at, bool swapped)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return swapped ? __builtin_bswap64(value) : value;
}

static inline float nifti_get_float(const unsigned char *at, bool swapped)
{
    const uint32_t bits = nifti_get32(at, swapped);
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double nifti_get_double(const unsigned char *at, bool swapped)
{
    const uint64_t bits = nifti_get64(at, swapped);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
