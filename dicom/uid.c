/* UIDs: SHA-256 of key and role, cut to 128 bits, in the layout of a name-based UUID. */
#include "dicom/uid.h"

#include <string.h>

#include "util/digest.h"

/* Divides a 128-bit big-endian number by ten in place; returns the remainder. */
static unsigned divide_by_ten(unsigned char number[16])
{
    unsigned rest = 0;

    for (int i = 0; i < 16; i++) {
        const unsigned part = rest * 256 + number[i];
        number[i] = (unsigned char)(part / 10);
        rest = part % 10;
    }
    return rest;
}

static void decimal(unsigned char number[16], char *buffer)
{
    char digits[40];
    int count = 0;

    for (int left = 39; left > 0; left--)
        digits[count++] = (char)('0' + divide_by_ten(number));
    while (count > 1 && digits[count - 1] == '0')
        count--;
    for (int i = 0; i < count; i++)
        buffer[i] = digits[count - 1 - i];
    buffer[count] = '\0';
}

void uid_derive(const char *key, const char *role, char ret_uid[TEXT_UID_SIZE])
{
    char text[512];
    unsigned char value[DIGEST_SIZE];

    text_format(text, sizeof text, "tumord %s %s", key, role);
    digest_of(text, strlen(text), value);
    value[6] = (unsigned char)((value[6] & 0x0f) | 0x50);   /* RFC 4122: version 5 */
    value[8] = (unsigned char)((value[8] & 0x3f) | 0x80);   /* its variant */
    memcpy(ret_uid, "2.25.", 5);
    decimal(value, ret_uid + 5);
}
