#include "data/field.h"

#include <math.h>
#include <string.h>

size_t nn_channels_of(const nn_shape *shape) {
    return shape->rank ? (size_t)nn_shape_channels(shape) : 1;
}

bool nn_affine_fits(size_t count, const nn_shape *shape) {
    return count == 1 || count == nn_channels_of(shape) || count == nn_shape_count(shape);
}

size_t nn_affine_index(size_t count, const nn_shape *shape, size_t e) {
    size_t width = nn_shape_count(shape);

    if (count == width)
        return e;
    return nn_shape_is_image(shape) ? e / (width / count) : e % count;
}

const char *const *nn_categories_of(const nn_categories *c, size_t column) {
    const char *const *name = c->name;

    for (size_t i = 0; i < column; i++)
        name += (size_t)c->count[i];
    return name;
}

size_t nn_categories_names(const nn_categories *c) {
    return c->columns ? (size_t)(nn_categories_of(c, c->columns) - c->name) : 0;
}

bool nn_categories_same(const nn_categories *a, size_t i, const nn_categories *b, size_t k) {
    size_t n = a->columns ? (size_t)a->count[i] : 0, m = b->columns ? (size_t)b->count[k] : 0;
    const char *const *x, *const *y;

    if (n != m || n == 0)
        return n == m;
    x = nn_categories_of(a, i);
    y = nn_categories_of(b, k);
    for (size_t j = 0; j < n; j++)
        if (strcmp(x[j], y[j]) != 0)
            return false;
    return true;
}

int nn_categories_write(const nn_categories *c, nn_h5 *file, const char *object) {
    if (c->columns == 0)
        return NN_OK;
    NN_TRY(nn_h5_set_texts(file, object, "categories", c->name, nn_categories_names(c)));
    return nn_h5_set_reals(file, object, "category_counts", c->count, c->columns);
}

int nn_categories_read(nn_categories *c, nn_h5 *file, const char *object, size_t columns,
                       nn_pool *pool) {
    size_t found = columns, names = 0;
    double *count, sum = 0;
    char **name;

    if (!nn_h5_has_attr(file, object, "category_counts"))
        return NN_OK;
    count = nn_pool_alloc(pool, (columns + 1) * sizeof *count);
    if (!count)
        return NN_EMEMORY;
    NN_TRY(nn_h5_get_reals(file, object, "category_counts", count, &found));
    NN_TRY(nn_h5_get_texts(file, object, "categories", pool, &name, &names));
    for (size_t i = 0; i < found && i < columns; i++)
        sum += count[i] >= 0 && count[i] == floor(count[i]) ? count[i] : NAN;
    if (found != columns || sum != (double)names)
        return nn_fail(NN_EFORMAT,
                       "%s: the attributes category_counts and categories of %s do not go "
                       "together: of each of the %zu columns of x how many it has, and the names "
                       "of all",
                       nn_h5_path(file), object, columns);
    *c = (nn_categories){columns, count, (const char *const *)name};
    return NN_OK;
}
