/* Config: wrong files as data (tests/cases/config), the example, dumps, rules. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

static struct error err;

static char *slurp(const char *path)
{
    FILE *const from = fopen(path, "rb");
    char *const text = calloc(1, 1 << 16);

    if (from == NULL || text == NULL || fread(text, 1, (1 << 16) - 1, from) == 0)
        text[0] = '\0';
    if (from != NULL)
        fclose(from);
    return text;
}

/* Loads `size` bytes as a file; complaints go to `told`. */
static struct config *load_bytes(const void *bytes, size_t size, char *told, size_t room)
{
    char path[] = "/tmp/tumord-config-XXXXXX";
    const int fd = mkstemp(path);
    FILE *const to = fmemopen(told, room, "w");

    CU_ASSERT_FATAL(fd >= 0 && to != NULL);
    CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    struct config *const config = config_load(path, to, &err);
    fclose(to);
    unlink(path);
    return config;
}

static struct config *load(const char *yaml)
{
    static char told[4096];

    memset(told, 0, sizeof told);
    struct config *const config = load_bytes(yaml, strlen(yaml), told, sizeof told);
    if (config == NULL)
        printf("%s", told);
    return config;
}

static char *dump(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *const to = open_memstream(&text, &size);

    CU_ASSERT(config_dump(config, to, &err));
    fclose(to);
    return text;
}

/* ---- wrong files ---- */

/* The '# ' lines at the top, each behind "PATH:", are all that config_load() must say. */
static void expected_of(const char *path, char *buffer, size_t size)
{
    char *const text = slurp(path);
    char *rest = text, *line;
    size_t used = 0;

    buffer[0] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL && strncmp(line, "# ", 2) == 0) {
        text_format(buffer + used, size - used, "%s:%s\n", path, line + 2);
        used += strlen(buffer + used);
    }
    free(text);
}

static void check_case(const char *path)
{
    char told[8192] = "", expected[8192];
    FILE *const to = fmemopen(told, sizeof told, "w");

    expected_of(path, expected, sizeof expected);
    struct config *const config = config_load(path, to, &err);
    fclose(to);
    if (config != NULL || err.code != ERROR_CONFIG || strcmp(told, expected) != 0) {
        printf("\n%s said:\n%sand should say:\n%s", path, told, expected);
        CU_FAIL("a wrong file");
    }
    config_free(config);
}

