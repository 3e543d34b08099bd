/* Arena: a bump pointer in one reserved mapping. */
#include "util/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/error.h"

#define ALIGNMENT 64            /* a cache line, and the widest vector */

struct arena {
    unsigned char *base;
    size_t limit, used, peak;
};

struct arena *arena_new(size_t limit_bytes, struct error *err)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (arena == NULL)
        return error_null(err, ERROR_MEMORY, "arena");
    arena->limit = limit_bytes;
    arena->base = mmap(NULL, limit_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena->base == MAP_FAILED) {
        free(arena);
        return error_null(err, ERROR_MEMORY, "arena of %zu bytes", limit_bytes);
    }
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    munmap(arena->base, arena->limit);
    free(arena);
}

void *arena_take(struct arena *arena, size_t count, size_t size, struct error *err)
{
    size_t bytes, end;

    if (__builtin_mul_overflow(count, size, &bytes)
        || __builtin_add_overflow(bytes, ALIGNMENT - 1, &bytes)
        || __builtin_add_overflow(arena->used, bytes & ~(size_t)(ALIGNMENT - 1), &end)
        || end > arena->limit)
        return error_null(err, ERROR_LIMIT,
                          "%zu elements of %zu bytes do not fit into %zu MiB of memory",
                          count, size, arena->limit >> 20);
    void *const piece = arena->base + arena->used;
    arena->used = end;
    if (end > arena->peak)
        arena->peak = end;
    return piece;
}

void *arena_take_zeroed(struct arena *arena, size_t count, size_t size, struct error *err)
{
    void *const piece = arena_take(arena, count, size, err);

    return piece == NULL ? NULL : memset(piece, 0, count * size);
}

char *arena_text(struct arena *arena, const char *text, struct error *err)
{
    const size_t size = strlen(text) + 1;
    char *const copy = arena_take(arena, size, 1, err);

    return copy == NULL ? NULL : memcpy(copy, text, size);
}

size_t arena_mark(const struct arena *arena)
{
    return arena->used;
}

void arena_rewind(struct arena *arena, size_t mark)
{
    arena->used = mark;
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
    arena->peak = 0;
}

void arena_release(struct arena *arena)
{
    arena_reset(arena);
    madvise(arena->base, arena->limit, MADV_DONTNEED);
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

size_t arena_peak(const struct arena *arena)
{
    return arena->peak;
}

size_t arena_limit(const struct arena *arena)
{
    return arena->limit;
}
