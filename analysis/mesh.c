/*
 * Mesh: marching cubes on bits. Rows are packed with a voxel of nothing around the grid; a cell is
 * eight bits of four rows. Crossed edges are counted row by row first, so that each layer of cells
 * knows the numbers of its points and triangles and can be done on its own.
 */
#include "analysis/mesh.h"

#include <math.h>
#include <string.h>

#include "analysis/bits.h"
#include "analysis/pool.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define EDGES 12
#define MOST_TRIANGLES 10           /* of a cell: twelve crossed edges in one loop */

/* ---- the table: corners are x + 2 y + 4 z; edges along x are y + 2 z, along y 4 + x + 2 z … ---- */

struct table {
    uint8_t triangles[256];
    uint16_t crossed[256];          /* a bit an edge */
    uint8_t corner[256][MOST_TRIANGLES][3];
};

static int edge_between(int a, int b)
{
    const int low = a & b;          /* they differ in one bit */

    switch (a ^ b) {
    case 1:  return (low >> 1 & 1) + 2 * (low >> 2 & 1);
    case 2:  return 4 + (low & 1) + 2 * (low >> 2 & 1);
    default: return 8 + (low & 1) + 2 * (low >> 1 & 1);
    }
}

/* Corners of each face, counterclockwise from outside. */
static const uint8_t faces[6][4] = { { 0, 4, 6, 2 }, { 1, 3, 7, 5 }, { 0, 1, 5, 4 },
                                     { 2, 6, 7, 3 }, { 0, 2, 3, 1 }, { 4, 5, 7, 6 } };

static bool on_one_face(int a, int b)
{
    for (int f = 0; f < 6; f++) {
        int found = 0;
        for (int c = 0; c < 4; c++) {
            const int edge = edge_between(faces[f][c], faces[f][(c + 1) % 4]);
            found += (edge == a) + (edge == b);
        }
        if (found == 2)
            return true;
    }
    return false;
}

/*
 * Where the surface that crosses one edge goes on: on each face a line runs around each run of
 * outer corners. Of four corners in turn in and out the inner ones are so joined, and both cells
 * that share the face see it alike.
 */
static void trace_faces(unsigned inside, int8_t next[EDGES])
{
    memset(next, -1, EDGES);
    for (int f = 0; f < 6; f++)
        for (int c = 0; c < 4; c++) {
            const int here = faces[f][c], there = faces[f][(c + 1) % 4];
            if (!(inside >> here & 1) || inside >> there & 1)
                continue;
            int n = c + 1;
            while (!(inside >> faces[f][(n + 1) % 4] & 1))
                n++;
            next[edge_between(faces[f][n % 4], faces[f][(n + 1) % 4])]
                = (int8_t)edge_between(here, there);
        }
}

/*
 * A loop becomes triangles by cutting off corners, such ones first whose cut does not lie in a face:
 * there the neighbouring cell might cut along the same line.
 */
static void fill_loop(uint8_t *loop, int count, struct table *table, unsigned inside)
{
    while (count >= 3) {
        int at = 0;
        while (at < count && count > 3 && on_one_face(loop[at], loop[(at + 2) % count]))
            at++;
        at %= count;
        uint8_t *const corner = table->corner[inside][table->triangles[inside]++];
        for (int c = 0; c < 3; c++)
            corner[c] = loop[(at + c) % count];
        const int gone = (at + 1) % count;
        memmove(loop + gone, loop + gone + 1, (size_t)(count - gone - 1));
        count--;
    }
}

static void make_table(struct table *table)
{
    memset(table, 0, sizeof *table);
    for (unsigned inside = 0; inside < 256; inside++) {
        int8_t next[EDGES];
        trace_faces(inside, next);
        for (int begin = 0; begin < EDGES; begin++) {
            uint8_t loop[EDGES];
            int count = 0;
            for (int edge = begin; next[edge] >= 0; count++) {
                const int then = next[edge];
                loop[count] = (uint8_t)edge;
                table->crossed[inside] |= (uint16_t)(1u << edge);
                next[edge] = -1;
                edge = then;
            }
            fill_loop(loop, count, table, inside);
        }
    }
}

/* ---- rows of bits ---- */

struct work {
    const struct volume *labels;
    uint8_t value;
    bool mirrored;                  /* steps along i, j, k are left-handed */
    size_t rows, layers, words;     /* of the grid with its border */
    uint64_t *bits;
    uint32_t (*start)[3];           /* of each row: its first crossing along x, y, z */
    uint32_t *first_triangle;       /* of each layer of cells */
    const struct table *table;
    struct mesh mesh;
};

