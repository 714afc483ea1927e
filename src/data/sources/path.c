/* The `data:` map that a path stands for, by itself and as the model's own data say. */
#include "base/text.h"
#include "data/importers/csv_reader.h"
#include "data/importers/importer.h"
#include "data/sources/open.h"
#include "data/sources/sources.h"
#include "data/tokens.h"
#include "data/values/layout.h"
#include "io/files/folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const nn_source_ops *nn_source_of(const char *path) {
    static const struct {
        const nn_source_ops *ops;
        const char *ending[5];
    } by_ending[] = {
        {&nn_source_idx, {"-ubyte", "-ubyte.gz", ".idx", ".idx.gz"}},
        {&nn_source_libsvm, {".svm", ".libsvm", ".svm.gz", ".libsvm.gz"}},
        {&nn_source_npy, {".npy"}},
        {&nn_source_npz, {".npz"}},
        {&nn_source_text, {".txt", ".text", ".txt.gz", ".text.gz"}},
    };

    if (nn_is_folder(path))
        return nn_idx_has_folder(path) ? &nn_source_idx : &nn_source_images;
    if (nn_csv_has_name(path))
        return &nn_source_csv;
    for (size_t i = 0; i < sizeof by_ending / sizeof *by_ending; i++)
        if (nn_text_has_ending(path, by_ending[i].ending))
            return by_ending[i].ops;
    return &nn_source_hdf5;
}

/* As data.other_files: true does. */
static int allow_other_files(nn_node *data) {
    return nn_node_add_text(data, "other_files", "true");
}

int nn_dataset_open_path(const char *path, nn_dataset **out) {
    return nn_dataset_open_linked(path, false, out);
}

int nn_dataset_node_all(nn_pool *pool, const char *path, bool other_files, nn_node **out) {
    NN_TRY(nn_dataset_node(pool, path, NULL, out));
    if (nn_source_of(path) == &nn_source_csv) {
        NN_TRY(nn_node_add_text(*out, "unlabelled", "true"));
        NN_TRY(nn_node_add_text(*out, "missing", "mean"));
    }
    return other_files ? allow_other_files(*out) : NN_OK;
}

int nn_dataset_open_linked(const char *path, bool other_files, nn_dataset **out) {
    nn_pool pool = {0};
    nn_node *data = NULL;
    int rc = nn_dataset_node_all(&pool, path, other_files, &data);

    *out = NULL;
    if (rc >= 0)
        rc = nn_dataset_open(data, NULL, out);
    nn_pool_release(&pool);
    return rc;
}

static int copy_key(nn_node *to, const nn_node *from, const char *key) {
    const nn_node *value = nn_node_get(from, key);

    if (!value || value->kind != NN_NODE_SCALAR || nn_node_is_null(value))
        return NN_OK;
    return (value->quoted ? nn_node_add_quoted : nn_node_add_text)(to, key, value->text);
}

/* A file of a mixture has no `source` where its name says it. */
static bool has_source(const nn_node *data, const char *name) {
    const char *path = nn_node_text(data, "path"), *source = nn_node_text(data, "source");

    if (*path && !*source)
        source = nn_source_of(path)->entry.name;
    return strcmp(source, name) == 0;
}

/* What a model was trained on, or of a mixture how its first file is read: they are of one form. */
static nn_like like_one(const nn_like *like) {
    const nn_node *path = nn_node_get(like->data, "path");
    nn_like one = *like;

    if (path && path->kind == NN_NODE_LIST && path->count > 0 && path->item[0]->kind == NN_NODE_MAP)
        one.data = path->item[0];
    return one;
}

/* Images become as large and have as many channels as rows of shape x. */
static int add_size(nn_node *map, const nn_shape *x) {
    int64_t channels = x->rank == 3 ? x->dim[0] : 1;

    if (x->rank < 2 || x->rank > 3 || (channels != 1 && channels != 3))
        return NN_OK;
    NN_TRY(nn_node_add_text(map, "height",
                            nn_pool_printf(map->pool, "%" PRId64, x->dim[x->rank - 2])));
    NN_TRY(
        nn_node_add_text(map, "width", nn_pool_printf(map->pool, "%" PRId64, x->dim[x->rank - 1])));
    return nn_node_add_text(map, "color", channels == 1 ? "grey" : "rgb");
}

