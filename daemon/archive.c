/* Archive: libarchive with formats and filters of its own, none of which starts a program. */
#include "daemon/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"
#include "util/text.h"

#define BLOCK 65536
#define SPARE_BYTES (512LL << 20)
#define FACTOR 200
#define MAX_ENTRIES 1000000
#define MAX_ENTRY (4LL << 30)
#define TAR_MAGIC_AT 257

struct unpacking {
    struct archive *archive;
    struct archive_budget *budget;
    const struct archive_visitor *visitor;
    const char *name;               /* of the archive */
    bool raw;                       /* one packed file, which has no name of its own */
    bool stopped;
};

struct archive_budget archive_budget_for(int64_t packed_size)
{
    const int64_t size = packed_size < INT64_MAX / FACTOR / 2 ? packed_size : INT64_MAX / FACTOR / 2;

    return (struct archive_budget){ SPARE_BYTES + FACTOR * size, MAX_ENTRIES };
}

bool archive_is(const unsigned char *head, size_t size)
{
    static const struct {
        const char *bytes;
        size_t size, at;
    } magic[] = {
        { "PK\3\4", 4, 0 }, { "PK\5\6", 4, 0 }, { "\x1f\x8b", 2, 0 }, { "BZh", 3, 0 },
        { "\xfd" "7zXZ\0", 6, 0 }, { "\x28\xb5\x2f\xfd", 4, 0 }, { "7z\xbc\xaf\x27\x1c", 6, 0 },
        { "ustar", 5, TAR_MAGIC_AT }
    };

    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (size >= magic[i].at + magic[i].size
            && memcmp(head + magic[i].at, magic[i].bytes, magic[i].size) == 0)
            return true;
    return false;
}

/* The name of what a single packed file holds: without the last suffix. */
static void inner_name(const char *name, char *inner, size_t size)
{
    const char *const base = strrchr(name, '/') == NULL ? name : strrchr(name, '/') + 1;
    const char *const dot = strrchr(base, '.');

    if (dot != NULL && strcasecmp(dot, ".tgz") == 0)
        text_format(inner, size, "%.*s.tar", (int)(dot - base), base);
    else
        text_format(inner, size, "%.*s", dot == NULL ? (int)strlen(base) : (int)(dot - base), base);
}

const char *archive_name_fault(const char *name)
{
    if (name[0] == '/' || name[0] == '\\')
        return "its name is an absolute path";
    for (const char *part = name; part != NULL;) {
        const size_t length = strcspn(part, "/\\");
        if (length == 2 && strncmp(part, "..", 2) == 0)
            return "its name leads out of the archive ('..')";
        part = part[length] == '\0' ? NULL : part + length + 1;
    }
    return NULL;
}

static const char *fault_of(struct archive_entry *entry, const char *name)
{
    if (archive_entry_hardlink(entry) != NULL || archive_entry_filetype(entry) == AE_IFLNK)
        return "it is a link, not followed";
    if (archive_entry_filetype(entry) != AE_IFREG)
        return "it is no regular file";
    if (archive_entry_is_encrypted(entry))
        return "it is encrypted";
    return archive_name_fault(name);
}

