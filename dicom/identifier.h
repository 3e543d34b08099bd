/*
 * Identifier: small data sets that travel beside commands (queries and their answers, N-ACTION,
 * N-EVENT-REPORT), read under limits and without recursion, and written, without DCMTK. Little
 * endian, implicit or explicit. Limits: 1 MiB, sequences 64 deep.
 *
 * Text is kept as it came, padding cut; its character set is element (0008,0005)'s.
 */
#ifndef TUMORD_DICOM_IDENTIFIER_H
#define TUMORD_DICOM_IDENTIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTIFIER_MAX (1024 * 1024)
#define IDENTIFIER_MAX_DEPTH 64

struct error;
struct identifier;

struct identifier_element {
    uint32_t tag;
    char vr[3];                 /* "" when it was implicit */
    bool sequence;              /* its items' elements follow, one level deeper */
    unsigned depth;             /* 0 at the top */
    size_t item;                /* in its sequence, from 0 */
    size_t size;                /* of the value, padding cut */
    const char *value;          /* ends with NUL */
};

/* Does this transfer syntax write its value representations? False for implicit. */
bool identifier_is_explicit(const char *transfer_syntax);

/* Fails with a sentence on what is cut, too deep or too large. Copies what it keeps. */
struct identifier *identifier_read(const void *bytes, size_t size, bool is_explicit,
                                   struct error *err);
void identifier_free(struct identifier *identifier);    /* NULL is fine */

size_t identifier_count(const struct identifier *identifier);
const struct identifier_element *identifier_at(const struct identifier *identifier,
                                               size_t index);
/* The value of a top-level element, "" when it is empty, NULL when it is not there. */
const char *identifier_value(const struct identifier *identifier, uint32_t tag);

/* ---- writing ---- */

/* Elements are put in ascending order. A failure (no memory, too large) is told at the end. */
struct identifier_writer {
    unsigned char *bytes;
    size_t size, room;
    bool is_explicit, failed;
};

void identifier_begin(struct identifier_writer *writer, bool is_explicit);
/* `vr` of two capitals; text is padded as its VR wants (UI with NUL). */
void identifier_put(struct identifier_writer *writer, uint32_t tag, const char *vr,
                    const char *value);
void identifier_put_short(struct identifier_writer *writer, uint32_t tag, uint16_t value);
/* What lies between open and close is inside; the mark is what close needs. An item's tag is
 * IDENTIFIER_ITEM. */
#define IDENTIFIER_ITEM 0xfffee000u
size_t identifier_open(struct identifier_writer *writer, uint32_t tag);
void identifier_close(struct identifier_writer *writer, size_t mark);
/* The bytes are the caller's to free, whatever it says. */
bool identifier_end(struct identifier_writer *writer, struct error *err);

#endif
