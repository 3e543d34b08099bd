#include "tests/runner.h"

extern const struct runner_suite suite_arena, suite_csv, suite_digest, suite_error, suite_gzip,
    suite_nifti, suite_text, suite_volume;

int main(int argc, char **argv)
{
    static const struct runner_suite *const suites[] = {
        &suite_arena, &suite_csv, &suite_digest, &suite_error, &suite_gzip, &suite_nifti, &suite_text,
        &suite_volume, NULL
    };

    return runner_main(argc, argv, suites);
}
