/*
 * Main: the command line. Without --role it checks the configuration and becomes the parent;
 * with it (internal, by the parent) it becomes one role.
 */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/conformance.h"
#include "daemon/fsck.h"
#include "daemon/log.h"
#include "daemon/parent.h"
#include "daemon/role.h"
#include "util/error.h"
#include "util/text.h"

enum status { STATUS_DONE, STATUS_FAILED, STATUS_USAGE, STATUS_CONFIG };

#define CONFIG_FILE TUMORD_SYSCONFDIR "/tumord.yaml"

struct options {
    const char *config;
    const char *conformance;
    bool check, dump, foreground, fsck, rebuild, verbose;
    const char *role, *number, *fds;    /* internal */
};

static void print_help(void)
{
    fputs("Usage: tumord [OPTION]...\n"
          "A DICOM node that receives studies, looks for tumours and delivers the findings.\n"
          "Research use, not for diagnosis.\n\n"
          "  -c, --config=FILE    the configuration; without it " CONFIG_FILE ",\n"
          "                       and without that the built-in defaults\n"
          "  -n, --check-config   tell every mistake of the configuration, and end\n"
          "      --dump-config    print the whole configuration, and end\n"
          "      --conformance[=text|html]\n"
          "                       print the DICOM conformance statement of this configuration\n"
          "      --fsck           compare files and index of a node that does not run, and end\n"
          "      --rebuild        make the index anew from the files, and end\n"
          "  -f, --foreground     stay in the foreground\n"
          "  -v, --verbose        log everything, whatever log.level says\n"
          "  -h, --help           print this help\n"
          "  -V, --version        print the version\n\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration.\n"
          "See tumord(8) and tumord.yaml(5).\n", stdout);
}

static int usage(void)
{
    fputs("Try 'tumord --help'.\n", stderr);
    return STATUS_USAGE;
}

/* ---- a role ---- */

static size_t parse_fds(const char *text, int *fds, size_t most)
{
    char copy[256], *rest = copy;
    size_t count = 0;
    long long value;

    if (!text_format(copy, sizeof copy, "%s", text))
        return 0;
    for (char *part = strtok_r(copy, ",", &rest); part != NULL && count < most;
         part = strtok_r(NULL, ",", &rest))
        if (text_to_int(part, 0, 1 << 20, &value))
            fds[count++] = (int)value;
    return count;
}

static struct config *read_config(int fd)
{
    char path[32];
    struct error err;

    text_format(path, sizeof path, "/proc/self/fd/%d", fd);
    struct config *const config = config_load(path, stderr, &err);
    return config;                          /* it stays open: role_reloaded() */
}

/* Of the role's own descriptors the first are listeners, the others channels. */
static size_t count_listeners(const char *role, const struct config *config)
{
    if (strcmp(role, "receiver") == 0)
        return config->tls_port != 0 ? 2 : 1;
    return strcmp(role, "http") == 0 ? 2 : 0;
}

static int serve_as(const struct role *role)
{
    if (strcmp(role->name, "receiver") == 0)
        return receiver_main(role);
    if (strcmp(role->name, "scheduler") == 0)
        return scheduler_main(role);
    if (strcmp(role->name, "worker") == 0 || strcmp(role->name, "pool") == 0)
        return worker_main(role);
    if (strcmp(role->name, "sender") == 0)
        return sender_main(role);
    if (strcmp(role->name, "http") == 0)
        return http_main(role);
#ifdef TUMORD_SIMULATED_HARDWARE
    if (strcmp(role->name, "hardware") == 0)
        return simulator_main(role);
#endif
    return usage();
}

static int run_role(const struct options *options)
{
    int fds[PARENT_FD_MAX];
    const size_t count = parse_fds(options->fds != NULL ? options->fds : "", fds,
                                   PARENT_FD_MAX);
    struct role role = { .name = options->role };
    long long number = 0;

    if (count < PARENT_FD_OWN || options->number == NULL
        || !text_to_int(options->number, 0, ROLE_MAX_WORKERS - 1, &number)) {
        fputs("tumord: --role is for the node itself\n", stderr);
        return usage();
    }
    struct config *const config = read_config(fds[PARENT_FD_CONFIG]);
    if (config == NULL)
        return STATUS_CONFIG;
    const size_t channels = PARENT_FD_OWN + count_listeners(options->role, config);
    role.config = config;
    role.number = (int)number;
    for (size_t i = PARENT_FD_OWN; i < channels && i < count; i++)
        role.listener[i - PARENT_FD_OWN] = fds[i];
    for (size_t i = channels; i < count; i++)
        role.channel[role.channel_count++] = fds[i];
    role_begin(role.name, fds[PARENT_FD_CONFIG], fds[PARENT_FD_READY]);
    log_open(role.name, config->log_level, config->log_target);
    const int status = serve_as(&role);
    config_free(config);
    return status;
}

/* ---- the node ---- */

/* In the child: returns. In the shell's process: waits for readiness or the end, and exits. */
static int detach(void)
{
    char byte;
    int ends[2], status = 0;

    if (pipe(ends) != 0)
        return -1;
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        setsid();
        return ends[1];
    }
    close(ends[1]);
    if (pid < 0)
        return -1;
    ssize_t got;
    do
        got = read(ends[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got == 1)
        _exit(STATUS_DONE);
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED);
}

static void close_terminal(void)
{
    if (freopen("/dev/null", "r", stdin) == NULL || freopen("/dev/null", "w", stdout) == NULL)
        return;                             /* what is left open does no harm */
}

