/* Data sets in HDF5: /train/x [N, ...], /train/y [N] or [N, d], /train/w [N], /train/len [N] and
 * /train/file [N], or a stream of tokens /train/tokens [n]; /valid and /test alike.
 */
#include "data/output.h"
#include "data/sources/describe.h"
#include "data/sources/sources.h"
#include "data/sources/windows.h"
#include "io/files/file.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct hdf5_options {
    const char *path;
    int64_t train_samples, context;
} hdf5_options;

static const nn_option hdf5_table[] = {
    {"path", NN_OPT_STRING, offsetof(hdf5_options, path), NULL, NULL,
     "HDF5 file with /train/x [N, ...], /train/y [N] or [N, d], and /valid, /test alike"},
    {"train_samples", NN_OPT_INT, offsetof(hdf5_options, train_samples), "0", "[0, inf)",
     "train on the first so many samples only; 0: all"},
    {"context", NN_OPT_INT, offsetof(hdf5_options, context), "0", "[0, 65536]",
     "tokens of a window, where the file has a stream of tokens (/train/tokens); 0: as its "
     "attribute context says, else 64"},
    NN_OPTION_END,
};

static const char *const split_names[NN_MAX_SPLITS] = {"train", "valid", "test"};

static int refuse_texts(nn_dataset *ds, const char *split) {
    char name[NN_FIELD_PATH];

    if (!nn_h5_holds_texts(ds->state, nn_field_path(split, 'y', name)))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "data set '%s' of '%s' holds strings where numbers are needed: write classes as "
                   "0, 1, 2 ... and their names as an attribute classes (numpy: classes, y = "
                   "np.unique(y, return_inverse=True)), or read them from CSV",
                   name, ds->path);
}

static int open_field(nn_dataset *ds, nn_split *split, char field) {
    char path[NN_FIELD_PATH];
    nn_h5_info info;

    nn_field_path(split->name, field, path);
    if (!nn_h5_exists(ds->state, path))
        return NN_OK;
    if (field == 'y')
        NN_TRY(refuse_texts(ds, split->name));
    NN_TRY(nn_h5_info_of(ds->state, path, &info));
    NN_TRY(nn_split_describe(ds, split, field, &info));
    return NN_OK;
}

enum { MANY = 160 /* characters of names */ };

