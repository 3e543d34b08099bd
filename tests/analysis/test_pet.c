/*
 * PET: the methods on phantoms of ours with Poisson noise, with and without lesions, and on the real
 * contours: Dice, sensitivity and false positives beside 41 % of the maximum (both in one box).
 */
#include "analysis/pet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/methods.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"

#define SIDE 64
#define MAX_FILE ((size_t)64 << 20)

static struct error err;
static struct arena *arena;
static struct findings findings;
static struct volume volume, labels;
static uint8_t *liver;
static const char *const methods[] = { "pet-41", "pet-fixed", "pet-otsu", "pet-percist", "otsu3-morphology" };

/* ---- a phantom: a body of 1 g/ml, a liver in its right half, hot spheres ---- */

static uint64_t state;

static double chance(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 9007199254740992.0;
}

/* A Poisson number of a mean below 700, by the product of chances (Knuth). */
static double poisson(double mean)
{
    const double limit = exp(-mean);
    double product = chance();
    int count = 0;

    while (product > limit) {
        product *= chance();
        count++;
    }
    return count;
}

static void begin(void)
{
    if (arena == NULL)
        arena = arena_new((size_t)512 << 20, &err);
    arena_reset(arena);
    volume = (struct volume){ .unit = UNIT_SUVLBM, .size = { SIDE, SIDE, SIDE }, .slope = 1, .even = true,
        .affine = { { 4, 0, 0, -128 }, { 0, 4, 0, -128 }, { 0, 0, 4, 0 } } };
    CU_ASSERT_FATAL(volume_take_like(&volume, VOXEL_FLOAT32, UNIT_SUVLBM, arena, &volume, &err));
    liver = arena_take_zeroed(arena, volume_count(&volume), 1, &err);
}

static double away(size_t n, const double center[3], const double axes[3])
{
    const double at[3] = { (double)(n % SIDE), (double)(n / SIDE % SIDE), (double)(n / SIDE / SIDE) };
    double square = 0;

    for (int axis = 0; axis < 3; axis++)
        square += pow((at[axis] - center[axis]) / axes[axis], 2);
    return square;
}

/* Body and liver in g/ml; the mean count of 1 g/ml gives the noise: 100 is 10 %. */
static void paint(double liver_suv, double counts, uint64_t seed)
{
    static const double middle[3] = { 31.5, 31.5, 31.5 }, body[3] = { 28, 20, 60 };
    static const double at[3] = { 20, 30, 32 }, axes[3] = { 12, 11, 12 };

    state = seed * 2654435761u + 1;
    for (size_t n = 0; n < volume_count(&volume); n++) {
        const bool inside = away(n, middle, body) <= 1;
        liver[n] = inside && away(n, at, axes) <= 1;
        const double mean = (liver[n] ? liver_suv : inside ? 1 : 0.02) * counts;
        volume.f32[n] = (float)(poisson(mean) / counts);
    }
}

static void add_sphere(const double center[3], double radius, double suv)
{
    for (size_t n = 0; n < volume_count(&volume); n++)
        if (away(n, center, (const double[3]){ radius, radius, radius }) <= 1)
            volume.f32[n] = (float)suv;
}

static bool find(const char *name, const struct volume *in, bool with_liver)
{
    struct analysis_parameters parameters;
    const struct methods_task task = { .volume = in, .parameters = &parameters,
                                       .organ = with_liver ? liver : NULL };

    analysis_defaults("PT", &parameters);
    snprintf(parameters.method, sizeof parameters.method, "%s", name);
    return methods_run(&task, arena, &findings, &err);
}

/* The last one knows no uptake: a liver alone stands out for it, and it says so (README, limits). */
static void phantoms_without_lesions_give_none(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (int kind = 0; kind < 2; kind++) {
            begin();
            paint(kind == 0 ? 1 : 2.5, seed % 2 == 0 ? 100 : 25, seed);     /* 10 % and 20 % of noise */
            for (int m = 0; m < (kind == 0 ? 5 : 4); m++) {
                const bool good = find(methods[m], &volume, true) && findings.count == 0;
                CU_ASSERT(good);
                if (!good)
                    printf("[%s, seed %d, %s: %zu, %s] ", methods[m], (int)seed,
                           kind == 0 ? "uniform" : "liver", findings.count, err.text);
            }
        }
}

