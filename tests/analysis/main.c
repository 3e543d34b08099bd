#include "tests/runner.h"

extern const struct runner_suite suite_ball, suite_distance, suite_grid, suite_kernels, suite_number;
extern const struct runner_suite suite_truth, suite_voi;

int main(int argc, char **argv)
{
    static const struct runner_suite *const suites[] = {
        &suite_ball,
        &suite_distance,
        &suite_grid,
        &suite_kernels,
        &suite_number,
        &suite_truth,
        &suite_voi,
        NULL
    };

    return runner_main(argc, argv, suites);
}
