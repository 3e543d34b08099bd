/* Planar: pictures (volume.planar) are looked at one by one, and told together. */
#ifndef TUMORD_ANALYSIS_PLANAR_H
#define TUMORD_ANALYSIS_PLANAR_H

#include <stdbool.h>

#include "analysis/methods.h"

struct arena;
struct error;
struct findings;

/*
 * Runs the task's method on each picture as if it were alone, so that nothing connects two of them. The
 * regions of all are counted, and the largest told; their volume_mm3, and the total, are areas in mm².
 */
bool planar_run(const struct methods_task *task, struct arena *arena, struct findings *ret_findings,
                struct error *err);

#endif
