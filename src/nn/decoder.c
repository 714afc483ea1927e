#include "nn/decoder.h"

#include "nn/inner.h"

#include <string.h>

#define MANY 16 /* steps that are computed together where there are so many */

/* Two plans of one model share parameters and caches. */
struct nn_decoder {
    nn_model *one, *many; /* for passes of a step, and of several; NULL: a context has too few */
    size_t context, features, outputs;
    size_t batch, rows, past;
    char *cache;       /* of all layers, [batch] each */
    nn_real *x, *last; /* [batch][MANY][features], [batch][outputs] */
};

static size_t cache_bytes(const nn_decoder *d, const nn_layer *layer) {
    return nn_align_count(d->batch * layer->cache_bytes, 1);
}

static int allocate(nn_decoder *d) {
    size_t total = 0;
    for (size_t i = 1; i < d->one->layers; i++)
        total += cache_bytes(d, d->one->layer[i]);
    NN_TRY(NN_NEW(&d->cache, total + 1, "what the steps before have left"));
    NN_TRY(NN_NEW(&d->x, d->batch * MANY * d->features, "steps"));
    return NN_NEW(&d->last, d->batch * d->outputs, "outputs of a step");
}

static int bind(nn_decoder *d, nn_model *model, const nn_compute *compute, nn_real *params) {
    char *at = d->cache;
    for (size_t i = 1; i < model->layers; i++) {
        model->layer[i]->plan->cache_at = at;
        at += cache_bytes(d, model->layer[i]);
    }
    nn_model_set_compute(model, compute);
    return nn_model_bind(model, params, NULL, d->batch);
}

static int build(nn_decoder *d, nn_node *layers, const char *fused, const nn_model *whole,
                 const nn_compute *compute, nn_real *params) {
    nn_shape input = nn_model_input_shape(whole), output = nn_model_output_shape(whole);
    NN_TRY(nn_model_check_steps(whole));
    d->context = (size_t)input.dim[0];
    d->features = nn_shape_count(&input) / d->context;
    d->outputs = nn_shape_count(&output) / d->context;
    NN_TRY(nn_model_plan_steps(layers, whole, 1, fused, &d->one));
    NN_TRY(allocate(d));
    NN_TRY(bind(d, d->one, compute, params));
    if (d->context < MANY)
        return 0;
    NN_TRY(nn_model_plan_steps(layers, whole, MANY, fused, &d->many));
    return bind(d, d->many, compute, params);
}

int nn_decoder_new(nn_node *layers, const char *fused, const nn_model *whole,
                   const nn_compute *compute, nn_real *params, size_t batch, nn_decoder **out) {
    nn_decoder *d;
    NN_TRY(NN_NEW(&d, 1, "decoder"));
    d->batch = batch;
    int rc = build(d, layers, fused, whole, compute, params);
    if (rc < 0) {
        nn_decoder_free(d);
        return nn_error_frame(rc, __func__);
    }
    *out = d;
    return 0;
}

void nn_decoder_free(nn_decoder *d) {
    if (!d)
        return;
    nn_model_free(d->one);
    nn_model_free(d->many);
    nn_free(d->cache);
    nn_free(d->x);
    nn_free(d->last);
    nn_free(d);
}

size_t nn_decoder_context(const nn_decoder *d) {
    return d->context;
}

void nn_decoder_begin(nn_decoder *d, size_t rows) {
    d->rows = rows;
    d->past = 0;
}

/* Copies `width` elements of each row. */
static void copy_rows(size_t rows, size_t width, const nn_real *from, size_t from_stride,
                      nn_real *to) {
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * width, from + r * from_stride, width * sizeof *to);
}

const nn_real *nn_decoder_take(nn_decoder *d, size_t steps, const nn_real *x) {
    for (size_t at = 0, count; at < steps; at += count) {
        nn_pass pass = {.batch = d->rows, .past = d->past};
        count = d->many && steps - at >= MANY ? MANY : 1;
        copy_rows(d->rows, count * d->features, x + at * d->features, steps * d->features, d->x);
        const nn_real *y = nn_model_forward(count > 1 ? d->many : d->one, &pass, d->x);
        copy_rows(d->rows, d->outputs, y + (count - 1) * d->outputs, count * d->outputs, d->last);
        d->past += count;
    }
    return d->last;
}
