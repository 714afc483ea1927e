/* Minibatches whose rows the program supplies. They are checked and converted as those of a data
 * set are. */
#include "data/loader/inner.h"
#include "data/loader/loader.h"
#include "data/values/convert.h"

#include <inttypes.h>
#include <stdio.h>

/* NULL: the data set has no such field, or it is not wanted. */
static nn_field_reader *reader_of(nn_loader *l, size_t i) {
    nn_field_reader *const reader[NN_DATA_FIELDS] = {&l->x, &l->y, &l->w, &l->length};
    const bool used[NN_DATA_FIELDS] = {true, l->labels || l->values, l->weights, l->lengths};

    return used[i] ? reader[i] : NULL;
}

/* "float32 [N, 784]" */
#define ROWS_TEXT (NN_SHAPE_TEXT + 32)
static const char *rows_text(nn_dtype type, const nn_shape *row, char text[ROWS_TEXT]) {
    int length = snprintf(text, ROWS_TEXT, "%s [N", nn_dtype_name(type));

    for (int i = 0; i < row->rank; i++)
        length += snprintf(text + length, ROWS_TEXT - (size_t)length, ", %" PRId64, row->dim[i]);
    snprintf(text + length, ROWS_TEXT - (size_t)length, "]");
    return text;
}

/* Floats may have either precision, and labels any size. */
static bool is_kind(const nn_field_reader *r, nn_dtype given, nn_dtype wanted) {
    bool integer = nn_dtype_is_integer(wanted);

    if (given == wanted)
        return true;
    return nn_dtype_is_integer(given) == integer && (!integer || r->name == 'y');
}

static int check_array(const nn_field_reader *r, const char *name, const nn_array *a) {
    const nn_field *field = nn_split_field(r->split, r->name);
    nn_shape wanted = nn_field_stored_shape(field), given = {.rank = a->rank - 1};
    char text[2][ROWS_TEXT], what[32];

    snprintf(what, sizeof what, "the minibatch's %s", name);
    NN_TRY(nn_array_check(a, what));
    for (int i = 1; i < a->rank; i++)
        given.dim[i - 1] = a->dim[i];
    if (a->rank == 1 && r->name == 'x') /* x [N] is x [N, 1] */
        given = (nn_shape){1, {1}};
    if (is_kind(r, a->type, field->type) && nn_shape_equal(&given, &wanted))
        return NN_OK;
    return nn_fail(NN_EUSAGE, "%s is %s, but the data set's is %s", what,
                   rows_text(a->type, &given, text[0]), rows_text(field->type, &wanted, text[1]));
}

/* What the scan of a data set finds out about targets; labels are kept. */
static int check_targets(const nn_loader *l, size_t rows, const unsigned char *stored) {
    for (size_t i = 0; l->labels && i < rows * l->positions; i++) {
        int64_t label = nn_stored_integer(l->y.convert.type, stored, i);
        if (label < -1 || label >= (int64_t)l->spec.classes)
            return nn_fail(NN_EFORMAT,
                           "the minibatch's y holds label %" PRId64 " in row %zu; there are %zu "
                           "classes, 0 to %zu, and -1 for a row to be ignored",
                           label, i / l->positions, l->spec.classes, l->spec.classes - 1);
        l->memory[0].label[i] = (int32_t)label;
    }
    for (size_t i = 0; l->values && i < rows * l->y.convert.width; i++) {
        double y = (double)l->memory[0].value[i];
        if (y < l->spec.low || y > l->spec.high)
            return nn_fail(NN_EFORMAT,
                           "the minibatch's y holds %g in row %zu, but the loss compares with "
                           "numbers from %g to %g",
                           y, i / l->y.convert.width, l->spec.low, l->spec.high);
    }
    return NN_OK;
}

/* Where rows are converted to while they are checked. */
static nn_real *room_for(const nn_loader *l, const nn_field_reader *r) {
    const nn_batch_memory *m = &l->memory[0];

    switch (r->name) {
    case 'x':
        return nn_loader_x(l, m);
    case 'w':
        return m->weight;
    case NN_FIELD_LENGTH:
        return (void *)m->length;
    default:
        return m->value;
    }
}

static int supply_field(nn_loader *l, nn_field_reader *r, const char *name, const nn_array *a,
                        size_t rows) {
    if (a->rank < 1 || a->dim[0] != (int64_t)rows)
        return nn_fail(NN_EUSAGE, "the minibatch has %zu rows of x, and %" PRId64 " of %s", rows,
                       a->rank > 0 ? a->dim[0] : 0, name);
    NN_TRY(check_array(r, name, a));
    if (!a->data)
        return nn_fail(NN_EUSAGE, "the minibatch's %s has rows and no data", name);
    r->convert.type = a->type;
    if (r->name != 'y' || l->values)
        NN_TRY(nn_field_reader_check(r, 0, (int64_t)rows, a->data, room_for(l, r)));
    return r->name == 'y' ? check_targets(l, rows, a->data) : NN_OK;
}

int nn_loader_supply(nn_loader *l, const nn_array array[NN_DATA_FIELDS], size_t *rows) {
    int64_t count = array[0].rank > 0 ? array[0].dim[0] : 0;

    *rows = 0;
    if (count < 0 || count > l->batch_size)
        return nn_fail(NN_EUSAGE,
                       "a minibatch of %" PRId64 " rows on this rank: there is room for 0 to "
                       "%" PRId64 " (train.batch_size is that of all ranks together)",
                       count, l->batch_size);
    for (size_t i = 0; i < NN_DATA_FIELDS; i++) {
        nn_field_reader *r = reader_of(l, i);
        if (!r && array[i].rank != 0 && !l->spec.x_only)
            return nn_fail(NN_EUSAGE, "the minibatch has %s, and the data set has none",
                           nn_data_fields[i]);
        if (r && count > 0)
            NN_TRY(supply_field(l, r, nn_data_fields[i], &array[i], (size_t)count));
    }
    *rows = (size_t)count;
    l->memory[0].batch.count = (size_t)count;
    return NN_OK;
}

nn_batch nn_loader_make_supplied(nn_loader *l, int64_t number, int64_t first, int64_t global) {
    nn_batch_memory *m = &l->memory[0];

    m->batch = nn_loader_batch_of(l, m, m->batch.count, global);
    for (size_t i = 0; i < m->batch.count; i++)
        m->sample[i] = first + (int64_t)i;
    nn_loader_complete(l, m, number);
    return m->batch;
}
