/* Powell: lines along directions that are replaced by where a whole round went (Powell 1964). */
#include "analysis/powell.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define ROUNDS 12
#define GOLDEN 0.3819660112501051
#define WIDEN 8                     /* steps of a line until both ends are higher */
#define NARROW 30                   /* … and from there */

struct line {
    powell_fn function;
    void *context;
    const double *point, *way;
    size_t count, evaluations;
};

struct place {                      /* on a line, and the value there */
    double t, value;
};

static struct place on_line(struct line *line, double t)
{
    double at[POWELL_MAX];

    for (size_t i = 0; i < line->count; i++)
        at[i] = line->point[i] + t * line->way[i];
    line->evaluations++;
    return (struct place){ t, line->function(at, line->context) };
}

/* Three places, by t, of which the middle one is the lowest, as far as the steps reach. */
static void find_bracket(struct line *line, double value, double step, struct place ret[3])
{
    struct place a = { 0, value }, b = on_line(line, step);

    if (b.value > a.value) {
        const struct place other = a;
        a = b;
        b = other;
    }
    struct place c = on_line(line, b.t + (1 - GOLDEN) / GOLDEN * (b.t - a.t));
    for (int i = 0; i < WIDEN && c.value < b.value; i++) {
        a = b;
        b = c;
        c = on_line(line, b.t + (1 - GOLDEN) / GOLDEN * (b.t - a.t));
    }
    ret[0] = a.t < c.t ? a : c;
    ret[1] = b;
    ret[2] = a.t < c.t ? c : a;
}

/* The lowest place of the parabola through three; the golden cut where that leads nowhere. */
static double next_t(const struct place on[3])
{
    const double left = on[1].t - on[0].t, right = on[2].t - on[1].t, width = left + right;
    const double cut = left > right ? on[1].t - GOLDEN * left : on[1].t + GOLDEN * right;
    const double rise_left = on[0].value - on[1].value, rise_right = on[2].value - on[1].value;
    const double below = 2 * (rise_left * right + rise_right * left);

    if (!(below > 0))
        return cut;
    const double t = on[1].t + (rise_left * right * right - rise_right * left * left) / below;
    return t - on[0].t > 0.02 * width && on[2].t - t > 0.02 * width
        && fabs(t - on[1].t) > 0.01 * width ? t : cut;
}

/* The lowest place of the line, to `close`. */
static struct place minimise(struct line *line, double value, double step, double close)
{
    struct place on[3];

    find_bracket(line, value, step, on);
    for (int i = 0; i < NARROW && on[2].t - on[0].t > close; i++) {
        const struct place tried = on_line(line, next_t(on));
        const bool before = tried.t < on[1].t;
        if (tried.value < on[1].value) {
            on[before ? 2 : 0] = on[1];
            on[1] = tried;
        } else {
            on[before ? 0 : 2] = tried;
        }
    }
    return on[1].value < value ? on[1] : (struct place){ 0, value };
}

static double length_of(const double *way, size_t count)
{
    double square = 0;

    for (size_t i = 0; i < count; i++)
        square += way[i] * way[i];
    return sqrt(square);
}

/* One line from `point`, which moves to its lowest place; returns what was gained. */
static double go(struct line *line, double *point, const double *way, double *value, double step)
{
    line->point = point;
    line->way = way;
    const struct place found = minimise(line, *value, step, step / 40);
    const double gained = *value - found.value;
    for (size_t i = 0; i < line->count; i++)
        point[i] += found.t * way[i];
    *value = found.value;
    return gained;
}

double powell(powell_fn function, void *context, double *point, size_t count, double step,
              double least, size_t *evaluations)
{
    struct line line = { .function = function, .context = context, .count = count };
    double way[POWELL_MAX][POWELL_MAX] = { { 0 } }, before[POWELL_MAX], whole[POWELL_MAX];
    double value = function(point, context);

    for (size_t i = 0; i < count; i++)
        way[i][i] = 1;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = value;
        double most = 0;
        size_t steepest = 0;
        memcpy(before, point, count * sizeof *point);
        for (size_t i = 0; i < count; i++) {
            const double gained = go(&line, point, way[i], &value, step);
            if (gained > most) {
                most = gained;
                steepest = i;
            }
        }
        for (size_t i = 0; i < count; i++)
            whole[i] = point[i] - before[i];
        const double length = length_of(whole, count);
        if (start - value < least || length < step / 20)
            break;
        for (size_t i = 0; i < count; i++)
            whole[i] /= length;
        go(&line, point, whole, &value, step / 2);
        memcpy(way[steepest], whole, sizeof whole);
    }
    *evaluations += line.evaluations + 1;
    return value;
}
