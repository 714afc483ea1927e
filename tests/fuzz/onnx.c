/* Models of ONNX, as nnmpi and as others write them: what is read can be written, and is then read
 * as the same. */
#include "exchange/onnx/file.h"
#include "exchange/onnx/schema.h"
#include "exchange/portable.h"
#include "sandbox.h"
#include "target.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    sandbox_enter();
    return 0;
}

static void write_again(nn_portable *p) {
    nn_portable again = {0};

    if (nn_export_onnx(p, "output.onnx") < 0)
        return; /* ONNX does not have every layer that a configuration may name */
    sandbox_expect(nn_import_onnx(&again, "output.onnx") == 0, "what was written can be read");
    nn_portable_release(&again);
}

static void try_file(const void *data, size_t size) {
    nn_portable p;

    sandbox_put("input.onnx", data, size);
    sandbox_watch(true);
    if (nn_import_onnx(&p, "input.onnx") == 0)
        write_again(&p);
    nn_portable_release(&p);
    sandbox_watch(false);
}

/* What nnmpi notes counts only with the right digest, which is not found by trying. */
static void try_with_digest(const uint8_t *data, size_t size) {
    nn_pool pool = {0};
    nn_onnx_file file;
    nn_bytes model = {0}, entry = {0};
    char hex[NN_DIGEST_HEX];

    if (nn_onnx_parse(&pool, "input.onnx", data, size, &file) == 0 && file.about &&
        nn_onnx_digest(&file, file.about, hex) == 0) {
        nn_pb_put_text(&entry, NN_ENTRY_KEY, NN_ONNX_ABOUT_DIGEST);
        nn_pb_put_text(&entry, NN_ENTRY_VALUE, hex);
        nn_bytes_put(&model, data, size);
        nn_pb_put_message(&model, NN_MODEL_METADATA, &entry);
        try_file(model.at, model.count);
    }
    nn_bytes_release(&model);
    nn_pool_release(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_file(data, size);
    try_with_digest(data, size);
    return 0;
}
