/* Request: items in items, three levels deep by the standard, each walked by its lengths. */
#include "dicom/request.h"

#include <string.h>

#include "util/error.h"

#define FIXED 74                /* up to the variable items */
#define VERIFICATION "1.2.840.10008.1.1"
#define APPLICATION "1.2.840.10008.3.1.1.1"     /* PS3.7 A.2.1: DICOM itself */

enum item_type {
    ITEM_APPLICATION = 0x10, ITEM_CONTEXT = 0x20, ITEM_ANSWERED = 0x21, ITEM_ABSTRACT = 0x30,
    ITEM_TRANSFER = 0x40,
    ITEM_USER = 0x50, ITEM_MAX_PDU = 0x51, ITEM_CLASS = 0x52, ITEM_WINDOW = 0x53,
    ITEM_ROLE = 0x54, ITEM_VERSION = 0x55
};

struct item {
    unsigned type;
    const unsigned char *bytes;
    size_t size;
};

bool association_request_size(const unsigned char head[6], size_t *ret_size,
                              struct error *err)
{
    const size_t length = (size_t)head[2] << 24 | (size_t)head[3] << 16 |
                          (size_t)head[4] << 8 | head[5];

    if (head[0] != 1)
        return error_set(err, ERROR_DATA, "a PDU of type %u before the negotiation", head[0]);
    if (length + 6 < FIXED || length + 6 > ASSOCIATION_MAX_REQUEST)
        return error_set(err, ERROR_LIMIT, "an association request of %zu bytes", length);
    *ret_size = length + 6;
    return true;
}

struct checking {
    unsigned char *clean;       /* the end of what was taken over */
    bool id[256];               /* contexts that were there */
    size_t contexts, applications, users;
    bool echo_only;
};

static void put_item(struct checking *checking, const struct item *item)
{
    unsigned char *at = checking->clean;

    at[0] = (unsigned char)item->type;
    at[1] = 0;
    at[2] = (unsigned char)(item->size >> 8);
    at[3] = (unsigned char)item->size;
    memcpy(at + 4, item->bytes, item->size);
    checking->clean += 4 + item->size;
}

/* Takes the item at the front of `*at`; both move behind it. */
static bool next_item(const unsigned char **at, size_t *size, struct item *ret_item,
                      struct error *err)
{
    if (*size < 4)
        return error_set(err, ERROR_DATA, "an association PDU ends in an item's head");
    const size_t length = (size_t)(*at)[2] << 8 | (*at)[3];

    if (length > *size - 4)
        return error_set(err, ERROR_DATA, "an item of %zu bytes in %zu of an association PDU",
                         length, *size - 4);
    *ret_item = (struct item){ (*at)[0], *at + 4, length };
    *at += 4 + length;
    *size -= 4 + length;
    return true;
}

/* Its UID, with or without padding. */
static bool names(const struct item *item, const char *uid)
{
    const size_t length = strlen(uid);

    return strnlen((const char *)item->bytes, item->size) == length &&
           memcmp(item->bytes, uid, length) == 0;
}

/* The abstract syntax and the transfer syntaxes of a context, by their types and lengths. */
static bool check_syntaxes(const struct item *context, bool *ret_echo, struct error *err)
{
    const unsigned char *at = context->bytes + 4;
    size_t size = context->size - 4, abstracts = 0, transfers = 0;
    struct item item = { 0, NULL, 0 };

    while (size > 0) {
        if (!next_item(&at, &size, &item, err))
            return false;
        if (item.size == 0 || item.size >= TEXT_UID_SIZE ||
            (item.type != ITEM_ABSTRACT && item.type != ITEM_TRANSFER))
            return error_set(err, ERROR_DATA, "a presentation context with item %02x of %zu",
                             item.type, item.size);
        abstracts += item.type == ITEM_ABSTRACT;
        transfers += item.type == ITEM_TRANSFER;
        if (item.type == ITEM_ABSTRACT)
            *ret_echo = names(&item, VERIFICATION);
    }
    if (abstracts == 1 && transfers > 0 && transfers <= REQUEST_MAX_SYNTAXES)
        return true;
    return error_set(err, ERROR_DATA,
                     "a presentation context with %zu abstract and %zu transfer syntaxes",
                     abstracts, transfers);
}

