/* Files in LIBSVM's format: a letter that says what rows begin with, then the file. */
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

static void import(const nn_libsvm_options *options) {
    nn_dataset *ds;

    if (nn_importer_libsvm.run(options, "output.h5") < 0)
        return;
    sandbox_expect(nn_dataset_open_path("output.h5", &ds) == 0, "what was imported can be read");
    nn_dataset_close(ds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    nn_libsvm_options options = {
        .path = "input.svm", .values = data[0] == 'v', .features = data[0] == 'f' ? 9 : 0};
    sandbox_put("input.svm", data + 1, size - 1);
    sandbox_watch(true);
    import(&options);
    sandbox_watch(false);
    return 0;
}
