/* Text in any character set: the first byte chooses the set; what comes out is valid UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/charset.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *const sets[] = {
    "", "ISO_IR 100", "ISO_IR 144", "ISO_IR 13", "ISO_IR 192", "GB18030", "GBK", "ISO_IR 999",
    "\\ISO 2022 IR 87", "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
    "\\ISO 2022 IR 149", "\\ISO 2022 IR 58"
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char text[512], out[600], again[2048];

    if (size == 0 || size > sizeof text)
        return 0;
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = '\0';
    charset_to_utf8(sets[bytes[0] % (sizeof sets / sizeof *sets)], text, out, sizeof out);
    text_to_utf8(out, strlen(out), again, sizeof again);
    if (strlen(out) != strlen(again))   /* something in it was no UTF-8 */
        abort();
    return 0;
}
