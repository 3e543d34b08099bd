/*
 * SUV: every branch by the table tests/cases/suv.txt, whose factors were computed by hand (the
 * arithmetic stands beside them), and what differs between slices.
 */
#include "dicom/suv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/identifier.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

static struct error err;

enum { CLASS, UNITS, TYPE, CORRECTED, DECAY, DATE, TIME, ACQUIRED, FRAME, DURATION, ZONE, INJECTED,
       FULL, WEIGHT, SIZE, SEX, DOSE, HALF, F1, F2, CREATOR, GE, GE_CREATOR, DRUG, WISH, KEYS };

static const char *const keys[KEYS] = { "class", "units", "type", "corrected", "decay", "date", "time",
    "acquired", "frame", "duration", "zone", "injected", "full", "weight", "size", "sex", "dose",
    "half", "f1", "f2", "creator", "ge", "gecreator", "drug", "wish" };

struct image {                          /* "": not there */
    char value[KEYS][40];
};

static const struct image plain = { .value = { [UNITS] = "BQML", [CORRECTED] = "ATTN\\DECY",
    [DECAY] = "START", [DATE] = "20260302", [TIME] = "110000", [INJECTED] = "100000",
    [WEIGHT] = "70", [SIZE] = "1.75", [SEX] = "M", [DOSE] = "350000000", [HALF] = "6586.2",
    [CREATOR] = "Philips PET Private Group", [GE_CREATOR] = "GEMS_PETD_01", [DRUG] = "yes",
    [WISH] = "bw" } };

static bool set(struct image *image, const char *name, const char *value)
{
    for (int key = 0; key < KEYS; key++)
        if (strcmp(keys[key], name) == 0)
            return text_format(image->value[key], sizeof image->value[key], "%s",
                               strcmp(value, "-") == 0 ? "" : value);
    return false;
}

static void put(struct identifier_writer *writer, uint32_t tag, const char *vr, const char *value)
{
    if (value[0] != '\0')
        identifier_put(writer, tag, vr, value);
}

static void put_drug(struct identifier_writer *writer, const struct image *image)
{
    const size_t drugs = identifier_open(writer, 0x00540016);
    const size_t drug = identifier_open(writer, IDENTIFIER_ITEM);

    put(writer, 0x00181072, "TM", image->value[INJECTED]);
    put(writer, 0x00181074, "DS", image->value[DOSE]);
    put(writer, 0x00181075, "DS", image->value[HALF]);
    put(writer, 0x00181078, "DT", image->value[FULL]);
    identifier_close(writer, drug);
    identifier_close(writer, drugs);
}

static void put_counts(struct identifier_writer *writer, const struct image *image)
{
    if (image->value[F1][0] == '\0' && image->value[F2][0] == '\0')
        return;
    put(writer, 0x70530010, "LO", image->value[CREATOR]);
    put(writer, 0x70531000, "DS", image->value[F1]);
    put(writer, 0x70531009, "DS", image->value[F2]);
}

/* Explicit bytes, since private elements cannot be built without their dictionary. */
static struct dataset *make(const struct image *image)
{
    struct identifier_writer writer;
    char date[9] = "";

