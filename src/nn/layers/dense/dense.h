/* The options of a dense layer, which layers that are made of one begin theirs with. */
#ifndef NN_NN_LAYERS_DENSE_DENSE_H
#define NN_NN_LAYERS_DENSE_DENSE_H

#include <stdbool.h>
#include <stdint.h>

struct nn_dense {
    int64_t units;
    bool bias;
};

enum { NN_DENSE_WEIGHT, NN_DENSE_BIAS };

#endif
