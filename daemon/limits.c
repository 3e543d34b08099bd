/* Limits: one time a peer at which all that it sent is paid for. */
#include "daemon/limits.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/text.h"

#define PEERS 64                /* beyond it the one that was quiet longest is forgotten */
#define BURST_NS 250000000LL

static struct {
    char peer[65];
    int64_t paid_ns;            /* CLOCK_MONOTONIC */
} account[PEERS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t account_of(const char *peer)
{
    size_t oldest = 0;

    for (size_t i = 0; i < PEERS; i++) {
        if (strcmp(account[i].peer, peer) == 0)
            return i;
        if (account[i].paid_ns < account[oldest].paid_ns)
            oldest = i;
    }
    text_format(account[oldest].peer, sizeof account[oldest].peer, "%s", peer);
    account[oldest].paid_ns = 0;
    return oldest;
}

void limits_wait(const char *peer, size_t size, int mib_s)
{
    if (mib_s <= 0)
        return;
    const int64_t now = now_ns(), cost = (int64_t)((double)size * 1e9 / ((double)mib_s * 1048576));

    pthread_mutex_lock(&mutex);
    const size_t i = account_of(peer);
    if (account[i].paid_ns < now - BURST_NS)
        account[i].paid_ns = now - BURST_NS;
    account[i].paid_ns += cost;
    const int64_t wait = account[i].paid_ns - now;
    pthread_mutex_unlock(&mutex);
    if (wait > 0)
        nanosleep(&(struct timespec){ wait / 1000000000, wait % 1000000000 }, NULL);
}

static bool read_hours(const char *hours, int *ret_from, int *ret_to)
{
    int from[2], to[2], length = 0;

    if (sscanf(hours, "%2d:%2d-%2d:%2d%n", &from[0], &from[1], &to[0], &to[1], &length) != 4
        || length != 11 || hours[length] != '\0' || from[0] < 0 || from[0] > 23 || from[1] < 0
        || from[1] > 59 || to[0] < 0 || to[0] > 23 || to[1] < 0 || to[1] > 59)
        return false;
    *ret_from = from[0] * 60 + from[1];
    *ret_to = to[0] * 60 + to[1];
    return *ret_from != *ret_to;
}

bool limits_are_hours(const char *hours)
{
    int from, to;

    return hours[0] == '\0' || read_hours(hours, &from, &to);
}

bool limits_hold_at(const char *hours, int minute)
{
    int from, to;

    if (!read_hours(hours, &from, &to))
        return true;
    return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

bool limits_hold_now(const char *hours)
{
    const time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    return limits_hold_at(hours, local.tm_hour * 60 + local.tm_min);
}
