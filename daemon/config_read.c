/* Config reading: sections by their tables; peers, analyses, organs and rules by hand. */
#include "daemon/config_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/organs.h"
#include "daemon/config.h"
#include "daemon/config_node.h"
#include "daemon/config_quality.h"
#include "daemon/config_schema.h"
#include "daemon/slices.h"
#include "dicom/scan.h"
#include "util/text.h"

#define GIVEN_CENTER (1u << 30)
#define GIVEN_WIDTH (1u << 31)
#define MAX_REGEX 256
#define MAX_REPEATS 1000            /* glibc's regcomp unrolls (a{255}){255}: 65025 copies */

static size_t count_children(const struct config_node *node)
{
    size_t count = 0;

    for (const struct config_node *child = node->child; child != NULL; child = child->next)
        count++;
    return count;
}

/* `count` zeroed elements, or NULL after a complaint. Zero gives a valid pointer. */
static void *take(const struct config_node *node, size_t count, size_t size,
                  struct complaints *complaints)
{
    void *const memory = calloc(count == 0 ? 1 : count, size);

    if (memory == NULL)
        config_complain(complaints, node->line, node->column, "", "out of memory");
    return memory;
}

/* The key of a map as the thing's name. */
static bool read_key_name(const struct config_node *node, const char *path, char *name,
                          size_t size, struct complaints *complaints)
{
    if (config_is_name(node->key) && text_format(name, size, "%s", node->key))
        return true;
    config_complain(complaints, node->key_line, node->key_column, path, "is not %s",
                    CONFIG_WHAT_NAME);
    return false;
}

/* ---- peers ---- */

static void read_rights(const struct config_node *node, const char *path, unsigned *ret_allow,
                        struct complaints *complaints)
{
    unsigned allow = 0;

    if (!config_expect(node, NODE_LIST, path, complaints))
        return;
    for (const struct config_node *item = node->child; item != NULL; item = item->next) {
        unsigned i = 0;
        if (!config_expect(item, NODE_SCALAR, path, complaints))
            continue;
        while (config_right_words[i] != NULL && strcmp(config_right_words[i], item->text) != 0)
            i++;
        if (config_right_words[i] == NULL)
            config_complain(complaints, item->line, item->column, path,
                            "%.80s is not echo, store, find, move, get or commit",
                            item->text);
        else if (allow & 1u << i)
            config_complain(complaints, item->line, item->column, path,
                            "%s is there twice", item->text);
        else
            allow |= 1u << i;
    }
    *ret_allow = allow;
}

static void check_peer(const struct config *config, size_t at, const struct config_node *node,
                       const char *path, struct complaints *complaints)
{
    const struct config_peer *const peer = &config->peer[at];

    if (peer->port > 0 && peer->host[0] == '\0')
        config_complain(complaints, node->line, node->column, path,
                        "has a port and no host to call");
    for (size_t i = 0; i < at; i++) {
        if (peer->name[0] != '\0' && strcmp(config->peer[i].name, peer->name) == 0)
            config_complain(complaints, node->line, node->column, path,
                            "the name %s is taken by peers[%zu]", peer->name, i);
        if (peer->ae_title[0] != '\0' && strcmp(config->peer[i].ae_title, peer->ae_title) == 0)
            config_complain(complaints, node->line, node->column, path,
                            "the AE title %s is taken by peers[%zu]", peer->ae_title, i);
    }
}

static void read_peers(struct config *config, const struct config_node *list,
                       struct complaints *complaints)
{
    static const char *const others[] = { "allow", NULL };
    char path[64];

    if (!config_expect(list, NODE_LIST, "peers", complaints))
        return;
    struct config_peer *const peers = take(list, count_children(list), sizeof *peers,
                                           complaints);
    if (peers == NULL)
        return;
    free(config->peer);
    config->peer = peers;
    config->peer_count = 0;
    for (const struct config_node *node = list->child; node != NULL; node = node->next) {
        struct config_peer *const peer = &peers[config->peer_count];
        text_format(path, sizeof path, "peers[%zu]", config->peer_count);
        if (!config_expect(node, NODE_MAP, path, complaints))
            continue;
        peer->allow = RIGHT_ECHO;
        config_fields_read(node, config_peer_fields, others, path, peer, NULL, complaints);
        check_peer(config, config->peer_count++, node, path, complaints);
        const struct config_node *const allow = config_find(node, "allow");
        text_format(path, sizeof path, "peers[%zu].allow", config->peer_count - 1);
        if (allow != NULL)
            read_rights(allow, path, &peer->allow, complaints);
    }
}