    CU_ASSERT_FATAL(dicom_init(&err));
    identifier_begin(&writer, true);
    put(&writer, 0x00080016, "UI", image->value[CLASS]);
    put(&writer, 0x00080021, "DA", image->value[DATE]);
    snprintf(date, sizeof date, "%.8s", image->value[FRAME]);
    put(&writer, 0x00080022, "DA", date);
    put(&writer, 0x00080031, "TM", image->value[TIME]);
    if (date[0] != '\0')
        put(&writer, 0x00080032, "TM", image->value[FRAME] + 8);
    put(&writer, 0x00080201, "SH", image->value[ZONE]);
    if (image->value[GE][0] != '\0') {
        put(&writer, 0x00090010, "LO", image->value[GE_CREATOR]);
        put(&writer, 0x0009100d, "DT", image->value[GE]);
    }
    put(&writer, 0x00100040, "CS", image->value[SEX]);
    put(&writer, 0x00101020, "DS", image->value[SIZE]);
    put(&writer, 0x00101030, "DS", image->value[WEIGHT]);
    put(&writer, 0x00181242, "IS", image->value[DURATION]);
    put(&writer, 0x00280051, "CS", image->value[CORRECTED]);
    if (image->value[DRUG][0] != '\0')
        put_drug(&writer, image);
    put(&writer, 0x00541001, "CS", image->value[UNITS]);
    put(&writer, 0x00541006, "CS", image->value[TYPE]);
    put(&writer, 0x00541102, "CS", image->value[DECAY]);
    put_counts(&writer, image);
    CU_ASSERT_FATAL(identifier_end(&writer, &err));
    struct dataset *const dataset = dataset_read(writer.bytes, writer.size, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
    free(writer.bytes);
    return dataset;
}

static enum volume_unit wished(const char *word)
{
    return strcmp(word, "lbm") == 0 ? UNIT_SUVLBM : strcmp(word, "lbm_james128") == 0
        ? UNIT_SUVLBM_JAMES128 : strcmp(word, "lbm_janma") == 0 ? UNIT_SUVLBM_JANMA
        : strcmp(word, "bsa") == 0 ? UNIT_SUVBSA : UNIT_SUVBW;
}

/* Seconds by the reader of attributes itself: what it gives is compared in the table. */
static double moment(const char *text)
{
    double seconds;
    char date[9];

    if (text[0] == '\0')
        return NAN;
    snprintf(date, sizeof date, "%.8s", text);
    struct dataset *const dataset = dataset_new(&err);
    item_put_text(dataset_root(dataset), 0x00080022, date);
    item_put_text(dataset_root(dataset), 0x00080032, text + 8);
    seconds = suv_moment(dataset_root(dataset), 0x00080022, 0x00080032);
    dataset_free(dataset);
    return seconds;
}

static bool compute(const struct image *image, const char *differs, struct suv *ret_suv)
{
    struct dataset *const dataset = make(image);
    const struct suv_wish wish = { wished(image->value[WISH]), moment(image->value[ACQUIRED]),
                                   differs };
    const bool known = suv_compute(dataset_root(dataset), &wish, ret_suv);

    if (known)
        ret_suv->factor *= suv_slice_decay(ret_suv, suv_frame_moment(dataset_root(dataset)));
    dataset_free(dataset);
    return known;
}

/* "g/ml{SUVbw}; 2.92133e-04" or "Bq/ml; Patient's Weight". */
static bool agrees(const struct image *image, const char *expected)
{
    const char *const rest = strstr(expected, "; ");
    double factor = 0;
    struct suv suv;
    const bool known = compute(image, NULL, &suv);

    if (rest == NULL || strncmp(volume_unit_name(suv.unit), expected, (size_t)(rest - expected)) != 0
        || strlen(volume_unit_name(suv.unit)) != (size_t)(rest - expected))
        return false;
    if (known)
        return text_to_double(rest + 2, &factor) && fabs(suv.factor / factor - 1) < 1e-8
            && strncmp(suv.how, "SUV not", 7) != 0;
    return suv.factor == 1 && strncmp(suv.how, "SUV not computable: needs ", 26) == 0
        && strcmp(suv.how + 26, rest + 2) == 0;
}

static bool read_case(char *line, char **ret_name, struct image *ret_image, char **ret_expected)
{
    char *rest = line, *pair;

    *ret_name = strsep(&rest, "|");
    char *inputs = strsep(&rest, "|");
    *ret_expected = strsep(&rest, "|");
    if (inputs == NULL || *ret_expected == NULL || rest == NULL)
        return false;
    *ret_image = plain;
    while ((pair = strsep(&inputs, " ")) != NULL) {
        const char *const name = strsep(&pair, "=");
        if (name[0] != '\0' && (pair == NULL || !set(ret_image, name, pair)))
            return false;
    }
    *ret_expected += strspn(*ret_expected, " ");
    (*ret_expected)[strlen(*ret_expected) - 1] = '\0';
    return true;
}

static void every_unit_decay_and_maker_has_its_factor_or_its_sentence(void)
{
    char path[1200], line[600], *name, *expected;
    int cases = 0;
    struct image image;

    snprintf(path, sizeof path, "%s/tests/cases/suv.txt", runner_source());
    FILE *const file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#')
            continue;
        CU_ASSERT_FATAL(read_case(line, &name, &image, &expected));
        const bool good = agrees(&image, expected);
        struct suv suv;
        CU_ASSERT(good);
        if (!good && (compute(&image, NULL, &suv) || true))
            printf("\n  %s: %s %.12g, %s ", name, volume_unit_name(suv.unit), suv.factor, suv.how);
        cases++;
    }
    fclose(file);
    printf("[%d cases] ", cases);
    CU_ASSERT(cases >= 90);
}

