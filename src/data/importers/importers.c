#include "data/importers/importer.h"

static const nn_entry *const rows[] = {
    &nn_importer_idx.entry,    &nn_importer_csv.entry,
    &nn_importer_images.entry, &nn_importer_libsvm.entry,
    &nn_importer_npy.entry,    &nn_importer_npz.entry,
    &nn_importer_text.entry,   NULL,
};

const nn_family nn_importers = {"importer", rows};
