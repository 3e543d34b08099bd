/* Fixed: each step as the hardware takes it. */
#include "analysis/fixed.h"

#include <string.h>

#define SIXTEENTHS 16
#define SHIFT 12                /* from 65536ths to sixteenths */

static int32_t extend(uint16_t stored, int bits, bool is_signed)
{
    const int32_t value = stored & ((1 << bits) - 1);

    return is_signed && value >> (bits - 1) ? value - (1 << bits) : value;
}

/* Rounded down, for negative values too (a right shift of those is the compiler's choice). */
static int64_t shift_down(int64_t value, int bits)
{
    return value >= 0 ? value >> bits : -((-value + ((int64_t)1 << bits) - 1) >> bits);
}

int32_t fixed_rescale(const struct fixed_rescale *rescale, uint16_t stored, bool *ret_pad)
{
    const int32_t value = extend(stored, rescale->bits, rescale->is_signed);
    const int64_t exact = (int64_t)value * rescale->slope + rescale->intercept;
    const int64_t rounded = shift_down(exact + (1 << (SHIFT - 1)), SHIFT);

    *ret_pad = rescale->padding && value >= rescale->pad_low && value <= rescale->pad_high;
    return rounded > FIXED_DATA_MAX ? FIXED_DATA_MAX
        : rounded < FIXED_DATA_MIN ? FIXED_DATA_MIN : (int32_t)rounded;
}

/* numerator / divisor, which is at most `bits` bits long. */
static uint16_t divide(int64_t numerator, int64_t divisor, int bits)
{
    uint16_t quotient = 0;

    for (int bit = bits - 1; bit >= 0; bit--)
        if (numerator >= divisor << bit) {
            numerator -= divisor << bit;
            quotient |= (uint16_t)(1u << bit);
        }
    return quotient;
}

uint16_t fixed_window(const struct fixed_window *window, int32_t value16)
{
    const bool exact = window->function == FIXED_LINEAR_EXACT;
    const int32_t least = exact ? 1 : SIXTEENTHS;
    const int32_t width = window->width16 < least ? least : window->width16;
    const int64_t span = exact ? width : width - SIXTEENTHS;
    const int64_t twice = 2 * ((int64_t)value16 - window->center16) + (exact ? 0 : SIXTEENTHS);
    const int64_t top = (1 << window->bits) - 1;

    if (twice <= -span)
        return 0;
    if (twice > span)
        return (uint16_t)top;
    return divide((twice + span) * top + span, 2 * span, window->bits);
}

bool fixed_threshold(const struct fixed_threshold *threshold, int32_t value, bool pad)
{
    if (pad)
        return false;
    if (threshold->rule == FIXED_BAND)
        return value >= threshold->low && value <= threshold->high;
    return value > threshold->low;
}

static uint8_t combine(bool dilate, uint8_t a, uint8_t b)
{
    return dilate ? a | b : a & b;
}

/* One line, from the line above, itself and the one below; what is outside is the line itself. */
static void morph_line(bool dilate, enum fixed_element element, const uint8_t *above,
                       const uint8_t *line, const uint8_t *below, uint8_t *to, size_t columns)
{
    const uint8_t neutral = !dilate;

    for (size_t i = 0; i < columns; i++) {
        uint8_t result = combine(dilate, combine(dilate, above[i], below[i]), line[i]);
        for (int side = -1; side <= 1; side += 2) {
            const bool inside = side < 0 ? i > 0 : i + 1 < columns;
            const size_t at = inside ? i + (size_t)side : i;
            uint8_t beside = inside ? line[at] : neutral;
            if (inside && element == FIXED_SQUARE)
                beside = combine(dilate, beside, combine(dilate, above[at], below[at]));
            result = combine(dilate, result, beside);
        }
        to[i] = result;
    }
}