/* A slice of another weight, dose or unit makes one factor for all a lie. */
static void what_differs_between_slices_is_named(void)
{
    static const struct { int key; const char *value, *name; } differing[] = {
        { UNITS, "GML", "Units" }, { DECAY, "ADMIN", "Decay Correction" },
        { DATE, "20260303", "Series Date" }, { CORRECTED, "ATTN", "Corrected Image" },
        { INJECTED, "100001", "Radiopharmaceutical Start Time" },
        { WEIGHT, "70.5", "Patient's Weight" }, { SIZE, "1.76", "Patient's Size" },
        { SEX, "F", "Patient's Sex" }, { DOSE, "350000001", "Radionuclide Total Dose" },
        { HALF, "6588", "Radionuclide Half Life" }, { ZONE, "+0100", "Timezone Offset From UTC" },
        { DRUG, "", "Radionuclide Total Dose" }
    };
    struct suv_inputs first, second;
    struct suv suv;
    struct dataset *dataset = make(&plain);

    suv_inputs_read(dataset_root(dataset), &first);
    dataset_free(dataset);
    CU_ASSERT_PTR_NULL(suv_inputs_compare(&first, &first));
    CU_ASSERT_FALSE(compute(&plain, "Patient's Weight", &suv));
    CU_ASSERT_EQUAL(suv.unit, UNIT_BQML);
    CU_ASSERT_STRING_EQUAL(suv.how, "SUV not computable: needs one Patient's Weight in all slices");
    CU_ASSERT_FALSE(compute(&plain, "Units", &suv));
    CU_ASSERT_EQUAL(suv.unit, UNIT_ARBITRARY);
    for (size_t i = 0; i < sizeof differing / sizeof *differing; i++) {
        struct image other = plain;
        text_format(other.value[differing[i].key], 40, "%s", differing[i].value);
        dataset = make(&other);
        suv_inputs_read(dataset_root(dataset), &second);
        CU_ASSERT_STRING_EQUAL(suv_inputs_compare(&first, &second), differing[i].name);
        dataset_free(dataset);
    }
}

static bool read_file(const char *name, struct dataset **ret_dataset)
{
    char path[1200];
    static unsigned char bytes[1 << 20];

    if (!runner_data_path(name, path, sizeof path))
        return false;
    FILE *const file = fopen(path, "rb");
    const size_t size = file == NULL ? 0 : fread(bytes, 1, sizeof bytes, file);
    if (file != NULL)
        fclose(file);
    CU_ASSERT_FATAL(size > 0 && dicom_init(&err));
    return (*ret_dataset = dataset_read(bytes, size, &err)) != NULL;
}

/* By hand, from what dcmdump shows of the three. */
static void slices_of_three_makers_have_the_factor_by_hand(void)
{
    static const struct { const char *file; double kg, dose, elapsed_s, half_life_s; } makers[] = {
        { "dicom/pet_vendor_singles/ge_discovery_st_jpeglossless.dcm", 90, 474592928, 5316, 6588 },
        { "dicom/pet_vendor_singles/philips_gemini_tf_private_7053.dcm", 9.293, 90100000, 4521,
          6586.199707 },
        { "dicom/pet_vendor_singles/siemens_biograph_mct.dcm", 82, 290000000, 4338, 6586.2 }
    };
    struct dataset *dataset;
    struct suv suv;

    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        if (!read_file(makers[i].file, &dataset))
            return;
        const struct suv_wish wish = { UNIT_SUVBW,
            suv_moment(dataset_root(dataset), 0x00080022, 0x00080032), NULL };
        const bool known = suv_compute(dataset_root(dataset), &wish, &suv);
        CU_ASSERT(known);
        if (!known)
            printf("[%s] ", suv.how);
        CU_ASSERT_DOUBLE_EQUAL(suv.factor * makers[i].dose
            * exp2(-makers[i].elapsed_s / makers[i].half_life_s) / (1000 * makers[i].kg), 1, 1e-6);
        dataset_free(dataset);
    }
}

static const struct runner_test tests[] = {
    TEST(every_unit_decay_and_maker_has_its_factor_or_its_sentence),
    TEST(what_differs_between_slices_is_named),
    TEST(slices_of_three_makers_have_the_factor_by_hand),
    { NULL, NULL }
};
const struct runner_suite suite_suv = { "suv", tests };