/* ---- analyses ---- */

static void check_window(struct config_analysis *analysis, const struct config_node *node,
                         const char *path, struct complaints *complaints)
{
    const unsigned both = GIVEN_CENTER | GIVEN_WIDTH, given = analysis->given & both;

    if (given == both)
        analysis->given |= GIVEN_WINDOW;
    else if (given != 0)
        config_complain(complaints, node->line, node->column, path,
                        "window_center and window_width go together");
    analysis->given &= ~both;
}

/* The rules may always name "default": what the series' modality gives. */
static void add_default_analysis(struct config *config)
{
    struct config_analysis *const analysis = &config->analysis[config->analysis_count];

    if (config_analysis_by_name(config, "default") != NULL)
        return;
    text_format(analysis->name, sizeof analysis->name, "default");
    analysis->modality_defaults = true;
    config->analysis_count++;
}

static void read_quality(struct config_analysis *analysis, const struct config_node *map,
                         const char *path, struct complaints *complaints)
{
    const struct config_node *const quality = config_find(map, "quality");
    char full[280];

    if (quality == NULL)
        return;
    text_format(full, sizeof full, "%s.quality", path);
    config_quality_read(quality, full, &analysis->parameters.quality, complaints);
    analysis->given |= GIVEN_QUALITY;
}

static const struct config_organ *find_organ(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->organ_count; i++)
        if (strcmp(config->organ[i].name, name) == 0)
            return &config->organ[i];
    return NULL;
}

static void read_lay_on(struct config_analysis *analysis, const struct config_node *map,
                        const char *path, struct complaints *complaints)
{
    const struct config_node *const list = config_find(map, "lay_on");
    char full[280];

    text_format(full, sizeof full, "%s.lay_on", path);
    if (list == NULL || !config_expect(list, NODE_LIST, full, complaints))
        return;
    for (const struct config_node *item = list->child; item != NULL; item = item->next) {
        if (!config_expect(item, NODE_SCALAR, full, complaints))
            continue;
        const enum laid_role role = laid_role_find(item->text);
        if (role == LAID_ROLES)
            config_complain(complaints, item->line, item->column, full,
                            "%.80s is not T1, T1c, T2, FLAIR, CT or PT", item->text);
        else
            analysis->parameters.lay_on |= 1u << role;
    }
    analysis->given |= GIVEN_LAY_ON;
}

/* By the names of organs, whose windows are those of `organs`, read before. */
static void read_windows(const struct config *config, struct config_analysis *analysis,
                         const struct config_node *map, const char *path, struct complaints *complaints)
{
    const struct config_node *const list = config_find(map, "windows");
    char full[280];

    text_format(full, sizeof full, "%s.windows", path);
    if (list == NULL || !config_expect(list, NODE_LIST, full, complaints))
        return;
    for (const struct config_node *item = list->child; item != NULL; item = item->next) {
        if (!config_expect(item, NODE_SCALAR, full, complaints))
            continue;
        const enum organ_window_id id = organs_window_find(item->text);
        const struct config_organ *const organ = find_organ(config, item->text);
        if (id == ORGAN_WINDOWS)
            config_complain(complaints, item->line, item->column, full,
                            "%.80s is not bone, kidney, liver, lung or spleen", item->text);
        else if (organ == NULL)
            config_complain(complaints, item->line, item->column, full,
                            "%.80s has no window in organs", item->text);
        else
            analysis->parameters.window[id]
                = (struct organ_window){ organ->window_center, organ->window_width };
    }
    analysis->given |= GIVEN_WINDOWS;
}

static void read_analyses(struct config *config, const struct config_node *map,
                          struct complaints *complaints)
{
    static const char *const others[] = { "quality", "lay_on", "windows", NULL };
    char path[256];

    if (!config_expect(map, NODE_MAP, "analyses", complaints))
        return;
    struct config_analysis *const analyses = take(map, count_children(map) + 1,
                                                  sizeof *analyses, complaints);
    if (analyses == NULL)
        return;
    free(config->analysis);
    config->analysis = analyses;
    config->analysis_count = 0;
    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        struct config_analysis *const analysis = &analyses[config->analysis_count];
        text_format(path, sizeof path, "analyses.%.80s", node->key);
        if (!read_key_name(node, path, analysis->name, sizeof analysis->name, complaints)
            || !config_expect(node, NODE_MAP, path, complaints))
            continue;
        analysis->modality_defaults = true;
        config_fields_read(node, config_analysis_fields, others, path, analysis,
                           &analysis->given, complaints);
        read_quality(analysis, node, path, complaints);
        read_lay_on(analysis, node, path, complaints);
        read_windows(config, analysis, node, path, complaints);
        check_window(analysis, node, path, complaints);
        config->analysis_count++;
    }
    add_default_analysis(config);
}

