/* Where activations, their gradients and saved state live: buffers of tensors that are not alive at
 * the same time share memory. Time runs 0 ... n-1 through the forward calls, n at the loss, and on
 * through those of back-propagation (nn_layer_plan.backward_at, again_at). */
#include "nn/inner.h"
#include "nn/layers/shape/user_order.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
        input->plan->consumers > 1 || input->plan->segment != layer->plan->segment)
        return false;
    return !training || !((layer->flags & NN_LAYER_READS_X) || (input->flags & NN_LAYER_READS_Y));
}

static bool shares_gradient(const nn_layer *layer) {
    const nn_layer *input = layer->input[0];
    return (layer->flags & NN_LAYER_IN_PLACE) && input->plan->learns && input->plan->consumers == 1;
}

/* y of the layer is read in one of its lives. */
static void read_at(const nn_layer *layer, size_t moment, size_t end[NN_LIVES]) {
    const struct nn_layer_plan *plan = layer->plan;
    bool again = plan->again && moment > plan->again_at;
    size_t *of_life = &end[again ? NN_LIFE_AGAIN : NN_LIFE_FIRST];
    *of_life = later(*of_life, moment);
}

/* The last moments of the lives of y of layer i. */
static void find_ends(const nn_model *model, size_t i, bool training, size_t end[NN_LIVES]) {
    const nn_layer *layer = model->layer[i];
    size_t n = model->layers;
    end[NN_LIFE_FIRST] = i + 1 == n ? n : i;
    end[NN_LIFE_AGAIN] = layer->plan->again_at;
    if (training && nn_layer_reads_back(layer, NN_LAYER_READS_Y))
        read_at(layer, layer->plan->backward_at, end);
    for (size_t c = i + 1; c < n; c++) {
        const nn_layer *consumer = model->layer[c];
        if (!nn_layer_reads(consumer, layer))
            continue;
        read_at(layer, c, end);
        if (consumer->plan->again)
            read_at(layer, consumer->plan->again_at, end);
        if (training && nn_layer_reads_back(consumer, NN_LAYER_READS_X))
            read_at(layer, consumer->plan->backward_at, end);
    }
}

