/*
 * Organs, within the house: the grid on which they are looked for. Its axes run to the patient's
 * left, back and top; a voxel of it is the mean of a block of whole voxels of the volume, of up to
 * 3 mm a side (one voxel where those are larger).
 */
#ifndef TUMORD_ANALYSIS_ORGANS_WORK_H
#define TUMORD_ANALYSIS_ORGANS_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/components.h"
#include "analysis/findings.h"
#include "util/volume.h"

struct arena;
struct error;

struct organs_work {
    const struct volume *volume;
    struct arena *arena;
    int threads;
    int axis[3];                    /* the volume's axis that runs most along L, P, S */
    bool flip[3];                   /* … and against it */
    size_t factor[3];               /* voxels of that axis in a block */
    size_t size[3], count;          /* blocks along L, P, S */
    double spacing_mm[3], block_mm3;
    float *value, *peak;            /* mean and greatest value of each block */
    float *smooth;                  /* the mean, smoothed by a Gaussian of one block */
    uint8_t *label;                 /* enum organ_id; where it is fat or muscle, the room for it */
    uint8_t *mask, *spare, *other;  /* scratch */
    float *distance;                /* scratch */
    double middle_mm;               /* where the median plane is, along L from the first block's centre */
    bool oblique;                   /* its axes are far from the patient's */
    bool half;                      /* the volume's border cuts the body at its right or left side */
    struct organs *organs;
};

#define ORGANS_OBLIQUE "the volume lies oblique to the patient's axes: the spine is not followed in it"
#define ORGANS_HALF "the body is cut off at a side: its median plane is not known"

/* The spine's place in a slice, along L and P in blocks; an estimate everywhere once any bone is found. */
struct organs_spine {
    double left, posterior, front;  /* its middle, and the front of the vertebral body */
};

bool organs_work_begin(const struct volume *volume, int threads, struct arena *arena,
                       struct organs_work *work, struct error *err);
size_t organs_work_need(const struct volume *volume);

/* The blocks' labels on the volume's own grid; its borders by the volume's own values. */
bool organs_work_paint(const struct organs_work *work, uint8_t *labels, struct error *err);

/* Notes that an organ is there, or why not. */
void organs_work_found(struct organs_work *work, enum organ_id id, double confidence);
void organs_work_missed(struct organs_work *work, enum organ_id id, const char *why);

bool organs_work_has(const struct organs_work *work, enum organ_id id);

/* ---- shapes on the grid, in `work->mask` where nothing else is said ---- */

static inline size_t organs_index(const struct organs_work *work, size_t x, size_t y, size_t z)
{
    return (z * work->size[1] + y) * work->size[0] + x;
}

/* Opens, closes, erodes or dilates in place; a ball smaller than a block does nothing. */
bool organs_ball(struct organs_work *work, int operation, uint8_t *mask, double radius_mm,
                 struct error *err);

/* Fills what is enclosed in each axial slice. */
bool organs_fill_slices(struct organs_work *work, uint8_t *mask, struct error *err);

struct organs_part {                /* a component of a mask */
    size_t voxels;
    double ml, center[3];           /* in blocks */
    double deepest_mm;              /* of its voxels' distances to what is not in the mask */
    double mean;                    /* of the values */
    size_t low[3], high[3];
};

/*
 * The components (by faces) of `mask`, the largest first, and their figures; distances only where
 * `with_depth`. The arena keeps both lists until the caller's rewind.
 */
bool organs_parts(struct organs_work *work, const uint8_t *mask, bool with_depth,
                  struct components *ret_components, struct organs_part **ret_parts,
                  size_t **ret_order, struct error *err);

/* What of `within` a chain of neighbours joins to `mask` in `steps` steps by faces is added to it. */
bool organs_grow(struct organs_work *work, uint8_t *mask, const uint8_t *within, double reach_mm,
                 struct error *err);

/* ---- each in its own file ---- */

bool organs_ct_frame(struct organs_work *work, struct error *err);      /* body, lungs, bone */
bool organs_ct_belly(struct organs_work *work, struct error *err);      /* the rest */
bool organs_mr_head(struct organs_work *work, struct error *err);       /* head, brain */

/* Counts and measures what was found; `labels` are those of the volume's own grid. */
bool organs_measure(const struct volume *volume, int threads, struct arena *arena,
                    struct organs *organs, struct error *err);

#endif
