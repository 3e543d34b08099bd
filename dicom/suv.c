/* SUV: see the header, and PS3.3 C.8.9 for the attributes. */
#include "dicom/suv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dicom/dataset.h"
#include "util/text.h"

#define ENHANCED_PET "1.2.840.10008.5.1.4.1.1.130"
#define LEGACY_PET "1.2.840.10008.5.1.4.1.1.128.1"
#define LEAST_DOSE_BQ 1e6               /* below it the dose was written in MBq */
#define MOST_WEIGHT_KG 650              /* above it the weight was written in g */
#define MOST_SIZE_M 3                   /* above it the size was written in cm */
#define MOST_HALF_LIVES 20              /* after them there is nothing left to measure */

enum tag {
    ACQUISITION_DATE = 0x00080022, ACQUISITION_TIME = 0x00080032, TIMEZONE = 0x00080201,
    SOP_CLASS = 0x00080016, SERIES_DATE = 0x00080021, SERIES_TIME = 0x00080031, PATIENT_SEX = 0x00100040,
    PATIENT_SIZE = 0x00101020, PATIENT_WEIGHT = 0x00101030,
    CORRECTED_IMAGE = 0x00280051, UNITS = 0x00541001, SUV_TYPE = 0x00541006,
    DECAY_CORRECTION = 0x00541102, RADIOPHARMACEUTICAL = 0x00540016, DOSE = 0x00181074,
    HALF_LIFE = 0x00181075, START_TIME = 0x00181072, START_DATETIME = 0x00181078,
    FRAME_DURATION = 0x00181242,
    PHILIPS_CREATOR = 0x70530010, PHILIPS_SUV = 0x70531000, PHILIPS_ACTIVITY = 0x70531009,
    GE_CREATOR = 0x00090010, GE_SCAN_DATETIME = 0x0009100d
};

/* In the image, or in its first radiopharmaceutical. */
static const struct {
    unsigned tag;
    bool of_drug;
    const char *name;
} inputs[SUV_INPUTS] = {
    { UNITS, false, "Units" }, { SUV_TYPE, false, "SUV Type" },
    { PATIENT_WEIGHT, false, "Patient's Weight" }, { PATIENT_SIZE, false, "Patient's Size" },
    { PATIENT_SEX, false, "Patient's Sex" }, { TIMEZONE, false, "Timezone Offset From UTC" },
    { DECAY_CORRECTION, false, "Decay Correction" }, { SERIES_DATE, false, "Series Date" },
    { SERIES_TIME, false, "Series Time" },
    { CORRECTED_IMAGE, false, "Corrected Image" },
    { PHILIPS_SUV, false, "(7053,1000)" }, { PHILIPS_ACTIVITY, false, "(7053,1009)" },
    { DOSE, true, "Radionuclide Total Dose" }, { HALF_LIFE, true, "Radionuclide Half Life" },
    { START_TIME, true, "Radiopharmaceutical Start Time" },
    { START_DATETIME, true, "Radiopharmaceutical Start DateTime" },
    { RADIOPHARMACEUTICAL, false, "Radiopharmaceutical Information Sequence" }
};

/* Up to 33 characters of all values; of a sequence, how many items it has. */
static void read_input(const struct item *item, unsigned tag, char *value, size_t size)
{
    char one[33];
    size_t at = 0;

    value[0] = '\0';
    if (tag == RADIOPHARMACEUTICAL) {
        text_format(value, size, "%zu", item_count(item, tag));
        return;
    }
    for (size_t i = 0; item != NULL && i < item_value_count(item, tag) && at + 1 < size; i++) {
        item_text_at(item, tag, i, one, sizeof one);
        text_format(value + at, size - at, "%s%s", i > 0 ? "\\" : "", one);
        at += strlen(value + at);
    }
}

