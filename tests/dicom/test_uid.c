#include <stdio.h>
#include <string.h>

#include "dicom/uid.h"
#include "tests/runner.h"

static void uid_is_a_valid_uid_without_leading_zeros(void)
{
    char uid[TEXT_UID_SIZE], role[16];

    for (int i = 0; i < 1000; i++) {
        snprintf(role, sizeof role, "lesion.%d", i);
        uid_derive("abc", role, uid);
        CU_ASSERT(text_is_uid(uid));
        CU_ASSERT_EQUAL(strncmp(uid, "2.25.", 5), 0);
        CU_ASSERT(uid[5] != '0');
        CU_ASSERT(strlen(uid) <= 44);
    }
}

static void uid_depends_on_key_and_role_alone(void)
{
    char one[TEXT_UID_SIZE], other[TEXT_UID_SIZE];

    uid_derive("abc", "seg", one);
    uid_derive("abc", "seg", other);
    CU_ASSERT_STRING_EQUAL(one, other);
    uid_derive("abc", "sr", other);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
    uid_derive("abd", "seg", other);
    CU_ASSERT_STRING_NOT_EQUAL(one, other);
}

/* python3: int of sha256(b"tumord abc seg")[:16] with the version and variant bits set. */
static void uid_equals_an_independent_computation(void)
{
    char uid[TEXT_UID_SIZE];

    uid_derive("abc", "seg", uid);
    CU_ASSERT_STRING_EQUAL(uid, "2.25.208103425719958008932301213225797925059");
}

static const struct runner_test tests[] = {
    TEST(uid_is_a_valid_uid_without_leading_zeros),
    TEST(uid_depends_on_key_and_role_alone),
    TEST(uid_equals_an_independent_computation),
    { NULL, NULL }
};
const struct runner_suite suite_uid = { "uid", tests };
