/* Ctl stats: the node's rows (daemon/stats.h) as CSV, JSON or tables, each as it comes. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl.h"
#include "util/csv.h"
#include "util/error.h"
#include "util/text.h"

struct printer {
    void (*row)(struct printer *printer, const json_t *row, const char *level);
    json_t *columns;                /* of the head */
    bool whole;                     /* of everybody */
    bool ended;
    int64_t rows, analysed;
    double regions;                 /* of the last row by "all" */
    char last[24];                  /* level of the row before */
};

/* ---- CSV ---- */

static void print_csv(struct printer *printer, const json_t *row, const char *level)
{
    const json_t *column;
    size_t index;

    if (strcmp(level, "end") == 0)
        return;
    json_array_foreach(printer->columns, index, column) {
        const char *const name = json_string_value(json_object_get(column, "name"));
        const json_t *const value = json_object_get(row, name);
        if (index > 0)
            putchar(',');
        if (strcmp(level, "head") == 0)
            fputs(name, stdout);
        else if (json_is_integer(value))
            printf("%lld", (long long)json_integer_value(value));
        else if (json_is_real(value))
            csv_put_number(stdout, json_real_value(value));
        else if (json_is_string(value))
            csv_put_text(stdout, json_string_value(value));
    }
    fputs(CSV_LINE_END, stdout);
}

/* ---- JSON: {"head": …, "rows": […]} ---- */

static void print_json(struct printer *printer, const json_t *row, const char *level)
{
    if (strcmp(level, "end") == 0) {
        puts("]}");
        return;
    }
    fputs(strcmp(level, "head") == 0 ? "{\"head\":\n" : printer->rows > 2 ? ",\n" : "\n", stdout);
    json_dumpf(row, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    if (strcmp(level, "head") == 0)
        fputs(",\n\"rows\":[", stdout);
}

/* ---- tables ---- */

static double number(const json_t *row, const char *name)
{
    return json_number_value(json_object_get(row, name));
}

static bool is_by(const json_t *row, const char *by)
{
    return strcmp(ctl_text(row, "by"), by) == 0;
}

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

static const char *plural(const json_t *row, const char *name)
{
    return number(row, name) == 1 ? "" : "s";
}

/* A change with its sign, as far as there is one. */
static void print_change(const json_t *row, const char *days, const char *what, const char *change,
                         const char *percent)
{
    if (json_object_get(row, change) == NULL)
        return;
    printf("   %+.2f ml", number(row, change));
    if (json_object_get(row, percent) != NULL)
        printf(" (%+.1f %%)", number(row, percent));
    printf(" in %s days%s", ctl_text(row, days), what);
}

static void print_region(const json_t *row)
{
    printf("    %4s %10.2f ml %8.1f mm %8.1f mm  %s", ctl_text(row, "region"),
           number(row, "volume_ml"), number(row, "longest_mm"), number(row, "diameter_mm"),
           ctl_text(row, "finding"));
    if (ctl_text(row, "site")[0] != '\0')
        printf(", %s %s", ctl_text(row, "side"), ctl_text(row, "site"));
    if (json_object_get(row, "organ_share_percent") != NULL)
        printf(", %.2f %% of it", number(row, "organ_share_percent"));
    putchar('\n');
}

static void print_series(const json_t *row)
{
    const char *const reason = ctl_text(row, "reason");

    printf("  %-4s %s: ", or_dash(ctl_text(row, "modality")), ctl_text(row, "series_uid"));
    if (reason[0] != '\0')
        printf("not counted: %s\n", reason);
    else
        printf("%s region%s, %.2f ml, %s\n", ctl_text(row, "regions"), plural(row, "regions"),
               number(row, "burden_ml"), ctl_text(row, "method"));
}

static void print_spread_line(const json_t *row, const char *what, const char *label,
                              const char *end)
{
    static const char *const parts[] = { "min", "q1", "median", "mean", "q3", "max", "sd" };
    char key[64];

    text_format(key, sizeof key, "%s_min%s", what, end);
    if (json_object_get(row, key) == NULL)
        return;
    printf("    %-18s", label);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        text_format(key, sizeof key, "%s_%s%s", what, parts[i], end);
        if (json_object_get(row, key) == NULL)
            printf(" %9s", "-");
        else
            printf(" %9.2f", number(row, key));
    }
    putchar('\n');
}

