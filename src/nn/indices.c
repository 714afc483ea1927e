#include "nn/indices.h"

#include "nn/inner.h"
#include "nn/layers/layers.h"
#include "nn/layers/shape/user_order.h"

#include <string.h>

enum {
    DEPTH = 64,     /* layers that are followed */
    EXACT = 1 << 24 /* float32 holds every whole number up to there */
};

static bool only_moves(const nn_layer *layer) {
    static const nn_layer_ops *const ops[] = {&nn_layer_flatten, &nn_layer_reshape, &nn_layer_slice,
                                              &nn_layer_transpose};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (layer->ops == ops[i])
            return true;
    return false;
}

typedef struct walk {
    nn_real *place, *in; /* [numbers of a sample] */
    nn_real *scratch;    /* what a layer that only moves takes, at most */
} walk;

/* Where each number that a layer gives stands in the sample, to w->place. The layers find it out
 * themselves: they are given a sample that holds the places of its numbers. false: they are
 * computed. */
static bool follow(const walk *w, const nn_layer *layer, int depth) {
    size_t count = nn_shape_count(&layer->out);
    if (nn_layer_is_input(layer)) {
        for (size_t i = 0; i < count; i++)
            w->place[i] = (nn_real)i;
        return true;
    }
    if (depth == DEPTH || !only_moves(layer) || !follow(w, layer->input[0], depth + 1))
        return false;
    memcpy(w->in, w->place, nn_shape_count(&layer->in[0]) * sizeof *w->in);
    nn_layer_forward(layer,
                     &(nn_io){.batch = 1, .x = {w->in}, .y = w->place, .scratch = w->scratch});
    return true;
}

static void note(int32_t *limit, int64_t vocabulary) {
    if (*limit == 0 || vocabulary < *limit)
        *limit = (int32_t)vocabulary;
}

static void note_layer(const walk *w, const nn_layer *layer, int32_t *limit) {
    size_t count = nn_shape_count(&layer->in[0]);
    bool direct = nn_layer_is_input(layer->input[0]);
    if (!direct && !(w->place && follow(w, layer->input[0], 0)))
        return;
    for (size_t i = 0; i < count; i++)
        note(&limit[direct ? i : (size_t)w->place[i]], layer->vocabulary);
}

static bool any(const int32_t *limit, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (limit[i])
            return true;
    return false;
}

int nn_model_indices(const nn_model *model, nn_pool *pool, const int32_t **limit) {
    size_t count = nn_shape_count(&model->layer[0]->out);
    size_t room = nn_align_count(count, sizeof(nn_real));
    int32_t *found = NULL;
    nn_real *block = NULL;
    walk w = {0};
    *limit = NULL;
    for (size_t i = 1; i < model->layers; i++) {
        if (!model->layer[i]->vocabulary)
            continue;
        if (!found && !(found = nn_pool_alloc(pool, count * sizeof *found)))
            return NN_EMEMORY;
        if (!block && count <= EXACT) {
            NN_TRY(NN_NEW(&block, 5 * room, "places of a sample's numbers"));
            w = (walk){block, block + room, block + 2 * room};
        }
        note_layer(&w, model->layer[i], found);
    }
    nn_free(block);
    if (found && any(found, count))
        *limit = found;
    return 0;
}
