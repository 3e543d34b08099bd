/*
 * Given: masks of known cubes by arithmetic, and the real labelled cases: their counts and volumes by
 * the table that comes with them, all numbers by scipy (given.py). GIVEN_EVERY=1 takes all of them.
 */
#include "analysis/given.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"
#include "util/text.h"

#define SIDE 12
#define MAX_FILE ((size_t)1 << 30)

static struct error err;
static struct findings findings;
static uint8_t voxels[SIDE * SIDE * SIDE];
static int16_t image[SIDE * SIDE * SIDE];

static struct volume volume_of(enum voxel_type type, void *data)
{
    return (struct volume){
        .type = type, .unit = type == VOXEL_INT16 ? UNIT_HU : UNIT_NONE, .size = { SIDE, SIDE, SIDE },
        .voxels = data, .slope = 1, .affine = { { 2, 0, 0, 5 }, { 0, 3, 0, 6 }, { 0, 0, 4, 7 } }
    };
}

static void cube(size_t low, size_t high, uint8_t label)
{
    for (size_t k = low; k <= high; k++)
        for (size_t j = low; j <= high; j++)
            memset(&voxels[(k * SIDE + j) * SIDE + low], label, high - low + 1);
}

static bool find(const struct volume *labels, const struct given *given, struct arena *arena)
{
    const struct volume volume = volume_of(VOXEL_INT16, image);

    arena_reset(arena);
    return given_find(&volume, labels, given, arena, &findings, &err);
}

