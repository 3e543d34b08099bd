#include "tests/runner.h"

extern const struct runner_suite suite_api, suite_config, suite_convert, suite_decide, suite_job,
    suite_journal, suite_limits, suite_message, suite_query, suite_rank, suite_receiver, suite_sandbox, suite_sender, suite_stats, suite_store;

int main(int argc, char **argv)
{
    static const struct runner_suite *const suites[] = {
        &suite_api, &suite_config, &suite_convert, &suite_decide, &suite_job, &suite_journal,
        &suite_limits, &suite_message, &suite_query, &suite_rank, &suite_receiver, &suite_sandbox, &suite_sender, &suite_stats,
        &suite_store, NULL
    };

    return runner_main(argc, argv, suites);
}