static const uint64_t *row_at(const struct work *work, size_t b, size_t c)
{
    return work->bits + (c * work->rows + b) * work->words;
}

static void put_bits(uint64_t *row, size_t at, uint64_t bits)
{
    row[at / 64] |= bits << at % 64;
    if (at % 64 > 0)
        row[at / 64 + 1] |= bits >> (64 - at % 64);
}

static void pack_layer(size_t k, void *context)
{
    struct work *const work = context;
    const size_t *const size = work->labels->size;

    for (size_t j = 0; j < size[1]; j++) {
        const uint8_t *const from = work->labels->u8 + (k * size[1] + j) * size[0];
        uint64_t *const to = work->bits + ((k + 1) * work->rows + j + 1) * work->words;
        for (size_t i = 0; i < size[0]; i += 64)
            put_bits(to, i + 1, bits_equal(from + i, size[0] - i < 64 ? size[0] - i : 64,
                                           work->value));
    }
}

/* The row moved by one: bit a is that of a + 1. */
static uint64_t ahead(const uint64_t *row, size_t w, size_t words)
{
    return row[w] >> 1 | (w + 1 < words ? row[w + 1] << 63 : 0);
}

/* Word w of the edges along `axis` from the row b, c that are crossed. */
static uint64_t crossings(const struct work *work, int axis, size_t b, size_t c, size_t w)
{
    const uint64_t *const row = row_at(work, b, c);

    if (axis == 0)
        return row[w] ^ ahead(row, w, work->words);
    if (axis == 1)
        return b + 1 < work->rows ? row[w] ^ row_at(work, b + 1, c)[w] : 0;
    return c + 1 < work->layers ? row[w] ^ row_at(work, b, c + 1)[w] : 0;
}

/* Bit a of these: the cell a is neither all inside nor all outside. */
static uint64_t mixed_cells(const struct work *work, size_t b, size_t c, size_t w)
{
    uint64_t any = 0, all = UINT64_MAX;

    for (int n = 0; n < 4; n++) {
        const uint64_t *const row = row_at(work, b + (n & 1), c + (n >> 1));
        const uint64_t next = ahead(row, w, work->words);
        any |= row[w] | next;
        all &= row[w] & next;
    }
    return any & ~all;
}

static unsigned cell_at(const struct work *work, size_t a, size_t b, size_t c)
{
    unsigned inside = 0;

    for (unsigned n = 0; n < 4; n++) {
        const uint64_t *const row = row_at(work, b + (n & 1), c + (n >> 1));
        inside |= (unsigned)(row[a / 64] >> a % 64 & 1) << 2 * n;
        inside |= (unsigned)(row[(a + 1) / 64] >> (a + 1) % 64 & 1) << (2 * n + 1);
    }
    return inside;
}

/* Most words have no crossing at all. */
static uint32_t bits_in(uint64_t word)
{
    return word == 0 ? 0 : (uint32_t)__builtin_popcountll(word);
}

/* ---- counting ---- */

static void count_layer(size_t c, void *context)
{
    struct work *const work = context;

    work->first_triangle[c] = 0;
    for (size_t b = 0; b < work->rows; b++) {
        uint32_t *const count = work->start[c * work->rows + b];
        memset(count, 0, sizeof *work->start);
        for (size_t w = 0; w < work->words; w++) {
            for (int axis = 0; axis < 3; axis++)
                count[axis] += bits_in(crossings(work, axis, b, c, w));
            if (b + 1 == work->rows || c + 1 == work->layers)
                continue;
            for (uint64_t cells = mixed_cells(work, b, c, w); cells != 0; cells &= cells - 1)
                work->first_triangle[c] += work->table->triangles[
                    cell_at(work, 64 * w + (size_t)__builtin_ctzll(cells), b, c)];
        }
    }
}

/* Counts become places. */
static bool add_up(struct work *work, struct error *err)
{
    uint64_t points = 0, triangles = 0;

    for (size_t row = 0; row < work->rows * work->layers; row++)
        for (int axis = 0; axis < 3; axis++) {
            const uint32_t count = work->start[row][axis];
            work->start[row][axis] = (uint32_t)points;
            points += count;
        }
    for (size_t c = 0; c < work->layers; c++) {
        const uint32_t count = work->first_triangle[c];
        work->first_triangle[c] = (uint32_t)triangles;
        triangles += count;
    }
    if (points > UINT32_MAX || triangles > UINT32_MAX)
        return error_set(err, ERROR_LIMIT, "a surface of %llu triangles",
                         (unsigned long long)triangles);
    work->mesh.points = (size_t)points;
    work->mesh.triangles = (size_t)triangles;
    return true;
}

