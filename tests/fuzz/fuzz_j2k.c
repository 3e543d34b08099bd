/*
 * JPEG 2000 codestreams: byte 0 chooses bits, sign and what the data set says of the size: the
 * same as the codestream, as it is behind a hospital's own lies, or 64 x 64.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/j2k.h"
#include "util/error.h"

#define MEMORY ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__lsan_default_suppressions(void);

/* tests/leaks.supp says why. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libopenjp2";
}

static uint32_t get(const uint8_t *at, int count)
{
    uint32_t value = 0;

    while (count-- > 0)
        value = value << 8 | *at++;
    return value;
}

/* SOC, SIZ, its length and capabilities; Xsiz, Ysiz, XOsiz, YOsiz; behind the tiles Csiz. */
static void agree(const uint8_t *code, size_t size, struct j2k_frame *frame)
{
    if (size < 42)
        return;
    const uint32_t columns = get(code + 8, 4) - get(code + 16, 4);
    const uint32_t rows = get(code + 12, 4) - get(code + 20, 4), samples = get(code + 40, 2);

    if (columns > 0 && columns <= 1024 && rows > 0 && rows <= 1024 && samples > 0 &&
        samples <= 4)
        *frame = (struct j2k_frame){ rows, columns, samples, frame->allocated, frame->stored,
                                     frame->is_signed };
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    bool transformed;
    struct error err;

    if (size < 2)
        return 0;
    const uint32_t allocated = (bytes[0] & 1) != 0 ? 8 : 16;
    struct j2k_frame frame = { 64, 64, 1, allocated, allocated, (bytes[0] & 2) != 0 };

    if ((bytes[0] & 4) == 0)
        agree(bytes + 1, size - 1, &frame);
    /* Its own memory, to the byte: what is written behind the pixels is seen. */
    unsigned char *pixels = malloc(j2k_frame_size(&frame));
    unsigned char *code = malloc(size - 1);

    memcpy(code, bytes + 1, size - 1);
    j2k_decode(code, size - 1, &frame, MEMORY, pixels, &transformed, &err);
    free(code);
    free(pixels);
    return 0;
}
