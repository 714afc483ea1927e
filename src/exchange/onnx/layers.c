/* The table of layers in ONNX. */
#include "nn/layers/layers.h"

#include "exchange/onnx/graph.h"

#define ACTIVATION(name) &nn_activation_##name.ops.entry

const nn_onnx_layer nn_onnx_layers[] = {
    {&nn_layer_dense.entry, nn_onnx_dense, NULL},
    {&nn_layer_dropconnect.entry, nn_onnx_dense, NULL},
    {&nn_layer_dropout.entry, nn_onnx_dropout, NULL},
    {&nn_layer_embedding.entry, nn_onnx_embedding, NULL},
    {&nn_layer_flatten.entry, nn_onnx_to_shape, NULL},
    {&nn_layer_reshape.entry, nn_onnx_to_shape, NULL},
    {&nn_layer_add.entry, NULL, "Sum"},
    {&nn_layer_multiply.entry, nn_onnx_multiply, NULL},
    {&nn_layer_concat.entry, nn_onnx_concat, NULL},
    {&nn_layer_graph_conv.entry, nn_onnx_graph_conv, NULL},
    {&nn_layer_conv2d.entry, nn_onnx_conv2d, NULL},
    {&nn_layer_max_pool.entry, nn_onnx_max_pool, NULL},
    {&nn_layer_avg_pool.entry, nn_onnx_avg_pool, NULL},
    {&nn_layer_global_avg_pool.entry, nn_onnx_global_avg_pool, NULL},
    {&nn_layer_batch_norm.entry, nn_onnx_batch_norm, NULL},
    {&nn_layer_layer_norm.entry, nn_onnx_layer_norm, NULL},
    {&nn_layer_rnn.entry, nn_onnx_recurrent, "RNN"},
    {&nn_layer_lstm.entry, nn_onnx_recurrent, "LSTM"},
    {&nn_layer_gru.entry, nn_onnx_recurrent, "GRU"},
    {&nn_layer_softmax.entry, NULL, "Softmax"},
    {&nn_layer_maxout.entry, nn_onnx_maxout, NULL},
    {&nn_layer_prelu.entry, nn_onnx_prelu, NULL},
    {ACTIVATION(identity), NULL, "Identity"},
    {ACTIVATION(sign), NULL, "Sign"},
    {ACTIVATION(step), nn_onnx_step, NULL},
    {ACTIVATION(sigmoid), NULL, "Sigmoid"},
    {ACTIVATION(logistic), NULL, "Sigmoid"},
    {ACTIVATION(tanh), NULL, "Tanh"},
    {ACTIVATION(relu), NULL, "Relu"},
    {ACTIVATION(leaky_relu), nn_onnx_slope, "LeakyRelu"},
    {ACTIVATION(elu), nn_onnx_slope, "Elu"},
    {ACTIVATION(softplus), NULL, "Softplus"},
    {ACTIVATION(swish), nn_onnx_swish, NULL},
    {ACTIVATION(gelu), nn_onnx_gelu, NULL},
    {ACTIVATION(gelu_tanh), nn_onnx_gelu_tanh, NULL},
    {ACTIVATION(gelu_sigmoid), nn_onnx_swish, NULL},
    {NULL, NULL, NULL},
};
