/*
 * Journal: what makes a received instance durable before it is acknowledged, at the cost of
 * one write and one shared fdatasync. It is the write-ahead log of both the object's file and
 * its index row: a record holds both. Behind it a mover thread puts the file to its place
 * (objects/ab/….dcm with its sidecar ….json) and the row into the index; a journal file is
 * used again only when all of that is on stable storage, and is replayed at the next start
 * otherwise.
 *
 * Files: journal/0.log … 3.log, 64 MiB each, zero-filled once, so that fdatasync has no
 * metadata to write. Any number of threads may receive at once; one process at a time.
 */
#ifndef TUMORD_DAEMON_JOURNAL_H
#define TUMORD_DAEMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct journal;
struct journal_entry;       /* an instance that is being received */
struct store;
struct store_instance;

/* Memory of an open entry; a larger instance goes to a temporary file of its own. */
#define JOURNAL_MAX_BUFFER (768 * 1024)

/* Makes the files at the first start, replays what a crash left, starts the mover. */
struct journal *journal_open(const char *data_dir, struct store *store, struct error *err);
/* Moves what is committed to its place, then ends; NULL is fine. */
void journal_close(struct journal *journal);

struct journal_entry *journal_begin(struct journal *journal, struct error *err);
bool journal_write(struct journal_entry *entry, const void *bytes, size_t size,
                   struct error *err);
int64_t journal_size(const struct journal_entry *entry);

/*
 * Returns true when bytes and row are on stable storage, and only then; ends the entry either
 * way. sha256, path and size of the row are filled in from the entry. Concurrent commits share
 * one fdatasync. After a failed fdatasync the journal is poisoned: this and every later
 * commit fails, and the process should end (the kernel may have dropped the pages).
 */
bool journal_commit(struct journal_entry *entry, const struct store_instance *row,
                    struct error *err);
void journal_cancel(struct journal_entry *entry);       /* NULL is fine */

/* Waits until everything committed so far is in its place and in the index. */
void journal_flush(struct journal *journal);
bool journal_is_poisoned(const struct journal *journal);

#endif
