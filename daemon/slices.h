/* Slices: the stored instances of one series, in the order of their place in the patient. */
#ifndef TUMORD_DAEMON_SLICES_H
#define TUMORD_DAEMON_SLICES_H

#include <stdbool.h>
#include <stddef.h>

#include "util/digest.h"
#include "util/text.h"

struct error;
struct slices;
struct store;

/*
 * Reads the index; of one SOP UID the first arrival counts. Sorted along the slice normal by
 * the indexed positions (the worker checks), by SOP UID where there are none. ERROR_NOT_FOUND
 * for a series without instances.
 */
struct slices *slices_of_series(struct store *store, const char *series_uid,
                                struct error *err);
/* The first of them only: its tags are what many questions need, and a series may have thousands. */
struct slices *slices_head_of_series(struct store *store, const char *series_uid,
                                     struct error *err);
void slices_free(struct slices *slices);            /* NULL is fine */

size_t slices_count(const struct slices *slices);
const char *slices_modality(const struct slices *slices);       /* "" when unknown */
/*
 * The places along the slice normal: the first and last in mm, their number without those that
 * come again, and the normal. False where the index has no geometry; then all
 * instances are places.
 */
bool slices_span(const struct slices *slices, double *ret_low_mm, double *ret_high_mm,
                 double ret_normal[3], size_t *ret_places);
/* What an MR series shows, as a keyword of slices_tag() beside those of tags: sequence_word(). */
#define SLICES_SEQUENCE "Sequence"
/* An indexed tag, by keyword, of the first slice that is no localizer, or NULL; fits config_tag_fn. */
const char *slices_tag(const char *keyword, void *slices);
/* SOP Instance UID and SOP Class UID of slice `index`. */
const char *slices_sop_uid(const struct slices *slices, size_t index);
const char *slices_class_uid(const struct slices *slices, size_t index);
/* Opens the stored file below `data_dir` for reading; -1 with errno on failure. */
int slices_open(const struct slices *slices, size_t index, const char *data_dir);
/*
 * Adds the masks of the study that may belong to the series (dicom/mask.h): those that were drawn on
 * it, and those that name no series of the study; none that this program made. They lie behind the
 * slices: slices_open() and slices_key() go over both, slices_count() is of the slices alone.
 */
bool slices_add_masks(struct slices *slices, struct store *store, const char *study_uid,
                      const char *series_uid, struct error *err);
size_t slices_mask_count(const struct slices *slices);
/*
 * Puts the files of another series behind all that is there, in the role (enum laid_role). They are
 * opened and are part of the key like masks. slices_file_count(): slices, masks and these.
 */
#define SLICES_MAX_COMPANIONS 6
struct slices_companion {
    int role;
    char series_uid[TEXT_UID_SIZE];
    size_t files;
};
bool slices_add_companion(struct slices *slices, const struct slices *other, int role,
                          const char *series_uid, struct error *err);
size_t slices_companion_count(const struct slices *slices);
const struct slices_companion *slices_companion(const struct slices *slices, size_t index);
size_t slices_file_count(const struct slices *slices);
/* The row's tag that lists the series which a mask refers to (scan_referred_series()). */
#define SLICES_REFERRED "ReferredSeries"
/* job_key() over the digests of the files, and in what role. */
void slices_key(const struct slices *slices, const char *parameters,
                char ret_key[DIGEST_HEX_SIZE]);

#endif
