#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dataset.h"
#include "tests/runner.h"
#include "util/error.h"

static struct error err;

static unsigned char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *ret_size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*ret_size + 1);
    CU_ASSERT_EQUAL(fread(bytes, 1, *ret_size, file), *ret_size);
    fclose(file);
    return bytes;
}

static struct dataset *some_dataset(void)
{
    static const double spacing[] = { 0.7, 1.0 / 3 };
    static const long lab[] = { 1, 2, 65535 };
    static const uint32_t pointer = 0x00182002;
    unsigned char pixels[16];

    CU_ASSERT_FATAL(dicom_init(&err));
    struct dataset *dataset = dataset_new(&err);
    struct item *root = dataset_root(dataset);
    for (int i = 0; i < 16; i++)
        pixels[i] = (unsigned char)i;
    item_put_text(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.2");
    item_put_text(root, 0x00080018, "2.25.7");
    item_put_text(root, 0x00100010, "Phantom^CT");
    item_put_empty(root, 0x00100020);
    item_put_empty(root, 0x00100030);
    item_put_doubles(root, 0x00280030, spacing, 2);
    item_put_int(root, 0x00280010, 4);
    item_put_int(root, 0x00200013, 12);
    item_put_double(item_add(root, 0x00409096), 0x00409225, 0.1);
    item_put_code(root, 0x00082218, "10200004", "SCT", "Liver");
    struct item *kidney = item_put_code(root, 0x00082218, "64033007", "SCT", "Kidney");
    item_put_code(kidney, 0x00082220, "7771000", "SCT", "Left");
    item_put_bytes(root, 0x7fe00010, pixels, 16);
    item_put_tags(root, 0x00280009, &pointer, 1);
    item_put_ints(root, 0x0062000d, lab, 3);
    return dataset;
}

static void what_is_written_is_what_pydicom_reads(void)
{
    char path[] = "/tmp/tumord-dataset-XXXXXX", command[512];
    unsigned char *bytes = NULL, *again = NULL;
    size_t size = 0, size_again = 0;
    struct dataset *dataset = some_dataset(), *other = some_dataset();

    CU_ASSERT_FATAL(dataset_write(dataset, &bytes, &size, &err));
    CU_ASSERT_FATAL(dataset_write(other, &again, &size_again, &err));
    CU_ASSERT(size == size_again && memcmp(bytes, again, size) == 0);
    const int fd = mkstemp(path);
    CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    snprintf(command, sizeof command, "/usr/bin/python3 %s/tests/dicom/dataset.py %s | grep -q ok",
             runner_source(), path);
    CU_ASSERT_EQUAL(system(command), 0);
    unlink(path);
    free(bytes);
    free(again);
    dataset_free(dataset);
    dataset_free(other);
}

static void what_was_written_reads_back(void)
{
    unsigned char *bytes = NULL;
    char text[65];
    double value = 0;
    long number = 0;
    size_t size = 0;
    struct dataset *dataset = some_dataset();

    CU_ASSERT_FATAL(dataset_write(dataset, &bytes, &size, &err));
    dataset_free(dataset);
    dataset = dataset_read(bytes, size, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
    const struct item *root = dataset_root(dataset);
    CU_ASSERT_STRING_EQUAL(dataset_transfer_syntax(dataset), "1.2.840.10008.1.2.1");
    CU_ASSERT(item_has(root, 0x00100020));
    CU_ASSERT_FALSE(item_has(root, 0x00104000));
    CU_ASSERT_FALSE(item_text_at(root, 0x00100020, 0, text, sizeof text));
    CU_ASSERT_EQUAL(item_value_count(root, 0x00280030), 2);
    CU_ASSERT(item_double(root, 0x00280030, 1, &value) && fabs(value - 1.0 / 3) < 1e-13);
    CU_ASSERT_FALSE(item_double(root, 0x00280030, 2, &value));
    CU_ASSERT_FALSE(item_int(root, 0x00280030, 1, &number));
    CU_ASSERT(item_int(root, 0x00280010, 0, &number) && number == 4);
    CU_ASSERT_EQUAL(item_count(root, 0x00082218), 2);
    const struct item *kidney = item_at(root, 0x00082218, 1);
    CU_ASSERT(item_text_at(item_at(kidney, 0x00082220, 0), 0x00080104, 0, text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "Left");
    CU_ASSERT_PTR_NULL(item_at(root, 0x00082218, 2));
    struct dataset *head = dataset_copy_head(dataset, &err);
    CU_ASSERT_FALSE(item_has(dataset_root(head), 0x7fe00010));
    CU_ASSERT_EQUAL(item_count(dataset_root(head), 0x00082218), 2);
    dataset_free(head);
    dataset_free(dataset);
    free(bytes);
}

static void first_failure_of_a_put_is_told_by_write(void)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    const double bad[] = { 1, NAN };
    struct dataset *dataset = some_dataset();

    item_put_doubles(item_add(dataset_root(dataset), 0x00409096), 0x00280030, bad, 2);
    item_put_double(dataset_root(dataset), 0x00280030, INFINITY);
    CU_ASSERT_FALSE(dataset_write(dataset, &bytes, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "element (0028,0030): a number that is not finite");
    dataset_free(dataset);
    dataset = dataset_new(&err);
    CU_ASSERT_FALSE(dataset_write(dataset, &bytes, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "data set without SOP Class or Instance UID");
    dataset_free(dataset);
}

static void truncated_and_foreign_bytes_are_refused(void)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    struct dataset *dataset = some_dataset();

    CU_ASSERT_FATAL(dataset_write(dataset, &bytes, &size, &err));
    for (size_t cut = 1; cut < size - 140; cut += 3) {
        struct dataset *part = dataset_read(bytes, size - cut, &err);
        dataset_free(part);             /* at an element's end a shorter data set is one */
    }
    CU_ASSERT_PTR_NULL(dataset_read(bytes, size - 1, &err));
    CU_ASSERT_PTR_NULL(dataset_read("", 0, &err));
    dataset_free(dataset);
    free(bytes);
}

static int files;

static int try_file(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    size_t size = 0;
    const void *pixels;

    (void)status;
    (void)where;
    if (kind != FTW_F)
        return 0;
    unsigned char *bytes = read_file(path, &size);
    err.text[0] = '\0';
    struct dataset *dataset = bytes == NULL ? NULL : dataset_read(bytes, size, &err);
    CU_ASSERT(dataset != NULL || err.text[0] != '\0');
    if (dataset != NULL && !dataset_pixels(dataset, &pixels, &size, &err))
        CU_ASSERT(err.text[0] != '\0');
    dataset_free(dataset);
    free(bytes);
    files++;
    return 0;
}

/* Every broken file either reads or is refused with a sentence; none ends the process. */
static void malformed_files_end_in_a_sentence(void)
{
    char folder[4096];

    if (!runner_data_path("dicom/malformed", folder, sizeof folder))
        return;
    CU_ASSERT_FATAL(dicom_init(&err));
    files = 0;
    CU_ASSERT_EQUAL(nftw(folder, try_file, 16, FTW_PHYS), 0);
    CU_ASSERT(files > 100);
}

/* A number that would wrap is told when the data set is written. */
static void numbers_that_do_not_fit_are_told(void)
{
    static const struct { uint32_t tag; double value; bool fits; } cases[] = {
        { 0x00280010, 65535, true }, { 0x00280010, 65536, false }, { 0x00280010, -1, false },
        { 0x00280010, 1.5, false }, { 0x00189219, -32768, true }, { 0x00189219, -32769, false },
        { 0x00186018, 4294967295.0, true }, { 0x00186018, 4294967296.0, false },
        { 0x00280120, -32768, true }, { 0x00280120, 65535, true }, { 0x00280120, 65536, false }
    };
    struct error err;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char *bytes = NULL;
        size_t size = 0;
        struct dataset *const dataset = dataset_new(&err);
        item_put_text(dataset_root(dataset), 0x00080016, "1.2.840.10008.5.1.4.1.1.2");
        item_put_text(dataset_root(dataset), 0x00080018, "1.2.3");
        item_put_double(dataset_root(dataset), cases[i].tag, cases[i].value);
        const bool good = dataset_write(dataset, &bytes, &size, &err);
        CU_ASSERT_EQUAL(good, cases[i].fits);
        if (!good)
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "a number that does not fit"));
        free(bytes);
        dataset_free(dataset);
    }
}

