/* Acquisition: one table of attributes, and two delays that are differences of times. */
#include "reports/acquisition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dicom/dataset.h"
#include "util/text.h"

#define DAY_S 86400.0
#define PHARMACEUTICAL 0x00540016

struct row {
    const char *modality;           /* NULL: any */
    uint32_t sequence, tag;         /* in the sequence's first item; 0: in the data set */
    const char *key, *words, *unit;
    double scale;                   /* 0: a text */
    double low, high;               /* what is beyond is a mistake, and left out */
};

/* PS3.3 C.7.2.2, C.8.2.1, C.8.3.1, C.8.9.2; bounds are what machines and people can have. */
static const struct row rows[] = {
    { NULL, 0, 0x00100040, "sex", "sex", "", 0, 0, 0 },
    { NULL, 0, 0x00101010, "age", "age", "", 0, 0, 0 },
    { NULL, 0, 0x00101030, "weight_kg", "weight", "kg", 1, 0.3, 500 },
    { NULL, 0, 0x00101020, "height_m", "height", "m", 1, 0.2, 2.6 },
    { NULL, 0, 0x00081030, "study", "study", "", 0, 0, 0 },
    { NULL, 0, 0x0008103e, "series", "series", "", 0, 0, 0 },
    { NULL, 0, 0x00180015, "body_part", "body part", "", 0, 0, 0 },
    { NULL, 0, 0x00185100, "patient_position", "position", "", 0, 0, 0 },
    { NULL, 0, 0x00080070, "manufacturer", "manufacturer", "", 0, 0, 0 },
    { NULL, 0, 0x00081090, "model", "model", "", 0, 0, 0 },
    { NULL, 0, 0x00180050, "slice_thickness_mm", "slice thickness", "mm", 1, 0.01, 100 },
    { "CT", 0, 0x00180060, "kvp", "tube voltage", "kV", 1, 10, 300 },
    { "CT", 0, 0x00181151, "tube_current_ma", "tube current", "mA", 1, 0.1, 3000 },
    { "CT", 0, 0x00181152, "exposure_mas", "exposure", "mA.s", 1, 0.01, 10000 },
    { "CT", 0, 0x00189345, "ctdi_vol_mgy", "CTDIvol", "mGy", 1, 0.001, 1000 },
    { "CT", 0, 0x00181210, "kernel", "kernel", "", 0, 0, 0 },
    { "CT", 0, 0x00189311, "pitch", "pitch", "1", 1, 0.01, 10 },
    { "CT", 0, 0x00180010, "contrast_agent", "contrast agent", "", 0, 0, 0 },
    { "MR", 0, 0x00180010, "contrast_agent", "contrast agent", "", 0, 0, 0 },
    { "CT", 0, 0x00181041, "contrast_volume_ml", "contrast volume", "ml", 1, 0.1, 1000 },
    { "MR", 0, 0x00181041, "contrast_volume_ml", "contrast volume", "ml", 1, 0.1, 1000 },
    { "MR", 0, 0x00180080, "repetition_time_ms", "TR", "ms", 1, 0.1, 100000 },
    { "MR", 0, 0x00180081, "echo_time_ms", "TE", "ms", 1, 0.001, 10000 },
    { "MR", 0, 0x00180082, "inversion_time_ms", "TI", "ms", 1, 0.1, 100000 },
    { "MR", 0, 0x00181314, "flip_angle_deg", "flip angle", "deg", 1, 0.01, 360 },
    { "MR", 0, 0x00180087, "field_t", "field", "T", 1, 0.005, 30 },
    { "MR", 0, 0x00180020, "sequence", "sequence", "", 0, 0, 0 },
    { "MR", 0, 0x00180023, "acquisition_type", "acquisition", "", 0, 0, 0 },
    { "PT", PHARMACEUTICAL, 0x00180031, "tracer", "tracer", "", 0, 0, 0 },
    { "PT", PHARMACEUTICAL, 0x00181074, "injected_mbq", "injected dose", "MBq", 1e-6, 0.1, 1e5 },
    { "PT", PHARMACEUTICAL, 0x00181075, "half_life_s", "half-life", "s", 1, 1, 1e8 },
    { "NM", PHARMACEUTICAL, 0x00180031, "tracer", "tracer", "", 0, 0, 0 },
    { "NM", PHARMACEUTICAL, 0x00181074, "injected_mbq", "injected dose", "MBq", 1, 0.1, 1e5 },
    { "PT", 0, 0x00541102, "decay_correction", "decay correction", "", 0, 0, 0 },
    { "PT", 0, 0x00541103, "reconstruction", "reconstruction", "", 0, 0, 0 }
};

