/* Otsu: Σ ω µ² over the classes, from cumulative sums; the constant total mean drops out. */
#include "analysis/otsu.h"

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
