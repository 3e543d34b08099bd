/*
 * Vectors: what goes into an entity of hw/, and what must come out, by the C twin; the format
 * is in hw/bench/tumord_driver.vhd.
 *   vectors ENTITY [exhaustive | large] [fault]   large: one slice of 512 x 512, for its clocks;
 *                                                 fault: one wanted value is wrong
 *   vectors components table [exhaustive]     what the components are that it tells
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fixed.h"
#include "hw/vectors_top.h"

#define LONGEST 1024
#define MOST (1 << 20)          /* voxels of a slice */

struct slice {
    size_t columns, rows;
    int32_t given[MOST], wanted[MOST];
    uint8_t pad[MOST];          /* 1: given is padding, 2: wanted is */
};

static struct slice slice;
static uint32_t state = 8;
static bool fault;

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* From low to high, both inclusive. */
static int32_t between(int64_t low, int64_t high)
{
    const uint64_t drawn = (uint64_t)chance() << 24 | chance();

    return (int32_t)(low + (int64_t)(drawn % (uint64_t)(high - low + 1)));
}

/* ---- slices: shapes and fills ---- */

static const size_t shapes[][2] = { { 1, 1 }, { 1, 7 }, { 9, 1 }, { 2, 2 }, { 3, 3 },
                                    { 17, 5 }, { 16, 4 }, { 33, 8 }, { LONGEST, 2 } };
#define SHAPES (sizeof shapes / sizeof *shapes)

static bool large;              /* instead of all of them */

static size_t rounds(bool exhaustive, size_t many, size_t few)
{
    return large ? 1 : exhaustive ? many : few;
}

static size_t shape_count(void)
{
    return large ? 1 : SHAPES;
}

static const size_t *shape_of(size_t n)
{
    static const size_t slice_of_a_ct[2] = { 512, 512 };

    return large ? slice_of_a_ct : shapes[n];
}

enum fill { RANDOM, SPARSE, LOW, HIGH, CHECKERBOARD, BORDER, FILLS };

static int32_t fill_one(enum fill fill, size_t at, int32_t low, int32_t high)
{
    const size_t i = at % slice.columns, j = at / slice.columns;

    switch (fill) {
    case SPARSE: return chance() % 8 == 0 ? low : high;
    case LOW: return low;
    case HIGH: return high;
    case CHECKERBOARD: return (i + j) % 2 ? high : low;
    case BORDER: return low;
    default: return between(low, high);
    }
}

static void fill_slice(const size_t shape[2], enum fill fill, int32_t low, int32_t high)
{
    slice.columns = shape[0];
    slice.rows = shape[1];
    const size_t count = shape[0] * shape[1];

    for (size_t at = 0; at < count; at++) {
        slice.given[at] = fill_one(fill, at, low, high);
        slice.pad[at] = 0;
    }
    if (fill == BORDER) {       /* single pixels: a corner, and somewhere at the other sides */
        slice.given[chance() % 2 ? 0 : count - 1] = high;
        slice.given[(chance() % shape[1]) * shape[0] + shape[0] - 1] = high;
        slice.given[count - 1 - chance() % shape[0]] = high;
    }
}

static void print_slice(void)
{
    const size_t count = slice.columns * slice.rows;

    if (fault && count > 20) {
        slice.wanted[20] ^= 1;
        fault = false;
    }
    printf("s %zu %zu\n", slice.columns, slice.rows);
    for (size_t at = 0; at < count; at++)
        printf("%d %d %d\n", (int)slice.given[at], (int)slice.wanted[at], slice.pad[at]);
}

/* ---- rescale ---- */

static void rescale_slice(const struct fixed_rescale *rescale)
{
    for (size_t at = 0; at < slice.columns * slice.rows; at++) {
        bool pad;
        slice.wanted[at] = fixed_rescale(rescale, (uint16_t)slice.given[at], &pad);
        slice.pad[at] = pad ? 2 : 0;
    }
    print_slice();
}