static void hot_spheres_are_counted_and_have_their_size(void)
{
    static const double centers[3][3] = { { 42, 30, 12 }, { 42, 32, 50 }, { 46, 31, 31 } };
    static const double radius[3] = { 4.3, 3.3, 4.8 }, suv[3] = { 12, 6, 9 };

    for (int m = 0; m < 4; m++) {
        begin();
        paint(2, 100, 7);
        for (int n = 0; n < 3; n++)
            add_sphere(centers[n], radius[n], suv[n]);
        CU_ASSERT(find(methods[m], &volume, true));
        CU_ASSERT_EQUAL(findings.count, 3);
        for (size_t n = 0; n < findings.segment_count; n++) {
            const struct lesion *const lesion = &findings.lesion[n];
            const int which = lesion->maximum > 11 ? 0 : lesion->maximum < 7 ? 1 : 2;
            size_t voxels = 0;
            for (size_t v = 0; v < volume_count(&volume); v++)
                voxels += away(v, centers[which], (const double[3]){ radius[which], radius[which],
                                                                     radius[which] }) <= 1;
            CU_ASSERT_EQUAL(lesion->voxels, voxels);
            CU_ASSERT_EQUAL(lesion->kind, FINDING_CANDIDATE);
            CU_ASSERT_DOUBLE_EQUAL(lesion->tlg.value, suv[which] * (double)voxels * 0.064, 1e-6);
        }
        CU_ASSERT(findings.rule[0] != '\0');
        CU_ASSERT_PTR_NOT_NULL(strstr(findings.warning[findings.warning_count - 1], "every region is a candidate"));
    }
}

/* A bladder of 60 beside a node of 5: the box's threshold is far above the node. */
static void a_node_beside_a_bladder_stays(void)
{
    for (int m = 0; m < 3; m++) {
        begin();
        paint(2, 100, 3);
        add_sphere((const double[3]){ 40, 31, 14 }, 6, 60);
        add_sphere((const double[3]){ 40, 31, 24 }, 2, 5);
        CU_ASSERT(find(methods[m], &volume, true));
        CU_ASSERT_EQUAL(findings.count, 2);
        CU_ASSERT_EQUAL(findings.lesion[1].voxels, 33);
    }
}

/* A streak of noise in the air, and a node in an arm that lies apart: 7 x 7 x 64 voxels. */
static void noise_beside_the_patient_is_left_out_and_an_arm_is_not(void)
{
    for (int m = 0; m < 3; m++) {
        begin();
        paint(2, 100, 3);
        for (size_t n = 0; n < volume_count(&volume); n++)
            if (n % SIDE < 8 && n % SIDE > 0 && n / SIDE % SIDE < 8 && n / SIDE % SIDE > 0)
                volume.f32[n] = 1;
        add_sphere((const double[3]){ 4, 4, 30 }, 2, 8);
        for (size_t k = 20; k < 30; k++)
            volume.f32[(k * SIDE + 60) * SIDE + 60] = 6;
        CU_ASSERT(find(methods[m], &volume, true));
        CU_ASSERT_EQUAL(findings.count, 1);
        CU_ASSERT_DOUBLE_EQUAL(findings.lesion[0].maximum, 8, 1e-6);
        CU_ASSERT_STRING_EQUAL(findings.warning[0], "1 region outside of the body left out: noise");
    }
}

/* 1.5 × mean + 2 × SD by two values of a chess board: mean 2, SD 0.2. */
static void percist_takes_its_threshold_from_the_liver(void)
{
    double threshold = 0, mean = 0, sd = 0;

    begin();
    paint(2, 100, 1);
    for (size_t n = 0; n < volume_count(&volume); n++)
        volume.f32[n] = liver[n] ? ((n + n / SIDE + n / SIDE / SIDE) % 2 == 0 ? 1.8f : 2.2f) : 0.5f;
    CU_ASSERT(find("pet-percist", &volume, true));
    CU_ASSERT_EQUAL(sscanf(findings.rule, "voxels of at least %lf = 1.5 x %lf + 2 x %lf g/ml{SUVlbm}",
                           &threshold, &mean, &sd), 3);
    CU_ASSERT_DOUBLE_EQUAL(mean, 2, 0.01);
    CU_ASSERT_DOUBLE_EQUAL(sd, 0.2, 0.01);
    CU_ASSERT_DOUBLE_EQUAL(threshold, 3.4, 0.02);
    CU_ASSERT_EQUAL(findings.count, 0);
}

