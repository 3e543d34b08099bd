#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/identifier.h"
#include "dicom/suv.h"
#include "tests/runner.h"
#include "util/error.h"

#define HALF_LIFE 6586.2                /* of 18F, s */

static struct error err;
static char how[200];
static enum volume_unit unit;

/*
 * 70 kg, 350 MBq at 10:00:00, the scan at 11:00:00; what is NULL is not there. By hand:
 * 70000 g / (350e6 Bq * 2^(-3600 / 6586.2)) = 2.92133e-4.
 */
struct pet {
    const char *units, *corrected, *decay, *suv_type, *date, *time, *injected, *injected_full;
    double weight, dose, half_life;
};
static const struct pet plain = { .units = "BQML", .corrected = "ATTN\\DECY\\SCAT",
    .decay = "START", .date = "20260302", .time = "110000", .injected = "100000", .weight = 70,
    .dose = 350e6, .half_life = HALF_LIFE };

static void put(struct item *item, uint32_t tag, const char *text)
{
    if (text != NULL)
        item_put_text(item, tag, text);
}

static struct dataset *make(const struct pet *pet)
{
    CU_ASSERT_FATAL(dicom_init(&err));
    struct dataset *const dataset = dataset_new(&err);
    struct item *const root = dataset_root(dataset);

    put(root, 0x00080021, pet->date);
    put(root, 0x00080031, pet->time);
    if (pet->weight != 0)
        item_put_double(root, 0x00101030, pet->weight);
    put(root, 0x00280051, pet->corrected);
    struct item *const drug = item_add(root, 0x00540016);
    put(drug, 0x00181072, pet->injected);
    if (pet->dose != 0)
        item_put_double(drug, 0x00181074, pet->dose);
    if (pet->half_life != 0)
        item_put_double(drug, 0x00181075, pet->half_life);
    put(drug, 0x00181078, pet->injected_full);
    put(root, 0x00541001, pet->units);
    put(root, 0x00541006, pet->suv_type);
    put(root, 0x00541102, pet->decay);
    return dataset;
}

static bool compute(const struct pet *pet, double acquired_s, double *ret_factor)
{
    struct dataset *const dataset = make(pet);
    const bool good = suv_factor(dataset_root(dataset), acquired_s, NULL, ret_factor, &unit,
                                 how, sizeof how);

    dataset_free(dataset);
    return good;
}

static void check(const struct pet *pet, double expected, enum volume_unit expected_unit)
{
    double factor = 0;

    CU_ASSERT(compute(pet, NAN, &factor));
    CU_ASSERT_DOUBLE_EQUAL(factor / expected, 1, 1e-9);
    CU_ASSERT_EQUAL(unit, expected_unit);
}

static void activity_is_decayed_to_the_scan(void)
{
    struct pet pet = plain;

    check(&pet, 70000 / (350e6 * pow(2, -3600 / HALF_LIFE)), UNIT_SUVBW);
    pet.decay = "ADMIN";                /* corrected to the injection already */
    check(&pet, 70000 / 350e6, UNIT_SUVBW);
    pet = plain;
    pet.time = "110000.500000";
    check(&pet, 70000 / (350e6 * pow(2, -3600.5 / HALF_LIFE)), UNIT_SUVBW);
}

static void an_injection_before_midnight_was_the_day_before(void)
{
    struct pet pet = plain;

    pet.time = "003000";
    pet.injected = "233000";
    check(&pet, 70000 / (350e6 * pow(2, -3600 / HALF_LIFE)), UNIT_SUVBW);
    pet.injected_full = "20260301233000.000000";
    check(&pet, 70000 / (350e6 * pow(2, -3600 / HALF_LIFE)), UNIT_SUVBW);
    pet.date = "20260301";              /* over the end of February, with a leap year beside */
    pet.injected_full = "20260228233000";
    check(&pet, 70000 / (350e6 * pow(2, -3600 / HALF_LIFE)), UNIT_SUVBW);
    pet.date = "20280301";
    pet.injected_full = "20280229233000";
    check(&pet, 70000 / (350e6 * pow(2, -3600 / HALF_LIFE)), UNIT_SUVBW);
}

