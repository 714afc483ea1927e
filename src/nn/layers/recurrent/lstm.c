/* Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al.
 * 2000). Gates in PyTorch's order: input, forget, cell, output. */
#include "nn/layers/recurrent/recurrent.h"

static const nn_cell lstm_cell = {.gates = 4,
                                  .blocks = 4,
                                  .parts = 1,
                                  .part = {{.row = 0, .block = 0, .count = 4}},
                                  .has_c = true,
                                  .kernel = {offsetof(nn_kernels, lstm)}};

static int lstm_plan(nn_layer *layer) {
    return nn_recurrent_plan(layer, &lstm_cell);
}

const nn_layer_ops nn_layer_lstm = {
    .entry = {"lstm",
              "long short-term memory: i, f, o = sigmoid(W x + U h + b), g = tanh(W x + U h + b), "
              "c <- f c + i g, h <- o tanh(c)",
              nn_recurrent_options, sizeof(nn_recurrent)},
    .plan = lstm_plan,
    .check_steps = nn_recurrent_check_steps,
    .prepare = nn_recurrent_prepare,
    .work = nn_recurrent_work,
    .work_dx = nn_recurrent_work_dx,
    .forward = nn_recurrent_forward,
    .backward = nn_recurrent_backward,
    .rows = nn_recurrent_rows,
};
