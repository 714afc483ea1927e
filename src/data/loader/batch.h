/* A minibatch as a loader gives it, and how its rows are divided. */
#ifndef NN_DATA_LOADER_BATCH_H
#define NN_DATA_LOADER_BATCH_H

#include "base/real.h"
#include "base/target.h"
#include "base/tree.h"

typedef struct nn_batch {
    size_t count;          /* rows of this rank's shard; may be 0 */
    const size_t *pass;    /* [passes + 1]: pass i has the rows [pass[i], pass[i + 1]) */
    int64_t global;        /* rows of the global minibatch */
    const nn_real *x;      /* [count][row] */
    nn_target target;      /* label or value, weight: [count * positions] */
    size_t positions;      /* targets a sample: more than 1 where each position has a label */
    const int32_t *length; /* [count] steps of each sequence that count; NULL: all of them */
    const int64_t *sample; /* [count] index in the split */
} nn_batch;

/* Rows of the batch's target. */
static inline size_t nn_batch_targets(const nn_batch *batch) {
    return batch->count * batch->positions;
}

/* Where pass or microbatch `part` of `parts` begins in a minibatch of `global` rows: they are dealt
 * as nn_even_span deals leaves, as microbatches are among the ranks. */
static inline int64_t nn_even_begin(int64_t global, int64_t parts, int64_t part) {
    return (int64_t)nn_even_span((size_t)global, (size_t)part, (size_t)parts).begin;
}

#endif