static struct fixed_rescale random_rescale(unsigned round)
{
    static const int32_t slopes[] = { FIXED_ONE, FIXED_ONE / 16, 1, INT32_MAX, INT32_MIN, -3 };
    struct fixed_rescale rescale = {
        .is_signed = round / 9 % 2, .bits = 8 + (int)(round % 9), .padding = chance() % 2,
        .slope = round < 6 ? slopes[round] : between(-2 * FIXED_ONE, 2 * FIXED_ONE),
        .intercept = round % 3 == 0 ? -1024 * FIXED_ONE : between(INT32_MIN, INT32_MAX)
    };

    rescale.pad_low = between(-200, 200);
    rescale.pad_high = between(rescale.pad_low, 400);
    return rescale;
}

static void print_rescale(const struct fixed_rescale *rescale)
{
    printf("c 7 %d %d %d %d %d %d %d\n", rescale->is_signed, rescale->bits, rescale->slope,
           rescale->intercept, rescale->padding, rescale->pad_low, rescale->pad_high);
}

static void make_rescale(bool exhaustive)
{
    for (unsigned round = 0; round < rounds(exhaustive, 50, 18); round++) {
        const struct fixed_rescale rescale = random_rescale(round);
        print_rescale(&rescale);
        for (unsigned shape = 0; shape < shape_count(); shape++) {
            if (shape == SHAPES - 1 && round % 6 != 0)
                continue;
            fill_slice(shape_of(shape), (enum fill)((round + shape) % FILLS), 0, 65535);
            if (rescale.padding)        /* at the limits of padding, and one beyond */
                slice.given[0] = (chance() % 2 ? rescale.pad_low : rescale.pad_high)
                    + between(-1, 1);
            rescale_slice(&rescale);
        }
        if (exhaustive) {       /* every stored value */
            fill_slice((const size_t[]){ LONGEST, 64 }, LOW, 0, 0);
            for (int at = 0; at < 65536; at++)
                slice.given[at] = at;
            rescale_slice(&rescale);
        }
    }
}

/* ---- window ---- */

static void window_slice(const struct fixed_window *window)
{
    for (size_t at = 0; at < slice.columns * slice.rows; at++) {
        slice.wanted[at] = slice.pad[at] ? 0 : fixed_window(window, slice.given[at]);
    }
    print_slice();
}

static struct fixed_window random_window(unsigned round, int bits)
{
    static const int32_t known[][2] = {     /* centre and width, in sixteenths */
        { 40 * 16, 400 * 16 }, { -600 * 16, 1500 * 16 }, { 0, 16 }, { 0, 1 }, { 0, 0 },
        { 648, 32 }, { 1, 537 }, { 300 * 16, 1500 * 16 }, { FIXED_DATA_MIN, FIXED_WIDTH_MAX },
        { FIXED_DATA_MAX, FIXED_WIDTH_MAX }, { 0, FIXED_WIDTH_MAX }, { FIXED_DATA_MAX, 17 }
    };
    const unsigned count = sizeof known / sizeof *known;
    const bool exact = round % 2;

    round /= 2;                 /* each of them by both functions */
    return (struct fixed_window){
        .function = exact ? FIXED_LINEAR_EXACT : FIXED_LINEAR, .bits = bits,
        .center16 = round < count ? known[round][0] : between(-3000 * 16, 3000 * 16),
        .width16 = round < count ? known[round][1] : between(1, 5000 * 16)
    };
}

/* Half of a random slice lies in the window or close by, the rest anywhere; some is padding. */
static void near_window(const struct fixed_window *window)
{
    const int64_t half = window->width16 / 2 + 10;

    for (size_t at = 0; at < slice.columns * slice.rows; at++) {
        if (chance() % 2) {
            const int32_t value = between(window->center16 - half, window->center16 + half);
            slice.given[at] = value > FIXED_DATA_MAX ? FIXED_DATA_MAX
                : value < FIXED_DATA_MIN ? FIXED_DATA_MIN : value;
        }
        slice.pad[at] = chance() % 16 == 0 ? 3 : 0;
    }
}

static void print_window(const struct fixed_window *window)
{
    printf("c 4 %d %d %d %d\n", window->function == FIXED_LINEAR_EXACT, window->center16,
           window->width16, window->function == FIXED_SIGMOID);
}

