/* The table of layers. */
#include "nn/layers/layers.h"

#define ACTIVATION_ROW(name, ...) &nn_activation_##name.ops.entry,

/* clang-format off */
static const nn_entry *const rows[] = {
    &nn_layer_add.entry,
    &nn_layer_attention.entry,
    &nn_layer_avg_pool.entry,
    &nn_layer_batch_norm.entry,
    &nn_layer_concat.entry,
    &nn_layer_conv2d.entry,
    &nn_layer_conv_transpose2d.entry,
    &nn_layer_dense.entry,
    &nn_layer_dropconnect.entry,
    &nn_layer_dropout.entry,
    &nn_layer_embedding.entry,
    &nn_layer_flatten.entry,
    &nn_layer_global_avg_pool.entry,
    &nn_layer_glu.entry,
    &nn_layer_graph_conv.entry,
    &nn_layer_group_norm.entry,
    &nn_layer_gru.entry,
    &nn_layer_layer_norm.entry,
    &nn_layer_lstm.entry,
    &nn_layer_max_pool.entry,
    &nn_layer_maxout.entry,
    &nn_layer_mean.entry,
    &nn_layer_multiply.entry,
    &nn_layer_pad.entry,
    &nn_layer_positions.entry,
    &nn_layer_prelu.entry,
    &nn_layer_repeat.entry,
    &nn_layer_reshape.entry,
    &nn_layer_residual.entry,
    &nn_layer_rms_norm.entry,
    &nn_layer_rnn.entry,
    &nn_layer_slice.entry,
    &nn_layer_transpose.entry,
    &nn_layer_softmax.entry,
    &nn_layer_upsample.entry,
    NN_ACTIVATION_LAYERS(ACTIVATION_ROW) NULL};
/* clang-format on */

const nn_family nn_layers = {"layer", rows};
