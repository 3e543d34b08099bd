/*
 * Fixed: the bit-true twin of hw/. Whole numbers only, in the widths of the hardware's
 * registers; a slice that goes through these functions equals what comes out of the chip.
 */
#ifndef TUMORD_ANALYSIS_FIXED_H
#define TUMORD_ANALYSIS_FIXED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIXED_DATA_BITS 24      /* of a value in sixteenths: from -524288 to 524287 15/16 */
#define FIXED_DATA_MAX ((1 << (FIXED_DATA_BITS - 1)) - 1)
#define FIXED_DATA_MIN (-FIXED_DATA_MAX - 1)
#define FIXED_WIDTH_MAX ((1 << FIXED_DATA_BITS) - 1)
#define FIXED_ONE 65536         /* slope and intercept count in 65536ths */

struct fixed_rescale {
    bool is_signed;
    int bits;                           /* stored, 8 to 16; those above are not looked at */
    int32_t slope, intercept;           /* of FIXED_ONE */
    bool padding;                       /* values from pad_low to pad_high are no voxels */
    int32_t pad_low, pad_high;
};

/* A stored value in sixteenths, rounded half up, saturating. ret_pad: it is padding. */
int32_t fixed_rescale(const struct fixed_rescale *rescale, uint16_t stored, bool *ret_pad);

enum fixed_function { FIXED_LINEAR, FIXED_LINEAR_EXACT, FIXED_SIGMOID };

struct fixed_window {
    enum fixed_function function;       /* PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2 */
    int bits;                           /* out: 8 or 12 */
    int32_t center16, width16;          /* sixteenths, FIXED_DATA_BITS; width without a sign */
    const int32_t *least;               /* of SIGMOID: the table that the hardware is given */
};

#define FIXED_GREYS_MAX 4096            /* of 12 bits */
#define FIXED_LEAST_MAX ((1 << (FIXED_DATA_BITS + 1)) - 1)     /* more than any distance */

/*
 * SIGMOID's table (PS3.3 C.11.2.1.3.1): for each grey from 1 the least value - centre, in
 * sixteenths, that gives it. Whole sixteenths are all that the hardware knows, so that the window
 * by this table is that of the real numbers, and not near it. Writes 2^bits entries; [0] says nothing.
 */
void fixed_sigmoid_table(const struct fixed_window *window, int32_t *ret_least);

/* As window_value16(), by the hardware's division, or by its search: a bit of the grey at a time. */
uint16_t fixed_window(const struct fixed_window *window, int32_t value16);

enum fixed_rule { FIXED_ABOVE, FIXED_BAND };

struct fixed_threshold {
    enum fixed_rule rule;               /* above low; or from low to high, both inclusive */
    int32_t low, high;
};

bool fixed_threshold(const struct fixed_threshold *threshold, int32_t value, bool pad);

enum fixed_operation { FIXED_COPY, FIXED_ERODE, FIXED_DILATE, FIXED_OPEN, FIXED_CLOSE };
/* 3 x 3, or without its corners; and each of them twice, which is 5 x 5 and a rhombus of 13. */
enum fixed_element { FIXED_SQUARE, FIXED_CROSS, FIXED_SQUARE5, FIXED_RHOMBUS5 };

/*
 * Of a slice of 0 and 1, `from` to `to`, which may be the same; `spare` is scratch of three
 * lines. Outside counts as background for dilation and as foreground for erosion, as in mask.h.
 */
void fixed_morphology(enum fixed_operation operation, enum fixed_element element,
                      const uint8_t *from, uint8_t *to, uint8_t *spare,
                      size_t columns, size_t rows);

#define FIXED_BINS 256
#define FIXED_VOXELS_MAX (1 << 20)      /* of a slice, and so of a histogram */

/*
 * Otsu's threshold for two classes, exact where otsu2() rounds: the lowest of those that part
 * the most. A value above it is in the upper class. False when fewer than two bins are filled.
 */
bool fixed_otsu(const uint32_t histogram[FIXED_BINS], int *ret_threshold);

/*
 * Three classes on 64 bins, four of a histogram's in each, as exactly: the lowest of the pairs that
 * part the most. The thresholds are of the 256 bins: 3, 7, … 255. False when fewer than three of
 * the 64 are filled.
 */
bool fixed_otsu3(const uint32_t histogram[FIXED_BINS], int ret_threshold[2]);

/* What a threshold follows: two numbers, or the Otsu of the slice before. */
enum fixed_choice { FIXED_CHOOSE_ABOVE, FIXED_CHOOSE_BAND, FIXED_CHOOSE_OTSU, FIXED_CHOOSE_MIDDLE,
                    FIXED_CHOOSE_UPPER };

struct fixed_otsu {                     /* of a slice; on 256 bins */
    bool found2, found3;
    int two, three[2];
};

struct fixed_otsu fixed_otsu_of(const uint32_t histogram[FIXED_BINS]);

/*
 * The threshold for greys of `bits` bits: above Otsu's of two classes, in the middle one of three
 * or in the upper one. One that was not found chooses nothing.
 */
struct fixed_threshold fixed_choose(enum fixed_choice choice, int32_t low, int32_t high,
                                    const struct fixed_otsu *otsu, int bits);

struct fixed_statistics {
    uint32_t area;
    uint64_t sum, squares;
    size_t low[2], high[2];         /* column and row, both inclusive; of no meaning without area */
};

/* Of the voxels that the threshold chooses; values are 0 to 4095, `pad` 1 where there is none. */
struct fixed_statistics fixed_statistics(const struct fixed_threshold *threshold,
                                         const int32_t *value, const uint8_t *pad,
                                         size_t columns, size_t rows);

#define FIXED_LABELS_MAX 255            /* of the table: provisional names within a slice */

enum fixed_neighbours { FIXED_FOUR = 4, FIXED_EIGHT = 8 };

struct fixed_component {
    uint32_t area;
    size_t low[2], high[2];             /* column and row, both inclusive */
};

struct fixed_components {
    size_t count;
    uint32_t lost;                      /* voxels for which the table had no name left; 0: all is told */
};

/*
 * The connected regions of a slice of 0 and 1, in the order of their first voxels, in one pass
 * by a table of `labels` names (1 to FIXED_LABELS_MAX). A name once given is not given again in
 * the slice, and a voxel that would need one more than there are is lost and joins nothing.
 * `spare` is scratch of a line, ret_component has room for `labels`.
 */
struct fixed_components fixed_components(enum fixed_neighbours neighbours, size_t labels,
                                         const uint8_t *mask, uint8_t *spare, size_t columns,
                                         size_t rows, struct fixed_component *ret_component);

#endif
