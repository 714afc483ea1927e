#include "train/step/max_norm.h"

#include "math/kernels.h"

#include <math.h>

/* Of weights of one unit that follow each other in memory. */
static double square_run(size_t run, const nn_real *w) {
    return run == 1 ? (double)*w * (double)*w : nn_kernels_get()->sum_squares(run, w);
}

/* Of at most UNITS units. */
#define UNITS 64
static void limit_some(const nn_param *param, double bound, size_t first, size_t last, nn_real *w) {
    size_t stride[NN_PARAM_RANK], units = (size_t)param->dim[0];
    double sum[UNITS] = {0};
    nn_param_strides(param, stride);
    size_t run = stride[0];
    for (size_t at = 0; at < param->count; at += units * run)
        for (size_t unit = first; unit < last; unit++)
            sum[unit - first] += square_run(run, w + at + unit * run);
    for (size_t at = 0; at < param->count; at += units * run)
        for (size_t unit = first; unit < last; unit++)
            if (sum[unit - first] > bound * bound)
                nn_kernels_get()->scale(run, (nn_real)(bound / sqrt(sum[unit - first])),
                                        w + at + unit * run);
}

void nn_limit_norms(const nn_param *param, double bound, size_t first, size_t last, nn_real *w) {
    for (size_t next; first < last; first = next) {
        next = last - first < UNITS ? last : first + UNITS;
        limit_some(param, bound, first, next, w);
    }
}
