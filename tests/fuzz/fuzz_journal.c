/*
 * A record of the journal, as replay reads it after a crash: the row is the input up to
 * its first NUL, the object's bytes are behind it; the checksum is put right. What is
 * read is written again as the same row.
 */
#include "daemon/journal.c" /* its replay is of no use to anybody else */

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void write_record_of(const struct segment *segment, const uint8_t *bytes,
                            size_t size)
{
    const size_t row_size = strnlen((const char *)bytes, size);
    struct record_head head = {.magic = RECORD_MAGIC,
                               .nonce = segment->nonce,
                               .size = size - row_size,
                               .row_size = (uint32_t)row_size};

    head.checksum = (uint32_t)crc32(crc32(0, (const Bytef *)&head, sizeof head), bytes,
                                    (uInt)row_size);
    if (ftruncate(segment->fd, 0) != 0 ||
        !write_at(segment->fd, &head, sizeof head, PAGE) ||
        !write_at(segment->fd, bytes, row_size, PAGE + (int64_t)sizeof head) ||
        !write_at(segment->fd, bytes + row_size, size - row_size,
                  PAGE + align((int64_t)sizeof head + (int64_t)row_size)))
        abort();
}

static void check_again(const struct committed *committed)
{
    struct committed again = {.tags = NULL};
    char *const text = row_text(&committed->row, committed->temporary);

    if (text == NULL || !parse_row(text, &again) ||
        strcmp(again.row.sop_uid, committed->row.sop_uid) != 0 ||
        strcmp(again.row.sha256, committed->row.sha256) != 0 ||
        again.row.size != committed->row.size)
        abort();
    free(again.tags);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct journal journal;
    static char row[MAX_ROW + 1];
    struct segment *const segment = &journal.segment[0];
    struct record_head head;

    if (journal.buffer == NULL) {
        segment->fd = memfd_create("segment", 0);
        segment->nonce = 7;
        journal.buffer = malloc(JOURNAL_MAX_BUFFER);
    }
    if (size >= MAX_ROW)
        return 0;
    write_record_of(segment, bytes, size);
    if (!read_record(segment, PAGE, row, &head)) /* we wrote it: it must be whole */
        abort();
    struct committed *const committed = calloc(1, sizeof *committed);
    committed->at = PAGE + align((int64_t)sizeof head + head.row_size);
    if (parse_row(row, committed)) {
        if (committed->temporary[0] ==
            '\0') /* else it only looks whether a file is there */
            bytes_fit(&journal, segment, committed);
        check_again(committed);
    }
    free_committed(committed);
    return 0;
}
