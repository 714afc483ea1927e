/* Files of other formats as data sets: imported to a temporary file. */
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

static int open_imported(nn_dataset *ds, const nn_importer_ops *importer, const void *options) {
    ds->path = nn_pool_strdup(&ds->pool, input_of(importer->entry.options, options));
    if (!ds->path)
        return NN_EMEMORY;
    return nn_temporary_attach(ds, import, &(struct import){importer, options});
}

/* Numbers are the names of the classes, whichever is the first. */
static int open_named(nn_dataset *ds, const nn_importer_ops *importer, const void *options) {
    NN_TRY(open_imported(ds, importer, options));
    if (ds->class_names)
        ds->settings.first_label = 0;
    return NN_OK;
}

static int csv_open(nn_dataset *ds, const void *options) {
    return open_named(ds, &nn_importer_csv, options);
}

static int libsvm_open(nn_dataset *ds, const void *options) {
    return open_named(ds, &nn_importer_libsvm, options);
}

static int idx_open(nn_dataset *ds, const void *options) {
    return open_imported(ds, &nn_importer_idx, options);
}

static int images_open(nn_dataset *ds, const void *options) {
    return open_imported(ds, &nn_importer_images, options);
}

const nn_source_ops nn_source_csv = {
    .entry = {"csv", "The rows of a CSV file as the split train.", nn_csv_table,
              sizeof(nn_csv_options)},
    .open = csv_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
    .converts = true,
};

const nn_source_ops nn_source_idx = {
    .entry = {"idx", "MNIST and its relatives as they come: IDX files, gzip'd or not.",
              nn_idx_table, sizeof(nn_idx_options)},
    .open = idx_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
    .converts = true,
};

const nn_source_ops nn_source_images = {
    .entry = {"images",
              "A folder of PNG and JPEG files, a folder a class. Each run decodes them anew: "
              "`nnmpi data import images` does it once.",
              nn_images_table, sizeof(nn_images_options)},
    .open = images_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
    .converts = true,
};

const nn_source_ops nn_source_libsvm = {
    .entry = {"libsvm", "The rows of a file in LIBSVM's format as the split train.",
              nn_libsvm_table, sizeof(nn_libsvm_options)},
    .open = libsvm_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
    .converts = true,
};
