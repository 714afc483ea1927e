/* The plain recurrent layer (Elman 1990). */
#include "nn/layers/recurrent/recurrent.h"

static const nn_option rnn_options[] = {
    NN_RECURRENT_OPTIONS,
    {"nonlinearity", NN_OPT_CHOICE, offsetof(nn_recurrent, nonlinearity), "tanh", "tanh|relu", "f"},
    NN_OPTION_END};

static const nn_cell rnn_cell = {
    .gates = 1,
    .blocks = 1,
    .parts = 1,
    .part = {{.row = 0, .block = 0, .count = 1}},
    .kernel = {offsetof(nn_kernels, rnn_tanh), offsetof(nn_kernels, rnn_relu)}};

static int rnn_plan(nn_layer *layer) {
    return nn_recurrent_plan(layer, &rnn_cell);
}

const nn_layer_ops nn_layer_rnn = {
    .entry = {"rnn", "Elman's recurrent layer: h <- f(W x + b + U h + b')", rnn_options,
              sizeof(nn_recurrent)},
    .plan = rnn_plan,
    .check_steps = nn_recurrent_check_steps,
    .prepare = nn_recurrent_prepare,
    .work = nn_recurrent_work,
    .work_dx = nn_recurrent_work_dx,
    .forward = nn_recurrent_forward,
    .backward = nn_recurrent_backward,
    .rows = nn_recurrent_rows,
};
