#include <stdio.h>
#include <string.h>

#include "daemon/convert.h"
#include "tests/runner.h"
#include "util/error.h"
#include "util/text.h"

#define CT "1.2.840.10008.5.1.4.1.1.2"
#define PLAIN "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"
#define LOSSLESS "1.2.840.10008.1.2.4.90"
#define BASELINE "1.2.840.10008.1.2.4.50"
#define MPEG "1.2.840.10008.1.2.4.102"

static struct convert_proposals list;

static void clear(void)
{
    list.count = 0;
}

static void expect(size_t at, const char *syntax)
{
    CU_ASSERT_FATAL(at < list.count);
    CU_ASSERT_STRING_EQUAL(list.proposal[at].transfer_syntax, syntax);
}

static void an_object_is_proposed_as_stored_and_as_it_may_become(void)
{
    const struct convert_object object = { CT, BASELINE, "" };

    clear();
    convert_propose_stored(&list, &object);
    convert_propose_others(&list, &object);
    CU_ASSERT_EQUAL(list.count, 3);
    expect(0, BASELINE);
    expect(1, PLAIN);
    expect(2, IMPLICIT);
    CU_ASSERT_STRING_EQUAL(list.proposal[2].sop_class_uid, CT);
}

static void nothing_is_proposed_twice(void)
{
    const struct convert_object object = { CT, PLAIN, PLAIN }, other = { CT, PLAIN, LOSSLESS };

    clear();
    for (int i = 0; i < 3; i++) {
        convert_propose_others(&list, &object);
        convert_propose_others(&list, &other);
    }
    CU_ASSERT_EQUAL(list.count, 3);
    expect(2, LOSSLESS);
}

/* Video, and what is in no list of ours, cannot be read and so not be turned into anything. */
static void what_cannot_be_decoded_goes_as_it_is_or_not(void)
{
    const struct convert_object video = { CT, MPEG, LOSSLESS };
    const struct convert_object unknown = { CT, "1.2.3.4", LOSSLESS };

    clear();
    convert_propose_others(&list, &video);
    convert_propose_others(&list, &unknown);
    CU_ASSERT_EQUAL(list.count, 2);
    expect(0, MPEG);
    expect(1, "1.2.3.4");
}

static void a_full_list_has_what_is_stored(void)
{
    char class_uid[TEXT_UID_SIZE];
    const struct convert_object object = { class_uid, LOSSLESS, "" };

    clear();
    for (int i = 0; i < 100; i++) {
        snprintf(class_uid, sizeof class_uid, "1.2.%d", i);
        convert_propose_stored(&list, &object);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(class_uid, sizeof class_uid, "1.2.%d", i);
        convert_propose_others(&list, &object);
    }
    CU_ASSERT_EQUAL(list.count, CONVERT_MAX_PROPOSALS);
    expect(99, LOSSLESS);
    expect(100, PLAIN);
}

static const struct runner_test tests[] = {
    TEST(an_object_is_proposed_as_stored_and_as_it_may_become),
    TEST(nothing_is_proposed_twice),
    TEST(what_cannot_be_decoded_goes_as_it_is_or_not),
    TEST(a_full_list_has_what_is_stored),
    { NULL, NULL }
};
const struct runner_suite suite_convert = { "convert", tests };