/* Two cubes that touch at a corner, of 27 and 8 voxels of 2 x 3 x 4 mm, and a third of another label. */
static void cubes_are_counted_and_measured_by_arithmetic(void)
{
    const uint32_t one = 1, both[] = { 1, 4 };
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    const struct volume labels = volume_of(VOXEL_UINT8, voxels);

    memset(voxels, 0, sizeof voxels);
    cube(1, 3, 1);
    cube(4, 5, 1);
    cube(9, 10, 4);
    for (size_t i = 0; i < sizeof voxels; i++)
        image[i] = voxels[i] == 4 ? 100 : 7;
    CU_ASSERT_FATAL(find(&labels, &(struct given){ &one, 1, CONNECTIVITY_26 }, arena));
    CU_ASSERT_EQUAL(findings.count, 1);
    CU_ASSERT_DOUBLE_EQUAL(findings.total_mm3, 35 * 24, 1e-9);
    CU_ASSERT_FATAL(find(&labels, &(struct given){ &one, 1, CONNECTIVITY_6 }, arena));
    CU_ASSERT_EQUAL(findings.count, 2);
    CU_ASSERT_EQUAL(findings.lesion[0].voxels, 27);
    CU_ASSERT_EQUAL(findings.lesion[0].kind, FINDING_NEOPLASM);
    CU_ASSERT_DOUBLE_EQUAL(findings.lesion[0].centroid_mm[0], 5 + 2 * 2, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(findings.lesion[0].centroid_mm[2], 7 + 2 * 4, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(findings.lesion[0].axial_long_mm, hypot(6, 9), 1e-9);
    CU_ASSERT_FATAL(find(&labels, &(struct given){ both, 2, CONNECTIVITY_26 }, arena));
    CU_ASSERT_EQUAL(findings.count, 2);
    CU_ASSERT_DOUBLE_EQUAL(findings.lesion[1].mean, 100, 1e-9);
    CU_ASSERT_FATAL(find(&labels, &(struct given){ NULL, 0, CONNECTIVITY_6 }, arena));
    CU_ASSERT_EQUAL(findings.count, 3);
    CU_ASSERT_STRING_EQUAL(findings.method.name, "given-mask");
    arena_free(arena);
}

static void a_label_that_is_not_there_is_a_result(void)
{
    const uint32_t nine = 9;
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    const struct volume labels = volume_of(VOXEL_UINT8, voxels);

    CU_ASSERT(find(&labels, &(struct given){ &nine, 1, CONNECTIVITY_26 }, arena));
    CU_ASSERT_EQUAL(findings.count, 0);
    CU_ASSERT_EQUAL(findings.total_mm3, 0);
    arena_free(arena);
}

static void masks_of_other_grids_get_their_sentence(void)
{
    const struct given any = { NULL, 0, CONNECTIVITY_26 };
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    struct volume labels = volume_of(VOXEL_UINT8, voxels);

    labels.size[2]--;
    CU_ASSERT_FALSE(find(&labels, &any, arena));
    CU_ASSERT_STRING_EQUAL(err.text, "the mask has 12 x 12 x 11 voxels, the image 12 x 12 x 12");
    labels = volume_of(VOXEL_UINT8, voxels);
    labels.affine[1][3] += 2.5;
    CU_ASSERT_FALSE(find(&labels, &any, arena));
    CU_ASSERT_STRING_EQUAL(err.text, "the mask lies up to 2.5 mm beside the image");
    labels = volume_of(VOXEL_UINT8, voxels);
    labels.affine[2][2] = -4;                           /* upside down, same corner */
    CU_ASSERT_FALSE(find(&labels, &any, arena));
    CU_ASSERT_STRING_EQUAL(err.text, "the mask lies up to 88.0 mm beside the image");
    labels = volume_of(VOXEL_UINT8, voxels);
    labels.affine[0][0] = NAN;
    CU_ASSERT_FALSE(find(&labels, &any, arena));
    labels = volume_of(VOXEL_INT16, image);
    CU_ASSERT_FALSE(find(&labels, &any, arena));
    CU_ASSERT_STRING_EQUAL(err.text, "a mask whose voxels are no labels");
    labels = volume_of(VOXEL_UINT8, voxels);
    labels.affine[0][3] += 0.02;                        /* less than a hundredth of the diagonal */
    CU_ASSERT(find(&labels, &any, arena));
    arena_free(arena);
}

/* ---- real cases ---- */

struct row {                                            /* of FACTS.tsv */
    char file[200], label[40];
    double voxels, ml, parts, largest_ml;
};

static bool parse_row(char *line, struct row *row)
{
    char *field[16] = { NULL }, *rest = line;

    for (int i = 0; i < 16; i++)
        if ((field[i] = strsep(&rest, "\t\n")) == NULL)
            return false;
    if (strcmp(field[1], "label") != 0 || strcmp(field[8], "0") == 0)
        return false;                                   /* 0: the table's reading of a scaled mask */
    snprintf(row->file, sizeof row->file, "%s", field[0]);
    snprintf(row->label, sizeof row->label, "%s", strcmp(field[8], "TC={1,4}") == 0 ? "1,4"
             : strcmp(field[8], "any>0") == 0 ? "any" : field[8]);
    return text_to_double(field[9], &row->voxels) && text_to_double(field[10], &row->ml)
        && text_to_double(field[11], &row->parts) && text_to_double(field[12], &row->largest_ml);
}

static bool read_all(const char *path, unsigned char **ret_bytes, size_t *ret_size)
{
    FILE *const file = fopen(path, "rb");
    unsigned char *const packed = malloc(MAX_FILE);
    const size_t size = file == NULL || packed == NULL ? 0 : fread(packed, 1, MAX_FILE, file);
    const bool good = size > 0 && gzip_unpack(packed, size, MAX_FILE, ret_bytes, ret_size, &err);

    if (file != NULL)
        fclose(file);
    free(packed);
    return good;
}

static bool find_row(const char *path, const struct row *row, struct arena *arena)
{
    const bool channel = strncmp(row->label, "ch", 2) == 0;
    uint32_t value[8];
    size_t size = 0, values = 0;
    unsigned char *bytes = NULL;
    struct nifti nifti;
    struct volume labels;
    char copy[40], *rest = copy, *one;

    snprintf(copy, sizeof copy, "%s", row->label);
    while (!channel && strcmp(row->label, "any") != 0 && (one = strsep(&rest, ",")) != NULL)
        value[values++] = (uint32_t)strtoul(one, NULL, 10);
    arena_reset(arena);
    const bool good = read_all(path, &bytes, &size) && nifti_open(bytes, size, &nifti, &err)
        && nifti_read_labels(&nifti, channel ? NIFTI_CHANNELS_FIRST : NIFTI_CHANNELS_LAST,
                             channel ? strtoul(row->label + 2, NULL, 10) : 0, arena, &labels, &err)
        && given_find(&labels, &labels, &(struct given){ value, values, CONNECTIVITY_26 }, arena,
                      &findings, &err);
    free(bytes);
    if (!good)
        printf("[%s: %s] ", row->file, err.text);
    return good;
}

/* What scipy says: parts, voxels, mm3, the largest's mm3, its two diameters. */
static bool ask_scipy(const char *path, const struct row *row, double said[6])
{
    char command[3000], line[200] = "";

    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/analysis/given.py '%s' %s",
             runner_source(), path, row->label);
    FILE *const pipe = popen(command, "r");
    const bool any = pipe != NULL && fgets(line, sizeof line, pipe) != NULL;
    if (pipe != NULL)
        pclose(pipe);
    return any && sscanf(line, "%lf %lf %lf %lf %lf %lf", &said[0], &said[1], &said[2], &said[3],
                         &said[4], &said[5]) == 6;
}

static bool agrees(const struct row *row, const double said[6])
{
    static const struct lesion none;
    const struct lesion *const largest = findings.count > 0 ? &findings.lesion[0] : &none;
    const double got[] = { (double)findings.count,
                           findings.total_mm3 / volume_voxel_mm3(&findings.labels, 0), findings.total_mm3, largest->volume_mm3,
                           largest->longest_mm, largest->axial_long_mm };
    bool good = row->parts == got[0] && row->voxels == round(got[1]) && row->voxels == said[1]
        && fabs(row->ml - got[2] / 1000) < 6e-4 + 1e-5 * row->ml
        && fabs(row->largest_ml - got[3] / 1000) < 6e-4 + 1e-5 * row->largest_ml;

    for (int i = 0; i < 6; i++)
        good = good && fabs(got[i] - said[i]) <= 1e-4 + 1e-6 * fabs(said[i]);
    if (!good)
        printf("\n[%s %s: %g parts %g mm3 %g mm3 %g mm %g mm, scipy %g %g %g %g %g, table %g %g %g] ", row->file,
               row->label, got[0], got[2], got[3], got[4], got[5], said[0], said[2], said[3], said[4], said[5],
               row->parts, row->ml, row->largest_ml);
    return good;
}

static void real_masks_have_the_numbers_of_scipy_and_of_their_table(void)
{
    const char *const every = getenv("GIVEN_EVERY");
    long long step = 23;
    char table[1024], path[1300], line[2000];
    int number = 0, checked = 0, unlike = 0;
    struct row row;
    double said[6];

    CU_ASSERT_FATAL(every == NULL || text_to_int(every, 1, 1000000, &step));
    if (system("/usr/bin/python3 -c 'import nibabel, scipy' 2> /dev/null") != 0) {
        runner_skip("nibabel or scipy is not installed");
        return;
    }
    if (!runner_data_path("labelled/FACTS.tsv", table, sizeof table))
        return;
    struct arena *const arena = arena_new((size_t)2 << 30, &err);
    FILE *const file = fopen(table, "r");
    CU_ASSERT_FATAL(arena != NULL && file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        if (!parse_row(line, &row) || number++ % step != 0)
            continue;
        snprintf(path, sizeof path, "%s/labelled/%s", runner_data(), row.file);
        checked++;
        unlike += !find_row(path, &row, arena) || !ask_scipy(path, &row, said) || !agrees(&row, said);
    }
    printf("[%d of %d masks] ", checked, number);
    CU_ASSERT(checked > 0);
    CU_ASSERT_EQUAL(unlike, 0);
    fclose(file);
    arena_free(arena);
}

/* ---- several structures ---- */

static uint8_t drawn[SIDE * SIDE * SIDE];

static void draw(size_t low, size_t high)
{
    memset(voxels, 0, sizeof voxels);
    cube(low, high, 1);
    memcpy(drawn, voxels, sizeof drawn);
}

static bool add(const struct volume *volume, const char *name, enum finding_kind kind, struct arena *arena)
{
    const struct given_structure structure = { .mask = drawn, .kind = kind, .name = name };

    return given_add(volume, &structure, 1, arena, &findings, &err);
}

static size_t painted(const struct lesion *lesion)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof drawn; i++)
        count += findings_is_of(&findings, lesion, i);
    return count;
}

