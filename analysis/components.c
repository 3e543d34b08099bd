/* Components: runs, then union and find between neighbouring rows. */
#include "analysis/components.h"

#include <string.h>

#include "analysis/bits.h"
#include "util/arena.h"
#include "util/error.h"

/* 64 voxels of a row at a time: bits where runs begin, and where they are over. */
struct edges {
    uint64_t begins, ends;
    uint64_t before;                /* the last voxel of those before */
};

static inline void next_edges(const uint8_t *row, size_t first, size_t width, uint8_t value,
                              struct edges *edges)
{
    const size_t count = width - first < 64 ? width - first : 64;
    const uint64_t bits = bits_equal(row + first, count, value);
    const uint64_t moved = bits << 1 | edges->before;

    edges->begins = bits & ~moved;
    edges->ends = moved & ~bits;
    edges->before = bits >> 63;
}

static size_t count_runs(const uint8_t *mask, const size_t size[3], uint8_t value)
{
    size_t runs = 0;

    for (size_t r = 0; r < size[1] * size[2]; r++) {
        struct edges edges = { .before = 0 };
        for (size_t first = 0; first < size[0]; first += 64) {
            next_edges(mask + r * size[0], first, size[0], value, &edges);
            runs += edges.begins == 0 ? 0 : (size_t)__builtin_popcountll(edges.begins);
        }
    }
    return runs;
}

static void find_runs(const uint8_t *mask, uint8_t value, struct components *components)
{
    const size_t width = components->size[0];
    const size_t rows = components->size[1] * components->size[2];
    size_t begun = 0, ended = 0;

    for (size_t r = 0; r < rows; r++) {
        struct edges edges = { .before = 0 };
        components->row[r] = begun;
        for (size_t first = 0; first < width; first += 64) {
            next_edges(mask + r * width, first, width, value, &edges);
            for (; edges.begins != 0; edges.begins &= edges.begins - 1)
                components->run[begun++].first
                    = (uint32_t)(first + (size_t)__builtin_ctzll(edges.begins));
            for (; edges.ends != 0; edges.ends &= edges.ends - 1)
                components->run[ended++].last
                    = (uint32_t)(first + (size_t)__builtin_ctzll(edges.ends) - 1);
        }
        if (ended < begun)              /* the row's last voxel is in a run */
            components->run[ended++].last = (uint32_t)(width - 1);
    }
    components->row[rows] = begun;
}

/* `parent` is a forest over runs; a root is the earliest run of its tree. */
static uint32_t root_of(uint32_t *parent, uint32_t run)
{
    while (parent[run] != run) {
        parent[run] = parent[parent[run]];
        run = parent[run];
    }
    return run;
}

static void join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

/* Joins runs of two rows that touch; `reach` is 1 when those count that are one apart. */
static void join_rows(const struct components *components, size_t one, size_t other,
                      uint32_t reach, uint32_t *parent)
{
    size_t a = components->row[one], b = components->row[other];

    while (a < components->row[one + 1] && b < components->row[other + 1]) {
        const struct run *const left = &components->run[a];
        const struct run *const right = &components->run[b];
        if (left->first <= right->last + reach && right->first <= left->last + reach)
            join(parent, (uint32_t)a, (uint32_t)b);
        if (left->last < right->last)
            a++;
        else
            b++;
    }
}

static void join_all(const struct components *components, enum connectivity connectivity,
                     uint32_t *parent)
{
    const size_t height = components->size[1];
    const bool edges = connectivity != CONNECTIVITY_6;
    const bool corners = connectivity == CONNECTIVITY_26;

    for (size_t k = 0; k < components->size[2]; k++)
        for (size_t j = 0; j < height; j++) {
            const size_t row = k * height + j;
            if (j > 0)
                join_rows(components, row - 1, row, edges, parent);
            if (k == 0)
                continue;
            join_rows(components, row - height, row, edges, parent);
            if (edges && j > 0)
                join_rows(components, row - height - 1, row, corners, parent);
            if (edges && j + 1 < height)
                join_rows(components, row - height + 1, row, corners, parent);
        }
}

