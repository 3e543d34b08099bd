/* Identifier: one loop over the bytes with a fixed stack of what is open. */
#include "dicom/identifier.h"

#include <stdlib.h>
#include <string.h>

#include "dicom/vr.h"
#include "util/error.h"

#define ITEM_END 0xfffee00du
#define SEQUENCE_END 0xfffee0ddu
#define UNDEFINED 0xffffffffu
#define IMPLICIT "1.2.840.10008.1.2"

struct identifier {
    size_t count, room;
    struct identifier_element *element;
    char *text;                     /* all values, each ends with NUL */
};

bool identifier_is_explicit(const char *transfer_syntax)
{
    return strcmp(transfer_syntax, IMPLICIT) != 0;
}

static uint32_t read_number(const unsigned char *at, size_t size)
{
    uint32_t value = 0;

    while (size-- > 0)
        value = value << 8 | at[size];
    return value;
}

/* ---- reading ---- */

/* What is open: a sequence, or an item in it. */
struct level {
    bool item;
    bool undefined;                 /* ends by a delimiter */
    size_t end;                     /* else here */
    size_t items;                   /* of a sequence: begun so far */
};

struct reading {
    const unsigned char *bytes;
    size_t size, at;
    bool is_explicit;
    struct level level[2 * IDENTIFIER_MAX_DEPTH];
    size_t open;
    struct identifier *identifier;
    size_t text_size;
    struct error *err;
};

struct head {
    uint32_t tag, length;
    char vr[3];
};

static struct level *top(struct reading *reading)
{
    return reading->open > 0 ? &reading->level[reading->open - 1] : NULL;
}

/* Where what is open ends. */
static size_t bound(struct reading *reading)
{
    return reading->open > 0 ? top(reading)->end : reading->size;
}

static bool cut(struct reading *reading)
{
    return error_set(reading->err, ERROR_DATA, "an identifier ends in the middle of an element");
}

/* An element's head; items and delimiters have no VR. */
static bool read_head(struct reading *reading, struct head *head)
{
    const unsigned char *const at = reading->bytes + reading->at;
    const size_t left = bound(reading) - reading->at;
    size_t size = 8;

    *head = (struct head){ .tag = 0 };
    if (left < 8)
        return cut(reading);
    head->tag = read_number(at, 2) << 16 | read_number(at + 2, 2);
    head->length = read_number(at + 4, 4);
    if (reading->is_explicit && head->tag >> 16 != 0xfffe) {
        memcpy(head->vr, at + 4, 2);
        head->length = read_number(at + 6, 2);
        if (vr_is_long(at + 4)) {
            if (left < 12)
                return cut(reading);
            head->length = read_number(at + 8, 4);
            size = 12;
        }
    }
    reading->at += size;
    if (head->length == UNDEFINED || head->length <= left - size)
        return true;
    return error_set(reading->err, ERROR_DATA, "element (%04x,%04x) of an identifier is longer "
                     "than what holds it", head->tag >> 16, head->tag & 0xffff);
}

static bool push(struct reading *reading, bool item, uint32_t length)
{
    const size_t limit = bound(reading);

    if (reading->open == sizeof reading->level / sizeof *reading->level)
        return error_set(reading->err, ERROR_LIMIT, "sequences are nested deeper than %d",
                         IDENTIFIER_MAX_DEPTH);
    reading->level[reading->open++] = (struct level){
        item, length == UNDEFINED, length == UNDEFINED ? limit : reading->at + length, 0 };
    return true;
}

/* Room for one more element and its text. */
static struct identifier_element *add(struct reading *reading)
{
    struct identifier *const identifier = reading->identifier;

    if (identifier->count == identifier->room) {
        const size_t room = identifier->room * 2 + 32;
        struct identifier_element *const more = realloc(identifier->element,
                                                        room * sizeof *more);
        if (more == NULL) {
            error_set(reading->err, ERROR_MEMORY, "an identifier");
            return NULL;
        }
        identifier->element = more;
        identifier->room = room;
    }
    return &identifier->element[identifier->count++];
}

