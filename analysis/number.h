/*
 * Number: elementary functions from additions, multiplications and divisions alone. A C
 * library chooses its own by the processor and rounds differently on another one; results
 * here must be the same bits everywhere. Errors are a few units in the last place.
 */
#ifndef TUMORD_ANALYSIS_NUMBER_H
#define TUMORD_ANALYSIS_NUMBER_H

double number_exp(double x);        /* from -700 to 700; beyond, as there */
double number_log(double x);        /* of a positive, normal number */
double number_sin(double x);        /* radians, some turns at most */
double number_cos(double x);

#endif
