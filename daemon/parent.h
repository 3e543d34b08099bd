/* Parent: the process that holds the listeners and keeps the roles alive. */
#ifndef TUMORD_DAEMON_PARENT_H
#define TUMORD_DAEMON_PARENT_H

#include <stdbool.h>

#include "daemon/role.h"

struct config;

struct parent_options {
    const char *config_path;            /* NULL: the embedded defaults */
    bool verbose;                       /* log.level is debug, whatever the file says */
    int ready_fd;                       /* a byte is written when the node serves; -1: none */
};

/* Serves until SIGTERM; owns `config`. Returns the exit status. */
int parent_main(struct config *config, const struct parent_options *options);

/* What a role is given on its command line: --fds=, in this order. */
enum parent_fd { PARENT_FD_CONFIG, PARENT_FD_READY, PARENT_FD_LOCK, PARENT_FD_OWN,
                 PARENT_FD_MAX = PARENT_FD_OWN + ROLE_MAX_LISTENERS + ROLE_MAX_WORKERS };

#endif
