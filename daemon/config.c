/* Config: the embedded defaults first, the file over them, and what others ask of it. */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/organs.h"
#include "daemon/config_default.h"
#include "daemon/config_node.h"
#include "daemon/config_quality.h"
#include "daemon/config_read.h"
#include "daemon/config_schema.h"
#include "util/error.h"
#include "util/text.h"

/* ---- loading ---- */

static void read_text(struct config *config, const char *bytes, size_t size,
                      struct complaints *complaints)
{
    bool empty;
    struct config_node *const root = config_node_read(bytes, size, complaints, &empty);

    if (root != NULL)
        config_read(config, root, complaints);
    config_node_free(root);
}

/* The file's bytes, one more than CONFIG_MAX_SIZE at most; the caller frees them. */
static char *read_file(const char *path, size_t *ret_size, struct error *err)
{
    size_t size = 0;
    char *bytes = NULL;
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        error_errno(err, "%s", path);
        return NULL;
    }
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        error_set(err, ERROR_CONFIG, "%s: is a folder", path);
    else if ((bytes = malloc(CONFIG_MAX_SIZE + 1)) == NULL)
        error_set(err, ERROR_MEMORY, "%s", path);
    while (bytes != NULL && size <= CONFIG_MAX_SIZE) {
        const ssize_t got = read(fd, bytes + size, CONFIG_MAX_SIZE + 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            error_errno(err, "%s", path);
            free(bytes);
            bytes = NULL;
        } else if (got == 0) {
            break;
        } else {
            size += (size_t)got;
        }
    }
    close(fd);
    *ret_size = size;
    return bytes;
}

static bool read_path(struct config *config, const char *path, struct complaints *complaints,
                      struct error *err)
{
    size_t size = 0;
    char *const bytes = read_file(path, &size, err);

    if (bytes == NULL) {
        err->code = ERROR_CONFIG;
        return false;
    }
    read_text(config, bytes, size, complaints);
    free(bytes);
    return true;
}

struct config *config_load(const char *path, FILE *to, struct error *err)
{
    struct complaints complaints = { .file = "(embedded defaults)", .to = to };
    struct config *const config = calloc(1, sizeof *config);

    if (config == NULL)
        return error_null(err, ERROR_MEMORY, "the configuration");
    read_text(config, (const char *)config_default_text, config_default_size, &complaints);
    if (path != NULL) {
        complaints.file = path;
        if (!read_path(config, path, &complaints, err)) {
            config_free(config);
            return NULL;
        }
    }
    if (complaints.count == 0)
        return config;
    config_free(config);
    return error_null(err, ERROR_CONFIG, "%zu mistake%s in %s", complaints.count,
                      complaints.count == 1 ? "" : "s", complaints.file);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    config_rules_free(config);
    free(config->peer);
    free(config->analysis);
    free(config->organ);
    free(config);
}

/* ---- dumping ---- */

static void dump_peers(const struct config *config, FILE *to)
{
    fputs(config->peer_count == 0 ? "peers: []\n" : "peers:\n", to);
    for (size_t i = 0; i < config->peer_count; i++) {
        const struct config_peer *const peer = &config->peer[i];
        const char *comma = "";
        fputs("  -\n", to);
        config_fields_dump(config_peer_fields, peer, NULL, "    ", to);
        fputs("    allow: [", to);
        for (unsigned j = 0; config_right_words[j] != NULL; j++)
            if (peer->allow & 1u << j) {
                fprintf(to, "%s%s", comma, config_right_words[j]);
                comma = ", ";
            }
        fputs("]\n", to);
    }
}

static void dump_lay_on(const struct config_analysis *analysis, FILE *to)
{
    const char *comma = "";

    if (!(analysis->given & GIVEN_LAY_ON))
        return;
    fputs("    lay_on: [", to);
    for (int role = 0; role < LAID_ROLES; role++)
        if (analysis->parameters.lay_on >> role & 1) {
            fprintf(to, "%s%s", comma, laid_role_name((enum laid_role)role));
            comma = ", ";
        }
    fputs("]\n", to);
}

