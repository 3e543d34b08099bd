/*
 * Sandbox: what a role gives up before it serves. There is no way back out of it.
 *
 * A worker may compute, take memory, start threads, and use the descriptors that it has or
 * gets over its channel. Anything else (a socket, a file by its name, another program, another
 * process) ends it with SIGSYS. The serving roles keep files and sockets, and lose whatever
 * starts programs or looks into other processes.
 */
#ifndef TUMORD_DAEMON_SANDBOX_H
#define TUMORD_DAEMON_SANDBOX_H

#include <stdbool.h>

struct config;
struct error;

/* Takes the address space of analysis.max_memory_mib and a slack. Files that are needed later
 * (fonts, dictionaries, the time zone) must be open before. */
bool sandbox_worker(const struct config *config, struct error *err);
bool sandbox_server(const struct config *config, struct error *err);

/*
 * For tests of the running node (TUMORD_TEST_WORKER): tries "socket", "connect", "execve" or
 * "openat", which the sandbox must end, or does "abort" or "spin". Returns only if it lives.
 */
void sandbox_self_test(const char *what);

#endif
