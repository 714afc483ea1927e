#include "data/sources/open.h"

#include "data/classes.h"
#include "data/importers/importer.h"
#include "data/sources/sources.h"
#include "data/split_options.h"
#include "data/values/layout.h"
#include "io/files/file.h"

#include <stdio.h>
#include <string.h>

/* What a loader relies on for any source. */
static int check_split(const nn_dataset *ds, const nn_split *split) {
    const nn_split *other = &ds->split[0];
    char a[NN_SHAPE_TEXT], b[NN_SHAPE_TEXT];

    if (!nn_shape_equal(&split->x.shape, &other->x.shape))
        return nn_fail(NN_EFORMAT, "%s: a row of /%s/x is %s but one of /%s/x is %s", ds->path,
                       split->name, nn_shape_text(&split->x.shape, a), other->name,
                       nn_shape_text(&other->x.shape, b));
    if (!split->has_y || !other->has_y)
        return NN_OK;
    if (!nn_shape_equal(&split->y.shape, &other->y.shape))
        return nn_fail(NN_EFORMAT, "%s: a row of /%s/y is %s but one of /%s/y is %s", ds->path,
                       split->name, nn_shape_text(&split->y.shape, a), other->name,
                       nn_shape_text(&other->y.shape, b));
    if (nn_split_has_labels(split) != nn_split_has_labels(other))
        return nn_fail(NN_EFORMAT, "%s: /%s/y is %s (%s) but /%s/y is %s (%s)", ds->path,
                       split->name, nn_dtype_name(split->y.type),
                       nn_split_has_labels(split) ? "labels" : "values", other->name,
                       nn_dtype_name(other->y.type),
                       nn_split_has_labels(other) ? "labels" : "values");
    return NN_OK;
}

/* The row that the `data:` map means; `path` alone is what its name says. */
static int pick_source(nn_node *data, const nn_source_ops **ops) {
    nn_node *source = nn_node_get(data, "source"), *path;
    const nn_entry *row;

    if (data->kind != NN_NODE_MAP)
        return nn_node_fail(data, "data is a map, e.g. {path: mnist.h5} or {source: iris}");
    if (!source) {
        if (!nn_node_get(data, "path"))
            return nn_node_fail(data, "data says neither path: FILE.h5 nor source: NAME");
        path = nn_node_get(data, "path");
        NN_TRY(nn_node_add_text(data, "source",
                                path->kind == NN_NODE_SCALAR ? nn_source_of(path->text)->entry.name
                                                             : nn_source_mixture.entry.name));
        source = nn_node_get(data, "source");
    }
    if (source->kind != NN_NODE_SCALAR)
        return nn_node_fail(source, "data.source is the name of a source; its options stand beside "
                                    "it, e.g. {source: csv, path: iris.csv, label: species}");
    row = nn_family_find(&nn_sources, source->text);
    if (!row)
        return nn_family_unknown(&nn_sources, source, source->text);
    *ops = (const nn_source_ops *)(const void *)row;
    return NN_OK;
}

/* Whoever goes from CSV to HDF5 leaves them behind. */
static int refuse_csv_keys(const nn_dataset *ds, const nn_node *data) {
    static const char *const keys[] = {"label",     "target",   "drop",        "categories",
                                       "embedding", "missing",  "standardize", "columns",
                                       "header",    "delimiter"};

    for (size_t i = 0; ds->ops == &nn_source_hdf5 && i < sizeof keys / sizeof *keys; i++) {
        const nn_node *value = nn_node_get(data, keys[i]);
        if (!value)
            continue;
        nn_node place = nn_node_key_place(value);
        return nn_node_fail(&place,
                            "unknown key '%s' of data source 'hdf5': it is for CSV files (source: "
                            "csv); an HDF5 file has samples in /train/x and labels or numbers to "
                            "predict in /train/y",
                            keys[i]);
    }
    return NN_OK;
}

/* data.split */
static int bind_split(nn_dataset *ds) {
    nn_node *map = ds->settings.split;

    if (map->kind != NN_NODE_MAP)
        return nn_node_fail(map, "data.split is a map, e.g. {valid: 0.1, test: 0.1}");
    ds->division = nn_pool_alloc(&ds->pool, sizeof *ds->division);
    if (!ds->division)
        return NN_EMEMORY;
    return nn_options_bind(&(nn_binding){nn_split_entry.options, ds->division}, 1, map,
                           "data.split", NULL);
}