static void make_window_of(int bits, bool exhaustive)
{
    for (unsigned round = 0; round < rounds(exhaustive, 50, 26); round++) {
        const struct fixed_window window = random_window(round, bits);
        print_window(&window);
        for (unsigned shape = 0; shape < shape_count(); shape++) {
            const enum fill fill = shape == SHAPES - 2 ? RANDOM
                : (enum fill)((round + shape) % FILLS);
            if (shape == SHAPES - 1 && round % 24 != 4)
                continue;
            fill_slice(shape_of(shape), fill, FIXED_DATA_MIN, FIXED_DATA_MAX);
            if (fill == RANDOM)
                near_window(&window);
            window_slice(&window);
        }
        if (exhaustive) {       /* every stored value, as whole units */
            fill_slice((const size_t[]){ LONGEST, 64 }, LOW, 0, 0);
            for (int at = 0; at < 65536; at++)
                slice.given[at] = (at - 32768) * 16;
            window_slice(&window);
        }
    }
}

static void make_window(bool exhaustive)
{
    make_window_of(8, exhaustive);
}

static void make_window12(bool exhaustive)
{
    make_window_of(12, exhaustive);
}

/* ---- SIGMOID: its table in lines t, 64 entries each ---- */

static void print_table(const int32_t *least, int bits)
{
    for (int grey = 0; grey < 1 << bits; grey += 64) {
        const int from = grey == 0 ? 1 : grey;
        printf("t %d %d", from, grey + 64 - from);
        for (int n = from; n < grey + 64; n++)
            printf(" %d", (int)least[n]);
        printf("\n");
    }
}

/* Half of the voxels lie where the grey changes, or one before. */
static void near_changes(const struct fixed_window *window)
{
    for (size_t at = 0; at < slice.columns * slice.rows; at++) {
        const int64_t near = (int64_t)window->center16
            + window->least[between(1, (1 << window->bits) - 1)] - (int64_t)(chance() % 2);
        if (chance() % 2 && near >= FIXED_DATA_MIN && near <= FIXED_DATA_MAX)
            slice.given[at] = (int32_t)near;
        slice.pad[at] = chance() % 16 == 0 ? 3 : 0;
    }
}

static void make_sigmoid_of(int bits, size_t count)
{
    static int32_t least[FIXED_GREYS_MAX];

    for (unsigned round = 0; round < count; round++) {
        struct fixed_window window = random_window(2 * round, bits);
        window.function = FIXED_SIGMOID;
        window.least = least;
        fixed_sigmoid_table(&window, least);
        print_table(least, bits);
        print_window(&window);
        for (unsigned shape = 0; shape < shape_count(); shape++) {
            if (shape == SHAPES - 1 && round % 12 != 1)
                continue;
            fill_slice(shape_of(shape), (enum fill)((round + shape) % FILLS), FIXED_DATA_MIN,
                       FIXED_DATA_MAX);
            near_changes(&window);
            window_slice(&window);
        }
    }
}

static void make_sigmoid(bool exhaustive)
{
    make_sigmoid_of(8, rounds(exhaustive, 50, 13));
}

static void make_sigmoid12(bool exhaustive)
{
    make_sigmoid_of(12, rounds(exhaustive, 20, 3));
}

/* ---- threshold ---- */

static void make_threshold(bool exhaustive)
{
    for (unsigned round = 0; round < rounds(exhaustive, 50, 10); round++) {
        const int32_t low = round % 4 == 0 ? between(0, 255)
            : between(FIXED_DATA_MIN, FIXED_DATA_MAX);
        const struct fixed_threshold threshold = {
            .rule = round % 2 ? FIXED_BAND : FIXED_ABOVE, .low = low,
            .high = between(low, round % 3 ? FIXED_DATA_MAX : low + 9LL < FIXED_DATA_MAX
                            ? low + 9LL : FIXED_DATA_MAX)
        };
        printf("c 3 %d %d %d\n", threshold.rule == FIXED_BAND, threshold.low, threshold.high);
        for (unsigned shape = 0; shape < shape_count(); shape++) {
            if (shape == SHAPES - 1 && round % 8 != 0)
                continue;
            fill_slice(shape_of(shape), (enum fill)((round + shape) % FILLS), FIXED_DATA_MIN,
                       FIXED_DATA_MAX);
            for (size_t at = 0; at < slice.columns * slice.rows; at++) {
                const int32_t near = (chance() % 2 ? threshold.low : threshold.high)
                    + between(-1, 1);
                if (chance() % 2 && near >= FIXED_DATA_MIN && near <= FIXED_DATA_MAX)
                    slice.given[at] = near;
                slice.pad[at] = chance() % 16 == 0;
                slice.wanted[at] = fixed_threshold(&threshold, slice.given[at], slice.pad[at]);
            }
            print_slice();
        }
    }
}