void suv_inputs_read(const struct item *image, struct suv_inputs *ret_inputs)
{
    const struct item *const drug = item_at(image, RADIOPHARMACEUTICAL, 0);

    for (int i = 0; i < SUV_INPUTS; i++)
        read_input(inputs[i].of_drug ? drug : image, inputs[i].tag, ret_inputs->value[i],
                   sizeof ret_inputs->value[i]);
}

const char *suv_inputs_compare(const struct suv_inputs *a, const struct suv_inputs *b)
{
    for (int i = 0; i < SUV_INPUTS; i++)
        if (strcmp(a->value[i], b->value[i]) != 0)
            return inputs[i].name;
    return NULL;
}

/* Two or more digits of a text as a number; false when they are not digits. */
static bool digits(const char *text, int count, int *ret_value)
{
    *ret_value = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *ret_value = 10 * *ret_value + (text[i] - '0');
    }
    return true;
}

/* Days since 0000-03-01 in the Gregorian calendar. */
static double days(int year, int month, int day)
{
    const int y = month > 2 ? year : year - 1, m = (month + 9) % 12;

    return 365.0 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1;
}

/* "YYYYMMDD" and "HH[MM[SS[.ffffff]]]"; NAN for what is neither. */
static double moment(const char *date, const char *time)
{
    int year, month, day, hour = 0, minute = 0;
    double seconds = 0;
    const size_t length = strcspn(time, "+-");      /* a zone may follow in a DT */
    char fraction[32] = "";

    if (strlen(date) < 8 || !digits(date, 4, &year) || !digits(date + 4, 2, &month)
        || !digits(date + 6, 2, &day) || length < 2 || !digits(time, 2, &hour)
        || (length >= 4 && !digits(time + 2, 2, &minute)))
        return NAN;
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59)
        return NAN;
    if (length > 4) {
        text_format(fraction, sizeof fraction, "%.*s", (int)(length - 4), time + 4);
        if (!text_to_double(fraction, &seconds))
            return NAN;
    }
    return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + seconds;
}

double suv_moment(const struct item *image, unsigned date_tag, unsigned time_tag)
{
    char date[32], time[32];

    if (!item_text_at(image, date_tag, 0, date, sizeof date)
        || !item_text_at(image, time_tag, 0, time, sizeof time))
        return NAN;
    return moment(date, time);
}

/* "+HHMM" or "-HHMM" in seconds, or NAN. */
static double zone_seconds(const char *zone)
{
    int hours, minutes;

    if ((zone[0] != '+' && zone[0] != '-') || strlen(zone) != 5
        || !digits(zone + 1, 2, &hours) || !digits(zone + 3, 2, &minutes))
        return NAN;
    return (zone[0] == '-' ? -1 : 1) * (hours * 3600.0 + minutes * 60.0);
}

/*
 * A DT in the zone of the image's dates and times (PS3.3 C.12.1.1.8). With a zone of its own,
 * where the image does not tell its zone, it cannot be compared with them: NAN.
 */
static double moment_of_datetime(const struct item *image, const struct item *item,
                                 unsigned tag)
{
    char text[64], zone[17];

    if (!item_text_at(item, tag, 0, text, sizeof text) || strlen(text) < 10)
        return NAN;
    const double at = moment(text, text + 8);
    const char *const own = text + 8 + strcspn(text + 8, "+-");
    if (own[0] == '\0')
        return at;
    if (!item_text_at(image, TIMEZONE, 0, zone, sizeof zone))
        return NAN;
    return at - zone_seconds(own) + zone_seconds(zone);
}

static bool has_word(const struct item *image, unsigned tag, const char *word)
{
    char value[64];

    for (size_t i = 0; i < item_value_count(image, tag); i++)
        if (item_text_at(image, tag, i, value, sizeof value) && strcmp(value, word) == 0)
            return true;
    return false;
}

static bool has_creator(const struct item *image, unsigned tag, const char *creator)
{
    char value[65];

    return item_text_at(image, tag, 0, value, sizeof value) && strcmp(value, creator) == 0;
}

