/* J2K: a look at the codestream's head, then OpenJPEG over memory. */
#include "dicom/j2k.h"

#include <stdlib.h>
#include <string.h>

#include <openjpeg.h>

#include "dicom/guard.h"
#include "util/error.h"
#include "util/text.h"

/* Markers, ISO 15444-1 table A.2. */
enum { SOC = 0xff4f, SOT = 0xff90, SOD = 0xff93, EOC = 0xffd9, SIZ = 0xff51, COD = 0xff52,
       COC = 0xff53 };

#define MAX_TILES 4096          /* a tile costs the decoder some 7 KiB before it is seen */
#define MAX_PRECINCTS 262144    /* and a precinct some 400 bytes */
#define MAX_PACKETS (1u << 24)
#define MAX_TILE_PARTS 65536
#define BYTES_A_SAMPLE 16       /* measured: 4 to 7; code blocks of 4 x 4 take more */
#define FIXED_MEMORY (4u << 20)
#define MAX_DEPTH 16
#define MAX_LEVELS 5            /* of the wavelet, when we encode */

size_t j2k_frame_size(const struct j2k_frame *frame)
{
    return (size_t)frame->rows * frame->columns * frame->samples * (frame->allocated / 8);
}

/* ---- the head ---- */

struct head {
    const unsigned char *bytes;
    size_t size, at;
    uint32_t width, height, tile_width, tile_height;
    uint32_t components, depth;         /* of the deepest component */
    uint64_t tiles, precincts, layers;  /* the most that any COD or COC asks for */
    bool transformed;
};

static uint32_t get(const unsigned char *at, int count)
{
    uint32_t value = 0;

    while (count-- > 0)
        value = value << 8 | *at++;
    return value;
}

static bool damaged(struct error *err)
{
    return error_set(err, ERROR_DATA, "the head of the JPEG 2000 codestream is damaged");
}

/* Where image and tiles begin and end on the reference grid, ISO 15444-1 A.5.1. */
static bool read_areas(struct head *head, const unsigned char *siz, struct error *err)
{
    const uint32_t right = get(siz + 2, 4), bottom = get(siz + 6, 4);
    const uint32_t left = get(siz + 10, 4), top = get(siz + 14, 4);
    const uint32_t tile_left = get(siz + 26, 4), tile_top = get(siz + 30, 4);

    head->tile_width = get(siz + 18, 4);
    head->tile_height = get(siz + 22, 4);
    if (right <= left || bottom <= top || tile_left > left || tile_top > top ||
        head->tile_width == 0 || head->tile_height == 0)
        return damaged(err);
    head->width = right - left;
    head->height = bottom - top;
    const uint64_t across = ((uint64_t)(right - tile_left) + head->tile_width - 1) /
                            head->tile_width;
    const uint64_t down = ((uint64_t)(bottom - tile_top) + head->tile_height - 1) /
                          head->tile_height;

    if (across > MAX_TILES || down > MAX_TILES || across * down > MAX_TILES)
        return error_set(err, ERROR_LIMIT, "a JPEG 2000 codestream of more than %d tiles",
                         MAX_TILES);
    head->tiles = across * down;
    return true;
}

static bool read_siz(struct head *head, const unsigned char *siz, size_t size,
                     struct error *err)
{
    if (size < 36)
        return damaged(err);
    head->components = get(siz + 34, 2);
    if (head->components == 0 || size < 36 + 3 * (size_t)head->components)
        return damaged(err);
    for (size_t i = 0; i < head->components; i++) {
        const unsigned char *component = siz + 36 + 3 * i;
        const uint32_t depth = (component[0] & 0x7fu) + 1;

        if (component[1] != 1 || component[2] != 1)
            return error_set(err, ERROR_UNSUPPORTED,
                             "JPEG 2000 with components of different resolution");
        head->depth = depth > head->depth ? depth : head->depth;
    }
    return read_areas(head, siz, err);
}

/* Precincts of one component: those of each resolution, in each tile one more than fit. */
static uint64_t count_precincts(const struct head *head, uint32_t levels,
                                const unsigned char *sizes)
{
    uint64_t count = 0;

    for (uint32_t r = 0; r <= levels; r++) {
        const uint32_t across = sizes == NULL ? 15 : sizes[r] & 15u;
        const uint32_t down = sizes == NULL ? 15 : sizes[r] >> 4;
        const uint32_t shift = levels - r;

        count += (((uint64_t)head->width >> shift >> across) + head->tiles) *
                 (((uint64_t)head->height >> shift >> down) + 1) +
                 ((uint64_t)head->height >> shift >> down) * head->tiles;
    }
    return count;
}