static size_t trimmed(const char *value, size_t size)
{
    while (size > 0 && (value[size - 1] == '\0' || value[size - 1] == ' '))
        size--;
    return size;
}

/* A sequence is one by its VR, by its undefined length, or, implicit, by an item at its front. */
static bool is_sequence(const struct reading *reading, const struct head *head)
{
    if (head->length == UNDEFINED || strcmp(head->vr, "SQ") == 0)
        return true;
    return !reading->is_explicit && head->length >= 8
        && read_number(reading->bytes + reading->at, 2) == 0xfffe
        && read_number(reading->bytes + reading->at + 2, 2) == 0xe000;
}

static bool keep(struct reading *reading, const struct head *head)
{
    const struct level *const item = top(reading);
    struct identifier_element *const element = add(reading);
    char *const text = reading->identifier->text + reading->text_size;

    if (element == NULL)
        return false;
    *element = (struct identifier_element){ .tag = head->tag, .depth = (unsigned)reading->open / 2,
                                            .value = "" };
    memcpy(element->vr, head->vr, sizeof element->vr);
    if (item != NULL)
        element->item = item[-1].items - 1;
    element->sequence = is_sequence(reading, head);
    if (element->sequence)
        return push(reading, false, head->length);
    memcpy(text, reading->bytes + reading->at, head->length);
    element->size = trimmed(text, head->length);
    text[element->size] = '\0';
    element->value = text;
    reading->text_size += element->size + 1;
    reading->at += head->length;
    return true;
}

/* Inside a sequence: an item, or the sequence's end. */
static bool read_item(struct reading *reading, const struct head *head)
{
    struct level *const sequence = top(reading);

    if (head->tag == SEQUENCE_END && sequence->undefined && head->length == 0) {
        reading->open--;
        return true;
    }
    if (head->tag != IDENTIFIER_ITEM)
        return error_set(reading->err, ERROR_DATA, "(%04x,%04x) in place of an item",
                         head->tag >> 16, head->tag & 0xffff);
    sequence->items++;
    return push(reading, true, head->length);
}

static bool read_element(struct reading *reading, const struct head *head)
{
    const struct level *const item = top(reading);

    if (head->tag == ITEM_END && item != NULL && item->undefined && head->length == 0) {
        reading->open--;
        return true;
    }
    if (head->tag >> 16 == 0xfffe)
        return error_set(reading->err, ERROR_DATA, "(%04x,%04x) where no item ends",
                         head->tag >> 16, head->tag & 0xffff);
    return keep(reading, head);
}

static bool read_all(struct reading *reading)
{
    struct head head;

    for (;;) {
        while (reading->open > 0 && !top(reading)->undefined
               && top(reading)->end == reading->at)
            reading->open--;
        if (reading->open == 0 && reading->at == reading->size)
            return true;
        if (!read_head(reading, &head))
            return false;
        const bool in_sequence = reading->open > 0 && !top(reading)->item;
        if (!(in_sequence ? read_item(reading, &head) : read_element(reading, &head)))
            return false;
    }
}

struct identifier *identifier_read(const void *bytes, size_t size, bool is_explicit,
                                   struct error *err)
{
    if (size > IDENTIFIER_MAX)
        return error_null(err, ERROR_LIMIT, "an identifier of more than %d bytes",
                          IDENTIFIER_MAX);
    struct identifier *const identifier = calloc(1, sizeof *identifier);
    struct reading *const reading = calloc(1, sizeof *reading);

