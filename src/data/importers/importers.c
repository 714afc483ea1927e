#include "data/importers/importer.h"
#include "io/files/file.h"

static const nn_entry *const rows[] = {
    &nn_importer_idx.entry,    &nn_importer_csv.entry,
    &nn_importer_images.entry, &nn_importer_libsvm.entry,
    &nn_importer_npy.entry,    &nn_importer_npz.entry,
    &nn_importer_text.entry,   NULL,
};

const nn_family nn_importers = {"importer", rows};

int nn_importer_run(const nn_importer_ops *importer, const void *options, const char *out) {
    for (const nn_option *o = importer->entry.options; o->key; o++) {
        const char *const *text = (const void *)((const char *)options + o->offset);
        if (o->type == NN_OPT_STRING && *text)
            NN_TRY(nn_file_spare(out, *text));
    }
    return importer->run(options, out);
}
