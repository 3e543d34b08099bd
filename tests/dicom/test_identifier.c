#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/identifier.h"
#include "tests/runner.h"
#include "util/error.h"

static struct error err;

/* A query with a sequence of two items, one of which has a sequence. */
static void write_query(struct identifier_writer *writer, bool is_explicit)
{
    identifier_begin(writer, is_explicit);
    identifier_put(writer, 0x00080005, "CS", "ISO_IR 192");
    identifier_put(writer, 0x00080052, "CS", "STUDY");
    const size_t sequence = identifier_open(writer, 0x00081199);
    for (int n = 0; n < 2; n++) {
        const size_t item = identifier_open(writer, IDENTIFIER_ITEM);
        identifier_put(writer, 0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2");
        identifier_put(writer, 0x00081155, "UI", n == 0 ? "1.2.3" : "1.2.34");
        if (n == 1) {
            const size_t inner = identifier_open(writer, 0x00081198);
            const size_t one = identifier_open(writer, IDENTIFIER_ITEM);
            identifier_put_short(writer, 0x00081197, 0x0112);
            identifier_close(writer, one);
            identifier_close(writer, inner);
        }
        identifier_close(writer, item);
    }
    identifier_close(writer, sequence);
    identifier_put(writer, 0x00100010, "PN", "M\xc3\xbcller^J");
    identifier_put(writer, 0x0020000d, "UI", "");
}

static void check_query(const struct identifier *identifier)
{
    static const struct { uint32_t tag; unsigned depth; size_t item; const char *value; } wanted[] = {
        { 0x00080005, 0, 0, "ISO_IR 192" }, { 0x00080052, 0, 0, "STUDY" },
        { 0x00081199, 0, 0, "" }, { 0x00081150, 1, 0, "1.2.840.10008.5.1.4.1.1.2" },
        { 0x00081155, 1, 0, "1.2.3" }, { 0x00081150, 1, 1, "1.2.840.10008.5.1.4.1.1.2" },
        { 0x00081155, 1, 1, "1.2.34" }, { 0x00081198, 1, 1, "" }, { 0x00081197, 2, 0, "\x12\x01" },
        { 0x00100010, 0, 0, "M\xc3\xbcller^J" }, { 0x0020000d, 0, 0, "" }
    };

    CU_ASSERT_EQUAL_FATAL(identifier_count(identifier), sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < identifier_count(identifier); i++) {
        const struct identifier_element *const one = identifier_at(identifier, i);
        CU_ASSERT_EQUAL(one->tag, wanted[i].tag);
        CU_ASSERT_EQUAL(one->depth, wanted[i].depth);
        CU_ASSERT_EQUAL(one->item, wanted[i].item);
        CU_ASSERT_STRING_EQUAL(one->value, wanted[i].value);
        CU_ASSERT_EQUAL(one->sequence, one->tag == 0x00081199 || one->tag == 0x00081198);
    }
    CU_ASSERT_STRING_EQUAL(identifier_value(identifier, 0x00080052), "STUDY");
    CU_ASSERT_STRING_EQUAL(identifier_value(identifier, 0x0020000d), "");
    CU_ASSERT_PTR_NULL(identifier_value(identifier, 0x00081155));
}

static void what_is_written_is_read_in_both_syntaxes(void)
{
    for (int is_explicit = 0; is_explicit < 2; is_explicit++) {
        struct identifier_writer writer;
        write_query(&writer, is_explicit != 0);
        CU_ASSERT_FATAL(identifier_end(&writer, &err));
        struct identifier *const identifier = identifier_read(writer.bytes, writer.size,
                                                              is_explicit != 0, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(identifier);
        check_query(identifier);
        identifier_free(identifier);
        free(writer.bytes);
    }
}

/* pydicom reads what we wrote, and we read what pydicom writes, with undefined lengths too. */
static const char script[] =
    "import io, sys, pydicom\n"
    "from pydicom.filebase import DicomBytesIO\n"
    "from pydicom.filewriter import write_dataset\n"
    "folder = sys.argv[1]\n"
    "for name, implicit in (('implicit', True), ('explicit', False)):\n"
    "    with open(f'{folder}/{name}', 'rb') as file:\n"
    "        query = pydicom.filereader.read_dataset(file, implicit, True)\n"
    "    assert query.QueryRetrieveLevel == 'STUDY' and str(query.PatientName) == 'M\\u00fcller^J'\n"
    "    items = query[0x00081199].value\n"
    "    assert [i.ReferencedSOPInstanceUID for i in items] == ['1.2.3', '1.2.34']\n"
    "    assert items[1][0x00081198].value[0][0x00081197].value == 0x112\n"
    "    for undefined in (False, True):\n"
    "        query[0x00081199].is_undefined_length = undefined\n"
    "        for item in items:\n"
    "            item.is_undefined_length_sequence_item = undefined\n"
    "        out = DicomBytesIO()\n"
    "        out.is_little_endian, out.is_implicit_VR = True, implicit\n"
    "        write_dataset(out, query)\n"
    "        with open(f'{folder}/{name}.{int(undefined)}', 'wb') as file:\n"
    "            file.write(out.getvalue())\n";

static bool save(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "wb");
    if (file == NULL)
        return false;
    const bool good = fwrite(bytes, 1, size, file) == size;
    return fclose(file) == 0 && good;
}

static void read_again(const char *folder, const char *name, bool is_explicit)
{
    unsigned char bytes[4096];
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct identifier *const identifier = identifier_read(bytes, size, is_explicit, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(identifier);
    check_query(identifier);
    identifier_free(identifier);
}

static void pydicom_reads_and_writes_the_same(void)
{
    char folder[] = "/tmp/test_identifier_XXXXXX", command[256];

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    for (int is_explicit = 0; is_explicit < 2; is_explicit++) {
        struct identifier_writer writer;
        write_query(&writer, is_explicit != 0);
        CU_ASSERT_FATAL(identifier_end(&writer, &err));
        CU_ASSERT_FATAL(save(folder, is_explicit ? "explicit" : "implicit", writer.bytes,
                             writer.size));
        free(writer.bytes);
    }
    CU_ASSERT_FATAL(save(folder, "script.py", script, strlen(script)));
    snprintf(command, sizeof command, "/usr/bin/python3 %s/script.py %s", folder, folder);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
    read_again(folder, "explicit.0", true);
    read_again(folder, "explicit.1", true);
    read_again(folder, "implicit.0", false);
    read_again(folder, "implicit.1", false);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

static void check_refused(const void *bytes, size_t size, bool is_explicit, const char *why)
{
    struct identifier *const identifier = identifier_read(bytes, size, is_explicit, &err);

    CU_ASSERT_PTR_NULL(identifier);
    CU_ASSERT_STRING_EQUAL(err.text, why);
    identifier_free(identifier);
}

static void every_cut_is_refused(void)
{
    for (int is_explicit = 0; is_explicit < 2; is_explicit++) {
        struct identifier_writer writer;
        size_t whole = 0;
        write_query(&writer, is_explicit != 0);
        CU_ASSERT_FATAL(identifier_end(&writer, &err));
        for (size_t size = 0; size < writer.size; size++) {
            struct identifier *const part = identifier_read(writer.bytes, size,
                                                            is_explicit != 0, &err);
            whole += part != NULL;      /* between two elements of the top level */
            identifier_free(part);
        }
        CU_ASSERT_EQUAL(whole, 5);
        free(writer.bytes);
    }
}

/* 30,000 sequences in one another: DCMTK's parser dies of them. */
static void deep_nesting_is_refused(void)
{
    const size_t count = 30000;
    unsigned char *const bytes = malloc(count * 20);
    static const unsigned char explicit_level[] = { 8, 0, 0x99, 0x11, 'S', 'Q', 0, 0, 0xff, 0xff,
        0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff };
    static const unsigned char implicit_level[] = { 8, 0, 0x99, 0x11, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff };

    for (size_t i = 0; i < count; i++)
        memcpy(bytes + i * sizeof explicit_level, explicit_level, sizeof explicit_level);
    check_refused(bytes, count * sizeof explicit_level, true,
                  "sequences are nested deeper than 64");
    for (size_t i = 0; i < count; i++)
        memcpy(bytes + i * sizeof implicit_level, implicit_level, sizeof implicit_level);
    check_refused(bytes, count * sizeof implicit_level, false,
                  "sequences are nested deeper than 64");
    check_refused(bytes, 2 * IDENTIFIER_MAX, false, "an identifier of more than 1048576 bytes");
    free(bytes);
}

static void lengths_that_lie_are_refused(void)
{
    static const unsigned char long_value[] = { 0x10, 0, 0x10, 0, 'P', 'N', 0xff, 0xff };
    static const unsigned char huge[] = { 8, 0, 0x99, 0x11, 0xf0, 0xff, 0xff, 0xff };
    static const unsigned char stray[] = { 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0 };
    static const unsigned char no_item[] = { 8, 0, 0x99, 0x11, 'S', 'Q', 0, 0, 8, 0, 0, 0,
        0x10, 0, 0x10, 0, 'P', 'N', 0, 0 };
    static const unsigned char item_too_long[] = { 8, 0, 0x99, 0x11, 'S', 'Q', 0, 0, 8, 0, 0, 0,
        0xfe, 0xff, 0, 0xe0, 1, 0, 0, 0, 0 };

    check_refused(long_value, sizeof long_value, true,
                  "element (0010,0010) of an identifier is longer than what holds it");
    check_refused(huge, sizeof huge, false,
                  "element (0008,1199) of an identifier is longer than what holds it");
    check_refused(stray, sizeof stray, true, "(fffe,e00d) where no item ends");
    check_refused(no_item, sizeof no_item, true, "(0010,0010) in place of an item");
    check_refused(item_too_long, sizeof item_too_long, true,
                  "element (fffe,e000) of an identifier is longer than what holds it");
}

static void too_large_a_value_is_told_at_the_end(void)
{
    struct identifier_writer writer;
    char *const text = calloc(1, 70001);

    memset(text, 'x', 70000);
    identifier_begin(&writer, true);
    identifier_put(&writer, 0x00100010, "PN", text);
    identifier_put(&writer, 0x00100020, "LO", "1");
    CU_ASSERT_FALSE(identifier_end(&writer, &err));
    free(writer.bytes);
    identifier_begin(&writer, false);
    for (int i = 0; i < 20; i++)
        identifier_put(&writer, 0x00100010, "PN", text);
    CU_ASSERT_FALSE(identifier_end(&writer, &err));
    free(writer.bytes);
    free(text);
}

static const struct runner_test tests[] = {
    TEST(what_is_written_is_read_in_both_syntaxes),
    TEST(pydicom_reads_and_writes_the_same),
    TEST(every_cut_is_refused),
    TEST(deep_nesting_is_refused),
    TEST(lengths_that_lie_are_refused),
    TEST(too_large_a_value_is_told_at_the_end),
    { NULL, NULL }
};
const struct runner_suite suite_identifier = { "identifier", tests };
