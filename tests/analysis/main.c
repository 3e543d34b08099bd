#include "tests/runner.h"

extern const struct runner_suite suite_ball;
extern const struct runner_suite suite_distance;
extern const struct runner_suite suite_features;
extern const struct runner_suite suite_fixed;
extern const struct runner_suite suite_fixed_chain;
extern const struct runner_suite suite_gauss;
extern const struct runner_suite suite_given;
extern const struct runner_suite suite_grid;
extern const struct runner_suite suite_kernels;
extern const struct runner_suite suite_laid;
extern const struct runner_suite suite_mesh;
extern const struct runner_suite suite_methods;
extern const struct runner_suite suite_number;
extern const struct runner_suite suite_onto;
extern const struct runner_suite suite_quality;
extern const struct runner_suite suite_organ_methods;
extern const struct runner_suite suite_organs;
extern const struct runner_suite suite_resample;
extern const struct runner_suite suite_spread;
extern const struct runner_suite suite_pet;
extern const struct runner_suite suite_planar;
extern const struct runner_suite suite_register;
extern const struct runner_suite suite_regions;
extern const struct runner_suite suite_split;
extern const struct runner_suite suite_synthesis;
extern const struct runner_suite suite_truth;
extern const struct runner_suite suite_uptake;
extern const struct runner_suite suite_voi;

int main(int argc, char **argv)
{
    static const struct runner_suite *const suites[] = {
        &suite_ball,
        &suite_distance,
        &suite_features,
        &suite_fixed,
        &suite_fixed_chain,
        &suite_gauss,
        &suite_given,
        &suite_grid,
        &suite_kernels,
        &suite_laid,
        &suite_mesh,
        &suite_methods,
        &suite_number,
        &suite_onto,
        &suite_quality,
        &suite_organ_methods,
        &suite_organs,
        &suite_resample,
        &suite_spread,
        &suite_pet,
        &suite_planar,
        &suite_register,
        &suite_regions,
        &suite_split,
        &suite_synthesis,
        &suite_truth,
        &suite_uptake,
        &suite_voi,
        NULL
    };

    return runner_main(argc, argv, suites);
}
