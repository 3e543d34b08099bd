/*
 * Mesh (of mesh.h): fewer triangles. Each point carries the sum of squared distances to the planes
 * of the triangles it stands for; the edge that costs least becomes a point, as long as there is one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/mesh.h"
#include "util/arena.h"
#include "util/error.h"

#define NONE UINT32_MAX
#define HEAP_FACTOR 12              /* edges at a time, for each point: three, and what is outdated */
#define SHORT_FIRST 1e-4            /* of length⁴: in a plane, where all costs nothing, points stay spread */
#define MOST_TRIANGLES 32           /* at a point */
#define SAME_SIDE 0.2               /* cosine: a triangle must not turn further */

struct quadric {
    double a[6], b[3], c;           /* xx xy xz yy yz zz */
};

struct edge {
    double cost;
    uint32_t one, other;
    uint32_t version_one, version_other;
};

struct work {
    struct mesh *mesh;
    double origin[3];
    struct quadric *quadric;
    uint32_t *version;              /* of each point: changes when it moves or goes */
    uint32_t *first, *next;         /* corners (3 · triangle + n) at each point, up to NONE */
    uint32_t *seen, turn;           /* points marked in this turn */
    bool *gone;                     /* of triangles */
    size_t triangles;               /* left */
    struct edge *heap;
    size_t edges, room;
};

/* ---- planes ---- */

static void place_of(const struct work *work, uint32_t point, double at[3])
{
    for (int n = 0; n < 3; n++)
        at[n] = work->mesh->point[point][n] - work->origin[n];
}

static void normal_of(const double p[3][3], double normal[3])
{
    for (int n = 0; n < 3; n++) {
        const int y = (n + 1) % 3, z = (n + 2) % 3;
        normal[n] = (p[1][y] - p[0][y]) * (p[2][z] - p[0][z]) - (p[1][z] - p[0][z]) * (p[2][y] - p[0][y]);
    }
}

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void add(struct quadric *to, const struct quadric *other)
{
    for (int n = 0; n < 6; n++)
        to->a[n] += other->a[n];
    for (int n = 0; n < 3; n++)
        to->b[n] += other->b[n];
    to->c += other->c;
}

/* Of the triangle's plane, by its area. */
static struct quadric quadric_of(const double p[3][3])
{
    double normal[3];

    normal_of(p, normal);
    const double length = sqrt(dot(normal, normal));
    if (!(length > 0))
        return (struct quadric){ .c = 0 };
    const double x = normal[0] / length, y = normal[1] / length, z = normal[2] / length;
    const double d = -(x * p[0][0] + y * p[0][1] + z * p[0][2]), w = length / 2;
    return (struct quadric){ { w * x * x, w * x * y, w * x * z, w * y * y, w * y * z, w * z * z },
                             { w * x * d, w * y * d, w * z * d }, w * d * d };
}

static double cost_at(const struct quadric *q, const double p[3])
{
    const double *const a = q->a, x = p[0], y = p[1], z = p[2];

    return a[0] * x * x + a[3] * y * y + a[5] * z * z + 2 * (a[1] * x * y + a[2] * x * z + a[4] * y * z)
        + 2 * dot(q->b, p) + q->c;
}

/* Where the quadric is least, by Cramer's rule; false on a plane or along a line. */
static bool least_place(const struct quadric *q, double p[3])
{
    const double *const a = q->a, *const b = q->b;
    const double xx = a[3] * a[5] - a[4] * a[4], xy = a[2] * a[4] - a[1] * a[5];
    const double xz = a[1] * a[4] - a[2] * a[3], yy = a[0] * a[5] - a[2] * a[2];
    const double yz = a[1] * a[2] - a[0] * a[4], zz = a[0] * a[3] - a[1] * a[1];
    const double det = a[0] * xx + a[1] * xy + a[2] * xz, trace = a[0] + a[3] + a[5];

    if (!(fabs(det) > 1e-4 * trace * trace * trace))
        return false;
    p[0] = -(xx * b[0] + xy * b[1] + xz * b[2]) / det;
    p[1] = -(xy * b[0] + yy * b[1] + yz * b[2]) / det;
    p[2] = -(xz * b[0] + yz * b[1] + zz * b[2]) / det;
    return true;
}

/* The best place for both ends of an edge, and what it costs. */
static double best_place(const struct work *work, uint32_t one, uint32_t other, double best[3])
{
    struct quadric sum = work->quadric[one];
    double place[3][3], least = INFINITY;

    add(&sum, &work->quadric[other]);
    if (least_place(&sum, best))
        return fmax(cost_at(&sum, best), 0);
    place_of(work, one, place[0]);
    place_of(work, other, place[1]);
    for (int n = 0; n < 3; n++)
        place[2][n] = (place[0][n] + place[1][n]) / 2;
    for (int n = 2; n >= 0; n--) {
        const double cost = fmax(cost_at(&sum, place[n]), 0);
        if (cost < least) {
            least = cost;
            memcpy(best, place[n], sizeof place[n]);
        }
    }
    return least;
}

/* ---- edges, the cheapest first ---- */

