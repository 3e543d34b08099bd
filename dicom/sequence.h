/*
 * Sequence: what an MR series shows, found from its physics (the acquisition's contrast, times,
 * b-value, pulse sequence) and from names only where these say nothing.
 */
#ifndef TUMORD_DICOM_SEQUENCE_H
#define TUMORD_DICOM_SEQUENCE_H

#include <stdbool.h>

enum sequence_kind {
    SEQUENCE_UNKNOWN,
    SEQUENCE_T1,
    SEQUENCE_T1C,               /* T1 after a contrast agent */
    SEQUENCE_T2,
    SEQUENCE_FLAIR,
    SEQUENCE_PD,
    SEQUENCE_STIR,              /* fat suppressed by inversion */
    SEQUENCE_T2STAR,            /* susceptibility, BOLD, perfusion by bolus */
    SEQUENCE_DIFFUSION,
    SEQUENCE_ADC,
    SEQUENCE_ANGIOGRAPHY
};

struct sequence {
    enum sequence_kind kind;
    bool by_name;               /* its physics said nothing, or not whether an agent was given */
    char basis[120];            /* "SE, TR 500 ms, TE 9.5 ms, agent given"; of unknown ones why */
};

/* The text of a tag by keyword, several values joined by '\'; NULL when it is not there. */
typedef const char *(*sequence_tag_fn)(const char *keyword, void *context);

void sequence_of(sequence_tag_fn tag, void *context, struct sequence *ret_sequence);

const char *sequence_name(enum sequence_kind kind);     /* "T1", "T1 with contrast", "T2" … */

/* As rules name it: "T1", "T1c", "T2", "FLAIR", "PD", "STIR", "T2*", "DWI", "ADC", "MRA"; "" unknown. */
const char *sequence_word(enum sequence_kind kind);

/* Is one of the values of `text` (NULL: none) this word? */
bool sequence_has(const char *text, const char *word);
/* Was an agent given? ContrastBolusAgent may be there and say that none was. */
bool sequence_agent(const char *agent);

#endif
