/* Planar phantom files: a MIBG scan from the front and the back, with its truth beside it. */
#ifndef TUMORD_DAEMON_PHANTOM_PLANAR_H
#define TUMORD_DAEMON_PHANTOM_PLANAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* planar.dcm and truth.json into `folder`, as phantom_write(). */
bool phantom_planar_write(const char *folder, uint64_t seed, size_t lesions, bool organs, struct error *err);

#endif
