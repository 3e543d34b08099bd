/* Config schema: the tables first, then how they are read and written. */
#include "daemon/config_schema.h"

#include <config.h>

#include <arpa/inet.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "analysis/methods.h"
#include "analysis/organs.h"
#include "analysis/synthesis.h"
#include "daemon/config.h"
#include "daemon/limits.h"
#include "dicom/syntax.h"
#include "util/text.h"

/* ---- what a text may be ---- */

bool config_is_name(const char *text)
{
    char printable[256];

    if (text[0] == '\0' || strlen(text) > 64)
        return false;
    text_printable(text, printable, sizeof printable);
    return strcmp(text, printable) == 0;
}

/* PS3.5 6.2, AE: default characters without backslash and control; spaces at the ends do
 * not count, so that we do not take them. */
static bool is_ae_title(const char *text)
{
    const size_t length = strlen(text);

    if (length == 0 || length > 16 || text[0] == ' ' || text[length - 1] == ' ')
        return false;
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~' || *text == '\\')
            return false;
    return true;
}

static bool is_address(const char *text)
{
    unsigned char address[16];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool is_loopback(const char *text)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, text, address) == 1)
        return address[0] == 127;
    return inet_pton(AF_INET6, text, address) == 1
        && memcmp(address, &in6addr_loopback, sizeof address) == 0;
}

static bool is_host(const char *text)
{
    const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_.:";

    return text[0] != '-' && text[strspn(text, letters)] == '\0';
}

static bool is_path(const char *text)
{
    char printable[2048];

    text_printable(text, printable, sizeof printable);
    return text[0] != '\0' && strcmp(text, printable) == 0;
}

static bool is_file_path(const char *text)
{
    return strlen(text) < 1024;         /* "": none */
}

static bool is_writable_syntax(const char *text)
{
    const struct syntax *const syntax = syntax_find(text);

    return text[0] == '\0' || (syntax != NULL && syntax->writable);
}

/* ---- the tables ---- */

#define IN(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define NUMBER(name, kind, type, member, low, high, what) \
    { name, kind, IN(type, member), low, high, what, NULL, NULL, 0, false }
#define TEXT(name, type, member, what, check, required) \
    { name, FIELD_TEXT, IN(type, member), 0, 0, what, check, NULL, 0, required }
#define WORD(name, type, member, what, words) \
    { name, FIELD_WORD, IN(type, member), 0, 0, what, NULL, words, 0, false }
#define GIVEN(name, kind, member, low, high, what, words, bit) \
    { name, kind, IN(config_analysis, parameters.member), low, high, what, NULL, words, bit, \
      false }
#define END { NULL, FIELD_INT, 0, 0, 0, 0, NULL, NULL, NULL, 0, false }

#define WHAT_AE "an AE title (1 to 16 ASCII characters, no backslash, no space at its ends)"
#define WHAT_PORT "a port (1 to 65535)"
#define WHAT_SWITCH "true or false"

const char *const config_right_words[] = {
    "echo", "store", "find", "move", "get", "commit", NULL };
static const char *const proof_words[] = { "store", "commitment", "find", NULL };
const char *const config_retrieve_words[] = { "move_get", "get_move", "move", "get", NULL };
static const char *const duplicates_words[] = { "first", "last", NULL };
static const char *const level_words[] = {
    "error", "warning", "notice", "info", "debug", NULL };
static const char *const target_words[] = { "stderr", "syslog", NULL };
static const char *const masks_words[] = { "use", "beside", "ignore", NULL };
static const char *const polarity_words[] = { "bright", "dark", "both", NULL };
static const char *const otsu_words[] = { "256", "64", NULL };
#ifdef TUMORD_SIMULATED_HARDWARE
static const char *const engine_words[] = { "fixed", "simulated-hardware", NULL };
#define WHAT_ENGINE "fixed or simulated-hardware"
#else                                   /* the simulated one is of test builds alone */
static const char *const engine_words[] = { "fixed", NULL };
#define WHAT_ENGINE "fixed, the only engine of this build"
#endif
static const char *const suv_words[] = { "bw", "lbm", "lbm_james128", "lbm_janma", "bsa", NULL };

