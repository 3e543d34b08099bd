/* Listen: the node's data folder and listening sockets, made before any role is. */
#ifndef TUMORD_DAEMON_LISTEN_H
#define TUMORD_DAEMON_LISTEN_H

#include <stdbool.h>

struct error;

/* A listening TCP socket, close-on-exec and non-blocking, or -1. */
int listen_tcp(const char *address, int port, struct error *err);
/* The Unix socket at data_dir/run/tumord.sock, for owner and group; what was there goes. */
int listen_unix(const char *data_dir, struct error *err);

/* Makes the data folder and those in it, for owner and group. */
bool listen_folders(const char *data_dir, struct error *err);
/* Takes data_dir/lock; its descriptor, or -1 when another node still has it. */
int listen_lock(const char *data_dir, struct error *err);

#endif
