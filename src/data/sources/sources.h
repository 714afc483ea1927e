/* The rows of sources.c, and the HDF5 source that others build on. */
#ifndef NN_DATA_SOURCES_SOURCES_H
#define NN_DATA_SOURCES_SOURCES_H

#include "data/dataset.h"

extern const nn_family nn_sources; /* one row a source */

extern const nn_source_ops nn_source_hdf5, nn_source_iris, nn_source_csv, nn_source_idx,
    nn_source_images, nn_source_libsvm, nn_source_npy, nn_source_npz, nn_source_text,
    nn_source_mixture, nn_source_synthetic, nn_source_inline, nn_source_memory;

/* What reads the file that `path` alone names: its name says so. */
const nn_source_ops *nn_source_of(const char *path);

/* The HDF5 source for a file chosen otherwise: fills ds and its state. `context`: tokens of a
 * window of a stream; 0: as the file says. */
int nn_hdf5_attach(nn_dataset *ds, const char *path, int64_t context);
/* What has one of two attributes (the second may be NULL), from an array of a split outwards to its
 * group and the root; NULL: none. The path may be written to `path` [NN_FIELD_PATH]. */
const char *nn_hdf5_nearest(const nn_dataset *ds, const nn_split *split, char field, const char *a,
                            const char *b, char *path);
/* Layout, scale, names of classes and columns, once the splits are known. */
int nn_hdf5_read_attributes(nn_dataset *ds);
int nn_hdf5_read(const nn_dataset *ds, const nn_split *split, char field, int64_t first,
                 int64_t count, void *out);
int nn_hdf5_files(const nn_dataset *ds, const nn_split *split, int64_t first, int64_t count,
                  nn_pool *pool, char **out);
void nn_hdf5_close(nn_dataset *ds);

/* Of a source that is imported: writes `out` with its options. */
int nn_source_import(const nn_dataset *ds, const void *options, const char *out);
/* The HDF5 source for a file that `write` makes for the purpose. */
typedef int nn_write_fn(const void *ctx, const char *file);
int nn_temporary_attach(nn_dataset *ds, nn_write_fn *write, const void *ctx);

#endif
