/* Rank: criteria in the order in which they count; the first that differs decides. */
#include "daemon/rank.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "daemon/slices.h"
#include "dicom/sequence.h"

#define LEAST_PLACES 3
#define MUCH_LESS 0.75              /* of the other's coverage */
#define MUCH_THICKER 1.1
#define FINEST_MM 1.0               /* thinner slices hold more noise and no more of a lesion */

/* ---- reading ---- */

static void copy(const char *text, char *buffer, size_t size)
{
    text_format(buffer, size, "%.*s", (int)(text == NULL ? 0 : strcspn(text, "\\")),
                text == NULL ? "" : text);
}

static enum rank_image image_of(const char *type)
{
    static const char *const projections[] = { "PROJECTION IMAGE", "MIP", "MINIP", "MAXIMUM",
                                               "MAX_IP", "MIN_IP", "VOLUME_RENDER", "AVERAGE" };
    static const char *const reformatted[] = { "MPR", "CURVED_MPR", "REFORMATTED",
                                               "RESAMPLED", "CSAPARALLEL", "CSA MPR" };

    for (size_t i = 0; i < sizeof projections / sizeof *projections; i++)
        if (sequence_has(type, projections[i]))
            return IMAGE_PROJECTED;
    if (sequence_has(type, "SUBTRACTION") || sequence_has(type, "SUBTRACT")
        || sequence_has(type, "SUB"))
        return IMAGE_SUBTRACTED;
    for (size_t i = 0; i < sizeof reformatted / sizeof *reformatted; i++)
        if (sequence_has(type, reformatted[i]))
            return IMAGE_REFORMATTED;
    return sequence_has(type, "DERIVED") ? IMAGE_DERIVED : IMAGE_ORIGINAL;
}

/* Is one of the words in the text, whatever its case, with no letter beside it? */
static bool names(const char *text, const char *const *words)
{
    for (; text != NULL && *words != NULL; words++) {
        const size_t length = strlen(*words);
        for (const char *at = text; *at != '\0'; at++)
            if (strncasecmp(at, *words, length) == 0
                && (at == text || !isalpha((unsigned char)at[-1]))
                && !isalpha((unsigned char)at[length]))
                return true;
    }
    return false;
}

/* The number that the first `digits` characters are. */
static bool leading_number(const char *text, size_t digits, long long *ret_number)
{
    char number[8];

    return strspn(text, "0123456789") >= digits
        && text_format(number, sizeof number, "%.*s", (int)digits, text)
        && text_to_int(number, 0, 9999999, ret_number);
}

/* Siemens: B30f, I70f, Br40d, Hr60: the number rises with sharpness. */
static bool kernel_by_number(const char *name, enum rank_kernel *ret_kernel)
{
    const size_t letters = strspn(name, "BHIJUTQDSrlfvqpabcuy");
    long long number;

    if (letters == 0 || letters > 2 || strchr("BHIJUTQDS", name[0]) == NULL
        || !leading_number(name + letters, 2, &number))
        return false;
    *ret_kernel = number <= 45 ? KERNEL_SOFT : number < 60 ? KERNEL_MEDIUM : KERNEL_SHARP;
    return true;
}

/* Canon: FC01 to FC29 are soft (body and head), FC30 to FC39 bone, FC50 to FC59 lung. */
static bool kernel_by_canon(const char *name, enum rank_kernel *ret_kernel)
{
    long long number;

    if (strncasecmp(name, "FC", 2) != 0 || !leading_number(name + 2, 2, &number))
        return false;
    *ret_kernel = number < 30 || (number >= 60 && number < 80) ? KERNEL_SOFT
        : number >= 40 && number < 50 ? KERNEL_MEDIUM : KERNEL_SHARP;
    return true;
}

/* GE's words and Philips' letters. */
static enum rank_kernel kernel_of(const char *name)
{
    static const char *const soft[] = { "SOFT", "STANDARD", "A", "B", "UA", "UB", "SA", "SB", NULL };
    static const char *const sharp[] = { "LUNG", "BONE", "BONEPLUS", "EDGE", "ULTRA", "D", "E", "L",
                                         "UD", "YB", "YC", "YD", "YE", NULL };
    enum rank_kernel kernel = KERNEL_MEDIUM;

    if (kernel_by_number(name, &kernel) || kernel_by_canon(name, &kernel))
        return kernel;
    for (size_t i = 0; soft[i] != NULL; i++)
        if (strcasecmp(name, soft[i]) == 0)
            return KERNEL_SOFT;
    for (size_t i = 0; sharp[i] != NULL; i++)
        if (strcasecmp(name, sharp[i]) == 0)
            return KERNEL_SHARP;
    return KERNEL_MEDIUM;
}

