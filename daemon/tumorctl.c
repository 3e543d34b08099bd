/* tumorctl: the node from a terminal. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/ctl.h"
#include "daemon/phantom.h"
#include "daemon/phantom_planar.h"
#include "util/error.h"
#include "util/text.h"

#define VERSION "0.1.0"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "Usage: tumorctl [OPTIONS] COMMAND [ARGUMENTS]\n"
    "\n"
    "  status               what the node has, does and owes\n"
    "  studies              the studies it has\n"
    "  show STUDY           findings of a study\n"
    "  results STUDY        its result objects\n"
    "  why STUDY            what became of each of its series, and why\n"
    "  resend STUDY         sends its results again\n"
    "  rerun STUDY          decides it anew by the rules as they are now\n"
    "  hold STUDY           keeps it from being removed when its retention is over\n"
    "  release STUDY        ends its hold\n"
    "  stats [STUDY]        count, sizes and burden of what was found: in a study, or in everybody\n"
    "      --patient=ID     in a patient, with the change from date to date\n"
    "      --all --csv      in everybody (the default); as CSV\n"
    "  import PATH          stores the DICOM files of a file, folder, archive or DICOMDIR, and the\n"
    "                       images of NIfTI files as DICOM\n"
    "      --modality=CT|MR|PT    of NIfTI files that do not tell it\n"
    "      --spacing=MM[,MM]      of PNG and JPEG pictures, whose unit is else the pixel\n"
    "      --labels=NAME,NAME…    what the values of label files are, from 1 on\n"
    "      --channels=first|last  how NIfTI files of more than three dimensions lie (last)\n"
    "  echo PEER            C-ECHO to a configured peer\n"
    "  query PEER KEY=VALUE…  which studies a peer has: patient, name, study, accession, date,\n"
    "                       modality\n"
    "  retrieve PEER STUDY  brings a study here, and says what of it did not come\n"
    "      --now            also outside of the peer's hours\n"
    "  phantom DIR          makes a DICOM series with known truth\n"
    "      --modality=CT|MR|PT --seed=N --lesions=N --oblique --spacing=X,Y,Z --size=X,Y,Z\n"
    "      --tilt=DEGREES --missing=N --uneven=PART\n"
    "      --cnr=C --distractors --kind=ellipsoids|neuroblastoma|trunk|mibg\n"
    "  hw-vectors SLICE     a DICOM file or a stored image, by its SOP Instance UID, as a script for the\n"
    "                       simulated hardware (hw/README.md), on the standard output\n"
    "      --window=CENTRE,WIDTH  not the slice's own\n"
    "      --band=LOW,HIGH  greys (0 to 255), not those above Otsu's threshold\n"
    "\n"
    "STUDY is a Study Instance UID, or its beginning or end.\n"
    "\n"
    "  -s, --socket=PATH    the node's socket (or TUMORD_SOCKET)\n"
    "  -c, --config=FILE    takes the data folder from this configuration\n"
    "  -j, --json           prints JSON\n"
    "  -h, --help           this text\n"
    "  -V, --version        the version\n";

struct arguments {
    struct ctl ctl;
    const char *config;
    struct phantom_options phantom;
    bool planar;                    /* the phantom is a planar one */
    const char *patient;            /* of the statistics, or NULL */
    bool all, csv;
    struct ctl_vectors vectors;
    const char *argument;           /* of the command, or NULL */
    char **more;                    /* behind it */
    int more_count;
};

static int fail(const struct error *err)
{
    fprintf(stderr, "tumorctl: %s\n", err->text);
    return EXIT_FAILED;
}