int archive_nameless_file(void)
{
    const char *const folder = getenv("TMPDIR");

    return open(folder == NULL || folder[0] == '\0' ? "/var/tmp" : folder,
                O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static bool write_all(int fd, const unsigned char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t put = write(fd, bytes + done, size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* Up to `size` bytes; -1 with the library's reason. */
static ssize_t read_some(struct unpacking *unpacking, unsigned char *bytes, size_t size,
                         struct error *err)
{
    size_t have = 0;

    while (have < size) {
        const ssize_t got = archive_read_data(unpacking->archive, bytes + have, size - have);
        if (got < 0) {
            error_set(err, ERROR_DATA, "it cannot be unpacked: %s",
                      archive_error_string(unpacking->archive));
            return -1;
        }
        if (got == 0)
            break;
        have += (size_t)got;
    }
    unpacking->budget->bytes -= (int64_t)have;
    return (ssize_t)have;
}

/* What a bomb is: the archive as a whole ends here. */
static bool within_budget(const struct unpacking *unpacking, struct error *err)
{
    return unpacking->budget->bytes >= 0
        || error_set(err, ERROR_LIMIT, "it unpacks to far more than a study does, like a bomb");
}

/* What nobody wants is unpacked all the same, to come to the next entry: within the budget, too. */
static bool pass_over(struct unpacking *unpacking, struct error *err)
{
    unsigned char *const block = malloc(BLOCK);
    struct error ignored;
    ssize_t got = block == NULL ? 0 : BLOCK;

    while (got > 0 && unpacking->budget->bytes >= 0)
        got = read_some(unpacking, block, BLOCK, &ignored);
    free(block);
    return within_budget(unpacking, err);
}

/* The rest of an entry behind its first bytes, into a file without a name. */
static int unpack(struct unpacking *unpacking, const unsigned char *head, size_t size,
                  struct error *err)
{
    unsigned char *const block = malloc(BLOCK);
    const int fd = block == NULL ? -1 : archive_nameless_file();
    ssize_t got = (ssize_t)size;
    int64_t whole = (int64_t)size;
    bool good = fd >= 0 || error_errno(err, "a temporary file");

    good = good && (write_all(fd, head, size) || error_errno(err, "a temporary file"));
    while (good && got > 0) {
        got = read_some(unpacking, block, BLOCK, err);
        whole += got;
        good = got >= 0 && within_budget(unpacking, err)
            && (whole <= MAX_ENTRY || error_set(err, ERROR_LIMIT, "it is larger than 4 GiB"))
            && (write_all(fd, block, (size_t)got) || error_errno(err, "a temporary file"));
    }
    free(block);
    if (good && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* False ends the archive; a single entry's fault does not. */
static bool visit(struct unpacking *unpacking, struct archive_entry *entry, struct error *err)
{
    const struct archive_visitor *const visitor = unpacking->visitor;
    unsigned char head[ARCHIVE_PEEK];
    char name[1024];
    const char *const told = archive_entry_pathname(entry);
    struct error reason;

    if (unpacking->raw)
        inner_name(unpacking->name, name, sizeof name);
    else
        text_format(name, sizeof name, "%s", told == NULL ? "?" : told);
    if (archive_entry_filetype(entry) == AE_IFDIR)
        return pass_over(unpacking, err);
    const char *const fault = unpacking->raw ? NULL : fault_of(entry, name);
    if (fault != NULL) {
        visitor->refuse(name, fault, visitor->context);
        return pass_over(unpacking, err);
    }
    const ssize_t size = read_some(unpacking, head, sizeof head, &reason);
    if (size >= 0 && !visitor->wanted(name, head, (size_t)size, visitor->context))
        return pass_over(unpacking, err);
    const int fd = size < 0 ? -1 : unpack(unpacking, head, (size_t)size, &reason);
    if (fd >= 0) {
        unpacking->stopped = !visitor->take(name, fd, visitor->context);
        return true;
    }
    visitor->refuse(name, reason.text, visitor->context);
    return pass_over(unpacking, err);
}

static bool each(struct unpacking *unpacking, struct error *err)
{
    struct archive_entry *entry;
    int result;

    while (!unpacking->stopped
           && ((result = archive_read_next_header(unpacking->archive, &entry)) == ARCHIVE_OK
               || result == ARCHIVE_WARN)) {
        unpacking->raw = archive_format(unpacking->archive) == ARCHIVE_FORMAT_RAW;
        if (--unpacking->budget->entries < 0)
            return error_set(err, ERROR_LIMIT, "it has more than %d entries", MAX_ENTRIES);
        if (!visit(unpacking, entry, err))
            return false;
    }
    return unpacking->stopped || result == ARCHIVE_EOF
        || error_set(err, ERROR_DATA, "it cannot be read further: %s",
                     archive_error_string(unpacking->archive));
}

bool archive_each(int fd, const char *name, struct archive_budget *budget,
                  const struct archive_visitor *visitor, struct error *err)
{
    struct archive *const archive = archive_read_new();
    struct unpacking unpacking = { archive, budget, visitor, name, false, false };

    if (archive == NULL)
        return error_set(err, ERROR_MEMORY, "no memory for an archive");
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_zip(archive);
    archive_read_support_format_tar(archive);
    archive_read_support_format_7zip(archive);
    archive_read_support_format_raw(archive);
    const bool good = archive_read_open_fd(archive, fd, BLOCK) == ARCHIVE_OK
        ? each(&unpacking, err)
        : error_set(err, ERROR_DATA, "it cannot be read: %s", archive_error_string(archive));
    archive_read_free(archive);
    return good;
}
