/* Config quality: bounds are numbers under the checks' names, and stop_on is a list of these. */
#include "daemon/config_quality.h"

#include <string.h>

#include "daemon/config_schema.h"
#include "util/text.h"

static void read_stops(const struct config_node *list, const char *path,
                       struct quality_rules *rules, struct complaints *complaints)
{
    if (!config_expect(list, NODE_LIST, path, complaints))
        return;
    rules->own_stops = true;
    for (const struct config_node *item = list->child; item != NULL; item = item->next) {
        if (!config_expect(item, NODE_SCALAR, path, complaints))
            continue;
        const enum quality_kind kind = quality_find(item->text);
        if (kind == QUALITY_KINDS)
            config_complain(complaints, item->line, item->column, path,
                            "%.80s is not a check of quality", item->text);
        else
            rules->stop_on |= 1u << kind;
    }
}

static void read_bound(const struct config_node *node, const char *path,
                       struct quality_rules *rules, struct complaints *complaints)
{
    const enum quality_kind kind = quality_find(node->key);
    double bound;

    if (kind == QUALITY_KINDS) {
        config_complain(complaints, node->key_line, node->key_column, path,
                        "there is no such key");
        return;
    }
    if (!config_expect(node, NODE_SCALAR, path, complaints))
        return;
    if (!node->plain || !text_to_double(node->text, &bound) || bound < -1e6 || bound > 1e6) {
        config_complain(complaints, node->line, node->column, path,
                        "%.80s is not a bound (-1000000 to 1000000)", node->text);
        return;
    }
    rules->own_bounds |= 1u << kind;
    rules->bound[kind] = bound;
}

void config_quality_read(const struct config_node *map, const char *path,
                         struct quality_rules *rules, struct complaints *complaints)
{
    char full[256];

    if (!config_expect(map, NODE_MAP, path, complaints))
        return;
    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        text_format(full, sizeof full, "%.160s.%.80s", path, node->key);
        if (strcmp(node->key, "stop_on") == 0)
            read_stops(node, full, rules, complaints);
        else
            read_bound(node, full, rules, complaints);
    }
}

void config_quality_dump(const struct quality_rules *rules, const char *indent, FILE *to)
{
    const char *comma = "";

    if (!rules->own_stops && rules->own_bounds == 0)
        return;
    fprintf(to, "%squality:\n", indent);
    if (rules->own_stops) {
        fprintf(to, "%s  stop_on: [", indent);
        for (int kind = 0; kind < QUALITY_KINDS; kind++)
            if (rules->stop_on >> kind & 1) {
                fprintf(to, "%s%s", comma, quality_name((enum quality_kind)kind));
                comma = ", ";
            }
        fputs("]\n", to);
    }
    for (int kind = 0; kind < QUALITY_KINDS; kind++)
        if (rules->own_bounds >> kind & 1) {
            fprintf(to, "%s  %s: ", indent, quality_name((enum quality_kind)kind));
            config_number(rules->bound[kind], to);
            fputc('\n', to);
        }
}
