#include "dicom/vr.h"

#include <string.h>

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

bool vr_is_standard(const unsigned char vr[2])
{
    static const char all[] = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM "
                              "UC UI UL UN UR US UT UV";

    for (const char *one = all; *one != '\0'; one += one[2] == '\0' ? 2 : 3)
        if (memcmp(one, vr, 2) == 0)
            return true;
    return false;
}
