#include "train/run/kept.h"

#include <stdio.h>
#include <string.h>

static size_t vectors_of(const nn_snapshot *snapshot) {
    return 1 + snapshot->slots;
}

bool nn_kept_fits(const nn_snapshot *snapshot) {
    return nn_model_size(snapshot->model) <= NN_KEPT_BYTES / sizeof(nn_real) / vectors_of(snapshot);
}

int nn_kept_take(nn_kept *kept, const nn_snapshot *snapshot) {
    size_t size = nn_model_size(snapshot->model);
    nn_real *to;

    kept->full = false;
    if (!kept->memory)
        NN_TRY(NN_NEW(&kept->memory, vectors_of(snapshot) * size + 1, "the best checkpoint"));
    kept->snapshot = *snapshot;
    kept->snapshot.params = to = kept->memory;
    memcpy(to, snapshot->params, size * sizeof *to);
    for (size_t i = 0; i < snapshot->slots; i++) {
        kept->snapshot.slot[i] = to += size;
        memcpy(to, snapshot->slot[i], size * sizeof *to);
    }
    if (snapshot->kernels) {
        snprintf(kept->kernels, sizeof kept->kernels, "%s", snapshot->kernels);
        kept->snapshot.kernels = kept->kernels;
    }
    kept->full = true;
    return NN_OK;
}

void nn_kept_release(nn_kept *kept) {
    nn_free(kept->memory);
    *kept = (nn_kept){0};
}