/* ---- organs ---- */

static void read_organs(struct config *config, const struct config_node *map,
                        struct complaints *complaints)
{
    char path[256];

    if (!config_expect(map, NODE_MAP, "organs", complaints))
        return;
    struct config_organ *const organs = take(map, count_children(map), sizeof *organs,
                                             complaints);
    if (organs == NULL)
        return;
    free(config->organ);
    config->organ = organs;
    config->organ_count = 0;
    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        struct config_organ *const organ = &organs[config->organ_count];
        text_format(path, sizeof path, "organs.%.80s", node->key);
        if (!read_key_name(node, path, organ->name, sizeof organ->name, complaints)
            || !config_expect(node, NODE_MAP, path, complaints))
            continue;
        organ->window_center = 50;              /* the abdomen's, and all of CT */
        organ->window_width = 400;
        organ->hu_low = -1000;
        organ->hu_high = 3000;
        config_fields_read(node, config_organ_fields, NULL, path, organ, NULL, complaints);
        if (organ->hu_low >= organ->hu_high)
            config_complain(complaints, node->line, node->column, path,
                            "hu_low %g is not below hu_high %g", organ->hu_low,
                            organ->hu_high);
        config->organ_count++;
    }
}

/* ---- conditions ---- */

/* CallingAETitle is of the association and not of the data set, Sequence is told by several tags. */
static bool is_indexed(const char *keyword)
{
    for (const struct scan_tag *tag = scan_tags; tag->keyword != NULL; tag++)
        if (strcmp(tag->keyword, keyword) == 0)
            return true;
    return strcmp(keyword, "CallingAETitle") == 0 || strcmp(keyword, SLICES_SEQUENCE) == 0;
}

static bool add_value(struct config_condition *condition, const struct config_node *node,
                      const char *path, struct complaints *complaints)
{
    char *const value = strdup(node->text);

    if (value == NULL) {
        config_complain(complaints, node->line, node->column, path, "out of memory");
        return false;
    }
    condition->value[condition->value_count++] = value;
    return true;
}

static void read_list(struct config_condition *condition, const struct config_node *node,
                      const char *path, struct complaints *complaints)
{
    condition->kind = CONDITION_LIST;
    if (node->child == NULL)
        config_complain(complaints, node->line, node->column, path,
                        "is an empty list, which nothing equals");
    condition->value = take(node, count_children(node), sizeof *condition->value, complaints);
    if (condition->value == NULL)
        return;
    for (const struct config_node *item = node->child; item != NULL; item = item->next)
        if (config_expect(item, NODE_SCALAR, path, complaints))
            add_value(condition, item, path, complaints);
}

static void read_limit(const struct config_node *node, const char *path, double *ret_value,
                       struct complaints *complaints)
{
    if (!config_expect(node, NODE_SCALAR, path, complaints))
        return;
    if (!node->plain || !text_to_double(node->text, ret_value))
        config_complain(complaints, node->line, node->column, path, "%.80s is not a number",
                        node->text[0] == '\0' ? "''" : node->text);
}

static void read_range(struct config_condition *condition, const struct config_node *map,
                       const char *path, struct complaints *complaints)
{
    condition->kind = CONDITION_RANGE;
    condition->low = -INFINITY;
    condition->high = INFINITY;
    if (map->child == NULL)
        config_complain(complaints, map->line, map->column, path,
                        "a range wants min, max or both");
    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        char full[320];
        text_format(full, sizeof full, "%s.%.80s", path, node->key);
        if (strcmp(node->key, "min") == 0)
            read_limit(node, full, &condition->low, complaints);
        else if (strcmp(node->key, "max") == 0)
            read_limit(node, full, &condition->high, complaints);
        else
            config_complain(complaints, node->key_line, node->key_column, full,
                            "there is no such key: a range has min and max");
    }
    if (condition->low > condition->high)
        config_complain(complaints, map->line, map->column, path,
                        "min %g is above max %g", condition->low, condition->high);
}

