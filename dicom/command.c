/* Command: one loop over the elements to read, one appended element at a time to write. */
#include "dicom/command.h"

#include <assert.h>
#include <string.h>

#include "util/error.h"

#define HAS_NO_DATA 0x0101      /* PS3.7 E.1: Command Data Set Type */
#define HAS_DATA 0x0001
#define IS_RESPONSE 0x8000
#define COMMENT_MAX 64          /* Error Comment is an LO */

enum element {                  /* of group 0000 */
    GROUP_LENGTH = 0x0000, AFFECTED_CLASS = 0x0002, REQUESTED_CLASS = 0x0003,
    COMMAND_FIELD = 0x0100, MESSAGE_ID = 0x0110, RESPONDED_ID = 0x0120,
    MOVE_DESTINATION = 0x0600, PRIORITY = 0x0700, DATA_SET_TYPE = 0x0800, STATUS = 0x0900,
    ERROR_COMMENT = 0x0902, AFFECTED_INSTANCE = 0x1000, REQUESTED_INSTANCE = 0x1001,
    EVENT_TYPE = 0x1002, ACTION_TYPE = 0x1008, REMAINING = 0x1020, COMPLETED = 0x1021,
    FAILED = 0x1022, WARNED = 0x1023, ORIGINATOR = 0x1030, ORIGINATOR_ID = 0x1031
};

struct reading {
    struct dimse_message *message;
    bool has_command, has_type;
};

static uint32_t read32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

static bool read_short(const unsigned char *value, size_t size, uint16_t *ret)
{
    if (size != 2)
        return false;
    *ret = (uint16_t)(value[0] | value[1] << 8);
    return true;
}

/* Without its padding; what does not fit is left out, so that it is not taken for another. */
static void read_text(const unsigned char *value, size_t size, char *buffer, size_t room)
{
    while (size > 0 && (value[size - 1] == '\0' || value[size - 1] == ' '))
        size--;
    while (size > 0 && *value == ' ') {
        value++;
        size--;
    }
    if (size >= room || memchr(value, '\0', size) != NULL)
        size = 0;
    memcpy(buffer, value, size);
    buffer[size] = '\0';
}

static void read_element(struct reading *reading, unsigned element,
                         const unsigned char *value, size_t size)
{
    struct dimse_message *message = reading->message;
    uint16_t type;

    switch (element) {
    case AFFECTED_CLASS:
    case REQUESTED_CLASS:
        read_text(value, size, message->sop_class_uid, sizeof message->sop_class_uid);
        break;
    case AFFECTED_INSTANCE:
    case REQUESTED_INSTANCE:
        read_text(value, size, message->sop_uid, sizeof message->sop_uid);
        break;
    case MOVE_DESTINATION:
        read_text(value, size, message->move_destination, sizeof message->move_destination);
        break;
    case ORIGINATOR:
        read_text(value, size, message->originator, sizeof message->originator);
        break;
    case ERROR_COMMENT:
        read_text(value, size, message->comment, sizeof message->comment);
        break;
    case ORIGINATOR_ID:
        read_short(value, size, &message->originator_id);
        break;
    case EVENT_TYPE:
    case ACTION_TYPE:
        read_short(value, size, &message->type);
        break;
    case REMAINING:
        read_short(value, size, &message->remaining);
        break;
    case COMPLETED:
        message->has_counts = read_short(value, size, &message->completed);
        break;
    case FAILED:
        read_short(value, size, &message->failed);
        break;
    case WARNED:
        read_short(value, size, &message->warned);
        break;
    case COMMAND_FIELD:
        reading->has_command = read_short(value, size, &message->command);
        break;
    case MESSAGE_ID:
        read_short(value, size, &message->message_id);
        break;
    case RESPONDED_ID:
        read_short(value, size, &message->responded_id);
        break;
    case PRIORITY:
        read_short(value, size, &message->priority);
        break;
    case STATUS:
        read_short(value, size, &message->status);
        break;
    case DATA_SET_TYPE:
        reading->has_type = read_short(value, size, &type);
        message->has_data = reading->has_type && type != HAS_NO_DATA;
        break;
    default:                    /* of no use to us */
        break;
    }
}

bool command_read(const void *bytes, size_t size, struct dimse_message *ret_message,
                  struct error *err)
{
    const unsigned char *at = bytes;
    struct dimse_message message = { .command = 0 };
    struct reading reading = { &message, false, false };

