/* Mask, meaning: codes first, then names: what a segment or a region of interest stands for. */
#include <ctype.h>
#include <string.h>

#include "dicom/dataset.h"
#include "dicom/mask_work.h"

/* SNOMED CT, its older SRT form, and NCIt, as dcmqi, 3D Slicer, highdicom and archives write them. */
static const struct { const char *value; enum mask_meaning meaning; } types[] = {
    { "108369006", MASK_TUMOUR },       /* Neoplasm */
    { "M-8FFFF", MASK_TUMOUR }, { "M-80000", MASK_TUMOUR },
    { "86049000", MASK_TUMOUR },        /* Neoplasm, Primary */
    { "M-80003", MASK_TUMOUR },
    { "14799000", MASK_TUMOUR },        /* Neoplasm, Secondary */
    { "M-80006", MASK_TUMOUR },
    { "367651003", MASK_TUMOUR },       /* Malignant neoplasm of primary, secondary or uncertain origin */
    { "128462008", MASK_TUMOUR },       /* Metastatic neoplasm */
    { "C3262", MASK_TUMOUR }, { "C9305", MASK_TUMOUR }, { "C4741", MASK_TUMOUR },
    { "6574001", MASK_TUMOUR_PART },    /* Necrosis */
    { "M-54000", MASK_TUMOUR_PART },
    { "79654002", MASK_TUMOUR_PART },   /* Edema */
    { "M-36300", MASK_TUMOUR_PART },
    { "C113842", MASK_TUMOUR_PART },    /* Enhancing Lesion */
    { "C81175", MASK_TUMOUR_PART },     /* Non-Enhancing Lesion */
    { "52988006", MASK_LESION },        /* Lesion */
    { "M-01000", MASK_LESION },
    { "4147007", MASK_LESION },         /* Mass */
    { "M-03000", MASK_LESION },
    { "27925004", MASK_LESION },        /* Nodule */
    { "M-03010", MASK_LESION },
    { "125040", MASK_OTHER },           /* Background */
};

/* Categories: CID 7150. */
static const struct { const char *value; enum mask_meaning meaning; } categories[] = {
    { "49755003", MASK_LESION }, { "M-01000", MASK_LESION },     /* Morphologically Abnormal Structure */
    { "85756007", MASK_ORGAN }, { "T-D0050", MASK_ORGAN },       /* Tissue */
    { "123037004", MASK_ORGAN }, { "T-D000A", MASK_ORGAN },      /* Anatomical Structure */
    { "91723000", MASK_ORGAN },
};

/* Parts of names in lower case; the first that is in the name counts. */
static const struct { const char *part; enum mask_meaning meaning; } names[] = {
    { "gtv", MASK_TUMOUR }, { "ctv", MASK_OTHER }, { "ptv", MASK_OTHER }, { "itv", MASK_OTHER },
    { "necro", MASK_TUMOUR_PART }, { "edema", MASK_TUMOUR_PART }, { "enhanc", MASK_TUMOUR_PART },
    { "tumor", MASK_TUMOUR }, { "tumour", MASK_TUMOUR }, { "neoplas", MASK_TUMOUR },
    { "metasta", MASK_TUMOUR }, { "carcinom", MASK_TUMOUR }, { "cancer", MASK_TUMOUR },
    { "gliom", MASK_TUMOUR }, { "sarcom", MASK_TUMOUR }, { "lymphom", MASK_TUMOUR },
    { "lesion", MASK_LESION }, { "nodule", MASK_LESION }, { "mass", MASK_LESION },
    { "backgr", MASK_OTHER },
    { "liver", MASK_ORGAN }, { "kidney", MASK_ORGAN }, { "spleen", MASK_ORGAN }, { "lung", MASK_ORGAN },
    { "brain", MASK_ORGAN }, { "bone", MASK_ORGAN }, { "heart", MASK_ORGAN }, { "pancreas", MASK_ORGAN },
    { "bladder", MASK_ORGAN }, { "prostate", MASK_ORGAN }, { "stomach", MASK_ORGAN },
    { "vertebra", MASK_ORGAN }, { "aorta", MASK_ORGAN }, { "vein", MASK_ORGAN }, { "artery", MASK_ORGAN },
};

