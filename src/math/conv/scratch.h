/* The memory that a pass works in. */
#ifndef NN_MATH_CONV_SCRATCH_H
#define NN_MATH_CONV_SCRATCH_H

#include "base/mem.h"
#include "base/real.h"

/* Scratch memory that is dealt out from its start; `at` NULL only counts. */
typedef struct conv_scratch {
    nn_real *at;
    size_t used;
} conv_scratch;

static inline nn_real *conv_scratch_alloc(conv_scratch *scratch, size_t count) {
    nn_real *taken = scratch->at ? scratch->at + scratch->used : NULL;
    scratch->used += nn_align_count(count, sizeof(nn_real));
    return taken;
}

#endif
