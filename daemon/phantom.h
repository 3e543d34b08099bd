/* Phantom files: a phantom as a DICOM series, with its truth beside it. */
#ifndef TUMORD_DAEMON_PHANTOM_H
#define TUMORD_DAEMON_PHANTOM_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/phantom.h"

struct error;

/*
 * Writes slice-0001.dcm … and truth.json into `folder`, which is made when it is not there.
 * The same options give the same bytes, UIDs included.
 */
bool phantom_write(const char *folder, const struct phantom_options *options,
                   size_t *ret_files, struct error *err);

#endif
