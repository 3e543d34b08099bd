/* Role: what every role has of signals, and the way in which it hears of its parent. */
#include "daemon/role.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/log.h"
#include "util/error.h"
#include "util/text.h"

static volatile sig_atomic_t stopping, reloading;
static int role_config_fd = -1, role_ready_fd = -1;

static void on_signal(int number)
{
    if (number == SIGHUP)
        reloading = 1;
    else
        stopping = 1;
}

/* Without SA_RESTART, so that a poll or a read ends with EINTR. */
static void handle(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void role_begin(const char *name, int config_fd, int ready_fd)
{
    char shown[32];
    sigset_t none;

    role_config_fd = config_fd;
    role_ready_fd = ready_fd;
    text_format(shown, sizeof shown, "tumord:%s", name);
    prctl(PR_SET_NAME, shown);              /* ps shows the first 15 bytes */
    handle(SIGTERM, on_signal);
    handle(SIGINT, on_signal);
    handle(SIGHUP, on_signal);
    handle(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void role_ready(void)
{
    if (role_ready_fd < 0)
        return;
    if (write(role_ready_fd, "r", 1) != 1)
        log_warning("the parent does not hear that we are ready");
    close(role_ready_fd);
    role_ready_fd = -1;
}

bool role_stopping(void)
{
    return stopping != 0;
}

const struct config *role_reloaded(void)
{
    char path[64];
    struct error err;

    if (reloading == 0 || role_config_fd < 0)
        return NULL;
    reloading = 0;
    text_format(path, sizeof path, "/proc/self/fd/%d", role_config_fd);
    const struct config *const config = config_load(path, NULL, &err);
    if (config == NULL)
        log_error("configuration kept reason=\"%s\"", err.text);
    return config;
}
