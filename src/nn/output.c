/* The output of a model in blocks: a last layer that is dense computes every row of a sequence by
 * itself, so outputs, loss and gradients of some rows can be dealt with before those of the next
 * ones are there, and those of a whole minibatch, rows x classes, never stand in memory. The
 * gradients of a block join those of the blocks before it in the call; blocks begin with the call,
 * so that those of a microbatch do not depend on what else the rank computes. */
#include "nn/inner.h"
#include "nn/layers/layers.h"
#include "nn/layers/shape/user_order.h"

bool nn_model_can_divide_output(const nn_model *model) {
    const nn_layer *last = model->layer[model->layers - 1];
    return last->ops == &nn_layer_dense && last->out.rank == 2;
}

void nn_model_divide_output(nn_model *model, size_t rows) {
    model->output_rows = rows;
    model->layer[model->layers - 1]->outers = 0; /* both sides would have to stand as a whole */
}

/* Elements of the last dimension. */
static size_t width_of(const nn_shape *shape) {
    return (size_t)shape->dim[shape->rank - 1];
}

bool nn_output_is_divided(const nn_model *model, const nn_layer *layer) {
    return model->output_rows > 0 && (size_t)layer->index + 1 == model->layers;
}

size_t nn_output_elements(const nn_model *model, const nn_layer *layer, size_t batch) {
    size_t all = batch * nn_shape_count(&layer->out), block;
    if (!nn_output_is_divided(model, layer))
        return all;
    block = model->output_rows * width_of(&layer->out);
    return block < all ? block : all;
}

/* The last layer as one whose samples are rows. */
static nn_layer row_layer(const nn_layer *last) {
    nn_layer layer = *last;
    layer.in[0] = (nn_shape){.rank = 1, .dim = {last->in[0].dim[1]}};
    layer.out = (nn_shape){.rank = 1, .dim = {last->out.dim[1]}};
    return layer;
}

/* Rows [begin, end) of a call. */
static nn_io block_of(const nn_layer *layer, const nn_io *call, size_t begin, size_t end) {
    const struct nn_layer_plan *plan = layer->plan;
    size_t at = begin * nn_shape_count(&layer->in[0]);
    nn_io io = *call;
    io.batch = end - begin;
    io.x[0] += at;
    io.dx[0] = io.dx[0] ? io.dx[0] + at : NULL;
    io.y = plan->y_at;
    io.dy = plan->dy_at;
    io.g_beta = begin ? 1 : call->g_beta;
    return io;
}

void nn_output_blocks(const nn_model *model, const nn_io *call, size_t micro, size_t first,
                      const nn_output_user *user) {
    const nn_layer *last = model->layer[model->layers - 1], layer = row_layer(last);
    size_t steps = (size_t)last->out.dim[0], width = width_of(&last->out);
    size_t rows = call->batch * steps, begin = 0, end;
    do {
        end = rows - begin < model->output_rows ? rows : begin + model->output_rows;
        nn_io io = block_of(&layer, call, begin, end);
        double start = nn_pass_clock(model);
        nn_layer_forward(&layer, &io);
        nn_pass_note(model, call->pass, last->index, NN_TRACE_LAYER_FORWARD, start);
        user->see(user->ctx,
                  &(nn_output_block){.micro = micro,
                                     .begin = (first * steps + begin) * width,
                                     .end = (first * steps + end) * width,
                                     .z = io.y,
                                     .dz = call->pass->training ? last->plan->dy_at : NULL});
        start = nn_pass_clock(model);
        if (call->pass->training)
            nn_layer_backward(&layer, &io);
        nn_pass_note(model, call->pass, last->index, NN_TRACE_LAYER_BACKWARD, start);
        begin = end;
    } while (begin < rows);
}
