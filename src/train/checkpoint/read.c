#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/contents.h"
#include "train/checkpoint/layout.h"
#include "train/checkpoint/trailer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than there are ranks of any run. */
#define MOST_BORDERS ((size_t)1 << 20)

/* At most so many numbers of this very type. */
static int read_array(nn_h5 *file, nn_pool *pool, const char *path, nn_dtype type, size_t most,
                      void **out, size_t *count) {
    nn_h5_info info;

    NN_TRY(nn_h5_info_of(file, path, &info));
    *count = nn_info_count(&info);
    if (info.type != type || *count > most)
        return nn_fail(NN_EFORMAT, "%s: %s has %zu numbers of %s, not up to %zu of %s",
                       nn_h5_path(file), path, *count, nn_dtype_name(info.type), most,
                       nn_dtype_name(type));
    *out = nn_pool_alloc(pool, *count * nn_dtype_size(type) + 1);
    if (!*out)
        return NN_EMEMORY;
    NN_TRY(nn_h5_read(file, path, 0, nn_info_rows(&info), type, *out));
    return NN_OK;
}

/* A pair of arrays with numbers for the samples' channels or elements; count 0: the file has none.
 */
static int read_pair(nn_h5 *file, nn_pool *pool, const nn_shape *x, const char *const path[2],
                     size_t *count, void *value[2]) {
    size_t second, most = nn_shape_count(x);
    char text[NN_SHAPE_TEXT];

    *count = 0;
    if (!nn_h5_exists(file, path[0]))
        return NN_OK;
    NN_TRY(read_array(file, pool, path[0], NN_F64, most, &value[0], count));
    NN_TRY(read_array(file, pool, path[1], NN_F64, most, &value[1], &second));
    if (second != *count || !nn_affine_fits(second, x))
        return nn_fail(NN_EFORMAT,
                       "%s: %s has %zu numbers and %s %zu, which does not fit samples %s",
                       nn_h5_path(file), path[0], *count, path[1], second, nn_shape_text(x, text));
    return NN_OK;
}

/* The shape of a sample, as large as one can be. */
static int read_shape(nn_h5 *file, nn_pool *pool, nn_shape *x) {
    char text[NN_SHAPE_TEXT];
    size_t rank = 0;
    void *dim;

    if (!nn_h5_exists(file, "/data/shape"))
        return NN_OK;
    NN_TRY(read_array(file, pool, "/data/shape", NN_I64, NN_MAX_RANK, &dim, &rank));
    memcpy(x->dim, dim, rank * sizeof(int64_t));
    x->rank = (int)rank;
    bool possible = nn_shape_fits(x, 1);
    for (size_t i = 0; i < rank; i++)
        possible = possible && x->dim[i] > 0;
    return possible ? NN_OK
                    : nn_fail(NN_EFORMAT, "%s: /data/shape is %s, which no sample has",
                              nn_h5_path(file), nn_shape_text(x, text));
}

/* The shards of the ranks, where they moved. */
static int read_shards(nn_h5 *file, nn_pool *pool, nn_snapshot *read) {
    void *shards = NULL;

    read->borders = 0;
    if (nn_h5_exists(file, "/shards"))
        NN_TRY(read_array(file, pool, "/shards", NN_I64, MOST_BORDERS, &shards, &read->borders));
    read->shards = shards;
    return NN_OK;
}

/* The arrays below /data. */
static int read_data(nn_h5 *file, nn_pool *pool, nn_data_traits *data) {
    static const char *const affine[2] = {"/data/scale", "/data/offset"};
    static const char *const normal[2] = {"/data/mean", "/data/std"};
    void *pair[2] = {NULL, NULL};

    NN_TRY(read_shape(file, pool, &data->x));
    NN_TRY(read_pair(file, pool, &data->x, affine, &data->affine.count, pair));
    data->affine.scale = pair[0];
    data->affine.offset = pair[1];
    NN_TRY(read_pair(file, pool, &data->x, normal, &data->normal.count, pair));
    data->normal.mean = pair[0];
    data->normal.std = pair[1];
    for (size_t i = 0; i < data->normal.count; i++)
        if (!(data->normal.std[i] > 0))
            return nn_fail(NN_EFORMAT, "%s: element %zu of /data/std is %g; it should be above 0",
                           nn_h5_path(file), i, data->normal.std[i]);
    return NN_OK;
}

