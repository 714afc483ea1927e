/* How numbers are sorted. */
#ifndef NN_BASE_NUMBERS_COMPARE_H
#define NN_BASE_NUMBERS_COMPARE_H

/* For qsort: rising, by the double that an element begins with. */
int nn_compare_reals(const void *a, const void *b);

#endif
