/*
 * Rank: which of a study's series that show the same is the best to analyse, by what the index
 * knows of them, and what speaks against each other one. Pure rules; nothing is stored here.
 */
#ifndef TUMORD_DAEMON_RANK_H
#define TUMORD_DAEMON_RANK_H

#include <stdbool.h>
#include <stddef.h>

#include "dicom/sequence.h"
#include "util/text.h"

struct slices;

/* In the order of preference, each of them. */
enum rank_image { IMAGE_ORIGINAL, IMAGE_DERIVED, IMAGE_REFORMATTED, IMAGE_SUBTRACTED,
                  IMAGE_PROJECTED };
enum rank_kernel { KERNEL_SOFT, KERNEL_MEDIUM, KERNEL_SHARP };
enum rank_phase { PHASE_VENOUS, PHASE_AGENT, PHASE_LATE, PHASE_ARTERIAL, PHASE_PLAIN };

struct rank_facts {
    char modality[17], body_part[17], kernel_name[33];
    char frame_of_reference[TEXT_UID_SIZE];
    struct sequence sequence;       /* MR */
    enum rank_image image;
    enum rank_kernel kernel;        /* CT; medium where its name is unknown */
    enum rank_phase phase;          /* CT */
    bool uncorrected;               /* PET that says its corrections, and not that of attenuation */
    bool drawn;                     /* masks of the study may belong to it; not of rank_read() */
    long number;                    /* of the series; -1 unknown */
    size_t places;                  /* along the normal, or frames */
    bool placed;                    /* low, high, step and normal are known */
    double low_mm, high_mm, step_mm, normal[3];
};

void rank_read(struct slices *slices, struct rank_facts *ret_facts);

/*
 * Do they show the same? Alike are modality, MR sequence (one that no rule knows is like none) and body
 * part where both tell it. In one frame of reference a quarter of the shorter at least lies in the
 * other; in two, both must tell one body part. Who is in doubt is no rival: nothing is left out.
 */
bool rank_rivals(const struct rank_facts *a, const struct rank_facts *b);

/* False where they lie in one frame of reference and in different places. */
bool rank_overlap(const struct rank_facts *a, const struct rank_facts *b);

/*
 * Negative where `a` is better. ret_against: what decided, said of the worse one: "this one has a
 * sharp kernel (B70f)". Equal series are told apart by their number, the lower first.
 */
int rank_compare(const struct rank_facts *a, const struct rank_facts *b, char *ret_against,
                 size_t size);

/*
 * ret_by[i] is the series that i lost to, or i: then it is chosen. The best are chosen first,
 * and each takes its rivals out. At most RANK_MAX_SERIES; those beyond are chosen.
 */
#define RANK_MAX_SERIES 512
void rank_choose(const struct rank_facts *facts, size_t count, size_t *ret_by);

/* Of a PET series the CT it belongs to, and the other way round: one frame of reference, the same
 * places, the best by rank_compare(). `count` for none. */
size_t rank_partner(const struct rank_facts *facts, size_t count, size_t index);

/* What the series shows, and on what ground: "T1 with contrast (SE, TR 500 ms, …)", "CT, venous,
 * soft kernel (B30f)", "PET". */
void rank_tell(const struct rank_facts *facts, char *buffer, size_t size);

#endif
