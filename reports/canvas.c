/* Canvas: FreeType for text, libpng for the file, the rest by hand. */
#include "reports/canvas.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

static FT_Library library;
static FT_Face face;                /* from memory: no file is read later */
static unsigned char *font;

static bool read_font(const char *path, size_t *ret_size, struct error *err)
{
    FILE *const file = fopen(path, "rb");

    if (file == NULL)
        return error_errno(err, "font %s", path);
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    font = size > 0 ? malloc((size_t)size) : NULL;
    const bool good = font != NULL && fread(font, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    *ret_size = (size_t)size;
    return good || error_set(err, ERROR_IO, "font %s cannot be read", path);
}

bool canvas_init(const char *font_path, struct error *err)
{
    size_t size = 0;

    if (face != NULL)
        return true;
    if (!read_font(font_path, &size, err))
        return false;
    if (FT_Init_FreeType(&library) != 0
        || FT_New_Memory_Face(library, font, (FT_Long)size, 0, &face) != 0)
        return error_set(err, ERROR_IO, "font %s is none that FreeType knows", font_path);
    return true;
}

bool canvas_new(size_t width, size_t height, struct canvas *ret_canvas, struct error *err)
{
    uint8_t *const rgb = calloc(width * height, 3);

    if (rgb == NULL)
        return error_set(err, ERROR_MEMORY, "a picture of %zu x %zu", width, height);
    *ret_canvas = (struct canvas){ width, height, rgb };
    return true;
}

void canvas_free(struct canvas *canvas)
{
    free(canvas->rgb);
    canvas->rgb = NULL;
}

static void blend(struct canvas *canvas, long x, long y, struct color color, unsigned part)
{
    if (x < 0 || y < 0 || (size_t)x >= canvas->width || (size_t)y >= canvas->height)
        return;
    uint8_t *const at = canvas->rgb + 3 * ((size_t)y * canvas->width + (size_t)x);
    at[0] = (uint8_t)((at[0] * (255 - part) + color.r * part + 127) / 255);
    at[1] = (uint8_t)((at[1] * (255 - part) + color.g * part + 127) / 255);
    at[2] = (uint8_t)((at[2] * (255 - part) + color.b * part + 127) / 255);
}

void canvas_fill(struct canvas *canvas, size_t x, size_t y, size_t width, size_t height,
                 struct color color)
{
    for (size_t j = y; j < y + height; j++)
        for (size_t i = x; i < x + width; i++)
            blend(canvas, (long)i, (long)j, color, 255);
}

/* Where a pixel of the canvas lies between two of the picture, and how near to the second. */
struct between {
    size_t low, high;
    double part;
};

static struct between find_between(size_t pixel, double scale, size_t count)
{
    const double at = ((double)pixel + 0.5) / scale - 0.5;
    struct between between;

    between.low = (size_t)fmax(0, fmin(floor(at), (double)count - 1));
    between.high = between.low + 1 < count ? between.low + 1 : between.low;
    between.part = fmin(fmax(at - (double)between.low, 0), 1);
    return between;
}

void canvas_grey(struct canvas *canvas, size_t width, size_t height, const uint8_t *grey,
                 size_t columns, size_t rows)
{
    const double x_scale = (double)width / (double)columns;
    const double y_scale = (double)height / (double)rows;

    for (size_t y = 0; y < height; y++) {
        const struct between j = find_between(y, y_scale, rows);
        const uint8_t *const upper = grey + j.low * columns, *const lower = grey + j.high * columns;
        for (size_t x = 0; x < width; x++) {
            const struct between i = find_between(x, x_scale, columns);
            const double a = i.part, b = j.part;
            const double level = (1 - b) * ((1 - a) * upper[i.low] + a * upper[i.high])
                + b * ((1 - a) * lower[i.low] + a * lower[i.high]);
            memset(canvas->rgb + 3 * (y * canvas->width + x), (int)(level + 0.5), 3);
        }
    }
}

void canvas_line(struct canvas *canvas, double x0, double y0, double x1, double y1,
                 struct color color)
{
    const int steps = (int)fmax(1, ceil(2 * fmax(fabs(x1 - x0), fabs(y1 - y0))));

    for (int n = 0; n <= steps; n++) {
        const double part = (double)n / steps;
        blend(canvas, lround(x0 + part * (x1 - x0)), lround(y0 + part * (y1 - y0)), color,
              255);
    }
}

/* The next character of UTF-8 text; what is no UTF-8 counts as one character. */
static unsigned next_character(const unsigned char **at)
{
    const unsigned char lead = *(*at)++;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    unsigned value = more == 3 ? lead & 7 : more == 2 ? lead & 15 : more == 1 ? lead & 31 : lead;

    for (int i = 0; i < more && (**at & 0xc0) == 0x80; i++)
        value = value << 6 | (*(*at)++ & 0x3f);
    return value;
}

int canvas_text(struct canvas *canvas, int x, int y, int pixels, struct color color,
                const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (face == NULL || FT_Set_Pixel_Sizes(face, 0, (FT_UInt)pixels) != 0)
        return x;
    while (*at != '\0') {
        if (FT_Load_Char(face, next_character(&at), FT_LOAD_RENDER) != 0)
            continue;
        const FT_GlyphSlot glyph = face->glyph;
        for (unsigned j = 0; j < glyph->bitmap.rows; j++)
            for (unsigned i = 0; i < glyph->bitmap.width; i++)
                blend(canvas, x + glyph->bitmap_left + (long)i,
                      y - glyph->bitmap_top + (long)j, color,
                      glyph->bitmap.buffer[(long)j * glyph->bitmap.pitch + (long)i]);
        x += (int)(glyph->advance.x >> 6);
    }
    return x;
}

bool canvas_png(const struct canvas *canvas, uint8_t **ret_bytes, size_t *ret_size,
                struct error *err)
{
    png_image image = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)canvas->width,
                        .height = (png_uint_32)canvas->height, .format = PNG_FORMAT_RGB };
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    uint8_t *const bytes = malloc(size);

    if (bytes == NULL
        || !png_image_write_to_memory(&image, bytes, &size, 0, canvas->rgb, 0, NULL)) {
        free(bytes);
        return error_set(err, ERROR_MEMORY, "PNG: %s", image.message);
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return true;
}
