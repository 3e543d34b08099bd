/*
 * Config schema: every key that is one value, as tables: reading, checking, dumping and the
 * manual's test all walk these. What is a list of things is in config_read.c.
 */
#ifndef TUMORD_DAEMON_CONFIG_SCHEMA_H
#define TUMORD_DAEMON_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/config_node.h"

enum field_kind {
    FIELD_INT, FIELD_LONG, FIELD_DOUBLE, FIELD_BOOL, FIELD_TEXT,
    FIELD_WORD,                         /* an enum (int), by its place in `words` */
    FIELD_UIDS                          /* a list, in an array of TEXT_UID_SIZE up to "" */
};

typedef bool (*field_check)(const char *text);

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset, size;                /* in the struct; size of a text's buffer */
    double low, high;                   /* of numbers */
    const char *what;                   /* "a port (1 to 65535)"; for complaints */
    field_check check;                  /* of a text */
    const char *const *words;           /* ends with NULL */
    unsigned given;                     /* bit that reading sets in *given; 0: none */
    bool required;
};

struct section {
    const char *name;
    const struct field *fields;         /* of struct config, up to one without a name */
};
extern const struct section config_sections[];      /* up to one without a name */
extern const struct field config_peer_fields[], config_analysis_fields[],
    config_organ_fields[], config_retention_field[], config_choose_field[], config_prior_fields[];
extern const char *const config_right_words[];      /* in the order of enum peer_right */
extern const char *const config_retrieve_words[];   /* … of enum peer_retrieve */

/* Reads one value that stands at `path`. */
void config_field_read(const struct config_node *node, const struct field *field,
                       const char *path, void *object, unsigned *given,
                       struct complaints *complaints);
/* Reads what `map` has of `fields` into `object`; keys of `others` (up to NULL, may be NULL)
 * are left to the caller, all further ones are complaints. */
void config_fields_read(const struct config_node *map, const struct field *fields,
                        const char *const *others, const char *path, void *object,
                        unsigned *given, struct complaints *complaints);
/* Writes "indent name: value" lines; with `given` only the fields whose bit is set. */
void config_fields_dump(const struct field *fields, const void *object,
                        const unsigned *given, const char *indent, FILE *to);

/* `text` in double quotes, in ASCII, as YAML reads it back. */
void config_quote(const char *text, FILE *to);
/* The shortest decimal that reads back as `value`. */
void config_number(double value, FILE *to);

/* Is the node of the kind? Complains with what was wanted. */
bool config_expect(const struct config_node *node, enum config_node_kind kind,
                   const char *path, struct complaints *complaints);
const struct config_node *config_find(const struct config_node *map, const char *key);

/* A name: 1 to 64 bytes without control characters. */
bool config_is_name(const char *text);
#define CONFIG_WHAT_NAME "a name (1 to 64 bytes, no control characters)"

#endif