/* Seconds of the day of a TM value. */
static bool seconds_of(const char *time, double *ret_seconds)
{
    long long number;

    if (time == NULL || !leading_number(time, 6, &number))
        return false;
    *ret_seconds = (double)(number / 10000 * 3600 + number / 100 % 100 * 60 + number % 100);
    return true;
}

static bool either_names(struct slices *slices, const char *const *words)
{
    return names(slices_tag("SeriesDescription", slices), words)
        || names(slices_tag("ProtocolName", slices), words);
}

/* The delay after the agent was begun; names where that is not told. */
static enum rank_phase phase_of(struct slices *slices)
{
    static const char *const venous[] = { "venous", "portal", "pv", "pvp", "ven", NULL };
    static const char *const late[] = { "delayed", "delay", "late", "excretory", NULL };
    static const char *const arterial[] = { "arterial", "art", NULL };
    static const char *const plain[] = { "native", "nativ", "plain", "unenhanced", "wo", "w/o",
                                         "noncontrast", NULL };
    double began = 0, taken = 0;
    const bool given = sequence_agent(slices_tag("ContrastBolusAgent", slices));

    if (given && seconds_of(slices_tag("ContrastBolusStartTime", slices), &began)
        && seconds_of(slices_tag("AcquisitionTime", slices), &taken) && taken >= began
        && taken - began < 3600) {
        const double delay = taken - began;
        return delay < 10 ? PHASE_AGENT : delay < 50 ? PHASE_ARTERIAL
            : delay <= 120 ? PHASE_VENOUS : PHASE_LATE;
    }
    if (either_names(slices, plain))
        return PHASE_PLAIN;
    return either_names(slices, venous) ? PHASE_VENOUS
        : either_names(slices, arterial) ? PHASE_ARTERIAL
        : either_names(slices, late) && given ? PHASE_LATE : given ? PHASE_AGENT : PHASE_PLAIN;
}

static void read_places(struct slices *slices, struct rank_facts *facts)
{
    const char *const frames = slices_tag("NumberOfFrames", slices);
    long long number = 0;

    facts->placed = slices_span(slices, &facts->low_mm, &facts->high_mm, facts->normal,
                                &facts->places) && facts->places > 1;
    if (facts->placed)
        facts->step_mm = (facts->high_mm - facts->low_mm) / (double)(facts->places - 1);
    if (frames != NULL && text_to_int(frames, 2, 1000000, &number)) {
        facts->placed = false;          /* its frames lie in functional groups */
        facts->places = (size_t)number * slices_count(slices);
    }
}

void rank_read(struct slices *slices, struct rank_facts *ret_facts)
{
    struct rank_facts facts = { .number = -1 };
    const char *const number = slices_tag("SeriesNumber", slices);
    const char *const corrected = slices_tag("CorrectedImage", slices);
    long long parsed = -1;

    copy(slices_modality(slices), facts.modality, sizeof facts.modality);
    copy(slices_tag("BodyPartExamined", slices), facts.body_part, sizeof facts.body_part);
    copy(slices_tag("ConvolutionKernel", slices), facts.kernel_name, sizeof facts.kernel_name);
    copy(slices_tag("FrameOfReferenceUID", slices), facts.frame_of_reference,
         sizeof facts.frame_of_reference);
    if (strcmp(facts.modality, "MR") == 0)
        sequence_of(slices_tag, slices, &facts.sequence);
    facts.image = image_of(slices_tag("ImageType", slices));
    facts.kernel = kernel_of(facts.kernel_name);
    facts.phase = phase_of(slices);
    facts.uncorrected = strcmp(facts.modality, "PT") == 0 && corrected != NULL
        && corrected[0] != '\0' && !sequence_has(corrected, "ATTN");
    if (number != NULL && text_to_int(number, 0, 2147483647, &parsed))
        facts.number = (long)parsed;
    read_places(slices, &facts);
    *ret_facts = facts;
}

/* ---- who competes with whom ---- */

bool rank_overlap(const struct rank_facts *a, const struct rank_facts *b)
{
    double along = 0;

    if (!a->placed || !b->placed || a->frame_of_reference[0] == '\0'
        || strcmp(a->frame_of_reference, b->frame_of_reference) != 0)
        return true;
    for (int axis = 0; axis < 3; axis++)
        along += a->normal[axis] * b->normal[axis];
    if (along < 0.99)                   /* other directions: their depths do not compare */
        return true;
    const double common = fmin(a->high_mm, b->high_mm) - fmax(a->low_mm, b->low_mm);
    return common >= 0.25 * fmin(a->high_mm - a->low_mm, b->high_mm - b->low_mm);
}

