/*
 * Masks: a worker's job with the masks that came with its series (dicom/mask.h): what they name are
 * the findings, or lie beside those of the method, as the job's parameters say.
 */
#ifndef TUMORD_DAEMON_MASKS_H
#define TUMORD_DAEMON_MASKS_H

#include <stdbool.h>

struct arena;
struct dataset;
struct error;
struct findings;
struct inputs;
struct job;
struct masks;
struct volume;

/*
 * Reads the job's masks from its inputs, which the series has left at their first; `volume` is the series on its
 * own slices. A mask that cannot be read or does not belong is a warning of the findings, and no error.
 */
struct masks *masks_new(struct inputs *inputs, const struct job *job, const struct volume *volume,
                        struct dataset *source,
                        struct arena *arena, struct error *err);
void masks_free(struct masks *masks);               /* NULL is fine */

/*
 * Findings by the masks alone, where the job's parameters want that and there are tumours or lesions for this
 * series; otherwise the arena is as it was, and *ret_found false: the method is to look.
 */
bool masks_take(struct masks *masks, struct findings *ret_findings, bool *ret_found, struct error *err);

/*
 * Adds what belongs beside findings (of the masks or of the method, on the same slices): organs, and, where both
 * look, tumours. Tells of all masks, and sets the method's parameters, which lie in the arena. `source` is a
 * data set of the series.
 */
bool masks_add(struct masks *masks, bool found, struct dataset *source, struct findings *findings,
               struct error *err);

#endif
