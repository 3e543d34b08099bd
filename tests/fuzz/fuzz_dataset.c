/*
 * Data sets as a worker takes them: byte 0 chooses what becomes of them: a series of
 * three slices and its volume, or another syntax. DCMTK itself is not instrumented; its
 * allocations are watched all the same. Inputs that say more pixels than a small study
 * has are passed over: those are refused by a worker's limit of memory, which a fuzzer
 * has not.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dicom/dataset.h"
#include "dicom/series.h"
#include "dicom/syntax.h"
#include "dicom/transcode.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define MOST_BYTES (1 << 20) /* of pixels in one data set */
#define ARENA ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__lsan_default_suppressions(void);

/* tests/leaks.supp says why. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libopenjp2";
}

static bool is_small(struct dataset *dataset)
{
    static const uint32_t factors[] = {0x00280010, 0x00280011, 0x00280002, 0x00280100,
                                       0x00280008};
    double bits = 1;
    long value;

    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        if (item_int(dataset_root(dataset), factors[i], 0, &value))
            bits *= (double)value;
    return fabs(bits) <= 8.0 * MOST_BYTES;
}

/* The same image again, one and two millimetres on: what is good becomes a volume. */
static bool add(struct series *series, const uint8_t *bytes, size_t size, int number)
{
    struct error err;
    double position[3];
    struct dataset *const dataset = dataset_read(bytes, size, &err);
    bool good = dataset != NULL && is_small(dataset);

    if (good && number > 0 &&
        item_double(dataset_root(dataset), 0x00200032, 0, &position[0]) &&
        item_double(dataset_root(dataset), 0x00200032, 1, &position[1]) &&
        item_double(dataset_root(dataset), 0x00200032, 2, &position[2])) {
        position[2] += number;
        item_put_doubles(dataset_root(dataset), 0x00200032, position, 3);
    }
    good = good && series_add(series, dataset, &err);
    dataset_free(dataset);
    return good;
}

/* Every voxel is there to be read, and no number is one that nobody can count with. */
static void check_volume(const struct volume *volume)
{
    for (size_t i = 0; i < 12; i++)
        if (!isfinite(volume->affine[i / 4][i % 4]))
            abort();
    for (size_t i = 0; i < volume_count(volume); i++)
        if (!isfinite(volume_value(volume, i)))
            abort();
}

static void make_volume(struct arena *arena, const uint8_t *bytes, size_t size)
{
    struct series_facts facts;
    struct volume volume;
    struct error err;

    arena_reset(arena);
    struct series *const series = series_new(3, arena, &err);
    if (series != NULL && size > 0)     /* any of the SUVs */
        series_wish_suv(series, (enum volume_unit)(UNIT_SUVBW + bytes[size - 1] % 5));
    int added = 0;

    while (added < 3 && add(series, bytes, size, added))
        added++;
    if (added > 0 && series_volume(series, &volume, &facts, &err))
        check_volume(&volume);
    series_free(series);
}

static void turn(const uint8_t *bytes, size_t size, const char *syntax)
{
    unsigned char *other = NULL;
    size_t other_size = 0;
    struct error err;
    struct dataset *const dataset = dataset_read(bytes, size, &err), *again;

    if (dataset != NULL && is_small(dataset) &&
        dataset_write_as(dataset, syntax, &other, &other_size, &err)) {
        again = dataset_read(other, other_size, &err);
        if (again == NULL) { /* what we write, we can read */
            fprintf(stderr, "%s: %s\n", syntax, err.text);
            abort();
        }
        dataset_free(again);
    }
    free(other);
    dataset_free(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct arena *arena;
    struct error err;
    size_t count = 0;

    if (arena == NULL && (!dicom_init(&err) || (arena = arena_new(ARENA, &err)) == NULL))
        abort();
    if (size < 2)
        return 0;
    while (syntax_list[count].uid != NULL)
        count++;
    const size_t choice = bytes[0] % (2 * count);

    if (choice < count)
        turn(bytes + 1, size - 1, syntax_list[choice].uid);
    else
        make_volume(arena, bytes + 1, size - 1);
    return 0;
}
