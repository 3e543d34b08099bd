/*
 * Acquisition: what of patient, study and scan matters for reading the numbers: dose, kernel and
 * contrast of CT, times and field of MR, tracer and delay of nuclear medicine. No name and no number
 * of the patient is among it.
 */
#ifndef TUMORD_REPORTS_ACQUISITION_H
#define TUMORD_REPORTS_ACQUISITION_H

#include <stdbool.h>
#include <stddef.h>

#define ACQUISITION_MAX 40

struct item;

struct acquisition_fact {
    const char *key;                /* "kvp": static, the name in findings.json */
    const char *words;              /* "tube voltage" */
    const char *unit;               /* UCUM, "" where there is none */
    bool is_number;
    double number;
    char text[80];                  /* UTF-8; of a number the same in words */
};

struct acquisition {
    size_t count;
    struct acquisition_fact fact[ACQUISITION_MAX];
};

/* What is there and sound; the template of the series, and "CT", "MR" … */
void acquisition_read(const struct item *source, const char *modality, struct acquisition *ret);

/* The fact of that key, or NULL. */
const struct acquisition_fact *acquisition_get(const struct acquisition *all, const char *key);

/* "tube voltage 120 kV, kernel B30f, …", cut to fit. */
void acquisition_list(const struct acquisition *all, char *buffer, size_t size);

#endif
