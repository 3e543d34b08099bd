/* Stacks: what must hold of any series, however its frames lie and whatever they tell. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/frame.h"
#include "dicom/series.h"
#include "dicom/stack.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define MOST 40

static struct error err;
static struct arena *arena;
static struct frame frame[MOST], copy[MOST];
static uint16_t pixels[MOST][4];
static struct series_facts facts;
static struct stack stack;

static uint32_t state;

/* 0 to below - 1 */
static unsigned chance(unsigned below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 16) % below;
}

/* Few places, few values: much collides. */
static size_t make(uint32_t seed)
{
    static const double orientations[3][6] = { { 1, 0, 0, 0, 1, 0 }, { 0, 1, 0, 0, 0, -1 },
                                               { 1, 0, 0, 0, 0, -1 } };
    state = seed;
    const unsigned count = 1 + chance(MOST), places = 1 + chance(8), values = 1 + chance(4);
    const unsigned told = chance(1u << DIMENSIONS), turned = 1 + chance(3), contents = 1 + chance(6);

    for (unsigned i = 0; i < count; i++) {
        struct frame *const one = &frame[i];
        *one = (struct frame){ .format = { .rows = 2, .columns = 2 }, .spacing = { 1, 1 }, .slope = 1,
                               .number = 1, .localizer = chance(20) == 0 };
        memcpy(one->orientation, orientations[chance(turned)], sizeof one->orientation);
        for (int axis = 0; axis < 3; axis++)
            one->position[axis] = 3 * (double)chance(places);
        snprintf(one->uid, sizeof one->uid, "1.2.%u", i);
        for (int d = 0; d < DIMENSIONS; d++)
            one->dimension[d] = (told >> d & 1) != 0 ? (double)chance(d == DIMENSION_TYPE ? 1 : values) : NAN;
        if ((told & 1) != 0)
            one->dimension[DIMENSION_INSTANCE] = i;
        for (int p = 0; p < 4; p++)
            pixels[i][p] = (uint16_t)chance(contents);
        one->pixels = one->localizer ? NULL : pixels[i];
    }
    return count;
}

static void check(size_t count, uint32_t seed)
{
    size_t told = 0;
    bool good = stack.count > 0 && stack.count <= count && facts.stack_count > 0
        && facts.stack[0].slices == stack.count && facts.stack[0].reason[0] == '\0';

    for (size_t i = 0; good && i < stack.count; i++) {
        good = !stack.frame[i]->localizer
            && (i == 0 || stack.frame[i]->along > stack.frame[i - 1]->along + 0.009);
        for (int axis = 0; good && axis < 6; axis++)
            good = stack.frame[i]->orientation[axis] == stack.frame[0]->orientation[axis];
    }
    for (size_t i = 0; i < facts.stack_count && i < SERIES_MAX_STACKS; i++) {
        good = good && facts.stack[i].slices > 0 && (i == 0 || facts.stack[i].reason[0] != '\0');
        told += facts.stack[i].slices;
    }
    CU_ASSERT(good && told <= count);
    if (!good || told > count)
        printf("[seed %u] ", (unsigned)seed);
}

/* The slices of the chosen stack lie apart, rise, and are of one kind; all others have a reason. */
static void any_series_gives_one_sound_stack_or_a_sentence(void)
{
    size_t chosen = 0;

    arena = arena_new((size_t)64 << 20, &err);
    for (uint32_t seed = 1; seed <= 20000; seed++) {
        const size_t count = make(seed);
        arena_reset(arena);
        memset(&facts, 0, sizeof facts);
        memset(&err, 0, sizeof err);
        if (stack_choose(frame, count, arena, &stack, &facts, &err)) {
            check(count, seed);
            chosen++;
        } else {
            CU_ASSERT(strcmp(err.text, "a localizer") == 0
                      || strncmp(err.text, "two slices at the same position, ", 33) == 0);
        }
    }
    CU_ASSERT(chosen > 2000 && chosen < 20000);
    arena_free(arena);
}

/* The order in which slices come changes neither the stack nor the reasons. */
static void order_of_coming_changes_nothing_but_what_came_first(void)
{
    static struct series_facts before;
    char uids[MOST][TEXT_UID_SIZE];

    arena = arena_new((size_t)64 << 20, &err);
    for (uint32_t seed = 1; seed <= 4000; seed++) {
        const size_t count = make(seed);
        memset(&facts, 0, sizeof facts);
        arena_reset(arena);
        for (size_t i = 0; i < count; i++)
            copy[i] = frame[count - 1 - i];
        const bool good = stack_choose(frame, count, arena, &stack, &facts, &err);
        const size_t slices = good ? stack.count : 0;
        for (size_t i = 0; i < slices; i++)
            memcpy(uids[i], stack.frame[i]->uid, TEXT_UID_SIZE);
        before = facts;
        memset(&facts, 0, sizeof facts);
        CU_ASSERT_EQUAL(stack_choose(copy, count, arena, &stack, &facts, &err), good);
        if (!good)
            continue;
        CU_ASSERT_EQUAL(stack.count, slices);
        CU_ASSERT_EQUAL(facts.stack_count, before.stack_count);
        bool first = false;
        for (size_t i = 0; i < before.stack_count && i < SERIES_MAX_STACKS; i++)
            first = first || strcmp(before.stack[i].reason, "the analysed one came first") == 0;
        for (size_t i = 0; i < slices && !first && before.stack_count <= SERIES_MAX_STACKS; i++)
            CU_ASSERT_STRING_EQUAL(stack.frame[i]->uid, uids[i]);
    }
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(any_series_gives_one_sound_stack_or_a_sentence),
    TEST(order_of_coming_changes_nothing_but_what_came_first),
    { NULL, NULL }
};
const struct runner_suite suite_stack = { "stack", tests };
