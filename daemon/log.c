/* Log: a line is put together on the stack and leaves with one write. */
#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "util/text.h"

#define LINE 2048

static const char *log_process = "tumord";
static enum log_level log_level = LOG_LEVEL_NOTICE;
static enum log_target log_target = LOG_TARGET_STDERR;
static atomic_uint dropped;             /* lines that a full pipe refused */

void log_open(const char *process, enum log_level level, enum log_target target)
{
    log_process = process;
    log_level = level;
    log_target = target;
    if (target == LOG_TARGET_SYSLOG)
        openlog("tumord", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

/* A line either leaves whole or counts as dropped; a pipe takes up to PIPE_BUF at once. */
static bool put(const char *line, size_t length)
{
    ssize_t done;

    do
        done = write(STDERR_FILENO, line, length);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)length;
}

static void put_line(const char *text)
{
    char line[LINE + 64];

    const unsigned lost = atomic_exchange(&dropped, 0);
    if (lost > 0) {
        text_format(line, sizeof line, "tumord %s: log lines were dropped count=%u\n",
                    log_process, lost);
        if (!put(line, strlen(line))) {
            atomic_fetch_add(&dropped, lost + 1);
            return;
        }
    }
    text_format(line, sizeof line, "tumord %s: %s\n", log_process, text);
    if (!put(line, strlen(line)))
        atomic_fetch_add(&dropped, 1);
}

static void tell(enum log_level level, int priority, const char *format, va_list list)
{
    char raw[LINE], text[LINE];
    const int saved = errno;

    if (level <= log_level) {
        vsnprintf(raw, sizeof raw, format, list);
        text_printable(raw, text, sizeof text);
        if (log_target == LOG_TARGET_SYSLOG)
            syslog(priority, "%s: %s", log_process, text);
        else
            put_line(text);
    }
    errno = saved;
}

#define LOG_FUNCTION(name, level, priority)     \
    void name(const char *format, ...)          \
    {                                           \
        va_list list;                           \
                                                \
        va_start(list, format);                 \
        tell(level, priority, format, list);    \
        va_end(list);                           \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR, LOG_ERR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING, LOG_WARNING)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE, LOG_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG, LOG_DEBUG)
