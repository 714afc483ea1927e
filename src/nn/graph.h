/* The inside of a model, shared by graph.c (configuration to graph), buffers.c (memory) and model.c
 * (running it). */
#ifndef NN_NN_GRAPH_H
#define NN_NN_GRAPH_H

#include "nn/initializers/initializer.h"
#include "nn/model.h"

/* What a model keeps about each of its layers. */
struct nn_layer_plan {
    /* initialisers: row and bound options */
    const nn_initializer_ops *init, *bias_init; /* init NULL: chosen by what follows */
    void *init_options, *bias_init_options;
    bool symmetric; /* identical units are wanted */
    bool learns;    /* it or a layer before it has parameters: back-propagation comes here */

    size_t consumers;
    nn_layer *consumer; /* the last one added */

    /* offsets into the buffer block, in elements; set by nn_buffers_plan */
    size_t y, dy, save, keep;
    /* pointers behind them; y of the input layer is the caller's x */
    nn_real *y_at, *dy_at;
    void *save_at, *keep_at;
    nn_rows_fn *rows; /* nn_model_hand_over; NULL: backward computes all gradients */
    size_t rows_index;
    bool grad_written; /* back-propagation: dy already holds another consumer's share */
};

struct nn_model {
    nn_pool pool;
    nn_layer **layer; /* [0] is the input, the last one the output; in order of execution */
    size_t layers, capacity;
    const nn_param **param;
    size_t params;
    size_t size;

    nn_real *weights, *grads; /* the caller's */
    const nn_compute *compute;
    size_t batch;
    nn_real *block; /* all buffers */
    size_t edge[NN_MAX_INPUTS], scratch;

    /* nn_model_set_microbatches; parts 0: there are none */
    size_t parts, part_rows, grads_stride;
    size_t tree, tree_stride; /* [levels][tree_stride] gradients of a layer on their way up */

    nn_layer_time *times; /* nn_model_time, or NULL */
};

/* Lays the buffers of a batch out in one block: fills the offsets, *elements is its size. */
int nn_buffers_plan(nn_model *model, size_t batch, bool training, size_t *elements);

/* Binds the initialiser that `node` names (NULL: left alone); `options` is owned by `pool`. */
int nn_initializer_bind(nn_pool *pool, const nn_node *node, const nn_initializer_ops **ops,
                        void **options);

/* Gives every parameter without an initialiser its default and refuses those that would keep the
 * units of a hidden layer identical. */
int nn_model_choose_initializers(nn_model *model);

/* Elements of the arena that the layer's parameters take, and of one call's `keep`. */
size_t nn_layer_grad_count(const nn_layer *layer);
size_t nn_layer_keep_elements(const nn_layer *layer);

/* Called once for each microbatch. Layers without parameters compute every row by itself, so that
 * it would change nothing. */
static inline bool nn_layer_takes_microbatches(const nn_layer *layer) {
    return layer->params > 0 && !(layer->flags & NN_LAYER_WHOLE);
}

/* The pseudo-layer that stands for the data. */
static inline bool nn_layer_is_input(const nn_layer *layer) {
    return layer->inputs == 0;
}

#endif