/* In two frames of reference places do not compare: then both must name one part of the body. */
static bool same_region(const struct rank_facts *a, const struct rank_facts *b)
{
    const bool named = a->body_part[0] != '\0' && b->body_part[0] != '\0';
    const bool framed = a->frame_of_reference[0] != '\0' && b->frame_of_reference[0] != '\0';

    if (named && strcmp(a->body_part, b->body_part) != 0)
        return false;
    if (framed && strcmp(a->frame_of_reference, b->frame_of_reference) != 0)
        return named;
    return rank_overlap(a, b);
}

bool rank_rivals(const struct rank_facts *a, const struct rank_facts *b)
{
    const bool unknown = strcmp(a->modality, "MR") == 0 && a->sequence.kind == SEQUENCE_UNKNOWN;

    return strcmp(a->modality, b->modality) == 0 && a->sequence.kind == b->sequence.kind && !unknown
        && same_region(a, b);
}

/* ---- comparing ---- */

static int by_image(const struct rank_facts *a, const struct rank_facts *b, char *against,
                    size_t size)
{
    static const char *const told[] = { "original", "derived", "reformatted from another",
                                        "a subtraction", "a projection" };
    const enum rank_image worse = a->image > b->image ? a->image : b->image;

    if (a->image != b->image)
        text_format(against, size, "this one is %s", told[worse]);
    return (int)a->image - (int)b->image;
}

static int by_correction(const struct rank_facts *a, const struct rank_facts *b, char *against,
                         size_t size)
{
    if (a->uncorrected != b->uncorrected)
        text_format(against, size, "this one is not corrected for attenuation");
    return (int)a->uncorrected - (int)b->uncorrected;
}

static int by_few_places(const struct rank_facts *a, const struct rank_facts *b, char *against,
                         size_t size)
{
    const bool few_a = a->places < LEAST_PLACES, few_b = b->places < LEAST_PLACES;

    if (few_a != few_b)
        text_format(against, size, "this one has %zu slice%s only", few_a ? a->places : b->places,
                    (few_a ? a->places : b->places) == 1 ? "" : "s");
    return (int)few_a - (int)few_b;
}

/* What somebody drew on a series is not lost to a finer one. */
static int by_mask(const struct rank_facts *a, const struct rank_facts *b, char *against, size_t size)
{
    if (a->drawn != b->drawn)
        text_format(against, size, "this one has no mask drawn on it");
    return (int)b->drawn - (int)a->drawn;
}

static int by_kernel(const struct rank_facts *a, const struct rank_facts *b, char *against,
                     size_t size)
{
    const struct rank_facts *const worse = a->kernel > b->kernel ? a : b;

    if (a->kernel != b->kernel)
        text_format(against, size, "this one has a %s kernel (%s)",
                    worse->kernel == KERNEL_SHARP ? "sharp" : "harder or unknown",
                    worse->kernel_name[0] == '\0' ? "not told" : worse->kernel_name);
    return (int)a->kernel - (int)b->kernel;
}

static int by_coverage(const struct rank_facts *a, const struct rank_facts *b, char *against,
                       size_t size)
{
    const double mm_a = a->high_mm - a->low_mm, mm_b = b->high_mm - b->low_mm;

    if (!a->placed || !b->placed || fmin(mm_a, mm_b) >= MUCH_LESS * fmax(mm_a, mm_b))
        return 0;
    text_format(against, size, "this one covers %.0f mm of %.0f", fmin(mm_a, mm_b),
                fmax(mm_a, mm_b));
    return mm_a > mm_b ? -1 : 1;
}

static int by_phase(const struct rank_facts *a, const struct rank_facts *b, char *against,
                    size_t size)
{
    static const char *const told[] = { "venous", "of an unknown phase", "late", "arterial",
                                        "without contrast agent" };
    const enum rank_phase worse = a->phase > b->phase ? a->phase : b->phase;

    if (strcmp(a->modality, "CT") != 0 || a->phase == b->phase)
        return 0;
    text_format(against, size, "this one is %s", told[worse]);
    return (int)a->phase - (int)b->phase;
}

static double fineness(double step_mm)
{
    return step_mm < FINEST_MM ? FINEST_MM + (FINEST_MM - step_mm) : step_mm;
}

