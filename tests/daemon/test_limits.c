/* Limits: the clock's arithmetic by hand, and a rate by the clock. */
#include <time.h>

#include "daemon/limits.h"
#include "tests/runner.h"

static void limits_hours_hold_from_their_first_minute_to_before_their_last(void)
{
    CU_ASSERT(limits_hold_at("08:00-16:30", 8 * 60));
    CU_ASSERT(limits_hold_at("08:00-16:30", 16 * 60 + 29));
    CU_ASSERT_FALSE(limits_hold_at("08:00-16:30", 16 * 60 + 30));
    CU_ASSERT_FALSE(limits_hold_at("08:00-16:30", 7 * 60 + 59));
}

static void limits_hours_go_over_midnight(void)
{
    CU_ASSERT(limits_hold_at("22:00-06:00", 22 * 60));
    CU_ASSERT(limits_hold_at("22:00-06:00", 1439));
    CU_ASSERT(limits_hold_at("22:00-06:00", 0));
    CU_ASSERT(limits_hold_at("22:00-06:00", 5 * 60 + 59));
    CU_ASSERT_FALSE(limits_hold_at("22:00-06:00", 6 * 60));
    CU_ASSERT_FALSE(limits_hold_at("22:00-06:00", 12 * 60));
    CU_ASSERT(limits_hold_at("", 12 * 60));
}

static void limits_take_nothing_else_for_hours(void)
{
    static const char *const wrong[] = { "22-06", "24:00-06:00", "22:00-06:60", "22:00-06:00 ", "7:00-8:00",
                                         "08:00-08:00", "08:00/09:00", "-1:00-09:00", "x" };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_FALSE(limits_are_hours(wrong[i]));
    CU_ASSERT(limits_are_hours("00:00-23:59"));
    CU_ASSERT(limits_are_hours(""));
}

/* 8 MiB at 8 MiB/s less a burst of a quarter of a second: not under 0.7 s. */
static void limits_slow_a_peer_down_and_no_other(void)
{
    struct timespec begun, ended;

    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (int i = 0; i < 128; i++)
        limits_wait("SLOW", 65536, 8);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    const double took = (double)(ended.tv_sec - begun.tv_sec)
        + (double)(ended.tv_nsec - begun.tv_nsec) * 1e-9;
    CU_ASSERT(took > 0.7);
    for (int i = 0; i < 128; i++)
        limits_wait("FREE", 65536, 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    CU_ASSERT((double)(begun.tv_sec - ended.tv_sec)
              + (double)(begun.tv_nsec - ended.tv_nsec) * 1e-9 < 0.5);
}

static const struct runner_test tests[] = {
    TEST(limits_hours_hold_from_their_first_minute_to_before_their_last),
    TEST(limits_hours_go_over_midnight),
    TEST(limits_take_nothing_else_for_hours),
    TEST(limits_slow_a_peer_down_and_no_other),
    { NULL, NULL }
};
const struct runner_suite suite_limits = { "limits", tests };
