/* Where activations, their gradients and saved state live: buffers of tensors that are not alive at
 * the same time share memory. Time runs 0 ... n-1 through the forward calls, n at the loss, and
 * 2n - i is the backward call of layer i. */
#include "nn/inner.h"
#include "nn/layers/user_order.h"

#include <stdlib.h>

struct buffer {
    size_t count;      /* elements */
    size_t begin, end; /* first and last moment it is needed */
    size_t *offset;    /* where the answer goes */
    size_t at;
};

struct layout {
    struct buffer *buffer;
    size_t count;
};

static size_t later(size_t a, size_t b) {
    return a > b ? a : b;
}

static struct buffer *add(struct layout *layout, size_t count, size_t begin, size_t end,
                          size_t *offset) {
    struct buffer *b = &layout->buffer[layout->count++];
    *b = (struct buffer){nn_align_count(count, sizeof(nn_real)), begin, end, offset, 0};
    return b;
}

/* y of `layer` may be overwritten by the layer that reads it. */
static bool runs_in_place(const nn_layer *layer, bool training) {
    const nn_layer *input = layer->input[0];
    if (!(layer->flags & NN_LAYER_IN_PLACE) || nn_layer_is_input(input) ||
        input->plan->consumers > 1)
        return false;
    return !training || !((layer->flags & NN_LAYER_READS_X) || (input->flags & NN_LAYER_READS_Y));
}

static bool shares_gradient(const nn_layer *layer) {
    const nn_layer *input = layer->input[0];
    return (layer->flags & NN_LAYER_IN_PLACE) && input->plan->learns && input->plan->consumers == 1;
}

/* The last moment at which y of layer i itself is read. */
static size_t last_use(const nn_model *model, size_t i, bool training) {
    const nn_layer *layer = model->layer[i];
    size_t n = model->layers, end = i + 1 == n ? n : i;
    for (size_t c = i + 1; c < n; c++)
        for (size_t k = 0; k < model->layer[c]->inputs; k++)
            if (model->layer[c]->input[k] == layer) {
                end = later(end, c);
                if (training && (model->layer[c]->flags & NN_LAYER_READS_X))
                    end = later(end, 2 * n - c);
            }
    if (training && (layer->flags & NN_LAYER_READS_Y))
        end = later(end, 2 * n - i);
    return end;
}

static void add_outputs(nn_model *model, size_t batch, bool training, struct layout *layout,
                        struct buffer **y) {
    size_t n = model->layers;
    for (size_t i = 1; i < n; i++) {
        nn_layer *layer = model->layer[i];
        size_t end = last_use(model, i, training);
        if (training && nn_output_is_divided(model, layer))
            end = 2 * n - i; /* by then its back-propagation is complete */
        if (runs_in_place(layer, training)) {
            y[i] = y[layer->input[0]->index];
            y[i]->end = later(y[i]->end, end);
        } else {
            y[i] = add(layout, nn_output_elements(model, layer, batch), i, end, &layer->plan->y);
        }
    }
}

/* dy of layer i is written from its last consumer's backward call on and read in its own. */
static void add_gradients(nn_model *model, size_t batch, struct layout *layout,
                          struct buffer **dy) {
    size_t n = model->layers;
    for (size_t i = n; i-- > 0;) {
        nn_layer *layer = model->layer[i];
        const nn_layer *consumer = layer->plan->consumer;
        if (consumer && !layer->plan->learns)
            continue;
        if (consumer && shares_gradient(consumer)) {
            dy[i] = dy[consumer->index];
            dy[i]->end = 2 * n - i;
        } else {
            size_t begin = consumer ? 2 * n - (size_t)consumer->index : n;
            dy[i] = add(layout, nn_output_elements(model, layer, batch), begin, 2 * n - i,
                        &layer->plan->dy);
        }
    }
}

static size_t bytes_to_elements(size_t bytes) {
    return (bytes + sizeof(nn_real) - 1) / sizeof(nn_real);
}

/* Calls of a layer in one pass. */
static size_t calls_of(const nn_model *model, const nn_layer *layer) {
    return model->microbatches && nn_layer_takes_microbatches(layer) ? model->microbatches : 1;
}

/* One gradient of the largest layer for each level of the tree over a shard's microbatches. */
static void add_tree(nn_model *model, struct layout *layout) {
    size_t levels = 0, largest = 0;
    for (size_t i = 1; i < model->layers; i++)
        largest = later(largest, nn_layer_grad_count(model->layer[i]));
    while ((size_t)1 << levels < model->microbatches)
        levels++;
    model->tree_stride = largest;
    add(layout, levels * largest, model->layers, 2 * model->layers, &model->tree);
}

static void add_working_memory(nn_model *model, size_t batch, bool training,
                               struct layout *layout) {
    size_t n = model->layers, scratch = 0, edge[NN_MAX_INPUTS] = {0};
    for (size_t i = 1; i < n; i++) {
        nn_layer *layer = model->layer[i];
        size_t end = training ? 2 * n - i : i;
        if (layer->save_bytes)
            add(layout, bytes_to_elements(batch * layer->save_bytes), i, end, &layer->plan->save);
        if (layer->keep_bytes)
            add(layout, calls_of(model, layer) * nn_layer_keep_elements(layer), i, end,
                &layer->plan->keep);
        if (layer->constant_count)
            add(layout, layer->constant_count, 0, 2 * n, &layer->plan->constants);
        if (training && nn_tie_elements(layer))
            add(layout, calls_of(model, layer) * nn_tie_elements(layer), end,
                nn_tie_end(model, layer), &layer->plan->tied);
        scratch = later(scratch, nn_user_order_elements(layer, batch, training) +
                                     bytes_to_elements(layer->scratch_bytes));
        for (size_t k = 0; k < layer->inputs; k++)
            if (layer->input[k]->plan->consumers > 1 && layer->input[k]->plan->learns)
                edge[k] = later(edge[k], batch * nn_shape_count(&layer->in[k]));
    }
    add(layout, scratch, 0, 2 * n, &model->scratch);
    for (size_t k = 0; training && k < NN_MAX_INPUTS; k++)
        add(layout, edge[k], n, 2 * n, &model->edge[k]);
    if (training)
        add_tree(model, layout);
}