static int run_node(struct config *config, const struct options *options)
{
    struct parent_options parent = { .verbose = options->verbose, .ready_fd = -1 };
    char *const full = options->config != NULL ? realpath(options->config, NULL) : NULL;

    parent.config_path = full != NULL ? full : options->config;
    if (options->verbose)
        config->log_level = LOG_LEVEL_DEBUG;
    if (!options->foreground) {
        parent.ready_fd = detach();
        if (parent.ready_fd < 0) {
            fprintf(stderr, "tumord: cannot go to the background: %s\n", strerror(errno));
            config_free(config);
            free(full);
            return STATUS_FAILED;
        }
        close_terminal();
    }
    const int status = parent_main(config, &parent);
    free(full);
    return status;
}

/* On a node that does not run: status 0 when all is whole, 1 otherwise. */
static int check_files(struct config *config, bool rebuild)
{
    struct error err;
    struct fsck_counts counts;

    log_open("fsck", config->log_level, config->log_target);
    const bool good = fsck_run(config, rebuild, stdout, &counts, &err);
    config_free(config);
    if (!good) {
        fprintf(stderr, "tumord: %s\n", err.text);
        return STATUS_FAILED;
    }
    printf("%ld objects and %ld results are whole, %ld damaged, %ld missing, %ld not in the "
           "index\n", counts.objects, counts.results, counts.damaged, counts.missing,
           counts.unknown);
    return counts.damaged + counts.missing + counts.unknown == 0 ? STATUS_DONE : STATUS_FAILED;
}

static int print_conformance(struct config *config, const char *format)
{
    struct error err;
    const bool html = strcmp(format, "html") == 0;

    if (!html && strcmp(format, "text") != 0) {
        fprintf(stderr, "tumord: --conformance is in text or html, not in %s\n", format);
        config_free(config);
        return usage();
    }
    const bool good = conformance_write(config, html ? CONFORMANCE_HTML : CONFORMANCE_TEXT,
                                        stdout, &err);
    config_free(config);
    if (!good)
        fprintf(stderr, "tumord: %s\n", err.text);
    return good ? STATUS_DONE : STATUS_FAILED;
}

static int print_config(const struct config *config)
{
    struct error err;

    if (config_dump(config, stdout, &err) && fflush(stdout) == 0)
        return STATUS_DONE;
    fprintf(stderr, "tumord: the configuration cannot be printed: %s\n", err.text);
    return STATUS_FAILED;
}

static int run(struct options *options)
{
    struct error err;

    if (options->config == NULL && access(CONFIG_FILE, F_OK) == 0)
        options->config = CONFIG_FILE;
    struct config *const config = config_load(options->config, stderr, &err);
    if (config == NULL) {
        fprintf(stderr, "tumord: %s\n", err.text);
        return STATUS_CONFIG;
    }
    if (options->conformance != NULL)
        return print_conformance(config, options->conformance);
    if (options->fsck || options->rebuild)
        return check_files(config, options->rebuild);
    if (!options->check && !options->dump)
        return run_node(config, options);
    const int status = options->dump ? print_config(config) : STATUS_DONE;
    config_free(config);
    return status;
}

enum { OPTION_CONFORMANCE = 256, OPTION_DUMP, OPTION_FSCK, OPTION_REBUILD, OPTION_ROLE, OPTION_NUMBER, OPTION_FDS };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "check-config", no_argument, NULL, 'n' },
    { "conformance", optional_argument, NULL, OPTION_CONFORMANCE },
    { "dump-config", no_argument, NULL, OPTION_DUMP },
    { "foreground", no_argument, NULL, 'f' },
    { "fsck", no_argument, NULL, OPTION_FSCK },
    { "rebuild", no_argument, NULL, OPTION_REBUILD },
    { "verbose", no_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { "role", required_argument, NULL, OPTION_ROLE },
    { "number", required_argument, NULL, OPTION_NUMBER },
    { "fds", required_argument, NULL, OPTION_FDS },
    { NULL, 0, NULL, 0 }
};

/* Returns a status when there is nothing left to do, -1 otherwise. */
static int take_option(int option, struct options *options)
{
    switch (option) {
    case 'c': options->config = optarg; return -1;
    case 'n': options->check = true; return -1;
    case OPTION_CONFORMANCE: options->conformance = optarg != NULL ? optarg : "text"; return -1;
    case OPTION_DUMP: options->dump = true; return -1;
    case OPTION_FSCK: options->fsck = true; return -1;
    case OPTION_REBUILD: options->rebuild = true; return -1;
    case 'f': options->foreground = true; return -1;
    case 'v': options->verbose = true; return -1;
    case OPTION_ROLE: options->role = optarg; return -1;
    case OPTION_NUMBER: options->number = optarg; return -1;
    case OPTION_FDS: options->fds = optarg; return -1;
    case 'h': print_help(); return STATUS_DONE;
    case 'V': puts("tumord " PACKAGE_VERSION); return STATUS_DONE;
    default: return usage();
    }
}

int main(int argc, char **argv)
{
    struct options options = { .config = NULL };
    int option, status;

    while ((option = getopt_long(argc, argv, "c:nfvhV", long_options, NULL)) != -1)
        if ((status = take_option(option, &options)) >= 0)
            return status;
    if (optind < argc) {
        fprintf(stderr, "tumord: %s is no option\n", argv[optind]);
        return usage();
    }
    return options.role != NULL ? run_role(&options) : run(&options);
}
