/*
 * Plane: a grey picture of one axial, coronal or sagittal plane of a volume, as the viewer
 * asks for it. Planes follow the grid's own axes: each patient axis takes the grid axis that
 * is nearest to it, so an oblique series is shown as it was taken. Pictures are oriented as
 * radiologists look: the patient's right is left in the picture, front or head is up.
 */
#ifndef TUMORD_REPORTS_PLANE_H
#define TUMORD_REPORTS_PLANE_H

#include <stdbool.h>
#include <stddef.h>

#include "reports/canvas.h"

struct arena;
struct error;
struct volume;

enum plane_kind { PLANE_AXIAL, PLANE_CORONAL, PLANE_SAGITTAL };
#define PLANE_KINDS 3

extern const char *const plane_names[PLANE_KINDS];      /* "axial", "coronal", "sagittal" */

struct plane_facts {
    size_t count;                   /* planes: index 0 is inferior, posterior or right */
    size_t width, height;           /* of the picture, pixels */
    double step_mm;                 /* between planes */
};
void plane_describe(const struct volume *volume, enum plane_kind kind,
                    struct plane_facts *ret_facts);

/* A window for who gave none: CT's soft tissue, else what 98 % of the voxels lie in. */
bool plane_window(const struct volume *volume, struct arena *arena, double *ret_center,
                  double *ret_width, struct error *err);

/* ERROR_USAGE when there is no such plane. The caller frees the canvas. */
bool plane_draw(const struct volume *volume, enum plane_kind kind, size_t index,
                double center, double width, struct arena *arena,
                struct canvas *ret_canvas, struct error *err);

#endif
