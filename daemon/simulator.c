/*
 * Simulator: the role of test builds that stands for the hardware. It runs the bench of hw/ (an
 * executable that GHDL made of tumord_top_tb, named by TUMORD_SIMULATOR) once for each slice that a
 * worker sends, since a worker can start nothing. It is never part of a node that serves: its only
 * rights that it gives up are the caller's descriptors.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/hardware.h"
#include "daemon/log.h"
#include "daemon/message.h"
#include "daemon/role.h"
#include "util/error.h"
#include "util/text.h"

#ifdef TUMORD_SIMULATED_HARDWARE

#define MOST 1024

struct simulator {
    const char *program;                /* NULL: none was named */
    char script[1200], output[1200];
    struct message *message;
    struct hardware_request request;
    struct hardware_answer answer;
    uint16_t *stored;
    uint8_t *result;                    /* grey, padding, mask */
};

/* What is read at the end, in this order; then of each component its area and box. */
static const unsigned addresses[] = { 0x80, 0x84, 0x88, 0x8c, 0x90, 0x94, 0x98, 0xa0, 0xa4 };
#define ADDRESSES (sizeof addresses / sizeof *addresses)
#define PART_WORDS 3

/* ---- a slice in, a script out ---- */

static bool read_request(struct simulator *simulator, int fd, struct error *err)
{
    struct fixed_chain *const chain = &simulator->request.chain;
    struct stat about;

    if (fstat(fd, &about) != 0
        || pread(fd, &simulator->request, sizeof simulator->request, 0) != (ssize_t)sizeof simulator->request
        || chain->columns < 1 || chain->columns > MOST || chain->rows < 1 || chain->rows > MOST
        || chain->operation > FIXED_CLOSE || chain->labels > FIXED_LABELS_MAX)
        return error_set(err, ERROR_DATA, "a slice that is none");
    const size_t bytes = chain->columns * chain->rows * sizeof *simulator->stored;
    if (about.st_size != (off_t)(sizeof simulator->request + bytes)
        || pread(fd, simulator->stored, bytes, sizeof simulator->request) != (ssize_t)bytes)
        return error_set(err, ERROR_DATA, "a slice that is not whole");
    return true;
}

static void write_pass(const struct simulator *simulator, FILE *file)
{
    const struct fixed_chain *const chain = &simulator->request.chain;

    fprintf(file, "n %zu %zu\n", chain->columns, chain->rows);
    for (size_t at = 0; at < chain->columns * chain->rows; at++)
        fprintf(file, "%u\n", (unsigned)simulator->stored[at]);
    fputs("i\n", file);
    hardware_write(file, FIXED_IRQ_STATUS, 1, true);
}

/* Twice: the first pass finds Otsu's threshold, the second goes by it. */
static bool write_script(const struct simulator *simulator, struct error *err)
{
    const struct fixed_chain *const chain = &simulator->request.chain;
    struct fixed_register setting[FIXED_REGISTERS_MAX];
    const size_t count = fixed_chain_settings(chain, setting);
    FILE *const file = fopen(simulator->script, "w");

    if (file == NULL)
        return error_errno(err, "%s", simulator->script);
    for (size_t n = 0; n < count; n++)
        hardware_write(file, setting[n].address, setting[n].value, true);
    hardware_write(file, FIXED_IRQ_ENABLE, 1, true);
    hardware_write(file, FIXED_CONTROL, 1, true);
    write_pass(simulator, file);
    write_pass(simulator, file);
    for (size_t n = 0; n < ADDRESSES; n++)
        hardware_read(file, addresses[n], 0, true);
    for (size_t part = 0; part < chain->labels; part++) {
        hardware_write(file, FIXED_INDEX, (uint32_t)part, true);
        for (unsigned n = 0; n < PART_WORDS; n++)
            hardware_read(file, 0xac + 4 * n, 0, true);
    }
    fputs("e\n", file);
    return fclose(file) == 0 || error_errno(err, "%s", simulator->script);
}

/* ---- the simulation ---- */

static void become(const struct simulator *simulator)
{
    char vectors[1300], output[1300];
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    text_format(vectors, sizeof vectors, "-gvectors_g=%s", simulator->script);
    text_format(output, sizeof output, "-goutput_g=%s", simulator->output);
    if (nowhere >= 0)
        dup2(nowhere, STDOUT_FILENO);
    execl(simulator->program, simulator->program, vectors, output, "-gthree_g=false",
          "--ieee-asserts=disable", (char *)NULL);
    _exit(127);
}