static void what_cannot_be_answered_has_its_sentence(void)
{
    begin();
    paint(2, 100, 1);
    CU_ASSERT_FALSE(find("pet-percist", &volume, false));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: no liver reference: pet-percist needs the mask of a liver, and "
                           "there is none");
    memset(liver, 0, volume_count(&volume));
    CU_ASSERT_FALSE(find("pet-percist", &volume, true));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: no liver reference: the liver's mask is empty");
    liver[(32 * SIDE + 32) * SIDE + 20] = liver[(32 * SIDE + 32) * SIDE + 21] = 1;
    CU_ASSERT_FALSE(find("pet-percist", &volume, true));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: no liver reference: a sphere of 3 cm does not fit into the right "
                           "half of the liver, where 4.0 mm are deepest");
    volume.unit = UNIT_BQML;
    for (int m = 0; m < 4; m++) {
        CU_ASSERT_FALSE(find(methods[m], &volume, true));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "needs SUV, and the values are in Bq/ml"));
    }
    volume.unit = UNIT_SUVBW;
    volume.f32[5] = NAN;
    CU_ASSERT_FALSE(find("pet-fixed", &volume, false));
    CU_ASSERT_STRING_EQUAL(err.text, "analysis: voxel 5 is not finite");
}

static void a_region_as_large_as_an_organ_is_left_out_and_told(void)
{
    begin();
    paint(1, 100, 1);
    for (size_t n = 0; n < volume_count(&volume); n++)
        volume.f32[n] *= 6;
    CU_ASSERT(find("pet-fixed", &volume, false));
    CU_ASSERT_EQUAL(findings.count, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(findings.warning[0], "was left out: it is more than 0.1 of the body"));
}

static void need_is_an_upper_bound(void)
{
    for (int m = 0; m < 4; m++) {
        begin();
        paint(3.9, 25, 5);
        struct analysis_parameters parameters;
        analysis_defaults("PT", &parameters);
        snprintf(parameters.method, sizeof parameters.method, "%s", methods[m]);
        const size_t used = arena_used(arena);
        struct arena *const own = arena_new((size_t)512 << 20, &err);
        const struct methods_task task = { .volume = &volume, .parameters = &parameters, .organ = liver };
        CU_ASSERT(methods_run(&task, own, &findings, &err));
        CU_ASSERT(arena_peak(own) <= analyse_need(&volume, &parameters));
        arena_free(own);
        CU_ASSERT_EQUAL(arena_used(arena), used);
    }
}

/* ---- real contours ---- */

static bool read_nifti(const char *path, bool as_labels, struct volume *ret_volume)
{
    static unsigned char packed[1 << 24];
    FILE *const file = fopen(path, "rb");
    const size_t size = file == NULL ? 0 : fread(packed, 1, sizeof packed, file);
    unsigned char *bytes = NULL;
    struct nifti nifti;
    size_t unpacked = 0;

    if (file != NULL)
        fclose(file);
    const bool good = gzip_unpack(packed, size, MAX_FILE, &bytes, &unpacked, &err)
        && nifti_open(bytes, unpacked, &nifti, &err)
        && (as_labels ? nifti_read_labels : nifti_read_image)(&nifti, NIFTI_CHANNELS_LAST, 0, arena,
                                                              ret_volume, &err);
    free(bytes);
    return good;
}

static struct pet_box box_of_labels(void)
{
    struct pet_box box = { { SIZE_MAX, SIZE_MAX, SIZE_MAX }, { 0, 0, 0 } };

    for (size_t n = 0; n < volume_count(&labels); n++) {
        const size_t at[3] = { n % labels.size[0], n / labels.size[0] % labels.size[1],
                               n / labels.size[0] / labels.size[1] };
        for (int axis = 0; labels.u8[n] != 0 && axis < 3; axis++) {
            box.low[axis] = at[axis] < box.low[axis] ? at[axis] : box.low[axis];
            box.high[axis] = at[axis] > box.high[axis] ? at[axis] : box.high[axis];
        }
    }
    return pet_box_grow(&volume, &box, PET_BOX_MM);
}

struct score { double dice, found, false_ml; };

