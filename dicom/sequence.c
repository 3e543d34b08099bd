/*
 * Sequence: rules on times. They hold from 0.5 to 3 T: what is short is far below the T1 or T2 of
 * tissue, what is long far above, and the bounds lie in the gap that protocols leave.
 */
#include "dicom/sequence.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/text.h"

#define SHORT_TE_MS 30.0
#define LONG_TE_MS 60.0
#define SHORT_TR_MS 1200.0
#define LONG_TR_MS 1800.0
#define FLUID_TI_MS 1500.0              /* nulls fluid; fat is nulled by 100 to 300 */
#define FAT_TI_MS 300.0
#define STAR_TE_MS 12.0                 /* a gradient echo as late as this shows T2* */

struct physics {
    bool spin_echo, inversion, gradient, planar, has_tr, has_te, has_ti, has_b;
    double tr, te, ti, b;
    const char *image_type;
};

bool sequence_has(const char *text, const char *word)
{
    const size_t length = strlen(word);

    while (text != NULL) {
        while (*text == ' ')
            text++;
        size_t size = strcspn(text, "\\");
        while (size > 0 && text[size - 1] == ' ')
            size--;
        if (size == length && strncmp(text, word, size) == 0)
            return true;
        text = strchr(text, '\\');
        text += text != NULL;
    }
    return false;
}

bool sequence_agent(const char *agent)
{
    static const char *const none[] = { "", "NO", "NONE", "N", "0", "NO CONTRAST", "WITHOUT",
                                        "UNKNOWN", "N/A" };
    char upper[64];
    size_t i = 0;

    if (agent == NULL)
        return false;
    for (; agent[i] != '\0' && i + 1 < sizeof upper; i++)
        upper[i] = (char)toupper((unsigned char)agent[i]);
    upper[i] = '\0';
    const char *const text = text_trim(upper);
    for (size_t n = 0; n < sizeof none / sizeof *none; n++)
        if (strcmp(text, none[n]) == 0)
            return false;
    return true;
}

static bool number(const char *text, double *ret_value)
{
    char first[64];

    return text != NULL && text_format(first, sizeof first, "%.*s", (int)strcspn(text, "\\"), text)
        && text_to_double(first, ret_value);
}

static struct physics read_physics(sequence_tag_fn tag, void *context)
{
    const char *const sequence = tag("ScanningSequence", context);
    struct physics physics = {
        .spin_echo = sequence_has(sequence, "SE"), .gradient = sequence_has(sequence, "GR"),
        .planar = sequence_has(sequence, "EP"), .image_type = tag("ImageType", context),
        .inversion = sequence_has(sequence, "IR") || sequence_has(tag("ScanOptions", context), "IR")
    };

    physics.has_tr = number(tag("RepetitionTime", context), &physics.tr) && physics.tr > 0;
    physics.has_te = number(tag("EchoTime", context), &physics.te) && physics.te > 0;
    physics.has_ti = number(tag("InversionTime", context), &physics.ti) && physics.ti > 0;
    physics.has_b = number(tag("DiffusionBValue", context), &physics.b) && physics.b > 0;
    physics.inversion = physics.inversion || physics.has_ti;
    return physics;
}

/* ---- the rules ---- */

/* PS3.3 C.8.13.3.1: enhanced objects say it themselves. */
static enum sequence_kind by_contrast(const char *contrast)
{
    static const struct { const char *word; enum sequence_kind kind; } words[] = {
        { "T1", SEQUENCE_T1 }, { "T2", SEQUENCE_T2 }, { "FLUID_ATTENUATED", SEQUENCE_FLAIR },
        { "PROTON_DENSITY", SEQUENCE_PD }, { "STIR", SEQUENCE_STIR },
        { "T2_STAR", SEQUENCE_T2STAR }, { "DIFFUSION", SEQUENCE_DIFFUSION },
        { "FLOW_ENCODED", SEQUENCE_ANGIOGRAPHY }, { "TOF", SEQUENCE_ANGIOGRAPHY }
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sequence_has(contrast, words[i].word))
            return words[i].kind;
    return SEQUENCE_UNKNOWN;
}