/* levels, code block's width and height, style, transform, and perhaps precincts */
static bool read_coding(struct head *head, const unsigned char *coding, size_t size,
                        bool precincts, struct error *err)
{
    if (size < 5 || coding[0] > 32 || (precincts && size < 6 + (size_t)coding[0]))
        return damaged(err);
    const uint64_t count = head->components *
                           count_precincts(head, coding[0], precincts ? coding + 5 : NULL);

    head->precincts = count > head->precincts ? count : head->precincts;
    return true;
}

static bool read_cod(struct head *head, const unsigned char *cod, size_t size,
                     struct error *err)
{
    if (size < 5 || head->components == 0)
        return damaged(err);
    const uint32_t layers = get(cod + 2, 2);

    head->layers = layers > head->layers ? layers : head->layers;
    head->transformed = cod[4] != 0;
    return read_coding(head, cod + 5, size - 5, (cod[0] & 1) != 0, err);
}

static bool read_coc(struct head *head, const unsigned char *coc, size_t size,
                     struct error *err)
{
    const size_t width = head->components < 257 ? 1 : 2;

    if (size < width + 1 || head->components == 0)
        return damaged(err);
    return read_coding(head, coc + width + 1, size - width - 1, (coc[width] & 1) != 0, err);
}

static bool read_segment(struct head *head, uint32_t marker, const unsigned char *bytes,
                         size_t size, struct error *err)
{
    switch (marker) {
    case SIZ: return head->components == 0 ? read_siz(head, bytes, size, err) : damaged(err);
    case COD: return read_cod(head, bytes, size, err);
    case COC: return read_coc(head, bytes, size, err);
    default: return true;
    }
}

/* Segments up to the marker `until`. */
static bool read_segments(struct head *head, uint32_t until, struct error *err)
{
    while (head->size - head->at >= 2) {
        const uint32_t marker = get(head->bytes + head->at, 2);

        if (marker == until)
            return true;
        if (marker < 0xff00 || head->size - head->at < 4)
            return damaged(err);
        const size_t length = get(head->bytes + head->at + 2, 2);

        if (length < 2 || length > head->size - head->at - 2)
            return damaged(err);
        if (!read_segment(head, marker, head->bytes + head->at + 4, length - 2, err))
            return false;
        head->at += 2 + length;
    }
    return damaged(err);
}

/* A tile may have a coding of its own: its parts are walked by their lengths. */
static bool read_tile_parts(struct head *head, struct error *err)
{
    for (size_t part = 0; part < MAX_TILE_PARTS; part++) {
        const unsigned char *sot = head->bytes + head->at;
        const size_t left = head->size - head->at;

        if (left < 12 || get(sot, 2) != SOT)
            return true;                /* EOC, or cut short, which the decoder finds */
        const size_t length = get(sot + 6, 4), end = head->at + length;

        head->at += 12;
        if (!read_segments(head, SOD, err))
            return false;
        if (length == 0 || length > left)
            return true;                /* the last one */
        if (length < 14 || end < head->at)
            return damaged(err);
        head->at = end;
    }
    return error_set(err, ERROR_LIMIT, "a JPEG 2000 codestream of more than %d tile parts",
                     MAX_TILE_PARTS);
}

static bool read_head(struct head *head, struct error *err)
{
    if (head->size < 4 || get(head->bytes, 2) != SOC || get(head->bytes + 2, 2) != SIZ)
        return error_set(err, ERROR_DATA, "the frame is no JPEG 2000 codestream");
    head->at = 2;
    return read_segments(head, SOT, err) && read_tile_parts(head, err);
}

static bool check_frame(const struct j2k_frame *frame, struct error *err)
{
    if (frame->rows == 0 || frame->rows > 65535 || frame->columns == 0 ||
        frame->columns > 65535)
        return error_set(err, ERROR_DATA, "a frame of %u x %u pixels", frame->columns,
                         frame->rows);
    if (frame->samples == 0 || frame->samples > 4 ||
        (frame->allocated != 8 && frame->allocated != 16) || frame->stored == 0 ||
        frame->stored > frame->allocated)
        return error_set(err, ERROR_UNSUPPORTED,
                         "JPEG 2000 of %u samples a pixel with %u of %u bits", frame->samples,
                         frame->stored, frame->allocated);
    return true;
}

static bool check_head(const struct head *head, const struct j2k_frame *frame, size_t memory,
                       struct error *err)
{
    const uint64_t samples = (uint64_t)frame->rows * frame->columns * frame->samples;

