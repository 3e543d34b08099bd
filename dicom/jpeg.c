/* JPEG: markers and lengths, ITU T.81 B.1 and T.87 C.1. */
#include "dicom/jpeg.h"

#include <stdbool.h>

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, TEM = 0x01, RST0 = 0xd0, RST7 = 0xd7, SOF_LS = 0xf7,
       DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, JPG0 = 0xf0, JPG13 = 0xfd };

static uint32_t get(const unsigned char *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* SOF0 to SOF15, among which stand three that are none, and that of JPEG-LS. */
static bool is_frame_header(unsigned marker)
{
    return marker == SOF_LS || (marker >= 0xc0 && marker <= 0xcf && marker != DHT &&
                                marker != JPG && marker != DAC);
}

static bool stands_alone(unsigned marker)
{
    return marker == SOI || marker == TEM || (marker >= RST0 && marker <= RST7);
}

enum jpeg_answer jpeg_find_size(const void *bytes, size_t size, uint32_t *ret_rows,
                                uint32_t *ret_columns)
{
    const unsigned char *at = bytes, *const end = at + size;

    while (end - at >= 2) {
        const unsigned marker = at[1];

        if (at[0] != 0xff) {            /* decoders go on to the next one, and so do we */
            at++;
            continue;
        }
        if (marker == 0xff || marker == 0 || stands_alone(marker)) {
            at += marker == 0xff ? 1 : 2;
            continue;
        }
        if (marker == SOS || marker == EOI)
            return JPEG_DAMAGED;
        if (end - at < 4 || (is_frame_header(marker) && end - at < 9))
            return JPEG_MORE;
        if (is_frame_header(marker)) {
            *ret_rows = get(at + 5);
            *ret_columns = get(at + 7);
            return JPEG_SIZE;
        }
        const size_t length = get(at + 2);

        if (length < 2)
            return JPEG_DAMAGED;
        if (length > (size_t)(end - at) - 2)
            return JPEG_MORE;
        at += 2 + length;
    }
    return JPEG_MORE;
}

/* Reserved ones count as markers alone and 0xff fills, as DCMTK has them. */
bool jpeg_is_walkable(const void *bytes, size_t size)
{
    const unsigned char *at = bytes, *const end = at + size;

    while (end - at >= 4 && at[0] == 0xff && at[1] != 0) {
        const unsigned marker = at[1];

        if (marker == 0xff) {
            at++;
            continue;
        }
        if (marker == TEM || (marker >= JPG0 && marker <= JPG13))
            return false;
        if (is_frame_header(marker))
            return true;
        at += 2;
        if (stands_alone(marker) || marker == EOI || marker < 0xc0)
            continue;
        if (get(at) > (size_t)(end - at))
            return true;
        at += get(at);
    }
    return true;
}