static int bind_options(nn_dataset *ds, nn_node *data, void **options) {
    static const char *const also[] = {"source", NULL};
    static const nn_option none[] = {NN_OPTION_END};
    const nn_entry *entry = &ds->ops->entry;
    nn_binding binding[] = {{entry->options ? entry->options : none, NULL},
                            {nn_data_options, &ds->settings}};
    const char *what = nn_pool_printf(&ds->pool, "data source '%s'", entry->name);

    *options = nn_pool_alloc(&ds->pool, entry->size ? entry->size : 1);
    if (!*options || !what)
        return NN_EMEMORY;
    NN_TRY(refuse_csv_keys(ds, data));
    binding[0].out = *options;
    NN_TRY(nn_options_bind(binding, 2, data, what, also));
    return ds->settings.split ? bind_split(ds) : NN_OK;
}

/* Beside some configurations stands a script that gets their data. */
static int name_script(int rc, const nn_node *path) {
    char script[1024], message[1024];
    const char *slash;

    if (path->line == 0 || !path->file) /* of the command line */
        return rc;
    slash = strrchr(path->file, '/');
    snprintf(script, sizeof script, "%.*s/fetch.sh", slash ? (int)(slash - path->file) : 1,
             slash ? path->file : ".");
    if (!nn_file_exists(script))
        return rc;
    snprintf(message, sizeof message, "%s", nn_error_message());
    return nn_fail(rc, "%s; %s gets it", message, script);
}

/* A file that is not there is misspelt, most often: the message says where its name stands. */
static int open_source(nn_dataset *ds, const nn_node *data, const void *options) {
    const nn_node *path = nn_node_get(data, "path");
    int rc = ds->ops->open(ds, options);

    if (rc < 0 && path && path->kind == NN_NODE_SCALAR && !nn_file_exists(path->text))
        nn_node_prefix(name_script(rc, path), path);
    if (rc < 0 || !ds->division || ds->divided)
        return rc;
    return nn_node_fail(ds->settings.split,
                        "data.split divides what is read from other formats; the source '%s' has "
                        "its splits: nnmpi data split FILE.h5 divides an HDF5 file",
                        ds->ops->entry.name);
}

static int open_augment(nn_dataset *ds) {
    nn_shape x = nn_channels_last(ds->split[0].x.shape);

    return nn_augment_parse(ds->settings.augment, &x, &ds->pool, &ds->augment);
}

bool nn_dataset_is_hdf5(const nn_dataset *ds) {
    return ds->ops == &nn_source_hdf5;
}

bool nn_dataset_is_imported(const nn_dataset *ds) {
    return nn_family_find(&nn_importers, ds->ops->entry.name) != NULL;
}

bool nn_dataset_takes_import(nn_node *data) {
    nn_dataset ds = {.ops = &nn_source_hdf5};

    return pick_source(data, &ds.ops) == NN_OK && nn_dataset_is_imported(&ds);
}

int nn_dataset_import(nn_node *data, const char *out) {
    nn_dataset ds = {.ops = &nn_source_hdf5};
    void *options;
    int rc;

    NN_TRY_GOTO(pick_source(data, &ds.ops));
    NN_TRY_GOTO(bind_options(&ds, data, &options));
    if (nn_dataset_is_imported(&ds))
        rc = nn_source_import(&ds, options, out);
    else
        rc = nn_node_fail(data, "the source '%s' imports nothing", ds.ops->entry.name);
done:
    nn_pool_release(&ds.pool);
    return rc;
}

int nn_dataset_open(nn_node *data, const nn_data *given, nn_dataset **out) {
    const nn_source_ops *ops = &nn_source_hdf5;
    nn_dataset *ds = NULL;
    void *options;
    int rc;

    *out = NULL;
    NN_TRY(pick_source(data, &ops));
    NN_TRY(NN_NEW(&ds, 1, "data set"));
    ds->ops = ops;
    ds->given = given;
    NN_TRY_GOTO(bind_options(ds, data, &options));
    NN_TRY_GOTO(open_source(ds, data, options));
    for (size_t i = 1; i < ds->splits; i++)
        NN_TRY_GOTO(check_split(ds, &ds->split[i]));
    ds->named = ds->classes;
    ds->names = ds->class_names;
    ds->first_class = ds->settings.first_label;
    NN_TRY_GOTO(nn_dataset_scan_labels(ds));
    NN_TRY_GOTO(open_augment(ds));
    *out = ds;
    return NN_OK;
done:
    nn_dataset_close(ds);
    return rc;
}
