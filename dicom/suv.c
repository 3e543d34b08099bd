/* SUV: see the header, and PS3.3 C.8.9 for the attributes. */
#include "dicom/suv.h"

#include <math.h>
#include <string.h>

#include "dicom/dataset.h"
#include "util/text.h"

enum tag {
    SERIES_DATE = 0x00080021, SERIES_TIME = 0x00080031, PATIENT_WEIGHT = 0x00101030,
    CORRECTED_IMAGE = 0x00280051, UNITS = 0x00541001, SUV_TYPE = 0x00541006,
    DECAY_CORRECTION = 0x00541102, RADIOPHARMACEUTICAL = 0x00540016, DOSE = 0x00181074,
    HALF_LIFE = 0x00181075, START_TIME = 0x00181072, START_DATETIME = 0x00181078,
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
    { PATIENT_WEIGHT, false, "Patient's Weight" },
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

static double moment_of_datetime(const struct item *item, unsigned tag)
{
    char text[64];

    if (!item_text_at(item, tag, 0, text, sizeof text) || strlen(text) < 10)
        return NAN;
    return moment(text, text + 8);
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
        ? moment_of_datetime(image, GE_SCAN_DATETIME) : NAN;

    if (isnan(first_acquisition_s) || series <= first_acquisition_s)
        return series;
    return isnan(ge) ? first_acquisition_s : ge;    /* the series time was rewritten later */
}

/* The injection; a start time without date later than the scan was on the day before. */
static double injection(const struct item *image, const struct item *drug, double scan_s)
{
    char time[32], date[32];
    const double full = moment_of_datetime(drug, START_DATETIME);

    if (!isnan(full))
        return full;
    if (!item_text_at(drug, START_TIME, 0, time, sizeof time)
        || !item_text_at(image, SERIES_DATE, 0, date, sizeof date))
        return NAN;
    const double same_day = moment(date, time);
    return same_day > scan_s ? same_day - 86400 : same_day;
}

static bool refuse(char *how, size_t size, const char *needs)
{
    text_format(how, size, "SUV not computable: needs %s", needs);
    return false;
}

static bool is_corrected(const struct item *image)
{
    return has_word(image, CORRECTED_IMAGE, "ATTN") && has_word(image, CORRECTED_IMAGE, "DECY");
}

/* Activity in Bq/ml × weight / dose left at the reference time of the decay correction. */
static bool from_activity(const struct item *image, double first_acquisition_s,
                          double *ret_factor, char *how, size_t size)
{
    const struct item *const drug = item_at(image, RADIOPHARMACEUTICAL, 0);
    double weight_kg, dose, half_life_s, elapsed_s = 0;
    char correction[17];

    if (!is_corrected(image))
        return refuse(how, size, "Corrected Image with ATTN and DECY");
    if (!item_double(image, PATIENT_WEIGHT, 0, &weight_kg) || weight_kg <= 0)
        return refuse(how, size, "Patient's Weight");
    if (drug == NULL || !item_double(drug, DOSE, 0, &dose) || dose <= 0)
        return refuse(how, size, "Radionuclide Total Dose");
    if (dose < 1e6)
        return refuse(how, size, "Radionuclide Total Dose in Bq (this one looks like MBq)");
    if (!item_text_at(image, DECAY_CORRECTION, 0, correction, sizeof correction))
        return refuse(how, size, "Decay Correction");
    if (strcmp(correction, "START") == 0) {
        if (!item_double(drug, HALF_LIFE, 0, &half_life_s) || half_life_s <= 0)
            return refuse(how, size, "Radionuclide Half Life");
        const double scan_s = scan_start(image, first_acquisition_s);
        elapsed_s = scan_s - injection(image, drug, scan_s);
        if (isnan(elapsed_s))
            return refuse(how, size, "the times of injection and scan");
        if (elapsed_s < 0)
            return refuse(how, size, "an injection before the scan");
        dose *= exp2(-elapsed_s / half_life_s);
    } else if (strcmp(correction, "ADMIN") != 0) {
        return refuse(how, size, "Decay Correction START or ADMIN");
    }
    *ret_factor = weight_kg * 1000 / dose;
    text_format(how, size, "SUVbw factor %.6g from Bq/ml: %.4g kg, %.0f s after injection",
                *ret_factor, weight_kg, elapsed_s);
    return true;
}

static bool from_grams(const struct item *image, enum volume_unit *ret_unit, char *how,
                       size_t size)
{
    char type[17] = "BW";

    *ret_unit = UNIT_ARBITRARY;
    if (!is_corrected(image))
        return refuse(how, size, "Corrected Image with ATTN and DECY");
    item_text_at(image, SUV_TYPE, 0, type, sizeof type);
    if (type[0] == '\0' || strcmp(type, "BW") == 0) {
        *ret_unit = UNIT_SUVBW;
    } else if (strncmp(type, "LBM", 3) == 0) {
        *ret_unit = UNIT_SUVLBM;
    } else {
        return refuse(how, size, "SUV Type BW or LBM");
    }
    text_format(how, size, "values are %s as stored", volume_unit_name(*ret_unit));
    return true;
}

/* Philips: counts with two private factors, of which either may be there. */
static bool from_counts(const struct item *image, double first_acquisition_s,
                        double *ret_factor, char *how, size_t size)
{
    double suv = 0, activity = 0;

    if (!has_creator(image, PHILIPS_CREATOR, "Philips PET Private Group"))
        return refuse(how, size, "Units BQML or GML (CNTS only with Philips' private factors)");
    if (!is_corrected(image))
        return refuse(how, size, "Corrected Image with ATTN and DECY");
    if (item_double(image, PHILIPS_SUV, 0, &suv) && suv != 0) {
        *ret_factor = suv;
        text_format(how, size, "SUVbw factor %.6g by (7053,1000)", suv);
        return true;
    }
    if (!item_double(image, PHILIPS_ACTIVITY, 0, &activity) || activity == 0)
        return refuse(how, size, "a factor in (7053,1000) or (7053,1009)");
    if (!from_activity(image, first_acquisition_s, ret_factor, how, size))
        return false;
    *ret_factor *= activity;
    return true;
}

/* The unit of the rescaled values themselves. */
static enum volume_unit unit_as_stored(const char *units)
{
    return strcmp(units, "BQML") == 0 ? UNIT_BQML : UNIT_ARBITRARY;
}

bool suv_factor(const struct item *image, double first_acquisition_s, const char *differs,
                double *ret_factor, enum volume_unit *ret_unit, char *ret_how,
                size_t how_size)
{
    char units[17] = "";
    bool known = false;

    *ret_factor = 1;
    *ret_unit = UNIT_ARBITRARY;
    item_text_at(image, UNITS, 0, units, sizeof units);
    if (differs != NULL) {
        *ret_unit = strcmp(differs, "Units") == 0 ? UNIT_ARBITRARY : unit_as_stored(units);
        text_format(ret_how, how_size, "SUV not computable: needs one %s in all slices", differs);
        return false;
    }
    if (strcmp(units, "GML") == 0)
        return from_grams(image, ret_unit, ret_how, how_size);
    if (strcmp(units, "CM2ML") == 0) {
        *ret_unit = UNIT_SUVBSA;
        text_format(ret_how, how_size, "values are SUVbsa as stored");
        return true;
    }
    if (strcmp(units, "BQML") == 0) {
        known = from_activity(image, first_acquisition_s, ret_factor, ret_how, how_size);
        *ret_unit = known ? UNIT_SUVBW : unit_as_stored(units);
    } else if (strcmp(units, "CNTS") == 0) {
        known = from_counts(image, first_acquisition_s, ret_factor, ret_how, how_size);
        *ret_unit = known ? UNIT_SUVBW : UNIT_ARBITRARY;
    } else {
        refuse(ret_how, how_size, "Units BQML, GML, CM2ML or CNTS");
    }
    if (!known)
        *ret_factor = 1;
    return known;
}
