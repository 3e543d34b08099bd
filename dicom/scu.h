/* SCU: C-FIND, C-MOVE and C-GET as user (PS3.4 C.4.1 to C.4.3), Study Root. */
#ifndef TUMORD_DICOM_SCU_H
#define TUMORD_DICOM_SCU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/association.h"
#include "dicom/identifier.h"

#define SCU_STUDY_ROOT_FIND "1.2.840.10008.5.1.4.1.2.2.1"
#define SCU_STUDY_ROOT_MOVE "1.2.840.10008.5.1.4.1.2.2.2"
#define SCU_STUDY_ROOT_GET "1.2.840.10008.5.1.4.1.2.2.3"

struct error;

struct scu_key {
    uint32_t tag;
    const char *vr, *value;
};

/* An association for one of the classes above, in implicit or explicit little endian. */
struct association *scu_call(const struct association_target *target, const char *sop_class_uid,
                             struct error *err);

/* Keys in ascending order. False from `each` ignores what still comes. Fails on another end than
 * success; after ERROR_DENIED (a status) the association is alive, after others it is not. */
typedef bool (*scu_answer_fn)(const struct identifier *answer, void *context);
bool scu_find(struct association *association, const struct scu_key *keys, size_t count,
              scu_answer_fn each, void *context, struct error *err);

/* `each`, which may be NULL, hears of the sub-operations; ret_last has their final counts. */
typedef void (*scu_progress_fn)(const struct dimse_message *response, void *context);
bool scu_move(struct association *association, const char *destination,
              const struct scu_key *keys, size_t count, scu_progress_fn each, void *context,
              struct dimse_message *ret_last, struct error *err);

/*
 * The association must have been requested with turned contexts for what may come. `take` gets
 * each C-STORE request: it reads the data set behind it, and says with what status it is
 * answered; false ends it all.
 */
typedef bool (*scu_store_fn)(struct association *association, const struct dimse_message *request,
                             void *context, uint16_t *ret_status, struct error *err);
bool scu_get(struct association *association, const struct scu_key *keys, size_t count,
             scu_store_fn take, void *context, struct dimse_message *ret_last,
             struct error *err);

#endif
