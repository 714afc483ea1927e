#include "data/values/indices.h"

#include <math.h>
#include <stdio.h>

size_t nn_find_no_index(const int32_t *limit, size_t rows, size_t width, const nn_real *value) {
    for (size_t r = 0; r < rows; r++, value += width) {
        for (size_t c = 0; c < width; c++) {
            double index = (double)value[c];
            if (limit[c] && !(index >= 0 && index < limit[c] && floor(index) == index))
                return r * width + c;
        }
    }
    return rows * width;
}

const char *nn_no_index_text(const int32_t *limit, size_t width, const nn_real *value, size_t at,
                             char text[NN_INDEX_TEXT]) {
    snprintf(text, NN_INDEX_TEXT,
             "%g in column %zu, but the model's embedding takes whole numbers from 0 to %d; pad "
             "with one of them, its padding_idx for example",
             (double)value[at], at % width, limit[at % width] - 1);
    return text;
}
