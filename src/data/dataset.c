#include "data/dataset.h"

#include "base/log.h"
#include "data/values/convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
     "are stored images [C, H, W] or [H, W, C], volumes [C, D, H, W] or [D, H, W, C]? auto: as the "
     "file's attribute layout says, else that of the first and the last dimension which is 1, 3 or "
     "4, else channels_first, or an error where that is in doubt"},
    {"first_label", NN_OPT_INT, offsetof(nn_data_settings, first_label), "0", "[0, 1e9]",
     "the label of the first class: 1 where labels are 1 to C"},
    {"other_files", NN_OPT_BOOL, offsetof(nn_data_settings, other_files), "false", NULL,
     "follow links, virtual data sets and external storage of an HDF5 file into other files"},
    {"split", NN_OPT_NODE, offsetof(nn_data_settings, split), "", NULL,
     "random parts of the training samples, of a text its end, become the splits valid and test, "
     "with the options of "
     "`nnmpi data split`: {valid: 0.1, test: 0.1, stratify: true}; not of an HDF5 file, which that "
     "command divides once"},
    {"memory", NN_OPT_REAL, offsetof(nn_data_settings, memory), "", "(0, inf)",
     "MiB that the samples of a split may take in memory; more are read from the file as training "
     "goes on, and shuffled in a buffer of half of that. Without it they may take half of the "
     "machine's memory"},
    {"prefetch", NN_OPT_CHOICE, offsetof(nn_data_settings, prefetch), "auto", "auto|true|false",
     "does a thread of each rank prepare the next minibatches? auto: with data.memory, and where "
     "there are more cores than threads of all ranks"},
    {"shuffle", NN_OPT_BOOL, offsetof(nn_data_settings, shuffle), "true", NULL,
     "draw a new order of the training samples for each epoch; false: always the order in which "
     "they are stored, in which minibatches are biased where samples are sorted"},
    {"when_changed", NN_OPT_CHOICE, offsetof(nn_data_settings, when_changed), "refuse",
     "refuse|accept",
     "with --resume, where the data are not those of the checkpoint any more, in size, type or "
     "values: refuse to go on, or say so and go on with these"},
    NN_OPTION_END,
};

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

const void *nn_dataset_rows(const nn_dataset *ds, const nn_split *split, char field) {
    bool changes = field == 'x' ? ds->match.feature_of != NULL
                                : field == 'y' && nn_split_has_labels(split) &&
                                      (ds->settings.first_label > 0 || ds->match.classes);

    return ds->ops->rows && !changes ? ds->ops->rows(ds, split, field) : NULL;
}

int nn_dataset_files(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                     nn_pool *pool, char **out) {
    return ds->ops->files(ds, split, first, count, pool, out);
}

int nn_dataset_check_layout(const nn_dataset *ds) {
    const nn_shape *x = &ds->split[0].x.shape;
    char text[NN_SHAPE_TEXT];

    if (!ds->layout_open)
        return NN_OK;
    return nn_fail(NN_EFORMAT,
                   "%s: are the channels of %s %s the first dimension or the last? Say "
                   "layout: channels_first or layout: channels_last under data, or give the file "
                   "an attribute layout",
                   ds->path, x->rank == 3 ? "images" : "volumes", nn_shape_text(x, text));
}

void nn_dataset_say_unused(const nn_dataset *ds) {
    for (size_t k = 0; k < ds->parts; k++)
        nn_dataset_say_unused(ds->part[k].ds);
    if (ds->unused)
        nn_info("%s: only %s of a split are read; %s stay in the file, unused", ds->path,
                ds->split[0].tokens > 0 ? "tokens" : "x, y, w and len", ds->unused);
}

void nn_dataset_close(nn_dataset *ds) {
    if (!ds)
        return;
    ds->ops->close(ds);
    nn_pool_release(&ds->pool);
    nn_free(ds);
}
