#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/command.h"
#include "tests/runner.h"
#include "util/error.h"

static const struct dimse_message store = {
    .command = DIMSE_C_STORE_RQ, .message_id = 0x1234, .priority = 2, .has_data = true,
    .sop_class_uid = "1.2.840.10008.5.1.4.1.1.2", .sop_uid = "1.2.3.4.5"
};

static void command_reads_what_it_writes(void)
{
    unsigned char buffer[COMMAND_MAX_WRITE];
    const size_t size = command_write(&store, NULL, buffer);
    struct dimse_message message;
    struct error err;

    CU_ASSERT(command_read(buffer, size, &message, &err));
    CU_ASSERT_EQUAL(message.command, DIMSE_C_STORE_RQ);
    CU_ASSERT_EQUAL(message.message_id, 0x1234);
    CU_ASSERT_EQUAL(message.priority, 2);
    CU_ASSERT(message.has_data);
    CU_ASSERT_STRING_EQUAL(message.sop_class_uid, store.sop_class_uid);
    CU_ASSERT_STRING_EQUAL(message.sop_uid, store.sop_uid);
}

/* dcmtk's dcmdump, told that it is a bare implicit data set, prints the same. */
static void command_is_read_by_dcmdump(void)
{
    unsigned char buffer[COMMAND_MAX_WRITE];
    char path[] = "/tmp/test_command_XXXXXX", line[512], command[256];
    struct dimse_message response = store;
    const int file = mkstemp(path);
    int found = 0;

    response.command = 0x8001;
    response.responded_id = 77;
    response.status = 0xc000;
    response.has_data = false;
    const size_t size = command_write(&response, "the data set is too deep", buffer);

    if (file < 0 || write(file, buffer, size) != (ssize_t)size)
        CU_FAIL_FATAL("cannot write");
    snprintf(command, sizeof command, "dcmdump -f -ti -Un +L %s 2>&1", path);
    FILE *pipe = popen(command, "r");
    while (fgets(line, sizeof line, pipe) != NULL) {
        found += strstr(line, "(0000,0000) UL 124") == line;
        found += strstr(line, "(0000,0100) US 32769") == line;
        found += strstr(line, "(0000,0120) US 77") == line;
        found += strstr(line, "(0000,0800) US 257") == line;
        found += strstr(line, "(0000,0900) US 49152") == line;
        found += strstr(line, "(0000,0902) LO [the data set is too deep]") == line;
        found += strstr(line, "(0000,1000) UI [1.2.3.4.5]") == line;
    }
    pclose(pipe);
    CU_ASSERT_EQUAL(found, 7);
    close(file);
    unlink(path);
}

static void command_refuses_every_truncation_or_reads_fewer_elements(void)
{
    unsigned char buffer[COMMAND_MAX_WRITE];
    const size_t size = command_write(&store, NULL, buffer);
    struct dimse_message message;
    struct error err;
    int good = 0;

    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *exact = malloc(cut + 1);     /* a read behind it is seen by ASan */

        memcpy(exact, buffer, cut);
        good += command_read(exact, cut, &message, &err);
        free(exact);
    }
    CU_ASSERT_EQUAL(good, 1);       /* only the last element, the instance, left out whole */
}