/* When the decay correction refers to, for DecayCorrection START. */
static double scan_start(const struct item *image, double first_acquisition_s)
{
    const double series = suv_moment(image, SERIES_DATE, SERIES_TIME);
    const double ge = has_creator(image, GE_CREATOR, "GEMS_PETD_01")
        ? moment_of_datetime(image, image, GE_SCAN_DATETIME) : NAN;

    if (isnan(first_acquisition_s) || series <= first_acquisition_s)
        return series;
    return isnan(ge) ? first_acquisition_s : ge;    /* the series time was rewritten later */
}

/* The injection; a start time without date later than the scan was on the day before. */
static double injection(const struct item *image, const struct item *drug, double scan_s)
{
    char time[32], date[32];
    const double full = moment_of_datetime(image, drug, START_DATETIME);

    if (!isnan(full))
        return full;
    if (!item_text_at(drug, START_TIME, 0, time, sizeof time)
        || !item_text_at(image, SERIES_DATE, 0, date, sizeof date))
        return NAN;
    const double same_day = moment(date, time);
    return same_day > scan_s ? same_day - 86400 : same_day;
}

static bool refuse(struct suv *suv, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct suv *suv, const char *format, ...)
{
    va_list list;
    char needs[160];

    va_start(list, format);
    vsnprintf(needs, sizeof needs, format, list);
    va_end(list);
    text_format(suv->how, sizeof suv->how, "SUV not computable: needs %s", needs);
    return false;
}

/* Without these two a value is not proportional to what is in the patient. */
static bool is_corrected(const struct item *image, bool decay, struct suv *suv)
{
    if (has_word(image, CORRECTED_IMAGE, "ATTN")
        && (!decay || has_word(image, CORRECTED_IMAGE, "DECY")))
        return true;
    return refuse(suv, decay ? "Corrected Image with ATTN and DECY" : "Corrected Image with ATTN");
}

/* ---- what the patient is set in for ---- */

static const char *short_name(enum volume_unit unit)
{
    return unit == UNIT_SUVLBM ? "SUVlbm" : unit == UNIT_SUVLBM_JAMES128 ? "SUVlbm(James128)"
        : unit == UNIT_SUVLBM_JANMA ? "SUVlbm(Janma)" : unit == UNIT_SUVBSA ? "SUVbsa" : "SUVbw";
}

static bool read_weight(const struct item *image, double *ret_kg, struct suv *suv)
{
    if (!item_double(image, PATIENT_WEIGHT, 0, ret_kg) || *ret_kg <= 0)
        return refuse(suv, "Patient's Weight");
    return *ret_kg <= MOST_WEIGHT_KG
        || refuse(suv, "Patient's Weight in kg (this one looks like g)");
}

static bool read_size(const struct item *image, double *ret_m, struct suv *suv)
{
    if (!item_double(image, PATIENT_SIZE, 0, ret_m) || *ret_m <= 0)
        return refuse(suv, "Patient's Size");
    return *ret_m <= MOST_SIZE_M || refuse(suv, "Patient's Size in m (this one looks like cm)");
}

static bool read_sex(const struct item *image, bool *ret_male, struct suv *suv)
{
    char sex[17] = "";

    item_text_at(image, PATIENT_SEX, 0, sex, sizeof sex);
    *ret_male = strcmp(sex, "M") == 0;
    return *ret_male || strcmp(sex, "F") == 0
        || refuse(suv, "Patient's Sex M or F, by which lean mass differs");
}

/*
 * James 1976, in kg. It falls again above a weight of first / (2 × second) × size², which no
 * lean mass does: beyond it there is no answer.
 */
static bool lean_james(double kg, double m, bool male, double men, double *ret_kg,
                       struct suv *suv)
{
    const double first = male ? 1.10 : 1.07, second = male ? men : 148;
    const double ratio = kg / (100 * m), top = first * 1e4 / (2 * second);

    *ret_kg = first * kg - second * ratio * ratio;
    return kg / (m * m) <= top
        || refuse(suv, "a body mass index up to %.1f for lean mass by James (this one is %.1f); "
                  "lbm_janma has no such limit", top, kg / (m * m));
}