static void print_bins(const json_t *row)
{
    static const char *const bins[][2] = {
        { "0_to_5", "below 5" }, { "5_to_10", "5 to 10" }, { "10_to_15", "10 to 15" },
        { "15_to_20", "15 to 20" }, { "20_to_30", "20 to 30" }, { "30_to_50", "30 to 50" },
        { "50_to_100", "50 to 100" }, { "from_100", "100 and more" }
    };
    char key[64];

    printf("    how many of which longest axis, mm:");
    for (size_t i = 0; i < sizeof bins / sizeof *bins; i++) {
        text_format(key, sizeof key, "longest_%s_mm", bins[i][0]);
        if (number(row, key) > 0)
            printf("  %s: %s", bins[i][1], ctl_text(row, key));
    }
    putchar('\n');
}

static void print_figures(const json_t *row)
{
    print_spread_line(row, "volume", "volume ml", "_ml");
    print_spread_line(row, "longest", "longest axis mm", "_mm");
    print_spread_line(row, "diameter", "ball diameter mm", "_mm");
    print_spread_line(row, "regions_per_study", "regions a study", "");
    print_spread_line(row, "burden_per_study", "burden a study ml", "_ml");
}

/* `what` it is when it is not one of its groups. */
static void print_group(struct printer *printer, const json_t *row, const char *what)
{
    const bool all = is_by(row, "all");

    if (all)
        printer->regions = number(row, "regions_sized");
    else if (strcmp(ctl_text(row, "group"), "not known") == 0
             && number(row, "regions_sized") == printer->regions)
        return;                         /* says what the row by "all" said */
    printf("  %s%s%s: %s region%s, %.2f ml", all ? what : ctl_text(row, "by"),
           all ? "" : " ", all ? "" : ctl_text(row, "group"), ctl_text(row, "regions"),
           plural(row, "regions"), number(row, "burden_ml"));
    if (number(row, "regions") > number(row, "regions_sized"))
        printf(", %.0f of them without a size of their own",
               number(row, "regions") - number(row, "regions_sized"));
    if (json_object_get(row, "organ_share_percent") != NULL)
        printf(", %.2f %% of the organ", number(row, "organ_share_percent"));
    putchar('\n');
    if (number(row, "regions_sized") > 0) {
        printf("    %-18s %9s %9s %9s %9s %9s %9s %9s\n", "", "MIN", "Q1", "MEDIAN", "MEAN", "Q3",
               "MAX", "SD");
        print_figures(row);
        print_bins(row);
    }
    if (ctl_text(row, "note")[0] != '\0')
        printf("    %s\n", ctl_text(row, "note"));
}

static void print_study_line(const json_t *row)
{
    printf("%-8s  %-16s %-24s %4s of %-3s %7s %11.2f %9.1f  %s\n",
           or_dash(ctl_text(row, "study_date")), or_dash(ctl_text(row, "patient_id")),
           or_dash(ctl_text(row, "patient_name")), ctl_text(row, "series_analysed"),
           ctl_text(row, "series"), ctl_text(row, "regions"), number(row, "burden_ml"),
           number(row, "longest_max_mm"), ctl_text(row, "study_uid"));
}

static void print_point(const json_t *row)
{
    printf("  %-8s %-4s %4s region%-1s %11.2f ml", or_dash(ctl_text(row, "study_date")),
           or_dash(ctl_text(row, "modality")), ctl_text(row, "regions"), plural(row, "regions"),
           number(row, "burden_ml"));
    print_change(row, "days", "", "burden_change_ml", "burden_change_percent");
    if (strcmp(ctl_text(row, "first_date"), ctl_text(row, "previous_date")) != 0)
        print_change(row, "days_since_first", " from the first", "burden_change_since_first_ml",
                     "burden_change_since_first_percent");
    printf("%s%s\n", ctl_text(row, "note")[0] == '\0' ? "" : "   ", ctl_text(row, "note"));
}

static void print_cohort(struct printer *printer, const json_t *row, const char *level)
{
    const bool every = strcmp(level, "cohort") == 0;

    if (is_by(row, "all")) {
        printf("\n%s\n", every ? "Every study" : "The latest date of each patient and modality");
        if (every)
            printf("  patients: %s, studies: %s (%s analysed), series: %s (%s analysed), studies "
                   "without a patient ID: %s\n", ctl_text(row, "patients"), ctl_text(row, "studies"),
                   ctl_text(row, "studies_analysed"), ctl_text(row, "series"),
                   ctl_text(row, "series_analysed"), ctl_text(row, "studies_without_patient_id"));
    }
    print_group(printer, row, every ? "every study" : "the latest");
}