static bool check_number(struct checking *checking, const struct item *context,
                         struct error *err)
{
    if (++checking->contexts > REQUEST_MAX_CONTEXTS)
        return error_set(err, ERROR_LIMIT, "more than %d presentation contexts",
                         REQUEST_MAX_CONTEXTS);
    if (context->size < 4 || context->bytes[0] % 2 == 0 || checking->id[context->bytes[0]])
        return error_set(err, ERROR_DATA, "a presentation context without a number of its own");
    checking->id[context->bytes[0]] = true;
    return true;
}

static bool check_context(struct checking *checking, const struct item *context,
                          struct error *err)
{
    bool echo = false;

    if (!check_number(checking, context, err) || !check_syntaxes(context, &echo, err))
        return false;
    checking->echo_only = checking->echo_only && echo;
    put_item(checking, context);
    return true;
}

/* PS3.7 D.3.3.4: a length, a UID of it, and two flags. */
static bool is_role(const struct item *item)
{
    const size_t length = item->size < 2 ? 0 : (size_t)item->bytes[0] << 8 | item->bytes[1];

    return length > 0 && length < TEXT_UID_SIZE && item->size == length + 4;
}

/* What of the user information DUL is to see; seen[] is by the item's last digit. */
static bool is_wanted(const struct item *item, bool seen[16])
{
    const unsigned digit = item->type & 15;
    const bool again = seen[digit];

    seen[digit] = true;
    switch (item->type) {
    case ITEM_MAX_PDU:
        return !again && item->size == 4;
    case ITEM_CLASS:
        return !again && item->size > 0 && item->size < TEXT_UID_SIZE;
    case ITEM_WINDOW:
        return !again && item->size == 4;
    case ITEM_ROLE:
        return is_role(item);
    case ITEM_VERSION:
        return !again && item->size > 0 && item->size <= 16;
    default:
        return false;
    }
}

static bool check_user(struct checking *checking, const struct item *user, struct error *err)
{
    unsigned char *const begin = checking->clean;
    const unsigned char *at = user->bytes;
    size_t size = user->size;
    bool seen[16] = { false };
    struct item item = { 0, NULL, 0 };

    if (++checking->users > 1)
        return error_set(err, ERROR_DATA, "user information that comes twice");
    checking->clean += 4;
    while (size > 0) {
        if (!next_item(&at, &size, &item, err))
            return false;
        if (is_wanted(&item, seen))
            put_item(checking, &item);
    }
    const size_t kept = (size_t)(checking->clean - begin) - 4;

    begin[0] = ITEM_USER;
    begin[1] = 0;
    begin[2] = (unsigned char)(kept >> 8);
    begin[3] = (unsigned char)kept;
    return true;
}

static bool check_item(struct checking *checking, const struct item *item, struct error *err)
{
    switch (item->type) {
    case ITEM_APPLICATION:
        if (++checking->applications > 1 || item->size >= TEXT_UID_SIZE ||
            !names(item, APPLICATION))
            return error_set(err, ERROR_DATA, "an application context that is not DICOM's");
        put_item(checking, item);
        return true;
    case ITEM_CONTEXT:
        return check_context(checking, item, err);
    case ITEM_USER:
        return check_user(checking, item, err);
    default:                    /* PS3.8 9.3.1: what is not known is ignored */
        return true;
    }
}

static void copy_title(const unsigned char *bytes, char title[17])
{
    char text[17];

    memcpy(text, bytes, 16);
    text[16] = '\0';
    text_printable(text_trim(text), title, 17);
}

static void copy_fixed(const unsigned char *bytes, unsigned char *clean, size_t size)
{
    memcpy(clean, bytes, FIXED);
    for (int i = 0; i < 4; i++)
        clean[2 + i] = (unsigned char)((size - 6) >> (24 - 8 * i));
}

