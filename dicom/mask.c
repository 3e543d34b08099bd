/* Mask: which objects are masks. */
#include "dicom/mask.h"

#include <string.h>

enum mask_kind mask_kind_of(const char *sop_class_uid)
{
    static const struct { const char *uid; enum mask_kind kind; } classes[] = {
        { "1.2.840.10008.5.1.4.1.1.66.4", MASK_SEG },
        { "1.2.840.10008.5.1.4.1.1.66.7", MASK_LABELMAP },
        { "1.2.840.10008.5.1.4.1.1.481.3", MASK_RTSTRUCT },
    };

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(sop_class_uid, classes[i].uid) == 0)
            return classes[i].kind;
    return MASK_NONE;
}