static void print_table(struct printer *printer, const json_t *row, const char *level)
{
    const bool first = strcmp(printer->last, level) != 0;

    if (strcmp(level, "head") == 0 && printer->whole)
        printf("%-8s  %-16s %-24s %11s %7s %11s %9s  %s\n", "DATE", "PATIENT", "NAME",
               "SERIES DONE", "REGIONS", "BURDEN ml", "MAX mm", "STUDY");
    else if (strcmp(level, "study") == 0 && is_by(row, "all") && printer->whole)
        print_study_line(row);
    else if (strcmp(level, "study") == 0 && !printer->whole)
        print_group(printer, row, "study");
    else if (strcmp(level, "region") == 0 && !printer->whole)
        print_region(row);
    else if (strcmp(level, "series") == 0 && !printer->whole)
        print_series(row);
    else if (strcmp(level, "timepoint") == 0)
        print_point(row);
    else if (strcmp(level, "patient") == 0 && !printer->whole)
        print_group(printer, row, "the latest");
    else if (strncmp(level, "cohort", 6) == 0)
        print_cohort(printer, row, level);
    else if (strcmp(level, "reason") == 0)
        printf("%s  %s: %s\n", first ? "\nSeries that are not counted, by reason\n" : "",
               ctl_text(row, "series"), ctl_text(row, "reason"));
    else if (strcmp(level, "end") == 0)
        puts("\nAI, not reviewed. Research use only, not for diagnosis.");
}

/* ---- the walk ---- */

static bool take_line(const char *line, void *context, struct error *err)
{
    struct printer *const printer = context;
    json_t *const row = json_loads(line, 0, NULL);
    const char *const level = json_string_value(json_object_get(row, "level"));

    if (level == NULL || printer->ended
        || (printer->rows == 0) != (strcmp(level, "head") == 0)) {
        json_decref(row);
        return error_set(err, ERROR_DATA, "the node's answer: row %lld is none",
                         (long long)printer->rows + 1);
    }
    if (strcmp(level, "error") == 0) {
        error_set(err, ERROR_DATA, "%s", ctl_text(row, "reason"));
        json_decref(row);
        return false;
    }
    if (printer->rows++ == 0)
        printer->columns = json_incref(json_object_get(row, "columns"));
    printer->ended = strcmp(level, "end") == 0;
    if (printer->ended)
        printer->analysed = json_integer_value(json_object_get(row, "series_analysed"));
    printer->row(printer, row, level);
    text_format(printer->last, sizeof printer->last, "%s", level);
    json_decref(row);
    return !ferror(stdout) || error_set(err, ERROR_IO, "the output cannot be written");
}

static bool make_path(const char *study, const char *patient, char *path, size_t size,
                      struct error *err)
{
    char *const id = patient == NULL ? NULL : curl_easy_escape(NULL, patient, 0);
    const bool good = (patient == NULL || id != NULL)
        && text_format(path, size, "/api/stats%s%s", study != NULL ? "/studies/"
                       : patient != NULL ? "/patients/" : "",
                       study != NULL ? study : id != NULL ? id : "");

    curl_free(id);
    return good || error_set(err, ERROR_LIMIT, "this patient ID is too long");
}

int ctl_stats(const struct ctl *ctl, const char *study, const char *patient, bool csv,
              struct error *err)
{
    struct printer printer = { .row = csv ? print_csv : ctl->json ? print_json : print_table,
                               .whole = study == NULL && patient == NULL };
    char path[6000];
    bool good = make_path(study, patient, path, sizeof path, err)
        && ctl_ask_lines(ctl, path, take_line, &printer, err);

    if (good && !printer.ended)
        good = error_set(err, ERROR_NETWORK, "the node's answer broke off after %lld rows",
                         (long long)printer.rows);
    if (good && fflush(stdout) != 0)
        good = error_set(err, ERROR_IO, "the output cannot be written");
    if (good && printer.analysed == 0)
        good = error_set(err, ERROR_NOT_FOUND, "nothing of it has findings");
    json_decref(printer.columns);
    return good ? 0 : 1;
}
