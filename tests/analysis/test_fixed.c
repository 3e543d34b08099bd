/* The twin of hw/ against what it stands for: the C path, PS3.3 and plain definitions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"
#include "analysis/fixed.h"
#include "analysis/mask.h"
#include "analysis/otsu.h"
#include "analysis/voi.h"
#include "analysis/window.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static uint32_t state = 5;

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* ---- rescale: in long double, which holds the products exactly ---- */

static int32_t plain_rescale(const struct fixed_rescale *rescale, int value)
{
    const long double exact = (long double)value * rescale->slope / FIXED_ONE
        + (long double)rescale->intercept / FIXED_ONE;
    const long double rounded = floorl(exact * 16 + 0.5L);

    return rounded > FIXED_DATA_MAX ? FIXED_DATA_MAX
        : rounded < FIXED_DATA_MIN ? FIXED_DATA_MIN : (int32_t)rounded;
}

static void rescale_is_the_rounded_line_for_all_stored_values(void)
{
    static const int32_t lines[][2] = { { FIXED_ONE, -1024 * FIXED_ONE }, { 1, 0 }, { -3, 7 },
        { INT32_MAX, INT32_MIN }, { INT32_MIN, INT32_MAX }, { 65535, -2047 }, { 2048, 2048 } };
    int wrong = 0, pads = 0;

    for (size_t n = 0; n < sizeof lines / sizeof *lines; n++)
        for (int stored = 0; stored < 65536; stored++) {
            const struct fixed_rescale rescale = { .is_signed = n % 2, .bits = 16,
                .slope = lines[n][0], .intercept = lines[n][1], .padding = n == 1,
                .pad_low = -2000, .pad_high = -1990 };
            const int value = n % 2 ? (int16_t)stored : stored;
            bool pad;
            wrong += fixed_rescale(&rescale, (uint16_t)stored, &pad)
                != plain_rescale(&rescale, value);
            pads += pad;
        }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(pads, 11);
}

static void rescale_looks_only_at_the_bits_stored(void)
{
    const struct fixed_rescale plain = { .bits = 12, .slope = FIXED_ONE };
    const struct fixed_rescale with_sign = { .is_signed = true, .bits = 12, .slope = FIXED_ONE };
    bool pad;

    CU_ASSERT_EQUAL(fixed_rescale(&plain, 0xf800, &pad), 0x800 * 16);
    CU_ASSERT_EQUAL(fixed_rescale(&with_sign, 0xf800, &pad), -0x800 * 16);
    CU_ASSERT_EQUAL(fixed_rescale(&with_sign, 0x17ff, &pad), 0x7ff * 16);
    CU_ASSERT_FALSE(pad);
}

/* ---- window ---- */

static const double windows[][2] = { { 40, 400 }, { 2048, 4096 }, { 0, 100 }, { 0, 1 },
    { 40.5, 2 }, { -600, 1500 }, { 0.0625, 33.5 }, { 30000, 65535 }, { -17.25, 1.0625 } };
#define WINDOWS (sizeof windows / sizeof *windows)