/* A text that not every checkpoint has; NULL: this one has none. */
static int read_optional(const nn_contents *contents, const char *path, const char **out) {
    char *text = NULL;

    if (nn_h5_exists(contents->file, path))
        NN_TRY(nn_h5_read_text(contents->file, path, contents->pool, &text));
    *out = text;
    return NN_OK;
}

/* Fills `read` with everything but the vectors. */
static int read_head(nn_contents *contents, nn_snapshot *read) {
    char *config, *history;

    NN_TRY(nn_contents_list(contents));
    NN_TRY(nn_attributes_read(contents->file, contents->pool, read));
    NN_TRY(read_data(contents->file, contents->pool, &read->data));
    NN_TRY(read_shards(contents->file, contents->pool, read));
    NN_TRY(nn_h5_read_text(contents->file, "/config", contents->pool, &config));
    NN_TRY(nn_h5_read_text(contents->file, "/history", contents->pool, &history));
    read->config = config;
    read->history = history;
    NN_TRY(read_optional(contents, "/kernels", &read->kernels));
    NN_TRY(read_optional(contents, "/link", &read->link));
    return NN_OK;
}

/* ---- into the model ---------------------------------------------------------------------------
 */

static const char *shape_of(const nn_h5_info *info, char text[NN_SHAPE_TEXT]) {
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; i < info->rank && length < NN_SHAPE_TEXT; i++)
        length += (size_t)snprintf(text + length, NN_SHAPE_TEXT - length, "%s%" PRId64,
                                   i ? ", " : "", info->dim[i]);
    return text;
}