static struct score compare(const uint8_t *mask)
{
    double both = 0, ours = 0, theirs = 0;

    for (size_t n = 0; n < volume_count(&volume); n++) {
        both += mask[n] && labels.u8[n];
        ours += mask[n];
        theirs += labels.u8[n] != 0;
    }
    return (struct score){ 2 * both / (ours + theirs), both / theirs,
                           (ours - both) * volume_voxel_mm3(&volume, 0) / 1000 };
}

/* Every voxel of the box that has 41 % of its maximum: what the rule is to beat. */
static void mark_41(const struct pet_box *box, size_t hottest, uint8_t *mask)
{
    for (size_t k = box->low[2]; k <= box->high[2]; k++)
        for (size_t j = box->low[1]; j <= box->high[1]; j++)
            for (size_t i = box->low[0]; i <= box->high[0]; i++) {
                const size_t n = (k * volume.size[1] + j) * volume.size[0] + i;
                mask[n] = volume_value(&volume, n) >= 0.41 * volume_value(&volume, hottest);
            }
}

static void check_case(const char *name, const char *folder, const char *prefix)
{
    char image[1200], mask_path[1200];
    size_t hottest = 0;
    double threshold = 0;

    snprintf(image, sizeof image, "%s/%simage.nii.gz", folder, prefix);
    snprintf(mask_path, sizeof mask_path, "%s/%smask.nii.gz", folder, prefix);
    arena_reset(arena);
    CU_ASSERT_FATAL(read_nifti(image, false, &volume) && read_nifti(mask_path, true, &labels));
    volume.unit = UNIT_SUVBW;
    uint8_t *const ours = arena_take_zeroed(arena, volume_count(&volume), 1, &err);
    uint8_t *const base = arena_take_zeroed(arena, volume_count(&volume), 1, &err);
    const struct pet_box box = box_of_labels();
    CU_ASSERT_FATAL(pet_hottest(&volume, &box, NULL, &hottest) && pet_otsu(&volume, &box, NULL, &threshold)
                    && pet_grow(&volume, &box, hottest, threshold, ours, arena, &err));
    mark_41(&box, hottest, base);
    const struct score own = compare(ours), old = compare(base);
    printf("\n  %s: Otsu in the box %.2f g/ml, Dice %.3f, sensitivity %.2f, %.1f ml false; 41 %% %.2f g/ml, "
           "Dice %.3f, %.2f, %.1f ml ", name, threshold, own.dice, own.found, own.false_ml,
           0.41 * volume_value(&volume, hottest), old.dice, old.found, old.false_ml);
    CU_ASSERT(own.dice > old.dice);
    CU_ASSERT(own.found > 0.1);                 /* the lesion is hit */
}

static void real_contours_are_met_better_than_by_41_percent(void)
{
    static const char *const cases[] = { "STS_002", "STS_008", "STS_025" };
    char folder[1024], path[1200], command[4000], own[] = "/tmp/tumord-pet-XXXXXX";

    if (!runner_data_path("labelled/ibsi_sts", folder, sizeof folder))
        return;
    begin();
    for (size_t n = 0; n < 3; n++) {
        snprintf(path, sizeof path, "%s/%s", folder, cases[n]);
        check_case(cases[n], path, "PET_");
    }
    if (!runner_data_path("dicom/pet_fdg_ge_sts001", folder, sizeof folder))
        return;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(own));
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/pet.py %s %s", runner_source(),
             runner_data(), own);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    check_case("STS_001 (RTSTRUCT)", own, "");
    snprintf(command, sizeof command, "rm -rf %s", own);
    CU_ASSERT_EQUAL(system(command), 0);
}

static const struct runner_test tests[] = {
    TEST(phantoms_without_lesions_give_none),
    TEST(hot_spheres_are_counted_and_have_their_size),
    TEST(a_node_beside_a_bladder_stays),
    TEST(noise_beside_the_patient_is_left_out_and_an_arm_is_not),
    TEST(percist_takes_its_threshold_from_the_liver),
    TEST(what_cannot_be_answered_has_its_sentence),
    TEST(a_region_as_large_as_an_organ_is_left_out_and_told),
    TEST(need_is_an_upper_bound),
    TEST(real_contours_are_met_better_than_by_41_percent),
    { NULL, NULL }
};

const struct runner_suite suite_pet = { "pet", tests };