static bool is_method(const char *text)
{
    return methods_find(text) != NULL;
}

static bool is_organ(const char *text)
{
    return organs_name_is_known(text, NULL);
}

static const struct field node_fields[] = {
    TEXT("ae_title", config, ae_title, WHAT_AE, is_ae_title, false),
    TEXT("data_dir", config, data_dir, "a folder's path (1 to 1023 bytes)", is_path, false),
    NUMBER("min_free_mib", FIELD_INT, config, min_free_mib, 0, 1048576,
           "a size (0 to 1048576 MiB)"),
    NUMBER("scrub_mib_s", FIELD_INT, config, scrub_mib_s, 0, 1024,
           "a speed (1 to 1024 MiB/s, or 0: never)"),
    NUMBER("scrub_days", FIELD_INT, config, scrub_days, 0, 3650,
           "a number of days (0 to 3650)"),
    END
};

static const struct field dicom_fields[] = {
    TEXT("bind", config, bind, "an IP address", is_address, false),
    NUMBER("port", FIELD_INT, config, port, 1, 65535, WHAT_PORT),
    NUMBER("max_associations", FIELD_INT, config, max_associations, 1, 1024,
           "a number of associations (1 to 1024)"),
    NUMBER("max_pdu", FIELD_LONG, config, max_pdu, 4096, 131072,
           "a PDU size (4096 to 131072 bytes)"),
    NUMBER("timeout_s", FIELD_INT, config, timeout_s, 1, 3600, "a time (1 to 3600 s)"),
    NUMBER("tls_port", FIELD_INT, config, tls_port, 0, 65535,
           "a port (1 to 65535, or 0: none)"),
    TEXT("tls_certificate", config, tls_certificate, "a file's path", is_file_path, false),
    TEXT("tls_key", config, tls_key, "a file's path", is_file_path, false),
    TEXT("tls_authorities", config, tls_authorities, "a file's path", is_file_path, false),
    NUMBER("tls_require_certificate", FIELD_BOOL, config, tls_require_certificate, 0, 0,
           WHAT_SWITCH),
    NUMBER("accept_unknown", FIELD_BOOL, config, accept_unknown, 0, 0, WHAT_SWITCH),
    { "sop_classes", FIELD_UIDS, IN(config, sop_class), 0, 0, "a UID", text_is_uid, NULL, 0,
      false },
    END
};

static const struct field study_fields[] = {
    NUMBER("quiet_s", FIELD_INT, config, quiet_s, 1, 86400, "a time (1 to 86400 s)"),
    WORD("duplicates", config, duplicates, "first or last", duplicates_words),
    END
};

static const struct field analysis_fields[] = {
    NUMBER("workers", FIELD_INT, config, workers, 1, 16, "a number of workers (1 to 16)"),
    NUMBER("pool", FIELD_INT, config, pool, 1, 4, "a number of warm workers (1 to 4)"),
    NUMBER("threads", FIELD_INT, config, threads, 1, 64, "a number of threads (1 to 64)"),
    NUMBER("max_memory_mib", FIELD_INT, config, max_memory_mib, 64, 1048576,
           "a size (64 to 1048576 MiB)"),
    NUMBER("time_limit_s", FIELD_INT, config, time_limit_s, 1, 86400,
           "a time (1 to 86400 s)"),
    END
};

static const struct field delivery_fields[] = {
    NUMBER("deadline_s", FIELD_INT, config, deadline_s, 1, 31536000,
           "a time (1 to 31536000 s)"),
    END
};

