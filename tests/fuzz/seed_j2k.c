/* Seeds for fuzz_j2k, by our own encoder: seed_j2k FOLDER. */
#include <stdio.h>
#include <stdlib.h>

#include "dicom/j2k.h"
#include "util/error.h"
#include "util/text.h"

static bool write_seed(const char *folder, const struct j2k_frame *frame, const void *pixels)
{
    const int choice = (frame->allocated == 8 ? 1 : 0) | (frame->is_signed ? 2 : 0);
    unsigned char *bytes = NULL;
    char path[4096];
    struct error err;
    size_t size = 0;

    if (!j2k_encode(pixels, frame, true, &bytes, &size, &err))
        return false;
    text_format(path, sizeof path, "%s/ours-%u-%u-%u-%d", folder, frame->columns,
                frame->samples, frame->stored, choice);
    FILE *const file = fopen(path, "wb");
    const bool good = file != NULL && fputc(choice, file) == choice &&
                      fwrite(bytes, 1, size, file) == size;

    free(bytes);
    return (file == NULL || fclose(file) == 0) && good;
}

int main(int argc, char **argv)
{
    static unsigned char pixels[40 * 40 * 3 * 2];
    bool good = argc == 2;

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(i * i / 97);
    for (uint32_t side = 1; good && side <= 40; side += 13)
        for (uint32_t samples = 1; good && samples <= 3; samples += 2)
            for (int choice = 0; good && choice < 4; choice++) {
                const uint32_t bits = (choice & 1) != 0 ? 8 : 16;
                const struct j2k_frame frame = { side, side, samples, bits, bits,
                                                 (choice & 2) != 0 };

                good = write_seed(argv[1], &frame, pixels);
            }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
