/* Config nodes: one recursive reader, as deep as CONFIG_MAX_DEPTH allows. */
#include "daemon/config_node.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "util/error.h"
#include "util/text.h"

#define MAX_COMPLAINTS 200              /* told; the rest is counted */
#define MAX_CHILDREN 4096               /* looking for doubled keys takes their square */

struct reader {
    yaml_parser_t parser;
    struct complaints *complaints;
};

void config_complain(struct complaints *complaints, size_t line, size_t column,
                     const char *path, const char *format, ...)
{
    char text[400], printable[400];
    va_list list;

    if (complaints->count++ >= MAX_COMPLAINTS || complaints->to == NULL)
        return;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    text_printable(text, printable, sizeof printable);
    fprintf(complaints->to, "%s:%zu:%zu: ", complaints->file, line, column);
    if (path[0] != '\0') {
        char shown[200];
        text_printable(path, shown, sizeof shown);
        fprintf(complaints->to, "%s: ", shown);
    }
    fprintf(complaints->to, "%s\n", printable);
}

static void complain_at(struct reader *reader, yaml_mark_t mark, const char *sentence)
{
    config_complain(reader->complaints, mark.line + 1, mark.column + 1, "", "%s", sentence);
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return true;
    const char *const problem = reader->parser.problem;
    complain_at(reader, reader->parser.problem_mark,
                problem != NULL ? problem : "not YAML");
    return false;
}

/* A node's own event without the checks of its content, or NULL after a complaint. */
static struct config_node *node_new(struct reader *reader, enum config_node_kind kind,
                                    yaml_mark_t mark, const yaml_char_t *tag)
{
    if (tag != NULL) {
        complain_at(reader, mark, "YAML tags ('!…') have no meaning here");
        return NULL;
    }
    struct config_node *const node = calloc(1, sizeof *node);
    if (node == NULL) {
        complain_at(reader, mark, "out of memory");
        return NULL;
    }
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
}

static struct config_node *read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *const text = (const char *)event->data.scalar.value;

    if (memchr(text, '\0', event->data.scalar.length) != NULL) {
        complain_at(reader, event->start_mark, "a NUL character has no place here");
        return NULL;
    }
    struct config_node *const node = node_new(reader, NODE_SCALAR, event->start_mark,
                                              event->data.scalar.tag);
    if (node == NULL)
        return NULL;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = strdup(text);
    if (node->text == NULL) {
        complain_at(reader, event->start_mark, "out of memory");
        config_node_free(node);
        return NULL;
    }
    return node;
}

static struct config_node *read_node(struct reader *reader, const yaml_event_t *event,
                                     int depth);

static const struct config_node *find(const struct config_node *map, const char *key)
{
    for (const struct config_node *node = map->child; node != NULL; node = node->next)
        if (strcmp(node->key, key) == 0)
            return node;
    return NULL;
}

/* Puts `value` under `key` behind the others; a doubled one is told and dropped. */
static void add_pair(struct reader *reader, struct config_node *map,
                     struct config_node ***end, struct config_node *key,
                     struct config_node *value)
{
    const struct config_node *const first = find(map, key->text);

    if (first != NULL) {
        config_complain(reader->complaints, key->line, key->column, key->text,
                        "this key stands already in line %zu", first->key_line);
        config_node_free(value);
        return;
    }
    value->key = strdup(key->text);
    if (value->key == NULL) {
        config_complain(reader->complaints, key->line, key->column, "", "out of memory");
        config_node_free(value);
        return;
    }
    value->key_line = key->line;
    value->key_column = key->column;
    **end = value;
    *end = &value->next;
}

/* The value of a key whose event was read; false ends the reading of the file. */
static bool read_pair(struct reader *reader, struct config_node *map,
                      struct config_node ***end, const yaml_event_t *key_event, int depth)
{
    yaml_event_t event;

    if (key_event->type != YAML_SCALAR_EVENT) {
        complain_at(reader, key_event->start_mark, "a key must be a word");
        return false;
    }
    struct config_node *const key = read_scalar(reader, key_event);
    if (key == NULL || !next_event(reader, &event)) {
        config_node_free(key);
        return false;
    }
    struct config_node *const value = read_node(reader, &event, depth);
    yaml_event_delete(&event);
    if (value != NULL)
        add_pair(reader, map, end, key, value);
    config_node_free(key);
    return value != NULL;
}

static bool read_item(struct reader *reader, struct config_node ***end,
                      const yaml_event_t *event, int depth)
{
    struct config_node *const value = read_node(reader, event, depth);

    if (value == NULL)
        return false;
    **end = value;
    *end = &value->next;
    return true;
}

