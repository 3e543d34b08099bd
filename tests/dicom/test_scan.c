#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "dicom/association.h"
#include "dicom/scan.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define DEFLATED "1.2.840.10008.1.2.1.99"
#define EXPLICIT_BIG "1.2.840.10008.1.2.2"

/* ---- data sets by hand, growing ---- */

struct bytes {
    unsigned char *at;
    size_t size, room;
};

static void add(struct bytes *bytes, const void *from, size_t size)
{
    if (bytes->size + size > bytes->room) {
        bytes->room = 2 * (bytes->size + size);
        bytes->at = realloc(bytes->at, bytes->room);
    }
    memcpy(bytes->at + bytes->size, from, size);
    bytes->size += size;
}

static void add_number(struct bytes *bytes, uint32_t value, size_t size, bool little)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte =
            (unsigned char)(value >> (8 * (little ? i : size - 1 - i)));

        add(bytes, &byte, 1);
    }
}

enum form { LITTLE, BIG, NO_VR };

static void add_head(struct bytes *bytes, enum form form, uint32_t tag, const char *vr,
                     uint32_t length)
{
    static const char longs[] = "OB OW OA OF SQ UN UT ";
    const bool little = form != BIG;

    add_number(bytes, tag >> 16, 2, little);
    add_number(bytes, tag & 0xffff, 2, little);
    if (form == NO_VR || vr == NULL) {
        add_number(bytes, length, 4, little);
        return;
    }
    add(bytes, vr, 2);
    if (strstr(longs, vr) == NULL) {
        add_number(bytes, length, 2, little);
        return;
    }
    add_number(bytes, 0, 2, little);
    add_number(bytes, length, 4, little);
}

static void add_text(struct bytes *bytes, enum form form, uint32_t tag, const char *vr,
                     const char *text)
{
    add_head(bytes, form, tag, vr, (uint32_t)strlen(text));
    add(bytes, text, strlen(text));
}

/* Something of everything: texts, a sequence of both kinds, UN, binary numbers, pixels. */
static struct bytes small(enum form form, bool encapsulated)
{
    struct bytes bytes = { NULL, 0, 0 };

    add_head(&bytes, form, 0x00080000, "UL", 4);
    add_number(&bytes, 64, 4, form != BIG);
    add_text(&bytes, form, 0x00080018, "UI", "1.2.3.4");
    add_text(&bytes, form, 0x00080060, "CS", "CT ");
    add_head(&bytes, form, 0x00081140, "SQ", 0xffffffff);
    add_head(&bytes, form, 0xfffee000, NULL, 0xffffffff);
    add_text(&bytes, form, 0x00081155, "UI", "9.9.9");
    add_text(&bytes, form, 0x00080060, "CS", "MR");
    add_head(&bytes, form, 0xfffee00d, NULL, 0);
    add_head(&bytes, form, 0xfffee0dd, NULL, 0);
    add_head(&bytes, form, 0x00082112, "SQ", 8 + 8 + 4);
    add_head(&bytes, form, 0xfffee000, NULL, 8 + 4);
    add_text(&bytes, form, 0x00080060, "CS", "PT  ");
    add_head(&bytes, form, 0x00090010, "UN", 0xffffffff);
    add_head(&bytes, form == BIG ? LITTLE : form, 0xfffee0dd, NULL, 0);
    add_text(&bytes, form, 0x0020000d, "UI", "1.2.3");
    add_head(&bytes, form, 0x00280010, "US", 2);
    add_number(&bytes, 513, 2, form != BIG);
    if (encapsulated) {
        add_head(&bytes, form, 0x7fe00010, "OB", 0xffffffff);
        add_head(&bytes, form, 0xfffee000, NULL, 0);
        add_text(&bytes, form, 0xfffee000, NULL, "fragment");
        add_head(&bytes, form, 0xfffee0dd, NULL, 0);
    } else {
        add_text(&bytes, form, 0x7fe00010, "OW", "pixels");
    }
    return bytes;
}

static bool scan_all(const char *syntax, const void *bytes, size_t size, size_t step,
                     struct scan **ret_scan, struct error *err)
{
    struct scan *scan = scan_new(syntax, err);
    bool good = true;