/* ---- points and triangles ---- */

static void place_points(const struct work *work, int axis, size_t b, size_t c)
{
    float (*to)[3] = work->mesh.point + work->start[c * work->rows + b][axis];
    double voxel[3] = { 0, (double)b - 1, (double)c - 1 }, mm[3];

    voxel[axis] += axis == 0 ? 0 : 0.5;
    for (size_t w = 0; w < work->words; w++)
        for (uint64_t left = crossings(work, axis, b, c, w); left != 0; left &= left - 1) {
            voxel[0] = (double)(64 * w + (size_t)__builtin_ctzll(left)) - (axis == 0 ? 0.5 : 1);
            volume_to_patient(work->labels, voxel, mm);
            for (int n = 0; n < 3; n++)
                (*to)[n] = (float)mm[n];
            to++;
        }
}

/* The crossings of a row up to a word, counted as the words go by. */
struct rank {
    int axis;
    size_t b, c;
    uint32_t before;
    uint64_t word;
};

static void begin_ranks(const struct work *work, size_t b, size_t c, struct rank rank[8])
{
    static const uint8_t shape[8][3] = { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 0, 1, 1 },
                                         { 1, 0, 0 }, { 1, 0, 1 }, { 2, 0, 0 }, { 2, 1, 0 } };

    for (int n = 0; n < 8; n++) {
        rank[n] = (struct rank){ .axis = shape[n][0], .b = b + shape[n][1], .c = c + shape[n][2] };
        rank[n].before = work->start[rank[n].c * work->rows + rank[n].b][rank[n].axis];
    }
}

static void next_word(const struct work *work, size_t w, struct rank rank[8])
{
    for (int n = 0; n < 8; n++) {
        rank[n].before += bits_in(rank[n].word);         /* of the word before */
        rank[n].word = crossings(work, rank[n].axis, rank[n].b, rank[n].c, w);
    }
}

/* The number of the point on an edge of the cell whose bit is `bit`. */
static uint32_t point_on(const struct rank rank[8], int edge, unsigned bit)
{
    const int along = edge / 4;
    const struct rank *const one = &rank[along == 0 ? edge : 2 + 2 * along + (edge >> 1 & 1)];
    const uint64_t below = one->word & (((uint64_t)1 << bit) - 1);
    const uint32_t here = along > 0 && (edge & 1) ? (uint32_t)(one->word >> bit & 1) : 0;

    return one->before + bits_in(below) + here;
}

static void emit_cell(const struct work *work, unsigned inside, const struct rank rank[8],
                      unsigned bit, uint32_t (*to)[3])
{
    uint32_t number[EDGES];

    for (unsigned left = work->table->crossed[inside]; left != 0; left &= left - 1) {
        const int edge = __builtin_ctz(left);
        number[edge] = point_on(rank, edge, bit);
    }
    for (int t = 0; t < work->table->triangles[inside]; t++) {
        const uint8_t *const corner = work->table->corner[inside][t];
        to[t][0] = number[corner[0]];
        to[t][1] = number[corner[work->mirrored ? 2 : 1]];
        to[t][2] = number[corner[work->mirrored ? 1 : 2]];
    }
}

static void emit_layer(size_t c, void *context)
{
    const struct work *const work = context;
    uint32_t (*to)[3] = work->mesh.triangle + work->first_triangle[c];
    struct rank rank[8];

    for (size_t b = 0; b < work->rows; b++) {
        for (int axis = 0; axis < 3; axis++)
            place_points(work, axis, b, c);
        if (b + 1 == work->rows || c + 1 == work->layers)
            continue;
        begin_ranks(work, b, c, rank);
        for (size_t w = 0; w < work->words; w++) {
            next_word(work, w, rank);
            for (uint64_t cells = mixed_cells(work, b, c, w); cells != 0; cells &= cells - 1) {
                const unsigned bit = (unsigned)__builtin_ctzll(cells);
                const unsigned inside = cell_at(work, 64 * w + bit, b, c);
                emit_cell(work, inside, rank, bit, to);
                to += work->table->triangles[inside];
            }
        }
    }
}

