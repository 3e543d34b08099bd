/* Meta: the head of a Part 10 file (PS3.10 7.1), of association.h; read and written flat. */
#include <ctype.h>
#include <string.h>

#include "dicom/association.h"
#include "dicom/uid.h"
#include "dicom/vr.h"
#include "util/error.h"

#define PREAMBLE 132                /* with "DICM" */

enum element {                      /* of group 0002 */
    VERSION = 0x0001, MEDIA_CLASS = 0x0002, MEDIA_INSTANCE = 0x0003, SYNTAX = 0x0010,
    IMPLEMENTATION_CLASS = 0x0012, IMPLEMENTATION_VERSION = 0x0013, SOURCE_AE = 0x0016
};

static bool keep_uid(const unsigned char *value, size_t size, char uid[TEXT_UID_SIZE])
{
    while (size > 0 && (value[size - 1] == '\0' || value[size - 1] == ' '))
        size--;
    if (size >= TEXT_UID_SIZE || memchr(value, '\0', size) != NULL)
        return false;
    memcpy(uid, value, size);
    uid[size] = '\0';
    return text_is_uid(uid);
}

/* Others pass over a syntax of another kind or a second one, and would read the rest otherwise than we. */
static bool keep_syntax(const unsigned char *vr, const unsigned char *value, size_t size,
                        struct association_meta *meta)
{
    return memcmp(vr, "UI", 2) == 0 && meta->transfer_syntax[0] == '\0'
        && keep_uid(value, size, meta->transfer_syntax);
}

static bool keep_element(unsigned element, const unsigned char *vr, const unsigned char *value,
                         size_t size, struct association_meta *meta, struct error *err)
{
    bool good = true;

    switch (element) {
    case MEDIA_CLASS:
        good = keep_uid(value, size, meta->sop_class_uid);
        break;
    case MEDIA_INSTANCE:
        good = keep_uid(value, size, meta->sop_uid);
        break;
    case SYNTAX:
        good = keep_syntax(vr, value, size, meta);
        break;
    default:
        break;
    }
    return good || error_set(err, ERROR_DATA, "the meta header's (0002,%04x) is no UID",
                             element);
}

/* Sets where the value at `at` begins and how long it is; false when the bytes end first. */
static bool find_value(const unsigned char *at, size_t size, size_t *ret_head,
                       size_t *ret_length)
{
    if (size < 8)
        return false;
    *ret_head = vr_is_long(at + 4) ? 12 : 8;
    if (size < *ret_head)
        return false;
    *ret_length = *ret_head == 8 ? (size_t)(at[6] | at[7] << 8)
                                 : (size_t)at[8] | (size_t)at[9] << 8 | (size_t)at[10] << 16 |
                                       (size_t)at[11] << 24;
    return *ret_length <= size - *ret_head;
}

bool association_read_meta(const void *bytes, size_t size, struct association_meta *ret_meta,
                           struct error *err)
{
    const unsigned char *at = bytes;
    struct association_meta meta = { .length = PREAMBLE };
    size_t head, length;

    if (size < PREAMBLE || memcmp(at + 128, "DICM", 4) != 0)
        return error_set(err, ERROR_DATA, "not a DICOM file: no 'DICM' at offset 128");
    while (size - meta.length >= 2 && at[meta.length] == 2 && at[meta.length + 1] == 0) {
        const unsigned char *here = at + meta.length;

        if (!find_value(here, size - meta.length, &head, &length))
            return error_set(err, ERROR_DATA, "the meta header is cut");
        if (!isupper(here[4]) || !isupper(here[5]) || memcmp(here + 4, "SQ", 2) == 0)
            return error_set(err, ERROR_DATA, "the meta header is not explicit VR");
        if (!keep_element((unsigned)(here[2] | here[3] << 8), here + 4, here + head, length, &meta,
                          err))
            return false;
        meta.length += head + length;
    }
    if (meta.transfer_syntax[0] == '\0')
        return error_set(err, ERROR_DATA, "the meta header names no transfer syntax");
    *ret_meta = meta;
    return true;
}

static size_t put(unsigned char *buffer, size_t at, unsigned element, const char *vr,
                  const char *text, char padding)
{
    const size_t length = strlen(text), padded = length + length % 2;
    unsigned char *here = buffer + at;

    here[0] = 2;
    here[1] = 0;
    here[2] = (unsigned char)element;
    here[3] = (unsigned char)(element >> 8);
    memcpy(here + 4, vr, 2);
    here[6] = (unsigned char)padded;
    here[7] = (unsigned char)(padded >> 8);
    memcpy(here + 8, text, length);
    if (padded > length)
        here[8 + length] = (unsigned char)padding;
    return at + 8 + padded;
}

size_t association_write_meta(const char *sop_class_uid, const char *sop_uid,
                              const char *transfer_syntax, const char *calling_ae,
                              unsigned char *buffer, size_t size)
{
    static const unsigned char begin[] = {
        'D', 'I', 'C', 'M', 2, 0, 0, 0, 'U', 'L', 4, 0, 0, 0, 0, 0,
        2, 0, VERSION, 0, 'O', 'B', 0, 0, 2, 0, 0, 0, 0, 1
    };
    const size_t group = 128 + 16;      /* what the group length counts begins here */
    size_t at = 128 + sizeof begin;

    if (size < 512 || strlen(sop_class_uid) > 64 || strlen(sop_uid) > 64 ||
        strlen(transfer_syntax) > 64 || strlen(calling_ae) > 16)
        return 0;
    memset(buffer, 0, 128);
    memcpy(buffer + 128, begin, sizeof begin);
    at = put(buffer, at, MEDIA_CLASS, "UI", sop_class_uid, '\0');
    at = put(buffer, at, MEDIA_INSTANCE, "UI", sop_uid, '\0');
    at = put(buffer, at, SYNTAX, "UI", transfer_syntax, '\0');
    at = put(buffer, at, IMPLEMENTATION_CLASS, "UI", UID_IMPLEMENTATION_CLASS, '\0');
    at = put(buffer, at, IMPLEMENTATION_VERSION, "SH", UID_IMPLEMENTATION_VERSION, ' ');
    if (calling_ae[0] != '\0')
        at = put(buffer, at, SOURCE_AE, "AE", calling_ae, ' ');
    buffer[group - 4] = (unsigned char)(at - group);
    buffer[group - 3] = (unsigned char)((at - group) >> 8);
    return at;
}
