/*
 * Masks that somebody else drew, segmentations and structure sets, painted on a small volume. Inputs that say
 * more pixels than a small study has are passed over, as in fuzz_dataset.c.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/mask.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define MOST_BITS (8.0 * (1 << 20))
#define VOXELS (8 * 6 * 4)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool is_small(struct dataset *dataset)
{
    static const uint32_t factors[] = {0x00280010, 0x00280011, 0x00280002, 0x00280100, 0x00280008};
    double bits = 1;
    long value;

    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (item_int(dataset_root(dataset), factors[i], 0, &value))
            bits *= (double)value;
    return fabs(bits) <= MOST_BITS;
}

/* What is said to be painted is what is there. */
static void paint_all(struct mask *mask, struct arena *arena)
{
    static const struct volume volume = { .type = VOXEL_UINT8, .size = { 8, 6, 4 }, .even = true,
        .affine = { { 2, 0, 0, 10 }, { 0, 2, 0, 20 }, { 0, 0, 5, 30 } }, .frame_of_reference_uid = "1.2.826.1" };
    static uint8_t voxels[VOXELS];
    struct mask_paint paint;
    struct error err;

    mask_refers(mask, "1.2.3");
    for (size_t n = 0; n < mask_count(mask); n++) {
        size_t set = 0;
        memset(voxels, 0, sizeof voxels);
        if (!mask_paint(mask, n, &volume, arena, voxels, &paint, &err))
            continue;
        for (size_t i = 0; i < VOXELS; i++)
            set += voxels[i];
        if (set != paint.voxels)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct arena *arena;
    struct error err;

    if (arena == NULL && (!dicom_init(&err) || (arena = arena_new((size_t)64 << 20, &err)) == NULL))
        abort();
    arena_reset(arena);
    struct dataset *const dataset = dataset_read(bytes, size, &err);
    struct mask *const mask = dataset == NULL || !is_small(dataset) ? NULL : mask_read(dataset, &err);
    if (mask != NULL)
        paint_all(mask, arena);
    mask_free(mask);
    dataset_free(dataset);
    return 0;
}