static void command_refuses_other_groups_long_elements_and_nesting(void)
{
    static const unsigned char group8[] = { 8, 0, 0x18, 0, 0, 0, 0, 0 };
    static const unsigned char huge[] = { 0, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 1, 0 };
    static const unsigned char nest[] = { 0, 0, 0x99, 0, 0xff, 0xff, 0xff, 0xff,
                                          0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff };
    struct dimse_message message;
    struct error err;

    CU_ASSERT_FALSE(command_read(group8, sizeof group8, &message, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a command set with group 0008");
    CU_ASSERT_FALSE(command_read(huge, sizeof huge, &message, &err));
    CU_ASSERT_FALSE(command_read(nest, sizeof nest, &message, &err));
    CU_ASSERT_FALSE(command_read("", 0, &message, &err));
    CU_ASSERT_STRING_EQUAL(err.text, "a command set without a command");
}

static void command_of_more_than_64_kib_is_refused(void)
{
    unsigned char *bytes = calloc(1, COMMAND_MAX_READ + 1);
    struct dimse_message message;
    struct error err;

    CU_ASSERT_FALSE(command_read(bytes, COMMAND_MAX_READ + 1, &message, &err));
    CU_ASSERT_EQUAL(err.code, ERROR_LIMIT);
    free(bytes);
}

static void command_takes_a_uid_of_65_characters_for_absent(void)
{
    unsigned char bytes[200] = { 0, 0, 0, 0x10, 66 };
    unsigned char buffer[COMMAND_MAX_WRITE];
    const size_t size = command_write(&store, NULL, buffer) - 18;   /* less the instance */
    struct dimse_message message;
    struct error err;

    memset(bytes + 8, '1', 65);
    memmove(bytes + 74, buffer, size);
    CU_ASSERT(command_read(bytes, 74 + size, &message, &err));
    CU_ASSERT_STRING_EQUAL(message.sop_uid, "");
}

static void command_cuts_an_error_comment_at_64_characters(void)
{
    unsigned char buffer[COMMAND_MAX_WRITE];
    struct dimse_message response = store, message;
    char comment[300];
    struct error err;

    memset(comment, 'x', sizeof comment);
    comment[299] = '\0';
    response.command = 0x8001;
    const size_t size = command_write(&response, comment, buffer);

    CU_ASSERT(size < 300);
    CU_ASSERT(command_read(buffer, size, &message, &err));
}

/* All that travels with C-MOVE, C-STORE of a C-MOVE, N-ACTION and N-EVENT-REPORT. */
static void commands_of_every_kind_are_read_as_written(void)
{
    static const uint16_t commands[] = { DIMSE_C_MOVE_RQ, DIMSE_C_MOVE_RQ | DIMSE_RSP,
        DIMSE_C_GET_RQ | DIMSE_RSP, DIMSE_C_STORE_RQ, DIMSE_N_ACTION_RQ,
        DIMSE_N_ACTION_RQ | DIMSE_RSP, DIMSE_N_EVENT_REPORT_RQ, DIMSE_C_CANCEL_RQ };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        unsigned char buffer[COMMAND_MAX_WRITE];
        struct dimse_message got, sent = store;
        struct error err;
        const bool response = (commands[i] & DIMSE_RSP) != 0;
        sent.command = commands[i];
        sent.responded_id = 77;
        sent.type = 2;
        snprintf(sent.originator, sizeof sent.originator, "VIEWER");
        sent.originator_id = 9;
        snprintf(sent.move_destination, sizeof sent.move_destination, "%s",
                 response ? "" : "PACS");
        sent.has_counts = response && commands[i] != (DIMSE_N_ACTION_RQ | DIMSE_RSP);
        sent.remaining = 5;
        sent.completed = 4;
        sent.failed = 3;
        sent.warned = 2;
        const size_t size = command_write(&sent, response ? "why" : NULL, buffer);
        CU_ASSERT_FATAL(command_read(buffer, size, &got, &err));
        CU_ASSERT_EQUAL(got.command, commands[i]);
        CU_ASSERT_STRING_EQUAL(got.sop_uid, sent.sop_uid);
        CU_ASSERT_STRING_EQUAL(got.originator, "VIEWER");
        CU_ASSERT_EQUAL(got.originator_id, 9);
        CU_ASSERT_STRING_EQUAL(got.move_destination, sent.move_destination);
        CU_ASSERT_EQUAL(got.has_counts, sent.has_counts);
        if (sent.has_counts)
            CU_ASSERT(got.remaining == 5 && got.completed == 4 && got.failed == 3
                      && got.warned == 2);
        if (response)
            CU_ASSERT_STRING_EQUAL(got.comment, "why");
        if (response || commands[i] == DIMSE_C_CANCEL_RQ)
            CU_ASSERT_EQUAL(got.responded_id, 77);
    }
}

static const struct runner_test tests[] = {
    TEST(command_reads_what_it_writes),
    TEST(command_is_read_by_dcmdump),
    TEST(command_refuses_every_truncation_or_reads_fewer_elements),
    TEST(command_refuses_other_groups_long_elements_and_nesting),
    TEST(command_of_more_than_64_kib_is_refused),
    TEST(command_takes_a_uid_of_65_characters_for_absent),
    TEST(command_cuts_an_error_comment_at_64_characters),
    TEST(commands_of_every_kind_are_read_as_written),
    { NULL, NULL }
};

const struct runner_suite suite_command = { "command", tests };
