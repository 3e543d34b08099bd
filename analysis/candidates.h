/*
 * Candidates: where a volume's levels stand out. Classes by Otsu inside the body; where a part
 * of a class is too large to be a lesion it is anatomy, and what stands out within it counts.
 */
#ifndef TUMORD_ANALYSIS_CANDIDATES_H
#define TUMORD_ANALYSIS_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/analyse.h"
#include "analysis/levels.h"

struct arena;
struct error;

/* The body: 1 inside. An image without a border of air is body everywhere. */
bool candidates_body(const struct levels *levels, uint8_t *body, int threads,
                     struct arena *arena, struct error *err);

/*
 * Candidate voxels, brighter (sign 1) or darker (-1) than what is around them, as 1 in `mask`;
 * `spare` is scratch of the same size.
 */
bool candidates_find(const struct levels *levels, const uint8_t *body,
                     const struct analysis_parameters *parameters, int sign, uint8_t *mask,
                     uint8_t *spare, struct arena *arena, struct error *err);

/*
 * Draws the border of each candidate where the unsmoothed levels are half way between its core
 * and its surroundings, and drops those that do not stand out. `refined` gets 1 for what
 * stays; `mask` is read. ret_specks: how many of the smallest were left out, since there are
 * more candidates than any reader would look at.
 */
bool candidates_refine(const struct levels *levels, const uint8_t *body, const uint8_t *mask,
                       const struct analysis_parameters *parameters, int sign,
                       uint8_t *refined, size_t *ret_specks, struct arena *arena,
                       struct error *err);

#endif
