/* Gzip: zlib's inflate into a buffer that grows up to a limit. */
#include "util/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "util/error.h"

#define WINDOW (MAX_WBITS + 16)         /* zlib: a gzip head, and its check sum */
#define FIRST_BYTES ((size_t)1 << 20)
#define DENSEST 1032                    /* deflate packs no denser than this to 1 */

struct room {
    unsigned char *bytes;
    size_t size, used, limit;
};

bool gzip_is(const void *bytes, size_t size)
{
    const unsigned char *const at = bytes;

    return size >= 3 && at[0] == 0x1f && at[1] == 0x8b && at[2] == 8;
}

/*
 * The last four bytes say the length of the last member (modulo 4 GiB): a hint that saves
 * copies, believed as far as so many packed bytes can hold.
 */
static size_t guess(const unsigned char *bytes, size_t size, size_t limit)
{
    size_t said = FIRST_BYTES;

    if (size >= 18) {
        const unsigned char *const at = bytes + size - 4;

        said = (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
        if (said / DENSEST > size)
            said = FIRST_BYTES;
    }
    return said < limit ? said + 1 : limit + 1;
}

/* One byte more than the limit is room enough to see that it is passed. */
static bool grow(struct room *room, struct error *err)
{
    const size_t most = room->limit + 1;
    const size_t size = room->size > most / 2 ? most : room->size * 2;
    unsigned char *const bytes = realloc(room->bytes, size);

    if (bytes == NULL)
        return error_set(err, ERROR_MEMORY, "no memory to unpack %zu bytes", size);
    room->bytes = bytes;
    room->size = size;
    return true;
}

/* zlib counts in 32 bits, so both sides are given in pieces. */
static uInt piece(size_t left)
{
    return left < UINT_MAX ? (uInt)left : UINT_MAX;
}

static int step(z_stream *stream, const unsigned char *end, struct room *room)
{
    const uInt given = piece(room->size - room->used);

    stream->avail_in = piece((size_t)(end - stream->next_in));
    stream->next_out = room->bytes + room->used;
    stream->avail_out = given;
    const int answer = inflate(stream, Z_NO_FLUSH);
    room->used += given - stream->avail_out;
    return answer;
}

/* One member from where the stream stands to its end. */
static bool unpack_member(z_stream *stream, const unsigned char *end, struct room *room,
                          struct error *err)
{
    for (;;) {
        if (room->used == room->size && !grow(room, err))
            return false;
        const int answer = step(stream, end, room);

        if (room->used > room->limit)
            return error_set(err, ERROR_LIMIT, "it unpacks to more than %zu bytes",
                             room->limit);
        if (answer == Z_STREAM_END)
            return true;
        if (answer == Z_MEM_ERROR)
            return error_set(err, ERROR_MEMORY, "no memory to unpack");
        if (answer != Z_OK && answer != Z_BUF_ERROR)
            return error_set(err, ERROR_DATA, "damaged gzip: %s after %zu bytes",
                             stream->msg != NULL ? stream->msg : "a preset dictionary",
                             room->used);
        if (stream->next_in == end && room->used < room->size)
            return error_set(err, ERROR_DATA, "gzip ends early, after %zu unpacked bytes",
                             room->used);
    }
}

static bool is_padding(const unsigned char *at, const unsigned char *end)
{
    while (at < end && *at == 0)
        at++;
    return at == end;
}

static bool unpack_all(z_stream *stream, const unsigned char *end, struct room *room,
                       struct error *err)
{
    do {
        if (!gzip_is(stream->next_in, (size_t)(end - stream->next_in)))
            return error_set(err, ERROR_DATA, "%zu bytes behind the gzip are none of it",
                             (size_t)(end - stream->next_in));
        if (!unpack_member(stream, end, room, err))
            return false;
        inflateReset(stream);
    } while (!is_padding(stream->next_in, end));
    return true;
}

bool gzip_unpack(const void *bytes, size_t size, size_t limit, unsigned char **ret_bytes,
                 size_t *ret_size, struct error *err)
{
    const unsigned char *const begin = bytes;
    z_stream stream = { .next_in = (z_const Bytef *)begin };

    if (!gzip_is(bytes, size))
        return error_set(err, ERROR_DATA, "it does not begin as gzip does");
    if (limit >= SIZE_MAX / 2)
        limit = SIZE_MAX / 2;
    struct room room = { .size = guess(begin, size, limit), .limit = limit };
    room.bytes = malloc(room.size);
    if (room.bytes == NULL || inflateInit2(&stream, WINDOW) != Z_OK) {
        free(room.bytes);
        return error_set(err, ERROR_MEMORY, "no memory to unpack %zu bytes", room.size);
    }
    const bool good = unpack_all(&stream, begin + size, &room, err);
    inflateEnd(&stream);
    if (!good) {
        free(room.bytes);
        return false;
    }
    *ret_bytes = room.bytes;
    *ret_size = room.used;
    return true;
}
