#include <stdint.h>
#include <string.h>

#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

static void arena_gives_aligned_pieces_that_do_not_overlap(void)
{
    struct error err;
    struct arena *arena = arena_new(1 << 20, &err);
    char *a = arena_take(arena, 100, 1, &err), *b = arena_take(arena, 1, 1, &err);

    CU_ASSERT_EQUAL((uintptr_t)a % 64, 0);
    CU_ASSERT_EQUAL((uintptr_t)b % 64, 0);
    CU_ASSERT(b >= a + 100);
    arena_free(arena);
}

static void arena_refuses_what_passes_its_limit(void)
{
    struct error err;
    struct arena *arena = arena_new(1 << 20, &err);

    CU_ASSERT_PTR_NULL(arena_take(arena, (1 << 20) + 1, 1, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    CU_ASSERT_PTR_NULL(arena_take(arena, SIZE_MAX / 2, 3, &err));
    CU_ASSERT_PTR_NULL(arena_take(arena, SIZE_MAX, 1, &err));
    CU_ASSERT_PTR_NOT_NULL(arena_take(arena, 1 << 20, 1, &err));
    CU_ASSERT_PTR_NULL(arena_take(arena, 1, 1, &err));
    arena_free(arena);
}

static void arena_rewinds_and_tells_its_peak(void)
{
    struct error err;
    struct arena *arena = arena_new(1 << 20, &err);
    const size_t mark = arena_mark(arena);

    arena_take(arena, 1000, 64, &err);
    arena_rewind(arena, mark);
    CU_ASSERT_EQUAL(arena_used(arena), 0);
    CU_ASSERT_EQUAL(arena_peak(arena), 64000);
    char *zeroed = arena_take_zeroed(arena, 10, 10, &err);
    CU_ASSERT_EQUAL(zeroed[99], 0);
    CU_ASSERT_STRING_EQUAL(arena_text(arena, "text", &err), "text");
    arena_reset(arena);
    CU_ASSERT_EQUAL(arena_peak(arena), 0);
    arena_free(arena);
    arena_free(NULL);
}

static const struct runner_test tests[] = {
    TEST(arena_gives_aligned_pieces_that_do_not_overlap),
    TEST(arena_refuses_what_passes_its_limit),
    TEST(arena_rewinds_and_tells_its_peak),
    { NULL, NULL }
};
const struct runner_suite suite_arena = { "arena", tests };
