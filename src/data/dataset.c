#include "data/dataset.h"

#include "base/log.h"
#include "data/convert.h"
#include "data/importers/csv_reader.h"
#include "data/sources/sources.h"
#include "io/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool nn_split_has_labels(const nn_split *split) {
    return split->has_y && nn_dtype_is_integer(split->y.type) &&
           (split->y.shape.rank == 0 || split->positions > 0);
}

const nn_field *nn_split_field(const nn_split *split, char field) {
    switch (field) {
    case 'x':
        return &split->x;
    case 'y':
        return &split->y;
    case 'w':
        return &split->w;
    default:
        return &split->length;
    }
}

int64_t nn_split_steps(const nn_split *split) {
    const nn_shape *x = &split->x.shape;

    return x->rank == 1 || x->rank == 2 ? x->dim[0] : 0;
}

bool nn_split_masks_labels(const nn_split *split) {
    return split->has_length && split->positions > 0 && split->positions == nn_split_steps(split);
}

int nn_dataset_lengths(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                       const void *stored, int32_t *out) {
    int64_t steps = nn_split_steps(split);

    for (int64_t i = 0; i < count; i++) {
        int64_t length = nn_stored_integer(split->length.type, stored, (size_t)i);
        if (length < 1 || length > steps)
            return nn_fail(NN_EFORMAT,
                           "%s: /%s/len row %" PRId64 " is %" PRId64
                           "; sequences of x have 1 to %" PRId64 " steps",
                           ds->path, split->name, first + i, length, steps);
        out[i] = (int32_t)length;
    }
    return NN_OK;
}

const nn_split *nn_dataset_split(const nn_dataset *ds, const char *name) {
    for (size_t i = 0; i < ds->splits; i++)
        if (strcmp(ds->split[i].name, name) == 0)
            return &ds->split[i];
    return NULL;
}

static int no_split(int code, const nn_dataset *ds, const char *name) {
    char names[64] = "";

    for (size_t i = 0; i < ds->splits; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", ds->split[i].name);
    }
    return nn_fail(code, "%s: no split '%s'; it has %s", ds->path, name, names);
}

int nn_dataset_find(const nn_dataset *ds, const char *name, const nn_split **split) {
    *split = nn_dataset_split(ds, name);
    return *split ? NN_OK : no_split(NN_EFORMAT, ds, name);
}

int nn_dataset_choose(const nn_dataset *ds, const char *name, const nn_split **split) {
    *split = nn_dataset_split(ds, name ? name : "test");
    if (!*split && name)
        return no_split(NN_EUSAGE, ds, name);
    if (!*split)
        *split = &ds->split[0];
    return NN_OK;
}

static int shift_labels(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                        void *stored) {
    size_t positions = nn_split_positions(split), at;

    if (nn_stored_subtract(split->y.type, stored, (size_t)count * positions,
                           ds->settings.first_label, &at))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: /%s/y row %" PRId64 " holds %" PRId64 ", but the first label is %" PRId64
                   " (data.first_label)",
                   ds->path, split->name, first + (int64_t)(at / positions),
                   nn_stored_integer(split->y.type, stored, at), ds->settings.first_label);
}

/* Labels as the classes of the model that have their names. */
static int match_labels(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                        void *stored) {
    const nn_match *m = &ds->match;
    size_t positions = nn_split_positions(split);

    for (size_t i = 0; i < (size_t)count * positions; i++) {
        int64_t label = nn_stored_integer(split->y.type, stored, i);
        if (label < 0 || label >= m->classes)
            continue;
        if (m->class_of[label] == NN_NO_CLASS)
            return nn_fail(NN_EFORMAT,
                           "%s: /%s/y row %" PRId64
                           " is of class '%s', which the model was not trained on: it knows %s",
                           ds->path, split->name, first + (int64_t)(i / positions), m->name[label],
                           m->known);
        nn_stored_set(split->y.type, stored, i, m->class_of[label]);
    }
    return NN_OK;
}

