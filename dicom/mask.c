/* Mask: which objects are masks, whose they are, and what they mean; pixels and contours lie beside. */
#include "dicom/mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/mask_work.h"
#include "util/error.h"
#include "util/volume.h"

enum mask_kind mask_kind_of(const char *sop_class_uid)
{
    static const struct { const char *uid; enum mask_kind kind; } classes[] = {
        { "1.2.840.10008.5.1.4.1.1.66.4", MASK_SEG },
        { "1.2.840.10008.5.1.4.1.1.66.7", MASK_LABELMAP },
        { "1.2.840.10008.5.1.4.1.1.481.3", MASK_RTSTRUCT },
    };

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(sop_class_uid, classes[i].uid) == 0)
            return classes[i].kind;
    return MASK_NONE;
}

static void read_about(struct mask *mask)
{
    struct mask_about *const about = &mask->about;
    const uint32_t label = about->kind == MASK_RTSTRUCT ? 0x30060002 : 0x00700080;

    item_text_at(mask->root, 0x00080018, 0, about->sop_uid, sizeof about->sop_uid);
    item_text_at(mask->root, 0x00200052, 0, about->frame_uid, sizeof about->frame_uid);
    item_utf8_at(mask->root, 0x00080070, 0, about->maker, sizeof about->maker);
    item_utf8_at(mask->root, 0x0008103e, 0, about->description, sizeof about->description);
    if (about->description[0] == '\0')
        item_utf8_at(mask->root, label, 0, about->description, sizeof about->description);
}

struct mask *mask_read(struct dataset *dataset, struct error *err)
{
    char class_uid[TEXT_UID_SIZE];
    struct mask *const mask = calloc(1, sizeof *mask);

    if (mask == NULL)
        return error_null(err, ERROR_MEMORY, "a mask");
    mask->dataset = dataset;
    mask->root = dataset_root(dataset);
    item_text_at(mask->root, 0x00080016, 0, class_uid, sizeof class_uid);
    mask->about.kind = mask_kind_of(class_uid);
    read_about(mask);
    const bool good = mask->about.kind == MASK_NONE ? error_set(err, ERROR_DATA, "an object that is no mask")
        : mask->about.kind == MASK_RTSTRUCT ? mask_roi_read(mask, err) : mask_seg_read(mask, err);
    if (good)
        return mask;
    mask_free(mask);
    return NULL;
}

void mask_free(struct mask *mask)
{
    if (mask == NULL)
        return;
    free(mask->frame);
    free(mask);
}

const struct mask_about *mask_about(const struct mask *mask)
{
    return &mask->about;
}

size_t mask_count(const struct mask *mask)
{
    return mask->count;
}

const struct mask_structure *mask_structure(const struct mask *mask, size_t n)
{
    return &mask->structure[n];
}

/* ---- to what it belongs ---- */

static bool lists(const struct item *item, uint32_t sequence_tag, const char *series_uid)
{
    char uid[TEXT_UID_SIZE];

    for (size_t i = 0; i < item_count(item, sequence_tag); i++) {
        item_text_at(item_at(item, sequence_tag, i), 0x0020000e, 0, uid, sizeof uid);
        if (strcmp(uid, series_uid) == 0)
            return true;
    }
    return false;
}

bool mask_refers(const struct mask *mask, const char *series_uid)
{
    const struct item *const root = mask->root;

    if (mask->about.kind != MASK_RTSTRUCT)
        return lists(root, 0x00081115, series_uid);
    for (size_t f = 0; f < item_count(root, 0x30060010); f++) {
        const struct item *const frame = item_at(root, 0x30060010, f);
        for (size_t s = 0; s < item_count(frame, 0x30060012); s++)
            if (lists(item_at(frame, 0x30060012, s), 0x30060014, series_uid))
                return true;
    }
    return false;
}