static bool is_mirrored(const struct volume *volume)
{
    const double (*const a)[4] = volume->affine;

    return a[0][0] * (a[1][1] * a[2][2] - a[2][1] * a[1][2])
        - a[0][1] * (a[1][0] * a[2][2] - a[2][0] * a[1][2])
        + a[0][2] * (a[1][0] * a[2][1] - a[2][0] * a[1][1]) < 0;
}

/* The mesh itself lies before the scratch, which is larger: so it is moved down at the end. */
static bool keep(struct work *work, size_t mark, struct arena *arena, struct error *err)
{
    const struct mesh from = work->mesh;

    arena_rewind(arena, mark);
    work->mesh.point = arena_take(arena, from.points, sizeof *from.point, err);
    if (work->mesh.point == NULL)
        return false;
    memmove(work->mesh.point, from.point, from.points * sizeof *from.point);
    work->mesh.triangle = arena_take(arena, from.triangles, sizeof *from.triangle, err);
    if (work->mesh.triangle == NULL)
        return false;
    memmove(work->mesh.triangle, from.triangle, from.triangles * sizeof *from.triangle);
    return true;
}

bool mesh_of_labels(const struct volume *labels, uint8_t value, int threads, struct arena *arena,
                    struct mesh *ret_mesh, struct error *err)
{
    const size_t *const size = labels->size, mark = arena_mark(arena);
    struct table table;
    struct work work = { .labels = labels, .value = value, .mirrored = is_mirrored(labels),
                         .rows = size[1] + 2, .layers = size[2] + 2,
                         .words = (size[0] + 2 + 63) / 64 + 1, .table = &table };
    const size_t all_rows = work.rows * work.layers;

    make_table(&table);
    work.bits = arena_take_zeroed(arena, all_rows * work.words, sizeof *work.bits, err);
    work.start = work.bits == NULL ? NULL : arena_take(arena, all_rows, sizeof *work.start, err);
    work.first_triangle = work.start == NULL ? NULL
        : arena_take(arena, work.layers, sizeof *work.first_triangle, err);
    if (work.first_triangle == NULL)
        return error_prefix(err, "surface");
    pool_run(threads, size[2], pack_layer, &work);
    pool_run(threads, work.layers, count_layer, &work);
    if (!add_up(&work, err))
        return false;
    work.mesh.point = arena_take(arena, work.mesh.points, sizeof *work.mesh.point, err);
    work.mesh.triangle = work.mesh.point == NULL ? NULL
        : arena_take(arena, work.mesh.triangles, sizeof *work.mesh.triangle, err);
    if (work.mesh.triangle == NULL)
        return error_prefix(err, "surface");
    pool_run(threads, work.layers, emit_layer, &work);
    if (!keep(&work, mark, arena, err))
        return error_prefix(err, "surface");
    *ret_mesh = work.mesh;
    return true;
}

/* ---- its measures ---- */

static void edges_of(const struct mesh *mesh, size_t triangle, double a[3], double b[3])
{
    const uint32_t *const corner = mesh->triangle[triangle];

    for (int n = 0; n < 3; n++) {
        const double from = mesh->point[corner[0]][n];
        a[n] = mesh->point[corner[1]][n] - from;
        b[n] = mesh->point[corner[2]][n] - from;
    }
}

static void cross(const double a[3], const double b[3], double product[3])
{
    for (int n = 0; n < 3; n++)
        product[n] = a[(n + 1) % 3] * b[(n + 2) % 3] - a[(n + 2) % 3] * b[(n + 1) % 3];
}

/* From a point of the mesh, so that little is lost to large coordinates. */
double mesh_volume_mm3(const struct mesh *mesh)
{
    double sum = 0, a[3], b[3], normal[3];

    for (size_t t = 0; t < mesh->triangles; t++) {
        edges_of(mesh, t, a, b);
        cross(a, b, normal);
        for (int n = 0; n < 3; n++)
            sum += normal[n] * ((double)mesh->point[mesh->triangle[t][0]][n] - mesh->point[0][n]);
    }
    return sum / 6;
}

double mesh_area_mm2(const struct mesh *mesh)
{
    double sum = 0, a[3], b[3], normal[3];

    for (size_t t = 0; t < mesh->triangles; t++) {
        edges_of(mesh, t, a, b);
        cross(a, b, normal);
        sum += sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
    }
    return sum / 2;
}
