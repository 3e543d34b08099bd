/* Bits: 64 bytes at a time become the bits of a word, the first the lowest. */
#ifndef TUMORD_ANALYSIS_BITS_H
#define TUMORD_ANALYSIS_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Which of eight bytes equal `value`: the plain form, by arithmetic on all eight. */
static inline uint64_t bits_equal_8(const uint8_t *bytes, uint8_t value)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7fULL;
    uint64_t x;

    memcpy(&x, bytes, sizeof x);
    x ^= value * 0x0101010101010101ULL;
    x = ~(((x & low) + low) | x | low) >> 7;        /* 1 in each byte that is 0 */
    return x * 0x0102040810204080ULL >> 56;
}

static inline uint64_t bits_equal_64(const uint8_t *bytes, uint8_t value)
{
    uint64_t bits = 0;

#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi8((char)value);
    for (int n = 0; n < 4; n++) {
        const __m128i some = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * n));
        const int equal = _mm_movemask_epi8(_mm_cmpeq_epi8(some, wanted));
        bits |= (uint64_t)(unsigned)equal << 16 * n;
    }
#else
    for (int n = 0; n < 8; n++)
        bits |= bits_equal_8(bytes + 8 * n, value) << 8 * n;
#endif
    return bits;
}

/* Of `count` bytes, at most 64; the bits above are 0. */
static inline uint64_t bits_equal(const uint8_t *bytes, size_t count, uint8_t value)
{
    uint64_t bits = 0;

    if (count == 64)
        return bits_equal_64(bytes, value);
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        bits |= bits_equal_8(bytes + i, value) << i;
    for (; i < count; i++)
        bits |= (uint64_t)(bytes[i] == value) << i;
    return bits;
}

#endif