static void every_wrong_file_gets_exactly_its_complaints(void)
{
    char folder[4096], path[4400];
    size_t count = 0;
    struct dirent *entry;

    snprintf(folder, sizeof folder, "%s/tests/cases/config", runner_source());
    DIR *const cases = opendir(folder);
    CU_ASSERT_FATAL(cases != NULL);
    while ((entry = readdir(cases)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check_case(path);
        count++;
    }
    closedir(cases);
    CU_ASSERT(count >= 40);
}

static void check_refusal(const char *bytes, size_t size, const char *sentence)
{
    char told[4096] = "";
    struct config *const config = load_bytes(bytes, size, told, sizeof told);

    CU_ASSERT_PTR_NULL(config);
    if (strstr(told, sentence) == NULL) {
        printf("\nsaid: %.500s\n", told);
        CU_FAIL("another sentence");
    }
    config_free(config);
}

static void a_nul_byte_is_refused_with_its_place(void)
{
    check_refusal("log:\n  le\0vel: x\n", 17, ":2:5: a NUL byte has no place here");
}

static void bytes_that_are_not_utf8_are_refused(void)
{
    check_refusal("log: \"\xff\xfe\"\n", 10, "UTF-8");
}

static void a_file_above_one_mebibyte_is_refused(void)
{
    const size_t size = (1 << 20) + 1;
    char *const bytes = malloc(size);

    memset(bytes, '#', size);
    check_refusal(bytes, size, ":1:1: larger than 1 MiB");
    free(bytes);
}

static void a_hundred_thousand_levels_are_refused(void)
{
    char *const bytes = malloc(100000);

    memset(bytes, '[', 100000);
    check_refusal(bytes, 100000, "nested deeper than 32 levels");
    free(bytes);
}

static void a_hundred_thousand_keys_are_refused(void)
{
    char *text = NULL;
    size_t size;
    FILE *const to = open_memstream(&text, &size);

    for (int i = 0; i < 100000; i++)
        fprintf(to, "k%d: 1\n", i);
    fclose(to);
    check_refusal(text, size, "more than 4096 entries in one place");
    free(text);
}

static void controls_in_a_file_do_not_reach_the_terminal(void)
{
    char told[4096] = "";
    const char *const yaml = "log:\n  level: \"\\e[31m\"\n";
    struct config *const config = load_bytes(yaml, strlen(yaml), told, sizeof told);

    CU_ASSERT_PTR_NULL(config);
    CU_ASSERT_PTR_NULL(strchr(told, '\033'));
    CU_ASSERT_PTR_NOT_NULL(strstr(told, "?[31m is not"));
}

static void a_missing_file_and_a_folder_are_configuration_errors(void)
{
    CU_ASSERT_PTR_NULL(config_load("/nowhere/tumord.yaml", NULL, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_CONFIG);
    CU_ASSERT_STRING_EQUAL(err.text, "/nowhere/tumord.yaml: No such file or directory");
    CU_ASSERT_PTR_NULL(config_load("/tmp", NULL, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "/tmp: is a folder");
}

/* ---- right files ---- */

static void the_embedded_defaults_are_those_of_the_manual(void)
{
    struct config *const config = config_load(NULL, stdout, &err);

    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_STRING_EQUAL(config->ae_title, "TUMORD");
    CU_ASSERT_STRING_EQUAL(config->data_dir, "/var/lib/tumord");
    CU_ASSERT_STRING_EQUAL(config->bind, "127.0.0.1");
    CU_ASSERT_EQUAL(config->min_free_mib, 512);
    CU_ASSERT_EQUAL(config->port, 11112);
    CU_ASSERT_EQUAL(config->max_associations, 64);
    CU_ASSERT_EQUAL(config->max_pdu, 131072);
    CU_ASSERT_EQUAL(config->timeout_s, 30);
    CU_ASSERT_FALSE(config->accept_unknown);
    CU_ASSERT_EQUAL(config_sop_class_count(config), 1);
    CU_ASSERT_STRING_EQUAL(config->sop_class[0], "1.2.840.10008.5.1.4.1.1.66.7");
    CU_ASSERT_EQUAL(config->quiet_s, 60);
    CU_ASSERT_EQUAL(config->duplicates, DUPLICATES_FIRST);
    CU_ASSERT_EQUAL(config->scrub_mib_s, 4);
    CU_ASSERT_EQUAL(config->scrub_days, 30);
    CU_ASSERT_EQUAL(config->rule[0].retention_days, 0);
    CU_ASSERT_EQUAL(config->workers, 1);
    CU_ASSERT_EQUAL(config->pool, 1);
    CU_ASSERT_EQUAL(config->threads, 2);
    CU_ASSERT_EQUAL(config->max_memory_mib, 1400);
    CU_ASSERT_EQUAL(config->time_limit_s, 600);
    CU_ASSERT_EQUAL(config->deadline_s, 604800);
    CU_ASSERT_STRING_EQUAL(config->web_bind, "127.0.0.1");
    CU_ASSERT_EQUAL(config->web_port, 8080);
    CU_ASSERT_EQUAL(config->log_level, LOG_LEVEL_NOTICE);
    CU_ASSERT_EQUAL(config->log_target, LOG_TARGET_STDERR);
    CU_ASSERT_EQUAL(config->peer_count, 0);
    CU_ASSERT_EQUAL(config->rule_count, 1);
    CU_ASSERT_EQUAL(config->analysis_count, 1);
    CU_ASSERT_EQUAL(config->organ_count, 11);
    config_free(config);
}

static void the_example_loads_and_says_what_is_embedded(void)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/etc/tumord.yaml", runner_source());
    struct config *const example = config_load(path, stdout, &err);
    struct config *const embedded = config_load(NULL, stdout, &err);
    CU_ASSERT_FATAL(example != NULL && embedded != NULL);
    char *const one = dump(example), *const other = dump(embedded);
    CU_ASSERT_STRING_EQUAL(one, other);
    free(one);
    free(other);
    config_free(example);
    config_free(embedded);
}

/* What stands in comments is an example too: with their '#' off the lines must load. */
static void the_commented_examples_load_as_well(void)
{
    char path[4200], *uncommented = NULL, *line;
    size_t size;

    snprintf(path, sizeof path, "%s/etc/tumord.yaml", runner_source());
    char *const text = slurp(path), *rest = text;
    FILE *const to = open_memstream(&uncommented, &size);
    while ((line = strsep(&rest, "\n")) != NULL)
        if (strncmp(line, "#  ", 3) == 0)
            fprintf(to, "%s\n", line + 1);
        else if (strcmp(line, "peers: []") == 0)
            fputs("peers:\n", to);
        else
            fprintf(to, "%s\n", line);
    fclose(to);
    struct config *const config = load(uncommented);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL(config->peer_count, 2);
    CU_ASSERT_EQUAL(config->rule_count, 2);
    CU_ASSERT_EQUAL(config->rule[1].condition_count, 4);
    CU_ASSERT_EQUAL(config->analysis_count, 2);
    CU_ASSERT_EQUAL(config->analysis[1].given,
                    GIVEN_METHOD | GIVEN_WINDOW | GIVEN_POLARITY | GIVEN_MIN_LESION |
                    GIVEN_MIN_CONTRAST | GIVEN_MAX_FRACTION | GIVEN_FLATTEN | GIVEN_SPLIT |
                    GIVEN_QUALITY | GIVEN_LAY_ON | GIVEN_SUV | GIVEN_SUV_THRESHOLD |
                    GIVEN_MISSING | GIVEN_SYNTHESIS | GIVEN_MASKS | GIVEN_ORGANS | GIVEN_ENGINE |
                    GIVEN_OTSU_BINS | GIVEN_ORGAN | GIVEN_WINDOWS);
    CU_ASSERT_EQUAL(config->analysis[1].parameters.window[WINDOW_LUNG].center, -600);
    CU_ASSERT_EQUAL(config->analysis[1].parameters.window[WINDOW_BONE].width, 0);
    config_free(config);
    free(uncommented);
    free(text);
}

static void an_empty_file_is_the_defaults(void)
{
    struct config *const config = load("# nothing\n");

    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_EQUAL(config->port, 11112);
    config_free(config);
}

/* Quotes, backslashes, another script, numbers without a short decimal: all that a dump may
 * get wrong. */
static const char everything[] =
    "node: {ae_title: 'A \"B\"', data_dir: '/tmp/wörk \\x'}\n"
    "dicom: {bind: '::', port: 104, accept_unknown: true, max_pdu: 4096,\n"
    "        sop_classes: [1.2.3, '1.3.46.670589.5.0.9']}\n"
    "peers:\n"
    "  - {name: 'Archiv \xe2\x82\xac \xf0\x9f\x98\x80', ae_title: P1, host: '::1', port: 1,\n"
    "     allow: [commit, echo], transfer_syntax: 1.2.840.10008.1.2.4.90}\n"
    "  - {name: p2, ae_title: P2, allow: []}\n"
    "rules:\n"
    "  - name: \"it's: #1\"\n"
    "    when:\n"
    "      Modality: [CT, 'NO']\n"
    "      BodyPartExamined: '/^(a|b)\\.\"x\"$/'\n"
    "      SliceThickness: {min: 0.1, max: 1e300}\n"
    "      Rows: {max: -0.30000000000000004}\n"
    "      PatientSex: ''\n"
    "      StationName: 'null'\n"
    "    analysis: 'liver: 2'\n"
    "    deliver_to: ['Archiv \xe2\x82\xac \xf0\x9f\x98\x80']\n"
    "  - {name: all, choose: best, when: {Sequence: [T1c, FLAIR]}}\n"
    "analyses:\n"
    "  'liver: 2': {window_center: -0.1, window_width: 0, polarity: both, flatten: true,\n"
    "               lay_on: [PT, T1c],\n"
    "               quality: {stop_on: [noise, gaps], noise: 0.1, lowest: -100},\n"
    "               suv: lbm_janma, suv_threshold: 2.5, max_fraction: 0.333333333333333314}\n"
    "organs: {}\n"
    "log: {level: debug, target: syslog}\n"
    "web: {bind: '::1'}\n";

static void a_dump_loads_to_the_same_dump(void)
{
    struct config *const config = load(everything);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    char *const one = dump(config);
    struct config *const again = load(one);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    char *const two = dump(again);
    CU_ASSERT_STRING_EQUAL(one, two);
    free(one);
    free(two);
    config_free(config);
    config_free(again);
}

/* The same values and not only the same text: two ends of the way are looked at. */
static void a_dump_loses_nothing(void)
{
    struct config *const config = load(everything);
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    char *const text = dump(config);
    struct config *const again = load(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(again);
    CU_ASSERT_STRING_EQUAL(again->ae_title, "A \"B\"");
    CU_ASSERT_STRING_EQUAL(again->data_dir, "/tmp/wörk \\x");
    CU_ASSERT_STRING_EQUAL(again->peer[0].name, "Archiv \xe2\x82\xac \xf0\x9f\x98\x80");
    CU_ASSERT_EQUAL(again->peer[0].allow, RIGHT_ECHO | RIGHT_COMMIT);
    CU_ASSERT_EQUAL(again->peer[1].allow, 0);
    CU_ASSERT_STRING_EQUAL(again->peer[0].transfer_syntax, "1.2.840.10008.1.2.4.90");
    CU_ASSERT_STRING_EQUAL(again->peer[1].transfer_syntax, "");
    CU_ASSERT_EQUAL(config_sop_class_count(again), 2);
    CU_ASSERT_STRING_EQUAL(again->sop_class[1], "1.3.46.670589.5.0.9");
    CU_ASSERT_STRING_EQUAL(again->rule[0].name, "it's: #1");
    CU_ASSERT_EQUAL(again->rule[0].condition_count, 6);
    CU_ASSERT_STRING_EQUAL(again->rule[0].condition[1].regex_text, "^(a|b)\\.\"x\"$");
    CU_ASSERT_EQUAL(again->rule[0].condition[2].low, 0.1);
    CU_ASSERT_EQUAL(again->rule[0].condition[2].high, 1e300);
    CU_ASSERT_EQUAL(again->rule[0].condition[3].high, -0.30000000000000004);
    CU_ASSERT_STRING_EQUAL(again->rule[0].condition[4].value[0], "");
    CU_ASSERT_EQUAL(again->analysis[0].parameters.max_fraction, 0.333333333333333314);
    CU_ASSERT_EQUAL(again->analysis[0].parameters.polarity, POLARITY_BOTH);
    CU_ASSERT_EQUAL(again->analysis_count, 2);          /* and "default" */
    CU_ASSERT_EQUAL(again->organ_count, 0);
    config_free(config);
    config_free(again);
    free(text);
}

/* ---- rules ---- */

struct tag { const char *keyword, *value; };

static const char *tag_of(const char *keyword, void *context)
{
    for (const struct tag *tag = context; tag->keyword != NULL; tag++)
        if (strcmp(tag->keyword, keyword) == 0)
            return tag->value;
    return NULL;
}

/* The name of the rule that holds for one tag of that value, or "". */
static const char *match(const struct config *config, const char *keyword, const char *value)
{
    struct tag tags[] = { { keyword, value }, { NULL, NULL } };
    const struct config_rule *const rule = config_match(config, tag_of, tags);

    return rule != NULL ? rule->name : "";
}

static void conditions_hold_by_value_list_range_and_expression(void)
{
    struct config *const config = load(
        "rules:\n"
        "  - {name: equal, when: {Modality: CT}}\n"
        "  - {name: list, when: {Modality: [MR, PT]}}\n"
        "  - {name: range, when: {SliceThickness: {min: 1, max: 5}}}\n"
        "  - {name: regex, when: {ProtocolName: '/^(liver|AB.*)$/'}}\n"
        "  - {name: caller, when: {CallingAETitle: CT01}}\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_STRING_EQUAL(match(config, "Modality", "CT"), "equal");
    CU_ASSERT_STRING_EQUAL(match(config, "Modality", "ct"), "");
    CU_ASSERT_STRING_EQUAL(match(config, "Modality", "CTX"), "");
    CU_ASSERT_STRING_EQUAL(match(config, "Modality", "PT"), "list");
    CU_ASSERT_STRING_EQUAL(match(config, "SliceThickness", "1"), "range");
    CU_ASSERT_STRING_EQUAL(match(config, "SliceThickness", "5.0 "), "range");
    CU_ASSERT_STRING_EQUAL(match(config, "SliceThickness", "5.01"), "");
    CU_ASSERT_STRING_EQUAL(match(config, "SliceThickness", "thin"), "");
    CU_ASSERT_STRING_EQUAL(match(config, "SliceThickness", ""), "");
    CU_ASSERT_STRING_EQUAL(match(config, "ProtocolName", "ABDOMEN"), "regex");
    CU_ASSERT_STRING_EQUAL(match(config, "ProtocolName", "my liver"), "");
    CU_ASSERT_STRING_EQUAL(match(config, "CallingAETitle", "CT01"), "caller");
    CU_ASSERT_STRING_EQUAL(match(config, "PatientSex", "F"), "");
    config_free(config);
}

static void one_of_several_values_is_enough(void)
{
    struct config *const config = load("rules:\n  - {name: r, when: {ImageType: AXIAL}}\n");

    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_STRING_EQUAL(match(config, "ImageType", "ORIGINAL\\PRIMARY\\AXIAL"), "r");
    CU_ASSERT_STRING_EQUAL(match(config, "ImageType", "ORIGINAL\\PRIMARY"), "");
    config_free(config);
}

static void all_conditions_must_hold_and_the_first_rule_wins(void)
{
    struct tag both[] = { { "Modality", "CT" }, { "Rows", "512" }, { NULL, NULL } };
    struct tag one[] = { { "Modality", "CT" }, { NULL, NULL } };
    struct config *const config = load("rules:\n"
                                       "  - {name: two, when: {Modality: CT, Rows: {min: 1}}}\n"
                                       "  - {name: one, when: {Modality: CT}}\n"
                                       "  - {name: any}\n");

    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_STRING_EQUAL(config_match(config, tag_of, both)->name, "two");
    CU_ASSERT_STRING_EQUAL(config_match(config, tag_of, one)->name, "one");
    CU_ASSERT_STRING_EQUAL(match(config, "Modality", "US"), "any");
    config_free(config);
}

static void peers_are_found_by_name_and_by_title(void)
{
    struct config *const config = load(everything);

    CU_ASSERT_PTR_NOT_NULL_FATAL(config);
    CU_ASSERT_PTR_EQUAL(config_peer_by_ae(config, "P2"), &config->peer[1]);
    CU_ASSERT_PTR_EQUAL(config_peer_by_name(config, "p2"), &config->peer[1]);
    CU_ASSERT_PTR_NULL(config_peer_by_ae(config, "p2"));
    CU_ASSERT_PTR_NULL(config_peer_by_name(config, ""));
    config_free(config);
}

static const struct runner_test tests[] = {
    TEST(every_wrong_file_gets_exactly_its_complaints),
    TEST(a_nul_byte_is_refused_with_its_place),
    TEST(bytes_that_are_not_utf8_are_refused),
    TEST(a_file_above_one_mebibyte_is_refused),
    TEST(a_hundred_thousand_levels_are_refused),
    TEST(a_hundred_thousand_keys_are_refused),
    TEST(controls_in_a_file_do_not_reach_the_terminal),
    TEST(a_missing_file_and_a_folder_are_configuration_errors),
    TEST(the_embedded_defaults_are_those_of_the_manual),
    TEST(the_example_loads_and_says_what_is_embedded),
    TEST(the_commented_examples_load_as_well),
    TEST(an_empty_file_is_the_defaults),
    TEST(a_dump_loads_to_the_same_dump),
    TEST(a_dump_loses_nothing),
    TEST(conditions_hold_by_value_list_range_and_expression),
    TEST(one_of_several_values_is_enough),
    TEST(all_conditions_must_hold_and_the_first_rule_wins),
    TEST(peers_are_found_by_name_and_by_title),
    { NULL, NULL }
};
const struct runner_suite suite_config = { "config", tests };
