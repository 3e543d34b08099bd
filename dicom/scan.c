/*
 * Scan: one pass over a data set as it comes in pieces. What is open is a fixed stack of
 * levels, each with the position at which it ends; a value is kept when its tag is of the
 * index, and counted past otherwise.
 */
#include "dicom/scan.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dicom/association.h"
#include "dicom/syntax.h"
#include "dicom/vr.h"
#include "util/error.h"
#include "util/text.h"

#define TAG_ITEM 0xfffee000u
#define TAG_ITEM_END 0xfffee00du
#define TAG_SEQUENCE_END 0xfffee0ddu
#define TAG_PIXEL_DATA 0x7fe00010u
#define LENGTH_UNDEFINED 0xffffffffu
#define NO_END UINT64_MAX
#define LEVELS (2 * SCAN_MAX_DEPTH)         /* a sequence and an item each */
#define INFLATE_STEP 16384
#define INFLATE_PUSH_MAX (64ull << 20)      /* to reach the tags of the index */
#define INFLATE_CHECK_MAX (1ull << 30)      /* a whole data set */

#define SYNTAX_IMPLICIT "1.2.840.10008.1.2"
#define SYNTAX_EXPLICIT "1.2.840.10008.1.2.1"
#define SYNTAX_BIG_ENDIAN "1.2.840.10008.1.2.2"

const struct scan_tag scan_tags[] = {
    { 0x00080005, "SpecificCharacterSet" },
    { 0x00080008, "ImageType" },
    { 0x00080016, "SOPClassUID" },
    { 0x00080018, "SOPInstanceUID" },
    { 0x00080020, "StudyDate" },
    { 0x00080021, "SeriesDate" },
    { 0x00080022, "AcquisitionDate" },
    { 0x00080023, "ContentDate" },
    { 0x00080030, "StudyTime" },
    { 0x00080031, "SeriesTime" },
    { 0x00080032, "AcquisitionTime" },
    { 0x00080050, "AccessionNumber" },
    { 0x00080060, "Modality" },
    { 0x00080064, "ConversionType" },
    { 0x00080070, "Manufacturer" },
    { 0x00080080, "InstitutionName" },
    { 0x00080090, "ReferringPhysicianName" },
    { 0x00081010, "StationName" },
    { 0x00081030, "StudyDescription" },
    { 0x0008103e, "SeriesDescription" },
    { 0x00081090, "ManufacturerModelName" },
    { 0x00089209, "AcquisitionContrast" },
    { 0x00100010, "PatientName" },
    { 0x00100020, "PatientID" },
    { 0x00100030, "PatientBirthDate" },
    { 0x00100040, "PatientSex" },
    { 0x00101010, "PatientAge" },
    { 0x00180010, "ContrastBolusAgent" },
    { 0x00180015, "BodyPartExamined" },
    { 0x00180020, "ScanningSequence" },
    { 0x00180021, "SequenceVariant" },
    { 0x00180022, "ScanOptions" },
    { 0x00180025, "AngioFlag" },
    { 0x00180050, "SliceThickness" },
    { 0x00180080, "RepetitionTime" },
    { 0x00180081, "EchoTime" },
    { 0x00180082, "InversionTime" },
    { 0x00180088, "SpacingBetweenSlices" },
    { 0x00181030, "ProtocolName" },
    { 0x00181042, "ContrastBolusStartTime" },
    { 0x00181210, "ConvolutionKernel" },
    { 0x00185100, "PatientPosition" },
    { 0x00189087, "DiffusionBValue" },
    { 0x0020000d, "StudyInstanceUID" },
    { 0x0020000e, "SeriesInstanceUID" },
    { 0x00200010, "StudyID" },
    { 0x00200011, "SeriesNumber" },
    { 0x00200012, "AcquisitionNumber" },
    { 0x00200013, "InstanceNumber" },
    { 0x00200032, "ImagePositionPatient" },
    { 0x00200037, "ImageOrientationPatient" },
    { 0x00200052, "FrameOfReferenceUID" },
    { 0x00280008, "NumberOfFrames" },
    { 0x00280010, "Rows" },
    { 0x00280011, "Columns" },
    { 0x00280030, "PixelSpacing" },
    { 0x00280051, "CorrectedImage" },
    { 0x00541001, "Units" },
    { 0, NULL }
};
#define SLOTS (sizeof scan_tags / sizeof scan_tags[0] - 1)
#define TAG_ROWS 0x00280010u
#define TAG_COLUMNS 0x00280011u
#define TAG_B_VALUE 0x00189087u
#define TAG_SERIES_UID 0x0020000eu
#define REFERRED SLOTS                      /* the slot of a series UID inside a sequence */

