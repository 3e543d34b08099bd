/* Phantom: coverage of each voxel by each shape, laid over each other, then field and noise. */
#include "analysis/phantom.h"

#include <math.h>
#include <string.h>

#include "analysis/findings.h"
#include "util/arena.h"
#include "util/error.h"

#define SUBSAMPLES 4            /* along each axis, where a surface crosses a voxel */
#define FEW 2                   /* of the trunk, whose surfaces are many and whose truth is that of centres */
#define MAX_SHAPES (PHANTOM_MAX_LESIONS + 16)
#define TRIES 20000

struct shape {                  /* an ellipsoid, or a cylinder where a semi-axis is 0 */
    double center[3], semi[3], rotation[3][3], value;
};

struct scene {
    struct shape shape[MAX_SHAPES];
    size_t count;
    double air, noise;
};

struct palette {                /* values of air, body, organ, the lesions' contrast, noise */
    double air, body, organ, noise;
};

static const struct palette palettes[] = {
    [PHANTOM_CT] = { -1000, 0, 60, 12 },
    [PHANTOM_MR] = { 0, 200, 300, 20 },
    [PHANTOM_PT] = { 0, 0.5, 2, 0.25 }
};

void phantom_defaults(enum phantom_modality modality, struct phantom_options *ret_options)
{
    *ret_options = (struct phantom_options){
        .modality = modality, .seed = 1, .lesions = 3, .size = { 128, 128, 64 },
        .spacing_mm = { 1, 1, 1 }, .cnr = 4, .bias = modality == PHANTOM_MR ? 0.2 : 0
    };
}

/* ---- chance: a counter through splitmix64, so that voxels can be made in any order ---- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static double uniform(uint64_t *state)
{
    *state = mix(*state);
    return (double)(*state >> 11) / 9007199254740992.0;
}

static double between(uint64_t *state, double low, double high)
{
    return low + (high - low) * uniform(state);
}

/* Nearly normal: the sum of twelve uniform numbers, without libm, the same everywhere. */
static double normal(uint64_t seed, uint64_t index)
{
    double sum = 0;

    for (uint64_t part = 0; part < 3; part++) {
        const uint64_t bits = mix(mix(seed + part) ^ index);
        for (int i = 0; i < 4; i++)
            sum += (double)((bits >> (16 * i)) & 0xffff) / 65536.0;
    }
    return sum - 6 + 6.0 / 65536.0;
}

/* ---- shapes ---- */

static void rotation_about(const double angle[3], double ret[3][3])
{
    const double cx = cos(angle[0]), sx = sin(angle[0]), cy = cos(angle[1]);
    const double sy = sin(angle[1]), cz = cos(angle[2]), sz = sin(angle[2]);
    const double matrix[3][3] = {
        { cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx },
        { sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx },
        { -sy, cy * sx, cy * cx }
    };

    memcpy(ret, matrix, sizeof matrix);
}

/* 0 at the centre, 1 on the surface. */
static double reach(const struct shape *shape, const double at[3])
{
    double sum = 0;

    for (int axis = 0; axis < 3; axis++) {
        if (shape->semi[axis] == 0)
            continue;
        double along = 0;
        for (int i = 0; i < 3; i++)
            along += shape->rotation[i][axis] * (at[i] - shape->center[i]);
        sum += along * along / (shape->semi[axis] * shape->semi[axis]);
    }
    return sqrt(sum);
}

static void to_patient(const struct volume *volume, double i, double j, double k,
                       double ret[3])
{
    volume_to_patient(volume, (const double[3]){ i, j, k }, ret);
}

