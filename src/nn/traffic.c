#include "nn/traffic.h"

#include "nn/inner.h"
#include "nn/layers/layers.h"

static double weights_of(const nn_layer *layer) {
    double weights = 0;
    for (size_t i = 0; i < layer->params; i++)
        weights += layer->param[i].table ? 0 : (double)layer->param[i].count;
    return weights;
}

/* Nothing moves where input and output share memory. */
static bool is_view(const nn_layer *layer) {
    return (layer->flags & NN_LAYER_IN_PLACE) &&
           (layer->ops == &nn_layer_flatten || layer->ops == &nn_layer_reshape);
}

nn_layer_traffic nn_model_traffic(const nn_layer *layer, double rows, double gradients) {
    double in = 0, dx = 0, weights = weights_of(layer);
    double out = rows * (double)nn_shape_count(&layer->out);
    for (size_t i = 0; i < layer->inputs; i++) {
        double count = rows * (double)nn_shape_count(&layer->in[i]);
        in += count;
        dx += layer->input[i]->plan->learns ? count : 0;
    }
    nn_layer_traffic moved = {0};
    if (is_view(layer))
        return moved;
    moved.forward = in + out + weights;
    if (!layer->plan->learns)
        return moved;
    moved.backward = out + dx + (dx > 0 ? weights : 0);
    moved.backward += layer->flags & NN_LAYER_READS_X ? in : 0;
    moved.backward += layer->flags & NN_LAYER_READS_Y ? out : 0;
    moved.backward += nn_layer_wants_grads(layer) ? gradients * weights : 0;
    return moved;
}
