/* Syntax: the transfer syntaxes of DICOM, and what we do with each. Without DCMTK. */
#ifndef TUMORD_DICOM_SYNTAX_H
#define TUMORD_DICOM_SYNTAX_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct syntax {
    const char *uid, *name;             /* the name is PS3.6's, shortened */
    bool writable;                      /* dataset_write_as() has it: nothing is lost in it */
    bool deflated;                      /* the data set as a whole is */
    const char *stored_only;            /* why its pixels are not decoded; NULL: they are */
};

/* Those that we accept, ahead the one we take first of several; ends with a NULL for a UID. */
extern const struct syntax syntax_list[];

/* NULL for one that is not in the list. */
const struct syntax *syntax_find(const char *uid);

#ifdef __cplusplus
}
#endif

#endif
