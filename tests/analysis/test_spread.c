#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/spread.h"
#include "tests/runner.h"

/* What numpy says of the numbers, in the order of the structure. */
static bool ask_numpy(const double *values, size_t count, double ret_figures[7])
{
    char name[] = "/tmp/tumord-spread-XXXXXX", command[512];
    const int fd = mkstemp(name);
    FILE *const file = fdopen(fd, "w");
    int read = 0;

    for (size_t i = 0; i < count; i++)
        fprintf(file, "%.17g\n", values[i]);
    fclose(file);
    snprintf(command, sizeof command, "/usr/bin/python3 -c \"import numpy as n; "
             "v = n.loadtxt('%s', ndmin=1); q = n.percentile(v, [0, 25, 50, 75, 100]); "
             "print(*map(repr, map(float, [q[0], q[1], q[2], v.mean(), q[3], q[4], v.std(ddof=1)"
             " if len(v) > 1 else -1])))\" 2>/dev/null", name);
    FILE *const answer = popen(command, "r");
    while (answer != NULL && read < 7 && fscanf(answer, "%lf", &ret_figures[read]) == 1)
        read++;
    if (answer != NULL)
        pclose(answer);
    unlink(name);
    return read == 7;
}

static bool near(double got, double want)
{
    return fabs(got - want) <= 1e-12 * fmax(1, fabs(want));
}

static void figures_are_those_of_numpy(void)
{
    static const size_t counts[] = { 1, 2, 3, 4, 5, 6, 7, 8, 100, 1001 };
    double values[1001], want[7];
    struct spread spread;

    srand48(7);
    for (size_t n = 0; n < sizeof counts / sizeof *counts; n++) {
        for (size_t i = 0; i < counts[n]; i++)      /* some alike, some far away */
            values[i] = i % 5 == 3 ? 2 : exp(12 * drand48() - 6);
        if (!ask_numpy(values, counts[n], want)) {
            runner_skip("numpy is not there");
            return;
        }
        spread_of(values, counts[n], &spread);
        CU_ASSERT_EQUAL(spread.count, counts[n]);
        CU_ASSERT(near(spread.minimum, want[0]) && near(spread.quartile_1, want[1]));
        CU_ASSERT(near(spread.median, want[2]) && near(spread.mean, want[3]));
        CU_ASSERT(near(spread.quartile_3, want[4]) && near(spread.maximum, want[5]));
        CU_ASSERT(counts[n] < 2 ? isnan(spread.sd) : near(spread.sd, want[6]));
    }
}

static void quartiles_by_hand(void)
{
    double four[] = { 4, 1, 3, 2 };     /* places 0.75, 1.5, 2.25 */
    struct spread spread;

    spread_of(four, 4, &spread);
    CU_ASSERT_EQUAL(spread.quartile_1, 1.75);
    CU_ASSERT_EQUAL(spread.median, 2.5);
    CU_ASSERT_EQUAL(spread.quartile_3, 3.25);
    CU_ASSERT(near(spread.sd, sqrt(5.0 / 3)));
}

static void nothing_has_no_figures_and_one_has_no_deviation(void)
{
    double one[] = { 3 };
    struct spread spread;

    spread_of(one, 0, &spread);
    CU_ASSERT_EQUAL(spread.count, 0);
    spread_of(one, 1, &spread);
    CU_ASSERT(spread.minimum == 3 && spread.quartile_3 == 3 && isnan(spread.sd));
}

static void deviation_does_not_cancel_on_large_numbers(void)
{
    double values[] = { 1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16 };
    struct spread spread;

    spread_of(values, 4, &spread);
    CU_ASSERT(near(spread.sd, sqrt(30)));
}

static void a_ball_of_its_volume_has_its_diameter(void)
{
    CU_ASSERT(near(spread_ball_diameter(4.0 / 3 * M_PI * 27), 6));
    CU_ASSERT_EQUAL(spread_ball_diameter(0), 0);
}

static const struct runner_test tests[] = {
    TEST(figures_are_those_of_numpy),
    TEST(quartiles_by_hand),
    TEST(nothing_has_no_figures_and_one_has_no_deviation),
    TEST(deviation_does_not_cancel_on_large_numbers),
    TEST(a_ball_of_its_volume_has_its_diameter),
    { NULL, NULL }
};
const struct runner_suite suite_spread = { "spread", tests };