static bool has_name(const char *list, const char *name) {
    size_t length = strlen(name);

    for (const char *at = list; *at && (at = strstr(at, name)) != NULL; at++)
        if ((at == list || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static int add_unused(nn_dataset *ds, const char *name) {
    const char *before = ds->unused ? ds->unused : "";

    if (has_name(before, name) || has_name(before, "..."))
        return 0;
    if (strlen(before) > MANY)
        name = "...";
    ds->unused = nn_pool_printf(&ds->pool, "%s%s%s", before, *before ? ", " : "", name);
    return ds->unused ? 0 : NN_EMEMORY;
}

/* A data set of another name is no error, but its author may think it is used. What is called
 * `file` may be anything, which open_files finds out. */
static int look_at(void *ctx, const char *name, bool is_group) {
    nn_dataset *ds = ctx;

    (void)is_group;
    if (strcmp(name, "file") == 0)
        ds->split[ds->splits].has_file = true;
    else if (strcmp(name, "len") != 0 && strcmp(name, "tokens") != 0 &&
             !(strlen(name) == 1 && strchr("xyw", name[0])))
        return add_unused(ds, name);
    return 0;
}

/* Names of files are a text for each sample that is stored. */
static int open_files(nn_dataset *ds, nn_split *split) {
    char path[NN_FIELD_PATH];

    if (!split->has_file)
        return NN_OK;
    nn_field_path(split->name, NN_FIELD_FILE, path);
    split->has_file = split->tokens == 0 && nn_h5_is_text_list(ds->state, path, split->samples);
    return split->has_file ? NN_OK : add_unused(ds, "file");
}

/* Refuses arrays beside a stream of tokens: they belong to samples that are stored. */
static int refuse_beside(nn_dataset *ds, const char *split) {
    static const char fields[] = {'x', 'y', 'w', NN_FIELD_LENGTH};
    char path[NN_FIELD_PATH];

    for (size_t i = 0; i < sizeof fields; i++)
        if (nn_h5_exists(ds->state, nn_field_path(split, fields[i], path)))
            return nn_fail(
                NN_EFORMAT,
                "%s: /%s has tokens and %s: the samples of a stream are its windows, and "
                "y the tokens that follow, each of weight 1; take one of the two out",
                ds->path, split, strrchr(path, '/') + 1);
    return NN_OK;
}

static int open_split(nn_dataset *ds, const char *name, int64_t context) {
    nn_split *split = &ds->split[ds->splits];
    char path[NN_FIELD_PATH];

    snprintf(path, sizeof path, "/%s", name);
    if (!nn_h5_exists(ds->state, path))
        return nn_h5_check_answers(ds->state);
    split->name = name;
    NN_TRY(nn_h5_list(ds->state, path, look_at, ds));
    bool has_x = nn_h5_exists(ds->state, nn_field_path(name, 'x', path));
    bool has_tokens = nn_h5_exists(ds->state, nn_field_path(name, NN_FIELD_TOKENS, path));
    NN_TRY(nn_h5_check_answers(ds->state));
    if (has_tokens) {
        NN_TRY(refuse_beside(ds, name));
        ds->splits++;
        NN_TRY(nn_windows_open(ds, split, context));
        return open_files(ds, split);
    }
    if (!has_x)
        return nn_fail(NN_EFORMAT, "%s: /%s holds no x [N, ...] and no tokens [n]", ds->path, name);
    NN_TRY(open_field(ds, split, 'x'));
    NN_TRY(open_field(ds, split, 'y'));
    NN_TRY(open_field(ds, split, 'w'));
    NN_TRY(open_field(ds, split, NN_FIELD_LENGTH));
    NN_TRY(open_files(ds, split));
    ds->splits++;
    return nn_h5_check_answers(ds->state);
}

static int name_group(void *ctx, const char *name, bool is_group) {
    char *text = ctx;
    size_t used = strlen(text);

    (void)is_group;
    snprintf(text + used, 128 - used, "%s/%s", used ? ", " : "", name);
    return used > 80;
}

static int no_splits(nn_dataset *ds) {
    char names[128] = "";

    (void)nn_h5_list(ds->state, "/", name_group, names);
    return nn_fail(NN_EFORMAT,
                   "%s: no /train: a data set has /train/x [N, ...] and /train/y [N] or [N, d]; "
                   "this file has %s",
                   ds->path, *names ? names : "nothing");
}

/* What people have instead is mostly a table, or arrays of numpy. */
static int explain_open(const char *path, int rc) {
    char what[600];

    if (nn_file_check(path, NN_EFORMAT) < 0 || nn_h5_is_file(path))
        return rc;
    snprintf(what, sizeof what, "%s", nn_error_message());
    return nn_fail(rc,
                   "%s: a table is read with source: csv, and arrays are written to HDF5 by h5py: "
                   "f[\"train/x\"], f[\"train/y\"] = x, y",
                   what);
}

/* Refused for tokens: it would shift those in y, but not those in x. */
static int check_first_label(const nn_dataset *ds) {
    if (!ds->tokens || ds->settings.first_label == 0)
        return NN_OK;
    return nn_fail(NN_EUSAGE,
                   "data.first_label = %" PRId64 " is for labels, but %s holds tokens, which count "
                   "from 0: leave it out",
                   ds->settings.first_label, ds->path);
}

int nn_hdf5_attach(nn_dataset *ds, const char *path, int64_t context) {
    nn_h5 *file = NULL;
    int rc = nn_h5_open(path, &file);

    if (rc < 0)
        return explain_open(path, rc);
    ds->state = file;
    if (ds->settings.other_files)
        nn_h5_allow_other_files(file);
    for (size_t i = 0; i < NN_MAX_SPLITS; i++)
        NN_TRY(open_split(ds, split_names[i], context));
    if (ds->splits == 0)
        return no_splits(ds);
    NN_TRY(nn_hdf5_read_attributes(ds));
    NN_TRY(check_first_label(ds));
    return nn_h5_check_answers(file);
}

static int limit_training(nn_dataset *ds, int64_t samples) {
    for (size_t i = 0; i < ds->splits; i++) {
        nn_split *split = &ds->split[i];
        if (strcmp(split->name, "train") != 0)
            continue;
        if (split->samples < samples)
            return nn_fail(NN_EUSAGE,
                           "data.train_samples = %" PRId64 ", but %s has only %" PRId64
                           " samples to train on",
                           samples, ds->path, split->samples);
        split->samples = samples;
    }
    return NN_OK;
}

/* Windows that are stored have their own length, which no context changes. */
static int check_context(const nn_dataset *ds, int64_t context) {
    const nn_split *first = &ds->split[0];
    char text[NN_SHAPE_TEXT];

    if (context == 0 || first->tokens > 0 ||
        (first->x.shape.rank == 1 && first->x.shape.dim[0] == context))
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: /%s/x is %s a sample, but windows of %" PRId64
                   " tokens (data.context, or the model's) are of a stream of tokens "
                   "(/train/tokens), or stored as samples of [%" PRId64 "]",
                   ds->path, first->name, nn_shape_text(&first->x.shape, text), context, context);
}

static int hdf5_open(nn_dataset *ds, const void *options) {
    const hdf5_options *o = options;

    ds->path = nn_pool_strdup(&ds->pool, o->path);
    if (!ds->path)
        return NN_EMEMORY;
    NN_TRY(nn_hdf5_attach(ds, ds->path, o->context));
    NN_TRY(check_context(ds, o->context));
    return o->train_samples ? limit_training(ds, o->train_samples) : NN_OK;
}

int nn_hdf5_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                 int64_t count, void *out) {
    char name[NN_FIELD_PATH];
    int rc;

    nn_h5_lock(); /* while minibatches are read, a checkpoint may be written */
    if (split->tokens > 0)
        rc = nn_windows_read(ds, split, field, first, count, out);
    else
        rc = nn_h5_read(ds->state, nn_field_path(split->name, field, name), first, count,
                        nn_split_field(split, field)->type, out);
    nn_h5_unlock();
    return rc;
}

int nn_hdf5_files(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                  nn_pool *pool, char **out) {
    char name[NN_FIELD_PATH];
    int rc;

    nn_h5_lock();
    rc = nn_h5_read_texts(ds->state, nn_field_path(split->name, NN_FIELD_FILE, name), first, count,
                          pool, out);
    nn_h5_unlock();
    return rc;
}

void nn_hdf5_close(nn_dataset *ds) {
    (void)nn_h5_close(ds->state);
    ds->state = NULL;
}

const nn_source_ops nn_source_hdf5 = {
    .entry = {"hdf5", "A data set in an HDF5 file; what `path` alone means.", hdf5_table,
              sizeof(hdf5_options)},
    .open = hdf5_open,
    .read = nn_hdf5_read,
    .files = nn_hdf5_files,
    .close = nn_hdf5_close,
    .converts = true,
};