static bool before(const struct edge *a, const struct edge *b)
{
    if (a->cost < b->cost || a->cost > b->cost)
        return a->cost < b->cost;
    return a->one != b->one ? a->one < b->one : a->other < b->other;
}

static void sink(struct work *work, size_t at)
{
    const struct edge edge = work->heap[at];

    for (size_t child; (child = 2 * at + 1) < work->edges; at = child) {
        child += child + 1 < work->edges && before(&work->heap[child + 1], &work->heap[child]);
        if (!before(&work->heap[child], &edge))
            break;
        work->heap[at] = work->heap[child];
    }
    work->heap[at] = edge;
}

static bool is_current(const struct work *work, const struct edge *edge)
{
    return work->version[edge->one] == edge->version_one
        && work->version[edge->other] == edge->version_other;
}

/* When the heap is full, what is outdated goes. */
static bool make_room(struct work *work)
{
    size_t kept = 0;

    for (size_t n = 0; n < work->edges; n++)
        if (is_current(work, &work->heap[n]))
            work->heap[kept++] = work->heap[n];
    work->edges = kept;
    for (size_t n = kept / 2; n-- > 0;)
        sink(work, n);
    return kept < work->room;
}

static double square_of_length(const struct work *work, uint32_t one, uint32_t other)
{
    double a[3], b[3];

    place_of(work, one, a);
    place_of(work, other, b);
    for (int n = 0; n < 3; n++)
        a[n] -= b[n];
    return dot(a, a);
}

static void push(struct work *work, uint32_t one, uint32_t other)
{
    double place[3];
    const double square = square_of_length(work, one, other);
    const struct edge edge = { best_place(work, one, other, place) + SHORT_FIRST * square * square, one,
                               other, work->version[one], work->version[other] };

    if (work->edges == work->room && !make_room(work))
        return;                     /* one edge fewer to choose from */
    size_t at = work->edges++;
    for (; at > 0 && before(&edge, &work->heap[(at - 1) / 2]); at = (at - 1) / 2)
        work->heap[at] = work->heap[(at - 1) / 2];
    work->heap[at] = edge;
}

static struct edge pop(struct work *work)
{
    const struct edge edge = work->heap[0];

    work->heap[0] = work->heap[--work->edges];
    if (work->edges > 0)
        sink(work, 0);
    return edge;
}

/* ---- joining ---- */

static uint32_t beside(const struct work *work, uint32_t corner, uint32_t by)
{
    return work->mesh->triangle[corner / 3][(corner % 3 + by) % 3];
}

/* The first corner at the point, from `corner` on, of a triangle that is left. */
static uint32_t left_from(const struct work *work, uint32_t corner)
{
    while (corner != NONE && work->gone[corner / 3])
        corner = work->next[corner];
    return corner;
}

#define EACH_CORNER(work, point, corner) \
    uint32_t corner = left_from(work, (work)->first[point]); corner != NONE; \
    corner = left_from(work, (work)->next[corner])

static unsigned valence(const struct work *work, uint32_t point)
{
    unsigned count = 0;

    for (EACH_CORNER(work, point, corner))
        count++;
    return count;
}

/*
 * Both ends may have two neighbours in common only, those of the edge's two triangles, and these must
 * keep three triangles each: else the surface would touch itself.
 */
static bool keeps_its_form(struct work *work, uint32_t one, uint32_t other)
{
    unsigned common = 0;

    if (valence(work, one) + valence(work, other) > MOST_TRIANGLES + 4)
        return false;
    work->turn++;
    for (EACH_CORNER(work, one, corner))
        work->seen[beside(work, corner, 1)] = work->turn;
    for (EACH_CORNER(work, other, corner)) {
        const uint32_t neighbour = beside(work, corner, 1);
        if (work->seen[neighbour] != work->turn)
            continue;
        common++;
        if (valence(work, neighbour) < 4)
            return false;
    }
    return common == 2;
}

/* None of the triangles at `point` turns over when it moves, but those that will be gone. */
static bool stays_flat(const struct work *work, uint32_t point, uint32_t other, const double to[3])
{
    for (EACH_CORNER(work, point, corner)) {
        const uint32_t b = beside(work, corner, 1), c = beside(work, corner, 2);
        double p[3][3], was[3], becomes[3];
        if (b == other || c == other)
            continue;
        place_of(work, point, p[0]);
        place_of(work, b, p[1]);
        place_of(work, c, p[2]);
        normal_of((const double (*)[3])p, was);
        memcpy(p[0], to, sizeof p[0]);
        normal_of((const double (*)[3])p, becomes);
        if (!(dot(was, becomes) > SAME_SIDE * sqrt(dot(was, was) * dot(becomes, becomes))))
            return false;
    }
    return true;
}

