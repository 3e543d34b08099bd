/*
 * Ctl's import: files go the way that a scanner's go, by C-STORE to the node's own port. Folders are
 * walked, archives and archives in them opened; what is not taken is named with its reason.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/archive.h"
#include "daemon/ctl.h"
#include "daemon/ctl_ircadb.h"
#include "daemon/ctl_labels.h"
#include "daemon/ctl_nifti.h"
#include "daemon/ctl_send.h"
#include "dicom/association.h"
#include "dicom/dataset.h"
#include "dicom/scan.h"
#include "reports/picture.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_META 65536
#define MAX_PICTURE (256LL << 20)
#define MAX_DIRECTORY (64LL << 20)
#define MAX_BARE (4LL << 30)
#define MAX_WAITING 512             /* files of labels */
#define MAX_DEPTH 4                 /* archives in archives */
#define DIRECTORY_CLASS "1.2.840.10008.1.3.10"

/* ---- what a file is ---- */

enum kind {
    KIND_DICOM, KIND_BARE, KIND_NIFTI, KIND_PICTURE, KIND_ARCHIVE, KIND_OTHER
};

/* A data set without preamble and meta header begins with group 0008, little endian. */
static bool is_bare(const unsigned char *head, size_t size)
{
    return size >= 16 && head[0] == 8 && head[1] == 0 && head[3] == 0
        && ((isupper(head[4]) && isupper(head[5])) || (head[6] == 0 && head[7] == 0));
}

static enum kind kind_of(const unsigned char *head, size_t size)
{
    if (size >= 132 && memcmp(head + 128, "DICM", 4) == 0)
        return KIND_DICOM;
    if (ctl_nifti_is(head, size))
        return KIND_NIFTI;
    if (picture_is(head, size))
        return KIND_PICTURE;
    return archive_is(head, size) ? KIND_ARCHIVE : is_bare(head, size) ? KIND_BARE : KIND_OTHER;
}

/* What computers put beside the files that people put there; an entry's name is behind ": ". */
static bool is_litter(const char *name)
{
    const char *base = name;

    for (const char *at = name; *at != '\0'; at++)
        if (*at == '/' || (at[0] == ':' && at[1] == ' '))
            base = at + (*at == '/' ? 1 : 2);
    return strncmp(base, "._", 2) == 0 || strcmp(base, ".DS_Store") == 0
        || strcasecmp(base, "Thumbs.db") == 0 || strcasecmp(base, "desktop.ini") == 0;
}

/* Says why not, by the first bytes; litter is counted without a word. */
static bool is_wanted(struct ctl_sending *import, const char *name, const unsigned char *head, size_t size)
{
    struct association_meta meta;
    struct error err;

    if (is_litter(name)) {
        import->passed_over++;
        return false;
    }
    if (kind_of(head, size) != KIND_OTHER)
        return true;
    if (size == 0)
        ctl_send_refuse(import, name, "it is empty");
    else if (!association_read_meta(head, size, &meta, &err))
        ctl_send_refuse(import, name, err.text);
    return false;
}

/* ---- data sets without a meta header ---- */

static bool copy_behind(int from, int to, size_t at)
{
    unsigned char piece[MAX_META];
    off_t done = 0;
    ssize_t got;

    while ((got = pread(from, piece, sizeof piece, done)) > 0) {
        if (done > MAX_BARE || pwrite(to, piece, (size_t)got, (off_t)at + done) != got)
            return false;
        done += got;
    }
    return got == 0;
}

/* The same data set with the header that DCMTK's and our own C-STORE leave from. */
static int wrap(struct ctl_sending *import, int fd, const unsigned char *head, struct association_meta *meta,
                struct error *err)
{
    struct ctl_source bare = { NULL, fd, { .length = 0 } };
    unsigned char header[512];

