/*
 * Guard: a way back out of a library whose assertions are on, when what it decodes fails one.
 * Without it the process would end.
 */
#ifndef TUMORD_DICOM_GUARD_H
#define TUMORD_DICOM_GUARD_H

#include <stdbool.h>

/*
 * Calls `run` and gives what it says; false too when an assertion failed in it, on this
 * thread: ret_failed tells. What `run` had in hand then must be reachable by `context`.
 */
bool guard_run(bool (*run)(void *context), void *context, bool *ret_failed);

#endif