static void dump_windows(const struct config_analysis *analysis, FILE *to)
{
    const char *comma = "";

    if (!(analysis->given & GIVEN_WINDOWS))
        return;
    fputs("    windows: [", to);
    for (int id = 0; id < ORGAN_WINDOWS; id++)
        if (analysis->parameters.window[id].width > 0) {
            fprintf(to, "%s%s", comma, organs_window_name((enum organ_window_id)id));
            comma = ", ";
        }
    fputs("]\n", to);
}

static void dump_analyses(const struct config *config, FILE *to)
{
    fputs("analyses:\n", to);
    for (size_t i = 0; i < config->analysis_count; i++) {
        const struct config_analysis *const analysis = &config->analysis[i];
        unsigned given = analysis->given;
        if (given & GIVEN_WINDOW)
            given |= 1u << 30 | 1u << 31;       /* as the table has them: one bit a key */
        fputs("  ", to);
        config_quote(analysis->name, to);
        fputs(given == 0 ? ": {}\n" : ":\n", to);
        config_fields_dump(config_analysis_fields, analysis, &given, "    ", to);
        dump_lay_on(analysis, to);
        dump_windows(analysis, to);
        config_quality_dump(&analysis->parameters.quality, "    ", to);
    }
}

static void dump_organs(const struct config *config, FILE *to)
{
    fputs(config->organ_count == 0 ? "organs: {}\n" : "organs:\n", to);
    for (size_t i = 0; i < config->organ_count; i++) {
        fputs("  ", to);
        config_quote(config->organ[i].name, to);
        fputs(":\n", to);
        config_fields_dump(config_organ_fields, &config->organ[i], NULL, "    ", to);
    }
}

static void dump_range(const struct config_condition *condition, FILE *to)
{
    fputc('{', to);
    if (isfinite(condition->low)) {
        fputs("min: ", to);
        config_number(condition->low, to);
    }
    if (isfinite(condition->low) && isfinite(condition->high))
        fputs(", ", to);
    if (isfinite(condition->high)) {
        fputs("max: ", to);
        config_number(condition->high, to);
    }
    fputc('}', to);
}

static void dump_regex(const struct config_condition *condition, FILE *to)
{
    char text[300];

    text_format(text, sizeof text, "/%s/", condition->regex_text);
    config_quote(text, to);
}

static void dump_condition(const struct config_condition *condition, FILE *to)
{
    const bool list = condition->kind == CONDITION_LIST;

    fprintf(to, "      %s: ", condition->tag);
    if (condition->kind == CONDITION_RANGE)
        dump_range(condition, to);
    else if (condition->kind == CONDITION_REGEX)
        dump_regex(condition, to);
    else
        fputs(list ? "[" : "", to);
    for (size_t i = 0; i < condition->value_count; i++) {
        fputs(i > 0 ? ", " : "", to);
        config_quote(condition->value[i], to);
    }
    fputs(list ? "]\n" : "\n", to);
}

static void dump_names(const char *key, char (*name)[65], size_t count, FILE *to)
{
    fprintf(to, "    %s: [", key);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", to);
        config_quote(name[i], to);
    }
    fputs("]\n", to);
}

static void dump_priors(const struct config_rule *rule, FILE *to)
{
    static const char *const same[] = { "[]", "[modality]", "[body_part]",
                                        "[modality, body_part]" };

    if (rule->prior_from_count == 0)
        return;
    fputs("    priors:\n", to);
    config_fields_dump(config_prior_fields, rule, NULL, "      ", to);
    fprintf(to, "      same: %s\n  ", same[rule->prior_same & 3]);
    dump_names("from", rule->prior_from, rule->prior_from_count, to);
}