static bool same_shape(const nn_h5_info *a, const nn_h5_info *b) {
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

int nn_entry_check_shape(nn_h5 *file, const nn_entry_data *entry, nn_h5_info *info) {
    char found[NN_SHAPE_TEXT], wanted[NN_SHAPE_TEXT];

    NN_TRY(nn_h5_info_of(file, entry->path, info));
    if (same_shape(info, &entry->info))
        return NN_OK;
    return nn_fail(NN_EFORMAT, "%s: %s is [%s], the model has [%s]", nn_h5_path(file), entry->path,
                   shape_of(info, found), shape_of(&entry->info, wanted));
}

static int read_tensor(nn_h5 *file, const nn_entry_data *entry) {
    nn_h5_info info;
    float *floats;
    int rc;

    NN_TRY(nn_entry_check_shape(file, entry, &info));
    NN_TRY(NN_NEW(&floats, entry->param->count, "a tensor as float32"));
    rc = nn_h5_read(file, entry->path, 0, nn_info_rows(&info), NN_F32, floats);
    if (rc == NN_OK)
        nn_param_import(entry->param, floats, entry->tensor);
    nn_free(floats);
    return rc;
}

/* Whether a path of `wanted` begins with the first `length` characters of `path`. */
static bool has_prefix(const nn_entries *wanted, const char *path, size_t length) {
    for (size_t i = 0; i < wanted->count; i++) {
        if (strncmp(wanted->entry[i].path, path, length) == 0)
            return true;
    }
    return false;
}

static int fail_other(nn_h5 *file, const char *path, bool layer_known, const char *who) {
    const char *layer = path + strlen("/model/"), *slash = strrchr(path, '/');

    if (layer_known)
        return nn_fail(NN_EFORMAT, "%s is a checkpoint of another model: %s no parameter %s",
                       nn_h5_path(file), who, path);
    return nn_fail(NN_EFORMAT, "%s is a checkpoint of another model: %s no layer '%.*s'",
                   nn_h5_path(file), who, (int)(slash - layer), layer);
}

/* The file has the parameters of the model, all of them and no others. */
static int check_names(const nn_contents *contents, const nn_entries *wanted) {
    char group[1024];

    for (size_t i = 0; i < wanted->count; i++) {
        const char *path = wanted->entry[i].path;
        snprintf(group, sizeof group, "%.*s", (int)(strrchr(path, '/') - path), path);
        if (!nn_h5_exists(contents->file, path))
            return fail_other(contents->file, path, nn_h5_exists(contents->file, group), "it has");
    }
    for (size_t i = 0; i < contents->count; i++) {
        const char *path = contents->path[i];
        if (strncmp(path, "/model/", strlen("/model/")) == 0 &&
            !has_prefix(wanted, path, strlen(path) + 1))
            return fail_other(contents->file, path,
                              has_prefix(wanted, path, (size_t)(strrchr(path, '/') - path) + 1),
                              "the model has");
    }
    return NN_OK;
}

static int read_vector(nn_h5 *file, const nn_entries *list) {
    for (size_t i = 0; i < list->count; i++)
        NN_TRY(read_tensor(file, &list->entry[i]));
    return NN_OK;
}

static int read_slot(const nn_contents *contents, const nn_snapshot *read, const nn_snapshot *into,
                     size_t i) {
    nn_entries wanted = {.pool = contents->pool};
    char *group = nn_pool_printf(contents->pool, "/optimizer/%s", into->slot_names[i]);

    if (!group)
        return NN_EMEMORY;
    if (!nn_h5_exists(contents->file, group))
        return nn_fail(
            NN_EFORMAT,
            "%s holds no optimiser state '%s': it was written by '%s' without it; go on with that "
            "optimiser, or begin a new run in another folder with its parameters: "
            "init: {from: %s}",
            nn_h5_path(contents->file), into->slot_names[i], read->optimizer,
            nn_h5_path(contents->file));
    NN_TRY(nn_entries_add_vector(&wanted, group, into->model, into->slot[i]));
    NN_TRY(read_vector(contents->file, &wanted));
    return NN_OK;
}

static int read_vectors(const nn_contents *contents, const nn_snapshot *read,
                        const nn_snapshot *into) {
    nn_entries wanted = {.pool = contents->pool};

    NN_TRY(nn_entries_add_vector(&wanted, "/model", into->model, into->params));
    NN_TRY(check_names(contents, &wanted));
    NN_TRY(read_vector(contents->file, &wanted));
    for (size_t i = 0; i < into->slots; i++)
        NN_TRY(read_slot(contents, read, into, i));
    return NN_OK;
}

/* ---- the ways in ------------------------------------------------------------------------------
 */

int nn_checkpoint_load(const char *path, nn_pool *pool, nn_snapshot *snapshot) {
    nn_snapshot read = *snapshot;
    nn_contents contents = {.pool = pool};
    int rc;

    NN_TRY(nn_h5_open(path, &contents.file));
    NN_TRY_GOTO(read_head(&contents, &read));
    if (snapshot->model)
        NN_TRY_GOTO(read_vectors(&contents, &read, snapshot));
    if (snapshot->model)
        NN_TRY_GOTO(nn_contents_read_residuals(&contents, snapshot, &read.residual));
    *snapshot = read;
done:
    nn_h5_close(contents.file);
    return rc;
}

int nn_checkpoint_read(const char *path, nn_pool *pool, nn_snapshot *snapshot) {
    NN_TRY(nn_trailer_check(path));
    return nn_checkpoint_load(path, pool, snapshot);
}

/* Whether the file has a data set of the entry's path and shape. */
static bool fits(nn_h5 *file, const nn_entry_data *entry) {
    nn_h5_info info;

    if (!nn_h5_exists(file, entry->path) || nn_h5_info_of(file, entry->path, &info) != NN_OK)
        return false;
    return same_shape(&info, &entry->info);
}

/* A tensor that several layers share may have the name of any of them in the file: the entry takes
 * that of `layer` (NULL: of any), if it is there, else of the first whose is. */
static int choose_name(const nn_contents *contents, const nn_model *model, const char *layer,
                       nn_entry_data *entry) {
    const char *found = NULL;
    const nn_param *name;

    for (size_t i = 0; (name = nn_model_param_named(model, entry->param, i)); i++) {
        const char *path =
            nn_pool_printf(contents->pool, "/model/%s/%s", name->layer->name, name->name);
        if (!path)
            return NN_EMEMORY;
        bool wanted = layer && strcmp(name->layer->name, layer) == 0;
        if (nn_h5_exists(contents->file, path) && (!found || wanted))
            found = path;
    }
    if (found)
        entry->path = found;
    return NN_OK;
}

/* Every tensor of the model that the file has. */
static int read_fitting(const nn_contents *contents, const nn_model *model, const nn_entries *all) {
    size_t taken = 0;

    for (size_t i = 0; i < all->count; i++) {
        NN_TRY(choose_name(contents, model, NULL, &all->entry[i]));
        if (!fits(contents->file, &all->entry[i]))
            continue;
        NN_TRY(read_tensor(contents->file, &all->entry[i]));
        taken++;
    }
    if (taken == 0)
        return nn_fail(NN_EUSAGE, "init: no layer of %s has the name and shape of one of the model",
                       nn_h5_path(contents->file));
    return NN_OK;
}

static bool is_of_layer(const nn_model *model, const nn_param *param, const char *layer) {
    const nn_param *name;

    for (size_t i = 0; (name = nn_model_param_named(model, param, i)); i++)
        if (strcmp(name->layer->name, layer) == 0)
            return true;
    return false;
}

/* Every tensor of one layer of the model. */
static int read_layer(const nn_contents *contents, const nn_model *model, const nn_entries *all,
                      const nn_node *layer) {
    size_t taken = 0;

    for (size_t i = 0; i < all->count; i++) {
        nn_entry_data *entry = &all->entry[i];
        if (!is_of_layer(model, entry->param, layer->text))
            continue;
        NN_TRY(choose_name(contents, model, layer->text, entry));
        if (!nn_h5_exists(contents->file, entry->path))
            return nn_fail(NN_EFORMAT, "%s has no %s", nn_h5_path(contents->file), entry->path);
        NN_TRY(read_tensor(contents->file, entry));
        taken++;
    }
    if (taken == 0)
        return nn_node_fail(layer, "the model has no layer '%s' with parameters", layer->text);
    return NN_OK;
}

static int read_layers(const nn_contents *contents, const nn_model *model, const nn_entries *all,
                       const nn_node *layers) {
    if (!layers)
        return read_fitting(contents, model, all);
    for (size_t i = 0; i < layers->count; i++)
        NN_TRY(read_layer(contents, model, all, layers->item[i]));
    return NN_OK;
}

int nn_checkpoint_read_layers(const char *path, const nn_model *model, const nn_node *layers,
                              nn_real *params) {
    nn_pool pool = {0};
    nn_contents contents = {.pool = &pool};
    nn_entries all = {.pool = &pool};
    nn_snapshot read = {0};
    int rc;

    NN_TRY(nn_trailer_check(path));
    NN_TRY(nn_h5_open(path, &contents.file));
    NN_TRY_GOTO(read_head(&contents, &read));
    NN_TRY_GOTO(nn_entries_add_vector(&all, "/model", model, params));
    NN_TRY_GOTO(read_layers(&contents, model, &all, layers));
done:
    nn_h5_close(contents.file);
    nn_pool_release(&pool);
    return rc;
}

int nn_checkpoint_peek(const char *path, nn_pool *pool, nn_snapshot *snapshot) {
    nn_snapshot read = {0};

    NN_TRY(nn_checkpoint_read(path, pool, &read));
    *snapshot = read;
    return NN_OK;
}

static int digest_parameters(nn_contents *contents, char hex[65]) {
    nn_snapshot read = {0};
    nn_digest *digest;
    int rc;

    NN_TRY(read_head(contents, &read));
    NN_TRY(nn_digest_new(&digest));
    rc = nn_contents_hash(contents, digest);
    nn_digest_end(digest, hex);
    return rc;
}

int nn_checkpoint_digest(const char *path, char hex[65]) {
    nn_pool pool = {0};
    nn_contents contents = {.pool = &pool};
    int rc;

    hex[0] = '\0';
    NN_TRY(nn_trailer_check(path));
    NN_TRY(nn_h5_open(path, &contents.file));
    NN_TRY_GOTO(digest_parameters(&contents, hex));
done:
    nn_h5_close(contents.file);
    nn_pool_release(&pool);
    return rc;
}