static int by_step(const struct rank_facts *a, const struct rank_facts *b, char *against,
                   size_t size)
{
    const double fine_a = fineness(a->step_mm), fine_b = fineness(b->step_mm);
    const struct rank_facts *const worse = fine_a > fine_b ? a : b;

    if (!a->placed || !b->placed || fmax(fine_a, fine_b) < MUCH_THICKER * fmin(fine_a, fine_b))
        return 0;
    text_format(against, size, "this one has a slice every %.3g mm", worse->step_mm);
    return fine_a < fine_b ? -1 : 1;
}

static int by_places(const struct rank_facts *a, const struct rank_facts *b, char *against,
                     size_t size)
{
    if (a->places != b->places)
        text_format(against, size, "this one has %zu slices of %zu",
                    a->places < b->places ? a->places : b->places,
                    a->places < b->places ? b->places : a->places);
    return a->places > b->places ? -1 : a->places < b->places;
}

static int by_number(const struct rank_facts *a, const struct rank_facts *b, char *against,
                     size_t size)
{
    text_format(against, size, "this one is alike and came later");
    return a->number < b->number ? -1 : a->number > b->number;
}

int rank_compare(const struct rank_facts *a, const struct rank_facts *b, char *ret_against,
                 size_t size)
{
    static int (*const criteria[])(const struct rank_facts *a, const struct rank_facts *b,
                                   char *against, size_t size) = {
        by_few_places, by_mask, by_correction, by_image, by_kernel, by_coverage, by_phase, by_step,
        by_places, by_number
    };
    int order = 0;

    for (size_t i = 0; i < sizeof criteria / sizeof *criteria && order == 0; i++)
        order = criteria[i](a, b, ret_against, size);
    return order;
}

/* ---- choosing ---- */

/* Coverage and step compare with a tolerance, so that the order is no total one: no qsort(). */
static size_t best_of(const struct rank_facts *facts, size_t count, const bool *done)
{
    char against[200];
    size_t best = count;

    for (size_t i = 0; i < count; i++)
        if (!done[i] && (best == count
                         || rank_compare(&facts[i], &facts[best], against, sizeof against) < 0))
            best = i;
    return best;
}

void rank_choose(const struct rank_facts *facts, size_t count, size_t *ret_by)
{
    const size_t limit = count < RANK_MAX_SERIES ? count : RANK_MAX_SERIES;
    bool done[RANK_MAX_SERIES] = { false };
    size_t best;

    for (size_t i = 0; i < count; i++)
        ret_by[i] = i;
    while ((best = best_of(facts, limit, done)) < limit) {
        done[best] = true;
        for (size_t i = 0; i < limit; i++)
            if (!done[i] && rank_rivals(&facts[i], &facts[best])) {
                ret_by[i] = best;
                done[i] = true;
            }
    }
}

size_t rank_partner(const struct rank_facts *facts, size_t count, size_t index)
{
    const struct rank_facts *const one = &facts[index];
    const char *const wanted = strcmp(one->modality, "PT") == 0 ? "CT"
        : strcmp(one->modality, "CT") == 0 ? "PT" : NULL;
    char against[200];
    size_t best = count;

    if (wanted == NULL || one->frame_of_reference[0] == '\0')
        return count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(facts[i].modality, wanted) == 0
            && strcmp(facts[i].frame_of_reference, one->frame_of_reference) == 0
            && rank_overlap(one, &facts[i])
            && (best == count
                || rank_compare(&facts[i], &facts[best], against, sizeof against) < 0))
            best = i;
    return best;
}

/* ---- telling ---- */

static void tell_ct(const struct rank_facts *facts, char *buffer, size_t size)
{
    static const char *const phases[] = { "venous", "contrast agent given", "late", "arterial",
                                          "no contrast agent told" };
    static const char *const kernels[] = { "soft", "medium", "sharp" };

    if (facts->kernel_name[0] == '\0')
        text_format(buffer, size, "CT, %s", phases[facts->phase]);
    else
        text_format(buffer, size, "CT, %s, %s kernel (%s)", phases[facts->phase],
                    kernels[facts->kernel], facts->kernel_name);
}

void rank_tell(const struct rank_facts *facts, char *buffer, size_t size)
{
    if (strcmp(facts->modality, "MR") == 0 && facts->sequence.basis[0] != '\0')
        text_format(buffer, size, "%s (%s)", sequence_name(facts->sequence.kind),
                    facts->sequence.basis);
    else if (strcmp(facts->modality, "CT") == 0)
        tell_ct(facts, buffer, size);
    else if (strcmp(facts->modality, "PT") == 0)
        text_format(buffer, size, "PET%s",
                    facts->uncorrected ? ", not corrected for attenuation" : "");
    else
        text_format(buffer, size, "%s", facts->modality);
}