/* ---- morphology ---- */

static void morphology_slice(enum fixed_operation operation, enum fixed_element element)
{
    static uint8_t mask[MOST], spare[3 * LONGEST];
    const size_t count = slice.columns * slice.rows;

    for (size_t at = 0; at < count; at++)
        mask[at] = (uint8_t)slice.given[at];
    fixed_morphology(operation, element, mask, mask, spare, slice.columns, slice.rows);
    for (size_t at = 0; at < count; at++)
        slice.wanted[at] = mask[at];
    print_slice();
}

static void make_morphology_of(enum fixed_element square, bool exhaustive)
{
    static const int steps[][2] = {     /* the two stages: 0 copies, 1 erodes, 2 dilates */
        [FIXED_COPY] = { 0, 0 }, [FIXED_ERODE] = { 1, 0 }, [FIXED_DILATE] = { 2, 0 },
        [FIXED_OPEN] = { 1, 2 }, [FIXED_CLOSE] = { 2, 1 }
    };

    for (unsigned round = 0; round < rounds(exhaustive, 100, 20); round++) {
        const enum fixed_operation operation = (enum fixed_operation)(round % 5);
        const bool cross = round / 5 % 2;
        const enum fixed_element element = (enum fixed_element)(square + cross);
        printf("c 3 %d %d %d\n", steps[operation][0], steps[operation][1], cross);
        for (unsigned shape = 0; shape < shape_count(); shape++) {
            if (shape == SHAPES - 1 && round % 7 != 0)
                continue;
            fill_slice(shape_of(shape), (enum fill)((round + round / 5 + shape) % FILLS), 0, 1);
            morphology_slice(operation, element);
        }
    }
}

static void make_morphology(bool exhaustive)
{
    make_morphology_of(FIXED_SQUARE, exhaustive);
}

static void make_morphology5(bool exhaustive)
{
    make_morphology_of(FIXED_SQUARE5, exhaustive);
}

/* ---- the chain: window, threshold, morphology, with the organs' usual windows ---- */

static void wanted_of_chain(const struct fixed_window *window,
                            const struct fixed_threshold *threshold,
                            enum fixed_operation operation, enum fixed_element element)
{
    static uint8_t mask[MOST], spare[3 * LONGEST];
    const size_t count = slice.columns * slice.rows;

    for (size_t at = 0; at < count; at++) {
        const bool pad = slice.pad[at] != 0;
        mask[at] = fixed_threshold(threshold, pad ? 0 : fixed_window(window, slice.given[at]), pad);
    }
    fixed_morphology(operation, element, mask, mask, spare, slice.columns, slice.rows);
    for (size_t at = 0; at < count; at++)
        slice.wanted[at] = mask[at];
}

static void chain_slice(const struct fixed_window *window,
                        const struct fixed_threshold *threshold,
                        enum fixed_operation operation, enum fixed_element element)
{
    for (size_t at = 0; at < slice.columns * slice.rows; at++)
        slice.pad[at] = chance() % 16 == 0;
    wanted_of_chain(window, threshold, operation, element);
    print_slice();
}

