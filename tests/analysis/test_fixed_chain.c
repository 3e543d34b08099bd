/* The hardware's chain in C: against the analysis' own steps, the golden set, and as a method. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/components.h"
#include "analysis/fixed_chain.h"
#include "analysis/mask.h"
#include "analysis/methods.h"
#include "analysis/otsu.h"
#include "analysis/phantom.h"
#include "analysis/window.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"

#define LABELS 63
#define MOST (256 * 256)

static struct error err;
static int32_t grey[MOST];
static uint8_t pad[MOST], mask[MOST], spare[3 * 1024];
static struct fixed_slice slice = { .grey = grey, .pad = pad, .mask = mask, .spare = spare };

static const struct fixed_chain golden = {
    .columns = 32, .rows = 16,
    .rescale = { .is_signed = true, .bits = 16, .slope = FIXED_ONE, .intercept = -1024 * FIXED_ONE,
                 .padding = true, .pad_low = 0, .pad_high = 3 },
    .window = { .function = FIXED_LINEAR, .bits = 8, .center16 = 40 * 16, .width16 = 400 * 16 },
    .choice = FIXED_CHOOSE_OTSU, .operation = FIXED_OPEN, .element = FIXED_CROSS,
    .neighbours = FIXED_EIGHT, .labels = LABELS
};

static struct volume make_phantom(struct arena *arena)
{
    struct phantom_options options;
    struct phantom_truth truth;
    struct volume volume;

    phantom_defaults(PHANTOM_CT, &options);
    CU_ASSERT_FATAL(phantom_make(&options, arena, &volume, &truth, &err));
    CU_ASSERT_FATAL(volume.type == VOXEL_INT16 && volume.size[0] * volume.size[1] <= MOST);
    return volume;
}

/* ---- the chain, slice by slice ---- */

/* Windowed as the captures are, by the analysis' Otsu, opened by its erosion and dilation. */
static void plain_slice(const struct volume *volume, size_t k, uint8_t *picture, uint8_t *opened)
{
    static uint8_t chosen[MOST], eroded[MOST];
    const size_t count = volume->size[0] * volume->size[1], size[3] = { volume->size[0], volume->size[1], 1 };
    const struct window window = window_make(40, 400);
    uint64_t histogram[OTSU_BINS] = { 0 };
    int threshold = 255;

    for (size_t at = 0; at < count; at++) {
        picture[at] = window_value16(window, (int32_t)(volume_value(volume, k * count + at) * 16));
        histogram[picture[at]]++;
    }
    otsu2(histogram, &threshold);
    for (size_t at = 0; at < count; at++)
        chosen[at] = picture[at] > threshold;
    mask_erode(chosen, eroded, size, 1);
    mask_dilate(eroded, opened, size, 1);
}

static void compare_components(const struct volume *volume, uint8_t *opened, struct arena *arena)
{
    const size_t size[3] = { volume->size[0], volume->size[1], 1 };
    struct components parts;

    CU_ASSERT_FATAL(components_find(opened, size, 1, CONNECTIVITY_26, arena, &parts, &err));
    if (slice.components.lost > 0)
        return;
    CU_ASSERT_EQUAL_FATAL(parts.count, slice.components.count);
    for (size_t n = 0; n < parts.count; n++)
        CU_ASSERT_EQUAL(parts.component[n].voxels, slice.part[n].area);
}

static void the_chain_equals_the_steps_of_the_analysis_picture_for_picture(void)
{
    static uint8_t picture[MOST], opened[MOST];
    struct arena *const arena = arena_new((size_t)256 << 20, &err);
    const struct volume volume = make_phantom(arena);
    const size_t count = volume.size[0] * volume.size[1];
    struct fixed_chain chain = golden;
    size_t wrong = 0, chosen = 0;

    chain.columns = volume.size[0];
    chain.rows = volume.size[1];
    chain.rescale = (struct fixed_rescale){ .is_signed = true, .bits = 16,
        .slope = (int32_t)(volume.slope * FIXED_ONE), .intercept = (int32_t)(volume.intercept * FIXED_ONE) };
    for (size_t k = 0; k < volume.size[2]; k++) {
        fixed_chain_run(&chain, (const uint16_t *)volume.i16 + k * count, NULL, &slice);
        plain_slice(&volume, k, picture, opened);
        for (size_t at = 0; at < count; at++) {
            wrong += grey[at] != picture[at] || mask[at] != opened[at];
            chosen += mask[at];
        }
        compare_components(&volume, opened, arena);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(chosen > 1000);
    arena_free(arena);
}

/* hw/golden.txt lies in the tree and drives the bench of the VHDL, too. */
static void the_golden_set_of_the_hardware_is_the_chains(void)
{
    static uint16_t stored[MOST];
    static int wanted[MOST][3];
    char path[4200], line[128];
    size_t slices = 0, at = 0;
    int wrong = 0;

    snprintf(path, sizeof path, "%s/hw/golden.txt", runner_source());
    FILE *const file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof line, file) != NULL) {
        unsigned given;
        if (line[0] == 's') {
            slices++;
            at = 0;
        } else if (at < 32 * 16 && sscanf(line, "%u %d %d %d", &given, &wanted[at][0], &wanted[at][1],
                                          &wanted[at][2]) == 4)
            stored[at++] = (uint16_t)given;
    }
    fclose(file);
    CU_ASSERT_EQUAL(slices, 2);             /* for Otsu's threshold, and by it */
    CU_ASSERT_EQUAL_FATAL(at, 32 * 16);
    fixed_chain_run(&golden, stored, NULL, &slice);
    for (at = 0; at < 32 * 16; at++)
        wrong += grey[at] != wanted[at][0] || pad[at] != wanted[at][1] || mask[at] != wanted[at][2];
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(slice.components.count > 1);
}