/* The part of the voxel inside the shape; sampled where the surface may cross it. */
static double coverage(const struct shape *shape, const struct volume *volume,
                       const double voxel[3], double half_diagonal, int samples)
{
    double at[3];
    int inside = 0;
    double shortest = INFINITY;

    to_patient(volume, voxel[0], voxel[1], voxel[2], at);
    const double distance = reach(shape, at);
    for (int axis = 0; axis < 3; axis++)
        if (shape->semi[axis] > 0)
            shortest = fmin(shortest, shape->semi[axis]);
    if (distance > 1 + half_diagonal / shortest)
        return 0;
    if (distance < 1 - half_diagonal / shortest)
        return 1;
    for (int s = 0; s < samples * samples * samples; s++) {
        const double step = 1.0 / samples, first = step / 2 - 0.5;
        to_patient(volume, voxel[0] + first + step * (s % samples),
                   voxel[1] + first + step * (s / samples % samples),
                   voxel[2] + first + step * (s / (samples * samples)), at);
        inside += reach(shape, at) < 1;
    }
    return inside / (double)(samples * samples * samples);
}

static struct shape *add_shape(struct scene *scene, const double center[3],
                               const double semi[3], double value,
                               const double rotation[3][3])
{
    static const double none[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    struct shape *const shape = &scene->shape[scene->count++];

    memcpy(shape->center, center, sizeof shape->center);
    memcpy(shape->semi, semi, sizeof shape->semi);
    memcpy(shape->rotation, rotation != NULL ? rotation : none, sizeof shape->rotation);
    shape->value = value;
    return shape;
}

/* ---- the scene ---- */

/* The grid's centre is the origin of the patient's system. */
static void make_grid(const struct phantom_options *options, struct volume *volume)
{
    double turn[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    uint64_t state = mix(options->seed ^ 0x0b11);
    double angle[3];

    for (int axis = 0; axis < 3; axis++)
        angle[axis] = between(&state, -M_PI / 6, M_PI / 6);
    if (options->oblique)
        rotation_about(angle, turn);
    for (int row = 0; row < 3; row++) {
        volume->affine[row][3] = 0;
        for (int axis = 0; axis < 3; axis++) {
            volume->affine[row][axis] = turn[row][axis] * options->spacing_mm[axis];
            volume->affine[row][3] -= volume->affine[row][axis]
                * ((double)options->size[axis] - 1) / 2;
        }
    }
    memcpy(volume->size, options->size, sizeof volume->size);
    volume->slope = 1;
    volume->even = true;
}

/* Where the scene lies: a tilted stack holds less of a plane in all of its slices. */
static bool make_scene_grid(const struct phantom_options *options, struct volume *ret_grid,
                            struct error *err)
{
    struct phantom_options smaller = *options;
    const double shift = fabs(tan(options->tilt_degrees * M_PI / 180)) * options->spacing_mm[2]
        * (double)options->size[2] / options->spacing_mm[1];

    if (!(fabs(options->tilt_degrees) <= 45) || shift > 0.5 * (double)options->size[1])
        return error_set(err, ERROR_USAGE, "a tilt of %g degrees over %zu slices leaves no body",
                         options->tilt_degrees, options->size[2]);
    smaller.size[1] -= (size_t)shift;
    make_grid(&smaller, ret_grid);
    return true;
}

/* The position of slice k of all that could be, in mm along the columns and the normal. */
static void slice_place(const struct phantom_options *options, size_t k, double ret_mm[2])
{
    const double middle = ((double)options->size[2] - 1) / 2;
    const double late = k % 2 == 1 ? options->uneven : 0;

    ret_mm[1] = ((double)k + late - middle) * options->spacing_mm[2];
    ret_mm[0] = tan(options->tilt_degrees * M_PI / 180) * ret_mm[1];
}

static bool is_regular(const struct phantom_options *options)
{
    return options->tilt_degrees == 0 && options->missing == 0 && options->uneven == 0;
}

/* The first slice that is missing: those that are lie around the middle of the first lesion. */
static size_t first_missing(const struct phantom_options *options, const struct volume *volume,
                            const double center[3])
{
    double along = ((double)volume->size[2] - 1) / 2;

    for (int row = 0; row < 3; row++)
        along += center[row] * volume->affine[row][2] / pow(options->spacing_mm[2], 2);
    along = fmin(fmax(along - (double)options->missing / 2, 1),
                 (double)(volume->size[2] - options->missing - 1));
    return (size_t)(along + 0.5);
}

/* From the rectangular grid to the slices as they lie. */
static bool place_slices(const struct phantom_options *options, const double center[3],
                         struct arena *arena, struct volume *volume, struct error *err)
{
    const size_t all = volume->size[2], gap = first_missing(options, volume, center);
    double origin[3], place[2];
    struct volume_slice *const slices = arena_take_zeroed(arena, all, sizeof *slices, err);

    if (slices == NULL)
        return false;
    for (int row = 0; row < 3; row++)
        origin[row] = volume->affine[row][3]
            + ((double)all - 1) / 2 * volume->affine[row][2];
    for (size_t k = 0, at = 0; k < all; k++) {
        if (options->missing > 0 && k >= gap && k < gap + options->missing)
            continue;
        slice_place(options, k, place);
        for (int row = 0; row < 3; row++)
            slices[at].position_mm[row] = origin[row]
                + place[0] * volume->affine[row][1] / options->spacing_mm[1]
                + place[1] * volume->affine[row][2] / options->spacing_mm[2];
        at++;
    }
    volume->size[2] -= options->missing;
    const size_t last = volume->size[2] - 1;
    for (int row = 0; row < 3; row++) {
        volume->affine[row][3] = slices[0].position_mm[row];
        volume->affine[row][2] = (slices[last].position_mm[row] - slices[0].position_mm[row])
            / (double)last;
    }
    volume->even = options->missing == 0 && options->uneven == 0;
    volume->slices = slices;
    return true;
}

/* The grid on which index k is slice k with its own thickness, whatever its neighbours do. */
static struct volume slab_of(const struct volume *volume, const struct volume *rectangular,
                             size_t k)
{
    struct volume slab = *volume;

    slab.slices = NULL;
    slab.even = true;
    for (int row = 0; row < 3; row++) {
        slab.affine[row][2] = rectangular->affine[row][2];
        slab.affine[row][3] = volume->slices[k].position_mm[row]
            - (double)k * slab.affine[row][2];
    }
    return slab;
}

static void grid_axes(const struct volume *volume, double ret[3][3])
{
    for (int axis = 0; axis < 3; axis++)
        for (int row = 0; row < 3; row++)
            ret[row][axis] = volume->affine[row][axis] / volume_spacing_mm(volume, axis);
}

/* A point given in parts of the grid's half extent, in the patient's system. */
static void place(const struct volume *volume, const double part[3], double ret[3])
{
    double voxel[3];

    for (int axis = 0; axis < 3; axis++)
        voxel[axis] = ((double)volume->size[axis] - 1) / 2 * (1 + part[axis]);
    volume_to_patient(volume, voxel, ret);
}

static double half_extent(const struct volume *volume, int axis)
{
    return (double)volume->size[axis] * volume_spacing_mm(volume, axis) / 2;
}

/* Keeps its distance from the other lesions and from the organ's surface? */
static bool is_free(const struct scene *scene, const struct shape *organ, size_t first,
                    const double center[3], double radius, double gap)
{
    const double room = fmin(organ->semi[0], fmin(organ->semi[1], organ->semi[2]));

    if (reach(organ, center) > 1 - (radius + gap) / room)
        return false;
    for (size_t i = first; i < scene->count; i++) {
        const struct shape *const other = &scene->shape[i];
        const double other_radius = fmax(other->semi[0], fmax(other->semi[1], other->semi[2]));
        double square = 0;
        for (int axis = 0; axis < 3; axis++)
            square += pow(center[axis] - other->center[axis], 2);
        if (sqrt(square) < radius + other_radius + 2 * gap)
            return false;
    }
    return true;
}

static bool add_lesion(const struct phantom_options *options, const struct volume *volume,
                       struct scene *scene, const struct shape *organ, size_t first,
                       double value, uint64_t *state)
{
    const double *const s = options->spacing_mm;
    const double voxel = fmax(s[0], fmax(s[1], s[2]));

    for (int i = 0; i < TRIES; i++) {
        double semi[3], angle[3], part[3], center[3], rotation[3][3], radius = 0;
        for (int axis = 0; axis < 3; axis++) {
            semi[axis] = between(state, 3, 4.5 + 1.5 * (i < TRIES / 2)) * voxel;
            angle[axis] = between(state, 0, M_PI);
            part[axis] = between(state, -0.7, 0.7);
            radius = fmax(radius, semi[axis]);
        }
        place(volume, part, center);
        if (!is_free(scene, organ, first, center, radius, 2.5 * voxel))
            continue;
        rotation_about(angle, rotation);
        add_shape(scene, center, semi, value, (const double (*)[3])rotation);
        return true;
    }
    return false;
}

/* Bone at the back, a vessel beside it, gas in front: what looks like lesions and is none. */
static void add_distractors(const struct phantom_options *options,
                            const struct volume *volume, struct scene *scene,
                            const double axes[3][3])
{
    static const struct { double part[3], radius[3]; } at[3] = {
        { { 0, 0.62, 0 }, { 0.1, 0.1, 0 } }, { { 0.18, 0.5, 0 }, { 0.04, 0.04, 0 } },
        { { -0.3, -0.55, 0.1 }, { 0.12, 0.07, 0.15 } }
    };
    static const double values[][3] = {
        [PHANTOM_CT] = { 700, 180, -900 }, [PHANTOM_MR] = { 40, 420, 10 },
        [PHANTOM_PT] = { 0.8, 1.5, 0.1 }
    };

    for (int i = 0; i < 3; i++) {
        double center[3], semi[3];
        place(volume, at[i].part, center);
        for (int axis = 0; axis < 3; axis++)
            semi[axis] = at[i].radius[axis] * half_extent(volume, axis);
        add_shape(scene, center, semi, values[options->modality][i], axes);
    }
}

/* The body reaches beyond the first and last slice; the organ lies within. */
static const struct shape *add_body(const struct phantom_options *options,
                                    const struct volume *volume, struct scene *scene,
                                    const double axes[3][3])
{
    const struct palette *const palette = &palettes[options->modality];
    const double center[3] = { 0, 0, 0 };
    const double body[3] = { 0.9 * half_extent(volume, 0), 0.85 * half_extent(volume, 1), 0 };
    const double organ[3] = { 0.72 * half_extent(volume, 0), 0.68 * half_extent(volume, 1),
                              0.85 * half_extent(volume, 2) };

    scene->air = palette->air;
    scene->noise = palette->noise;
    add_shape(scene, center, body, palette->body, axes);
    return add_shape(scene, center, organ, palette->organ, axes);
}

/*
 * The mass lies left of the spine, crosses the midline in front of it and touches the aorta;
 * its calcifications are bright specks that belong to it.
 */
static void add_neuroblastoma(const struct phantom_options *options,
                              const struct volume *volume, struct scene *scene,
                              const double axes[3][3], uint64_t *state)
{
    const struct palette *const palette = &palettes[options->modality];
    const double value = palette->organ + options->cnr * palette->noise;
    const double side = half_extent(volume, 0), deep = half_extent(volume, 1);
    const double high = half_extent(volume, 2);
    const double mass[3] = { 0.3 * side, 0.26 * deep, 0.4 * high };
    double center[3], aorta[3], calcification[3];

    place(volume, (const double[3]){ 0.2, 0.12, 0 }, center);
    add_shape(scene, center, mass, value, axes);
    for (int i = 0; i < 6; i++) {
        const double radius = between(state, 1, 1.6) * options->spacing_mm[0];
        const double part[3] = { between(state, 0.1, 0.3), between(state, 0.05, 0.2),
                                 between(state, -0.15, 0.15) };
        place(volume, part, calcification);
        add_shape(scene, calcification, (const double[3]){ radius, radius, radius },
                  options->modality == PHANTOM_CT ? 450 : value, axes);
    }
    place(volume, (const double[3]){ 0.02, 0.42, 0 }, aorta);
    add_shape(scene, aorta, (const double[3]){ 0.06 * side, 0.06 * side, 0 },
              options->modality == PHANTOM_CT ? 160 : palette->organ, axes);
}

/* ---- a trunk ---- */

/*
 * An adult's, in LPS mm about the grid's centre: sizes as in anatomy's tables, contrast as in the portal
 * phase (imaging-physics, section 1). What comes later lies over what came before; a semi-axis of 0
 * goes on for ever.
 */
static const struct {
    double center[3], semi[3], value;
    enum organ_id organ;
} trunk[] = {
    { { 0, 150, 0 }, { 220, 4, 0 }, 100, ORGAN_NONE },                  /* the table's top */
    { { 0, 0, 0 }, { 175, 125, 0 }, -105, ORGAN_FAT_SUBCUTANEOUS },
    { { 0, 0, 0 }, { 152, 102, 0 }, 60, ORGAN_MUSCLE },
    { { 0, -6, 0 }, { 136, 84, 0 }, -95, ORGAN_FAT_VISCERAL },
    { { -45, 72, 0 }, { 34, 20, 0 }, 60, ORGAN_MUSCLE },                /* muscles of the back */
    { { 45, 72, 0 }, { 34, 20, 0 }, 60, ORGAN_MUSCLE },
    { { 0, 62, 0 }, { 22, 18, 0 }, 650, ORGAN_BONE },                   /* a vertebra's cortex */
    { { 0, 62, 0 }, { 18, 14, 0 }, 220, ORGAN_BONE },                   /* its marrow */
    { { 0, 88, 0 }, { 14, 12, 0 }, 500, ORGAN_BONE },                   /* its arch */
    { { 0, 87, 0 }, { 9, 7, 0 }, 25, ORGAN_BODY },                      /* the canal */
    { { 144, 0, 0 }, { 5, 10, 0 }, 550, ORGAN_BONE },                   /* ribs */
    { { -144, 0, 0 }, { 5, 10, 0 }, 550, ORGAN_BONE },
    { { 122, -57, 0 }, { 8, 8, 0 }, 550, ORGAN_BONE },
    { { -122, -57, 0 }, { 8, 8, 0 }, 550, ORGAN_BONE },
    { { 120, 56, 0 }, { 8, 8, 0 }, 550, ORGAN_BONE },
    { { -120, 56, 0 }, { 8, 8, 0 }, 550, ORGAN_BONE },
    { { 60, -88, 0 }, { 10, 5, 0 }, 550, ORGAN_BONE },
    { { -60, -88, 0 }, { 10, 5, 0 }, 550, ORGAN_BONE },
    { { 8, 30, 0 }, { 11, 11, 0 }, 160, ORGAN_BODY },                   /* the aorta */
    { { -68, -8, 105 }, { 56, 66, 120 }, -850, ORGAN_LUNG_RIGHT },
    { { 72, -4, 105 }, { 50, 66, 120 }, -850, ORGAN_LUNG_LEFT },
    { { 22, -32, 95 }, { 48, 42, 55 }, 150, ORGAN_BODY },               /* the heart */
    { { 0, -10, 150 }, { 9, 9, 60 }, -1000, ORGAN_BODY },               /* the windpipe */
    { { -58, -18, -62 }, { 74, 62, 58 }, 105, ORGAN_LIVER },
    { { 98, 30, -62 }, { 26, 34, 48 }, 120, ORGAN_SPLEEN },
    { { 40, -45, -50 }, { 34, 28, 40 }, 30, ORGAN_BODY },               /* the stomach, */
    { { 40, -58, -50 }, { 20, 12, 24 }, -1000, ORGAN_BODY },            /* with gas in it */
    { { -58, 42, -105 }, { 27, 22, 52 }, 180, ORGAN_KIDNEY_RIGHT },
    { { 58, 42, -98 }, { 27, 22, 52 }, 180, ORGAN_KIDNEY_LEFT }
};

#define TRUNK_SHAPES (sizeof trunk / sizeof *trunk)

static void add_trunk(struct scene *scene)
{
    for (size_t n = 0; n < TRUNK_SHAPES; n++)
        add_shape(scene, trunk[n].center, trunk[n].semi, trunk[n].value, NULL);
}

void phantom_organs(const struct volume *volume, uint8_t *labels)
{
    struct scene scene = { .count = 0 };
    double at[3];
    size_t index = 0;

    add_trunk(&scene);
    for (size_t k = 0; k < volume->size[2]; k++)
        for (size_t j = 0; j < volume->size[1]; j++)
            for (size_t i = 0; i < volume->size[0]; i++, index++) {
                labels[index] = ORGAN_NONE;
                to_patient(volume, (double)i, (double)j, (double)k, at);
                for (size_t n = 0; n < TRUNK_SHAPES; n++)
                    if (reach(&scene.shape[n], at) < 1)
                        labels[index] = (uint8_t)trunk[n].organ;
            }
}

static bool make_scene(const struct phantom_options *options, const struct volume *volume,
                       struct scene *scene, size_t *ret_first, size_t *ret_count,
                       struct error *err)
{
    const struct palette *const palette = &palettes[options->modality];
    uint64_t state = mix(options->seed);
    double axes[3][3];

    if (options->kind == PHANTOM_TRUNK) {
        scene->air = palette->air;
        scene->noise = palette->noise;
        add_trunk(scene);
        *ret_first = *ret_count = 0;
        return true;
    }
    grid_axes(volume, axes);
    const struct shape *const organ
        = add_body(options, volume, scene, (const double (*)[3])axes);
    if (options->distractors)
        add_distractors(options, volume, scene, (const double (*)[3])axes);
    *ret_first = scene->count;
    *ret_count = options->lesions;
    if (options->kind == PHANTOM_NEUROBLASTOMA) {
        add_neuroblastoma(options, volume, scene, (const double (*)[3])axes, &state);
        *ret_count = 1;
        return true;
    }
    for (size_t i = 0; i < options->lesions; i++)
        if (!add_lesion(options, volume, scene, organ, *ret_first,
                        palette->organ + options->cnr * palette->noise, &state))
            return error_set(err, ERROR_DATA, "%zu lesions do not fit into %zu x %zu x %zu "
                             "voxels", options->lesions, volume->size[0], volume->size[1],
                             volume->size[2]);
    return true;
}

/* ---- voxels ---- */

/* A smooth field, 1 ± bias, as a surface coil's: it has no corner that a lesion could have. */
static double field_at(const struct phantom_options *options, const double part[3])
{
    uint64_t state = mix(options->seed ^ 0xf1e1d);
    double sum = 0;

    for (int axis = 0; axis < 3; axis++)
        sum += sin(1.3 * part[axis] + between(&state, 0, 2 * M_PI));
    return 1 + options->bias * sum / 3;
}

static double voxel_value(const struct phantom_options *options, const struct scene *scene,
                          const struct volume *volume, const double voxel[3],
                          double half_diagonal, uint64_t index)
{
    double value = scene->air, part[3];

    for (size_t i = 0; i < scene->count; i++) {
        const double inside = coverage(&scene->shape[i], volume, voxel, half_diagonal,
                                       options->kind == PHANTOM_TRUNK ? FEW : SUBSAMPLES);
        value += inside * (scene->shape[i].value - value);
    }
    if (options->bias > 0) {
        for (int axis = 0; axis < 3; axis++)
            part[axis] = 2 * voxel[axis] / ((double)volume->size[axis] - 1) - 1;
        value *= field_at(options, part);
    }
    value += scene->noise * normal(options->seed, index);
    return options->modality == PHANTOM_CT ? value : fmax(value, 0);
}

static void fill(const struct phantom_options *options, const struct scene *scene,
                 const struct volume *rectangular, struct volume *volume)
{
    const double half_diagonal = volume_diagonal_mm(rectangular) / 2;
    size_t at = 0;

    for (size_t k = 0; k < volume->size[2]; k++) {
        const struct volume slab = volume->slices == NULL ? *volume
            : slab_of(volume, rectangular, k);
        for (size_t j = 0; j < volume->size[1]; j++)
            for (size_t i = 0; i < volume->size[0]; i++, at++) {
                const double voxel[3] = { (double)i, (double)j, (double)k };
                const double value = voxel_value(options, scene, &slab, voxel,
                                                 half_diagonal, at);
                if (volume->type == VOXEL_FLOAT32)
                    volume->f32[at] = (float)value;
                else
                    volume->i16[at] = (int16_t)floor(value + 0.5);
            }
    }
}

static double sampled_volume(const struct shape *shape, const struct volume *volume)
{
    double at[3], sum = 0;

    for (size_t k = 0; k < volume->size[2]; k++) {
        size_t inside = 0;
        for (size_t j = 0; j < volume->size[1]; j++)
            for (size_t i = 0; i < volume->size[0]; i++) {
                to_patient(volume, (double)i, (double)j, (double)k, at);
                inside += reach(shape, at) < 1;
            }
        sum += (double)inside * volume_voxel_mm3(volume, k);
    }
    return sum;
}

static void tell_truth(const struct phantom_options *options, const struct scene *scene,
                       const struct volume *volume, size_t first, size_t count,
                       struct phantom_truth *truth)
{
    truth->count = count;
    truth->noise_sd = scene->noise;
    truth->contrast = options->cnr * scene->noise;
    for (size_t i = 0; i < count; i++) {
        const struct shape *const shape = &scene->shape[first + i];
        struct phantom_lesion *const lesion = &truth->lesion[i];
        memcpy(lesion->center_mm, shape->center, sizeof lesion->center_mm);
        memcpy(lesion->semi_axis_mm, shape->semi, sizeof lesion->semi_axis_mm);
        memcpy(lesion->rotation, shape->rotation, sizeof lesion->rotation);
        lesion->volume_mm3 = 4.0 / 3 * M_PI * shape->semi[0] * shape->semi[1] * shape->semi[2];
        lesion->longest_mm = 2 * fmax(shape->semi[0], fmax(shape->semi[1], shape->semi[2]));
        lesion->sampled_mm3 = sampled_volume(shape, volume);
    }
}

bool phantom_make(const struct phantom_options *options, struct arena *arena,
                  struct volume *ret_volume, struct phantom_truth *ret_truth,
                  struct error *err)
{
    struct volume volume = { .type = VOXEL_INT16 }, grid = volume, rectangular;
    struct scene scene = { .count = 0 };
    size_t first = 0, count = 0;

    if (options->lesions > PHANTOM_MAX_LESIONS)
        return error_set(err, ERROR_USAGE, "%zu lesions are more than %d", options->lesions,
                         PHANTOM_MAX_LESIONS);
    if ((options->missing > 0 && options->missing + 4 > options->size[2])
        || !(options->uneven >= 0 && options->uneven <= 0.5))
        return error_set(err, ERROR_USAGE, "%zu of %zu slices missing, steps off by %g",
                         options->missing, options->size[2], options->uneven);
    make_grid(options, &volume);
    rectangular = volume;
    if (!make_scene_grid(options, &grid, err)
        || !make_scene(options, &grid, &scene, &first, &count, err)
        || (!is_regular(options)
            && !place_slices(options, scene.shape[count > 0 ? first : 0].center, arena, &volume,
                             err)))
        return false;
    volume.type = options->modality == PHANTOM_PT ? VOXEL_FLOAT32 : VOXEL_INT16;
    volume.unit = options->modality == PHANTOM_CT ? UNIT_HU
        : options->modality == PHANTOM_PT ? UNIT_SUVBW : UNIT_ARBITRARY;
    volume.voxels = arena_take(arena, volume_count(&volume), voxel_size(volume.type), err);
    if (volume.voxels == NULL)
        return false;
    fill(options, &scene, &rectangular, &volume);
    tell_truth(options, &scene, &volume, first, count, ret_truth);
    *ret_volume = volume;
    return true;
}