    if (head->width != frame->columns || head->height != frame->rows ||
        head->components != frame->samples)
        return error_set(err, ERROR_DATA, "the JPEG 2000 codestream has %u x %u pixels of %u "
                         "samples, and the data set %u x %u of %u", head->width, head->height,
                         head->components, frame->columns, frame->rows, frame->samples);
    if (head->depth > frame->allocated || head->depth > MAX_DEPTH)
        return error_set(err, ERROR_DATA, "the JPEG 2000 codestream has %u bits a sample, and "
                         "the data set allocates %u", head->depth, frame->allocated);
    if (head->precincts > MAX_PRECINCTS || head->precincts * head->layers > MAX_PACKETS)
        return error_set(err, ERROR_LIMIT,
                         "a JPEG 2000 codestream of too many precincts and layers");
    if (samples * BYTES_A_SAMPLE + FIXED_MEMORY > memory)
        return error_set(err, ERROR_LIMIT, "decoding %u x %u x %u samples of JPEG 2000 takes "
                         "%llu MiB, and %zu are left", frame->columns, frame->rows,
                         frame->samples, (unsigned long long)(samples * BYTES_A_SAMPLE) >> 20,
                         memory >> 20);
    return true;
}

/* ---- JP2: against PS3.5 A.4.4, but some write its boxes around the codestream ---- */

static bool find_codestream(const unsigned char **bytes, size_t *size, struct error *err)
{
    static const unsigned char signature[12] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ', '\r', '\n',
                                                 0x87, '\n' };

    if (*size < sizeof signature || memcmp(*bytes, signature, sizeof signature) != 0)
        return true;
    while (*size >= 8) {
        const size_t length = get(*bytes, 4), whole = length == 0 ? *size : length;

        if (whole < 8 || whole > *size)
            break;
        if (memcmp(*bytes + 4, "jp2c", 4) == 0) {
            *bytes += 8;
            *size = whole - 8;
            return true;
        }
        *bytes += whole;
        *size -= whole;
    }
    return error_set(err, ERROR_DATA, "a JP2 file without a codestream");
}

/* ---- OpenJPEG over memory ---- */

struct memory {
    const unsigned char *from;          /* what is read */
    unsigned char *to;                  /* what is written, grown as it goes */
    size_t at, size, room;
};

