/* Ctl's patients: who an import was about, one line a patient. */
#ifndef TUMORD_DAEMON_CTL_PATIENTS_H
#define TUMORD_DAEMON_CTL_PATIENTS_H

#include <jansson.h>
#include <stdbool.h>

struct ctl_patients;
struct scan;

struct ctl_patients *ctl_patients_new(void);        /* NULL: no memory */
void ctl_patients_free(struct ctl_patients *patients);

/* An instance of which the first tags were scanned, and whether the node took it. */
bool ctl_patients_count(struct ctl_patients *patients, const struct scan *scan, bool taken);

/* Prints a line each, ordered by Patient ID. */
void ctl_patients_print(const struct ctl_patients *patients);
/* [{"patient_id", "name", "studies", "series", "instances", "refused", "modalities"}] */
json_t *ctl_patients_json(const struct ctl_patients *patients);

#endif
