/* The BLAS: OpenBLAS, brought into the state that training wants, or, with NN_BLAS, another one. */
#ifndef NN_MATH_GEMM_BLAS_H
#define NN_MATH_GEMM_BLAS_H

#include "base/error.h"

#include <stdbool.h>

#define NN_BLAS_NAME 128

/* All empty with another BLAS. */
typedef struct nn_blas_report {
    char found[32];  /* the kernel type OpenBLAS chose when it was loaded */
    char wanted[32]; /* what this processor supports, "" when that is what was found */
    char used[32];   /* the kernel type from now on */
    bool mended;
    bool user_set; /* OPENBLAS_CORETYPE stood in the environment and was left alone */
} nn_blas_report;

/* Checks that the OpenMP build is loaded (NN_EUSAGE names the package otherwise) and, where
 * OpenBLAS took the processor for an older one, switches it to the right kernels in place. Call
 * it before the first product; later calls, of any thread, return the first report. Local. */
int nn_blas_init(nn_blas_report *report);

/* "OpenBLAS 0.3.21 (SkylakeX)". Valid after nn_blas_init. Local. */
void nn_blas_name(char out[NN_BLAS_NAME]);

#endif