static bool read_children(struct reader *reader, struct config_node *node, int depth)
{
    struct config_node **end = &node->child;
    yaml_event_t event;
    bool good = true;

    for (size_t count = 0; good; count++) {
        if (!next_event(reader, &event))
            return false;
        const bool last = event.type == YAML_MAPPING_END_EVENT
            || event.type == YAML_SEQUENCE_END_EVENT;
        if (!last && count == MAX_CHILDREN) {
            complain_at(reader, event.start_mark, "more than 4096 entries in one place");
            good = false;
        } else if (!last)
            good = node->kind == NODE_MAP ? read_pair(reader, node, &end, &event, depth)
                                          : read_item(reader, &end, &event, depth);
        yaml_event_delete(&event);
        if (last)
            break;
    }
    return good;
}

static struct config_node *read_collection(struct reader *reader, const yaml_event_t *event,
                                           int depth)
{
    const bool map = event->type == YAML_MAPPING_START_EVENT;

    if (depth >= CONFIG_MAX_DEPTH) {
        complain_at(reader, event->start_mark, "nested deeper than 32 levels");
        return NULL;
    }
    struct config_node *const node
        = node_new(reader, map ? NODE_MAP : NODE_LIST, event->start_mark,
                   map ? event->data.mapping_start.tag : event->data.sequence_start.tag);
    if (node != NULL && !read_children(reader, node, depth + 1)) {
        config_node_free(node);
        return NULL;
    }
    return node;
}

static struct config_node *read_node(struct reader *reader, const yaml_event_t *event,
                                     int depth)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return read_collection(reader, event, depth);
    default:
        complain_at(reader, event->start_mark, "aliases ('*…') are not expanded here");
        return NULL;
    }
}

/* Nothing may follow the first document. */
static bool read_end(struct reader *reader)
{
    yaml_event_t event;
    bool good = next_event(reader, &event);

    if (!good)
        return false;
    yaml_event_delete(&event);                  /* the end of the document */
    if (!next_event(reader, &event))
        return false;
    if (event.type != YAML_STREAM_END_EVENT) {
        complain_at(reader, event.start_mark, "a second document is not read");
        good = false;
    }
    yaml_event_delete(&event);
    return good;
}

static struct config_node *read_document(struct reader *reader)
{
    yaml_event_t event;

    if (!next_event(reader, &event))
        return NULL;
    struct config_node *node = read_node(reader, &event, 0);
    yaml_event_delete(&event);
    if (node != NULL && !read_end(reader)) {
        config_node_free(node);
        node = NULL;
    }
    return node;
}

/* Up to the first document's start; false when there is none, or after a complaint. */
static bool read_start(struct reader *reader)
{
    yaml_event_t event;
    yaml_event_type_t type = YAML_NO_EVENT;

    while (type != YAML_DOCUMENT_START_EVENT && type != YAML_STREAM_END_EVENT) {
        if (!next_event(reader, &event))
            return false;
        type = event.type;
        yaml_event_delete(&event);
    }
    return type == YAML_DOCUMENT_START_EVENT;
}

static void complain_of_nul(const char *bytes, const char *nul,
                            struct complaints *complaints)
{
    size_t line = 1;
    const char *start = bytes;

    for (const char *at = bytes; at < nul; at++)
        if (*at == '\n') {
            line++;
            start = at + 1;
        }
    config_complain(complaints, line, (size_t)(nul - start) + 1, "",
                    "a NUL byte has no place here");
}

struct config_node *config_node_read(const char *bytes, size_t size,
                                     struct complaints *complaints, bool *ret_empty)
{
    struct reader reader = { .complaints = complaints };
    struct config_node *node = NULL;
    const char *const nul = size > 0 ? memchr(bytes, '\0', size) : NULL;

    *ret_empty = false;
    if (size > CONFIG_MAX_SIZE)
        config_complain(complaints, 1, 1, "", "larger than 1 MiB");
    else if (nul != NULL)
        complain_of_nul(bytes, nul, complaints);
    else if (!yaml_parser_initialize(&reader.parser))
        config_complain(complaints, 1, 1, "", "out of memory");
    else {
        const size_t before = complaints->count;
        yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, size);
        if (read_start(&reader))
            node = read_document(&reader);
        else
            *ret_empty = complaints->count == before;
        yaml_parser_delete(&reader.parser);
    }
    return node;
}

void config_node_free(struct config_node *node)
{
    while (node != NULL) {
        struct config_node *const next = node->next;
        config_node_free(node->child);
        free(node->text);
        free(node->key);
        free(node);
        node = next;
    }
}
