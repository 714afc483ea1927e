/* Running a model: forward through the layers in order, backward through them in reverse. */
#include "math/kernels.h"
#include "nn/graph.h"

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

nn_shape nn_model_input_shape(const nn_model *model) {
    return model->layer[0]->out;
}

nn_shape nn_model_output_shape(const nn_model *model) {
    return model->layer[model->layers - 1]->out;
}

int nn_model_buffer_bytes(nn_model *model, size_t batch, bool training, size_t *bytes) {
    NN_TRY(nn_buffers_plan(model, batch, training, bytes));
    *bytes *= sizeof(nn_real);
    return 0;
}

int nn_model_bind(nn_model *model, nn_real *params, nn_real *grads, size_t batch) {
    size_t elements;
    nn_free(model->block);
    model->block = NULL;
    model->weights = params;
    model->grads = grads;
    model->batch = batch;
    NN_TRY(nn_buffers_plan(model, batch, grads != NULL, &elements));
    NN_TRY(NN_NEW(&model->block, elements + 1, "activations"));
    for (size_t i = 1; i < model->layers; i++) {
        struct nn_layer_plan *plan = model->layer[i]->plan;
        plan->y_at = model->block + plan->y;
        plan->dy_at = model->block + plan->dy;
        plan->save_at = model->block + plan->save;
        plan->keep_at = model->block + plan->keep;
    }
    return 0;
}

/* What forward and backward of a layer have in common. */
static nn_io io_of(const nn_model *model, const nn_layer *layer, const nn_pass *pass) {
    nn_io io = {.batch = pass->batch,
                .pass = pass,
                .y = layer->plan->y_at,
                .save = layer->plan->save_at,
                .keep = layer->plan->keep_at,
                .scratch = model->block + model->scratch};
    for (size_t k = 0; k < layer->inputs; k++)
        io.x[k] = layer->input[k]->plan->y_at;
    for (size_t p = 0; p < layer->params; p++)
        io.w[p] = model->weights + layer->param[p].offset;
    return io;
}

const nn_real *nn_model_forward(nn_model *model, const nn_pass *pass, const nn_real *x) {
    model->layer[0]->plan->y_at = (nn_real *)x;
    for (size_t i = 1; i < model->layers; i++) {
        const nn_layer *layer = model->layer[i];
        nn_io io = io_of(model, layer, pass);
        layer->ops->forward(layer, &io);
    }
    return model->layer[model->layers - 1]->plan->y_at;
}

nn_real *nn_model_output_grad(nn_model *model) {
    return model->layer[model->layers - 1]->plan->dy_at;
}

/* The first consumer to come back writes into dy of the input, later ones into a buffer of the edge
 * that is added to it. */
static void aim_gradients(const nn_model *model, const nn_layer *layer, nn_io *io) {
    for (size_t k = 0; k < layer->inputs; k++) {
        struct nn_layer_plan *input = layer->input[k]->plan;
        if (!input->learns)
            continue;
        io->dx[k] = input->grad_written ? model->block + model->edge[k] : input->dy_at;
        input->grad_written = true;
    }
}

static void collect_gradients(const nn_layer *layer, const nn_io *io) {
    for (size_t k = 0; k < layer->inputs; k++) {
        struct nn_layer_plan *input = layer->input[k]->plan;
        if (io->dx[k] && io->dx[k] != input->dy_at)
            nn_kernels_get()->add(io->batch * nn_shape_count(&layer->in[k]), io->dx[k],
                                  input->dy_at);
    }
}

void nn_model_backward(nn_model *model, const nn_pass *pass, nn_ready_fn *ready, void *ctx) {
    for (size_t i = 1; i < model->layers; i++)
        model->layer[i]->plan->grad_written = false;
    for (size_t i = model->layers - 1; i >= 1; i--) {
        const nn_layer *layer = model->layer[i];
        if (!layer->plan->learns)
            continue;
        nn_io io = io_of(model, layer, pass);
        io.dy = layer->plan->dy_at;
        io.g_beta = pass->accumulate ? 1 : 0;
        for (size_t p = 0; p < layer->params; p++)
            io.g[p] = model->grads + layer->param[p].offset;
        aim_gradients(model, layer, &io);
        layer->ops->backward(layer, &io);
        collect_gradients(layer, &io);
        if (layer->params && ready)
            ready(ctx, layer->param[0].offset);
    }
}