/* The columns of rows [F] or [T, F] in the order of the model. */
static void match_columns(const nn_dataset *ds, const nn_field *x, int64_t count, void *stored) {
    const nn_match *m = &ds->match;
    size_t size = nn_dtype_size(x->type), bytes = ds->features * size;
    size_t steps = (size_t)count * (x->row_bytes / bytes);

    for (unsigned char *step = stored; steps > 0; steps--, step += bytes) {
        memcpy(m->row, step, bytes);
        for (size_t f = 0; f < ds->features; f++)
            memcpy(step + f * size, m->row + m->feature_of[f] * size, size);
    }
}

int nn_dataset_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                    int64_t count, void *out) {
    NN_TRY(ds->ops->read(ds, split, field, first, count, out));
    if (field == 'x' && ds->match.feature_of)
        match_columns(ds, &split->x, count, out);
    if (field != 'y' || !nn_split_has_labels(split))
        return NN_OK;
    if (ds->settings.first_label > 0)
        NN_TRY(shift_labels(ds, split, first, count, out));
    return ds->match.classes ? match_labels(ds, split, first, count, out) : NN_OK;
}

static bool same_shape(const nn_shape *a, const nn_shape *b) {
    bool same = a->rank == b->rank;

    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

/* What a loader relies on for any source. */
static int check_split(const nn_dataset *ds, const nn_split *split) {
    const nn_split *other = &ds->split[0];
    char a[NN_SHAPE_TEXT], b[NN_SHAPE_TEXT];

    if (!same_shape(&split->x.shape, &other->x.shape))
        return nn_fail(NN_EFORMAT, "%s: a row of /%s/x is %s but one of /%s/x is %s", ds->path,
                       split->name, nn_shape_text(&split->x.shape, a), other->name,
                       nn_shape_text(&other->x.shape, b));
    if (!split->has_y || !other->has_y)
        return NN_OK;
    if (!same_shape(&split->y.shape, &other->y.shape))
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

const char *const nn_layout_names[] = {"auto", "channels_first", "channels_last", NULL};

static bool can_be_channels(int64_t dim) {
    return dim == 1 || dim == 3 || dim == 4;
}

int nn_layout_of(const nn_shape *stored) {
    bool first = stored->rank == 3 && can_be_channels(stored->dim[0]);
    bool last = stored->rank == 3 && can_be_channels(stored->dim[2]);

    return first == last ? NN_LAYOUT_AUTO : first ? NN_LAYOUT_FIRST : NN_LAYOUT_LAST;
}

/* Images and the maps that layers make of them are often square, and have fewer channels than rows
 * or columns more often than not. Who is asked in vain writes one word; who is not asked may train
 * on nonsense. */
bool nn_layout_in_doubt(const nn_shape *stored) {
    const int64_t *dim = stored->dim;

    if (stored->rank != 3 || nn_layout_of(stored) != NN_LAYOUT_AUTO)
        return false;
    if (can_be_channels(dim[0]))
        return true;
    return dim[1] != dim[2] && (dim[0] == dim[1] || dim[2] < dim[0]);
}

int nn_dataset_check_layout(const nn_dataset *ds) {
    char text[NN_SHAPE_TEXT];

    if (!ds->layout_open)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: are the channels of images %s the first dimension or the last? Say "
                   "layout: channels_first or layout: channels_last under data, or give the file "
                   "an attribute layout",
                   ds->path, nn_shape_text(&ds->split[0].x.shape, text));
}

/* The row that the `data:` map means; `path` alone is an HDF5 file, or what its name says. */
static int pick_source(nn_node *data, const nn_source_ops **ops) {
    nn_node *source = nn_node_get(data, "source"), *path;
    const nn_entry *row;

    if (data->kind != NN_NODE_MAP)
        return nn_node_fail(data, "data is a map, e.g. {path: mnist.h5} or {source: iris}");
    if (!source) {
        if (!nn_node_get(data, "path"))
            return nn_node_fail(data, "data says neither path: FILE.h5 nor source: NAME");
        path = nn_node_get(data, "path");
        source =
            nn_node_scalar(data->pool, nn_csv_has_name(path->text) ? nn_source_csv.entry.name
                                                                   : nn_source_hdf5.entry.name);
        if (!source)
            return NN_EMEMORY;
        NN_TRY(nn_node_add(data, "source", source));
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

const nn_option nn_data_options[] = {
    {"augment", NN_OPT_NODE, offsetof(nn_data_settings, augment), "", NULL,
     "how training samples are changed at random, a list of augmentations: [shift: {pixels: 2}, "
     "flip]"},
    {"normalize", NN_OPT_CHOICE, offsetof(nn_data_settings, normalize), "false",
     "false|true|all|per_channel",
     "subtract the mean of the training samples and divide by their standard deviation. true or "
     "per_channel: of each feature of a table or sequence, of each channel of images; all: of all "
     "numbers together. Stored with the checkpoints"},
    {"layout", NN_OPT_CHOICE, offsetof(nn_data_settings, layout), "auto",
     "auto|channels_first|channels_last",
     "are stored images [C, H, W] or [H, W, C]? auto: as the file's attribute layout says, else "
     "that of the first and the last dimension which is 1, 3 or 4, else channels_first, or an "
     "error where that is in doubt"},
    {"first_label", NN_OPT_INT, offsetof(nn_data_settings, first_label), "0", "[0, 1e9]",
     "the label of the first class: 1 where labels are 1 to C"},
    {"other_files", NN_OPT_BOOL, offsetof(nn_data_settings, other_files), "false", NULL,
     "follow links, virtual data sets and external storage of an HDF5 file into other files"},
    {"memory", NN_OPT_REAL, offsetof(nn_data_settings, memory), "", "(0, inf)",
     "MiB that the samples of a split may take in memory; more are read from the file as training "
     "goes on, and shuffled in a buffer of half of that. Without it they may take half of the "
     "machine's memory"},
    {"prefetch", NN_OPT_CHOICE, offsetof(nn_data_settings, prefetch), "auto", "auto|true|false",
     "does a thread of each rank prepare the next minibatches? auto: with data.memory, and where "
     "there are more cores than threads of all ranks"},
    NN_OPTION_END,
};

/* Whoever goes from CSV to HDF5 leaves them behind. */
static int refuse_csv_keys(const nn_dataset *ds, const nn_node *data) {
    static const char *const keys[] = {"label", "target", "drop", "header", "delimiter"};

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
    return nn_options_bind(binding, 2, data, what, also);
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

    if (rc < 0 && path && !nn_file_exists(path->text))
        nn_node_prefix(name_script(rc, path), path);
    return rc;
}

static int open_augment(nn_dataset *ds) {
    nn_shape x = nn_channels_last(ds->split[0].x.shape);

    return nn_augment_parse(ds->settings.augment, &x, &ds->pool, &ds->augment);
}

int nn_dataset_open(nn_node *data, nn_dataset **out) {
    const nn_source_ops *ops = &nn_source_hdf5;
    nn_dataset *ds = NULL;
    void *options;
    int rc;

    *out = NULL;
    NN_TRY(pick_source(data, &ops));
    NN_TRY(NN_NEW(&ds, 1, "data set"));
    ds->ops = ops;
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

/* As data.other_files: true does. */
static int allow_other_files(nn_node *data) {
    nn_node *yes = nn_node_scalar(data->pool, "true");

    return yes ? nn_node_add(data, "other_files", yes) : NN_EMEMORY;
}

int nn_dataset_open_path(const char *path, nn_dataset **out) {
    return nn_dataset_open_linked(path, false, out);
}

int nn_dataset_open_linked(const char *path, bool other_files, nn_dataset **out) {
    nn_pool pool = {0};
    nn_node *data = NULL;
    int rc = nn_dataset_node(&pool, path, NULL, NULL, &data);

    *out = NULL;
    if (rc >= 0 && nn_csv_has_name(path))
        rc = nn_fail(NN_EUSAGE,
                     "%s is CSV: nnmpi data import csv %s --label COLUMN -O FILE.h5 makes a data "
                     "set of it",
                     path, path);
    if (rc >= 0 && other_files)
        rc = allow_other_files(data);
    if (rc >= 0)
        rc = nn_dataset_open(data, out);
    nn_pool_release(&pool);
    return rc;
}

static int copy_key(nn_node *to, const nn_node *from, const char *key) {
    const nn_node *value = nn_node_get(from, key);
    nn_node *copy;

    if (!value || value->kind != NN_NODE_SCALAR || nn_node_is_null(value))
        return NN_OK;
    copy = nn_node_scalar(to->pool, value->text);
    if (!copy)
        return NN_EMEMORY;
    copy->quoted = value->quoted;
    return nn_node_add(to, key, copy);
}

static bool has_source(const nn_node *data, const char *name) {
    const nn_node *source = nn_node_get(data, "source");

    return source && source->kind == NN_NODE_SCALAR && strcmp(source->text, name) == 0;
}

/* Rows of images of shape [C, H, W] say by themselves where their channels stand. */
static bool shape_speaks(const nn_shape *x) {
    return x && x->rank == 3 && can_be_channels(x->dim[0]) && !can_be_channels(x->dim[1]) &&
           !can_be_channels(x->dim[2]);
}

int nn_dataset_node(nn_pool *pool, const char *path, const nn_node *like, const nn_shape *x,
                    nn_node **out) {
    static const char *const csv[] = {"label", "target", "drop", "header", "delimiter", NULL};
    nn_node *text = nn_node_scalar(pool, path);

    *out = nn_node_map(pool);
    if (!text || !*out)
        return NN_EMEMORY;
    text->quoted = true;
    NN_TRY(nn_node_add(*out, "path", text));
    NN_TRY(copy_key(*out, like, "first_label"));
    if (!shape_speaks(x))
        NN_TRY(copy_key(*out, like, "layout"));
    for (size_t i = 0; nn_csv_has_name(path) && has_source(like, "csv") && csv[i]; i++)
        NN_TRY(copy_key(*out, like, csv[i]));
    return NN_OK;
}

int nn_dataset_open_samples(const char *path, bool other_files, const nn_node *like,
                            const nn_shape *x, nn_dataset **out) {
    nn_pool pool = {0};
    nn_node *data = NULL, *alone = NULL, *yes = nn_node_scalar(&pool, "true");
    int rc = yes ? nn_dataset_node(&pool, path, like, x, &data) : NN_EMEMORY;
    bool answers = rc >= 0 && (nn_node_get(data, "label") || nn_node_get(data, "target"));

    *out = NULL;
    if (rc >= 0 && other_files)
        rc = allow_other_files(data);
    if (rc >= 0 && (answers || !nn_csv_has_name(path)))
        rc = nn_dataset_open(data, out);
    if (nn_csv_has_name(path) && (rc == NN_EUSAGE || !answers) && !*out) {
        rc = nn_dataset_node(&pool, path, NULL, NULL, &alone);
        if (rc >= 0)
            rc = nn_node_add(alone, "unlabelled", yes);
        if (rc >= 0)
            rc = nn_dataset_open(alone, out);
    }
    nn_pool_release(&pool);
    return rc;
}

void nn_dataset_say_unused(const nn_dataset *ds) {
    if (ds->unused)
        nn_info("%s: only x, y, w and len of a split are read; %s stay in the file, unused",
                ds->path, ds->unused);
}

void nn_dataset_close(nn_dataset *ds) {
    if (!ds)
        return;
    ds->ops->close(ds);
    nn_pool_release(&ds->pool);
    nn_free(ds);
}
