/* How the samples of a call are divided among threads, and a sum over them into parts. */
#ifndef NN_MATH_CONV_PARTS_H
#define NN_MATH_CONV_PARTS_H

#include "math/conv/view.h"

/* The piece `part` of `parts` of [0, n). */
static inline size_t conv_begin(size_t n, size_t part, size_t parts) {
    return n * part / parts;
}

/* Threads that `batch` samples are worth. */
size_t conv_threads(const conv_view *v, size_t batch);

/* Parts that a sum over `batch` samples is divided into. */
size_t conv_parts(const conv_view *v, size_t batch);

#endif
