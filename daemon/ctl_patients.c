/* Ctl's patients: a tree of series, from which the patients are summed at the end. */
#include "daemon/ctl_patients.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/charset.h"
#include "dicom/scan.h"
#include "util/text.h"

struct series {                     /* ordered by patient, study, series */
    char patient_id[200], study_uid[TEXT_UID_SIZE], series_uid[TEXT_UID_SIZE];
    char name[400], modality[20];
    size_t taken, refused;
};

struct ctl_patients {
    void *tree;
    struct series *last;            /* most instances come series by series */
};

struct patient {
    char patient_id[200], name[400], modalities[200], study_uid[TEXT_UID_SIZE];
    size_t studies, series, taken, refused;
};

struct walk {
    void (*each)(const struct patient *patient, void *context);
    void *context;
    struct patient patient;
    bool any;
};

struct ctl_patients *ctl_patients_new(void)
{
    return calloc(1, sizeof(struct ctl_patients));
}

void ctl_patients_free(struct ctl_patients *patients)
{
    if (patients != NULL)
        tdestroy(patients->tree, free);
    free(patients);
}

static int compare(const void *a, const void *b)
{
    const struct series *const one = a, *const other = b;
    const int by_patient = strcmp(one->patient_id, other->patient_id);
    const int by_study = strcmp(one->study_uid, other->study_uid);

    return by_patient != 0 ? by_patient : by_study != 0 ? by_study
        : strcmp(one->series_uid, other->series_uid);
}

static void put(const struct scan *scan, uint32_t tag, char *to, size_t size)
{
    const char *const value = scan_value(scan, tag);

    text_format(to, size, "%s", value == NULL ? "" : value);
}

static void describe(const struct scan *scan, struct series *series)
{
    const char *const charset = scan_value(scan, 0x00080005);
    const char *const id = scan_value(scan, 0x00100020), *const name = scan_value(scan, 0x00100010);

    charset_to_utf8(charset, id == NULL ? "" : id, series->patient_id, sizeof series->patient_id);
    charset_to_utf8(charset, name == NULL ? "" : name, series->name, sizeof series->name);
    const char *const modality = scan_value(scan, 0x00080060);
    text_printable(modality == NULL ? "" : modality, series->modality, sizeof series->modality);
    put(scan, 0x0020000d, series->study_uid, sizeof series->study_uid);
    put(scan, 0x0020000e, series->series_uid, sizeof series->series_uid);
}

bool ctl_patients_count(struct ctl_patients *patients, const struct scan *scan, bool taken)
{
    struct series *const series = calloc(1, sizeof *series);

    if (series == NULL)
        return false;
    describe(scan, series);
    if (patients->last == NULL || compare(patients->last, series) != 0) {
        struct series **const found = tsearch(series, &patients->tree, compare);
        if (found != NULL)
            patients->last = *found;
        if (found == NULL || *found != series)
            free(series);
        if (found == NULL)
            return false;
    } else {
        free(series);
    }
    patients->last->taken += taken;
    patients->last->refused += !taken;
    return true;
}

/* "CT, PT": each once. */
static void add_modality(char *list, size_t size, const char *modality)
{
    const size_t length = strlen(list);

    if (modality[0] != '\0' && strstr(list, modality) == NULL)
        text_format(list + length, size - length, "%s%s", length == 0 ? "" : ", ", modality);
}

static void add_series(const void *node, VISIT which, void *context)
{
    const struct series *const series = *(const struct series *const *)node;
    struct walk *const walk = context;
    struct patient *const patient = &walk->patient;

    if (which != postorder && which != leaf)
        return;
    if (walk->any && strcmp(patient->patient_id, series->patient_id) != 0) {
        walk->each(patient, walk->context);
        walk->any = false;
    }
    if (!walk->any) {
        *patient = (struct patient){ .studies = 0 };
        memcpy(patient->patient_id, series->patient_id, sizeof patient->patient_id);
        memcpy(patient->name, series->name, sizeof patient->name);
    }
    patient->studies += !walk->any || strcmp(patient->study_uid, series->study_uid) != 0;
    memcpy(patient->study_uid, series->study_uid, sizeof patient->study_uid);
    patient->series++;
    patient->taken += series->taken;
    patient->refused += series->refused;
    add_modality(patient->modalities, sizeof patient->modalities, series->modality);
    walk->any = true;
}

static void each_patient(const struct ctl_patients *patients,
                         void (*each)(const struct patient *patient, void *context), void *context)
{
    struct walk walk = { .each = each, .context = context };

    twalk_r(patients->tree, add_series, &walk);
    if (walk.any)
        each(&walk.patient, context);
}

static void print_one(const struct patient *patient, void *context)
{
    char id[200], name[400];

    (void)context;
    text_printable(patient->patient_id, id, sizeof id);
    text_printable(patient->name, name, sizeof name);
    printf("patient %s (%s): %zu %s, %zu series (%s), %zu instances", id[0] == '\0' ? "without ID" : id,
           name[0] == '\0' ? "without name" : name, patient->studies,
           patient->studies == 1 ? "study" : "studies", patient->series, patient->modalities,
           patient->taken);
    if (patient->refused > 0)
        printf(", %zu not taken", patient->refused);
    putchar('\n');
}

void ctl_patients_print(const struct ctl_patients *patients)
{
    each_patient(patients, print_one, NULL);
}

static void append_one(const struct patient *patient, void *context)
{
    json_array_append_new(context, json_pack(
        "{s:s s:s s:I s:I s:I s:I s:s}", "patient_id", patient->patient_id, "name", patient->name,
        "studies", (json_int_t)patient->studies, "series", (json_int_t)patient->series,
        "instances", (json_int_t)patient->taken, "refused", (json_int_t)patient->refused,
        "modalities", patient->modalities));
}

json_t *ctl_patients_json(const struct ctl_patients *patients)
{
    json_t *const list = json_array();

    each_patient(patients, append_one, list);
    return list;
}