static OPJ_SIZE_T read_memory(void *buffer, OPJ_SIZE_T size, void *context)
{
    struct memory *memory = context;
    const size_t left = memory->size - memory->at, count = size < left ? size : left;

    if (count == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(buffer, memory->from + memory->at, count);
    memory->at += count;
    return count;
}

static bool grow(struct memory *memory, size_t room)
{
    const size_t wanted = room < 2 * memory->room ? 2 * memory->room : room;
    unsigned char *grown = room <= memory->room ? memory->to : realloc(memory->to, wanted);

    if (grown == NULL)
        return false;
    if (room > memory->room)
        memory->room = wanted;
    memory->to = grown;
    return true;
}

static OPJ_SIZE_T write_memory(void *buffer, OPJ_SIZE_T size, void *context)
{
    struct memory *memory = context;

    if (!grow(memory, memory->at + size))
        return (OPJ_SIZE_T)-1;
    memcpy(memory->to + memory->at, buffer, size);
    memory->at += size;
    memory->size = memory->at > memory->size ? memory->at : memory->size;
    return size;
}

/* OpenJPEG goes back only in what it has written, and forward only in what it reads. */
static OPJ_BOOL seek_memory(OPJ_OFF_T at, void *context)
{
    struct memory *memory = context;

    if (at < 0 || (size_t)at > memory->size)
        return OPJ_FALSE;
    memory->at = (size_t)at;
    return OPJ_TRUE;
}

static OPJ_OFF_T skip_memory(OPJ_OFF_T count, void *context)
{
    struct memory *memory = context;

    if (count < 0 || (size_t)count > memory->size - memory->at)
        return -1;
    memory->at += (size_t)count;
    return count;
}

static opj_stream_t *stream_over(struct memory *memory, bool reading)
{
    opj_stream_t *stream = opj_stream_create(OPJ_J2K_STREAM_CHUNK_SIZE, reading);

    if (stream == NULL)
        return NULL;
    opj_stream_set_user_data(stream, memory, NULL);
    opj_stream_set_user_data_length(stream, memory->size);
    opj_stream_set_read_function(stream, read_memory);
    opj_stream_set_write_function(stream, write_memory);
    opj_stream_set_seek_function(stream, seek_memory);
    opj_stream_set_skip_function(stream, skip_memory);
    return stream;
}

/* The first complaint tells most. */
static void note_failure(const char *text, void *context)
{
    struct error *err = context;
    char line[160];

    text_printable(text, line, sizeof line);
    line[strcspn(line, "\r\n\\")] = '\0';
    if (err->code == ERROR_NONE)
        error_set(err, ERROR_DATA, "JPEG 2000: %s", line);
}

static bool failed(const char *what, struct error *err)
{
    if (err->code == ERROR_NONE)
        error_set(err, ERROR_DATA, "JPEG 2000 cannot be %s", what);
    return false;
}

/* ---- decoding ---- */

/* The bits of the codestream, with the sign that the data set gives them. */
static int32_t sample_of(const opj_image_comp_t *component, size_t at, bool is_signed)
{
    const uint32_t mask = (uint32_t)((UINT64_C(1) << component->prec) - 1);
    const uint32_t bits = (uint32_t)component->data[at] & mask;
    const uint32_t sign = UINT32_C(1) << (component->prec - 1);

    return is_signed && (bits & sign) != 0 ? (int32_t)(bits | ~mask) : (int32_t)bits;
}

static void copy_component(const opj_image_comp_t *component, const struct j2k_frame *frame,
                           size_t place, void *pixels)
{
    const size_t count = (size_t)frame->rows * frame->columns;
    uint8_t *bytes = (uint8_t *)pixels + place;
    uint16_t *words = (uint16_t *)pixels + place;

    for (size_t i = 0; i < count; i++) {
        const int32_t value = sample_of(component, i, frame->is_signed);

        if (frame->allocated == 8)
            bytes[i * frame->samples] = (uint8_t)value;
        else
            words[i * frame->samples] = (uint16_t)value;
    }
}

static bool copy_pixels(const opj_image_t *image, const struct j2k_frame *frame, void *pixels,
                        struct error *err)
{
    if (image->numcomps != frame->samples)
        return failed("decoded", err);
    for (size_t i = 0; i < frame->samples; i++) {
        const opj_image_comp_t *component = &image->comps[i];

        if (component->data == NULL || component->w != frame->columns ||
            component->h != frame->rows || component->prec == 0 ||
            component->prec > frame->allocated)
            return failed("decoded", err);
        copy_component(component, frame, i, pixels);
    }
    return true;
}

struct decoder {
    opj_codec_t *codec;
    opj_stream_t *stream;
    opj_image_t *image;
    struct error *err;
};

static bool run_decoder(void *context)
{
    struct decoder *decoder = context;
    opj_dparameters_t parameters;

    opj_set_default_decoder_parameters(&parameters);
    opj_set_error_handler(decoder->codec, note_failure, decoder->err);
    return (opj_setup_decoder(decoder->codec, &parameters) &&
            opj_decoder_set_strict_mode(decoder->codec, OPJ_TRUE) &&
            opj_read_header(decoder->stream, decoder->codec, &decoder->image) &&
            opj_decode(decoder->codec, decoder->stream, decoder->image) &&
            decoder->err->code == ERROR_NONE) ||
           failed("decoded", decoder->err);
}

/*
 * Debian's OpenJPEG has its assertions on, and damaged high-throughput code fails some of them
 * (ht_dec.c, mel_init()). What it has allocated is given back then as after any other
 * failure, but for the 120 bytes of the block's task.
 */
static bool run_guarded(struct decoder *decoder)
{
    bool asserted;
    const bool good = guard_run(run_decoder, decoder, &asserted);

    return asserted ? error_set(decoder->err, ERROR_DATA,
                                "JPEG 2000: the code of a block is damaged") : good;
}

static bool decode_codestream(struct memory *memory, const struct j2k_frame *frame,
                              void *pixels, struct error *err)
{
    struct decoder decoder = { opj_create_decompress(OPJ_CODEC_J2K),
                               stream_over(memory, true), NULL, err };
    bool good = decoder.codec != NULL && decoder.stream != NULL;

    err->code = ERROR_NONE;
    if (good)
        good = run_guarded(&decoder) && copy_pixels(decoder.image, frame, pixels, err);
    else
        error_set(err, ERROR_MEMORY, "decoding JPEG 2000");
    opj_image_destroy(decoder.image);
    if (decoder.stream != NULL)
        opj_stream_destroy(decoder.stream);
    if (decoder.codec != NULL)
        opj_destroy_codec(decoder.codec);
    return good;
}

bool j2k_decode(const void *bytes, size_t size, const struct j2k_frame *frame, size_t memory,
                void *pixels, bool *ret_transformed, struct error *err)
{
    const unsigned char *from = bytes;

    if (!check_frame(frame, err) || !find_codestream(&from, &size, err))
        return false;
    struct head head = { .bytes = from, .size = size };
    struct memory source = { .from = from, .size = size };

    if (!read_head(&head, err) || !check_head(&head, frame, memory, err) ||
        !decode_codestream(&source, frame, pixels, err))
        return false;
    *ret_transformed = head.transformed;
    return true;
}

/* ---- encoding ---- */

static int32_t stored_value(const void *pixels, const struct j2k_frame *frame, size_t at)
{
    if (frame->allocated == 8)
        return frame->is_signed ? ((const int8_t *)pixels)[at] : ((const uint8_t *)pixels)[at];
    return frame->is_signed ? ((const int16_t *)pixels)[at] : ((const uint16_t *)pixels)[at];
}

/* Bits Stored, or all that are allocated when a value passes them (padding, old overlays). */
static uint32_t depth_of(const void *pixels, const struct j2k_frame *frame)
{
    const size_t count = (size_t)frame->rows * frame->columns * frame->samples;
    const int32_t range = INT32_C(1) << (frame->stored - frame->is_signed);
    const int32_t low = frame->is_signed ? -range : 0;

    for (size_t i = 0; i < count; i++) {
        const int32_t value = stored_value(pixels, frame, i);

        if (value < low || value >= range)
            return frame->allocated;
    }
    return frame->stored;
}

static opj_image_t *image_of(const void *pixels, const struct j2k_frame *frame,
                             bool transform)
{
    opj_image_cmptparm_t components[4] = { { 0 } };
    const size_t count = (size_t)frame->rows * frame->columns;
    const uint32_t depth = depth_of(pixels, frame);

    for (size_t i = 0; i < frame->samples; i++)
        components[i] = (opj_image_cmptparm_t){
            .dx = 1, .dy = 1, .w = frame->columns, .h = frame->rows, .prec = depth,
            .sgnd = frame->is_signed };
    opj_image_t *image = opj_image_create(frame->samples, components,
                                          transform ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);

    if (image == NULL)
        return NULL;
    image->x1 = frame->columns;
    image->y1 = frame->rows;
    for (size_t i = 0; i < frame->samples; i++)
        for (size_t at = 0; at < count; at++)
            image->comps[i].data[at] = stored_value(pixels, frame, at * frame->samples + i);
    return image;
}

static void choose(const struct j2k_frame *frame, bool transform, opj_cparameters_t *ret)
{
    const uint32_t least = frame->rows < frame->columns ? frame->rows : frame->columns;

    opj_set_default_encoder_parameters(ret);
    ret->tcp_numlayers = 1;
    ret->tcp_rates[0] = 0;              /* without loss */
    ret->cp_disto_alloc = 1;
    ret->tcp_mct = transform;
    ret->numresolution = 1;
    while (ret->numresolution <= MAX_LEVELS && least >> ret->numresolution > 0)
        ret->numresolution++;
}

static bool encode_image(opj_codec_t *codec, opj_stream_t *stream, opj_image_t *image,
                         const struct j2k_frame *frame, bool transform, struct error *err)
{
    opj_cparameters_t parameters;

    choose(frame, transform, &parameters);
    opj_set_error_handler(codec, note_failure, err);
    return (opj_setup_encoder(codec, &parameters, image) &&
            opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
            opj_end_compress(codec, stream)) ||
           failed("encoded", err);
}

bool j2k_encode(const void *pixels, const struct j2k_frame *frame, bool transform,
                unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    struct memory memory = { .from = NULL };

    if (!check_frame(frame, err))
        return false;
    transform = transform && frame->samples == 3;
    opj_image_t *image = image_of(pixels, frame, transform);
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = stream_over(&memory, false);
    bool good = image != NULL && codec != NULL && stream != NULL &&
                grow(&memory, j2k_frame_size(frame) / 2 + 1024);

    err->code = ERROR_NONE;
    if (good)
        good = encode_image(codec, stream, image, frame, transform, err);
    else
        error_set(err, ERROR_MEMORY, "encoding JPEG 2000");
    if (stream != NULL)
        opj_stream_destroy(stream);     /* it writes what it holds */
    if (codec != NULL)
        opj_destroy_codec(codec);
    opj_image_destroy(image);
    if (!good) {
        free(memory.to);
        return false;
    }
    *ret_bytes = memory.to;
    *ret_size = memory.size;
    return true;
}