    text_format(bare.meta.transfer_syntax, TEXT_UID_SIZE, "%s",
                isupper(head[4]) ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2");
    ctl_send_scan(import, &bare);
    const char *const class_uid = scan_value(import->scan, 0x00080016);
    const char *const uid = scan_value(import->scan, 0x00080018);
    if (class_uid == NULL || uid == NULL || !text_is_uid(class_uid) || !text_is_uid(uid)) {
        error_set(err, ERROR_DATA, "not a DICOM file: no header, and no SOP Class and Instance UID");
        return -1;
    }
    const size_t length = association_write_meta(class_uid, uid, bare.meta.transfer_syntax, "TUMORCTL",
                                                 header, sizeof header);
    const int wrapped = archive_nameless_file();
    if (wrapped < 0 || pwrite(wrapped, header, length, 0) != (ssize_t)length
        || !copy_behind(fd, wrapped, length) || !association_read_meta(header, length, meta, err)) {
        error_errno(err, "a temporary file");
        if (wrapped >= 0)
            close(wrapped);
        return -1;
    }
    return wrapped;
}

/* ---- DICOMDIR ---- */

static void take_referenced(struct ctl_sending *import, const char *path);

/* The file that a record names, as it is or in lower case, as some systems show media. */
static bool find_referenced(const char *folder, const char *file_id, char *path, size_t size)
{
    const size_t base = strlen(folder);

    if (!text_format(path, size, "%s%s", folder, file_id))
        return false;
    for (char *at = path + base; *at != '\0'; at++)
        if (*at == '\\')
            *at = '/';
    if (access(path, F_OK) == 0)
        return true;
    for (char *at = path + base; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return access(path, F_OK) == 0;
}

/* Those that it names are there, and are taken when only the DICOMDIR was given. */
static void take_directory(struct ctl_sending *import, const char *name, struct dataset *directory, bool alone)
{
    const struct item *const root = dataset_root(directory);
    char folder[CTL_MAX_NAME], path[CTL_MAX_NAME], reason[300];
    const char *const slash = strrchr(name, '/');

    text_format(folder, sizeof folder, "%.*s", slash == NULL ? 0 : (int)(slash - name + 1), name);
    for (size_t i = 0; i < item_count(root, 0x00041220) && !import->over; i++) {
        const char *const file_id = item_text(item_at(root, 0x00041220, i), 0x00041500);
        if (file_id == NULL)
            continue;
        const char *const fault = archive_name_fault(file_id);
        if (fault == NULL && find_referenced(folder, file_id, path, sizeof path)) {
            if (alone)
                take_referenced(import, path);
            continue;
        }
        text_format(reason, sizeof reason, "it names %.64s: %s", file_id,
                    fault == NULL ? "which is not there" : fault);
        ctl_send_refuse(import, name, reason);
    }
}

static void read_directory(struct ctl_sending *import, const char *name, int fd, bool alone)
{
    struct stat status;
    struct error err;
    struct dataset *directory = NULL;

    if (fstat(fd, &status) != 0 || status.st_size > MAX_DIRECTORY) {
        ctl_send_refuse(import, name, "a DICOMDIR of more than 64 MiB");
        return;
    }
    unsigned char *const bytes = malloc((size_t)status.st_size);
    if (bytes != NULL && pread(fd, bytes, (size_t)status.st_size, 0) == status.st_size
        && dicom_init(&err))
        directory = dataset_read(bytes, (size_t)status.st_size, &err);
    else
        error_set(&err, ERROR_IO, "cannot be read");
    if (directory == NULL)
        ctl_send_refuse(import, name, err.text);
    else
        take_directory(import, name, directory, alone);
    dataset_free(directory);
    free(bytes);
}

/* ---- one file, wherever it is ---- */

struct place {                      /* where a file comes from */
    struct ctl_sending *import;
    const char *name;               /* shown; on the disk its path */
    struct archive_budget *budget;  /* NULL on the disk */
    int depth;
    time_t changed;                 /* the file on the disk */
    bool alone;                     /* the argument itself */
};

static void offer(const struct place *place, int fd);

/* "study.zip: a/b.dcm"; what is in "b.nii.gz" is that file itself. */
static void inner(const struct place *place, const char *name, char *shown)
{
    const char *const slash = strrchr(place->name, '/');
    const char *const base = slash == NULL ? place->name : slash + 1;
    const size_t length = strlen(name);
    const bool itself = strncmp(base, name, length) == 0 && base[length] == '.';

    text_format(shown, CTL_MAX_NAME, itself ? "%s" : "%s: %s", place->name, name);
}

static bool entry_wanted(const char *name, const unsigned char *head, size_t size, void *context)
{
    const struct place *const place = context;
    char shown[CTL_MAX_NAME];

    inner(place, name, shown);
    return !place->import->over && is_wanted(place->import, shown, head, size);
}

static bool entry_take(const char *name, int fd, void *context)
{
    const struct place *const place = context;
    char shown[CTL_MAX_NAME];

    inner(place, name, shown);
    offer(&(struct place){ place->import, shown, place->budget, place->depth + 1, place->changed, false },
          fd);
    return !place->import->over;
}

static void entry_refuse(const char *name, const char *reason, void *context)
{
    const struct place *const place = context;
    char shown[CTL_MAX_NAME];

    inner(place, name, shown);
    ctl_send_refuse(place->import, shown, reason);
}

static void open_archive(const struct place *place, int fd)
{
    const struct archive_visitor visitor = { entry_wanted, entry_take, entry_refuse, (void *)place };
    struct archive_budget fresh;
    struct stat status;
    struct error err;

    fresh = archive_budget_for(fstat(fd, &status) == 0 ? status.st_size : 0);
    if (place->depth == MAX_DEPTH)
        ctl_send_refuse(place->import, place->name, "an archive in more than four others");
    else if (!archive_each(fd, place->name, place->budget == NULL ? &fresh : place->budget, &visitor,
                           &err))
        ctl_send_refuse(place->import, place->name, err.text);
}

/* What was made here goes like what was found. */
static bool keep_image(const unsigned char *bytes, size_t size, void *context)
{
    const struct place *const place = context;
    struct association_meta meta;
    struct error err;
    const int fd = archive_nameless_file();

    if (fd >= 0 && write(fd, bytes, size) == (ssize_t)size
        && association_read_meta(bytes, size, &meta, &err)) {
        ctl_send_add(place->import, place->name, fd, &meta, (int64_t)size);
        return !place->import->over;
    }
    if (fd >= 0)
        close(fd);
    return false;
}

/* ---- 3D-IRCADb ---- */

static bool read_ircadb(struct ctl_sending *import, const char *name, int fd, struct error *err)
{
    struct stat status;
    struct dataset *dataset = NULL;

    if (!dicom_init(err))
        return false;
    if (fstat(fd, &status) != 0 || status.st_size > MAX_DIRECTORY)
        return error_set(err, ERROR_LIMIT, "an image of more than 64 MiB");
    void *const bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return error_errno(err, "mmap");
    dataset = dataset_read(bytes, (size_t)status.st_size, err);
    munmap(bytes, (size_t)status.st_size);
    const bool good = dataset != NULL && ctl_ircadb_add(import->ircadb, name, dataset, err);
    dataset_free(dataset);
    return good;
}

/* What is not to be sent: masks, which wait for their images, and what repeats them. */
static bool is_kept_back(struct ctl_sending *import, const char *name, int fd)
{
    const enum ctl_ircadb_kind kind = ctl_ircadb_kind_of(name);
    struct error err;

    if (kind == IRCADB_NONE)
        return false;
    if (kind == IRCADB_REPEATED)
        import->passed_over++;
    else if (!read_ircadb(import, name, fd, &err) && kind == IRCADB_MASK)
        ctl_send_refuse(import, name, err.text);
    else if (kind == IRCADB_MASK)
        import->passed_over++;
    return kind != IRCADB_IMAGE;
}

static bool keep_mask(const char *root, const unsigned char *bytes, size_t size, void *context)
{
    const struct place place = { context, root, NULL, 0, 0, false };

    return keep_image(bytes, size, (void *)&place);
}

static void refuse_masks(const char *root, const char *reason, void *context)
{
    ctl_send_refuse(context, root, reason);
}

static void finish_cases(struct ctl_sending *import, const char *folder)
{
    const struct ctl_ircadb_visitor visitor = { keep_mask, refuse_masks, import };

    if (!import->over)
        ctl_ircadb_finish(import->ircadb, folder, &visitor);
}

/* ---- DICOM ---- */

static void offer_dicom(const struct place *place, int fd)
{
    static unsigned char head[MAX_META];
    struct ctl_sending *const import = place->import;
    struct association_meta meta;
    struct error err;
    const ssize_t size = pread(fd, head, sizeof head, 0);

    if (size < 0 || !association_read_meta(head, (size_t)size, &meta, &err)) {
        ctl_send_refuse(import, place->name, size < 0 ? strerror(errno) : err.text);
        close(fd);
    } else if (strcmp(meta.sop_class_uid, DIRECTORY_CLASS) == 0) {
        if (place->budget == NULL && place->depth == 0)
            read_directory(import, place->name, fd, place->alone);
        import->passed_over++;
        close(fd);
    } else if (is_kept_back(import, place->name, fd)) {
        close(fd);
    } else {
        struct stat status;
        ctl_send_add(import, place->name, fd, &meta,
            place->budget != NULL && fstat(fd, &status) == 0 ? status.st_size : 0);
    }
}

static void offer_bare(const struct place *place, int fd, const unsigned char *head)
{
    struct association_meta meta;
    struct error err;
    struct stat status;
    const bool kept_back = is_kept_back(place->import, place->name, fd);
    const int wrapped = kept_back ? -1 : wrap(place->import, fd, head, &meta, &err);

    if (kept_back) {
        close(fd);
        return;
    }
    if (wrapped < 0)
        ctl_send_refuse(place->import, place->name, err.text);
    else
        ctl_send_add(place->import, place->name, wrapped, &meta, fstat(fd, &status) == 0 ? status.st_size : 0);
    close(fd);
}

/* ---- NIfTI ---- */

static void tell(const char *text, void *context)
{
    const struct place *const place = context;
    char shown[CTL_MAX_NAME];

    text_printable(place->name, shown, sizeof shown);
    if (!place->import->ctl->json)
        fprintf(stderr, "tumorctl: %s: taken, but %s\n", shown, text);
}

static void offer_nifti(const struct place *place, int fd)
{
    const struct ctl_nifti_visitor visitor = { keep_image, tell, (void *)place, place->import->labels };
    struct stat status;
    struct error err;
    struct tm day;
    char date[16] = "";

    if (fstat(fd, &status) != 0 || !dicom_init(&err)) {
        ctl_send_refuse(place->import, place->name, "cannot be read");
        return;
    }
    void *const bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        ctl_send_refuse(place->import, place->name, strerror(errno));
        return;
    }
    if (gmtime_r(&place->changed, &day) != NULL)
        strftime(date, sizeof date, "%Y%m%d", &day);
    if (!ctl_nifti_each(place->import->ctl, place->name, bytes, (size_t)status.st_size, date, &visitor, &err))
        ctl_send_refuse(place->import, place->name, err.text);
    munmap(bytes, (size_t)status.st_size);
}

/* ---- pictures ---- */

/* "a/b/slice_12.png": a series and a patient a folder, the number as the name has it. */
static void name_picture(const char *name, char folder[CTL_MAX_NAME], char patient[65], long *ret_number)
{
    char shown[CTL_MAX_NAME];
    long long number = 0;

    text_printable(name, shown, sizeof shown);
    char *const slash = strrchr(shown, '/');
    const char *const base = slash == NULL ? shown : slash + 1;
    const char *const dot = strrchr(base, '.');
    const char *end = dot == NULL ? base + strlen(base) : dot, *at = end;
    char digits[12];
    while (at > base && isdigit((unsigned char)at[-1]))
        at--;
    text_format(digits, sizeof digits, "%.*s", (int)(end - at), at);
    *ret_number = text_to_int(digits, 0, 999999999, &number) ? (long)number : 1;
    text_format(folder, CTL_MAX_NAME, "%.*s", slash == NULL ? 0 : (int)(slash - shown), shown);
    const char *const last = strrchr(folder, '/');
    text_format(patient, 65, "%.64s", last == NULL ? folder : last + 1);
    for (char *one = patient; *one != '\0'; one++)
        if (*one == '\\' || *one == '^' || *one == '=')
            *one = '_';
    if (patient[0] == '\0')
        text_format(patient, 65, "PICTURES");
}

static void hex_of(const void *bytes, size_t size, char ret_hex[DIGEST_HEX_SIZE])
{
    unsigned char digest[DIGEST_SIZE];

    digest_of(bytes, size, digest);
    digest_hex(digest, ret_hex);
}

static bool make_picture(const struct place *place, const void *bytes, size_t size, struct error *err)
{
    const struct ctl *const ctl = place->import->ctl;
    char folder[CTL_MAX_NAME], patient[65], study[DIGEST_HEX_SIZE], key[DIGEST_HEX_SIZE], text[CTL_MAX_NAME + 128];
    struct picture_about about = { .patient_id = patient, .description = patient, .study_key = study,
                                   .series_key = study, .key = key };
    unsigned char *made = NULL;
    size_t made_size = 0;

    name_picture(place->name, folder, patient, &about.instance_number);
    memcpy(about.spacing_mm, ctl->spacing_mm, sizeof about.spacing_mm);
    text_format(text, sizeof text, "pictures %s %g %g", folder, ctl->spacing_mm[0], ctl->spacing_mm[1]);
    hex_of(text, strlen(text), study);
    hex_of(bytes, size, key);
    text_format(text, sizeof text, "picture %s %s %s", study, key, place->name);
    hex_of(text, strlen(text), key);
    const char *const slash = strrchr(place->name, '/');
    text_printable(slash == NULL ? place->name : slash + 1, folder, sizeof folder);
    for (char *at = folder; *at != '\0'; at++)
        *at = (char)(*at == '\\' ? '_' : *at);
    text_format(text, sizeof text, "From the picture %.200s%s", folder,
                ctl->spacing_mm[0] > 0 ? "" : "; unit: pixel");
    about.derivation = text;
    const bool good = picture_write(bytes, size, &about, &made, &made_size, err)
        && (keep_image(made, made_size, (void *)place) || error_set(err, ERROR_IO, "it could not be kept"));
    free(made);
    return good;
}

static void offer_picture(const struct place *place, int fd)
{
    struct stat status;
    struct error err;

    if (fstat(fd, &status) != 0 || status.st_size > MAX_PICTURE || !dicom_init(&err)) {
        ctl_send_refuse(place->import, place->name, "a picture of more than 256 MiB");
        return;
    }
    void *const bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        ctl_send_refuse(place->import, place->name, strerror(errno));
        return;
    }
    if (!make_picture(place, bytes, (size_t)status.st_size, &err))
        ctl_send_refuse(place->import, place->name, err.text);
    munmap(bytes, (size_t)status.st_size);
}

