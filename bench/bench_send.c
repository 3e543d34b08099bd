/*
 * Bench: sends one DICOM file over several associations at once, each instance under a
 * UID of its own, and prints how many a second were answered with 0000. A process an
 * association, which only writes two UIDs before each C-STORE: what is measured is the
 * peer. Arguments: port, called AE title, file, associations, instances on each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dicom/association.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_PLACES 4 /* where a file has its UID: meta header, data set, … */
#define MAX_ASSOCIATIONS 256

struct file {
    unsigned char *bytes;
    size_t size;
    struct association_meta meta;
    size_t place[MAX_PLACES], places; /* of the SOP Instance UID */
};

static int port, associations, each;
static const char *called_ae;

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool file_read(const char *path, struct file *file, struct error *err)
{
    FILE *stream = fopen(path, "rb");

    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0)
        return error_set(err, ERROR_IO, "cannot read %s", path);
    file->size = (size_t)ftell(stream);
    rewind(stream);
    file->bytes = malloc(file->size);
    if (file->bytes == NULL || fread(file->bytes, 1, file->size, stream) != file->size)
        return error_set(err, ERROR_IO, "cannot read %s", path);
    fclose(stream);
    if (!association_read_meta(file->bytes, file->size, &file->meta, err))
        return false;

    const size_t length = strlen(file->meta.sop_uid);
    const unsigned char *at = file->bytes, *end = file->bytes + file->size;
    while (file->places < MAX_PLACES &&
           (at = memmem(at, (size_t)(end - at), file->meta.sop_uid, length)) != NULL) {
        file->place[file->places++] = (size_t)(at - file->bytes);
        at += length;
    }
    return true;
}

/* Another UID of the same length, in the file too, so that no other byte moves. */
static bool rename_instance(const struct file *file, int fd, int association, int n,
                            char uid[TEXT_UID_SIZE])
{
    const size_t length = strlen(file->meta.sop_uid);
    char number[32];

    if (!text_format(number, sizeof number, "%06d%04d%06d", (int)(getppid() % 1000000),
                     association, n) ||
        length <= strlen(number))
        return false;
    const size_t digits = strlen(number);
    memcpy(uid, file->meta.sop_uid, length + 1);
    memcpy(uid + length - digits, number, digits);
    for (size_t i = 0; i < file->places; i++)
        if (pwrite(fd, uid, length, (off_t)file->place[i]) != (ssize_t)length)
            return false;
    return true;
}

/* How many of `each` were answered with 0000; -1 when there was no association. */
static int send_each(const struct file *file, int number)
{
    const struct association_target target = {"127.0.0.1", port, "BENCH", called_ae,
                                              131072,      60,   NULL};
    struct association_proposal proposal = {"", "", false};
    struct error err;
    char uid[TEXT_UID_SIZE];
    uint16_t status;
    int good = 0;
    const int fd = memfd_create("bench", MFD_CLOEXEC);

    text_format(proposal.sop_class_uid, sizeof proposal.sop_class_uid, "%s",
                file->meta.sop_class_uid);
    text_format(proposal.transfer_syntax, sizeof proposal.transfer_syntax, "%s",
                file->meta.transfer_syntax);
    if (fd < 0 || write(fd, file->bytes, file->size) != (ssize_t)file->size)
        return -1;
    struct association *association = association_request(&target, &proposal, 1, &err);
    if (association == NULL) {
        fprintf(stderr, "bench_send: %s\n", err.text);
        return -1;
    }
    for (int n = 0; n < each; n++) {
        if (!rename_instance(file, fd, number, n, uid) ||
            !association_store(association, fd, file->meta.sop_class_uid, uid,
                               file->meta.transfer_syntax, &status, &err))
            break;
        good += status == 0;
    }
    association_release(association);
    return good;
}

int main(int argc, char **argv)
{
    struct file file = {NULL, 0, {0, "", "", ""}, {0}, 0};
    struct error err;
    long long ports, lanes, instances;

    if (argc != 6 || !text_to_int(argv[1], 1, 65535, &ports) ||
        !text_to_int(argv[4], 1, MAX_ASSOCIATIONS, &lanes) ||
        !text_to_int(argv[5], 1, 1000000, &instances)) {
        fprintf(stderr, "bench_send PORT AE FILE ASSOCIATIONS EACH\n");
        return 2;
    }
    port = (int)ports, associations = (int)lanes, each = (int)instances;
    called_ae = argv[2];
    if (!file_read(argv[3], &file, &err)) {
        fprintf(stderr, "bench_send: %s\n", err.text);
        return 1;
    }

    int *good = mmap(NULL, MAX_ASSOCIATIONS * sizeof *good, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (good == MAP_FAILED)
        return 1;
    const double began = now_s();
    for (int i = 0; i < associations; i++)
        if (fork() == 0) {
            good[i] = send_each(&file, i);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    const double took = now_s() - began;
    int total = 0;
    for (int i = 0; i < associations; i++)
        total += good[i] > 0 ? good[i] : 0;
    printf("acknowledged %d of %d in %.2f s, %.0f/s\n", total, associations * each, took,
           total / took);
    return total == associations * each ? 0 : 1;
}
