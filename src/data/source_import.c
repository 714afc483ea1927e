/* Files of other formats as data sets: imported to a temporary file that has no name any more when
 * it is in use. */
#include "data/import.h"
#include "data/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A private folder, so that the importer's own temporary names do not clash with another rank's. */
static int import_in(nn_dataset *ds, const nn_importer_ops *importer, const void *options,
                     const char *folder) {
    const char *file = nn_pool_printf(&ds->pool, "%s/data.h5", folder);
    int rc;

    if (!file)
        return NN_EMEMORY;
    NN_TRY(importer->run(options, file));
    rc = nn_hdf5_attach(ds, file);
    unlink(file);
    return rc;
}

static int import_and_attach(nn_dataset *ds, const nn_importer_ops *importer, const void *options) {
    const char *base = getenv("TMPDIR");
    char *folder = nn_pool_printf(&ds->pool, "%s/nnmpi-XXXXXX", base && *base ? base : "/tmp");
    int rc;

    if (!folder)
        return NN_EMEMORY;
    if (!mkdtemp(folder))
        return nn_fail(NN_EIO, "%s: no temporary folder can be made: %s", folder, strerror(errno));
    rc = import_in(ds, importer, options, folder);
    rmdir(folder);
    return rc;
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
    return import_and_attach(ds, importer, options);
}

static int csv_open(nn_dataset *ds, const void *options) {
    return open_imported(ds, &nn_importer_csv, options);
}

static int idx_open(nn_dataset *ds, const void *options) {
    return open_imported(ds, &nn_importer_idx, options);
}

const nn_source_ops nn_source_csv = {
    .entry = {"csv", "The rows of a CSV file as the split train.", nn_csv_table,
              sizeof(nn_csv_options)},
    .open = csv_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
};

const nn_source_ops nn_source_idx = {
    .entry = {"idx", "MNIST and its relatives as they come: IDX files, gzip'd or not.",
              nn_idx_table, sizeof(nn_idx_options)},
    .open = idx_open,
    .read = nn_hdf5_read,
    .close = nn_hdf5_close,
};
