/*
 * Log: one line an event, 'process: what happened key=value'. Jobs by number, peers by AE
 * title, patients never. Controls in values become '?'. Writing never blocks for long: what a
 * full pipe refuses is counted and told with the next line that passes.
 */
#ifndef TUMORD_DAEMON_LOG_H
#define TUMORD_DAEMON_LOG_H

#include "daemon/config.h"

void log_open(const char *process, enum log_level level, enum log_target target);
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
