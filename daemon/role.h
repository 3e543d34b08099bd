/*
 * Roles: the processes of the node. The parent re-executes the binary as
 * 'tumord --role=NAME', with the configuration and its channels as inherited descriptors;
 * each role's main is one file whose first lines show its rights.
 */
#ifndef TUMORD_DAEMON_ROLE_H
#define TUMORD_DAEMON_ROLE_H

#include <stdbool.h>

#include "daemon/config.h"

#define ROLE_MAX_WORKERS 16

struct role {
    const char *name;                   /* "receiver", "scheduler", "worker", "sender", "http" */
    const struct config *config;
    int number;                         /* of the worker, from 0 */
    /*
     * scheduler: its ends of the workers' socketpairs, config->workers of them.
     * worker: channel[0] is its end. The parent keeps both ends open over restarts.
     */
    int channel[ROLE_MAX_WORKERS];
    /*
     * receiver: the listening DICOM socket; http: the web socket, then the Unix socket of
     * tumorctl. Made by the parent, so that a restart refuses nobody.
     */
    int listener[2];
};

/* SIGTERM or SIGINT came: finish what runs and return. Set by a handler; poll with EINTR. */
bool role_stopping(void);

/* Each returns the process's exit status. */
int receiver_main(const struct role *role);
int scheduler_main(const struct role *role);
int worker_main(const struct role *role);
int sender_main(const struct role *role);
int http_main(const struct role *role);

#endif
