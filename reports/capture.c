/* Capture: the slice scaled to square pixels, the mask's outline, and words below. */
#include "reports/capture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/findings.h"
#include "analysis/organs.h"
#include "analysis/window.h"
#include "dicom/dataset.h"
#include "dicom/series.h"
#include "reports/canvas.h"
#include "reports/common.h"
#include "util/error.h"
#include "util/volume.h"

#define SC_CLASS "1.2.840.10008.5.1.4.1.1.7.4"
#define LONG_SIDE 640               /* pixels that the slice has at least on its long side */
#define CAPTION 84                  /* pixels below it */
#define LINE 20                     /* and for what is synthetic */
#define TEXT 17

static const struct color white = { 240, 240, 240 }, grey = { 170, 170, 170 };
static const struct color yellow = { 255, 214, 10 }, cyan = { 90, 200, 250 };
static const struct color amber = { 255, 159, 10 }, black = { 0, 0, 0 };

struct view {                       /* from slice pixels to canvas pixels */
    double x_scale, y_scale;
    size_t width, height;
};

/* Pixels become square in mm, and small matrices large enough to read. */
static struct view make_view(const struct volume *volume)
{
    const double wide = (double)volume->size[0] * volume_spacing_mm(volume, 0);
    const double high = (double)volume->size[1] * volume_spacing_mm(volume, 1);
    const double finest = fmin(volume_spacing_mm(volume, 0), volume_spacing_mm(volume, 1));
    const double scale = fmax(1 / finest, LONG_SIDE / fmax(wide, high));
    struct view view;

    view.width = (size_t)fmin(fmax(320, wide * scale), 2048);
    view.height = (size_t)fmin(fmax(64, high * scale), 2048);
    view.x_scale = (double)view.width / (double)volume->size[0];
    view.y_scale = (double)view.height / (double)volume->size[1];
    return view;
}

/* That of the organ which it lies in, where the configuration has one; else the findings' own. */
static struct organ_window window_of(const struct report_context *context, const struct lesion *lesion)
{
    const struct organ_window *const own = lesion == NULL ? NULL
        : organs_window_of(&context->findings->organs, lesion);

    return own != NULL ? *own : (struct organ_window){ context->findings->window_center,
                                                       context->findings->window_width };
}

static void draw_slice(const struct report_context *context, struct organ_window of, size_t k,
                       const struct view *view, struct canvas *canvas, uint8_t *grey_slice)
{
    const struct volume *const volume = context->volume;
    const size_t width = volume->size[0], slice = width * volume->size[1];
    const struct window window = window_make(of.center, of.width);

    window_apply(volume, window, k * slice, slice, grey_slice);
    canvas_grey(canvas, view->width, view->height, grey_slice, width, volume->size[1]);
}

static void draw_edge(const struct view *view, struct canvas *canvas, double i0, double j0,
                      double i1, double j1, struct color color)
{
    canvas_line(canvas, i0 * view->x_scale, j0 * view->y_scale, i1 * view->x_scale,
                j1 * view->y_scale, color);
}

static bool is_inside(const struct findings *findings, size_t index,
                      const struct lesion *lesion)
{
    return findings_is_of(findings, lesion, index);
}

/* Edges between pixels of the lesion and others. */
static void draw_contour(const struct report_context *context, const struct lesion *lesion,
                         const struct view *view, struct canvas *canvas, struct color color)
{
    const struct findings *const findings = context->findings;
    const size_t width = findings->labels.size[0], height = findings->labels.size[1];
    const size_t slice = lesion->axial_slice * width * height;

    for (size_t j = 0; j < height; j++)
        for (size_t i = 0; i < width; i++) {
            const double x = (double)i, y = (double)j;
            if (!is_inside(findings, slice + j * width + i, lesion))
                continue;
            if (i == 0 || !is_inside(findings, slice + j * width + i - 1, lesion))
                draw_edge(view, canvas, x, y, x, y + 1, color);
            if (i + 1 == width || !is_inside(findings, slice + j * width + i + 1, lesion))
                draw_edge(view, canvas, x + 1, y, x + 1, y + 1, color);
            if (j == 0 || !is_inside(findings, slice + (j - 1) * width + i, lesion))
                draw_edge(view, canvas, x, y, x + 1, y, color);
            if (j + 1 == height || !is_inside(findings, slice + (j + 1) * width + i, lesion))
                draw_edge(view, canvas, x, y + 1, x + 1, y + 1, color);
        }
}

