/* Fixed components: one pass, as the hardware takes it; a table says which names mean one region. */
#include "analysis/fixed.h"

#include <string.h>

struct table {
    size_t labels, next;                        /* `next` name to give, from 1 */
    uint8_t root[FIXED_LABELS_MAX + 1];         /* always flat; 0 is the background */
    struct fixed_component part[FIXED_LABELS_MAX + 1];
    uint32_t lost;
};

/* The smaller name stays, so that a region's name is that of its first voxel. */
static uint8_t join(struct table *table, uint8_t one, uint8_t other)
{
    const uint8_t kept = one < other ? one : other, gone = one < other ? other : one;

    if (kept == 0 || kept == gone)
        return gone;
    for (size_t label = 1; label < table->next; label++)
        if (table->root[label] == gone)
            table->root[label] = kept;
    return kept;
}

static uint8_t fresh(struct table *table)
{
    if (table->next > table->labels) {
        table->lost++;
        return 0;
    }
    table->root[table->next] = (uint8_t)table->next;
    return (uint8_t)table->next++;
}

/* Adds what another part has. An area of 0 is an empty part. */
static void add(struct fixed_component *to, const struct fixed_component *part)
{
    if (to->area == 0) {
        *to = *part;
        return;
    }
    to->area += part->area;
    for (int axis = 0; axis < 2; axis++) {
        to->low[axis] = part->low[axis] < to->low[axis] ? part->low[axis] : to->low[axis];
        to->high[axis] = part->high[axis] > to->high[axis] ? part->high[axis] : to->high[axis];
    }
}

/* `line` holds the names of the line above, and left of column i those of this one. */
static void label_line(struct table *table, bool corners, const uint8_t *mask, uint8_t *line,
                       size_t columns, size_t row)
{
    uint8_t left = 0, corner = 0;

    for (size_t i = 0; i < columns; i++) {
        const uint8_t above = line[i];
        uint8_t label = 0;
        if (mask[i]) {
            label = join(table, table->root[left], table->root[above]);
            if (corners) {
                label = join(table, label, table->root[corner]);
                label = join(table, label, i + 1 < columns ? table->root[line[i + 1]] : 0);
            }
            if (label == 0)
                label = fresh(table);
        }
        if (label > 0)
            add(&table->part[label], &(struct fixed_component){ 1, { i, row }, { i, row } });
        corner = above;
        left = line[i] = label;
    }
}

/* From the last name to the first: what a root gets is there before it is told. */
static size_t tell(struct table *table, struct fixed_component *ret_component)
{
    size_t count = 0;

    for (size_t label = table->next - 1; label > 0; label--)
        if (table->root[label] != label)
            add(&table->part[table->root[label]], &table->part[label]);
    for (size_t label = 1; label < table->next; label++)
        if (table->root[label] == label)
            ret_component[count++] = table->part[label];
    return count;
}

struct fixed_components fixed_components(enum fixed_neighbours neighbours, size_t labels,
                                         const uint8_t *mask, uint8_t *spare, size_t columns,
                                         size_t rows, struct fixed_component *ret_component)
{
    struct table table = { .labels = labels < FIXED_LABELS_MAX ? labels : FIXED_LABELS_MAX,
                           .next = 1 };

    memset(spare, 0, columns);
    for (size_t row = 0; row < rows; row++)
        label_line(&table, neighbours == FIXED_EIGHT, mask + row * columns, spare, columns, row);
    const size_t count = tell(&table, ret_component);
    return (struct fixed_components){ count, table.lost };
}
