#include "nn/layers/layer.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *write_shape(int rank, const int64_t *dim, char text[NN_SHAPE_TEXT]) {
    size_t used = (size_t)snprintf(text, NN_SHAPE_TEXT, "[");
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, NN_SHAPE_TEXT - used, "%s%lld", i ? ", " : "",
                                 (long long)dim[i]);
    snprintf(text + used, NN_SHAPE_TEXT - used, "]");
    return text;
}

const char *nn_shape_text(const nn_shape *s, char text[NN_SHAPE_TEXT]) {
    return write_shape(s->rank, s->dim, text);
}

const char *nn_param_shape_text(const nn_param *param, char text[NN_SHAPE_TEXT]) {
    return write_shape(param->rank, param->dim, text);
}

int nn_layer_add_param(nn_layer *layer, const char *name, nn_param_role role, int rank,
                       const int64_t *dim, int64_t fan_in, int64_t fan_out) {
    if (layer->params == NN_MAX_PARAMS)
        return nn_layer_fail(layer, "more than %d parameter tensors", NN_MAX_PARAMS);
    nn_param *p = &layer->param[layer->params++];
    *p = (nn_param){.layer = layer,
                    .name = name,
                    .role = role,
                    .value = role == NN_PARAM_SCALE ? 1 : 0,
                    .rank = rank,
                    .fan_in = fan_in,
                    .fan_out = fan_out,
                    .count = 1};
    for (int i = 0; i < rank; i++) {
        p->dim[i] = dim[i];
        p->order[i] = i;
        if (__builtin_mul_overflow(p->count, (size_t)dim[i], &p->count))
            return nn_layer_fail(layer, "parameter '%s' has too many elements", name);
    }
    return 0;
}

const nn_param *nn_layer_find_param(const nn_layer *layer, const char *name) {
    for (size_t i = 0; i < layer->params; i++)
        if (strcmp(layer->param[i].name, name) == 0)
            return &layer->param[i];
    return NULL;
}

void nn_param_reorder(nn_param *param, const int order[]) {
    for (int i = 0; i < param->rank; i++)
        param->order[i] = order[i];
}

void nn_param_strides(const nn_param *param, size_t stride[NN_PARAM_RANK]) {
    size_t elements = 1;
    for (int i = param->rank - 1; i >= 0; i--) {
        stride[param->order[i]] = elements;
        elements *= (size_t)param->dim[param->order[i]];
    }
}

/* Goes through the tensor in PyTorch's order, counting the indices like an odometer. */
static void copy(const nn_param *param, bool out, const nn_real *from, nn_real *to) {
    size_t stride[NN_PARAM_RANK] = {0}, index[NN_PARAM_RANK] = {0}, memory = 0;
    nn_param_strides(param, stride);
    for (size_t file = 0; file < param->count; file++) {
        to[out ? file : memory] = from[out ? memory : file];
        for (int d = param->rank - 1; d >= 0; d--) {
            memory += stride[d];
            if (++index[d] < (size_t)param->dim[d])
                break;
            memory -= index[d] * stride[d];
            index[d] = 0;
        }
    }
}

void nn_param_export(const nn_param *param, const nn_real *memory, nn_real *file) {
    copy(param, true, memory, file);
}

void nn_param_import(const nn_param *param, const nn_real *file, nn_real *memory) {
    copy(param, false, file, memory);
}

int nn_layer_same_shapes(const nn_layer *layer, const char *what) {
    char first[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];
    for (size_t i = 1; i < layer->inputs; i++)
        if (!nn_shape_equal(&layer->in[i], &layer->in[0]))
            return nn_layer_fail(layer, "'%s' gives %s but '%s' gives %s; only equal shapes %s",
                                 layer->input[0]->name, nn_shape_text(&layer->in[0], first),
                                 layer->input[i]->name, nn_shape_text(&layer->in[i], other), what);
    return 0;
}

double nn_layer_weights(const nn_layer *layer) {
    double count = 0;
    for (size_t i = 0; i < layer->params; i++)
        count += layer->param[i].role == NN_PARAM_WEIGHT ? (double)layer->param[i].count : 0;
    return count;
}

nn_span nn_layer_range(const nn_layer *layer) {
    nn_span range = {0, 0};
    for (size_t i = 0; i < layer->params; i++) {
        const nn_param *p = &layer->param[i];
        if (p->tied)
            continue;
        range.begin = range.end ? range.begin : p->offset;
        range.end = p->offset + nn_align_count(p->count, sizeof(nn_real));
    }
    return range;
}

size_t nn_layer_grad_count(const nn_layer *layer) {
    nn_span range = nn_layer_range(layer);
    return range.end - range.begin;
}

bool nn_layer_wants_grads(const nn_layer *layer) {
    return layer->params > 0 && (!layer->frozen || nn_layer_is_programs(layer));
}

size_t nn_layer_keep_elements(const nn_layer *layer) {
    size_t elements = (layer->keep_bytes + sizeof(nn_real) - 1) / sizeof(nn_real);
    return nn_align_count(elements, sizeof(nn_real));
}

int nn_layer_each_step(const nn_layer *layer) {
    (void)layer;
    return 0;
}

int nn_layer_raise(const nn_layer *layer, const char *function, const char *format, ...) {
    char what[512], shape[NN_SHAPE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (layer->inputs == 0)
        return nn_node_raise(layer->node, function, "layer '%s': %s", layer->name, what);
    return nn_node_raise(layer->node, function, "layer '%s' on input %s: %s", layer->name,
                         nn_shape_text(&layer->in[0], shape), what);
}
