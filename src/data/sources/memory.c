/* Data sets in the caller's memory. */
#include "data/sources/memory.h"

#include "base/options/names.h"
#include "data/sources/describe.h"
#include "data/sources/sources.h"
#include "data/values/layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const nn_data_splits[NN_MAX_SPLITS] = {"train", "valid", "test"};
const char *const nn_data_fields[NN_DATA_FIELDS] = {"x", "y", "w", "len"};

/* ---- what the caller gives ------------------------------------------------------------------ */

int nn_data_new(nn_data **out) {
    *out = NULL;
    return NN_NEW(out, 1, "data set in memory");
}

void nn_data_free(nn_data *data) {
    if (!data)
        return;
    if (data->release)
        data->release(data->memory);
    nn_pool_release(&data->pool);
    nn_free(data);
}

static int find(const char *const *names, size_t count, const char *wanted, const char *what,
                size_t *out) {
    nn_names valid = {.count = 0};
    for (*out = 0; *out < count; ++*out) {
        if (strcmp(names[*out], wanted) == 0)
            return 0;
        nn_names_add(&valid, names[*out]);
    }
    return nn_fail(NN_EUSAGE, "nn_data_set: unknown %s '%s'%s", what, wanted,
                   nn_names_advice(&valid, wanted, "there are"));
}

size_t nn_array_row_bytes(const nn_array *array) {
    size_t bytes = nn_dtype_size(array->type);
    for (int i = 1; i < array->rank; i++)
        bytes *= (size_t)array->dim[i];
    return bytes;
}

int nn_array_check(const nn_array *a, const char *what) {
    size_t bytes = 1;
    if (a->rank < 1 || a->rank > NN_ARRAY_RANK)
        return nn_fail(NN_EUSAGE, "%s has %d dimensions, not 1 to %d", what, a->rank,
                       NN_ARRAY_RANK);
    if ((int)a->type < NN_U8 || (int)a->type > NN_F64)
        return nn_fail(NN_EUSAGE, "%s has no type of nn_dtype: %d", what, (int)a->type);
    bool fits = true;
    for (int i = 0; i < a->rank; i++)
        fits = fits && a->dim[i] >= 0 && !__builtin_mul_overflow(bytes, (size_t)a->dim[i], &bytes);
    if (!fits || bytes > (size_t)PTRDIFF_MAX / sizeof(double))
        return nn_fail(NN_EUSAGE,
                       "%s has a dimension below 0, or more numbers than there is memory for",
                       what);
    return 0;
}

int nn_data_set(nn_data *data, const char *split, const char *field, const nn_array *array) {
    size_t s, f;
    char what[64];
    NN_TRY(find(nn_data_splits, NN_MAX_SPLITS, split, "split", &s));
    NN_TRY(find(nn_data_fields, NN_DATA_FIELDS, field, "field", &f));
    snprintf(what, sizeof what, "nn_data_set: %s of '%s'", field, split);
    NN_TRY(nn_array_check(array, what));
    data->array[s][f] = *array;
    return 0;
}

void nn_data_set_reader(nn_data *data, nn_data_read_fn *read, void *ctx) {
    data->read = read;
    data->ctx = ctx;
}

static int copy_names(nn_data *data, size_t count, const char *const *name, const char ***out) {
    *out = nn_pool_alloc(&data->pool, (count + 1) * sizeof **out);
    if (!*out)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = nn_pool_strdup(&data->pool, name[i]);
        if (!(*out)[i])
            return NN_EMEMORY;
    }
    return 0;
}

int nn_data_set_classes(nn_data *data, size_t count, const char *const *name) {
    data->classes = 0;
    NN_TRY(copy_names(data, count, name, &data->class_name));
    data->classes = count;
    return 0;
}

int nn_data_set_tokens(nn_data *data, const char *kind) {
    data->tokens = kind ? nn_pool_strdup(&data->pool, kind) : NULL;
    return kind && !data->tokens ? NN_EMEMORY : 0;
}

int nn_data_set_columns(nn_data *data, size_t count, const char *const *name) {
    data->columns = 0;
    NN_TRY(copy_names(data, count, name, &data->column_name));
    data->columns = count;
    return 0;
}

static double *copy_numbers(nn_data *data, size_t count, const double *number) {
    double *copy = nn_pool_alloc(&data->pool, (count + 1) * sizeof *copy);
    return copy && count > 0 ? memcpy(copy, number, count * sizeof *copy) : copy;
}

int nn_data_set_scale(nn_data *data, size_t count, const double *scale, const double *offset) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite((float)scale[i]) || !isfinite((float)offset[i]) || scale[i] <= 0)
            return nn_fail(NN_EUSAGE,
                           "nn_data_set_scale: number %zu is scale %g, offset %g; scales are "
                           "positive, and both are finite floats",
                           i, scale[i], offset[i]);
    data->scales = 0;
    data->scale = copy_numbers(data, count, scale);
    data->offset = copy_numbers(data, count, offset);
    if (!data->scale || !data->offset)
        return NN_EMEMORY;
    data->scales = count;
    return 0;
}

