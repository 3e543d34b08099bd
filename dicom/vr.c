#include "dicom/vr.h"

#include <stddef.h>

bool vr_is_long(const unsigned char vr[2])
{
    static const char shorts[][3] = { "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD",
                                      "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM",
                                      "UI", "UL", "US" };

    if (vr[0] < 'A' || vr[0] > 'Z' || vr[1] < 'A' || vr[1] > 'Z')
        return false;
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (vr[0] == shorts[i][0] && vr[1] == shorts[i][1])
            return false;
    return true;
}