/* In place: `spare` keeps the lines that were written over, as the chip's line buffers do. */
static void morph(bool dilate, enum fixed_element element, uint8_t *slice, uint8_t *spare,
                  size_t columns, size_t rows)
{
    uint8_t *above = spare, *line = spare + columns, *const result = spare + 2 * columns;

    memcpy(above, slice, columns);
    for (size_t j = 0; j < rows; j++) {
        uint8_t *const at = slice + j * columns;
        memcpy(line, at, columns);
        morph_line(dilate, element, above, line, j + 1 < rows ? at + columns : line, result,
                   columns);
        memcpy(at, result, columns);
        uint8_t *const free_line = above;
        above = line;
        line = free_line;
    }
}

void fixed_morphology(enum fixed_operation operation, enum fixed_element element,
                      const uint8_t *from, uint8_t *to, uint8_t *spare,
                      size_t columns, size_t rows)
{
    memmove(to, from, columns * rows);
    if (operation == FIXED_ERODE || operation == FIXED_OPEN)
        morph(false, element, to, spare, columns, rows);
    if (operation == FIXED_DILATE || operation == FIXED_CLOSE || operation == FIXED_OPEN)
        morph(true, element, to, spare, columns, rows);
    if (operation == FIXED_CLOSE)
        morph(false, element, to, spare, columns, rows);
}

/* A variance between classes, n voxels with the sum s below: (N s - n S)² / (n (N - n)). */
struct fraction {
    unsigned __int128 whole;
    uint64_t rest, divisor;
};

static struct fraction between(uint64_t total, uint64_t sum, uint64_t below, uint64_t sum_below)
{
    const int64_t spread = (int64_t)(total * sum_below) - (int64_t)(below * sum);
    const unsigned __int128 squared = (unsigned __int128)((__int128)spread * spread);
    const uint64_t divisor = below * (total - below);

    return (struct fraction){ squared / divisor, (uint64_t)(squared % divisor), divisor };
}

/* The rests are below their divisors, and those below 2^39: the products are exact. */
static bool is_larger(const struct fraction *one, const struct fraction *other)
{
    if (one->whole != other->whole)
        return one->whole > other->whole;
    return (unsigned __int128)one->rest * other->divisor
        > (unsigned __int128)other->rest * one->divisor;
}

bool fixed_otsu(const uint32_t histogram[FIXED_BINS], int *ret_threshold)
{
    struct fraction best = { 0, 0, 1 };
    uint64_t total = 0, sum = 0, below = 0, sum_below = 0;
    bool found = false;

    for (uint64_t bin = 0; bin < FIXED_BINS; bin++) {
        total += histogram[bin];
        sum += histogram[bin] * bin;
    }
    for (uint64_t bin = 0; bin < FIXED_BINS; bin++) {
        below += histogram[bin];
        sum_below += histogram[bin] * bin;
        if (below == 0 || below == total)
            continue;
        const struct fraction here = between(total, sum, below, sum_below);
        if (is_larger(&here, &best)) {
            best = here;
            *ret_threshold = (int)bin;
            found = true;
        }
    }
    return found;
}

struct fixed_statistics fixed_statistics(const struct fixed_threshold *threshold,
                                         const int32_t *value, const uint8_t *pad,
                                         size_t columns, size_t rows)
{
    struct fixed_statistics sums = { .low = { SIZE_MAX, SIZE_MAX } };

    for (size_t at = 0; at < columns * rows; at++) {
        const size_t place[2] = { at % columns, at / columns };
        if (!fixed_threshold(threshold, value[at], pad[at] != 0))
            continue;
        sums.area++;
        sums.sum += (uint64_t)value[at];
        sums.squares += (uint64_t)value[at] * (uint64_t)value[at];
        for (int axis = 0; axis < 2; axis++) {
            sums.low[axis] = place[axis] < sums.low[axis] ? place[axis] : sums.low[axis];
            sums.high[axis] = place[axis] > sums.high[axis] ? place[axis] : sums.high[axis];
        }
    }
    return sums;
}