static bool by_name(const char *name, enum mask_meaning *ret_meaning)
{
    char lower[65];
    size_t i = 0;

    for (; name[i] != '\0' && i + 1 < sizeof lower; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = '\0';
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(lower, names[i].part) != NULL) {
            *ret_meaning = names[i].meaning;
            return true;
        }
    return false;
}

static bool by_type(const struct mask_code *type, enum mask_meaning *ret_meaning)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type->value, types[i].value) == 0) {
            *ret_meaning = types[i].meaning;
            return true;
        }
    return false;
}

void mask_read_code(const struct item *item, uint32_t sequence_tag, struct mask_code *ret_code)
{
    const struct item *const code = item == NULL ? NULL : item_at(item, sequence_tag, 0);

    memset(ret_code, 0, sizeof *ret_code);
    if (code == NULL)
        return;
    item_text_at(code, 0x00080100, 0, ret_code->value, sizeof ret_code->value);
    item_text_at(code, 0x00080102, 0, ret_code->scheme, sizeof ret_code->scheme);
    item_utf8_at(code, 0x00080104, 0, ret_code->meaning, sizeof ret_code->meaning);
}

static void read_side(const struct item *item, uint32_t sequence_tag, struct mask_structure *structure)
{
    struct mask_code side;

    mask_read_code(item, sequence_tag, &side);
    const bool both = strcmp(side.value, "51440002") == 0 || strcmp(side.value, "G-A102") == 0;
    structure->left = structure->left || both || strcmp(side.value, "7771000") == 0
        || strcmp(side.value, "G-A101") == 0;
    structure->right = structure->right || both || strcmp(side.value, "24028007") == 0
        || strcmp(side.value, "G-A100") == 0;
}

/* A type that is known counts; else a name of a tumour, whatever the category; then the category. */
static enum mask_meaning decide(const struct mask_code *category, const struct mask_structure *structure)
{
    enum mask_meaning meaning = MASK_OTHER;

    if (by_type(&structure->type, &meaning))
        return meaning;
    if ((by_name(structure->name, &meaning) || by_name(structure->type.meaning, &meaning))
        && meaning != MASK_ORGAN)
        return meaning;
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (strcmp(category->value, categories[i].value) == 0)
            return categories[i].meaning;
    return category->value[0] == '\0' ? meaning : MASK_OTHER;
}

void mask_mean_segment(const struct item *segment, struct mask_structure *structure)
{
    struct mask_code category;
    const struct item *const type = item_at(segment, 0x0062000f, 0);
    const struct item *const site = item_at(segment, 0x00082218, 0);

    mask_read_code(segment, 0x00620003, &category);
    mask_read_code(segment, 0x0062000f, &structure->type);
    mask_read_code(segment, 0x00082218, &structure->site);
    if (type != NULL)
        read_side(type, 0x00620011, structure);
    if (site != NULL)
        read_side(site, 0x00082220, structure);
    structure->meaning = decide(&category, structure);
    if (structure->meaning == MASK_ORGAN && structure->type.value[0] == '\0')
        structure->type = category;
}

void mask_mean_roi(const char *interpreted_type, const struct item *codes, struct mask_structure *structure)
{
    static const char *const organs[] = { "ORGAN", "AVOIDANCE", "CAVITY", "EXTERNAL" };
    enum mask_meaning meaning = MASK_OTHER;

    mask_read_code(codes, 0x30060086, &structure->type);
    bool known = by_type(&structure->type, &meaning) || by_name(structure->name, &meaning);
    if (strcmp(interpreted_type, "GTV") == 0) {
        meaning = MASK_TUMOUR;
        known = true;
    } else if (interpreted_type[0] != '\0' && (!known || meaning == MASK_ORGAN)) {
        meaning = MASK_OTHER;
        for (size_t i = 0; i < sizeof organs / sizeof *organs; i++)
            if (strcmp(interpreted_type, organs[i]) == 0)
                meaning = MASK_ORGAN;
    } else if (strcmp(interpreted_type, "CTV") == 0 || strcmp(interpreted_type, "PTV") == 0) {
        meaning = MASK_OTHER;           /* "PTV tumour": a margin around one */
    }
    structure->meaning = meaning;
}
