/*
 * Bench: the kernels of the analysis one by one, on a CT phantom. Arguments: a folder, threads,
 * slices, edge, repeats. The folder gets volume.i16 and body.u8, for others to do the same work; when
 * they are there already they are read. A line a kernel: name, the least seconds, what came of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/ball.h"
#include "analysis/components.h"
#include "analysis/distance.h"
#include "analysis/gauss.h"
#include "analysis/histogram.h"
#include "analysis/mask.h"
#include "analysis/mesh.h"
#include "analysis/otsu.h"
#include "analysis/phantom.h"
#include "analysis/pool.h"
#include "analysis/quality.h"
#include "analysis/register.h"
#include "analysis/resample.h"
#include "analysis/window.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

#define PARTS 64

struct bench {
    struct volume volume;
    size_t count;
    uint8_t *grey, *body, *mask;
    int16_t *copy;
    double spacing_mm[3];
    int threads, repeats;
    struct arena *arena;
    struct error err;
};

struct kernel {
    const char *name;
    bool (*run)(struct bench *bench, double *ret_result);
    bool once;                      /* it takes seconds */
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double sum_bytes(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += bytes[i];
    return (double)sum;
}

/* ---- the kernels ---- */

static void copy_part(size_t part, void *context)
{
    const struct bench *const bench = context;
    const size_t first = part * bench->count / PARTS, end = (part + 1) * bench->count / PARTS;

    memcpy(bench->copy + first, bench->volume.i16 + first, (end - first) * sizeof(int16_t));
}

static bool run_memcpy(struct bench *bench, double *ret_result)
{
    bench->copy = arena_take(bench->arena, bench->count, sizeof(int16_t), &bench->err);
    if (bench->copy == NULL)
        return false;
    pool_run(bench->threads, PARTS, copy_part, bench);
    *ret_result = 4.0 * (double)bench->count;       /* bytes read and written */
    return true;
}

static bool run_window(struct bench *bench, double *ret_result)
{
    window_apply_all(&bench->volume, window_make(40, 400), bench->threads, bench->grey);
    *ret_result = -1;
    return true;
}

/* From the bytes to the threshold. */
static bool run_otsu(struct bench *bench, double *ret_result)
{
    uint64_t histogram[OTSU_BINS];
    int threshold = 0;

    histogram_of_bytes(bench->grey, bench->count, bench->threads, histogram);
    otsu2(histogram, &threshold);
    *ret_result = threshold;
    return true;
}

static bool run_gauss(struct bench *bench, double *ret_result)
{
    float *const smooth = arena_take(bench->arena, bench->count, sizeof *smooth, &bench->err);

    *ret_result = 0;
    return smooth != NULL
        && gauss_apply(&bench->volume, (const double[]){ 1, 1, 1 }, smooth, bench->threads,
                       bench->arena, &bench->err);
}

static bool run_open(struct bench *bench, double *ret_result)
{
    uint8_t *const spare = bench->grey;

    mask_erode(bench->body, spare, bench->volume.size, bench->threads);
    mask_dilate(spare, bench->mask, bench->volume.size, bench->threads);
    *ret_result = -1;
    return true;
}

static bool run_close(struct bench *bench, double *ret_result)
{
    *ret_result = -1;
    return ball_apply(BALL_CLOSE, bench->body, bench->mask, bench->volume.size,
                      (const double[]){ 1, 1, 1 }, 2, bench->threads, bench->arena, &bench->err);
}

static bool label(struct bench *bench, enum connectivity connectivity, double *ret_result)
{
    struct components parts;

    if (!components_find(bench->body, bench->volume.size, 1, connectivity, bench->arena, &parts,
                         &bench->err))
        return false;
    *ret_result = (double)parts.count;
    return true;
}

static bool run_label_26(struct bench *bench, double *ret_result)
{
    return label(bench, CONNECTIVITY_26, ret_result);
}

static bool run_label_6(struct bench *bench, double *ret_result)
{
    return label(bench, CONNECTIVITY_6, ret_result);
}

static bool run_distance(struct bench *bench, double *ret_result)
{
    float *const distance = arena_take(bench->arena, bench->count, sizeof *distance, &bench->err);

    *ret_result = 0;
    return distance != NULL
        && distance_transform(bench->body, bench->volume.size, bench->spacing_mm, distance,
                              bench->threads, bench->arena, &bench->err);
}

static bool run_holes(struct bench *bench, double *ret_result)
{
    memcpy(bench->mask, bench->body, bench->count);
    *ret_result = -1;
    return components_fill_holes(bench->mask, bench->volume.size, false, bench->arena,
                                 &bench->err);
}