/* ---- as a method ---- */

/* Engines: the twin itself, one with a wrong voxel, one that is gone. */
static bool run_twin(void *context, const struct fixed_chain *chain, const uint16_t *stored,
                     struct fixed_slice *to, struct error *error)
{
    const int *const fault = context;

    if (*fault == 3)
        return error_set(error, ERROR_IO, "the chip does not answer");
    fixed_chain_run(chain, stored, NULL, to);
    to->grey[0] ^= *fault == 1;
    if (*fault == 2)
        to->mask[chain->columns * chain->rows / 2] ^= 1;
    return true;
}

static bool run_method(const struct volume *volume, int *fault, struct arena *arena,
                       struct findings *ret_findings)
{
    const struct fixed_engine engine = { run_twin, fault };
    struct analysis_parameters parameters;

    analysis_defaults("CT", &parameters);
    snprintf(parameters.method, sizeof parameters.method, "fixed-pipeline");
    parameters.min_lesion_mm3 = 0;
    parameters.chip = fault == NULL ? NULL : &engine;
    memset(ret_findings, 0, sizeof *ret_findings);
    return analyse(volume, &parameters, arena, ret_findings, &err);
}

static bool equal(const struct findings *one, const struct findings *other, size_t count)
{
    return one->count == other->count && one->total_mm3 == other->total_mm3
        && strcmp(one->rule, other->rule) == 0
        && memcmp(one->labels.voxels, other->labels.voxels, count * voxel_size(one->labels.type)) == 0;
}

static void findings_are_the_same_whoever_takes_the_slices_and_a_fault_is_seen(void)
{
    static struct findings own, other;
    struct arena *const arena = arena_new((size_t)512 << 20, &err);
    const struct volume volume = make_phantom(arena);
    const size_t count = volume_count(&volume);

    CU_ASSERT_FATAL(run_method(&volume, NULL, arena, &own));
    CU_ASSERT(own.count > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(own.rule, "Otsu threshold"));
    CU_ASSERT_FATAL(run_method(&volume, &(int){ 0 }, arena, &other));
    CU_ASSERT(equal(&own, &other, count));
    for (int fault = 1; fault < 3; fault++) {
        CU_ASSERT_FATAL(run_method(&volume, &fault, arena, &other));
        CU_ASSERT_FALSE(equal(&own, &other, count));
    }
    CU_ASSERT_FALSE(run_method(&volume, &(int){ 3 }, arena, &other));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: slice 0: the chip does not answer");
    arena_free(arena);
}

static void what_the_hardware_cannot_take_is_refused_with_its_sentence(void)
{
    static struct findings findings;
    static float few[8];
    static int16_t wide[1025 * 2];
    struct arena *const arena = arena_new((size_t)16 << 20, &err);
    struct volume volume = { .type = VOXEL_FLOAT32, .unit = UNIT_HU, .size = { 2, 2, 2 }, .f32 = few, .slope = 1,
                             .affine = { { 1, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 1, 0 } }, .even = true };

    CU_ASSERT_FALSE(run_method(&volume, NULL, arena, &findings));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "takes stored whole numbers"));
    volume.type = VOXEL_INT16;
    volume.i16 = wide;
    volume.size[0] = 1025;
    volume.size[2] = 1;
    CU_ASSERT_FALSE(run_method(&volume, NULL, arena, &findings));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "slices to 1024 x 1024, and these have 1025 x 2"));
    volume.size[0] = 10;
    volume.slope = 40000;
    CU_ASSERT_FALSE(run_method(&volume, NULL, arena, &findings));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "do not hold the slope 40000"));
    volume.slope = 1;
    CU_ASSERT(run_method(&volume, NULL, arena, &findings));     /* one grey: nothing, and said */
    CU_ASSERT(findings.count == 0 && findings.warning_count > 0);
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(the_chain_equals_the_steps_of_the_analysis_picture_for_picture),
    TEST(the_golden_set_of_the_hardware_is_the_chains),
    TEST(findings_are_the_same_whoever_takes_the_slices_and_a_fault_is_seen),
    TEST(what_the_hardware_cannot_take_is_refused_with_its_sentence),
    { NULL, NULL }
};
const struct runner_suite suite_fixed_chain = { "fixed_chain", tests };
