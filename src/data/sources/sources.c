#include "data/sources/sources.h"

static const nn_entry *const rows[] = {
    &nn_source_hdf5.entry,      &nn_source_iris.entry,
    &nn_source_csv.entry,       &nn_source_idx.entry,
    &nn_source_images.entry,    &nn_source_libsvm.entry,
    &nn_source_npy.entry,       &nn_source_npz.entry,
    &nn_source_text.entry,      &nn_source_mixture.entry,
    &nn_source_synthetic.entry, &nn_source_inline.entry,
    &nn_source_memory.entry,    NULL,
};

const nn_family nn_sources = {"data source", rows};
