/* Quality: the table of checks, and how they are told. */
#include "analysis/quality.h"

#include <string.h>

#include "util/text.h"

/*
 * The bounds are for volumes in HU, and for all others. Stops are what makes the numbers wrong
 * themselves; everything else makes them less good, and is said.
 */
static const struct {
    const char *name, *what, *unit;     /* unit NULL: the volume's, where that is HU */
    double bound_hu, bound;
    bool stops;
} kinds[QUALITY_KINDS] = {
    [QUALITY_UNITS] = { "units", "the values are not HU, air and tissue lie off", NULL, 500, 500,
                        true },
    [QUALITY_LOWEST] = { "lowest", "the values are not HU, the lowest is", NULL, -1, -1, true },
    [QUALITY_CONSTANT] = { "constant", "one value, part of the voxels", "", 0.999, 0.9999, true },
    [QUALITY_AIR] = { "air", "the peak of air, away from -1000", NULL, 50, 50, false },
    [QUALITY_FAT] = { "fat", "the peak of fat, away from -100", NULL, 50, 50, false },
    [QUALITY_CLIPPED] = { "clipped", "values cut at the top, part of the voxels", "", 0.001, 0.001,
                          false },
    [QUALITY_GAPS] = { "gaps", "the longest step between slices, too long by a part of", "", 0.05,
                       0.05, false },
    [QUALITY_BLANK] = { "blank", "blank slices inside the volume", "", 0, 0, false },
    [QUALITY_TRUNCATED] = { "truncated", "body cut by the field of view, part of its border", "",
                            0.05, 0.4, false },
    [QUALITY_NOISE] = { "noise", "noise in tissue", NULL, 60, 0.3, false },
    [QUALITY_MOTION] = { "motion", "slices shifted against their neighbours", "mm", 1.5, 1.5,
                         false },
    [QUALITY_PADDING] = { "padding", "padding, part of the voxels", "", 0.75, 0.75, false },
};

const char *quality_name(enum quality_kind kind)
{
    return kinds[kind].name;
}

const char *quality_verdict_name(enum quality_verdict verdict)
{
    static const char *const names[] = { "ok", "warn", "stop" };

    return names[verdict];
}

enum quality_kind quality_find(const char *name)
{
    int kind = 0;

    while (kind < QUALITY_KINDS && strcmp(name, kinds[kind].name) != 0)
        kind++;
    return (enum quality_kind)kind;
}

const char *quality_unit(enum quality_kind kind, enum volume_unit unit)
{
    return kinds[kind].unit != NULL ? kinds[kind].unit : unit == UNIT_HU ? "HU" : "";
}

void quality_tell(const struct quality *quality, enum quality_kind kind, enum volume_unit unit,
                  char *buffer, size_t size)
{
    const struct quality_check *const check = &quality->check[kind];
    const char *const name = quality_unit(kind, unit);

    text_format(buffer, size, "%s: %.4g%s%s, where at most %.4g is expected", kinds[kind].what,
                check->value, name[0] == '\0' ? "" : " ", name, check->bound);
}

void quality_list(const struct quality *quality, enum volume_unit unit, char *buffer,
                  size_t size)
{
    size_t used = 0;

    text_format(buffer, size, "quality %s: ", quality_verdict_name(quality->verdict));
    for (int kind = 0; kind < QUALITY_KINDS; kind++) {
        const struct quality_check *const check = &quality->check[kind];
        const char *const name = quality_unit((enum quality_kind)kind, unit);
        used = strlen(buffer);
        text_format(buffer + used, size - used, "%s%s ", kind == 0 ? "" : ", ",
                    kinds[kind].name);
        used = strlen(buffer);
        if (!check->known)
            text_format(buffer + used, size - used, "not measurable");
        else
            text_format(buffer + used, size - used, "%.4g%s%s (%s, to %.4g)", check->value,
                        name[0] == '\0' ? "" : " ", name,
                        quality_verdict_name(check->verdict), check->bound);
    }
}

double quality_bound(const struct quality_rules *rules, enum quality_kind kind,
                     enum volume_unit unit)
{
    return rules->own_bounds & 1u << kind ? rules->bound[kind]
        : unit == UNIT_HU ? kinds[kind].bound_hu : kinds[kind].bound;
}

void quality_judge(const struct quality_rules *rules, enum quality_kind kind,
                   enum volume_unit unit, double value, struct quality *quality)
{
    struct quality_check *const check = &quality->check[kind];
    const bool stops = rules->own_stops ? (rules->stop_on >> kind & 1) != 0 : kinds[kind].stops;

    check->known = true;
    check->value = value;
    check->bound = quality_bound(rules, kind, unit);
    check->verdict = value <= check->bound ? QUALITY_OK : stops ? QUALITY_STOP : QUALITY_WARN;
    if (check->verdict > quality->verdict)
        quality->verdict = check->verdict;
}