int nn_data_read(const nn_data *data, size_t s, size_t f, int64_t first, int64_t count, void *out) {
    const nn_array *array = &data->array[s][f];
    const char *split = nn_data_splits[s], *field = nn_data_fields[f];
    size_t bytes = nn_array_row_bytes(array);
    if (array->data) {
        memcpy(out, (const char *)array->data + (size_t)first * bytes, (size_t)count * bytes);
        return 0;
    }
    if (!data->read)
        return nn_fail(NN_EUSAGE, "data: %s of '%s' has neither data nor a function that reads it",
                       field, split);
    int rc = data->read(data->ctx, split, field, first, count, out);
    if (rc == 0)
        return 0;
    return nn_fail(NN_EIO,
                   "data: the function that reads %s of '%s' returned %d for rows %" PRId64
                   " to %" PRId64,
                   field, split, rc, first, first + count - 1);
}

/* ---- as a source ---------------------------------------------------------------------------- */

static const char letters[NN_DATA_FIELDS + 1] = {'x', 'y', 'w', NN_FIELD_LENGTH};

static size_t field_of(char field) {
    return (size_t)(strchr(letters, field) - letters);
}

static size_t split_of(const nn_split *split) {
    size_t s = 0;
    while (s + 1 < NN_MAX_SPLITS && strcmp(nn_data_splits[s], split->name) != 0)
        s++;
    return s;
}

static int open_split(nn_dataset *ds, const char *name, const nn_array array[NN_DATA_FIELDS]) {
    nn_split *split = &ds->split[ds->splits];
    split->name = name;
    split->supplied = strcmp(name, "train") == 0 && array[NN_DATA_X].rank > 0 &&
                      array[NN_DATA_X].dim[0] == 0 && !array[NN_DATA_X].data;
    for (size_t f = 0; f < NN_DATA_FIELDS; f++) {
        nn_h5_info info = {.type = array[f].type, .rank = array[f].rank};
        memcpy(info.dim, array[f].dim, sizeof array[f].dim);
        if (info.rank > 0 && array[NN_DATA_X].rank == 0)
            return nn_fail(NN_EUSAGE, "%s: '%s' has no x [N, ...]", ds->path, name);
        if (info.rank > 0)
            NN_TRY(nn_split_describe(ds, split, letters[f], &info));
    }
    ds->splits += array[NN_DATA_X].rank > 0;
    return 0;
}

static int open_names(nn_dataset *ds, const nn_data *data) {
    ds->class_names = data->classes ? data->class_name : NULL;
    ds->classes = (int64_t)data->classes;
    ds->tokens = data->tokens;
    ds->feature_names = data->columns ? data->column_name : NULL;
    ds->features = data->columns;
    return nn_dataset_check_features(ds);
}

static int open_scale(nn_dataset *ds, const nn_data *data) {
    const nn_field *x = &ds->split[0].x;
    size_t count = data->scales, width = nn_shape_count(&x->shape);
    char text[NN_SHAPE_TEXT];
    if (count > 0 && !nn_affine_fits(count, &x->shape))
        return nn_fail(NN_EUSAGE, "%s: %zu scales; a row of x is %s, so 1, %zu or %zu would fit",
                       ds->path, count, nn_shape_text(&x->shape, text), nn_channels_of(&x->shape),
                       width);
    double *scale = nn_pool_alloc(&ds->pool, (2 * count + 1) * sizeof *scale);
    if (!scale)
        return NN_EMEMORY;
    for (size_t i = 0; i < count; i++) {
        size_t e = count == width ? nn_field_element(x, i) : i; /* stands as the elements do */
        scale[e] = data->scale[i];
        scale[count + e] = data->offset[i];
    }
    ds->affine = (nn_affine){count, scale, scale + count};
    return 0;
}

static int memory_open(nn_dataset *ds, const void *options) {
    const nn_data *data = ds->given;
    (void)options;
    ds->path = "data";
    if (!data)
        return nn_fail(NN_EUSAGE, "the data set was in the memory of the program that made this "
                                  "configuration; name a file instead: data: {path: FILE.h5}");
    for (size_t s = 0; s < NN_MAX_SPLITS; s++)
        NN_TRY(open_split(ds, nn_data_splits[s], data->array[s]));
    if (ds->splits == 0)
        return nn_fail(NN_EUSAGE,
                       "%s: no split has been given: nn_data_set(data, \"train\", \"x\", "
                       "...)",
                       ds->path);
    nn_dataset_open_layout(ds, NN_LAYOUT_AUTO);
    NN_TRY(open_scale(ds, data));
    return open_names(ds, data);
}

static const void *memory_rows(const nn_dataset *ds, const nn_split *split, char field) {
    return ds->given->array[split_of(split)][field_of(field)].data;
}

static int memory_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                       int64_t count, void *out) {
    return nn_data_read(ds->given, split_of(split), field_of(field), first, count, out);
}

static void memory_close(nn_dataset *ds) {
    (void)ds; /* arrays are the caller's */
}

const nn_source_ops nn_source_memory = {
    .entry = {"memory", "Arrays that a program has supplied (nnmpi/data.h).", NULL, 0},
    .open = memory_open,
    .read = memory_read,
    .rows = memory_rows,
    .close = memory_close,
};
