/*
 * Register real series of 22 slices, 6.5 mm apart. Their maker had laid them on each other, so that
 * what is found without a motion is his error and ours; with one it must be the same and the motion.
 */
#include "analysis/register.h"

#include <math.h>
#include <stdio.h>

#include "tests/reports/load.h"
#include "tests/runner.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/volume.h"

#define BRAIN "dicom/mr_brain_tumour_siemens_pgbm003/"

static struct error err;

/* The error in mm of the centre, and in degrees, when the moving patient lies `shift` away. */
static double error_of(const struct volume *fixed, const struct volume *moving,
                       const double shift[3], struct arena *arena, double *ret_degrees)
{
    struct volume away = *moving;
    struct registration found;
    double there[3], sum = 0;

    for (int axis = 0; axis < 3; axis++)
        away.affine[axis][3] += shift[axis];
    CU_ASSERT_FATAL(register_rigid(fixed, &away, 2, arena, &found, &err));
    register_apply(found.matrix, found.center_mm, there);
    *ret_degrees = 0;
    for (int axis = 0; axis < 3; axis++) {
        sum += pow(there[axis] - found.center_mm[axis] - shift[axis], 2);
        *ret_degrees = fmax(*ret_degrees, fabs(found.angle_degrees[axis]));
    }
    return sqrt(sum);
}

static void sequences_with_thick_slices_are_found_again(void)
{
    static const char *const others[] = { BRAIN "t1pre_reg", BRAIN "t2_reg", BRAIN "flair_reg" };
    const double still[3] = { 0, 0, 0 }, far[3] = { 6, -8, 10 };
    struct volume fixed, moving;
    char folder[4096];

    if (!runner_data_path(BRAIN "t1post", folder, sizeof folder))
        return;
    struct arena *const arena = arena_new((size_t)256 << 20, &err);
    CU_ASSERT_FATAL(arena != NULL && load_series(folder, arena, &fixed, &err));
    for (size_t n = 0; n < sizeof others / sizeof *others; n++) {
        const size_t mark = arena_mark(arena);
        double degrees, again;
        if (!runner_data_path(others[n], folder, sizeof folder))
            return;
        CU_ASSERT_FATAL(load_series(folder, arena, &moving, &err));
        const double mm = error_of(&fixed, &moving, still, arena, &degrees);
        const double far_mm = error_of(&fixed, &moving, far, arena, &again);
        CU_ASSERT(mm < 0.5 && far_mm < 0.5 && degrees < 0.5 && again < 0.5);
        printf("    %s: %.2f mm, from 14 mm away %.2f mm\n", others[n], mm, far_mm);
        arena_rewind(arena, mark);
    }
    arena_free(arena);
}

static const struct runner_test tests[] = {
    TEST(sequences_with_thick_slices_are_found_again),
    { NULL, NULL }
};

const struct runner_suite suite_register = { "register", tests };
