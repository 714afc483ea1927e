/* How numbers are computed: threads, and what the bits of a product may depend on. A session has
 * one of these and passes it down to everything in it that computes, so that a process can hold
 * several that differ. Where a pointer to one is NULL, it is one thread and the default of the
 * rest. */
#ifndef NN_MATH_COMPUTE_H
#define NN_MATH_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>

/* What computes the tiles of a product: for each the library that is expected to be faster, always
 * the same one, or kernels of our own (math/gemm/chain.h). The default is the first of them unless
 * NNMPI_GEMM=openblas|onednn|own is set. */
typedef enum nn_gemm_library {
    NN_GEMM_DEFAULT,
    NN_GEMM_FASTER,
    NN_GEMM_OPENBLAS,
    NN_GEMM_ONEDNN,
    NN_GEMM_OWN
} nn_gemm_library;

typedef struct nn_compute {
    int threads;      /* of this process; below 1: 1 */
    bool fixed_parts; /* sums over samples are divided in the same way for any number of threads;
                         with own kernels their bits are the same then, too */
    nn_gemm_library library;
    bool bf16; /* products and convolutions round their factors to bfloat16, where
                  nn_kernels_bf16() is there */
} nn_compute;

static inline int nn_compute_threads(const nn_compute *compute) {
    return compute && compute->threads > 1 ? compute->threads : 1;
}

static inline bool nn_compute_fixed_parts(const nn_compute *compute) {
    return compute && compute->fixed_parts;
}

static inline bool nn_compute_bf16(const nn_compute *compute) {
    return compute && compute->bf16;
}

#endif