/* Janmahasatian 2005. */
static double lean_janmahasatian(double kg, double m, bool male)
{
    const double index = kg / (m * m);

    return male ? 9270 * kg / (6680 + 216 * index) : 9270 * kg / (8780 + 244 * index);
}

/* What takes the weight's place: g, or for bsa cm² (Du Bois 1916). */
static bool scale_of(const struct item *image, enum volume_unit unit, double kg,
                     double *ret_scale, struct suv *suv)
{
    double m, lean_kg;
    bool male;

    if (unit == UNIT_SUVBW) {
        *ret_scale = 1000 * kg;
        return true;
    }
    if (!read_size(image, &m, suv))
        return false;
    if (unit == UNIT_SUVBSA) {
        *ret_scale = 71.84 * pow(kg, 0.425) * pow(100 * m, 0.725);
        return true;
    }
    if (!read_sex(image, &male, suv))
        return false;
    if (unit == UNIT_SUVLBM_JANMA)
        lean_kg = lean_janmahasatian(kg, m, male);
    else if (!lean_james(kg, m, male, unit == UNIT_SUVLBM ? 120 : 128, &lean_kg, suv))
        return false;
    *ret_scale = 1000 * lean_kg;
    return true;
}

/* Makes a factor to SUVbw one to what was wished for. */
static bool from_weight(const struct item *image, enum volume_unit unit, struct suv *suv)
{
    double kg, scale;

    if (unit == UNIT_SUVBW)
        return true;
    if (!read_weight(image, &kg, suv) || !scale_of(image, unit, kg, &scale, suv))
        return false;
    suv->factor *= scale / (1000 * kg);
    return true;
}

/* ---- by the unit of what is stored ---- */

static bool read_dose(const struct item *drug, double *ret_dose, struct suv *suv)
{
    if (drug == NULL || !item_double(drug, DOSE, 0, ret_dose) || *ret_dose <= 0)
        return refuse(suv, "Radionuclide Total Dose");
    return *ret_dose >= LEAST_DOSE_BQ
        || refuse(suv, "Radionuclide Total Dose in Bq (this one looks like MBq)");
}

/* The time from injection to what the decay correction refers to. */
static bool read_times(const struct item *image, const struct item *drug,
                       double first_acquisition_s, double *ret_half_life_s,
                       double *ret_injection_s, double *ret_elapsed_s, struct suv *suv)
{
    if (!item_double(drug, HALF_LIFE, 0, ret_half_life_s) || *ret_half_life_s <= 0)
        return refuse(suv, "Radionuclide Half Life");
    const double scan_s = scan_start(image, first_acquisition_s);
    *ret_injection_s = injection(image, drug, scan_s);
    *ret_elapsed_s = scan_s - *ret_injection_s;
    if (isnan(*ret_elapsed_s))
        return refuse(suv, "the times of injection and scan");
    if (*ret_elapsed_s < 0)
        return refuse(suv, "an injection before the scan");
    return *ret_elapsed_s <= MOST_HALF_LIVES * *ret_half_life_s
        || refuse(suv, "an injection within %d half lives before the scan (this one is %.1f h)",
                  MOST_HALF_LIVES, *ret_elapsed_s / 3600);
}

/* The dose at the moment that the activities are corrected to, by DecayCorrection. */
static bool decay_dose(const struct item *image, const struct item *drug, const char *correction,
                       double first_acquisition_s, double *ret_dose, double *ret_elapsed_s,
                       struct suv *suv)
{
    double half_life_s = 0, injection_s = NAN;

    *ret_elapsed_s = 0;
    if (strcmp(correction, "ADMIN") == 0)
        return true;
    if (!read_times(image, drug, first_acquisition_s, &half_life_s, &injection_s, ret_elapsed_s,
                    suv))
        return false;
    if (strcmp(correction, "START") == 0) {
        *ret_dose *= exp2(-*ret_elapsed_s / half_life_s);
        return true;
    }
    suv->half_life_s = half_life_s;     /* NONE: each slice is brought to the injection */
    suv->reference_s = injection_s;
    return !isnan(suv_frame_moment(image))
        || refuse(suv, "Acquisition Date and Time and Actual Frame Duration of every slice");
}

