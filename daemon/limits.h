/* Limits: how fast a peer may send, and at what hours studies are brought from it. */
#ifndef TUMORD_DAEMON_LIMITS_H
#define TUMORD_DAEMON_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Waits until `peer` may have sent `size` bytes more at `mib_s` over all of its associations
 * together; 0 is no limit. Some hundred milliseconds of silence may be made up for.
 */
void limits_wait(const char *peer, size_t size, int mib_s);

/* "22:00-06:00" in local time, over midnight when it ends before it begins; "" is always. */
bool limits_are_hours(const char *hours);
/* Do they hold at a minute of the day (0 to 1439)? The first minute does, the last does not. */
bool limits_hold_at(const char *hours, int minute);
bool limits_hold_now(const char *hours);

#endif
