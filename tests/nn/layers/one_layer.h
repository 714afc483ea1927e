/* A model of one layer, called by itself, so that dx can be looked at. */
#ifndef NN_TESTS_NN_LAYERS_ONE_LAYER_H
#define NN_TESTS_NN_LAYERS_ONE_LAYER_H

#include "small_model.h"

#include <stdlib.h>

struct net {
    struct small_model model;
    const nn_layer *layer;
    size_t batch, in, out; /* rows; numbers of a row */
    nn_real *x, *y, *dy, *dx;
    void *save, *scratch;
};

static inline nn_real *numbers(size_t count) {
    return calloc(count ? count : 1, sizeof(nn_real));
}

/* yaml is one layer, e.g. "dense: {units: 2}". */
static inline bool net_new(struct net *n, const char *yaml, size_t batch, nn_shape input) {
    const nn_layer *const *layers;
    char text[200];
    snprintf(text, sizeof text, "[%s]", yaml);
    if (!small_model_new(&n->model, text, input, NULL, &(nn_loss_spec){.batch = batch}))
        return false;
    nn_model_layers(n->model.model, &layers);
    n->layer = layers[1];
    n->batch = batch;
    n->in = nn_shape_count(&input);
    n->out = nn_shape_count(&n->layer->out);
    n->x = numbers(batch * n->in);
    n->dx = numbers(batch * n->in);
    n->y = numbers(batch * n->out);
    n->dy = numbers(batch * n->out);
    n->save = calloc(batch, n->layer->save_bytes);
    n->scratch = malloc(n->layer->scratch_bytes);
    return true;
}

static inline void net_release(struct net *n) {
    free(n->x);
    free(n->dx);
    free(n->y);
    free(n->dy);
    free(n->save);
    free(n->scratch);
    small_model_release(&n->model);
}

/* Rows [begin, end) as a call of their own. */
static inline nn_io rows_of(const struct net *n, const nn_pass *pass, size_t begin, size_t end) {
    nn_io io = {.batch = end - begin,
                .pass = pass,
                .x = {n->x + begin * n->in},
                .y = n->y + begin * n->out,
                .dy = n->dy + begin * n->out,
                .dx = {n->dx + begin * n->in},
                .g_beta = begin ? 1 : 0,
                .save = (char *)n->save + begin * n->layer->save_bytes,
                .scratch = n->scratch};
    for (size_t p = 0; p < n->layer->params; p++) {
        io.w[p] = n->model.params + n->layer->param[p].offset;
        io.g[p] = n->model.grads + n->layer->param[p].offset;
    }
    return io;
}

static inline void forward(const struct net *n, const nn_pass *pass) {
    nn_io io = rows_of(n, pass, 0, pass->batch);
    n->layer->ops->forward(n->layer, &io);
}

static inline void backward(const struct net *n, const nn_pass *pass) {
    nn_io io = rows_of(n, pass, 0, pass->batch);
    n->layer->ops->backward(n->layer, &io);
}

/* Numbers that the scripts of tests/golden compute too. */
static inline nn_real wave(double scale, double start, double step, size_t i) {
    return (nn_real)(float)(scale * sin(start + step * (double)i));
}

#endif