/* Why the pattern would cost too much to compile or to match, or NULL. */
static const char *refuse_regex(const char *pattern)
{
    double repeats = 1.0;

    if (strlen(pattern) > MAX_REGEX)
        return "is longer than 256 bytes";
    if (pattern[0] == '\0')
        return "is empty, which matches everything";
    for (const char *at = pattern; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] >= '1' && at[1] <= '9')
            return "refers back (\\1), which may take forever";
        if (at[0] == '\\' && at[1] != '\0')
            at++;
        else if (*at == '{') {
            unsigned long most = 1;
            for (at++; *at != '\0' && *at != '}'; at++) {
                const unsigned long number = strspn(at, "0123456789") > 4 ? MAX_REPEATS + 1
                    : strtoul(at, NULL, 10);
                most = number > most ? number : most;
                at += strspn(at, "0123456789");
                if (*at == '\0' || *at == '}')
                    break;
            }
            repeats *= (double)most;
            if (*at == '\0')
                break;
        }
    }
    return repeats > MAX_REPEATS ? "repeats more than 1000 times" : NULL;
}

static void read_regex(struct config_condition *condition, const struct config_node *node,
                       const char *path, struct complaints *complaints)
{
    char *const pattern = strndup(node->text + 1, strlen(node->text) - 2);
    char problem[120];

    if (pattern == NULL) {
        config_complain(complaints, node->line, node->column, path, "out of memory");
        return;
    }
    const char *const refusal = refuse_regex(pattern);
    if (refusal != NULL) {
        config_complain(complaints, node->line, node->column, path,
                        "the regular expression %s", refusal);
        free(pattern);
        return;
    }
    const int status = regcomp(&condition->regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (status != 0) {
        regerror(status, &condition->regex, problem, sizeof problem);
        config_complain(complaints, node->line, node->column, path,
                        "the regular expression is wrong: %s", problem);
        free(pattern);
        return;
    }
    condition->kind = CONDITION_REGEX;
    condition->regex_text = pattern;
}

static void read_equal(struct config_condition *condition, const struct config_node *node,
                       const char *path, struct complaints *complaints)
{
    const size_t length = strlen(node->text);

    if (length >= 2 && node->text[0] == '/' && node->text[length - 1] == '/') {
        read_regex(condition, node, path, complaints);
        return;
    }
    condition->kind = CONDITION_EQUAL;
    condition->value = take(node, 1, sizeof *condition->value, complaints);
    if (condition->value != NULL && config_expect(node, NODE_SCALAR, path, complaints))
        add_value(condition, node, path, complaints);
}

static void read_condition(struct config_condition *condition, const struct config_node *node,
                           const char *path, struct complaints *complaints)
{
    if (!text_format(condition->tag, sizeof condition->tag, "%s", node->key)
        || !is_indexed(node->key))
        config_complain(complaints, node->key_line, node->key_column, path,
                        "is not the keyword of an indexed tag");
    if (node->kind == NODE_LIST)
        read_list(condition, node, path, complaints);
    else if (node->kind == NODE_MAP)
        read_range(condition, node, path, complaints);
    else
        read_equal(condition, node, path, complaints);
}

static void read_when(struct config_rule *rule, const struct config_node *map,
                      const char *path, struct complaints *complaints)
{
    if (!config_expect(map, NODE_MAP, path, complaints))
        return;
    rule->condition = take(map, count_children(map), sizeof *rule->condition, complaints);
    if (rule->condition == NULL)
        return;
    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        char full[224];
        text_format(full, sizeof full, "%s.%.80s", path, node->key);
        read_condition(&rule->condition[rule->condition_count++], node, full, complaints);
    }
}

/* ---- rules ---- */

static void read_peer_name(const struct config *config, const struct config_node *item,
                           const char *path, char (*list)[65], size_t *count,
                           struct complaints *complaints)
{
    if (!config_expect(item, NODE_SCALAR, path, complaints))
        return;
    const struct config_peer *const peer = config_peer_by_name(config, item->text);
    if (peer == NULL)
        config_complain(complaints, item->line, item->column, path,
                        "there is no peer named %.80s", item->text);
    else if (peer->port == 0)
        config_complain(complaints, item->line, item->column, path,
                        "the peer %s has no port to call", peer->name);
    for (size_t i = 0; i < *count; i++)
        if (strcmp(list[i], item->text) == 0) {
            config_complain(complaints, item->line, item->column, path,
                            "%.80s is there twice", item->text);
            return;
        }
    if (peer != NULL)
        memcpy(list[(*count)++], peer->name, sizeof *list);
}

