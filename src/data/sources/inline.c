/* A handful of samples written out in the configuration. */
#include "base/text.h"
#include "data/sources/sources.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct inline_options {
    nn_node *x, *y, *test_x, *test_y;
};

#define AT(member) offsetof(struct inline_options, member)

static const nn_option inline_table[] = {
    {"x", NN_OPT_NODE, AT(x), NULL, NULL, "training samples, a list of numbers each"},
    {"y", NN_OPT_NODE, AT(y), NULL, NULL,
     "their targets: classes as whole numbers 0, 1, 2 ..., or a list of them for each position of "
     "a "
     "sample; or numbers with a point, or lists of numbers, as values"},
    {"test_x", NN_OPT_NODE, AT(test_x), "", NULL, "test samples"},
    {"test_y", NN_OPT_NODE, AT(test_y), "", NULL, "their targets"},
    NN_OPTION_END,
};

/* The numbers of each split, [samples][width]. */
struct columns {
    float *x[NN_MAX_SPLITS], *value[NN_MAX_SPLITS];
    int32_t *integer[NN_MAX_SPLITS];
};

static int number(const nn_node *node, float *out) {
    double value;
    if (node->kind != NN_NODE_SCALAR || !nn_text_to_real(node->text, &value))
        return nn_node_fail(node, "a sample is a list of numbers, e.g. x: [[0, 1], [1, 1]]");
    *out = (float)value;
    return NN_OK;
}

/* Numbers of a row: those of a list, or one. */
static size_t width_of(const nn_node *row) {
    return row->kind == NN_NODE_LIST ? row->count : 1;
}

static int read_row(const nn_node *row, size_t width, float *out) {
    if (width_of(row) != width)
        return nn_node_fail(row, "this row has %zu number%s, the first one has %zu", width_of(row),
                            width_of(row) == 1 ? "" : "s", width);
    if (row->kind != NN_NODE_LIST)
        return number(row, out);
    for (size_t i = 0; i < width; i++)
        NN_TRY(number(row->item[i], out + i));
    return NN_OK;
}

static int check_rows(const nn_node *rows) {
    if (rows->kind == NN_NODE_LIST && rows->count > 0 && width_of(rows->item[0]) > 0)
        return NN_OK;
    return nn_node_fail(rows, "samples are a list of rows, e.g. [[0, 1], [1, 1]]");
}

/* All rows as floats, owned by the data set; *field says what they are. `rank` 0: lone numbers
 * stay numbers and do not become rows of one. */
static int read_matrix(nn_dataset *ds, const nn_node *rows, int rank, nn_field *field,
                       float **out) {
    NN_TRY(check_rows(rows));
    size_t width = width_of(rows->item[0]);
    bool list = rows->item[0]->kind == NN_NODE_LIST;
    *out = nn_pool_alloc(&ds->pool, rows->count * width * sizeof(float));
    if (!*out)
        return NN_EMEMORY;
    *field = (nn_field){.type = NN_F32,
                        .shape = {list ? 1 : rank, {(int64_t)width}},
                        .row_bytes = width * sizeof(float)};
    for (size_t i = 0; i < rows->count; i++)
        NN_TRY(read_row(rows->item[i], width, *out + i * width));
    return NN_OK;
}

static bool whole_number(const nn_node *node) {
    return node->kind == NN_NODE_SCALAR && *node->text &&
           node->text[strspn(node->text, "-0123456789")] == '\0';
}

static bool are_whole(const nn_node *row) {
    bool all = row->kind != NN_NODE_LIST || row->count > 0;
    if (row->kind != NN_NODE_LIST)
        return whole_number(row);
    for (size_t i = 0; all && i < row->count; i++)
        all = whole_number(row->item[i]);
    return all;
}

static bool are_integers(const nn_node *rows) {
    bool all = rows->kind == NN_NODE_LIST && rows->count > 0;
    for (size_t i = 0; all && i < rows->count; i++)
        all = are_whole(rows->item[i]) && width_of(rows->item[i]) == width_of(rows->item[0]);
    return all;
}

/* One integer a row, or a list of them. */
static int read_integers(nn_dataset *ds, const nn_node *rows, nn_field *field, int32_t **out) {
    bool list = rows->item[0]->kind == NN_NODE_LIST;
    size_t width = width_of(rows->item[0]);
    *out = nn_pool_alloc(&ds->pool, rows->count * width * sizeof **out);
    if (!*out)
        return NN_EMEMORY;
    *field = (nn_field){.type = NN_I32,
                        .shape = {list ? 1 : 0, {(int64_t)width}},
                        .row_bytes = width * sizeof **out};
    for (size_t i = 0; i < rows->count * width; i++) {
        const nn_node *row = rows->item[i / width];
        (*out)[i] = (int32_t)strtol(list ? row->item[i % width]->text : row->text, NULL, 10);
    }
    return NN_OK;
}

static int read_split(nn_dataset *ds, const char *name, const nn_node *x, const nn_node *y) {
    struct columns *c = ds->state;
    size_t i = ds->splits++;
    nn_split *split = &ds->split[i];
    split->name = name;
    split->has_y = true;
    NN_TRY(read_matrix(ds, x, 1, &split->x, &c->x[i]));
    split->samples = (int64_t)x->count;
    if (are_integers(y))
        NN_TRY(read_integers(ds, y, &split->y, &c->integer[i]));
    else
        NN_TRY(read_matrix(ds, y, 0, &split->y, &c->value[i]));
    if (y->count == x->count)
        return NN_OK;
    return nn_node_fail(y, "%zu targets for %zu samples", y->count, x->count);
}

static int inline_open(nn_dataset *ds, const void *options) {
    const struct inline_options *o = options;
    ds->path = "data";
    ds->state = nn_pool_alloc(&ds->pool, sizeof(struct columns));
    if (!ds->state)
        return NN_EMEMORY;
    NN_TRY(read_split(ds, "train", o->x, o->y));
    if (!o->test_x && !o->test_y)
        return NN_OK;
    if (!o->test_x || !o->test_y)
        return nn_node_fail(o->test_x ? o->test_x : o->test_y,
                            "test_x and test_y go together: give both or neither");
    return read_split(ds, "test", o->test_x, o->test_y);
}

static int inline_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                       int64_t count, void *out) {
    const struct columns *c = ds->state;
    ptrdiff_t i = split - ds->split;
    const nn_field *f = field == 'x' ? &split->x : &split->y;
    const void *from = field == 'x' ? (const void *)c->x[i] : c->integer[i];
    if (field == 'y' && c->value[i])
        from = c->value[i];
    memcpy(out, (const char *)from + (size_t)first * f->row_bytes, (size_t)count * f->row_bytes);
    return NN_OK;
}

static void inline_close(nn_dataset *ds) {
    (void)ds; /* the pool owns everything */
}

const nn_source_ops nn_source_inline = {
    .entry = {"inline", "A handful of samples, written out in the configuration.", inline_table,
              sizeof(struct inline_options)},
    .open = inline_open,
    .read = inline_read,
    .close = inline_close,
};
