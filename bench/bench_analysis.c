/*
 * Bench: the stages of the analysis on a phantom of 300 slices of 512 × 512, CT and MR, and what
 * of the arena they take. Arguments: threads, slices, rows and columns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "analysis/analyse.h"
#include "analysis/ball.h"
#include "analysis/candidates.h"
#include "analysis/components.h"
#include "analysis/distance.h"
#include "analysis/levels.h"
#include "analysis/mask.h"
#include "analysis/phantom.h"
#include "analysis/window.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

static struct error err;
static int threads = 2;
static double started;

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void begin(void)
{
    started = now_s();
}

static void end(const char *stage, bool good)
{
    printf("  %-28s %7.3f s\n", stage, now_s() - started);
    if (!good) {
        printf("bench_analysis: %s\n", err.text);
        exit(1);
    }
}

static void time_kernels(const struct volume *volume, const uint8_t *body, uint8_t *mask,
                         struct arena *arena)
{
    const size_t count = volume_count(volume);
    const size_t mark = arena_mark(arena);
    struct components parts;

    begin();
    window_apply(volume, window_make(40, 400), 0, count, mask);
    end("window, 1 thread", true);
    begin();
    mask_erode(body, mask, volume->size, threads);
    end("erosion", true);
    begin();
    mask_dilate(body, mask, volume->size, threads);
    end("dilation", true);
    begin();
    const bool found = components_find(body, volume->size, 1, CONNECTIVITY_26, arena, &parts,
                                       &err);
    end("components", found);
    arena_rewind(arena, mark);
    begin();
    end("closing, ball of 2", ball_apply(BALL_CLOSE, body, mask, volume->size,
                                         (const double[]){ 1, 1, 1 }, 2, threads, arena, &err));
    begin();
    float *const distance = arena_take(arena, count, sizeof *distance, &err);
    end("distance transform", distance != NULL
        && distance_transform(mask, volume->size, (const double[]){ 0.8, 0.8, 1 }, distance, threads,
                              arena, &err));
    arena_rewind(arena, mark);
    begin();
    end("holes", components_fill_holes(mask, volume->size, false, arena, &err));
}

static void time_stages(const struct volume *volume,
                        const struct analysis_parameters *parameters, struct arena *arena)
{
    const size_t count = volume_count(volume), mark = arena_mark(arena);
    struct levels levels;
    size_t specks;

    begin();
    end("levels", levels_make(volume, parameters, arena, &levels, &err));
    uint8_t *const bytes = arena_take_zeroed(arena, 4 * count, 1, &err);
    if (bytes == NULL)
        end("memory", false);
    begin();
    end("body", candidates_body(&levels, bytes, threads, arena, &err));
    begin();
    end("candidates", candidates_find(&levels, bytes, parameters, 1, bytes + count,
                                      bytes + 2 * count, arena, &err));
    begin();
    end("refinement", candidates_refine(&levels, bytes, bytes + count, parameters, 1,
                                        bytes + 3 * count, &specks, arena, &err));
    time_kernels(volume, bytes, bytes + 2 * count, arena);
    arena_rewind(arena, mark);
}

static void time_all(const char *modality, const struct phantom_options *options,
                     struct arena *arena)
{
    static struct findings findings;
    struct analysis_parameters parameters;
    struct phantom_truth truth;
    struct volume volume;
    struct rusage usage = { .ru_maxrss = 0 };

    arena_reset(arena);
    analysis_defaults(modality, &parameters);
    parameters.threads = threads;
    printf("%s, %zu x %zu x %zu, %d threads\n", modality, options->size[0], options->size[1],
           options->size[2], threads);
    begin();
    end("phantom", phantom_make(options, arena, &volume, &truth, &err));
    const size_t used = arena_used(arena);
    begin();
    end("analysis", analyse(&volume, &parameters, arena, &findings, &err));
    getrusage(RUSAGE_SELF, &usage);
    printf("  found %zu of %zu; arena %zu MiB beyond the volume, need told %zu MiB, process "
           "%ld MiB\n", findings.count, truth.count, (arena_peak(arena) - used) >> 20,
           analyse_need(&volume, &parameters) >> 20, usage.ru_maxrss >> 10);
    time_stages(&volume, &parameters, arena);
}

static size_t argument(int argc, char **argv, int at, size_t otherwise)
{
    long long value;

    if (argc <= at)
        return otherwise;
    if (!text_to_int(argv[at], 1, 4096, &value)) {
        fprintf(stderr, "bench_analysis: %s is not a number from 1 to 4096\n", argv[at]);
        exit(2);
    }
    return (size_t)value;
}

int main(int argc, char **argv)
{
    struct phantom_options options;
    struct arena *const arena = arena_new((size_t)4 << 30, &err);

    if (arena == NULL)
        return 1;
    threads = (int)argument(argc, argv, 1, 2);
    for (int modality = PHANTOM_CT; modality <= PHANTOM_MR; modality++) {
        phantom_defaults((enum phantom_modality)modality, &options);
        options.size[2] = argument(argc, argv, 2, 300);
        options.size[0] = options.size[1] = argument(argc, argv, 3, 512);
        time_all(modality == PHANTOM_CT ? "CT" : "MR", &options, arena);
    }
    arena_free(arena);
    return 0;
}
