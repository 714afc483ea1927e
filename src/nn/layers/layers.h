/* The rows of the layer table; each stands in a file of its own (activations share one). */
#ifndef NN_NN_LAYERS_LAYERS_H
#define NN_NN_LAYERS_LAYERS_H

#include "math/kernels.h"
#include "nn/layers/layer.h"

/* clang-format off */
extern const nn_layer_ops
    nn_layer_add,
    nn_layer_attention,
    nn_layer_avg_pool,
    nn_layer_avg_pool1d,
    nn_layer_avg_pool3d,
    nn_layer_batch_norm,
    nn_layer_concat,
    nn_layer_conv1d,
    nn_layer_conv2d,
    nn_layer_conv3d,
    nn_layer_conv_transpose1d,
    nn_layer_conv_transpose2d,
    nn_layer_conv_transpose3d,
    nn_layer_dense,
    nn_layer_dropconnect,
    nn_layer_dropout,
    nn_layer_embedding,
    nn_layer_flatten,
    nn_layer_global_avg_pool,
    nn_layer_glu,
    nn_layer_graph_conv,
    nn_layer_group_norm,
    nn_layer_gru,
    nn_layer_layer_norm,
    nn_layer_lstm,
    nn_layer_max_pool,
    nn_layer_max_pool1d,
    nn_layer_max_pool3d,
    nn_layer_maxout,
    nn_layer_mean,
    nn_layer_multiply,
    nn_layer_pad,
    nn_layer_positions,
    nn_layer_prelu,
    nn_layer_repeat,
    nn_layer_reshape,
    nn_layer_residual,
    nn_layer_rms_norm,
    nn_layer_rnn,
    nn_layer_slice,
    nn_layer_softmax,
    nn_layer_transpose,
    nn_layer_upsample,
    nn_layer_upsample1d,
    nn_layer_upsample3d;
/* clang-format on */

/* Elementwise activations: layers whose output has the shape of their input. Those of
 * math/activations.h, and another name. */
#define NN_ACTIVATION_LAYERS(M) NN_EACH_ACTIVATION(M) M(logistic, )

typedef struct nn_activation nn_activation;
#define NN_ACTIVATION_DECLARE(name, ...) extern const nn_activation nn_activation_##name;
NN_ACTIVATION_LAYERS(NN_ACTIVATION_DECLARE)
#undef NN_ACTIVATION_DECLARE

/* A row of the layer table with what is particular to an elementwise activation. */
struct nn_activation {
    nn_layer_ops ops;
    size_t kernel;       /* offset of {forward, backward} in nn_kernels */
    unsigned reads;      /* NN_LAYER_READS_X or _Y: what the derivative is computed from */
    const char *warning; /* said when it is trained by back-propagation, or NULL */
};

#endif