static const struct field web_fields[] = {
    TEXT("bind", config, web_bind,
         "a loopback address (127.0.0.1 or ::1); the page has no log-in yet", is_loopback,
         false),
    NUMBER("port", FIELD_INT, config, web_port, 1, 65535, WHAT_PORT),
    END
};

static const struct field log_fields[] = {
    WORD("level", config, log_level, "error, warning, notice, info or debug", level_words),
    WORD("target", config, log_target, "stderr or syslog", target_words),
    END
};

const struct section config_sections[] = {
    { "node", node_fields },
    { "dicom", dicom_fields },
    { "study", study_fields },
    { "analysis", analysis_fields },
    { "delivery", delivery_fields },
    { "web", web_fields },
    { "log", log_fields },
    { NULL, NULL }
};

const struct field config_peer_fields[] = {
    TEXT("name", config_peer, name, CONFIG_WHAT_NAME, config_is_name, true),
    TEXT("ae_title", config_peer, ae_title, WHAT_AE, is_ae_title, true),
    TEXT("host", config_peer, host, "a host's name or address", is_host, false),
    NUMBER("port", FIELD_INT, config_peer, port, 0, 65535,
           "a port (1 to 65535, or 0: never called)"),
    NUMBER("tls", FIELD_BOOL, config_peer, tls, 0, 0, WHAT_SWITCH),
    NUMBER("max_associations", FIELD_INT, config_peer, max_associations, 0, 1024,
           "a number of associations (1 to 1024, or 0: no limit of its own)"),
    WORD("proof", config_peer, proof, "store, commitment or find", proof_words),
    WORD("retrieve", config_peer, retrieve, "move_get, get_move, move or get", config_retrieve_words),
    NUMBER("rejection_notes", FIELD_BOOL, config_peer, rejection_notes, 0, 0, WHAT_SWITCH),
    TEXT("retrieve_hours", config_peer, retrieve_hours,
         "hours like 22:00-06:00, or '' for any", limits_are_hours, false),
    NUMBER("max_mib_s", FIELD_INT, config_peer, max_mib_s, 0, 100000,
           "mebibytes a second (1 to 100000, or 0: no limit)"),
    TEXT("transfer_syntax", config_peer, transfer_syntax,
         "the UID of a transfer syntax that loses nothing, or ''", is_writable_syntax, false),
    END
};

static const char *const choose_words[] = { "each", "best", NULL };
const struct field config_choose_field[] = {
    WORD("choose", config_rule, choose, "each or best", choose_words),
    END
};

const struct field config_retention_field[] = {
    NUMBER("retention_days", FIELD_INT, config_rule, retention_days, 0, 36500,
           "a number of days (1 to 36500, or 0: for ever)"),
    END
};

const struct field config_prior_fields[] = {
    NUMBER("count", FIELD_INT, config_rule, prior_count, 1, 64, "a number of studies (1 to 64)"),
    NUMBER("within_days", FIELD_INT, config_rule, prior_within_days, 1, 36500,
           "a number of days (1 to 36500)"),
    NUMBER("deadline_s", FIELD_INT, config_rule, prior_deadline_s, 1, 86400,
           "seconds (1 to 86400)"),
    END
};