enum level_kind { LEVEL_SEQUENCE, LEVEL_ITEM, LEVEL_FRAGMENTS };

struct level {
    enum level_kind kind;
    bool implicit, little;
    uint64_t end;               /* position where it ends, NO_END until a delimiter */
    uint64_t bound;             /* what is inside ends here at the latest */
};

enum scan_state {
    SCAN_HEAD,                  /* gathering `need` bytes of an element's head */
    SCAN_PEEK,                  /* the first 4 bytes of an implicit value: an item? */
    SCAN_KEEP,                  /* a value of the index */
    SCAN_PASS                   /* `remaining` bytes of no interest */
};

struct value {
    bool there;
    size_t size;
    char text[SCAN_MAX_VALUE + 1];
};

struct scan {
    enum scan_state state;
    bool deflated, inflating, inflated; /* inflated: the stream's end was seen */
    bool whole;                 /* look at everything, also past the index */
    bool beyond;                /* past the last tag of the index */
    bool failed;
    uint64_t position, remaining;
    size_t have, need;
    unsigned char head[12];
    size_t slot;
    int depth;                  /* sequences open */
    size_t open;                /* levels open */
    struct level base, level[LEVELS + 1];
    struct error failure;
    z_stream stream;
    struct value value[SLOTS + 1];
    char referred[SCAN_MAX_VALUE + 1];  /* series UIDs inside of sequences, each once */
};

/* ---- the bytes' order ---- */

static const struct level *top(const struct scan *scan)
{
    return scan->open > 0 ? &scan->level[scan->open - 1] : &scan->base;
}

static uint32_t number(const unsigned char *bytes, size_t size, bool little)
{
    uint32_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[little ? size - 1 - i : i];
    return value;
}

static uint32_t head_tag(const struct scan *scan)
{
    const bool little = top(scan)->little;

    return number(scan->head, 2, little) << 16 | number(scan->head + 2, 2, little);
}

/* ---- levels ---- */

static void expect_head(struct scan *scan)
{
    scan->state = SCAN_HEAD;
    scan->have = 0;
    scan->need = 8;
}

static void pop(struct scan *scan)
{
    if (top(scan)->kind == LEVEL_SEQUENCE)
        scan->depth--;
    scan->open--;
}

/* An element ended: so does every level whose length is used up. */
static void finish_element(struct scan *scan)
{
    while (scan->open > 0 && top(scan)->end == scan->position)
        pop(scan);
    expect_head(scan);
}

static bool push(struct scan *scan, enum level_kind kind, uint32_t length, bool implicit,
                 bool little, struct error *err)
{
    const uint64_t bound = top(scan)->bound;
    const uint64_t end = length == LENGTH_UNDEFINED ? NO_END : scan->position + length;

    if (kind == LEVEL_SEQUENCE && scan->depth == SCAN_MAX_DEPTH)
        return error_set(err, ERROR_LIMIT, "sequences are nested deeper than %d",
                         SCAN_MAX_DEPTH);
    scan->level[scan->open++] = (struct level){ kind, implicit, little, end,
                                                end < bound ? end : bound };
    if (kind == LEVEL_SEQUENCE)
        scan->depth++;
    finish_element(scan);
    return true;
}

static bool fits(const struct scan *scan, uint32_t tag, uint32_t length, struct error *err)
{
    const uint64_t bound = top(scan)->bound;

    if (bound - scan->position >= length)
        return true;
    return error_set(err, ERROR_DATA, "element (%04x,%04x) is longer than what holds it",
                     tag >> 16, tag & 0xffff);
}

/* ---- values ---- */

