/* Sparse matrices in compressed rows. */
#include "math/isa/fused.h"
#include "math/isa/isa.h"

#include <string.h>

void ISA(sparse_rows)(size_t begin, size_t end, const nn_sparse *a, size_t cols, const nn_real *x,
                      nn_real *y) {
    for (size_t r = begin; r < end; r++) {
        nn_real *row = y + r * cols;
        memset(row, 0, cols * sizeof *row);
        for (size_t k = a->start[r]; k < a->start[r + 1]; k++) {
            const nn_real *from = x + (size_t)a->column[k] * cols;
            nn_real value = a->value[k];
            SIMD for (size_t c = 0; c < cols; c++) row[c] = mul_add(value, from[c], row[c]);
        }
    }
}