static void make_chain(bool exhaustive)
{
    static const int steps[] = { 0, 10, 20, 12, 21 };       /* as in make_morphology */

    for (unsigned round = 0; round < rounds(exhaustive, 50, 7); round++) {
        const struct fixed_window window = random_window(round % 4, 8);
        const struct fixed_threshold threshold = { .rule = round % 2 ? FIXED_BAND : FIXED_ABOVE,
            .low = between(20, 120), .high = between(120, 255) };
        const enum fixed_element element = round / 5 % 2 ? FIXED_CROSS : FIXED_SQUARE;
        printf("c 8 %d %d %d %d %d %d %d %d\n", window.function == FIXED_LINEAR_EXACT,
               window.center16, window.width16, threshold.rule == FIXED_BAND, threshold.low,
               threshold.high, steps[round % 5], element == FIXED_CROSS);
        for (unsigned shape = 0; shape < shape_count(); shape++) {
            if (shape == SHAPES - 1 && round % 5 != 0)
                continue;
            fill_slice(shape_of(shape), shape % 2 ? RANDOM : (enum fill)((round + shape) % FILLS),
                       window.center16 - window.width16, window.center16 + window.width16);
            chain_slice(&window, &threshold, (enum fixed_operation)(round % 5), element);
        }
        if (exhaustive && round > 47) {     /* a CT's slice, in as many clocks as it has voxels */
            fill_slice((const size_t[]){ 512, 512 }, RANDOM, window.center16 - window.width16,
                       window.center16 + window.width16);
            chain_slice(&window, &threshold, (enum fixed_operation)(round % 5), element);
        }
    }
}

/*
 * The same where thresholds follow Otsu: each slice comes twice, first by the Otsu of the slice
 * before it, and then, as a second pass, by its own. Before the first one nothing is known.
 */
static void otsu_pass(const struct fixed_window *window, enum fixed_choice choice,
                      enum fixed_operation operation, struct fixed_otsu *otsu)
{
    const struct fixed_threshold threshold = fixed_choose(choice, 30, 200, otsu, window->bits);
    uint32_t histogram[FIXED_BINS] = { 0 };

    wanted_of_chain(window, &threshold, operation, FIXED_SQUARE);
    for (size_t at = 0; at < slice.columns * slice.rows; at++)
        if (!slice.pad[at])
            histogram[fixed_window(window, slice.given[at])]++;
    *otsu = fixed_otsu_of(histogram);
    print_slice();
}

static void make_chain_otsu(bool exhaustive)
{
    static const int steps[] = { 0, 10, 20, 12, 21 };       /* as in make_morphology */
    struct fixed_otsu otsu = { 0 };

    for (unsigned round = 0; round < (exhaustive ? 25 : 4); round++) {
        const struct fixed_window window = random_window(round % 4, 8);
        const enum fixed_choice choice = (enum fixed_choice)(FIXED_CHOOSE_UPPER - round % 5);
        const enum fixed_operation operation = (enum fixed_operation)(round % 5);
        printf("c 8 %d %d %d %d 30 200 %d 0\n", window.function == FIXED_LINEAR_EXACT,
               window.center16, window.width16, choice, steps[operation]);
        for (unsigned shape = 0; shape < SHAPES - 1; shape++) {
            if (!exhaustive && shape > 1 && shape != 4 && shape != 5)
                continue;
            fill_slice(shapes[shape], shape < 4 ? RANDOM : (enum fill)((round + shape) % FILLS),
                       window.center16 - window.width16 / 2, window.center16 + window.width16 / 2);
            for (size_t at = 0; at < slice.columns * slice.rows; at++) {
                if (!exhaustive)        /* few levels: their Otsu is soon known */
                    slice.given[at] = window.center16
                        + window.width16 / 6 * between(-2, 2);
                slice.pad[at] = chance() % 16 == 0;
            }
            otsu_pass(&window, choice, operation, &otsu);
            otsu_pass(&window, choice, operation, &otsu);
        }
    }
}

/*
 * Twenty-four lines from the middle of a CT slice of 512 x 512 (16 bits with a sign, intercept
 * -1024, padding below -1500), which comes as raw pixels: soft tissue, opened.
 */