static void read_destinations(const struct config *config, const struct config_node *node,
                              const char *path, char (**ret_list)[65], size_t *ret_count,
                              struct complaints *complaints)
{
    if (!config_expect(node, NODE_LIST, path, complaints))
        return;
    *ret_list = take(node, count_children(node), sizeof **ret_list, complaints);
    if (*ret_list == NULL)
        return;
    for (const struct config_node *item = node->child; item != NULL; item = item->next)
        read_peer_name(config, item, path, *ret_list, ret_count, complaints);
}

static void read_prior_same(const struct config_node *node, const char *path,
                            unsigned *ret_same, struct complaints *complaints)
{
    unsigned same = 0;

    if (!config_expect(node, NODE_LIST, path, complaints))
        return;
    for (const struct config_node *item = node->child; item != NULL; item = item->next) {
        if (!config_expect(item, NODE_SCALAR, path, complaints))
            continue;
        if (strcmp(item->text, "modality") == 0)
            same |= PRIOR_MODALITY;
        else if (strcmp(item->text, "body_part") == 0)
            same |= PRIOR_BODY_PART;
        else
            config_complain(complaints, item->line, item->column, path,
                            "%.80s is not modality or body_part", item->text);
    }
    *ret_same = same;
}

static void read_priors(const struct config *config, struct config_rule *rule,
                        const struct config_node *node, const char *path,
                        struct complaints *complaints)
{
    static const char *const others[] = { "same", "from", NULL };
    char full[200];

    if (!config_expect(node, NODE_MAP, path, complaints))
        return;
    rule->prior_count = 2;
    rule->prior_within_days = 1825;
    rule->prior_deadline_s = 120;
    rule->prior_same = PRIOR_MODALITY | PRIOR_BODY_PART;
    config_fields_read(node, config_prior_fields, others, path, rule, NULL, complaints);
    const struct config_node *const same = config_find(node, "same");
    const struct config_node *const from = config_find(node, "from");
    text_format(full, sizeof full, "%s.same", path);
    if (same != NULL)
        read_prior_same(same, full, &rule->prior_same, complaints);
    text_format(full, sizeof full, "%s.from", path);
    if (from != NULL)
        read_destinations(config, from, full, &rule->prior_from, &rule->prior_from_count,
                          complaints);
    if (rule->prior_from_count == 0)
        config_complain(complaints, node->line, node->column, path,
                        "has no peers that priors come from");
}

static void read_rule_name(const struct config *config, struct config_rule *rule,
                           const struct config_node *node, const char *path,
                           struct complaints *complaints)
{
    if (!config_expect(node, NODE_SCALAR, path, complaints))
        return;
    if (!config_is_name(node->text)
        || !text_format(rule->name, sizeof rule->name, "%s", node->text)) {
        config_complain(complaints, node->line, node->column, path, "%.80s is not %s",
                        node->text[0] == '\0' ? "''" : node->text, CONFIG_WHAT_NAME);
        return;
    }
    for (const struct config_rule *other = config->rule; other < rule; other++)
        if (strcmp(other->name, rule->name) == 0)
            config_complain(complaints, node->line, node->column, path,
                            "the name %s is taken by rules[%zu]", rule->name,
                            (size_t)(other - config->rule));
}

static void read_rule_analysis(const struct config *config, struct config_rule *rule,
                               const struct config_node *node, const char *path,
                               struct complaints *complaints)
{
    if (!config_expect(node, NODE_SCALAR, path, complaints))
        return;
    if (node->text[0] == '\0')
        return;
    if (config_analysis_by_name(config, node->text) == NULL)
        config_complain(complaints, node->line, node->column, path,
                        "there is no analysis named %.80s", node->text);
    else
        text_format(rule->analysis, sizeof rule->analysis, "%s", node->text);
}