    if (size > COMMAND_MAX_READ)
        return error_set(err, ERROR_LIMIT, "a command set of more than %d bytes",
                         COMMAND_MAX_READ);
    while (size > 0) {
        if (size < 8)
            return error_set(err, ERROR_DATA, "a command set ends in an element's head");
        const uint32_t tag = read32(at), length = read32(at + 4);

        if ((tag & 0xffff) != 0)
            return error_set(err, ERROR_DATA, "a command set with group %04x",
                             (unsigned)(tag & 0xffff));
        if (length > size - 8)
            return error_set(err, ERROR_DATA, "a command element of %lu bytes in %zu",
                             (unsigned long)length, size - 8);
        read_element(&reading, tag >> 16, at + 8, length);
        at += 8 + length;
        size -= 8 + length;
    }
    if (!reading.has_command || !reading.has_type)
        return error_set(err, ERROR_DATA, "a command set without a command");
    *ret_message = message;
    return true;
}

/* ---- writing ---- */

struct writing {
    unsigned char *buffer;
    size_t size;
};

static void write32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static unsigned char *put(struct writing *writing, unsigned element, size_t size)
{
    unsigned char *at = writing->buffer + writing->size;

    assert(writing->size + 8 + size <= COMMAND_MAX_WRITE);
    write32(at, (uint32_t)element << 16);
    write32(at + 4, (uint32_t)size);
    writing->size += 8 + size;
    return at + 8;
}

static void put_short(struct writing *writing, unsigned element, uint16_t value)
{
    unsigned char *at = put(writing, element, 2);

    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
}

static void put_text(struct writing *writing, unsigned element, const char *text,
                     size_t limit, char padding)
{
    const size_t length = strnlen(text, limit);

    if (length == 0)
        return;
    unsigned char *at = put(writing, element, length + length % 2);

    memcpy(at, text, length);
    if (length % 2 != 0)
        at[length] = (unsigned char)padding;
}

/* The remaining ones are told while some remain only: PS3.7 9.3.4.2. */
static void put_counts(struct writing *writing, const struct dimse_message *message)
{
    if (message->remaining > 0)
        put_short(writing, REMAINING, message->remaining);
    put_short(writing, COMPLETED, message->completed);
    put_short(writing, FAILED, message->failed);
    put_short(writing, WARNED, message->warned);
}

static void put_request(struct writing *writing, const struct dimse_message *message)
{
    put_short(writing, message->command == DIMSE_C_CANCEL_RQ ? RESPONDED_ID : MESSAGE_ID,
              message->command == DIMSE_C_CANCEL_RQ ? message->responded_id
              : message->message_id);
    put_text(writing, MOVE_DESTINATION, message->move_destination,
             sizeof message->move_destination - 1, ' ');
    if (message->command < DIMSE_C_ECHO_RQ)             /* C-STORE, C-GET, C-FIND, C-MOVE */
        put_short(writing, PRIORITY, message->priority);
}

/* Behind the status, in ascending order. */
static void put_rest(struct writing *writing, const struct dimse_message *message,
                     const char *comment)
{
    const bool action = message->command == DIMSE_N_ACTION_RQ;
    const unsigned kind = message->command & ~(unsigned)IS_RESPONSE;

    if (comment != NULL)
        put_text(writing, ERROR_COMMENT, comment, COMMENT_MAX, ' ');
    put_text(writing, action ? REQUESTED_INSTANCE : AFFECTED_INSTANCE, message->sop_uid,
             TEXT_UID_SIZE - 1, '\0');
    if (kind == DIMSE_N_EVENT_REPORT_RQ || kind == DIMSE_N_ACTION_RQ)
        put_short(writing, kind == DIMSE_N_ACTION_RQ ? ACTION_TYPE : EVENT_TYPE, message->type);
    if (message->has_counts)
        put_counts(writing, message);
    if (message->originator[0] != '\0') {
        put_text(writing, ORIGINATOR, message->originator, sizeof message->originator - 1, ' ');
        put_short(writing, ORIGINATOR_ID, message->originator_id);
    }
}

size_t command_write(const struct dimse_message *message, const char *comment,
                     unsigned char buffer[COMMAND_MAX_WRITE])
{
    struct writing writing = { buffer, 0 };
    const bool response = (message->command & IS_RESPONSE) != 0;
    unsigned char *length = put(&writing, GROUP_LENGTH, 4);

    put_text(&writing, message->command == DIMSE_N_ACTION_RQ ? REQUESTED_CLASS : AFFECTED_CLASS,
             message->sop_class_uid, TEXT_UID_SIZE - 1, '\0');
    put_short(&writing, COMMAND_FIELD, message->command);
    if (response)
        put_short(&writing, RESPONDED_ID, message->responded_id);
    else
        put_request(&writing, message);
    put_short(&writing, DATA_SET_TYPE, message->has_data ? HAS_DATA : HAS_NO_DATA);
    if (response)
        put_short(&writing, STATUS, message->status);
    put_rest(&writing, message, response ? comment : NULL);
    write32(length, (uint32_t)(writing.size - 12));
    return writing.size;
}
