/* Maxout (Goodfellow et al. 2013): unit u is the largest of the k inputs u k ... u k + k - 1, so
 * after a dense layer it is max_k (w_k x + b_k). The gradient goes to the largest, the first one on
 * a tie. */
#include "nn/layers/layers.h"

struct maxout {
    int64_t k;
};

static const nn_option maxout_options[] = {
    {"k", NN_OPT_INT, offsetof(struct maxout, k), "2", "[2, 65535]", "inputs of each unit"},
    NN_OPTION_END};

static int maxout_plan(nn_layer *layer) {
    const struct maxout *o = layer->options;
    int last = layer->in[0].rank - 1;
    if (layer->in[0].dim[last] % o->k)
        return nn_layer_fail(layer,
                             "the last dimension, %lld, is no multiple of k = %lld; give the layer "
                             "before it k times the units",
                             (long long)layer->in[0].dim[last], (long long)o->k);
    layer->out = layer->in[0];
    layer->out.dim[last] /= o->k;
    layer->flags = NN_LAYER_USER_ORDER;
    layer->save_bytes = nn_shape_count(&layer->out) * sizeof(uint16_t);
    return 0;
}

static void maxout_forward(const nn_layer *layer, const nn_io *io) {
    size_t k = (size_t)((const struct maxout *)layer->options)->k;
    size_t units = io->batch * nn_shape_count(&layer->out);
    uint16_t *winner = io->save;
    for (size_t u = 0; u < units; u++) {
        const nn_real *z = io->x[0] + u * k;
        size_t best = 0;
        for (size_t i = 1; i < k; i++)
            best = z[i] > z[best] ? i : best;
        io->y[u] = z[best];
        winner[u] = (uint16_t)best;
    }
}

static void maxout_backward(const nn_layer *layer, const nn_io *io) {
    if (!io->dx[0])
        return;
    size_t k = (size_t)((const struct maxout *)layer->options)->k;
    size_t units = io->batch * nn_shape_count(&layer->out);
    const uint16_t *winner = io->save;
    for (size_t u = 0; u < units; u++)
        for (size_t i = 0; i < k; i++)
            io->dx[0][u * k + i] = i == winner[u] ? io->dy[u] : 0;
}

const nn_layer_ops nn_layer_maxout = {
    .entry = {"maxout",
              "the largest of each k neighbouring inputs of the last dimension, W of an image "
              "[C, H, W]",
              maxout_options, sizeof(struct maxout)},
    .activation = true,
    .plan = maxout_plan,
    .check_steps = nn_layer_each_step,
    .forward = maxout_forward,
    .backward = maxout_backward,
};
