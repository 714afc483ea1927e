#include "nn/layer.h"

#include <stdarg.h>
#include <stdio.h>

const char *nn_shape_text(const nn_shape *s, char text[NN_SHAPE_TEXT]) {
    size_t used = (size_t)snprintf(text, NN_SHAPE_TEXT, "[");
    for (int i = 0; i < s->rank; i++)
        used += (size_t)snprintf(text + used, NN_SHAPE_TEXT - used, "%s%lld", i ? ", " : "",
                                 (long long)s->dim[i]);
    snprintf(text + used, NN_SHAPE_TEXT - used, "]");
    return text;
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
        if (__builtin_mul_overflow(p->count, (size_t)dim[i], &p->count))
            return nn_layer_fail(layer, "parameter '%s' has too many elements", name);
    }
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