static bool make_real(void)
{
    static const struct fixed_rescale rescale = { .is_signed = true, .bits = 16,
        .slope = FIXED_ONE, .intercept = -1024 * FIXED_ONE, .padding = true,
        .pad_low = -32768, .pad_high = -1500 };
    static const struct fixed_window window = { .function = FIXED_LINEAR, .bits = 8,
        .center16 = 40 * 16, .width16 = 400 * 16 };
    static const struct fixed_threshold threshold = { .rule = FIXED_BAND, .low = 100, .high = 200 };
    static uint8_t raw[512 * 512 * 2];

    if (fread(raw, 1, sizeof raw, stdin) != sizeof raw)
        return false;
    printf("c 8 0 %d %d 1 %d %d 12 0\n", window.center16, window.width16, threshold.low,
           threshold.high);
    slice.columns = 512;
    slice.rows = 24;
    const size_t count = 512 * 24, from = 512 * 244;
    for (size_t at = 0; at < count; at++) {
        const uint8_t *const stored = raw + 2 * (from + at);
        bool pad;
        slice.given[at] = fixed_rescale(&rescale, (uint16_t)(stored[0] | stored[1] << 8), &pad);
        slice.pad[at] = pad;
    }
    wanted_of_chain(&window, &threshold, FIXED_OPEN, FIXED_SQUARE);
    print_slice();
    return true;
}

/* ---- histogram and Otsu: the voxels pass as they are, the threshold is in the line c ---- */

static void otsu_slice(bool some_padding)
{
    uint32_t histogram[FIXED_BINS] = { 0 };

    for (size_t at = 0; at < slice.columns * slice.rows; at++) {
        slice.wanted[at] = slice.given[at];
        slice.pad[at] = some_padding && chance() % 16 == 0 ? 3 : 0;
        if (!slice.pad[at])
            histogram[slice.given[at]]++;
    }
    const struct fixed_otsu otsu = fixed_otsu_of(histogram);
    printf("c 5 %d %d %d %d %d\n", otsu.found2, otsu.two ^ (fault && slice.columns > 8),
           otsu.found3, otsu.three[0], otsu.three[1]);
    print_slice();
}

#define OF_THREE 8              /* of the 64 bins, the first ones */

/* Σ s² / n over the three classes of a histogram with few bins. */
static double parting(const unsigned *histogram, int low, int high)
{
    double n[3] = { 0 }, s[3] = { 0 };

    for (int bin = 0; bin < OF_THREE; bin++) {
        n[(bin > low) + (bin > high)] += histogram[bin];
        s[(bin > low) + (bin > high)] += histogram[bin] * bin;
    }
    return s[0] * s[0] / n[0] + s[1] * s[1] / n[1] + s[2] * s[2] / n[2];
}

/* The best pair is behind another one, by less than 0.1 of some 1000, and by more than nothing. */
static bool is_close(const unsigned *histogram)
{
    double best = 0, before = 0;

    for (int low = 0; low < OF_THREE - 2; low++)
        for (int high = low + 1; high < OF_THREE - 1; high++) {
            const double here = parting(histogram, low, high);
            if (here > best) {
                before = best;
                best = here;
            }
        }
    return best - before < 0.1 && best - before > 1e-6;
}

static void close_slice(void)
{
    unsigned histogram[OF_THREE];

    fill_slice(shapes[5], LOW, 0, 0);
    do {
        memset(histogram, 0, sizeof histogram);
        for (size_t at = 0; at < 85; at++) {
            const int32_t bin = at < OF_THREE ? (int32_t)at : between(0, between(1, OF_THREE - 1));
            slice.given[at] = 4 * bin + between(0, 3);
            histogram[bin]++;
        }
    } while (!is_close(histogram));
    otsu_slice(false);
}

/* Few levels, and so ties; two heaps; or all of the fills. */
static void make_otsu(bool exhaustive)
{
    for (unsigned round = 0; round < rounds(exhaustive, 120, 24); round++) {
        const size_t *const shape = shape_of(round % SHAPES);
        const uint32_t levels = 2 + chance() % 5;
        const int32_t low = between(0, 100), high = between(low, 255);

        fill_slice(shape, (enum fill)(round / SHAPES * 2 % FILLS), low, high);
        for (size_t at = 0; at < shape[0] * shape[1] && round % 3 != 2; at++) {
            if (round % 3 == 1)
                slice.given[at] = (int32_t)((at % levels) * (255 / (levels - 1)));
            else
                slice.given[at] = (int32_t)(60 + 90 * (chance() % 2) + 4 * (chance() % 9));
        }
        otsu_slice(true);
    }
    if (large)
        return;
    fill_slice(shapes[SHAPES - 1], RANDOM, 0, 255);
    otsu_slice(true);
    /* Of 41, 2 and 42 voxels the thresholds 0 and 1 differ by 0.18 of 6891: 1 it is. */
    fill_slice(shapes[5], LOW, 0, 0);
    for (size_t at = 0; at < 85; at++)
        slice.given[at] = (at > 40) + (at > 42);
    otsu_slice(false);
    close_slice();
}