const struct field config_analysis_fields[] = {
    { "method", FIELD_TEXT, IN(config_analysis, parameters.method), 0, 0,
      "a method that tumord.yaml(5) lists", is_method, NULL, GIVEN_METHOD, false },
    { "organ", FIELD_TEXT, IN(config_analysis, parameters.organ), 0, 0,
      "an organ that tumord.yaml(5) lists", is_organ, NULL, GIVEN_ORGAN, false },
    GIVEN("window_center", FIELD_DOUBLE, window_center, -1e6, 1e6,
          "a window's centre (-1000000 to 1000000)", NULL, 1u << 30),
    GIVEN("window_width", FIELD_DOUBLE, window_width, 0, 1e6,
          "a window's width (to 1000000; 0: from the volume)", NULL, 1u << 31),
    GIVEN("polarity", FIELD_WORD, polarity, 0, 0, "bright, dark or both", polarity_words,
          GIVEN_POLARITY),
    GIVEN("min_lesion_mm3", FIELD_DOUBLE, min_lesion_mm3, 0, 1e9,
          "a volume (0 to 1000000000 mm3)", NULL, GIVEN_MIN_LESION),
    GIVEN("min_contrast", FIELD_DOUBLE, min_contrast, 0, 1000,
          "a contrast in noise SDs (0 to 1000)", NULL, GIVEN_MIN_CONTRAST),
    GIVEN("max_fraction", FIELD_DOUBLE, max_fraction, 0, 1, "a fraction (0 to 1)", NULL,
          GIVEN_MAX_FRACTION),
    GIVEN("split", FIELD_DOUBLE, split, 0, 1, "a part of a peak (0 to 1; 0: never)", NULL, GIVEN_SPLIT),
    GIVEN("synthesis_mm", FIELD_DOUBLE, synthesis_mm, 0, SYNTHESIS_MAX_DEPTH_MM,
          "a depth (0 to 500 mm; 0: none)", NULL, GIVEN_SYNTHESIS),
    GIVEN("max_missing_slices", FIELD_INT, max_missing_slices, 0, 10,
          "a number of slices (0 to 10)", NULL, GIVEN_MISSING),
    GIVEN("masks", FIELD_WORD, masks, 0, 0, "use, beside or ignore", masks_words, GIVEN_MASKS),
    GIVEN("flatten", FIELD_BOOL, flatten, 0, 0, WHAT_SWITCH, NULL, GIVEN_FLATTEN),
    GIVEN("organs", FIELD_BOOL, organs, 0, 0, WHAT_SWITCH, NULL, GIVEN_ORGANS),
    GIVEN("otsu_bins", FIELD_WORD, otsu_bins, 0, 0, "256 or 64", otsu_words, GIVEN_OTSU_BINS),
    GIVEN("engine", FIELD_WORD, engine, 0, 0, WHAT_ENGINE, engine_words, GIVEN_ENGINE),
    GIVEN("suv", FIELD_WORD, suv, 0, 0, "bw, lbm, lbm_james128, lbm_janma or bsa",
          suv_words, GIVEN_SUV),
    GIVEN("suv_threshold", FIELD_DOUBLE, suv_threshold, 0, 1000, "a SUV (0 to 1000; 0: 4)", NULL,
          GIVEN_SUV_THRESHOLD),
    END
};

const struct field config_organ_fields[] = {
    NUMBER("window_center", FIELD_DOUBLE, config_organ, window_center, -32768, 32767,
           "a window's centre (-32768 to 32767 HU)"),
    NUMBER("window_width", FIELD_DOUBLE, config_organ, window_width, 1, 65536,
           "a window's width (1 to 65536 HU)"),
    NUMBER("hu_low", FIELD_DOUBLE, config_organ, hu_low, -32768, 32767,
           "a CT number (-32768 to 32767 HU)"),
    NUMBER("hu_high", FIELD_DOUBLE, config_organ, hu_high, -32768, 32767,
           "a CT number (-32768 to 32767 HU)"),
    END
};

/* ---- reading ---- */

static const char *kind_name(enum config_node_kind kind)
{
    return kind == NODE_SCALAR ? "a single value" : kind == NODE_LIST ? "a list"
        : "a section of keys";
}

static bool is_null(const struct config_node *node)
{
    return node->kind == NODE_SCALAR && node->plain
        && (node->text[0] == '\0' || strcmp(node->text, "~") == 0
            || strcmp(node->text, "null") == 0);
}

