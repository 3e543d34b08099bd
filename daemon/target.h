/* Target: how a configured peer is called, by TLS where it says so. */
#ifndef TUMORD_DAEMON_TARGET_H
#define TUMORD_DAEMON_TARGET_H

#include <stdbool.h>

#include "dicom/association.h"

struct config;
struct config_peer;
struct error;

/* Its texts are the configuration's. Fails when the peer wants TLS and dicom.tls_* does not do. */
bool target_make(const struct config *config, const struct config_peer *peer,
                 struct association_target *ret_target, struct error *err);

#endif