static void dump_rules(const struct config *config, FILE *to)
{
    fputs(config->rule_count == 0 ? "rules: []\n" : "rules:\n", to);
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct config_rule *const rule = &config->rule[i];
        fputs("  - name: ", to);
        config_quote(rule->name, to);
        fputs(rule->condition_count == 0 ? "\n    when: {}\n" : "\n    when:\n", to);
        for (size_t j = 0; j < rule->condition_count; j++)
            dump_condition(&rule->condition[j], to);
        if (rule->analysis[0] != '\0') {
            fputs("    analysis: ", to);
            config_quote(rule->analysis, to);
            fputc('\n', to);
        }
        dump_priors(rule, to);
        dump_names("deliver_to", rule->deliver_to, rule->deliver_count, to);
        dump_names("forward_to", rule->forward_to, rule->forward_count, to);
        config_fields_dump(config_choose_field, rule, NULL, "    ", to);
        config_fields_dump(config_retention_field, rule, NULL, "    ", to);
    }
}

bool config_dump(const struct config *config, FILE *to, struct error *err)
{
    for (const struct section *section = config_sections; section->name != NULL; section++) {
        fprintf(to, "%s:\n", section->name);
        config_fields_dump(section->fields, config, NULL, "  ", to);
    }
    dump_peers(config, to);
    dump_rules(config, to);
    dump_analyses(config, to);
    dump_organs(config, to);
    return (fflush(to) == 0 && !ferror(to)) || error_errno(err, "writing the configuration");
}

/* ---- asking ---- */

size_t config_sop_class_count(const struct config *config)
{
    size_t count = 0;

    while (count < CONFIG_MAX_CLASSES && config->sop_class[count][0] != '\0')
        count++;
    return count;
}

const struct config_peer *config_peer_by_ae(const struct config *config, const char *ae_title)
{
    for (size_t i = 0; i < config->peer_count; i++)
        if (strcmp(config->peer[i].ae_title, ae_title) == 0)
            return &config->peer[i];
    return NULL;
}

const struct config_peer *config_peer_by_name(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->peer_count; i++)
        if (strcmp(config->peer[i].name, name) == 0)
            return &config->peer[i];
    return NULL;
}

const struct config_analysis *config_analysis_by_name(const struct config *config,
                                                      const char *name)
{
    for (size_t i = 0; i < config->analysis_count; i++)
        if (strcmp(config->analysis[i].name, name) == 0)
            return &config->analysis[i];
    return NULL;
}

static bool value_holds(const struct config_condition *condition, const char *value)
{
    double number;

    if (condition->kind == CONDITION_RANGE)
        return text_to_double(value, &number) && number >= condition->low
            && number <= condition->high;
    if (condition->kind == CONDITION_REGEX)
        return regexec(&condition->regex, value, 0, NULL, 0) == 0;
    for (size_t i = 0; i < condition->value_count; i++)
        if (strcmp(condition->value[i], value) == 0)
            return true;
    return false;
}

/* A tag of several values holds when one of them does. */
static bool condition_holds(const struct config_condition *condition, const char *text)
{
    char *const copy = text != NULL ? strdup(text) : NULL;
    char *rest = copy, *value;
    bool holds = false;

    while (!holds && (value = strsep(&rest, "\\")) != NULL)
        holds = value_holds(condition, text_trim(value));
    free(copy);
    return holds;
}

static bool rule_holds(const struct config_rule *rule, config_tag_fn tag, void *context)
{
    for (size_t i = 0; i < rule->condition_count; i++)
        if (!condition_holds(&rule->condition[i], tag(rule->condition[i].tag, context)))
            return false;
    return true;
}

const struct config_rule *config_match(const struct config *config, config_tag_fn tag,
                                       void *context)
{
    for (size_t i = 0; i < config->rule_count; i++)
        if (rule_holds(&config->rule[i], tag, context))
            return &config->rule[i];
    return NULL;
}