static bool simulate(const struct simulator *simulator, struct error *err)
{
    int status = -1;

    if (simulator->program == NULL)
        return error_set(err, ERROR_CONFIG, "TUMORD_SIMULATOR names no simulator");
    const pid_t pid = fork();
    if (pid == 0)
        become(simulator);
    if (pid < 0)
        return error_errno(err, "fork");
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_errno(err, "the simulator");
        else if (role_stopping())
            kill(pid, SIGKILL);
    return (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        || error_set(err, ERROR_IO, "the simulation ended with status %d", status);
}

/* ---- what it wrote ---- */

static bool read_word(FILE *file, uint32_t *ret_word)
{
    char line[64];
    long long value;

    if (fgets(line, sizeof line, file) == NULL || strncmp(line, "r ", 2) != 0)
        return false;
    line[strcspn(line, "\n")] = '\0';
    if (!text_to_int(line + 2, INT32_MIN, INT32_MAX, &value))
        return false;
    *ret_word = (uint32_t)value;
    return true;
}

static bool read_voxels(FILE *file, size_t count, uint8_t *to)
{
    char line[64];

    for (size_t at = 0; at < count; at++) {
        unsigned grey, pad, mask;
        if (fgets(line, sizeof line, file) == NULL || sscanf(line, "v %u %u %u", &grey, &pad, &mask) != 3
            || grey > 255)
            return false;
        to[at] = (uint8_t)grey;
        to[count + at] = (uint8_t)pad;
        to[2 * count + at] = (uint8_t)mask;
    }
    return true;
}

static void take_box(uint32_t columns, uint32_t rows, size_t low[2], size_t high[2])
{
    low[0] = columns & 0x7ff;
    high[0] = columns >> 16;
    low[1] = rows & 0x7ff;
    high[1] = rows >> 16;
}

static void take_words(const uint32_t *word, struct hardware_answer *answer)
{
    answer->otsu = (struct fixed_otsu){ .found2 = word[0] >> 31, .two = (int)(word[0] & 0xff) };
    answer->statistics.area = word[1];
    answer->statistics.sum = word[2];
    answer->statistics.squares = (uint64_t)word[4] << 32 | word[3];
    take_box(word[5], word[6], answer->statistics.low, answer->statistics.high);
    answer->components.count = word[7];
    answer->components.lost = word[8];
}

static bool read_output(struct simulator *simulator, struct error *err)
{
    const struct fixed_chain *const chain = &simulator->request.chain;
    const size_t count = chain->columns * chain->rows;
    FILE *const file = fopen(simulator->output, "r");
    uint32_t word[ADDRESSES];
    bool good = file != NULL && read_voxels(file, count, simulator->result)
        && read_voxels(file, count, simulator->result);

    for (size_t n = 0; good && n < ADDRESSES; n++)
        good = read_word(file, &word[n]);
    memset(&simulator->answer, 0, sizeof simulator->answer);
    if (good)
        take_words(word, &simulator->answer);
    for (size_t part = 0; good && part < chain->labels; part++) {
        struct fixed_component *const to = &simulator->answer.part[part];
        for (unsigned n = 0; good && n < PART_WORDS; n++)
            good = read_word(file, &word[n]);
        to->area = word[0];
        take_box(word[1], word[2], to->low, to->high);
    }
    if (file != NULL)
        fclose(file);
    return good || error_set(err, ERROR_DATA, "the simulation's output is not whole");
}

/* ---- the loop ---- */

static int answer_fd(const struct simulator *simulator, struct error *err)
{
    const size_t bytes = 3 * simulator->request.chain.columns * simulator->request.chain.rows;
    const int fd = memfd_create("answer", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, &simulator->answer, sizeof simulator->answer) == (ssize_t)sizeof simulator->answer
        && write(fd, simulator->result, bytes) == (ssize_t)bytes)
        return fd;
    error_errno(err, "memory for an answer");
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool serve(struct simulator *simulator, int channel, struct error *err)
{
    struct message *const message = simulator->message;
    struct error failed;
    bool got;

    if (!message_receive(channel, false, message, &got, err))
        return false;
    if (!got)
        return true;
    int fd = message->kind == MESSAGE_ERRAND && message->fd_count == 1
        && read_request(simulator, message->fd[0], &failed) && write_script(simulator, &failed)
        && simulate(simulator, &failed) && read_output(simulator, &failed)
        ? answer_fd(simulator, &failed) : -1;
    message_close_fds(message);
    message->kind = fd >= 0 ? MESSAGE_ANSWER : MESSAGE_FAILED;
    message->size = 0;
    if (fd >= 0) {
        message->fd_count = 1;
        message->fd[0] = fd;
    } else {
        text_format(message->body, sizeof message->body, "%s", failed.text);
        message->size = strlen(message->body);
    }
    const bool good = message_send(channel, message, err);
    message_close_fds(message);
    return good;
}

static bool begin(struct simulator *simulator, const struct role *role, struct error *err)
{
    const char *const folder = role->config->data_dir;

    simulator->program = getenv("TUMORD_SIMULATOR");
    simulator->message = calloc(1, sizeof *simulator->message);
    simulator->stored = calloc((size_t)MOST * MOST, sizeof *simulator->stored);
    simulator->result = calloc((size_t)MOST * MOST, 3);
    return (simulator->message != NULL && simulator->stored != NULL && simulator->result != NULL
            && text_format(simulator->script, sizeof simulator->script, "%s/run/hardware.in", folder)
            && text_format(simulator->output, sizeof simulator->output, "%s/run/hardware.out", folder))
        || error_set(err, ERROR_MEMORY, "no memory to start");
}

int simulator_main(const struct role *role)
{
    struct pollfd channel[ROLE_MAX_WORKERS];
    struct simulator simulator = { .program = NULL };
    struct error err;

    bool good = begin(&simulator, role, &err);
    for (size_t i = 0; i < role->channel_count; i++)
        channel[i] = (struct pollfd){ .fd = role->channel[i], .events = POLLIN };
    if (good)
        role_ready();
    while (good && !role_stopping()) {
        if (poll(channel, role->channel_count, -1) < 0)
            continue;                           /* a signal: stopping says which */
        for (size_t i = 0; good && i < role->channel_count; i++)
            if (channel[i].revents != 0)
                good = serve(&simulator, role->channel[i], &err);
    }
    if (!good)
        log_error("hardware ends reason=\"%s\"", err.text);
    free(simulator.message);
    free(simulator.stored);
    free(simulator.result);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
