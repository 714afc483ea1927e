#include "math/conv/parts.h"

#include "math/parallel.h"

/* Parts of a sum over samples that do not depend on the number of threads: how many at most, and
 * the points of the output that are worth one, since it has to be cleared and added up. */
#define FIXED_PARTS 16
#define FIXED_POINTS 1024

static double work_of(const conv_view *v, size_t batch) {
    return (double)batch * (double)v->out_image * (double)v->terms;
}

size_t conv_threads(const conv_view *v, size_t batch) {
    double most = work_of(v, batch) / NN_THREAD_WORK, threads = (double)v->conv->threads;
    return most < 1 ? 1 : (size_t)(most < threads ? most : threads);
}

static size_t fixed_parts(const conv_view *v, size_t batch) {
    size_t points = batch * v->out_image / v->conv->filters, parts = 1;
    while (parts < FIXED_PARTS && points >= 2 * FIXED_POINTS * parts &&
           work_of(v, batch) >= 2 * NN_THREAD_WORK * (double)parts)
        parts *= 2;
    return parts;
}

size_t conv_parts(const conv_view *v, size_t batch) {
    size_t parts =
        nn_compute_fixed_parts(v->conv->compute) ? fixed_parts(v, batch) : conv_threads(v, batch);
    return nn_larger(1, nn_smaller(nn_smaller(parts, batch), v->conv->parts));
}
