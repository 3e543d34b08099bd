/* Errand: planes of the volume that was asked for last. */
#include "daemon/errand.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analysis/resample.h"
#include "daemon/inputs.h"
#include "dicom/series.h"
#include "dicom/transcode.h"
#include "reports/canvas.h"
#include "reports/plane.h"
#include "util/arena.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/text.h"
#include "util/volume.h"

#define MISSING 10                      /* slices in a row that a picture may bridge */

struct errands {
    struct arena *arena;
    char key[DIGEST_HEX_SIZE];          /* of the volume that is held, or "" */
    struct volume volume;
    bool resampled;                     /* its slices lie otherwise than on an even grid */
    double center, width;               /* its window */
    size_t mark;                        /* of the arena, behind the volume */
};

struct errands *errands_new(struct arena *arena, struct error *err)
{
    struct errands *const errands = calloc(1, sizeof *errands);

    if (errands == NULL)
        return error_null(err, ERROR_MEMORY, "room for errands");
    errands->arena = arena;
    return errands;
}

void errands_free(struct errands *errands)
{
    free(errands);
}

void errands_forget(struct errands *errands)
{
    if (errands->key[0] == '\0')
        return;
    errands->key[0] = '\0';
    arena_release(errands->arena);
}

int errand_memfd(const char *name, const void *bytes, size_t size, struct error *err)
{
    const int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0) {
        error_errno(err, "memory for %s", name);
        return -1;
    }
    for (size_t done = 0; done < size;) {
        const ssize_t put = write(fd, (const char *)bytes + done, size - done);
        if (put < 0) {
            error_errno(err, "memory for %s", name);
            close(fd);
            return -1;
        }
        done += (size_t)put;
    }
    return fd;
}

/* ---- the volume ---- */

/*
 * Pictures across slices are true on an even grid only. Where none can be made of them (a gap that is too
 * long), they are shown as they are.
 */
static void make_even(struct errands *errands)
{
    const struct volume source = errands->volume;
    struct resample plan;
    struct error err;
    const size_t mark = arena_mark(errands->arena);

    errands->resampled = resample_plan(&source, MISSING, errands->arena, &plan, &err) && plan.needed
        && resample_volume(&plan, 1, errands->arena, &errands->volume, &err);
    if (!errands->resampled) {
        errands->volume = source;
        arena_rewind(errands->arena, mark);
    }
}

static bool load_volume(struct errands *errands, struct inputs *inputs, struct error *err)
{
    struct series_facts facts;
    struct series *const series = series_new(inputs->count, errands->arena, err);

    if (series == NULL)
        return false;
    const bool good = inputs_load(inputs, inputs->count, errands->arena, series, err)
        && series_volume(series, &errands->volume, &facts, err);
    series_free(series);
    if (!good)
        return false;
    make_even(errands);
    return plane_window(&errands->volume, errands->arena, &errands->center, &errands->width, err);
}

/* Makes the volume `key` the one that is held. */
static bool hold(struct errands *errands, const char *key, struct inputs *inputs,
                 struct error *err)
{
    if (strcmp(key, errands->key) == 0) {
        arena_rewind(errands->arena, errands->mark);
        return true;
    }
    errands->key[0] = '\0';
    arena_reset(errands->arena);
    if (!load_volume(errands, inputs, err))
        return false;
    errands->mark = arena_mark(errands->arena);
    return text_format(errands->key, sizeof errands->key, "%s", key)
        || error_set(err, ERROR_DATA, "a key that is not ours");
}

/* ---- errands ---- */

static bool answer_json(json_t *object, struct errand_answer *answer, struct error *err)
{
    char *const text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    const bool good = text != NULL && text_format(answer->body, sizeof answer->body, "%s", text);

    free(text);
    json_decref(object);
    return good || error_set(err, ERROR_LIMIT, "an answer that is too long");
}

static bool run_planes(struct errands *errands, json_t *question, struct inputs *inputs,
                       struct errand_answer *answer, struct error *err)
{
    const struct volume *const volume = &errands->volume;
    json_t *const planes = json_object();

    (void)question;
    (void)inputs;
    for (int kind = 0; kind < PLANE_KINDS; kind++) {
        struct plane_facts facts;
        plane_describe(volume, (enum plane_kind)kind, &facts);
        json_object_set_new(planes, plane_names[kind], json_pack(
            "{s:I s:I s:I s:f}", "count", (json_int_t)facts.count, "width",
            (json_int_t)facts.width, "height", (json_int_t)facts.height, "step_mm",
            facts.step_mm));
    }
    return answer_json(json_pack(
        "{s:[III] s:[fff] s:b s:s s:{s:f s:f} s:o}", "size", (json_int_t)volume->size[0],
        (json_int_t)volume->size[1], (json_int_t)volume->size[2], "spacing_mm",
        volume_spacing_mm(volume, 0), volume_spacing_mm(volume, 1),
        volume_spacing_mm(volume, 2), "resampled", errands->resampled, "unit", volume_unit_name(volume->unit), "window",
        "center", errands->center, "width", errands->width, "planes", planes), answer, err);
}