static bool make_surface(struct bench *bench, struct mesh *mesh)
{
    struct volume labels = { .type = VOXEL_UINT8, .u8 = bench->body, .even = true };

    memcpy(labels.size, bench->volume.size, sizeof labels.size);
    for (int axis = 0; axis < 3; axis++)
        labels.affine[axis][axis] = bench->spacing_mm[axis];
    return mesh_of_labels(&labels, 1, bench->threads, bench->arena, mesh, &bench->err);
}

static bool run_surface(struct bench *bench, double *ret_result)
{
    struct mesh mesh;

    if (!make_surface(bench, &mesh))
        return false;
    *ret_result = mesh_area_mm2(&mesh);
    return true;
}

/* These two have the making of the surface in their time. */
static bool run_smooth_surface(struct bench *bench, double *ret_result)
{
    struct mesh mesh;

    if (!make_surface(bench, &mesh) || !mesh_smooth(&mesh, 10, bench->arena, &bench->err))
        return false;
    *ret_result = mesh_area_mm2(&mesh);
    return true;
}

static bool run_reduce_surface(struct bench *bench, double *ret_result)
{
    struct mesh mesh;

    if (!make_surface(bench, &mesh) || !mesh_reduce(&mesh, 20000, bench->arena, &bench->err))
        return false;
    *ret_result = (double)mesh.triangles;
    return true;
}

/* The slices as a gantry tilted by 20 degrees would have taken them, to the grid that is measured on. */
static bool run_untilt(struct bench *bench, double *ret_result)
{
    struct volume tilted = bench->volume, made;
    struct resample plan;
    double sum = 0;

    memset(tilted.affine, 0, sizeof tilted.affine);
    for (int axis = 0; axis < 3; axis++)
        tilted.affine[axis][axis] = bench->spacing_mm[axis];
    tilted.affine[1][2] = 0.363970234 * bench->spacing_mm[2];
    tilted.slices = NULL;
    if (!resample_plan(&tilted, 0, bench->arena, &plan, &bench->err)
        || !resample_volume(&plan, bench->threads, bench->arena, &made, &bench->err))
        return false;
    for (size_t i = 0; i < volume_count(&made); i += 4097)
        sum += made.i16[i] + 2048;      /* what is below 0 is a mask that was made */
    *ret_result = sum;
    return true;
}

/* The volume on its own grid after a turn of 5 degrees about the slices' normal, through the middle. */
static bool run_onto(struct bench *bench, double *ret_result)
{
    const double angle[3] = { 0, 0, 5 }, shift[3] = { 0, 0, 0 };
    struct volume volume = bench->volume, made;
    double matrix[4][4], center[3], sum = 0;

    memset(volume.affine, 0, sizeof volume.affine);
    for (int axis = 0; axis < 3; axis++) {
        volume.affine[axis][axis] = bench->spacing_mm[axis];
        center[axis] = bench->spacing_mm[axis] * (double)volume.size[axis] / 2;
    }
    volume.even = true;
    volume.slices = NULL;
    register_matrix(angle, shift, center, matrix);
    if (!resample_onto(&volume, &volume, matrix, RESAMPLE_LINEAR, -1000, bench->threads, bench->arena,
                       &made, &bench->err))
        return false;
    for (size_t i = 0; i < volume_count(&made); i += 4097)
        sum += made.i16[i] + 2048;      /* what is below 0 is a mask that was made */
    *ret_result = sum;
    return true;
}

static bool run_quality(struct bench *bench, double *ret_result)
{
    const struct quality_rules rules = { .own_stops = true };
    struct volume volume = bench->volume;
    struct quality quality;

    for (int axis = 0; axis < 3; axis++)
        volume.affine[axis][axis] = bench->spacing_mm[axis];
    if (!quality_examine(&volume, &rules, bench->threads, bench->arena, &quality, &bench->err))
        return false;
    *ret_result = quality.check[QUALITY_NOISE].value;
    return true;
}

static const struct kernel kernels[] = {
    { "memcpy", run_memcpy, false },
    { "window", run_window, false },
    { "otsu", run_otsu, false },
    { "open-6", run_open, false },
    { "close-ball-2", run_close, false },
    { "label-26", run_label_26, false },
    { "label-6", run_label_6, false },
    { "gaussian-1", run_gauss, false },
    { "distance", run_distance, false },
    { "fill-holes", run_holes, false },
    { "untilt", run_untilt, false },
    { "onto", run_onto, false },
    { "quality", run_quality, false },
    { "surface", run_surface, false },
    { "surface-smooth", run_smooth_surface, false },
    { "surface-20000", run_reduce_surface, true },
    { NULL, NULL, false }
};