    for (size_t at = 0; good && at < size; at += step)
        good = scan_push(scan, (const char *)bytes + at, size - at < step ? size - at : step,
                         err);
    good = good && scan_end(scan, err);
    if (ret_scan != NULL)
        *ret_scan = scan;
    else
        scan_free(scan);
    return good;
}

static bool same(const struct scan *scan, uint32_t tag, const char *text)
{
    const char *value = scan_value(scan, tag);

    return value != NULL && strcmp(value, text) == 0;
}

static void check_small(const char *syntax, const struct bytes *bytes)
{
    static const size_t steps[] = { 1, 2, 3, 7, 11, 100000 };
    struct error err = { .code = ERROR_NONE };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct scan *scan;

        CU_ASSERT(scan_all(syntax, bytes->at, bytes->size, steps[i], &scan, &err));
        CU_ASSERT(same(scan, 0x00080018, "1.2.3.4"));
        CU_ASSERT(same(scan, 0x00080060, "CT"));        /* not the one in a sequence */
        CU_ASSERT(same(scan, 0x0020000d, "1.2.3"));
        CU_ASSERT(same(scan, 0x00280010, "513"));
        CU_ASSERT_PTR_NULL(scan_value(scan, 0x00100010));
        CU_ASSERT_PTR_NULL(scan_value(scan, 0x00081155));   /* not of the index */
        scan_free(scan);
    }
}

static void scan_reads_every_encoding_in_pieces_of_any_size(void)
{
    static const struct {
        const char *syntax;
        enum form form;
        bool encapsulated;
    } cases[] = { { EXPLICIT, LITTLE, false }, { IMPLICIT, NO_VR, false },
                  { EXPLICIT_BIG, BIG, false }, { "1.2.840.10008.1.2.4.50", LITTLE, true } };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = small(cases[i].form, cases[i].encapsulated);

        check_small(cases[i].syntax, &bytes);
        free(bytes.at);
    }
}

/* Cut where an element begins, what is left is whole; anywhere else it is not. */
static void scan_end_tells_every_truncation_but_those_between_elements(void)
{
    for (int form = LITTLE; form <= NO_VR; form++) {
        const char *syntax = form == LITTLE ? EXPLICIT : form == BIG ? EXPLICIT_BIG : IMPLICIT;
        struct bytes bytes = small(form, true);
        struct error err;
        int whole = 0;

        for (size_t size = 0; size < bytes.size; size++)
            whole += scan_all(syntax, bytes.at, size, 5, NULL, &err);
        CU_ASSERT_EQUAL(whole, 9);      /* the elements outside of sequences */
        CU_ASSERT(scan_all(syntax, bytes.at, bytes.size, 5, NULL, &err));
        free(bytes.at);
    }
}

/* `depth` sequences in each other; with lengths, the innermost first is the largest end. */
static struct bytes nest(enum form form, int depth, bool lengths)
{
    const uint32_t head = form == NO_VR ? 8 : 12;
    struct bytes bytes = { NULL, 0, 0 };

    for (int i = 0; i < depth; i++) {
        const uint32_t inside = (uint32_t)(depth - 1 - i) * (head + 8);

        add_head(&bytes, form, 0x00081140, "SQ", lengths ? inside + 8 : 0xffffffff);
        add_head(&bytes, form, 0xfffee000, NULL, lengths ? inside : 0xffffffff);
    }
    for (int i = 0; i < depth && !lengths; i++) {
        add_head(&bytes, form, 0xfffee00d, NULL, 0);
        add_head(&bytes, form, 0xfffee0dd, NULL, 0);
    }
    return bytes;
}

static void scan_takes_64_levels_and_refuses_65_20000_and_100000(void)
{
    static const int depths[] = { 1, 64, 65, 20000, 100000 };
    struct error err = { .code = ERROR_NONE };

    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        for (int form = LITTLE; form <= NO_VR; form++)
            for (int lengths = 0; lengths < 2; lengths++) {
                const char *syntax =
                    form == LITTLE ? EXPLICIT : form == BIG ? EXPLICIT_BIG : IMPLICIT;
                struct bytes bytes = nest(form, depths[i], lengths);
                const bool good =
                    scan_all(syntax, bytes.at, bytes.size, 4096, NULL, &err);

                CU_ASSERT_EQUAL(good, depths[i] <= 64);
                CU_ASSERT(good || err.code == ERROR_LIMIT);
                if (form != BIG)
                    CU_ASSERT_EQUAL(scan_check(bytes.at, bytes.size, &err), good);
                free(bytes.at);
            }
}