static size_t caption_of(const struct report_context *context)
{
    return context->findings->synthesis.made ? CAPTION + LINE : CAPTION;
}

static void caption(const struct report_context *context, const struct lesion *lesion,
                    const struct view *view, struct canvas *canvas)
{
    char line[160];
    const int x = 12, y = (int)view->height;
    const char *const unit = volume_unit_name(context->findings->unit);

    if (lesion == NULL) {
        canvas_text(canvas, x, y + 26, TEXT + 3, white, "no lesion found");
    } else {
        text_format(line, sizeof line, context->findings->planar
                    ? "%u of %zu   %.1f cm\xc2\xb2   longest %.1f mm" : "%u of %zu   %.1f ml   longest %.1f mm",
                    (unsigned)lesion->label, context->findings->count,
                    lesion->volume_mm3 / (context->findings->planar ? 100 : 1000), lesion->longest_mm);
        canvas_text(canvas, x, y + 26, TEXT + 3, yellow, line);
        text_format(line, sizeof line, "axial %.1f \xc3\x97 %.1f mm   mean %.4g \xc2\xb1 %.3g %s",
                    lesion->axial_long_mm, lesion->axial_short_mm, lesion->mean, lesion->sd,
                    strcmp(unit, "1") == 0 ? "" : unit);
        canvas_text(canvas, x, y + 50, TEXT, white, line);
    }
    if (lesion != NULL && context->findings->synthesis.made) {
        text_format(line, sizeof line, "synthetic, voxels: %zu, longest %.0f. Not for measurement",
                    context->findings->synthesis.voxels[lesion->label],
                    context->findings->synthesis.longest_voxels[lesion->label]);
        canvas_text(canvas, x, y + 92, TEXT - 3, amber, line);
    }
    canvas_text(canvas, x, y + 73, TEXT - 3, amber, COMMON_WARNING);
}

static bool draw(const struct report_context *context, const struct lesion *lesion,
                 const struct view *view, uint8_t *grey_slice, struct canvas *ret_canvas,
                 struct error *err)
{
    const size_t k = lesion != NULL ? lesion->axial_slice : context->volume->size[2] / 2;
    const struct organ_window window = window_of(context, lesion);
    char line[80];

    if (!canvas_new(view->width, view->height + caption_of(context), ret_canvas, err))
        return false;
    draw_slice(context, window, k, view, ret_canvas, grey_slice);
    canvas_fill(ret_canvas, 0, view->height, view->width, caption_of(context), black);
    if (lesion != NULL) {
        for (size_t n = 0; n < context->findings->segment_count; n++) {
            struct lesion other = context->findings->lesion[n];
            other.axial_slice = k;
            if (other.label != lesion->label && k >= other.low[2] && k <= other.high[2])
                draw_contour(context, &other, view, ret_canvas, cyan);
        }
        draw_contour(context, lesion, view, ret_canvas, yellow);
    }
    text_format(line, sizeof line, "%s  slice %zu of %zu  window %.5g \xc2\xb1 %.5g",
                context->facts->modality, k + 1, context->volume->size[2], window.center,
                window.width / 2);
    canvas_text(ret_canvas, 12, 24, TEXT - 2, grey, line);
    caption(context, lesion, view, ret_canvas);
    return true;
}

/* ---- the object ---- */

/* PS3.3 C.7.3.1: Laterality is there for paired parts, and for those that are not told. */
static bool is_unpaired(const char *part)
{
    static const char *const parts[] = { "ABDOMEN", "BLADDER", "BRAIN", "CHEST", "CSPINE",
                                         "HEAD", "HEART", "LIVER", "LSPINE", "NECK", "PELVIS",
                                         "PROSTATE", "SKULL", "SPINE", "SSPINE", "TSPINE" };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(part, parts[i]) == 0)
            return true;
    return false;
}

