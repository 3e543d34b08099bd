#include "tests/runner.h"

extern const struct runner_suite suite_association, suite_charset, suite_command, suite_dataset,
    suite_identifier, suite_j2k, suite_mask, suite_pdv, suite_pixels, suite_scan, suite_sequence,
    suite_series, suite_stack, suite_suv, suite_tls,
    suite_uid;

int main(int argc, char **argv)
{
    static const struct runner_suite *const suites[] = {
        &suite_association,
        &suite_charset,
        &suite_command,
        &suite_dataset,
        &suite_identifier,
        &suite_j2k,
        &suite_mask,
        &suite_pdv,
        &suite_pixels,
        &suite_scan,
        &suite_sequence,
        &suite_series,
        &suite_stack,
        &suite_suv,
        &suite_tls,
        &suite_uid,
        NULL
    };

    return runner_main(argc, argv, suites);
}