/* A series time that was written after the acquisition began is not the scan's. */
static void a_rewritten_series_time_is_not_taken(void)
{
    struct pet pet = plain;
    double factor = 0;
    struct dataset *const dataset = make(&plain);

    item_put_text(dataset_root(dataset), 0x00080022, "20260302");
    item_put_text(dataset_root(dataset), 0x00080032, "110000");
    const double acquired_s = suv_moment(dataset_root(dataset), 0x00080022, 0x00080032);
    dataset_free(dataset);
    pet.time = "113000";
    CU_ASSERT(compute(&pet, acquired_s, &factor));
    CU_ASSERT_DOUBLE_EQUAL(factor * 350e6 * pow(2, -3600 / HALF_LIFE) / 70000, 1, 1e-9);
}

static void values_in_grams_are_taken_as_they_are(void)
{
    struct pet pet = plain;

    pet.units = "GML";
    check(&pet, 1, UNIT_SUVBW);
    pet.suv_type = "BW";
    check(&pet, 1, UNIT_SUVBW);
    pet.suv_type = "LBMJAMES128";
    check(&pet, 1, UNIT_SUVLBM);
    pet.units = "CM2ML";
    check(&pet, 1, UNIT_SUVBSA);
}

/* Explicit bytes, since private elements cannot be built without their dictionary. */
static bool compute_counts(const char *creator, uint32_t tag, const char *value,
                           double *ret_factor)
{
    struct identifier_writer writer;

    CU_ASSERT_FATAL(dicom_init(&err));
    identifier_begin(&writer, true);
    identifier_put(&writer, 0x00080021, "DA", "20260302");
    identifier_put(&writer, 0x00080031, "TM", "110000");
    identifier_put(&writer, 0x00101030, "DS", "70");
    identifier_put(&writer, 0x00280051, "CS", "ATTN\\DECY");
    const size_t drugs = identifier_open(&writer, 0x00540016);
    const size_t drug = identifier_open(&writer, IDENTIFIER_ITEM);
    identifier_put(&writer, 0x00181072, "TM", "100000");
    identifier_put(&writer, 0x00181074, "DS", "350000000");
    identifier_put(&writer, 0x00181075, "DS", "6586.2");
    identifier_close(&writer, drug);
    identifier_close(&writer, drugs);
    identifier_put(&writer, 0x00541001, "CS", "CNTS");
    identifier_put(&writer, 0x00541102, "CS", "START");
    identifier_put(&writer, 0x70530010, "LO", creator);
    identifier_put(&writer, tag, "DS", value);
    CU_ASSERT_FATAL(identifier_end(&writer, &err));
    struct dataset *const dataset = dataset_read(writer.bytes, writer.size, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
    const bool good = suv_factor(dataset_root(dataset), NAN, NULL, ret_factor, &unit, how,
                                 sizeof how);
    dataset_free(dataset);
    free(writer.bytes);
    return good;
}

static void counts_need_the_makers_factors(void)
{
    const char *const philips = "Philips PET Private Group";
    double factor = 0;

    CU_ASSERT(compute_counts(philips, 0x70531000, "0.000551", &factor));
    CU_ASSERT_DOUBLE_EQUAL(factor, 0.000551, 1e-12);
    CU_ASSERT_EQUAL(unit, UNIT_SUVBW);
    CU_ASSERT(compute_counts(philips, 0x70531009, "1.25", &factor));
    CU_ASSERT_DOUBLE_EQUAL(factor * 350e6 * pow(2, -3600 / HALF_LIFE) / 70000 / 1.25, 1, 1e-9);
    CU_ASSERT_FALSE(compute_counts(philips, 0x70531000, "0", &factor));
    CU_ASSERT_STRING_EQUAL(how, "SUV not computable: needs a factor in (7053,1000) or (7053,1009)");
    CU_ASSERT_FALSE(compute_counts("Somebody else", 0x70531000, "0.000551", &factor));
    CU_ASSERT_EQUAL(factor, 1);
    CU_ASSERT_EQUAL(unit, UNIT_ARBITRARY);
}

static void check_refused(const struct pet *pet, enum volume_unit expected, const char *needs)
{
    double factor = 0;
    char sentence[200];

    CU_ASSERT_FALSE(compute(pet, NAN, &factor));
    CU_ASSERT_EQUAL(factor, 1);
    CU_ASSERT_EQUAL(unit, expected);
    snprintf(sentence, sizeof sentence, "SUV not computable: needs %s", needs);
    CU_ASSERT_STRING_EQUAL(how, sentence);
}

#define WITHOUT(field, value, expected, needs) \
    do { \
        struct pet pet = plain; \
        pet.field = value; \
        check_refused(&pet, expected, needs); \
    } while (0)

static void what_is_missing_is_named(void)
{
    WITHOUT(units, NULL, UNIT_ARBITRARY, "Units BQML, GML, CM2ML or CNTS");
    WITHOUT(units, "PROPCPS", UNIT_ARBITRARY, "Units BQML, GML, CM2ML or CNTS");
    WITHOUT(units, "CNTS", UNIT_ARBITRARY,
            "Units BQML or GML (CNTS only with Philips' private factors)");
    WITHOUT(corrected, NULL, UNIT_BQML, "Corrected Image with ATTN and DECY");
    WITHOUT(corrected, "DECY\\SCAT", UNIT_BQML, "Corrected Image with ATTN and DECY");
    WITHOUT(weight, 0, UNIT_BQML, "Patient's Weight");
    WITHOUT(weight, -3, UNIT_BQML, "Patient's Weight");
    WITHOUT(dose, 0, UNIT_BQML, "Radionuclide Total Dose");
    WITHOUT(dose, 350, UNIT_BQML, "Radionuclide Total Dose in Bq (this one looks like MBq)");
    WITHOUT(decay, NULL, UNIT_BQML, "Decay Correction");
    WITHOUT(decay, "NONE", UNIT_BQML, "Decay Correction START or ADMIN");
    WITHOUT(half_life, 0, UNIT_BQML, "Radionuclide Half Life");
    WITHOUT(time, NULL, UNIT_BQML, "the times of injection and scan");
    WITHOUT(date, "2026", UNIT_BQML, "the times of injection and scan");
    WITHOUT(injected, NULL, UNIT_BQML, "the times of injection and scan");
    WITHOUT(injected_full, "20260302120000", UNIT_BQML, "an injection before the scan");
    struct pet grams = plain;
    grams.units = "GML";
    grams.suv_type = "IBW";
    check_refused(&grams, UNIT_ARBITRARY, "SUV Type BW or LBM");
    grams.suv_type = NULL;
    grams.corrected = "DECY";
    check_refused(&grams, UNIT_ARBITRARY, "Corrected Image with ATTN and DECY");
}

/* A slice of another weight, dose or unit makes one factor for all a lie. */
static void what_differs_between_slices_is_named(void)
{
    static const struct { size_t field; const char *name; } differing[] = {
        { offsetof(struct pet, units), "Units" },
        { offsetof(struct pet, decay), "Decay Correction" },
        { offsetof(struct pet, date), "Series Date" },
        { offsetof(struct pet, corrected), "Corrected Image" },
        { offsetof(struct pet, injected), "Radiopharmaceutical Start Time" }
    };
    struct suv_inputs first, second;
    struct dataset *dataset = make(&plain);
    double factor;

    suv_inputs_read(dataset_root(dataset), &first);
    CU_ASSERT_PTR_NULL(suv_inputs_compare(&first, &first));
    CU_ASSERT_FALSE(suv_factor(dataset_root(dataset), NAN, "Patient's Weight", &factor, &unit,
                               how, sizeof how));
    CU_ASSERT_EQUAL(unit, UNIT_BQML);
    CU_ASSERT_STRING_EQUAL(how, "SUV not computable: needs one Patient's Weight in all slices");
    dataset_free(dataset);
    for (size_t i = 0; i < sizeof differing / sizeof *differing; i++) {
        struct pet other = plain;
        *(const char **)((char *)&other + differing[i].field) = "20260303";
        dataset = make(&other);
        suv_inputs_read(dataset_root(dataset), &second);
        CU_ASSERT_STRING_EQUAL(suv_inputs_compare(&first, &second), differing[i].name);
        dataset_free(dataset);
    }
    struct pet heavier = plain;
    heavier.weight = 70.5;
    dataset = make(&heavier);
    suv_inputs_read(dataset_root(dataset), &second);
    CU_ASSERT_STRING_EQUAL(suv_inputs_compare(&first, &second), "Patient's Weight");
    dataset_free(dataset);
}

static const struct runner_test tests[] = {
    TEST(activity_is_decayed_to_the_scan),
    TEST(an_injection_before_midnight_was_the_day_before),
    TEST(a_rewritten_series_time_is_not_taken),
    TEST(values_in_grams_are_taken_as_they_are),
    TEST(counts_need_the_makers_factors),
    TEST(what_is_missing_is_named),
    TEST(what_differs_between_slices_is_named),
    { NULL, NULL }
};
const struct runner_suite suite_suv = { "suv", tests };