static void put_image(const struct report_context *context, const struct view *view,
                      const uint8_t *frames, size_t count, struct item *root)
{
    const struct item *const source = dataset_root(context->source);
    const uint32_t pointer = 0x00181063;                /* Frame Time */
    const size_t size = 3 * view->width * (view->height + caption_of(context));

    if (context->facts->body_part[0] != '\0')
        item_copy(root, source, 0x00180015);
    if (!is_unpaired(context->facts->body_part) && !item_copy(root, source, 0x00200060))
        item_put_empty(root, 0x00200060);               /* Laterality, 2C: not known */
    item_put_text(root, 0x00080064, "WSD");
    item_put_empty(root, 0x00200020);
    item_put_text(root, 0x00080008, "DERIVED\\SECONDARY");
    item_put_text(root, 0x00082111, COMMON_WARNING);
    item_put_int(root, 0x00280002, 3);
    item_put_text(root, 0x00280004, "RGB");
    item_put_int(root, 0x00280006, 0);
    item_put_int(root, 0x00280008, (long)count);
    item_put_int(root, 0x00280010, (long)(view->height + caption_of(context)));
    item_put_int(root, 0x00280011, (long)view->width);
    item_put_int(root, 0x00280100, 8);
    item_put_int(root, 0x00280101, 8);
    item_put_int(root, 0x00280102, 7);
    item_put_int(root, 0x00280103, 0);
    item_put_text(root, 0x00280301, "NO");              /* Burned In Annotation: of the patient */
    common_lossy(context, root);
    if (count > 1) {
        item_put_tags(root, 0x00280009, &pointer, 1);
        item_put_text(root, 0x00181063, "1000");
    }
    item_put_bytes(root, 0x7fe00010, frames, count * size);
}

static bool make_object(const struct report_context *context, const struct view *view,
                        const uint8_t *frames, size_t count, struct report *report,
                        struct error *err)
{
    static const struct common common = { SC_CLASS, "sc", "OT",
        "tumord pictures, not for diagnosis", 30 };
    struct dataset *const dataset = common_new(context, &common, report, err);

    if (dataset == NULL)
        return error_prefix(err, "sc.dcm");
    report->kind = REPORT_SC;
    put_image(context, view, frames, count, dataset_root(dataset));
    return common_finish(dataset, "sc.dcm", report, err);
}

static bool make_picture(const struct canvas *canvas, size_t number, struct report *report,
                         struct error *err)
{
    report->kind = REPORT_PICTURE;
    text_format(report->name, sizeof report->name, "key-%zu.png", number);
    return canvas_png(canvas, &report->bytes, &report->size, err);
}

bool capture_make(const struct report_context *context, struct report *ret_reports,
                  size_t room, size_t *ret_count, struct error *err)
{
    const struct findings *const findings = context->findings;
    const size_t pictures = findings->segment_count > 0 ? findings->segment_count : 1;
    const struct view view = make_view(context->volume);
    const size_t size = 3 * view.width * (view.height + caption_of(context));
    uint8_t *const frames = malloc(pictures * size);
    uint8_t *const slice = malloc(context->volume->size[0] * context->volume->size[1]);
    bool good = frames != NULL && slice != NULL && room > pictures;

    *ret_count = 0;
    if (!good)
        error_set(err, ERROR_MEMORY, "%zu pictures", pictures);
    for (size_t n = 0; good && n < pictures; n++) {
        struct canvas canvas = { .rgb = NULL };
        good = draw(context, findings->segment_count > 0 ? &findings->lesion[n] : NULL,
                    &view, slice, &canvas, err)
            && make_picture(&canvas, n + 1, &ret_reports[n + 1], err);
        if (good)
            memcpy(frames + n * size, canvas.rgb, size);
        canvas_free(&canvas);
        *ret_count = n + 2;
    }
    good = good && make_object(context, &view, frames, pictures, &ret_reports[0], err);
    free(frames);
    free(slice);
    return good;
}