/* ---- labels, which wait for the images of their case ---- */

static struct waiting {
    char *name;
    int fd;
    time_t changed;
    bool packed;                    /* came out of an archive */
} waiting[MAX_WAITING];
static size_t waiting_count;

/* Takes over `fd`. */
static void wait_for_images(const struct place *place, int fd)
{
    struct waiting *const one = &waiting[waiting_count];

    *one = (struct waiting){ strdup(place->name), fd, place->changed, place->budget != NULL };
    if (one->name != NULL) {
        waiting_count++;
        return;
    }
    ctl_send_refuse(place->import, place->name, "no memory");
    close(fd);
}

/* All that wait: their folder or archive has been read. */
static void take_waiting(struct ctl_sending *import)
{
    struct archive_budget budget = archive_budget_for(0);

    for (size_t i = 0; i < waiting_count; i++) {
        const struct waiting *const one = &waiting[i];
        const struct place place = { import, one->name, one->packed ? &budget : NULL, 0, one->changed, false };
        if (!import->over)
            offer_nifti(&place, one->fd);
        close(one->fd);
        free(one->name);
    }
    waiting_count = 0;
}

/* Takes over `fd`. */
static void offer(const struct place *place, int fd)
{
    unsigned char head[ARCHIVE_PEEK];
    const ssize_t size = pread(fd, head, sizeof head, 0);

    if (size < 0) {
        ctl_send_refuse(place->import, place->name, strerror(errno));
        close(fd);
        return;
    }
    switch (kind_of(head, (size_t)size)) {
    case KIND_DICOM:
        offer_dicom(place, fd);
        return;
    case KIND_BARE:
        offer_bare(place, fd, head);
        return;
    case KIND_NIFTI:
        if (ctl_nifti_is_labels(place->name)) {
            if (waiting_count == MAX_WAITING)
                take_waiting(place->import);
            wait_for_images(place, fd);
            return;
        }
        offer_nifti(place, fd);
        break;
    case KIND_PICTURE:
        offer_picture(place, fd);
        break;
    case KIND_ARCHIVE:
        open_archive(place, fd);
        break;
    default:
        is_wanted(place->import, place->name, head, (size_t)size);
    }
    close(fd);
}

