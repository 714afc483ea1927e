/* Blocks: the parts of tensors that the updater takes a look at, one after the other. Small enough
 * that what one look brings into the cache is still there for the next one. Norms are sums of
 * blocks' sums in the order of the vector, so that they do not depend on the number of threads, nor
 * on that of ranks where their slices are whole cells. */
#ifndef NN_TRAIN_STEP_BLOCKS_H
#define NN_TRAIN_STEP_BLOCKS_H

#include "comm/reduce/reduce.h"
#include "nn/model.h"

#define NN_BLOCK NN_PARTITION_CELL /* elements, at most */

/* Part of one tensor, in one of this rank's slices. */
typedef struct nn_block {
    size_t tensor, begin, count; /* place in the list of parameters; elements of the vector */
    bool own;                    /* this rank takes the step on it, else another node does: */
    size_t at;                   /* of the first element in the share */
    size_t number;               /* among the blocks of all ranks */
} nn_block;

typedef struct nn_blocks {
    nn_block *block; /* [count] in the order of the vector; tensors that do not learn have none */
    size_t *tensor;  /* [all] of each block of all ranks */
    size_t count, all;
} nn_blocks;

/* Those of a model whose vector the reducer divides; both are not needed any more. NN_EMEMORY; to
 * be released after a failure, too. Local. */
int nn_blocks_init(nn_blocks *blocks, const nn_model *model, const nn_reducer *reducer);
void nn_blocks_release(nn_blocks *blocks);

/* The first block that ends behind element `begin` of the vector; `count`: none. */
size_t nn_blocks_find(const nn_blocks *blocks, size_t begin);
/* The part of block i that is in a slice; false: the slice, or the list, ends before it. */
bool nn_blocks_part(const nn_blocks *blocks, size_t i, const nn_slice *slice, nn_block *part);

#endif