static void window_equals_that_of_the_captures(void)
{
    int wrong = 0;

    for (size_t n = 0; n < WINDOWS; n++) {
        const struct window window = window_make(windows[n][0], windows[n][1]);
        const struct fixed_window fixed = { .function = FIXED_LINEAR, .bits = 8,
            .center16 = (int32_t)window.center16, .width16 = (int32_t)window.width16 };
        for (int value16 = -40000 * 16; value16 <= 40000 * 16; value16 += n < 4 ? 1 : 7)
            wrong += fixed_window(&fixed, value16) != window_value16(window, value16);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    const struct fixed_window narrow = { .function = FIXED_LINEAR, .bits = 8, .width16 = 3 };
    CU_ASSERT_EQUAL(fixed_window(&narrow, -8), window_value16(window_make(0, 0.2), -8));
    CU_ASSERT_EQUAL(fixed_window(&narrow, -7), 255);
}

/* PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2, rounded half up. */
static int standard_window(enum fixed_function function, int top, long double x,
                           long double center, long double width)
{
    if (function == FIXED_LINEAR) {
        center -= 0.5L;
        width -= 1;
    }
    if (x <= center - width / 2)
        return 0;
    if (x > center + width / 2)
        return top;
    /* ((x - c) / w + 1/2) · top: one division, and it last, cannot reach another half */
    return (int)floorl((x - center) * top / width + top / 2.0L + 0.5L);
}

static void window_is_the_standards_in_both_functions_and_depths(void)
{
    int wrong = 0;

    for (unsigned n = 0; n < WINDOWS * 4; n++) {
        const double *const window = windows[n / 4];
        const struct fixed_window fixed = { .function = (enum fixed_function)(n % 2),
            .bits = n / 2 % 2 ? 12 : 8, .center16 = (int32_t)(window[0] * 16),
            .width16 = (int32_t)(window[1] * 16) };
        const int top = (1 << fixed.bits) - 1;
        for (int i = 0; i < 40000; i++) {
            const int32_t reach = 2 * fixed.width16 + 50;
            const int32_t x = fixed.center16 - reach + (int32_t)(chance() % (2u * (unsigned)reach));
            wrong += fixed_window(&fixed, x)
                != standard_window(fixed.function, top, x / 16.0L, window[0], window[1]);
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* All sixteenths where the byte changes, and far beyond; voi.h decides by the real numbers. */
static void sigmoid_by_the_table_is_that_of_the_captures(void)
{
    static int32_t least[FIXED_GREYS_MAX];
    int wrong = 0, seen = 0;

    for (size_t n = 0; n < WINDOWS; n++) {
        const struct voi voi = { VOI_SIGMOID, windows[n][0], windows[n][1] };
        const struct fixed_window fixed = { .function = FIXED_SIGMOID, .bits = 8, .least = least,
            .center16 = (int32_t)(windows[n][0] * 16), .width16 = (int32_t)(windows[n][1] * 16) };
        fixed_sigmoid_table(&fixed, least);
        const int32_t reach = 2 * fixed.width16 + 40, step = 1 + reach / 40000;
        for (int32_t at = -reach; at <= reach; at += step, seen++)
            wrong += fixed_window(&fixed, fixed.center16 + at)
                != voi_value(&voi, (fixed.center16 + at) / 16.0);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(seen > 100000);
}

static void sigmoid_of_12_bits_is_the_standards(void)
{
    static int32_t least[FIXED_GREYS_MAX];
    int wrong = 0;

    for (size_t n = 0; n < WINDOWS; n++) {
        const struct fixed_window fixed = { .function = FIXED_SIGMOID, .bits = 12, .least = least,
            .center16 = (int32_t)(windows[n][0] * 16), .width16 = (int32_t)(windows[n][1] * 16) };
        fixed_sigmoid_table(&fixed, least);
        for (int i = 0; i < 20000; i++) {
            const int32_t reach = 3 * fixed.width16 + 50;
            const int32_t away = (int32_t)(chance() % (2u * (unsigned)reach)) - reach;
            const long double curve = 4095 / (1 + expl(-4.0L * away / fixed.width16));
            wrong += fixed_window(&fixed, fixed.center16 + away) != (int)floorl(curve + 0.5L);
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void sigmoid_of_the_ends_of_the_register_stays_in_its_table(void)
{
    static int32_t least[FIXED_GREYS_MAX];
    const struct fixed_window widest = { .function = FIXED_SIGMOID, .bits = 12, .least = least,
                                         .center16 = FIXED_DATA_MIN, .width16 = FIXED_WIDTH_MAX };
    const struct fixed_window none = { .function = FIXED_SIGMOID, .bits = 8, .least = least };

    fixed_sigmoid_table(&widest, least);
    CU_ASSERT(least[4095] <= FIXED_LEAST_MAX && least[1] >= -FIXED_LEAST_MAX);
    CU_ASSERT_EQUAL(fixed_window(&widest, FIXED_DATA_MIN), 2048);
    CU_ASSERT(fixed_window(&widest, FIXED_DATA_MAX) < 4095);
    fixed_sigmoid_table(&none, least);         /* a width of 0 is one of 1/16 */
    CU_ASSERT_EQUAL(fixed_window(&none, -2), 0);
    CU_ASSERT_EQUAL(fixed_window(&none, 0), 128);
    CU_ASSERT_EQUAL(fixed_window(&none, 2), 255);
}

static void threshold_excludes_its_low_and_a_band_includes_it(void)
{
    const struct fixed_threshold above = { .rule = FIXED_ABOVE, .low = 7, .high = -1 };
    const struct fixed_threshold band = { .rule = FIXED_BAND, .low = -7, .high = 9 };

    CU_ASSERT_FALSE(fixed_threshold(&above, 7, false));
    CU_ASSERT(fixed_threshold(&above, 8, false));
    CU_ASSERT_FALSE(fixed_threshold(&above, 8, true));
    CU_ASSERT(fixed_threshold(&band, -7, false) && fixed_threshold(&band, 9, false));
    CU_ASSERT_FALSE(fixed_threshold(&band, -8, false) || fixed_threshold(&band, 10, false));
    CU_ASSERT_FALSE(fixed_threshold(&band, 0, true));
}

/* ---- morphology: every neighbour looked up by its definition ---- */

#define LONGEST 40
#define MOST (LONGEST * LONGEST)

static bool in_element(enum fixed_element element, int i, int j)
{
    const int away = abs(i) + abs(j), most = abs(i) > abs(j) ? abs(i) : abs(j);

    switch (element) {
    case FIXED_SQUARE: return most <= 1;
    case FIXED_CROSS: return away <= 1;
    case FIXED_SQUARE5: return most <= 2;
    default: return away <= 2;
    }
}

static void plain_morph(bool dilate, enum fixed_element element, const uint8_t *from,
                        uint8_t *to, int columns, int rows)
{
    for (int at = 0; at < columns * rows; at++) {
        int ones = 0, zeros = 0;
        for (int n = 0; n < 25; n++) {
            const int i = at % columns + n % 5 - 2, j = at / columns + n / 5 - 2;
            if (i < 0 || i >= columns || j < 0 || j >= rows
                || !in_element(element, n % 5 - 2, n / 5 - 2))
                continue;
            ones += from[j * columns + i];
            zeros += !from[j * columns + i];
        }
        to[at] = dilate ? ones > 0 : zeros == 0;
    }
}

static void compare_morphology(const uint8_t *mask, int columns, int rows)
{
    uint8_t got[MOST], wanted[MOST], between[MOST], spare[3 * LONGEST];
    const size_t count = (size_t)columns * (size_t)rows;

    for (int element = FIXED_SQUARE; element <= FIXED_RHOMBUS5; element++)
        for (int operation = FIXED_COPY; operation <= FIXED_CLOSE; operation++) {
            const bool two = operation >= FIXED_OPEN;
            const bool dilate = operation == FIXED_DILATE || operation == FIXED_CLOSE;
            memcpy(wanted, mask, count);
            if (operation != FIXED_COPY)
                plain_morph(dilate, (enum fixed_element)element, mask, wanted, columns, rows);
            memcpy(between, wanted, count);
            if (two)
                plain_morph(!dilate, (enum fixed_element)element, between, wanted, columns, rows);
            fixed_morphology((enum fixed_operation)operation, (enum fixed_element)element, mask,
                             got, spare, (size_t)columns, (size_t)rows);
            CU_ASSERT_EQUAL(memcmp(got, wanted, count), 0);
        }
}

static void morphology_follows_its_definition_in_all_shapes(void)
{
    static const int shapes[][2] = { { 1, 1 }, { 1, 9 }, { 9, 1 }, { 2, 2 }, { 3, 3 },
                                     { 17, 5 }, { 40, 40 } };
    uint8_t mask[MOST];

    for (size_t n = 0; n < sizeof shapes / sizeof *shapes; n++)
        for (unsigned density = 0; density <= 100; density += 20) {
            for (int at = 0; at < MOST; at++)
                mask[at] = chance() % 100 < density;
            compare_morphology(mask, shapes[n][0], shapes[n][1]);
        }
}

static void morphology_by_the_cross_is_that_of_the_analysis(void)
{
    static const size_t size[3] = { LONGEST, LONGEST, 1 };
    uint8_t mask[MOST], got[MOST], wanted[MOST], spare[3 * LONGEST];

    for (int at = 0; at < MOST; at++)
        mask[at] = chance() % 100 < 60;
    mask_erode(mask, wanted, size, 1);
    fixed_morphology(FIXED_ERODE, FIXED_CROSS, mask, got, spare, LONGEST, LONGEST);
    CU_ASSERT_EQUAL(memcmp(got, wanted, MOST), 0);
    mask_dilate(mask, wanted, size, 1);
    fixed_morphology(FIXED_DILATE, FIXED_CROSS, mask, got, spare, LONGEST, LONGEST);
    CU_ASSERT_EQUAL(memcmp(got, wanted, MOST), 0);
}

/* ---- Otsu: sums over the classes as they are defined, cross-multiplied ---- */

/* s0² n1 + s1² n0 over n0 n1: small histograms, so that the products are exact. */
static bool parts_more(const uint32_t *histogram, int one, int other)
{
    unsigned __int128 number[2], divisor[2];

    for (int n = 0; n < 2; n++) {
        unsigned __int128 count[2] = { 0, 0 }, sum[2] = { 0, 0 };
        for (int bin = 0; bin < FIXED_BINS; bin++) {
            const int upper = bin > (n ? other : one);
            count[upper] += histogram[bin];
            sum[upper] += (unsigned __int128)histogram[bin] * (unsigned)bin;
        }
        if (count[0] == 0 || count[1] == 0)
            return n == 1;
        number[n] = sum[0] * sum[0] * count[1] + sum[1] * sum[1] * count[0];
        divisor[n] = count[0] * count[1];
    }
    return number[0] * divisor[1] > number[1] * divisor[0];
}

static void otsu_is_exact_and_the_lowest_wins_a_tie(void)
{
    for (int round = 0; round < 200; round++) {
        uint32_t histogram[FIXED_BINS] = { 0 };
        const uint32_t levels = 2 + chance() % 60;
        int got = -1, best = -1;
        for (uint32_t n = 0; n < levels; n++)
            histogram[round % 2 ? n * 4 : chance() % FIXED_BINS] += 1 + (round % 4 ? 0 : chance() % 50);
        const bool found = fixed_otsu(histogram, &got);
        for (int bin = 0; bin < FIXED_BINS - 1; bin++)
            if (parts_more(histogram, bin, best))
                best = bin;
        CU_ASSERT_EQUAL(found, best >= 0);
        CU_ASSERT_EQUAL(got, best);
    }
}

static void otsu_of_a_large_slice_is_that_of_the_analysis(void)
{
    for (int round = 0; round < 20; round++) {
        uint32_t histogram[FIXED_BINS];
        uint64_t same[OTSU_BINS];
        int exact = -1, rounded = -2;
        for (int bin = 0; bin < FIXED_BINS; bin++) {
            histogram[bin] = chance() % 3000 + (bin > 60 + round && bin < 90 ? 1000 : 0);
            same[bin] = histogram[bin];
        }
        CU_ASSERT(fixed_otsu(histogram, &exact) && otsu2(same, &rounded));
        CU_ASSERT_EQUAL(exact, rounded);
    }
    const uint32_t corners[FIXED_BINS] = { [0] = FIXED_VOXELS_MAX / 2, [255] = FIXED_VOXELS_MAX / 2 };
    const uint32_t one[FIXED_BINS] = { [7] = 5 };
    int threshold = -1;
    CU_ASSERT(fixed_otsu(corners, &threshold));
    CU_ASSERT_EQUAL(threshold, 0);
    CU_ASSERT_FALSE(fixed_otsu(one, &threshold));
}

/* Σ s² / n over the three classes, over one divisor: small histograms, so that it is exact. */
static void plain_parting(const uint64_t *histogram, int bins, const int threshold[2],
                          unsigned __int128 ret[2])
{
    unsigned __int128 n[3] = { 0 }, s[3] = { 0 };

    for (int bin = 0; bin < bins; bin++) {
        const int class = (bin > threshold[0]) + (bin > threshold[1]);
        n[class] += histogram[bin];
        s[class] += (unsigned __int128)histogram[bin] * (unsigned)bin;
    }
    ret[0] = s[0] * s[0] * n[1] * n[2] + s[1] * s[1] * n[0] * n[2] + s[2] * s[2] * n[0] * n[1];
    ret[1] = n[0] * n[1] * n[2];
}

static bool plain_otsu3(const uint64_t *histogram, int bins, int ret_threshold[2])
{
    unsigned __int128 best[2] = { 0, 1 }, here[2];
    bool found = false;

    for (int low = 0; low < bins; low++)
        for (int high = low + 1; high < bins; high++) {
            const int threshold[2] = { low, high };
            plain_parting(histogram, bins, threshold, here);
            if (here[1] == 0 || (found && here[0] * best[1] <= best[0] * here[1]))
                continue;
            memcpy(best, here, sizeof best);
            memcpy(ret_threshold, threshold, sizeof threshold);
            found = true;
        }
    return found;
}

static void otsu_of_three_classes_is_exact_and_the_lowest_pair_wins_a_tie(void)
{
    int wrong = 0, without = 0;

    for (int round = 0; round < 300; round++) {
        uint64_t bins[64] = { 0 }, many[64];
        uint32_t histogram[FIXED_BINS] = { 0 };
        int best[2] = { -1, -1 }, got[2] = { -1, -1 }, scaled[2] = { -1, -1 };
        const uint32_t levels = chance() % 12;
        for (uint32_t n = 0; n < levels; n++)       /* equal heaps at equal distances tie */
            bins[round % 2 ? n * 5 : chance() % 64] += 1 + (round % 4 ? 0 : chance() % 20);
        for (int bin = 0; bin < 64; bin++) {
            histogram[4 * bin + (int)(chance() % 4)] = (uint32_t)bins[bin];
            many[bin] = bins[bin] << 31;
        }
        const bool found = plain_otsu3(bins, 64, best);
        wrong += fixed_otsu3(histogram, got) != found || otsu3_bins(many, 64, scaled) != found;
        without += !found;
        if (found)
            wrong += got[0] != 4 * best[0] + 3 || got[1] != 4 * best[1] + 3
                || memcmp(scaled, best, sizeof best) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(without > 10);
}

static void otsu_of_three_classes_is_that_of_the_analysis_where_nothing_ties(void)
{
    for (int round = 0; round < 5; round++) {
        uint64_t bins[OTSU_BINS];
        int exact[2] = { -1, -1 }, rounded[2] = { -2, -2 };
        for (int bin = 0; bin < OTSU_BINS; bin++)
            bins[bin] = chance() % 3000 + (bin % 90 > 60 + round ? 2000 : 0);
        CU_ASSERT(otsu3_bins(bins, OTSU_BINS, exact) && otsu3(bins, rounded));
        CU_ASSERT(exact[0] == rounded[0] && exact[1] == rounded[1]);
    }
}

static void choice_follows_the_otsu_or_chooses_nothing(void)
{
    uint32_t histogram[FIXED_BINS] = { [10] = 50, [100] = 40, [200] = 30 };
    struct fixed_otsu otsu = fixed_otsu_of(histogram);

    CU_ASSERT(otsu.found2 && otsu.found3);
    struct fixed_threshold upper = fixed_choose(FIXED_CHOOSE_UPPER, 0, 0, &otsu, 8);
    struct fixed_threshold middle = fixed_choose(FIXED_CHOOSE_MIDDLE, 0, 0, &otsu, 12);
    struct fixed_threshold above = fixed_choose(FIXED_CHOOSE_OTSU, 0, 0, &otsu, 12);
    CU_ASSERT(fixed_threshold(&upper, 200, false) && !fixed_threshold(&upper, 100, false));
    CU_ASSERT(fixed_threshold(&middle, 100 * 16, false) && !fixed_threshold(&middle, 200 * 16, false)
              && !fixed_threshold(&middle, 10 * 16 + 15, false));
    CU_ASSERT(above.rule == FIXED_ABOVE && above.low == otsu.two * 16 + 15);
    const struct fixed_threshold band = fixed_choose(FIXED_CHOOSE_BAND, 3, 5, &otsu, 8);
    CU_ASSERT(band.rule == FIXED_BAND && band.low == 3 && band.high == 5);

    histogram[100] = histogram[200] = 0;       /* one level: no classes */
    otsu = fixed_otsu_of(histogram);
    for (int choice = FIXED_CHOOSE_OTSU; choice <= FIXED_CHOOSE_UPPER; choice++) {
        const struct fixed_threshold none
            = fixed_choose((enum fixed_choice)choice, 0, 0, &otsu, 8);
        int chosen = 0;
        for (int32_t grey = 0; grey < 256; grey++)
            chosen += fixed_threshold(&none, grey, false);
        CU_ASSERT_EQUAL(chosen, 0);
    }
}

/* Columns 3 to 5 of rows 2 to 4 hold 7, its middle is padding, and one voxel is too bright. */
static void statistics_of_a_square_are_known(void)
{
    const struct fixed_threshold band = { .rule = FIXED_BAND, .low = 5, .high = 9 };
    int32_t value[8 * 6] = { [7] = 4095 };
    uint8_t pad[8 * 6] = { 0 };

    for (size_t j = 2; j < 5; j++)
        for (size_t i = 3; i < 6; i++)
            value[j * 8 + i] = 7;
    pad[3 * 8 + 4] = 1;
    const struct fixed_statistics sums = fixed_statistics(&band, value, pad, 8, 6);
    CU_ASSERT_EQUAL(sums.area, 8);
    CU_ASSERT_EQUAL(sums.sum, 56);
    CU_ASSERT_EQUAL(sums.squares, 8 * 49);
    CU_ASSERT(sums.low[0] == 3 && sums.high[0] == 5 && sums.low[1] == 2 && sums.high[1] == 4);
    const struct fixed_threshold none = { .rule = FIXED_ABOVE, .low = 4095 };
    CU_ASSERT_EQUAL(fixed_statistics(&none, value, pad, 8, 6).area, 0);
}

/* ---- components ---- */

/* What components_find() says of the slice is what the table says, in the same order. */
static void compare_components(uint8_t *mask, size_t columns, size_t rows,
                               enum fixed_neighbours neighbours)
{
    const size_t size[3] = { columns, rows, 1 };
    struct fixed_component part[FIXED_LABELS_MAX];
    uint8_t spare[LONGEST];
    struct components plain;
    struct error err;
    struct arena *const arena = arena_new((size_t)1 << 20, &err);
    const struct fixed_components found = fixed_components(neighbours, FIXED_LABELS_MAX, mask,
                                                           spare, columns, rows, part);
    int wrong = 0;

    CU_ASSERT_FATAL(arena != NULL && components_find(mask, size, 1, neighbours == FIXED_EIGHT
        ? CONNECTIVITY_26 : CONNECTIVITY_6, arena, &plain, &err));
    CU_ASSERT_EQUAL(found.lost, 0);
    CU_ASSERT_EQUAL_FATAL(found.count, plain.count);
    for (size_t n = 0; n < plain.count; n++)
        wrong += part[n].area != plain.component[n].voxels
            || memcmp(part[n].low, plain.component[n].low, sizeof part[n].low) != 0
            || memcmp(part[n].high, plain.component[n].high, sizeof part[n].high) != 0;
    CU_ASSERT_EQUAL(wrong, 0);
    arena_free(arena);
}

static void components_are_those_of_the_analysis_where_the_table_suffices(void)
{
    static const size_t shapes[][2] = { { 1, 1 }, { 1, 40 }, { 40, 1 }, { 2, 9 }, { 17, 5 },
                                        { 32, 16 } };
    uint8_t mask[MOST];

    for (size_t n = 0; n < sizeof shapes / sizeof *shapes; n++)
        for (unsigned density = 0; density <= 100; density += 10) {
            for (int at = 0; at < MOST; at++)
                mask[at] = chance() % 100 < density;
            compare_components(mask, shapes[n][0], shapes[n][1], FIXED_FOUR);
            compare_components(mask, shapes[n][0], shapes[n][1], FIXED_EIGHT);
        }
}

/* Of a checkerboard every black square is a component, or all of them are one. */
static void components_that_the_table_cannot_name_are_counted(void)
{
    uint8_t mask[20 * 20], spare[20];
    struct fixed_component part[FIXED_LABELS_MAX];

    for (size_t at = 0; at < sizeof mask; at++)
        mask[at] = (at % 20 + at / 20) % 2 == 0;
    struct fixed_components found = fixed_components(FIXED_FOUR, 150, mask, spare, 20, 20, part);
    CU_ASSERT(found.count == 150 && found.lost == 50);
    CU_ASSERT(part[149].area == 1 && part[149].low[0] == 18 && part[149].low[1] == 14);
    found = fixed_components(FIXED_EIGHT, 10, mask, spare, 20, 20, part);
    CU_ASSERT(found.count == 1 && found.lost == 0);
    CU_ASSERT(part[0].area == 200 && part[0].high[0] == 19 && part[0].high[1] == 19);
    found = fixed_components(FIXED_EIGHT, 9, mask, spare, 20, 20, part);
    CU_ASSERT(found.count == 1 && found.lost == 2);     /* the first line's last, and who hangs on it */
    CU_ASSERT_EQUAL(part[0].area, 198);
}

static const struct runner_test tests[] = {
    TEST(rescale_is_the_rounded_line_for_all_stored_values),
    TEST(rescale_looks_only_at_the_bits_stored),
    TEST(window_equals_that_of_the_captures),
    TEST(window_is_the_standards_in_both_functions_and_depths),
    TEST(sigmoid_by_the_table_is_that_of_the_captures),
    TEST(sigmoid_of_12_bits_is_the_standards),
    TEST(sigmoid_of_the_ends_of_the_register_stays_in_its_table),
    TEST(threshold_excludes_its_low_and_a_band_includes_it),
    TEST(morphology_follows_its_definition_in_all_shapes),
    TEST(morphology_by_the_cross_is_that_of_the_analysis),
    TEST(otsu_is_exact_and_the_lowest_wins_a_tie),
    TEST(otsu_of_a_large_slice_is_that_of_the_analysis),
    TEST(otsu_of_three_classes_is_exact_and_the_lowest_pair_wins_a_tie),
    TEST(otsu_of_three_classes_is_that_of_the_analysis_where_nothing_ties),
    TEST(choice_follows_the_otsu_or_chooses_nothing),
    TEST(statistics_of_a_square_are_known),
    TEST(components_are_those_of_the_analysis_where_the_table_suffices),
    TEST(components_that_the_table_cannot_name_are_counted),
    { NULL, NULL }
};
const struct runner_suite suite_fixed = { "fixed", tests };
