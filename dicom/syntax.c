/* Syntax: one table. */
#include "dicom/syntax.h"

#include <stddef.h>
#include <string.h>

#define WRITABLE true, false, NULL
#define DECODED false, false, NULL
#define VIDEO false, false, "MPEG video is stored and not decoded"
#define SERVED false, false, "its pixels lie at a JPIP server, which is not asked"
#define SERVED_DEFLATED false, true, "its pixels lie at a JPIP server, which is not asked"

/* What every peer can write comes first, then what loses nothing. */
const struct syntax syntax_list[] = {
    { "1.2.840.10008.1.2.1", "Explicit VR Little Endian", WRITABLE },
    { "1.2.840.10008.1.2", "Implicit VR Little Endian", WRITABLE },
    { "1.2.840.10008.1.2.2", "Explicit VR Big Endian", WRITABLE },
    { "1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", true, true, NULL },
    { "1.2.840.10008.1.2.4.70", "JPEG Lossless, First-Order Prediction", WRITABLE },
    { "1.2.840.10008.1.2.4.57", "JPEG Lossless", WRITABLE },
    { "1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", WRITABLE },
    { "1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless", WRITABLE },
    { "1.2.840.10008.1.2.4.201", "HTJ2K Lossless", DECODED },
    { "1.2.840.10008.1.2.4.202", "HTJ2K Lossless, RPCL", DECODED },
    { "1.2.840.10008.1.2.5", "RLE Lossless", WRITABLE },
    { "1.2.840.10008.1.2.4.91", "JPEG 2000", DECODED },
    { "1.2.840.10008.1.2.4.203", "HTJ2K", DECODED },
    { "1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless", DECODED },
    { "1.2.840.10008.1.2.4.51", "JPEG Extended", DECODED },
    { "1.2.840.10008.1.2.4.50", "JPEG Baseline", DECODED },
    { "1.2.840.10008.1.2.4.53", "JPEG Spectral Selection (retired)", DECODED },
    { "1.2.840.10008.1.2.4.55", "JPEG Full Progression (retired)", DECODED },
    { "1.2.840.10008.1.2.4.100", "MPEG2 Main Level", VIDEO },
    { "1.2.840.10008.1.2.4.100.1", "MPEG2 Main Level, fragmentable", VIDEO },
    { "1.2.840.10008.1.2.4.101", "MPEG2 High Level", VIDEO },
    { "1.2.840.10008.1.2.4.101.1", "MPEG2 High Level, fragmentable", VIDEO },
    { "1.2.840.10008.1.2.4.102", "MPEG-4 High Profile 4.1", VIDEO },
    { "1.2.840.10008.1.2.4.102.1", "MPEG-4 High Profile 4.1, fragmentable", VIDEO },
    { "1.2.840.10008.1.2.4.103", "MPEG-4 BD 4.1", VIDEO },
    { "1.2.840.10008.1.2.4.103.1", "MPEG-4 BD 4.1, fragmentable", VIDEO },
    { "1.2.840.10008.1.2.4.104", "MPEG-4 4.2 2D", VIDEO },
    { "1.2.840.10008.1.2.4.104.1", "MPEG-4 4.2 2D, fragmentable", VIDEO },
    { "1.2.840.10008.1.2.4.105", "MPEG-4 4.2 3D", VIDEO },
    { "1.2.840.10008.1.2.4.105.1", "MPEG-4 4.2 3D, fragmentable", VIDEO },
    { "1.2.840.10008.1.2.4.106", "MPEG-4 Stereo", VIDEO },
    { "1.2.840.10008.1.2.4.106.1", "MPEG-4 Stereo, fragmentable", VIDEO },
    { "1.2.840.10008.1.2.4.107", "HEVC Main Profile", VIDEO },
    { "1.2.840.10008.1.2.4.108", "HEVC Main 10 Profile", VIDEO },
    { "1.2.840.10008.1.2.4.94", "JPIP Referenced", SERVED },
    { "1.2.840.10008.1.2.4.95", "JPIP Referenced, deflated", SERVED_DEFLATED },
    { "1.2.840.10008.1.2.4.204", "JPIP HTJ2K Referenced", SERVED },
    { "1.2.840.10008.1.2.4.205", "JPIP HTJ2K Referenced, deflated", SERVED_DEFLATED },
    { NULL, NULL, DECODED }
};

const struct syntax *syntax_find(const char *uid)
{
    for (const struct syntax *syntax = syntax_list; syntax->uid != NULL; syntax++)
        if (strcmp(syntax->uid, uid) == 0)
            return syntax;
    return NULL;
}