static struct acquisition_fact *add(struct acquisition *all, const char *key, const char *words,
                                    const char *unit)
{
    if (all->count == ACQUISITION_MAX)
        return NULL;
    struct acquisition_fact *const fact = &all->fact[all->count++];
    *fact = (struct acquisition_fact){ .key = key, .words = words, .unit = unit };
    return fact;
}

static void add_number(struct acquisition *all, const char *key, const char *words, const char *unit,
                       double number)
{
    struct acquisition_fact *const fact = add(all, key, words, unit);

    if (fact == NULL)
        return;
    fact->is_number = true;
    fact->number = number;
    snprintf(fact->text, sizeof fact->text, "%.6g%s%s", number, strcmp(unit, "1") == 0 ? "" : " ",
             strcmp(unit, "1") == 0 ? "" : unit);
}

static void read_row(const struct item *source, const struct row *row, struct acquisition *all)
{
    const struct item *const item = row->sequence == 0 ? source : item_at(source, row->sequence, 0);
    char text[80];
    double number;

    if (item == NULL)
        return;
    if (row->scale == 0) {
        if (!item_utf8_at(item, row->tag, 0, text, sizeof text) || text[0] == '\0')
            return;
        struct acquisition_fact *const fact = add(all, row->key, row->words, row->unit);
        if (fact != NULL)
            text_format(fact->text, sizeof fact->text, "%s", text);
    } else if (item_double(item, row->tag, 0, &number) && number * row->scale >= row->low
               && number * row->scale <= row->high) {
        add_number(all, row->key, row->words, row->unit, number * row->scale);
    }
}

/* TM HHMM[SS[.FFFFFF]] as seconds of the day; a DT's time begins at its ninth character. */
static bool seconds_of(const struct item *item, uint32_t tag, size_t skip, double *ret_s)
{
    char text[40];
    int hour, minute;
    double second = 0;

    if (item == NULL || !item_text_at(item, tag, 0, text, sizeof text) || strlen(text) < skip + 4)
        return false;
    const int read = sscanf(text + skip, "%2d%2d%9lf", &hour, &minute, &second);
    if (read < 2 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 61))
        return false;
    *ret_s = 3600.0 * hour + 60.0 * minute + second;
    return true;
}

/* From a start to the acquisition, over midnight if need be; more than half a day is a mistake. */
static void read_delay(const struct item *source, const struct item *item, uint32_t start, size_t skip,
                       const char *key, const char *words, double unit_s, const char *unit,
                       struct acquisition *all)
{
    double from, to;

    if (!seconds_of(item, start, skip, &from) || !seconds_of(source, 0x00080032, 0, &to))
        return;
    const double delay = to >= from ? to - from : to - from + DAY_S;
    if (delay < DAY_S / 2)
        add_number(all, key, words, unit, delay / unit_s);
}

void acquisition_read(const struct item *source, const char *modality, struct acquisition *ret)
{
    const bool nuclear = strcmp(modality, "PT") == 0 || strcmp(modality, "NM") == 0;
    const struct item *const given = nuclear ? item_at(source, PHARMACEUTICAL, 0) : NULL;

    ret->count = 0;
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
        if (rows[n].modality == NULL || strcmp(rows[n].modality, modality) == 0)
            read_row(source, &rows[n], ret);
    if (given != NULL && item_has(given, 0x00181078))
        read_delay(source, given, 0x00181078, 8, "uptake_min", "uptake time", 60, "min", ret);
    else if (given != NULL)
        read_delay(source, given, 0x00181072, 0, "uptake_min", "uptake time", 60, "min", ret);
    else
        read_delay(source, source, 0x00181042, 0, "contrast_delay_s", "contrast delay", 1, "s", ret);
}

const struct acquisition_fact *acquisition_get(const struct acquisition *all, const char *key)
{
    for (size_t n = 0; n < all->count; n++)
        if (strcmp(all->fact[n].key, key) == 0)
            return &all->fact[n];
    return NULL;
}

void acquisition_list(const struct acquisition *all, char *buffer, size_t size)
{
    size_t at = 0;

    buffer[0] = '\0';
    for (size_t n = 0; n < all->count; n++) {
        const struct acquisition_fact *const fact = &all->fact[n];
        const size_t need = strlen(fact->words) + strlen(fact->text) + 4;
        if (at + need >= size)
            return;
        snprintf(buffer + at, size - at, "%s%s %s", at > 0 ? ", " : "", fact->words, fact->text);
        at += strlen(buffer + at);
    }
}