bool config_expect(const struct config_node *node, enum config_node_kind kind,
                   const char *path, struct complaints *complaints)
{
    if (node->kind == kind && !is_null(node))
        return true;
    if (is_null(node))
        config_complain(complaints, node->line, node->column, path,
                        "has no value%s", kind == NODE_LIST ? " (none is written [])" : "");
    else
        config_complain(complaints, node->line, node->column, path, "is %s and must be %s",
                        kind_name(node->kind), kind_name(kind));
    return false;
}

const struct config_node *config_find(const struct config_node *map, const char *key)
{
    for (const struct config_node *node = map->child; node != NULL; node = node->next)
        if (strcmp(node->key, key) == 0)
            return node;
    return NULL;
}

static bool read_number(const struct config_node *node, const struct field *field, char *at)
{
    long long integer;
    double value;

    if (!node->plain)
        return false;                       /* "11112" in quotes is a text */
    if (field->kind == FIELD_DOUBLE) {
        if (!text_to_double(node->text, &value) || value < field->low || value > field->high)
            return false;
        *(double *)at = value == 0.0 ? 0.0 : value;         /* no minus zero */
        return true;
    }
    if (!text_to_int(node->text, (long long)field->low, (long long)field->high, &integer))
        return false;
    if (field->kind == FIELD_LONG)
        *(long *)at = (long)integer;
    else
        *(int *)at = (int)integer;
    return true;
}

static bool read_switch(const struct config_node *node, bool *ret_value)
{
    const bool yes = strcmp(node->text, "true") == 0, no = strcmp(node->text, "false") == 0;

    if (!node->plain || (!yes && !no))
        return false;
    *ret_value = yes;
    return true;
}

static bool read_word(const struct config_node *node, const struct field *field, char *at)
{
    for (int i = 0; field->words[i] != NULL; i++)
        if (strcmp(node->text, field->words[i]) == 0) {
            *(int *)at = i;                 /* enums of ours are ints in gcc and clang */
            return true;
        }
    return false;
}

static bool read_text(const struct config_node *node, const struct field *field, char *at)
{
    return strlen(node->text) < field->size && field->check(node->text)
        && text_format(at, field->size, "%s", node->text);
}

static bool read_value(const struct config_node *node, const struct field *field, char *at)
{
    switch (field->kind) {
    case FIELD_BOOL: return read_switch(node, (bool *)at);
    case FIELD_TEXT: return read_text(node, field, at);
    case FIELD_WORD: return read_word(node, field, at);
    default: return read_number(node, field, at);
    }
}

/* Their number is that of the array's places, with one more for its end. */
static void read_uids(const struct config_node *list, const struct field *field,
                      const char *path, char *at, struct complaints *complaints)
{
    const size_t places = field->size / TEXT_UID_SIZE - 1;
    size_t count = 0;

    if (!config_expect(list, NODE_LIST, path, complaints))
        return;
    memset(at, 0, field->size);
    for (const struct config_node *item = list->child; item != NULL; item = item->next) {
        if (!config_expect(item, NODE_SCALAR, path, complaints))
            continue;
        if (count == places)
            config_complain(complaints, item->line, item->column, path,
                            "has more than %zu values", places);
        if (count == places)
            return;
        if (field->check(item->text))
            text_format(at + TEXT_UID_SIZE * count++, TEXT_UID_SIZE, "%s", item->text);
        else
            config_complain(complaints, item->line, item->column, path, "%.80s is not %s",
                            item->text[0] == '\0' ? "''" : item->text, field->what);
    }
}

