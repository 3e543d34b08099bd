/*
 * Conformance: the DICOM conformance statement (PS3.2) of this node, out of the running
 * configuration and the tables by which associations are negotiated and queries answered.
 */
#ifndef TUMORD_DAEMON_CONFORMANCE_H
#define TUMORD_DAEMON_CONFORMANCE_H

#include <stdbool.h>
#include <stdio.h>

struct config;
struct error;

enum conformance_format { CONFORMANCE_TEXT, CONFORMANCE_HTML };

bool conformance_write(const struct config *config, enum conformance_format format, FILE *to,
                       struct error *err);

#endif
