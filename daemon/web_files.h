/* Web files: the page of web/, embedded by the build. */
#ifndef TUMORD_DAEMON_WEB_FILES_H
#define TUMORD_DAEMON_WEB_FILES_H

#include <stddef.h>

struct web_file {
    const char *path, *type;        /* the last one's path is NULL */
    const unsigned char *bytes;
    const size_t *size;
};
extern const struct web_file web_files[];

#endif
