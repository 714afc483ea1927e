/* Gated recurrent unit (Cho et al. 2014), the reset gate behind the product with W_hh as in
 * PyTorch. Gates in PyTorch's order: reset, update, new; what W_hh and bias_hh give for the new
 * gate is a block of its own, because the reset gate multiplies it. */
#include "nn/layers/recurrent/recurrent.h"

static const nn_cell gru_cell = {
    .gates = 3,
    .blocks = 4,
    .parts = 2,
    .part = {{.row = 0, .block = 0, .count = 2}, {.row = 2, .block = 3, .count = 1}},
    .kernel = {offsetof(nn_kernels, gru)}};

static int gru_plan(nn_layer *layer) {
    return nn_recurrent_plan(layer, &gru_cell);
}

const nn_layer_ops nn_layer_gru = {
    .entry = {"gru",
              "gated recurrent unit: r, z = sigmoid(W x + U h + b), "
              "n = tanh(W x + b + r (U h + b')), h <- (1 - z) n + z h",
              nn_recurrent_options, sizeof(nn_recurrent)},
    .plan = gru_plan,
    .check_steps = nn_recurrent_check_steps,
    .prepare = nn_recurrent_prepare,
    .work = nn_recurrent_work,
    .work_dx = nn_recurrent_work_dx,
    .forward = nn_recurrent_forward,
    .backward = nn_recurrent_backward,
    .rows = nn_recurrent_rows,
};
