/* Config quality: the key analyses.*.quality, which says what ends an analysis, and the bounds. */
#ifndef TUMORD_DAEMON_CONFIG_QUALITY_H
#define TUMORD_DAEMON_CONFIG_QUALITY_H

#include <stdio.h>

#include "analysis/quality.h"
#include "daemon/config_node.h"

/* Reads the map at `path`. */
void config_quality_read(const struct config_node *map, const char *path,
                         struct quality_rules *rules, struct complaints *complaints);
/* One line after `indent`; nothing where all is by default. */
void config_quality_dump(const struct quality_rules *rules, const char *indent, FILE *to);

#endif