/* Cubes of 5 and 3 voxels' side, one in the other, in an organ of 9: each has all of its voxels. */
static void structures_that_overlap_are_whole_and_counted_once(void)
{
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    const struct volume volume = volume_of(VOXEL_INT16, image);

    CU_ASSERT_FATAL(given_begin(&volume, 40, 400, arena, &findings, &err));
    draw(3, 5);
    CU_ASSERT_FATAL(add(&volume, "mass", FINDING_NEOPLASM, arena));
    draw(2, 6);
    CU_ASSERT_FATAL(add(&volume, "edema", FINDING_NEOPLASM, arena));
    draw(1, 9);
    CU_ASSERT_FATAL(add(&volume, "organ", FINDING_ORGAN, arena));
    given_end(&findings);
    CU_ASSERT_EQUAL(findings.count, 2);
    CU_ASSERT_EQUAL(findings.segment_count, 3);
    CU_ASSERT_EQUAL(findings.total_mm3, 125 * 24);
    CU_ASSERT_STRING_EQUAL(findings.lesion[0].tracking_id, "edema");
    CU_ASSERT_STRING_EQUAL(findings.lesion[1].tracking_id, "mass");
    CU_ASSERT_STRING_EQUAL(findings.lesion[2].tracking_id, "organ");
    CU_ASSERT_EQUAL(findings.lesion[2].kind, FINDING_ORGAN);
    for (size_t n = 0; n < 3; n++) {
        CU_ASSERT_EQUAL(findings.lesion[n].label, n + 1);
        CU_ASSERT_EQUAL(painted(&findings.lesion[n]), findings.lesion[n].voxels);
    }
    CU_ASSERT_EQUAL(findings.lesion[2].voxels, 729);
    CU_ASSERT(findings.lesion[0].features.intensity_known && findings.lesion[1].features.shape_known);
    CU_ASSERT_EQUAL(findings.lesion[1].features.intensity.mean, findings.lesion[1].mean);
    CU_ASSERT_EQUAL(findings.layer_count, 2);
    CU_ASSERT_EQUAL(findings.warning_count, 1);
    CU_ASSERT_STRING_EQUAL(findings.warning[0],
                           "edema overlaps what was drawn before it by 0.65 ml, which the total counts once");
    arena_free(arena);
}