static void scan_counts_levels_within_unknown_vr_as_implicit(void)
{
    struct bytes bytes = { NULL, 0, 0 }, inner = nest(NO_VR, 64, false);
    struct error err;

    add_head(&bytes, LITTLE, 0x00091010, "UN", 0xffffffff);
    add_head(&bytes, LITTLE, 0xfffee000, NULL, (uint32_t)inner.size);
    add(&bytes, inner.at, inner.size);
    add_head(&bytes, LITTLE, 0xfffee0dd, NULL, 0);
    CU_ASSERT_FALSE(scan_all(EXPLICIT, bytes.at, bytes.size, 64, NULL, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "sequences are nested deeper than 64");
    free(bytes.at);
    free(inner.at);
}

/* DCMTK goes into "fragments" of any other VR, and would find what no scanner counted. */
static void scan_takes_fragments_of_ob_and_ow_alone(void)
{
    static const struct { const char *vr; bool good; } cases[] = {
        { "OB", true }, { "OW", true }, { "OA", false }, { "OF", false }, { "UT", false }
    };
    struct bytes inner = nest(LITTLE, 70, false);
    struct error err;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = { NULL, 0, 0 };
        add_text(&bytes, LITTLE, 0x00080060, "CS", "CT");
        add_head(&bytes, LITTLE, 0x7fe00010, cases[i].vr, 0xffffffff);
        add_head(&bytes, LITTLE, 0xfffee000, NULL, (uint32_t)inner.size);
        add(&bytes, inner.at, inner.size);
        add_head(&bytes, LITTLE, 0xfffee0dd, NULL, 0);
        CU_ASSERT_EQUAL(scan_check(bytes.at, bytes.size, &err), cases[i].good);
        if (!cases[i].good)
            CU_ASSERT_STRING_EQUAL(err.text, "element (7fe0,0010) has no length");
        free(bytes.at);
    }
    free(inner.at);
}

static void scan_refuses_what_is_longer_than_what_holds_it(void)
{
    struct bytes bytes = { NULL, 0, 0 };
    struct error err;

    add_head(&bytes, LITTLE, 0x00081140, "SQ", 8 + 8 + 4);
    add_head(&bytes, LITTLE, 0xfffee000, NULL, 8 + 4);
    add_text(&bytes, LITTLE, 0x00080060, "CS", "PT    ");
    CU_ASSERT_FALSE(scan_all(EXPLICIT, bytes.at, bytes.size, 3, NULL, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "element (0008,0060) is longer than what holds it");
    free(bytes.at);
}

static void scan_refuses_stray_items_and_delimiters(void)
{
    static const uint32_t tags[] = { 0xfffee000, 0xfffee00d, 0xfffee0dd, 0xfffe0001 };

    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        struct bytes bytes = { NULL, 0, 0 };
        struct error err;

        add_head(&bytes, LITTLE, tags[i], NULL, 0);
        CU_ASSERT_FALSE(scan_all(EXPLICIT, bytes.at, bytes.size, 8, NULL, &err));
        CU_ASSERT_EQUAL(err.code, ERROR_DATA);
        free(bytes.at);
    }
}