static enum sequence_kind by_inversion(const struct physics *physics)
{
    if (!physics->has_ti || !physics->has_te)
        return SEQUENCE_UNKNOWN;
    if (physics->ti >= FLUID_TI_MS)
        return physics->te >= LONG_TE_MS ? SEQUENCE_FLAIR : SEQUENCE_UNKNOWN;
    if (physics->ti <= FAT_TI_MS && !physics->gradient)
        return SEQUENCE_STIR;
    return physics->te <= SHORT_TE_MS ? SEQUENCE_T1 : SEQUENCE_UNKNOWN;
}

static enum sequence_kind by_spin_echo(const struct physics *physics)
{
    if (!physics->has_te || !physics->has_tr)
        return SEQUENCE_UNKNOWN;
    if (physics->te <= SHORT_TE_MS)
        return physics->tr <= SHORT_TR_MS ? SEQUENCE_T1
            : physics->tr >= LONG_TR_MS ? SEQUENCE_PD : SEQUENCE_UNKNOWN;
    return physics->te >= LONG_TE_MS && physics->tr >= LONG_TR_MS ? SEQUENCE_T2
        : SEQUENCE_UNKNOWN;
}

/* Spoiled gradient echoes are T1; a steady state is neither T1 nor T2 alone. */
static enum sequence_kind by_gradient(const struct physics *physics, const char *variant)
{
    if (!physics->has_te)
        return SEQUENCE_UNKNOWN;
    if (physics->te >= STAR_TE_MS)
        return SEQUENCE_T2STAR;
    return sequence_has(variant, "SP") || sequence_has(variant, "MP") ? SEQUENCE_T1
        : SEQUENCE_UNKNOWN;
}

static enum sequence_kind by_physics(const struct physics *physics, sequence_tag_fn tag,
                                     void *context)
{
    const char *const type = physics->image_type;
    const enum sequence_kind said = by_contrast(tag("AcquisitionContrast", context));

    if (sequence_has(type, "ADC") || sequence_has(type, "ADC_UNSPECIFIED"))
        return SEQUENCE_ADC;
    if (physics->has_b || sequence_has(type, "DIFFUSION") || sequence_has(type, "TRACEW"))
        return SEQUENCE_DIFFUSION;
    if (said != SEQUENCE_UNKNOWN)
        return said;
    if (sequence_has(tag("AngioFlag", context), "Y"))
        return SEQUENCE_ANGIOGRAPHY;
    if (physics->inversion)
        return by_inversion(physics);
    if (physics->gradient)
        return by_gradient(physics, tag("SequenceVariant", context));
    return physics->spin_echo && !physics->planar ? by_spin_echo(physics) : SEQUENCE_UNKNOWN;
}

/* ---- names, the last hint ---- */

/* Is `word` in the text, whatever its case, with no letter or digit beside it? */
static bool names(const char *text, const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = text; at != NULL && *at != '\0'; at++)
        if (strncasecmp(at, word, length) == 0
            && (at == text || word[0] == '+' || !isalnum((unsigned char)at[-1]))
            && (word[length - 1] == '+' || !isalnum((unsigned char)at[length])))
            return true;
    return false;
}

static bool either_names(sequence_tag_fn tag, void *context, const char *const *words)
{
    for (; *words != NULL; words++)
        if (names(tag("SeriesDescription", context), *words)
            || names(tag("ProtocolName", context), *words))
            return true;
    return false;
}