static bool in_conflict(const struct buffer *a, const struct buffer *b) {
    return a->begin <= b->end && b->begin <= a->end;
}

/* The lowest place for buffer i beside those already placed. */
static size_t lowest_place(const struct layout *layout, size_t i) {
    const struct buffer *b = &layout->buffer[i];
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t k = 0; k < i; k++) {
            const struct buffer *other = &layout->buffer[k];
            if (in_conflict(b, other) && at < other->at + other->count &&
                other->at < at + b->count) {
                at = other->at + other->count;
                moved = true;
            }
        }
    }
    return at;
}

static int larger_first(const void *a, const void *b) {
    const struct buffer *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->offset < y->offset ? -1 : 1;
}

static size_t place(struct layout *layout) {
    size_t total = 0;
    qsort(layout->buffer, layout->count, sizeof *layout->buffer, larger_first);
    for (size_t i = 0; i < layout->count; i++) {
        struct buffer *b = &layout->buffer[i];
        b->at = lowest_place(layout, i);
        *b->offset = b->at;
        total = later(total, b->at + b->count);
    }
    return total;
}

/* Layers that share a buffer learn where its owner's was placed. */
static void follow_shared(nn_model *model, bool training) {
    for (size_t i = 1; i < model->layers; i++)
        if (runs_in_place(model->layer[i], training))
            model->layer[i]->plan->y = model->layer[i]->input[0]->plan->y;
    for (size_t i = model->layers; i-- > 0;) {
        nn_layer *layer = model->layer[i];
        if (layer->plan->consumer && shares_gradient(layer->plan->consumer))
            layer->plan->dy = layer->plan->consumer->plan->dy;
    }
}

static int check_sizes(const nn_model *model, size_t batch) {
    for (size_t i = 0; i < model->layers; i++)
        if (!nn_shape_fits(&model->layer[i]->out, batch))
            return nn_fail(NN_EMEMORY,
                           "the outputs of layer '%s' for a minibatch of %zu samples do not fit "
                           "into any memory",
                           model->layer[i]->name, batch);
    return 0;
}

static int prepare_layers(nn_model *model, size_t batch, bool training) {
    for (size_t i = 1; i < model->layers; i++) {
        nn_layer *layer = model->layer[i];
        size_t rows = model->microbatches && nn_layer_takes_microbatches(layer)
                          ? model->microbatch_rows
                          : batch;
        layer->microbatches = model->microbatches ? model->microbatches : 1;
        if (layer->ops->prepare)
            NN_TRY(layer->ops->prepare(layer, rows, training));
    }
    return 0;
}

/* Lays the buffers of a batch out in one block: fills the offsets, *elements is its size. */
static int lay_out(nn_model *model, size_t batch, bool training, size_t *elements) {
    size_t n = model->layers;
    struct layout layout = {0};
    struct buffer **owner;
    NN_TRY(check_sizes(model, batch));
    NN_TRY(prepare_layers(model, batch, training));
    NN_TRY(NN_NEW(&owner, 2 * n, "buffer plan"));
    int rc = NN_NEW(&layout.buffer, 6 * n + NN_MAX_INPUTS + 2, "buffer plan");
    if (rc < 0)
        goto done;
    struct buffer **y = owner, **dy = owner + n;
    add_outputs(model, batch, training, &layout, y);
    if (training)
        add_gradients(model, batch, &layout, dy);
    add_working_memory(model, batch, training, &layout);
    *elements = place(&layout);
    follow_shared(model, training);
done:
    nn_free(layout.buffer);
    nn_free(owner);
    return rc;
}

int nn_model_buffer_bytes(nn_model *model, size_t batch, bool training, size_t *bytes) {
    NN_TRY(lay_out(model, batch, training, bytes));
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
    NN_TRY(lay_out(model, batch, grads != NULL, &elements));
    NN_TRY(NN_NEW(&model->block, elements + 1, "activations"));
    model->layer[0]->plan->dy_at = model->block + model->layer[0]->plan->dy;
    for (size_t i = 1; i < model->layers; i++) {
        nn_layer *layer = model->layer[i];
        struct nn_layer_plan *plan = layer->plan;
        plan->y_at = model->block + plan->y;
        plan->dy_at = model->block + plan->dy;
        plan->save_at = model->block + plan->save;
        plan->keep_at = model->block + plan->keep;
        layer->constants = model->block + plan->constants;
        if (layer->constant_count)
            layer->ops->fill(layer, model->block + plan->constants);
    }
    return 0;
}

void nn_model_use(nn_model *model, nn_real *params) {
    model->weights = params;
}

void nn_model_set_microbatches(nn_model *model, size_t count, size_t rows, size_t stride) {
    model->microbatches = count;
    model->microbatch_rows = rows;
    model->grads_stride = stride;
}