/* Activity in Bq/ml × weight / dose left at the reference time of the decay correction. */
static bool from_activity(const struct item *image, const struct suv_wish *wish,
                          struct suv *suv)
{
    const struct item *const drug = item_at(image, RADIOPHARMACEUTICAL, 0);
    double kg, scale, dose, elapsed_s;
    char correction[17] = "";

    item_text_at(image, DECAY_CORRECTION, 0, correction, sizeof correction);
    if (!is_corrected(image, strcmp(correction, "NONE") != 0, suv)
        || !read_weight(image, &kg, suv) || !read_dose(drug, &dose, suv))
        return false;
    if (correction[0] == '\0')
        return refuse(suv, "Decay Correction");
    if (strcmp(correction, "START") != 0 && strcmp(correction, "ADMIN") != 0
        && strcmp(correction, "NONE") != 0)
        return refuse(suv, "Decay Correction START, ADMIN or NONE");
    if (strcmp(correction, "NONE") == 0 && has_word(image, CORRECTED_IMAGE, "DECY"))
        return refuse(suv, "a Decay Correction that is not NONE where Corrected Image has DECY");
    if (!scale_of(image, wish->unit, kg, &scale, suv)
        || !decay_dose(image, drug, correction, wish->first_acquisition_s, &dose, &elapsed_s,
                       suv))
        return false;
    suv->factor = scale / dose;
    text_format(suv->how, sizeof suv->how, "%s factor %.6g from Bq/ml: %.4g kg, %.0f s after "
                "injection%s", short_name(wish->unit), suv->factor, kg, elapsed_s,
                suv->half_life_s > 0 ? ", each slice by its own time" : "");
    return true;
}

/* SUV Type (0054,1006): which one the values in g/ml are; absent is BW. */
static bool stored_type(const struct item *image, enum volume_unit *ret_unit, struct suv *suv)
{
    static const struct {
        const char *type;
        enum volume_unit unit;
    } types[] = { { "", UNIT_SUVBW }, { "BW", UNIT_SUVBW }, { "LBM", UNIT_SUVLBM },
                  { "LBMJAMES128", UNIT_SUVLBM_JAMES128 }, { "LBMJANMA", UNIT_SUVLBM_JANMA } };
    char type[17] = "";

    item_text_at(image, SUV_TYPE, 0, type, sizeof type);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].type) == 0) {
            *ret_unit = types[i].unit;
            return true;
        }
    return refuse(suv, "SUV Type BW, LBM, LBMJAMES128 or LBMJANMA");
}

/* Values are SUV already: they are as they are, or BW is made what was wished for. */
static bool from_stored(const struct item *image, enum volume_unit stored,
                        const struct suv_wish *wish, struct suv *suv)
{
    if (!is_corrected(image, true, suv))
        return false;
    if (stored != UNIT_SUVBW && wish->unit != UNIT_SUVBW && wish->unit != stored)
        return refuse(suv, "values stored as SUVbw for %s (these are %s)",
                      short_name(wish->unit), short_name(stored));
    if (stored != UNIT_SUVBW || wish->unit == UNIT_SUVBW) {
        suv->unit = stored;
        text_format(suv->how, sizeof suv->how, "values are %s as stored",
                    volume_unit_name(stored));
        return true;
    }
    if (!from_weight(image, wish->unit, suv))
        return false;
    suv->unit = wish->unit;
    text_format(suv->how, sizeof suv->how, "%s factor %.6g from SUVbw as stored",
                short_name(wish->unit), suv->factor);
    return true;
}