static enum sequence_kind by_name(sequence_tag_fn tag, void *context)
{
    static const char *const adc[] = { "ADC", NULL };
    static const char *const diffusion[] = { "DWI", "DTI", "DIFF", "diffusion", "TRACEW", NULL };
    static const char *const angiography[] = { "MRA", "TOF", "angio", NULL };
    static const char *const flair[] = { "FLAIR", "TIRM", "dark-fluid", "dark fluid", NULL };
    static const char *const stir[] = { "STIR", NULL };
    static const char *const star[] = { "SWI", "T2*", "T2star", "GRE", "BOLD", NULL };
    static const char *const contrast[] = { "T1c", "T1ce", "T1Gd", "T1post", NULL };
    static const char *const t1[] = { "T1", "T1w", "MPRAGE", "BRAVO", "VIBE", "SPGR", "T1pre",
                                      NULL };
    static const char *const t2[] = { "T2", "T2w", NULL };
    static const char *const pd[] = { "PD", "proton", NULL };
    static const struct { const char *const *words; enum sequence_kind kind; } all[] = {
        { adc, SEQUENCE_ADC }, { diffusion, SEQUENCE_DIFFUSION },
        { angiography, SEQUENCE_ANGIOGRAPHY }, { flair, SEQUENCE_FLAIR },
        { stir, SEQUENCE_STIR }, { star, SEQUENCE_T2STAR }, { contrast, SEQUENCE_T1C },
        { t1, SEQUENCE_T1 }, { t2, SEQUENCE_T2 }, { pd, SEQUENCE_PD }
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (either_names(tag, context, all[i].words))
            return all[i].kind;
    return SEQUENCE_UNKNOWN;
}

static bool named_contrast(sequence_tag_fn tag, void *context)
{
    static const char *const words[] = { "+C", "C+", "GD", "GAD", "gado", "CE", "KM", "contrast",
                                         "post", "T1post", "T1c", "T1ce", "T1Gd", NULL };

    return either_names(tag, context, words);
}

/* ---- the whole ---- */

static void tell_time(const char *name, bool there, double ms, char *basis, size_t size)
{
    const size_t used = strlen(basis);

    if (there)
        text_format(basis + used, size - used, "%s%s %g ms", used > 0 ? ", " : "", name, ms);
}

static void tell_basis(const struct physics *physics, const char *sequence, const char *word,
                       char *basis, size_t size)
{
    text_format(basis, size, "%.30s", sequence == NULL ? "" : sequence);
    for (char *at = basis; *at != '\0'; at++)
        if (*at == '\\')
            *at = '/';
    tell_time("TR", physics->has_tr, physics->tr, basis, size);
    tell_time("TE", physics->has_te, physics->te, basis, size);
    tell_time("TI", physics->has_ti, physics->ti, basis, size);
    const size_t used = strlen(basis);
    text_format(basis + used, size - used, "%s%s", used > 0 && word[0] != '\0' ? ", " : "", word);
}

void sequence_of(sequence_tag_fn tag, void *context, struct sequence *ret_sequence)
{
    const struct physics physics = read_physics(tag, context);
    struct sequence sequence = { .kind = by_physics(&physics, tag, context) };
    const char *word = "";

    if (sequence.kind == SEQUENCE_UNKNOWN) {
        sequence.kind = by_name(tag, context);
        sequence.by_name = sequence.kind != SEQUENCE_UNKNOWN;
        word = sequence.by_name ? "by its name" : "which no rule knows";
    }
    if (sequence.kind == SEQUENCE_T1 && sequence_agent(tag("ContrastBolusAgent", context))) {
        sequence.kind = SEQUENCE_T1C;
        word = sequence.by_name ? "by its name, agent given" : "agent given";
    } else if (sequence.kind == SEQUENCE_T1 && named_contrast(tag, context)) {
        sequence.kind = SEQUENCE_T1C;
        sequence.by_name = true;
        word = "an agent by its name";
    }
    tell_basis(&physics, tag("ScanningSequence", context), word, sequence.basis,
               sizeof sequence.basis);
    *ret_sequence = sequence;
}

const char *sequence_name(enum sequence_kind kind)
{
    static const char *const all[] = {
        [SEQUENCE_UNKNOWN] = "unknown", [SEQUENCE_T1] = "T1", [SEQUENCE_T1C] = "T1 with contrast",
        [SEQUENCE_T2] = "T2", [SEQUENCE_FLAIR] = "FLAIR", [SEQUENCE_PD] = "proton density",
        [SEQUENCE_STIR] = "STIR", [SEQUENCE_T2STAR] = "T2*",
        [SEQUENCE_DIFFUSION] = "diffusion", [SEQUENCE_ADC] = "ADC",
        [SEQUENCE_ANGIOGRAPHY] = "angiography"
    };

    return all[kind];
}

const char *sequence_word(enum sequence_kind kind)
{
    static const char *const all[] = {
        [SEQUENCE_UNKNOWN] = "", [SEQUENCE_T1] = "T1", [SEQUENCE_T1C] = "T1c",
        [SEQUENCE_T2] = "T2", [SEQUENCE_FLAIR] = "FLAIR", [SEQUENCE_PD] = "PD",
        [SEQUENCE_STIR] = "STIR", [SEQUENCE_T2STAR] = "T2*", [SEQUENCE_DIFFUSION] = "DWI",
        [SEQUENCE_ADC] = "ADC", [SEQUENCE_ANGIOGRAPHY] = "MRA"
    };

    return all[kind];
}
