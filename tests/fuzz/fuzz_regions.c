/* Findings as the index keeps them; what is accepted agrees with itself. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/regions.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct regions regions;
    struct error err;
    char *const text = strndup((const char *)bytes, size);

    if (regions_read(text, &regions, &err)) {
        if (regions.told > REGIONS_MAX || regions.organs > REGIONS_MAX
            || (int64_t)regions.told > regions.count || !(regions.total_mm3 >= 0))
            abort();
        for (size_t i = 0; i < regions.told; i++)
            if (!isfinite(regions.region[i].volume_mm3) || regions.region[i].longest_mm < 0)
                abort();
    } else if (err.text[0] == '\0') {
        abort();
    }
    free(text);
    return 0;
}