/* The plane's kind by name, or -1. */
static int find_kind(const char *name)
{
    for (int kind = 0; kind < PLANE_KINDS; kind++)
        if (strcmp(name, plane_names[kind]) == 0)
            return kind;
    return -1;
}

static bool answer_picture(const struct canvas *canvas, struct errand_answer *answer,
                           struct error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;

    if (!canvas_png(canvas, &bytes, &size, err))
        return false;
    answer->fd = errand_memfd("plane.png", bytes, size, err);
    free(bytes);
    return answer->fd >= 0;
}

static bool run_plane(struct errands *errands, json_t *question, struct inputs *inputs,
                      struct errand_answer *answer, struct error *err)
{
    const char *plane = "";
    json_int_t index = -1;
    double center = errands->center, width = errands->width;
    struct canvas canvas;

    (void)inputs;
    if (json_unpack(question, "{s:s s:I s?F s?F}", "plane", &plane, "index", &index, "center",
                    &center, "width", &width) != 0
        || find_kind(plane) < 0 || index < 0 || !isfinite(center) || !isfinite(width))
        return error_set(err, ERROR_USAGE, "a plane is named by its kind, index and window");
    if (!plane_draw(&errands->volume, (enum plane_kind)find_kind(plane), (size_t)index, center,
                    width, errands->arena, &canvas, err))
        return false;
    const bool good = answer_picture(&canvas, answer, err);
    canvas_free(&canvas);
    return good && answer_json(json_pack("{s:I}", "index", index), answer, err);
}

static bool transcode_input(struct errands *errands, const char *syntax,
                            struct inputs *inputs, unsigned char **ret_bytes,
                            size_t *ret_size, struct error *err)
{
    const size_t mark = arena_mark(errands->arena);
    unsigned char *bytes = NULL;
    size_t size = 0;
    const bool good = inputs_read(inputs, 0, errands->arena, &bytes, &size, err)
        && transcode(bytes, size, syntax, ret_bytes, ret_size, err);

    arena_rewind(errands->arena, mark);
    return good;
}

/* The volume that is held stays, as long as there is room for both. */
static bool run_transcode(struct errands *errands, json_t *question, struct inputs *inputs,
                          struct errand_answer *answer, struct error *err)
{
    const char *syntax = "";
    unsigned char *bytes = NULL;
    size_t size = 0;

    if (json_unpack(question, "{s:s}", "syntax", &syntax) != 0 || inputs->count != 1)
        return error_set(err, ERROR_USAGE, "a transcoding has one file and a syntax");
    bool good = transcode_input(errands, syntax, inputs, &bytes, &size, err);
    if (!good && (err->code == ERROR_MEMORY || err->code == ERROR_LIMIT)
        && errands->key[0] != '\0') {
        errands_forget(errands);
        good = transcode_input(errands, syntax, inputs, &bytes, &size, err);
    }
    if (!good)
        return false;
    answer->fd = errand_memfd("object.dcm", bytes, size, err);
    free(bytes);
    return answer->fd >= 0
        && answer_json(json_pack("{s:I}", "size", (json_int_t)size), answer, err);
}

static const struct {
    const char *name;
    bool (*run)(struct errands *errands, json_t *question, struct inputs *inputs,
                struct errand_answer *answer, struct error *err);
    bool of_volume;                     /* "key" names a volume, which is held before */
} kinds[] = {
    { "planes", run_planes, true },
    { "plane", run_plane, true },
    { "transcode", run_transcode, false }
};

static bool run(struct errands *errands, json_t *question, struct inputs *inputs,
                struct errand_answer *answer, struct error *err)
{
    const char *name = "", *key = "";

    json_unpack(question, "{s:s s?s}", "errand", &name, "key", &key);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return (!kinds[i].of_volume || hold(errands, key, inputs, err))
                && kinds[i].run(errands, question, inputs, answer, err);
    return error_set(err, ERROR_USAGE, "no errand is called '%s'", name);
}

bool errand_run(struct errands *errands, const char *body, struct inputs *inputs,
                struct errand_answer *ret_answer, struct error *err)
{
    json_t *const question = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

    *ret_answer = (struct errand_answer){ .fd = -1 };
    if (question == NULL)
        return error_set(err, ERROR_DATA, "an errand that is no JSON");
    const bool good = run(errands, question, inputs, ret_answer, err);
    json_decref(question);
    if (!good && ret_answer->fd >= 0)
        close(ret_answer->fd);
    return good;
}