/* As a C-MOVE asks for it, when the peer takes nothing else. */
static void what_is_no_image_or_has_no_uid_is_not_turned(void)
{
    static const char jpeg[] = "1.2.840.10008.1.2.4.70";
    unsigned char *bytes = NULL, *other = NULL;
    size_t size = 0, other_size = 0;
    struct dataset *dataset = some_dataset();

    item_put_text(dataset_root(dataset), 0x00080016, "1.2.840.1000?.5");
    CU_ASSERT_FALSE(dataset_write(dataset, &bytes, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the SOP Class or Instance UID is no UID");
    dataset_free(dataset);

    dataset = some_dataset();           /* it would stand in the meta header */
    item_put_text(dataset_root(dataset), 0x00020016, "AE");
    CU_ASSERT_FALSE(dataset_write(dataset, &bytes, &size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the data set as it would be written: the meta header's group "
                                     "length is wrong");
    dataset_free(dataset);

    dataset = some_dataset();
    CU_ASSERT_FATAL(dataset_write(dataset, &bytes, &size, &err));
    dataset_free(dataset);
    unsigned char *const pixels = memmem(bytes, size, "\xe0\x7f\x10\0O", 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pixels);
    memcpy(pixels + 4, "UT", 2);        /* text: no way makes pixels of it */
    dataset = dataset_read(bytes, size, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
    CU_ASSERT_FALSE(dataset_write_as(dataset, jpeg, &other, &other_size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "the Pixel Data is of a kind that holds no pixels");
    dataset_free(dataset);
    free(bytes);
}

/* A Device Sequence that says it is a name. With its representation it stays what it was. */
static void what_no_dictionary_reads_again_is_not_written_without_representations(void)
{
    static const char implicit[] = "1.2.840.10008.1.2", explicit_big[] = "1.2.840.10008.1.2.2";
    unsigned char *bytes = NULL, *other = NULL;
    size_t size = 0, other_size = 0;
    struct dataset *dataset = some_dataset();

    item_put_text(dataset_root(dataset), 0x00081030, "a study");
    CU_ASSERT_FATAL(dataset_write(dataset, &bytes, &size, &err));
    dataset_free(dataset);
    unsigned char *const name = memmem(bytes, size, "\x08\0\x30\x10LO", 6);
    CU_ASSERT_PTR_NOT_NULL_FATAL(name);
    memcpy(name, "\x50\0\x10\0PN", 6);
    dataset = dataset_read(bytes, size, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dataset);
    CU_ASSERT_FALSE(dataset_write_as(dataset, implicit, &other, &other_size, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "(0050,0010) is a sequence and no PN: it cannot be written "
                                     "without its representation");
    CU_ASSERT(dataset_write_as(dataset, explicit_big, &other, &other_size, &err));
    dataset_free(dataset);
    free(other);
    free(bytes);
}

static const struct runner_test tests[] = {
    TEST(what_is_written_is_what_pydicom_reads),
    TEST(what_was_written_reads_back),
    TEST(first_failure_of_a_put_is_told_by_write),
    TEST(truncated_and_foreign_bytes_are_refused),
    TEST(malformed_files_end_in_a_sentence),
    TEST(numbers_that_do_not_fit_are_told),
    TEST(what_is_no_image_or_has_no_uid_is_not_turned),
    TEST(what_no_dictionary_reads_again_is_not_written_without_representations),
    { NULL, NULL }
};
const struct runner_suite suite_dataset = { "dataset", tests };
