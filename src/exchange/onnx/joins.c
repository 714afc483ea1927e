/* Sums and products of values of ONNX, of two layers or of one and a constant, and values side by
 * side. */
#include "exchange/onnx/convert.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* x scale + offset, behind an operator with a constant. */
static void scale_by(const char *op, double number, double *scale, double *offset) {
    if (strcmp(op, "Mul") == 0 || strcmp(op, "Div") == 0) {
        double factor = *op == 'M' ? number : 1 / number;
        *scale *= factor;
        *offset *= factor;
    } else {
        *offset += strcmp(op, "Sub") == 0 ? -number : number;
    }
}

/* As many numbers as the constants have, not as samples: these may be large in a small file. */
static int grow_affine(nn_onnx_conversion *c, size_t count) {
    if (c->affine >= count)
        return 0;
    double *scale = nn_pool_alloc(c->pool, count * sizeof *scale);
    double *offset = nn_pool_alloc(c->pool, count * sizeof *offset);
    if (!scale || !offset)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++) { /* from none to some, one to all, a channel to elements */
        size_t old = c->affine <= 1 ? 0 : nn_affine_index(c->affine, &c->p->data.x, i);
        scale[i] = c->affine ? c->scale[old] : 1;
        offset[i] = c->affine ? c->offset[old] : 0;
    }
    c->scale = scale;
    c->offset = offset;
    c->affine = count;
    return 0;
}

/* The input times or plus a constant: data are scaled so before they come in. */
static int scale_input(nn_onnx_conversion *c, const nn_file_tensor *by) {
    const nn_shape *x = &c->p->data.x;
    size_t elements = nn_shape_count(x);
    bool images = nn_shape_is_image(x) && by->rank >= x->rank;
    for (int i = 1; images && i < x->rank; i++)
        images = by->dim[by->rank - i] == 1;
    bool last = by->rank > 0 && by->dim[by->rank - 1] == x->dim[x->rank - 1];
    if (!by->type->get || by->count == 0 || by->fortran || !nn_affine_fits(by->count, x) ||
        !(by->count == 1 || by->count == elements || (nn_shape_is_image(x) ? images : last)))
        return nn_onnx_no(c, "samples are scaled by one number, one a channel or one an element");
    NN_TRY(grow_affine(c, by->count));
    c->taken += c->affine;
    for (size_t e = 0; e < c->affine; e++) {
        size_t i = by->count == 1           ? 0
                   : by->count == c->affine ? e
                                            : nn_affine_index(by->count, x, e);
        scale_by(c->op->op, by->type->get(by->bytes + i * by->type->size), &c->scale[e],
                 &c->offset[e]);
        if (!isfinite(c->scale[e]) || !isfinite(c->offset[e]))
            return nn_onnx_no(c, "samples would be scaled by no finite number");
    }
    return nn_onnx_give(c, 0, (nn_onnx_value){.scalings = ++c->scalings});
}

bool nn_onnx_adds_bias(const nn_onnx_conversion *c) {
    bool sum = strcmp(c->op->op, "Add") == 0 || strcmp(c->op->op, "Sum") == 0;
    const nn_onnx_value *a = nn_onnx_in(c, 0), *b = nn_onnx_in(c, 1);
    if (!sum || !a || !b || c->op->inputs != 2)
        return false;
    const nn_file_tensor *constant = b->constant ? b->constant : a->constant;
    const nn_onnx_item *item = b->constant ? a->layer : b->layer;
    return item && item->units && item == c->last && constant && constant->rank > 0 &&
           item->units == constant->count &&
           (size_t)constant->dim[constant->rank - 1] == constant->count;
}

/* A table [steps, features] is added to sequences. */
static int add_positions(nn_onnx_conversion *c, size_t x, const nn_file_tensor *table) {
    const int64_t *dim = table->dim + table->rank - 2;
    nn_onnx_item *item;
    NN_TRY(nn_onnx_add_layer(c, "positions", (int)x, &item));
    if (!item)
        return 0;
    item->takes = (nn_shape){2, {dim[0], dim[1]}};
    return nn_onnx_add_weight(c, item, "weight", table, false);
}

/* Input x and a constant. */
static int with_constant(nn_onnx_conversion *c, size_t at, const nn_file_tensor *constant) {
    const nn_onnx_value *x = nn_onnx_in(c, at);
    nn_onnx_item *item = x->layer;
    if (x->whole)
        return nn_onnx_no(c, nn_onnx_is_whole);
    if (x->form == NN_ONNX_SAMPLES && !item && x->scalings == c->scalings && !c->last)
        return scale_input(c, constant);
    if (nn_onnx_adds_bias(c)) {
        nn_onnx_value with = *x;
        with.more = ++item->more;
        item->units = 0;
        NN_TRY(nn_onnx_set(item, "bias", "true"));
        NN_TRY(nn_onnx_add_weight(c, item, "bias", constant, false));
        return nn_onnx_give(c, 0, with);
    }
    bool table = constant->rank == 2 || (constant->rank == 3 && constant->dim[0] == 1);
    if (strcmp(c->op->op, "Add") == 0 && table && item && nn_onnx_rank(c, x) == 2)
        return add_positions(c, at, constant);
    return nn_onnx_no(c, "a constant is only added to a product, scales the input, or is a table "
                         "of positions");
}

int nn_onnx_from_join(nn_onnx_conversion *c, const char *kind) {
    const nn_onnx_value *a = nn_onnx_in(c, 0), *b = nn_onnx_in(c, 1);
    bool turns = kind != NULL; /* a op b is b op a */
    nn_onnx_item *item;
    if (a && b && c->op->inputs == 2 && b->constant)
        return with_constant(c, 0, b->constant);
    if (a && b && c->op->inputs == 2 && a->constant && turns)
        return with_constant(c, 1, a->constant);
    return kind ? nn_onnx_add_layer(c, kind, -1, &item)
                : nn_onnx_no(c, "values are only added, multiplied or put side by side");
}

int nn_onnx_from_concat(nn_onnx_conversion *c, const char *kind) {
    nn_onnx_item *item;
    if (nn_onnx_get_int(c, "axis", 0) == 0)
        return nn_onnx_no(c, "axis is that of the samples");
    if (nn_onnx_get_int(c, "axis", 0) != 1 && nn_onnx_has_images(c))
        return nn_onnx_no(c, "axis is not that of the channels; flatten them first");
    NN_TRY(nn_onnx_add_layer(c, kind, -1, &item));
    return item ? nn_onnx_set(item, "axis", "%" PRId64, nn_onnx_get_int(c, "axis", 0)) : 0;
}