    if (identifier != NULL)
        identifier->text = malloc(size + 1);    /* an element's head is longer than a NUL */
    bool good = reading != NULL && identifier != NULL && identifier->text != NULL;
    if (good) {
        reading->bytes = bytes;
        reading->size = size;
        reading->is_explicit = is_explicit;
        reading->identifier = identifier;
        reading->err = err;
        good = read_all(reading);
    } else {
        error_set(err, ERROR_MEMORY, "an identifier");
    }
    free(reading);
    if (good)
        return identifier;
    identifier_free(identifier);
    return NULL;
}

void identifier_free(struct identifier *identifier)
{
    if (identifier == NULL)
        return;
    free(identifier->element);
    free(identifier->text);
    free(identifier);
}

size_t identifier_count(const struct identifier *identifier)
{
    return identifier->count;
}

const struct identifier_element *identifier_at(const struct identifier *identifier,
                                               size_t index)
{
    return &identifier->element[index];
}

const char *identifier_value(const struct identifier *identifier, uint32_t tag)
{
    for (size_t i = 0; i < identifier->count; i++)
        if (identifier->element[i].depth == 0 && identifier->element[i].tag == tag)
            return identifier->element[i].value;
    return NULL;
}

/* ---- writing ---- */

void identifier_begin(struct identifier_writer *writer, bool is_explicit)
{
    *writer = (struct identifier_writer){ .is_explicit = is_explicit };
}

/* Room for `size` more bytes, which count as written; NULL when there is none. */
static unsigned char *extend(struct identifier_writer *writer, size_t size)
{
    if (writer->size + size > writer->room && !writer->failed) {
        const size_t room = (writer->size + size) * 2;
        unsigned char *const more = writer->size + size > IDENTIFIER_MAX ? NULL
            : realloc(writer->bytes, room);
        writer->failed = more == NULL;
        if (more != NULL) {
            writer->bytes = more;
            writer->room = room;
        }
    }
    if (writer->failed)
        return NULL;
    writer->size += size;
    return writer->bytes + writer->size - size;
}

static void put_number(unsigned char *at, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Head and room for the value. */
static unsigned char *put_head(struct identifier_writer *writer, uint32_t tag, const char *vr,
                               size_t length)
{
    const bool named = writer->is_explicit && tag >> 16 != 0xfffe;
    const bool wide = named && vr_is_long((const unsigned char *)vr);
    const size_t size = wide ? 12 : 8;
    unsigned char *const at = named && !wide && length > 0xffff ? NULL
        : extend(writer, size + length);

    if (at == NULL) {
        writer->failed = true;
        return NULL;
    }
    put_number(at, tag >> 16, 2);
    put_number(at + 2, tag & 0xffff, 2);
    if (named) {
        memcpy(at + 4, vr, 2);
        put_number(at + 6, wide ? 0 : (uint32_t)length, 2);
    }
    if (!named || wide)
        put_number(at + size - 4, (uint32_t)length, 4);
    return at + size;
}

void identifier_put(struct identifier_writer *writer, uint32_t tag, const char *vr,
                    const char *value)
{
    const size_t length = strlen(value);
    unsigned char *const at = put_head(writer, tag, vr, length + length % 2);

    if (at == NULL)
        return;
    memcpy(at, value, length);
    if (length % 2 != 0)
        at[length] = strcmp(vr, "UI") == 0 ? '\0' : ' ';
}

void identifier_put_short(struct identifier_writer *writer, uint32_t tag, uint16_t value)
{
    unsigned char *const at = put_head(writer, tag, "US", 2);

    if (at != NULL)
        put_number(at, value, 2);
}

size_t identifier_open(struct identifier_writer *writer, uint32_t tag)
{
    put_head(writer, tag, "SQ", 0);
    return writer->size;
}

void identifier_close(struct identifier_writer *writer, size_t mark)
{
    if (!writer->failed)
        put_number(writer->bytes + mark - 4, (uint32_t)(writer->size - mark), 4);
}

bool identifier_end(struct identifier_writer *writer, struct error *err)
{
    return !writer->failed
        || error_set(err, ERROR_LIMIT, "an identifier that cannot be written");
}
