/* IDX files: a byte with the length of the file of labels, that file, and the one of images. */
#include "data/importers/importer.h"
#include "data/sources/open.h"
#include "sandbox.h"
#include "target.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    sandbox_enter();
    return 0;
}

/* What was imported is a data set. */
static void check_output(void) {
    nn_dataset *ds;

    sandbox_expect(nn_dataset_open_path("output.h5", &ds) == 0, "what was imported can be read");
    nn_dataset_close(ds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const nn_idx_options options = {.train_images = "input-images", .train_labels = "input-labels"};
    size_t labels = size > 0 ? data[0] : 0;

    if (size < 1 + labels)
        return 0;
    sandbox_put("input-labels", data + 1, labels);
    sandbox_put("input-images", data + 1 + labels, size - 1 - labels);
    sandbox_watch(true);
    if (nn_importer_idx.run(&options, "output.h5") == 0)
        check_output();
    sandbox_watch(false);
    return 0;
}
