/* Fixed: each step as the hardware takes it. */
#include "analysis/fixed.h"

#include <math.h>
#include <string.h>

#include "analysis/otsu.h"

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

/* The real numbers are the table's alone: the chip is given it. 4 (x - c) / w >= ln of the odds. */
void fixed_sigmoid_table(const struct fixed_window *window, int32_t *ret_least)
{
    const int32_t top = (1 << window->bits) - 1;
    const int32_t width = window->width16 < 1 ? 1 : window->width16;

    ret_least[0] = -FIXED_LEAST_MAX;
    for (int32_t grey = 1; grey <= top; grey++) {
        const long double odds = (2 * grey - 1) / (long double)(2 * top + 1 - 2 * grey);
        const long double least = ceill(width * logl(odds) / 4);
        ret_least[grey] = least > FIXED_LEAST_MAX ? FIXED_LEAST_MAX
            : least < -FIXED_LEAST_MAX ? -FIXED_LEAST_MAX : (int32_t)least;
    }
}

static uint16_t search(const int32_t *least, int32_t distance, int bits)
{
    uint16_t grey = 0;

    for (int bit = bits - 1; bit >= 0; bit--)
        if (distance >= least[grey | 1u << bit])
            grey |= (uint16_t)(1u << bit);
    return grey;
}

uint16_t fixed_window(const struct fixed_window *window, int32_t value16)
{
    if (window->function == FIXED_SIGMOID)
        return search(window->least, value16 - window->center16, window->bits);

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
    const bool twice = element == FIXED_SQUARE5 || element == FIXED_RHOMBUS5;
    const enum fixed_element one = element == FIXED_CROSS || element == FIXED_RHOMBUS5
        ? FIXED_CROSS : FIXED_SQUARE;
    const bool dilates[3] = { false, true, false };
    const bool wanted[3] = { operation == FIXED_ERODE || operation == FIXED_OPEN,
                             operation == FIXED_DILATE || operation >= FIXED_OPEN,
                             operation == FIXED_CLOSE };

    memmove(to, from, columns * rows);
    for (int step = 0; step < 3; step++)
        for (int time = 0; wanted[step] && time < 1 + twice; time++)
            morph(dilates[step], one, to, spare, columns, rows);
}

static void widen(const uint32_t histogram[FIXED_BINS], uint64_t ret_bins[FIXED_BINS])
{
    for (int bin = 0; bin < FIXED_BINS; bin++)
        ret_bins[bin] = histogram[bin];
}

bool fixed_otsu(const uint32_t histogram[FIXED_BINS], int *ret_threshold)
{
    uint64_t bins[FIXED_BINS];

    widen(histogram, bins);
    return otsu2_bins(bins, FIXED_BINS, ret_threshold);
}

bool fixed_otsu3(const uint32_t histogram[FIXED_BINS], int ret_threshold[2])
{
    uint64_t bins[FIXED_BINS];

    widen(histogram, bins);
    return otsu3_of_64(bins, ret_threshold);
}

struct fixed_otsu fixed_otsu_of(const uint32_t histogram[FIXED_BINS])
{
    struct fixed_otsu otsu = { 0 };

    otsu.found2 = fixed_otsu(histogram, &otsu.two);
    otsu.found3 = fixed_otsu3(histogram, otsu.three);
    return otsu;
}

/* The largest grey of a bin. */
static int32_t end_of(int bin, int bits)
{
    return ((bin + 1) << (bits - 8)) - 1;
}

struct fixed_threshold fixed_choose(enum fixed_choice choice, int32_t low, int32_t high,
                                    const struct fixed_otsu *otsu, int bits)
{
    static const struct fixed_threshold nothing = { .rule = FIXED_BAND, .low = 1, .high = 0 };

    if (choice == FIXED_CHOOSE_OTSU)
        return !otsu->found2 ? nothing : (struct fixed_threshold){
            .rule = FIXED_ABOVE, .low = end_of(otsu->two, bits) };
    if (choice == FIXED_CHOOSE_UPPER)
        return !otsu->found3 ? nothing : (struct fixed_threshold){
            .rule = FIXED_ABOVE, .low = end_of(otsu->three[1], bits) };
    if (choice == FIXED_CHOOSE_MIDDLE)
        return !otsu->found3 ? nothing : (struct fixed_threshold){ .rule = FIXED_BAND,
            .low = end_of(otsu->three[0], bits) + 1, .high = end_of(otsu->three[1], bits) };
    return (struct fixed_threshold){ .low = low, .high = high,
        .rule = choice == FIXED_CHOOSE_BAND ? FIXED_BAND : FIXED_ABOVE };
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
