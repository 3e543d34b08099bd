#include "tests/runner.h"

extern const struct runner_suite suite_geometry, suite_images, suite_plane, suite_quality, suite_register,
    suite_report;

int main(int argc, char **argv)
{
    static const struct runner_suite *const suites[] = {
        &suite_geometry, &suite_images, &suite_plane, &suite_quality, &suite_register, &suite_report, NULL
    };

    return runner_main(argc, argv, suites);
}