static size_t slot_of(uint32_t tag)
{
    size_t low = 0, high = SLOTS;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (scan_tags[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low < SLOTS && scan_tags[low].tag == tag ? low : SLOTS;
}

/* Unsigned shorts become decimal text, several joined by a backslash. */
static void show_shorts(struct value *value, bool little)
{
    char text[SCAN_MAX_VALUE + 1] = "";
    size_t used = 0;

    for (size_t i = 0; i + 1 < value->size && used + 8 < sizeof text; i += 2) {
        const unsigned char *bytes = (const unsigned char *)value->text + i;

        text_format(text + used, sizeof text - used, "%s%" PRIu32, i > 0 ? "\\" : "",
                    number(bytes, 2, little));
        used += strlen(text + used);
    }
    memcpy(value->text, text, used + 1);
    value->size = used;
}

/* The first double as decimal text; "" where it is none, or not finite. */
static void show_double(struct value *value, bool little)
{
    const unsigned char *const bytes = (const unsigned char *)value->text;
    uint64_t bits = 0;
    double number = NAN;

    for (size_t i = 0; i < 8 && value->size >= 8; i++)
        bits = bits << 8 | bytes[little ? 7 - i : i];
    if (value->size >= 8)
        memcpy(&number, &bits, sizeof number);
    value->text[0] = '\0';
    if (isfinite(number))
        text_format(value->text, sizeof value->text, "%g", number);
    value->size = strlen(value->text);
}

static void trim(struct value *value)
{
    size_t first = 0;

    while (value->size > 0 && strchr(" ", value->text[value->size - 1]) != NULL)
        value->size--;                  /* a space, or the NUL that strchr() finds too */
    for (size_t i = 0; i < value->size; i++)
        if (value->text[i] == '\0')
            value->text[i] = '?';       /* inside it is no padding: "1.2<NUL>3" is not 1.2 */
    while (first < value->size && value->text[first] == ' ')
        first++;
    value->size -= first;
    memmove(value->text, value->text + first, value->size);
    value->text[value->size] = '\0';
}

/* Those that do not fit any more are left out: a mask of so many series is of no one of them. */
static void note_referred(struct scan *scan)
{
    struct value *const value = &scan->value[REFERRED];
    const size_t used = strlen(scan->referred);

    value->text[value->size] = '\0';
    trim(value);
    if (text_is_uid(value->text) && !scan_refers(scan->referred, value->text))
        text_format(scan->referred + used, sizeof scan->referred - used, "%s%s",
                    used > 0 ? "\\" : "", value->text);
}

static void finish_value(struct scan *scan)
{
    if (scan->state == SCAN_KEEP && scan->slot == REFERRED) {
        note_referred(scan);
    } else if (scan->state == SCAN_KEEP) {
        struct value *value = &scan->value[scan->slot];
        const uint32_t tag = scan_tags[scan->slot].tag;

        value->there = true;
        value->text[value->size] = '\0';
        if (tag == TAG_ROWS || tag == TAG_COLUMNS)
            show_shorts(value, top(scan)->little);
        else if (tag == TAG_B_VALUE)
            show_double(value, top(scan)->little);
        else
            trim(value);
    }
    finish_element(scan);
}

static void begin_value(struct scan *scan, enum scan_state state, uint32_t length)
{
    scan->state = state;
    scan->remaining = length;
    if (length == 0)
        finish_value(scan);
}

/* The first of two elements with one tag counts, as in DCMTK. */
static bool begin_kept(struct scan *scan, uint32_t tag, uint32_t length)
{
    const bool referred = scan->open > 0 && tag == TAG_SERIES_UID;
    const size_t slot = scan->open == 0 ? slot_of(tag) : SLOTS;

    if (slot == SLOTS && !referred)
        return false;
    if ((!referred && scan->value[slot].there) || length > SCAN_MAX_VALUE) {
        begin_value(scan, SCAN_PASS, length);
        return true;
    }
    scan->slot = slot;
    scan->value[slot].size = 0;
    begin_value(scan, SCAN_KEEP, length);
    return true;
}

/* ---- elements ---- */

static bool item(struct scan *scan, uint32_t length, struct error *err)
{
    const struct level *level = top(scan);

    if (scan->open == 0 || level->kind == LEVEL_ITEM)
        return error_set(err, ERROR_DATA, "an item outside of a sequence");
    if (length != LENGTH_UNDEFINED && !fits(scan, TAG_ITEM, length, err))
        return false;
    if (level->kind == LEVEL_SEQUENCE)
        return push(scan, LEVEL_ITEM, length, level->implicit, level->little, err);
    if (length == LENGTH_UNDEFINED)
        return error_set(err, ERROR_DATA, "a fragment of pixel data without a length");
    begin_value(scan, SCAN_PASS, length);
    return true;
}

/* PS3.5 7.5: only what was begun without a length is ended by a delimiter, of length 0. */
static bool delimiter(struct scan *scan, uint32_t tag, uint32_t length, struct error *err)
{
    const struct level *level = top(scan);
    const bool ends_item = tag == TAG_ITEM_END;

    if (tag != TAG_ITEM_END && tag != TAG_SEQUENCE_END)
        return error_set(err, ERROR_DATA, "element (%04x,%04x) is none of the standard's",
                         tag >> 16, tag & 0xffff);
    if (scan->open == 0 || level->end != NO_END || length != 0 ||
        ends_item != (level->kind == LEVEL_ITEM))
        return error_set(err, ERROR_DATA, "a delimiter of %s where none belongs",
                         ends_item ? "an item" : "a sequence");
    pop(scan);
    finish_element(scan);
    return true;
}

/*
 * PS3.5 6.2.2: UN without a length is a sequence in implicit little endian. Fragments are of OB
 * or OW: into what has any other VR DCMTK goes, as into a sequence.
 */
static bool undefined(struct scan *scan, uint32_t tag, const char *vr, struct error *err)
{
    const struct level *level = top(scan);
    const bool pixels = tag == TAG_PIXEL_DATA;

    if (pixels && (level->implicit || strcmp(vr, "OB") == 0 || strcmp(vr, "OW") == 0))
        return push(scan, LEVEL_FRAGMENTS, LENGTH_UNDEFINED, level->implicit,
                    level->little, err);
    if (level->implicit || strcmp(vr, "SQ") == 0)
        return push(scan, LEVEL_SEQUENCE, LENGTH_UNDEFINED, level->implicit,
                    level->little, err);
    if (strcmp(vr, "UN") == 0)
        return push(scan, LEVEL_SEQUENCE, LENGTH_UNDEFINED, true, true, err);
    return error_set(err, ERROR_DATA, "element (%04x,%04x) has no length", tag >> 16,
                     tag & 0xffff);
}

static bool element(struct scan *scan, uint32_t tag, const char *vr, uint32_t length,
                    struct error *err)
{
    const struct level *level = top(scan);

    if (scan->open > 0 && level->kind != LEVEL_ITEM)
        return error_set(err, ERROR_DATA, "element (%04x,%04x) in the place of an item",
                         tag >> 16, tag & 0xffff);
    if (scan->open == 0 && tag > scan_tags[SLOTS - 1].tag)
        scan->beyond = true;
    if (length == LENGTH_UNDEFINED)
        return undefined(scan, tag, vr, err);
    if (!fits(scan, tag, length, err))
        return false;
    if (strcmp(vr, "SQ") == 0)
        return push(scan, LEVEL_SEQUENCE, length, false, level->little, err);
    if (begin_kept(scan, tag, length))
        return true;
    /*
     * Implicit VR does not say what is a sequence, and a reader with a dictionary would go
     * into it: what begins with an item is taken for one. Pixels are never.
     */
    if (level->implicit && length >= 8 && tag >> 16 != 0x7fe0) {
        scan->state = SCAN_PEEK;
        scan->have = 0;
        scan->need = 4;
        scan->remaining = length;
        return true;
    }
    begin_value(scan, SCAN_PASS, length);
    return true;
}

static bool finish_peek(struct scan *scan, struct error *err)
{
    const uint32_t length = (uint32_t)scan->remaining;

    if (number(scan->head, 2, true) != 0xfffe || number(scan->head + 2, 2, true) != 0xe000) {
        begin_value(scan, SCAN_PASS, length - 4);
        return true;
    }
    scan->position -= 4;        /* where the sequence begins; its first head has 4 bytes */
    if (!push(scan, LEVEL_SEQUENCE, length, true, true, err))
        return false;
    scan->position += 4;
    scan->have = 4;
    return true;
}

/* 8 bytes are there: the element, or a wish for the 4 of a long length. */
static bool finish_head(struct scan *scan, struct error *err)
{
    const unsigned char *head = scan->head;
    const bool little = top(scan)->little;
    const uint32_t tag = head_tag(scan);
    const char vr[3] = { (char)head[4], (char)head[5], '\0' };

    if (tag == TAG_ITEM)
        return item(scan, number(head + 4, 4, little), err);
    if (tag >> 16 == 0xfffe)
        return delimiter(scan, tag, number(head + 4, 4, little), err);
    if (top(scan)->implicit)
        return element(scan, tag, "", number(head + 4, 4, little), err);
    if (islower(head[4]) || islower(head[5]))   /* DCMTK has such of its own; no file may */
        return error_set(err, ERROR_DATA, "element (%04x,%04x) has no VR of the standard",
                         tag >> 16, tag & 0xffff);
    if (!vr_is_long(head + 4))
        return element(scan, tag, vr, number(head + 6, 2, little), err);
    if (scan->need == 12)
        return element(scan, tag, vr, number(head + 8, 4, little), err);
    scan->need = 12;
    return true;
}

/* ---- pieces ---- */

static bool gather(struct scan *scan, const unsigned char **bytes, size_t *size,
                   struct error *err)
{
    const size_t missing = scan->need - scan->have;
    const size_t count = *size < missing ? *size : missing;

    if (top(scan)->bound - scan->position < count)
        return error_set(err, ERROR_DATA, "an element's head passes the end of its item");
    memcpy(scan->head + scan->have, *bytes, count);
    scan->have += count;
    scan->position += count;
    *bytes += count;
    *size -= count;
    if (scan->have < scan->need)
        return true;
    return scan->state == SCAN_PEEK ? finish_peek(scan, err) : finish_head(scan, err);
}

static void take_value(struct scan *scan, const unsigned char **bytes, size_t *size)
{
    const size_t count = *size < scan->remaining ? *size : (size_t)scan->remaining;

    if (scan->state == SCAN_KEEP) {
        struct value *value = &scan->value[scan->slot];

        memcpy(value->text + value->size, *bytes, count);
        value->size += count;
    }
    scan->position += count;
    scan->remaining -= count;
    *bytes += count;
    *size -= count;
    if (scan->remaining == 0)
        finish_value(scan);
}

/* What is deflated is inflated for the tags of the index, and no further. */
static bool is_enough(const struct scan *scan)
{
    return scan->deflated && scan->beyond && !scan->whole;
}

static bool feed(struct scan *scan, const unsigned char *bytes, size_t size,
                 struct error *err)
{
    while (size > 0 && !is_enough(scan)) {
        if (scan->state == SCAN_KEEP || scan->state == SCAN_PASS)
            take_value(scan, &bytes, &size);
        else if (!gather(scan, &bytes, &size, err))
            return false;
    }
    return true;
}

/* ---- deflated ---- */

static bool inflate_begin(struct scan *scan, struct error *err)
{
    if (scan->inflating)
        return true;
    if (inflateInit2(&scan->stream, -MAX_WBITS) != Z_OK)    /* PS3.5 A.5: no zlib header */
        return error_set(err, ERROR_MEMORY, "inflating a data set");
    scan->inflating = true;
    return true;
}

static bool inflate_feed(struct scan *scan, const void *bytes, size_t size,
                         struct error *err)
{
    const uint64_t ceiling = scan->whole ? INFLATE_CHECK_MAX : INFLATE_PUSH_MAX;
    unsigned char out[INFLATE_STEP];

    if (!inflate_begin(scan, err))
        return false;
    scan->stream.next_in = (unsigned char *)(uintptr_t)bytes;   /* zlib only reads it */
    scan->stream.avail_in = (unsigned)size;
    while (!scan->inflated && !is_enough(scan)) {
        scan->stream.next_out = out;
        scan->stream.avail_out = sizeof out;
        const int result = inflate(&scan->stream, Z_NO_FLUSH);

        const size_t got = sizeof out - scan->stream.avail_out;

        if (scan->position + got > ceiling)
            return error_set(err, ERROR_LIMIT, "the data set inflates to more than %llu MiB",
                             (unsigned long long)(ceiling >> 20));
        if (!feed(scan, out, got, err))
            return false;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR &&
            !is_enough(scan))
            return error_set(err, ERROR_DATA, "the deflated data set is damaged");
        scan->inflated = result == Z_STREAM_END;
        if (got == 0 && !scan->inflated)
            return true;        /* it wants more input */
    }
    return true;
}

/* ---- exported ---- */

struct scan *scan_new(const char *transfer_syntax, struct error *err)
{
    struct scan *scan = calloc(1, sizeof *scan);

    if (scan == NULL)
        return error_null(err, ERROR_MEMORY, "scan of a data set");
    scan_restart(scan, transfer_syntax);
    return scan;
}

void scan_free(struct scan *scan)
{
    if (scan != NULL && scan->inflating)
        inflateEnd(&scan->stream);
    free(scan);
}

void scan_restart(struct scan *scan, const char *transfer_syntax)
{
    const struct syntax *known = syntax_find(transfer_syntax);

    if (scan->inflating)
        inflateReset(&scan->stream);
    scan->deflated = known != NULL && known->deflated;
    scan->base = (struct level){
        LEVEL_ITEM, strcmp(transfer_syntax, SYNTAX_IMPLICIT) == 0,
        strcmp(transfer_syntax, SYNTAX_BIG_ENDIAN) != 0, NO_END, NO_END
    };
    scan->inflated = scan->beyond = scan->failed = scan->whole = false;
    scan->position = scan->remaining = 0;
    scan->open = 0;
    scan->depth = 0;
    for (size_t i = 0; i < SLOTS; i++)
        scan->value[i].there = false;
    scan->referred[0] = '\0';
    expect_head(scan);
}

bool scan_push(struct scan *scan, const void *bytes, size_t size, struct error *err)
{
    if (scan->failed) {
        *err = scan->failure;
        return false;
    }
    if (scan->deflated ? inflate_feed(scan, bytes, size, err) : feed(scan, bytes, size, err))
        return true;
    scan->failed = true;
    scan->failure = *err;
    return false;
}

bool scan_end(struct scan *scan, struct error *err)
{
    if (scan->failed) {
        *err = scan->failure;
        return false;
    }
    if (is_enough(scan))
        return true;
    if (scan->deflated && scan->stream.total_in > 0 && !scan->inflated)
        return error_set(err, ERROR_DATA, "the deflated data set ends too early");
    if (scan->state != SCAN_HEAD || scan->have > 0)
        return error_set(err, ERROR_DATA, "the data set ends in the middle of an element");
    if (scan->open > 0)
        return error_set(err, ERROR_DATA, "the data set ends in the middle of a sequence");
    return true;
}

const char *scan_value(const struct scan *scan, uint32_t tag)
{
    const size_t slot = slot_of(tag);

    return slot < SLOTS && scan->value[slot].there ? scan->value[slot].text : NULL;
}

const char *scan_referred_series(const struct scan *scan)
{
    return scan->referred;
}

bool scan_refers(const char *referred, const char *uid)
{
    const size_t size = strlen(uid);

    for (const char *at = referred; at != NULL && size > 0; at = strchr(at, '\\')) {
        at += *at == '\\';
        if (strncmp(at, uid, size) == 0 && (at[size] == '\0' || at[size] == '\\'))
            return true;
    }
    return false;
}

/* ---- whole bytes ---- */

static bool check_syntax(const unsigned char *bytes, size_t size, const char *syntax,
                         struct error *err)
{
    struct scan *scan = scan_new(syntax, err);
    bool good = scan != NULL;

    if (scan != NULL)
        scan->whole = true;
    for (size_t at = 0; good && at < size;) {   /* zlib counts in unsigned int */
        const size_t piece = size - at < 1u << 30 ? size - at : 1u << 30;

        good = scan_push(scan, bytes + at, piece, err);
        at += piece;
    }
    good = good && scan_end(scan, err);
    scan_free(scan);
    return good;
}

/*
 * Without a meta header the first element tells, as it tells DCMTK: a low group number in
 * little endian, and one of the standard's VRs where an explicit one would be.
 */
static bool check_bare(const unsigned char *bytes, size_t size, struct error *err)
{
    if (size < 8)
        return error_set(err, ERROR_DATA, "%zu bytes are no data set", size);
    if (bytes[1] != 0 || bytes[0] <= 2)
        return error_set(err, ERROR_DATA, "neither a DICOM file nor a data set");
    const bool letters = vr_is_standard(bytes + 4);

    return check_syntax(bytes, size, letters ? SYNTAX_EXPLICIT : SYNTAX_IMPLICIT, err);
}

/* A reader that trusts the group length must come to the same end as we did. */
static bool check_group_length(const unsigned char *bytes, size_t length, struct error *err)
{
    const unsigned char *first = bytes + 132;

    if (length < 144 || number(first, 4, true) != 0x00000002)
        return error_set(err, ERROR_DATA, "the meta header has no group length");
    if (number(first + 8, 4, true) != length - 144)
        return error_set(err, ERROR_DATA, "the meta header's group length is wrong");
    return true;
}

/* Of another one readers guess from the first bytes what it may be, each in its own way. */
static bool check_known(const char *syntax, struct error *err)
{
    return syntax_find(syntax) != NULL ||
           error_set(err, ERROR_UNSUPPORTED, "the transfer syntax %s is not known", syntax);
}

bool scan_check(const void *bytes, size_t size, struct error *err)
{
    const unsigned char *at = bytes;
    struct association_meta meta;

    if (size < 132 || memcmp(at + 128, "DICM", 4) != 0)
        return check_bare(at, size, err);
    return association_read_meta(bytes, size, &meta, err) &&
           check_group_length(at, meta.length, err) &&
           check_known(meta.transfer_syntax, err) &&
           check_syntax(at + meta.length, size - meta.length, meta.transfer_syntax, err);
}
