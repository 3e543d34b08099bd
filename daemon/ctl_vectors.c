/* Ctl hw-vectors: one slice as a script for the simulated chip (hw/), with what must come out of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/hardware.h"
#include "dicom/dataset.h"
#include "dicom/scu.h"
#include "util/error.h"
#include "util/text.h"

#define MOST 1024               /* columns and rows of the chip */
#define LABELS 63               /* as tumord_top_tb has them */
#define LARGEST ((long)64 << 20)

enum tag {
    SAMPLES = 0x00280002, FRAMES = 0x00280008, ROWS = 0x00280010, COLUMNS = 0x00280011,
    BITS_ALLOCATED = 0x00280100, BITS_STORED = 0x00280101, HIGH_BIT = 0x00280102,
    REPRESENTATION = 0x00280103, PADDING = 0x00280120, PADDING_LIMIT = 0x00280121,
    CENTER = 0x00281050, WIDTH = 0x00281051, INTERCEPT = 0x00281052, SLOPE = 0x00281053,
    FUNCTION = 0x00281056
};

/* ---- the bytes: of a file, or of an instance that the node has ---- */

static FILE *open_file(const char *path, struct error *err)
{
    FILE *const file = fopen(path, "rb");

    if (file == NULL)
        error_errno(err, "%s", path);
    return file;
}

static bool keep(const void *bytes, size_t size, void *context)
{
    return fwrite(bytes, 1, size, context) == size;
}

static bool take(struct association *association, const struct dimse_message *request, void *context,
                 uint16_t *ret_status, struct error *err)
{
    unsigned char meta[512];
    bool whole;
    const size_t size = association_write_meta(request->sop_class_uid, request->sop_uid,
                                               association_syntax(association, request->context), "",
                                               meta, sizeof meta);

    *ret_status = 0;
    return (fwrite(meta, 1, size, context) == size
            && association_read_data(association, keep, context, &whole, err) && whole)
        || error_set(err, ERROR_IO, "the instance did not come whole");
}

/* C-GET of one image from the node itself, by the classes that have slices of 16 bits. */
static bool get(const struct association_target *target, const char *sop_uid, FILE *to,
                struct error *err)
{
    static const char *const classes[] = { "2", "4", "128", "20", "7", "2.1", "4.1", "130", "1", "1.1" };
    struct association_proposal proposals[64] = { { SCU_STUDY_ROOT_GET, "1.2.840.10008.1.2.1", false } };
    const struct scu_key keys[] = { { 0x00080018, "UI", sop_uid }, { 0x00080052, "CS", "IMAGE" } };
    struct dimse_message last = { .status = 0 };
    size_t count = 1;

    for (size_t n = 0; n < sizeof classes / sizeof *classes; n++)
        for (int explicit = 0; explicit < 2; explicit++) {
            struct association_proposal *const one = &proposals[count++];
            text_format(one->sop_class_uid, TEXT_UID_SIZE, "1.2.840.10008.5.1.4.1.1.%s", classes[n]);
            text_format(one->transfer_syntax, TEXT_UID_SIZE, "1.2.840.10008.1.2%s", explicit ? ".1" : "");
            one->turned = true;
        }
    struct association *const association = association_request(target, proposals, count, err);
    if (association == NULL)
        return false;
    const bool good = scu_get(association, keys, 2, take, to, &last, err);
    association_release(association);
    return good;
}

static FILE *open_stored(const struct ctl *ctl, const char *sop_uid, struct error *err)
{
    struct ctl_node node;
    FILE *const file = tmpfile();

    if (file == NULL) {
        error_errno(err, "a temporary file");
        return NULL;
    }
    if (ctl_node(ctl, &node, err) && get(&node.target, sop_uid, file, err)) {
        if (ftell(file) > 0)
            return file;
        error_set(err, ERROR_NOT_FOUND, "the node has no image %s, or none that is not compressed", sop_uid);
    }
    fclose(file);
    return NULL;
}

static struct dataset *read_dataset(FILE *file, struct error *err)
{
    struct dataset *dataset = NULL;
    long size = -1;

    if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0 || size > LARGEST) {
        error_set(err, ERROR_LIMIT, "a file of %ld bytes (1 to %ld can be read)", size, LARGEST);
        return NULL;
    }
    rewind(file);
    void *const bytes = malloc((size_t)size);
    if (bytes == NULL)
        error_set(err, ERROR_MEMORY, "a file of %ld bytes", size);
    else if (fread(bytes, 1, (size_t)size, file) != (size_t)size)
        error_errno(err, "reading");
    else if (dicom_init(err))
        dataset = dataset_read(bytes, (size_t)size, err);
    free(bytes);
    return dataset;
}

/* ---- what the slice says of itself ---- */

static bool to_fixed(double value, double scale, double most, const char *name, int32_t *ret_value,
                     struct error *err)
{
    const double scaled = round(value * scale);

    if (!(fabs(scaled) <= most))
        return error_set(err, ERROR_DATA, "the hardware's numbers do not hold the %s %g", name, value);
    *ret_value = (int32_t)scaled;
    return true;
}