/* `other` becomes one with `one`; the two triangles between them go. */
static void join(struct work *work, uint32_t one, uint32_t other, const double place[3])
{
    uint32_t all = NONE;

    for (EACH_CORNER(work, one, corner))
        if (beside(work, corner, 1) == other || beside(work, corner, 2) == other) {
            work->gone[corner / 3] = true;
            work->triangles--;
        }
    for (int turn = 0; turn < 2; turn++) {
        uint32_t corner = left_from(work, work->first[turn == 0 ? one : other]);
        while (corner != NONE) {
            const uint32_t then = left_from(work, work->next[corner]);
            work->mesh->triangle[corner / 3][corner % 3] = one;
            work->next[corner] = all;
            all = corner;
            corner = then;
        }
    }
    work->first[one] = all;
    work->first[other] = NONE;
    work->version[one]++;
    work->version[other]++;
    add(&work->quadric[one], &work->quadric[other]);
    for (int n = 0; n < 3; n++)
        work->mesh->point[one][n] = (float)(place[n] + work->origin[n]);
    for (EACH_CORNER(work, one, corner))
        push(work, one, beside(work, corner, 1));
}

static void reduce(struct work *work, size_t budget)
{
    double place[3];

    while (work->triangles > budget && work->edges > 0) {
        const struct edge edge = pop(work);
        if (!is_current(work, &edge) || !keeps_its_form(work, edge.one, edge.other))
            continue;
        best_place(work, edge.one, edge.other, place);
        if (stays_flat(work, edge.one, edge.other, place)
            && stays_flat(work, edge.other, edge.one, place))
            join(work, edge.one, edge.other, place);
    }
}

/* ---- before and after ---- */

static bool take_work(struct mesh *mesh, struct arena *arena, struct work *work, struct error *err)
{
    const size_t points = mesh->points, corners = 3 * mesh->triangles;

    work->room = HEAP_FACTOR * points;
    return (work->quadric = arena_take_zeroed(arena, points, sizeof *work->quadric, err)) != NULL
        && (work->version = arena_take_zeroed(arena, points, sizeof *work->version, err)) != NULL
        && (work->first = arena_take(arena, points, sizeof *work->first, err)) != NULL
        && (work->next = arena_take(arena, corners, sizeof *work->next, err)) != NULL
        && (work->seen = arena_take_zeroed(arena, points, sizeof *work->seen, err)) != NULL
        && (work->gone = arena_take_zeroed(arena, mesh->triangles, sizeof *work->gone, err)) != NULL
        && (work->heap = arena_take(arena, work->room, sizeof *work->heap, err)) != NULL;
}

static void prepare(struct work *work)
{
    struct mesh *const mesh = work->mesh;

    for (size_t p = 0; p < mesh->points; p++)
        work->first[p] = NONE;
    for (int n = 0; n < 3; n++)
        work->origin[n] = mesh->point[0][n];
    for (size_t t = 0; t < mesh->triangles; t++) {
        double p[3][3];
        for (int c = 0; c < 3; c++)
            place_of(work, mesh->triangle[t][c], p[c]);
        const struct quadric quadric = quadric_of((const double (*)[3])p);
        for (int c = 0; c < 3; c++) {
            const uint32_t point = mesh->triangle[t][c], corner = (uint32_t)(3 * t) + (uint32_t)c;
            add(&work->quadric[point], &quadric);
            work->next[corner] = work->first[point];
            work->first[point] = corner;
        }
    }
    for (size_t t = 0; t < mesh->triangles; t++)
        for (int c = 0; c < 3; c++)         /* each edge is met from both ends */
            if (mesh->triangle[t][c] < mesh->triangle[t][(c + 1) % 3])
                push(work, mesh->triangle[t][c], mesh->triangle[t][(c + 1) % 3]);
}

/* What is left moves together, in the order in which it was. */
static void gather(struct work *work)
{
    struct mesh *const mesh = work->mesh;
    size_t points = 0, triangles = 0;

    for (size_t p = 0; p < mesh->points; p++) {
        if (left_from(work, work->first[p]) == NONE)
            continue;
        work->seen[p] = (uint32_t)points;
        memmove(mesh->point[points++], mesh->point[p], sizeof *mesh->point);
    }
    for (size_t t = 0; t < mesh->triangles; t++) {
        if (work->gone[t])
            continue;
        for (int c = 0; c < 3; c++)
            mesh->triangle[triangles][c] = work->seen[mesh->triangle[t][c]];
        triangles++;
    }
    mesh->points = points;
    mesh->triangles = triangles;
}

bool mesh_reduce(struct mesh *mesh, size_t budget, struct arena *arena, struct error *err)
{
    const size_t mark = arena_mark(arena);
    struct work work = { .mesh = mesh, .triangles = mesh->triangles };

    if (mesh->triangles <= budget)
        return true;
    if (mesh->triangles > UINT32_MAX / 3 - 1)
        return error_set(err, ERROR_LIMIT, "a surface of %zu triangles", mesh->triangles);
    if (!take_work(mesh, arena, &work, err)) {
        arena_rewind(arena, mark);
        return error_prefix(err, "reducing a surface");
    }
    const double volume = mesh_volume_mm3(mesh);
    prepare(&work);
    reduce(&work, budget);
    gather(&work);
    mesh_restore_volume(mesh, volume, (double (*)[3])work.quadric);
    arena_rewind(arena, mark);
    return true;
}