static bool time_kernel(struct bench *bench, const struct kernel *kernel)
{
    const size_t mark = arena_mark(bench->arena);
    double least = 1e9, result = 0;

    for (int n = 0; n < (kernel->once ? 1 : bench->repeats); n++) {
        const double began = now_s();
        if (!kernel->run(bench, &result))
            return error_prefix(&bench->err, "%s", kernel->name);
        const double took = now_s() - began;
        least = took < least ? took : least;
        arena_rewind(bench->arena, mark);
    }
    if (result < 0)         /* it made a picture or a mask */
        result = sum_bytes(kernel->run == run_window ? bench->grey : bench->mask, bench->count);
    printf("%s %.4f %.10g\n", kernel->name, least, result);
    fflush(stdout);
    return true;
}

/* ---- what they work on ---- */

static bool in_file(const char *folder, const char *name, bool read, void *bytes, size_t size)
{
    char path[4096];

    text_format(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, read ? "rb" : "wb");
    if (file == NULL)
        return false;
    const size_t done = read ? fread(bytes, 1, size, file) : fwrite(bytes, 1, size, file);
    return (fclose(file) == 0) & (done == size);
}

static bool make_volume(struct bench *bench, const char *folder, size_t slices, size_t edge)
{
    struct phantom_options options;
    struct phantom_truth truth;

    phantom_defaults(PHANTOM_CT, &options);
    options.size[0] = options.size[1] = edge;
    options.size[2] = slices;
    bench->count = edge * edge * slices;
    bench->volume = (struct volume){ .type = VOXEL_INT16, .unit = UNIT_HU, .slope = 1,
                                     .size = { edge, edge, slices } };
    bench->volume.i16 = arena_take(bench->arena, bench->count, sizeof(int16_t), &bench->err);
    if (bench->volume.i16 == NULL)
        return false;
    if (in_file(folder, "volume.i16", true, bench->volume.i16, 2 * bench->count))
        return true;
    if (!phantom_make(&options, bench->arena, &bench->volume, &truth, &bench->err))
        return false;
    return in_file(folder, "volume.i16", false, bench->volume.i16, 2 * bench->count)
        || error_set(&bench->err, ERROR_IO, "%s cannot be written", folder);
}

/* The body: what Otsu's threshold puts above in the windowed picture, with all its holes. */
static bool make_body(struct bench *bench, const char *folder)
{
    uint64_t histogram[OTSU_BINS];
    int threshold = 0;

    bench->grey = arena_take(bench->arena, bench->count, 1, &bench->err);
    bench->body = bench->grey == NULL ? NULL
        : arena_take(bench->arena, bench->count, 1, &bench->err);
    bench->mask = bench->body == NULL ? NULL
        : arena_take_zeroed(bench->arena, bench->count, 1, &bench->err);
    if (bench->mask == NULL)
        return false;
    window_apply_all(&bench->volume, window_make(40, 400), bench->threads, bench->grey);
    histogram_of_bytes(bench->grey, bench->count, bench->threads, histogram);
    otsu2(histogram, &threshold);
    for (size_t i = 0; i < bench->count; i++)
        bench->body[i] = bench->grey[i] > threshold;
    return in_file(folder, "body.u8", false, bench->body, bench->count)
        || error_set(&bench->err, ERROR_IO, "%s cannot be written", folder);
}

static long long argument(int argc, char **argv, int at, long long otherwise)
{
    long long value = otherwise;

    if (argc > at && !text_to_int(argv[at], 1, 4096, &value)) {
        fprintf(stderr, "bench_kernels: %s is not a number from 1 to 4096\n", argv[at]);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static struct bench bench = { .spacing_mm = { 0.8, 0.8, 1.5 } };

    if (argc < 2) {
        fprintf(stderr, "usage: bench_kernels FOLDER [THREADS [SLICES [EDGE [REPEATS]]]]\n");
        return 2;
    }
    bench.threads = (int)argument(argc, argv, 2, 2);
    bench.repeats = (int)argument(argc, argv, 5, 5);
    bench.arena = arena_new((size_t)4 << 30, &bench.err);
    bool good = bench.arena != NULL
        && make_volume(&bench, argv[1], (size_t)argument(argc, argv, 3, 300),
                       (size_t)argument(argc, argv, 4, 512))
        && make_body(&bench, argv[1]);
    for (const struct kernel *kernel = kernels; good && kernel->name != NULL; kernel++)
        good = time_kernel(&bench, kernel);
    if (!good)
        fprintf(stderr, "bench_kernels: %s\n", bench.err.text);
    arena_free(bench.arena);
    return good ? 0 : 1;
}
