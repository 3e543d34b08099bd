/*
 * Archive: the regular files inside ZIP, TAR, 7-Zip and single-file gzip, bzip2, xz or zstd, one
 * after the other, by libarchive. An entry's name is shown and never used as a path: its bytes go
 * to a file without a name, after its first ones have shown that somebody wants them.
 */
#ifndef TUMORD_DAEMON_ARCHIVE_H
#define TUMORD_DAEMON_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define ARCHIVE_PEEK 4096           /* bytes that `wanted` sees, or all of a smaller entry */

/* What one file from outside may become, with all that is nested in it. Entries reduce both. */
struct archive_budget {
    int64_t bytes;
    long entries;
};
/* 512 MiB and 200 times the packed size, which no honest study exceeds; a million entries. */
struct archive_budget archive_budget_for(int64_t packed_size);

/* Do the first bytes of a file look like one that archive_each() reads? */
bool archive_is(const unsigned char *head, size_t size);

/* An empty file without a name, in TMPDIR or /var/tmp; -1 and errno. */
int archive_nameless_file(void);

/* Why a name from outside is no path inside the place it came from, or NULL. */
const char *archive_name_fault(const char *name);

struct archive_visitor {
    /* By its first bytes: is the entry to be unpacked? It tells its own reason when not. */
    bool (*wanted)(const char *name, const unsigned char *head, size_t size, void *context);
    /* The unpacked entry, at its beginning; `fd` is the visitor's to close. False stops. */
    bool (*take)(const char *name, int fd, void *context);
    /* An entry that cannot or must not be unpacked, and why. */
    void (*refuse)(const char *name, const char *reason, void *context);
    void *context;
};

/*
 * `name` is the archive's own, for a single packed file. Fails when it cannot be read (further), or
 * is a bomb: what came before has been taken.
 */
bool archive_each(int fd, const char *name, struct archive_budget *budget,
                  const struct archive_visitor *visitor, struct error *err);

#endif
