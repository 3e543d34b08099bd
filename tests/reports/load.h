/* Load: a folder of DICOM files as a volume, for tests on real series. */
#ifndef TUMORD_TESTS_REPORTS_LOAD_H
#define TUMORD_TESTS_REPORTS_LOAD_H

#include <stdbool.h>

struct arena;
struct error;
struct volume;

/* All files are one series; its volume lies in the arena. */
bool load_series(const char *folder, struct arena *arena, struct volume *ret_volume,
                 struct error *err);

#endif
