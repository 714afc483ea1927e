/* What a node reads and gives: values, which are found by their names, and attributes. */
#include "base/numbers/rng.h"
#include "exchange/onnx/convert.h"

#include <string.h>

/* The slot of that name, or the free one where it belongs. */
static size_t *slot_of(const nn_onnx_conversion *c, const char *name) {
    size_t i = (size_t)nn_hash_text(name) & (c->slots - 1);
    while (c->slot[i] != 0 && strcmp(c->value[c->slot[i] - 1].name, name) != 0)
        i = (i + 1) & (c->slots - 1);
    return &c->slot[i];
}

nn_onnx_value *nn_onnx_find_value(const nn_onnx_conversion *c, const char *name) {
    size_t at = c->slots ? *slot_of(c, name) : 0;
    return at ? &c->value[at - 1] : NULL;
}

/* At most half of the slots are taken. */
static int grow_slots(nn_onnx_conversion *c) {
    size_t slots = c->slots ? 2 * c->slots : 64;
    size_t *slot = nn_pool_alloc(c->pool, slots * sizeof *slot);
    if (!slot)
        return NN_EMEMORY;
    c->slot = slot;
    c->slots = slots;
    for (size_t i = 0; i < c->values; i++) /* a later value hides an earlier one of its name */
        *slot_of(c, c->value[i].name) = i + 1;
    return 0;
}

int nn_onnx_add_value(nn_onnx_conversion *c, nn_onnx_value value) {
    NN_TRY(NN_GROW(c->pool, &c->value, c->values, &c->value_capacity));
    if (2 * c->values >= c->slots)
        NN_TRY(grow_slots(c));
    c->value[c->values++] = value;
    *slot_of(c, value.name) = c->values;
    return 0;
}

int nn_onnx_give(nn_onnx_conversion *c, size_t i, nn_onnx_value value) {
    if (i >= c->op->outputs || !*c->op->output[i])
        return 0;
    value.name = c->op->output[i];
    return nn_onnx_add_value(c, value);
}

const nn_onnx_value *nn_onnx_in(const nn_onnx_conversion *c, size_t i) {
    const nn_onnx_value *value =
        i < c->op->inputs && *c->op->input[i] ? nn_onnx_find_value(c, c->op->input[i]) : NULL;
    return value && value->form != NN_ONNX_REFUSED ? value : NULL;
}

bool nn_onnx_has_images(const nn_onnx_conversion *c) {
    for (size_t i = 0; i < c->op->inputs; i++) {
        const nn_onnx_value *x = nn_onnx_in(c, i);
        if (x && x->layer && x->layer->images && !x->squeezed)
            return true;
    }
    return false;
}

bool nn_onnx_given(const nn_onnx_conversion *c, size_t i) {
    return i < c->op->inputs && *c->op->input[i];
}

const nn_file_tensor *nn_onnx_in_constant(const nn_onnx_conversion *c, size_t i, int rank) {
    const nn_onnx_value *value = nn_onnx_in(c, i);
    const nn_file_tensor *constant = value ? value->constant : NULL;
    return constant && (rank < 0 || constant->rank == rank) ? constant : NULL;
}

bool nn_onnx_is_zero(nn_onnx_conversion *c, size_t i) {
    const nn_onnx_value *value = nn_onnx_in(c, i);
    const nn_file_tensor *t = value ? value->constant : NULL;
    if (!value || !t)
        return !nn_onnx_given(c, i) || (value && value->form == NN_ONNX_ZEROS);
    for (size_t e = 0; t->type->get && e < t->count; e++, c->taken++)
        if (t->type->get(t->bytes + e * t->type->size) != 0)
            return false;
    return t->type->get != NULL;
}

/* ---- attributes ------------------------------------------------------------------------------ */

int64_t nn_onnx_get_int(const nn_onnx_conversion *c, const char *name, int64_t otherwise) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    return a ? a->number : otherwise;
}

double nn_onnx_get_real(const nn_onnx_conversion *c, const char *name, double otherwise) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    return a ? (double)a->real : otherwise;
}

const char *nn_onnx_get_text(const nn_onnx_conversion *c, const char *name, const char *otherwise) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    return a && a->text ? a->text : otherwise;
}

bool nn_onnx_get_ints(const nn_onnx_conversion *c, const char *name, size_t count,
                      int64_t otherwise, int64_t *out) {
    const nn_onnx_attribute *a = nn_onnx_attribute_of(c->op, name);
    for (size_t i = 0; i < count; i++)
        out[i] = a && i < a->count ? a->numbers[i] : otherwise;
    return !a || a->count == count;
}

int nn_onnx_whole(const nn_file_tensor *constant, size_t most, int64_t *out) {
    if (!constant || !constant->type->get || constant->count > most || constant->fortran)
        return -1;
    for (size_t i = 0; i < constant->count; i++) {
        double number = constant->type->get(constant->bytes + i * constant->type->size);
        if (!(number > -9e15 && number < 9e15))
            return -1;
        out[i] = (int64_t)number;
    }
    return (int)constant->count;
}
