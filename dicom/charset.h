/*
 * Charset: text of a data set as UTF-8, by its Specific Character Set (PS3.3 C.12.1.1.2, PS3.5
 * 6.1): single-byte sets, UTF-8, GB18030, GBK, and ISO 2022 with escapes (annexes H, I and J).
 * Bounded by the text's length; tables are the C library's iconv. Bytes that are no character of
 * their set become U+FFFD: never another letter, and never a lost text.
 */
#ifndef TUMORD_DICOM_CHARSET_H
#define TUMORD_DICOM_CHARSET_H

#include <stddef.h>

/*
 * `charset`: the values of (0008,0005) with '\' between them, "" or NULL for none; then, and for
 * a set that is not known, what is valid UTF-8 stays. Cut to fit at a whole character; the
 * buffer always ends.
 */
void charset_to_utf8(const char *charset, const char *text, char *buffer, size_t size);

#endif
