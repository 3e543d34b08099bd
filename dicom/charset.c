/* Charset: runs of bytes under what the escapes have designated, each converted by iconv. */
#include "dicom/charset.h"

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "util/text.h"

#define ESCAPE 0x1b

/* A set of one or two bytes a character. `bits` are put over each byte for iconv's encoding. */
struct coding {
    const char *iconv;              /* NULL: ASCII */
    int bytes;                      /* of a character */
    unsigned char bits, lead;       /* lead: a byte before each character (EUC's SS2, SS3) */
};

/* Defined terms, as they stand alone and with code extensions. */
static const struct term {
    const char *name, *extended;
    struct coding low, high;        /* G0 for bytes below 0x80, G1 for the others */
} terms[] = {
    { "ISO_IR 6", "ISO 2022 IR 6", { NULL, 1, 0, 0 }, { NULL, 0, 0, 0 } },
    { "ISO_IR 100", "ISO 2022 IR 100", { NULL, 1, 0, 0 }, { "ISO-8859-1", 1, 0, 0 } },
    { "ISO_IR 101", "ISO 2022 IR 101", { NULL, 1, 0, 0 }, { "ISO-8859-2", 1, 0, 0 } },
    { "ISO_IR 109", "ISO 2022 IR 109", { NULL, 1, 0, 0 }, { "ISO-8859-3", 1, 0, 0 } },
    { "ISO_IR 110", "ISO 2022 IR 110", { NULL, 1, 0, 0 }, { "ISO-8859-4", 1, 0, 0 } },
    { "ISO_IR 144", "ISO 2022 IR 144", { NULL, 1, 0, 0 }, { "ISO-8859-5", 1, 0, 0 } },
    { "ISO_IR 127", "ISO 2022 IR 127", { NULL, 1, 0, 0 }, { "ISO-8859-6", 1, 0, 0 } },
    { "ISO_IR 126", "ISO 2022 IR 126", { NULL, 1, 0, 0 }, { "ISO-8859-7", 1, 0, 0 } },
    { "ISO_IR 138", "ISO 2022 IR 138", { NULL, 1, 0, 0 }, { "ISO-8859-8", 1, 0, 0 } },
    { "ISO_IR 148", "ISO 2022 IR 148", { NULL, 1, 0, 0 }, { "ISO-8859-9", 1, 0, 0 } },
    { "ISO_IR 203", "ISO 2022 IR 203", { NULL, 1, 0, 0 }, { "ISO-8859-15", 1, 0, 0 } },
    { "ISO_IR 166", "ISO 2022 IR 166", { NULL, 1, 0, 0 }, { "TIS-620", 1, 0, 0 } },
    { "ISO_IR 13", "ISO 2022 IR 13", { NULL, 1, 0, 0 }, { "EUC-JP", 1, 0, 0x8e } },
    { NULL, "ISO 2022 IR 87", { NULL, 1, 0, 0 }, { NULL, 0, 0, 0 } },
    { NULL, "ISO 2022 IR 159", { NULL, 1, 0, 0 }, { NULL, 0, 0, 0 } },
    { NULL, "ISO 2022 IR 149", { NULL, 1, 0, 0 }, { "EUC-KR", 2, 0, 0 } },
    { NULL, "ISO 2022 IR 58", { NULL, 1, 0, 0 }, { "EUC-CN", 2, 0, 0 } }
};

/* PS3.3 table C.12-3 and C.12-4: what the bytes behind an ESC designate. */
static const struct escape {
    const char *bytes;
    bool high;
    struct coding coding;
} escapes[] = {
    { "(B", false, { NULL, 1, 0, 0 } }, { "(J", false, { NULL, 1, 0, 0 } },
    { "-A", true, { "ISO-8859-1", 1, 0, 0 } }, { "-B", true, { "ISO-8859-2", 1, 0, 0 } },
    { "-C", true, { "ISO-8859-3", 1, 0, 0 } }, { "-D", true, { "ISO-8859-4", 1, 0, 0 } },
    { "-L", true, { "ISO-8859-5", 1, 0, 0 } }, { "-G", true, { "ISO-8859-6", 1, 0, 0 } },
    { "-F", true, { "ISO-8859-7", 1, 0, 0 } }, { "-H", true, { "ISO-8859-8", 1, 0, 0 } },
    { "-M", true, { "ISO-8859-9", 1, 0, 0 } }, { "-b", true, { "ISO-8859-15", 1, 0, 0 } },
    { "-T", true, { "TIS-620", 1, 0, 0 } }, { ")I", true, { "EUC-JP", 1, 0, 0x8e } },
    { "$B", false, { "EUC-JP", 2, 0x80, 0 } }, { "$(D", false, { "EUC-JP", 2, 0x80, 0x8f } },
    { "$)C", true, { "EUC-KR", 2, 0, 0 } }, { "$)A", true, { "EUC-CN", 2, 0, 0 } }
};

struct output {
    char *buffer;
    size_t size, at;
    bool full;
};

static void put(struct output *output, const char *bytes, size_t size)
{
    output->full = output->full || output->at + size >= output->size;
    if (output->full)
        return;
    memcpy(output->buffer + output->at, bytes, size);
    output->at += size;
    output->buffer[output->at] = '\0';
}

static void put_unknown(struct output *output)
{
    put(output, "\xef\xbf\xbd", 3);
}

