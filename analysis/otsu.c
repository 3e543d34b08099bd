/* Otsu: Σ ω µ² over the classes, from cumulative sums; the constant total mean drops out. */
#include "analysis/otsu.h"

#include <assert.h>

struct sums {                   /* of the bins up to and with i */
    double count[OTSU_BINS], weighted[OTSU_BINS];
    int filled;
};

static void add_up(const uint64_t histogram[OTSU_BINS], struct sums *sums)
{
    double count = 0, weighted = 0;

    sums->filled = 0;
    for (int i = 0; i < OTSU_BINS; i++) {
        count += (double)histogram[i];
        weighted += (double)histogram[i] * i;
        sums->count[i] = count;
        sums->weighted[i] = weighted;
        sums->filled += histogram[i] > 0;
    }
}

/* ω µ² of the class of bins from + 1 to `to`; 0 when it is empty. */
static double term(const struct sums *sums, int from, int to)
{
    const double count = sums->count[to] - (from < 0 ? 0 : sums->count[from]);
    const double weighted = sums->weighted[to] - (from < 0 ? 0 : sums->weighted[from]);

    return count > 0 ? weighted * weighted / count : 0;
}

bool otsu3(const uint64_t histogram[OTSU_BINS], int ret_threshold[2])
{
    struct sums sums;
    double best = -1;

    add_up(histogram, &sums);
    for (int low = 0; low < OTSU_BINS - 2; low++)
        for (int high = low + 1; high < OTSU_BINS - 1; high++) {
            const double between = term(&sums, -1, low) + term(&sums, low, high)
                + term(&sums, high, OTSU_BINS - 1);
            if (between > best) {
                best = between;
                ret_threshold[0] = low;
                ret_threshold[1] = high;
            }
        }
    return sums.filled >= 3;
}

bool otsu2(const uint64_t histogram[OTSU_BINS], int *ret_threshold)
{
    struct sums sums;
    double best = -1;

    add_up(histogram, &sums);
    for (int at = 0; at < OTSU_BINS - 1; at++) {
        const double between = term(&sums, -1, at) + term(&sums, at, OTSU_BINS - 1);
        if (between > best) {
            best = between;
            *ret_threshold = at;
        }
    }
    return sums.filled >= 2;
}

/* ---- in exact integers ---- */

typedef unsigned __int128 wide;

/* Σ s² / n over the classes with n voxels and the sum s: whole, and what is left over. */
struct parting {
    wide whole, rest, divisor;          /* of up to three classes: rest below 3 divisor */
};

struct exact {                          /* of the bins up to and with i */
    uint64_t count[OTSU_BINS], weighted[OTSU_BINS];
};

/* Counts are below 2^40 and sums below 2^48: s² needs 96 bits, a product of three n 117. */
static void part(struct parting *parting, const struct exact *exact, int from, int to)
{
    const uint64_t n = exact->count[to] - (from < 0 ? 0 : exact->count[from]);
    const wide s = exact->weighted[to] - (from < 0 ? 0 : exact->weighted[from]);

    if (n == 0)
        return;
    parting->whole += s * s / n;
    parting->rest = parting->rest * n + s * s % n * parting->divisor;
    parting->divisor *= n;
    parting->whole += parting->rest / parting->divisor;
    parting->rest %= parting->divisor;
}

/* a / b > c / d, all below 2^128, by Euclid's quotients: no product is needed. */
static bool is_larger(wide a, wide b, wide c, wide d)
{
    bool turned = false;

    for (;;) {
        const wide one = b == 0 ? 0 : a / b, other = d == 0 ? 0 : c / d;
        if (b == 0 || d == 0)           /* infinite */
            return turned ? d == 0 && b != 0 : b == 0 && d != 0;
        if (one != other)
            return turned ? one < other : one > other;
        const wide rest = a % b, other_rest = c % d;
        a = b;
        b = rest;
        c = d;
        d = other_rest;
        turned = !turned;
    }
}

static bool parts_more(const struct parting *one, const struct parting *other)
{
    if (one->whole != other->whole)
        return one->whole > other->whole;
    return is_larger(one->rest, one->divisor, other->rest, other->divisor);
}

/* The number of bins that are filled. */
static int add_exactly(const uint64_t *histogram, int bins, struct exact *exact)
{
    uint64_t count = 0, weighted = 0;
    int filled = 0;

    assert(bins >= 1 && bins <= OTSU_BINS);
    for (int i = 0; i < bins; i++) {
        count += histogram[i];
        weighted += histogram[i] * (uint64_t)i;
        exact->count[i] = count;
        exact->weighted[i] = weighted;
        filled += histogram[i] > 0;
    }
    assert(count <= (uint64_t)1 << 40);
    return filled;
}

bool otsu3_bins(const uint64_t *histogram, int bins, int ret_threshold[2])
{
    struct parting best = { 0, 0, 1 };
    struct exact exact;
    const int filled = add_exactly(histogram, bins, &exact);

    if (filled < 3)
        return false;
    for (int low = 0; low < bins - 2; low++)
        for (int high = low + 1; high < bins - 1; high++) {
            struct parting here = { 0, 0, 1 };
            if (histogram[low] == 0 || histogram[high] == 0)    /* as the lower one before it */
                continue;
            part(&here, &exact, -1, low);
            part(&here, &exact, low, high);
            part(&here, &exact, high, bins - 1);
            if (parts_more(&here, &best)) {
                best = here;
                ret_threshold[0] = low;
                ret_threshold[1] = high;
            }
        }
    return true;
}

bool otsu2_bins(const uint64_t *histogram, int bins, int *ret_threshold)
{
    struct parting best = { 0, 0, 1 };
    struct exact exact;

    if (add_exactly(histogram, bins, &exact) < 2)
        return false;
    for (int at = 0; at < bins - 1; at++) {
        struct parting here = { 0, 0, 1 };
        part(&here, &exact, -1, at);
        part(&here, &exact, at, bins - 1);
        if (parts_more(&here, &best)) {
            best = here;
            *ret_threshold = at;
        }
    }
    return true;
}

bool otsu3_of_64(const uint64_t histogram[OTSU_BINS], int ret_threshold[2])
{
    enum { BINS = 64, EACH = OTSU_BINS / BINS };
    uint64_t bins[BINS] = { 0 };
    int threshold[2];

    for (int bin = 0; bin < OTSU_BINS; bin++)
        bins[bin / EACH] += histogram[bin];
    if (!otsu3_bins(bins, BINS, threshold))
        return false;
    for (int n = 0; n < 2; n++)
        ret_threshold[n] = threshold[n] * EACH + EACH - 1;
    return true;
}
