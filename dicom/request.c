/* Request: items in items, three levels deep by the standard, each walked by its lengths. */
#include "dicom/request.h"

#include <string.h>

#include "util/error.h"

#define FIXED 74                /* up to the variable items */
#define VERIFICATION "1.2.840.10008.1.1"

enum item_type { ITEM_APPLICATION = 0x10, ITEM_CONTEXT = 0x20, ITEM_ABSTRACT = 0x30,
                 ITEM_TRANSFER = 0x40, ITEM_USER = 0x50 };

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

/* Takes the item at the front of `*at`; both move behind it. */
static bool next_item(const unsigned char **at, size_t *size, struct item *ret_item,
                      struct error *err)
{
    if (*size < 4)
        return error_set(err, ERROR_DATA, "an association request ends in an item's head");
    const size_t length = (size_t)(*at)[2] << 8 | (*at)[3];

    if (length > *size - 4)
        return error_set(err, ERROR_DATA, "an item of %zu bytes in %zu of the request",
                         length, *size - 4);
    *ret_item = (struct item){ (*at)[0], *at + 4, length };
    *at += 4 + length;
    *size -= 4 + length;
    return true;
}

static bool check_context(const struct item *context, bool *ret_echo, struct error *err)
{
    const unsigned char *at = context->bytes + 4;
    size_t size, abstracts = 0, transfers = 0;
    struct item item;

    if (context->size < 4)
        return error_set(err, ERROR_DATA, "a presentation context of %zu bytes",
                         context->size);
    size = context->size - 4;
    while (size > 0) {
        if (!next_item(&at, &size, &item, err))
            return false;
        if (item.size >= TEXT_UID_SIZE)
            return error_set(err, ERROR_DATA, "a presentation context names a UID of %zu",
                             item.size);
        abstracts += item.type == ITEM_ABSTRACT;
        transfers += item.type == ITEM_TRANSFER;
        if (item.type == ITEM_ABSTRACT)
            *ret_echo = strnlen((const char *)item.bytes, item.size) == strlen(VERIFICATION) &&
                        memcmp(item.bytes, VERIFICATION, strlen(VERIFICATION)) == 0;
    }
    if (abstracts != 1 || transfers == 0 || transfers > REQUEST_MAX_SYNTAXES)
        return error_set(err, ERROR_DATA,
                         "a presentation context with %zu abstract and %zu transfer syntaxes",
                         abstracts, transfers);
    return true;
}

static bool check_user(const struct item *user, struct error *err)
{
    const unsigned char *at = user->bytes;
    size_t size = user->size;
    struct item item;

    while (size > 0)
        if (!next_item(&at, &size, &item, err))
            return false;
    return true;
}

static void copy_title(const unsigned char *bytes, char title[17])
{
    char text[17];

    memcpy(text, bytes, 16);
    text[16] = '\0';
    text_printable(text_trim(text), title, 17);
}

bool request_check(const void *bytes, size_t size, struct association_peer *ret_peer,
                   struct error *err)
{
    const unsigned char *at = bytes;
    struct association_peer peer = { .echo_only = true };
    size_t declared, contexts = 0;
    struct item item;

    if (size < FIXED || !association_request_size(at, &declared, err) || declared != size)
        return error_set(err, ERROR_DATA, "an association request of %zu bytes", size);
    copy_title(at + 10, peer.called_ae);
    copy_title(at + 26, peer.calling_ae);
    at += FIXED;
    size -= FIXED;
    while (size > 0) {
        bool echo = true;

        if (!next_item(&at, &size, &item, err))
            return false;
        if (item.type == ITEM_CONTEXT && ++contexts > REQUEST_MAX_CONTEXTS)
            return error_set(err, ERROR_LIMIT, "more than %d presentation contexts",
                             REQUEST_MAX_CONTEXTS);
        if (item.type == ITEM_CONTEXT && !check_context(&item, &echo, err))
            return false;
        if (item.type == ITEM_USER && !check_user(&item, err))
            return false;
        peer.echo_only = peer.echo_only && echo;
    }
    if (contexts == 0)
        return error_set(err, ERROR_DATA, "an association request without a context");
    *ret_peer = peer;
    return true;
}