/* The value is 4 GiB by its length and never comes: nothing is allocated for it. */
static void scan_passes_long_values_by_and_keeps_none_above_1_kib(void)
{
    struct bytes bytes = { NULL, 0, 0 };
    char text[SCAN_MAX_VALUE + 3];
    struct error err;
    struct scan *scan;

    memset(text, 'x', sizeof text);
    text[SCAN_MAX_VALUE] = '\0';
    add_text(&bytes, LITTLE, 0x00080080, "LO", text);
    text[SCAN_MAX_VALUE] = 'x';
    text[SCAN_MAX_VALUE + 2] = '\0';
    add_text(&bytes, LITTLE, 0x00081030, "LO", text);
    add_head(&bytes, LITTLE, 0x7fe00010, "OW", 0xfffffffe);
    CU_ASSERT_FALSE(scan_all(EXPLICIT, bytes.at, bytes.size, 1000, &scan, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the data set ends in the middle of an element");
    CU_ASSERT_EQUAL(strlen(scan_value(scan, 0x00080080)), SCAN_MAX_VALUE);
    CU_ASSERT_PTR_NULL(scan_value(scan, 0x00081030));
    scan_free(scan);
    free(bytes.at);
}

static void scan_that_failed_goes_on_failing_until_restarted(void)
{
    static const unsigned char stray[] = { 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0 };
    struct bytes bytes = small(LITTLE, false);
    struct error err;
    struct scan *scan = scan_new(EXPLICIT, &err);

    CU_ASSERT_FALSE(scan_push(scan, stray, sizeof stray, &err));
    err.text[0] = '\0';
    CU_ASSERT_FALSE(scan_push(scan, bytes.at, bytes.size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a delimiter of an item where none belongs");
    CU_ASSERT_FALSE(scan_end(scan, &err));
    scan_restart(scan, EXPLICIT);
    CU_ASSERT(scan_push(scan, bytes.at, bytes.size, &err) && scan_end(scan, &err));
    scan_free(scan);
    free(bytes.at);
}

/* ---- deflated ---- */

static struct bytes deflated(const struct bytes *from)
{
    struct bytes to = { malloc(from->size + 1024), 0, from->size + 1024 };
    z_stream stream = { .next_in = from->at, .avail_in = (unsigned)from->size,
                        .next_out = to.at, .avail_out = (unsigned)to.room };

    deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    deflate(&stream, Z_FINISH);
    to.size = stream.total_out;
    deflateEnd(&stream);
    return to;
}

static void scan_inflates_and_notices_damage_and_truncation(void)
{
    struct bytes plain = small(LITTLE, false), bytes = deflated(&plain);
    struct error err;

    check_small(DEFLATED, &bytes);
    check_small("1.2.840.10008.1.2.4.95", &bytes);      /* JPIP, deflated */
    for (size_t size = 1; size < 20; size++)
        CU_ASSERT_FALSE(scan_all(DEFLATED, bytes.at, size, 4, NULL, &err));
    bytes.at[0] = 0xff;
    CU_ASSERT_FALSE(scan_all(DEFLATED, bytes.at, bytes.size, 4, NULL, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the deflated data set is damaged");
    free(plain.at);
    free(bytes.at);
}

static void scan_gives_up_on_a_bomb_before_the_index_and_stops_behind_it(void)
{
    struct bytes plain = { NULL, 0, 0 }, bytes;
    const size_t size = 80u << 20;
    char *zeros = calloc(1, size);
    struct error err;

    add_head(&plain, LITTLE, 0x00090010, "UN", (uint32_t)size);
    add(&plain, zeros, size);
    bytes = deflated(&plain);
    CU_ASSERT_FALSE(scan_all(DEFLATED, bytes.at, bytes.size, 4096, NULL, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    free(bytes.at);
    plain.at[0] = 0xe0;         /* (7fe0,0010): the same behind the index */
    plain.at[1] = 0x7f;
    bytes = deflated(&plain);
    CU_ASSERT(scan_all(DEFLATED, bytes.at, bytes.size, 4096, NULL, &err));
    free(bytes.at);
    free(plain.at);
    free(zeros);
}

/* ---- files ---- */

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;

    if (file == NULL || fstat(fileno(file), &status) != 0)
        return NULL;
    unsigned char *bytes = malloc((size_t)status.st_size + 1);
    *ret_size = fread(bytes, 1, (size_t)status.st_size, file);
    fclose(file);
    return bytes;
}

static struct scan *scan_file(const char *path)
{
    struct association_meta meta;
    struct scan *scan = NULL;
    struct error err;
    size_t size;
    unsigned char *bytes = read_file(path, &size);

    if (bytes != NULL && association_read_meta(bytes, size, &meta, &err) &&
        !scan_all(meta.transfer_syntax, bytes + meta.length, size - meta.length, 777, &scan,
                  &err)) {
        printf("%s: %s\n", path, err.text);
        scan_free(scan);
        scan = NULL;
    }
    free(bytes);
    return scan;
}

static size_t from_hex(const char *hex, char *text, size_t size)
{
    size_t used = 0;
    unsigned byte;

    while (used + 1 < size && sscanf(hex + 2 * used, "%2x", &byte) == 1)
        text[used++] = (char)byte;
    text[used] = '\0';
    return used;
}

/* Compares with what pydicom says of the folder; returns the number of values compared. */
static int compare_folder(const char *folder)
{
    static char line[4096], path[4096], want[2048];
    char command[8192];
    struct scan *scan = NULL;
    int values = 0;
    size_t used;

    text_format(command, sizeof command, "/usr/bin/python3 '%s/tests/dicom/tags.py' '%s'",
                runner_source(), folder);
    for (const struct scan_tag *tag = scan_tags; tag->keyword != NULL; tag++) {
        used = strlen(command);
        text_format(command + used, sizeof command - used, " %08x", (unsigned)tag->tag);
    }
    FILE *pipe = popen(command, "r");
    while (pipe != NULL && fgets(line, sizeof line, pipe) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "FILE ", 5) == 0) {
            scan_free(scan);
            text_format(path, sizeof path, "%s", line + 5);
            scan = scan_file(path);
            CU_ASSERT_PTR_NOT_NULL(scan);
            continue;
        }
        from_hex(line + 9, want, sizeof want);
        const uint32_t tag = (uint32_t)strtoul(line, NULL, 16);
        if (scan == NULL || !same(scan, tag, want))
            printf("%s: %08x differs\n", path, (unsigned)tag);
        CU_ASSERT(scan != NULL && same(scan, tag, want));
        values++;
    }
    scan_free(scan);
    if (pipe != NULL)
        pclose(pipe);
    return values;
}

static void scan_agrees_with_pydicom_on_real_files(void)
{
    static const char *const folders[] = {
        "dicom/ts_one_ct_all_syntaxes_ge", "dicom/ts_mr_small", "dicom/pet_vendor_singles",
        "dicom/ref_seg_sr_rtss_others", "dicom/mr_enhanced_multiframe",
        "dicom/geometry_quirks", "dicom/ct_enhanced_multiframe", "dicom/nm_multiframe",
        "dicom/ts_mr_enhanced_all", "dicom/study_scout_axial_summary_philips"
    };
    char path[4096];

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!runner_data_path(folders[i], path, sizeof path))
            return;
        CU_ASSERT(compare_folder(path) > 0);
    }
}

static void check_below(const char *folder, int *count)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct error err = { .code = ERROR_NONE };
        struct stat status;
        size_t size;

        text_format(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode)) {
            check_below(path, count);
            continue;
        }
        unsigned char *bytes = read_file(path, &size);

        CU_ASSERT(scan_check(bytes, size, &err) || err.text[0] != '\0');
        (*count)++;
        free(bytes);
    }
    if (dir != NULL)
        closedir(dir);
}

