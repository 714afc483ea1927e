/* From which part of a mixture each sample of a training comes: a function of its position alone,
 * so that it needs no state and is the same on every rank. */
#ifndef NN_DATA_LOADER_MIXTURE_H
#define NN_DATA_LOADER_MIXTURE_H

#include "data/dataset.h"

/* Positions are counted on from epoch to epoch. Each stretch of NN_MIXTURE_SLOTS has the same
 * order of parts: after any number of positions each part has had its share, up to about one
 * sample. */
typedef struct nn_mixture {
    size_t parts;    /* 0: no mixture */
    uint8_t *part;   /* [NN_MIXTURE_SLOTS] */
    int32_t *before; /* [NN_MIXTURE_SLOTS]: slots of the same part that come before */
    int64_t *share;  /* [parts]: slots */
} nn_mixture;

/* Shares in proportion to the weights, in whole slots. Memory is the pool's. NN_EMEMORY. */
int nn_mixture_init(nn_mixture *mixture, const double *weight, size_t parts, nn_pool *pool);

size_t nn_mixture_part(const nn_mixture *mixture, int64_t position);
/* Samples of a part before a position. */
int64_t nn_mixture_count(const nn_mixture *mixture, size_t part, int64_t position);

#endif