/* 30 single voxels, then two cubes of 8: those are told, and the last two voxels are not any more. */
static void the_largest_of_many_structures_are_told(void)
{
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    const struct volume volume = volume_of(VOXEL_INT16, image);
    char name[16];

    CU_ASSERT_FATAL(given_begin(&volume, 0, 0, arena, &findings, &err));
    for (size_t n = 0; n < 30; n++) {
        memset(drawn, 0, sizeof drawn);
        drawn[2 * (n % 6) + 2 * SIDE * (n / 6)] = 1;
        snprintf(name, sizeof name, "speck %zu", n);
        CU_ASSERT_FATAL(add(&volume, name, FINDING_NEOPLASM, arena));
    }
    draw(7, 8);
    cube(10, 11, 1);
    memcpy(drawn, voxels, sizeof drawn);
    CU_ASSERT_FATAL(add(&volume, "two", FINDING_NEOPLASM, arena));
    given_end(&findings);
    CU_ASSERT_EQUAL(findings.count, 32);
    CU_ASSERT_EQUAL(findings.segment_count, FINDINGS_MAX_SEGMENTS);
    CU_ASSERT_EQUAL(findings.total_mm3, 46 * 24);
    CU_ASSERT_STRING_EQUAL(findings.lesion[0].tracking_id, "two 1");
    CU_ASSERT_STRING_EQUAL(findings.lesion[1].tracking_id, "two 2");
    for (size_t n = 0; n < findings.segment_count; n++)
        CU_ASSERT_EQUAL(painted(&findings.lesion[n]), findings.lesion[n].voxels);
    arena_free(arena);
}

static void regions_of_another_method_give_way_where_they_touch(void)
{
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    const struct volume volume = volume_of(VOXEL_INT16, image);

    CU_ASSERT_FATAL(given_begin(&volume, 0, 0, arena, &findings, &err));
    draw(1, 3);
    CU_ASSERT_FATAL(add(&volume, "own one", FINDING_CANDIDATE, arena));
    draw(6, 7);
    CU_ASSERT_FATAL(add(&volume, "own two", FINDING_CANDIDATE, arena));
    draw(3, 4);
    CU_ASSERT_EQUAL(given_drop_touching(&volume, drawn, &findings), 1);
    CU_ASSERT_FATAL(add(&volume, "drawn", FINDING_NEOPLASM, arena));
    given_end(&findings);
    CU_ASSERT_EQUAL(findings.count, 2);
    CU_ASSERT_EQUAL(findings.total_mm3, 16 * 24);
    CU_ASSERT_STRING_EQUAL(findings.lesion[0].tracking_id, "own two");
    CU_ASSERT_STRING_EQUAL(findings.lesion[1].tracking_id, "drawn");
    CU_ASSERT_EQUAL(painted(&findings.lesion[0]), 8);
    CU_ASSERT_EQUAL(painted(&findings.lesion[1]), 8);
    CU_ASSERT_EQUAL(findings.layer_count, 0);
    arena_free(arena);
}

/* Ten cubes of which each holds the one before: more layers than there are. */
static void too_many_layers_get_their_sentence(void)
{
    struct arena *const arena = arena_new((size_t)64 << 20, &err);
    const struct volume volume = volume_of(VOXEL_INT16, image);
    bool good = given_begin(&volume, 0, 0, arena, &findings, &err);

    for (size_t n = 0; n < 10; n++) {
        draw(0, n);
        CU_ASSERT(good);
        good = add(&volume, "shell", FINDING_ORGAN, arena);
    }
    CU_ASSERT_FALSE(good);
    CU_ASSERT_STRING_EQUAL(err.text, "structure shell: more than 9 structures lie one upon the other");
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(cubes_are_counted_and_measured_by_arithmetic),
    TEST(a_label_that_is_not_there_is_a_result),
    TEST(masks_of_other_grids_get_their_sentence),
    TEST(real_masks_have_the_numbers_of_scipy_and_of_their_table),
    TEST(structures_that_overlap_are_whole_and_counted_once),
    TEST(the_largest_of_many_structures_are_told),
    TEST(regions_of_another_method_give_way_where_they_touch),
    TEST(too_many_layers_get_their_sentence),
    { NULL, NULL }
};

const struct runner_suite suite_given = { "given", tests };
