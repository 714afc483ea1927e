/* A model begins and ends, and what can be asked of it. */
#include "nn/inner.h"

int nn_model_new(nn_model **out) {
    nn_model *model;
    *out = NULL;
    NN_TRY(NN_NEW(&model, 1, "model"));
    model->description = nn_node_list(&model->pool);
    if (!model->description) {
        nn_model_free(model);
        return NN_EMEMORY;
    }
    *out = model;
    return 0;
}

nn_node *nn_model_description(const nn_model *model) {
    return model->description;
}

void nn_model_free(nn_model *model) {
    if (!model)
        return;
    nn_free(model->block);
    nn_pool_release(&model->pool);
    nn_free(model);
}

size_t nn_model_size(const nn_model *model) {
    return model->size;
}

size_t nn_model_param_count(const nn_model *model) {
    size_t count = 0;
    for (size_t i = 0; i < model->params; i++)
        count += model->param[i]->count;
    return count;
}

size_t nn_model_params(const nn_model *model, const nn_param *const **out) {
    *out = model->param;
    return model->params;
}

size_t nn_model_layers(const nn_model *model, const nn_layer *const **out) {
    *out = (const nn_layer *const *)model->layer;
    return model->layers;
}

nn_layer_work nn_model_work(const nn_layer *layer) {
    const nn_layer_ops *ops = layer->ops;
    double forward = ops->work ? ops->work(layer) : 0;
    double dx = ops->work_dx ? ops->work_dx(layer) : forward;
    if (!layer->plan->learns)
        return (nn_layer_work){.forward = forward};
    for (size_t i = 0; i < layer->inputs; i++)
        if (layer->input[i]->plan->learns)
            dx = 0;
    double gradient = nn_layer_wants_grads(layer) ? forward : 0;
    return (nn_layer_work){.forward = forward, .gradient = gradient, .delta = forward - dx};
}

nn_shape nn_model_input_shape(const nn_model *model) {
    return model->layer[0]->out;
}

nn_shape nn_model_output_shape(const nn_model *model) {
    return model->layer[model->layers - 1]->out;
}

void nn_model_learn_input(nn_model *model) {
    for (size_t i = 0; i < model->layers; i++)
        model->layer[i]->plan->learns = true;
}

int nn_model_check_lengths(const nn_model *model) {
    for (size_t i = 1; i < model->layers; i++)
        if (model->layer[i]->ops->check_lengths)
            NN_TRY(model->layer[i]->ops->check_lengths(model->layer[i]));
    return 0;
}

/* One row of y for each step of x. */
static int check_rows(const nn_layer *layer, int64_t steps) {
    char text[NN_SHAPE_TEXT];
    for (size_t i = 0; i < layer->inputs; i++)
        if (layer->in[i].dim[0] != steps)
            return nn_layer_fail(layer, "it does not read the %lld steps of the data one by one",
                                 (long long)steps);
    if (layer->out.rank == 2 && layer->out.dim[0] == steps)
        return 0;
    return nn_layer_fail(layer, "gives %s, which is not a row for each of the %lld steps",
                         nn_shape_text(&layer->out, text), (long long)steps);
}

int nn_model_check_steps(const nn_model *model) {
    int64_t steps = model->layer[0]->out.dim[0];
    for (size_t i = 1; i < model->layers; i++) {
        const nn_layer *layer = model->layer[i];
        if (!layer->ops->check_steps)
            return nn_layer_fail(layer, "it does not go through the steps of a sequence one by "
                                        "one");
        NN_TRY(layer->ops->check_steps(layer));
        NN_TRY(check_rows(layer, steps));
    }
    return 0;
}

void nn_model_set_compute(nn_model *model, const nn_compute *compute) {
    model->compute = compute;
    for (size_t i = 0; i < model->layers; i++)
        model->layer[i]->compute = compute;
}
