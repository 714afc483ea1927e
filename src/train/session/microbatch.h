/* Microbatches: the fixed pieces of a global minibatch that `reproducible: true` computes one by
 * one and adds along a tree, so that nothing depends on how many ranks share them. */
#ifndef NN_TRAIN_SESSION_MICROBATCH_H
#define NN_TRAIN_SESSION_MICROBATCH_H

#include "comm/reduce/reduce.h"
#include "comm/tree_sum.h"
#include "data/loader/loader.h"
#include "nn/layers/layer.h"

typedef struct nn_microbatches {
    nn_tree tree;
    nn_tree_sum *sums;
    nn_shard_microbatches shard; /* of the last minibatch */

    nn_pool pool;
    size_t *row;
    nn_span *span;
} nn_microbatches;

/* `count` of them to a global minibatch, at least as many as ranks. Local. */
int nn_microbatches_new(nn_comm *comm, size_t count, nn_microbatches **out);
void nn_microbatches_free(nn_microbatches *m);

/* Memory for `sums`, once, for up to `most` numbers a microbatch. NN_EMEMORY. Local. */
int nn_microbatches_plan_sums(nn_microbatches *m, nn_comm *comm, size_t most);

/* Microbatches of this rank. */
static inline size_t nn_microbatches_local(const nn_microbatches *m) {
    return m->tree.local.end - m->tree.local.begin;
}

/* Where they begin and end in the shard of a minibatch; valid until the next call. */
const nn_shard_microbatches *nn_microbatches_of(nn_microbatches *m, const nn_batch *batch);

#endif
