/*
 * Inputs: the files of a job or an errand, as a worker gets them: open descriptors, in batches
 * over its channel, and never a path.
 */
#ifndef TUMORD_DAEMON_INPUTS_H
#define TUMORD_DAEMON_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/message.h"

struct arena;
struct error;
struct series;

struct inputs {
    int channel;
    struct message *message;            /* used for asking and hearing */
    int64_t job, lease;                 /* said with every want, and checked in every answer */
    size_t count;                       /* of files in all */
    int file[MESSAGE_MAX_FDS];          /* the batch in hand */
    size_t first, held;
};

void inputs_begin(struct inputs *inputs, int channel, struct message *message, int64_t job,
                  int64_t lease, size_t count);
/* Reads file `index` into the arena; a mark before it takes it back. */
bool inputs_read(struct inputs *inputs, size_t index, struct arena *arena,
                 unsigned char **ret_bytes, size_t *ret_size, struct error *err);
/* Decodes the first `count` files into the series. */
bool inputs_load(struct inputs *inputs, size_t count, struct arena *arena, struct series *series,
                 struct error *err);
/* Decodes `count` files from `first` on. */
bool inputs_load_from(struct inputs *inputs, size_t first, size_t count, struct arena *arena,
                      struct series *series, struct error *err);
/* Closes what is in hand. */
void inputs_end(struct inputs *inputs);

#endif