/* One character through an open converter; false when it is none. */
static bool put_character(struct output *output, iconv_t converter, const struct coding *coding,
                          const char *text)
{
    char in[4], out[16], *from = in, *to = out;
    size_t left = 0, room = sizeof out;

    if (coding->lead != 0)
        in[left++] = (char)coding->lead;
    for (int i = 0; i < coding->bytes; i++)
        in[left++] = (char)((unsigned char)text[i] | coding->bits);
    iconv(converter, NULL, NULL, NULL, NULL);
    if (iconv(converter, &from, &left, &to, &room) == (size_t)-1 || left > 0)
        return false;
    put(output, out, sizeof out - room);
    return true;
}

/* Characters of one coding; a byte that is part of none becomes U+FFFD alone. */
static void put_run(struct output *output, const struct coding *coding, const char *text,
                    size_t length)
{
    const iconv_t converter = coding->iconv == NULL ? (iconv_t)-1
        : iconv_open("UTF-8", coding->iconv);

    for (size_t at = 0; at < length;) {
        const size_t bytes = (size_t)coding->bytes;
        if (converter == (iconv_t)-1 || bytes == 0 || length - at < bytes
            || !put_character(output, converter, coding, text + at)) {
            put_unknown(output);
            at++;
        } else {
            at += bytes;
        }
    }
    if (converter != (iconv_t)-1)
        iconv_close(converter);
}

/* ---- code extensions ---- */

/* The first value's sets; NULL for one that is not known. */
static const struct term *first_term(const char *charset)
{
    const size_t length = strcspn(charset, "\\");

    if (length == 0)
        return &terms[0];               /* an empty first value is ISO_IR 6 */
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        const char *const names[2] = { terms[i].name, terms[i].extended };
        for (int n = 0; n < 2; n++)
            if (names[n] != NULL && strlen(names[n]) == length
                && strncmp(names[n], charset, length) == 0)
                return &terms[i];
    }
    return NULL;
}

static const struct escape *find_escape(const char *text)
{
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (strncmp(escapes[i].bytes, text, strlen(escapes[i].bytes)) == 0)
            return &escapes[i];
    return NULL;
}

/* PS3.5 6.1.2.5.3: these bring the first value's sets back, unless they are part of a character. */
static bool is_delimiter(char letter)
{
    return letter != '\0' && strchr("\\^=\r\n\f\t", letter) != NULL;
}

/* How many bytes from here on are under one set. */
static size_t run_length(const char *text, bool high, int bytes)
{
    size_t length = 0;

    while (text[length] != '\0' && text[length] != ESCAPE
           && ((unsigned char)text[length] >= 0x80) == high
           && (high || bytes == 2 || !is_delimiter(text[length]) || length == 0)) {
        if (!high && bytes == 1 && is_delimiter(text[length]))
            return 1;
        length++;
    }
    return length;
}

static void put_extended(struct output *output, const struct term *first, const char *text)
{
    struct coding low = first->low, high = first->high;

    while (*text != '\0' && !output->full) {
        const struct escape *const escape = *text == ESCAPE ? find_escape(text + 1) : NULL;
        if (escape != NULL) {
            *(escape->high ? &high : &low) = escape->coding;
            text += 1 + strlen(escape->bytes);
            continue;
        }
        if (*text == ESCAPE) {
            put_unknown(output);
            text++;
            continue;
        }
        const bool is_high = (unsigned char)*text >= 0x80;
        const size_t length = run_length(text, is_high, low.bytes);
        if (!is_high && low.iconv == NULL)
            put(output, text, length);
        else
            put_run(output, is_high ? &high : &low, text, length);
        if (!is_high && low.iconv == NULL && is_delimiter(*text))
            high = first->high;
        text += length;
    }
}

/* ---- sets that are an encoding as a whole ---- */

/* iconv lets forms of five and six bytes pass, which are no UTF-8. */
static void put_utf8(struct output *output, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        const size_t length = text_utf8_length(text, left);
        if (length == 0)
            put_unknown(output);
        else
            put(output, text, length);
        text += length == 0 ? 1 : length;
        left -= length == 0 ? 1 : length;
    }
}

/* The set as an encoding of its own; without one, or with one that is not known, UTF-8. */
static const char *whole_encoding(const char *charset)
{
    if (charset != NULL && (strcmp(charset, "GB18030") == 0 || strcmp(charset, "GBK") == 0))
        return charset;
    return charset == NULL || *charset == '\0' || first_term(charset) == NULL ? "UTF-8" : NULL;
}

static void put_whole(struct output *output, const char *encoding, const char *text)
{
    const iconv_t converter = iconv_open("UTF-8", encoding);
    char *from = (char *)(uintptr_t)text, out[64];
    size_t left = strlen(text);

    while (converter != (iconv_t)-1 && left > 0) {
        char *to = out;
        size_t room = sizeof out;
        const size_t before = left;
        const size_t done = iconv(converter, &from, &left, &to, &room);
        put(output, out, sizeof out - room);
        if (done == (size_t)-1 && left == before && room == sizeof out) {
            put_unknown(output);        /* neither a character nor the output's end */
            from++;
            left--;
        }
    }
    if (converter == (iconv_t)-1)
        put_unknown(output);
    else
        iconv_close(converter);
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80 || *text == ESCAPE)
            return false;
    return true;
}

void charset_to_utf8(const char *charset, const char *text, char *buffer, size_t size)
{
    struct output output = { .buffer = buffer, .size = size };
    const char *const whole = whole_encoding(charset);

    buffer[0] = '\0';
    if (is_plain(text))
        text_format(buffer, size, "%s", text);
    else if (whole != NULL && strcmp(whole, "UTF-8") == 0)
        put_utf8(&output, text);
    else if (whole != NULL)
        put_whole(&output, whole, text);
    else
        put_extended(&output, first_term(charset), text);
}