static void take_path(struct ctl_sending *import, const char *path, bool alone)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char reason[160];
    struct stat status;

    if (fd >= 0 && fstat(fd, &status) == 0) {
        offer(&(struct place){ import, path, NULL, 0, status.st_mtime, alone }, fd);
        return;
    }
    text_format(reason, sizeof reason, "cannot be opened: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    ctl_send_refuse(import, path, reason);
}

/* What a DICOMDIR names is an image, and neither an archive nor another DICOMDIR nor a link. */
static void take_referenced(struct ctl_sending *import, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    unsigned char head[ARCHIVE_PEEK];
    const ssize_t size = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);

    if (size >= 0 && kind_of(head, (size_t)size) == KIND_DICOM) {
        offer_dicom(&(struct place){ import, path, NULL, MAX_DEPTH, 0, false }, fd);
        return;
    }
    ctl_send_refuse(import, path, size < 0 ? strerror(errno) : "named by a DICOMDIR, and not a DICOM file");
    if (fd >= 0)
        close(fd);
}

/* ---- the walk ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void visit(struct ctl_sending *import, const FTSENT *file)
{
    switch (file->fts_info) {
    case FTS_F:
        take_path(import, file->fts_path, file->fts_level == 0);
        import->done += file->fts_statp->st_size;
        ctl_send_show_progress(import);
        break;
    case FTS_SL:
    case FTS_SLNONE:
        ctl_send_refuse(import, file->fts_path, "a symbolic link, not followed");
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        ctl_send_refuse(import, file->fts_path, strerror(file->fts_errno));
        break;
    case FTS_DEFAULT:
        ctl_send_refuse(import, file->fts_path, "no regular file");
        break;
    case FTS_DP:
        take_waiting(import);
        finish_cases(import, file->fts_path);
        break;
    default:
        break;
    }
}

/* Once to sum the sizes, once to take. */
static bool walk(struct ctl_sending *import, const char *path, bool take, struct error *err)
{
    char *const paths[] = { (char *)path, NULL };
    FTS *const tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    const FTSENT *file;

    if (tree == NULL)
        return error_errno(err, "%s", path);
    while (!import->over && (file = fts_read(tree)) != NULL) {
        if (file->fts_level == 0 && file->fts_info == FTS_NS) {
            errno = file->fts_errno;
            error_errno(err, "%s", path);
            fts_close(tree);
            return false;
        }
        if (take)
            visit(import, file);
        else if (file->fts_info == FTS_F)
            import->whole += file->fts_statp->st_size;
    }
    fts_close(tree);
    return true;
}

