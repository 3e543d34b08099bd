/*
 * Dataset: DICOM data sets as C sees them: read, built, encoded, walked. DCMTK is behind it.
 * For workers, reports and tools only: no byte from the network reaches dataset_read() in a
 * process that serves others (DCMTK 3.6.7 dies of deep nesting), and dataset_read() itself
 * runs scan_check() first.
 *
 * Tags are 0xGGGGEEEE. Text is in the data set's own character set, except where it says
 * UTF-8. dicom_init() comes first.
 */
#ifndef TUMORD_DICOM_DATASET_H
#define TUMORD_DICOM_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dataset;
struct error;
struct item;            /* the data set itself, or an item of a sequence in it; borrowed */

/* Registers codecs and loads the dictionary. Once, before any thread, process or sandbox. */
bool dicom_init(struct error *err);

struct dataset *dataset_new(struct error *err);

/*
 * Reads a Part 10 file or a bare data set from memory; the bytes are copied or consumed, not
 * kept. Fails on nesting deeper than 64, on truncation, and on what DCMTK cannot parse.
 */
struct dataset *dataset_read(const void *bytes, size_t size, struct error *err);
void dataset_free(struct dataset *dataset);             /* NULL is fine */

/* All elements but the pixels, as a data set of its own. */
struct dataset *dataset_copy_head(struct dataset *dataset, struct error *err);

/* "" for a data set that was built here. */
const char *dataset_transfer_syntax(const struct dataset *dataset);

struct item *dataset_root(struct dataset *dataset);

/*
 * A Part 10 file in Explicit VR Little Endian: zeroed preamble, our implementation class, sequences
 * with their lengths (as archives write them, so that these hold the same bytes),
 * bytes that depend on the content alone. The caller frees `*ret_bytes`. Fails with the
 * first failure of any item_put_… since the data set was made.
 */
bool dataset_write(struct dataset *dataset, unsigned char **ret_bytes, size_t *ret_size,
                   struct error *err);

/*
 * The same in another syntax, one that is writable by syntax.h; pixels are decoded and encoded
 * on the way, and no UID changes.
 */
bool dataset_write_as(struct dataset *dataset, const char *transfer_syntax,
                      unsigned char **ret_bytes, size_t *ret_size, struct error *err);

/*
 * The pixels of all frames in memory order, decoded first when they are compressed (RLE, JPEG,
 * JPEG-LS, JPEG 2000, HTJ2K): 8 bit as bytes, 16 and 32 bit in host order. Borrowed until the data set changes.
 * Fails on a missing element, on a syntax that is not decoded (video, JPIP), on damaged data,
 * and on more frames than there are fragments, or than memory holds.
 */
bool dataset_pixels(struct dataset *dataset, const void **ret_pixels, size_t *ret_size,
                    struct error *err);

/* ---- reading: what is absent, empty or of another kind is "not there" ---- */

bool item_has(const struct item *item, uint32_t tag);               /* there, maybe empty */
size_t item_value_count(const struct item *item, uint32_t tag);     /* values in a text or number */

/* All values with backslashes between; NULL when absent. Borrowed until the item changes. */
const char *item_text(const struct item *item, uint32_t tag);
/* Value `index` without padding spaces; false (and "") when not there or too long. */
bool item_text_at(const struct item *item, uint32_t tag, size_t index, char *buffer,
                  size_t size);
/* As item_text_at, as valid UTF-8: what is not UTF-8 already is taken for Latin-1. */
bool item_utf8_at(const struct item *item, uint32_t tag, size_t index, char *buffer,
                  size_t size);
/* A finite number from DS, IS, FL, FD, US, SS, UL, SL; false when not there. */
bool item_double(const struct item *item, uint32_t tag, size_t index, double *ret_value);
bool item_int(const struct item *item, uint32_t tag, size_t index, long *ret_value);
/* Bytes of OB, OW, OF, UN in memory order (OW in host order); NULL when not there. */
const unsigned char *item_bytes(const struct item *item, uint32_t tag, size_t *ret_size);

size_t item_count(const struct item *item, uint32_t sequence_tag);  /* 0 when absent */
struct item *item_at(const struct item *item, uint32_t sequence_tag, size_t index);

/* ---- writing: a failure is kept and told by dataset_write() ---- */

void item_put_text(struct item *item, uint32_t tag, const char *text);  /* \ separates values */
void item_put_empty(struct item *item, uint32_t tag);                   /* type 2 */
/* DS in at most 16 characters with the least loss, or FL/FD/US/SS/UL/SL/IS, by the tag's VR. */
void item_put_doubles(struct item *item, uint32_t tag, const double *values, size_t count);
void item_put_double(struct item *item, uint32_t tag, double value);
void item_put_ints(struct item *item, uint32_t tag, const long *values, size_t count);
void item_put_int(struct item *item, uint32_t tag, long value);
void item_put_bytes(struct item *item, uint32_t tag, const void *bytes, size_t size);   /* OB; padded */
void item_put_words(struct item *item, uint32_t tag, const uint16_t *words, size_t count); /* OW */
void item_put_floats(struct item *item, uint32_t tag, const float *values, size_t count);  /* OF */
void item_put_tags(struct item *item, uint32_t tag, const uint32_t *values, size_t count); /* AT */
struct item *item_add(struct item *item, uint32_t sequence_tag);    /* a new last item; never NULL */
/* One item with CodeValue (LongCodeValue beyond 16), CodingSchemeDesignator, CodeMeaning; returns it. */
struct item *item_put_code(struct item *item, uint32_t sequence_tag, const char *value,
                           const char *scheme, const char *meaning);
/* Copies the element (a sequence as a whole) when `from` has it; says whether it had. */
bool item_copy(struct item *item, const struct item *from, uint32_t tag);
void item_remove(struct item *item, uint32_t tag);

#ifdef __cplusplus
}
#endif

#endif
