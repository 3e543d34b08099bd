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
#define ROLE_MAX_POOL 4
#define ROLE_MAX_LISTENERS 2

struct role {
    /* "receiver", "scheduler", "worker", "pool", "sender", "http", "hardware" */
    const char *name;
    const struct config *config;
    int number;                         /* of the worker or pool worker, from 0 */
    /*
     * scheduler: its ends of the workers' socketpairs, config->workers of them.
     * worker: channel[0] is its end; in test builds channel[1] goes to the simulated hardware, which
     * has an end for each worker. http, receiver, sender: their ends to the pool's workers
     * (daemon/pool.h), config->pool of them. pool: its ends to these three. The parent keeps
     * both ends open over restarts.
     */
    size_t channel_count;
    int channel[ROLE_MAX_WORKERS];
    /*
     * receiver: the listening DICOM socket, and that for TLS if there is one; http: the web socket, then the Unix socket of
     * tumorctl. Made by the parent, so that a restart refuses nobody.
     */
    int listener[ROLE_MAX_LISTENERS];
};

/* The signals and descriptors of a role; `config_fd` holds the configuration as a dump, and
 * `ready_fd` takes one byte. Both stay open here; -1: there is none (tests). */
void role_begin(const char *name, int config_fd, int ready_fd);

/* The role serves from now on: the start of the node waits for receiver and scheduler. */
void role_ready(void);

/* SIGTERM or SIGINT came: finish what runs and return. Set by a handler; poll with EINTR. The
 * parent repeats its SIGTERM, so that one which falls between a look and a poll is no loss. */
bool role_stopping(void);

/*
 * SIGHUP came: the new configuration, once; NULL otherwise. Receiver and scheduler are told,
 * the other roles are restarted. It lives as long as the process, since whoever is in the middle
 * of something still looks at the old one.
 */
const struct config *role_reloaded(void);

/* Each returns the process's exit status. */
int receiver_main(const struct role *role);
int scheduler_main(const struct role *role);
int worker_main(const struct role *role);     /* worker and pool */
int sender_main(const struct role *role);
int http_main(const struct role *role);
int simulator_main(const struct role *role);  /* hardware; in builds with the simulated one */

#endif