static bool judge(struct ctl_sending *import, const char *path, struct error *err)
{
    if (import->over) {
        *err = import->err;
        return false;
    }
    if (import->taken == 0 && import->refused == 0)
        return error_set(err, ERROR_NOT_FOUND, "no DICOM file in %s", path);
    return import->refused == 0
        || error_set(err, ERROR_DATA, "%zu files were not taken", import->refused);
}

int ctl_import(const struct ctl *ctl, const char *path, struct error *err)
{
    static struct ctl_sending import;
    bool good;

    char *const whole = realpath(path, NULL);       /* names of studies do not depend on where one stands */
    good = whole != NULL || error_errno(err, "%s", path);
    good = ctl_send_begin(&import, ctl, good ? err : &import.err) && good
        && (import.labels = ctl_labels_new(err)) != NULL
        && (import.ircadb = ctl_ircadb_new(err)) != NULL
        && walk(&import, whole, false, err) && walk(&import, whole, true, err);
    free(whole);
    if (good) {
        take_waiting(&import);
        finish_cases(&import, NULL);
        ctl_send_flush(&import);
        ctl_send_print(&import);
        good = judge(&import, path, err);
    }
    ctl_ircadb_free(import.ircadb);
    ctl_labels_free(import.labels);
    ctl_send_end(&import);
    return good ? 0 : 1;
}