static void add_outputs(nn_model *model, size_t batch, bool training, struct layout *layout,
                        struct buffer **owner) {
    for (size_t i = 1; i < model->layers; i++) {
        nn_layer *layer = model->layer[i];
        struct nn_layer_plan *plan = layer->plan;
        size_t begin[NN_LIVES] = {i, plan->again_at}, end[NN_LIVES];
        find_ends(model, i, training, end);
        if (training && nn_output_is_divided(model, layer))
            end[NN_LIFE_FIRST] = plan->backward_at; /* by then its back-propagation is complete */
        for (size_t life = 0; life < (plan->again ? NN_LIVES : 1); life++) {
            struct buffer **y = owner + life * model->layers;
            if (runs_in_place(layer, training)) {
                y[i] = y[layer->input[0]->index];
                y[i]->end = later(y[i]->end, end[life]);
            } else {
                y[i] = add(layout, nn_output_elements(model, layer, batch), begin[life], end[life],
                           &plan->y[life]);
            }
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
            dy[i]->end = layer->plan->backward_at;
        } else {
            size_t begin = consumer ? consumer->plan->backward_at : n;
            dy[i] = add(layout, nn_output_elements(model, layer, batch), begin,
                        layer->plan->backward_at, &layer->plan->dy);
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
    add(layout, levels * largest, model->layers, model->moments, &model->tree);
}

/* Forward writes it also where only that which is made again is read. */
static void add_saved(const nn_layer *layer, size_t batch, bool training, struct layout *layout) {
    struct nn_layer_plan *plan = layer->plan;
    size_t i = (size_t)layer->index, count = bytes_to_elements(batch * layer->save_bytes);
    bool is_read = training && plan->learns && !plan->again;
    if (count == 0)
        return;
    add(layout, count, i, is_read ? plan->backward_at : i, &plan->save[NN_LIFE_FIRST]);
    if (plan->again)
        add(layout, count, plan->again_at, plan->backward_at, &plan->save[NN_LIFE_AGAIN]);
}

static void add_working_memory(nn_model *model, size_t batch, bool training,
                               struct layout *layout) {
    size_t n = model->layers, scratch = 0, edge[NN_MAX_INPUTS] = {0};
    for (size_t i = 1; i < n; i++) {
        nn_layer *layer = model->layer[i];
        size_t end = training ? layer->plan->backward_at : i;
        add_saved(layer, batch, training, layout);
        if (layer->keep_bytes)
            add(layout, calls_of(model, layer) * nn_layer_keep_elements(layer), i, end,
                &layer->plan->keep);
        if (layer->constant_count)
            add(layout, layer->constant_count, 0, model->moments, &layer->plan->constants);
        if (training && nn_tie_elements(layer))
            add(layout, calls_of(model, layer) * nn_tie_elements(layer), end,
                nn_tie_end(model, layer), &layer->plan->tied);
        scratch = later(scratch, nn_user_order_elements(layer, batch, training) +
                                     bytes_to_elements(layer->scratch_bytes));
        for (size_t k = 0; k < layer->inputs; k++)
            if (layer->input[k]->plan->consumers > 1 && layer->input[k]->plan->learns)
                edge[k] = later(edge[k], batch * nn_shape_count(&layer->in[k]));
    }
    add(layout, scratch, 0, model->moments, &model->scratch);
    for (size_t k = 0; training && k < NN_MAX_INPUTS; k++)
        add(layout, edge[k], n, model->moments, &model->edge[k]);
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

/* Layers that share a buffer learn where its owner's was placed; what has one life is in the other,
 * too. */
static void follow_shared(nn_model *model, bool training) {
    for (size_t i = 1; i < model->layers; i++) {
        struct nn_layer_plan *plan = model->layer[i]->plan;
        if (runs_in_place(model->layer[i], training))
            memcpy(plan->y, model->layer[i]->input[0]->plan->y, sizeof plan->y);
        if (plan->again)
            continue;
        plan->y[NN_LIFE_AGAIN] = plan->y[NN_LIFE_FIRST];
        plan->save[NN_LIFE_AGAIN] = plan->save[NN_LIFE_FIRST];
    }
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

/* Cuts the model into segments of up to `most` elements, and lays its buffers out in one block:
 * fills the offsets, *elements is its size. */
static int lay_out_segments(nn_model *model, size_t batch, bool training, size_t most,
                            size_t *elements) {
    size_t n = model->layers;
    struct layout layout = {0};
    struct buffer **owner = NULL;
    int rc;
    NN_TRY_GOTO(nn_model_make_segments(model, batch, most));
    NN_TRY_GOTO(NN_NEW(&owner, (NN_LIVES + 1) * n, "buffer plan"));
    NN_TRY_GOTO(NN_NEW(&layout.buffer, 8 * n + NN_MAX_INPUTS + 2, "buffer plan"));
    add_outputs(model, batch, training, &layout, owner);
    if (training)
        add_gradients(model, batch, &layout, owner + NN_LIVES * n);
    add_working_memory(model, batch, training, &layout);
    *elements = place(&layout);
    follow_shared(model, training);
done:
    nn_free(layout.buffer);
    nn_free(owner);
    return rc;
}

/* Few large segments pass little on and have much memory within, many small ones do the reverse:
 * several sizes are tried, from that of all layers down. *best: the one of the least block. */
static int try_segments(nn_model *model, size_t batch, size_t *best) {
    size_t all = 0, largest = 1, least = SIZE_MAX, elements;
    for (size_t i = 1; i < model->layers; i++) {
        size_t own = nn_working_elements(model, model->layer[i], batch);
        all += own;
        largest = later(largest, own);
    }
    for (size_t most = all; most >= largest; most -= most / 4 + 1) {
        NN_TRY(lay_out_segments(model, batch, true, most, &elements));
        if (elements / 2 > least) /* smaller ones take more and more */
            break;
        if (elements < least) {
            least = elements;
            *best = most;
        }
    }
    return 0;
}

static int lay_out(nn_model *model, size_t batch, bool training, size_t *elements) {
    size_t most = training && model->recompute == NN_RECOMPUTE_LAYERS ? 0 : SIZE_MAX;
    NN_TRY(check_sizes(model, batch));
    NN_TRY(prepare_layers(model, batch, training));
    if (training && model->recompute == NN_RECOMPUTE_BLOCKS)
        NN_TRY(try_segments(model, batch, &most));
    return lay_out_segments(model, batch, training, most, elements);
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
        plan->dy_at = model->block + plan->dy;
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

void nn_model_set_recompute(nn_model *model, nn_recompute what) {
    model->recompute = what;
}

void nn_model_set_microbatches(nn_model *model, size_t count, size_t rows, size_t stride) {
    model->microbatches = count;
    model->microbatch_rows = rows;
    model->grads_stride = stride;
}