/* ---- statistics: the voxels pass as they are, the result is in the line c ---- */

static void statistics_slice(const struct fixed_threshold *threshold)
{
    for (size_t at = 0; at < slice.columns * slice.rows; at++) {
        slice.wanted[at] = slice.given[at];
        slice.pad[at] = chance() % 16 == 0 ? 3 : 0;
    }
    const struct fixed_statistics sums = fixed_statistics(threshold, slice.given, slice.pad,
                                                          slice.columns, slice.rows);
    printf("c 11 %d %d %d %u %d %d %d", threshold->rule == FIXED_BAND, threshold->low,
           threshold->high, sums.area + (fault && slice.columns > 8), (int)sums.sum,
           (int)(sums.squares >> 20), (int)(sums.squares & 0xfffff));
    if (sums.area > 0)
        printf(" %zu %zu %zu %zu\n", sums.low[0], sums.high[0], sums.low[1], sums.high[1]);
    else
        printf(" 0 0 0 0\n");
    print_slice();
}

static void make_statistics(bool exhaustive)
{
    for (unsigned round = 0; round < rounds(exhaustive, 100, 12); round++) {
        const int32_t low = between(0, 4095);
        const struct fixed_threshold threshold = {
            .rule = round % 2 ? FIXED_BAND : FIXED_ABOVE, .low = low, .high = between(low, 4095) };
        for (unsigned shape = 0; shape < shape_count(); shape++) {
            if (shape == SHAPES - 1 && round % 6 != 0)
                continue;
            fill_slice(shape_of(shape), (enum fill)((round + shape) % FILLS), 0, 4095);
            statistics_slice(&threshold);
        }
    }
}

/*
 * ---- components: the mask passes as it is; the line c has how many there are, the voxels lost
 * and where in the table, a file of its own, they begin ----
 */

enum pattern { NOISE, THIN, BARS, DOTS, CHECKS, COMB, SPIRAL, FULL, NOTHING, PATTERNS };

/* Rings, each open at one place and joined there to the next: they wind inwards. */
static bool in_spiral(size_t i, size_t j)
{
    const size_t right = slice.columns - 1 - i, below = slice.rows - 1 - j;
    const size_t across = i < right ? i : right, along = j < below ? j : below;
    const size_t ring = across < along ? across : along;

    return ring % 2 == 0 ? !(i == ring && j == ring + 1) : i == ring && j == ring + 1;
}

/* The third bar begins first, then the first, then the second; a line below joins all of them. */
static bool in_bars(size_t bar, bool gap, size_t line)
{
    if (line > 2 || gap)
        return line == 3;
    return bar == 2 || line == 2 || (bar == 0 && line == 1);
}

static bool in_pattern(enum pattern pattern, size_t i, size_t j)
{
    switch (pattern) {
    case THIN: return chance() % 4 == 0;
    case BARS: return in_bars(i % 12 / 4, i % 4 == 3, j % 5);
    case DOTS: return i % 2 == 0 && j % 2 == 0;
    case CHECKS: return (i + j) % 2 == 0;
    case COMB: return i % 2 == 0 || j + 1 == slice.rows || (j % 5 == 0 && i % 14 < 9);
    case SPIRAL: return in_spiral(i, j);
    case FULL: return true;
    case NOTHING: return false;
    default: return chance() % 8 < 5;
    }
}

static void components_slice(const size_t shape[2], enum pattern pattern,
                             enum fixed_neighbours neighbours, size_t labels, bool table)
{
    static uint8_t mask[MOST], spare[LONGEST];
    static size_t told;
    struct fixed_component part[FIXED_LABELS_MAX];

