/* First values of parameters. */
#include "io/yaml/yaml.h"
#include "nn/initializers/initializer.h"
#include "tensor/tensor.h"

#include <string.h>

int nn_pick_row(nn_pool *pool, const nn_family *family, const char *text, const nn_entry **row,
                void **options, nn_node **map) {
    nn_node *node;
    if (!text)
        return nn_fail(NN_EUSAGE, "%s: its text is NULL", family->noun);
    NN_TRY(nn_yaml_parse(pool, family->noun, text, strlen(text), &node));
    NN_TRY(nn_family_pick(family, node, row, map));
    *options = nn_pool_alloc(pool, (*row)->size ? (*row)->size : 1);
    if (!*options)
        return NN_EMEMORY;
    return nn_options_bind(&(nn_binding){(*row)->options, *options}, 1, *map, (*row)->name, NULL);
}

static int fill(nn_pool *pool, nn_tensor *t, const char *text, const nn_rng *rng) {
    const nn_entry *row;
    void *options;
    nn_node *map;
    size_t rows = t->rank ? (size_t)t->dim[0] : 1, cols = rows ? t->count / rows : 0;
    int64_t field = t->rank > 1 && t->dim[1] ? (int64_t)cols / t->dim[1] : 1;
    nn_fan fan = {.in = cols ? (int64_t)cols : 1,
                  .out = rows ? (int64_t)rows * field : 1,
                  .rows = rows,
                  .cols = cols};
    NN_TRY(nn_pick_row(pool, &nn_initializers, text, &row, &options, &map));
    return ((const nn_initializer_ops *)row)
        ->fill(options, nn_tensor_compute(), rng, &fan, nn_reals(t));
}

int nn_tensor_initialize(nn_tensor *t, const char *initializer, uint64_t seed, const char *name) {
    nn_pool pool = {NULL};
    if (!t || t->integer || t->op)
        return nn_fail(NN_EUSAGE, "initialize: floats are wanted that no operation has made");
    if (!name)
        return nn_fail(NN_EUSAGE, "initialize: the name is NULL");
    nn_rng rng = nn_rng_stream(seed, NN_RNG_INIT, nn_hash_text(name), 0);
    int rc = fill(&pool, t, initializer, &rng);
    nn_pool_release(&pool);
    t->buffer->version++;
    return rc;
}