bool request_check(const void *bytes, size_t size, unsigned char *clean,
                   size_t *ret_clean_size, struct association_peer *ret_peer,
                   struct error *err)
{
    const unsigned char *at = bytes;
    struct checking checking = { .clean = clean + FIXED, .echo_only = true };
    struct association_peer peer = { .echo_only = true };
    size_t declared = 0;
    struct item item = { 0, NULL, 0 };

    if (size < FIXED || !association_request_size(at, &declared, err) || declared != size)
        return error_set(err, ERROR_DATA, "an association request of %zu bytes", size);
    if ((at[7] & 1) == 0)
        return error_set(err, ERROR_UNSUPPORTED, "version 1 of the protocol is not offered");
    copy_title(at + 10, peer.called_ae);
    copy_title(at + 26, peer.calling_ae);
    at += FIXED;
    size -= FIXED;
    while (size > 0)
        if (!next_item(&at, &size, &item, err) || !check_item(&checking, &item, err))
            return false;
    if (checking.contexts == 0 || checking.applications == 0 || checking.users == 0)
        return error_set(err, ERROR_DATA, "an association request without a context");
    *ret_clean_size = (size_t)(checking.clean - clean);
    copy_fixed(bytes, clean, *ret_clean_size);
    peer.echo_only = checking.echo_only;
    *ret_peer = peer;
    return true;
}

/* ---- answers ---- */

/* PS3.8 9.3.3.2: in a context that was not accepted nothing but that is significant. */
static bool check_answered(struct checking *checking, const struct item *context,
                           struct error *err)
{
    struct item item = { 0, NULL, 0 };

    if (!check_number(checking, context, err))
        return false;
    if (context->bytes[2] != 0)
        return true;
    const unsigned char *at = context->bytes + 4;
    size_t size = context->size - 4;

    if (!next_item(&at, &size, &item, err))
        return false;
    if (size > 0 || item.type != ITEM_TRANSFER || item.size == 0 || item.size >= TEXT_UID_SIZE)
        return error_set(err, ERROR_DATA, "an accepted context with item %02x of %zu",
                         item.type, item.size);
    put_item(checking, context);
    return true;
}

static bool check_answer_item(struct checking *checking, const struct item *item,
                              struct error *err)
{
    switch (item->type) {
    case ITEM_ANSWERED:
        return check_answered(checking, item, err);
    case ITEM_USER:
        return check_user(checking, item, err);
    default:
        return true;
    }
}

static bool check_accepted(const unsigned char *at, size_t size, unsigned char *clean,
                           size_t *ret_clean_size, struct error *err)
{
    const struct item application = { ITEM_APPLICATION, (const unsigned char *)APPLICATION,
                                      strlen(APPLICATION) };
    const unsigned char *const fixed = at;
    struct checking checking = { .clean = clean + FIXED };
    struct item item = { 0, NULL, 0 };

    put_item(&checking, &application);          /* whatever they make of it */
    at += FIXED;
    size -= FIXED;
    while (size > 0)
        if (!next_item(&at, &size, &item, err) || !check_answer_item(&checking, &item, err))
            return false;
    if (checking.users == 0)
        return error_set(err, ERROR_DATA, "an answer without user information");
    *ret_clean_size = (size_t)(checking.clean - clean);
    copy_fixed(fixed, clean, *ret_clean_size);
    return true;
}

bool request_check_answer(const void *bytes, size_t size, unsigned char *clean,
                          size_t *ret_clean_size, struct error *err)
{
    const unsigned char *const at = bytes;
    const bool accepted = size >= FIXED && at[0] == 2;
    const bool short_one = size == 10 && (at[0] == 3 || at[0] == 7);

    if (!accepted && !short_one)
        return error_set(err, ERROR_DATA, "a PDU of type %u and %zu bytes for an answer",
                         size > 0 ? at[0] : 0, size);
    if (accepted)
        return check_accepted(at, size, clean, ret_clean_size, err);
    memcpy(clean, at, size);
    *ret_clean_size = size;
    return true;
}
