/* Canvas: an RGB picture to draw on: grey images, lines, text by FreeType. */
#ifndef TUMORD_REPORTS_CANVAS_H
#define TUMORD_REPORTS_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct canvas {
    size_t width, height;
    uint8_t *rgb;                   /* 3 × width × height */
};

struct color {
    uint8_t r, g, b;
};

/* Reads the font into memory; once, while files can be read. */
bool canvas_init(const char *font_path, struct error *err);

bool canvas_new(size_t width, size_t height, struct canvas *ret_canvas, struct error *err);
void canvas_free(struct canvas *canvas);

void canvas_fill(struct canvas *canvas, size_t x, size_t y, size_t width, size_t height,
                 struct color color);
/* A grey picture, stretched over the upper left width × height of the canvas (bilinear). */
void canvas_grey(struct canvas *canvas, size_t width, size_t height, const uint8_t *grey,
                 size_t columns, size_t rows);
void canvas_line(struct canvas *canvas, double x0, double y0, double x1, double y1,
                 struct color color);
/* UTF-8 with its baseline at y; what does not fit is cut. Returns the x behind it. */
int canvas_text(struct canvas *canvas, int x, int y, int pixels, struct color color,
                const char *text);

/* A PNG of the canvas; the caller frees the bytes. The same picture gives the same bytes. */
bool canvas_png(const struct canvas *canvas, uint8_t **ret_bytes, size_t *ret_size,
                struct error *err);

#endif
