/* The embedded defaults: etc/tumord.yaml, turned into config_default.c by the makefile. */
#ifndef TUMORD_DAEMON_CONFIG_DEFAULT_H
#define TUMORD_DAEMON_CONFIG_DEFAULT_H

#include <stddef.h>

extern const unsigned char config_default_text[];
extern const size_t config_default_size;

#endif
