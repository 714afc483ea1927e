/* Gradients that are products of rows: which there are, and whose rows are to be emitted. */
#include "nn/inner.h"

bool nn_layer_has_rows(const nn_layer *layer, size_t i) {
    const nn_param *param = &layer->param[layer->outer[i].param];
    return !layer->frozen && !param->tied && !param->shared;
}

size_t nn_model_outer_grads(const nn_model *model, nn_outer_grad *out) {
    size_t count = 0;
    for (size_t i = 1; i < model->layers; i++) {
        const nn_layer *layer = model->layer[i];
        for (size_t k = 0; k < layer->outers; k++) {
            const nn_layer_outer *o = &layer->outer[k];
            if (!nn_layer_has_rows(layer, k))
                continue;
            if (out)
                out[count] =
                    (nn_outer_grad){layer->index, k, layer->param[o->param].offset + o->at, o};
            count++;
        }
    }
    return count;
}

void nn_model_emit_rows(nn_model *model, const nn_outer_grad *grad, nn_rows_fn *sink, void *ctx,
                        size_t i) {
    struct nn_layer_plan *plan = model->layer[grad->layer]->plan;
    plan->sink = sink;
    plan->sink_ctx = ctx;
    plan->emitted[grad->outer] = true;
    plan->sink_index[grad->outer] = i;
}

bool nn_model_emits_rows(const nn_model *model, int layer, size_t outer, size_t *i) {
    const struct nn_layer_plan *plan = model->layer[layer]->plan;
    if (i)
        *i = plan->sink_index[outer];
    return plan->emitted[outer];
}
