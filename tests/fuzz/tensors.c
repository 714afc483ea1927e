/* Files of tensors: a letter that says of which format, s or n, then the file. It is read as a
 * model that it may say it is of, and as parameters of another one. */
#include "io/tensors/tensors.h"

#include "exchange/portable.h"
#include "small_model.h"
#include "train/checkpoint/import_weights.h"

#include <string.h>

/* What was read can be written, and is then read as the same. */
static void write_again(nn_portable *p, const char *name) {
    nn_portable again = {0};
    bool none;

    sandbox_expect(nn_export_tensors(p, name) == 0, "what was read can be written");
    sandbox_expect(nn_import_tensors(&again, name, &none) == 0 && !none, "and read again");
    sandbox_expect(memcmp(again.params, p->params, nn_model_size(p->model) * sizeof(nn_real)) == 0,
                   "with the same parameters");
    nn_portable_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bool npz = size > 0 && data[0] == 'n', none;
    const char *name = npz ? "input.npz" : "input.safetensors";
    const nn_pretrained wanted = {.from = name};
    nn_portable p = {0};
    nn_real *params = NULL;

    if (size < 1)
        return 0;
    sandbox_put(name, data + 1, size - 1);
    sandbox_expect(NN_NEW(&params, nn_model_size(small), "parameters") == 0, "there is memory");
    sandbox_watch(true);
    if (nn_import_tensors(&p, name, &none) == 0 && !none)
        write_again(&p, npz ? "output.npz" : "output.safetensors");
    (void)nn_pretrained_read(&wanted, small, params);
    nn_portable_release(&p);
    nn_free(params);
    sandbox_watch(false);
    return 0;
}