/* What the node said, as it is; the exit status. */
static int print_json(json_t *answer)
{
    json_dumpf(answer, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
    putchar('\n');
    json_decref(answer);
    return EXIT_SUCCESS;
}

/* ---- studies ---- */

static bool matches(const char *uid, const char *wanted)
{
    const size_t length = strlen(uid), part = strlen(wanted);

    return part > 0 && part <= length && (strncmp(uid, wanted, part) == 0
                                          || strcmp(uid + length - part, wanted) == 0);
}

/* The full UID of the one study that `wanted` means. */
static bool find_study(const struct ctl *ctl, const char *wanted, char uid[TEXT_UID_SIZE],
                       struct error *err)
{
    json_t *const answer = ctl_ask(ctl, "/api/studies", false, err), *study;
    json_t *const studies = json_is_array(answer) ? answer
        : json_object_get(answer, "studies");
    size_t index, found = 0;

    if (answer == NULL)
        return false;
    json_array_foreach(studies, index, study)
        if (matches(ctl_text(study, "study_uid"), wanted)) {
            text_format(uid, TEXT_UID_SIZE, "%s", ctl_text(study, "study_uid"));
            found++;
        }
    json_decref(answer);
    if (found == 1)
        return true;
    return error_set(err, ERROR_NOT_FOUND, found == 0 ? "no study is called %s"
                     : "%s is the name of several studies", wanted);
}

/* Asks about one study; `rest` follows its UID in the path. */
static json_t *ask_study(const struct arguments *arguments, const char *rest, bool post,
                         struct error *err)
{
    char uid[TEXT_UID_SIZE], path[160];

    if (!find_study(&arguments->ctl, arguments->argument, uid, err))
        return NULL;
    text_format(path, sizeof path, "/api/studies/%s%s", uid, rest);
    return ctl_ask(&arguments->ctl, path, post, err);
}

static int studies(const struct arguments *arguments, struct error *err)
{
    json_t *const answer = ctl_ask(&arguments->ctl, "/api/studies", false, err), *study;
    size_t index;

    if (answer == NULL)
        return fail(err);
    if (arguments->ctl.json)
        return print_json(answer);
    printf("%-10s %-24s %-14s %6s %9s  %s\n", "DATE", "PATIENT", "STATE", "SERIES", "INSTANCES",
           "STUDY");
    json_array_foreach(json_is_array(answer) ? answer : json_object_get(answer, "studies"),
                       index, study) {
        printf("%-10s %-24s %-14s ", ctl_text(study, "study_date"),
               ctl_text(study, "patient_name"), ctl_text(study, "state"));
        printf("%6s %9s  %s\n", ctl_text(study, "series_count"), ctl_text(study, "instances"),
               ctl_text(study, "study_uid"));
    }
    json_decref(answer);
    return EXIT_SUCCESS;
}

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* A line below: of PET peak and glycolysis, of counts the ratio to what lies around. */
static void print_uptake(const json_t *findings, const json_t *lesion)
{
    if (json_object_get(lesion, "tlg") != NULL) {
        printf("       max %.4g", number(lesion, "maximum"));
        if (json_object_get(lesion, "suv_peak") != NULL)
            printf(", peak %.4g", number(lesion, "suv_peak"));
        printf(" %s, TLG %.4g %s\n", ctl_text(findings, "unit"), number(lesion, "tlg"),
               ctl_text(findings, "tlg_unit"));
    }
    if (json_object_get(lesion, "background_ratio") != NULL)
        printf("       %.3g times what lies around it\n", number(lesion, "background_ratio"));
}

/* The verdict on the volume, and what was laid on it with what it says of each region. */
static void print_grounds(const json_t *findings)
{
    const json_t *const quality = json_object_get(findings, "quality");
    json_t *other, *lesion;
    size_t index, at;

    if (quality != NULL)
        printf("  quality: %s\n", ctl_text(quality, "verdict"));
    json_array_foreach(json_object_get(findings, "laid"), index, other) {
        const char *const role = ctl_text(other, "role");
        printf("  laid on it: %s\n", ctl_text(other, "told"));
        json_array_foreach(json_object_get(findings, "lesions"), at, lesion) {
            const json_t *const values = json_object_get(json_object_get(lesion, "laid"), role);
            if (number(values, "voxels") > 0)
                printf("  %4s %s %.4g ± %.3g\n", ctl_text(lesion, "label"), role,
                       number(values, "mean"), number(values, "sd"));
        }
    }
}

static void print_notes(const json_t *findings)
{
    json_t *warning;
    size_t index;

    if (json_object_get(findings, "rule") != NULL)
        printf("  rule: %s\n", json_string_value(json_object_get(findings, "rule")));
    print_grounds(findings);
    json_array_foreach(json_object_get(findings, "warnings"), index, warning)
        printf("  warning: %s\n", json_string_value(warning));
}

/* Regions of pictures: no volumes, and no places in the patient. */
static void print_planar(const json_t *findings)
{
    const json_t *body;
    json_t *lesion;
    size_t index;

    printf("  regions in planar views: %s\n", ctl_text(findings, "count"));
    printf("  %4s %-10s %10s %16s %18s\n", "NO", "VIEW", "AREA cm²", "AXES mm", "MEAN ± SD");
    json_array_foreach(json_object_get(findings, "lesions"), index, lesion) {
        printf("  %4s %-10s %10.2f %7.1f × %6.1f %8.4g ± %-6.3g\n", ctl_text(lesion, "label"),
               ctl_text(lesion, "view"), number(lesion, "area_mm2") / 100, number(lesion, "axial_long_mm"),
               number(lesion, "axial_short_mm"), number(lesion, "mean"), number(lesion, "sd"));
        print_uptake(findings, lesion);
        if ((body = json_object_get(lesion, "synthetic, voxels")) != NULL)
            printf("       synthetic, voxels: %s, longest %.0f; not for measurement\n",
                   ctl_text(body, "count"), number(body, "longest"));
    }
    print_notes(findings);
}

static void print_lesions(const json_t *findings)
{
    char unit[32];
    json_t *lesion;
    size_t index;

    if (json_is_true(json_object_get(findings, "planar"))) {
        print_planar(findings);
        return;
    }

    text_format(unit, sizeof unit, "%s", ctl_text(findings, "unit"));
    printf("  %s of unusual intensity: %s, %.1f ml in all\n",
           json_integer_value(json_object_get(findings, "count")) == 1 ? "region" : "regions",
           ctl_text(findings, "count"), number(findings, "total_mm3") / 1000);
    printf("  %4s %10s %10s %16s %18s  %s\n", "NO", "VOLUME ml", "LONGEST mm", "AXIAL mm",
           "MEAN ± SD", "CENTROID mm (LPS)");
    json_array_foreach(json_object_get(findings, "lesions"), index, lesion) {
        const json_t *const at = json_object_get(lesion, "centroid_mm");
        printf("  %4s %10.2f %10.1f %7.1f × %6.1f %8.4g ± %-6.3g %s  %.1f, %.1f, %.1f\n",
               ctl_text(lesion, "label"), number(lesion, "volume_mm3") / 1000,
               number(lesion, "longest_mm"), number(lesion, "axial_long_mm"),
               number(lesion, "axial_short_mm"), number(lesion, "mean"), number(lesion, "sd"),
               strcmp(unit, "1") == 0 ? "" : unit, json_number_value(json_array_get(at, 0)),
               json_number_value(json_array_get(at, 1)),
               json_number_value(json_array_get(at, 2)));
        print_uptake(findings, lesion);
    }
    if (json_object_get(findings, "total_tlg") != NULL)
        printf("  MTV %.2f ml, TLG %.2f %s in all\n", number(findings, "total_mtv_ml"),
               number(findings, "total_tlg"), ctl_text(findings, "tlg_unit"));
    print_notes(findings);
}

static void print_objects(const json_t *job)
{
    json_t *object;
    size_t index;

    json_array_foreach(json_object_get(job, "objects"), index, object)
        printf("  %-8s %s\n", ctl_text(object, "kind"), ctl_text(object, "path"));
}

static void print_series_head(const json_t *series)
{
    printf("%s %s (%s instances)\n", ctl_text(series, "modality"),
           ctl_text(series, "description"), ctl_text(series, "instances"));
    printf("  %s\n  %s\n", ctl_text(series, "role"), ctl_text(series, "reason"));
}

static void print_keeping(const json_t *study)
{
    json_t *duplicate, *prior;
    size_t index;

    json_array_foreach(json_object_get(study, "priors"), index, prior)
        printf("from %s: %s\n", ctl_text(prior, "peer"), ctl_text(prior, "reason")[0] != '\0'
               ? ctl_text(prior, "reason") : "priors are wished for, none came yet");

    if (json_is_true(json_object_get(study, "held")))
        puts("The study is held.");
    json_array_foreach(json_object_get(study, "duplicates"), index, duplicate) {
        const char *const differs = ctl_text(duplicate, "differs");
        printf("%s of UID %s from %s%s%s: %s\n", differs[0] == '\0' ? "first" : "other bytes",
               ctl_text(duplicate, "sop_uid"), ctl_text(duplicate, "calling_ae"),
               differs[0] == '\0' ? "" : ", not alike: ", differs,
               json_is_true(json_object_get(duplicate, "counts")) ? "counts"
               : "kept, does not count");
    }
}

/* Findings or objects of each series; succeeds only when there are some. */
static int show(const struct arguments *arguments, bool objects, struct error *err)
{
    json_t *const answer = ask_study(arguments, "", false, err), *series;
    size_t index;
    bool any = false;

    if (answer == NULL)
        return fail(err);
    json_array_foreach(json_object_get(answer, "series"), index, series) {
        const json_t *const job = json_object_get(series, "job");
        const json_t *const findings = json_object_get(job, "findings");
        any = any || json_is_object(findings);
        if (arguments->ctl.json)
            continue;
        print_series_head(series);
        if (json_is_object(findings) && !objects)
            print_lesions(findings);
        print_objects(job);
    }
    if (!arguments->ctl.json)
        print_keeping(answer);
    if (!arguments->ctl.json)
        puts("AI, not reviewed. Research use only, not for diagnosis.");
    if (arguments->ctl.json)
        print_json(answer);
    else
        json_decref(answer);
    if (!any)
        error_set(err, ERROR_NOT_FOUND, "the study has no findings");
    return any ? EXIT_SUCCESS : fail(err);
}

static int why(const struct arguments *arguments, struct error *err)
{
    json_t *const answer = ask_study(arguments, "/why", false, err), *series;
    size_t index;

    if (answer == NULL)
        return fail(err);
    if (arguments->ctl.json)
        return print_json(answer);
    json_array_foreach(json_object_get(answer, "series"), index, series) {
        const char *const reason = ctl_text(series, "reason");
        printf("%-4s %-24s %4s instances  %s%s%s\n                          %s\n",
               ctl_text(series, "modality"),
               ctl_text(series, "description"), ctl_text(series, "instances"),
               reason[0] == '\0' ? "not decided yet" : reason,
               ctl_text(series, "rule")[0] != '\0' ? ", rule " : "", ctl_text(series, "rule"),
               ctl_text(series, "role"));
    }
    print_keeping(answer);
    json_decref(answer);
    return EXIT_SUCCESS;
}

static int resend(const struct arguments *arguments, struct error *err)
{
    json_t *const answer = ask_study(arguments, "/resend", true, err);

    if (answer == NULL)
        return fail(err);
    if (arguments->ctl.json)
        return print_json(answer);
    printf("%s deliveries are queued again\n", ctl_text(answer, "count"));
    json_decref(answer);
    return EXIT_SUCCESS;
}

static int rerun(const struct arguments *arguments, struct error *err)
{
    json_t *const answer = ask_study(arguments, "/rerun", true, err);

    if (answer == NULL)
        return fail(err);
    json_decref(answer);
    puts("the study is decided anew");
    return EXIT_SUCCESS;
}

static int hold(const struct arguments *arguments, bool held, struct error *err)
{
    json_t *const answer = ask_study(arguments, held ? "/hold" : "/release", true, err);

    if (answer == NULL)
        return fail(err);
    if (arguments->ctl.json)
        return print_json(answer);
    puts(held ? "the study is held" : "the study is not held any more");
    json_decref(answer);
    return EXIT_SUCCESS;
}

static int stats(const struct arguments *arguments, struct error *err)
{
    char uid[TEXT_UID_SIZE];
    const bool one = arguments->argument != NULL;

    if (one && !find_study(&arguments->ctl, arguments->argument, uid, err))
        return fail(err);
    return ctl_stats(&arguments->ctl, one ? uid : NULL, arguments->patient, arguments->csv, err)
        == 0 ? EXIT_SUCCESS : fail(err);
}

/* ---- the node ---- */

static int print_answer(const struct arguments *arguments, const char *path, bool post,
                        struct error *err)
{
    json_t *const answer = ctl_ask(&arguments->ctl, path, post, err);
    json_t *value, *part;
    const char *name;
    size_t index;

    if (answer == NULL)
        return fail(err);
    if (arguments->ctl.json)
        return print_json(answer);
    json_object_foreach(answer, name, value) {
        if (json_is_object(value)) {
            printf("%s:", name);
            const char *inner;
            json_object_foreach(value, inner, part)
                printf(" %s %s", inner, ctl_text(value, inner));
            putchar('\n');
        } else if (json_is_array(value)) {
            json_array_foreach(value, index, part) {
                char *const text = json_dumps(part, JSON_COMPACT | JSON_ENSURE_ASCII);
                printf("%s: %s\n", name, text);
                free(text);
            }
        } else {
            printf("%s: %s\n", name, ctl_text(answer, name));
        }
    }
    json_decref(answer);
    return EXIT_SUCCESS;
}

static int echo(const struct arguments *arguments, struct error *err)
{
    char path[160];

    if (strspn(arguments->argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
               "0123456789-_.") != strlen(arguments->argument)) {
        error_set(err, ERROR_NOT_FOUND, "no peer is called %s", arguments->argument);
        return fail(err);
    }
    text_format(path, sizeof path, "/api/echo/%s", arguments->argument);
    return print_answer(arguments, path, true, err);
}

static int phantom(struct arguments *arguments, struct error *err)
{
    size_t files = 0;

    if (arguments->planar) {
        if (!phantom_planar_write(arguments->argument, arguments->phantom.seed, arguments->phantom.lesions,
                                  true, err))
            return fail(err);
        printf("two planar views and truth.json in %s\n", arguments->argument);
        return EXIT_SUCCESS;
    }
    if (arguments->phantom.modality == PHANTOM_MR && arguments->phantom.bias == 0)
        arguments->phantom.bias = 0.2;
    if (!phantom_write(arguments->argument, &arguments->phantom, &files, err))
        return fail(err);
    printf("%zu slices and truth.json in %s\n", files, arguments->argument);
    return EXIT_SUCCESS;
}

/* ---- options ---- */

static bool parse_triple(const char *text, double values[3])
{
    char copy[96];
    char *rest = copy;

    if (!text_format(copy, sizeof copy, "%s", text))
        return false;
    for (int i = 0; i < 3; i++) {
        char *const one = strsep(&rest, ",");
        if (one == NULL || !text_to_double(one, &values[i]) || values[i] <= 0)
            return false;
    }
    return rest == NULL;
}

/* --window=CENTRE,WIDTH or --band=LOW,HIGH of hw-vectors. */
static bool parse_pair(bool window, const char *text, struct ctl_vectors *vectors)
{
    char copy[80];
    char *rest = copy;
    long long low = 0, high = 0;

    if (!text_format(copy, sizeof copy, "%s", text))
        return false;
    const char *const first = strsep(&rest, ","), *const second = rest;
    if (second == NULL)
        return false;
    if (window)
        return text_to_double(first, &vectors->window_center)
            && text_to_double(second, &vectors->window_width) && vectors->window_width > 0;
    if (!text_to_int(first, 0, 255, &low) || !text_to_int(second, low, 255, &high))
        return false;
    vectors->band = true;
    vectors->low = (int)low;
    vectors->high = (int)high;
    return true;
}

enum phantom_option { SEED = 256, TILT, MISSING, UNEVEN, LESIONS, MODALITY, OBLIQUE, SPACING, SIZE, CNR, DISTRACTORS, KIND,
                      NOW, CHANNELS, LABELS, PATIENT, ALL, CSV, WINDOW, BAND };

/* "0.9" or "0.9,0.8": millimetres between rows, and between columns. */
static bool parse_pixel(const char *text, double ret_mm[2])
{
    char copy[64];
    double mm[2];

    if (!text_format(copy, sizeof copy, "%s", text))
        return false;
    char *const comma = strchr(copy, ',');
    if (comma != NULL)
        *comma = '\0';
    if (!text_to_double(copy, &mm[0]) || !text_to_double(comma == NULL ? copy : comma + 1, &mm[1])
        || !(mm[0] > 0 && mm[0] < 1000 && mm[1] > 0 && mm[1] < 1000))
        return false;
    memcpy(ret_mm, mm, sizeof mm);
    return true;
}

static bool parse_phantom_option(int option, const char *text, struct phantom_options *phantom)
{
    long long value = 0;
    double triple[3];

    switch (option) {
    case SEED:
        if (!text_to_int(text, 0, INT64_MAX, &value))
            return false;
        phantom->seed = (uint64_t)value;
        return true;
    case LESIONS:
        if (!text_to_int(text, 0, PHANTOM_MAX_LESIONS, &value))
            return false;
        phantom->lesions = (size_t)value;
        return true;
    case MODALITY:
        phantom->modality = strcmp(text, "MR") == 0 ? PHANTOM_MR
            : strcmp(text, "PT") == 0 ? PHANTOM_PT : PHANTOM_CT;
        return strcmp(text, "CT") == 0 || strcmp(text, "MR") == 0 || strcmp(text, "PT") == 0;
    case OBLIQUE:
        return phantom->oblique = true;
    case SPACING:
        return parse_triple(text, phantom->spacing_mm);
    case SIZE:
        if (!parse_triple(text, triple))
            return false;
        for (int axis = 0; axis < 3; axis++)
            phantom->size[axis] = (size_t)triple[axis];
        return true;
    case CNR:
        return text_to_double(text, &phantom->cnr) && phantom->cnr > 0;
    case TILT:
        return text_to_double(text, &phantom->tilt_degrees);
    case MISSING:
        if (!text_to_int(text, 0, 100, &value))
            return false;
        phantom->missing = (size_t)value;
        return true;
    case UNEVEN:
        return text_to_double(text, &phantom->uneven);
    case DISTRACTORS:
        return phantom->distractors = true;
    default:
        phantom->kind = strcmp(text, "neuroblastoma") == 0 ? PHANTOM_NEUROBLASTOMA
            : strcmp(text, "trunk") == 0 ? PHANTOM_TRUNK : PHANTOM_ELLIPSOIDS;
        return phantom->kind != PHANTOM_ELLIPSOIDS || strcmp(text, "ellipsoids") == 0;
    }
}

static const struct option options[] = {
    { "socket", required_argument, NULL, 's' }, { "config", required_argument, NULL, 'c' },
    { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' }, { "seed", required_argument, NULL, SEED },
    { "lesions", required_argument, NULL, LESIONS },
    { "modality", required_argument, NULL, MODALITY },
    { "oblique", no_argument, NULL, OBLIQUE }, { "spacing", required_argument, NULL, SPACING },
    { "size", required_argument, NULL, SIZE }, { "cnr", required_argument, NULL, CNR },
    { "tilt", required_argument, NULL, TILT }, { "missing", required_argument, NULL, MISSING },
    { "uneven", required_argument, NULL, UNEVEN },
    { "distractors", no_argument, NULL, DISTRACTORS },
    { "kind", required_argument, NULL, KIND }, { "now", no_argument, NULL, NOW },
    { "channels", required_argument, NULL, CHANNELS },
    { "labels", required_argument, NULL, LABELS },
    { "patient", required_argument, NULL, PATIENT }, { "all", no_argument, NULL, ALL },
    { "csv", no_argument, NULL, CSV },
    { "window", required_argument, NULL, WINDOW }, { "band", required_argument, NULL, BAND },
    { NULL, 0, NULL, 0 }
};

static int wrong_usage(const char *what, const char *value)
{
    fprintf(stderr, "tumorctl: %s%s\nTry 'tumorctl --help'.\n", what, value);
    return EXIT_USAGE;
}

/* -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "s:c:jhV", options, NULL)) != -1) {
        switch (option) {
        case 's':
            text_format(arguments->ctl.socket, sizeof arguments->ctl.socket, "%s", optarg);
            break;
        case 'c':
            arguments->config = optarg;
            break;
        case 'j':
            arguments->ctl.json = true;
            break;
        case PATIENT:
            arguments->patient = optarg;
            break;
        case ALL:
            arguments->all = true;
            break;
        case CSV:
            arguments->csv = true;
            break;
        case WINDOW:
        case BAND:
            if (!parse_pair(option == WINDOW, optarg, &arguments->vectors))
                return wrong_usage(option == WINDOW ? "not a window (CENTRE,WIDTH): "
                                   : "not a band of greys (LOW,HIGH): ", optarg);
            break;
        case NOW:
            arguments->ctl.now = true;
            break;
        case CHANNELS:
            arguments->ctl.channels_first = strcmp(optarg, "first") == 0;
            if (!arguments->ctl.channels_first && strcmp(optarg, "last") != 0)
                return wrong_usage("a value that is not one: ", optarg);
            break;
        case LABELS:
            arguments->ctl.labels = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        case 'V':
            puts("tumorctl " VERSION);
            return EXIT_SUCCESS;
        case '?':
            return wrong_usage("unknown option or missing value: ", argv[optind - 1]);
        default:
            if (option == SPACING && parse_pixel(optarg, arguments->ctl.spacing_mm))
                break;
            if (option == KIND && strcmp(optarg, "mibg") == 0)
                arguments->planar = true;
            else if (!parse_phantom_option(option, optarg, &arguments->phantom))
                return wrong_usage("a value that is not one: ", optarg);
            if (option == MODALITY)
                arguments->ctl.modality = optarg;
        }
    }
    return -1;
}

/* --socket, TUMORD_SOCKET, the configuration's data folder, the demo's, the installed one's. */
static bool find_socket(struct arguments *arguments, struct error *err)
{
    struct ctl *const ctl = &arguments->ctl;
    const char *const named = getenv("TUMORD_SOCKET");

    if (ctl->socket[0] != '\0')
        return true;
    if (arguments->config != NULL) {
        struct config *const config = config_load(arguments->config, stderr, err);
        if (config == NULL)
            return false;
        text_format(ctl->socket, sizeof ctl->socket, "%s/run/tumord.sock", config->data_dir);
        config_free(config);
        return true;
    }
    text_format(ctl->socket, sizeof ctl->socket, "%s", named != NULL ? named
                : access("_run/data/run/tumord.sock", F_OK) == 0 ? "_run/data/run/tumord.sock"
                : "/var/lib/tumord/run/tumord.sock");
    return true;
}

static int run(const char *command, struct arguments *arguments, struct error *err)
{
    if (strcmp(command, "status") == 0)
        return print_answer(arguments, "/api/status", false, err);
    if (strcmp(command, "studies") == 0)
        return studies(arguments, err);
    if (strcmp(command, "show") == 0)
        return show(arguments, false, err);
    if (strcmp(command, "results") == 0)
        return show(arguments, true, err);
    if (strcmp(command, "why") == 0)
        return why(arguments, err);
    if (strcmp(command, "resend") == 0)
        return resend(arguments, err);
    if (strcmp(command, "rerun") == 0)
        return rerun(arguments, err);
    if (strcmp(command, "hold") == 0 || strcmp(command, "release") == 0)
        return hold(arguments, strcmp(command, "hold") == 0, err);
    if (strcmp(command, "echo") == 0)
        return echo(arguments, err);
    if (strcmp(command, "query") == 0)
        return ctl_query(&arguments->ctl, arguments->argument, arguments->more,
                         arguments->more_count, err) == 0 ? EXIT_SUCCESS : fail(err);
    if (strcmp(command, "retrieve") == 0)
        return ctl_retrieve(&arguments->ctl, arguments->argument, arguments->more[0], err) == 0
            ? EXIT_SUCCESS : fail(err);
    if (strcmp(command, "stats") == 0)
        return stats(arguments, err);
    if (strcmp(command, "phantom") == 0)
        return phantom(arguments, err);
    if (strcmp(command, "hw-vectors") == 0)
        return ctl_vectors(&arguments->ctl, arguments->argument, &arguments->vectors, err)
            == EXIT_SUCCESS ? EXIT_SUCCESS : fail(err);
    return ctl_import(&arguments->ctl, arguments->argument, err) == 0 ? EXIT_SUCCESS
        : fail(err);
}

/* What does not go together, or NULL. */
static const char *wrong_stats(const struct arguments *arguments, bool is_stats, bool study)
{
    if (!is_stats && (arguments->patient != NULL || arguments->all || arguments->csv))
        return "--patient, --all and --csv are for stats";
    if (is_stats && study + arguments->all + (arguments->patient != NULL) > 1)
        return "stats is of one study, or of one patient, or of all";
    if (is_stats && arguments->patient != NULL && arguments->patient[0] == '\0')
        return "--patient needs an ID";
    return arguments->csv && arguments->ctl.json ? "either --csv or --json" : NULL;
}

int main(int argc, char **argv)
{
    static const char *const commands[] = { "status", "studies", "show", "results", "why",
                                            "resend", "rerun", "hold", "release", "import", "echo",
                                            "phantom", "query", "retrieve", "stats",
                                            "hw-vectors", NULL };
    struct arguments arguments = { .config = NULL };
    struct error err;
    int known = 0;

    phantom_defaults(PHANTOM_CT, &arguments.phantom);
    const int status = parse(argc, argv, &arguments);
    if (status >= 0)
        return status;
    if (optind == argc)
        return wrong_usage("no command", "");
    while (commands[known] != NULL && strcmp(commands[known], argv[optind]) != 0)
        known++;
    if (commands[known] == NULL)
        return wrong_usage("unknown command: ", argv[optind]);
    const int count = argc - optind;
    const bool several = strcmp(commands[known], "query") == 0;
    const bool is_stats = strcmp(commands[known], "stats") == 0;
    const int wanted = known < 2 ? 1 : strcmp(commands[known], "retrieve") == 0 ? 3 : 2;
    if (is_stats ? count > 2 : several ? count < 2 : count != wanted)
        return wrong_usage(known < 2 ? "too many arguments" : "wrong number of arguments for ",
                           known < 2 ? "" : commands[known]);
    const char *const wrong = wrong_stats(&arguments, is_stats, count == 2);
    if (wrong != NULL)
        return wrong_usage(wrong, "");
    arguments.argument = argv[optind + 1];
    arguments.more = argv + optind + 2;
    arguments.more_count = count - 2;
    if (!find_socket(&arguments, &err))
        return 3;
    return run(argv[optind], &arguments, &err);
}