/* ---- the volume's grid ---- */

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* Across the first two axes, towards the last slice. */
static void find_normal(const struct volume *volume, double ret_normal[3])
{
    const double (*const a)[4] = volume->affine;
    double size, ahead = 0;

    for (int i = 0; i < 3; i++) {
        const int p = (i + 1) % 3, q = (i + 2) % 3;
        ret_normal[i] = a[p][0] * a[q][1] - a[q][0] * a[p][1];
        ahead += ret_normal[i] * a[i][2];
    }
    size = copysign(sqrt(dot(ret_normal, ret_normal)), ahead);
    for (int i = 0; i < 3; i++)
        ret_normal[i] /= size;
}

bool mask_grid_make(const struct volume *volume, struct mask_grid *ret_grid, struct error *err)
{
    const double (*const a)[4] = volume->affine;
    struct mask_grid grid;
    double determinant = 0;

    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {       /* the adjugate, by cyclic indices */
            const int r = (j + 1) % 3, s = (j + 2) % 3, p = (i + 1) % 3, q = (i + 2) % 3;
            grid.inverse[i][j] = a[r][p] * a[s][q] - a[r][q] * a[s][p];
        }
    for (int j = 0; j < 3; j++)
        determinant += a[j][0] * grid.inverse[0][j];
    if (!(fabs(determinant) > 1e-12))
        return error_set(err, ERROR_DATA, "a volume without an extent");
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            grid.inverse[i][j] /= determinant;
    grid.volume = volume;
    find_normal(volume, grid.normal);
    *ret_grid = grid;
    return true;
}

/* The slice before a point, so that another comes after it. */
static size_t slice_before(const struct mask_grid *grid, double along)
{
    const struct volume_slice *const slices = grid->volume->slices;
    size_t low = 0, high = grid->volume->size[2] - 1;

    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        if (dot(slices[middle].position_mm, grid->normal) <= along)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The third coordinate, and the place of the voxel (0, 0) of that slice or between two. */
static double place_along(const struct mask_grid *grid, const double mm[3], double ret_origin[3])
{
    const struct volume_slice *const slices = grid->volume->slices;
    const double along = dot(mm, grid->normal);
    const size_t k = slice_before(grid, along);
    const double *const from = slices[k].position_mm, *const to = slices[k + 1].position_mm;
    const double step = dot(to, grid->normal) - dot(from, grid->normal);
    const double part = step > 0 ? (along - dot(from, grid->normal)) / step : 0;

    for (int axis = 0; axis < 3; axis++)
        ret_origin[axis] = from[axis] + part * (to[axis] - from[axis]);
    return (double)k + part;
}

void mask_grid_place(const struct mask_grid *grid, const double mm[3], double ret_voxel[3])
{
    const struct volume *const volume = grid->volume;
    const bool by_slices = volume->slices != NULL && volume->size[2] > 1;
    double origin[3] = { volume->affine[0][3], volume->affine[1][3], volume->affine[2][3] }, k = 0;

    if (by_slices)
        k = place_along(grid, mm, origin);
    for (int i = 0; i < 3; i++) {
        ret_voxel[i] = 0;
        for (int j = 0; j < 3; j++)
            ret_voxel[i] += grid->inverse[i][j] * (mm[j] - origin[j]);
    }
    if (by_slices)
        ret_voxel[2] = k;
}

bool mask_paint(struct mask *mask, size_t n, const struct volume *volume, struct arena *arena,
                uint8_t *voxels, struct mask_paint *ret_paint, struct error *err)
{
    const struct mask_structure *const structure = &mask->structure[n];
    struct mask_paint paint = { .voxels = 0 };
    const char *const own = mask->about.frame_uid, *const other = volume->frame_of_reference_uid;

    if (mask->about.kind != MASK_RTSTRUCT && own[0] != '\0' && other[0] != '\0' && strcmp(own, other) != 0)
        return error_set(err, ERROR_DATA, "it was drawn in another frame of reference");
    if (volume->planar)
        return error_set(err, ERROR_DATA, "the picture has no place in the patient");
    if (!(mask->about.kind == MASK_RTSTRUCT
          ? mask_roi_paint(mask, structure, volume, arena, voxels, &paint, err)
          : mask_seg_paint(mask, structure, volume, arena, voxels, &paint, err)))
        return false;
    *ret_paint = paint;
    return true;
}
