/* Scaled dot-product attention, head by head: y = softmax(scale q k^T) v. The scores never stand in
 * memory as a whole: tiles of them are made, used and forgotten, and made once more by backward
 * (Dao et al. 2022, Dao 2023). A head of one sample is computed by one thread in an order that only
 * the sizes decide, by kernels whose sums have the order of their index. */
#ifndef NN_NN_LAYERS_ATTENTION_ATTENTION_H
#define NN_NN_LAYERS_ATTENTION_ATTENTION_H

#include "base/numbers/rng.h"
#include "nn/layers/layer.h"

/* Rows of a matrix, that of step t of sample b being number b * steps + t. */
typedef struct nn_attention_rows {
    nn_real *at;
    size_t stride; /* elements from one row to the next */
} nn_attention_rows;

typedef struct nn_attention {
    const nn_compute *compute;
    size_t batch, queries, keys; /* samples; steps of q, of k and v */
    size_t past;                 /* steps before the first query, of whose own step is a key */
    size_t heads, kv_heads;      /* each kv head serves heads / kv_heads neighbouring heads */
    size_t dim;                  /* numbers of a head */
    const int32_t *length;       /* [batch] steps that count; NULL: all */
    bool causal;                 /* a query sees the keys up to its own step */
    double rate;                 /* of dropout on the weights ... */
    uint64_t seed, place;        /* ... a function of these, ... */
    const int64_t *sample;       /* ... [batch] these, head, key and query */
    nn_attention_rows q, k, v, y;
    nn_real *max, *inverse; /* [batch][heads][queries] what forward leaves for backward */
    /* backward: dy is read, the others written */
    nn_attention_rows dy, dq, dk, dv;
    nn_real *scratch; /* [nn_attention_scratch] */
} nn_attention;

/* Elements, for any call of up to as many samples. */
size_t nn_attention_scratch(const nn_attention *a);

/* 0 for queries behind the end of a sequence, and where there are no keys. */
void nn_attention_forward(const nn_attention *a);
void nn_attention_backward(const nn_attention *a);

#endif
