/* Files of other formats as data sets: the importer of the same name makes a temporary file. */
#include "data/importers/importer.h"
#include "data/sources/sources.h"

/* An import on its way. */
struct import {
    const nn_importer_ops *importer;
    const void *options;
};

static int import(const void *ctx, const char *file) {
    const struct import *i = ctx;
    return i->importer->run(i->options, file);
}

/* Messages name the input: the first text among the options, a file or a folder. */
static const char *input_of(const nn_option *table, const void *options) {
    for (; table->key; table++) {
        const char *const *text = (const void *)((const char *)options + table->offset);
        if (table->type == NN_OPT_STRING && *text)
            return *text;
    }
    return "data";
}

static const nn_importer_ops *importer_of(const nn_dataset *ds) {
    return (const nn_importer_ops *)(const void *)nn_family_find(&nn_importers,
                                                                 ds->ops->entry.name);
}

int nn_source_import(const nn_dataset *ds, const void *options, const char *out) {
    return nn_importer_run(importer_of(ds), options, out);
}

static int import_open(nn_dataset *ds, const void *options) {
    const nn_importer_ops *importer = importer_of(ds);

    ds->path = nn_pool_strdup(&ds->pool, input_of(importer->entry.options, options));
    if (!ds->path)
        return NN_EMEMORY;
    return nn_temporary_attach(ds, import, &(struct import){importer, options});
}

/* Numbers are the names of the classes, whichever is the first. */
static int import_open_named(nn_dataset *ds, const void *options) {
    NN_TRY(import_open(ds, options));
    if (ds->class_names)
        ds->settings.first_label = 0;
    return NN_OK;
}

#define SOURCE(kind, open_function, help)                                                          \
    const nn_source_ops nn_source_##kind = {                                                       \
        .entry = {#kind, help, nn_##kind##_table, sizeof(nn_##kind##_options)},                    \
        .open = open_function,                                                                     \
        .read = nn_hdf5_read,                                                                      \
        .files = nn_hdf5_files,                                                                    \
        .close = nn_hdf5_close,                                                                    \
        .converts = true,                                                                          \
    }

SOURCE(csv, import_open_named, "The rows of a CSV file as the split train.");
SOURCE(idx, import_open, "MNIST and its relatives as they come: IDX files, gzip'd or not.");
SOURCE(images, import_open,
       "A folder of PNG and JPEG files, a folder a class. Each run decodes them anew: "
       "`nnmpi data import images` does it once.");
SOURCE(libsvm, import_open_named, "The rows of a file in LIBSVM's format as the split train.");
SOURCE(npy, import_open, "An array of NumPy as the samples of the split train.");
SOURCE(npz, import_open, "Arrays of NumPy in one file.");
SOURCE(text, import_open, "A text as windows of tokens, to learn which one comes next.");
