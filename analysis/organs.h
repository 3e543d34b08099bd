/*
 * Organs: the anatomy of a volume, by classical means. CT: body without the table, lungs, bone, liver,
 * spleen, kidneys, and what is left of the trunk as muscle and fat; MR of a head: head and brain. An
 * organ that is not there, or not to be told from its surroundings, is not found, with the reason.
 *
 * The work is done on a grid of about 3 mm whose axes run to the patient's left, back and top, so that
 * neither the order of the voxels nor the side of the array has a say; borders are drawn on the
 * volume's own grid. Time and memory are linear in the voxels.
 */
#ifndef TUMORD_ANALYSIS_ORGANS_H
#define TUMORD_ANALYSIS_ORGANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

/* Are organs known for such a series? CT in HU and MR, of three slices at least. */
bool organs_takes(const struct volume *volume, const char *modality);

/*
 * Looks for all organs of the modality and measures those that are found. None found is a result.
 * Fails where organs_takes() says no, and on memory. The labels stay in the arena, scratch goes
 * back; the number of threads changes nothing.
 */
bool organs_find(const struct volume *volume, const char *modality, int threads, struct arena *arena,
                 struct organs *ret_organs, struct error *err);

/* Bytes of arena that organs_find() takes, the labels included, at most. */
size_t organs_need(const struct volume *volume);

/*
 * The voxels of an organ as 1 in `to` (one byte a voxel of the volume), 0 elsewhere. `name` is that of
 * an organ ("liver", "left kidney"), of a pair ("kidneys", "lungs"), "body", "head" or "brain". Fails on a
 * name that is none, and where the organ was not looked for or not found, with the reason.
 */
bool organs_mask(const struct organs *organs, const char *name, uint8_t *to, struct error *err);

/* Is it a name that organs_mask() knows? `modality` "CT" or "MR"; NULL: any. For configurations. */
bool organs_name_is_known(const char *name, const char *modality);

/*
 * Tells the lesions that have no site yet in which organ they lie: the one that most of their voxels are
 * in, or most of what is right around them, where the organ was drawn without them. Body, head, muscle
 * and fat are no site. The labels of both lie on one grid.
 */
void organs_place(const struct organs *organs, struct findings *findings);

/* "bone", "kidney", "liver", "lung", "spleen"; ORGAN_WINDOWS when the name is none of them. */
const char *organs_window_name(enum organ_window_id id);
enum organ_window_id organs_window_find(const char *name);

/* Pictures of what lies in an organ get its window; the usual one where the width is 0. */
void organs_set_windows(struct organs *organs, const struct organ_window windows[ORGAN_WINDOWS]);

/* The window for a lesion, by its site and side; NULL: the usual one. */
const struct organ_window *organs_window_of(const struct organs *organs, const struct lesion *lesion);

/* The organ of that id, or NULL when it was not found. */
const struct organ *organs_get(const struct organs *organs, enum organ_id id);

/* The label of voxel `index`: ORGAN_NONE outside of the body. */
static inline enum organ_id organs_at(const struct organs *organs, size_t index)
{
    return (enum organ_id)organs->labels.u8[index];
}

#endif