    slice.columns = shape[0];
    slice.rows = shape[1];
    for (size_t at = 0; at < shape[0] * shape[1]; at++) {
        mask[at] = in_pattern(pattern, at % shape[0], at / shape[0]);
        slice.given[at] = slice.wanted[at] = mask[at];
        slice.pad[at] = 0;
    }
    const struct fixed_components found = fixed_components(neighbours, labels, mask, spare,
                                                           shape[0], shape[1], part);
    for (size_t n = 0; table && n < found.count; n++)
        printf("%u %zu %zu %zu %zu\n", (unsigned)part[n].area + (fault && n > 3), part[n].low[0],
               part[n].high[0], part[n].low[1], part[n].high[1]);
    if (!table) {
        printf("c 3 %zu %u %zu\n", found.count, (unsigned)found.lost, told);
        fault = false;          /* it is one of the table */
        print_slice();
    }
    told += found.count;
}

static void make_components(enum fixed_neighbours neighbours, size_t labels, bool of_table,
                            bool exhaustive)
{
    static const size_t wide[][2] = { { 2, 9 }, { 3, 8 }, { 4, 8 }, { 5, 7 }, { 64, 24 } };
    const size_t count = SHAPES + sizeof wide / sizeof *wide;

    if (large) {
        components_slice(shape_of(0), THIN, neighbours, labels, of_table);
        return;
    }
    for (unsigned round = 0; round < rounds(exhaustive, 12, 1); round++)
        for (unsigned pattern = 0; pattern < PATTERNS; pattern++)
            for (size_t n = 0; n < count; n++)
                if (n != SHAPES - 1 || exhaustive || pattern == NOISE || pattern == COMB)
                    components_slice(n < SHAPES ? shapes[n] : wide[n - SHAPES],
                                     (enum pattern)pattern, neighbours, labels, of_table);
}

static bool table;

static void make_components8(bool exhaustive)
{
    make_components(FIXED_EIGHT, FIXED_LABELS_MAX, table, exhaustive);
}

static void make_components4(bool exhaustive)
{
    make_components(FIXED_FOUR, 16, table, exhaustive);
}

static const struct maker {
    const char *name;
    void (*make)(bool exhaustive);
} makers[] = {
    { "rescale", make_rescale },
    { "window", make_window },
    { "window12", make_window12 },
    { "sigmoid", make_sigmoid },
    { "sigmoid12", make_sigmoid12 },
    { "threshold", make_threshold },
    { "morphology", make_morphology },
    { "morphology5", make_morphology5 },
    { "chain", make_chain },
    { "chainotsu", make_chain_otsu },
    { "otsu", make_otsu },
    { "statistics", make_statistics },
    { "components", make_components8 },
    { "components4", make_components4 },
    { NULL, NULL }
};

int main(int argc, char **argv)
{
    bool exhaustive = false;

    for (int i = 2; i < argc; i++) {
        exhaustive |= strcmp(argv[i], "exhaustive") == 0;
        large |= strcmp(argv[i], "large") == 0;
        fault |= strcmp(argv[i], "fault") == 0;
        table |= strcmp(argv[i], "table") == 0;
    }
    if (argc > 1 && strcmp(argv[1], "real") == 0) {
        if (!make_real()) {
            fprintf(stderr, "vectors: the slice is shorter than 512 x 512 of 16 bits\n");
            return 1;
        }
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
    }
    if (argc > 1 && strcmp(argv[1], "top-real") == 0)
        return vectors_top_real(stdin, exhaustive) && fflush(stdout) == 0 ? 0 : 1;
    if (argc > 1 && strcmp(argv[1], "golden") == 0) {
        vectors_top_golden();
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
    }
    if (argc > 1 && strcmp(argv[1], "top") == 0) {
        vectors_top(exhaustive, fault);
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
    }
    const struct maker *maker = makers;
    while (maker->name != NULL && (argc < 2 || strcmp(argv[1], maker->name) != 0))
        maker++;
    if (maker->name == NULL) {
        fprintf(stderr, "vectors: no entity, or one without vectors\n"
                        "usage: vectors ENTITY [exhaustive | large] [fault]\n");
        return 2;
    }
    maker->make(exhaustive);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