/* One of `columns`: a name, or where numbers are scaled {name: [scale, offset]}. */
static int add_column(nn_node *list, const char *name, double scale, double offset) {
    char number[2][NN_TEXT_REAL];
    nn_node *node = nn_node_map(list->pool), *pair = nn_node_list(list->pool);

    if (scale == 1 && offset == 0)
        return nn_node_add_quoted(list, NULL, name);
    nn_text_from_real(number[0], scale);
    nn_text_from_real(number[1], offset);
    if (!node || !pair)
        return NN_EMEMORY;
    for (int i = 0; i < 2; i++)
        NN_TRY(nn_node_add_text(pair, NULL, number[i]));
    NN_TRY(nn_node_add(node, name, pair));
    return nn_node_add(list, NULL, node);
}

/* The same of a column of numbers of categories: {name: {categories: [...]}}. */
static int add_categories(nn_node *list, const char *name, const nn_categories *c, size_t column) {
    nn_node *node = nn_node_map(list->pool), *map = nn_node_map(list->pool);
    nn_node *names = nn_node_list(list->pool);
    const char *const *of = nn_categories_of(c, column);

    if (!node || !map || !names)
        return NN_EMEMORY;
    for (size_t i = 0; i < (size_t)c->count[column]; i++)
        NN_TRY(nn_node_add_quoted(names, NULL, of[i]));
    NN_TRY(nn_node_add(map, "categories", names));
    NN_TRY(nn_node_add(node, name, map));
    return nn_node_add(list, NULL, node);
}

/* A table gets the columns that the model was trained with, whatever it has and in any order. */
static int add_columns(nn_node *map, const nn_like *like) {
    nn_node *list = nn_node_list(map->pool);
    const nn_categories *c = like->categories;
    const nn_affine *a = like->affine;
    bool scaled = a && a->count == like->features;

    if (!list)
        return NN_EMEMORY;
    for (size_t i = 0; i < like->features; i++) {
        if (c && c->columns == like->features && c->count[i] > 0) {
            NN_TRY(add_categories(list, like->feature_name[i], c, i));
            continue;
        }
        NN_TRY(add_column(list, like->feature_name[i], scaled ? a->scale[i] : 1,
                          scaled ? a->offset[i] : 0));
    }
    return nn_node_add(map, "columns", list);
}

/* How a table is read; `columns` says how missing values and texts are, and what is scaled. */
static int add_table_keys(nn_node *map, const nn_like *like) {
    if (has_source(like->data, "csv")) {
        NN_TRY(copy_key(map, like->data, "header"));
        NN_TRY(copy_key(map, like->data, "delimiter"));
    }
    return like->features ? add_columns(map, like) : NN_OK;
}

/* The tokens of the model, which the names of its classes are; bytes have none. Checkpoints of
 * earlier versions do not say which. */
static const char *tokens_of(const nn_like *like) {
    bool chars = true;

    if (like->tokens)
        return like->tokens;
    for (int64_t i = 1; like->class_name && chars && i < like->classes; i++) {
        const char *name = like->class_name[i];
        chars = nn_text_utf8(name) == strlen(name);
    }
    return !like->class_name ? "bytes" : chars ? "chars" : "words";
}

static int add_vocabulary(nn_node *map, const nn_like *like) {
    nn_node *list = nn_node_list(map->pool);

    if (!list)
        return NN_EMEMORY;
    for (int64_t i = 0; i < like->classes; i++)
        NN_TRY(nn_node_add_quoted(list, NULL, like->class_name[i]));
    return nn_node_add(map, "classes", list);
}

static int add_context(nn_node *map, const nn_like *like) {
    return nn_node_add_text(map, "context", nn_pool_printf(map->pool, "%" PRId64, like->x->dim[0]));
}

/* A text can become the model's tokens. */
static int check_text(const char *path, const nn_like *like) {
    const char *kind = tokens_of(like);
    bool known = nn_token_kind_of(kind) >= 0;

    if (known && (like->class_name || nn_tokens_are_bytes(kind)))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: the tokens of the model are '%s'%s: give a stream of them (.h5), as it was "
                   "trained on, in the place of a text",
                   path, kind,
                   known ? " without a vocabulary (classes)" : ", numbers of somebody else's");
}