static void read_rule_key(const struct config *config, struct config_rule *rule,
                          const struct config_node *node, const char *path,
                          struct complaints *complaints)
{
    if (strcmp(node->key, "name") == 0)
        read_rule_name(config, rule, node, path, complaints);
    else if (strcmp(node->key, "when") == 0)
        read_when(rule, node, path, complaints);
    else if (strcmp(node->key, "analysis") == 0)
        read_rule_analysis(config, rule, node, path, complaints);
    else if (strcmp(node->key, "deliver_to") == 0)
        read_destinations(config, node, path, &rule->deliver_to, &rule->deliver_count,
                          complaints);
    else if (strcmp(node->key, "priors") == 0)
        read_priors(config, rule, node, path, complaints);
    else if (strcmp(node->key, "choose") == 0)
        config_field_read(node, config_choose_field, path, rule, NULL, complaints);
    else if (strcmp(node->key, "retention_days") == 0)
        config_field_read(node, config_retention_field, path, rule, NULL, complaints);
    else if (strcmp(node->key, "forward_to") == 0)
        read_destinations(config, node, path, &rule->forward_to, &rule->forward_count,
                          complaints);
    else
        config_complain(complaints, node->key_line, node->key_column, path,
                        "there is no such key");
}

static void read_rule(const struct config *config, struct config_rule *rule,
                      const struct config_node *map, const char *path,
                      struct complaints *complaints)
{
    char full[160];

    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        text_format(full, sizeof full, "%s.%.80s", path, node->key);
        read_rule_key(config, rule, node, full, complaints);
    }
    if (config_find(map, "name") == NULL)
        config_complain(complaints, map->line, map->column, path, "has no name");
    if (rule->deliver_count > 0 && config_find(map, "analysis") == NULL)
        config_complain(complaints, map->line, map->column, path,
                        "deliver_to without an analysis has nothing to deliver (originals "
                        "go by forward_to)");
}

static void read_rules(struct config *config, const struct config_node *list,
                       struct complaints *complaints)
{
    char path[64];

    if (!config_expect(list, NODE_LIST, "rules", complaints))
        return;
    struct config_rule *const rules = take(list, count_children(list), sizeof *rules,
                                           complaints);
    if (rules == NULL)
        return;
    config_rules_free(config);
    config->rule = rules;
    for (const struct config_node *node = list->child; node != NULL; node = node->next) {
        text_format(path, sizeof path, "rules[%zu]", config->rule_count);
        if (config_expect(node, NODE_MAP, path, complaints))
            read_rule(config, &rules[config->rule_count++], node, path, complaints);
    }
}

static void condition_clear(struct config_condition *condition)
{
    for (size_t i = 0; i < condition->value_count; i++)
        free(condition->value[i]);
    free(condition->value);
    if (condition->regex_text != NULL)
        regfree(&condition->regex);
    free(condition->regex_text);
}

void config_rules_free(struct config *config)
{
    for (size_t i = 0; i < config->rule_count; i++) {
        struct config_rule *const rule = &config->rule[i];
        for (size_t j = 0; j < rule->condition_count; j++)
            condition_clear(&rule->condition[j]);
        free(rule->condition);
        free(rule->prior_from);
        free(rule->deliver_to);
        free(rule->forward_to);
    }
    free(config->rule);
    config->rule = NULL;
    config->rule_count = 0;
}

/* ---- the whole ---- */

static bool is_section(const char *key)
{
    static const char *const lists[] = { "peers", "rules", "analyses", "organs" };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(key, lists[i]) == 0)
            return true;
    for (const struct section *section = config_sections; section->name != NULL; section++)
        if (strcmp(key, section->name) == 0)
            return true;
    return false;
}

static void read_sections(struct config *config, const struct config_node *root,
                          struct complaints *complaints)
{
    for (const struct section *section = config_sections; section->name != NULL; section++) {
        const struct config_node *const map = config_find(root, section->name);
        if (map != NULL && config_expect(map, NODE_MAP, section->name, complaints))
            config_fields_read(map, section->fields, NULL, section->name, config, NULL,
                               complaints);
    }
}

void config_read(struct config *config, const struct config_node *root,
                 struct complaints *complaints)
{
    static const struct {
        const char *name;
        void (*read)(struct config *config, const struct config_node *node,
                     struct complaints *complaints);
    } lists[] = {           /* analyses name organs, and rules name peers and analyses: they come last */
        { "peers", read_peers }, { "organs", read_organs }, { "analyses", read_analyses },
        { "rules", read_rules }
    };

    if (!config_expect(root, NODE_MAP, "", complaints))
        return;
    for (const struct config_node *node = root->child; node != NULL; node = node->next)
        if (!is_section(node->key))
            config_complain(complaints, node->key_line, node->key_column, node->key,
                            "there is no such key");
    read_sections(config, root, complaints);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct config_node *const node = config_find(root, lists[i].name);
        if (node != NULL)
            lists[i].read(config, node, complaints);
    }
}
