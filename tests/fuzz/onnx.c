/* Models of ONNX, as nnmpi and as others write them: what is read can be written, and is then read
 * as the same. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    nn_portable p;

    sandbox_put("input.onnx", data, size);
    sandbox_watch(true);
    if (nn_import_onnx(&p, "input.onnx") == 0)
        write_again(&p);
    nn_portable_release(&p);
    sandbox_watch(false);
    return 0;
}