static void scan_check_answers_to_every_malformed_file(void)
{
    char path[4096];
    int count = 0;

    if (!runner_data_path("dicom/malformed", path, sizeof path))
        return;
    check_below(path, &count);
    CU_ASSERT(count > 50);
}

static void scan_check_refuses_meta_headers_that_two_readers_would_read_differently(void)
{
    struct bytes bytes = { calloc(1, 512), 512, 512 }, data = small(LITTLE, false);
    struct error err;

    bytes.size = association_write_meta("1.2.3", "1.2.4", EXPLICIT, "A", bytes.at, 512);
    add(&bytes, data.at, data.size);
    CU_ASSERT(scan_check(bytes.at, bytes.size, &err));
    bytes.at[140] += 8;
    CU_ASSERT_FALSE(scan_check(bytes.at, bytes.size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the meta header's group length is wrong");
    bytes.at[140] -= 8;
    bytes.at[134] = 1;          /* (0002,0001) in the place of the group length */
    CU_ASSERT_FALSE(scan_check(bytes.at, bytes.size, &err));
    bytes.at[134] = 0;
    unsigned char *const syntax = memmem(bytes.at, bytes.size, "\x02\0\x10\0UI", 6);
    CU_ASSERT_PTR_NOT_NULL_FATAL(syntax);
    memcpy(syntax + 4, "SH", 2);        /* dcmtk would look for none, and take implicit for granted */
    CU_ASSERT_FALSE(scan_check(bytes.at, bytes.size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the meta header's (0002,0010) is no UID");
    memcpy(syntax + 4, "UI", 2);
    CU_ASSERT(scan_check(bytes.at, bytes.size, &err));
    CU_ASSERT_FALSE(scan_check("MZ", 2, &err));
    bytes.size = association_write_meta("1.2.3", "1.2.4", "1.2.840.10008.1.3.4", "A", bytes.at, 512);
    CU_ASSERT_FALSE(scan_check(bytes.at, bytes.size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the transfer syntax 1.2.840.10008.1.3.4 is not known");
    free(bytes.at);
    free(data.at);
}

/* As in a structure set: the frame of reference, its study, the series; and a series of another. */
static struct bytes with_references(enum form form, const char *first, const char *second)
{
    struct bytes bytes = { NULL, 0, 0 };
    const char *const uids[] = { first, second };

    add_text(&bytes, form, 0x0020000e, "UI", "1.2.77");
    for (int i = 0; i < 2; i++) {
        add_head(&bytes, form, 0x30060010, "SQ", 0xffffffff);
        add_head(&bytes, form, 0xfffee000, NULL, 0xffffffff);
        add_head(&bytes, form, 0x30060012, "SQ", 16 + (uint32_t)strlen(uids[i]));
        add_head(&bytes, form, 0xfffee000, NULL, 8 + (uint32_t)strlen(uids[i]));
        add_text(&bytes, form, 0x0020000e, "UI", uids[i]);
        add_head(&bytes, form, 0xfffee00d, NULL, 0);
        add_head(&bytes, form, 0xfffee0dd, NULL, 0);
    }
    return bytes;
}

static void scan_tells_the_series_inside_of_sequences(void)
{
    static const struct { const char *first, *second, *told; } cases[] = {
        { "1.2.34", "1.2.3456", "1.2.34\\1.2.3456" },
        { "1.2.34", "1.2.34", "1.2.34" },
        { "nonsense", "1.2.34", "1.2.34" },
        { "", "", "" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scan *scan = NULL;
        struct error err;
        const struct bytes bytes = with_references(LITTLE, cases[i].first, cases[i].second);
        CU_ASSERT_FATAL(scan_all(EXPLICIT, bytes.at, bytes.size, 3, &scan, &err));
        CU_ASSERT_STRING_EQUAL(scan_referred_series(scan), cases[i].told);
        CU_ASSERT_STRING_EQUAL(scan_value(scan, 0x0020000e), "1.2.77");
        scan_restart(scan, EXPLICIT);
        CU_ASSERT_STRING_EQUAL(scan_referred_series(scan), "");
        scan_free(scan);
        free(bytes.at);
    }
    CU_ASSERT(scan_refers("1.2.34\\1.2.3456", "1.2.3456"));
    CU_ASSERT_FALSE(scan_refers("1.2.34\\1.2.3456", "1.2.345"));
    CU_ASSERT_FALSE(scan_refers("1.2.34", ""));
}

static const struct runner_test tests[] = {
    TEST(scan_reads_every_encoding_in_pieces_of_any_size),
    TEST(scan_end_tells_every_truncation_but_those_between_elements),
    TEST(scan_takes_64_levels_and_refuses_65_20000_and_100000),
    TEST(scan_counts_levels_within_unknown_vr_as_implicit),
    TEST(scan_takes_fragments_of_ob_and_ow_alone),
    TEST(scan_refuses_what_is_longer_than_what_holds_it),
    TEST(scan_refuses_stray_items_and_delimiters),
    TEST(scan_passes_long_values_by_and_keeps_none_above_1_kib),
    TEST(scan_that_failed_goes_on_failing_until_restarted),
    TEST(scan_inflates_and_notices_damage_and_truncation),
    TEST(scan_gives_up_on_a_bomb_before_the_index_and_stops_behind_it),
    TEST(scan_agrees_with_pydicom_on_real_files),
    TEST(scan_check_answers_to_every_malformed_file),
    TEST(scan_check_refuses_meta_headers_that_two_readers_would_read_differently),
    TEST(scan_tells_the_series_inside_of_sequences),
    { NULL, NULL }
};

const struct runner_suite suite_scan = { "scan", tests };
