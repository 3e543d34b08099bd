/* VOI: a byte is found near by doubles, and then decided by whether the next one is reached. */
#include "analysis/voi.h"

#include <math.h>
#include <string.h>

#include "analysis/ramp.h"
#include "analysis/window.h"
#include "util/error.h"
#include "util/volume.h"

#define TOP 255

bool voi_function_named(const char *name, enum voi_function *ret_function)
{
    static const char *const names[] = { "LINEAR", "LINEAR_EXACT", "SIGMOID" };

    *ret_function = VOI_LINEAR;
    if (name[0] == '\0')
        return true;
    for (int n = 0; n < 3; n++)
        if (strcmp(name, names[n]) == 0) {
            *ret_function = (enum voi_function)n;
            return true;
        }
    return false;
}

bool voi_check(const struct voi *voi, struct error *err)
{
    if (!isfinite(voi->center))
        return error_set(err, ERROR_DATA, "a window centre of %g", voi->center);
    if (!isfinite(voi->width) || !(voi->width > 0)
        || (voi->function == VOI_LINEAR && voi->width < 1))
        return error_set(err, ERROR_DATA, "a window width of %g", voi->width);
    return true;
}

/* ((x - c) / w + 1/2) · 255 >= n - 1/2, without a division. */
static bool line_reaches(const struct voi *voi, double value, int n)
{
    return TOP * (long double)value - TOP * (long double)voi->center
        >= (n - (TOP + 1) / 2) * (long double)voi->width;
}

/* 255 / (1 + e^(-4 (x - c) / w)) >= n - 1/2: an odds of (2n - 1) to (511 - 2n). */
static bool sigmoid_reaches(const struct voi *voi, double value, int n)
{
    return 4 * ((long double)value - voi->center)
        >= voi->width * logl((2 * n - 1) / (long double)(2 * TOP + 1 - 2 * n));
}

static uint8_t settle(const struct voi *voi, double value, double near,
                      bool (*reaches)(const struct voi *voi, double value, int n))
{
    int n = near > TOP ? TOP : near > 0 ? (int)near : 0;

    while (n < TOP && reaches(voi, value, n + 1))
        n++;
    while (n > 0 && !reaches(voi, value, n))
        n--;
    return (uint8_t)n;
}

uint8_t voi_value(const struct voi *voi, double value)
{
    const double part = (value - voi->center) / voi->width;

    if (isnan(value))
        return 0;
    if (voi->function == VOI_LINEAR)
        return window_value(window_make(voi->center, voi->width), value);
    if (voi->function == VOI_SIGMOID)
        return part > 20 ? TOP : part < -20 ? 0     /* 255 e^-80 is far below a half */
            : settle(voi, value, TOP / (1 + exp(-4 * part)) + 0.5, sigmoid_reaches);
    return part > 1 ? TOP : part < -1 ? 0
        : settle(voi, value, (part + 0.5) * TOP + 0.5, line_reaches);
}

static uint8_t value_of(const void *context, double value)
{
    return voi_value(context, value);
}

void voi_apply(const struct voi *voi, const struct volume *volume, int threads, uint8_t *to)
{
    struct ramp ramp = { .value = value_of, .context = voi };

    if (voi->function == VOI_LINEAR) {
        window_apply_all(volume, window_make(voi->center, voi->width), threads, to);
        return;
    }
    if (voi->function == VOI_LINEAR_EXACT) {
        ramp.scale = TOP / voi->width;
        ramp.offset = TOP / 2.0 + 0.5 - voi->center * ramp.scale;
    }
    ramp_apply(&ramp, volume, 0, volume_count(volume), threads, to);
}
