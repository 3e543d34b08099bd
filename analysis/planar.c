/* Planar: each picture as a volume of one slice, of which the findings are put together. */
#include "analysis/planar.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/regions.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/text.h"

static struct volume picture_of(const struct volume *volume, size_t k)
{
    struct volume picture = *volume;

    picture.size[2] = 1;
    picture.voxels = (char *)volume->voxels + k * volume->size[0] * volume->size[1] * voxel_size(volume->type);
    for (int axis = 0; axis < 3; axis++)
        picture.affine[axis][3] += (double)k * volume->affine[axis][2];
    picture.slices = volume->slices == NULL ? NULL : volume->slices + k;
    return picture;
}

static bool run_one(const struct methods_task *task, size_t k, struct arena *arena,
                    struct findings *ret_findings, struct error *err)
{
    const struct volume picture = picture_of(task->volume, k);
    const size_t pixels = volume_count(&picture);
    struct methods_task one = *task;
    struct volume given;

    one.volume = &picture;
    if (task->organ != NULL)
        one.organ = task->organ + k * pixels;
    if (task->given != NULL) {
        given = picture_of(task->given, k);
        one.given = &given;
    }
    return methods_run(&one, arena, ret_findings, err) || error_prefix(err, "picture %zu", k + 1);
}

/* A region of picture k. */
struct place {
    const struct findings *findings;
    const struct lesion *lesion;
    size_t k;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *const left = a, *const right = b;

    if (left->lesion->voxels != right->lesion->voxels)
        return left->lesion->voxels > right->lesion->voxels ? -1 : 1;
    if (left->k != right->k)
        return left->k < right->k ? -1 : 1;
    return left->lesion->label < right->lesion->label ? -1 : 1;
}

static void add_lesion(const struct place *place, struct findings *findings)
{
    struct lesion *const lesion = &findings->lesion[findings->segment_count];
    const size_t pixels = volume_count(&place->findings->labels);
    const uint8_t *const from = place->findings->labels.u8;
    uint8_t *const to = findings->labels.u8 + place->k * pixels;

    *lesion = *place->lesion;
    lesion->label = (uint32_t)++findings->segment_count;
    lesion->low[2] = lesion->high[2] = lesion->axial_slice = place->k;
    lesion->longest_mm = lesion->axial_long_mm;     /* there is no third dimension */
    lesion->tlg.known = false;
    text_format(lesion->tracking_id, sizeof lesion->tracking_id, "Region %u", (unsigned)lesion->label);
    for (size_t n = 0; n < pixels; n++)
        if (from[n] == place->lesion->label)
            to[n] = (uint8_t)lesion->label;
}

/* What the pictures have in common, and their sums; the window is the widest. */
static void add_up(const struct findings *one, struct findings *findings)
{
    findings->count += one->count;
    findings->total_mm3 += one->total_mm3;
    findings->method = one->method;
    text_format(findings->rule, sizeof findings->rule, "%s", one->rule);
    if (one->window_width > findings->window_width) {
        findings->window_width = one->window_width;
        findings->window_center = one->window_center;
        findings->noise_sd = one->noise_sd;
    }
    for (size_t w = 0; w < one->warning_count; w++)
        findings_warn(findings, "%s", one->warning[w]);
}

bool planar_run(const struct methods_task *task, struct arena *arena, struct findings *ret_findings,
                struct error *err)
{
    const size_t pictures = task->volume->size[2];
    struct findings *const findings = ret_findings;
    size_t places = 0;

    if (!regions_begin(task->volume, task->parameters->method, "", arena, findings, err))
        return false;
    memset(findings->labels.u8, 0, volume_count(task->volume));
    struct findings *const each = arena_take(arena, pictures, sizeof *each, err);
    struct place *const place = each == NULL ? NULL
        : arena_take(arena, pictures * FINDINGS_MAX_SEGMENTS, sizeof *place, err);
    if (place == NULL)
        return false;
    for (size_t k = 0; k < pictures; k++) {
        if (!run_one(task, k, arena, &each[k], err))
            return false;
        add_up(&each[k], findings);
        for (size_t n = 0; n < each[k].segment_count; n++)
            place[places++] = (struct place){ &each[k], &each[k].lesion[n], k };
    }
    findings->planar = true;
    findings->total_tlg.known = false;
    qsort(place, places, sizeof *place, compare_places);
    for (size_t n = 0; n < places && n < FINDINGS_MAX_SEGMENTS; n++)
        add_lesion(&place[n], findings);
    if (places > FINDINGS_MAX_SEGMENTS)
        findings_warn(findings, "%zu regions were found, the %d largest are told one by one", findings->count,
                      FINDINGS_MAX_SEGMENTS);
    return true;
}
