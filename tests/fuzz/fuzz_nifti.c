/*
 * NIfTI, and gzip around it: whatever opens is read in every way, stays below what the caller
 * allows, and what is read is written and read again as the same.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/error.h"
#include "util/gzip.h"
#include "util/nifti.h"
#include "util/volume.h"

#define UNPACKED ((size_t)1 << 20)
#define MEMORY ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct arena *arena;

static void compare(const struct volume *a, const struct volume *b)
{
    if (memcmp(a->size, b->size, sizeof a->size) != 0)
        abort();
    for (size_t i = 0; i < volume_count(a); i++)
        if (a->slope == (double)(float)a->slope && volume_value(a, i) != volume_value(b, i))
            abort();
}

/* The affine may become singular as it is rounded to 32 bits; then it does not open. */
static void write_and_read(const struct volume *volume)
{
    unsigned char *file = NULL;
    size_t size = 0;
    struct nifti nifti;
    struct volume back;
    struct error err;

    if (volume->intercept != (double)(float)volume->intercept ||
        !nifti_write(volume, &file, &size, &err))
        return;
    if (nifti_open(file, size, &nifti, &err)) {
        if (!nifti_read_image(&nifti, NIFTI_CHANNELS_LAST, 0, arena, &back, &err))
            abort();
        compare(volume, &back);
    }
    free(file);
}

static void check_labels(const struct volume *volume)
{
    for (size_t i = 0; i < volume_count(volume); i++)
        if (volume_value(volume, i) > 65535)
            abort();
}

static void read_all(struct nifti *nifti, enum nifti_order order)
{
    const size_t channels = nifti_channels(nifti, order);
    struct volume volume;
    struct error err;

    for (size_t c = 0; c < channels + 1 && c < 4; c++) {
        arena_reset(arena);
        if (nifti_read_image(nifti, order, c, arena, &volume, &err)) {
            if (c >= channels)
                abort();
            write_and_read(&volume);
        }
        arena_reset(arena);
        if (nifti_read_labels(nifti, order, c, arena, &volume, &err))
            check_labels(&volume);
    }
}

static void open_exactly(const uint8_t *bytes, size_t size)
{
    struct nifti nifti;
    struct error err;

    if (!nifti_open(bytes, size, &nifti, &err))
        return;
    read_all(&nifti, NIFTI_CHANNELS_LAST);
    read_all(&nifti, NIFTI_CHANNELS_FIRST);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    unsigned char *unpacked = NULL;
    size_t length = 0;
    struct error err;

    if (arena == NULL && (arena = arena_new(MEMORY, &err)) == NULL)
        abort();
    if (!gzip_is(bytes, size)) {
        open_exactly(bytes, size);
    } else if (gzip_unpack(bytes, size, UNPACKED, &unpacked, &length, &err)) {
        if (length > UNPACKED)
            abort();
        open_exactly(unpacked, length);
        free(unpacked);
    }
    return 0;
}
