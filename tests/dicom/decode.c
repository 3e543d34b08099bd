/*
 * Decode, for the scenarios: 'decode FILE RAW' writes the pixels of FILE as the workers see
 * them, or says why it cannot.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dicom/dataset.h"
#include "util/error.h"

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    FILE *const file = fopen(path, "rb");

    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *ret_size = (size_t)ftell(file);
    rewind(file);
    unsigned char *const bytes = malloc(*ret_size + 1);
    if (bytes != NULL)
        *ret_size = fread(bytes, 1, *ret_size, file);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    struct error err = { ERROR_USAGE, "decode FILE RAW" };
    const void *pixels = NULL;
    size_t size = 0;
    unsigned char *const bytes = argc == 3 ? read_file(argv[1], &size) : NULL;
    struct dataset *const dataset =
        bytes != NULL && dicom_init(&err) ? dataset_read(bytes, size, &err) : NULL;
    bool good = dataset != NULL && dataset_pixels(dataset, &pixels, &size, &err);

    if (good) {
        FILE *const file = fopen(argv[2], "wb");
        good = file != NULL && fwrite(pixels, 1, size, file) == size;
        if (file != NULL)
            good = fclose(file) == 0 && good;
    } else {
        puts(err.text);
    }
    dataset_free(dataset);
    free(bytes);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