/* Roots become numbers in order; every run gets its root's. */
static void number(struct components *components, uint32_t *parent)
{
    size_t count = 0;

    for (size_t r = 0; r < components->run_count; r++) {
        const uint32_t root = root_of(parent, (uint32_t)r);
        components->run[r].component = root == r ? (uint32_t)count++
            : components->run[root].component;
    }
    components->count = count;
}

static void widen(size_t *low, size_t *high, size_t from, size_t to)
{
    if (from < *low)
        *low = from;
    if (to > *high)
        *high = to;
}

static void measure(struct components *components)
{
    const size_t height = components->size[1];

    for (size_t c = 0; c < components->count; c++)
        components->component[c] = (struct component){
            .low = { SIZE_MAX, SIZE_MAX, SIZE_MAX } };
    for (size_t row = 0; row < height * components->size[2]; row++)
        for (size_t r = components->row[row]; r < components->row[row + 1]; r++) {
            const struct run *const run = &components->run[r];
            struct component *const one = &components->component[run->component];
            one->voxels += run->last - run->first + 1;
            widen(&one->low[0], &one->high[0], run->first, run->last);
            widen(&one->low[1], &one->high[1], row % height, row % height);
            widen(&one->low[2], &one->high[2], row / height, row / height);
        }
}

bool components_find(const uint8_t *mask, const size_t size[3], uint8_t value,
                     enum connectivity connectivity, struct arena *arena,
                     struct components *ret_components, struct error *err)
{
    struct components components = { .run_count = count_runs(mask, size, value) };

    memcpy(components.size, size, sizeof components.size);
    if (components.run_count >= UINT32_MAX)
        return error_set(err, ERROR_LIMIT, "%zu runs of voxels", components.run_count);
    components.run = arena_take(arena, components.run_count, sizeof *components.run, err);
    components.row = components.run == NULL ? NULL
        : arena_take(arena, size[1] * size[2] + 1, sizeof *components.row, err);
    if (components.row == NULL)
        return false;
    find_runs(mask, value, &components);
    const size_t mark = arena_mark(arena);
    uint32_t *const parent = arena_take(arena, components.run_count, sizeof *parent, err);
    if (parent == NULL)
        return false;
    for (size_t r = 0; r < components.run_count; r++)
        parent[r] = (uint32_t)r;
    join_all(&components, connectivity, parent);
    number(&components, parent);
    arena_rewind(arena, mark);
    components.component = arena_take(arena, components.count, sizeof *components.component,
                                      err);
    if (components.component == NULL)
        return false;
    measure(&components);
    *ret_components = components;
    return true;
}

void components_paint(const struct components *components, size_t number, uint8_t value,
                      uint8_t *mask)
{
    const struct component *const one = &components->component[number];

    for (size_t k = one->low[2]; k <= one->high[2]; k++)
        for (size_t j = one->low[1]; j <= one->high[1]; j++) {
            const size_t row = k * components->size[1] + j;
            for (size_t r = components->row[row]; r < components->row[row + 1]; r++) {
                const struct run *const run = &components->run[r];
                if (run->component == number)
                    memset(mask + row * components->size[0] + run->first, value,
                           run->last - run->first + 1);
            }
        }
}

static bool touches_border(const struct component *one, const size_t size[3], bool sides)
{
    for (int axis = 0; axis < (sides ? 2 : 3); axis++)
        if (one->low[axis] == 0 || one->high[axis] + 1 == size[axis])
            return true;
    return false;
}

bool components_fill_holes(uint8_t *mask, const size_t size[3], bool sides,
                           struct arena *arena, struct error *err)
{
    struct components background;
    const size_t mark = arena_mark(arena);

    if (!components_find(mask, size, 0, CONNECTIVITY_6, arena, &background, err))
        return error_prefix(err, "holes");
    for (size_t row = 0; row < size[1] * size[2]; row++)
        for (size_t r = background.row[row]; r < background.row[row + 1]; r++) {
            const struct run *const run = &background.run[r];
            if (!touches_border(&background.component[run->component], size, sides))
                memset(mask + row * size[0] + run->first, 1, run->last - run->first + 1);
        }
    arena_rewind(arena, mark);
    return true;
}