static bool read_rescale(const struct item *root, struct fixed_rescale *ret_rescale, struct error *err)
{
    double slope = 1, intercept = 0;
    long stored = 16, high = -1, sign = 0, from = 0, to = 0;

    item_double(root, SLOPE, 0, &slope);
    item_double(root, INTERCEPT, 0, &intercept);
    item_int(root, BITS_STORED, 0, &stored);
    item_int(root, REPRESENTATION, 0, &sign);
    if (stored < 8 || stored > 16 || (item_int(root, HIGH_BIT, 0, &high) && high != stored - 1))
        return error_set(err, ERROR_UNSUPPORTED, "%ld bits stored with the high bit %ld; the hardware takes "
                         "8 to 16 that lie lowest", stored, high);
    ret_rescale->bits = (int)stored;
    ret_rescale->is_signed = sign == 1;
    ret_rescale->padding = item_int(root, PADDING, 0, &from);
    to = from;
    item_int(root, PADDING_LIMIT, 0, &to);
    ret_rescale->pad_low = (int32_t)(from < to ? from : to);
    ret_rescale->pad_high = (int32_t)(from < to ? to : from);
    return to_fixed(slope, FIXED_ONE, INT32_MAX, "slope", &ret_rescale->slope, err)
        && to_fixed(intercept, FIXED_ONE, INT32_MAX, "intercept", &ret_rescale->intercept, err);
}

static bool read_window(const struct item *root, const struct ctl_vectors *wanted,
                        struct fixed_window *ret_window, struct error *err)
{
    char function[17] = "";
    double center = wanted->window_center, width = wanted->window_width;

    if (width <= 0 && (!item_double(root, CENTER, 0, &center) || !item_double(root, WIDTH, 0, &width)))
        return error_set(err, ERROR_DATA, "the slice has no window: give one by --window=CENTRE,WIDTH");
    item_text_at(root, FUNCTION, 0, function, sizeof function);
    if (strcmp(function, "SIGMOID") == 0)
        return error_set(err, ERROR_UNSUPPORTED, "the slice has a window by SIGMOID, whose table no script holds");
    ret_window->function = strcmp(function, "LINEAR_EXACT") == 0 ? FIXED_LINEAR_EXACT : FIXED_LINEAR;
    ret_window->bits = 8;
    return to_fixed(center, 16, FIXED_DATA_MAX, "window's centre", &ret_window->center16, err)
        && to_fixed(width, 16, FIXED_WIDTH_MAX, "window's width", &ret_window->width16, err);
}

static bool read_size(const struct item *root, struct fixed_chain *chain, struct error *err)
{
    long columns = 0, rows = 0, samples = 1, frames = 1, allocated = 0;

    item_int(root, COLUMNS, 0, &columns);
    item_int(root, ROWS, 0, &rows);
    item_int(root, SAMPLES, 0, &samples);
    item_int(root, FRAMES, 0, &frames);
    item_int(root, BITS_ALLOCATED, 0, &allocated);
    if (samples != 1 || frames != 1 || allocated != 16)
        return error_set(err, ERROR_UNSUPPORTED, "%ld samples of %ld bits in %ld frames; the hardware takes "
                         "one frame of 16 bits", samples, allocated, frames);
    if (columns < 1 || rows < 1 || columns > MOST || rows > MOST)
        return error_set(err, ERROR_LIMIT, "a slice of %ld x %ld; the hardware takes 1 to %d", columns, rows,
                         MOST);
    chain->columns = (size_t)columns;
    chain->rows = (size_t)rows;
    return true;
}

/* ---- the script ---- */

static bool write_script(const struct fixed_chain *chain, const void *pixels, struct error *err)
{
    const size_t count = chain->columns * chain->rows;
    uint16_t *const stored = malloc(count * sizeof *stored);
    struct fixed_slice *const slice = calloc(1, sizeof *slice);
    uint8_t *const room = calloc(count, 2 + sizeof(int32_t)), *const spare = malloc(3 * chain->columns);
    const bool good = stored != NULL && slice != NULL && room != NULL && spare != NULL;

    if (good) {
        memcpy(stored, pixels, count * sizeof *stored);
        slice->grey = (int32_t *)(void *)room;
        slice->pad = room + count * sizeof(int32_t);
        slice->mask = slice->pad + count;
        slice->spare = spare;
        fixed_chain_run(chain, stored, NULL, slice);
        hardware_slice(stdout, chain, stored, slice);
    }
    free(stored);
    free(slice);
    free(room);
    free(spare);
    if (!good)
        return error_set(err, ERROR_MEMORY, "%zu voxels", count);
    return (fflush(stdout) == 0 && !ferror(stdout)) || error_errno(err, "standard output");
}

static bool write_slice(struct dataset *dataset, const struct ctl_vectors *wanted, struct error *err)
{
    const struct item *const root = dataset_root(dataset);
    struct fixed_chain chain = {
        .choice = wanted->band ? FIXED_CHOOSE_BAND : FIXED_CHOOSE_OTSU, .low = wanted->low,
        .high = wanted->high, .operation = FIXED_OPEN, .element = FIXED_SQUARE,
        .neighbours = FIXED_EIGHT, .labels = LABELS
    };
    const void *pixels;
    size_t size;

    if (!read_size(root, &chain, err) || !read_rescale(root, &chain.rescale, err)
        || !read_window(root, wanted, &chain.window, err)
        || !dataset_pixels(dataset, &pixels, &size, err))
        return false;
    if (size < chain.columns * chain.rows * sizeof(uint16_t))
        return error_set(err, ERROR_DATA, "%zu bytes of pixels are too few for %zu x %zu", size,
                         chain.columns, chain.rows);
    return write_script(&chain, pixels, err);
}

int ctl_vectors(const struct ctl *ctl, const char *slice, const struct ctl_vectors *wanted,
                struct error *err)
{
    const bool stored = access(slice, F_OK) != 0 && text_is_uid(slice);
    FILE *const file = stored ? open_stored(ctl, slice, err) : open_file(slice, err);
    struct dataset *const dataset = file == NULL ? NULL : read_dataset(file, err);
    const bool good = dataset != NULL && write_slice(dataset, wanted, err);

    dataset_free(dataset);
    if (file != NULL)
        fclose(file);
    if (file != NULL && !good)
        error_prefix(err, "%s", slice);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
