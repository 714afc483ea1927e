/* Which of two numbers is smaller. */
#ifndef NN_BASE_NUMBERS_COMPARE_H
#define NN_BASE_NUMBERS_COMPARE_H

#include <stddef.h>

static inline size_t nn_smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t nn_larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* For qsort: rising, by the double that an element begins with. */
int nn_compare_reals(const void *a, const void *b);

#endif