static int add_text_keys(nn_node *map, const char *path, const nn_like *like) {
    NN_TRY(check_text(path, like));
    NN_TRY(nn_node_add_text(map, "tokens", tokens_of(like)));
    NN_TRY(add_context(map, like));
    return like->class_name ? add_vocabulary(map, like) : NN_OK;
}

static int copy_array_keys(nn_node *map, const nn_node *data) {
    static const char *const keys[] = {"x", "y", "w", "len"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        NN_TRY(copy_key(map, data, keys[i]));
    return NN_OK;
}

/* The map but for a table's answer. */
static int samples_node(nn_pool *pool, const char *path, const nn_like *like, nn_node **out) {
    const nn_source_ops *ops = nn_source_of(path);

    *out = nn_node_map(pool);
    NN_TRY(*out ? nn_node_add_quoted(*out, "path", path) : NN_EMEMORY);
    if (!like)
        return NN_OK;
    NN_TRY(copy_key(*out, like->data, "first_label"));
    if (!nn_layout_is_evident(like->x))
        NN_TRY(copy_key(*out, like->data, "layout"));
    if (ops == &nn_source_csv)
        return add_table_keys(*out, like);
    if (ops == &nn_source_libsvm) {
        NN_TRY(nn_node_add_text(*out, "values", like->values ? "true" : "false"));
        return nn_node_add_text(*out, "features",
                                nn_pool_printf(pool, "%zu", nn_shape_count(like->x)));
    }
    if (ops == &nn_source_text)
        return add_text_keys(*out, path, like);
    if (ops == &nn_source_hdf5 && like->tokens)
        return add_context(*out, like);
    if (ops == &nn_source_npz && has_source(like->data, "npz"))
        return copy_array_keys(*out, like->data);
    if (ops != &nn_source_images)
        return NN_OK;
    if (has_source(like->data, "images"))
        NN_TRY(copy_key(*out, like->data, "fit"));
    return add_size(*out, like->x);
}

int nn_dataset_node(nn_pool *pool, const char *path, const nn_like *as, nn_node **out) {
    nn_like one = as ? like_one(as) : (nn_like){0}, *like = as ? &one : NULL;

    NN_TRY(samples_node(pool, path, like, out));
    if (!like || nn_source_of(path) != &nn_source_csv || !has_source(like->data, "csv"))
        return NN_OK;
    NN_TRY(copy_key(*out, like->data, "label"));
    NN_TRY(copy_key(*out, like->data, "target"));
    return like->features ? NN_OK : copy_key(*out, like->data, "drop");
}

/* The columns of a table that are no features, by their names or numbers. */
static int add_answers(nn_node *map, const nn_like *like) {
    static const char *const keys[] = {"drop", "label", "target"};
    const char *list = NULL;

    for (size_t i = 0; has_source(like->data, "csv") && i < sizeof keys / sizeof *keys; i++) {
        const nn_node *key = nn_node_get(like->data, keys[i]);
        if (!key || key->kind != NN_NODE_SCALAR || nn_node_is_null(key))
            continue;
        list = nn_pool_printf(map->pool, "%s%s%s", list ? list : "", list ? "," : "", key->text);
        if (!list)
            return NN_EMEMORY;
    }
    if (list)
        NN_TRY(nn_node_add_text(map, "answers", list));
    return nn_node_add_text(map, "features",
                            nn_pool_printf(map->pool, "%zu", nn_shape_count(like->x)));
}

static int open_samples(nn_pool *pool, const char *path, bool other_files, const nn_like *like,
                        nn_dataset **out) {
    const nn_source_ops *ops = nn_source_of(path);
    nn_node *data = NULL;

    NN_TRY(samples_node(pool, path, like, &data));
    if (other_files)
        NN_TRY(allow_other_files(data));
    if (ops == &nn_source_csv || ops == &nn_source_text)
        NN_TRY(nn_node_add_text(data, "unlabelled", "true"));
    if (ops == &nn_source_csv)
        NN_TRY(add_answers(data, like));
    return nn_dataset_open(data, NULL, out);
}

int nn_dataset_open_samples(const char *path, bool other_files, const nn_like *like,
                            nn_dataset **out) {
    nn_pool pool = {0};
    nn_like samples = like_one(like);
    int rc;

    *out = NULL;
    samples.values = true; /* a number that is no class of the model's does no harm */
    rc = open_samples(&pool, path, other_files, &samples, out);
    nn_pool_release(&pool);
    return rc;
}