static const struct field *find_field(const struct field *fields, const char *name)
{
    for (; fields->name != NULL; fields++)
        if (strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static bool is_other(const char *const *others, const char *key)
{
    for (; others != NULL && *others != NULL; others++)
        if (strcmp(*others, key) == 0)
            return true;
    return false;
}

void config_field_read(const struct config_node *node, const struct field *field,
                       const char *path, void *object, unsigned *given,
                       struct complaints *complaints)
{
    if (field->kind == FIELD_UIDS) {
        read_uids(node, field, path, (char *)object + field->offset, complaints);
        return;
    }
    if (!config_expect(node, NODE_SCALAR, path, complaints))
        return;
    if (!read_value(node, field, (char *)object + field->offset))
        config_complain(complaints, node->line, node->column, path, "%.80s is not %s",
                        node->text[0] == '\0' ? "''" : node->text, field->what);
    else if (given != NULL)
        *given |= field->given;
}

void config_fields_read(const struct config_node *map, const struct field *fields,
                        const char *const *others, const char *path, void *object,
                        unsigned *given, struct complaints *complaints)
{
    char full[256];

    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        const struct field *const field = find_field(fields, node->key);
        text_format(full, sizeof full, "%s.%.80s", path, node->key);
        if (field != NULL)
            config_field_read(node, field, full, object, given, complaints);
        else if (!is_other(others, node->key))
            config_complain(complaints, node->key_line, node->key_column, full,
                            "there is no such key");
    }
    for (; fields->name != NULL; fields++)
        if (fields->required && config_find(map, fields->name) == NULL)
            config_complain(complaints, map->line, map->column, path, "has no %s",
                            fields->name);
}

/* ---- writing ---- */

/* One character of UTF-8 that libyaml has let in, or one byte that it has not. */
static size_t decode(const unsigned char *at, uint32_t *ret_value)
{
    const size_t length = at[0] < 0xc0 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t value = length == 1 ? at[0] : at[0] & (0xffu >> (length + 1));

    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            *ret_value = '?';
            return 1;
        }
        value = value << 6 | (at[i] & 0x3f);
    }
    *ret_value = value;
    return length;
}

void config_quote(const char *text, FILE *to)
{
    const unsigned char *at = (const unsigned char *)text;
    uint32_t value;

    fputc('"', to);
    while (*at != '\0') {
        at += decode(at, &value);
        if (value == '"' || value == '\\')
            fprintf(to, "\\%c", (int)value);
        else if (value >= ' ' && value <= '~')
            fputc((int)value, to);
        else if (value <= 0xff)
            fprintf(to, "\\x%02x", value);
        else
            fprintf(to, value <= 0xffff ? "\\u%04x" : "\\U%08x", value);
    }
    fputc('"', to);
}

void config_number(double value, FILE *to)
{
    char text[40];
    double again;

    for (int digits = 6; digits <= 17; digits++) {
        text_format(text, sizeof text, "%.*g", digits, value);
        if (text_to_double(text, &again) && again == value)
            break;
    }
    fputs(text, to);
}

static void dump_uids(const struct field *field, const char *at, FILE *to)
{
    fputc('[', to);
    for (size_t i = 0; i < field->size && at[i] != '\0'; i += TEXT_UID_SIZE)
        fprintf(to, "%s%s", i > 0 ? ", " : "", at + i);
    fputc(']', to);
}

static void dump_value(const struct field *field, const char *at, FILE *to)
{
    switch (field->kind) {
    case FIELD_INT: fprintf(to, "%d", *(const int *)at); break;
    case FIELD_LONG: fprintf(to, "%ld", *(const long *)at); break;
    case FIELD_DOUBLE: config_number(*(const double *)at, to); break;
    case FIELD_BOOL: fputs(*(const bool *)at ? "true" : "false", to); break;
    case FIELD_TEXT: config_quote(at, to); break;
    case FIELD_UIDS: dump_uids(field, at, to); break;
    case FIELD_WORD: fputs(field->words[*(const int *)at], to); break;
    }
}

void config_fields_dump(const struct field *fields, const void *object,
                        const unsigned *given, const char *indent, FILE *to)
{
    for (; fields->name != NULL; fields++) {
        const char *const at = (const char *)object + fields->offset;
        if (given != NULL && (fields->given & *given) == 0)
            continue;
        fprintf(to, "%s%s: ", indent, fields->name);
        dump_value(fields, at, to);
        fputc('\n', to);
    }
}
