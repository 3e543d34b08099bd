/*
 * Methods: what can look at a volume, by name. analyse(), the configuration and the job's key take
 * their names and versions from here. A new one is a row in methods.c, a file methods_NAME.c of its
 * own, and the version goes up whenever the same input would give other findings.
 */
#ifndef TUMORD_ANALYSIS_METHODS_H
#define TUMORD_ANALYSIS_METHODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/analyse.h"
#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

/* What a method gets. Masks and labels lie on the volume's grid and are only read. */
struct methods_task {
    const struct volume *volume;
    const struct analysis_parameters *parameters;
    const uint8_t *organ;           /* 1 in the organ that the parameters name; NULL: none */
    const struct volume *given;     /* labels that somebody else drew; NULL: none */
};

/* Fills findings that regions_begin() has made; what it takes beyond them is given back by the caller. */
typedef bool (*methods_function)(const struct methods_task *task, struct arena *arena,
                                 struct findings *findings, struct error *err);

struct methods_entry {
    const char *name, *version;
    const char *modalities;         /* "CT MR", or NULL: any */
    bool needs_organ;               /* without the mask of one it fails */
    methods_function run;
    size_t (*need)(const struct methods_task *task);    /* bytes of arena, labels included */
};

/* The n-th, from 0, in the order of their names; NULL after the last. */
const struct methods_entry *methods_at(size_t n);
const struct methods_entry *methods_find(const char *name);     /* NULL: none is called so */

/* Is a series of the modality what the method was made for? */
bool methods_takes(const struct methods_entry *method, const char *modality);

/* Does it need the mask of a liver as its organ? */
bool methods_wants_liver(const struct methods_entry *method);

/* Does it fail on values that are no SUV? */
bool methods_needs_suv(const struct methods_entry *method);

/* Bytes of arena that methods_run() needs with it, at most. */
size_t methods_need(const struct methods_entry *method, const struct methods_task *task);

/*
 * Runs the method that the parameters name, and measures the features of what it found. Nothing found is a result (count 0), not an error. Fails
 * on a method that is not there, without an organ where one is needed, and as the method does.
 */
bool methods_run(const struct methods_task *task, struct arena *arena, struct findings *ret_findings,
                 struct error *err);

/* ---- each in its own file ---- */

bool methods_otsu3_morphology(const struct methods_task *task, struct arena *arena,
                              struct findings *findings, struct error *err);
size_t methods_otsu3_morphology_need(const struct methods_task *task);

bool methods_fixed(const struct methods_task *task, struct arena *arena, struct findings *findings,
                   struct error *err);
size_t methods_fixed_need(const struct methods_task *task);

bool methods_nm_spots(const struct methods_task *task, struct arena *arena, struct findings *findings,
                      struct error *err);
size_t methods_nm_spots_need(const struct methods_task *task);

bool methods_outliers(const struct methods_task *task, struct arena *arena, struct findings *findings,
                      struct error *err);
size_t methods_outliers_need(const struct methods_task *task);

bool methods_pet_41(const struct methods_task *task, struct arena *arena, struct findings *findings,
                    struct error *err);
bool methods_pet_fixed(const struct methods_task *task, struct arena *arena, struct findings *findings,
                       struct error *err);
bool methods_pet_otsu(const struct methods_task *task, struct arena *arena, struct findings *findings,
                      struct error *err);
bool methods_pet_percist(const struct methods_task *task, struct arena *arena, struct findings *findings,
                         struct error *err);
size_t methods_pet_need(const struct methods_task *task);

#endif
