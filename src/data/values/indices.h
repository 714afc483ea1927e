/* Numbers of samples that are indices. */
#ifndef NN_DATA_VALUES_INDICES_H
#define NN_DATA_VALUES_INDICES_H

#include "base/real.h"

#include <stddef.h>
#include <stdint.h>

/* The first of value[rows][width] that is no whole number from 0 to limit[its column] - 1, where
 * that is not 0; rows * width: there is none. Local. */
size_t nn_find_no_index(const int32_t *limit, size_t rows, size_t width, const nn_real *value);
/* "3.5 in column 2, but the model's embedding takes ...": what is wrong with it. */
#define NN_INDEX_TEXT 200
const char *nn_no_index_text(const int32_t *limit, size_t width, const nn_real *value, size_t at,
                             char text[NN_INDEX_TEXT]);

#endif
