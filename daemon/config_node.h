/*
 * Config nodes: a YAML file as a small tree that remembers where each thing stood. Read by
 * libyaml's events, without aliases, tags or second documents; depth, size and bytes are
 * bounded, and a key that comes twice is a complaint.
 */
#ifndef TUMORD_DAEMON_CONFIG_NODE_H
#define TUMORD_DAEMON_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CONFIG_MAX_SIZE (1u << 20)
#define CONFIG_MAX_DEPTH 32

struct error;

enum config_node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct config_node {
    enum config_node_kind kind;
    bool plain;                         /* a scalar without quotes: may be a number or word */
    char *text;                         /* of a scalar; UTF-8 without NUL */
    char *key;                          /* in a map: its key, and where that stands */
    size_t key_line, key_column;
    size_t line, column;                /* from 1 */
    struct config_node *child, *next;   /* of a list or map, in order */
};

/* The complaints of one file: every one is a line 'file:line:column: path: sentence'. */
struct complaints {
    const char *file;
    FILE *to;                           /* NULL: only counted */
    size_t count;
};

void config_complain(struct complaints *complaints, size_t line, size_t column,
                     const char *path, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/*
 * The tree of `size` bytes. NULL after a complaint about YAML itself; `ret_empty` tells a
 * document without content (NULL as well, and no complaint). Doubled keys are complained
 * about, and the first one stays.
 */
struct config_node *config_node_read(const char *bytes, size_t size,
                                     struct complaints *complaints, bool *ret_empty);
void config_node_free(struct config_node *node);    /* NULL is fine */

#endif