/* Philips: counts with two private factors, of which either may be there. */
static bool from_counts(const struct item *image, const struct suv_wish *wish, struct suv *suv)
{
    double value = 0, activity = 0;

    if (!has_creator(image, PHILIPS_CREATOR, "Philips PET Private Group"))
        return refuse(suv, "Units BQML or GML (CNTS only with Philips' private factors)");
    if (item_double(image, PHILIPS_SUV, 0, &value) && value != 0) {
        suv->factor = value;
        if (!is_corrected(image, true, suv) || !from_weight(image, wish->unit, suv))
            return false;
        text_format(suv->how, sizeof suv->how, "%s factor %.6g by (7053,1000)",
                    short_name(wish->unit), suv->factor);
        return true;
    }
    if (!item_double(image, PHILIPS_ACTIVITY, 0, &activity) || activity == 0)
        return refuse(suv, "a factor in (7053,1000) or (7053,1009)");
    if (!from_activity(image, wish, suv))
        return false;
    suv->factor *= activity;
    return true;
}

static bool compute(const struct item *image, const struct suv_wish *wish, struct suv *suv)
{
    enum volume_unit stored = UNIT_SUVBW;
    char units[17] = "", class_uid[TEXT_UID_SIZE] = "";

    item_text_at(image, UNITS, 0, units, sizeof units);
    item_text_at(image, SOP_CLASS, 0, class_uid, sizeof class_uid);
    if (strcmp(class_uid, ENHANCED_PET) == 0 || strcmp(class_uid, LEGACY_PET) == 0)
        return refuse(suv, "a PET Image of single slices (Enhanced PET is not read yet)");
    if (strcmp(units, "BQML") == 0)
        suv->unit = suv->stored_unit = UNIT_BQML;
    if (wish->differs != NULL) {
        if (strcmp(wish->differs, "Units") == 0)
            suv->unit = suv->stored_unit = UNIT_ARBITRARY;
        return refuse(suv, "one %s in all slices", wish->differs);
    }
    if (strcmp(units, "GML") == 0)
        return stored_type(image, &stored, suv) && from_stored(image, stored, wish, suv);
    if (strcmp(units, "CM2ML") == 0)
        return from_stored(image, UNIT_SUVBSA, wish, suv);
    if (strcmp(units, "BQML") != 0 && strcmp(units, "CNTS") != 0)
        return refuse(suv, "Units BQML, GML, CM2ML or CNTS");
    if (units[0] == 'B' ? !from_activity(image, wish, suv) : !from_counts(image, wish, suv))
        return false;
    suv->unit = wish->unit;
    return true;
}

bool suv_compute(const struct item *image, const struct suv_wish *wish, struct suv *ret_suv)
{
    *ret_suv = (struct suv){ .factor = 1, .unit = UNIT_ARBITRARY,
                             .stored_unit = UNIT_ARBITRARY };
    const bool known = compute(image, wish, ret_suv);

    if (!known) {
        ret_suv->factor = 1;
        ret_suv->half_life_s = 0;
    }
    return known;
}

/* ---- slices that were not decay corrected ---- */

/*
 * The moment of a frame whose count rate is its mean: t = ln(λT / (1 − exp(−λT))) / λ after it
 * began, with its duration T.
 */
double suv_frame_moment(const struct item *image)
{
    const struct item *const drug = item_at(image, RADIOPHARMACEUTICAL, 0);
    const double begin = suv_moment(image, ACQUISITION_DATE, ACQUISITION_TIME);
    double duration_ms, half_life_s;

    if (drug == NULL || !item_double(drug, HALF_LIFE, 0, &half_life_s) || half_life_s <= 0
        || !item_double(image, FRAME_DURATION, 0, &duration_ms) || duration_ms <= 0)
        return NAN;
    const double rate = M_LN2 / half_life_s, x = rate * duration_ms / 1000;
    return begin + (x > 1e-6 ? log(x / -expm1(-x)) / rate : duration_ms / 2000);
}

double suv_slice_decay(const struct suv *suv, double frame_s)
{
    return suv->half_life_s > 0 ? exp2((frame_s - suv->reference_s) / suv->half_life_s) : 1;
}
