/* Number: argument reduction and series, long enough for the last place. */
#include "analysis/number.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define EXP_LIMIT 700
#define EXP_TERMS 14            /* (ln 2 / 2)^14 / 14! is 4e-18 */
#define LOG_TERMS 12            /* 0.1716^24 / 25 is 2e-20 */
#define SIN_TERMS 14            /* π^29 / 29! is 3e-17 */

/* ln 2 in two parts: the first has 21 zero bits at its end, so that n times it is exact. */
static const double ln2_high = 6.93147180369123816490e-01;
static const double ln2_low = 1.90821492927058770002e-10;

static double power_of_two(int n)
{
    const uint64_t bits = (uint64_t)(1023 + n) << 52;
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

double number_exp(double x)
{
    const double limited = x > EXP_LIMIT ? EXP_LIMIT : x > -EXP_LIMIT ? x : -EXP_LIMIT;
    const double n = floor(limited / M_LN2 + 0.5);
    const double rest = limited - n * ln2_high - n * ln2_low;
    double sum = 1;

    for (int term = EXP_TERMS; term > 0; term--)
        sum = 1 + rest / term * sum;
    return sum * power_of_two((int)n);
}

/* ln m = 2 artanh((m - 1) / (m + 1)), m between 1/√2 and √2. */
double number_log(double x)
{
    int n;
    double m = frexp(x, &n);            /* exact */

    if (m < M_SQRT1_2) {
        m *= 2;
        n--;
    }
    const double s = (m - 1) / (m + 1), square = s * s;
    double sum = 0;
    for (int term = LOG_TERMS; term >= 0; term--)
        sum = sum * square + 1.0 / (2 * term + 1);
    return n * ln2_high + (2 * s * sum + n * ln2_low);
}

double number_sin(double x)
{
    const double rest = x - 2 * M_PI * floor(x / (2 * M_PI) + 0.5);
    const double square = rest * rest;
    double sum = 1;

    for (int term = SIN_TERMS; term > 0; term--)
        sum = 1 - square / (2 * term * (2 * term + 1)) * sum;
    return rest * sum;
}

double number_cos(double x)
{
    return number_sin(x + M_PI / 2);
}
